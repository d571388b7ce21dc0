"""How long what is on file is kept: open cases and complaints, legal holds, the packs' years. Pure.

One key holds all of a person, so the first day on which it may be destroyed is the latest of all: over the
kinds of records that are on file, over every case, and over every pack of its debts. What is not known (what
an older version did not count, a pack that is not there any more) is kept as long as anything could be.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from services.console.kinds import Record
from services.console.model import ArchivedCustomer, CaseLine
from shared.contracts.alert import ComplaintClosed, ComplaintOpened
from shared.contracts.ops import LegalHold
from shared.contracts.reasons import ReasonCode
from shared.policy.loader import PolicyBook
from shared.policy.model import PolicyInForce
from shared.policy.sections_conduct import Retention

__all__ = ["Kept", "KeptUntil", "erasable_on", "hold_refused", "kept_because", "kept_by_chain"]

_YEARS: Final[dict[Record, Callable[[Retention], int]]] = {
    Record.CONTACTS: lambda rules: rules.contacts_years,
    Record.RECORDINGS: lambda rules: rules.recordings_years,
    Record.AGREEMENTS: lambda rules: rules.agreements_years,
    Record.ASSESSMENTS: lambda rules: rules.assessments_years,
    Record.DECISIONS: lambda rules: rules.decisions_years,
}


@dataclass(frozen=True, slots=True)
class Kept:
    """Why something may not be done to a file: the rule, and the case, role or first day that it names."""

    rule: ReasonCode
    params: dict[str, str]


@dataclass(frozen=True, slots=True)
class KeptUntil:
    """The first day on which a kind of records need not be kept, and the years, pack and clause behind it."""

    day: date
    years: int
    record: Record
    pack: str
    clause: str


@dataclass(frozen=True, slots=True)
class _Days:
    """From which days the years of records may count."""

    settled: date
    activity: date
    made: dict[Record, date]
    packs: frozenset[str]


# -- erasure ------------------------------------------------------------------------------------------------


def kept_because(archived: ArchivedCustomer, policies: PolicyBook, on: date) -> Kept | None:
    """Say why a person must not be erased on a day; None where it is allowed.

    A hold on any case, any case that is open, and any complaint that awaits its final response, whatever has
    become of its case, keep all of it: the key is the person's.
    """
    if archived.holds:
        return Kept(ReasonCode.KEPT_BY_HOLD, {"case": min(archived.holds)})
    for case, line in sorted(archived.cases.items()):
        if line.opened_on is not None and line.close_reason is None:
            return Kept(ReasonCode.KEPT_WHILE_OPEN, {"case": case})
    for case, line in sorted(archived.cases.items()):
        if line.voice.complaints:
            return Kept(ReasonCode.KEPT_FOR_COMPLAINT, {"case": case})
    until = erasable_on(archived, policies, on)
    if on < until.day:
        params = {
            "record": until.record.value,
            "pack": until.pack,
            "years": str(until.years),
            "until": until.day.isoformat(),
        }
        if until.clause != "-":
            params["clause"] = until.clause
        return Kept(ReasonCode.KEPT_BY_RETENTION, params)
    return None


def kept_by_chain(entries: Iterable[Mapping[str, Any]]) -> Kept | None:
    """Say that a complaint on file has no final response, whatever the document knows of it.

    Documents of versions before 5 did not count complaints, and nothing signs a document.
    """
    waiting: dict[tuple[str, str], bool] = {}
    for entry in entries:
        if entry.get("type") in {ComplaintOpened.TYPE, ComplaintClosed.TYPE}:
            at = str(entry["case"]), str(entry["data"]["complaint_id"])
            waiting[at] = entry["type"] == ComplaintOpened.TYPE
    case = min((case for (case, _), waits in waiting.items() if waits), default=None)
    return None if case is None else Kept(ReasonCode.KEPT_FOR_COMPLAINT, {"case": case})


def erasable_on(archived: ArchivedCustomer, policies: PolicyBook, on: date) -> KeptUntil:
    """Give the first day on which a person may be erased, and the rule that makes it so late.

    The longest counts: of the values in force when something was filed and of those on the day that is asked
    about (a term that is lengthened holds for what is still there). Evidence in general counts from the last
    that was filed of the person, each kind of records from the event that its pack names.
    """
    last = _last(archived)
    packs = {pack for line in archived.cases.values() for pack in _packs(line, policies)}
    every = frozenset(packs or policies.pack_ids)
    found = [_evidence(policies, pack, last, on) for pack in sorted(every)]
    for days in _all_days(archived, last, every, policies):
        for record, made in sorted(days.made.items()):
            for pack in sorted(days.packs):
                found.append(_of_kind(policies, pack, record, made, days, on))
    return max(found, key=lambda one: one.day)


def _last(archived: ArchivedCustomer) -> date:
    last = datetime.fromisoformat(archived.last).date() if archived.last else date.min
    return max([last, *(line.last_on for line in archived.cases.values() if line.last_on is not None)])


def _packs(line: CaseLine, policies: PolicyBook) -> frozenset[str]:
    """Give the packs of a case; all there are where one of them is not known."""
    known = frozenset(line.packs) if line.counted else frozenset()
    return known if known and all(pack in policies for pack in known) else frozenset(policies.pack_ids)


def _all_days(
    archived: ArchivedCustomer, last: date, every: frozenset[str], policies: PolicyBook
) -> Iterator[_Days]:
    """Give the days of each case, and of what was filed beside the cases.

    A debt that is cured may come back in a later case: debts are settled when the last case has ended.
    """
    settled = max((_ended(line) or last for line in archived.cases.values()), default=last)
    for line in archived.cases.values():
        made = _made(line.made, last if not line.counted else None)
        activity = line.active_on if line.counted else None
        yield _Days(settled, activity or line.last_on or last, made, _packs(line, policies))
    yield _Days(last, last, _made(archived.made, last if not archived.counted else None), every)


def _ended(line: CaseLine) -> date | None:
    """Give the day on which a case ended; None where it is not known, or something was owed again since."""
    if line.ended_on is None:
        return None
    return None if line.reopened_on is not None and line.reopened_on > line.ended_on else line.ended_on


def _made(made: dict[str, date], every: date | None) -> dict[Record, date]:
    return (
        {Record(kind): day for kind, day in made.items()} if every is None else dict.fromkeys(_YEARS, every)
    )


def _evidence(policies: PolicyBook, pack: str, last: date, on: date) -> KeptUntil:
    found = []
    for day in (on, min(last, on)):
        years = policies.in_force(pack, day).records.evidence_years
        clause = _clause(policies, pack, "records.evidence_years", day)
        found.append(KeptUntil(_years_after(last, years), years, Record.EVIDENCE, pack, clause))
    return max(found, key=lambda one: one.day)


def _of_kind(policies: PolicyBook, pack: str, record: Record, made: date, days: _Days, on: date) -> KeptUntil:
    found = []
    for day in (on, min(made, on)):
        rules = policies.in_force(pack, day).retention
        years = _YEARS[record](rules)
        # What is made after the event that its pack names is kept as long from its own day.
        start = max(made, _event(rules, days))
        clause = _clause(policies, pack, f"retention.{record.value}_years", day)
        found.append(KeptUntil(_years_after(start, years), years, record, pack, clause))
    return max(found, key=lambda one: one.day)


def _event(rules: Retention, days: _Days) -> date:
    if rules.counted_from == "settled":
        return days.settled
    return days.activity if rules.counted_from == "last_collection_activity" else date.min


def _clause(policies: PolicyBook, pack: str, key: str, on: date) -> str:
    return policies.pack(pack).entries_in_force(on)[key].clause


def _years_after(day: date, years: int) -> date:
    try:
        return day.replace(year=min(day.year + years, date.max.year))
    except ValueError:  # 29 February: the day after, so that the years are whole
        return date(day.year + years, 3, 1)


# -- legal holds --------------------------------------------------------------------------------------------


def hold_refused(archived: ArchivedCustomer, policies: PolicyBook, data: LegalHold, on: date) -> Kept | None:
    """Say why a hold may not be set or lifted by who commands it; None where it may.

    Who does it says their role; one that a pack of the case names is asked for. A command of an older version
    says none: it may keep a file, and not let go of one.
    """
    line = archived.cases.get(data.case, CaseLine())
    roles = sorted({_hold_role(policies.in_force(pack, on)) for pack in _packs(line, policies)})
    if data.role in roles or (data.role is None and data.action == "set"):
        return None
    return Kept(ReasonCode.HOLD_NEEDS_ROLE, {"role": ", ".join(roles)})


def _hold_role(policy: PolicyInForce) -> str:
    return policy.retention.hold_role
