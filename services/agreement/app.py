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
    # 2: guarantors, consents, periods, withdrawal; 3: drafts that went back, several currencies, conditions;
    # 4: instalments paid in some currencies; 5: no language of its own; 6: what is missed and unpaid;
    # 7: what was forgiven before, and as a reward, re-ages still to come,
    # moments, stops told; 8: what came back from before the plan;
    # 9: what re-ages rest on, debts paid and rewards vested before an amendment, what was completed;
    # 10: incentives of an arm
    # 11: what rewards have made less
    # 12: who else owes a draft, what was late before, the rates that a draft was drawn up beside,
    # debts that were out of an agreement, and that money has passed by, guarantors whom nobody may ask,
    # rates without it, debts that an amendment leaves to a person
    # 13: waivers on their way to intake's figures, what the bank got back, co-borrowers who sign, who
    # must and who signed only what is amended, the agreement that was broken last, agreements of earlier
    # cases whose place one took
    # 14: days of stops of co-borrowers that are over, and who could not sign when a draft was drawn up,
    # co-borrowers who had signed the agreement of an earlier case, how often a breach was undone and what
    # it had brought back, who may sign for the borrower, and who has
    # 15: who signed what is in force, and what was said of doubts about that
    schema_version=15,
    handles=HANDLED,
)
