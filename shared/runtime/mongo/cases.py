"""Case documents: one of each id, written under the version that it follows.

Every replace carries that version in its filter and may insert: a stale writer's insert meets the document's
own id, so the server names the loser by a duplicate-key error, document by document.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import bson
from bson.errors import BSONError
from pymongo import InsertOne, ReplaceOne

from shared.runtime.mongo.client import SOME, Connection, only
from shared.runtime.ports import (
    ID,
    PARK,
    PARTITION,
    VERSION,
    WORK,
    Document,
    UnencodableError,
)
from shared.runtime.waking import first_look

__all__ = ["WAKE", "Cases"]

WAKE: Final = "wake"
"""The store's own field in a case document: the first day whose close must look at it."""


class Cases(Connection):
    """The case documents of all services."""

    def encode(self, document: Mapping[str, Any]) -> int:
        """Measure; refuse what BSON or the limit refuses."""
        try:
            size = len(bson.encode(document))
        except (BSONError, OverflowError, UnicodeError, RecursionError, TypeError, ValueError) as error:
            raise UnencodableError(f"the database refuses it: {type(error).__name__}") from None
        if size > self._settings.document_bytes:
            raise UnencodableError("larger than the database's document limit")
        return size

    async def load_many(self, service: str, ids: Collection[str]) -> dict[str, Document]:
        """Load by id, in one query."""
        if not ids:
            return {}
        found = await self._find(service, "cases", {ID: {"$in": list(ids)}})
        return {row[ID]: _as_written(row) for row in found}

    async def replace_many(self, service: str, documents: Sequence[Document]) -> set[str]:
        """Write those whose version follows the stored one; give the others' ids."""
        # A first version is inserted: the same refusal of a second writer, at a fraction of an upsert's cost.
        operations = [
            ReplaceOne(only(one[ID], version=one[VERSION] - 1), {**one, WAKE: first_look(one)}, upsert=True)
            if one[VERSION] > 1
            else InsertOne({**one, WAKE: first_look(one)})
            for one in documents
        ]
        refused = await self._write(service, "cases", operations)
        return {documents[index][ID] for index in refused}

    async def waking(self, service: str, partitions: Collection[int]) -> dict[int, dict[str, str]]:
        """Read the days that wake documents, without the documents."""
        days: dict[int, dict[str, str]] = {number: {} for number in partitions}
        query = {WAKE: SOME, PARTITION: {"$in": list(partitions)}}
        for row in await self._find(service, "cases", query, {WAKE: 1, PARTITION: 1}):
            days[row[PARTITION]][row[ID]] = row[WAKE]
        return days

    async def workload(self, service: str, partitions: Collection[int]) -> dict[int, dict[str, int]]:
        """Count WORK by partition."""
        counts: dict[int, dict[str, int]] = {number: {} for number in partitions}
        pipeline: list[Document] = [
            {"$match": {WORK: SOME, PARTITION: {"$in": list(partitions)}}},
            {"$project": {PARTITION: 1, WORK: 1}},
            {"$unwind": f"${WORK}"},
            {"$group": {ID: {"p": f"${PARTITION}", "w": f"${WORK}"}, "n": {"$sum": 1}}},
        ]
        cursor = self._collection(service, "cases").aggregate(pipeline)
        for row in await self._do(f"count {service}.cases", lambda: cursor.to_list(None)):
            counts[row[ID]["p"]][row[ID]["w"]] = row["n"]
        return counts

    async def parked_documents(self, service: str, after: str, limit: int) -> list[Document]:
        """Load documents that have a park mark."""
        query = {ID: {"$gt": after}, PARK: {"$ne": None}}
        return [_as_written(row) for row in await self._find(service, "cases", query, limit=limit, order=ID)]


def _as_written(row: Document) -> Document:
    row.pop(WAKE, None)
    return row
