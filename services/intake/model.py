"""Intake's document: one customer, the debts with their ledgers, the payments, and who owns the case."""

from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any

from pydantic import model_validator

from services.intake.books import Debt, Payment
from shared.contracts.debts import DebtSnapshot, DebtStatus
from shared.contracts.decision import State
from shared.contracts.desk_team import AwayWhy
from shared.contracts.ids import case_id
from shared.contracts.intake import CloseReason, InstructionAbout
from shared.contracts.parties import ObligorRole, StopCause
from shared.contracts.reach import EarlierReach

__all__ = [
    "CaseStatus",
    "Elsewhere",
    "Finish",
    "Held",
    "Instruction",
    "IntakeState",
    "Leaving",
    "Party",
    "Plan",
    "StaffAway",
    "Stop",
    "Talk",
    "Watched",
]

# Instructions that are remembered: those of a few agreements; older answers still reach the current case.
_INSTRUCTIONS_KEPT = 16


class CaseStatus(StrEnum):
    """Where the customer stands."""

    NONE = "none"  # no overdue account was ever reported; money may wait for a case
    OPEN = "open"
    CLOSED = "closed"  # the last episode is over; the next overdue account opens another


class Party(State):
    """Another obligor of debts of the customer: own wishes and consents, whatever becomes of the debts."""

    party_id: str
    language: str | None = None
    channel: str | None = None
    opt_out: tuple[str, ...] = ()
    may_contact: bool = True
    may_discuss: bool = False


class Stop(State):
    """What stops debts, or protects a person: the customer, or the obligor `party_id`.

    `accounts`: the debts that it is about; none named, all of the customer's. One that has ended is kept with
    its day, so that an old word of it does not begin it again. `ends_on`: its last day, where a date ends it.
    `joint`: debts of the case that the obligor owes together with the customer, and that it stops for both.
    `told_on` and `lifted_on` are the days on which the desk told of it, and of its end.
    """

    stop_id: str
    cause: StopCause
    since: date
    accounts: tuple[str, ...] = ()
    party_id: str | None = None
    expected_end: date | None = None
    ended_on: date | None = None
    ends_on: date | None = None
    told_on: date | None = None
    lifted_on: date | None = None
    joint: tuple[str, ...] = ()

    def stops_debt(self, debt_id: str) -> bool:
        """Whether it stops a debt, and not only what is done to another obligor of it."""
        return debt_id in self.joint if self.party_id is not None else self.is_about(debt_id)

    def is_about(self, debt_id: str) -> bool:
        """Whether it is about a debt."""
        return not self.accounts or debt_id in self.accounts


class Held(State):
    """What the bank was told to stop about a debt because of stop events; of another obligor, `party_id`."""

    debt_id: str
    stops: tuple[str, ...]
    party_id: str | None = None


class Elsewhere(State):
    """A joint account that another obligor's case holds, by the bank's word as of a day: no more is known."""

    account_id: str
    role: ObligorRole | None
    as_of: date


# Which stop says where a debt stands, where there are several: the first.
_STOPPED_AS = (
    (DebtStatus.INSOLVENCY, {StopCause.INSOLVENCY}),
    (DebtStatus.LITIGATION, {StopCause.LITIGATION}),
    (DebtStatus.DISPUTED, {StopCause.DISPUTE, StopCause.IDENTITY_FRAUD}),
    (
        DebtStatus.HELD,
        {
            StopCause.BREATHING_SPACE,
            StopCause.CRISIS_BREATHING_SPACE,
            StopCause.DEATH,
            StopCause.LOST_CAPACITY,
            StopCause.MINOR,
        },
    ),
)


class Watched(State):
    """A debt of a plan whose balance is compared with the plan's. Amounts are minor units.

    `booked` and `charged`: what the bank's figures had added, in all and in fees and late charges, before
    the plan. `accrued`: the interest by the plan's `rate` up to the figure of the day `seen`; `owed`: the
    most that was owed since the figure before it, `since` the most since that of `seen`: what a payment in
    between reduced bore interest until then. A difference is said when the day `look_on` is closed;
    `told` is the one that a person looks into, `settled` the one that the bank has to correct.
    """

    debt_id: str
    booked: int
    charged: int
    rate: Decimal
    seen: date
    accrued: int = 0
    owed: int = 0
    since: int = 0
    look_on: date | None = None
    told: int | None = None
    settled: int | None = None


class Split(State):
    """How the instalments of a plan are split over its debts of one currency, in minor units.

    `before`: what had been paid on each before the plan. A row is the ordinal of a due day, then what is due
    of each debt, then the interest in that.
    """

    currency: str
    debts: tuple[str, ...]
    before: tuple[int, ...]
    rows: tuple[tuple[int, ...], ...]


class Plan(State):
    """The signed plan that is in force, its debts, and those of the case that it leaves to a person.

    Money dated from `effective` on is allocated by `splits`, where that is known.
    `rate_cut_pct` is the share of the rate that rewards have cut under it. `came_back`: it was completed by
    money of which some came back.
    """

    agreement_id: str
    debts: tuple[str, ...]
    watched: tuple[Watched, ...] = ()
    apart: tuple[str, ...] = ()
    effective: date | None = None
    splits: tuple[Split, ...] = ()
    rate_cut_pct: Decimal = Decimal(0)
    came_back: bool = False


class Instruction(State):
    """An instruction to the bank: the case it is about, the waiver it carries, and the day of the answer.

    Either part may come first.
    """

    instruction_id: str
    about: InstructionAbout | None = None
    episode: int | None = None
    waiver: str | None = None
    answered_on: date | None = None


class Finish(State):
    """The case ends on this day, if nobody else ends it before: what the plan was about is over."""

    on: date
    reason: CloseReason


class Talk(State):
    """A conversation that was drawn for review and has no scores yet; `also`: others who took part."""

    contact_id: str
    negotiator: str
    also: tuple[str, ...] = ()


class StaffAway(State):
    """Days on which a person owns no case, as a command said; `until` None: they have left for good."""

    staff: str
    since: date
    until: date | None = None


class Leaving(State):
    """The owner is going to be away from `since`: somebody else has the case from that day."""

    why: AwayWhy
    since: date
    until: date | None = None
    by: str
    reason: str


class IntakeState(State):
    """One customer. `episode` counts cases from 1 (0: none yet).

    `away` stands only in the documents that hold absences for a partition, which are no customer's.

    The owner has the case from `owned_since`; `owned_before` is the first day on which they may not have it
    any more, where one is known. `fulfilled` is a plan that was completed while other debts of
    the case go on: in force again where its payment comes back; `broken` is the one that was broken last: in
    force again where that was in a stop which was told later. `complaints_over` have their final response.
    """

    customer: str
    status: CaseStatus = CaseStatus.NONE
    episode: int = 0
    opened_on: date | None = None
    policy: str | None = None
    policy_version: str | None = None
    language: str = "en"
    region: str | None = None
    owner: str | None = None
    owned_since: date | None = None
    owned_before: date | None = None
    leaving: Leaving | None = None
    talks: tuple[Talk, ...] = ()
    debts: tuple[Debt, ...] = ()
    payments: tuple[Payment, ...] = ()
    plan: Plan | None = None
    earlier: tuple[Plan, ...] = ()
    fulfilled: Plan | None = None
    broken: Plan | None = None
    finish: Finish | None = None
    instructions: tuple[Instruction, ...] = ()
    parties: tuple[Party, ...] = ()
    stops: tuple[Stop, ...] = ()
    elsewhere: tuple[Elsewhere, ...] = ()
    away: tuple[StaffAway, ...] = ()
    held: tuple[Held, ...] = ()
    reach: EarlierReach = EarlierReach()
    complaints_over: tuple[str, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _of_version_3(cls, data: Any) -> Any:
        """Documents of version 2 held the owner's dates, those of version 3 steps, which are alert's now."""
        if not isinstance(data, dict):
            return data
        gone = {"timetable", "next_review", "stage", "stage_at", "steps"}
        return {name: value for name, value in data.items() if name not in gone}

    @property
    def is_open(self) -> bool:
        """Whether a case is open."""
        return self.status is CaseStatus.OPEN

    @property
    def case(self) -> str:
        """The case that speaks for the customer now: the last one, or the first one to come."""
        return case_id(self.customer, max(self.episode, 1))

    @property
    def of_case(self) -> tuple[Debt, ...]:
        """The debts of the last episode."""
        return tuple(debt for debt in self.debts if debt.episode == self.episode)

    @property
    def next_date(self) -> date | None:
        """The first business day whose close has work."""
        if self.away:
            return min((one.until for one in self.away if one.until is not None), default=None)
        if not self.is_open:
            # What was told to be stopped goes on when its day has come, whatever became of the case.
            ends = (stop.ends_on for stop in self.stops if stop.ended_on is None)
            return min((day for day in ends if day is not None), default=None)
        quiet = (debt.quiet_since for debt in self.of_case if debt.is_active and not self.plans(debt))
        stops = (stop.ends_on for stop in self.stops if stop.ended_on is None)
        looks = () if self.plan is None else (watched.look_on for watched in self.plan.watched)
        finish = self.finish.on if self.finish else None
        days = (*quiet, *stops, *looks, self.last_day_owned, finish)
        return min((day for day in days if day is not None), default=None)

    @property
    def last_day_owned(self) -> date | None:
        """The last day of the owner, at whose close the case is handed over; None where none is known."""
        return self.owned_before - timedelta(days=1) if self.owned_before is not None else None

    def plans(self, debt: Debt) -> bool:
        """Whether a signed plan in force covers the debt."""
        return self.plan is not None and debt.debt_id in self.plan.debts

    def stopped(self, debt: Debt) -> DebtStatus | None:
        """Say what keeps a debt of the case out of plans; None where nothing does.

        A stop that protects another obligor leaves the customer's debt where it is, unless the pack says that
        it stops what they owe together.
        """
        return self._stopped_by(debt, (stop for stop in self.stops if stop.ended_on is None))

    def is_passed_by(self, debt: Debt, day: date) -> bool:
        """Whether stops keep money of `day` that names no account away from a debt.

        Money comes by the bank's topic: what the desk tells of a stop counts for it from the next day on.
        """
        stops = (
            stop
            for stop in self.stops
            if stop.told_on != day and (stop.ended_on is None or stop.lifted_on == day)
        )
        return self._stopped_by(debt, stops) is not None

    @staticmethod
    def _stopped_by(debt: Debt, stops: Iterable[Stop]) -> DebtStatus | None:
        causes = {stop.cause for stop in stops if stop.stops_debt(debt.debt_id)}
        return next((status for status, of in _STOPPED_AS if of & causes), None)

    def said_of(self, debt: Debt) -> DebtSnapshot:
        """Give a debt as downstream knows it."""
        return debt.snapshot(self.stopped(debt))

    def is_sold(self, debt_id: str) -> bool:
        """Whether a debt has another creditor now."""
        debt = self.debt(debt_id)
        return debt is not None and debt.status is DebtStatus.SOLD

    def keeps_open(self, debt: Debt) -> bool:
        """Whether a debt keeps the case open: an active one, or one that was sold with its signed plan."""
        return debt.is_active or (debt.status is DebtStatus.SOLD and self.plans(debt))

    @property
    def left_plan(self) -> tuple[str, ...]:
        """The debts that are out of the signed plan for now. One that was sold goes on in it."""
        out = {DebtStatus.RECALLED, DebtStatus.ELSEWHERE}
        return tuple(
            debt.debt_id
            for debt in self.of_case
            if self.plans(debt)
            and (debt.status in out or (debt.is_active and self.stopped(debt) is not None))
        )

    @property
    def beside_plan(self) -> tuple[str, ...]:
        """The overdue debts of the case that a plan in force does not cover."""
        return tuple(
            debt.debt_id
            for debt in self.of_case
            if self.plan is not None
            and debt.is_active
            and debt.is_late
            and not self.plans(debt)
            and debt.debt_id not in self.plan.apart
            and self.stopped(debt) is None
        )

    def held_elsewhere(self, account_id: str | None) -> Elsewhere | None:
        """Give what is known of a joint account that another case holds."""
        return next((item for item in self.elsewhere if item.account_id == account_id), None)

    def with_instruction(self, instruction: Instruction) -> "IntakeState":
        """Give the state with an instruction as it is known now, the oldest forgotten."""
        others = (i for i in self.instructions if i.instruction_id != instruction.instruction_id)
        return self.model_copy(update={"instructions": (*others, instruction)[-_INSTRUCTIONS_KEPT:]})

    def debt(self, debt_id: str) -> Debt | None:
        """Give one debt."""
        return next((debt for debt in self.debts if debt.debt_id == debt_id), None)

    def with_debt(self, debt: Debt) -> "IntakeState":
        """Give the state with a debt replaced or added."""
        if self.debt(debt.debt_id) is None:
            return self.model_copy(update={"debts": (*self.debts, debt)})
        debts = tuple(debt if other.debt_id == debt.debt_id else other for other in self.debts)
        return self.model_copy(update={"debts": debts})
