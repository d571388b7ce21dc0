"""The connection to the database, and how every part of the store asks it. Only here is motor imported.

Reads are from the primary with majority concern, writes wait for the majority's journal.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, TypeVar

from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorCollection
from pymongo import InsertOne
from pymongo.errors import BulkWriteError, ConfigurationError, OperationFailure, PyMongoError
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from shared.runtime.ports import ID, Document, FatalError, PortError, UnavailableError
from shared.runtime.settings import Settings

__all__ = ["SOME", "Connection", "client_options", "explain", "only"]

T = TypeVar("T")

_LOG = logging.getLogger("parley.mongo")
_DUPLICATE: Final = 11000
_REFUSED: Final = frozenset({13, 18, 8000})  # Unauthorized, AuthenticationFailed, and Atlas's own
# InvalidOptions, ReadConcernMajorityNotEnabled, NotImplemented
_NO_MAJORITY: Final = frozenset({72, 148, 238})
_DURABLE: Final = WriteConcern(w="majority", j=True)
_SENT: Final = WriteConcern(w="majority")
_SYNCED_APART: Final = 2  # with more, a second command costs less than a sync for each

SOME: Final = {"$gt": ""}
"""A day or a name, not null: what the partial indexes hold."""


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


def only(id_: str | int, **fields: Any) -> Document:
    """Choose one document by its id, as long as these fields have these values."""
    return {ID: {"$eq": id_}, **{name: {"$not": {"$ne": value}} for name, value in fields.items()}}


class Connection:
    """One client and its database; the parts of the store inherit from it."""

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

    def _collection(self, service: str, kind: str) -> AsyncIOMotorCollection[Document]:
        found: AsyncIOMotorCollection[Document] = self._database.get_collection(
            f"{service}.{kind}", read_concern=self._reads, write_concern=_DURABLE
        )
        return found

    async def _do(self, doing: str, call: Callable[[], Awaitable[T]]) -> T:
        try:
            return await call()
        except (PyMongoError, OSError) as error:
            raise explain(error, doing) from error

    async def _find(
        self,
        service: str,
        kind: str,
        query: Document,
        fields: Document | None = None,
        limit: int = 0,
        order: str = "",
    ) -> list[Document]:
        cursor = self._collection(service, kind).find(query, fields)
        if order:
            cursor = cursor.sort(order, 1)
        if limit:
            cursor = cursor.limit(limit)
        return await self._do(f"read {service}.{kind}", lambda: cursor.to_list(None))

    async def _write(self, service: str, kind: str, operations: Sequence[Any]) -> list[int]:
        """Write unordered; give the positions of those that met a newer document (or one that exists)."""
        synced_apart = sum(not isinstance(operation, InsertOne) for operation in operations)
        if synced_apart <= _SYNCED_APART:
            return await self._bulk(service, kind, operations, _DURABLE)
        # The embedded server syncs its disk for every replace of a command that asks for the journal, and for
        # many inserts once. Journal and oplog are sequential: the last write's sync is that of all before it,
        # if it is the same server that has taken them. One that was killed in between has lost them, and the
        # driver, which replaces a connection that was idle, says nothing of it.
        last, server = len(operations) - 1, await self._server()
        refused = await self._bulk(service, kind, operations[:last], _SENT)
        if await self._bulk(service, kind, operations[last:], _DURABLE):
            refused.append(last)
            await self._sync()
        if await self._server() != server:
            raise UnavailableError("database: it was started anew in the middle of a write")
        return refused

    async def _server(self) -> object:
        """Ask which run of which server answers; another number after each start."""
        hello = await self._do("connect", lambda: self._client.admin.command("hello"))
        return hello.get("topologyVersion", {}).get("processId")

    async def _sync(self) -> None:
        """Make durable what was written, where the write that was to do it has been refused."""
        note = self._collection("parley", "probe")
        await self._do("write", lambda: note.update_one({ID: "sync"}, {"$inc": {"count": 1}}, upsert=True))

    async def _bulk(
        self, service: str, kind: str, operations: Sequence[Any], concern: WriteConcern
    ) -> list[int]:
        if not operations:
            return []
        collection = self._collection(service, kind).with_options(write_concern=concern)
        try:
            await collection.bulk_write(operations, ordered=False)
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
