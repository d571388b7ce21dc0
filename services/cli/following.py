"""Cases as they go: what is new since the last look, line by line, until Ctrl-C (R65).

It looks at what the archive keeps, again and again: nothing is decided here, and nothing is asked of Kafka.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.markup import escape

from services.cli.common import fail

if TYPE_CHECKING:
    from services.console.model import ArchivedCustomer, Voice
    from services.console.reads import CaseRow
    from services.console.story import Line
    from shared.runtime.settings import Settings

__all__ = ["Every", "Look", "follow", "heard_text", "row_json", "row_text", "story_text", "watch"]

Every = Annotated[
    float, typer.Option("--every", min=0.2, help="Seconds between two looks, while it goes on.")
]
Look = Callable[[], Awaitable[list["CaseRow"]]]

_ID_SHORT: Final = 8


async def watch(
    look: Look,
    wanted: Callable[[CaseRow], bool],
    tell: Callable[[CaseRow, CaseRow | None], None],
    every: float,
) -> None:
    """Tell of each case that says something else than at the last look, and of those that are new.

    One that is no longer among the wanted ones is told of once more: somebody waits for that.
    """
    before: dict[str, CaseRow] = {}
    while True:
        now: dict[str, CaseRow] = {}
        for row in await look():
            known = before.get(row.case)
            if wanted(row):
                now[row.case] = row
            if (row.case in now or known is not None) and row != known:
                tell(row, known)
        before = now
        await asyncio.sleep(every)


async def follow(
    settings: Settings, case: str, customer: str, lang: str, tell: Callable[[list[Line]], None], every: float
) -> None:
    """Tell the story of a case so far, then each entry as it is filed; an entry that was changed ends it."""
    from services.console.reads import find_customer, open_entries, person_key_of, story_of
    from services.console.story import lines_of, verify
    from shared.crypto.sealing import SealError

    entries: list[dict[str, Any]] = []
    while True:
        archived: ArchivedCustomer = await find_customer(settings, customer)
        new = _in_order(await story_of(settings, customer, archived, after=len(entries)), len(entries))
        if new:
            entries += new
            wrong = verify(entries, entries[-1]["hash"])
            if wrong is not None:
                raise fail(f"The archive was changed: entry {wrong.number}: {wrong.rule}.")
            try:
                shown = open_entries(new, await person_key_of(settings, customer))
            except SealError as error:
                raise fail(f"The archive was changed: {error}.") from None
            tell(lines_of(shown, case, lang))
        await asyncio.sleep(every)


def _in_order(entries: list[dict[str, Any]], seen: int) -> list[dict[str, Any]]:
    """Give the entries after what was seen; the latest are copied out a moment after they are counted."""
    found: list[dict[str, Any]] = []
    for number, entry in enumerate(entries, start=seen + 1):
        if entry["number"] != number:
            break
        found.append(entry)
    return found


def heard_text(voice: Voice) -> str:
    """Give what the borrower was last heard to say of how they are treated; "" where nothing was."""
    about = ", ".join(one.replace("_", " ") for one in voice.about)
    score = "" if voice.score is None else f"{voice.score} of 5"
    said = " about ".join(part for part in (score, about) if part)
    open_ = len(voice.complaints)
    complaints = f"{open_} complaint{'s' if open_ > 1 else ''} open" if open_ else ""
    return "; ".join(part for part in (said, complaints) if part)


def row_text(row: CaseRow, before: CaseRow | None) -> str:
    """Give the line of a case that has changed: where it stands now, and what the borrower says."""
    line = row.line
    stage = line.stage.value + (f" ({line.close_reason})" if line.close_reason else "")
    came_from = "" if before is None or before.line.stage is line.stage else f"{before.line.stage.value} → "
    parts = [f"{came_from}{stage}", f"owner {line.owner or '–'}", f"next {row.next_date or '–'}"]
    if row.held_by:
        parts.append(f"held by {', '.join(row.held_by)}")
    heard = heard_text(line.voice)
    if heard:
        parts.append(f"borrower: {heard}")
    return f"{line.last_on or '–'}  {row.case[:_ID_SHORT]} {row.customer}  {', '.join(parts)}"


def story_text(line: Line) -> str:
    """Give a line of a story with its marks; what the borrower has said stands out."""
    from services.console.voice import THEIR_WORD

    why = f" [dim]({escape('; '.join(line.unsaid))})[/]" if line.unsaid else ""
    when, who = line.time[:16].replace("T", " "), escape(line.who)
    what = f"[bold]{escape(line.what)}[/]" if line.type in THEIR_WORD else escape(line.what)
    return f"{when}  [cyan]{who:<10}[/] {what}{why}"


def row_json(row: CaseRow) -> Mapping[str, Any]:
    """Give a case as the lists have it, for a program."""
    return {
        "case": row.case,
        "customer": row.customer,
        **row.line.model_dump(mode="json"),
        "next_date": row.next_date,
        "held_by": list(row.held_by),
    }
