"""The engine: one replica of one service. Polls, batches, closes days, keeps positions, drains.

    poll -> (barrier) -> batch -> positions -> commit
                     -> every waited-for input has reached a day: due work -> positions -> marker -> commit

While one batch is worked on, the next is polled and decoded. One task runs everything; `Listener` calls come
beside it from the consumer. Small batches that follow each other at once share one write of the positions:
all of them were written, published and acknowledged before, so that to read them again would change nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import date

from shared.runtime.batch import Batch, Shell
from shared.runtime.days import do_due_work, latest_day, markers, watch_lag
from shared.runtime.deadletters import dead_letter
from shared.runtime.fetching import Fetching
from shared.runtime.hand import Hand
from shared.runtime.inbound import Inbound, Kind
from shared.runtime.lane import Lane
from shared.runtime.limits import Limits
from shared.runtime.mistakes import Mistakes
from shared.runtime.pace import Pace
from shared.runtime.ports import (
    BrokenError,
    NotOwnerError,
    Outgoing,
    Ports,
    Record,
    TopicPartition,
    UnavailableError,
)
from shared.runtime.pulse import Pulse, State
from shared.runtime.recent import Recent
from shared.runtime.retry import AbandonedError, Patience
from shared.runtime.service import Service
from shared.runtime.takeover import owned_partitions, take_over
from shared.runtime.work import Work

__all__ = ["Engine"]


class Engine:
    """One member of the service's group. `run` until `stop`; a second `run` needs a new engine."""

    def __init__(self, service: Service, ports: Ports, limits: Limits, client_id: str = "parley") -> None:
        self.service = service
        self._ports = ports
        self._limits = limits
        self._consumer = ports.log.consumer(service.group, client_id)
        self._patience = Patience(ports.clock, ports.meter, limits, service.name)
        self.pulse = Pulse(ports.clock)
        self._pace = Pace(limits.batch_records, limits.batch_least, limits.batch_seconds)
        publisher, patience = ports.log.publisher(), self._patience
        self._shell = Shell(
            service=service,
            limits=limits,
            ports=ports,
            publisher=publisher,
            patience=patience,
            lost=lambda: self._lost,
            pulse=self.pulse,
            pace=self._pace,
            recent=Recent(limits.recent_bytes),
        )
        self._mistakes = Mistakes(service, ports.meter)
        self._hand = Hand()
        self._fetching = Fetching(
            service=service,
            limits=limits,
            consumer=self._consumer,
            clock=ports.clock,
            meter=ports.meter,
            patience=patience,
            pulse=self.pulse,
            pace=self._pace,
            hurried=lambda: self._stopping or self._draining or self._pending,
            ends=lambda inbounds: self._hand.completed_by(inbounds),  # noqa: PLW0108 - the hand is changed for another
        )
        self._generation = -1  # the consumer's, when the lanes were taken over
        self._pending = False  # an assignment waits to be taken over
        self._draining = False  # the group is taking the assignment away
        self._lost = False  # the work in hand is no longer ours
        self._stopping = False
        self._abandoned = 0  # times in a row
        self._worked = 0.0  # when the last batch was done, by the monotonic clock
        self._idle = asyncio.Event()
        self._idle.set()
        self._changed = asyncio.Event()

    # -- the listener ----------------------------------------------------------------------------------

    async def on_revoked(self, partitions: Collection[TopicPartition]) -> None:  # noqa: ARG002
        """Let the batch in hand come to its end; after the deadline it is abandoned uncommitted (rule 21)."""
        self._draining = True
        try:
            await asyncio.wait_for(self._drained(), self._limits.drain_seconds)
        except TimeoutError:
            self._ports.meter.alarm("drain-deadline", service=self.service.name)
        self._lost = True

    async def _drained(self) -> None:
        """Wait for the batch in hand, and save what it and those before have come to."""
        await self._idle.wait()
        if self._hand.unsaved and not self._lost and not self._pending:
            with suppress(AbandonedError, NotOwnerError, BrokenError):
                await self._settle()

    def on_assigned(self, partitions: Collection[TopicPartition]) -> None:  # noqa: ARG002
        """Take note: everything is paused at 0 until the loop has taken over."""
        self._lost = True  # whatever is still in hand belongs to the assignment before
        self._pending = True
        self._draining = False
        self._changed.set()

    # -- life --------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Work until `stop`. Raises FatalError where the process must end."""
        await self._join()
        try:
            while not self._stopping:
                await self._turn()
            await self._drained()
        finally:
            self._idle.set()
            await self._fetching.drop()
            await self._consumer.stop()

    async def _join(self) -> None:
        attempt = 0
        while not self._stopping:
            try:
                with self.pulse.stage("join"):
                    await self._consumer.start(self.service.topics, self)
                return
            except UnavailableError:
                self.pulse.failed("join")
                await self._patience.pause(attempt)
                attempt += 1

    def stop(self) -> None:
        """Finish the batch in hand and end; after the drain deadline, end without it."""
        self._stopping = True
        self._changed.set()
        asyncio.get_running_loop().call_later(self._limits.drain_seconds, self._give_up)

    def _give_up(self) -> None:
        self._lost = True

    @property
    def lanes(self) -> Sequence[Lane]:
        """The lanes in hand (for status and tests)."""
        return list(self._hand.lanes.values())

    @property
    def state(self) -> State:
        """Where it stands in its group."""
        if self._draining:
            return State.GIVING_UP
        if self._generation == self._consumer.generation and not self._pending:
            return State.WORKING if self._hand.lanes else State.STANDBY
        return State.TAKING_OVER if self._consumer.generation else State.JOINING

    def unfinished(self) -> Iterator[Record]:
        """What has been fetched and not worked off."""
        return self._hand.unfinished(self._fetching.fetched)

    def high_water(self, at: TopicPartition) -> int | None:
        """The end of an input as of the last fetch."""
        return self._consumer.high_water(at)

    async def ends(self) -> dict[TopicPartition, int]:
        """Ask for the ends of the inputs of all lanes; or UnavailableError."""
        return await self._consumer.ends(self._hand.offsets())

    # -- one turn ----------------------------------------------------------------------------------------

    async def _turn(self) -> None:
        try:
            await self._step()
        except BrokenError as error:
            await self._join_anew(error)

    async def _step(self) -> None:
        if self._draining:
            await self._wait_for_change()
            return
        try:
            if self._pending:
                self._idle.clear()
                await self._take_over()
            elif not self._hand.lanes:
                await self._fetch()  # nothing is ours: only so that the consumer lives
            else:
                await self._work()
        except (AbandonedError, NotOwnerError):
            await self._abandon()
        finally:
            self._hand.batch = []
            self._idle.set()

    async def _work(self) -> None:
        if self._hand.carry:
            inbounds, self._hand.carry = self._hand.carry, []
        else:
            ready = self._hand.ready()
            if ready:
                self._idle.clear()
                for day, lanes in ready:
                    await self._close_day(day, lanes)
                return
            inbounds = await self._fetch()
            if self._draining or self._pending:
                return  # they will be read again by their owner
        self._idle.clear()
        admitted = self._hand.batch = [one for inbound in inbounds for one in self._admit(inbound)]
        self._stop_inputs()
        self._fetching.start()
        if admitted:
            await self._batch(admitted)
        self._abandoned = 0

    # -- records -----------------------------------------------------------------------------------------

    async def _fetch(self) -> list[Inbound]:
        """Give the next records, decoded; none if the assignment has changed meanwhile."""
        if unsaved := self._hand.unsaved:
            pressing = any(lane.pressing for lane in unsaved)
            silence = self._limits.settle_seconds if pressing else self._limits.settle_idle_seconds
            # Counted from the last batch: a poll that brings nothing ends as well.
            left = self._worked + silence - self._ports.clock.monotonic()
            come = left > 0 and await self._fetching.within(left)
            if not come and not self._draining and not self._pending:
                self._idle.clear()
                await self._settle()
                self._idle.set()
        generation, inbounds = await self._fetching.take()
        return inbounds if generation == self._generation == self._consumer.generation else []

    def _admit(self, inbound: Inbound) -> list[Inbound]:
        lane = self._hand.lanes.get(inbound.record.partition)
        if lane is None:  # a partition that is not worked on is paused; a record of it is nobody's to judge
            return []
        return lane.admit([inbound], lambda lane: latest_day(self._limits, self._ports.clock, lane))

    def _stop_inputs(self) -> None:
        """Pause what has more waiting behind its day than may be held; resume what has not (rule 18).

        A lane keeps the barrier by itself. The consumer is only asked to pause for the memory's sake: a
        partition that is resumed is read again only once the fetch under way has returned.
        """
        before, stopped = self._hand.stopped, self._hand.overfull(self._limits)
        if stopped != before:
            self._consumer.pause(stopped - before)
            self._consumer.resume(before - stopped)
            self._hand.stopped = stopped

    async def _batch(self, inbounds: Iterable[Inbound]) -> None:
        works: dict[tuple[int, str], Work] = {}
        arrival: list[tuple[Work, Inbound]] = []
        letters: list[Outgoing] = []
        read: list[tuple[Inbound, str]] = []
        for inbound in inbounds:
            partition = inbound.record.partition
            if inbound.kind in {Kind.MESSAGE, Kind.COMMAND} and inbound.document is not None:
                at = (partition, inbound.document)
                work = works.setdefault(at, Work(self._hand.lanes[partition], inbound.document))
                work.inbounds.append(inbound)
                arrival.append((work, inbound))
            elif inbound.failure is not None:
                letters.append(
                    dead_letter(self.service, inbound.record, inbound.failure, None, self._shell.publisher)
                )
                read.append((inbound, "dead_lettered"))
                self._count(inbound, "dead_lettered", inbound.failure.reason)
            else:
                outcome = "duplicates" if inbound.kind is Kind.MARKER else "processed"
                read.append((inbound, outcome))
        batch = Batch(self._shell, list(works.values()), arrival, letters)
        await batch.run()
        for work in works.values():
            for inbound, outcome, word in work.outcomes:
                read.append((inbound, outcome))
                self._count(inbound, outcome, word)
        for inbound, outcome in read:
            self._hand.lanes[inbound.record.partition].worked_off(inbound, outcome)
        if any(lane.unsaved >= self._limits.settle_records for lane in self._hand.unsaved):
            await self._settle()
        self._worked = self._ports.clock.monotonic()
        self._pace.settle(len(read))
        self._ports.meter.count("batch_records", len(read), service=self.service.name)
        self._ports.meter.gauge("batch_limit", float(self._pace.size), service=self.service.name)

    # -- days --------------------------------------------------------------------------------------------

    async def _close_day(self, day: date, lanes: Sequence[Lane]) -> None:
        """Close `day` on the lanes that have reached it.

        Acks, positions, marker, commit, in this order (rule 18).
        """
        await do_due_work(self._shell, lanes, day)
        for lane in lanes:
            self._hand.carry += lane.finish(day)
        await self._save(lanes)
        outgoing = markers(self.service, lanes)
        if outgoing:
            await self._shell.insist("publish", lambda: self._shell.publisher.publish(outgoing))
        await self._commit(lanes)
        self._stop_inputs()
        self._ports.meter.count("days_closed", len(lanes), service=self.service.name)
        watch_lag(self._shell, self._hand.lanes.values())

    # -- positions ---------------------------------------------------------------------------------------

    async def _settle(self) -> None:
        """Save and commit the positions that have moved."""
        lanes = self._hand.unsaved
        await self._save(lanes)
        await self._commit(lanes)

    async def _save(self, lanes: Iterable[Lane]) -> None:
        """Write the positions; whoever loses has been followed by another owner (rule 14)."""
        dumps = [lane.dump() for lane in lanes]
        losers = await self._shell.insist(
            "positions", lambda: self._ports.store.write_positions(self.service.name, dumps)
        )
        if losers:
            raise AbandonedError("another replica has raised the epoch")
        for lane in lanes:
            lane.version += 1
            lane.unsaved, lane.pressing = 0, False

    async def _commit(self, lanes: Iterable[Lane]) -> None:
        offsets = {at: offset for lane in lanes for at, offset in lane.offsets().items()}
        await self._shell.insist("commit", lambda: self._consumer.commit(offsets))

    # -- assignment --------------------------------------------------------------------------------------

    async def _take_over(self) -> None:
        self._pending, self._lost = False, False
        self._hand = Hand()
        await self._fetching.drop()
        generation, assigned = self._consumer.generation, self._consumer.assignment()
        self._consumer.pause(assigned)
        numbers = owned_partitions(self.service, assigned)
        lanes = await take_over(self._shell, self._consumer, numbers) if numbers else {}
        if self._lost or self._consumer.generation != generation:
            return
        self._hand.lanes, self._generation = lanes, generation
        self._consumer.resume(self._hand.offsets())

    async def _let_go(self) -> None:
        """Forget everything uncommitted: whoever owns it next reads it again."""
        self._lost = True
        self._generation = -1
        self._hand = Hand()
        await self._fetching.drop()

    async def _abandon(self) -> None:
        """Let go of everything uncommitted, and take over again what is still (or again) assigned."""
        self._ports.meter.alarm("assignment-abandoned", service=self.service.name)
        await self._let_go()
        self._consumer.pause(self._consumer.assignment())
        self._idle.set()
        if self._stopping:
            return
        await self._patience.pause(self._abandoned)
        self._abandoned += 1
        await self._fetch()  # all is paused: this only lets the consumer find out where it stands
        self._pending = not self._draining

    async def _join_anew(self, error: BrokenError) -> None:
        """Leave the group with a consumer that cannot go on, and join it again: silence would be for ever."""
        self._ports.meter.alarm("consumer-broken", service=self.service.name, reason=str(error))
        await self._let_go()
        self._idle.set()
        await self._consumer.stop()
        await self._patience.pause(self._abandoned)
        self._abandoned += 1
        await self._join()

    async def _wait_for_change(self) -> None:
        self._changed.clear()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._changed.wait(), 1.0)

    # -- meters ------------------------------------------------------------------------------------------

    def _count(self, inbound: Inbound, outcome: str, word: str) -> None:
        name, meter = self.service.name, self._ports.meter
        meter.count("decided", service=name, type=inbound.type, outcome=word)
        if outcome == "dead_lettered":
            meter.count("dead_letters", service=name, topic=inbound.record.topic, reason=word)
        elif outcome == "duplicates":
            meter.count("duplicates", service=name, topic=inbound.record.topic)
        self._mistakes.heard(inbound)
