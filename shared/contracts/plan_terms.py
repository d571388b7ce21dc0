"""From a plan's terms to what the borrower pays: the one way every service computes it.

A plan names the terms of each debt (`PlanDebt`); its schedules and instalments follow from them and the
rounding rule of the policy, so they need not be kept. Pure functions.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal

from shared.contracts.debts import Balances, DebtSchedule, InstalmentTotal, PlanDebt, ScheduleRow
from shared.lending.allocation import Components
from shared.lending.money import Money, Rounding
from shared.lending.plans import schedule_of
from shared.lending.schedule import Schedule

__all__ = ["balances_of", "cut_rate", "instalment_totals", "schedule_on_wire", "schedules_of", "total_of"]

_RATE = Decimal("0.0001")


def cut_rate(annual_rate_pct: Decimal, cut_pct: Decimal) -> Decimal:
    """Give a rate in percent a year less a share of it (per cent, what is above a hundred counts as all)."""
    return (annual_rate_pct * (1 - min(cut_pct, Decimal(100)) / 100)).quantize(_RATE)


def total_of(balances: Balances) -> Money:
    """Give the sum of the four components."""
    return balances.principal + balances.interest + balances.fees + balances.late_charges


def balances_of(components: Components) -> Balances:
    """Give components as they go on the wire; the costs of enforcing the claim count as fees."""
    return Balances(
        principal=components.principal,
        interest=components.interest,
        fees=components.fees + components.costs,
        late_charges=components.late_charges,
    )


def schedule_on_wire(debt_id: str, schedule: Schedule) -> DebtSchedule:
    """Give a computed schedule as it goes on the wire; `balance` is the principal left after each row."""
    left = schedule.principal
    rows = []
    for row in schedule.instalments:
        left = left - row.principal
        rows.append(
            ScheduleRow(
                number=row.number,
                due=row.due,
                principal=row.principal,
                interest=row.interest,
                fees=row.fees,
                late_charges=row.late_charges,
                total=row.total,
                balance=left,
            )
        )
    return DebtSchedule(debt_id=debt_id, rows=tuple(rows))


def schedules_of(debts: Iterable[PlanDebt], rounding: Rounding) -> tuple[DebtSchedule, ...]:
    """Compute the full schedule of each debt from its terms. ScheduleError when they give none."""
    return tuple(
        schedule_on_wire(
            debt.debt_id,
            schedule_of(
                Components.from_balances(debt.balance),
                Components.from_balances(debt.waived),
                annual_rate_pct=debt.annual_rate_pct,
                periods=debt.instalments,
                first_due=debt.first_due,
                rounding=rounding,
                grace_periods=debt.grace_periods,
                step_pct=debt.step_pct,
                step_every=debt.step_every,
                skips=debt.skips,
            ),
        )
        for debt in debts
    )


def instalment_totals(schedules: Iterable[DebtSchedule]) -> tuple[InstalmentTotal, ...]:
    """Add the rows of all debts up, per due date and currency, numbered by due date."""
    sums: dict[tuple[date, str], Money] = {}
    for schedule in schedules:
        for row in schedule.rows:
            key = (row.due, row.total.currency)
            sums[key] = sums[key] + row.total if key in sums else row.total
    days = {day: number for number, day in enumerate(sorted({day for day, _ in sums}), start=1)}
    return tuple(
        InstalmentTotal(number=days[day], due=day, total=total) for (day, _), total in sorted(sums.items())
    )
