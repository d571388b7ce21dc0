"""How a message leaves the platform: e-mail and a signed webhook, tried again, sent once for each id."""

from shared.runtime.outbound.addresses import Addresses, ByReference, FileBook
from shared.runtime.outbound.courier import Courier
from shared.runtime.outbound.deliverer import Deliverer, Tries
from shared.runtime.outbound.email import EmailChannel, EmailSettings
from shared.runtime.outbound.message import Channel, Failure, Outgoing, Sent, UndeliverableError
from shared.runtime.outbound.routes import Route, routes_of, said_of_lender
from shared.runtime.outbound.webhook import WebhookChannel, is_genuine, signature

__all__ = [
    "Addresses",
    "ByReference",
    "Channel",
    "Courier",
    "Deliverer",
    "EmailChannel",
    "EmailSettings",
    "Failure",
    "FileBook",
    "Outgoing",
    "Route",
    "Sent",
    "Tries",
    "UndeliverableError",
    "WebhookChannel",
    "is_genuine",
    "routes_of",
    "said_of_lender",
    "signature",
]
