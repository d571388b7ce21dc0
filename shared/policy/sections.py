"""What a policy pack says, section by section: the typed values in force on one day.

The path of a value in a pack's TOML file is its path here: ``[offers] max_rounds`` is
``policy.offers.max_rounds``. Percentages are per cent, durations carry their unit in their name, amounts
are money of the pack's currency. No value has a default: what a pack leaves out is an error that names it.
"""

from datetime import date, time
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, model_validator

from shared.lending.allocation import AllocationBand, AllocationRules, Component, DebtOrder
from shared.lending.calendar import add_months
from shared.lending.delinquency import Bucket, bucket
from shared.lending.money import Money, Rounding
from shared.lending.plan_model import MeasureKind
from shared.policy.ruling import CONTRACT, LIVE


def _amount(value: Any, info: ValidationInfo) -> Money:
    if isinstance(value, Money):
        return value
    if not isinstance(value, str):
        raise ValueError('an amount is a string such as "200.00"')
    currency = (info.context or {}).get("currency")
    if currency is None:
        raise ValueError("an amount needs the currency of its pack")
    return Money.parse(value, currency)


def _decimal(value: Any) -> Any:
    # TOML floats are binary: refuse them, so that "12.5" in a pack is exactly 12.5.
    if isinstance(value, float):
        raise ValueError('a number with a decimal point is written as a string, e.g. "12.5"')
    return value


Amount = Annotated[Money, BeforeValidator(_amount)]
Pct = Annotated[Decimal, BeforeValidator(_decimal), Field(ge=0, le=1000)]
SignedPct = Annotated[Decimal, BeforeValidator(_decimal), Field(ge=-1000, le=1000)]
Days = Annotated[int, Field(ge=0, le=36500)]
Months = Annotated[int, Field(ge=0, le=1200)]
Count = Annotated[int, Field(ge=0, le=100000)]
Name = Annotated[str, Field(min_length=1, max_length=80)]


class Section(BaseModel):
    """A table of a pack; frozen, and strict about names."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Amounts(Section):
    """How amounts are computed."""

    rounding: Rounding
    day_count: Literal["30/360"]


class Band(Section):
    """From so many days past due, components are served in this order."""

    from_days: Days
    order: tuple[Component, ...]


class AllocationSection(Section):
    """The waterfall of a payment."""

    bands: tuple[Band, ...]
    debt_order: DebtOrder

    def rules(self) -> AllocationRules:
        return AllocationRules(
            bands=tuple(AllocationBand(band.from_days, band.order) for band in self.bands),
            debt_order=self.debt_order,
        )

    @model_validator(mode="after")
    def _complete(self) -> Self:
        self.rules()
        return self


class BucketRow(Section):
    """A named band of days past due."""

    name: Name
    from_days: Days


class Delinquency(Section):
    """How lateness is named: in bands of days past due, and in the risk classes that a bank reports."""

    buckets: tuple[BucketRow, ...]
    classes: tuple[BucketRow, ...]

    def bucket_of(self, days: int) -> str:
        return bucket(days, [Bucket(row.name, row.from_days) for row in self.buckets])

    def class_of(self, days: int) -> str:
        return bucket(days, [Bucket(row.name, row.from_days) for row in self.classes])

    @model_validator(mode="after")
    def _ascend(self) -> Self:
        for rows in (self.buckets, self.classes):
            starts = [row.from_days for row in rows]
            if starts[:1] != [0] or starts != sorted(set(starts)):
                raise ValueError("bands begin with 0 days and ascend")
        return self


class Term(Section):
    """How long and how small a plan may be."""

    max_months: Annotated[int, Field(ge=1, le=600)]
    min_payment: Amount
    offered_months: tuple[Annotated[int, Field(ge=1, le=600)], ...]


class CeilingRow(Section):
    """All-in rate that contracts of this lender type may not exceed from a contract date on."""

    contract_from: date
    lender_type: Name
    all_in_pct: Pct


class Rate(Section):
    """What interest a plan may bear."""

    ceilings: Annotated[tuple[CeilingRow, ...], CONTRACT]
    cuts_pct: tuple[Pct, ...]
    floor_pct: Pct


class StepUpRow(Section):
    """Payments grow by so many per cent every so many months."""

    pct: Pct
    every_months: Annotated[int, Field(ge=1, le=120)]


# As a borrower may say it (`shared.contracts.desk_talks.MoneySource`).
MoneyFrom = Literal[
    "savings",
    "relatives",
    "severance",
    "insurance",
    "inheritance",
    "sale_of_assets",
    "sale_of_home",
    "borrowed",
    "other",
]


class Measures(Section):
    """Which measures may be combined."""

    grace_months: tuple[Months, ...]
    step_ups: tuple[StepUpRow, ...]
    min_days_past_due: dict[MeasureKind, Days]
    lump_sum_allowed: bool
    lump_sum_max_waived_pct: dict[Component, Pct]
    lump_sum_not_from: tuple[MoneyFrom, ...]


class TierRow(Section):
    """What a role may grant alone."""

    role: Name
    max_waived_pct: Pct
    max_rate_cut_pct: Pct


class Waiver(Section):
    """What may be waived (per cent of what is overdue, by component), and by whom."""

    max_overdue_pct: dict[Component, Pct]
    authority: Annotated[tuple[TierRow, ...], Field(min_length=1)]


class Offers(Section):
    """Rounds and offers."""

    max_ranked: Annotated[int, Field(ge=1, le=20)]
    min_difference_pct: Pct
    validity_days: Annotated[int, Field(ge=1, le=365)]
    max_rounds: Annotated[int, Field(ge=1, le=50)]
    max_days: Annotated[int, Field(ge=1, le=730)]
    first_due_min_days: Days
    first_due_max_days: Days
    approval_business_days: Days
    token_payment: Amount


class Relief(Section):
    """Help beside the waiver of charges: forgiving part of the principal, pauses, token payments."""

    part_forgiveness_max_pct: Annotated[Decimal, BeforeValidator(_decimal), Field(ge=0, le=100)]
    holiday_months: tuple[Months, ...]
    season_max_months: Annotated[int, Field(ge=0, le=11)]
    token_months: Annotated[int, Field(ge=1, le=60)]


class RedefaultRowSection(Section):
    """From this payment reduction on, so many plans in a hundred break."""

    reduction_pct: SignedPct
    probability_pct: Pct


class MarginRowSection(Section):
    """From this stress margin on, so many more (or, negative, fewer) plans in a hundred break."""

    margin_pct: SignedPct
    added_pct: SignedPct


class RedefaultMeasure(Section):
    """When a plan counts as broken for the table: so many days late within so many months of signing."""

    days_late: Annotated[int, Field(ge=1, le=3660)]
    months: Annotated[int, Field(ge=1, le=60)]


class RedefaultLearning(Section):
    """How `parley calibrate` learns from one's own plans.

    The published figures count as much as ``prior_plans`` plans in each row. Of fewer than ``min_plans``
    plans whose time is up, or fewer than ``min_broken`` of them broken, nothing is learnt.
    """

    prior_plans: Annotated[int, Field(ge=1, le=100000)]
    min_plans: Annotated[int, Field(ge=1, le=1000000)]
    min_broken: Annotated[int, Field(ge=1, le=1000000)]


class Value(Section):
    """What a plan is worth to the lender, and what no plan is worth.

    `discount_pct` comes on top of the reference rate named by `discount_over`; alone where that is empty.
    """

    discount_pct: Pct
    discount_over: Annotated[str, Field(max_length=40)]
    redefault_model: Name
    redefault_by_margin: tuple[MarginRowSection, ...]
    redefault: Annotated[tuple[RedefaultRowSection, ...], Field(min_length=1)]
    redefault_unknown_pct: Pct
    redefault_measure: RedefaultMeasure
    redefault_learning: RedefaultLearning
    redefault_after_payments: Count
    redefault_recovery_pct: Pct
    redefault_recovery_month: Months
    no_deal_recovery_pct: Pct
    no_deal_recovery_month: Months
    no_deal_cost_pct: Pct
    substantial_modification_pct: Pct


class GuidelineRow(Section):
    """Monthly spending that is not questioned: one amount per household size from 1, and per head beyond."""

    category: Name
    by_household_size: Annotated[tuple[Amount, ...], Field(min_length=1)]
    each_more: Amount


class InterviewRow(Section):
    """What an interview asks in one situation: always, for a cause of hardship, for a source of income."""

    situation: Name
    questions: Annotated[tuple[Name, ...], Field(min_length=1)]


class TreatmentRow(Section):
    """How a borrower is treated in one kind of vulnerable circumstances."""

    vulnerability: Name
    treatments: Annotated[tuple[Name, ...], Field(min_length=1)]


class Assessment(Section):
    """What is asked of the borrower, and how capacity follows from it."""

    required_parts: tuple[Name, ...]
    statement_business_days: Days
    reminders_business_days: tuple[Days, ...]
    validity_days: Annotated[int, Field(ge=1, le=3660)]
    unverified_income_pct: Pct
    stress_income_drop_pct: Pct
    stress_spending_rise_pct: Pct
    stress_one_off: Amount
    stress_one_off_months: Annotated[int, Field(ge=1, le=120)]
    guidelines: tuple[GuidelineRow, ...]
    saving_share_pct: Pct
    saving_max: Amount
    share_with_other_creditors: bool
    temporary_hardship_months: Months
    variable_income_sources: tuple[Name, ...]
    stress_variable_income_drop_pct: Pct
    stress_rate_rise_pct: Pct
    low_spending_pct: Pct
    interview: tuple[InterviewRow, ...]
    treatments: tuple[TreatmentRow, ...]
    vulnerable_more_business_days: Days
    open_reminders_business_days: tuple[Days, ...]
    referral_business_days: Days
    referral_role: Name

    def is_temporary(self, since: date, expected_end: date | None) -> bool:
        """Whether a difficulty ends within ``temporary_hardship_months``; not where nobody knows its end."""
        if expected_end is None:
            return False
        try:
            return expected_end <= add_months(since, self.temporary_hardship_months)
        except (OverflowError, ValueError):  # the limit is past the last date there is
            return True


class Agreement(Section):
    """The formal document.

    ``returns_on_breach`` names the concessions that hold only while the plan is kept: parts of what is waived
    with the signature, and the lower rate; what vests as a reward never returns. The bank's balance of a
    debt may differ from the plan's by `balance_tolerance_pct` of it; interest may be billed
    `balance_billed_ahead_days` before it has accrued.
    """

    required_sections: tuple[Name, ...]
    sign_business_days: Days
    cooling_off_days: Days
    stop_collection_on_sign: Annotated[bool, LIVE]
    instruction_business_days: Annotated[Days, LIVE]
    observation_min_months: Months
    observation_min_periods: Count
    balance_tolerance_pct: Annotated[Pct, LIVE]
    balance_billed_ahead_days: Annotated[Days, LIVE]
    returns_on_breach: tuple[Literal["principal", "interest", "fees", "late_charges", "rate"], ...]


class Followup(Section):
    """How a signed plan is kept, rewarded and broken."""

    grace_days: Days
    underpayment_tolerance_pct: Pct
    review_months: Annotated[int, Field(ge=1, le=60)]
    review_months_performing: Annotated[int, Field(ge=1, le=60)]
    performing_on_time_in_a_row: Count
    breach_missed_in_a_row: Annotated[int, Field(ge=1, le=60)]
    breach_days_late: Annotated[int, Field(ge=1, le=3660)]
    promise_grace_days: Days
    promise_tolerance_pct: Pct
    support_after_missed: Annotated[int, Field(ge=1, le=60)]


class AlertSeverity(StrEnum):
    """How urgent an alert is."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class AlertRule(Section):
    """What is done about one kind of alert, by whom, by when, and who hears of it otherwise."""

    kind: Name
    severity: AlertSeverity
    remedy: Name
    owner_role: Name
    business_days: Days
    escalate_to: Name


class EarlyRule(Section):
    """What shows that a plan which is still kept goes slowly worse (R62), from how many in a row on.

    ``paid_later``: instalments each paid longer after the due date than the one before. ``paid_less``: the
    part paid by the due date each time smaller. ``unanswered``: attempts at contact that nobody answered.
    """

    rule: Literal["paid_later", "paid_less", "unanswered"]
    in_a_row: Annotated[int, Field(ge=1, le=24)]


class Alert(Section):
    """When something is abnormal; a rule of early warning that is not named does not hold.

    So many months after a review of the whole mechanism the next one is due (R70). So many before a year
    begins somebody hears that its business days are not known; 0: the calendar is not announced by the year.
    """

    mechanism_review_months: Annotated[int, Field(ge=1, le=60)]
    calendar_months_ahead: Annotated[int, Field(ge=0, le=11)]
    silent_days: Annotated[int, Field(ge=1, le=365)]
    rules: tuple[AlertRule, ...]
    early: tuple[EarlyRule, ...]

    @model_validator(mode="after")
    def _once(self) -> Self:
        if len({rule.kind for rule in self.rules}) != len(self.rules):
            raise ValueError("each kind of alert has one rule")
        if len({rule.rule for rule in self.early}) != len(self.early):
            raise ValueError("each rule of early warning is named once")
        return self


class StepRow(Section):
    """What happens in one state of a case: the action, who does it, in how many business days."""

    state: Name
    action: Name
    owner_role: Name
    business_days: Days
    escalate_to: Name


class Timetable(Section):
    """Every state of a case has an action, an owner and a time limit (R17)."""

    steps: tuple[StepRow, ...]

    @model_validator(mode="after")
    def _once(self) -> Self:
        if len({step.state for step in self.steps}) != len(self.steps):
            raise ValueError("each state has one step")
        return self


class Contact(Section):
    """When and how often a borrower may be contacted; 0 means that no limit of that kind is set."""

    quiet_from: time
    quiet_until: time
    max_effective_calls_per_day: Count
    max_attempts_per_number_per_day: Count
    max_calls_per_7_days: Count
    cooldown_after_talk_days: Days
    third_party_contact: Literal["forbidden", "location_only"]


class Moratorium(Section):
    """A legal breathing space; 0 days where the jurisdiction has none."""

    days: Days
    review_from_day: Days
    review_until_day: Days


class Assignment(Section):
    """Who may own a case."""

    max_open_cases: Annotated[int, Field(ge=1, le=100000)]
    certification_required: bool


class Records(Section):
    """How long evidence is kept."""

    evidence_years: Annotated[int, Field(ge=1, le=100)]
    recording_until_settled: bool
