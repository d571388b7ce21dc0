"""The demo's report: what became of the cases, in the terminal; and the digest that one seed always gives."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from rich.console import Console
from rich.table import Table

from services.console.ledger import FIGURES, DebtLine
from services.console.model import CaseLine, Stage
from services.console.reconcile import Check
from shared.contracts.registry import OPTIONAL
from shared.crypto.canonical import canonical
from shared.lending.money import Money

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


_FUNNEL = (
    ("overdue cases", None),
    ("statement asked", Stage.ASSESSMENT),
    ("assessed", Stage.ASSESSED),
    ("offer on the table", Stage.TALKS),
    ("agreed", Stage.AGREED),
    ("signed", Stage.PLAN),
)


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
    console.print(_outcomes(outcome))
    console.print(_funnel(outcome))
    console.print(_money(outcome))
    console.print(_decisions(outcome))
    rate = outcome.records / outcome.seconds if outcome.seconds else 0.0
    console.print(
        f"{outcome.records} messages on the topics in {outcome.seconds:.0f} s ({rate:.0f} a second),"
        f" {outcome.published} of them from the bank and the desk.",
        highlight=False,
    )
    console.print(_checks(outcome))
    console.print(f"Digest of outcomes and amounts: [bold]{digest(outcome)[:16]}[/]", highlight=False)


def _outcomes(outcome: Outcome) -> Table:
    table = Table(title="Cases by outcome", title_justify="left")
    table.add_column("stage")
    table.add_column("cases", justify="right")
    counted: Counter[str] = Counter()
    for line in outcome.cases.values():
        reason = f" ({line.close_reason})" if line.close_reason else ""
        counted[line.stage.value + reason] += 1
    for name, number in sorted(counted.items(), key=lambda item: (-item[1], item[0])):
        table.add_row(name, str(number))
    return table


def _funnel(outcome: Outcome) -> Table:
    table = Table(title="From overdue to kept", title_justify="left")
    table.add_column("step")
    table.add_column("cases", justify="right")
    table.add_column("share", justify="right")
    total = len(outcome.cases)
    steps: list[tuple[str, int]] = []
    for name, stage in _FUNNEL:
        reached = sum(1 for line in outcome.cases.values() if stage is None or stage in line.reached)
        steps.append((name, reached))
    kept = sum(
        1
        for line in outcome.cases.values()
        if Stage.PLAN in line.reached and Stage.BROKEN not in line.reached
    )
    steps.append(("kept so far", kept))
    for name, number in steps:
        table.add_row(name, str(number), f"{100 * number / total:.0f} %" if total else "–")
    return table


def _money(outcome: Outcome) -> Table:
    currencies = sorted({d.opening.currency for d in outcome.debts})
    table = Table(title="Money", title_justify="left")
    table.add_column("")
    for currency in currencies:
        table.add_column(currency, justify="right", no_wrap=True)
    sums = {
        (name, currency): Money.sum(
            (getattr(d, name) for d in outcome.debts if d.opening.currency == currency), currency
        )
        for name in FIGURES
        for currency in currencies
    }
    for name in FIGURES:
        table.add_row(name, *(f"{sums[name, c].to_decimal():,}" for c in currencies))
    table.add_row("recovered", *(_share(sums["paid", c], sums["opening", c]) for c in currencies))
    return table


def _share(part: Money, whole: Money) -> str:
    return f"{100 * part.minor / whole.minor:.1f} %" if whole.minor else "–"


def _decisions(outcome: Outcome) -> Table:
    table = Table(title="Decisions by service", title_justify="left")
    table.add_column("service")
    table.add_column("events", justify="right")
    table.add_column("most of them")
    for service, counts in outcome.emitted.items():
        if not counts and service in OPTIONAL:
            continue  # it did not run
        most = ", ".join(f"{_short(name)} {number}" for name, number in counts.most_common(5))
        table.add_row(service, str(sum(counts.values())), most)
    return table


def _short(type_: str) -> str:
    return ".".join(type_.split(".")[2:-1])


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
