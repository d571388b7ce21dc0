"""The database as migrations need it: notes of what is under way, whole collections, pages of documents.

The note is why no service starts on half of a migration: `prepare`, which every start runs, reads it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final

from shared.runtime.mongo import MongoStore
from shared.runtime.mongo.cases import WAKE
from shared.runtime.ports import ID, Document, FatalError
from shared.runtime.voids import OWNER

__all__ = ["BACKUP", "GROWTH", "MigrationStore"]

BACKUP: Final = "backup"
"""The kind of the collection (`parley.backup`) that holds the one mark, and what has become of it."""

GROWTH: Final = "partitions"
"""The note of a change of the partition count; it stays when the change has ended."""

_NOTES: Final = "migrations"
_PAGE: Final = 500
_KIND, _DISCARD = "body.kind", "discard"  # what the reason of a discard is filed as


class MigrationStore(MongoStore):
    """The store of a command that migrates. Nothing here is for a running service but `refuse_half_done`."""

    async def note(self, name: str) -> Document | None:
        """Read a note."""
        return next((note for note in await self.every(OWNER, _NOTES) if note[ID] == name), None)

    async def write_note(self, name: str, content: Mapping[str, Any]) -> None:
        """Write a note in place of the one before; it is durable when this returns."""
        await self.put(OWNER, _NOTES, {ID: name, **content})

    async def refuse_half_done(self, *, but: str = "") -> None:
        """Raise FatalError where a migration (other than `but`) was begun and has not ended; it names it."""
        for note in await self.every(OWNER, _NOTES):
            if note["under_way"] and note[ID] != but:
                raise FatalError(
                    f"{note['what']} was begun and has not ended: nothing may run before it has",
                    note["command"],
                )

    async def refuse_too_late(self, services: Sequence[str]) -> None:
        """Raise FatalError for a service that would begin after the partition count was changed.

        What was said before stands on the partitions of the old count. It would take nothing of most cases
        for theirs: a guard of contacts that has not heard of a stop lets through what the stop forbids.
        """
        note = await self.note(GROWTH)
        if note is None or not any(end for _, ends in note["eras"] for _, _, end in ends):
            return
        for name in services:
            if not await self.positions(name):
                raise FatalError(
                    f"{name} has never run, and the partition count has been changed since: it would not hear"
                    " what was said before. The others run where no way out for messages is set"
                    " (PARLEY_SMTP_HOST, PARLEY_WEBHOOK_URL)",
                    "parley migrate partitions --help",
                )

    async def refuse_half_restored(self) -> None:
        """Raise FatalError where going on from a restored backup was begun and has not ended."""
        for mark in await self.every(OWNER, BACKUP):
            if mark["begun"] is not None and mark["finished"] is None:
                raise FatalError(
                    "a backup was restored and the work has not ended: nothing may be migrated before it has",
                    "parley backup restored",
                )

    async def clear(self, service: str, kind: str) -> int:
        """Delete every document of a collection; give how many. The indexes stay, and reasons of discards."""
        collection = self._collection(service, kind)
        done = await self._do(
            f"write {service}.{kind}", lambda: collection.delete_many({_KIND: {"$ne": _DISCARD}})
        )
        return int(done.deleted_count)

    async def discarded(self, service: str) -> list[tuple[str, int, int]]:
        """Give the records that operators have discarded: topic, partition and offset of each."""
        found = await self._find(service, "links", {_KIND: _DISCARD})
        return [tuple(row["body"][name] for name in ("topic", "partition", "offset")) for row in found]

    async def cases(self, service: str) -> AsyncIterator[list[Document]]:
        """Give every case document of a service as it was written, page by page in the order of the ids."""
        after: dict[str, Any] = {}
        while True:
            page = await self._find(service, "cases", after, limit=_PAGE, order=ID)
            if page:
                after = {ID: {"$gt": page[-1][ID]}}
                yield [{name: value for name, value in row.items() if name != WAKE} for row in page]
            if len(page) < _PAGE:
                return

    async def newer_schema(self, service: str, runtime: int, own: int) -> bool:
        """Say whether a document was written by a newer version than these: it reads documents until one."""
        query = {"$or": [{"schema.0": {"$gt": runtime}}, {"schema.1": {"$gt": own}}]}
        return bool(await self._find(service, "cases", query, {ID: 1}, limit=1))
