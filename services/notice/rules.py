"""Which event calls for which message, and what ends its use: one table. Numbers come from the policy."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from shared.contracts import agreement, assessment, desk, followup, followup_care, intake, offer
from shared.contracts.base import Event
from shared.contracts.breach import BreachFacts
from shared.contracts.notice import NoticeKind, about_breach
from shared.contracts.reasons import ReasonCode
from shared.policy.model import PolicyInForce
from shared.policy.sections_conduct import Channel, LegalMatter, Purpose

__all__ = ["ENDS", "MATTERS", "TELLS", "WRITTEN", "Row", "ended_by", "owed_after_close", "withdraws_itself"]

WRITTEN: Final[tuple[Channel, ...]] = ("email", "app", "sms", "letter")
"""The channels of messages, in the order in which they are tried after the one that the borrower prefers."""


@dataclass(frozen=True, slots=True)
class Row:
    """What an event calls for. `about` tells two causes of one kind apart.

    `facts` are figures of a debt, which not everybody may be told. `calls`: whether it calls for it at all.
    """

    kind: NoticeKind
    category: Callable[[Any], Purpose]
    about: Callable[[Any], str]
    arguments: Callable[[Any], dict[str, str]]
    useful_until: Callable[[Any, date, PolicyInForce], date]
    facts: Callable[[Any], BreachFacts | None] = lambda _data: None
    calls: Callable[[Any], bool] = lambda _data: True


def _always(category: Purpose) -> Callable[[Any], Purpose]:
    return lambda _data: category


def _a_while(_data: Any, day: date, policy: PolicyInForce) -> date:
    """What has no last day of its own is no news any more after the time of silence."""
    try:
        return day + timedelta(days=policy.alert.silent_days)
    except OverflowError:  # past the last date there is
        return date.max


def _while_it_is_true(_data: Any, _day: date, _policy: PolicyInForce) -> date:
    """It waits for the end of the stop, however far that is: what makes it useless is said in `ENDS`."""
    return date.max


def _review(data: followup_care.ReviewInvited, _day: date, policy: PolicyInForce) -> date:
    """An invitation is of use until the review is overdue."""
    try:
        return policy.deadline(data.on, policy.reviews.escalate_business_days)
    except (OverflowError, ValueError):
        return data.on


def _revised(data: offer.OfferRevised) -> Purpose:
    """A new round that answers what the borrower proposed is a reply."""
    return "service" if data.answer is None else "reply"


def _figures(data: followup_care.BreachNoticed | followup.PlanBroken) -> BreachFacts | None:
    """What is open, where the event says it: without it there is nothing to name."""
    return data.facts if data.facts is not None and data.facts.instalments else None


def _in_notice_days(data: followup_care.BreachNoticed, _day: date, policy: PolicyInForce) -> date:
    """One that leaves later leaves less than the whole time to cure: who owns the plan serves it then."""
    return min(data.cure_by, policy.late_until(data.as_of, max(policy.breach.notice_days, 1)))


def _withdrawn(data: agreement.AgreementEnded) -> bool:
    """Of a breach followup tells; a closed case is told of by what closed it."""
    return data.reason.code is ReasonCode.WITHDRAWN_IN_TIME


def _undone(data: followup_care.PlanReopened) -> bool:
    """Of a payment that came back a person tells; that a breach never was, the borrower hears at once."""
    return data.reason.code is ReasonCode.BROKEN_IN_A_STOP


def _in_new_grace(_data: intake.PaymentTakenBack, day: date, policy: PolicyInForce) -> date:
    """That a payment came back is told while there is time to pay again, which counts from that word."""
    rules = policy.breach
    return policy.late_until(day, rules.reversal_notice_days + rules.reversal_grace_days)


def _is_theirs(data: followup_care.CreditFound) -> bool:
    """One of nothing is no news, and takes back what still waits to be said of it."""
    return data.amount.is_positive


# fmt: off
TELLS: Final[dict[type[Event], Row]] = {
    assessment.StatementRequested: Row(
        NoticeKind.STATEMENT_REQUEST, _always("service"), lambda d: d.due.isoformat(),
        lambda d: {"due": d.due.isoformat()}, lambda d, _day, _policy: d.due),
    assessment.StatementReminded: Row(
        NoticeKind.STATEMENT_REMINDER, _always("service"), lambda d: f"{d.number}/{d.due.isoformat()}",
        lambda d: {"due": d.due.isoformat()}, lambda d, _day, _policy: d.due),
    offer.OfferTabled: Row(
        NoticeKind.OFFER, _always("service"), lambda d: f"{d.offer_id}/{d.round}",
        lambda d: {"valid_until": d.valid_until.isoformat()}, lambda d, _day, _policy: d.valid_until),
    offer.OfferRevised: Row(
        NoticeKind.OFFER_REVISED, _revised, lambda d: f"{d.offer_id}/{d.round}",
        lambda d: {"valid_until": d.valid_until.isoformat()}, lambda d, _day, _policy: d.valid_until),
    offer.NoPlanFound: Row(
        NoticeKind.NEXT_STEP, _always("service"), lambda d: d.assessment_id or d.as_of.isoformat(),
        lambda _d: {}, _a_while),
    offer.TalksFailed: Row(
        NoticeKind.NEXT_STEP, _always("service"), lambda d: f"{d.as_of.isoformat()}/{d.rounds}",
        lambda _d: {}, _a_while),
    offer.RefusalAnswered: Row(
        NoticeKind.NEXT_STEP, _always("reply"), lambda d: f"{d.offer_id}/{d.round}/{d.reason.code}",
        lambda _d: {}, lambda d, _day, _policy: d.stands_until),
    offer.LumpSumAnswered: Row(
        NoticeKind.NEXT_STEP, _always("reply"), lambda d: f"sum/{d.as_of.isoformat()}/{d.amount}",
        lambda _d: {}, _a_while),
    agreement.AgreementDrafted: Row(
        NoticeKind.AGREEMENT, _always("service"), lambda d: f"{d.agreement_id}/{d.version}",
        lambda d: {"due": d.sign_by.isoformat()}, lambda d, _day, _policy: d.sign_by),
    agreement.AgreementSigned: Row(
        NoticeKind.AGREEMENT_SIGNED, _always("service"), lambda d: f"{d.agreement_id}/{d.version}",
        lambda d: {"effective": d.effective.isoformat()}, _a_while),
    agreement.AgreementEnded: Row(
        NoticeKind.AGREEMENT_WITHDRAWN, _always("service"), lambda d: d.agreement_id,
        lambda d: {"as_of": d.as_of.isoformat()}, _a_while, calls=_withdrawn),
    agreement.SettlementLetterIssued: Row(
        NoticeKind.COMPLETION_LETTER, _always("legal_notice"), lambda d: d.letter_id,
        lambda _d: {}, _a_while),
    followup.PromiseBroken: Row(
        NoticeKind.PROMISE_REMINDER, _always("collection"), lambda d: d.promise_id,
        lambda d: {"due": d.due.isoformat()}, _a_while),
    followup_care.ReviewInvited: Row(
        NoticeKind.REVIEW_INVITATION, _always("service"), lambda d: str(d.number),
        lambda d: {"due": d.on.isoformat()}, _review),
    followup.SupportOffered: Row(
        NoticeKind.SUPPORT_OFFER, _always("service"), lambda d: d.as_of.isoformat(),
        lambda _d: {}, _a_while),
    intake.PaymentTakenBack: Row(
        NoticeKind.PAYMENT_RETURNED, _always("service"), lambda d: d.reversal_id,
        lambda _d: {}, _in_new_grace),
    followup_care.CreditFound: Row(
        NoticeKind.CREDIT, _always("service"), lambda d: f"{d.agreement_id}/{d.as_of.isoformat()}/{d.amount}",
        lambda _d: {}, _while_it_is_true, calls=_is_theirs),
    followup_care.SatisfactionAsked: Row(
        NoticeKind.SATISFACTION, _always("service"), lambda d: f"{d.topic}/{d.as_of.isoformat()}",
        lambda _d: {}, _a_while),
    followup.RewardGranted: Row(
        NoticeKind.REWARD, _always("service"),
        lambda d: d.instruction_id or f"{d.reward}/{d.after_instalment}",
        lambda _d: {}, _a_while),
    followup_care.BreachNoticed: Row(
        NoticeKind.BREACH_NOTICE, _always("legal_notice"),
        lambda d: about_breach(d.agreement_id, d.as_of),
        lambda d: {"as_of": d.as_of.isoformat(), "cure_by": d.cure_by.isoformat()},
        _in_notice_days, _figures, lambda d: not d.served),
    followup.PlanBroken: Row(
        NoticeKind.PLAN_BROKEN, _always("legal_notice"), lambda d: d.agreement_id,
        lambda d: {"as_of": d.as_of.isoformat()}, _a_while, _figures),
    followup_care.PlanReopened: Row(
        NoticeKind.PLAN_STANDS_AGAIN, _always("service"), lambda d: f"{d.agreement_id}/{d.as_of.isoformat()}",
        lambda d: {"as_of": d.as_of.isoformat()}, _while_it_is_true, calls=_undone),
}
"""The one table: event -> message, its category, what it is filled with, until when it is of use, figures."""

MATTERS: Final[dict[NoticeKind, LegalMatter]] = {
    NoticeKind.COMPLETION_LETTER: "release",
    NoticeKind.BREACH_NOTICE: "breach",
    NoticeKind.PLAN_BROKEN: "breach",
}
"""What each legal notice is about: stop events let some through (`StopRule.legal_notices`)."""

_STATEMENT = frozenset({NoticeKind.STATEMENT_REQUEST, NoticeKind.STATEMENT_REMINDER})
_OFFER = frozenset({NoticeKind.OFFER, NoticeKind.OFFER_REVISED, NoticeKind.NEXT_STEP})
_SIGNED = frozenset({NoticeKind.AGREEMENT_SIGNED, NoticeKind.AGREEMENT_WITHDRAWN})
_PLAN = frozenset(
    {
        NoticeKind.REVIEW_INVITATION,
        NoticeKind.BREACH_NOTICE,
        NoticeKind.SUPPORT_OFFER,
        NoticeKind.SATISFACTION,
        NoticeKind.PLAN_STANDS_AGAIN,
    }
)

ENDS: Final[dict[type[Event], frozenset[NoticeKind]]] = {
    intake.CaseClosed: frozenset(NoticeKind) - {NoticeKind.COMPLETION_LETTER, NoticeKind.CREDIT} - _SIGNED,
    desk.StatementSubmitted: _STATEMENT,
    assessment.AssessmentCompleted: _STATEMENT,
    assessment.AssessmentLapsed: _STATEMENT,
    offer.ApprovalRequested: _OFFER,
    offer.OfferAgreed: _OFFER,
    offer.OfferLapsed: _OFFER,
    offer.OfferWithdrawn: _OFFER,
    offer.TalksFailed: _OFFER,
    agreement.AgreementReturned: frozenset({NoticeKind.AGREEMENT}),
    agreement.AgreementSigned: frozenset(
        {NoticeKind.AGREEMENT, NoticeKind.PLAN_BROKEN, NoticeKind.PLAN_STANDS_AGAIN}),
    followup.PromiseKept: frozenset({NoticeKind.PROMISE_REMINDER}),
    followup.ReviewRecorded: frozenset({NoticeKind.REVIEW_INVITATION}),
    followup_care.ReviewPassed: frozenset({NoticeKind.REVIEW_INVITATION}),
    followup_care.BreachCured: frozenset({NoticeKind.BREACH_NOTICE}),
    followup_care.SupportEnrolled: frozenset({NoticeKind.SUPPORT_OFFER}),
    followup_care.CreditInstructed: frozenset({NoticeKind.CREDIT}),
    followup_care.SatisfactionNoted: frozenset({NoticeKind.SATISFACTION}),
    followup.PlanBroken: _PLAN | {NoticeKind.REWARD, NoticeKind.PAYMENT_RETURNED},
    followup.PlanCompleted: _PLAN,
    followup_care.PlanReopened: frozenset({NoticeKind.COMPLETION_LETTER, NoticeKind.PLAN_BROKEN}),
}
"""What makes messages of these kinds useless; those that wait are withdrawn."""

ENDS_EARLIER: Final[dict[type[Event], frozenset[NoticeKind]]] = {
    followup_care.PlanReopened: _STATEMENT | {NoticeKind.NEXT_STEP},
}
"""And of these, where they were called for before its day: newer ones may be read first, by another topic."""
# fmt: on


def ended_by(data: Event) -> frozenset[NoticeKind]:
    """Which kinds of messages an event makes useless."""
    if isinstance(data, followup_care.CreditFound) and not _is_theirs(data):
        return frozenset({NoticeKind.CREDIT})
    return ENDS.get(type(data), frozenset())


def withdraws_itself(kind: NoticeKind) -> frozenset[NoticeKind]:
    """Which kinds a newer message of this kind takes the place of."""
    for group in (_STATEMENT, _OFFER, _SIGNED):
        if kind in group:
            return group
    return frozenset({kind})


def owed_after_close(kind: NoticeKind) -> bool:
    """Whether it is still said when the case is closed."""
    return kind in {NoticeKind.COMPLETION_LETTER, NoticeKind.CREDIT}
