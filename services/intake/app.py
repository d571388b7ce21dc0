"""Wiring of intake: what it reads, what it waits for, what decides."""

from services.intake.decide import HANDLED, IntakeDecider
from services.intake.model import IntakeState
from shared.contracts.ids import case_id
from shared.runtime.service import DocumentPer, Service


def _workload(state: IntakeState) -> tuple[str, ...]:
    return (state.owner,) if state.is_open and state.owner is not None else ()


def _cases(state: IntakeState) -> tuple[str, ...]:
    return (state.case,)


def _upcoming(state: IntakeState | None, customer: str) -> str:
    return case_id(customer, 1 if state is None else state.episode + 1)


SERVICE = Service(
    name="intake",
    state=IntakeState,
    decider=IntakeDecider(),
    waits_for=("bank",),
    reads=("desk", "agreement", "followup"),
    per=DocumentPer.CUSTOMER,
    workload=_workload,
    cases=_cases,
    upcoming=_upcoming,
    passes_to_desk=True,
    handles=HANDLED,
)
