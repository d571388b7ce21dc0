"""Wiring of intake: what it reads, what it waits for, what decides."""

from services.intake.absences import whose_work
from services.intake.decide import HANDLED, IntakeDecider
from services.intake.model import IntakeState
from shared.contracts.ids import case_id
from shared.runtime.service import DocumentPer, Service

SERVICE = Service(
    name="intake",
    state=IntakeState,
    decider=IntakeDecider(),
    waits_for=("bank",),
    reads=("desk", "agreement", "followup", "alert"),
    per=DocumentPer.CUSTOMER,
    # 2: obligors, stops; 3: the owner's days; 4: no steps, absences told, splits, re-ages, orders held;
    # 5: how the person may be reached; 6: who acts for them, complaints; 7: messages sent, plans that a
    # withdrawal brings back; 8: when the desk told of a stop;
    # 9: instructions about referrals; 10: what rewards have cut of the rates;
    # 11: payments beside a plan; 12: rates that stand against the bank's notices
    # 13: whether money came back of the plan that was completed last, who else took part in a conversation,
    # stops of another obligor that stop the debt
    # 14: the agreement that binds a debt from before its case, the plan that was broken last,
    # when a debt left
    # 15: which co-borrowers had signed the agreement that binds a debt, the agreement that has settled
    # a debt, who may sign for the borrower
    # 16: complaints that have their final response
    schema_version=16,
    workload=whose_work,
    cases=lambda state: (state.case,),
    upcoming=lambda state, customer: case_id(customer, 1 if state is None else state.episode + 1),
    passes_to_desk=True,
    handles=HANDLED,
)
