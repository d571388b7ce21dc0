"""A payment that is older than a change of terms: the loan's life is told again in order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from shared.lending.allocation import Components
from shared.lending.instalment_allocation import Payment, PaymentRules, pay
from shared.lending.loan import RunningLoan, ServicingError
from shared.lending.money import Money
from shared.lending.rate_factors import Every
from shared.lending.reage import Reage, ReageInterest, reage
from shared.lending.reamortize import OverdueInterest, reamortize
from tests.oracles import generation
from tests.oracles.servicing import (
    EUR,
    PENALTIES,
    Case,
    day,
    eur,
    history,
    loan_of,
    operations,
    product_of,
    recalculates,
)

REAGE_INTEREST = {
    None: ReageInterest.ANNUITY,
    "DEFAULT": ReageInterest.ANNUITY,
    "WAIVE_INTEREST": ReageInterest.WAIVE,
    "EQUAL_AMORTIZATION_PAYABLE_INTEREST": ReageInterest.EQUAL_PAYABLE,
    "EQUAL_AMORTIZATION_FULL_INTEREST": ReageInterest.EQUAL_FULL,
}
OVERDUE_INTEREST = {
    None: OverdueInterest.FIRST,
    "DEFAULT": OverdueInterest.FIRST,
    "EQUAL_AMORTIZATION_INTEREST_SPLIT": OverdueInterest.DIVIDED,
}
_CHANGES = ("reage", "reamortize")
_TOLD = {"set_business_date", "create_loan", "approve", "disburse", "pay", "end_of_day", "charge", *_CHANGES}


def terms_of(document: Mapping[str, Any], case: Case, operation: Case, on: str) -> Reage:
    """The re-age that an operation asks for on a business day."""
    interest = REAGE_INTEREST[operation.get("reageinteresthandling")]
    # Where interest is not recalculated, the published schedule asks again for what was paid of it.
    bears = bool(case["loan"]["annual_rate_pct"]) and not recalculates(document, case)
    return Reage(
        day(on),
        day(operation["startdate"]),
        int(operation["numberofinstallments"]),
        int(operation["frequencynumber"]),
        Every(operation["frequencytype"].lower()),
        interest,
        net_of_paid=not (bears and interest is ReageInterest.EQUAL_PAYABLE),
    )


def _dated(case: Case) -> list[tuple[str, Case]]:
    """What happened with its day: a payment's own, the business day of everything else."""
    today, steps = "", []
    for step in history(case):
        if step["op"] == "set_business_date":
            today = step["date"]
        if step["op"] in ("pay", *_CHANGES):
            steps.append((step["date"] if step["op"] == "pay" else today, step))
    return steps


def is_older(case: Case) -> bool:
    """Whether the payment is dated before the terms were changed."""
    paid = case["operation"]["date"]
    return any(paid < on for on, step in _dated(case) if step["op"] in _CHANGES)


def can(document: Mapping[str, Any], case: Case) -> bool:
    """Whether the whole life of the loan is known: one advance, no running interest, known operations."""
    product = product_of(document, case)
    runs = product.get("isInterestRecalculationEnabled") and case["loan"]["annual_rate_pct"]
    once = operations(case).count("disburse") == 1 and not set(operations(case)) - _TOLD
    return bool(once and not runs and generation.is_progressive(product))


def paid_in_turn(document: Mapping[str, Any], case: Case, rules: Mapping[str, PaymentRules]) -> Payment:
    """The loan from its first schedule on, with the payment in its turn; a change of nothing is left out."""
    loan = as_lent(document, case)
    answer = Payment(loan, Components.zero(EUR), eur(0))
    operation = case["operation"]
    steps = [(_effective(on, step), step) for on, step in [*_dated(case), (operation["date"], operation)]]
    for on, step in sorted(steps, key=lambda entry: entry[0]):
        if step["op"] == "pay":
            done = pay(loan, on, eur(step["amount"]), rules[step["type"]])
            loan, answer = done.loan, done if step is operation else answer
        else:
            loan = _changed(document, case, loan, step, on)
    return replace(answer, loan=loan)


def _effective(on: str, step: Case) -> date:
    return min(day(on), day(step["startdate"])) if step["op"] == "reage" else day(on)


def _changed(document: Mapping[str, Any], case: Case, loan: RunningLoan, step: Case, on: date) -> RunningLoan:
    try:
        if step["op"] == "reage":
            return reage(loan, terms_of(document, case, step, on.isoformat()))
        return reamortize(loan, on, OVERDUE_INTEREST[step.get("interest_handling")])
    except ServicingError:
        return loan  # nothing is left to be changed


def as_lent(document: Mapping[str, Any], case: Case) -> RunningLoan:
    """The loan as it was lent, a down payment taken, and all charges in their instalments."""
    [lent] = [step for step in case["history"] if step["op"] == "disburse"]
    new = {**case, "disbursement": lent, "as_of": lent["date"]}
    product = product_of(document, case)
    auto = product.get("enableAutoRepaymentForDownPayment")
    rows: list[list[Any]] = []
    for row in generation.schedule(product, new):
        if row.number is None:
            figures = [row.balance.to_decimal(), None, None, 0, None, 0, 0, None, None, None]
            rows.append([None, None, row.due.isoformat(), None, *figures])
            continue
        fees, late = _charges(case, row.start, row.due)
        taken = bool(auto and row.start == row.due)
        total = row.total + fees + late
        paid = total if taken else eur(0)
        amounts = [row.balance, row.principal, row.interest, fees, late, total, paid, eur(0), eur(0), total]
        settled = row.due.isoformat() if taken else None
        figures = [amount.to_decimal() for amount in amounts]
        rows.append([row.number, (row.due - row.start).days, row.due.isoformat(), settled, *figures])
    clean = {**case, "history": [step for step in case["history"] if step["op"] not in ("pay", *_CHANGES)]}
    return loan_of(document, clean, rows)


def _charges(case: Case, start: date, due: date) -> tuple[Money, Money]:
    """Fees and late charges that fall due in a period."""
    totals = [eur(0), eur(0)]
    for step in case["history"]:
        if step["op"] == "charge" and step.get("due") and start < day(step["due"]) <= due:
            totals[step["charge"] in PENALTIES] += eur(step["amount"])
    return totals[0], totals[1]
