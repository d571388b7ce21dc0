"""A platform that kills itself (-9) at a named point: `python -m tests.fault.dying POINT TIME`.

Dies the TIME-th time that it comes to POINT. The services and the runtime are the product's own; only the
step before or after which the process ends is wrapped.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any, Final

from services.cli.catalogue import load_all
from shared.runtime import engine, takeover
from shared.runtime.engine import Engine
from shared.runtime.kafka.consumer import KafkaConsumer
from shared.runtime.kafka.publisher import KafkaPublisher
from shared.runtime.mongo import MongoStore
from shared.runtime.run import run_blocking
from shared.runtime.settings import Settings

__all__ = ["POINTS"]

Call = Callable[..., Awaitable[Any]]
# What the task at hand is about.
_DUE_WORK: ContextVar[bool] = ContextVar("due work", default=False)
_CLOSING: ContextVar[bool] = ContextVar("closing", default=False)


class Death:
    """Counts how often a point was reached."""

    def __init__(self, times: int) -> None:
        self._left = times

    def here(self) -> None:
        """End the process, unless this is too early."""
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def _before(kind: type[Any], name: str, death: Death, when: Callable[..., bool] = lambda *_: True) -> None:
    inner: Call = getattr(kind, name)

    async def dying(*args: Any, **named: Any) -> Any:
        if when(*args):
            death.here()
        return await inner(*args, **named)

    setattr(kind, name, dying)


def _after(kind: type[Any], name: str, death: Death, when: Callable[..., bool] = lambda *_: True) -> None:
    inner: Call = getattr(kind, name)

    async def dying(*args: Any, **named: Any) -> Any:
        result = await inner(*args, **named)
        if when(*args):
            death.here()
        return result

    setattr(kind, name, dying)


def _something(_self: Any, *args: Any) -> bool:
    return bool(args[-1])


def _emits(_self: Any, records: Any) -> bool:
    """Whether a case's messages are among what is published: markers name their partition themselves."""
    return any(record.partition is None for record in records)


def _in_a_bulk_write(death: Death) -> None:
    """One document of a bulk is written, the others are not."""
    inner = MongoStore.replace_many

    async def dying(self: MongoStore, service: str, documents: Any) -> Any:
        if len(documents) > 1:
            lost = await inner(self, service, documents[:1])
            death.here()
            return lost | await inner(self, service, documents[1:])
        return await inner(self, service, documents)

    MongoStore.replace_many = dying  # type: ignore[method-assign]


def _in_a_publish(death: Death) -> None:
    """Some of what a batch has to say is acknowledged, the rest was never sent."""
    inner = KafkaPublisher.publish

    async def dying(self: KafkaPublisher, records: Any) -> None:
        if len(records) > 1 and _emits(self, records):
            half = len(records) // 2
            await inner(self, records[:half])
            death.here()
            records = records[half:]
        await inner(self, records)

    KafkaPublisher.publish = dying  # type: ignore[method-assign]


def _during(step: Callable[[Call], None], call: Call, under_way: ContextVar[bool]) -> None:
    """Replace a call by one that says, to whatever it calls, that it is under way."""

    async def marked(*args: Any, **named: Any) -> Any:
        token = under_way.set(True)
        try:
            return await call(*args, **named)
        finally:
            under_way.reset(token)

    step(marked)


def _due_work_written(death: Death) -> None:
    """A page of a day's due work is written; nothing of it is published."""
    _during(lambda call: setattr(engine, "do_due_work", call), engine.do_due_work, _DUE_WORK)
    _after(MongoStore, "replace_many", death, lambda *args: _DUE_WORK.get() and _something(*args))


def _before_a_days_commit(death: Death) -> None:
    """The positions and the marker say that a day is done; its offsets are not committed."""
    _during(lambda call: setattr(Engine, "_close_day", call), Engine._close_day, _CLOSING)
    _before(KafkaConsumer, "commit", death, lambda *_: _CLOSING.get())


def _in_due_work(death: Death) -> None:
    """A day's due work is written and published; nothing says that the day is done."""
    inner = engine.do_due_work

    async def dying(*args: Any) -> None:
        await inner(*args)
        death.here()

    engine.do_due_work = dying


def _before_the_marker(death: Death) -> None:
    """The positions say that the day is done; its marker is not published."""
    inner = engine.markers

    def dying(*args: Any) -> Any:
        death.here()
        return inner(*args)

    engine.markers = dying


def _in_a_takeover(death: Death) -> None:
    """The epoch is raised; nothing of the new assignment is committed."""
    inner = takeover.check

    def dying(*args: Any) -> None:
        death.here()
        inner(*args)

    takeover.check = dying


POINTS: Final[dict[str, Callable[[Death], None]]] = {
    "between load and write": lambda death: _before(MongoStore, "replace_many", death, _something),
    "in a bulk write": _in_a_bulk_write,
    "between write and publish": lambda death: _after(MongoStore, "replace_many", death, _something),
    "in the middle of a publish": _in_a_publish,
    "between publish and positions": lambda death: _after(KafkaPublisher, "publish", death, _emits),
    "between positions and commit": lambda death: _after(MongoStore, "write_positions", death, _something),
    "after the commit": lambda death: _after(KafkaConsumer, "commit", death),
    "in a rebalance, giving up": lambda death: _before(Engine, "on_revoked", death),
    "in a rebalance, taking over": _in_a_takeover,
    "in a day's close, due work written and not published": _due_work_written,
    "in a day's close, before the positions": _in_due_work,
    "in a day's close, before the marker": _before_the_marker,
    "in a day's close, before the commit": _before_a_days_commit,
}
"""Where it can die, each by what has to be wrapped for it."""


def main(point: str, times: int) -> int:
    """Run all services until it dies."""
    POINTS[point](Death(times))
    settings = Settings.load()
    return run_blocking(load_all("all", settings.policies), settings)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
