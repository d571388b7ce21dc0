"""What a user is told whom Kafka refuses: each refusal has words of its own, from every command.

Commands run in this process, for each of its own would cost a start of Python; one does, as a supervisor
sees it.
"""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from pydantic import SecretStr
from typer.testing import CliRunner

from deploy.embedded.certificates import Authority
from deploy.embedded.platform import Addresses
from services.cli.catalogue import load_all
from services.cli.main import app
from shared.runtime.admin import check_servers, grant, rights_of
from shared.runtime.kafka import KafkaLog
from shared.runtime.kafka.refusals import probe
from shared.runtime.kafka.topics import create_topics, topic_findings
from shared.runtime.ports import FatalError
from tests.runtime.secured import SecureKafka
from tests.runtime.support import Notes, begin, fresh

pytestmark = pytest.mark.kafka

HOPELESS = 78
GROUPLESS = "groupless."


@dataclass(frozen=True)
class Try:
    """A command that must fail: as whom, with what changed, how it ends and what it must say."""

    command: Sequence[str]
    code: int
    says: str
    user: str = "parley"
    changed: Mapping[str, str] = field(default_factory=dict)
    listener: str = ""
    apart: bool = False


LOGIN = "refuses the login of user {user!r} with SCRAM-SHA-512: check KAFKA_USERNAME, KAFKA_PASSWORD"
EXPIRED = "the broker's certificate has expired: have it renewed"
FOREIGN = "is signed by an authority that is unknown here: name the right one's PEM file in KAFKA_SSL_CAFILE"
OTHER_HOST = "the broker's certificate is of another host: use a name that stands in it"
CLOSE = ("day", "close", "2026-01-31")

TRIES = {
    "password-run": Try(
        ("run", "offer"),
        HOPELESS,
        LOGIN.format(user="parley"),
        changed={"KAFKA_PASSWORD": "hunter2"},
        apart=True,
    ),
    "rights-grow": Try(
        ("migrate", "partitions", "--to", "20", "--without-notice"),
        1,
        "does not allow user 'parley' to add partitions to the topics (TopicAuthorizationFailedError): ask"
        " for the ACL Alter on topic ",
    ),
    "user-prepare": Try(
        ("prepare",), 1, LOGIN.format(user="nobody"), changed={"KAFKA_USERNAME": "nobody"}
    ),
    "mechanism-prepare": Try(
        ("prepare",), 1, "takes no login with PLAIN", changed={"KAFKA_SASL_MECHANISM": "PLAIN"}
    ),
    "expired-run": Try(("run", "offer"), HOPELESS, EXPIRED, listener="EXPIRED"),
    "expired-publish": Try(CLOSE, 1, EXPIRED, user="bank", listener="EXPIRED"),
    "expired-doctor": Try(("doctor",), 1, EXPIRED, listener="EXPIRED"),
    "contents-doctor": Try(("doctor",), 0, "topics are as they have to be"),
    "copies-doctor": Try(
        ("doctor",), 1, "PARLEY_REPLICATION says 5", changed={"PARLEY_REPLICATION": "5"}
    ),
    "empty-doctor": Try(
        ("doctor",), 0, "no topics yet: `parley prepare` or `parley up`", user="admin",
        changed={"PARLEY_PREFIX": "empty."},
    ),
    "authority-publish": Try(CLOSE, 1, FOREIGN, user="bank", changed={"KAFKA_SSL_CAFILE": "{foreign}"}),
    "authority-run": Try(("run", "offer"), HOPELESS, FOREIGN, changed={"KAFKA_SSL_CAFILE": "{foreign}"}),
    "host-prepare": Try(("prepare",), 1, OTHER_HOST, listener="MISNAMED"),
    "topic-run": Try(
        ("run", "offer"),
        HOPELESS,
        "Kafka does not allow user 'bank' to see the topics (TopicAuthorizationFailedError): "
        "ask for the ACL Describe on topic agreement.events, ",
        user="bank",
    ),
    "topic-publish": Try(
        CLOSE, 1, "does not allow user 'parley' to publish (TopicAuthorizationFailedError): "
        "ask for the ACL Write on topic bank.events"
    ),
    "group-run": Try(
        ("run", "offer"),
        HOPELESS,
        f"does not allow user 'bank' to join the group {GROUPLESS}parley.offer "
        f"(GroupAuthorizationFailedError): ask for the ACL Read on group {GROUPLESS}parley.offer",
        user="bank",
        changed={"PARLEY_PREFIX": GROUPLESS},
    ),
    "plaintext-run": Try(
        ("run", "offer"),
        1,
        "does KAFKA_SECURITY_PROTOCOL=PLAINTEXT fit its listener?",
        changed={"KAFKA_SECURITY_PROTOCOL": "PLAINTEXT", "PARLEY_START_SECONDS": "1"},
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def prepared(secured: SecureKafka, servers: Addresses) -> Mapping[str, str]:
    """The platform's topics are there; with another prefix the bank's user may do all but join groups."""
    common = {"MONGODB_URI": servers.mongodb_uri, "PARLEY_PARTITIONS": "2", "PARLEY_DATABASE": "refusals"}
    code, said = _run(("prepare",), secured.access("parley").environment() | common)
    assert code == 0, said
    assert re.search(r"topics: \d+ created", said), said
    topics = [right for right in rights_of(load_all()) if right.kind == "topic"]
    with asyncio.Runner() as runner:
        runner.run(grant(secured.settings("admin", prefix=GROUPLESS), "bank", topics))
    return common


def _run(command: Sequence[str], env: Mapping[str, str], *, apart: bool = False) -> tuple[int, str]:
    """Exit code, and what was printed, on one line."""
    env = {"PARLEY_LOG_LEVEL": "ERROR", "COLUMNS": "500"} | env
    if not apart:
        result = CliRunner().invoke(app, list(command), env=env)
        return result.exit_code, " ".join(result.output.split())
    done = subprocess.run(
        [sys.executable, "-m", "services.cli.main", *command],
        env=os.environ | env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=180,
        check=False,
    )
    return done.returncode, " ".join(done.stdout.split())


@pytest.mark.parametrize("name", TRIES)
def test_a_refusal_is_told(name: str, prepared: Mapping[str, str], secured: SecureKafka) -> None:
    one = TRIES[name]
    env = dict(prepared) | secured.access(one.user).environment()
    if one.listener:
        env["KAFKA_BOOTSTRAP"] = secured.listener(one.listener)
    env |= {key: value.format(foreign=secured.foreign_authority) for key, value in one.changed.items()}
    code, said = _run(one.command, env, apart=one.apart)
    assert one.says in said
    assert code == one.code
    assert "Traceback" not in said
    assert "bootstrap" not in said.replace("KAFKA_BOOTSTRAP", "")
    for secret in ("hunter2", *(secured.access(user).password for user in ("admin", "parley", "bank"))):
        assert secret not in said


async def test_one_broker_that_is_well_is_enough_until_it_matters(secured: SecureKafka) -> None:
    good = secured.access().bootstrap.partition(",")[0]
    settings = secured.settings(kafka_bootstrap=f"{secured.listener('EXPIRED')},{good}")
    await probe(settings)
    with pytest.raises(FatalError, match="has expired"):
        await probe(settings, every=True)
    await probe(secured.settings(), every=True)


async def test_a_broker_that_wants_our_certificate_says_so(secured: SecureKafka, tmp_path: Path) -> None:
    mutual = {"kafka_bootstrap": secured.listener("INTERNAL"), "kafka_security_protocol": "SSL"}
    with pytest.raises(FatalError, match=r"refuses this client's certificate .*check KAFKA_SSL_CERTFILE"):
        await probe(secured.settings(**mutual))
    own = tmp_path / "own.pem"
    own.write_bytes(Authority.create("Somebody else").issue("parley"))
    with pytest.raises(FatalError, match="refuses this client's certificate"):
        await probe(secured.settings(**mutual, kafka_ssl_certfile=own, kafka_ssl_keyfile=own))


async def test_the_platforms_user_finds_its_topics_in_order(
    secured: SecureKafka, prepared: Mapping[str, str], servers: Addresses
) -> None:
    services = load_all()
    mine = {"mongodb_uri": servers.mongodb_uri, "partitions": 2}
    assert await check_servers(secured.settings(**mine), services) == []
    more = await check_servers(secured.settings(**mine, replication=5), services)
    assert more
    assert all("has 3 copies of a partition, PARLEY_REPLICATION says 5" in finding for finding in more)
    with pytest.raises(FatalError, match=r"ask for the ACL DescribeConfigs on topic bank\.events"):
        await topic_findings(secured.settings("bank", **mine), ["bank.events"])


async def test_a_service_that_hears_nothing_asks_whether_it_is_still_welcome(
    secured: SecureKafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, topic = secured.settings("admin", partitions=1, prefix=fresh("w.")), "t"
    await create_topics(settings, [topic])
    log = KafkaLog(settings)
    consumer = log.consumer("g", "c")
    await consumer.start([topic], Notes())
    await begin(consumer)
    monkeypatch.setattr("shared.runtime.kafka.consumer._QUIET_SECONDS", 0.0)
    assert await consumer.poll(1, 0.1) == []
    changed = {"kafka_password": SecretStr("it was changed")}
    monkeypatch.setattr(consumer, "_settings", settings.model_copy(update=changed))
    with pytest.raises(FatalError, match="refuses the login of user 'admin'"):
        await consumer.poll(1, 0.1)
    await consumer.stop()
    await log.close()
