"""Reconciliation: pure checks over what the topics and the database hold. It shares no code with the runtime.

Each check counts what it looked at and names what is wrong; a check that looked at nothing says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from shared.contracts.bank import DayClosed
from shared.contracts.envelope import Envelope
from shared.contracts.partition import partition_of
from shared.contracts.registry import SENDERS
from shared.contracts.runtime import ServiceDayClosed

__all__ = ["Check", "ServiceInputs", "accounting", "belongs", "open_cases", "receivers", "sequences"]

SHOWN = 20
"""Findings that a check keeps in words; all are counted."""


@dataclass(slots=True)
class Check:
    """One check: what it looked at, how much of it is wrong, and the first findings in words."""

    name: str
    looked_at: int = 0
    wrong: int = 0
    findings: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether nothing was wrong."""
        return self.wrong == 0

    def found(self, finding: str) -> None:
        """Note something wrong. `finding` never holds personal data."""
        self.wrong += 1
        if len(self.findings) < SHOWN:
            self.findings.append(finding)


def belongs(message: Envelope[Any], producer: str, partition: int, partitions: int) -> bool:
    """Tell whether a message is what its topic's producer can have sent; the services dead-letter the others.

    A service names itself, the case and the sequence; what comes from outside stands where Kafka's own
    partitioner puts it. Markers are sent by number.
    """
    data = message.data
    if isinstance(data, DayClosed | ServiceDayClosed):
        return True
    if producer in SENDERS:
        numbered = message.sequence is not None and message.subject is not None
        return message.source == f"/parley/{producer}" and numbered
    return producer == data.PRODUCER and partition_of(message.key.encode(), partitions) == partition


def sequences(messages: Iterable[Envelope[Any]]) -> Check:
    """Check that each source's sequences per case count from 1 without gap, and never carry two ids.

    A message that was published twice is no fault.
    """
    check = Check("sequences")
    ids: dict[tuple[str, str], dict[int, str]] = {}
    for message in messages:
        if message.sequence is None or message.subject is None:
            continue
        check.looked_at += 1
        known = ids.setdefault((message.source, message.subject), {})
        first = known.setdefault(message.sequence, message.id)
        if first != message.id:
            check.found(f"{message.source} {message.subject}: sequence {message.sequence} carries two ids")
    for (source, case), known in ids.items():
        if len(known) != max(known) or min(known) != 1:
            missing = sorted(set(range(1, max(known) + 1)) - set(known))
            check.found(f"{source} {case}: missing {missing[:10]} of {max(known)}")
    return check


def receivers(
    bounds: Mapping[tuple[str, str, str], tuple[int, int]], marks: Iterable[tuple[str, str, str, int]]
) -> Check:
    """Check that every receiver has seen the last message that it handles, of every source and case.

    `bounds` are two sequences by (service, source, case), of messages that the service handles: the last that
    it has not dead-lettered, and the last of all. `marks` are (service, source, case, highest seen).
    """
    check = Check("receivers")
    seen = {(service, source, case): mark for service, source, case, mark in marks}
    for (service, source, case), (least, most) in bounds.items():
        check.looked_at += 1
        got = seen.get((service, source, case), 0)
        if not least <= got <= most:
            check.found(f"{service} has seen {got} of {most} from {source} about {case}")
    return check


@dataclass(frozen=True, slots=True)
class ServiceInputs:
    """What one service says of one input partition: next offset, and what became of the records before it.

    `void` are those among them that a restored backup has made void: nobody has read them.
    """

    service: str
    topic: str
    partition: int
    next_offset: int
    processed: int
    duplicates: int
    dead_lettered: int
    void: int = 0


def accounting(
    inputs: Sequence[ServiceInputs],
    ends: Mapping[tuple[str, int], tuple[int, int]],
    asked: Mapping[tuple[str, int], int] | None = None,
) -> Check:
    """Check that processed + duplicates + dead-lettered adds up to what each input partition holds.

    `ends` are the first and the next offset of each topic partition; `asked` is up to where it must have been
    read, the end if it is not there. Offsets that the log itself uses (none without transactions) would be
    reported here.
    """
    check = Check("accounting")
    for row in inputs:
        first, end = ends.get((row.topic, row.partition), (0, 0))
        check.looked_at += end - first
        where = f"{row.service} on {row.topic}[{row.partition}]"
        wanted = (asked or {}).get((row.topic, row.partition), end)
        if not wanted <= row.next_offset <= end:
            check.found(f"{where}: read up to {row.next_offset} of {end}")
        total = row.processed + row.duplicates + row.dead_lettered
        held = row.next_offset - first - row.void
        if total != held:
            check.found(
                f"{where}: {row.processed} processed + {row.duplicates} duplicates +"
                f" {row.dead_lettered} dead-lettered = {total}, not {held}"
            )
    return check


def open_cases(
    cases: Iterable[tuple[str, str | None, str | None, bool]], next_dates: Mapping[str, str]
) -> Check:
    """Check that every open case has a state, an owner and a next date (R46).

    `cases` are (case, state, owner, open?); `next_dates` is the earliest due date of any service, by case.
    """
    check = Check("open cases")
    for case, state, owner, is_open in cases:
        if not is_open:
            continue
        check.looked_at += 1
        missing = [
            name
            for name, value in (("state", state), ("owner", owner), ("next date", next_dates.get(case)))
            if not value
        ]
        if missing:
            check.found(f"{case}: no {', no '.join(missing)}")
    return check


def business(messages: Iterable[Envelope[Any]]) -> list[Envelope[Any]]:
    """Leave the markers of closed days out."""
    return [m for m in messages if not isinstance(m.data, ServiceDayClosed)]
