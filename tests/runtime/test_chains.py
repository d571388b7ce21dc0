"""All chains of the archive in one pass over the database: the same as customer by customer, and no more."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.embedded.platform import Addresses
from services.console.checkpoints import check_archived
from services.console.reads import chains_of, story_of
from services.console.rules import link_id
from shared.runtime.mongo import MongoStore
from tests.runtime.support import settings_of
from tests.unit.console.filing import ASSIGNED, CUSTOMER, File, contact, new_signer

pytestmark = pytest.mark.kafka


async def test_chains_are_read_in_one_pass(servers: Addresses, tmp_path: Path) -> None:
    signer = new_signer(tmp_path)
    file = File(signer)
    file.say(ASSIGNED, contact(), *[ASSIGNED] * 35)
    count = file.archived.entries
    settings = settings_of(servers)
    store = MongoStore(settings)
    await store.start()
    try:
        await store.copy_links(
            "archive",
            {
                **{link_id(CUSTOMER, entry["number"]): entry for entry in reversed(file.entries)},
                link_id(CUSTOMER, count + 1): {**file.entries[-1], "number": count + 1},  # not counted yet
                "elsewhere": file.entries[3],  # where no entry may lie
                link_id("C2", 1): {**file.entries[0], "customer": "C2"},  # of somebody who is not asked for
                "discarded": {"kind": "discard", "document": CUSTOMER},
            },
        )
    finally:
        await store.close()
    found = await chains_of(settings, {CUSTOMER: file.archived, "nobody": file.archived})
    assert found["nobody"] == []
    chain = found[CUSTOMER]
    assert [entry["number"] for entry in chain] == [*range(1, count + 1)]
    assert [entry["hash"] for entry in chain] == [
        entry["hash"] for entry in await story_of(settings, CUSTOMER, file.archived)
    ]
    assert not any("data" in entry for entry in chain)
    assert check_archived(CUSTOMER, file.archived, chain, signer.trusted) is None
    assert check_archived(CUSTOMER, file.archived, chain[:-1], signer.trusted) is not None
