"""Wiring of intake: what it reads, what it waits for, what decides."""

from services.intake.decide import HANDLED, IntakeDecider
from services.intake.model import IntakeState
from shared.contracts.ids import case_id
from shared.runtime.service import DocumentPer, Service

SERVICE = Service(
    name="intake",
    state=IntakeState,
    decider=IntakeDecider(),
    waits_for=("bank",),
    reads=("desk", "assessment", "offer", "agreement", "followup"),
    per=DocumentPer.CUSTOMER,
    schema_version=4,  # 2: obligors, stops; 3: stops that end by date, steps; 4: splits of plans, re-ages
    workload=lambda state: (state.owner,) if state.is_open and state.owner is not None else (),
    cases=lambda state: (state.case,),
    upcoming=lambda state, customer: case_id(customer, 1 if state is None else state.episode + 1),
    passes_to_desk=True,
    handles=HANDLED,
)
