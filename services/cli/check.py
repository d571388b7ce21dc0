"""`parley check`: the reconciliation over topics and database. Both are started for it where nothing runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.table import Table

from services.cli.common import DataDir, JsonFlag, data_dir, guarded, stderr, stdout

if TYPE_CHECKING:
    from services.console.audit import Audit
    from services.console.reconcile import Check

__all__ = ["audited", "check", "print_checks"]


def check(data: DataDir = None, as_json: JsonFlag = False) -> None:
    """Check that nothing was lost or doubled: counts, sequences, receivers, chains, money, open cases.

    Exit 1 when anything is wrong. Services that run are given ten seconds to finish what is under way; what
    they have not read by then counts as wrong.
    """

    found = audited(data)
    checks = found.checks
    if as_json:
        import orjson

        rows: list[dict[str, Any]] = [
            {"check": c.name, "looked_at": c.looked_at, "wrong": c.wrong, "findings": c.findings}
            for c in checks
        ]
        typer.echo(orjson.dumps(rows, option=orjson.OPT_INDENT_2).decode())
    else:
        print_checks(checks)
    if found.skipped:
        stderr.print(
            f"Skipped {found.skipped} records that a restored backup has made void.", highlight=False
        )
    if not all(c.ok for c in checks):
        raise typer.Exit(1)


def audited(data: Path | None) -> Audit:
    """Read every topic and the database: of a data folder, or of the servers that are named."""

    async def work() -> Audit:
        from deploy.embedded.platform import resolve_servers
        from deploy.embedded.reading import SharedServers, no_data
        from services.cli.catalogue import load_all
        from services.cli.platform import settings_for
        from services.console.audit import audit

        plan = resolve_servers()
        folder = data_dir(data)
        if plan.start_database and not (folder / "database").is_dir():
            # New servers would hold nothing, and nothing would be wrong with that.
            raise no_data(folder)
        async with SharedServers(
            folder, kafka=plan.start_kafka, database=plan.start_database, console=stderr
        ) as started:
            addresses = plan.merged(started)
            settings = settings_for(addresses.kafka_bootstrap, addresses.mongodb_uri)
            return await audit(settings, load_all(policies=settings.policies, optional=settings.has_channels))

    return guarded(work)


def print_checks(checks: list[Check]) -> None:
    """Print checks as a table, then what was found."""
    table = Table()
    table.add_column("check")
    table.add_column("looked at", justify="right")
    table.add_column("wrong", justify="right")
    for each in checks:
        table.add_row(each.name, str(each.looked_at), f"[{'green' if each.ok else 'red'}]{each.wrong}[/]")
    stdout.print(table)
    for each in checks:
        for finding in each.findings:
            stdout.print(f"{each.name}: {finding}", markup=False, highlight=False, soft_wrap=True)
        if each.wrong > len(each.findings):
            stdout.print(f"{each.name}: and {each.wrong - len(each.findings)} more", highlight=False)
