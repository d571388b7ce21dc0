"""Operators' commands: replay what is parked, or discard one parked message for good (rule 12)."""

from __future__ import annotations

from shared.contracts.ops import Discard
from shared.runtime.deadletters import discard_id
from shared.runtime.document import Case, Cause, DropEntry, LinkEntry, Park, record_name, row_name
from shared.runtime.fold import Fold
from shared.runtime.inbound import Failure, Inbound, Reason
from shared.runtime.ports import Span
from shared.runtime.work import Work

__all__ = ["obey"]


def obey(fold: Fold, work: Work, inbound: Inbound) -> None:
    """Carry out one command on `work`'s document.

    A command that cannot be obeyed goes to the dead letters.
    """
    case, data = work.case, inbound.envelope.data if inbound.envelope is not None else None
    again = isinstance(data, Discard) and _named(data) in work.lane.discarded
    if case is None and again:  # its record is read later this time
        fold.outcome(work, inbound, "processed", "obeyed")
        return
    if case is None:
        _refuse(fold, work, inbound, "document: there is none of this id")
        return
    if case.key != inbound.key or case.partition != inbound.record.partition:
        _refuse(fold, work, inbound, "key: must be the customer number of the document")
        return
    if fold.seen(case, inbound):
        fold.outcome(work, inbound, "duplicates", "duplicate")
        return
    span = fold.span(inbound)
    refusal: str | None = None
    if isinstance(data, Discard):
        parked = case.parked
        refusal = _discard(fold, work, case, inbound, data, span) if parked else "document: is not parked"
    elif case.parked:
        _replay(fold, work, case, inbound, span)
    if refusal is not None and not again:
        span.drop()
        _refuse(fold, work, inbound, refusal)
        return
    fold.note(case, inbound, Cause.of_record(inbound.record))
    work.spans.append((span, "obeyed", []))
    fold.outcome(work, inbound, "processed", "obeyed")


def _replay(fold: Fold, work: Work, case: Case, inbound: Inbound, span: Span) -> None:
    """Decide what is parked, oldest first; stop and stay parked at the first failure."""
    cause = Cause.of_record(inbound.record)
    rows = fold.stored_rows(work, case)
    case.park, work.replaying = None, True
    for waiting in case.waiting:
        waiting.failed = False
    fold.retry_waiting(work, case, cause)
    for count, row in enumerate(rows):
        if case.parked:
            break
        if count == fold.limits.replay_rows:
            case.park = Park(Reason.REPLAY_LIMIT.value, row_name(row.record))
            break
        again = fold.receive(row.record)
        failed = fold.process(work, case, again, cause, fold.span(again))
        if isinstance(failed, Failure):
            case.park = Park(failed.reason.value, row_name(row.record))
            break
        case.cleared = row.order
    work.replaying = False
    work.rows = [row for row in work.rows if row.order > case.cleared]
    case.drops.append(DropEntry(cause, case.cleared, ()))
    if not case.parked:
        fold.parking.release(work, case, inbound, span)


def _discard(fold: Fold, work: Work, case: Case, inbound: Inbound, data: Discard, span: Span) -> str | None:
    """Drop the message that the command names; give the reason why not."""
    cause = Cause.of_record(inbound.record)
    rows = fold.stored_rows(work, case)
    name = _named(data)
    failed = [waiting for waiting in case.waiting if waiting.failed]
    records = {
        row_name(record): record for record in (*(w.record for w in failed), *(r.record for r in rows))
    }
    record = records.get(name)
    if record is None:
        return "offset: no such message is parked for this document"
    if any(other.topic == record.topic and other.offset < record.offset for other in records.values()):
        return "offset: only the lowest parked message of its source can be discarded"
    if any(row_name(waiting.record) == name for waiting in failed):
        case.waiting = [waiting for waiting in case.waiting if row_name(waiting.record) != name]
    else:
        fold.note(case, fold.receive(record), cause)
        case.drops.append(DropEntry(cause, 0, (name,)))
        work.rows = [row for row in work.rows if row_name(row.record) != name]
    case.links.append(_reason_kept(fold, case, inbound, data, cause))
    case.changed = True
    if len(records) == 1:
        fold.parking.release(work, case, inbound, span)
        fold.retry_waiting(work, case, cause)  # what they build on may have come before it was parked
    return None


def _reason_kept(fold: Fold, case: Case, inbound: Inbound, data: Discard, cause: Cause) -> LinkEntry:
    assert inbound.envelope is not None  # noqa: S101 - commands are decoded
    body = {
        "kind": "discard",
        "document": case.id,
        "topic": data.topic,
        "partition": data.partition,
        "offset": data.offset,
        "reason": data.reason,
        "by": data.by,
        "command": inbound.envelope.id,
        "time": inbound.envelope.time.isoformat(),
    }
    return LinkEntry(cause, discard_id(fold.service.name, _named(data)), body)


def _named(data: Discard) -> str:
    return record_name(data.topic, data.partition, data.offset)


def _refuse(fold: Fold, work: Work, inbound: Inbound, why: str) -> None:
    work.letters.append(fold.parking.letter(inbound.record, Failure(Reason.COMMAND, why), work.document))
    fold.outcome(work, inbound, "dead_lettered", Reason.COMMAND)
