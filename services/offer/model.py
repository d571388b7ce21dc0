"""The offer's document: what is owed, what the borrower can pay, and where the talks stand."""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from shared.contracts.base import MoneyField
from shared.contracts.debts import DebtSnapshot, Plan
from shared.contracts.decision import State
from shared.contracts.departures import Departure
from shared.contracts.desk import RefusalReason
from shared.contracts.desk_talks import MoneySource
from shared.contracts.reasons import ReasonCode
from shared.lending.money import Money

__all__ = [
    "Amounts",
    "Answered",
    "Assessed",
    "Dawn",
    "LaterCapacity",
    "OfferState",
    "OfferStatus",
    "Prepaid",
    "Refusals",
    "Request",
    "Shown",
    "ShownPlan",
    "Standing",
    "Stood",
    "Wish",
]

# Ids of offers and requests that are over, kept so that a late answer hears why at once.
_ANSWERED_KEPT = 12


class OfferStatus(StrEnum):
    """Where the talks stand, and who acts next."""

    WAITING = "waiting"  # no unexpired assessment (its dates are in assessment), or nothing is owed
    TABLED = "tabled"  # the borrower answers by `valid_until`
    APPROVAL = "approval"  # accepted; a role of the lender decides by the request's `due`
    AGREED = "agreed"  # agreement and followup have it: a draft, or a live plan
    LAPSED = "lapsed"  # nobody answered; the next round is tabled on `next_date`
    NO_PLAN = "no_plan"  # nothing affordable and allowed; searched again on `next_date`
    FAILED = "failed"  # rounds or time used up; new talks on `next_date`
    ENDED = "ended"  # the plan was broken or is over, the case is not; new talks on `next_date`
    CLOSED = "closed"  # final


class LaterCapacity(State):
    """From `start` on, the borrower can pay `now` a month, and `stress` under stress."""

    start: date
    now: MoneyField
    stress: MoneyField


class Assessed(State):
    """The latest assessment, in force up to and including `expires`. Amounts per month.

    `since` is the day on which these figures came. `later` are changes that are known already; `temporary`
    says that the difficulty is expected to end.
    """

    assessment_id: str
    version: int
    as_of: date
    expires: date
    now: MoneyField
    stress: MoneyField
    since: date
    later: tuple[LaterCapacity, ...] = ()
    temporary: bool = False


class Standing(State):
    """The offer of this round. Plans are kept without payments, which follow from their terms.

    `basis` digests the balances it was computed on, `figures` what the borrower could pay; `approvers` names
    the role that must agree, by plan. `pinned_on` is the day of the round's first offer, whose rules hold.
    `incentives` is the set that the case's arm has; None: everybody's.
    """

    offer_id: str
    round: int
    basis: str
    figures: str
    plans: tuple[Plan, ...]
    approvers: dict[str, str] = Field(default_factory=dict)
    tabled_on: date
    valid_until: date
    policy_version: str
    pinned_on: date | None = None
    incentives: str | None = None


class Request(State):
    """A request for approval of one plan, made on `asked_on`."""

    request_id: str
    plan_id: str
    role: str
    due: date
    asked_on: date | None = None


class Wish(State):
    """The borrower's last counter-offer of these talks.

    `source` is where a sum to be paid at once comes from. `noted_on`: it was offered on that day while
    nothing was on the table, or rates were stale, and waits for an offer that can answer it.
    """

    monthly: MoneyField | None = None
    first_due: date | None = None
    months: int | None = None
    lump_sum: MoneyField | None = None
    source: MoneySource | None = None
    noted_on: date | None = None


class ShownPlan(State):
    """A plan as the borrower saw it, with an amount for each of its currencies; `peaks` are the largest
    instalments."""

    instalments: int
    first_due: date
    totals: tuple[MoneyField, ...]
    firsts: tuple[MoneyField, ...]
    peaks: tuple[MoneyField, ...]


class Shown(State):
    """The plans of an offer of this round: a no is about what its sender saw, whatever has replaced it."""

    offer_id: str
    plans: tuple[ShownPlan, ...]


def _each(value: Any) -> Any:
    """Read an amount as documents up to version 6 had it: one, or none."""
    if value is None:
        return ()
    return (value,) if isinstance(value, Money | dict) else value


Amounts = Annotated[tuple[MoneyField, ...], BeforeValidator(_each)]
"""One amount for each currency that was refused."""


class Refusals(State):
    """What the borrower has said no to in these talks, and what other plans therefore have to be.

    `below`: each instalment is lower; `cheaper_than`: the total is; `fewer_than`: there are fewer of them;
    `later_than`: the first is due later; `too_late`: than the latest day that the pack allows, too. `why` is
    what was said last. Of plans in several currencies others are higher in none of them, and lower in one.
    """

    why: RefusalReason | None = None
    plans: tuple[ShownPlan, ...] = ()
    below: Amounts = ()
    cheaper_than: Amounts = ()
    fewer_than: int | None = None
    later_than: date | None = None
    too_late: bool = False


class Prepaid(State):
    """A payment in the talks that counts as the first instalment: plans begin a month later for it."""

    payment_id: str
    amount: MoneyField
    on: date


class Stood(State):
    """What a balance replaced on `on`, and what it had been made on: that day it is answered as it stood."""

    offer: Standing
    request: Request | None
    debts: tuple[DebtSnapshot, ...]
    debts_seen: int | None
    prepaid: Prepaid | None
    on: date


class Dawn(State):
    """How the talks stood when `day` began: since when they went on, and which debts they were about."""

    day: date
    started: date
    debts: tuple[str, ...]


class Answered(State):
    """An offer or request that is over, and what an answer to it hears."""

    id: str
    reason: ReasonCode


class OfferState(State):
    """One case. `talks` counts negotiations, `round` the rounds of this one, since `started`; the rules of
    `round_on`, when this round's first offer was tabled, hold until the round is over.

    `debts_seen` is the sequence of intake's latest word on the debts. `lender_refused`: in these talks no
    plan that needs approval is tabled any more. `live`: a signed plan is in force (talks about a new one
    leave it in force when they fail); `stands_since`: it was in force again then, its end undone.
    `refused_twice`: nor what needs a person's look only. `strategy` is
    the arm of the experiment that the case is in since plans were first tabled; `human_due` is until when a
    person gets in touch whom the borrower asked for. `figures_from`: older figures begin no talks, for the
    borrower has asked to renegotiate since. `halted_on`: since that day stop events leave no debt to talk
    about. `suspended`: a round was on the table then, and goes on when they are over. `apart` are the debts
    that the last plans left to a person, or that an earlier agreement binds: a person was asked to look at
    them. `counts_from` is the least payment in these talks that is the first instalment, as their offers
    say; `prepaid` is one that was.
    `stood` is what a balance of the day has replaced. `sought_until`: talks beside a live plan have found no
    other; up to that day better figures begin them again.
    `refusals` are what the borrower has said no to in these talks, `shown` what was on the table in this
    round. In `asked_in`, a round, a no was answered with the offer left standing, which is done once;
    `unmet` is what it asked for and no plan could give. `rests_at` is the moment of the latest fact that the
    table, or why nothing is on it, rests on. `stop_told_on` is the last day on which the desk told of a stop,
    or of its end. `failed_on` is when talks failed last, `failed_why` why; `gone_on` when a round that had
    had an offer was left without one. `dawn` is how the talks stood when a day began on which they went on:
    the last such day.
    `next_date` is the first day whose close has work. `departures` stand in the document of a partition's own
    key alone: who is away or has left, as a command said.
    """

    case: str
    status: OfferStatus
    policy: str
    debts: tuple[DebtSnapshot, ...]
    debts_seen: int | None = None
    assessed: Assessed | None = None
    figures_from: date | None = None
    talks: int = 0
    started: date | None = None
    round: int = 0
    round_on: date | None = None
    offer: Standing | None = None
    request: Request | None = None
    wish: Wish | None = None
    lender_refused: bool = False
    refused_twice: bool = False
    strategy: str | None = None
    human_due: date | None = None
    live: bool = False
    stands_since: date | None = None
    answered: tuple[Answered, ...] = ()
    next_date: date | None = None
    departures: tuple[Departure, ...] = ()
    halted_on: date | None = None
    suspended: bool = False
    stop_told_on: date | None = None
    failed_on: date | None = None
    failed_why: ReasonCode | None = None
    gone_on: date | None = None
    dawn: Dawn | None = None
    apart: tuple[str, ...] = ()
    counts_from: MoneyField | None = None
    prepaid: Prepaid | None = None
    stood: tuple[Stood, ...] = ()
    sought_until: date | None = None
    refusals: Refusals = Field(default_factory=Refusals)
    shown: tuple[Shown, ...] = ()
    asked_in: int | None = None
    unmet: Refusals | None = None
    rests_at: datetime | None = None

    def over(self, id_: str, reason: ReasonCode) -> tuple[Answered, ...]:
        """Give `answered` with one more id, the oldest forgotten."""
        kept = tuple(item for item in self.answered if item.id != id_)
        return (*kept, Answered(id=id_, reason=reason))[-_ANSWERED_KEPT:]

    def why_over(self, id_: str) -> ReasonCode | None:
        """Say why `id_` can no longer be answered; None where it is not known."""
        return next((item.reason for item in self.answered if item.id == id_), None)
