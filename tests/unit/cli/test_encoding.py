"""A terminal that lacks characters shows others; the command ends as it would elsewhere."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_what_a_terminal_cannot_show_ends_no_command(encoding: str) -> None:
    words = ["offer", "--example", "--policy", "uk-unsecured", "--lang", "zh"]
    done = subprocess.run(
        [sys.executable, "-m", "services.cli.main", *words],
        env={**os.environ, "PYTHONIOENCODING": encoding},
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode(encoding, "replace")
    assert b"GBP" in done.stdout
