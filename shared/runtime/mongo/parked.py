"""Parked records, by where they lie in the log, in the order in which they arrived."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from pymongo import ReplaceOne

from shared.runtime.mongo.client import Connection
from shared.runtime.ports import ID, Document, ParkedRow, Record

__all__ = ["ParkedRecords"]

_NO_VALUE: Final[Document] = {"value": 0}


class ParkedRecords(Connection):
    """The parked records of all services."""

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

    async def unpark(self, service: str, document: str, upto: int, records: Collection[str]) -> None:
        """Delete rows."""
        chosen: list[Document] = [{"order": {"$lte": upto}}]
        if records:
            chosen.append({ID: {"$in": list(records)}})
        parked = self._collection(service, "parked")
        query = {"document": document, "$or": chosen}
        await self._do(f"write {service}.parked", lambda: parked.delete_many(query))


def _row_document(row: ParkedRow) -> Document:
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


def _row(row: Document) -> ParkedRow:
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
