"""Rates and present values: EU APR, XIRR, NPV, the 10 % modification test, offer against no deal.

Rates are for comparison and display, so they are solved in floating point and returned as Decimals of
fixed digits; no amount of money that is owed ever comes out of here. Present values are rounded to
the currency by the caller's rule.

* EU APR: Directive 2008/48/EC, Annex I; equal months of a twelfth of a year.
* XIRR: actual days over 365 (the ``pyxirr`` package).
* Discounting of plans: nominal annual rate, monthly compounding.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache

import pyxirr

from shared.lending.apr import effective_annual_pct
from shared.lending.money import CurrencyMismatch, Money, Rounding, minor_digits

_HUNDRED = Decimal(100)
_PCT_DIGITS = Decimal("0.0001")
_MONTHS = 12
_LOWEST_APR = Decimal(-99)
# What was repaid a thousandfold within days has a rate of no meaning: it is given as this one.
_HIGHEST_PCT = Decimal(10**9)
_HIGHEST_MONTHLY = 10.0  # comes to more than that


@dataclass(frozen=True, slots=True)
class CashFlow:
    """Money on a date, seen by the lender: advances negative, payments positive."""

    on: date
    amount: Money


def xirr_pct(flows: Sequence[CashFlow]) -> Decimal | None:
    """Effective annual rate in per cent on actual days / 365, four digits; None when there is none."""
    if not flows or len({flow.amount.currency for flow in flows}) != 1:
        return None
    return xirr_of([f.on for f in flows], [f.amount.minor for f in flows], flows[0].amount.currency)


def xirr_of(dates: Sequence[date], minor: Sequence[int], currency: str) -> Decimal | None:
    """The same, of amounts in minor units beside their dates."""
    try:
        rate = pyxirr.xirr(dates, _major(minor, currency))
    except pyxirr.InvalidPaymentsError:
        return None
    return None if rate is None else _percent(rate)


def apr_pct(advance: Money, payments: Sequence[tuple[Decimal, Money]]) -> Decimal | None:
    """EU APR in per cent: one advance at time 0, payments at times in years (``months / 12``).

    Four digits (the Directive asks for one at least). None when nothing, or less than the advance by
    so much that no rate above -99 % fits, is paid back.
    """
    if not advance.is_positive or not payments:
        return None
    paid_back = [(time, _same(paid, advance.currency).to_decimal()) for time, paid in payments]
    rate = effective_annual_pct([(Decimal(0), advance.to_decimal())], paid_back)
    return None if rate is None or rate <= _LOWEST_APR else rate.quantize(_PCT_DIGITS) + 0


def _major(minor: Sequence[int], currency: str) -> list[float]:
    """Minor units in major ones, each the nearest float."""
    unit = 10 ** minor_digits(currency)
    return [amount / unit for amount in minor]


def _same(paid: Money, currency: str) -> Money:
    if paid.currency != currency:
        raise CurrencyMismatch(f"{paid.currency} among payments of {currency}")
    return paid


def monthly_apr_pct(advance: Money, payments: Sequence[Money]) -> Decimal | None:
    """EU APR of payments one month apart, the first one month after the advance; None when there is none."""
    if not advance.is_positive:
        return None
    return monthly_apr_of(advance, [_same(paid, advance.currency).minor for paid in payments])


def monthly_apr_of(advance: Money, minor: Sequence[int]) -> Decimal | None:
    """The same, of payments in minor units of the advance's currency."""
    if not advance.is_positive or not minor:
        return None
    try:
        rate = pyxirr.irr(_major([-advance.minor, *minor], advance.currency))
    except pyxirr.InvalidPaymentsError:
        return None
    if rate is None:
        return None
    monthly = min(rate, _HIGHEST_MONTHLY)
    return _percent(math.pow(1.0 + monthly, _MONTHS) - 1.0)


def effective_pct(nominal_pct: Decimal, periods: int = _MONTHS) -> Decimal:
    """Effective annual rate of a nominal one compounded ``periods`` times a year, in per cent."""
    return (((1 + nominal_pct / _HUNDRED / periods) ** periods - 1) * _HUNDRED).quantize(_PCT_DIGITS)


@lru_cache(maxsize=256)
def nominal_pct(effective: Decimal, periods: int = _MONTHS) -> Decimal:
    """Nominal annual rate that compounds to ``effective`` per cent, rounded down to 0.01."""
    growth = (1 + effective / _HUNDRED).ln() / periods
    return ((growth.exp() - 1) * periods * _HUNDRED).quantize(Decimal("0.01"), rounding="ROUND_DOWN")


def present_value(payments: Sequence[tuple[int, Money]], annual_pct: Decimal, currency: str) -> Decimal:
    """Present value in major units of payments at whole months, nominal annual rate, monthly steps.

    Not rounded: callers round once, at the end. ValueError for a rate of -1200 % or less.
    """
    minor = Decimal(0)
    for month, paid in payments:
        minor += _same(paid, currency).minor * discount(annual_pct, month)
    return minor.scaleb(-minor_digits(currency))


@lru_cache(maxsize=16384)
def discount(annual_pct: Decimal, month: int) -> Decimal:
    """What 1 is worth that comes after so many whole months, nominal annual rate, monthly steps."""
    factor = 1 + annual_pct / _HUNDRED / _MONTHS
    if factor <= 0:
        raise ValueError("the discount rate leaves no present value")
    return factor**-month


@dataclass(frozen=True, slots=True)
class NoDealPath:
    """What the lender gets without an agreement: a share of the balance after some months, less costs."""

    recovery_pct: Decimal
    recovery_month: int
    cost_pct: Decimal = Decimal(0)
    fixed_cost: Money | None = None


@dataclass(frozen=True, slots=True)
class RedefaultPath:
    """What happens when a plan breaks: so many payments are made, then a share of the balance comes."""

    probability: Decimal
    payments_made: int
    recovery_pct: Decimal
    recovery_month: int


def npv_of_no_deal(balance: Money, path: NoDealPath, discount_pct: Decimal, rounding: Rounding) -> Money:
    """Present value of recovering ``balance`` by other means, less what that costs."""
    recovered = balance.to_decimal() * (path.recovery_pct - path.cost_pct) / _HUNDRED
    if path.fixed_cost is not None:
        recovered -= path.fixed_cost.to_decimal()
    value = recovered * discount(discount_pct, path.recovery_month)
    return Money.from_decimal(value, balance.currency, rounding)


def npv_of_offer(
    payments: Sequence[tuple[int, Money]],
    balance_at_redefault: Money,
    path: RedefaultPath,
    discount_pct: Decimal,
    rounding: Rounding,
) -> Money:
    """``(1-q) PV(plan) + q PV(paid until redefault + recovery of the balance then)``.

    ``payments`` are (month, amount) pairs in order of month; ``balance_at_redefault`` is the principal
    left after ``path.payments_made`` of them.
    """
    currency = balance_at_redefault.currency
    kept = present_value(payments, discount_pct, currency)
    paid = present_value(payments[: path.payments_made], discount_pct, currency)
    share = path.recovery_pct / _HUNDRED * discount(discount_pct, path.recovery_month)
    recovery = balance_at_redefault.to_decimal() * share
    q = path.probability
    return Money.from_decimal((1 - q) * kept + q * (paid + recovery), currency, rounding)


def modification_pct(
    remaining: Sequence[tuple[int, Money]], modified: Sequence[tuple[int, Money]], original_pct: Decimal
) -> Decimal | None:
    """Change of present value at the original rate, in per cent (IFRS 9 B3.3.6 calls 10 % substantial).

    None when the remaining flows are worth nothing.
    """
    if not remaining:
        return None
    currency = remaining[0][1].currency
    before = present_value(remaining, original_pct, currency)
    if before == 0:
        return None
    after = present_value(modified, original_pct, currency)
    return ((after / before - 1) * _HUNDRED).quantize(_PCT_DIGITS)


def _percent(rate: float) -> Decimal | None:
    if math.isnan(rate):
        return None
    # Adding zero turns a negative zero, which solvers return for interest-free plans, into a plain one.
    return min(Decimal(repr(rate)) * _HUNDRED, _HIGHEST_PCT).quantize(_PCT_DIGITS) + 0
