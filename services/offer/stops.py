"""What stop events mean for the talks: the round is suspended, nothing lapses, and then it goes on. Pure.

Intake says of each debt what stops it. Where none is left, what was on the table comes off, for its figures
will be others; its round is not used up by that, and the time that the talks may take stands still.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from services.offer.model import OfferState, OfferStatus
from services.offer.rules import is_assessed, owed_debts
from services.offer.talks import Step, new_talks, resume, table, withdraw
from shared.contracts.base import Reason
from shared.contracts.debts import PROTECTED
from shared.contracts.decision import Decision
from shared.contracts.envelope import Envelope
from shared.contracts.parties import last_told
from shared.contracts.reasons import ReasonCode
from shared.policy.reference import Reference

__all__ = ["all_stopped", "follow", "stop_told"]

_ON_TABLE = {OfferStatus.TABLED, OfferStatus.APPROVAL}


def all_stopped(state: OfferState) -> bool:
    """Say whether stops leave nothing to talk about."""
    return not owed_debts(state.debts) and any(debt.status in PROTECTED for debt in state.debts)


def stop_told(
    state: OfferState | None, message: Envelope[Any], _reference: Reference
) -> Decision[OfferState]:
    """The desk tells of a stop, or of its end: what it means is on its way by intake, and nothing lapses."""
    if state is None or state.status is OfferStatus.CLOSED:
        return Decision(state)
    told_on = last_told(state.stop_told_on, message.day)
    return Decision(state.model_copy(update={"stop_told_on": told_on}))


def follow(state: OfferState, day: date, reference: Reference) -> Step | None:
    """Suspend the talks or go on with them, as the debts now stand; None where stops change nothing."""
    if all_stopped(state):
        return (state, ()) if state.halted_on is not None else _halt(state, day)
    return None if state.halted_on is None else _go_on(state, state.halted_on, day, reference)


def _halt(state: OfferState, day: date) -> Step:
    """No day of the round passes. A draft that is out comes back from agreement by itself."""
    halted = state.model_copy(update={"halted_on": day})
    # What made a plan impossible that very day may have been read before the stop or after it.
    gone_today = state.status is OfferStatus.NO_PLAN and state.gone_on == day
    if state.status not in _ON_TABLE and not gone_today:
        return halted, ()
    after, said = withdraw(halted, day, ReasonCode.DEBT_STOPPED)
    resting = {"status": OfferStatus.WAITING, "next_date": None, "suspended": True}
    return after.model_copy(update=resting), said


def _go_on(state: OfferState, since: date, day: date, reference: Reference) -> Step:
    """The same round on today's figures, with the time that was left; new talks where none was under way."""
    started = state.started
    if started is not None:
        started = min(started + timedelta(days=max((day - since).days, 0)), day)
    update = {"halted_on": None, "suspended": False, "started": started}
    now = state.model_copy(update=update)
    if state.status is OfferStatus.NO_PLAN and owed_debts(now.debts) and is_assessed(now, day):
        # A balance of the halt's first or last day may allow a plan, and may have been read before or after.
        return resume(now, day, reference)
    if state.status is not OfferStatus.WAITING or not owed_debts(now.debts) or not is_assessed(now, day):
        return now, ()
    reason = Reason(code=ReasonCode.STOP_ENDED)
    if state.suspended:
        return table(now, day, reference, reason)
    return new_talks(now, day, reference, reason)
