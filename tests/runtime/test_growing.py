"""More partitions for a platform with data, in memory: what moves, and what refuses it before that."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from datetime import date
from typing import Any

import pytest

from shared.contracts.cloudevents import decode
from shared.contracts.partition import partition_of
from shared.contracts.runtime import ServiceDayClosed
from shared.runtime import growing
from shared.runtime.growing import grow, layout
from shared.runtime.memory_store import MemoryStore
from shared.runtime.migration_store import GROWTH, MigrationStore
from shared.runtime.ports import ID, Document, FatalError, TopicPartition
from shared.runtime.refused import RefusedError
from shared.runtime.settings import Settings
from shared.runtime.simulation.loop import run_virtual
from shared.runtime.simulation.toy import Accept, Bad, Open, Pay
from tests.runtime.rig import D1, D2, Rig

OLD, NEW = 2, 4
KEYS = [f"C-{n}" for n in range(8)]
NAMES = ("front", "middle", "back", "archive")
SETTINGS = Settings()


class Migrated(MemoryStore):
    """The store in memory with what only migrations ask for."""

    def __init__(self) -> None:
        super().__init__(max_bytes=200_000)
        self.notes: dict[str, dict[str, Any]] = {}

    async def start(self) -> None:
        return

    async def close(self) -> None:
        return

    async def note(self, name: str) -> Document | None:
        return self.notes.get(name)

    async def write_note(self, name: str, content: Mapping[str, Any]) -> None:
        self.notes[name] = {ID: name, **content}

    async def refuse_half_done(self, *, but: str = "") -> None:
        for name, note in self.notes.items():
            if note["under_way"] and name != but:
                raise FatalError("half done", note["command"])

    async def refuse_half_restored(self) -> None:
        return

    async def cases(self, service: str) -> AsyncIterator[list[Document]]:
        found = [one for _, one in sorted(self.documents(service).items())]
        for start in range(0, len(found), 3):
            yield found[start : start + 3]


class House:
    """Toy services that have lived a day on two partitions, and Kafka's commands on their log."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.store = Migrated()
        self.rig = Rig(partitions=OLD, names=NAMES)
        self.rig.store = self.store
        self.services = list(self.rig.services.values())
        self.grown: list[tuple[int, bool]] = []
        self.asked = 0  # whether replicas run
        self.counts: dict[str, int] = {}
        for name in ("topic_counts", "end_offsets", "grow_topics", "refuse_running"):
            monkeypatch.setattr(growing, name, getattr(self, f"_{name}"))
        monkeypatch.setattr(growing, "MigrationStore", lambda _settings: self.store)

    async def _topic_counts(self, _settings: Settings, topics: Any) -> dict[str, int]:
        counts = dict.fromkeys(topics, self.rig.log.partitions) | self.counts
        return {topic: count for topic, count in counts.items() if count}

    async def _end_offsets(self, _settings: Settings, topics: Any) -> dict[TopicPartition, tuple[int, int]]:
        assert not [topic for topic in topics if topic.endswith(".dead-letter")]
        return {
            TopicPartition(topic, number): (0, len(self.rig.log.records(topic, number)))
            for topic in topics
            for number in range(self.rig.log.partitions)
        }

    async def _grow_topics(
        self, _settings: Settings, topics: Any, to: int, *, only_ask: bool = False
    ) -> None:
        self.grown.append((to, only_ask))
        assert set(topics) >= {"bank.events", "middle.events", "middle.dead-letter", "ops.commands"}
        if not only_ask:
            log = self.rig.log
            for logs in log._topics.values():
                logs += [[] for _ in range(to - len(logs))]
            log.partitions = to

    async def _refuse_running(self, _settings: Settings, services: Any) -> None:
        assert len(list(services)) == len(NAMES)
        self.asked += 1

    async def live(self, *, until: date = D1) -> None:
        self.rig.start_all()
        for key in KEYS:
            self.rig.say(Open(), key=key)
        self.rig.close(until)
        await self.rig.settle()
        await self.rig.stop()

    async def grow(self, to: int = NEW) -> dict[str, int]:
        return await grow(SETTINGS, self.store, self.services, to)  # type: ignore[arg-type]

    def documents(self) -> dict[str, dict[str, Document]]:
        return {name: self.store.documents(name) for name in NAMES}


def live(story: Callable[[], Any]) -> None:
    run_virtual(story())


def test_what_belongs_elsewhere_moves_once_and_the_new_partitions_begin_after_the_last_day(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def story() -> None:
        house = House(monkeypatch)
        await house.live()
        before = house.documents()
        positions = {name: await house.store.positions(name) for name in NAMES}
        moves = {
            name: {
                id_ for id_, one in before[name].items()
                if partition_of(one["key"].encode(), NEW) != one["partition"]
            }
            for name in NAMES
        }  # fmt: skip
        assert 0 < len(moves["front"]) < len(KEYS)
        assert await house.grow() == {name: len(ids) for name, ids in moves.items()}
        assert house.grown == [(NEW, True), (NEW, False)], "a missing right shows before anything changes"
        assert house.asked == 2, "once more when the note stands"
        for name in NAMES:
            for id_, one in house.store.documents(name).items():
                assert one["partition"] == partition_of(one["key"].encode(), NEW)
                assert one["version"] == before[name][id_]["version"] + (id_ in moves[name])
                assert one["state"] == before[name][id_]["state"]
            *old, third, fourth = await house.store.positions(name)
            assert old == positions[name]
            for number, row in ((2, third), (3, fourth)):
                assert row["_id"] == number
                assert row["done"] == (None if name == "archive" else D1.isoformat())
                closed = {each["topic"]: each["closed"] for each in old[0]["inputs"]}
                assert {each["topic"]: each["closed"] for each in row["inputs"]} == closed
                assert {each["next"] for each in row["inputs"]} == {0}
        note = house.store.notes[GROWTH]
        assert (note["under_way"], note["from"], note["to"], note["day"]) == (False, OLD, NEW, D1.isoformat())
        now = await layout(SETTINGS, ["bank.events"])
        assert now.now == {"bank.events": NEW}
        assert [(count, ends["bank.events", 0]) for count, ends in now.eras] == [
            (OLD, len(house.rig.log.records("bank.events", 0)))
        ]

    live(story)


def test_a_platform_that_has_closed_no_day_grows_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        house = House(monkeypatch)
        house.rig.start_all()
        house.rig.say(Open(), key=KEYS[0])
        await house.rig.settle()
        await house.rig.stop()
        (first, *_) = await house.store.positions("front")
        closed = {**first, "done": D1.isoformat(), "version": first["version"] + 1}
        assert await house.store.write_positions("front", [closed]) == set()
        with pytest.raises(
            RefusedError, match="front on partition 0: 2026-03-01; front on partition 1: none"
        ):
            await house.grow()
        reopened = {**first, "done": None, "version": first["version"] + 2}
        assert await house.store.write_positions("front", [reopened]) == set()
        await house.grow()
        assert house.store.notes[GROWTH]["day"] is None
        for name in NAMES:
            assert {row.get("done") for row in await house.store.positions(name)} == {None}

    live(story)


def test_who_goes_on_says_nothing_twice_and_closes_no_day_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        house = House(monkeypatch)
        await house.live()
        await house.grow()
        after = Rig(partitions=NEW, names=NAMES)
        after.log, after.store, after._count = house.rig.log, house.store, 100
        after.start_all()
        for key in KEYS:
            after.say(Pay(pay_id=key, amount=5, value_date=D2), D2, key=key)
        after.close(D2)
        await after.settle()
        assert after.alarms() == []
        closed = {
            (at.partition, message.data.day)
            for at in after.log.topic("middle.events")
            if isinstance((message := decode(at.key, at.value, at.headers)).data, ServiceDayClosed)
        }
        assert closed == {(number, day) for number in range(NEW) for day in (D1, D2)}, "the new ones too"
        for name in ("front", "middle"):
            told = [(m.subject, m.sequence) for m in after.events(name)]
            assert len(told) == len(set(told))
        assert {key: after.state("front", key)["paid"] for key in KEYS} == dict.fromkeys(KEYS, 5)
        assert after.types("front").count("reminded") == len(KEYS)
        assert [after.reasons(name) for name in NAMES] == [[]] * len(NAMES)

    live(story)


def test_a_growth_that_was_killed_is_given_again_and_finishes(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        house = House(monkeypatch)
        await house.live()
        before = house.documents()
        move, calls = growing._move, []

        async def dies(*given: Any) -> int:
            calls.append(given)
            if len(calls) == 3:
                raise KeyboardInterrupt
            return await move(*given)

        monkeypatch.setattr(growing, "_move", dies)
        await _dies(house)
        assert house.store.notes[GROWTH]["under_way"]
        assert house.store.notes[GROWTH]["command"] == "parley migrate partitions --to 4"
        with pytest.raises(RefusedError, match="A change to 4 partitions has not ended"):
            await house.grow(8)
        counts = await house.grow()
        assert sum(counts.values()) > 0
        assert (counts["front"], counts["middle"]) == (0, 0), "they had moved"
        for name in NAMES:
            for id_, one in house.store.documents(name).items():
                assert one["version"] - before[name][id_]["version"] in {0, 1}
        assert house.store.notes[GROWTH]["eras"] == [[OLD, house.store.notes[GROWTH]["eras"][0][1]]]
        assert not house.store.notes[GROWTH]["under_way"]
        await house.grow(8)
        assert [count for count, _ in house.store.notes[GROWTH]["eras"]] == [OLD, NEW]

    live(story)


def test_a_growth_that_was_killed_at_its_very_end_is_given_again_and_changes_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def story() -> None:
        house = House(monkeypatch)
        await house.live()
        await house.grow()
        before, note, grown = house.documents(), dict(house.store.notes[GROWTH]), list(house.grown)
        assert await house.grow() == dict.fromkeys(NAMES, 0)
        assert (house.documents(), house.store.notes[GROWTH], house.grown) == (before, note, grown)
        house.counts["desk.events"] = 0  # somebody has deleted a topic since
        with pytest.raises(RefusedError, match=r"There is no topic desk\.events"):
            await house.grow()

    live(story)


def test_who_finds_another_writer_at_the_new_positions_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        house = House(monkeypatch)
        await house.live()

        async def loses(_service: str, positions: Any) -> set[int]:
            return {row["_id"] for row in positions}

        monkeypatch.setattr(house.store, "write_positions", loses)
        with pytest.raises(RefusedError, match="Somebody else has written the positions of front"):
            await house.grow()
        assert house.store.notes[GROWTH]["under_way"]

    live(story)


async def _dies(house: House) -> None:
    with pytest.raises(KeyboardInterrupt):
        await house.grow()


async def _unread(house: House) -> None:
    house.rig.say(Open(), key="C-0")


async def _other_days(house: House) -> None:
    (row, *_) = await house.store.positions("front")
    await house.store.write_positions(
        "front", [{**row, "done": D2.isoformat(), "version": row["version"] + 1}]
    )


async def _waits(house: House) -> None:
    house.rig.start_all()
    for key in KEYS:
        house.rig.say(Accept(number=1), D2, key=f"{key}-unknown")
    await house.rig.settle()
    await house.rig.stop()


async def _held(house: House) -> None:
    house.rig.start_all()
    house.rig.say(Bad(at="middle", kind="raise"), key="C-0")
    await house.rig.settle()
    await house.rig.stop()


async def _unsettled(house: House) -> None:
    for id_, one in house.store.documents("back").items():
        out = [[["front.events", 10_000], b"k", b"v", []]]
        await house.store.replace_many(
            "back", [{**one, "_id": id_, "out": out, "version": one["version"] + 1}]
        )


async def _differ(house: House) -> None:
    house.counts = {"desk.events": 3}


async def _absent(house: House) -> None:
    house.counts = {"desk.events": 0}


async def _nothing(_house: House) -> None:
    return


def test_what_has_never_run_has_to_read_everything_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """Afterwards it never can: what was said before stands on the partitions of the old count."""

    async def story() -> None:
        house = House(monkeypatch)
        await house.live()
        with pytest.raises(RefusedError, match="notice has never run, and could not begin any more"):
            await grow(SETTINGS, house.store, house.services, NEW, ["notice"])  # type: ignore[arg-type]
        assert (house.store.notes, house.grown) == ({}, [])
        await house.grow()  # said to be meant
        store = Later(SETTINGS, house.store)
        await store.refuse_too_late(NAMES)
        with pytest.raises(FatalError, match="notice has never run, and the partition"):
            await store.refuse_too_late([*NAMES, "notice"])

    live(story)


class Later(MigrationStore):
    """The same database, as the start of a service sees it."""

    def __init__(self, settings: Settings, other: Migrated) -> None:
        super().__init__(settings)
        self._other = other

    async def note(self, name: str) -> Document | None:
        return await self._other.note(name)

    async def positions(self, service: str) -> list[Document]:
        return await self._other.positions(service)


@pytest.mark.parametrize(
    ("change", "to", "words"),
    [
        (_unread, NEW, r"Not everything has been read. Behind: front on bank.events\[[01]\]: \d of \d"),
        (_other_days, NEW, r"Not the same day .*front on partition 0: 2026-03-02.*partition \d: 2026-03-01"),
        (_waits, NEW, r"In \d documents of middle a fact waits"),
        (_held, NEW, "Cases are held by middle"),
        (_unsettled, NEW, r"^\d documents of back hold what may not have been published"),
        (_differ, NEW, "different partition counts"),
        (_absent, NEW, "There is no topic desk.events"),
        (_nothing, OLD, "The topics have 2 partitions"),
        (_nothing, 1, "The topics have 2 partitions"),
    ],
)
def test_nothing_has_changed_where_it_is_refused(
    monkeypatch: pytest.MonkeyPatch, change: Callable[[House], Any], to: int, words: str
) -> None:
    async def story() -> None:
        house = House(monkeypatch)
        await house.live()
        await change(house)
        before = house.documents()
        with pytest.raises(RefusedError, match=words):
            await house.grow(to)
        assert house.documents() == before
        assert house.store.notes == {}
        assert house.grown == []

    live(story)


def test_what_waits_or_is_open_and_does_not_move_is_no_reason_to_refuse(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def story() -> None:
        house = House(monkeypatch)
        await house.live()
        house.rig.start_all()
        stays = next(
            key for key in (f"S-{n}" for n in range(50))
            if partition_of(key.encode(), NEW) == partition_of(key.encode(), OLD)
        )  # fmt: skip
        house.rig.say(Accept(number=1), D2, key=stays)
        await house.rig.settle()
        await house.rig.stop()
        assert (await house.grow())["middle"] > 0

    live(story)


def test_another_migration_that_is_under_way_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        house = House(monkeypatch)
        await house.live()
        await house.store.write_note(
            "rebuild", {"under_way": True, "command": "parley migrate rebuild archive"}
        )
        with pytest.raises(FatalError, match="half done"):
            await house.grow()

    live(story)
