"""Figures that move under an offer, and what follows the handshake."""

from __future__ import annotations

import pytest

from services.offer.decide import OfferDecider
from services.offer.model import OfferStatus
from shared.contracts import agreement, assessment, intake
from shared.contracts.base import Event, Reason
from shared.contracts.debts import DebtStatus
from shared.contracts.offer import (
    InputRefused,
    NoPlanFound,
    OfferRevised,
    OfferTabled,
    OfferWithdrawn,
    TalksFailed,
)
from shared.contracts.plan_terms import total_of
from shared.contracts.reasons import ReasonCode
from tests.unit.builders import CASE, assessed, case_opened, cny, debt, message, reference
from tests.unit.offer.table import (
    LESS,
    accept,
    after,
    agreed,
    changed,
    counter,
    grant,
    live,
    no_plan_wanted,
    paid,
    plan_of,
    refused,
    renegotiate,
    requested,
    returned,
    signed,
    tabled,
)
from tests.unit.spec import given


@pytest.mark.parametrize("fact", [changed(LESS), paid(LESS)])
def test_a_changed_balance_withdraws_and_tables_anew_in_the_same_round(fact: Event) -> None:
    step = tabled()
    on = step.last(OfferTabled)
    step = step.when(message(counter(on, monthly=cny("700.00")), after(1)))
    second = step.last(OfferRevised)
    moved = step.when(message(fact, after(2), sequence=2))
    assert moved.emits(OfferWithdrawn, OfferTabled)
    again = moved.last(OfferTabled)
    assert (again.round, again.tabled_on) == (2, after(2))
    assert again.balances[0].balances == LESS.outstanding
    assert max(row.total.minor for row in again.plans[0].payments) <= 70000  # the wish is remembered
    old = moved.when(message(accept(second.offer_id, second.plans[0].plan_id), after(3)))
    assert refused(old) is ReasonCode.BALANCE_CHANGED


def test_an_unchanged_balance_changes_nothing() -> None:
    step = tabled()
    same = step.when(message(changed(debt(as_of=after(1), days=76)), after(1), sequence=2))
    assert same.emits()
    assert same.state.offer == step.state.offer
    assert same.state.debts_seen == 2


def test_a_balance_that_moves_during_approval_makes_the_request_void() -> None:
    asked, request = requested()
    moved = asked.when(message(changed(LESS), after(2)))
    assert moved.emits(OfferWithdrawn, OfferTabled)
    assert refused(moved.when(message(grant(request), after(3)))) is ReasonCode.BALANCE_CHANGED


def test_when_nothing_is_owed_any_more_the_offer_is_withdrawn_and_comes_back_with_a_debt() -> None:
    cured = debt(status=DebtStatus.CURED)
    held = tabled().when(message(changed(cured), after(1)))
    assert held.emits()  # whatever else the day brings: it is closed first
    step = held.closes(after(1))
    assert step.emits(OfferWithdrawn)
    assert step.state.status is OfferStatus.WAITING
    assert step.when(message(changed(debt()), after(2))).emits(OfferTabled)


def test_an_expired_assessment_withdraws_and_a_new_one_begins_talks() -> None:
    step = tabled()
    expired = assessment.AssessmentExpired(assessment_id="assessment-1", as_of=after(5))
    gone = step.when(message(expired, after(5)))
    assert gone.emits(OfferWithdrawn)
    assert gone.last(OfferWithdrawn).reason.code is ReasonCode.ASSESSMENT_EXPIRED
    renewed = gone.when(message(assessed(version=2, as_of=after(9), expires=after(99)), after(9)))
    assert renewed.last(OfferTabled).round == 1
    other = step.when(message(expired.model_copy(update={"assessment_id": "older"}), after(5)))
    assert other.emits()


@pytest.mark.parametrize(
    ("now", "version", "says"),
    [
        ("1490.00", 2, ()),  # what is on the table can still be paid
        ("2500.00", 2, ()),
        ("300.00", 2, (OfferWithdrawn, OfferTabled)),
        ("50.00", 2, (OfferWithdrawn, NoPlanFound)),
        ("300.00", 1, (InputRefused,)),
    ],
)
def test_a_new_assessment_replaces_only_what_cannot_be_paid_any_more(
    now: str, version: int, says: tuple[type[Event], ...]
) -> None:
    start = given(OfferDecider(), reference()).when(message(case_opened()), message(assessed(version=2)))
    step = start.when(message(assessed(now, version=version, as_of=after(1)), after(1)))
    assert step.emits(*says)
    if version == 1:
        assert refused(step) is ReasonCode.STALE_FACT


def test_a_plan_that_became_too_dear_is_refused_and_a_new_offer_made() -> None:
    step = tabled()
    on = step.last(OfferTabled)
    plans = {max(row.total.minor for row in plan.payments): plan for plan in on.plans}
    between = cny(f"{(min(plans) + max(plans)) // 200}.00")
    step = step.when(message(assessed(str(between), version=2), after(1)))
    assert step.emits()
    dear = message(accept(on.offer_id, plans[max(plans)].plan_id), after(1))
    done = step.when(dear)
    assert done.emits(InputRefused, OfferWithdrawn, OfferTabled)
    assert refused(done) is ReasonCode.NOT_AFFORDABLE


def test_same_day_facts_lead_to_the_same_offer_in_either_order() -> None:
    start = given(OfferDecider(), reference()).when(message(case_opened(), sequence=1))
    facts = [message(assessed()), message(changed(LESS), sequence=2)]
    one, other = start.when(*facts), start.when(*reversed(facts))
    assert one.state.offer == other.state.offer
    # An agreed plan that turns out too dear on the same day, before or after: the same new offer.
    on = tabled()
    offer = on.last(OfferTabled)
    plan = max(
        (p for p in offer.plans if not p.needs_approval), key=lambda p: max(r.total.minor for r in p.payments)
    )
    low = message(assessed("600.00", version=2, as_of=after(1)), after(1))
    wish = message(accept(offer.offer_id, plan.plan_id), after(1))
    first, second = on.when(low, wish), on.when(wish, low)
    assert first.state.offer == second.state.offer
    assert first.state.status is second.state.status is OfferStatus.TABLED


@pytest.mark.parametrize(
    ("code", "round_"),
    [
        (ReasonCode.BALANCE_CHANGED, 1),
        (ReasonCode.PLAN_NO_LONGER_COMPUTES, 1),
        (ReasonCode.SIGN_BY_PASSED, 2),
    ],
)
def test_a_returned_draft_comes_back_to_the_table(code: ReasonCode, round_: int) -> None:
    step, done = agreed()
    moved = step.when(message(changed(LESS), after(2), sequence=2))
    assert moved.emits()  # the agreement looks at the balances of what is agreed
    back = moved.when(message(returned(done.offer_id, code), after(2)))
    assert back.emits(OfferTabled)
    again = back.last(OfferTabled)
    assert (again.round, again.reasons[0].code) == (round_, code)
    assert again.balances[0].balances == LESS.outstanding
    assert back.when(message(returned(done.offer_id, code), after(2))).emits()


def test_a_draft_nobody_signs_uses_up_the_rounds() -> None:
    step = tabled(offers__max_rounds=1)
    on = step.last(OfferTabled)
    step = step.when(message(accept(on.offer_id, plan_of(on, approval=False)), after(1)))
    back = step.when(message(returned(on.offer_id, ReasonCode.SIGN_BY_PASSED), after(9)))
    assert back.last(TalksFailed).reason.code is ReasonCode.ROUNDS_EXHAUSTED


def test_an_agreed_plan_that_can_no_longer_be_paid_is_withdrawn_before_it_is_signed() -> None:
    step, done = agreed()
    poorer = step.when(message(assessed("300.00", version=2, as_of=after(2)), after(2)))
    assert poorer.emits(OfferWithdrawn, OfferTabled)
    assert poorer.last(OfferWithdrawn).offer_id == done.offer_id
    # The signature had been given after all: the plan in force stands, the new offer is withdrawn.
    late = poorer.when(message(signed(done.offer_id), after(2)))
    assert late.emits(OfferWithdrawn)
    assert late.state.live
    after_signing = step.when(message(signed(done.offer_id), after(2)))
    assert after_signing.when(message(assessed("300.00", version=2, as_of=after(3)), after(3))).emits()


def test_renegotiation_needs_new_figures_and_leaves_the_plan_in_force_when_it_fails() -> None:
    step = live().when(message(renegotiate(after(60)), after(60)))
    assert step.emits()
    step = step.when(message(assessed(version=2, as_of=after(70), expires=after(160)), after(70)))
    assert step.emits(OfferTabled)
    assert step.last(OfferTabled).round == 1
    on = step.last(OfferTabled)
    failed = step.when(message(no_plan_wanted(on.offer_id), after(71)))
    assert failed.last(TalksFailed).review_on is None
    assert failed.state.status is OfferStatus.AGREED
    assert failed.decider.due(failed.state) is None


def test_new_figures_that_overtook_the_request_count_for_it() -> None:
    step = live().when(message(assessed(version=2, as_of=after(60), expires=after(150)), after(60)))
    assert step.emits()
    step = step.when(message(renegotiate(after(60)), after(60)))
    assert step.emits(OfferTabled)
    assert step.last(OfferTabled).reasons[0].code is ReasonCode.NEW_DIFFICULTIES


@pytest.mark.parametrize("request_first", [True, False])
def test_figures_older_than_the_request_begin_no_talks_whichever_comes_first(request_first: bool) -> None:
    request = message(renegotiate(after(60)), after(60))
    # A hardship report makes assessment say its figures again: they still rest on the old statement.
    old = message(assessed(version=2, as_of=after(10), expires=after(100)), after(60))
    step = live().when(*((request, old) if request_first else (old, request)))
    assert step.emits()
    assert (step.state.status, step.state.figures_from) == (OfferStatus.WAITING, after(60))
    step = step.when(message(assessed(version=3, as_of=after(66), expires=after(160)), after(66)))
    assert step.emits(OfferTabled)


def test_a_request_that_overtook_the_signature_waits_for_it() -> None:
    step, done = agreed()
    early = step.when(message(renegotiate(after(2)), after(2)))
    assert early.emits()
    assert early.when(message(signed(done.offer_id), after(2))).state.status is OfferStatus.WAITING


@pytest.mark.parametrize(
    ("code", "status"),
    [(ReasonCode.PLAN_BROKEN, OfferStatus.ENDED), (ReasonCode.PLAN_SUPERSEDED, OfferStatus.AGREED)],
)
def test_a_broken_plan_is_looked_at_again(code: ReasonCode, status: OfferStatus) -> None:
    ended = agreement.AgreementEnded(agreement_id="a-1", as_of=after(70), reason=Reason(code=code))
    step = live().when(message(ended, after(70)))
    assert step.state.status is status
    if status is OfferStatus.ENDED:
        assert step.closes(step.decider.due(step.state)).last(OfferTabled).round == 1


def test_a_closed_case_ends_everything() -> None:
    step = tabled()
    on = step.last(OfferTabled)
    closed = intake.CaseClosed(as_of=after(3), reason=intake.CloseReason.CURED)
    step = step.when(message(closed, after(3)))
    assert step.emits(OfferWithdrawn)
    assert step.decider.due(step.state) is None
    assert refused(step.when(message(accept(on.offer_id, "p"), after(3)))) is ReasonCode.CASE_CLOSED
    assert step.when(message(assessed(version=2), after(4)), message(closed, after(4))).emits()


def test_amounts_of_a_plan_add_up_to_what_is_owed_less_what_is_waived() -> None:
    offer = tabled().last(OfferTabled)
    for plan in offer.plans:
        paid_in_all = sum(row.total.minor for row in plan.payments)
        owed = sum((total_of(d.balance) - total_of(d.waived)).minor for d in plan.debts)
        assert paid_in_all == plan.total_paid[0].minor
        assert paid_in_all >= owed
        if all(d.annual_rate_pct == 0 for d in plan.debts):
            assert paid_in_all == owed
    assert CASE not in {plan.plan_id for plan in offer.plans}
