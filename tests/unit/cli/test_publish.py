"""`parley publish` and `parley day close` against a publisher that only takes notes."""

from __future__ import annotations

import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, tzinfo
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from services.cli import door
from services.cli.catalogue import policies_dir
from services.cli.main import app
from shared.contracts.envelope import Envelope
from shared.runtime.ports import UnavailableError, UnencodableError

MAPPING = """
[mapping]
source = "bank/core"
assumptions = ["amounts are in CNY"]
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
HEAD = "customer,payment,amount,day\n"
ROWS = HEAD + "7,P1,12.30,2026-01-02\n8,P2,secret,2026-01-02\n7,P3,0,2026-01-03\n9,P4,1,2026-01-03\n"


class Notes:
    """Notes what it is given; fails after `fails_after` messages, refuses payments called `HUGE`."""

    def __init__(self, fails_after: int | None = None) -> None:
        self.sent: list[Envelope[Any]] = []
        self.order: list[str] = []
        self.closed: list[tuple[date, str, str]] = []
        self.fails_after = fails_after
        self.largest = 0

    def measure(self, envelope: Envelope[Any]) -> None:
        if getattr(envelope.data, "payment_id", "") == "HUGE":
            raise UnencodableError("larger than the topic's limit")

    async def send(self, *envelopes: Envelope[Any]) -> None:
        if self.fails_after is not None and len(self.sent) >= self.fails_after:
            raise UnavailableError("Kafka: no answer")
        self.sent += envelopes
        self.largest = max(self.largest, len(envelopes))
        self.order += [envelope.id for envelope in envelopes]

    async def close_day(self, day: date, *, zone: tzinfo, source: str) -> None:
        self.closed.append((day, str(zone), source))
        self.order.append(day.isoformat())


@pytest.fixture
def notes(monkeypatch: pytest.MonkeyPatch) -> Notes:
    taken = Notes()

    @asynccontextmanager
    async def opened(data: Path | None) -> AsyncIterator[Notes]:
        yield taken

    monkeypatch.setattr(door, "open_publisher", opened)
    monkeypatch.setattr("services.cli.day.open_publisher", opened)
    return taken


@pytest.fixture
def mapping(tmp_path: Path) -> Path:
    path = tmp_path / "m.toml"
    path.write_text(MAPPING)
    return path


def run(*args: object) -> Result:
    return CliRunner().invoke(app, [str(arg) for arg in args])


def written(tmp_path: Path, text: str = ROWS) -> Path:
    path = tmp_path / "rows.csv"
    path.write_text(text)
    return path


def test_good_lines_are_published_and_bad_ones_named(tmp_path: Path, mapping: Path, notes: Notes) -> None:
    errors = tmp_path / "errors.jsonl"
    result = run("publish", written(tmp_path), "--mapping", mapping, "--errors", errors)
    assert result.exit_code == 1
    assert [envelope.data.payment_id for envelope in notes.sent] == ["P1", "P4"]
    assert "line 3: amount: is not a number" in result.stderr
    assert "secret" not in result.output
    assert "2 messages of 2 rows published" in result.stdout
    assert "1 rows skipped: nothing paid" in result.stdout
    assert "parley day close 2026-01-03" in result.stdout
    assert json.loads(errors.read_text()) == {"line": 3, "field": "amount", "rule": "is not a number"}


def test_with_lenient_bad_lines_do_not_fail_the_command(tmp_path: Path, mapping: Path, notes: Notes) -> None:
    assert run("publish", written(tmp_path), "-m", mapping, "--lenient").exit_code == 0


def test_json_for_scripts(tmp_path: Path, mapping: Path, notes: Notes) -> None:
    result = run("publish", written(tmp_path), "-m", mapping, "--json")
    summary = json.loads(result.stdout)
    assert {key: summary[key] for key in ("rows", "good_rows", "messages", "bad", "problem", "last_day")} == {
        "rows": 4, "good_rows": 2, "messages": 2, "bad": 1, "problem": None, "last_day": "2026-01-03",
    }  # fmt: skip
    assert summary["skipped"] == {"nothing paid": 1}
    assert summary["errors"] == [{"line": 3, "field": "amount", "rule": "is not a number"}]
    assert result.stderr == ""


def test_publishing_again_gives_the_same_ids(tmp_path: Path, mapping: Path, notes: Notes) -> None:
    for _ in range(2):
        run("publish", written(tmp_path), "-m", mapping)
    assert len(notes.sent) == 4
    assert notes.sent[:2] == notes.sent[2:]


def test_a_dry_run_sends_nothing(tmp_path: Path, mapping: Path, notes: Notes) -> None:
    result = run("publish", written(tmp_path), "-m", mapping, "--dry-run")
    assert "2 messages of 2 rows would be published" in result.stdout
    assert result.exit_code == 1
    assert notes.sent == []


def test_a_limit_counts_good_rows(tmp_path: Path, mapping: Path, notes: Notes) -> None:
    assert run("publish", written(tmp_path), "-m", mapping, "--limit", 1).exit_code == 0
    assert len(notes.sent) == 1


def test_many_rows_go_in_batches_and_in_order(tmp_path: Path, mapping: Path, notes: Notes) -> None:
    rows = "".join(f"7,P{n},1.00,2026-01-02\n" for n in range(1203))
    assert run("publish", written(tmp_path, HEAD + rows), "-m", mapping).exit_code == 0
    assert [envelope.data.payment_id for envelope in notes.sent] == [f"P{n}" for n in range(1203)]
    assert notes.largest == 500


def test_what_kafka_would_refuse_is_a_bad_line(tmp_path: Path, mapping: Path, notes: Notes) -> None:
    rows = ROWS.splitlines()[0] + "\n7,HUGE,1.00,2026-01-02\n7,P1,1.00,2026-01-02\n"
    result = run("publish", written(tmp_path, rows), "-m", mapping)
    assert "line 2: message: larger than the topic's limit" in result.stderr
    assert len(notes.sent) == 1


def test_when_kafka_goes_away_the_command_says_what_is_in(
    tmp_path: Path, mapping: Path, notes: Notes
) -> None:
    notes.fails_after = 500
    rows = "".join(f"7,P{n},1.00,2026-01-02\n" for n in range(900))
    result = run("publish", written(tmp_path, HEAD + rows), "-m", mapping)
    assert result.exit_code == 1
    assert "500 messages are known to be in; publish the file again" in result.stderr


def test_many_bad_lines_are_shown_in_part_and_kept_in_full(
    tmp_path: Path, mapping: Path, notes: Notes
) -> None:
    rows = HEAD + "7,P,x,2026-01-02\n" * 150
    errors = tmp_path / "errors.jsonl"
    result = run("publish", written(tmp_path, rows), "-m", mapping, "--errors", errors)
    assert result.stderr.count("is not a number") == 20
    assert "150 lines bad; all of them are in" in result.stdout
    assert len(errors.read_text().splitlines()) == 150


def test_the_file_itself_is_not_where_its_bad_lines_go(tmp_path: Path, mapping: Path, notes: Notes) -> None:
    """It was emptied."""
    file = written(tmp_path)
    (tmp_path / "link").symlink_to(file)
    for errors in (file, tmp_path / "link"):
        result = run("publish", file, "-m", mapping, "--errors", errors)
        assert result.exit_code == 2
        assert "--errors: is FILE itself" in result.stderr
    assert file.read_text(encoding="utf-8") == ROWS
    assert not notes.sent


def test_what_came_before_a_cut_is_published(tmp_path: Path, mapping: Path, notes: Notes) -> None:
    import gzip

    rows = "".join(f"7,P{n},{n * 7919 % 100_003 + 1},2026-01-02\n" for n in range(5000))
    path = tmp_path / "rows.csv.gz"
    path.write_bytes(gzip.compress((HEAD + rows).encode())[:-3000])
    result = run("publish", path, "-m", mapping)
    assert result.exit_code == 1
    assert "ends in the middle" in result.stderr
    assert len(notes.sent) > 100


def test_cloudevents_and_a_closed_day_among_them(tmp_path: Path, notes: Notes) -> None:
    def line(number: int, type_: str, data: dict[str, Any]) -> str:
        head = {"specversion": "1.0", "id": f"e{number}", "source": "bank/core", "type": type_}
        return json.dumps(head | {"time": "2026-01-02T09:00:00+08:00", "partitionkey": "C-7", "data": data})

    paid = {"payment_id": "P", "amount": {"amount": "1.00", "currency": "CNY"}, "value_date": "2026-01-02"}
    path = tmp_path / "events.jsonl"
    path.write_text(
        "\n".join(
            [
                line(1, "parley.bank.payment.received.v1", paid),
                line(2, "parley.bank.day.closed.v1", {"day": "2026-01-02"}),
                line(3, "parley.bank.payment.received.v1", paid),
            ]
        )
    )
    assert run("publish", path).exit_code == 0
    assert notes.order == ["e1", "2026-01-02", "e3"]
    assert notes.closed == [(date(2026, 1, 2), "UTC+08:00", "bank/core")]


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["rows.csv"], "needs a mapping"),
        (["gone.csv", "-m", "m.toml"], "no such file"),
        (["rows.csv", "-m", "gone.toml"], "no such mapping"),
        (["rows.csv", "-m", "m.toml", "--set", "x"], "NAME=VALUE"),
        (["rows.csv", "-m", "m.toml", "--set", "x=1"], "there is no x"),
        (["rows.csv", "-m", "m.toml", "--errors", "no/such/folder"], "cannot be written"),
        (["other.csv", "-m", "m.toml"], "its columns are: a, b"),
    ],
)
def test_mistakes_of_the_call_are_named_and_nothing_is_sent(
    tmp_path: Path, mapping: Path, notes: Notes, monkeypatch: pytest.MonkeyPatch, args: list[str], says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    written(tmp_path)
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    result = run("publish", *args)
    assert result.exit_code in (1, 2)
    assert says in result.stderr
    assert "Traceback" not in result.stderr
    assert notes.sent == []


OVERDUE = """
[mapping]
source = "bank/core"
[[event]]
type = "parley.bank.account.overdue.v1"
key = { text = "C-{customer}" }
time = { text = "2026-01-02T09:00:00+08:00" }
data.account_id = { text = "A-{customer}" }
data.as_of = "2026-01-02"
data.product = { column = "product" }
data.kind = "card"
data.days_past_due = 40
data.annual_rate_pct = "12"
data.contract_date = "2022-05-04"
data.language = "zh"
data.outstanding.principal = { money = "owed", currency = "CNY" }
data.outstanding.interest = { amount = "0.00", currency = "CNY" }
data.outstanding.fees = { amount = "0.00", currency = "CNY" }
data.outstanding.late_charges = { amount = "0.00", currency = "CNY" }
data.overdue.principal = { money = "owed", currency = "CNY" }
data.overdue.interest = { amount = "0.00", currency = "CNY" }
data.overdue.fees = { amount = "0.00", currency = "CNY" }
data.overdue.late_charges = { amount = "0.00", currency = "CNY" }
"""


@pytest.fixture
def overdue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """A file of three accounts, the second of a product that is mistyped, and its mapping."""
    for name in ("KAFKA_BOOTSTRAP", "PARLEY_POLICIES"):
        monkeypatch.delenv(name, raising=False)
    mapping, rows = tmp_path / "overdue.toml", tmp_path / "overdue.csv"
    mapping.write_text(OVERDUE)
    rows.write_text("customer,product,owed\n7,cn-card,100.00\n8,cn-crad,100.00\n9,cn-card,100.00\n")
    return rows, mapping


def test_a_product_that_no_pack_knows_is_a_bad_line(overdue: tuple[Path, Path], notes: Notes) -> None:
    """It was published; intake refused it, no case was opened, and nobody heard."""
    result = run("publish", overdue[0], "-m", overdue[1])
    assert result.exit_code == 1, result.output
    assert [envelope.key for envelope in notes.sent] == ["C-7", "C-9"]
    assert "line 3: product: is none of the built-in policy packs: cn-card, " in result.stderr
    assert "cn-crad" not in result.output
    assert "1 lines bad" in result.stdout
    assert run("publish", overdue[0], "-m", overdue[1], "--dry-run").exit_code == 1


def test_on_another_machine_it_is_said_and_sent(
    overdue: tuple[Path, Path], notes: Notes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KAFKA_BOOTSTRAP", "kafka.bank.example:9092")
    result = run("publish", overdue[0], "-m", overdue[1])
    assert result.exit_code == 0, result.output
    assert [envelope.key for envelope in notes.sent] == ["C-7", "C-8", "C-9"]
    assert "line 3: product: is none of the built-in policy packs" in result.stderr
    assert "; sent all the same" in result.stderr
    assert "1 lines name a product that no pack here knows" in result.stdout
    assert "what is mended needs ids of its own" in result.stdout
    summary = json.loads(run("publish", overdue[0], "-m", overdue[1], "--json").stdout)
    assert (summary["bad"], summary["doubted"]) == (0, 1)
    assert [(one["line"], one["field"]) for one in summary["doubts"]] == [(3, "product")]


def test_packs_that_are_named_are_those_of_the_platform(
    overdue: tuple[Path, Path], notes: Notes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    packs = tmp_path / "packs"
    shutil.copytree(policies_dir(), packs)
    text = (packs / "cn-card.toml").read_text().replace('id = "cn-card"', 'id = "cn-crad"', 1)
    (packs / "cn-crad.toml").write_text(text)
    monkeypatch.setenv("KAFKA_BOOTSTRAP", "kafka.bank.example:9092")
    monkeypatch.setenv("PARLEY_POLICIES", str(packs))
    assert run("publish", overdue[0], "-m", overdue[1]).exit_code == 0
    (packs / "cn-crad.toml").unlink()
    result = run("publish", overdue[0], "-m", overdue[1])
    assert result.exit_code == 1
    assert f"is none of the policy packs of {packs}: cn-card, " in result.stderr
    assert len(notes.sent) == 5


def test_a_mapping_that_ships_is_found_by_its_name(tmp_path: Path, notes: Notes) -> None:
    path = tmp_path / "cards.csv"
    path.write_text("ID,PAY_0,BILL_AMT1\n1,2,25000.0\n")
    result = run("publish", path, "-m", "card_accounts_taiwan_2005", "--set", "as_of=2026-01-31")
    assert result.exit_code == 0, result.output
    assert notes.sent[0].data.as_of == date(2026, 1, 31)
    assert "assumptions" in result.stderr


def test_a_day_is_closed(notes: Notes) -> None:
    result = run("day", "close", "2026-01-31", "--zone", "Asia/Shanghai")
    assert result.exit_code == 0, result.output
    assert notes.closed == [(date(2026, 1, 31), "Asia/Shanghai", "/bank/core")]
    assert "2026-01-31 is closed" in result.stdout
    assert json.loads(run("day", "close", "2026-02-01", "--json").stdout) == {"closed": "2026-02-01"}


@pytest.mark.parametrize("args", [["2026-02-30"], ["tomorrow"], ["2026-02-01", "--zone", "Mars/Phobos"]])
def test_a_day_that_does_not_exist_is_refused(notes: Notes, args: list[str]) -> None:
    assert run("day", "close", *args).exit_code == 2
    assert notes.closed == []
