"""`parley verify`: check a file that the platform has made, with a key that does not come from the file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Final

import typer

from services.cli.common import JsonFlag, fail, stderr, stdout

__all__ = ["verify"]


def verify(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="An agreement or a settlement letter (PDF).")],
    key: Annotated[
        Path, typer.Option("--key", help="The lender's public key, from somewhere else than the file.")
    ],
    as_json: JsonFlag = False,
) -> None:
    """Say whether a file is untouched since the lender made it, and who has signed what.

    Needs no server and nothing of the platform's data. Exit 1 where anything is wrong, naming all of it.
    """
    from services.cli.keys import public_key

    try:
        found = file.read_bytes()
    except OSError as error:
        raise fail(f"{file}: cannot be read ({error.strerror})", code=2) from None
    for beginning, check in _KINDS.items():
        if found.startswith(beginning):
            check(found, public_key(key), as_json)
            return
    raise fail(f"{file}: is no kind of file that can be checked (a changed first byte is a change, too).")


def _pdf(found: bytes, public: bytes, as_json: bool) -> None:
    import orjson

    from services.agreement.paper.check import check_pdf

    report = check_pdf(found, public)
    if as_json:
        typer.echo(
            orjson.dumps(
                {
                    "kind": report.kind,
                    "content_hash": report.content_hash,
                    "lang": report.lang,
                    "signed": report.signed,
                    "wrong": [{"where": f.where, "what": f.what} for f in report.wrong],
                },
                option=orjson.OPT_INDENT_2,
            ).decode()
        )
    for finding in () if as_json else report.wrong:
        stderr.print(str(finding), style="red", markup=False, highlight=False, soft_wrap=True)
    if report.wrong:
        raise fail("This file is not what the holder of the key made.")
    if not as_json:
        state = "signed by both parties" if report.kind == "agreement" else "signed by the lender"
        stdout.print(
            f"Untouched. {report.kind}, {report.lang}: {state if report.signed else 'a draft, binds nobody'}."
            f" Content SHA-256 {report.content_hash}.",
            markup=False, highlight=False, soft_wrap=True,
        )  # fmt: skip


_KINDS: Final[dict[bytes, Callable[[bytes, bytes, bool], None]]] = {b"%PDF-": _pdf}
"""What checks a file, by how the file begins."""
