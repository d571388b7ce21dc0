"""A loan repaid in level instalments, and everything that can happen to it between its first and last day.

``EMI = P x prod(1+f_i) / g_n`` with ``g_1 = 1``, ``g_i = 1 + g_(i-1) (1+f_i)`` and ``f_i`` the rate factor of
a period; interest is the balance times the factor, principal the rest of the instalment, and the last
instalment takes what is left. When it differs from the others by more than half their number in minor units,
the difference is spread over all, as long as that makes it smaller. Later disbursements and rates make a new
instalment for the periods they reach; payments, corrections and credits change the last unpaid one only.

Source: the progressive schedules of Apache Fineract, whose published test figures this is compared with.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import NamedTuple

from shared.lending.level_periods import Part, Period, clone, gap, pause, split, stop_accruing, walk
from shared.lending.rate_factors import Convention, due_factor, rate_factor

_MOST_ADJUSTMENTS = 3


class UnknownPeriodError(ValueError):
    """Something happens on a day, or is asked of a due date, that no period of the loan has."""


class Due(NamedTuple):
    """What one period owes by a day, in minor units."""

    principal: int
    interest: int


class LevelLoan:
    """A level-payment loan over given (start, due) periods; amounts in minor units, rates in per cent a year.

    ``multiple``: instalments are whole multiples of so many minor units, unless that leaves nothing.
    ``grace``: so many first instalments are interest alone. ``flat``: interest runs on what was lent, not on
    what is owed. ``full_term``: a later tranche has as many instalments of its own as the loan had at first,
    which come on top. ValueError when the periods do not follow one another, UnknownPeriodError for other
    days.
    """

    def __init__(
        self,
        periods: Sequence[tuple[date, date]],
        annual_rate_pct: Decimal,
        convention: Convention,
        *,
        multiple: int = 1,
        grace: int = 0,
        flat: bool = False,
        full_term: bool = False,
    ) -> None:
        if not periods or any(start >= due for start, due in periods):
            raise ValueError("a loan has at least one period, and each lasts a day or more")
        if any(due != start for (_, due), (start, _) in pairwise(periods)):
            raise ValueError("each period starts when the one before it ends")
        self._convention, self._multiple, self._grace, self._flat = convention, multiple, grace, flat
        self._context = convention.context
        self._rates: list[tuple[date, Decimal]] = [(date.min, annual_rate_pct)]
        self._copied = False
        self._term = len(periods) if full_term else 0
        self.periods = [Period(start, due, [Part(start, due)]) for start, due in periods]
        self._set_factors(self.periods)

    # -- what can happen ------------------------------------------------------------------------

    def disburse(self, on: date, amount: int) -> None:
        """Lend ``amount``; the periods that end after it get a new instalment.

        ValueError for a later tranche with a full term of its own that is not lent on a due date.
        """
        if self._convention.by_period and not self._convention.part_periods:
            on = next((period.start for period in self.periods if period.due > on), on)
        if self._term and any(period.instalment for period in self.periods):
            self._lend_on_top(on, amount)
            return
        period = self._change(on, lent=amount)
        self._new_instalment(self._first_due(period, on), only_here=False)

    def change_rate(self, effective: date, annual_rate_pct: Decimal) -> None:
        """From ``effective`` on, that day included, the loan bears another rate."""
        on = max(effective - timedelta(days=1), self.periods[0].start)
        self._rates = sorted([*(each for each in self._rates if each[0] != on), (on, annual_rate_pct)])
        period = self._change(on)
        self._new_instalment(self._first_due(period, on), only_here=True)

    def pause_interest(self, start: date, end: date) -> None:
        """The days ``start`` to ``end``, both included, bear no interest; the last instalment shrinks."""
        reached = [period for period in self.periods if period.start < end and period.due >= start]
        for period in reached:
            pause(period, max(start - timedelta(days=1), period.start), min(end, period.due))
        if reached:
            self._set_factors(self.periods)
            self._walk()
            self._settle_last(reached[0].start)

    def correct_balance(self, on: date, amount: int) -> None:
        """Interest runs on so much more (or less) from ``on``, without anything being lent or owed."""
        self._after_change(self._change(on, corrected=amount), on)

    def run_overdue(self, on: date, *, to_due: bool = False) -> None:
        """Let interest run on principal that is overdue on ``on``, until that day or the next due date.

        Each overdue instalment's principal counts from its due date on.
        """
        late = [period for period in self.periods if period.due < on]
        current = self._find(on)
        reached = [*late[1:], *([current] if late and current is not None else [])]
        overdue = 0
        for before, period in zip(late, reached, strict=False):
            unpaid = before.outstanding_principal
            overdue += unpaid
            self.correct_balance(period.start, unpaid)
        if overdue and current is not None:
            self.correct_balance(current.due if to_due else on, -overdue)

    def credit(self, on: date, principal: int = 0, interest: int = 0) -> None:
        """Something paid is owed again, as by a chargeback: the part that starts on the day takes it."""
        period = self._change(on, corrected=principal)
        part = [part for each in self.periods for part in each.parts if part.start == on][-1]
        part.credited_principal += principal
        part.credited_interest += interest
        self._after_change(period, on)

    def pay_principal(self, due: date, on: date, amount: int) -> None:
        """Pay ``amount`` of the principal of the period that ends on ``due``; interest on it ends then."""
        if amount == 0:
            return
        period = self._period(due)
        period.paid_principal += amount
        self.correct_balance(min(due, on), -amount)
        several = sum(not each.fully_paid for each in self.periods) > 1
        if several and on < period.start:
            whole = period.paid - period.credited
            if period.paid > period.whole or period.paid == period.agreed + period.credited:
                period.instalment = whole
        self._walk()
        self._settle_last(min(due, on))

    def pay_interest(self, due: date, on: date, amount: int) -> None:
        """Pay ``amount`` of the interest of the period that ends on ``due``."""
        self._period(due).paid_interest += amount
        self._walk()
        self._settle_last(on)

    # -- what can be asked ----------------------------------------------------------------------

    @property
    def total_interest(self) -> int:
        return sum(period.interest for period in self.periods)

    def due(self, due: date, on: date) -> Due:
        """What the period that ends on ``due`` owes when it is settled on ``on``."""
        loan = self._as_of(on)
        period = loan._period(due)
        open_periods = [each for each in loan.periods if not each.fully_paid]
        if on <= period.start:
            if len(open_periods) > 1:
                period.instalment = period.agreed
                loan._walk()
                excess = period.outstanding_principal - loan._owed
                period.instalment -= max(excess, 0)
            elif period.fully_paid and open_periods:
                left = loan._owed + period.paid_principal + period.interest
                period.instalment = min(period.agreed, left)
            loan._walk()
        return Due(period.principal, period.interest)

    def interest_until(self, due: date, on: date) -> int:
        """Interest of the period ending on ``due``, accrued until ``on``, without what is credited back."""
        period = self._as_of(on)._period(due)
        return period.accrued - sum(part.credited_interest for part in period.parts)

    # -- how it is worked out -------------------------------------------------------------------

    def _period(self, due: date) -> Period:
        found = next((period for period in self.periods if period.due == due), None)
        if found is None:
            raise UnknownPeriodError("no period ends on that day")
        return found

    @property
    def _lent(self) -> int:
        return sum(part.lent for period in self.periods for part in period.parts)

    @property
    def _owed(self) -> int:
        """Principal lent or credited that was not paid."""
        credited = sum(period.credited_principal for period in self.periods)
        return self._lent + credited - sum(period.paid_principal for period in self.periods)

    def _rate(self, on: date) -> Decimal:
        return self._rates[bisect_right(self._rates, on, key=lambda each: each[0]) - 1][1]

    def _walk(self, *, balances: bool = True) -> None:
        walk(self.periods, self._context, flat=self._flat, balances=balances)

    def _set_factors(self, periods: Sequence[Period]) -> None:
        first = self.periods[0].start
        for period in periods:
            span = (period.start, period.due)
            for part in period.parts:
                rate = self._rate(part.start)
                part.factor = rate_factor(self._convention, rate, span, part.start, part.end)
                part.to_due = due_factor(self._convention, rate, span, part.start, first)

    def _copy(self) -> LevelLoan:
        twin = LevelLoan.__new__(LevelLoan)
        twin.__dict__.update(self.__dict__)
        twin.periods = clone(self.periods)
        return twin

    def _find(self, on: date) -> Period | None:
        pairs = enumerate(self.periods)
        return next((period for k, period in pairs if period.holds(on, first=k == 0)), None)

    def _change(self, on: date, *, lent: int = 0, corrected: int = 0) -> Period:
        """Book a change of balance at the end of the part that ends on the day, made so if none does."""
        period = self._find(on)
        if period is None:
            raise UnknownPeriodError("no period of the loan holds that day")
        at_maturity = period is self.periods[-1] and on == period.due
        if at_maturity:
            part = period.parts[-1] if period.parts[-1].start == on else None
        else:
            part = next((each for each in period.parts if each.end == on), None)
        if part is None:
            part = split(period, on)
        part.lent += lent
        part.corrected += corrected
        return period

    def _first_due(self, period: Period, on: date) -> date:
        """The first due date that a change reaches: on a due date it reaches the next period."""
        if period.due != on or period is self.periods[-1]:
            return period.due
        return self.periods[self.periods.index(period) + 1].due

    def _after_change(self, period: Period, on: date) -> None:
        self._set_factors([period])
        self._walk()
        self._settle_last(on)

    def _new_instalment(self, first_due: date, *, only_here: bool) -> None:
        reached = [period for period in self.periods if period.due >= first_due]
        if self._flat:
            self._set_factors(reached)
            self._flat_instalment(reached)
            return
        here = only_here or self._copied or all(period.instalment == 0 for period in self.periods)
        self._set_factors(reached)
        self._walk()
        if here:
            self._level(reached)
        else:
            for period, unpaid in zip(reached, self._as_unpaid(first_due), strict=True):
                period.instalment, period.agreed = unpaid.instalment, unpaid.agreed
        self._walk()
        self._settle_last(first_due)
        if here:
            self._even_out(reached)

    def _lend_on_top(self, on: date, amount: int) -> None:
        starts = [*(period.start for period in self.periods), self.periods[-1].due]
        if on not in starts:
            raise ValueError("a tranche with a full term of its own is lent on a due date")
        place, every, unit, start = starts.index(on), self._convention.every, self._convention.unit, starts[0]
        while len(self.periods) < place + self._term:
            last, due = self.periods[-1].due, unit.after(start, every * (len(self.periods) + 1))
            self.periods.append(Period(last, due, [Part(last, due)]))
        self._set_factors(self.periods)
        self._change(on, lent=amount)
        reached = self.periods[place : place + self._term]
        own = LevelLoan(
            [(period.start, period.due) for period in reached],
            self._rate(on),
            self._convention,
            multiple=self._multiple,
        )
        own._rates = self._rates
        own.disburse(on, amount)
        for period, tranche in zip(reached, own.periods, strict=True):
            period.instalment += tranche.instalment
            period.agreed += tranche.agreed
        self._walk()
        self._settle_last(reached[0].due)

    def _as_unpaid(self, first_due: date) -> list[Period]:
        """The periods from ``first_due`` as they would be if nothing had been paid yet."""
        twin = self._copy()
        twin._copied = True
        for period in twin.periods:
            period.paid_principal = period.paid_interest = period.deferred = 0
            period.moved = False
            for part in period.parts:
                part.corrected = 0
        twin._walk()
        twin._new_instalment(first_due, only_here=True)
        return [period for period in twin.periods if period.due >= first_due]

    def _level(self, reached: list[Period]) -> None:
        for period in list(reached):
            if self.periods.index(period) >= self._grace:
                break
            reached.remove(period)
            period.instalment = period.agreed = period.own
            self._walk()
        if not reached:
            return
        ctx = self._context
        growth, worth = reached[0].growth, Decimal(1)
        for period in reached[1:]:
            growth = ctx.multiply(growth, period.growth)
            worth = ctx.add(Decimal(1), ctx.multiply(worth, period.growth))
        place = self.periods.index(reached[0])
        owed = self.periods[place - 1].balance if place else 0
        owed += sum(part.lent for part in reached[0].parts)
        level = ctx.divide(ctx.multiply(growth, Decimal(owed)), worth)
        self._give(reached, self._rounded(level))

    def _give(self, reached: Sequence[Period], level: int) -> None:
        for period in reached:
            if level >= period.paid:
                period.instalment = period.agreed = level

    def _flat_instalment(self, reached: Sequence[Period]) -> None:
        self._walk()
        place = self.periods.index(reached[0])
        left = self._lent - sum(period.principal for period in self.periods[:place])
        total = left + sum(period.own for period in reached)
        level = self._rounded(self._context.divide(Decimal(total), Decimal(len(reached))))
        for period in reached:
            # An instalment never leaves out its own interest, nor repays more than is left.
            most = period.own + left
            share = most if period is reached[-1] else max(period.own, min(level, most))
            self._give([period], share)
            left -= share - period.own
        self._walk()

    def _rounded(self, amount: Decimal) -> int:
        """A whole number of minor units, then of the multiple unless nothing would be left."""
        exact = int(amount.to_integral_value(rounding=self._context.rounding))
        times = Decimal(exact) / self._multiple
        return int(times.to_integral_value(rounding=self._context.rounding)) * self._multiple or exact

    def _settle_last(self, until: date) -> None:
        """Let the last unpaid instalment take what is left, and interest that no later one can take."""
        owed = self._owed
        for period in self.periods:
            if period.outstanding_principal > owed:
                over = period.outstanding_principal - owed
                period.instalment = max(period.instalment - over, period.paid)
                self._walk()
        unpaid = [period for period in self.periods if not period.fully_paid]
        if not unpaid and owed <= 0:
            return
        # Instalments of nothing count as paid; what is owed all the same falls on the last.
        last = unpaid[-1] if unpaid else self.periods[-1]
        last.deferred = 0
        for period in self.periods:
            period.moved = False
        self._walk()
        lent = self._lent + sum(period.credited_principal for period in self.periods)
        # More room in the instalment may let it take interest for which there was none: look again.
        for _ in range(_MOST_ADJUSTMENTS):
            last.instalment += lent + self.total_interest - sum(period.whole for period in self.periods)
            self._walk()
        least = last.paid - last.credited
        if last.instalment < least:
            last.instalment = least
            self._walk()
            self._settle_last(until)
        self._defer(last, until)

    def _defer(self, last: Period, until: date) -> None:
        twin = self._copy()
        holder = twin._find(until)
        if holder is not None:
            parts = [part for part in holder.parts if part.start < until <= part.end]
            if parts:
                parts[-1].end = until
        twin._set_factors(twin.periods)
        for period in twin.periods:
            for part in period.parts:
                if until < part.end:
                    part.factor = part.to_due = Decimal(0)
        twin._walk(balances=False)
        later = [period for period in twin.periods if period.due > last.due and period.unrecognized > 0]
        if later:
            last.deferred = later[-1].unrecognized
            for period in self.periods:
                period.moved = period.moved or period.due > last.due
            self._walk()

    def _even_out(self, reached: Sequence[Period]) -> None:
        """Spread what the last instalment differs by over all of them, while that makes it smaller."""
        for _ in range(_MOST_ADJUSTMENTS):
            level, difference = gap(reached)
            half = len(reached) // 2
            if half == 0 or abs(difference) <= half:
                return
            paid_above = sum(level < period.paid for period in reached)
            count = Decimal(max(1, len(reached) - paid_above))
            share = self._context.divide(Decimal(difference), count)
            adjusted = self._rounded(level + share.to_integral_value(rounding=self._context.rounding))
            if adjusted == level:
                return
            twin = self._copy()
            first = self.periods.index(reached[0])
            twin._give(twin.periods[first:], adjusted)
            twin._walk()
            twin._settle_last(reached[0].due)
            if abs(gap(twin.periods)[1]) >= abs(difference):
                return
            for period, better in zip(reached, twin.periods[first:], strict=True):
                period.instalment = period.agreed = better.instalment
            self._walk()

    def _as_of(self, on: date) -> LevelLoan:
        """The loan as if it were settled on ``on``: nothing accrues later."""
        twin = self._copy()
        if on >= self.periods[-1].due:
            return twin
        stop_accruing(twin.periods, twin._find(on), on)
        twin._set_factors(twin.periods)
        twin._walk()
        twin._settle_last(on)
        return twin
