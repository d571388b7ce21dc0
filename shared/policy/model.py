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
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from shared.lending.affordability import SavingAllowance, Stress
from shared.lending.allocation import AllocationRules
from shared.lending.calendar import BusinessCalendar
from shared.lending.money import Money
from shared.lending.plan_model import (
    AuthorityTier,
    LenderValue,
    LumpSumRule,
    PlanLimits,
    RateCeiling,
    RedefaultRow,
    StepUp,
)
from shared.lending.rates import NoDealPath
from shared.policy import sections as s

# What a version says where every value in force is older than any date on file.
_START = "start"


class PolicyInfo(s.Section):
    """Who a pack is for."""

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{1,39}$")
    name_en: s.Name
    name_zh: s.Name
    jurisdiction: s.Name
    lender_type: s.Name
    languages: tuple[str, ...] = Field(min_length=1)
    time_zone: s.Name
    currency: str = Field(pattern=r"^[A-Z]{3}$")
    calendar: s.Name
    product_kinds: tuple[str, ...] = Field(min_length=1)


class PolicyValue(s.Section):
    """One dated entry of one value. ``effective_from`` None means: always."""

    effective_from: date | None = None
    value: Any
    clause: str
    source: str = Field(min_length=1)
    verified: bool


class PolicyInForce(BaseModel):
    """All values of a pack that are in force on one day.

    ``version`` names them exactly and is what a case pins: pack, the day the newest of them took effect,
    and a digest of them all, e.g. ``cn-card@2026-01-30#1f2e3d4c``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    pack: PolicyInfo
    version: str
    amounts: s.Amounts
    allocation: s.AllocationSection
    delinquency: s.Delinquency
    term: s.Term
    rate: s.Rate
    measures: s.Measures
    waiver: s.Waiver
    offers: s.Offers
    value: s.Value
    assessment: s.Assessment
    agreement: s.Agreement
    agreement_document: s.AgreementDocument
    followup: s.Followup
    alert: s.Alert
    timetable: s.Timetable
    contact: s.Contact
    moratorium: s.Moratorium
    assignment: s.Assignment
    records: s.Records

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
            max_months=self.term.max_months,
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
        )

    @cached_property
    def stress(self) -> Stress:
        return Stress(
            income_drop_pct=self.assessment.stress_income_drop_pct,
            spending_rise_pct=self.assessment.stress_spending_rise_pct,
            one_off=self.assessment.stress_one_off,
            one_off_months=self.assessment.stress_one_off_months,
        )

    @cached_property
    def saving_allowance(self) -> SavingAllowance:
        return SavingAllowance(self.assessment.saving_share_pct, self.assessment.saving_max)

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
        )


SECTIONS: dict[str, type[s.Section]] = {
    name: field.annotation
    for name, field in PolicyInForce.model_fields.items()
    if name != "pack" and isinstance(field.annotation, type) and issubclass(field.annotation, s.Section)
}


class Pack(s.Section):
    """One pack: who it is for, and every value as dated entries, oldest first."""

    info: PolicyInfo
    values: dict[str, tuple[PolicyValue, ...]]

    def entries_in_force(self, on: date) -> dict[str, PolicyValue]:
        """The entry of every value that holds on ``on``, by key."""
        return {key: _in_force(entries, on) for key, entries in self.values.items()}

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
        return PolicyInForce.model_validate(
            {"pack": self.info, "version": f"{self.info.id}@{since}#{digest}", **nested},
            context={"currency": self.info.currency},
        )


def _in_force(entries: tuple[PolicyValue, ...], on: date) -> PolicyValue:
    reached = [e for e in entries if e.effective_from is None or e.effective_from <= on]
    return reached[-1] if reached else entries[0]


def _canonical(pack_id: str, chosen: dict[str, PolicyValue]) -> str:
    values = {key: entry.value for key, entry in sorted(chosen.items())}
    return json.dumps([pack_id, values], sort_keys=True, separators=(",", ":"), default=str)
