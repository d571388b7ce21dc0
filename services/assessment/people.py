"""What people find out or decide beside the figures: interviews, care, agreed plans, doubts, overrides. Pure.

None of it refuses anything to the borrower: a doubt sends the case to a person, and offers go on.
"""

from __future__ import annotations

from typing import Any

from services.assessment.capacity import budget_of
from services.assessment.care import more_days, questions_for
from services.assessment.entry import Outcome, of_open_case, unusable
from services.assessment.model import AgreedPlan, AssessmentState, Doubt
from services.assessment.report import computed_values
from services.assessment.steps import complete, policy_of, refusal, valid
from shared.contracts import desk_household as said
from shared.contracts.assessment import (
    Override,
    ReviewReferred,
    StatementRequested,
    WilfulFinding,
)
from shared.contracts.base import Event, Reason
from shared.contracts.decision import Decision
from shared.contracts.envelope import Envelope
from shared.contracts.household import AnswerValue, DoubtKind, OverrideFigure
from shared.contracts.reasons import ReasonCode
from shared.lending.money import Money
from shared.policy.reference import Reference

__all__ = ["debt_plan", "doubted", "interviewed", "overridden", "settled", "vulnerable", "wilful"]

# Answers and doubts that are kept: documents do not grow.
_ANSWERS_KEPT, _DOUBTS_KEPT = 60, 20


@of_open_case
def interviewed(
    state: AssessmentState, message: Envelope[said.InterviewHeld], reference: Reference
) -> Outcome:
    """Answers to the interview's questions: the latest to each counts; of words only that they were said."""
    amounts = {f"answers.{at}.monthly": answer.monthly for at, answer in enumerate(message.data.answers)}
    wrong = unusable(message, amounts, state.owed.currency)
    if wrong is not None:
        return Decision.of(state, wrong)
    latest = {answer.question: answer.model_copy(update={"words": None}) for answer in message.data.answers}
    kept = [answer for answer in state.interview if answer.question not in latest]
    now = state.model_copy(update={"interview": (*kept, *latest.values())[-_ANSWERS_KEPT:]})
    agent = latest.get("paid_agent")
    if agent is None or agent.answer is not AnswerValue.YES:
        return _renewed(now, message, reference)
    doubt = Doubt(doubt_id="interview:paid_agent", about=DoubtKind.PAID_AGENT)
    return _with_doubt(now, doubt, message, reference)


@of_open_case
def vulnerable(
    state: AssessmentState, message: Envelope[said.VulnerabilityRecorded], reference: Reference
) -> Outcome:
    """Circumstances that change how the borrower is treated: more time begins with what is asked now."""
    data = message.data
    if data.flags and not data.consent:
        return Decision.of(state, refusal(message, ReasonCode.CONSENT_NEEDED))
    policy, before = policy_of(state, message.day, reference), state
    now = state.model_copy(update={"vulnerabilities": tuple(sorted(set(data.flags)))})
    events: tuple[Event, ...] = ()
    longer = more_days(now, policy) - more_days(before, policy)
    if now.request is not None and longer > 0:
        due = policy.deadline(now.request.due, longer)
        request = now.request.model_copy(update={"due": due})
        now = now.model_copy(update={"request": request})
        more_time = Reason(code=ReasonCode.MORE_TIME_GIVEN, params={"due": due.isoformat()})
        events = (
            StatementRequested(
                missing=request.missing,
                due=due,
                reasons=(more_time,),
                questions=questions_for(now, policy),
            ),
        )
    return _renewed(now, message, reference, *events)


@of_open_case
def debt_plan(
    state: AssessmentState, message: Envelope[said.DebtPlanAgreed], reference: Reference
) -> Outcome:
    """A plan with all creditors says what we get; it takes the place of our share by balance."""
    data = message.data
    wrong = unusable(message, {"monthly": data.monthly}, state.owed.currency)
    if wrong is not None:
        return Decision.of(state, wrong)
    if state.debt_plan is not None and data.as_of < state.debt_plan.as_of:
        stale = {"as_of": data.as_of.isoformat(), "known": state.debt_plan.as_of.isoformat()}
        return Decision.of(state, refusal(message, ReasonCode.STALE_FACT, **stale))
    plan = AgreedPlan(monthly=data.monthly, as_of=data.as_of, until=data.until)
    return _renewed(state.model_copy(update={"debt_plan": plan}), message, reference)


@of_open_case
def doubted(state: AssessmentState, message: Envelope[said.DoubtRaised], reference: Reference) -> Outcome:
    """A suspicion: the evidence is set aside, a person looks at it, and nothing is refused."""
    data = message.data
    if any(known.doubt_id == data.doubt_id for known in state.doubts):
        return Decision(state)
    return _with_doubt(
        state, Doubt(doubt_id=data.doubt_id, about=data.about, item=data.item), message, reference
    )


@of_open_case
def settled(state: AssessmentState, message: Envelope[said.DoubtSettled], reference: Reference) -> Outcome:
    """A person has looked: evidence that stands counts again; what was forged stays aside."""
    known = next((doubt for doubt in state.doubts if doubt.doubt_id == message.data.doubt_id), None)
    if known is None:
        return Decision.of(state, refusal(message, ReasonCode.DOUBT_UNKNOWN))
    seen = known.model_copy(update={"upheld": message.data.upheld})
    doubts = tuple(seen if doubt.doubt_id == known.doubt_id else doubt for doubt in state.doubts)
    return _renewed(state.model_copy(update={"doubts": doubts}), message, reference)


@of_open_case
def wilful(
    state: AssessmentState, message: Envelope[said.WilfulDefaultStated], reference: Reference
) -> Outcome:
    """Only a named person can state it, on evidence, and another person looks at it; no score ever does."""
    data = message.data
    if data.withdrawn:
        return _renewed(state.model_copy(update={"wilful": None}), message, reference)
    finding = WilfulFinding(
        by=data.by, role=data.role, evidence=data.evidence, reason=data.reason, on=data.as_of
    )
    now = state.model_copy(update={"wilful": finding})
    return _renewed(
        now, message, reference, _referred(now, ReasonCode.WILFUL_DEFAULT_STATED, message, reference)
    )


@of_open_case
def overridden(
    state: AssessmentState, message: Envelope[said.AssessmentOverridden], reference: Reference
) -> Outcome:
    """A person's value, kept beside the computed one for as long as that is what is computed."""
    if not valid(state, message.day):
        return Decision.of(state, refusal(message, ReasonCode.NO_ASSESSMENT))
    data, policy = message.data, policy_of(state, message.day, reference)
    others = tuple(item for item in state.overrides if item.figure is not data.figure)
    if data.withdrawn:
        return _renewed(state.model_copy(update={"overrides": others}), message, reference)
    if not _fits(data):
        return Decision.of(state, refusal(message, ReasonCode.OVERRIDE_UNCLEAR, figure=data.figure.value))
    wrong = unusable(message, {"monthly": data.monthly}, state.owed.currency)
    if wrong is not None:
        return Decision.of(state, wrong)
    if data.monthly is not None:
        left = _residual(state, message, reference)
        if data.monthly > max(left, Money.zero(left.currency)):
            shown = f"{left} {left.currency}"
            return Decision.of(state, refusal(message, ReasonCode.OVERRIDE_ABOVE_RESIDUAL, amount=shown))
    value = data.monthly if data.monthly is not None else data.score
    item = Override(
        figure=data.figure,
        computed=computed_values(state, policy, message.day)[data.figure],
        value=str(value) if data.hardship is None else data.hardship.value,
        by=data.by,
        role=data.role,
        reason=data.reason,
        on=message.day,
    )
    return _renewed(state.model_copy(update={"overrides": (*others, item)}), message, reference)


def _fits(data: said.AssessmentOverridden) -> bool:
    wanted = {OverrideFigure.AVAILABLE: "monthly", OverrideFigure.HARDSHIP: "hardship"}
    given = {name for name in ("monthly", "score", "hardship") if getattr(data, name) is not None}
    return given == {wanted.get(data.figure, "score")}


def _residual(state: AssessmentState, message: Envelope[Any], reference: Reference) -> Money:
    return budget_of(state, policy_of(state, message.day, reference), message.day).residual


def _with_doubt(
    state: AssessmentState, doubt: Doubt, message: Envelope[Any], reference: Reference
) -> Outcome:
    others = tuple(known for known in state.doubts if known.doubt_id != doubt.doubt_id)
    now = state.model_copy(update={"doubts": (*others, doubt)[-_DOUBTS_KEPT:]})
    code = {
        DoubtKind.FORGED_EVIDENCE: ReasonCode.EVIDENCE_DOUBTED,
        DoubtKind.PAID_AGENT: ReasonCode.PAID_AGENT_SUSPECTED,
    }[doubt.about]
    return _renewed(now, message, reference, _referred(now, code, message, reference))


def _referred(
    state: AssessmentState, code: ReasonCode, message: Envelope[Any], reference: Reference
) -> ReviewReferred:
    policy = policy_of(state, message.day, reference)
    return ReviewReferred(
        as_of=message.day,
        owner_role=policy.assessment.referral_role,
        due=policy.deadline(message.day, policy.assessment.referral_business_days),
        reasons=(Reason(code=code), Reason(code=ReasonCode.RIGHTS_UNCHANGED)),
        next_step=Reason(code=ReasonCode.NEXT_HUMAN_REVIEW),
    )


def _renewed(state: AssessmentState, message: Envelope[Any], reference: Reference, *events: Event) -> Outcome:
    """Facts have changed: an assessment in force is renewed where it says something else by now."""
    if not valid(state, message.day):
        return Decision.of(state, *events)
    after, more = complete(state, policy_of(state, message.day, reference), message.day, in_full=False)
    return Decision.of(after, *events, *more)
