"""Reading any collection, for people's commands and reconciliation."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from typing import Any

from pymongo.errors import PyMongoError

from shared.runtime.mongo.client import Connection, explain
from shared.runtime.ports import Document
from shared.runtime.settings import Settings

__all__ = ["read_documents"]


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

    Nothing here writes. Raises UnavailableError, FatalError.
    """
    connection = Connection(settings)
    service, _, kind = collection.partition(".")
    try:
        await connection.start()
        found: Any = connection._collection(service, kind)
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
        await connection.close()
