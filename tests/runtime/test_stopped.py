"""A stopped platform in memory: an older backup restored, a read model rebuilt, an input read again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

import pytest

from shared.runtime import migrate
from shared.runtime.backup import read_mark, set_mark
from shared.runtime.kafka.groups import Group
from shared.runtime.migrate import rebuild, replay
from shared.runtime.ports import VERSION, FatalError, TopicPartition, UnavailableError
from shared.runtime.refused import RefusedError
from shared.runtime.restore import Report, plan_restore, restore
from shared.runtime.simulation.loop import run_virtual
from shared.runtime.simulation.toy import Accept, Bad, Open, Pay, Sign
from shared.runtime.voids import OWNER, read_voids
from tests.runtime.in_memory import CommandStore, House
from tests.runtime.rig import ANN, D1, D2, D3

BOB, EVE = "C-bob", "C-eve"


def told(monkeypatch: pytest.MonkeyPatch, tell: Callable[[House], Awaitable[None]]) -> None:
    async def whole() -> None:
        await tell(House(monkeypatch, partitions=2))

    run_virtual(whole())


async def lived(house: House, *days: Callable[[], Any]) -> None:
    """Start everything, let each of these happen and come to rest, and stop."""
    house.start_all()
    await house.settle()
    for happens in days:
        happens()
        await house.settle()
    await house.stop()


def first_days(house: House) -> tuple[Callable[[], Any], ...]:
    def first() -> None:
        house.say(Open(), key=ANN)
        house.say(Open(), key=BOB)

    def agreed() -> None:
        house.say(Accept(number=1), key=ANN)
        house.say(Pay(pay_id="p1", amount=100, value_date=D1), key=ANN)

    return first, agreed, lambda: house.close(D1)


def later_days(house: House, *, poison: bool = False) -> tuple[Callable[[], Any], ...]:
    def second() -> None:
        house.say(Open(), D2, key=EVE)
        house.say(Sign(number=1), D2, key=ANN)
        house.say(Pay(pay_id="p2", amount=100, value_date=D2), D2, key=ANN)
        if poison:
            house.say(Bad(at="back", kind="raise"), D2, key="C-dan")

    return second, lambda: house.close(D2), lambda: house.close(D3)


def states(house: House) -> dict[str, dict[str, Any]]:
    return {
        name: {id_: one["state"] for id_, one in house.store.documents(name).items()}
        for name in house.services
    }


def sequences(house: House, service: str) -> list[tuple[str, int]]:
    return sorted({(case, number) for case, number, _ in house.said(service)})


async def lost_after_a_backup(house: House) -> CommandStore:
    """Live, mark and copy; live on, and lose the database. The copy, put back."""
    await lived(house, *first_days(house))
    await set_mark(house.settings, house.all)
    copy = house.copy()
    await lived(house, *later_days(house))
    house.put_back(copy)
    return copy


def test_after_an_older_backup_everything_comes_to_the_same_and_no_sequence_is_used_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def story(house: House) -> None:
        await lived(house, *first_days(house))
        house.say(
            Pay(pay_id="p0", amount=50, value_date=D1), D2, key=BOB
        )  # nobody has read it when it is marked
        house.say(Accept(number=2), D2, key=BOB)
        mark = await set_mark(house.settings, house.all)
        assert mark.done == D1.isoformat()
        copy = house.copy()
        await lived(house, *later_days(house, poison=True))  # a dead letter becomes void, too
        wanted, before = states(house), {name: house.said(name) for name in ("front", "middle", "back")}
        numbers = {name: sequences(house, name) for name in before}
        ends = {at: house.log.bounds(at)[1] for at in mark.ends}
        house.put_back(copy)

        plan = await plan_restore(house.settings, house.all)
        own = {f"{name}.events" for name in before} | {"back.dead-letter"}
        since = sum(ends[at] - mark.ends[at] for at in mark.ends if at.topic in own)
        assert plan.void == since > 0
        outside = ("bank.events", "desk.events", "ops.commands")
        unread = {at: end - mark.next["front", at.partition].get(at.topic, 0) for at, end in ends.items()}
        assert plan.again == sum(count for at, count in unread.items() if at.topic in outside) > 0
        began = int(datetime.now(UTC).timestamp())
        report = await restore(house.settings, house.all, plan)
        voided = [len(before[name]) for name in before]
        assert sum(voided) > 0
        letters = sum(one.end - one.start for one in plan.voids if one.topic == "back.dead-letter")
        assert (report.positions, report.void) == (8, plan.void - letters)
        assert letters > 0
        made = sum(len(house.store.documents(one.name)) - len(copy.documents(one.name)) for one in house.all)
        assert report.made == made > 0, "Eve's documents did not exist"
        assert report.raised > report.made
        assert house.store.open == 0

        for service in house.all:
            for position in await house.store.positions(service.name):
                assert position["epoch"] >= began, "above what any replica of before can hold"
                reached = {row["topic"]: row["next"] for row in position["inputs"]}
                for topic in service.topics:
                    at = TopicPartition(topic, position["_id"])
                    assert house.log.group(service.group).committed[at] == reached.get(topic, 0)
                    if topic in own:
                        assert reached[topic] == ends[at], "what was said since is void"
        voids = await read_voids(house.settings)
        assert voids.topics == own
        assert house.store.open == 0
        noted = await read_mark(house.store)  # type: ignore[arg-type]
        assert noted is not None
        assert {row["restored_at"] for row in await house.store.every(OWNER, "voids")} == {noted.begun}

        await lived(house)
        assert states(house) == wanted
        for name, said in before.items():
            again = [one for one in house.said(name) if one not in said]
            assert {(case, number) for case, number, _ in again}.isdisjoint(numbers[name])
            assert {id_ for *_, id_ in again} <= {id_ for *_, id_ in said}, "said again with the same ids"
        assert house.alarms() == []

    told(monkeypatch, story)


def test_a_restoration_that_dies_anywhere_is_begun_again_and_comes_to_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def story(house: House) -> None:
        copy = await lost_after_a_backup(house)
        committed = {name: deepcopy(marks) for name, marks in house.committed().items()}

        async def restored() -> Report:
            return await restore(house.settings, house.all, await plan_restore(house.settings, house.all))

        house.store.writes = 0
        await restored()
        wanted, writes, offsets = house.store.contents(), house.store.writes, house.committed()
        assert writes > 15
        for dies_at in range(1, writes + 1):
            house.put_back(copy)
            for one in house.all:
                house.log.group(one.group).committed = dict(committed[one.name])
            house.store.writes, house.store.dies_at = 0, dies_at
            with pytest.raises(UnavailableError):
                await restored()
            assert house.store.open == 0
            if dies_at > 1:
                with pytest.raises(RefusedError, match="the work is not done"):
                    await set_mark(house.settings, house.all)
            await restored()
            assert house.store.contents() == wanted, f"died at write {dies_at}"
            assert house.committed() == offsets

    told(monkeypatch, story)


def test_a_backup_is_marked_only_where_nothing_runs_and_all_stand_at_one_instant(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def story(house: House) -> None:
        house.start_all()
        await house.settle()
        with pytest.raises(RefusedError, match=r"parley\.front has members \(1\)") as refused:
            await set_mark(house.settings, house.all)
        assert "parley backup mark" in str(refused.value)
        await house.stop()
        await lived(house, *first_days(house))
        house.tell("front", Open(), 99)
        with pytest.raises(RefusedError, match=r"middle has read front\.events"):
            await set_mark(house.settings, house.all)
        assert await read_mark(house.store) is None  # type: ignore[arg-type]
        assert house.store.open == 0

    told(monkeypatch, story)


def test_marking_raises_epochs_so_that_whoever_writes_afterwards_is_seen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def story(house: House) -> None:
        await lived(house, *first_days(house))
        before = {one.name: await house.store.positions(one.name) for one in house.all}
        mark = await set_mark(house.settings, house.all)
        for name, rows in before.items():
            for row in rows:
                assert mark.epochs[name, row["_id"]] == row["epoch"] + 1
        await lived(house, *later_days(house))
        with pytest.raises(RefusedError, match="does not stand where the mark says"):
            await plan_restore(house.settings, house.all)
        # A backup whose documents were copied later than its positions.
        for one in house.all:
            for row in before[one.name]:
                row.update(epoch=row["epoch"] + 1)
                await house.store.put(one.name, "positions", row)
        with pytest.raises(RefusedError, match="middle wrote after the mark"):
            await plan_restore(house.settings, house.all)

    told(monkeypatch, story)


def test_a_restoration_is_refused_without_a_mark_while_a_replica_runs_and_when_it_is_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def story(house: House) -> None:
        with pytest.raises(RefusedError, match="There is no mark"):
            await plan_restore(house.settings, house.all)
        await lost_after_a_backup(house)
        members: list[Any] = house.log.group("parley.front").members
        members.append("a replica that somebody forgot")
        with pytest.raises(RefusedError, match="has members"):
            await plan_restore(house.settings, house.all)
        members.clear()
        plan = await plan_restore(house.settings, house.all)
        await restore(house.settings, house.all, plan)
        with pytest.raises(RefusedError, match="it was done already"):
            await plan_restore(house.settings, house.all)
        assert house.store.open == 0

    told(monkeypatch, story)


def test_a_backup_can_be_marked_before_any_day_was_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(house: House) -> None:
        await lived(house, lambda: house.say(Open()))
        assert (await set_mark(house.settings, house.all)).done is None
        await plan_restore(house.settings, house.all)

    told(monkeypatch, story)


def test_epochs_leap_beyond_those_of_a_wall_clock_that_went_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(house: House) -> None:
        await lived(house, *first_days(house))
        late = 4_000_000_000
        row = (await house.store.positions("middle"))[1]
        await house.store.put("middle", "positions", {**row, "epoch": late})
        await set_mark(house.settings, house.all)
        await restore(house.settings, house.all, await plan_restore(house.settings, house.all))
        for service in house.all:
            for position in await house.store.positions(service.name):
                assert position["epoch"] > late + 1

    told(monkeypatch, story)


def test_one_document_that_was_written_after_the_mark_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(house: House) -> None:
        await lived(house, *first_days(house))
        mark = await set_mark(house.settings, house.all)
        await plan_restore(house.settings, house.all)
        one, _ = house.store.documents("middle").values()
        later = {**one, VERSION: one[VERSION] + 1, "epoch": mark.epochs["middle", one["partition"]] + 1}
        await house.store.replace_many("middle", [later])
        with pytest.raises(RefusedError, match="middle wrote after the mark"):
            await plan_restore(house.settings, house.all)

    told(monkeypatch, story)


def test_who_writes_documents_during_a_restoration_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(house: House) -> None:
        await lost_after_a_backup(house)
        plan = await plan_restore(house.settings, house.all)
        load = house.store.load_many

        async def late(service: str, ids: Any) -> Any:
            found = await load(service, ids)
            for one in found.values():
                await house.store.replace_many(service, [{**one, VERSION: one[VERSION] + 1}])
            return found

        house.store.load_many = late  # type: ignore[method-assign]
        with pytest.raises(FatalError, match="somebody else writes its documents"):
            await restore(house.settings, house.all, plan)
        assert house.store.open == 0
        mark = await read_mark(house.store)  # type: ignore[arg-type]
        assert mark is not None
        assert (mark.begun is not None, mark.finished) == (True, None)

    told(monkeypatch, story)


# -- migrations ------------------------------------------------------------------------------------------


def test_a_read_model_that_is_rebuilt_reads_everything_again_and_is_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def story(house: House) -> None:
        await lived(house, *first_days(house), *later_days(house))
        archive, store = house.services["archive"], house.store
        wanted, links = states(house)["archive"], store.all_links("archive")
        before = {row["_id"]: row for row in await store.positions("archive")}
        kept = (len(links), len(store.documents("archive")))
        deleted = await rebuild(house.settings, store, archive)  # type: ignore[arg-type]
        assert (deleted["links"], deleted["cases"]) == kept
        assert set(deleted) == {"links", "ids", "parked", "cases"}
        assert store.documents("archive") == store.all_links("archive") == {}
        for row in await store.positions("archive"):
            assert row["epoch"] == before[row["_id"]]["epoch"] + 1
            assert {one["next"] for one in row["inputs"]} == {0}
            assert {one["processed"] for one in row["inputs"]} == {0}
        assert set(house.log.group(archive.group).committed.values()) == {0}
        await lived(house)
        assert states(house)["archive"] == wanted
        again = store.all_links("archive")
        assert sorted(str(one["id"]) for one in again.values()) == sorted(
            str(one["id"]) for one in links.values()
        )
        assert house.alarms() == []

    told(monkeypatch, story)


def test_a_rebuild_that_dies_anywhere_keeps_other_work_from_it_until_it_is_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def story(house: House) -> None:
        await lived(house, *first_days(house))
        archive, copy = house.services["archive"], house.copy()

        async def rebuilt() -> None:
            await rebuild(house.settings, house.store, archive)  # type: ignore[arg-type]

        house.store.writes = 0
        await rebuilt()
        writes = house.store.writes
        assert writes >= 7
        for dies_at in range(1, writes + 1):
            house.put_back(copy)
            house.store.writes, house.store.dies_at = 0, dies_at
            with pytest.raises(UnavailableError):
                await rebuilt()
            if dies_at > 1:
                with pytest.raises(FatalError, match="a rebuild of archive was begun") as half:
                    await house.store.refuse_half_done()
                assert "parley migrate rebuild archive" in str(half.value)
                with pytest.raises(FatalError, match="was begun"):
                    await replay(house.settings, house.store, house.services["back"], "front.events")  # type: ignore[arg-type]
            await rebuilt()
            await house.store.refuse_half_done()
            assert house.store.documents("archive") == {}

    told(monkeypatch, story)


def test_an_input_that_is_read_again_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(house: House) -> None:
        await lived(house, *first_days(house), *later_days(house))
        wanted, said = states(house), {name: house.said(name) for name in ("front", "middle", "back")}
        back = house.services["back"]
        before = {row["_id"]: row for row in await house.store.positions("back")}
        total = sum(len(house.log.records("front.events", n)) for n in range(2))
        assert await replay(house.settings, house.store, back, "front.events") == total > 0  # type: ignore[arg-type]
        for document in house.store.documents("back").values():
            assert document["out"] == [], "what is known to be published is not said again"
        for row in await house.store.positions("back"):
            old = {one["topic"]: one for one in before[row["_id"]]["inputs"]}
            for one in row["inputs"]:
                if one["topic"] == "front.events":
                    assert (one["next"], one["processed"]) == (0, 0)
                    assert one["closed"] == old["front.events"]["closed"]
                else:
                    assert one == old[one["topic"]]
        await lived(house)
        assert states(house) == wanted
        assert {name: house.said(name) for name in said} == said
        assert house.alarms() == []

    told(monkeypatch, story)


def test_what_a_migration_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(house: House) -> None:
        store: Any = house.store
        middle, archive = house.services["middle"], house.services["archive"]

        async def refused(told: str, *, service: Any = middle, topic: str = "front.events") -> None:
            before = store.contents()
            with pytest.raises(RefusedError, match=told):
                await replay(house.settings, store, service, topic)
            assert store.contents() == before

        house.start_all()
        await house.settle()
        await refused(r"Replicas are running: middle \(1\)")
        with pytest.raises(RefusedError, match=r"archive \(1\)"):
            await rebuild(house.settings, store, archive)
        await house.stop()
        await refused("not obeyed again", topic="ops.commands")
        await refused(
            r"middle does not read bank\.events\.\s+It reads front\.events, desk\.events, back\.events\.",
            topic="bank.events",
        )
        with pytest.raises(RefusedError, match="middle publishes"):
            await rebuild(house.settings, store, middle)
        await lived(house, *first_days(house), lambda: house.say(Bad(at="middle", kind="heal"), D2))
        await refused("Cases are held by middle")
        house.world.healed = True
        await lived(house, lambda: house.replay("middle"))
        await store.write_note("partitions", {"under_way": False, "eras": [{"count": 1}]})
        await refused("The partition count has been changed")
        with pytest.raises(RefusedError, match="The partition count has been changed"):
            await rebuild(house.settings, store, archive)
        await store.write_note("partitions", {"under_way": False, "eras": []})
        house.log.trim(TopicPartition("front.events", 0), 1)
        await refused(r"Retention has removed the start of a topic: front\.events\[0\] begins at 1")
        with pytest.raises(RefusedError, match="Retention has removed"):
            await rebuild(house.settings, store, archive)
        house.log.trim(TopicPartition("front.events", 0), 0)
        void = {"_id": "x", "topic": "front.events", "partition": 0, "start": 0, "end": 1}
        await store.put(OWNER, "voids", void)
        await refused(r"made records void on front\.events")
        with pytest.raises(RefusedError, match="made records void"):
            await rebuild(house.settings, store, archive)
        store.other.pop((OWNER, "voids"))
        assert await replay(house.settings, store, middle, "front.events") > 0

    told(monkeypatch, story)


@pytest.mark.parametrize("seen_at", [1, 2])
def test_a_replica_that_was_just_starting_is_seen_before_anything_is_deleted(
    monkeypatch: pytest.MonkeyPatch, seen_at: int
) -> None:
    async def story(house: House) -> None:
        await lived(house, *first_days(house))
        store: Any = house.store
        documents, looks = store.documents("archive"), 0

        async def late(_settings: Any, groups: Any) -> dict[str, int]:
            nonlocal looks
            looks += 1
            return dict.fromkeys(groups, 1) if looks == seen_at else {}

        monkeypatch.setattr(migrate, "groups_with_members", late)
        before = await store.positions("back")
        with pytest.raises(RefusedError, match=r"Replicas are running: back \(1\)"):
            await replay(house.settings, store, house.services["back"], "front.events")
        assert await store.positions("back") == before
        looks = 0
        with pytest.raises(RefusedError, match=r"Replicas are running: archive \(1\)"):
            await rebuild(house.settings, store, house.services["archive"])
        assert store.documents("archive") == documents

    told(monkeypatch, story)


def test_a_migration_waits_for_another_one_to_end_and_for_its_topics(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(house: House) -> None:
        await lived(house, *first_days(house))
        store: Any = house.store
        archive, back = house.services["archive"], house.services["back"]
        other = {"under_way": True, "what": "a growth", "command": "parley migrate partitions", "eras": []}
        await store.write_note("partitions", other)
        with pytest.raises(FatalError, match="a growth was begun"):
            await rebuild(house.settings, store, archive)
        with pytest.raises(FatalError, match="a growth was begun"):
            await replay(house.settings, store, back, "front.events")
        await store.write_note("partitions", {**other, "under_way": False})

        async def none(*_: object) -> dict[Any, Any]:
            return {}

        monkeypatch.setattr(migrate, "end_offsets", none)
        with pytest.raises(RefusedError, match=r"There is no topic front\.events"):
            await replay(house.settings, store, back, "front.events")

    told(monkeypatch, story)


def test_somebody_who_writes_documents_meanwhile_ends_a_migration(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(house: House) -> None:
        await lived(house, *first_days(house))
        store: Any = house.store
        stale = next(iter(store.documents("middle").values()))
        with pytest.raises(RefusedError, match="Somebody else writes documents of middle"):
            await migrate.replace_documents(store, "middle", [stale])

    told(monkeypatch, story)


def test_somebody_who_writes_positions_meanwhile_ends_a_migration(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(house: House) -> None:
        await lived(house, *first_days(house))
        store: Any = house.store
        raised = store.raise_epoch

        async def twice(service: str, partitions: Any) -> Any:
            found = await raised(service, partitions)
            await raised(service, [0])
            return found

        store.raise_epoch = twice
        with pytest.raises(RefusedError, match="Somebody else has written the positions of middle"):
            await replay(house.settings, store, house.services["middle"], "front.events")

    told(monkeypatch, story)


def test_the_next_replica_may_be_stopped_only_where_another_one_is_left_that_keeps_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def story(house: House) -> None:
        await lived(house, *first_days(house))
        store: Any = house.store
        middle, back = house.services["middle"], house.services["back"]
        groups = {"parley.middle": Group("Stable", 2), "parley.back": Group("Stable", 2)}

        async def standing(_: Any, group: str) -> Group:
            return groups[group]

        async def reasons() -> list[str]:
            return await migrate.unready(house.settings, store, [middle, back], most_behind=3)

        monkeypatch.setattr(migrate, "group_standing", standing)
        assert await reasons() == []
        groups["parley.middle"] = Group("PreparingRebalance", 1)
        groups["parley.back"] = Group("Stable", 1)
        first, second = await reasons()
        assert first == "middle: its partitions are being shared out (PreparingRebalance): wait."
        assert second.startswith("back: 1 replica runs: start another one first")
        groups["parley.middle"], groups["parley.back"] = Group("Stable", 3), Group("Empty", 0)
        (none,) = await reasons()
        assert none.startswith("back: no replica runs")
        groups["parley.back"] = Group("Stable", 2)
        for n in range(4):
            assert await reasons() == []
            house.tell("front", Open(), 50 + n)
        assert await reasons() == ["middle: 4 records behind: wait.", "back: 4 records behind: wait."]
        await lived(house)
        assert await reasons() == []
        one = next(iter(store.documents("back").values()))
        schema = [one["schema"][0], one["schema"][1] + 1]
        await store.replace_many("back", [{**one, VERSION: one[VERSION] + 1, "schema": schema}])
        (newer,) = await reasons()
        assert newer.startswith("back: a newer version has written its documents")

    told(monkeypatch, story)
