"""What is agreed: the document, withdrawal, trial, observation, breach, rewards, reviews, re-age.

All of it is pinned with the agreement, apart from how long a difficulty may be reported and whether a stop
costs days to withdraw: what protects the borrower in a hard time applies from the day it takes effect.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from shared.policy.ruling import LIVE
from shared.policy.sections import Count, Days, Months, Name, Pct, Section
from shared.policy.sections_conduct import Party

Text = Annotated[str, Field(min_length=1, max_length=400)]
Running = Literal["runs", "frozen", "waived"]
CooperationRule = Literal[
    "statement_complete", "contacts_answered", "promises_kept", "reviews_held", "hardship_told_early"
]


class ClauseRow(Section):
    """What a section of the document must say, in both languages, and the article that asks for it."""

    section: Name
    article: Text
    must_zh: Text
    must_en: Text


class RouteRow(Section):
    """Where a borrower may complain; ``route`` is the name by which a document has words for it."""

    route: Name
    name_zh: Name
    name_en: Name


class Document(Section):
    """The formal document: all that a pack says about it, and what a signature on it needs.

    ``printed`` are its clauses in their order, after them the required sections that are not among them;
    ``clauses`` say what each mandatory section must contain. ``forbidden_words_zh`` are terms that a document
    may not use (a charge that has another name by now). What is agreed through one of ``oral_channels`` needs
    a recording, and counts only where ``oral_allowed``. The copy in ``signed_language`` binds, the other is a
    translation. ``guarantor_unasked`` says what the law makes of a guarantee when the debt is changed and the
    guarantor has not agreed in writing. ``co_borrower_signs``: whether an agreement takes effect without the
    signature of a co-borrower, who may give it in any case. ``signs_for``: who may sign for the borrower,
    by an authority that says so; ``signs_instead``: in whose place the borrower does not sign, as long as one
    of these may.
    """

    instrument: Literal["modifying_agreement", "concession_letter"]
    printed: tuple[Name, ...]
    clauses: Annotated[tuple[ClauseRow, ...], Field(min_length=1)]
    lender_name_zh: Name
    lender_name_en: Name
    late_charge_name_zh: Name
    late_charge_name_en: Name
    forbidden_words_zh: tuple[Name, ...]
    signed_language: Literal["zh", "en"]
    oral_allowed: bool
    oral_channels: tuple[Name, ...]
    signature_checks: tuple[Name, ...]
    signs_for: tuple[Party, ...]
    signs_instead: tuple[Party, ...]
    complaint_routes: Annotated[tuple[RouteRow, ...], Field(min_length=1)]
    data_law: Name
    guarantor_unasked: Literal["follows_down", "freed_by_extension", "may_be_freed", "local_law"]
    co_borrower_signs: Literal["may", "must"]

    @model_validator(mode="after")
    def _wording(self) -> Self:
        if len({row.section for row in self.clauses}) != len(self.clauses):
            raise ValueError("each section has one clause")
        said = (self.late_charge_name_zh, *(row.must_zh for row in self.clauses))
        for word in self.forbidden_words_zh:
            if any(word in text for text in said):
                raise ValueError(f"uses the forbidden word {word}")
        for rows in (self.printed, [row.route for row in self.complaint_routes]):
            if len(set(rows)) != len(rows):
                raise ValueError("what is printed, and each route of a complaint, is named once")
        return self

    def clause(self, section: str) -> ClauseRow | None:
        """What a section must say; None where the pack has no words for it."""
        return next((row for row in self.clauses if row.section == section), None)


class CoolingOff(Section):
    """Withdrawal in the days that ``agreement.cooling_off_days`` gives.

    What is always so here stands in the pack for whoever reads it, and no pack may say otherwise.
    ``stands_still_when_stopped``: days on which stop events halt the whole case do not count.
    """

    counted_from: Literal["signing", "documents_received"]
    prior_terms_return: Literal[True]
    payments_stay_credited: Literal[True]
    collection_stays_stopped: Literal[True]
    stands_still_when_stopped: Annotated[bool, LIVE]


class Trial(Section):
    """Payments on trial before a plan is permanent; 0 payments: there is no trial.

    A payment counts that is at most ``tolerance_days`` late, or in the new grace after one was returned. That
    collection stays stopped is always so, and stands in the pack for whoever reads it.
    """

    payments: Annotated[int, Field(ge=0, le=24)]
    tolerance_days: Days
    collection_stays_stopped: Literal[True]


class Observation(Section):
    """How long a renegotiated debt is watched; its least length stands in ``[agreement]``.

    A difficulty persists that is reported to last for longer than a temporary one, or nobody knows how long.
    An instalment that is past due for more days than a probation bears ends it, and the observation begins
    again; so does a second measure, where it ends a probation. What is missed while a reported hardship is
    talked about is no breach by the agreement's own terms: it counts against no period, trials included,
    unless ``hardship_misses_count``.
    """

    starts: Literal["first_due_after_change", "signing"]
    restarts_on_breach: bool
    restarts_on_persisting_difficulty: bool
    hardship_misses_count: bool
    probation_months: Months
    probation_max_days_past_due: Days
    second_measure_ends_probation: bool


class Breach(Section):
    """What precedes the end of a plan; how many misses break it stands in ``[followup]``.

    A plan breaks ``cure_days`` after a notice that names the sum and the way to put it right. From a
    report of hardship misses break nothing, for at most ``hardship_shield_days``.
    """

    notice_required: bool
    notice_days: Days
    cure_days: Days
    hardship_shield_days: Annotated[Days, LIVE]
    reversal_notice_days: Days
    reversal_grace_days: Days


class RewardStep(Section):
    """From so many instalments on time: the share of late charges waived by then, and the rate cut."""

    after_on_time: Annotated[int, Field(ge=1, le=600)]
    late_charges_waived_pct: Pct
    rate_cut_pct: Pct


class IncentiveSet(Section):
    """Other steps, for the arm of an experiment that names them (`StrategyRow.incentives`)."""

    name: Name
    steps: tuple[RewardStep, ...]


class Incentives(Section):
    """Rewards in steps for who cooperated (all of ``cooperation``, each visible) and keeps to plan.

    A step says what there is in all with the steps before it. The agreement prints every step. ``steps`` are
    everybody's as of right: a set that is tried beside them grants as much or more at every count of
    instalments, so that nobody is worse off for the draw; what cooperation means is the same for all.
    """

    cooperation: tuple[CooperationRule, ...]
    steps: tuple[RewardStep, ...]
    sets: tuple[IncentiveSet, ...]
    vested_never_return: bool
    new_credit_only_after_completion: bool
    new_credit_never_to_pay_this_debt: bool

    def steps_of(self, name: str | None) -> tuple[RewardStep, ...]:
        """The steps of a set; everybody's for None, and for a set there is not."""
        return next((one.steps for one in self.sets if one.name == name), self.steps)

    @model_validator(mode="after")
    def _ascend(self) -> Self:
        for steps in (self.steps, *(one.steps for one in self.sets)):
            for name in ("after_on_time", "late_charges_waived_pct", "rate_cut_pct"):
                values = [getattr(step, name) for step in steps]
                if values != sorted(values):
                    raise ValueError(f"{name} never falls from one step to the next")
            if len({step.after_on_time for step in steps}) != len(steps):
                raise ValueError("each number of instalments has one step")
        return self

    @model_validator(mode="after")
    def _fair(self) -> Self:
        if len({one.name for one in self.sets}) != len(self.sets):
            raise ValueError("each set of incentives has a name of its own")
        for one in self.sets:
            for right in self.steps:
                reached = [step for step in one.steps if step.after_on_time <= right.after_on_time]
                for name in ("late_charges_waived_pct", "rate_cut_pct"):
                    given, due = getattr(reached[-1], name) if reached else 0, getattr(right, name)
                    if given < due:
                        raise ValueError(
                            f"the set {one.name} falls below what everybody has as of right: after"
                            f" {right.after_on_time} instalments on time {name} is {given}, not {due}"
                        )
        return self


class Reviews(Section):
    """What a review asks and records; its rhythm stands in ``[followup]``.

    No pack may say that a review which is missed or declined breaks a plan.
    """

    questions: Annotated[tuple[Name, ...], Field(min_length=1)]
    records: Annotated[tuple[Name, ...], Field(min_length=1)]
    invite_business_days: Days
    escalate_business_days: Days
    missed_breaks_plan: Literal[False]


class StrategyRow(Section):
    """An arm of an experiment, for so many cases in a hundred: which plan comes first, and which rewards.

    ``incentives`` names one of ``[incentives] sets``; None: everybody's.
    """

    name: Name
    share_pct: Pct
    first: Literal["best_balance", "lowest_total", "lowest_instalment"]
    incentives: Name | None = None


class Talks(Section):
    """What runs while talks go on, who looks, how plans are presented, and what follows in the end.

    ``untested_ceiling``: whether a plan whose all-in cost cannot be tested since the advance needs a
    person's approval, or only says so; a history counts where it comes within ``history_tolerance_pct`` per
    cent of what is owed. ``human_role`` sees whoever asks for a person, within
    ``human_business_days``. ``after_rounds`` are the steps when rounds and time are used up, in their order;
    going to court is not among them (R71a). ``capacity_share`` says how what can be paid a month is shared
    out where debts have several currencies: by what is owed, or by what the contracts ask for each month; of
    what is exchanged ``exchange_margin_pct`` per cent are held back, because rates move.
    """

    interest: Running
    fees: Running
    late_charges: Running
    payment_is_first_instalment: Literal["if_offer_says", "never"]
    untested_ceiling: Literal["person_looks", "said"]
    history_tolerance_pct: Pct
    human_role: Name
    human_business_days: Days
    capacity_share: Literal["by_balance", "by_contractual_payment"]
    exchange_margin_pct: Annotated[Pct, Field(le=99)]
    strategies: Annotated[tuple[StrategyRow, ...], Field(min_length=1)]
    after_rounds: Annotated[
        tuple[Literal["human_review", "token_plan", "payment_holiday", "support_group", "debt_advice"], ...],
        Field(min_length=1),
    ]

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if sum(row.share_pct for row in self.strategies) != 100:
            raise ValueError("the shares of the strategies must add up to 100")
        if len({row.name for row in self.strategies}) != len(self.strategies):
            raise ValueError("each strategy has a name of its own")
        return self


class ReAge(Section):
    """When an account may be shown as current again; 0 means that no limit of that kind is set.

    A re-age resets the days that are shown, never those that allocation goes by. Of an account that is past
    due, a plan is such a re-age, and one in a workout: its limits count against the bank's re-ages and the
    plans signed before. What they do not allow goes to a person. ``min_payments_in_a_row`` monthly payments
    come first, or in the trial of the plan itself; with ``same_amount_counts`` as much paid within as many
    months does as well. From so many days past due on as an account is charged off
    it is not re-aged: open-end credit (cards) and closed-end (loans) apart.
    """

    allowed: bool
    min_account_months: Months
    min_payments_in_a_row: Count
    same_amount_counts: bool
    max_in_12_months: Count
    max_in_60_months: Count
    more_in_60_months_in_workout: Count
    workout_max_months: Months
    charge_off_days_open_end: Days
    charge_off_days_closed_end: Days
