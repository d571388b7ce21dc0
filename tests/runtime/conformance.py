"""One suite for every implementation of the log and of the store: one test per contract stated in `ports`.

`log_contract.py` and `store_contract.py` have the tests, `implementations.py` the implementations, a line for
each, with the `Features` that it has; a test that `needs` a feature is not collected for one without it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import pytest

from shared.runtime.ports import (
    Log,
    Store,
)

__all__ = ["Cluster", "Database", "Features", "needs"]


@dataclass(frozen=True, slots=True)
class Features:
    """What not every log or store has, or not where we may show it. All else every one must have."""

    survives_restart: bool = False
    """It can be killed and started here, and what it had acknowledged is still there."""
    retention: bool = False
    """The beginning of a partition can be taken away, as retention does."""
    tls: bool = False
    """Clients that do not speak TLS are turned away."""
    copies: bool = False
    """Every record is on several nodes, and most of them must have it before it is acknowledged."""


def needs(feature: str) -> pytest.MarkDecorator:
    """Mark a test that makes no sense for an implementation without the feature."""
    assert feature in Features.__dataclass_fields__
    return pytest.mark.needs(feature)


class Cluster(Protocol):
    """A log under test."""

    partitions: int
    max_bytes: int

    async def topics(self, count: int) -> list[str]:
        """Create topics of `partitions` partitions with names of their own."""
        ...

    async def log(self) -> Log:
        """Give a log as one process would have it."""
        ...

    def group(self) -> str:
        """Give a group name nobody else uses."""
        ...

    async def trim(self, topic: str, partition: int, before: int) -> None:
        """Take away the records before an offset (`retention`)."""
        ...

    async def kill_and_start(self) -> None:
        """Kill the server without warning and start it again (`survives_restart`)."""
        ...

    async def stranger(self) -> None:
        """Connect as a client that does not speak TLS; raises what that gives (`tls`)."""
        ...

    async def safety(self, topic: str) -> tuple[int, int]:
        """Give how many copies a topic has, and how many must have a record (`copies`)."""
        ...


class Database(Protocol):
    """A store under test."""

    async def store(self) -> Store:
        """Give the store as one process would have it."""
        ...

    async def kill_and_start(self) -> None:
        """Kill the server without warning and start it again (`survives_restart`)."""
        ...
