"""The one way in which a value is written, and read, where bytes are hashed or signed.

RFC 8785 for the values that messages have: sorted keys, no blanks, UTF-8, whole numbers of any size.
"""

import json
from typing import Any

import orjson

__all__ = ["canonical", "exact", "parsed"]

_OPTIONS = orjson.OPT_SORT_KEYS | orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS

_PLAIN = frozenset({str, int, bool, type(None)})


def canonical(value: Any) -> bytes:
    """Give the canonical JSON of a value. Raises TypeError or ValueError for what JSON cannot say."""
    try:
        return orjson.dumps(value, option=_OPTIONS)
    except TypeError:
        # Whole numbers beyond 64 bits: slower, and the same bytes for everything else.
        text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        return text.encode()


def exact(value: Any) -> bytes:
    """Give the canonical JSON of a value that has no float, or raise TypeError: programs write them apart."""
    _refuse_floats(value)
    return canonical(value)


def parsed(raw: bytes | str) -> Any:
    """Read JSON with whole numbers of any size as they are. Raises ValueError for what is no JSON."""
    try:
        return json.loads(raw)
    except RecursionError:
        raise ValueError("nested too deep") from None


def _refuse_floats(value: Any) -> None:
    """Look into every container; what is plainly none, nor a float, is not even visited."""
    todo = [value]
    while todo:
        one = todo.pop()
        if isinstance(one, float):
            raise TypeError("a float has no place in what is signed")
        if isinstance(one, dict):
            todo += [item for item in one.values() if type(item) not in _PLAIN]
        elif isinstance(one, list | tuple):
            todo += [item for item in one if type(item) not in _PLAIN]
