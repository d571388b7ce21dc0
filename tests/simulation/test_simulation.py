"""A short run of the simulation; `make sim SEED=n RUNS=k` runs more."""

from __future__ import annotations

import asyncio

import pytest

from shared.runtime.simulation.__main__ import main
from shared.runtime.simulation.loop import StuckError, run_virtual
from shared.runtime.simulation.schedule import run_schedule


@pytest.mark.parametrize("first", range(1, 61, 10))
def test_schedules_with_faults_come_to_what_the_oracle_says(first: int) -> None:
    for seed in range(first, first + 10):
        assert run_schedule(seed).wrong == [], f"python -m shared.runtime.simulation --seed {seed} --runs 1"


def test_schedules_without_faults_come_to_what_the_oracle_says() -> None:
    for seed in range(1, 16):
        assert run_schedule(seed, calm=True).wrong == [], f"--seed {seed} --runs 1 --calm"


def test_a_seed_gives_the_same_schedule() -> None:
    one, two = run_schedule(7), run_schedule(7)
    assert (one.faults, one.records, one.alarms) == (two.faults, two.records, two.alarms)
    assert one.faults > 0


def test_the_command_tells_what_it_did(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--seed", "3", "--runs", "2", "--calm"]) == 0
    assert "2 schedules in" in capsys.readouterr().out


def test_a_deadlock_is_noticed_at_once() -> None:
    async def wait() -> None:
        await asyncio.Event().wait()

    with pytest.raises(StuckError):
        run_virtual(wait())
