"""A plan that was left to a person, and then stands again, is nobody's problem any more."""

from __future__ import annotations

from datetime import timedelta

from services.followup.model import FollowupStatus
from shared.contracts import followup, followup_care
from shared.contracts.parties import StopCause
from tests.unit.builders import message
from tests.unit.followup.plans import SECOND, by_evening, live, lives_to
from tests.unit.stopping import begins

TOLD = SECOND + timedelta(days=10)


def test_what_was_to_be_made_good_is_solved_when_the_other_debt_is_stopped_too() -> None:
    """Each debt has a stop of its own: with the first a person is asked, with the second the plan is back."""
    lived = lives_to(live(), TOLD - timedelta(days=1))
    broke = next(event for event in lived.said if isinstance(event, followup.PlanBroken))
    _, said = begins(StopCause.CRISIS_BREATHING_SPACE, TOLD, since=broke.as_of)
    part = message(said.data.model_copy(update={"halt": None}), TOLD)
    asked = lived.when(part)
    opened = asked.last(followup_care.ProblemOpened)
    assert (asked.state.status, opened.about) == (FollowupStatus.BROKEN, "plan_broken_in_a_stop")
    back = by_evening(asked, TOLD, *begins(StopCause.CRISIS_BREATHING_SPACE, TOLD, since=broke.as_of))
    assert back.state.status is FollowupStatus.LIVE
    solved = back.last(followup_care.ProblemResolved)
    assert (solved.problem_id, solved.by, solved.days) == (opened.problem_id, "plan_stands_again", 0)
    assert back.state.problems == (), "it would be escalated to a supervisor"
