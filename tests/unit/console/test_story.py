"""A line of a case's story: a reason that the sentence tells already is not told twice."""

from __future__ import annotations

from typing import Any

import pytest

from services.console.story import Line, lines_of, lines_to_tell
from shared.contracts.ids import case_id
from shared.contracts.intake import CaseChanged
from shared.contracts.offer import NoPlanFound, OfferWithdrawn
from shared.contracts.runtime import CaseHeld, CaseReleased

CASE = case_id("C-1", 1)
CURED = {"code": "account-cured", "params": {}}


def line(type_: str, lang: str, **data: Any) -> Line:
    entry = {"time": "2026-03-01T09:00:00+00:00", "source": "/parley/offer", "type": type_, "data": data}
    (found,) = lines_of([{**entry, "id": "e1", "number": 1, "causation": None, "case": CASE}], CASE, lang)
    return found


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_sentence_that_tells_its_reason_leaves_nothing_unsaid(lang: str) -> None:
    withdrawn = line(OfferWithdrawn.TYPE, lang, reason=CURED)
    assert withdrawn.why
    assert withdrawn.why[0] in withdrawn.what
    assert withdrawn.unsaid == ()
    none = line(NoPlanFound.TYPE, lang, reason=CURED, next_step=CURED)
    assert len(none.why) == 2
    assert none.unsaid == ()


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_sentence_that_does_not_is_followed_by_its_reason(lang: str) -> None:
    changed = line(CaseChanged.TYPE, lang, reason=CURED, debts=[])
    assert changed.unsaid == changed.why != ()


@pytest.mark.parametrize(
    ("story", "told"),
    [
        ("o", "o"),
        ("h", "h"),
        ("hr", "hr"),
        ("hhhr", "hr"),
        ("ohhrro", "ohro"),
        ("hhohhhrr", "hhohr"),
        ("", ""),
    ],
)
def test_of_what_services_repeat_about_a_hold_the_first_and_the_last_are_told(story: str, told: str) -> None:
    types = {"o": OfferWithdrawn.TYPE, "h": CaseHeld.TYPE, "r": CaseReleased.TYPE}
    lines = [Line("", "offer", "", (), types[letter], str(at), None) for at, letter in enumerate(story)]
    kept = lines_to_tell(lines)
    assert [line.type for line in kept] == [types[letter] for letter in told]
    assert kept == sorted(kept, key=lambda line: int(line.id))
