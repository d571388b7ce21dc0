"""Who earns in some months only: offered, signed, paid and completed by instalments in these months."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from services.agreement.decide import AgreementDecider
from services.followup.decide import FollowupDecider
from services.offer.decide import OfferDecider
from services.offer.rules import capacity_of
from shared.contracts import desk
from shared.contracts.agreement import AgreementDrafted, AgreementSigned, BankInstructed
from shared.contracts.assessment import AssessmentCompleted, ProjectedCapacity
from shared.contracts.debts import Measure, Plan
from shared.contracts.followup import InstalmentMissed, InstalmentPaid, PlanCompleted, PlanStarted
from shared.contracts.offer import ApprovalRequested, OfferAgreed, OfferTabled
from shared.contracts.reasons import ReasonCode
from tests.unit.builders import DAY, assessed, case_opened, cny, message, paid, reference
from tests.unit.spec import Given, given

WINTER = (1, 2, 3, 10, 11, 12)
RULES = reference(relief__season_max_months=6)


def after(days: int) -> date:
    return DAY + timedelta(days=days)


def seasonal() -> AssessmentCompleted:
    """Work from April to September of each year: 1,600.00 are left then, and nothing in the winter."""
    steps = tuple(
        ProjectedCapacity(
            start=date(year, month, 1),
            residual=cny(left),
            residual_stress=cny(left),
            available=cny(left),
            available_stress=cny(left),
        )
        for year in range(2026, 2031)
        for month, left in ((4, "1600.00"), (10, "0.00"))
    )
    return assessed("0.00").model_copy(update={"projection": steps})


def tabled() -> Given:
    return given(OfferDecider(), RULES).when(message(case_opened()), message(seasonal()))


def agreed() -> tuple[OfferAgreed, Plan]:
    step = tabled()
    offer = step.last(OfferTabled)
    plan = offer.plans[0]
    said = desk.OfferAccepted(offer_id=offer.offer_id, plan_id=plan.plan_id, channel="app")
    asked = step.when(message(said, after(1)))
    request = asked.last(ApprovalRequested)
    assert ReasonCode.SEASONAL_PAUSE in [reason.code for reason in request.reasons]
    yes = desk.ApprovalGranted(request_id=request.request_id, by="s-1", role=request.role, reason="true")
    return asked.when(message(yes, after(1))).last(OfferAgreed), plan


def signed() -> tuple[AgreementSigned, tuple[Any, ...]]:
    offer, _ = agreed()
    step = given(AgreementDecider(), RULES).when(message(case_opened()), message(offer, after(1)))
    draft = step.last(AgreementDrafted)
    for party in desk.SignatureParty:
        signature = desk.SignatureGiven(
            agreement_id=draft.agreement_id, version=draft.version, party=party,
            content_hash=draft.content_hash, channel="app", evidence="otp-1",
        )  # fmt: skip
        step = step.when(message(signature, after(2)))
    done = step.closes(after(2))
    return done.last(AgreementSigned), done.said


def test_every_plan_has_its_instalments_in_the_months_with_income() -> None:
    offer = tabled().last(OfferTabled)
    means = capacity_of(tabled().state.assessed)
    for plan in offer.plans:
        assert Measure.SEASONAL_PAUSE in plan.measures
        assert {one.skips for one in plan.debts} == {WINTER}
        for row in plan.payments:
            assert row.due.month not in WINTER
            assert row.total <= min(means.at(row.due))
    assert any(row.due.year > plan.payments[0].due.year for plan in offer.plans for row in plan.payments)


def test_the_document_and_the_bank_have_the_days_that_were_agreed() -> None:
    offer, plan = agreed()
    agreement, said = signed()
    assert agreement.instalments == offer.plan.payments == plan.payments
    (told,) = [event for event in said if isinstance(event, BankInstructed)]
    assert {row.due.month for schedule in told.schedules for row in schedule.rows}.isdisjoint(WINTER)


def test_nothing_is_missed_in_the_winter_and_what_is_paid_completes_the_plan() -> None:
    agreement, _ = signed()
    step = given(FollowupDecider(), RULES).when(message(case_opened()))
    step = step.when(message(agreement, after(2)))
    assert step.last(PlanStarted).instalments == len(agreement.instalments)
    heard: list[Any] = []
    due = {row.due: row.total for row in agreement.instalments}
    day, last = after(3), agreement.instalments[-1].due
    while day <= last:
        if day in due:
            step = step.when(message(paid(str(due[day]), day), day))
            heard += step.said
        step = step.closes(day)
        heard += step.said
        day += timedelta(days=1)
    assert not [event for event in heard if isinstance(event, InstalmentMissed)]
    assert sum(isinstance(event, InstalmentPaid) for event in heard) == len(due)
    assert any(isinstance(event, PlanCompleted) for event in heard)
