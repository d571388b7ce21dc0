"""`parley dead replay` and `discard`: commands to a platform that runs, and what has come of them."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from services.cli.common import DataDir, JsonFlag, fail, guarded, stderr, stdout
from services.cli.dead.ids import NAMES, DeadId, plain, short
from services.cli.dead.options import (
    ByOption,
    CaseOption,
    IdArgument,
    ReasonOption,
    ServiceOption,
    WaitOption,
    find_letter,
    id_of,
    operator_of,
    reason_of,
    services_of,
)
from services.cli.dead.servers import open_servers

if TYPE_CHECKING:
    from services.cli.dead.acting import Chosen, Outcome
    from services.cli.dead.book import Entry
    from services.cli.dead.everywhere import Copy
    from shared.runtime.mongo import MongoStore
    from shared.runtime.operate import Operator
    from shared.runtime.parked import Held
    from shared.runtime.settings import Settings

__all__ = ["discard", "replay"]

T = TypeVar("T")


def _commanding(data: Path | None, work: Callable[[Operator, MongoStore], Awaitable[T]]) -> T:
    """Run `work` on a platform that runs."""

    async def run() -> T:
        from shared.runtime.operate import Operator, SilentError
        from shared.runtime.publish import EventPublisher

        async with (
            open_servers(data, running=True) as (settings, store),
            EventPublisher(settings) as publisher,
        ):
            try:
                return await work(Operator(settings, store, publisher), store)
            except SilentError as error:
                names = ", ".join(error.services)
                raise fail(
                    f"{names}: no answer within the time of --wait.",
                    "The commands stand in ops.commands and are obeyed as soon as the service reads them. "
                    "See that `parley up` or `parley run` runs, then look with `parley dead held`.",
                ) from None

    return guarded(run)


async def _present(operator: Operator, services: set[str]) -> None:
    """Refuse before anything is published where nobody would obey."""
    absent = await operator.absent(sorted(services))
    if absent:
        raise fail(
            f"No replica of {', '.join(absent)} is running: nobody would obey. Nothing was published.",
            "Start the platform with `parley up` (or `parley run SERVICE`), then try again.",
        )


def replay(
    ids: Annotated[
        list[str] | None, typer.Argument(metavar="ID", help="Dead letters whose documents to replay.")
    ] = None,
    service: ServiceOption = None,
    case: CaseOption = None,
    reason: ReasonOption = None,
    everything: Annotated[bool, typer.Option("--all", help="Everything that is parked.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be replayed; do nothing.")
    ] = False,
    by: ByOption = None,
    wait: WaitOption = 60,
    data: DataDir = None,
    as_json: JsonFlag = False,
) -> None:
    """Decide again what is parked, in the order in which it arrived, and wait for what comes of it.

    A replay takes a whole document: all that waits for one case (at intake: for one customer). It stops and
    parks again at the first message that still fails. It can be repeated at any time, also while an earlier
    one is under way. Exit 1 where anything is still parked. The platform must be running.

        parley dead replay intake/bank/0/12

        parley dead replay --service offer --case 8b1f8a06

        parley dead replay --service offer --reason decider-failed --dry-run

        parley dead replay --all --yes
    """
    services, why, name = services_of(service), reason_of(reason), operator_of(by)
    wanted = [id_of(text) for text in ids or ()]
    chooses = bool(service or case or reason)
    if bool(wanted) + chooses + everything != 1:
        raise fail(
            "Say what to replay, in one way: ids, or --service, --case and --reason, or --all.",
            "`parley dead held` shows what is parked.",
            code=2,
        )
    if everything or chooses:
        _must_be_able_to_ask(yes=yes or dry_run, as_json=as_json)

    async def work(operator: Operator, store: MongoStore) -> list[Outcome] | None:
        from services.cli.dead import acting

        if wanted:
            documents = await _documents_of(operator.settings, store, wanted)
        else:
            documents = await acting.choose(store, services, case=case, reason=why)
        if not documents:
            stderr.print("Nothing that fits is parked: there is nothing to replay.", highlight=False)
            return []
        if dry_run or not (wanted or yes):
            _tell(documents, stdout if dry_run else stderr, as_json=as_json and dry_run)
        if dry_run:
            return None
        if not (wanted or yes) and not typer.confirm(f"Replay {len(documents)} documents?", err=True):
            raise fail("Nothing was replayed.")
        await _present(operator, {one.service for one in documents})
        return await _replayed(operator, store, documents, name, wait, quiet=as_json)

    outcomes = _commanding(data, work)
    if outcomes is None:
        return
    if as_json:
        from services.cli.dead import view

        view.print_json([outcome.as_json() for outcome in outcomes])
    elif len(outcomes) > 1:
        released = sum(outcome.ok for outcome in outcomes)
        typer.echo(f"{released} of {len(outcomes)} documents released")
    if not all(outcome.ok for outcome in outcomes):
        raise typer.Exit(1)


def _must_be_able_to_ask(*, yes: bool, as_json: bool) -> None:
    if not yes and (as_json or not sys.stdin.isatty()):
        raise fail(
            "--yes: is needed for a set where nobody can be asked.", "--dry-run shows the set.", code=2
        )


async def _documents_of(settings: Settings, store: MongoStore, wanted: list[DeadId]) -> list[Chosen]:
    """Give the parked documents of letters, each once; say of which letters there is none."""
    from services.cli.dead.acting import chosen
    from services.cli.dead.advice import next_steps

    found: dict[tuple[str, str], Chosen] = {}
    for each in wanted:
        entry, parked = await find_letter(settings, store, each)
        if parked is None:
            what = f"{short(entry.letter.name)} is not parked ({entry.fate.state})."
            stderr.print(plain(what), markup=False, highlight=False, soft_wrap=True)
            stderr.print(next_steps(entry, None)[0], markup=False, highlight=False, soft_wrap=True)
        else:
            found[parked.service, parked.document] = chosen(parked)
    return list(found.values())


def _tell(documents: list[Chosen], to: Console, *, as_json: bool) -> None:
    """Say what is meant: the answer of a dry run, or what a question is about."""
    from services.cli.dead import view

    if as_json:
        view.print_json(
            [{"service": d.service, "document": d.document, "reason": d.reason, "waiting": d.waiting}
             for d in documents]
        )  # fmt: skip
        return
    for one in documents:
        text = f"{one.service} {plain(one.document, 64)}: {one.waiting} wait ({plain(one.reason)})"
        to.print(text, markup=False, highlight=False, soft_wrap=True)
    to.print(f"{len(documents)} documents, {sum(d.waiting for d in documents)} messages", highlight=False)


async def _replayed(
    operator: Operator, store: MongoStore, documents: list[Chosen], by: str, wait: float, *, quiet: bool
) -> list[Outcome]:
    from services.cli.dead import view
    from services.cli.dead.acting import replay as replay_all

    columns = (TextColumn("replaying"), BarColumn(), MofNCompleteColumn())
    shown = stderr.is_terminal and not quiet
    with Progress(*columns, console=stderr, transient=True, disable=not shown) as progress:
        task = progress.add_task("replaying", total=len(documents))
        return await replay_all(
            operator,
            store,
            documents,
            by=by,
            patience=wait,
            on_outcome=lambda outcome: None if quiet else view.say(outcome.line()),
            on_progress=lambda count: progress.update(task, completed=count),
        )


def discard(
    id_: IdArgument,
    reason: Annotated[
        str | None, typer.Option("--reason", help="Why it may be dropped. Required, and kept for good.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say whether it can be discarded; do nothing.")
    ] = False,
    everywhere: Annotated[
        bool, typer.Option("--everywhere", help="In every service that holds the same record.")
    ] = False,
    by: ByOption = None,
    wait: WaitOption = 60,
    data: DataDir = None,
    as_json: JsonFlag = False,
) -> None:
    """Drop one parked message for good. It is never decided; who did it and why is kept.

    Only the lowest parked message of its topic can go; where that is another one, it is named and nothing is
    published. What waits behind it still waits: replay it then. Its id is used up: corrected, it is published
    under another. Never put personal data into the reason. The platform must be running.

    An unreadable message of the desk is held by each service that reads it. [bold]--everywhere[/] drops it
    in all of them, for one reason that each keeps, and says what it did in each; the id may leave out the
    service. It can be repeated at any time: what is done stays done. Exit 1 where any service still holds it.

        parley dead discard intake/bank/0/12 --reason "cut off by the sender, sent again as 0/15"

        parley dead discard desk/0/7 --everywhere --reason "cut off by the sender"
    """
    wanted, name = id_of(id_), operator_of(by)
    text = (reason or "").strip()
    if not 3 <= len(text) <= 4000:
        raise fail(
            "--reason: is required, 3 to 4000 characters: it is kept and shown to whoever asks.", code=2
        )
    if everywhere:
        _discard_everywhere(data, wanted, text, name, wait, dry_run=dry_run, as_json=as_json)
        return

    async def work(operator: Operator, store: MongoStore) -> tuple[Entry, Held | None]:
        from services.cli.dead import acting
        from services.cli.dead.advice import refusal

        entry, held_now = await find_letter(operator.settings, store, wanted)
        why = refusal(entry, held_now)
        if why is not None or held_now is None:
            raise fail(f"{plain(short(entry.letter.name))} cannot be discarded: {why}.")
        if dry_run:
            return entry, held_now
        await _present(operator, {held_now.service})
        at = entry.letter.record
        refused = await acting.discard(
            operator, held_now, (at.topic, at.partition, at.offset), reason=text, by=name, patience=wait
        )
        entry, held_then = await find_letter(operator.settings, store, wanted)
        if refused is not None:  # another operator was quicker
            why = refusal(entry, held_then) or refused
            raise fail(f"{plain(short(entry.letter.name))} was not discarded: {why}.")
        from shared.runtime.parked import held_document

        return entry, await held_document(store, held_now.service, held_now.document)

    entry, held_now = _commanding(data, work)
    _say_discarded(entry, held_now, dry_run=dry_run, as_json=as_json)


def _discard_everywhere(
    data: Path | None, wanted: DeadId, reason: str, by: str, wait: float, *, dry_run: bool, as_json: bool
) -> None:
    if wanted.day:
        raise fail("--everywhere: is for the record of a message; due work is each service's own.", code=2)
    record = replace(wanted, service=None)

    async def work(operator: Operator, store: MongoStore) -> list[Copy]:
        from services.cli.dead import everywhere
        from services.cli.dead.book import find_all
        from shared.runtime.letters import letters

        entries = await find_all(store, record, lambda name: letters(operator.settings, name))
        if not entries:
            raise fail("No service has a dead letter of that record.", "`parley dead list` lists them.")
        copies = await everywhere.look(store, entries)
        others = [name for name in NAMES if name not in {copy.service for copy in copies}]
        at = entries[0].letter.record
        copies += await everywhere.unread(store, others, (at.topic, at.partition, at.offset))
        possible = {copy.service for copy in copies if copy.word == "possible"}
        if dry_run or not possible:
            return copies
        await _present(operator, possible)
        return await everywhere.discard_copies(operator, store, copies, reason=reason, by=by, patience=wait)

    copies = _commanding(data, work)
    from services.cli.dead import view

    if as_json:
        view.print_json([copy.as_json() for copy in copies])
    else:
        view.print_copies(copies)
    if dry_run and any(copy.word == "possible" for copy in copies):
        return
    if not all(copy.done for copy in copies) or not any(copy.dropped for copy in copies):
        raise typer.Exit(1)


def _say_discarded(entry: Entry, held_now: Held | None, *, dry_run: bool, as_json: bool) -> None:
    from services.cli.dead import view
    from services.cli.dead.advice import replay_document

    if as_json:
        view.print_json(view.as_json(entry, held_now, None, show_value=False))
        return
    if dry_run:
        view.say(f"{plain(short(entry.letter.name))} can be discarded; nothing was done.")
        return
    view.say(f"{plain(short(entry.letter.name))} is discarded.")
    if held_now is None:
        view.say("Nothing waits behind it: the document is released.")
    else:
        view.say(f"{len(held_now.messages)} still wait in its document. Replay them:")
        view.say(f"    {replay_document(held_now)}")
