"""A platform in memory whose database is lost: an older backup is marked, put back and fitted."""

from __future__ import annotations

from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

import pytest

from shared.runtime.backup import read_mark, set_mark
from shared.runtime.ports import VERSION, FatalError, TopicPartition, UnavailableError
from shared.runtime.refused import RefusedError
from shared.runtime.restore import Report, plan_restore, restore
from shared.runtime.simulation.toy import Accept, Open, Pay
from shared.runtime.voids import OWNER, read_voids
from tests.runtime.in_memory import BOB, CommandStore, House, first_days, later_days, lived, states, told
from tests.runtime.rig import D1, D2


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
