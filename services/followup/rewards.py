"""Incentives (R38-R41): what vests for instalments paid on time. Pure.

What is waived shortens the plan from its end, so that nobody pays what is no longer owed. A reward stays
granted even if a payment it rested on is returned later.
"""

from datetime import date

from services.followup.ledger import total
from services.followup.model import FollowedPlan, FollowupState, LateCharges, Line
from services.followup.rules import on_time_in_a_row
from shared.contracts.agreement import WaivedDebt
from shared.contracts.base import Event, Reason
from shared.contracts.debts import Balances
from shared.contracts.followup import RewardGranted
from shared.contracts.reasons import ReasonCode
from shared.lending.money import Money
from shared.policy.model import PolicyInForce

__all__ = ["LATE_CHARGES_WAIVED", "LOWER_RATE_OPTION", "reward"]

LATE_CHARGES_WAIVED = "late_charges_waived"
LOWER_RATE_OPTION = "lower_rate_option"

Rewarded = tuple[FollowedPlan, tuple[LateCharges, ...], tuple[Event, ...]]


def reward(plan: FollowedPlan, state: FollowupState, day: date, policy: PolicyInForce) -> Rewarded:
    """Grant one step for every so many instalments on time since the last one."""
    charges, said = state.charges, list[Event]()
    steps = policy.followup.incentive_after_on_time
    while len(fresh := [n for n in on_time_in_a_row(plan.lines) if n > plan.rewarded_upto]) >= steps:
        number = fresh[steps - 1]
        first = plan.rewarded_upto == 0
        plan = plan.model_copy(update={"rewarded_upto": number})
        reasons = (
            Reason(code=ReasonCode.KEPT_ON_TIME, params={"count": str(steps)}),
            *((Reason(code=ReasonCode.COOPERATED),) if plan.cooperated else ()),
        )
        waived = _waivable(plan, charges, state, day, policy)
        if waived:
            plan = plan.model_copy(update={"lines": _shortened(plan.lines, waived)})
            charges = _less(charges, waived)
            said.append(
                RewardGranted(
                    reward=LATE_CHARGES_WAIVED, after_instalment=number, waived=waived, reasons=reasons
                )
            )
        if first and policy.followup.incentive_rate_cut_pct > 0:
            said.append(RewardGranted(reward=LOWER_RATE_OPTION, after_instalment=number, reasons=reasons))
    return plan, charges, tuple(said)


def _waivable(
    plan: FollowedPlan,
    charges: tuple[LateCharges, ...],
    state: FollowupState,
    day: date,
    policy: PolicyInForce,
) -> tuple[WaivedDebt, ...]:
    """Take the policy's share of the late charges owed, never more than the plan has still to be paid."""
    share = policy.followup.incentive_late_charges_waived_pct / 100
    left: dict[str, Money] = {}
    waived = []
    for charge in charges:
        currency = charge.owed.currency
        if charge.debt_id not in plan.debts or not charge.owed.is_positive:
            continue
        if currency not in left:
            left[currency] = _still_to_pay(plan, state, currency, day)
        wished = min(charge.owed.times(share, policy.amounts.rounding), charge.owed)
        amount = max(min(wished, left[currency]), Money.zero(currency))
        if amount.is_positive:
            left[currency] -= amount
            nothing = Money.zero(currency)
            amounts = Balances(principal=nothing, interest=nothing, fees=nothing, late_charges=amount)
            waived.append(WaivedDebt(debt_id=charge.debt_id, amounts=amounts))
    return tuple(waived)


def _still_to_pay(plan: FollowedPlan, state: FollowupState, currency: str, day: date) -> Money:
    """Give what falls due after `day` and has not been paid in advance."""
    of_currency = [line for line in plan.lines if line.total.currency == currency]
    ahead = Money.sum((line.total for line in of_currency if line.due > day), currency)
    fallen = Money.sum((line.total for line in of_currency if line.due <= day), currency)
    in_advance = max(total(state.received, currency, plan.effective, day) - fallen, Money.zero(currency))
    return ahead - min(in_advance, ahead)


def _shortened(lines: tuple[Line, ...], waived: tuple[WaivedDebt, ...]) -> tuple[Line, ...]:
    left: dict[str, Money] = {}
    for debt in waived:
        amount = debt.amounts.late_charges
        left[amount.currency] = left.get(amount.currency, Money.zero(amount.currency)) + amount
    shorter = []
    for line in reversed(lines):
        currency = line.total.currency
        less = min(left.get(currency, Money.zero(currency)), line.total)
        left[currency] = left.get(currency, Money.zero(currency)) - less
        shorter.append(line.model_copy(update={"total": line.total - less}))
    return tuple(reversed(shorter))


def _less(charges: tuple[LateCharges, ...], waived: tuple[WaivedDebt, ...]) -> tuple[LateCharges, ...]:
    amounts = {debt.debt_id: debt.amounts.late_charges for debt in waived}
    return tuple(
        charge.model_copy(update={"owed": charge.owed - amounts[charge.debt_id]})
        if charge.debt_id in amounts
        else charge
        for charge in charges
    )
