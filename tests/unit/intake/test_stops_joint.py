"""What protects one of two who owe a debt together: by the pack that person, or the debt for both."""

from __future__ import annotations

from typing import Any

import pytest

from services.intake.decide import IntakeDecider
from shared.contracts.agreement import CollectionOrder
from shared.contracts.bank import Obligor
from shared.contracts.debts import DebtStatus
from shared.contracts.intake import CaseChanged, CaseOpened, PlanDebtsChanged, StopsChanged, StopsInstructed
from shared.contracts.parties import ObligorRole, StopCause, party_id_of
from tests.unit.builders import reference
from tests.unit.intake.bank_says import lifted, overdue, paid, signed, stopped
from tests.unit.spec import Given, given

BREATHING = StopCause.BREATHING_SPACE
OTHER = party_id_of("C-2")


def people(role: ObligorRole) -> tuple[Obligor, ...]:
    return Obligor(customer="C-1", role=ObligorRole.BORROWER), Obligor(customer="C-2", role=role)


def start(*, joint: bool = True) -> Given:
    row = (
        reference().policies.in_force("example-card", overdue().day).stop_events.breathing_space.model_dump()
    )
    return given(IntakeDecider(), reference(stop_events__breathing_space={**row, "joint": joint}))


def case(role: ObligorRole = ObligorRole.CO_BORROWER, *, joint: bool = True) -> Given:
    """A-1 is owed with somebody else, A-2 alone."""
    return start(joint=joint).when(overdue(obligors=people(role)), overdue("A-2"))


def statuses(event: Any) -> list[str]:
    return [debt.status.value for debt in event.debts]


def test_a_breathing_space_of_the_other_borrower_stops_what_both_owe() -> None:
    """Its restrictions bind for joint debtors, too: interest and collection went on against who had none."""
    after = case().when(stopped(BREATHING, 1, customer="C-2"))
    assert statuses(after.last(CaseChanged)) == ["held", "active"]
    said = after.last(StopsChanged)
    assert [(stop.party_id, stop.debts) for stop in said.stops] == [(OTHER, ("A-1",)), (None, ("A-1",))]
    assert said.halt is None, "the other debt is talked about"
    holds = {(hold.debt_id, hold.party_id): hold for hold in after.last(StopsInstructed).holds}
    assert set(holds) == {("A-1", None), ("A-1", OTHER)}
    assert set(holds["A-1", None].stops) == set(after.reference.policies.in_force(
        "example-card", overdue().day).stop_events.breathing_space.stops)  # fmt: skip
    assert holds["A-1", None].collection is CollectionOrder.STOP
    assert [debt.paid.total > 0 for debt in after.when(paid("300.00", 2)).state.debts] == [False, True]
    back = after.when(lifted(9))
    assert statuses(back.last(CaseChanged)) == ["active", "active"]
    assert back.last(StopsChanged).stops == ()
    assert {hold.collection for hold in back.last(StopsInstructed).holds} == {CollectionOrder.RESUME}


@pytest.mark.parametrize(("role", "joint"), [(ObligorRole.GUARANTOR, True), (ObligorRole.CO_BORROWER, False)])
def test_who_only_stands_in_for_it_and_a_pack_that_does_not_say_so_stop_no_debt(
    role: ObligorRole, *, joint: bool
) -> None:
    after = case(role, joint=joint).when(stopped(BREATHING, 1, customer="C-2"))
    assert [stop.party_id for stop in after.last(StopsChanged).stops] == [OTHER]
    assert [after.state.said_of(debt).status for debt in after.state.debts] == [DebtStatus.ACTIVE] * 2
    assert [hold.party_id for hold in after.last(StopsInstructed).holds] == [OTHER]


def test_it_ends_by_date_for_both_and_leaves_the_customer_a_breathing_space_of_their_own() -> None:
    one = (
        start()
        .when(overdue(obligors=people(ObligorRole.CO_BORROWER)))
        .when(stopped(BREATHING, 0, customer="C-2"))
    )
    halted = one.last(StopsChanged).halt
    assert halted is not None
    over = one.closes(overdue(n=30).day)
    assert over.last(StopsChanged).halt is None
    own = over.when(stopped(BREATHING, 40, stop="S-2"))
    assert own.last(StopsChanged).halt is not None


def test_known_before_the_case_it_holds_when_it_opens_for_who_owes_it_together() -> None:
    first = case().when(stopped(BREATHING, 1, customer="C-2"))
    state = first.state.model_copy(update={"status": "closed"})
    again = Given(first.decider, first.reference, state).when(
        overdue("A-3", n=5, obligors=people(ObligorRole.CO_BORROWER))
    )
    assert statuses(again.last(CaseOpened)) == ["held"]


def test_a_live_plan_is_reopened_over_what_is_owed_alone() -> None:
    planned = case().when(signed(1, "A-1", "A-2"))
    after = planned.when(stopped(BREATHING, 5, customer="C-2"))
    assert (after.last(PlanDebtsChanged).left, after.last(PlanDebtsChanged).remaining) == (("A-1",), ("A-2",))


def test_a_joint_debt_that_joins_while_it_runs_is_stopped_for_both_until_it_is_over() -> None:
    """It came into the talks, and interest ran on it, until somebody told of the stop again."""
    running = case().when(stopped(BREATHING, 1, customer="C-2"))
    joined = running.when(overdue("A-3", n=2, obligors=people(ObligorRole.CO_BORROWER)))
    assert statuses(joined.last(CaseChanged)) == ["held", "active", "held"]
    said = joined.last(StopsChanged)
    assert [(stop.party_id, stop.debts) for stop in said.stops] == [
        (OTHER, ("A-1", "A-3")), (None, ("A-1", "A-3")),
    ]  # fmt: skip
    told = joined.last(StopsInstructed).holds
    assert {(hold.debt_id, hold.party_id) for hold in told} >= {("A-3", None), ("A-3", OTHER)}
    assert statuses(joined.when(lifted(9)).last(CaseChanged)) == ["active"] * 3
    late = running.when(lifted(2)).when(overdue("A-3", n=3, obligors=people(ObligorRole.CO_BORROWER)))
    assert statuses(late.last(CaseChanged)) == ["active"] * 3, "it was over"


def test_a_debt_that_a_later_notice_calls_joint_is_stopped_and_one_no_more_joint_is_free() -> None:
    running = case().when(stopped(BREATHING, 1, customer="C-2"))
    both = running.when(overdue("A-2", n=2, obligors=people(ObligorRole.CO_BORROWER)))
    assert statuses(both.last(CaseChanged)) == ["held", "held"]
    assert both.last(StopsChanged).halt is not None
    stands_in = both.when(overdue("A-2", n=3, obligors=people(ObligorRole.GUARANTOR)))
    assert statuses(stands_in.last(CaseChanged)) == ["held", "active"]
