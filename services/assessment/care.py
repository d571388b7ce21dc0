"""How the borrower is treated and what is asked in their situation; the pack says both. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from services.assessment.model import AssessmentState
from shared.contracts.assessment import Treatment
from shared.contracts.desk import IncomeSource
from shared.contracts.household import AnswerValue, ChangeKind, IncomeStability, Vulnerability
from shared.contracts.reasons import ReasonCode
from shared.policy.model import PolicyInForce

__all__ = ["lapsed_next_step", "more_days", "questions_for", "treatments_of"]


def treatments_of(flags: Iterable[Vulnerability], policy: PolicyInForce) -> tuple[Treatment, ...]:
    """Give how a borrower in these circumstances is treated, each way once."""
    held = {flag.value for flag in flags}
    named = {
        name for row in policy.assessment.treatments if row.vulnerability in held for name in row.treatments
    }
    return tuple(treatment for treatment in Treatment if treatment.value in named)


def more_days(state: AssessmentState, policy: PolicyInForce) -> int:
    """Give the business days that a borrower who is given more time has beyond the policy's."""
    given = Treatment.MORE_TIME in treatments_of(state.vulnerabilities, policy)
    return policy.assessment.vulnerable_more_business_days if given else 0


def lapsed_next_step(state: AssessmentState, policy: PolicyInForce) -> ReasonCode:
    """Give who takes over where nothing came: the support group for those that it looks after."""
    if Treatment.SUPPORT_GROUP in treatments_of(state.vulnerabilities, policy):
        return ReasonCode.NEXT_SUPPORT_GROUP
    return ReasonCode.NEXT_HUMAN_REVIEW


def questions_for(
    state: AssessmentState, policy: PolicyInForce, *, no_residual: bool = False
) -> tuple[str, ...]:
    """Give what an interview would ask in this situation and nobody has answered, in the pack's order."""
    statement = state.statement
    situations = {"always"}
    if state.hardship is not None:
        situations.add(state.hardship.cause.value)
    for item in statement.income or ():
        situations.add(item.source.value)
        if item.stability is IncomeStability.VARIABLE:
            situations.add("variable_income")
    if statement.other_debts:
        situations.add("other_debts")
    if statement.dependants:
        situations.add("dependants")
    if statement.adults:
        situations.add("other_adults")
    if no_residual:
        situations.add("no_residual")
    answered = {item.question for item in state.interview if item.answer is not AnswerValue.UNKNOWN}
    answered |= set(_known_already(state))
    asked = [
        question
        for row in policy.assessment.interview
        if row.situation in situations
        for question in row.questions
        if question not in answered
    ]
    return tuple(dict.fromkeys(asked))


def _known_already(state: AssessmentState) -> Iterator[str]:
    """Give the questions that the data answer: nobody is asked twice for what they have told us."""
    hardship, changes = state.hardship, state.statement.changes or ()
    if hardship is not None and hardship.onset is not None:
        yield "hardship_sudden"
    if hardship is not None and hardship.expected_end is not None:
        yield "hardship_ends"
    if any(change.kind is ChangeKind.CHILD_BORN for change in changes):
        yield "child_expected"
    if state.debt_plan is not None:
        yield "debt_plan"
    if state.statement.adults is not None:
        yield "other_adults"
    ending = {item.source for item in state.statement.income or () if item.ends is not None}
    if IncomeSource.SALARY in ending:
        yield "contract_ends"
    if IncomeSource.BENEFIT in ending:
        yield "benefit_ends"
