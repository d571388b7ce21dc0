"""What outlives a case document: ids of external inputs, links, and secrets."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping
from typing import Any

from pymongo import InsertOne

from shared.runtime.mongo.client import Connection, only
from shared.runtime.ports import ID, Document, UnavailableError

__all__ = ["Kept"]


class Kept(Connection):
    """Ids and bodies kept for good, and secrets until they are destroyed.

    Secrets have a collection of their own, so that backups and rights can treat it apart.
    """

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

    async def secrets(self, service: str, ids: Collection[str]) -> dict[str, Document]:
        """Load, or make; of two that make one at once, the first wins."""
        found = await self._secrets(service, ids)
        missing = [id_ for id_ in ids if id_ not in found]
        if missing:
            made: list[Document] = [
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
            chosen, collection = only(id_, erased=row["erased"]), self._collection(service, "keys")
            done = await self._do(
                f"write {service}.keys",
                lambda c=collection, f=chosen, a=after: c.replace_one(f, a),  # type: ignore[misc]
            )
            if not done.matched_count:
                raise UnavailableError(f"database: {service}.keys was written by another owner meanwhile")


def _secret() -> bytes:
    return secrets.token_bytes(32)
