"""Replay and discard: choose, ask the rules, give the commands, and say what has come of each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from services.cli.dead.ids import plain, short
from shared.contracts.ops import Discard, Replay
from shared.runtime.inbound import Reason
from shared.runtime.operate import Command, Operator
from shared.runtime.parked import Held, held_document, held_documents
from shared.runtime.ports import Store

__all__ = ["Chosen", "Outcome", "choose", "chosen", "discard", "replay"]

_AT_ONCE: Final = 100  # documents that are commanded before their outcomes are reported


@dataclass(frozen=True, slots=True)
class Chosen:
    """A parked document that is to be replayed, and how many messages wait in it."""

    service: str
    document: str
    key: str
    reason: str
    cases: tuple[str, ...]
    waiting: int
    since: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What has come of a replay: `released`, `parked` (again, at a message or day, with why) or `refused`."""

    chosen: Chosen
    word: str
    decided: int = 0
    waiting: int = 0
    at: str = ""
    reason: str = ""

    @property
    def ok(self) -> bool:
        """Whether nothing waits in it any more."""
        return self.word == "released"

    def as_json(self) -> dict[str, Any]:
        """Give it for scripts."""
        return {
            "service": self.chosen.service,
            "document": self.chosen.document,
            "cases": list(self.chosen.cases),
            "outcome": self.word,
            "decided": self.decided,
            "waiting": self.waiting,
            "at": self.at or None,
            "reason": self.reason or None,
        }

    def line(self) -> str:
        """Say it."""
        where = f"{self.chosen.service} {plain(self.chosen.document, 64)}"
        if self.word == "released":
            return f"{where}: released, {self.decided} decided"
        if self.word == "refused":
            return f"{where}: refused: {plain(self.reason)}"
        at = (
            f"at {short(f'{self.chosen.service}/{plain(self.at)}')}"
            if "/" in self.at
            else f"at {plain(self.at)}"
        )
        return (
            f"{where}: parked again {at} ({plain(self.reason)}), {self.decided} decided, {self.waiting} wait"
        )


def chosen(held: Held) -> Chosen:
    """Keep what a replay has to know of a parked document."""
    waiting = len(held.messages)
    return Chosen(held.service, held.document, held.key, held.reason, held.cases, waiting, held.since)


async def choose(
    store: Store, services: Sequence[str], *, case: str | None = None, reason: str | None = None
) -> list[Chosen]:
    """Give the parked documents that fit, in the order of the flow, oldest first in each service.

    `case` is a case id or its beginning, or the customer's number.
    """
    found = []
    for service in services:
        of_service = [
            chosen(held)
            async for held in held_documents(store, service)
            if (reason is None or held.reason == reason) and (case is None or held.is_of(case))
        ]
        found += sorted(of_service, key=lambda one: one.since)
    return found


async def replay(
    operator: Operator,
    store: Store,
    documents: Sequence[Chosen],
    *,
    by: str,
    patience: float,
    on_outcome: Callable[[Outcome], None] = lambda _outcome: None,
    on_progress: Callable[[int], None] = lambda _obeyed: None,
) -> list[Outcome]:
    """Replay documents, each as often as its bound per command asks for; give what has come of each.

    Raises SilentError, UnavailableError.
    """
    outcomes: list[Outcome] = []
    for start in range(0, len(documents), _AT_ONCE):
        open_ = list(documents[start : start + _AT_ONCE])
        first = {(one.service, one.document): one for one in open_}
        while open_:
            done = len(outcomes)
            commands = [
                Command(one.key, Replay(service=one.service, document=one.document, by=by)) for one in open_
            ]
            refused = await operator.give(
                commands,
                patience=patience,
                on_progress=lambda count, done=done: on_progress(done + count),  # type: ignore[misc]
            )
            left = []
            for one, why in zip(open_, refused, strict=True):
                held = await held_document(store, one.service, one.document)
                if why is None and held is not None and held.reason == Reason.REPLAY_LIMIT:
                    left.append(replace(one, waiting=len(held.messages)))
                    continue
                outcome = _outcome(first[one.service, one.document], held, why)
                outcomes.append(outcome)
                on_outcome(outcome)
            open_ = left
    return outcomes


def _outcome(one: Chosen, held: Held | None, why: str | None) -> Outcome:
    if why is not None:
        return Outcome(one, "refused", waiting=len(held.messages) if held is not None else 0, reason=why)
    if held is None:
        return Outcome(one, "released", decided=one.waiting)
    # What has been parked since then waits as well, so this counts at least what was decided.
    decided = max(0, one.waiting - len(held.messages))
    return Outcome(one, "parked", decided, len(held.messages), held.at, held.reason)


async def discard(
    operator: Operator, held: Held, record: tuple[str, int, int], *, reason: str, by: str, patience: float
) -> str | None:
    """Discard one message; give why the service has refused it, or None. Raises as `replay` does."""
    topic, partition, offset = record
    data = Discard(
        service=held.service,
        document=held.document,
        topic=topic,
        partition=partition,
        offset=offset,
        reason=reason,
        by=by,
    )
    (why,) = await operator.give([Command(held.key, data)], patience=patience)
    return why
