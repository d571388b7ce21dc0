"""Incentives (R38-R41): what vests for borrowers who cooperated and keep to plan, step by step. Pure.

Each step that was signed names how many instalments on time in a row it asks for, and what it comes to with
all steps before it: a share of the late charges waived, and a share of the plan's rate cut. What is waived
shortens the plan from its end; a lower rate makes the interest of the instalments still to come less. A
reward stays granted even if a payment it rested on is returned later.
"""

from datetime import date
from decimal import Decimal

from services.followup.cooperation import met_rules
from services.followup.ledger import total
from services.followup.model import FollowedPlan, FollowupState, LateCharges, Line
from services.followup.rules import bank_answers_by, on_time_count, on_time_in_a_row, pauses_of, summed
from shared.contracts.agreement import RewardTerm, WaivedDebt
from shared.contracts.base import Event, Reason
from shared.contracts.debts import Balances, InstalmentTotal
from shared.contracts.followup import RewardGranted
from shared.contracts.ids import derive_id
from shared.contracts.reasons import ReasonCode
from shared.lending.money import Money
from shared.policy.model import PolicyInForce

__all__ = ["reward"]

LATE_CHARGES_WAIVED = "late_charges_waived"
LOWER_RATE = "lower_rate"
LOWER_RATE_OPTION = "lower_rate_option"

Rewarded = tuple[FollowedPlan, tuple[LateCharges, ...], tuple[Event, ...]]


def reward(plan: FollowedPlan, state: FollowupState, day: date, policy: PolicyInForce) -> Rewarded:
    """Grant the steps that have been reached and not been granted, in their order."""
    charges, said = state.charges, list[Event]()
    steps = plan.rewards if plan.rewards is not None else _of_pack(policy)
    given = max(plan.steps_given, min(plan.rewarded_upto, 1))
    kept = on_time_count(plan)
    rules = met_rules(state, policy) if given < len(steps) and kept >= steps[given].after else None
    while rules is not None and given < len(steps) and kept >= steps[given].after:
        before = len(said)
        step, share_before = steps[given], steps[given - 1].late_pct if given else Decimal(0)
        given += 1
        number = max(on_time_in_a_row(plan.lines, pauses_of(plan)), default=0)
        about: dict[str, object] = {
            "after_instalment": number,
            "after_on_time": step.after,
            "rules": rules,
            "reasons": (
                Reason(code=ReasonCode.KEPT_ON_TIME, params={"count": str(step.after)}),
                *((Reason(code=ReasonCode.COOPERATED),) if rules or plan.cooperated else ()),
            ),
        }
        plan = plan.model_copy(update={"steps_given": given, "rewarded_upto": max(number, 1)})
        waived = _waivable(plan, charges, state, day, policy, _of_rest(step.late_pct, share_before))
        if waived:
            stays = summed((*plan.stays, *(debt.amounts.late_charges for debt in waived)))
            plan = plan.model_copy(update={"lines": _shortened(plan.lines, waived), "stays": stays})
            charges = _less(charges, waived)
            about |= _asks_bank(LATE_CHARGES_WAIVED, plan, state, day, policy)
            said.append(
                RewardGranted.model_validate({"reward": LATE_CHARGES_WAIVED, "waived": waived, **about})
            )
        if step.rate_pct > plan.rate_cut_pct:
            plan, cut = _cut(plan, state, day, policy, step.rate_pct)
            about |= {"instruction_id": None, "answer_by": None}
            if cut.get("reward") == LOWER_RATE:
                about |= _asks_bank(LOWER_RATE, plan, state, day, policy)
            if cut:
                said.append(RewardGranted.model_validate({**cut, **about}))
        if len(said) > before:
            plan = plan.model_copy(update={"steps_worth": given})
    return plan, charges, tuple(said)


def _of_pack(policy: PolicyInForce) -> tuple[RewardTerm, ...]:
    """Give everybody's steps: agreements of older versions do not name those that were signed."""
    return tuple(
        RewardTerm(
            after=step.after_on_time, late_pct=step.late_charges_waived_pct, rate_pct=step.rate_cut_pct
        )
        for step in policy.incentives.steps
    )


def _asks_bank(
    reward: str, plan: FollowedPlan, state: FollowupState, day: date, policy: PolicyInForce
) -> dict[str, object]:
    """The bank is to apply it: once for each step of a plan."""
    id_ = derive_id("reward", state.case, plan.agreement_id, reward, str(plan.steps_given))
    return {"instruction_id": id_, "answer_by": bank_answers_by(day, policy)}


def _of_rest(share: Decimal, before: Decimal) -> Decimal:
    """Give what a share of all is of what the share before it left, both per cent; as a fraction."""
    return min((share - before) / (100 - before), Decimal(1)) if before < 100 else Decimal(0)


def _cut(
    plan: FollowedPlan, state: FollowupState, day: date, policy: PolicyInForce, pct: Decimal
) -> tuple[FollowedPlan, dict[str, object]]:
    """Charge less interest in what falls due from the next instalment on; never less than nothing is due.

    Where the agreement did not say what of an instalment is interest, the lower rate is an option that a
    person works out. Of a plan that bears none there is nothing to grant.
    """
    share = _of_rest(pct, plan.rate_cut_pct)
    plan = plan.model_copy(update={"rate_cut_pct": pct})
    saved: dict[str, Money] = {}
    lines = []
    for line in plan.lines:
        if line.due > day and line.interest is not None and line.interest.is_positive:
            currency = line.total.currency
            most = min(line.interest.times(share, policy.amounts.rounding), line.total)
            rest = _still_to_pay(plan, state, currency, day) - saved.get(currency, Money.zero(currency))
            less = max(min(most, rest), Money.zero(currency))
            saved[currency] = saved.get(currency, Money.zero(currency)) + less
            change = {"total": line.total - less, "interest": line.interest - less}
            lines.append(line.model_copy(update=change))
        else:
            lines.append(line)
    if not any(amount.is_positive for amount in saved.values()):
        unknown = any(line.due > day and line.interest is None for line in plan.lines)
        return plan, {"reward": LOWER_RATE_OPTION, "rate_cut_pct": pct} if unknown else {}
    plan = plan.model_copy(update={"lines": tuple(lines)})
    now = tuple(
        InstalmentTotal(number=line.number, due=line.due, total=line.total)
        for line in plan.lines
        if line.due > day
    )
    saved_all = tuple(saved[currency] for currency in sorted(saved))
    return plan, {"reward": LOWER_RATE, "rate_cut_pct": pct, "not_charged": saved_all, "instalments": now}


def _waivable(
    plan: FollowedPlan,
    charges: tuple[LateCharges, ...],
    state: FollowupState,
    day: date,
    policy: PolicyInForce,
    share: Decimal,
) -> tuple[WaivedDebt, ...]:
    """Take a share of the late charges owed, never more than the plan has still to be paid."""
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
