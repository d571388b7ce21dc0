"""Canonical JSON: one way of writing, whatever the size of a number, and read as it was written."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.console.bundle import check_bundle, make_bundle
from services.console.bundle.packing import pack, unpack
from shared.crypto.canonical import canonical, exact, parsed
from tests.unit.console.filing import ASSIGNED, File, new_signer

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(VALUES)
def test_it_is_what_the_standard_library_writes_and_reads_back_the_same(value: Any) -> None:
    plain = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    assert canonical(value) == exact(value) == plain
    assert parsed(plain) == value


@pytest.mark.parametrize("number", [1.0, -0.0, float("nan"), float("inf")])
@pytest.mark.parametrize("place", [lambda x: x, lambda x: [x], lambda x: {"a": ({"b": [None, x]},)}])
def test_a_float_is_refused_wherever_it_is(number: float, place: Any) -> None:
    with pytest.raises(TypeError, match="float"):
        exact(place(number))


@given(st.integers(min_value=1 << 64), VALUES)
def test_a_number_beyond_64_bits_changes_nothing_else(number: int, value: Any) -> None:
    both = canonical({"a": value, "b": number})
    assert both == b'{"a":' + canonical(value) + b',"b":' + str(number).encode() + b"}"
    assert parsed(both)["b"] == number


@pytest.mark.parametrize("value", [date(2026, 3, 2), object(), b"bytes", {"a": {1, 2}}])
def test_what_json_cannot_say_is_refused(value: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        canonical(value)


def test_a_bundle_with_a_very_large_number_is_read_and_the_changed_entry_is_named(tmp_path: Any) -> None:
    signer = new_signer(tmp_path)
    file = File(signer)
    file.say(ASSIGNED, ASSIGNED)
    raw = make_bundle(file.source(), signer, datetime(2026, 3, 9, tzinfo=UTC))
    files = unpack(raw)
    lines = files["chain.jsonl"].splitlines()
    entry = parsed(lines[1])
    entry["data"]["owner"] = 1 << 80
    files["chain.jsonl"] = lines[0] + b"\n" + canonical(entry) + b"\n"
    report = check_bundle(pack(files), [signer.trusted])
    assert next(str(fault) for fault in report.faults).startswith("entry 2: its content is not")
