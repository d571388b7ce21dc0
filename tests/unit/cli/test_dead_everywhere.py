"""`parley dead discard --everywhere`: a record that nobody can read is dropped by all who hold it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import Any

import pytest
from typer.testing import CliRunner

from services.cli.dead import view
from services.cli.dead.acting import choose
from services.cli.dead.book import Entry, find_all
from services.cli.dead.everywhere import Copy, discard_copies, look, unread
from services.cli.dead.ids import parse_id
from services.cli.main import app
from shared.contracts.cloudevents import encode
from shared.contracts.envelope import Envelope
from shared.runtime.letters import DeadLetter, read_letter
from shared.runtime.operate import Command, SilentError
from shared.runtime.parked import fates
from shared.runtime.ports import Outgoing, Record
from shared.runtime.simulation.toy import Accept, Opened
from tests.runtime.rig import ANN, ANNS, D1, Rig, at, story

NAMES = ("front", "middle", "back", "archive")
WHY = "cut off by the sender"


class Interrupted(Exception):  # noqa: N818 - as KeyboardInterrupt, which would end the test run
    """Somebody has pressed a key."""


class Hand:
    """Gives commands to the platform in memory; interrupted after so many, or unanswered by some services."""

    def __init__(self, rig: Rig, *, reach: int | None = None, silent: Sequence[str] = ()) -> None:
        self._rig, self._reach, self._silent = rig, reach, silent
        self.given: list[str] = []

    async def give(self, commands: Sequence[Command], *, patience: float) -> list[str | None]:
        assert patience > 0
        ids = []
        for command in commands[: self._reach]:
            ids.append(f"{len(self._rig.log.topic('ops.commands'))}")
            self._rig._order(command.data, command.key, ids[-1])
            self.given.append(command.data.service)
        await self._rig.settle()
        if self._reach is not None and self._reach < len(commands):
            raise Interrupted
        if self._silent:
            raise SilentError(self._silent)
        refused = {id_: letter.detail for name in NAMES for letter in letters(self._rig, name)
                   for header, id_ in letter.record.headers if header == "ce_id"}  # fmt: skip
        return [refused.get(id_.encode()) for id_ in ids]


def letters(rig: Rig, service: str) -> list[DeadLetter]:
    found = [read_letter(service, raw) for raw in rig.log.topic(f"{service}.dead-letter")]
    return [letter for letter in found if letter is not None]


def unreadable(rig: Rig) -> str:
    """A message of the desk whose headers can be read and whose content cannot; give its record's name."""
    key, _, headers = encode(Envelope(f"bad{len(rig.log.topic('desk.events'))}", "/desk", at(D1), ANN,
                                      Accept(number=1), ANNS))  # fmt: skip
    rig.log.append(Outgoing("desk.events", key, b"{cut o", tuple(headers)))
    return f"desk.events/0/{len(rig.log.topic('desk.events')) - 1}"


async def entries(rig: Rig, record: str) -> list[Entry]:
    """The letter of the record in each service that has one."""
    found = []
    for name in NAMES:
        known = next((one for one in letters(rig, name) if one.name == f"{name}/{record}"), None)
        if known is not None:
            found.append(Entry(known, (await fates(rig.store, name, [known]))[0]))
    return found


async def everywhere(rig: Rig, record: str, hand: Hand, reason: str = WHY) -> dict[str, Copy]:
    copies = await look(rig.store, await entries(rig, record))
    done = await discard_copies(hand, rig.store, copies, reason=reason, by="ann", patience=1)
    return {copy.service: copy for copy in done}


def words(copies: dict[str, Copy]) -> dict[str, str]:
    return {name: copy.word for name, copy in copies.items()}


def kept(rig: Rig) -> dict[str, str]:
    """The reason of the discard that each service keeps."""
    return {name: body["reason"] for name in NAMES for body in rig.store.all_links(name).values()
            if body.get("kind") == "discard"}  # fmt: skip


async def parked_everywhere(**options: Any) -> tuple[Rig, str]:
    rig = Rig(names=NAMES, **options)
    rig.start_all()
    rig.tell("front", Opened(on=D1), 1)
    await rig.settle()
    record = unreadable(rig)
    rig.say(Accept(number=2))
    await rig.settle()
    return rig, record


@story
async def test_what_one_record_holds_is_dropped_in_every_service_for_one_reason() -> None:
    rig, record = await parked_everywhere()
    assert words({copy.service: copy for copy in await look(rig.store, await entries(rig, record))}) == (
        dict.fromkeys(NAMES, "possible")
    )
    done = await everywhere(rig, record, Hand(rig))
    assert words(done) == dict.fromkeys(NAMES, "discarded")
    assert kept(rig) == dict.fromkeys(NAMES, WHY)
    behind = done["middle"].held
    assert behind is not None
    assert "desk.events/0/1" in [message.name for message in behind.messages], "it waits for a replay"
    waiting = {name for name, copy in done.items() if copy.held is not None}
    assert {one.service for one in await choose(rig.store, NAMES, case=ANN)} == waiting, "one replay fits all"


@story
async def test_repeated_it_gives_no_command_and_the_first_reason_stays() -> None:
    rig, record = await parked_everywhere()
    await everywhere(rig, record, Hand(rig))
    again = Hand(rig)
    done = await everywhere(rig, record, again, reason="another reason")
    assert words(done) == dict.fromkeys(NAMES, "before")
    assert {copy.why for copy in done.values()} == {f"by ann: {WHY}"}
    assert again.given == []
    assert kept(rig) == dict.fromkeys(NAMES, WHY)


@pytest.mark.parametrize("reach", range(1, len(NAMES)))
def test_interrupted_in_the_middle_the_rest_is_done_when_it_is_repeated(reach: int) -> None:
    @story
    async def told() -> None:
        rig, record = await parked_everywhere()
        with pytest.raises(Interrupted):
            await everywhere(rig, record, Hand(rig, reach=reach))
        again = Hand(rig)
        done = await everywhere(rig, record, again)
        assert words(done) == {
            **dict.fromkeys(NAMES[:reach], "before"), **dict.fromkeys(NAMES[reach:], "discarded"),
        }  # fmt: skip
        assert again.given == list(NAMES[reach:])
        assert kept(rig) == dict.fromkeys(NAMES, WHY)

    told()


@story
async def test_who_does_not_answer_is_told_and_the_others_have_done_it() -> None:
    rig, record = await parked_everywhere()
    back = NAMES.index("back")
    rig.engines[back].stop()
    await rig.tasks[back]
    done = await everywhere(rig, record, Hand(rig, silent=("back",)))
    assert words(done) == {**dict.fromkeys(NAMES, "discarded"), "back": "silent"}
    assert not done["back"].done
    rig.start("back")
    await rig.settle()
    assert words(await everywhere(rig, record, Hand(rig))) == dict.fromkeys(NAMES, "before")


@story
async def test_where_another_record_must_go_first_it_is_named_and_the_others_drop_theirs() -> None:
    rig, first = await parked_everywhere()
    second = unreadable(rig)
    await rig.settle()
    rig.discard("middle", "desk.events", 0)
    await rig.settle()
    rig.replay("middle")
    await rig.settle()
    done = await everywhere(rig, second, Hand(rig))
    assert words(done) == {**dict.fromkeys(NAMES, "refused"), "middle": "discarded"}
    assert f"back/{first.replace('.events', '')} (undecodable) must go first" in done["back"].line()
    assert not done["back"].done


@story
async def test_a_quicker_operator_has_the_word() -> None:
    rig, record = await parked_everywhere()
    copies = await look(rig.store, await entries(rig, record))
    await everywhere(rig, record, Hand(rig), reason="I was first")
    done = await discard_copies(Hand(rig), rig.store, copies, reason=WHY, by="bob", patience=1)
    assert {copy.service: (copy.word, copy.why) for copy in done} == dict.fromkeys(
        NAMES, ("before", "by ann: I was first")
    )


@story
async def test_where_nothing_is_held_no_command_is_given() -> None:
    rig = Rig(names=NAMES)
    rig.start_all()
    rig.log.append(Outgoing("desk.events", None, b"{}", ()))
    await rig.settle()
    hand = Hand(rig)
    done = await everywhere(rig, "desk.events/0/0", hand)
    assert words(done) == dict.fromkeys(NAMES, "nothing")
    assert "no document holds it" in done["middle"].line()
    assert hand.given == []


@story
async def test_who_has_not_come_to_the_record_is_told() -> None:
    rig, record = await parked_everywhere()
    topic, partition, offset = record.split("/")
    place = (topic, int(partition), int(offset))
    assert await unread(rig.store, NAMES, place) == []
    late = await unread(rig.store, NAMES, (*place[:2], place[2] + 9))
    assert [(copy.service, copy.word, copy.done) for copy in late] == [
        (name, "unread", False) for name in NAMES
    ]
    assert await unread(rig.store, NAMES, ("bank.events", 0, 9)) == [
        Copy(name, "unread") for name in ("front", "archive")
    ], "the others do not read that topic"


def test_what_is_done_is_said_with_the_command_that_comes_next(capsys: pytest.CaptureFixture[str]) -> None:
    from tests.unit.cli.test_dead import held, message

    where = held(message(8))
    view.print_copies([Copy("intake", "discarded", held=where), Copy("offer", "before", "by ann: why"),
                       Copy("archive", "silent")])  # fmt: skip
    assert capsys.readouterr().out == (
        "intake: discarded, 1 wait in its document\n"
        "offer: was discarded before: by ann: why\n"
        "archive: no answer yet: the command stands in ops.commands\n"
        "Give the same command again when those have come to it: what is done stays done.\n"
        "What waits in those documents still waits. Replay it:\n"
        "    parley dead replay --case C-1\n"
    )
    view.print_copies([Copy("intake", "nothing", "no document holds it")])
    assert "nothing was done" in capsys.readouterr().out
    assert Copy("intake", "discarded", held=where).as_json() == {
        "service": "intake", "outcome": "discarded", "why": None, "document": None, "waiting": 1,
    }  # fmt: skip


async def test_every_services_letter_of_a_record_is_found() -> None:
    from shared.runtime.memory_store import MemoryStore

    def given(service: str, offset: int) -> DeadLetter:
        return DeadLetter(service, "undecodable", "", None, 1, Record("desk.events", 0, offset, None, b""))

    async def read(service: str) -> AsyncGenerator[DeadLetter, None]:
        for offset in (6, 7):
            if service in {"intake", "notice", "archive"}:
                yield given(service, offset)

    found = await find_all(MemoryStore(), parse_id("desk/0/7"), read)
    assert [entry.letter for entry in found] == [given(name, 7) for name in ("intake", "notice", "archive")]


def test_due_work_is_no_record() -> None:
    said = CliRunner().invoke(
        app, ["dead", "discard", f"offer/day/2026-01-31/{ANNS}", "--everywhere", "--reason", WHY]
    )
    assert said.exit_code == 2
    assert "due work is each service's own" in said.output
