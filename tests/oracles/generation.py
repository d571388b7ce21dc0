"""Schedules of new loans: the terms and one disbursement give every row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from shared.lending.loan_schedule import classic, level_loan, progressive_rows
from shared.lending.loan_terms import Interest, LoanRow, LoanTerms, RatePer, Repayment, TermsError
from shared.lending.money import Money, Rounding
from shared.lending.rate_factors import Convention, Every, YearDays
from tests.oracles.figures import day, number
from tests.oracles.outcome import EQUAL, Outcome, different, out_of_scope

_RATE_PER = {
    "YEAR": RatePer.YEAR,
    3: RatePer.YEAR,
    "MONTH": RatePer.MONTH,
    2: RatePer.MONTH,
    "WHOLE_TERM": RatePer.WHOLE_TERM,
    4: RatePer.WHOLE_TERM,
}
_SUBMITTED = 2  # the repayment periods start on the day of the application, not of the disbursement
_TRANCHES = ("1st", "2nd", "3rd")


def judge(document: Mapping[str, Any], case: Mapping[str, Any]) -> Outcome:
    """Every row equals: number, days, date, balance, principal, interest and the whole, to the cent."""
    product = document["products"][case["product"]]
    rule = _rule(product, case)
    if rule:
        return out_of_scope(rule)
    try:
        rows = schedule(product, case)
    except TermsError as error:
        return different(f"no schedule at all: {error}")
    return _compare(rows, case["schedule"], document["row_keys"])


def is_progressive(product: Mapping[str, Any]) -> bool:
    """Whether the product's instalments are found from rate factors; a few files print the word in quotes."""
    return str(product.get("loanScheduleType")).strip('"') == "PROGRESSIVE"


def schedule(product: Mapping[str, Any], case: Mapping[str, Any]) -> Sequence[LoanRow]:
    """The rows that the product gives for the terms and the disbursement. TermsError when there are none."""
    terms = _terms(product, case)
    if is_progressive(product):
        loan = level_loan(terms)
        if case["disbursement"] is not None and _runs_overdue(product):
            loan.run_overdue(day(case["as_of"]), to_due=_until_due(product))
        return progressive_rows(terms, loan)
    return classic(terms)


def _rule(product: Mapping[str, Any], case: Mapping[str, Any]) -> str | None:
    """The named feature that leaves a case out, from its terms alone."""
    loan = case["loan"]
    if "charges" in case.get("variant", "") or "charge_amount" in loan:
        return "charges with the loan"
    if product.get("enableDownPayment") and "during loan creation" in case["source"].get("scenario", ""):
        return "down payment of the loan's own, other than its product's"
    if case["disbursement"] is not None and _later_tranches(case):
        return "tranches still expected after the first disbursement"
    is_classic = not is_progressive(product)
    if is_classic and case["disbursement"] is None and len(_expected(loan)) > 1:
        return "several tranches in a classic schedule"
    if _rate_per(product, loan) is None:
        return "a rate for another span than a month, a year or the whole term"
    if loan["amortization"] != "EQUAL_INSTALLMENTS" and not is_classic:
        return "equal principal in a progressive schedule"
    if not is_classic and (loan["grace_interest"] or loan["interest_free_periods"]):
        return "grace on interest in a progressive schedule"
    if not is_classic and loan["grace_principal"] and loan["interest_type"] == "FLAT":
        return "grace with flat interest in a progressive schedule"
    late = case["disbursement"] is not None and case["as_of"] > str(_terms(product, case).periods[0][1])
    if late and is_classic and product["isInterestRecalculationEnabled"]:
        return "interest recalculated for overdue instalments of a classic schedule"
    return None


def _later_tranches(case: Mapping[str, Any]) -> bool:
    return any(on > case["disbursement"]["date"] for on, _ in _expected(case["loan"]))


def _expected(loan: Mapping[str, Any]) -> list[tuple[str, Any]]:
    names = [name for name in _TRANCHES if f"{name}_tranche_disb_principal" in loan]
    return [
        (loan[f"{name}_tranche_disb_expected_date"], loan[f"{name}_tranche_disb_principal"]) for name in names
    ]


def _runs_overdue(product: Mapping[str, Any]) -> bool:
    return product["isInterestRecalculationEnabled"] and not product.get(
        "disallowInterestCalculationOnPastDue"
    )


def _until_due(product: Mapping[str, Any]) -> bool:
    by_period = str(product.get("recalculationRestFrequencyType")).startswith("SAME_AS_REPAYMENT")
    return by_period and product.get("preClosureInterestCalculationStrategy") == "TILL_REST_FREQUENCY_DATE"


def _rate_per(product: Mapping[str, Any], loan: Mapping[str, Any]) -> RatePer | None:
    return _RATE_PER.get(loan.get("interestratefrequencytype", product["interestRateFrequencyType"]))


def _terms(product: Mapping[str, Any], case: Mapping[str, Any]) -> LoanTerms:
    loan, lent = case["loan"], case["disbursement"]
    if lent is not None:
        tranches = [(lent["date"], lent["amount"])]
    else:
        tranches = _expected(loan) or [(loan["submitted"], loan["principal"])]
    start = day(loan["submitted"] if product.get("repaymentStartDateType") == _SUBMITTED else tranches[0][0])
    unit = Every(loan["repay_unit"].lower())
    multiple = product.get("installmentAmountInMultiplesOf")
    length = case.get("fixed_length")
    percentage = product.get("disbursedAmountPercentageForDownPayment") or 25
    return LoanTerms(
        start=start,
        tranches=tuple((day(on), _money(amount)) for on, amount in tranches),
        rate_pct=number(loan["annual_rate_pct"]),
        convention=_convention(product, loan, unit),
        instalments=loan["n"],
        interest=Interest.FLAT if loan["interest_type"] == "FLAT" else Interest.DECLINING,
        repayment=Repayment.LEVEL
        if loan["amortization"] == "EQUAL_INSTALLMENTS"
        else Repayment.EQUAL_PRINCIPAL,
        rate_per=_rate_per(product, loan) or RatePer.YEAR,
        multiple=_money(multiple) if multiple else None,
        down_payment_pct=number(percentage) if product.get("enableDownPayment") else Decimal(0),
        grace_principal=loan["grace_principal"],
        grace_interest=loan["grace_interest"],
        interest_free=loan["interest_free_periods"],
        last_due=unit.after(start, length) if length else None,
    )


def _convention(product: Mapping[str, Any], loan: Mapping[str, Any], unit: Every) -> Convention:
    return Convention(
        every=loan["repay_every"],
        unit=unit,
        year=YearDays(product["daysInYearType"].removeprefix("DAYS").lower()),
        thirty_day_months=product["daysInMonthType"] == "DAYS30",
        by_period=loan["interest_calc_period"] == "SAME_AS_REPAYMENT_PERIOD",
        part_periods=bool(product.get("allowPartialPeriodInterestCalculation")),
        leap_day_only=product.get("daysInYearCustomStrategy") == "FEB_29_PERIOD_ONLY",
        whole_new_year=bool(product.get("interestRecognitionOnDisbursementDate")),
        rounding=Rounding.HALF_EVEN,
    )


def _money(amount: float | str) -> Money:
    return Money.from_decimal(number(amount), "EUR", Rounding.HALF_EVEN)


def _compare(rows: Sequence[LoanRow], printed: Sequence[Sequence[Any]], keys: Sequence[str]) -> Outcome:
    theirs = [dict(zip(keys, row, strict=True)) for row in printed]
    # Several tranches of one day come in any order: that order is no figure.
    rows = sorted(
        rows, key=lambda row: (row.due, row.number or 0, row.balance.minor if row.number is None else 0)
    )
    theirs = sorted(theirs, key=lambda row: (row["date"], row["nr"] or 0, 0 if row["nr"] else row["balance"]))
    for place, (row, figures) in enumerate(zip(rows, theirs, strict=False), start=1):
        ours: dict[str, Any] = {"nr": row.number, "date": row.due.isoformat(), "balance": row.balance}
        if row.number is not None:
            ours |= {"principal": row.principal, "interest": row.interest, "due": row.total}
            ours["days"] = (row.due - row.start).days
        for name, figure in ours.items():
            if figure != (_money(figures[name]) if isinstance(figure, Money) else figures[name]):
                return different(f"row {place}, {name}: ours {figure}, theirs {figures[name]}")
    if len(rows) != len(theirs):
        return different(f"rows: ours {len(rows)}, theirs {len(theirs)}")
    return EQUAL
