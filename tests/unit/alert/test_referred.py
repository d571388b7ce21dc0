"""What assessment refers to a person is an alert until it is decided."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from services.alert.decide import AlertDecider
from shared.contracts import desk_household
from shared.contracts.alert import AlertEscalated, AlertKind, AlertRaised, AlertResolved, RemedyStarted
from shared.contracts.assessment import ReviewReferred
from shared.contracts.base import Reason
from shared.contracts.reasons import ReasonCode
from tests.unit.builders import DAY, case_opened, message, reference
from tests.unit.spec import Given, given

LATER = DAY + timedelta(days=1)


def case() -> Given:
    return given(AlertDecider(), reference()).when(message(case_opened()))


def refers(code: ReasonCode = ReasonCode.EVIDENCE_DOUBTED) -> Any:
    data = ReviewReferred(
        as_of=DAY,
        owner_role="supervisor",
        due=LATER,
        reasons=(Reason(code=code),),
        next_step=Reason(code=ReasonCode.NEXT_HUMAN_REVIEW),
    )
    return message(data)


def settles(doubt: str = "d-1") -> Any:
    return message(
        desk_household.DoubtSettled(doubt_id=doubt, upheld=False, by="s-1", reason="looked", as_of=LATER),
        LATER,
    )


def test_a_referral_has_an_owner_and_a_day_and_escalates() -> None:
    raised = case().when(refers())
    assert raised.emits(AlertRaised, RemedyStarted)
    assert raised.last(AlertRaised).kind is AlertKind.PERSON_ASKED
    assert raised.last(AlertRaised).about == "evidence_doubted"
    assert raised.closes(DAY + timedelta(days=30)).emits(AlertEscalated)


def test_it_is_over_when_everything_is_decided() -> None:
    two = case().when(refers(), refers(ReasonCode.PAID_AGENT_SUSPECTED))
    assert [type(event) for event in two.said] == [AlertRaised, RemedyStarted], "one alert for both"
    one = two.when(settles())
    assert one.said == ()
    over = one.when(settles("d-2"))
    assert over.emits(AlertResolved)
    assert over.last(AlertResolved).reason.code is ReasonCode.REFERRAL_ANSWERED
