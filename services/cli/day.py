"""`parley day close`: say that the bank has said all there is about a business day."""

from __future__ import annotations

from datetime import date
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer

from services.cli.common import DataDir, JsonFlag, fail, guarded, stdout
from services.cli.door import open_publisher

__all__ = ["app", "close"]

app = typer.Typer(help="Business days.", no_args_is_help=True)


@app.command()
def close(
    day: Annotated[str, typer.Argument(metavar="DATE", help="The business day, e.g. 2026-03-31.")],
    zone: Annotated[str, typer.Option("--zone", help="The bank's time zone, e.g. Asia/Shanghai.")] = "UTC",
    data: DataDir = None,
    as_json: JsonFlag = False,
) -> None:
    """Close a business day on every partition, and with it all earlier days.

    Publish the day's events first. Closing a day again is harmless; every calendar day is closed.
    """
    try:
        wanted = date.fromisoformat(day)
    except ValueError:
        raise fail("DATE: must be a day that exists, written 2026-03-31.", code=2) from None
    if wanted == date.max:  # its close is said in the last second before the next day
        raise fail("DATE: has no day after it.", code=2)
    try:
        where = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise fail("--zone: must be a time zone, e.g. Asia/Shanghai or UTC.", code=2) from None

    async def work() -> None:
        async with open_publisher(data) as publisher:
            await publisher.close_day(wanted, zone=where, source="/bank/core")

    guarded(work)
    if as_json:
        stdout.print_json(data={"closed": wanted.isoformat()})
    else:
        stdout.print(f"{wanted} is closed on every partition.", highlight=False)
