"""Wiring of assessment: what it reads, what it waits for, what decides."""

from services.assessment.decide import HANDLED, AssessmentDecider
from services.assessment.model import AssessmentState
from shared.runtime.service import Service

SERVICE = Service(
    name="assessment",
    state=AssessmentState,
    decider=AssessmentDecider(),
    waits_for=("intake", "desk"),
    reads=("offer", "agreement", "followup"),
    handles=HANDLED,
    # 2: what stop events halt; 3: other adults; 4: talks that found no other plan, stops told, mornings;
    # 5: since when something is asked; 6: addiction among what makes a person easily harmed;
    # 7: since when a plan is in force again
    schema_version=7,
)
