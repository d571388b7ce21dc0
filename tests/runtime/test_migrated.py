"""A stopped platform in memory: a read model rebuilt, an input read again, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from shared.runtime import migrate
from shared.runtime.kafka.groups import Group
from shared.runtime.migrate import rebuild, replay
from shared.runtime.ports import VERSION, FatalError, TopicPartition, UnavailableError
from shared.runtime.refused import RefusedError
from shared.runtime.simulation.toy import Bad, Open
from shared.runtime.voids import OWNER
from tests.runtime.in_memory import House, first_days, later_days, lived, states, told
from tests.runtime.rig import D2


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
