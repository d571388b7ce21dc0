"""Assessment: what is asked and by when, statements in parts, versions, expiry."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import given as forall
from hypothesis import strategies as st

from services.assessment.decide import AssessmentDecider
from services.assessment.model import AssessmentState, AssessmentStatus
from shared.contracts import intake, offer
from shared.contracts.assessment import (
    AssessmentCompleted,
    AssessmentExpired,
    AssessmentLapsed,
    HardshipKind,
    InputRefused,
    StatementReminded,
    StatementRequested,
)
from shared.contracts.base import Reason
from shared.contracts.desk import HardshipCause
from shared.contracts.reasons import ReasonCode
from shared.contracts.registry import EVENTS
from tests.unit.assessment.desk_says import (
    ALL,
    checked,
    contact,
    day,
    ended,
    hardship,
    income,
    opened,
    plan_broken,
    plan_started,
    renegotiation,
    states,
)
from tests.unit.builders import CASE, DAY, cny, message, reference
from tests.unit.contracts.strategies import envelopes
from tests.unit.spec import Given, given

REFERENCE = reference()


def start(**overrides: Any) -> Given:
    return given(AssessmentDecider(), reference(**overrides) if overrides else REFERENCE)


def asked(**overrides: Any) -> Given:
    return start(**overrides).when(opened())


def assessed(**overrides: Any) -> Given:
    return asked(**overrides).when(states(3))


# -- what is asked, and by when


def test_a_case_begins_with_the_question_for_a_statement() -> None:
    after = asked()
    assert after.emits(StatementRequested)
    said = after.last(StatementRequested)
    assert said.missing == ALL
    assert said.due == date(2026, 3, 16)  # ten business days after Monday 2 March
    assert said.reasons[0].code is ReasonCode.STATEMENT_NEEDED


def test_the_policy_says_what_is_asked_and_by_when() -> None:
    after = asked(assessment__required_parts=["income"], assessment__statement_business_days=3)
    said = after.last(StatementRequested)
    assert (said.missing, said.due) == (("income",), date(2026, 3, 5))
    assert after.when(states(1, "income")).emits(AssessmentCompleted)


def test_days_to_answer_are_business_days() -> None:
    golden_week = message(intake.CaseOpened(**dict(opened().data)), date(2026, 9, 30))
    due = start(assessment__statement_business_days=2).when(golden_week).last(StatementRequested).due
    assert due == date(2026, 10, 9)


def test_reminders_then_a_person_takes_over_then_asked_again() -> None:
    after = asked(assessment__reminders_business_days=[5, 8])
    for due, number in ((date(2026, 3, 9), 1), (date(2026, 3, 12), 2)):
        assert after.decider.due(after.state) == due
        after = after.closes(due)
        assert after.emits(StatementReminded)
        assert after.last(StatementReminded).number == number
    after = after.closes(date(2026, 3, 16))
    assert after.emits(AssessmentLapsed)
    assert after.last(AssessmentLapsed).next_step.code is ReasonCode.NEXT_HUMAN_REVIEW
    assert after.state.status is AssessmentStatus.LAPSED
    again = after.decider.due(after.state)
    assert again == date(2026, 6, 16)  # the pack's three months
    assert after.closes(again).emits(StatementRequested)


def test_days_missed_are_made_up_for_in_order_and_twice_is_once() -> None:
    after = asked(assessment__reminders_business_days=[5, 8]).closes(date(2026, 3, 20))
    assert after.emits(StatementReminded, StatementReminded, AssessmentLapsed)
    assert after.closes(date(2026, 3, 20)).state == after.state


def test_a_statement_may_come_in_parts_and_what_is_missing_is_known() -> None:
    after = asked().when(states(2, "income", "assets"))
    assert after.emits(StatementRequested)
    said = after.last(StatementRequested)
    assert said.missing == ("spending", "dependants", "other_debts")
    assert said.due == date(2026, 3, 16)
    assert said.reasons[0].params == {"missing": "spending, dependants, other_debts"}
    assert after.closes(date(2026, 3, 9)).last(StatementReminded).missing == said.missing
    done = after.when(states(8, "spending", "dependants", "other_debts"))
    assert done.emits(AssessmentCompleted)
    assert done.state.status is AssessmentStatus.ASSESSED


def test_an_empty_list_is_an_answer() -> None:
    done = asked().when(states(2, other_debts=(), assets=()))
    assert done.emits(AssessmentCompleted)


def test_a_statement_that_comes_after_all_is_used_in_full() -> None:
    lapsed = asked().closes(date(2026, 3, 16))
    after = lapsed.when(states(40))
    assert after.emits(AssessmentCompleted)
    codes = {reason.code for reason in after.last(AssessmentCompleted).reasons}
    assert ReasonCode.STATEMENT_LATE in codes
    part = lapsed.when(states(40, "income"))
    assert part.emits(StatementRequested)
    assert part.last(StatementRequested).due == date(2026, 4, 24)  # ten business days from a Saturday


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        (states(3, income=(income("1.00").model_copy(update={"monthly": cny("1.00", "USD")}),)),
         ReasonCode.CURRENCY_MISMATCH),
        (states(3, income=(income("-1.00"),)), ReasonCode.AMOUNT_OUT_OF_RANGE),
        (states(3, income=(income("99999999999999.00"),)), ReasonCode.AMOUNT_OUT_OF_RANGE),
        (states(3, as_of=-100), ReasonCode.STATEMENT_STALE),
        (checked(3, "income:salary", "-1.00"), ReasonCode.AMOUNT_OUT_OF_RANGE),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_refused_with_a_reason(statement: Any, code: ReasonCode) -> None:
    before = asked()
    after = before.when(statement)
    assert after.emits(InputRefused)
    assert after.last(InputRefused).reason.code is code
    assert after.state == before.state


@pytest.mark.parametrize("fact", [states(0), checked(0, "income:salary", "1.00"), hardship(0)])
def test_what_overtakes_the_case_waits_for_it(fact: Any) -> None:
    waiting = start().when(fact)
    assert waiting.said == ()
    assert waiting.closes(DAY).last(InputRefused).reason.code is ReasonCode.NO_CASE
    assert waiting.when(opened()).waiting == ()


def test_an_older_statement_does_not_replace_a_newer_one() -> None:
    after = assessed().when(states(5, as_of=1, income=(income("1.00"),)))
    assert after.last(InputRefused).reason.code is ReasonCode.STATEMENT_STALE
    newer = assessed().when(states(5, income=(income("1.00"),)))
    assert newer.last(AssessmentCompleted).capacity.income_declared == cny("1.00")


def test_a_statement_about_the_future_counts_from_the_day_it_was_made() -> None:
    done = asked().when(states(3, as_of=3000))
    assert done.last(AssessmentCompleted).as_of == day(3)
    assert done.when(states(9)).emits(AssessmentCompleted)


# -- versions


def test_every_new_fact_makes_a_new_version() -> None:
    after = assessed()
    first = after.last(AssessmentCompleted)
    assert (first.version, first.as_of, first.expires) == (1, day(3), day(93))
    second = after.when(checked(5, "income:salary", "7000.00")).last(AssessmentCompleted)
    assert second.version == 2
    assert second.assessment_id != first.assessment_id
    assert (second.capacity.income_declared, second.capacity.income_verified) == (
        cny("8000.00"), cny("7000.00"))  # fmt: skip
    third = after.when(checked(5, "income:salary", "7000.00"), states(9, "dependants", dependants=2))
    assert third.last(AssessmentCompleted).version == 3
    assert third.last(AssessmentCompleted).expires == day(93)  # as old as its oldest part


def test_the_same_evidence_again_changes_nothing_and_older_evidence_is_stale() -> None:
    after = assessed().when(checked(5, "income:salary", "7000.00"))
    assert after.when(checked(6, "income:salary", "7000.00", as_of=5)).said == ()
    older = after.when(checked(6, "income:salary", "9000.00", as_of=4))
    assert older.last(InputRefused).reason.code is ReasonCode.STALE_FACT


def test_evidence_that_came_before_the_statement_counts_in_it() -> None:
    after = asked().when(checked(1, "income:salary", "7000.00"))
    assert after.said == ()
    done = after.when(states(3)).last(AssessmentCompleted)
    assert done.capacity.income_verified == cny("7000.00")


def test_evidence_of_what_is_declared_no_more_proves_nothing() -> None:
    after = assessed().when(checked(5, "income:salary", "8000.00"))
    same = after.when(states(9)).last(AssessmentCompleted)
    assert same.capacity.income_verified == cny("8000.00")
    less = after.when(states(9, income=(income("3000.00"),))).last(AssessmentCompleted)
    assert less.capacity.income_verified == cny("0.00")


# -- hardship


@pytest.mark.parametrize(
    ("months", "kind"),
    [(None, HardshipKind.UNKNOWN), (3, HardshipKind.TEMPORARY), (9, HardshipKind.LASTING)],
)
def test_hardship_makes_a_new_version_and_asks_for_fresh_figures(
    months: int | None, kind: HardshipKind
) -> None:
    after = assessed().when(hardship(10, months=months))
    assert after.emits(AssessmentCompleted, StatementRequested)
    said = after.last(AssessmentCompleted)
    assert (said.hardship, said.cause, said.version) == (kind, HardshipCause.JOB_LOSS, 2)
    assert after.last(StatementRequested).reasons[0].code is ReasonCode.HARDSHIP_REPORTED
    again = after.when(states(12, income=(income("4000.00"),)))
    assert again.last(AssessmentCompleted).capacity.income_declared == cny("4000.00")
    assert again.last(AssessmentCompleted).hardship is kind


def test_how_long_is_temporary_is_the_policy_s() -> None:
    after = assessed(assessment__temporary_hardship_months=12).when(hardship(10, months=9))
    assert after.last(AssessmentCompleted).hardship is HardshipKind.TEMPORARY


def test_hardship_reported_while_all_is_asked_anyway_asks_nothing_twice() -> None:
    after = asked().when(hardship(1, months=3))
    assert after.said == ()
    done = after.when(states(3)).last(AssessmentCompleted)
    assert done.hardship is HardshipKind.TEMPORARY
    assert after.when(hardship(1, months=3)).said == ()


# -- expiry and plans


def test_expired_figures_are_asked_again_while_talks_are_open() -> None:
    after = assessed()
    assert after.decider.due(after.state) == day(93)
    expired = after.closes(day(93))
    assert expired.emits(AssessmentExpired, StatementRequested)
    assert expired.last(AssessmentExpired).assessment_id == after.last(AssessmentCompleted).assessment_id
    assert expired.last(StatementRequested).reasons[0].code is ReasonCode.STATEMENT_RENEWAL
    assert expired.last(StatementRequested).missing == ALL
    assert expired.when(states(95)).last(AssessmentCompleted).version == 2


def test_the_policy_says_how_long_figures_are_good() -> None:
    assert assessed(assessment__validity_days=30).last(AssessmentCompleted).expires == day(33)


def test_nothing_is_asked_while_a_signed_plan_is_in_force() -> None:
    after = assessed().when(plan_started(5))
    assert after.decider.due(after.state) is None
    assert after.closes(day(300)).said == ()
    during = asked().when(plan_started(5))
    assert during.decider.due(during.state) is None


def test_a_broken_plan_asks_what_can_be_paid() -> None:
    soon = assessed().when(plan_started(5)).when(plan_broken(60))
    assert soon.emits(StatementRequested)
    assert soon.last(StatementRequested).reasons[0].code is ReasonCode.PLAN_BROKEN
    assert soon.when(ended(60, ReasonCode.PLAN_BROKEN)).said == ()
    silent = soon.closes(day(80))
    assert silent.state.status is AssessmentStatus.ASSESSED  # the figures at hand stay until they expire
    late = assessed().when(plan_started(5)).when(plan_broken(200), ended(200, ReasonCode.PLAN_BROKEN))
    assert late.emits(AssessmentExpired, StatementRequested)
    superseded = assessed().when(plan_started(5)).when(ended(200, ReasonCode.PLAN_SUPERSEDED))
    assert superseded.said == ()


def test_renegotiation_begins_with_fresh_figures_once() -> None:
    after = assessed().when(plan_started(5)).when(renegotiation(60))
    assert after.emits(StatementRequested)
    assert after.last(StatementRequested).reasons[0].code is ReasonCode.NEW_DIFFICULTIES
    assert after.when(renegotiation(60)).said == ()
    assert after.when(states(63)).last(AssessmentCompleted).as_of == day(63)
    silent = after.closes(day(90))
    assert silent.last(AssessmentLapsed).as_of < day(90)
    assert silent.state.status is AssessmentStatus.PLANNED  # the plan goes on as it is


def test_talks_that_failed_beside_a_live_plan_end_the_questions() -> None:
    failed = offer.TalksFailed(
        rounds=3,
        as_of=day(80),
        reason=Reason(code=ReasonCode.ROUNDS_EXHAUSTED),
        next_step=Reason(code=ReasonCode.NEXT_HUMAN_REVIEW),
    )
    after = assessed().when(plan_started(5), renegotiation(60), states(63)).when(message(failed, day(80)))
    assert after.decider.due(after.state) is None


def test_offer_asks_for_new_figures_when_it_has_none() -> None:
    none = offer.NoPlanFound(
        assessment_id="",
        as_of=day(40),
        reason=Reason(code=ReasonCode.ASSESSMENT_EXPIRED),
        next_step=Reason(code=ReasonCode.NEXT_NEW_STATEMENT),
    )
    lapsed = asked().closes(date(2026, 3, 16))
    assert lapsed.when(message(none, day(40))).emits(StatementRequested)
    assert asked().when(message(none, day(1))).said == ()
    assert assessed().when(message(none, day(40))).said == ()


def test_a_closed_case_keeps_no_figures() -> None:
    closed = intake.CaseClosed(as_of=day(9), reason=intake.CloseReason.CURED)
    after = assessed().when(checked(5, "income:salary", "1.00"), message(closed, day(9)))
    assert after.state.status is AssessmentStatus.CLOSED
    assert after.state.statement.income is None
    assert after.state.verified == ()
    assert after.decider.due(after.state) is None
    assert after.when(states(10)).last(InputRefused).reason.code is ReasonCode.CASE_CLOSED


# -- properties

FACTS = st.one_of(
    st.builds(
        lambda n, only: states(n, *only),
        st.integers(0, 200),
        st.lists(st.sampled_from(ALL), max_size=4),
    ),
    st.builds(lambda n, m: checked(n, "income:salary", f"{m}.00"), st.integers(0, 200), st.integers(0, 9000)),
    st.builds(hardship, st.integers(0, 200)),
    st.builds(contact, st.integers(0, 200), st.sampled_from(["talked", "no_answer", "refused"])),
    st.builds(plan_started, st.integers(0, 200)),
    st.builds(plan_broken, st.integers(0, 200)),
    st.builds(renegotiation, st.integers(0, 200)),
)


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@forall(st.lists(FACTS, max_size=20))
def test_an_open_case_always_has_a_next_date_unless_a_plan_is_in_force(facts: list[Any]) -> None:
    decider = AssessmentDecider()
    state = decider.decide(None, opened(), REFERENCE).state
    today = DAY
    for fact in sorted(facts, key=lambda fact: fact.time):
        while today < fact.day:
            assert state is not None
            due = decider.due(state)
            if due is not None and due <= today:
                state = decider.close(state, today, REFERENCE).state
                assert state is not None
                due = decider.due(state)
                assert due is None or due > today
            today = date.fromordinal(today.toordinal() + 1)
        state = decider.decide(state, fact, REFERENCE).state
        assert state is not None
        assert (decider.due(state) is None) == (state.status is AssessmentStatus.PLANNED)
    assert state is not None
    assert AssessmentState.model_validate(state.model_dump(mode="json")) == state


READ = [
    envelopes(kind)
    for kind in EVENTS.values()
    if kind.PRODUCER in {"intake", "desk", "offer", "agreement", "followup"}
]


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@forall(st.lists(st.one_of(*READ), min_size=1, max_size=6))
def test_no_message_of_any_kind_raises(messages: list[Any]) -> None:
    decider = AssessmentDecider()
    for before in (None, asked().state, assessed().state, assessed().when(plan_started(5)).state):
        state = before
        for message_ in messages:
            known = replace(message_, key="C-1", subject=CASE, time=states(9).time)
            state = decider.decide(state, known, REFERENCE).state
