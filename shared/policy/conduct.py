"""The strictest conduct of several packs: how a person with debts under several rules is treated. Pure.

Terms follow each debt's own pack; conduct is about the person, so for each single rule the pack that protects
the borrower best decides. What "strictest" means is said below, rule by rule.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, time
from typing import Any

from shared.lending.calendar import BusinessCalendar
from shared.policy import sections as s
from shared.policy.model import PolicyInForce

__all__ = ["STRICTEST", "Conduct", "conduct_of"]

Rule = Callable[[Sequence[Any]], Any]

# Steps whose days are the borrower's to answer or to sign: here the longest is strictest, elsewhere the
# shortest, for it binds the lender.
_BORROWERS_TIME = frozenset({"statement", "answer", "signature"})
_NOON = 12 * 60
_DAY = 24 * 60


def _after_noon(at: time) -> int:
    """Minutes since noon, so that the evening comes before the small hours."""
    return (at.hour * 60 + at.minute - _NOON) % _DAY


def _earliest_evening(values: Sequence[time]) -> time:
    return min(values, key=_after_noon)


def _latest_morning(values: Sequence[time]) -> time:
    return max(values, key=_after_noon)


def _least(values: Sequence[int]) -> int:
    """The smallest limit; 0 sets none, so it yields to every other."""
    return min((value for value in values if value), default=0)


def _third_party(values: Sequence[str]) -> str:
    return "forbidden" if "forbidden" in values else values[0]


STRICTEST: dict[str, dict[str, Rule]] = {
    "contact": {
        "quiet_from": _earliest_evening,
        "quiet_until": _latest_morning,
        "max_effective_calls_per_day": _least,
        "max_attempts_per_number_per_day": _least,
        "max_calls_per_7_days": _least,
        "cooldown_after_talk_days": max,
        "third_party_contact": _third_party,
    },
    "moratorium": {"days": max, "review_from_day": _least, "review_until_day": _least},
    "assignment": {"max_open_cases": min, "certification_required": any},
    "records": {"evidence_years": max, "recording_until_settled": any},
}
"""For each section of conduct: how the strictest value of a field is found among those of the packs."""


@dataclass(frozen=True, slots=True)
class Conduct:
    """What holds for a case over debts of `packs`. Days of a deadline are the earliest of their calendars."""

    packs: tuple[str, ...]
    contact: s.Contact
    moratorium: s.Moratorium
    assignment: s.Assignment
    records: s.Records
    timetable: s.Timetable
    stop_collection_on_sign: bool
    cooling_off_days: int
    instruction_business_days: int
    acknowledge_business_days: int
    final_response_days: int
    calendars: tuple[BusinessCalendar, ...]

    def step(self, state: str) -> s.StepRow | None:
        """The action, owner and time limit of a case's state; None where no pack knows it."""
        return next((step for step in self.timetable.steps if step.state == state), None)

    def deadline(self, start: date, business_days: int) -> date:
        """The business day by which something that started on ``start`` is due."""
        return min(calendar.add_business_days(start, business_days) for calendar in self.calendars)


def conduct_of(policies: Sequence[PolicyInForce]) -> Conduct:
    """Give the strictest conduct of packs; their order and repetition change nothing. At least one."""
    packs = [pack for _, pack in sorted({policy.pack_id: policy for policy in policies}.items())]
    sections = {name: _merged(name, packs) for name in STRICTEST}
    calendars = {pack.pack.calendar: pack.calendar for pack in packs}
    return Conduct(
        packs=tuple(pack.pack_id for pack in packs),
        timetable=_timetable(packs),
        stop_collection_on_sign=any(pack.agreement.stop_collection_on_sign for pack in packs),
        cooling_off_days=max(pack.agreement.cooling_off_days for pack in packs),
        instruction_business_days=min(pack.agreement.instruction_business_days for pack in packs),
        acknowledge_business_days=min(pack.complaints.acknowledge_business_days for pack in packs),
        final_response_days=min(pack.complaints.final_response_days for pack in packs),
        calendars=tuple(calendars.values()),
        **sections,
    )


def _merged(section: str, packs: Sequence[PolicyInForce]) -> Any:
    """A field without a rule here stays as the first pack has it; a test asks for the rule."""
    rows = [getattr(pack, section) for pack in packs]
    rules = STRICTEST[section]
    return rows[0].model_copy(
        update={name: rule([getattr(row, name) for row in rows]) for name, rule in rules.items()}
    )


def _timetable(packs: Sequence[PolicyInForce]) -> s.Timetable:
    steps: dict[str, s.StepRow] = {}
    for pack in packs:
        for row in pack.timetable.steps:
            known = steps.get(row.state)
            if known is not None:
                days = (known.business_days, row.business_days)
                chosen = max(days) if row.state in _BORROWERS_TIME else min(days)
                row = known.model_copy(update={"business_days": chosen})  # noqa: PLW2901
            steps[row.state] = row
    return s.Timetable(steps=tuple(steps.values()))
