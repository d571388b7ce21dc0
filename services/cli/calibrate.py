"""`parley calibrate`: whether plans break as often as was foreseen, and a table that learns from it (R68)."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from services.cli.catalogue import policies_dir
from services.cli.check import audited
from services.cli.common import DataDir, JsonFlag, PoliciesFolder, fail, stderr, stdout

if TYPE_CHECKING:
    from decimal import Decimal

    from services.console.calibration import Calibration, Compared
    from shared.policy.model import Pack

__all__ = ["calibrate"]


def calibrate(
    pack: Annotated[str, typer.Argument(help="The pack, e.g. cn-card.")],
    to: Annotated[
        Path | None,
        typer.Option("-o", "--to", help="Write a copy of the packs, with the new table, into this folder."),
    ] = None,
    since: Annotated[
        str | None, typer.Option("--from", help="The day from which the new table holds, YYYY-MM-DD.")
    ] = None,
    data: DataDir = None,
    folder: PoliciesFolder = None,
    as_json: JsonFlag = False,
) -> None:
    """Compare how often plans broke with what was foreseen when they were offered.

    With -o a new version of the table is written, a blend of the published figures and your own plans, into a
    copy of the packs. Nothing uses it until you make that folder yours (PARLEY_POLICIES). Where there are too
    few plans, or the blend foresees no better than the published figures, none is written and exit is 1.
    """
    from services.console.calibration import calibrate as compare
    from shared.policy.learnt import published
    from shared.policy.loader import PolicyBook, PolicyError

    where = policies_dir(folder)
    try:
        book = PolicyBook.load(where)
        read = book.pack(pack)
    except PolicyError as error:
        raise fail(str(error)) from None
    if (to is None) != (since is None):
        raise fail("-o and --from go together.", "A table holds from a day on.", code=2)
    start = None if since is None else _day(since)
    if to is not None and to.exists() and not to.is_dir():
        raise fail(f"-o: {to} is no folder.", "Name a new folder.", code=2)
    outcomes = audited(data).outcomes
    until = outcomes.until
    if until is None:
        raise fail("No day is closed yet: nothing can be said of any plan.")
    found = compare(outcomes, pack, book.in_force(pack, until).value, published(read, until))
    if as_json:
        _print_json(found, until)
    else:
        _print(pack, found, until)
    if found.why_not is not None:
        stderr.print(found.why_not, style="yellow", highlight=False, soft_wrap=True)
        if to is not None:
            raise fail("No table was written.")
    elif to is not None and start is not None:
        _write(where, to, read, found, until, start)


def _day(since: str) -> date:
    try:
        return date.fromisoformat(since)
    except ValueError:
        raise fail(f"--from: {since!r} is not a date like 2026-01-31", code=2) from None


def _write(where: Path, to: Path, pack: Pack, found: Calibration, until: date, start: date) -> None:
    from shared.policy.learnt import NotEditableError, learnt_entries, with_entries
    from shared.policy.loader import check

    name = f"{pack.info.id}.toml"
    model = f"{_published_name(pack, until)}+own-{until.isoformat()}"
    if start <= until:
        raise fail(f"--from: offers up to {until} rest on the old table; take a later day.", code=2)
    if to.exists() and any(to.iterdir()):
        raise fail(f"{to} is not empty.", "Name a new folder.")
    try:
        entries = learnt_entries(pack, found.learnt, model, start, _source(pack, found, until))
        text = with_entries((where / name).read_text(encoding="utf-8"), entries)
    except NotEditableError as error:
        raise fail(f"{name}: {error}", "No table was written.") from None
    try:
        to.mkdir(parents=True, exist_ok=True)
        for file in sorted(where.glob("*.toml")):
            (to / file.name).write_bytes(file.read_bytes())
        (to / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise fail(f"-o: {to} cannot be written ({error.strerror}).", "Name another folder.") from None
    for problem in check(to):
        raise fail(f"{to}: {problem}")
    stdout.print(
        f"{to / name}: table {model}, from {start} on. `parley policy diff {pack.info.id}@{until}"
        f" {pack.info.id}@{start} --folder {to}` shows it; PARLEY_POLICIES={to} puts it in force.",
        markup=False, highlight=False, soft_wrap=True,
    )  # fmt: skip


def _published_name(pack: Pack, on: date) -> str:
    from shared.policy.learnt import published

    return published(pack, on).model


def _source(pack: Pack, found: Calibration, until: date) -> str:
    first, last = found.signed or (until, until)
    said = (
        f"{_published_name(pack, until)} blended with {found.plans} own plans signed {first} to {last},"
        f" {found.broke} of them {found.days_late}+ days late within {found.months} months"
    )
    if found.held_out is not None:
        before, after = found.held_out
        said += (
            f"; Brier score on {after.plans} plans held out {before.brier:.4f} before, {after.brier:.4f} now"
        )
    return said


def _print(pack: str, found: Calibration, until: date) -> None:
    after = Table(
        title=f"{pack}: plans signed, and {found.days_late}+ days late since, up to {until}",
        title_justify="left",
    )
    for column in ("within", "plans", "broken", "share", "95 % between"):
        after.add_column(column, justify="left" if column == "within" else "right")
    for row in found.after:
        after.add_row(row.name, str(row.plans), str(row.broke), *_observed(row))
    stdout.print(after)
    for title, rows in (
        (f"After {found.months} months, by payment cut", found.by_cut),
        ("By the version of the table at the offer", found.by_version),
    ):
        if not rows:
            continue
        table = Table(title=title, title_justify="left")
        columns = ["", "plans", "foreseen", "broken", "share", "95 % between"]
        tables = rows is found.by_cut
        for column in (*columns, *(("published", "blended") if tables else ())):
            table.add_column(column, justify="left" if not column else "right")
        for row in rows:
            more = (_pct(row.published), _pct(row.learnt)) if tables else ()
            table.add_row(
                row.name, str(row.plans), _pct(row.foreseen), str(row.broke), *_observed(row), *more
            )
        stdout.print(table)
    for why, number in found.left_out.items():
        stdout.print(f"Left out: {number} {why}", highlight=False)
    if found.held_out is not None:
        before, now = found.held_out
        stdout.print(
            f"Tried on the {now.plans} plans signed last, learnt from those before: Brier score"
            f" {before.brier:.4f} published, {now.brier:.4f} blended; log loss {before.log_loss:.4f},"
            f" {now.log_loss:.4f}",
            highlight=False, soft_wrap=True,
        )  # fmt: skip


def _observed(row: Compared) -> tuple[str, str]:
    from shared.lending.redefault import interval

    if not row.plans:
        return "–", "–"
    low, high = interval(row.broke, row.plans)
    return f"{100 * row.broke / row.plans:.1f} %", f"{100 * low:.1f}–{100 * high:.1f} %"


def _pct(probability: Decimal | None) -> str:
    return "–" if probability is None else f"{probability * 100:.1f} %"


def _print_json(found: Calibration, until: date) -> None:
    from dataclasses import asdict

    import orjson

    rows: dict[str, Any] = asdict(found)
    del rows["learnt"]
    rows["until"] = until
    typer.echo(orjson.dumps(rows, option=orjson.OPT_INDENT_2, default=str).decode())
