"""What is learnt from talking to the borrower while a plan is kept: reviews, hardship, contacts. Pure."""

from datetime import date

from services.followup import group
from services.followup.cooperation import note_contact, note_hardship
from services.followup.model import FollowedPlan, FollowupState
from services.followup.rules import (
    ended_by,
    in_talks,
    is_performing,
    is_stopped,
    is_temporary,
    later,
    may_pause,
    missed_numbers,
    pause_until,
    review_dates,
    review_days,
    talks_of,
)
from services.followup.work import policy_of
from shared.contracts import desk, intake
from shared.contracts.base import Event, Reason
from shared.contracts.desk_care import ReviewNotHeld, SatisfactionTopic
from shared.contracts.followup import (
    ContactNoted,
    RenegotiationRequested,
    ReviewRecorded,
    SupportOffered,
)
from shared.contracts.followup_care import DifficultyLasts, ReviewPassed
from shared.contracts.reasons import ReasonCode
from shared.policy.reference import Reference

__all__ = [
    "brought",
    "contact",
    "debts_changed",
    "hardship",
    "review_passed",
    "reviewed",
    "round_again",
    "round_over",
    "unsaid",
]

Step = tuple[FollowupState, tuple[Event, ...]]

_REVIEW_OVER = {"review_open": False, "review_late_on": None}
# Pauses of one plan that are remembered: each needs that the borrower had caught up since the one before.
_PAUSES_KEPT = 30


def contact(state: FollowupState, plan: FollowedPlan, data: desk.ContactRecorded) -> Step:
    """Note a contact (R50). Who talks to us shows good will: support is considered again."""
    talked = data.outcome is desk.ContactOutcome.TALKED and not data.with_another
    state = state.model_copy(update={"cooperation": note_contact(state.cooperation, data)})
    noted = ContactNoted(
        at=data.at,
        place=data.place,
        participants=data.participants,
        key_points=data.key_points,
        talked=talked,
    )
    if not talked or plan.cooperated:
        return state, (noted,)
    look = bool(missed_numbers(plan.lines)) and not plan.support_offered
    update = {"cooperated": True, "replay": plan.replay or look}
    return state.model_copy(update={"plan": plan.model_copy(update=update)}), (noted,)


def unsaid(data: desk.ReviewHeld) -> tuple[str, ...]:
    """Name what the record of a review leaves blank (R50): such a one is no review yet."""
    said = {
        "place": data.place,
        "participants": "".join(data.participants),
        "key_points": data.key_points.value,
    }
    return tuple(name for name, words in said.items() if not words.strip())


def reviewed(
    state: FollowupState, plan: FollowedPlan, data: desk.ReviewHeld, day: date, reference: Reference
) -> Step:
    """Record a review: the next one counts from it; new difficulties lead back to the table (R45, R55)."""
    policy = policy_of(plan, reference, day)
    regular, well = review_dates(day, policy)
    number = plan.reviews if plan.review_open else 0
    update = {**_REVIEW_OVER, **review_days(day, policy), "reviewed_on": day, "cooperated": True}
    if not data.new_difficulties:
        update["difficulty_lasts"] = False
    plan = plan.model_copy(update=update)
    known = state.cooperation.model_copy(update={"reviews_passed": 0})
    state = state.model_copy(update={"cooperation": known})
    recorded = ReviewRecorded(
        number=number,
        at=data.at,
        new_difficulties=data.new_difficulties,
        special_needs=data.special_needs,
        next_review=well if is_performing(plan, policy) else regular,
        place=data.place,
        participants=data.participants,
        satisfaction=data.satisfaction,
        feedback=data.feedback is not None,
        feedback_about=data.feedback_about,
    )
    said: tuple[Event, ...] = (recorded,)
    if data.satisfaction is None:
        said += (group.asks(SatisfactionTopic.REVIEW, day),)
    if data.special_needs:
        state = group.offered(state)
        said += (SupportOffered(as_of=day, reasons=(Reason(code=ReasonCode.SPECIAL_NEEDS),)),)
    if data.new_difficulties:
        plan, requested = _back_to_the_table(plan, day, Reason(code=ReasonCode.NEW_DIFFICULTIES), reference)
        said += requested
    return state.model_copy(update={"plan": plan}), said


def review_passed(
    state: FollowupState, plan: FollowedPlan, data: ReviewNotHeld, day: date, reference: Reference
) -> Step:
    """A review that was declined, or could not be held, does a plan no harm; the next one has its day."""
    policy = policy_of(plan, reference, day)
    regular, well = review_dates(day, policy)
    number = plan.reviews if plan.review_open else 0
    after = plan.model_copy(update={**_REVIEW_OVER, **review_days(day, policy), "reviewed_on": day})
    known = state.cooperation
    passed = known.model_copy(update={"reviews_passed": known.reviews_passed + 1})
    said = ReviewPassed(
        number=number,
        outcome=data.outcome,
        next_review=well if is_performing(plan, policy) else regular,
    )
    return state.model_copy(update={"plan": after, "cooperation": passed}), (said,)


def round_over(
    state: FollowupState, plan: FollowedPlan, day: date, *, evidence_may_come: bool = False
) -> FollowupState:
    """The talks that a report of hardship led to are over: what protected the plan ends with the day.

    `evidence_may_come`: no plan was found, and what the borrower brings next is looked at without a new wish.
    """
    over = {"talks_over_on": day, "seeks": evidence_may_come}
    plan = _over(plan.model_copy(update=over), day)
    return state.model_copy(update={"plan": plan})


def _over(plan: FollowedPlan, day: date) -> FollowedPlan:
    began, until = plan.paused_from, plan.paused_until
    if began is None or until is None or not began <= day < until:
        return plan
    left = 0 if until == date.max else (until - day).days
    return plan.model_copy(update={"paused_until": day, "pause_left": left})


def round_again(state: FollowupState, plan: FollowedPlan, day: date) -> FollowupState:
    """Talks that had ended are taken up again, on better evidence: what was reported protects on."""
    return state.model_copy(update={"plan": _goes_on(plan, day).model_copy(update={"talks_over_on": None})})


def brought(state: FollowupState, plan: FollowedPlan, day: date) -> FollowupState:
    """The borrower has sent what the talks lacked: how long it is looked at is not theirs to answer for.

    What comes on the day of an answer may be what was answered, whichever is read first.
    """
    if not plan.seeks or plan.paused_until is None or day <= plan.paused_until:
        return state
    after, over = _goes_on(plan, day), plan.talks_over_on
    if over is not None and over >= day:
        after = _over(after, over)
    return state.model_copy(update={"plan": after})


def _goes_on(plan: FollowedPlan, day: date) -> FollowedPlan:
    """Protect on, no longer in all than the first round would have been: the days in between do not count."""
    ended, left = plan.paused_until, plan.pause_left
    if ended is None or left <= 0 or day < ended:
        return plan
    if day > ended:
        earlier = {"pauses": talks_of(plan)[-_PAUSES_KEPT:], "paused_from": day}
        plan, left = plan.model_copy(update=earlier), left - 1
    return plan.model_copy(update={"paused_until": later(day, left), "pause_left": 0})


def hardship(
    state: FollowupState, plan: FollowedPlan, data: desk.HardshipReported, day: date, reference: Reference
) -> Step:
    """Changed circumstances: back to the table; a temporary difficulty has the support group beside it."""
    reason = Reason(code=ReasonCode.HARDSHIP_REPORTED, params={"cause": data.cause.value})
    told = note_hardship(state.cooperation, plan)
    state = state.model_copy(update={"cooperation": told})
    plan = plan.model_copy(update={"cooperated": True})
    plan, said = _back_to_the_table(plan, day, reason, reference)
    temporary = is_temporary(data, policy_of(plan, reference))
    lasts = not temporary and (data.expected_end is None or data.expected_end >= day)
    plan = plan.model_copy(update={"difficulty_lasts": lasts})
    if lasts:
        said += (DifficultyLasts(agreement_id=plan.agreement_id, as_of=day),)
    if temporary and not plan.support_offered:
        plan = plan.model_copy(update={"support_offered": True})
        state = group.offered(state)
        reasons = (Reason(code=ReasonCode.COOPERATED), Reason(code=ReasonCode.TEMPORARY_DIFFICULTY))
        said += (SupportOffered(as_of=day, reasons=reasons),)
    return state.model_copy(update={"plan": plan}), said


def debts_changed(
    state: FollowupState, plan: FollowedPlan, data: intake.PlanDebtsChanged, day: date, reference: Reference
) -> Step:
    """Debts have left the plan, or come back: talks over what remains, the schedule kept meanwhile.

    Nobody is held to a plan none of whose debts remains: it rests until one comes back.
    """
    resting = plan.paused_until == date.max
    if not data.remaining:
        rests = {
            "paused_from": plan.paused_from if in_talks(plan, day) else day,
            "paused_until": date.max,
            "pause_left": 0,
            "unreported": plan.unreported or not in_talks(plan, day),
        }
        return state.model_copy(update={"plan": plan.model_copy(update=rests)}), ()
    if (in_talks(plan, day) and not resting) or not (data.left or data.beside or resting):
        # Talks are under way and hear of the debts themselves; or everything is as it was signed.
        return state, ()
    until = pause_until(day, policy_of(plan, reference, day))
    talks = {"paused_from": plan.paused_from if resting else day, "paused_until": until, "pause_left": 0}
    after = plan.model_copy(update={**talks, "unreported": plan.unreported or not resting})
    said: tuple[Event, ...] = ()
    if data.left or data.beside:
        code = ReasonCode.DEBT_LEFT_PLAN if data.left else ReasonCode.ACCOUNT_OVERDUE
        reason = Reason(code=code, params={"account": (data.left or data.beside)[0]})
        said = (RenegotiationRequested(agreement_id=plan.agreement_id, as_of=day, reasons=(reason,)),)
    return state.model_copy(update={"plan": after}), said


def _back_to_the_table(
    plan: FollowedPlan, day: date, reason: Reason, reference: Reference
) -> tuple[FollowedPlan, tuple[Event, ...]]:
    """Ask for new talks, once for each pause; while they last, misses do not break the plan.

    Who has not caught up since the last pause is protected for the days that it left. In a pause that they
    did not begin perhaps nobody talks (all debts are back), and its days are not those of what they report.
    """
    plan = plan.model_copy(update={"told_on": day})
    if is_stopped(plan, day):
        return plan.model_copy(update={"talks_after": True}), ()
    if in_talks(plan, day) and (not plan.unreported or plan.paused_until == date.max):
        return plan, ()
    if may_pause(plan):
        until = pause_until(day, policy_of(plan, reference, day))
        before = ended_by(talks_of(plan)[-_PAUSES_KEPT:], day)
        now = {
            "pauses": before,
            "paused_from": day,
            "paused_until": until,
            "pause_left": 0,
            "unreported": False,
        }
        plan = plan.model_copy(update=now)
    else:
        plan = _goes_on(plan, day)
    return plan, (RenegotiationRequested(agreement_id=plan.agreement_id, as_of=day, reasons=(reason,)),)
