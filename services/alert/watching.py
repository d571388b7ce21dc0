"""What each fact means to whoever watches: something went wrong, or was cured. Pure.

Facts of different services may arrive in any order; where two of them meet, their business days decide.
"""

from datetime import date
from typing import Any

from services.alert.model import AlertState, Ask, Asked, BrokenPromise, MissedLine, Pending
from services.alert.raising import Step, raise_alert, raise_step, resolve, resolve_all
from services.alert.rules import paid_off, short_of
from shared.contracts import agreement, followup, followup_care, intake, intake_team
from shared.contracts.alert import AlertKind
from shared.contracts.base import Event, Reason
from shared.contracts.desk import SignatureParty
from shared.contracts.envelope import Envelope
from shared.contracts.reasons import ReasonCode
from shared.lending.money import Money
from shared.policy.model import PolicyInForce

__all__ = [
    "asks",
    "balance_differs",
    "balance_settled",
    "bank_answered",
    "bank_instructed",
    "corrected",
    "credit_instructed",
    "line_paid",
    "missed",
    "no_longer_asks",
    "paid",
    "party_signed",
    "plan_broken",
    "plan_completed",
    "plan_reopened",
    "plan_started",
    "problem_overdue",
    "problem_solved",
    "promise_broken",
    "promise_kept",
    "rate_differs",
    "rate_settled",
    "review_done",
    "review_overdue",
    "reward_granted",
    "step_done",
    "step_overdue",
    "stops_instructed",
    "taken_back",
]

# Bounds of the document, far above what a case has: the oldest goes first.
_MISSED_KEPT = 120
_PROMISES_KEPT = 24
_PENDING_KEPT = 24
_PROBLEMS_KEPT = 50


# --- instalments and plans


def missed(state: AlertState, message: Envelope[followup.InstalmentMissed], policy: PolicyInForce) -> Step:
    """One alert for a run of misses; after a broken plan its own alert is enough.

    Who has reported a hardship is not called about what was missed since: the talks are the remedy.
    """
    data = message.data
    if data.shielded:
        return state, ()
    broken = state.open(AlertKind.PLAN_BROKEN)
    if broken is not None and broken.about == data.agreement_id:
        return state, ()
    line = _line(data)
    known = (*(other for other in state.missed if other != line), line)[-_MISSED_KEPT:]
    return raise_alert(
        state.model_copy(update={"missed": known}),
        AlertKind.INSTALMENT_MISSED,
        f"instalment {data.number}",
        message.day,
        policy,
        Reason(code=ReasonCode.INSTALMENT_MISSED, params={"due": data.due.isoformat()}),
        cause=message.id,
    )


def line_paid(state: AlertState, message: Envelope[followup.InstalmentPaid], _: PolicyInForce) -> Step:
    """Paid after all: cured when nothing that was missed is left."""
    return _cured(state, message)


def corrected(state: AlertState, message: Envelope[followup.InstalmentCorrected], _: PolicyInForce) -> Step:
    """What was concluded has changed; a new miss says so itself."""
    return (state, ()) if message.data.now == "missed" else _cured(state, message)


def _cured(
    state: AlertState,
    message: Envelope[followup.InstalmentPaid] | Envelope[followup.InstalmentCorrected],
) -> Step:
    line = _line(message.data)
    if line not in state.missed:
        return state, ()
    left = tuple(other for other in state.missed if other != line)
    now = state.model_copy(update={"missed": left})
    return (now, ()) if left else resolve(now, AlertKind.INSTALMENT_MISSED, message.day, ReasonCode.CAUGHT_UP)


def _line(
    data: followup.InstalmentMissed | followup.InstalmentPaid | followup.InstalmentCorrected,
) -> MissedLine:
    return MissedLine(agreement_id=data.agreement_id, number=data.number, currency=data.total.currency)


def plan_started(state: AlertState, message: Envelope[followup.PlanStarted], _: PolicyInForce) -> Step:
    """A new plan takes the place of what was missed or broken."""
    now = state.model_copy(update={"missed": ()})
    now, of_lines = resolve(now, AlertKind.INSTALMENT_MISSED, message.day, ReasonCode.PLAN_SUPERSEDED)
    now, of_plan = resolve(now, AlertKind.PLAN_BROKEN, message.day, ReasonCode.PLAN_SUPERSEDED)
    return now, (*of_lines, *of_plan)


def plan_broken(state: AlertState, message: Envelope[followup.PlanBroken], policy: PolicyInForce) -> Step:
    """The graver alert takes the place of that about its instalments."""
    now = state.model_copy(update={"missed": ()})
    now, over = resolve(now, AlertKind.INSTALMENT_MISSED, message.day, ReasonCode.PLAN_BROKEN)
    now, said = raise_alert(
        now,
        AlertKind.PLAN_BROKEN,
        message.data.agreement_id,
        message.day,
        policy,
        *message.data.reasons,
        cause=message.id,
    )
    return now, (*over, *said)


def plan_completed(state: AlertState, message: Envelope[followup.PlanCompleted], _: PolicyInForce) -> Step:
    """Everything is paid: nothing that was open matters any more, nor what had been asked before."""
    pending = tuple(item for item in state.pending if not item.overdue)
    asked = tuple(ask for ask in state.asked if ask.since >= message.day)
    gone = {"missed": (), "promises": (), "problems": (), "differing": (), "rates_differing": ()}
    update = {**gone, "pending": pending, "asked": asked}
    return resolve_all(state.model_copy(update=update), message.day, ReasonCode.CAUGHT_UP)


def plan_reopened(
    state: AlertState, message: Envelope[followup_care.PlanReopened], policy: PolicyInForce
) -> Step:
    """What had completed the plan was returned: somebody explains it, and asks how it can be paid again.

    A breach that is undone alarms nobody any more, and the statement that it had led to is not waited for.
    """
    data = message.data
    if data.reason.code is ReasonCode.BROKEN_IN_A_STOP:
        asked = tuple(ask for ask in state.asked if ask.what is not Ask.STATEMENT or ask.since >= message.day)
        now, said = resolve(state, AlertKind.PLAN_BROKEN, message.day, data.reason.code)
        now = now.model_copy(update={"asked": asked})
        if asked:
            return now, said
        now, more = resolve(now, AlertKind.BORROWER_SILENT, message.day, data.reason.code)
        return now, (*said, *more)
    return raise_alert(
        state,
        AlertKind.COMPLETION_UNDONE,
        data.agreement_id,
        message.day,
        policy,
        data.reason,
        cause=message.id,
    )


# --- reviews and problems


def review_overdue(
    state: AlertState, message: Envelope[followup_care.ReviewOverdue], policy: PolicyInForce
) -> Step:
    """A review was not held in its time."""
    data = message.data
    reason = Reason(code=ReasonCode.REVIEW_OVERDUE, params={"due": data.due.isoformat()})
    about = f"review {data.number}"
    return raise_alert(state, AlertKind.REVIEW_OVERDUE, about, message.day, policy, reason, cause=message.id)


def review_done(state: AlertState, message: Envelope[Event], _: PolicyInForce) -> Step:
    """It was held, or the borrower does not want it."""
    return resolve(state, AlertKind.REVIEW_OVERDUE, message.day, ReasonCode.REVIEW_DONE)


def problem_overdue(
    state: AlertState, message: Envelope[followup_care.ProblemOverdue], policy: PolicyInForce
) -> Step:
    """A problem was not solved in its time."""
    data = message.data
    late = (*(other for other in state.problems if other != data.problem_id), data.problem_id)
    return raise_alert(
        state.model_copy(update={"problems": late[-_PROBLEMS_KEPT:]}),
        AlertKind.PROBLEM_OVERDUE,
        data.problem_id,
        message.day,
        policy,
        Reason(code=ReasonCode.PROBLEM_OVERDUE, params={"due": data.as_of.isoformat()}),
        cause=message.id,
    )


def step_overdue(
    state: AlertState, message: Envelope[intake_team.StepOverdue], policy: PolicyInForce
) -> Step:
    """A step of the timetable was not done by its last day, as intake said while it watched them."""
    return raise_step(state, message.data.step, message.data.due, message.day, policy)


def step_done(state: AlertState, message: Envelope[intake_team.StepCaughtUp], _: PolicyInForce) -> Step:
    """Cured when no step of the case is overdue any more."""
    if message.data.still_overdue or state.late:
        return state, ()
    return resolve(state, AlertKind.STEP_OVERDUE, message.day, ReasonCode.STEP_DONE)


def problem_solved(
    state: AlertState, message: Envelope[followup_care.ProblemResolved], _: PolicyInForce
) -> Step:
    """Cured when no problem is overdue any more."""
    left = tuple(other for other in state.problems if other != message.data.problem_id)
    now = state.model_copy(update={"problems": left})
    if left or not state.problems:
        return now, ()
    return resolve(now, AlertKind.PROBLEM_OVERDUE, message.day, ReasonCode.PROBLEM_SOLVED)


# --- promises and payments


def promise_broken(
    state: AlertState, message: Envelope[followup.PromiseBroken], policy: PolicyInForce
) -> Step:
    """A promise was not kept. Who reported a hardship is not called about it: the talks are the remedy."""
    data = message.data
    if data.shielded:
        return state, ()
    broken = BrokenPromise(promise_id=data.promise_id, short=short_of(data, policy), broken_on=message.day)
    others = (other for other in state.promises if other.promise_id != data.promise_id)
    return raise_alert(
        state.model_copy(update={"promises": (*others, broken)[-_PROMISES_KEPT:]}),
        AlertKind.PROMISE_BROKEN,
        data.promise_id,
        message.day,
        policy,
        Reason(code=ReasonCode.PROMISE_BROKEN, params={"due": data.due.isoformat()}),
        cause=message.id,
    )


def promise_kept(state: AlertState, message: Envelope[followup.PromiseKept], _: PolicyInForce) -> Step:
    """It was kept, as is known now."""
    left = tuple(other for other in state.promises if other.promise_id != message.data.promise_id)
    return _promises_left(state, left, message)


def paid(state: AlertState, message: Envelope[intake.PaymentMatched], _: PolicyInForce) -> Step:
    """Money that comes after a promise was broken makes up for it, the oldest first."""
    left: list[BrokenPromise] = []
    money = message.data.amount
    for promise in state.promises:
        short = promise.short
        if message.day > promise.broken_on:
            short, money = paid_off(short, money)
            if not short.is_positive:
                continue
        left.append(promise.model_copy(update={"short": short}))
    return _promises_left(state, tuple(left), message)


def taken_back(state: AlertState, message: Envelope[intake.PaymentTakenBack], _: PolicyInForce) -> Step:
    """Money that had come after a promise was broken is missing again, while its alert is open."""
    back = message.data.amount
    promises = list(state.promises)
    for index, promise in enumerate(promises):
        if promise.short.currency == back.currency and message.data.value_date > promise.broken_on:
            promises[index] = promise.model_copy(
                update={"short": max(promise.short + back, Money.zero(back.currency))}
            )
            break
    return state.model_copy(update={"promises": tuple(promises)}), ()


def _promises_left(state: AlertState, left: tuple[BrokenPromise, ...], message: Envelope[Any]) -> Step:
    had, now = bool(state.promises), state.model_copy(update={"promises": left})
    if left or not had:
        return now, ()
    return resolve(now, AlertKind.PROMISE_BROKEN, message.day, ReasonCode.CAUGHT_UP)


# --- what the borrower and the bank are asked


def asks(what: Ask, state: AlertState, message: Envelope[Event]) -> AlertState:
    """Something is asked of the borrower from this day on."""
    others = tuple(ask for ask in state.asked if ask.what is not what)
    return state.model_copy(update={"asked": (*others, Asked(what=what, since=message.day))})


def no_longer_asks(what: Ask, state: AlertState) -> AlertState:
    """It was given, or it is not asked any more."""
    return state.model_copy(update={"asked": tuple(ask for ask in state.asked if ask.what is not what)})


def party_signed(state: AlertState, message: Envelope[agreement.PartySigned], _: PolicyInForce) -> Step:
    """Only the borrower's signature was asked of the borrower."""
    if message.data.party is not SignatureParty.BORROWER:
        return state, ()
    return no_longer_asks(Ask.SIGNATURE, state), ()


def bank_instructed(state: AlertState, message: Envelope[agreement.BankInstructed], _: PolicyInForce) -> Step:
    """The bank answers by a day."""
    data = message.data
    return _awaits(state, data.instruction_id, data.kind.value, data.answer_by), ()


def stops_instructed(state: AlertState, message: Envelope[intake.StopsInstructed], _: PolicyInForce) -> Step:
    """So it does about what stop events stop."""
    data = message.data
    return _awaits(state, data.instruction_id, intake.InstructionAbout.STOPS.value, data.answer_by), ()


def credit_instructed(
    state: AlertState, message: Envelope[followup_care.CreditInstructed], _: PolicyInForce
) -> Step:
    """So it does about a credit; older versions did not say by when."""
    data, kind = message.data, intake.InstructionAbout.CREDIT.value
    if data.answer_by is None:
        return state, ()
    return _awaits(state, data.instruction_id, kind, data.answer_by), ()


def referral_instructed(state: AlertState, message: Envelope[Any], _: PolicyInForce) -> Step:
    """And about a referral to the lawyers that is held, or goes on."""
    data, kind = message.data, intake.InstructionAbout.REFERRAL.value
    return _awaits(state, data.instruction_id, kind, data.answer_by), ()


def reward_granted(state: AlertState, message: Envelope[followup.RewardGranted], _: PolicyInForce) -> Step:
    """And about a reward that it is to apply."""
    data, kind = message.data, intake.InstructionAbout.REWARD.value
    if data.instruction_id is None or data.answer_by is None:
        return state, ()
    return _awaits(state, data.instruction_id, kind, data.answer_by), ()


def _awaits(state: AlertState, instruction_id: str, kind: str, answer_by: date) -> AlertState:
    pending = Pending(instruction_id=instruction_id, kind=kind, answer_by=answer_by)
    others = tuple(item for item in state.pending if item.instruction_id != instruction_id)
    return state.model_copy(update={"pending": (*others, pending)[-_PENDING_KEPT:]})


def bank_answered(state: AlertState, message: Envelope[intake.BankAnswered], _: PolicyInForce) -> Step:
    """The bank has answered; cured when no answer is overdue."""
    left = tuple(item for item in state.pending if item.instruction_id != message.data.instruction_id)
    now = state.model_copy(update={"pending": left})
    if any(item.overdue for item in left):
        return now, ()
    return resolve(now, AlertKind.BANK_SILENT, message.day, ReasonCode.BANK_ANSWERED)


def balance_differs(
    state: AlertState, message: Envelope[intake.BalanceDiffers], policy: PolicyInForce
) -> Step:
    """The bank's balance is not the plan's: somebody finds out which is right, by the remedy's day."""
    others = _without(state.differing, message)
    now = state.model_copy(update={"differing": (*others, message.data.account_id)})
    return _differs(now, message, AlertKind.BALANCE_DIFFERS, policy)


def balance_settled(
    state: AlertState, message: Envelope[intake.BalanceDifferenceClosed], _: PolicyInForce
) -> Step:
    """Cured when no account is left whose balance differs."""
    left = _without(state.differing, message)
    now = state.model_copy(update={"differing": left})
    if left or not state.differing:
        return now, ()
    return resolve(now, AlertKind.BALANCE_DIFFERS, message.day, ReasonCode.BALANCE_RECONCILED)


def rate_differs(state: AlertState, message: Envelope[intake.RateDiffers], policy: PolicyInForce) -> Step:
    """The bank's rate is not the agreed one: so of that."""
    others = _without(state.rates_differing, message)
    now = state.model_copy(update={"rates_differing": (*others, message.data.account_id)})
    return _differs(now, message, AlertKind.RATE_DIFFERS, policy)


def rate_settled(state: AlertState, message: Envelope[intake.RateDifferenceClosed], _: PolicyInForce) -> Step:
    """Cured when no account is left whose rate differs."""
    left = _without(state.rates_differing, message)
    now = state.model_copy(update={"rates_differing": left})
    if left or not state.rates_differing:
        return now, ()
    return resolve(now, AlertKind.RATE_DIFFERS, message.day, ReasonCode.RATE_RECONCILED)


def _without(accounts: tuple[str, ...], message: Envelope[Any]) -> tuple[str, ...]:
    return tuple(account for account in accounts if account != message.data.account_id)


def _differs(state: AlertState, message: Envelope[Any], kind: AlertKind, policy: PolicyInForce) -> Step:
    data = message.data
    return raise_alert(state, kind, data.account_id, message.day, policy, data.reason, cause=message.id)
