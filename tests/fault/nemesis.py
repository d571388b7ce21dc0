"""Carries a plan of faults out: on the servers of one data folder, and on replicas of the whole platform.

    async with Servers(tmp_path / "data") as servers, Nemesis(servers, faults, replicas=2) as nemesis:
        async with KafkaPlatform(nemesis.settings, load_all()) as inner:
            await world(nemesis.besieging(inner), customers=10, days=12, seed=1).live()
        await nemesis.stop()
        nemesis.report()    # how long each day took to be quiet again

What it says on the topics that nobody can take bears a header of its own, so that whoever judges the topics
afterwards knows what was poisoned without asking anybody.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from rich.console import Console

from deploy.demo.live import KafkaPlatform
from deploy.embedded.platform import ServerPlan
from deploy.embedded.supervisor import RestartPolicy
from deploy.embedded.up import Platform, UpOptions
from services.cli.catalogue import load_all
from shared.contracts.envelope import Envelope
from shared.runtime.admin import prepare, scan
from shared.runtime.ports import Record
from shared.runtime.settings import Settings
from tests.fault.garbage import Rubbish, misplaced, unreadable
from tests.fault.house import House, Replica, until
from tests.fault.living import Besieged, Trouble, again, day
from tests.fault.plan import SESSION_SECONDS, Fault, Kind
from tests.fault.test_garbage import Place, Vandal

__all__ = ["MARK", "STRANGER", "Nemesis", "Servers", "Suffering", "times_to_recover"]

PARTITIONS = 4
MARK = "x-nemesis"
"""The header of what was poisoned; it holds the number of the fault in the plan."""

STRANGER = "STRANGER"
"""The key of what was poisoned: a customer that the bank never spoke of."""

REPEATED = 30  # records that are said again at once
TOO_LARGE = 3 << 20  # bytes; small while they are compressed, so that Kafka takes them

_WHAT = {
    Kind.BYTES: "bytes",
    Kind.TOMBSTONE: "tombstone",
    Kind.HEADERS: "headers null and not UTF-8",
    Kind.MISPLACED: "wrong partition",
}


class Servers(House):
    """Kafka and the database of a data folder, kept running as `parley up` keeps them, without services."""

    _platform: Platform | None = None

    async def __aenter__(self) -> Self:
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        self._log = self.output.open("w", encoding="utf-8")
        options = UpOptions(
            self.folder,
            services=(),
            plan=ServerPlan(None, None),
            # Who kills a server again and again does not want to be told that it keeps failing.
            policy=RestartPolicy(first_pause=0.2, longest_pause=1.0, attempts=1000),
            console=Console(file=self._log),
        )
        self._platform = await Platform(options).start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._platform is not None
        for name in ("kafka", "database"):
            if (pid := self.pid(name)) is not None:
                os.kill(pid, signal.SIGCONT)  # whoever is paused cannot be stopped
        await self._platform.stop()
        self._log.close()

    def signal(self, name: str, number: signal.Signals) -> int:
        """Send a signal to the recorded process of that name; give its pid."""
        pid = self.pid(name)
        assert pid is not None, f"{name} does not live"
        os.kill(pid, number)
        return pid

    async def suffer(self, fault: Fault) -> None:
        """Carry a fault out on the broker or the database; return when it is over."""
        name = "kafka" if fault.kind in {Kind.KILL_BROKER, Kind.RESTART_BROKER} else "database"
        if fault.kind is Kind.PAUSE_DATABASE:
            self.signal(name, signal.SIGSTOP)
            await asyncio.sleep(fault.lasting)
            self.signal(name, signal.SIGCONT)
            return
        hard = fault.kind in {Kind.KILL_BROKER, Kind.KILL_DATABASE}
        pid = self.signal(name, signal.SIGKILL if hard else signal.SIGTERM)
        await self.replaced(name, pid)

    async def replaced(self, name: str, before: int) -> None:
        """Wait until another process has taken the place of `before`."""
        await until(lambda: self.pid(name) not in {None, before}, f"{name} to be started again")


class Suffering(Protocol):
    """The servers of a nemesis: where they are, and what can befall them."""

    folder: Path

    def settings(self, **overrides: Any) -> Settings:
        """Settings of a program on these servers."""
        ...

    async def suffer(self, fault: Fault) -> None:
        """Carry a fault out on a server; return when it is over."""
        ...


class Nemesis:
    """Replicas of the whole platform and what befalls them, their servers and their topics."""

    def __init__(
        self,
        servers: Suffering,
        faults: Sequence[Fault],
        *,
        replicas: int,
        kind: type[Replica] = Replica,
        **env: str,
    ) -> None:
        """`kind` is what its replicas are, `env` what their environment has besides."""
        self.settings = servers.settings(partitions=PARTITIONS)
        self.faults = list(faults)
        self.replicas: list[Replica] = []
        self.poisoned: dict[Place, int] = {}  # the number of the fault in the plan
        self.quiet: dict[date, float] = {}  # seconds from the end of the day's last fault
        self.recovered: dict[Kind, list[float]] = defaultdict(list)  # seconds from the end of each fault
        self.env = env
        self._servers, self._count, self._kind = servers, replicas, kind
        self._vandal = Vandal(self.settings)
        self._done: dict[Fault, float] = {}

    async def __aenter__(self) -> Self:
        await prepare(self.settings, load_all())
        await self._vandal.__aenter__()
        for _ in range(self._count):
            self._add()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for replica in self.replicas:
            replica.abandon()
        await self._vandal.__aexit__(kind, error, trace)

    async def stop(self) -> None:
        """Stop all replicas; each must end in good order."""
        await asyncio.gather(*(replica.stop() for replica in self.replicas))

    def besieging(self, inner: KafkaPlatform) -> Besieged:
        """The platform as the demo's people meet it, with the plan's faults on its days."""
        troubles: dict[date, list[tuple[float, Trouble]]] = defaultdict(list)
        for number, fault in enumerate(self.faults):
            troubles[day(fault.day)].append((fault.after, self._trouble(number, fault)))
        return _Timed(inner, troubles, self._is_quiet)

    def report(self) -> str:
        """How long after the last of each day's faults had ended all was quiet again.

        At once (0.0 s) where others had done the day's work before it ended.
        """
        lines = [
            f"day {number:>2}: quiet again after {self.quiet[day(number)]:.1f} s"
            for number in sorted({fault.day for fault in self.faults})
        ]
        took = sorted(self.quiet.values())
        lines.append(
            f"quiet again: half of the days within {took[len(took) // 2]:.1f} s, all in {took[-1]:.1f} s"
        )
        return "\n".join((*lines, *times_to_recover(self.recovered)))

    def _is_quiet(self, today: date) -> None:
        now = asyncio.get_running_loop().time()
        ended = {fault: self._done[fault] for fault in self.faults if day(fault.day) == today}
        if ended:
            self.quiet[today] = now - max(ended.values())
        for fault, moment in ended.items():
            self.recovered[fault.kind].append(now - moment)

    # -- what it does

    def _trouble(self, number: int, fault: Fault) -> Trouble:
        async def carry_out() -> None:
            if fault.kind.poison:
                await again(lambda: self._poison(number, fault))
            elif fault.topic:
                await again(lambda: self._say_again(fault))
            elif fault.replica is not None or fault.kind is Kind.ADD_REPLICA:
                await self.hit(fault)
            else:
                await self._servers.suffer(fault)
            self._done[fault] = asyncio.get_running_loop().time()

        return carry_out

    def _add(self) -> Replica:
        replica = self._kind(
            "all",
            self._servers.folder.parent,
            self.settings,
            **self.env,
            PARLEY_SESSION_SECONDS=str(SESSION_SECONDS),
            PARLEY_DATA=str(self._servers.folder),  # so that the house knows it for its own
        )
        replica.start()
        self.replicas.append(replica)
        return replica

    async def hit(self, fault: Fault) -> None:
        """Carry a fault out on a replica, of the plan or beside it; return when it is over."""
        if fault.replica is None:
            self._add()
            return
        replica = self.replicas[fault.replica]
        match fault.kind:
            case Kind.KILL_REPLICA:
                await replica.kill()
                await asyncio.sleep(fault.lasting)
                replica.start()
            case Kind.PAUSE_REPLICA:
                replica.freeze()
                await asyncio.sleep(fault.lasting)
                replica.thaw()
            case Kind.RESTART_REPLICA:
                await replica.stop()
                replica.start()
            case Kind.REMOVE_REPLICA:
                self.replicas.remove(replica)
                await replica.stop()
            case _:
                raise AssertionError(fault)

    async def _poison(self, number: int, fault: Fault) -> None:
        if fault.kind is Kind.OVERSIZED:
            found = Rubbish("large", STRANGER.encode(), b"x" * TOO_LARGE)
        else:
            every = (*unreadable(STRANGER), *misplaced(STRANGER, PARTITIONS))
            found = next(one for one in every if one.what == _WHAT[fault.kind])
        headers = (*found.headers, (MARK, str(number).encode()))
        marked = Rubbish(found.what, found.key, found.value, headers, found.partition)
        self.poisoned[await self._vandal.throw(fault.topic, marked)] = number

    async def _say_again(self, fault: Fault) -> None:
        """Copy records as they lie there, markers included: the latest in order, or the oldest backwards."""
        old = [one async for one in scan(self.settings, fault.topic) if not _poisoned(one)]
        chosen = old[-REPEATED:] if fault.kind is Kind.REPEAT else old[REPEATED - 1 :: -1]
        for one in chosen:
            copy = Rubbish("again", one.key, one.value, tuple(one.headers), one.partition)
            await self._vandal.throw(fault.topic, copy)


class _Timed(Besieged):
    """Waits, after a day's troubles, until all is quiet again, and says so."""

    def __init__(self, inner: KafkaPlatform, troubles: Any, quiet: Callable[[date], None]) -> None:
        super().__init__(inner, troubles)
        self._quiet = quiet

    async def settled(self, day: date) -> list[Envelope[Any]]:
        before = await super().settled(day)  # the day's troubles are over then
        fresh = [*before, *await super().settled(day)]
        self._quiet(day)
        return fresh


def times_to_recover(taken: Mapping[Kind, Sequence[float]]) -> list[str]:
    """One line for each kind of fault: how long after its end all was quiet again, in seconds.

    What ends later on the same day counts with it, so that each is a bound: it took no longer than that.
    """
    return [
        f"time to recover, {kind}: {len(times)} times, half within {sorted(times)[len(times) // 2]:.1f} s, "
        f"all within {max(times):.1f} s"
        for kind, times in sorted(taken.items())
        if times
    ]


def _poisoned(record: Record) -> bool:
    return any(name == MARK for name, _ in record.headers)
