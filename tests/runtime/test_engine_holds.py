"""A parked case is held by everybody down the chain until nobody says so any more (rule 13)."""

from __future__ import annotations

from shared.contracts.runtime import CaseHeld, CaseReleased
from shared.runtime.simulation.toy import Agreed, Bad, Open, Opened, Sign, Signed
from tests.runtime.rig import ANN, ANNS, D1, D2, Rig, story


@story
async def test_holds_go_down_the_chain_and_round_once() -> None:
    rig = Rig()
    rig.start_all()
    rig.say(Open())
    await rig.settle()
    rig.say(Bad(at="back", kind="heal"))
    await rig.settle()
    assert rig.types("back")[-1] == "held"
    assert rig.types("front")[-1] == "held"
    assert rig.types("middle")[-1] == "held"
    assert all(
        rig.document(name, doc)["held"] for name, doc in (("front", ANN), ("middle", ANNS), ("back", ANNS))
    )
    rig.world.healed = True
    rig.replay("back")
    await rig.settle()
    for name, doc in (("front", ANN), ("middle", ANNS), ("back", ANNS)):
        assert not rig.document(name, doc)["held"]
    once = ["held", "released"]
    assert [t for t in rig.types("front") if t in once] == once
    # Whoever waits for others is not free before they have heard of the release, and says so.
    for name in ("middle", "back"):
        assert [t for t in rig.types(name) if t in once] == [*once, *once]


@story
async def test_what_was_put_off_upstream_is_waited_for_after_a_release() -> None:
    """Middle has not heard of the release when it closes the day: its agreement comes a day later."""
    rig = Rig(names=("back",))
    rig.start_all()
    rig.tell("front", Opened(on=D1), 1)
    rig.say(Sign(number=1))
    await rig.settle()
    rig.say(Bad(at="back", kind="heal"))
    await rig.settle()
    rig.tell("middle", CaseHeld(service="back", reason="decider-failed", count=1), 1)
    await rig.settle()
    rig.world.healed = True
    rig.replay("back")
    await rig.settle()
    assert rig.types("back") == ["held", "released", "held"]
    rig.close_inputs("back", D1)
    await rig.settle()
    assert rig.document("back")["held"] is True
    assert rig.types("back") == ["held", "released", "held"], "the signature still waits"
    rig.tell("middle", CaseReleased(service="back", count=1), 2)
    rig.tell("middle", Agreed(start=D1, number=1), 3)
    rig.close_inputs("back", D2)
    await rig.settle()
    assert rig.document("back")["held"] is False
    signed = [message.data for message in rig.events("back") if isinstance(message.data, Signed)]
    assert signed == [Signed(number=1, ok=True)]


@story
async def test_a_release_heard_by_another_way_frees_nothing_that_a_waited_for_input_holds() -> None:
    rig = Rig(names=("back",))
    rig.start_all()
    rig.tell("middle", CaseHeld(service="front", reason="x", count=1), 1)
    rig.tell("front", CaseHeld(service="front", reason="x", count=1), 1)
    rig.tell("front", CaseReleased(service="front", count=1), 2)
    await rig.settle()
    assert rig.document("back")["held"] is True
    assert rig.types("back") == ["held", "released", "held"]
    rig.tell("middle", CaseReleased(service="front", count=1), 2)
    await rig.settle()
    assert rig.document("back")["held"] is False
    assert rig.types("back") == ["held", "released", "held", "released"]
    assert {message.data.count for message in rig.events("back")} == {1}


@story
async def test_the_word_of_those_that_are_not_waited_for_holds_nothing() -> None:
    rig = Rig(names=("middle",))
    rig.start_all()
    rig.tell("front", CaseHeld(service="front", reason="x", count=1), 1)
    rig.tell("back", CaseHeld(service="front", reason="x", count=1), 1)
    rig.tell("front", CaseReleased(service="front", count=1), 2)
    await rig.settle()
    assert rig.document("middle")["held"] is False
    assert rig.types("middle") == ["held", "released"]


@story
async def test_the_echo_of_a_hold_that_comes_while_it_is_parked_again_frees_nothing() -> None:
    rig = Rig(names=("back",))
    rig.start_all()
    rig.tell("middle", CaseHeld(service="back", reason="x", count=1), 1)
    rig.say(Bad(at="back", kind="heal"))
    await rig.settle()
    rig.tell("middle", CaseReleased(service="back", count=1), 2)
    await rig.settle()
    assert rig.document("back")["held"] is True
    assert rig.types("back") == ["held", "held"]
    rig.world.healed = True
    rig.replay("back")
    await rig.settle()
    assert rig.document("back")["held"] is False
    assert rig.types("back") == ["held", "held", "released"]


@story
async def test_old_news_of_a_hold_change_nothing() -> None:
    rig = Rig(names=("back",))
    rig.start_all()
    rig.tell("front", CaseHeld(service="front", reason="x", count=2), 1)
    rig.tell("middle", CaseHeld(service="front", reason="x", count=1), 1)
    rig.tell("middle", CaseReleased(service="front", count=1), 2)
    await rig.settle()
    assert rig.document("back")["held"] is True
    assert rig.types("back") == ["held"]
    rig.tell("middle", CaseReleased(service="front", count=2), 3)
    rig.tell("front", CaseReleased(service="front", count=2), 2)
    await rig.settle()
    assert rig.document("back")["held"] is False
    assert rig.types("back") == ["held", "released"]
