"""Every rule of the runtime has mutants, each caught by the test that it names (`make mutants` tries all)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.simulation.mutant import Mutant
from tests.simulation.mutants import MUTANTS

ROOT = Path(__file__).resolve().parents[2]
QUICK = frozenset(
    {
        "duplicates-publish-nothing",
        "ids-after-the-document",
        "rows-stored-after-the-document",
        "still-held-entries-forgotten",
        "the-desk-not-waited-for",
    }
)
"""Those that every run of the tests tries; the others are slow together."""


def run(mutant: Mutant, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.simulation.mutate", mutant.name, *arguments]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False
    )


@pytest.mark.parametrize(
    "mutant",
    [
        pytest.param(mutant, id=mutant.name, marks=[] if mutant.name in QUICK else [pytest.mark.slow])
        for mutant in MUTANTS
    ],
)
def test_a_mutant_is_caught_by_its_test(mutant: Mutant) -> None:
    result = run(mutant, "test", mutant.caught_by)
    assert result.returncode == 1, (
        f"survived {mutant.caught_by}:\n{result.stdout[-2000:]}{result.stderr[-2000:]}"
    )


@pytest.mark.slow
@pytest.mark.parametrize("mutant", [pytest.param(m, id=m.name) for m in MUTANTS if 0 < m.simulated <= 20])
def test_a_mutant_is_caught_by_the_simulation_alone(mutant: Mutant) -> None:
    result = run(mutant, "sim", "--seed", "1", "--runs", str(10 * mutant.simulated))
    assert result.returncode == 1, f"survived:\n{result.stdout[-2000:]}{result.stderr[-2000:]}"
    assert "WRONG with seed" in result.stdout


def test_every_mutants_line_is_there_once() -> None:
    for mutant in MUTANTS:
        path = ROOT.joinpath(*mutant.module.split(".")).with_suffix(".py")
        source = path.read_text(encoding="utf-8")
        assert mutant.applied(source) != source
        compile(mutant.applied(source), str(path), "exec")


def test_every_rule_has_a_mutant() -> None:
    # Rule 20 (HTTP and commands only produce) is kept by the console, not by the runtime.
    assert {mutant.rule for mutant in MUTANTS} == set(range(1, 23)) - {20}
    names = [mutant.name for mutant in MUTANTS]
    assert len(set(names)) == len(names)
