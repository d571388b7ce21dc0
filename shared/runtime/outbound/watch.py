"""Whether messages leave: how many wait beyond their time, by channel, and why none is taken.

A channel that is away stops nothing else, and what waits goes out by itself when it is back: that is a reason
not to be ready, and never one to start the process again.
"""

from __future__ import annotations

from shared.runtime.health import Standing, Trouble
from shared.runtime.outbound.courier import NAME, Courier
from shared.runtime.ports import Clock, Meter
from shared.runtime.pulse import State

__all__ = ["CourierWatch"]


class CourierWatch:
    """Looks at one courier again and again. A channel that is away for `ready_seconds` is trouble."""

    def __init__(self, courier: Courier, clock: Clock, meter: Meter, ready_seconds: float) -> None:
        self._courier, self._clock, self._meter = courier, clock, meter
        self._patience = ready_seconds

    async def look(self, passed: float) -> Standing:  # noqa: ARG002 - what an engine's watch needs
        """Look, and set the gauges."""
        courier, now = self._courier, self._clock.now()
        waiting: dict[str, list[float]] = {channel: [] for channel in courier.deliverers}
        for data in courier.due():
            waiting.setdefault(data.channel, []).append((now - data.send_from).total_seconds())
        for channel, ages in waiting.items():
            self._meter.gauge("outbound_waiting", float(len(ages)), channel=channel)
            self._meter.gauge("outbound_oldest_seconds", max(ages, default=0.0), channel=channel)
        state = courier.state
        troubles = [] if state in {State.WORKING, State.STANDBY} else [Trouble(NAME, state.value)]
        for channel, deliverer in courier.deliverers.items():
            away, count = deliverer.away, len(waiting[channel])
            # Where nothing waits nothing is tried, and nobody knows whether it is back.
            if count and away is not None and away[1] > self._patience:
                why, seconds = away
                said = f"{channel} has taken no message for {seconds:.0f} s: {why}; {count} wait"
                troubles.append(Trouble(NAME, said))
        return Standing(NAME, state, troubles=tuple(troubles))
