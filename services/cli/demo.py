"""`parley demo`: a year of renegotiation on a platform of its own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from services.cli.common import fail, guarded, stdout

if TYPE_CHECKING:
    from collections.abc import Iterator

    from deploy.demo.portfolio import Customer
    from deploy.demo.report import Outcome
    from shared.contracts.bank import AccountOverdue
    from shared.contracts.envelope import Envelope

__all__ = ["demo"]

DEMO_DATA = Path("var/demo")


def demo(
    customers: Annotated[int, typer.Option("--customers", min=1, help="How many customers at most.")] = 200,
    months: Annotated[int, typer.Option("--months", min=1, max=60, help="Months of 30 days to live.")] = 12,
    seed: Annotated[int, typer.Option("--seed", help="The same seed gives the same outcomes.")] = 1,
    source: Annotated[
        Path | None, typer.Option("--input", help="Real accounts (CSV or JSON Lines, also .gz).", exists=True)
    ] = None,
    mapping: Annotated[
        Path | None, typer.Option("--mapping", help="How the file's columns become messages.", exists=True)
    ] = None,
    data: Annotated[
        Path,
        typer.Option("--data", help="Folder of the demo's servers: emptied at the start, kept at the end."),
    ] = DEMO_DATA,
    processes: Annotated[bool, typer.Option("--processes", help="One process for each service.")] = False,
) -> None:
    """Live a year with simulated borrowers on the real platform, then report and check.

    Exit 1 when a check fails. `parley cases --data var/demo` and its like read the result afterwards.
    """
    if (source is None) != (mapping is None):
        raise fail("--input and --mapping belong together.", "deploy/mappings holds mappings.", code=2)
    portfolio = None if source is None or mapping is None else _from_file(source, mapping, customers, seed)

    async def work() -> Outcome:
        from deploy.demo.command import DemoOptions, run_demo
        from services.cli.catalogue import load_all

        options = DemoOptions(
            data=data,
            services=load_all(),
            customers=customers,
            months=months,
            seed=seed,
            portfolio=portfolio,
            processes=processes,
        )
        return await run_demo(options, stdout)

    outcome = guarded(work)
    _one_case(outcome, data)
    if not outcome.ok:
        for check in outcome.checks:
            for finding in check.findings:
                stdout.print(f"{check.name}: {finding}", markup=False, highlight=False, soft_wrap=True)
        raise fail("Something is wrong: see the findings above.")


def _one_case(outcome: Outcome, data: Path) -> None:
    """Show the story and the trace of one case that went far."""
    from deploy.demo.report import told

    case = told(outcome)
    if case is None:
        return
    from services.cli.reading import case as show_case
    from services.cli.reading import trace as show_trace

    stdout.rule("One case's story and trace")
    show_case(case, data=data)
    show_trace(case, data=data)
    stdout.print(f"More: parley cases --data {data}, parley case CASE --data {data}", highlight=False)


def _from_file(source: Path, mapping: Path, limit: int, seed: int) -> list[Customer]:
    from deploy.demo.portfolio import from_envelopes
    from services.cli.ingest.errors import MappingError, SourceError

    try:
        found = from_envelopes(_overdue(source, mapping), seed=seed, limit=limit)
    except (MappingError, SourceError) as error:
        raise fail(str(error), code=2) from None
    if not found:
        raise fail(f"{source}: no line became an overdue account.", "`parley publish --dry-run` says why.")
    return found


def _overdue(source: Path, mapping: Path) -> Iterator[Envelope[AccountOverdue]]:
    """Map the file's rows; bad ones are left to `parley publish`, which reports them."""
    from services.cli.ingest.events import Good, read_items
    from services.cli.ingest.mapping import load_mapping
    from services.cli.ingest.source import Source
    from shared.contracts.bank import AccountOverdue

    rules = load_mapping(mapping)
    with Source(source, encoding=rules.encoding, delimiter=rules.delimiter) as rows:
        for item in read_items(rows, rules):
            if isinstance(item, Good):
                yield from (e for e in item.envelopes if isinstance(e.data, AccountOverdue))
