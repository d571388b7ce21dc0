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
    StopEvent,
    is_time_zone,
)
from shared.conduct.persons import SPOKEN_FOR
from shared.conduct.recorded import (
    BORROWER,
    Recorded,
    closed_before,
    days_counted,
    is_reckoned,
    known_channel,
    opt_outs,
    past_contact,
    past_message,
    when_it_was,
)
from shared.conduct.strictest import ask_all, quiet_begins

__all__ = [
    "BORROWER",
    "SPOKEN_FOR",
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
    "Recorded",
    "Request",
    "Rule",
    "Stop",
    "StopEvent",
    "ask_all",
    "closed_before",
    "days_counted",
    "is_reckoned",
    "is_time_zone",
    "known_channel",
    "opt_outs",
    "past_contact",
    "past_message",
    "quiet_begins",
    "when_it_was",
]
