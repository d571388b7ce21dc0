"""A co-borrower whom a stop of theirs lets not sign: what counts when it is over, who waits for whom."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from shared.contracts.agreement import (
    AgreementDrafted,
    AgreementReturned,
    AgreementSigned,
    CoBorrowerAccepted,
    InputRefused,
)
from shared.contracts.envelope import Envelope
from shared.contracts.intake import StopsChanged
from shared.contracts.parties import StopCause, StopInForce
from shared.contracts.reasons import ReasonCode
from tests.unit.agreement.test_co_borrowers import BARRED, MUST, joined, joins, signed, stopped
from tests.unit.agreement.test_decide import SIGN_BY, after, agreed
from tests.unit.agreement.test_guarantors import drafted
from tests.unit.agreement.test_guarantors_gone import agreed_again, said
from tests.unit.agreement.test_others import WIFE
from tests.unit.builders import message
from tests.unit.spec import Given

BOUND = (WIFE.party_id,)


def over(told: int, since: int, until: int, cause: StopCause = StopCause.LOST_CAPACITY) -> Envelope[Any]:
    """A stop of hers has ended, or was over when it was told of."""
    stop = StopInForce(
        stop_id="s", cause=cause, since=after(since), party_id=WIFE.party_id, debts=("A-1",),
        ends_on=after(until),
    )  # fmt: skip
    return message(StopsChanged(as_of=after(told), stops=(), over=(stop,)), after(told))


def effective(step: Given, day: int) -> tuple[str, ...]:
    """Both sign, and it takes effect: who is bound; whoever signed and is not, is said."""
    done = signed(step, after(day)).closes(after(day)).last(AgreementSigned)
    joined_by = {one.party_id for one in step.state.draft.joined}
    assert set(done.not_counted) == joined_by - set(done.bound)
    return done.bound


# -- a stop that is over when the agreement takes effect


@pytest.mark.parametrize("cause", BARRED)
def test_what_was_signed_in_a_stop_does_not_count_when_it_is_over(cause: StopCause) -> None:
    told = joined(drafted(WIFE), after(2)).when(stopped(cause, 3, since=1))
    assert effective(told.when(over(4, 1, 4, cause)), 5) == ()


@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize("told", [2, 4])
def test_what_was_signed_in_a_stop_that_is_told_when_it_is_over_does_not_count(
    told: int, first: bool
) -> None:
    step = drafted(WIFE)
    both = [message(joins(step), after(2)), over(told, 1, 2)]
    if first and told == 2:
        both.reverse()
    assert effective(step.when(*both), 4) == ()


@pytest.mark.parametrize(("since", "until"), [(0, 1), (3, 4)])
def test_what_was_signed_before_or_after_it_counts(since: int, until: int) -> None:
    assert effective(joined(drafted(WIFE), after(2)).when(over(4, since, until)), 5) == BOUND


def test_a_stop_that_was_a_mistake_leaves_the_signature() -> None:
    told = joined(drafted(WIFE), after(2)).when(stopped(StopCause.DISPUTE, 3, since=1))
    assert effective(told.when(over(4, 1, 0, StopCause.DISPUTE)), 5) == BOUND


def test_whose_signature_does_not_count_is_said_and_who_did_not_sign_is_not() -> None:
    """It was left out of who is bound, and nobody heard of it."""
    told = joined(drafted(WIFE), after(2)).when(over(4, 1, 2))
    for step, who in ((told, BOUND), (drafted(WIFE), ())):
        done = signed(step, after(5)).closes(after(5)).last(AgreementSigned)
        assert (done.bound, done.not_counted) == ((), who)


def test_who_signed_in_a_stop_signs_again_when_it_is_over() -> None:
    told = joined(drafted(WIFE), after(2)).when(over(3, 1, 2))
    again = joined(told, after(4))
    assert again.emits(CoBorrowerAccepted)
    assert effective(again, 4) == BOUND
    assert joined(again, after(5)).last(InputRefused).reason.code is ReasonCode.ALREADY_SIGNED


@pytest.mark.parametrize("end_first", [False, True])
def test_on_the_day_on_which_its_end_is_heard_the_order_makes_no_difference(end_first: bool) -> None:
    step = drafted(WIFE).when(stopped(StopCause.LOST_CAPACITY, 1))
    both = [message(joins(step), after(3)), over(3, 1, 2)]
    done = step.when(*(reversed(both) if end_first else both))
    assert done.last(InputRefused).reason.code is ReasonCode.CO_BORROWER_STOPPED
    assert joined(done, after(4)).emits(CoBorrowerAccepted)


@pytest.mark.parametrize("stop_first", [False, True])
def test_who_signs_again_on_the_day_on_which_it_is_heard_is_told_the_same_in_either_order(
    stop_first: bool,
) -> None:
    step = joined(drafted(WIFE), after(1))
    both = [message(joins(step), after(2)), over(2, 1, 1)]
    done = step.when(*(reversed(both) if stop_first else both))
    assert done.last(InputRefused).reason.code is ReasonCode.ALREADY_SIGNED
    assert effective(done, 2) == ()


def test_what_is_over_is_forgotten_with_the_draft_that_it_was_about() -> None:
    told = drafted(WIFE).when(over(2, 1, 2))
    assert len(told.state.barred) == 1
    later = signed(told, after(3)).closes(after(3)).when(said(after(4)))
    assert later.state.barred == ()


def test_where_the_pack_says_must_what_was_signed_in_it_brings_nothing_into_effect() -> None:
    told = joined(drafted(WIFE, **MUST), after(2)).when(over(3, 1, 2))
    done = signed(told, after(4)).closes(after(4))
    assert done.emits(AgreementReturned)
    assert done.last(AgreementReturned).reason.code is ReasonCode.CO_BORROWER_STOPPED
    assert effective(joined(told, after(4)), 4) == BOUND


# -- who must sign, and cannot


@pytest.mark.parametrize("cause", BARRED)
def test_who_must_sign_and_cannot_is_not_waited_for_by_any_draft(cause: StopCause) -> None:
    """A dispute stops no contact: the draft asked for a signature that was refused, until its last day."""
    first = drafted(WIFE, **MUST)
    gone = first.when(stopped(cause, 1))
    assert gone.last(AgreementReturned).reason.code is ReasonCode.SIGNATORY_CANNOT_BE_ASKED
    second = agreed_again(gone, first, 2)
    assert second.last(AgreementDrafted).must_sign == ()
    assert effective(second, 3) == ()


def test_who_signed_before_it_is_bound_and_the_draft_stays() -> None:
    told = joined(drafted(WIFE, **MUST), after(2)).when(stopped(StopCause.DISPUTE, 3))
    assert told.said == ()
    assert effective(told, 4) == BOUND


def test_who_can_sign_again_is_asked_by_the_next_draft() -> None:
    first = drafted(WIFE, **MUST)
    back = first.when(stopped(StopCause.DISPUTE, 1)).when(over(2, 1, 2, StopCause.DISPUTE))
    assert agreed_again(back, first, 3).last(AgreementDrafted).must_sign == BOUND


# -- what is in force


@pytest.mark.parametrize("amending", [False, True])
def test_who_signs_what_is_in_force_is_told_that_it_is_too_late(amending: bool) -> None:
    """While an amendment was on the table they heard that they had signed it already."""
    step = drafted(WIFE)
    word = message(joins(step), after(5))
    live = signed(step, after(2)).closes(after(2))
    if amending:
        live = live.when(message(agreed(2), after(4)))
    assert live.when(word).last(InputRefused).reason.code is ReasonCode.SIGNATURE_TOO_LATE


def test_the_last_day_to_sign_counts() -> None:
    day: date = SIGN_BY
    assert joined(drafted(WIFE), day).emits(CoBorrowerAccepted)
