"""Closing days: the barrier opens, due work is done, the marker goes on (rules 16 to 19)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from heapq import nsmallest

from shared.contracts.cloudevents import encode
from shared.contracts.envelope import Envelope
from shared.contracts.ids import derive_id
from shared.contracts.runtime import ServiceDayClosed
from shared.runtime.batch import Batch, Shell
from shared.runtime.lane import Lane
from shared.runtime.limits import Limits
from shared.runtime.ports import ID, Clock, Document, Outgoing
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
    iso, after = day.isoformat(), ""
    while True:
        page = shell.pace.of(shell.limits.page_documents)
        looked_at = nsmallest(
            page, ((id_, n) for n, lane in enumerate(lanes) for id_ in lane.waking.upto(iso, after))
        )
        if not looked_at:
            return
        owners = {id_: lanes[n] for id_, n in looked_at}
        documents = await _at_hand(shell, owners)
        for raw in documents:
            owners[raw[ID]].waking.note(raw, iso)
        visited = [raw for raw in documents if is_visited(raw, iso)]
        if visited:
            works = [Work(owners[raw[ID]], raw[ID], closing=day) for raw in visited]
            await Batch(shell, works).run(visited)
        shell.pace.settle(len(looked_at))
        after = looked_at[-1][0]


async def _at_hand(shell: Shell, owners: Mapping[str, Lane]) -> list[Document]:
    """Give documents by id, those that this replica wrote last without a query."""
    held = {id_: raw for id_, lane in owners.items() if (raw := shell.recent.find(id_, lane)) is not None}
    missing = [id_ for id_ in owners if id_ not in held]
    if missing:
        name = shell.service.name
        held |= await shell.insist("due", lambda: shell.ports.store.load_many(name, missing))
    return [held[id_] for id_ in owners if id_ in held]


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
