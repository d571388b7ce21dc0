"""`parley policy check` and `parley policy show`: the packs, as the services would load them."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from services.cli.catalogue import policies_dir
from services.cli.common import JsonFlag, fail, stderr, stdout

__all__ = ["app"]

app = typer.Typer(help="Policy packs: check them, show what is in force.", no_args_is_help=True)

Folder = Annotated[
    Path | None,
    typer.Option(
        "--folder", envvar="PARLEY_POLICIES", help="Folder of the packs; the built-in ones if unset."
    ),
]


@app.command()
def check(folder: Folder = None) -> None:
    """List everything that is wrong with the packs; exit 1 if anything is."""
    from shared.policy.loader import PolicyBook
    from shared.policy.loader import check as problems_of

    where = policies_dir(folder)
    problems = problems_of(where)
    for problem in problems:
        stderr.print(str(problem), markup=False, highlight=False, soft_wrap=True)
    if problems:
        raise typer.Exit(1)
    packs = PolicyBook.load(where).pack_ids
    stdout.print(f"{len(packs)} packs can be used: {', '.join(packs)}", highlight=False)


@app.command()
def show(
    pack: Annotated[str, typer.Argument(help="The pack, e.g. cn-card.")],
    on: Annotated[str | None, typer.Option("--on", help="The day, YYYY-MM-DD; today if not given.")] = None,
    folder: Folder = None,
    as_json: JsonFlag = False,
) -> None:
    """Show every value of a pack in force on a day, with its clause and whether it was verified."""
    from shared.policy.loader import PolicyBook, PolicyError, explain

    try:
        day = date.fromisoformat(on) if on else date.today()  # noqa: DTZ011 - the user's own day
    except ValueError:
        raise fail(f"--on: {on!r} is not a date like 2026-01-31", code=2) from None
    try:
        found = PolicyBook.load(policies_dir(folder)).pack(pack)
    except PolicyError as error:
        raise fail(str(error)) from None
    rows = explain(found, day)
    if as_json:
        import orjson

        plain: list[dict[str, Any]] = [
            {
                "key": row.key,
                "value": row.value,
                "from": row.effective_from,
                "clause": row.clause,
                "source": row.source,
                "verified": row.verified,
            }
            for row in rows
        ]
        stdout.print_json(orjson.dumps(plain, default=str).decode())
        return
    table = Table(title=f"{pack}, in force on {day.isoformat()}", title_justify="left")
    for column in ("key", "value", "from", "clause", "verified"):
        table.add_column(column, overflow="fold")
    for row in rows:
        since = row.effective_from.isoformat() if row.effective_from else "–"
        table.add_row(row.key, str(row.value), since, row.clause, "yes" if row.verified else "no")
    stdout.print(table)
