"""What an engine says of its work: each record counted once, by its outcome, and shown in a trace."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from shared.contracts.ids import case_id, trace_id_of
from shared.runtime import names
from shared.runtime.meters import Meters
from shared.runtime.ports import Outgoing
from shared.runtime.simulation.toy import Accept, Bad, Judged, Open, Opened, Sign, Tabled
from shared.runtime.spans import parse_traceparent
from shared.runtime.telemetry import CaseTracer
from tests.runtime.rig import ANN, ANNS, D1, D2, Rig, story

BANK = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def counted(meters: Meters, *wanted: str) -> dict[tuple[str, ...], float]:
    """The counters `wanted`, by name and the values of their labels but for the service's."""
    return {
        (row["name"], *(value for label, value in row["labels"].items() if label != "service")): row["value"]
        for row in meters.snapshot()["counters"]
        if row["name"] in wanted
    }


async def accounts(rig: Rig, service: str) -> dict[str, tuple[int, int, int, int]]:
    """By input: next, processed, duplicates, dead-lettered."""
    rows = (await rig.positions(service))["inputs"]
    return {
        row["topic"].removesuffix(".events"): (
            row["next"], row["processed"], row["duplicates"], row["dead_lettered"],
        )
        for row in rows
    }  # fmt: skip


async def _all_that_can_happen(rig: Rig) -> None:
    rig.tell("front", Opened(on=D1), 1)
    rig.tell("front", Opened(on=D1), 1)
    await rig.settle()
    rig.say(Accept(number=1))
    rig.say(Accept(number=2), key="C-bob")  # waits: nothing is known of that case
    rig.say(Sign(number=1))  # for other readers
    rig.say(Accept(number=3), key="C-thief", case=ANNS)
    rig.log.append(Outgoing("desk.events", None, b"{}", ()))
    rig.replay("back")  # another service's
    await rig.settle()
    rig.say(Bad(at="middle", kind="heal"))
    rig.say(Accept(number=4))
    rig.discard("middle", "desk.events", 99)
    await rig.settle()
    rig.world.healed = True
    rig.replay("middle", id_="once")
    rig.replay("middle", id_="once")
    await rig.settle()


@story
async def test_every_record_is_counted_by_what_became_of_it() -> None:
    rig, meters = Rig(names=("middle",)), Meters()
    rig.start("middle", meter=meters)
    await _all_that_can_happen(rig)
    opened, accept, bad = Opened.TYPE, Accept.TYPE, Bad.TYPE
    assert counted(meters, "decided") == {
        ("decided", opened, "decided"): 1,
        ("decided", opened, "duplicate"): 1,
        ("decided", accept, "decided"): 1,
        ("decided", accept, "waits"): 1,
        ("decided", accept, "wrong-case"): 1,
        ("decided", "unknown", "undecodable"): 1,
        ("decided", bad, "decider-failed"): 1,
        ("decided", accept, "case-is-parked"): 1,
        ("decided", "parley.ops.discard.v1", "command-refused"): 1,
        ("decided", "parley.ops.replay.v1", "obeyed"): 1,
        ("decided", "parley.ops.replay.v1", "duplicate"): 1,
    }
    assert counted(meters, "dead_letters", "duplicates") == {
        ("dead_letters", "desk.events", "wrong-case"): 1,
        ("dead_letters", "desk.events", "undecodable"): 1,
        ("dead_letters", "desk.events", "decider-failed"): 1,
        ("dead_letters", "desk.events", "case-is-parked"): 1,
        ("dead_letters", "ops.commands", "command-refused"): 1,
        ("duplicates", "front.events"): 1,
        ("duplicates", "ops.commands"): 1,
    }
    assert await accounts(rig, "middle") == {
        "back": (0, 0, 0, 0),
        "desk": (7, 3, 0, 4),
        "front": (2, 1, 1, 0),
        "ops.commands": (4, 2, 1, 1),
    }
    assert meters.total("batch_records") == 13


@story
async def test_what_was_emitted_is_counted_by_type_and_parked_cases_as_they_are_now() -> None:
    rig, meters = Rig(names=("middle",)), Meters()
    rig.start("middle", meter=meters)
    rig.tell("front", Opened(on=D1), 1)
    rig.say(Bad(at="middle", kind="heal"))
    rig.say(Bad(at="middle", kind="raise"), key="C-bob")
    await rig.settle()
    rig.say(Accept(number=1))
    await rig.settle()
    assert meters.total("parked", service="middle") == 2
    rig.world.healed = True
    rig.replay("middle")
    await rig.settle()
    assert meters.total("parked", service="middle") == 1
    assert counted(meters, "emitted") == {
        ("emitted", Tabled.TYPE): 1,
        ("emitted", "parley.runtime.case.held.v1"): 2,
        ("emitted", "toy.middle.agreed.v1"): 1,
        ("emitted", "parley.runtime.case.released.v1"): 1,
    }
    assert len(rig.events("middle")) == 5


@story
async def test_a_gap_is_counted_by_its_source_where_every_message_is_seen() -> None:
    rig, meters = Rig(names=("back", "middle")), Meters()
    rig.start("back", meter=meters)
    rig.start("middle", meter=meters)
    rig.tell("front", Opened(on=D1), 1)
    rig.tell("front", Opened(on=D1), 4)
    await rig.settle()
    assert counted(meters, "gaps") == {("gaps", "front"): 1}
    assert meters.total("gaps") == meters.total("gaps", service="back"), "middle does not see every message"
    assert meters.snapshot()["alarms"] == [], "it is the archive that raises the alert"
    assert rig.document("back")["tails"] == [], "and keeps the ids that it takes"


@story
async def test_a_gap_and_a_second_id_are_told_with_what_is_needed_to_find_them() -> None:
    rig = Rig(names=("archive",), audit_tail=4)
    rig.start("archive")
    for sequence in (1, 4):
        rig.tell("back", Judged(instalment=sequence, kept=True), sequence)
    rig.tell("back", Judged(instalment=1, kept=False), 1, id_="another")
    await rig.settle()
    assert rig.telemetry.alarms == [
        ("gap", {"source": "back", "case": ANNS, "seen": "1", "got": "4"}),
        ("two-ids", {"source": "back", "case": ANNS, "sequence": "1"}),
    ]
    rig.tell("back", Judged(instalment=2, kept=False), 2, id_="late")
    rig.tell("back", Judged(instalment=5, kept=True), 5)
    rig.tell("back", Judged(instalment=1, kept=False), 1, id_="another")
    await rig.settle()
    assert len(rig.telemetry.alarms) == 2, "nothing is known of what was missed, nor of what is too old"
    (tail,) = (row[2] for row in rig.document("archive", ANN)["tails"])
    assert tail == ["", "", "back-4", "back-5"]


@story
async def test_the_same_id_is_no_second_one_however_long_and_what_cannot_be_read_has_none() -> None:
    rig = Rig(names=("archive",))
    rig.start("archive")
    long = "0b7e1d0c-6f1c-5d0f-8f5e-3a1f2f0c9a11"
    for _ in range(2):
        rig.tell("back", Judged(instalment=1, kept=True), 1, id_=long)
    (first, _) = rig.log.topic("back.events")
    rig.log.append(Outgoing("back.events", first.key, b"{", first.headers))
    await rig.settle()
    assert (rig.alarms(), rig.reasons("archive")) == ([], [])
    assert rig.telemetry.counts["duplicates"] == 2
    headers = tuple((name, b"2" if name == "ce_sequence" else content) for name, content in first.headers)
    rig.log.append(Outgoing("back.events", first.key, b"{", headers))
    await rig.settle()
    assert rig.reasons("archive") == ["undecodable"]
    rig.discard("archive", "back.events", 3, ANN)
    await rig.settle()
    rig.tell("back", Judged(instalment=3, kept=True), 3)
    await rig.settle()
    assert rig.alarms() == [], "what was discarded is no gap"
    assert rig.document("archive", ANN)["marks"] == [["back", ANNS, 3]]


# -- the trace -----------------------------------------------------------------------------------------------


def traced() -> tuple[CaseTracer, InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    return CaseTracer(SimpleSpanProcessor(exporter)), exporter


def shown(spans: Sequence[ReadableSpan], *attributes: str) -> list[tuple[Any, ...]]:
    return [tuple((span.attributes or {}).get(name) for name in attributes) for span in spans]


@story
async def test_each_decision_is_a_span_that_says_where_its_message_lay() -> None:
    rig = Rig(names=("middle",))
    tracer, exporter = traced()
    rig.start("middle", tracer=tracer)
    await _all_that_can_happen(rig)
    spans = [span for span in exporter.get_finished_spans() if span.name.startswith("process ")]
    assert sorted(shown(spans, names.DESTINATION, names.OFFSET, names.DECISION), key=str) == [
        ("desk.events", 0, "decided"),
        ("desk.events", 1, "waits"),
        ("desk.events", 5, "decided"),  # by the replay
        ("desk.events", 5, "parked"),
        ("desk.events", 6, "decided"),
        ("desk.events", 6, "parked"),
        ("front.events", 0, "decided"),
        ("front.events", 1, "duplicate"),
        ("ops.commands", 2, "obeyed"),
    ]
    said_nothing = [span for span in spans if names.EMITTED not in (span.attributes or {})]
    of_bob = ("desk.events", 1, case_id("C-bob", 1))
    assert of_bob in shown(said_nothing, names.DESTINATION, names.OFFSET, names.CASE_ID)
    first = next(span for span in spans if (span.attributes or {})[names.DESTINATION] == "front.events")
    assert dict(first.attributes or {}) == {
        names.SERVICE: "middle",
        names.EVENT_TYPE: Opened.TYPE,
        names.CASE_ID: ANNS,
        names.SYSTEM: "kafka",
        names.OPERATION_NAME: "process",
        names.OPERATION_TYPE: "process",
        names.DESTINATION: "front.events",
        names.PARTITION: "0",
        names.OFFSET: 0,
        names.GROUP: "parley.middle",
        names.MESSAGE_ID: "front-1",
        names.DECISION: "decided",
        names.EMITTED: (Tabled.TYPE,),
    }


@story
async def test_what_is_emitted_carries_on_the_trace_of_its_cause() -> None:
    rig = Rig(names=("front", "middle"))
    tracer, exporter = traced()
    rig.start("front", tracer=tracer)
    rig.start("middle", tracer=tracer)
    rig.say(Open())
    record = rig.log.topic("bank.events")[0]
    headers = (*record.headers, ("traceparent", BANK), ("tracestate", b"vendor=1"))
    rig.log.append(Outgoing("bank.events", b"C-bob", _for_bob(record.value), _of_bob(headers)))
    await rig.settle()
    rig.close(D1)
    rig.close(D2)
    await rig.settle()
    spans = exporter.get_finished_spans()
    for key in (ANN, "C-bob"):
        case = case_id(key, 1)
        opened, reminded = (m for m in rig.events("front") if m.subject == case)
        carried = parse_traceparent(opened.traceparent)
        assert carried is not None
        assert carried.trace_id == trace_id_of(case)
        (asked,) = [s for s in spans if s.context is not None and s.context.span_id == carried.span_id]
        assert (asked.attributes or {})[names.EMITTED] == (Opened.TYPE,)
        (heard,) = [s for s in spans if s.parent is not None and s.parent.span_id == carried.span_id]
        assert (heard.attributes or {})[names.SERVICE] == "middle"
        closing = parse_traceparent(reminded.traceparent)
        (closed,) = [
            s for s in spans
            if closing is not None and s.context is not None and s.context.span_id == closing.span_id
        ]  # fmt: skip
        assert shown([closed], names.CASE_ID, names.BUSINESS_DAY, names.DECISION) == [
            (case, D2.isoformat(), "closed")
        ]
    links = [span.links[0].context.trace_id for span in spans if span.links and span.name != names.BATCH]
    assert links == [int(BANK.split(b"-")[1], 16)], "what a bank's own trace says is linked"


def _for_bob(value: bytes | None) -> bytes:
    return (value or b"").replace(ANN.encode(), b"C-bob")


def _of_bob(headers: Any) -> Any:
    return tuple(
        (name, {"ce_id": b"bobs", "ce_partitionkey": b"C-bob"}.get(name, content))
        for name, content in headers
    )


@story
async def test_a_stage_that_has_nothing_to_do_is_left_out() -> None:
    rig = Rig(names=("middle", "archive"))
    meters = {name: Meters() for name in rig.services}
    for name, meter in meters.items():
        rig.start(name, meter=meter)
    rig.tell("front", Opened(on=D1), 1)
    await rig.settle()
    always = {"take-over", "load", "write", "positions", "commit"}
    assert {
        name: {row["labels"]["stage"] for row in meter.snapshot()["durations"]} - always
        for name, meter in meters.items()
    } == {"middle": {"publish"}, "archive": {"links"}}


class Slow:
    """The rig's store, whose bulk writes take two seconds, and its look-ups one."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig

    def __getattr__(self, name: str) -> Any:
        return getattr(self.rig.store, name)

    async def load_many(self, service: str, ids: Any) -> Any:
        await asyncio.sleep(1.0)
        return await self.rig.store.load_many(service, ids)

    async def known_ids(self, service: str, ids: Any) -> set[str]:
        await asyncio.sleep(1.0)
        return await self.rig.store.known_ids(service, ids)

    async def replace_many(self, service: str, documents: Any) -> set[str]:
        await asyncio.sleep(2.0)
        return await self.rig.store.replace_many(service, documents)


@story
async def test_a_batch_says_how_long_each_of_its_stages_took_and_what_it_decided() -> None:
    rig, meters = Rig(names=("front",)), Meters()
    tracer, exporter = traced()
    rig.start("front", store=Slow(rig), meter=meters, tracer=tracer)
    for number in range(2):
        rig.say(Open(), key=f"C-{number}")
        rig.say(Open(), key=f"D-{number}")
        await rig.settle()
    rig.log.append(Outgoing("bank.events", None, b"{}", ()))
    await rig.settle()
    batches = [span for span in exporter.get_finished_spans() if span.name == names.BATCH]
    stages = [f"{names.STAGE}.{stage}" for stage in ("load", "write")]
    assert shown(batches, names.SERVICE, names.BATCH_COUNT, *stages) == [("front", 2, 2.0, 2.0)] * 2, (
        "where nothing was decided there is none"
    )
    assert counted(meters, "conflicts") == {}
    decided = [s for s in exporter.get_finished_spans() if s.name == "process bank.events"]
    linked = [link.context.span_id for batch in batches for link in batch.links]
    assert linked == [span.context.span_id for span in decided if span.context]
    took = {row["labels"]["stage"]: (row["value"], row["seconds"]) for row in meters.snapshot()["durations"]}
    assert took["write"] == (2, 4.0)
    assert {"load", "publish", "ids", "positions", "commit", "take-over"} <= set(took)
    assert {row["labels"]["service"] for row in meters.snapshot()["durations"]} == {"front"}
