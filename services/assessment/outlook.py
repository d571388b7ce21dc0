"""The household on a day, by what is known today: figures with their evidence, and known changes. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

from services.assessment.model import AssessmentState
from services.assessment.rules import ADULTS_COST, ADULTS_GIVE, of_adults
from shared.contracts.base import Reason
from shared.contracts.desk import OtherDebt
from shared.contracts.household import AnswerValue, ChangeKind, DoubtKind, IncomeStability, KnownChange
from shared.contracts.reasons import ReasonCode
from shared.lending.money import Money
from shared.policy.model import PolicyInForce

__all__ = ["Outlook", "changes_of", "dates_of_change", "in_doubt", "outlook"]

_HUNDRED = Decimal(100)
_PART = {
    ChangeKind.INCOME: "income",
    ChangeKind.SPENDING: "spending",
    ChangeKind.CHILD_BORN: "dependants",
    ChangeKind.DEPENDANT_LEAVES: "dependants",
    ChangeKind.DEBT_ENDS: "other_debts",
}
# What a child costs beyond the guidelines, where it was said, is kept under this category.
_CHILD = "spending:childcare"


@dataclass(frozen=True, slots=True)
class Outlook:
    """What counts on a day: declared and checked figures by item, who lives in the household, other debts.

    `explained` are the categories whose spending above the guideline was explained; `variable` the items of
    income that vary from month to month.
    """

    declared: dict[str, Money]
    checked: dict[str, Money]
    dependants: int
    debts: tuple[OtherDebt, ...]
    explained: frozenset[str]
    variable: frozenset[str]
    adults: int = 0
    reasons: tuple[Reason, ...] = field(default=())

    @property
    def size(self) -> int:
        """How many live from the household's money."""
        return 1 + self.dependants + self.adults


def outlook(state: AssessmentState, policy: PolicyInForce, on: date) -> Outlook:
    """Give the household as it will be on a day: today's figures, and the changes up to that day."""
    found = _given(state, policy, on)
    for change in changes_of(state):
        part = "adults" if change.item in {ADULTS_GIVE, ADULTS_COST} else _PART[change.kind]
        stated = state.statement.given.get(part, date.min)
        # A statement made since speaks of the household after the change.
        if stated < change.on <= on:
            found = _after(found, change, policy)
    return found


def changes_of(state: AssessmentState) -> tuple[KnownChange, ...]:
    """Give what will change, oldest first; what the interview says of a change that the statement names is
    not counted again, but twins are two children."""
    zero = Money.zero(state.owed.currency)
    stated, found = state.statement.changes or (), []
    for said in state.interview:
        if said.answer is not AnswerValue.YES or said.on is None:
            continue
        ends = said.on + timedelta(days=1) if said.on < date.max else said.on
        match said.question:
            case "child_expected":
                found.append(KnownChange(kind=ChangeKind.CHILD_BORN, on=said.on, monthly=said.monthly))
            case "contract_ends":
                found.append(
                    KnownChange(
                        kind=ChangeKind.INCOME, on=ends, item="income:salary", monthly=said.monthly or zero
                    )
                )
            case "benefit_ends":
                found.append(
                    KnownChange(
                        kind=ChangeKind.INCOME, on=ends, item="income:benefit", monthly=said.monthly or zero
                    )
                )
    known = {_what(change) for change in stated}
    return tuple(sorted((*stated, *(one for one in found if _what(one) not in known)), key=_what))


def _what(change: KnownChange) -> tuple[date, ChangeKind, str]:
    return change.on, change.kind, change.item or ""


def dates_of_change(state: AssessmentState, after: date, until: date) -> tuple[date, ...]:
    """Give the days within a time on which a known change takes effect."""
    days = {change.on for change in changes_of(state)}
    last = [item.ends for item in state.statement.income or ()]
    last.append(state.debt_plan.until if state.debt_plan is not None else None)
    days |= {day + timedelta(days=1) for day in last if day is not None and day < date.max}
    return tuple(sorted(day for day in days if after < day <= until))


def in_doubt(state: AssessmentState) -> frozenset[str]:
    """Give the items whose evidence is set aside: under suspicion, or found to be forged."""
    return frozenset(
        doubt.item
        for doubt in state.doubts
        if doubt.about is DoubtKind.FORGED_EVIDENCE and doubt.item is not None and doubt.upheld is not False
    )


# -- what was given, and what changes --------------------------------------------------------------------


def _given(state: AssessmentState, policy: PolicyInForce, on: date) -> Outlook:
    statement, aside = state.statement, in_doubt(state)
    checked = {item.item: item.amount for item in state.verified if item.item not in aside}
    income = [(f"income:{item.source.value}", item) for item in statement.income or ()]
    over = {name for name, item in income if item.ends is not None and item.ends < on}
    lasting = [(name, item) for name, item in income if item.ends is None or item.ends >= on]
    declared = _summed(
        [
            *((name, item.monthly) for name, item in lasting),
            *((f"spending:{item.category.value}", item.monthly) for item in statement.spending or ()),
            *of_adults(statement),
        ]
    )
    for name in over & checked.keys():
        left = declared.get(name)
        if left is None:
            del checked[name]
        else:
            checked[name] = min(checked[name], left)
    reasons = tuple(
        Reason(
            code=ReasonCode.KNOWN_CHANGE,
            params={"change": "income_ends", "item": f"income:{item.source.value}", "on": day.isoformat()},
        )
        for day, item in sorted(
            ((item.ends + timedelta(days=1), item) for _, item in income if item.ends and item.ends < on),
            key=lambda found: (found[0], found[1].source.value),
        )
    )
    varies = {
        name
        for name, item in lasting
        if item.stability is IncomeStability.VARIABLE
        or (item.stability is None and item.source.value in policy.assessment.variable_income_sources)
    }
    explained = {f"spending:{item.category.value}" for item in statement.spending or () if item.explained}
    return Outlook(
        declared=declared,
        checked=checked,
        dependants=statement.dependants or 0,
        adults=len(statement.adults or ()),
        debts=statement.other_debts or (),
        explained=frozenset(explained | {name for name in checked if name.startswith("spending:")}),
        variable=frozenset(varies),
        reasons=reasons,
    )


def _summed(figures: Iterable[tuple[str, Money]]) -> dict[str, Money]:
    total: dict[str, Money] = {}
    for name, amount in figures:
        total[name] = total[name] + amount if name in total else amount
    return total


def _after(before: Outlook, change: KnownChange, policy: PolicyInForce) -> Outlook:
    item, monthly = change.item or "", change.monthly
    params = {"change": change.kind.value, "on": change.on.isoformat()}
    if item:
        params["item"] = item
    if monthly is not None:
        params["amount"] = f"{monthly} {monthly.currency}"
    reasons = (*before.reasons, Reason(code=ReasonCode.KNOWN_CHANGE, params=params))
    now = replace(before, reasons=reasons)
    match change.kind:
        case ChangeKind.INCOME if monthly is not None:
            return _income(now, item, monthly, policy)
        case ChangeKind.SPENDING if monthly is not None:
            proven = {name: amount for name, amount in now.checked.items() if name != item}
            return replace(
                now,
                declared=now.declared | {item: monthly},
                checked=proven,
                explained=now.explained | {item},
            )
        case ChangeKind.CHILD_BORN:
            return _child(now, monthly, policy)
        case ChangeKind.DEPENDANT_LEAVES:
            return replace(now, dependants=max(0, now.dependants - 1))
        case ChangeKind.DEBT_ENDS:
            kind = item.removeprefix("other_debt:")
            left = tuple(debt for debt in now.debts if debt.creditor_kind != kind)
            return replace(now, debts=left)
    return now


def _income(now: Outlook, item: str, monthly: Money, policy: PolicyInForce) -> Outlook:
    """An income that falls counts at once; of a rise, the share that counts of what nobody has verified."""
    checked = dict(now.checked)
    if item in checked:
        known, share = checked[item], policy.assessment.unverified_income_pct / _HUNDRED
        rise = monthly - known
        checked[item] = known + rise.times(share, policy.amounts.rounding) if rise.is_positive else monthly
    return replace(now, declared=now.declared | {item: monthly}, checked=checked)


def _child(now: Outlook, monthly: Money | None, policy: PolicyInForce) -> Outlook:
    """One more to feed: what it is said to cost, or what the guidelines add for one more in the house."""
    declared, checked = dict(now.declared), dict(now.checked)
    if monthly is not None:
        known = checked.pop(_CHILD, declared.get(_CHILD, Money.zero(policy.currency)))
        declared[_CHILD] = known + monthly
        return replace(now, declared=declared, checked=checked, explained=now.explained | {_CHILD})
    size = now.size
    for row in policy.assessment.guidelines:
        name = f"spending:{row.category}"
        was, usual = policy.guideline(row.category, size), policy.guideline(row.category, size + 1)
        if was is None or usual is None or not was.is_positive or usual <= was:
            continue
        # In proportion: who lives on less than the guideline will do so with the child, too.
        more = Fraction(usual.minor, was.minor)
        for figures in (declared, checked):
            if name in figures:
                figures[name] = figures[name].times(more, policy.amounts.rounding)
    return replace(now, declared=declared, checked=checked, dependants=now.dependants + 1)
