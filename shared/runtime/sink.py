"""Where spans and metrics are written when they go to the database: blocking, for telemetry's own threads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from pymongo import MongoClient
from pymongo.write_concern import WriteConcern

from shared.runtime.mongo import client_options
from shared.runtime.ports import ID
from shared.runtime.settings import Settings

__all__ = ["SpanSink"]

_LIGHT: Final = WriteConcern(w=1)


class SpanSink:
    """Writes spans and metrics from a thread of telemetry's own, with a client of its own.

    Unlike cases they need not survive a fail-over: one server's word is enough.
    """

    def __init__(self, settings: Settings) -> None:
        self._client: MongoClient[dict[str, Any]] = MongoClient(
            settings.mongodb_uri.get_secret_value(), **client_options(settings), maxPoolSize=2
        )
        database = self._client[settings.database]
        self._spans = database.get_collection("telemetry.spans", write_concern=_LIGHT)
        self._metrics = database.get_collection("telemetry.metrics", write_concern=_LIGHT)

    def spans(self, documents: Sequence[Mapping[str, Any]]) -> None:
        """Write spans, grouped by trace. Blocking. Raises PyMongoError."""
        if documents:
            self._spans.insert_many([dict(document) for document in documents], ordered=False)

    def metrics(self, document: Mapping[str, Any]) -> None:
        """Replace one process's snapshot. Blocking. Raises PyMongoError."""
        self._metrics.replace_one({ID: document[ID]}, dict(document), upsert=True)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()
