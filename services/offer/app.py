"""Wiring of offer: what it reads, what it waits for, what decides."""

from services.offer.decide import HANDLED, OfferDecider
from services.offer.model import OfferState
from shared.contracts.departures import work_of
from shared.runtime.service import Service

SERVICE = Service(
    name="offer",
    state=OfferState,
    decider=OfferDecider(),
    waits_for=("intake", "assessment", "desk"),
    reads=("agreement", "followup"),
    handles=HANDLED,
    workload=lambda state: work_of(state.departures),
    # 2: what stop events halt; 3: debts left apart, payments in talks; 4: what stood; 5: wishes that stay,
    # refusals, what rests on when; 6: how the talks stood when a day began; 7: amounts refused in
    # each currency, sums offered before an offer, why talks failed; 8: incentives of an arm;
    # 9: any wish may be noted, who has left; 10: who is away
    # 11: debts that an agreement of before binds; 12: which co-borrowers had signed that, since when a plan
    # is in force again
    schema_version=12,
)
