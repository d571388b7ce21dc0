"""`parley migrate`: what is done to a platform with data; each refuses what would double an effect."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from services.cli.catalogue import NAMES, UnknownServiceError, load, load_at_work
from services.cli.common import DataDir, fail, guarded, stdout
from shared.contracts.registry import SENDERS

if TYPE_CHECKING:
    from services.intake.model import StaffAway
    from shared.runtime.migration_store import MigrationStore
    from shared.runtime.service import Service
    from shared.runtime.settings import Settings

__all__ = ["app"]

T = TypeVar("T")

app = typer.Typer(
    help="Rebuild, replay, change the partition count, upgrade replicas one by one.", no_args_is_help=True
)

ServiceArgument = Annotated[str, typer.Argument(metavar="SERVICE", help=", ".join(NAMES))]
YesFlag = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


def _on_servers(data: Path | None, work: Callable[[Settings, MigrationStore], Awaitable[T]]) -> T:
    """Run `work` on the servers; a refusal ends the command with its sentence and exit code 1."""

    async def run() -> T:
        from services.cli.dead.servers import open_servers
        from shared.runtime.migration_store import MigrationStore

        async with open_servers(data) as (settings, _):
            store = MigrationStore(settings)
            try:
                await store.start()
                return await work(settings, store)
            finally:
                await store.close()

    return guarded(run)


def _service(name: str) -> Service:
    try:
        return load(name)
    except UnknownServiceError as error:
        raise fail(str(error), code=2) from None


@app.command()
def rebuild(service: ServiceArgument, data: DataDir = None, yes: YesFlag = False) -> None:
    """Delete what a read model (the archive) holds, so that it reads everything again from the start.

    Its replicas must be stopped. Refused for services that publish, and where the start of a topic is gone.
    """
    from shared.runtime.migrate import rebuild as run_rebuild

    one = _service(service)
    if one.emits is False and not yes:
        typer.confirm(f"Delete everything that {service} holds, and read it again?", abort=True)
    deleted = _on_servers(data, lambda settings, store: run_rebuild(settings, store, one))
    for kind, count in deleted.items():
        stdout.print(f"{service}.{kind}: {count} deleted", highlight=False)
    stdout.print(f"Start {service} again: it reads every topic from the start.", highlight=False)


@app.command()
def replay(
    service: ServiceArgument,
    topic: Annotated[str, typer.Argument(metavar="TOPIC", help="An input of it, as bank.events.")],
    data: DataDir = None,
) -> None:
    """Have a stopped service read one of its topics again from the start.

    What it has done about a record is dropped as a duplicate; what it passed over and handles now is decided.
    """
    from shared.runtime.migrate import replay as run_replay

    one = _service(service)
    count = _on_servers(data, lambda settings, store: run_replay(settings, store, one, topic))
    stdout.print(f"Start {service} again: it reads {count} records of {topic} again.", highlight=False)


@app.command()
def partitions(
    to: Annotated[int, typer.Option("--to", min=2, help="The new count; it can only grow.")],
    without_notice: Annotated[
        bool, typer.Option("--without-notice", help="Although notice has never run: it never will.")
    ] = False,
    data: DataDir = None,
) -> None:
    """Give every topic more partitions, and every document its new one, while everything is stopped.

    Refused unless every service has read everything and closed the same day. A service that has never run
    cannot begin afterwards: have notice read everything before, also where no message is sent yet. Killed, it
    is given again: until it has ended no service starts.
    """
    from services.cli.staff import absences_told
    from services.cli.staff_orders import to_tell_again
    from shared.runtime.growing import grow

    async def work(settings: Settings, store: MigrationStore) -> tuple[dict[str, int], list[StaffAway]]:
        services = await load_at_work(settings, store)
        absent = set() if without_notice else {*SENDERS} - {service.name for service in services}
        moved = await grow(settings, store, services, to, absent)
        return moved, await absences_told(settings)

    moved, told = _on_servers(data, work)
    for service, count in moved.items():
        stdout.print(f"{service}: {count} documents moved", highlight=False)
    stdout.print(f"Set PARLEY_PARTITIONS={to} everywhere before anything is started again.", highlight=False)
    orders = to_tell_again(told)
    if orders:
        stdout.print("Then tell the new partitions who is away:", highlight=False)
    for order in orders:
        stdout.print(f"  {order}", markup=False, highlight=False, soft_wrap=True)


@app.command()
def ready(
    service: Annotated[
        str, typer.Argument(metavar="[SERVICE]", help="One service; every service if left out.")
    ] = "all",
    data: DataDir = None,
    most_behind: Annotated[
        int, typer.Option("--behind", min=0, help="Records that a service may be behind.")
    ] = 1000,
) -> None:
    """Say whether the next replica may be stopped now. Exit code 0: it may; 1: not yet, and why."""
    from shared.runtime.migrate import unready

    async def work(settings: Settings, store: MigrationStore) -> list[str]:
        chosen = await load_at_work(settings, store) if service == "all" else [_service(service)]
        return await unready(settings, store, chosen, most_behind=most_behind)

    reasons = _on_servers(data, work)
    if reasons:
        for reason in reasons:
            stdout.print(reason, markup=False, highlight=False, soft_wrap=True)
        raise fail("The next replica must not be stopped yet.")
    stdout.print("The next replica may be stopped.")
