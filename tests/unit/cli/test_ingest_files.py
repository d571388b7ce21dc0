"""Files as banks give them: every way in which they are odd, and the real ones where they are at hand."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import deploy
from services.cli.ingest import Bad, Good, Item, Mapping, Skipped, SourceError, load_mapping, read_items
from services.cli.ingest import source as source_module
from services.cli.ingest.source import Source
from shared.contracts.bank import AccountOverdue, PaymentReceived
from shared.lending.money import Money

MAPPINGS = Path(deploy.__file__).parent / "mappings"
REAL = Path(deploy.__file__).parents[2] / "shared" / "data"

PAYMENTS = """
[mapping]
source = "bank/core"
[[skip]]
reason = "nothing paid"
when = "amount == 0"
[[event]]
type = "parley.bank.payment.received.v1"
key = { text = "C-{customer}" }
time = { text = "{day}T09:00:00+08:00" }
data.payment_id = { column = "payment" }
data.amount = { money = "amount", currency = "CNY" }
data.value_date = { column = "day" }
"""


@pytest.fixture
def payments(tmp_path: Path) -> Mapping:
    path = tmp_path / "payments.toml"
    path.write_text(PAYMENTS)
    return load_mapping(path)


def read(path: Path, mapping: Mapping | None) -> list[Item]:
    with Source(path, encoding=mapping.encoding if mapping else "utf-8") as source:
        return list(read_items(source, mapping))


def rows_of(tmp_path: Path, mapping: Mapping, content: bytes, name: str = "f.csv") -> list[Item]:
    path = tmp_path / name
    path.write_bytes(content)
    return read(path, mapping)


HEAD = b"customer,payment,amount,day\n"
GOOD = b"7,P1,12.30,2026-01-02\n"


def test_a_row_becomes_a_message(tmp_path: Path, payments: Mapping) -> None:
    [item] = rows_of(tmp_path, payments, HEAD + GOOD)
    assert isinstance(item, Good)
    [envelope] = item.envelopes
    assert (item.line, envelope.key, envelope.source) == (2, "C-7", "bank/core")
    assert envelope.time.isoformat() == "2026-01-02T09:00:00+08:00"
    assert isinstance(envelope.data, PaymentReceived)
    assert envelope.data.amount == Money(1230, "CNY")


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbf" + HEAD + GOOD,
        (HEAD + GOOD).replace(b"\n", b"\r\n"),
        (HEAD + GOOD).replace(b"\n", b"\r"),
        b' customer ,payment , amount,"day"\n"7","P1",12.30 , 2026-01-02',
        b"day,extra,amount,customer,payment\n2026-01-02,,12.30,7,P1\n\n",
        gzip.compress(HEAD + GOOD),
        gzip.compress(HEAD) + gzip.compress(GOOD),
    ],
    ids=["bom", "crlf", "cr", "quotes", "other order", "gz", "gz of two parts"],
)
def test_however_the_file_is_written_the_message_is_the_same(
    tmp_path: Path, payments: Mapping, content: bytes
) -> None:
    [plain] = rows_of(tmp_path, payments, HEAD + GOOD)
    [item] = rows_of(tmp_path, payments, content)
    assert isinstance(item, Good)
    assert isinstance(plain, Good)
    assert item.envelopes == plain.envelopes


def test_line_numbers_are_those_of_an_editor(tmp_path: Path, payments: Mapping) -> None:
    content = (
        HEAD + b'7,"P\n1",1.00,2026-01-02\n' + b"7,P2,x,2026-01-02\n" + b"\n" + b'7,"a\nb",y,2026-01-02\n'
    )
    items = rows_of(tmp_path, payments, content)
    assert [(type(item), item.line) for item in items] == [(Good, 2), (Bad, 4), (Bad, 6)]


@pytest.mark.parametrize(
    ("row", "field", "rule"),
    [
        (b"7,P1,abc,2026-01-02", "amount", "is not a number"),
        (b"7,P1,,2026-01-02", "amount", "is empty"),
        (b"7,P1,1.234,2026-01-02", "data.amount", "more digits than CNY"),
        (b"7,P1,1.00,2026-13-02", "data.value_date", "valid date"),
        (b"7,P1,1.00,02.01.2026", "data.value_date", "valid date"),
        (b"7,,1.00,2026-01-02", "data.payment_id", "field required"),
        (b"7," + b"x" * 65 + b",1.00,2026-01-02", "data.payment_id", "at most 64"),
        (b"a b,P1,1.00,2026-01-02", "key", "visible ASCII"),
        (b",P1,1.00,2026-01-02", "customer", "is empty"),
        ("客户,P1,1.00,2026-01-02".encode(), "key", "visible ASCII"),
        ("7,付,1.00,2026-01-02".encode("gbk"), "payment", "is not UTF-8"),
        (b"7,P1,1.00", "line", "has 3 columns where the header has 4"),
        (b"7,P1,1.00,2026-01-02,x", "line", "has 5 columns"),
        (b'7,"P"1,1.00,2026-01-02', "line", "after a closing quote"),
        (b'7,"P1,1.00,2026-01-02', "line", "never closed"),
    ],
)
def test_a_bad_line_is_named_and_the_rest_goes_on(
    tmp_path: Path, payments: Mapping, row: bytes, field: str, rule: str
) -> None:
    items = rows_of(tmp_path, payments, HEAD + GOOD + row + b"\n")
    assert isinstance(items[0], Good)
    bad = items[1]
    assert isinstance(bad, Bad)
    assert (bad.line, bad.field) == (3, field)
    assert rule in bad.rule
    after = rows_of(tmp_path, payments, HEAD + row + b"\n" + GOOD)
    assert isinstance(after[-1], Bad if b'"P1' in row else Good)


def test_skipped_rows_are_counted_with_their_reason(tmp_path: Path, payments: Mapping) -> None:
    [item] = rows_of(tmp_path, payments, HEAD + b"7,P1,0.00,2026-01-02\n")
    assert item == Skipped(2, "nothing paid")


def test_a_missing_column_is_named_with_those_there_are(tmp_path: Path, payments: Mapping) -> None:
    with pytest.raises(SourceError, match=r"reads amount, day, which .* are: customer, payment, sum$"):
        rows_of(tmp_path, payments, b"customer,payment,sum\n7,P1,1\n")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"\xef\xbb\xbf", "is empty"),
        (gzip.compress(b"", mtime=0), "is empty"),
        (b"customer,payment,amount,amount,day\n", "amount is there more than once"),
        ("customer\n".encode("utf-16"), "UTF-16"),
        (b"\x1f\x8bgarbage of all kinds", "not a sound gzip file"),
        (b'"customer,payment', "never closed"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(
    tmp_path: Path, payments: Mapping, content: bytes, says: str
) -> None:
    with pytest.raises(SourceError, match=says):
        rows_of(tmp_path, payments, content)


def test_a_header_alone_is_a_file_without_rows(tmp_path: Path, payments: Mapping) -> None:
    assert rows_of(tmp_path, payments, HEAD) == []


def test_of_a_gzip_file_that_was_cut_off_all_lines_before_the_cut_are_read(
    tmp_path: Path, payments: Mapping
) -> None:
    rows = b"".join(b"7,P%d,%d.%02d,2026-01-02\n" % (n, n * 7919, n % 100) for n in range(1, 5000))
    path = tmp_path / "cut.csv.gz"
    path.write_bytes(gzip.compress(HEAD + rows)[:-2000])
    items: list[Item] = []
    with Source(path) as source, pytest.raises(SourceError, match="ends in the middle, after line"):
        items.extend(read_items(source, payments))
    assert len(items) > 100
    assert all(isinstance(item, Good) for item in items)


def test_another_encoding_is_read_when_the_mapping_says_so(tmp_path: Path) -> None:
    path = tmp_path / "m.toml"
    path.write_text(PAYMENTS.replace("[mapping]", '[mapping]\nencoding = "gb18030"'))
    [item] = rows_of(tmp_path, load_mapping(path), HEAD + "7,付,1.00,2026-01-02\n".encode("gb18030"))
    assert isinstance(item, Good)
    assert item.envelopes[0].data.payment_id == "付"
    [bad] = rows_of(tmp_path, load_mapping(path), HEAD + b"7,\xff\xff,1.00,2026-01-02\n")
    assert (isinstance(bad, Bad) and bad.field) == "payment"


def test_a_line_without_end_is_one_bad_row(
    tmp_path: Path, payments: Mapping, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source_module, "LONGEST_LINE", 1000)
    items = rows_of(tmp_path, payments, HEAD + b"7," + b"x" * 5000 + b",1.00,2026-01-02\n" + GOOD)
    assert [(type(item), item.line) for item in items] == [(Bad, 2), (Good, 3)]
    assert "longer than" in items[0].rule  # type: ignore[union-attr]


@pytest.mark.parametrize("path", ["gone.csv", "."])
def test_a_file_that_is_not_there_is_named(tmp_path: Path, path: str) -> None:
    with pytest.raises(SourceError, match=r"no such file|cannot be read"):
        Source(tmp_path / path)


# -- ids ------------------------------------------------------------------------------------------------


def ids(items: list[Item]) -> list[str]:
    return [envelope.id for item in items if isinstance(item, Good) for envelope in item.envelopes]


def test_equal_rows_are_told_apart_by_their_occurrence_and_keep_their_ids(
    tmp_path: Path, payments: Mapping
) -> None:
    content = HEAD + GOOD + GOOD + b"8,P1,12.30,2026-01-02\n" + GOOD
    first, again = (ids(rows_of(tmp_path, payments, content)) for _ in range(2))
    assert first == again
    assert len(set(first)) == 4
    longer = ids(rows_of(tmp_path, payments, HEAD + b"9,P9,1.00,2026-01-01\n" + content[len(HEAD) :]))
    assert longer[1:] == first


def test_ids_come_from_the_columns_that_the_mapping_names(tmp_path: Path) -> None:
    path = tmp_path / "m.toml"
    path.write_text(PAYMENTS + 'id = { text = "pay/{payment}" }\n')
    assert ids(rows_of(tmp_path, load_mapping(path), HEAD + GOOD + GOOD)) == ["pay/P1", "pay/P1"]


# -- JSON Lines -----------------------------------------------------------------------------------------


def test_json_lines_are_mapped_like_rows(tmp_path: Path, payments: Mapping) -> None:
    lines = [
        {"customer": 7, "payment": "P1", "amount": 12.30, "day": "2026-01-02"},
        {"customer": 7, "payment": "P1", "amount": 0, "day": "2026-01-02"},
        {"customer": True, "payment": None, "amount": "1", "day": "2026-01-02"},
    ]
    content = "\n".join(map(json.dumps, lines)) + '\n\n{"broken\n[1]\n"text"\n'
    items = rows_of(tmp_path, payments, content.encode(), "f.jsonl")
    assert [(type(item), item.line) for item in items] == [
        (Good, 1), (Skipped, 2), (Bad, 3), (Bad, 5), (Bad, 6), (Bad, 7),
    ]  # fmt: skip
    [plain] = rows_of(tmp_path, payments, HEAD + GOOD)
    assert isinstance(plain, Good)
    assert items[0].envelopes == plain.envelopes  # type: ignore[union-attr]


def test_nested_json_is_read_with_dots(tmp_path: Path) -> None:
    path = tmp_path / "m.toml"
    path.write_text(
        PAYMENTS.replace("{customer}", "{who.number}").replace('money = "amount"', 'money = "sum.cny"')
    )
    line = {"who": {"number": "7"}, "sum": {"cny": 5}, "payment": "P1", "amount": 1, "day": "2026-01-02"}
    [item] = rows_of(tmp_path, load_mapping(path), json.dumps(line).encode(), "f.jsonl")
    assert (isinstance(item, Good) and item.envelopes[0].data.amount) == Money(500, "CNY")


def event(**changes: Any) -> bytes:
    whole = {
        "specversion": "1.0",
        "id": "e1",
        "source": "bank/core",
        "type": "parley.bank.payment.received.v1",
        "time": "2026-01-02T09:00:00Z",
        "partitionkey": "C-7",
        "data": {
            "payment_id": "P1",
            "amount": {"amount": "1.00", "currency": "CNY"},
            "value_date": "2026-01-02",
        },
        **changes,
    }
    return json.dumps(whole).encode() + b"\n"


def test_lines_of_cloudevents_need_no_mapping(tmp_path: Path, payments: Mapping) -> None:
    path = tmp_path / "events.jsonl.gz"
    path.write_bytes(
        gzip.compress(event() + event(id="e2", partitionkey=None) + event(type="parley.offer.lapsed.v1"))
    )
    for mapping in (None, payments):
        items = read(path, mapping)
        assert isinstance(items[0], Good)
        assert (items[0].envelopes[0].id, items[0].envelopes[0].key) == ("e1", "C-7")
        assert next(item.field for item in items if isinstance(item, Bad)) == "key"
        assert len(items) == 3
        assert isinstance(items[2], Bad)


def test_facts_of_the_services_cannot_be_published(tmp_path: Path) -> None:
    data = {"offer_id": "o", "round": 1, "as_of": "2026-01-02", "next_step": {"code": "no_answer"}}
    path = tmp_path / "events.jsonl"
    path.write_bytes(event(type="parley.offer.lapsed.v1", data=data))
    assert read(path, None) == [Bad(1, "type", "files hold messages of bank and desk, no others")]


@pytest.mark.parametrize("subject", [{}, {"subject": None}])
def test_what_is_said_at_the_desk_names_its_case(tmp_path: Path, subject: dict[str, Any]) -> None:
    """It was sent, and six services kept a dead letter of it that nobody can decide again."""
    said = {"type": "parley.desk.human.requested.v1", "source": "desk/console", "data": {}}
    path = tmp_path / "events.jsonl"
    path.write_bytes(event(**said, **subject) + event(**said, id="e2", subject="c-1"))
    missing, good = read(path, None)
    assert missing == Bad(1, "subject", "is missing: it is the case id")
    assert isinstance(good, Good)


def test_a_csv_file_needs_a_mapping(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    path.write_bytes(HEAD + GOOD)
    with pytest.raises(SourceError, match="--mapping"):
        read(path, None)


# -- the mappings that ship -----------------------------------------------------------------------------

CARDS = (
    "ID,LIMIT_BAL,SEX,EDUCATION,MARRIAGE,AGE,PAY_0,PAY_2,PAY_3,PAY_4,PAY_5,PAY_6,BILL_AMT1,BILL_AMT2,BILL_AMT3,"
    "BILL_AMT4,BILL_AMT5,BILL_AMT6,PAY_AMT1,PAY_AMT2,PAY_AMT3,PAY_AMT4,PAY_AMT5,PAY_AMT6,default.payment.next.month"
)


def card(number: int, months: int, bill: str) -> str:
    return f"{number},50000.0,2,2,1,33,{months},0,0,0,0,0,{bill},1,2,3,4,5,0.0,0,0,0,0,0,1"


def test_the_mapping_of_the_card_accounts(tmp_path: Path) -> None:
    rows = [
        CARDS,
        card(1, 2, "25000.0"),
        card(2, 0, "9000.0"),
        card(3, 1, "0.0"),
        card(4, 8, "900.0"),
        card(5, 1, "x"),
    ]
    path = tmp_path / "cards.csv.gz"
    path.write_bytes(gzip.compress("\n".join(rows).encode()))
    first, *others = read(path, load_mapping(MAPPINGS / "card_accounts_taiwan_2005.toml"))
    assert isinstance(first, Good)
    [envelope] = first.envelopes
    data = envelope.data
    assert isinstance(data, AccountOverdue)
    assert (envelope.key, envelope.id, data.product) == ("TW-1", "TW-1/overdue/2005-09-30", "tw-card")
    assert (data.days_past_due, data.outstanding.principal, data.overdue.principal) == (
        60, Money(2_500_000, "TWD"), Money(500_000, "TWD"),
    )  # fmt: skip
    assert data.contractual_payment == Money(250_000, "TWD")
    assert [type(item) for item in others] == [Skipped, Skipped, Good, Bad]
    small = others[2]
    assert isinstance(small, Good)
    assert small.envelopes[0].data.overdue.principal == Money(72_000, "TWD")
    assert small.envelopes[0].data.contractual_payment == Money(90_000, "TWD")
    assert others[3] == Bad(6, "BILL_AMT1", "is not a number")


LOANS = (
    "id,loan_status,funded_amnt,int_rate,installment,issue_d,addr_state,"
    "out_prncp,total_rec_prncp,recoveries,last_pymnt_d"
)


def test_the_mapping_of_the_personal_loans(tmp_path: Path) -> None:
    rows = [
        LOANS,
        "11,Current,9000.0,10.0,300.00,Oct-2016,NY,4000.0,5000.0,0.0,Mar-2019",
        "12,Late (16-30 days),9000.0,10.0,300.00,Oct-2016,NY,4000.0,5000.0,0.0,Feb-2019",
        "13,Charged Off,9000.0,20.0,300.00,Oct-2016,TX,0.0,5000.0,1000.0,Dec-2018",
        "14,Charged Off,9000.0,20.0,300.00,Oct-2016,TX,0.0,0.0,0.0,",
        "15,Charged Off,9000.0,20.0,300.00,Oct-2016,TX,0.0,5000.0,4000.0,Dec-2018",
        "16,Late (31-120 days),9000.0,10.0,300.00,Oct-2016,NY,500.0,8500.0,0.0,Jan-2019",
    ]
    path = tmp_path / "loans.csv"
    path.write_text("\n".join(rows))
    items = read(path, load_mapping(MAPPINGS / "personal_loans_lendingclub_2016.toml"))
    assert [type(item) for item in items] == [Skipped, Good, Good, Good, Skipped, Good]
    late, charged, never, last = (item.envelopes[0].data for item in items if isinstance(item, Good))
    assert (late.days_past_due, late.outstanding.principal) == (23, Money(400_000, "USD"))
    assert late.outstanding.interest == Money(2_521, "USD")
    assert late.overdue.principal + late.overdue.interest == Money(30_000, "USD")
    assert (charged.days_past_due, charged.outstanding.principal) == (89, Money(300_000, "USD"))
    assert charged.overdue == charged.outstanding
    assert charged.outstanding.interest == Money(14_630, "USD")
    assert (never.days_past_due, never.outstanding.principal) == (880, Money(900_000, "USD"))
    assert last.overdue.principal == Money(50_000, "USD")


@pytest.mark.parametrize("path", sorted(MAPPINGS.glob("*.toml")), ids=lambda path: path.stem)
def test_every_mapping_that_ships_states_its_assumptions(path: Path) -> None:
    assert len(load_mapping(path).assumptions) >= 3


@pytest.mark.parametrize(
    ("name", "good", "skipped"),
    [
        (
            "card_accounts_taiwan_2005",
            2557,
            {"not overdue": 11512, "overdue, but nothing owed on the statement": 871},
        ),
        ("personal_loans_lendingclub_2016", 185, {"not overdue": 813}),
    ],
)
def test_the_real_files(name: str, good: int, skipped: dict[str, int]) -> None:
    path = REAL / f"{name}.csv.gz"
    if not path.exists():
        pytest.skip(f"the real data is not at hand ({path.name})")
    items = read(path, load_mapping(MAPPINGS / f"{name}.toml"))
    assert not [item for item in items if isinstance(item, Bad)]
    assert len(set(ids(items))) == good
    assert Counter(item.reason for item in items if isinstance(item, Skipped)) == skipped
