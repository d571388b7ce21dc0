"""The agreement's decisions: the draft, the signatures, the instructions to the bank, the end.

Both signatures make an agreement when the day of the last one is closed: only then is every payment of that
day known, and a balance that changed goes back to the table instead of being signed.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from services.agreement.acceptance import refuses_acceptance
from services.agreement.acting import (
    authorised,
    authority_ended,
    earlier_reach_heard,
    handed_over,
    refuses_signatory,
    without_vain,
)
from services.agreement.co_borrowers import co_borrower_signed
from services.agreement.document import agreement_id_of, canonical_content, compose
from services.agreement.ending import (
    bank_answered,
    case_closed,
    documents_received,
    plan_broken,
    plan_completed,
    plan_reopened,
    withdrawn,
)
from services.agreement.guarantors import guarantor_agreed
from services.agreement.letter import with_return
from services.agreement.model import AgreementState, AgreementStatus, Draft, KnownDebt, Signature
from services.agreement.rules import (
    has_other_rates,
    in_all,
    is_complete,
    known_of,
    last_signed,
    refuses_signature,
    with_booked,
    with_passed_by,
    with_vesting,
)
from services.agreement.signatories import barred_now
from services.agreement.signing import give_back, keep_if_fit, refusal, sign
from services.agreement.stops import stop_told, stops_changed
from services.agreement.table import OnTheTable, on_the_table
from services.agreement.watching import (
    difficulty_lasts,
    instalment_corrected,
    instalment_missed,
    instalment_paid,
)
from shared.contracts import (
    desk,
    desk_contact,
    desk_parties,
    desk_talks,
    followup,
    followup_care,
    intake,
    intake_team,
    offer,
)
from shared.contracts.agreement import AgreementDrafted, AgreementReturned, DebtRate, PartySigned
from shared.contracts.base import Event, Reason
from shared.contracts.debts import DebtSnapshot, DebtStatus
from shared.contracts.decision import Decision, later_of
from shared.contracts.desk import SignatureParty
from shared.contracts.envelope import Envelope
from shared.contracts.parties import judged_on
from shared.contracts.reasons import ReasonCode
from shared.policy.reference import Reference

__all__ = ["HANDLED", "AgreementDecider"]

Outcome = Decision[AgreementState]
Handler = Callable[[AgreementState | None, Envelope[Any], Reference], Outcome]


class AgreementDecider:
    """The formal document, both parties' acceptance, and what the bank is told."""

    def decide(self, state: AgreementState | None, message: Envelope[Any], reference: Reference) -> Outcome:
        """Decide one message; see `shared.contracts.decision`."""
        handler = _HANDLERS.get(type(message.data))
        return Decision(state) if handler is None else _dated(state, handler(state, message, reference))

    def due(self, state: AgreementState) -> date | None:
        """The day on which both signatures take effect, or the last day to sign."""
        if state.draft is None:
            return None
        day = last_signed(state.draft) if is_complete(state.draft) else state.draft.sign_by
        return judged_on(day, state.stop_told_on)

    def close(self, state: AgreementState, day: date, reference: Reference) -> Outcome:
        """Put a signed draft in force; give one back that nobody signed in time."""
        due = self.due(state)
        if due is None or due > day or state.draft is None:
            return Decision(state)
        if is_complete(state.draft):
            return sign(state, state.draft, day, reference)
        return give_back(state, state.draft.sign_by, Reason(code=ReasonCode.SIGN_BY_PASSED))


def _dated(before: AgreementState | None, outcome: Outcome) -> Outcome:
    """A draft does not go back before it was agreed, nor before the balances that it does not fit.

    Offer's word and intake's come by topics of their own: whichever is read last sends it back.
    """
    after = outcome.state
    if after is None or not any(isinstance(e.data, AgreementReturned) for e in outcome.emissions):
        return outcome
    draft = before.draft if before is not None else None
    moments = [after.debts_at, None if draft is None else draft.agreed_at]
    latest: datetime | None = None
    for moment in moments:
        latest = latest if moment is None else later_of(latest, moment)
    emissions = tuple(
        replace(e, not_before=latest) if isinstance(e.data, AgreementReturned) else e
        for e in outcome.emissions
    )
    return replace(outcome, emissions=emissions)


def _opened(
    state: AgreementState | None, message: Envelope[intake.CaseOpened], reference: Reference
) -> Outcome:
    data = message.data
    if state is not None:
        return _debts(state, message, data.debts, reference)
    if data.policy not in reference.policies:
        return Decision.of(None, refusal(message, ReasonCode.UNKNOWN_PRODUCT))
    opened = AgreementState(
        case=message.case,
        status=AgreementStatus.OPEN,
        policy=data.policy,
        debts=tuple(map(known_of, data.debts)),
        debts_seen=message.sequence,
        debts_at=message.time,
        acting=handed_over(data.reach),
    )
    return Decision(opened)


def _changed(
    state: AgreementState | None, message: Envelope[intake.CaseChanged], reference: Reference
) -> Outcome:
    if state is not None and any(r.code is ReasonCode.AMOUNT_WAIVED for r in message.data.reasons):
        state = with_booked(state, message.causation)
    return _debts(state, message, message.data.debts, reference)


def _paid(state: AgreementState | None, message: Envelope[Any], reference: Reference) -> Outcome:
    """A payment, or one taken back: the event names the debts after it."""
    if state is None:
        return Decision(None)
    if isinstance(message.data, intake.PaymentTakenBack) and state.live is not None:
        state = state.model_copy(update={"live": with_return(state.live, message.data)})
    paid = message.data if isinstance(message.data, intake.PaymentMatched) else None
    return _debts(state, message, message.data.debts, reference, keep=state.debts, paid=paid)


def _debts(
    state: AgreementState | None,
    message: Envelope[Any],
    debts: tuple[DebtSnapshot, ...],
    reference: Reference,
    keep: tuple[KnownDebt, ...] = (),
    paid: intake.PaymentMatched | None = None,
) -> Outcome:
    """Know the debts; a draft that no longer fits them goes back to the table."""
    if state is None or state.status is AgreementStatus.CLOSED:
        return Decision(state)
    named = {debt.debt_id: known_of(debt) for debt in debts}
    kept = tuple(named.pop(debt.debt_id, debt) for debt in keep)
    seen = state.debts_seen if message.sequence is None else message.sequence
    at = later_of(state.debts_at, message.time)
    live = None if state.live is None else with_passed_by(state.live, debts, paid)
    known = {"debts": (*kept, *named.values()), "debts_seen": seen, "debts_at": at, "live": live}
    now = state.model_copy(update=known)
    return keep_if_fit(now, message.day, reference)


def _agreed(
    state: AgreementState | None, message: Envelope[offer.OfferAgreed], reference: Reference
) -> Outcome:
    """Draft the document, on the balances as they stand."""
    data = message.data
    if state is None:
        return Decision.wait(None, refusal(message, ReasonCode.NO_CASE))
    if state.status is AgreementStatus.CLOSED:
        return Decision.of(state, refusal(message, ReasonCode.CASE_CLOSED))
    withdrawn = state.why_withdrawn(data.offer_id, message.sequence)
    if withdrawn is not None:
        return Decision.of(state, refusal(message, withdrawn))
    drafted = _draft(state, message, reference)
    if data.intake_sequence is not None and (state.debts_seen or 0) < data.intake_sequence:
        # Offer knew more of the debts than is known here: what it knew is on its way by another topic.
        return replace(drafted, waits=True)
    return drafted


def _draft(state: AgreementState, message: Envelope[offer.OfferAgreed], reference: Reference) -> Outcome:
    data = message.data
    before: tuple[Event, ...] = ()
    agreement_id = agreement_id_of(state.case, data.offer_id, data.plan.plan_id)
    if state.draft is not None:
        if state.draft.agreement_id == agreement_id:
            return Decision.of(state, refusal(message, ReasonCode.OFFER_ALREADY_ANSWERED))
        returned = give_back(state, message.day, Reason(code=ReasonCode.PLAN_SUPERSEDED))
        state, before = returned.state or state, tuple(e.data for e in returned.emissions)
    plan = (
        data.plan.without_private
    )  # the document is kept as a whole: why the plan was proposed is elsewhere
    # What binds is in the language of the pack, whatever the borrower reads: the other copy is a translation.
    policy = reference.policies.for_case(state.policy, message.day, agreed_on=data.pinned_on)
    terms = (data.offer_id, plan, message.day, policy.document.signed_language)
    drafted = compose(state, *terms, reference, data.pinned_on, data.incentives)
    rates = _rates_of(state, data)
    if isinstance(drafted, AgreementDrafted) and has_other_rates(rates, state.debts):
        drafted = ReasonCode.RATE_CHANGED
    unfit: ReasonCode | None = None
    if not isinstance(drafted, AgreementDrafted) and _knew_less(state, data):
        # Had the day's balances come after it, by their own topic, they would have sent a draft back.
        knew = _as_offer_knew(state, data)
        unfit, drafted = drafted, compose(knew, *terms, reference, data.pinned_on, data.incentives)
    if not isinstance(drafted, AgreementDrafted):
        returned_at_once = AgreementReturned(
            agreement_id=agreement_id,
            version=state.signed + 1,
            offer_id=data.offer_id,
            as_of=message.day,
            reason=Reason(code=unfit or drafted),
        )
        over = state.with_over(agreement_id, unfit or drafted)
        return Decision.of(state.model_copy(update={"over": over}), *before, returned_at_once)
    draft = Draft(
        agreement_id=agreement_id,
        version=drafted.version,
        offer_id=data.offer_id,
        plan=plan.model_copy(update={"payments": ()}),
        language=drafted.language,
        drafted_on=drafted.drafted_on,
        sign_by=drafted.sign_by,
        content_hash=drafted.content_hash,
        guarantors=drafted.guarantors,
        liable=drafted.liable,
        must_sign=drafted.must_sign,
        pinned_on=data.pinned_on,
        incentives=data.incentives,
        agreed_at=message.time,
        rewarded_after=0 if state.live is None else state.live.rewarded_after,
        rates=rates,
        unasked=tuple(one.party_id for one in state.unasked),
        barred=tuple(sorted(barred_now(state.barred))),
    )
    over = tuple(item for item in state.over if item.agreement_id != agreement_id)
    update = {"status": AgreementStatus.DRAFTED, "draft": draft, "over": over}
    now = state.model_copy(update=update)
    if unfit is None:
        return Decision.of(now, *before, drafted)
    sent_back = give_back(now, message.day, Reason(code=unfit))
    return Decision.of(sent_back.state, *before, drafted, *(e.data for e in sent_back.emissions))


def _knew_less(state: AgreementState, data: offer.OfferAgreed) -> bool:
    """Whether more is known of the debts here than offer knew when the plan was agreed."""
    return data.intake_sequence is not None and data.intake_sequence < (state.debts_seen or 0)


def _as_offer_knew(state: AgreementState, data: offer.OfferAgreed) -> AgreementState:
    """Give the state with the debts as they were when the plan was agreed."""
    known = {debt.debt_id: debt for debt in state.debts}
    rates = {one.debt_id: one.annual_rate_pct for one in _rates_of(state, data)}
    debts = tuple(
        KnownDebt(
            debt_id=then.debt_id,
            status=DebtStatus.ACTIVE,
            outstanding=then.balances,
            as_of=then.as_of,
            obligors=known[then.debt_id].obligors if then.debt_id in known else (),
            annual_rate_pct=rates.get(then.debt_id),
        )
        for then in data.balances
    )
    return state.model_copy(update={"debts": debts})


def _rates_of(state: AgreementState, data: offer.OfferAgreed) -> tuple[DebtRate, ...]:
    """Give the rates that the debts had without the plan when it was agreed, as far as offer said."""
    known = {debt.debt_id: debt.annual_rate_pct for debt in state.debts}
    known |= {one.debt_id: one.annual_rate_pct for one in data.balances if one.annual_rate_pct is not None}
    return tuple(
        DebtRate(debt_id=debt.debt_id, annual_rate_pct=rate)
        for debt in data.plan.debts
        if (rate := known.get(debt.debt_id)) is not None
    )


def _withdrawn(
    state: AgreementState | None, message: Envelope[offer.OfferWithdrawn], _reference: Reference
) -> Outcome:
    """What was agreed no longer stands: its draft, or the one that would still come, is not signed."""
    data = message.data
    if state is None or state.status is AgreementStatus.CLOSED:
        return Decision(state)
    gone = state.with_withdrawn(data.offer_id, message.sequence, data.reason.code)
    now = state.model_copy(update={"withdrawn": gone})
    if now.draft is None or now.draft.offer_id != data.offer_id:
        return Decision(now)
    return give_back(now, message.day, data.reason)


def _signature(
    state: AgreementState | None, message: Envelope[desk.SignatureGiven], reference: Reference
) -> Outcome:
    """One party signs; the balances are looked at again first.

    Where somebody has signed for the borrower and that is known not to count, the borrower still may: the
    new signature takes its place.
    """
    data = message.data

    def counting(draft: Draft) -> Draft:
        if state is None or data.party is not SignatureParty.BORROWER:
            return draft
        return without_vain(state, draft, message.day, reference)

    found = on_the_table(
        state, message, lambda draft: refuses_signature(counting(draft), data, message.day), reference
    )
    if not isinstance(found, OnTheTable):
        return found
    now, draft, again = found.state, counting(found.draft), found.again
    policy = reference.policies.for_case(now.policy, draft.drafted_on, agreed_on=draft.pinned_on)
    acting, unauthorised = refuses_signatory(now, draft, data, message, policy)
    content = canonical_content(again, now.case)
    doubtful = refuses_acceptance(data, content, policy, reference.lender_keys) or unauthorised
    if doubtful is not None:
        return Decision.of(now, refusal(message, doubtful.code, **doubtful.params))
    at = None if acting is None else message.time
    signatures = (*draft.signatures, Signature(party=data.party, on=message.day, by=data.by, at=at))
    signed = draft.model_copy(update={"signatures": signatures})
    noted = PartySigned(
        agreement_id=draft.agreement_id,
        version=draft.version,
        party=data.party,
        content_hash=draft.content_hash,
        at=message.time,
        channel=data.channel,
        evidence=data.evidence,
        checked=data.checked,
        key_id=data.key_id if reference.lender_keys else None,
        signature=data.signature if reference.lender_keys else None,
        by=data.by,
        acts_as=None if acting is None else acting.party,
    )
    return Decision.of(found.signed(signed), noted)


def _rewarded(
    state: AgreementState | None, message: Envelope[followup.RewardGranted], _reference: Reference
) -> Outcome:
    """Late charges waived as a reward: the settlement letter counts them among what was forgiven.

    What has vested is not promised again by an amendment.
    """
    if state is None or state.status is AgreementStatus.CLOSED:
        return Decision(state)
    live = state.live
    if live is not None:
        after = max(live.rewarded_after, message.data.after_on_time)
        update: dict[str, object] = {"rewarded_after": after}
        if message.data.instalments:
            update["rate_cut_pct"] = message.data.rate_cut_pct or Decimal(0)
            update["lowered"] = message.data.instalments
        live = live.model_copy(update=update)
    rewarded = in_all(state.rewarded, message.data.waived)
    known = with_vesting(state, message.id, message.day, message.data.waived)
    return Decision(known.model_copy(update={"rewarded": rewarded, "live": live}))


_HANDLERS: dict[type[Event], Handler] = {
    intake.CaseOpened: _opened,
    intake.CaseChanged: _changed,
    intake.PaymentMatched: _paid,
    intake.PaymentTakenBack: _paid,
    intake.BankAnswered: bank_answered,
    intake.StopsChanged: stops_changed,
    desk_parties.StopReported: stop_told,
    desk_parties.StopLifted: stop_told,
    intake_team.EarlierReachHeard: earlier_reach_heard,
    desk_contact.AuthorityRecorded: authorised,
    desk_contact.AuthorityEnded: authority_ended,
    intake.CaseClosed: case_closed,
    offer.OfferAgreed: _agreed,
    offer.OfferWithdrawn: _withdrawn,
    desk.SignatureGiven: _signature,
    desk.WithdrawalDeclared: withdrawn,
    desk_talks.DocumentsReceived: documents_received,
    followup_care.DifficultyLasts: difficulty_lasts,
    followup.InstalmentPaid: instalment_paid,
    followup.InstalmentMissed: instalment_missed,
    followup.InstalmentCorrected: instalment_corrected,
    desk_parties.GuarantorAgreed: guarantor_agreed,
    desk_parties.CoBorrowerSigned: co_borrower_signed,
    followup.PlanCompleted: plan_completed,
    followup.PlanBroken: plan_broken,
    followup_care.PlanReopened: plan_reopened,
    followup.RewardGranted: _rewarded,
}

HANDLED = frozenset(_HANDLERS)
"""The messages that this service does anything about."""
