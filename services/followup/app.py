"""Wiring of followup: what it reads, what it waits for, what decides."""

from services.followup.decide import HANDLED, FollowupDecider
from services.followup.model import FollowupState
from shared.contracts.departures import work_of
from shared.runtime.service import Service

SERVICE = Service(
    name="followup",
    state=FollowupState,
    decider=FollowupDecider(),
    waits_for=("intake", "offer", "agreement", "desk"),
    reads=("alert", "notice"),
    handles=HANDLED,
    workload=lambda state: work_of(state.departures),
    # 2: what stop events halt; 3: conditions, contacts, credits asked; 4: what a borrower is told of a breach
    # 5: invitations to reviews; 6: promises broken in a hardship, debts sold,
    # instalments that were paid late before their money came back, stops told
    # 7: attempts of a stop's day, a referral that a complaint holds, what of an instalment is of which debt,
    # money from before the plan that was told, or came back, after the signing
    # 8: which steps of the rewards came to anything; 9: the rewards that were signed
    # 10: who acts for the borrower; 11: what talks that ended left of their protection, debts that are not
    # talked about, who has left, limits agreed away
    # 12: when talks were over, whether evidence may come, who is away, when the roster was asked, stops that
    # began before they were told, an offer that stands, a referral made in such a stop,
    # a credit for each plan of the case, money on no debt, what came back from before a completed plan
    # 13: when a review was last held, what of the money of a day lies on no debt, whether money came after a
    # plan was broken; 14: debts in the case of another obligor, whom a plan binds beside the borrower, when
    # new difficulties were last told, when an amendment was drawn up, balances that differ
    # 15: complaints that have their final response, pauses that no report of the borrower's began,
    # difficulties that were told without a plan, whether a difficulty that was told lasts, a plan that was
    # broken in a stop which was told later, until the close of that day, and when it stood again, when notice
    # of breach was given, whether it left
    schema_version=15,
)
