"""Before the archive files anything: the house's master key is the one that everything was filed with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Final

from services.console.reads import archived_customers, story_of
from services.console.reference import ArchiveKeys
from services.console.sealed import sealed_by
from shared.crypto.sealing import PersonKey
from shared.runtime.mongo import MongoStore
from shared.runtime.ports import FatalError
from shared.runtime.settings import Settings

__all__ = ["master_key_fits"]

_LOOKED_AT: Final = 20  # customers


def master_key_fits(keys: ArchiveKeys) -> Callable[[Settings], Awaitable[None]]:
    """Give what asks, at the start of a replica, whether `keys` are the house's.

    It raises FatalError where they open the files of fewer people than they do not. What is filed under
    another master key can be read by nobody who has the right one, and evidence about that person is refused
    for good; where that has happened to some, the right one still begins.
    """

    async def ask(settings: Settings) -> None:
        found: list[bool] = []
        async for customer, archived in archived_customers(settings):
            if archived.erased:
                continue
            row = await _secret_of(settings, customer)
            if row is None:
                continue
            person = PersonKey.derive(row["salt"], keys.master, customer)
            opens = _opens(await story_of(settings, customer, archived), person)
            found += [] if opens is None else [opens]
            if len(found) == _LOOKED_AT:
                break
        if found.count(True) < found.count(False):
            which = "is not the key" if keys.master else "is not set, and there is a key"
            raise FatalError(
                f"PARLEY_MASTER_KEY: {which} that the archive was filed with; every replica has that one",
                "parley run archive",
            )

    return ask


def _opens(entries: Iterable[Mapping[str, Any]], person: PersonKey) -> bool | None:
    """Whether the first that was sealed of a person was sealed under this key; None where nothing was."""
    kids = (kid for entry in entries for kid in sealed_by(entry))
    return next((kid == person.kid for kid in kids), None)


async def _secret_of(settings: Settings, customer: str) -> Mapping[str, Any] | None:
    store = MongoStore(settings)
    await store.start()
    try:
        return (await store.kept_secrets("archive", [customer])).get(customer)
    finally:
        await store.close()
