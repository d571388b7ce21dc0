"""The courier: takes what notice lets leave, sends it, and says how that ended.

It reads `notice.events` in a group of its own. A message is held until its time, dropped where notice has
stopped it since or a restored backup has made it void, and sent once for each notice: that it has left is
noted in the database at once, so that only a crash between the other side's answer and the note sends twice,
and then under the same id. Notice may let it leave anew, or withdraw it, before it has read that it had left.
The outcome is an event of the desk's topic, where channels speak; that it was told is noted too, before the
offset is committed. While a channel is away its messages wait, up to the end of their time; only what is
refused for good goes to the dead letters.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Any, Final, TypeVar

from shared.contracts.cloudevents import DecodeError, decode, encode
from shared.contracts.desk_contact import NoticeDelivered, NoticeFailed
from shared.contracts.envelope import Envelope
from shared.contracts.ids import derive_id
from shared.contracts.notice import NoticeDenied, NoticeDue, NoticeWithdrawn, message_id
from shared.runtime.outbound.deliverer import Deliverer, MayLeave, Tries
from shared.runtime.outbound.message import Failure, Outgoing, Sent
from shared.runtime.outbound.routes import Route
from shared.runtime.outbound.standing import is_still_due
from shared.runtime.ports import (
    BrokenError,
    Consumer,
    NotOwnerError,
    Ports,
    Record,
    TopicPartition,
    UnavailableError,
)
from shared.runtime.ports import Outgoing as OutgoingRecord
from shared.runtime.pulse import State
from shared.runtime.voids import Voids
from shared.texts.messages import message_words

__all__ = ["DEAD_LETTERS", "GROUP", "NAME", "SOURCE", "TOPIC", "Courier", "told"]

NAME: Final = "courier"
GROUP: Final = "parley.courier"
TOPIC: Final = "notice.events"
DEAD_LETTERS: Final = "courier.dead-letter"
SOURCE: Final = "/parley/courier"
WINDOW_PASSED: Final = "window_passed"
_NOT_OURS: Final = "not_ours"  # another replica has the partition, or this one stops: nothing is told
_NOT_DUE: Final = "not_due"  # notice has stopped it: nothing is told, notice knows

_RECORDS: Final = 500
_HELD_MOST: Final = 5_000  # messages in memory; beyond it nothing more is read
_EARLIER: Final = 50  # attempts before the last one that may have left without notice having read it
_POLL_SECONDS: Final = 0.25
_RETRY_SECONDS: Final = 1.0
_DRAIN_SECONDS: Final = 5.0  # for what is being handed over when this replica stops or gives up partitions

T = TypeVar("T")


def told(message_id: str) -> str:
    """Give the id under which it is noted that a message's outcome was told."""
    return f"{message_id}/told"


@dataclass(slots=True, eq=False)
class _Held:
    """A message that has not ended. `task`: its time has come; `has_left`: an earlier process noted so.

    `called_back`: notice has said another thing since.
    """

    record: Record
    envelope: Envelope[NoticeDue]
    task: asyncio.Task[None] | None = None
    has_left: bool = False
    called_back: bool = False


class Courier:
    """One process's courier. `said` is what every template is filled with beside the notice's arguments.

    `voids` are the records that a restored backup has made void: they count as never said.
    """

    def __init__(
        self,
        ports: Ports,
        routes: Mapping[str, Route],
        said: Mapping[str, str],
        client_id: str,
        tries: Tries | None = None,
        voids: Voids | None = None,
    ) -> None:
        self._ports = ports
        self._routes = routes
        self._said = said
        self._publisher = ports.log.publisher()
        self._consumer: Consumer = ports.log.consumer(GROUP, client_id)
        self._deliverers = {
            channel: Deliverer(route.adapter, ports.clock, tries) for channel, route in routes.items()
        }
        self._voids = voids or Voids()
        self._held: dict[TopicPartition, dict[int, _Held]] = {}
        self._next: dict[TopicPartition, int] = {}
        self._committed: dict[TopicPartition, int] = {}
        self._generation = -1
        self._given_up = False
        self._stopping = False

    # -- the listener

    async def on_revoked(self, partitions: Collection[TopicPartition]) -> None:  # noqa: ARG002
        """Wait a moment for what is being handed over; the next owner sends the rest."""
        self._given_up = True
        await self._drain()
        with suppress(NotOwnerError, BrokenError, UnavailableError):
            await self._commit()

    def on_assigned(self, partitions: Collection[TopicPartition]) -> None:
        """Take note: the loop takes over by the consumer's generation."""

    # -- where it stands

    @property
    def state(self) -> State:
        """Where this replica's courier stands in its group."""
        if self._given_up:
            return State.GIVING_UP
        if not self._consumer.generation:
            return State.JOINING
        if self._consumer.generation != self._generation:
            return State.TAKING_OVER
        return State.WORKING if self._next else State.STANDBY

    @property
    def deliverers(self) -> Mapping[str, Deliverer]:
        """Who sends, by channel."""
        return self._deliverers

    def due(self) -> list[NoticeDue]:
        """Give the messages whose time has come and that have not ended."""
        now = self._ports.clock.now()
        return [held.envelope.data for held in self._all() if held.envelope.data.send_from <= now]

    # -- life

    def stop(self) -> None:
        """End after what is being handed over."""
        self._stopping = True

    async def run(self) -> None:
        """Work until `stop`."""
        await self._insist(lambda: self._consumer.start([TOPIC], self))
        try:
            while not self._stopping:
                try:
                    await self._turn()
                except BrokenError:
                    await self._consumer.stop()
                    await self._insist(lambda: self._consumer.start([TOPIC], self))
                except (UnavailableError, NotOwnerError):
                    await self._ports.clock.sleep(_RETRY_SECONDS)
        finally:
            await self._drain()
            with suppress(NotOwnerError, BrokenError, UnavailableError):
                await self._commit()
            await self._consumer.stop()
            for held in self._all():
                if held.task is not None:
                    held.task.cancel()

    async def _drain(self) -> None:
        """Let what is being handed over come to its end; what waits for another try is left."""
        for deliverer in self._deliverers.values():
            deliverer.hurry()
        under_way = [held.task for held in self._all() if held.task is not None]
        if under_way:
            await asyncio.wait(under_way, timeout=_DRAIN_SECONDS)

    async def _turn(self) -> None:
        if self._consumer.generation != self._generation:
            await self._take_over()
        full = sum(map(len, self._held.values())) >= _HELD_MOST
        if full:
            await self._ports.clock.sleep(_POLL_SECONDS)
        else:
            records = await self._consumer.poll(_RECORDS, _POLL_SECONDS)
            if self._consumer.generation != self._generation:
                return  # they belong to the assignment before
            for record in records:
                self._take(record)
        await self._start_due()
        for held in self._all():
            if held.task is not None and held.task.done():
                held.task.result()  # what broke it breaks the courier, which is started again
        await self._commit()

    async def _take_over(self) -> None:
        generation = self._consumer.generation
        assigned = self._consumer.assignment()
        committed = await self._consumer.committed(assigned)
        bounds = await self._consumer.bounds(assigned)
        self._given_up = False
        self._held = {at: {} for at in assigned}
        self._next = {at: max(committed.get(at, 0), bounds[at][0]) for at in assigned}
        self._committed = dict(committed)
        for at, offset in self._next.items():
            self._consumer.seek(at, offset)
        self._consumer.resume(assigned)
        self._generation = generation

    # -- what is read

    def _take(self, record: Record) -> None:
        self._next[record.at] = record.offset + 1
        if self._voids.holds(record.topic, record.partition, record.offset):
            return
        try:
            envelope = decode(record.key, record.value, record.headers)
        except DecodeError:
            return  # whoever reads the topic for good has it in the dead letters
        data = envelope.data
        if isinstance(data, NoticeDue | NoticeDenied | NoticeWithdrawn):
            self._call_back(record.at, data.notice_id)
        if isinstance(data, NoticeDue):
            self._held[record.at][record.offset] = _Held(record, envelope)

    def _call_back(self, at: TopicPartition, notice_id: str) -> None:
        """What is said later about a notice takes the place of what waits here; what has left is told."""
        for held in self._held[at].values():
            if held.envelope.data.notice_id == notice_id and held.task is None:
                held.called_back = True

    # -- what is sent

    async def _start_due(self) -> None:
        now = self._ports.clock.now()
        # Of two attempts at one notice the later waits for how the earlier ends.
        under_way = {held.envelope.data.notice_id for held in self._all() if held.task is not None}
        ready = [held for held in self._all() if held.task is None and self._is_ready(held, now, under_way)]
        if not ready:
            return
        names = [held.envelope.data.message_id for held in ready]
        names += chain.from_iterable(_earlier(held.envelope.data) for held in ready)
        asked = [mark for name in names for mark in (name, told(name), _left(name))]
        done = await self._ports.store.known_ids(NAME, asked)
        for held in ready:
            name = held.envelope.data.message_id
            is_void = held.called_back and name not in done
            if is_void or told(name) in done or _has_left(held.envelope.data, done):
                self._drop(held)
                continue
            held.has_left = name in done
            held.task = asyncio.ensure_future(self._carry(held))

    @staticmethod
    def _is_ready(held: _Held, now: datetime, under_way: Collection[str]) -> bool:
        data = held.envelope.data
        return held.called_back or (data.send_from <= now and data.notice_id not in under_way)

    async def _carry(self, held: _Held) -> None:
        name = held.envelope.data.message_id
        outcome = Sent(name, 0) if held.has_left else await self._send(held)
        if isinstance(outcome, Sent):
            await self._insist(lambda: self._ports.store.copy_ids(NAME, [name, _left(name)]))
        elif outcome.reason == _NOT_OURS:
            return
        ended = "sent" if isinstance(outcome, Sent) else outcome.reason
        if ended != _NOT_DUE:
            self._ports.meter.count("outbound", channel=held.envelope.data.channel, outcome=ended)
            await self._insist(lambda: self._tell(held, outcome))
            await self._insist(lambda: self._ports.store.copy_ids(NAME, [name, told(name)]))
        self._drop(held)

    def _drop(self, held: _Held) -> None:
        self._held.get(held.record.at, {}).pop(held.record.offset, None)

    async def _send(self, held: _Held) -> Sent | Failure:
        data = held.envelope.data
        route = self._routes.get(data.channel)
        if route is None:
            return self._failure(data, "no_adapter")
        may_leave = self._may_leave(held)
        to, why_not = await self._address(route, held, may_leave)
        if to is None:
            return self._failure(data, why_not or "no_address")
        try:
            language: Any = data.language
            said = {**self._said, **data.arguments}
            subject, body = message_words(data.kind, language, said, data.facts)
        except (ValueError, KeyError):
            return self._failure(data, "template_incomplete")
        outgoing = Outgoing(
            message_id=data.message_id,
            kind=data.kind.value,
            channel=data.channel,
            language=data.language,
            to=to,
            subject=subject,
            body=body,
        )
        return await self._deliverers[data.channel].deliver(outgoing, may_leave)

    def _may_leave(self, held: _Held) -> MayLeave:
        """Ask right before each attempt: still ours, still in its time, still due as notice knows it now."""
        data, generation = held.envelope.data, self._generation

        async def ask() -> str | None:
            while True:
                if self._stopping or self._given_up or generation != self._generation:
                    return _NOT_OURS
                if self._ports.clock.now() >= data.send_until:
                    return WINDOW_PASSED
                try:
                    due = await is_still_due(self._ports.store, held.envelope)
                except UnavailableError:
                    await self._ports.clock.sleep(_RETRY_SECONDS)
                    continue
                return None if due else _NOT_DUE

        return ask

    async def _address(self, route: Route, held: _Held, may_leave: MayLeave) -> tuple[str | None, str | None]:
        """Look it up, again and again while the book cannot be read; the code of why it ended without one."""
        data = held.envelope.data
        while (why_not := await may_leave()) is None:
            with suppress(UnavailableError):
                to = await asyncio.to_thread(
                    route.addresses.find, held.envelope.key, data.recipient, data.channel
                )
                return to, None
            await self._ports.clock.sleep(_RETRY_SECONDS)
        return None, why_not

    def _failure(self, data: NoticeDue, reason: str) -> Failure:
        now = self._ports.clock.now()
        return Failure(data.message_id, data.kind.value, data.channel, 0, reason, now)

    # -- what is said

    async def _tell(self, held: _Held, outcome: Sent | Failure) -> None:
        data, now = held.envelope.data, self._ports.clock.now()
        said: NoticeDelivered | NoticeFailed
        records = []
        if isinstance(outcome, Sent):
            said = NoticeDelivered(
                notice_id=data.notice_id,
                message_id=data.message_id,
                channel=data.channel,
                at=now,
                attempts=outcome.attempts,
                purpose=data.category,
                recipient=data.recipient,
                debts=data.debts,
            )
        else:
            said = NoticeFailed(
                notice_id=data.notice_id,
                message_id=data.message_id,
                channel=data.channel,
                at=now,
                attempts=outcome.attempts,
                reason=outcome.reason,
            )
            if outcome.reason != WINDOW_PASSED:  # it is asked for again by itself
                records.append(self._dead(held.record, outcome.reason, now))
        records.append(_desk_record(held.envelope, said, now))
        await self._publisher.publish(records)

    def _dead(self, record: Record, reason: str, now: datetime) -> OutgoingRecord:
        why = (
            *(("parley-reason", reason.encode()), ("parley-topic", record.topic.encode())),
            *(("parley-partition", b"%d" % record.partition), ("parley-offset", b"%d" % record.offset)),
            ("parley-at", now.isoformat().encode()),
        )
        return OutgoingRecord(DEAD_LETTERS, record.key, record.value, (*record.headers, *why))

    # -- how far it has come

    async def _commit(self) -> None:
        """Commit up to the first message that has not ended."""
        wanted = {at: min(self._held.get(at, ()), default=offset) for at, offset in self._next.items()}
        moved = {at: offset for at, offset in wanted.items() if self._committed.get(at) != offset}
        if moved:
            await self._consumer.commit(moved)
            self._committed |= moved

    def _all(self) -> list[_Held]:
        return [held for one in self._held.values() for held in one.values()]

    async def _insist(self, call: Callable[[], Awaitable[T]]) -> T:
        while True:
            try:
                return await call()
            except UnavailableError:
                if self._stopping:
                    raise
                await self._ports.clock.sleep(_RETRY_SECONDS)


def _earlier(data: NoticeDue) -> list[str]:
    """Name the attempts at the notice before this one: what has left by one of them is not sent again."""
    return [message_id(data.notice_id, n) for n in range(max(1, data.attempt - _EARLIER), data.attempt)]


def _left(name: str) -> str:
    """Give the id under which it is noted that a message has left; one that was given up has the others."""
    return f"{name}/left"


def _has_left(data: NoticeDue, done: Collection[str]) -> bool:
    """Whether the notice has left by an attempt before this one."""
    return any(_left(name) in done or (name in done and told(name) not in done) for name in _earlier(data))


def _desk_record(about: Envelope[NoticeDue], said: Any, now: datetime) -> OutgoingRecord:
    """Give the outcome as a message of the desk's topic; its id is derived, so that it counts once."""
    envelope = Envelope(
        id=derive_id("courier", about.data.message_id, said.TYPE),
        source=SOURCE,
        time=now,
        key=about.key,
        data=said,
        subject=about.subject,
        causation=about.id,
        traceparent=about.traceparent,
        tracestate=about.tracestate,
    )
    key, value, headers = encode(envelope)
    return OutgoingRecord("desk.events", key, value, tuple(headers))
