"""Figures over all cases as tables: for `parley report`, and for the end of the demo."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import groupby

from rich.table import Table
from rich.text import Text

from services.console.effects import Feedback, Figure
from services.console.groups import LEAST_PLANS, GroupsAtRisk
from services.console.ledger import FIGURES, DebtLine
from services.console.mechanism import ReviewLine
from services.console.model import CaseLine, Stage
from services.console.refusals import ID_USED, NOT_ANSWERED, Refusal
from shared.contracts.registry import OPTIONAL
from shared.lending.money import Money

__all__ = [
    "decisions",
    "effects",
    "feedback",
    "funnel",
    "groups",
    "money",
    "outcomes",
    "refusals",
    "reviews",
    "sums",
]

_FEEDBACK_SHOWN = 5  # of each theme
_GROUPS_SHOWN = 10
_ID_SHORT = 8  # commands take the first characters of an id
_FUNNEL = (
    ("overdue cases", None),
    ("statement asked", Stage.ASSESSMENT),
    ("assessed", Stage.ASSESSED),
    ("offer on the table", Stage.TALKS),
    ("agreed", Stage.AGREED),
    ("signed", Stage.PLAN),
)


def outcomes(cases: Mapping[str, CaseLine]) -> Table:
    """Give how many cases stand where."""
    table = Table(title="Cases by outcome", title_justify="left")
    table.add_column("stage")
    table.add_column("cases", justify="right")
    counted: Counter[str] = Counter()
    for line in cases.values():
        reason = f" ({line.close_reason})" if line.close_reason else ""
        counted[line.stage.value + reason] += 1
    for name, number in sorted(counted.items(), key=lambda item: (-item[1], item[0])):
        table.add_row(name, str(number))
    return table


def funnel(cases: Mapping[str, CaseLine]) -> Table:
    """Give how many cases ever came how far."""
    table = Table(title="From overdue to kept", title_justify="left")
    table.add_column("step")
    table.add_column("cases", justify="right")
    table.add_column("share", justify="right")
    total = len(cases)
    steps: list[tuple[str, int]] = []
    for name, stage in _FUNNEL:
        reached = sum(1 for line in cases.values() if stage is None or stage in line.reached)
        steps.append((name, reached))
    kept = sum(
        1 for line in cases.values() if Stage.PLAN in line.reached and Stage.BROKEN not in line.reached
    )
    steps.append(("kept so far", kept))
    for name, number in steps:
        table.add_row(name, str(number), f"{100 * number / total:.0f} %" if total else "–")
    return table


def sums(debts: Sequence[DebtLine]) -> dict[str, dict[str, Money]]:
    """Give every figure of the debts added up, by currency: what is owed in two is never added."""
    return {
        currency: {
            name: Money.sum((getattr(d, name) for d in debts if d.opening.currency == currency), currency)
            for name in FIGURES
        }
        for currency in sorted({d.opening.currency for d in debts})
    }


def money(debts: Sequence[DebtLine]) -> Table:
    """Give what was owed, paid, waived and is left, by currency."""
    found = sums(debts)
    table = Table(title="Money", title_justify="left")
    table.add_column("")
    for currency in found:
        table.add_column(currency, justify="right", no_wrap=True)
    for name in FIGURES:
        table.add_row(name, *(f"{of[name].to_decimal():,}" for of in found.values()))
    table.add_row("recovered", *(_share(of["paid"], of["opening"]) for of in found.values()))
    return table


def _share(part: Money, whole: Money) -> str:
    return f"{100 * part.minor / whole.minor:.1f} %" if whole.minor else "–"


def decisions(emitted: Mapping[str, Counter[str]]) -> Table:
    """Give what each service has said most."""
    table = Table(title="Decisions by service", title_justify="left")
    table.add_column("service")
    table.add_column("events", justify="right")
    table.add_column("most of them")
    for service, counts in emitted.items():
        if not counts and service in OPTIONAL:
            continue  # it did not run
        most = ", ".join(f"{_short(name)} {number}" for name, number in counts.most_common(5))
        table.add_row(service, str(sum(counts.values())), most)
    return table


def _short(type_: str) -> str:
    return ".".join(type_.split(".")[2:-1])


def refusals(rows: Sequence[Refusal]) -> Table:
    """Give the messages that were understood and not acted on, and the case to read the last one in."""
    table = Table(title="Refused messages", title_justify="left")
    for column in ("service", "message", "reason", "field"):
        table.add_column(column, overflow="fold")
    table.add_column("count", justify="right")
    table.add_column("no open case", justify="right")
    table.add_column("last on", no_wrap=True)
    table.add_column("in case", no_wrap=True)
    for row in rows:
        without = str(row.without_case)
        table.add_row(
            row.service,
            row.message.removeprefix("parley.").removesuffix(".v1"),
            row.reason,
            row.field or "–",
            str(row.count),
            Text(without, style="bold red" if row.without_case else ""),
            str(row.last),
            row.case[:_ID_SHORT] or "–",
        )
    reasons = {row.reason for row in rows}
    table.caption = (
        "parley case ID shows the last of each, also where no case was opened; --json has the whole ids. "
        "What is mended goes under a new id: one that was refused is known, and passed over without a word"
        if rows
        else "none: every message was acted on, or is in the dead letters (parley dead list)"
    )
    if ID_USED in reasons:
        table.caption += f". {ID_USED}: says another thing than what had the id first, and was passed over"
    if NOT_ANSWERED in reasons:
        table.caption += f". {NOT_ANSWERED}: only notice says who may be contacted (parley run notice)"
    return table


def effects(figures: Sequence[Figure]) -> Table:
    """Give how well it works; a share of nothing is a dash."""
    table = Table(title="How well it works", title_justify="left")
    table.add_column("")
    table.add_column("figure")
    table.add_column("number", justify="right")
    table.add_column("of", justify="right")
    table.add_column("share or mean", justify="right")
    table.add_column("95 % between", justify="right")
    last = ""
    for row in figures:
        share = "" if row.of is None else f"{100 * row.count / row.of:.0f} %" if row.of else "–"
        mean = share if row.mean is None else str(row.mean)
        table.add_row(
            "" if row.group == last else row.group,
            row.name,
            str(row.count),
            "" if row.of is None else str(row.of),
            mean,
            "" if row.between is None else "–".join(f"{bound}" for bound in row.between) + " %",
        )
        last = row.group
    return table


def reviews(rows: Sequence[ReviewLine]) -> Table:
    """Give the reviews of the mechanism: what was decided, which values changed since, what is due."""
    table = Table(title="Reviews of the mechanism", title_justify="left")
    for column in ("pack", "on", "by", "decided", "changed since", "next", "state"):
        table.add_column(column, overflow="fold")
    for row in rows:
        if row.on is None:
            table.add_row(row.pack, "–", "–", "–", "–", "–", row.state)
            continue
        next_ = "–" if row.state == "followed by another" else f"{row.next_review} to {row.due}"
        changed = ", ".join(row.changed) or "–"
        by = f"{row.reviewer} ({row.role})"
        table.add_row(row.pack, str(row.on), Text(by), Text(row.decided), changed, next_, row.state)
    return table


def feedback(rows: Sequence[Feedback]) -> Table:
    """Give what feedback is about, of each the lowest scores first, and the case to read it in; no words."""
    table = Table(title="Feedback", title_justify="left")
    table.add_column("about")
    table.add_column("score", justify="right")
    table.add_column("case")
    more = 0
    for theme, heard in groupby(rows, key=lambda one: one.theme or "nothing named"):
        of_theme = list(heard)
        for number, row in enumerate(of_theme[:_FEEDBACK_SHOWN]):
            score = "–" if row.score is None else str(row.score)
            table.add_row("" if number else theme, score, row.case)
        more += len(of_theme[_FEEDBACK_SHOWN:])
    if more:
        table.caption = f"{more} more: --json has them all"
    return table


def groups(found: GroupsAtRisk) -> Table:
    """Give the groups whose plans slip more often than the others', with how many of theirs still pay."""
    table = Table(title="Groups at risk", title_justify="left")
    table.add_column("known at the signature", overflow="fold")
    for column in ("plans", "slipped", "share", "95 % between", "others", "still paying"):
        table.add_column(column, justify="right")
    for row in found.groups[:_GROUPS_SHOWN]:
        table.add_row(
            row.what,
            str(row.plans),
            str(row.slipped),
            f"{100 * row.slipped / row.plans:.0f} %",
            "–".join(f"{100 * bound:.0f}" for bound in row.between) + " %",
            f"{100 * row.others:.0f} %",
            str(len(row.still_paying)),
        )
    more = len(found.groups) - _GROUPS_SHOWN
    table.caption = (
        f"{found.compared} groups of {LEAST_PLANS} plans and more compared, over {found.plans} plans"
        + ("" if found.groups or not found.compared else ": chance explains every difference")
        + (f"; {more} more: --json has them all, with the cases" if more > 0 else "")
    )
    return table
