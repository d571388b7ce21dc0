"""One run of the demo: a fresh platform, a portfolio, a year of days, the report, the checks."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from deploy.demo.live import KafkaPlatform
from deploy.demo.portfolio import Customer, generate
from deploy.demo.report import Outcome, show
from deploy.demo.world import Progress as Lived
from deploy.demo.world import World
from deploy.embedded.errors import StartError
from deploy.embedded.folder import DataFolder, unusable
from deploy.embedded.platform import Addresses, ServerPlan, for_own_database
from deploy.embedded.reading import remove_data
from deploy.embedded.up import Platform, UpOptions
from services.console.audit import audit
from shared.contracts import agreement, followup, intake, offer
from shared.runtime.admin import prepare
from shared.runtime.run import collect_seldom
from shared.runtime.service import Service
from shared.runtime.settings import Settings

__all__ = ["DEMO_PARTITIONS", "MADE_BY_DEMO", "DemoOptions", "run_demo"]

DEMO_PARTITIONS = 1
"""Fewer than a bank's: one process works on all of them, and every further one costs markers."""

DAYS_A_MONTH = 30
MADE_BY_DEMO = "made-by-demo"
"""The file by which a demo knows a folder again that it may empty: nothing else of Parley makes it."""

START = date(2026, 1, 5)
ENTRY_DAYS = 28


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """What to run. `portfolio` replaces the generated customers (real accounts)."""

    data: Path
    services: Sequence[Service]
    customers: int = 200
    months: int = 12
    seed: int = 1
    portfolio: Sequence[Customer] | None = None
    processes: bool = False

    @property
    def days(self) -> int:
        """Calendar days to live."""
        return self.months * DAYS_A_MONTH


async def run_demo(options: DemoOptions, console: Console) -> Outcome:
    """Live the demo and give what it came to. Raises StartError, DemoStalled."""
    customers = list(
        options.portfolio
        if options.portfolio is not None
        else generate(options.customers, seed=options.seed, start=START, entry_days=ENTRY_DAYS)
    )
    start = min((c.enters for c in customers), default=START)
    _fresh(options.data)
    environment = {"PARLEY_PARTITIONS": str(DEMO_PARTITIONS), "PARLEY_LOG_LEVEL": "WARNING"}

    def settings(addresses: Addresses) -> Settings:
        return Settings.load(
            kafka_bootstrap=addresses.kafka_bootstrap,
            mongodb_uri=addresses.mongodb_uri,
            partitions=DEMO_PARTITIONS,
            **for_own_database(),
        )

    async def create(addresses: Addresses) -> None:
        await prepare(settings(addresses), options.services)

    up = UpOptions(
        options.data,
        prepare=create,
        processes=options.processes,
        environment=environment,
        plan=ServerPlan(None, None),  # the demo never writes to somebody's own servers
        console=console,
        show_status=False,
    )
    async with Platform(up) as platform:
        collect_seldom()
        began = time.monotonic()
        async with KafkaPlatform(settings(platform.addresses), options.services, ahead=True) as kafka:
            world = World(customers, seed=options.seed, start=start, days=options.days, platform=kafka)
            await _live(world, platform, console)
        seconds = time.monotonic() - began
        with console.status("Checking topics and database …"):
            found = await audit(settings(platform.addresses), options.services)
    outcome = Outcome(
        seed=options.seed,
        customers=len(customers),
        days=options.days,
        cases=found.cases,
        debts=found.debts,
        emitted=found.emitted,
        published=world.progress.published,
        records=found.records,
        seconds=seconds,
        checks=found.checks,
    )
    show(outcome, console)
    return outcome


def _fresh(folder: Path) -> None:
    """Empty the demo's folder; refused are one that no demo made, whoever else's it is, and one in use."""
    if folder.exists() and not folder.is_dir():
        raise StartError(f"{folder} is no folder.", "Name another one with --data.")
    made_by_demo = folder / MADE_BY_DEMO
    found = list(folder.iterdir()) if folder.is_dir() else []
    # Lock files alone are what a demo leaves that was killed before it had begun: there is nothing to lose.
    if not made_by_demo.exists() and any(entry.suffix != ".lock" for entry in found):
        raise StartError(
            f"{folder} holds something that no demo made.",
            "Name another folder with --data: the demo empties the one that it runs in."
            " If the demo of an earlier version made it, remove it first.",
        )
    lock = DataFolder(folder).lock
    try:
        if not lock.try_acquire():
            raise StartError(
                f"Something runs in {folder}.", "Stop it first, or name another folder with --data."
            )
        made_by_demo.touch()
        remove_data(folder, keep=(MADE_BY_DEMO,))
    except OSError as error:
        raise unusable(folder, error) from error
    finally:
        lock.release()


async def _live(world: World, platform: Platform, console: Console) -> None:
    """Live all days with a live display; a process that keeps failing ends it."""
    figures = TextColumn("{task.fields[words]}")
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        figures,
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as display:
        task = display.add_task("living", total=world.days, words="")
        reported = [0]

        def watch(lived: Lived) -> None:
            display.update(
                task, completed=lived.number, description=lived.day.isoformat(), words=_words(lived)
            )
            if not console.is_terminal and lived.number >= reported[0] + DAYS_A_MONTH:
                reported[0] = lived.number
                console.print(f"{lived.day.isoformat()}: {_words(lived)}", highlight=False)

        living = asyncio.ensure_future(world.live(watch))
        failing = asyncio.ensure_future(platform.wait())
        try:
            await asyncio.wait([living, failing], return_when=asyncio.FIRST_COMPLETED)
            if not living.done() and platform.failure is not None:
                words = platform.failure.last_words or "(nothing)"
                raise StartError(
                    f"{platform.failure.name} {platform.failure.reason}. Its last words:\n{words}",
                    f"The logs are in {platform.folder.logs}.",
                )
            await living
        finally:
            living.cancel()
            failing.cancel()
            await asyncio.gather(living, failing, return_exceptions=True)


def _words(lived: Lived) -> str:
    seen: Any = lived.seen
    return (
        f"{seen[intake.CaseOpened.TYPE]} cases, {seen[offer.OfferTabled.TYPE]} offers,"
        f" {seen[agreement.AgreementSigned.TYPE]} signed,"
        f" {seen[followup.InstalmentPaid.TYPE]} instalments paid, {seen[followup.PlanBroken.TYPE]} broken"
    )
