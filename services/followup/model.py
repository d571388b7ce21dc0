"""The followup's document: the money received, the plan as it is kept, and the promises."""

from datetime import date
from enum import StrEnum

from shared.contracts.base import MoneyField
from shared.contracts.debts import PackId
from shared.contracts.decision import State

__all__ = [
    "DayMoney",
    "FollowedPlan",
    "FollowupState",
    "FollowupStatus",
    "LateCharges",
    "Line",
    "LineState",
    "Promise",
    "PromiseState",
]


class FollowupStatus(StrEnum):
    """Where the plan stands, and who acts next."""

    WAITING = "waiting"  # no plan yet: offer and agreement have the next step
    LIVE = "live"  # a plan is followed; its dates are here
    BROKEN = "broken"  # offer looks at the case again
    COMPLETED = "completed"  # every instalment is paid
    CLOSED = "closed"  # the case is closed; final


class LineState(StrEnum):
    """What has been concluded about an instalment."""

    DUE = "due"  # its day has not closed
    PARTIAL = "partial"  # part of it was there when its day closed; the grace days run
    LATE = "late"  # nothing was there when its day closed; the grace days run
    MISSED = "missed"  # the grace days have passed and it is not paid
    PAID = "paid"  # paid by the end of the grace days
    PAID_LATE = "paid_late"  # paid after them


class Line(State):
    """What is due on a day in one currency; `until`: its last grace day; unpaid on `breach_on` it breaks."""

    number: int
    due: date
    until: date
    breach_on: date
    total: MoneyField
    state: LineState = LineState.DUE


class DayMoney(State):
    """What was received with one value date in one currency, less what of it was taken back."""

    on: date
    amount: MoneyField


class LateCharges(State):
    """The late charges owed on a debt, as intake last said."""

    debt_id: str
    owed: MoneyField


class FollowedPlan(State):
    """A signed plan. Everything is judged up to and with the day `judged_to`.

    `replay`: a fact dated up to `judged_to` came since, so what was concluded is looked at again.
    `ended_on`: the day that the plan was completed or broken. In the pause for talks about a new plan
    (`paused_from` to `paused_until`) misses do not break it. `review_on` is the next review, `stretched_on`
    the same for a borrower who performs well; `review_open`: number `reviews` is due and not held yet.
    `rewarded_upto` is the last instalment that a reward was given for.
    """

    agreement_id: str
    version: int
    policy: PackId
    policy_version: str
    effective: date
    debts: tuple[str, ...]
    lines: tuple[Line, ...]
    judged_to: date
    review_on: date
    stretched_on: date
    replay: bool = False
    ended_on: date | None = None
    paused_from: date | None = None
    paused_until: date | None = None
    reviews: int = 0
    review_open: bool = False
    rewarded_upto: int = 0
    cooperated: bool = False
    support_offered: bool = False


class PromiseState(StrEnum):
    """What has been concluded about a promise."""

    OPEN = "open"
    KEPT = "kept"
    BROKEN = "broken"


class Promise(State):
    """A promise to pay `amount` from `made_on` to `due`; judged when `until` (with its grace) is closed."""

    promise_id: str
    amount: MoneyField
    made_on: date
    due: date
    until: date
    state: PromiseState = PromiseState.OPEN


class FollowupState(State):
    """One case. `received` is by value date; what no plan and no promise can count any more is dropped.

    `look_on`: a payment came that a promise may count; promises are looked at when that day closes.
    """

    case: str
    status: FollowupStatus = FollowupStatus.WAITING
    policy: PackId | None = None
    received: tuple[DayMoney, ...] = ()
    plan: FollowedPlan | None = None
    promises: tuple[Promise, ...] = ()
    charges: tuple[LateCharges, ...] = ()
    look_on: date | None = None
