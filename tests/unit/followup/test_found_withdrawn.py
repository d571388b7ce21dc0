"""Money from before a plan, told or returned while an amendment held that is withdrawn from."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from services.followup.model import FollowupStatus
from shared.contracts.agreement import AgreementEnded, EarlierAgreement
from shared.contracts.base import Reason
from shared.contracts.debts import Allocation
from shared.contracts.followup import InstalmentPaid
from shared.contracts.followup_care import CreditFound, ProblemOpened
from shared.contracts.reasons import ReasonCode
from tests.unit.builders import DAY, balances, message, signed, taken_back
from tests.unit.followup.plans import FIRST, ROWS, SECOND, live, lives_to, states
from tests.unit.followup.test_found import BEFORE, LATER, events, told
from tests.unit.spec import Given

AMENDED = FIRST + timedelta(days=2)
GONE = FIRST + timedelta(days=5)  # the last grace day of the first instalment is the next one


def amended(step: Given, on: date = AMENDED, days: int = 14) -> Given:
    """Sign an amendment that may be withdrawn from."""
    return step.when(
        message(
            signed(*ROWS[1:], effective=on, version=2).model_copy(
                update={"may_withdraw": True, "withdraw_until": on + timedelta(days=days)}
            ),
            on,
        )
    )


def withdrawn(step: Given, on: date = GONE) -> Given:
    back = EarlierAgreement(agreement_id="agreement-1", version=1, debts=("A-1",))
    over = AgreementEnded(
        agreement_id="agreement-2",
        as_of=on,
        reason=Reason(code=ReasonCode.WITHDRAWN_IN_TIME),
        returns_to=back,
    )
    step = step.when(message(over, on))
    assert step.state.plan.agreement_id == "agreement-1"
    return step


def comes_back(amount: str, on: date, dated: date = BEFORE) -> Any:
    parts = (Allocation(debt_id="A-1", amounts=balances(amount)),)
    return message(taken_back(amount, dated, on).model_copy(update={"allocations": parts}), on)


@pytest.mark.parametrize(("paid", "credit"), [("380.00", []), ("400.00", ["20.00"])])
def test_what_came_back_from_before_the_first_plan_is_no_credit_of_it_either(
    paid: str, credit: list[str]
) -> None:
    """It was netted against the amendment only: after the withdrawal it was found as credit, and paid out."""
    there = amended(live()).when(comes_back("80.00", AMENDED + timedelta(days=1)))
    assert events(there, ProblemOpened)
    back = withdrawn(there).when(told(paid, dated=FIRST, on=GONE, spare=credit[0] if credit else "0.00"))
    done = lives_to(back, SECOND)
    assert done.state.status is FollowupStatus.COMPLETED
    assert [str(event.amount) for event in events(done, CreditFound)] == credit


def test_of_a_return_from_the_days_of_the_first_plan_its_instalments_know() -> None:
    first = live().when(told("100.00", dated=FIRST, on=FIRST))
    there = amended(first).when(comes_back("100.00", AMENDED + timedelta(days=1), dated=FIRST))
    back = withdrawn(there)
    assert back.state.plan.beside == ()
    assert states(lives_to(back, SECOND))[0] != "paid"


def test_what_the_first_plan_had_found_is_taken_from_it_when_it_comes_back_under_the_amendment() -> None:
    """It stayed among its money, so that an instalment was paid that nobody had paid."""
    first = live().when(told("100.00"))
    assert [str(entry.amount) for entry in first.state.plan.found] == ["100.00"]
    there = amended(lives_to(first, FIRST)).when(comes_back("130.00", AMENDED + timedelta(days=1)))
    back = withdrawn(there)
    assert back.state.plan.found == ()
    assert [str(part) for part in back.state.plan.beside] == ["30.00"]
    assert sum(entry.amount.minor for entry in back.state.received) == 0
    assert "paid" not in states(lives_to(back, SECOND))


def test_what_was_found_under_the_amendment_counts_by_its_own_day_after_the_withdrawal() -> None:
    there = amended(live()).when(told("100.00", dated=FIRST, on=GONE - timedelta(days=1)))
    assert [entry.on for entry in there.state.received] == [AMENDED]
    back = withdrawn(there)
    assert [entry.on for entry in back.state.received] == [FIRST]
    (paid,) = events(lives_to(back, SECOND), InstalmentPaid)
    assert (paid.number, paid.on, paid.on_time) == (1, FIRST, True)


def test_what_was_found_from_before_both_is_the_first_plans_then_and_comes_back_from_it() -> None:
    there = amended(live()).when(told("100.00", dated=BEFORE, on=GONE - timedelta(days=1)))
    back = withdrawn(there)
    assert [(entry.on, str(entry.amount)) for entry in back.state.plan.found] == [(BEFORE, "100.00")]
    assert [entry.on for entry in back.state.received] == [DAY]
    gone = back.when(comes_back("100.00", GONE + timedelta(days=1)))
    assert events(gone, ProblemOpened) == []
    assert gone.state.received == ()
    assert gone.state.plan.found == ()


def test_a_return_under_the_first_plan_is_not_the_amendments() -> None:
    """What the amendment was made on is in its balances."""
    first = live().when(comes_back("80.00", LATER))
    assert amended(first).state.plan.beside == ()
