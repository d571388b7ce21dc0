"""Operators see whether messages leave: what waits, what has left, and why a channel takes none."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from shared.runtime.limits import Limits
from shared.runtime.meters import Meters
from shared.runtime.monitor import Monitor
from shared.runtime.outbound.watch import CourierWatch
from shared.runtime.pulse import State
from tests.runtime.outbound.support import serving
from tests.runtime.outbound.test_courier import House, Wall, by_hook, running, statement
from tests.unit.builders import case_opened

PATIENCE = 0.05


class Seen:
    """A house whose courier is looked at."""

    def __init__(self, clock: Wall, routes: Any) -> None:
        self.meters = Meters()
        self.house = House(clock, routes, self.meters)
        self.watch = CourierWatch(self.house.courier, clock, self.meters, PATIENCE)
        self.monitor = Monitor([], Limits(partitions=1), clock, self.meters, {}, [self.watch])

    def values(self, kind: str, name: str) -> dict[str, float]:
        return {
            "/".join(row["labels"].values()): row["value"]
            for row in self.meters.snapshot()[kind]
            if row["name"] == name
        }

    async def readiness(self) -> dict[str, Any]:
        await self.monitor.look(1.0)
        return self.monitor.report.readiness()


async def test_a_channel_that_is_away_is_named_and_counted_until_it_is_back() -> None:
    clock = Wall()
    async with serving("http", *[503] * 10_000) as web:
        seen = Seen(clock, by_hook(web, clock, "sms"))
        before = await seen.readiness()
        assert before["reasons"] == [{"service": "courier", "why": State.JOINING.value}]
        async with running(seen.house) as house:
            house.say(case_opened())
            house.say(statement())
            sms = house.courier.deliverers["sms"]
            await house.until(lambda: sms.away is not None and sms.away[1] > PATIENCE)
            clock.time += timedelta(seconds=5)
            (reason,) = (await seen.readiness())["reasons"]
            assert reason["service"] == "courier"
            assert "503" in reason["why"]
            assert reason["why"].endswith("1 wait")
            assert seen.values("gauges", "outbound_waiting") == {"sms": 1}
            assert seen.values("gauges", "outbound_oldest_seconds")["sms"] >= 5
            assert not any(name.startswith("sms") for name in seen.values("counters", "outbound"))
            web.codes.clear()
            await house.until(lambda: house.courier.due() == [])
            found = await seen.readiness()
            assert found == {"ready": True, "services": {"courier": "working"}, "reasons": []}
            assert seen.values("gauges", "outbound_waiting") == {"sms": 0}
            assert seen.values("gauges", "outbound_oldest_seconds") == {"sms": 0}
            # The pack asks for mail and app first, which this house has no way out for.
            assert seen.values("counters", "outbound") == {
                "email/no_adapter": 1,
                "app/no_adapter": 1,
                "sms/sent": 1,
            }
    # It waits as long as it takes: nothing here ends the process.
    assert all(one.still == 0 for one in (await seen.watch.look(0)).troubles)


async def test_what_did_not_leave_is_counted_by_its_reason() -> None:
    clock = Wall()
    async with serving("http", 400) as web:
        seen = Seen(clock, by_hook(web, clock, "sms"))

        def refused() -> dict[str, float]:
            found = seen.values("counters", "outbound")
            return {name: count for name, count in found.items() if name.startswith("sms/")}

        async with running(seen.house) as house:
            house.say(case_opened())
            house.say(statement())
            await house.until(lambda: bool(refused()))
            assert (await seen.readiness())["ready"], "a message that is refused is no channel that is away"
    assert refused() == {"sms/http_400": 1}
