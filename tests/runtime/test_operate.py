"""Commands where nobody obeys: they are refused before they are published, or no answer is waited for."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from deploy.embedded.platform import Addresses, run_blocking
from services.cli.catalogue import load
from services.cli.main import app
from shared.contracts.ops import Replay
from shared.runtime.admin import prepare, scan
from shared.runtime.document import Case, Park
from shared.runtime.mongo import MongoStore
from shared.runtime.operate import Command, Operator, SilentError
from shared.runtime.publish import EventPublisher
from shared.runtime.settings import Settings
from tests.runtime.support import fresh, settings_of

pytestmark = pytest.mark.kafka

CUSTOMER = "C-1"


async def with_a_parked_customer(settings: Settings) -> None:
    """Topics, and a customer whom intake has parked; no service runs."""
    intake = load("intake")
    await prepare(settings, [intake])
    store = MongoStore(settings)
    case = Case(CUSTOMER, 0, CUSTOMER, park=Park("undecodable", "bank.events/0/0"))
    assert await store.replace_many("intake", [case.dump(intake, 1)]) == set()
    await store.close()


async def commands(settings: Settings) -> int:
    return len([record async for record in scan(settings, "ops.commands")])


def test_nothing_is_published_where_nobody_would_obey(
    servers: Addresses, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_of(servers, prefix=fresh("o."))
    run_blocking(with_a_parked_customer(settings))
    for name in ("kafka_bootstrap", "database", "prefix", "partitions"):
        monkeypatch.setenv(Settings.variable(name), str(getattr(settings, name)))
    monkeypatch.setenv("MONGODB_URI", servers.mongodb_uri)
    said = CliRunner().invoke(app, ["dead", "replay", "--all", "--dry-run"])
    assert (said.exit_code, said.output.splitlines()[0]) == (0, "intake C-1: 0 wait (undecodable)")
    said = CliRunner().invoke(app, ["dead", "replay", "--all", "--yes"])
    assert said.exit_code == 1
    assert "No replica of intake is running" in said.output
    assert "parley up" in said.output
    assert run_blocking(commands(settings)) == 0


async def test_a_service_that_does_not_answer_is_named_and_the_command_stands(servers: Addresses) -> None:
    settings = settings_of(servers, prefix=fresh("o."))
    await with_a_parked_customer(settings)
    store = MongoStore(settings)
    told: list[int] = []
    async with EventPublisher(settings) as publisher:
        operator = Operator(settings, store, publisher)
        assert await operator.absent(["intake"]) == ["intake"]
        given = [Command(CUSTOMER, Replay(service="intake", document=CUSTOMER, by="ann"))]
        with pytest.raises(SilentError) as caught:
            await operator.give(given, patience=0.3, on_progress=told.append)
    await store.close()
    assert caught.value.services == ("intake",)
    assert set(told) == {0}
    assert await commands(settings) == 1
