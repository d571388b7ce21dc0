"""The fold: one document, one message after another, decided in arrival order. Pure but for spans and meters.

What a message does to a document is computed whole before anything is changed, so that a decider that fails,
or an emission that cannot be sent, leaves the results of earlier messages standing (rule 11).
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import PurePath
from typing import Any

from shared.contracts.base import Event
from shared.contracts.cloudevents import encode
from shared.contracts.decision import Decision, Link, State
from shared.contracts.envelope import Envelope
from shared.contracts.ids import derive_id
from shared.contracts.runtime import CaseHeld, CaseReleased
from shared.runtime.deadletters import dead_letter, due_work_letter, storable
from shared.runtime.document import (
    BrokenStateError,
    Case,
    Cause,
    IdEntry,
    LinkEntry,
    OutEntry,
    Park,
    Waiting,
    row_name,
)
from shared.runtime.inbound import Failure, Inbound, Reason, receive
from shared.runtime.lane import Lane
from shared.runtime.limits import Limits
from shared.runtime.ports import (
    Meter,
    Outgoing,
    ParkedRow,
    Publisher,
    Record,
    Span,
    SpanStart,
    Tracer,
    UnencodableError,
)
from shared.runtime.service import EXTERNAL, DocumentPer, Service

__all__ = ["SEEN", "Fold", "Origin", "Work"]


@dataclass(slots=True)
class Work:
    """One document's part of a batch: what came for it and, after the fold, what came of it."""

    lane: Lane
    document: str
    inbounds: list[Inbound] = field(default_factory=list)
    closing: date | None = None
    case: Case | None = None
    rows: list[ParkedRow] = field(default_factory=list)  # to be stored before the document is written
    letters: list[Outgoing] = field(default_factory=list)
    spans: list[tuple[Span, str, list[str]]] = field(default_factory=list)
    outcomes: list[tuple[Inbound, str, str]] = field(default_factory=list)  # inbound, OUTCOMES member, word
    emitted: list[str] = field(default_factory=list)
    replaying: bool = False

    def forget(self) -> None:
        """Undo what the fold did, in the lane's open work too; the document must be begun again."""
        if self.case is not None:
            self._count_work(self.case.work, self.case.work_stored)
        for span, _, _ in self.spans:
            span.drop()
        self.case, self.replaying = None, False
        self.rows, self.letters, self.spans, self.outcomes, self.emitted = [], [], [], [], []

    def _count_work(self, old: list[str], new: list[str]) -> None:
        if old != new:
            self.lane.work.subtract(old)
            self.lane.work.update(new)


@dataclass(frozen=True, slots=True)
class Origin:
    """What an emission comes from.

    Its cause's id and time, its place in the trace, and the first free index.
    """

    id: str
    time: datetime
    causation: str | None
    span: Span | None
    index: int = 0


@dataclass(slots=True)
class _Effects:
    state: State | None
    due: date | None
    out: list[OutEntry]
    links: list[LinkEntry]
    sent: dict[str, int]
    work: list[str]
    types: list[str]


WAITS = object()
SEEN = object()


class Fold:
    """The decisions of one service over one batch."""

    def __init__(
        self,
        service: Service,
        limits: Limits,
        publisher: Publisher,
        tracer: Tracer,
        meter: Meter,
    ) -> None:
        self.service = service
        self.limits = limits
        self._publisher = publisher
        self._tracer = tracer
        self._meter = meter
        self.measure: Callable[[Work, Case], None] | None = None  # set: try every decision before it is made
        self._known: set[str] = set()
        self._stored: dict[str, Sequence[ParkedRow]] = {}
        self._references: dict[int, Any] = {}

    def receive(self, record: Record) -> Inbound:
        """Read a raw record."""
        return receive(self.service, record, self.limits.partitions)

    def learn(self, known: Collection[str], stored: Mapping[str, Sequence[ParkedRow]]) -> None:
        """Take note of the external ids that were kept before, and of what is parked."""
        self._known.update(known)
        self._stored.update(stored)

    # -- messages -----------------------------------------------------------------------------------

    def message(self, work: Work, inbound: Inbound) -> None:
        """Decide one message of `work`'s document, park it, or drop it as a duplicate."""
        record = inbound.record
        if work.case is None:
            work.case = Case(work.document, record.partition, inbound.key)
        case = work.case
        if case.key != inbound.key or case.partition != record.partition:
            failure = Failure(Reason.WRONG_CASE, "key: the case belongs to another customer")
            work.letters.append(self.letter(record, failure, None))
            self.outcome(work, inbound, "dead_lettered", failure.reason)
            return
        if record.offset <= case.parked_upto.get(record.topic, -1):
            self._already_parked(work, case, inbound)
            return
        span = self.span(inbound)
        if case.parked and not self.seen(case, inbound):
            self._park(work, case, inbound, Failure(Reason.PARKED), span)
            return
        result = self.process(work, case, inbound, Cause.of_record(record), span)
        if result is SEEN:
            work.spans.append((span, "duplicate", []))
            self.outcome(work, inbound, "duplicates", "duplicate")
        elif isinstance(result, Failure):
            self._park(work, case, inbound, result, span)
        else:
            self.outcome(work, inbound, "processed", "waits" if result is WAITS else "decided")

    def _already_parked(self, work: Work, case: Case, inbound: Inbound) -> None:
        """A record that is delivered again although its document has parked it: its row was stored before."""
        if case.parked:
            work.letters.append(self.letter(inbound.record, Failure(Reason.PARKED), case.id))
            self.outcome(work, inbound, "dead_lettered", "parked")
        else:
            self.outcome(work, inbound, "duplicates", "duplicate")

    def process(
        self, work: Work, case: Case, inbound: Inbound, cause: Cause, span: Span
    ) -> Failure | object | None:
        """Decide a message that is not parked; give why it cannot be, or what it was.

        Changes nothing on failure.
        """
        if self.seen(case, inbound):
            self._audit(case, inbound)
            return SEEN
        if inbound.failure is not None:
            return inbound.failure
        envelope = inbound.envelope
        assert envelope is not None  # noqa: S101 - without a failure it was decoded
        origin = Origin(envelope.id, envelope.time, envelope.id, span)
        if isinstance(envelope.data, CaseHeld | CaseReleased):
            emitted = self._pass_hold_on(work, case, envelope, cause, origin)
            if not self.service.audits:
                self.note(case, inbound, cause)
                work.spans.append((span, "held", emitted))
                return None
        judged = self._judge(work, case, envelope, cause, origin)
        if isinstance(judged, Failure):
            return judged
        if judged is None:
            if len(case.waiting) >= self.limits.waiting_messages:
                return Failure(Reason.WAITING)
            waiting = Waiting(inbound.record, envelope.day.isoformat())
            unwritable = self._unwritable(work, case, None, waiting)
            if unwritable is not None:
                return unwritable
            case.waiting.append(waiting)
            self.note(case, inbound, cause)
            work.spans.append((span, "waits", []))
            return WAITS
        changed = self._apply(work, case, judged)
        self.note(case, inbound, cause)
        work.spans.append((span, "decided", judged.types))
        if changed:
            self.retry_waiting(work, case, cause)
        return None

    def _judge(
        self,
        work: Work,
        case: Case,
        envelope: Envelope[Any],
        cause: Cause,
        origin: Origin,
        *,
        last_call: bool = False,
    ) -> _Effects | Failure | None:
        """Ask the decider and work out what follows; None: it waits. Changes nothing."""
        try:
            decision = self.service.decider.decide(
                case.state(self.service.state), envelope, self._reference(work.lane)
            )
            if decision.waits and not last_call:
                return None
            effects = self._effects(case, decision, cause, origin)
        except BrokenStateError as error:
            return Failure(Reason.STATE, str(error))
        except UnencodableError as error:
            return Failure(Reason.TOO_LARGE, error.rule)
        except Exception as error:  # noqa: BLE001 - whatever a decider raises costs only its case (rule 11)
            return Failure(Reason.DECIDER, describe(error))
        return self._unwritable(work, case, effects) or effects

    def _unwritable(
        self, work: Work, case: Case, effects: _Effects | None, waiting: Waiting | None = None
    ) -> Failure | None:
        """Where a document turned out to be unwritable, find the decision that makes it so, on a copy (rule
        5).
        """
        if self.measure is None:
            return None
        trial = case.clone()
        if effects is not None:
            trial.out += effects.out
            trial.links += effects.links
            trial.sent.update(effects.sent)
            trial.put(effects.state, effects.due)
        if waiting is not None:
            trial.waiting.append(waiting)
        try:
            self.measure(work, trial)
        except UnencodableError as error:
            return Failure(Reason.TOO_LARGE, error.rule)
        except Exception as error:  # noqa: BLE001 - a state that cannot be dumped
            return Failure(Reason.TOO_LARGE, type(error).__name__)
        return None

    def _effects(self, case: Case, decision: Decision[Any], cause: Cause, origin: Origin) -> _Effects:
        state = decision.state
        if state is None:
            if case.state(self.service.state) is not None:
                raise TypeError("a decision must keep the state once there is one")
        elif not isinstance(state, self.service.state):
            raise TypeError("a decision's state is not of the service's model")
        due = self.service.decider.due(state) if state is not None else None
        sent: dict[str, int] = {}
        out, types = [], []
        for index, emission in enumerate(decision.emissions, origin.index):
            subject = emission.subject if emission.subject is not None else self._own_subject(case)
            id_ = derive_id(self.service.name, subject, origin.id, index)
            out.append(self._emission(case, sent, subject, emission.data, id_, cause, origin))
            types.append(emission.data.TYPE)
        return _Effects(
            state=state,
            due=due,
            out=out,
            links=[self._link(link, cause) for link in decision.links],
            sent=sent,
            work=list(self.service.workload(state)) if state is not None else [],
            types=types,
        )

    def _own_subject(self, case: Case) -> str:
        if self.service.per is not DocumentPer.CASE:
            raise ValueError("subject: where documents are per customer every emission names its case")
        return case.id

    def _emission(
        self,
        case: Case,
        sent: dict[str, int],
        subject: str,
        data: Event,
        id_: str,
        cause: Cause,
        origin: Origin,
    ) -> OutEntry:
        if not self.service.emits:
            raise TypeError(f"{self.service.name} has no topic to publish on")
        sequence = sent.get(subject, case.sent.get(subject, 0)) + 1
        sent[subject] = sequence
        traceparent, tracestate = origin.span.carry(subject) if origin.span is not None else (None, None)
        key, value, headers = encode(
            Envelope(
                id=id_,
                source=self.service.source,
                time=origin.time,
                key=case.key,
                data=data,
                subject=subject,
                sequence=sequence,
                causation=origin.causation,
                traceparent=traceparent,
                tracestate=tracestate,
            )
        )
        entry = OutEntry(cause, key, value, tuple(headers))
        self._publisher.measure(entry.outgoing(self.service.topic))
        return entry

    def _link(self, link: Link, cause: Cause) -> LinkEntry:
        return LinkEntry(cause, link.id, link.body)

    def _apply(self, work: Work, case: Case, effects: _Effects) -> bool:
        """Make the decision the document's; tell whether its state is another one."""
        case.out += effects.out
        case.links += effects.links
        case.sent.update(effects.sent)
        case.changed = True
        work.emitted += effects.types
        if effects.work != case.work:
            work.lane.work.subtract(case.work)
            work.lane.work.update(effects.work)
            case.work = effects.work
        return case.put(effects.state, effects.due)

    # -- marks and ids (rules 3 and 6) ---------------------------------------------------------------

    def seen(self, case: Case, inbound: Inbound) -> bool:
        if inbound.mark is not None:
            source, subject, sequence = inbound.mark
            return sequence <= case.marks.get((source, subject), 0)
        external = inbound.external_id
        if external is None:
            return False
        return external in self._known or any(entry.id == external for entry in case.ids)

    def note(self, case: Case, inbound: Inbound, cause: Cause) -> None:
        """Record that a message was decided, refused, put to wait or discarded; never that it was parked."""
        case.changed = True
        if inbound.external_id is not None:
            case.ids.append(IdEntry(cause, inbound.external_id))
        if inbound.mark is not None:
            source, subject, sequence = inbound.mark
            before = case.marks.get((source, subject), 0)
            if sequence != before + 1 and self.service.handles is None:  # others do not see every message
                self._meter.count("gaps", service=self.service.name, source=source)
                if self.service.audits:
                    self._meter.alarm("gap", source=source, case=subject, seen=str(before), got=str(sequence))
            case.marks[source, subject] = sequence
            if self.service.audits and inbound.envelope is not None:
                tail = case.tails.setdefault((source, subject), [])
                tail += [""] * (sequence - before - 1) + [inbound.envelope.id[:8]]
                del tail[: -self.limits.audit_tail]

    def _audit(self, case: Case, inbound: Inbound) -> None:
        """Compare a duplicate's id with the one that its sequence carried the first time (rule 7)."""
        if not self.service.audits or inbound.mark is None or inbound.envelope is None:
            return
        source, subject, sequence = inbound.mark
        tail = case.tails.get((source, subject), [])
        back = case.marks[source, subject] - sequence
        if back < len(tail) and tail[-1 - back] not in {"", inbound.envelope.id[:8]}:
            self._meter.alarm("two-ids", source=source, case=subject, sequence=str(sequence))

    # -- waiting facts (rule 9) ----------------------------------------------------------------------

    def retry_waiting(self, work: Work, case: Case, cause: Cause) -> None:
        """Decide the waiting facts again, in arrival order, until the state no longer changes."""
        while self._retry_once(work, case, cause):
            pass

    def _retry_once(self, work: Work, case: Case, cause: Cause) -> bool:
        """Decide waiting facts until one changes the state; tell whether one did."""
        return not case.parked and any(
            self._decide_waiting(work, case, waiting, cause)
            for waiting in list(case.waiting)
            if not case.parked
        )

    def _decide_waiting(
        self, work: Work, case: Case, waiting: Waiting, cause: Cause, *, last_call: bool = False
    ) -> bool:
        """Decide one waiting fact, without de-duplication; tell whether the state changed."""
        inbound = self.receive(waiting.record)
        envelope = inbound.envelope
        span = self.span(inbound)
        if envelope is None:  # it was readable when it came: this version cannot read it any more
            judged: _Effects | Failure | None = inbound.failure
        else:
            origin = Origin(envelope.id, envelope.time, envelope.id, span)
            judged = self._judge(work, case, envelope, cause, origin, last_call=last_call)
        if judged is None:
            span.drop()
            return False
        if isinstance(judged, Failure):
            waiting.failed = True
            work.letters.append(self.letter(waiting.record, judged, case.id))
            self._mark_parked(work, case, inbound, judged, cause, span)
            work.spans.append((span, "parked", []))
            return False
        case.waiting = [other for other in case.waiting if other is not waiting]
        changed = self._apply(work, case, judged)
        work.spans.append((span, "decided", judged.types))
        return changed

    # -- due work (rules 18 and 19) ------------------------------------------------------------------

    def close(self, work: Work, day: date) -> None:
        """Do what is due on the document up to `day`.

        First the facts that waited in vain, then the decider's own.
        """
        case = work.case
        if case is None or case.held:
            return
        cause = Cause.of_day(day)
        last = day.isoformat()
        for waiting in list(case.waiting):
            if waiting.day <= last and any(waiting is other for other in case.waiting):
                if self._decide_waiting(work, case, waiting, cause, last_call=True):
                    self.retry_waiting(work, case, cause)
                if case.parked:
                    return
        # A fact decided after the close may make more due; each round takes one of them.
        while not case.parked and case.state_due is not None and case.state_due <= day:
            self._close_state(work, case, day, cause)

    def _close_state(self, work: Work, case: Case, day: date, cause: Cause) -> None:
        span = self._tracer.process(
            SpanStart(self.service.name, "day.closed", self._span_case(case), day=day.isoformat())
        )
        done_before = case.day_index[1] if case.day_index[0] == cause.day else 0
        moment = datetime.combine(day, time(23, 59, 59), UTC)
        origin = Origin(f"day:{cause.day}", moment, None, span, done_before)
        try:
            state = case.state(self.service.state)
            assert state is not None  # noqa: S101 - only a state is due
            decision = self.service.decider.close(state, day, self._reference(work.lane))
            effects = self._effects(case, decision, cause, origin)
            if effects.due is not None and effects.due <= day:
                raise RuntimeError("due work is still due after it was done")
            unwritable = self._unwritable(work, case, effects)
        except UnencodableError as error:
            unwritable = Failure(Reason.TOO_LARGE, error.rule)
        except Exception as error:  # noqa: BLE001 - as for messages (rule 11)
            unwritable = Failure(Reason.DUE_WORK, describe(error))
        if unwritable is None:
            case.day_index = (cause.day, done_before + len(effects.out))
            changed = self._apply(work, case, effects)
            work.spans.append((span, "closed", effects.types))
            if changed:
                self.retry_waiting(work, case, cause)
            return
        work.letters.append(due_work_letter(self.service, case.id, case.key, day, unwritable))
        self._mark_parked(work, case, None, unwritable, cause, span)
        work.spans.append((span, "parked", []))

    # -- park, hold and release (rules 11 and 13) ----------------------------------------------------

    def _park(self, work: Work, case: Case, inbound: Inbound, failure: Failure, span: Span) -> None:
        record = inbound.record
        self._mark_parked(work, case, inbound, failure, Cause.of_record(record), span)
        case.park_order += 1
        case.parked_upto[record.topic] = record.offset
        kept = storable(record, self.limits.document_bytes - self.limits.document_reserve)
        work.rows.append(ParkedRow(case.id, kept, case.park_order, work.lane.epoch, failure.reason.value))
        work.letters.append(self.letter(record, failure, case.id))
        work.spans.append((span, "parked", []))
        self.outcome(work, inbound, "dead_lettered", failure.reason)

    def _mark_parked(
        self,
        work: Work,
        case: Case,
        inbound: Inbound | None,
        failure: Failure,
        cause: Cause,
        span: Span | None,
    ) -> None:
        """Put the park mark on a document that has none, and tell the chain."""
        case.changed = True
        if case.parked:
            return
        where = row_name(inbound.record) if inbound is not None else cause.day
        case.park = Park(failure.reason.value, where)
        if work.replaying:  # it never was released
            return
        case.park_count += 1
        case.park_cases = self._cases(case)
        held = CaseHeld(service=self.service.name, reason=failure.reason.value, count=case.park_count)
        self._announce(work, case, held, "held", cause, self._origin(work, inbound, cause, span))

    def release(self, work: Work, case: Case, inbound: Inbound, span: Span) -> None:
        """Take the park mark off and tell the chain."""
        case.park = None
        released = CaseReleased(service=self.service.name, count=case.park_count)
        cause = Cause.of_record(inbound.record)
        self._announce(work, case, released, "released", cause, self._origin(work, inbound, cause, span))

    def _announce(self, work: Work, case: Case, data: Event, word: str, cause: Cause, origin: Origin) -> None:
        if not self.service.emits:
            return
        for subject in case.park_cases:
            sent: dict[str, int] = {}
            id_ = derive_id(self.service.name, subject, origin.id, word, case.park_count)
            case.out.append(self._emission(case, sent, subject, data, id_, cause, origin))
            case.sent.update(sent)
            work.emitted.append(data.TYPE)

    def _origin(self, work: Work, inbound: Inbound | None, cause: Cause, span: Span | None) -> Origin:
        if inbound is not None and inbound.envelope is not None:
            return Origin(inbound.envelope.id, inbound.envelope.time, inbound.envelope.id, span)
        if cause.day:
            day = date.fromisoformat(cause.day)
            return Origin(f"day:{cause.day}", datetime.combine(day, time(23, 59, 59), UTC), None, span)
        assert inbound is not None  # noqa: S101 - a record or a day
        # Nothing of it could be read: it belongs to the business day that is open.
        done = work.lane.done
        moment = (
            datetime.combine(done + timedelta(days=1), time(), UTC)
            if done is not None
            else datetime.fromtimestamp(inbound.record.timestamp_ms / 1000, UTC)
        )
        return Origin(row_name(inbound.record), moment, None, span)

    def _cases(self, case: Case) -> list[str]:
        """Give the cases that a parked document speaks for: they are held everywhere (rule 13)."""
        if self.service.per is DocumentPer.CASE:
            return [case.id]
        try:
            state = case.state(self.service.state)
            cases = list(self.service.cases(state)) if self.service.cases is not None else []
            if self.service.upcoming is not None:
                cases.append(self.service.upcoming(state, case.key))
        except Exception:  # noqa: BLE001 - the document is being parked because something is broken
            cases = list(case.sent)
        return list(dict.fromkeys(cases))

    def _pass_hold_on(
        self, work: Work, case: Case, envelope: Envelope[Any], cause: Cause, origin: Origin
    ) -> list[str]:
        """Take note that a service holds or releases the case; pass on what is news."""
        data = envelope.data
        holder = (data.service, envelope.case)
        rank = 2 * data.count + isinstance(data, CaseReleased)
        if data.service == self.service.name or rank <= case.holds.get(holder, -1):
            return []
        case.holds[holder] = rank
        if not self.service.emits:
            return []
        sent: dict[str, int] = {}
        id_ = derive_id(self.service.name, envelope.case, origin.id, 0)
        case.out.append(self._emission(case, sent, envelope.case, data, id_, cause, origin))
        case.sent.update(sent)
        work.emitted.append(data.TYPE)
        return [data.TYPE]

    # -- helpers ---------------------------------------------------------------------------------------

    def stored_rows(self, work: Work, case: Case) -> list[ParkedRow]:
        """Give what is parked of a document, stored or in this batch, in arrival order, each once."""
        rows = {row_name(row.record): row for row in self._stored.get(case.id, ())}
        rows.update({row_name(row.record): row for row in work.rows})
        return sorted((row for row in rows.values() if not case.dropped(row)), key=lambda row: row.order)

    def letter(self, record: Record, failure: Failure, document: str | None) -> Outgoing:
        return dead_letter(self.service, record, failure, document, self._publisher)

    def outcome(self, work: Work, inbound: Inbound, outcome: str, word: str) -> None:
        work.outcomes.append((inbound, outcome, str(word)))

    def _reference(self, lane: Lane) -> Any:
        if lane.partition not in self._references:
            self._references[lane.partition] = self.service.reference(lane.open_work())
        return self._references[lane.partition]

    def _span_case(self, case: Case) -> str | None:
        if self.service.per is DocumentPer.CASE:
            return case.id
        return next(reversed(case.sent), None)

    def span(self, inbound: Inbound) -> Span:
        envelope, record = inbound.envelope, inbound.record
        return self._tracer.process(
            SpanStart(
                service=self.service.name,
                type=inbound.type,
                case=envelope.subject if envelope is not None else None,
                topic=record.topic,
                partition=record.partition,
                offset=record.offset,
                message_id=envelope.id if envelope is not None else None,
                traceparent=envelope.traceparent if envelope is not None else None,
                tracestate=envelope.tracestate if envelope is not None else None,
                external=inbound.producer in EXTERNAL,
            )
        )


def describe(error: BaseException) -> str:
    """Say what an exception is and where it came from; its text may quote personal data and stays out."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" at {PurePath(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{where}"
