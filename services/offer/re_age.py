"""Whether a plan may show a debt as current again, and after how many payments, by its pack. Pure."""

from datetime import date, timedelta
from typing import Final

from shared.contracts.base import Reason
from shared.contracts.debts import DebtSnapshot, ProductKind
from shared.contracts.reasons import ReasonCode
from shared.lending.calendar import add_months
from shared.lending.money import Money
from shared.policy.model import PolicyInForce

__all__ = ["last_day", "paid_in_a_row", "re_aged_after", "why_not_re_aged"]

# Credit that can be drawn again is open-end, a loan paid out once is closed-end (12 CFR 1026.2).
_OPEN_END: Final = frozenset({ProductKind.CARD})


def why_not_re_aged(debt: DebtSnapshot, policy: PolicyInForce, day: date) -> Reason | None:
    """Say why a plan may not show a debt as current again; None where it may, or where it is not past due.

    The pack says whether it is allowed at all, and up to how many days past due; it asks for an age of the
    account, counts the re-ages of twelve and of sixty months (a plan is a workout, which may have more in
    sixty months), and may ask for payments first. 0 is no limit.
    """
    if not debt.days_past_due:
        return None
    return (
        _why_never(debt, policy, day)
        or _too_early(debt, policy, day)
        or _too_often(debt, policy, day)
        or _payments_first(debt, policy, day)
    )


def _why_never(debt: DebtSnapshot, policy: PolicyInForce, day: date) -> Reason | None:
    """What is late for too long has to be charged off in the bank's books, and is not shown as current."""
    if not policy.re_age.allowed:
        return Reason(code=ReasonCode.RE_AGE_NOT_ALLOWED, params={"account": debt.debt_id})
    last = last_day(debt, policy)
    if last is None or day <= last:
        return None
    days = str(debt.days_past_due + max((day - debt.as_of).days, 0))
    params = {"account": debt.debt_id, "days": days, "most": str(_charge_off_days(debt, policy))}
    return Reason(code=ReasonCode.RE_AGE_TOO_LATE, params=params)


def last_day(debt: DebtSnapshot, policy: PolicyInForce) -> date | None:
    """Give the day before a debt has to be charged off, if nothing is paid; None where there is none.

    Days count on from those of the snapshot. An offer over the debt stands no longer than that.
    """
    most = _charge_off_days(debt, policy)
    if not most or not debt.days_past_due:
        return None
    return debt.as_of + timedelta(days=most - debt.days_past_due - 1)


def _charge_off_days(debt: DebtSnapshot, policy: PolicyInForce) -> int:
    rule = policy.re_age
    return rule.charge_off_days_open_end if debt.kind in _OPEN_END else rule.charge_off_days_closed_end


def _too_early(debt: DebtSnapshot, policy: PolicyInForce, day: date) -> Reason | None:
    first = add_months(debt.contract_date, policy.re_age.min_account_months)
    if day >= first:
        return None
    months = str(policy.re_age.min_account_months)
    params = {"account": debt.debt_id, "months": months, "date": first.isoformat()}
    return Reason(code=ReasonCode.RE_AGE_TOO_EARLY, params=params)


def _too_often(debt: DebtSnapshot, policy: PolicyInForce, day: date) -> Reason | None:
    rule = policy.re_age
    in_five_years = rule.max_in_60_months and rule.max_in_60_months + rule.more_in_60_months_in_workout
    limits = [(12, rule.max_in_12_months), (60, in_five_years)]
    ends = {back: sorted(add_months(on, back) for on in debt.re_aged) for back, _ in limits}
    # One more is allowed from the day on which so many of them no longer count.
    again = {back: ends[back][-most] for back, most in limits if 0 < most <= len(debt.re_aged)}
    for back, most in limits:
        if back in again and again[back] > day:
            count = sum(end > day for end in ends[back])
            counted = {"count": str(count), "months": str(back), "most": str(most)}
            params = {"account": debt.debt_id, **counted, "date": max(again.values()).isoformat()}
            return Reason(code=ReasonCode.RE_AGED_TOO_OFTEN, params=params)
    return None


def _payments_first(debt: DebtSnapshot, policy: PolicyInForce, day: date) -> Reason | None:
    """Payments in a row are asked for, which no trial of the plan itself would bring."""
    asked = policy.re_age.min_payments_in_a_row
    if _are_made(debt, policy, day) or policy.trial.payments >= asked:
        return None
    made = paid_in_a_row(debt, day, asked)
    params = {"account": debt.debt_id, "payments": str(asked), "made": str(made)}
    if debt.contractual_payment is not None:
        params["amount"] = f"{debt.contractual_payment} {debt.contractual_payment.currency}"
    return Reason(code=ReasonCode.RE_AGE_AFTER_PAYMENTS, params=params)


def re_aged_after(debt: DebtSnapshot, policy: PolicyInForce, day: date) -> Reason | None:
    """Say after how many payments of a plan's trial a debt is shown as current again; None: at once."""
    asked = policy.re_age.min_payments_in_a_row
    if not debt.days_past_due or _are_made(debt, policy, day):
        return None
    params = {"account": debt.debt_id, "payments": str(asked)}
    return Reason(code=ReasonCode.RE_AGED_WHEN_PAID, params=params)


def _are_made(debt: DebtSnapshot, policy: PolicyInForce, day: date) -> bool:
    """Whether the payments are made: in a row or, where the pack lets it, as much within as many months.

    What was lent meanwhile pays for nothing.
    """
    asked, due = policy.re_age.min_payments_in_a_row, debt.contractual_payment
    if paid_in_a_row(debt, day, asked) >= asked:
        return True
    if not policy.re_age.same_amount_counts or due is None or not due.is_positive or debt.history_problem:
        return False
    since = add_months(day, -asked)
    paid = Money.sum([flow.amount for flow in debt.history if since < flow.on <= day], due.currency)
    return paid >= due * asked


def paid_in_a_row(debt: DebtSnapshot, day: date, most: int) -> int:
    """Count the months back from `day`, up to `most`, in each of which the contractual payment was made.

    Where no contractual payment is known, any payment counts. What was returned in a month, or lent in it,
    takes from what was paid. A debt whose flows are not known, or do not add up, has none to show.
    """
    if debt.history_problem is not None:
        return 0
    due = debt.contractual_payment
    for count in range(most):
        first, last = add_months(day, -count - 1), add_months(day, -count)
        paid = Money.sum(
            [flow.amount for flow in debt.history if first < flow.on <= last],
            debt.outstanding.principal.currency,
        )
        if not paid.is_positive or (due is not None and paid < due):
            return count
    return most
