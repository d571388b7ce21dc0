"""What becomes of a draft: in force with both signatures, or back to the table. Pure."""

from datetime import date
from typing import Any

from services.agreement.acting import signed_in_vain
from services.agreement.concessions import returning
from services.agreement.document import recompose
from services.agreement.model import AgreementState, AgreementStatus, Draft, InForce, Returned
from services.agreement.rules import (
    bound_before,
    conduct_in,
    in_all,
    last_signed,
    not_late,
    packs_of,
    paid_before,
    re_ages_of,
    taken_out,
    waived_debts,
    withdrawal_of,
)
from services.agreement.signatories import bound_by, counts, not_counted, signed_before
from services.agreement.telling import applies, handed_back_apart, instruct
from services.agreement.terms import rewards_of
from services.agreement.watching import begun
from shared.contracts.agreement import (
    AgreementDrafted,
    AgreementEnded,
    AgreementReturned,
    AgreementSigned,
    DebtRate,
    InputRefused,
)
from shared.contracts.base import Event, Reason
from shared.contracts.decision import Decision
from shared.contracts.desk import SignatureParty
from shared.contracts.envelope import Envelope
from shared.contracts.plan_terms import schedules_of
from shared.contracts.reasons import ReasonCode
from shared.policy.model import PolicyInForce
from shared.policy.reference import Reference

__all__ = ["give_back", "keep_if_fit", "refusal", "resting", "sign"]

Outcome = Decision[AgreementState]


def refusal(message: Envelope[Any], code: ReasonCode, **params: str) -> InputRefused:
    """Refuse a message with a reason."""
    return InputRefused(cause_id=message.id, cause_type=message.type, reason=Reason(code=code, params=params))


def resting(state: AgreementState) -> AgreementStatus:
    """Without a draft: a signed agreement is in force, or offer has the next step."""
    return AgreementStatus.IN_FORCE if state.live is not None else AgreementStatus.OPEN


def give_back(state: AgreementState, day: date, reason: Reason) -> Outcome:
    """The draft no longer fits: back to the table. Signatures given on it bind nobody."""
    draft = state.draft
    assert draft is not None  # noqa: S101 - narrows: callers have looked
    returned = AgreementReturned(
        agreement_id=draft.agreement_id,
        version=draft.version,
        offer_id=draft.offer_id,
        as_of=day,
        reason=reason,
    )
    late = reason.code is ReasonCode.SIGN_BY_PASSED
    # Signatures are the desk's: beside its other words, and when the day is closed, their order is known.
    known = reason.code in {ReasonCode.SIGN_BY_PASSED, ReasonCode.WITHDRAWN_IN_TIME}
    over = state.with_over(draft.agreement_id, ReasonCode.SIGNATURE_TOO_LATE if late else reason.code)
    update = {
        "draft": None,
        "over": over,
        "status": resting(state),
        "returned": None if known else Returned(draft=draft, on=day),
    }
    return Decision.of(state.model_copy(update=update), returned)


def keep_if_fit(state: AgreementState, day: date, reference: Reference) -> Outcome:
    """Keep a draft that comes out the same on what is known now; any other goes back to the table."""
    if state.draft is None:
        return Decision(state)
    again = recompose(state, state.draft, reference)
    if isinstance(again, AgreementDrafted):
        return Decision(state)
    return give_back(state, day, Reason(code=again))


def sign(state: AgreementState, draft: Draft, day: date, reference: Reference) -> Outcome:
    """Both have signed and the day is closed: in force from the last signature; the bank is instructed."""
    document = recompose(state, draft, reference)
    if not isinstance(document, AgreementDrafted):
        return give_back(state, day, Reason(code=document))
    bound = bound_by(draft, state.barred)
    if not set(draft.must_sign) <= set(bound):
        return give_back(state, day, Reason(code=ReasonCode.CO_BORROWER_STOPPED))
    pinned = reference.policies.for_case(state.policy, draft.drafted_on, agreed_on=draft.pinned_on)
    in_vain = signed_in_vain(state, draft, pinned)
    if in_vain is not None:
        return give_back(state, day, in_vain)
    took_from = bound_before(state, draft.plan)
    earlier = signed_before(draft, state.live, took_from, bound)
    packs = packs_of(state.policy, draft.plan)
    before: tuple[Event, ...] = ()
    over = state.over
    if state.live is not None:
        before = (
            AgreementEnded(
                agreement_id=state.live.agreement_id,
                as_of=day,
                reason=Reason(code=ReasonCode.PLAN_SUPERSEDED),
            ),
        )
        over = state.with_over(state.live.agreement_id, ReasonCode.PLAN_SUPERSEDED)
    effective, waived = last_signed(draft), waived_debts(draft.plan)
    apart = tuple(left.debt_id for left in draft.plan.apart)
    terms = document.terms
    returns = returning(waived, (terms.returns_on_breach if terms is not None else None) or ())
    rates_return = (terms.contract_rates if terms is not None else None) or ()
    re_ages = re_ages_of(draft.plan)
    later = tuple(one for one in re_ages if one.payments)
    days, until = withdrawal_of(draft, effective, packs, reference)
    signed = AgreementSigned(
        agreement_id=draft.agreement_id,
        version=draft.version,
        offer_id=draft.offer_id,
        effective=effective,
        schedules=document.schedules,
        instalments=document.instalments,
        waived=waived,
        content_hash=draft.content_hash,
        policy=state.policy,
        policy_version=document.policy_version,
        pinned_on=draft.pinned_on,
        drafted_on=draft.drafted_on,
        supersedes=state.live.agreement_id if state.live is not None else None,
        may_withdraw=days is not None or until is not None,
        withdraw_until=until,
        returns=returns,
        rates_return=rates_return,
        apart=apart,
        rates=tuple(
            DebtRate(debt_id=debt.debt_id, annual_rate_pct=debt.annual_rate_pct) for debt in draft.plan.debts
        ),
        re_ages=re_ages,
        incentives=draft.incentives,
        rewards=rewards_of(pinned, draft.incentives),
        bound=bound,
        signed_before=earlier,
        not_counted=not_counted(draft, bound),
    )
    ruled = reference.policies.for_case(state.policy, effective, agreed_on=draft.pinned_on)
    first_due = document.instalments[0].due
    on_trial = max((one.payments for one in later), default=0)
    watches, restarted = begun(draft.agreement_id, first_due, effective, ruled, state.live, on_trial)
    live = InForce(
        agreement_id=draft.agreement_id,
        version=draft.version,
        offer_id=draft.offer_id,
        effective=effective,
        packs=packs,
        language=draft.language,
        debts=tuple(debt.debt_id for debt in draft.plan.debts),
        waived=waived,
        withdraw_until=until,
        withdraw_days=days,
        pinned_on=draft.pinned_on,
        watches=watches,
        terms=draft.plan.debts,
        drafted_on=draft.drafted_on,
        returns=returns,
        rates_return=rates_return,
        re_ages=later,
        before=state.live if signed.may_withdraw else None,
        forgiven=in_all(state.live.forgiven, state.live.waived) if state.live is not None else (),
        paid_before=paid_before(state, draft.plan),
        rewarded_after=state.live.rewarded_after if state.live is not None else 0,
        not_late=not_late(state, draft.plan),
        contract_rates=draft.rates,
        beside=apart,
        bound=bound,
        took_from=took_from,
        signed_before=earlier,
        signature=next((one for one in draft.signatures if one.party is SignatureParty.BORROWER), None),
        joined=tuple(one for one in draft.joined if counts(one, state.barred)),
    )
    in_force = state.model_copy(
        update={
            "status": AgreementStatus.IN_FORCE,
            "draft": None,
            "live": live,
            "signed": state.signed + 1,
            "over": over,
            "completed": None,
            "broken": None,
            # What an earlier agreement forgave, and rewarded, is in the letter of the one that was completed.
            "rewarded": () if state.completed is not None else state.rewarded,
        }
    )
    policy = reference.policies.for_case(state.policy, day, agreed_on=draft.pinned_on)
    told = applies(
        signed,
        draft.plan,
        policy,
        conduct_in(packs, day, reference),
        day,
        live.beside,
        took_from,
    )
    after, left = _left_with_the_bank(state, instruct(in_force, told), signed, policy, day, reference)
    return Decision.of(after, *before, signed, told, *left, *restarted)


def _left_with_the_bank(
    before: AgreementState,
    after: AgreementState,
    signed: AgreementSigned,
    policy: PolicyInForce,
    day: date,
    reference: Reference,
) -> tuple[AgreementState, tuple[Event, ...]]:
    """Hand back what the amendment is not about, for the bank took it back, or another obligor's case did, or
    a stop has taken it out of the plan.

    Its recall voids no contract, nor does a dispute, nor that talks about the others follow. What both have
    agreed to leave to a person stands beside the amendment instead.
    """
    was, covered = before.live, {schedule.debt_id for schedule in signed.schedules}
    if was is None:
        return after, ()
    left = {debt.debt_id for debt in taken_out(before, was)}.difference(covered, signed.apart)
    if not left:
        return after, ()
    drawn_up = reference.policies.in_force(before.policy, was.drafted_on or day)
    schedules = schedules_of(was.terms, drawn_up.amounts.rounding)
    conduct = conduct_in(was.packs or (before.policy,), day, reference)
    told = handed_back_apart(was, left, schedules, signed, policy, conduct, day)
    return instruct(after, told), (told,)
