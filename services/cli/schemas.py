"""`parley schemas`: write the JSON Schemas of all messages, or check the ones that are there."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from services.cli.common import stderr, stdout
from shared.contracts.schemas import IncompatibleChange, compare_with, write_schemas

__all__ = ["schemas"]


def _folder() -> Path:
    import deploy

    return Path(deploy.__file__).parent / "schemas"


def schemas(
    check: Annotated[
        bool, typer.Option("--check", help="Only compare; exit 1 when a file is out of date.")
    ] = False,
    force: Annotated[
        bool,
        typer.Option("--force", help="Replace a message's schema although the change breaks its readers."),
    ] = False,
    folder: Annotated[
        Path | None, typer.Option("--folder", help="Where the schemas are; deploy/schemas if not given.")
    ] = None,
) -> None:
    """Write the JSON Schema of every message below deploy/schemas."""
    target = folder or _folder()
    if check:
        broken, stale = compare_with(target)
        for line in broken:
            stderr.print(f"incompatible: {line}", markup=False, highlight=False, soft_wrap=True)
        for name in stale:
            stderr.print(
                f"out of date: {name} (run: parley schemas)", markup=False, highlight=False, soft_wrap=True
            )
        if broken or stale:
            raise typer.Exit(1)
        stdout.print(f"schemas in {target} are up to date")
        return
    try:
        changed = write_schemas(target, force=force)
    except IncompatibleChange as error:
        for line in error.problems:
            stderr.print(f"incompatible: {line}", markup=False, highlight=False, soft_wrap=True)
        stderr.print("Nothing was written. Add a new version of the message instead (….v2).")
        raise typer.Exit(1) from None
    stdout.print(
        f"{len(changed)} schemas written below {target}" if changed else f"schemas in {target} are up to date"
    )
