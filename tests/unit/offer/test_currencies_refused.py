"""A no to an offer in several currencies: better in one, worse in none."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from services.offer.model import Refusals
from services.offer.refusals import is_refused
from shared.contracts import desk
from shared.contracts.base import Personal
from shared.contracts.debts import DebtSnapshot, Plan
from shared.contracts.offer import (
    HumanReviewOpened,
    NoPlanFound,
    OfferTabled,
    RefusalAnswered,
)
from shared.contracts.reasons import ReasonCode
from shared.lending.money import Money
from tests.unit.builders import assessed, balances, debt, message
from tests.unit.offer.test_currencies import after, figure, in_dollars, ref, tabled
from tests.unit.spec import Given


def instalments(plan: Plan) -> int:
    return len({row.due for row in plan.payments})


def no(step: Given, why: desk.RefusalReason) -> Given:
    on = step.last(OfferTabled)
    return step.when(message(desk.OfferRejected(offer_id=on.offer_id, reason=why), after(2)))


def test_who_finds_it_too_long_has_only_plans_with_fewer_instalments_over_all_currencies() -> None:
    start = tabled(reference=ref(figure()), now="3000.00")
    on = start.last(OfferTabled)
    for plan in on.plans:
        assert is_refused(plan, Refusals(fewer_than=instalments(plan)), Decimal(10))
        assert not is_refused(plan, Refusals(fewer_than=instalments(plan) + 1), Decimal(10))
    step = no(start, desk.RefusalReason.TOO_LONG)
    assert step.emits(RefusalAnswered, HumanReviewOpened)  # the fastest was among them
    fewest = min(map(instalments, on.plans))
    assert step.last(RefusalAnswered).reason.params == {"months": str(fewest)}
    more = step.when(message(assessed("9000.00", version=2), after(3))).last(OfferTabled)
    assert more.round == 2
    assert all(instalments(plan) < fewest for plan in more.plans)


@pytest.mark.parametrize("why", [desk.RefusalReason.TOO_HIGH, desk.RefusalReason.TOO_EXPENSIVE])
def test_a_no_to_amounts_in_several_currencies_is_met_in_each_of_them(why: desk.RefusalReason) -> None:
    start = tabled(reference=ref(figure(), dollar={"rate__cuts_pct": [0, 50, 100]}), now="3000.00")

    def amounts(plan: Plan) -> dict[str, int]:
        by_currency: dict[str, list[int]] = {}
        for row in plan.payments:
            by_currency.setdefault(row.total.currency, []).append(row.total.minor)
        too_high = why is desk.RefusalReason.TOO_HIGH
        return {currency: max(own) if too_high else sum(own) for currency, own in by_currency.items()}

    refused = [amounts(plan) for plan in start.last(OfferTabled).plans]
    step = no(start, why)
    answer = step.said[0]
    if why is desk.RefusalReason.TOO_EXPENSIVE:  # the cheapest of all was among them
        assert isinstance(answer, RefusalAnswered)
        assert answer.reason.code is ReasonCode.NOTHING_CHEAPER
        assert answer.reason.params["total"].count(",") == 1
        return
    assert isinstance(answer, OfferTabled)
    assert answer.reasons[0].code is ReasonCode.REFUSED_TOO_HIGH
    for plan in answer.plans:
        for currency, amount in amounts(plan).items():
            assert amount < min(one[currency] for one in refused)


def test_bare_noes_to_plans_in_several_currencies_bring_others() -> None:
    start = tabled(reference=ref(figure()))
    words = Personal[str](value="that is not for us")
    on = start.last(OfferTabled)
    step = start.when(message(desk.OfferRejected(offer_id=on.offer_id, words=words), after(2)))
    others = step.last(OfferTabled).plans
    assert not {plan.payments for plan in others} & {plan.payments for plan in on.plans}


# -- a no to an offer in several currencies ---------------------------------------------------------------
#
# | given an offer in two currencies | when the no says | then in the next round |
# | --- | --- | --- |
# | it can be lower in both | too high | no instalment is higher in any currency, and all are lower in one |
# | nothing is lower in one | too high | the same: that one is as it was, the other is lower |
# | nothing is lower in any | too high | it is said so, and the offer stands; no currency is dropped for it |
# | as it is | too expensive, too long | the same of the total; fewer instalments in all |


def refused(step: Given, why: desk.RefusalReason, days: int = 2) -> Given:
    offer = step.last(OfferTabled)
    return step.when(message(desk.OfferRejected(offer_id=offer.offer_id, reason=why), after(days)))


def peaks(plan: Plan) -> dict[str, int]:
    found: dict[str, int] = {}
    for row in plan.payments:
        found[row.total.currency] = max(found.get(row.total.currency, 0), row.total.minor)
    return found


def totals(plan: Plan) -> dict[str, int]:
    return {amount.currency: amount.minor for amount in plan.total_paid}


def better(before: OfferTabled, then: OfferTabled, figure_of: Any) -> bool:
    """Each plan is higher in no currency than any before, and lower in one."""
    least = {c: min(figure_of(plan)[c] for plan in before.plans) for c in ("CNY", "USD")}
    return all(
        all(figure_of(plan)[c] <= least[c] for c in least)
        and any(figure_of(plan)[c] < least[c] for c in least)
        for plan in then.plans
    )


# 15.00 USD are paid at once, for two payments would lie below the least of 10.00.
AT_ONCE = in_dollars().model_copy(
    update={"outstanding": balances("15.00", currency="USD"), "overdue": balances(currency="USD")}
)


@pytest.mark.parametrize(
    ("owes", "now"), [((debt(), in_dollars()), "2500.00"), ((debt(), AT_ONCE), "20000.00")]
)
def test_a_no_to_the_amount_is_answered_by_what_is_lower_in_some_currency_and_higher_in_none(
    owes: tuple[DebtSnapshot, ...], now: str
) -> None:
    step = tabled(*owes, reference=ref(figure()), now=now)
    answer = refused(step, desk.RefusalReason.TOO_HIGH)
    assert answer.emits(OfferTabled)
    first, second = step.last(OfferTabled), answer.last(OfferTabled)
    assert better(first, second, peaks)
    assert all(set(peaks(plan)) == {"CNY", "USD"} for plan in second.plans)
    if AT_ONCE in owes:
        assert {peaks(plan)["USD"] for plan in second.plans} == {1500}
    (reason,) = second.reasons
    least = [min(peaks(plan)[c] for plan in first.plans) for c in ("CNY", "USD")]
    shown = [f"{Money(minor, c)} {c}" for minor, c in zip(least, ("CNY", "USD"), strict=True)]
    assert reason.params == {"payment": ", ".join(shown)}


def test_where_nothing_is_lower_in_any_currency_the_offer_stands() -> None:
    step = tabled(reference=ref(figure()), now="2500.00")
    low = refused(step, desk.RefusalReason.TOO_HIGH)
    for days in range(3, 6):
        if not low.emits(OfferTabled):
            break
        low = refused(low, desk.RefusalReason.TOO_HIGH, days)
    assert not low.emits(OfferTabled)
    assert not any(isinstance(said, NoPlanFound) for said in low.said)


def test_a_no_to_the_term_or_the_total_holds_in_several_currencies_too() -> None:
    step = tabled(reference=ref(figure()), now="2500.00")
    first = step.last(OfferTabled)
    shorter = refused(step, desk.RefusalReason.TOO_LONG)
    if shorter.emits(OfferTabled):
        fewest = min(len({row.number for row in plan.payments}) for plan in first.plans)
        for plan in shorter.last(OfferTabled).plans:
            assert len({row.number for row in plan.payments}) < fewest
    cheaper = refused(step, desk.RefusalReason.TOO_EXPENSIVE)
    if cheaper.emits(OfferTabled):
        assert better(first, cheaper.last(OfferTabled), totals)
    for step_ in (shorter, cheaper):
        assert step_.said
