"""Money beyond a plan is the borrower's, who is told of it: else nobody could choose what becomes of it."""

from __future__ import annotations

from services.followup.decide import FollowupDecider
from shared.contracts import intake
from shared.contracts.desk_care import CreditChoice, CreditChosen
from shared.contracts.followup_care import CreditFound, CreditInstructed
from shared.contracts.notice import NoticeDenied, NoticeDue, NoticeKind, NoticeWithdrawn
from shared.contracts.parties import StopCause, StopInForce
from shared.contracts.reasons import ReasonCode
from tests.unit.builders import DAY, case_opened, cny, message, paid, reference, signed
from tests.unit.followup.plans import FIRST, PLAIN, lives_to
from tests.unit.notice.test_decide import at, case, stops
from tests.unit.spec import Given, given


def overpaid() -> Given:
    """A plan of one instalment, to which 30.00 more was paid than it asks for."""
    plan = given(FollowupDecider(), reference(**PLAIN)).when(
        message(case_opened()), message(signed((FIRST, "100.00")))
    )
    more = paid("130.00", FIRST).model_copy(update={"unallocated": cny("30.00")})
    return lives_to(plan.when(message(more, FIRST)), FIRST)


def found(amount: str = "30.00") -> CreditFound:
    return CreditFound(agreement_id="agreement-1", as_of=DAY, amount=cny(amount))


CLOSED = intake.CaseClosed(as_of=DAY, reason=intake.CloseReason.PLAN_COMPLETED)


def test_what_is_left_over_is_told_to_the_borrower() -> None:
    said = overpaid().last(CreditFound)
    assert said.amount == cny("30.00")
    due = case().when(at(said, 10)).last(NoticeDue)
    assert (due.kind, due.category, due.recipient) == (NoticeKind.CREDIT, "service", "borrower")
    assert case().when(at(found("0.00"), 10)).said == ()


def test_it_is_told_when_the_case_is_closed_whichever_is_read_first() -> None:
    after = case().when(at(CLOSED, 9), at(found(), 10))
    before = case().when(at(found(), 9), at(CLOSED, 10))
    for step in (after, before):
        assert step.last(NoticeDue).kind is NoticeKind.CREDIT
        assert not [event for event in step.said if isinstance(event, NoticeWithdrawn)]


def test_who_has_chosen_is_not_asked_and_a_stop_puts_it_off() -> None:
    chosen = overpaid().when(message(CreditChosen(currency="CNY", choice=CreditChoice.REFUND), FIRST))
    stopped = case().when(message(stops(StopInForce(stop_id="s", cause=StopCause.DEATH, since=DAY))))
    waits = stopped.when(at(found(), 10))
    assert waits.last(NoticeDenied).kind is NoticeKind.CREDIT
    assert waits.when(message(stops())).last(NoticeDue).kind is NoticeKind.CREDIT
    for end in (chosen.last(CreditInstructed), found("0.00")):
        gone = waits.when(at(end, 11)).last(NoticeWithdrawn)
        assert (gone.kind, gone.reason.code) == (NoticeKind.CREDIT, ReasonCode.NOTICE_CAUSE_OVER)
