"""The conformance suite: what a test runs on, and which tests an implementation is asked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from shared.runtime.ports import Store
from tests.runtime.conformance import Cluster, Database
from tests.runtime.implementations import Chosen, Implementation

HERE = Path(__file__).parent


@pytest_asyncio.fixture
async def cluster(implementation: Chosen) -> AsyncIterator[Cluster]:
    async with implementation.open() as opened:
        yield opened


@pytest_asyncio.fixture
async def database(implementation: Chosen) -> AsyncIterator[Database]:
    async with implementation.open() as opened:
        yield opened


@pytest_asyncio.fixture
async def store(database: Database) -> Store:
    return await database.store()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what needs more than the implementation has, and what is slow unless it is asked for.

    Deselected, not skipped: CI fails what is skipped.
    """
    asked = bool(config.getoption("markexpr"))
    left = [item for item in items if _lacks(item) or (not asked and _slow(item))]
    if left:
        config.hook.pytest_deselected(items=left)
        items[:] = [item for item in items if item not in left]


def _slow(item: pytest.Item) -> bool:
    return item.get_closest_marker("slow") is not None and HERE in item.path.parents


def _lacks(item: pytest.Item) -> bool:
    params = item.callspec.params if hasattr(item, "callspec") else {}
    one = params.get("implementation")
    return isinstance(one, Implementation) and any(
        not getattr(one.features, mark.args[0]) for mark in item.iter_markers("needs")
    )
