"""When something is abnormal, and when it is no longer. The numbers come from the policy of the day."""

from datetime import date, timedelta
from decimal import Decimal

from services.alert.model import AlertState, OpenAlert
from shared.contracts import desk, desk_care, desk_talks
from shared.contracts.alert import AlertKind
from shared.contracts.base import Event
from shared.contracts.followup import PromiseBroken
from shared.contracts.intake import PaymentMatched
from shared.lending.money import Money
from shared.policy.model import PolicyInForce

__all__ = ["ANSWERS", "ends_silence", "is_heard", "paid_off", "remedy_due", "short_of", "silent_on"]

# What a borrower says on `desk.events` by being there; contacts and signatures are looked at closer.
ANSWERS: tuple[type[Event], ...] = (
    PaymentMatched,
    desk.StatementSubmitted,
    desk.CounterOffered,
    desk.OfferAccepted,
    desk.OfferRejected,
    desk.PromiseMade,
    desk.HardshipReported,
    desk.ReviewHeld,
    desk.ComplaintMade,
    desk_talks.HumanRequested,
    desk_talks.LumpSumOffered,
    desk_talks.ExplanationRequested,
    desk.PreferencesSet,
    desk_care.SupportJoined,
    desk_care.SatisfactionGiven,
    desk_care.CreditChosen,
)


def is_heard(data: Event) -> bool:
    """The borrower is heard of: an answer, a payment, a signature, or a contact that reached them."""
    if isinstance(data, desk.ContactRecorded):
        reached = data.outcome in {desk.ContactOutcome.TALKED, desk.ContactOutcome.REFUSED}
        return not data.with_another and (reached or data.direction is desk.ContactDirection.INBOUND)
    if isinstance(data, desk_care.ReviewNotHeld):
        return data.outcome is desk_care.ReviewOutcome.DECLINED
    if isinstance(data, desk.SignatureGiven):
        return data.party is desk.SignatureParty.BORROWER
    return isinstance(data, ANSWERS)


def silent_on(state: AlertState, policy: PolicyInForce) -> date | None:
    """Silent: something is asked, and nothing was heard for the policy's days since; one alert at a time."""
    if state.halted or not state.asked or state.open(AlertKind.BORROWER_SILENT) is not None:
        return None
    since = min(ask.since for ask in state.asked)
    if state.heard_on is not None:
        since = max(since, state.heard_on)
    try:
        return since + timedelta(days=policy.alert.silent_days)
    except OverflowError:  # past the last date there is
        return date.max


def ends_silence(heard: date, alert: OpenAlert, policy: PolicyInForce) -> bool:
    """A word ends the silence unless it is so old that the borrower had been silent too long since."""
    return (alert.raised_on - heard).days < policy.alert.silent_days


def remedy_due(on: date, business_days: int, policy: PolicyInForce) -> date:
    """A remedy has so many business days from the day that the alert is raised."""
    try:
        return policy.deadline(on, business_days)
    except (OverflowError, ValueError):
        return on


def short_of(broken: PromiseBroken, policy: PolicyInForce) -> Money:
    """Give what is missing for a promise to count as kept."""
    share = min(policy.followup.promise_tolerance_pct, Decimal(100)) / 100
    settles = broken.promised - broken.promised.times(share, policy.amounts.rounding)
    if broken.paid.currency != settles.currency:
        return settles
    return max(settles - broken.paid, Money.zero(settles.currency))


def paid_off(short: Money, paid: Money) -> tuple[Money, Money]:
    """Put money to what is missing: what is missing still, and what is left of the money."""
    if short.currency != paid.currency or not paid.is_positive:
        return short, paid
    part = min(short, paid)
    return short - part, paid - part
