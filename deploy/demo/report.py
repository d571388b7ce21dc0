"""The demo's report: what became of the cases, in the terminal; and the digest that one seed always gives."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from rich.console import Console
from rich.table import Table

from services.console.ledger import DebtLine
from services.console.model import CaseLine, Stage
from services.console.reconcile import Check
from services.console.tables import decisions, funnel, money, outcomes
from shared.crypto.canonical import canonical

__all__ = ["Outcome", "digest", "show"]


@dataclass(slots=True)
class Outcome:
    """What a run came to, read from the topics and the database."""

    seed: int
    customers: int
    days: int
    cases: dict[str, CaseLine]
    debts: list[DebtLine]
    emitted: dict[str, Counter[str]]
    published: int
    records: int
    seconds: float
    checks: list[Check] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether every check passed."""
        return all(check.ok for check in self.checks)


def digest(outcome: Outcome) -> str:
    """Give the SHA-256 over the cases' outcomes and the debts' amounts, in the order of their ids."""
    cases = [
        [case, line.stage.value, sorted(s.value for s in line.reached), line.close_reason]
        for case, line in sorted(outcome.cases.items())
    ]
    debts = [
        [d.debt, *(str(m) for m in (d.opening, d.charges, d.corrections, d.paid, d.waived, d.outstanding))]
        for d in sorted(outcome.debts, key=lambda d: d.debt)
    ]
    return hashlib.sha256(canonical({"cases": cases, "debts": debts})).hexdigest()


def show(outcome: Outcome, console: Console) -> None:
    """Print the report."""
    console.rule(f"{outcome.customers} customers, {outcome.days} days, seed {outcome.seed}")
    console.print(outcomes(outcome.cases))
    console.print(funnel(outcome.cases))
    console.print(money(outcome.debts))
    console.print(decisions(outcome.emitted))
    rate = outcome.records / outcome.seconds if outcome.seconds else 0.0
    console.print(
        f"{outcome.records} messages on the topics in {outcome.seconds:.0f} s ({rate:.0f} a second),"
        f" {outcome.published} of them from the bank and the desk.",
        highlight=False,
    )
    console.print(_checks(outcome))
    console.print(f"Digest of outcomes and amounts: [bold]{digest(outcome)[:16]}[/]", highlight=False)


def _checks(outcome: Outcome) -> Table:
    table = Table(title="Checks, made from the topics and the database alone", title_justify="left")
    table.add_column("check")
    table.add_column("looked at", justify="right")
    table.add_column("wrong", justify="right")
    for check in outcome.checks:
        table.add_row(
            check.name,
            str(check.looked_at),
            f"[green]{check.wrong}[/]" if check.ok else f"[red]{check.wrong}[/]",
        )
    return table


def lines(checks: Sequence[Check]) -> list[str]:
    """Give every finding of every check as a line."""
    return [f"{check.name}: {finding}" for check in checks for finding in check.findings]


def told(outcome: Outcome) -> str | None:
    """Choose a case to tell: signed, and reached the most stages; the first of them by id."""
    signed = [(case, line) for case, line in outcome.cases.items() if Stage.PLAN in line.reached]
    chosen = signed or list(outcome.cases.items())
    return min(chosen, key=lambda item: (-len(item[1].reached), item[0]))[0] if chosen else None
