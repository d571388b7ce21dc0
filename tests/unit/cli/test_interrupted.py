"""Ctrl-C ends the command line with one line and 130, also while its modules are imported."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from services.cli.entry import STOPPED
from services.cli.main import app

ROOT = Path(__file__).parents[3]
INTERRUPTED = """
import sys
class Interrupted:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            raise KeyboardInterrupt
sys.meta_path.insert(0, Interrupted())
sys.argv = ["parley", "policy", "check"]
from services.cli.entry import main
main()
"""


@pytest.mark.parametrize(
    "module", ["services.cli.main", "typer", "services.cli.staff", "shared.policy.loader"]
)
def test_while_modules_are_imported(module: str) -> None:
    """It was a traceback, or "Aborted." with 1 once a command had begun."""
    code = INTERRUPTED.format(module=module)
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", f"{STOPPED}\n")


def test_within_a_command(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_folder: Path | None) -> Path:
        raise KeyboardInterrupt

    monkeypatch.setattr("services.cli.report.policies_dir", interrupted)
    result = CliRunner().invoke(app, ["report"])
    assert (result.exit_code, result.stdout, result.stderr) == (130, "", f"{STOPPED}\n")


def test_the_script_begins_there() -> None:
    assert 'parley = "services.cli.entry:main"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
