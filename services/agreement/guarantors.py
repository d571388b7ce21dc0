"""A guarantor whose liability grows agrees in writing, before the agreement takes effect. Pure."""

from services.agreement.model import AgreementState, Consent, Draft
from services.agreement.rules import refuses_content
from services.agreement.signing import Outcome, refusal
from services.agreement.table import OnTheTable, on_the_table
from shared.contracts.agreement import GuarantorConsented
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
    # What is in force has every consent that it needed: who comes with one now was not asked for it.
    live = None if state is None else state.live
    if live is not None and live.agreement_id == data.agreement_id:
        return Decision.of(state, refusal(message, ReasonCode.GUARANTOR_NOT_NEEDED))
    found = on_the_table(state, message, lambda draft: _refuses(draft, message), reference)
    if not isinstance(found, OnTheTable):
        return found
    draft = found.draft
    consents = (*draft.consents, Consent(party_id=data.party_id, on=message.day))
    agreed = draft.model_copy(update={"consents": consents})
    noted = GuarantorConsented(
        agreement_id=draft.agreement_id,
        version=draft.version,
        party_id=data.party_id,
        content_hash=draft.content_hash,
    )
    return Decision.of(found.signed(agreed), noted)


def _refuses(draft: Draft, message: Envelope[GuarantorAgreed]) -> ReasonCode | None:
    """A consent counts for one version, by its content's hash, once, in time, from who was asked."""
    data = message.data
    another = refuses_content(draft, data)
    if another is not None:
        return another
    if data.party_id not in draft.guarantors:
        return ReasonCode.GUARANTOR_NOT_NEEDED
    if any(consent.party_id == data.party_id for consent in draft.consents):
        return ReasonCode.ALREADY_SIGNED
    return ReasonCode.SIGNATURE_TOO_LATE if message.day > draft.sign_by else None
