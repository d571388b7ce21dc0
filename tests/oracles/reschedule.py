"""Reschedules (rate, due dates, extra terms, grace) against published schedules."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from shared.lending.reschedule import Reschedule, reschedule
from tests.oracles.outcome import Family, Outcome, out_of_scope
from tests.oracles.servicing import (
    compare,
    day,
    happened,
    is_clear_of_carried,
    is_divided,
    loan_of,
    may_not_miss,
    product_of,
    reaged_on,
    recalculates,
    refusals_differ,
    restructured_on,
)


@refusals_differ
def judge(document: Mapping[str, Any], case: Mapping[str, Any]) -> Outcome:
    """Reschedule the loan of ``before`` and compare it with ``after``."""
    if not case["before_is_immediate"]:
        return out_of_scope("the state before is not immediate")
    if happened(case, "chargeback"):
        return out_of_scope("chargeback")
    behaviour = product_of(document, case).get("chargeOffBehaviour")
    if happened(case, "charge_off") and behaviour == "ACCELERATE_MATURITY":
        return out_of_scope("maturity brought forward by a charge-off")
    if happened(case, "credit_balance_refund"):
        return out_of_scope("credit balance refund")
    if is_divided(case) and case["operation"]["reschedulefromdate"] <= reaged_on(case):
        return out_of_scope("dated before an earlier change of terms")
    earlier = recalculates(document, case) and happened(case, "reage", "reamortize")
    if earlier and case["operation"]["reschedulefromdate"] <= restructured_on(case):
        return out_of_scope("dated before an earlier change of terms")
    if earlier and not is_clear_of_carried(case):
        return out_of_scope("interest carried from an earlier re-age or re-amortisation")
    op = case["operation"]
    rate = op.get("newinterestrate")
    change = Reschedule(
        since=day(op["reschedulefromdate"]),
        on=day(case["business_date"]),
        annual_pct=None if rate is None else Decimal(str(rate)),
        due=day(op["adjustedduedate"]) if op.get("adjustedduedate") else None,
        extra=int(op.get("extraterms") or 0),
        grace_principal=int(op.get("graceonprincipal") or 0),
        grace_interest=int(op.get("graceoninterest") or 0),
    )
    return compare(reschedule(loan_of(document, case), change), case["after"])


FAMILY = Family("reschedule", "fineract_reschedule.json", judge, may_not_miss=may_not_miss)
