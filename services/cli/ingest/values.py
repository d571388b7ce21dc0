"""The values of a mapping: how one field of a message is made from a row.

A value is a constant, a list, a table of values, or an *operator*: a table whose first key is one of
`column`, `text`, `integer`, `decimal`, `money`, `date`, `flag`, `map`, `pick`, `digits`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from services.cli.ingest.errors import MappingError, RowError
from services.cli.ingest.expressions import Expression, Style, compile_expression, empty
from shared.lending.money import Money, Rounding

__all__ = ["OPERATORS", "Value", "compile_value"]

Row = Mapping[str, Any]
_PLACE: Final = re.compile(r"\{([^{}]+)\}")

OPERATORS: Final[dict[str, frozenset[str]]] = {
    "column": frozenset({"default"}),
    "text": frozenset(),
    "integer": frozenset({"rounding"}),
    "decimal": frozenset({"digits", "rounding"}),
    "money": frozenset({"currency", "rounding"}),
    "date": frozenset({"format", "plus_days", "plus_months", "default"}),
    "flag": frozenset(),
    "map": frozenset({"of", "default"}),
    "pick": frozenset({"by"}),
    "digits": frozenset({"by"}),
}
"""Every operator with the options it takes."""


@dataclass(frozen=True, slots=True)
class Value:
    """A compiled value: the names it reads, and how to make it. `make` gives None for what is left out."""

    names: frozenset[str]
    make: Callable[[Row], Any]


def compile_value(spec: Any, where: str, style: Style) -> Value:
    """Compile the value at the key `where`. Raises MappingError."""
    if isinstance(spec, list):
        items = [compile_value(item, f"{where}[{at}]", style) for at, item in enumerate(spec)]
        return Value(_union(items), lambda row: [item.make(row) for item in items])
    if isinstance(spec, dict):
        operator = next((key for key in spec if key in OPERATORS and not isinstance(spec[key], dict)), None)
        if "map" in spec and "of" in spec:
            operator = "map"
        if operator is None:
            return _table(spec, where, style)
        unknown = spec.keys() - {operator} - OPERATORS[operator]
        if unknown:
            raise MappingError(f"{where}: {operator} does not take {', '.join(sorted(unknown))}")
        return _MAKERS[operator](spec, where, style)
    if isinstance(spec, datetime) or not isinstance(spec, str | int | float | bool | date):
        raise MappingError(f"{where}: is not a value that a message can have")
    constant = spec.isoformat() if isinstance(spec, date) else str(spec) if isinstance(spec, float) else spec
    return Value(frozenset(), lambda _row: constant)


def _union(values: list[Value]) -> frozenset[str]:
    return frozenset().union(*(value.names for value in values))


def _table(spec: dict[str, Any], where: str, style: Style) -> Value:
    parts = {name: compile_value(part, f"{where}.{name}", style) for name, part in spec.items()}

    def make(row: Row) -> dict[str, Any]:
        made = {name: part.make(row) for name, part in parts.items()}
        return {name: value for name, value in made.items() if value is not None}

    return Value(_union(list(parts.values())), make)


def _string(spec: dict[str, Any], key: str, where: str) -> str:
    value = spec.get(key)
    if not isinstance(value, str) or not value:
        raise MappingError(f"{where}.{key}: must be a text")
    return value


def _rounding(spec: dict[str, Any], where: str) -> Rounding | None:
    if "rounding" not in spec:
        return None
    try:
        return Rounding(spec["rounding"])
    except ValueError:
        raise MappingError(f"{where}.rounding: must be one of {', '.join(Rounding)}") from None


def _numeric(spec: dict[str, Any], key: str, where: str, style: Style) -> Expression:
    given = spec[key]
    text = str(given) if isinstance(given, int) and not isinstance(given, bool) else given
    if not isinstance(text, str) or not text:
        raise MappingError(f"{where}.{key}: must be an expression")
    return compile_expression(text, where, style)


def _column(spec: dict[str, Any], where: str, _style: Style) -> Value:
    name, default = _string(spec, "column", where), spec.get("default")

    def make(row: Row) -> Any:
        value = row.get(name)
        if empty(value):
            return default
        return value.isoformat() if isinstance(value, date) else str(value).strip()

    return Value(frozenset({name}), make)


def _text(spec: dict[str, Any], where: str, _style: Style) -> Value:
    template = _string(spec, "text", where)
    names = frozenset(_PLACE.findall(template))
    if not names and ("{" in template or "}" in template):
        raise MappingError(f"{where}.text: has a brace without its partner")

    def place(row: Row, name: str) -> str:
        value = row.get(name)
        if empty(value):
            raise RowError(name, "is empty")
        return value.isoformat() if isinstance(value, date) else str(value).strip()

    return Value(names, lambda row: _PLACE.sub(lambda match: place(row, match[1]), template))


def _integer(spec: dict[str, Any], where: str, style: Style) -> Value:
    expression, rounding = _numeric(spec, "integer", where, style), _rounding(spec, where)

    def make(row: Row) -> int:
        number = expression.number(row)
        whole = number.to_integral_value(rounding=rounding.mode if rounding else None)
        if rounding is None and whole != number:
            raise RowError(where, "is not a whole number (the mapping may name a rounding)")
        return int(whole)

    return Value(expression.names, make)


def _decimal(spec: dict[str, Any], where: str, style: Style) -> Value:
    expression, rounding = _numeric(spec, "decimal", where, style), _rounding(spec, where)
    digits = spec.get("digits")
    if digits is not None and (type(digits) is not int or not 0 <= digits <= 9):
        raise MappingError(f"{where}.digits: must be a whole number from 0 to 9")
    step = None if digits is None else Decimal(1).scaleb(-digits)

    def make(row: Row) -> str:
        number = expression.number(row)
        if step is not None:
            rounded = number.quantize(step, rounding=rounding.mode if rounding else None)
            if rounding is None and rounded != number:
                raise RowError(where, f"has more than {digits} digits (the mapping may name a rounding)")
            number = rounded
        return format(number, "f")

    return Value(expression.names, make)


def _money(spec: dict[str, Any], where: str, style: Style) -> Value:
    expression, rounding = _numeric(spec, "money", where, style), _rounding(spec, where)
    template = _text({"text": _string(spec, "currency", where)}, f"{where}.currency", style)

    def make(row: Row) -> dict[str, str]:
        number, currency = expression.number(row), template.make(row)
        try:
            exact = Money.from_decimal(number, currency, rounding or Rounding.DOWN)
        except OverflowError:
            raise RowError(where, "does not fit in 64 bits of minor units") from None
        except ValueError:
            raise RowError(where, "has a currency that is not an ISO 4217 code") from None
        if rounding is None and exact.to_decimal() != number:
            raise RowError(where, f"has more digits than {currency} (the mapping may name a rounding)")
        return {"amount": str(exact), "currency": currency}

    return Value(expression.names | template.names, make)


def _date(spec: dict[str, Any], where: str, style: Style) -> Value:
    source, pattern = _string(spec, "date", where), spec.get("format", "%Y-%m-%d")
    shifts = {key: _numeric(spec, key, where, style) for key in ("plus_days", "plus_months") if key in spec}
    template = _text({"text": source if "{" in source else f"{{{source}}}"}, where, style)
    fallback = compile_value(spec["default"], f"{where}.default", style) if "default" in spec else None

    def read(row: Row) -> date | None:
        if fallback is not None and any(empty(row.get(name)) for name in template.names):
            value = fallback.make(row)
            return value if isinstance(value, date) or value is None else date.fromisoformat(value)
        text = template.make(row)
        if "format" not in spec:
            return date.fromisoformat(text[:10] if text[10:11] in {"T", " "} else text)
        return datetime.strptime(text, pattern).date()  # noqa: DTZ007 - a business date has no zone

    def make(row: Row) -> date | None:
        try:
            day = read(row)
        except ValueError as error:
            if isinstance(error, RowError):
                raise
            raise RowError(source, f"is not a date of the form {pattern}") from None
        if day is None:
            return None
        try:
            if "plus_months" in shifts:
                day = _months_later(day, int(shifts["plus_months"].number(row)))
            if "plus_days" in shifts:
                day += timedelta(days=int(shifts["plus_days"].number(row)))
        except (OverflowError, ValueError) as error:
            if isinstance(error, RowError):
                raise
            raise RowError(where, "is not a date that exists") from None
        return day

    names = template.names.union(*(shift.names for shift in shifts.values()))
    return Value(names | (fallback.names if fallback else frozenset()), make)


def _months_later(day: date, months: int) -> date:
    """The same day so many months later; the month's last day where it has no such day."""
    at = day.year * 12 + day.month - 1 + months
    first = date(at // 12, at % 12 + 1, 1)
    last = (first.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
    return first.replace(day=min(day.day, last.day))


def _flag(spec: dict[str, Any], where: str, style: Style) -> Value:
    expression = compile_expression(_string(spec, "flag", where), where, style)
    return Value(expression.names, expression.flag)


def _map(spec: dict[str, Any], where: str, style: Style) -> Value:
    table, of = spec["map"], _string(spec, "of", where)
    if not isinstance(table, dict) or not table:
        raise MappingError(f"{where}.map: must be a table of values")
    made = {str(key): compile_value(item, f"{where}.map.{key}", style) for key, item in table.items()}
    fallback = compile_value(spec["default"], f"{where}.default", style) if "default" in spec else None

    def make(row: Row) -> Any:
        cell = row.get(of)
        found = made.get("" if empty(cell) else str(cell).strip(), fallback)
        if found is None:
            raise RowError(of, "has a value that the mapping has no word for")
        return found.make(row)

    parts = [*made.values(), *([fallback] if fallback else [])]
    return Value(_union(parts) | {of}, make)


def _stable(by: str, where: str, row: Row) -> int:
    """A number that is always the same for the same cell: what is made up stays the same in every run."""
    cell = row.get(by)
    if empty(cell):
        raise RowError(by, "is empty")
    return int.from_bytes(hashlib.sha256(f"{where}\x1f{cell}".encode()).digest()[:8], "big")


def _pick(spec: dict[str, Any], where: str, _style: Style) -> Value:
    choices, by = spec["pick"], _string(spec, "by", where)
    if not isinstance(choices, list) or not choices or not all(isinstance(c, str) for c in choices):
        raise MappingError(f"{where}.pick: must be a list of texts")
    return Value(frozenset({by}), lambda row: choices[_stable(by, where, row) % len(choices)])


def _digits(spec: dict[str, Any], where: str, _style: Style) -> Value:
    count, by = spec["digits"], _string(spec, "by", where)
    if type(count) is not int or not 1 <= count <= 18:
        raise MappingError(f"{where}.digits: must be a whole number from 1 to 18")
    return Value(frozenset({by}), lambda row: str(_stable(by, where, row) % 10**count).zfill(count))


_MAKERS: Final[dict[str, Callable[[dict[str, Any], str, Style], Value]]] = {
    "column": _column,
    "text": _text,
    "integer": _integer,
    "decimal": _decimal,
    "money": _money,
    "date": _date,
    "flag": _flag,
    "map": _map,
    "pick": _pick,
    "digits": _digits,
}
