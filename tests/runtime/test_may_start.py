"""What a service is asked before a replica works waits for the database, like everything at a start."""

from __future__ import annotations

from dataclasses import replace

import pytest

from services.cli.catalogue import load_all
from shared.runtime.admin import may_start
from shared.runtime.ports import FatalError, UnavailableError
from shared.runtime.settings import Settings

SERVICES = load_all()
QUICK = Settings.model_construct(start_seconds=5, backoff_first_seconds=0.001, backoff_most_seconds=0.001)


async def test_a_database_that_is_away_for_a_moment_ends_no_replica() -> None:
    """It was stopped just after the indexes were made, and the replica ended with exit code 1."""
    asked: list[Settings] = []

    async def starts(settings: Settings) -> None:
        asked.append(settings)
        if len(asked) < 3:
            raise UnavailableError("database: cannot connect (AutoReconnect)")

    await may_start(
        QUICK, [replace(one, starts=None) for one in SERVICES] + [replace(SERVICES[0], starts=starts)]
    )
    assert asked == [QUICK] * 3


async def test_one_that_stays_away_or_a_refusal_is_told() -> None:
    async def away(_: Settings) -> None:
        raise UnavailableError("database: cannot connect (AutoReconnect)")

    async def refused(_: Settings) -> None:
        raise FatalError("PARLEY_MASTER_KEY: is not the key", "parley run archive")

    at_once = QUICK.model_copy(update={"start_seconds": 0})
    with pytest.raises(UnavailableError):
        await may_start(at_once, [replace(SERVICES[0], starts=away)])
    with pytest.raises(FatalError):
        await may_start(QUICK, [replace(SERVICES[0], starts=refused)])
