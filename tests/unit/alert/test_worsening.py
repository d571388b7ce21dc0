"""R62: a plan that is still kept goes slowly worse, and somebody talks about it before anything is missed."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest

from services.alert.decide import AlertDecider
from shared.contracts import agreement, desk, followup, followup_care, intake
from shared.contracts.alert import AlertKind, AlertRaised, AlertResolved, RemedyStarted
from shared.contracts.base import Event, Personal, Reason
from shared.contracts.parties import StopCause
from shared.contracts.reasons import ReasonCode
from tests.unit.builders import DAY, case_opened, cny, message, reference
from tests.unit.builders import paid as payment
from tests.unit.followup.plans import live
from tests.unit.spec import Given, given
from tests.unit.stopping import begins

PLAN = "p-1"


def due(number: int) -> date:
    return DAY + timedelta(days=30 * number)


def started(plan: str = PLAN, on: date = DAY) -> Any:
    data = followup.PlanStarted(
        agreement_id=plan, version=1, effective=on, instalments=24, first_due=due(1), last_due=due(24),
        next_review=due(3),
    )  # fmt: skip
    return message(data, on)


def _row(number: int, paid: str, currency: str) -> dict[str, Any]:
    total = cny("100.00", currency)
    return {
        "agreement_id": PLAN,
        "version": 1,
        "number": number,
        "due": due(number),
        "total": total,
        "paid": cny(paid, currency),
    }


def paid(number: int, days: int = 0, *, currency: str = "CNY", **other: Any) -> Any:
    on = due(number) + timedelta(days=days)
    row = _row(number, "100.00", currency)
    return message(followup.InstalmentPaid(**row, on=on, on_time=True, **other), max(on, due(number)))


def part(number: int, amount: str) -> Any:
    """The due day closes with a part of it."""
    row = _row(number, amount, "CNY")
    if amount == "0.00":
        return message(followup.InstalmentLate(**row, grace_until=due(number + 1)), due(number))
    return message(followup.InstalmentPartial(**row), due(number))


def called(on: date, outcome: str = "no_answer", *, direction: str = "outbound") -> Any:
    data = desk.ContactRecorded(
        at=datetime.combine(on, time(9), UTC), place="office", participants=("n-1",),
        key_points=Personal(value="…"), direction=desk.ContactDirection(direction),
        outcome=desk.ContactOutcome(outcome), channel="phone",
    )  # fmt: skip
    return message(data, on)


def kept(**overrides: Any) -> Given:
    rules = {"contact_rules.failed_attempts_until_person": 20, **overrides}
    return given(AlertDecider(), reference(**rules)).when(message(case_opened()), started())


LATER = tuple(paid(number, days) for number, days in ((1, 0), (2, 1), (3, 3), (4, 4)))
LESS = (part(1, "80.00"), paid(1, 2), part(2, "60.00"), paid(2, 2), part(3, "40.00"))


def early(step: Given) -> list[AlertRaised]:
    return [one for one in step.said if isinstance(one, AlertRaised) and one.kind is AlertKind.SLOW_WORSENING]


def test_later_each_time_within_grace_is_talked_about_before_anything_is_missed() -> None:
    """Nothing was said of it: only what was missed or broken, or silence."""
    three = kept().when(*LATER[:3])
    assert three.said == ()
    fourth = three.when(LATER[3])
    assert fourth.emits(AlertRaised, RemedyStarted)
    raised = fourth.last(AlertRaised)
    assert (raised.kind, raised.remedy) == (AlertKind.SLOW_WORSENING, "talk_early")
    assert raised.reasons == (Reason(code=ReasonCode.PAID_LATER_EACH_TIME, params={"count": "3"}),)
    assert fourth.last(RemedyStarted).due > due(4)
    assert fourth.when(paid(5, 5)).said == (), "one alert"
    better = fourth.when(paid(5, 1))
    assert better.last(AlertResolved).reason.code is ReasonCode.CAUGHT_UP


@pytest.mark.parametrize(
    "days",
    [
        pytest.param((3, 3, 3, 3, 3), id="late, but not later"),
        pytest.param((-9, -6, -3, 0, 0), id="less early"),
        pytest.param((0, 2, 1, 3, 4), id="better in between"),
    ],
)
def test_what_is_no_worsening(days: tuple[int, ...]) -> None:
    assert kept().when(*(paid(number, late) for number, late in enumerate(days, 1))).said == ()


def test_parts_by_the_due_date_that_grow_smaller_are_worsening() -> None:
    assert kept().when(*LESS[:4]).said == ()
    (raised,) = early(kept().when(*LESS))
    assert raised.reasons == (Reason(code=ReasonCode.PAID_LESS_EACH_TIME, params={"count": "2"}),)
    nothing = kept().when(*LESS[:4], part(3, "0.00"))
    assert nothing.said == (), "nothing by the due date is late, and counted as that"


def test_contacts_that_nobody_answers_count_while_the_plan_is_kept() -> None:
    days = [DAY + timedelta(days=n) for n in range(1, 5)]
    there = kept().when(called(DAY), *map(called, days[:3]))
    assert there.said == (), "that of the day of the start may have been before it"
    fourth = there.when(called(days[3]))
    assert [reason.code for reason in early(fourth)[0].reasons] == [ReasonCode.ATTEMPTS_UNANSWERED]
    talked = there.when(called(days[3], "talked"), called(days[3]))
    assert talked.said == ()
    without = given(AlertDecider(), reference()).when(message(case_opened()), *map(called, days))
    assert early(without) == []


@pytest.mark.parametrize(
    ("outcome", "direction"), [("talked", "outbound"), ("no_answer", "inbound"), ("talked", "inbound")]
)
def test_a_talk_ends_it_and_what_worsens_after_it_is_said_again(outcome: str, direction: str) -> None:
    raised = kept().when(*LATER)
    on = due(4) + timedelta(days=4)
    same_day = raised.when(called(on, outcome, direction=direction))
    assert same_day.said == (), "which of the two was first is not known"
    over = raised.when(called(on + timedelta(days=1), outcome, direction=direction))
    assert over.last(AlertResolved).reason.code is ReasonCode.CONTACT_MADE
    assert early(over.when(paid(5, 4))) == []
    (again,) = early(over.when(paid(5, 6)))
    assert again.alert_id != raised.last(AlertRaised).alert_id


def renegotiates() -> Event:
    why = (Reason(code=ReasonCode.NEW_DIFFICULTIES),)
    return followup.RenegotiationRequested(agreement_id=PLAN, as_of=due(5), reasons=why)


def missed() -> Event:
    return followup.InstalmentMissed(**_row(5, "0.00", "CNY"), missed_in_a_row=1)


def withdrawn() -> Event:
    reason = Reason(code=ReasonCode.WITHDRAWN_IN_TIME)
    return agreement.AgreementEnded(agreement_id=PLAN, version=1, as_of=due(5), reason=reason)


def new_plan() -> Event:
    data: Event = started("p-2", due(5)).data
    return data


@pytest.mark.parametrize("ends", [renegotiates, missed, withdrawn, new_plan])
def test_what_has_its_own_remedy_takes_its_place(ends: Any) -> None:
    raised = kept().when(*LATER)
    over = raised.when(message(ends(), due(5)))
    (gone,) = [one for one in over.said if isinstance(one, AlertResolved)]
    assert gone.alert_id == raised.last(AlertRaised).alert_id
    assert early(over.when(paid(6, 6))) == []


def test_while_something_is_missed_nothing_is_said_of_what_was_before() -> None:
    there = kept().when(message(missed(), due(5)), *LATER)
    assert early(there) == []


def test_what_was_put_off_in_talks_or_judged_anew_counts_for_nothing() -> None:
    for other in ({"shielded": True}, {"shielded_days": 2}):
        assert kept().when(*LATER[:3], paid(4, 9, **other), paid(5, 10)).said == ()
    row = {**_row(3, "100.00", "CNY"), "was": "paid", "now": "paid_late"}
    corrected = followup.InstalmentCorrected(**row, reason=Reason(code=ReasonCode.PAYMENT_RETURNED))
    assert kept().when(*LATER[:3], message(corrected, due(4)), LATER[3]).said == ()


def test_each_currency_of_a_plan_has_its_own_row() -> None:
    mixed = [paid(n, days, currency=c) for n, days in ((1, 0), (2, 3), (3, 5)) for c in ("CNY", "USD")]
    assert kept().when(*mixed, paid(4, 6, currency="USD")).last(AlertRaised).kind is AlertKind.SLOW_WORSENING


def test_a_rule_that_the_pack_does_not_name_does_not_hold() -> None:
    rules: Any = {"alert.early": [{"rule": "unanswered", "in_a_row": 4}]}
    assert kept(**rules).when(*LATER, *LESS).said == ()


def test_nobody_is_pressed_while_something_halts_the_case() -> None:
    halted = kept().when(*LATER[:3], *begins(StopCause.DEATH, due(3)))
    assert early(halted.when(LATER[3])) == []
    over = kept().when(*LATER, *begins(StopCause.DEATH, due(5)))
    assert over.last(AlertResolved).reason.code is ReasonCode.DEBT_STOPPED


def test_a_completion_that_came_back_is_watched_again_and_a_closed_case_is_not() -> None:
    done = followup.PlanCompleted(agreement_id=PLAN, as_of=due(1), paid=(cny("100.00"),))
    reason = Reason(code=ReasonCode.PAYMENT_RETURNED)
    back = followup_care.PlanReopened(agreement_id=PLAN, as_of=due(1), missing=(cny("1.00"),), reason=reason)
    again = kept().when(message(done, due(1)))
    assert again.state.watched is None
    assert again.when(message(back, due(1))).state.watched.agreement_id == PLAN
    gone = intake.CaseClosed(as_of=DAY, reason=intake.CloseReason.SETTLED)
    assert kept().when(message(gone)).state.watched is None


def test_as_followup_tells_it_of_a_plan_that_is_paid_a_day_later_each_month() -> None:
    """What followup concludes day by day, heard by this service as it is said."""
    plan, alert = live(*((due(number), "100.00") for number in range(1, 5))), kept()
    alert = alert.when(*(message(one) for one in plan.said))
    raised, on, last = list[date](), DAY, due(4) + timedelta(days=3)
    comes = [due(number) + timedelta(days=number - 1) for number in range(1, 5)]
    while on < last:
        on += timedelta(days=1)
        plan = plan.when(*(message(payment("100.00", on), on) for day in comes if day == on))
        closed = plan.closes(on)
        alert = alert.when(*(message(one, on) for one in (*plan.said, *closed.said)))
        raised += [on for _ in early(alert)]
        plan = closed
    assert raised == [last]
