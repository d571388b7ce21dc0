"""A plan of which a part was sold: what it still asks for here, and which money is the buyer's. Pure.

A signed plan binds the buyer, who is paid for their part from then on. Where the pack stops enforcement of
what is sold, that part is not judged here any more: instalments that are not settled ask for the rest alone,
and money that the bank books on the sold debt is not counted. A sale is final.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date

from services.followup.model import Apart, FollowedPlan, FollowupState, FollowupStatus, Line
from services.followup.rules import SETTLED, summed
from shared.contracts.intake import PaymentMatched, PaymentTakenBack
from shared.contracts.plan_terms import total_of
from shared.lending.money import Money
from shared.policy.reference import Reference

__all__ = ["all_sold", "counted", "without_sold"]


def all_sold(state: FollowupState, plan: FollowedPlan) -> bool:
    """Whether the plan has nothing left that is owed here."""
    return bool(plan.debts) and set(plan.debts) <= set(state.sold)


def without_sold(state: FollowupState, day: date, reference: Reference) -> FollowupState:
    """Have the live plan ask for the debts that were not sold; again it changes nothing.

    Of an agreement that did not say the parts of its instalments everything is judged as before.
    """
    plan = state.plan if state.status is FollowupStatus.LIVE else None
    if plan is None or all_sold(state, plan) or not any(line.shares for line in plan.lines):
        return state
    known = {one.debt_id for one in plan.apart}
    gone = [one for one in plan.debts if one in state.sold and one not in known]
    if not gone or not reference.policies.in_force(plan.policy, day).stop_events.sold_is_the_buyers:
        return state
    returning = tuple(one for one in plan.returning if one.debt_id not in gone)
    update = {
        "lines": tuple(_less(line, gone) for line in plan.lines),
        "apart": (*plan.apart, *(Apart(debt_id=one, since=day) for one in gone)),
        "returning": returning,
        "returns": summed(one.amount for one in returning) if plan.returning else plan.returns,
        "contract_rates": tuple(rate for rate in plan.contract_rates if rate.debt_id not in gone),
        "replay": True,
    }
    return state.model_copy(update={"plan": plan.model_copy(update=update)})


def _less(line: Line, gone: Collection[str]) -> Line:
    """Take the parts of debts off an instalment, in proportion where a reward has made it smaller."""
    left = tuple(share for share in line.shares if share.debt_id not in gone)
    if line.state in SETTLED or left == line.shares:
        return line
    update: dict[str, object] = {
        "total": _part(line.total, [one.total for one in left], [one.total for one in line.shares]),
        "debts": tuple(one for one in line.debts if one not in gone),
        "shares": left,
    }
    if line.interest is not None:
        parts, whole = ([one.interest or Money.zero(line.total.currency) for one in rows]
                        for rows in (left, line.shares))  # fmt: skip
        update["interest"] = _part(line.interest, parts, whole)
    return line.model_copy(update=update)


def _part(amount: Money, parts: Iterable[Money], whole: Iterable[Money]) -> Money:
    """Give what of an amount falls to parts of a whole, rounded up: the rest is never asked for here."""
    part, all_ = (Money.sum(rows, amount.currency).minor for rows in (parts, whole))
    return Money(-(-amount.minor * part // all_), amount.currency) if all_ else amount


def counted(plan: FollowedPlan | None, data: PaymentMatched | PaymentTakenBack) -> Money:
    """Give what of a payment, or of its return, counts here.

    What was booked on a debt after its sale is the buyer's, and what the borrower has paid on debts beside
    the plan is neither paid on the plan nor a credit.
    """
    amount = data.amount
    apart = set() if plan is None else {one.debt_id for one in plan.apart if one.since < data.value_date}
    booked = (total_of(one.amounts) for one in data.allocations if one.debt_id in apart)
    beside = [] if plan is None or data.beside is None else [data.beside]
    mine = [part for part in (*booked, *beside) if part.currency == amount.currency]
    return amount - Money.sum(mine, amount.currency)
