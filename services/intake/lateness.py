"""How late the debts of a case are, by its own pack: the band of days, and the risk class. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date

from services.intake.model import IntakeState
from shared.contracts.debts import DebtSnapshot, DebtStatus, Lateness
from shared.contracts.decision import Decision, Emission
from shared.contracts.intake import CaseChanged, CaseOpened
from shared.policy.reference import Reference

__all__ = ["lateness_of", "with_lateness"]

# What the bank no longer holds, or the case no longer has, is classed by somebody else.
_GONE = frozenset({DebtStatus.SOLD, DebtStatus.RECALLED, DebtStatus.SETTLED, DebtStatus.ELSEWHERE})


def lateness_of(debts: Iterable[DebtSnapshot], day: date, reference: Reference) -> tuple[Lateness, ...]:
    """Name how late debts are by the packs in force on `day`, the latest first.

    The days are those that the snapshot shows: the bank's, which leave out what it does not count, and begin
    anew after a re-age. A debt whose pack is not known has no name for them.
    """
    found = []
    for debt in debts:
        if debt.status in _GONE or debt.policy not in reference.policies:
            continue
        rules = reference.policies.in_force(debt.policy, day).delinquency
        days = debt.days_past_due
        found.append(
            Lateness(
                debt_id=debt.debt_id,
                days_past_due=days,
                bucket=rules.bucket_of(days),
                risk_class=rules.class_of(days),
            )
        )
    return tuple(sorted(found, key=lambda one: (-one.days_past_due, one.debt_id)))


def with_lateness(decided: Decision[IntakeState], day: date, reference: Reference) -> Decision[IntakeState]:
    """Have every word on the debts of a case say how late they are, and the case as late as its latest."""
    said = tuple(_named(emission, day, reference) for emission in decided.emissions)
    return replace(decided, emissions=said)


def _named(emission: Emission, day: date, reference: Reference) -> Emission:
    data = emission.data
    if not isinstance(data, CaseOpened | CaseChanged):
        return emission
    late = lateness_of(data.debts, day, reference)
    if not late:
        return emission
    update = {"lateness": late, "bucket": late[0].bucket, "risk_class": late[0].risk_class}
    return replace(emission, data=data.model_copy(update=update))
