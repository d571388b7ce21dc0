"""Each judge tells an equal case from one with another figure, and names the rule that leaves one out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from datetime import date
from typing import Any

import pytest

from tests.oracles import apr, generation, reg_z, time_value, unit_annuity, xirr
from tests.oracles.figures import day
from tests.oracles.outcome import EQUAL, Outcome, Verdict

Case = dict[str, Any]

EFFECTIVE: Case = {
    "time_unit": "days (year = 365 days)",
    "advances": [[0, 1000]],
    "payments": [[365, 1100]],
    "expected_apr_pct": 10.0,
    "decimals": 1,
}
REG_Z: Case = {
    "amount_advanced": 6000,
    "advance_date": "1978-02-10",
    "payments": [[f"{1978 + k // 12}-{k % 12 + 1:02}-01", 200] for k in range(3, 39)],
    "unit_period": "1 month",
    "first_period_whole_unit_periods_t": 1,
    "first_period_fraction_f": 0.6333333333,
    "expected_apr_pct": 11.82,
    "decimals": 2,
}
XIRR: Case = {
    "day_count": "act/365F",
    "cash_flows": [["2023-01-01", -100], ["2024-01-01", 110]],
    "expected_xirr": 0.1,
}
PMT: Case = {
    "function": "pmt",
    "inputs": {"rate": "0.12/12", "nper": 12, "pv": 10000, "when": "end"},
    "expected": -888.49,
    "decimals": 2,
}
LEVEL: Case = {
    "config": {
        "money_decimals": 2,
        "rounding": "HALF_EVEN",
        "annual_rate_pct": 12,
        "days_in_year": "DAYS_360",
        "days_in_month": "DAYS_30",
        "repay_unit": "MONTHS",
        "repay_every": 1,
    },
    "periods": [["2024-01-01", "2024-02-01"]],
    "steps": [
        {"op": "addDisbursement", "date": "2024-01-01", "amount": 100.0},
        {"expect": "period", "i": 0, "emi": 101.0, "interest": 1.0, "principal": 100.0, "balance": 0.0},
    ],
}
BETWEEN: Case = {**LEVEL, "steps": [{"op": "addDisbursement", "date": "2024-01-15", "amount": 100.0}]}
KEYS = ["nr", "days", "date", "balance", "principal", "interest", "due"]
NEW_LOAN: Case = {
    "product": "P",
    "source": {},
    "as_of": "2024-01-01",
    "disbursement": {"date": "2024-01-01", "amount": 100},
    "loan": {
        "submitted": "2024-01-01",
        "annual_rate_pct": 12,
        "interest_type": "DECLINING_BALANCE",
        "interest_calc_period": "DAILY",
        "amortization": "EQUAL_INSTALLMENTS",
        "repay_every": 1,
        "repay_unit": "MONTHS",
        "n": 1,
        "grace_principal": 0,
        "grace_interest": 0,
        "interest_free_periods": 0,
    },
    "schedule": [
        [None, None, "2024-01-01", 100.0, None, None, 0.0],
        [1, 31, "2024-02-01", 0.0, 100.0, 1.0, 101.0],
    ],
}
FLAT: Case = {**NEW_LOAN, "loan": {**NEW_LOAN["loan"], "interest_type": "FLAT"}}
PRODUCT: Case = {
    "loanScheduleType": "PROGRESSIVE",
    "daysInYearType": "DAYS360",
    "daysInMonthType": "DAYS30",
    "interestRateFrequencyType": "YEAR",
    "isInterestRecalculationEnabled": False,
}
DOCUMENT = {"products": {"P": PRODUCT}, "row_keys": KEYS}

Judge = Callable[[Mapping[str, Any], Mapping[str, Any]], Outcome]


def changed(case: Case, path: tuple[Any, ...], value: object) -> Case:
    """The case with another value at that place."""
    copy = deepcopy(case)
    place: Any = copy
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return copy


JUDGED = [
    (apr.judge, EFFECTIVE, ("expected_apr_pct",), 10.1),
    (reg_z.judge, REG_Z, ("expected_apr_pct",), 11.83),
    (reg_z.judge, REG_Z, ("first_period_whole_unit_periods_t",), 2),
    (xirr.judge, XIRR, ("expected_xirr",), 0.1000001),
    (xirr.judge, XIRR, ("expected_xirr",), None),
    (time_value.judge, PMT, ("expected",), -888.51),
    (time_value.judge, PMT, ("expected",), None),
    (unit_annuity.judge, LEVEL, ("steps", 1, "emi"), 101.01),
    (unit_annuity.judge, LEVEL, ("steps", 1, "balance"), 0.01),
    (unit_annuity.judge, LEVEL, ("steps", 1, "sub"), 2),
    (generation.judge, NEW_LOAN, ("schedule", 1, 5), 1.01),
    (generation.judge, NEW_LOAN, ("schedule", 1, 1), 30),
    (generation.judge, NEW_LOAN, ("schedule", 1, 2), "2024-02-02"),
    (generation.judge, NEW_LOAN, ("schedule",), NEW_LOAN["schedule"][:1]),
]


@pytest.mark.parametrize(("judge", "case", "path", "value"), JUDGED)
def test_another_figure_is_noticed(judge: Judge, case: Case, path: tuple[Any, ...], value: object) -> None:
    assert judge(DOCUMENT, case) == EQUAL
    assert judge(DOCUMENT, changed(case, path, value)).verdict is Verdict.DIFFERENT


@pytest.mark.parametrize(
    ("judge", "case", "path", "value"),
    [
        (apr.judge, EFFECTIVE, ("time_unit",), "fortnights"),
        (xirr.judge, XIRR, ("day_count",), "bus/252"),
        (time_value.judge, PMT, ("function",), "duration"),
        (unit_annuity.judge, LEVEL, ("disabled",), True),
        (unit_annuity.judge, LEVEL, ("steps", 0, "op"), "addCapitalizedIncome"),
        (unit_annuity.judge, LEVEL, ("config", "down_payment"), 25),
        (unit_annuity.judge, LEVEL, ("config", "precision"), 19),
        (unit_annuity.judge, LEVEL, ("steps", 1, "expect"), "paid_amounts"),
        (unit_annuity.judge, BETWEEN, ("config", "full_term_for_tranche"), True),
        (generation.judge, NEW_LOAN, ("variant",), "_loan_product_s_charges_"),
        (generation.judge, NEW_LOAN, ("loan", "interestratefrequencytype"), "FORTNIGHT"),
        (generation.judge, NEW_LOAN, ("loan", "amortization"), "EQUAL_PRINCIPAL"),
        (generation.judge, NEW_LOAN, ("loan", "grace_interest"), 1),
        (generation.judge, NEW_LOAN, ("loan", "interest_free_periods"), 1),
        (generation.judge, FLAT, ("loan", "grace_principal"), 1),
    ],
)
def test_terms_leave_a_case_out_by_a_named_rule(
    judge: Judge, case: Case, path: tuple[Any, ...], value: object
) -> None:
    outcome = judge(DOCUMENT, changed(case, path, value))
    assert outcome.verdict is Verdict.OUT_OF_SCOPE
    assert outcome.why


def test_a_rule_looks_at_terms_alone() -> None:
    """Whatever the figures are, a case that is in scope stays there."""
    wrong = changed(NEW_LOAN, ("schedule", 1, 5), 99.0)
    assert generation.judge(DOCUMENT, wrong).verdict is Verdict.DIFFERENT


def test_a_payment_without_an_amount_pays_what_is_due() -> None:
    case = deepcopy(LEVEL)
    on = {"period_due": "2024-01-01", "date": "2024-02-01", "amount": "2024-02-01"}
    case["steps"] += [
        {"op": "payPrincipal", **on},
        {"op": "payInterest", **on},
        {"expect": "period", "i": 0, "emi": 101.0, "fully_paid": True},
        {"expect": "total_interest", "amount": 1.0},
    ]
    assert unit_annuity.judge(DOCUMENT, case) == EQUAL


@pytest.mark.parametrize("text", ["2024-06-23", "23 Jun 2024", "23 June 2024"])
def test_a_day_is_read_in_the_ways_it_is_printed(text: str) -> None:
    assert day(text) == date(2024, 6, 23)
