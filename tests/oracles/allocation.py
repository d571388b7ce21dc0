"""Payments: the split of one payment and the schedule after it, against published figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from shared.lending.allocation import Components
from shared.lending.instalment_allocation import Due, Future, Payment, PaymentRules, give_back, pay
from shared.lending.loan import LoanInstalment, RunningLoan
from shared.lending.recalculated import pay_recalculated
from tests.oracles import rewritten
from tests.oracles.outcome import EQUAL, Family, Outcome, different, out_of_scope
from tests.oracles.servicing import (
    EUR,
    OLDER_ORDERS,
    Case,
    cents,
    compare,
    day,
    eur,
    happened,
    history,
    is_clear_of_carried,
    is_misprinted,
    loan_of,
    may_not_miss,
    operations,
    product_of,
    recalculates,
    received,
    refusals_differ,
    restructured_on,
    slots_of,
)

_IN_CASH = "REFUND_BY_CASH"
_FUTURE = {
    "NEXT_INSTALLMENT": Future.NEXT,
    "LAST_INSTALLMENT": Future.LAST,
    "REAMORTIZATION": Future.EQUALLY,
    "NEXT_LAST_INSTALLMENT": Future.CURRENT_THEN_LAST,
}


def rules_of(document: Case, case: Case, kind: str) -> PaymentRules | None:
    """The product's rules for a type of payment; None when its order or future rule is none of ours."""
    strategy = case["loan"]["strategy"]
    if strategy.endswith("_IN_ADVANCE_PRINCIPAL_PENALTY_FEE_INTEREST"):
        parts = OLDER_ORDERS[strategy]
        due = [(where, part) for where in (Due.PAST_DUE, Due.DUE) for part in parts]
        ahead = [(Due.IN_ADVANCE, part) for part in (parts[3], *parts[:3])]
        return PaymentRules((*due, *ahead), charges_by_own_day=True)
    if strategy in OLDER_ORDERS:
        return PaymentRules.same_for_all(OLDER_ORDERS[strategy])
    if strategy != "ADVANCED_PAYMENT_ALLOCATION":
        return None
    product = product_of(document, case)
    rules = {rule["transactionType"]: rule for rule in product.get("paymentAllocation") or ()}
    future = (rules.get(kind) or rules.get("DEFAULT") or {}).get("futureInstallmentAllocationRule")
    changed = (case.get("allocation_rule_overrides") or {}).get(case["product"], {})
    future = changed.get(kind) or (future if kind in rules else changed.get("DEFAULT", future))
    if (future or "NEXT_INSTALLMENT") not in _FUTURE:
        return None
    return PaymentRules(
        slots_of(document, case, kind),
        _FUTURE[future or "NEXT_INSTALLMENT"],
        vertical=product.get("loanScheduleProcessingType") == "VERTICAL",
    )


def _scope(document: Case, case: Case) -> str | None:
    """The named rule that leaves a payment out, from the terms and the history alone."""
    operation = case["operation"]
    if not case["before_is_immediate"]:
        return "the state before is not immediate"
    if is_misprinted(case):
        return "the printed schedule leaves instalments out or falls below zero"
    if happened(case, "chargeback", "credit_balance_refund"):
        return "chargeback or credit balance refund"
    if recalculates(document, case):
        if operation["type"] in (_IN_CASH, "INTEREST_PAYMENT_WAIVER"):
            return "interest recalculation with a refund in cash or a waiver instead of a payment"
        if _refunds_interest(document, case):
            return "interest refunded with a refund"
        return _recalculation_scope(document, case)
    if rewritten.is_older(case) and not rewritten.can(document, case):
        return "dated before an earlier change of terms"
    if rules_of(document, case, operation["type"]) is None:
        return "an order of payments that is not known"
    return None


def _refunds_interest(document: Case, case: Case) -> bool:
    """Whether the payment, or one before it, brings an interest refund along (it runs with the interest)."""
    types = str(product_of(document, case).get("supportedInterestRefundTypes", ""))
    if "REFUND" not in types.upper():
        return False
    kinds = {case["operation"]["type"]}
    kinds |= {step["type"] for step in case["history"] if step["op"] == "pay"}
    return bool(kinds & {"MERCHANT_ISSUED_REFUND", "PAYOUT_REFUND"})


_PAYMENTS = {"set_business_date", "create_loan", "approve", "disburse", "pay", "end_of_day", "charge"}
# These change the terms before the payment, and the rows and the history say all of it.
_TERMS = {"set_allocation_rule", "undo", "reschedule", "capitalized_income"}
_ENDS = {"charge_off", "terminate_contract"}


def _recalculation_scope(document: Case, case: Case) -> str | None:
    """What is left out where interest runs on what is really owed."""
    operation, product = case["operation"], product_of(document, case)
    earlier = happened(case, "reage", "reamortize")
    if earlier and operation["date"] < restructured_on(case):
        return "dated before an earlier change of terms"
    if earlier and not is_clear_of_carried(case):
        return "interest carried from an earlier re-age or re-amortisation"
    if set(operations(case)) - _PAYMENTS - _TERMS - _ENDS - {"reage", "reamortize"}:
        return "interest recalculation after another operation than payments"
    if any(step["date"] > operation["date"] for step in received(case)):
        return "interest recalculation with a payment older than others"
    today = ""
    for step in case["history"]:
        today = step["date"] if step["op"] == "set_business_date" else today
        if step["op"] in _ENDS and operation["date"] < str(step.get("date", today)):
            return "interest recalculation with a payment older than the end of the loan"
    if product.get("recalculationRestFrequencyType") != "DAILY":
        return "interest recalculation less often than every day"
    if product.get("loanScheduleProcessingType") == "VERTICAL":
        return "interest recalculation with vertical processing"
    rules = rules_of(document, case, operation["type"])
    if rules is None or rules.future is Future.EQUALLY:
        return "interest recalculation with equal shares to future instalments"
    if rules.future is not Future.NEXT and product.get("enableDownPayment"):
        return "interest recalculation with a down payment and payments to the last instalment"
    return None


def _paid(document: Case, case: Case) -> Payment:
    """The payment on the loan of ``before``; one older than others is served in its turn."""
    operation = case["operation"]
    rules = rules_of(document, case, operation["type"])
    assert rules is not None
    loan = loan_of(document, case)
    if recalculates(document, case):
        return pay_recalculated(
            _as_replayed(document, case, loan),
            day(operation["date"]),
            eur(operation["amount"]),
            rules,
            day(case["business_date"]),
        )
    if rewritten.is_older(case):
        types = {step["type"] for step in (*history(case), operation) if step["op"] == "pay"}
        known = {kind: kinds for kind in types if (kinds := rules_of(document, case, kind)) is not None}
        return rewritten.paid_in_turn(document, case, known)
    earlier = [step for step in history(case) if step["op"] == "pay"]
    if any(step["date"] > operation["date"] for step in earlier):
        steps = sorted([*earlier, operation], key=lambda step: str(step["date"]))
        return replayed(document, case, loan, steps)
    # The rows print what was paid of each instalment, not of which part: paying again says it, if it agrees.
    if earlier and not happened(case, "reage", "reamortize", "reschedule", "charge_adjustment"):
        again = replayed(document, case, loan, sorted(earlier, key=lambda step: str(step["date"]))).loan
        if [row.paid.total for row in again.instalments] == [row.paid.total for row in loan.instalments]:
            loan = replace(again, instalments=_as_settled(again, loan))
    serve = give_back if operation["type"] == _IN_CASH else pay
    return serve(loan, day(operation["date"]), eur(operation["amount"]), rules)


def _as_replayed(document: Case, case: Case, loan: RunningLoan) -> RunningLoan:
    """The loan with the parts that paying again says were paid, if that gives the printed schedule."""
    nothing = Components.zero(EUR)
    rows = (
        row if row.is_down_payment else replace(row, paid=nothing, settled_on=None)
        for row in loan.instalments
    )
    kept = tuple(receipt for receipt in loan.receipts if loan.instalments[receipt.index].is_down_payment)
    again = replace(loan, instalments=tuple(rows), receipts=kept)
    today = day(case["history"][0]["date"])
    for step in history(case):
        if step["op"] == "set_business_date":
            today = day(step["date"])
        if step["op"] == "pay":
            rules = rules_of(document, case, step["type"])
            if rules is None or again.unpaid.total.is_zero:
                return loan
            again = pay_recalculated(again, day(step["date"]), eur(step["amount"]), rules, today).loan
    return again if compare(again, case["before"]) == EQUAL else loan


def _as_settled(again: RunningLoan, loan: RunningLoan) -> tuple[LoanInstalment, ...]:
    pairs = zip(again.instalments, loan.instalments, strict=True)
    return tuple(replace(row, settled_on=printed.settled_on) for row, printed in pairs)


def replayed(document: Case, case: Case, loan: RunningLoan, steps: list[Case]) -> Payment:
    """The payments of ``steps`` in turn, on the loan without any; the answer to the one that is judged."""
    nothing = Components.zero(EUR)
    auto = product_of(document, case).get("enableAutoRepaymentForDownPayment")
    loan = replace(
        loan,
        instalments=tuple(
            row if auto and row.is_down_payment else replace(row, paid=nothing, settled_on=None)
            for row in loan.instalments
        ),
    )
    answer = Payment(loan, nothing, eur(0))
    for step in steps:
        rules = rules_of(document, case, step["type"])
        assert rules is not None
        done = pay(loan, day(step["date"]), eur(step["amount"]), rules)
        loan = done.loan
        if step is case["operation"]:
            answer = done
    return replace(answer, loan=loan)


@refusals_differ
def judge(document: Mapping[str, Any], case: Mapping[str, Any]) -> Outcome:
    """Pay, and compare the split and the schedule."""
    rule = _scope(document, case)
    if rule is not None:
        return out_of_scope(rule)
    done = _paid(document, case)
    split = case.get("expected_allocation")
    if split is not None:
        ours = (
            done.parts.principal.minor,
            done.parts.interest.minor,
            done.parts.fees.minor,
            done.parts.late_charges.minor,
            done.unallocated.minor,
        )
        names = ("principal", "interest", "fees", "penalties", "overpayment")
        theirs = tuple(cents(split[name]) for name in names)
        if ours != theirs:
            return different(f"split {ours} but published {theirs}")
    return compare(done.loan, case["after"])


FAMILY = Family("payment allocation", "fineract_payment_allocation.json", judge, may_not_miss=may_not_miss)
