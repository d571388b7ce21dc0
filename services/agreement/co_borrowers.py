"""A co-borrower signs: the terms of the agreement are theirs, too. Who does not owes as before. Pure."""

from collections.abc import Sequence

from services.agreement.acceptance import refuses_word
from services.agreement.model import AgreementState, Barred, Consent, Draft
from services.agreement.rules import refuses_content
from services.agreement.signatories import cannot_sign, co_borrowers_of, counts, known_before
from services.agreement.signing import Outcome, refusal
from services.agreement.table import OnTheTable, on_the_table
from shared.contracts.agreement import CoBorrowerAccepted
from shared.contracts.decision import Decision
from shared.contracts.desk_parties import CoBorrowerSigned
from shared.contracts.envelope import Envelope
from shared.contracts.reasons import ReasonCode
from shared.policy.reference import Reference

__all__ = ["co_borrower_signed"]


def co_borrower_signed(
    state: AgreementState | None, message: Envelope[CoBorrowerSigned], reference: Reference
) -> Outcome:
    """Note the signature on one version, by its content's hash, as the borrower's is noted."""
    data = message.data
    # What is in force is signed by nobody any more, also while an amendment of it is on the table.
    live = None if state is None else state.live
    if live is not None and live.agreement_id == data.agreement_id:
        return Decision.of(state, refusal(message, ReasonCode.SIGNATURE_TOO_LATE))
    barred = () if state is None else state.barred
    found = on_the_table(state, message, lambda draft: _refuses(draft, message, barred), reference)
    if not isinstance(found, OnTheTable):
        return found
    now, draft = found.state, found.draft
    # Whether it counts is looked at again when the day is closed, on what is known of stops by then.
    if cannot_sign(data.party_id, now.barred, message.day):
        return Decision.of(now, refusal(message, ReasonCode.CO_BORROWER_STOPPED))
    policy = reference.policies.for_case(now.policy, draft.drafted_on, agreed_on=draft.pinned_on)
    doubtful = refuses_word(data, policy)
    if doubtful is not None:
        return Decision.of(now, refusal(message, doubtful.code, **doubtful.params))
    joined = (*draft.joined, Consent(party_id=data.party_id, on=message.day))
    noted = CoBorrowerAccepted(
        agreement_id=draft.agreement_id,
        version=draft.version,
        party_id=data.party_id,
        content_hash=draft.content_hash,
        at=message.time,
        channel=data.channel,
        evidence=data.evidence,
        checked=data.checked,
    )
    return Decision.of(found.signed(draft.model_copy(update={"joined": joined})), noted)


def _refuses(
    draft: Draft, message: Envelope[CoBorrowerSigned], barred: Sequence[Barred]
) -> ReasonCode | None:
    """It counts for one version, by its content's hash, once, in time, of who owes one of its debts.

    Who signed in a stop that is over may sign again, once that has been known for a day.
    """
    data = message.data
    another = refuses_content(draft, data)
    if another is not None:
        return another
    if data.party_id not in co_borrowers_of(draft.liable):
        return ReasonCode.CO_BORROWER_NOT_LIABLE
    known = known_before(barred, message.day)
    theirs = [one for one in draft.joined if one.party_id == data.party_id]
    if any(one.on == message.day or counts(one, known) for one in theirs):
        return ReasonCode.ALREADY_SIGNED
    return ReasonCode.SIGNATURE_TOO_LATE if message.day > draft.sign_by else None
