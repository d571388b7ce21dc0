"""Repayment schedules: instalments whose parts add up exactly to what is repaid.

Interest accrues on principal only, one equal period at a time (``annual / 12`` a month, ``annual / 52``
a week), from one period before the first due date. Balances that bear no interest (overdue interest,
fees, late charges) can be spread over the same instalments. Every rounding residue falls on the last
instalment. Formulas: annuity with balloon ``A = (P - B v) i / (1 - v)`` with ``v = (1 + i)^-n``;
step-up ``a = (P - B v) / Σ (1 + g)^⌊(t-1)/k⌋ (1 + i)^-t``; grace is interest only, then either of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Context, Decimal, localcontext
from enum import StrEnum
from fractions import Fraction
from functools import cached_property, lru_cache
from itertools import accumulate
from typing import Final, NamedTuple

from shared.lending.calendar import add_months
from shared.lending.money import CurrencyMismatch, Money, Rounding, round_ratio

# Digits of the factors; amounts have at most 19, so a payment is right far beyond a minor unit.
_CONTEXT: Final = Context(prec=40)
_PLACES: Final = 18
_MAX_PERIODS: Final = 1200


class ScheduleError(ValueError):
    """These terms give no schedule: a reason one can show, without any amount in it."""


class Frequency(StrEnum):
    """How often an instalment falls due."""

    MONTHLY = "monthly"
    BIWEEKLY = "biweekly"
    WEEKLY = "weekly"

    @property
    def per_year(self) -> int:
        return {"monthly": 12, "biweekly": 26, "weekly": 52}[self.value]

    def due_dates(self, first_due: date, count: int) -> tuple[date, ...]:
        """``count`` dates from ``first_due``; monthly ones keep its day, or the month's last."""
        return _due_dates(self, first_due, count)

    def period_before(self, first_due: date) -> date:
        """Where the first period starts, so that it is as long as the others."""
        if self is Frequency.MONTHLY:
            return add_months(first_due, -1)
        return first_due - timedelta(days=7 if self is Frequency.WEEKLY else 14)


@lru_cache(maxsize=1024)
def _due_dates(frequency: Frequency, first_due: date, count: int) -> tuple[date, ...]:
    if frequency is Frequency.MONTHLY:
        return tuple(add_months(first_due, k) for k in range(count))
    days = 7 if frequency is Frequency.WEEKLY else 14
    return tuple(first_due + timedelta(days=days * k) for k in range(count))


@lru_cache(maxsize=1024)
def dates_without(first_due: date, count: int, skips: tuple[int, ...]) -> tuple[date, ...]:
    """``count`` monthly dates from ``first_due``, none of them in a calendar month of ``skips`` (1 to 12)."""
    dates: list[date] = []
    for k in range(count * 12 if skips else count):
        if len(dates) == count:
            break
        day = add_months(first_due, k)
        if day.month not in skips:
            dates.append(day)
    return tuple(dates)


class Method(StrEnum):
    """How principal is spread over the amortising periods."""

    ANNUITY = "annuity"
    EQUAL_PRINCIPAL = "equal_principal"


@dataclass(frozen=True, slots=True)
class Instalment:
    """One payment due: its parts, and what is still owed after it.

    ``interest`` holds the period's interest and the share of overdue interest that is spread;
    ``fees`` include the costs of enforcing the claim. ``balance_after`` is principal and carried
    balances still to pay, without interest that has yet to accrue.
    """

    number: int
    due: date
    principal: Money
    interest: Money
    fees: Money
    late_charges: Money
    balance_after: Money

    @property
    def total(self) -> Money:
        parts = self.principal.minor + self.interest.minor + self.fees.minor + self.late_charges.minor
        return Money(parts, self.principal.currency)


class Parts(NamedTuple):
    """What the instalments are made of, in minor units: one entry per instalment in each."""

    principal: tuple[int, ...]
    interest: tuple[int, ...]
    fees: tuple[int, ...]
    late_charges: tuple[int, ...]
    balance_after: tuple[int, ...]


@dataclass(frozen=True)
class Schedule:
    """Instalments in order of due date, at least one, all of one currency.

    Kept as columns of integers: of the many schedules that a search compares, few are ever read row by row.
    """

    currency: str
    dates: tuple[date, ...]
    parts: Parts

    @cached_property
    def instalments(self) -> tuple[Instalment, ...]:
        rows = zip(self.dates, *self.parts, strict=True)
        return tuple(
            Instalment(number, due, *(Money(minor, self.currency) for minor in minors))
            for number, (due, *minors) in enumerate(rows, start=1)
        )

    @cached_property
    def totals(self) -> tuple[int, ...]:
        """What falls due on each date, in minor units."""
        return tuple(map(sum, zip(*self.parts[:4], strict=True)))

    @cached_property
    def months(self) -> tuple[int, ...]:
        """In which month of a monthly schedule each instalment falls due; the first is month 0."""
        first = self.dates[0]
        return tuple((day.year - first.year) * 12 + day.month - first.month for day in self.dates)

    @cached_property
    def by_month(self) -> tuple[int, ...]:
        """What falls due in each month of a monthly schedule, nothing in those that are left out."""
        due = dict(zip(self.months, self.totals, strict=True))
        return tuple(due.get(month, 0) for month in range(self.months[-1] + 1))

    @property
    def principal(self) -> Money:
        return Money(sum(self.parts.principal), self.currency)

    @property
    def interest(self) -> Money:
        return Money(sum(self.parts.interest), self.currency)

    @property
    def fees(self) -> Money:
        return Money(sum(self.parts.fees), self.currency)

    @property
    def late_charges(self) -> Money:
        return Money(sum(self.parts.late_charges), self.currency)

    @property
    def total(self) -> Money:
        return Money(sum(self.totals), self.currency)

    @property
    def peak(self) -> Money:
        """The largest instalment."""
        return Money(max(self.totals), self.currency)

    @property
    def first_due(self) -> date:
        return self.dates[0]

    @property
    def last_due(self) -> date:
        return self.dates[-1]


@dataclass(frozen=True, slots=True)
class Carried:
    """Balances that bear no interest and are spread over the amortising instalments."""

    interest: Money
    fees: Money
    late_charges: Money

    @staticmethod
    def nothing(currency: str) -> Carried:
        zero = Money.zero(currency)
        return Carried(zero, zero, zero)


@dataclass(frozen=True, slots=True)
class ScheduleTerms:
    """What a schedule is built from.

    ``periods`` amortising instalments follow ``grace_periods`` in which interest alone is paid. With
    ``step_pct`` and ``step_every`` the payment grows by so many per cent each so many periods.
    ``balloon`` is principal left for the last instalment. ``annual_rate_pct`` is nominal. In the calendar
    months of ``skips`` nothing falls due, and interest rests.
    """

    principal: Money
    annual_rate_pct: Decimal
    periods: int
    first_due: date
    rounding: Rounding
    frequency: Frequency = Frequency.MONTHLY
    method: Method = Method.ANNUITY
    grace_periods: int = 0
    step_pct: Decimal = Decimal(0)
    step_every: int = 0
    balloon: Money | None = None
    carried: Carried | None = None
    skips: tuple[int, ...] = ()


def period_rate(annual_rate_pct: Decimal, frequency: Frequency = Frequency.MONTHLY) -> Fraction:
    """The rate of one period as an exact ratio: 12 per cent a year is 1/100 a month."""
    return Fraction(annual_rate_pct) / (100 * frequency.per_year)


@lru_cache(maxsize=1024)
def payment_factors(
    rate: Fraction, periods: int, step_pct: Decimal = Decimal(0), step_every: int = 0
) -> tuple[tuple[Decimal, Decimal], ...]:
    """``(Σ (1+g)^⌊(t-1)/k⌋ v^t, v^n)`` for n = 1 … ``periods``.

    That is what n payments are worth whose first is 1, and the last discount. ``step_every`` 0: no steps.
    """
    with localcontext(_CONTEXT):
        discount = Decimal(rate.denominator) / Decimal(rate.denominator + rate.numerator)
        growth = 1 + step_pct / 100
        worth, weight, v = Decimal(0), Decimal(1), Decimal(1)
        factors = []
        for t in range(periods):
            if step_every and t and t % step_every == 0:
                weight *= growth
            v *= discount
            worth += weight * v
            factors.append((worth, v))
        return tuple(factors)


def first_payment(
    principal: Money,
    rate: Fraction,
    periods: int,
    rounding: Rounding,
    *,
    balloon: Money | None = None,
    step_pct: Decimal = Decimal(0),
    step_every: int = 0,
) -> Money:
    """The (first) payment of an annuity, with a balloon or steps, rounded to the currency."""
    worth, v = payment_factors(rate, periods, step_pct, step_every)[-1]
    left = Decimal(0) if balloon is None else Decimal(balloon.minor) * v
    with localcontext(_CONTEXT):
        # The factors are a little off in their last digits: what is a tie, or a whole unit, stays one.
        payment = round((Decimal(principal.minor) - left) / worth, _PLACES)
    return Money(int(payment.to_integral_value(rounding=rounding.mode)), principal.currency)


def build(terms: ScheduleTerms) -> Schedule:
    """The schedule of ``terms``; ScheduleError when they make no sense or never pay down."""
    _check(terms)
    currency = terms.principal.currency
    carried = terms.carried or Carried.nothing(currency)
    rate = period_rate(terms.annual_rate_pct, terms.frequency)
    principal, interest = _principal_and_interest(terms, rate)
    grace = (0,) * terms.grace_periods
    overdue, fees, late = (
        grace + _spread(balance, terms) for balance in (carried.interest, carried.fees, carried.late_charges)
    )
    owed = terms.principal.minor + carried.interest.minor + carried.fees.minor + carried.late_charges.minor
    repaid = map(sum, zip(principal, overdue, fees, late, strict=True))
    left = tuple(owed - so_far for so_far in accumulate(repaid))
    accrued = tuple(map(sum, zip(interest, overdue, strict=True)))
    count = terms.grace_periods + terms.periods
    if terms.skips:
        dates = dates_without(terms.first_due, count, terms.skips)
    else:
        dates = terms.frequency.due_dates(terms.first_due, count)
    return Schedule(currency, dates, Parts(tuple(principal), accrued, fees, late, left))


def _check(terms: ScheduleTerms) -> None:
    if not 1 <= terms.periods <= _MAX_PERIODS or not 0 <= terms.grace_periods <= _MAX_PERIODS:
        raise ScheduleError("a schedule has 1 to 1200 instalments")
    if terms.principal.is_negative or terms.annual_rate_pct < 0:
        raise ScheduleError("neither principal nor rate is negative")
    if terms.step_pct < 0 or terms.step_every < 0 or (terms.step_pct and not terms.step_every):
        raise ScheduleError("steps need a growth of 0 or more and a number of periods")
    if terms.skips and (
        terms.frequency is not Frequency.MONTHLY
        or not {*terms.skips} < {*range(1, 13)}
        or terms.first_due.month in terms.skips
    ):
        raise ScheduleError("months that are left out are some of the twelve, and not the first one")
    amounts = [terms.balloon] if terms.balloon is not None else []
    if terms.carried is not None:
        amounts += [terms.carried.interest, terms.carried.fees, terms.carried.late_charges]
    for amount in amounts:
        if amount.currency != terms.principal.currency:
            raise CurrencyMismatch("one schedule has one currency")
        if amount.is_negative:
            raise ScheduleError("no part of a schedule is negative")
    if terms.balloon is not None and terms.balloon > terms.principal:
        raise ScheduleError("a balloon is not larger than the principal")
    if terms.method is Method.EQUAL_PRINCIPAL and (terms.step_pct or terms.balloon):
        raise ScheduleError("equal principal has neither steps nor a balloon")


def _spread(balance: Money, terms: ScheduleTerms) -> tuple[int, ...]:
    """Carried balances follow the steps of the payment, so that its growth is the same in all parts."""
    if balance.is_zero:
        return (0,) * terms.periods
    if not terms.step_pct:
        return tuple(part.minor for part in balance.split(terms.periods))
    growth = 1 + terms.step_pct / 100
    shares = balance.allocate([growth ** (t // terms.step_every) for t in range(terms.periods)])
    return tuple(part.minor for part in shares)


def _principal_and_interest(terms: ScheduleTerms, rate: Fraction) -> tuple[list[int], list[int]]:
    """Minor units of principal and interest, period by period."""
    balance = terms.principal.minor
    over, under, rounding = rate.numerator, rate.denominator, terms.rounding

    def accrued() -> int:
        return round_ratio(balance * over, under, rounding)

    principal = [0] * terms.grace_periods
    interest = [accrued()] * terms.grace_periods
    if terms.method is Method.EQUAL_PRINCIPAL:
        for share in terms.principal.split(terms.periods):
            interest.append(accrued())
            principal.append(share.minor)
            balance -= share.minor
        return principal, interest
    payment = Decimal(_first(terms, rate).minor)
    growth = 1 + terms.step_pct / 100
    keep = terms.balloon.minor if terms.balloon is not None else 0
    level = int(payment)
    every = terms.step_every or terms.periods
    for t in range(terms.periods - 1):
        if t and t % every == 0:
            payment *= growth
            level = int(payment.to_integral_value(rounding=rounding.mode))
        due = accrued()
        if level < due:
            raise ScheduleError("the payments do not cover the interest")
        # Rounding may repay the principal early; what must stay for the balloon stays.
        part = min(level - due, balance - keep)
        interest.append(due)
        principal.append(part)
        balance -= part
    return [*principal, balance], [*interest, accrued()]


def _first(terms: ScheduleTerms, rate: Fraction) -> Money:
    return first_payment(
        terms.principal,
        rate,
        terms.periods,
        terms.rounding,
        balloon=terms.balloon,
        step_pct=terms.step_pct,
        step_every=terms.step_every,
    )
