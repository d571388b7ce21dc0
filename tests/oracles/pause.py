"""Interest pauses against published schedules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.lending.pause import pause_interest
from tests.oracles.outcome import Family, Outcome, out_of_scope
from tests.oracles.servicing import (
    compare,
    day,
    happened,
    is_clear_of_carried,
    is_divided,
    loan_of,
    may_not_miss,
    reaged_on,
    recalculates,
    refusals_differ,
    restructured_on,
)


@refusals_differ
def judge(document: Mapping[str, Any], case: Mapping[str, Any]) -> Outcome:
    """Pause interest on the loan of ``before`` and compare it with ``after``."""
    if not case["before_is_immediate"]:
        return out_of_scope("the state before is not immediate")
    if happened(case, "chargeback"):
        return out_of_scope("chargeback")
    if is_divided(case) and case["operation"]["start"] <= reaged_on(case):
        return out_of_scope("dated before an earlier change of terms")
    earlier = recalculates(document, case) and happened(case, "reage", "reamortize")
    if earlier and case["operation"]["start"] <= restructured_on(case):
        return out_of_scope("dated before an earlier change of terms")
    if earlier and not is_clear_of_carried(case):
        return out_of_scope("interest carried from an earlier re-age or re-amortisation")
    operation = case["operation"]
    paused = pause_interest(
        loan_of(document, case), day(operation["start"]), day(operation["end"]), day(case["business_date"])
    )
    return compare(paused, case["after"])


FAMILY = Family("interest pause", "fineract_interest_pause.json", judge, may_not_miss=may_not_miss)
