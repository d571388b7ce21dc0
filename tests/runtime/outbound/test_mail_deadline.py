"""One deadline for a whole conversation with a mail server, wherever in it the server dawdles."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from deploy.embedded.certificates import Authority
from shared.runtime.outbound import Deliverer, EmailChannel, EmailSettings, Sent, UndeliverableError
from shared.runtime.ports import UnavailableError
from tests.runtime.outbound.mail_server import LOOPBACK, authority_file, context_of
from tests.runtime.outbound.support import Leave, StillClock, outgoing

DEADLINE = 1.5  # far above what a conversation takes, also on a machine with much else to do
ANSWERS = {
    *{(b"EHLO", b"250-test\r\n250-AUTH PLAIN\r\n250 STARTTLS\r\n"), (b"STARTTLS", b"220 go on\r\n")},
    *{(b"AUTH", b"235 welcome\r\n"), (b"DATA", b"354 go on\r\n"), (b"QUIT", b"221 bye\r\n")},
}
REACHED = ("220 greeting", "EHLO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", "taken", "QUIT")


class Dawdler:
    """A mail server that begins to answer byte by byte, for a minute, at one point of the conversation."""

    def __init__(self, at: str, tls: ssl.SSLContext | None = None, refuses: bytes = b"") -> None:
        self.at, self.tls, self.refuses = at, tls, refuses
        self.reached: list[str] = []
        self.taken = 0
        self.port = 0

    async def say(self, writer: asyncio.StreamWriter, what: str, line: bytes) -> None:
        self.reached.append(what)
        if what != self.at:
            writer.write(line)
        else:
            for byte in b"250-" + b"o" * 600:
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(0.1)
        await writer.drain()

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, EOFError):
            await self.say(writer, "220 greeting", b"220 test\r\n")
            while line := await reader.readline():
                verb = line.split()[0].upper()
                answer = dict(ANSWERS).get(verb, b"250 ok\r\n")
                if verb == b"RCPT" and self.refuses:
                    answer = self.refuses
                await self.say(writer, verb.decode(), answer)
                if verb == b"STARTTLS" and self.tls is not None:
                    await writer.start_tls(self.tls)
                if verb == b"DATA":
                    await reader.readuntil(b"\r\n.\r\n")
                    self.taken += 1
                    await self.say(writer, "taken", b"250 taken\r\n")
        writer.close()


@asynccontextmanager
async def dawdling(server: Dawdler) -> AsyncIterator[Dawdler]:
    listening = await asyncio.start_server(server.talk, LOOPBACK, 0)
    server.port = listening.sockets[0].getsockname()[1]
    async with listening:
        yield server


def channel(port: int, security: str = "none", authority: Path | None = None) -> EmailChannel:
    settings = EmailSettings(
        LOOPBACK, port, "desk@bank.example", security, user="desk", password="p",  # type: ignore[arg-type]  # noqa: S106
        deadline=DEADLINE, authority=authority,
    )  # fmt: skip
    return EmailChannel(settings, StillClock())


@pytest.fixture
def authority() -> Authority:
    return Authority.create("a bank's own")


@pytest.mark.parametrize("at", [one for one in REACHED if one != "QUIT"])
async def test_who_dawdles_anywhere_holds_nobody_beyond_the_deadline(
    at: str, authority: Authority, tmp_path: Path
) -> None:
    """The time-out was for each byte: sixteen such answers, and the courier sent nothing for hours."""
    async with dawdling(Dawdler(at, context_of(authority, tmp_path))) as server:
        began = time.monotonic()
        with pytest.raises(UnavailableError, match=r"^smtp_deadline$"):
            await channel(server.port, "starttls", authority_file(authority, tmp_path)).send(outgoing())
        assert DEADLINE * 0.8 < time.monotonic() - began < 20
    assert server.reached[-1] == at
    assert server.taken == (at == "taken")


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_a_handshake_that_never_ends_is_cut_too(security: str) -> None:
    async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if security == "starttls":
            for answer in (b"220 test\r\n", b"250-test\r\n250 STARTTLS\r\n", b"220 go on\r\n"):
                writer.write(answer)
                await reader.readline()
        await reader.read()
        writer.close()

    async with await asyncio.start_server(mute, LOOPBACK, 0) as server:
        began = time.monotonic()
        with pytest.raises(UnavailableError, match=r"^smtp_deadline$"):
            await channel(server.sockets[0].getsockname()[1], security).send(outgoing())
        assert time.monotonic() - began < 10


async def test_a_server_that_lets_nobody_connect_is_left_at_the_deadline() -> None:
    with socket.socket() as full:
        full.bind((LOOPBACK, 0))
        full.listen(0)
        others = [socket.socket() for _ in range(4)]
        for other in others:  # nobody accepts them, and what comes after is not answered at all
            other.setblocking(False)
            other.connect_ex(full.getsockname())
        began = time.monotonic()
        with pytest.raises(UnavailableError, match=r"^smtp_deadline$"):
            await channel(full.getsockname()[1]).send(outgoing())
        assert time.monotonic() - began < 10
        for other in others:
            other.close()


async def test_a_mail_that_was_taken_is_sent_however_the_server_says_goodbye() -> None:
    """It counted as not sent, and went out again and again until its time had passed."""
    async with dawdling(Dawdler("QUIT")) as server:
        deliverer = Deliverer(channel(server.port), StillClock())
        assert await deliverer.deliver(outgoing(), Leave(3)) == Sent("M-1", 1)
    assert server.taken == 1


async def test_another_goodbye_than_the_usual_one_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = {one for one in ANSWERS if one[0] != b"QUIT"}
    monkeypatch.setattr(f"{__name__}.ANSWERS", {*usual, (b"QUIT", b"421 I was about to close anyway\r\n")})
    async with dawdling(Dawdler("nowhere")) as server:
        await channel(server.port).send(outgoing())
    assert server.taken == 1
    async with dawdling(Dawdler("nowhere", refuses=b"550 no such user\r\n")) as server:
        with pytest.raises(UndeliverableError, match="smtp_550"):  # and not the goodbye's code
            await channel(server.port).send(outgoing())
