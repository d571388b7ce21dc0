"""The whole thread on the log in memory: an event, the guard, a mail server or a webhook, on file, once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import pytest

from services.notice.app import SERVICE
from shared.contracts import desk, intake
from shared.contracts.assessment import AssessmentLapsed, StatementRequested
from shared.contracts.base import Event
from shared.contracts.breach import BreachFacts, OpenInstalment
from shared.contracts.cloudevents import decode, encode
from shared.contracts.desk_contact import NoticeDelivered, NoticeFailed
from shared.contracts.envelope import Envelope
from shared.contracts.followup_care import BreachNoticed
from shared.contracts.notice import NoticeDenied, NoticeDue, NoticeFiled
from shared.contracts.parties import StopCause, StopInForce
from shared.runtime.engine import Engine
from shared.runtime.limits import Limits
from shared.runtime.memory import MemoryLog
from shared.runtime.memory_store import MemoryStore
from shared.runtime.outbound import (
    ByReference,
    Courier,
    EmailChannel,
    EmailSettings,
    FileBook,
    Route,
    Tries,
    WebhookChannel,
)
from shared.runtime.ports import Meter, Outgoing, Ports
from shared.runtime.simulation.world import Telemetry
from shared.runtime.voids import Void, Voids
from tests.runtime.outbound.support import Server, serving
from tests.unit.builders import CASE, DAY, case_opened, cny, reference
from tests.unit.notice.test_decide import verified

SAID = {"link": "https://bank.example/me", "contact": "010-1", "stop": "https://bank.example/stop"}
MORNING = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)  # ten o'clock in Shanghai
SECRET = b"sixteen bytes or more"
_OPEN = OpenInstalment(number=2, due=DAY, missing=cny("100.00"), debts=("622200001111",))
NOTICED = BreachNoticed(
    agreement_id="A", as_of=DAY, cure_by=DAY + timedelta(days=14), missing=(cny("100.00"),),
    facts=BreachFacts(debts=_OPEN.debts, instalments=(_OPEN,)),
)  # fmt: skip


@pytest.fixture(autouse=True)
def _direct(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")


class Wall:
    """A clock on the wall that the test sets; waiting takes a moment of real time."""

    def __init__(self, now: datetime = MORNING) -> None:
        self.time = now

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(min(seconds, 0.01))

    def jitter(self) -> float:
        return 0.5


class House:
    """The notice service and a courier on one log."""

    def __init__(self, clock: Wall, routes: dict[str, Route], meter: Meter | None = None) -> None:
        self.log = MemoryLog(1)
        self.store = MemoryStore()
        telemetry = Telemetry()
        meter = meter or telemetry
        self.ports = Ports(self.log, self.store, clock, telemetry, meter)  # type: ignore[arg-type]
        self.engine = self.make_engine()
        self.routes = routes
        self.courier = self.make_courier()
        self.numbers: dict[str, int] = {}

    def make_engine(self) -> Engine:
        service = replace(SERVICE, reference=lambda _work: reference())
        return Engine(service, self.ports, Limits(partitions=1, poll_seconds=0.02), "notice")

    def make_courier(self, voids: Voids | None = None) -> Courier:
        return Courier(self.ports, self.routes, SAID, "courier", Tries(0.01, 0.01), voids)

    def say(self, data: Event, at: datetime = MORNING, *, id_: str | None = None) -> None:
        number = None
        if data.PRODUCER != "desk":
            number = self.numbers[data.PRODUCER] = self.numbers.get(data.PRODUCER, 0) + 1
        name = id_ or f"{data.PRODUCER}-{number or len(self.log.topic('desk.events'))}"
        source = f"/parley/{data.PRODUCER}" if number else "/desk"
        message: Envelope[Any] = Envelope(name, source, at, "C-1", data, CASE, number)
        key, value, headers = encode(message)
        self.log.append(Outgoing(f"{data.PRODUCER}.events", key, value, tuple(headers)))

    def said(self, topic: str, kind: type[Event]) -> list[Any]:
        found = [decode(r.key, r.value, r.headers).data for r in self.log.topic(topic)]
        return [data for data in found if isinstance(data, kind)]

    async def until(self, done: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not done():  # noqa: ASYNC110  what is waited for is in the log
                await asyncio.sleep(0.01)

    async def learnt(self, name: str, value: Any) -> None:
        """Topics are read in any order: wait until the document says so."""

        def known() -> bool:
            document = self.store.documents("notice").get(CASE)
            at: Any = (document or {}).get("state")
            for part in name.split("."):
                at = (at or {}).get(part)
            return bool(at == value)

        await self.until(known)

    async def read(self, count: int) -> None:
        """Wait until the courier has read so much, and holds nothing of it."""
        committed = self.log.group("parley.courier").committed
        await self.until(lambda: set(committed.values()) == {count})

    async def filed(self, count: int = 1) -> list[NoticeFiled]:
        await self.until(lambda: len(self.said("notice.events", NoticeFiled)) >= count)
        return self.said("notice.events", NoticeFiled)


@asynccontextmanager
async def running(house: House) -> AsyncIterator[House]:
    tasks = [asyncio.ensure_future(one.run()) for one in (house.engine, house.courier)]
    try:
        yield house
    finally:
        house.engine.stop()
        house.courier.stop()
        await asyncio.gather(*tasks)


def by_mail(server: Server, clock: Wall, book: Path) -> dict[str, Route]:
    book.write_text(json.dumps({"C-1": {"borrower": {"email": "li@example.org"}}}), encoding="utf-8")
    settings = EmailSettings("127.0.0.1", server.port, "desk@bank.example", "none")
    return {"email": Route(EmailChannel(settings, clock), FileBook(book))}


def by_hook(server: Server, clock: Wall, *channels: str) -> dict[str, Route]:
    hook = WebhookChannel(f"http://127.0.0.1:{server.port}/hook", SECRET, clock)
    return {channel: Route(hook, ByReference()) for channel in channels}


def lapsed() -> AssessmentLapsed:
    return AssessmentLapsed.model_validate(
        {"as_of": DAY, "missing": (), "next_step": {"code": "next_human_review"}}
    )


def statement(due: date = DAY + timedelta(days=10)) -> StatementRequested:
    return StatementRequested(missing=("income",), due=due)


async def test_a_statement_is_asked_for_by_mail_once_though_it_is_said_twice(tmp_path: Path) -> None:
    clock = Wall()
    async with serving("smtp") as server:
        house = House(clock, by_mail(server, clock, tmp_path / "book.json"))
        async with running(house):
            house.say(case_opened())
            house.say(statement())
            filed = await house.filed()
            house.numbers["assessment"] -= 1
            house.say(statement())  # delivered again
            record = next(r for r in house.log.topic("notice.events")
                          if isinstance(decode(r.key, r.value, r.headers).data, NoticeDue))  # fmt: skip
            house.log.append(Outgoing("notice.events", record.key, record.value, record.headers))
            house.say(case_opened(), id_="again")
            end = len(house.log.topic("notice.events"))
            group = house.log.group("parley.courier").committed
            await house.until(lambda: set(group.values()) == {end})
    assert len(server.taken) == 1
    mail = message_from_bytes(server.taken[0].removesuffix(b".\r\n"), policy=default)
    due = house.said("notice.events", NoticeDue)[0]
    assert mail["Message-ID"] == f"<{due.message_id}@bank.example>"
    assert mail["To"] == "li@example.org"
    assert "2026年3月12日" in mail.get_content()
    assert "https://bank.example/stop" in mail.get_content()
    assert (filed[0].outcome, filed[0].place) == ("message_left", "email")
    (told,) = house.said("desk.events", NoticeDelivered)
    assert (told.purpose, told.recipient, told.debts) == ("service", "borrower", ("A-1",))
    assert all(
        b"li@example.org" not in (r.value or b"") for name in house.log.topics for r in house.log.topic(name)
    )


@pytest.mark.parametrize("known", [True, False], ids=["to the borrower", "to who may be anybody"])
async def test_a_notice_of_a_breach_leaves_in_full_for_the_borrower_alone(
    tmp_path: Path, known: bool
) -> None:
    clock = Wall()
    async with serving("smtp") as server:
        house = House(clock, by_mail(server, clock, tmp_path / "book.json"))
        async with running(house):
            house.say(case_opened())
            if known:
                house.say(verified())
                await house.learnt("states.verified", ["borrower"])
            house.say(NOTICED)
            await house.filed()
    mail = message_from_bytes(server.taken[0].removesuffix(b".\r\n"), policy=default)
    assert ("1111" in mail.get_content()) is ("100.00 CNY" in mail.get_content()) is known
    assert "2026年3月16日" in mail.get_content()
    assert "1111" not in mail["Subject"]


async def test_another_courier_does_not_send_again_what_one_has_sent(tmp_path: Path) -> None:
    clock = Wall()
    async with serving("smtp") as server:
        house = House(clock, by_mail(server, clock, tmp_path / "book.json"))
        async with running(house):
            house.say(case_opened())
            house.say(statement())
            await house.filed()
        house.log.group("parley.courier").committed.clear()  # as if its offsets were lost
        second = house.make_courier()
        task = asyncio.ensure_future(second.run())
        end = len(house.log.topic("notice.events"))
        await house.until(lambda: set(house.log.group("parley.courier").committed.values()) == {end})
        second.stop()
        await task
    assert len(server.taken) == 1


async def test_at_night_it_is_held_and_a_stop_meanwhile_calls_it_back() -> None:
    night = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)  # eleven in the evening in Shanghai
    clock = Wall(night)
    async with serving("http") as server, running(House(clock, by_hook(server, clock, "sms"))) as house:
        house.say(case_opened())
        house.say(desk.PreferencesSet(channel="sms", opt_out=("email", "app", "letter")))
        await house.learnt("channel", "sms")
        house.say(statement(), night)
        await house.until(lambda: len(house.said("notice.events", NoticeDue)) == 1)
        stop = StopInForce(stop_id="s", cause=StopCause.DEATH, since=DAY)
        house.say(intake.StopsChanged(as_of=DAY, stops=(stop,)), night)
        await house.read(2)
        clock.time = night + timedelta(hours=9)  # eight in the morning
        house.say(intake.StopsChanged(as_of=DAY, stops=()), clock.time)
        filed = await house.filed()
    dues = house.said("notice.events", NoticeDue)
    assert [due.attempt for due in dues] == [1, 2]
    assert [json.loads(body)["id"] for body in server.taken] == [dues[1].message_id]
    assert json.loads(server.taken[0])["to"] == "C-1"
    assert json.loads(server.taken[0])["channel"] == "sms"
    assert filed[0].message_id == dues[1].message_id


async def test_what_comes_too_late_is_not_sent_but_asked_for_again() -> None:
    clock = Wall(MORNING + timedelta(hours=13))  # eleven in the evening: it was let leave at ten
    async with serving("http") as server, running(House(clock, by_hook(server, clock, "email"))) as house:
        house.say(case_opened())
        house.say(statement())
        first = (await house.filed())[0]
        assert (first.outcome, first.next_step) == ("not_sent: window_passed", "try_again")
        await house.until(lambda: len(house.said("notice.events", NoticeDue)) == 2)
    assert house.log.topic("courier.dead-letter") == []


async def test_a_channel_that_refuses_is_a_dead_letter_and_the_next_one_is_tried(tmp_path: Path) -> None:
    clock = Wall()
    async with serving("smtp", 550) as mail, serving("http") as web:
        routes = {**by_hook(web, clock, "app"), **by_mail(mail, clock, tmp_path / "book.json")}
        async with running(House(clock, routes)) as house:
            house.say(case_opened())
            house.say(statement())
            filed = await house.filed(2)
    assert [one.outcome for one in filed] == ["not_sent: smtp_550", "message_left"]
    assert [one.place for one in filed] == ["email", "app"]
    dead = house.log.topic("courier.dead-letter")
    assert [dict(record.headers)["parley-reason"] for record in dead] == [b"smtp_550"]
    assert house.said("desk.events", NoticeFailed)[0].reason == "smtp_550"
    assert (len(mail.taken), len(web.taken)) == (0, 1)


async def test_without_an_address_or_a_way_out_it_is_said(tmp_path: Path) -> None:
    clock = Wall()
    async with serving("smtp") as server:
        routes = by_mail(server, clock, tmp_path / "book.json")
        (tmp_path / "book.json").write_text("{}", encoding="utf-8")
        async with running(House(clock, routes)) as house:
            house.say(case_opened())
            house.say(statement())
            filed = await house.filed(4)
    assert [one.outcome for one in filed] == ["not_sent: no_address", *["not_sent: no_adapter"] * 3]


async def test_a_cause_that_is_over_is_not_sent(tmp_path: Path) -> None:
    night = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
    clock = Wall(night)
    async with serving("http") as server, running(House(clock, by_hook(server, clock, "sms"))) as house:
        house.say(case_opened())
        house.say(desk.PreferencesSet(channel="sms"))
        await house.learnt("channel", "sms")
        house.say(statement(), night)
        await house.until(lambda: len(house.said("notice.events", NoticeDue)) == 1)
        house.say(lapsed(), night)
        await house.read(2)
        clock.time = night + timedelta(hours=10)
        await asyncio.sleep(0.2)  # turns of the courier, at the time that it was held for
    assert server.taken == []


async def test_what_a_restored_backup_has_made_void_is_not_sent() -> None:
    clock = Wall()
    async with serving("http") as server:
        house = House(clock, by_hook(server, clock, "email"))
        house.courier = house.make_courier(Voids([Void("notice.events", 0, 0, 1)]))
        async with running(house):
            house.say(case_opened())
            house.say(statement())
            await house.until(lambda: len(house.said("notice.events", NoticeDue)) == 1)
            await house.read(1)
            # Its sender says it again, and that counts.
            record = house.log.topic("notice.events")[0]
            house.log.append(Outgoing("notice.events", record.key, record.value, record.headers))
            await house.filed()
    due = house.said("notice.events", NoticeDue)[0]
    assert [json.loads(body)["id"] for body in server.taken] == [due.message_id]


async def test_what_notice_does_not_know_as_due_is_not_sent_though_the_topic_says_so() -> None:
    clock = Wall()
    async with serving("http") as server, running(House(clock, by_hook(server, clock, "email"))) as house:
        house.say(case_opened())
        house.say(statement())
        await house.filed()
        record = house.log.topic("notice.events")[0]
        said = decode(record.key, record.value, record.headers)
        other = replace(said, id="other", data=said.data.model_copy(update={"message_id": "never-decided"}))
        key, value, headers = encode(other)
        house.log.append(Outgoing("notice.events", key, value, tuple(headers)))
        await house.read(len(house.log.topic("notice.events")))
    assert len(server.taken) == 1


async def test_a_message_that_has_left_is_told_and_not_sent_by_the_next_process() -> None:
    clock = Wall()
    async with serving("http") as server:
        house = House(clock, by_hook(server, clock, "email"))
        engine = asyncio.ensure_future(house.engine.run())
        house.say(case_opened())
        house.say(statement())
        await house.until(lambda: len(house.said("notice.events", NoticeDue)) == 1)
        due = house.said("notice.events", NoticeDue)[0]
        await house.store.copy_ids("courier", [due.message_id])  # as if it was killed before it could tell
        courier = asyncio.ensure_future(house.courier.run())
        filed = await house.filed()
        house.courier.stop()
        house.engine.stop()
        await asyncio.gather(engine, courier)
    assert server.taken == []
    assert filed[0].outcome == "message_left"
    assert [one.attempts for one in house.said("desk.events", NoticeDelivered)] == [0]


async def test_what_has_left_is_not_sent_again_by_another_way_before_notice_has_read_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Notice heard of a closed channel before it heard of the message: both attempts reached the borrower."""
    clock, tell, may_tell = Wall(), Courier._tell, asyncio.Event()

    async def held_up(*words: Any) -> None:
        await may_tell.wait()
        await tell(*words)

    monkeypatch.setattr(Courier, "_tell", held_up)
    async with serving("http") as server:
        house = House(clock, by_hook(server, clock, "email", "app"))
        async with running(house):
            house.say(case_opened())
            house.say(statement())
            await house.until(lambda: len(server.taken) == 1)
            first = house.said("notice.events", NoticeDue)[0].message_id
            house.say(desk.PreferencesSet(opt_out=("email",)))
            await house.until(lambda: len(house.said("notice.events", NoticeDue)) == 2)
            await asyncio.sleep(0.5)
            may_tell.set()
            assert [one.outcome for one in await house.filed()] == ["message_left"]
            await house.read(len(house.log.topic("notice.events")))
    assert [json.loads(body)["id"] for body in server.taken] == [first]


@pytest.mark.parametrize("word", ["another way", "withdrawn"])
async def test_what_had_left_when_a_process_was_killed_is_told_whatever_notice_has_said_since(
    word: str,
) -> None:
    """It was dropped as called back: what the borrower had was on no file, and one more was sent."""
    clock = Wall()
    async with serving("http") as server:
        house = House(clock, by_hook(server, clock, "email", "app"))
        engine = asyncio.ensure_future(house.engine.run())
        house.say(case_opened())
        house.say(statement())
        await house.until(lambda: len(house.said("notice.events", NoticeDue)) == 1)
        due = house.said("notice.events", NoticeDue)[0]
        await house.store.copy_ids("courier", [due.message_id])  # as if it was killed before it could tell
        if word == "withdrawn":
            house.say(lapsed())
            await house.until(lambda: len(house.log.topic("notice.events")) == 2)
        else:
            house.say(desk.PreferencesSet(opt_out=("email",)))
            await house.until(lambda: len(house.said("notice.events", NoticeDue)) == 2)
        courier = asyncio.ensure_future(house.courier.run())
        (filed,) = await house.filed()
        await house.read(len(house.log.topic("notice.events")))
        house.courier.stop()
        house.engine.stop()
        await asyncio.gather(engine, courier)
    assert server.taken == []
    assert (filed.outcome, filed.place, filed.message_id) == ("message_left", "email", due.message_id)


async def test_while_a_server_is_away_messages_wait_and_nothing_is_a_dead_letter(tmp_path: Path) -> None:
    clock = Wall()
    async with serving("smtp", *[451] * 30) as server:
        house = House(clock, by_mail(server, clock, tmp_path / "book.json"))
        async with running(house):
            house.say(case_opened())
            house.say(statement())
            filed = await house.filed()
    assert [one.outcome for one in filed] == ["message_left"]
    assert (server.asked, len(server.taken)) == (31, 1)
    assert house.log.topic("courier.dead-letter") == []
    assert house.said("desk.events", NoticeFailed) == []


async def test_a_message_that_waits_for_a_server_is_called_back_and_its_time_passes() -> None:
    clock = Wall()
    async with serving("http", *[503] * 10_000) as server:
        house = House(clock, by_hook(server, clock, "email"))
        async with running(house):
            house.say(case_opened())
            house.say(statement())
            await house.until(lambda: server.asked > 2)
            stop = StopInForce(stop_id="s", cause=StopCause.DEATH, since=DAY)
            house.say(intake.StopsChanged(as_of=DAY, stops=(stop,)))
            await house.until(lambda: len(house.said("notice.events", NoticeDenied)) == 1)
            await house.read(2)
            asked = server.asked
            house.say(intake.StopsChanged(as_of=DAY, stops=()))
            await house.until(lambda: len(house.said("notice.events", NoticeDue)) == 2)
            await house.until(lambda: server.asked > asked + 2)
            clock.time = MORNING + timedelta(hours=13)
            assert [one.outcome for one in await house.filed()] == ["not_sent: window_passed"]
    assert house.log.topic("courier.dead-letter") == []


async def test_an_outcome_that_is_read_before_its_cause_waits_for_it() -> None:
    clock = Wall()
    async with serving("http") as server:
        first = House(clock, by_hook(server, clock, "email"))
        async with running(first):
            first.say(case_opened())
            first.say(statement())
            await first.filed()
        house = House(clock, by_hook(server, clock, "email"))  # its database and its topics are of before
        for record in first.log.topic("desk.events"):
            house.log.append(Outgoing("desk.events", record.key, record.value, record.headers))
        await house.store.copy_ids("courier", [said.message_id + "/told" for said in
                                               first.said("desk.events", NoticeDelivered)])  # fmt: skip
        async with running(house):
            house.say(case_opened())
            await house.until(lambda: CASE in house.store.documents("notice"))
            house.say(statement())
            filed = await house.filed()
    assert [one.outcome for one in filed] == ["message_left"]
    assert len(server.taken) == 1
