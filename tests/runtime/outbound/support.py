"""A mail server, a web server and a clock of the test's own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from shared.runtime.outbound import Outgoing

NOW = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)


def outgoing(**other: str) -> Outgoing:
    plain = {"message_id": "M-1", "kind": "offer", "language": "zh", "to": "li@example.org"}
    return Outgoing(**{**plain, "subject": "您的还款方案", "body": "您好。\n.一行以点开头\n", **other})


class StillClock:
    """Time stands; sleeping is noted."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def now(self) -> datetime:
        return NOW

    def monotonic(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    def jitter(self) -> float:
        return 1.0


class Leave:
    """Says yes so many times, then why not."""

    def __init__(self, times: int = 1000, why_not: str = "window_passed") -> None:
        self.left, self.why_not = times, why_not

    async def __call__(self) -> str | None:
        self.left -= 1
        return None if self.left >= 0 else self.why_not


class Server:
    """Answers with the codes it is given, in order, then with success; keeps what it took."""

    def __init__(self, *codes: int) -> None:
        self.codes = list(codes)
        self.asked = 0
        self.taken: list[bytes] = []
        self.heads: list[dict[str, str]] = []
        self.port = 0

    def code(self, success: int) -> int:
        self.asked += 1
        return self.codes.pop(0) if self.codes else success

    async def smtp(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 test\r\n")
        while line := await reader.readline():
            verb = line[:4].upper()
            if verb == b"RCPT":
                # The text repeats the address, as real servers do.
                writer.write(b"%d <li@example.org> thank you\r\n" % self.code(250))
            elif verb == b"DATA":
                writer.write(b"354 go on\r\n")
                self.taken.append(await reader.readuntil(b"\r\n.\r\n"))
                writer.write(b"250 taken\r\n")
            else:
                writer.write(b"221 bye\r\n" if verb == b"QUIT" else b"250 test\r\n")
            await writer.drain()
            if verb == b"QUIT":
                break
        writer.close()

    async def http(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[1:-2]
        head = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        body = await reader.readexactly(int(head["content-length"]))
        code = self.code(204)
        self.heads.append(head)
        self.taken.append(body)
        place = f"Location: http://127.0.0.1:{self.port}/other\r\n" if code == 307 else ""
        writer.write(f"HTTP/1.1 {code} x\r\n{place}Content-Length: 0\r\nConnection: close\r\n\r\n".encode())
        await writer.drain()
        writer.close()


@asynccontextmanager
async def serving(kind: str, *codes: int) -> AsyncIterator[Server]:
    """Serve `smtp` or `http` on a free port of this machine."""
    server = Server(*codes)
    listening = await asyncio.start_server(getattr(server, kind), "127.0.0.1", 0)
    server.port = listening.sockets[0].getsockname()[1]
    async with listening:
        yield server
