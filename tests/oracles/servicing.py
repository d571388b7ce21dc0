"""From a published case to a running loan, and from a running loan to published rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from functools import wraps
from typing import Any

from shared.lending.allocation import Component, Components
from shared.lending.instalment_allocation import Due
from shared.lending.loan import Advance, Charge, LoanInstalment, Receipt, RunningLoan, ServicingError
from shared.lending.money import Money
from shared.lending.progressive import Accrual, Rate, Stop, borne
from shared.lending.rate_factors import Every, YearDays
from tests.oracles.outcome import EQUAL, Outcome, different

EUR = "EUR"
_PARTS = {
    "PENALTY": Component.LATE_CHARGES,
    "FEE": Component.FEES,
    "PRINCIPAL": Component.PRINCIPAL,
    "INTEREST": Component.INTEREST,
}
OLDER_ORDERS = {
    "PENALTIES_FEES_INTEREST_PRINCIPAL_ORDER": (
        Component.LATE_CHARGES,
        Component.FEES,
        Component.INTEREST,
        Component.PRINCIPAL,
    ),
    "DUE_PENALTY_FEE_INTEREST_PRINCIPAL_IN_ADVANCE_PRINCIPAL_PENALTY_FEE_INTEREST": (
        Component.LATE_CHARGES,
        Component.FEES,
        Component.INTEREST,
        Component.PRINCIPAL,
    ),
    "PRINCIPAL_INTEREST_PENALTIES_FEES_ORDER": (
        Component.PRINCIPAL,
        Component.INTEREST,
        Component.LATE_CHARGES,
        Component.FEES,
    ),
    "INTEREST_PRINCIPAL_PENALTIES_FEES_ORDER": (
        Component.INTEREST,
        Component.PRINCIPAL,
        Component.LATE_CHARGES,
        Component.FEES,
    ),
    "DUE_PENALTY_INTEREST_PRINCIPAL_FEE_IN_ADVANCE_PENALTY_INTEREST_PRINCIPAL_FEE": (
        Component.LATE_CHARGES,
        Component.INTEREST,
        Component.PRINCIPAL,
        Component.FEES,
    ),
}
Case = Mapping[str, Any]
PENALTIES = {"LOAN_NSF_FEE", "NSF_FEE"}


def cents(value: Any) -> int:
    """A published amount in minor units."""
    return int((Decimal(str(value or 0)) * 100).to_integral_value())


def eur(value: Any) -> Money:
    """A published amount."""
    return Money(cents(value), EUR)


def day(text: str) -> date:
    return date.fromisoformat(text)


def product_of(document: Case, case: Case) -> Case:
    product: Case = document["products"][case["product"]]
    return product


def history(case: Case) -> list[Case]:
    """What happened to the loan before, without the payments that were undone."""
    steps = list(case["history"])
    pays = [step for step in steps if step["op"] == "pay"]
    gone: list[Case] = []
    for number, step in enumerate(steps):
        if step["op"] != "undo":
            continue
        kind = str(step.get("type", "")).removesuffix("(last)").upper().replace(" ", "_")
        before = [pay for pay in pays if pay["type"] == kind and steps.index(pay) < number]
        if step.get("index") is not None:
            chosen = before[int(step["index"]) - 1 : int(step["index"])]
        else:
            chosen = [pay for pay in before if not any(pay is other for other in gone)][-1:]
        gone += chosen
    return [step for step in steps if step["op"] != "undo" and not any(step is other for other in gone)]


def received(case: Case) -> list[Case]:
    """Money received, in the order of its dates; a paid-off loan's last payment has no printed amount."""
    money, today = [], ""
    for step in history(case):
        if step["op"] == "set_business_date":
            today = step["date"]
        if step["op"] == "pay":
            money.append(step)
        elif step["op"] == "payoff":
            money.append({"type": "REPAYMENT", "date": step["date"], "amount": None})
        elif step["op"] == "charge_adjustment":
            money.append({"type": "CHARGE_ADJUSTMENT", "date": today, "amount": step["amount"]})
    return sorted(money, key=lambda step: str(step["date"]))


def is_misprinted(case: Case) -> bool:
    """Whether the printed schedule cannot be one: instalments are left out, or a balance is below zero."""
    numbers = [row[0] for row in case["after"] if row[0] is not None]
    below = any(cents(row[4]) < 0 for row in case["after"])
    return below or numbers != list(range(1, len(numbers) + 1))


def operations(case: Case) -> list[str]:
    """What happened to the loan before, by name."""
    return [step["op"] for step in case["history"]]


def happened(case: Case, *names: str) -> bool:
    """Whether one of these operations is in the loan's history."""
    return any(name in names for name in operations(case))


def recalculates(document: Case, case: Case) -> bool:
    """Whether interest runs on what is really owed (and there is any interest)."""
    product = product_of(document, case)
    changes = (*case["history"], case.get("operation", {}))
    rates = [case["loan"]["annual_rate_pct"], *(step.get("newinterestrate") for step in changes)]
    return bool(product.get("isInterestRecalculationEnabled")) and any(rates) and not is_divided(case)


def may_not_miss(document: Case, case: Case) -> bool:
    """Whether the state before is known, without recalculation, a chargeback or an undoing."""
    names = [*operations(case), str(case.get("operation", {}).get("op"))]
    reversals = any("chargeback" in name or "undo" in name for name in names)
    recalculated = product_of(document, case).get("isInterestRecalculationEnabled")
    return bool(case.get("before_is_immediate", True) and not recalculated and not reversals)


def is_divided(case: Case) -> bool:
    """Whether all interest was divided over the instalments by the last re-age."""
    handlings = [str(step.get("reageinteresthandling")) for step in case["history"] if step["op"] == "reage"]
    return bool(handlings) and handlings[-1].startswith("EQUAL_AMORTIZATION")


def reaged_on(case: Case) -> str:
    """The day of the last re-age, empty when there was none."""
    today, last = "", ""
    for step in case["history"]:
        if step["op"] == "set_business_date":
            today = step["date"]
        if step["op"] == "reage":
            last = min(today, step["startdate"])
    return last


def order_of(document: Case, case: Case) -> tuple[Component, ...]:
    """The order of parts inside one instalment that is due."""
    if case["loan"]["strategy"] in OLDER_ORDERS:
        return OLDER_ORDERS[case["loan"]["strategy"]]
    return tuple(part for due, part in slots_of(document, case, "DEFAULT") if due is Due.DUE)


def slots_of(document: Case, case: Case, kind: str) -> tuple[tuple[Due, Component], ...]:
    """The product's order for a type of payment: parts of what is past due, due or in advance."""
    listed = product_of(document, case).get("paymentAllocation") or ()
    rules = {rule["transactionType"]: rule for rule in listed}
    rule = rules.get(kind) or rules.get("DEFAULT")
    order = rule["order"] if rule else "DEFAULT_ORDER"
    if order == "DEFAULT_ORDER":
        order = document["default_allocation_order"]
    if isinstance(order, str):
        names = order.partition(" for each of ")[0].split(",")
        return tuple((due, _PARTS[name.strip()]) for due in Due for name in names)
    return tuple(
        next((due, _PARTS[name[len(due) + 1 :]]) for due in Due if name.startswith(f"{due.name}_"))
        for name in order
    )


def accrual_of(document: Case, case: Case) -> Accrual:
    """How interest runs, from the product, the terms and the history."""
    loan, product = case["loan"], product_of(document, case)
    rates = [Rate(date(1970, 1, 1), Decimal(str(loan["annual_rate_pct"])))]
    stops, ended = [], None
    for step in history(case):
        if step["op"] == "reschedule" and step.get("newinterestrate") is not None:
            rates.append(Rate(day(step["reschedulefromdate"]), Decimal(str(step["newinterestrate"]))))
        if step["op"] == "interest_pause":
            stops.append(Stop(day(step["start"]), day(step["end"])))
        if step["op"] == "charge_off" and product.get("chargeOffBehaviour") == "ZERO_INTEREST":
            ended = day(step["date"])
    return Accrual(
        tuple(sorted(rates, key=lambda rate: rate.since)),
        every=int(loan["repay_every"]),
        unit=Every(loan["repay_unit"].lower()),
        year=YearDays(str(product.get("daysInYearType") or "ACTUAL").removeprefix("DAYS").lower()),
        equal_months=product.get("daysInMonthType") == "DAYS30",
        stops=tuple(stops),
        ended=ended,
        by_period=loan.get("interest_calc_period") == "SAME_AS_REPAYMENT_PERIOD",
        leap_day_only=product.get("daysInYearCustomStrategy") == "FEB_29_PERIOD_ONLY",
    )


def _advances(rows: Sequence[Sequence[Any]]) -> tuple[Advance, ...]:
    # A tranche that is only expected has no paid amount, and is not owed yet.
    return tuple(Advance(day(row[2]), eur(row[4])) for row in rows if row[0] is None and row[10] is not None)


def loan_of(document: Case, case: Case, rows: Sequence[Sequence[Any]] | None = None) -> RunningLoan:
    """The loan as the rows print it; what was paid of an instalment goes to its parts in their order."""
    rows = case["before"] if rows is None else rows
    product = product_of(document, case)
    advances = _advances(rows)
    start = advances[0].on
    order = order_of(document, case)
    instalments: list[LoanInstalment] = []
    ordinary = [row for row in rows if row[0] is not None and (cents(row[5]) or cents(row[6]))]
    last = day(ordinary[-1][2]) if ordinary else start
    for row in rows:
        if row[0] is None:
            continue
        start = day(row[2]) - timedelta(days=row[1]) if row[1] is not None else start
        owed = Components.of(
            EUR, principal=eur(row[5]), interest=eur(row[6]), fees=eur(row[7]), late_charges=eur(row[8])
        )
        due = day(row[2])
        paid: dict[Component, Money] = {}
        left = eur(row[10])
        for part in _order_in(order, case, row, start):
            paid[part] = min(left, owed.get(part))
            left -= paid[part]
        settled = day(row[3]) if row[3] else None
        only = due > last and not cents(row[5]) and not cents(row[6])
        instalments.append(
            LoanInstalment(start, due, owed, Components.from_mapping(EUR, paid), settled, charges_only=only)
        )
        start = due
    multiple = 100 if str(product.get("installmentAmountInMultiplesOf")) == "1" else 1
    accrual = accrual_of(document, case)
    flat = case["loan"]["interest_type"] == "FLAT" and any(rate.annual_pct for rate in accrual.rates)
    again = [step for step in history(case) if step["op"] == "reage"]
    loan = RunningLoan(
        accrual,
        tuple(instalments),
        advances,
        charges=charges_of(case),
        multiple=multiple,
        recalculates=recalculates(document, case),
        divided=is_divided(case),
        flat=flat,
        every=int(again[-1]["frequencynumber"]) if again else None,
        unit=Every(again[-1]["frequencytype"].lower()) if again else None,
        late_bears=not product.get("disallowInterestCalculationOnPastDue"),
    )
    auto = bool(product.get("enableAutoRepaymentForDownPayment"))
    loan = replace(loan, receipts=receipts_of(case, loan, auto=auto))
    return replace(loan, carried=carried_of(case, loan))


def _order_in(
    order: tuple[Component, ...], case: Case, row: Sequence[Any], start: date
) -> tuple[Component, ...]:
    """Nothing goes to a charge that came after the last payment, nor to interest not yet borne."""
    steps = history(case)
    pays = [number for number, step in enumerate(steps) if step["op"] == "pay"]
    charges = [
        number
        for number, step in enumerate(steps)
        if step["op"] == "charge" and step.get("due") and start <= day(step["due"]) <= day(row[2])
    ]
    last: list[Component] = []
    if pays and charges and min(charges) > max(pays):
        last += [Component.FEES, Component.LATE_CHARGES]
    if pays and cents(row[10]) and day(steps[max(pays)]["date"]) <= start:
        last.append(Component.INTEREST)
    return (*(part for part in order if part not in last), *last)


def charges_of(case: Case) -> tuple[Charge, ...]:
    """Charges by the day they fall due, and the day on which they were made."""
    charges, today = [], date.min
    for step in case["history"]:
        if step["op"] == "set_business_date":
            today = day(step["date"])
        if step["op"] == "charge" and step.get("due"):
            part = Component.LATE_CHARGES if step["charge"] in PENALTIES else Component.FEES
            charges.append(Charge(day(step["due"]), eur(step["amount"]), part, today))
    return tuple(charges)


def carried_of(case: Case, loan: RunningLoan) -> tuple[int, ...]:
    """Interest that the rows print beyond what their periods bear, after a change that carried some."""
    since = restructured_on(case)
    if not loan.recalculates or not since:
        return ()
    carried, level = [], 0
    advances = sorted((advance.on, advance.amount.minor) for advance in loan.advances)
    for row in loan.regular:
        out = sum(amount for on, amount in advances if on <= row.start) - level
        bears = borne(loan.accrual, row.period, row.due, lambda _, owed=out: owed, ())
        more = row.owed.interest.minor - int(bears.to_integral_value(ROUND_HALF_EVEN))
        carried.append(max(more, 0) if row.due > day(since) else 0)
        level += row.owed.principal.minor
    return tuple(carried)


def restructured_on(case: Case) -> str:
    """The day of the last re-age or re-amortisation, empty when there was none."""
    today, last = "", ""
    for step in case["history"]:
        if step["op"] == "set_business_date":
            today = step["date"]
        if step["op"] in ("reage", "reamortize"):
            last = min(today, step.get("startdate", today))
    return last


def is_clear_of_carried(case: Case) -> bool:
    """Whether what an earlier re-age or re-amortisation carried on can be told from the printed rows."""
    since = restructured_on(case)
    handlings = [step for step in case["history"] if step["op"] in ("reage", "reamortize")]
    divides = any(step.get("interest_handling") == "EQUAL_AMORTIZATION_INTEREST_SPLIT" for step in handlings)
    late = any(
        row[0] is not None and since < row[2] < case["before_as_of"] and cents(row[13])
        for row in case["before"]
    )
    waives = any(step.get("reageinteresthandling") == "WAIVE_INTEREST" for step in handlings)
    moves = case["operation"].get("adjustedduedate") is not None
    return len(handlings) == 1 and not (divides or waives or moves or late)


def receipts_of(case: Case, loan: RunningLoan, *, auto: bool) -> tuple[Receipt, ...]:
    """When the principal that the rows show as paid was paid: earlier payments fill earlier instalments.

    With ``auto`` a down payment is taken from the advance, not from a payment.
    """
    pays = sorted((day(step["date"]), cents(step["amount"])) for step in history(case) if step["op"] == "pay")
    receipts = []
    for index, row in enumerate(loan.instalments):
        left, principal = row.paid.total.minor, row.paid.principal.minor
        if auto and row.is_down_payment and principal:
            receipts.append(Receipt(row.due, index, row.paid.principal))
            continue
        while left > 0 and pays:
            on, amount = pays[0]
            part = min(amount, left)
            left -= part
            pays[0] = (on, amount - part)
            if part == amount:
                pays.pop(0)
            share = min(part, principal)
            principal -= share
            if share:
                receipts.append(Receipt(on, index, Money(share, EUR)))
        if principal and left and row.settled_on:
            receipts.append(Receipt(row.settled_on, index, Money(principal, EUR)))
    return tuple(receipts)


def rows_of(loan: RunningLoan, advances: Iterable[Advance] | None = None) -> list[tuple[Any, ...]]:
    """Date, settled on, balance, the four parts, due, paid and outstanding, in minor units."""
    rows: list[tuple[Any, ...]] = []
    shown = replace(loan, advances=tuple(advances)) if advances else loan
    for row, balance in zip(loan.instalments, shown.balances_after(), strict=True):
        owed = row.owed
        rows.append(
            (
                row.due.isoformat(),
                row.settled_on.isoformat() if row.settled_on else None,
                balance.minor,
                owed.principal.minor,
                owed.interest.minor,
                owed.fees.minor,
                owed.late_charges.minor,
                owed.total.minor,
                row.paid.total.minor,
                row.unpaid.total.minor,
            )
        )
    return rows


def published(rows: Sequence[Sequence[Any]]) -> list[tuple[Any, ...]]:
    """The same figures as the source prints them."""
    return [
        (row[2], row[3], *(cents(row[i]) for i in (4, 5, 6, 7, 8, 9, 10, 13)))
        for row in rows
        if row[0] is not None
    ]


Judge = Callable[[Case, Case], Outcome]


def refusals_differ(judge: Judge) -> Judge:
    """A case in scope that the product refuses is a difference, not a crash."""

    @wraps(judge)
    def judged(document: Case, case: Case) -> Outcome:
        try:
            return judge(document, case)
        except ServicingError as refused:
            return different(f"refused: {refused}")

    return judged


def compare(loan: RunningLoan, rows: Sequence[Sequence[Any]]) -> Outcome:
    """EQUAL when every figure of every instalment agrees, else the first row that differs."""
    planned = [Advance(day(row[2]), eur(row[4])) for row in rows if row[0] is None]
    ours, theirs = rows_of(loan, planned), published(rows)
    for number, (mine, other) in enumerate(zip(ours, theirs, strict=False), start=1):
        if mine != other:
            return different(f"instalment {number}: {mine} but published {other}")
    if len(ours) != len(theirs):
        return different(f"{len(ours)} instalments but published {len(theirs)}")
    return EQUAL
