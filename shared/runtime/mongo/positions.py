"""Positions: one versioned document per service and partition."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence

from pymongo import InsertOne, ReplaceOne, ReturnDocument

from shared.runtime.mongo.client import Connection, only
from shared.runtime.ports import ID, VERSION, Document, UnavailableError

__all__ = ["Positions"]


class Positions(Connection):
    """The positions of all services."""

    async def raise_epoch(self, service: str, partitions: Collection[int]) -> dict[int, Document]:
        """Raise epoch and version of each, creating it."""
        found = await asyncio.gather(*(self._raise(service, number) for number in partitions))
        return {row[ID]: row for row in found}

    async def _raise(self, service: str, number: int) -> Document:
        positions = self._collection(service, "positions")

        async def once() -> Document | None:
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
            ReplaceOne(only(one[ID], epoch=one["epoch"], version=one[VERSION] - 1), one, upsert=True)
            for one in positions
        ]
        return {positions[index][ID] for index in await self._write(service, "positions", operations)}

    async def positions(self, service: str) -> list[Document]:
        """Read all positions."""
        return await self._find(service, "positions", {}, order=ID)
