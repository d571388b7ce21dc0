"""`parley verify`: prove a file with nothing but the file and a key. Which kind it is, its name says."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from services.cli.common import JsonFlag, fail

__all__ = ["verify"]


def verify(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A bundle of `parley evidence` (.zip).")],
    keys: Annotated[
        list[Path] | None,
        typer.Option("--key", help="The lender's public key (PEM), from the lender; repeat it for others."),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Prove that a file is complete and untouched, on any machine, without the platform.

    Exit code 0: it is. 1: it is not, and the first part that is not right is named. The key must not come
    from the same hand as the file.
    """
    if not keys:
        raise fail("--key: is needed: a file cannot vouch for itself.", "Ask the lender for it.", code=2)
    suffix = file.suffix.lower()
    if suffix == ".zip":
        from services.cli.evidence import verify_zip

        verify_zip(file, keys, as_json=as_json)
    else:
        raise fail(f"{file}: nothing is known of files that end with {suffix or 'nothing'!r}.", code=2)
