"""`parley up` says what it does not do where no way out for messages is set."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from deploy.embedded.up import UpOptions
from services.cli.main import app

HOOK = {
    "PARLEY_WEBHOOK_URL": "https://sender.example/hook",
    "PARLEY_WEBHOOK_SECRET": "x" * 16,
    "PARLEY_PORTAL": "https://me",
    "PARLEY_CONTACT": "010-1",
    "PARLEY_OPT_OUT": "https://stop",
}


@pytest.mark.parametrize("ways_out", [{}, HOOK])
def test_it_is_said_who_answers_questions_about_contacts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ways_out: dict[str, str]
) -> None:
    started: list[UpOptions] = []

    async def up(options: UpOptions) -> int:
        started.append(options)
        return 0

    monkeypatch.setattr("deploy.embedded.up.up", up)
    result = CliRunner().invoke(app, ["up", "--data", str(tmp_path)], env=ways_out)
    assert result.exit_code == 0, result.output
    (options,) = started
    assert ("notice" in options.services) is bool(ways_out)
    assert ("`parley run notice` beside this answers" in result.stderr) is not bool(ways_out)
