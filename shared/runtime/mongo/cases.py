"""Case documents: one of each id, written under the version that it follows.

Every replace carries that version in its filter and may insert: a stale writer's insert meets the document's
own id, so the server names the loser by a duplicate-key error, document by document.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Final

import bson
from bson.errors import BSONError
from pymongo import InsertOne, ReplaceOne, UpdateOne

from shared.runtime.mongo.client import SOME, Connection, only
from shared.runtime.ports import (
    DUE,
    ENTRIES_DAY,
    HELD,
    ID,
    PARK,
    PARTITION,
    VERSION,
    WORK,
    Document,
    UnencodableError,
)

__all__ = ["WAKE", "Cases"]

WAKE: Final = "wake"
"""The store's own field in a case document: the first day whose close must look at it."""

_PASSED_OVER: Final = timedelta(days=14)


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
            ReplaceOne(only(one[ID], version=one[VERSION] - 1), {**one, WAKE: _wake(one)}, upsert=True)
            if one[VERSION] > 1
            else InsertOne({**one, WAKE: _wake(one)})
            for one in documents
        ]
        refused = await self._write(service, "cases", operations)
        return {documents[index][ID] for index in refused}

    async def waking(
        self, service: str, partitions: Collection[int], day: str, after: str, limit: int
    ) -> list[Document]:
        """Load what the close of `day` must visit, and put aside what only an earlier day had left behind.

        Days close in order, so entries of an earlier day are settled. Most such documents are soon written
        again anyway: to read them a few times more costs less than an update for each.
        """
        found: list[Document] = []
        long_ago = (date.fromisoformat(day) - _PASSED_OVER).isoformat()
        while len(found) < limit:
            query = {WAKE: {**SOME, "$lte": day}, PARTITION: {"$in": list(partitions)}, ID: {"$gt": after}}
            page = await self._find(service, "cases", query, limit=limit, order=ID)
            visited = [row for row in page if _visited(row, day)]
            stale = [row for row in page if not _visited(row, day) and row[WAKE] <= long_ago]
            # The version in the filter leaves a document alone that was written meanwhile; its own version
            # stays, for nothing in it changes.
            await self._write(
                service,
                "cases",
                [
                    UpdateOne(only(row[ID], version=row[VERSION]), {"$set": {WAKE: _wake(row, day)}})
                    for row in stale
                ],
            )
            found += [_as_written(row) for row in visited]
            if len(page) < limit:
                break
            after = page[-1][ID]
        return found[:limit]

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


def _wake(document: Mapping[str, Any], closing: str = "") -> str | None:
    """Give the first day whose close must look at the document; entries of days before `closing` are settled.

    One field for two reasons, so that one index serves both: every index is paid for at every write.
    """
    days = [] if document[HELD] or document[DUE] is None else [document[DUE]]
    if document[ENTRIES_DAY] is not None and document[ENTRIES_DAY] >= closing:
        days.append(document[ENTRIES_DAY])
    return min(days, default=None)


def _visited(document: Mapping[str, Any], day: str) -> bool:
    due = document[DUE] is not None and document[DUE] <= day and not document[HELD]
    return due or document[ENTRIES_DAY] == day


def _as_written(row: Document) -> Document:
    row.pop(WAKE, None)
    return row
