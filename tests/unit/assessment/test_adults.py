"""Other adults in the household: what they contribute and cost counts, the rest of their money is theirs."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

from services.assessment.decide import AssessmentDecider
from shared.contracts.assessment import AssessmentCompleted, InputRefused
from shared.contracts.desk import StatementSubmitted
from shared.contracts.household import ChangeKind, KnownChange, OtherAdult
from shared.contracts.reasons import ReasonCode
from shared.lending.money import Money
from shared.texts.affairs import as_text, statement_of_affairs
from tests.unit.assessment.desk_says import checked, day, opened, spends, states
from tests.unit.builders import cny, reference
from tests.unit.spec import Given, given

PLAIN = {"assessment__stress_income_drop_pct": 0, "assessment__saving_share_pct": 0}

ASKS = {
    "assessment__interview": [
        {"situation": "always", "questions": ["other_adults"]},
        {"situation": "other_adults", "questions": ["contribution_stays"]},
    ]
}


def adult(gives: str = "0.00", costs: str = "0.00") -> OtherAdult:
    return OtherAdult(contribution=cny(gives), costs=cny(costs))


def stated(*adults: OtherAdult, pack: dict[str, Any] | None = None, **parts: Any) -> Given:
    start = given(AssessmentDecider(), reference(**(PLAIN if pack is None else PLAIN | pack))).when(opened())
    return start.when(states(adults=adults, **parts))


def completed(step: Given) -> AssessmentCompleted:
    return step.last(AssessmentCompleted)


@pytest.mark.parametrize(
    ("adults", "left"),
    [
        ((), "5000.00"),  # 8,000 of salary, 3,000 of spending
        ((adult(gives="900.00"),), "5900.00"),
        ((adult(costs="400.00"),), "4600.00"),
        ((adult("900.00", "400.00"), adult("100.00", "50.00")), "5550.00"),
    ],
)
def test_what_they_contribute_is_income_and_what_they_cost_is_spending(
    adults: tuple[OtherAdult, ...], left: str
) -> None:
    said = completed(stated(*adults))
    assert said.capacity.residual_now == cny(left)
    assert said.other_adults == len(adults)
    assert said.dependants == 0


def test_a_contribution_counts_like_any_income_that_nobody_has_verified() -> None:
    step = stated(adult("1000.00"), pack={"assessment__unverified_income_pct": 50})
    assert completed(step).capacity.residual_now == cny("1500.00")  # half of 9,000 less 3,000
    proven = completed(step.when(checked(4, "income:other_adults", "900.00")))
    assert proven.capacity.residual_now == cny("1900.00")
    figure = next(item for item in proven.figures if item.item == "income:other_adults")
    assert (figure.declared, figure.verified, figure.counted) == (
        cny("1000.00"),
        cny("900.00"),
        cny("900.00"),
    )


def test_the_guidelines_are_those_of_the_larger_household() -> None:
    eats = (spends("food", "2400.00"), spends("housing", "2000.00"))
    alone = completed(stated(spending=eats))
    assert ReasonCode.SPENDING_CAPPED_WITHOUT_EXPLANATION in {reason.code for reason in alone.reasons}
    two = completed(stated(adult(), spending=eats))  # 1,500 for one, 2,500 for two
    assert ReasonCode.SPENDING_CAPPED_WITHOUT_EXPLANATION not in {reason.code for reason in two.reasons}
    assert two.capacity.spending_counted == cny("4400.00")


def test_a_contribution_that_ends_is_known_in_the_projection() -> None:
    ends = KnownChange(kind=ChangeKind.INCOME, on=day(60), item="income:other_adults", monthly=cny("0.00"))
    said = completed(stated(adult("900.00"), changes=(ends,)))
    assert [(step.start, step.residual) for step in said.projection] == [
        (day(3), cny("5900.00")),
        (day(60), cny("5000.00")),
    ]


def test_the_borrower_reads_it_in_both_languages_and_is_asked_once() -> None:
    before = given(AssessmentDecider(), reference(**ASKS)).when(opened())
    unasked = completed(before.when(states()))
    assert "other_adults" in unasked.questions
    said = completed(before.when(states(adults=(adult("900.00", "400.00"),))))
    assert "other_adults" not in said.questions
    assert "contribution_stays" in said.questions
    english = as_text(statement_of_affairs(said, cny("12000.00"), "en"))
    assert "other adults in the household: 1" in english
    assert "what other adults contribute: stated 900.00 CNY" in english
    chinese = as_text(statement_of_affairs(said, cny("12000.00"), "zh"), "zh")
    assert "同住的其他成年人：1" in chinese


def test_it_is_the_borrowers_own_affair_and_wrong_amounts_are_refused() -> None:
    assert "adults" in StatementSubmitted.PRIVATE
    assert "other_adults" in AssessmentCompleted.PRIVATE
    foreign = OtherAdult(contribution=cny("1.00", "USD"), costs=cny("0.00", "USD"))
    assert stated(foreign).last(InputRefused).reason.code is ReasonCode.CURRENCY_MISMATCH
    assert stated(adult("-1.00")).last(InputRefused).reason.code is ReasonCode.AMOUNT_OUT_OF_RANGE


AMOUNT = st.integers(0, 500_000)


@settings(max_examples=30, deadline=None)
@for_all(st.lists(st.tuples(AMOUNT, AMOUNT), max_size=4))
def test_the_month_adds_up_to_the_cent(adults: list[tuple[int, int]]) -> None:
    said = completed(
        stated(*(OtherAdult(contribution=Money(g, "CNY"), costs=Money(c, "CNY")) for g, c in adults))
    )
    gives, costs = (sum(pair[at] for pair in adults) for at in range(2))
    assert said.capacity.residual_now == Money(500_000 + gives - costs, "CNY")
    assert not said.capacity.available_now.is_negative
