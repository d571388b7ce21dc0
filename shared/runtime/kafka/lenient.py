"""Reading records whose header names are not UTF-8.

Kafka's protocol says that they are, and no broker checks it: a producer in C can write any bytes. aiokafka
then fails in the middle of the batch, on every attempt, and the partition stands still for ever: one bad
message would cost far more than its case. So batches that its reader refuses are read again by its slower
one, with such names escaped as Python's `backslashreplace` does. There is no hook for this; the one name
that the fetcher takes its reader from is replaced (aiokafka is pinned, and a test sends such a record).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from aiokafka.consumer import fetcher
from aiokafka.record.default_records import DefaultRecordBatch, _DefaultRecordBatchPy
from aiokafka.record.memory_records import _MemoryRecordsPy

__all__ = ["install"]

_MAGIC_BYTE = 16
_HEADERS_SINCE = 2  # the message format that has headers


class _Escaping(bytearray):
    """Bytes whose slices decode to text whatever they hold."""

    def __getitem__(self, at: Any) -> Any:
        found = super().__getitem__(at)
        return _Escaping(found) if isinstance(at, slice) else found

    def decode(self, encoding: str = "utf-8", errors: str = "backslashreplace") -> str:
        return super().decode(encoding, errors)


class _SlowBatch(_DefaultRecordBatchPy):  # type: ignore[misc]
    """aiokafka's own reader in Python, on bytes that decode leniently."""

    _buffer: bytearray

    def _maybe_uncompress(self) -> None:
        super()._maybe_uncompress()
        if not isinstance(self._buffer, _Escaping):
            self._buffer = _Escaping(self._buffer)


class _Batch:
    """A batch as the fetcher uses it: the quick reader, and the slow one where that fails."""

    def __init__(self, data: memoryview) -> None:
        self._data = data
        self._quick = DefaultRecordBatch(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._quick, name)

    def __next__(self) -> Any:
        return next(self._quick)

    def __iter__(self) -> Iterator[Any]:
        try:
            return iter(list(self._quick))
        except UnicodeDecodeError:
            return iter(_SlowBatch(self._data))


class _Records(_MemoryRecordsPy):  # type: ignore[misc]
    """All batches of one fetch of one partition."""

    def next_batch(self) -> Any:
        data = self._next_slice
        if data is None or len(data) <= _MAGIC_BYTE or data[_MAGIC_BYTE] < _HEADERS_SINCE:
            return super().next_batch()
        self._cache_next()
        return _Batch(data)


def install() -> None:
    """Make every consumer of this process read leniently. Repeating it changes nothing."""
    if not hasattr(fetcher, "MemoryRecords"):
        raise ImportError("aiokafka's fetcher has changed: adapt shared/runtime/kafka/lenient.py")
    fetcher.MemoryRecords = _Records
