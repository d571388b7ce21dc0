"""Wiring of alert: what it reads, what it waits for, what decides."""

from services.alert.decide import HANDLED, AlertDecider
from services.alert.model import AlertState
from shared.contracts.departures import work_of
from shared.runtime.service import Service

SERVICE = Service(
    name="alert",
    state=AlertState,
    decider=AlertDecider(),
    waits_for=("intake", "assessment", "offer", "agreement", "followup", "desk"),
    handles=HANDLED,
    # 2: what stop events halt; 3: steps, reviews; 4: requests, moratoriums; 5: which request
    # a talk answers, who answers for a complaint, stops told
    # 6: until when a complaint is acknowledged, who leaves, how a plan is paid; 7: when the roster was asked
    # 8: reviews of the mechanism; 9: rates that differ, who has left
    # 10: the moments of attempts in vain, who is away, who else took part in a conversation, since when who
    # answers for a complaint does, trainings that follow,
    # when an alert that rested is escalated
    # 11: attempts in vain at others than the borrower
    # 12: coming years of a calendar, whether the owner speaks the borrower's language,
    # who acts for the borrower since an earlier case
    # 13: complaints that have their final response
    schema_version=13,
    workload=lambda state: work_of(state.departures),
    linger_seconds=1.0,
)
