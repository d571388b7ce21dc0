"""Messages that were read lately: where several services share a process, each is read once for all of them.

What a message says depends on the bytes of its record alone, and cannot be changed, so that whoever reads the
same bytes may be given the same message.
"""

from __future__ import annotations

from typing import Any, Final

from shared.contracts.cloudevents import decode
from shared.contracts.envelope import Envelope
from shared.runtime.bounded import Bounded
from shared.runtime.ports import Headers, Record

__all__ = ["Decoded"]

_OVERHEAD: Final = 200  # bytes that are counted for a message besides its value and headers


class Decoded:
    """Bounded by the bytes of the records whose messages are held; what was used longest ago goes first."""

    def __init__(self, most_bytes: int) -> None:
        self._held = Bounded[tuple[bytes | None, bytes | None, Headers], Envelope[Any]](most_bytes)

    def __len__(self) -> int:
        """Count the messages."""
        return len(self._held)

    def read(self, record: Record) -> Envelope[Any]:
        """Give the message of a record. Raises DecodeError, and nothing else; what is wrong is not held."""
        content = (record.key, record.value, record.headers)
        held = self._held.get(content)
        if held is not None:
            self._held.used(content)
            return held
        message = decode(*content)
        self._held.keep(content, message, _size(record.value, record.headers))
        return message


def _size(value: bytes | None, headers: Headers) -> int:
    return _OVERHEAD + len(value or b"") + sum(len(name) + len(content or b"") for name, content in headers)
