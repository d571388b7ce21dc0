"""The reconciliation finds what is wrong, and nothing where all is right."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from services.console.reconcile import (
    ServiceInputs,
    accounting,
    belongs,
    open_cases,
    receivers,
    sequences,
)
from shared.contracts.bank import DayClosed, PaymentReceived
from shared.contracts.envelope import Envelope
from shared.contracts.intake import CaseAssigned
from shared.contracts.partition import partition_of
from shared.lending.money import Money


def message(sequence: int, *, id_: str | None = None, case: str = "a") -> Envelope[CaseAssigned]:
    return Envelope(
        id=id_ or f"{case}{sequence}",
        source="/parley/intake",
        time=datetime(2026, 3, 2, tzinfo=UTC),
        key="C1",
        data=CaseAssigned(owner="n-1"),
        subject=case,
        sequence=sequence,
    )


def test_contiguous_sequences_pass_also_when_repeated_or_out_of_order() -> None:
    check = sequences([message(2), message(1), message(2), message(1, case="b")])
    assert check.ok
    assert check.looked_at == 4


@pytest.mark.parametrize(
    ("messages", "words"),
    [
        ([message(1), message(3)], "missing [2] of 3"),
        ([message(2)], "missing [1] of 2"),
        ([message(1), message(1, id_="x")], "carries two ids"),
    ],
)
def test_gaps_and_double_ids_are_found(messages: list[Envelope[CaseAssigned]], words: str) -> None:
    check = sequences(messages)
    assert check.wrong == 1
    assert words in check.findings[0]


def test_a_receiver_that_has_not_seen_the_last_is_found() -> None:
    bounds = {("offer", "intake", "a"): (3, 3)}
    assert receivers(bounds, [("offer", "intake", "a", 3), ("alert", "offer", "a", 1)]).ok
    late = receivers(bounds, [("offer", "intake", "a", 2)])
    assert late.findings == ["offer has seen 2 of 3 from intake about a"]
    assert receivers(bounds, [("offer", "intake", "a", 4)]).wrong == 1, "nobody has sent that"
    assert receivers(bounds, []).wrong == 1


def test_what_a_receiver_has_dead_lettered_is_not_missing() -> None:
    bounds = {("offer", "intake", "a"): (1, 3)}
    assert receivers(bounds, [("offer", "intake", "a", 1)]).ok
    assert receivers(bounds, [("offer", "intake", "a", 3)]).ok, "replayed"
    assert receivers(bounds, []).wrong == 1


def test_what_a_producer_cannot_have_sent_does_not_count() -> None:
    said = message(1)
    assert belongs(said, "intake", 0, 2)
    assert not belongs(said, "offer", 0, 2), "another service's"
    assert not belongs(replace(said, subject=None), "intake", 0, 2)
    assert not belongs(replace(said, sequence=None), "intake", 0, 2)
    paid = PaymentReceived(payment_id="p", amount=Money(1, "CNY"), value_date=date(2026, 3, 1))
    outside = replace(said, source="/bank/core", data=paid, subject=None, sequence=None)
    home = partition_of(b"C1", 2)
    assert belongs(outside, "bank", home, 2)
    assert not belongs(outside, "bank", 1 - home, 2), "Kafka's partitioner puts it elsewhere"
    assert not belongs(outside, "desk", home, 2)
    assert belongs(replace(outside, key="", data=DayClosed(day=date(2026, 3, 1))), "bank", 1 - home, 2)


ROW = ServiceInputs("offer", "intake.events", 0, next_offset=10, processed=7, duplicates=2, dead_lettered=1)


@pytest.mark.parametrize(
    ("row", "wrong"),
    [
        (ROW, 0),
        (replace(ROW, processed=6), 1),
        (replace(ROW, duplicates=3), 1),
        (replace(ROW, next_offset=9, processed=6), 1),
        (replace(ROW, dead_lettered=0), 1),
    ],
)
def test_the_three_counts_add_up(row: ServiceInputs, wrong: int) -> None:
    check = accounting([row], {("intake.events", 0): (0, 10)})
    assert check.looked_at == 10
    assert check.wrong == wrong


@pytest.mark.parametrize(
    ("asked", "end", "wrong"),
    [(10, 10, 0), (10, 12, 0), (9, 10, 0), (11, 12, 1), (None, 12, 1), (10, 9, 1)],
)
def test_what_was_said_since_the_check_began_need_not_have_been_read(
    asked: int | None, end: int, wrong: int
) -> None:
    at = ("intake.events", 0)
    check = accounting([ROW], {at: (0, end)}, None if asked is None else {at: asked})
    assert check.wrong == wrong, check.findings


def test_what_a_restored_backup_has_made_void_is_not_asked_for() -> None:
    row = ServiceInputs("offer", "intake.events", 0, 10, 4, 1, 1, void=4)
    assert accounting([row], {("intake.events", 0): (0, 10)}).ok
    assert not accounting([replace(row, void=3)], {("intake.events", 0): (0, 10)}).ok


def test_an_open_case_needs_state_owner_and_next_date() -> None:
    cases = [("a", "talks", "n-1", True), ("b", "closed", None, False), ("c", "talks", None, True)]
    check = open_cases(cases, {"a": "2026-03-05"})
    assert check.looked_at == 2
    assert check.findings == ["c: no owner, no next date"]
