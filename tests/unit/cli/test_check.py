"""`parley check` where there is nothing to check."""

from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner

from services.cli.main import app


def test_a_folder_without_data_is_said_and_not_found_to_be_in_order(tmp_path: Path) -> None:
    away = {"KAFKA_BOOTSTRAP": None, "MONGODB_URI": None, "COLUMNS": "400"}
    result = CliRunner().invoke(app, ["check", "--data", str(tmp_path / "nothing")], env=away)
    assert result.exit_code == 1
    assert "There is no data in" in result.output
    assert not (tmp_path / "nothing").exists()
