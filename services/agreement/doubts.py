"""What is heard after an agreement took effect, and casts doubt on who signed it, is for a person. Pure.

The agreement stands meanwhile: the lender has signed it and relied on what was on file, collection stays
stopped, and whether it binds (the borrower may ratify it, or hold to what others could believe) is no matter
for a program. What a later agreement takes the place of is looked at no more.
"""

from collections.abc import Iterable, Iterator
from datetime import date

from services.agreement.model import AgreementState, InForce
from services.agreement.signatories import counts
from shared.contracts.agreement import SignatureDoubted
from shared.contracts.base import Event, Reason
from shared.contracts.parties import CaseHalt
from shared.contracts.reasons import ReasonCode

__all__ = ["by_authority", "by_stops"]

Step = tuple[AgreementState, tuple[Event, ...]]
Doubt = tuple[ReasonCode, str | None]


def by_authority(state: AgreementState, day: date) -> Step:
    """Somebody signed for the borrower, by an authority that did not hold."""
    if state.live is None:
        return state, ()
    return _doubted(state, state.live, ((ReasonCode.SIGNED_WITHOUT_AUTHORITY, None),), day)


def by_stops(state: AgreementState, halts: Iterable[CaseHalt | None], day: date) -> Step:
    """Look again at who signed, after a word of stops: in one that lets nobody contract nobody signs."""
    if state.live is None:
        return state, ()
    return _doubted(state, state.live, _in_stops(state, state.live, halts), day)


def _in_stops(state: AgreementState, live: InForce, halts: Iterable[CaseHalt | None]) -> Iterator[Doubt]:
    signed = live.signature
    if signed is not None and any(_lets_nobody_sign(halt, signed.on) for halt in halts):
        yield ReasonCode.SIGNED_IN_A_STOP, None
    for one in live.joined:
        if not counts(one, state.barred):
            yield ReasonCode.SIGNED_IN_A_STOP, one.party_id


def _lets_nobody_sign(halt: CaseHalt | None, on: date) -> bool:
    """One in which the borrower is not even spoken to, as of who died, is a minor, or cannot decide."""
    if halt is None or halt.since is None or halt.offers or "contact" not in halt.stops:
        return False
    return halt.since <= on <= (halt.until or date.max)


def _doubted(state: AgreementState, live: InForce, doubts: Iterable[Doubt], day: date) -> Step:
    """Say each doubt once."""
    known, said = live.doubts, tuple[Event, ...]()
    for code, party_id in doubts:
        name = f"{code}/{party_id or ''}"
        if name in known:
            continue
        known = (*known, name)
        said += (
            SignatureDoubted(
                agreement_id=live.agreement_id,
                version=live.version,
                as_of=day,
                party_id=party_id,
                reason=Reason(code=code),
            ),
        )
    return state.model_copy(update={"live": live.model_copy(update={"doubts": known})}), said
