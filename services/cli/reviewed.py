"""`parley policy reviewed`: put on file that the whole mechanism of a pack was reviewed (R70)."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import ValidationError

from services.cli.catalogue import policies_dir
from services.cli.common import DataDir, JsonFlag, PoliciesFolder, data_dir, fail, guarded, stdout
from services.cli.door import open_publisher
from services.cli.reading import with_database
from services.cli.staff import open_day

if TYPE_CHECKING:
    from shared.contracts.desk_mechanism import CalendarWatched, MechanismReviewed
    from shared.contracts.envelope import Envelope

__all__ = ["reviewed", "said", "watching"]


def reviewed(
    pack: Annotated[str, typer.Argument(help="The pack, e.g. cn-card.")],
    by: Annotated[str, typer.Option("--by", help="Staff id of who has reviewed it.")],
    role: Annotated[str, typer.Option("--role", help="Their role: of the step `mechanism_review`.")],
    decided: Annotated[str, typer.Option("--decided", help="What was decided; nothing personal.")],
    data: DataDir = None,
    folder: PoliciesFolder = None,
    as_json: JsonFlag = False,
) -> None:
    """Record a review of the whole mechanism; the next is due after the months of the pack.

    The first one begins the months: record it when you start. From then on somebody also hears in time when
    the business days of a coming year are not known. What you change for it, change in the pack with
    a date: `parley report` lists it beside the review, `parley policy diff PACK@DAY PACK@DAY` in full. Giving
    the same words again on the same day counts once.
    """
    from shared.policy.loader import PolicyBook, PolicyError

    try:
        book = PolicyBook.load(policies_dir(folder))
        book.pack(pack)
    except PolicyError as error:
        raise fail(str(error)) from None
    day = with_database(data_dir(data), open_day)
    row = book.in_force(pack, day).step("mechanism_review")
    if row is not None and role not in {row.owner_role, row.escalate_to}:
        raise fail(f"--role: {pack} asks for {row.owner_role} or {row.escalate_to}.", code=2)
    try:
        event = said(pack, by, role, decided, day)
        watched = watching(pack, book.pack(pack).info.calendar, day)
    except ValidationError as error:
        wrong = error.errors(include_url=False, include_context=False, include_input=False)[0]
        name = {"reviewer": "by"}.get(str(wrong["loc"][0]), str(wrong["loc"][0]))
        raise fail(f"--{name}: {wrong['msg']}", code=2) from None

    async def publish() -> None:
        async with open_publisher(data) as publisher:
            await publisher.send(event, watched)

    guarded(publish)
    if as_json:
        stdout.print_json(data={"pack": pack, "on": day.isoformat(), "id": event.id})
    else:
        stdout.print(f"The review of {pack} is said at the desk, dated {day}.", highlight=False)


def watching(pack: str, calendar: str, day: date) -> Envelope[CalendarWatched]:
    """Give the event that has the coming years of a pack's calendar looked at, under a key of its own."""
    from shared.contracts.desk_mechanism import CalendarWatched, calendar_key
    from shared.contracts.envelope import Envelope
    from shared.contracts.ids import case_id, derive_id

    key = calendar_key(calendar)
    return Envelope(
        id=derive_id("calendar", pack, day.isoformat()),
        source="/desk/mechanism",
        time=datetime.combine(day, time(9), UTC),
        key=key,
        data=CalendarWatched(pack=pack),
        subject=case_id(key, 1),
    )


def said(pack: str, by: str, role: str, decided: str, day: date) -> Envelope[MechanismReviewed]:
    """Give the event, under the key and the case that are the mechanism's own."""
    from shared.contracts.desk_mechanism import MechanismReviewed, mechanism_key
    from shared.contracts.envelope import Envelope
    from shared.contracts.ids import case_id, derive_id

    key = mechanism_key(pack)
    return Envelope(
        id=derive_id("mechanism", pack, day.isoformat(), by, role, decided),
        source="/desk/mechanism",
        time=datetime.combine(day, time(9), UTC),
        key=key,
        data=MechanismReviewed(pack=pack, reviewer=by, role=role, decided=decided),
        subject=case_id(key, 1),
    )
