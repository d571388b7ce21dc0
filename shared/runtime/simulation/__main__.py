"""`python -m shared.runtime.simulation --seed N --runs K`.

Run schedules, show progress, name the seed that fails.
"""

from __future__ import annotations

import argparse
import sys
import time

from shared.runtime.simulation.schedule import Outcome, run_schedule


def main(arguments: list[str] | None = None) -> int:
    """Run schedules from `--seed` on; 0 if all were right."""
    parser = argparse.ArgumentParser(prog="python -m shared.runtime.simulation", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="the first seed")
    parser.add_argument("--runs", type=int, default=1000, help="how many schedules")
    parser.add_argument("--seconds", type=float, default=None, help="stop after so many seconds")
    parser.add_argument("--calm", action="store_true", help="without faults")
    parser.add_argument("--keep-going", action="store_true", help="do not stop at the first failure")
    options = parser.parse_args(arguments)
    began, faults, records, failed, done = time.monotonic(), 0, 0, 0, 0
    for seed in range(options.seed, options.seed + options.runs):
        outcome = run_schedule(seed, calm=options.calm)
        done += 1
        faults += outcome.faults
        records += outcome.records
        if outcome.wrong:
            failed += 1
            _tell(outcome)
            if not options.keep_going:
                break
        passed = time.monotonic() - began
        if done % 50 == 0:
            _say(f"{done} schedules, {done / passed * 60:.0f} a minute, {faults} faults, {records} records")
        if options.seconds is not None and passed > options.seconds:
            break
    passed = max(time.monotonic() - began, 1e-9)
    _say(
        f"{done} schedules in {passed:.1f} s ({done / passed * 60:.0f} a minute), {faults} faults,"
        f" {records} records, {failed} wrong"
    )
    return 1 if failed else 0


def _tell(outcome: Outcome) -> None:
    _say(
        f"WRONG with seed {outcome.seed}: python -m shared.runtime.simulation --seed {outcome.seed} --runs 1"
    )
    for line in outcome.wrong[:12]:
        _say(f"  {line}")


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
