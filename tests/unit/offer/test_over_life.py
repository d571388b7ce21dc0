"""What is known to change is known to the offer: nobody is given a plan that cannot be kept later."""

from __future__ import annotations

from datetime import date

from services.offer.decide import OfferDecider
from shared.contracts.assessment import AssessmentCompleted, ProjectedCapacity
from shared.contracts.debts import Measure
from shared.contracts.offer import OfferTabled
from tests.unit.builders import DAY, assessed, case_opened, cny, message, reference
from tests.unit.spec import Given, given

BABY = date(2026, 9, 1)


def step(start: date, now: str) -> ProjectedCapacity:
    amount = cny(now)
    return ProjectedCapacity(
        start=start, residual=amount, residual_stress=amount, available=amount, available_stress=amount
    )


def with_change(now: str, later: str) -> AssessmentCompleted:
    return assessed(now).model_copy(update={"projection": (step(DAY, now), step(BABY, later))})


def talks(data: AssessmentCompleted) -> Given:
    return given(OfferDecider(), reference()).when(
        message(case_opened(), sequence=1), message(data, sequence=1)
    )


def test_no_plan_asks_for_more_than_will_be_left() -> None:
    plans = talks(with_change("1500.00", "600.00")).last(OfferTabled).plans
    assert plans
    over_time = [plan for plan in plans if Measure.LUMP_SUM not in plan.measures]
    assert over_time
    for plan in over_time:
        for row in plan.payments:
            limit = "1500.00" if row.due < BABY else "600.00"
            assert all(total.minor <= cny(limit).minor for total in [row.total])
    most = max(row.total.minor for plan in talks(assessed("1500.00")).last(OfferTabled).plans
               for row in plan.payments if row.due >= BABY)  # fmt: skip
    assert most > cny("600.00").minor, "without the change more would have been asked for"


def test_days_on_which_nothing_changes_for_us_are_no_news() -> None:
    state = talks(with_change("1500.00", "1500.00")).state
    assert state.assessed.later == ()
    changed = talks(with_change("1500.00", "600.00")).state
    assert [(one.start, one.now) for one in changed.assessed.later] == [(BABY, cny("600.00"))]
