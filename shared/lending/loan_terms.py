"""Terms of a new loan as a lender's products have them, and the dates of its instalments."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from shared.lending.money import Money
from shared.lending.rate_factors import Convention, Every


class TermsError(ValueError):
    """These terms make no loan: a reason one can show, without any amount in it."""


class Interest(StrEnum):
    """What interest runs on: what is still owed, or what was lent."""

    DECLINING = "declining"
    FLAT = "flat"


class Repayment(StrEnum):
    """What is equal about the instalments: the whole of them, or their principal."""

    LEVEL = "level"
    EQUAL_PRINCIPAL = "equal principal"


class RatePer(StrEnum):
    """What span the rate of the terms is for."""

    YEAR = "year"
    MONTH = "month"
    WHOLE_TERM = "whole term"


@dataclass(frozen=True, slots=True)
class LoanTerms:
    """A new loan. Rates are nominal, in per cent.

    ``start``: where the first period begins. ``tranches``: (day, amount) lent, in order of day, the first of
    them before the first due date. ``down_payment_pct``: a share of each tranche repaid on its own day.
    ``multiple``: instalments are whole multiples of it. ``grace_principal``: so many first instalments hold
    no principal; ``grace_interest``: so many hold no interest, which the first one after them takes;
    ``interest_free``: so many first periods bear none. ``balloon``: principal left for the last instalment.
    ``first_due`` and ``last_due`` make the first and last period odd ones.
    """

    start: date
    tranches: tuple[tuple[date, Money], ...]
    rate_pct: Decimal
    convention: Convention
    instalments: int
    interest: Interest = Interest.DECLINING
    repayment: Repayment = Repayment.LEVEL
    rate_per: RatePer = RatePer.YEAR
    multiple: Money | None = None
    down_payment_pct: Decimal = Decimal(0)
    grace_principal: int = 0
    grace_interest: int = 0
    interest_free: int = 0
    balloon: Money | None = None
    first_due: date | None = None
    last_due: date | None = None

    @property
    def currency(self) -> str:
        return self.tranches[0][1].currency

    @property
    def annual_rate_pct(self) -> Decimal:
        """The rate for a year: twelve months', or what the whole term's comes to in a year."""
        if self.rate_per is RatePer.YEAR:
            return self.rate_pct
        if self.rate_per is RatePer.MONTH:
            return 12 * self.rate_pct
        per_year = {Every.DAYS: 365, Every.WEEKS: 52, Every.MONTHS: 12, Every.YEARS: 1}[self.convention.unit]
        return self.rate_pct * per_year / (self.instalments * self.convention.every)

    @property
    def periods(self) -> tuple[tuple[date, date], ...]:
        """(start, due) of each instalment; the day of the month is that of the start, or of the first due."""
        every, unit = self.convention.every, self.convention.unit
        if self.first_due is None:
            dues = [unit.after(self.start, every * k) for k in range(1, self.instalments + 1)]
        else:
            dues = [unit.after(self.first_due, every * k) for k in range(self.instalments)]
        if self.last_due is not None:
            dues[-1] = self.last_due
        return tuple(zip([self.start, *dues[:-1]], dues, strict=True))


@dataclass(frozen=True, slots=True)
class LoanRow:
    """One line of a loan's schedule: an instalment, or with ``number`` None a tranche of ``balance`` lent.

    Interest runs from ``start`` to ``due``; a down payment starts on its due date.
    """

    number: int | None
    start: date
    due: date
    principal: Money
    interest: Money
    balance: Money

    @property
    def total(self) -> Money:
        return self.principal + self.interest


def check(terms: LoanTerms) -> None:
    """TermsError when the terms make no sense together."""
    if not 1 <= terms.instalments <= 1200 or terms.convention.every < 1:
        raise TermsError("a loan has 1 to 1200 instalments, a period or more apart")
    if not terms.tranches or any(amount.minor < 0 for _, amount in terms.tranches):
        raise TermsError("a loan has at least one tranche, and none is negative")
    amounts = [amount for _, amount in terms.tranches]
    amounts += [amount for amount in (terms.multiple, terms.balloon) if amount is not None]
    if any(amount.currency != terms.currency for amount in amounts):
        raise TermsError("a loan has one currency")
    if terms.rate_pct < 0 or not 0 <= terms.down_payment_pct < 100:
        raise TermsError("neither a rate nor a down payment is negative, and something is lent")
    if min(terms.grace_principal, terms.grace_interest, terms.interest_free) < 0:
        raise TermsError("grace is not negative")
    if max(terms.grace_principal, terms.grace_interest) >= terms.instalments:
        raise TermsError("grace ends before the last instalment")
    if terms.multiple is not None and not terms.multiple.is_positive:
        raise TermsError("a multiple is positive")
    if terms.balloon is not None and (terms.balloon.is_negative or terms.balloon > amounts[0]):
        raise TermsError("a balloon is neither negative nor larger than the loan")
    days = [day for day, _ in terms.tranches]
    if days != sorted(days) or days[0] < terms.start or days[-1] > terms.periods[-1][1]:
        raise TermsError("tranches are in order, from the start to the last due date")
    if any(start >= due for start, due in terms.periods):
        raise TermsError("each period lasts a day or more")
