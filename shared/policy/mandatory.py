"""What a pack must say itself, by jurisdiction: the points on which the common file is no answer.

Structure only, no figures: which values a jurisdiction has rules of its own for, which sections a document
must have there, and what a statutory breathing space must stop.
"""

from collections.abc import Set
from typing import Final

from shared.policy.model import PolicyInForce

__all__ = ["lacking"]

# Everywhere: amounts and household figures are of the pack's own currency.
_EVERYWHERE: Final = ("term.min_payment", "offers.token_payment", "assessment.guidelines")

_STATED: Final[dict[str, tuple[str, ...]]] = {
    "CN": (
        *("allocation.bands", "rate.ceilings", "agreement.observation_min_months"),
        *("agreement.observation_min_periods", "contact.quiet_from", "contact.quiet_until"),
        *("contact.max_effective_calls_per_day", "contact.max_attempts_per_number_per_day"),
        *("contact.third_party_contact", "contact_rules.third_parties", "contact_rules.forbidden_acts"),
        *("document.clauses", "document.late_charge_name_zh", "document.forbidden_words_zh"),
        *("document.complaint_routes", "records.evidence_years", "data_protection.person_on_request"),
        *("reporting.overdue_kept_years", "reporting.overdue_kept_from"),
    ),
    "US": (
        *("contact.quiet_from", "contact.quiet_until", "contact.max_calls_per_7_days"),
        *("contact.cooldown_after_talk_days", "contact_rules.max_calls_per_7_days"),
        *("contact_rules.cooldown_after_talk", "rate.ceilings", "records.evidence_years"),
        *("re_age.min_account_months", "re_age.min_payments_in_a_row", "re_age.max_in_12_months"),
        *("re_age.max_in_60_months", "re_age.workout_max_months", "document.complaint_routes"),
    ),
    "UK": (
        *("moratorium.days", "moratorium.review_from_day", "moratorium.review_until_day"),
        *("measures.lump_sum_allowed", "measures.lump_sum_not_from", "contact_rules.never_press_for"),
        "stop_events.breathing_space",
        *("stop_events.crisis_breathing_space", "agreement.required_sections", "document.clauses"),
        *("document.complaint_routes", "talks.interest", "talks.late_charges"),
    ),
    "EU": (
        *("agreement.observation_min_months", "agreement.cooling_off_days", "cooling_off.counted_from"),
        *("observation.probation_months", "observation.probation_max_days_past_due"),
        *("delinquency.classes", "document.complaint_routes"),
    ),
}

# The six contents of a card agreement (Art. 70): nothing of it is left to the pack's author.
_CARD_CONTENTS: Final = (
    *("debt_structure", "instalment_plan", "interest_and_fees", "no_new_credit_card"),
    *("rights_duties_breach", "other_matters"),
)
# What is reminded of and escalated (R17): without its row nobody would hear of it.
_STEPS: Final = (
    *("first_contact", "statement", "assessment", "offer", "answer", "approval", "signature"),
    *("instruction", "performing", "no_plan", "stopped"),
    *("conversation_review", "training", "request_answer", "moratorium_review", "mechanism_review"),
)
_STATUTORY_STOP: Final = frozenset({"contact", "interest", "fees", "enforcement"})


def lacking(view: PolicyInForce, stated: Set[str]) -> list[tuple[str, str]]:
    """The key and the rule of everything that the pack's jurisdiction asks for and the pack lacks.

    ``stated`` are the keys that the pack's own file gives, not those it inherits.
    """
    where = view.pack.jurisdiction
    found = [
        (key, f"a pack of {where} must give this value itself")
        for key in (*_EVERYWHERE, *_STATED.get(where, ()))
        if key not in stated
    ]
    steps = {row.state for row in view.timetable.steps}
    found += [
        ("timetable.steps", f"has no row for {state!r}: every step has an action, an owner and a time limit")
        for state in _STEPS
        if state not in steps
    ]
    asked = view.agreement.required_sections
    found += [
        ("document.clauses", f"says nothing for the required section {section!r}")
        for section in asked
        if view.document.clause(section) is None
    ]
    if where == "CN" and "card" in view.pack.product_kinds:
        found += [
            ("agreement.required_sections", f"lacks {section!r}, one of the six contents of Art. 70")
            for section in _CARD_CONTENTS
            if section not in asked
        ]
    if view.moratorium.days:
        found += [
            ("stop_events.breathing_space", f"must stop {what} while the moratorium lasts")
            for what in sorted(_STATUTORY_STOP - set(view.stop_events.breathing_space.stops))
        ]
        if view.stop_events.breathing_space.max_days != view.moratorium.days:
            found.append(("stop_events.breathing_space", "max_days must be the days of the moratorium"))
    return found
