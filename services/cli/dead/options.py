"""The options that the commands of `parley dead` share, and how what was typed is checked."""

from __future__ import annotations

import getpass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from services.cli.common import fail
from services.cli.dead.ids import NAMES, DeadId, IdError, moment, parse_id, short

if TYPE_CHECKING:
    from services.cli.dead.book import Entry
    from shared.runtime.mongo import MongoStore
    from shared.runtime.parked import Held
    from shared.runtime.settings import Settings

__all__ = [
    "ByOption",
    "CaseOption",
    "IdArgument",
    "ReasonOption",
    "ServiceOption",
    "StateOption",
    "WaitOption",
    "find_letter",
    "id_of",
    "ms_of",
    "operator_of",
    "reason_of",
    "services_of",
]

IdArgument = Annotated[
    str, typer.Argument(metavar="ID", help="service/topic/partition/offset, as `parley dead list` prints it.")
]
ServiceOption = Annotated[
    str | None, typer.Option("--service", help=f"Only this service's: {', '.join(NAMES)}.")
]
ReasonOption = Annotated[
    str | None, typer.Option("--reason", help="Only for this reason, e.g. undecodable, decider-failed.")
]
CaseOption = Annotated[
    str | None, typer.Option("--case", help="Only of this case (its id or first characters) or customer.")
]
StateOption = Annotated[
    str | None, typer.Option("--state", help="Only parked, decided, waits, discarded or final.")
]
ByOption = Annotated[
    str | None,
    typer.Option("--by", help="Who does it; kept with the command.", show_default="your user name"),
]
WaitOption = Annotated[
    float, typer.Option("--wait", min=1, help="Seconds without any progress after which to stop waiting.")
]


def services_of(given: str | None) -> tuple[str, ...]:
    """Give the services that are meant: the one given, or all."""
    if given is None:
        return NAMES
    if given not in NAMES:
        raise fail(f"--service: must be one of {', '.join(NAMES)}.", code=2)
    return (given,)


def reason_of(given: str | None) -> str | None:
    """Check a reason. A wrong one ends the command."""
    from shared.runtime.inbound import Reason

    if given is not None and given not in set(Reason):
        raise fail(f"--reason: must be one of {', '.join(Reason)}.", code=2)
    return given


def id_of(text: str) -> DeadId:
    """Read an id. A wrong one ends the command."""
    try:
        return parse_id(text)
    except IdError as error:
        raise fail(str(error), "`parley dead list` prints ids.", code=2) from None


def ms_of(name: str, text: str | None, *, end: bool = False) -> int | None:
    """Read a moment, in milliseconds. A wrong one ends the command."""
    if text is None:
        return None
    try:
        return round(moment(text, now=datetime.now(UTC), end=end).timestamp() * 1000)
    except IdError as error:
        raise fail(f"{name}: {error}", code=2) from None


def operator_of(given: str | None) -> str:
    """Give who does it: who was named, or this computer's user. A wrong one ends the command."""
    if given is None:
        try:
            return getpass.getuser()[:128]
        except (OSError, KeyError):  # a container's user may have no name
            return ""
    if not given.strip() or len(given) > 128 or not given.isprintable():
        raise fail("--by: must be 1 to 128 printable characters.", code=2)
    return given.strip()


async def find_letter(settings: Settings, store: MongoStore, wanted: DeadId) -> tuple[Entry, Held | None]:
    """Give the letter of an id, and its document where that is parked."""
    from services.cli.dead.book import Several, find
    from shared.runtime.parked import State, held_document

    try:
        entry = await find(settings, store, wanted)
    except Several as error:
        raise fail(f"{error}.", f"Say which one: {', '.join(map(short, error.names))}", code=2) from None
    if entry is None:
        raise fail("There is no dead letter of that id.", "`parley dead list` lists them.")
    letter = entry.letter
    parked = entry.fate.state is State.PARKED and letter.document is not None
    held = await held_document(store, letter.service, letter.document or "") if parked else None
    return entry, held
