"""The assessment itself: everything that is known of a case, put together on one day. Pure.

The decider says it, and the command line prints it: there is one place that computes it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

from services.assessment.behaviour import willingness
from services.assessment.capacity import (
    Ability,
    Budget,
    ability_of,
    capacity_score,
    looks_low,
    pays_home_loan,
)
from services.assessment.care import more_days, questions_for, treatments_of
from services.assessment.model import AssessmentState, InForce
from services.assessment.outlook import in_doubt, outlook
from services.assessment.rules import declared, hardship_kind, served_first
from shared.contracts.assessment import (
    AssessmentCompleted,
    Capacity,
    Figure,
    OpenNeed,
    OpenPoint,
    Override,
    ProjectedCapacity,
)
from shared.contracts.base import Reason
from shared.contracts.household import HardshipKind, HardshipOnset, IncomeStability, OverrideFigure
from shared.contracts.reasons import ReasonCode
from shared.lending.money import Money
from shared.policy.model import PolicyInForce

__all__ = ["computed_values", "report_of"]


def report_of(
    state: AssessmentState, in_force: InForce, policy: PolicyInForce, on: date
) -> AssessmentCompleted:
    """Put an assessment together, with what people have set beside what is computed."""
    ability = ability_of(state, policy, on)
    values = _values(state, ability, policy, on)
    overrides = tuple(item for item in state.overrides if values[item.figure] == item.computed)
    fallen = tuple(item for item in state.overrides if item not in overrides)
    capacity, projection = _overridden(ability, overrides)
    behaviour_score, behaviour = willingness(state)
    scores = {OverrideFigure.CAPACITY_SCORE: int(values[OverrideFigure.CAPACITY_SCORE])}
    scores[OverrideFigure.WILLINGNESS_SCORE] = behaviour_score
    kind = HardshipKind(values[OverrideFigure.HARDSHIP])
    for item in overrides:
        if item.figure in scores:
            scores[item.figure] = int(item.value)
        elif item.figure is OverrideFigure.HARDSHIP:
            kind = HardshipKind(item.value)
    hardship = state.hardship
    reasons = [*ability.reasons, *behaviour]
    if hardship is not None:
        reasons.append(Reason(code=ReasonCode.HARDSHIP_REPORTED, params={"cause": hardship.cause.value}))
    reasons += [_set_by_person(item, ReasonCode.VALUE_SET_BY_PERSON) for item in overrides]
    reasons += [_set_by_person(item, ReasonCode.VALUE_COMPUTED_AGAIN) for item in fallen]
    open_doubts = tuple(sorted({doubt.about for doubt in state.doubts if doubt.upheld is None}))
    if open_doubts:
        reasons.append(Reason(code=ReasonCode.PERSON_LOOKS_FIRST))
    return AssessmentCompleted(
        assessment_id=in_force.assessment_id,
        version=state.version,
        as_of=in_force.as_of,
        expires=in_force.expires,
        capacity=capacity,
        dependants=state.statement.dependants or 0,
        hardship=kind,
        cause=None if hardship is None else hardship.cause,
        capacity_score=scores[OverrideFigure.CAPACITY_SCORE],
        willingness_score=scores[OverrideFigure.WILLINGNESS_SCORE],
        reasons=tuple(reasons),
        policy_version=policy.version,
        figures=_figures(state, ability.today, policy, on),
        projection=projection,
        available_over_life=_lowest(step.available for step in projection),
        available_over_life_stress=_lowest(step.available_stress for step in projection),
        capacity_reasons=ability.reasons,
        willingness_reasons=behaviour,
        onset=_onset(state),
        hardship_since=None if hardship is None else hardship.since,
        hardship_ends=None if hardship is None else hardship.expected_end,
        wilful=state.wilful,
        vulnerabilities=state.vulnerabilities,
        treatments=treatments_of(state.vulnerabilities, policy),
        doubts=open_doubts,
        overrides=overrides,
        open_points=_open_points(state, ability.today, policy, on),
        questions=questions_for(state, policy, no_residual=not ability.today.residual.is_positive),
        other_adults=len(state.statement.adults or ()),
    )


def computed_values(state: AssessmentState, policy: PolicyInForce, on: date) -> dict[OverrideFigure, str]:
    """Give what is computed for each figure that a person may set, as text."""
    return _values(state, ability_of(state, policy, on), policy, on)


def _values(
    state: AssessmentState, ability: Ability, policy: PolicyInForce, on: date
) -> dict[OverrideFigure, str]:
    score = capacity_score(ability.projection, state.owed, policy)
    return {
        OverrideFigure.AVAILABLE: str(ability.today.available),
        OverrideFigure.CAPACITY_SCORE: str(score),
        OverrideFigure.WILLINGNESS_SCORE: str(willingness(state)[0]),
        OverrideFigure.HARDSHIP: hardship_kind(state.hardship, policy, on).value,
    }


def _lowest(amounts: Iterable[Money]) -> Money:
    return min(amounts)


def _set_by_person(item: Override, code: ReasonCode) -> Reason:
    return Reason(
        code=code, params={"figure": item.figure.value, "computed": item.computed, "value": item.value}
    )


def _overridden(
    ability: Ability, overrides: tuple[Override, ...]
) -> tuple[Capacity, tuple[ProjectedCapacity, ...]]:
    """What a person has set takes the place of our share, and is never more than what is left to live on."""
    set_ = next((item for item in overrides if item.figure is OverrideFigure.AVAILABLE), None)
    capacity, projection = ability.capacity, ability.projection
    if set_ is None:
        return capacity, projection
    wanted, zero = Money.parse(set_.value, capacity.currency), Money.zero(capacity.currency)

    def at_most(left: Money) -> Money:
        return max(zero, min(wanted, left))

    update = {
        "available_now": at_most(capacity.residual_now),
        "available_stress": at_most(capacity.residual_stress),
    }
    steps = tuple(
        step.model_copy(
            update={
                "available": at_most(step.residual),
                "available_stress": at_most(step.residual_stress),
            }
        )
        for step in projection
    )
    return capacity.model_copy(update=update), steps


def _onset(state: AssessmentState) -> HardshipOnset | None:
    if state.hardship is None:
        return None
    if state.hardship.onset is not None:
        return state.hardship.onset
    said = next((item.answer for item in state.interview if item.question == "hardship_sudden"), None)
    return {"yes": HardshipOnset.SUDDEN, "no": HardshipOnset.SLOW}.get(str(said))


def _figures(state: AssessmentState, today: Budget, policy: PolicyInForce, on: date) -> tuple[Figure, ...]:
    """Every figure: as declared, as verified by whom and when, and what counts of it."""
    stated, aside = declared(state.statement), in_doubt(state)
    proof = {item.item: item for item in state.verified}
    varies = outlook(state, policy, on).variable
    first = {
        f"other_debt:{debt.creditor_kind}" for debt in state.statement.other_debts or () if served_first(debt)
    }
    ends: dict[str, date] = {}
    for item in state.statement.income or ():
        name = f"income:{item.source.value}"
        if item.ends is not None:
            ends[name] = min(item.ends, ends.get(name, item.ends))
    counted: dict[str, Money] = {**today.income}
    counted |= {f"spending:{name}": figure.allowed for name, figure in today.spending.items()}
    found = []
    for name in sorted(stated.keys() | proof.keys() | counted.keys()):
        seen = proof.get(name)
        valid = seen.amount if seen is not None and name not in aside else None
        zero = Money.zero(policy.currency)
        usual = today.spending.get(name.removeprefix("spending:")) if name.startswith("spending:") else None
        # An income that has ended is in nobody's budget; an asset or another debt is not in the month.
        fallback = zero if name.startswith("income:") else (valid or stated.get(name, zero))
        more: dict[str, Any] = {}
        if seen is not None:
            more = {
                "verified": seen.amount,
                "verified_by": seen.verified_by,
                "evidence_kind": seen.evidence_kind,
                "verified_on": seen.as_of,
            }
        if name.startswith("income:"):
            more["stability"] = IncomeStability.VARIABLE if name in varies else IncomeStability.STABLE
            more["ends"] = ends.get(name)
        found.append(
            Figure(
                item=name,
                declared=stated.get(name),
                counted=counted.get(name, fallback),
                in_doubt=name in aside,
                guideline=None if usual is None else usual.guideline,
                explained=usual is not None and usual.explained,
                served_first=name in first,
                **more,
            )
        )
    return tuple(found)


def _open_points(
    state: AssessmentState, today: Budget, policy: PolicyInForce, on: date
) -> tuple[OpenPoint, ...]:
    """Give what would make the assessment better: evidence, explanations, figures that look incomplete."""
    due = policy.deadline(on, policy.assessment.statement_business_days + more_days(state, policy))
    proven = {item.item for item in state.verified} - in_doubt(state)
    stated, owns_home = declared(state.statement), pays_home_loan(state)
    points = [
        OpenPoint(item=name, need=OpenNeed.EVIDENCE, due=due)
        for name, amount in sorted(stated.items())
        if name.startswith(("income:", "asset:")) and amount.is_positive and name not in proven
    ]
    for category, figure in sorted(today.spending.items()):
        name = f"spending:{category}"
        if figure.needs_explanation:
            points.append(OpenPoint(item=name, need=OpenNeed.EXPLANATION, due=due))
        elif name in stated and looks_low(category, figure, policy, owns_home=owns_home):
            points.append(OpenPoint(item=name, need=OpenNeed.CHECK, due=due))
    return tuple(points)
