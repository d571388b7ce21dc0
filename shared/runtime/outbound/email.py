"""E-mail over SMTP, with the standard library in a thread and one deadline for the whole conversation.

A line that is cut while a mail is being acknowledged leaves unknown whether it was taken: it is tried again,
under the same `Message-ID`. Once it is taken, nothing that the server says afterwards matters.

What a server answers may repeat the address, so that only its code is passed on. What is wrong with the
server, its certificate, the login or the sender is no fault of a message: it waits until that is put right.
"""

from __future__ import annotations

import asyncio
import smtplib
import socket
import ssl
from contextlib import suppress
from dataclasses import dataclass, field
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path
from typing import Final, Literal

from shared.runtime.outbound.line import Line
from shared.runtime.outbound.message import Outgoing, UndeliverableError
from shared.runtime.ports import Clock, UnavailableError

__all__ = ["EmailChannel", "EmailSettings"]

_PERMANENT = 500
_HERE: Final = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class EmailSettings:
    """The server and the sender. ``security`` none is for a server on the same machine or for tests.

    ``timeout`` seconds for each answer to begin or go on, ``deadline`` for all of them, connecting included.
    ``authority`` is a PEM file: only what it has signed is trusted. Raises ValueError for what is not safe.
    """

    host: str
    port: int
    sender: str
    security: Literal["starttls", "tls", "none"] = "starttls"
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    timeout: float = 30.0
    deadline: float = 120.0
    authority: Path | None = None

    def __post_init__(self) -> None:
        """Refuse a sender that is no address (its domain is in every id), and a password in the clear."""
        try:
            _address(self.sender)
        except ValueError:
            raise ValueError("sender: an address with a domain") from None
        if self.user is not None and self.security == "none" and self.host not in _HERE:
            raise ValueError("security: a login needs starttls or tls, but on this machine")

    def trust(self) -> ssl.SSLContext:
        """Give what certificates are checked with. Raises ValueError where the file holds none."""
        try:
            return ssl.create_default_context(cafile=self.authority)
        except ssl.SSLError:
            raise ValueError("authority: PARLEY_SMTP_CA names a file without a certificate in PEM") from None


class EmailChannel:
    """Implements `outbound.Channel`. The message's id is its `Message-ID`."""

    name = "email"

    def __init__(self, settings: EmailSettings, clock: Clock) -> None:
        self._settings = settings
        self._trust = settings.trust()
        self._clock = clock

    async def send(self, outgoing: Outgoing) -> None:
        """Hand it to the server. Raises UnavailableError or UndeliverableError."""
        message, line = self._message(outgoing), Line()
        deadline = asyncio.get_running_loop().call_later(self._settings.deadline, line.cut)
        try:
            await asyncio.to_thread(self._hand_over, message, line)
        except smtplib.SMTPRecipientsRefused as error:
            code = max((code for code, _ in error.recipients.values()), default=_PERMANENT)
            raise _by_code(code) from None
        except smtplib.SMTPDataError as error:
            raise _by_code(error.smtp_code) from None
        except smtplib.SMTPNotSupportedError:  # an address in letters that the server does not take
            raise UndeliverableError("smtp_not_supported") from None
        except (smtplib.SMTPException, OSError) as error:
            raise UnavailableError("smtp_deadline" if line.is_cut else _explained(error)) from None
        finally:
            deadline.cancel()
            line.cut()

    def _message(self, outgoing: Outgoing) -> EmailMessage:
        sender = _address(self._settings.sender)
        message = EmailMessage(policy=SMTP)
        try:
            message["From"] = sender
            message["To"] = _address(outgoing.to)
            message["Subject"] = outgoing.subject
        except ValueError:
            raise UndeliverableError("unusable_header") from None
        message["Message-ID"] = f"<{outgoing.message_id}@{sender.domain}>"
        message["Date"] = format_datetime(self._clock.now())
        message["Auto-Submitted"] = "auto-generated"
        # Base64 passes servers that take seven bits only. Setting the content clears every Content- header.
        message.set_content(outgoing.body, charset="utf-8", cte="base64")
        message["Content-Language"] = {"zh": "zh-CN"}.get(outgoing.language, outgoing.language)
        return message

    def _hand_over(self, message: EmailMessage, line: Line) -> None:
        settings = self._settings
        server = self._connect(line)
        try:
            try:
                if settings.security == "starttls":
                    server.starttls(context=self._trust)
                if settings.user is not None:
                    server.login(settings.user, settings.password or "")
            except smtplib.SMTPNotSupportedError:
                raise UnavailableError(
                    "smtp_not_supported: the server offers no STARTTLS, or no way to log in "
                    "(PARLEY_SMTP_SECURITY, PARLEY_SMTP_USER)"
                ) from None
            server.send_message(message)
        finally:
            with suppress(smtplib.SMTPException, OSError):  # what was said before counts
                server.quit()
            server.close()

    def _connect(self, line: Line) -> smtplib.SMTP:
        settings = self._settings
        if settings.security == "tls":
            return _Tls(line, settings.host, settings.port, settings.timeout, self._trust)
        return _Plain(line, settings.host, settings.port, settings.timeout)


class _Plain(smtplib.SMTP):
    """A connection that its line holds before anything is said on it, and that is given up with it."""

    def __init__(self, line: Line, host: str, port: int, timeout: float) -> None:
        self._line = line
        super().__init__(host, port, timeout=timeout)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        """Connect, as the library does by this method, but on a line that can be cut while it does."""
        failed = OSError("no address")
        for family, kind, protocol, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
            made = socket.socket(family, kind, protocol)
            try:
                made.settimeout(timeout)
                self._line.holds(made)
                made.connect(address)
            except OSError as error:
                made.close()
                failed = error
            else:
                return made
        raise failed


class _Tls(smtplib.SMTP_SSL, _Plain):
    """The same: the library makes TLS of what `_Plain` has connected."""

    def __init__(self, line: Line, host: str, port: int, timeout: float, trust: ssl.SSLContext) -> None:
        self._line = line
        smtplib.SMTP_SSL.__init__(self, host, port, timeout=timeout, context=trust)


def _address(text: str) -> Address:
    """Read an address. Raises ValueError, without the address in it, for whatever is none.

    The library's parser answers some of them with errors of other kinds (`HeaderParseError`, AttributeError,
    IndexError, RecursionError). One that got past here would end the courier, and with it all messages. An
    encoded word in an address is decoded when the header is written, and may hold the end of a line.
    """
    if not text.isprintable() or "=?" in text:
        raise ValueError("no address")
    try:
        found = Address(addr_spec=text)
    except Exception:  # noqa: BLE001 - see above
        raise ValueError("no address") from None
    if not (found.username and found.domain):
        raise ValueError("no address: a name and a domain")
    return found


def _explained(error: smtplib.SMTPException | OSError) -> str:
    """Say what an operator has to see: a code, and where it can be known what to look at."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"smtp_certificate: the mail server's certificate is refused ({error.verify_message}); "
            "PARLEY_SMTP_CA names the authority to trust"
        )
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return (
            f"smtp_login_{error.smtp_code}: the mail server refuses the login "
            "(PARLEY_SMTP_USER, PARLEY_SMTP_PASSWORD)"
        )
    if isinstance(error, smtplib.SMTPSenderRefused):
        return f"smtp_sender_{error.smtp_code}: the mail server refuses the sender (PARLEY_SMTP_SENDER)"
    if isinstance(error, smtplib.SMTPResponseException):
        return f"smtp_{error.smtp_code}"
    return f"smtp_{type(error).__name__}"


def _by_code(code: int) -> UnavailableError | UndeliverableError:
    return UndeliverableError(f"smtp_{code}") if code >= _PERMANENT else UnavailableError(f"smtp_{code}")
