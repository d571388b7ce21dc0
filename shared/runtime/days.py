"""Closing days: the barrier opens, due work is done, the marker goes on (rules 16 to 19)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime, time, timedelta

from shared.contracts.cloudevents import encode
from shared.contracts.envelope import Envelope
from shared.contracts.ids import derive_id
from shared.contracts.runtime import ServiceDayClosed
from shared.runtime.batch import Batch, Shell
from shared.runtime.lane import Lane
from shared.runtime.limits import Limits
from shared.runtime.ports import ID, Clock, Outgoing
from shared.runtime.service import Service, topic_of
from shared.runtime.waking import is_visited
from shared.runtime.work import Work

__all__ = ["do_due_work", "latest_day", "markers", "watch_lag"]


def latest_day(limits: Limits, clock: Clock, lane: Lane) -> date:
    """Give the last day that a marker may close on this lane: one further ahead is a mistake (rule 16)."""
    if lane.done is not None:
        return _later(lane.done, limits.days_ahead)
    return _later(clock.now().date(), limits.first_day_ahead)


def _later(day: date, days: int) -> date:
    try:
        return day + timedelta(days=days)
    except OverflowError:
        return date.max


def markers(service: Service, lanes: Collection[Lane]) -> list[Outgoing]:
    """Give the markers that say how far `lanes` have come.

    On the service's own topic, and where it passes them on.
    """
    if not service.emits:
        return []
    topics = [service.topic, topic_of("desk")] if service.passes_to_desk else [service.topic]
    outgoing = []
    for lane in lanes:
        if lane.done is None:
            continue
        key, value, headers = encode(
            Envelope(
                id=derive_id(service.name, "day", lane.partition, lane.done.isoformat()),
                source=service.source,
                time=datetime.combine(lane.done, time(23, 59, 59), UTC),
                key="",
                data=ServiceDayClosed(day=lane.done, service=service.name),
            )
        )
        outgoing += [Outgoing(topic, key, value, tuple(headers), lane.partition) for topic in topics]
    return outgoing


async def do_due_work(shell: Shell, lanes: Sequence[Lane], day: date) -> None:
    """Do the due work of `day` on `lanes`, page by page until none is left.

    A page holds what is due, and what still holds entries of `day` from an attempt that did not come to its
    end (rule 18): those are published again.
    """
    iso = day.isoformat()
    # Due work wakes no other document, so that one look at all of them is enough.
    waking = sorted((id_, n) for n, lane in enumerate(lanes) for id_ in lane.waking.upto(iso))
    while waking:
        page = shell.pace.of(shell.limits.page_documents)
        owners = {id_: lanes[n] for id_, n in waking[:page]}
        del waking[:page]
        found = await shell.documents("due", owners)
        documents = [found[id_] for id_ in owners if id_ in found]
        for raw in documents:
            owners[raw[ID]].waking.note(raw, iso)
        visited = [raw for raw in documents if is_visited(raw, iso)]
        if visited:
            works = [Work(owners[raw[ID]], raw[ID], closing=day) for raw in visited]
            await Batch(shell, works).run(visited)
        shell.pace.settle(len(owners))


def watch_lag(shell: Shell, lanes: Collection[Lane]) -> None:
    """Raise an alert for a partition that lags the others by more than a day, for a while (rule 19)."""
    days = [lane.done for lane in lanes if lane.done is not None]
    if not days:
        return
    newest, now = max(days), shell.ports.clock.monotonic()
    for lane in lanes:
        behind = (newest - lane.done).days if lane.done is not None else None
        shell.ports.meter.gauge(
            "days_behind", float(behind or 0), service=shell.service.name, partition=str(lane.partition)
        )
        if behind is not None and behind <= 1:
            lane.lagging_since, lane.lag_told = None, False
        elif lane.lagging_since is None:
            lane.lagging_since = now
        elif not lane.lag_told and now - lane.lagging_since >= shell.limits.lag_alarm_seconds:
            lane.lag_told = True
            shell.ports.meter.alarm(
                "lagging-partition",
                service=shell.service.name,
                partition=str(lane.partition),
                done=lane.done.isoformat() if lane.done is not None else "never",
                newest=newest.isoformat(),
            )
