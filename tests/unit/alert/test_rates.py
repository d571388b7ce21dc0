"""A rate of the bank that is not the agreed one: somebody looks into it until it is settled."""

from __future__ import annotations

from decimal import Decimal

from services.alert.decide import AlertDecider
from shared.contracts import intake
from shared.contracts.alert import AlertKind, AlertRaised, AlertResolved
from shared.contracts.base import Event, Reason
from shared.contracts.reasons import ReasonCode
from tests.unit.builders import DAY, case_opened, message, reference
from tests.unit.spec import Given, given


def differs(account: str) -> Event:
    reason = Reason(code=ReasonCode.RATE_DIFFERS, params={"account": account, "bank": "18", "agreed": "9"})
    return intake.RateDiffers(
        account_id=account, as_of=DAY, bank_says=Decimal(18), agreed=Decimal(9), reason=reason
    )


def closed(account: str) -> Event:
    outcome = intake.BalanceOutcome.PLAN_RIGHT
    return intake.RateDifferenceClosed(
        account_id=account, as_of=DAY, outcome=outcome, bank_says=Decimal(18), by="n-1"
    )


def case() -> Given:
    return given(AlertDecider(), reference()).when(message(case_opened()))


def test_a_difference_of_rates_has_an_alert_until_the_last_of_them_is_settled() -> None:
    step = case().when(message(differs("A-1")))
    raised = step.last(AlertRaised)
    assert (raised.kind, raised.remedy) == (AlertKind.RATE_DIFFERS, "reconcile_rate")
    both = step.when(message(differs("A-2")))
    assert both.when(message(closed("A-1"))).said == ()
    over = both.when(message(closed("A-1")), message(closed("A-2")))
    assert over.last(AlertResolved).reason.code is ReasonCode.RATE_RECONCILED
    assert case().when(message(closed("A-1"))).said == ()
