"""Who owes a debt beside the customer whose case it is in, and what may stop a debt or a person.

A party is named in a case by an id that is derived from its customer number: whoever knows the number can
find the party, and nobody learns the number from the case.
"""

from datetime import date, timedelta
from enum import StrEnum

from pydantic import Field

from shared.contracts.base import AccountId, MoneyField, Part
from shared.contracts.ids import derive_id

__all__ = [
    "DEBT_STOPS",
    "CaseHalt",
    "DebtObligor",
    "ObligorRole",
    "PartyInCase",
    "StopCause",
    "StopInForce",
    "judged_on",
    "last_told",
    "party_id_of",
]


def party_id_of(customer: str) -> str:
    """Give the id by which cases of other customers name this one."""
    return derive_id("party", customer)


class ObligorRole(StrEnum):
    """In which way somebody owes a debt."""

    BORROWER = "borrower"
    CO_BORROWER = "co_borrower"
    GUARANTOR = "guarantor"


class DebtObligor(Part):
    """Another person who owes a debt of the case, or stands in for it."""

    party_id: str
    role: ObligorRole
    liability: MoneyField | None = Field(
        default=None, description="the most that a guarantor is liable for; None: for all of it"
    )


class StopCause(StrEnum):
    """What takes a debt out of plans, or protects a person."""

    DISPUTE = "dispute"
    IDENTITY_FRAUD = "identity_fraud"
    LITIGATION = "litigation"
    INSOLVENCY = "insolvency"
    BREATHING_SPACE = "breathing_space"
    CRISIS_BREATHING_SPACE = "crisis_breathing_space"
    DEATH = "death"
    LOST_CAPACITY = "lost_capacity"
    MINOR = "minor"


DEBT_STOPS = frozenset({StopCause.DISPUTE, StopCause.IDENTITY_FRAUD, StopCause.LITIGATION})
"""Causes that are about a debt; the others are about a person, and so about all that this person owes."""


def judged_on(due: date, told_on: date | None) -> date:
    """Give the day whose close judges what is `due`, where the desk last told of a stop on `told_on`.

    Intake says what a stop means, and reads the desk without waiting for its days: on the day itself its word
    may come before the close or after it. By the close of the next day it is there; so nothing is judged
    before, in either case.
    """
    if told_on is None or told_on < due or told_on == date.max:
        return due
    return told_on + timedelta(days=1)


def last_told(told_on: date | None, day: date) -> date:
    """Give the last day on which the desk told of a stop; what it says of an earlier day may come later."""
    return max(day, told_on or day)


class StopInForce(Part):
    """A stop of a case: what it is about. What exactly stops, and for how long, is in the policy pack."""

    stop_id: str
    cause: StopCause
    since: date
    expected_end: date | None = None
    party_id: str | None = Field(default=None, description="another obligor; None: the customer of the case")
    debts: tuple[AccountId, ...] = Field(default=(), description="the debts of the case that it is about")
    ends_on: date | None = Field(
        default=None, description="its last day, where the pack lets it end by date; else it is lifted"
    )


class CaseHalt(Part):
    """What stops come to for a case none of whose debts is free of them, by the packs' tables.

    `stops`: what must not go on about any of its debts. `may_contact`: whom one may talk to where contact
    with the borrower is stopped. `offers`: whether a new plan may be tabled. `plan_stands`: a signed plan is
    only paused, and goes on when the halt is over; otherwise there are talks first. `since`: the first day on
    which no debt was free of them, which may be long before anybody told of it; None where it is a sale.
    `until`: its last day, where it was over before it was told.
    """

    stops: tuple[str, ...]
    may_contact: tuple[str, ...] = ()
    offers: bool = False
    plan_stands: bool = True
    since: date | None = None
    until: date | None = None


class PartyInCase(Part):
    """Another obligor of debts of a case, with rights of their own.

    `may_contact`: about what they owe themselves. `may_discuss`: the customer has agreed that the rest of the
    case may be talked about with them. A stop of theirs is among the case's stops.
    """

    party_id: str
    roles: tuple[ObligorRole, ...]
    debts: tuple[AccountId, ...]
    language: str | None = None
    channel: str | None = None
    opt_out: tuple[str, ...] = ()
    may_contact: bool = True
    may_discuss: bool = False
