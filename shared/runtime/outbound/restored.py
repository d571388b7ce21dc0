"""After a restored backup: which messages have left since, so that none of them leaves a second time.

The courier's notes of what it sent are as old as the backup. What it said on the desk's topic is not: every
message that left is told there. Those ids are noted again, once for each restoration.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from shared.contracts.cloudevents import DecodeError, decode
from shared.contracts.desk_contact import NoticeDelivered
from shared.runtime.kafka.reader import scan
from shared.runtime.mongo import MongoStore
from shared.runtime.outbound.courier import NAME, told
from shared.runtime.settings import Settings
from shared.runtime.voids import OWNER, VOIDS, Void, Voids

__all__ = ["learn_what_left"]

_AT_ONCE: Final = 500


async def learn_what_left(settings: Settings, store: MongoStore) -> Voids:
    """Note the ids of all messages that have left; give what is void.

    Reads nothing where no backup was ever restored, or where it was done. Raises UnavailableError.
    """
    rows = await store.every(OWNER, VOIDS)
    newest = max((str(row.get("restored_at", "")) for row in rows), default=None)
    if newest is not None:
        done = f"restored/{newest}"
        if done not in await store.known_ids(NAME, [done]):
            ids: list[str] = []
            async for record in scan(settings, "desk.events"):
                with suppress(DecodeError):
                    said = decode(record.key, record.value, record.headers).data
                    if isinstance(said, NoticeDelivered):
                        ids += [said.message_id, told(said.message_id)]
                if len(ids) >= _AT_ONCE:
                    await store.copy_ids(NAME, ids)
                    ids.clear()
            await store.copy_ids(NAME, [*ids, done])
    return Voids(Void.load(row) for row in rows)
