"""Servicing of a loan equals published figures to the cent, wherever a product rule applies."""

from __future__ import annotations

import gzip
import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.oracles import allocation, pause, reage, reamortize, reschedule
from tests.oracles.outcome import Family, Verdict

_FOLDER = Path(os.environ.get("PARLEY_ORACLES") or Path(__file__).parents[3] / "shared" / "oracles")
_FAMILIES = (
    reage.FAMILY,
    reamortize.FAMILY,
    pause.FAMILY,
    reschedule.FAMILY,
    allocation.FAMILY,
    allocation.ROWS_FAMILY,
)


def _document(family: Family) -> dict[str, Any]:
    path = _FOLDER / family.file
    if not path.exists():
        pytest.skip("the published figures are not on this machine (PARLEY_ORACLES names their folder)")
    with gzip.open(path) as file:
        document: dict[str, Any] = json.load(file)
    return document


@pytest.mark.parametrize("family", _FAMILIES, ids=lambda family: family.name)
def test_every_case_in_scope_is_equal(family: Family) -> None:
    document = _document(family)
    verdicts = {case["id"]: family.judge(document, case) for case in document["cases"]}
    unequal = {name: seen.why for name, seen in verdicts.items() if seen.verdict is Verdict.DIFFERENT}
    assert unequal == {}
    counts = Counter(seen.verdict for seen in verdicts.values())
    assert counts[Verdict.EQUAL] >= family.least_in_scope * len(verdicts)
    assert all(seen.why for seen in verdicts.values() if seen.verdict is Verdict.OUT_OF_SCOPE)


def test_a_wrong_figure_is_seen() -> None:
    document = _document(reage.FAMILY)
    for case in document["cases"]:
        if reage.judge(document, case).verdict is Verdict.EQUAL:
            row = [*case["after"][-1]]
            row[5] += 0.01
            changed = {**case, "after": [*case["after"][:-1], row]}
            assert reage.judge(document, changed).verdict is Verdict.DIFFERENT
            return
    pytest.fail("no re-age is in scope")
