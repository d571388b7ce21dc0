"""Whether a plan stands again is known at the close of the day: what else came on it is read in any order."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from itertools import permutations
from typing import Any

import pytest

from services.followup.model import FollowupStatus
from shared.contracts import desk_parties, followup, followup_care
from shared.contracts.agreement import BankInstructed
from shared.contracts.desk_care import LegalReferralAsked
from shared.contracts.envelope import Envelope
from shared.contracts.intake import CaseClosed, CloseReason, StopsChanged
from shared.contracts.parties import StopCause
from shared.contracts.reasons import ReasonCode
from shared.lending.money import Money
from tests.unit.builders import message, paid
from tests.unit.followup.plans import by_evening, lives_to
from tests.unit.followup.test_reinstated import left_to_a_person, offer_withdrawn, refused, says
from tests.unit.followup.test_stands_again import CRISIS, TOLD, broken, plan_broken, tabled
from tests.unit.followup.test_stands_again_debts import with_two_debts
from tests.unit.followup.test_stops_over import past
from tests.unit.intake.bank_says import day, lifted, sold, stopped
from tests.unit.intake.bank_says import paid as bank_paid
from tests.unit.spec import Given
from tests.unit.stopping import begins, over

ABOUT = "plan_broken_in_a_stop"
PAID = message(paid("10.00", TOLD), TOLD)


def stop_of(since: date, kind: str) -> list[Envelope[Any]]:
    if kind == "over":
        return [past(since - timedelta(days=30), TOLD - timedelta(days=1), TOLD)]
    return begins(CRISIS, TOLD, since=since)


def opened(step: Given) -> list[str]:
    return [one.about for one in step.said if isinstance(one, followup_care.ProblemOpened)]


@pytest.mark.parametrize("kind", ["running", "over"])
@pytest.mark.parametrize("money_first", [True, False])
def test_a_payment_of_that_day_leaves_it_to_a_person_in_either_order(kind: str, *, money_first: bool) -> None:
    """Read after the stop it was taken for the plan's, though intake had put it where it goes without one."""
    lived, broke = broken()
    stop = stop_of(broke, kind)
    told = by_evening(lived, TOLD, *([PAID, *stop] if money_first else [*stop, PAID]))
    assert told.state.status is FollowupStatus.BROKEN
    assert opened(told) == [ABOUT]
    assert not [one for one in told.said if isinstance(one, followup_care.PlanReopened)]
    assert by_evening(lived, TOLD, *stop).state.status is FollowupStatus.LIVE, "without it, it stands"


def test_an_offer_that_the_stop_has_taken_away_by_the_evening_is_nothing_built_on_its_end() -> None:
    _, broke = broken()
    step, _ = broken(tabled(broke + timedelta(days=1)))
    stop = begins(CRISIS, TOLD, since=broke)
    for order in ([*stop, offer_withdrawn()], [offer_withdrawn(), *stop]):
        assert by_evening(step, TOLD, *order).state.status is FollowupStatus.LIVE


def test_in_the_order_of_a_day_in_which_the_stop_ends_it_is_talked_about_once() -> None:
    lived, broke = broken()
    for kinds in (begins(CRISIS, TOLD, since=broke), [past(broke, TOLD, TOLD)]):
        ended = by_evening(lived, TOLD, *kinds, *(over(TOLD) if len(kinds) > 1 else []))
        assert ended.state.status is FollowupStatus.LIVE
        assert [type(one) for one in ended.said].count(followup.RenegotiationRequested) == 1
        assert ended.state.plan.stops[-1].until == TOLD
        assert not ended.state.plan.silent
        later_on = lives_to(ended, TOLD + timedelta(days=20))
        assert later_on.state.status is FollowupStatus.LIVE


@pytest.mark.parametrize("earlier_first", [True, False])
def test_what_was_missed_in_the_first_of_two_stops_is_talked_about(*, earlier_first: bool) -> None:
    """Where the one that began last was told first, only its days were looked at."""
    lived, broke = broken()
    first = begins(StopCause.DISPUTE, TOLD, since=broke - timedelta(days=60))
    both = (
        [first, begins(CRISIS, TOLD, since=broke)]
        if earlier_first
        else [begins(CRISIS, TOLD, since=broke), first]
    )
    ended = by_evening(lived, TOLD, *both[0], *both[1], *over(TOLD))
    assert ended.emits(followup_care.PlanReopened, followup.RenegotiationRequested)


def test_nor_may_it_go_to_court_meanwhile() -> None:
    lived, broke = broken()
    stop = past(broke, TOLD - timedelta(days=1), TOLD)
    asked = lived.when(stop, message(LegalReferralAsked(by="n-1", role="negotiator"), TOLD))
    assert asked.last(followup.InputRefused).reason.code is ReasonCode.LEGAL_STOPPED


def test_told_at_the_desk_it_is_known_with_the_next_evening() -> None:
    """What intake says of a stop that the desk tells may come before the close of that day, or after it."""
    lived, broke = broken()
    tells = desk_parties.StopReported(stop_id="S-1", cause=CRISIS, since=broke, told_by="n-1")
    stop = begins(CRISIS, TOLD, since=broke)
    early = lived.when(message(tells, TOLD), *stop).closes(TOLD)
    late = lived.when(message(tells, TOLD)).closes(TOLD).when(*stop)
    assert early.state == late.state
    next_day = TOLD + timedelta(days=1)
    known = early.closes(next_day)
    assert known.state.status is FollowupStatus.LIVE
    assert known.last(followup_care.PlanReopened).as_of == next_day


def test_where_the_case_ends_before_the_evening_a_person_sees_what_is_made_good() -> None:
    lived, broke = broken()
    ended = lived.when(*begins(CRISIS, TOLD, since=broke), closed(CloseReason.CURED))
    assert opened(ended) == [ABOUT]
    assert [one.about for one in ended.state.problems] == [ABOUT]


def closed(reason: CloseReason) -> Envelope[Any]:
    return message(CaseClosed(as_of=TOLD, reason=reason), TOLD)


@pytest.mark.parametrize("reason", list(CloseReason))
def test_no_end_of_the_case_makes_good_what_the_breach_took(reason: CloseReason) -> None:
    """It was called solved, and nobody heard of it again: who has paid has paid what had come back, too."""
    left = left_to_a_person()
    (problem,) = left.state.problems
    ended = left.when(closed(reason))
    assert not [one for one in ended.said if isinstance(one, followup_care.ProblemResolved)]
    late = ended.closes(problem.due)
    assert late.last(followup_care.ProblemOverdue).problem_id == problem.problem_id
    assert refused(ended, says("agreement-1", TOLD)) is ReasonCode.CASE_CLOSED


# --- a supervisor's word


def test_what_is_built_on_its_end_after_the_word_and_before_the_evening_is_heard() -> None:
    free = left_to_a_person().when(offer_withdrawn())
    word = says(free.state.plan.agreement_id, TOLD)
    told = by_evening(free, TOLD, word, PAID)
    assert told.state.status is FollowupStatus.BROKEN
    assert told.last(followup.InputRefused).reason.code is ReasonCode.PLAN_END_BUILT_ON
    assert refused(free.when(PAID), word) is ReasonCode.PLAN_END_BUILT_ON


@pytest.mark.parametrize("dated", [-90, -1, 0])
def test_a_word_dated_before_the_breach_is_of_a_day_after_it(dated: int) -> None:
    """An end of the same day, heard later by another topic, would have ended the plan once more."""
    free = left_to_a_person().when(offer_withdrawn())
    ended_on = free.state.plan.ended_on
    again = by_evening(free, TOLD, says(free.state.plan.agreement_id, ended_on + timedelta(days=dated)))
    said = again.last(followup_care.PlanReopened)
    assert said.as_of > ended_on


def test_a_word_dated_ahead_waits_for_its_day() -> None:
    free = left_to_a_person().when(offer_withdrawn())
    ahead = TOLD + timedelta(days=5)
    waits = free.when(says(free.state.plan.agreement_id, ahead)).closes(TOLD)
    assert waits.state.status is FollowupStatus.BROKEN
    assert waits.closes(ahead).state.status is FollowupStatus.LIVE


def test_two_words_of_one_day_have_it_stand_once() -> None:
    free = left_to_a_person().when(offer_withdrawn())
    plan = free.state.plan.agreement_id
    told = by_evening(free, TOLD, says(plan, TOLD), says(plan, TOLD))
    assert [type(one) for one in told.said].count(followup_care.PlanReopened) == 1
    assert told.last(followup.InputRefused).reason.code is ReasonCode.PROBLEM_UNKNOWN


def test_broken_again_a_stop_of_one_debt_that_is_told_then_is_somebody_s_again() -> None:
    """That somebody knew of the first breach was held to be known of the second."""
    lived, broke = broken()
    part = begins(CRISIS, TOLD, since=broke)[1]
    left = lived.when(replace(part, data=part.data.model_copy(update={"halt": None})))
    assert opened(left) == [ABOUT]
    again = by_evening(left, TOLD, says(left.state.plan.agreement_id, TOLD))
    twice = lives_to(again, TOLD + timedelta(days=400))
    ended = [one for one in twice.said if isinstance(one, followup.PlanBroken)][-1].as_of
    on = TOLD + timedelta(days=400)
    stops = tuple(one.model_copy(update={"since": ended, "stop_id": "S-2"}) for one in part.data.stops)
    told = twice.when(message(StopsChanged(as_of=on, stops=stops), on))
    assert opened(told) == [ABOUT]


# --- over all services


@pytest.mark.parametrize("pack", ["cn-card", "uk-unsecured"])
def test_the_books_and_the_bank_do_not_depend_on_the_order_of_a_day(pack: str) -> None:
    there, _, n = plan_broken(pack)
    there.lives_to(day(n))
    said = stopped(CRISIS, n + 1)
    stop = replace(said, data=said.data.model_copy(update={"since": day(n - 10)}))
    currency = there.state("followup").plan.lines[0].total.currency
    found = []
    for told in permutations((stop, bank_paid(Money(10000, currency), n + 1, account="A-1"), lifted(n + 1))):
        lived = there.branch().hears(*told).lives_to(day(n + 3))
        followed = lived.state("followup")
        found.append(
            (
                followed.status,
                [one.about for one in followed.problems],
                [(one.kind, one.collection) for one in lived.all(BankInstructed)],
                [(debt.debt_id, debt.outstanding) for debt in lived.state("intake").of_case],
            )
        )
    assert all(one == found[0] for one in found)
    assert found[0][0] is FollowupStatus.BROKEN


@pytest.mark.parametrize("of_one_first", [True, False])
def test_a_stop_of_one_debt_is_looked_at_also_where_all_are_stopped_since(*, of_one_first: bool) -> None:
    """Told after one that had begun after the breach and halts the case, it was nobody's."""
    known, n = with_two_debts("uk-unsecured")
    there = known.branch().lives_to(day(n))
    told = [late_stop(n + 1, n - 20, "S-2", "A-2"), late_stop(n + 1, n + 1, "S-1")]
    there.hears(*(told if of_one_first else reversed(told))).lives_to(day(n + 1))
    assert [one.about for one in there.state("followup").problems] == [ABOUT]


def late_stop(n: int, since: int, stop: str, *accounts: str) -> Envelope[Any]:
    said = stopped(StopCause.DISPUTE, n, *accounts, stop=stop)
    return replace(said, data=said.data.model_copy(update={"since": day(since)}))


def test_what_was_sold_with_the_end_of_the_case_is_the_buyer_s_whichever_is_read_first() -> None:
    there, _, n = plan_broken("cn-card")
    there.lives_to(day(n))
    for told in permutations((late_stop(n + 1, n - 10, "S-1"), sold(n + 1))):
        ended = there.branch().hears(*told).lives_to(day(n + 1))
        assert ended.state("followup").status is FollowupStatus.CLOSED
        assert ended.state("followup").problems == ()
