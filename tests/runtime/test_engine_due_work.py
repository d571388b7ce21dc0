"""The engine's due work: by value date, page by page, and again after a crash (rules 18 and 19)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from shared.contracts.cloudevents import decode
from shared.contracts.decision import Decision
from shared.contracts.runtime import CaseHeld, CaseReleased, ServiceDayClosed
from shared.runtime.simulation.toy import Agreed, Bad, Huge, Opened, Paid, Sign
from tests.runtime.mishaps import Gate, crash
from tests.runtime.rig import ANN, D1, D2, D3, D4, Rig, story


@story
async def test_due_work_is_done_by_due_date_and_only_what_is_due() -> None:
    rig = Rig(names=("back",))
    rig.start_all()
    rig.tell("front", Paid(pay_id="p", amount=150, value_date=D1), 1)
    rig.tell("middle", Agreed(start=D1, number=1), 1)
    rig.close_inputs("back", D3)
    await rig.settle()
    assert [(m.data.instalment, m.data.kept) for m in rig.events("back")] == [(1, True), (2, False)]
    assert {m.time.date() for m in rig.events("back")} == {D3}
    assert rig.document("back")["due"] == D4.isoformat()


@story
async def test_a_late_fact_corrects_what_had_been_concluded() -> None:
    rig = Rig(names=("back",))
    rig.start_all()
    rig.tell("middle", Agreed(start=D1, number=1), 1)
    rig.close_inputs("back", D2)
    await rig.settle()
    rig.tell("front", Paid(pay_id="p", amount=100, value_date=D2), 1, day=D3)
    await rig.settle()
    assert [(m.data.instalment, m.data.kept) for m in rig.events("back")] == [(1, False), (1, True)]


@story
async def test_a_fact_is_not_refused_before_its_day_is_closed_on_all_inputs() -> None:
    rig = Rig(names=("back",))
    rig.start_all()
    rig.say(Sign(number=1), D2)
    rig.say(Sign(number=2), D3)
    rig.close(D2, source="front")
    rig.close(D2, source="desk")
    await rig.settle()
    assert rig.types("back") == []
    rig.close(D1, source="middle")
    await rig.settle()
    assert rig.types("back") == []
    rig.close(D2, source="middle")
    await rig.settle()
    assert [(m.data.number, m.data.ok) for m in rig.events("back")] == [(1, False)]
    rig.close_inputs("back", D4)
    await rig.settle()
    assert [(m.data.number, m.data.ok) for m in rig.events("back")] == [(1, False), (2, False)]
    assert rig.document("back")["waiting"] == []


@story
async def test_every_fact_that_waited_in_vain_has_its_last_word_at_the_same_close() -> None:
    rig = Rig(names=("back",))
    rig.start_all()
    for number in (1, 2, 3):
        rig.say(Sign(number=number), D1)
    rig.close_inputs("back", D1)
    await rig.settle()
    assert [(m.data.number, m.data.ok) for m in rig.events("back")] == [(1, False), (2, False), (3, False)]
    assert rig.document("back")["waiting"] == []


@story
async def test_due_work_of_a_held_case_waits_for_the_first_close_after_its_release() -> None:
    rig = Rig(names=("back",))
    rig.start_all()
    rig.tell("middle", Agreed(start=D1, number=1), 1)
    rig.tell("front", CaseHeld(service="front", reason="x"), 1)
    await rig.settle()
    for day in (D2, D3):
        rig.close_inputs("back", day)
    await rig.settle()
    assert rig.types("back") == ["held"]
    rig.tell("front", CaseReleased(service="front"), 2)
    await rig.settle()
    assert rig.types("back") == ["held", "released"]
    rig.close_inputs("back", D4)
    await rig.settle()
    assert rig.types("back") == ["held", "released", "judged", "judged", "judged", "waived"]


@story
async def test_due_work_that_fails_parks_its_case_and_the_day_goes_on() -> None:
    rig = Rig(names=("middle",))
    rig.start_all()
    for key in (ANN, "C-bob"):
        rig.tell("front", Opened(on=D1), 1, key=key)
    rig.say(Bad(at="middle", kind="bomb"))
    await rig.settle()
    rig.close_inputs("middle", D3)
    await rig.settle()
    assert rig.reasons("middle") == ["due-work-failed"]
    assert rig.dead("middle")[0]["day"] == D3.isoformat()
    assert rig.types("middle").count("lapsed") == 1
    assert rig.days("middle.events") == [D3]
    rig.world.healed = True
    rig.replay("middle")
    await rig.settle()
    rig.close_inputs("middle", D4)
    await rig.settle()
    assert rig.types("middle").count("lapsed") == 2


@story
async def test_due_work_that_is_never_done_parks_its_case() -> None:
    class Stuck:
        def __init__(self, inner: Any) -> None:
            self.decide, self.due = inner.decide, inner.due

        def close(self, state: Any, day: Any, reference: Any) -> Any:
            return Decision(state)

    rig = Rig(names=("middle",))
    service = rig.services["middle"]
    rig.start("middle", replace(service, decider=Stuck(service.decider)))
    rig.tell("front", Opened(on=D1), 1)
    rig.close_inputs("middle", D3)
    await rig.settle()
    assert rig.reasons("middle") == ["due-work-failed"]
    assert rig.days("middle.events") == [D3]


@pytest.mark.parametrize(
    ("update", "events", "rule"),
    [({}, (Huge(text="x" * 40_000),), "larger"), ({"odd": {"a\x00b": 1}}, (), "refuses")],
    ids=["said", "kept"],
)
def test_due_work_whose_outcome_cannot_be_said_or_kept_parks_its_case_with_the_reason(
    update: dict[str, Any], events: tuple[Any, ...], rule: str
) -> None:
    class Loud:
        def __init__(self, inner: Any) -> None:
            self.decide, self.due = inner.decide, inner.due

        def close(self, state: Any, day: Any, reference: Any) -> Any:
            return Decision.of(state.model_copy(update={"status": "lapsed", **update}), *events)

    @story
    async def tell() -> None:
        rig = Rig(names=("middle",))
        service = rig.services["middle"]
        rig.start("middle", replace(service, decider=Loud(service.decider)))
        rig.tell("front", Opened(on=D1), 1)
        rig.close_inputs("middle", D3)
        await rig.settle()
        assert rig.reasons("middle") == ["refused-by-size-or-encoding"]
        assert rule in rig.dead("middle")[0]["detail"]
        assert rig.types("middle") == ["tabled", "held"]
        assert rig.state("middle")["status"] == "tabled"
        assert rig.telemetry.decisions["parked"] == 1

    tell()


@pytest.mark.parametrize("page", [1, 2, 3, 500])
def test_due_work_is_done_page_by_page_until_none_is_left(page: int) -> None:
    @story
    async def tell() -> None:
        rig = Rig(names=("middle",), page_documents=page)
        rig.start_all()
        for n in range(6):
            rig.tell("front", Opened(on=D1), 1, key=f"C-{n}")
        await rig.settle()
        rig.close_inputs("middle", D3)
        await rig.settle()
        assert rig.types("middle").count("lapsed") == 6

    tell()


@story
async def test_what_due_work_wrote_before_a_crash_is_published_before_the_marker() -> None:
    rig = Rig(names=("middle",))
    rig.tell("front", Opened(on=D1), 1)
    gate = Gate(rig, "lapsed")
    engine = rig.start("middle", log=gate)
    await rig.settle()
    rig.close_inputs("middle", D3)
    await gate.blocked.wait()
    assert rig.document("middle")["entries_day"] == D3.isoformat()
    await crash(rig, engine)
    rig.start("middle")
    await rig.settle()
    assert rig.types("middle") == ["tabled", "lapsed"]
    kinds = [decode(r.key, r.value, r.headers).type for r in rig.log.topic("middle.events")]
    assert kinds[-1] == ServiceDayClosed.TYPE
    assert kinds.count(ServiceDayClosed.TYPE) == 1


@story
async def test_the_last_marker_is_said_again_on_assignment() -> None:
    rig = Rig(names=("front",))
    gate = Gate(rig, "day.closed")
    engine = rig.start("front", log=gate)
    rig.close(D1)
    await gate.blocked.wait()
    assert (await rig.positions("front"))["done"] == D1.isoformat(), "positions first, then the marker"
    await crash(rig, engine)
    rig.start("front")
    await rig.settle()
    assert rig.days("front.events") == [D1]
    assert rig.days("desk.events") == [D1]
