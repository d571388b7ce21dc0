"""What is parked, read through the ports; and an operator who repeats himself changes nothing."""

from __future__ import annotations

from dataclasses import replace

from shared.contracts.ops import Discard
from shared.runtime.letters import DeadLetter, read_letter
from shared.runtime.parked import (
    State,
    fates,
    held_document,
    held_documents,
    held_elsewhere,
    lowest_of_source,
)
from shared.runtime.ports import Outgoing
from shared.runtime.simulation.toy import Accept, Bad, Open, Opened, Sign
from tests.runtime.rig import ANN, ANNS, D1, D2, D3, Rig, story


def letters(rig: Rig, service: str) -> dict[str, DeadLetter]:
    """The first letter of each record."""
    found: dict[str, DeadLetter] = {}
    for raw in rig.log.topic(f"{service}.dead-letter"):
        letter = read_letter(service, raw)
        assert letter is not None
        found.setdefault(letter.name, letter)
    return found


async def states(rig: Rig, service: str) -> dict[str, str]:
    known = letters(rig, service)
    found = await fates(rig.store, service, list(known.values()))
    return {
        name.removeprefix(f"{service}/"): fate.state.value for name, fate in zip(known, found, strict=True)
    }


async def parked_between_good_ones(rig: Rig) -> None:
    """Two that only a new version decides, each followed by good ones from the desk and from a service."""
    rig.start_all()
    rig.tell("front", Opened(on=D1), 1)
    await rig.settle()
    rig.say(Bad(at="middle", kind="heal"))
    rig.say(Accept(number=1))
    rig.say(Bad(at="middle", kind="raise"))
    rig.say(Accept(number=2))
    await rig.settle()


@story
async def test_replays_keep_the_order_of_arrival_however_often_they_are_given() -> None:
    rig = Rig(names=("middle",))
    await parked_between_good_ones(rig)
    held = await held_document(rig.store, "middle", ANNS)
    assert held is not None
    order = [message.name for message in held.messages]
    assert order == [f"desk.events/0/{n}" for n in range(4)]
    assert {message.record.value for message in held.messages} == {None}, "nobody asked for what they say"
    since = held.since
    assert since

    await rig.settle(3600)
    for _ in range(3):  # nothing is mended yet: parked again at the first one
        rig.replay("middle")
    await rig.settle()
    held = await held_document(rig.store, "middle", ANNS)
    assert held is not None
    assert ([m.name for m in held.messages], held.at, held.since) == (order, "desk.events/0/0", since)
    assert rig.types("middle") == ["tabled", "held"]

    rig.world.healed = True
    for _ in range(3):
        rig.replay("middle")
    await rig.settle()
    held = await held_document(rig.store, "middle", ANNS)
    assert held is not None
    assert [m.name for m in held.messages] == order[2:]
    rig.discard("middle", "desk.events", 2)
    for _ in range(3):
        rig.replay("middle")
    await rig.settle()
    assert await held_document(rig.store, "middle", ANNS) is None
    assert rig.document("middle")["park_since"] == ""
    for _ in range(3):
        rig.replay("middle")
    await rig.settle()
    assert rig.types("middle") == ["tabled", "held", "agreed", "refused", "released"]
    assert [m.sequence for m in rig.events("middle")] == [1, 2, 3, 4, 5]


@story
async def test_a_discard_that_is_repeated_drops_one_message_and_keeps_the_first_reason() -> None:
    rig = Rig(names=("middle",))
    await parked_between_good_ones(rig)
    for by in ("ann", "bob"):
        rig._order(
            Discard(service="middle", document=ANNS, topic="desk.events", partition=0, offset=0,
                    reason="of no use", by=by), ANN, None,
        )  # fmt: skip
    await rig.settle()
    held = await held_document(rig.store, "middle", ANNS)
    assert held is not None
    assert [m.name for m in held.messages] == [f"desk.events/0/{n}" for n in (1, 2, 3)]
    (kept,) = rig.store.all_links("middle").values()
    assert (kept["by"], kept["reason"]) == ("ann", "of no use")
    (fate,) = await fates(rig.store, "middle", [letters(rig, "middle")["middle/desk.events/0/0"]])
    assert fate.state is State.DISCARDED
    assert fate.discard == kept
    assert rig.reasons("middle")[-1] == "command-refused"


@story
async def test_every_letter_has_a_fate() -> None:
    rig = Rig(names=("middle",))
    await parked_between_good_ones(rig)
    rig.log.append(Outgoing("desk.events", None, b"{}", ()))
    rig.discard("middle", "desk.events", 3)
    await rig.settle()
    names = [f"desk.events/0/{n}" for n in range(4)]
    final = {"desk.events/0/4": "final", "ops.commands/0/0": "final"}
    assert await states(rig, "middle") == {**dict.fromkeys(names, "parked"), **final}
    of = letters(rig, "middle")
    first, second = await fates(rig.store, "middle", [of[f"middle/{name}"] for name in names[:2]])
    assert (first.reason, first.cases) == ("decider-failed", (ANNS,))
    assert (second.reason, second.cases) == (None, (ANNS,)), "it waits behind the first one"
    rig.world.healed = True
    rig.replay("middle")
    await rig.settle()
    assert await states(rig, "middle") == {
        **dict.fromkeys(names[:2], "decided"), **dict.fromkeys(names[2:], "parked"), **final,
    }  # fmt: skip
    (fate,) = await fates(rig.store, "middle", [letters(rig, "middle")[f"middle/{names[2]}"]])
    assert fate.reason == "decider-failed", "its letter only says that the case was parked"
    rig.discard("middle", "desk.events", 2)
    rig.replay("middle")
    await rig.settle()
    assert await states(rig, "middle") == {
        **dict.fromkeys(names, "decided"), names[2]: "discarded", **final,
    }  # fmt: skip


@story
async def test_a_waiting_fact_that_failed_is_parked_and_may_wait_again() -> None:
    rig = Rig(names=("middle",))
    rig.start_all()
    rig.say(Accept(number=1, bad=True))
    await rig.settle()
    rig.tell("front", Opened(on=D1), 1)
    await rig.settle()
    assert await states(rig, "middle") == {"desk.events/0/0": "parked"}
    held = await held_document(rig.store, "middle", ANNS)
    assert held is not None
    assert [(m.name, m.reason) for m in held.messages] == [("desk.events/0/0", "decider-failed")]
    assert held.since, "there is no row that could say since when"


@story
async def test_the_cases_of_a_customers_document_are_named_and_not_the_customer() -> None:
    rig = Rig(names=("front",))
    rig.start_all()
    rig.say(Open())
    await rig.settle()
    rig.say(Bad(at="front", kind="raise"))
    await rig.settle()
    (letter,) = letters(rig, "front").values()
    (fate,) = await fates(rig.store, "front", [letter])
    assert (letter.document, fate.state, fate.cases) == (ANN, State.PARKED, (ANNS,))


@story
async def test_of_two_facts_that_wait_each_has_its_own_fate() -> None:
    rig = Rig(names=("middle",))
    rig.start_all()
    rig.say(Sign(number=1))
    rig.say(Accept(number=1, bad=True))
    await rig.settle()
    rig.tell("front", Opened(on=D1), 1)
    await rig.settle()
    letter = letters(rig, "middle")["middle/desk.events/0/1"]
    other = replace(letter, record=replace(letter.record, offset=0))
    assert [fate.state for fate in await fates(rig.store, "middle", [other, letter])] == [
        State.DECIDED, State.PARKED,
    ]  # fmt: skip


@story
async def test_the_due_work_of_a_day_is_parked_until_it_is_done() -> None:
    rig = Rig(names=("middle",))
    rig.start_all()
    rig.tell("front", Opened(on=D1), 1)
    rig.say(Bad(at="middle", kind="bomb"))
    await rig.settle()
    rig.close_inputs("middle", D3)
    await rig.settle()
    name = f"day/{D3}/{ANNS}"
    assert await states(rig, "middle") == {name: "parked"}
    letter = letters(rig, "middle")[f"middle/{name}"]
    assert [fate.state for fate in await fates(rig.store, "middle", [replace(letter, day=str(D2))])] == [
        State.DECIDED
    ], "it is parked at another day"
    rig.world.healed = True
    rig.replay("middle")
    await rig.settle()
    assert await states(rig, "middle") == {name: "decided"}


@story
async def test_what_was_discarded_is_not_held_though_it_is_still_to_be_deleted() -> None:
    rig = Rig(names=("middle",))
    await parked_between_good_ones(rig)
    rows = await rig.store.parked("middle", ANNS, 10)
    rig.discard("middle", "desk.events", 0)
    await rig.settle()
    await rig.store.park("middle", rows[:1])  # as a crash between the document's write and this one leaves it
    held = await held_document(rig.store, "middle", ANNS)
    assert held is not None
    assert [message.name for message in held.messages] == [f"desk.events/0/{n}" for n in (1, 2, 3)]


@story
async def test_the_lowest_of_each_source_is_named() -> None:
    rig = Rig(names=("middle",))
    await parked_between_good_ones(rig)
    rig.tell("front", Opened(on=D2), 2)
    await rig.settle()
    held = await held_document(rig.store, "middle", ANNS)
    assert held is not None
    lowest = {message.name: lowest_of_source(held, message.name) for message in held.messages}
    assert {name: other.name if other else None for name, other in lowest.items()} == {
        "desk.events/0/0": None, "desk.events/0/1": "desk.events/0/0", "desk.events/0/2": "desk.events/0/0",
        "desk.events/0/3": "desk.events/0/0", "front.events/0/1": None,
    }  # fmt: skip
    assert lowest_of_source(held, "desk.events/0/99") is None


@story
async def test_who_else_holds_the_case_is_known_until_it_is_released() -> None:
    rig = Rig(names=("middle", "back"))
    await parked_between_good_ones(rig)
    (held,) = [one async for one in held_documents(rig.store, "middle")]
    assert (held.document, held.key, held.cases, held.reason) == (ANNS, ANN, (ANNS,), "decider-failed")
    assert await held_elsewhere(rig.store, held, ("front", "middle", "back")) == ("back",)
    assert [one async for one in held_documents(rig.store, "back")] == []
    assert held.is_of(ANN)
    assert held.is_of(ANNS[:6])
    assert not held.is_of("C-bob")
    rig.discard("middle", "desk.events", 0)
    rig.replay("middle")
    await rig.settle()
    rig.discard("middle", "desk.events", 2)
    rig.replay("middle")
    await rig.settle()
    assert await held_elsewhere(rig.store, held, ("front", "middle", "back")) == ()
