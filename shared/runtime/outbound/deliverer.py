"""Delivers a message over one channel: tried again with back-off for as long as it may leave, once per id.

A server that is away, full or wrongly set up is nothing that the message can help: it is tried until its
time has passed. Only what the other side refuses for good is given up at once.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

from shared.runtime.outbound.message import Channel, Failure, Outgoing, Sent, UndeliverableError
from shared.runtime.ports import Clock, UnavailableError

__all__ = ["Deliverer", "MayLeave", "Tries"]

_LOG = logging.getLogger("parley.courier")

MayLeave = Callable[[], Awaitable[str | None]]
"""Asked before every attempt: None, or the code of why the message may not leave any more."""


@dataclass(frozen=True, slots=True)
class Tries:
    """How patiently, in seconds. ``at_once`` messages are handed over at the same time.

    ``remembered`` ids of sent messages are kept in memory.
    """

    backoff_first: float = 1.0
    backoff_most: float = 120.0
    at_once: int = 16
    remembered: int = 10_000

    def __post_init__(self) -> None:
        """Refuse what would never send."""
        if self.at_once < 1 or self.remembered < 1:
            raise ValueError("at_once and remembered must be at least 1")


class Deliverer:
    """Sends each message id once, as far as one process can know.

    After a restart, or where a server took a message and its answer was lost, the same id goes out again:
    the receiver tells by the id that stands in the message.
    """

    def __init__(self, channel: Channel, clock: Clock, tries: Tries | None = None) -> None:
        self._channel = channel
        self._clock = clock
        self._tries = tries or Tries()
        self._slots = asyncio.Semaphore(self._tries.at_once)
        self._sent: OrderedDict[str, None] = OrderedDict()
        self._under_way: dict[str, asyncio.Event] = {}
        self._away: tuple[str, float] | None = None  # why the other side takes nothing, and since when
        self._ended = asyncio.Event()

    @property
    def away(self) -> tuple[str, float] | None:
        """Why the other side takes no message, and for how many seconds; None while it takes them."""
        if self._away is None:
            return None
        why, since = self._away
        return why, self._clock.monotonic() - since

    def hurry(self) -> None:
        """Wake what waits for its next attempt: it is asked at once whether it may still leave."""
        self._ended.set()
        self._ended = asyncio.Event()

    async def deliver(self, outgoing: Outgoing, may_leave: MayLeave) -> Sent | Failure:
        """Send it, unless it was sent. Raises UnavailableError where `may_leave` does."""
        name = outgoing.message_id
        while name in self._under_way:
            await self._under_way[name].wait()
        if name in self._sent:
            return Sent(name, 0)
        done = self._under_way[name] = asyncio.Event()
        try:
            outcome = await self._try(outgoing, may_leave)
            if isinstance(outcome, Sent):
                self._remember(name)
            return outcome
        finally:
            del self._under_way[name]
            done.set()

    async def _try(self, outgoing: Outgoing, may_leave: MayLeave) -> Sent | Failure:
        attempt = 0
        while True:
            async with self._slots:
                # Asked with the slot in hand: waiting for one may take as long as a server is away.
                why_not = await may_leave()
                if why_not is not None:
                    return self._failure(outgoing, attempt, why_not)
                attempt += 1
                try:
                    await self._channel.send(outgoing)
                except UndeliverableError as error:
                    self._back()
                    return self._failure(outgoing, attempt, error.rule)
                except UnavailableError as error:
                    self._gone(str(error))
                else:
                    self._back()
                    return Sent(outgoing.message_id, attempt)
            await self._pause(attempt)

    async def _pause(self, attempt: int) -> None:
        most = min(self._tries.backoff_most, self._tries.backoff_first * 2 ** min(attempt - 1, 16))
        asleep = asyncio.ensure_future(self._clock.sleep(most * (0.5 + self._clock.jitter() / 2)))
        woken = asyncio.ensure_future(self._ended.wait())
        try:
            await asyncio.wait([asleep, woken], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in (asleep, woken):
                one.cancel()
                with suppress(asyncio.CancelledError):
                    await one

    def _gone(self, why: str) -> None:
        """Say it once for each cause: an operator has to see why nothing leaves."""
        before, since = self._away or ("", self._clock.monotonic())
        self._away = why, since
        if why != before:
            _LOG.warning("messages wait, %s takes none: %s", self._channel.name, why)

    def _back(self) -> None:
        if self._away is not None:
            self._away = None
            _LOG.warning("messages leave again by %s", self._channel.name)

    def _failure(self, outgoing: Outgoing, attempts: int, reason: str) -> Failure:
        return Failure(
            message_id=outgoing.message_id,
            kind=outgoing.kind,
            channel=self._channel.name,
            attempts=attempts,
            reason=reason,
            at=self._clock.now(),
        )

    def _remember(self, name: str) -> None:
        self._sent[name] = None
        if len(self._sent) > self._tries.remembered:
            self._sent.popitem(last=False)
