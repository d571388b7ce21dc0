"""Who signs for the borrower: by an authority that is verified, reaches to it, and held at that moment. Pure.

The desk's words about this case come by the topic of the signatures, in order. What it said about an earlier
case comes by intake: an authority counts from the next day, and an end is looked at when its day is closed.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any

from services.agreement import doubts
from services.agreement.model import Acting, AgreementState, AgreementStatus, Draft, Signature
from shared.contracts.base import Reason
from shared.contracts.decision import Decision
from shared.contracts.desk import SignatureGiven, SignatureParty, WithdrawalDeclared
from shared.contracts.desk_contact import AuthorityEnded, AuthorityRecorded
from shared.contracts.envelope import Envelope
from shared.contracts.intake_team import EarlierReachHeard
from shared.contracts.plan_terms import total_of
from shared.contracts.reach import EarlierAuthority, EarlierReach
from shared.contracts.reasons import ReasonCode
from shared.policy.model import PolicyInForce
from shared.policy.reference import Reference

__all__ = [
    "authorised",
    "authority_ended",
    "earlier_reach_heard",
    "handed_over",
    "refuses_signatory",
    "refuses_withdrawal",
    "signed_in_vain",
    "without_vain",
]

Outcome = Decision[AgreementState]
_KEPT = 20


def authorised(
    state: AgreementState | None, message: Envelope[AuthorityRecorded], reference: Reference
) -> Outcome:
    """Somebody acts for the borrower of this case; recorded again, they do so by the newer word."""
    if state is None:
        return Decision.wait(None)
    if state.status is AgreementStatus.CLOSED:
        return Decision(state)
    data = message.data
    given = Acting(
        authority_id=data.authority_id,
        party=data.party,
        since=message.time,
        until=data.until,
        debts=data.debts,
        verified=data.is_verified,
        signs=data.signs,
    )
    return _told(state, (given,), (data.authority_id,), message, None, reference)


def authority_ended(
    state: AgreementState | None, message: Envelope[AuthorityEnded], reference: Reference
) -> Outcome:
    """They do not act for the borrower any more; what they signed before that stands."""
    if state is None:
        return Decision.wait(None)
    if state.status is AgreementStatus.CLOSED:
        return Decision(state)
    return _told(state, (), (message.data.authority_id,), message, None, reference)


def earlier_reach_heard(
    state: AgreementState | None, message: Envelope[EarlierReachHeard], reference: Reference
) -> Outcome:
    """The same, said about an earlier case."""
    if state is None or state.status is AgreementStatus.CLOSED:
        return Decision(state)
    given = handed_over(message.data.reach, message.day)
    ended = (*message.data.ended, *(one.authority_id for one in given))
    return _told(state, given, ended, message, message.day, reference)


def handed_over(reach: EarlierReach | None, told: date | None = None) -> tuple[Acting, ...]:
    """Give who acts for the borrower by what is on file of earlier cases, or as intake `told` on a day."""
    return tuple(_earlier(one, told) for one in reach.authorities) if reach is not None else ()


def _earlier(one: EarlierAuthority, told: date | None) -> Acting:
    return Acting(
        authority_id=one.authority_id,
        party=one.party,
        since=one.since,
        until=one.until,
        debts=one.debts,
        verified=one.verified,
        signs=one.signs,
        told=told,
    )


def _told(
    state: AgreementState,
    given: Sequence[Acting],
    ended: Sequence[str],
    message: Envelope[Any],
    told: date | None,
    reference: Reference,
) -> Outcome:
    """Keep a word about authorities; what was signed by one and is in force may turn out to be in doubt."""
    known = _with(state, given, ended, message.time, told)
    after = known.model_copy(update={"acting": known.acting[-_KEPT:]})
    live = state.live
    if live is None or live.signature is None or live.signature.by not in ended:
        return Decision(after)
    on = live.drafted_on or live.effective
    policy = reference.policies.for_case(state.policy, on, agreed_on=live.pinned_on)
    before, now = (_why_not(one, live.signature, live.debts, policy) for one in (state, known))
    if before is not None or now is None:
        return Decision(after)
    after, said = doubts.by_authority(after, message.day)
    return Decision.of(after, *said)


def _with(
    state: AgreementState, given: Sequence[Acting], ended: Sequence[str], at: datetime, told: date | None
) -> AgreementState:
    """End what is said to be over, and add what is new. What is over is kept: something was signed by it.

    What was recorded after the moment of an end is another word, also where the end is read later.
    """
    over = {"over_at": at, "over_told": told}
    known = (
        one.model_copy(update=over)
        if one.authority_id in ended and one.since <= at and (one.over_at is None or at < one.over_at)
        else one
        for one in state.acting
    )
    return state.model_copy(update={"acting": (*known, *given)})


def refuses_signatory(
    state: AgreementState, draft: Draft, given: SignatureGiven, message: Envelope[Any], policy: PolicyInForce
) -> tuple[Acting | None, Reason | None]:
    """Give who signs for the borrower, None where they do themselves; or why that does not count."""
    if given.by is None:
        return None, _signs_instead(state, draft, given, message, policy)
    if given.party is not SignatureParty.BORROWER:
        return None, _refused(ReasonCode.SIGNS_OUT_OF_SCOPE, given.by, "signature.party")
    found = _acting(state.acting, given.by, message.time, message.day)
    return found, _wrong_with(found, given.by, state, _changed_by(state, draft), message.day, policy)


def _signs_instead(
    state: AgreementState, draft: Draft, given: SignatureGiven, message: Envelope[Any], policy: PolicyInForce
) -> Reason | None:
    """Say who signs in the borrower's place: for whom a guardian was appointed does not bind themselves."""
    if given.party is not SignatureParty.BORROWER:
        return None
    debts = _changed_by(state, draft)
    for by in sorted({one.authority_id for one in state.acting}):
        found = _acting(state.acting, by, message.time, message.day)
        if found is None or found.party not in policy.document.signs_instead:
            continue
        if _wrong_with(found, by, state, debts, message.day, policy) is None:
            return _refused(ReasonCode.SIGNS_THROUGH_ANOTHER, by, "document.signs_instead")
    return None


def refuses_withdrawal(
    state: AgreementState,
    debts: Iterable[str],
    message: Envelope[WithdrawalDeclared],
    policy: PolicyInForce,
) -> Reason | None:
    """Say why who withdraws for the borrower cannot: who may not sign for them does not undo it either."""
    by = message.data.by
    if by is None:
        return None
    found = _acting(state.acting, by, message.time, message.day)
    return _wrong_with(found, by, state, set(debts), message.day, policy)


def signed_in_vain(state: AgreementState, draft: Draft, policy: PolicyInForce) -> Reason | None:
    """Say why a signature for the borrower does not count, by what is known once its day is closed."""
    found = (_vain(state, draft, one, None, policy) for one in draft.signatures)
    return next((wrong for wrong in found if wrong is not None), None)


def without_vain(state: AgreementState, draft: Draft, day: date, reference: Reference) -> Draft:
    """Give a draft with the signatures that count, by what is known on a day: others may be given again."""
    policy = reference.policies.for_case(state.policy, draft.drafted_on, agreed_on=draft.pinned_on)
    left = tuple(one for one in draft.signatures if _vain(state, draft, one, day, policy) is None)
    return draft.model_copy(update={"signatures": left})


def _vain(
    state: AgreementState, draft: Draft, given: Signature, day: date | None, policy: PolicyInForce
) -> Reason | None:
    return _why_not(state, given, _changed_by(state, draft), policy, day)


def _why_not(
    state: AgreementState,
    given: Signature,
    debts: Iterable[str],
    policy: PolicyInForce,
    day: date | None = None,
) -> Reason | None:
    """Say why who signed for the borrower could not; None where they could, or where the borrower signed."""
    if given.by is None or given.at is None:
        return None
    found = _acting(state.acting, given.by, given.at, day)
    return _wrong_with(found, given.by, state, set(debts), given.on, policy)


def _acting(acting: Sequence[Acting], by: str, at: datetime, day: date | None) -> Acting | None:
    """Give the authority that held at a moment. `day`: without what intake told on it, which has no order."""
    held = [
        one
        for one in acting
        if one.authority_id == by
        and one.since <= at
        and (day is None or one.told is None or one.told < day)
        and (one.over_at is None or one.over_at > at or (day is not None and one.over_told == day))
    ]
    # The newer word, whichever was read last.
    return max(enumerate(held), key=lambda one: (one[1].since, one[0]))[1] if held else None


def _wrong_with(
    found: Acting | None, by: str, state: AgreementState, debts: set[str], day: date, policy: PolicyInForce
) -> Reason | None:
    """Say why nobody acts by an authority about debts on a day; None where they do."""
    owing = {other.party_id for debt in state.debts if debt.debt_id in debts for other in debt.obligors}
    if found is None:
        return _refused(ReasonCode.SIGNS_WITHOUT_AUTHORITY, by, "authority")
    if not found.verified:
        return _refused(ReasonCode.SIGNS_UNVERIFIED, by, "authority.verified_by")
    if not found.signs:
        return _refused(ReasonCode.SIGNS_OUT_OF_SCOPE, by, "authority.signs")
    if found.party not in policy.document.signs_for or by in owing:
        return _refused(ReasonCode.SIGNS_OUT_OF_SCOPE, by, "document.signs_for")
    if found.debts and not debts <= set(found.debts):
        return _refused(ReasonCode.SIGNS_OUT_OF_SCOPE, by, "authority.debts")
    if day > found.until:
        return _refused(ReasonCode.SIGNS_AFTER_EXPIRY, by, "authority.until")
    return None


def _changed_by(state: AgreementState, draft: Draft) -> set[str]:
    """Give the debts that a draft is about, and those still owed of the agreement whose place it takes."""
    amended = () if state.live is None else state.live.debts
    owing = {debt.debt_id for debt in state.debts if total_of(debt.outstanding).is_positive}
    return {debt.debt_id for debt in draft.plan.debts} | owing.intersection(amended)


def _refused(code: ReasonCode, by: str, rule: str) -> Reason:
    return Reason(code=code, params={"field": "by", "by": by, "rule": rule})
