"""Notice and its courier as a process on real servers; a mail server and a webhook of the test's own."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient

from deploy.embedded.certificates import Authority
from deploy.embedded.platform import Addresses
from services.cli.catalogue import load_all
from shared.contracts.assessment import StatementRequested
from shared.contracts.base import Event
from shared.contracts.cloudevents import decode, encode
from shared.contracts.desk import PreferencesSet
from shared.contracts.desk_contact import NoticeDelivered, NoticeFailed
from shared.contracts.envelope import Envelope
from shared.contracts.ids import case_id
from shared.contracts.notice import NoticeDue, NoticeFiled, NoticeKind
from shared.runtime.admin import create_topics, prepare, scan
from shared.runtime.backup import set_mark
from shared.runtime.kafka import KafkaLog
from shared.runtime.kafka.groups import group_members
from shared.runtime.outbound.courier import DEAD_LETTERS, GROUP
from shared.runtime.outbound.webhook import is_genuine
from shared.runtime.ports import Outgoing
from shared.runtime.restore import plan_restore, restore
from shared.runtime.settings import Settings
from shared.texts.messages import message_words
from tests.fault.house import WAIT_SECONDS, House, Replica, until
from tests.runtime.outbound.mail_server import LOOPBACK, MailServer, authority_file, context_of, mail_server
from tests.runtime.outbound.support import Server, serving
from tests.runtime.support import fresh, settings_of
from tests.unit.builders import case_opened, debt

pytestmark = pytest.mark.kafka

PASSWORD, SECRET = "hidden-word", "sixteen bytes or more"
SAID = {"link": "https://bank.example/me", "contact": "010-1", "stop": "https://bank.example/stop"}
SERVICES = load_all(optional=True)
NOTICE = [service for service in SERVICES if service.name == "notice"]
CUSTOMERS = [f"C-{number}" for number in range(24)]
_times = count(1)


def daytime() -> str:
    """A time zone in which it is ten in the morning now: no hours are quiet there."""
    ahead = (10 - datetime.now(UTC).hour + 12) % 24 - 12
    return f"Etc/GMT{-ahead:+d}"


@dataclass
class Bench:
    """The topics and the database of one test, and what a process of notice is told."""

    settings: Settings
    folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    replicas: list[Replica] = field(default_factory=list)
    numbers: Counter[tuple[str, str]] = field(default_factory=Counter)
    due: str = ""

    def start(self) -> Replica:
        """`parley run notice`."""
        replica = Replica("notice", self.folder, self.settings, **self.environment)
        replica.start()
        self.replicas.append(replica)
        return replica

    async def say(self, data: Event, customers: Sequence[str] = CUSTOMERS) -> None:
        """Publish it for each of them, as the service or the desk that says so."""
        now, records = datetime.now(UTC), []
        for customer in customers:
            number = None
            if data.PRODUCER != "desk":
                self.numbers[data.PRODUCER, customer] += 1
                number = self.numbers[data.PRODUCER, customer]
            source = f"/parley/{data.PRODUCER}" if number else "/desk"
            name = f"{data.PRODUCER}-{customer}-{number or next(_times)}"
            message: Envelope[Any] = Envelope(name, source, now, customer, data, case_id(customer, 1), number)
            key, value, headers = encode(message)
            records.append(Outgoing(f"{data.PRODUCER}.events", key, value, tuple(headers)))
        log = KafkaLog(self.settings)
        try:
            await log.publisher().publish(records)
        finally:
            await log.close()

    async def open(self, channel: str = "email", customers: Sequence[str] = CUSTOMERS) -> None:
        """Open everybody's case; all live where it is morning, and prefer a channel."""
        await self.say(case_opened(debt(policy="cn-card"), policy="cn-card"), customers)
        await self.say(PreferencesSet(channel=channel, time_zone=daytime()), customers)
        await until(lambda: self.count_cases(time_zone=daytime()) >= len(customers), "the cases")

    async def ask(self, customers: Sequence[str] = CUSTOMERS) -> None:
        """Something that calls for a message to each."""
        due = datetime.now(UTC).date() + timedelta(days=20)
        self.due = due.isoformat()
        await self.say(StatementRequested(missing=("income",), due=due), customers)

    def database(self) -> MongoClient[dict[str, Any]]:
        return MongoClient(self.settings.mongodb_uri.get_secret_value())

    def count_cases(self, **state: str) -> int:
        with self.database() as client:
            cases = client[self.settings.database]["notice.cases"].find()
            return sum(all(case["state"][n] == value for n, value in state.items()) for case in cases)

    def noted(self) -> set[str]:
        """The messages that the courier knows to have left, and the marks beside them."""
        with self.database() as client:
            return {row["_id"] for row in client[self.settings.database]["courier.ids"].find()}

    async def said(self, topic: str, kind: type[Event]) -> list[Any]:
        """What was said, each message once: after a kill it may stand twice on the topic (rule 6)."""
        found = [decode(r.key, r.value, r.headers) async for r in scan(self.settings, topic)]
        unique = {(one.id, one.sequence): one.data for one in found}
        return [data for data in unique.values() if isinstance(data, kind)]

    async def filed(self, number: int) -> list[NoticeFiled]:
        """Wait until so many attempts are on file, each once."""
        async with asyncio.timeout(WAIT_SECONDS):
            while len(found := await self.said("notice.events", NoticeFiled)) < number:  # noqa: ASYNC110
                await asyncio.sleep(0.5)  # another process says it
        assert len(found) == number
        return found

    async def nobody_is_left(self) -> None:
        async with asyncio.timeout(WAIT_SECONDS):
            for group in (NOTICE[0].group, GROUP):
                while await group_members(self.settings, group):  # noqa: ASYNC110 - another process's
                    await asyncio.sleep(0.2)


@pytest.fixture
async def bench(servers: Addresses, tmp_path: Path) -> AsyncIterator[Bench]:
    settings = settings_of(servers, prefix=fresh("n."), partitions=2)
    await prepare(settings, SERVICES)
    await create_topics(settings, [DEAD_LETTERS])
    built = Bench(settings, tmp_path)
    built.environment |= {
        "PARLEY_PORTAL": SAID["link"],
        "PARLEY_CONTACT": SAID["contact"],
        "PARLEY_OPT_OUT": SAID["stop"],
        "no_proxy": LOOPBACK,
    }
    try:
        yield built
    finally:
        for replica in built.replicas:
            replica.abandon()


def by_mail(bench: Bench, server: MailServer, authority: Authority) -> None:
    book = bench.folder / "book.json"
    addresses = {name: {"borrower": {"email": f"{name.lower()}@example.org"}} for name in CUSTOMERS}
    book.write_text(json.dumps(addresses), encoding="utf-8")
    server.tls, server.login = context_of(authority, bench.folder), ("desk", PASSWORD)
    bench.environment |= {
        "PARLEY_SMTP_HOST": LOOPBACK,
        "PARLEY_SMTP_PORT": str(server.port),
        "PARLEY_SMTP_SENDER": "desk@bank.example",
        "PARLEY_SMTP_USER": "desk",
        "PARLEY_SMTP_PASSWORD": PASSWORD,
        "PARLEY_SMTP_CA": str(authority_file(authority, bench.folder)),
        "PARLEY_ADDRESS_BOOK": str(book),
    }


@asynccontextmanager
async def mailing(bench: Bench) -> AsyncIterator[MailServer]:
    async with mail_server() as server:
        by_mail(bench, server, Authority.create("a bank's own"))
        yield server


def ids_of(server: MailServer) -> Counter[str]:
    """How often each message was taken, by its `Message-ID`."""
    return Counter(str(mail["Message-ID"]).removeprefix("<").partition("@")[0] for mail in server.mails)


async def test_messages_arrive_as_published_and_a_kill_sends_nothing_twice_that_was_acknowledged(
    bench: Bench,
) -> None:
    async with mailing(bench) as server:
        server.taking = 0.2
        replica = bench.start()
        await bench.open()
        await bench.ask()
        await until(lambda: len(bench.noted()) >= 3, "the first messages to leave")
        await replica.kill()
        left = {name.partition("/")[0] for name in bench.noted()}
        assert len(left) < len(CUSTOMERS), "killed too late"
        second = bench.start()
        filed = await bench.filed(len(CUSTOMERS))
        await second.stop()
    sent = ids_of(server)
    dues = {due.message_id: due for due in await bench.said("notice.events", NoticeDue)}
    assert set(sent) == set(dues)
    assert {name for name in left if sent[name] != 1} == set()
    assert sum(sent.values()) - len(sent) <= len(sent) - len(left)
    assert {one.outcome for one in filed} == {"message_left"}
    assert len(await bench.said("desk.events", NoticeDelivered)) >= len(CUSTOMERS)
    assert await bench.said("desk.events", NoticeFailed) == []
    subject, body = message_words(NoticeKind.STATEMENT_REQUEST, "zh", {**SAID, "due": bench.due})
    for mail in server.mails:
        assert (mail["Subject"], mail.get_content().replace("\r\n", "\n")) == (subject, body)
    assert {str(mail["To"]) for mail in server.mails} == {f"{name.lower()}@example.org" for name in CUSTOMERS}
    for replica in bench.replicas:
        assert "example.org" not in replica.log.read_text()


@pytest.mark.slow
async def test_an_outage_of_the_mail_server_dead_letters_nothing_and_is_said_once(bench: Bench) -> None:
    few = CUSTOMERS[:3]
    async with mailing(bench) as server:
        pass  # nobody listens there now
    replica = bench.start()
    await bench.open(customers=few)
    await bench.ask(few)
    await until(lambda: "messages wait, email takes none" in replica.log.read_text(), "a first try")
    server.codes += [451] * 4  # back, and busy at first
    async with mail_server(server):
        filed = await bench.filed(len(few))
    await replica.stop()
    assert ids_of(server) == Counter(due.message_id for due in await bench.said("notice.events", NoticeDue))
    assert {one.outcome for one in filed} == {"message_left"}
    assert [record async for record in scan(bench.settings, DEAD_LETTERS)] == []
    assert await bench.said("desk.events", NoticeFailed) == []
    told = replica.log.read_text()
    assert "smtp_ConnectionRefusedError" in told
    assert told.count("messages leave again by email") == told.count("messages wait") - 1 <= 2


@pytest.mark.slow
async def test_a_certificate_of_another_authority_sends_nothing_and_says_why(bench: Bench) -> None:
    few = CUSTOMERS[:1]
    async with mailing(bench) as server:
        right = bench.environment["PARLEY_SMTP_CA"]
        wrong = authority_file(Authority.create("another"), bench.folder, "wrong.pem")
        bench.environment["PARLEY_SMTP_CA"] = str(wrong)
        replica = bench.start()
        await bench.open(customers=few)
        await bench.ask(few)
        await until(lambda: "smtp_certificate" in replica.log.read_text(), "the refusal")
        assert "PARLEY_SMTP_CA names the authority to trust" in replica.log.read_text()
        assert server.taken == []
        await replica.stop()
        bench.environment["PARLEY_SMTP_CA"] = right
        mended = bench.start()
        await bench.filed(1)
        await mended.stop()
    assert len(server.taken) == 1


async def test_a_webhook_that_fails_at_first_gets_each_message_under_one_key(bench: Bench) -> None:
    few = CUSTOMERS[:4]
    async with serving("http", 503, 503, 401) as web:
        bench.environment |= {
            "PARLEY_WEBHOOK_URL": f"http://{LOOPBACK}:{web.port}/hook",
            "PARLEY_WEBHOOK_SECRET": SECRET,
        }
        replica = bench.start()
        await bench.open("sms", few)
        await bench.ask(few)
        await bench.filed(len(few))
        await replica.stop()
    dues = {due.message_id for due in await bench.said("notice.events", NoticeDue)}
    keys = Counter(head["idempotency-key"] for head in web.heads)
    assert set(keys) == dues
    assert sum(keys.values()) == len(few) + 3
    assert {json.loads(body)["to"] for body in web.taken} == set(few)
    assert _genuine(web)
    assert [record async for record in scan(bench.settings, DEAD_LETTERS)] == []


def _genuine(web: Server) -> bool:
    return all(
        is_genuine(
            SECRET.encode(), head["parley-timestamp"], body, head["parley-signature"], datetime.now(UTC)
        )
        for head, body in zip(web.heads, web.taken, strict=True)
    )


@pytest.mark.slow
async def test_after_a_restored_backup_what_has_left_does_not_leave_again(bench: Bench) -> None:
    before, since = CUSTOMERS[:2], CUSTOMERS[2:5]
    async with mailing(bench) as server:
        replica = bench.start()
        await bench.open(customers=[*before, *since])
        await bench.ask(before)
        await bench.filed(len(before))
        await replica.stop()
        await bench.nobody_is_left()
        await set_mark(bench.settings, NOTICE)
        copy = _copy(bench)
        replica = bench.start()
        await bench.ask(since)
        await bench.filed(len(before) + len(since))
        await replica.stop()
        await bench.nobody_is_left()
        _put_back(bench, copy)
        await prepare(bench.settings, SERVICES)
        plan = await plan_restore(bench.settings, NOTICE)
        assert plan.void > 0
        await restore(bench.settings, NOTICE, plan)
        replica = bench.start()
        # Said again by the restored sender, under the same ids, and filed again; nothing leaves twice.
        await bench.filed(len(before) + 2 * len(since))
        await replica.stop()
    dues = Counter(due.message_id for due in await bench.said("notice.events", NoticeDue))
    assert sorted(dues.values()) == [1, 1, 2, 2, 2]
    assert ids_of(server) == Counter(dict.fromkeys(dues, 1))


def _copy(bench: Bench) -> dict[str, list[dict[str, Any]]]:
    with bench.database() as client:
        database = client[bench.settings.database]
        return {name: list(database[name].find()) for name in database.list_collection_names()}


def _put_back(bench: Bench, copy: dict[str, list[dict[str, Any]]]) -> None:
    with bench.database() as client:
        database = client[bench.settings.database]
        for name in database.list_collection_names():
            database.drop_collection(name)
        for name, documents in copy.items():
            if documents:
                database[name].insert_many(documents)


@pytest.mark.slow
async def test_up_with_processes_starts_notice_where_a_channel_is_set(tmp_path: Path) -> None:
    house = House(tmp_path / "data")
    said = {"PARLEY_PORTAL": "p", "PARLEY_CONTACT": "c", "PARLEY_OPT_OUT": "o"}
    hook = {"PARLEY_WEBHOOK_URL": f"http://{LOOPBACK}:9/hook", "PARLEY_WEBHOOK_SECRET": SECRET}

    def notice() -> bool:
        with suppress(KeyError):
            return house.pid("notice") is not None
        return False

    try:
        await house.start("--processes", **said, **hook)
        assert notice()
        assert await house.stop() == 0
        await house.start("--processes")
        assert not notice()
        assert await house.stop() == 0
    finally:
        house.abandon()
