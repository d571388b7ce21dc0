"""Which services a command is about that is about all of them."""

from __future__ import annotations

from services.cli.catalogue import NAMES, load_at_work
from shared.runtime.memory_store import MemoryStore
from shared.runtime.settings import Settings


async def test_notice_is_at_work_where_it_has_read_anything_whoever_gives_the_command() -> None:
    settings, store = Settings.load(), MemoryStore()
    assert not settings.has_channels
    assert [service.name for service in await load_at_work(settings, store)] == list(NAMES)
    await store.raise_epoch("notice", [0])
    assert [service.name for service in await load_at_work(settings, store)] == [*NAMES, "notice"]


async def test_notice_is_at_work_where_a_way_out_is_set_before_it_has_read_anything() -> None:
    ways_out = {"webhook_url": "https://bank.example", "webhook_secret": "sixteen bytes or more"}
    words = {"portal": "p", "contact_line": "c", "opt_out_line": "o"}
    found = await load_at_work(Settings.load(**ways_out, **words), MemoryStore())
    assert [service.name for service in found] == [*NAMES, "notice"]
