"""Talks beside a live plan that find no other: the old one goes on, and better evidence begins them again."""

from __future__ import annotations

from dataclasses import replace

from services.offer.model import OfferStatus
from shared.contracts.agreement import AgreementCompleted
from shared.contracts.assessment import AssessmentExpired
from shared.contracts.base import Reason
from shared.contracts.followup_care import PlanReopened
from shared.contracts.offer import NoPlanFound, OfferTabled
from shared.contracts.reasons import ReasonCode
from tests.unit.builders import DAY, assessed, cny, message
from tests.unit.offer.table import after, live, renegotiate, signed
from tests.unit.offer.test_asking import funding, tabled
from tests.unit.spec import Given

SOUGHT = after(60)
EXPIRES = after(150)


def version(amount: str, number: int, on: int, *, answers: bool = False) -> object:
    data = assessed(amount, version=number, as_of=SOUGHT, expires=EXPIRES)
    return message(data.model_copy(update={"answers_statement": answers}), after(on))


def none_found() -> Given:
    """A wish to renegotiate, and figures that nothing can be paid from."""
    step = live().when(message(renegotiate(SOUGHT), SOUGHT)).when(version("0.00", 2, 60))
    assert step.emits(NoPlanFound)
    assert step.state.live
    return step


def test_evidence_that_comes_after_the_statement_puts_a_plan_on_the_table() -> None:
    """The payslip came four days later, and nobody looked at it: the hardship had no answer but no."""
    step = none_found().when(version("1500.00", 3, 64))
    assert step.emits(OfferTabled)
    assert step.last(OfferTabled).round == 1


def test_figures_that_came_too_late_begin_nothing_by_themselves() -> None:
    later = assessed("1500.00", version=3, as_of=after(151), expires=after(240))
    assert none_found().when(message(later, after(151))).said == ()


def test_who_sends_a_statement_again_is_answered() -> None:
    again = none_found().when(version("0.00", 3, 70, answers=True))
    assert again.last(NoPlanFound).reason.code is ReasonCode.STATEMENT_NO_NEWS


def test_a_new_signature_ends_the_wish() -> None:
    step = none_found().when(message(signed("offer-9"), after(65)))
    assert step.when(version("1500.00", 3, 66)).said == ()


def stale() -> Given:
    """A wish to renegotiate on the day on which the rate that the pack rests on is out of date."""
    fresh = tabled(rates=funding(DAY), value__discount_over="funding")
    plan = fresh.when(message(signed(fresh.last(OfferTabled).offer_id), after(2)))
    old = replace(plan, reference=replace(plan.reference, rates=funding(after(30))))
    step = old.when(message(renegotiate(SOUGHT), SOUGHT)).when(version("1500.00", 2, 60))
    assert step.last(NoPlanFound).reason.code is ReasonCode.RATES_STALE
    return step


def renewed(step: Given) -> Given:
    return replace(step, reference=replace(step.reference, rates=funding(after(100))))


def test_talks_beside_a_plan_go_on_by_themselves_when_rates_are_up_to_date_again() -> None:
    """They ended there: nobody looked again at a hardship that the lender had no rate for."""
    step = stale()
    look = step.last(NoPlanFound).review_on
    assert look is not None
    assert step.decider.due(step.state) == look
    again = step.closes(look)
    assert again.last(NoPlanFound).review_on is not None, "still out of date: it is looked at again"
    assert renewed(step).closes(look).emits(OfferTabled)


def test_figures_that_expire_while_rates_are_stale_are_asked_for_and_begin_the_talks() -> None:
    step = stale()
    gone = AssessmentExpired(assessment_id=step.last(NoPlanFound).assessment_id, as_of=after(61))
    none = step.when(message(gone, after(61)))
    none = none.closes(none.decider.due(none.state))
    assert none.last(NoPlanFound).next_step.code is ReasonCode.NEXT_NEW_STATEMENT
    assert (none.state.status, none.state.live) == (OfferStatus.WAITING, True)
    later = assessed("1500.00", version=3, as_of=after(80), expires=after(170))
    assert renewed(none).when(message(later, after(80))).emits(OfferTabled)


def test_a_plan_that_is_live_again_after_its_completion_ends_the_look_for_another() -> None:
    ended = live().when(message(AgreementCompleted(agreement_id="a-1", as_of=after(60)), after(60)))
    assert (ended.state.status, ended.state.live) == (OfferStatus.ENDED, False)
    reason = Reason(code=ReasonCode.PAYMENT_RETURNED)
    back = PlanReopened(agreement_id="a-1", as_of=after(61), missing=(cny("1.00"),), reason=reason)
    again = ended.when(message(back, after(61)))
    assert (again.state.status, again.state.live) == (OfferStatus.AGREED, True)
    assert again.decider.due(again.state) is None
    assert again.when(message(renegotiate(SOUGHT), SOUGHT)).when(version("1500.00", 2, 60)).emits(OfferTabled)
    assert live().when(message(back, after(61))).state.status is OfferStatus.AGREED
