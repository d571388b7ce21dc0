"""The alert's document: what is asked of the borrower, what is missed, and the alerts that are open."""

from datetime import date
from enum import StrEnum

from shared.contracts.alert import AlertKind
from shared.contracts.debts import PackId
from shared.contracts.decision import State

__all__ = ["AlertState", "AlertStatus", "Ask", "AskKind", "Instruction", "OpenAlert"]


class AlertStatus(StrEnum):
    """Whether the case is watched."""

    WATCHING = "watching"
    CLOSED = "closed"


class AskKind(StrEnum):
    """What the borrower is asked for."""

    STATEMENT = "statement"
    ANSWER = "answer"
    SIGNATURE = "signature"


class Ask(State):
    """Something that is asked of the borrower, since a day."""

    kind: AskKind
    since: date


class Instruction(State):
    """An instruction that the bank has not answered yet."""

    instruction_id: str
    answer_by: date


class OpenAlert(State):
    """An alert that is not resolved. `remedy_due` is the day by which its remedy should have worked."""

    alert_id: str
    kind: AlertKind
    about: str
    raised_on: date
    remedy_due: date
    escalate_to: str
    escalated: bool = False
    taken_by: str | None = None


class AlertState(State):
    """One case. `missed` names the instalments that are missed now; `raised` counts alerts ever raised.

    `heard_on` is the last sign of the borrower, `silent_on` the day at whose close no sign since then counts
    as silence (None: nothing is asked, or the silence has been noticed). `closed_ids` are the last alerts
    resolved, so that a late acknowledgement is answered rightly.
    """

    case: str
    status: AlertStatus = AlertStatus.WATCHING
    policy: PackId
    opened_on: date
    heard_on: date | None = None
    silent_on: date | None = None
    asks: tuple[Ask, ...] = ()
    missed: tuple[str, ...] = ()
    instructions: tuple[Instruction, ...] = ()
    alerts: tuple[OpenAlert, ...] = ()
    closed_ids: tuple[str, ...] = ()
    raised: int = 0
