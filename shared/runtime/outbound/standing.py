"""Whether a message may still leave, read from notice's own document right before it does.

What notice has said since is on the topic, but the courier may not have read it yet, and after a restored
backup a message may be due that its sender no longer knows of. The document is what notice knows now.
"""

from __future__ import annotations

from typing import Any

from shared.contracts.envelope import Envelope
from shared.contracts.notice import NoticeDue
from shared.runtime.ports import Store

__all__ = ["is_still_due"]


async def is_still_due(store: Store, due: Envelope[NoticeDue]) -> bool:
    """Whether this attempt at the notice still stands. Raises UnavailableError."""
    case = due.subject or ""
    document = (await store.load_many("notice", [case])).get(case)
    state: dict[str, Any] = (document or {}).get("state") or {}
    return any(
        one["notice_id"] == due.data.notice_id and one["due"] and one["attempt"] == due.data.attempt
        for one in state.get("notices", ())
    )
