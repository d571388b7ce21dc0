"""What stands still in a stop, also in the days of it before it was told."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from services.followup.model import Pause
from services.followup.rules import too_late_on
from shared.contracts import desk, offer
from shared.contracts.agreement import DebtRate
from shared.contracts.base import Reason
from shared.contracts.debts import DebtSchedule, ScheduleRow
from shared.contracts.followup import InputRefused, InstalmentMissed, PlanBroken, PromiseBroken
from shared.contracts.followup_care import BreachNoticed, LegalReferralMade, ProblemOpened
from shared.contracts.intake import CaseChanged
from shared.contracts.parties import StopCause
from shared.contracts.reasons import ReasonCode
from tests.unit.builders import DAY, cny, debt, message, paid, signed
from tests.unit.followup.plans import FIRST, GRACE, SECOND, THIRD, live, lives_to
from tests.unit.followup.test_referral import ASKED, TEN, call, case
from tests.unit.spec import Given
from tests.unit.stopping import CAUSES, begins, halt, over

BREATHING = StopCause.BREATHING_SPACE
FAR = date(2027, 12, 1)


def broken_on(step: Given) -> date | None:
    return next((event.as_of for event in step.said if isinstance(event, PlanBroken)), None)


@pytest.mark.parametrize("begins_after", [1, 20, 50])
def test_the_days_after_which_a_miss_breaks_a_plan_do_not_run_in_a_stop(begins_after: int) -> None:
    """An instalment was missed before a stop; its sixty days ran out while the borrower was protected."""
    rules: dict[str, Any] = {"followup__breach_missed_in_a_row": 9}
    rows = ((FIRST, "100.00"), (date(2027, 4, 1), "100.00"))
    calm = lives_to(live(*rows, **rules), FAR)
    breaks = broken_on(calm)
    assert breaks is not None
    start, lasts = GRACE + timedelta(days=begins_after), 70
    assert start < breaks
    before = lives_to(live(*rows, **rules), start - timedelta(days=1))
    stopped = lives_to(before.when(*begins(BREATHING, start)), start + timedelta(days=lasts - 1))
    assert broken_on(stopped) is None
    back = lives_to(stopped.when(*over(start + timedelta(days=lasts))), FAR)
    assert broken_on(back) == breaks + timedelta(days=lasts + 1), "as many days were left as before"


@pytest.mark.parametrize(
    ("stops", "days"),
    [
        ((), 0),
        (((5, 9),), 5),
        (((-5, 0),), 0),  # before it was due
        (((-5, 3),), 3),
        (((5, 9), (12, 12)), 6),
        (((61, 70),), 0),  # it was too late by then
        (((60, 69),), 10),
        (((55, 64), (70, 70), (90, 95)), 11),
    ],
)
def test_each_day_of_a_stop_is_one_day_more(stops: tuple[tuple[int, int], ...], days: int) -> None:
    line = live().state.plan.lines[0]
    on = [Pause(since=line.due + timedelta(days=a), until=line.due + timedelta(days=b)) for a, b in stops]
    assert line.breach_on == line.due + timedelta(days=60)
    assert too_late_on(line, on) == line.breach_on + timedelta(days=days)
    assert too_late_on(line, [*on, Pause(since=line.due, until=date.max)]) == date.max


def test_the_protection_of_a_hardship_has_as_many_days_left_as_it_had() -> None:
    """A stop in which nothing fell due used the days up in which misses break nothing."""
    rules: dict[str, Any] = {"breach__hardship_shield_days": 40, "followup__breach_missed_in_a_row": 1}
    report = desk.HardshipReported(cause=desk.HardshipCause.JOB_LOSS, since=DAY)
    told = DAY + timedelta(days=1)
    reported = live(**rules).when(message(report, told))
    until = reported.state.plan.paused_until
    assert until == told + timedelta(days=40)
    start = told + timedelta(days=5)
    back = reported.when(*begins(BREATHING, start)).when(*over(start + timedelta(days=8)))
    assert back.state.plan.paused_until == until + timedelta(days=8)
    talked_out = reported.when(*begins(BREATHING, until + timedelta(days=1)))
    assert talked_out.when(*over(until + timedelta(days=3))).state.plan.paused_until == until


def test_talks_that_ended_in_a_stop_protect_no_longer() -> None:
    report = desk.HardshipReported(cause=desk.HardshipCause.JOB_LOSS, since=DAY)
    told = DAY + timedelta(days=1)
    step = Reason(code=ReasonCode.NEXT_HUMAN_REVIEW)
    none = offer.TalksFailed(
        rounds=1, as_of=told, reason=Reason(code=ReasonCode.OFFER_REJECTED), next_step=step
    )
    reported = live().when(message(report, told)).when(*begins(BREATHING, told + timedelta(days=1)))
    ended = told + timedelta(days=2)
    back = reported.when(message(none, ended)).when(*over(ended + timedelta(days=3)))
    assert back.state.plan.paused_until == ended


# --- told later than it began


def test_what_was_missed_before_a_stop_was_told_is_no_breach_where_it_had_begun() -> None:
    """Somebody died, or was in a crisis, and the desk heard of it two instalments later."""
    lived = lives_to(live(breach__notice_required=True), SECOND + timedelta(days=9))
    assert [type(event) for event in lived.said if isinstance(event, InstalmentMissed | BreachNoticed)] == [
        InstalmentMissed, InstalmentMissed, BreachNoticed,
    ]  # fmt: skip
    told, ends = SECOND + timedelta(days=10), SECOND + timedelta(days=20)
    late = lives_to(lived.when(*begins(BREATHING, told, since=FIRST)), ends - timedelta(days=1)).when(
        *over(ends)
    )
    assert late.state.plan.stops == (Pause(since=FIRST, until=ends),)
    assert [type(event) for event in lives_to(late, THIRD).said
            if isinstance(event, BreachNoticed | PlanBroken)] == []  # fmt: skip
    in_time = lives_to(lived.when(*begins(BREATHING, told)), ends - timedelta(days=1)).when(*over(ends))
    again = lives_to(in_time, THIRD)
    assert [e.cure_by > ends for e in again.said if isinstance(e, BreachNoticed)] == [True], (
        "it had not begun then"
    )


def test_a_second_stop_that_had_begun_before_the_first_makes_it_longer() -> None:
    first = live().when(*begins(BREATHING, SECOND))
    both = first.when(*begins(StopCause.DEATH, SECOND + timedelta(days=3), since=FIRST))
    assert [stop.since for stop in both.state.plan.stops] == [FIRST]
    after = both.when(*over(THIRD)).when(*begins(StopCause.DEATH, THIRD + timedelta(days=9), since=FIRST))
    assert [stop.since for stop in after.state.plan.stops] == [FIRST, THIRD + timedelta(days=1)], (
        "no day twice"
    )


def test_a_promise_that_was_broken_in_a_stop_told_later_is_open_again() -> None:
    promise = desk.PromiseMade(promise_id="p", amount=cny("100.00"), due=FIRST)
    promised = live().when(message(promise))
    until = promised.state.promises[0].until
    broken = promised.closes(until)
    assert broken.last(PromiseBroken).broken_in_all == 1
    told, ends = until + timedelta(days=10), until + timedelta(days=30)
    since = until - timedelta(days=2)
    stopped = broken.when(*begins(BREATHING, told, since=since))
    assert stopped.state.promises_broken == 0
    back = stopped.closes(told + timedelta(days=1)).when(*over(ends))
    left = ends + timedelta(days=2)
    assert back.closes(left - timedelta(days=1)).said == ()
    again = back.closes(left).last(PromiseBroken)
    assert again.broken_in_all == 1


@pytest.mark.parametrize("talks", [True, False])
def test_what_led_nowhere_while_nobody_could_answer_is_no_ground_for_court(*, talks: bool) -> None:
    end = TEN[-1]
    step = Reason(code=ReasonCode.NEXT_HUMAN_REVIEW)
    lapsed = offer.OfferLapsed(offer_id="o", round=1, as_of=end, next_step=step)
    tried = case().when(message(lapsed, end)) if talks else case().when(*(call(on) for on in TEN))
    told, ask = end + timedelta(days=5), end + timedelta(days=30)
    free = message(CaseChanged(as_of=ask, debts=(debt(days=190, as_of=ask),)), ask)
    for since, allowed in ((told, True), (TEN[3], False)):
        back = tried.when(*begins(StopCause.LOST_CAPACITY, told, since=since)).when(*over(ask), free)
        asked = back.when(message(ASKED, ask + timedelta(days=1)))
        assert asked.emits(LegalReferralMade) is allowed
        assert allowed or asked.last(InputRefused).reason.code is ReasonCode.LEGAL_TALKS_FIRST


# --- interest


def bearing(rate: int) -> Given:
    """A plan of three instalments of which a part is interest, where there is a rate."""
    rows = tuple(
        ScheduleRow(number=n + 1, due=due, principal=cny("90.00"), interest=cny("10.00"), fees=cny("0.00"),
                    late_charges=cny("0.00"), total=cny("100.00"), balance=cny("1000.00"))
        for n, due in enumerate((FIRST, SECOND, THIRD))
    )  # fmt: skip
    rates = (DebtRate(debt_id="A-1", annual_rate_pct=Decimal(rate)),)
    data = signed((FIRST, "100.00"), (SECOND, "100.00"), (THIRD, "100.00"))
    schedules = (DebtSchedule(debt_id="A-1", rows=rows),)
    start = live().when(
        message(data.model_copy(update={"schedules": schedules, "rates": rates, "version": 2}))
    )
    return start.when(message(paid("100.00", FIRST), FIRST))


@pytest.mark.parametrize("cause", CAUSES)
@pytest.mark.parametrize("rate", [0, 12])
def test_interest_of_a_stop_that_lets_none_run_is_somebody_s_to_take_out(cause: StopCause, rate: int) -> None:
    """Who went on paying paid it: the bank had none added, and the instalments had been signed with it."""
    start, ends = DAY + timedelta(days=2), SECOND - timedelta(days=1)
    stopped = lives_to(bearing(rate).when(*begins(cause, start)), ends - timedelta(days=1))
    opened = [event for event in stopped.when(*over(ends)).said if isinstance(event, ProblemOpened)]
    rests = rate > 0 and "interest" in halt(cause).stops
    assert [event.about for event in opened] == (["interest_of_a_stop_in_instalments"] if rests else [])
    again = lives_to(stopped.when(*over(ends)), ends).when(*begins(BREATHING, SECOND)).when(*over(THIRD))
    assert not any(isinstance(event, ProblemOpened) for event in again.said), "that one let it run"
    same_day = bearing(rate).when(*begins(cause, start)).when(*over(start))
    assert not any(isinstance(event, ProblemOpened) for event in same_day.said)
