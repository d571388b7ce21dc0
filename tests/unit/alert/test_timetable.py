"""The timetable of a case: what is reminded of, overdue and done, in business days of the jurisdiction.

Every test says that the order in which one day's facts arrive changes nothing: they come by several topics.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import permutations
from typing import Any

import pytest

from services.alert.decide import AlertDecider
from services.alert.model import AlertState
from services.intake.decide import IntakeDecider
from shared.contracts import agreement, desk, desk_parties, followup, followup_care, intake, offer
from shared.contracts.alert import AlertKind, AlertRaised, AlertResolved, RemedyStarted
from shared.contracts.alert_steps import StepCaughtUp, StepOverdue, StepReminded
from shared.contracts.base import Event, Personal, Reason
from shared.contracts.envelope import Envelope
from shared.contracts.intake_team import ConductChanged
from shared.contracts.parties import CaseHalt, StopCause
from shared.contracts.reasons import ReasonCode
from shared.policy.testing import example_pack
from tests.unit.builders import DAY, assessed, cny, message, reference, signed
from tests.unit.intake.bank_says import cured, day, overdue
from tests.unit.intake.team import roster
from tests.unit.spec import Given, given

# Monday 2 March 2026: the first contact is due on Wednesday the 4th, the statement on Monday the 16th.
CONTACT_DUE, STATEMENT_DUE = date(2026, 3, 4), date(2026, 3, 16)
REASON = Reason(code=ReasonCode.NO_CASE)
OF_STEPS = (StepReminded, StepOverdue, StepCaughtUp)


def intake_says(*messages: Envelope[Any], people: dict[str, Any] | None = None) -> list[Envelope[Any]]:
    """What intake says of a case that is opened, and of what comes after."""
    step = given(IntakeDecider(), reference(roster=roster(**(people or {"a": {}}))))
    said = []
    for one in (overdue(), *messages):
        step = step.when(one)
        said += [message(event, one.day) for event in step.said]
    return said


def opened(*, packs: Sequence[Any] = (), **people: dict[str, Any]) -> Given:
    ref = reference(*packs, roster=roster(**(people or {"a": {}})))
    return given(AlertDecider(), ref).when(*intake_says(people=people))


def lives(now: Given, first: date, last: date) -> tuple[Given, list[tuple[date, Event]]]:
    """Close every day; give what is said of steps, by day."""
    said: list[tuple[date, Event]] = []
    for n in range((last - first).days + 1):
        now = now.closes(first + timedelta(days=n))
        said += [(first + timedelta(days=n), event) for event in now.said if isinstance(event, OF_STEPS)]
    return now, said


def steps_of(now: Given, on: date) -> list[str]:
    return [step.name for step in now.closes(on).state.steps]


def contact(on: date, outcome: desk.ContactOutcome = desk.ContactOutcome.NO_ANSWER, hour: int = 9) -> Any:
    data = desk.ContactRecorded(
        at=datetime.combine(on, time(hour), UTC),
        place="phone",
        participants=("a",),
        key_points=Personal(value="-"),
        direction=desk.ContactDirection.OUTBOUND,
        outcome=outcome,
        channel="phone",
    )
    return message(data, on, hour=hour)


def statement(on: date, hour: int = 9) -> Any:
    return message(desk.StatementSubmitted(as_of=on), on, hour=hour)


def failed(on: date, hour: int = 9) -> Any:
    data = offer.TalksFailed(rounds=3, as_of=on, reason=REASON, next_step=REASON)
    return message(data, on, hour=hour)


def ended(on: date, code: ReasonCode = ReasonCode.PLAN_BROKEN, **more: Any) -> Any:
    reason = Reason(code=code)
    return message(agreement.AgreementEnded(agreement_id="agreement-1", as_of=on, reason=reason, **more), on)


def wants_talks(on: date) -> Any:
    data = followup.RenegotiationRequested(agreement_id="agreement-1", as_of=on, reasons=())
    return message(data, on)


def performing() -> Given:
    return opened().when(message(signed((day(30), "500.00")), day(9))).closes(day(9))


# -- one case, day by day ------------------------------------------------------------------------------------


def test_a_silent_case_is_reminded_of_and_escalated_step_by_step_and_then_is_quiet() -> None:
    now, said = lives(opened(), DAY, day(200))
    assert [(on, type(event)) for on, event in said] == [
        (CONTACT_DUE, StepOverdue),
        (date(2026, 3, 12), StepReminded),
        (STATEMENT_DUE, StepOverdue),
    ]
    late = said[0][1]
    assert isinstance(late, StepOverdue)
    assert (late.step, late.action, late.owner, late.due) == (
        "first_contact",
        "call_borrower",
        "a",
        CONTACT_DUE,
    )
    assert late.escalate_to == "supervisor"
    assert now.decider.due(now.state) is None


def test_an_overdue_step_is_an_alert_with_its_remedy() -> None:
    late = opened().closes(CONTACT_DUE)
    assert late.emits(StepOverdue, AlertRaised, RemedyStarted)
    raised = late.last(AlertRaised)
    assert (raised.kind, raised.about, raised.remedy) == (AlertKind.STEP_OVERDUE, "first_contact", "do_step")
    assert raised.reasons[0].code is ReasonCode.STEP_OVERDUE


def test_a_case_that_was_held_judges_every_day_by_what_was_known_of_it_by_then() -> None:
    held = opened().when(statement(day(20))).closes(day(40))
    assert [event.step for event in held.said if isinstance(event, StepOverdue)] == [
        "first_contact",
        "statement",
        "assessment",
    ]
    in_time = opened().when(contact(day(1)), statement(day(3)), message(assessed(), day(4))).closes(day(5))
    assert in_time.said == ()


def test_a_contact_that_is_known_before_its_day_is_closed_was_not_earlier_than_it_was() -> None:
    ahead = opened().when(contact(day(5)))
    assert ahead.closes(CONTACT_DUE).last(StepOverdue).step == "first_contact"
    assert lives(ahead, DAY, day(5))[1][-1][1] == StepCaughtUp(
        step="first_contact", due=CONTACT_DUE, as_of=day(5), still_overdue=0
    )


def test_a_step_that_is_done_in_time_says_nothing() -> None:
    now = opened().when(contact(day(1)))
    assert now.said == ()
    assert now.when(statement(day(3))).closes(day(3)).said == ()


@pytest.mark.parametrize(
    ("on_time", "what"),
    [
        pytest.param(contact(day(1)), "first_contact", id="an attempt is the first contact"),
        pytest.param(contact(CONTACT_DUE), "first_contact", id="on the last day, too"),
        pytest.param(statement(day(2)), "first_contact", id="who hands in a statement was reached"),
        pytest.param(statement(STATEMENT_DUE), "statement", id="the statement is in"),
    ],
)
def test_what_ends_a_step(on_time: Any, what: str) -> None:
    before, said = lives(opened(), DAY, on_time.day - timedelta(days=1))
    _, more = lives(before.when(on_time), on_time.day, day(60))
    assert what not in [event.step for _, event in (*said, *more) if isinstance(event, StepOverdue)]


def test_an_overdue_step_that_is_done_is_caught_up_and_the_last_one_ends_the_alert() -> None:
    late = opened().closes(day(40))
    assert sum(isinstance(event, StepOverdue) for event in late.said) == 2
    assert sum(isinstance(event, AlertRaised) for event in late.said) == 1, "one alert while it lasts"
    reached = late.when(contact(day(41))).closes(day(41))
    assert [type(event) for event in reached.said if isinstance(event, StepCaughtUp | AlertResolved)] == [
        StepCaughtUp
    ]
    assert reached.last(StepCaughtUp).still_overdue == 1
    done = reached.when(statement(day(42))).closes(day(42))
    assert done.emits(StepCaughtUp, AlertResolved)
    assert (done.last(StepCaughtUp).step, done.last(StepCaughtUp).still_overdue) == ("statement", 0)
    assert done.last(AlertResolved).reason.code is ReasonCode.STEP_DONE


def test_the_way_to_a_plan_and_no_step_while_it_is_kept() -> None:
    now = opened().when(statement(day(1))).closes(day(1))
    assert [step.name for step in now.state.steps] == ["assessment"]
    now = now.when(message(assessed(), day(2))).closes(day(2))
    assert [step.name for step in now.state.steps] == ["offer"]
    now = now.when(message(signed((day(30), "500.00")), day(9))).closes(day(9))
    assert now.state.stage == "performing"
    now, said = lives(now, day(9), day(400))
    assert said == []
    assert steps_of(now.when(failed(day(401))), day(401)) == ["no_plan"]


def test_what_was_only_read_late_leads_no_case_back() -> None:
    now = performing()
    for old in (message(assessed(), day(2)), failed(day(8))):
        late = now.when(old).closes(day(10))
        assert (late.state.stage, late.state.steps, late.said) == ("performing", (), ())


def test_a_plan_that_another_takes_the_place_of_is_still_kept_and_so_is_one_that_holds_again() -> None:
    next_one = message(signed((day(90), "400.00"), version=2), day(50))
    both = performing().when(ended(day(50), ReasonCode.PLAN_SUPERSEDED), next_one)
    assert both.closes(day(50)).state.steps == ()
    earlier = agreement.EarlierAgreement(agreement_id="agreement-0", version=1, debts=("A-1",))
    back = performing().when(ended(day(50), ReasonCode.WITHDRAWN_IN_TIME, returns_to=earlier))
    assert back.closes(day(50)).state.stage == "performing"
    assert steps_of(performing().when(ended(day(50))), day(50)) == ["no_plan"]


def test_a_case_with_debts_beside_a_completed_plan_keeps_a_next_date() -> None:
    completed = followup.PlanCompleted(agreement_id="agreement-1", as_of=day(40), paid=(cny("500.00"),))
    left = performing().when(message(completed, day(40))).closes(day(40))
    assert [step.name for step in left.state.steps] == ["no_plan"]
    # What is left is disputed: intake says so when it has heard of the completion, on the next day.
    halt = intake.StopsChanged(as_of=day(40), stops=(), halt=CaseHalt(stops=("fees", "enforcement")))
    stopped = left.when(message(halt, day(40))).closes(day(41))
    assert [(step.name, step.next_date is not None) for step in stopped.state.steps] == [("stopped", True)]
    undone = followup_care.PlanReopened(
        agreement_id="agreement-1", as_of=day(60), missing=(cny("500.00"),), reason=REASON
    )
    back = left.when(message(undone, day(60))).closes(day(60))
    assert (back.state.stage, back.state.steps) == ("performing", ())


def test_a_talk_is_what_a_case_without_a_plan_needs() -> None:
    nothing = performing().when(failed(day(20))).closes(day(20))
    assert [step.name for step in nothing.state.steps] == ["no_plan"]
    assert nothing.when(contact(day(21))).state.steps != ()
    talked = nothing.when(contact(day(21), desk.ContactOutcome.TALKED))
    assert lives(talked, day(21), day(60))[1] == []
    late, _ = lives(nothing, day(21), day(40))
    at_last = late.when(contact(day(41), desk.ContactOutcome.TALKED)).closes(day(41))
    assert at_last.emits(StepCaughtUp, AlertResolved)


# -- dates ---------------------------------------------------------------------------------------------------


def test_a_step_of_after_hours_begins_the_next_day_and_holidays_do_not_count() -> None:
    early = opened().when(statement(day(1), hour=9)).closes(day(1)).state.steps[0]
    late = opened().when(statement(day(1), hour=11)).closes(day(1)).state.steps[0]  # 19:00 on their clock
    assert (early.due, late.due) == (date(2026, 3, 6), date(2026, 3, 9))
    before, _ = lives(opened(), DAY, date(2026, 9, 23))
    held = before.when(statement(date(2026, 9, 24))).closes(date(2026, 9, 24)).state.steps[0]
    assert held.due == date(2026, 9, 30), "Mid-Autumn and the weekend do not count"


def test_a_reminder_comes_on_a_day_on_which_the_owner_works() -> None:
    part_time = {"hours": {"days": ["mon", "tue"]}}
    assert [step.remind_on for step in opened(a=part_time).state.steps] == [None, date(2026, 3, 10)]
    sundays = {"hours": {"days": ["sun", "mon"]}}
    assert opened(a=sundays).state.steps[1].remind_on == date(2026, 3, 9), "no business day is a Sunday"
    weekends = {"hours": {"days": ["sat", "sun"]}}
    assert opened(a=weekends).state.steps[1].remind_on == date(2026, 3, 12), "rather a day of the others"


@pytest.mark.parametrize(
    ("hours", "comes"),
    [
        pytest.param(
            ["mon", "tue", "wed", "thu", "fri", "sat"], date(2026, 3, 9), id="the next business day"
        ),
        pytest.param(["fri", "wed"], date(2026, 3, 11), id="one of the owner's"),
        pytest.param(["sun"], date(2026, 3, 9), id="no such day"),
    ],
)
def test_a_reminder_that_rests_because_of_a_stop_comes_on_the_next_day_on_which_anybody_works(
    hours: list[str], comes: date
) -> None:
    """A word of a stop on a Friday put it off to the Saturday."""
    pack = example_pack(team__remind_business_days=6)  # of Monday the 16th: Friday the 6th
    friday = date(2026, 3, 6)
    told = desk_parties.StopReported(stop_id="S-1", cause=StopCause.INSOLVENCY, since=day(400))
    now = opened(packs=(pack,), a={"hours": {"days": hours}})
    undisturbed = lives(now, DAY, date(2026, 3, 15))[1]
    assert [on for on, event in undisturbed if isinstance(event, StepReminded)] == [friday]
    rested = lives(now.when(message(told, friday)), DAY, date(2026, 3, 15))[1]
    assert [on for on, event in rested if isinstance(event, StepReminded)] == [comes]


def test_a_reminder_with_no_business_day_left_before_the_last_comes_all_the_same() -> None:
    told = desk_parties.StopReported(stop_id="S-1", cause=StopCause.INSOLVENCY, since=day(400))
    now = opened().when(*(message(told, date(2026, 3, on)) for on in (12, 13)))
    said = lives(now, DAY, date(2026, 3, 15))[1]
    assert [on for on, event in said if isinstance(event, StepReminded)] == [date(2026, 3, 14)]


def test_the_strictest_pack_says_how_long_a_step_may_take() -> None:
    row = {"state": "assessment", "owner_role": "negotiator", "escalate_to": "supervisor", "action": "do"}
    slow, quick = (
        example_pack({"id": name}, timetable__steps=[{"business_days": days, **row}])
        for name, days in (("example-card", 9), ("example-loan", 4))
    )
    now = opened(packs=(slow, quick)).when(message(ConductChanged(as_of=DAY, packs=("example-card",))))
    joined = now.when(message(ConductChanged(as_of=day(1), packs=("example-card", "example-loan")), day(1)))
    alone, both = (one.when(statement(day(1))).closes(day(1)).state.steps[0] for one in (now, joined))
    assert (alone.due, both.due) == (date(2026, 3, 16), date(2026, 3, 9))


def test_dates_at_the_end_of_time_do_no_harm() -> None:
    last = date.max
    now = opened().when(statement(last), message(assessed(expires=last), last)).closes(last)
    assert now.state.stage == "offer"


# -- stops, the end, old documents ---------------------------------------------------------------------------


def test_while_all_debts_are_stopped_the_owner_only_looks_at_the_stop_and_then_the_step_begins_anew() -> None:
    stop = desk_parties.StopReported(stop_id="S-1", cause=StopCause.INSOLVENCY, since=day(1))
    lift = desk_parties.StopLifted(stop_id="S-1", on=day(60))
    stopped, lifted = [
        one
        for one in intake_says(message(stop, day(1)), message(lift, day(60)))
        if one.type == "parley.intake.stops.changed.v1"
    ]
    now, said = lives(opened().when(stopped), day(1), day(59))
    assert {type(event) for _, event in said} == {StepReminded}
    assert [step.name for step in now.state.steps] == ["stopped"]
    assert day(59) < now.state.steps[0].due < day(95)
    back = now.when(lifted).closes(day(60))
    assert [step.name for step in back.state.steps] == ["statement"]
    assert back.state.steps[0].due > day(60)
    assert [type(event) for _, event in lives(back, day(61), day(90))[1]] == [StepReminded, StepOverdue]


def test_a_stop_takes_back_what_was_overdue() -> None:
    stop = desk_parties.StopReported(stop_id="S-1", cause=StopCause.INSOLVENCY, since=day(40))
    late, _ = lives(opened(), DAY, day(39))
    stopped = [one for one in intake_says(message(stop, day(40))) if one.day == day(40)]
    now = late.when(*stopped).closes(day(40))
    assert [event.step for event in now.said if isinstance(event, StepCaughtUp)] == [
        "first_contact",
        "statement",
    ]
    assert AlertKind.STEP_OVERDUE not in [alert.kind for alert in now.state.alerts]


def test_of_a_closed_case_nothing_is_due() -> None:
    closed = opened().when(statement(day(1)), *intake_says(cured(1))[-1:])
    assert closed.closes(day(60)).said == ()
    assert (closed.state.steps, closed.state.turns) == ((), ())
    assert closed.when(statement(day(2))).state.turns == ()


def test_a_document_of_before_takes_the_stage_from_what_is_asked_of_the_borrower() -> None:
    old = opened().state.model_dump(mode="json", include={"case", "status", "policy", "heard_on"})
    nothing = AlertState.model_validate(old, strict=False)
    assert (nothing.steps, nothing.turns) == ((), ())
    asked = [{"what": "statement", "since": "2026-03-02"}, {"what": "answer", "since": "2026-03-20"}]
    read = AlertState.model_validate({**old, "asked": asked}, strict=False)
    now, said = lives(given(AlertDecider(), reference(), read), day(20), day(60))
    assert [type(event) for _, event in said] == [StepReminded, StepOverdue]
    assert {event.step for _, event in said} == {"answer"}
    again = AlertState.model_validate(now.state.model_dump(mode="json"), strict=False)
    assert again == now.state, "what has been followed is not begun again"


# -- order ---------------------------------------------------------------------------------------------------

AT_ONCE: dict[str, tuple[Given, list[Any]]] = {
    "from the statement to the offer": (
        opened(),
        [statement(day(9)), message(assessed(), day(9)), contact(day(9), hour=8), ended(day(2))],
    ),
    "what was late is done on several topics": (
        opened().closes(day(30)),
        [contact(day(31), desk.ContactOutcome.TALKED), statement(day(31), 8), message(assessed(), day(31))],
    ),
    "talks fail, are called and are begun anew": (
        performing(),
        [failed(day(20), 8), contact(day(20), desk.ContactOutcome.TALKED, 10), wants_talks(day(20)),
         statement(day(20), 11)],
    ),
    "a plan takes another's place": (
        performing(),
        [wants_talks(day(20)), ended(day(20), ReasonCode.PLAN_SUPERSEDED), contact(day(20), hour=8),
         message(signed((day(90), "400.00"), version=2), day(20), hour=10)],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", AT_ONCE)
def test_the_order_in_which_one_days_facts_arrive_changes_nothing(name: str) -> None:
    before, facts = AT_ONCE[name]
    on = max(fact.day for fact in facts)
    stories = []
    for order in permutations(facts):
        now, said = lives(before.when(*order), on, day(70))
        stories.append(said)
        assert now.state.turns == ()
    assert all(story == stories[0] for story in stories)


def test_what_a_flow_back_brings_after_the_close_of_its_day_says_the_same() -> None:
    # Agreement gives a draft back at the close of a day, and offer tables again for the same moment: whether
    # that comes before or after the close here, the step that began today was not yet to be judged.
    night = datetime.combine(day(20), time(23, 59, 59), UTC)
    returned = agreement.AgreementReturned(
        agreement_id="agreement-1", version=1, offer_id="offer-1", as_of=day(20), reason=REASON
    )
    firm, late = (
        Envelope(id=name, source=f"/test/{data.PRODUCER}", time=night, key="C-1", data=data, subject="c")
        for name, data in (("m-a", returned), ("m-b", tabled(day(20))))
    )
    now = opened().when(statement(day(1)), message(assessed(), day(2))).closes(day(5))
    now, _ = lives(now.when(message(tabled(day(5)), day(5))), day(5), day(19))
    in_time = lives(now.when(firm, late), day(20), day(70))[1]
    closed, at_close = lives(now.when(firm), day(20), day(20))
    afterwards = lives(closed.when(late), day(21), day(70))[1]
    assert in_time == at_close + afterwards
    assert [type(event) for _, event in in_time] == [StepCaughtUp, StepReminded, StepOverdue]


def test_an_answer_to_a_counter_offer_gives_the_borrower_their_time_again() -> None:
    now = opened().when(statement(day(1)), message(assessed(), day(2))).closes(day(5))
    now, _ = lives(now.when(message(tabled(day(5)), day(5))), day(5), day(11))

    def overdue(*facts: Envelope[Any]) -> list[date]:
        told = lives(now.when(*facts), day(12), day(70))[1]
        return [event.due for _, event in told if isinstance(event, StepOverdue) and event.step == "answer"]

    revised = offer.OfferRevised.model_construct(offer_id="offer-2", round=2, tabled_on=day(12))
    in_vain, anew = overdue(), overdue(message(revised, day(12)))
    assert len(in_vain) == len(anew) == 1
    assert in_vain[0] < anew[0]
    # The same where the day's new figures lay the table anew, whichever comes first.
    assert overdue(message(tabled(day(12)), day(12))) == anew
    assert overdue(message(revised, day(12)), message(tabled(day(12)), day(12))) == anew


def test_figures_that_are_no_news_ask_nobody_for_an_offer_where_there_was_no_plan() -> None:
    """Offer answers new figures at once, and says nothing again where they come to the same."""
    none = offer.NoPlanFound(
        assessment_id="a1", as_of=day(5), reason=REASON, next_step=REASON, review_on=day(60)
    )
    now = opened().when(statement(day(1)), message(assessed(), day(2))).closes(day(5))
    now, _ = lives(now.when(message(none, day(5))), day(5), day(8))
    assert [step.name for step in now.state.steps] == ["no_plan"]
    again, _ = lives(now.when(message(assessed(), day(9))), day(9), day(9))
    assert [step.name for step in again.state.steps] == ["no_plan"]
    answered, _ = lives(
        again.when(message(assessed(), day(10)), message(tabled(day(10)), day(10))), day(10), day(10)
    )
    assert [step.name for step in answered.state.steps] == ["answer"]
    anew, _ = lives(again.when(statement(day(10)), message(assessed(), day(11))), day(10), day(11))
    assert [step.name for step in anew.state.steps] == ["offer"], "a new statement wants an answer"


def tabled(on: date) -> offer.OfferTabled:
    """An offer with nothing in it: alert only hears that there is one."""
    return offer.OfferTabled.model_construct(offer_id="offer-1", round=1, tabled_on=on)
