"""A seeded nemesis sets upon replicas, servers and topics: everything adds up afterwards, poison apart.

`make test-faults SEED=7` lives the longer lives with a seed of one's own, and shows what was done and how
long it took to be got over (shown only: a test does not judge how fast a machine is).
"""

from __future__ import annotations

import os
import sys
from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from deploy.demo import live
from deploy.demo.live import KafkaPlatform
from deploy.embedded.platform import Addresses
from services.cli.catalogue import load_all
from services.console.audit import audit
from shared.contracts.envelope import Envelope
from shared.contracts.runtime import ServiceDayClosed
from shared.runtime.admin import prepare
from tests.fault.checker import SERVICES, Evidence, Seen, examine
from tests.fault.clustered import Clustered
from tests.fault.evidence import gather
from tests.fault.garbage import Rubbish, raw
from tests.fault.house import processes_of
from tests.fault.living import day, differences, outcomes, undisturbed, world
from tests.fault.nemesis import MARK, PARTITIONS, STRANGER, Nemesis, Servers, times_to_recover
from tests.fault.plan import (
    BLOWS,
    BLOWS_OF_THREE,
    BROKERS,
    FEWEST,
    MOST_MORE,
    OF_THREE,
    SESSION_SECONDS,
    WORDS,
    Fault,
    Kind,
    living_after,
    plan,
)
from tests.fault.test_garbage import Place, Vandal
from tests.runtime.support import fresh, settings_of

SEED = int(os.environ.get("PARLEY_FAULT_SEED", "1"))
SEEDS = range(1, 21)
SIZES = (1, 2, 4)
PARKED = "case-is-parked"
BRIEF = {"seed": 1, "days": 9, "replicas": 2}
BRIEF_OF_THREE = {"seed": 1, "days": 7, "replicas": 2, "brokers": BROKERS, "together": 1.0}
OF_ONE = set(Kind) - set(OF_THREE)
READERS = {
    topic: {service.name for service in load_all() if topic in service.topics}
    for topic in (
        "bank.events",
        "desk.events",
        "ops.commands",
        *(f"{service}.events" for service in SERVICES),
    )
}


# -- the plan


def test_the_same_seed_gives_the_same_plan_and_another_one_another() -> None:
    for replicas in SIZES:
        drawn = {tuple(plan(seed, 30, replicas)) for seed in SEEDS}
        assert len(drawn) == len(SEEDS)
        assert {tuple(plan(seed, 30, replicas)) for seed in SEEDS} == drawn


def test_every_kind_of_fault_occurs_in_every_life() -> None:
    assert {fault.kind for fault in plan(**BRIEF)} == OF_ONE
    assert {fault.kind for fault in plan(**BRIEF_OF_THREE)} >= set(BLOWS_OF_THREE)
    for seed in SEEDS:
        assert {fault.kind for fault in plan(seed, 12, 2)} == OF_ONE
        assert {fault.kind for fault in plan(seed, 14, 2, brokers=BROKERS)} == {*BLOWS_OF_THREE, *WORDS}
        for replicas in SIZES:
            assert {fault.kind for fault in plan(seed, 30, replicas)} == OF_ONE


def test_of_three_brokers_one_at_a_time_is_hit_and_long_enough_to_be_noticed() -> None:
    for seed in SEEDS:
        faults = plan(seed, 14, 2, brokers=BROKERS)
        hit = [fault for fault in faults if fault.kind in OF_THREE]
        assert len({fault.day for fault in hit}) == len(hit)
        assert {fault.broker for fault in hit} <= {1, 2, 3}
        assert all(fault.lasting > SESSION_SECONDS for fault in hit
                   if fault.kind in {Kind.CUT_OFF, Kind.PAUSE_NODE})  # fmt: skip
        assert all(fault.broker is None for fault in faults if fault not in hit)


def test_a_topic_may_be_any_and_a_partition_is_wrong_only_where_somebody_looks() -> None:
    said = [fault for seed in SEEDS for fault in plan(seed, 30, 2) if fault.topic]
    assert {fault.topic for fault in said} == set(READERS)
    external = {"bank.events", "desk.events", "ops.commands"}
    assert {fault.topic for fault in said if fault.kind is Kind.MISPLACED} == external


def test_a_fault_is_healed_and_never_is_nobody_left() -> None:
    for seed in SEEDS:
        for replicas in SIZES:
            faults = plan(seed, 30, replicas)
            for number, fault in enumerate(faults):
                living = living_after(faults[:number], replicas)
                assert min(replicas, FEWEST) <= living <= replicas + MOST_MORE
                assert fault.replica is None or fault.replica < living
                if fault.kind is Kind.PAUSE_REPLICA:
                    assert fault.lasting > SESSION_SECONDS, "it is not a zombie before its session is over"
                assert fault.lasting < SESSION_SECONDS * 2
            assert living_after(faults, replicas) >= min(replicas, FEWEST)


def test_the_first_and_the_last_day_are_calm_and_on_one_day_nothing_is_hit_twice() -> None:
    for seed in SEEDS:
        faults = plan(seed, 30, 2)
        assert {fault.day for fault in faults} == set(range(1, 29))
        for number in range(1, 29):
            bodies = [fault.kind.body for fault in faults if fault.day == number and fault.kind in BLOWS]
            assert 1 <= len(bodies) == len(set(bodies))
        assert [fault.day for fault in faults] == sorted(fault.day for fault in faults)


def test_a_plan_is_told_in_one_line_for_each_fault() -> None:
    told = [str(fault) for fault in plan(3, 12, 2)]
    assert len(set(told)) == len(told)
    assert (
        str(Fault(4, 0.25, Kind.PAUSE_REPLICA, 7.5, 1))
        == "day  4 + 0.25 s: pause a replica (number 1) for 7.5 s"
    )
    assert (
        str(Fault(4, 0.25, Kind.BYTES, topic="bank.events"))
        == "day  4 + 0.25 s: undecodable bytes on bank.events"
    )


# -- the lives


def tell(*lines: str) -> None:
    """Show with `pytest -s`."""
    sys.stdout.write("\n".join((*lines, "")))


def judge(evidence: Evidence, faults: list[Fault], poisoned: Mapping[Place, int]) -> None:
    """Nothing is wrong but what was poisoned, and all of that lies in the dead letters with a reason."""
    letters: dict[int, dict[str, str]] = defaultdict(dict)
    for one in evidence.records:
        if one.topic.endswith(".dead-letter"):
            at = tuple(one.headers[f"parley-{name}"] for name in ("topic", "partition", "offset"))
            # What is too large for a letter is only named by it: it has no headers but the letter's own.
            number = one.headers.get(MARK) or poisoned.get((at[0], int(at[1]), int(at[2])))
            assert number is not None, f"{one.topic} holds what nobody poisoned: {at}"
            letters[int(number)][one.topic.removesuffix(".dead-letter")] = one.headers["parley-reason"]
    poison = {number: fault for number, fault in enumerate(faults) if fault.kind.poison}
    assert letters.keys() == poison.keys()
    for number, fault in poison.items():
        assert letters[number].keys() == READERS[fault.topic], str(fault)
        right = "wrong-partition" if fault.kind is Kind.MISPLACED else "undecodable"
        for service, reason in letters[number].items():
            # Intake has parked the stranger at the first of them; the rest waits behind it.
            assert reason == right or (service == "intake" and reason == PARKED), (
                str(fault),
                service,
                reason,
            )
    sound = [one for one in evidence.records if MARK not in one.headers]
    found = {str(finding) for finding in examine(Evidence(sound, evidence.documents))}
    assert found <= {f"parked: intake {STRANGER}"}


def test_the_time_to_recover_is_told_for_each_kind_of_fault() -> None:
    told = times_to_recover({Kind.KILL_LEADER: [3.0, 1.0, 2.0], Kind.BYTES: [0.0], Kind.CUT_OFF: []})
    assert told == [
        "time to recover, kill the broker that leads: 3 times, half within 2.0 s, all within 3.0 s",
        "time to recover, undecodable bytes: 1 times, half within 0.0 s, all within 0.0 s",
    ]


def letter(service: str, reason: str, fault: int | None) -> Seen:
    place = {"parley-topic": "bank.events", "parley-partition": "2", "parley-offset": "9"}
    mark = {} if fault is None else {MARK: str(fault)}
    return Seen(f"{service}.dead-letter", 0, 0, STRANGER, {**mark, **place, "parley-reason": reason}, b"?")


def test_the_judge_misses_no_letter_and_takes_no_other() -> None:
    faults = [Fault(1, 0.1, Kind.KILL_BROKER), Fault(1, 0.1, Kind.BYTES, topic="bank.events")]
    (first, *rest) = sorted(READERS["bank.events"])
    right = [letter(service, "undecodable", 1) for service in (first, *rest)]
    judge(Evidence(right), faults, {})
    judge(Evidence([letter(first, "undecodable", None), *right[1:]]), faults, {("bank.events", 2, 9): 1})
    for wrong, why in (
        (right[1:], "bank.events"),
        ([], "dict_keys"),
        ([*right, letter("alert", "undecodable", 1)], "bank.events"),
        ([*right, letter(first, "undecodable", None)], "nobody poisoned"),
        ([letter(first, "wrong-partition", 1), *right[1:]], "wrong-partition"),
    ):
        with pytest.raises(AssertionError, match=why):
            judge(Evidence(wrong), faults, {})
    parked = {"intake.cases": [{"_id": "C-1", "park": ["failed", "bank.events/0/1"]}]}
    with pytest.raises(AssertionError, match="parked: intake C-1"):
        judge(Evidence(right, parked), faults, {})


async def lived_through(
    folder: Path, *, seed: int, customers: int, days: int, replicas: int, calm: int = 0, **how: Any
) -> None:
    """Live the days under the plan of that seed, then some calm ones, and check what came of them."""
    faults = plan(seed, days, replicas, **how)
    days += calm
    tell(f"\nseed {seed}, {replicas} replicas, {customers} customers, {days} days, {how}")
    tell(*map(str, faults))
    servers = Clustered(folder / "data") if "brokers" in how else Servers(folder / "data")
    try:
        async with servers, Nemesis(servers, faults, replicas=replicas) as nemesis:
            async with KafkaPlatform(nemesis.settings, load_all()) as inner:
                await world(nemesis.besieging(inner), customers=customers, days=days, seed=seed).live()
            assert len(nemesis.replicas) == living_after(faults, replicas)
            # Before they go: who is left for a moment takes over, and says markers that nobody reads then.
            checked = await audit(nemesis.settings, load_all())
            await nemesis.stop()
            told = await outcomes(nemesis.settings)
            evidence = await gather(servers.addresses["KAFKA_BOOTSTRAP"], servers.addresses["MONGODB_URI"])
        assert processes_of(servers.folder) == []
    finally:
        for process in processes_of(servers.folder):
            process.kill()
    tell(nemesis.report())
    assert [text for check in checked.checks for text in check.findings] == []
    judge(evidence, faults, nemesis.poisoned)
    assert told
    same = await undisturbed(customers=customers, days=days, seed=seed, partitions=PARTITIONS)
    assert differences(told, same) == []


@pytest.mark.kafka
async def test_a_day_that_was_closed_stays_closed_when_an_older_close_is_said_again(
    servers: Addresses, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A zombie may say its last close again after its heir has said the next one."""
    monkeypatch.setattr(live, "_STALL_SECONDS", 5.0)
    settings = settings_of(servers, prefix=fresh("n."), partitions=1)
    await prepare(settings, load_all())
    async with Vandal(settings) as vandal, KafkaPlatform(settings, load_all()) as platform:
        for service in SERVICES:
            for today in (day(0), day(1), day(0)):
                data = ServiceDayClosed(day=today, service=service)
                moment = datetime(today.year, today.month, today.day, 23, tzinfo=UTC)
                marker = Envelope(f"{service} {today}", f"/parley/{service}", moment, "day", data)
                await vandal.throw(f"{service}.events", Rubbish("a close", *raw(marker), partition=0))
        assert await platform.settled(day(1)) == []
        with pytest.raises(live.DemoStalled):
            await platform.settled(day(2))


@pytest.mark.kafka
@pytest.mark.slow
async def test_two_replicas_under_every_kind_of_fault(tmp_path: Path) -> None:
    await lived_through(tmp_path, customers=10, calm=3, **BRIEF)


@pytest.mark.kafka
@pytest.mark.slow
@pytest.mark.parametrize("replicas", SIZES)
async def test_a_longer_life_under_a_seed_of_ones_own(tmp_path: Path, replicas: int) -> None:
    await lived_through(tmp_path, seed=SEED, customers=20, days=30, replicas=replicas)


@pytest.mark.kafka
@pytest.mark.slow
async def test_three_brokers_of_which_one_is_always_in_trouble(tmp_path: Path) -> None:
    await lived_through(tmp_path, customers=10, calm=3, **BRIEF_OF_THREE)


@pytest.mark.kafka
@pytest.mark.slow
async def test_a_longer_life_on_three_brokers_under_a_seed_of_ones_own(tmp_path: Path) -> None:
    await lived_through(tmp_path, seed=SEED, customers=20, days=20, replicas=2, brokers=BROKERS)
