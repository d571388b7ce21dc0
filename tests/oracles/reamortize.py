"""Re-amortisation: overdue amounts spread over the later instalments, against published schedules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.lending.reamortize import reamortize
from tests.oracles.outcome import Family, Outcome, out_of_scope
from tests.oracles.rewritten import OVERDUE_INTEREST
from tests.oracles.servicing import (
    compare,
    day,
    happened,
    loan_of,
    may_not_miss,
    product_of,
    recalculates,
    refusals_differ,
)


@refusals_differ
def judge(document: Mapping[str, Any], case: Mapping[str, Any]) -> Outcome:
    """Re-amortise the loan of ``before`` on the business date and compare it with ``after``."""
    if not case["before_is_immediate"]:
        return out_of_scope("the state before is not immediate")
    if happened(case, "chargeback"):
        return out_of_scope("chargeback")
    if recalculates(document, case) and happened(case, "reage", "reamortize"):
        return out_of_scope("interest carried from an earlier re-age or re-amortisation")
    if product_of(document, case).get("allowFullTermForTranche"):
        return out_of_scope("a full term for each tranche")
    handling = OVERDUE_INTEREST[case["operation"].get("interest_handling")]
    return compare(reamortize(loan_of(document, case), day(case["business_date"]), handling), case["after"])


FAMILY = Family("re-amortise", "fineract_reamortize.json", judge, may_not_miss=may_not_miss)
