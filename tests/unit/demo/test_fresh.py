"""The demo empties the folder that a demo made, and no other."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.demo.command import MADE_BY_DEMO, _fresh
from deploy.embedded.errors import StartError
from deploy.embedded.folder import DataFolder


def with_data(folder: Path) -> Path:
    """A stopped platform's folder."""
    (folder / "database").mkdir(parents=True)
    (folder / "database" / "cases").write_text("what borrowers said")
    (folder / "parley.json").write_text("{}")
    (folder / "parley.lock").touch()
    return folder / "database" / "cases"


def test_a_platform_that_no_demo_made_is_left_as_it_is(tmp_path: Path) -> None:
    kept = with_data(tmp_path / "parley")
    with pytest.raises(StartError, match="no demo made"):
        _fresh(tmp_path / "parley")
    assert kept.read_text() == "what borrowers said"
    assert not (tmp_path / "parley" / MADE_BY_DEMO).exists()


def test_the_next_demo_empties_what_a_demo_has_made(tmp_path: Path) -> None:
    _fresh(tmp_path / "demo")
    kept = with_data(tmp_path / "demo")
    _fresh(tmp_path / "demo")
    assert not kept.exists()
    _fresh(tmp_path / "demo")  # also where one was killed right after that
    assert {entry.name for entry in (tmp_path / "demo").iterdir()} == {MADE_BY_DEMO, "parley.lock"}


def test_a_folder_with_locks_alone_may_become_a_demo(tmp_path: Path) -> None:
    (tmp_path / "parley.lock").touch()
    _fresh(tmp_path)
    assert (tmp_path / MADE_BY_DEMO).exists()


def test_what_runs_in_a_demos_folder_is_not_emptied(tmp_path: Path) -> None:
    _fresh(tmp_path)
    kept = with_data(tmp_path)
    with DataFolder(tmp_path).lock, pytest.raises(StartError, match="runs in"):
        _fresh(tmp_path)
    assert kept.exists()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StartError, match="cannot be written"):
        _fresh(tmp_path / "file" / "demo")
