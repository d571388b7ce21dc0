"""What is parked is replayed in order or discarded for a reason (rule 12)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from shared.contracts.decision import Decision
from shared.contracts.envelope import Envelope
from shared.runtime.ports import Outgoing
from shared.runtime.simulation.toy import (
    Accept,
    Bad,
    Middle,
    MiddleState,
    Open,
    Opened,
    Pay,
    Refused,
    Tabled,
    ToyReference,
)
from tests.runtime.mishaps import crash
from tests.runtime.rig import ANN, ANNS, D1, Rig, story


@story
async def test_replay_decides_what_is_parked_in_arrival_order_and_releases() -> None:
    rig = Rig(names=("middle", "back"))
    rig.start_all()
    rig.tell("front", Opened(on=D1), 1)
    await rig.settle()
    rig.say(Bad(at="middle", kind="heal"))
    rig.say(Accept(number=1))
    rig.say(Accept(number=2))
    await rig.settle()
    assert rig.types("middle") == ["tabled", "held"]
    rig.world.healed = True
    rig.replay("middle", id_="r1")
    rig.replay("middle", id_="r1")
    await rig.settle()
    assert rig.types("middle") == ["tabled", "held", "agreed", "refused", "released"]
    assert [m.sequence for m in rig.events("middle")] == [1, 2, 3, 4, 5]
    assert rig.document("middle")["park"] is None
    assert rig.store.all_parked("middle") == []
    assert rig.document("back")["held"] is False
    assert rig.document("back")["holds"] == [["middle", ANNS, 3]]


@story
async def test_replay_folds_what_its_own_batch_parked() -> None:
    rig = Rig(names=("middle",))
    rig.world.healed = False
    rig.tell("front", Opened(on=D1), 1)
    rig.say(Bad(at="middle", kind="heal"))
    rig.start("middle")
    await rig.settle()
    await rig.stop()
    rig.world.healed = True
    rig.say(Accept(number=1))
    rig.replay("middle")
    rig.start("middle")
    await rig.settle()
    rig.replay("middle")
    await rig.settle()
    assert sorted(rig.types("middle")) == ["agreed", "held", "released", "tabled"]
    assert rig.store.all_parked("middle") == []


@story
async def test_replay_stops_and_parks_again_at_the_first_failure() -> None:
    rig = Rig(names=("middle",))
    rig.start_all()
    rig.tell("front", Opened(on=D1), 1)
    await rig.settle()
    rig.say(Bad(at="middle", kind="heal"))
    rig.say(Accept(number=1))
    rig.say(Bad(at="middle", kind="raise"))
    rig.say(Accept(number=2))
    await rig.settle()
    rig.world.healed = True
    rig.replay("middle")
    await rig.settle()
    assert rig.types("middle") == ["tabled", "held", "agreed"], (
        "it was never released, so it is not held again"
    )
    assert rig.document("middle")["park"] == ["decider-failed", "desk.events/0/2"]
    assert [row.record.offset for row in rig.store.all_parked("middle")] == [2, 3]


@story
async def test_what_two_replays_of_one_batch_have_decided_is_deleted_of_both() -> None:
    rig = Rig(names=("front",))
    for key in (ANN, "C-bob"):
        rig.say(Bad(at="front", kind="heal"), key=key)
    rig.start_all()
    await rig.settle()
    await rig.stop()
    assert len(rig.store.all_parked("front")) == 2
    rig.world.healed = True
    for key in (ANN, "C-bob"):
        rig.replay("front", key, key=key)
    rig.start_all()
    await rig.settle()
    assert rig.store.all_parked("front") == []
    assert [rig.state("front", key)["healed"] for key in (ANN, "C-bob")] == [1, 1]


@story
async def test_a_replay_takes_no_more_than_its_bound() -> None:
    rig = Rig(names=("middle",), replay_rows=2)
    rig.start_all()
    rig.tell("front", Opened(on=D1), 1)
    await rig.settle()
    rig.say(Bad(at="middle", kind="heal"))
    for n in range(4):
        rig.say(Accept(number=n))
    await rig.settle()
    rig.world.healed = True
    for left in (3, 1):
        rig.replay("middle")
        await rig.settle()
        assert rig.document("middle")["park"][0] == "more-to-replay"
        assert len(rig.store.all_parked("middle")) == left
    rig.replay("middle")
    await rig.settle()
    assert rig.types("middle") == ["tabled", "held", "agreed", "refused", "refused", "refused", "released"]


@story
async def test_only_the_lowest_of_its_source_can_be_discarded() -> None:
    rig = Rig(names=("middle",))
    rig.start_all()
    rig.tell("front", Opened(on=D1), 1)
    await rig.settle()
    rig.say(Bad(at="middle", kind="raise"))
    rig.say(Accept(number=1))
    await rig.settle()
    rig.discard("middle", "desk.events", 1)
    await rig.settle()
    assert rig.reasons("middle")[-1] == "command-refused"
    assert "lowest" in rig.dead("middle")[-1]["detail"]
    rig.discard("middle", "desk.events", 0)
    await rig.settle()
    assert rig.document("middle")["park"] is not None, "what is left must be replayed"
    rig.replay("middle")
    await rig.settle()
    assert rig.types("middle") == ["tabled", "held", "agreed", "released"]
    (kept,) = [body for body in rig.store.all_links("middle").values() if body["kind"] == "discard"]
    assert (kept["reason"], kept["topic"], kept["offset"]) == ("of no use", "desk.events", 0)


@story
async def test_a_discard_advances_the_mark_and_records_the_id() -> None:
    rig = Rig(names=("back",))
    rig.start_all()
    rig.tell("middle", Tabled(expiry=D1), 1)
    record = rig.log.topic("middle.events")[0]
    rig.log.append(
        Outgoing(
            "middle.events",
            record.key,
            b"rubbish",
            tuple((n, b"2" if n == "ce_sequence" else v) for n, v in record.headers),
        )
    )
    await rig.settle()
    assert rig.document("back")["marks"] == [["middle", ANNS, 1]]
    rig.discard("back", "middle.events", 1)
    await rig.settle()
    assert rig.document("back")["marks"] == [["middle", ANNS, 2]]
    assert rig.types("back") == ["held", "released"]
    rig.say(Bad(at="back", kind="raise"), id_="bad")
    await rig.settle()
    rig.discard("back", "desk.events", 0)
    await rig.settle()
    rig.say(Bad(at="back", kind="raise"), id_="bad")
    await rig.settle()
    assert rig.document("back")["park"] is None, "the discarded message is known by its id"


@story
async def test_an_id_is_not_recorded_while_its_message_is_parked() -> None:
    rig = Rig(names=("front",))
    rig.start_all()
    rig.say(Open())
    rig.say(Bad(at="front", kind="heal"))
    await rig.settle()
    rig.say(Pay(pay_id="p", amount=5, value_date=D1), id_="pay")
    await rig.settle()
    rig.world.healed = True
    rig.replay("front", ANN)
    await rig.settle()
    assert rig.state("front", ANN)["paid"] == 5


@story
async def test_a_waiting_fact_that_fails_later_parks_the_case_and_can_be_discarded() -> None:
    rig = Rig(names=("middle",))
    rig.start_all()
    rig.say(Accept(number=1, bad=True))
    await rig.settle()
    rig.tell("front", Opened(on=D1), 1)
    await rig.settle()
    assert rig.types("middle") == ["tabled", "held"], "the result of the message in hand stands"
    assert rig.reasons("middle") == ["decider-failed"]
    rig.replay("middle")
    await rig.settle()
    assert rig.document("middle")["park"] is not None
    rig.discard("middle", "desk.events", 0)
    await rig.settle()
    assert rig.types("middle") == ["tabled", "held", "released"]
    assert rig.document("middle")["waiting"] == []


@story
async def test_nothing_is_decided_past_a_waiting_fact_that_fails_again() -> None:
    rig = Rig(names=("middle",))
    rig.start_all()
    rig.say(Accept(number=1, bad=True))
    await rig.settle()
    rig.tell("front", Opened(on=D1), 1)
    await rig.settle()
    rig.say(Accept(number=2))
    await rig.settle()
    rig.replay("middle")
    await rig.settle()
    assert rig.types("middle") == ["tabled", "held"]
    rig.discard("middle", "desk.events", 0)
    rig.replay("middle")
    await rig.settle()
    assert rig.types("middle") == ["tabled", "held", "agreed", "released"]


@story
async def test_what_was_parked_and_replayed_is_passed_over_when_it_is_read_again() -> None:
    rig = Rig(names=("middle",), settle_seconds=1e6, settle_idle_seconds=1e6)
    engine = rig.start("middle")
    rig.say(Bad(at="middle", kind="heal"))
    await rig.settle()
    rig.world.healed = True
    rig.replay("middle")
    await rig.settle()
    assert rig.types("middle") == ["held", "released"]
    assert "inputs" not in await rig.positions("middle"), "nothing has been saved yet"
    await crash(rig, engine)
    rig.start("middle")
    await rig.settle()
    assert rig.telemetry.counts["duplicates"] == 2, "the message and the command"
    assert rig.reasons("middle") == ["decider-failed"], "it is no dead letter a second time"
    assert rig.document("middle")["state"]["healed"] == 1


class Moody(Middle):
    """Fails at an acceptance of an offer that stands; once that is mended, the acceptance has to wait on."""

    def decide(
        self, state: MiddleState | None, message: Envelope[Any], reference: ToyReference
    ) -> Decision[MiddleState]:
        if isinstance(message.data, Accept) and state is not None and state.expiry is not None:
            if not reference.healed:
                raise RuntimeError("poison")
            return Decision.wait(state, Refused(number=message.data.number))
        return super().decide(state, message, reference)


@story
async def test_a_waiting_fact_that_fails_no_more_waits_on_and_cannot_be_discarded() -> None:
    rig = Rig(names=("middle",))
    rig.services["middle"] = replace(rig.services["middle"], decider=Moody())
    rig.start_all()
    rig.say(Accept(number=1))
    await rig.settle()
    rig.tell("front", Opened(on=D1), 1)
    await rig.settle()
    assert rig.types("middle") == ["tabled", "held"]
    rig.world.healed = True
    rig.replay("middle")
    await rig.settle()
    assert rig.types("middle") == ["tabled", "held", "released"]
    rig.say(Bad(at="middle", kind="raise"))
    await rig.settle()
    rig.discard("middle", "desk.events", 0)
    await rig.settle()
    assert rig.reasons("middle")[-1] == "command-refused"
    assert len(rig.document("middle")["waiting"]) == 1, "it is not what the case is parked for"


@story
async def test_commands_that_cannot_be_obeyed_are_dead_lettered() -> None:
    rig = Rig(names=("middle",))
    rig.start_all()
    rig.tell("front", Opened(on=D1), 1)
    await rig.settle()
    rig.replay("middle", "no-such-case")
    rig.replay("middle", key="C-thief")
    rig.discard("middle", "desk.events", 0)
    rig.replay("back")
    rig.log.append(Outgoing("ops.commands", ANN.encode(), b"rubbish", ()))
    await rig.settle()
    assert sorted(rig.reasons("middle")) == ["command-refused"] * 3 + ["undecodable"]
    assert rig.document("middle")["park"] is None


@story
async def test_what_was_discarded_is_not_parked_again_where_its_topic_is_read_from_the_start() -> None:
    rig = Rig(names=("middle",))
    position = (await rig.store.raise_epoch("middle", [0]))[0]
    told = ["desk.events/0/0", "desk.events/0/2"]
    await rig.store.write_positions("middle", [{**position, "version": 2, "discarded": told}])
    rig.discard("middle", "desk.events", 0)  # read before there is a document: topics are read side by side
    rig.start_all()
    await rig.settle()
    rig.tell("front", Opened(on=D1), 1)
    rig.say(Bad(at="middle", kind="raise"), id_="b1")
    rig.say(Accept(number=1))
    await rig.settle()
    rig.discard("middle", "desk.events", 0)
    rig.say(Bad(at="middle", kind="raise"))
    rig.say(Bad(at="middle", kind="raise"), id_="b1")  # said twice, and known
    await rig.settle()
    assert rig.types("middle") == ["tabled", "agreed"]
    assert (rig.store.all_parked("middle"), rig.dead("middle")) == ([], [])
    rig.say(Bad(at="middle", kind="raise"))  # nobody has discarded this one
    await rig.settle()
    rig.discard("middle", "desk.events", 0)
    rig.discard("middle", "desk.events", 9)
    await rig.settle()
    assert [one["reason"] for one in rig.dead("middle")] == ["decider-failed", "command-refused"]
    await rig.stop()
    assert (await rig.positions("middle"))["discarded"] == told


@story
async def test_what_was_discarded_and_waits_behind_another_is_dropped_when_that_is_replayed() -> None:
    rig = Rig(names=("middle",))
    position = (await rig.store.raise_epoch("middle", [0]))[0]
    told = ["desk.events/0/1"]
    await rig.store.write_positions("middle", [{**position, "version": 2, "discarded": told}])
    rig.start_all()
    rig.tell("front", Opened(on=D1), 1)
    await rig.settle()
    rig.say(Bad(at="middle", kind="heal"))
    rig.say(Bad(at="middle", kind="raise"))  # not noted out of turn: it waits, as everything does
    rig.say(Accept(number=1))
    await rig.settle()
    assert len(rig.store.all_parked("middle")) == 3
    rig.world.healed = True
    rig.replay("middle")
    await rig.settle()
    assert rig.types("middle")[-2:] == ["agreed", "released"]
    assert rig.store.all_parked("middle") == []
    await rig.stop()


@story
async def test_a_command_in_the_name_of_another_customer_moves_nothing() -> None:
    rig = Rig(names=("middle",))
    rig.start_all()
    rig.tell("front", Opened(on=D1), 1)
    await rig.settle()
    rig.say(Bad(at="middle", kind="heal"))
    await rig.settle()
    rig.world.healed = True
    before = rig.document("middle")
    rig.replay("middle", key="C-thief")
    rig.discard("middle", "desk.events", 0, key="C-thief")
    await rig.settle()
    assert rig.reasons("middle")[-2:] == ["command-refused"] * 2
    assert rig.document("middle") == before
    assert len(rig.store.all_parked("middle")) == 1
