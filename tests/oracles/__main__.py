"""``python -m tests.oracles DIR``: what the product computes against published figures, family by family.

Exit code 0 when every case in scope is equal, each family is as wide as it promises and nothing is left out
that may not be, 1 when not, 2 when the files are missing or damaged.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tests.oracles.families import FAMILIES
from tests.oracles.outcome import Family, Verdict
from tests.oracles.registry import OracleError, Report, judge_all, not_compared

_SHOWN = 5


def main(arguments: Sequence[str] | None = None, families: Sequence[Family] = FAMILIES) -> int:
    """Judge the families whose files are in the folder, print what was found, return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.oracles")
    parser.add_argument("folder", type=Path, help="where the files of cases are")
    parser.add_argument("--list", action="store_true", help="name every case that a rule leaves out")
    options = parser.parse_args(arguments)
    console = Console(soft_wrap=True, highlight=False)
    try:
        reports = judge_all(options.folder, families)
    except OracleError as error:
        console.print(f"[red]{escape(str(error))}")
        return 2
    console.print(_counts(reports))
    for report in reports:
        _details(console, report, every_id=options.list)
    absent = sorted({family.name for family in families} - {report.family.name for report in reports})
    if absent:
        console.print(f"no file in the folder: {escape(', '.join(absent))}")
    strange = not_compared(options.folder, families)
    if strange:
        console.print(f"not compared, for no family reads it: {escape(', '.join(strange))}")
    return 0 if all(report.holds for report in reports) else 1


def _counts(reports: Sequence[Report]) -> Table:
    table = Table("family", "cases", "in scope", "equal", "different", "out of scope", "share in scope")
    for report in reports:
        cases = len(report.outcomes)
        row = [cases, report.in_scope, len(report.ids(Verdict.EQUAL)), len(report.differing)]
        row.append(cases - report.in_scope)
        share = f"{100 * report.in_scope / cases:.1f} %"
        if report.family.least_in_scope:
            share += f" of at least {100 * report.family.least_in_scope:g} %"
        table.add_row(report.family.name, *map(str, row), share)
    return table


def _details(console: Console, report: Report, *, every_id: bool) -> None:
    name = escape(report.family.name)
    for rule, ids in report.rules.items():
        console.print(f"{name}: out of scope, {escape(rule)}: {len(ids)}")
        if every_id:
            console.print(f"  {escape(' '.join(ids))}")
    for case, why in report.differing[:_SHOWN]:
        console.print(f"[red]{name}: {escape(case)} differs: {escape(why)}")
    if len(report.differing) > _SHOWN:
        console.print(f"[red]{name}: and {len(report.differing) - _SHOWN} more")
    if report.missed:
        console.print(f"[red]{name}: left out, though it may not be: {escape(' '.join(report.missed))}")
    if not report.wide_enough:
        console.print(f"[red]{name}: too few cases are in scope")


if __name__ == "__main__":
    sys.exit(main())
