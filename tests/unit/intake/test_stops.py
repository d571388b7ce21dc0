"""Stops: debts in dispute, litigation or insolvency, and protected people: on the case and in no plan."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from services.intake.decide import IntakeDecider
from shared.contracts import agreement
from shared.contracts.bank import Obligor
from shared.contracts.base import Reason
from shared.contracts.debts import DebtStatus
from shared.contracts.desk_parties import StopLifted, StopReported
from shared.contracts.intake import (
    CaseAssigned,
    CaseChanged,
    CaseClosed,
    CaseOpened,
    CloseReason,
    InputRefused,
    PaymentMatched,
    PlanDebtsChanged,
    StopsChanged,
    StopsInstructed,
)
from shared.contracts.parties import DEBT_STOPS, ObligorRole, StopCause, party_id_of
from shared.contracts.reasons import ReasonCode
from tests.unit.builders import DAY, balances, message, reference
from tests.unit.intake.bank_says import (
    NOTHING,
    OWED,
    balance,
    cured,
    day,
    lifted,
    overdue,
    paid,
    plan_completed,
    recalled,
    signed,
    sold,
    stopped,
)
from tests.unit.spec import Given, given

JOINT = (
    Obligor(customer="C-1", role=ObligorRole.BORROWER),
    Obligor(customer="C-2", role=ObligorRole.CO_BORROWER),
)


def start() -> Given:
    return given(IntakeDecider(), reference())


def two(**first: Any) -> Given:
    """A case over A-1 and A-2."""
    return start().when(overdue(**first), overdue("A-2"))


def planned() -> Given:
    """The same with a signed plan over both."""
    return two().when(signed(1, "A-1", "A-2"))


def statuses(step: Given) -> list[str]:
    return [debt.status.value for debt in step.last(CaseChanged).debts]


def over(n: int) -> Any:
    data = agreement.AgreementEnded(
        agreement_id="AG-1", as_of=day(n), reason=Reason(code=ReasonCode.PLAN_BROKEN)
    )
    return message(data, day(n))


@pytest.mark.parametrize(
    ("cause", "status"),
    [
        (StopCause.DISPUTE, "disputed"),
        (StopCause.IDENTITY_FRAUD, "disputed"),
        (StopCause.LITIGATION, "litigation"),
        (StopCause.INSOLVENCY, "insolvency"),
        (StopCause.BREATHING_SPACE, "held"),
        (StopCause.DEATH, "held"),
        (StopCause.LOST_CAPACITY, "held"),
        (StopCause.MINOR, "held"),
    ],
)
def test_a_stopped_debt_is_on_the_case_and_out_of_plans(cause: StopCause, status: str) -> None:
    after = two().when(stopped(cause, 1, "A-1"))
    assert after.emits(CaseChanged, StopsChanged, StopsInstructed)
    assert statuses(after) == [status, "active"]
    stop = after.last(StopsChanged).stops[0]
    assert (stop.cause, stop.since, stop.debts, stop.party_id) == (cause, day(1), ("A-1",), None)
    assert after.state.is_open
    back = after.when(lifted(9))
    assert back.emits(CaseChanged, StopsChanged, StopsInstructed)
    assert statuses(back) == ["active", "active"]
    assert back.last(StopsChanged).stops == ()


def test_every_cause_leads_somewhere() -> None:
    assert set(StopCause) > DEBT_STOPS
    for cause in StopCause:
        assert start().when(stopped(cause, 0), overdue()).last(CaseOpened).debts[0].status.value != "active"


def test_without_accounts_it_is_about_all_debts_those_that_join_later_too() -> None:
    after = start().when(overdue(), stopped(StopCause.INSOLVENCY, 1), overdue("A-2"))
    assert statuses(after) == ["insolvency", "insolvency"]
    assert after.last(StopsChanged).stops[0].debts == ("A-1", "A-2")


def test_what_is_known_before_the_case_holds_when_it_opens() -> None:
    before = start().when(stopped(StopCause.BREATHING_SPACE, 0))
    assert before.said == ()
    after = before.when(overdue(n=1))
    assert after.emits(CaseOpened, CaseAssigned, StopsChanged, StopsInstructed)
    assert after.last(CaseOpened).debts[0].status is DebtStatus.HELD


@pytest.mark.parametrize("first", [StopCause.DISPUTE, StopCause.INSOLVENCY])
def test_of_several_stops_the_gravest_names_the_debt_and_each_ends_by_itself(first: StopCause) -> None:
    second = {StopCause.DISPUTE: StopCause.INSOLVENCY, StopCause.INSOLVENCY: StopCause.DISPUTE}[first]
    after = two().when(stopped(first, 1, "A-1", stop="S-1"), stopped(second, 2, "A-1", stop="S-2"))
    assert after.state.said_of(after.state.debts[0]).status is DebtStatus.INSOLVENCY
    insolvency, dispute = ("S-2", "S-1") if first is StopCause.DISPUTE else ("S-1", "S-2")
    disputed = after.when(lifted(3, insolvency))
    assert statuses(disputed) == ["disputed", "active"]
    assert statuses(disputed.when(lifted(4, dispute))) == ["active", "active"]


def test_the_desk_may_say_it_as_well_and_a_repeat_is_no_news() -> None:
    dispute = StopReported(stop_id="D-1", cause=StopCause.DISPUTE, since=DAY, accounts=("A-2",))
    after = two().when(message(dispute))
    assert statuses(after) == ["active", "disputed"]
    assert after.when(message(dispute)).said == ()
    assert statuses(after.when(message(StopLifted(stop_id="D-1", on=day(3)), day(3)))) == ["active", "active"]


@pytest.mark.parametrize(
    ("fact", "code"),
    [
        (stopped(StopCause.DISPUTE, 0, "A-9"), ReasonCode.UNKNOWN_ACCOUNT),
        (stopped(StopCause.DEATH, 0, customer="C-9"), ReasonCode.UNKNOWN_PARTY),
        (lifted(0), ReasonCode.UNKNOWN_STOP),
    ],
)
def test_what_builds_on_something_unknown_waits_and_is_refused(fact: Any, code: ReasonCode) -> None:
    waiting = two().when(fact)
    assert (waiting.said, waiting.waiting) == ((), (fact,))
    assert waiting.closes(DAY).last(InputRefused).reason.code is code


def test_a_lifting_that_overtakes_its_stop_is_decided_when_the_stop_comes() -> None:
    after = two().when(lifted(0), stopped(StopCause.DISPUTE, 0, "A-1"))
    assert after.waiting == ()
    assert [stop.ended_on for stop in after.state.stops] == [DAY]
    assert after.state.stopped(after.state.debts[0]) is None


def test_an_old_word_of_a_stop_that_has_ended_does_not_begin_it_again() -> None:
    ended = two().when(stopped(StopCause.DISPUTE, 1, "A-1"), lifted(5))
    assert ended.when(stopped(StopCause.DISPUTE, 1, "A-1")).said == ()
    assert ended.when(lifted(6)).said == ()
    assert statuses(ended.when(stopped(StopCause.DISPUTE, 7, "A-1"))) == ["disputed", "active"]


def test_stops_that_nobody_lifts_do_not_make_the_document_grow_and_ended_ones_go_first() -> None:
    case = two().when(stopped(StopCause.INSOLVENCY, 0, stop="S-kept"))
    for n in range(80):
        case = case.when(stopped(StopCause.DISPUTE, 1, "A-1", stop=f"S-{n}"), lifted(2, f"S-{n}"))
    assert len(case.state.stops) <= 60
    assert "S-kept" in {stop.stop_id for stop in case.state.stops}


def test_another_obligor_s_insolvency_is_about_that_person_and_leaves_the_debt_in_the_talks() -> None:
    after = two(obligors=JOINT).when(stopped(StopCause.INSOLVENCY, 1, customer="C-2"))
    assert after.emits(StopsChanged, StopsInstructed)
    stop = after.last(StopsChanged).stops[0]
    assert (stop.party_id, stop.debts) == (party_id_of("C-2"), ("A-1",))
    assert [after.state.said_of(debt).status for debt in after.state.debts] == [DebtStatus.ACTIVE] * 2


def test_the_customer_named_by_the_bank_is_the_customer() -> None:
    after = two(obligors=JOINT).when(stopped(StopCause.DEATH, 1, customer="C-1"))
    assert statuses(after) == ["held", "held"]


# -- money


def test_money_without_an_account_passes_a_stopped_debt_by_and_named_money_reaches_it() -> None:
    case = two().when(stopped(StopCause.DISPUTE, 1, "A-1"))
    free = case.when(paid("300.00", 2))
    assert [debt.paid.total for debt in free.state.debts] == [0, 30000]
    named = case.when(paid("300.00", 2, account="A-1"))
    assert [debt.paid.total for debt in named.state.debts] == [30000, 0]
    none = case.when(stopped(StopCause.INSOLVENCY, 2, stop="S-2"), paid("300.00", 3))
    assert none.last(PaymentMatched).allocations == ()
    assert none.last(PaymentMatched).unallocated.minor == 30000


def test_the_bank_s_figures_of_a_stopped_debt_go_on() -> None:
    case = two().when(stopped(StopCause.LITIGATION, 1, "A-1"))
    after = case.when(balance(2, balances("5000.00", "510.00", "200.00")))
    assert after.last(CaseChanged).debts[0].outstanding.interest.minor == 51000
    assert statuses(after) == ["litigation", "active"]
    gone = case.when(cured(3), cured(3, "A-2"))
    assert gone.last(CaseClosed).reason is CloseReason.CURED


# -- on a live plan


@pytest.mark.parametrize(
    ("fact", "left"),
    [
        pytest.param(stopped(StopCause.DISPUTE, 5, "A-1"), ("A-1",), id="dispute"),
        pytest.param(stopped(StopCause.LITIGATION, 5, "A-1"), ("A-1",), id="litigation"),
        pytest.param(stopped(StopCause.INSOLVENCY, 5), ("A-1", "A-2"), id="insolvency"),
        pytest.param(recalled(5), ("A-1",), id="recalled"),
    ],
)
def test_a_debt_that_leaves_a_live_plan_reopens_it_over_the_rest(fact: Any, left: tuple[str, ...]) -> None:
    after = planned().when(fact)
    said = after.last(PlanDebtsChanged)
    assert (said.agreement_id, said.left, said.beside) == ("AG-1", left, ())
    assert said.remaining == tuple(debt for debt in ("A-1", "A-2") if debt not in left)
    assert after.state.is_open
    assert after.state.plan is not None, "the plan is kept until a new one is signed"


def test_what_comes_back_while_the_old_plan_is_in_force_is_in_it_again() -> None:
    after = planned().when(stopped(StopCause.DISPUTE, 5, "A-1"), lifted(9))
    assert (after.last(PlanDebtsChanged).left, after.last(PlanDebtsChanged).remaining) == ((), ("A-1", "A-2"))


def test_what_comes_back_after_a_new_plan_over_the_rest_is_beside_it() -> None:
    again = planned().when(stopped(StopCause.DISPUTE, 5, "A-1"), signed(9, "A-2"))
    assert again.state.left_plan == ()
    after = again.when(lifted(20))
    assert after.last(PlanDebtsChanged).beside == ("A-1",)
    assert after.when(overdue(n=21, days=81)).said[-1].TYPE == CaseChanged.TYPE, "said once"


def test_a_plan_signed_over_a_debt_that_was_stopped_that_day_says_so_at_once() -> None:
    after = two().when(stopped(StopCause.DISPUTE, 1, "A-1"), signed(1, "A-1", "A-2"))
    assert after.last(PlanDebtsChanged).left == ("A-1",)


def test_a_plan_that_is_completed_does_not_settle_a_debt_in_dispute() -> None:
    after = planned().when(stopped(StopCause.DISPUTE, 5, "A-1"), plan_completed(30))
    assert after.state.is_open
    assert statuses(after) == ["disputed", "cured"]


# -- a sale


def test_a_sale_never_voids_a_signed_plan() -> None:
    one = start().when(overdue(), signed(1))
    after = one.when(sold(5))
    assert CaseClosed not in [type(event) for event in after.said]
    assert PlanDebtsChanged not in [type(event) for event in after.said]
    assert statuses(after) == ["sold"]
    assert after.state.is_open
    assert after.state.plan is not None
    # Nothing is left to talk about here.
    halt = after.last(StopsChanged).halt
    assert halt is not None
    assert (halt.offers, halt.plan_stands) == (False, True)
    assert "contact" in halt.stops
    # Money and the bank's figures of the account go on, for the buyer.
    served = after.when(balance(6, OWED, NOTHING, days=0), paid("700.00", 7))
    assert served.state.debts[0].paid.total == 70000
    assert served.state.debts[0].status is DebtStatus.SOLD
    done = served.when(plan_completed(40))
    assert done.last(CaseClosed).reason is CloseReason.PLAN_COMPLETED
    assert done.last(CaseClosed).debts[0].status is DebtStatus.SOLD


def test_a_new_plan_over_the_others_does_not_void_the_plan_of_a_sold_debt() -> None:
    after = planned().when(sold(5), stopped(StopCause.DISPUTE, 6, "A-2"))
    assert (after.last(PlanDebtsChanged).left, after.last(PlanDebtsChanged).remaining) == (("A-2",), ())
    again = after.when(lifted(8), overdue("A-3", n=9), signed(12, "A-2", "A-3"))
    assert again.state.plan.debts == ("A-2", "A-3", "A-1")
    served = again.when(paid("100.00", 13, account="A-1"))
    assert served.last(PaymentMatched).allocations[0].debt_id == "A-1"


def test_a_sale_halts_a_case_in_which_nothing_else_is_left_and_a_debt_of_ours_lets_it_go_on() -> None:
    one = planned().when(sold(5))
    assert StopsChanged not in [type(event) for event in one.said], "the other debt is talked about"
    both = one.when(sold(6, "A-2"))
    assert both.last(StopsChanged).stops == ()
    assert both.last(StopsChanged).halt is not None
    assert both.when(overdue("A-3", n=9)).last(StopsChanged).halt is None


def test_when_the_plan_over_a_sold_debt_is_broken_the_case_ends_as_sold() -> None:
    after = start().when(overdue(), signed(1), sold(5), over(50))
    assert after.last(CaseClosed).reason is CloseReason.SOLD
    assert after.decider.due(after.state) is None


def test_without_a_signed_plan_a_sale_ends_the_case_as_before() -> None:
    assert two().when(sold(2), sold(3, "A-2")).last(CaseClosed).reason is CloseReason.SOLD


def test_an_open_case_of_stopped_debts_still_has_an_owner_and_a_next_date() -> None:
    after = start().when(overdue(), stopped(StopCause.INSOLVENCY, 1))
    for n in range(1, 120, 5):
        after = after.closes(day(n))
        due: date | None = after.decider.due(after.state)
        assert due is not None
        assert due > day(n)
    assert after.state.owner == "n-1"
