"""Patience: how long is waited between two tries, what is counted, and when it ends (rule 10)."""

from __future__ import annotations

import pytest

from shared.runtime.limits import Limits
from shared.runtime.meters import Meters
from shared.runtime.ports import UnavailableError
from shared.runtime.retry import AbandonedError, Patience

LIMITS = Limits(partitions=1, backoff_first=0.2, backoff_most=5.0)


class Clock:
    """Notes what is slept."""

    def __init__(self, jitter: float) -> None:
        self.slept: list[float] = []
        self._jitter = jitter

    def jitter(self) -> float:
        return self._jitter

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


def patience(jitter: float = 1.0) -> tuple[Patience, Clock, Meters]:
    clock, meters = Clock(jitter), Meters()
    return Patience(clock, meters, LIMITS, "offer"), clock, meters  # type: ignore[arg-type]


@pytest.mark.parametrize(("jitter", "share"), [(0.0, 0.5), (0.5, 0.75), (1.0, 1.0)])
async def test_each_wait_is_twice_the_last_up_to_a_bound_and_half_of_it_is_chance(
    jitter: float, share: float
) -> None:
    patient, clock, _ = patience(jitter)
    for attempt in (0, 1, 2, 3, 4, 5, 6, 50_000):
        await patient.pause(attempt)
    assert clock.slept == pytest.approx([share * wait for wait in (0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0, 5.0)])


async def test_what_is_unavailable_is_tried_until_it_is_there_and_each_try_is_counted() -> None:
    patient, clock, meters = patience()
    failures = iter([UnavailableError("away")] * 3)

    async def call() -> int:
        if (failure := next(failures, None)) is not None:
            raise failure
        return 7

    assert await patient.insist("write", call, lambda: False) == 7
    assert clock.slept == pytest.approx([0.2, 0.4, 0.8])
    assert meters.total("retries", service="offer", stage="write") == 3


async def test_nothing_is_tried_once_the_work_is_somebody_elses() -> None:
    patient, clock, _ = patience()
    tried = 0

    async def call() -> None:
        nonlocal tried
        tried += 1
        raise UnavailableError("away")

    with pytest.raises(AbandonedError, match="write"):
        await patient.insist("write", call, lambda: tried == 2)
    assert (tried, len(clock.slept)) == (2, 2)


async def test_what_is_no_outage_is_not_tried_again() -> None:
    patient, clock, _ = patience()

    async def call() -> None:
        raise KeyError

    with pytest.raises(KeyError):
        await patient.insist("write", call, lambda: False)
    assert clock.slept == []
