"""A mapping file: how rows become messages. The language is described in deploy/mappings/README.md."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Final

from services.cli.ingest.errors import MappingError
from services.cli.ingest.expressions import Expression, Style, compile_expression
from services.cli.ingest.values import Value, compile_value
from shared.contracts.bank import DayClosed
from shared.contracts.base import Event
from shared.contracts.registry import event_class

__all__ = ["PUBLISHABLE", "EventRule", "Mapping", "SkipRule", "load_mapping"]

PUBLISHABLE: Final = ("bank", "desk")
"""Whose messages a file may hold: facts of the six services come from the six services alone."""

_HEAD: Final = frozenset(
    {"name", "description", "source", "encoding", "delimiter", "decimal_point", "thousands", "assumptions"}
)
_TOP: Final = frozenset({"mapping", "parameters", "fields", "skip", "event"})
_EVENT: Final = frozenset({"type", "when", "key", "id", "time", "subject", "data"})
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")


@dataclass(frozen=True, slots=True)
class SkipRule:
    """Rows that are left out on purpose, counted under `reason`."""

    reason: str
    when: Expression


@dataclass(frozen=True, slots=True)
class EventRule:
    """One message that a row becomes, if `when` holds."""

    event: type[Event]
    key: Value
    time: Value
    data: Value
    when: Expression | None = None
    id: Value | None = None
    subject: Value | None = None

    def parts(self) -> list[Value | Expression]:
        """Give everything that reads names."""
        given: list[Value | Expression | None] = [
            self.when, self.key, self.id, self.time, self.subject, self.data,
        ]  # fmt: skip
        return [part for part in given if part is not None]


@dataclass(frozen=True, slots=True)
class Mapping:
    """A checked mapping, ready for rows."""

    name: str
    source: str
    events: tuple[EventRule, ...]
    skips: tuple[SkipRule, ...] = ()
    fields: dict[str, Value] = field(default_factory=dict)
    parameters: dict[str, Any] = field(default_factory=dict)
    assumptions: tuple[str, ...] = ()
    encoding: str = "utf-8"
    delimiter: str = ","

    @property
    def columns(self) -> frozenset[str]:
        """The columns that the file must have."""
        read: list[frozenset[str]] = [value.names for value in self.fields.values()]
        read += [skip.when.names for skip in self.skips]
        read += [part.names for rule in self.events for part in rule.parts()]
        return frozenset().union(*read) - self.fields.keys() - self.parameters.keys()

    def prepare(self, cells: dict[str, Any]) -> dict[str, Any]:
        """Add the parameters and the fields to a row's cells. Raises RowError."""
        row = cells | self.parameters
        for name, value in self.fields.items():
            row[name] = value.make(row)
        return row

    def skipped(self, row: dict[str, Any]) -> str | None:
        """Give the reason why a row is left out on purpose, or None."""
        for skip in self.skips:
            if skip.when.flag(row):
                return skip.reason
        return None


def load_mapping(path: Path, parameters: dict[str, str] | None = None) -> Mapping:
    """Read and check a mapping; `parameters` replace its own by name. Raises MappingError."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise MappingError(f"{path}: there is no such mapping") from None
    except OSError as error:
        raise MappingError(f"{path}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise MappingError(f"{path}: is not UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise MappingError(f"{path}: is not TOML: {error}") from None
    try:
        return _mapping(raw, parameters or {})
    except MappingError as error:
        raise MappingError(f"{path}: {error}") from None


def _mapping(raw: dict[str, Any], replaced: dict[str, str]) -> Mapping:
    _known(raw, _TOP, "the file")
    head = _section(raw, "mapping")
    _known(head, _HEAD, "mapping")
    style = Style(_letter(head, "decimal_point", "."), head.get("thousands", ""))
    parameters = {name: _parameter(name, value) for name, value in _section(raw, "parameters").items()}
    if unknown := replaced.keys() - parameters.keys():
        have = ", ".join(parameters) or "none"
        raise MappingError(f"parameters: there is no {', '.join(sorted(unknown))}; there are: {have}")
    parameters |= replaced
    fields = {
        _name(name, "fields"): compile_value(spec, f"fields.{name}", style)
        for name, spec in _section(raw, "fields").items()
    }
    _in_order(fields)
    skips = tuple(_skip(spec, at, style) for at, spec in enumerate(_list(raw, "skip"), 1))
    events = tuple(_event(spec, at, style) for at, spec in enumerate(_list(raw, "event"), 1))
    if not events:
        raise MappingError("event: at least one [[event]] is needed")
    if clash := fields.keys() & parameters.keys():
        raise MappingError(f"fields.{sorted(clash)[0]}: is a parameter already")
    _distinct_ids(_list(raw, "event"))
    return Mapping(
        name=str(head.get("name", "")),
        source=_source(head),
        events=events,
        skips=skips,
        fields=fields,
        parameters=parameters,
        assumptions=tuple(map(str, head.get("assumptions", ()))),
        encoding=_encoding(head),
        delimiter=_letter(head, "delimiter", ","),
    )


def _skip(spec: dict[str, Any], at: int, style: Style) -> SkipRule:
    where = f"skip {at}"
    _known(spec, frozenset({"reason", "when"}), where)
    if not isinstance(spec.get("reason"), str) or not isinstance(spec.get("when"), str):
        raise MappingError(f"{where}: needs a reason and a condition `when`")
    return SkipRule(spec["reason"], compile_expression(spec["when"], f"{where}.when", style))


def _event(spec: dict[str, Any], at: int, style: Style) -> EventRule:
    where = f"event {at}"
    _known(spec, _EVENT, where)
    if missing := {"type", "key", "time", "data"} - spec.keys():
        raise MappingError(f"{where}: needs {', '.join(sorted(missing))}")
    event = event_class(str(spec["type"]))
    if event is None:
        raise MappingError(f"{where}.type: there is no message {spec['type']!r}")
    if event.PRODUCER not in PUBLISHABLE or event is DayClosed:
        raise MappingError(f"{where}.type: rows become messages of {' and '.join(PUBLISHABLE)}, no others")
    if unknown := spec["data"].keys() - event.model_fields.keys():
        raise MappingError(f"{where}.data: {event.TYPE} has no field {', '.join(sorted(unknown))}")
    needed = {name for name, info in event.model_fields.items() if info.is_required()}
    if absent := needed - spec["data"].keys():
        raise MappingError(f"{where}.data: {event.TYPE} needs {', '.join(sorted(absent))}")

    def optional(name: str) -> Value | None:
        return compile_value(spec[name], f"{where}.{name}", style) if name in spec else None

    return EventRule(
        event=event,
        key=compile_value(spec["key"], f"{where}.key", style),
        time=compile_value(spec["time"], f"{where}.time", style),
        data=compile_value(spec["data"], "data", style),
        when=compile_expression(spec["when"], f"{where}.when", style) if "when" in spec else None,
        id=optional("id"),
        subject=optional("subject"),
    )


def _in_order(fields: dict[str, Value]) -> None:
    """A field may read the fields above it only."""
    done: set[str] = set()
    for name, value in fields.items():
        later = (value.names & fields.keys()) - done
        if later:
            raise MappingError(
                f"fields.{name}: reads {', '.join(sorted(later))}, which does not stand above it"
            )
        done.add(name)


def _distinct_ids(events: Iterable[dict[str, Any]]) -> None:
    seen: list[Any] = []
    for spec in events:
        given = spec.get("id")
        if given is not None and given in seen:
            raise MappingError("event: two messages of a row would have the same id")
        seen.append(given)


def _known(table: dict[str, Any], keys: frozenset[str], where: str) -> None:
    if unknown := table.keys() - keys:
        raise MappingError(
            f"{where}: does not know {', '.join(sorted(unknown))}; it knows {', '.join(sorted(keys))}"
        )


def _section(raw: dict[str, Any], name: str) -> dict[str, Any]:
    section = raw.get(name, {})
    if not isinstance(section, dict):
        raise MappingError(f"{name}: must be a table")
    return section


def _list(raw: dict[str, Any], name: str) -> list[dict[str, Any]]:
    section = raw.get(name, [])
    if not isinstance(section, list) or not all(isinstance(item, dict) for item in section):
        raise MappingError(f"{name}: must be written [[{name}]]")
    return section


def _name(name: str, where: str) -> str:
    if not _NAME.fullmatch(name):
        raise MappingError(f"{where}.{name}: a name has lower-case letters, digits and _")
    return name


def _parameter(name: str, value: Any) -> str:
    _name(name, "parameters")
    if isinstance(value, bool) or not isinstance(value, str | int | float | date):
        raise MappingError(f"parameters.{name}: must be a text, a number or a date")
    return value.isoformat() if isinstance(value, date) else str(value)


def _letter(head: dict[str, Any], key: str, default: str) -> str:
    value = head.get(key, default)
    if not isinstance(value, str) or len(value) != 1:
        raise MappingError(f"mapping.{key}: must be one character")
    return value


def _source(head: dict[str, Any]) -> str:
    value = head.get("source")
    if not isinstance(value, str) or not value:
        raise MappingError('mapping.source: must name the system the file comes from, e.g. "bank/core"')
    return value


def _encoding(head: dict[str, Any]) -> str:
    value = head.get("encoding", "utf-8")
    try:
        "".encode(value)
    except (LookupError, TypeError):
        raise MappingError("mapping.encoding: is not an encoding that Python knows") from None
    return str(value)
