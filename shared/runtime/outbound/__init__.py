"""How a message leaves the platform: e-mail and a signed webhook, tried again, sent once for each id."""

from shared.runtime.outbound.deliverer import Deliverer, Tries
from shared.runtime.outbound.email import EmailChannel, EmailSettings
from shared.runtime.outbound.message import Channel, Failure, FailureSink, Outgoing, Sent, UndeliverableError
from shared.runtime.outbound.webhook import WebhookChannel, is_genuine, signature

__all__ = [
    "Channel",
    "Deliverer",
    "EmailChannel",
    "EmailSettings",
    "Failure",
    "FailureSink",
    "Outgoing",
    "Sent",
    "Tries",
    "UndeliverableError",
    "WebhookChannel",
    "is_genuine",
    "signature",
]
