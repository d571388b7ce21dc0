"""A guarantor whose liability grows agrees in writing, before the agreement takes effect. Pure."""

from typing import Any

from services.agreement.document import recompose
from services.agreement.model import AgreementState, AgreementStatus, Consent, Draft
from services.agreement.rules import status_of
from services.agreement.signing import Outcome, give_back, refusal
from shared.contracts.agreement import AgreementDrafted, GuarantorConsented
from shared.contracts.base import Reason
from shared.contracts.decision import Decision
from shared.contracts.desk_parties import GuarantorAgreed
from shared.contracts.envelope import Envelope
from shared.contracts.reasons import ReasonCode
from shared.policy.reference import Reference

__all__ = ["guarantor_agreed"]


def guarantor_agreed(
    state: AgreementState | None, message: Envelope[GuarantorAgreed], reference: Reference
) -> Outcome:
    """Note the consent to one version, by its content's hash; the balances are looked at again first."""
    data = message.data
    if state is None:
        return Decision.wait(None, refusal(message, ReasonCode.NO_CASE))
    if state.status is AgreementStatus.CLOSED:
        return Decision.of(state, refusal(message, ReasonCode.CASE_CLOSED))
    draft = state.draft
    if draft is None or draft.agreement_id != data.agreement_id:
        return _not_on_the_table(state, message)
    wrong = _refuses(draft, message)
    if wrong is not None:
        return Decision.of(state, refusal(message, wrong))
    again = recompose(state, draft, reference)
    if not isinstance(again, AgreementDrafted):
        returned = give_back(state, message.day, Reason(code=again))
        said = Decision.of(state, refusal(message, again)).emissions
        return Decision(returned.state, (*said, *returned.emissions))
    consents = (*draft.consents, Consent(party_id=data.party_id, on=message.day))
    agreed = draft.model_copy(update={"consents": consents})
    noted = GuarantorConsented(
        agreement_id=draft.agreement_id,
        version=draft.version,
        party_id=data.party_id,
        content_hash=draft.content_hash,
    )
    return Decision.of(state.model_copy(update={"draft": agreed, "status": status_of(agreed)}), noted)


def _not_on_the_table(state: AgreementState, message: Envelope[Any]) -> Outcome:
    agreement_id = message.data.agreement_id
    if state.live is not None and state.live.agreement_id == agreement_id:
        return Decision.of(state, refusal(message, ReasonCode.ALREADY_SIGNED))
    over = state.why_over(agreement_id)
    if over is not None:
        return Decision.of(state, refusal(message, over))
    return Decision.wait(state, refusal(message, ReasonCode.AGREEMENT_UNKNOWN))


def _refuses(draft: Draft, message: Envelope[GuarantorAgreed]) -> ReasonCode | None:
    """A consent counts for one version, by its content's hash, once, in time, from who was asked."""
    data = message.data
    if data.version != draft.version:
        return ReasonCode.VERSION_MISMATCH
    if data.content_hash != draft.content_hash:
        return ReasonCode.HASH_MISMATCH
    if data.party_id not in draft.guarantors:
        return ReasonCode.GUARANTOR_NOT_NEEDED
    if any(consent.party_id == data.party_id for consent in draft.consents):
        return ReasonCode.ALREADY_SIGNED
    return ReasonCode.SIGNATURE_TOO_LATE if message.day > draft.sign_by else None
