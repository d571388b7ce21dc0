"""Asks a server a real question over its own protocol, with nothing but a socket.

Only `shared.runtime` may import the clients of Kafka and MongoDB, and the launcher has to know no more than
whether a server answers; both questions fit into a page.
"""

from __future__ import annotations

import asyncio
import ssl
import struct

from deploy.embedded.ports import LOOPBACK

_TIMEOUT_SECONDS = 5.0
_MAX_REPLY_BYTES = 1 << 20
_KAFKA_METADATA, _KAFKA_METADATA_VERSION = 3, 4
_OP_MSG = 2013


class NoAnswer(Exception):  # noqa: N818 - reads better than an Error where it is caught
    """The server did not give the answer of a server that is ready; the text says what came instead."""


async def kafka(port: int, host: str = LOOPBACK) -> str:
    """Ask a broker (plaintext) for the cluster's brokers; return the cluster id.

    Raises NoAnswer unless at least one broker is registered, which on one node means that it is ready for
    clients: a port that accepts connections is not.
    """
    cluster, brokers = await kafka_cluster(port, host)
    if not brokers:
        raise NoAnswer("no broker is registered yet")
    return cluster


async def kafka_cluster(
    port: int, host: str = LOOPBACK, context: ssl.SSLContext | None = None
) -> tuple[str, set[int]]:
    """Ask a broker, over TLS with a `context`, for the cluster's id and the numbers of its live brokers."""
    client = b"parley-probe"
    body = struct.pack(">hhih", _KAFKA_METADATA, _KAFKA_METADATA_VERSION, 1, len(client)) + client
    body += struct.pack(">i?", 0, False)  # no topics, and none to be created
    reply = await _ask(
        host, port, struct.pack(">i", len(body)) + body, header=">i", offset=0, context=context
    )
    brokers: set[int] = set()
    try:
        # correlation id, throttle time, then an array of (node id, host, port, rack)
        position = 8
        (count,) = struct.unpack_from(">i", reply, position)
        position += 4
        for _ in range(count):
            brokers.add(struct.unpack_from(">i", reply, position)[0])
            position += 4
            position += 2 + struct.unpack_from(">h", reply, position)[0] + 4
            position += 2 + max(0, struct.unpack_from(">h", reply, position)[0])
        (length,) = struct.unpack_from(">h", reply, position)
        return reply[position + 2 : position + 2 + max(0, length)].decode(), brokers
    except (struct.error, UnicodeDecodeError) as error:
        raise NoAnswer(f"{host}:{port} does not speak Kafka's protocol") from error


async def mongodb(port: int, host: str = LOOPBACK) -> None:
    """Send `ping` to a MongoDB server; raises NoAnswer unless it says ok."""
    document = b"\x10ping\x00" + struct.pack("<i", 1)
    document += b"\x02$db\x00" + struct.pack("<i", 6) + b"admin\x00"
    document = struct.pack("<i", len(document) + 5) + document + b"\x00"
    message = struct.pack("<I", 0) + b"\x00" + document
    request = struct.pack("<iiii", 16 + len(message), 1, 0, _OP_MSG) + message
    reply = await _ask(host, port, request, header="<i", offset=4)
    if len(reply) < 12 or struct.unpack_from("<i", reply, 8)[0] != _OP_MSG:
        raise NoAnswer(f"{host}:{port} does not speak MongoDB's protocol")
    if b"\x01ok\x00" + struct.pack("<d", 1.0) not in reply:
        raise NoAnswer(f"{host}:{port} answered, but not with ok")


async def connects(host: str, port: int) -> None:
    """Open and close a TCP connection; raises NoAnswer. For servers with TLS or a login."""
    try:
        async with asyncio.timeout(_TIMEOUT_SECONDS):
            _, writer = await asyncio.open_connection(host, port)
    except (OSError, TimeoutError) as error:
        raise NoAnswer(f"{host}:{port}: {error or 'no answer'}") from error
    writer.close()


async def _ask(
    host: str,
    port: int,
    request: bytes,
    *,
    header: str,
    offset: int,
    context: ssl.SSLContext | None = None,
) -> bytes:
    """One request, one length-prefixed reply without its prefix; `offset` bytes of the length are its own."""
    try:
        async with asyncio.timeout(_TIMEOUT_SECONDS):
            reader, writer = await asyncio.open_connection(host, port, ssl=context)
            try:
                writer.write(request)
                await writer.drain()
                (length,) = struct.unpack(header, await reader.readexactly(4))
                if not 0 < length - offset <= _MAX_REPLY_BYTES:
                    raise NoAnswer(f"{host}:{port} speaks another protocol")
                return await reader.readexactly(length - offset)
            finally:
                writer.close()
    except (OSError, TimeoutError, EOFError) as error:
        raise NoAnswer(f"{host}:{port}: {error or 'no answer in time'}") from error
