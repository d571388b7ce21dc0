"""Money that the borrower has paid on a debt beside the plan is neither paid on the plan nor a credit."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from services.followup.model import FollowupStatus
from shared.contracts.followup_care import CreditFound
from tests.unit.builders import cny, message, paid, taken_back
from tests.unit.followup.plans import FIRST, GRACE, live, lives_to, states


def pays(amount: str, on: date, beside: str) -> Any:
    data = paid(amount, on)
    return message(data.model_copy(update={"beside": cny(beside)}), on)


def returns(amount: str, of: date, on: date, beside: str) -> Any:
    data = taken_back(amount, of, on)
    return message(data.model_copy(update={"beside": cny(beside)}), on)


def test_what_was_paid_on_another_debt_pays_no_instalment() -> None:
    """A payment that named an account outside the plan counted for it: the plan was kept, and not paid."""
    other = lives_to(live().when(pays("100.00", FIRST, beside="100.00")), GRACE)
    assert states(other)[0] == "missed"
    part = lives_to(live().when(pays("150.00", FIRST, beside="50.00")), GRACE)
    assert (states(part)[0], part.state.received[0].amount) == ("paid", cny("100.00"))


def test_and_its_return_leaves_the_plan_alone() -> None:
    plan = lives_to(live().when(pays("150.00", FIRST, beside="50.00")), GRACE)
    later = GRACE + timedelta(days=1)
    kept = lives_to(plan.when(returns("50.00", FIRST, later, beside="50.00")), later)
    assert states(kept)[0] == "paid"
    gone = lives_to(kept.when(returns("100.00", FIRST, later, beside="0.00")), later + timedelta(days=1))
    assert states(gone)[0] == "late"


def test_what_is_paid_on_other_debts_after_the_plan_is_no_credit_to_be_paid_out() -> None:
    done = lives_to(live().when(pays("350.00", FIRST, beside="50.00")), FIRST)
    assert done.state.status is FollowupStatus.COMPLETED
    assert not [event for event in done.said if isinstance(event, CreditFound)]
    after = FIRST + timedelta(days=30)
    more = done.when(pays("80.00", after, beside="80.00")).closes(after)
    assert not [event for event in more.said if isinstance(event, CreditFound)]
