"""What the reading commands load from the database. Nothing here writes, and nothing needs Kafka."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from pydantic import TypeAdapter

from services.console.model import ArchivedCustomer, CaseLine
from services.console.reference import read_keys
from services.console.rules import link_id
from services.console.sealed import entry_key_name, opened
from services.console.story import without_content
from shared.contracts.registry import SENDERS
from shared.crypto.sealing import PersonKey
from shared.runtime.mongo import MongoStore, read_documents
from shared.runtime.settings import Settings
from shared.runtime.traces import read_span_rows

__all__ = [
    "Ambiguous",
    "CaseRow",
    "NotFound",
    "archived_customers",
    "case_rows",
    "chains_of",
    "discards_of",
    "find_case",
    "find_customer",
    "next_dates",
    "open_entries",
    "person_key_of",
    "spans_of",
    "story_of",
]

_CUSTOMER = TypeAdapter(ArchivedCustomer)
_LINKS_AT_ONCE = 500
_NAMED = 10


class NotFound(LookupError):  # noqa: N818 - what is said to a person, not a fault
    """No case, or no customer, goes by that name."""


class Ambiguous(LookupError):  # noqa: N818
    """Several cases begin with what was given; `cases` are the first of them."""

    def __init__(self, cases: list[str]) -> None:
        super().__init__(f"{len(cases)} cases begin with that")
        self.cases = cases[:_NAMED]


@dataclass(frozen=True, slots=True)
class CaseRow:
    """One case in the lists. `next_date` is the earliest due date of any service, ISO, or None."""

    case: str
    customer: str
    line: CaseLine
    next_date: str | None
    held_by: tuple[str, ...] = ()


async def archived_customers(settings: Settings) -> AsyncIterator[tuple[str, ArchivedCustomer]]:
    """Give every customer that something is on file about, with what the archive knows of them."""
    async for document in read_documents(settings, "archive.cases", fields=("_id", "state")):
        if document.get("state") is not None:
            yield document["_id"], _CUSTOMER.validate_python(document["state"], strict=False)


async def next_dates(settings: Settings) -> tuple[dict[str, str], dict[str, tuple[str, ...]]]:
    """Give the earliest due date of any service by case, and the services that hold a case.

    Intake's document is per customer: its date counts for every case of theirs that is still open. That its
    owner may own it until a day is no date of the case.
    """
    dates: dict[str, str] = {}
    held: dict[str, tuple[str, ...]] = {}
    for service in SENDERS:
        async for document in read_documents(
            settings, f"{service}.cases", fields=("_id", "due", "held", "park", "state.owned_before")
        ):
            name, due = document["_id"], document.get("due")
            owned_before = (document.get("state") or {}).get("owned_before")
            if due is not None and owned_before is not None and _day_after(due) == owned_before:
                due = None
            if due is not None and (name not in dates or due < dates[name]):
                dates[name] = due
            if document.get("park") is not None:
                held[name] = (*held.get(name, ()), service)
    return dates, held


def _day_after(day: str) -> str:
    return (date.fromisoformat(day) + timedelta(days=1)).isoformat()


async def case_rows(settings: Settings) -> list[CaseRow]:
    """Give every case with its overview, next date and who holds it, ordered by opening day and id.

    A case that was never opened is only a name: of a hold that was made before it, or of somebody's mistake.
    """
    dates, held = await next_dates(settings)
    rows = []
    async for customer, archived in archived_customers(settings):
        for case, line in archived.cases.items():
            if line.opened_on is None:
                continue
            is_open = line.close_reason is None
            known = [d for d in (dates.get(case), dates.get(customer) if is_open else None) if d]
            holders = (*held.get(case, ()), *(held.get(customer, ()) if is_open else ()))
            rows.append(CaseRow(case, customer, line, min(known, default=None), holders))
    return sorted(rows, key=lambda row: (str(row.line.opened_on), row.case))


async def find_case(settings: Settings, given: str) -> tuple[str, str, ArchivedCustomer]:
    """Give (case, customer, archive document) of a case id or its beginning.

    Raises NotFound or Ambiguous.
    """
    if not given.strip():  # a script's unset variable would mean the only case on file
        raise NotFound("CASE: is empty")
    found = [
        (case, customer, archived)
        async for customer, archived in archived_customers(settings)
        for case in archived.cases
        if case.startswith(given.lower())
    ]
    if not found:
        raise NotFound(f"no case begins with {given!r}")
    if len(found) > 1:
        raise Ambiguous(sorted(case for case, _customer, _archived_ in found))
    return found[0]


async def find_customer(settings: Settings, customer: str) -> ArchivedCustomer:
    """Give the archive document of a customer. Raises NotFound."""
    query = {"_id": customer}
    async for document in read_documents(settings, "archive.cases", query, fields=("_id", "state")):
        if document.get("state") is not None:
            return _CUSTOMER.validate_python(document["state"], strict=False)
    raise NotFound(f"nothing is on file about {customer!r}")


async def story_of(
    settings: Settings, customer: str, archived: ArchivedCustomer, after: int = 0
) -> list[dict[str, Any]]:
    """Load a customer's chain, entry by entry in order, from the one after number `after` on.

    A missing entry is left out: `verify` notices.
    """
    store = MongoStore(settings)
    await store.start()
    try:
        entries: list[dict[str, Any]] = []
        for first in range(after + 1, archived.entries + 1, _LINKS_AT_ONCE):
            numbers = range(first, min(first + _LINKS_AT_ONCE, archived.entries + 1))
            ids = [link_id(customer, number) for number in numbers]
            links = await store.links("archive", ids)
            entries += [dict(links[each]) for each in ids if each in links]
        return entries
    finally:
        await store.close()


async def chains_of(
    settings: Settings, customers: Mapping[str, ArchivedCustomer]
) -> dict[str, list[Mapping[str, Any]]]:
    """Load the chains of many customers as `story_of` does, in one pass over all entries there are.

    What an entry says is checked as it comes by and not kept, so that a large archive fits into memory.
    """
    found: dict[str, dict[int, Mapping[str, Any]]] = {customer: {} for customer in customers}
    async for row in read_documents(settings, "archive.links"):
        customer, number = row["body"].get("customer", ""), row["body"].get("number", 0)
        archived = customers.get(customer)
        # An entry is what lies at the id of its place; nothing else is.
        if archived and number <= archived.entries and row["_id"] == link_id(customer, number):
            found[customer][number] = without_content(row["body"])
    return {customer: [entries[number] for number in sorted(entries)] for customer, entries in found.items()}


async def person_key_of(settings: Settings, customer: str) -> PersonKey | None:
    """Give the key that opens what is sealed of a customer now; None where nothing ever was.

    After an erasure it opens what was filed since. Raises KeyFileError for a master key that cannot be read.
    """
    keys = read_keys(None, settings.master_key)
    store = MongoStore(settings)
    await store.start()
    try:
        row = (await store.kept_secrets("archive", [customer])).get(customer)
    finally:
        await store.close()
    return PersonKey.derive(row["salt"], keys.master, customer) if row is not None else None


def open_entries(entries: Iterable[Mapping[str, Any]], person: PersonKey | None) -> list[dict[str, Any]]:
    """Give entries as people read them: what cannot be opened any more stays sealed."""
    return [_open(entry, person) if person is not None else dict(entry) for entry in entries]


def _open(entry: Mapping[str, Any], person: PersonKey) -> dict[str, Any]:
    name = entry_key_name(entry["source"], entry["id"])
    return opened(entry, lambda kid: person.for_entry(name) if kid == person.kid else None)


async def discards_of(settings: Settings, case: str, customer: str) -> list[dict[str, Any]]:
    """Load what operators have discarded of a case, or of its customer at intake: what, by whom and why.

    It is not part of the chain: the archive never saw the message, and no service says that it is gone.
    """
    query = {"body.kind": "discard", "body.document": {"$in": [case, customer]}}
    found = []
    for service in SENDERS:
        async for link in read_documents(settings, f"{service}.links", query):
            found.append({**link["body"], "service": service})
    return found


async def spans_of(settings: Settings, case: str) -> list[Mapping[str, Any]]:
    """Load the spans of a case's trace, in order of their start."""
    spans: list[Mapping[str, Any]] = [*await read_span_rows(settings, case)]
    return sorted(spans, key=lambda span: (span["start"], span["span"]))
