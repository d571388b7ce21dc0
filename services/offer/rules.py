"""The rules of offering. Their numbers come from the policy pack of the case."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction

from services.offer.model import Assessed, LaterCapacity, OfferState, OfferStatus, Wish
from shared.contracts.assessment import AssessmentCompleted, HardshipKind
from shared.contracts.base import Reason
from shared.contracts.debts import DebtSnapshot, DebtStatus, Exchange, InstalmentTotal, Measure, Plan
from shared.contracts.desk import CounterOffered
from shared.contracts.plan_terms import total_of
from shared.contracts.reasons import ReasonCode
from shared.lending.allocation import Components
from shared.lending.calendar import add_months
from shared.lending.exchange import converted
from shared.lending.money import Money, Rounding
from shared.lending.plans import Capacity, CapacityStep, Counter, DebtTerms, PlanLimits
from shared.lending.rates import CashFlow
from shared.policy.model import PolicyInForce
from shared.policy.rates import StaleRate
from shared.policy.reference import Reference

__all__ = [
    "after_talks",
    "assessed_from",
    "came_to_nothing",
    "capacity_of",
    "counter_of",
    "debt_terms",
    "figures_of",
    "is_affordable",
    "is_assessed",
    "may_approve",
    "next_round_on",
    "no_longer_valid",
    "owed_debts",
    "review_on",
    "says_the_same",
    "talks_end",
    "tier_of",
    "valid_until",
    "what_is_wrong_with",
    "with_reference_rate",
]


def owed_debts(debts: Sequence[DebtSnapshot]) -> tuple[DebtSnapshot, ...]:
    """Give the debts that a plan is about: active ones on which something is owed."""
    return tuple(d for d in debts if d.status is DebtStatus.ACTIVE and total_of(d.outstanding).is_positive)


def figures_of(assessed: Assessed) -> str:
    """Give what an offer takes from an assessment: the same figures give the same offer."""
    later = "".join(f" {step.start} {step.now} {step.stress}" for step in assessed.later)
    known = f"{later} temporary" if assessed.temporary else later
    return f"{assessed.now} {assessed.stress} {assessed.now.currency} {assessed.expires.isoformat()}{known}"


def says_the_same(figures: str, others: str) -> bool:
    """Whether two assessments give an offer the same amounts; only how long they last may differ.

    Whoever sends a statement once more sends it on a later day.
    """
    ours, theirs = figures.split(" "), others.split(" ")
    return (ours[:3], ours[4:]) == (theirs[:3], theirs[4:])  # between them is the day of expiry


def came_to_nothing(state: OfferState, day: date) -> bool:
    """Whether that talks failed, or on earlier figures that there is no plan, was said on `day` already."""
    if state.status is OfferStatus.FAILED:
        return state.failed_on == day
    of_before = state.assessed is not None and state.assessed.since != day
    return state.status is OfferStatus.NO_PLAN and of_before and day in {state.started, state.gone_on}


def is_assessed(state: OfferState, on: date) -> bool:
    """No offer without an unexpired assessment (R28) that is not older than a wish to renegotiate (R45)."""
    if state.assessed is None or on > state.assessed.expires:
        return False
    return state.figures_from is None or state.assessed.as_of >= state.figures_from


def assessed_from(data: AssessmentCompleted, since: date) -> Assessed:
    """Give what an offer takes from an assessment that came on `since`."""
    return Assessed(
        assessment_id=data.assessment_id,
        version=data.version,
        as_of=data.as_of,
        expires=data.expires,
        now=data.capacity.available_now,
        stress=data.capacity.available_stress,
        later=_later(data),
        since=since,
        temporary=data.hardship is HardshipKind.TEMPORARY,
    )


def _later(data: AssessmentCompleted) -> tuple[LaterCapacity, ...]:
    """Give the days on which what can be paid changes, as far as it is known; today's figures stand apart."""
    before = (data.capacity.available_now, data.capacity.available_stress)
    found = []
    for step in data.projection:
        now = (step.available, step.available_stress)
        if step.start > data.as_of and now != before:
            found.append(LaterCapacity(start=step.start, now=step.available, stress=step.available_stress))
            before = now
    return tuple(found)


def no_longer_valid(assessed: Assessed, on: date) -> Assessed:
    """Give the assessment as one that counts no more from `on` on."""
    return assessed.model_copy(update={"expires": min(assessed.expires, on - timedelta(days=1))})


def debt_terms(debt: DebtSnapshot, own: PlanLimits) -> DebtTerms:
    """Give a debt as the search over plans sees it; what a plan may do for it is as its `own` pack says."""
    return DebtTerms(
        debt_id=debt.debt_id,
        outstanding=Components.from_balances(debt.outstanding),
        overdue=Components.from_balances(debt.overdue),
        annual_rate_pct=debt.annual_rate_pct,
        days_past_due=debt.days_past_due,
        contract_date=debt.contract_date,
        monthly_payment=debt.contractual_payment,
        history=(
            tuple(CashFlow(flow.on, flow.amount) for flow in debt.history)
            if debt.history_problem is None
            else ()
        ),
        own=own,
    )


def capacity_of(assessed: Assessed) -> Capacity:
    """Give what the borrower can pay a month, today and under stress, and what is known to change."""
    return Capacity(
        now=assessed.now,
        stress=assessed.stress,
        later=tuple(CapacityStep(step.start, step.now, step.stress) for step in assessed.later),
        temporary=assessed.temporary,
    )


def counter_of(wish: Wish) -> Counter:
    """Give a wish as the search over plans sees it."""
    return Counter(monthly=wish.monthly, first_due=wish.first_due, months=wish.months, lump_sum=wish.lump_sum)


def is_affordable(plan: Plan, payments: Sequence[InstalmentTotal], assessed: Assessed) -> bool:
    """Every instalment fits, today and under stress (R29); a lump sum was the borrower's own idea.

    What falls due in another currency counts at the rate that the plan rests on.
    """
    if Measure.LUMP_SUM in plan.measures:
        return True
    capacity, currency = capacity_of(assessed), assessed.now.currency
    rates = {part.currency: part.exchange for part in plan.parts if part.exchange is not None}
    due: dict[date, int] = {}
    for row in payments:
        total = _in_currency(row.total, currency, rates.get(row.total.currency))
        if total is None:
            return False
        due[row.due] = due.get(row.due, 0) + total.minor
    return all(total <= min(money.minor for money in capacity.at(day)) for day, total in due.items())


def _in_currency(amount: Money, currency: str, exchange: Exchange | None) -> Money | None:
    """Give an amount in a currency, never too little; None where no rate is known."""
    if amount.currency == currency:
        return amount
    if exchange is None or {exchange.currency, exchange.against} != {amount.currency, currency}:
        return None
    rate = Fraction(exchange.per_unit)
    rate = rate if exchange.currency == amount.currency else 1 / rate
    return converted(amount, currency, rate, Rounding.CEILING)


def with_reference_rate(
    limits: PlanLimits, policy: PolicyInForce, day: date, reference: Reference
) -> PlanLimits | StaleRate:
    """Give limits whose discount rate starts from the reference rate that the pack names, if it names one.

    A rate that is not known on `day` stops new offers: what they are worth cannot be said.
    """
    name = policy.value.discount_over
    if not name:
        return limits
    rate = reference.rates.at(name, policy.currency, day)
    if isinstance(rate, StaleRate):
        return rate
    value = replace(limits.value, discount_pct=limits.value.discount_pct + rate)
    return replace(limits, value=value)


def after_talks(policy: PolicyInForce) -> tuple[Reason, ...]:
    """Give the steps when rounds and time are used up, as the pack orders them; going to court is not one."""
    token, holidays = policy.offers.token_payment, policy.relief.holiday_months
    params = {
        "token_plan": {
            "amount": str(token),
            "currency": token.currency,
            "months": str(policy.relief.token_months),
        },
        "payment_holiday": {"months": str(max(holidays))} if holidays else {},
    }
    steps = policy.talks.after_rounds
    return tuple(Reason(code=_AFTER_ROUNDS[step], params=params.get(step, {})) for step in steps)


_AFTER_ROUNDS = {
    "human_review": ReasonCode.NEXT_HUMAN_REVIEW,
    "token_plan": ReasonCode.NEXT_TOKEN_PLAN,
    "payment_holiday": ReasonCode.NEXT_PAYMENT_HOLIDAY,
    "support_group": ReasonCode.NEXT_SUPPORT_GROUP,
    "debt_advice": ReasonCode.NEXT_DEBT_ADVICE,
}


def may_approve(role: str, needed: str, policy: PolicyInForce) -> bool:
    """A role approves what a role of its own tier or below could; tiers ascend in the pack."""
    tiers = [tier.role for tier in policy.waiver.authority]
    return role in tiers and needed in tiers and tiers.index(role) >= tiers.index(needed)


def tier_of(role: str, policy: PolicyInForce) -> int:
    """Give how far the authority of a role of the pack reaches: 1 for the first."""
    return [tier.role for tier in policy.waiver.authority].index(role) + 1


def talks_end(started: date, policy: PolicyInForce) -> date:
    """Give the last day of talks that began on `started`."""
    return started + timedelta(days=policy.offers.max_days)


def valid_until(on: date, started: date, assessed: Assessed, policy: PolicyInForce) -> date:
    """An offer stands for the policy's days, never beyond its assessment or the time for talks."""
    wished = on + timedelta(days=policy.offers.validity_days)
    return min(wished, assessed.expires, talks_end(started, policy))


def next_round_on(on: date, policy: PolicyInForce) -> date:
    """After silence the next round is tabled within the timetable's days for an offer."""
    step = policy.step("offer")
    return policy.deadline(on, step.business_days) if step and step.business_days else _next_day(on, policy)


def review_on(on: date, policy: PolicyInForce) -> date:
    """A case without a plan is looked at again after the policy's review months (R53), on a business day."""
    return policy.calendar.next_business_day(add_months(on, policy.followup.review_months))


def _next_day(on: date, policy: PolicyInForce) -> date:
    return policy.calendar.next_business_day(on + timedelta(days=1))


def what_is_wrong_with(counter: CounterOffered, currency: str) -> ReasonCode | None:
    """Say why a counter-offer cannot be answered at all; None where it can."""
    amounts = [amount for amount in (counter.monthly, counter.lump_sum) if amount is not None]
    if not amounts and counter.first_due is None and counter.months is None:
        return ReasonCode.COUNTER_EMPTY
    if any(amount.currency != currency for amount in amounts):
        return ReasonCode.CURRENCY_MISMATCH
    if any(not amount.is_positive for amount in amounts):
        return ReasonCode.COUNTER_TOO_LOW
    return None
