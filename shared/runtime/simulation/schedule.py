"""One schedule: a history lived by the real engine under chaos, then compared with the oracle."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from shared.contracts.cloudevents import DecodeError, decode, encode
from shared.contracts.envelope import Envelope
from shared.contracts.ops import Discard, Replay
from shared.contracts.runtime import CaseHeld, CaseReleased, ServiceDayClosed
from shared.runtime.limits import Limits
from shared.runtime.ports import Outgoing, Record
from shared.runtime.service import Service
from shared.runtime.simulation.loop import run_virtual
from shared.runtime.simulation.oracle import Oracle, run_oracle
from shared.runtime.simulation.script import Day, Script, make_script, marker_of, outgoing
from shared.runtime.simulation.toy import PERMANENT, Accept, Bad, toy_services
from shared.runtime.simulation.world import Chaos, World

__all__ = ["Outcome", "run_schedule"]

PATIENCE = 3_000.0
"""Virtual seconds after which a schedule that has not come to rest is stuck."""


@dataclass(slots=True)
class Outcome:
    """What was wrong with one schedule, and what it went through."""

    seed: int
    wrong: list[str] = field(default_factory=list)
    faults: int = 0
    records: int = 0
    alarms: dict[str, int] = field(default_factory=dict)


def run_schedule(seed: int, *, calm: bool = False) -> Outcome:
    """Run and check one schedule. `calm`: no faults."""
    rng = random.Random(seed)  # noqa: S311
    partitions = rng.choice((1, 2, 2, 3))
    limits = Limits(
        partitions=partitions,
        batch_records=rng.choice((1, 3, 20)),
        poll_seconds=5.0,
        page_documents=rng.choice((1, 2, 50)),
        document_bytes=60_000,
        document_reserve=8_000,
        drain_seconds=rng.choice((1.0, 20.0)),
        backoff_first=0.1,
        backoff_most=2.0,
        conflicts=3,
    )
    script = make_script(rng, partitions, days=rng.choice((3, 4, 5)), customers=rng.choice((1, 2, 3)))
    oracle = run_oracle(script)
    outcome = Outcome(seed)
    world = World(seed, lambda w: toy_services(w, archive=rng.random() < 0.3), limits)
    if not calm:
        world.chaos = Chaos(
            crash=rng.choice((0.0, 0.002, 0.01)),
            freeze=rng.choice((0.0, 0.002, 0.008)),
            fail=rng.choice((0.0, 0.01, 0.04)),
            budget=rng.choice((2, 5, 12, 25)),
            breaks=rng.choice((0.0, 0.0, 0.003, 0.01)),
        )
    budget = world.chaos.budget
    try:
        run_virtual(_live(world, script, rng))
        _compare(world, script, oracle, outcome)
    except _StuckError as error:
        outcome.wrong.append(str(error))
    for fatal in world.fatal:
        outcome.wrong.append(f"an engine ended: {type(fatal).__name__}: {fatal}")
    outcome.faults = budget - world.chaos.budget
    outcome.records = sum(len(world.log.topic(topic)) for topic in world.log.topics)
    for name, _ in world.telemetry.alarms:
        outcome.alarms[name] = outcome.alarms.get(name, 0) + 1
        if name in {"gap", "two-ids"}:
            outcome.wrong.append(f"alarm: {name}")
    return outcome


class _StuckError(Exception):
    pass


async def _live(world: World, script: Script, rng: random.Random) -> None:
    for service in world.services:
        for number in range(rng.choice((1, 1, 2))):
            world.start(service, f"{service.name}{number}")
    days = list(script.days)
    extra = [Day(days[-1].day + timedelta(days=n + 1)) for n in range(3)]
    world.spawn(_operate(world))
    for day in days:
        await _publish(world, day, rng)
        await asyncio.sleep(rng.choice((0.0, 0.0, 0.02, 1.0)))
        if rng.random() < 0.1 and len(world.processes) < 9:
            service = rng.choice(world.services)
            world.start(service, f"{service.name}-late")
    world.healed = True
    await _rest(world, days[-1].day)
    world.chaos.budget = 0
    # The due work of cases that were held is done by the first closes after their release.
    for day in extra:
        await _publish(world, day, rng)
        await _rest(world, day.day)


async def _publish(world: World, day: Day, rng: random.Random) -> None:
    """Say the day's facts in any interleaving of the topics, then close it on every partition."""
    lanes: list[list[Outgoing]] = [
        [outgoing(envelope) for envelope in day.bank],
        [outgoing(envelope) for envelope in day.desk],
        list(day.rubbish),
    ]
    while any(lanes):
        lane = rng.choice([lane for lane in lanes if lane])
        world.log.append(lane.pop(0))
        if rng.random() < 0.3:
            await asyncio.sleep(rng.random() * 0.05)
    markers = marker_of(day.day, range(world.limits.partitions))
    rng.shuffle(markers)
    for marker in markers:
        world.log.append(marker)
        if rng.random() < 0.2:  # a core system that says it twice
            world.log.append(marker)
        await asyncio.sleep(rng.random() * 0.02)


async def _rest(world: World, day: date) -> None:
    """Wait until `day` is closed everywhere, everything is read and nothing is parked."""
    loop = asyncio.get_running_loop()
    until = loop.time() + PATIENCE
    while True:
        if world.fatal:
            raise _StuckError("an engine has ended")
        unread = await _unread(world, day)
        parked = [
            document["_id"]
            for service in world.services
            for document in world.store.documents(service.name).values()
            if document["park"] is not None
        ]
        if not unread and not (world.healed and parked):
            return
        if loop.time() > until:
            raise _StuckError(f"stuck: waited for {day}; unread {unread[:4]}, parked {parked[:4]}")
        await asyncio.sleep(5)


async def _unread(world: World, day: date) -> list[str]:
    unread = []
    for service in world.services:
        positions = {document["_id"]: document for document in await world.store.positions(service.name)}
        for number in range(world.limits.partitions):
            rows = {row["topic"]: row["next"] for row in positions.get(number, {}).get("inputs", ())}
            if service.waits_for and positions.get(number, {}).get("done") != day.isoformat():
                unread.append(f"{service.name}[{number}]: {positions.get(number, {}).get('done')} closed")
            for topic in service.topics:
                end = len(world.log.records(topic, number))
                if rows.get(topic, 0) != end:
                    unread.append(f"{service.name}: {topic}[{number}] {rows.get(topic, 0)} of {end}")
    return unread


# -- the operator -----------------------------------------------------------------------------------------


async def _operate(world: World) -> None:
    """Discard what no version will heal, replay the rest, again and again."""
    count = 0
    while True:
        await asyncio.sleep(1 + world.rng.random() * 8)
        for service in world.services:
            for document in world.store.documents(service.name).values():
                if document["park"] is None or world.rng.random() < 0.3:
                    continue
                count += 1
                command = _command(world, service, document, count)
                world.log.append(command)


def _command(world: World, service: Service, document: dict[str, Any], count: int) -> Outgoing:
    rows: dict[str, Record] = {}
    for waiting in document["waiting"]:
        topic, offset, key, value, headers = waiting[:5]
        if waiting[-1] and topic not in rows:
            named = tuple((name, content) for name, content in headers)
            rows[topic] = Record(topic, document["partition"], offset, key, value, named)
    for row in sorted(world.store.all_parked(service.name), key=lambda row: row.record.offset):
        held = rows.get(row.record.topic)
        if row.document == document["_id"] and (held is None or held.offset > row.record.offset):
            rows[row.record.topic] = row.record
    data: Replay | Discard = Replay(service=service.name, document=document["_id"])
    for record in rows.values():
        if _hopeless(service, record):
            data = Discard(
                service=service.name,
                document=document["_id"],
                topic=record.topic,
                partition=record.partition,
                offset=record.offset,
                reason="cannot be healed",
            )
            break
    moment = datetime(2026, 3, 1, tzinfo=UTC)
    key, value, headers = encode(Envelope(f"cmd-{count}", "/ops", moment, document["key"], data))
    return Outgoing("ops.commands", key, value, tuple(headers))


def _hopeless(service: Service, record: Record) -> bool:
    try:
        data = decode(record.key, record.value, record.headers).data
    except DecodeError:
        return True
    if isinstance(data, Accept):
        return data.bad and service.name == "middle"
    return isinstance(data, Bad) and data.at == service.name and data.kind in PERMANENT


# -- the checks -------------------------------------------------------------------------------------------


def _compare(world: World, script: Script, oracle: Oracle, outcome: Outcome) -> None:
    last = script.days[-1].day
    for day in range(1, 4):
        oracle.close(last + timedelta(days=day))
    _states(world, oracle, outcome)
    emitted = _emissions(world, outcome)
    _same_emissions(script, oracle, emitted, outcome)
    _positions(world, last + timedelta(days=3), outcome)
    _archive(world, outcome)
    _leftovers(world, outcome)


def _states(world: World, oracle: Oracle, outcome: Outcome) -> None:
    for cell in oracle.cells:
        name = cell.service.name
        documents = world.store.documents(name)
        for id_, state in cell.states.items():
            got = documents.get(id_, {}).get("state")
            want = state.model_dump(mode="json") if state is not None else None
            if _comparable(got) != _comparable(want):
                outcome.wrong.append(f"{name} {id_[:8]}: state {got}, not {want}")
        for id_ in documents.keys() - cell.states.keys():
            if documents[id_]["state"] is not None:
                outcome.wrong.append(f"{name} {id_[:8]}: a document that should not be")


def _comparable(state: dict[str, Any] | None) -> Any:
    """Leave out what may depend on how topics interleave: who was free, and the order of sums."""
    if state is None:
        return None
    free = {key: value for key, value in state.items() if key not in {"owner", "bomb"}}
    if "payments" in free:
        free["payments"] = sorted(free["payments"])
    if "signed" in free:
        free["signed"] = sorted(free["signed"])
    return free


def _emissions(world: World, outcome: Outcome) -> dict[tuple[str, str], list[Envelope[Any]]]:
    """Give each case's emissions in order, each once; check sequences, ids and keys."""
    found: dict[tuple[str, str], dict[int, Envelope[Any]]] = {}
    for service in world.services:
        if not service.emits:
            continue
        ids: dict[str, tuple[str, int]] = {}
        for record in world.log.topic(service.topic):
            message = decode(record.key, record.value, record.headers)
            if isinstance(message.data, ServiceDayClosed):
                continue
            at = (service.name, message.case)
            assert message.sequence is not None  # noqa: S101
            first = found.setdefault(at, {}).setdefault(message.sequence, message)
            if first.id != message.id:
                outcome.wrong.append(f"{at}: sequence {message.sequence} carries two ids")
            if ids.setdefault(message.id, (message.case, message.sequence)) != (
                message.case,
                message.sequence,
            ):
                outcome.wrong.append(f"{at}: one id on two sequences")
            if message.sequence > len(found[at]):
                outcome.wrong.append(f"{at}: sequence {message.sequence} before {len(found[at])}")
    return {at: [messages[n] for n in sorted(messages)] for at, messages in found.items()}


def _same_emissions(
    script: Script,
    oracle: Oracle,
    emitted: dict[tuple[str, str], list[Envelope[Any]]],
    outcome: Outcome,
) -> None:
    for at in {*oracle.emitted, *emitted}:
        got = [
            (message.data.TYPE, message.data.model_dump_json())
            for message in emitted.get(at, [])
            if not isinstance(message.data, CaseHeld | CaseReleased)
        ]
        holds = len(emitted.get(at, [])) - len(got)
        want = oracle.emitted.get(at, [])
        customer = next((m.key for m in emitted.get(at, [])), None)
        if customer in script.sick:
            got, want = _net(got), _net(want)
        elif holds:
            outcome.wrong.append(f"{at}: held without a reason")
        if sorted(got) != sorted(want):
            outcome.wrong.append(f"{at}: emitted {got}, not {want}")


def _net(emitted: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Keep the last verdict on each instalment.

    A late fact corrects an early conclusion, or there was none.
    """
    last: dict[tuple[str, str], tuple[str, str]] = {}
    for type_, body in emitted:
        item = body.split('"kept"')[0] if "judged" in type_ else body
        last[type_, item] = (type_, body)
    return list(last.values())


def _positions(world: World, last: date, outcome: Outcome) -> None:
    """Every day is closed everywhere, and the counts add up to what was read."""
    for service in world.services:
        for document in asyncio.run(world.store.positions(service.name)):
            if service.waits_for and document["done"] != last.isoformat():
                outcome.wrong.append(f"{service.name}[{document['_id']}]: closed {document['done']}")
            for row in document["inputs"]:
                total = row["processed"] + row["duplicates"] + row["dead_lettered"]
                if total != row["next"]:
                    outcome.wrong.append(f"{service.name}: {row['topic']}: {total} counted of {row['next']}")


def _archive(world: World, outcome: Outcome) -> None:
    """The chain holds every message once, without a hole."""
    documents = world.store.documents("archive")
    links = [body for body in world.store.all_links("archive").values() if "number" in body]
    for key, document in documents.items():
        if document["state"] is None:
            continue
        chain = sorted(body["number"] for body in links if body["key"] == key)
        if chain != list(range(1, document["state"]["entries"] + 1)):
            outcome.wrong.append(f"archive: the chain has {len(chain)} of {document['state']['entries']}")
        ids = [(body["source"], body["id"]) for body in links if body["key"] == key]
        if len(ids) != len(set(ids)):
            outcome.wrong.append("archive: a message stands in the chain twice")


def _leftovers(world: World, outcome: Outcome) -> None:
    for service in world.services:
        for document in world.store.documents(service.name).values():
            if document["held"]:
                outcome.wrong.append(f"{service.name}: still held at the end: {document['holds']}")
            if document["waiting"]:
                outcome.wrong.append(f"{service.name}: facts still wait at the end")
        lost = [row for row in world.store.all_parked(service.name) if not _known(world, service, row)]
        if lost:
            outcome.wrong.append(f"{service.name}: {len(lost)} parked records were forgotten")


def _known(world: World, service: Service, row: Any) -> bool:
    """A row that is left must be a stray of a replica that had lost.

    The document has dealt with its record.
    """
    document = world.store.documents(service.name).get(row.document)
    return document is not None
