"""`parley prepare`: what services need is made once, said, and never changed."""

from __future__ import annotations

import json
import subprocess

import pytest

from deploy.embedded.platform import Addresses
from services.cli.catalogue import load_all
from shared.runtime.admin import create_topics, end_offsets, topics_of
from shared.runtime.mongo import MongoStore
from shared.runtime.settings import Settings
from tests.fault.house import WAIT_SECONDS, environment_on, parley
from tests.runtime.support import fresh, settings_of

pytestmark = pytest.mark.kafka


def prepare(settings: Settings, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a process, on the settings' servers, topics and database."""
    return subprocess.run(
        parley("prepare", *options),
        env=environment_on(settings),
        capture_output=True,
        text=True,
        timeout=WAIT_SECONDS,
        check=False,
    )


async def test_it_makes_what_is_missing_once_and_says_what_was_there(servers: Addresses) -> None:
    settings = settings_of(servers, prefix=fresh("p."), partitions=1)
    topics = topics_of(load_all())
    await create_topics(settings, ["bank.events"])

    first = prepare(settings, "--json")
    assert first.returncode == 0, first.stderr
    said = json.loads(first.stdout)
    assert said["topics"] == {topic: topic != "bank.events" for topic in topics}
    assert set(await end_offsets(settings, topics)) == {(topic, 0) for topic in topics}
    assert {"intake.cases.wake", "archive.parked.arrival", "telemetry.spans.trace"} <= set(said["indexes"])
    assert all(said["indexes"].values())

    store = MongoStore(settings)
    assert not any((await store.create_indexes("intake", workload=True)).values())
    await store.close()
    again = prepare(settings)
    assert again.returncode == 0, again.stderr
    assert again.stdout.splitlines() == [
        f"topics: 0 created, {len(topics)} there already",
        f"indexes: 0 created, {len(said['indexes'])} there already",
    ]


async def test_another_partition_count_is_refused_before_anything_is_made(servers: Addresses) -> None:
    settings = settings_of(servers, prefix=fresh("p."), partitions=1)
    await create_topics(settings, ["desk.events"])
    refused = prepare(settings.model_copy(update={"partitions": 2}))
    assert refused.returncode == 1
    assert f"topic {settings.prefix}desk.events has 1 partitions, PARLEY_PARTITIONS says 2" in refused.stderr
    assert set(await end_offsets(settings, topics_of(load_all()))) == {("desk.events", 0)}
