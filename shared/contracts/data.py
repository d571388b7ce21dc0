"""The data of a message: strict JSON, then its contract. What is wrong is said without any value."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any, Final

import orjson
from pydantic import ValidationError

from shared.contracts.base import Event
from shared.contracts.registry import EVENTS

__all__ = ["Violation", "read_event", "read_json"]

_MAX_INT: Final = 2**63 - 1


class Violation(Exception):  # noqa: N818 - becomes a DecodeError where the record is known
    """`field` breaks `rule`; neither holds a value of the message."""

    def __init__(self, field: str, rule: str) -> None:
        super().__init__(field, rule)
        self.field, self.rule = field, rule


def read_event(event: type[Event], value: bytes | None) -> Event:
    """Read a message's data by the rules of its contract. Raises Violation."""
    if not isinstance(read_json("value", value), dict):
        raise Violation("value", "must be a JSON object")
    try:
        # Strict: what the schema calls a date is no number, what it calls a number is no string.
        return event.model_validate_json(value or b"", strict=True)
    except ValidationError as error:
        raise Violation(*_explain(error)) from None
    except OverflowError:
        raise Violation("data", "has an amount that does not fit in 64 bits of minor units") from None
    except (ValueError, RecursionError):
        raise Violation("data", "cannot be read") from None


def read_json(name: str, value: bytes | None) -> Any:
    """Read strict JSON (RFC 8259): UTF-8, no NaN, bounded depth, no key twice, integers within 64 bits.

    Raises Violation, which calls the text `name`.
    """
    if value is None:
        raise Violation(name, "is null (a tombstone): a message always has a value")
    if not value:
        raise Violation(name, "is empty")
    try:
        read = orjson.loads(value)
    except (orjson.JSONDecodeError, RecursionError):
        raise Violation(name, "is not JSON in UTF-8") from None
    try:
        # What writes back to the same bytes has no key twice and no number that Python reads differently.
        if orjson.dumps(read, option=orjson.OPT_STRICT_INTEGER) == value:
            return read
    except orjson.JSONEncodeError:
        pass
    try:
        json.loads(value, object_pairs_hook=_pairs, parse_int=_integer)
    except _Twice:
        raise Violation(name, "has a key twice in one object") from None
    except _TooBig:
        raise Violation(name, "has a whole number beyond 64 bits") from None
    except RecursionError:
        raise Violation(name, "is nested too deeply") from None
    except ValueError:
        raise Violation(name, "is not JSON in UTF-8") from None
    return read


class _Twice(Exception):  # noqa: N818 - a signal inside this module
    pass


class _TooBig(Exception):  # noqa: N818
    pass


def _pairs(pairs: list[tuple[str, Any]]) -> None:
    if len({name for name, _ in pairs}) != len(pairs):
        raise _Twice


def _integer(text: str) -> int:
    if len(text) > 20 or not -_MAX_INT <= (number := int(text)) <= _MAX_INT:
        raise _TooBig
    return number


def _explain(error: ValidationError) -> tuple[str, str]:
    """Give the first field that is wrong, and its rule, without any value."""
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    first = problems[0]
    if first["type"] == "json_invalid":
        return "value", "is not JSON in UTF-8, or is nested too deeply"
    known = _field_names()
    path = ["*" if isinstance(p, str) and p not in known else str(p) for p in first["loc"]]
    rule = first["msg"].removeprefix("Value error, ")
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    begins = rule if rule[:2].isupper() else rule[:1].lower() + rule[1:]  # a code, such as CNY, stays one
    return ".".join(["data", *path]), begins + more


@lru_cache(maxsize=1)
def _field_names() -> frozenset[str]:
    """Every field name of every message: a path part that is none of them was the sender's own word."""
    names = {"amount", "currency"}
    for event in EVENTS.values():
        schema = event.model_json_schema()
        for part in (schema, *schema.get("$defs", {}).values()):
            names |= part.get("properties", {}).keys()
    return frozenset(names)
