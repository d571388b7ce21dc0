"""Asking a client, and saying as the port does why there is no answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final, TypeVar

from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError

from shared.runtime.kafka.refusals import Operation, diagnose, probe
from shared.runtime.ports import BrokenError, NotOwnerError, UnavailableError
from shared.runtime.settings import Settings

__all__ = ["Asking"]

T = TypeVar("T")
_UNANSWERED: Final = 3  # questions in a row, each for PARLEY_ACK_SECONDS, while the broker can be reached


class Asking:
    """The questions to one client of `group`.

    A client that leaves several in a row unanswered, though the broker can be reached, is broken, whatever
    its tasks look like.
    """

    def __init__(self, settings: Settings, group: str) -> None:
        self._settings = settings
        self._group = group
        self._unanswered = 0

    def begin(self) -> None:
        """Forget what the client before did not answer."""
        self._unanswered = 0

    async def ask(
        self,
        doing: str,
        question: Callable[[], Awaitable[T]],
        needs: Operation = "Read",
        *,
        counts: bool = True,
    ) -> T:
        """Give the client's answer.

        Raises NotOwnerError where the group has gone on without this member, UnavailableError, FatalError,
        and BrokenError; the last only if the question `counts`: that of a mere onlooker breaks nothing.
        """
        try:
            async with asyncio.timeout(self._settings.ack_seconds):
                answer = await question()
        except (CommitFailedError, IllegalStateError) as error:
            raise NotOwnerError(f"the group {self._group} has gone on without this member") from error
        except TimeoutError as error:
            if counts:
                await self._count(doing, error)
            raise await diagnose(self._settings, error, doing, needs) from error
        except (KafkaError, OSError) as error:
            raise await diagnose(self._settings, error, doing, needs) from error
        if counts:
            self._unanswered = 0
        return answer

    async def _count(self, doing: str, error: TimeoutError) -> None:
        with suppress(UnavailableError):
            await probe(self._settings)
            self._unanswered += 1
        if self._unanswered >= _UNANSWERED:
            raise BrokenError(f"the Kafka client of {self._group} does not {doing}") from error
