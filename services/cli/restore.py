"""`parley backup`: before a backup of the database is taken, and after an older one has been restored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from services.cli.common import DataDir, JsonFlag, fail, guarded, stderr, stdout

if TYPE_CHECKING:
    from shared.runtime.backup import Mark
    from shared.runtime.restore import Plan, Report

__all__ = ["app"]

app = typer.Typer(
    help="Backups of the database: mark the instant, and go on from an older one.", no_args_is_help=True
)


@app.command()
def mark(data: DataDir = None, as_json: JsonFlag = False) -> None:
    """Mark the instant of a backup that is to be taken now. Stop every replica first; Kafka stays up.

    Refuses while a replica runs, and where a service has not read all that another has said. The bank and the
    desk may go on publishing. Take the backup before any replica is started again.
    """

    async def work() -> Mark:
        from services.cli.catalogue import load_at_work
        from services.cli.dead.servers import open_servers
        from shared.runtime.backup import set_mark

        async with open_servers(data) as (settings, store):
            return await set_mark(settings, await load_at_work(settings, store))

    made = guarded(work)
    if as_json:
        stdout.print_json(data={"at": made.at, "day": made.done, "partitions": len(made.ends)})
        return
    stdout.print(
        f"Marked at {made.at}, after the close of {made.done or 'no day yet'}.\n"
        "Take the backup of the database now, before any replica is started again.",
        highlight=False,
    )


@app.command()
def restored(
    data: DataDir = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Go on from a restored backup that is older than what Kafka holds. Run it before any replica is started.

    What the bank, the desk and the operators have said since is read again; what the services have said since
    is void and is said again with the same ids. Refuses, and changes nothing, where that would lose or double
    an effect. If it is interrupted, run it again.
    """

    async def work() -> tuple[Plan, Report] | None:
        from services.cli.catalogue import load_at_work
        from services.cli.dead.servers import open_servers
        from shared.runtime.restore import plan_restore, restore

        async with open_servers(data) as (settings, store):
            services = await load_at_work(settings, store)
            plan = await plan_restore(settings, services)
            if not yes:
                stderr.print(
                    f"The backup is of {plan.mark.at}, after the close of {plan.mark.done or 'no day yet'}.\n"
                    f"{plan.again} records of the bank and the desk will be read again;"
                    f" {plan.void} records of the services become void.",
                    highlight=False,
                )
                if not typer.confirm("Go on?", err=True):
                    return None
            return plan, await restore(settings, services, plan)

    done = guarded(work)
    if done is None:
        raise fail("Nothing was changed.")
    plan, report = done
    figures = {
        "records to be read again": plan.again,
        "records void": plan.void,
        "positions moved": report.positions,
        "sequences raised": report.raised,
        "documents made for cases that did not exist": report.made,
    }
    if as_json:
        stdout.print_json(data={name.replace(" ", "_"): number for name, number in figures.items()})
        return
    for name, number in figures.items():
        stdout.print(f"{name}: {number}", highlight=False)
    stdout.print("The replicas can be started. When they have read everything: `parley check`.")
