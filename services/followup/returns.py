"""A payment that came back: the instalments it had paid have new grace from the notice of it. Pure.

Without its money an instalment may be long overdue, but nobody could know before the bank said so. It counts
as missed only when the notice and the grace after it have passed, and is late for a breach from the notice.
"""

from datetime import date
from typing import Any

from services.followup.ledger import serve
from services.followup.model import DayMoney, FollowedPlan, FollowupState, Line, Returned
from services.followup.rules import breach_on, enough, grace_until, return_grace_until
from shared.lending.money import Money
from shared.policy.model import PolicyInForce

__all__ = ["dated", "remember"]

# So many returns are remembered, far more than a plan sees; of older ones the new grace is long over.
_RETURNS_KEPT = 60


def remember(state: FollowupState, on: date, amount: Money, told: date) -> FollowupState:
    """Keep that money of the day `on` was taken back, and when the borrower hears of it."""
    known = (*state.returned, Returned(on=on, amount=amount, told=told))
    order = sorted(known, key=lambda r: (r.told, r.on, r.amount.currency, r.amount.minor))
    update: dict[str, Any] = {"returned": tuple(order[-_RETURNS_KEPT:])}
    if state.plan is not None and on >= state.plan.effective:
        # Also of the open day: whether its close came between the payment and the return makes no difference.
        update["plan"] = state.plan.model_copy(update={"replay": True})
    return state.model_copy(update=update)


def dated(plan: FollowedPlan, state: FollowupState, policy: PolicyInForce) -> FollowedPlan:
    """Give the plan with the last grace days of its instalments, as all the returns so far make them.

    Returns are looked at in the order of their notices, so that it does not matter in which they arrived:
    what was in time with the money, and is not without it, has new grace; so has what was paid late, but
    it is late still when it is paid again.
    """
    returned = [entry for entry in state.returned if entry.on >= plan.effective]
    if not returned:
        return plan
    lines = [_plain(line, policy) for line in plan.lines]
    settles = [enough(line.total, policy.followup.underpayment_tolerance_pct, policy) for line in lines]
    money = _sorted([*state.received, *(DayMoney(on=entry.on, amount=entry.amount) for entry in returned)])
    reached = _reached(lines, settles, money, plan)
    for entry in returned:
        money = _sorted([*money, DayMoney(on=entry.on, amount=-entry.amount)])
        before, reached = reached, _reached(lines, settles, money, plan)
        grace = return_grace_until(entry.told, policy)
        for index, line in enumerate(lines):
            was, now = before[index], reached[index]
            in_time = _in_time(was, line)
            lost = in_time and not _in_time(now, line)
            # Paid late, and with this return not paid at all when the borrower hears of it.
            lost = lost or (was is not None and was <= entry.told and (now is None or now > entry.told))
            if lost and line.until < grace:
                late_on = max(line.breach_on, breach_on(entry.told, policy))
                changed = {"until": grace, "breach_on": late_on, "was_late": line.was_late or not in_time}
                lines[index] = line.model_copy(update=changed)
    return plan.model_copy(update={"lines": tuple(lines)})


def _plain(line: Line, policy: PolicyInForce) -> Line:
    until, late_on = grace_until(line.due, policy), breach_on(line.due, policy)
    return line.model_copy(update={"until": until, "breach_on": late_on, "was_late": False})


def _reached(
    lines: list[Line], settles: list[Money], money: list[DayMoney], plan: FollowedPlan
) -> list[date | None]:
    return [part.reached for part in serve(lines, settles, money, plan.effective, date.max)]


def _in_time(reached: date | None, line: Line) -> bool:
    return reached is not None and reached <= line.until


def _sorted(money: list[DayMoney]) -> list[DayMoney]:
    return sorted(money, key=lambda entry: entry.on)
