"""The desk events that a word about the staff becomes: one for each case, one for each partition. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from services.intake.model import IntakeState, StaffAway
    from shared.contracts.desk_team import AwayWhy
    from shared.contracts.envelope import Envelope
    from shared.policy.reference import Reference

__all__ = ["Owned", "envelope", "expand", "to_every_partition", "to_relieve", "to_tell_again", "unheard"]


@dataclass(frozen=True, slots=True)
class Owned:
    """An open case of a portfolio."""

    case: str
    customer: str
    opened_on: str


def expand(
    owned: list[Owned], staff: str, why: AwayWhy, since: date, until: date | None, *, by: str, reason: str,
    day: date,
) -> list[Envelope[Any]]:  # fmt: skip
    """Give one desk event for each case, said on `day`; the same order of a day has the same ids.

    On another day it counts anew: who was back meanwhile may have been given the case again.
    """
    from shared.contracts.desk_team import OwnerAway

    data = OwnerAway(staff=staff, why=why, since=since, until=until, by=by, reason=reason)
    order = (why.value, staff, since.isoformat(), day.isoformat())
    return [envelope(data, case, day, *order) for case in owned]


def to_relieve(
    states: Iterable[IntakeState], reference: Reference, *, by: str, reason: str, day: date
) -> list[Envelope[Any]]:
    """Give one desk event for each case whose owner may not have it, the oldest of each person first.

    `states` are of every partition: who was said to be away is known by their documents.
    """
    from services.intake.absences import whose_work, with_absences
    from services.intake.owners import unfit_from

    known = list(states)
    work = Counter(name for state in known for name in whose_work(state))
    reference = with_absences(replace(reference, open_work=work))
    unfit: dict[tuple[str, AwayWhy, date], list[Owned]] = {}
    for state in known:
        found = unfit_from(state, day, reference)
        if found is not None and state.owner is not None:
            owned = Owned(state.case, state.customer, str(state.opened_on))
            unfit.setdefault((state.owner, *found), []).append(owned)
    return [
        event
        for (staff, why, since), owned in sorted(unfit.items())
        for event in expand(
            sorted(owned, key=lambda one: (one.opened_on, one.case)),
            *(staff, why, since, None), by=by, reason=reason, day=day,
        )
    ]  # fmt: skip


def to_every_partition(
    partitions: int, staff: str, why: AwayWhy, since: date, until: date | None, *, by: str, reason: str,
    day: date,
) -> list[Envelope[Any]]:  # fmt: skip
    """Give the order once for each partition, under a key that belongs there and is no customer's number.

    It counts anew on another day: an absence may be made longer, shorter, and longer again, and what a
    service was told before it kept such words may be told once more.
    """
    from itertools import count

    from shared.contracts.desk_team import StaffAbsent
    from shared.contracts.ids import case_id
    from shared.contracts.partition import partition_of

    data = StaffAbsent(staff=staff, why=why, since=since, until=until, by=by, reason=reason)
    until_, said = until.isoformat() if until is not None else "", day.isoformat()
    keys: dict[int, str] = {}
    for number in count():
        if len(keys) == partitions:
            break
        key = f"~{staff[:48]}/{number}"
        keys.setdefault(partition_of(key.encode(), partitions), key)
    return [
        envelope(
            data, Owned(case_id(key, 1), key, ""), day, why.value, staff, since.isoformat(), until_, said
        )
        for _, key in sorted(keys.items())
    ]


def to_tell_again(told: Iterable[StaffAway]) -> list[str]:
    """Give the commands that say absences once more: partitions added since the order have not heard it.

    The words of the order stand on the cases that it handed over, not in the partitions: they are given anew.
    """
    ordered = sorted({(one.staff, one.since, one.until or date.max) for one in told})
    return [
        f"parley staff leave {staff} --from {since} --reason … --by …"
        if until == date.max
        else f"parley staff absent {staff} --from {since} --until {until} --reason … --by …"
        for staff, since, until in ordered
    ]


def unheard(
    told: Iterable[StaffAway], heard: Iterable[Container[tuple[str, date, date | None]]], day: date
) -> list[StaffAway]:
    """Give what intake was told and another service does not know: it was told before that one kept it."""
    known = list(heard)
    current = [one for one in told if one.until is None or one.until >= day]
    return [one for one in current if not all((one.staff, one.since, one.until) in by for by in known)]


def envelope(data: Any, owned: Owned, day: date, *order: str) -> Envelope[Any]:
    """Give a desk event about a case, said on `day`; its id follows from the case and the `order`."""
    from shared.contracts.envelope import Envelope
    from shared.contracts.ids import derive_id

    return Envelope(
        id=derive_id("staff", owned.case, *order),
        source="/desk/staff",
        time=datetime.combine(day, time(9), UTC),
        key=owned.customer,
        data=data,
        subject=owned.case,
    )
