"""A payment dated before a change of terms, by hand: the loan is told again from its first day on."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from tests.oracles import allocation
from tests.oracles.outcome import EQUAL, Verdict

Case = dict[str, Any]

DOCUMENT: Case = {
    "default_allocation_order": [
        f"{due}_{part}"
        for due in ("PAST_DUE", "DUE", "IN_ADVANCE")
        for part in ("PENALTY", "FEE", "PRINCIPAL", "INTEREST")
    ],
    "products": {
        "P": {
            "loanScheduleType": "PROGRESSIVE",
            "isInterestRecalculationEnabled": False,
            "interestRateFrequencyType": "YEAR",
            "daysInYearType": "ACTUAL",
            "daysInMonthType": "ACTUAL",
        }
    },
}
LOAN: Case = {
    "submitted": "2024-01-01", "principal": 400, "annual_rate_pct": 0, "interest_type": "DECLINING_BALANCE",
    "interest_calc_period": "DAILY", "amortization": "EQUAL_INSTALLMENTS", "repay_every": 1,
    "repay_unit": "MONTHS", "n": 4, "grace_principal": 0, "grace_interest": 0, "interest_free_periods": 0,
    "strategy": "ADVANCED_PAYMENT_ALLOCATION",
}  # fmt: skip
REAGE: Case = {
    "op": "reage", "startdate": "2024-03-01", "numberofinstallments": 2, "frequencynumber": 1,
    "frequencytype": "MONTHS",
}  # fmt: skip


def row(number: int, due: str, paid_on: str | None, left: float, asked: float, paid: float) -> list[Any]:
    start = None
    return [number, start, due, paid_on, left, asked, 0.0, 0.0, 0.0, asked, paid, 0.0, 0.0, asked - paid]


LENT: list[Any] = [None, None, "2024-01-01", None, 400.0, None, None, 0.0, None, 0.0, 0.0, None, None, None]
BEFORE = [
    LENT,
    row(1, "2024-02-01", "2024-02-20", 400.0, 0.0, 0.0),
    row(2, "2024-02-20", "2024-02-20", 400.0, 0.0, 0.0),
    row(3, "2024-03-01", None, 200.0, 200.0, 0.0),
    row(4, "2024-04-01", None, 0.0, 200.0, 0.0),
]
AFTER = [
    LENT,
    row(1, "2024-02-01", "2024-02-01", 300.0, 100.0, 100.0),
    row(2, "2024-02-20", "2024-02-20", 300.0, 0.0, 0.0),
    row(3, "2024-03-01", None, 150.0, 150.0, 0.0),
    row(4, "2024-04-01", None, 0.0, 150.0, 0.0),
]
CASE: Case = {
    "product": "P",
    "loan": LOAN,
    "source": {},
    "before_is_immediate": True,
    "history": [
        {"op": "set_business_date", "date": "2024-01-01"},
        {"op": "disburse", "date": "2024-01-01", "amount": 400},
        {"op": "set_business_date", "date": "2024-02-20"},
        REAGE,
        {"op": "set_business_date", "date": "2024-02-25"},
    ],
    "business_date": "2024-02-25",
    "before": BEFORE,
    "operation": {"op": "pay", "type": "REPAYMENT", "date": "2024-02-01", "amount": 100},
    "after": AFTER,
    "expected_allocation": {"principal": 100, "interest": 0, "fees": 0, "penalties": 0, "overpayment": 0},
}


def test_a_payment_before_a_re_age_leaves_less_to_be_re_aged() -> None:
    assert allocation.judge(DOCUMENT, CASE) == EQUAL
    wrong = deepcopy(CASE)
    wrong["after"][-1][5] = 151.0
    assert allocation.judge(DOCUMENT, wrong).verdict is Verdict.DIFFERENT


def test_a_product_that_is_not_told_is_not_made_up() -> None:
    with pytest.raises(KeyError, match="P"):
        allocation.judge({**DOCUMENT, "products": {}}, CASE)


def test_where_all_is_paid_before_there_is_no_re_age() -> None:
    dues = ("2024-02-01", "2024-03-01", "2024-04-01", "2024-05-01")
    paid = [row(k, due, "2024-02-01", 400.0 - 100 * k, 100.0, 100.0) for k, due in enumerate(dues, start=1)]
    operation = {**CASE["operation"], "amount": 400}
    whole = {**CASE["expected_allocation"], "principal": 400}
    case = {**CASE, "operation": operation, "after": [LENT, *paid], "expected_allocation": whole}
    assert allocation.judge(DOCUMENT, case) == EQUAL


@pytest.mark.parametrize(
    "step", [{"op": "chargeback"}, {"op": "disburse", "date": "2024-02-21", "amount": 9}]
)
def test_a_life_that_is_not_known_is_left_out(step: Case) -> None:
    case = {**CASE, "history": [*CASE["history"], step]}
    assert allocation.judge(DOCUMENT, case).verdict is Verdict.OUT_OF_SCOPE


def test_money_given_back_comes_off_the_newest_instalment() -> None:
    dues = ("2024-02-01", "2024-03-01", "2024-04-01", "2024-05-01")
    before = [row(k, due, None, 400.0 - 100 * k, 100.0, 0.0) for k, due in enumerate(dues, start=1)]
    before[0] = row(1, dues[0], "2024-02-01", 300.0, 100.0, 100.0)
    before[1] = row(2, dues[1], None, 200.0, 100.0, 30.0)
    after = [row(1, dues[0], None, 300.0, 100.0, 60.0), row(2, dues[1], None, 200.0, 100.0, 0.0), *before[2:]]
    case = {
        **CASE,
        "history": [
            *CASE["history"][:2],
            {"op": "set_business_date", "date": "2024-02-01"},
            {"op": "pay", "type": "REPAYMENT", "date": "2024-02-01", "amount": 130},
        ],
        "before": [LENT, *before],
        "operation": {"op": "pay", "type": "REFUND_BY_CASH", "date": "2024-02-10", "amount": 70},
        "after": [LENT, *after],
        "expected_allocation": {**CASE["expected_allocation"], "principal": 70},
    }
    assert allocation.judge(DOCUMENT, case) == EQUAL
