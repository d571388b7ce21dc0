"""What is looked at first in all that the desk says of a household: a case, and usable amounts. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, TypeVar

from services.assessment.model import AssessmentState, AssessmentStatus
from services.assessment.rules import in_range, largest
from services.assessment.steps import refusal
from shared.contracts.assessment import InputRefused
from shared.contracts.base import Event
from shared.contracts.decision import Decision
from shared.contracts.envelope import Envelope
from shared.contracts.reasons import ReasonCode
from shared.lending.money import Money
from shared.policy.reference import Reference

__all__ = ["Outcome", "of_open_case", "unusable"]

Outcome = Decision[AssessmentState]

E = TypeVar("E", bound=Event)


def of_open_case(
    decide: Callable[[AssessmentState, Envelope[E], Reference], Outcome],
) -> Callable[[AssessmentState | None, Envelope[E], Reference], Outcome]:
    """Wait for the case, which comes by another topic; on a closed one it is only put on file."""

    @wraps(decide)
    def checked(state: AssessmentState | None, message: Envelope[E], reference: Reference) -> Outcome:
        if state is None:
            return Decision.wait(None, refusal(message, ReasonCode.NO_CASE))
        if state.status is AssessmentStatus.CLOSED:
            return Decision.of(state, refusal(message, ReasonCode.CASE_CLOSED))
        return decide(state, message, reference)

    return checked


def unusable(
    message: Envelope[Any], amounts: Mapping[str, Money | None], currency: str
) -> InputRefused | None:
    """Refuse amounts of another currency than the case's, or too large to add up; None was not given.

    What is wrong is named by its field, as `amounts` has it, and by the rule; never by the amount.
    """
    for field, amount in amounts.items():
        if amount is None:
            continue
        if amount.currency != currency:
            params = {"field": field, "given": amount.currency, "expected": currency}
            return refusal(message, ReasonCode.CURRENCY_MISMATCH, **params)
        if not in_range(amount):
            params = {"field": field, "most": f"{largest(currency)} {currency}"}
            return refusal(message, ReasonCode.AMOUNT_OUT_OF_RANGE, **params)
    return None
