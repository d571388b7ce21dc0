"""A replica of the archive with another master key does not start: nobody could read what it files."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from services.cli.catalogue import load
from services.console import starting
from services.console.model import ArchivedCustomer
from services.console.reference import ArchiveKeys
from services.console.starting import master_key_fits
from shared.contracts.assessment import StatementRequested
from shared.runtime.ports import FatalError
from shared.runtime.settings import Settings
from tests.unit.builders import DAY
from tests.unit.cli.test_papers import OVERDUE
from tests.unit.console.filing import CUSTOMER, MASTER, File

PLAIN = StatementRequested(missing=("income",), due=DAY)


def filed(*events: Any) -> File:
    file = File()
    file.say(*events)
    return file


async def asked(monkeypatch: pytest.MonkeyPatch, keys: ArchiveKeys, *files: File) -> None:
    there = dict(enumerate(files))

    async def customers(_: Settings) -> AsyncIterator[tuple[str, ArchivedCustomer]]:
        for number, file in there.items():
            yield str(number), file.archived

    async def story(_: Settings, customer: str, __: ArchivedCustomer) -> list[dict[str, Any]]:
        return there[int(customer)].entries

    async def secret(_: Settings, customer: str) -> dict[str, Any]:
        return there[int(customer)].row

    monkeypatch.setattr(starting, "archived_customers", customers)
    monkeypatch.setattr(starting, "story_of", story)
    monkeypatch.setattr(starting, "_secret_of", secret)
    derive = starting.PersonKey.derive
    monkeypatch.setattr(starting.PersonKey, "derive", lambda salt, key, _: derive(salt, key, CUSTOMER))
    await master_key_fits(keys)(Settings.model_construct())


@pytest.mark.parametrize(("wrong", "said"), [(b"", "is not set"), (b"x" * 32, "is not the key")])
async def test_another_master_key_or_none_is_refused(
    monkeypatch: pytest.MonkeyPatch, wrong: bytes, said: str
) -> None:
    with pytest.raises(FatalError, match=f"PARLEY_MASTER_KEY: {said}"):
        await asked(monkeypatch, ArchiveKeys(None, wrong), filed(PLAIN), filed(OVERDUE))


async def test_the_houses_own_is_not_though_some_was_filed_under_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    other = filed(OVERDUE)
    other.row = {**other.row, "salt": b"y" * 32}
    await asked(monkeypatch, ArchiveKeys(None, MASTER), other, filed(OVERDUE))
    with pytest.raises(FatalError):
        await asked(monkeypatch, ArchiveKeys(None, MASTER), other, filed(OVERDUE), other)


async def test_where_nothing_is_sealed_any_key_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    await asked(monkeypatch, ArchiveKeys(None, b""))
    await asked(monkeypatch, ArchiveKeys(None, b""), filed(PLAIN))


def test_the_archive_alone_asks() -> None:
    assert load("archive").starts is not None
    assert load("offer").starts is None
