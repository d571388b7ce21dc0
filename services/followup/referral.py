"""When a case may go to the lawyers (R71a): after talks or attempts that led nowhere, not before. Pure.

No offer is made without an assessment, so an offer that was refused or lapsed is proof of both. Of attempts
within the rules of contact one a day counts; none counts on a day on which stop events halt the case, nor one
about a debt that is stopped, and a talk begins the count anew. A complaint that is made afterwards holds the
referral, and so does a stop that had begun before it; the bank is told.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

from services.followup.model import Attempts, FollowupState, FollowupStatus
from services.followup.rules import bank_answers_by
from shared.contracts import desk, offer
from shared.contracts.base import Event, Reason
from shared.contracts.debts import DebtSnapshot, DebtStatus
from shared.contracts.departures import may_decide
from shared.contracts.desk_care import LegalReferralAsked
from shared.contracts.envelope import Envelope
from shared.contracts.followup_care import LegalReferralHeld, LegalReferralMade, LegalReferralResumed
from shared.contracts.ids import derive_id
from shared.contracts.reasons import ReasonCode
from shared.policy.model import PolicyInForce
from shared.policy.reference import Reference
from shared.policy.roster import SUPERVISORS

__all__ = [
    "NOT_REFERRED",
    "asked",
    "held_by_a_stop",
    "held_or_resumed",
    "is_held_by_a_complaint",
    "late_since",
    "note_attempt",
    "note_table",
    "note_talks",
    "without_apart",
    "without_attempt_of",
    "without_grounds_since",
]

NOT_REFERRED = {
    "referred_on": None,
    "referral_overridden": False,
    "referral_held_on": None,
    "referral_void": False,
}

_REFUSED_OR_LAPSED = {ReasonCode.OFFER_REJECTED, ReasonCode.NO_ANSWER, ReasonCode.ROUNDS_EXHAUSTED}


def late_since(debts: Iterable[DebtSnapshot]) -> date | None:
    """Give the day since which the oldest debt that may be talked about is past due."""
    days = [
        debt.as_of - timedelta(days=min(debt.days_past_due, debt.as_of.toordinal() - 1))
        for debt in debts
        if debt.status is DebtStatus.ACTIVE and debt.days_past_due
    ]
    return min(days, default=None)


def without_apart(state: FollowupState, debts: Iterable[DebtSnapshot], day: date) -> FollowupState:
    """Note which debts are not talked about; no attempt counts on the day on which they change."""
    apart = tuple(sorted(debt.debt_id for debt in debts if debt.status is not DebtStatus.ACTIVE))
    if apart == state.apart:
        return state
    return without_attempt_of(state.model_copy(update={"apart": apart}), day)


def note_talks(state: FollowupState, data: offer.OfferLapsed | offer.TalksFailed) -> FollowupState:
    """An offer has lapsed or was refused by the borrower; what the lender refuses is no ground.

    Nor is what lapsed before the plan that was signed since, whichever is read first.
    """
    if state.plan is not None and data.as_of < state.plan.effective:
        return state
    if isinstance(data, offer.TalksFailed) and data.reason.code not in _REFUSED_OR_LAPSED:
        return state
    return state.model_copy(update={"talks_ended_on": data.as_of})


def note_table(state: FollowupState, data: Event) -> FollowupState:
    """Note whether an offer stands; one that was accepted does until it is signed or taken back.

    One that a balance had replaced may be accepted the same day: what replaced it goes, what it was stays.
    The word of that may come after the signature, by another topic.
    """
    if isinstance(data, offer.OfferWithdrawn) and data.reason.code is ReasonCode.OFFER_ALREADY_ANSWERED:
        return state
    accepted = isinstance(data, offer.ApprovalRequested | offer.OfferAgreed)
    if accepted and state.status is FollowupStatus.LIVE:
        return state
    stands = accepted or isinstance(data, offer.OfferTabled | offer.OfferRevised)
    return state if stands == state.offer_stands else state.model_copy(update={"offer_stands": stands})


def note_attempt(
    state: FollowupState, data: desk.ContactRecorded, day: date, *, kept_the_rules: bool
) -> FollowupState:
    """Count an attempt of ours that led nowhere; who was talked to can be talked to again.

    One that was not within the rules of contact is on file and counts for nothing here, nor does one about a
    debt that is not talked about, or with somebody who is not the borrower.
    """
    if data.with_another:
        return state
    if data.outcome is desk.ContactOutcome.TALKED:
        known = Attempts(void_on=state.attempts.void_on)
        return state if not state.attempts.count else state.model_copy(update={"attempts": known})
    known = state.attempts
    counts = (known.last is None or day > known.last) and day != known.void_on
    if data.party != "borrower":  # who speaks for them can be talked to, and is not who was tried
        return state
    if data.direction is not desk.ContactDirection.OUTBOUND or state.halted_on is not None or not counts:
        return state
    if not kept_the_rules or set(data.debts) & set(state.apart):
        return state
    more = {"count": known.count + 1, "first": known.first or day, "last": day, "before": known.last}
    return state.model_copy(update={"attempts": known.model_copy(update=more)})


def without_attempt_of(state: FollowupState, day: date) -> FollowupState:
    """A stop begins or ends on `day`: an attempt of that day does not count, read before that or after."""
    known = state.attempts.model_copy(update={"void_on": day})
    if known.last == day:
        less = {"count": known.count - 1, "first": known.first if known.count > 1 else None}
        known = known.model_copy(update={**less, "last": known.before, "before": None})
    return state.model_copy(update={"attempts": known})


def without_grounds_since(state: FollowupState, since: date) -> FollowupState:
    """Forget the attempts, and the end of talks, that turn out to have been while the case was halted.

    How many of the attempts were made before is not known, so they begin anew.
    """
    update: dict[str, object] = {}
    if state.attempts.last is not None and state.attempts.last > since:
        update["attempts"] = Attempts(void_on=state.attempts.void_on)
    if state.talks_ended_on is not None and state.talks_ended_on > since:
        update["talks_ended_on"] = None
    return state.model_copy(update=update)


def asked(
    state: FollowupState,
    message: Envelope[LegalReferralAsked],
    policy: PolicyInForce,
    reference: Reference,
    *,
    complains: bool,
) -> tuple[FollowupState, tuple[Event, ...]] | Reason:
    """Refer the case, or say what has to come first.

    `complains`: a complaint without its final response holds it back, but not what cannot wait by the pack.
    """
    data, day, cause = message.data, message.day, message.id
    again = data.override is not None and state.referral_held_on is not None
    if state.referred_on is not None and not state.referral_void and not again:
        return state, ()
    doubted = state.plan is not None and state.plan.doubted is not None
    # What was told today is on its way, and what it means for the plan is known at the close of the day.
    if state.halted_on is not None or state.stop_told_on == day or doubted:
        return Reason(code=ReasonCode.LEGAL_STOPPED)
    if state.status is FollowupStatus.LIVE:
        return Reason(code=ReasonCode.LEGAL_PLAN_KEPT)
    if data.override is None and state.offer_stands:
        return Reason(code=ReasonCode.LEGAL_OFFER_OPEN)
    if data.override is None and complains:
        return Reason(code=ReasonCode.LEGAL_COMPLAINT_OPEN)
    if data.override is not None and not may_decide(reference, data.by, SUPERVISORS, day):
        return Reason(code=ReasonCode.NOT_ALLOWED_TO, params={"by": data.by})
    # What one pack of the case does not let go to court does not go: the case goes as a whole.
    answers = [
        _overridden(data, one) if data.override is not None else _grounds(state, day, one)
        for one in (policy, *_others(state, day, reference))
    ]
    refused = [answer for answer in answers if isinstance(answer, Reason)]
    if refused:
        return refused[0]
    why = answers[0]
    assert not isinstance(why, Reason)  # noqa: S101 - narrows: none of them is
    overridden = data.override is not None
    made = LegalReferralMade(as_of=day, by=data.by, reasons=why, overridden=overridden)
    after = state.model_copy(update={"referred_on": day, "referral_overridden": overridden})
    if state.referral_held_on is None:
        return after, (made,)
    told = LegalReferralResumed.model_validate(_told(state, day, policy, why[0], cause))
    return after.model_copy(update={"referral_held_on": None, "referral_void": False}), (made, told)


def held_by_a_stop(
    state: FollowupState, since: date, day: date, reference: Reference
) -> tuple[FollowupState, tuple[Event, ...]]:
    """Hold a referral that was made in a stop told only now, until it is asked for again, with grounds.

    It would have been refused that day; what was overridden waits for nothing here, either.
    """
    made_on = state.referred_on
    if state.policy is None or made_on is None or state.referral_overridden or since > made_on:
        return state, ()
    void = state.model_copy(update={"referral_void": True})
    if state.referral_held_on is not None:
        return void, ()
    policy, cause = reference.policies.in_force(state.policy, day), f"stop/{since}/{day}"
    told = _told(state, day, policy, Reason(code=ReasonCode.LEGAL_STOPPED), cause)
    return void.model_copy(update={"referral_held_on": day}), (LegalReferralHeld.model_validate(told),)


def held_or_resumed(
    state: FollowupState, cause: str, day: date, reference: Reference
) -> tuple[FollowupState, tuple[Event, ...]]:
    """Hold a referral for the first complaint that comes after it, until the last has its final response."""
    if state.policy is None or state.referred_on is None or state.referral_overridden:
        return state, ()
    held = state.referral_void or is_held_by_a_complaint(state, day, reference)
    if held == (state.referral_held_on is not None):
        return state, ()
    said = LegalReferralHeld if held else LegalReferralResumed
    reason = Reason(code=ReasonCode.LEGAL_COMPLAINT_OPEN if held else ReasonCode.COMPLAINT_ANSWERED)
    policy = reference.policies.in_force(state.policy, day)
    told = said.model_validate(_told(state, day, policy, reason, cause))
    return state.model_copy(update={"referral_held_on": day if held else None}), (told,)


def _told(state: FollowupState, day: date, policy: PolicyInForce, why: Reason, cause: str) -> dict[str, Any]:
    return {
        "instruction_id": derive_id("instruction", state.case, "referral", cause),
        "as_of": day,
        "reason": why,
        "answer_by": bank_answers_by(day, policy),
    }


def is_held_by_a_complaint(state: FollowupState, day: date, reference: Reference) -> bool:
    """Say whether a complaint is open and a pack of the case lets nobody go to court meanwhile."""
    own = [] if state.policy is None else [reference.policies.in_force(state.policy, day)]
    in_force = (*own, *_others(state, day, reference))
    return bool(state.contacts.complaints) and any(p.legal_referral.open_complaint_holds for p in in_force)


def _others(state: FollowupState, day: date, reference: Reference) -> tuple[PolicyInForce, ...]:
    """Give the other packs that rule the case."""
    packs = [pack for pack in state.contacts.packs if pack != state.policy and pack in reference.policies]
    return tuple(reference.policies.in_force(pack, day) for pack in packs)


def _overridden(data: LegalReferralAsked, policy: PolicyInForce) -> tuple[Reason, ...] | Reason:
    rules = policy.legal_referral
    allowed = data.override is not None and data.override.value in rules.override_reasons
    unsaid = data.words is None or not data.words.value.strip()
    if not allowed or data.role != rules.override_role or unsaid:
        return Reason(code=ReasonCode.LEGAL_OVERRIDE_REFUSED, params={"role": rules.override_role})
    return (Reason(code=ReasonCode.LEGAL_OVERRIDDEN, params={"cause": str(data.override)}),)


def _grounds(state: FollowupState, day: date, policy: PolicyInForce) -> tuple[Reason, ...] | Reason:
    rules, tried = policy.legal_referral, state.attempts
    late = 0 if state.late_since is None else (day - state.late_since).days
    if late < rules.min_days_past_due:
        return Reason(code=ReasonCode.LEGAL_TOO_EARLY, params={"days": str(rules.min_days_past_due)})
    if state.talks_ended_on is not None:
        on = state.talks_ended_on.isoformat()
        return (Reason(code=ReasonCode.LEGAL_TALKS_ENDED, params={"date": on}),)
    if not (rules.needs_assessment or rules.needs_refused_or_lapsed_offer):
        return (Reason(code=ReasonCode.LEGAL_TALKS_ENDED, params={"date": day.isoformat()}),)
    over = 0 if tried.first is None or tried.last is None else (tried.last - tried.first).days
    if tried.count >= rules.or_attempts and over >= rules.or_attempts_over_days:
        params = {"attempts": str(tried.count), "days": str(over)}
        return (Reason(code=ReasonCode.LEGAL_ATTEMPTS_IN_VAIN, params=params),)
    params = {"attempts": str(rules.or_attempts), "days": str(rules.or_attempts_over_days)}
    return Reason(code=ReasonCode.LEGAL_TALKS_FIRST, params=params)
