"""The guard of conduct: which message may go to whom, through which channel, when, and by which rule not."""

from shared.conduct.guard import Guard
from shared.conduct.model import (
    Agreed,
    Answer,
    Authority,
    CaseStates,
    Consent,
    Denial,
    Message,
    OptOut,
    PastContact,
    Request,
    Rule,
    Stop,
    is_time_zone,
)
from shared.conduct.strictest import ask_all, quiet_begins

__all__ = [
    "Agreed",
    "Answer",
    "Authority",
    "CaseStates",
    "Consent",
    "Denial",
    "Guard",
    "Message",
    "OptOut",
    "PastContact",
    "Request",
    "Rule",
    "Stop",
    "ask_all",
    "is_time_zone",
    "quiet_begins",
]
