"""Re-age: what the loan looks like after its restart, against published schedules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.lending.instalment_allocation import pay
from shared.lending.reage import reage
from tests.oracles.allocation import replayed, rules_of
from tests.oracles.outcome import Family, Outcome, out_of_scope
from tests.oracles.rewritten import terms_of
from tests.oracles.servicing import (
    compare,
    day,
    eur,
    happened,
    loan_of,
    may_not_miss,
    product_of,
    recalculates,
    received,
    refusals_differ,
)


@refusals_differ
def judge(document: Mapping[str, Any], case: Mapping[str, Any]) -> Outcome:
    """Re-age the loan of ``before`` and compare it with ``after``."""
    if not case["before_is_immediate"]:
        return out_of_scope("the state before is not immediate")
    if happened(case, "chargeback"):
        return out_of_scope("chargeback")
    operation = case["operation"]
    runs = (
        product_of(document, case).get("isInterestRecalculationEnabled") and case["loan"]["annual_rate_pct"]
    )
    if runs and operation.get("reageinteresthandling") == "WAIVE_INTEREST":
        return out_of_scope("interest recalculation with a waiver of interest")
    if runs and happened(case, "reage", "reamortize"):
        return out_of_scope("interest carried from an earlier re-age or re-amortisation")
    if min(case["business_date"], operation["startdate"]) <= case["before"][0][2]:
        return out_of_scope("re-aged on the day of the first advance")
    if recalculates(document, case):
        start = min(case["business_date"], operation["startdate"])
        if any(step["date"] > start for step in received(case)):
            return out_of_scope("interest recalculation with a payment after the day of the re-age")
        down = product_of(document, case).get("enableDownPayment")
        if down and operation.get("reageinteresthandling") in (None, "DEFAULT"):
            return out_of_scope("interest recalculation with a down payment and a new level payment")
    if _before_later_terms(case):
        return out_of_scope("dated before a later change of terms")
    terms = terms_of(document, case, operation, case["business_date"])
    loan = loan_of(document, case)
    later = [step for step in received(case) if day(step["date"]) > terms.effective]
    if not later:
        return compare(reage(loan, terms), case["after"])
    # Money received after the day of the re-age is served again, on what the loan is from that day on.
    total = loan.paid.total
    sooner = [step for step in received(case) if day(step["date"]) <= terms.effective]
    then = reage(replayed(document, case, loan, sooner).loan, terms)
    for step in later:
        rest = total - then.paid.total
        rules = rules_of(document, case, step["type"])
        assert rules is not None
        amount = rest if step["amount"] is None else eur(step["amount"])
        then = pay(then, day(step["date"]), amount, rules).loan
    return compare(then, case["after"])


def _before_later_terms(case: Mapping[str, Any]) -> bool:
    """Whether money was paid out, or the rate or the number of terms changed, after the re-age's date."""
    start = min(case["business_date"], case["operation"]["startdate"])
    for step in case["history"]:
        if step["op"] == "disburse" and step["date"] > start:
            return True
        changes = (step.get("newinterestrate"), step.get("extraterms"))
        later = step["op"] == "reschedule" and step["reschedulefromdate"] > start
        if later and any(change is not None for change in changes):
            return True
    return False


FAMILY = Family("re-age", "fineract_reage.json", judge, may_not_miss=may_not_miss)
