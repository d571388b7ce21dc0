"""The dead letters with what became of each: streamed, filtered, counted; only the newest are kept."""

from __future__ import annotations

import heapq
from collections import Counter, OrderedDict
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Final

from services.cli.dead.ids import NAMES, DeadId
from shared.runtime.inbound import Reason
from shared.runtime.letters import DeadLetter, letters
from shared.runtime.parked import Fate, State, fates
from shared.runtime.ports import Store
from shared.runtime.settings import Settings

__all__ = ["Book", "Entry", "Filter", "Several", "find", "find_all", "gather", "read_book"]

_PAGE: Final = 200  # letters that are looked up at once
_REMEMBERED: Final = (
    200_000  # names kept to count a letter that was written twice once; they lie close together
)


@dataclass(frozen=True, slots=True)
class Entry:
    """A dead letter and its fate."""

    letter: DeadLetter
    fate: Fate

    @property
    def reason(self) -> str:
        """Why it is where it is: what the last replay said, or else what the letter says."""
        return self.fate.reason or self.letter.reason


@dataclass(frozen=True, slots=True)
class Filter:
    """Which letters are wanted. `case` is a case id or its beginning, a document, or a customer.

    Without `behind`, what only waits behind another message of its case is counted and not listed.
    """

    services: tuple[str, ...] = NAMES
    reason: str | None = None
    case: str | None = None
    state: State | None = None
    since_ms: int = 0
    until_ms: int | None = None
    behind: bool = True

    def takes(self, letter: DeadLetter) -> bool:
        """Whether its service and its time fit."""
        return (
            letter.service in self.services
            and letter.at_ms >= self.since_ms
            and (self.until_ms is None or letter.at_ms < self.until_ms)
        )

    def lists(self, entry: Entry) -> bool:
        """Whether it stands in the list, or is only counted."""
        return self.behind or entry.reason != Reason.PARKED

    def keeps(self, entry: Entry) -> bool:
        """Whether what became of it fits as well."""
        letter, fate = entry.letter, entry.fate
        if self.state is not None and fate.state is not self.state:
            return False
        if self.reason is not None and entry.reason != self.reason:
            return False
        if self.case is None:
            return True
        cases = [name for name in (letter.case, letter.document, *fate.cases) if name]
        key = (letter.record.key or b"").decode(errors="replace")
        return key == self.case or any(name.startswith(self.case) for name in cases)


@dataclass(slots=True)
class Book:
    """The newest letters, newest first, and how many there are by service, reason and state.

    `behind` are those that are counted and not listed.
    """

    entries: list[Entry] = field(default_factory=list)
    counts: Counter[tuple[str, str, State]] = field(default_factory=Counter)
    behind: int = 0

    @property
    def total(self) -> int:
        """How many letters fit."""
        return self.counts.total()


Letters = Callable[[str], AsyncGenerator[DeadLetter, None]]
"""Gives a service's dead letters in the order in which they were written."""


async def read_book(settings: Settings, store: Store, wanted: Filter, limit: int) -> Book:
    """Read the dead letters of the services once. Raises UnavailableError."""
    return await gather(store, wanted, limit, lambda name: letters(settings, name, since_ms=wanted.since_ms))


async def gather(store: Store, wanted: Filter, limit: int, read: Letters) -> Book:
    """Fill a book from what `read` gives; no more than a page and `limit` letters are in memory at once."""
    book = Book()
    newest: list[tuple[int, int, Entry]] = []
    number = 0
    for service in wanted.services:
        async for page in _pages(read(service), wanted):
            for letter, fate in zip(page, await fates(store, service, page), strict=True):
                entry = Entry(letter, fate)
                if wanted.keeps(entry):
                    number += 1
                    book.counts[service, entry.reason, fate.state] += 1
                    if not wanted.lists(entry):
                        book.behind += 1
                        continue
                    heapq.heappush(newest, (letter.at_ms, number, entry))
                    if len(newest) > limit:
                        heapq.heappop(newest)
    book.entries = [entry for _, _, entry in sorted(newest, reverse=True)]
    return book


async def _pages(source: AsyncIterator[DeadLetter], wanted: Filter) -> AsyncIterator[list[DeadLetter]]:
    """Give the wanted letters page by page, each once, without their values."""
    seen: OrderedDict[str, None] = OrderedDict()
    page: list[DeadLetter] = []
    async for letter in source:
        # The first letter of a record says why; a later one of the same record says that its case is parked.
        if letter.name in seen:
            continue
        seen[letter.name] = None
        if len(seen) > _REMEMBERED:
            seen.popitem(last=False)
        if wanted.takes(letter):
            page.append(letter.without_value())
        if len(page) == _PAGE:
            yield page
            page = []
    if page:
        yield page


class Several(LookupError):  # noqa: N818 - what is said to a person, not a fault
    """Several services have a dead letter of that record; `names` are their ids."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__("several services have a dead letter of that record")
        self.names = tuple(names)


async def find(settings: Settings, store: Store, wanted: DeadId) -> Entry | None:
    """Give the letter of an id with its value; None where there is none. Raises Several."""
    found = await find_all(store, wanted, lambda name: letters(settings, name))
    if len(found) > 1:
        raise Several([entry.letter.name for entry in found])
    return found[0] if found else None


async def find_all(store: Store, wanted: DeadId, read: Letters) -> list[Entry]:
    """Give the letter of an id with its value; where no service is named that of each that has one."""
    services: Collection[str] = (wanted.service,) if wanted.service else NAMES
    found: list[Entry] = []
    for service in services:
        async with aclosing(read(service)) as source:
            async for letter in source:
                if _is(letter, wanted):
                    found.append(Entry(letter, (await fates(store, service, [letter]))[0]))
                    break
    return found


def _is(letter: DeadLetter, wanted: DeadId) -> bool:
    if wanted.day:
        return letter.day == wanted.day and letter.document == wanted.document
    return not letter.day and letter.name == f"{letter.service}/{wanted.record}"
