"""Stop events on a live plan: what is missed is recorded and not judged, and then the plan goes on."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from shared.contracts import desk, intake, offer
from shared.contracts.base import Reason
from shared.contracts.debts import DebtStatus
from shared.contracts.followup import (
    InstalmentMissed,
    PlanBroken,
    PromiseBroken,
    RenegotiationRequested,
    ReviewDue,
)
from shared.contracts.followup_care import BreachCured, BreachNoticed, PlanReopened
from shared.contracts.parties import StopCause
from shared.contracts.reasons import ReasonCode
from tests.unit.builders import (
    CASE,
    DAY,
    case_opened,
    cny,
    debt,
    message,
    paid,
    reference,
    signed,
    taken_back,
)
from tests.unit.followup.plans import FIRST, GRACE, ROWS, SECOND, THIRD, live, lives_to
from tests.unit.followup.test_found_withdrawn import amended, withdrawn
from tests.unit.spec import Given, given
from tests.unit.stopping import CAUSES, begins, halt, over

START = date(2026, 3, 20)
END = date(2026, 11, 2)


def of(step: Given, *kinds: type) -> list[type]:
    return [type(event) for event in step.said if isinstance(event, kinds)]


@pytest.mark.parametrize("cause", CAUSES)
def test_misses_are_recorded_and_never_break_a_stopped_plan(cause: StopCause) -> None:
    lived = lives_to(live().when(*begins(cause, START)), END)
    missed = [event for event in lived.said if isinstance(event, InstalmentMissed)]
    assert [event.number for event in missed] == [1, 2, 3]
    assert all(event.shielded for event in missed)
    assert of(lived, PlanBroken, BreachNoticed) == []
    assert of(lives_to(live(), END), PlanBroken) == [PlanBroken], "without the stop it breaks"


def stopped_over_its_end(cause: StopCause, **overrides: Any) -> Given:
    """Give a plan whose every instalment fell due in a stop, on the day on which that is over."""
    return lives_to(live(**overrides).when(*begins(cause, START)), END - timedelta(days=1)).when(*over(END))


def end_of_the_days(back: Given) -> date:
    """Give the day on which what is owed at the end of the plan is late too long: the days from the last
    instalment on count before the stop and after the talks, and that one fell due in the stop."""
    return back.state.plan.paused_until + timedelta(days=60)


@pytest.mark.parametrize("cause", CAUSES)
def test_afterwards_there_are_talks_and_what_was_missed_meanwhile_breaks_nothing_before_its_days(
    cause: StopCause,
) -> None:
    """Nothing came due afterwards, so nothing was ever late: unpaid, the plan was in force for good."""
    back = stopped_over_its_end(cause)
    assert back.emits(RenegotiationRequested)
    assert back.last(RenegotiationRequested).reasons[0].code is ReasonCode.STOP_ENDED
    late = end_of_the_days(back)
    quiet = lives_to(back, late - timedelta(days=1))
    assert of(quiet, PlanBroken, BreachNoticed) == []
    assert [event.as_of for event in lives_to(quiet, late).said if isinstance(event, PlanBroken)] == [late]


@pytest.mark.parametrize("ends_by", ["nothing", "talks"])
def test_what_is_left_at_the_end_is_noticed_and_can_be_put_right_before_it_breaks(ends_by: str) -> None:
    back = stopped_over_its_end(StopCause.BREATHING_SPACE, breach__notice_required=True)
    if ends_by == "talks":
        on = END + timedelta(days=10)
        step = Reason(code=ReasonCode.NEXT_HUMAN_REVIEW)
        why = Reason(code=ReasonCode.OFFER_REJECTED)
        failed = offer.TalksFailed(rounds=1, as_of=on, reason=why, next_step=step)
        back = lives_to(back, on - timedelta(days=1)).when(message(failed, on))
        assert back.state.plan.paused_until == on
    late = end_of_the_days(back)
    noticed = lives_to(back, late)
    assert of(noticed, PlanBroken) == []
    notice = noticed.last(BreachNoticed)
    assert (notice.as_of, [str(one) for one in notice.missing]) == (late, ["300.00"])
    assert notice.cure_by > late
    quiet = lives_to(noticed, notice.cure_by - timedelta(days=1))
    assert of(quiet, PlanBroken) == []
    assert of(lives_to(quiet, notice.cure_by), PlanBroken) == [PlanBroken]
    on = notice.cure_by - timedelta(days=1)
    kept = lives_to(noticed, on - timedelta(days=1)).when(message(paid("300.00", on), on))
    assert lives_to(kept, date(2028, 12, 1)).state.plan.completed, "who pays in time has kept it"


def test_while_an_instalment_is_to_come_it_shows_what_was_missed_before_it() -> None:
    """The money goes to the oldest, so whoever pays the last instalment alone has not paid it."""
    last = END + timedelta(days=200)
    rows = (*ROWS, (last, "100.00"))
    stopped = lives_to(live(*rows).when(*begins(StopCause.DISPUTE, START)), END - timedelta(days=1))
    back = stopped.when(*over(END)).when(message(paid("100.00", last), last))
    lived = lives_to(back, last + timedelta(days=59))
    assert of(lived, PlanBroken, BreachNoticed) == []
    assert of(lives_to(lived, last + timedelta(days=60)), PlanBroken) == [PlanBroken]


@pytest.mark.parametrize("later", [True, False])
def test_what_is_owed_in_a_currency_of_which_nothing_is_to_come_shows_at_the_end_of_the_plan(
    *, later: bool
) -> None:
    """Money of one currency pays no other: the later instalments are all kept, and the arrears stay."""
    last = END + timedelta(days=200) if later else THIRD
    rows = (*ROWS, (last, "50.00", "USD"))
    stopped = lives_to(live(*rows).when(*begins(StopCause.DISPUTE, START)), END - timedelta(days=1))
    back = stopped.when(*over(END)).when(message(paid("50.00", last, currency="USD"), last))
    late = last + timedelta(days=60) if later else end_of_the_days(back)
    quiet = lives_to(back, late - timedelta(days=1))
    assert of(quiet, PlanBroken) == []
    assert of(lives_to(quiet, late), PlanBroken) == [PlanBroken]


def test_a_payment_of_the_last_instalment_that_comes_back_in_a_stop_is_late_after_it() -> None:
    """Its new grace ended in the stop, so it was missed in it."""
    paid_up = lives_to(live().when(message(paid("300.00", FIRST, "p"), FIRST)), FIRST)
    assert paid_up.state.plan.completed
    back_on, ends = THIRD + timedelta(days=9), THIRD + timedelta(days=60)
    returned = paid_up.when(message(taken_back("200.00", FIRST, back_on), back_on))
    lived = lives_to(lives_to(returned, back_on).when(*begins(StopCause.DISPUTE, back_on)), ends)
    back = lived.when(*over(ends))
    assert of(back, RenegotiationRequested) == [RenegotiationRequested]
    quiet = lives_to(back, back.state.plan.paused_until + timedelta(days=1))
    assert of(quiet, PlanBroken) == []
    assert of(lives_to(quiet, date(2027, 12, 1)), PlanBroken) == [PlanBroken]


@pytest.mark.parametrize("in_it", [True, False])
def test_a_completed_plan_that_is_live_again_rests_in_a_stop_as_long_as_that_runs(*, in_it: bool) -> None:
    """It was noticed and broken in the stop; or, where that had ended first, in a stop without end."""
    pays, stops = message(paid("300.00", FIRST, "p"), FIRST), begins(StopCause.DISPUTE, FIRST)
    stopped = lives_to(live().when(*stops, pays), FIRST)
    if in_it:
        stopped = lives_to(
            lives_to(live().when(pays), FIRST).when(*begins(StopCause.DISPUTE, SECOND)), SECOND
        )
    assert stopped.state.plan.completed
    back_on, ends = THIRD + timedelta(days=9), THIRD + timedelta(days=150)
    returned = message(taken_back("200.00", FIRST, back_on if in_it else ends), back_on if in_it else ends)
    if in_it:
        meanwhile = lives_to(stopped.when(returned), ends - timedelta(days=1))
        assert of(meanwhile, PlanBroken, BreachNoticed, PlanReopened) == [PlanReopened]
        after = meanwhile.when(*over(ends))
    else:
        ended = stopped.when(*over(ends))
        assert ended.said == ()
        after = ended.when(returned)
    lived = lives_to(after, date(2028, 12, 1))
    assert of(lived, PlanBroken) == [PlanBroken]


@pytest.mark.parametrize("ended", [True, False])
def test_a_plan_that_comes_back_by_a_withdrawal_rests_in_the_stop_that_runs(*, ended: bool) -> None:
    """It was noticed, and broke, while the borrower was protected."""
    start = live(breach__notice_required=True)
    amended_on, gone = DAY + timedelta(days=4), DAY + timedelta(days=9)
    plan = lives_to(amended(lives_to(start, DAY + timedelta(days=3)), amended_on, days=30), amended_on)
    stopped = lives_to(plan.when(*begins(StopCause.BREATHING_SPACE, gone - timedelta(days=2))), gone)
    if ended:
        stopped = stopped.when(*over(gone))
    back = withdrawn(stopped, gone)
    assert back.state.plan.silent is not ended
    lived = lives_to(back, END - timedelta(days=1))
    assert of(lived, BreachNoticed, PlanBroken) == ([BreachNoticed, PlanBroken] if ended else [])
    if not ended:
        after = lived.when(*over(END))
        assert of(after, RenegotiationRequested) == [RenegotiationRequested]
        assert of(lives_to(after, date(2027, 12, 1)), BreachNoticed, PlanBroken) == [
            BreachNoticed,
            PlanBroken,
        ]


@pytest.mark.parametrize("cause", CAUSES)
def test_a_short_stop_leaves_a_plan_that_stands_as_it_was(cause: StopCause) -> None:
    back = live().when(*begins(cause, START)).when(*over(START + timedelta(days=2)))
    asked = [RenegotiationRequested] if not halt(cause).plan_stands else []
    assert [type(event) for event in back.said] == asked
    lived = lives_to(back, date(2027, 12, 1))
    assert of(lived, PlanBroken) == [PlanBroken], "what is missed afterwards counts again"
    first = next(event for event in lived.said if isinstance(event, InstalmentMissed))
    assert first.shielded is bool(asked)


@pytest.mark.parametrize("cause", CAUSES)
def test_a_notice_of_breach_is_void(cause: StopCause) -> None:
    noticed = live(breach__notice_required=True)
    while not of(noticed, BreachNoticed):
        noticed = lives_to(noticed, noticed.decider.due(noticed.state))
    at = noticed.state.plan.judged_to + timedelta(days=1)
    assert noticed.state.plan.cure_by > at
    stopped = lives_to(noticed.when(*begins(cause, at)), END)
    cured = [event for event in stopped.said if isinstance(event, BreachCured)]
    assert [event.reason.code for event in cured] == [ReasonCode.DEBT_STOPPED]
    assert of(stopped, PlanBroken) == []


@pytest.mark.parametrize("cause", CAUSES)
def test_where_contact_is_stopped_no_review_is_asked_for_until_it_is_over(cause: StopCause) -> None:
    lived = lives_to(live().when(*begins(cause, START)), date(2026, 6, 20))
    silent = "contact" in halt(cause).stops
    assert of(lived, ReviewDue) == ([] if silent else [ReviewDue])
    on = date(2026, 6, 21)
    assert of(lives_to(lived.when(*over(on)), on), ReviewDue) == ([ReviewDue] if silent else [])


@pytest.mark.parametrize("cause", CAUSES)
def test_a_promise_has_as_many_days_left_as_it_had(cause: StopCause) -> None:
    start = given(live().decider, reference()).when(message(case_opened()))
    promise = desk.PromiseMade(promise_id="p", amount=cny("100.00"), due=START)
    promised = start.when(message(promise))
    until = promised.state.promises[0].until
    stopped = promised.when(*begins(cause, DAY + timedelta(days=1)))
    assert stopped.closes(until + timedelta(days=90)).said == ()
    back = stopped.when(*over(DAY + timedelta(days=101)))
    assert back.closes(until + timedelta(days=99)).said == ()
    assert back.closes(until + timedelta(days=100)).emits(PromiseBroken)


def test_a_hardship_told_meanwhile_is_talked_about_afterwards() -> None:
    report = desk.HardshipReported(cause=desk.HardshipCause.JOB_LOSS, since=START)
    stopped = live().when(*begins(StopCause.BREATHING_SPACE, START)).when(message(report, START))
    assert of(stopped, RenegotiationRequested) == []
    assert of(stopped.when(*over(START + timedelta(days=3))), RenegotiationRequested) != []


def test_what_was_missed_before_the_stop_is_judged_again_after_the_talks() -> None:
    before = lives_to(live(), GRACE)
    assert of(before, InstalmentMissed) == [InstalmentMissed]
    stopped = lives_to(before.when(*begins(StopCause.DISPUTE, GRACE + timedelta(days=1))), THIRD)
    assert of(stopped, PlanBroken) == []
    lived = lives_to(stopped.when(*over(THIRD)), date(2027, 12, 1))
    assert of(lived, PlanBroken) == [PlanBroken]


def test_money_that_comes_meanwhile_is_counted() -> None:
    stopped = live().when(*begins(StopCause.DEATH, START)).when(message(paid("300.00", FIRST), FIRST))
    lived = lives_to(stopped, SECOND)
    assert lived.state.plan.completed


def test_a_new_version_of_the_same_stop_begins_no_second_one() -> None:
    stopped = live().when(*begins(StopCause.DEATH, START)).when(*begins(StopCause.INSOLVENCY, SECOND))
    assert len(stopped.state.plan.stops) == 1
    assert stopped.state.case == CASE
    assert signed(*ROWS).agreement_id == stopped.state.plan.agreement_id


# --- sold


def sells(on: date, *debts: tuple[str, DebtStatus]) -> Any:
    held = tuple(debt(debt_id, status=status) for debt_id, status in debts)
    return message(intake.CaseChanged(as_of=on, debts=held), on)


SOLD, ACTIVE = DebtStatus.SOLD, DebtStatus.ACTIVE


def test_a_plan_that_was_sold_is_paid_to_the_buyer_and_breaks_by_nothing_that_is_missing_here() -> None:
    lived = lives_to(live().when(sells(START, ("A-1", SOLD))), END)
    missed = [event for event in lived.said if isinstance(event, InstalmentMissed)]
    assert all(event.shielded for event in missed)
    assert of(lived, PlanBroken, BreachNoticed, ReviewDue, RenegotiationRequested) == []
    assert lived.when(sells(END, ("A-1", SOLD))).state.plan.stops == lived.state.plan.stops, "once"


def test_another_stop_that_ends_does_not_begin_a_sold_plan_again() -> None:
    sold = live().when(sells(START, ("A-1", SOLD))).when(*begins(StopCause.BREATHING_SPACE, SECOND))
    sold = sold.when(sells(SECOND, ("A-1", SOLD)))
    ended = sold.when(message(intake.StopsChanged(as_of=THIRD, stops=()), THIRD))
    assert of(ended, RenegotiationRequested) == []
    assert of(lives_to(ended, END), PlanBroken, BreachNoticed, ReviewDue) == []


def test_money_for_a_sold_plan_that_still_arrives_here_is_counted() -> None:
    sold = live().when(sells(START, ("A-1", SOLD))).when(message(paid("300.00", FIRST), FIRST))
    assert lives_to(sold, SECOND).state.plan.completed


def test_a_plan_of_which_a_part_was_sold_is_judged_as_before() -> None:
    two = live().when(sells(START, ("A-1", ACTIVE), ("A-2", SOLD)))
    assert of(lives_to(two, END), PlanBroken) == [PlanBroken]


@pytest.mark.parametrize("counts", [True, False])
def test_the_plan_before_an_amendment_waits_as_long_as_it_may_be_withdrawn_from(counts: bool) -> None:
    """The days to withdraw stand still in a stop, where the pack says so; that plan is kept for them."""
    until = START + timedelta(days=10)
    again = signed(*ROWS, version=2).model_copy(update={"may_withdraw": True, "withdraw_until": until})
    amended = live(cooling_off__stands_still_when_stopped=not counts).when(message(again, DAY))
    (kept,) = amended.state.earlier
    assert kept.until == until
    stopped = amended.when(*begins(StopCause.DEATH, START))
    meanwhile = lives_to(stopped, until + timedelta(days=5))
    assert [one.plan.version for one in meanwhile.state.earlier] == [1], "kept while the case is stopped"
    back = meanwhile.when(*over(until + timedelta(days=6)))
    assert back.state.earlier[0].until == (until if counts else until + timedelta(days=16))
    late = lives_to(back, until + timedelta(days=60))
    assert late.state.earlier == ()
