"""The command that compares with published figures, on a small made folder."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.oracles.__main__ import main
from tests.oracles.outcome import EQUAL, Family, Outcome, different, out_of_scope


def _judge(document: Mapping[str, Any], case: Mapping[str, Any]) -> Outcome:
    if case.get("feature"):
        return out_of_scope(case["feature"])
    ours = case["value"] * document.get("scale", 1)
    return EQUAL if ours == case["expected"] else different(f"value: ours {ours}, theirs {case['expected']}")


DOUBLED = Family("doubled", "doubled.json", _judge, least_in_scope=0.5)
SAME = {"id": "same", "value": 2, "expected": 4}
OTHER = {"id": "other", "value": 3, "expected": 7}
LEFT_OUT = {"id": "left-out", "feature": "negative interest", "value": 0, "expected": 1}


def _write(folder: Path, cases: Sequence[object]) -> None:
    document = {"scale": 2, "cases": cases}
    (folder / "doubled.json.gz").write_bytes(gzip.compress(json.dumps(document).encode()))


def test_equal_cases_pass(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _write(tmp_path, [SAME, LEFT_OUT])
    assert main([str(tmp_path)], [DOUBLED]) == 0
    said = capsys.readouterr().out
    assert "out of scope, negative interest: 1" in said
    assert "left-out" not in said


def test_a_plain_file_is_read_and_the_left_out_cases_are_named_when_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "doubled.json").write_text(json.dumps({"scale": 2, "cases": [SAME, LEFT_OUT]}))
    assert main([str(tmp_path), "--list"], [DOUBLED]) == 0
    assert "left-out" in capsys.readouterr().out


def test_a_differing_case_fails_with_its_figure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _write(tmp_path, [SAME, OTHER])
    assert main([str(tmp_path)], [DOUBLED]) == 1
    assert "other differs: value: ours 6, theirs 7" in capsys.readouterr().out


def test_only_a_few_differing_cases_are_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _write(tmp_path, [{**OTHER, "id": f"case-{number}"} for number in range(8)])
    assert main([str(tmp_path)], [DOUBLED]) == 1
    said = capsys.readouterr().out
    assert "and 3 more" in said
    assert "case-4" in said
    assert "case-5" not in said


def test_a_family_too_narrow_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _write(tmp_path, [SAME, LEFT_OUT, {**LEFT_OUT, "id": "left-out-too"}])
    assert main([str(tmp_path)], [DOUBLED]) == 1
    assert "too few cases are in scope" in capsys.readouterr().out


def test_a_case_that_may_not_be_left_out_fails_and_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _write(tmp_path, [SAME, LEFT_OUT, {**LEFT_OUT, "id": "not-this-one", "plain": True}, SAME])
    strict = Family("doubled", "doubled.json", _judge, may_not_miss=lambda _, case: case.get("plain", False))
    assert main([str(tmp_path)], [strict]) == 1
    assert "left out, though it may not be: not-this-one\n" in capsys.readouterr().out


def test_a_folder_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "nowhere")], [DOUBLED]) == 2
    assert "there is no folder" in capsys.readouterr().out


def test_a_folder_without_known_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "other.json").write_text("{}")
    assert main([str(tmp_path)], [DOUBLED]) == 2
    assert "none of the files" in capsys.readouterr().out


def test_a_family_without_a_file_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _write(tmp_path, [SAME])
    assert main([str(tmp_path)], [DOUBLED, Family("halved", "halved.json", _judge)]) == 0
    assert "no file in the folder: halved" in capsys.readouterr().out


def test_a_file_that_no_family_reads_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _write(tmp_path, [SAME])
    for name in ("doubled-again.json.gz", "other.json", "notes.md"):
        (tmp_path / name).write_text("{}")
    assert main([str(tmp_path)], [DOUBLED]) == 0
    assert "no family reads it: doubled-again.json.gz, other.json\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    "content",
    [b"not packed", gzip.compress(b"{"), gzip.compress(b'{"cases": [1]}')[:-9], gzip.compress(b"[]")],
    ids=["not packed", "not JSON", "cut off", "no cases"],
)
def test_a_damaged_file_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes) -> None:
    (tmp_path / "doubled.json.gz").write_bytes(content)
    assert main([str(tmp_path)], [DOUBLED]) == 2
    assert "doubled.json.gz" in capsys.readouterr().out


@pytest.mark.parametrize("case", [{"value": 1, "expected": 2}, 7], ids=["no id", "no object"])
def test_a_case_without_a_name_is_a_damaged_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], case: object
) -> None:
    _write(tmp_path, [SAME, case])
    assert main([str(tmp_path)], [DOUBLED]) == 2
    assert "case number 2 has no id" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("case", "said"),
    [
        ({"id": "no-figure", "value": 1}, "no-figure differs: it lacks 'expected'"),
        ({"id": "no-number", "value": None, "expected": 1}, "no-number differs: it cannot be judged"),
    ],
)
def test_a_case_that_cannot_be_judged_differs_and_hides_no_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], case: object, said: str
) -> None:
    _write(tmp_path, [case, OTHER])
    assert main([str(tmp_path)], [DOUBLED]) == 1
    printed = capsys.readouterr().out
    assert said in printed
    assert "other differs: value: ours 6, theirs 7" in printed
