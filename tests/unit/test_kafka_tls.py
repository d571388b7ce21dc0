"""What a client says about a server's certificate: a real handshake with a small server, without Kafka."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from deploy.embedded.certificates import Authority
from deploy.embedded.ports import LOOPBACK
from shared.runtime.kafka.refusals import explain, probe
from shared.runtime.ports import FatalError, UnavailableError
from shared.runtime.settings import Settings

NOW = datetime.now(UTC)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    made = Authority.create("test")
    made.save(tmp_path / "ca.pem", tmp_path / "ca.key")
    return made


@asynccontextmanager
async def server(folder: Path, pem: bytes | None, *, talk: bytes = b"") -> AsyncIterator[int]:
    """A server that shows a certificate (None: no TLS), says `talk` and hangs up; its port."""

    async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(talk)
        await asyncio.sleep(0.05)
        writer.close()

    context = None
    if pem is not None:
        (folder / "server.pem").write_bytes(pem)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "server.pem")
    listening = await asyncio.start_server(serve, LOOPBACK, 0, ssl=context)
    async with listening:
        yield listening.sockets[0].getsockname()[1]


async def refusal(folder: Path, port: int, **changes: Any) -> str:
    settings = Settings.load(
        **{
            "kafka_bootstrap": f"{LOOPBACK}:{port}",
            "kafka_security_protocol": "SSL",
            "kafka_ssl_cafile": folder / "ca.pem",
            **changes,
        }
    )
    with pytest.raises((FatalError, UnavailableError)) as caught:
        await probe(settings)
    return f"{type(caught.value).__name__}: {caught.value}"


DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"starts": NOW - 9 * DAY, "ends": NOW - DAY}, "the broker's certificate has expired"),
        ({"starts": NOW + DAY, "ends": NOW + 9 * DAY}, "is not valid yet: check this machine's clock"),
        ({"hosts": ["kafka.bank.example"]}, "the broker's certificate is of another host"),
        ({"hosts": ["10.0.0.1"]}, "the broker's certificate is of another host"),
    ],
)
async def test_what_is_wrong_with_the_certificate_is_said(
    tmp_path: Path, authority: Authority, options: dict[str, Any], says: str
) -> None:
    async with server(tmp_path, authority.issue("server", **options)) as port:
        assert says in await refusal(tmp_path, port)


async def test_an_unknown_authority_is_said(tmp_path: Path, authority: Authority) -> None:
    async with server(tmp_path, Authority.create("another").issue("server")) as port:
        said = await refusal(tmp_path, port)
    assert said.startswith("FatalError")
    assert "KAFKA_SSL_CAFILE" in said


async def test_a_server_without_tls_is_said(tmp_path: Path, authority: Authority) -> None:
    async with server(tmp_path, None, talk=b"SSH-2.0-server\r\n") as port:
        assert "FatalError: Kafka at" in (said := await refusal(tmp_path, port))
        assert "does not speak TLS there: check KAFKA_SECURITY_PROTOCOL" in said


async def test_a_connection_that_breaks_is_an_outage(tmp_path: Path, authority: Authority) -> None:
    async with server(tmp_path, None) as port:  # hangs up in mid-handshake
        assert (await refusal(tmp_path, port)).startswith("UnavailableError")
    async with server(tmp_path, authority.issue("server")) as port:  # hangs up after it
        assert (await refusal(tmp_path, port)).startswith("UnavailableError")


def test_an_outage_and_a_missing_right_are_told_apart() -> None:
    from aiokafka.errors import GroupAuthorizationFailedError, KafkaError, TopicAuthorizationFailedError

    settings = Settings.load(kafka_username="bank")
    away = explain(TimeoutError(), "publish", settings)
    assert (type(away), str(away)) == (UnavailableError, "Kafka: cannot publish (TimeoutError)")
    missing = explain(TopicAuthorizationFailedError({"b", "a"}), "publish", settings, "Write")
    assert isinstance(missing, FatalError)
    assert "does not allow user 'bank' to publish" in str(missing)
    assert "ask for the ACL Write on topic a, b" in str(missing)
    wrapped = KafkaError("Unexpected error during coordination")
    wrapped.__cause__ = GroupAuthorizationFailedError("g")
    assert "ask for the ACL Read on group g" in str(explain(wrapped, "join"))
    assert explain(missing, "publish") is missing
