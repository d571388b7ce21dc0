"""The same borrower, the same figures, three jurisdictions: each decider behaves as its pack says."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from services.agreement.decide import AgreementDecider
from services.assessment.decide import AssessmentDecider
from services.followup.decide import FollowupDecider
from services.offer.decide import OfferDecider
from shared.contracts import desk
from shared.contracts.agreement import AgreementDrafted
from shared.contracts.assessment import AssessmentCompleted, StatementRequested
from shared.contracts.base import Event
from shared.contracts.debts import DebtSnapshot, Measure
from shared.contracts.followup import InstalmentMissed, InstalmentPaid
from shared.contracts.offer import OfferAgreed, OfferRevised, OfferTabled
from shared.contracts.plan_terms import total_of
from shared.policy.loader import PolicyBook
from shared.policy.rates import RATES_FILE, ReferenceRates
from shared.policy.reference import Reference
from tests.unit.builders import DAY, ROSTER, assessed, balances, case_opened, cny, debt, message, paid, signed
from tests.unit.spec import Given, given

POLICIES = Path(__file__).parents[3] / "deploy" / "policies"
BOOK = PolicyBook.load(POLICIES)
REFERENCE = Reference(BOOK, ROSTER, {}, ReferenceRates.load(POLICIES / RATES_FILE))
CN, US, UK = "cn-card", "us-unsecured", "uk-unsecured"
THREE = (CN, US, UK)


def currency(pack: str) -> str:
    return BOOK.pack(pack).info.currency


def owed(pack: str) -> DebtSnapshot:
    """Twenty days late, with interest and late charges; the same figures in each currency."""
    money = {"currency": currency(pack)}
    return debt(
        policy=pack, rate="17.5", days=20, payment=None,
        outstanding=balances("9000.00", "400.00", "60.00", "200.00", **money),
        overdue=balances("900.00", "400.00", "60.00", "200.00", **money),
    )  # fmt: skip


def opened(pack: str) -> Any:
    return message(case_opened(owed(pack), policy=pack), sequence=1)


def tabled(pack: str, available: str = "450.00") -> Given:
    talks = given(OfferDecider(), REFERENCE).when(opened(pack))
    return talks.when(message(assessed(available, currency=currency(pack))))


def on(day: int) -> date:
    return DAY + timedelta(days=day)


# -- assessment


def asked(pack: str) -> Given:
    return given(AssessmentDecider(), REFERENCE).when(opened(pack))


def completed(pack: str, food: str = "500.00") -> AssessmentCompleted:
    """5,000 of salary, so much for food, 900 for housing, alone."""

    def money(amount: str) -> Any:
        return cny(amount, currency(pack))

    said = desk.StatementSubmitted(
        as_of=on(3),
        income=(desk.IncomeItem(source=desk.IncomeSource.SALARY, monthly=money("5000.00")),),
        spending=tuple(
            desk.SpendingItem(category=desk.SpendingCategory(name), monthly=money(amount), explanation=None)
            for name, amount in (("food", food), ("housing", "900.00"))
        ),
        dependants=0,
        assets=(),
        other_debts=(),
    )
    return asked(pack).when(message(said, on(3))).last(AssessmentCompleted)


def test_a_statement_is_due_by_the_holidays_of_the_place() -> None:
    due = {pack: asked(pack).last(StatementRequested).due for pack in THREE}
    assert due[CN] == due[US] == due[UK] == date(2026, 3, 16)  # ten business days, none of them a holiday


def test_spending_is_measured_against_the_guidelines_of_the_place() -> None:
    more = {
        pack: str(
            completed(pack).capacity.spending_counted - completed(pack, "300.00").capacity.spending_counted
        )
        for pack in THREE
    }
    # 200 more for food: all of it within a single person's 1,500 in China; up to 350 in the States, and up
    # to 340 in the Kingdom, where the rest wants an explanation.
    assert more == {CN: "200.00", US: "50.00", UK: "40.00"}


def test_what_is_left_is_saved_from_by_the_allowance_of_the_place() -> None:
    left = {pack: completed(pack).capacity.available_now for pack in THREE}
    assert len({(money.minor) for money in left.values()}) == 3


# -- offer


def test_measures_wait_for_days_past_due_in_china_and_the_states_and_not_in_the_kingdom() -> None:
    cuts = {
        pack: any(Measure.RATE_CUT in plan.measures for plan in tabled(pack).last(OfferTabled).plans)
        for pack in THREE
    }
    assert cuts == {CN: False, US: False, UK: True}


def test_interest_that_is_overdue_is_waived_only_in_the_kingdom() -> None:
    waived = {
        pack: max(
            row.waived.interest.minor for plan in tabled(pack).last(OfferTabled).plans for row in plan.debts
        )
        for pack in THREE
    }
    assert (waived[CN], waived[US], waived[UK]) == (0, 0, 40_000)


def test_a_lower_rate_is_the_negotiators_own_to_grant_in_the_kingdom() -> None:
    """CONC 7.3.5G names it as ordinary forbearance; elsewhere a deep cut is a supervisor's."""
    offered = tabled(UK).last(OfferTabled)
    owed = sum(total_of(row.balances).minor for row in offered.balances)
    for plan in offered.plans:
        waived = sum(total_of(row.waived).minor for row in plan.debts)
        assert plan.needs_approval is (waived * 100 > owed * 5)  # for what is waived, never for the rate
    assert any(Measure.RATE_CUT in plan.measures and not plan.needs_approval for plan in offered.plans)
    tiers = {pack: BOOK.in_force(pack, DAY).waiver.authority[0].max_rate_cut_pct for pack in THREE}
    assert tiers == {CN: 50, US: 50, UK: 100}


def wished(pack: str, **wish: str) -> OfferRevised:
    talks = tabled(pack)
    amounts = {name: cny(amount, currency(pack)) for name, amount in wish.items()}
    offer = talks.last(OfferTabled)
    counter = desk.CounterOffered.model_validate({"offer_id": offer.offer_id, "round": 1, **amounts})
    return talks.when(message(counter, on(1))).last(OfferRevised)


def test_a_settlement_in_one_payment_is_tabled_only_where_the_borrower_offers_it() -> None:
    """CONC 7.3.10R forbids pressing for one, and no pack offers one unasked."""
    assert not any(
        row.method == "lump_sum"
        for pack in THREE
        for plan in tabled(pack).last(OfferTabled).plans
        for row in plan.debts
    )
    lump = {
        pack: any(
            row.method == "lump_sum" for plan in wished(pack, lump_sum="9400.00").plans for row in plan.debts
        )
        for pack in THREE
    }
    assert lump == {CN: True, US: True, UK: True}


def test_every_plan_keeps_the_smallest_instalment_of_its_pack() -> None:
    for pack in THREE:
        least = BOOK.in_force(pack, DAY).term.min_payment
        for plan in tabled(pack).last(OfferTabled).plans:
            assert all(row.total >= least for row in plan.payments[:-1])


# -- agreement


def agreed(pack: str) -> OfferAgreed:
    talks = tabled(pack)
    offer = talks.last(OfferTabled)
    plan = offer.plans[0]
    accept = desk.OfferAccepted(offer_id=offer.offer_id, plan_id=plan.plan_id, channel="app")
    talks = talks.when(message(accept, on(1)))
    if not talks.emits(OfferAgreed):
        request: Any = talks.said[0]
        yes = desk.ApprovalGranted(request_id=request.request_id, by="s-1", role="credit_committee",
                                   reason="sustainable")  # fmt: skip
        talks = talks.when(message(yes, on(1)))
    return talks.last(OfferAgreed)


def drafted(pack: str) -> AgreementDrafted:
    case = given(AgreementDecider(), REFERENCE).when(opened(pack))
    return case.when(message(agreed(pack), on(1))).last(AgreementDrafted)


def test_the_document_has_the_sections_of_the_place() -> None:
    sections = {pack: set(drafted(pack).sections) for pack in THREE}
    assert len(sections[CN]) == 6
    assert "no_new_credit_card" in sections[CN] - sections[US] - sections[UK]
    assert sections[UK] - sections[US] == {"settlement_effect", "free_debt_advice"}
    for pack in THREE:
        document = BOOK.in_force(pack, DAY).document
        assert all(document.clause(section) is not None for section in sections[pack])


# -- followup


def judged(pack: str, due: date, pay_on: date) -> list[type[Event]]:
    """What is said of an instalment that is paid on that day, up to then."""
    money = currency(pack)
    plan = given(FollowupDecider(), REFERENCE).when(
        opened(pack), message(signed((due, "100.00", money), policy=pack))
    )
    plan = plan.when(message(paid("100.00", pay_on, currency=money), pay_on))
    said: list[type[Event]] = []
    day = due
    while day <= pay_on:
        plan = plan.closes(day)
        said += [type(event) for event in plan.said]
        day += timedelta(days=1)
    return said


@pytest.mark.parametrize(
    ("due", "pay_on", "missed"),
    [
        # Three grace days end on 1 October: the national holiday in China, a working day elsewhere.
        (date(2026, 9, 28), date(2026, 10, 7), {CN: False, US: True, UK: True}),
        # They end on Saturday, 26 December: the Kingdom moves Boxing Day to Monday.
        (date(2026, 12, 23), date(2026, 12, 29), {CN: True, US: True, UK: False}),
    ],
)
def test_grace_ends_on_a_working_day_of_the_place(due: date, pay_on: date, missed: dict[str, bool]) -> None:
    for pack in THREE:
        said = judged(pack, due, pay_on)
        assert (InstalmentMissed in said) is missed[pack], pack
        assert InstalmentPaid in said or missed[pack]


# -- what the deciders of later steps read


def test_conduct_of_the_three_places_side_by_side() -> None:
    view = {pack: BOOK.in_force(pack, DAY) for pack in THREE}
    assert {pack: p.contact_rules.max_calls_per_7_days.scope for pack, p in view.items()} == {
        CN: "person",
        US: "debt",
        UK: "person",
    }
    assert {pack: p.stop_events.breathing_space.stops for pack, p in view.items()} == {
        CN: ("contact", "enforcement"),
        US: ("contact", "enforcement"),
        UK: ("contact", "interest", "fees", "enforcement"),
    }
    assert "sale_of_home" in view[UK].contact_rules.never_press_for
    assert (view[CN].re_age.workout_max_months, view[US].re_age.workout_max_months) == (0, 60)
    assert (view[US].trial.payments, view[UK].trial.payments) == (3, 0)
    assert {pack: p.talks.interest for pack, p in view.items()} == {CN: "runs", US: "runs", UK: "frozen"}
