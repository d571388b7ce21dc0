"""What the store says is written outlives kill -9 of the database, many documents at once too."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from deploy.embedded.platform import Addresses, EmbeddedServers
from shared.runtime.mongo import MongoStore
from shared.runtime.ports import Document, UnavailableError
from tests.runtime.support import fresh, settings_of
from tests.runtime.test_mongo_store import S, doc

pytestmark = pytest.mark.kafka

ALL = [f"c{number:03}" for number in range(300)]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("second", "refused"),
    [
        pytest.param([doc(id_, 2, x=2) for id_ in ALL], set(), id="all accepted"),
        pytest.param(
            [*(doc(id_, 2, x=2) for id_ in ALL[:-1]), doc(ALL[-1], 5, x=5)],
            {ALL[-1]},
            id="the last one, which asks for the journal, refused",
        ),
    ],
)
async def test_many_documents_written_at_once_outlive_the_database(
    tmp_path: Path, second: Sequence[Document], refused: set[str]
) -> None:
    servers = EmbeddedServers(tmp_path / "data", kafka=False)
    store = await opened(await servers.start(), database := fresh("durable"))
    try:
        assert await store.replace_many(S, [doc(id_, 1, x=1) for id_ in ALL]) == set()
        assert await store.replace_many(S, second) == refused
    finally:
        servers.kill()  # -9, at once
        await store.close()
    async with EmbeddedServers(tmp_path / "data", kafka=False) as again:
        store = await opened(again.addresses, database)
        found = await store.load_many(S, ALL)
        await store.close()
    assert {id_: found[id_]["x"] for id_ in ALL} == {id_: 1 if id_ in refused else 2 for id_ in ALL}


@pytest.mark.slow
async def test_a_database_that_is_killed_in_the_middle_of_a_write_has_not_done_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who stood still meanwhile, longer than the driver trusts a connection, hears of no error."""
    servers = EmbeddedServers(tmp_path / "data", kafka=False)
    store = await opened(addresses := await servers.start(), fresh("durable"))
    assert await store.replace_many(S, [doc(id_, 1, x=1) for id_ in ALL]) == set()
    again = EmbeddedServers(tmp_path / "data", kafka=False)
    bulk, calls = store._bulk, 0

    async def killed_after_the_first(*args: Any) -> list[int]:
        nonlocal calls
        refused = await bulk(*args)
        calls += 1
        if calls == 1:
            servers.kill()
            assert (await again.start()).mongodb_uri == addresses.mongodb_uri
            await asyncio.sleep(1.5)
        return refused

    try:
        with monkeypatch.context() as patched:
            patched.setattr(store, "_bulk", killed_after_the_first)
            with pytest.raises(UnavailableError):
                await store.replace_many(S, [doc(id_, 2, x=2) for id_ in ALL])
        assert calls == 2, "the second part was written"
    finally:
        await store.close()
        again.kill()


async def opened(addresses: Addresses, database: str) -> MongoStore:
    nowhere = replace(addresses, kafka_bootstrap="127.0.0.1:9")
    store = MongoStore(settings_of(nowhere, database=database))
    await store.start()
    return store
