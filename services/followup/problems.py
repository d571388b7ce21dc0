"""Who is responsible for a live plan, and the problems noted about it: whose, by when, how long. Pure."""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta

from services.followup.model import FollowedPlan, FollowupState, FollowupStatus, Problem
from services.followup.rules import bank_answers_by, later
from services.followup.work import policy_of
from shared.contracts.agreement import SignatureDoubted
from shared.contracts.base import Event
from shared.contracts.debts import OUT_OF_PLAN, DebtSnapshot, DebtStatus
from shared.contracts.departures import is_away
from shared.contracts.desk_care import ProblemNoted, ProblemSolved
from shared.contracts.desk_team import AwayWhy, OwnerAway
from shared.contracts.followup_care import (
    CreditFound,
    OwnerTookOver,
    ProblemHandedOver,
    ProblemOpened,
    ProblemOverdue,
    ProblemResolved,
)
from shared.contracts.ids import derive_id
from shared.contracts.intake import (
    BalanceDifferenceClosed,
    BalanceDiffers,
    BankAnswered,
    CloseReason,
    PaymentMatched,
)
from shared.contracts.reasons import ReasonCode
from shared.lending.money import Money
from shared.policy.model import PolicyInForce
from shared.policy.reference import Reference
from shared.policy.sections import StepRow

__all__ = [
    "assigned",
    "away",
    "bank_confirmed",
    "broken_in_a_stop",
    "by_a_mistake",
    "case_closed",
    "chosen",
    "close_problems",
    "compared",
    "differing",
    "gone_elsewhere",
    "interest_of_a_stop",
    "is_returned",
    "joint_elsewhere",
    "left_unbilled",
    "missing_from_the_plan",
    "noted",
    "opened",
    "problems_due",
    "refused_by_bank",
    "returned_after_completion",
    "signature_doubted",
    "solved",
    "stands_again",
    "taken_off",
    "unbilled",
    "unbooked",
    "unchosen",
    "unnoticed",
    "unserved",
]

Step = tuple[FollowupState, tuple[Event, ...]]

# Open problems of one case; one more is refused by nobody, the oldest overdue one has been escalated by then.
_PROBLEMS_KEPT = 50
_STEP = "performing"
_BY_CLOSING = "case_closed"
_BY_THE_PLAN = "plan_stands_again"
_BY_CHOICE = "credit"
RETURNED_BEFORE = "payment_returned_from_before_the_plan"
RETURNED_AFTER = "payment_returned_after_completion"
INTEREST_OF_A_STOP = "interest_of_a_stop_in_instalments"
BROKEN_IN_A_STOP = "plan_broken_in_a_stop"
BREACH_UNSERVED = "breach_notice_not_delivered"
BROKEN_UNNOTICED = "plan_broken_without_notice"
BY_A_MISTAKE = "plan_stands_again_by_a_mistake"
UNBOOKED = "payment_on_no_debt"
UNBILLED = "interest_paid_before_it_was_billed"
JOINT = "joint_debt_in_another_case"
TELL_NOTICED = "tell_co_borrower_of_breach_notice"
TELL_BROKEN = "tell_co_borrower_plan_is_broken"
TELL_STANDS = "tell_co_borrower_plan_stands_again"
TELL_COMPLETED = "tell_co_borrower_plan_is_completed"
TELL_UNCOUNTED = "tell_co_borrower_signature_does_not_count"
TELL_WITHDRAWN = "tell_co_borrower_of_withdrawal"
TELL_VOID = "tell_co_borrower_notice_is_void"
TELL_AMENDED = "tell_co_borrower_of_amendment"
DIFFERS = "balance_differs_after_completion"
_TELL_ALL_THE_SAME = frozenset(
    {TELL_BROKEN, TELL_WITHDRAWN, TELL_STANDS, TELL_UNCOUNTED, TELL_VOID, TELL_AMENDED}
)
IN_DOUBT = "signature_in_doubt"
UNCHOSEN = "credit_to_be_chosen"
TAKEN_BACK = frozenset({BROKEN_IN_A_STOP, BROKEN_UNNOTICED})
"""An end of a plan that a supervisor may take back."""


def assigned(state: FollowupState, owner: str) -> Step:
    """Somebody owns the case now; with a live plan that is a hand-over, and open problems go with it."""
    if owner == state.owner:
        return state, ()
    problems = tuple(
        problem.model_copy(update={"owner": owner}) if problem.owner == state.owner else problem
        for problem in state.problems
    )
    after = state.model_copy(update={"owner": owner, "problems": problems})
    if state.status is not FollowupStatus.LIVE:
        return after, ()
    moved = tuple(
        problem.problem_id
        for problem, before in zip(problems, state.problems, strict=True)
        if problem.owner != before.owner
    )
    return after, (OwnerTookOver(owner=owner, before=state.owner, problems=moved),)


def away(state: FollowupState, data: OwnerAway, day: date) -> Step:
    """Who will not be there leaves the problems on others' cases to who owns the case, at once.

    Those on their own cases go with the case. A closed case goes to nobody: there it is the role's.
    """
    if data.why is AwayWhy.CERTIFICATE or data.is_over(day):
        return state, ()
    return _handed_over(state, [one for one in _elsewhere(state) if one.owner == data.staff])


def _elsewhere(state: FollowupState) -> list[Problem]:
    """Give the problems that do not go with the case when somebody else owns it."""
    closed = state.status is FollowupStatus.CLOSED
    return [one for one in state.problems if one.owner is not None and (closed or one.owner != state.owner)]


def _handed_over(state: FollowupState, theirs: Sequence[Problem]) -> Step:
    said, problems = [], []
    for one in state.problems:
        if one not in theirs or one.owner is None:
            problems.append(one)
            continue
        owner = None if one.owner == state.owner else state.owner
        problems.append(one.model_copy(update={"owner": owner}))
        handed = ProblemHandedOver(problem_id=one.problem_id, owner=owner, before=one.owner, due=one.due)
        said.append(handed)
    return state.model_copy(update={"problems": tuple(problems)}), tuple(said)


def noted(state: FollowupState, data: ProblemNoted, day: date, policy: PolicyInForce) -> Step | ReasonCode:
    """Put a problem on file; whose it is and by when follow from the pack where nobody says."""
    if any(problem.problem_id == data.problem_id for problem in state.problems):
        return ReasonCode.PROBLEM_KNOWN
    return opened(state, data, day, policy)


def missing_from_the_plan(state: FollowupState, reversal: str, day: date, policy: PolicyInForce) -> Step:
    """A payment dated before the plan came back: the plan was made on balances that are too low by it.

    Its instalments stand, because they are signed; a person decides what becomes of the rest.
    """
    return _of_fact(state, reversal, RETURNED_BEFORE, day, policy)


def returned_after_completion(state: FollowupState, reversal: str, day: date, policy: PolicyInForce) -> Step:
    """The payment that completed the plan came back after the case was closed.

    The letter is out and the bank was told that the debts are settled: neither can be taken back by a
    program, and the borrower is to hear of it before anybody asks for the money. So a person looks.
    """
    return _of_fact(state, reversal, RETURNED_AFTER, day, policy)


def is_returned(state: FollowupState) -> bool:
    """Whether somebody is looking into money that came back of a completed plan."""
    return any(problem.about == RETURNED_AFTER for problem in state.problems)


def unbooked(
    state: FollowupState, plan: FollowedPlan, data: PaymentMatched, day: date, policy: PolicyInForce
) -> Step:
    """Money pays an instalment whose debt is stopped or recalled, so that it lies on no debt's books.

    The borrower has paid as agreed, and the debt stays owed: a person sees where the money is to go.
    """
    gone = any(debt.debt_id in plan.debts and debt.status in OUT_OF_PLAN for debt in data.debts)
    known = any(problem.about == UNBOOKED for problem in state.problems)
    if known or not gone or not data.unallocated.is_positive:
        return state, ()
    id_ = derive_id("problem", state.case, plan.agreement_id, data.payment_id)
    return opened(state, ProblemNoted(problem_id=id_, about=UNBOOKED), day, policy)


def unbilled(state: FollowupState, plan: FollowedPlan, day: date, policy: PolicyInForce) -> Step:
    """A plan was completed by money that lies on no debt and is no credit: its interest is not billed yet.

    The bank may bill it, have taken it, or owe it back, and its figures are the same each time: so a person
    asks.
    """
    found = {one.found.currency: one.found for one in state.credits if one.agreement_id == plan.agreement_id}
    kept = any(one > found.get(one.currency, Money.zero(one.currency)) for one in plan.unbooked)
    if not kept or any(problem.about in {UNBOOKED, UNBILLED} for problem in state.problems):
        return state, ()
    return _of_fact(state, f"unbilled/{plan.agreement_id}/{day.isoformat()}", UNBILLED, day, policy)


def left_unbilled(state: FollowupState, day: date, reference: Reference) -> Step:
    """The case ends before its plan, for nothing is owed any more: what of its money lies on no debt is asked
    about, too.
    """
    plan = state.plan
    if plan is None or state.status is not FollowupStatus.LIVE:
        return state, ()
    return unbilled(state, plan, day, policy_of(plan, reference, day))


def compared(plan: FollowedPlan, data: BalanceDiffers | BalanceDifferenceClosed) -> FollowedPlan:
    """Remember of which debts the bank says more than the plan does, while nobody has reconciled it."""
    others = tuple(one for one in plan.differing if one != data.account_id)
    more = isinstance(data, BalanceDiffers) and data.difference.is_positive
    return plan.model_copy(update={"differing": (*others, data.account_id) if more else others})


def differing(state: FollowupState, plan: FollowedPlan, day: date, policy: PolicyInForce) -> Step:
    """A plan was completed while by the bank's figures more is owed: nobody compares them any more.

    The letter says what was agreed, and the bank is told so: whether its books follow, or it has told of a
    payment that it does not have, a person asks.
    """
    if not plan.differing:
        return state, ()
    return _of_fact(state, f"{DIFFERS}/{plan.agreement_id}/{day.isoformat()}", DIFFERS, day, policy)


def interest_of_a_stop(state: FollowupState, since: date, day: date, policy: PolicyInForce) -> Step:
    """A stop let no interest run, but the instalments that were signed hold that of its days."""
    return _of_fact(state, f"stop/{since.isoformat()}", INTEREST_OF_A_STOP, day, policy)


def broken_in_a_stop(state: FollowupState, plan: FollowedPlan, day: date, policy: PolicyInForce) -> Step:
    """A plan was broken on days in which, as turns out, nothing could be held against the borrower.

    The bank has been told, and has taken back what was conceded: a person sees what is made good, and how.
    """
    return _of_fact(state, f"{BROKEN_IN_A_STOP}/{plan.agreement_id}", BROKEN_IN_A_STOP, day, policy)


def unserved(state: FollowupState, notice_id: str, day: date, policy: PolicyInForce) -> Step:
    """A notice of breach could not leave: a person serves it, in the pack's days for that."""
    latest = later(day, max(policy.breach.notice_days, 1))
    return _of_fact(state, notice_id, BREACH_UNSERVED, day, policy, latest)


def unnoticed(state: FollowupState, notice_id: str, day: date, policy: PolicyInForce) -> Step:
    """A plan was broken by a notice that, as turns out, never left: a person sees what is made good."""
    return _of_fact(state, f"{BROKEN_UNNOTICED}/{notice_id}", BROKEN_UNNOTICED, day, policy)


def unchosen(state: FollowupState, found: CreditFound, policy: PolicyInForce) -> Step:
    """There is something beyond a plan that the borrower has not chosen about: a person asks, until they do.

    The message may find nobody, and the money is theirs, also when the case is long closed.
    """
    if not found.amount.is_positive:
        return chosen(state, found.as_of, but=found)
    if any(problem.about == UNCHOSEN for problem in state.problems):
        return state, ()
    fact = f"{UNCHOSEN}/{found.agreement_id}/{found.as_of.isoformat()}/{found.amount}"
    return _of_fact(state, fact, UNCHOSEN, found.as_of, policy)


def chosen(state: FollowupState, day: date, but: CreditFound | None = None) -> Step:
    """Nothing is left to choose about, beside what has just been said to be nothing."""
    gone = None if but is None else (but.agreement_id, but.amount.currency)
    if any(
        one.found > one.settled and (one.agreement_id, one.found.currency) != gone for one in state.credits
    ):
        return state, ()
    asked = [one for one in state.problems if one.about == UNCHOSEN]
    return taken_off(state, asked, day, _BY_CHOICE)


def signature_doubted(state: FollowupState, data: SignatureDoubted, day: date, policy: PolicyInForce) -> Step:
    """Who signed may not have been able to: a person asks, and nobody is treated otherwise meanwhile."""
    fact = f"{IN_DOUBT}/{data.agreement_id}/{data.party_id or ''}/{data.reason.code}"
    return _of_fact(state, fact, IN_DOUBT, day, policy)


def by_a_mistake(state: FollowupState, plan: FollowedPlan, day: date, policy: PolicyInForce) -> Step:
    """The stop in which a plan had been broken, so that it stands again, never was: a person looks."""
    on = day if plan.stood is None else plan.stood.until
    return _of_fact(state, f"{BY_A_MISTAKE}/{plan.agreement_id}/{on.isoformat()}", BY_A_MISTAKE, day, policy)


def gone_elsewhere(state: FollowupState, debts: Iterable[DebtSnapshot]) -> tuple[str, ...]:
    """Give the debts that another obligor's case took over with the end of this one."""
    gone = (debt.debt_id for debt in debts if debt.status is DebtStatus.ELSEWHERE)
    return tuple(debt_id for debt_id in gone if debt_id not in state.apart)


def joint_elsewhere(state: FollowupState, debts: Iterable[str], day: date, reference: Reference) -> Step:
    """A debt of the live plan is in another obligor's case from now on, which knows nothing of the plan.

    It binds the lender all the same: a person tells whoever looks after that case, also when this one closes,
    and has no more time for it than the bank has to stop collection by an instruction. There it may be put to
    rest as any debt that is disputed.
    """
    plan, said = state.plan, tuple[Event, ...]()
    if plan is None or state.status is not FollowupStatus.LIVE:
        return state, said
    policy = policy_of(plan, reference, day)
    latest = max(bank_answers_by(day, policy), later(day, 1))
    for debt_id in debts:
        if debt_id in plan.debts:
            fact = f"joint/{plan.agreement_id}/{debt_id}"
            state, more = _of_fact(state, fact, JOINT, day, policy, latest)
            said += more
    return state, said


def stands_again(state: FollowupState, day: date) -> Step:
    """The plan stands again after all: nothing is left to be made good of its end."""
    gone = (problem for problem in state.problems if problem.about in TAKEN_BACK)
    return taken_off(state, gone, day, _BY_THE_PLAN)


def _of_fact(
    state: FollowupState, fact: str, about: str, day: date, policy: PolicyInForce, latest: date = date.max
) -> Step:
    noted_ = ProblemNoted(problem_id=derive_id("problem", state.case, fact), about=about)
    if any(problem.problem_id == noted_.problem_id for problem in state.problems):
        return state, ()
    return opened(state, noted_, day, policy, latest=latest)


def refused_by_bank(state: FollowupState, data: BankAnswered, day: date, policy: PolicyInForce) -> Step:
    """The bank could not do what it was asked: a person finds out why, and has their days for it."""
    what = "instruction" if data.about is None else data.about.value
    noted_ = ProblemNoted(
        problem_id=derive_id("problem", state.case, data.instruction_id), about=f"{what}_refused_by_bank"
    )
    if any(problem.problem_id == noted_.problem_id for problem in state.problems):
        return state, ()
    return opened(state, noted_, day, policy)


def bank_confirmed(state: FollowupState, instruction: str, day: date) -> Step:
    """It has done it after all: what its refusal had opened is solved."""
    id_ = derive_id("problem", state.case, instruction)
    problem = next((item for item in state.problems if item.problem_id == id_), None)
    if problem is None:
        return state, ()
    return taken_off(state, (problem,), day, "bank")


def opened(
    state: FollowupState,
    data: ProblemNoted,
    day: date,
    policy: PolicyInForce,
    *,
    party_id: str | None = None,
    latest: date = date.max,
) -> Step:
    """Open a problem, due in the pack's time where nobody says another, and no later than `latest`."""
    step = _step(policy)
    due = max(data.due, day) if data.due is not None else _due(day, step, policy)
    problem = Problem(
        problem_id=data.problem_id,
        about=data.about,
        owner=data.owner or state.owner,
        opened_on=day,
        due=min(due, latest),
        party_id=party_id,
    )
    problems = (*state.problems, problem)[-_PROBLEMS_KEPT:]
    said = ProblemOpened(
        problem_id=problem.problem_id,
        about=problem.about,
        owner=problem.owner,
        owner_role=step.owner_role,
        opened_on=day,
        due=problem.due,
        party_id=party_id,
    )
    return state.model_copy(update={"problems": problems}), (said,)


def solved(state: FollowupState, data: ProblemSolved, day: date) -> Step | ReasonCode:
    """Take a problem off the file, and say how long it took."""
    problem = next((item for item in state.problems if item.problem_id == data.problem_id), None)
    if problem is None:
        return ReasonCode.PROBLEM_UNKNOWN
    return taken_off(state, (problem,), day, data.by)


def case_closed(state: FollowupState, day: date, reason: CloseReason) -> Step:
    """The case is closed: nothing of it is a problem any more, but money that lies on no debt, and books of
    the bank that say more than a completed plan.

    Nor is it over what another obligor's case has to know of the plan, or who is bound by it what became of
    it: what binds the bank goes on there. A notice of breach that nobody told them of is void with the case.

    A completed plan leaves open what it never asked for: somebody still decides about money that came back.
    Nor has anybody taken out the interest of a stop's days that all that was owed was paid with, or made good
    what a breach took that should not have been, whoever was paid since, or has the debt.
    """
    completed = reason is CloseReason.PLAN_COMPLETED
    of_reason = {RETURNED_BEFORE} if completed else {JOINT, *_TELL_ALL_THE_SAME}
    outlasts = {UNBOOKED, UNBILLED, DIFFERS, UNCHOSEN, *TAKEN_BACK, TELL_COMPLETED, *of_reason}
    if completed or reason is CloseReason.SETTLED:
        outlasts.add(INTEREST_OF_A_STOP)
    gone = (problem for problem in state.problems if problem.about not in outlasts)
    return taken_off(state, gone, day, _BY_CLOSING)


def taken_off(state: FollowupState, solved_: Iterable[Problem], day: date, by: str) -> Step:
    """Take problems that are solved off the file, and say of each how long it took."""
    gone = {problem.problem_id for problem in solved_}
    if not gone:
        return state, ()
    left = tuple(problem for problem in state.problems if problem.problem_id not in gone)
    said = tuple(_resolved(problem, day, by) for problem in state.problems if problem.problem_id in gone)
    return state.model_copy(update={"problems": left}), said


def problems_due(state: FollowupState) -> date | None:
    """Give the first day whose close finds a problem overdue, or asks whether who solves it is there.

    Who has it without the case is asked about each evening: the roster is written anew at any time, and a
    command says it only of the problems that there are.
    """
    days = [problem.due for problem in state.problems if not problem.overdue]
    opened = min((one.opened_on for one in _elsewhere(state)), default=None)
    if opened is not None:
        days.append(opened if state.roster_asked_on is None else _next(state.roster_asked_on))
    return min(days, default=None)


def close_problems(state: FollowupState, day: date, policy: PolicyInForce, reference: Reference) -> Step:
    """Hand over what somebody was to solve who is not there the next day; escalate what is not solved."""
    theirs, said = _elsewhere(state), tuple[Event, ...]()
    if theirs:
        first = _next(day)
        gone = [one for one in theirs if one.owner is not None and is_away(reference, one.owner, first)]
        state, said = _handed_over(state, gone)
        state = state.model_copy(update={"roster_asked_on": day})
    state, late = _escalated(state, day, policy)
    return state, (*said, *late)


def _next(day: date) -> date:
    return day + timedelta(days=1) if day < date.max else day


def _escalated(state: FollowupState, day: date, policy: PolicyInForce) -> Step:
    """Escalate, once, what is not solved by the close of its last day."""
    late = [problem for problem in state.problems if not problem.overdue and problem.due <= day]
    if not late:
        return state, ()
    to_role = _step(policy).escalate_to
    said = tuple(
        ProblemOverdue(problem_id=problem.problem_id, as_of=day, owner=problem.owner, to_role=to_role)
        for problem in late
    )
    problems = tuple(
        problem.model_copy(update={"overdue": True}) if problem in late else problem
        for problem in state.problems
    )
    return state.model_copy(update={"problems": problems}), said


def _resolved(problem: Problem, day: date, by: str) -> ProblemResolved:
    """Say that a problem is solved, and how long it took."""
    days = max((day - problem.opened_on).days, 0)
    return ProblemResolved(problem_id=problem.problem_id, as_of=day, by=by, days=days)


def _step(policy: PolicyInForce) -> StepRow:
    """Who watches a plan, how soon, and who hears of it otherwise: the pack's step of a plan that is kept."""
    return policy.step(_STEP) or policy.timetable.steps[0]


def _due(day: date, step: StepRow, policy: PolicyInForce) -> date:
    try:
        return policy.deadline(day, step.business_days)
    except (OverflowError, ValueError):
        return day
