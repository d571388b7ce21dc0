"""Payments under a signed plan: they serve its debts, split as its instalments are. Pure.

The bank bills each debt by its own schedule, so a payment goes to the debts as the instalments that it
settles do. Only what is beyond the plan goes by the waterfall of the packs.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal

from services.intake.amounts import Amounts
from services.intake.books import Debt, Part, Payment
from services.intake.model import IntakeState, Plan, Split
from services.intake.rules import policy_of
from shared.contracts.agreement import AgreementSigned, WaivedDebt
from shared.contracts.debts import DebtSchedule, InstalmentTotal
from shared.contracts.plan_terms import total_of
from shared.lending.plan_split import pro_rata, split_over
from shared.policy.reference import Reference

__all__ = [
    "asking",
    "beside_plan",
    "lowered",
    "paid_elsewhere",
    "shares_of_plan",
    "splits_of",
    "without_waived",
]


def splits_of(state: IntakeState, signed: AgreementSigned) -> tuple[Split, ...]:
    """Keep how the instalments of a plan are split over its debts, for each currency.

    What has been paid since its effective day, before it was heard of here, counts.
    """
    by_currency: dict[str, list[DebtSchedule]] = {}
    for schedule in signed.schedules:
        if schedule.rows:
            by_currency.setdefault(schedule.rows[0].total.currency, []).append(schedule)
    return tuple(
        Split(
            currency=currency,
            debts=tuple(schedule.debt_id for schedule in schedules),
            before=tuple(_paid_before(state, s.debt_id, signed.effective) for s in schedules),
            rows=_rows(schedules, {rate.debt_id: rate.annual_rate_pct for rate in signed.rates or ()}),
        )
        for currency, schedules in sorted(by_currency.items())
    )


def _paid_before(state: IntakeState, debt_id: str, effective: date) -> int:
    debt = state.debt(debt_id)
    since = sum(
        part.amount
        for payment in state.payments
        if payment.episode == state.episode and payment.value_date >= effective
        for part in payment.parts
        if part.debt_id == debt_id
    )
    return 0 if debt is None else debt.paid.total - since


def _rows(schedules: Sequence[DebtSchedule], rates: Mapping[str, Decimal]) -> tuple[tuple[int, ...], ...]:
    """Give a row for each due day: the day, what each debt asks for, and what its rate gives as interest."""
    found: dict[date, list[int]] = {}
    for at, schedule in enumerate(schedules):
        rate = rates.get(schedule.debt_id)
        # Events of older versions do not say the rates: all interest, then.
        interest = [row.interest for row in schedule.rows] if rate is None else schedule.accruing(rate)
        for row, gives in zip(schedule.rows, interest, strict=True):
            numbers = found.setdefault(row.due, [0] * (2 * len(schedules)))
            numbers[at] += row.total.minor
            numbers[len(schedules) + at] += gives.minor
    return tuple((due.toordinal(), *found[due]) for due in sorted(found))


def shares_of_plan(
    state: IntakeState,
    debts: Iterable[Debt],
    money: int,
    currency: str,
    on: date,
    owed: Mapping[str, Amounts],
    taken: Iterable[Part] = (),
) -> dict[str, int]:
    """Give what each debt gets of money of value date `on` by the plan; nothing where no plan says it.

    `debts` are those that may be served, `owed` what they can take; `taken` is what the same payment has
    explained already.
    """
    plan = asking(state)
    if plan is None or plan.effective is None or on < plan.effective:
        return {}
    split = next((s for s in plan.splits if s.currency == currency), None)
    if split is None:
        return _all_of_it(plan, debts, money, owed)
    payable = {debt.debt_id: debt for debt in debts if debt.debt_id in split.debts}
    now = {debt_id: sum(p.amount for p in taken if p.debt_id == debt_id) for debt_id in split.debts}
    known = [state.debt(debt_id) for debt_id in split.debts]
    served = [
        (debt.paid.total if debt is not None else before) - before + now[debt_id]
        for debt, before, debt_id in zip(known, split.before, split.debts, strict=True)
    ]
    room = [owed[debt_id].total if debt_id in payable else 0 for debt_id in split.debts]
    count = len(split.debts)
    shares = split_over(money, [row[1 : count + 1] for row in split.rows], served, room)
    return {debt_id: share for debt_id, share in zip(split.debts, shares, strict=True) if share}


def asking(state: IntakeState) -> Plan | None:
    """Give the plan that money serves: the one in force, or the one completed last, if its money came back.

    That it is in force again is heard by another topic, and what comes before that makes up what is missing.
    """
    if state.plan is not None or state.fulfilled is None or not state.fulfilled.came_back:
        return state.plan
    return state.fulfilled


def _all_of_it(plan: Plan, debts: Iterable[Debt], money: int, owed: Mapping[str, Amounts]) -> dict[str, int]:
    """Of a plan over one debt, signed before its rows were kept, money pays that debt: all of it is asked."""
    if plan.splits or len(plan.debts) != 1:
        return {}
    one = next((debt.debt_id for debt in debts if debt.debt_id in plan.debts), None)
    return {} if one is None else {one: min(money, owed[one].total)}


def beside_plan(
    state: IntakeState, payment: Payment, parts: Iterable[Part], apart: Collection[str] = ()
) -> int:
    """Give what of a payment was booked on debts, and is nothing that the plan asks for.

    That is all of it where the payment names an account outside the plan, else what is beyond all of its
    instalments, also on a debt of the plan: more may be owed there. Instalments paid in advance hold interest
    that is not billed yet: what served other debts, or lies on none, has paid it. `state` is as it was
    before the payment, which is not allocated yet. A plan that was completed asks for what came back alone.
    Of debts `apart` nothing is asked here, and what is booked on them is told by its parts.
    """
    plan = state.plan or state.fulfilled
    if plan is None or plan.effective is None or payment.value_date < plan.effective:
        return 0
    booked = [part for part in parts if part.debt_id not in apart]
    money = sum(part.amount for part in booked)
    if payment.account_id is not None and payment.account_id not in plan.debts:
        return money
    split = next((s for s in plan.splits if s.currency == payment.currency), None)
    if split is None:  # not known: a plan of before, or none in this currency
        return 0
    since = [
        known
        for known in state.payments
        if known.episode == state.episode
        and known.currency == payment.currency
        and known.value_date >= plan.effective
    ]
    others = {*split.debts, *apart}
    open_ = sum(known.beside for known in since) - sum(
        part.amount for known in since for part in known.parts if part.debt_id not in others
    )
    for at, (debt_id, before) in enumerate(zip(split.debts, split.before, strict=True)):
        debt = state.debt(debt_id)
        if debt is not None and debt_id not in apart:
            open_ += sum(row[at + 1] for row in split.rows) - (debt.paid.total - before)
    on_none = sum(known.unallocated for known in since)
    if asking(state) is None:  # nothing is missing, whatever came back from before the plan
        open_ = min(open_, on_none)
    asked = min(sum(part.amount for part in booked if part.debt_id in split.debts), max(open_, 0))
    still = max(open_ - asked - on_none, 0)
    return money - asked - min(sum(part.amount for part in booked if part.debt_id not in split.debts), still)


def paid_elsewhere(state: IntakeState, day: date, reference: Reference) -> frozenset[str]:
    """Give the debts of the plan whose buyer is paid: a payment serves the others, unless it names one.

    A sale of everything leaves the plan whole, and so does a pack that lets what is sold be collected here.
    """
    debts = () if state.plan is None else state.plan.debts
    sold = frozenset(debt_id for debt_id in debts if state.is_sold(debt_id))
    if not sold or len(sold) == len(debts):
        return frozenset()
    return sold if policy_of(state, day, reference).stop_events.sold_is_the_buyers else frozenset()


def without_waived(plan: Plan, waived: Iterable[WaivedDebt]) -> Plan:
    """Ask for less where a reward waived what instalments hold: of that debt, the last of them first."""
    off: dict[tuple[str, str], int] = {}
    for one in waived:
        amount = total_of(one.amounts)
        key = (one.debt_id, amount.currency)
        off[key] = off.get(key, 0) + amount.minor
    splits = []
    for split in plan.splits:
        rows = [list(row) for row in split.rows]
        for at, debt_id in enumerate(split.debts):
            left = off.get((debt_id, split.currency), 0)
            for row in reversed(rows):
                less = min(left, row[at + 1])
                row[at + 1] -= less
                left -= less
        splits.append(split.model_copy(update={"rows": tuple(tuple(row) for row in rows)}))
    return plan.model_copy(update={"splits": tuple(splits)})


def lowered(plan: Plan, instalments: Iterable[InstalmentTotal], apart: Collection[str] = ()) -> Plan:
    """Ask for less where a lower rate was granted: what an instalment is less is interest, of each debt.

    It is shared out in proportion to the interest that each has in the instalment; debts `apart` have no part
    in either.
    """
    totals = {(row.due.toordinal(), row.total.currency): row.total.minor for row in instalments}
    splits = []
    for split in plan.splits:
        count, rows = len(split.debts), []
        for row in split.rows:
            asked, interest = list(row[1 : count + 1]), list(row[count + 1 :])
            interest = [0 if one in apart else part for one, part in zip(split.debts, interest, strict=True)]
            here = sum(part for one, part in zip(split.debts, asked, strict=True) if one not in apart)
            less = here - totals.get((row[0], split.currency), here)
            for at, part in enumerate(pro_rata(min(max(less, 0), sum(interest)), interest)):
                asked[at] -= part
                interest[at] -= part
            rows.append((row[0], *asked, *interest))
        splits.append(split.model_copy(update={"rows": tuple(rows)}))
    return plan.model_copy(update={"splits": tuple(splits)})
