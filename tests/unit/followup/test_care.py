"""Promises, reviews, hardship, support and incentives: what is said beside the instalments."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from services.followup.decide import FollowupDecider
from services.followup.model import FollowupStatus
from shared.contracts import desk, desk_care, intake
from shared.contracts.base import Personal
from shared.contracts.followup import (
    ContactNoted,
    InputRefused,
    InstalmentCorrected,
    InstalmentLate,
    InstalmentMissed,
    InstalmentPaid,
    PlanBroken,
    PlanCompleted,
    PromiseBroken,
    PromiseKept,
    PromiseNoted,
    RenegotiationRequested,
    ReviewDue,
    ReviewRecorded,
    RewardGranted,
    SupportOffered,
)
from shared.contracts.followup_care import DifficultyLasts, ReviewInvited, SatisfactionAsked
from shared.contracts.plan_terms import total_of
from shared.contracts.reasons import ReasonCode
from shared.lending.calendar import add_months
from tests.unit.builders import (
    DAY,
    balances,
    case_opened,
    cny,
    debt,
    message,
    paid,
    reference,
    signed,
    taken_back,
)
from tests.unit.followup.plans import FIRST, GRACE, PLAIN, ROWS, SECOND, THIRD, live, lives_to, steps
from tests.unit.spec import Given, given

DUE = date(2026, 3, 12)
LAST = date(2026, 3, 16)  # two grace days, then the weekend


def case(**overrides: Any) -> Given:
    return given(FollowupDecider(), reference(**overrides)).when(message(case_opened()))


def promise(amount: str = "50.00", due: date = DUE, id_: str = "promise-1") -> desk.PromiseMade:
    return desk.PromiseMade(promise_id=id_, amount=cny(amount), due=due)


def contact(outcome: desk.ContactOutcome = desk.ContactOutcome.TALKED) -> desk.ContactRecorded:
    return desk.ContactRecorded(
        at=datetime(2026, 4, 9, 10, tzinfo=UTC),
        place="phone",
        participants=("negotiator", "borrower"),
        key_points=Personal(value="…"),
        direction=desk.ContactDirection.OUTBOUND,
        outcome=outcome,
        channel="phone",
    )


def review(*, difficulties: bool = False, needs: bool = False) -> desk.ReviewHeld:
    return desk.ReviewHeld(
        at=datetime(2026, 4, 9, 10, tzinfo=UTC),
        place="phone",
        participants=("negotiator", "borrower"),
        key_points=Personal(value="…"),
        new_difficulties=difficulties,
        special_needs=needs,
    )


def hardship(end: date | None = None, since: date = FIRST) -> desk.HardshipReported:
    return desk.HardshipReported(cause=desk.HardshipCause.JOB_LOSS, since=since, expected_end=end)


# --- promises


@pytest.mark.parametrize(
    ("payments", "said"),
    [
        ([("50.00", DUE)], [PromiseKept]),
        ([("47.50", DUE)], [PromiseKept]),  # five per cent less
        ([("47.49", DUE)], [PromiseBroken]),
        ([("20.00", DAY), ("30.00", LAST)], [PromiseKept]),
        ([("50.00", LAST + timedelta(days=1))], [PromiseBroken]),
        ([("50.00", DAY - timedelta(days=1))], [PromiseBroken]),
        ([], [PromiseBroken]),
    ],
)
def test_a_promise_is_kept_with_tolerance_and_grace_or_broken(
    payments: list[tuple[str, date]], said: list[type]
) -> None:
    plan = case().when(message(promise()))
    assert plan.emits(PromiseNoted)
    for amount, on in payments:
        plan = plan.when(message(paid(amount, on)))
    assert [type(event) for event in plan.closes(LAST).said] == said


def test_a_promise_is_kept_as_soon_as_the_day_of_the_money_is_closed() -> None:
    kept = case().when(message(promise()), message(paid("50.00", DAY))).closes(DAY)
    assert kept.emits(PromiseKept)
    assert kept.decider.due(kept.state) is None


def test_grace_and_tolerance_of_promises_are_the_policys() -> None:
    made = case(followup__promise_grace_days=0, followup__promise_tolerance_pct=50).when(message(promise()))
    assert made.state.promises[0].until == DUE
    assert made.when(message(paid("25.00", DUE))).closes(DUE).emits(PromiseKept)


def test_a_broken_promise_was_kept_after_all_and_a_kept_one_broken() -> None:
    broken = case().when(message(promise())).closes(LAST)
    assert broken.last(PromiseBroken).paid == cny("0.00")
    later = LAST + timedelta(days=3)
    kept = broken.when(message(paid("50.00", DUE), later)).closes(later)
    assert kept.emits(PromiseKept)
    back = kept.when(message(taken_back("10.00", DUE, later), later)).closes(later + timedelta(days=1))
    assert back.emits(PromiseBroken)
    assert back.last(PromiseBroken).paid == cny("40.00")


def test_money_counts_for_one_promise_only_the_earlier_due_first() -> None:
    two = case().when(message(promise(id_="b", due=DUE + timedelta(days=1))), message(promise(id_="a")))
    after = two.when(message(paid("50.00", DUE))).closes(LAST + timedelta(days=2))
    assert [getattr(event, "promise_id", "") for event in after.said] == ["a", "b"]
    assert after.emits(PromiseKept, PromiseBroken)


def test_promises_that_cannot_be_noted_are_refused() -> None:
    twice = case().when(message(promise()), message(promise("70.00")))
    assert twice.last(InputRefused).reason.code is ReasonCode.PROMISE_DUPLICATE
    none = given(FollowupDecider(), reference()).when(message(promise()))
    assert len(none.waiting) == 1
    assert none.when(message(case_opened())).emits(PromiseNoted)
    assert none.closes(DAY).last(InputRefused).reason.code is ReasonCode.NO_CASE
    unknown = given(FollowupDecider(), reference()).when(message(paid("1.00", DAY)), message(promise()))
    assert (len(unknown.waiting), unknown.when(message(case_opened())).emits(PromiseNoted)) == (1, True)
    over = case().when(message(intake.CaseClosed(as_of=DAY, reason=intake.CloseReason.SOLD)))
    assert over.when(message(promise())).last(InputRefused).reason.code is ReasonCode.CASE_CLOSED
    assert over.when(message(review())).last(InputRefused).reason.code is ReasonCode.CASE_CLOSED


def test_a_promise_long_past_is_judged_at_the_next_close() -> None:
    made = case().when(message(promise(due=DAY - timedelta(days=30))))
    assert made.decider.due(made.state) == DAY
    assert made.closes(DAY).emits(PromiseBroken)


def test_the_number_of_promises_on_file_is_bounded() -> None:
    many = case()
    for index in range(60):
        many = many.when(message(promise(id_=f"p{index:02}", due=DUE + timedelta(days=index))))
    assert len(many.state.promises) == 24
    assert many.state.promises[-1].promise_id == "p59"


def test_dates_at_the_end_of_time_do_no_harm() -> None:
    far = case().when(message(promise(due=date.max)), message(hardship(end=date.max, since=date.max), DAY))
    assert far.decider.due(far.state) == DAY
    assert far.closes(DAY).decider.due(far.closes(DAY).state) == date.max
    ends = live((date.max, "100.00")).when(message(hardship(end=date.max, since=date.max), FIRST))
    assert ends.state.plan.lines[0].until == date.max
    assert lives_to(ends, date(2026, 12, 31)).state.status is FollowupStatus.LIVE
    last = given(FollowupDecider(), reference()).when(message(case_opened()))
    last = last.when(message(signed((date.max, "100.00"), effective=date.max)))
    assert last.closes(date.max).state.plan.judged_to == date.max


def test_a_promise_sees_its_money_however_many_payments_there_are() -> None:
    plan = live((date(2029, 3, 2), "100000.00"))
    days = [DAY + timedelta(days=n) for n in range(500)]
    plan = plan.when(*(message(paid("1.00", day)) for day in days[:300]))
    made = days[300]
    plan = plan.when(message(desk.PromiseMade(promise_id="p", amount=cny("60.00"), due=days[359]), made))
    plan = plan.when(*(message(paid("1.00", day)) for day in days[300:359]))
    plan = plan.when(*(message(paid("1.00", day)) for day in days[365:]))
    assert len(plan.state.received) < 400
    broken = plan.closes(days[400])
    assert broken.last(PromiseKept).paid == cny("59.00")  # five per cent less is enough
    back = broken.when(message(taken_back("3.00", days[310], days[400]), days[400]))
    assert back.closes(days[401]).last(PromiseBroken).paid == cny("56.00")


# --- reviews


def paying(months: int, **overrides: Any) -> Given:
    """A plan of so many instalments, all paid on their day."""
    rows = [(add_months(FIRST, n), "100.00") for n in range(months)]
    plan = live(*rows, **overrides)
    return plan.when(*(message(paid("100.00", due)) for due, _ in rows))


def test_reviews_come_every_three_months_and_every_six_for_who_performs_well() -> None:
    rows = [(add_months(FIRST, n), "100.00") for n in range(24)]
    patient = live(*rows, followup__breach_days_late=3000, followup__breach_missed_in_a_row=60)
    plan = lives_to(patient, date(2026, 12, 31))
    dues = [event for event in plan.said if isinstance(event, ReviewDue)]
    assert [event.due for event in dues] == [date(2026, 6, 2), date(2026, 9, 2), date(2026, 12, 2)]
    assert {event.reasons[0].code for event in dues} == {ReasonCode.REVIEW_REGULAR}
    well = lives_to(paying(24), date(2027, 3, 31))
    dues = [event for event in well.said if isinstance(event, ReviewDue)]
    # Three instalments were on time when the first review came up: half a year from the start, and on.
    assert [event.due for event in dues] == [date(2026, 9, 2), date(2027, 3, 2)]
    assert [event.interval_months for event in dues] == [6, 6]


def test_the_rhythm_is_the_policys() -> None:
    monthly = paying(24, followup__review_months=1, followup__performing_on_time_in_a_row=99)
    often = lives_to(monthly, date(2026, 4, 2))
    assert often.last(ReviewDue).interval_months == 1


@pytest.mark.parametrize(
    ("ahead", "invited"),
    [(5, date(2026, 5, 26)), (1, date(2026, 6, 1)), (0, date(2026, 6, 2)), (20, date(2026, 5, 6))],
)
def test_the_borrower_is_invited_so_many_business_days_ahead(ahead: int, invited: date) -> None:
    regular = paying(24, followup__performing_on_time_in_a_row=99, reviews__invite_business_days=ahead)
    said = [e for e in lives_to(regular, date(2026, 6, 30)).said if isinstance(e, ReviewInvited | ReviewDue)]
    assert said[0] == ReviewInvited(number=1, on=date(2026, 6, 2), as_of=invited)
    assert [type(event) for event in said] == [ReviewInvited, ReviewDue]


def test_who_performs_well_is_invited_to_the_stretched_review_only() -> None:
    well = lives_to(paying(24, reviews__invite_business_days=5), date(2027, 3, 2))
    said = [event for event in well.said if isinstance(event, ReviewInvited | ReviewDue)]
    on = [event.on if isinstance(event, ReviewInvited) else event.due for event in said]
    # Nor to that of June, on whose invitation's day the third instalment was not due yet.
    assert on == [date(2026, 9, 2), date(2026, 9, 2), date(2027, 3, 2), date(2027, 3, 2)]


def test_after_a_review_that_was_held_early_the_invitation_is_to_the_next_one() -> None:
    invited = lives_to(paying(24, followup__performing_on_time_in_a_row=99), date(2026, 5, 28))
    assert invited.last(ReviewInvited).on == date(2026, 6, 2)
    held = lives_to(invited.when(message(review(), date(2026, 5, 29))), date(2026, 8, 28))
    assert [e.on for e in held.said if isinstance(e, ReviewInvited)] == [date(2026, 8, 31)]
    assert not any(isinstance(event, ReviewDue) for event in held.said)


def test_a_review_asks_and_keeps_what_the_policy_says() -> None:
    asks = {"reviews__questions": ["new_difficulties", "housing"], "reviews__records": ["time", "key_points"]}
    due = lives_to(paying(24, followup__review_months=1, **asks), date(2026, 9, 2)).last(ReviewDue)
    assert (due.questions, due.records) == (("new_difficulties", "housing"), ("time", "key_points"))


def test_a_miss_brings_the_regular_review_back() -> None:
    rows = [(add_months(FIRST, n), "100.00") for n in range(24)]
    plan = live(*rows, followup__performing_on_time_in_a_row=2, incentives__steps=[])
    plan = plan.when(*(message(paid("100.00", due)) for due, _ in rows[:3]))
    stretched = lives_to(plan, date(2026, 6, 30))
    assert not any(isinstance(event, ReviewDue) for event in stretched.said)
    missed = lives_to(stretched, date(2026, 7, 6))
    assert missed.emits(InstalmentLate, InstalmentMissed, SupportOffered, ReviewInvited, ReviewDue)
    assert missed.last(ReviewDue).due == date(2026, 7, 6)
    assert missed.last(ReviewDue).interval_months == 3


def test_a_review_is_recorded_and_the_next_one_counts_from_it() -> None:
    due = lives_to(paying(24, followup__performing_on_time_in_a_row=99), date(2026, 6, 2))
    assert due.last(ReviewDue).number == 1
    held = due.when(message(review(), date(2026, 6, 10)))
    assert held.emits(ReviewRecorded, SatisfactionAsked)
    assert (held.last(ReviewRecorded).number, held.last(ReviewRecorded).next_review) == (1, date(2026, 9, 10))
    extra = held.when(message(review(), date(2026, 6, 20)))
    assert (extra.last(ReviewRecorded).number, extra.last(ReviewRecorded).next_review) == (
        0,
        date(2026, 9, 20),
    )


@pytest.mark.parametrize(
    ("blank", "missing"),
    [
        ({"place": " "}, "place"),
        ({"participants": ("", " ")}, "participants"),
        ({"key_points": Personal(value=" ")}, "key_points"),
        ({"place": " ", "key_points": Personal(value="")}, "place, key_points"),
    ],
)
def test_a_review_whose_record_is_blank_is_not_held_yet(blank: dict[str, Any], missing: str) -> None:
    due = lives_to(paying(24, followup__performing_on_time_in_a_row=99), date(2026, 6, 2))
    said = due.when(message(review().model_copy(update=blank), date(2026, 6, 10)))
    assert said.emits(InputRefused)
    refused = said.last(InputRefused).reason
    assert (refused.code, refused.params) == (ReasonCode.RECORD_INCOMPLETE, {"missing": missing})
    assert said.state == due.state


def test_a_review_without_a_plan_waits_for_one_and_is_refused_at_the_close() -> None:
    early = case().when(message(review()))
    assert early.when(message(signed(*ROWS))).last(ReviewRecorded).number == 0
    assert early.closes(DAY).last(InputRefused).reason.code is ReasonCode.NO_LIVE_PLAN


# --- hardship, pauses, support


def test_difficulties_lead_back_to_the_table_and_misses_do_not_break_the_plan_meanwhile() -> None:
    plan = lives_to(live(breach__hardship_shield_days=60), FIRST)
    asked = plan.when(message(hardship(), FIRST + timedelta(days=1)))
    assert asked.emits(RenegotiationRequested, DifficultyLasts)
    assert asked.last(RenegotiationRequested).reasons[0].params == {"cause": "job_loss"}
    again = asked.when(
        message(hardship(), FIRST + timedelta(days=9)), message(review(difficulties=True), SECOND)
    )
    assert again.emits(DifficultyLasts, ReviewRecorded, SatisfactionAsked)
    until = FIRST + timedelta(days=61)
    missed = lives_to(again, until)
    assert missed.state.status is FollowupStatus.LIVE
    assert [e.missed_in_a_row for e in missed.said if isinstance(e, InstalmentMissed)] == [1, 2]
    broken = lives_to(missed, until + timedelta(days=1))
    assert broken.emits(PlanBroken)
    assert broken.last(PlanBroken).as_of == until + timedelta(days=1)


def test_a_pause_is_as_long_as_talks_may_be_and_does_not_follow_on_another() -> None:
    plan = lives_to(live(breach__hardship_shield_days=10), FIRST).when(
        message(hardship(), FIRST + timedelta(days=1))
    )
    assert plan.state.plan.paused_until == FIRST + timedelta(days=11)
    plan = lives_to(plan, FIRST + timedelta(days=12))
    second = plan.when(message(hardship(), FIRST + timedelta(days=13)))
    assert second.emits(RenegotiationRequested, DifficultyLasts)
    assert second.state.plan.paused_until == FIRST + timedelta(days=11)  # an instalment is missed
    caught_up = plan.when(message(paid("100.00", FIRST + timedelta(days=13)))).closes(
        FIRST + timedelta(days=13)
    )
    third = caught_up.when(message(hardship(), FIRST + timedelta(days=14)))
    assert third.state.plan.paused_until == FIRST + timedelta(days=24)


def test_hardship_before_the_plan_or_after_it_is_assessments_alone() -> None:
    assert live().when(message(hardship(), DAY)).said == ()
    assert case().when(message(hardship(), DAY)).said == ()


def test_a_temporary_difficulty_has_the_support_group_beside_it() -> None:
    day = FIRST + timedelta(days=1)
    short = live().when(message(hardship(end=date(2026, 9, 30)), day))
    assert short.emits(RenegotiationRequested, SupportOffered)
    long = live().when(message(hardship(end=date(2026, 11, 1)), day))
    assert long.emits(RenegotiationRequested, DifficultyLasts)
    longer = live(assessment__temporary_hardship_months=12).when(
        message(hardship(end=date(2026, 11, 1)), day)
    )
    assert longer.emits(RenegotiationRequested, SupportOffered)


def test_who_tells_of_a_difficulty_that_lasts_is_not_told_that_it_is_temporary() -> None:
    """They are talked with about another plan; the group is for what passes."""
    day = DAY + timedelta(days=1)
    rows = [(add_months(FIRST, n), "100.00") for n in range(6)]
    lasts = live(*rows).when(message(hardship(), day))
    assert lasts.emits(RenegotiationRequested, DifficultyLasts)
    missed = lives_to(lasts, GRACE)
    assert missed.emits(InstalmentLate, InstalmentMissed)
    later = GRACE + timedelta(days=1)
    joins = missed.when(message(desk_care.SupportJoined(channel="phone"), later))
    assert joins.last(InputRefused).reason.code is ReasonCode.SUPPORT_NOT_OFFERED
    passes = missed.when(message(hardship(end=GRACE + timedelta(days=60)), later))
    assert passes.emits(SupportOffered)
    for difficulties, offered in ((True, False), (False, True)):
        held = lives_to(missed.when(message(review(difficulties=difficulties), later)), SECOND)
        assert (SupportOffered in {type(event) for event in held.said}) is offered


def test_support_is_offered_to_who_shows_good_will_once_for_each_difficulty() -> None:
    silent = lives_to(live(), GRACE)
    assert silent.emits(InstalmentLate, InstalmentMissed)
    day = GRACE + timedelta(days=2)
    talked = silent.when(message(contact(), day))
    assert talked.emits(ContactNoted)
    assert talked.last(ContactNoted).talked
    assert talked.closes(day).emits(SupportOffered)
    assert lives_to(talked.closes(day), SECOND).emits(InstalmentLate)
    never = silent.when(message(contact(desk.ContactOutcome.NO_ANSWER), day)).closes(day)
    assert never.said == ()
    strict = lives_to(live(followup__support_after_missed=5), GRACE).when(message(contact(), day))
    assert strict.closes(day).said == ()


@pytest.mark.parametrize(
    ("since", "end", "lasts"),
    [
        (FIRST, None, True),  # nobody knows how long
        (FIRST, date(2026, 10, 1), False),  # six months, the pack's limit of a temporary one
        (FIRST, date(2026, 10, 2), True),
        (date(2025, 1, 1), date(2026, 4, 1), False),  # long, and over by now
        (date(2025, 1, 1), date(2026, 4, 2), True),  # over today
    ],
)
def test_a_difficulty_that_lasts_is_said_for_whoever_watches_the_plan(
    since: date, end: date | None, lasts: bool
) -> None:
    day = FIRST + timedelta(days=1)
    told = live().when(message(hardship(end=end, since=since), day))
    said = [event for event in told.said if isinstance(event, DifficultyLasts)]
    agreement_id = told.state.plan.agreement_id
    assert said == ([DifficultyLasts(agreement_id=agreement_id, as_of=day)] if lasts else [])


def test_special_needs_at_a_review_are_met() -> None:
    held = live().when(message(review(needs=True), FIRST))
    assert held.emits(ReviewRecorded, SatisfactionAsked, SupportOffered)
    assert held.last(SupportOffered).reasons[0].code is ReasonCode.SPECIAL_NEEDS


def test_contacts_without_a_plan_are_the_archives_alone() -> None:
    assert case().when(message(contact(), DAY)).said == ()


# --- incentives


def rewarded(**overrides: Any) -> Given:
    """Six instalments of 100 over a debt with 150 of late charges, the first three paid on time."""
    rows = [(add_months(FIRST, n), "100.00") for n in range(6)]
    plan = live(*rows, **overrides).when(*(message(paid("100.00", due)) for due, _ in rows[:3]))
    return lives_to(plan, add_months(FIRST, 2))


def test_instalments_on_time_waive_a_part_of_the_late_charges_and_shorten_the_plan() -> None:
    plan = rewarded()
    granted = plan.last(RewardGranted)
    assert granted.after_instalment == 3
    assert [(debt.debt_id, debt.amounts) for debt in granted.waived] == [("A-1", balances(late="75.00"))]
    assert [str(line.total) for line in plan.state.plan.lines] == ["100.00"] * 5 + ["25.00"]
    assert [str(charge.owed) for charge in plan.state.charges] == ["75.00"]
    rest = plan.when(message(paid("225.00", date(2026, 6, 2)))).closes(date(2026, 6, 2))
    assert rest.last(PlanCompleted).paid == (cny("525.00"),)


def test_only_late_charges_of_the_plans_debts_in_its_currencies_are_waived() -> None:
    """Two debts of two currencies are in the plan, a third debt is not."""
    rows = [(add_months(FIRST, n), "100.00", c) for n in range(6) for c in ("CNY", "USD")]
    dollars = debt("A-2", outstanding=balances("600.00", late="30.00", currency="USD"),
                   overdue=balances(currency="USD"), payment=None)  # fmt: skip
    opened = case_opened(debt(), dollars, debt("A-3"), debt("A-4"))
    plan = given(FollowupDecider(), reference(**PLAIN)).when(
        message(opened), message(signed(*rows, debts=("A-1", "A-2", "A-4")))
    )
    plan = plan.when(*(message(paid("100.00", on, currency=c)) for on, _, c in rows[:6]))
    granted = lives_to(plan, add_months(FIRST, 2)).last(RewardGranted)
    assert [
        (d.debt_id, str(d.amounts.late_charges), d.amounts.late_charges.currency) for d in granted.waived
    ] == [
        ("A-1", "75.00", "CNY"),
        ("A-2", "15.00", "USD"),
        ("A-4", "75.00", "CNY"),
    ]


@pytest.mark.parametrize(
    ("overrides", "late", "waived"),
    [
        ({"incentives__steps": steps((3, 100, 0))}, "150.00", "150.00"),
        ({"incentives__steps": steps((3, 500, 0))}, "150.00", "150.00"),
        ({"incentives__steps": steps((3, 100, 0))}, "900.00", "300.00"),  # all that is to be paid
        ({"incentives__steps": steps((3, 0, 0))}, "150.00", None),
        ({"incentives__steps": steps((4, 50, 0))}, "150.00", None),
        ({"incentives__steps": []}, "150.00", None),
        ({}, "0.00", None),
    ],
)
def test_a_reward_is_the_policys_and_never_more_than_is_owed(
    overrides: dict[str, Any], late: str, waived: str | None
) -> None:
    rows = [(add_months(FIRST, n), "100.00") for n in range(6)]
    start = given(FollowupDecider(), reference(**PLAIN | overrides))
    opened = case_opened(debt(outstanding=balances("600.00", late=late)))
    plan = start.when(message(opened), message(signed(*rows)))
    plan = lives_to(plan.when(*(message(paid("100.00", due)) for due, _ in rows[:3])), add_months(FIRST, 2))
    rewards = [event for event in plan.said if isinstance(event, RewardGranted)]
    assert [str(total_of(debt.amounts)) for reward in rewards for debt in reward.waived] == [waived] * (
        waived is not None
    )


def test_a_lower_rate_is_an_option_where_the_policy_has_one() -> None:
    plan = rewarded(incentives__steps=steps((3, 50, 10)))
    assert [e.reward for e in plan.said if isinstance(e, RewardGranted)] == [
        "late_charges_waived",
        "lower_rate_option",
    ]


def test_late_payers_earn_nothing_and_a_reward_once_given_stays() -> None:
    late = lives_to(live(incentives__steps=steps((1, 50, 0))), GRACE)
    late = late.when(message(paid("100.00", GRACE + timedelta(days=1)))).closes(GRACE + timedelta(days=1))
    assert late.emits(InstalmentPaid)
    day = date(2026, 6, 10)
    kept = rewarded().when(message(taken_back("100.00", FIRST, day), day)).closes(day)
    assert isinstance(kept.said[0], InstalmentCorrected)
    assert str(kept.state.plan.lines[-1].total) == "25.00"


def test_the_late_charges_are_those_that_intake_last_named() -> None:
    less = debt(outstanding=balances("12000.00", late="40.00"))
    plan = live().when(message(intake.CaseChanged(as_of=DAY, debts=(less, debt("A-2")))))
    assert [(c.debt_id, str(c.owed)) for c in plan.state.charges] == [("A-1", "40.00"), ("A-2", "150.00")]
    gone = plan.when(message(paid("40.00", FIRST, "p", debt(outstanding=balances("12000.00")))))
    assert [c.debt_id for c in gone.state.charges] == ["A-2"]
    assert {SECOND, THIRD} < {line.due for line in gone.state.plan.lines}
