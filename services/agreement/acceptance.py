"""Whether a party's acceptance counts: who signs was checked, what is only said is recorded. Pure."""

from collections.abc import Sequence

from services.agreement.keys import is_signed_by
from shared.contracts.base import Reason
from shared.contracts.desk import RECORDING, SignatureGiven, SignatureParty
from shared.contracts.desk_parties import CoBorrowerSigned
from shared.contracts.reasons import ReasonCode
from shared.policy.model import PolicyInForce

__all__ = ["refuses_acceptance", "refuses_word"]


def refuses_acceptance(
    given: SignatureGiven, content: bytes, policy: PolicyInForce, lender_keys: Sequence[bytes]
) -> Reason | None:
    """Say why a signature does not count; None where it does.

    The borrower's names its evidence, without which no document verifies, and identity and capacity are
    checked where the pack asks for it. An oral acceptance counts only where the pack allows it, and names its
    recording. Where the lender's public keys are configured, the
    lender's signature is Ed25519 over the canonical content with one of them.
    """
    if given.party is SignatureParty.BORROWER:
        return refuses_word(given, policy)
    unsaid = _refuses_oral(given.channel, given.evidence, policy)
    if unsaid is not None or not lender_keys:
        return unsaid
    made = given.signature
    if made is None or not any(is_signed_by(key, content, made) for key in lender_keys):
        return Reason(code=ReasonCode.SIGNATURE_INVALID)
    return None


def refuses_word(given: SignatureGiven | CoBorrowerSigned, policy: PolicyInForce) -> Reason | None:
    """Say why the signature of who owes a debt does not count: the borrower's, or a co-borrower's."""
    unsaid = _refuses_oral(given.channel, given.evidence, policy)
    if unsaid is not None:
        return unsaid
    if not given.evidence.strip():
        return Reason(code=ReasonCode.EVIDENCE_MISSING)
    missing = [check for check in policy.document.signature_checks if check not in given.checked]
    if missing:
        return Reason(code=ReasonCode.CHECK_MISSING, params={"check": ", ".join(missing)})
    return None


def _refuses_oral(channel: str, evidence: str, policy: PolicyInForce) -> Reason | None:
    paper = policy.document
    evidence, channel = evidence.strip(), channel.strip().casefold()
    recorded = evidence.startswith(RECORDING) and evidence != RECORDING
    if channel in {one.casefold() for one in paper.oral_channels}:
        if not paper.oral_allowed:
            return Reason(code=ReasonCode.ORAL_NOT_ALLOWED)
        if not recorded:
            return Reason(code=ReasonCode.RECORDING_MISSING)
    return None
