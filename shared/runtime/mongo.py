"""The database: the one module that imports motor, PyMongo and BSON for writing.

One collection per service and kind: `<service>.cases`, `.ids`, `.links`, `.parked`, `.positions`, `.keys`.
Only plain CRUD, unordered bulk writes, indexes and one small aggregation, so that it holds on every server of
the protocol. Reads are from the primary with majority concern, writes wait for the majority's journal.

Every replace carries the version that it follows in its filter and may insert: a stale writer's insert
meets the document's own id, so the server names the loser by a duplicate-key error, document by document.

Three habits are for the embedded database's planner and harmless elsewhere: a range on a day is closed on
both sides (`> ""`), which lets the partial indexes serve it; no query is hinted; and a write's filter says of
all but the id that it is "not unequal", or the planner looks through every index before it takes the id's.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Final, TypeVar

import bson
from bson.errors import BSONError
from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorCollection
from pymongo import IndexModel, InsertOne, ReplaceOne, ReturnDocument, UpdateOne
from pymongo.errors import (
    BulkWriteError,
    ConfigurationError,
    OperationFailure,
    PyMongoError,
)
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

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
    FatalError,
    ParkedRow,
    PortError,
    Record,
    UnavailableError,
    UnencodableError,
)
from shared.runtime.settings import Settings

__all__ = ["MongoStore", "client_options", "read_documents"]

T = TypeVar("T")
Row = dict[str, Any]

_LOG = logging.getLogger("parley.mongo")
_DUPLICATE: Final = 11000
_REFUSED: Final = frozenset({13, 18, 8000})  # Unauthorized, AuthenticationFailed, and Atlas's own
_NO_MAJORITY: Final = frozenset(
    {72, 148, 238}
)  # InvalidOptions, ReadConcernMajorityNotEnabled, NotImplemented
_DURABLE: Final = WriteConcern(w="majority", j=True)
_NO_VALUE: Final[Row] = {"value": 0}
_SOME: Final = {"$gt": ""}  # a day or a name, not null: what the partial indexes hold

WAKE: Final = "wake"  # the store's own field in a case document: the first day whose close must look at it
WAKE_INDEX: Final = IndexModel(
    [(WAKE, 1), (PARTITION, 1)], name="wake", partialFilterExpression={WAKE: _SOME}
)
WORK_INDEX: Final = IndexModel(
    [(WORK, 1), (PARTITION, 1)], name="work", partialFilterExpression={WORK: _SOME}
)
PARKED_INDEX: Final = IndexModel([("document", 1), ("order", 1)], name="arrival")
_PASSED_OVER: Final = timedelta(days=14)
TRACE_INDEX: Final = IndexModel([("trace", 1)], name="trace")


def client_options(settings: Settings) -> dict[str, Any]:
    """Give the options of every client of the database."""
    wait = round(settings.database_seconds * 1000)
    return {
        "serverSelectionTimeoutMS": wait,
        "connectTimeoutMS": wait,
        "socketTimeoutMS": wait * 3,
        "appname": "parley",
        # A write that may or may not have happened is decided again by the engine, under its version filter;
        # the driver's own retry only makes the server remember every write for half an hour.
        "retryWrites": False,
    }


def explain(error: BaseException, doing: str) -> PortError:
    """Turn the driver's error into the port's; its text may quote documents, so only its kind is told."""
    if isinstance(error, PortError):
        return error
    code = error.code if isinstance(error, OperationFailure) else None
    if code in _REFUSED:
        return FatalError(f"the database refuses this user to {doing} (code {code}): check MONGODB_URI")
    if isinstance(error, ConfigurationError):
        return FatalError(f"MONGODB_URI is not valid ({type(error).__name__})")
    kind = type(error).__name__ + (f", code {code}" if code is not None else "")
    return UnavailableError(f"database: cannot {doing} ({kind})")


class MongoStore:
    """Implements `ports.Store`. Safe to share by all engines of a process."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        try:
            self._client: Any = AsyncIOMotorClient(
                settings.mongodb_uri.get_secret_value(), **client_options(settings)
            )
        except (ConfigurationError, ValueError) as error:
            raise FatalError(f"MONGODB_URI is not valid ({type(error).__name__})") from None
        self._database: Any = self._client[settings.database]
        self._reads = ReadConcern("majority")

    async def start(self) -> None:
        """Reach the server and log in; fall back, with a warning, where it knows no majority reads."""
        await self._do("connect", lambda: self._client.admin.command("ping"))
        try:
            await self._collection("parley", "probe").find_one({ID: "probe"})
        except OperationFailure as error:
            if error.code not in _NO_MAJORITY:
                raise explain(error, "read") from error
            self._reads = ReadConcern("local")
            _LOG.warning(
                "the database does not support readConcern majority: reading with local. A fail-over may "
                "then show documents that are rolled back later; use a replica set"
            )
        except PyMongoError as error:
            raise explain(error, "read") from error

    async def ping(self) -> None:
        """Ask whether it answers. Raises as `start` does."""
        await self._do("connect", lambda: self._client.admin.command("ping"))

    async def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _collection(self, service: str, kind: str) -> AsyncIOMotorCollection[Row]:
        found: AsyncIOMotorCollection[Row] = self._database.get_collection(
            f"{service}.{kind}", read_concern=self._reads, write_concern=_DURABLE
        )
        return found

    async def _do(self, doing: str, call: Callable[[], Awaitable[T]]) -> T:
        try:
            return await call()
        except (PyMongoError, OSError) as error:
            raise explain(error, doing) from error

    async def create_indexes(self, service: str, *, workload: bool = False) -> dict[str, bool]:
        """Create what is missing; existing indexes stay. Give each by name, and whether it is new."""
        cases = [WAKE_INDEX, WORK_INDEX] if workload else [WAKE_INDEX]
        return {
            **await self._indexed(service, "cases", cases),
            **await self._indexed(service, "parked", [PARKED_INDEX]),
        }

    async def create_telemetry_indexes(self) -> dict[str, bool]:
        """Create the index by trace, as `create_indexes` does."""
        return await self._indexed("telemetry", "spans", [TRACE_INDEX])

    async def _indexed(self, service: str, kind: str, indexes: Sequence[IndexModel]) -> dict[str, bool]:
        collection = self._collection(service, kind)
        names = [index.document["name"] for index in indexes]
        there = await self._do("read indexes", collection.index_information)
        await self._do("create indexes", lambda: collection.create_indexes(list(indexes)))
        return {f"{service}.{kind}.{name}": name not in there for name in names}

    # --- case documents

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

    async def _find(
        self, service: str, kind: str, query: Row, fields: Row | None = None, limit: int = 0, order: str = ""
    ) -> list[Row]:
        cursor = self._collection(service, kind).find(query, fields)
        if order:
            cursor = cursor.sort(order, 1)
        if limit:
            cursor = cursor.limit(limit)
        return await self._do(f"read {service}.{kind}", lambda: cursor.to_list(None))

    async def replace_many(self, service: str, documents: Sequence[Document]) -> set[str]:
        """Write those whose version follows the stored one; give the others' ids."""
        # A first version is inserted: the same refusal of a second writer, at a fraction of an upsert's cost.
        operations = [
            ReplaceOne(_only(one[ID], version=one[VERSION] - 1), {**one, WAKE: _wake(one)}, upsert=True)
            if one[VERSION] > 1
            else InsertOne({**one, WAKE: _wake(one)})
            for one in documents
        ]
        refused = await self._write(service, "cases", operations)
        return {documents[index][ID] for index in refused}

    async def _write(self, service: str, kind: str, operations: Sequence[Any]) -> list[int]:
        """Write unordered; give the positions of those that met a newer document (or one that exists)."""
        if not operations:
            return []
        try:
            await self._collection(service, kind).bulk_write(operations, ordered=False)
        except BulkWriteError as error:
            details = error.details or {}
            failures = details.get("writeErrors", [])
            other = [failure.get("code") for failure in failures if failure.get("code") != _DUPLICATE]
            if other or details.get("writeConcernErrors"):
                raise UnavailableError(
                    f"database: a bulk write failed (codes {sorted(set(other))})"
                ) from None
            return [failure["index"] for failure in failures]
        except (PyMongoError, OSError) as error:
            raise explain(error, f"write {service}.{kind}") from error
        return []

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
            query = {WAKE: {**_SOME, "$lte": day}, PARTITION: {"$in": list(partitions)}, ID: {"$gt": after}}
            page = await self._find(service, "cases", query, limit=limit, order=ID)
            visited = [row for row in page if _visited(row, day)]
            stale = [row for row in page if not _visited(row, day) and row[WAKE] <= long_ago]
            # The version in the filter leaves a document alone that was written meanwhile; its own version
            # stays, for nothing in it changes.
            await self._write(
                service,
                "cases",
                [
                    UpdateOne(_only(row[ID], version=row[VERSION]), {"$set": {WAKE: _wake(row, day)}})
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
        pipeline: list[Row] = [
            {"$match": {WORK: _SOME, PARTITION: {"$in": list(partitions)}}},
            {"$project": {PARTITION: 1, WORK: 1}},
            {"$unwind": f"${WORK}"},
            {"$group": {ID: {"p": f"${PARTITION}", "w": f"${WORK}"}, "n": {"$sum": 1}}},
        ]
        cursor = self._collection(service, "cases").aggregate(pipeline)
        for row in await self._do(f"count {service}.cases", lambda: cursor.to_list(None)):
            counts[row[ID]["p"]][row[ID]["w"]] = row["n"]
        return counts

    # --- ids and links

    async def known_ids(self, service: str, ids: Collection[str]) -> set[str]:
        """Say which ids are kept."""
        if not ids:
            return set()
        return {row[ID] for row in await self._find(service, "ids", {ID: {"$in": list(ids)}}, {ID: 1})}

    async def copy_ids(self, service: str, ids: Collection[str]) -> None:
        """Keep ids for good."""
        await self._write(service, "ids", [InsertOne({ID: id_}) for id_ in ids])

    async def copy_links(self, service: str, links: Mapping[str, Mapping[str, Any]]) -> None:
        """Keep the first body of each id for good."""
        operations = [InsertOne({ID: id_, "body": dict(body)}) for id_, body in links.items()]
        await self._write(service, "links", operations)

    async def links(self, service: str, ids: Collection[str]) -> dict[str, dict[str, Any]]:
        """Load bodies by id."""
        if not ids:
            return {}
        return {row[ID]: row["body"] for row in await self._find(service, "links", {ID: {"$in": list(ids)}})}

    # --- secrets: a collection of their own, so that backups and rights can treat it apart

    async def secrets(self, service: str, ids: Collection[str]) -> dict[str, Document]:
        """Load, or make; of two that make one at once, the first wins."""
        found = await self._secrets(service, ids)
        missing = [id_ for id_ in ids if id_ not in found]
        if missing:
            made: list[Row] = [
                {ID: id_, "salt": _secret(), "next": _secret(), "erased": ""} for id_ in missing
            ]
            lost = await self._write(service, "keys", [InsertOne(row) for row in made])
            found.update({str(row[ID]): row for row in made})
            if lost:
                found |= await self._secrets(service, [missing[index] for index in lost])
        return found

    async def _secrets(self, service: str, ids: Collection[str]) -> dict[str, Document]:
        if not ids:
            return {}
        return {row[ID]: row for row in await self._find(service, "keys", {ID: {"$in": list(ids)}})}

    async def kept_secrets(self, service: str, ids: Collection[str]) -> dict[str, Document]:
        """Load secrets for people's commands, which make none."""
        return await self._secrets(service, ids)

    async def destroy_secrets(self, service: str, upto: Mapping[str, str]) -> None:
        """Put the next in its place. Rare: one after the other."""
        for id_, moment in upto.items():
            row = (await self.secrets(service, [id_]))[id_]
            if row["erased"] >= moment:
                continue
            after = {ID: id_, "salt": row["next"], "next": _secret(), "erased": moment}
            chosen, collection = _only(id_, erased=row["erased"]), self._collection(service, "keys")
            done = await self._do(
                f"write {service}.keys",
                lambda c=collection, f=chosen, a=after: c.replace_one(f, a),  # type: ignore[misc]
            )
            if not done.matched_count:
                raise UnavailableError(f"database: {service}.keys was written by another owner meanwhile")

    # --- parked records

    async def park(self, service: str, rows: Sequence[ParkedRow]) -> None:
        """Store rows; one of a higher epoch stays."""
        documents = [_row_document(row) for row in rows]
        operations = [
            ReplaceOne({ID: document[ID], "epoch": {"$lte": document["epoch"]}}, document, upsert=True)
            for document in documents
        ]
        await self._write(service, "parked", operations)

    async def parked(
        self, service: str, document: str, limit: int, *, values: bool = True
    ) -> list[ParkedRow]:
        """Load rows in arrival order."""
        fields = None if values else _NO_VALUE
        query = {"document": document}
        found = await self._find(service, "parked", query, fields, limit=limit, order="order")
        return [_row(one) for one in found]

    async def parked_named(self, service: str, records: Collection[str]) -> dict[str, ParkedRow]:
        """Load rows by name."""
        if not records:
            return {}
        found = await self._find(service, "parked", {ID: {"$in": list(records)}}, _NO_VALUE)
        return {one[ID]: _row(one) for one in found}

    async def parked_documents(self, service: str, after: str, limit: int) -> list[Document]:
        """Load documents that have a park mark."""
        query = {ID: {"$gt": after}, PARK: {"$ne": None}}
        return [_as_written(row) for row in await self._find(service, "cases", query, limit=limit, order=ID)]

    async def unpark(self, service: str, document: str, upto: int, records: Collection[str]) -> None:
        """Delete rows."""
        chosen: list[Row] = [{"order": {"$lte": upto}}]
        if records:
            chosen.append({ID: {"$in": list(records)}})
        parked = self._collection(service, "parked")
        query = {"document": document, "$or": chosen}
        await self._do(f"write {service}.parked", lambda: parked.delete_many(query))

    # --- positions

    async def raise_epoch(self, service: str, partitions: Collection[int]) -> dict[int, Document]:
        """Raise epoch and version of each, creating it."""
        found = await asyncio.gather(*(self._raise(service, number) for number in partitions))
        return {row[ID]: row for row in found}

    async def _raise(self, service: str, number: int) -> Row:
        positions = self._collection(service, "positions")

        async def once() -> Row | None:
            return await positions.find_one_and_update(
                {ID: number}, {"$inc": {"epoch": 1, VERSION: 1}}, return_document=ReturnDocument.AFTER
            )

        row = await self._do(f"write {service}.positions", once)
        if row is None:
            # Created first and raised then: two upserts of one new document may meet on some servers.
            await self._write(service, "positions", [InsertOne({ID: number, "epoch": 0, VERSION: 0})])
            row = await self._do(f"write {service}.positions", once)
        if row is None:
            raise UnavailableError(f"database: cannot create {service}.positions")
        return row

    async def write_positions(self, service: str, positions: Sequence[Document]) -> set[int]:
        """Write those of the stored epoch whose version follows; give the others' partitions."""
        operations = [
            ReplaceOne(_only(one[ID], epoch=one["epoch"], version=one[VERSION] - 1), one, upsert=True)
            for one in positions
        ]
        return {positions[index][ID] for index in await self._write(service, "positions", operations)}

    async def positions(self, service: str) -> list[Document]:
        """Read all positions."""
        return await self._find(service, "positions", {}, order=ID)

    # --- what migrations and a restored backup need; no replica runs then

    async def put(self, service: str, kind: str, document: Document) -> None:
        """Write a document whole, whatever stands there: only while nobody else writes it."""
        collection = self._collection(service, kind)
        chosen = _only(document[ID])
        await self._do(
            f"write {service}.{kind}", lambda: collection.replace_one(chosen, document, upsert=True)
        )

    async def every(self, service: str, kind: str, fields: Collection[str] | None = None) -> list[Document]:
        """Read a whole collection, or `fields` of it; [] where it does not exist."""
        return await self._find(service, kind, {}, dict.fromkeys(fields, 1) if fields else None)


def _secret() -> bytes:
    return secrets.token_bytes(32)


def _only(id_: str | int, **fields: Any) -> Row:
    return {ID: {"$eq": id_}, **{name: {"$not": {"$ne": value}} for name, value in fields.items()}}


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


def _as_written(row: Row) -> Document:
    row.pop(WAKE, None)
    return row


def _row_document(row: ParkedRow) -> Row:
    record = row.record
    return {
        ID: f"{record.topic}/{record.partition}/{record.offset}",
        "document": row.document,
        "order": row.order,
        "epoch": row.epoch,
        "reason": row.reason,
        "parked_at": row.parked_at,
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "key": record.key,
        "value": record.value,
        "headers": [[name, content] for name, content in record.headers],
        "timestamp_ms": record.timestamp_ms,
    }


def _row(row: Row) -> ParkedRow:
    record = Record(
        topic=row["topic"],
        partition=row["partition"],
        offset=row["offset"],
        key=row["key"],
        value=row.get("value"),
        headers=tuple((name, content) for name, content in row["headers"]),
        timestamp_ms=row["timestamp_ms"],
    )
    return ParkedRow(row["document"], record, row["order"], row["epoch"], row["reason"], row["parked_at"])


async def read_documents(
    settings: Settings,
    collection: str,
    query: Mapping[str, Any] | None = None,
    *,
    fields: Collection[str] | None = None,
    order: Sequence[tuple[str, int]] = (),
    limit: int = 0,
) -> AsyncIterator[Document]:
    """Read documents of any collection (`intake.cases`, `archive.links`, …), one after the other.

    For people's commands and reconciliation; nothing here writes. Raises UnavailableError, FatalError.
    """
    store = MongoStore(settings)
    try:
        await store.start()
        found: Any = store._database.get_collection(collection, read_concern=store._reads)
        cursor = found.find(dict(query or {}), dict.fromkeys(fields, 1) if fields else None)
        if order:
            cursor = cursor.sort(list(order))
        if limit:
            cursor = cursor.limit(limit)
        async for document in cursor:
            yield document
    except (PyMongoError, OSError) as error:
        raise explain(error, f"read {collection}") from error
    finally:
        await store.close()
