"""Delivers a message over one channel: tried again with back-off, given up with a record, once per id."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass

from shared.runtime.outbound.message import Channel, Failure, FailureSink, Outgoing, Sent, UndeliverableError
from shared.runtime.ports import Clock, UnavailableError

__all__ = ["Deliverer", "Tries"]


@dataclass(frozen=True, slots=True)
class Tries:
    """How often and how patiently; seconds. ``remembered`` ids of sent messages are kept in memory."""

    attempts: int = 6
    backoff_first: float = 1.0
    backoff_most: float = 120.0
    remembered: int = 10_000

    def __post_init__(self) -> None:
        """Refuse what would never try."""
        if self.attempts < 1 or self.remembered < 1:
            raise ValueError("attempts and remembered must be at least 1")


class Deliverer:
    """Sends each message id once, as far as one process can know.

    After a restart, or where a server took a message and its answer was lost, the same id goes out again:
    the receiver tells by the id that stands in the message.
    """

    def __init__(
        self, channel: Channel, clock: Clock, failures: FailureSink, tries: Tries | None = None
    ) -> None:
        self._channel = channel
        self._clock = clock
        self._failures = failures
        self._tries = tries or Tries()
        self._sent: OrderedDict[str, None] = OrderedDict()
        self._under_way: dict[str, asyncio.Event] = {}

    async def deliver(self, outgoing: Outgoing) -> Sent | Failure:
        """Send it, unless it was sent. A failure was recorded before it is returned, and may be retried."""
        name = outgoing.message_id
        while name in self._under_way:
            await self._under_way[name].wait()
        if name in self._sent:
            return Sent(name, 0)
        done = self._under_way[name] = asyncio.Event()
        try:
            outcome = await self._try(outgoing)
            if isinstance(outcome, Failure):
                await self._failures.failed(outcome)
            else:
                self._remember(name)
            return outcome
        finally:
            del self._under_way[name]
            done.set()

    async def _try(self, outgoing: Outgoing) -> Sent | Failure:
        reason = ""
        for attempt in range(1, self._tries.attempts + 1):
            try:
                await self._channel.send(outgoing)
            except UndeliverableError as error:
                return self._failure(outgoing, attempt, error.rule)
            except UnavailableError as error:
                reason = str(error)
            else:
                return Sent(outgoing.message_id, attempt)
            if attempt < self._tries.attempts:
                await self._pause(attempt)
        return self._failure(outgoing, self._tries.attempts, reason)

    async def _pause(self, attempt: int) -> None:
        most = min(self._tries.backoff_most, self._tries.backoff_first * 2 ** min(attempt - 1, 16))
        await self._clock.sleep(most * (0.5 + self._clock.jitter() / 2))

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
