"""Whether Kafka can be reached, refuses us, or is merely away: judged broker by broker, without any."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import (
    AuthenticationFailedError,
    CommitFailedError,
    IllegalStateError,
    KafkaConnectionError,
    KafkaError,
    UnsupportedSaslMechanismError,
)

from shared.runtime.kafka import asking, refusals
from shared.runtime.kafka.alive import ended, put_down
from shared.runtime.kafka.asking import Asking
from shared.runtime.kafka.connection import connection_options, security_of, servers
from shared.runtime.kafka.refusals import diagnose, probe
from shared.runtime.ports import BrokenError, FatalError, NotOwnerError, PortError, UnavailableError
from shared.runtime.settings import Settings

REFUSED, AWAY = AuthenticationFailedError("no"), OSError("away")


class Cluster:
    """Brokers by address, and what each answers to a connection or to a question; they know of all."""

    def __init__(self, **brokers: BaseException | None) -> None:
        self.brokers = {f"{name}:9092": answer for name, answer in brokers.items()}
        self.silent: set[str] = set()
        self.silence: Exception = KafkaConnectionError("closed")
        self.asked: list[str] = []
        self.open = 0

    async def create_conn(self, host: str, port: int, **_: Any) -> Any:
        address = f"{host}:{port}"
        self.asked.append(address)
        answer = self.brokers[address]
        if answer is not None:
            raise answer
        self.open += 1

        def close() -> None:
            self.open -= 1

        async def send(_request: Any) -> Any:
            if address in self.silent:
                raise self.silence
            return SimpleNamespace(brokers=[(0, *one.split(":"), None) for one in self.brokers])

        return SimpleNamespace(send=send, close=close)


def settings(*names: str, **given: Any) -> Settings:
    return Settings.load(**{"kafka_bootstrap": ", ".join(f"{name}:9092" for name in names), **given})


async def found(monkeypatch: pytest.MonkeyPatch, cluster: Cluster, *names: str, every: bool = False) -> str:
    """What probing says, in short."""
    monkeypatch.setattr(refusals, "create_conn", cluster.create_conn)
    try:
        await probe(settings(*names), every=every)
    except PortError as error:
        return type(error).__name__.removesuffix("Error") + f" {error}".partition(":9092")[0][-1:]
    finally:
        assert cluster.open == 0, "no connection stays"
    return "reached"


@pytest.mark.parametrize(
    ("brokers", "named", "once", "every"),
    [
        ({"a": None, "b": None}, "ab", "reached", "reached"),
        ({"a": AWAY, "b": None}, "ab", "reached", "reached"),
        ({"a": REFUSED, "b": None}, "ab", "reached", "Fatala"),
        ({"a": None, "b": REFUSED}, "a", "reached", "Fatalb"),
        ({"a": None, "b": AWAY}, "a", "reached", "reached"),
        ({"a": REFUSED, "b": AWAY}, "ab", "Fatala", "Fatala"),
        ({"a": AWAY, "b": REFUSED}, "ab", "Fatalb", "Fatalb"),
        ({"a": AWAY, "b": AWAY}, "ab", "Unavailableb", "Unavailableb"),
    ],
)
async def test_one_broker_that_is_well_is_enough_unless_every_one_is_asked(
    monkeypatch: pytest.MonkeyPatch, brokers: dict[str, Any], named: str, once: str, every: str
) -> None:
    assert await found(monkeypatch, Cluster(**brokers), *named) == once
    assert await found(monkeypatch, Cluster(**brokers), *named, every=True) == every


async def test_no_more_brokers_are_asked_than_needed_and_each_once(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = Cluster(a=None, b=None, c=None)
    await found(monkeypatch, cluster, "a", "b")
    assert cluster.asked == ["a:9092"]
    cluster.asked.clear()
    await found(monkeypatch, cluster, "a", "b", every=True)
    assert cluster.asked == ["a:9092", "b:9092", "c:9092"]


async def test_a_broker_that_hangs_up_on_a_question_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = Cluster(a=None)
    cluster.silent = {"a:9092"}
    assert await found(monkeypatch, cluster, "a") == "Unavailablea"


@pytest.mark.parametrize("address", ["kafka", ":9092", "kafka:nine"])
async def test_an_address_that_is_none_is_told(address: str) -> None:
    with pytest.raises(FatalError, match="is not host:port"):
        await probe(Settings.load(kafka_bootstrap=address))


async def test_no_address_at_all_is_told() -> None:
    with pytest.raises(UnavailableError, match="names no server"):
        await probe(Settings.load(kafka_bootstrap=", ,"))


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (UnsupportedSaslMechanismError("x"), "takes no login with"),
        (REFUSED, "refuses the login of user"),
        (KafkaError("x"), "hangs up"),
        (ConnectionResetError("x"), "hangs up"),
        (ConnectionRefusedError("x"), r"cannot be reached \(ConnectionRefusedError\)"),
        (TimeoutError("x"), r"cannot be reached \(TimeoutError\)"),
    ],
)
async def test_why_no_connection_came_about_is_told(
    monkeypatch: pytest.MonkeyPatch, error: BaseException, told: str
) -> None:
    monkeypatch.setattr(refusals, "create_conn", Cluster(a=error).create_conn)
    with pytest.raises(PortError, match=told):
        await probe(settings("a"))


def tls_error(reason: str, *, code: int | None = None) -> ssl.SSLError:
    error = ssl.SSLError(1, "x") if code is None else ssl.SSLCertVerificationError(1, "x")
    error.reason = reason
    if isinstance(error, ssl.SSLCertVerificationError):
        error.verify_code, error.verify_message = code or 0, "certificate signature failure"
    return error


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (tls_error("TLSV13_ALERT_CERTIFICATE_REQUIRED"), "refuses this client's certificate"),
        (tls_error("TLSV1_ALERT_UNKNOWN_CA"), "refuses this client's certificate"),
        (tls_error("CERTIFICATE_VERIFY_FAILED", code=7), "is refused: certificate signature failure"),
        (tls_error("WRONG_VERSION_NUMBER"), "does not speak TLS there"),
        (tls_error("SOMETHING_ELSE"), r"the TLS handshake failed \(SOMETHING_ELSE\)"),
    ],
)
@pytest.mark.parametrize("asked", [False, True], ids=["connecting", "after the handshake"])
async def test_what_tls_refuses_is_told_whenever_it_shows(
    monkeypatch: pytest.MonkeyPatch, error: ssl.SSLError, told: str, asked: bool
) -> None:
    wrapped = KafkaConnectionError("x")
    wrapped.__cause__ = error
    cluster = Cluster(a=None if asked else wrapped)
    cluster.silent, cluster.silence = {"a:9092"} if asked else set(), wrapped
    monkeypatch.setattr(refusals, "create_conn", cluster.create_conn)
    with pytest.raises(FatalError, match=told):
        await probe(settings("a"))


# -- an outage on a secured cluster may be a refusal ------------------------------------------------------


@pytest.mark.parametrize(
    ("protocol", "broker", "kind"),
    [
        ("PLAINTEXT", REFUSED, UnavailableError),
        ("SASL_PLAINTEXT", REFUSED, FatalError),
        ("SASL_PLAINTEXT", AWAY, UnavailableError),
        ("SASL_PLAINTEXT", None, UnavailableError),
    ],
)
async def test_where_there_are_logins_an_outage_is_looked_into(
    monkeypatch: pytest.MonkeyPatch, protocol: str, broker: Any, kind: type[Exception]
) -> None:
    monkeypatch.setattr(refusals, "create_conn", Cluster(a=None, b=broker).create_conn)
    given = settings("a", kafka_security_protocol=protocol, kafka_username="u", kafka_password="p")  # noqa: S106
    error = await diagnose(given, KafkaConnectionError("x"), "publish")
    assert type(error) is kind
    if kind is UnavailableError:
        assert "cannot publish (KafkaConnectionError)" in str(error)


# -- how to connect ---------------------------------------------------------------------------------------


def test_addresses_are_read_as_people_write_them() -> None:
    assert servers(Settings.load(kafka_bootstrap=" a:1 ,,b:2, ")) == ["a:1", "b:2"]


def test_a_login_is_given_only_where_there_is_one(tmp_path: Path) -> None:
    rubbish = tmp_path / "ca.pem"
    rubbish.write_text("no certificate")
    assert connection_options(settings("a")) == {
        "bootstrap_servers": ["a:9092"], "security_protocol": "PLAINTEXT",
    }  # fmt: skip
    assert security_of(settings("a")) is None
    login = {
        "kafka_security_protocol": "SASL_SSL", "kafka_sasl_mechanism": "SCRAM-SHA-256",
        "kafka_username": "u", "kafka_password": "hidden",
    }  # fmt: skip
    options = connection_options(settings("a", **login))
    assert options["ssl_context"] is not None
    assert [options[name] for name in ("sasl_mechanism", "sasl_plain_username", "sasl_plain_password")] == [
        "SCRAM-SHA-256", "u", "hidden",
    ]  # fmt: skip
    security: Any = security_of(settings("a", **login))
    assert (type(security).__name__, security.username, security.password, security.use_ssl) == (
        "SASLScram256", "u", "hidden", True,
    )  # fmt: skip
    plain: Any = security_of(settings("a", **{**login, "kafka_security_protocol": "SASL_PLAINTEXT"}))
    assert (plain.use_ssl, plain.ssl_context) == (False, None)
    tls: Any = security_of(settings("a", kafka_security_protocol="SSL"))
    assert tls.ssl_context is not None
    with pytest.raises(FatalError, match="certificate files cannot be read"):
        connection_options(settings("a", kafka_security_protocol="SSL", kafka_ssl_cafile=str(rubbish)))


# -- asking a client -------------------------------------------------------------------------------------


class Asked:
    """A client of the group g that answers, raises or never answers; and a broker that may be away."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.away = False
        self.client = Asking(Settings.load().model_copy(update={"ack_seconds": 0.05}), "g")
        monkeypatch.setattr(asking, "probe", self._probe)

    async def _probe(self, _: Settings) -> None:
        if self.away:
            raise UnavailableError("away")

    async def ask(self, answer: Any = None, *, counts: bool = True) -> Any:
        async def question() -> Any:
            if isinstance(answer, Exception):
                raise answer
            if answer is None:
                await asyncio.Event().wait()
            return answer

        return await self.client.ask("commit", question, counts=counts)


async def test_a_client_that_leaves_three_questions_unanswered_though_the_broker_does_is_broken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = Asked(monkeypatch)
    for _ in range(2):
        with pytest.raises(UnavailableError):
            await asked.ask()
    assert await asked.ask(7) == 7
    for _ in range(2):
        with pytest.raises(UnavailableError):
            await asked.ask()
    with pytest.raises(BrokenError, match="the Kafka client of g does not commit"):
        await asked.ask()
    asked.client.begin()
    with pytest.raises(UnavailableError):
        await asked.ask()


async def test_what_only_looks_on_and_what_is_an_outage_breaks_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = Asked(monkeypatch)
    for _ in range(4):
        with pytest.raises(UnavailableError):
            await asked.ask(counts=False)
    asked.away = True
    for _ in range(4):
        with pytest.raises(UnavailableError):
            await asked.ask()
    asked.away = False
    for _ in range(2):
        with pytest.raises(UnavailableError):
            await asked.ask()
    assert await asked.ask(7, counts=False) == 7, "an onlooker's answer says nothing of the others"
    with pytest.raises(BrokenError):
        await asked.ask()


@pytest.mark.parametrize("error", [CommitFailedError("x"), IllegalStateError("x")])
async def test_a_group_that_went_on_without_us_is_no_outage(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    with pytest.raises(NotOwnerError, match="the group g has gone on"):
        await Asked(monkeypatch).ask(error)
    with pytest.raises(UnavailableError, match=r"cannot commit \(KafkaConnectionError\)"):
        await Asked(monkeypatch).ask(KafkaConnectionError("x"))


# -- whether a client still works ------------------------------------------------------------------------


class Client:
    """A consumer's tasks, as aiokafka keeps them, and its connections."""

    def __init__(self) -> None:
        self._client = SimpleNamespace(_sync_task=self.task(), _conns={0: Connection(), 1: Connection()})
        self._fetcher = SimpleNamespace(_fetch_task=self.task())
        self._coordinator = SimpleNamespace(
            _coordination_task=self.task(), _heartbeat_task=None, _commit_refresh_task=None
        )

    @staticmethod
    def task(fails: Exception | None = None) -> asyncio.Task[None]:
        async def work() -> None:
            if fails is not None:
                raise fails
            await asyncio.Event().wait()

        return asyncio.ensure_future(work())


class Connection:
    def __init__(self) -> None:
        self.closed = False

    def close(self) -> None:
        self.closed = True
        raise OSError("whatever a dying connection has to say")


async def over(task: asyncio.Task[None]) -> asyncio.Task[None]:
    task.cancel()
    await asyncio.wait([task])
    return task


async def test_a_client_that_has_lost_a_lasting_task_has_ended_and_is_put_down_whole() -> None:
    client: Any = Client()
    assert ended(client) is None
    for part, attribute, name in (
        (client._client, "_sync_task", "metadata"),
        (client._fetcher, "_fetch_task", "fetching"),
        (client._coordinator, "_coordination_task", "membership"),
    ):
        well = getattr(part, attribute)
        setattr(part, attribute, await over(Client.task()))
        assert ended(client) == name
        setattr(part, attribute, well)
    tasks = [client._client._sync_task, client._fetcher._fetch_task, client._coordinator._coordination_task]
    await put_down(client)
    assert all(task.cancelled() for task in tasks)
    assert all(one.closed for one in client._client._conns.values())


async def test_a_task_that_is_begun_again_with_each_assignment_may_end_but_not_fail() -> None:
    client: Any = Client()
    for attribute, name in (("_heartbeat_task", "heartbeat"), ("_commit_refresh_task", "committed offsets")):
        setattr(client._coordinator, attribute, await over(Client.task()))
        assert ended(client) is None, "it was ended on purpose"
        failed = Client.task(KafkaError("x"))
        await asyncio.wait([failed])
        setattr(client._coordinator, attribute, failed)
        assert ended(client) == name
        setattr(client._coordinator, attribute, Client.task())
        assert ended(client) is None
    await put_down(client)


async def test_a_client_that_was_never_started_can_be_put_down() -> None:
    client: Any = SimpleNamespace(
        _client=SimpleNamespace(_sync_task=None, _conns={}), _fetcher=None, _coordinator=None
    )
    assert ended(client) is None
    await put_down(client)
