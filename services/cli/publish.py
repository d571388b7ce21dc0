"""`parley publish`: the bank's door for files. Bad lines are named, the rest goes on, nothing is doubled."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, date
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any, Final

import orjson
import typer

from services.cli.common import DataDir, JsonFlag, fail, guarded, stderr, stdout

if TYPE_CHECKING:
    from services.cli.door import Publisher
    from services.cli.ingest import Bad, Good, Item
    from services.cli.ingest.source import Source
    from services.cli.products import Products
    from shared.contracts.envelope import Envelope

__all__ = ["Publication", "publish"]

_BATCH: Final = 500
_SHOWN: Final = 20
_KEPT: Final = 100


@dataclass(slots=True)
class Publication:
    """What became of a file. `messages` are acknowledged (in a dry run: would be sent).

    `doubted` lines were sent, though the platform may have no pack for their product.
    """

    rows: int = 0
    good_rows: int = 0
    messages: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    bad: int = 0
    errors: list[dict[str, Any]] = field(default_factory=list)
    doubted: int = 0
    doubts: list[dict[str, Any]] = field(default_factory=list)
    last_day: date | None = None
    problem: str | None = None
    seconds: float = 0.0

    def as_json(self) -> dict[str, Any]:
        """Give the summary for scripts; at most a hundred errors, `--errors` has all."""
        return {
            "rows": self.rows,
            "good_rows": self.good_rows,
            "messages": self.messages,
            "skipped": dict(self.skipped),
            "bad": self.bad,
            "errors": self.errors,
            "doubted": self.doubted,
            "doubts": self.doubts,
            "last_day": self.last_day.isoformat() if self.last_day else None,
            "problem": self.problem,
            "seconds": round(self.seconds, 3),
        }


class Pump:
    """Moves the items of a file to a publisher, batch by batch, and keeps count.

    `publisher` is None in a dry run. `on_bad` hears of every bad line, `on_doubt` of those that are sent in
    doubt, `on_rows` of progress. Without `products` every product is taken to be known.
    """

    def __init__(
        self,
        publisher: Publisher | None,
        on_bad: Callable[[Bad], None] = lambda _bad: None,
        on_rows: Callable[[Publication], None] = lambda _total: None,
        on_doubt: Callable[[Bad], None] = lambda _bad: None,
    ) -> None:
        self.publisher = publisher
        self.products: Products | None = None
        self._on_doubt = on_doubt
        self._on_bad = on_bad
        self._on_rows = on_rows
        self._batch: list[Envelope[Any]] = []
        self.total = Publication()

    async def run(self, items: Iterable[Item], limit: int | None = None) -> Publication:
        """Publish the items in order; stop after `limit` good rows. What was read is sent whatever happens.

        Raises UnavailableError when Kafka does not answer; `total.messages` are then known to have arrived.
        """
        from services.cli.ingest import SourceError

        started = time.monotonic()
        try:
            for item in items:
                await self._take(item)
                self._on_rows(self.total)
                if limit is not None and self.total.good_rows >= limit:
                    break
        except SourceError as error:
            self.total.problem = str(error)
        await self._flush()
        self.total.seconds = time.monotonic() - started
        return self.total

    async def _take(self, item: Item) -> None:
        from services.cli.ingest import Bad, Good, Skipped
        from shared.contracts.bank import DayClosed
        from shared.runtime.ports import UnencodableError

        self.total.rows += 1
        if isinstance(item, Good):
            item = self._of_a_known_product(item)
        if isinstance(item, Good) and self.publisher is not None:
            try:
                for envelope in item.envelopes:
                    self.publisher.measure(envelope)
            except UnencodableError as error:
                item = Bad(item.line, "message", str(error))
        if isinstance(item, Bad):
            self._refuse(item)
        elif isinstance(item, Skipped):
            self.total.skipped[item.reason] += 1
        else:
            self.total.good_rows += 1
            for envelope in item.envelopes:
                self.total.last_day = max(self.total.last_day or envelope.day, envelope.day)
                if isinstance(envelope.data, DayClosed):
                    await self._close(envelope)
                else:
                    self._batch.append(envelope)
            if len(self._batch) >= _BATCH:
                await self._flush()

    def _of_a_known_product(self, item: Good) -> Item:
        """Intake refuses a product without a pack, keeps the message's id and opens no case.

        Said here, the line is mended and published; said after, its mended copy may be taken for a duplicate.
        """
        from services.cli.ingest import Bad

        if self.products is None or all(self.products.knows(envelope) for envelope in item.envelopes):
            return item
        unknown = Bad(item.line, "product", self.products.rule)
        if self.products.certain:
            return unknown
        self.total.doubted += 1
        if self.total.doubted <= _KEPT:
            self.total.doubts.append(_as_json(unknown))
        self._on_doubt(unknown)
        return item

    def _refuse(self, bad: Bad) -> None:
        self.total.bad += 1
        if self.total.bad <= _KEPT:
            self.total.errors.append(_as_json(bad))
        self._on_bad(bad)

    async def _close(self, marker: Envelope[Any]) -> None:
        """A closed day among the lines goes to every partition, after all that stands before it."""
        await self._flush()
        if self.publisher is not None:
            zone = marker.time.tzinfo or UTC
            await self.publisher.close_day(marker.data.day, zone=zone, source=marker.source)
        self.total.messages += 1

    async def _flush(self) -> None:
        if self._batch and self.publisher is not None:
            await self.publisher.send(*self._batch)
        self.total.messages += len(self._batch)
        self._batch = []


def _as_json(bad: Bad) -> dict[str, Any]:
    return {"line": bad.line, "field": bad.field, "rule": bad.rule}


def publish(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV or JSON Lines, plain or .gz.")],
    mapping: Annotated[
        Path | None,
        typer.Option("--mapping", "-m", help="How rows become messages: a file, or the name of one shipped."),
    ] = None,
    parameters: Annotated[
        list[str] | None, typer.Option("--set", help="Replace a parameter of the mapping: NAME=VALUE.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Read and check everything, send nothing.")
    ] = False,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="Stop after so many good rows.")] = None,
    errors: Annotated[
        Path | None, typer.Option("--errors", help="Write every bad line to this file, one JSON object each.")
    ] = None,
    lenient: Annotated[bool, typer.Option("--lenient", help="Exit 0 although lines were bad.")] = False,
    data: DataDir = None,
    as_json: JsonFlag = False,
) -> None:
    """Publish a file of overdue accounts, payments or other bank and desk messages.

    Bad lines are named by number, field and rule, and the rest goes on; the exit code is then 1. So is an
    account whose product no policy pack knows; where the platform is elsewhere (KAFKA_BOOTSTRAP) and
    PARLEY_POLICIES does not say by which packs it decides, that is only a warning. Publishing the same file
    again doubles nothing. Without --mapping every line is a CloudEvent in JSON.
    """
    from services.cli.ingest import MappingError, SourceError, load_mapping, read_items
    from services.cli.ingest.source import Source

    if errors is not None and errors.exists() and file.exists() and errors.samefile(file):
        raise fail("--errors: is FILE itself, which it would empty.", "Name another file.", code=2)
    with ExitStack() as stack:
        try:
            plan = load_mapping(_find(mapping), _replaced(parameters)) if mapping else None
            source = stack.enter_context(
                Source(file, encoding=plan.encoding, delimiter=plan.delimiter) if plan else Source(file)
            )
            items = read_items(source, plan)
        except (MappingError, SourceError) as error:
            raise fail(str(error), code=2) from None
        try:
            log = stack.enter_context(errors.open("w", encoding="utf-8")) if errors else None
        except OSError as error:
            raise fail(f"{errors}: cannot be written ({error.strerror})", code=2) from None
        if plan and plan.assumptions and not as_json:
            stderr.print(
                f"This mapping makes {len(plan.assumptions)} assumptions; they stand in it.", style="dim"
            )
        total = _run(items, source, dry_run=dry_run, limit=limit, log=log, data=data, quiet=as_json)
    if as_json:
        about = {"file": str(file), "mapping": str(mapping) if mapping else None, "dry_run": dry_run}
        stdout.print_json(orjson.dumps(about | total.as_json()).decode())
    else:
        _report(total, dry_run, errors)
    if total.problem is not None or (total.bad and not lenient):
        raise typer.Exit(1)


def _run(
    items: Iterable[Item],
    source: Source,
    *,
    dry_run: bool,
    limit: int | None,
    log: IO[str] | None,
    data: Path | None,
    quiet: bool,
) -> Publication:
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    from services.cli.door import open_publisher
    from services.cli.products import Products
    from shared.runtime.ports import UnavailableError

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    shown = stderr.is_terminal and not quiet
    with Progress(*columns, console=stderr, transient=True, disable=not shown) as progress:
        task = progress.add_task("publishing", total=source.size or 1)

        def on_bad(bad: Bad) -> None:
            if log is not None:
                log.write(orjson.dumps(_as_json(bad)).decode() + "\n")
            if not quiet and pump.total.bad <= _SHOWN:
                text = f"line {bad.line}: {bad.field}: {bad.rule}"
                stderr.print(text, style="red", markup=False, highlight=False, soft_wrap=True)

        def on_doubt(bad: Bad) -> None:
            if not quiet and pump.total.doubted <= _SHOWN:
                text = f"line {bad.line}: {bad.field}: {bad.rule}; sent all the same"
                stderr.print(text, style="yellow", markup=False, highlight=False, soft_wrap=True)

        def on_rows(total: Publication) -> None:
            if shown and total.rows % 100 == 0:
                progress.update(task, completed=source.done, description=f"{total.messages:,} published")

        async def work() -> Publication:
            pump.products = Products.load()
            if dry_run:
                return await pump.run(items, limit)
            async with open_publisher(data) as publisher:
                pump.publisher = publisher
                try:
                    return await pump.run(items, limit)
                except UnavailableError as error:
                    pump.total.problem = (
                        f"Kafka does not answer any more: {error}. Of what was read, {pump.total.messages} "
                        "messages are known to be in; publish the file again, nothing will be doubled."
                    )
                    return pump.total

        pump = Pump(None, on_bad, on_rows, on_doubt)
        return guarded(work)


def _report(total: Publication, dry_run: bool, errors: Path | None) -> None:
    def say(text: str) -> None:
        stdout.print(text, markup=False, highlight=False, soft_wrap=True)

    verb = "would be published" if dry_run else "published"
    say(f"{total.messages:,} messages of {total.good_rows:,} rows {verb} in {total.seconds:.1f} s")
    for reason, count in total.skipped.most_common():
        say(f"{count:,} rows skipped: {reason}")
    if total.bad:
        more = f"; all of them are in {errors}" if errors else " (--errors FILE keeps all of them)"
        say(f"{total.bad:,} lines bad{more if total.bad > _SHOWN or errors else ''}")
    if total.doubted:
        say(
            f"{total.doubted:,} lines name a product that no pack here knows. "
            "If the platform's do not either, it refuses them: `parley report` lists them there, and what is "
            "mended needs ids of its own."
        )
    if total.problem:
        stderr.print(total.problem, style="bold red", markup=False, highlight=False, soft_wrap=True)
    elif total.last_day and not dry_run:
        say(f"When everything of that day is in, close it: parley day close {total.last_day}")


def _replaced(given: list[str] | None) -> dict[str, str]:
    pairs = [item.partition("=") for item in given or []]
    if any(not name or not equals for name, equals, _ in pairs):
        raise fail("--set: must be NAME=VALUE.", code=2)
    return {name: value for name, _, value in pairs}


def _find(mapping: Path) -> Path:
    """A path as it is, or the name of a mapping that ships with the project."""
    import deploy

    shipped = Path(deploy.__file__).parent / "mappings" / f"{mapping.name.removesuffix('.toml')}.toml"
    return shipped if not mapping.exists() and len(mapping.parts) == 1 and shipped.exists() else mapping
