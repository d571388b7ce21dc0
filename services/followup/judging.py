"""Keeping a plan: what is concluded about its instalments, day by day. Pure.

Every conclusion follows from the money by value date, whenever it arrived: a plan is judged again from all of
it, and what differs from what was said before is corrected, either way. What was done on a conclusion stays
done: a reward is not taken back, and a plan that was broken or completed stays so, because agreement has
ended it and the bank has been told; its instalments are corrected still, and offer takes the case up again.
"""

from dataclasses import dataclass, field
from datetime import date

from services.followup.ledger import Served, serve
from services.followup.model import FollowedPlan, FollowupState, FollowupStatus, Line, LineState
from services.followup.rewards import reward
from services.followup.rules import (
    SETTLED,
    UNPAID,
    breaks,
    day_before,
    enough,
    is_paused,
    is_performing,
    missed_in_a_row,
    missed_numbers,
    review_dates,
    review_is_due,
    supports,
)
from shared.contracts.base import Event, Reason
from shared.contracts.followup import (
    InstalmentCorrected,
    InstalmentLate,
    InstalmentMissed,
    InstalmentPaid,
    InstalmentPartial,
    PlanBroken,
    PlanCompleted,
    ReviewDue,
    SupportOffered,
)
from shared.contracts.reasons import ReasonCode
from shared.lending.money import Money
from shared.policy.model import PolicyInForce
from shared.policy.reference import Reference

__all__ = ["close_plan", "finish", "plan_due", "policy_of", "served_by"]

# What follows on what without anything having been wrong.
_NEXT: dict[LineState, set[LineState]] = {
    LineState.DUE: set(LineState),
    LineState.PARTIAL: {LineState.MISSED, *SETTLED},
    LineState.LATE: {LineState.MISSED, *SETTLED},
    LineState.MISSED: {LineState.PAID_LATE},
    LineState.PAID: set(),
    LineState.PAID_LATE: set(),
}


@dataclass(slots=True)
class _Work:
    """A plan while it is judged: the document, and what has been said so far."""

    state: FollowupState
    plan: FollowedPlan
    policy: PolicyInForce
    said: list[Event] = field(default_factory=list)
    _served: tuple[date, tuple[Served, ...]] | None = None

    def served(self, day: date) -> tuple[Served, ...]:
        """Give what each instalment has by `day`; money does not move and totals only by rewards."""
        if self._served is None or self._served[0] != day:
            self._served = day, served_by(self.plan, self.state, day, self.policy)
        return self._served[1]

    def rewarded(self, day: date) -> None:
        """Grant what has vested: instalments may be less from now on."""
        self.plan, charges, said = reward(self.plan, self.state, day, self.policy)
        self.state = self.state.model_copy(update={"charges": charges})
        self.said += said
        self._served = None if said else self._served

    def update(self, **changes: object) -> None:
        self.plan = self.plan.model_copy(update=changes)

    def done(self) -> tuple[FollowupState, tuple[Event, ...]]:
        return self.state.model_copy(update={"plan": self.plan}), tuple(self.said)


def policy_of(plan: FollowedPlan, reference: Reference) -> PolicyInForce:
    """The terms of a plan are those of the policy in force when it was signed."""
    return reference.policies.in_force(plan.policy, plan.effective)


def plan_due(state: FollowupState) -> date | None:
    """Give the first day whose close has work on the plan."""
    plan = state.plan
    if plan is None:
        return None
    if plan.replay:
        return plan.judged_to
    if state.status is not FollowupStatus.LIVE:
        return None
    return min((day for day in _work_days(state, plan) if day > plan.judged_to), default=None)


def close_plan(
    state: FollowupState, day: date, reference: Reference
) -> tuple[FollowupState, tuple[Event, ...]]:
    """Judge the plan again up to where it was judged, then each day with work up to `day`."""
    plan = state.plan
    if plan is None:
        return state, ()
    work = _Work(state, plan, policy_of(plan, reference))
    if plan.replay:
        _replay(work, day, reference)
    while work.state.status is FollowupStatus.LIVE and work.plan.judged_to < day:
        _judge(work, min(day, *_days_ahead(work)), reference)
    return work.done()


def finish(state: FollowupState, day: date, reference: Reference) -> tuple[FollowupState, tuple[Event, ...]]:
    """The case is closed: if the money settles every instalment, the plan was completed; say so."""
    plan = state.plan
    if plan is None or state.status is not FollowupStatus.LIVE:
        return state, ()
    work = _Work(state, plan, policy_of(plan, reference))
    if _is_settled(work, day):
        _conclude(work, day)
        _complete(work, day)
    return work.done()


def served_by(
    plan: FollowedPlan, state: FollowupState, day: date, policy: PolicyInForce
) -> tuple[Served, ...]:
    """Give what each instalment has of the money dated up to `day`."""
    tolerance = policy.followup.underpayment_tolerance_pct
    settles = [enough(line.total, tolerance, policy) for line in plan.lines]
    return serve(plan.lines, settles, state.received, plan.effective, day)


def _work_days(state: FollowupState, plan: FollowedPlan) -> set[date]:
    """Give the days of a live plan: of its instalments and reviews, of the pause, and of money ahead."""
    days = {plan.review_on, plan.stretched_on, date.max}
    for line in plan.lines:
        if line.state is LineState.DUE:
            days.add(line.due)
        if line.state in UNPAID:
            days |= {line.until, line.breach_on}
    if plan.paused_until is not None and plan.paused_until < date.max:
        days.add(date.fromordinal(plan.paused_until.toordinal() + 1))
    days |= {entry.on for entry in state.received if entry.on >= plan.effective}
    return days


def _days_ahead(work: _Work) -> list[date]:
    return [day for day in _work_days(work.state, work.plan) if day > work.plan.judged_to] or [date.max]


def _replay(work: _Work, day: date, reference: Reference) -> None:
    """Correct what had been concluded: on the days closed since, nothing was due by what was known then."""
    work.update(replay=False)
    if work.plan.ended_on is not None:
        _conclude(work, work.plan.ended_on, corrects=True)
        return
    known_to = max(min(day_before(min(_days_ahead(work))), day), work.plan.judged_to)
    _conclude(work, known_to, corrects=True)
    work.update(judged_to=known_to)
    if known_to >= day:
        _act(work, known_to, reference)


def _judge(work: _Work, day: date, reference: Reference) -> None:
    """Conclude and act on the close of one day."""
    _conclude(work, day)
    work.update(judged_to=day)
    _act(work, day, reference)


def _act(work: _Work, day: date, reference: Reference) -> None:
    """Do what the conclusions ask for: each of it once."""
    if not _is_settled(work, day):
        work.rewarded(day)
    if _is_settled(work, day):
        _conclude(work, day)
        _complete(work, day)
        return
    _support(work, day)
    if breaks(work.plan, day, work.policy):
        _break(work, day)
        return
    _review(work, day, reference)


def _is_settled(work: _Work, day: date) -> bool:
    """Say whether every instalment has enough, those that are not due yet included."""
    return all(part.reached is not None for part in work.served(day))


def _conclude(work: _Work, day: date, *, corrects: bool = False) -> None:
    """Conclude about each instalment on the money dated up to `day`, and say what is new."""
    served = work.served(day)
    completed = work.state.status is FollowupStatus.COMPLETED
    settled = completed or all(part.reached is not None for part in served)
    for index, (line, part) in enumerate(zip(work.plan.lines, served, strict=True)):
        now = _concluded(line, part, day, settled=settled)
        if now is line.state:
            continue
        lines = (
            *work.plan.lines[:index],
            line.model_copy(update={"state": now}),
            *work.plan.lines[index + 1 :],
        )
        work.update(lines=lines)
        if corrects or now not in _NEXT[line.state]:
            work.said.append(_correction(work.plan, line, part.paid, now))
        work.said += _fact(work.plan, line, part, now)


def _concluded(line: Line, part: Served, day: date, *, settled: bool) -> LineState:
    """Paid when enough was there, in time or not; before its day only if nothing at all is left to pay."""
    if part.reached is not None and (line.due <= day or settled):
        return LineState.PAID if part.reached <= line.until else LineState.PAID_LATE
    if day < line.due:
        return LineState.DUE
    if day >= line.until:
        return LineState.MISSED
    return LineState.PARTIAL if part.at_due.is_positive else LineState.LATE


def _common(plan: FollowedPlan, line: Line, paid: Money) -> dict[str, object]:
    return {
        "agreement_id": plan.agreement_id,
        "version": plan.version,
        "number": line.number,
        "due": line.due,
        "total": line.total,
        "paid": paid,
    }


def _fact(plan: FollowedPlan, line: Line, part: Served, now: LineState) -> list[Event]:
    about = _common(plan, line, part.paid)
    if now is LineState.PARTIAL:
        return [InstalmentPartial.model_validate(about)]
    if now is LineState.LATE:
        return [InstalmentLate.model_validate({**about, "grace_until": line.until})]
    if now is LineState.MISSED:
        run = missed_in_a_row(plan.lines, line.number)
        return [InstalmentMissed.model_validate({**about, "missed_in_a_row": run})]
    if now in SETTLED:
        on_time = now is LineState.PAID
        return [InstalmentPaid.model_validate({**about, "on": part.reached, "on_time": on_time})]
    return []


def _correction(plan: FollowedPlan, line: Line, paid: Money, now: LineState) -> InstalmentCorrected:
    if line.state in SETTLED:
        code = ReasonCode.PAYMENT_BACKDATED if now is LineState.PAID else ReasonCode.PAYMENT_RETURNED
    else:
        code = ReasonCode.PAID_LATER_FOUND if now in SETTLED else ReasonCode.PAYMENT_BACKDATED
    return InstalmentCorrected.model_validate(
        {
            **_common(plan, line, paid),
            "was": line.state.value,
            "now": now.value,
            "reason": Reason(code=code),
        }
    )


def _complete(work: _Work, day: date) -> None:
    served = work.served(day)
    currencies = dict.fromkeys(line.total.currency for line in work.plan.lines)
    paid = tuple(
        Money.sum((part.paid for part in served if part.paid.currency == currency), currency)
        for currency in currencies
    )
    work.said.append(PlanCompleted(agreement_id=work.plan.agreement_id, as_of=day, paid=paid))
    work.update(ended_on=day, judged_to=day, review_open=False)
    work.state = work.state.model_copy(update={"status": FollowupStatus.COMPLETED})


def _break(work: _Work, day: date) -> None:
    missed = missed_numbers(work.plan.lines)
    unpaid = [line for line in work.plan.lines if line.state in UNPAID]
    longest = max(((day - line.due).days for line in unpaid), default=0)
    params = {"missed": str(len(missed)), "days_late": str(longest)}
    work.said.append(
        PlanBroken(
            agreement_id=work.plan.agreement_id,
            as_of=day,
            missed=len(missed),
            reasons=(Reason(code=ReasonCode.MISSED_TOO_MANY, params=params),),
        )
    )
    work.update(ended_on=day, review_open=False)
    work.state = work.state.model_copy(update={"status": FollowupStatus.BROKEN})


def _support(work: _Work, day: date) -> None:
    """Offer support once for each time of difficulty."""
    if not missed_numbers(work.plan.lines):
        if not is_paused(work.plan, day):
            work.update(support_offered=False)
    elif not work.plan.support_offered and supports(work.plan, work.policy):
        work.update(support_offered=True)
        reasons = (Reason(code=ReasonCode.COOPERATED), Reason(code=ReasonCode.TEMPORARY_DIFFICULTY))
        work.said.append(SupportOffered(as_of=day, reasons=reasons))


def _review(work: _Work, day: date, reference: Reference) -> None:
    """Ask for the review that is due; its rhythm is that of the policy of the day."""
    plan, policy = work.plan, reference.policies.in_force(work.plan.policy, day)
    if not review_is_due(plan, day, policy):
        return
    stretched = is_performing(plan.lines, policy)
    rules = policy.followup
    months = rules.review_months_performing if stretched else rules.review_months
    code = ReasonCode.REVIEW_STRETCHED if stretched else ReasonCode.REVIEW_REGULAR
    work.said.append(
        ReviewDue(
            number=plan.reviews + 1,
            due=day,
            interval_months=months,
            reasons=(Reason(code=code, params={"months": str(months)}),),
        )
    )
    regular, well = review_dates(day, policy)
    work.update(reviews=plan.reviews + 1, review_open=True, review_on=regular, stretched_on=well)
