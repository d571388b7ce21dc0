"""The mapping language: expressions, values, and what a mapping file may not say."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.cli.ingest import MappingError, RowError, load_mapping
from services.cli.ingest.expressions import Style, compile_expression
from services.cli.ingest.values import compile_value

ROW: dict[str, Any] = {
    "a": "12.50", "b": " 3 ", "neg": "-4", "empty": "", "blank": "  ", "word": "Late", "dotted.name": "7",
    "Loan Status": "ok", "day": "2026-01-31", "read": date(2026, 1, 31), "x": None, "eu": "1.234,50",
}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 + 2 * 3", Decimal(7)),
        ("(1 + 2) * 3", Decimal(9)),
        ("a - b", Decimal("9.50")),
        ("-neg", Decimal(4)),
        ("0.1 + 0.2", Decimal("0.3")),
        ("a / 4", Decimal("3.125")),
        ("dotted.name * 2", Decimal(14)),
        ("min(a, b, 1)", Decimal(1)),
        ("max(a, b)", Decimal("12.50")),
        ("abs(neg)", Decimal(4)),
        ("floor(a) + ceil(a)", Decimal(25)),
        ("default(empty, 5)", Decimal(5)),
        ("default(blank, word)", "Late"),
        ("word == 'Late'", True),
        ("col('Loan Status') == 'ok'", True),
        ("word != 'Late' or not b > 3", True),
        ("b == 3", True),
        ("word == 3", False),
        ("1 < b <= 3 and a > b", True),
        ("word in ('Late', 'Grace')", True),
        ("b not in (1, 2)", True),
        ("empty(x) and empty(blank) and not empty(a)", True),
        ("'yes' if a > 10 else 'no'", "yes"),
        ("days_between(day, '2026-03-01')", Decimal(29)),
        ("read < '2026-02-01'", True),
        ("read == '2026-01-31'", True),
        ("True", True),
    ],
)
def test_expressions_are_worked_out_on_decimals(text: str, expected: object) -> None:
    assert compile_expression(text, "here", Style()).run(ROW) == expected


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("a + word", "word"),
        ("a + empty", "empty"),
        ("a + gone", "gone"),
        ("a / (b - 3)", "here"),
        ("a > 'x'", "'x'"),
        ("1 if a else 2", "a"),
        ("days_between(word, day)", "word"),
        ("read > word", "word"),
        ("read + 1", "read"),
        ("eu + 1", "eu"),
    ],
)
def test_what_a_row_cannot_answer_is_named(text: str, field: str) -> None:
    with pytest.raises(RowError) as caught:
        compile_expression(text, "here", Style()).run(ROW)
    assert caught.value.field == field
    assert "12.50" not in str(caught.value)


@pytest.mark.parametrize(
    "cell", ["1e999999999", "NaN", "Infinity", "1_000", "٣", "0x10", "9" * 41, "1e31", "--1"]
)
def test_what_is_no_plain_number_is_refused(cell: str) -> None:
    with pytest.raises(RowError, match="is not a number"):
        compile_expression("n * 2", "here", Style()).run({"n": cell})


def test_numbers_as_other_countries_write_them() -> None:
    style = Style(point=",", thousands=".")
    assert compile_expression("eu + 1", "here", style).run(ROW) == Decimal("1235.50")


@pytest.mark.parametrize(
    "text",
    [
        "", "1 +", "a ** 9", "a // 2", "a % 2", "__import__('os')", "a[0]", "(lambda: 1)()", "[1, 2]", "{1}",
        "f'{a}'", "open('x')", "a.b()", "min(a)", "empty()", "col(a)", "word in 'Late'", "a is b",
        "min(a, b, key=a)", "a := 1", "x for x in y", "1 + " * 400 + "1", "1j", "b'x'", "...",
        "~a", "'%s' % a",
    ],
)  # fmt: skip
def test_nothing_else_is_an_expression(text: str) -> None:
    with pytest.raises(MappingError, match=r"^here: "):
        compile_expression(text, "here", Style())


@given(st.text(max_size=60))
def test_no_text_does_anything_but_compile_or_be_refused(text: str) -> None:
    try:
        expression = compile_expression(text, "here", Style())
    except MappingError:
        return
    try:
        value = expression.run({})
    except RowError:
        return
    assert value is None or isinstance(value, Decimal | str | bool)


def made(spec: Any, row: dict[str, Any] | None = None) -> Any:
    return compile_value(spec, "here", Style()).make(ROW if row is None else row)


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("constant", "constant"),
        (5, 5),
        (True, True),
        (1.5, "1.5"),
        (date(2026, 1, 1), "2026-01-01"),
        ({"column": "word"}, "Late"),
        ({"column": "b"}, "3"),
        ({"column": "empty"}, None),
        ({"column": "empty", "default": "d"}, "d"),
        ({"column": "read"}, "2026-01-31"),
        ({"text": "{word}-{b}/{read}"}, "Late-3/2026-01-31"),
        ({"integer": "b * 30"}, 90),
        ({"integer": "a", "rounding": "half_even"}, 12),
        ({"integer": 7}, 7),
        ({"decimal": "a"}, "12.50"),
        ({"decimal": "a / 3", "digits": 2, "rounding": "half_up"}, "4.17"),
        ({"money": "a", "currency": "CNY"}, {"amount": "12.50", "currency": "CNY"}),
        ({"money": "b", "currency": "JPY"}, {"amount": "3", "currency": "JPY"}),
        ({"money": "a / 3", "currency": "USD", "rounding": "down"}, {"amount": "4.16", "currency": "USD"}),
        ({"money": 0, "currency": "TWD"}, {"amount": "0.00", "currency": "TWD"}),
        ({"date": "day"}, date(2026, 1, 31)),
        ({"date": "day", "plus_months": 1}, date(2026, 2, 28)),
        ({"date": "day", "plus_months": -2, "plus_days": 1}, date(2025, 12, 1)),
        ({"date": "{b}/1/2026", "format": "%d/%m/%Y"}, date(2026, 1, 3)),
        ({"date": "empty", "default": {"column": "day"}}, date(2026, 1, 31)),
        ({"flag": "a > 1"}, True),
        ({"map": {"Late": "late", "": "none"}, "of": "word"}, "late"),
        ({"map": {"": {"column": "b"}}, "of": "empty"}, "3"),
        ({"map": {"q": 1}, "of": "word", "default": 2}, 2),
        ([{"column": "b"}, 1], ["3", 1]),
        ({"value": {"column": "word"}, "gone": {"column": "x"}}, {"value": "Late"}),
    ],
)
def test_values_are_made_from_a_row(spec: Any, expected: object) -> None:
    assert made(spec) == expected


def test_dates_are_read_as_they_are_written() -> None:
    assert made({"date": "d", "format": "%b-%Y"}, {"d": "Oct-2016"}) == date(2016, 10, 1)
    assert made({"date": "d"}, {"d": "2026-01-02T23:59:59Z"}) == date(2026, 1, 2)
    assert made({"date": "d"}, {"d": "2026-01-02 10:00"}) == date(2026, 1, 2)


def test_what_is_made_up_is_made_up_the_same_way_every_time() -> None:
    spec = {"pick": ["a", "b", "c", "d"], "by": "id"}
    picked = [made(spec, {"id": str(n)}) for n in range(50)]
    assert picked == [made(spec, {"id": str(n)}) for n in range(50)]
    assert set(picked) == {"a", "b", "c", "d"}
    digits = made({"digits": 6, "by": "id"}, {"id": "x"})
    assert len(digits) == 6
    assert digits.isdigit()


@pytest.mark.parametrize(
    ("spec", "field", "rule"),
    [
        ({"text": "{empty}"}, "empty", "is empty"),
        ({"integer": "a"}, "here", "whole number"),
        ({"decimal": "a", "digits": 1}, "", ""),
        ({"decimal": "a / 3", "digits": 2}, "here", "more than 2 digits"),
        ({"money": "a / 3", "currency": "USD"}, "here", "more digits than USD"),
        ({"money": "b / 2", "currency": "JPY"}, "here", "more digits than JPY"),
        ({"money": "a", "currency": "{word}"}, "here", "ISO 4217"),
        ({"money": "a * 10000000000000000", "currency": "USD"}, "here", "64 bits"),
        ({"date": "word"}, "word", "not a date"),
        ({"date": "empty"}, "empty", "is empty"),
        ({"date": "day", "plus_months": "999999"}, "here", "exists"),
        ({"flag": "a"}, "a", "not a condition"),
        ({"map": {"q": 1}, "of": "word"}, "word", "no word"),
        ({"pick": ["a"], "by": "empty"}, "empty", "is empty"),
    ],
)
def test_what_cannot_be_made_is_named(spec: Any, field: str, rule: str) -> None:
    if not field:
        assert made(spec) == "12.5"
        return
    with pytest.raises(RowError, match=rule) as caught:
        made(spec)
    assert caught.value.field == field


@pytest.mark.parametrize(
    "spec",
    [
        {"column": "a", "wrong": 1}, {"column": 5}, {"text": "{"}, {"money": "a"},
        {"money": "a +", "currency": "USD"}, {"integer": "a", "rounding": "sideways"},
        {"decimal": "a", "digits": 99}, {"decimal": []}, {"pick": [], "by": "a"},
        {"digits": 0, "by": "a"}, {"map": {}, "of": "a"}, {"flag": True}, None, {"integer": True},
    ],
)  # fmt: skip
def test_a_value_that_says_nothing_sensible_is_refused(spec: Any) -> None:
    with pytest.raises(MappingError, match="here"):
        compile_value(spec, "here", Style())


MAPPING = """
[mapping]
source = "bank/core"
assumptions = ["one"]
[parameters]
as_of = 2026-01-02
[fields]
total = { decimal = "owed + 1" }
[[skip]]
reason = "closed"
when = "status == 'C'"
[[event]]
type = "parley.bank.payment.received.v1"
key = { text = "C-{customer}" }
time = { text = "{as_of}T09:00:00Z" }
data.payment_id = { column = "payment" }
data.amount = { money = "total", currency = "CNY" }
data.value_date = { column = "as_of" }
"""


def load(tmp_path: Path, text: str, **parameters: str) -> Any:
    path = tmp_path / "m.toml"
    path.write_text(text, encoding="utf-8")
    return load_mapping(path, parameters)


def test_a_mapping_knows_the_columns_that_it_reads(tmp_path: Path) -> None:
    mapping = load(tmp_path, MAPPING, as_of="2026-05-05")
    assert mapping.columns == {"owed", "status", "customer", "payment"}
    assert mapping.parameters == {"as_of": "2026-05-05"}
    row = mapping.prepare({"owed": "1", "status": "C"})
    assert (row["total"], mapping.skipped(row)) == ("2", "closed")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("[mapping]", "[mapping", "is not TOML"),
        ('source = "bank/core"', "", "mapping.source"),
        ("assumptions", "asumptions", "does not know asumptions"),
        ("[[skip]]", "[skip]", "must be written"),
        ('reason = "closed"', "", "needs a reason"),
        ("parley.bank.payment.received.v1", "parley.bank.payment.v7", "there is no message"),
        ("parley.bank.payment.received.v1", "parley.offer.lapsed.v1", "bank and desk"),
        ("parley.bank.payment.received.v1", "parley.bank.day.closed.v1", "bank and desk"),
        ("data.payment_id", "data.paymentid", "has no field paymentid"),
        ('data.value_date = { column = "as_of" }', "", "needs value_date"),
        ('key = { text = "C-{customer}" }', "", "needs key"),
        ('decimal = "owed + 1"', 'decimal = "owed ** 2"', "expressions do not know"),
        ("total = {", "Total = {", "a name has lower-case"),
        ("total = {", "as_of = {", "is a parameter already"),
        ("[fields]", 'before = { decimal = "late" }\n[fields]', "parameters.before"),
        ("[fields]", '[fields]\nearly = { decimal = "total" }', "does not stand above it"),
        ("[mapping]", '[mapping]\nencoding = "klingon"', "is not an encoding"),
        ("[mapping]", '[mapping]\ndelimiter = ";;"', "must be one character"),
        ("[[event]]", "[[evnt]]", "does not know evnt"),
    ],
)
def test_a_mapping_with_a_mistake_says_where(tmp_path: Path, old: str, new: str, says: str) -> None:
    with pytest.raises(MappingError, match=says):
        load(tmp_path, MAPPING.replace(old, new))


def test_a_parameter_that_the_mapping_does_not_have_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MappingError, match="there is no asof; there are: as_of"):
        load(tmp_path, MAPPING, asof="x")


def test_a_mapping_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(MappingError, match="no such mapping"):
        load_mapping(tmp_path / "gone.toml")
    with pytest.raises(MappingError, match="cannot be read"):
        load_mapping(tmp_path)


def test_two_messages_of_a_row_need_two_ids(tmp_path: Path) -> None:
    event = MAPPING[MAPPING.index("[[event]]") :] + 'id = { text = "{payment}" }\n'
    event = event.replace("data.payment_id", 'id = { text = "{payment}" }\ndata.payment_id', 1)
    event = event[: event.rindex("id = ")]
    with pytest.raises(MappingError, match="the same id"):
        load(tmp_path, MAPPING[: MAPPING.index("[[event]]")] + event + event)
