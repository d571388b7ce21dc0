"""Two parked customers under the nemesis: a decider's bug and poison while everything around them is hit.

What `test_parked` tells of them holds while replicas, the broker and the database are killed, paused and
started again, on the day on which the two are parked too; and each command that frees them is given while
the replica that obeys it is killed, paused or restarted. `make test-faults SEED=7` draws other faults.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from deploy.demo.live import KafkaPlatform
from services.cli.catalogue import load_all
from services.console.audit import audit
from tests.fault.checker import Evidence, Seen
from tests.fault.evidence import gather
from tests.fault.house import processes_of
from tests.fault.living import day, differences, outcomes
from tests.fault.nemesis import Nemesis, Servers
from tests.fault.plan import BLOWS, SESSION_SECONDS, Fault, Kind, living_after, plan
from tests.fault.raising import RAISES, Raising
from tests.fault.test_garbage import Vandal
from tests.fault.test_nemesis import SEED, SEEDS, judge, tell
from tests.fault.test_parked import STATEMENT, Life, Victims, but_for_holds, calm, lived

LIFE = Life(customers=6, days=9, seed=57, replicas=1)  # they say early what they own
COMMANDS = 5  # that are given: two replays too soon, a replay, a discard, a replay
AGAINST_COMMANDS = {
    Kind.KILL_REPLICA: 0.5,
    Kind.PAUSE_REPLICA: SESSION_SECONDS + 1.0,
    Kind.RESTART_REPLICA: 0.0,
}
"""What befalls whoever has to obey a command, and for how many seconds."""


def besetting(seed: int) -> list[Fault]:
    """The faults of the life; two processes are hit on every day, so that it may be short."""
    return plan(seed, LIFE.days, LIFE.replicas, together=1.0)


def against_commands(seed: int, at: int, living: int) -> Iterator[Fault]:
    """What comes while a command is obeyed, one after the other, on the day with the number `at`."""
    draw = random.Random(f"{seed}/commands")
    kinds = [*AGAINST_COMMANDS, *draw.choices(list(AGAINST_COMMANDS), k=COMMANDS - len(AGAINST_COMMANDS))]
    draw.shuffle(kinds)
    for kind in kinds:
        moment = round(draw.uniform(0.3, 1.5), 2)  # the command is said after a second or so
        yield Fault(at, moment, kind, AGAINST_COMMANDS[kind], draw.randrange(living))


def only_theirs(evidence: Evidence, victims: Victims) -> Evidence:
    """See that of the victims only what had to is in the dead letters; give the evidence without it."""
    letters: Mapping[str, dict[str, Counter[str]]] = {
        victims.raising: defaultdict(Counter),
        victims.spoilt: defaultdict(Counter),
    }
    rest = []
    for one in evidence.records:
        if one.topic.endswith(".dead-letter") and one.key in letters:
            letters[one.key][one.topic.removesuffix(".dead-letter")][one.headers["parley-reason"]] += 1
        else:
            rest.append(one)
    raised, spoilt = letters[victims.raising], letters[victims.spoilt]
    assert raised.keys() == {"assessment"}
    assert raised["assessment"].keys() - {"case-is-parked"} == {"decider-failed"}
    assert spoilt.keys() == {"intake", "archive"}
    assert spoilt["archive"].keys() == {"undecodable"}
    assert spoilt["intake"].keys() - {"case-is-parked"} == {"undecodable"}
    return Evidence(rest, evidence.documents)


def test_whatever_the_seed_every_kind_of_blow_comes_and_the_victims_day_is_not_spared() -> None:
    _, victims = asyncio.run(calm(LIFE))
    for seed in SEEDS:
        faults = besetting(seed)
        assert {fault.kind for fault in faults} >= set(BLOWS)
        assert {fault.kind for fault in faults if fault.day == victims.day} & set(BLOWS)
        blows = list(against_commands(seed, victims.day, 2))
        assert {fault.kind for fault in blows} == set(AGAINST_COMMANDS)
        assert len(blows) == COMMANDS


def dead_letter(service: str, customer: str, reason: str) -> Seen:
    return Seen(f"{service}.dead-letter", 0, 0, customer, {"parley-reason": reason}, b"?")


def test_a_letter_of_the_victims_too_many_or_too_few_is_noticed() -> None:
    victims = Victims(1, "C-1", "C-2")
    right = [
        dead_letter("assessment", "C-1", "decider-failed"),
        dead_letter("intake", "C-2", "undecodable"),
        dead_letter("archive", "C-2", "undecodable"),
    ]
    other = dead_letter("intake", "C-3", "undecodable")
    assert only_theirs(Evidence([*right, other]), victims).records == [other]
    for number in range(len(right)):
        with pytest.raises(AssertionError):
            only_theirs(Evidence(right[:number] + right[number + 1 :]), victims)
    for more in (
        dead_letter("offer", "C-1", "case-is-parked"),
        dead_letter("assessment", "C-1", "undecodable"),
        dead_letter("intake", "C-2", "decider-failed"),
    ):
        with pytest.raises(AssertionError):
            only_theirs(Evidence([*right, more]), victims)


@pytest.mark.kafka
@pytest.mark.slow
async def test_a_bug_and_poison_under_the_nemesis(tmp_path: Path) -> None:
    same, victims = await calm(LIFE)
    faults = besetting(SEED)
    tell(f"\nseed {SEED}, {LIFE}, {victims}", *map(str, faults))
    servers = Servers(tmp_path / "data")
    bug = {RAISES: f"assessment {victims.raising} {STATEMENT}"}
    try:
        async with servers, Nemesis(servers, faults, replicas=LIFE.replicas, kind=Raising, **bug) as nemesis:
            async with Vandal(nemesis.settings) as vandal:
                await _besieged(nemesis, vandal, victims)
            assert len(nemesis.replicas) == living_after(faults, LIFE.replicas)
            found = await audit(nemesis.settings, load_all())  # before they go: see test_nemesis.py
            await nemesis.stop()
            told = await outcomes(nemesis.settings)
            evidence = await gather(servers.addresses["KAFKA_BOOTSTRAP"], servers.addresses["MONGODB_URI"])
        assert processes_of(servers.folder) == []
    finally:
        for process in processes_of(servers.folder):
            process.kill()
    tell(nemesis.report())
    assert [text for check in found.checks for text in check.findings] == []
    judge(only_theirs(evidence, victims), faults, nemesis.poisoned)
    assert differences(but_for_holds(told, (victims.raising, victims.spoilt)), same) == []


async def _besieged(nemesis: Nemesis, vandal: Vandal, victims: Victims) -> None:
    """Live the days under the nemesis; every command on the victims' day meets with a blow of its own."""
    # Those of the plan that come or go on that day have done so before the first command.
    until_then = [fault for fault in nemesis.faults if fault.day <= victims.day]
    blows = against_commands(SEED, victims.day, living_after(until_then, LIFE.replicas))

    async def blow() -> None:
        fault = next(blows)
        tell(f"with a command: {fault}")
        await asyncio.sleep(fault.after)
        await nemesis.hit(fault)

    async def mend() -> None:
        nemesis.env[RAISES] = ""  # whoever is added from now on has not the bug either
        for replica in nemesis.replicas:
            assert isinstance(replica, Raising)
            await replica.mend()

    async with KafkaPlatform(nemesis.settings, load_all()) as inner:
        platform = nemesis.besieging(inner)
        await lived(
            platform, nemesis.settings, vandal, LIFE, victims,
            mend, lambda: platform.struck(day(victims.day)), blow,
        )  # fmt: skip
    assert list(blows) == []
