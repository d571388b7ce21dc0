"""The reason codes: why something was decided, refused or proposed. The words live in `shared.texts`."""

from enum import StrEnum

__all__ = ["PRIVATE_REASONS", "ReasonCode"]


class ReasonCode(StrEnum):
    """Every code that a message may carry; additive only. Grouped by who uses it first."""

    # intake
    UNKNOWN_PRODUCT = "unknown_product"
    UNKNOWN_ACCOUNT = "unknown_account"
    UNKNOWN_PAYMENT = "unknown_payment"
    REVERSAL_EXCEEDS_PAYMENT = "reversal_exceeds_payment"
    CURRENCY_MISMATCH = "currency_mismatch"
    CASE_CLOSED = "case_closed"
    NO_OPEN_CASE = "no_open_case"
    STALE_FACT = "stale_fact"
    ACCOUNT_OVERDUE = "account_overdue"
    BALANCE_CORRECTED = "balance_corrected"
    BALANCE_DIFFERS = "balance_differs"
    BALANCE_RECONCILED = "balance_reconciled"
    NO_BALANCE_DIFFERENCE = "no_balance_difference"
    RATE_DIFFERS = "rate_differs"
    RATE_RECONCILED = "rate_reconciled"
    NO_RATE_DIFFERENCE = "no_rate_difference"
    PAYMENT_APPLIED = "payment_applied"
    PAYMENT_RETURNED = "payment_returned"
    AMOUNT_WAIVED = "amount_waived"
    ACCOUNT_CURED = "account_cured"
    DEBT_SOLD = "debt_sold"
    DEBT_RECALLED = "debt_recalled"
    OWNER_FITS_LANGUAGE = "owner_fits_language"
    OWNER_FITS_SKILL = "owner_fits_skill"
    OWNER_LEAST_LOADED = "owner_least_loaded"
    OWNER_CERTIFIED = "owner_certified"
    OWNER_BEYOND_LIMIT = "owner_beyond_limit"
    OWNER_TO_DECIDE = "owner_to_decide"
    NOBODY_CERTIFIED = "nobody_certified"
    OWNER_ABSENT = "owner_absent"
    OWNER_LEFT = "owner_left"
    OWNER_UNCERTIFIED = "owner_uncertified"
    OWNER_LACKS_LANGUAGE = "owner_lacks_language"
    OWNER_NAMED = "owner_named"
    OWNER_CANNOT_TAKE = "owner_cannot_take"
    NOBODY_CAN_OWN = "nobody_can_own"
    NOT_ALLOWED_TO = "not_allowed_to"
    CONVERSATION_UNKNOWN = "conversation_unknown"
    TRAINING_FOLLOWS = "training_follows"
    STEP_OVERDUE = "step_overdue"
    STEP_DONE = "step_done"
    NOTHING_OWED = "nothing_owed"
    PAYMENT_KNOWN = "payment_known"
    AMOUNT_OUT_OF_RANGE = "amount_out_of_range"
    JOINT_DEBT_ELSEWHERE = "joint_debt_elsewhere"
    UNKNOWN_PARTY = "unknown_party"
    UNKNOWN_STOP = "unknown_stop"
    DEBT_STOPPED = "debt_stopped"
    STOP_ENDED = "stop_ended"
    STOP_TOO_SOON = "stop_too_soon"
    REFERRAL_ANSWERED = "referral_answered"
    # legal referral
    LEGAL_TALKS_FIRST = "legal_talks_first"
    LEGAL_TOO_EARLY = "legal_too_early"
    LEGAL_PLAN_KEPT = "legal_plan_kept"
    LEGAL_STOPPED = "legal_stopped"
    LEGAL_COMPLAINT_OPEN = "legal_complaint_open"
    LEGAL_OFFER_OPEN = "legal_offer_open"
    LEGAL_OVERRIDE_REFUSED = "legal_override_refused"
    LEGAL_TALKS_ENDED = "legal_talks_ended"
    LEGAL_ATTEMPTS_IN_VAIN = "legal_attempts_in_vain"
    LEGAL_OVERRIDDEN = "legal_overridden"
    # assessment
    STATEMENT_NEEDED = "statement_needed"
    STATEMENT_INCOMPLETE = "statement_incomplete"
    STATEMENT_RENEWAL = "statement_renewal"
    STATEMENT_NEVER_CAME = "statement_never_came"
    STATEMENT_STALE = "statement_stale"
    STATEMENT_NO_NEWS = "statement_no_news"
    STATEMENT_RESUMES_TALKS = "statement_resumes_talks"
    INCOME_NOT_VERIFIED = "income_not_verified"
    SPENDING_RAISED_TO_GUIDELINE = "spending_raised_to_guideline"
    SPENDING_CAPPED_WITHOUT_EXPLANATION = "spending_capped_without_explanation"
    SPENDING_NOT_COUNTED_YET = "spending_not_counted_yet"
    PRIORITY_DEBTS_FIRST = "priority_debts_first"
    SHARED_WITH_OTHER_CREDITORS = "shared_with_other_creditors"
    NO_RESIDUAL_INCOME = "no_residual_income"
    STRESS_LEAVES_LESS = "stress_leaves_less"
    HARDSHIP_REPORTED = "hardship_reported"
    CONTACTS_ANSWERED = "contacts_answered"
    CONTACTS_UNANSWERED = "contacts_unanswered"
    STATEMENT_IN_TIME = "statement_in_time"
    STATEMENT_LATE = "statement_late"
    NO_CASE = "no_case"
    KNOWN_CHANGE = "known_change"
    LESS_LATER = "less_later"
    DEBT_PLAN_FOLLOWED = "debt_plan_followed"
    SPENDING_VERY_LOW = "spending_very_low"
    PROMISES_KEPT = "promises_kept"
    PROMISES_NOT_KEPT = "promises_not_kept"
    PAYMENTS_MADE = "payments_made"
    INSTALMENTS_ON_TIME = "instalments_on_time"
    INSTALMENTS_MISSED = "instalments_missed"
    NO_BEHAVIOUR_YET = "no_behaviour_yet"
    VALUE_SET_BY_PERSON = "value_set_by_person"
    VALUE_COMPUTED_AGAIN = "value_computed_again"
    PERSON_LOOKS_FIRST = "person_looks_first"
    EVIDENCE_DOUBTED = "evidence_doubted"
    PAID_AGENT_SUSPECTED = "paid_agent_suspected"
    WILFUL_DEFAULT_STATED = "wilful_default_stated"
    RIGHTS_UNCHANGED = "rights_unchanged"
    CONSENT_NEEDED = "consent_needed"
    MORE_TIME_GIVEN = "more_time_given"
    DOUBT_UNKNOWN = "doubt_unknown"
    CHANGE_INCOMPLETE = "change_incomplete"
    ITEM_UNKNOWN = "item_unknown"
    OVERRIDE_UNCLEAR = "override_unclear"
    OVERRIDE_ABOVE_RESIDUAL = "override_above_residual"
    # offer
    NO_ASSESSMENT = "no_assessment"
    ASSESSMENT_EXPIRED = "assessment_expired"
    BALANCE_CHANGED = "balance_changed"
    CAPACITY_CHANGED = "capacity_changed"
    OFFER_UNKNOWN = "offer_unknown"
    OFFER_EXPIRED = "offer_expired"
    OFFER_ALREADY_ANSWERED = "offer_already_answered"
    PLAN_UNKNOWN = "plan_unknown"
    ROUND_MISMATCH = "round_mismatch"
    ROUNDS_EXHAUSTED = "rounds_exhausted"
    OFFER_REJECTED = "offer_rejected"
    REFUSED_WITHOUT_REASON = "refused_without_reason"
    REFUSED_IN_OWN_WORDS = "refused_in_own_words"
    REFUSED_TOO_HIGH = "refused_too_high"
    REFUSED_TOO_LONG = "refused_too_long"
    REFUSED_TOO_EXPENSIVE = "refused_too_expensive"
    REFUSED_TOO_SOON = "refused_too_soon"
    NOTHING_LOWER = "nothing_lower"
    NOTHING_SHORTER = "nothing_shorter"
    NOTHING_CHEAPER = "nothing_cheaper"
    NOTHING_LATER = "nothing_later"
    NOTHING_ELSE_FITS = "nothing_else_fits"
    NO_ANSWER = "no_answer"
    COUNTER_GRANTED = "counter_granted"
    COUNTER_NEAREST = "counter_nearest"
    COUNTER_TOO_LOW = "counter_too_low"
    COUNTER_TOO_LONG = "counter_too_long"
    COUNTER_TOO_SHORT = "counter_too_short"
    COUNTER_TOO_LATE = "counter_too_late"
    COUNTER_TOO_EARLY = "counter_too_early"
    COUNTER_NOT_AFFORDABLE = "counter_not_affordable"
    COUNTER_EMPTY = "counter_empty"
    SETTLEMENT_TOO_LOW = "settlement_too_low"
    LUMP_SUM_YOUR_WISH = "lump_sum_your_wish"
    LUMP_SUM_NOTED = "lump_sum_noted"
    LUMP_SUM_NOT_FROM = "lump_sum_not_from"
    LUMP_SUM_TOO_LOW = "lump_sum_too_low"
    LUMP_SUM_THEN_PLAN = "lump_sum_then_plan"
    LUMP_SUM_LOWERS = "lump_sum_lowers"
    LUMP_SUM_TO_A_PERSON = "lump_sum_to_a_person"
    APPROVAL_NEEDED = "approval_needed"
    APPROVAL_UNKNOWN = "approval_unknown"
    APPROVAL_DENIED = "approval_denied"
    APPROVAL_OVERDUE = "approval_overdue"
    BELOW_NPV_FLOOR = "below_npv_floor"
    WAIVER_ABOVE_LIMIT = "waiver_above_limit"
    NOTHING_TO_PAY = "nothing_to_pay"
    AFFORDABLE_NOW = "affordable_now"
    AFFORDABLE_LATER = "affordable_later"
    AFFORDABLE_UNDER_STRESS = "affordable_under_stress"
    NOT_AFFORDABLE = "not_affordable"
    NOT_AFFORDABLE_UNDER_STRESS = "not_affordable_under_stress"
    NOT_AFFORDABLE_LATER = "not_affordable_later"
    NOT_AFFORDABLE_LATER_UNDER_STRESS = "not_affordable_later_under_stress"
    ABOVE_RATE_CEILING = "above_rate_ceiling"
    ABOVE_MAX_TERM = "above_max_term"
    BELOW_MIN_PAYMENT = "below_min_payment"
    LOWEST_TOTAL = "lowest_total"
    FASTEST = "fastest"
    LOWEST_INSTALMENT = "lowest_instalment"
    LOWER_START = "lower_start"
    INTEREST_ONLY_FIRST = "interest_only_first"
    LONGER_TERM = "longer_term"
    REPAID_OVER = "repaid_over"
    RATE_REDUCED = "rate_reduced"
    CHARGES_WAIVED = "charges_waived"
    BEST_BALANCE = "best_balance"
    STARTS_AFTER_HOLIDAY = "starts_after_holiday"
    SEASONAL_PAUSE = "seasonal_pause"
    PART_FORGIVEN = "part_forgiven"
    CEILING_NOT_TESTABLE = "ceiling_not_testable"
    HISTORY_WITHOUT_ADVANCE = "history_without_advance"
    HISTORY_DOES_NOT_ADD_UP = "history_does_not_add_up"
    RECORD_RENEGOTIATED = "record_renegotiated"
    RECORD_SETTLED = "record_settled"
    RECORD_SETTLED_FOR_LESS = "record_settled_for_less"
    RATES_STALE = "rates_stale"
    RE_AGE_TOO_EARLY = "re_age_too_early"
    RE_AGED_TOO_OFTEN = "re_aged_too_often"
    RE_AGE_NOT_ALLOWED = "re_age_not_allowed"
    RE_AGE_TOO_LATE = "re_age_too_late"
    RE_AGE_AFTER_PAYMENTS = "re_age_after_payments"
    RE_AGED_WHEN_PAID = "re_aged_when_paid"
    CURRENCY_APART = "currency_apart"
    NO_RULES_IN_CURRENCY = "no_rules_in_currency"
    NO_PLAN_IN_CURRENCY = "no_plan_in_currency"
    CAPACITY_SHARED = "capacity_shared"
    EXCHANGE_RATE_USED = "exchange_rate_used"
    HUMAN_ASKED_FOR = "human_asked_for"
    INTEREST_RUNS = "interest_runs"
    INTEREST_FROZEN = "interest_frozen"
    INTEREST_WAIVED = "interest_waived"
    FEES_RUN = "fees_run"
    FEES_FROZEN = "fees_frozen"
    FEES_WAIVED = "fees_waived"
    LATE_CHARGES_RUN = "late_charges_run"
    LATE_CHARGES_FROZEN = "late_charges_frozen"
    LATE_CHARGES_WAIVED = "late_charges_waived"
    CHARGED_IN_TALKS = "charged_in_talks"
    PAYMENT_COUNTS_AS_FIRST = "payment_counts_as_first"
    PAYMENT_WAS_FIRST = "payment_was_first"
    PAYMENT_IN_TALKS = "payment_in_talks"
    PLANS_COMPARED = "plans_compared"
    PLAN_FIGURES = "plan_figures"
    DECISION_UNKNOWN = "decision_unknown"
    NEXT_HUMAN_REVIEW = "next_human_review"
    NEXT_PAYMENT_HOLIDAY = "next_payment_holiday"
    NEXT_REDUCED_PAYMENTS = "next_reduced_payments"
    NEXT_TOKEN_PLAN = "next_token_plan"  # noqa: S105
    NEXT_SUPPORT_GROUP = "next_support_group"
    NEXT_DEBT_ADVICE = "next_debt_advice"
    NEXT_NEW_STATEMENT = "next_new_statement"
    NEXT_SAY_WHAT_FITS = "next_say_what_fits"
    # agreement
    AGREEMENT_UNKNOWN = "agreement_unknown"
    GUARANTOR_NOT_NEEDED = "guarantor_not_needed"
    VERSION_MISMATCH = "version_mismatch"
    HASH_MISMATCH = "hash_mismatch"
    ALREADY_SIGNED = "already_signed"
    SIGNATURE_TOO_LATE = "signature_too_late"
    SIGN_BY_PASSED = "sign_by_passed"
    DEBT_LEFT_PLAN = "debt_left_plan"
    PLAN_NO_LONGER_COMPUTES = "plan_no_longer_computes"
    PLAN_BROKEN = "plan_broken"
    PLAN_SUPERSEDED = "plan_superseded"
    CHECK_MISSING = "check_missing"
    ORAL_NOT_ALLOWED = "oral_not_allowed"
    RECORDING_MISSING = "recording_missing"
    SIGNATURE_INVALID = "signature_invalid"
    WITHDRAWN_IN_TIME = "withdrawn_in_time"
    WITHDRAWAL_TOO_LATE = "withdrawal_too_late"
    # followup
    PAID_LATER_FOUND = "paid_later_found"
    PAYMENT_BACKDATED = "payment_backdated"
    PROMISE_DUPLICATE = "promise_duplicate"
    NO_LIVE_PLAN = "no_live_plan"
    REVIEW_REGULAR = "review_regular"
    REVIEW_STRETCHED = "review_stretched"
    NEW_DIFFICULTIES = "new_difficulties"
    SPECIAL_NEEDS = "special_needs"
    MISSED_TOO_MANY = "missed_too_many"
    KEPT_ON_TIME = "kept_on_time"
    COOPERATED = "cooperated"
    TEMPORARY_DIFFICULTY = "temporary_difficulty"
    SUPPORT_NOT_OFFERED = "support_not_offered"
    SUPPORT_NOT_JOINED = "support_not_joined"
    PROBLEM_UNKNOWN = "problem_unknown"
    PROBLEM_KNOWN = "problem_known"
    NO_CREDIT = "no_credit"
    NEW_CREDIT_AFTER_COMPLETION = "new_credit_after_completion"
    NEW_CREDIT_NEEDS_CHECK = "new_credit_needs_check"
    NEW_CREDIT_NOT_FOR_THIS_DEBT = "new_credit_not_for_this_debt"
    DEBT_NOT_NAMED = "debt_not_named"
    REVIEW_OVERDUE = "review_overdue"
    REVIEW_DONE = "review_done"
    PROBLEM_OVERDUE = "problem_overdue"
    PROBLEM_SOLVED = "problem_solved"
    # alert
    INSTALMENT_MISSED = "instalment_missed"
    PROMISE_BROKEN = "promise_broken"
    BORROWER_SILENT = "borrower_silent"
    BORROWER_ANSWERED = "borrower_answered"
    CAUGHT_UP = "caught_up"
    BANK_SILENT = "bank_silent"
    BANK_ANSWERED = "bank_answered"
    ALERT_UNKNOWN = "alert_unknown"
    ALERT_CLOSED = "alert_closed"
    COMPLAINT_OVERDUE = "complaint_overdue"
    COMPLAINT_ANSWERED = "complaint_answered"
    COMPLAINT_UNACKNOWLEDGED = "complaint_unacknowledged"
    COMPLAINT_ACKNOWLEDGED = "complaint_acknowledged"
    COMPLAINT_UNKNOWN = "complaint_unknown"
    PAID_LATER_EACH_TIME = "paid_later_each_time"
    PAID_LESS_EACH_TIME = "paid_less_each_time"
    ATTEMPTS_UNANSWERED = "attempts_unanswered"
    NEW_TALKS_BEGUN = "new_talks_begun"
    CONTACT_IN_VAIN = "contact_in_vain"
    CONTACT_MADE = "contact_made"
    PERSON_DECIDED = "person_decided"
    # notice
    NOTICE_CAUSE_OVER = "notice_cause_over"
    NOTICE_REPLACED = "notice_replaced"
    NOTICE_TOO_LATE = "notice_too_late"
    NOTICE_NOT_SENT = "notice_not_sent"
    TIME_ZONE_UNKNOWN = "time_zone_unknown"
    CHANNEL_UNKNOWN = "channel_unknown"
    LIMIT_UNKNOWN = "limit_unknown"
    # archive
    KEPT_BY_HOLD = "kept_by_hold"
    KEPT_WHILE_OPEN = "kept_while_open"
    KEPT_BY_RETENTION = "kept_by_retention"
    HOLD_NEEDS_ROLE = "hold_needs_role"


PRIVATE_REASONS = frozenset(
    {
        ReasonCode.DEBT_STOPPED,
        ReasonCode.LEGAL_OVERRIDDEN,
        ReasonCode.HARDSHIP_REPORTED,
        ReasonCode.INCOME_NOT_VERIFIED,
        ReasonCode.SPENDING_RAISED_TO_GUIDELINE,
        ReasonCode.SPENDING_CAPPED_WITHOUT_EXPLANATION,
        ReasonCode.SPENDING_NOT_COUNTED_YET,
        ReasonCode.SPENDING_VERY_LOW,
        ReasonCode.PRIORITY_DEBTS_FIRST,
        ReasonCode.SHARED_WITH_OTHER_CREDITORS,
        ReasonCode.NO_RESIDUAL_INCOME,
        ReasonCode.STRESS_LEAVES_LESS,
        ReasonCode.KNOWN_CHANGE,
        ReasonCode.CHANGE_INCOMPLETE,
        ReasonCode.ITEM_UNKNOWN,
        ReasonCode.LESS_LATER,
        ReasonCode.DEBT_PLAN_FOLLOWED,
        ReasonCode.VALUE_SET_BY_PERSON,
        ReasonCode.VALUE_COMPUTED_AGAIN,
        ReasonCode.OVERRIDE_ABOVE_RESIDUAL,
        ReasonCode.OVERRIDE_UNCLEAR,
        ReasonCode.EVIDENCE_DOUBTED,
        ReasonCode.PAID_AGENT_SUSPECTED,
        ReasonCode.WILFUL_DEFAULT_STATED,
        ReasonCode.COUNTER_NEAREST,
        ReasonCode.COUNTER_TOO_LOW,
        ReasonCode.COUNTER_TOO_SHORT,
        ReasonCode.COUNTER_TOO_LATE,
        ReasonCode.COUNTER_TOO_EARLY,
        ReasonCode.COUNTER_NOT_AFFORDABLE,
        ReasonCode.SETTLEMENT_TOO_LOW,
        ReasonCode.LUMP_SUM_NOT_FROM,
        ReasonCode.LUMP_SUM_TOO_LOW,
        ReasonCode.LUMP_SUM_THEN_PLAN,
        ReasonCode.LUMP_SUM_LOWERS,
        ReasonCode.AFFORDABLE_NOW,
        ReasonCode.AFFORDABLE_LATER,
        ReasonCode.AFFORDABLE_UNDER_STRESS,
        ReasonCode.NOT_AFFORDABLE,
        ReasonCode.NOT_AFFORDABLE_UNDER_STRESS,
        ReasonCode.NOT_AFFORDABLE_LATER,
        ReasonCode.NOT_AFFORDABLE_LATER_UNDER_STRESS,
        ReasonCode.PLAN_FIGURES,
        ReasonCode.NEW_DIFFICULTIES,
        ReasonCode.SPECIAL_NEEDS,
        ReasonCode.TEMPORARY_DIFFICULTY,
    }
)
"""Reasons that tell of income, spending, household, hardship, or of what protects somebody (a death, an
insolvency): the archive keeps them sealed. Those of balances, dates and rules stay readable, for the evidence
is about them.
"""
