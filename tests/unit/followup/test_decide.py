"""A plan as tables: given a signed plan, when money comes and days close, then what is concluded."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from services.followup.decide import FollowupDecider
from services.followup.model import FollowupStatus
from shared.contracts.agreement import AgreementEnded
from shared.contracts.base import Reason
from shared.contracts.followup import (
    InputRefused,
    InstalmentCorrected,
    InstalmentLate,
    InstalmentMissed,
    InstalmentPaid,
    InstalmentPartial,
    PaymentUnallocated,
    PlanBroken,
    PlanCompleted,
    PlanStarted,
)
from shared.contracts.followup_care import CreditFound, PlanReopened, ProblemOverdue, SatisfactionAsked
from shared.contracts.intake import CaseClosed, CloseReason
from shared.contracts.reasons import ReasonCode
from shared.lending.money import Money
from tests.unit.builders import DAY, case_opened, cny, message, paid, reference, signed, taken_back
from tests.unit.followup.plans import FIRST, GRACE, ROWS, SECOND, THIRD, live, lives_to, states
from tests.unit.spec import given


def test_a_signed_plan_is_followed_with_its_dates() -> None:
    plan = live()
    assert plan.emits(PlanStarted, SatisfactionAsked)
    started = plan.last(PlanStarted)
    assert (started.instalments, started.first_due, started.last_due) == (3, FIRST, THIRD)
    assert started.next_review == date(2026, 6, 2)
    assert plan.state.plan.lines[0].until == GRACE
    assert plan.decider.due(plan.state) == FIRST


PAYMENTS: list[tuple[str, list[tuple[str, date]], date, list[type]]] = [
    ("paid before it is due", [("100.00", DAY)], FIRST, [InstalmentPaid]),
    ("paid on the day", [("100.00", FIRST)], FIRST, [InstalmentPaid]),
    ("short within tolerance", [("99.00", FIRST)], FIRST, [InstalmentPaid]),
    ("short beyond it", [("98.99", FIRST)], FIRST, [InstalmentPartial]),
    ("nothing there", [], FIRST, [InstalmentLate]),
    ("paid in the grace days", [("100.00", GRACE)], GRACE, [InstalmentLate, InstalmentPaid]),
    ("part, then the rest", [("40.00", DAY), ("60.00", GRACE)], GRACE, [InstalmentPartial, InstalmentPaid]),
    ("too late", [("100.00", GRACE + timedelta(days=1))], GRACE, [InstalmentLate, InstalmentMissed]),
    ("never", [], GRACE, [InstalmentLate, InstalmentMissed]),
    ("another currency", [("100.00 USD", FIRST)], FIRST, [InstalmentLate]),
    ("dated before the plan", [("100.00", DAY - timedelta(days=1))], FIRST, [InstalmentLate]),
]


@pytest.mark.parametrize(("_name", "payments", "until", "said"), PAYMENTS, ids=[row[0] for row in PAYMENTS])
def test_an_instalment_is_judged_when_days_close(
    _name: str, payments: list[tuple[str, date]], until: date, said: list[type]
) -> None:
    plan = live()
    for amount, on in payments:
        plan = plan.when(message(paid(amount.split()[0], on, currency=[*amount.split(), "CNY"][1]), on))
    assert [type(event) for event in lives_to(plan, until).said] == said


def test_what_was_paid_in_the_grace_days_is_on_time_and_later_is_not() -> None:
    in_grace = lives_to(live().when(message(paid("100.00", GRACE))), GRACE).last(InstalmentPaid)
    assert (in_grace.on, in_grace.on_time) == (GRACE, True)
    late = lives_to(live(), GRACE).when(message(paid("100.00", date(2026, 4, 9))))
    caught_up = late.closes(date(2026, 4, 9)).last(InstalmentPaid)
    assert (caught_up.on, caught_up.on_time) == (date(2026, 4, 9), False)


def test_the_grace_days_are_the_policys() -> None:
    assert live(followup__grace_days=0).closes(FIRST).emits(InstalmentMissed)
    assert live(followup__grace_days=1).closes(FIRST).last(InstalmentLate).grace_until == date(2026, 4, 2)


def test_the_tolerance_is_the_policys_and_shortfalls_do_not_add_up() -> None:
    strict = live(followup__underpayment_tolerance_pct=0).when(message(paid("99.99", FIRST)))
    assert strict.closes(FIRST).emits(InstalmentPartial)
    short = live().when(message(paid("99.00", FIRST))).closes(FIRST)
    again = short.when(message(paid("99.00", SECOND))).closes(SECOND)
    partial = again.last(InstalmentPartial)  # one went to the first, which was one short
    assert partial.paid == cny("98.00")


def test_money_beyond_an_instalment_is_credit_for_the_next() -> None:
    plan = live().when(message(paid("250.00", FIRST)))
    one = plan.closes(FIRST)
    assert one.emits(InstalmentPaid)
    two = lives_to(one, SECOND)
    assert two.emits(InstalmentPaid)
    three = lives_to(two, THIRD)
    assert three.last(InstalmentPartial).paid == cny("50.00")


@pytest.mark.parametrize(("pays", "short"), [("300.00", ()), ("299.50", (cny("0.50"),))])
def test_a_completion_says_what_was_short_within_the_tolerance(pays: str, short: tuple[Money, ...]) -> None:
    done = lives_to(live().when(message(paid(pays, DAY))), THIRD).last(PlanCompleted)
    assert (done.short, done.paid) == (short, (cny(pays),))


def test_paying_everything_at_once_completes_the_plan() -> None:
    plan = live().when(message(paid("300.00", DAY + timedelta(days=3))))
    done = plan.closes(DAY + timedelta(days=3))
    assert done.emits(InstalmentPaid, InstalmentPaid, InstalmentPaid, PlanCompleted)
    assert done.last(PlanCompleted).paid == (cny("300.00"),)
    assert done.state.status is FollowupStatus.COMPLETED
    assert done.decider.due(done.state) is None


def test_where_everything_is_waived_the_plan_is_completed_on_its_first_day() -> None:
    plan = live((FIRST, "0.00"))
    assert plan.decider.due(plan.state) == DAY
    over = plan.closes(DAY)
    assert over.emits(InstalmentPaid, PlanCompleted)
    assert over.last(PlanCompleted).as_of == DAY
    assert over.last(PlanCompleted).paid == (cny("0.00"),)
    assert (over.state.status, over.decider.due(over.state)) == (FollowupStatus.COMPLETED, None)
    held = plan.closes(FIRST + timedelta(days=40))  # however late its day is closed
    assert held.last(PlanCompleted).as_of == DAY
    assert not [event for event in held.said if isinstance(event, InstalmentLate | InstalmentMissed)]


def test_an_instalment_of_nothing_in_one_currency_is_never_missed() -> None:
    plan = live((FIRST, "0.00", "USD"), (FIRST, "100.00"), (SECOND, "100.00"))
    missed = plan.closes(GRACE)
    assert {event.total.currency for event in missed.said if isinstance(event, InstalmentMissed)} == {"CNY"}


def test_what_is_dated_after_a_completion_found_later_is_credit() -> None:
    """Both are there when the second day closes; the plan was completed on the first."""
    day = DAY + timedelta(days=1)
    both = live().when(message(paid("40.00", day), day), message(paid("300.00", DAY), day)).closes(day)
    assert both.last(PlanCompleted).as_of == DAY
    assert both.last(CreditFound).amount == cny("40.00")


def test_each_currency_is_kept_apart() -> None:
    plan = live((FIRST, "100.00", "CNY"), (FIRST, "50.00", "USD"))
    plan = plan.when(message(paid("200.00", FIRST))).closes(FIRST)
    assert plan.emits(InstalmentPaid, InstalmentLate)
    missed = lives_to(plan, GRACE)
    assert missed.last(InstalmentMissed).total == cny("50.00", "USD")
    done = missed.when(message(paid("50.00", GRACE + timedelta(days=1), currency="USD")))
    done = done.closes(GRACE + timedelta(days=1))
    assert done.last(PlanCompleted).paid == (cny("100.00"), cny("50.00", "USD"))


# --- late and returned money


def test_a_payment_found_later_corrects_a_miss() -> None:
    missed = lives_to(live(), GRACE)
    found = missed.when(message(paid("100.00", FIRST), GRACE + timedelta(days=2)))
    assert found.said == ()
    corrected = found.closes(GRACE + timedelta(days=2))
    assert corrected.emits(InstalmentCorrected, InstalmentPaid)
    what = corrected.last(InstalmentCorrected)
    assert (what.was, what.now, what.reason.code) == ("missed", "paid", ReasonCode.PAID_LATER_FOUND)
    assert corrected.last(InstalmentPaid).on_time
    assert corrected.closes(GRACE + timedelta(days=3)).said == ()


def test_a_payment_taken_back_corrects_what_it_had_paid() -> None:
    good = lives_to(live().when(message(paid("100.00", FIRST, "p"))), GRACE)
    assert states(good)[0] == "paid"
    day = GRACE + timedelta(days=5)
    bad = good.when(message(taken_back("100.00", FIRST, day), day)).closes(day)
    assert bad.emits(InstalmentCorrected, InstalmentLate)
    what = bad.last(InstalmentCorrected)
    assert (what.was, what.now, what.reason.code) == ("paid", "late", ReasonCode.PAYMENT_RETURNED)
    # Three days for the notice and ten of grace: only then is it missed.
    until = bad.last(InstalmentLate).grace_until
    assert until == date(2026, 4, 27)
    assert lives_to(bad, until - timedelta(days=1)).said == ()
    missed = lives_to(bad, until)
    assert missed.emits(InstalmentMissed)
    assert missed.last(InstalmentMissed).paid == cny("0.00")
    # It is late for a breach from the notice, not from the day on which it had been due.
    assert missed.state.plan.lines[0].breach_on == day + timedelta(days=60)
    again = bad.when(message(paid("100.00", until), until)).closes(until)
    assert again.last(InstalmentPaid).on_time


def test_a_part_taken_back_within_tolerance_changes_nothing() -> None:
    good = lives_to(live().when(message(paid("100.00", FIRST, "p"))), GRACE)
    day = GRACE + timedelta(days=5)
    same = good.when(message(taken_back("1.00", FIRST, day), day)).closes(day)
    assert same.said == ()
    short = same.when(message(taken_back("0.01", FIRST, day), day)).closes(day)
    assert short.emits(InstalmentCorrected, InstalmentPartial)


def test_a_return_moves_later_money_to_the_older_instalment() -> None:
    plan = live().when(message(paid("100.00", FIRST, "p")), message(paid("100.00", SECOND)))
    plan = lives_to(plan, SECOND)
    assert states(plan) == ["paid", "paid", "due"]
    day = SECOND + timedelta(days=1)
    after = plan.when(message(taken_back("100.00", FIRST, day), day)).closes(day)
    assert states(after) == ["paid", "late", "due"]  # the older one has new grace, the newer one its own


# --- breaking


def test_two_missed_in_a_row_break_the_plan() -> None:
    broken = lives_to(live(followup__breach_days_late=3000), date(2026, 5, 11))
    assert isinstance(broken.said[-1], PlanBroken)
    # The grace days end on a Saturday that is worked after the holidays.
    assert (broken.last(PlanBroken).missed, broken.last(PlanBroken).as_of) == (2, date(2026, 5, 9))
    assert broken.last(InstalmentMissed).missed_in_a_row == 2
    assert broken.state.status is FollowupStatus.BROKEN
    assert broken.decider.due(broken.state) is None


def test_an_instalment_late_too_long_breaks_the_plan() -> None:
    broken = lives_to(live(followup__breach_days_late=10), FIRST + timedelta(days=10))
    assert broken.last(PlanBroken).as_of == FIRST + timedelta(days=10)
    assert broken.last(PlanBroken).reasons[0].params == {"missed": "1", "days_late": "10"}


def test_one_behind_all_the_time_misses_but_never_two_in_a_row() -> None:
    plan = lives_to(live(), GRACE)
    for due in (SECOND, THIRD):
        plan = lives_to(plan.when(message(paid("100.00", due - timedelta(days=9)))), due + timedelta(days=9))
        assert plan.last(InstalmentMissed).missed_in_a_row == 1
    assert plan.state.status is FollowupStatus.LIVE
    assert states(plan) == ["paid_late", "paid_late", "missed"]


def test_a_broken_plan_stays_broken_though_its_instalments_are_corrected() -> None:
    broken = lives_to(live(), date(2026, 5, 11))
    day = date(2026, 5, 13)
    after = broken.when(message(paid("100.00", FIRST), day)).closes(day)
    assert after.emits(InstalmentCorrected, InstalmentPaid)
    assert after.state.status is FollowupStatus.BROKEN
    # What comes after the end is nobody's yet.
    late = after.when(message(paid("100.00", day), day))
    assert late.emits(PaymentUnallocated)
    assert late.closes(day).state.received == after.state.received


def test_a_completed_plan_is_live_again_when_a_payment_is_returned() -> None:
    day = DAY + timedelta(days=3)
    done = live().when(message(paid("300.00", day, "p"))).closes(day)
    after = done.when(message(taken_back("100.00", day, FIRST), FIRST)).closes(FIRST)
    assert after.emits(PlanReopened, InstalmentCorrected, InstalmentCorrected)  # nor is the second due yet
    assert after.last(PlanReopened).missing == (cny("100.00"),)
    assert (after.last(InstalmentCorrected).was, after.last(InstalmentCorrected).now) == ("paid", "due")
    assert after.state.status is FollowupStatus.LIVE
    again = after.when(message(paid("100.00", SECOND), SECOND))
    assert lives_to(again, SECOND).last(PlanCompleted).paid == (cny("300.00"),)


def test_what_is_paid_after_completion_is_credit_and_makes_up_for_a_return() -> None:
    day = DAY + timedelta(days=3)
    done = live().when(message(paid("300.00", day, "p"))).closes(day)
    more = done.when(message(paid("40.00", FIRST), FIRST)).closes(FIRST)
    assert more.last(CreditFound).amount == cny("40.00")
    less = more.when(message(taken_back("30.00", day, SECOND), SECOND)).closes(SECOND)
    assert less.emits(CreditFound, ProblemOverdue), "nobody has asked the borrower about the first"
    assert less.last(CreditFound).amount == cny("10.00")
    assert less.state.status is FollowupStatus.COMPLETED
    gone = less.when(message(taken_back("60.00", day, THIRD), THIRD)).closes(THIRD)
    assert gone.last(PlanReopened).missing == (cny("50.00"),)
    assert gone.last(CreditFound).amount == cny("0.00")


# --- without a plan, and plan after plan


def test_money_without_a_plan_waits_for_one_that_takes_effect_by_its_date() -> None:
    case = given(FollowupDecider(), reference()).when(message(case_opened()))
    early = case.when(message(paid("100.00", DAY - timedelta(days=1))), message(paid("30.00", DAY)))
    assert early.emits(PaymentUnallocated, PaymentUnallocated)
    plan = early.when(message(signed(*ROWS)))
    assert [entry.amount for entry in plan.state.received] == [cny("30.00")]
    assert lives_to(plan, FIRST).last(InstalmentPartial).paid == cny("30.00")


def test_what_no_plan_can_count_any_more_is_forgotten() -> None:
    case = given(FollowupDecider(), reference()).when(message(case_opened()), message(paid("100.00", DAY)))
    assert case.decider.due(case.state) == DAY
    closed = case.closes(DAY)
    assert closed.state.received == ()
    assert closed.decider.due(closed.state) is None


def test_a_payment_before_the_case_is_known_is_kept() -> None:
    start = given(FollowupDecider(), reference()).when(message(paid("100.00", FIRST)))
    plan = start.when(message(case_opened()), message(signed(*ROWS)))
    assert plan.state.policy == "example-card"
    assert lives_to(plan, FIRST).emits(InstalmentPaid)


def test_a_new_version_takes_over_what_is_dated_from_its_own_day() -> None:
    plan = lives_to(live().when(message(paid("150.00", FIRST))), date(2026, 4, 20))
    plan = plan.when(message(paid("60.00", date(2026, 4, 21)), date(2026, 4, 21)))
    new = signed((SECOND, "80.00"), (THIRD, "80.00"), effective=date(2026, 4, 21), version=2)
    second = plan.when(message(new, date(2026, 4, 21)))
    assert second.emits(PlanStarted, SatisfactionAsked)
    # 50.00 too much for the first plan has lowered the balances that the second one divides.
    assert [(entry.on, entry.amount) for entry in second.state.received] == [(new.effective, cny("60.00"))]
    assert lives_to(second, SECOND).last(InstalmentPartial).paid == cny("60.00")
    old = second.when(message(signed(*ROWS), date(2026, 4, 22)))
    assert old.last(InputRefused).reason.code is ReasonCode.STALE_FACT
    assert second.when(message(new)).last(InputRefused).reason.code is ReasonCode.STALE_FACT


def test_an_agreement_without_instalments_or_rules_is_refused() -> None:
    case = given(FollowupDecider(), reference()).when(message(case_opened()))
    empty = case.when(message(signed()))
    assert empty.last(InputRefused).reason.code is ReasonCode.PLAN_NO_LONGER_COMPUTES
    unknown = case.when(message(signed(*ROWS, policy="no-such-pack")))
    assert unknown.last(InputRefused).reason.code is ReasonCode.UNKNOWN_PRODUCT


def test_the_end_of_the_case_ends_everything() -> None:
    closing = CaseClosed(as_of=FIRST, reason=CloseReason.SOLD)
    plan = live().when(message(paid("100.00", FIRST), FIRST))
    over = plan.when(message(closing, FIRST))
    assert over.said == ()
    assert over.state.status is FollowupStatus.CLOSED
    assert (over.decider.due(over.state), over.state.plan, over.state.received) == (None, None, ())
    assert (
        over.when(message(paid("5.00", SECOND)), message(closing, FIRST), message(case_opened())).said == ()
    )
    refused = over.when(message(signed(*ROWS, version=2)))
    assert refused.last(InputRefused).reason.code is ReasonCode.CASE_CLOSED


def test_a_case_closed_by_its_last_payment_has_a_completed_plan() -> None:
    plan = lives_to(live().when(message(paid("200.00", FIRST))), SECOND)
    last = plan.when(message(paid("100.00", THIRD), THIRD))
    over = last.when(message(CaseClosed(as_of=THIRD, reason=CloseReason.SETTLED), THIRD))
    assert over.emits(InstalmentPaid, PlanCompleted)
    assert over.last(PlanCompleted).paid == (cny("300.00"),)


def test_a_case_that_was_held_catches_up_in_the_order_of_the_days() -> None:
    plan = live().when(message(paid("100.00", GRACE)), message(paid("100.00", SECOND)))
    daily, at_once = lives_to(plan, date(2026, 5, 20)), plan.closes(date(2026, 5, 20))
    assert at_once.said == daily.said
    assert at_once.emits(InstalmentLate, InstalmentPaid, InstalmentPaid)
    assert states(at_once) == states(daily)


def test_a_plan_that_the_borrower_withdrew_from_in_time_is_not_judged() -> None:
    plan = live()
    agreement_id = plan.state.plan.agreement_id

    def ended(code: ReasonCode, id_: str = agreement_id) -> AgreementEnded:
        return AgreementEnded(agreement_id=id_, as_of=DAY, reason=Reason(code=code))

    for other in (ended(ReasonCode.PLAN_BROKEN), ended(ReasonCode.WITHDRAWN_IN_TIME, "another")):
        assert plan.when(message(other, DAY)).state == plan.state
    gone = plan.when(message(ended(ReasonCode.WITHDRAWN_IN_TIME), DAY))
    assert (gone.state.status, gone.state.plan) == (FollowupStatus.WAITING, None)
    assert gone.closes(FIRST).closes(GRACE).emits()
    again = gone.when(message(signed((SECOND, "100.00"), version=2), DAY + timedelta(days=1)))
    assert again.emits(PlanStarted, SatisfactionAsked)
