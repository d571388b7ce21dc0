"""Answers to an offer whose balances moved the very day it was answered. Pure.

An answer comes by the desk's topic, a balance by intake's: on one day either may be read first, and the case
must come to the same. So what stood on the table when the day's first balance came can be accepted, and its
request be granted, all that day, on the balances that it was made on; agreement, which knows the new ones,
gives a draft back that does not fit them. A request that was made the same day stands until that is closed.
"""

from collections.abc import Callable
from datetime import date
from typing import Any

from services.offer.basis import rests_on
from services.offer.model import OfferState, OfferStatus, Stood
from services.offer.talks import Step, retable, withdraw
from shared.contracts.base import Event
from shared.contracts.decision import Decision
from shared.contracts.envelope import Envelope
from shared.contracts.offer import InputRefused
from shared.contracts.reasons import ReasonCode
from shared.policy.reference import Reference

__all__ = ["answered_as_it_stood", "balance_moved", "request_of_the_day"]

Outcome = Decision[OfferState]
# Of one day; far more balances than a bank reports of a case.
_KEPT = 4
_BINDS = {OfferStatus.AGREED, OfferStatus.APPROVAL}


def balance_moved(before: OfferState, now: OfferState, day: date, reference: Reference) -> Step:
    """Replace what is on the table by an offer on the balances of `now`; today still, it can be answered."""
    now = _remembering(before, now, day)
    if now.request is not None and now.request.asked_on == day:
        return now.model_copy(update={"next_date": day}), ()
    return retable(now, day, reference, ReasonCode.BALANCE_CHANGED)


def request_of_the_day(state: OfferState, day: date, reference: Reference) -> Step | None:
    """Close the day on which a request was made: void if balances have moved; None if it is due itself."""
    if state.offer is None or state.request is None:
        return None
    if not rests_on(state.offer.basis, state.debts):
        return retable(state, day, reference, ReasonCode.BALANCE_CHANGED)
    if state.next_date == state.request.due:
        return None
    return state.model_copy(update={"next_date": state.request.due}), ()


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
    then: OfferState = state
    said: tuple[Event, ...] = ()
    if state.offer is not None and state.offer.offer_id != stood.offer.offer_id:
        then, said = withdraw(state, message.day, ReasonCode.OFFER_ALREADY_ANSWERED)
    outcome = answer(_as_it_was(then, stood))
    after = outcome.state
    events: tuple[Event, ...] = tuple(emission.data for emission in outcome.emissions)
    refused = tuple(event for event in events if isinstance(event, InputRefused))
    if after is None or after.status not in _BINDS or refused:
        return Decision.of(state, *refused)
    known = {"debts": state.debts, "debts_seen": state.debts_seen, "prepaid": state.prepaid}
    if after.status is OfferStatus.APPROVAL:
        return Decision.of(after.model_copy(update={**known, "next_date": stood.on}), *said, *events)
    return Decision.of(after.model_copy(update={**known, "stood": ()}), *said, *events)


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
    offer, request = state.offer, state.request
    if offer is None:
        return None
    for one in state.stood:
        if day > one.on or offer.round != one.offer.round:
            continue
        same = offer.offer_id == one.offer.offer_id
        if same and request is not None and request.request_id == id_:
            return one
        asked = one.request.request_id if one.request is not None else None
        if not same and state.status is OfferStatus.TABLED and id_ in {one.offer.offer_id, asked}:
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
