"""Wiring of notice: what it reads, what it waits for, what decides."""

from services.notice.decide import HANDLED, NoticeDecider
from services.notice.model import NoticeState
from shared.runtime.service import Service

SERVICE = Service(
    name="notice",
    state=NoticeState,
    decider=NoticeDecider(),
    waits_for=("intake", "assessment", "offer", "agreement", "followup", "desk"),
    reads=("alert",),
    handles=HANDLED,
    # 2: debts of the plan; 3: figures of a breach; 4: send_until, other obligors; 5: withdrawals
    # 6: that a plan stands again; 7: contacts that may be made and are not on file yet, since when a message
    # is called for and a plan is in force again; 8: complaints that have their final response, questions
    # about satisfaction, credits, payments that came back
    schema_version=8,
)
