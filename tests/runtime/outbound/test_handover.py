"""A courier that stops, is given up or taken over: nothing is sent twice, and nothing is left behind."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from shared.contracts import desk
from shared.contracts.desk_contact import NoticeFailed
from shared.contracts.notice import NoticeDue
from shared.runtime.letters import read_letter
from shared.runtime.ports import Outgoing, TopicPartition, UnavailableError
from shared.runtime.pulse import State
from tests.runtime.outbound.support import serving
from tests.runtime.outbound.test_courier import MORNING, House, Wall, by_hook, running, statement
from tests.unit.builders import case_opened

NOTICES = TopicPartition("notice.events", 0)


@pytest.fixture(autouse=True)
def _direct(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")


async def test_what_is_held_for_the_morning_is_not_behind_what_is_committed_when_it_stops() -> None:
    clock = Wall(MORNING + timedelta(hours=13))  # eleven in the evening
    async with serving("http") as server:
        house = House(clock, by_hook(server, clock, "sms"))
        async with running(house):
            house.say(case_opened())
            house.say(desk.PreferencesSet(channel="sms", opt_out=("email", "app", "letter")))
            await house.learnt("channel", "sms")
            house.say(statement(), clock.time)
            await house.until(lambda: len(house.said("notice.events", NoticeDue)) == 1)
            await house.until(lambda: sum(map(len, house.courier._held.values())) == 1)
        assert house.log.group("parley.courier").committed.get(NOTICES, 0) == 0
        assert server.taken == []
        clock.time += timedelta(hours=9)
        house.courier, house.engine = house.make_courier(), house.make_engine()
        async with running(house):
            await house.filed()
    assert len(server.taken) == 1


async def test_after_a_rebalance_messages_leave_again() -> None:
    clock = Wall()
    async with serving("http") as server:
        house = House(clock, by_hook(server, clock, "email"))
        async with running(house):
            await house.until(lambda: house.courier.state is State.WORKING)
            other = house.make_courier()
            task = asyncio.ensure_future(other.run())
            await house.until(lambda: other.state is State.STANDBY)
            await house.until(lambda: house.courier.state is State.WORKING)
            house.say(case_opened())
            house.say(statement())
            await house.filed()
            other.stop()
            await task
    assert len(server.taken) == 1


async def test_what_is_given_up_is_not_tried_any_more() -> None:
    clock = Wall()
    async with serving("http", *[503] * 10_000) as server:
        house = House(clock, by_hook(server, clock, "email"))
        async with running(house):
            house.say(case_opened())
            house.say(statement())
            await house.until(lambda: server.asked > 2)
            await house.courier.on_revoked([NOTICES])
            assert house.courier.state is State.GIVING_UP
            asked = server.asked
            await asyncio.sleep(0.1)
            assert server.asked == asked


async def test_it_begins_with_what_retention_has_left() -> None:
    clock = Wall()
    async with serving("http") as server:
        house = House(clock, by_hook(server, clock, "email"))
        async with running(house):
            house.say(case_opened())
            house.say(statement())
            await house.filed()
        house.log.trim(NOTICES, len(house.log.topic("notice.events")))
        house.log.group("parley.courier").committed.clear()
        second = house.make_courier()
        task = asyncio.ensure_future(second.run())
        await house.until(lambda: second.state is State.WORKING)
        await asyncio.sleep(0.1)
        second.stop()
        await task
    assert len(server.taken) == 1


async def test_a_message_that_has_left_is_noted_before_it_is_told() -> None:
    clock = Wall()
    async with serving("http") as server:
        house = House(clock, by_hook(server, clock, "email"))
        engine, publisher = asyncio.ensure_future(house.engine.run()), house.courier._publisher

        async def away(_: object) -> None:
            raise UnavailableError("Kafka: away")

        publish, publisher.publish = publisher.publish, away  # type: ignore[method-assign]
        first = asyncio.ensure_future(house.courier.run())
        house.say(case_opened())
        house.say(statement())
        await house.until(lambda: len(server.taken) == 1)
        await asyncio.sleep(0.1)
        for held in house.courier._all():
            assert held.task is not None
            held.task.cancel()
        first.cancel()  # killed before it could tell
        await asyncio.wait([first])
        publisher.publish = publish  # type: ignore[method-assign]
        house.log.group("parley.courier").members.clear()
        second = house.make_courier()
        task = asyncio.ensure_future(second.run())
        await house.filed()
        second.stop()
        house.engine.stop()
        await asyncio.gather(task, engine)
    assert len(server.taken) == 1


async def test_what_cannot_be_put_into_words_is_a_dead_letter_and_rubbish_is_passed_over() -> None:
    clock = Wall()
    async with serving("http") as server:
        house = House(clock, by_hook(server, clock, "email"))
        house.courier._said = {"contact": "010-1"}
        house.log.append(Outgoing("notice.events", b"C-1", b"rubbish", ()))
        async with running(house):
            house.say(case_opened())
            house.say(statement())
            await house.until(lambda: len(house.log.topic("courier.dead-letter")) > 0)
    letter = read_letter("courier", house.log.topic("courier.dead-letter")[0])
    assert letter is not None
    assert (letter.reason, letter.name) == ("template_incomplete", "courier/notice.events/0/1")
    (failed, *_) = house.said("desk.events", NoticeFailed)
    assert (failed.reason, failed.attempts) == ("template_incomplete", 0)
    assert server.taken == []


async def test_a_courier_that_is_stopped_while_kafka_is_away_ends() -> None:
    async with serving("http") as server:
        house = House(clock := Wall(), by_hook(server, clock, "email"))

        async def away(*_: object) -> None:
            raise UnavailableError("Kafka: away")

        house.courier._consumer.start = away  # type: ignore[method-assign]
        task = asyncio.ensure_future(house.courier.run())
        await asyncio.sleep(0.05)
        assert not task.done()
        house.courier.stop()
        async with asyncio.timeout(10):
            with pytest.raises(UnavailableError):
                await task
