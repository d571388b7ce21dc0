"""The simulated desk: people who verify, approve, sign for the lender, call, and hold reviews."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from random import Random
from typing import Any

from deploy.demo.acts import Act, Say, identity
from deploy.demo.bank import at
from deploy.demo.portfolio import Customer, random_for
from shared.contracts import (
    agreement,
    alert,
    alert_steps,
    desk,
    desk_parties,
    desk_team,
    followup,
    intake,
    intake_team,
    offer,
)
from shared.contracts.base import Personal
from shared.contracts.envelope import Envelope
from shared.contracts.parties import ObligorRole
from shared.lending.money import Money

__all__ = ["Desk"]


class Desk:
    """Everybody on the lender's side who acts through desk events."""

    def __init__(self, customers: list[Customer], seed: int) -> None:
        self._customers = {c.number: c for c in customers}
        self._seed = seed

    def sees(self, message: Envelope[Any]) -> list[Act]:
        """Answer a published event with what the desk will do, and when."""
        draw = random_for(self._seed, "desk", identity(message))
        tomorrow = message.day + timedelta(days=1)
        data = message.data
        match data:
            case desk.StatementSubmitted() if data.income:
                return self._verify(message, data, draw.randint(1, 4), draw.random() < 0.85)
            case intake.CaseOpened():
                words = "Introduced ourselves and asked how things stand."
                call = _call(at(tomorrow, 10), words, "collect_statement", draw)
                return [Say(tomorrow, message.case, call, "first call")]
            case offer.ApprovalRequested():
                answer = _decide(data.request_id, data.role, granted=draw.random() < 0.9)
                return [Say(tomorrow, message.case, answer, data.request_id)]
            case agreement.PartySigned() if data.party is desk.SignatureParty.BORROWER:
                return [
                    Say(
                        tomorrow, message.case, _signature(data), f"{data.agreement_id}/{data.version}/lender"
                    )
                ]
            case agreement.AgreementDrafted():
                agreed = _guarantors(message, data, draw.randint(1, 3), agrees=draw.random() < 0.9)
                return [*agreed, *_co_borrowers(message, data, draw)]
            case intake_team.ConversationSampled():
                return [_scored(message, data, draw)]
            case intake_team.ConversationReviewed():
                return [_trained(message, data, training, draw) for training in data.training]
            case offer.NoPlanFound() | offer.TalksFailed():
                words = "Said that there is no plan yet, and what can be done."
                call = _call(at(tomorrow, 11), words, "look_again", draw)
                return [Say(tomorrow, message.case, call, identity(message))]
            case alert_steps.StepReminded() if data.step == "no_plan":
                words = "Asked what would have to change for a plan."
                call = _call(at(tomorrow, 11), words, "look_again", draw, until_reached=True)
                return [Say(tomorrow, message.case, call, identity(message))]
            case intake.PartiesChanged():
                return _ask_parties(message, data, draw.randint(1, 5))
            case followup.ReviewDue():
                day = message.day + timedelta(days=draw.randint(1, 10))
                return [Say(day, message.case, _review(day, draw.random()), identity(message))]
            case alert.AlertRaised():
                taken = desk.AlertAcknowledged(alert_id=data.alert_id, by="desk-7")
                words = "Asked what happened and what would help."
                called = _call(at(tomorrow, 10), words, "await_answer", draw)
                return [
                    Say(tomorrow, message.case, taken, data.alert_id),
                    Say(tomorrow, message.case, called, data.alert_id + "/call"),
                ]
            case _:
                return []

    def _verify(
        self, message: Envelope[Any], data: desk.StatementSubmitted, days: int, found: bool
    ) -> list[Act]:
        if not found or not data.income:
            return []
        day = message.day + timedelta(days=days)
        declared = sum(item.monthly.minor for item in data.income)
        true = min(declared, self._customers[message.key].income)
        event = desk.EvidenceVerified(
            item="income:salary",
            verified=Money(true, data.income[0].monthly.currency),
            evidence_kind="payslip",
            verified_by="desk-3",
            as_of=day,
        )
        return [Say(day, message.case, event, identity(message))]


def _guarantors(
    message: Envelope[Any], data: agreement.AgreementDrafted, days: int, *, agrees: bool
) -> list[Act]:
    """A guarantor whose liability grows is asked to agree in writing; most do."""
    return [
        Say(
            message.day + timedelta(days=days),
            message.case,
            desk_parties.GuarantorAgreed(
                party_id=party_id,
                agreement_id=data.agreement_id,
                version=data.version,
                content_hash=data.content_hash,
                evidence="signed-paper",
            ),
            f"{data.agreement_id}/{data.version}/guarantor/{party_id}",
        )
        for party_id in data.guarantors
        if agrees
    ]


def _co_borrowers(message: Envelope[Any], data: agreement.AgreementDrafted, draw: Random) -> list[Act]:
    """Who owes a debt, too, is shown the draft; some sign, before the lender does, and others say nothing."""
    owing = {one.party_id for one in data.liable if one.role is not ObligorRole.GUARANTOR}
    return [
        Say(
            message.day + timedelta(days=draw.randint(1, 2)),
            message.case,
            desk_parties.CoBorrowerSigned(
                party_id=party_id,
                agreement_id=data.agreement_id,
                version=data.version,
                content_hash=data.content_hash,
                channel="app",
                evidence="one-time-code",
                checked=("identity", "capacity"),
            ),
            f"{data.agreement_id}/{data.version}/co-borrower/{party_id}",
        )
        for party_id in sorted(owing)
        if draw.random() < 0.6
    ]


def _ask_parties(message: Envelope[Any], data: intake.PartiesChanged, days: int) -> list[Act]:
    """Who else owes a debt is asked once how they want to be reached."""
    return [
        Say(
            message.day + timedelta(days=days),
            message.case,
            desk_parties.PartyRightsSet(party_id=party.party_id, channel="letter", may_discuss=False),
            f"{message.case}/{party.party_id}",
        )
        for party in data.parties
        if party.channel is None
    ]


def _scored(message: Envelope[Any], data: intake_team.ConversationSampled, draw: Random) -> Say:
    """A conversation that was drawn is reviewed by the supervisor; a poor one means a training."""
    day = message.day + timedelta(days=draw.randint(1, 6))
    scores = [draw.choice((2, 3, 4, 4, 5, 5)) for _ in range(3)]
    event = desk_team.ConversationScored(
        contact_id=data.contact_id,
        reviewer="s-zhao",
        listening=scores[0],
        empathy=scores[1],
        conduct=max(scores[2], 3),
    )
    return Say(day, message.case, event, data.contact_id)


def _trained(
    message: Envelope[Any], data: intake_team.ConversationReviewed, training: str, draw: Random
) -> Say:
    """The reviewer holds the training that follows."""
    day = message.day + timedelta(days=draw.randint(3, 15))
    event = desk_team.TrainingHeld(contact_id=data.contact_id, training=training, by=data.reviewer)
    return Say(day, message.case, event, f"{data.contact_id}/{training}")


def _call(
    when: datetime, points: str, next_step: str, draw: Random, *, until_reached: bool = False
) -> desk.ContactRecorded:
    talked, missed = desk.ContactOutcome.TALKED, desk.ContactOutcome.NO_ANSWER
    return desk.ContactRecorded(
        at=when,
        place="phone",
        participants=("negotiator", "borrower"),
        key_points=Personal(value=points),
        direction=desk.ContactDirection.OUTBOUND,
        outcome=talked if until_reached else draw.choice((talked, missed)),
        channel="phone",
        next_step=next_step,
        recorded_by="desk-5",
    )


def _decide(request_id: str, role: str, *, granted: bool) -> desk.ApprovalGranted | desk.ApprovalRefused:
    kind = desk.ApprovalGranted if granted else desk.ApprovalRefused
    reason = "sustainable for both sides" if granted else "the concession is not needed here"
    return kind(request_id=request_id, by="desk-1", role=role, reason=reason)


def _signature(data: agreement.PartySigned) -> desk.SignatureGiven:
    return desk.SignatureGiven(
        agreement_id=data.agreement_id,
        version=data.version,
        content_hash=data.content_hash,
        party=desk.SignatureParty.LENDER,
        channel="console",
        evidence="staff-certificate",
    )


def _review(day: date, chance: float) -> desk.ReviewHeld:
    return desk.ReviewHeld(
        at=at(day, 11),
        place="phone",
        participants=("negotiator", "borrower"),
        key_points=Personal(value="Went through the plan and what has changed."),
        new_difficulties=chance < 0.05,
        special_needs=chance > 0.97,
        feedback=Personal(value="Clear and friendly."),
        satisfaction=4 if chance < 0.8 else 5,
        feedback_about=(desk.FeedbackTheme.PEOPLE if chance < 0.5 else desk.FeedbackTheme.PLAN,),
    )
