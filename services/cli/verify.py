"""`parley verify`: prove a file that the platform made with nothing but the file and a key from elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from services.cli.common import JsonFlag, fail, stderr, stdout

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from services.agreement.paper.check import Liable

__all__ = ["verify"]

_PDF = b"%PDF-"
# Fifty times as large as an agreement about nine debts over six years; what is larger keeps a parser busy.
_LARGEST = 64 << 20
_OVER = {"letter": "does not hold any more", "in_doubt": "may not hold any more"}


def verify(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="An agreement or a settlement letter (.pdf), or a bundle of `parley evidence` (.zip).",
        ),
    ],
    keys: Annotated[
        list[Path] | None,
        typer.Option("--key", help="The lender's public key (PEM), from the lender; repeat it for others."),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Prove that a file is complete and untouched, on any machine, without the platform.

    Exit code 0: it is. 1: it is not, and what is not right is named. The key must not come from the same hand
    as the file.
    """
    if not keys:
        raise fail("--key: is needed: a file cannot vouch for itself.", "Ask the lender for it.", code=2)
    try:
        match file.suffix.lower():
            case ".zip":
                from services.cli.evidence import verify_zip

                verify_zip(file, keys, as_json=as_json)
            case ".pdf":
                _pdf(file, keys, as_json)
            case suffix:
                ends = f"end with {suffix!r}" if suffix else "have no ending"
                raise fail(f"{file}: nothing is known of files that {ends}: .pdf and .zip are read.", code=2)
    except MemoryError:
        raise fail(f"{file}: is larger than what this machine can hold in memory.", code=2) from None


def _pdf(file: Path, keys: list[Path], as_json: bool) -> None:
    import orjson

    from services.agreement.paper.check import check_pdf
    from services.cli.keys import public_key

    try:
        if file.stat().st_size > _LARGEST:
            raise fail(f"{file}: is no document of a lender: none has more than {_LARGEST >> 20} MiB.")
        found = file.read_bytes()
    except OSError as error:
        raise fail(f"{file}: cannot be read ({error.strerror})", code=2) from None
    if not found.startswith(_PDF):
        raise fail(f"{file}: is no PDF (a changed first byte is a change, too).")
    reports = [check_pdf(found, public_key(key)) for key in keys]
    report = next((one for one in reports if not one.wrong), reports[0])
    if as_json:
        typer.echo(
            orjson.dumps(
                {
                    "kind": report.kind,
                    "content_hash": report.content_hash,
                    "lang": report.lang,
                    "signed": report.signed,
                    "signed_for": None
                    if report.signed_for is None
                    else {"acts_as": report.signed_for.acts_as, "by": report.signed_for.by},
                    "over": report.signatures.get("over"),
                    "liable": [
                        {"role": one.role, "party_id": one.party_id, "accepted": one.accepted}
                        for one in report.liable
                    ],
                    "wrong": [{"where": f.where, "what": f.what} for f in report.wrong],
                },
                option=orjson.OPT_INDENT_2,
            ).decode()
        )
    for finding in () if as_json else report.wrong:
        stderr.print(_printable(str(finding)), style="red", markup=False, highlight=False, soft_wrap=True)
    if report.wrong:
        raise fail("This file is not what the holder of the key made.")
    if not as_json:
        state = "signed by both parties" if report.kind == "agreement" else "signed by the lender"
        said = [
            f"Untouched. {report.kind}, {report.lang}: {state if report.signed else 'a draft, binds nobody'}."
            f" Content SHA-256 {report.content_hash}.{_over(report.signatures)}"
        ]
        if report.signed_for is not None:
            acting = report.signed_for
            said.append(
                f"Signed for the borrower: {acting.acts_as.replace('_', ' ')}, by authority {acting.by}."
            )
        for line in (*said, *map(_said_of, report.liable)):
            stdout.print(_printable(line), markup=False, highlight=False, soft_wrap=True)


def _printable(line: str) -> str:
    """What stands in a file from anywhere may not command the terminal of who checks it."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in line)


def _said_of(one: Liable) -> str:
    """Whether who owes or guarantees a debt beside the borrower agreed to the document."""
    if one.role == "guarantor":
        return f"Guarantor {one.party_id}: {'agreed in writing' if one.accepted else 'has not agreed'}."
    said = "signed, and is bound with the borrower" if one.accepted else "did not sign it, and owes as before"
    return f"Co-borrower {one.party_id}: {said}."


def _over(signatures: Mapping[str, Any]) -> str:
    """What the file says has become of the document by the time that it was made."""
    over = signatures.get("over")
    if not isinstance(over, dict):
        return ""
    why = _OVER.get(str(over.get("why")), "is over")
    return f" By its own word it {why} since {over.get('since')} ({over.get('why')})."
