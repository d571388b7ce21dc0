"""Talks beside a live plan that find no other: the old one goes on, and better evidence begins them again."""

from __future__ import annotations

from shared.contracts.offer import NoPlanFound, OfferTabled
from shared.contracts.reasons import ReasonCode
from tests.unit.builders import assessed, message
from tests.unit.offer.test_decide import after, live, renegotiate, signed
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
