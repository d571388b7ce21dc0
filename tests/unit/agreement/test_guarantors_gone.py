"""A guarantor who has died, or whom nobody may ask: the draft does not wait for them until its last day."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from services.agreement.model import AgreementStatus
from shared.contracts.agreement import (
    AgreementDrafted,
    AgreementReturned,
    AgreementSigned,
    GuarantorConsented,
)
from shared.contracts.envelope import Envelope
from shared.contracts.intake import StopsChanged
from shared.contracts.parties import StopCause, StopInForce
from shared.contracts.reasons import ReasonCode
from tests.unit.agreement.test_decide import BOTH, after, agreed, signature
from tests.unit.agreement.test_guarantors import ALL_OF_IT, CO, PARTY, consent, with_interest
from tests.unit.builders import message
from tests.unit.spec import Given

GONE = (StopCause.DEATH, StopCause.LOST_CAPACITY)


def stops(
    day: int, cause: StopCause = StopCause.DEATH, *, party: str = PARTY, since: int | None = None
) -> Any:
    stop = StopInForce(
        stop_id="s", cause=cause, since=after(day if since is None else since), party_id=party, debts=("A-1",)
    )
    return said(after(day), stop)


def said(on: date, *stops: StopInForce) -> Envelope[StopsChanged]:
    return message(StopsChanged(as_of=on, stops=stops), on)


def signed_by_both(step: Given, day: int) -> Given:
    draft = step.last(AgreementDrafted)
    return step.when(*(message(signature(draft, party), after(day)) for party in BOTH))


def agreed_again(step: Given, first: Given, day: int) -> Given:
    """The same plan is accepted in the round that went on: offer tables it under a new id."""
    plan = first.last(AgreementDrafted).plan
    data = agreed(1).model_copy(update={"offer_id": "offer-again", "plan": plan})
    return step.when(message(data, after(day)))


@pytest.mark.parametrize("cause", GONE)
def test_a_draft_goes_back_at_once_and_the_next_does_not_ask_who_cannot_agree(cause: StopCause) -> None:
    """It hung until its last day, and silence cost the borrower a round."""
    first = with_interest(ALL_OF_IT)
    gone = first.when(stops(2, cause))
    assert gone.emits(AgreementReturned)
    assert gone.last(AgreementReturned).reason.code is ReasonCode.SIGNATORY_CANNOT_BE_ASKED, (
        "the round goes on"
    )
    second = agreed_again(gone, first, 3)
    assert second.last(AgreementDrafted).guarantors == ()
    done = signed_by_both(second, 3).closes(after(3))
    assert done.last(AgreementSigned).effective == after(3)


def test_who_is_asked_again_when_it_is_over_is_so_in_the_next_draft_not_in_one_that_is_out() -> None:
    first = with_interest(ALL_OF_IT)
    second = agreed_again(first.when(stops(2)), first, 3)
    over = second.when(said(after(4)))
    assert over.said == ()
    assert (
        signed_by_both(Given(over.decider, over.reference, over.state, (), second.said), 5)
        .closes(after(5))
        .last(AgreementSigned)
    )
    back = agreed_again(first.when(stops(2)).when(said(after(3))), first, 4)
    assert back.last(AgreementDrafted).guarantors == (PARTY,)


@pytest.mark.parametrize(("since", "stands"), [(3, True), (2, False), (1, False)])
def test_who_had_agreed_before_has_agreed(since: int, *, stands: bool) -> None:
    step = with_interest(ALL_OF_IT)
    consented = step.when(message(consent(step.last(AgreementDrafted)), after(2)))
    assert consented.emits(GuarantorConsented)
    gone = consented.when(stops(3, since=since))
    assert gone.emits(AgreementReturned) is not stands
    assert (gone.state.status is AgreementStatus.DRAFTED) is stands


def test_on_one_day_it_makes_no_difference_which_is_read_first() -> None:
    step = with_interest(ALL_OF_IT)
    consents = message(consent(step.last(AgreementDrafted)), after(2))
    orders = [step.when(*order) for order in ((consents, stops(2)), (stops(2), consents))]
    for one in orders:
        assert sorted(type(event).__name__ for event in one.said) == [
            "AgreementReturned",
            "GuarantorConsented",
        ]
        assert one.state.draft is None
    assert orders[0].state == orders[1].state


@pytest.mark.parametrize(
    "unlike",
    [stops(2, party="somebody"), stops(2, StopCause.DISPUTE), stops(2, party="party-c")],
)
def test_a_stop_of_somebody_else_or_one_that_lets_them_be_asked_changes_no_draft(unlike: Any) -> None:
    step = with_interest(ALL_OF_IT, CO)
    same = step.when(unlike)
    assert same.said == ()
    assert same.state.draft == step.state.draft
