"""Commands that run the platform: `up`, `prepare`, `run`, `doctor`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from services.cli.catalogue import NAMES, UnknownServiceError, archive_keys, load_all
from services.cli.common import DataDir, JsonFlag, data_dir, fail, guarded, stderr, stdout
from shared.contracts.registry import OPTIONAL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shared.runtime.admin import Prepared
    from shared.runtime.settings import Settings

__all__ = ["register", "settings_for"]

HOPELESS = 78
"""Exit code of what another start cannot mend (EX_CONFIG of sysexits.h): the supervisor does not retry it."""


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    app.command()(up)
    app.command()(prepare)
    app.command()(run)
    app.command()(doctor)


def up(
    data: DataDir = None,
    processes: Annotated[bool, typer.Option("--processes", help="One process for each service.")] = False,
) -> None:
    """Start Kafka, the database and all services, and keep them running until Ctrl-C.

    With KAFKA_BOOTSTRAP or MONGODB_URI set, those servers are used instead of the embedded ones. Where
    messages can leave by some channel (PARLEY_SMTP_HOST, PARLEY_WEBHOOK_URL), notice and its courier run too.
    """
    from deploy.embedded.up import UpOptions
    from deploy.embedded.up import up as run_up

    async def work() -> int:
        from shared.runtime.settings import Settings

        optional = OPTIONAL if Settings.load().has_channels else ()
        if not optional:
            stderr.print(
                "No way out for messages is set: nothing is sent, and nobody answers whether a call or a "
                "visit may be made. `parley run notice` beside this answers.",
                style="dim", markup=False, highlight=False, soft_wrap=True,
            )  # fmt: skip
        return await run_up(
            UpOptions(
                data_dir(data),
                prepare=_prepare,
                processes=processes,
                services=(*NAMES, *optional),
                console=stderr,
            )
        )

    raise typer.Exit(guarded(work))


async def _prepare(addresses: object) -> Mapping[str, str]:
    """Prepare the servers; give what the services' environment has to say of them."""
    from deploy.embedded.platform import Addresses, for_own_database
    from shared.runtime.admin import prepare

    assert isinstance(addresses, Addresses)  # noqa: S101 - narrows the launcher's type
    settings = settings_for(addresses.kafka_bootstrap, addresses.mongodb_uri)
    if not os.environ.get("MONGODB_URI"):
        settings = settings.model_copy(update=for_own_database())
    partitions = await _partitions_there(settings)
    settings = settings.model_copy(update={"partitions": partitions})
    await prepare(settings, load_all(optional=settings.has_channels))
    return {"PARLEY_PARTITIONS": str(partitions)}


async def _partitions_there(settings: Settings) -> int:
    """Give the count that the folder's own Kafka has, where the environment says none.

    A demo's folder has another one than a platform's. On a cluster of somebody's own the setting has to be
    said; and topics that differ among each other are left to what finds that wrong.
    """
    from shared.runtime.admin import topics_of
    from shared.runtime.kafka.growth import topic_counts

    if os.environ.get("PARLEY_PARTITIONS") or os.environ.get("KAFKA_BOOTSTRAP"):
        return settings.partitions
    counts = set((await topic_counts(settings, topics_of(load_all(optional=True)))).values())
    return counts.pop() if len(counts) == 1 else settings.partitions


async def _inspect(kafka_bootstrap: str, mongodb_uri: str) -> tuple[str, list[str]]:
    """Look at what is on servers that the environment names. Topics that `up` will create are no fault."""
    from shared.runtime.admin import check_servers, topics_of
    from shared.runtime.kafka.growth import topic_counts

    settings, services = settings_for(kafka_bootstrap, mongodb_uri), load_all()
    wanted = topics_of(services)
    if not await topic_counts(settings, wanted):
        return f"no topics yet: `parley prepare` or `parley up` creates {len(wanted)}", []
    return f"all {len(wanted)} topics are as they have to be", await check_servers(settings, services)


def settings_for(kafka_bootstrap: str, mongodb_uri: str, folder: Path | None = None) -> Settings:
    """Give the settings of the environment, with these addresses.

    With the keys of the data folder where the database is the folder's own and the environment names none.
    """
    from deploy.embedded.house_keys import house_keys
    from shared.runtime.settings import Settings

    own = folder is not None and not os.environ.get("MONGODB_URI")
    keys = house_keys(folder) if own and folder is not None else {}
    return Settings.load(kafka_bootstrap=kafka_bootstrap, mongodb_uri=mongodb_uri, **keys)


def prepare(as_json: JsonFlag = False) -> None:
    """Create the topics and indexes that are missing on KAFKA_BOOTSTRAP and MONGODB_URI.

    Nothing that exists is changed: topics with another partition count than PARLEY_PARTITIONS are refused.
    """
    from shared.runtime.admin import prepare as run_prepare
    from shared.runtime.settings import Settings

    async def work() -> Prepared:
        settings = Settings.load()
        return await run_prepare(settings, load_all(optional=settings.has_channels))

    done = guarded(work)
    if as_json:
        import orjson

        stdout.print_json(orjson.dumps({"topics": done.topics, "indexes": done.indexes}).decode())
        return
    for kind, found in (("topics", done.topics), ("indexes", done.indexes)):
        made = [name for name, new in found.items() if new]
        stdout.print(f"{kind}: {len(made)} created, {len(found) - len(made)} there already", highlight=False)
        for name in made:
            stdout.print(f"  {name}", markup=False, highlight=False)


def run(
    service: Annotated[
        str,
        typer.Argument(help="intake, assessment, offer, agreement, followup, alert, archive, notice or all"),
    ],
) -> None:
    """Run one service, or all of them in one process, against KAFKA_BOOTSTRAP and MONGODB_URI.

    Notice, which lets messages leave and sends them, is among all only where PARLEY_SMTP_HOST or
    PARLEY_WEBHOOK_URL is set. Several processes of the same service share its partitions. SIGTERM finishes
    the batch in hand.
    """
    from shared.crypto.signing import KeyFileError
    from shared.policy.loader import PolicyError
    from shared.runtime.ports import FatalError, UnavailableError
    from shared.runtime.run import run_blocking
    from shared.runtime.settings import Settings, SettingsError
    from shared.runtime.watchdog import STALLED, StalledError

    try:
        settings = Settings.load()
        keys = archive_keys(settings)
        services = load_all(service, settings.policies, keys, optional=settings.has_channels)
        raise typer.Exit(run_blocking(services, settings))
    except UnknownServiceError as error:
        raise fail(str(error), code=2) from None
    except (SettingsError, PolicyError, KeyFileError) as error:
        raise fail(str(error), "Correct it and start again.", code=HOPELESS) from None
    except StalledError as error:
        raise fail(str(error), "It may be started again: nothing is lost.", code=STALLED) from None
    except FatalError as error:
        raise fail(str(error), code=HOPELESS) from None
    except UnavailableError as error:
        raise fail(f"A server does not answer: {error}", "See that it runs, and start again.") from None


def doctor(data: DataDir = None, as_json: JsonFlag = False) -> None:
    """Check what a run needs: ports, disk, memory, downloads and their checksums; say what to do.

    With KAFKA_BOOTSTRAP and MONGODB_URI set, also whether the topics there are as they have to be.
    """
    from deploy.embedded.doctor import run_checks

    checks = run_checks(data_dir(data), inspect=_inspect)
    if as_json:
        import orjson

        rows = [{"name": c.name, "ok": c.ok, "detail": c.detail, "remedy": c.remedy} for c in checks]
        stdout.print_json(orjson.dumps(rows).decode())
    else:
        for check in checks:
            mark = "[green]ok[/]  " if check.ok else "[red]FAIL[/]"
            stdout.print(f"{mark} {check.name}: ", end="")
            stdout.print(check.detail, markup=False, highlight=False)
            if not check.ok and check.remedy:
                stdout.print(f"      {check.remedy}", markup=False, highlight=False)
    if not all(check.ok for check in checks):
        raise typer.Exit(1)
    if os.environ.get("KAFKA_BOOTSTRAP") and not as_json:
        stdout.print("The servers named by the environment are used.", highlight=False)
