"""The indexes that queries of the running services need."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pymongo import IndexModel

from shared.runtime.mongo.cases import WAKE
from shared.runtime.mongo.client import SOME, Connection
from shared.runtime.ports import PARTITION, WORK

__all__ = ["Indexes"]

_WAKE: Final = IndexModel([(WAKE, 1), (PARTITION, 1)], name="wake", partialFilterExpression={WAKE: SOME})
_WORK: Final = IndexModel([(WORK, 1), (PARTITION, 1)], name="work", partialFilterExpression={WORK: SOME})
_PARKED: Final = IndexModel([("document", 1), ("order", 1)], name="arrival")
_TRACE: Final = IndexModel([("trace", 1)], name="trace")


class Indexes(Connection):
    """Preparing the database before services run."""

    async def create_indexes(
        self, service: str, *, closes: bool = True, workload: bool = False
    ) -> dict[str, bool]:
        """Create what is missing; existing indexes stay. Give each by name, and whether it is new.

        Every index is paid for at every write: who closes no day, or counts no open work, has none for it.
        The days that wake documents are read when partitions are taken over, and without an index as well.
        """
        cases = [index for index, wanted in ((_WAKE, closes), (_WORK, workload)) if wanted]
        return {
            **(await self._indexed(service, "cases", cases) if cases else {}),
            **await self._indexed(service, "parked", [_PARKED]),
        }

    async def create_telemetry_indexes(self) -> dict[str, bool]:
        """Create the index by trace, as `create_indexes` does."""
        return await self._indexed("telemetry", "spans", [_TRACE])

    async def _indexed(self, service: str, kind: str, indexes: Sequence[IndexModel]) -> dict[str, bool]:
        collection = self._collection(service, kind)
        names = [index.document["name"] for index in indexes]
        there = await self._do("read indexes", collection.index_information)
        await self._do("create indexes", lambda: collection.create_indexes(list(indexes)))
        return {f"{service}.{kind}.{name}": name not in there for name in names}
