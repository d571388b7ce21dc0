"""A borrower asks for a person, or how a decision came about: always answered, nothing lost by it. Pure."""

from decimal import Decimal

from services.offer.answers import refusal
from services.offer.model import OfferState, OfferStatus, Standing
from services.offer.questions import Asked, NotFound, questions
from services.offer.rules import is_assessed, owed_debts
from services.offer.search import reason_of
from services.offer.stops import all_stopped
from services.offer.talks import policy_of
from shared.contracts.base import Reason
from shared.contracts.debts import Plan
from shared.contracts.decision import Decision
from shared.contracts.desk_talks import ExplanationRequested, HumanRequested
from shared.contracts.envelope import Envelope
from shared.contracts.offer import DecisionExplained, HumanReviewOpened
from shared.contracts.reasons import ReasonCode
from shared.lending.money import Money
from shared.lending.plans import NoPlan, count_candidates, find_plans
from shared.policy.reference import Reference

__all__ = ["explanation_requested", "human_requested"]

Outcome = Decision[OfferState]

_ABOUT_PLANS = {OfferStatus.TABLED, OfferStatus.APPROVAL, OfferStatus.AGREED, OfferStatus.LAPSED}


def human_requested(
    state: OfferState | None, message: Envelope[HumanRequested], reference: Reference
) -> Outcome:
    """A named role gets in touch by a date; asking again before it changes nothing."""
    if state is None:
        return Decision.wait(None, refusal(message, ReasonCode.NO_CASE))
    if state.status is OfferStatus.CLOSED:
        return Decision.of(state, refusal(message, ReasonCode.CASE_CLOSED))
    if state.human_due is not None and message.day <= state.human_due:
        return Decision(state)
    policy = policy_of(state, message.day, reference)
    role, due = policy.talks.human_role, policy.deadline(message.day, policy.talks.human_business_days)
    params = {"role": role, "due": due.isoformat()}
    opened = HumanReviewOpened(
        role=role, due=due, reason=Reason(code=ReasonCode.HUMAN_ASKED_FOR, params=params)
    )
    return Decision.of(state.model_copy(update={"human_due": due}), opened)


def explanation_requested(
    state: OfferState | None, message: Envelope[ExplanationRequested], reference: Reference
) -> Outcome:
    """Say what a decision rests on: figures, number of plans compared, and each plan's own."""
    if state is None:
        return Decision.wait(None, refusal(message, ReasonCode.NO_CASE))
    reasons = _reasons(state, message, reference)
    if not reasons:
        return Decision.wait(state, refusal(message, ReasonCode.DECISION_UNKNOWN))
    policy = policy_of(state, message.day, reference)
    on_table = state.offer.policy_version if state.offer is not None else policy.version
    explained = DecisionExplained(
        about=message.data.about,
        as_of=message.day,
        automatic=state.request is None,
        reasons=reasons,
        policy_version=on_table,
        strategy=state.strategy,
        next_step=Reason(code=ReasonCode.NEXT_HUMAN_REVIEW),
    )
    return Decision.of(state, explained)


def _reasons(
    state: OfferState, message: Envelope[ExplanationRequested], reference: Reference
) -> tuple[Reason, ...]:
    about, offer = message.data.about, state.offer
    asked_for = state.request.request_id if state.request is not None else None
    if offer is not None and state.status in _ABOUT_PLANS and about in {None, offer.offer_id, asked_for}:
        return _of_offer(state, offer, reference)
    if about is not None:
        over = state.why_over(about)
        return () if over is None else (Reason(code=over),)
    here = _of_nothing_on_the_table(state, message, reference)
    if state.status is OfferStatus.FAILED and state.failed_why is not None:
        return (Reason(code=state.failed_why), *here)
    return here


def _of_offer(state: OfferState, offer: Standing, reference: Reference) -> tuple[Reason, ...]:
    """The figures that the offer was made on, and what each of its plans rests on."""
    said = []
    if state.assessed is not None:
        asked = questions(state, state.assessed, offer.tabled_on, reference)
        if not isinstance(asked, NotFound):
            said.append(_compared(asked))
    for plan in offer.plans:
        said.append(_figures(plan))
        said += plan.reasons
    return tuple(said)


def _figures(plan: Plan) -> Reason:
    params = {"rank": str(plan.rank), "total": _shown(plan.total_paid), "concession": _shown(plan.concession)}
    if plan.redefault_pct is not None:
        params["probability"] = str(plan.redefault_pct.quantize(Decimal("0.1")))
    if plan.redefault_model is not None:
        params["model"] = plan.redefault_model
    return Reason(code=ReasonCode.PLAN_FIGURES, params={k: v for k, v in params.items() if v})


def _shown(amounts: tuple[Money, ...]) -> str:
    return ", ".join(f"{amount} {amount.currency}" for amount in amounts)


def _of_nothing_on_the_table(
    state: OfferState, message: Envelope[ExplanationRequested], reference: Reference
) -> tuple[Reason, ...]:
    """Why there is no offer just now."""
    if state.status is OfferStatus.CLOSED:
        return (Reason(code=ReasonCode.CASE_CLOSED),)
    if all_stopped(state):
        return (Reason(code=ReasonCode.DEBT_STOPPED),)
    if not owed_debts(state.debts):
        return (Reason(code=ReasonCode.ACCOUNT_CURED),)
    if state.assessed is None or not is_assessed(state, message.day):
        missing = ReasonCode.NO_ASSESSMENT if state.assessed is None else ReasonCode.ASSESSMENT_EXPIRED
        return (Reason(code=missing),)
    asked = questions(state, state.assessed, message.day, reference)
    if isinstance(asked, NotFound):
        return asked.reason, asked.next_step
    said = []
    for one in asked.questions:
        found = find_plans(one.debts, one.capacity, one.first_due, one.limits, one.authority)
        if isinstance(found, NoPlan):
            said.append(reason_of(found.reason))
    return (*(said or [_compared(asked)]), *(left.reason for left in asked.apart))


def _compared(asked: Asked) -> Reason:
    """Say how many plans were compared, over all currencies."""
    counts = [
        count_candidates(one.debts, one.capacity, one.first_due, one.limits, one.authority)
        for one in asked.questions
    ]
    return Reason(code=ReasonCode.PLANS_COMPARED, params={"count": str(sum(counts))})
