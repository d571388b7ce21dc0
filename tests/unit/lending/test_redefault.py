"""Learning how often plans break: by hand, by properties, and on simulated portfolios that were held out."""

from __future__ import annotations

import math
from dataclasses import replace
from decimal import Decimal
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.lending.plan_lender import LenderValue, MarginRow, RedefaultRow
from shared.lending.redefault import PlanOutcome, blended, interval, scored
from shared.policy.testing import example_policy

D = Decimal
PUBLISHED = replace(
    example_policy().plan_limits.value,
    redefault=(
        RedefaultRow(D(-1000), D("0.5")),
        RedefaultRow(D(0), D("0.544")),
        RedefaultRow(D("0.01"), D("0.361")),
        RedefaultRow(D(10), D("0.288")),
        RedefaultRow(D(20), D("0.243")),
    ),
    unknown_probability=D("0.431"),
    by_margin=(),
)
MARGINS = replace(PUBLISHED, by_margin=(MarginRow(D(-1000), D("0.05")), MarginRow(D(15), D(0))))
PRIOR = 50


def plans(cut: int | None, broke: int, of: int, margin: int | None = None) -> list[PlanOutcome]:
    known = None if cut is None else D(cut)
    left = None if margin is None else D(margin)
    return [PlanOutcome(known, left, number < broke) for number in range(of)]


def figures(value: LenderValue) -> list[Decimal]:
    return [row.probability for row in value.redefault]


def test_by_hand_it_is_the_mean_of_what_was_published_and_what_came() -> None:
    found = blended(PUBLISHED, plans(25, 10, 100), PRIOR)  # (50 · 0.243 + 10) / 150 = 0.14766…
    assert figures(found) == [D("0.5"), D("0.544"), D("0.361"), D("0.288"), D("0.148")]
    assert found.unknown_probability == D("0.431")
    found = blended(PUBLISHED, plans(None, 90, 150), PRIOR)  # (50 · 0.431 + 90) / 200 = 0.55775
    assert (found.unknown_probability, figures(found)) == (D("0.558"), figures(PUBLISHED))


def test_what_the_margin_adds_is_not_learnt_twice() -> None:
    """As many broke as were foreseen with the surcharge: the row stays as it is."""
    foreseen = plans(25, 293, 1000, margin=3)
    assert figures(blended(MARGINS, foreseen, PRIOR)) == figures(PUBLISHED)
    assert figures(blended(PUBLISHED, foreseen, PRIOR))[-1] > D("0.243")


def test_neighbours_that_rise_with_the_cut_share_their_mean() -> None:
    """At 10 to 20 per cent none broke, beyond half: 0.096 and 0.414 become one figure, by weight."""
    found = figures(blended(PUBLISHED, [*plans(15, 0, 100), *plans(25, 50, 100)], PRIOR))
    assert found[3] == found[4] == D("0.255")  # (14.4 + 62.15) / 300
    assert found[:3] == figures(PUBLISHED)[:3]


def test_of_nothing_nothing_is_learnt_and_nothing_is_known() -> None:
    assert figures(blended(PUBLISHED, [], PRIOR)) == figures(PUBLISHED)
    assert interval(0, 0) == (0.0, 1.0)
    assert scored(PUBLISHED, []).plans == 0


def test_the_interval_is_wilsons() -> None:
    """Newcombe (1998), table I: 81 of 263, 15 of 148, 0 of 20, 1 of 29."""
    known = {(81, 263): (0.2553, 0.3662), (15, 148): (0.0624, 0.1605), (0, 20): (0, 0.1611),
             (1, 29): (0.0061, 0.1718)}  # fmt: skip
    for (count, of), bounds in known.items():
        assert interval(count, of) == pytest.approx(bounds, abs=0.00006)


def test_scores_by_hand() -> None:
    score = scored(PUBLISHED, [*plans(25, 1, 1), *plans(25, 0, 1)])
    assert score.brier == pytest.approx((0.757**2 + 0.243**2) / 2)
    assert score.log_loss == pytest.approx(-(math.log(0.243) + math.log(0.757)) / 2)


CUTS = st.one_of(st.none(), st.integers(-50, 60).map(D))
OUTCOMES = st.lists(
    st.builds(PlanOutcome, CUTS, st.one_of(st.none(), st.integers(-10, 60).map(D)), st.booleans()),
    max_size=80,
)


@given(OUTCOMES, st.integers(1, 500), st.sampled_from([PUBLISHED, MARGINS]))
def test_a_larger_cut_never_breaks_more_often_and_every_figure_is_a_probability(
    outcomes: list[PlanOutcome], prior: int, value: LenderValue
) -> None:
    found = blended(value, outcomes, prior)
    assert figures(found)[1:] == sorted(figures(found)[1:], reverse=True)
    assert all(0 <= figure <= 1 for figure in (*figures(found), found.unknown_probability))
    assert [row.reduction_pct for row in found.redefault] == [row.reduction_pct for row in value.redefault]
    assert found == blended(value, outcomes[::-1], prior)


@given(OUTCOMES, st.integers(1, 500), CUTS)
def test_one_more_plan_that_broke_makes_no_figure_lower_and_one_that_was_kept_none_higher(
    outcomes: list[PlanOutcome], prior: int, cut: Decimal | None
) -> None:
    before = blended(PUBLISHED, outcomes, prior)
    for broke in (True, False):
        after = blended(PUBLISHED, [*outcomes, PlanOutcome(cut, None, broke)], prior)
        for now, then in zip(
            (*figures(after), after.unknown_probability),
            (*figures(before), before.unknown_probability),
            strict=True,
        ):
            assert now >= then if broke else now <= then


@given(OUTCOMES)
def test_the_more_the_published_figures_weigh_the_less_moves(outcomes: list[PlanOutcome]) -> None:
    def moved(prior: int) -> Decimal:
        found = figures(blended(PUBLISHED, outcomes, prior))
        return max(abs(now - then) for now, then in zip(found, figures(PUBLISHED), strict=True))

    assert moved(10**6) <= D("0.001")
    assert moved(1000) <= moved(1) + D("0.001")


TRUE = {0: 0.40, 5: 0.31, 15: 0.18, 25: 0.10}
"""A portfolio that breaks less often than the published one, and more evenly."""
AS_PUBLISHED = {0: 0.544, 5: 0.361, 15: 0.288, 25: 0.243}


def portfolio(seed: int, number: int, truth: dict[int, float]) -> list[PlanOutcome]:
    draw = Random(seed)
    cuts = [draw.choice(list(truth)) for _ in range(number)]
    return [PlanOutcome(D(cut), None, draw.random() < truth[cut]) for cut in cuts]


@pytest.mark.parametrize("seed", range(20))
def test_on_plans_held_out_what_was_learnt_foresees_better(seed: int) -> None:
    learnt_from, held_out = portfolio(seed, 1200, TRUE)[:600], portfolio(seed, 1200, TRUE)[600:]
    published, learnt = scored(PUBLISHED, held_out), scored(blended(PUBLISHED, learnt_from, PRIOR), held_out)
    assert learnt.brier < published.brier - 0.003
    assert learnt.log_loss < published.log_loss - 0.01


def test_where_the_published_figures_are_right_learning_costs_next_to_nothing() -> None:
    worse = []
    for seed in range(40):
        drawn = portfolio(seed, 1200, AS_PUBLISHED)
        published = scored(PUBLISHED, drawn[600:])
        learnt = scored(blended(PUBLISHED, drawn[:600], PRIOR), drawn[600:])
        worse.append(learnt.brier - published.brier)
    assert sum(worse) / len(worse) < 0.0015
    assert max(worse) < 0.01
