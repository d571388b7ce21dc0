"""What people find out or decide: interviews, care, doubts, wilful default, overrides. Nothing refuses."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

import deploy
from services.assessment.care import treatments_of
from services.assessment.decide import AssessmentDecider
from services.assessment.model import AssessmentStatus
from shared.contracts import desk, followup, intake
from shared.contracts import desk_household as household
from shared.contracts.assessment import (
    AssessmentCompleted,
    AssessmentLapsed,
    HardshipKind,
    InputRefused,
    ReviewReferred,
    StatementReminded,
    StatementRequested,
    Treatment,
)
from shared.contracts.base import Personal, Reason
from shared.contracts.household import (
    AnswerValue,
    DoubtKind,
    HardshipOnset,
    InterviewAnswer,
    OverrideFigure,
    Vulnerability,
)
from shared.contracts.reasons import ReasonCode
from shared.policy.reference import load_reference
from tests.unit.assessment.desk_says import checked, contact, day, hardship, income, opened, states
from tests.unit.assessment.test_capacity import NO_STRESS, codes
from tests.unit.builders import cny, message, reference
from tests.unit.spec import Given, given

HALF = {**NO_STRESS, "assessment__unverified_income_pct": 50}


def asked(**overrides: Any) -> Given:
    return given(AssessmentDecider(), reference(**overrides)).when(opened())


def assessed(**overrides: Any) -> Given:
    return asked(**overrides).when(states(3))


def answers(n: int, *said: InterviewAnswer) -> Any:
    held = household.InterviewHeld(
        at=datetime(2026, 3, 6, 10, tzinfo=UTC),
        place="branch",
        participants=("negotiator", "borrower"),
        key_points=Personal(value="…"),
        answers=said,
    )
    return message(held, day(n))


def answer(question: str, value: str, on: date | None = None, monthly: str | None = None) -> InterviewAnswer:
    return InterviewAnswer(
        question=question,
        answer=AnswerValue(value),
        on=on,
        monthly=None if monthly is None else cny(monthly),
        words=Personal(value="in their own words"),
    )


def needs_care(n: int, *flags: str, consent: bool = True) -> Any:
    said = household.VulnerabilityRecorded(
        flags=tuple(Vulnerability(flag) for flag in flags), consent=consent, recorded_by="n-1", as_of=day(n)
    )
    return message(said, day(n))


def doubt(n: int, about: str = "forged_evidence", item: str | None = "income:salary") -> Any:
    said = household.DoubtRaised(
        doubt_id="D-1", about=DoubtKind(about), item=item, raised_by="n-1", grounds=Personal(value="…"),
        as_of=day(n),
    )  # fmt: skip
    return message(said, day(n))


def settled(n: int, *, upheld: bool, doubt_id: str = "D-1") -> Any:
    said = household.DoubtSettled(
        doubt_id=doubt_id, upheld=upheld, by="s-1", reason="seen the original", as_of=day(n)
    )
    return message(said, day(n))


def wilful(n: int, *, withdrawn: bool = False) -> Any:
    said = household.WilfulDefaultStated(
        by="n-1", role="negotiator", evidence="file 7", reason="large purchases since", as_of=day(n),
        withdrawn=withdrawn,
    )  # fmt: skip
    return message(said, day(n))


def override(n: int, figure: str, **value: Any) -> Any:
    said = household.AssessmentOverridden(
        figure=OverrideFigure(figure), by="s-1", role="supervisor", reason="a talk with the family", **value
    )
    return message(said, day(n))


# -- the interview


def test_what_is_asked_depends_on_the_situation_and_nobody_is_asked_twice() -> None:
    first = asked()
    assert first.last(StatementRequested).questions == ("hardship_sudden", "paid_agent")
    jobless = first.when(hardship(1, cause="job_loss"), states(2))
    assert jobless.last(AssessmentCompleted).questions == ("hardship_sudden", "paid_agent", "work_search")
    after = first.when(
        hardship(1, cause="job_loss"),
        answers(1, answer("hardship_sudden", "yes"), answer("work_search", "unknown")),
        states(2),
    ).last(AssessmentCompleted)
    assert after.questions == ("paid_agent", "work_search")
    assert after.onset is HardshipOnset.SUDDEN


def test_an_answer_changes_the_projection_and_its_words_are_not_kept() -> None:
    after = assessed(**NO_STRESS).when(answers(4, answer("contract_ends", "yes", date(2026, 8, 31))))
    said = after.last(AssessmentCompleted)
    assert (said.projection[1].start, said.projection[1].available) == (date(2026, 9, 1), cny("0.00"))
    assert said.available_over_life == cny("0.00")
    assert all(kept.words is None for kept in after.state.interview)
    taken_back = after.when(answers(5, answer("contract_ends", "no"))).last(AssessmentCompleted)
    assert len(taken_back.projection) == 1


# -- care


def test_vulnerable_borrowers_have_more_time_and_are_told_how_they_are_treated() -> None:
    after = asked().when(needs_care(1, "mental_health"))
    said = after.last(StatementRequested)
    assert said.due == date(2026, 3, 30)  # ten business days more
    assert said.reasons[0].code is ReasonCode.MORE_TIME_GIVEN
    assert after.when(needs_care(2, "mental_health")).said == ()
    done = after.when(states(3)).last(AssessmentCompleted)
    assert done.vulnerabilities == (Vulnerability.MENTAL_HEALTH,)
    assert done.treatments == (Treatment.MORE_TIME, Treatment.PERSON_DECIDES)
    again = after.when(states(3), hardship(10)).last(StatementRequested)
    assert again.due == date(2026, 4, 10)  # twenty business days from 12 March, Qingming among them


def test_without_consent_nothing_sensitive_is_kept() -> None:
    after = asked().when(needs_care(1, "health", consent=False))
    assert after.last(InputRefused).reason.code is ReasonCode.CONSENT_NEEDED
    assert after.state.vulnerabilities == ()
    given_back = asked().when(needs_care(1, "literacy"), needs_care(2, consent=False))
    assert given_back.state.vulnerabilities == ()


def test_care_changes_no_figure() -> None:
    plain, cared_for = assessed(), asked().when(needs_care(1, "literacy"), states(3))
    assert plain.last(AssessmentCompleted).capacity == cared_for.last(AssessmentCompleted).capacity


def test_who_the_support_group_looks_after_goes_to_it_when_nothing_comes() -> None:
    rows = [{"vulnerability": "health", "treatments": ["support_group"]}]
    after = asked(assessment__treatments=rows).when(needs_care(1, "health")).closes(date(2026, 3, 16))
    assert after.last(AssessmentLapsed).next_step.code is ReasonCode.NEXT_SUPPORT_GROUP


# -- doubts and wilful default


def test_doubted_evidence_is_set_aside_a_person_looks_and_nothing_is_refused() -> None:
    proven = assessed(**HALF).when(checked(4, "income:salary", "8000.00"))
    assert proven.last(AssessmentCompleted).capacity.residual_now == cny("5000.00")
    after = proven.when(doubt(5))
    assert after.emits(ReviewReferred, AssessmentCompleted)
    referral = after.last(ReviewReferred)
    assert (referral.owner_role, referral.due) == ("supervisor", date(2026, 3, 11))  # from a Saturday
    assert [reason.code for reason in referral.reasons] == [
        ReasonCode.EVIDENCE_DOUBTED, ReasonCode.RIGHTS_UNCHANGED]  # fmt: skip
    said = after.last(AssessmentCompleted)
    assert said.capacity.residual_now == cny("1000.00")  # as declared: half of 8,000 counts
    assert (said.doubts, said.capacity.income_verified) == ((DoubtKind.FORGED_EVIDENCE,), cny("0.00"))
    assert next(figure for figure in said.figures if figure.item == "income:salary").in_doubt
    assert after.state.status is AssessmentStatus.ASSESSED
    cleared = after.when(settled(6, upheld=False)).last(AssessmentCompleted)
    assert (cleared.capacity.residual_now, cleared.doubts) == (cny("5000.00"), ())
    upheld = after.when(settled(6, upheld=True)).last(AssessmentCompleted)
    assert (upheld.capacity.residual_now, upheld.doubts) == (cny("1000.00"), ())
    new = after.when(settled(6, upheld=True), checked(7, "income:salary", "6000.00")).last(
        AssessmentCompleted
    )
    assert new.capacity.residual_now == cny("3000.00")  # other evidence, checked since, counts
    assert after.when(settled(6, upheld=True, doubt_id="D-9")).last(InputRefused)


@pytest.mark.parametrize("how", [
    doubt(5, "paid_agent", None), answers(5, answer("paid_agent", "yes")),
])  # fmt: skip
def test_a_paid_agent_goes_to_a_person_and_changes_no_figure(how: Any) -> None:
    before = assessed()
    after = before.when(how)
    assert after.emits(ReviewReferred, AssessmentCompleted)
    assert after.last(ReviewReferred).reasons[0].code is ReasonCode.PAID_AGENT_SUSPECTED
    said = after.last(AssessmentCompleted)
    assert said.capacity == before.last(AssessmentCompleted).capacity
    assert ReasonCode.PERSON_LOOKS_FIRST in codes(said)


def test_wilful_default_rests_on_a_statement_alone_and_changes_no_figure() -> None:
    before = assessed()
    after = before.when(wilful(5))
    assert after.emits(ReviewReferred, AssessmentCompleted)
    said = after.last(AssessmentCompleted)
    assert said.wilful is not None
    assert (said.wilful.by, said.wilful.evidence) == ("n-1", "file 7")
    assert said.capacity == before.last(AssessmentCompleted).capacity
    assert after.when(wilful(6, withdrawn=True)).last(AssessmentCompleted).wilful is None
    silent = before.when(
        *(contact(n, "no_answer") for n in range(4, 40)), states(41, income=(income("1.00"),))
    )
    assert silent.last(AssessmentCompleted).wilful is None  # no score ever says so


# -- overrides


def test_a_person_s_amount_stands_beside_the_computed_one() -> None:
    after = assessed(**NO_STRESS).when(override(5, "available", monthly=cny("1200.00")))
    said = after.last(AssessmentCompleted)
    assert (said.capacity.available_now, said.capacity.available_stress) == (cny("1200.00"), cny("1200.00"))
    (kept,) = said.overrides
    assert (kept.computed, kept.value, kept.by, kept.on) == ("5000.00", "1200.00", "s-1", day(5))
    assert kept.reason == "a talk with the family"
    assert ReasonCode.VALUE_SET_BY_PERSON in codes(said)
    back = after.when(
        message(
            household.AssessmentOverridden(
                figure=OverrideFigure.AVAILABLE,
                by="s-1",
                role="supervisor",
                reason="mistaken",
                withdrawn=True,
            ),
            day(6),
        )
    ).last(AssessmentCompleted)
    assert (back.overrides, back.capacity.available_now) == ((), cny("5000.00"))


def test_an_override_falls_when_other_facts_are_known() -> None:
    after = assessed(**NO_STRESS).when(override(5, "available", monthly=cny("1200.00")))
    said = after.when(checked(6, "income:salary", "7000.00")).last(AssessmentCompleted)
    assert (said.overrides, said.capacity.available_now) == ((), cny("4000.00"))
    assert ReasonCode.VALUE_COMPUTED_AGAIN in codes(said)


def test_scores_and_hardship_may_be_set_too() -> None:
    said = (
        assessed()
        .when(
            override(5, "capacity_score", score=10),
            override(5, "willingness_score", score=90),
            override(5, "hardship", hardship=HardshipKind.LASTING),
        )
        .last(AssessmentCompleted)
    )
    assert (said.capacity_score, said.willingness_score, said.hardship) == (10, 90, HardshipKind.LASTING)
    assert [item.computed for item in said.overrides] == ["100", "66", "none"]


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (override(5, "available", monthly=cny("5000.01")), ReasonCode.OVERRIDE_ABOVE_RESIDUAL),
        (override(5, "available", monthly=cny("1.00", "USD")), ReasonCode.CURRENCY_MISMATCH),
        (override(5, "available", monthly=cny("-1.00")), ReasonCode.AMOUNT_OUT_OF_RANGE),
        (override(5, "available", score=5), ReasonCode.OVERRIDE_UNCLEAR),
        (override(5, "hardship"), ReasonCode.OVERRIDE_UNCLEAR),
    ],
)
def test_an_override_that_cannot_stand_is_refused(value: Any, code: ReasonCode) -> None:
    before = assessed(**NO_STRESS)
    after = before.when(value)
    assert after.last(InputRefused).reason.code is code
    assert after.state == before.state
    assert asked().when(value).last(InputRefused).reason.code is ReasonCode.NO_ASSESSMENT


# -- willingness


def test_an_instalment_that_asks_for_nothing_is_no_good_will() -> None:
    def in_time(amount: str) -> followup.InstalmentPaid:
        return followup.InstalmentPaid(
            agreement_id="A", version=1, number=1, due=day(1), total=cny(amount), paid=cny(amount), on=day(1),
            on_time=True,
        )  # fmt: skip

    def score(*facts: Any) -> int:
        said = [message(fact, day(1)) for fact in facts]
        return asked().when(*said, states(3)).last(AssessmentCompleted).willingness_score

    assert score(in_time("0.00"), in_time("0.00")) == score() < score(in_time("1.00"), in_time("1.00"))


def test_promises_and_payments_are_willingness_and_never_capacity() -> None:
    kept = followup.PromiseKept(promise_id="P", paid=cny("1.00"))
    broken = followup.PromiseBroken(promise_id="P", promised=cny("1.00"), paid=cny("0.00"), due=day(2))
    paid = intake.PaymentMatched(
        payment_id="p", amount=cny("1.00"), value_date=day(2), allocations=(), unallocated=cny("1.00")
    )
    back = intake.PaymentTakenBack(
        payment_id="p", reversal_id="r", amount=cny("1.00"), reversed_on=day(2), value_date=day(2),
        allocations=(),
    )  # fmt: skip
    terms: dict[str, Any] = {
        "agreement_id": "A", "version": 1, "number": 1, "due": day(1),
        "total": cny("1.00"), "paid": cny("0.00"),
    }  # fmt: skip
    missed = followup.InstalmentMissed(**terms, missed_in_a_row=1)
    righted = followup.InstalmentCorrected(
        **terms, was="missed", now="paid", reason=Reason(code=ReasonCode.PAYMENT_BACKDATED)
    )

    def after(*facts: Any) -> AssessmentCompleted:
        said = [message(fact, day(1)) for fact in facts]
        return asked().when(*said, states(3)).last(AssessmentCompleted)

    plain = after()
    good, bad = after(kept, kept, paid), after(broken, missed, broken)
    assert bad.willingness_score < plain.willingness_score < good.willingness_score
    assert good.capacity == plain.capacity == bad.capacity
    assert good.capacity_score == plain.capacity_score == bad.capacity_score
    assert good.projection == plain.projection == bad.projection
    assert {reason.code for reason in good.willingness_reasons} == {
        ReasonCode.STATEMENT_IN_TIME, ReasonCode.PROMISES_KEPT, ReasonCode.PAYMENTS_MADE}  # fmt: skip
    assert {reason.code for reason in bad.willingness_reasons} == {
        ReasonCode.STATEMENT_IN_TIME,
        ReasonCode.PROMISES_NOT_KEPT,
        ReasonCode.INSTALMENTS_MISSED,
    }
    assert after(paid, back).willingness_score == plain.willingness_score
    assert after(missed, righted).willingness_score > plain.willingness_score


def test_a_difficulty_is_told_as_it_is() -> None:
    said = desk.HardshipReported(
        cause=desk.HardshipCause.ILLNESS, since=day(0), expected_end=day(60), onset=HardshipOnset.SLOW
    )
    done = asked().when(message(said, day(1)), states(3)).last(AssessmentCompleted)
    assert (done.hardship, done.cause, done.onset) == (
        HardshipKind.TEMPORARY, desk.HardshipCause.ILLNESS, HardshipOnset.SLOW)  # fmt: skip
    assert (done.hardship_since, done.hardship_ends) == (day(0), day(60))


# -- reminders of open points


def test_open_points_are_reminded_of_and_nothing_lapses_without_them() -> None:
    after = assessed(assessment__open_reminders_business_days=[5, 8])
    points = after.last(AssessmentCompleted).open_points
    first = after.decider.due(after.state)
    assert first == date(2026, 3, 12)  # five business days after Thursday 5 March
    reminded = after.closes(first)
    assert reminded.emits(StatementReminded)
    said = reminded.last(StatementReminded)
    assert (said.open_points, said.missing, said.number, said.due) == (points, (), 1, points[0].due)
    proven = reminded.when(checked(12, "income:salary", "8000.00"))
    assert proven.decider.due(proven.state) == day(93)  # nothing open: until the figures expire
    again = reminded.closes(date(2026, 3, 17))
    assert again.last(StatementReminded).number == 2
    assert again.state.status is AssessmentStatus.ASSESSED
    assert again.closes(points[0].due).said == ()
    assert after.when(hardship(5)).state.wanted is None  # the whole statement is asked anew


def test_who_cannot_stop_gambling_is_treated_with_care_as_the_shipped_packs_say() -> None:
    """There was no word for it: it was recorded as an illness of the mind, or not at all."""
    packs = load_reference(Path(deploy.__file__).parent / "policies")({}).policies
    for pack in packs.pack_ids:
        found = treatments_of((Vulnerability.ADDICTION,), packs.in_force(pack, date(2026, 3, 2)))
        assert set(found) >= {Treatment.MORE_TIME, Treatment.PERSON_DECIDES, Treatment.SUPPORT_GROUP}
        every = {row.vulnerability for row in packs.in_force(pack, date(2026, 3, 2)).assessment.treatments}
        assert every == set(Vulnerability), "whoever is recorded is treated in some way"
