"""`parley contact check`: the answer, the words, and questions that cannot be read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from services.cli.main import app

MESSAGE = {
    "kind": "collection",
    "actor": "agent",
    "channel": "phone",
    "at": "2026-03-02T12:00:00+08:00",
    "person": "p1",
    "number": "13900000000",
}


def check(tmp_path: Path, *options: str, **message: Any) -> Result:
    path = tmp_path / "request.json"
    path.write_text(json.dumps({"message": MESSAGE | message}), encoding="utf-8")
    return CliRunner().invoke(app, ["contact", "check", str(path), *options])


def test_what_is_allowed_ends_with_0(tmp_path: Path) -> None:
    result = check(tmp_path)
    assert (result.exit_code, result.output) == (0, "allowed\n")


def test_a_denial_names_rule_clause_and_the_borrowers_time_and_ends_with_1(tmp_path: Path) -> None:
    late = "2026-03-02T23:00:00-05:00"
    result = check(tmp_path, "--policy", "us-unsecured", at=late, time_zone="America/New_York")
    assert result.exit_code == 1
    assert "quiet_hours · It is within the quiet hours" in result.output
    assert "contact.quiet_from · 1006.6(b)(1)(i) · 12 CFR 1006.6" in result.output
    assert "allowed again: 2026-03-03T08:00:00-05:00" in result.output
    assert "13900000000" not in result.output


def test_it_is_said_in_chinese_and_as_json(tmp_path: Path) -> None:
    result = check(tmp_path, "--lang", "zh", "--json", tells_about_debt=True)
    assert result.exit_code == 1
    found = json.loads(result.output)
    assert found["allowed"] is False
    assert found["allowed_again"] is None
    assert [denial["rule"] for denial in found["denials"]] == ["not_verified"]
    assert found["denials"][0]["words"] == "尚未核实对方身份，不得提及债务。"
    assert "不会仅因时间而解除" in check(tmp_path, "--lang", "zh", tells_about_debt=True).output


@pytest.mark.parametrize(
    ("options", "message", "said"),
    [
        ((), {"at": "2026-03-02T12:00:00"}, "message.at: Input should have timezone info"),
        ((), {"person": "", "number": "13900000000" * 9}, "message.number: String should have at most"),
        ((), {"mood": "secret"}, "message.mood: Extra inputs are not permitted"),
        (("--policy", "xx"), {}, "no such pack"),
        (("--lang", "fr"), {}, "neither zh nor en"),
    ],
)
def test_a_question_that_cannot_be_read_ends_with_2_and_repeats_nothing(
    tmp_path: Path, options: tuple[str, ...], message: dict[str, Any], said: str
) -> None:
    result = check(tmp_path, *options, **message)
    assert result.exit_code == 2
    assert said in result.output
    assert "13900000000" not in result.output
    assert "secret" not in result.output


def test_a_file_that_is_not_there_and_one_that_is_no_json(tmp_path: Path) -> None:
    run = CliRunner().invoke
    assert run(app, ["contact", "check", str(tmp_path / "none.json")]).exit_code == 2
    (tmp_path / "broken.json").write_text("{")
    result = run(app, ["contact", "check", str(tmp_path / "broken.json")])
    assert result.exit_code == 2
    assert "Invalid JSON" in result.output
