"""Which kinds of records an entry of the archive belongs to, and what starts their years. Pure.

Every event of a case but the bank's own facts and the platform's belongs to one kind at least: what is not
named below is a decision. A pack keeps each kind for years of its own; `keeping.py` counts them.
"""

from enum import StrEnum
from typing import Any, Final

from services.console.model import ArchivedCustomer, CaseLine
from shared.contracts import (
    agreement,
    desk,
    desk_care,
    desk_contact,
    desk_household,
    desk_parties,
    desk_talks,
    desk_team,
    followup,
    followup_care,
    intake,
    intake_team,
)
from shared.contracts.base import Event
from shared.contracts.envelope import Envelope

__all__ = ["Record", "counted", "counted_loose", "records_of"]


class Record(StrEnum):
    """What is on file about a person, by how long it is kept. `EVIDENCE` is all of it together."""

    EVIDENCE = "evidence"
    CONTACTS = "contacts"
    RECORDINGS = "recordings"
    AGREEMENTS = "agreements"
    ASSESSMENTS = "assessments"
    DECISIONS = "decisions"


_NO_RECORD: Final = frozenset({"bank", "runtime", "ops"})
"""Producers whose entries are evidence in general: a person's account, the platform, its operators."""

_OF_PRODUCER: Final = {
    "notice": Record.CONTACTS,
    "agreement": Record.AGREEMENTS,
    "followup": Record.AGREEMENTS,
    "assessment": Record.ASSESSMENTS,
}

_CONTACTS: Final = (
    desk.ContactRecorded,
    desk.ComplaintMade,
    desk.ReviewHeld,
    desk_care.ReviewNotHeld,
    desk_care.SupportSessionHeld,
    desk_contact.NoticeDelivered,
    desk_contact.NoticeFailed,
    desk_contact.ContactAsked,
    desk_contact.ContactResumed,
    desk_contact.ComplaintAnswered,
    desk_team.ConversationScored,
    desk_team.TrainingHeld,
    followup.ContactNoted,
    followup.ReviewRecorded,
    intake_team.ConversationSampled,
    intake_team.EarlierContactMade,
    intake_team.EarlierReachHeard,
    intake_team.ConversationReviewed,
)
_AGREEMENTS: Final = (
    desk.SignatureGiven,
    desk.WithdrawalDeclared,
    desk.PromiseMade,
    desk_parties.GuarantorAgreed,
    desk_parties.CoBorrowerSigned,
)
_ASSESSMENTS: Final = (
    desk.StatementSubmitted,
    desk.EvidenceVerified,
    desk.HardshipReported,
    desk_household.InterviewHeld,
    desk_household.VulnerabilityRecorded,
    desk_household.DebtPlanAgreed,
    desk_household.DoubtRaised,
    desk_household.DoubtSettled,
    desk_household.WilfulDefaultStated,
    desk_household.AssessmentOverridden,
    desk_talks.DocumentsReceived,
)
_ACTIVE_PRODUCERS: Final = frozenset({"notice", "offer", "agreement", "followup"})
_ENDS: Final = (
    intake.CaseClosed,
    followup.PlanCompleted,
    agreement.AgreementCompleted,
    agreement.AgreementEnded,
    agreement.SettlementLetterIssued,
)
_REOPENS: Final = (followup_care.PlanReopened, intake.PaymentTakenBack)


def records_of(data: Event) -> frozenset[Record]:
    """Give the kinds of records that a message belongs to; none for what is evidence in general only.

    A telephone call may have been recorded: the recording lies elsewhere, its reference here.
    """
    if data.PRODUCER in _NO_RECORD or data.TYPE.startswith("parley.runtime."):
        return frozenset()
    found = set()
    if isinstance(data, _CONTACTS):
        found.add(Record.CONTACTS)
    elif isinstance(data, _AGREEMENTS):
        found.add(Record.AGREEMENTS)
    elif isinstance(data, _ASSESSMENTS):
        found.add(Record.ASSESSMENTS)
    else:
        found.add(_OF_PRODUCER.get(data.PRODUCER, Record.DECISIONS))
    if _is_recorded(data):
        found.add(Record.RECORDINGS)
    return frozenset(found)


def _is_recorded(data: Event) -> bool:
    evidence = str(getattr(data, "evidence", "") or "")
    return evidence.startswith(desk.RECORDING) or (
        isinstance(data, desk.ContactRecorded) and data.channel == "phone"
    )


def _is_activity(data: Event) -> bool:
    """Whether a message is collection activity (12 CFR 1006.100): talks, letters, plans, money."""
    return (
        data.PRODUCER in _ACTIVE_PRODUCERS
        or isinstance(data, (*_AGREEMENTS, intake.PaymentMatched, intake.PaymentTakenBack))
        or Record.CONTACTS in records_of(data)
    )


def counted(line: CaseLine, message: Envelope[Any]) -> dict[str, Any]:
    """Give what a message changes in what the years of a case's records are counted from.

    Only ever later days and more packs: in which order the archive reads the topics changes nothing.
    """
    data, day = message.data, message.day
    update: dict[str, Any] = {"made": _made(line.made, message)}
    if _is_activity(data):
        update["active_on"] = max(line.active_on or day, day)
    if isinstance(data, _ENDS):
        over = max(day, data.as_of) if isinstance(data, intake.CaseClosed) else day
        update["ended_on"] = max(line.ended_on or over, over)
    if isinstance(data, _REOPENS):
        update["reopened_on"] = max(line.reopened_on or day, day)
    packs: tuple[str, ...] = ()
    if isinstance(data, intake.CaseOpened):
        packs = (data.policy, *data.conduct, *(debt.policy for debt in data.debts))
    elif isinstance(data, intake.CaseChanged):
        packs = (*data.conduct, *(debt.policy for debt in data.debts))
    elif isinstance(data, intake_team.ConductChanged):
        packs = data.packs
    if packs:
        update["packs"] = tuple(sorted({*line.packs, *packs}))
    return update


def counted_loose(before: ArchivedCustomer, message: Envelope[Any]) -> dict[str, Any]:
    """Give the same of a message that belongs to no case."""
    return {"made": _made(before.made, message)}


def _made(made: dict[str, Any], message: Envelope[Any]) -> dict[str, Any]:
    day = message.day
    return {**made, **{kind.value: max(made.get(kind.value, day), day) for kind in records_of(message.data)}}
