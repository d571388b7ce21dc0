"""The followup's document: the money received, the plan as it is kept, and the promises."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from shared.conduct import Agreed, Authority, OptOut, PastContact
from shared.contracts.agreement import DebtRate, RewardTerm
from shared.contracts.base import MoneyField, Percent
from shared.contracts.debts import PackId
from shared.contracts.decision import State
from shared.contracts.departures import Departure

__all__ = [
    "Apart",
    "Attempts",
    "ContactLedger",
    "Cooperation",
    "Credit",
    "CreditAsk",
    "DayMoney",
    "DebtMoney",
    "DebtShare",
    "Earlier",
    "FollowedPlan",
    "FollowupState",
    "FollowupStatus",
    "LateCharges",
    "Line",
    "LineState",
    "Pause",
    "Problem",
    "Promise",
    "PromiseState",
    "Returned",
    "Support",
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


class DebtShare(State):
    """What of an instalment is of one debt; `interest`: as in the instalment."""

    debt_id: str
    total: MoneyField
    interest: MoneyField | None = None


class DebtMoney(State):
    """An amount of one debt."""

    debt_id: str
    amount: MoneyField


class Apart(State):
    """A debt of the plan that was sold: what is dated after `since` and booked on it is the buyer's."""

    debt_id: str
    since: date


class Line(State):
    """What is due on a day in one currency; `until`: its last grace day; unpaid on `breach_on` it breaks.

    `interest` is the part of `total` that a lower rate makes less; None where the agreement did not say.
    `debts` are those that it pays off; none where the agreement did not say. `was_late`: it was paid late
    before that money came back, and paid again in the new grace it is paid late still. `shares` are its parts
    by debt; none where the agreement, or an older version, did not keep them.
    """

    number: int
    due: date
    until: date
    breach_on: date
    total: MoneyField
    interest: MoneyField | None = None
    debts: tuple[str, ...] = ()
    state: LineState = LineState.DUE
    was_late: bool = False
    shares: tuple[DebtShare, ...] = ()


class DayMoney(State):
    """What was received with one value date in one currency, less what of it was taken back.

    `on_no_debt` of it had no debt to go to; None: not known, of a document of before.
    """

    on: date
    amount: MoneyField
    on_no_debt: MoneyField | None = None


class Returned(State):
    """Money of the value date `on` that was taken back; the borrower is told on the day `told`."""

    on: date
    amount: MoneyField
    told: date


class Pause(State):
    """A time in which misses neither break a plan nor cost a reward, both days included."""

    since: date
    until: date


class LateCharges(State):
    """The late charges owed on a debt, as intake last said."""

    debt_id: str
    owed: MoneyField


class FollowedPlan(State):
    """A signed plan. Everything is judged up to and with the day `judged_to`.

    `replay`: a fact dated up to `judged_to` came since, so what was concluded is looked at again.
    `ended_on`: the day that the plan was completed or broken. In the pause for talks about a new plan
    (`paused_from` to `paused_until`) misses do not break it; talks that ended before its longest time left
    `pause_left` days, for talks that are taken up again. `unreported`: no report of the borrower's began the
    pause (a debt has left or come back, a stop is over). On `talks_over_on` they were last said to be over;
    `seeks`: no plan was found, so better evidence brings another round. New difficulties were last told on
    `told_on`; the plan was drawn up on `drafted_on`. `review_on` is the next review,
    `stretched_on` the same for a borrower who performs well; `review_open`: number `reviews` is due and not
    held yet.
    `rewarded_upto` is the last instalment that a reward was given for, `steps_given` the steps of the pack
    granted so far, `steps_worth` those up to the last that came to anything (None: not known, a document of
    before); `on_time_before` instalments were kept on time in a row under the plan before this one.
    `pauses` are those before the last, and the times of amendments that were withdrawn from. `cure_by`:
    notice of breach was given, and what is missing may be paid until then; it was given on `noticed_on`,
    also of a plan that is broken (None: by hand); `unserved`: it could not leave, so the plan does not break
    by it. To the next review the borrower is invited on `invite_on`, to the stretched one on
    `invite_well_on`; the last invitation was to that of `invited_for`.
    The open review came up on `review_asked_on` and is overdue on `review_late_on`;
    on `reviewed_on` one was last held, or passed, under this plan.
    `rate_cut_pct` is the share of the plan's rate that rewards have cut. `stops` are the times in which stop
    events left no debt of the plan to talk about: what was missed in them is never held against it. `silent`:
    contact is stopped now. `talks_after`: when the stops are over, a new plan is talked about first.
    `interest_rests`: they let no interest run, though the instalments hold it.
    `returns` was waived on condition, and is owed again if the plan breaks; so are the rates of the contract,
    where `rates_return` (`contract_rates`, of the debts whose rate is cut). `stays` was waived for good, with
    the signature or as a reward, under this plan or one that it amends. `found` is money dated before it that
    was told after the signing, by value date: it counts as if it had come on the effective day. `beside` is
    what came back of payments from before it: owed, and in none of its instalments. `came_back` is the same
    since it was completed, and counts once it is in force again, less what is paid for it before, apart.
    `unbooked` is money of it that no debt had room for when it came. `difficulty_lasts`: by the
    borrower's last word, or nobody knows how long.
    Of the debts `differing` the bank says that more is owed than the plan does, and nobody has said why.
    `apart` are debts that were sold, no part of which is asked for here any more; `returning` is `returns` by
    debt. `rewards` are the steps that were signed; None in plans of before, which go by the pack.
    `moved_since`: it was broken, and since then money has come, whatever its date, or another obligor's case
    has taken over a debt of it. `partly_stopped`: it was broken while one of its debts was stopped, which was
    told later, and somebody knows. `doubted`: it was broken, and a stop that began on the first of these days
    was told on the last, at whose close it is known whether it stands again. `stood` are the day on which it
    had been broken and that on which it stood again last. `bound` are the party ids of the co-borrowers who
    signed it, or what it amends.
    The rules of `pinned_on` hold for what was agreed; where there is none, those of the effective day.
    """

    agreement_id: str
    version: int
    policy: PackId
    policy_version: str
    effective: date
    pinned_on: date | None = None
    debts: tuple[str, ...]
    lines: tuple[Line, ...]
    judged_to: date
    review_on: date
    stretched_on: date
    replay: bool = False
    ended_on: date | None = None
    completed: bool = False
    paused_from: date | None = None
    paused_until: date | None = None
    pause_left: int = 0
    unreported: bool = False
    talks_over_on: date | None = None
    seeks: bool = False
    told_on: date | None = None
    drafted_on: date | None = None
    reviews: int = 0
    review_open: bool = False
    rewarded_upto: int = 0
    cooperated: bool = False
    support_offered: bool = False
    difficulty_lasts: bool = False
    steps_given: int = 0
    steps_worth: int | None = None
    on_time_before: int = 0
    pauses: tuple[Pause, ...] = ()
    cure_by: date | None = None
    noticed_on: date | None = None
    unserved: bool = False
    invite_on: date | None = None
    invite_well_on: date | None = None
    invited_for: date | None = None
    review_asked_on: date | None = None
    review_late_on: date | None = None
    reviewed_on: date | None = None
    rate_cut_pct: Percent = Decimal(0)
    stops: tuple[Pause, ...] = ()
    silent: bool = False
    talks_after: bool = False
    interest_rests: bool = False
    returns: tuple[MoneyField, ...] = ()
    rates_return: bool = False
    contract_rates: tuple[DebtRate, ...] = ()
    stays: tuple[MoneyField, ...] = ()
    differing: tuple[str, ...] = ()
    apart: tuple[Apart, ...] = ()
    returning: tuple[DebtMoney, ...] = ()
    found: tuple[DayMoney, ...] = ()
    beside: tuple[MoneyField, ...] = ()
    unbooked: tuple[MoneyField, ...] = ()
    came_back: tuple[MoneyField, ...] = ()
    rewards: tuple[RewardTerm, ...] | None = None
    moved_since: bool = False
    partly_stopped: bool = False
    doubted: Pause | None = None
    stood: Pause | None = None
    bound: tuple[str, ...] = ()


class Earlier(State):
    """The plan before an amendment that may be withdrawn from `until` a day; None: no last day is known."""

    plan: FollowedPlan
    until: date | None = None


class Cooperation(State):
    """What a borrower did in the talks and since, as the rules of cooperation count it.

    `statement`: one with every part was given. `told_late`: the last hardship was told after a miss.
    """

    statement: bool = False
    contacts_tried: int = 0
    contacts_answered: int = 0
    reviews_passed: int = 0
    told_late: bool = False


class Attempts(State):
    """Attempts to reach the borrower that led nowhere, one a day, since the borrower was last talked to.

    `before` is the one before the last. On `void_on` a halt, or a stop of one debt, began or ended: none of
    that day counts.
    """

    count: int = 0
    first: date | None = None
    last: date | None = None
    before: date | None = None
    void_on: date | None = None


class ContactLedger(State):
    """What the rules of contact ask about an attempt: clock, closed channels, complaints, what was before,
    which limits the borrower has agreed not to need, and who acts for them, past whom nobody is tried.

    `packs` are those of the case's debts; a person decided at `decided_at` that it goes on after attempts in
    vain. `complaints_over` have their final response.
    """

    packs: tuple[PackId, ...] = ()
    time_zone: str | None = None
    opt_outs: tuple[OptOut, ...] = ()
    complaints: tuple[str, ...] = ()
    complaints_over: tuple[str, ...] = ()
    decided_at: datetime | None = None
    recent: tuple[PastContact, ...] = ()
    authorities: tuple[Authority, ...] = ()
    agreed: tuple[Agreed, ...] = ()


class Problem(State):
    """Something noticed about a plan: whose it is, and by when; `overdue`: somebody else knows of it.

    `party_id`: the co-borrower who is to be told of it.
    """

    problem_id: str
    about: str
    owner: str | None
    opened_on: date
    due: date
    overdue: bool = False
    party_id: str | None = None


class Support(State):
    """The support group: whether it was offered, since when the borrower is in it, and the sessions."""

    offered: bool = False
    since: date | None = None
    sessions: tuple[str, ...] = ()
    held: int = 0
    attended: int = 0


class Credit(State):
    """What was paid beyond a plan in one currency: as last said, and how much of it has been dealt with.

    Each plan of a case has its own; that of a closed case also of nothing, for what may still come. `since`:
    the first day whose money the plan counts.
    """

    agreement_id: str
    found: MoneyField
    settled: MoneyField
    since: date = date.min


class CreditAsk(State):
    """What the bank was asked to pay out or move of a credit, and has not answered."""

    instruction_id: str
    amount: MoneyField
    agreement_id: str | None = None


class PromiseState(StrEnum):
    """What has been concluded about a promise."""

    OPEN = "open"
    KEPT = "kept"
    BROKEN = "broken"


class Promise(State):
    """A promise to pay `amount` from `made_on` to `due`; judged when `until` (with its grace) is closed.

    `shielded`: it was broken after a hardship was reported.
    """

    promise_id: str
    amount: MoneyField
    made_on: date
    due: date
    until: date
    state: PromiseState = PromiseState.OPEN
    shielded: bool = False


class FollowupState(State):
    """One case. `received` is by value date; what no plan and no promise can count any more is dropped.

    `look_on`: a payment came that a promise may count; promises are looked at when that day closes.
    `owner` is who is responsible for the plan, by staff id. Credits are the borrower's and outlive the case.
    `talks_ended_on`: an offer was refused or lapsed then, so the situation had been assessed. `late_since`:
    the oldest debt is past due since that day. `referred_on`: the case may go to the lawyers since;
    `referral_overridden`: it does not wait for anything; `referral_held_on`: it waits since, for a complaint,
    or, where it is `referral_void`, to be asked for again: it was made in a stop that was told later.
    `offer_stands`: something is on the table that the borrower may accept, or has accepted and not signed.
    `halted_on`: since that day stop events leave no debt to talk about, and no promise is judged.
    `completed_on`: the plan was completed then, and that stands; `planned` are the debts of its plans.
    `sold` are the debts of the case that have another creditor now. `earlier` are the plans that a withdrawal
    from their amendment would bring back, the latest last.
    `stop_told_on` is the last day on which the desk told of a stop, or of its end; `told_on` the last on
    which new difficulties were told while no plan was in force. `apart` are the debts of the case that are
    not talked about: stopped, with another creditor, or paid; `elsewhere` those of them that the case of
    another obligor holds.
    `departures` stand in the document of a partition's own key alone: who is away or has left, as a command
    said. `roster_asked_on` is the last evening on which it was asked whether those are there who are to solve
    problems on another's case.
    """

    case: str
    status: FollowupStatus = FollowupStatus.WAITING
    policy: PackId | None = None
    received: tuple[DayMoney, ...] = ()
    plan: FollowedPlan | None = None
    promises: tuple[Promise, ...] = ()
    charges: tuple[LateCharges, ...] = ()
    look_on: date | None = None
    owner: str | None = None
    returned: tuple[Returned, ...] = ()
    cooperation: Cooperation = Cooperation()
    promises_kept: int = 0
    promises_broken: int = 0
    problems: tuple[Problem, ...] = ()
    support: Support = Support()
    credits: tuple[Credit, ...] = ()
    credits_asked: tuple[CreditAsk, ...] = ()
    completed_on: date | None = None
    planned: tuple[str, ...] = ()
    sold: tuple[str, ...] = ()
    halted_on: date | None = None
    talks_ended_on: date | None = None
    late_since: date | None = None
    attempts: Attempts = Attempts()
    contacts: ContactLedger = ContactLedger()
    referred_on: date | None = None
    referral_overridden: bool = False
    referral_held_on: date | None = None
    referral_void: bool = False
    offer_stands: bool = False
    earlier: tuple[Earlier, ...] = ()
    stop_told_on: date | None = None
    told_on: date | None = None
    apart: tuple[str, ...] = ()
    elsewhere: tuple[str, ...] = ()
    departures: tuple[Departure, ...] = ()
    roster_asked_on: date | None = None
