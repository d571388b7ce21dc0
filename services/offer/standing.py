"""Answers to an offer whose balances moved the very day it was answered. Pure.

An answer comes by the desk's topic, figures by assessment's, a balance by intake's: on one day any may be
read first, and the case must come to the same. So what stood on the table when the day's first balance came
can be accepted, and its request be granted, all that day, on the balances that it was made on; agreement,
which knows the new ones, gives a draft back that does not fit them. A request that was made the same day
stands until that is closed. So does an offer of before that no plan on the new balances can replace: it is
held, what else the day brings is decided as if it had come first, and that there is no plan is said at the
close.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

from services.offer.basis import rests_on
from services.offer.model import OfferState, OfferStatus, Stood
from services.offer.rules import is_assessed, owed_debts
from services.offer.talks import Step, answer_what_was_kept, lapse, new_talks, resume, retable, withdraw
from shared.contracts.base import Event
from shared.contracts.decision import Decision, Emission
from shared.contracts.envelope import Envelope
from shared.contracts.offer import InputRefused
from shared.contracts.reasons import ReasonCode
from shared.policy.reference import Reference

__all__ = [
    "answered_as_it_stood",
    "balance_moved",
    "end_of_validity",
    "is_held",
    "request_of_the_day",
    "while_held",
]

Outcome = Decision[OfferState]
# Of one day; far more balances than a bank reports of a case.
_KEPT = 4
_BINDS = {OfferStatus.AGREED, OfferStatus.APPROVAL}
_ON_TABLE = {OfferStatus.TABLED, OfferStatus.APPROVAL}


def balance_moved(before: OfferState, now: OfferState, day: date, reference: Reference) -> Step:
    """Follow balances that plans do not rest on any more.

    What is on the table is replaced by an offer on the balances of `now`; today still, it can be answered.
    Where a balance makes the first plan possible, it is tabled.
    """
    if now.status in _ON_TABLE:
        return _replaced(before, now, day, reference)
    if now.status is OfferStatus.WAITING and is_assessed(now, day) and owed_debts(now.debts):
        return new_talks(now, day, reference)
    if now.status is OfferStatus.NO_PLAN and is_assessed(now, day):
        again, said = resume(now, day, reference)
        # What is no news is not said again; the date to look again stays.
        return (again, said) if again.status is OfferStatus.TABLED else (now, ())
    return now, ()


def _replaced(before: OfferState, now: OfferState, day: date, reference: Reference) -> Step:
    now = _remembering(before, now, day)
    held = now.model_copy(update={"next_date": day})
    if now.offer is not None and rests_on(now.offer.basis, now.debts):
        return held, ()  # balances that came back: the close of the day sets its dates again
    if now.request is not None and now.request.asked_on == day:
        return held, ()
    after, said = retable(now, day, reference, ReasonCode.BALANCE_CHANGED)
    # What was tabled today would not have been, had the balance been read first: there is no plan at once.
    stands = now.offer is not None and now.offer.tabled_on < day
    return (held, ()) if stands and after.status is not OfferStatus.TABLED else (after, said)


def is_held(state: OfferState) -> bool:
    """Say whether an offer is on the table that no plan on the day's balances can replace."""
    tabled = state.offer is not None and state.status is OfferStatus.TABLED
    return tabled and state.offer is not None and not rests_on(state.offer.basis, state.debts)


def request_of_the_day(state: OfferState, day: date, reference: Reference) -> Step | None:
    """Close the day on which a request was made: void if balances have moved; None if it is due itself."""
    if state.offer is None or state.request is None:
        return None
    if not rests_on(state.offer.basis, state.debts):
        return retable(state, day, reference, ReasonCode.BALANCE_CHANGED)
    if state.next_date == state.request.due:
        return None
    return state.model_copy(update={"next_date": state.request.due}), ()


def end_of_validity(state: OfferState, due: date, day: date, reference: Reference) -> Step:
    """Close the last day of an offer, the day on which balances left nothing to replace it by, or on which
    what was said while rates were stale is looked at again."""
    assert state.offer is not None  # noqa: S101 - narrows: it is on the table
    if not rests_on(state.offer.basis, state.debts):
        # What is tabled anew is for the borrower to read: it is dated when it is said.
        return retable(state, day, reference, ReasonCode.BALANCE_CHANGED)
    if due < state.offer.valid_until:
        return answer_what_was_kept(state, day, reference)
    return lapse(state, due, reference)


def while_held(
    state: OfferState | None,
    day: date,
    decide: Callable[[OfferState], Outcome],
    reference: Reference,
) -> Outcome | None:
    """Decide on an offer that is held as if the day's balances came after it; None where none is held."""
    if state is None or state.offer is None or state.status not in _ON_TABLE:
        return None
    if rests_on(state.offer.basis, state.debts):
        return None
    id_ = state.offer.offer_id
    stood = next((one for one in state.stood if one.offer.offer_id == id_ and day <= one.on), None)
    if stood is None:
        return None
    outcome = decide(_as_it_was(state, stood))
    then = outcome.state
    assert then is not None  # noqa: S101 - narrows: there was a document
    known = then.model_copy(update=_known(state))
    if known.status is OfferStatus.AGREED:
        return replace(outcome, state=known.model_copy(update={"stood": ()}))
    after, said = balance_moved(then, known, stood.on, reference)
    return replace(outcome, state=after, emissions=(*outcome.emissions, *map(Emission, said)))


def answered_as_it_stood(
    state: OfferState | None,
    message: Envelope[Any],
    id_: str,
    answer: Callable[[OfferState], Outcome],
) -> Outcome | None:
    """Answer an offer, or a request, as it stood before a balance of the day; None where none did.

    Only while nobody has answered what replaced it.
    """
    stood = None if state is None else _stood(state, message.day, id_)
    if state is None or stood is None:
        return None
    then, said = withdraw(state, message.day, ReasonCode.OFFER_ALREADY_ANSWERED)
    outcome = answer(_as_it_was(then, stood))
    after = outcome.state
    events: tuple[Event, ...] = tuple(emission.data for emission in outcome.emissions)
    refused = tuple(event for event in events if isinstance(event, InputRefused))
    if after is None or after.status not in _BINDS or refused:
        return Decision.of(state, *refused)
    if after.status is OfferStatus.APPROVAL:
        update = {**_known(state), "next_date": stood.on}
        return Decision.of(after.model_copy(update=update), *said, *events)
    return Decision.of(after.model_copy(update={**_known(state), "stood": ()}), *said, *events)


def _known(state: OfferState) -> dict[str, Any]:
    """What is known of the debts, whichever offer is answered."""
    return {"debts": state.debts, "debts_seen": state.debts_seen, "prepaid": state.prepaid}


def _remembering(before: OfferState, now: OfferState, day: date) -> OfferState:
    """Keep what stood before the balance; what stood before an earlier one of the day is kept as it was."""
    kept = tuple(one for one in now.stood if one.on >= day)
    if before.offer is not None and all(one.offer.offer_id != before.offer.offer_id for one in kept):
        stood = Stood(
            offer=before.offer,
            request=before.request,
            debts=before.debts,
            debts_seen=before.debts_seen,
            prepaid=before.prepaid,
            on=day,
        )
        kept = (*kept, stood)
    return now.model_copy(update={"stood": kept[:_KEPT]})


def _stood(state: OfferState, day: date, id_: str) -> Stood | None:
    """Give what `id_` names, if balances of its day are all that came between."""
    offer = state.offer
    if offer is None or state.status is not OfferStatus.TABLED:
        return None
    for one in state.stood:
        if day > one.on or offer.round != one.offer.round or offer.offer_id == one.offer.offer_id:
            continue
        asked = one.request.request_id if one.request is not None else None
        if id_ in {one.offer.offer_id, asked}:
            return one
    return None


def _as_it_was(state: OfferState, stood: Stood) -> OfferState:
    request = state.request or stood.request
    over = {stood.offer.offer_id, *((request.request_id,) if request is not None else ())}
    known = [one.offer_id for one in state.shown]
    upto = known.index(stood.offer.offer_id) + 1 if stood.offer.offer_id in known else 0
    return state.model_copy(
        update={
            "status": OfferStatus.TABLED if request is None else OfferStatus.APPROVAL,
            "offer": stood.offer,
            "request": request,
            "debts": stood.debts,
            "debts_seen": stood.debts_seen,
            "prepaid": stood.prepaid,
            "answered": tuple(item for item in state.answered if item.id not in over),
            "shown": state.shown[:upto],
        }
    )
