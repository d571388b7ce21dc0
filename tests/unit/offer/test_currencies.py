"""Debts of several currencies in one case: a schedule each, nothing netted, nothing exchanged at no rate."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

from services.agreement.decide import AgreementDecider
from services.followup.decide import FollowupDecider
from services.intake.decide import IntakeDecider
from services.offer.decide import OfferDecider
from services.offer.model import OfferStatus
from services.offer.questions import Asked, questions
from services.offer.rules import is_affordable
from services.offer.search import payments_of
from shared.contracts import desk
from shared.contracts.agreement import AgreementDrafted, AgreementReturned, AgreementSigned
from shared.contracts.debts import DebtSnapshot, Plan
from shared.contracts.followup import InstalmentPaid, PlanCompleted, PlanStarted
from shared.contracts.offer import (
    HumanReviewOpened,
    NoPlanFound,
    OfferAgreed,
    OfferRevised,
    OfferTabled,
)
from shared.contracts.plan_terms import total_of
from shared.contracts.reasons import ReasonCode
from shared.lending.exchange import converted, shares_by_currency
from shared.lending.money import Money, Rounding
from shared.lending.plans import NoPlan, find_plans
from shared.policy.rates import Exchanged, ExchangeFigure, RatesError, ReferenceRates, StaleRate
from shared.policy.reference import Reference
from shared.policy.testing import example_book, example_pack
from tests.unit.builders import DAY, ROSTER, assessed, balances, case_opened, cny, debt, message, paid
from tests.unit.intake.bank_says import overdue
from tests.unit.spec import Given, given


def after(days: int) -> date:
    return DAY + timedelta(days=days)


def figure(per_unit: str = "7", currency: str = "USD", against: str = "CNY", **more: Any) -> ExchangeFigure:
    named = {"currency": currency, "against": against, "from": DAY, "per_unit": per_unit}
    given_ = {"good_until": after(400), "source": "the lender's desk", "verified": False}
    return ExchangeFigure.model_validate({**named, **given_, **more})


def in_dollars(debt_id: str = "U-1", owed: str = "1000.00", payment: str | None = "80.00") -> DebtSnapshot:
    monthly = None if payment is None else cny(payment, "USD")
    parts = balances(owed, "20.00", currency="USD"), balances("100.00", "20.00", currency="USD")
    foreign = debt(debt_id, outstanding=parts[0], overdue=parts[1], policy="example-dollar", payment=None)
    return foreign.model_copy(update={"contractual_payment": monthly})


def ref(*exchange: ExchangeFigure, dollar: dict[str, Any] | None = None, **values: Any) -> Reference:
    dollars = example_pack(
        {"id": "example-dollar", "currency": "USD"}, term__min_payment="10.00", **(dollar or {}) | values
    )
    return Reference(example_book(example_pack(**values), dollars), ROSTER, {}, ReferenceRates((), exchange))


def tabled(*debts: DebtSnapshot, reference: Reference, now: str = "2000.00") -> Given:
    start = given(OfferDecider(), reference)
    opened = message(case_opened(*(debts or (debt(), in_dollars()))), sequence=1)
    return start.when(opened, message(assessed(now)))


def in_yuan(row: Any, rate: Fraction = Fraction(7)) -> Money:
    total: Money = row.total
    return total if total.currency == "CNY" else converted(total, "CNY", rate, Rounding.CEILING)


def by_day(plan: Plan) -> dict[date, int]:
    found: dict[date, int] = {}
    for row in plan.payments:
        found[row.due] = found.get(row.due, 0) + in_yuan(row).minor
    return found


# -- one offer, a schedule each -----------------------------------------------------------------------------


def test_with_a_rate_every_currency_has_its_schedule_within_what_can_be_paid_in_all() -> None:
    step = tabled(reference=ref(figure()))
    assert step.emits(OfferTabled)
    offer = step.last(OfferTabled)
    for plan in offer.plans:
        assert {(d.debt_id, d.balance.principal.currency) for d in plan.debts} == {
            ("A-1", "CNY"),
            ("U-1", "USD"),
        }
        assert {row.total.currency for row in plan.payments} == {"CNY", "USD"}
        assert [amount.currency for amount in plan.total_paid] == ["CNY", "USD"]
        assert [part.currency for part in plan.parts] == ["CNY", "USD"]
        assert max(by_day(plan).values()) <= cny("2000.00").minor
        assert plan.apr_pct is None
        assert all(part.apr_pct is not None for part in plan.parts)
    rate = offer.plans[0].parts[1].exchange
    assert rate is not None
    assert (rate.currency, rate.against, rate.per_unit, rate.as_of, rate.source) == (
        "USD", "CNY", Decimal(7), DAY, "the lender's desk",
    )  # fmt: skip
    said = [reason for reason in offer.plans[0].reasons if reason.code is ReasonCode.EXCHANGE_RATE_USED]
    assert [reason.params["source"] for reason in said] == ["the lender's desk"]
    shares = [reason.params for reason in offer.plans[0].reasons if reason.code is ReasonCode.CAPACITY_SHARED]
    # 12,630 of CNY beside 1,020 of USD at 7; five per cent of what is exchanged are held back.
    assert [(row["currency"], row["pct"], row["amount"]) for row in shares] == [
        ("CNY", "63.88", "1277.69 CNY"),
        ("USD", "36.12", "98.02 USD"),
    ]
    assert {row.balance.currency for row in offer.balance_by_day} == {"CNY", "USD"}


def test_the_pack_says_how_what_can_be_paid_is_shared_out() -> None:
    step = tabled(reference=ref(figure(), talks__capacity_share="by_contractual_payment"))
    # 900 of CNY a month beside 80 of USD, worth 560.
    assert [part.share_pct for part in step.last(OfferTabled).plans[0].parts] == [
        Decimal("61.64"),
        Decimal("38.36"),
    ]
    unknown = tabled(debt(), in_dollars(payment=None),
                     reference=ref(figure(), talks__capacity_share="by_contractual_payment"))  # fmt: skip
    assert unknown.last(OfferTabled).plans[0].parts[0].share_pct == Decimal("63.88")  # by what is owed


def test_the_cheapest_and_the_fastest_of_every_currency_are_on_the_table_and_no_plan_twice() -> None:
    reference = ref(figure())
    step = tabled(reference=reference)
    plans = step.last(OfferTabled).plans
    assert 1 < len(plans) <= 5
    assert len({plan.payments for plan in plans}) == len(plans)
    assert not all(plan.needs_approval for plan in plans)
    asked = questions(step.state, step.state.assessed, DAY, reference)
    assert isinstance(asked, Asked)
    cheapest, fastest = {}, {}
    for one in asked.questions:
        found = find_plans(one.debts, one.capacity, one.first_due, one.limits)
        assert not isinstance(found, NoPlan)
        cheapest[one.currency] = min(plan.total.minor for plan in found)
        fastest[one.currency] = min(plan.last_due for plan in found)
    assert cheapest in [{m.currency: m.minor for m in plan.total_paid} for plan in plans]
    lasts = [
        {c: max(row.due for row in plan.payments if row.total.currency == c) for c in fastest}
        for plan in plans
    ]
    assert fastest in lasts


@pytest.mark.parametrize(
    "rates",
    [
        (),
        (figure(currency="GBP"),),
        (figure(**{"from": after(-20)}, good_until=after(-1)),),
        (figure(**{"from": after(1)}),),
    ],
    ids=["none", "another pair", "no longer good", "not yet good"],
)
def test_without_a_rate_the_statements_currency_is_negotiated_and_the_rest_goes_to_a_person(
    rates: Any,
) -> None:
    step = tabled(reference=ref(*rates))
    assert step.emits(OfferTabled, HumanReviewOpened)
    offer, review = step.last(OfferTabled), step.last(HumanReviewOpened)
    assert review.reason.code is ReasonCode.CURRENCY_APART
    assert review.reason.params == {"account": "U-1", "currency": "USD", "pair": "USD/CNY"}
    assert review.due > DAY
    for plan in offer.plans:
        assert {d.debt_id for d in plan.debts} == {"A-1"}
        assert [left.debt_id for left in plan.apart] == ["U-1"]
        assert review.reason in plan.reasons
        assert plan.parts == ()
    alone = tabled(debt(), reference=ref(*rates)).last(OfferTabled)
    assert [p.payments for p in alone.plans] == [p.payments for p in offer.plans]  # nothing is taken for it
    # The same debts are not asked about again in this round or the next.
    answer = desk.CounterOffered(offer_id=offer.offer_id, round=1, monthly=cny("600.00"))
    again = step.when(message(answer, after(1)))
    assert again.emits(OfferRevised)


def test_a_rate_may_be_given_the_other_way_round() -> None:
    inverse = figure(per_unit="0.125", currency="CNY", against="USD")  # one USD is worth 8 CNY
    plans = tabled(reference=ref(inverse)).last(OfferTabled).plans
    assert plans[0].parts[1].share_pct == Decimal("39.25")  # 1,020 at 8 beside 12,630
    assert all(sum(in_yuan(r, Fraction(8)).minor for r in p.payments if r.due == p.payments[0].due) <= 200_000
               for p in plans)  # fmt: skip


def test_a_currency_that_finds_no_plan_is_apart_and_the_other_has_everything() -> None:
    dear = ref(figure(), dollar={"term__max_months": 2, "term__offered_months": [2]})
    step = tabled(reference=dear)
    assert step.emits(OfferTabled, HumanReviewOpened)
    assert step.last(HumanReviewOpened).reason.code is ReasonCode.NO_PLAN_IN_CURRENCY
    plan = step.last(OfferTabled).plans[0]
    assert [left.debt_id for left in plan.apart] == ["U-1"]
    alone = tabled(debt(), reference=dear).last(OfferTabled).plans[0]
    assert plan.payments == alone.payments


def test_where_nothing_fits_in_any_currency_it_says_why() -> None:
    step = tabled(reference=ref(figure()), now="60.00")
    assert step.emits(NoPlanFound)
    assert step.last(NoPlanFound).reason.code is ReasonCode.NOT_AFFORDABLE


def test_a_wish_is_shared_out_like_what_can_be_paid() -> None:
    step = tabled(reference=ref(figure()))
    offer = step.last(OfferTabled)
    wish = desk.CounterOffered(offer_id=offer.offer_id, round=1, monthly=cny("1600.00"))
    revised = step.when(message(wish, after(1))).last(OfferRevised)
    assert revised.answer is not None
    assert revised.answer.granted
    assert max(by_day(revised.plans[0]).values()) <= cny("1600.00").minor
    low = step.when(message(wish.model_copy(update={"monthly": cny("100.00")}), after(1))).last(OfferRevised)
    assert low.answer is not None
    assert not low.answer.granted
    needed = {r.params["needed"][-3:] for r in low.answer.reasons if r.code is ReasonCode.COUNTER_TOO_LOW}
    assert needed == {"CNY", "USD"}


# -- through agreement, intake and followup -----------------------------------------------------------------


def agree(step: Given) -> OfferAgreed:
    offer = step.last(OfferTabled)
    plan = next(plan for plan in offer.plans if not plan.needs_approval)
    said = desk.OfferAccepted(offer_id=offer.offer_id, plan_id=plan.plan_id, channel="app")
    return step.when(message(said, after(1))).last(OfferAgreed)


def sign(agreed: OfferAgreed, reference: Reference, *debts: DebtSnapshot) -> Given:
    start = given(AgreementDecider(), reference)
    drafted = start.when(message(case_opened(*debts), sequence=1), message(agreed, after(1)))
    draft = drafted.last(AgreementDrafted)
    how = {"channel": "app", "evidence": "otp-1"}
    for party in desk.SignatureParty:
        named = {"agreement_id": draft.agreement_id, "version": draft.version, "party": party}
        signature = desk.SignatureGiven(**named, content_hash=draft.content_hash, **how)
        drafted = drafted.when(message(signature, after(2)))
    return drafted.closes(after(2))


def test_both_currencies_are_signed_paid_and_completed_each_on_its_own() -> None:
    reference, debts = ref(figure()), (debt(), in_dollars())
    agreed = agree(tabled(*debts, reference=reference))
    signed = sign(agreed, reference, *debts).last(AgreementSigned)
    assert {s.debt_id: s.rows[0].total.currency for s in signed.schedules} == {"A-1": "CNY", "U-1": "USD"}
    assert signed.instalments == agreed.plan.payments
    assert signed.apart == ()
    for schedule in signed.schedules:
        before = next(d for d in debts if d.debt_id == schedule.debt_id)
        waived = next(d.waived for d in agreed.plan.debts if d.debt_id == schedule.debt_id)
        principal = sum(row.principal.minor for row in schedule.rows)
        assert principal == (before.outstanding.principal - waived.principal).minor
    followed = given(FollowupDecider(), reference).when(message(case_opened(*debts), sequence=1))
    followed = followed.when(message(signed, after(2)))
    assert followed.last(PlanStarted).instalments == len({row.due for row in signed.instalments})
    first = [row for row in signed.instalments if row.number == 1]
    dollars = next(row.total for row in first if row.total.currency == "USD")
    one = followed.when(message(paid(str(dollars), first[0].due, currency="USD"), first[0].due))
    kept = one.closes(first[0].due)
    assert [event.total.currency for event in kept.said if isinstance(event, InstalmentPaid)] == ["USD"]
    for currency in ("CNY", "USD"):
        whole = Money.sum((r.total for r in signed.instalments if r.total.currency == currency), currency)
        followed = followed.when(message(paid(str(whole), after(5), currency=currency), after(5)))
    done = followed.closes(signed.instalments[-1].due)
    assert {m.currency: m for m in done.last(PlanCompleted).paid} == {
        m.currency: m for m in agreed.plan.total_paid
    }


def test_a_plan_that_leaves_a_debt_to_a_person_is_signed_and_asks_for_no_talks_because_of_it() -> None:
    reference, debts = ref(), (debt(), in_dollars())
    agreed = agree(tabled(*debts, reference=reference))
    signed = sign(agreed, reference, *debts).last(AgreementSigned)
    assert [schedule.debt_id for schedule in signed.schedules] == ["A-1"]
    assert signed.apart == ("U-1",)
    third = debt("A-3")  # one that the plan does not know of goes back to the table
    start = given(AgreementDecider(), reference)
    back = start.when(message(case_opened(*debts, third), sequence=1), message(agreed, after(1)))
    assert back.last(AgreementReturned).reason.code is ReasonCode.BALANCE_CHANGED
    known = given(IntakeDecider(), reference)
    for debt_id, pack, currency in (("A-1", "example-card", "CNY"), ("U-1", "example-dollar", "USD")):
        owed = balances("1000.00", currency=currency)
        known = known.when(overdue(debt_id, product=pack, owed=owed, late=owed))
    planned = known.when(message(signed, after(2)))
    assert planned.state.plan.debts == ("A-1",)
    assert planned.state.beside_plan == ()
    unheard = known.when(message(signed.model_copy(update={"apart": ()}), after(2)))
    assert unheard.state.beside_plan == ("U-1",)  # otherwise talks about it would begin at once


def test_what_was_affordable_at_the_rate_of_the_plan_is_looked_at_again_with_new_figures() -> None:
    reference = ref(figure())
    step = tabled(reference=reference)
    offer, state = step.last(OfferTabled), step.state
    kept = state.offer.plans[0]
    payments = payments_of(state, state.offer, kept, reference)
    assert payments == offer.plans[0].payments
    peak = max(by_day(offer.plans[0]).values())
    whole = state.assessed.model_copy(update={"now": Money(peak, "CNY"), "stress": Money(peak, "CNY")})
    assert is_affordable(kept, payments, whole)
    less = whole.model_copy(update={"stress": Money(peak - 1, "CNY")})
    assert not is_affordable(kept, payments, less)
    assert not is_affordable(kept.model_copy(update={"parts": ()}), payments, whole)
    poorer = step.when(message(assessed("600.00", version=2), after(2)))
    assert poorer.state.status is OfferStatus.TABLED
    assert max(by_day(poorer.last(OfferTabled).plans[0]).values()) <= cny("600.00").minor


# -- properties ---------------------------------------------------------------------------------------------

RATES = st.fractions(Fraction(1, 200), Fraction(200), max_denominator=10_000)
AMOUNTS = st.integers(0, 10**9)


@for_all(
    AMOUNTS, st.lists(st.tuples(st.integers(1, 10**9), RATES), min_size=1, max_size=4), st.integers(0, 99)
)
def test_exchanged_back_the_shares_never_come_to_more_than_there_is(
    amount: int, others: list[tuple[int, Fraction]], margin: int
) -> None:
    currencies = ("USD", "JPY", "KWD", "GBP")[: len(others)]  # two, none, three and two digits
    weights = {"CNY": 1000, **dict(zip(currencies, (weight for weight, _ in others), strict=True))}
    rates = dict(zip(currencies, (rate for _, rate in others), strict=True))
    shares = shares_by_currency(Money(amount, "CNY"), weights, rates, Fraction(margin, 100))
    assert {c: m.currency for c, m in shares.items()} == {c: c for c in weights}
    back = [m if c == "CNY" else converted(m, "CNY", rates[c], Rounding.CEILING) for c, m in shares.items()]
    assert sum(m.minor for m in back) <= amount
    assert all(not m.is_negative for m in shares.values())


@settings(max_examples=25, deadline=None)
@for_all(
    now=st.integers(20_000, 400_000),
    stress=st.integers(20_000, 400_000),
    rate=st.integers(100, 2_000),
    owed=st.integers(100_00, 3_000_00),
    rule=st.sampled_from(["by_balance", "by_contractual_payment"]),
)
def test_no_day_of_any_plan_asks_for_more_than_can_be_paid_today_and_under_stress(
    now: int, stress: int, rate: int, owed: int, rule: str
) -> None:
    per_unit = Fraction(rate, 100)
    reference = ref(figure(per_unit=str(Decimal(rate) / 100)), talks__capacity_share=rule)
    foreign = in_dollars(owed=str(Money(owed, "USD")))
    opened = message(case_opened(debt(), foreign), sequence=1)
    figures = assessed(str(Money(now, "CNY")), str(Money(stress, "CNY")))
    step = given(OfferDecider(), reference).when(opened, message(figures))
    for offer in (event for event in step.said if isinstance(event, OfferTabled)):
        for plan in offer.plans:
            sums: dict[date, int] = {}
            for row in plan.payments:
                sums[row.due] = sums.get(row.due, 0) + in_yuan(row, per_unit).minor
            assert max(sums.values()) <= min(now, stress)
            covered = {d.debt_id for d in plan.debts} | {left.debt_id for left in plan.apart}
            assert covered == {"A-1", "U-1"}
            for part in plan.debts:
                known = {"A-1": debt(), "U-1": foreign}[part.debt_id]
                assert total_of(part.balance) == total_of(known.outstanding)  # nothing is netted
            paid_out = {
                c: sum(r.total.minor for r in plan.payments if r.total.currency == c) for c in sums_of(plan)
            }
            assert paid_out == {m.currency: m.minor for m in plan.total_paid}


def sums_of(plan: Plan) -> set[str]:
    return {row.total.currency for row in plan.payments}


# -- the rates on file --------------------------------------------------------------------------------------


def test_a_rate_holds_from_its_day_until_the_next_and_is_stale_after_its_last() -> None:
    first = figure("7", good_until=after(10))
    second = figure("7.2", **{"from": after(5)}, good_until=after(20))
    rates = ReferenceRates((), (second, first))
    assert rates.exchange("USD", "CNY", after(4)) == Exchanged(Fraction(7), first)
    assert rates.exchange("CNY", "USD", after(5)) == Exchanged(Fraction(10, 72), second)
    assert rates.exchange("USD", "CNY", after(21)) == StaleRate("USD/CNY", after(20))
    assert rates.exchange("USD", "GBP", DAY) == StaleRate("USD/GBP", None)
    with pytest.raises(RatesError, match="twice"):
        ReferenceRates((), (first, first))
    with pytest.raises(RatesError, match="both directions"):
        ReferenceRates((), (first, figure("0.14", "CNY", "USD")))


def test_rates_of_exchange_are_read_from_the_file(tmp_path: Any) -> None:
    file = tmp_path / "rates.toml"
    row = '[[exchange]]\ncurrency = "USD"\nagainst = "CNY"\nfrom = 2026-03-02\nper_unit = "7.1"\n'
    rest = 'good_until = 2026-04-02\nsource = "-"\nverified = false\n'
    file.write_text(row + rest, encoding="utf-8")
    found = ReferenceRates.load(file).exchange("USD", "CNY", DAY)
    assert isinstance(found, Exchanged)
    assert found.rate == Fraction(71, 10)
    file.write_text(row.replace('"7.1"', "7.1") + rest, encoding="utf-8")
    with pytest.raises(RatesError, match=r"exchange\[1\].per_unit"):
        ReferenceRates.load(file)


def test_a_debt_in_the_only_other_currency_has_all_of_what_can_be_paid() -> None:
    step = tabled(in_dollars(), reference=ref(figure()), now="900.00")
    asked = questions(step.state, step.state.assessed, DAY, step.reference)
    assert isinstance(asked, Asked)
    assert [(q.currency, q.capacity.now) for q in asked.questions] == [("USD", cny("122.14", "USD"))]
    assert step.last(OfferTabled).plans[0].parts[0].share_pct == 100
