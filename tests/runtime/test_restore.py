"""What speaks against a backup or its restoration, and what is changed in documents, without servers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from services.cli.catalogue import load_all
from shared.runtime.backup import Bounds, Mark, next_of, own_topics, refuse, where_they_stand
from shared.runtime.document import Case
from shared.runtime.floors import Edit, Edits, note_void, raised
from shared.runtime.ports import ID, VERSION, Document, Record, TopicPartition
from shared.runtime.refused import RefusedError
from shared.runtime.restore import moved, problems
from shared.runtime.service import EXTERNAL, topic_of
from shared.runtime.voids import Void, Voids

SERVICES = load_all()
BY_NAME = {service.name: service for service in SERVICES}
TOPICS = [*own_topics(SERVICES), *(topic_of(producer) for producer in sorted(EXTERNAL))]
END = 10
DAY = "2026-01-09"


def bounds(**others: tuple[int, int]) -> Bounds:
    """Every topic holds ten records on its one partition; `others` by topic, with _ for the dot."""
    given = {name.replace("_", "."): pair for name, pair in others.items()}
    return {TopicPartition(topic, 0): given.get(topic, (0, END)) for topic in TOPICS}


def positions(*, epoch: int = 4, done: str = DAY, **behind: dict[str, int]) -> dict[str, list[Document]]:
    """Everybody has read ten records of everything; `behind` says otherwise, by service and topic."""
    return {
        service.name: [
            {
                ID: 0,
                VERSION: 7,
                "epoch": epoch,
                "done": done if service.waits_for else None,
                "inputs": [
                    {"topic": topic, "next": behind.get(service.name, {}).get(topic, END), "processed": 3}
                    for topic in service.topics
                ],
            }
        ]
        for service in SERVICES
    }


def mark(**changes: Any) -> Mark:
    there = positions()
    made = Mark(
        at="2026-01-10T06:00:00+00:00",
        prefix="",
        done=DAY,
        ends={at: end for at, (_, end) in bounds().items()},
        next={(name, 0): next_of(rows[0]) for name, rows in there.items()},
        epochs={(name, 0): 4 for name in there},
    )
    return replace(made, **changes)


def test_a_backup_of_before_a_growth_of_the_topics_is_refused() -> None:
    grown = {**bounds(), TopicPartition("offer.events", 1): (0, 3)}
    assert problems(SERVICES, mark(), "", positions(), bounds()) == []
    assert problems(SERVICES, mark(), "", positions(), grown) == [
        "the topics have been given more partitions since the backup"
    ]


def test_a_backup_of_before_a_service_began_names_its_topics() -> None:
    without = {at: end for at, end in mark().ends.items() if not at.topic.startswith("alert.")}
    assert problems(SERVICES, mark(ends=without), "", positions(), bounds()) == [
        "alert.dead-letter, alert.events came after the backup: nothing says what was read before it"
    ]


def test_all_stand_at_one_instant_though_what_the_bank_says_is_not_all_read() -> None:
    there = positions(intake={"bank.events": 4}, archive={"bank.events": 2, "desk.events": 0})
    assert where_they_stand(SERVICES, there, bounds()) == []


def test_who_has_not_read_what_another_service_said_is_named() -> None:
    there = positions(offer={"intake.events": 9}, archive={"alert.events": 8})
    assert where_they_stand(SERVICES, there, bounds()) == [
        "offer has read intake.events[0] to 9 of 10",
        "archive has read alert.events[0] to 8 of 10",
    ]


def test_who_never_ran_is_named() -> None:
    there = {**positions(), "alert": []}
    found = where_they_stand(SERVICES, there, bounds())
    assert "alert has read offer.events[0] to 0 of 10" in found
    assert "alert on partition 0 has closed no day, others 2026-01-09" in found


def test_who_has_closed_another_day_is_named() -> None:
    there = positions()
    there["followup"][0]["done"] = "2026-01-08"
    assert where_they_stand(SERVICES, there, bounds()) == [
        "followup on partition 0 has closed 2026-01-08, others 2026-01-09"
    ]


def test_a_mark_is_read_as_it_was_written() -> None:
    one = mark(begun="2026-01-11", until={TopicPartition("intake.events", 0): 12}, epoch=9)
    assert Mark.load(one.dump()) == one


def test_nothing_speaks_against_a_database_that_stands_at_the_mark() -> None:
    grown = bounds(intake_events=(0, 15), bank_events=(8, 30))
    behind = positions(epoch=6)  # a replica has tried to start, and refused
    assert problems(SERVICES, mark(), "", behind, grown) == []


@pytest.mark.parametrize(
    ("changes", "prefix", "there", "ends", "words"),
    [
        ({"finished": "2026-01-11"}, "", {}, {}, "done already"),
        ({}, "other.", {}, {}, "another prefix"),
        ({}, "", {"offer": {"desk.events": 12}}, {}, "offer on partition 0 does not stand where"),
        ({}, "", {"alert": {"intake.events": 11}}, {}, "alert on partition 0 does not stand where"),
        ({}, "", {}, {"intake_events": (0, 9)}, "another Kafka"),
        ({}, "", {}, {"bank_events": (11, 20)}, "retention has removed 1 records intake must read again"),
        ({}, "", {}, {"offer_events": (13, 20)}, "removed 3 records whose sequences would be used again"),
    ],
)
def test_what_would_lose_or_double_an_effect_is_refused(
    changes: dict[str, Any], prefix: str, there: dict[str, Any], ends: dict[str, Any], words: str
) -> None:
    found = problems(SERVICES, mark(**changes), prefix, positions(**there), bounds(**ends))
    assert any(words in text for text in found), found


def test_a_service_that_was_moved_before_an_interruption_may_have_gone_on() -> None:
    begun = mark(begun="2026-01-11", epoch=1000)
    gone_on = positions(offer={"intake.events": 40})
    assert problems(SERVICES, begun, "", gone_on, bounds()) != []
    gone_on["offer"][0]["epoch"] = 1003
    assert problems(SERVICES, begun, "", gone_on, bounds()) == []


@pytest.mark.parametrize(("count", "told"), [(1, "p0."), (10, "p9."), (12, "p9; and 2 more.")])
def test_of_many_problems_ten_are_told_and_how_many_more_there_are(count: int, told: str) -> None:
    refuse([], "Mend it.")
    with pytest.raises(RefusedError, match=r"^Nothing was changed: p0") as refused:
        refuse([f"p{n}" for n in range(count)], "Mend it.")
    assert told in str(refused.value)
    assert "p10" not in str(refused.value)


def test_what_was_moved_says_nothing_of_the_other_partitions() -> None:
    begun = mark(begun="2026-01-11T06:00:00+00:00", epoch=2_000)
    both = replace(
        begun,
        next={**begun.next, **{(name, 1): row for (name, _), row in begun.next.items()}},
        epochs={**begun.epochs, **{(name, 1): 4 for name, _ in begun.epochs}},
    )
    there = positions()
    there["offer"] = [
        {**there["offer"][0], "epoch": 2_000, "inputs": []},
        {**there["offer"][0], ID: 1, "inputs": []},
    ]
    for name, rows in there.items():
        if name != "offer":
            rows.append({**rows[0], ID: 1})
    (problem,) = problems(SERVICES, both, "", there, bounds())
    assert problem.startswith("offer on partition 1 does not stand where the mark says")


def test_retention_that_has_come_to_the_mark_has_taken_nothing_that_is_needed() -> None:
    assert problems(SERVICES, mark(), "", positions(), bounds(offer_events=(END, END + 5))) == []


def test_positions_move_past_what_is_void_and_stay_where_the_bank_is_read_again() -> None:
    until = {TopicPartition(topic, 0): 25 for topic in own_topics(SERVICES)}
    before = positions()["followup"][0]
    after = moved(BY_NAME["followup"], before, mark(begun="x", until=until, epoch=1000))
    assert next_of(after) == {
        "intake.events": 25,
        "offer.events": 25,
        "agreement.events": 25,
        "alert.events": 25,
        "notice.events": END,
        "desk.events": END,
        "ops.commands": END,
    }
    assert (after["epoch"], after[VERSION], after["done"]) == (1000, before[VERSION] + 1, DAY)
    assert all(row["processed"] == 3 for row in after["inputs"])  # nobody has read what is void


def said(service: str, case: str, sequence: bytes | None, *, key: bytes = b"C1", source: str = "") -> Record:
    headers = [("ce_source", f"/parley/{source or service}".encode()), ("ce_subject", case.encode())]
    headers += [("ce_sequence", sequence)] if sequence is not None else []
    return Record(f"{service}.events", 0, 11, key, b"unreadable", tuple(headers))


def noted(*records: Record) -> Edits:
    edits: Edits = {service.name: {} for service in SERVICES}
    for record in records:
        note_void(record, SERVICES, edits)
    return edits


def test_the_highest_sequence_of_each_sender_and_case_is_noted_for_sender_and_archive() -> None:
    edits = noted(said("offer", "a", b"4"), said("offer", "a", b"6"), said("offer", "a", b"5"))
    assert edits["offer"] == {"a": Edit(0, "C1", sent={"a": 6})}
    assert edits["archive"] == {"C1": Edit(0, "C1", marks={("offer", "a"): 6})}
    assert all(not edits[name] for name in edits if name not in {"offer", "archive"})


def test_intakes_document_is_the_customers() -> None:
    edits = noted(said("intake", "a", b"3"), said("intake", "b", b"2"))
    assert edits["intake"] == {"C1": Edit(0, "C1", sent={"a": 3, "b": 2})}


def test_markers_and_what_a_service_cannot_have_said_are_passed_over() -> None:
    edits = noted(
        said("offer", "", None),
        said("offer", "a", b"9", source="intake"),
        said("offer", "a", b"nine"),
        said("bank", "a", b"9"),
        said("archive.dead-letter", "a", b"9", source="archive"),
    )
    assert not any(edits.values())


def test_a_header_without_content_says_nothing() -> None:
    whole = said("offer", "a", b"9")
    edits = noted(Record(whole.topic, 0, 11, b"C1", None, (*whole.headers, ("ce_subject", None))))
    assert edits["offer"] == {"a": Edit(0, "C1", sent={"a": 9})}


@pytest.mark.parametrize(
    "garbage",
    [
        replace(said("offer", "a", b"9"), key=b"\xff"),
        replace(said("offer", "", b"9"), headers=(*said("offer", "", b"9").headers, ("ce_subject", b"\xe9"))),
        said("offer", "a", b"1" * 19),
        said("offer", "a", b"0"),
    ],
    ids=["key not UTF-8", "case not UTF-8", "a number that no database takes", "a number before the first"],
)
def test_garbage_that_resembles_a_message_stops_no_restoration(garbage: Record) -> None:
    assert noted(garbage, said("offer", "a", b"4"))["offer"] == {"a": Edit(0, "C1", sent={"a": 4})}


def document() -> Document:
    case = Case("a", 0, "C1", version=2, sent={"a": 4}, marks={("offer", "a"): 3})
    case.tails["offer", "a"] = ["1", "2", "3"]
    return case.dump(BY_NAME["offer"], epoch=4)


def test_a_document_is_raised_once_and_keeps_everything_else() -> None:
    before = document()
    after = raised(before, Edit(0, "C1", sent={"a": 6, "b": 1}, marks={("offer", "a"): 5}))
    assert after is not None
    assert dict(after["sent"]) == {"a": 6, "b": 1}
    assert after["marks"] == [["offer", "a", 5]]
    assert after["tails"] == [["offer", "a", []]]
    changed = {"sent", "marks", "tails", VERSION}
    assert {name for name in before if before[name] != after[name]} == changed
    assert after[VERSION] == before[VERSION] + 1
    assert raised(after, Edit(0, "C1", sent={"a": 6, "b": 1}, marks={("offer", "a"): 5})) is None


def test_sequences_never_fall() -> None:
    assert raised(document(), Edit(0, "C1", sent={"a": 2}, marks={("offer", "a"): 3})) is None


def test_void_records_are_counted_within_what_is_asked_for() -> None:
    voids = Voids([Void("offer.events", 0, 10, 15), Void("offer.events", 0, 30, 31)])
    assert [offset for offset in range(40) if voids.holds("offer.events", 0, offset)] == [
        10,
        11,
        12,
        13,
        14,
        30,
    ]
    assert not voids.holds("offer.events", 1, 12)
    assert voids.count("offer.events", 0, 0, 12) == 2
    assert voids.count("offer.events", 0, 12, 40) == 4
    assert Void.load(Void("offer.events", 0, 10, 15).dump("2026-01-11")) == Void("offer.events", 0, 10, 15)


def test_which_topics_have_void_records_is_known() -> None:
    assert not Voids()
    assert Voids().topics == set()
    voids = Voids([Void("offer.events", n, 1, 2) for n in range(2)] + [Void("intake.events", 0, 1, 2)])
    assert voids
    assert voids.topics == {"offer.events", "intake.events"}


def test_what_is_raised_leaves_the_other_cases_and_senders_where_they_were() -> None:
    case = Case("a", 0, "C1", sent={"a": 4, "b": 2}, marks={("offer", "a"): 3, ("intake", "a"): 8})
    case.tails |= {("offer", "a"): ["1"], ("intake", "a"): ["2"]}
    before = case.dump(BY_NAME["offer"], epoch=4)
    after = raised(before, Edit(0, "C1", sent={"b": 3, "c": 1}))
    assert after is not None
    assert after["sent"] == [["a", 4], ["b", 3], ["c", 1]]
    assert (after["marks"], after["tails"]) == (before["marks"], before["tails"])
    after = raised(before, Edit(0, "C1", marks={("offer", "a"): 4, ("alert", "a"): 1}))
    assert after is not None
    assert after["sent"] == before["sent"]
    assert after["marks"] == [["offer", "a", 4], ["intake", "a", 8], ["alert", "a", 1]]
    assert after["tails"] == [["offer", "a", []], ["intake", "a", ["2"]], ["alert", "a", []]]


def test_the_first_sequence_of_all_is_noted_too_and_only_by_an_archive_that_reads_it() -> None:
    first = replace(said("offer", "a", b"1"), key=None)
    assert noted(first)["offer"] == {"a": Edit(0, "", sent={"a": 1})}
    assert noted(first)["archive"] == {"": Edit(0, "", marks={("offer", "a"): 1})}
    deaf = replace(BY_NAME["archive"], reads=("bank",))
    edits: Edits = {"offer": {}, "archive": {}}
    note_void(first, [BY_NAME["offer"], deaf], edits)
    assert (len(edits["offer"]), len(edits["archive"])) == (1, 0)
