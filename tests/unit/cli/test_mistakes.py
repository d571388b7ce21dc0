"""What is mistyped ends a command with one line that names it, before anything is read or written."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from services.cli.main import app
from services.console import reads
from services.console.model import ArchivedCustomer, CaseLine
from services.console.reads import Ambiguous, NotFound, find_case
from shared.runtime.settings import Settings

SIGN = ["keys", "sign", "1", "--key", "file", "--day", "2026-03-02"]
STAFF = ["--reason", "moved on", "--by", "s-zhao"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        pytest.param(["case", "1", "--lang", "fr"], "--lang: 'fr'", id="no such language"),
        pytest.param(["case", "1", "--lang", "fr", "--follow"], "--lang: 'fr'", id="followed in none"),
        pytest.param(["agreement", "1", "-o", "a.pdf", "--lang", "fr"], "--lang: 'fr'", id="printed in none"),
        pytest.param(["staff", "assign", "1", "--to", "", *STAFF], "--to: nobody called ''", id="to nobody"),
        pytest.param(["staff", "assign", "1", "--to", "x" * 99, *STAFF], "--to: nobody", id="to no name"),
        pytest.param(
            ["staff", "assign", "1", "--to", "n-lin", "--reason", "    ", "--by", "s-zhao"],
            "--reason: must have", id="a reason of spaces",
        ),
        pytest.param(["day", "close", "9999-12-31"], "DATE: has no day after it", id="the last day there is"),
        pytest.param(["verify", "file", "--key", "k.pub"], "file: nothing is known of files that have no end",
                     id="no ending"),
        pytest.param([*SIGN, "--by", " "], "--by: must be 1 to 200", id="signed by nobody"),
        pytest.param([*SIGN, "--by", "x" * 201], "--by: must be 1 to 200", id="signed by too much"),
        pytest.param(["demo", "--data", "file"], "file is no folder", id="a demo in a file"),
        pytest.param(["calibrate", "cn-card", "-o", "new", "--from", "soon"], "--from: 'soon'", id="no day"),
        pytest.param(["calibrate", "cn-card", "-o", "file", "--from", "2027-01-01"], "-o: file is no folder",
                     id="packs in a file"),
    ],
)  # fmt: skip
def test_it_is_named_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PARLEY_POLICIES", raising=False)
    (tmp_path / "file").touch()
    result = CliRunner().invoke(app, words)
    assert isinstance(result.exception, SystemExit)  # said, not raised
    assert result.exit_code != 0
    assert result.stderr.startswith(said), result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.fixture
def on_file(monkeypatch: pytest.MonkeyPatch) -> dict[str, ArchivedCustomer]:
    found: dict[str, ArchivedCustomer] = {}

    async def customers(_settings: Settings) -> AsyncIterator[tuple[str, ArchivedCustomer]]:
        for customer in found.items():
            yield customer

    monkeypatch.setattr(reads, "archived_customers", customers)
    return found


def with_case(case: str) -> ArchivedCustomer:
    return ArchivedCustomer(cases={case: CaseLine()})


def find(given: str) -> Any:
    return asyncio.run(find_case(Settings(), given))


def test_nothing_is_no_beginning_of_the_only_case_on_file(on_file: dict[str, ArchivedCustomer]) -> None:
    on_file["C-1"] = with_case("ab-1")
    assert find("AB")[:2] == ("ab-1", "C-1")
    for given in ("", " "):
        with pytest.raises(NotFound, match="CASE: is empty"):
            find(given)


def test_all_that_begin_so_are_counted_and_the_first_are_named(on_file: dict[str, ArchivedCustomer]) -> None:
    on_file.update({f"C-{n}": with_case(f"ab-{n:02}") for n in range(15)})
    with pytest.raises(Ambiguous, match="15 cases begin with that") as told:
        find("ab")
    assert told.value.cases == [f"ab-{n:02}" for n in range(10)]
