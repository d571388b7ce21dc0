"""An arm with other incentives: agreed, printed, signed and vested; the next pack changes nothing of it."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from services.agreement.paper.layout import Agreement, page_of
from services.followup.decide import FollowupDecider
from shared.contracts.agreement import AgreementDrafted, AgreementReturned, AgreementSigned, RewardTerm
from shared.contracts.followup import RewardGranted
from shared.lending.calendar import add_months
from tests.unit.agreement.test_decide import BOTH, DAY_2, agreed, drafted, in_force, signed_by
from tests.unit.builders import CASE, case_opened, message, paid, reference, signed
from tests.unit.followup.plans import FIRST, PLAIN, lives_to
from tests.unit.policy.test_incentives import EVERYBODY, steps
from tests.unit.spec import Given, given

TRIED = ((3, 50, 5), (6, 100, 20))


def arm(incentives: str | None) -> dict[str, Any]:
    row = {"name": "challenger", "share_pct": 100, "first": "best_balance", "incentives": incentives}
    sets = [{"name": "tried", "steps": steps(*TRIED)}]
    return {"talks__strategies": [row], "incentives__steps": EVERYBODY, "incentives__sets": sets}


def terms(*rows: tuple[int, int, int]) -> tuple[RewardTerm, ...]:
    return tuple(
        RewardTerm(after=n, late_pct=Decimal(late), rate_pct=Decimal(rate)) for n, late, rate in rows
    )


@pytest.mark.parametrize(
    ("incentives", "rewards"), [("tried", terms(*TRIED)), (None, terms((6, 50, 5), (12, 100, 10)))]
)
def test_what_the_arm_has_is_agreed_printed_and_signed(
    incentives: str | None, rewards: tuple[RewardTerm, ...]
) -> None:
    assert agreed(**arm(incentives)).incentives == incentives
    draft = drafted(**arm(incentives)).last(AgreementDrafted)
    binds = in_force(**arm(incentives)).last(AgreementSigned)
    assert draft.terms is not None
    assert draft.terms.rewards == binds.rewards == rewards
    assert binds.incentives == incentives
    assert draft.content_hash == binds.content_hash


@pytest.mark.parametrize(("incentives", "rows"), [(None, ((6, 5),)), ("tried", ((3, 5), (6, 20)))])
def test_the_paper_prints_the_steps_of_the_arm(
    incentives: str | None, rows: tuple[tuple[int, int], ...]
) -> None:
    """Of everybody's, the step after twelve instalments is not reached by a plan of nine."""
    printed = {"document__printed": ["concessions"]}
    draft = drafted(5, **arm(incentives), **printed).last(AgreementDrafted)
    text = str(page_of(Agreement(CASE, "C-1", draft), "en"))
    found = re.findall(
        r"after (\d+) instalments on time in a row, the yearly rate .*? lower by (\d+) per", text
    )
    assert found == [(str(after), str(cut)) for after, cut in rows]


def test_a_draft_whose_set_is_gone_from_the_pack_binds_nobody() -> None:
    """A pack edited without a new date: the document cannot be made again, so it goes back to the table."""
    both = signed_by(drafted(**arm("tried")), *BOTH)
    edited = replace(both, reference=reference(**{**arm(None), "incentives__sets": []}))
    assert edited.closes(DAY_2).emits(AgreementReturned)
    assert both.closes(DAY_2).last(AgreementSigned).incentives == "tried"


def followed(rewards: tuple[RewardTerm, ...] | None, months: int, **pack: Any) -> Given:
    """A plan of 100.00 a month, all paid on the day."""
    rows = [(add_months(FIRST, number), "100.00") for number in range(12)]
    plan = signed(*rows).model_copy(update={"rewards": rewards})
    start = given(FollowupDecider(), reference(**{**PLAIN, **pack}))
    step = start.when(message(case_opened(), sequence=1), message(plan))
    step = step.when(*(message(paid("100.00", due)) for due, _ in rows[:months]))
    return lives_to(step, rows[months - 1][0])


def granted(step: Given) -> list[int]:
    return [event.after_instalment for event in step.said if isinstance(event, RewardGranted)]


def test_what_was_signed_vests_whatever_the_pack_says() -> None:
    pack = {"incentives__cooperation": [], "incentives__steps": EVERYBODY}
    assert granted(followed(terms((3, 50, 0), (6, 100, 0)), 6, **pack)) == [3, 6]
    assert granted(followed(terms((4, 50, 0)), 6, **pack)) == [4]
    assert granted(followed((), 6, **pack)) == []
    assert set(granted(followed(None, 6, **pack))) == {6}  # signed before agreements said it


@pytest.mark.parametrize(
    ("after_amendment", "grants"),
    [
        (((3, 50, 0), (6, 100, 0)), [6]),  # the same steps: the first was granted
        (((2, 40, 0), (3, 50, 0), (5, 100, 0)), [5]),  # two of these ask for no more than what was granted
        (((5, 50, 0), (6, 100, 0)), [5, 6]),  # none of these was reached
        ((), []),
    ],
)
def test_an_amendment_with_other_steps_grants_none_twice_and_leaves_none_out(
    after_amendment: tuple[tuple[int, int, int], ...], grants: list[int]
) -> None:
    first = followed(terms((3, 50, 0), (6, 100, 0)), 4)
    assert granted(first) == [3]
    rows = [(add_months(FIRST, number), "100.00") for number in range(4, 12)]
    amended = signed(*rows, effective=add_months(FIRST, 3), version=2)
    amended = amended.model_copy(update={"rewards": terms(*after_amendment)})
    step = first.when(message(amended, amended.effective))
    step = step.when(*(message(paid("100.00", due)) for due, _ in rows[:2]))
    vested = [e for e in lives_to(step, rows[1][0]).said if isinstance(e, RewardGranted)]
    assert [int(event.reasons[0].params["count"]) for event in vested] == grants
