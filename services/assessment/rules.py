"""The rules of assessment; their numbers come from the pack. Amounts are per month."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Any

from services.assessment.model import Hardship, Request, SpendingFigure, Statement, Verified
from shared.contracts.assessment import HardshipKind
from shared.contracts.debts import DebtSnapshot, DebtStatus
from shared.contracts.desk import (
    EvidenceVerified,
    IncomeSource,
    OtherDebt,
    SpendingCategory,
    StatementSubmitted,
)
from shared.contracts.household import ChangeKind, KnownChange
from shared.contracts.plan_terms import total_of
from shared.lending.calendar import add_months
from shared.lending.money import MAX_MINOR, Money
from shared.policy.model import PolicyInForce

__all__ = [
    "ADULTS_COST",
    "ADULTS_GIVE",
    "HOME_LOAN",
    "PARTS",
    "amounts_of",
    "ask",
    "complete_change",
    "declared",
    "hardship_kind",
    "in_range",
    "largest",
    "merge",
    "missing_parts",
    "of_adults",
    "oldest_usable",
    "our_balance",
    "out_of_date",
    "required_parts",
    "review_on",
    "review_soon",
    "served_first",
    "still_verified",
    "unknown_item",
]

PARTS = ("income", "spending", "dependants", "assets", "other_debts")
# Parts that nobody must give: what is known to change, and other adults; most households have neither.
_WELCOME = ("changes", "adults")
HOME_LOAN = "mortgage"
ADULTS_GIVE, ADULTS_COST = "income:other_adults", "spending:other_adults"
_ITEMS = frozenset(
    {
        *(ADULTS_GIVE, ADULTS_COST),
        *(f"income:{source.value}" for source in IncomeSource),
        *(f"spending:{category.value}" for category in SpendingCategory),
    }
)
# What a single figure may be so that sums of a household fit in 64 bits.
_LARGEST = MAX_MINOR // 10_000


def our_balance(debts: Iterable[DebtSnapshot], currency: str) -> Money:
    """Give what is owed to us in one currency; others are never mixed in."""
    owed = (total_of(d.outstanding) for d in debts if d.status is DebtStatus.ACTIVE)
    return Money.sum((money for money in owed if money.currency == currency), currency)


# -- what is asked and by when ---------------------------------------------------------------------------


def ask(missing: Sequence[str], policy: PolicyInForce, on: date, more_days: int = 0) -> Request:
    """Ask for parts of a statement: the last day and the reminders before it, in business days.

    `more_days` is what a borrower in vulnerable circumstances is given beyond the policy's days.
    """
    rules = policy.assessment
    due = policy.deadline(on, rules.statement_business_days + more_days)
    reminders = sorted({policy.deadline(on, days) for days in rules.reminders_business_days})
    before = tuple(day for day in reminders if day < due)
    return Request(missing=tuple(missing), due=due, reminders=before, asked_on=on)


def required_parts(policy: PolicyInForce) -> tuple[str, ...]:
    """Give the parts of a statement that the pack requires; all of them where it names none that we know."""
    return tuple(name for name in PARTS if name in policy.assessment.required_parts) or PARTS


def missing_parts(statement: Statement, policy: PolicyInForce) -> tuple[str, ...]:
    """Give the parts that the pack requires and nobody gave."""
    return tuple(name for name in required_parts(policy) if getattr(statement, name) is None)


def out_of_date(statement: Statement, policy: PolicyInForce, on: date) -> tuple[str, ...]:
    """Give the required parts that nobody gave, or that are too old by now."""
    oldest = oldest_usable(policy, on)
    return tuple(name for name in required_parts(policy) if statement.given.get(name, date.min) < oldest)


def review_on(policy: PolicyInForce, on: date) -> date:
    """A case without figures is looked at again after the policy's review months (R53)."""
    return policy.calendar.next_business_day(add_months(on, policy.followup.review_months))


def review_soon(policy: PolicyInForce, on: date) -> date:
    """A case that is still open after its plan is looked at within the timetable's days."""
    step = policy.step("no_plan")
    return review_on(policy, on) if step is None else policy.deadline(on, step.business_days)


def oldest_usable(policy: PolicyInForce, on: date) -> date:
    """Figures stated for an earlier day are out of date."""
    return on - timedelta(days=policy.assessment.validity_days)


# -- what was given --------------------------------------------------------------------------------------


def amounts_of(said: StatementSubmitted | EvidenceVerified) -> dict[str, Money | None]:
    """Give every amount that a message has room for, by its field."""
    if isinstance(said, EvidenceVerified):
        return {"verified": said.verified}
    rows: dict[str, tuple[tuple[Any, ...] | None, tuple[str, ...]]] = {
        "income": (said.income, ("monthly",)),
        "spending": (said.spending, ("monthly",)),
        "assets": (said.assets, ("value",)),
        "other_debts": (said.other_debts, ("balance", "monthly")),
        "changes": (said.changes, ("monthly",)),
        "adults": (said.adults, ("contribution", "costs")),
    }
    return {
        f"{part}.{at}.{name}": getattr(item, name)
        for part, (items, names) in rows.items()
        for at, item in enumerate(items or ())
        for name in names
    }


def unknown_item(named: Iterable[str | None]) -> str | None:
    """Give an income or a spending of which there is no such kind: it would count beside the one meant.

    Assets and debts are called what people call them.
    """
    money = (item for item in named if item is not None and item.startswith(("income:", "spending:")))
    return next((item for item in money if item not in _ITEMS), None)


def in_range(amount: Money) -> bool:
    """A monthly figure is not negative, and small enough to be added up."""
    return 0 <= amount.minor <= _LARGEST


def largest(currency: str) -> Money:
    """Give what a single figure may be."""
    return Money(_LARGEST, currency)


_ITEM_OF = {
    ChangeKind.INCOME: "income:",
    ChangeKind.SPENDING: "spending:",
    ChangeKind.DEBT_ENDS: "other_debt:",
}


def complete_change(change: KnownChange) -> bool:
    """Whether a known change says of what, and how much it will be from then on."""
    wanted = _ITEM_OF.get(change.kind)
    if wanted is not None and not (change.item or "").startswith(wanted):
        return False
    return change.monthly is not None or change.kind not in {ChangeKind.INCOME, ChangeKind.SPENDING}


def merge(known: Statement, said: StatementSubmitted, on: date) -> tuple[Statement, tuple[str, ...]]:
    """Put the parts that were given in place of older ones; also give their names.

    A statement cannot be about the future: it counts as of the day on which it was made.
    """
    as_of = min(said.as_of, on)
    taken: dict[str, Any] = {}
    for name in (*PARTS, *_WELCOME):
        value = getattr(said, name)
        if value is None or known.given.get(name, as_of) > as_of:
            continue
        if name == "spending":
            value = tuple(
                SpendingFigure(
                    category=item.category, monthly=item.monthly, explained=item.explanation is not None
                )
                for item in value
            )
        taken[name] = value
    given = {**known.given, **dict.fromkeys(taken, as_of)}
    return known.model_copy(update={**taken, "given": given}), tuple(taken)


def still_verified(before: Statement, after: Statement, verified: Sequence[Verified]) -> tuple[Verified, ...]:
    """Evidence speaks of what was declared: once something else is declared, it proves nothing any more."""
    was, is_ = declared(before), declared(after)
    return tuple(v for v in verified if v.item not in was or was[v.item] == is_.get(v.item))


def declared(statement: Statement) -> dict[str, Money]:
    """Give declared figures under the names that evidence uses; what is stated twice is added up.

    Of a priority debt it is the monthly payment, of another one the balance: what capacity counts.
    """
    figures = [
        *((f"income:{item.source.value}", item.monthly) for item in statement.income or ()),
        *((f"spending:{item.category.value}", item.monthly) for item in statement.spending or ()),
        *((f"asset:{item.kind}", item.value) for item in statement.assets or ()),
        *(
            (f"other_debt:{item.creditor_kind}", item.monthly if served_first(item) else item.balance)
            for item in statement.other_debts or ()
        ),
        *of_adults(statement),
    ]
    total: dict[str, Money] = {}
    for name, amount in figures:
        total[name] = total[name] + amount if name in total else amount
    return total


def of_adults(statement: Statement) -> tuple[tuple[str, Money], ...]:
    """Give what other adults of the household contribute and cost, under the names that evidence uses."""
    adults = statement.adults or ()
    return (
        *((ADULTS_GIVE, item.contribution) for item in adults),
        *((ADULTS_COST, item.costs) for item in adults),
    )


def served_first(debt: OtherDebt) -> bool:
    """Secured debts (a home loan always is) and priority debts are paid before any other creditor."""
    return debt.priority or debt.secured or debt.creditor_kind == HOME_LOAN


# -- hardship (R30) -------------------------------------------------------------------


def hardship_kind(hardship: Hardship | None, policy: PolicyInForce, on: date) -> HardshipKind:
    """A difficulty that is expected to be over within the policy's months from now is temporary.

    However long it has lasted: who is well again next month needs time, and no advice on debts for good.
    """
    if hardship is None:
        return HardshipKind.NONE
    if hardship.expected_end is None:
        return HardshipKind.UNKNOWN
    if hardship.expected_end < on:
        return HardshipKind.NONE
    # Counted, not added to the date: the contract allows a day near the end of the calendar.
    start, end, limit = (
        max(on, hardship.since),
        hardship.expected_end,
        policy.assessment.temporary_hardship_months,
    )
    months = (end.year - start.year) * 12 + end.month - start.month
    longer = months > limit or (months == limit and end.day > start.day)
    return HardshipKind.LASTING if longer else HardshipKind.TEMPORARY
