"""`parley dead`, the pure parts: ids, moments, letters, filters, what is shown, and what is refused."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from typer.testing import CliRunner

from services.cli.dead import view
from services.cli.dead.acting import Chosen, Outcome
from services.cli.dead.advice import next_steps, refusal
from services.cli.dead.book import Book, Entry, Filter, gather
from services.cli.dead.ids import DeadId, IdError, local, moment, parse_id, plain, short
from services.cli.main import app
from shared.runtime.deadletters import dead_letter, discard_id
from shared.runtime.inbound import Failure, Reason
from shared.runtime.letters import DeadLetter, read_letter
from shared.runtime.memory_store import MemoryStore
from shared.runtime.parked import Fate, Held, Message, State
from shared.runtime.ports import Headers, Record

NOW = datetime(2026, 3, 5, 12, tzinfo=UTC)
CASE = "8b1f8a06-8f3f-5a7b-9a43-0d6f3a5a8f11"
HEADERS = (("ce_type", b"parley.bank.account.overdue.v1"), ("x-own", b"Mr Secret"))


def letter(offset: int = 7, reason: str = Reason.UNDECODABLE, **fields: Any) -> DeadLetter:
    record = Record("bank.events", 1, offset, b"C-1", b'{"name":"Mr Secret"}', HEADERS, 1)
    given = DeadLetter("intake", str(reason), "value: is not JSON", "C-1", 1000 * offset, record, type="t")
    return replace(given, **fields)


def entry(state: State, **fields: Any) -> Entry:
    return Entry(letter(**fields), Fate(state, cases=(CASE,)))


def message(offset: int, topic: str = "bank.events", reason: str = "case-is-parked") -> Message:
    return Message(Record(topic, 1, offset, b"C-1", None), reason, "", "t", None)


def held(*messages: Message, reason: str = "undecodable") -> Held:
    return Held("intake", "C-1", "C-1", 1, reason, "bank.events/1/7", "2026-03-05T12:00:00+00:00", (CASE,),
                messages)  # fmt: skip


# -- what is typed


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("intake/bank.events/0/12", DeadId("intake", "bank.events/0/12")),
        ("intake/bank/0/12", DeadId("intake", "bank.events/0/12")),
        (" bank/00/012 ", DeadId(None, "bank.events/0/12")),
        ("archive/ops/3/4", DeadId("archive", "ops.commands/3/4")),
        ("notice/desk/0/1", DeadId("notice", "desk.events/0/1")),
        (f"followup/day/2026-01-31/{CASE}", DeadId("followup", day="2026-01-31", document=CASE)),
        ("intake/day/2026-01-31/C/1", DeadId("intake", day="2026-01-31", document="C/1")),
    ],
)
def test_ids_can_be_typed_long_and_short(text: str, meant: DeadId) -> None:
    assert parse_id(text) == meant


@pytest.mark.parametrize(
    "text",
    ["", "12", "bank/0", "nobody/bank/0/1", "intake/none/0/1", "bank/x/1", "bank/0/-1", "intake/bank/0/1/2",
     "bank/0/²", "intake/day/soon/C-1", "intake/day/2026-01-31/", "day/2026-01-31/C-1"],
)  # fmt: skip
def test_what_is_no_id_is_refused_with_the_rule(text: str) -> None:
    with pytest.raises(IdError, match="service/topic/partition/offset"):
        parse_id(text)


def test_every_id_that_is_shown_can_be_typed() -> None:
    for name in ("intake/bank.events/0/1", "offer/offer.events/3/9", "alert/ops.commands/0/0"):
        service, record = name.split("/", 1)
        assert parse_id(short(name)) == parse_id(name) == DeadId(service, record)
    day = letter(day="2026-01-31", record=Record("", 0, 0, b"C-1", b"")).name
    assert parse_id(short(day)) == DeadId("intake", day="2026-01-31", document="C-1")


def test_moments_are_absolute_or_ago() -> None:
    assert moment("2h", now=NOW) == NOW - timedelta(hours=2)
    assert moment("7d", now=NOW) == NOW - timedelta(days=7)
    assert moment("2026-01-31T14:00+08:00", now=NOW) == datetime(2026, 1, 31, 6, tzinfo=UTC)
    day = moment("2026-01-31", now=NOW)
    assert (day.isoformat()[:19], day.tzinfo is None) == ("2026-01-31T00:00:00", False)
    assert moment("2026-01-31", now=NOW, end=True).isoformat()[:10] == "2026-02-01"
    for wrong in ("", "soon", "5", "2026-13-01", "2026-02-30"):
        with pytest.raises(IdError):
            moment(wrong, now=NOW)


def test_nothing_that_others_wrote_commands_a_terminal() -> None:
    assert plain("a\x1b[31mb\n") == "a\N{REPLACEMENT CHARACTER}[31mb\N{REPLACEMENT CHARACTER}"
    assert plain("x" * 300) == "x" * 199 + "…"
    assert plain(None) == "–"
    assert local(10**30) == str(10**30), "whoever wrote the record chose its timestamp"


# -- what a letter says


class Sizes:
    def measure(self, record: object) -> None:
        """Everything fits."""


def written(record: Record, document: str | None, headers: Headers = ()) -> DeadLetter | None:
    from services.console.app import SERVICE

    made = dead_letter(SERVICE, replace(record, headers=headers), Failure(Reason.NO_CASE, "why"), document,
                       Sizes())  # type: ignore[arg-type]  # fmt: skip
    return read_letter("archive", Record("archive.dead-letter", 0, 0, made.key, made.value, made.headers, 99))


def test_a_letter_is_read_as_it_was_written() -> None:
    found = written(letter().record, "C-1", HEADERS)
    assert found is not None
    assert (found.name, found.reason, found.detail) == ("archive/bank.events/1/7", "no-case", "why")
    assert (found.document, found.at_ms, found.record) == ("C-1", 99, letter().record)
    assert (found.type, found.case) == ("parley.bank.account.overdue.v1", None)


def test_an_original_cannot_pretend_to_be_parked() -> None:
    forged: Headers = (
        ("parley-reason", b"forged"),
        ("parley-document", b"C-9"),
        ("parley-day", b"2026-01-01"),
    )
    found = written(letter().record, None, forged)
    assert found is not None
    assert (found.reason, found.document, found.day) == ("no-case", None, "")
    assert found.record.headers == forged
    assert read_letter("archive", Record("archive.dead-letter", 0, 0, b"k", b"v", ())) is None
    assert read_letter("archive", Record("x", 0, 0, b"k", b"v", (("parley-reason", b"x"),))) is None


# -- lists


def source(*given: DeadLetter) -> Any:
    async def read(service: str) -> AsyncIterator[DeadLetter]:
        for one in given:
            if one.service == service:
                yield one

    return read


async def listed(given: Sequence[DeadLetter], limit: int = 50, **fields: Any) -> Book:
    return await gather(MemoryStore(), Filter(**fields), limit, source(*given))


async def test_the_newest_are_kept_and_all_are_counted_once() -> None:
    given = [letter(n, document=None) for n in range(500)]
    given += [letter(3, reason=Reason.PARKED, document=None)]  # written again by a replica that took over
    given += [letter(9, service="archive", reason=Reason.NO_CASE, document=None)]
    book = await listed(given, limit=2)
    assert [one.letter.name for one in book.entries] == [
        "intake/bank.events/1/499",
        "intake/bank.events/1/498",
    ]
    assert book.total == 501
    assert book.counts == {
        ("intake", "undecodable", State.FINAL): 500, ("archive", "no-case", State.FINAL): 1,
    }  # fmt: skip
    assert all(one.letter.record.value is None for one in book.entries), "values are not kept"


async def test_what_only_waits_behind_another_is_counted_and_listed_on_demand() -> None:
    given = [letter(1, document=None)]
    given += [letter(n, reason=Reason.PARKED, document=None) for n in range(2, 50)]
    book = await listed(given, limit=10, behind=False)
    assert [one.letter.record.offset for one in book.entries] == [1]
    assert (book.total, book.behind) == (49, 48)
    everything = await listed(given, limit=100)
    assert (len(everything.entries), everything.behind) == (49, 0)


@pytest.mark.parametrize(
    ("fields", "offsets"),
    [
        ({}, [3, 2, 1]),
        ({"services": ("offer",)}, [3]),
        ({"reason": "no-case"}, [2]),
        ({"case": CASE[:8]}, [2]),
        ({"case": "C-1"}, [3, 2, 1]),
        ({"case": "C"}, []),
        ({"since_ms": 2000}, [3, 2]),
        ({"until_ms": 2000}, [1]),
        ({"state": State.FINAL}, [3, 2, 1]),
        ({"state": State.PARKED}, []),
    ],
)
async def test_letters_are_chosen(fields: dict[str, Any], offsets: list[int]) -> None:
    given = [
        letter(1, document=None),
        letter(2, reason=Reason.NO_CASE, case=CASE, document=None),
        letter(3, service="offer", document=None),
    ]
    book = await listed(given, **fields)
    assert [one.letter.record.offset for one in book.entries] == offsets


async def test_a_discarded_letter_tells_who_and_why(capsys: pytest.CaptureFixture[str]) -> None:
    store = MemoryStore()
    kept = {
        "kind": "discard",
        "reason": "of no use\x1b",
        "by": "ann",
        "time": NOW.isoformat(),
        "command": "c",
    }
    await store.copy_links("intake", {discard_id("intake", "bank.events/1/7"): kept})
    await store.replace_many("intake", [document("C-1")])
    book = await gather(store, Filter(), 5, source(letter()))
    assert [one.fate.state for one in book.entries] == [State.DISCARDED]
    view.print_book(book)
    assert "discarded by ann: of no use\N{REPLACEMENT CHARACTER}" in capsys.readouterr().out
    assert view.book_json(book)["letters"][0]["discard"]["by"] == "ann"


def document(id_: str) -> dict[str, Any]:
    from shared.runtime.document import Case
    from tests.runtime.rig import Rig

    return Case(id_, 1, id_).dump(Rig().services["front"], 1)


def test_an_empty_list_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    view.print_book(Book())
    view.print_held([], 0)
    assert capsys.readouterr().out == (
        "There are no dead letters that fit.\nNo case is held: nothing is parked.\n"
    )


# -- one letter


def test_values_are_shown_only_to_who_asks(capsys: pytest.CaptureFixture[str]) -> None:
    one, where = entry(State.PARKED), held(message(7), message(8))
    view.print_entry(one, where, None, show_value=False)
    told = capsys.readouterr().out
    assert "Secret" not in told
    assert "value     20 bytes" in told
    assert "x-own: 9 bytes" in told
    assert "Secret" not in json.dumps(view.as_json(one, where, None, show_value=False))
    view.print_entry(one, where, b"Mr Secret\x1b[0m", show_value=True)
    told = capsys.readouterr().out
    assert "Mr Secret" in told
    assert "\x1b" not in told
    assert view.as_json(one, where, b"\xff", show_value=True)["value_base64"] == "/w=="


@pytest.mark.parametrize(
    ("one", "where", "says"),
    [
        (entry(State.FINAL, reason="wrong-partition"), None, "murmur2"),
        (entry(State.FINAL, reason="command-refused"), None, "parley dead held"),
        (entry(State.FINAL), None, "corrected where it comes from"),
        (entry(State.DECIDED), None, "decided meanwhile"),
        (entry(State.WAITS), None, "until its day is closed"),
        (entry(State.DISCARDED), None, "discarded for good"),
        (entry(State.PARKED), held(message(7)), 'parley dead discard intake/bank/1/7 --reason "…"'),
        (entry(State.PARKED), held(message(7)), "parley dead replay --service intake --case C-1"),
        (entry(State.PARKED), held(message(7)), "parley dead discard intake/bank/1/7 --everywhere --reason"),
        (
            entry(State.PARKED, reason="decider-failed"),
            held(message(7)),
            "parley dead replay intake/bank/1/7",
        ),
        (entry(State.PARKED), held(message(6), message(7)), "parley dead show intake/bank/1/6"),
        (entry(State.PARKED, day="2026-01-31"), held(), "parley dead replay intake/day/2026-01-31/C-1"),
        (entry(State.DECIDED, day="2026-01-31"), None, "released"),
        (entry(State.PARKED), replace(held(message(7)), document="$(reboot)"), "--case '$(reboot)'"),
    ],
)
def test_the_next_step_is_a_command_that_can_be_copied(one: Entry, where: Held | None, says: str) -> None:
    assert says in "\n".join(next_steps(one, where))


@pytest.mark.parametrize(
    ("one", "where", "says"),
    [
        (entry(State.PARKED), held(message(7), message(8)), None),
        (entry(State.PARKED), held(message(3, "desk.events"), message(7)), None),
        (
            entry(State.PARKED),
            held(message(8), message(6), message(7)),
            "intake/bank/1/6 (case-is-parked) must",
        ),
        (entry(State.PARKED, day="2026-01-31"), held(), "due work"),
        (entry(State.FINAL), None, "no document holds it"),
        (entry(State.DECIDED), None, "a replay has decided it"),
        (entry(State.WAITS), held(message(8)), "waits for what it builds on"),
        (Entry(letter(), Fate(State.DISCARDED, discard={"by": "ann", "reason": "r"})), None, "by ann: r"),
    ],
)
def test_a_discard_is_refused_before_it_is_published(
    one: Entry, where: Held | None, says: str | None
) -> None:
    why = refusal(one, where)
    assert (why is None) if says is None else (why is not None and says in why)


def test_outcomes_of_a_replay_are_told() -> None:
    one = Chosen("intake", "C-1", "C-1", "undecodable", (CASE,), 3, "")
    assert Outcome(one, "released", 3).line() == "intake C-1: released, 3 decided"
    assert Outcome(one, "parked", 1, 2, "bank.events/1/8", "undecodable").line() == (
        "intake C-1: parked again at intake/bank/1/8 (undecodable), 1 decided, 2 wait"
    )
    assert "refused: key" in Outcome(one, "refused", reason="key: must be").line()
    assert not Outcome(one, "parked").ok


# -- the command line, where it needs no server


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["list", "--service", "nobody"], "--service: must be one of intake"),
        (["list", "--reason", "because"], "--reason: must be one of undecodable"),
        (["list", "--state", "lost"], "--state: must be one of parked"),
        (["list", "--since", "soon"], "--since: must be a moment"),
        (["show", "12"], "ID: must be"),
        (["replay"], "in one way"),
        (["replay", "intake/bank/0/1", "--all"], "in one way"),
        (["replay", "--all"], "--yes: is needed"),
        (["replay", "--case", "x", "--json"], "--yes: is needed"),
        (["discard", "intake/bank/0/1"], "--reason: is required"),
        (["discard", "intake/bank/0/1", "--reason", "  x "], "--reason: is required"),
        (["discard", "intake/bank/0/1", "--reason", "because", "--by", "\x1b"], "--by: must be"),
    ],
)
def test_bad_options_are_named_with_their_rule(args: list[str], says: str) -> None:
    result = CliRunner().invoke(app, ["dead", *args])
    assert result.exit_code == 2
    assert says in result.output


@pytest.mark.parametrize("command", ["list", "show", "held", "replay", "discard"])
def test_every_help_has_an_example_that_can_be_parsed(command: str) -> None:
    text = CliRunner().invoke(app, ["dead", command, "--help"], env={"COLUMNS": "200"}).output
    assert f"parley dead {command}" in text
    if command == "show":
        assert "personal data" in text
