"""The search over plans against the plain one of the tests: `python -m tests.load.bench_search`.

One process, cases of `tests.load.search_cases`. Both build the plans that they choose alike; the plain one
screens and ranks one combination after the other in decimals.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable

from shared.lending.plan_search import Search
from shared.lending.plans import find_and_answer, find_plans
from tests.load.search_cases import Case, cases
from tests.unit.lending.plain_search import plain_nearest, plain_plans


def quick(case: Case) -> None:
    """Search as the offer does."""
    asked = (case.debts, case.capacity, case.first_due, case.limits)
    if case.wish is None:
        find_plans(*asked)
    else:
        find_and_answer(case.wish, *asked)


def plain(case: Case) -> None:
    """Search one combination after the other."""
    plain_plans(Search(case.debts, case.capacity, case.limits), case.first_due)
    if case.wish is not None:
        plain_nearest(case.wish, Search(case.debts, case.capacity, case.limits), case.first_due)


def screened_alone(some: list[Case]) -> tuple[float, int]:
    """Give the milliseconds of screening every combination of the cases, and how many those are."""
    began, combinations = time.thread_time(), 0
    for case in some:
        search = Search(case.debts, case.capacity, case.limits)
        search.candidates(case.first_due)
        combinations += search.combinations
    return (time.thread_time() - began) * 1000, combinations


def milliseconds(work: Callable[[Case], None], case: Case) -> float:
    began = time.thread_time()
    work(case)
    return (time.thread_time() - began) * 1000


def main() -> int:
    """Measure, print, and fail below the wanted ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=150)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--want", type=float, default=0.0, help="exit with 1 below this ratio")
    options = parser.parse_args()
    some = list(cases(options.cases))
    best: dict[str, list[float]] = {}
    for _ in range(options.rounds):
        for name, work in (("plain", plain), ("quick", quick)):
            taken = [milliseconds(work, case) for case in some]
            best[name] = [min(pair) for pair in zip(best.get(name, taken), taken, strict=True)]
    screened = [
        len(Search(case.debts, case.capacity, case.limits).candidates(case.first_due)) for case in some
    ]
    for title, chosen in (
        ("nothing fits", [n == 0 for n in screened]),
        ("1 to 500 candidates", [1 <= n <= 500 for n in screened]),
        ("more than 500", [n > 500 for n in screened]),
        ("all", [True] * len(some)),
    ):
        shown = {
            name: sum(ms for ms, is_in in zip(taken, chosen, strict=True) if is_in)
            for name, taken in best.items()
        }
        count = max(sum(chosen), 1)
        ratio = shown["plain"] / shown["quick"] if shown["quick"] else 0.0
        sys.stdout.write(
            f"{title:<20} {sum(chosen):4d} cases: plain {shown['plain'] / count:6.2f} ms, "
            f"quick {shown['quick'] / count:6.2f} ms; ratio {ratio:.1f}\n"
        )
    screening, combinations = screened_alone(some)
    sys.stdout.write(
        f"screening alone: {combinations} combinations of {len(some)} cases, "
        f"{screening * 1000 / combinations:.2f} ms for a thousand\n"
    )
    return 1 if ratio < options.want else 0


if __name__ == "__main__":
    raise SystemExit(main())
