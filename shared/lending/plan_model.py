"""The words of the search over plans: debts, capacity, the policy's limits, plans and why.

All of it is data. Percentages are per cent (``Decimal("12.5")`` is 12.5 %). Reason codes are strings of
the shared catalogue of reason codes; their words are written elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum

from shared.lending.allocation import Component, Components
from shared.lending.money import Money, Rounding
from shared.lending.plan_lender import LenderValue
from shared.lending.rates import CashFlow
from shared.lending.schedule import Schedule, ScheduleTerms, dates_without


class MeasureKind(StrEnum):
    """What a plan changes in the debtor's favour."""

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


WAIVER_OF: Mapping[Component, MeasureKind] = {
    Component.LATE_CHARGES: MeasureKind.LATE_CHARGE_WAIVER,
    Component.INTEREST: MeasureKind.INTEREST_WAIVER,
    Component.FEES: MeasureKind.FEE_WAIVER,
    Component.PRINCIPAL: MeasureKind.PART_FORGIVENESS,
}


class CeilingTest(StrEnum):
    """What is known of a plan's all-in cost since the original advance, against the ceiling."""

    TESTED = "tested"
    NOT_TESTABLE = "not_testable"  # a debt's cash flows since its advance are not known
    NO_CEILING = "no_ceiling"


class NextStep(StrEnum):
    """What happens where no plan fits: always something, never silence."""

    HOLIDAY = "next_payment_holiday"
    REDUCED_PAYMENTS = "next_reduced_payments"
    TOKEN_PLAN = "next_token_plan"  # noqa: S105 - a token payment
    SUPPORT_GROUP = "next_support_group"
    DEBT_ADVICE = "next_debt_advice"
    HUMAN_REVIEW = "next_human_review"


@dataclass(frozen=True, slots=True)
class Reason:
    """A code and its parameters as strings, in order of name; amounts read ``1186.85 CNY``."""

    code: str
    params: tuple[tuple[str, str], ...] = ()

    @staticmethod
    def of(code: str, **params: object) -> Reason:
        shown = {
            name: f"{value} {value.currency}" if isinstance(value, Money) else str(value)
            for name, value in params.items()
        }
        return Reason(code, tuple(sorted(shown.items())))

    def as_dict(self) -> dict[str, str]:
        return dict(self.params)


@dataclass(frozen=True, slots=True)
class DebtTerms:
    """One debt as the search sees it: what is owed, the overdue part of it, and how it stands.

    ``history`` are the flows since the original advance (advances negative). With it the rate ceiling is
    tested from the advance; without it the ceiling is not testable: only the cost from today on is held
    against it. ``monthly_payment`` is the contractual payment: how much a plan lowers it decides the
    probability that the plan breaks. ``own`` are the limits of the debt's own policy, where plans are over
    debts of several; None: those of the plan.
    """

    debt_id: str
    outstanding: Components
    overdue: Components
    annual_rate_pct: Decimal
    days_past_due: int
    contract_date: date | None = None
    monthly_payment: Money | None = None
    history: tuple[CashFlow, ...] = ()
    own: PlanLimits | None = None

    @property
    def currency(self) -> str:
        return self.outstanding.currency

    def limits(self, whole: PlanLimits) -> PlanLimits:
        """The limits that rule it in a plan under ``whole``: those of its own policy, where it has one."""
        return whole if self.own is None else self.own

    def longest(self, whole: PlanLimits) -> int:
        """The most months that it may take to repay it: of its own policy, never more than of the plan."""
        return min(self.limits(whole).max_months, whole.max_months)

    def ceiling(self, whole: PlanLimits) -> Decimal | None:
        """The ceiling on its all-in cost, of its own policy."""
        return self.limits(whole).ceiling(self.contract_date)


@dataclass(frozen=True, slots=True)
class CapacityStep:
    """From ``start`` on, the borrower can pay ``now`` a month, and ``stress`` under stress."""

    start: date
    now: Money
    stress: Money


@dataclass(frozen=True, slots=True)
class Capacity:
    """What can be paid a month, today and under stress, later changes, and one payment at once.

    ``lump_sum`` is what the borrower could pay once and has offered; nobody is pressed for it.
    ``temporary`` says that the difficulty is expected to end, though nobody knows yet when.
    """

    now: Money
    stress: Money
    later: tuple[CapacityStep, ...] = ()
    lump_sum: Money | None = None
    temporary: bool = False

    def at(self, day: date) -> tuple[Money, Money]:
        """Capacity now and under stress for an instalment due on ``day``."""
        found = (self.now, self.stress)
        if not self.later:
            return found
        for step in sorted(self.later, key=lambda step: step.start):
            if step.start <= day:
                found = (step.now, step.stress)
        return found


@dataclass(frozen=True, slots=True)
class StepUp:
    """Payments grow by ``pct`` per cent every ``every_months`` months."""

    pct: Decimal
    every_months: int


@dataclass(frozen=True, slots=True)
class RateCeiling:
    """All-in rate that contracts from ``contract_from`` on may not exceed, in per cent a year."""

    contract_from: date
    all_in_pct: Decimal


@dataclass(frozen=True, slots=True)
class AuthorityTier:
    """What a role may grant alone: a share of the balance waived, and a cut of the rate, in per cent."""

    role: str
    max_waived_pct: Decimal
    max_rate_cut_pct: Decimal


@dataclass(frozen=True, slots=True)
class LumpSumRule:
    """Settling by one payment: what may be waived then, in per cent of each component outstanding."""

    max_waived_pct: Mapping[Component, Decimal]


@dataclass(frozen=True, slots=True)
class PlanLimits:
    """What the policy in force allows, in the currency of the debts. Plans are monthly.

    ``max_waived_pct`` caps waivers by component in per cent of what is *overdue*, ``max_forgiven_pct``
    what is forgiven of the principal outstanding. ``holiday_months`` are the holidays from payment that may
    be given, ``season_months`` how many months of a year a plan may leave out, ``token_months`` for how long
    a token payment is taken. ``untested_to_person``: a plan whose all-in cost cannot be tested needs a
    person's approval.
    ``min_days_past_due`` says from when on a measure may be used (absent: always; to forbid one, leave
    its options empty). ``authority`` ascends: the first tier is the negotiator's own.
    """

    rounding: Rounding
    max_months: int
    min_payment: Money
    terms_months: tuple[int, ...]
    grace_months: tuple[int, ...]
    step_ups: tuple[StepUp, ...]
    rate_cuts_pct: tuple[Decimal, ...]
    rate_floor_pct: Decimal
    rate_ceilings: tuple[RateCeiling, ...]
    max_waived_pct: Mapping[Component, Decimal]
    authority: tuple[AuthorityTier, ...]
    value: LenderValue
    max_ranked: int
    min_difference_pct: Decimal
    first_due_max_days: int
    token_payment: Money
    lump_sum: LumpSumRule | None = None
    min_days_past_due: Mapping[MeasureKind, int] = field(default_factory=dict)
    max_forgiven_pct: Decimal = Decimal(0)
    holiday_months: tuple[int, ...] = ()
    season_months: int = 0
    token_months: int = 0
    untested_to_person: bool = False

    @property
    def currency(self) -> str:
        return self.min_payment.currency

    def ceiling(self, contract_date: date | None) -> Decimal | None:
        """The ceiling for a contract of that date, if any; of an unknown date the lowest there is."""
        if contract_date is None:
            return min((row.all_in_pct for row in self.rate_ceilings), default=None)
        reached = [row for row in self.rate_ceilings if row.contract_from <= contract_date]
        return max(reached, key=lambda row: row.contract_from).all_in_pct if reached else None


@dataclass(frozen=True, slots=True)
class PlanSpec:
    """One combination of measures; with the debts and the limits it gives the whole plan again.

    ``first_due`` comes after a holiday of ``holiday`` months, in which nothing is paid and interest rests.
    In the calendar months of ``skips`` nothing falls due either, year after year.
    A debt whose own policy allows less of it takes what that allows (:mod:`shared.lending.plan_own`).
    """

    periods: int
    first_due: date
    grace: int = 0
    step: StepUp | None = None
    rate_cut_pct: Decimal = Decimal(0)
    waived_pct: tuple[tuple[Component, Decimal], ...] = ()
    lump_sum: bool = False
    holiday: int = 0
    skips: tuple[int, ...] = ()

    @property
    def instalments(self) -> int:
        """Instalments in all: those of the grace, in which interest alone is paid, and the others."""
        return self.periods + self.grace

    @property
    def months(self) -> int:
        """How long the plan takes, with a holiday and the months that are left out."""
        if not self.skips:
            return self.instalments + self.holiday
        last = dates_without(self.first_due, self.instalments, self.skips)[-1]
        span = (last.year - self.first_due.year) * 12 + last.month - self.first_due.month + 1
        return span + self.holiday

    @property
    def key(self) -> str:
        """A short name, unique among the combinations of one case."""
        step = f"s{self.step.pct:f}-{self.step.every_months}" if self.step else "s0"
        waived = "".join(f"{component.value[0]}{pct:f}" for component, pct in self.waived_pct) or "0"
        kind = "once" if self.lump_sum else f"m{self.periods}"
        kind += f".h{self.holiday}" if self.holiday else ""
        kind += ".x" + "-".join(map(str, self.skips)) if self.skips else ""
        return f"{kind}.g{self.grace}.{step}.r{self.rate_cut_pct:f}.w{waived}.{self.first_due:%Y%m%d}"


@dataclass(frozen=True, slots=True)
class DebtPlan:
    """One debt under a plan: its terms, its schedule, what is waived of it.

    ``balance`` is what was owed when the plan was computed; ``terms`` are those of the schedule, whose
    ``periods`` come after ``grace_periods``. ``all_in_pct`` is what the ceiling was tested on.
    """

    debt_id: str
    balance: Components
    waived: Components
    terms: ScheduleTerms
    schedule: Schedule
    apr_pct: Decimal | None
    all_in_pct: Decimal | None
    tested_from_advance: bool


@dataclass(frozen=True, slots=True)
class DueTotal:
    """What falls due on one day over all debts of the plan."""

    number: int
    due: date
    total: Money


@dataclass(frozen=True, slots=True)
class Plan:
    """One affordable plan over all debts of the case.

    ``headroom`` is the smallest distance between an instalment and the lower of the two capacities on
    its date; ``reduction_pct`` how much the plan lowers the contractual payment (None: not known).
    ``needs_approval`` names in ``approval_role`` who must agree; ``rank`` 1 is best for both sides.
    ``concession`` is what the lender gives up: waivers, and interest that the contract's rate would have
    brought on the same schedule. ``stress_margin_pct`` is what an instalment leaves, at the tightest, of the
    capacity under stress (None where it was not tested). ``redefault_model`` names the version behind
    ``redefault_probability``. ``modification_pct`` is the change of present value at the debts' original
    effective rates; from the policy's threshold on it is ``substantial``.
    """

    plan_id: str
    rank: int
    spec: PlanSpec
    measures: tuple[MeasureKind, ...]
    debts: tuple[DebtPlan, ...]
    payments: tuple[DueTotal, ...]
    total: Money
    interest: Money
    waived: Money
    apr_pct: Decimal | None
    npv: Money
    npv_no_deal: Money
    redefault_probability: Decimal
    reduction_pct: Decimal | None
    headroom: Money
    concession: Money
    stress_margin_pct: Decimal | None
    redefault_model: str
    modification_pct: Decimal | None
    substantial: bool
    ceiling: CeilingTest
    needs_approval: bool
    approval_role: str | None
    reasons: tuple[Reason, ...]

    @property
    def first_payment(self) -> Money:
        return self.payments[0].total

    @property
    def peak(self) -> Money:
        return max((row.total for row in self.payments), key=lambda money: money.minor)

    @property
    def last_due(self) -> date:
        return self.payments[-1].due


@dataclass(frozen=True, slots=True)
class NoPlan:
    """Nothing is affordable and allowed: why, what happens next, and the payments if lower ones are that.

    ``months`` is how long a holiday lasts, or how many ``payments`` there are: lower ones than a plan would
    have, or a token; ``payment`` is each of them, and ``most`` what could be paid in each of these months if
    nothing goes wrong, where that is more. All of it is forbearance: nothing is waived, nothing is
    tested against the lender's value, nobody needs to approve.
    """

    reason: Reason
    next_step: NextStep
    payment: Money | None = None
    months: int | None = None
    payments: tuple[DueTotal, ...] = ()
    most: Money | None = None


@dataclass(frozen=True, slots=True)
class Counter:
    """What the borrower asks for; what is None is left open."""

    monthly: Money | None = None
    first_due: date | None = None
    months: int | None = None
    lump_sum: Money | None = None


@dataclass(frozen=True, slots=True)
class Shown:
    """A plan as a borrower sees it: how many instalments, what they come to, and the first of them."""

    instalments: int
    total: Money
    first: Money

    def differs(self, instalments: int, total: int, first: int, pct: Decimal) -> bool:
        """Whether number, total or first instalment (minor units) are apart by ``pct`` per cent."""
        pairs = ((self.instalments, instalments), (self.total.minor, total), (self.first.minor, first))
        return any(a != b and abs(a - b) * 100 >= pct * max(a, b) for a, b in pairs)


@dataclass(frozen=True, slots=True)
class Refused:
    """What a borrower has said no to: plans like these, and what any other has to be.

    ``below``: every instalment is lower, ``cheaper_than``: so is the total, ``fewer_than``: there are fewer
    instalments. What is None is left open.
    """

    plans: tuple[Shown, ...] = ()
    below: Money | None = None
    cheaper_than: Money | None = None
    fewer_than: int | None = None

    def __bool__(self) -> bool:
        return self != Refused()

    @property
    def most(self) -> Money | None:
        """The most that an instalment may be."""
        return None if self.below is None else Money(self.below.minor - 1, self.below.currency)


@dataclass(frozen=True, slots=True)
class Nearest:
    """The allowed plan nearest to a wish; ``reasons`` say what would have to change for the wish itself."""

    plan: Plan
    granted: bool
    reasons: tuple[Reason, ...]
