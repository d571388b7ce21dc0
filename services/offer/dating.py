"""When what is on the table is dated: no earlier than any fact of its day that it rests on. Pure.

Balances, figures, answers and drafts that go back come by topics of their own. Whichever of a day is read
last lays the table, but it is the latest of them that it rests on: it carries the same time in any order.
"""

from dataclasses import replace
from datetime import datetime

from services.offer.basis import basis_of
from services.offer.model import OfferState
from services.offer.rules import figures_of
from shared.contracts.base import Event
from shared.contracts.decision import Decision, Emission, later_of
from shared.contracts.offer import NoPlanFound, OfferRevised, OfferTabled, TalksFailed
from shared.contracts.reasons import ReasonCode

__all__ = ["dated"]

_THE_TABLE = (OfferTabled, OfferRevised)


def dated(before: OfferState | None, outcome: Decision[OfferState], moment: datetime) -> Decision[OfferState]:
    """Date what a message of `moment` has led to, and keep the latest moment that the table rests on."""
    after = outcome.state
    if after is None:
        return outcome
    said = any(_is_of_the_table(e.data) or isinstance(e.data, NoPlanFound) for e in outcome.emissions)
    if not said and not _new_facts(before, after):
        return outcome
    rests_at = later_of(after.rests_at, moment)
    emissions = tuple(_dated(e, rests_at, after.lender_refused) for e in outcome.emissions)
    return replace(outcome, state=after.model_copy(update={"rests_at": rests_at}), emissions=emissions)


def _dated(emission: Emission, rests_at: datetime, lender_refused: bool) -> Emission:
    """Date what a search came to; that nothing is left after a no of the lender rests on that no, too."""
    none_left = lender_refused and isinstance(emission.data, NoPlanFound)
    late = none_left or _is_of_the_table(emission.data)
    return replace(emission, not_before=rests_at) if late else emission


def _is_of_the_table(event: Event) -> bool:
    """What a search came to. After a no of the lender nothing found is the end of the talks.

    That there is no plan carries the time of its cause: a balance read after it says nothing anew, so one
    that was read before it must not move it either.
    """
    if isinstance(event, TalksFailed):
        return event.reason.code is ReasonCode.APPROVAL_DENIED
    return isinstance(event, _THE_TABLE)


def _new_facts(before: OfferState | None, after: OfferState) -> bool:
    if before is None:
        return True
    if before.assessed != after.assessed and _figures(before) != _figures(after):
        return True
    return before.debts != after.debts and basis_of(before.debts) != basis_of(after.debts)


def _figures(state: OfferState) -> str | None:
    return None if state.assessed is None else figures_of(state.assessed)
