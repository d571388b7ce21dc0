"""Who signs beside the borrower, who must, and whose signature counts. Pure."""

from collections.abc import Collection, Sequence
from datetime import date

from services.agreement.model import Barred, Consent, Draft, InForce, KnownDebt
from shared.contracts.agreement import DebtBound, LiableFor
from shared.contracts.debts import Plan
from shared.contracts.parties import ObligorRole

__all__ = [
    "barred_now",
    "bound_by",
    "cannot_sign",
    "co_borrowers_asked",
    "co_borrowers_of",
    "counts",
    "known_before",
    "not_counted",
    "signed_before",
]


def co_borrowers_of(liable: Sequence[LiableFor]) -> tuple[str, ...]:
    """Give who owes a debt of an agreement as the borrower does, each once: the others stand in for it."""
    owing = (one.party_id for one in liable if one.role is not ObligorRole.GUARANTOR)
    return tuple(dict.fromkeys(owing))


def co_borrowers_asked(
    plan: Plan, debts: Sequence[KnownDebt], asking: Collection[str], unasked: Collection[str] = ()
) -> tuple[str, ...]:
    """Give the co-borrowers who must sign: those of the debts whose packs (`asking`) do not do without them.

    Nobody who cannot be asked, or cannot sign (`unasked`), is waited for: the borrower would be left without
    any relief.
    """
    owing = {debt.debt_id: debt.obligors for debt in debts}
    asked = {
        one.party_id
        for row in plan.debts
        if row.policy in asking
        for one in owing[row.debt_id]
        if one.role is not ObligorRole.GUARANTOR
    }
    return tuple(sorted(asked.difference(unasked)))


def bound_by(draft: Draft, barred: Sequence[Barred]) -> tuple[str, ...]:
    """Give the co-borrowers whose signature counts."""
    return tuple(sorted({one.party_id for one in draft.joined if counts(one, barred)}))


def not_counted(draft: Draft, bound: Collection[str]) -> tuple[str, ...]:
    """Give the co-borrowers of whom there are signatures on file, and none that counts."""
    return tuple(sorted({one.party_id for one in draft.joined}.difference(bound)))


def counts(joined: Consent, barred: Sequence[Barred]) -> bool:
    """No signature does that was given while a stop of theirs was on, also where it was told of later."""
    return not any(
        one.party_id == joined.party_id and one.since <= joined.on <= (one.until or date.max)
        for one in barred
    )


def known_before(barred: Sequence[Barred], day: date) -> tuple[Barred, ...]:
    """Give what was known of stops before a day: whatever is heard on it has no order with what is signed."""
    return tuple(
        one.model_copy(update={"until": None}) if one.over_told == day else one
        for one in barred
        if one.told < day
    )


def cannot_sign(party_id: str, barred: Sequence[Barred], day: date) -> bool:
    """Whether a stop of theirs is known since another day; on the day of the word of its end it still is."""
    return any(one.party_id == party_id and one.until is None for one in known_before(barred, day))


def barred_now(barred: Sequence[Barred], joined: Sequence[Consent] = ()) -> set[str]:
    """Give the co-borrowers who cannot sign as long as a stop of theirs is on, and have not signed before."""
    signed = {one.party_id for one in joined if counts(one, barred)}
    return {one.party_id for one in barred if one.until is None} - signed


def signed_before(
    draft: Draft, live: InForce | None, took_from: Sequence[DebtBound], bound: Collection[str]
) -> tuple[str, ...]:
    """Give the co-borrowers who signed what a draft amends, and not the draft: they owe by that one still.

    Or what it takes the place of: an agreement of an earlier case, which the bank got back.
    """
    signed = {party_id for one in took_from for party_id in one.co_borrowers}
    if live is not None:
        signed |= {*live.bound, *live.signed_before}
    return tuple(sorted(signed.intersection(co_borrowers_of(draft.liable)).difference(bound)))
