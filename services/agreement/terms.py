"""What the document says beyond the plan, read from the policy pack. Pure."""

from collections.abc import Sequence
from decimal import Decimal

from services.agreement.paper.words import EDITION, words_of
from shared.contracts.agreement import AgreementTerms, DebtRate, RewardTerm
from shared.policy.conduct import Conduct
from shared.policy.model import PolicyInForce

__all__ = ["clauses_of", "rewards_of", "terms_of"]


def clauses_of(policy: PolicyInForce, sections: Sequence[str]) -> tuple[str, ...]:
    """Give every clause of the document: those of the pack in order, then mandatory ones not among them.

    `sections` are the mandatory ones of every pack of the agreement.
    """
    named = policy.document.printed
    return (*named, *(name for name in sections if name not in named))


def rewards_of(policy: PolicyInForce, incentives: str | None) -> tuple[RewardTerm, ...]:
    """Give every step of the rewards of an arm's set; everybody's where there is none."""
    return tuple(
        RewardTerm(
            after=step.after_on_time, late_pct=step.late_charges_waived_pct, rate_pct=step.rate_cut_pct
        )
        for step in policy.incentives.steps_of(incentives)
    )


def terms_of(
    policy: PolicyInForce,
    sections: Sequence[str],
    conduct: Conduct,
    *,
    from_documents: bool = False,
    returns: tuple[str, ...] = (),
    contract_rates: tuple[DebtRate, ...] = (),
    incentives: str | None = None,
    rewarded_after: int = 0,
) -> AgreementTerms:
    """Give the terms of a document drawn up under `policy`, with the strictest conduct of its packs.

    `from_documents`: the days to withdraw count from the day on which the borrower receives the documents.
    `returns`: which concessions hold only while the plan is kept; `contract_rates` return with the rate.
    `incentives`: the set of the case's arm; everybody's where there is none.
    `rewarded_after`: the steps that have vested under the agreement before. What they gave is in the balances
    and the rates that the plan starts from, and is not promised again.
    """
    words = words_of(EDITION)
    assert words is not None  # noqa: S101 - narrows: the edition is the program's own
    paper, agreement, followup = policy.document, policy.agreement, policy.followup
    none = Decimal(0)
    rewards = tuple(
        step if step.after > rewarded_after else RewardTerm(after=step.after, late_pct=none, rate_pct=none)
        for step in rewards_of(policy, incentives)
    )
    first = rewards[0] if rewards else None
    return AgreementTerms(
        instrument=paper.instrument,
        clauses=clauses_of(policy, sections),
        words=EDITION,
        words_hash=words.digest,
        lender_zh=paper.lender_name_zh,
        lender_en=paper.lender_name_en,
        late_charge_zh=paper.late_charge_name_zh,
        late_charge_en=paper.late_charge_name_en,
        jurisdiction=policy.pack.jurisdiction,
        stop_collection=conduct.stop_collection_on_sign,
        cooling_off_days=conduct.cooling_off_days,
        trial_payments=policy.trial.payments,
        observation_months=agreement.observation_min_months,
        observation_periods=agreement.observation_min_periods,
        probation_months=policy.observation.probation_months,
        grace_days=followup.grace_days,
        tolerance_pct=followup.underpayment_tolerance_pct,
        missed_in_a_row=followup.breach_missed_in_a_row,
        days_late=followup.breach_days_late,
        review_months=followup.review_months,
        review_months_performing=followup.review_months_performing,
        reward_after=first.after if first else 0,
        reward_late_pct=first.late_pct if first else Decimal(0),
        reward_rate_pct=first.rate_pct if first else Decimal(0),
        credit_status=policy.reporting.status_while_kept,
        data_law=paper.data_law,
        complaint_routes=tuple(row.route for row in paper.complaint_routes),
        records_years=conduct.records.evidence_years,
        cooling_off_from="documents_received" if from_documents else "signing",
        oral_allowed=paper.oral_allowed,
        cure_days=policy.breach.cure_days if policy.breach.notice_required else 0,
        hardship_shield_days=policy.breach.hardship_shield_days,
        returns_on_breach=returns,
        contract_rates=contract_rates,
        rewards=rewards,
        cooperation=policy.incentives.cooperation,
        performing_after=followup.performing_on_time_in_a_row,
        hardship_misses_count=policy.observation.hardship_misses_count,
        guarantor_unasked=paper.guarantor_unasked,
        trial_days_late=policy.trial.tolerance_days,
        observation_starts=policy.observation.starts,
        observation_restarts=policy.observation.restarts_on_breach,
        difficulty_restarts=policy.observation.restarts_on_persisting_difficulty,
        probation_days_late=policy.observation.probation_max_days_past_due,
        probation_goes_on=bool(
            policy.observation.probation_months and not policy.observation.second_measure_ends_probation
        ),
        overdue_kept_years=policy.reporting.overdue_kept_years or None,
        overdue_kept_from=policy.reporting.overdue_kept_from if policy.reporting.overdue_kept_years else None,
    )
