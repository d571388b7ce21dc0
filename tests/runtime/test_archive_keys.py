"""The archive on its engine: sealed before it is stored; an erasure is carried out whatever breaks."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import bson
import pytest

from services.cli.catalogue import load
from services.console.model import ArchivedCustomer
from services.console.reads import open_entries
from services.console.reference import ArchiveKeys
from services.console.rules import link_id
from services.console.story import verify
from shared.contracts.cloudevents import encode
from shared.contracts.envelope import Envelope
from shared.contracts.ops import ErasePerson, HoldAction, LegalHold
from shared.crypto.sealing import PersonKey
from shared.runtime.memory import MemoryLog
from shared.runtime.memory_store import MemoryStore
from shared.runtime.ports import Outgoing
from shared.runtime.simulation.loop import run_virtual
from tests.runtime.rig import ANN, ANNS, Rig
from tests.unit.console.filing import WORDS, contact

MASTER = b"m" * 32
ARCHIVE = load("archive", keys=ArchiveKeys(None, MASTER))
LATER = datetime(2040, 1, 1, tzinfo=UTC)


class Broken(Exception):  # noqa: N818 - the process ends here
    pass


class Failing(MemoryStore):
    """A store whose process dies at its first erasure, before or after it is done."""

    def __init__(self, *, after: bool) -> None:
        super().__init__()
        self.dies, self._after = True, after

    async def destroy_secrets(self, service: str, upto: Mapping[str, str]) -> None:
        if self.dies and not self._after:
            self.dies = False
            raise Broken
        await super().destroy_secrets(service, upto)
        if self.dies:
            self.dies = False
            raise Broken


def house(store: MemoryStore | None = None) -> Rig:
    rig = Rig(names=())
    if store is not None:
        rig.store = store
    rig.start("archive", ARCHIVE)
    return rig


def live(story: Callable[[], Coroutine[Any, Any, None]]) -> None:
    run_virtual(story())


def order(rig: Rig, data: LegalHold | ErasePerson, *, at: datetime = LATER, key: str = ANN) -> None:
    rig._count += 1
    k, value, headers = encode(Envelope(f"cmd{rig._count}", "/ops", at, key, data))
    rig.log.append(Outgoing("ops.commands", k, value, tuple(headers)))


ERASE = ErasePerson(document=ANN, reason="asked for by the person", by="ann")


def stored(store: MemoryStore) -> bytes:
    parts = [*store.documents("archive").values(), *store.all_links("archive").values()]
    return b"".join(bson.encode(part) for part in parts)


async def chain(store: MemoryStore) -> tuple[ArchivedCustomer, list[dict[str, Any]]]:
    archived = ArchivedCustomer.model_validate(store.documents("archive")[ANN]["state"])
    ids = [link_id(ANN, number) for number in range(1, archived.entries + 1)]
    links = await store.links("archive", ids)
    entries = [links[each] for each in ids]
    assert verify(entries, archived.head) is None
    return archived, entries


async def key_of(store: MemoryStore) -> PersonKey:
    row = (await store.secrets("archive", [ANN]))[ANN]
    return PersonKey.derive(row["salt"], MASTER, ANN)


def test_nothing_personal_is_stored_in_the_clear_and_the_key_opens_it() -> None:
    async def story() -> None:
        rig = house()
        rig.say(contact())
        await rig.settle()
        rig.say(contact("a second time"))
        await rig.settle()
        assert WORDS.encode() not in stored(rig.store)
        _, entries = await chain(rig.store)
        read = open_entries(entries, await key_of(rig.store))
        assert [one["data"]["key_points"]["value"] for one in read] == [WORDS, "a second time"]
        await rig.stop()

    live(story)


@pytest.mark.parametrize("after", [False, True])
def test_an_erasure_is_carried_out_once_though_the_process_dies_over_it(after: bool) -> None:
    async def story() -> None:
        rig = house(Failing(after=after))
        rig.say(contact())
        await rig.settle()
        key = await key_of(rig.store)
        order(rig, ERASE)
        with pytest.raises(Broken):
            await rig.settle()
        rig.engines, rig.tasks = [], []
        rig.start("archive", ARCHIVE)
        await rig.settle()
        archived, entries = await chain(rig.store)
        row = (await rig.store.secrets("archive", [ANN]))[ANN]
        assert row["erased"] == archived.erased != ""
        assert len(entries) == 2
        assert (await key_of(rig.store)).kid != key.kid
        assert open_entries(entries, await key_of(rig.store)) == entries, "nobody can read it any more"
        rig.say(contact("back again"), LATER.date().replace(year=2041))
        await rig.settle()
        _, entries = await chain(rig.store)
        read = open_entries(entries, await key_of(rig.store))
        assert read[-1]["data"]["key_points"]["value"] == "back again"
        await rig.stop()

    live(story)


def test_a_hold_refuses_it_and_the_secret_stays() -> None:
    async def story() -> None:
        rig = house()
        rig.say(contact())
        order(rig, LegalHold(document=ANN, case=ANNS, action=HoldAction.SET, reason="a law suit"))
        await rig.settle()
        key = await key_of(rig.store)
        order(rig, ERASE)
        await rig.settle()
        archived, entries = await chain(rig.store)
        assert entries[-1]["refused"]["code"] == "kept_by_hold"
        assert (archived.erased, (await key_of(rig.store)).kid) == ("", key.kid)
        await rig.stop()

    live(story)


def test_a_rebuild_does_not_bring_back_what_was_erased() -> None:
    async def story() -> None:
        rig = house()
        rig.say(contact())
        await rig.settle()
        order(rig, ERASE)
        await rig.settle()
        await rig.stop()
        again = Rig(names=())
        again.log = _unread(rig.log)
        again.store._secrets = rig.store._secrets  # what a rebuild keeps
        again.start("archive", ARCHIVE)
        await again.settle()
        archived, entries = await chain(again.store)
        points = [one["data"]["key_points"] for one in entries if "key_points" in one["data"]]
        assert points == [{"alg": "erased", "kid": None, "value": None}]
        assert archived.erased != ""
        assert WORDS.encode() not in stored(again.store)
        await again.stop()

    live(story)


def _unread(log: MemoryLog) -> MemoryLog:
    """The same topics, of which no group has read anything."""
    fresh = MemoryLog(1, max_bytes=20_000)
    for topic in ("desk.events", "ops.commands"):
        for record in log.topic(topic):
            fresh.append(Outgoing(topic, record.key or b"", record.value or b"", record.headers))
    return fresh


@pytest.mark.parametrize(
    "data",
    [
        ErasePerson(document="somebody-else", reason="a slip"),
        ErasePerson(document=ANN, service="intake", reason="a slip"),
    ],
)
def test_a_command_for_somebody_else_or_another_service_does_nothing(data: ErasePerson) -> None:
    async def story() -> None:
        rig = house()
        rig.say(contact())
        order(rig, data)
        await rig.settle()
        archived, entries = await chain(rig.store)
        assert (len(entries), archived.erased) == (1, "")
        await rig.stop()

    live(story)


def test_what_was_parked_is_sealed_when_it_is_replayed() -> None:
    class Fails:
        """The archive's decider, which fails until it is mended."""

        mended = False

        def __getattr__(self, name: str) -> Any:
            return getattr(ARCHIVE.decider, name)

        def decide(self, *given: Any) -> Any:
            if not self.mended:
                raise RuntimeError
            return ARCHIVE.decider.decide(*given)

    async def story() -> None:
        decider = Fails()
        rig = Rig(names=())
        rig.start("archive", replace(ARCHIVE, decider=decider))
        rig.say(contact())
        await rig.settle()
        assert rig.reasons("archive") == ["decider-failed"]
        decider.mended = True
        rig.replay("archive", ANN)
        await rig.settle()
        assert rig.document("archive", ANN)["park"] is None
        _, entries = await chain(rig.store)
        read = open_entries(entries, await key_of(rig.store))
        assert read[0]["data"]["key_points"]["value"] == WORDS
        await rig.stop()

    live(story)


class Asked(MemoryStore):
    """Notes whose secrets are asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[list[str]] = []

    async def secrets(self, service: str, ids: Any) -> Any:
        self.asked.append(sorted(ids))
        return await super().secrets(service, ids)


def test_a_secret_is_asked_for_once_and_only_by_what_is_sealed_with_it() -> None:
    async def story() -> None:
        store = Asked()
        rig = house(store)
        order(
            rig,
            LegalHold(document="C-bob", case=ANNS, action=HoldAction.SET, reason="a law suit"),
            key="C-bob",
        )
        await rig.settle()
        assert store.asked == []
        for words in ("one", "two"):
            rig.say(contact(words))
            await rig.settle()
        rig.say(contact("three"))
        rig.say(contact("of bob"), key="C-bob")
        await rig.settle()
        assert store.asked == [[ANN], ["C-bob"]]
        record = rig.log.topic("desk.events")[0]
        headers = tuple((name, b"new" if name == "ce_id" else content) for name, content in record.headers)
        rig.log.append(Outgoing("desk.events", record.key or b"", b"{", headers))
        await rig.settle()
        assert rig.reasons("archive") == ["undecodable"]
        assert len(store.asked) == 2
        await rig.stop()

    live(story)


def test_of_two_erasures_in_one_batch_the_later_one_counts() -> None:
    async def story() -> None:
        rig = Rig(names=())
        rig.say(contact())
        for year in (2040, 2041):
            order(rig, ERASE, at=LATER.replace(year=year))
        rig.start("archive", ARCHIVE)
        await rig.settle()
        archived, _ = await chain(rig.store)
        row = (await rig.store.secrets("archive", [ANN]))[ANN]
        assert row["erased"] == archived.erased
        assert archived.erased.startswith("2041")
        await rig.stop()

    live(story)


def test_what_comes_after_an_erasure_is_sealed_with_another_key_though_the_old_one_was_at_hand() -> None:
    async def story() -> None:
        rig = house()
        rig.say(contact())
        await rig.settle()
        order(rig, ERASE)
        await rig.settle()
        rig.say(contact("back again"), LATER.date().replace(year=2041))
        await rig.settle()
        _, entries = await chain(rig.store)
        read = open_entries(entries, await key_of(rig.store))
        assert read[-1]["data"]["key_points"]["value"] == "back again"
        await rig.stop()

    live(story)
