"""JSON Schemas (draft 2020-12) of every message, and what makes one version incompatible with another.

The committed files are the promise: a message changes by addition only, anything else is a new version of it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from shared.contracts.base import Event
from shared.contracts.registry import EVENTS, PRODUCERS, topic_of

__all__ = ["IncompatibleChange", "compare_with", "incompatibilities", "schema_of", "schemas", "write_schemas"]

Schema = dict[str, Any]

_DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"
_MONEY_PATTERN: Final = r"^-?[0-9]+(\.[0-9]+)?$"
_MONEY: Final[Schema] = {
    "description": "An amount of money: a plain decimal string with no more digits after the point than the "
    "ISO 4217 currency has. Never a number.",
    "properties": {
        "amount": {"type": "string", "pattern": _MONEY_PATTERN},
        "currency": {"type": "string", "pattern": "^[A-Z]{3}$"},
    },
    "required": ["amount", "currency"],
    "type": "object",
}
_PERSONAL: Final = (
    "A person's data in its envelope: `alg` says how `value` is protected, `none` for not at all."
)


class IncompatibleChange(ValueError):  # noqa: N818 - reads as what it says
    """A message would break the promise of the committed schema. `problems` lists how, one line each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


# -- making ---------------------------------------------------------------------------------------------


def schema_of(event: type[Event]) -> Schema:
    """Give the JSON Schema of a message's data; the same contract always gives the same schema."""
    raw = event.model_json_schema()
    definitions = {name: _tidy(part) for name, part in raw.pop("$defs", {}).items()}
    for name, part in definitions.items():
        if name.startswith("Personal_"):
            part.setdefault("description", _PERSONAL)
            part["x-personal-data"] = True
    body = _tidy(raw)
    if '"#/$defs/Money"' in json.dumps([body, definitions]):
        definitions["Money"] = _MONEY
    topic = topic_of(event.PRODUCER) if event.PRODUCER in PRODUCERS else "<service>.events"
    head = {
        "$schema": _DRAFT,
        "$id": f"urn:parley:schema:{event.TYPE}",
        "title": event.__name__,
        "description": body.pop("description", ""),
        "x-topic": topic,
    }
    full: Schema = head | body | ({"$defs": dict(sorted(definitions.items()))} if definitions else {})
    return full


def schemas() -> dict[str, Schema]:
    """Give every schema by its file's path below `deploy/schemas`, e.g. `bank/parley.bank.….v1.json`."""
    return {f"{event.PRODUCER}/{type_}.json": schema_of(event) for type_, event in sorted(EVENTS.items())}


def _tidy(node: Any) -> Any:
    """Name money once, and drop the titles that only repeat a field's name."""
    if isinstance(node, list):
        return [_tidy(item) for item in node]
    if not isinstance(node, dict):
        return node
    properties = node.get("properties")
    if isinstance(properties, dict):
        if properties.keys() == {"amount", "currency"} and (
            properties["amount"].get("pattern") == _MONEY_PATTERN
        ):
            return {"$ref": "#/$defs/Money"} | {k: node[k] for k in ("description", "default") if k in node}
        return {
            key: {name: _tidy(part) for name, part in value.items()} if key == "properties" else _tidy(value)
            for key, value in node.items()
            if key != "title"
        }
    return {key: value if key == "default" else _tidy(value) for key, value in node.items() if key != "title"}


def _text(schema: Schema) -> str:
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def compare_with(folder: Path) -> tuple[list[str], list[str]]:
    """Compare the contracts with the files in `folder`: (incompatible changes, files out of date)."""
    broken: list[str] = []
    stale: list[str] = []
    wanted = schemas()
    for path in sorted(folder.glob("*/*.json")):
        name = path.relative_to(folder).as_posix()
        if name not in wanted:
            broken.append(f"{path.stem}: the message is gone; keep it and add a new version beside it")
    for name, schema in wanted.items():
        path = folder / name
        if not path.is_file():
            stale.append(name)
            continue
        text = path.read_text(encoding="utf-8")
        if text != _text(schema):
            stale.append(name)
            broken += [f"{path.stem}: {line}" for line in incompatibilities(json.loads(text), schema)]
    return broken, stale


def write_schemas(folder: Path, *, force: bool = False) -> list[str]:
    """Write every schema below `folder`; give the paths that changed.

    Raises IncompatibleChange, and writes nothing, where a message breaks the promise of the file that is
    there. With `force` (only before anybody has read the old form) it is replaced or removed all the same.
    """
    broken, stale = compare_with(folder)
    if broken and not force:
        raise IncompatibleChange(broken)
    wanted = schemas()
    for name in stale:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_text(wanted[name]), encoding="utf-8")
    for path in folder.glob("*/*.json"):
        name = path.relative_to(folder).as_posix()
        if name not in wanted:
            path.unlink()
            stale.append(name)
    return stale


# -- comparing ------------------------------------------------------------------------------------------

_LOWER: Final = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_UPPER: Final = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")


def incompatibilities(old: Schema, new: Schema) -> list[str]:
    """Say what in `new` breaks those who write or read messages by `old`; nothing for a pure addition.

    Incompatible: a field removed, newly required or no longer required; another type, format or pattern; a
    narrower enum or bound; another default; money that is no longer money; another topic. Compatible: new
    optional fields, new enum values, wider bounds, other words in a description.
    """
    problems: list[str] = []
    if old.get("x-topic") != new.get("x-topic"):
        problems.append("it moved to another topic")
    problems += _compare(old, new, "", old.get("$defs", {}), new.get("$defs", {}), ())
    return problems


def _compare(
    old: Schema, new: Schema, at: str, olds: Schema, news: Schema, seen: tuple[str, ...]
) -> Iterator[str]:
    where = at or "the message"
    if "default" in old and old.get("default") != new.get("default", ...):
        yield f"{where}: the default changed, and with it what its absence means"
    if _is_money(old) != _is_money(new):
        yield f"{where}: money became something else, or something else became money"
        return
    loop = f"{old.get('$ref')}>{new.get('$ref')}"
    if "$ref" in old and loop in seen:  # a part that holds itself
        return
    seen = (*seen, loop)
    before, after = _kinds(old, olds), _kinds(new, news)
    for kind in before.keys() - after.keys():
        yield f"{where}: may no longer be {kind}"
    for kind in after.keys() - before.keys():
        yield f"{where}: may now be {kind}, which older readers refuse"
    for kind in sorted(before.keys() & after.keys()):
        yield from _same_kind(before[kind], after[kind], at, olds, news, seen)


def _same_kind(
    old: Schema, new: Schema, at: str, olds: Schema, news: Schema, seen: tuple[str, ...]
) -> Iterator[str]:
    where = at or "the message"
    was, now = _values(old), _values(new)
    if was is None and now is not None:
        yield f"{where}: is limited to a list of values"
    elif was is not None and now is None:
        yield f"{where}: is no longer one of a list of values"
    elif was is not None and now is not None and (gone := [value for value in was if value not in now]):
        yield f"{where}: no longer allows {', '.join(map(str, gone))}"
    for name in _LOWER:
        if name in new and (name not in old or new[name] > old[name]):
            yield f"{where}: {name} became {new[name]}, which is narrower"
    for name in _UPPER:
        if name in new and (name not in old or new[name] < old[name]):
            yield f"{where}: {name} became {new[name]}, which is narrower"
    if old.get("format") != new.get("format"):
        yield f"{where}: the format changed"
    if "pattern" in new and old.get("pattern") != new["pattern"]:
        yield f"{where}: the pattern changed"
    if new.get("uniqueItems") and not old.get("uniqueItems"):
        yield f"{where}: may no longer hold an item twice"
    if new.get("additionalProperties") is False and old.get("additionalProperties") is not False:
        yield f"{where}: no longer takes unknown fields"
    yield from _fields(old, new, at, olds, news, seen)
    for name, suffix in (("items", "[]"), ("additionalProperties", ".*")):
        if isinstance(old.get(name), dict) and isinstance(new.get(name), dict):
            yield from _compare(old[name], new[name], at + suffix, olds, news, seen)


def _fields(
    old: Schema, new: Schema, at: str, olds: Schema, news: Schema, seen: tuple[str, ...]
) -> Iterator[str]:
    before, after = old.get("properties", {}), new.get("properties", {})
    for name in before.keys() - after.keys():
        yield f"{_join(at, name)}: was removed"
    was, now = set(old.get("required", ())), set(new.get("required", ()))
    for name in sorted(now - was):
        yield f"{_join(at, name)}: is now required"
    for name in sorted((was - now) & after.keys()):
        yield f"{_join(at, name)}: is no longer required, and older readers rely on it"
    for name in before:
        if name in after:
            yield from _compare(before[name], after[name], _join(at, name), olds, news, seen)


def _join(at: str, name: str) -> str:
    return f"{at}.{name}" if at else name


def _is_money(node: Schema) -> bool:
    arms = node.get("anyOf", [node])
    return any(arm.get("$ref") == "#/$defs/Money" for arm in arms)


def _values(node: Schema) -> list[Any] | None:
    if "const" in node:
        return [node["const"]]
    values: list[Any] | None = node.get("enum")
    return values


def _kinds(node: Schema, definitions: Schema) -> dict[str, Schema]:
    """Give the alternatives of a node by JSON type, with references followed."""
    found: dict[str, Schema] = {}
    arms: list[Schema] = node.get("anyOf") or node.get("oneOf") or [node]
    for arm in arms:
        target = definitions[arm["$ref"].rsplit("/", 1)[1]] if "$ref" in arm else arm
        if "anyOf" in target or "oneOf" in target:
            found |= _kinds(target, definitions)
        else:
            found[str(target.get("type", "anything"))] = target
    return found
