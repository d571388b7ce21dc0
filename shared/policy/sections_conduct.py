"""Rules of conduct: who may be contacted when, what stops everything, and what is told to others.

All of it is ruled by the day: it applies to live cases from the day it takes effect. The figures of the
contact limits stand in ``[contact]``; ``[contact_rules]`` says what each of them counts, and for whom.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from shared.policy.sections import Count, Days, Months, Name, Section

Actor = Literal["creditor", "agent"]
Purpose = Literal["collection", "service", "legal_notice", "reply"]
# What a legal notice is about: that nothing is owed; what a law demands whatever happens; a breach and the
# end of a plan; court.
LegalMatter = Literal["release", "statutory", "breach", "court"]
Channel = Literal["phone", "sms", "email", "app", "letter", "visit"]
Errand = Literal["find_contact_data", "pass_on_message", "talk_about_debt"]
ContactScope = Literal["person", "number", "debt"]
ContactCount = Literal["time_of_day", "attempts", "conversations", "days_after_conversation"]
Stopped = Literal["contact", "interest", "fees", "enforcement"]
# fmt: off
Party = Literal[
    "borrower", "co_debtor", "guarantor", "named_contact", "relative", "employer", "representative",
    "estate", "insolvency_practitioner", "debt_adviser", "guardian", "lawyer", "buyer", "principal",
]
StopEnd = Literal[
    "estate_settled", "proceedings_closed", "period_over", "guardian_or_recovery", "guardian_or_of_age",
    "dispute_answered", "identity_cleared", "case_closed", "recall_withdrawn", "judgment_or_withdrawal",
]
# fmt: on


class LimitScope(Section):
    """What one limit of ``[contact]`` counts.

    ``counts`` over ``window_days`` (0: no window), per ``scope``, made by ``actors`` in ``direction``, for
    messages of ``purposes`` by ``channels``. ``unless_agreed``: the borrower's own consent lifts it.
    ``first_day_is_the_talk``: a waiting time begins on the day of the conversation, which is its day 1.
    """

    counts: ContactCount
    window_days: Days
    scope: ContactScope
    actors: Annotated[tuple[Actor, ...], Field(min_length=1)]
    direction: Literal["outbound", "both"]
    purposes: Annotated[tuple[Purpose, ...], Field(min_length=1)]
    channels: Annotated[tuple[Channel, ...], Field(min_length=1)]
    unless_agreed: bool
    first_day_is_the_talk: bool = False


class ContactLimit(Section):
    """A limit as the guard of outbound messages reads it: the figure, and what it counts.

    ``maximum`` counts over ``scope.window_days``; for a waiting time it is the days to wait.
    """

    name: Name
    maximum: Annotated[int, Field(ge=1)]
    scope: LimitScope


class ChannelRow(Section):
    """A channel: whether it may be used, whether the borrower must agree first, how it is refused."""

    channel: Channel
    allowed: bool
    needs_consent: bool
    opt_out_in_every_message: bool


class ThirdPartyRow(Section):
    """Somebody other than the borrower: when and for what they may be spoken to.

    ``details`` says whether anything about the debt may be told; ``stop_on_refusal`` that one no is final.
    """

    party: Party
    when: Literal["never", "cannot_be_reached", "liable_too", "authorised"]
    purposes: tuple[Errand, ...]
    details: bool
    stop_on_refusal: bool

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if (self.when == "never") != (not self.purposes):
            raise ValueError("who may never be contacted has no purpose, and everybody else has one")
        if self.details and self.when not in {"liable_too", "authorised"}:
            raise ValueError("details of a debt are only for who is liable too or authorised")
        return self


class ContactRules(Section):
    """What the figures of ``[contact]`` count, and the rules that are not figures."""

    quiet_hours: LimitScope
    max_effective_calls_per_day: LimitScope
    max_attempts_per_number_per_day: LimitScope
    max_calls_per_7_days: LimitScope
    cooldown_after_talk: LimitScope
    uncapped_purposes: tuple[Purpose, ...]
    channels: Annotated[tuple[ChannelRow, ...], Field(min_length=1)]
    third_parties: tuple[ThirdPartyRow, ...]
    never_press_for: tuple[Literal["lump_sum", "borrowing", "sale_of_home", "help_of_relatives"], ...]
    forbidden_acts: tuple[Name, ...]
    failed_attempts_until_person: Annotated[int, Field(ge=1, le=100)]
    open_complaint_pauses_collection: bool

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if "collection" in self.uncapped_purposes:
            raise ValueError("a request for payment is never free of limits")
        if len({row.channel for row in self.channels}) != len(self.channels):
            raise ValueError("each channel has one row")
        if len({row.party for row in self.third_parties}) != len(self.third_parties):
            raise ValueError("each third party has one row")
        if any(row.party == "borrower" for row in self.third_parties):
            raise ValueError("the borrower is not a third party")
        return self


class StopRule(Section):
    """What one event stops, whom one may talk to meanwhile, and how it ends.

    ``max_days`` 0: it lasts until it ends by what ``ends`` says. ``max_days_after`` counts from the end of
    what caused it (a treatment), 0 where it does not. ``plan_stands``: a signed plan stays in force, only
    paused. ``still_allowed``: kinds of message that go on although contact is stopped; of replies one to what
    the person has asked meanwhile. ``legal_notices``: which of them go on although contact or enforcement is
    stopped; no other does. ``joint``: what protects one of those who owe a debt together stops the debt
    for all of them; a guarantor only stands in for it. ``offers`` may say no only: a debt that is stopped
    comes into no plan, whatever stops it.
    """

    stops: tuple[Stopped, ...]
    may_contact: tuple[Party, ...]
    ends: StopEnd
    max_days: Days
    max_days_after: Days
    once_in_months: Months
    plan_stands: bool
    still_allowed: tuple[Purpose, ...] = ()
    legal_notices: tuple[LegalMatter, ...] = ()
    joint: bool = False
    offers: Literal[False]
    owner_role: Name

    @model_validator(mode="after")
    def _somebody(self) -> Self:
        if "contact" in self.stops and "borrower" in self.may_contact:
            raise ValueError("contact with the borrower is stopped, so the borrower may not be contacted")
        if len(set(self.stops)) != len(self.stops):
            raise ValueError("what stops is named once")
        if "collection" in self.still_allowed:
            raise ValueError("nobody is asked for money while an event stops it")
        if "legal_notice" in self.still_allowed:
            raise ValueError("legal notices are let through by what they are about, in legal_notices")
        if "court" in self.legal_notices and "enforcement" in self.stops:
            raise ValueError("nobody is threatened with a court while an event stops enforcement")
        return self


class StopEvents(Section):
    """One row for each event that stops something; every pack answers for all of them."""

    death: StopRule
    insolvency: StopRule
    breathing_space: StopRule
    crisis_breathing_space: StopRule
    lost_capacity: StopRule
    minor: StopRule
    dispute: StopRule
    identity_fraud: StopRule
    sold: StopRule
    recalled: StopRule
    litigation: StopRule

    @property
    def sold_is_the_buyers(self) -> bool:
        """Whether a debt that was sold with a plan is paid to the buyer: nobody collects it here any more."""
        return "enforcement" in self.sold.stops


class Reporting(Section):
    """What the bank is to report of a renegotiated debt: to the credit record, and to the tax office.

    The statuses are the bank's own codes; ``status_when_not_late`` is that of a debt which was not past due
    before a plan that is withdrawn from. ``tax_mark`` names what forgiven amounts are reported as, or is
    "none". What was overdue stays on the record for ``overdue_kept_years`` from the end or the start of the
    lateness (0: no term on file, and none is stated).
    """

    status_while_kept: Name
    status_when_completed: Name
    status_when_settled_in_part: Name
    status_when_broken: Name
    status_when_withdrawn: Name
    status_when_not_late: Name
    tax_mark: Name
    overdue_kept_years: Count
    overdue_kept_from: Literal["end", "start"]


class DataProtection(Section):
    """What a borrower may ask about decisions and data; answers within so many days."""

    explains_automatic_decisions: bool
    person_on_request: bool
    answer_days: Days
    impact_assessment_years: Count
    sensitive_categories: tuple[Name, ...]


class Retention(Section):
    """How long each kind of evidence is kept, in years from ``counted_from``; 0 years: until then only.

    A legal hold ends by the word of ``hold_role``; erasing destroys the borrower's key, never the chain.
    """

    counted_from: Literal["settled", "last_collection_activity", "made"]
    contacts_years: Count
    recordings_years: Count
    agreements_years: Count
    assessments_years: Count
    decisions_years: Count
    hold_role: Name
    erase_by: Literal["key_destroyed"]


class TrainingRow(Section):
    """Which training follows a score below `below` in one respect."""

    respect: Literal["listening", "empathy", "conduct"]
    below: Annotated[int, Field(ge=2, le=5)]
    training: Name


class Team(Section):
    """How the people who own cases are reminded of what is due, and how their talks are reviewed (R71c)."""

    remind_business_days: Days
    sampled_pct: Annotated[int, Field(ge=0, le=100)]
    trainings: tuple[TrainingRow, ...]


class Complaints(Section):
    """A complaint's timetable."""

    acknowledge_business_days: Days
    final_response_days: Annotated[int, Field(ge=1, le=365)]
    owner_role: Name


class LegalReferral(Section):
    """When a case may go to court (R71a): talks first, or attempts that led nowhere; overrides by name.

    A complaint without its final response holds a referral back where ``open_complaint_holds``; an override
    is for what cannot wait for it either.
    """

    needs_assessment: bool
    needs_refused_or_lapsed_offer: bool
    or_attempts: Annotated[int, Field(ge=1, le=1000)]
    or_attempts_over_days: Annotated[int, Field(ge=1, le=3660)]
    min_days_past_due: Days
    open_complaint_holds: bool
    override_role: Name
    override_reasons: tuple[Literal["limitation", "asset_flight"], ...]
