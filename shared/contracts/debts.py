"""The parts that several producers share: debts, balances, schedules, plans."""

from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, ClassVar, Self

from pydantic import Field, StringConstraints, model_validator

from shared.contracts.base import AccountId, EffectivePercent, MoneyField, Part, Percent, Reason
from shared.contracts.parties import DebtObligor
from shared.lending.money import Money

__all__ = [
    "OUT_OF_PLAN",
    "PROTECTED",
    "Allocation",
    "Balances",
    "CurrencyPart",
    "DebtApart",
    "DebtFlow",
    "DebtLedger",
    "DebtPriority",
    "DebtSchedule",
    "DebtSnapshot",
    "DebtStatus",
    "Exchange",
    "InstalmentTotal",
    "Lateness",
    "Measure",
    "Plan",
    "PlanDebt",
    "ProductKind",
    "ScheduleRow",
    "Step",
]

PackId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{1,39}$")]


class ProductKind(StrEnum):
    """What kind of debt it is."""

    CARD = "card"
    PERSONAL_LOAN = "personal_loan"


class DebtStatus(StrEnum):
    """Where a debt stands. All are on the case; only ACTIVE debts come into a plan."""

    ACTIVE = "active"
    CURED = "cured"
    SOLD = "sold"
    RECALLED = "recalled"
    SETTLED = "settled"
    DISPUTED = "disputed"  # disputed, or said to be somebody else's
    LITIGATION = "litigation"
    INSOLVENCY = "insolvency"
    HELD = "held"  # the customer is protected: breathing space, death, lost capacity, a minor
    ELSEWHERE = "elsewhere"  # a joint debt that the case of another obligor holds now


PROTECTED = frozenset({DebtStatus.DISPUTED, DebtStatus.LITIGATION, DebtStatus.INSOLVENCY, DebtStatus.HELD})
# What takes a debt out of a plan that still asks for it; money that names no debt is put on none of them.
OUT_OF_PLAN = PROTECTED | {DebtStatus.RECALLED, DebtStatus.ELSEWHERE}


class DebtPriority(StrEnum):
    """Which debts are served first: those with a security, those that threaten the household, the rest."""

    SECURED = "secured"
    PRIORITY = "priority"
    ORDINARY = "ordinary"


class Balances(Part):
    """An amount by component, all in one currency. Late charges are 违约金 (once 滞纳金)."""

    principal: MoneyField
    interest: MoneyField
    fees: MoneyField
    late_charges: MoneyField

    @model_validator(mode="after")
    def _one_currency(self) -> Self:
        if len({m.currency for m in (self.principal, self.interest, self.fees, self.late_charges)}) != 1:
            raise ValueError("principal, interest, fees and late_charges must have one currency")
        return self


class DebtFlow(Part):
    """Money that moved on a debt since its original advance: advances negative, payments positive."""

    on: date
    amount: MoneyField


class DebtSnapshot(Part):
    """A debt as intake knows it on `as_of`. Amounts are what is owed in all, and the part that is overdue."""

    PRIVATE: ClassVar[tuple[str, ...]] = ("status",)

    debt_id: AccountId
    policy: PackId = Field(description="the policy pack that governs this debt")
    kind: ProductKind
    outstanding: Balances
    overdue: Balances
    annual_rate_pct: Percent
    days_past_due: int = Field(ge=0, le=36500)
    oldest_due: date | None = Field(default=None, description="due date of the oldest unpaid amount")
    contract_date: date
    contractual_payment: MoneyField | None = Field(default=None, description="the regular monthly payment")
    as_of: date
    status: DebtStatus = DebtStatus.ACTIVE
    priority: DebtPriority = DebtPriority.ORDINARY
    obligors: tuple[DebtObligor, ...] = Field(
        default=(), description="who owes it beside the customer of the case"
    )
    history: tuple[DebtFlow, ...] = Field(
        default=(),
        description="all flows since the original advance, said when they become known; none: as before",
    )
    history_as_of: date | None = Field(default=None, description="up to when the bank gave the flows")
    history_problem: Reason | None = Field(
        default=None, description="why the flows do not count: the all-in cost is then not testable"
    )
    re_aged: tuple[date, ...] = Field(
        default=(),
        description="days on which it was re-aged: by the bank, or by a plan signed while it was late",
    )
    bound_by: str | None = Field(
        default=None,
        description="the signed agreement of an earlier case that the bank got back, and that still binds",
    )
    bound_with: tuple[str, ...] = Field(
        default=(), description="party ids of the co-borrowers of the debt whom that binds, or what it amends"
    )

    @property
    def private_now(self) -> tuple[str, ...]:
        """The status, where it tells what protects the borrower; that a debt is settled or sold does not."""
        return self.PRIVATE if self.status in PROTECTED else ()


class Lateness(Part):
    """How late a debt is as its pack names it: the band that the days fall into, and the risk class."""

    debt_id: AccountId
    days_past_due: int = Field(ge=0, le=36500)
    bucket: str
    risk_class: str


class DebtLedger(Part):
    """What happened to a debt since it joined the case; for each component

    `opening + charges + corrections = paid + waived + outstanding`. Charges are what the bank reported as
    added in interest, fees and late charges; corrections (of either sign) are every other difference
    between the bank's figure and ours. Given with every event that changes it, in totals.
    """

    debt_id: AccountId
    opening: Balances
    charges: Balances
    corrections: Balances
    paid: Balances
    waived: Balances
    outstanding: Balances


class Allocation(Part):
    """How much of a payment went to which component of a debt."""

    debt_id: AccountId
    amounts: Balances


class ScheduleRow(Part):
    """One instalment of one debt: its parts add up to `total`; `balance` is the principal left after it."""

    number: int = Field(ge=1)
    due: date
    principal: MoneyField
    interest: MoneyField
    fees: MoneyField
    late_charges: MoneyField
    total: MoneyField
    balance: MoneyField


class DebtSchedule(Part):
    """The schedule of one debt under a plan."""

    debt_id: AccountId
    rows: tuple[ScheduleRow, ...]

    def accruing(self, annual_rate_pct: Decimal) -> tuple[Money, ...]:
        """Give what a yearly rate gives of each monthly row's interest, rounded down.

        The rest of it was owed before the plan: a lower rate makes that no less.
        """
        found = []
        for row in self.rows:
            owed = (row.principal + row.balance).minor
            gives = int(owed * annual_rate_pct / 1200)
            found.append(Money(min(gives, row.interest.minor), row.interest.currency))
        return tuple(found)


class InstalmentTotal(Part):
    """What the borrower pays on one day in one currency, over all debts of the plan."""

    number: int = Field(ge=1)
    due: date
    total: MoneyField


class Measure(StrEnum):
    """What a plan changes in the debtor's favour (Measures 2023 No. 1 Art. 19 has the same list)."""

    TERM_EXTENSION = "term_extension"
    STEP_UP = "step_up"
    GRACE = "grace"
    RATE_CUT = "rate_cut"
    LATE_CHARGE_WAIVER = "late_charge_waiver"
    INTEREST_WAIVER = "interest_waiver"
    FEE_WAIVER = "fee_waiver"
    PART_FORGIVENESS = "part_forgiveness"
    LUMP_SUM = "lump_sum"
    PAYMENT_HOLIDAY = "payment_holiday"
    SEASONAL_PAUSE = "seasonal_pause"
    TOKEN = "token"  # noqa: S105 - a token payment


Month = Annotated[int, Field(ge=1, le=12)]


class PlanDebt(Part):
    """The terms of one debt under a plan: enough to compute its schedule again from its balances."""

    debt_id: AccountId
    policy: PackId
    method: str = Field(description="the schedule's method, e.g. annuity, step_up, equal, lump_sum")
    instalments: int = Field(ge=1)
    first_due: date
    annual_rate_pct: Percent
    grace_periods: int = Field(default=0, ge=0)
    step_every: int = Field(default=0, ge=0)
    step_pct: Percent = Decimal(0)
    skips: tuple[Month, ...] = Field(
        default=(), max_length=11, description="calendar months (1 to 12) in which nothing falls due"
    )
    waived: Balances = Field(description="what is waived when the plan is signed")
    balance: Balances = Field(description="what was owed when the plan was computed")
    re_aged_after: int | None = Field(
        default=None,
        ge=0,
        description="of a debt past due: payments in a row after which it is shown as current; None: never, "
        "or not said",
    )


class Exchange(Part):
    """A rate of exchange that a plan rests on: one unit of `currency` was worth `per_unit` of `against`."""

    currency: str
    against: str
    per_unit: Decimal
    as_of: date
    source: str


class CurrencyPart(Part):
    """The part of a plan in one currency: amounts of several are never added up.

    `share_pct`: how much of what can be paid a month serves the debts in this currency.
    """

    currency: str
    share_pct: Percent
    exchange: Exchange | None = Field(default=None, description="None: the currency of the statement")
    measures: tuple[Measure, ...] = ()
    apr_pct: EffectivePercent | None = None
    redefault_pct: Percent | None = None
    redefault_model: str | None = None
    payment_reduction_pct: Decimal | None = None
    stress_margin_pct: Decimal | None = None
    modification_pct: Decimal | None = None
    substantial_modification: bool | None = None
    ceiling_test: str | None = None


class DebtApart(Part):
    """A debt of the case that a plan does not cover, and why: a person looks after it."""

    debt_id: AccountId
    reason: Reason


class NotCovered(StrEnum):
    """Why a debt of the case is out of reach of any plan. What protects a person is not told apart here."""

    SOLD = "sold"
    RECALLED = "recalled"
    ELSEWHERE = "elsewhere"
    STOPPED = "stopped"  # a dispute, a lawsuit, an insolvency, a protection of the customer


class DebtNotCovered(Part):
    """A debt of the case that no plan can be about now, and why."""

    debt_id: AccountId
    why: NotCovered


class Plan(Part):
    """One plan over all debts of a case but those `apart`; with `parts` where they have several currencies.

    A rate or share that cannot be given over several currencies is None here and stands in each part.
    """

    # Why it is proposed, and how it fits the household.
    PRIVATE: ClassVar[tuple[str, ...]] = ("reasons", "redefault_pct", "stress_margin_pct")

    plan_id: str
    rank: int = Field(ge=1)
    measures: tuple[Measure, ...]
    debts: tuple[PlanDebt, ...]
    payments: tuple[InstalmentTotal, ...]
    total_paid: tuple[MoneyField, ...] = Field(description="what the borrower pays in all, per currency")
    apr_pct: EffectivePercent | None = Field(
        default=None, description="all-in rate, EU APR formula, percent a year"
    )
    npv: tuple[MoneyField, ...] = Field(default=(), description="value for the lender, per currency")
    npv_no_deal: tuple[MoneyField, ...] = ()
    needs_approval: bool = False
    reasons: tuple[Reason, ...] = ()
    holiday_months: int = Field(default=0, ge=0, description="months without payment before the first")
    interest: tuple[MoneyField, ...] = Field(default=(), description="interest in what is paid, per currency")
    concession: tuple[MoneyField, ...] = Field(
        default=(), description="what the lender gives up: waivers and interest forgone, per currency"
    )
    redefault_pct: Percent | None = Field(default=None, description="chance that the plan breaks, per cent")
    redefault_model: str | None = Field(default=None, description="version of the figures behind it")
    payment_reduction_pct: Decimal | None = Field(
        default=None, description="how far the first payments lie below the contractual ones"
    )
    stress_margin_pct: Decimal | None = Field(
        default=None, description="what the tightest instalment leaves of the capacity under stress"
    )
    modification_pct: Decimal | None = Field(
        default=None, description="change of present value at the original effective rate"
    )
    substantial_modification: bool | None = None
    ceiling_test: str | None = Field(
        default=None, description="all-in cost since the advance: tested, not_testable or no_ceiling"
    )
    parts: tuple[CurrencyPart, ...] = Field(
        default=(), description="where a share was exchanged: one for each currency"
    )
    apart: tuple[DebtApart, ...] = Field(default=(), description="debts that are left to a person")
    not_covered: tuple[DebtNotCovered, ...] = Field(
        default=(), description="debts of the case that no plan can be about now"
    )
    sign_until: date | None = Field(
        default=None,
        description="the last day on which it may be signed: then a debt has to be charged off; None: none",
    )

    @property
    def without_private(self) -> Self:
        """What of it belongs into a document that is signed and kept as a whole."""
        return self.model_copy(update={"reasons": (), "redefault_pct": None, "stress_margin_pct": None})


class Step(Part):
    """One step of a case's timetable: what, by whom, by when (R17)."""

    name: str
    action: str
    owner_role: str
    due: date
