"""What becomes of a draft: in force with both signatures, or back to the table. Pure."""

from datetime import date
from typing import Any

from services.agreement.document import recompose
from services.agreement.model import AgreementState, AgreementStatus, Draft, InForce, Instruction
from services.agreement.rules import answer_by, conduct_in, last_signed, on_signing, packs_of, waived_debts
from shared.contracts.agreement import (
    AgreementDrafted,
    AgreementEnded,
    AgreementReturned,
    AgreementSigned,
    BankInstructed,
    InputRefused,
    InstructionKind,
)
from shared.contracts.base import Event, Reason
from shared.contracts.decision import Decision
from shared.contracts.envelope import Envelope
from shared.contracts.ids import derive_id
from shared.contracts.reasons import ReasonCode
from shared.policy.reference import Reference

__all__ = ["give_back", "instruct", "refusal", "resting", "sign"]

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
    over = state.with_over(draft.agreement_id, ReasonCode.SIGNATURE_TOO_LATE if late else reason.code)
    return Decision.of(
        state.model_copy(update={"draft": None, "over": over, "status": resting(state)}), returned
    )


def sign(state: AgreementState, draft: Draft, day: date, reference: Reference) -> Outcome:
    """Both have signed and the day is closed: in force from the last signature; the bank is instructed."""
    document = recompose(state, draft, reference)
    if not isinstance(document, AgreementDrafted):
        return give_back(state, day, Reason(code=document))
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
    )
    live = InForce(
        agreement_id=draft.agreement_id,
        version=draft.version,
        offer_id=draft.offer_id,
        effective=effective,
        packs=packs,
    )
    in_force = state.model_copy(
        update={
            "status": AgreementStatus.IN_FORCE,
            "draft": None,
            "live": live,
            "signed": state.signed + 1,
            "over": over,
        }
    )
    kinds = on_signing(conduct_in(packs, day, reference))
    after, told = instruct(in_force, live, kinds, day, reference, signed)
    return Decision.of(after, *before, signed, *told)


def instruct(
    state: AgreementState,
    about: InForce,
    kinds: tuple[InstructionKind, ...],
    day: date,
    reference: Reference,
    signed: AgreementSigned | None = None,
) -> tuple[AgreementState, tuple[BankInstructed, ...]]:
    """Instruct the bank; the same instruction about the same agreement always has the same id.

    Instructions that the bank has answered are forgotten when new ones are given.
    """
    by = answer_by(day, reference.policies.in_force(state.policy, day))
    told = []
    for kind in kinds:
        applies = signed is not None and kind is InstructionKind.APPLY_PLAN
        told.append(
            BankInstructed(
                instruction_id=derive_id("instruction", about.agreement_id, kind.value),
                agreement_id=about.agreement_id,
                version=about.version,
                kind=kind,
                effective=about.effective if signed is not None else day,
                schedules=signed.schedules if signed is not None and applies else (),
                waived=signed.waived if signed is not None and applies else (),
                answer_by=by,
            )
        )
    new = tuple(
        Instruction(
            instruction_id=t.instruction_id, agreement_id=t.agreement_id, kind=t.kind, answer_by=t.answer_by
        )
        for t in told
    )
    open_ones = tuple(item for item in state.instructions if item.confirmed is None)
    return state.model_copy(update={"instructions": (*open_ones, *new)}), tuple(told)
