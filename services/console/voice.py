"""What borrowers say of how they are treated, as whoever follows cases sees it at once (R65). Pure."""

from typing import Final

from services.console.model import Voice
from shared.contracts import alert, desk, desk_care, desk_talks, followup, followup_care
from shared.contracts.base import Event
from shared.contracts.desk import FeedbackTheme

__all__ = ["THEIR_WORD", "heard"]

THEIR_WORD: Final = frozenset(
    kind.TYPE
    for kind in (
        desk.ReviewHeld,
        desk.HardshipReported,
        desk.ComplaintMade,
        desk.OfferRejected,
        desk.CounterOffered,
        desk_care.SatisfactionGiven,
        desk_talks.HumanRequested,
        desk_talks.ExplanationRequested,
    )
)
"""The events in which a borrower says what they think of it."""


def heard(voice: Voice, data: Event) -> Voice:
    """Give what is known of it after an event; the last word counts, and each complaint until its answer.

    Each of the two comes by one topic, so that no order of reading changes it.
    """
    if isinstance(data, followup.ReviewRecorded) and (data.satisfaction is not None or data.feedback_about):
        return _said(voice, data.satisfaction, data.feedback_about)
    if isinstance(data, followup_care.SatisfactionNoted):
        return _said(voice, data.score, data.about)
    if isinstance(data, alert.ComplaintOpened):
        names = dict.fromkeys((*voice.complaints, data.complaint_id))
        return voice.model_copy(update={"complaints": tuple(names)})
    if isinstance(data, alert.ComplaintClosed):
        left = tuple(one for one in voice.complaints if one != data.complaint_id)
        return voice.model_copy(update={"complaints": left})
    return voice


def _said(voice: Voice, score: int | None, about: tuple[FeedbackTheme, ...]) -> Voice:
    themes = tuple(theme.value for theme in about)
    return voice.model_copy(update={"score": score, "about": themes})
