"""What followup says beside the instalments: notices, corrections of an end, care, problems, credit."""

from datetime import date, datetime
from typing import ClassVar

from pydantic import Field

from shared.contracts.base import Event, MoneyField, Reason
from shared.contracts.breach import BreachFacts
from shared.contracts.desk import FeedbackTheme
from shared.contracts.desk_care import CreditChoice, ReviewOutcome, SatisfactionTopic, SessionKind

__all__ = [
    "BreachCured",
    "BreachNoticed",
    "CreditFound",
    "CreditInstructed",
    "DifficultyLasts",
    "LegalReferralHeld",
    "LegalReferralMade",
    "LegalReferralResumed",
    "NewCreditCleared",
    "OwnerTookOver",
    "PlanReopened",
    "ProblemHandedOver",
    "ProblemOpened",
    "ProblemOverdue",
    "ProblemResolved",
    "ReferralMade",
    "ReviewInvited",
    "ReviewOverdue",
    "ReviewPassed",
    "SatisfactionAsked",
    "SatisfactionNoted",
    "SupportEnrolled",
    "SupportSessionNoted",
]


class _Followup(Event):
    PRODUCER: ClassVar[str] = "followup"


class BreachNoticed(_Followup):
    """The plan would be broken: what is missing, and the last day on which paying it puts it right."""

    TYPE: ClassVar[str] = "parley.followup.breach.noticed.v1"

    agreement_id: str
    as_of: date
    cure_by: date
    missing: tuple[MoneyField, ...]
    reasons: tuple[Reason, ...] = ()
    returns: tuple[MoneyField, ...] = Field(
        default=(), description="what was waived on condition and is owed again if it is not put right"
    )
    rates_return: bool = Field(default=False, description="so are the rates of the contract")
    facts: BreachFacts | None = Field(
        default=None, description="what the borrower is told; None in notices of older versions"
    )
    served: bool = Field(
        default=False,
        description="by hand, on that day, for the notice before could not leave: nothing is sent",
    )


class BreachCured(_Followup):
    """What a notice of breach was about is put right, or a hardship was reported: the notice is void."""

    TYPE: ClassVar[str] = "parley.followup.breach.cured.v1"

    agreement_id: str
    as_of: date
    reason: Reason


class PlanReopened(_Followup):
    """A payment that had completed the plan was returned: so much is missing again, after new grace.

    Or, with the reason `broken_in_a_stop`, it had been broken on days of a stop that was told later.
    """

    TYPE: ClassVar[str] = "parley.followup.plan.reopened.v1"

    agreement_id: str
    as_of: date
    missing: tuple[MoneyField, ...]
    reason: Reason


class CreditFound(_Followup):
    """More than the whole plan was paid: `amount` is the borrower's, who chooses what becomes of it.

    Said again when it changes; zero when nothing is left of it.
    """

    TYPE: ClassVar[str] = "parley.followup.credit.found.v1"

    agreement_id: str
    as_of: date
    amount: MoneyField


class CreditInstructed(_Followup):
    """The bank is to pay the credit back, or to move it to another debt; once for each `instruction_id`."""

    TYPE: ClassVar[str] = "parley.followup.credit.instructed.v1"

    instruction_id: str
    amount: MoneyField
    choice: CreditChoice
    debt_id: str | None = None
    answer_by: date | None = Field(
        default=None, description="the bank answers on bank.events; None: nobody waits"
    )


class NewCreditCleared(_Followup):
    """The plan was completed and a check of its own was made: whoever lends may decide about new credit.

    Nothing is granted by it, and no money of it may pay what was renegotiated here.
    """

    TYPE: ClassVar[str] = "parley.followup.new-credit.cleared.v1"

    request_id: str
    as_of: date
    check: str = Field(description="the reference of the check of the borrower's means")


class OwnerTookOver(_Followup):
    """Another named person is responsible for a live plan from now on, with its open problems."""

    TYPE: ClassVar[str] = "parley.followup.owner.took-over.v1"

    owner: str
    before: str | None = None
    problems: tuple[str, ...] = Field(default=(), description="ids of the problems that go with it")


class ProblemOpened(_Followup):
    """A problem is on file: whose it is, and by when."""

    TYPE: ClassVar[str] = "parley.followup.problem.opened.v1"

    problem_id: str
    about: str
    owner: str | None = None
    owner_role: str
    opened_on: date
    due: date
    party_id: str | None = Field(default=None, description="the co-borrower who is to be told of it")


class ProblemHandedOver(_Followup):
    """Who was to solve a problem on somebody else's case is away: it is another's, with the same last day."""

    TYPE: ClassVar[str] = "parley.followup.problem.handed-over.v1"

    problem_id: str
    owner: str | None = Field(default=None, description="staff id; None: whoever has the role")
    before: str
    due: date


class LegalReferralMade(_Followup):
    """The case may go to the lawyers, and why: talks or attempts led nowhere, or a supervisor's override."""

    TYPE: ClassVar[str] = "parley.followup.legal-referral.made.v1"

    as_of: date
    by: str = Field(max_length=64)
    reasons: tuple[Reason, ...] = Field(min_length=1)
    overridden: bool = False


class _ReferralInstructed(_Followup):
    instruction_id: str
    as_of: date
    reason: Reason
    answer_by: date = Field(description="the bank answers on bank.events")


class LegalReferralHeld(_ReferralInstructed):
    """A referral waits, for a complaint, or because it was made in a stop that was told later.

    The bank sees to it that nobody goes on with it meanwhile.
    """

    TYPE: ClassVar[str] = "parley.followup.legal-referral.held.v1"


class LegalReferralResumed(_ReferralInstructed):
    """What held a referral is over, or cannot be waited for: it goes on."""

    TYPE: ClassVar[str] = "parley.followup.legal-referral.resumed.v1"


class ProblemOverdue(_Followup):
    """A problem was not solved in time."""

    TYPE: ClassVar[str] = "parley.followup.problem.overdue.v1"

    problem_id: str
    as_of: date
    owner: str | None = None
    to_role: str


class ProblemResolved(_Followup):
    """A problem is solved, so many days after it was opened."""

    TYPE: ClassVar[str] = "parley.followup.problem.resolved.v1"

    problem_id: str
    as_of: date
    by: str
    days: int = Field(ge=0)


class DifficultyLasts(_Followup):
    """The borrower has reported a difficulty that is not temporary, or has no known end, on a live plan."""

    TYPE: ClassVar[str] = "parley.followup.difficulty.lasts.v1"

    agreement_id: str
    as_of: date


class ReviewInvited(_Followup):
    """The borrower is invited to a review, so many business days ahead as the pack says.

    `on` is its day; today, where a miss or the end of a stop has just brought it up. Declining harms nothing.
    """

    TYPE: ClassVar[str] = "parley.followup.review.invited.v1"

    number: int = Field(ge=1)
    on: date
    as_of: date


class ReviewOverdue(_Followup):
    """A review that is due was not held in the pack's time."""

    TYPE: ClassVar[str] = "parley.followup.review.overdue.v1"

    number: int = Field(ge=1)
    due: date
    as_of: date
    owner: str | None = None


class ReviewPassed(_Followup):
    """A review was declined, or nobody was reached: the plan stands, the next one has its day."""

    TYPE: ClassVar[str] = "parley.followup.review.passed.v1"

    number: int = Field(ge=0)
    outcome: ReviewOutcome
    next_review: date


class SupportEnrolled(_Followup):
    """The borrower is in the support group."""

    TYPE: ClassVar[str] = "parley.followup.support.enrolled.v1"

    as_of: date
    reasons: tuple[Reason, ...]


class SupportSessionNoted(_Followup):
    """A session of the support group is on file, with the attendance so far."""

    TYPE: ClassVar[str] = "parley.followup.support.session.noted.v1"

    session_id: str
    session: SessionKind
    at: datetime
    place: str
    attended: bool
    sessions: int = Field(ge=1, description="sessions on file of this case")
    attended_in_all: int = Field(ge=0)


class ReferralMade(_Followup):
    """The borrower was sent to help outside."""

    TYPE: ClassVar[str] = "parley.followup.referral.made.v1"

    session_id: str
    referred_to: str


class SatisfactionAsked(_Followup):
    """The borrower is asked how satisfied they are."""

    TYPE: ClassVar[str] = "parley.followup.satisfaction.asked.v1"

    topic: SatisfactionTopic
    as_of: date


class SatisfactionNoted(_Followup):
    """The borrower's answer is on file."""

    TYPE: ClassVar[str] = "parley.followup.satisfaction.noted.v1"

    topic: SatisfactionTopic
    score: int = Field(ge=1, le=5)
    about: tuple[FeedbackTheme, ...] = ()
