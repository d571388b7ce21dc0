"""`parley kafka up`: a Kafka cluster of three nodes, as a bank runs it, on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from services.cli.catalogue import load_all
from services.cli.common import fail, guarded, stderr

if TYPE_CHECKING:
    from deploy.embedded.cluster import KafkaCluster

__all__ = ["app", "up"]

app = typer.Typer(help="A Kafka cluster for trying what a bank runs.", no_args_is_help=True)

_DEFAULT = Path("var/kafka")
_NODES = (1, 3, 5)

_EXAMPLES = """[bold]Examples[/]

The cluster in one terminal, the platform on it in another:

  parley kafka up --nodes 3 --secure

  . var/kafka/secrets/parley.env && parley up

What the bank may do, and no more:

  . var/kafka/secrets/bank.env && parley publish accounts.csv --mapping card_accounts_taiwan_2005

One node with TLS and logins, in a folder of its own:

  parley kafka up --nodes 1 --secure --data var/kafka-one
"""


@app.callback()
def _group() -> None:
    """A Kafka cluster for trying what a bank runs."""


@app.command(epilog=_EXAMPLES)
def up(
    nodes: Annotated[int, typer.Option("--nodes", help="1, 3 or 5; fixed when the cluster is made.")] = 3,
    secure: Annotated[
        bool, typer.Option("--secure", help="TLS, logins and rights; fixed when the cluster is made.")
    ] = False,
    data: Annotated[
        Path, typer.Option("--data", help="Folder of the cluster: its data, certificates and logs.")
    ] = _DEFAULT,
) -> None:
    """Start a Kafka cluster on loopback and keep it running until Ctrl-C.

    Every record is on three nodes, and two must have it before it counts as written; a node that dies is
    started again. With --secure clients need TLS and a login: [bold]parley[/] may do what the platform needs,
    [bold]bank[/] may write bank.events, [bold]admin[/] may do everything. Killed at any moment, the next
    start carries on with the same data.
    """
    from deploy.embedded.cluster import KafkaCluster
    from deploy.embedded.cluster_node import ClusterPlan
    from deploy.embedded.platform import Addresses, ServerPlan
    from deploy.embedded.up import UpOptions
    from deploy.embedded.up import up as run_up

    if nodes not in _NODES:
        raise fail("--nodes: must be 1, 3 or 5: a majority of them decides.", code=2)
    cluster = KafkaCluster(data, ClusterPlan(nodes, secure), console=stderr)

    async def prepare(_: Addresses) -> None:
        await grant_rights(cluster)

    options = UpOptions(
        data,
        prepare=prepare,
        services=(),
        plan=ServerPlan(None, None),
        servers=cluster,
        running=lambda: _running(cluster),
        name="parley kafka up",
        console=stderr,
    )
    raise typer.Exit(guarded(lambda: run_up(options)))


async def grant_rights(cluster: KafkaCluster) -> None:
    """Give the platform and the bank what each of them needs; a plain cluster asks nobody."""
    from deploy.embedded.access import ADMIN, BANK, PLATFORM
    from shared.runtime.admin import courier_rights, grant, rights_of, rights_of_bank
    from shared.runtime.settings import Settings

    if cluster.plan.secure:
        variables = cluster.access(ADMIN).environment()
        admin = Settings.load(**{name.lower(): value for name, value in variables.items()})
        await grant(admin, PLATFORM, [*rights_of(load_all(optional=True)), *courier_rights()])
        await grant(admin, BANK, rights_of_bank())


def _running(cluster: KafkaCluster) -> str:
    """What to export; passwords stay in the files."""
    from deploy.embedded.cluster import environment_file

    variables = cluster.access().environment()
    shown = [f"  export {name}={value}" for name, value in variables.items() if name != "KAFKA_PASSWORD"]
    files = [environment_file(cluster.folder.path, user) for user in cluster.users]
    told = (
        "Each of these files sets them, the password included, for one user:"
        if cluster.plan.secure
        else "This file sets it:"
    )
    return "\n".join(
        [
            f"Running. {cluster.plan.nodes} nodes, data in {cluster.folder.path}. For clients:",
            *shown,
            told,
            *(f"  . {file}" for file in files),
        ]
    )
