"""Wiring of agreement: what it reads, what it waits for, what decides."""

from services.agreement.decide import HANDLED, AgreementDecider
from services.agreement.model import AgreementState
from shared.runtime.service import Service

SERVICE = Service(
    name="agreement",
    state=AgreementState,
    decider=AgreementDecider(),
    waits_for=("intake", "offer", "desk"),
    reads=("followup",),
    schema_version=3,  # 2: guarantors, packs, periods, withdrawal; 3: plans of several currencies
    handles=HANDLED,
)
