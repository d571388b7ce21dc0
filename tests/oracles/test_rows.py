"""One posting of a loan's life, by hand: 1,000 for thirty days without interest."""

from __future__ import annotations

from typing import Any

import pytest

from tests.oracles import rows
from tests.oracles.outcome import EQUAL, Verdict

Case = dict[str, Any]

PLAIN: Case = {"isInterestRecalculationEnabled": False}
DOWN_PAYMENT: Case = {
    **PLAIN,
    "loanScheduleType": '"PROGRESSIVE"',
    "daysInYearType": "ACTUAL",
    "daysInMonthType": "ACTUAL",
    "interestRateFrequencyType": "YEAR",
    "enableDownPayment": True,
    "enableAutoRepaymentForDownPayment": True,
}
DOCUMENT: Case = {"products": {"P": PLAIN, "D": DOWN_PAYMENT}, "default_allocation_order": "DEFAULT_ORDER"}
LOAN: Case = {
    "product": "P", "submitted": "2024-01-01", "principal": 1000, "annual_rate_pct": 0, "repay_every": 30,
    "interest_type": "DECLINING_BALANCE", "interest_calc_period": "DAILY", "repay_unit": "DAYS",
    "amortization": "EQUAL_INSTALLMENTS", "n": 1, "grace_principal": 0, "grace_interest": 0,
    "interest_free_periods": 0,
    "strategy": "PENALTIES_FEES_INTEREST_PRINCIPAL_ORDER",
}  # fmt: skip
LENT: Case = {"op": "disburse", "date": "2024-01-01", "amount": 1000}
FEE: Case = {"op": "charge", "charge": "LOAN_SNOOZE_FEE", "due": "2024-01-03", "amount": 10}
UNDONE: Case = {"op": "undo", "type": "Repayment(last)", "date": "2024-01-02"}
ADJUSTED: Case = {"op": "adjust_repayment", "index": 1, "date": "2024-01-02", "amount": 10}
NIGHT: Case = {"op": "end_of_day"}
WRITTEN_OFF: Case = {"op": "write_off", "date": "2024-01-05"}


def pay(on: str, amount: float) -> Case:
    return {"op": "pay", "type": "REPAYMENT", "date": on, "amount": amount}


def posting(kind: str, amount: float, principal: float, fees: float, left: float) -> Case:
    figures = {"principal": principal, "interest": 0, "fees": fees, "penalties": 0, "loan_balance": left}
    return {"transaction_type": kind, "amount": amount, **figures}


def case(history: list[Case], expected: Case, **terms: Any) -> Case:
    dated = [{"op": "set_business_date", "date": "2024-01-05"}, LENT, *history]
    return {"id": "one", "loan": {**LOAN, **terms}, "history": dated, "expected_transaction": expected}


@pytest.mark.parametrize(
    ("history", "expected"),
    [
        ([pay("2024-01-02", 9)], posting("Repayment", 9, 9, 0, 991)),
        ([FEE, pay("2024-01-04", 15)], posting("Repayment", 15, 5, 10, 995)),
        ([pay("2024-01-02", 9), ADJUSTED], posting("Repayment", 9, 9, 0, 991)),
        ([pay("2024-01-02", 9), ADJUSTED], posting("Repayment", 10, 10, 0, 990)),
        ([pay("2024-01-02", 9), pay("2024-01-03", 7), UNDONE], posting("Repayment", 7, 7, 0, 984)),
        ([FEE, NIGHT, pay("2024-01-04", 1010)], posting("Accrual", 10, 0, 10, 0)),
        ([FEE, pay("2024-01-04", 1010)], posting("Accrual", 10, 0, 10, 0)),
        ([FEE, WRITTEN_OFF], posting("Close (as written-off)", 1010, 1000, 10, 0)),
    ],
)  # fmt: skip
def test_a_posting_is_found(history: list[Case], expected: Case) -> None:
    assert rows.judge_row(DOCUMENT, case(history, expected)) == EQUAL
    wrong = {**expected, "principal": expected["principal"] + 0.01}
    assert rows.judge_row(DOCUMENT, case(history, wrong)).verdict is Verdict.DIFFERENT
    other = {**expected, "amount": 0.01}
    assert rows.judge_row(DOCUMENT, case(history, other)).verdict is Verdict.DIFFERENT


def test_a_down_payment_is_no_longer_there_to_be_written_off() -> None:
    gone = case(
        [{"op": "write_off", "date": "2024-01-05"}],
        posting("Close (as written-off)", 750, 750, 0, 0),
        product="D",
    )
    assert rows.judge_row(DOCUMENT, gone) == EQUAL


@pytest.mark.parametrize("step", ["chargeback", "charge_off"])
def test_what_is_not_told_is_left_out_by_a_rule(step: str) -> None:
    told = case([{"op": step, "date": "2024-01-03"}], posting("Repayment", 9, 9, 0, 991))
    assert rows.judge_row(DOCUMENT, told).verdict is Verdict.OUT_OF_SCOPE


def test_interest_is_accrued_by_no_rule_of_ours() -> None:
    told = case([NIGHT], posting("Accrual", 1, 0, 0, 0), annual_rate_pct=12)
    assert rows.judge_row(DOCUMENT, told).verdict is Verdict.OUT_OF_SCOPE
