"""The checker finds what it is there for: one story in which all is well, and one change for each fault."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.fault.checker import Evidence, Seen, examine

ANN, CASE, PLAN = "C-ann", "case-1", "plan-1"
LATER = "2026-04-30"


def money(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "CNY"}


def record(topic: str, offset: int, type_: str, data: dict[str, Any], **headers: str) -> Seen:
    sender = topic.removesuffix(".events")
    source = "/bank/core" if sender == "bank" else f"/parley/{sender}"
    given = {
        "ce_id": f"{topic}-{offset}",
        "ce_source": source,
        "ce_type": type_,
        "ce_time": "2026-03-01T09:00:00Z",
    }
    return Seen(topic, 0, offset, ANN, {**given, **headers}, json.dumps(data).encode())


def own(service: str, number: int, type_: str, data: dict[str, Any], cause: str = "") -> Seen:
    numbered = {"ce_subject": CASE, "ce_sequence": str(number), "ce_causationid": cause}
    return record(f"{service}.events", number - 1, f"parley.{service}.{type_}.v1", data, **numbered)


def paid(number: int, value_date: str, amount: str) -> tuple[Seen, Seen]:
    received = record(
        "bank.events", number, "parley.bank.payment.received.v1",
        {"payment_id": f"p{number}", "amount": money(amount), "value_date": value_date},
    )  # fmt: skip
    parts = [{"debt_id": "d", "parts": {"principal": money(amount)}}]
    data = {
        "payment_id": f"p{number}", "amount": money(amount), "value_date": value_date, "allocations": parts,
        "unallocated": money("0.00"),
    }  # fmt: skip
    return received, own("intake", number, "payment.matched", data, received.headers["ce_id"])


def instalment(number: int, type_: str, due: str, **more: str) -> dict[str, Any]:
    return {
        "agreement_id": PLAN, "version": 1, "number": number, "due": due, "total": money("100.00"),
        "paid": money("0.00"), **more,
    }  # fmt: skip


def story() -> Evidence:
    """Two instalments of 100: the first paid on the last day of grace, the second a day too late."""
    first, matched_first = paid(1, "2026-04-03", "100.00")
    second, matched_second = paid(2, "2026-05-04", "100.00")
    started = {"agreement_id": PLAN, "effective": "2026-03-01"}
    records = [
        first,
        second,
        matched_first,
        matched_second,
        own("followup", 1, "plan.started", started),
        own("followup", 2, "instalment.late", instalment(1, "late", "2026-03-31", grace_until="2026-04-03")),
        own("followup", 3, "instalment.paid", instalment(1, "paid", "2026-03-31", on="2026-04-03")),
        own("followup", 4, "instalment.late", instalment(2, "late", LATER, grace_until="2026-05-03")),
        own("followup", 5, "instalment.missed", instalment(2, "missed", LATER)),
    ]
    links = [
        {"body": {"source": one.headers["ce_source"], "id": one.headers["ce_id"], "customer": one.key}}
        for one in records
    ]
    positions = [{"_id": 0, "inputs": [{"topic": "intake.events", "next": 2}]}]
    heard = [{"_id": CASE, "marks": [["intake", CASE, 2]]}]
    cases = [{"_id": ANN, "state": {"status": "open", "owner": "n-1", "steps": [{"due": "2026-06-01"}]}}]
    return Evidence(records, {
        "archive.links": links, "intake.cases": cases, "offer.cases": heard, "offer.positions": positions,
    })  # fmt: skip


def kinds(evidence: Evidence) -> list[str]:
    return sorted({finding.kind for finding in examine(evidence)})


def at(evidence: Evidence, type_: str) -> int:
    return next(n for n, one in enumerate(evidence.records) if type_ in one.type)


def changed(evidence: Evidence, number: int, **change: Any) -> Evidence:
    """The story with the data of one record changed."""
    records = list(evidence.records)
    told = json.dumps({**records[number].data, **change}).encode()
    records[number] = replace(records[number], value=told)
    return replace(evidence, records=records)


def without(evidence: Evidence, type_: str) -> Evidence:
    """The story without its first record of a type, on the topics and in the archive."""
    records = list(evidence.records)
    gone = records.pop(at(evidence, type_))
    links = [
        link for link in evidence.documents["archive.links"] if link["body"]["id"] != gone.headers["ce_id"]
    ]
    return Evidence(records, {**evidence.documents, "archive.links": links})


def beside(evidence: Evidence, one: Seen, place: int | None = None) -> Evidence:
    """The story with one more record."""
    records = list(evidence.records)
    records.insert(len(records) if place is None else place, one)
    return replace(evidence, records=records)


def document(evidence: Evidence, collection: str, row: dict[str, Any]) -> Evidence:
    """The story with one more document."""
    rows = [*evidence.documents.get(collection, ()), row]
    return replace(evidence, documents={**evidence.documents, collection: rows})


def test_nothing_is_wrong_where_all_is_well() -> None:
    assert kinds(story()) == []


def test_what_is_said_again_word_for_word_is_no_fault() -> None:
    well = story()
    again = replace(well.records[at(well, "plan.started")], offset=9)
    assert kinds(beside(well, again)) == []


def second_paid_in_time(well: Evidence) -> Evidence:
    """The second payment bears the last day of grace."""
    last = max(n for n, one in enumerate(well.records) if "payment.matched" in one.type)
    return changed(well, last, value_date="2026-05-03")


def returned(amount: str) -> tuple[Seen, Seen]:
    """The first payment comes back, or a part of it: what the bank says, and what intake makes of it."""
    data = {"payment_id": "p1", "reversal_id": "r1", "amount": money(amount), "value_date": "2026-04-03"}
    said = record("bank.events", 3, "parley.bank.payment.reversed.v1", data)
    return said, own("intake", 3, "payment.taken-back", data, said.headers["ce_id"])


def with_return(evidence: Evidence, amount: str) -> Evidence:
    """The story with a return of that amount, kept by the archive as everything else is."""
    for one in returned(amount):
        body = {"source": one.headers["ce_source"], "id": one.headers["ce_id"], "customer": one.key}
        evidence = document(beside(evidence, one), "archive.links", {"body": body})
    return evidence


def said_under_another_number(well: Evidence) -> Evidence:
    """What a day's close said is said again with the next number."""
    last = well.records[at(well, "instalment.missed")]
    headers = {**last.headers, "ce_sequence": "6", "ce_id": "another"}
    return beside(well, replace(last, offset=5, headers=headers))


FAULTS: dict[str, Callable[[Evidence], Evidence]] = {
    "gap": lambda well: without(well, "instalment.paid"),
    "two-of-one-sequence": lambda well: beside(well, own("followup", 5, "instalment.paid", {"other": 1})),
    "out-of-order": lambda well: beside(
        without(well, "plan.started"), well.records[at(well, "plan.started")]
    ),
    "on-two-partitions": lambda well: beside(
        well, replace(well.records[at(well, "instalment.missed")], partition=1)
    ),
    "kept-twice": lambda well: document(well, "archive.links", dict(well.documents["archive.links"][0])),
    "lost": lambda well: replace(
        well, documents={**well.documents, "archive.links": well.documents["archive.links"][1:]}
    ),
    "unanswered": lambda well: beside(well, paid(3, "2026-05-05", "1.00")[0]),
    "counted-twice": lambda well: beside(
        well, own("intake", 3, "payment.matched", well.records[at(well, "payment.matched")].data, "x")
    ),
    "does-not-add-up": lambda well: changed(well, at(well, "payment.matched"), unallocated=money("-0.01")),
    "missed-though-paid": second_paid_in_time,
    "no-owner": lambda well: document(
        well, "intake.cases", {"_id": "C-bob", "state": {"status": "open", "steps": [{"due": "2026-06-01"}]}}
    ),
    "no-next-date": lambda well: document(
        well, "intake.cases", {"_id": "C-bob", "state": {"status": "open", "owner": "n-1"}}
    ),
    "effect-doubled": said_under_another_number,
    "unread": lambda well: document(
        well, "alert.positions", {"_id": 0, "inputs": [{"topic": "followup.events", "next": 4}]}
    ),
    "cause-not-there": lambda well: beside(well, own("followup", 6, "instalment.paid", {}, "who-said-that")),
    "heard-but-not-there": lambda well: document(
        well, "alert.cases", {"_id": CASE, "marks": [["followup", CASE, 6]]}
    ),
    "not-what-was-paid": lambda well: changed(well, at(well, "payment.matched"), amount=money("100.01")),
    "more-taken-back": lambda well: with_return(well, "100.01"),
    "held-in-vain": lambda well: document(
        well, "alert.cases", {"_id": CASE, "holds": [["offer", CASE, 2]], "held": True}
    ),
    "left-behind": lambda well: document(well, "offer.parked", {"document": CASE, "order": 1}),
    "parked": lambda well: document(well, "offer.cases", {"_id": CASE, "park": ["decider-failed", "x"]}),
}


@pytest.mark.parametrize("kind", FAULTS)
def test_every_kind_of_fault_is_found(kind: str) -> None:
    assert kind in kinds(FAULTS[kind](story()))


def test_what_lies_in_the_dead_letters_is_not_lost() -> None:
    well = story()
    received = paid(3, "2026-05-05", "1.00")[0]
    letter = replace(received, topic="intake.dead-letter")
    assert kinds(beside(beside(well, received), letter)) == []


def test_a_payment_may_come_back_whole() -> None:
    assert kinds(with_return(story(), "100.00")) == ["unread"]  # the last word alone: offer is not so far


def test_who_is_parked_is_held_and_has_something_put_aside() -> None:
    well = document(story(), "agreement.cases", {"_id": CASE, "park": ["decider-failed", "x"]})
    well = document(well, "agreement.parked", {"document": CASE, "order": 1})
    well = document(well, "alert.cases", {"_id": CASE, "holds": [["agreement", CASE, 2]], "held": True})
    assert kinds(well) == ["parked"]


def test_who_was_released_is_held_by_nobody() -> None:
    assert kinds(document(story(), "alert.cases", {"_id": CASE, "holds": [["offer", CASE, 3]]})) == []


def test_what_a_replay_has_decided_may_still_be_deleted() -> None:
    decided = document(story(), "agreement.cases", {"_id": CASE, "cleared": 3})
    assert kinds(document(decided, "agreement.parked", {"document": CASE, "order": 3})) == []
    assert kinds(document(decided, "agreement.parked", {"document": CASE, "order": 4})) == ["left-behind"]


def test_what_was_corrected_later_was_right_when_it_was_said() -> None:
    late = own("followup", 6, "instalment.corrected", instalment(2, "corrected", LATER))
    found = beside(second_paid_in_time(story()), late)
    assert "missed-though-paid" not in kinds(found)
