"""Which adapter carries which channel, and what every message says of the lender: from the settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from shared.runtime.outbound.addresses import Addresses, ByReference, FileBook
from shared.runtime.outbound.email import EmailChannel, EmailSettings
from shared.runtime.outbound.message import Channel
from shared.runtime.outbound.webhook import WebhookChannel
from shared.runtime.ports import Clock, FatalError
from shared.runtime.settings import Settings

__all__ = ["Route", "routes_of", "said_of_lender"]

_BY_WEBHOOK: Final = ("email", "app", "sms", "letter")


@dataclass(frozen=True, slots=True)
class Route:
    """One channel's way out."""

    adapter: Channel
    addresses: Addresses


def routes_of(settings: Settings, clock: Clock) -> dict[str, Route]:
    """Give the way out of each channel that is configured; e-mail by SMTP where both could carry it.

    Raises FatalError for an address that no message may go to, and for a file that holds no certificate.
    """
    routes: dict[str, Route] = {}
    try:
        if settings.webhook_url is not None and settings.webhook_secret is not None:
            secret = settings.webhook_secret.get_secret_value().encode()
            hook = Route(WebhookChannel(settings.webhook_url, secret, clock), ByReference())
            routes = dict.fromkeys(_BY_WEBHOOK, hook)
        if settings.smtp_host is not None and settings.address_book is not None:
            password = settings.smtp_password
            server = EmailSettings(
                host=settings.smtp_host,
                port=settings.smtp_port,
                sender=settings.smtp_sender or "",
                security=settings.smtp_security,
                user=settings.smtp_user,
                password=None if password is None else password.get_secret_value(),
                authority=settings.smtp_ca,
            )
            routes["email"] = Route(EmailChannel(server, clock), FileBook(settings.address_book))
    except ValueError as error:
        raise FatalError(f"messages cannot be sent as the settings say: {error}") from None
    return routes


def said_of_lender(settings: Settings) -> Mapping[str, str]:
    """Give what every template is filled with beside the notice's own arguments."""
    return {
        "link": settings.portal or "",
        "contact": settings.contact_line or "",
        "stop": settings.opt_out_line or "",
    }
