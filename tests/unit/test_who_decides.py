"""Who has left decides nothing, who is absent may: whether the roster tells it or only a command."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from services.alert.app import SERVICE as ALERT
from services.followup.app import SERVICE as FOLLOWUP
from services.intake.app import SERVICE as INTAKE
from services.offer.app import SERVICE as OFFER
from shared.contracts.desk_care import LegalOverride, LegalReferralAsked, PlanReinstated
from shared.contracts.desk_team import AwayWhy, ConversationScored, StaffAbsent
from shared.contracts.followup_care import LegalReferralMade, PlanReopened
from shared.contracts.intake import CaseAssigned
from shared.contracts.intake_team import ConversationReviewed
from shared.contracts.offer import OfferAgreed
from shared.contracts.reasons import ReasonCode
from shared.runtime.lane import OpenWork
from shared.runtime.service import Service
from tests.unit.alert.test_reviews import drawn, kept_plan, scores
from tests.unit.alert.test_timetable import performing
from tests.unit.builders import DAY, message
from tests.unit.followup.test_referral import WORDS
from tests.unit.followup.test_referral import case as late_case
from tests.unit.followup.test_reinstated import WHY, left_to_a_person, offer_withdrawn
from tests.unit.intake.bank_says import day
from tests.unit.intake.team import named, roster
from tests.unit.intake.test_owners import owned_by_a
from tests.unit.intake.test_talks import PEOPLE, sampled
from tests.unit.offer.table import grant, requested
from tests.unit.spec import Given

ON = day(3)
THERE: dict[str, Any] = {"supervisor": True}


def _grants() -> tuple[Service, Given, Any, type]:
    asked, request = requested()
    return OFFER, asked, grant(request).model_copy(update={"by": "s"}), OfferAgreed


def _overrides() -> tuple[Service, Given, Any, type]:
    said = LegalReferralAsked(by="s", role="supervisor", override=next(iter(LegalOverride)), words=WORDS)
    return FOLLOWUP, late_case(10), said, LegalReferralMade


def _reinstates() -> tuple[Service, Given, Any, type]:
    left = left_to_a_person().when(offer_withdrawn())
    said = PlanReinstated(agreement_id=left.state.plan.agreement_id, by="s", reason=WHY)
    return FOLLOWUP, left, said, PlanReopened


def _reviews() -> tuple[Service, Given, Any, type]:
    after, contact_id = sampled()
    said = ConversationScored(contact_id=contact_id, reviewer="s", listening=4, empathy=4, conduct=4)
    return INTAKE, after, said, ConversationReviewed


def _names() -> tuple[Service, Given, Any, type]:
    return INTAKE, owned_by_a(), named("b").data, CaseAssigned


def _told(service: Service, *words: StaffAbsent) -> Counter[str]:
    """Give the open work of a partition that has heard these words of a command."""
    ref, state = late_case(10).reference, None
    for said in words:
        heard = replace(message(said, DAY), key="~s/0", subject="of-no-customer")
        state = service.decider.decide(state, heard, ref).state
    return Counter(service.workload(state) if state is not None else ())


def _by_command(why: AwayWhy, since: date, until: date | None = None) -> StaffAbsent:
    return StaffAbsent(staff="s", why=why, since=since, until=until, by="t", reason="as agreed")


@pytest.mark.parametrize("told", ["roster", "command"])
@pytest.mark.parametrize("decides", [_grants, _overrides, _reinstates, _reviews, _names])
def test_who_decides_does_not_depend_on_how_it_was_told(decides: Any, told: str) -> None:
    service, start, said, done = decides()
    away = {"absences": [{"since": ON.isoformat(), "until": ON.isoformat()}]}
    known: dict[str, tuple[dict[str, Any], list[StaffAbsent], bool]] = {
        "there": ({}, [], True),
        "absent": (away, [_by_command(AwayWhy.ABSENT, ON, ON)], True),
        "left": ({"left": ON.isoformat()}, [_by_command(AwayWhy.LEFT, ON)], False),
        "leaves tomorrow": ({"left": day(4).isoformat()}, [_by_command(AwayWhy.LEFT, day(4))], True),
    }
    for why, (rows, words, may) in known.items():
        by_roster = told == "roster"
        people: dict[str, Any] = {
            **PEOPLE,
            "b": {"capacity": 9},
            "s": {**THERE, **(rows if by_roster else {})},
        }
        work = Counter() if by_roster else _told(service, *words)
        ref = replace(start.reference, roster=roster(**people), open_work=OpenWork(work, 1))
        heard = replace(start, reference=ref, said=()).when(message(said, ON))
        after = heard.closes(ON) if heard.waiting else heard
        assert any(isinstance(one, done) for one in after.said) is may, why
        assert may or after.said[-1].reason.code is ReasonCode.NOT_ALLOWED_TO, why


@pytest.mark.parametrize("service", [OFFER, FOLLOWUP, ALERT])
def test_a_departure_that_was_a_slip_is_taken_back_and_a_customer_s_case_keeps_none(service: Service) -> None:
    left, away = _by_command(AwayWhy.LEFT, ON), _by_command(AwayWhy.ABSENT, ON, ON)
    assert sum(_told(service, left, left).values()) == 1
    assert _told(service, left, away) == _told(service, away)
    assert not any(word.startswith("~left/") for word in _told(service, away))
    starts = {OFFER.name: lambda: requested()[0], FOLLOWUP.name: late_case, ALERT.name: performing}
    start = starts[service.name]()
    assert start.when(message(left, DAY + timedelta(days=1))).state.departures == ()


@pytest.mark.parametrize("told", ["roster", "command"])
@pytest.mark.parametrize("drawn_first", [True, False])
def test_a_review_by_who_has_left_is_still_to_be_held(told: str, *, drawn_first: bool) -> None:
    left = {"left": day(12).isoformat()} if told == "roster" else {}
    work = _told(ALERT, _by_command(AwayWhy.LEFT, day(12))) if told == "command" else Counter()
    people: dict[str, Any] = {**PEOPLE, "s": {**THERE, **left}}
    start = kept_plan(**people)
    start = replace(start, reference=replace(start.reference, open_work=OpenWork(work, 1)))
    for on, open_ in ((day(11), False), (day(12), True)):
        said = [drawn(on=day(11)), scores(on)]
        after = start.when(*(said if drawn_first else said[::-1]))
        assert bool(after.state.reviews) is open_
