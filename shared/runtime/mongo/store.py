"""The store, put together from its parts."""

from __future__ import annotations

from collections.abc import Collection

from shared.runtime.mongo.cases import Cases
from shared.runtime.mongo.client import only
from shared.runtime.mongo.indexes import Indexes
from shared.runtime.mongo.kept import Kept
from shared.runtime.mongo.parked import ParkedRecords
from shared.runtime.mongo.positions import Positions
from shared.runtime.ports import ID, Document

__all__ = ["MongoStore"]


class MongoStore(Cases, Kept, ParkedRecords, Positions, Indexes):
    """Implements `ports.Store`. Safe to share by all engines of a process.

    `put` and `every` are for migrations and a restored backup; no replica runs then.
    """

    async def put(self, service: str, kind: str, document: Document) -> None:
        """Write a document whole, whatever stands there: only while nobody else writes it."""
        collection = self._collection(service, kind)
        chosen = only(document[ID])
        await self._do(
            f"write {service}.{kind}", lambda: collection.replace_one(chosen, document, upsert=True)
        )

    async def every(self, service: str, kind: str, fields: Collection[str] | None = None) -> list[Document]:
        """Read a whole collection, or `fields` of it; [] where it does not exist."""
        return await self._find(service, kind, {}, dict.fromkeys(fields, 1) if fields else None)
