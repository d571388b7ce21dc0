"""The rules of keeping a plan. Their numbers come from the policy in force when the plan was signed."""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from decimal import Decimal

from services.followup.model import FollowedPlan, FollowupState, Line, LineState, Pause, Promise
from shared.contracts.desk import HardshipReported
from shared.contracts.offer import NoPlanFound, OfferLapsed, TalksFailed
from shared.contracts.reasons import ReasonCode
from shared.lending.calendar import add_months
from shared.lending.money import Money
from shared.policy.model import PolicyInForce

__all__ = [
    "SETTLED",
    "UNPAID",
    "bank_answers_by",
    "breach_on",
    "breaks",
    "counts_for_plan",
    "counts_for_promise",
    "cure_by",
    "day_before",
    "days_in",
    "end_too_late_on",
    "ended_by",
    "ends_the_talks",
    "enough",
    "grace_until",
    "in_talks",
    "invites_to",
    "is_counted",
    "is_paused",
    "is_performing",
    "is_shielded",
    "is_stopped",
    "is_temporary",
    "later",
    "may_pause",
    "missed_in_a_row",
    "missed_numbers",
    "on_time_count",
    "on_time_in_a_row",
    "pause_until",
    "pauses_of",
    "promise_until",
    "return_grace_until",
    "review_dates",
    "review_days",
    "review_is_due",
    "review_late_on",
    "summed",
    "supports",
    "talks_of",
    "too_late_on",
]

SETTLED = {LineState.PAID, LineState.PAID_LATE}
_LATE = {LineState.MISSED, LineState.PAID_LATE}
_OPEN = {LineState.DUE, LineState.PARTIAL, LineState.LATE}
UNPAID = {LineState.PARTIAL, LineState.LATE, LineState.MISSED}


def later(day: date, days: int) -> date:
    """Give the date so many days after `day`; the last date there is, where there is none."""
    try:
        return day + timedelta(days=days)
    except OverflowError:
        return date.max


def day_before(day: date) -> date:
    """Give the date before `day`; the first date there is, where there is none."""
    return day - timedelta(days=1) if day > date.min else day


# --- money


def counts_for_plan(value_date: date, plan: FollowedPlan) -> bool:
    """A plan counts the money dated from its effective day on, whenever it arrives, until the plan ends.

    What is dated earlier is in the balances that the plan was computed on: it was counted there (but see
    `found`). For the same reason a new agreement takes over no credit of the one it replaces: what was paid
    by then has lowered the debts that the new one divides. What comes after a plan was completed is credit,
    and makes up for a payment that is returned later.
    """
    if value_date < plan.effective:
        return False
    return plan.ended_on is None or plan.completed or value_date <= plan.ended_on


def counts_for_promise(value_date: date, promise: Promise) -> bool:
    """A promise counts the money dated from the day it was made to the end of its grace days."""
    return promise.made_on <= value_date <= promise.until


def enough(amount: Money, tolerance_pct: Decimal, policy: PolicyInForce) -> Money:
    """Give what must be there for `amount` to count as paid.

    What is short stays owed: the next money goes to it first, so shortfalls never add up.
    """
    return amount - amount.times(min(tolerance_pct, Decimal(100)) / 100, policy.amounts.rounding)


def summed(amounts: Iterable[Money]) -> tuple[Money, ...]:
    """Add amounts up, each currency apart, in the order of the currencies' names."""
    sums: dict[str, Money] = {}
    for amount in amounts:
        sums[amount.currency] = sums.get(amount.currency, Money.zero(amount.currency)) + amount
    return tuple(sums[currency] for currency in sorted(sums))


# --- instalments


def grace_until(due: date, policy: PolicyInForce) -> date:
    """The grace days count from the due day; they never end on a day when banks are closed."""
    return policy.late_until(due, policy.followup.grace_days)


def breach_on(due: date, policy: PolicyInForce) -> date:
    """The day on which an instalment that is still unpaid breaks the plan."""
    return later(due, policy.followup.breach_days_late)


def too_late_on(line: Line, stops: Iterable[Pause]) -> date:
    """The day on which an instalment is unpaid for too long; days in a stop are not counted."""
    day, from_ = line.breach_on, later(line.due, 1)
    for stop in sorted(stops, key=lambda stop: stop.since):
        first = max(stop.since, from_)
        if first > day or stop.until == date.max:
            return day if first > day else date.max
        if stop.until >= first:
            day, from_ = later(day, (stop.until - first).days + 1), later(stop.until, 1)
    return day


def end_too_late_on(plan: FollowedPlan) -> date:
    """The day on which what is owed of a plan after its last instalment is unpaid for too long.

    What was missed in a stop is late by no date of its own: later instalments show it, for the money goes to
    the oldest first, and where none is to come, the end of the plan. No day of a stop or of talks counts.
    """
    pauses = pauses_of(plan)
    asking = (line for line in plan.lines if line.total.is_positive)
    return max((too_late_on(line, pauses) for line in asking), default=date.max)


def missed_numbers(lines: Iterable[Line]) -> list[int]:
    """Give the numbers of the instalments that are missed now; one currency is enough."""
    return sorted({line.number for line in lines if line.state is LineState.MISSED})


def missed_in_a_row(lines: Iterable[Line], number: int) -> int:
    """Count the missed instalments that end with `number`.

    What was paid after all is no longer missed: who is always one instalment behind misses one in a row.
    Those between them that ask for nothing are passed over.
    """
    lines = tuple(lines)
    missed = set(missed_numbers(lines))
    nothing = {line.number for line in lines if line.total.is_zero} - _asking(lines)
    run = 0
    while number in missed or number in nothing:
        run += number in missed
        number -= 1
    return run


def _asking(lines: Iterable[Line]) -> set[int]:
    """Give the numbers of the instalments that ask for anything: after a sale, or in a grace, some do not."""
    return {line.number for line in lines if not line.total.is_zero}


def breaks(plan: FollowedPlan, day: date, policy: PolicyInForce) -> bool:
    """A plan breaks by instalments missed in a row, or by one that is late too long; not in a pause.

    What was missed in a stop counts in neither; what is owed of it at the end of the plan is late by then.
    """
    if is_paused(plan, day):
        return False
    judged = [line for line in plan.lines if not is_shielded(line, plan.stops)]
    run = max((missed_in_a_row(judged, number) for number in missed_numbers(judged)), default=0)
    too_late = any(line.state in UNPAID and too_late_on(line, plan.stops) <= day for line in judged)
    owes = any(line.state in UNPAID for line in plan.lines)
    at_the_end = owes and end_too_late_on(plan) <= day
    return run >= policy.followup.breach_missed_in_a_row or too_late or at_the_end


def on_time_in_a_row(lines: Sequence[Line], pauses: Sequence[Pause] = ()) -> list[int]:
    """Give the numbers of the instalments paid on time in a row, up to now; grace days spoil nothing.

    Nor does what was missed in one of `pauses`: it counts as if it had not fallen due. Who was asked for
    nothing has kept nothing.
    """
    on_time = {line.number for line in lines if line.state is LineState.PAID} & _asking(lines)
    other = {line.number for line in lines if line.state is not LineState.PAID}
    spoiled = {line.number for line in lines if _is_late(line) and not is_shielded(line, pauses)}
    return sorted(number for number in on_time - other if number > max(spoiled, default=0))


def on_time_count(plan: FollowedPlan) -> int:
    """Count the instalments kept on time in a row, those of the plan before this one included."""
    spoiled = any(_is_late(line) and not is_shielded(line, pauses_of(plan)) for line in plan.lines)
    return len(on_time_in_a_row(plan.lines, pauses_of(plan))) + (0 if spoiled else plan.on_time_before)


def _is_late(line: Line) -> bool:
    return line.state in _LATE or line.was_late


def is_shielded(line: Line, pauses: Iterable[Pause]) -> bool:
    """Say whether an instalment that is missed was so after a hardship was reported."""
    return any(pause.since <= line.until <= pause.until for pause in pauses)


# --- pauses, support


def days_in(pauses: Iterable[Pause], after: date, until: date) -> int:
    """Count the days after one date, up to and with another, that lie in a pause; each of them once."""
    days, counted_to = 0, after
    for pause in sorted(pauses, key=lambda pause: pause.since):
        first = max(day_before(pause.since), counted_to)
        last = min(pause.until, until)
        if last > first:
            days += (last - first).days
            counted_to = last
    return days


def is_paused(plan: FollowedPlan, day: date) -> bool:
    """While a new plan is talked about, or held, misses are recorded but do not break the old one."""
    return any(pause.since <= day <= pause.until for pause in pauses_of(plan))


def in_talks(plan: FollowedPlan, day: date) -> bool:
    """Say whether a new plan is talked about: who reports a hardship then is heard there."""
    began, until = plan.paused_from, plan.paused_until
    return began is not None and until is not None and began <= day <= until


def is_stopped(plan: FollowedPlan, day: date) -> bool:
    """While stop events leave no debt of it to talk about, a plan is recorded and not judged."""
    return any(pause.since <= day <= pause.until for pause in plan.stops)


def pauses_of(plan: FollowedPlan) -> tuple[Pause, ...]:
    """Give every pause of a plan, for talks and by stop events."""
    return (*talks_of(plan), *plan.stops)


def talks_of(plan: FollowedPlan) -> tuple[Pause, ...]:
    """Give the pauses for talks about a new plan, the last included."""
    if plan.paused_from is None or plan.paused_until is None:
        return plan.pauses
    return (*plan.pauses, Pause(since=plan.paused_from, until=plan.paused_until))


def ended_by(pauses: Iterable[Pause], day: date) -> tuple[Pause, ...]:
    """Talks that ran are begun anew: with these they end."""
    return tuple(one.model_copy(update={"until": min(one.until, day)}) for one in pauses)


def may_pause(plan: FollowedPlan) -> bool:
    """One pause for a report; another only for who has caught up, so that none follows on another."""
    return plan.paused_until is None or plan.unreported or not missed_numbers(plan.lines)


def pause_until(day: date, policy: PolicyInForce) -> date:
    """A pause ends with the talks, or by this day at the latest."""
    return later(day, policy.breach.hardship_shield_days)


def ends_the_talks(said: OfferLapsed | NoPlanFound | TalksFailed) -> bool:
    """Whether talks beside a live plan are over; not where offer looks again, or asks for figures first.

    It looks again where nothing about the borrower is in the way, such as reference rates out of date: what
    the lender has not done takes away no protection before its longest time.
    """
    if isinstance(said, OfferLapsed) or said.review_on is not None:
        return False
    return said.next_step.code is not ReasonCode.NEXT_NEW_STATEMENT


def supports(plan: FollowedPlan, policy: PolicyInForce) -> bool:
    """Support is for who shows good will and has difficulties that are temporary (R58): all of it.

    Whoever does not say how long theirs last may have such ones.
    """
    willing = plan.cooperated or any(line.state in SETTLED for line in plan.lines)
    return (
        willing
        and not plan.difficulty_lasts
        and len(missed_numbers(plan.lines)) >= policy.followup.support_after_missed
    )


def is_temporary(report: HardshipReported, policy: PolicyInForce) -> bool:
    """A difficulty is temporary when its expected end is near enough."""
    return policy.assessment.is_temporary(report.since, report.expected_end)


# --- reviews


def review_dates(base: date, policy: PolicyInForce) -> tuple[date, date]:
    """Give the next review after `base`: the regular one, and that of a borrower who performs well."""
    rules = policy.followup
    return (
        _business_day(_months_after(base, rules.review_months), policy),
        _business_day(_months_after(base, rules.review_months_performing), policy),
    )


def review_days(base: date, policy: PolicyInForce) -> dict[str, date | None]:
    """Give the dates of a plan that follow from its next review after `base`, by their names.

    The borrower is invited some business days ahead, however often reviews come.
    """
    regular, well = review_dates(base, policy)
    return {
        "review_on": regular,
        "stretched_on": well,
        "invite_on": _invite_on(regular, policy),
        "invite_well_on": _invite_on(well, policy),
        "invited_for": None,
    }


def invites_to(plan: FollowedPlan, day: date, policy: PolicyInForce) -> date | None:
    """Give the day of the review to which the borrower is to be invited on `day`; None where to none."""
    if review_is_due(plan, day, policy):
        # On its day an invitation has gone out, unless a miss or the end of a stop has just brought it up.
        return None if plan.invited_for == day else day
    # Nobody is invited to the regular review who performs well by its day, if what is due until then is paid.
    hoped = [
        line.model_copy(update={"state": LineState.PAID})
        if line.due <= plan.review_on and line.state in _OPEN
        else line
        for line in plan.lines
    ]
    well = is_performing(plan.model_copy(update={"lines": tuple(hoped)}), policy)
    on = plan.stretched_on if well else plan.review_on
    opens = plan.invite_well_on if well else plan.invite_on
    return on if opens is not None and opens <= day and plan.invited_for != on else None


def _invite_on(review: date, policy: PolicyInForce) -> date:
    try:
        return policy.calendar.add_business_days(review, -policy.reviews.invite_business_days)
    except (OverflowError, ValueError):  # past the last date there is
        return review


def is_performing(plan: FollowedPlan, policy: PolicyInForce) -> bool:
    """Performs well: the last instalments were on time, as many in a row as the policy asks for.

    While one is missing the regular review is the care, whatever was reported. Once the borrower has caught
    up, what was missed after a report of hardship spoils nothing.
    """
    if missed_numbers(plan.lines):
        return False
    return on_time_count(plan) >= policy.followup.performing_on_time_in_a_row


def review_is_due(plan: FollowedPlan, day: date, policy: PolicyInForce) -> bool:
    """A review comes regularly, less often while the borrower performs well; a miss brings it back (R54)."""
    return day >= (plan.stretched_on if is_performing(plan, policy) else plan.review_on)


def review_late_on(day: date, policy: PolicyInForce) -> date:
    """The day on which a review that came up on `day` and is still open is overdue."""
    try:
        return policy.deadline(day, policy.reviews.escalate_business_days)
    except (OverflowError, ValueError):
        return date.max


# --- notices


def cure_by(day: date, policy: PolicyInForce) -> date | None:
    """The last day to put right what a notice given on `day` names; None where the pack asks for none."""
    rules = policy.breach
    if not rules.notice_required:
        return None
    return policy.late_until(day, rules.notice_days + rules.cure_days)


def bank_answers_by(day: date, policy: PolicyInForce) -> date:
    """The last day of the bank to answer an instruction."""
    try:
        return policy.deadline(day, policy.agreement.instruction_business_days)
    except (OverflowError, ValueError):
        return day


def return_grace_until(told: date, policy: PolicyInForce) -> date:
    """The new grace of an instalment whose payment was returned: from the notice of it."""
    rules = policy.breach
    return policy.late_until(told, rules.reversal_notice_days + rules.reversal_grace_days)


# --- promises


def promise_until(due: date, policy: PolicyInForce) -> date:
    """A promise may be kept some days late; the last of them is a business day."""
    return policy.late_until(due, policy.followup.promise_grace_days)


# --- the document


def is_counted(state: FollowupState, value_date: date) -> bool:
    """Say whether a plan or a promise counts money of that date."""
    plans = (*([] if state.plan is None else [state.plan]), *(earlier.plan for earlier in state.earlier))
    if any(counts_for_plan(value_date, plan) for plan in plans):
        return True
    return any(counts_for_promise(value_date, promise) for promise in state.promises)


def _business_day(day: date, policy: PolicyInForce) -> date:
    try:
        return policy.calendar.next_business_day(day)
    except (OverflowError, ValueError):  # past the last date there is
        return day


def _months_after(day: date, months: int) -> date:
    try:
        return add_months(day, months)
    except (OverflowError, ValueError):
        return date.max
