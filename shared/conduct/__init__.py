"""The guard of conduct: which message may go to whom, through which channel, when, and by which rule not."""

from shared.conduct.guard import Guard
from shared.conduct.model import Answer, CaseStates, Denial, Message, PastContact, Request, Rule

__all__ = ["Answer", "CaseStates", "Denial", "Guard", "Message", "PastContact", "Request", "Rule"]
