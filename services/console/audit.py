"""The reconciliation on real data: reads every topic and every document, then runs the pure checks.

Used by `parley check` and by the demo's end. It reads what the runtime wrote and shares none of its code
but the readers of topics and documents.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from services.console.checkpoints import NEVER_SIGNED, check_archived, first_unsigned
from services.console.effects import Effects
from services.console.groups import Groups
from services.console.ledger import DebtLine, MoneyAudit
from services.console.mechanism import Mechanism
from services.console.model import CaseLine
from services.console.outcomes import Outcomes
from services.console.reads import CaseRow, archived_customers, case_rows, chains_of, spans_of
from services.console.reconcile import (
    Check,
    ServiceInputs,
    accounting,
    belongs,
    open_cases,
    receivers,
    sequences,
)
from services.console.reference import read_keys
from services.console.refusals import Refusal, Refusals
from shared.contracts.cloudevents import DecodeError, decode
from shared.contracts.envelope import Envelope
from shared.contracts.registry import PRODUCERS, SENDERS, topic_of
from shared.contracts.runtime import ServiceDayClosed
from shared.runtime.admin import end_offsets, read_documents, scan, wait_until_read
from shared.runtime.deadletters import PREFIX
from shared.runtime.growing import layout
from shared.runtime.mongo import MongoStore
from shared.runtime.ports import TopicPartition
from shared.runtime.service import Service
from shared.runtime.settings import Settings
from shared.runtime.voids import Voids, read_voids

__all__ = ["Audit", "audit", "spans_of"]

_READ_SECONDS = 10.0  # replicas save within some seconds what they have only passed over
_Place = tuple[str, int, int]
"""Topic, partition and offset."""


@dataclass(slots=True)
class Audit:
    """What the reconciliation found, and the figures that it came across.

    `skipped` counts the records that a restored backup has made void: they use up their sequences and are
    nothing else. The others are `records`.
    """

    checks: list[Check]
    cases: dict[str, CaseLine]
    debts: list[DebtLine]
    emitted: dict[str, Counter[str]] = field(default_factory=dict)
    records: int = 0
    inputs: int = 0
    skipped: int = 0
    effects: Effects = field(default_factory=Effects)
    outcomes: Outcomes = field(default_factory=Outcomes)
    mechanism: Mechanism = field(default_factory=Mechanism)
    groups: Groups = field(default_factory=Groups)
    refusals: Sequence[Refusal] = ()


async def audit(settings: Settings, services: Sequence[Service]) -> Audit:
    """Read everything and check it. Raises UnavailableError when a server goes away.

    Services that run are given some seconds to finish what is under way.
    """
    asked = await wait_until_read(settings, services, _READ_SECONDS)
    emitted: dict[str, Counter[str]] = {service: Counter() for service in SENDERS}
    messages: list[tuple[_Place, Envelope[Any]]] = []
    money, effects, outcomes, mechanism, groups = MoneyAudit(), Effects(), Outcomes(), Mechanism(), Groups()
    refusals = Refusals()
    records = inputs = skipped = 0
    voids = await read_voids(settings)
    void_messages: list[Envelope[Any]] = []
    dead = {service.name: await _dead_letters(settings, service, voids) for service in services}
    divided = await layout(settings, [topic_of(producer) for producer in PRODUCERS])
    for producer in PRODUCERS:
        topic = topic_of(producer)
        async for record in divided.ordered(scan(settings, topic)):
            is_void = voids.holds(topic, record.partition, record.offset)
            records += not is_void
            skipped += is_void
            try:
                message = decode(record.key, record.value, record.headers)
            except DecodeError:
                continue  # it is in the dead letters, and counted by `accounting`
            if not belongs(message, producer, record.partition, divided.count(record)):
                continue  # so is this
            if isinstance(message.data, ServiceDayClosed):
                if producer == "followup" and not is_void:
                    outcomes.closed(record.partition, message.data.day)
                continue
            if is_void:
                void_messages.append(message)
                continue
            place = (topic, record.partition, record.offset)
            if producer in emitted:
                messages.append((place, message))
                emitted[producer][message.type] += 1
                effects.saw(message)
                outcomes.saw(message)
                mechanism.saw(message)
                groups.saw(message)
                refusals.saw(message)
            else:
                inputs += 1
                refusals.saw(message)
            money.saw(message, undecided=place in dead.get("intake", ()))
    rows = await case_rows(settings)
    checks = [
        await _accounting(settings, services, voids, asked),
        sequences(chain(void_messages, (message for _, message in messages))),
        await _receivers(settings, services, messages, void_messages, dead),
        await _chains(settings),
        await money.check(read_documents(settings, "intake.cases", fields=("_id", "state"))),
        _open_cases(rows),
    ]
    lines = {row.case: row.line for row in rows}
    with_open_case = {row.customer for row in rows if row.line.close_reason is None}
    seen = (effects, outcomes, mechanism, groups, refusals.lines(with_open_case))
    return Audit(checks, lines, money.lines, emitted, records, inputs, skipped, *seen)


async def _accounting(
    settings: Settings,
    services: Sequence[Service],
    voids: Voids,
    asked: Mapping[TopicPartition, tuple[int, int]],
) -> Check:
    """`asked` are the topics' bounds when the audit began: what was said since, nobody need have read."""
    store = MongoStore(settings)
    await store.start()
    try:
        found: list[ServiceInputs] = []
        for service in services:
            positions = {p["_id"]: {row["topic"]: row for row in p.get("inputs", ())}
                         for p in await store.positions(service.name)}  # fmt: skip
            for (topic, partition), (first, _) in asked.items():
                if topic in service.topics:
                    row = positions.get(partition, {}).get(topic, {})
                    found.append(
                        ServiceInputs(
                            service.name,
                            topic,
                            partition,
                            row.get("next", 0),
                            row.get("processed", 0),
                            row.get("duplicates", 0),
                            row.get("dead_lettered", 0),
                            voids.count(topic, partition, first, row.get("next", 0)),
                        )
                    )
    finally:
        await store.close()
    # Asked for after the positions: nobody can have read beyond them.
    ends = await end_offsets(settings, [topic_of(producer) for producer in PRODUCERS])
    return accounting(
        found,
        {(at.topic, at.partition): bounds for at, bounds in ends.items()},
        {(at.topic, at.partition): end for at, (_, end) in asked.items()},
    )


async def _dead_letters(settings: Settings, service: Service, voids: Voids) -> set[_Place]:
    """Read where the records lie that a service has dead-lettered, parked ones included."""
    found = set()
    async for record in scan(settings, service.dead_letter_topic):
        if voids.holds(record.topic, record.partition, record.offset):
            continue  # what it tells of has been read again since
        said = {name: content for name, content in record.headers if name.startswith(PREFIX) and content}
        with suppress(KeyError, ValueError):  # due work that failed has no record
            topic, *where = (said[PREFIX + name].decode() for name in ("topic", "partition", "offset"))
            found.add((topic, int(where[0]), int(where[1])))
    return found


async def _receivers(
    settings: Settings,
    services: Sequence[Service],
    messages: Sequence[tuple[_Place, Envelope[Any]]],
    void_messages: Iterable[Envelope[Any]],
    dead: Mapping[str, set[_Place]],
) -> Check:
    bounds: dict[tuple[str, str, str], tuple[int, int]] = {}
    for place, message in messages:
        source, sequence = message.source.removeprefix("/parley/"), message.sequence or 0
        for service in services:
            if source in service.inputs and not service.passes_over(type(message.data)):
                at = (service.name, source, message.case)
                least, most = bounds.get(at, (0, 0))
                decided = 0 if place in dead[service.name] else sequence
                bounds[at] = max(least, decided), max(most, sequence)
    # Nobody has read the void ones, but an archive's marks have been raised to them.
    for message in void_messages:
        source, sequence = message.source.removeprefix("/parley/"), message.sequence or 0
        for service in services:
            at = (service.name, source, message.case)
            if service.audits and at in bounds:
                bounds[at] = bounds[at][0], max(bounds[at][1], sequence)
    marks: list[tuple[str, str, str, int]] = []
    for service in services:
        async for document in read_documents(settings, f"{service.name}.cases", fields=("_id", "marks")):
            marks += [(service.name, source, case, mark) for source, case, mark in document["marks"]]
    return receivers(bounds, marks)


async def _chains(settings: Settings) -> Check:
    check = Check("archive chains")
    signer = read_keys(settings.signing_key, None).signer
    own = signer.trusted if signer is not None else None
    customers = {customer: archived async for customer, archived in archived_customers(settings)}
    chains = await chains_of(settings, customers)
    for customer, archived in customers.items():
        check.looked_at += archived.entries
        wrong = check_archived(customer, archived, chains[customer], own)
        if wrong is not None:
            check.found(f"a customer's chain, entry {wrong.number}: {wrong.rule}")
        elif own is not None:
            entries = chains[customer]
            unsigned = first_unsigned(entries, {one["number"] for one in entries if "checkpoint" in one})
            if unsigned is not None:
                check.found(f"a customer's chain, entry {unsigned}: {NEVER_SIGNED}")
    return check


def _open_cases(rows: Sequence[CaseRow]) -> Check:
    return open_cases(
        ((row.case, row.line.stage.value, row.line.owner, row.line.close_reason is None) for row in rows),
        {row.case: row.next_date for row in rows if row.next_date},
    )
