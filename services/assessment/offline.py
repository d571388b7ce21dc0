"""One household's assessment from one document, without any server: the very decider, message by message.

The document holds the day, the pack, what is owed to us, and what the desk would say: the statement, and
beside it evidence, hardship, an interview and so on. Nothing in here computes: it only plays the messages.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Annotated, Any

from pydantic import Field

from services.assessment.decide import AssessmentDecider
from services.assessment.model import AssessmentState
from shared.contracts import desk, followup, intake
from shared.contracts import desk_household as household
from shared.contracts.assessment import (
    AssessmentCompleted,
    InputRefused,
    ReviewReferred,
    StatementRequested,
)
from shared.contracts.base import Event, MoneyField, Part
from shared.contracts.debts import Balances, DebtSnapshot, ProductKind
from shared.contracts.envelope import Envelope
from shared.lending.money import Money
from shared.policy.reference import Reference

__all__ = ["Behaviour", "Household", "Outcome", "play"]

_CASE = "offline"
Count = Annotated[int, Field(ge=0, le=100)]


class Behaviour(Part):
    """What the borrower did, in counts; nothing of it changes what can be afforded."""

    contacts_answered: Count = 0
    contacts_unanswered: Count = 0
    promises_kept: Count = 0
    promises_broken: Count = 0
    payments: Count = 0


class Household(Part):
    """The document that `parley assess` reads; amounts as in messages, a part that is None was not given.

    `owed` is what is owed to us in all, in the currency of the pack.
    """

    on: date
    policy: str = "cn-card"
    owed: MoneyField
    statement: desk.StatementSubmitted | None = None
    evidence: tuple[desk.EvidenceVerified, ...] = ()
    hardship: desk.HardshipReported | None = None
    interview: household.InterviewHeld | None = None
    vulnerability: household.VulnerabilityRecorded | None = None
    debt_plan: household.DebtPlanAgreed | None = None
    doubts: tuple[household.DoubtRaised, ...] = ()
    wilful_default: household.WilfulDefaultStated | None = None
    overrides: tuple[household.AssessmentOverridden, ...] = ()
    behaviour: Behaviour = Behaviour()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the decider said in the end: an assessment, or what is missing for one.

    `refused` pairs the field of the document with the refusal of what it held.
    """

    completed: AssessmentCompleted | None
    requested: StatementRequested | None
    referrals: tuple[ReviewReferred, ...]
    refused: tuple[tuple[str, InputRefused], ...]


def play(document: Household, reference: Reference) -> Outcome:
    """Play a document through the decider, everything on its day. Raises KeyError for an unknown pack."""
    if document.policy not in reference.policies:
        raise KeyError(document.policy)
    decider, state = AssessmentDecider(), None
    said: list[Event] = []
    refused: list[tuple[str, InputRefused]] = []
    for number, (name, data) in enumerate(_messages(document), 1):
        # What others have concluded of the borrower counts once its day is over.
        earlier = name == "behaviour" and data.PRODUCER != "desk"
        day = document.on - timedelta(days=1) if earlier else document.on
        decision = decider.decide(state, _envelope(data, day, number), reference)
        state = decision.state
        for emission in decision.emissions:
            if isinstance(emission.data, InputRefused):
                refused.append((name, emission.data))
            else:
                said.append(emission.data)
    completed = next((item for item in reversed(said) if isinstance(item, AssessmentCompleted)), None)
    requested = next((item for item in reversed(said) if isinstance(item, StatementRequested)), None)
    return Outcome(
        completed=completed,
        requested=None if _nothing_asked(state) else requested,
        referrals=tuple(item for item in said if isinstance(item, ReviewReferred)),
        refused=tuple(refused),
    )


def _nothing_asked(state: AssessmentState | None) -> bool:
    return state is None or state.request is None


def _messages(document: Household) -> list[tuple[str, Event]]:
    """Give what is said, in the order in which it has its full effect: the statement before what needs it."""
    on, did, zero = document.on, document.behaviour, Money.zero(document.owed.currency)
    found: list[tuple[str, Event | None]] = [("owed", _opened(document))]
    found += [("behaviour", _contact(on, desk.ContactOutcome.TALKED))] * did.contacts_answered
    found += [("behaviour", _contact(on, desk.ContactOutcome.NO_ANSWER))] * did.contacts_unanswered
    kept = followup.PromiseKept(promise_id="-", paid=zero)
    broken = followup.PromiseBroken(promise_id="-", promised=zero, paid=zero, due=on)
    found += [("behaviour", kept)] * did.promises_kept + [("behaviour", broken)] * did.promises_broken
    paid = intake.PaymentMatched(
        payment_id="-", amount=zero, value_date=on, allocations=(), unallocated=zero, debts=()
    )
    found += [("behaviour", paid)] * did.payments
    found += [
        ("vulnerability", document.vulnerability),
        ("hardship", document.hardship),
        ("interview", document.interview),
        ("debt_plan", document.debt_plan),
        ("statement", document.statement),
    ]
    found += [(f"evidence.{at}", item) for at, item in enumerate(document.evidence)]
    found += [(f"doubts.{at}", item) for at, item in enumerate(document.doubts)]
    found += [("wilful_default", document.wilful_default)]
    found += [(f"overrides.{at}", item) for at, item in enumerate(document.overrides)]
    return [(name, data) for name, data in found if data is not None]


def _envelope(data: Event, on: date, number: int) -> Envelope[Any]:
    return Envelope(
        id=f"{_CASE}-{number}",
        source="/offline",
        time=datetime.combine(on, time(9), UTC),
        key=_CASE,
        data=data,
        subject=_CASE,
    )


def _opened(document: Household) -> intake.CaseOpened:
    zero = Money.zero(document.owed.currency)
    owed = Balances(principal=document.owed, interest=zero, fees=zero, late_charges=zero)
    debt = DebtSnapshot(
        debt_id="-",
        policy=document.policy,
        kind=ProductKind.CARD,
        outstanding=owed,
        overdue=owed,
        annual_rate_pct=Decimal(0),
        days_past_due=0,
        contract_date=document.on,
        as_of=document.on,
    )
    return intake.CaseOpened(
        episode=1,
        opened_on=document.on,
        policy=document.policy,
        policy_version="-",
        language="zh",
        debts=(debt,),
        timetable=(),
    )


def _contact(on: date, outcome: desk.ContactOutcome) -> desk.ContactRecorded:
    return desk.ContactRecorded.model_validate(
        {
            "at": datetime.combine(on, time(9), UTC),
            "place": "-",
            "participants": ("negotiator",),
            "key_points": {"value": ""},
            "direction": desk.ContactDirection.OUTBOUND,
            "outcome": outcome,
            "channel": "phone",
        }
    )
