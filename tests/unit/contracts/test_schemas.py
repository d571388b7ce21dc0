"""The committed schemas are the promise; these tests keep it."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings

import deploy
from shared.contracts.base import Event
from shared.contracts.cloudevents import encode
from shared.contracts.registry import EVENTS
from shared.contracts.schemas import (
    IncompatibleChange,
    compare_with,
    incompatibilities,
    schema_of,
    write_schemas,
)
from tests.unit.contracts.strategies import envelopes

COMMITTED = Path(deploy.__file__).parent / "schemas"


def test_no_message_breaks_the_promise_of_its_committed_schema() -> None:
    assert compare_with(COMMITTED)[0] == []


def test_the_committed_schemas_are_up_to_date() -> None:
    assert compare_with(COMMITTED)[1] == [], "run: make schemas"


@pytest.mark.parametrize("event", EVENTS.values(), ids=lambda event: event.TYPE)
def test_what_is_written_conforms_to_its_schema(event: type[Event]) -> None:
    schema = schema_of(event)
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    assert schema["$id"] == f"urn:parley:schema:{event.TYPE}"
    assert schema["description"]

    @settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(envelopes(event))
    def conforms(envelope: Any) -> None:
        validator.validate(json.loads(encode(envelope)[1]))

    conforms()


BASE: dict[str, Any] = {
    "x-topic": "bank.events",
    "type": "object",
    "required": ["id", "kind", "amount", "parts"],
    "properties": {
        "id": {"type": "string", "minLength": 1, "maxLength": 64, "pattern": "^a"},
        "kind": {"$ref": "#/$defs/Kind"},
        "amount": {"$ref": "#/$defs/Money"},
        "fee": {"anyOf": [{"$ref": "#/$defs/Money"}, {"type": "null"}], "default": None},
        "day": {"type": "string", "format": "date"},
        "count": {"type": "integer", "minimum": 0, "maximum": 9, "default": 1},
        "rate": {"anyOf": [{"type": "number", "minimum": 0}, {"type": "string"}]},
        "parts": {"type": "array", "items": {"$ref": "#/$defs/Part"}, "minItems": 1},
        "words": {"type": "object", "additionalProperties": {"type": "string"}},
        "tree": {"$ref": "#/$defs/Tree"},
    },
    "$defs": {
        "Kind": {"type": "string", "enum": ["a", "b"]},
        "Part": {"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]},
        "Tree": {"type": "object", "properties": {"below": {"$ref": "#/$defs/Tree"}}},
        "Money": {
            "type": "object",
            "properties": {"amount": {"type": "string"}, "currency": {"type": "string"}},
            "required": ["amount", "currency"],
        },
    },
}


def changed(path: str, value: Any) -> dict[str, Any]:
    new = copy.deepcopy(BASE)
    *way, last = path.split("/")
    node = new
    for step in way:
        node = node[step]
    if value is ...:
        del node[last]
    else:
        node[last] = value
    return new


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("properties/extra", {"type": "string", "default": ""}),
        ("properties/id/maxLength", 128),
        ("properties/id/minLength", 0),
        ("properties/id/pattern", ...),
        ("properties/count/minimum", ...),
        ("properties/count/description", "other words"),
        ("$defs/Kind/enum", ["a", "b", "c"]),
        ("$defs/Part/properties/y", {"type": "string"}),
        ("properties/parts/minItems", 0),
        ("description", "other words"),
    ],
)
def test_additions_are_compatible(path: str, value: Any) -> None:
    assert incompatibilities(BASE, changed(path, value)) == []


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ("properties/day", ..., "day: was removed"),
        ("required", ["id", "kind", "amount", "parts", "day"], "day: is now required"),
        ("required", ["id", "kind", "parts"], "amount: is no longer required"),
        ("properties/id/minLength", 2, "id: minLength became 2"),
        ("properties/id/maxLength", 10, "id: maxLength became 10"),
        ("properties/id/pattern", "^b", "id: the pattern changed"),
        ("properties/day/pattern", "^2", "day: the pattern changed"),
        ("properties/day/format", "date-time", "day: the format changed"),
        ("properties/day", {"type": "integer"}, "day: may no longer be string"),
        ("properties/day", {"type": "integer"}, "day: may now be integer"),
        ("properties/count/maximum", 5, "count: maximum became 5"),
        ("properties/count/minimum", 1, "count: minimum became 1"),
        ("properties/count/default", 2, "count: the default changed"),
        ("properties/count/default", ..., "count: the default changed"),
        ("properties/count/enum", [1, 2], "count: is limited to a list"),
        ("$defs/Kind/enum", ["a", "c"], "kind: no longer allows b"),
        ("$defs/Kind", {"type": "string", "const": "a"}, "kind: no longer allows b"),
        ("$defs/Kind", {"type": "string"}, "kind: is no longer one of a list"),
        ("properties/amount", {"type": "string"}, "amount: money became something else"),
        ("properties/amount", {"type": "number"}, "amount: money became something else"),
        ("properties/count", {"$ref": "#/$defs/Money", "default": 1}, "count: money became"),
        ("properties/fee", {"$ref": "#/$defs/Money", "default": None}, "fee: may no longer be null"),
        (
            "properties/day",
            {"anyOf": [{"type": "string", "format": "date"}, {"type": "null"}]},
            "day: may now be null",
        ),
        (
            "properties/rate",
            {"anyOf": [{"type": "number", "minimum": 1}, {"type": "string"}]},
            "rate: minimum",
        ),
        ("properties/rate", {"type": "string"}, "rate: may no longer be number"),
        ("properties/parts/minItems", 2, "parts: minItems became 2"),
        ("properties/parts/uniqueItems", True, "parts: may no longer hold"),
        ("$defs/Part/properties/x", ..., "parts[].x: was removed"),
        ("$defs/Part/required", ["x", "y"], "parts[].y: is now required"),
        ("$defs/Part/additionalProperties", False, "parts[]: no longer takes unknown"),
        ("$defs/Money/properties/amount/type", "number", "amount.amount: may no longer be string"),
        ("properties/words/additionalProperties", {"type": "integer"}, "words.*: may no longer be string"),
        ("x-topic", "desk.events", "moved to another topic"),
    ],
)
def test_what_breaks_readers_or_writers_is_named(path: str, value: Any, says: str) -> None:
    assert any(says in line for line in incompatibilities(BASE, changed(path, value)))


def test_a_schema_is_compatible_with_itself() -> None:
    assert incompatibilities(BASE, BASE) == []
    for event in EVENTS.values():
        assert incompatibilities(schema_of(event), schema_of(event)) == []


def test_writing_changes_nothing_the_second_time(tmp_path: Path) -> None:
    assert len(write_schemas(tmp_path)) == len(EVENTS)
    assert write_schemas(tmp_path) == []


def test_writing_refuses_to_break_the_promise(tmp_path: Path) -> None:
    write_schemas(tmp_path)
    path = tmp_path / "bank" / "parley.bank.payment.received.v1.json"
    schema = json.loads(path.read_text())
    schema["properties"]["teller"] = {"type": "string"}
    path.write_text(json.dumps(schema))
    (tmp_path / "bank" / "parley.bank.gone.v1.json").write_text("{}")
    with pytest.raises(IncompatibleChange) as caught:
        write_schemas(tmp_path)
    assert caught.value.problems == [
        "parley.bank.gone.v1: the message is gone; keep it and add a new version beside it",
        "parley.bank.payment.received.v1: teller: was removed",
    ]
    assert "teller" in path.read_text()
    assert len(write_schemas(tmp_path, force=True)) == 2
    assert compare_with(tmp_path) == ([], [])
