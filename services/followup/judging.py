"""Keeping a plan: what is concluded about its instalments, day by day. Pure.

Every conclusion follows from the money by value date, whenever it arrived: a plan is judged again from all of
it, and what differs from what was said before is corrected, either way. A reward stays granted (what has
vested never returns), and a plan that was broken stays so; its instalments are corrected still. How a plan
ends, and how a completed one is live again, is in `ending`.
"""

from datetime import date

from services.followup.ending import complete, credit, judge_breach, reopen
from services.followup.group import offered
from services.followup.ledger import Served
from services.followup.model import FollowedPlan, FollowupState, FollowupStatus, Line, LineState
from services.followup.returns import dated
from services.followup.rules import (
    SETTLED,
    UNPAID,
    day_before,
    days_in,
    end_too_late_on,
    invites_to,
    is_paused,
    is_performing,
    is_shielded,
    later,
    missed_in_a_row,
    missed_numbers,
    pauses_of,
    review_days,
    review_is_due,
    review_late_on,
    supports,
    talks_of,
    too_late_on,
)
from services.followup.work import Work, policy_of, served_by
from shared.contracts.base import Event, Reason
from shared.contracts.followup import (
    InstalmentCorrected,
    InstalmentLate,
    InstalmentMissed,
    InstalmentPaid,
    InstalmentPartial,
    ReviewDue,
    SupportOffered,
)
from shared.contracts.followup_care import ReviewInvited, ReviewOverdue
from shared.contracts.reasons import ReasonCode
from shared.lending.money import Money
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


def plan_due(state: FollowupState) -> date | None:
    """Give the first day whose close has work on the plan."""
    plan = state.plan
    if plan is None:
        return None
    if plan.doubted is not None:
        return plan.doubted.until
    if plan.replay:
        return plan.judged_to
    if plan.completed:  # money of a day after the completion is credit
        return min((entry.on for entry in state.received if entry.on > plan.judged_to), default=None)
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
    work = Work(state, plan, policy_of(plan, reference))
    work.plan = dated(plan, state, work.policy)
    if plan.replay:
        _replay(work, day, reference)
    while (ahead := _next(work, day)) is not None:
        step = _reconsider if work.plan.completed else _judge
        step(work, ahead, reference)
    return work.done()


def _next(work: Work, day: date) -> date | None:
    """The next day up to `day` to look at: of a completed plan those of money, which may reopen it."""
    if work.plan.completed:
        later = (entry.on for entry in work.state.received if work.plan.judged_to < entry.on <= day)
        return min(later, default=None)
    live = work.state.status is FollowupStatus.LIVE and work.plan.judged_to < day
    return min(day, *_days_ahead(work)) if live else None


def finish(state: FollowupState, day: date, reference: Reference) -> tuple[FollowupState, tuple[Event, ...]]:
    """The case is closed: if the money settles every instalment, the plan was completed; say so.

    Of one that was completed before, say what has come beyond it: no evening looks at it any more.
    """
    plan = state.plan
    if plan is None or not (state.status is FollowupStatus.LIVE or plan.completed):
        return state, ()
    work = Work(state, plan, policy_of(plan, reference))
    work.plan = dated(plan, state, work.policy)
    if not work.is_settled(day):
        return work.done()
    if plan.completed:
        credit(work, day)
    else:
        _conclude(work, day)
        complete(work, day, with_case=True)
    return work.done()


def _work_days(state: FollowupState, plan: FollowedPlan) -> set[date]:
    """Give the days of a live plan: of its instalments and reviews, of the pause, and of money ahead."""
    days = {plan.review_on, plan.stretched_on, date.max}
    for line in plan.lines:
        if line.state is LineState.DUE:
            days.add(line.due)
        if line.state in UNPAID:
            days |= {line.until, too_late_on(line, plan.stops)}
    if plan.stops and any(line.state in UNPAID for line in plan.lines):
        days.add(end_too_late_on(plan))
    others = (plan.cure_by, plan.review_late_on, plan.invite_on, plan.invite_well_on)
    days |= {day for day in others if day is not None}
    if plan.cure_by is not None and plan.paused_from is not None:
        days.add(plan.paused_from)  # voids the notice: were it there when the talks end, the plan broke by it
    days |= {later(pause.until, 1) for pause in talks_of(plan)}
    days |= {entry.on for entry in state.received if entry.on >= plan.effective}
    days |= {entry.told for entry in state.returned}  # the new grace, also where nothing is left of the money
    if all(line.total.is_zero for line in plan.lines):  # everything is waived: settled with the signature
        days.add(plan.effective)
    return days


def _days_ahead(work: Work) -> list[date]:
    return [day for day in _work_days(work.state, work.plan) if day > work.plan.judged_to] or [date.max]


def _replay(work: Work, day: date, reference: Reference) -> None:
    """Correct what had been concluded: on the days closed since, nothing was due by what was known then."""
    work.update(replay=False)
    if work.plan.completed:
        _reconsider(work, day, reference)
        return
    if work.plan.ended_on is not None:
        _conclude(work, work.plan.ended_on, corrects=True)
        return
    known_to = max(min(day_before(min(_days_ahead(work))), day), work.plan.judged_to)
    _conclude(work, known_to, corrects=True)
    work.update(judged_to=known_to)
    if known_to >= day:
        _act(work, known_to, reference)


def _reconsider(work: Work, day: date, reference: Reference) -> None:
    """Look at a completed plan again: it stays so while the money is there, whatever its dates."""
    day = max(day, work.plan.judged_to)
    if work.is_settled(day):
        _conclude(work, day, corrects=True)
        credit(work, day)
        work.update(judged_to=day)
        return
    reopen(work, day)
    _conclude(work, day, corrects=True)
    work.update(judged_to=day)
    _act(work, day, reference)


def _judge(work: Work, day: date, reference: Reference) -> None:
    """Conclude and act on the close of one day."""
    _conclude(work, day)
    work.update(judged_to=day)
    _act(work, day, reference)


def _act(work: Work, day: date, reference: Reference) -> None:
    """Do what the conclusions ask for: each of it once."""
    if not work.is_settled(day):
        work.rewarded(day)
    if work.is_settled(day):
        _conclude(work, day)
        complete(work, day)
        return
    _support(work, day)
    if judge_breach(work, day):
        return
    _review(work, day, reference)


def _conclude(work: Work, day: date, *, corrects: bool = False) -> None:
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
        in_time = part.reached <= line.until and not line.was_late
        return LineState.PAID if in_time else LineState.PAID_LATE
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
        return [InstalmentMissed.model_validate({**about, "missed_in_a_row": run, **_shield(plan, line)})]
    if now in SETTLED:
        how = {"on": part.reached, "on_time": now is LineState.PAID}
        rests = 0 if part.reached is None else days_in(pauses_of(plan), line.due, part.reached)
        return [
            InstalmentPaid.model_validate({**about, **how, **_shield(plan, line), "shielded_days": rests})
        ]
    return []


def _shield(plan: FollowedPlan, line: Line) -> dict[str, object]:
    return {"shielded": is_shielded(line, pauses_of(plan))}


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
            **_shield(plan, line),
        }
    )


def _support(work: Work, day: date) -> None:
    """Offer support once for each time of difficulty."""
    if not missed_numbers(work.plan.lines):
        if not is_paused(work.plan, day):
            work.update(support_offered=False)
    elif work.plan.silent:
        return
    elif not work.plan.support_offered and supports(work.plan, work.policy):
        work.update(support_offered=True)
        work.state = offered(work.state)
        reasons = (Reason(code=ReasonCode.COOPERATED), Reason(code=ReasonCode.TEMPORARY_DIFFICULTY))
        work.said.append(SupportOffered(as_of=day, reasons=reasons))


def _review(work: Work, day: date, reference: Reference) -> None:
    """Invite to a review, ask for the one that is due; its rhythm is the one that was agreed."""
    plan, policy = work.plan, policy_of(work.plan, reference, day)
    if plan.silent:
        return
    if plan.review_open and plan.review_late_on is not None and plan.review_late_on <= day:
        _overdue(work, day)
        plan = work.plan
    to = invites_to(plan, day, policy)
    if to is not None:
        work.said.append(ReviewInvited(number=plan.reviews + 1, on=to, as_of=day))
        work.update(invited_for=to)
    if not review_is_due(plan, day, policy):
        return
    stretched = is_performing(plan, policy)
    rules = policy.followup
    months = rules.review_months_performing if stretched else rules.review_months
    code = ReasonCode.REVIEW_STRETCHED if stretched else ReasonCode.REVIEW_REGULAR
    work.said.append(
        ReviewDue(
            number=plan.reviews + 1,
            due=day,
            interval_months=months,
            reasons=(Reason(code=code, params={"months": str(months)}),),
            questions=policy.reviews.questions,
            records=policy.reviews.records,
        )
    )
    late = review_late_on(day, policy)
    work.update(
        reviews=plan.reviews + 1,
        review_open=True,
        review_asked_on=day,
        review_late_on=late,
        **review_days(day, policy),
    )


def _overdue(work: Work, day: date) -> None:
    """A review was not held in its time: somebody else hears of it, once; the plan is none the worse."""
    plan, owner = work.plan, work.state.owner
    due = plan.review_asked_on or day
    work.said.append(ReviewOverdue(number=max(plan.reviews, 1), due=due, as_of=day, owner=owner))
    work.update(review_late_on=None)
