"""A mail server of the test's own: STARTTLS (RFC 3207), AUTH PLAIN (RFC 4954); it keeps what it takes."""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any, cast

from deploy.embedded.certificates import Authority

__all__ = ["MailServer", "authority_file", "context_of", "mail_server"]

LOOPBACK = "127.0.0.1"


def context_of(authority: Authority, folder: Path) -> ssl.SSLContext:
    """A server's context with a certificate for this machine that `authority` has issued."""
    pem = folder / "server.pem"
    pem.write_bytes(authority.issue("mail", hosts=[LOOPBACK]))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context


def authority_file(authority: Authority, folder: Path, name: str = "ca.pem") -> Path:
    """The PEM file that a client is told to trust."""
    path = folder / name
    authority.save(path, folder / f"{name}.key")
    return path


@dataclass
class MailServer:
    """Takes mail; `tls`: offers STARTTLS. `login`: name and password without which it takes nothing.

    `codes` are answers to RCPT, in order, before it takes what comes; `taking` seconds pass before a mail is
    acknowledged.
    """

    tls: ssl.SSLContext | None = None
    login: tuple[str, str] | None = None
    codes: list[int] = field(default_factory=list)
    taking: float = 0.0
    taken: list[bytes] = field(default_factory=list)
    secured: int = 0
    in_the_clear: list[bytes] = field(default_factory=list)
    port: int = 0

    @property
    def mails(self) -> list[EmailMessage]:
        """What was taken, read."""
        return [
            cast("EmailMessage", message_from_bytes(raw.removesuffix(b".\r\n"), policy=cast("Any", default)))
            for raw in self.taken
        ]

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        try:
            await self._talk(reader, writer)
        except (OSError, EOFError):  # the other side was killed, or refuses the certificate
            pass
        finally:
            writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        secure, known = False, self.login is None

        def say(*lines: str) -> None:
            writer.write("".join(f"{line}\r\n" for line in lines).encode())

        say("220 test")
        while line := await reader.readline():
            verb, _, rest = line.decode().strip().partition(" ")
            if not secure:
                self.in_the_clear.append(line)
            match verb.upper():
                case "EHLO":
                    offers = ["STARTTLS"] if self.tls is not None and not secure else ["AUTH PLAIN"]
                    say("250-test", *(f"250 {one}" for one in offers))
                case "STARTTLS" if self.tls is not None:
                    say("220 go on")
                    await writer.drain()
                    await writer.start_tls(self.tls)
                    secure = True
                    self.secured += 1
                case "AUTH":
                    given = base64.b64decode(rest.removeprefix("PLAIN ")).decode().split("\0")[1:]
                    known = tuple(given) == self.login
                    say("235 welcome" if known else "535 who are you?")
                case "MAIL":
                    say("250 ok" if known else "530 log in first")
                case "RCPT":
                    code = self.codes.pop(0) if self.codes else 250
                    say(f"{code} {rest}")  # the text repeats the address, as real servers do
                case "DATA":
                    say("354 go on")
                    raw = await reader.readuntil(b"\r\n.\r\n")
                    await asyncio.sleep(self.taking)
                    self.taken.append(raw)
                    say("250 taken")
                case "QUIT":
                    say("221 bye")
                    return
                case _:
                    say("250 ok")
            await writer.drain()


@asynccontextmanager
async def mail_server(server: MailServer | None = None) -> AsyncIterator[MailServer]:
    """Serve on the server's port, or on a free one of this machine."""
    server = server or MailServer()
    listening = await asyncio.start_server(server.talk, LOOPBACK, server.port)
    server.port = listening.sockets[0].getsockname()[1]
    async with listening:
        yield server
