"""What stop events mean for alerts: none whose remedy presses for payment or an answer meanwhile. Pure.

On the day on which the desk tells of a stop, intake's word on it may come before the close or after it: what
presses the borrower, and the steps of the case, are judged at the close of the next day in either case.
"""

from typing import Any

from services.alert.model import AlertState
from services.alert.raising import PRESSING, Step, resolve
from shared.contracts import intake
from shared.contracts.base import Event
from shared.contracts.envelope import Envelope
from shared.contracts.parties import last_told
from shared.contracts.reasons import ReasonCode
from shared.policy.model import PolicyInForce

__all__ = ["stop_told", "stops_changed"]


def stop_told(state: AlertState, message: Envelope[Any], _: PolicyInForce) -> Step:
    """The desk tells of a stop, or of its end."""
    told_on = last_told(state.stop_told_on, message.day)
    return state.model_copy(update={"stop_told_on": told_on}), ()


def stops_changed(state: AlertState, message: Envelope[intake.StopsChanged], _: PolicyInForce) -> Step:
    """Take back what presses the borrower; when the halt is over, silence counts anew from that day."""
    halted = message.data.halt is not None
    if halted == state.halted:
        return state, ()
    update: dict[str, Any] = {"halted": halted}
    if not halted:
        update["heard_on"] = message.day if state.heard_on is None else max(state.heard_on, message.day)
        return state.model_copy(update=update), ()
    now, said = state.model_copy(update=update), tuple[Event, ...]()
    for kind in sorted(PRESSING):
        now, over = resolve(now, kind, message.day, ReasonCode.DEBT_STOPPED)
        said += over
    return now, said
