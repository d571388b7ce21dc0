"""The bank's notice names a higher rate than the agreed one: that stands, and a person looks into it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from shared.contracts import followup
from shared.contracts.agreement import AgreementEnded
from shared.contracts.base import Personal, Reason
from shared.contracts.debts import InstalmentTotal
from shared.contracts.desk_care import BalanceRight, RateReconciled
from shared.contracts.envelope import Envelope
from shared.contracts.intake import BalanceOutcome, InputRefused, RateDifferenceClosed, RateDiffers
from shared.contracts.reasons import ReasonCode
from shared.lending.calendar import add_months
from tests.unit.builders import cny, message
from tests.unit.intake.bank_says import day, overdue, says
from tests.unit.intake.test_splits import FIRST, A, planned
from tests.unit.spec import Given

CONTRACT = Decimal(18)
VESTED = CONTRACT / 2


def notice(n: int, rate: Decimal) -> Envelope[Any]:
    said = overdue("A-1", n=n, owed=A, late=A)
    return replace(said, data=said.data.model_copy(update={"annual_rate_pct": rate}))


def rewarded(n: int = 40) -> Given:
    """The rate of a plan in force is half of the contract's since day n, for good."""
    rows = tuple(
        InstalmentTotal(number=i + 1, due=add_months(FIRST, i), total=cny("770.00")) for i in range(2, 10)
    )
    said = followup.RewardGranted(
        reward="lower_rate", after_instalment=1, rate_cut_pct=Decimal(50), instalments=rows
    )
    return planned().when(message(said, day(n)))


def rate(step: Given) -> Decimal:
    return next(debt.annual_rate_pct for debt in step.state.debts if debt.debt_id == "A-1")


def kinds(step: Given, *types: type[Any]) -> list[Any]:
    return [one for one in step.said if isinstance(one, types)]


def decided(n: int, right: BalanceRight) -> Envelope[Any]:
    said = RateReconciled(account_id="A-1", right=right, by="n-1", reason=Personal(value="asked the bank"))
    return says(said, day(n))


def broken(n: int) -> Envelope[Any]:
    reason = Reason(code=ReasonCode.PLAN_BROKEN)
    return message(AgreementEnded(agreement_id="AG-1", as_of=day(n), reason=reason), day(n))


def test_a_rate_that_a_reward_has_vested_stands_and_the_difference_is_shown() -> None:
    """The next notice with the contract's rate undid it in silence."""
    step = rewarded().when(notice(60, CONTRACT))
    assert rate(step) == VESTED
    said = step.last(RateDiffers)
    assert (said.bank_says, said.agreed, said.reason.code) == (CONTRACT, VESTED, ReasonCode.RATE_DIFFERS)
    assert not kinds(step.when(notice(70, CONTRACT)), RateDiffers), "said once"
    assert step.when(notice(70, Decimal(20))).last(RateDiffers).bank_says == 20
    again = step.when(notice(70, VESTED))
    assert again.last(RateDifferenceClosed).outcome is BalanceOutcome.AGREES_AGAIN
    assert rate(again) == VESTED


def test_it_stands_after_the_plan_too() -> None:
    step = rewarded().when(broken(50)).when(notice(60, CONTRACT))
    assert (rate(step), step.last(RateDiffers).agreed) == (VESTED, VESTED)
    lower = step.when(notice(70, Decimal(5)))
    assert rate(lower) == 5, "who asks for less is believed"
    assert lower.last(RateDifferenceClosed).outcome is BalanceOutcome.AGREES_AGAIN


def test_the_bank_has_its_days_to_know_of_it() -> None:
    step = rewarded().when(notice(41, CONTRACT))
    assert (rate(step), kinds(step, RateDiffers)) == (VESTED, [])


def test_a_person_says_which_is_right() -> None:
    step = rewarded().when(notice(60, CONTRACT))
    bank = step.when(decided(61, BalanceRight.BANK))
    closed = bank.last(RateDifferenceClosed)
    assert (closed.outcome, closed.by, closed.correct_by) == (BalanceOutcome.BANK_RIGHT, "n-1", None)
    assert rate(bank) == CONTRACT
    assert not kinds(bank.when(notice(70, CONTRACT)), RateDiffers)
    plan = step.when(decided(61, BalanceRight.PLAN))
    closed = plan.last(RateDifferenceClosed)
    assert (closed.outcome, rate(plan)) == (BalanceOutcome.PLAN_RIGHT, VESTED)
    assert closed.correct_by is not None
    in_time = plan.when(notice(62, CONTRACT))
    assert (rate(in_time), kinds(in_time, RateDiffers)) == (VESTED, [])
    assert in_time.when(notice(90, CONTRACT)).last(RateDiffers).bank_says == CONTRACT
    assert plan.when(decided(62, BalanceRight.PLAN)).closes(day(62)).last(InputRefused).reason.code is (
        ReasonCode.NO_RATE_DIFFERENCE
    )


def test_under_a_plan_no_notice_changes_the_rate_and_after_it_any_does() -> None:
    step = planned().when(notice(20, CONTRACT + 1))
    assert rate(step) == step.last(RateDiffers).agreed
    over = step.when(broken(30))
    assert over.last(RateDifferenceClosed).outcome is BalanceOutcome.PLAN_OVER
    assert rate(over.when(notice(40, CONTRACT + 1))) == CONTRACT + 1
    lower = planned().when(notice(20, Decimal(3)))
    assert (rate(lower), kinds(lower, RateDiffers)) == (rate(planned()), [])
