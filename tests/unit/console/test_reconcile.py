"""The reconciliation finds what is wrong, and nothing where all is right."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from services.console.reconcile import ServiceInputs, accounting, open_cases, receivers, sequences
from shared.contracts.envelope import Envelope
from shared.contracts.intake import CaseAssigned


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
    last = {("offer", "intake", "a"): 3}
    assert receivers(last, [("offer", "intake", "a", 3), ("alert", "offer", "a", 1)]).ok
    late = receivers(last, [("offer", "intake", "a", 2)])
    assert late.findings == ["offer has seen 2 of 3 from intake about a"]
    assert receivers(last, []).wrong == 1


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


def test_an_open_case_needs_state_owner_and_next_date() -> None:
    cases = [("a", "talks", "n-1", True), ("b", "closed", None, False), ("c", "talks", None, True)]
    check = open_cases(cases, {"a": "2026-03-05"})
    assert check.looked_at == 2
    assert check.findings == ["c: no owner, no next date"]
