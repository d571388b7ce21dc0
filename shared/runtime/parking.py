"""Parking a case, releasing it, and telling the chain so (rules 11 and 13)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from shared.contracts.base import Event
from shared.contracts.envelope import Envelope
from shared.contracts.ids import derive_id
from shared.contracts.runtime import CaseHeld, CaseReleased
from shared.runtime.deadletters import dead_letter, storable
from shared.runtime.document import Case, Cause, Park, row_name
from shared.runtime.inbound import Failure, Inbound
from shared.runtime.judge import Judge
from shared.runtime.limits import Limits
from shared.runtime.ports import Outgoing, ParkedRow, Publisher, Record, Span
from shared.runtime.service import DocumentPer, Service
from shared.runtime.work import Origin, Work

__all__ = ["Parking"]


class Parking:
    """Park marks, holds and dead letters of one service."""

    def __init__(self, service: Service, limits: Limits, publisher: Publisher, judge: Judge) -> None:
        self._service = service
        self._limits = limits
        self._publisher = publisher
        self._judge = judge

    def park(self, work: Work, case: Case, inbound: Inbound, failure: Failure, span: Span) -> None:
        """Park a message: a row for its replay, a copy for the dead letters, the mark on its document."""
        record = inbound.record
        self.mark(work, case, inbound, failure, Cause.of_record(record), span)
        case.park_order += 1
        case.parked_upto[record.topic] = record.offset
        kept = storable(record, self._limits.document_bytes - self._limits.document_reserve)
        work.rows.append(ParkedRow(case.id, kept, case.park_order, work.lane.epoch, failure.reason.value))
        work.letters.append(self.letter(record, failure, case.id))
        work.spans.append((span, "parked", []))
        work.outcomes.append((inbound, "dead_lettered", failure.reason.value))

    def mark(
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
        held = CaseHeld(service=self._service.name, reason=failure.reason.value, count=case.park_count)
        origin = self._origin(work, inbound, cause, span)
        self._announce(work, case, case.park_cases, held, "held", cause, origin)

    def release(self, work: Work, case: Case, inbound: Inbound, span: Span) -> None:
        """Take the park mark off and tell the chain."""
        name, count = self._service.name, case.park_count
        case.park, case.park_since = None, ""
        cause = Cause.of_record(inbound.record)
        origin = self._origin(work, inbound, cause, span)
        released = CaseReleased(service=name, count=count)
        self._announce(work, case, case.park_cases, released, "released", cause, origin)
        still = [subject for subject in case.park_cases if case.echoed((name, subject))]
        self._announce(work, case, still, _still(name, count), "still", cause, origin)

    def _announce(
        self,
        work: Work,
        case: Case,
        subjects: Sequence[str],
        data: Event,
        word: str,
        cause: Cause,
        origin: Origin,
    ) -> None:
        if not self._service.emits:
            return
        for subject in subjects:
            sent: dict[str, int] = {}
            id_ = derive_id(self._service.name, subject, origin.id, word, case.park_count)
            case.out.append(self._judge.emission(case, sent, subject, data, id_, cause, origin))
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
        if self._service.per is DocumentPer.CASE:
            return [case.id]
        try:
            state = case.state(self._service.state)
            cases = list(self._service.cases(state)) if self._service.cases is not None else []
            if self._service.upcoming is not None:
                cases.append(self._service.upcoming(state, case.key))
        except Exception:  # noqa: BLE001 - the document is being parked because something is broken
            cases = list(case.sent)
        return list(dict.fromkeys(cases))

    def pass_on(
        self, work: Work, case: Case, messenger: str, envelope: Envelope[Any], cause: Cause, origin: Origin
    ) -> list[str]:
        """Take note that a service holds or releases the case; pass on what is news.

        What is released but still held by the word of who is waited for is told to be held again, and
        released once nobody says so any more: whoever waits for this service goes by its last word. A
        release itself goes on at once, for those upstream may hear of it by no other way.
        """
        data = envelope.data
        holder = (data.service, envelope.case)
        rank = 2 * data.count + isinstance(data, CaseReleased)
        own = data.service == self._service.name
        said = self._is_held(case, holder)
        news: list[Event] = []
        if not own and rank > case.holds.get(holder, -1):
            case.holds[holder] = rank
            news.append(data)
            said = rank % 2 == 0
        if messenger in self._service.waits_for:
            case.echoes[messenger, *holder] = rank
        if said != (held := self._is_held(case, holder)):
            count = case.holds[holder] // 2 if holder in case.holds else data.count
            news.append(
                _still(data.service, count) if held else CaseReleased(service=data.service, count=count)
            )
        if not self._service.emits or (own and work.replaying):  # how a replay ends says what holds then
            return []
        sent: dict[str, int] = {}
        for number, each in enumerate(news):
            id_ = derive_id(self._service.name, envelope.case, origin.id, number)
            case.out.append(self._judge.emission(case, sent, envelope.case, each, id_, cause, origin))
        case.sent.update(sent)
        types = [each.TYPE for each in news]
        work.emitted += types
        return types

    def _is_held(self, case: Case, holder: tuple[str, str]) -> bool:
        """Whether this service leaves due work because of a hold, its own or another's."""
        own = holder[0] == self._service.name
        news = case.parked if own else case.holds.get(holder, 1) % 2 == 0
        return news or case.echoed(holder)

    def letter(self, record: Record, failure: Failure, document: str | None) -> Outgoing:
        """Give the copy of a record for the dead letters."""
        return dead_letter(self._service, record, failure, document, self._publisher)


def _still(service: str, count: int) -> CaseHeld:
    """Say that a hold goes on here although it was released: who is waited for has not heard of that."""
    return CaseHeld(service=service, reason="release-not-heard", count=count)
