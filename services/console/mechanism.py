"""Reviews of the whole mechanism (R70): when, by whom, what was decided, what of the pack was changed since.

Made from the published messages and the packs. That a change followed from a review, nobody can tell but who
made it: listed is what differs between the day of a review and that of the next one, as `policy diff` does.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from services.console.effects import Once
from shared.contracts import alert_steps, intake
from shared.contracts.envelope import Envelope
from shared.policy.loader import PolicyBook, explain

__all__ = ["Mechanism", "ReviewLine"]


@dataclass(frozen=True, slots=True)
class ReviewLine:
    """A review of a pack's mechanism; without a day: none is on file, though the pack has cases."""

    pack: str
    on: date | None = None
    reviewer: str = ""
    role: str = ""
    decided: str = ""
    changed: tuple[str, ...] = ()
    next_review: date | None = None
    due: date | None = None
    state: str = "never reviewed"


class Mechanism:
    """Sees every message of the services once; then lists the reviews."""

    def __init__(self) -> None:
        self._once = Once()
        self._packs: set[str] = set()
        self._reviews: dict[str, list[alert_steps.MechanismReviewNoted]] = {}

    def saw(self, message: Envelope[Any]) -> None:
        """Take note of a review, and of the packs that have cases."""
        data = message.data
        if isinstance(data, intake.CaseOpened):
            self._packs.add(data.policy)
        elif isinstance(data, alert_steps.MechanismReviewNoted) and self._once.is_new(message):
            self._reviews.setdefault(data.pack, []).append(data)

    def lines(self, book: PolicyBook, until: date | None) -> list[ReviewLine]:
        """Give the reviews of each pack, the latest first; `until` is the last closed day."""
        lines: list[ReviewLine] = []
        for pack in sorted({*self._packs, *self._reviews}):
            held = sorted(self._reviews.get(pack, []), key=lambda one: one.on)
            if not held:
                lines.append(ReviewLine(pack))
            for number in reversed(range(len(held))):
                after = held[number + 1].on if number + 1 < len(held) else None
                lines.append(_line(held[number], after, book, until))
        return lines


def _line(
    review: alert_steps.MechanismReviewNoted, after: date | None, book: PolicyBook, until: date | None
) -> ReviewLine:
    if after is not None:
        state = "followed by another"
    elif until is None or until < review.next_review:
        state = "in time"
    else:
        state = "due" if until <= review.due else "overdue"
    return ReviewLine(
        pack=review.pack,
        on=review.on,
        reviewer=review.reviewer,
        role=review.role,
        decided=review.decided,
        changed=_changed(book, review.pack, review.on, after),
        next_review=review.next_review,
        due=review.due,
        state=state,
    )


def _changed(book: PolicyBook, pack: str, since: date, to: date | None) -> tuple[str, ...]:
    """Give the values that change after a day up to another, or by any date on file."""
    if pack not in book:
        return ()
    last = to or max((since, *book.pack(pack).dates()))
    sides = [{row.key: row.value for row in explain(book.pack(pack), day)} for day in (since, last)]
    return tuple(key for key, value in sides[0].items() if sides[1][key] != value)
