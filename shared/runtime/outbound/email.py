"""E-mail over SMTP, with the standard library in a thread.

What a server answers may repeat the address, so that only its code is passed on.
"""

from __future__ import annotations

import asyncio
import smtplib
import ssl
from dataclasses import dataclass, field
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Literal

from shared.runtime.outbound.message import Outgoing, UndeliverableError
from shared.runtime.ports import Clock, UnavailableError

__all__ = ["EmailChannel", "EmailSettings"]

_PERMANENT = 500


@dataclass(frozen=True, slots=True)
class EmailSettings:
    """The server and the sender. ``security`` none is for a server on the same machine or for tests."""

    host: str
    port: int
    sender: str
    security: Literal["starttls", "tls", "none"] = "starttls"
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    timeout: float = 30.0

    def __post_init__(self) -> None:
        """Refuse a sender that is no address: its domain is part of every message's id."""
        if not Address(addr_spec=self.sender).domain:
            raise ValueError("sender: an address with a domain")


class EmailChannel:
    """Implements `outbound.Channel`. The message's id is its `Message-ID`."""

    name = "email"

    def __init__(self, settings: EmailSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock

    async def send(self, outgoing: Outgoing) -> None:
        """Hand it to the server. Raises UnavailableError or UndeliverableError."""
        message = self._message(outgoing)
        try:
            await asyncio.to_thread(self._hand_over, message)
        except smtplib.SMTPRecipientsRefused as error:
            code = max((code for code, _ in error.recipients.values()), default=_PERMANENT)
            raise _by_code(code) from None
        except smtplib.SMTPAuthenticationError as error:
            # The settings are wrong, not the message: an operator can put that right meanwhile.
            raise UnavailableError(f"smtp_login_{error.smtp_code}") from None
        except smtplib.SMTPResponseException as error:
            raise _by_code(error.smtp_code) from None
        except smtplib.SMTPNotSupportedError:
            raise UndeliverableError("smtp_not_supported") from None
        except (smtplib.SMTPException, OSError) as error:
            raise UnavailableError(f"smtp_{type(error).__name__}") from None

    def _message(self, outgoing: Outgoing) -> EmailMessage:
        sender = Address(addr_spec=self._settings.sender)
        message = EmailMessage(policy=SMTP)
        try:
            message["From"] = sender
            message["To"] = Address(addr_spec=outgoing.to)
            message["Subject"] = outgoing.subject
        except (ValueError, IndexError):
            raise UndeliverableError("unusable_header") from None
        message["Message-ID"] = f"<{outgoing.message_id}@{sender.domain}>"
        message["Date"] = format_datetime(self._clock.now())
        message["Auto-Submitted"] = "auto-generated"
        # Base64 passes servers that take seven bits only. Setting the content clears every Content- header.
        message.set_content(outgoing.body, charset="utf-8", cte="base64")
        message["Content-Language"] = {"zh": "zh-CN"}.get(outgoing.language, outgoing.language)
        return message

    def _hand_over(self, message: EmailMessage) -> None:
        settings = self._settings
        with self._connect() as server:
            if settings.security == "starttls":
                server.starttls(context=ssl.create_default_context())
            if settings.user is not None:
                server.login(settings.user, settings.password or "")
            server.send_message(message)

    def _connect(self) -> smtplib.SMTP:
        settings = self._settings
        if settings.security == "tls":
            context = ssl.create_default_context()
            return smtplib.SMTP_SSL(settings.host, settings.port, timeout=settings.timeout, context=context)
        return smtplib.SMTP(settings.host, settings.port, timeout=settings.timeout)


def _by_code(code: int) -> UnavailableError | UndeliverableError:
    return UndeliverableError(f"smtp_{code}") if code >= _PERMANENT else UnavailableError(f"smtp_{code}")
