"""What borrowers say of how they are treated stands beside each case (R65)."""

from __future__ import annotations

from typing import Any

from services.console.decide import ArchiveDecider
from services.console.model import Voice
from shared.contracts import alert, followup, followup_care
from shared.contracts.base import Event
from shared.contracts.desk import FeedbackTheme
from shared.contracts.desk_care import SatisfactionTopic
from tests.unit.builders import CASE, DAY, message

THEME = next(iter(FeedbackTheme))


def reviewed(score: int | None, *about: FeedbackTheme) -> followup.ReviewRecorded:
    return followup.ReviewRecorded(
        number=1, at=message(noted(1)).time, new_difficulties=False, special_needs=False, next_review=DAY,
        satisfaction=score, feedback_about=about,
    )  # fmt: skip


def noted(score: int, *about: FeedbackTheme) -> followup_care.SatisfactionNoted:
    return followup_care.SatisfactionNoted(topic=SatisfactionTopic.SIGNING, score=score, about=about)


def complains(name: str) -> alert.ComplaintOpened:
    return alert.ComplaintOpened(
        complaint_id=name, owner_role="supervisor", opened_on=DAY, acknowledge_by=DAY, answer_by=DAY
    )


def answered(name: str) -> alert.ComplaintClosed:
    return alert.ComplaintClosed(complaint_id=name, by="s-1", as_of=DAY, days=0, in_time=True)


def voice(*events: Event) -> Voice:
    state: Any = None
    for event in events:
        state = ArchiveDecider().decide(state, message(event), None).state
    found: Voice = state.cases[CASE].voice
    return found


def test_the_last_score_counts_with_what_it_is_about() -> None:
    assert voice(noted(4)) == Voice(score=4)
    assert voice(noted(4), reviewed(2, THEME)) == Voice(score=2, about=(THEME.value,))
    assert voice(noted(4), reviewed(None)) == Voice(score=4), "a review that asked nothing says nothing"
    assert voice(noted(4), reviewed(None, THEME)) == Voice(about=(THEME.value,))


def test_a_complaint_is_there_until_its_final_response_in_every_order_of_the_two_topics() -> None:
    ours = (complains("K-1"), complains("K-2"), answered("K-1"))
    for at in range(len(ours) + 1):
        events: list[Event] = [*ours]
        events.insert(at, noted(1, THEME))
        assert voice(*events) == Voice(score=1, about=(THEME.value,), complaints=("K-2",))
    assert voice(complains("K-1"), complains("K-1"), answered("K-1")) == Voice()
