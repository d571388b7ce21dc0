"""`parley staff`: who owns how much, and handing over all that a person has who is away.

A command on a portfolio becomes one desk event for each open case (rule 22); intake decides who takes it,
alert who takes the complaints that the person answers for, and followup who the problems, on whosever case
they are.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.table import Table

from services.cli.catalogue import policies_dir
from services.cli.common import DataDir, JsonFlag, PoliciesFolder, data_dir, fail, guarded, stderr, stdout
from services.cli.door import Publisher, open_publisher
from services.cli.reading import CaseArgument, not_found, with_database
from services.cli.staff_orders import (
    Owned,
    envelope,
    expand,
    to_every_partition,
    to_relieve,
    to_tell_again,
    unheard,
)

if TYPE_CHECKING:
    from services.intake.model import IntakeState, StaffAway
    from shared.contracts.envelope import Envelope
    from shared.policy.roster import Negotiator, Roster
    from shared.runtime.settings import Settings

__all__ = ["absences_told", "app", "open_day", "portfolio"]

app = typer.Typer(help="The people who own cases: load, absence, hand-over.", no_args_is_help=True)

_AT_ONCE: Final = 100  # events that are acknowledged before progress is said
_HEARD_SECONDS: Final = 5.0  # for intake to read that somebody is away; it may not run
_LOOK_AGAIN_SECONDS: Final = 0.2
_ALSO_TOLD: Final = ("offer", "followup", "alert")  # who keeps beside intake what was said of the staff

Name = Annotated[str, typer.Argument(metavar="NAME", help="The staff id, as in roster.toml.")]
From = Annotated[str, typer.Option("--from", help="The first day away, e.g. 2026-07-01.")]
By = Annotated[str, typer.Option("--by", help="Staff id of the supervisor who orders it.")]
Why = Annotated[str, typer.Option("--reason", help="Why; kept on file, so nothing personal.")]


@app.command("list")
def list_(data: DataDir = None, folder: PoliciesFolder = None, as_json: JsonFlag = False) -> None:
    """List everybody who owns cases or may: open cases, capacity, until when they may."""
    roster = _roster(folder)
    load, day, away, unheard = with_database(data_dir(data), _load)
    names = [who.id for who in roster.negotiators]
    names += sorted(set(load) - set(names))
    rows = [_row(name, roster.get(name), load[name], day, away=name in away) for name in names]
    if as_json:
        stdout.print_json(data=rows)
        return
    table = Table("staff", "open", "capacity", "tier", "there", "may own until")
    for row in rows:
        shown = (
            str(row[key]) if row[key] is not None else "–" for key in ("staff", "open", "capacity", "tier")
        )
        table.add_row(*shown, "yes" if row["there"] else "no", row["until"] or "–")
    stdout.print(table)
    if unheard:
        stdout.print("Told before other services kept it; tell it again:", highlight=False)
    for order in to_tell_again(unheard):
        stdout.print(f"  {order}", markup=False, highlight=False, soft_wrap=True)


@app.command()
def absent(
    name: Name,
    since: From,
    until: Annotated[str, typer.Option("--until", help="The last day away.")],
    reason: Why,
    by: By,
    data: DataDir = None,
    folder: PoliciesFolder = None,
    as_json: JsonFlag = False,
) -> None:
    """Hand over all open cases of a person who is absent for a time; no new one becomes theirs meanwhile.

    Run it again at any time: what was handed over stays where it is. With the same first day and another
    --until it makes the absence shorter or longer.
    """
    first, last = _day(since, "--from"), _day(until, "--until")
    if last < first:
        raise fail("--until: must not lie before --from.", code=2)
    _hand_over(name, "absent", first, last, reason, by, data, folder, as_json=as_json)


@app.command()
def leave(
    name: Name,
    since: From,
    reason: Why,
    by: By,
    data: DataDir = None,
    folder: PoliciesFolder = None,
    as_json: JsonFlag = False,
) -> None:
    """Hand over all open cases of a person who leaves for good; they are given no new ones from then on.

    Run it again at any time.
    """
    _hand_over(name, "left", _day(since, "--from"), None, reason, by, data, folder, as_json=as_json)


@app.command()
def relieve(
    reason: Why, by: By, data: DataDir = None, folder: PoliciesFolder = None, as_json: JsonFlag = False
) -> None:
    """Hand over every open case whose owner may not have it by roster.toml as it is now, or not for long.

    For after a change of the roster: services that are started again with it look at a case when something
    is heard of it, or on a day that was known before.
    """
    from services.intake.model import IntakeState
    from shared.policy.reference import load_reference
    from shared.runtime.mongo import read_documents
    from shared.runtime.ports import WORK

    _reason(reason)
    _may_order(by, _roster(folder))
    reference = load_reference(policies_dir(folder))({})

    async def look(settings: Settings) -> tuple[list[IntakeState], date]:
        rows = read_documents(settings, "intake.cases", {WORK: {"$gt": ""}}, fields=("_id", "state"))
        states = [IntakeState.model_validate(row["state"], strict=False) async for row in rows]
        return states, await open_day(settings)

    states, day = with_database(data_dir(data), look)
    events = to_relieve(states, reference, by=by, reason=reason, day=day)
    guarded(lambda: _publish(events, data))
    counts = Counter((event.data.staff, event.data.why.value) for event in events)
    if as_json:
        rows = [{"staff": who, "why": why, "cases": n} for (who, why), n in sorted(counts.items())]
        stdout.print_json(data=rows)
        return
    for (who, why), number in sorted(counts.items()):
        stdout.print(f"{number} open cases of {who} ({why}): each is said at the desk.", highlight=False)
    if not counts:
        stdout.print("Everybody may have the cases that they own.", highlight=False)


@app.command()
def assign(
    case_id: CaseArgument,
    to: Annotated[str, typer.Option("--to", help="The staff id of the new owner.")],
    reason: Why,
    by: By,
    data: DataDir = None,
    folder: PoliciesFolder = None,
) -> None:
    """Give one case to a person by name; a supervisor's order, with a reason on file."""
    from services.console.reads import find_case
    from shared.contracts.desk_team import OwnerNamed

    async def look(settings: Settings) -> tuple[str, str, date]:
        found, customer, _archived = await find_case(settings, case_id)
        return found, customer, await open_day(settings)

    _reason(reason)
    roster = _roster(folder)
    _may_order(by, roster)
    _known(to, roster, "--to")
    try:
        case, customer, day = with_database(data_dir(data), look)
    except LookupError as error:
        raise not_found(error) from None
    order = OwnerNamed(owner=to, by=by, reason=reason)
    event = envelope(order, Owned(case, customer, ""), day, "named", to, day.isoformat())
    guarded(lambda: _publish([event], data))
    stdout.print(f"Said at the desk; `parley case {case}` shows what has come of it.", highlight=False)


async def portfolio(settings: Settings, name: str) -> list[Owned]:
    """Give the open cases that a person owns, the oldest first. Raises UnavailableError."""
    from services.intake.model import IntakeState
    from shared.runtime.mongo import read_documents
    from shared.runtime.ports import WORK

    found = []
    async for document in read_documents(settings, "intake.cases", {WORK: name}, fields=("_id", "state")):
        state = IntakeState.model_validate(document["state"], strict=False)
        found.append(Owned(state.case, state.customer, str(state.opened_on)))
    return sorted(found, key=lambda owned: (owned.opened_on, owned.case))


async def answering(settings: Settings, name: str) -> list[Owned]:
    """Give the cases, open or closed, with a complaint that a person answers for. Raises UnavailableError."""
    return await _with(settings, "alert.cases", {"state.complaints.owner": name})


async def solving(settings: Settings, name: str) -> list[Owned]:
    """Give the cases, open or closed, with a problem that a person is to solve. Raises UnavailableError."""
    return await _with(settings, "followup.cases", {"state.problems.owner": name})


async def _with(settings: Settings, collection: str, query: dict[str, Any]) -> list[Owned]:
    from shared.runtime.mongo import read_documents

    rows = read_documents(settings, collection, query, fields=("_id", "key"))
    return sorted([Owned(row["_id"], row["key"], "") async for row in rows], key=lambda one: one.case)


async def absences_told(settings: Settings) -> list[StaffAway]:
    """Give the absences that any partition has been told of, with those over. Raises UnavailableError."""
    from services.intake.model import IntakeState
    from shared.runtime.mongo import read_documents
    from shared.runtime.ports import WORK

    told: list[StaffAway] = []
    query = {WORK: {"$regex": "^~"}}
    async for document in read_documents(settings, "intake.cases", query, fields=("_id", "state")):
        told += IntakeState.model_validate(document["state"], strict=False).away
    return told


def _hand_over(
    name: str, word: str, since: date, until: date | None, reason: str, by: str,
    data: Path | None, folder: Path | None, *, as_json: bool,
) -> None:  # fmt: skip
    from services.intake.model import StaffAway
    from shared.contracts.desk_team import AwayWhy

    why = AwayWhy(word)
    _reason(reason)
    roster = _roster(folder)
    _may_order(by, roster)
    who = roster.get(name)
    day, theirs = with_database(data_dir(data), lambda settings: _theirs(settings, name))
    if who is None and not any(theirs):
        raise fail(
            f"Nobody called {name!r} is on the roster, owns a case, has a complaint or a problem to answer.",
            "`parley staff list` names all.",
        )

    async def absence() -> list[str]:
        async with open_publisher(data) as publisher:
            told = to_every_partition(
                await publisher.partitions("desk"), name, why, since, until, by=by, reason=reason, day=day
            )
            await publisher.send(*told)
            return [event.key for event in told]

    # First that no case is theirs any more. What another hand-over, or the bank, gives them before that is
    # heard is theirs, too: so only then it is looked at what they have.
    keys = guarded(absence)
    said = StaffAway(staff=name, since=since, until=until)

    async def look(settings: Settings) -> tuple[bool, tuple[list[Owned], ...]]:
        return await _has_heard(settings, keys, said), (await _theirs(settings, name))[1]

    heard, theirs = with_database(data_dir(data), look)
    owned, answers, solves = theirs
    cases: dict[str, Owned] = {}
    for one in (*owned, *answers, *solves):
        cases.setdefault(one.case, one)
    events = expand(list(cases.values()), name, why, since, until, by=by, reason=reason, day=day)
    guarded(lambda: _publish(events, data))
    known = who is None or not who.present_on(since)
    if as_json:
        summary = {
            "staff": name,
            "cases": len(owned),
            "complaints_in": len(answers),
            "problems_in": len(solves),
            "from": since.isoformat(),
            "on_the_roster": known,
            "heard": heard,
        }
        stdout.print_json(data=summary)
        return
    stdout.print(f"{len(owned)} open cases of {name}: each is said at the desk.", highlight=False)
    if answers:
        stdout.print(f"So is each of {len(answers)} cases with a complaint of theirs.", highlight=False)
    if solves:
        stdout.print(f"So is each of {len(solves)} cases with a problem of theirs.", highlight=False)
    if not heard:
        line = (
            "Intake has not read it yet: a case that becomes theirs before it does is not among these. "
            "Run this again then."
        )
        stdout.print(line, highlight=False, soft_wrap=True)
    if not known:
        line = f"left = {since}" if until is None else f"absences = [{{ since = {since}, until = {until} }}]"
        stdout.print(
            f"{name} is given no new cases then. For a record that lasts add {line!r} to roster.toml.",
            highlight=False, markup=False, soft_wrap=True,
        )  # fmt: skip


async def _theirs(settings: Settings, name: str) -> tuple[date, tuple[list[Owned], ...]]:
    """Give the open day, and the cases that are a person's, with a complaint or with a problem of theirs."""
    found = (
        await portfolio(settings, name),
        await answering(settings, name),
        await solving(settings, name),
    )
    return await open_day(settings), found


async def _has_heard(settings: Settings, keys: Collection[str], said: StaffAway) -> bool:
    """Wait until intake's document of every partition has the absence; False where it takes too long."""
    from services.intake.model import IntakeState
    from shared.runtime.mongo import read_documents

    query = {"_id": {"$in": list(keys)}}
    for _ in range(round(_HEARD_SECONDS / _LOOK_AGAIN_SECONDS)):
        states = [
            IntakeState.model_validate(row["state"], strict=False)
            async for row in read_documents(settings, "intake.cases", query, fields=("_id", "state"))
        ]
        if sum(said in state.away for state in states) == len(keys):
            return True
        await asyncio.sleep(_LOOK_AGAIN_SECONDS)
    return False


async def _publish(events: list[Envelope[Any]], data: Path | None) -> None:
    async with open_publisher(data) as publisher:
        await _send(publisher, events)


async def _send(publisher: Publisher, events: list[Envelope[Any]]) -> None:
    for start in range(0, len(events), _AT_ONCE):
        await publisher.send(*events[start : start + _AT_ONCE])
        if len(events) > _AT_ONCE:
            done = min(start + _AT_ONCE, len(events))
            stderr.print(f"{done} of {len(events)}", highlight=False)


async def open_day(settings: Settings) -> date:
    """Give the business day that is open: the one after the last that intake has closed anywhere."""
    from shared.runtime.mongo import read_documents

    done = [row["done"] async for row in read_documents(settings, "intake.positions", fields=("done",))]
    closed = [date.fromisoformat(day) for day in done if day is not None]
    return max(closed) + timedelta(days=1) if closed else datetime.now(UTC).date()


async def _load(settings: Settings) -> tuple[Counter[str], date, set[str], list[StaffAway]]:
    """Give open cases by person, the open day, who was said to be away on it, and what not all have heard."""
    from shared.runtime.mongo import read_documents
    from shared.runtime.ports import WORK

    load: Counter[str] = Counter()
    query = {WORK: {"$gt": ""}}
    async for document in read_documents(settings, "intake.cases", query, fields=(WORK,)):
        load.update(name for name in document[WORK] if not name.startswith("~"))  # an absence is no work
    day = await open_day(settings)
    told = await absences_told(settings)
    away = {one.staff for one in told if one.since <= day and (one.until is None or day <= one.until)}
    heard = [await _heard(settings, service) for service in _ALSO_TOLD]
    return load, day, away, unheard(told, heard, day)


async def _heard(settings: Settings, service: str) -> set[tuple[str, date, date | None]]:
    """Give the absences and departures that a service beside intake knows of."""
    from shared.contracts.departures import Departure
    from shared.runtime.mongo import read_documents
    from shared.runtime.ports import WORK

    query = {WORK: {"$regex": "^~"}}
    heard: set[tuple[str, date, date | None]] = set()
    async for document in read_documents(settings, f"{service}.cases", query, fields=("state.departures",)):
        rows = [Departure.model_validate(row, strict=False) for row in document["state"]["departures"]]
        heard.update((row.staff, row.since, row.until) for row in rows)
    return heard


def _row(name: str, who: Negotiator | None, load: int, day: date, *, away: bool) -> dict[str, Any]:
    until = who.owns_before(day, certified=True) if who is not None else None
    return {
        "staff": name,
        "open": load,
        "capacity": who.capacity if who is not None else None,
        "tier": who.authority if who is not None else None,
        "there": who is not None and who.may_own_on(day, certified=True) and not away,
        "until": until.isoformat() if until is not None else None,
    }


def _roster(folder: Path | None) -> Roster:
    from shared.policy.reference import ROSTER_FILE
    from shared.policy.roster import Roster, RosterError

    try:
        return Roster.load(policies_dir(folder) / ROSTER_FILE)
    except RosterError as error:
        raise fail(str(error), code=2) from None


def _known(who: str, roster: Roster, option: str = "--by") -> None:
    if roster.get(who) is None:
        raise fail(
            f"{option}: nobody called {who!r} is on the roster.", "`parley staff list` names all.", code=2
        )


def _may_order(by: str, roster: Roster) -> None:
    """Whose cases are whose is a supervisor's order."""
    _known(by, roster)
    who = roster.get(by)
    if who is None or not who.supervisor:
        raise fail(
            f"--by: {by!r} is no supervisor.", "roster.toml says who is one (`supervisor = true`).", code=2
        )


def _reason(reason: str) -> None:
    if len(reason.strip()) < 3 or len(reason) > 400:
        raise fail("--reason: must have 3 to 400 characters.", code=2)


def _day(given: str, option: str) -> date:
    try:
        return date.fromisoformat(given)
    except ValueError:
        raise fail(f"{option}: must be a day that exists, written 2026-07-01.", code=2) from None
