"""Differences between the bank's balance of a debt in a signed plan and what the plan says. Pure.

The plan says what was owed at the signing, less what was waived and paid since, and between nothing and all
of the interest that its rate gives. The bank's figures stand in the ledger as charges and corrections: what
these have added since the signing is compared with that. Where it is too much or too little when the day is
closed, a person is asked which figure is right; nothing is changed by the difference itself.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

from services.intake.books import Debt
from services.intake.cases import Outcome, answer
from services.intake.halting import days_without_interest
from services.intake.model import IntakeState, Plan, Watched
from services.intake.rules import policy_of, refusal
from shared.contracts.agreement import DebtRate
from shared.contracts.base import Event, Reason
from shared.contracts.debts import DebtStatus
from shared.contracts.decision import Decision
from shared.contracts.desk_care import BalanceReconciled, BalanceRight
from shared.contracts.envelope import Envelope
from shared.contracts.intake import BalanceDifferenceClosed, BalanceDiffers, BalanceOutcome
from shared.contracts.reasons import ReasonCode
from shared.lending.money import Money
from shared.policy.model import PolicyInForce
from shared.policy.reference import Reference

__all__ = ["look", "reconciled", "watch", "watched_from", "with_news_of_balances", "with_rates"]

_YEAR = Decimal(36500)
_LEFT = {DebtStatus.RECALLED, DebtStatus.ELSEWHERE}


def watched_from(debts: tuple[Debt, ...]) -> tuple[Watched, ...]:
    """Begin to compare, for the debts of a plan that is signed now."""
    return tuple(
        Watched(
            debt_id=debt.debt_id,
            booked=_booked(debt),
            charged=_charged(debt),
            rate=debt.annual_rate_pct,
            seen=debt.figure_on,
        )
        for debt in debts
    )


def with_rates(plan: Plan, rates: tuple[DebtRate, ...]) -> Plan:
    """Know the plan's own rates, as the bank is told of them."""
    known = {rate.debt_id: rate.annual_rate_pct for rate in rates}
    watched = tuple(w.model_copy(update={"rate": known.get(w.debt_id, w.rate)}) for w in plan.watched)
    return plan.model_copy(update={"watched": watched})


def with_news_of_balances(
    before: IntakeState | None, decided: Outcome, day: date, reference: Reference
) -> Outcome:
    """Compare the balances after a message; say which differences are over with it."""
    after = decided.state
    if decided.waits or after is None or not after.is_open:
        return decided
    said: list[Event] = []
    current = after.plan.agreement_id if after.plan is not None else None
    if before is not None and before.plan is not None and before.plan.agreement_id != current:
        said += _plan_over(before, before.plan, day)
    if after.plan is not None and after.plan.watched:
        after, more = watch(before, after, day, reference)
        said += more
    if after is decided.state and not said:
        return decided
    return replace(decided, state=after, emissions=(*decided.emissions, *answer(after, *said).emissions))


def _plan_over(state: IntakeState, plan: Plan, day: date) -> list[Event]:
    return [
        _closed(plan, watched, debt, day, BalanceOutcome.PLAN_OVER)
        for watched in plan.watched
        if watched.told is not None and (debt := state.debt(watched.debt_id)) is not None
    ]


def watch(
    before: IntakeState | None, after: IntakeState, day: date, reference: Reference
) -> tuple[IntakeState, list[Event]]:
    """Give the state with every debt of the plan compared, and the differences that are gone."""
    assert after.plan is not None  # noqa: S101 - narrows: the caller has looked
    policy = policy_of(after, day, reference)
    said: list[Event] = []
    compared: list[Watched] = []
    for watched in after.plan.watched:
        debt = after.debt(watched.debt_id)
        if debt is None:
            compared.append(watched)
            continue
        known = None if before is None else before.debt(watched.debt_id)
        rested = days_without_interest(after, debt, watched.seen, debt.figure_on, reference)
        now = _accrued(watched, known or debt, debt, rested)
        found = _difference(now, debt, policy)
        near = _tolerance(now, debt, policy)
        if found == 0:
            if now.told is not None:
                said.append(_closed(after.plan, now, debt, day, BalanceOutcome.AGREES_AGAIN))
            now = now.model_copy(update={"told": None, "settled": None, "look_on": None})
        elif abs(found - (now.told or now.settled or 0)) > near and now.look_on is None:
            now = now.model_copy(update={"look_on": day})
        compared.append(now)
    if tuple(compared) == after.plan.watched:
        return after, said
    plan = after.plan.model_copy(update={"watched": tuple(compared)})
    return after.model_copy(update={"plan": plan}), said


def look(state: IntakeState, on: date, reference: Reference) -> Outcome:
    """At the close of a day: say of each difference that is due that a person must look into it."""
    plan = state.plan
    assert plan is not None  # noqa: S101 - narrows: only a plan has such a date
    policy = policy_of(state, on, reference)
    said: list[Event] = []
    compared: list[Watched] = []
    for watched in plan.watched:
        debt = state.debt(watched.debt_id)
        if watched.look_on is None or watched.look_on > on or debt is None:
            compared.append(watched)
            continue
        found = _difference(watched, debt, policy)
        told = {"look_on": None, "settled": None, "told": found or None}
        compared.append(watched.model_copy(update=told))
        if found:
            said.append(_differs(plan, debt, found))
    known = plan.model_copy(update={"watched": tuple(compared)})
    return answer(state.model_copy(update={"plan": known}), *said)


def reconciled(
    state: IntakeState | None, message: Envelope[BalanceReconciled], reference: Reference
) -> Outcome:
    """A person says which figure is right. The bank's: the plan's books are taken on from there.

    The plan's: the bank has its days to correct its figure; if it does not, the difference is said again.
    """
    data = message.data
    plan = state.plan if state is not None and state.is_open else None
    watched = next((w for w in plan.watched if w.debt_id == data.account_id), None) if plan else None
    debt = None if state is None else state.debt(data.account_id)
    if state is None or plan is None or watched is None or watched.told is None or debt is None:
        none = refusal(message, ReasonCode.NO_BALANCE_DIFFERENCE, account=data.account_id)
        return Decision.wait(state, none, subject=(state or IntakeState(customer=message.key)).case)
    update: dict[str, int | date | None]
    if data.right is BalanceRight.BANK:
        update = {"booked": watched.booked + watched.told, "charged": _charged(debt), "told": None}
        outcome, until = BalanceOutcome.BANK_RIGHT, None
    else:
        policy = policy_of(state, message.day, reference)
        until = policy.deadline(message.day, policy.agreement.instruction_business_days)
        update = {"settled": watched.told, "told": None, "look_on": until}
        outcome = BalanceOutcome.PLAN_RIGHT
    said = _closed(plan, watched, debt, message.day, outcome, by=data.by, correct_by=until)
    others = tuple(watched.model_copy(update=update) if w is watched else w for w in plan.watched)
    after = state.model_copy(update={"plan": plan.model_copy(update={"watched": others})})
    return answer(after, said)


def _booked(debt: Debt) -> int:
    return debt.charges.total + debt.corrections.total


def _charged(debt: Debt) -> int:
    """What the bank has added in fees and late charges, for which a plan has no place."""
    both = debt.charges + debt.corrections
    return both.fees + both.late_charges


def _interest(owed: int, rate: Decimal, days: int) -> int:
    return int(owed * rate * days / _YEAR)


def _base(watched: Watched, debt: Debt) -> int:
    """What was owed when the bank last billed: a payment since does not make its bill wrong."""
    return max(debt.outstanding.total, watched.owed, 0)


def _tolerance(watched: Watched, debt: Debt, policy: PolicyInForce) -> int:
    return int(_base(watched, debt) * policy.agreement.balance_tolerance_pct / 100)


def _accrued(watched: Watched, before: Debt, debt: Debt, rested: int) -> Watched:
    """Add the interest of the days up to a new figure, on the most that was owed meanwhile.

    In `rested` of these days a stop event let none run: what the bank adds for them is too much.
    """
    if debt.figure_on <= watched.seen:
        most = max(watched.since, before.outstanding.total if before.paid != debt.paid else 0)
        return watched if most == watched.since else watched.model_copy(update={"since": most})
    owed = max(before.outstanding.total, debt.outstanding.total, watched.since, 0)
    more = _interest(owed, watched.rate, (debt.figure_on - watched.seen).days - rested)
    update = {"accrued": watched.accrued + more, "seen": debt.figure_on, "owed": owed, "since": 0}
    return watched.model_copy(update=update)


def _difference(watched: Watched, debt: Debt, policy: PolicyInForce) -> int:
    """Give what the bank's figure is above (or, negative, below) the plan's; 0 within the tolerance.

    What left the plan is not compared. A waiver that the bank may or may not have booked excuses as much.
    """
    if debt.status in _LEFT:
        return 0
    added, near = _booked(debt) - watched.booked, _tolerance(watched, debt, policy)
    charged = _charged(debt) - watched.charged
    ahead = _interest(_base(watched, debt), watched.rate, policy.agreement.balance_billed_ahead_days)
    unsure = sum(abs(m.amounts.total) for m in debt.after if m.waiver is not None)
    if added > watched.accrued + ahead + near + unsure:
        return added - watched.accrued
    if added < -near - unsure:
        return added
    return charged if charged > near + unsure else 0


def _differs(plan: Plan, debt: Debt, found: int) -> BalanceDiffers:
    def money(minor: int) -> Money:
        return Money(minor, debt.currency)

    difference = money(found)
    return BalanceDiffers(
        account_id=debt.debt_id,
        agreement_id=plan.agreement_id,
        as_of=debt.figure_on,
        bank_says=money(debt.outstanding.total),
        plan_says=money(debt.outstanding.total - found),
        difference=difference,
        reason=Reason(
            code=ReasonCode.BALANCE_DIFFERS, params={"difference": f"{difference} {debt.currency}"}
        ),
    )


def _closed(
    plan: Plan,
    watched: Watched,
    debt: Debt,
    day: date,
    outcome: BalanceOutcome,
    *,
    by: str | None = None,
    correct_by: date | None = None,
) -> BalanceDifferenceClosed:
    return BalanceDifferenceClosed(
        account_id=watched.debt_id,
        agreement_id=plan.agreement_id,
        as_of=day,
        outcome=outcome,
        difference=Money(watched.told or 0, debt.currency),
        by=by,
        correct_by=correct_by,
    )
