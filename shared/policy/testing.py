"""A small policy in code, for tests of deciders: round numbers, no file, any value replaceable.

``example_policy(offers__max_rounds=2)`` is the example with one other value; keys use ``__`` for the dot.
Values are what a pack's TOML would say (amounts and decimals as strings).
"""

from datetime import date
from typing import Any, Final

from shared.policy.loader import PolicyBook, PolicyError, pack_from
from shared.policy.model import Pack, PolicyInForce
from shared.policy.testing_values import MORE_VALUES

EXAMPLE_ON: Final = date(2026, 3, 2)

_PACK: Final[dict[str, Any]] = {
    "id": "example-card",
    "name_en": "Example card",
    "name_zh": "示例信用卡",
    "jurisdiction": "CN",
    "lender_type": "bank",
    "languages": ["zh", "en"],
    "time_zone": "Asia/Shanghai",
    "currency": "CNY",
    "calendar": "CN",
    "product_kinds": ["card", "personal_loan"],
}
_INTEREST_FIRST = ["costs", "interest", "fees", "late_charges", "principal"]
_PRINCIPAL_FIRST = ["costs", "principal", "interest", "fees", "late_charges"]
_STATES = (
    *(("first_contact", "call_borrower", 2), ("statement", "collect_statement", 10)),
    *(("assessment", "complete_assessment", 3), ("offer", "table_offer", 2)),
    *(("answer", "hear_borrower", 10), ("approval", "decide_request", 3)),
    *(("signature", "collect_signatures", 5), ("instruction", "confirm_instruction", 3)),
    *(("performing", "watch_plan", 20), ("no_plan", "human_review", 3), ("stopped", "look_at_stop", 20)),
    *(("conversation_review", "review_conversation", 10), ("request_answer", "answer_request", 10)),
    ("training", "hold_training", 20),
    *(("moratorium_review", "review_moratorium", 5), ("mechanism_review", "review_mechanism", 10)),
)
_ALERTS = (
    *(
        ("instalment_missed", "medium", "call_about_instalment"),
        ("promise_broken", "medium", "ask_what_changed"),
    ),
    *(("borrower_silent", "low", "try_other_channel"), ("plan_broken", "high", "offer_reassessment")),
    ("bank_silent", "medium", "ask_bank"),
    *(("review_overdue", "low", "hold_review"), ("problem_overdue", "medium", "solve_problem")),
    *(("completion_undone", "high", "explain_return"), ("person_asked", "medium", "look_at_evidence")),
    *(("balance_differs", "medium", "reconcile_balance"), ("rate_differs", "medium", "reconcile_rate")),
    ("step_overdue", "medium", "do_step"),
    ("slow_worsening", "low", "talk_early"),
    ("complaint_unacknowledged", "medium", "acknowledge_complaint"),
    *(("complaint_overdue", "high", "answer_complaint"), ("contact_in_vain", "medium", "decide_contact")),
    ("mechanism_unreviewed", "high", "review_mechanism"),
    *(("calendar_missing", "medium", "get_calendar"), ("language_unspoken", "medium", "find_language")),
)

_VALUES: Final[dict[str, Any]] = {
    "amounts.rounding": "half_up",
    "amounts.day_count": "30/360",
    "allocation.bands": [
        {"from_days": 0, "order": _INTEREST_FIRST},
        {"from_days": 91, "order": _PRINCIPAL_FIRST},
    ],
    "allocation.debt_order": "oldest_due_first",
    "delinquency.buckets": [
        {"name": "current", "from_days": 0},
        {"name": "1-30", "from_days": 1},
        {"name": "31-60", "from_days": 31},
        {"name": "61-90", "from_days": 61},
        {"name": "91+", "from_days": 91},
    ],
    "delinquency.classes": [{"name": "normal", "from_days": 0}, {"name": "special_mention", "from_days": 1}],
    "term.max_months": 60,
    "term.min_payment": "100.00",
    "term.offered_months": [6, 12, 18, 24, 36, 48, 60],
    "rate.ceilings": [{"contract_from": date(2000, 1, 1), "lender_type": "bank", "all_in_pct": 24}],
    "rate.cuts_pct": [0, 50, 100],
    "rate.floor_pct": 0,
    "measures.grace_months": [0, 3],
    "measures.step_ups": [{"pct": 10, "every_months": 6}],
    "measures.min_days_past_due": {"rate_cut": 30},
    "measures.lump_sum_allowed": True,
    "measures.lump_sum_max_waived_pct": {"late_charges": 100, "interest": 50},
    "measures.lump_sum_not_from": ["borrowed"],
    "waiver.max_overdue_pct": {"late_charges": 100, "interest": 50},
    "waiver.authority": [
        {"role": "negotiator", "max_waived_pct": 5, "max_rate_cut_pct": 50},
        {"role": "supervisor", "max_waived_pct": 100, "max_rate_cut_pct": 100},
    ],
    "offers.max_ranked": 5,
    "offers.min_difference_pct": 10,
    "offers.validity_days": 15,
    "offers.max_rounds": 3,
    "offers.max_days": 60,
    "offers.first_due_min_days": 20,
    "offers.first_due_max_days": 60,
    "offers.approval_business_days": 3,
    "offers.token_payment": "50.00",
    "relief.part_forgiveness_max_pct": 0,
    "relief.holiday_months": [],
    "relief.season_max_months": 0,
    "relief.token_months": 6,
    "talks.interest": "runs",
    "talks.untested_ceiling": "said",
    "talks.history_tolerance_pct": "0.5",
    "talks.human_role": "supervisor",
    "talks.human_business_days": 2,
    "talks.strategies": [{"name": "champion", "share_pct": 100, "first": "best_balance"}],
    "value.discount_pct": 10,
    "value.discount_over": "",
    "value.redefault_model": "example-1",
    "value.redefault_by_margin": [],
    "value.redefault": [
        {"reduction_pct": -1000, "probability_pct": 50},
        {"reduction_pct": 10, "probability_pct": "28.8"},
        {"reduction_pct": 20, "probability_pct": "24.3"},
    ],
    "value.redefault_unknown_pct": "43.1",
    "value.redefault_measure": {"days_late": 60, "months": 6},
    "value.redefault_learning": {"prior_plans": 50, "min_plans": 40, "min_broken": 5},
    "value.redefault_after_payments": 6,
    "value.redefault_recovery_pct": 25,
    "value.redefault_recovery_month": 18,
    "value.no_deal_recovery_pct": 25,
    "value.no_deal_recovery_month": 12,
    "value.no_deal_cost_pct": 5,
    "value.substantial_modification_pct": 10,
    "assessment.required_parts": ["income", "spending", "dependants", "assets", "other_debts"],
    "assessment.statement_business_days": 10,
    "assessment.reminders_business_days": [5],
    "assessment.validity_days": 90,
    "assessment.unverified_income_pct": 100,
    "assessment.stress_income_drop_pct": 10,
    "assessment.stress_spending_rise_pct": 0,
    "assessment.stress_one_off": "0.00",
    "assessment.stress_one_off_months": 12,
    "assessment.guidelines": [
        {"category": "food", "by_household_size": ["1500.00", "2500.00"], "each_more": "800.00"}
    ],
    "assessment.saving_share_pct": 10,
    "assessment.saving_max": "200.00",
    "assessment.share_with_other_creditors": True,
    "assessment.temporary_hardship_months": 6,
    "assessment.variable_income_sources": ["self_employment"],
    "assessment.stress_variable_income_drop_pct": 20,
    "assessment.stress_rate_rise_pct": 2,
    "assessment.low_spending_pct": 50,
    "assessment.interview": [
        {"situation": "always", "questions": ["hardship_sudden", "paid_agent"]},
        {"situation": "job_loss", "questions": ["work_search"]},
    ],
    "assessment.treatments": [
        {"vulnerability": "mental_health", "treatments": ["more_time", "person_decides"]},
        {"vulnerability": "literacy", "treatments": ["simple_words", "more_time"]},
    ],
    "assessment.vulnerable_more_business_days": 10,
    "assessment.open_reminders_business_days": [],
    "assessment.referral_business_days": 3,
    "assessment.referral_role": "supervisor",
    "agreement.required_sections": ["debt_structure", "instalment_plan", "interest_and_fees"],
    "agreement.sign_business_days": 5,
    "agreement.cooling_off_days": 0,
    "agreement.stop_collection_on_sign": True,
    "agreement.instruction_business_days": 3,
    "agreement.observation_min_months": 12,
    "agreement.observation_min_periods": 2,
    "agreement.returns_on_breach": [],
    "agreement.balance_tolerance_pct": "0.5",
    "agreement.balance_billed_ahead_days": 31,
    "followup.grace_days": 3,
    "followup.underpayment_tolerance_pct": 1,
    "followup.review_months": 3,
    "followup.review_months_performing": 6,
    "followup.performing_on_time_in_a_row": 3,
    "followup.breach_missed_in_a_row": 2,
    "followup.breach_days_late": 60,
    "followup.promise_grace_days": 2,
    "followup.promise_tolerance_pct": 5,
    "followup.support_after_missed": 1,
    "alert.mechanism_review_months": 6,
    "alert.calendar_months_ahead": 0,
    "alert.silent_days": 15,
    "alert.early": [
        *({"rule": "paid_later", "in_a_row": 3}, {"rule": "paid_less", "in_a_row": 2}),
        {"rule": "unanswered", "in_a_row": 4},
    ],
    "alert.rules": [
        {
            "kind": kind,
            "severity": severity,
            "remedy": remedy,
            "owner_role": "negotiator",
            "business_days": 3,
            "escalate_to": "supervisor",
        }
        for kind, severity, remedy in _ALERTS
    ],
    "timetable.steps": [
        {
            "state": state,
            "action": action,
            "owner_role": "negotiator",
            "business_days": days,
            "escalate_to": "supervisor",
        }
        for state, action, days in _STATES
    ],
    "contact.quiet_from": "22:00",
    "contact.quiet_until": "08:00",
    "contact.max_effective_calls_per_day": 3,
    "contact.max_attempts_per_number_per_day": 6,
    "contact.max_calls_per_7_days": 0,
    "contact.cooldown_after_talk_days": 0,
    "contact.third_party_contact": "location_only",
    "moratorium.days": 0,
    "moratorium.review_from_day": 0,
    "moratorium.review_until_day": 0,
    "assignment.max_open_cases": 100,
    "assignment.certification_required": True,
    "team.remind_business_days": 2,
    "team.sampled_pct": 10,
    "team.trainings": [
        {"respect": "listening", "below": 3, "training": "active_listening"},
        {"respect": "empathy", "below": 3, "training": "talking_about_hardship"},
        {"respect": "conduct", "below": 4, "training": "rules_of_conduct"},
    ],
    "records.evidence_years": 5,
    "records.recording_until_settled": True,
    **MORE_VALUES,
}


def example_pack(pack: dict[str, Any] | None = None, **overrides: Any) -> Pack:
    """The example as a pack. ``pack`` replaces fields of its ``[pack]`` table (``{"currency": "USD"}``).

    Raises PolicyError naming the key for an unknown or invalid value. A pack cannot be changed: who asks for
    the same one again is given the same.
    """
    asked = repr((pack, sorted(overrides.items())))
    if asked not in _MADE:
        _MADE[asked] = _make(pack, overrides)
    return _MADE[asked]


_MADE: dict[str, Pack] = {}


def _make(pack: dict[str, Any] | None, overrides: dict[str, Any]) -> Pack:
    values = _VALUES | {key.replace("__", ".", 1): value for key, value in overrides.items()}
    document: dict[str, Any] = {"pack": _PACK | (pack or {})}
    for key, value in values.items():
        section, _, name = key.partition(".")
        entry = {"value": value, "clause": "-", "source": "assumption: example", "verified": False}
        document.setdefault(section, {})[name] = [entry]
    made, problems = pack_from(document, {}, "example")
    if made is None:
        raise PolicyError(*problems)
    return made


def example_policy(pack: dict[str, Any] | None = None, **overrides: Any) -> PolicyInForce:
    """The example's values in force, with any of them replaced: ``example_policy(term__max_months=12)``."""
    return example_pack(pack, **overrides).in_force(EXAMPLE_ON)


def example_book(*packs: Pack) -> PolicyBook:
    """A book of the given packs, or of the example alone."""
    return PolicyBook({pack.info.id: pack for pack in packs or (example_pack(),)})
