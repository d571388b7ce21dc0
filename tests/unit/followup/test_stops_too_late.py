"""A stop that is told when the plan was broken, or the case referred, on days that it turns out to hold."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from services.followup.model import FollowupStatus
from shared.contracts.alert import ComplaintClosed
from shared.contracts.base import Event
from shared.contracts.followup import InputRefused, PlanBroken, RenegotiationRequested
from shared.contracts.followup_care import (
    LegalReferralHeld,
    LegalReferralMade,
    LegalReferralResumed,
    ProblemOpened,
)
from shared.contracts.intake import CaseChanged
from shared.contracts.parties import StopCause
from shared.contracts.reasons import ReasonCode
from tests.unit.builders import DAY, debt, message, paid
from tests.unit.followup.plans import SECOND, THIRD, by_evening, live, lives_to
from tests.unit.followup.test_referral import ASKED, COMPLAINT, LIMITATION, case, lapsed
from tests.unit.spec import Given
from tests.unit.stopping import begins, over

CRISIS = StopCause.CRISIS_BREATHING_SPACE
ABOUT = "plan_broken_in_a_stop"
TOLD = SECOND + timedelta(days=10)
ENDS = SECOND + timedelta(days=20)


def broken() -> tuple[Given, PlanBroken]:
    """Give a case whose plan broke, and in which something was paid since: that is not undone by itself."""
    lived = lives_to(live(), TOLD - timedelta(days=1))
    broke = next(event for event in lived.said if isinstance(event, PlanBroken))
    on = broke.as_of + timedelta(days=1)
    return lived.when(message(paid("10.00", on), on)), broke


def says(step: Given, kind: type[Event]) -> bool:
    return any(isinstance(event, kind) for event in step.said)


def opened(step: Given) -> list[str]:
    return [event.about for event in step.said if isinstance(event, ProblemOpened)]


@pytest.mark.parametrize(("after_it_broke", "too_late"), [(-20, True), (0, True), (1, False)])
def test_a_plan_broken_in_a_stop_told_later_is_somebody_s_and_talks_begin_after_the_stop(
    after_it_broke: int, *, too_late: bool
) -> None:
    """The borrower was in a crisis when it broke: nobody looked at it, and no talks began afterwards."""
    lived, broke = broken()
    since = broke.as_of + timedelta(days=after_it_broke)
    stopped = by_evening(lived, TOLD, *begins(CRISIS, TOLD, since=since))
    assert opened(stopped) == [ABOUT] * too_late
    if too_late:
        assert stopped.last(ProblemOpened).due > TOLD
    assert stopped.state.status is FollowupStatus.BROKEN, "the bank was told"
    ended = stopped.when(*over(ENDS))
    asked = [event for event in ended.said if isinstance(event, RenegotiationRequested)]
    talks = [(broke.agreement_id, ENDS, ReasonCode.STOP_ENDED)] * too_late
    assert [(event.agreement_id, event.as_of, event.reasons[0].code) for event in asked] == talks
    again = ended.when(*begins(CRISIS, THIRD))
    assert (again.said, again.when(*over(THIRD + timedelta(days=9))).said) == ((), ()), (
        "of that stop it is not"
    )


def test_it_is_noticed_once_and_also_when_only_the_second_stop_had_begun_before() -> None:
    lived, broke = broken()
    first = lived.when(*begins(CRISIS, TOLD, since=broke.as_of + timedelta(days=1)))
    assert opened(first) == []
    second = by_evening(first, TOLD, *begins(StopCause.DEATH, TOLD, since=broke.as_of - timedelta(days=1)))
    assert opened(second) == [ABOUT]
    again = begins(StopCause.DEATH, TOLD, since=broke.as_of - timedelta(days=2))
    assert opened(by_evening(second, TOLD, *again)) == []


def referred(override: Event | None = None) -> Given:
    after = case().when(message(lapsed()), message(override or ASKED, MADE))
    assert after.emits(LegalReferralMade)
    return after


MADE = DAY + timedelta(days=5)
STOP_TOLD = MADE + timedelta(days=9)
FREE = MADE + timedelta(days=40)


def free(step: Given) -> Given:
    return step.when(*over(FREE), message(CaseChanged(as_of=FREE, debts=(debt(days=190, as_of=FREE),)), FREE))


def asks(step: Given, on: date) -> Given:
    return step.when(message(ASKED, on))


@pytest.mark.parametrize(
    ("since", "held"), [(DAY - timedelta(days=1), True), (MADE, True), (STOP_TOLD, False)]
)
def test_a_referral_made_in_a_stop_told_later_is_held_and_the_bank_hears_so(
    since: date, *, held: bool
) -> None:
    """The stop alone held enforcement; with its end the case went on to court on talks with nobody."""
    stopped = referred().when(*begins(CRISIS, STOP_TOLD, since=since))
    assert says(stopped, LegalReferralHeld) is held
    if not held:
        return
    told = stopped.last(LegalReferralHeld)
    assert (told.reason.code, told.as_of) == (ReasonCode.LEGAL_STOPPED, STOP_TOLD)
    assert told.answer_by > STOP_TOLD
    after = free(stopped)
    assert not says(after, LegalReferralResumed), "the end of the stop is no ground"
    asked = asks(after, FREE + timedelta(days=1))
    if since < DAY:  # nothing is left of the talks
        assert asked.last(InputRefused).reason.code is ReasonCode.LEGAL_TALKS_FIRST
        asked = asks(asked.when(message(lapsed(FREE), FREE)), FREE + timedelta(days=2))
    made, resumed = asked.said
    assert isinstance(made, LegalReferralMade)
    assert isinstance(resumed, LegalReferralResumed)
    assert resumed.instruction_id != told.instruction_id
    assert asks(asked, FREE + timedelta(days=3)).said == (), "once is enough"


@pytest.mark.parametrize("complains_first", [True, False])
def test_the_answer_to_a_complaint_lets_no_such_referral_go_on(*, complains_first: bool) -> None:
    complains = message(COMPLAINT, MADE + timedelta(days=1))
    before = referred().when(complains) if complains_first else referred()
    stopped = before.when(*begins(CRISIS, STOP_TOLD, since=MADE))
    assert says(stopped, LegalReferralHeld) is not complains_first, "it is held, once"
    both = stopped if complains_first else stopped.when(complains)
    final = ComplaintClosed(complaint_id="c-1", by="s-1", as_of=FREE, days=0, in_time=True)
    answered = free(both).when(message(final, FREE))
    assert not says(answered, LegalReferralResumed)
    assert [type(event) for event in asks(answered, FREE + timedelta(days=1)).said] == [
        LegalReferralMade, LegalReferralResumed,
    ]  # fmt: skip


def test_what_a_supervisor_has_overridden_waits_for_nothing_and_overriding_ends_the_hold() -> None:
    late = begins(CRISIS, STOP_TOLD, since=MADE)
    assert referred(LIMITATION).when(*late).said == ()
    held = free(referred().when(*late)).when(message(LIMITATION, FREE + timedelta(days=1)))
    assert held.last(LegalReferralMade).overridden
    assert says(held, LegalReferralResumed)
