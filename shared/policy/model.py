"""Policy packs: effective-dated values with their sources, and the typed view of those in force.

A pack is one jurisdiction and product. Each of its values is a list of dated entries, and each entry
carries the clause and source it rests on and whether that source was verified: true only where the text of
the rule itself was read or is quoted. The first entry of a value also holds before its date, because
nothing earlier is on file.
"""

import hashlib
import json
from datetime import date, timedelta
from functools import cached_property
from itertools import count
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from shared.lending.affordability import SavingAllowance, Stress
from shared.lending.allocation import AllocationRules
from shared.lending.calendar import BusinessCalendar, add_months
from shared.lending.money import Money
from shared.lending.plan_lender import LenderValue, MarginRow, RedefaultRow
from shared.lending.plan_model import (
    AuthorityTier,
    LumpSumRule,
    PlanLimits,
    RateCeiling,
    StepUp,
)
from shared.lending.rates import NoDealPath
from shared.policy import sections as s
from shared.policy import sections_agreement as a
from shared.policy import sections_conduct as c
from shared.policy.ruling import AGREED, LIVE, Ruling

# What a version says where every value in force is older than any date on file.
_START = "start"
ASSUMED: Final = "assumption:"
"""How the source of a value begins that no rule is known for."""


def unfounded(clause: str, source: str, *, verified: bool) -> list[str]:
    """A value rests on a clause of a source, or is an assumption and says so."""
    if not source.strip():
        return ["source: is empty"]
    if source.strip().startswith(ASSUMED):
        return ["verified: an assumption is not verified"] if verified else []
    return [] if clause.strip().strip("-–") else ["clause: is missing; only an assumption may do without"]


class Basis(s.Section):
    """What entries of the ``[pack]`` table rest on, as every value of a section says it for itself."""

    of: tuple[Literal["languages", "time_zone", "time_zones", "currency", "calendar"], ...] = Field(
        min_length=1
    )
    clause: str = Field(min_length=1)
    source: str = Field(min_length=1)
    verified: bool

    @model_validator(mode="after")
    def _founded(self) -> Self:
        for wrong in unfounded(self.clause, self.source, verified=self.verified):
            raise ValueError(wrong)
        return self


# What nobody has said the basis of: as good as an assumption, and named with those.
_UNSAID: Final = Basis.model_construct(
    of=(), clause="-", source=f"{ASSUMED} nobody has said what it rests on", verified=False
)


class PolicyInfo(s.Section):
    """Who a pack is for.

    ``time_zones`` are the others of the jurisdiction: while nobody knows a borrower's, it may be any of them.
    What decides by them is configuration like the sections, so ``basis`` says what it rests on.
    """

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{1,39}$")
    name_en: s.Name
    name_zh: s.Name
    jurisdiction: s.Name
    lender_type: s.Name
    languages: tuple[str, ...] = Field(min_length=1)
    time_zone: s.Name
    time_zones: tuple[s.Name, ...] = ()
    currency: str = Field(pattern=r"^[A-Z]{3}$")
    calendar: s.Name
    product_kinds: tuple[str, ...] = Field(min_length=1)
    basis: tuple[Basis, ...] = ()

    @model_validator(mode="after")
    def _once(self) -> Self:
        named = [name for row in self.basis for name in row.of]
        if len(set(named)) != len(named):
            raise ValueError("basis: each entry of the table rests on one row")
        return self

    def founded(self) -> dict[str, tuple[Any, Basis]]:
        """Give what decides of the table, by key, with what it rests on."""
        rests: dict[str, Basis] = {name: row for row in self.basis for name in row.of}
        names = ("calendar", "currency", "languages", "time_zone", "time_zones")
        return {f"pack.{name}": (getattr(self, name), rests.get(name, _UNSAID)) for name in names}


class PolicyValue(s.Section):
    """One dated entry of one value. ``effective_from`` None means: always.

    ``until`` is for what was made for a time: the last day on which it holds, the day before the next entry.
    """

    effective_from: date | None = None
    until: date | None = None
    value: Any
    clause: str = Field(min_length=1)
    source: str = Field(min_length=1)
    verified: bool


class PolicyInForce(BaseModel):
    """All values of a pack that are in force on one day, or that rule one case (`ruling_over`).

    ``version`` names them exactly and is what a case pins: pack, the day the newest of them took effect,
    and a digest of them all, e.g. ``cn-card@2026-01-30#1f2e3d4c``. ``live_version`` names those that the
    day rules; it is another one only where a case has pinned what was agreed earlier. Each section says
    which date rules it; a value that differs from its section says so itself.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    pack: PolicyInfo
    version: str
    live_version: str
    amounts: Annotated[s.Amounts, AGREED]
    allocation: Annotated[s.AllocationSection, LIVE]
    delinquency: Annotated[s.Delinquency, LIVE]
    term: Annotated[s.Term, AGREED]
    rate: Annotated[s.Rate, AGREED]
    measures: Annotated[s.Measures, AGREED]
    waiver: Annotated[s.Waiver, AGREED]
    offers: Annotated[s.Offers, AGREED]
    relief: Annotated[s.Relief, AGREED]
    value: Annotated[s.Value, AGREED]
    assessment: Annotated[s.Assessment, AGREED]
    agreement: Annotated[s.Agreement, AGREED]
    followup: Annotated[s.Followup, AGREED]
    alert: Annotated[s.Alert, LIVE]
    timetable: Annotated[s.Timetable, LIVE]
    contact: Annotated[s.Contact, LIVE]
    moratorium: Annotated[s.Moratorium, LIVE]
    assignment: Annotated[s.Assignment, LIVE]
    records: Annotated[s.Records, LIVE]
    team: Annotated[c.Team, LIVE]
    contact_rules: Annotated[c.ContactRules, LIVE]
    stop_events: Annotated[c.StopEvents, LIVE]
    reporting: Annotated[c.Reporting, LIVE]
    data_protection: Annotated[c.DataProtection, LIVE]
    retention: Annotated[c.Retention, LIVE]
    complaints: Annotated[c.Complaints, LIVE]
    legal_referral: Annotated[c.LegalReferral, LIVE]
    document: Annotated[a.Document, AGREED]
    cooling_off: Annotated[a.CoolingOff, AGREED]
    trial: Annotated[a.Trial, AGREED]
    observation: Annotated[a.Observation, AGREED]
    breach: Annotated[a.Breach, AGREED]
    incentives: Annotated[a.Incentives, AGREED]
    reviews: Annotated[a.Reviews, AGREED]
    talks: Annotated[a.Talks, AGREED]
    re_age: Annotated[a.ReAge, LIVE]

    @model_validator(mode="after")
    def _named_sets(self) -> Self:
        known = {one.name for one in self.incentives.sets}
        for arm in self.talks.strategies:
            if arm.incentives is not None and arm.incentives not in known:
                raise ValueError(f"talks.strategies: {arm.name}: incentives.sets has no {arm.incentives}")
        return self

    @model_validator(mode="after")
    def _announced(self) -> Self:
        if self.alert.calendar_months_ahead and not self.calendar.announced:
            raise ValueError(f"alert.calendar_months_ahead: no year of {self.pack.calendar} is announced: 0")
        return self

    @property
    def pack_id(self) -> str:
        return self.pack.id

    @property
    def currency(self) -> str:
        return self.pack.currency

    @cached_property
    def calendar(self) -> BusinessCalendar:
        return BusinessCalendar(self.pack.calendar)

    @cached_property
    def allocation_rules(self) -> AllocationRules:
        return self.allocation.rules()

    @cached_property
    def plan_limits(self) -> PlanLimits:
        """The limits of the search over plans, in the pack's currency."""
        return PlanLimits(
            rounding=self.amounts.rounding,
            max_months=min(self.term.max_months, self.re_age.workout_max_months or self.term.max_months),
            min_payment=self.term.min_payment,
            terms_months=self.term.offered_months,
            grace_months=self.measures.grace_months,
            step_ups=tuple(StepUp(row.pct, row.every_months) for row in self.measures.step_ups),
            rate_cuts_pct=self.rate.cuts_pct,
            rate_floor_pct=self.rate.floor_pct,
            rate_ceilings=tuple(
                RateCeiling(row.contract_from, row.all_in_pct)
                for row in self.rate.ceilings
                if row.lender_type == self.pack.lender_type
            ),
            max_waived_pct=self.waiver.max_overdue_pct,
            authority=tuple(
                AuthorityTier(row.role, row.max_waived_pct, row.max_rate_cut_pct)
                for row in self.waiver.authority
            ),
            value=self._lender_value(),
            max_ranked=self.offers.max_ranked,
            min_difference_pct=self.offers.min_difference_pct,
            first_due_max_days=self.offers.first_due_max_days,
            token_payment=self.offers.token_payment,
            lump_sum=(
                LumpSumRule(self.measures.lump_sum_max_waived_pct) if self.measures.lump_sum_allowed else None
            ),
            min_days_past_due=self.measures.min_days_past_due,
            max_forgiven_pct=self.relief.part_forgiveness_max_pct,
            holiday_months=self.relief.holiday_months,
            season_months=self.relief.season_max_months,
            token_months=self.relief.token_months,
            untested_to_person=self.talks.untested_ceiling == "person_looks",
        )

    @cached_property
    def stress(self) -> Stress:
        return Stress(
            income_drop_pct=self.assessment.stress_income_drop_pct,
            spending_rise_pct=self.assessment.stress_spending_rise_pct,
            one_off=self.assessment.stress_one_off,
            one_off_months=self.assessment.stress_one_off_months,
            variable_income_drop_pct=self.assessment.stress_variable_income_drop_pct,
            rate_rise_pct=self.assessment.stress_rate_rise_pct,
        )

    @cached_property
    def saving_allowance(self) -> SavingAllowance:
        return SavingAllowance(self.assessment.saving_share_pct, self.assessment.saving_max)

    @cached_property
    def contact_limits(self) -> tuple[c.ContactLimit, ...]:
        """The limits of contact that this pack sets, with what each counts; quiet hours are no figure."""
        figures, rules = self.contact, self.contact_rules
        rows = (
            ("effective_calls", figures.max_effective_calls_per_day, rules.max_effective_calls_per_day),
            ("attempts", figures.max_attempts_per_number_per_day, rules.max_attempts_per_number_per_day),
            ("calls", figures.max_calls_per_7_days, rules.max_calls_per_7_days),
            ("cooldown", figures.cooldown_after_talk_days, rules.cooldown_after_talk),
        )
        return tuple(
            c.ContactLimit(name=name, maximum=maximum, scope=scope)
            for name, maximum, scope in rows
            if maximum
        )

    def guideline(self, category: str, household_size: int) -> Money | None:
        """Monthly spending in ``category`` that is not questioned; None where the pack has none."""
        for row in self.assessment.guidelines:
            if row.category == category:
                known = len(row.by_household_size)
                size = max(household_size, 1)
                return row.by_household_size[min(size, known) - 1] + row.each_more * max(size - known, 0)
        return None

    def alert_rule(self, kind: str) -> s.AlertRule | None:
        """What is done about ``kind`` of alert; None where the pack does not know it."""
        return next((rule for rule in self.alert.rules if rule.kind == kind), None)

    def step(self, state: str) -> s.StepRow | None:
        """The action, owner and time limit of a case's state; None where the pack does not know it."""
        return next((step for step in self.timetable.steps if step.state == state), None)

    def deadline(self, start: date, business_days: int) -> date:
        """The business day by which something that started on ``start`` is due."""
        return self.calendar.add_business_days(start, business_days)

    def knows(self, year: int) -> bool:
        """Whether the business days of a year are known, or not announced by the year at all."""
        return self.alert.calendar_months_ahead == 0 or year in self.calendar.announced

    def unknown_year(self, on: date) -> tuple[int, date] | None:
        """The first year from that of ``on`` on that is not known, and since which business day it is missed.

        None where the calendar is not announced by the year.
        """
        ahead = self.alert.calendar_months_ahead
        if ahead == 0:
            return None
        year = next(year for year in count(on.year) if not self.knows(year))
        return year, self.calendar.next_business_day(add_months(date(year, 1, 1), -ahead))

    def late_until(self, due: date, days: int) -> date:
        """The last day to pay so many days late, which is never one on which banks are closed.

        Where there is no such day any more, the last date there is.
        """
        try:
            day = due + timedelta(days=days)
        except OverflowError:
            return date.max
        try:
            return self.calendar.next_business_day(day)
        except (OverflowError, ValueError):  # past the last date there is
            return day

    def first_due(self, on: date) -> date:
        """The earliest first due date of a plan that is tabled on ``on``: a business day."""
        return self.calendar.next_business_day(on + timedelta(days=self.offers.first_due_min_days))

    def _lender_value(self) -> LenderValue:
        value = self.value
        return LenderValue(
            discount_pct=value.discount_pct,
            redefault=tuple(
                RedefaultRow(row.reduction_pct, row.probability_pct / 100) for row in value.redefault
            ),
            unknown_probability=value.redefault_unknown_pct / 100,
            payments_before_redefault=value.redefault_after_payments,
            redefault_recovery_pct=value.redefault_recovery_pct,
            redefault_recovery_month=value.redefault_recovery_month,
            no_deal=NoDealPath(
                recovery_pct=value.no_deal_recovery_pct,
                recovery_month=value.no_deal_recovery_month,
                cost_pct=value.no_deal_cost_pct,
            ),
            by_margin=tuple(
                MarginRow(row.margin_pct, row.added_pct / 100) for row in value.redefault_by_margin
            ),
            model=value.redefault_model,
            substantial_pct=value.substantial_modification_pct,
        )

    def ruling_over(self, today: "PolicyInForce") -> "PolicyInForce":
        """These values, agreed earlier, with those of `today` wherever the day or the contract rules."""
        chosen: dict[str, Any] = {"pack": today.pack, "version": self.version, "live_version": today.version}
        for name, model in SECTIONS.items():
            then, now = getattr(self, name), getattr(today, name)
            values = {
                field: getattr(then if ruling(f"{name}.{field}") is AGREED else now, field)
                for field in model.model_fields
            }
            chosen[name] = model.model_validate(values)
        return PolicyInForce.model_validate(chosen)


SECTIONS: Final[dict[str, type[s.Section]]] = {
    name: field.annotation
    for name, field in PolicyInForce.model_fields.items()
    if name != "pack" and isinstance(field.annotation, type) and issubclass(field.annotation, s.Section)
}


_RULINGS: Final = {
    f"{section}.{name}": next(
        (
            found
            for found in (*field.metadata, *PolicyInForce.model_fields[section].metadata)
            if isinstance(found, Ruling)
        ),
        AGREED,
    )
    for section, model in SECTIONS.items()
    for name, field in model.model_fields.items()
}


def ruling(key: str) -> Ruling:
    """Which date rules the value at ``key`` (``"term.max_months"``). KeyError for a key there is not."""
    return _RULINGS[key]


class Pack(s.Section):
    """One pack: who it is for, and every value as dated entries, oldest first."""

    info: PolicyInfo
    values: dict[str, tuple[PolicyValue, ...]]

    def entries_in_force(self, on: date) -> dict[str, PolicyValue]:
        """The entry of every value that holds on ``on``, by key."""
        return {key: in_force_of(entries, on) for key, entries in self.values.items()}

    def dates(self) -> tuple[date, ...]:
        """Every day on which some value changes, ascending."""
        found = {e.effective_from for entries in self.values.values() for e in entries}
        return tuple(sorted(day for day in found if day is not None))

    def in_force(self, on: date) -> PolicyInForce:
        """The typed view of the values in force on ``on``."""
        chosen = self.entries_in_force(on)
        reached = [day for day in self.dates() if day <= on]
        since = reached[-1].isoformat() if reached else _START
        nested: dict[str, dict[str, Any]] = {}
        for key, entry in chosen.items():
            section, _, name = key.partition(".")
            nested.setdefault(section, {})[name] = entry.value
        digest = hashlib.sha256(_canonical(self.info.id, chosen).encode()).hexdigest()[:8]
        version = f"{self.info.id}@{since}#{digest}"
        return PolicyInForce.model_validate(
            {"pack": self.info, "version": version, "live_version": version, **nested},
            context={"currency": self.info.currency},
        )


def in_force_of(entries: tuple[PolicyValue, ...], on: date) -> PolicyValue:
    """Give the entry of a value that holds on a day; the first also holds before its date."""
    reached = [e for e in entries if e.effective_from is None or e.effective_from <= on]
    return reached[-1] if reached else entries[0]


def _canonical(pack_id: str, chosen: dict[str, PolicyValue]) -> str:
    values = {key: entry.value for key, entry in sorted(chosen.items())}
    return json.dumps([pack_id, values], sort_keys=True, separators=(",", ":"), default=str)
