"""One posting of a loan's life: a payment, a charge that is accrued, or what a write-off takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from shared.lending.allocation import Components
from shared.lending.instalment_allocation import pay
from shared.lending.loan import Advance, LoanInstalment, RunningLoan
from shared.lending.money import Money
from shared.lending.progressive import Accrual, Rate
from shared.lending.rate_factors import Every
from tests.oracles import rewritten
from tests.oracles.allocation import rules_of
from tests.oracles.outcome import EQUAL, Family, Outcome, different, out_of_scope
from tests.oracles.servicing import (
    EUR,
    Case,
    cents,
    charges_of,
    day,
    eur,
    happened,
    history,
    may_not_miss,
    recalculates,
)

_KNOWN = {"set_business_date", "create_loan", "approve", "disburse", "pay", "charge", "end_of_day"}
_CHANGED = ("undo", "adjust_repayment")
_ACCRUAL, _WRITE_OFF = "Accrual", "Close (as written-off)"


@dataclass(frozen=True, slots=True)
class _Posting:
    kind: str
    amount: Money
    parts: Components
    left: int

    def figures(self) -> tuple[int, ...]:
        parts = (self.parts.principal, self.parts.interest, self.parts.fees, self.parts.late_charges)
        return (*(part.minor for part in parts), self.left)


def judge_row(document: Mapping[str, Any], case: Mapping[str, Any]) -> Outcome:
    """Tell the loan's life, and compare the one posting that is printed.

    A payment that was undone or adjusted later keeps the figures that it had.
    """
    expected = case["expected_transaction"]
    case = {**case, "product": case["loan"]["product"]}
    if recalculates(document, case):
        return out_of_scope("a posting where interest is recalculated")
    if happened(case, "chargeback", "credit_balance_refund"):
        return out_of_scope("chargeback or credit balance refund")
    steps = case["history"]
    if {step["op"] for step in steps} - _KNOWN - {*_CHANGED, "write_off"}:
        return out_of_scope("a posting after another operation than payments and charges")
    if rules_of(document, case, "DEFAULT") is None:
        return out_of_scope("an order of payments that is not known")
    kind, amount = expected["transaction_type"], cents(expected["amount"])
    if kind == _ACCRUAL and case["loan"]["annual_rate_pct"]:
        return out_of_scope("accruals of interest")
    names = ("principal", "interest", "fees", "penalties", "loan_balance")
    theirs = tuple(cents(expected[name]) for name in names)
    ends = [number for number, step in enumerate(steps) if step["op"] in _CHANGED]
    for end in (len(steps), *reversed(ends)):
        life = {**case, "history": _adjusted(steps[:end])}
        found = [each for each in _postings(document, life) if each.kind == kind]
        same = [each for each in found if each.amount.minor == amount]
        if any(each.figures() == theirs for each in same):
            return EQUAL
        if same:
            return different(f"{same[0].figures()}, but published {theirs}")
    return different(f"no {kind} of that amount")


def _adjusted(steps: list[Case]) -> list[Case]:
    """The steps with each adjusted payment as it was adjusted last."""
    done: list[Case] = []
    for step in steps:
        if step["op"] != "adjust_repayment":
            done.append(step)
            continue
        places = [at for at, each in enumerate(done) if each["op"] == "pay" and each["type"] == "REPAYMENT"]
        at = places[int(step["index"]) - 1]
        done[at] = {**done[at], "amount": step["amount"]}
    return done


def _postings(document: Mapping[str, Any], case: Case) -> Iterator[_Posting]:
    """What was posted, in the order of the days; what the day closed with comes after its payments."""
    loan = _as_lent(document, case)
    accrued = Components.zero(EUR)
    for on, step in sorted(_dated(case), key=lambda entry: entry[0]):
        if step["op"] == "pay":
            rules = rules_of(document, case, step["type"])
            assert rules is not None
            done = pay(loan, on, eur(step["amount"]), rules)
            loan = done.loan
            name = str(step["type"]).replace("_", " ").title()
            yield _Posting(name, eur(step["amount"]), done.parts, loan.unpaid.principal.minor)
        elif step["op"] == "write_off":
            yield _Posting(_WRITE_OFF, loan.unpaid.total, loan.unpaid, 0)
        if step["op"] == "end_of_day" or loan.unpaid.total.is_zero:
            fallen = _fallen_due(loan, on)
            if fallen != accrued:
                yield _Posting(_ACCRUAL, (fallen - accrued).total, fallen - accrued, 0)
            accrued = fallen


def _dated(case: Case) -> Iterator[tuple[date, Case]]:
    """Payments on their own day, and the nightly job and the write-off on the business day."""
    today = ""
    for step in history(case):
        if step["op"] == "set_business_date":
            today = step["date"]
        if step["op"] in ("pay", "write_off"):
            yield day(step["date"]), step
        elif step["op"] == "end_of_day":
            yield day(today), step


def _fallen_due(loan: RunningLoan, on: date) -> Components:
    total = Components.zero(EUR)
    for charge in loan.charges:
        if charge.due <= on:
            total += Components.from_mapping(EUR, {charge.component: charge.amount})
    return total


def _as_lent(document: Mapping[str, Any], case: Case) -> RunningLoan:
    """The loan with its charges, before anything was paid but a down payment that the product takes."""
    product = document["products"][case["product"]]
    if case["loan"]["annual_rate_pct"] or product.get("enableDownPayment"):
        return rewritten.as_lent(document, case)
    terms = case["loan"]
    advances = tuple(
        Advance(day(step["date"]), eur(step["amount"])) for step in history(case) if step["op"] == "disburse"
    )
    unit, count = Every(terms["repay_unit"].lower()), int(terms["n"])
    total = Money.sum((advance.amount for advance in advances), EUR)
    start = advances[0].on
    rows = []
    for number, share in enumerate(total.split(count), start=1):
        due = unit.after(advances[0].on, int(terms["repay_every"]) * number)
        owed = Components.of(EUR, principal=share)
        for charge in charges_of(case):
            if start < charge.due <= due or start == charge.due == advances[0].on:
                owed += Components.from_mapping(EUR, {charge.component: charge.amount})
        rows.append(LoanInstalment(start, due, owed, Components.zero(EUR)))
        start = due
    accrual = Accrual((Rate(advances[0].on, Decimal(0)),), unit=unit)
    return RunningLoan(accrual, tuple(rows), advances, charges=charges_of(case))


FAMILY = Family("allocation rows", "fineract_allocation_rows.json", judge_row, may_not_miss=may_not_miss)
