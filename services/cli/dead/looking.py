"""`parley dead list`, `show` and `held`: what went to the dead letters, and what waits."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.cli.common import DataDir, JsonFlag, fail, guarded
from services.cli.dead.options import (
    CaseOption,
    IdArgument,
    ReasonOption,
    ServiceOption,
    StateOption,
    find_letter,
    id_of,
    ms_of,
    reason_of,
    services_of,
)
from services.cli.dead.servers import open_servers
from shared.contracts.registry import SENDERS

if TYPE_CHECKING:
    from services.cli.dead.book import Entry
    from shared.runtime.parked import Held
    from shared.runtime.settings import Settings

__all__ = ["held", "list_", "show"]


def list_(
    service: ServiceOption = None,
    reason: ReasonOption = None,
    case: CaseOption = None,
    state: StateOption = None,
    since: Annotated[
        str | None, typer.Option("--since", help="Dead-lettered since: 2026-01-31, 2026-01-31T14:00, 2h, 7d.")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--until", help="Dead-lettered until; a day is meant whole.")
    ] = None,
    limit: Annotated[
        int, typer.Option("--limit", min=1, help="At most so many lines; the sums count all.")
    ] = 50,
    behind: Annotated[
        bool, typer.Option("--behind", help="List also what only waits behind another of its case.")
    ] = False,
    data: DataDir = None,
    as_json: JsonFlag = False,
) -> None:
    """List dead letters, newest first: id, when, reason, event, case, and what has become of each.

    One bad message parks its case in every service that reads it, and all that comes later waits behind it:
    the list shows what stopped each, the sums count all. With --reason or --json everything is listed.

    [bold]parked[/] waits for a replay; [bold]decided[/] was replayed meanwhile; [bold]waits[/] was replayed
    and waits for what it builds on; [bold]discarded[/] shows by whom and why; [bold]final[/] is held by no
    document (a wrong partition, no case): its sender must send it again.

    Works when nothing runs: the servers are started for it.

        parley dead list

        parley dead list --service intake --reason undecodable --since 2h

        parley dead list --state parked --case 8b1f8a06 --json
    """
    from shared.runtime.parked import State

    if state is not None and state not in set(State):
        raise fail(f"--state: must be one of {', '.join(State)}.", code=2)
    services, why = services_of(service), reason_of(reason)
    since_ms, until_ms = ms_of("--since", since) or 0, ms_of("--until", until, end=True)

    async def work() -> Any:
        from services.cli.dead.book import Filter, read_book

        async with open_servers(data) as (settings, store):
            fate = State(state) if state else None
            everything = behind or as_json or why is not None
            wanted = Filter(services, why, case, fate, since_ms, until_ms, everything)
            return await read_book(settings, store, wanted, limit)

    book = guarded(work)
    from services.cli.dead import view

    if as_json:
        view.print_json(view.book_json(book))
    else:
        view.print_book(book)


def show(
    id_: IdArgument,
    value: Annotated[
        bool,
        typer.Option(
            "--value", help="Print the record's value too. It may hold personal data of a borrower."
        ),
    ] = False,
    data: DataDir = None,
    as_json: JsonFlag = False,
) -> None:
    """Show everything about one dead letter, what waits behind it, and the command to run next.

    The record's value is not printed: it may hold personal data. [bold]--value[/] prints it.

        parley dead show intake/bank/0/12

        parley dead show intake/bank.events/0/12 --value
    """
    wanted = id_of(id_)

    async def work() -> tuple[Entry, Held | None, bytes | None]:
        async with open_servers(data) as (settings, store):
            entry, held = await find_letter(settings, store, wanted)
            return entry, held, await _value(settings, entry) if value else None

    entry, held, content = guarded(work)
    from services.cli.dead import view

    if as_json:
        view.print_json(view.as_json(entry, held, content, show_value=value))
    else:
        view.print_entry(entry, held, content, show_value=value)


async def _value(settings: Settings, entry: Entry) -> bytes | None:
    """Give the record's bytes: from the letter, or from its topic where the letter could not hold them."""
    from contextlib import aclosing

    from shared.runtime.admin import scan

    at = entry.letter.record
    if entry.letter.truncated:
        async with aclosing(scan(settings, at.topic, {at.partition: at.offset})) as records:
            async for record in records:
                if (record.partition, record.offset) == (at.partition, at.offset):
                    return record.value
    return at.value


def held(
    service: ServiceOption = None,
    case: CaseOption = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many, the oldest first.")] = 50,
    data: DataDir = None,
    as_json: JsonFlag = False,
) -> None:
    """List what is held: by which service, since when, why, what waits, and who else waits because of it.

    A held case is left alone by the due work of every service that knows it, until all that is parked has
    been replayed or discarded. Works when nothing runs: the database is started for it.

        parley dead held

        parley dead held --service intake --json
    """
    services = services_of(service)

    async def work() -> tuple[list[Any], int]:
        from services.cli.dead.view import HeldLine
        from shared.runtime.parked import held_documents, held_elsewhere

        oldest: list[tuple[str, int, Held]] = []
        total = 0
        async with open_servers(data, kafka=False) as (_, store):
            for name in services:
                async for one in held_documents(store, name):
                    if case is None or one.is_of(case):
                        total += 1
                        oldest.append((one.since, total, one))
                        oldest = heapq.nsmallest(limit, oldest) if len(oldest) > 2 * limit else oldest
            chosen = [one for _, _, one in heapq.nsmallest(limit, oldest)]
            return [HeldLine(one, await held_elsewhere(store, one, SENDERS)) for one in chosen], total

    lines, total = guarded(work)
    from services.cli.dead import view

    if as_json:
        view.print_json([view.held_json(line) for line in lines])
    else:
        view.print_held(lines, total)
