"""Wiring of followup: what it reads, what it waits for, what decides."""

from services.followup.decide import HANDLED, FollowupDecider
from services.followup.model import FollowupState
from shared.runtime.service import Service

SERVICE = Service(
    name="followup",
    state=FollowupState,
    decider=FollowupDecider(),
    waits_for=("intake", "offer", "agreement", "desk"),
    handles=HANDLED,
    schema_version=3,  # 2: what stop events halt; 3: conditions, contacts, credits asked
)
