"""The fold: one document, one message after another, decided in arrival order. Pure but for spans and meters.

What a message does to a document is computed whole before anything is changed, so that a decider that fails,
or an emission that cannot be sent, leaves the results of earlier messages standing (rule 11).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, date, datetime, time
from typing import Final

from shared.contracts.runtime import CaseHeld, CaseReleased
from shared.runtime.deadletters import due_work_letter
from shared.runtime.document import Case, Cause, IdEntry, Waiting, row_name
from shared.runtime.inbound import Failure, Inbound, Reason, receive
from shared.runtime.judge import Judge
from shared.runtime.limits import Limits
from shared.runtime.parking import Parking
from shared.runtime.ports import Document, Meter, ParkedRow, Publisher, Record, Span, SpanStart, Tracer
from shared.runtime.service import EXTERNAL, DocumentPer, Service
from shared.runtime.work import Effects, Origin, Work

__all__ = ["SEEN", "WAITS", "Fold"]


WAITS = object()
SEEN = object()
DISCARDED = object()
_WORDS: Final[Mapping[object, str]] = {WAITS: "waits", DISCARDED: "discarded"}


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
        self._judge = Judge(service, publisher, limits.partitions)
        self.parking = Parking(service, limits, publisher, self._judge)
        self._tracer = tracer
        self._meter = meter
        self._known: set[str] = set()
        self._stored: dict[str, Sequence[ParkedRow]] = {}

    def receive(self, record: Record) -> Inbound:
        """Read a raw record."""
        return receive(self.service, record, self.limits.partitions)

    def try_each(self, measure: Callable[[Work, Case], None]) -> None:
        """Try every decision with `measure` from now on: a document has turned out to be unwritable."""
        self._judge.measure = measure

    def learn(self, known: Collection[str], stored: Mapping[str, Sequence[ParkedRow]]) -> None:
        """Take note of the external ids that were kept before, and of what is parked."""
        self._known.update(known)
        self._stored.update(stored)

    def trust(self, secrets: Mapping[str, Document]) -> None:
        """Take note of documents' secrets."""
        self._judge.secrets.update(secrets)

    # -- messages -----------------------------------------------------------------------------------

    def message(self, work: Work, inbound: Inbound) -> None:
        """Decide one message of `work`'s document, park it, or drop it as a duplicate."""
        record = inbound.record
        if work.case is None:
            work.case = Case(work.document, record.partition, inbound.key)
        case = work.case
        if case.key != inbound.key or case.partition != record.partition:
            failure = Failure(Reason.WRONG_CASE, "key: the case belongs to another customer")
            work.letters.append(self.parking.letter(record, failure, None))
            self.outcome(work, inbound, "dead_lettered", failure.reason)
            return
        if record.offset <= case.parked_upto.get(record.topic, -1):
            self._already_parked(work, case, inbound)
            return
        span = self.span(inbound)
        if case.parked and not self.seen(case, inbound):
            self.parking.park(work, case, inbound, Failure(Reason.PARKED), span)
            return
        result = self.process(work, case, inbound, Cause.of_record(record), span)
        if result is SEEN:
            work.spans.append((span, "duplicate", []))
            self.outcome(work, inbound, "duplicates", "duplicate")
        elif isinstance(result, Failure):
            self.parking.park(work, case, inbound, result, span)
        else:
            self.outcome(work, inbound, "processed", _WORDS.get(result, "decided"))

    def _already_parked(self, work: Work, case: Case, inbound: Inbound) -> None:
        """A record that is delivered again although its document has parked it: its row was stored before."""
        if case.parked:
            work.letters.append(self.parking.letter(inbound.record, Failure(Reason.PARKED), case.id))
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
        if work.lane.discarded and row_name(inbound.record) in work.lane.discarded:
            self.note(case, inbound, cause)
            work.spans.append((span, "discarded", []))
            return DISCARDED
        if inbound.failure is not None:
            return inbound.failure
        envelope = inbound.envelope
        assert envelope is not None  # noqa: S101 - without a failure it was decoded
        origin = Origin(envelope.id, envelope.time, envelope.id, span)
        if isinstance(envelope.data, CaseHeld | CaseReleased):
            emitted = self.parking.pass_on(work, case, inbound.producer, envelope, cause, origin)
            if not self.service.audits:
                self.note(case, inbound, cause)
                work.spans.append((span, "held", emitted))
                return None
        judged = self._judge.decide(work, case, envelope, cause, origin)
        if isinstance(judged, Failure):
            return judged
        if judged is None:
            if len(case.waiting) >= self.limits.waiting_messages:
                return Failure(Reason.WAITING)
            waiting = Waiting(inbound.record, envelope.day.isoformat())
            unwritable = self._judge.unwritable(work, case, None, waiting)
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

    def _apply(self, work: Work, case: Case, effects: Effects) -> bool:
        """Make the decision the document's; tell whether its state is another one."""
        case.out += effects.out
        case.links += effects.links
        case.sent.update(effects.sent)
        case.changed = True
        work.emitted += effects.types
        work.count(case.work, effects.work)
        case.work = effects.work
        return case.put(effects.state, effects.due)

    # -- marks and ids (rules 3 and 6) ---------------------------------------------------------------

    def seen(self, case: Case, inbound: Inbound) -> bool:
        """Whether the message was decided, refused, put to wait or discarded before."""
        if inbound.mark is not None:
            source, subject, sequence = inbound.mark
            return sequence <= case.marks.get((source, subject), 0)
        external = inbound.external_id
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
        return any(
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
            judged: Effects | Failure | None = inbound.failure
        else:
            origin = Origin(envelope.id, envelope.time, envelope.id, span)
            judged = self._judge.decide(work, case, envelope, cause, origin, last_call=last_call)
        if judged is None:
            span.drop()
            return False
        if isinstance(judged, Failure):
            waiting.failed = True
            work.letters.append(self.parking.letter(waiting.record, judged, case.id))
            self.parking.mark(work, case, inbound, judged, cause, span)
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
        # Another round of the same day goes on counting, so that no two emissions derive the same id.
        index = case.day_index[1] if case.day_index[0] == cause.day else 0
        moment = datetime.combine(day, time(23, 59, 59), UTC)
        origin = Origin(f"day:{cause.day}", moment, None, span, index)
        judged = self._judge.close(work, case, day, cause, origin)
        if isinstance(judged, Failure):
            work.letters.append(due_work_letter(self.service, case.id, case.key, day, judged))
            self.parking.mark(work, case, None, judged, cause, span)
            work.spans.append((span, "parked", []))
            return
        case.day_index = (cause.day, index + len(judged.out))
        changed = self._apply(work, case, judged)
        work.spans.append((span, "closed", judged.types))
        if changed:
            self.retry_waiting(work, case, cause)

    # -- helpers ---------------------------------------------------------------------------------------

    def stored_rows(self, work: Work, case: Case) -> list[ParkedRow]:
        """Give what is parked of a document, stored or in this batch, in arrival order, each once."""
        rows = {row_name(row.record): row for row in self._stored.get(case.id, ())}
        rows.update({row_name(row.record): row for row in work.rows})
        return sorted((row for row in rows.values() if not case.dropped(row)), key=lambda row: row.order)

    def outcome(self, work: Work, inbound: Inbound, outcome: str, word: str) -> None:
        """Note what became of a record."""
        work.outcomes.append((inbound, outcome, str(word)))

    def _span_case(self, case: Case) -> str | None:
        if self.service.per is DocumentPer.CASE:
            return case.id
        return next(reversed(case.sent), None)

    def span(self, inbound: Inbound) -> Span:
        """Begin the record's own span."""
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
