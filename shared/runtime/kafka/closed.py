"""Writing to a connection that the broker has just dropped.

uvloop answers a write to a closed transport with a RuntimeError, where asyncio's own loop takes it and says
nothing; aiokafka expects an OSError. The difference shows for a few turns of the loop, between the reset of
a connection and the end of the task that reads it: what is sent in that moment ends, with an error that
nobody expects, the task that sent it. If that is the one that keeps the metadata, whoever asks for them waits
for ever: a broker's restart so silenced consumers for good. There is no hook for this; the method is replaced
(aiokafka is pinned, and a test drops a connection on uvloop).
"""

from __future__ import annotations

from typing import Any

from aiokafka.conn import AIOKafkaConnection, CloseReason
from aiokafka.errors import KafkaConnectionError, KafkaError

__all__ = ["install"]

_send = AIOKafkaConnection.send


def _send_or_close(self: AIOKafkaConnection, request: Any, expect_response: bool = True) -> Any:
    """Send; where the transport is closed, close the connection and say so as aiokafka does."""
    try:
        return _send(self, request, expect_response)
    except (KafkaError, NotImplementedError):  # the latter: no version that the broker understands
        raise
    except RuntimeError as error:
        self.close(reason=CloseReason.CONNECTION_BROKEN, exc=error)
        raise KafkaConnectionError(f"Connection at {self.host}:{self.port} broken") from error


def install() -> None:
    """Make every connection of this process notice. Repeating it changes nothing."""
    AIOKafkaConnection.send = _send_or_close
