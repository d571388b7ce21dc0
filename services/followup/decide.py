"""Followup's decisions: how a signed plan is kept.

Messages only add facts; what follows from them is concluded when a day closes (see `judging`), so that the
order and the batches in which they came make no difference.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from typing import Any

from services.followup import (
    care,
    co_borrowers,
    found,
    leftover,
    problems,
    referral,
    standing,
    stops,
    trying,
    unserved,
)
from services.followup.charges import charges_of, moved
from services.followup.desk import OF_THE_DESK, Handler, Outcome, refusal
from services.followup.hearing import OF_CONTACTS_AND_TALKS
from services.followup.judging import close_plan, finish, plan_due
from services.followup.ledger import prune, receive
from services.followup.model import ContactLedger, FollowupState, FollowupStatus
from services.followup.promises import close_promises, note, promises_due
from services.followup.returns import remember
from services.followup.rules import counts_for_plan, is_counted
from services.followup.sold import counted, without_sold
from services.followup.starting import start, take_back
from services.followup.work import live_plan, policy_of
from shared.contracts import (
    agreement,
    desk,
    desk_parties,
    desk_team,
    followup,
    intake,
)
from shared.contracts.base import Event
from shared.contracts.debts import DebtStatus
from shared.contracts.decision import Decision, events_of
from shared.contracts.departures import told
from shared.contracts.envelope import Envelope
from shared.contracts.followup_care import CreditFound
from shared.contracts.parties import judged_on, last_told
from shared.contracts.reasons import ReasonCode
from shared.policy.model import PolicyInForce
from shared.policy.reference import Reference

__all__ = ["HANDLED", "FollowupDecider"]


class FollowupDecider:
    """Instalments, promises, reviews, incentives and support."""

    def decide(self, state: FollowupState | None, message: Envelope[Any], reference: Reference) -> Outcome:
        """Decide one message; see `shared.contracts.decision`."""
        handler = _HANDLERS.get(type(message.data))
        if handler is None:
            return Decision(state)
        return _chased(handler(state, message, reference), reference, message.day)

    def due(self, state: FollowupState) -> date | None:
        """The next day of the plan, of a promise, or of money that only a plan signed by then could count."""
        if state.status is FollowupStatus.CLOSED:
            return problems.problems_due(state)
        uncounted = (entry.on for entry in state.received if not is_counted(state, entry.on))
        days = (
            plan_due(state),
            promises_due(state),
            problems.problems_due(state),
            min(uncounted, default=None),
        )
        first = min((day for day in days if day is not None), default=None)
        return None if first is None else judged_on(first, state.stop_told_on)

    def close(self, state: FollowupState, day: date, reference: Reference) -> Outcome:
        """Conclude about instalments and promises; act on it; forget what nothing counts any more."""
        due = self.due(state)
        if due is None or due > day:
            return Decision(state)
        after, of_plan, of_promises = state, tuple[Event, ...](), tuple[Event, ...]()
        if state.status is not FollowupStatus.CLOSED:
            after, of_doubt = standing.close_doubted(state, day, reference)
            after, of_plan = close_plan(after, day, reference)
            after, of_notice = unserved.over(after, day)
            of_plan = (*of_doubt, *of_plan, *of_notice)
            after, of_promises = close_promises(after, day, reference)
        of_problems: tuple[Event, ...] = ()
        if after.policy is not None:
            policy = reference.policies.in_force(after.policy, day)
            after, of_plan = _asked_about(after, of_plan, policy)
            after, of_problems = problems.close_problems(after, day, policy, reference)
        if after.halted_on is None and any(
            one.until is not None and one.until < day for one in after.earlier
        ):
            open_ = tuple(one for one in after.earlier if one.until is None or one.until >= day)
            after = after.model_copy(update={"earlier": open_})
        return Decision.of(prune(after, day), *of_plan, *of_promises, *of_problems)


def _chased(decided: Outcome, reference: Reference, day: date) -> Outcome:
    """What a message has found beyond a plan is somebody's to have chosen about."""
    after, said = decided.state, events_of(decided.emissions)
    if after is None or after.policy is None or not any(isinstance(one, CreditFound) for one in said):
        return decided
    after, all_ = _asked_about(after, said, reference.policies.in_force(after.policy, day))
    more = Decision.of(after, *(one for one in all_ if not any(one is other for other in said)))
    return replace(decided, state=after, emissions=(*decided.emissions, *more.emissions))


def _asked_about(
    state: FollowupState, said: Iterable[Event], policy: PolicyInForce
) -> tuple[FollowupState, tuple[Event, ...]]:
    """Give what was said, after each word of a credit with whose it is to ask about it."""
    all_: tuple[Event, ...] = ()
    for one in said:
        more: tuple[Event, ...] = ()
        if isinstance(one, CreditFound):
            state, more = problems.unchosen(state, one, policy)
        all_ = (*all_, one, *more)
    return state, all_


def _opened(
    state: FollowupState | None, message: Envelope[intake.CaseOpened], reference: Reference
) -> Outcome:
    data = message.data
    if data.policy not in reference.policies:
        return Decision.of(state, refusal(message, ReasonCode.UNKNOWN_PRODUCT))
    if state is not None and state.status is FollowupStatus.CLOSED:
        return Decision(state)
    known = state or FollowupState(case=message.case)
    late = referral.late_since(data.debts)
    update = {
        "policy": known.policy or data.policy,
        "charges": charges_of(data.debts),
        "late_since": late,
        "contacts": known.contacts.model_copy(update={"packs": data.conduct}),
    }
    opened = known.model_copy(update=update)
    opened = referral.without_apart(opened, data.debts, message.day)
    return Decision(opened if data.reach is None else trying.with_earlier(opened, data.reach))


def _changed(
    state: FollowupState | None, message: Envelope[intake.CaseChanged], reference: Reference
) -> Outcome:
    if state is None or state.status is FollowupStatus.CLOSED:
        return Decision(state)
    debts = message.data.debts
    update: dict[str, Any] = {"charges": charges_of(debts), "late_since": referral.late_since(debts)}
    update["elsewhere"] = tuple(debt.debt_id for debt in debts if debt.status is DebtStatus.ELSEWHERE)
    if message.data.conduct and message.data.conduct != state.contacts.packs:
        update["contacts"] = state.contacts.model_copy(update={"packs": message.data.conduct})
    changed = referral.without_apart(state.model_copy(update=update), debts, message.day)
    return Decision(stops.after_sale(changed, debts, message.day, reference))


def _paid(
    state: FollowupState | None, message: Envelope[intake.PaymentMatched], reference: Reference
) -> Outcome:
    """Money is never refused: the plan counts it by its value date, or the next plan may."""
    data = message.data
    known = state or FollowupState(case=message.case)
    if known.status is FollowupStatus.CLOSED:
        after, of_credit = leftover.came(known, data, message.day)
        return Decision.of(after, *of_credit)
    known = moved(known, data.debts)
    if known.plan is not None:
        served = found.paid_for(known.plan, data)
        # Whatever its date, intake has put it where it goes without a plan.
        since = served.moved_since or known.status is FollowupStatus.BROKEN
        known = known.model_copy(update={"plan": served.model_copy(update={"moved_since": since})})
    late = found.counted(known, data, message.day)
    if late is not None and late.plan is not None:
        policy = reference.policies.in_force(late.plan.policy, message.day)
        late, said = problems.unbooked(late, late.plan, data, message.day, policy)
        return Decision.of(late, *said)
    amount = counted(known.plan, data)
    if not amount.is_positive:
        return Decision(known)
    now = receive(known, data.value_date, amount, found.on_no_debt(data))
    plan = now.plan
    has_line = plan is not None and any(line.total.currency == data.amount.currency for line in plan.lines)
    if plan is not None and has_line and counts_for_plan(data.value_date, plan):
        policy = reference.policies.in_force(plan.policy, message.day)
        now = now.model_copy(update={"plan": found.unbooked(plan, data)})
        now, said = problems.unbooked(now, plan, data, message.day, policy)
        return Decision.of(now, *said)
    return Decision.of(now, followup.PaymentUnallocated(payment_id=data.payment_id, amount=amount))


def _taken_back(
    state: FollowupState | None, message: Envelope[intake.PaymentTakenBack], reference: Reference
) -> Outcome:
    """A payment that is returned never was: it is taken back on its own value date.

    What it had paid has new grace from the day that the bank said so.
    """
    data = message.data
    if state is None:
        return Decision(state)
    told = max(message.day, data.reversed_on)
    if state.status is FollowupStatus.CLOSED:
        after, said = leftover.returned(state, data, told)
        undone = state.completed_on is not None and after.completed_on is None
        again = leftover.is_missed(state, data) and not problems.is_returned(state)
        if state.policy is not None and (undone or again):
            in_force = reference.policies.in_force(state.policy, told)
            after, more = problems.returned_after_completion(after, data.reversal_id, told, in_force)
            said += more
        return Decision.of(after, *said)
    known = moved(state, data.debts)
    amount = counted(state.plan, data)
    if not amount.is_positive:
        return Decision(known)
    all_of_it = amount
    after, amount = found.returned(known, data, amount, told)
    after = found.returned_before(after, data, amount, told)
    if amount.is_positive:
        after = remember(after, data.value_date, amount, told)
        # Of what was found under this plan its value date never held what lies on no debt.
        loose = -found.on_no_debt(data) if amount == all_of_it else None
        after = receive(after, data.value_date, -amount, loose)
    if after.plan is not None and data.value_date >= after.plan.effective:
        after = after.model_copy(update={"plan": found.unbooked(after.plan, data)})
    plan = after.plan
    if plan is None or data.value_date >= plan.effective or not amount.is_positive:
        return Decision(after)
    if plan.ended_on is None or plan.completed:
        after = after.model_copy(update={"plan": found.missing_beside(plan, data, amount)})
    if live_plan(after) is None:
        return Decision(after)
    policy = reference.policies.in_force(plan.policy, message.day)
    after, said = problems.missing_from_the_plan(after, data.reversal_id, message.day, policy)
    if amount == all_of_it:  # it was not told under this plan
        after, less = leftover.returned_later(after, data, told)
        said += less
    return Decision.of(after, *said)


def _closed(
    state: FollowupState | None, message: Envelope[intake.CaseClosed], reference: Reference
) -> Outcome:
    """The case ends. A plan that the last payment settled was completed, though its day is not closed yet."""
    known = state or FollowupState(case=message.case)
    if known.status is FollowupStatus.CLOSED:
        return Decision(known)
    after, said = finish(known, message.day, reference)
    gone = problems.gone_elsewhere(known, message.data.debts)
    after, of_joint = problems.joint_elsewhere(after, gone, message.day, reference)
    after, of_money = problems.left_unbilled(after, message.day, reference)
    after, of_others = co_borrowers.settled_with_case(after, message.data, message.day, reference)
    after, of_doubt = standing.doubted_at_the_end(after, message.data.reason, message.day, reference)
    after, of_problems = problems.case_closed(after, message.day, message.data.reason)
    over = {
        "status": FollowupStatus.CLOSED,
        "received": (),
        "credits": leftover.kept(after),
        "plan": None,
        "promises": (),
        "charges": (),
        "look_on": None,
        "returned": (),
        "earlier": (),
        "offer_stands": False,
        "contacts": ContactLedger(),
    }
    of_end = (*of_joint, *of_money, *of_others, *of_doubt, *of_problems)
    return Decision.of(after.model_copy(update=over), *said, *of_end)


def _balance(state: FollowupState | None, message: Envelope[Any], _: Reference) -> Outcome:
    """The bank's balance differs from the plan's, or does no longer: of weight when the plan is completed."""
    plan = live_plan(state)
    if state is None or plan is None or plan.agreement_id != message.data.agreement_id:
        return Decision(state)
    return Decision(state.model_copy(update={"plan": problems.compared(plan, message.data)}))


def _joint_elsewhere(
    state: FollowupState | None, message: Envelope[intake.JointDebtElsewhere], reference: Reference
) -> Outcome:
    """Another obligor's case holds a joint debt: where a plan here is about it, a person sees to both.

    What is agreed there was built on the end of a plan that was broken here.
    """
    if state is None:
        return Decision(state)
    plan = state.plan if state.status is FollowupStatus.BROKEN else None
    if plan is not None and message.data.account_id in plan.debts:
        return Decision(state.model_copy(update={"plan": plan.model_copy(update={"moved_since": True})}))
    after, said = problems.joint_elsewhere(state, (message.data.account_id,), message.day, reference)
    return Decision.of(after, *said)


def _signed(
    state: FollowupState | None, message: Envelope[agreement.AgreementSigned], reference: Reference
) -> Outcome:
    """Follow the signed plan; a later version takes the place of an earlier one."""
    known = state or FollowupState(case=message.case)
    started = start(known, message.data, reference)
    if isinstance(started, ReasonCode):
        return Decision.of(state, refusal(message, started))
    after, said = started
    policy = reference.policies.in_force(message.data.policy, message.day)
    after, of_others = co_borrowers.signed(after, known.plan, message.data, message.day, policy)
    after, of_notice = unserved.over(after, message.day)
    return Decision.of(without_sold(after, message.day, reference), *said, *of_others, *of_notice)


def _in_doubt(
    state: FollowupState | None, message: Envelope[agreement.SignatureDoubted], reference: Reference
) -> Outcome:
    """A signature of the agreement may not count: the plan goes on, and a person looks at it."""
    if state is None or state.policy is None or state.status is FollowupStatus.CLOSED:
        return Decision(state)
    policy = reference.policies.in_force(state.policy, message.day)
    after, said = problems.signature_doubted(state, message.data, message.day, policy)
    return Decision.of(after, *said)


def _ended(
    state: FollowupState | None, message: Envelope[agreement.AgreementEnded], reference: Reference
) -> Outcome:
    """The borrower has withdrawn in time: what was before returns. Every other end comes from here."""
    plan = None if state is None else state.plan
    if state is None or plan is None or plan.agreement_id != message.data.agreement_id:
        return Decision(state)
    if message.data.reason.code is not ReasonCode.WITHDRAWN_IN_TIME:
        return Decision(state)
    if state.status is not FollowupStatus.LIVE:
        return Decision(state)
    back = without_sold(take_back(state, message.data, message.day), message.day, reference)
    policy = policy_of(plan, reference, message.day)
    back, said = co_borrowers.to_tell(back, plan, problems.TELL_WITHDRAWN, message.day, policy)
    back, of_notice = unserved.over(back, message.day)
    return Decision.of(back, *said, *of_notice)


def _promised(
    state: FollowupState | None, message: Envelope[desk.PromiseMade], reference: Reference
) -> Outcome:
    noted = ReasonCode.NO_CASE if state is None else note(state, message.data, message.day, reference)
    if noted is ReasonCode.NO_CASE:
        return Decision.wait(state, refusal(message, noted))
    if isinstance(noted, ReasonCode):
        return Decision.of(state, refusal(message, noted))
    after, said = noted
    return Decision.of(after, *said)


def _reviewed(
    state: FollowupState | None, message: Envelope[desk.ReviewHeld], reference: Reference
) -> Outcome:
    if state is not None and state.status is FollowupStatus.CLOSED:
        return Decision.of(state, refusal(message, ReasonCode.CASE_CLOSED))
    if state is None or state.plan is None or state.status is not FollowupStatus.LIVE:
        return Decision.wait(state, refusal(message, ReasonCode.NO_LIVE_PLAN))
    missing = care.unsaid(message.data)
    if missing:
        return Decision.of(state, refusal(message, ReasonCode.RECORD_INCOMPLETE, missing=", ".join(missing)))
    after, said = care.reviewed(state, state.plan, message.data, message.day, reference)
    return Decision.of(after, *said)


def _hardship(
    state: FollowupState | None, message: Envelope[desk.HardshipReported], reference: Reference
) -> Outcome:
    """Without a plan it is assessment's alone; so it is where it was told when the plan was drawn up.

    What was drawn up before the report is protected: an amendment as the plan is that it amends.
    """
    plan = state.plan if state is not None and state.status is FollowupStatus.LIVE else None
    if state is None or state.status is FollowupStatus.CLOSED:
        return Decision(state)
    if plan is None:
        # A plan that is signed today hears it in full, whichever is read first.
        return Decision.wait(state.model_copy(update={"told_on": message.day}))
    if message.day <= plan.effective and (plan.drafted_on is None or message.day <= plan.drafted_on):
        return Decision(state)
    after, said = care.hardship(state, plan, message.data, message.day, reference)
    return Decision.of(after, *said)


def _plan_debts(
    state: FollowupState | None, message: Envelope[intake.PlanDebtsChanged], reference: Reference
) -> Outcome:
    """Debts have left the signed plan or come back: it is re-opened over what remains."""
    if state is not None and state.status is FollowupStatus.CLOSED:
        return Decision(state)
    if state is None or state.plan is None or state.plan.agreement_id != message.data.agreement_id:
        # Intake knows a signed plan, so the signature is on its way here by another topic.
        return Decision.wait(state)
    if state.status is not FollowupStatus.LIVE:
        return Decision(state)
    after, said = care.debts_changed(state, state.plan, message.data, message.day, reference)
    return Decision.of(after, *said)


def _stops(
    state: FollowupState | None, message: Envelope[intake.StopsChanged], reference: Reference
) -> Outcome:
    """What stops the debts or protects the borrower has changed."""
    known = state or FollowupState(case=message.case)
    after, said = stops.after_stops(known, message.data, message.day, reference)
    return Decision.of(after, *said)


def _left(state: FollowupState | None, message: Envelope[desk_team.StaffAbsent], _: Reference) -> Outcome:
    """Somebody is away or leaves, or does not after all: said under a key that is no customer's."""
    known = state or FollowupState(case=message.case)
    if known.policy is not None:
        return Decision(state)  # a customer's key: nobody sends this there
    departures = told(known.departures, message.data, message.day)
    if departures == known.departures:
        return Decision(state)
    return Decision(known.model_copy(update={"departures": departures}))


def _stop_told(state: FollowupState | None, message: Envelope[Any], _: Reference) -> Outcome:
    """The desk tells of a stop, or of its end: what it means is on its way, and nothing is judged."""
    if state is None or state.status is FollowupStatus.CLOSED:
        return Decision(state)
    told_on = last_told(state.stop_told_on, message.day)
    return Decision(state.model_copy(update={"stop_told_on": told_on}))


def _bank_answered(
    state: FollowupState | None, message: Envelope[intake.BankAnswered], reference: Reference
) -> Outcome:
    """What the bank could not do is a problem with an owner and a day, also when the case is closed."""
    data = message.data
    if state is None or state.policy is None:
        return Decision(state)
    after, said = leftover.bank_answered(state, data, message.day)
    if data.confirmed:
        after, more = problems.bank_confirmed(after, data.instruction_id, message.day)
    else:
        policy = reference.policies.in_force(state.policy, message.day)
        after, more = problems.refused_by_bank(after, data, message.day, policy)
    return Decision.of(after, *said, *more)


def _assigned(state: FollowupState | None, message: Envelope[intake.CaseAssigned], _: Reference) -> Outcome:
    known = state or FollowupState(case=message.case)
    if known.status is FollowupStatus.CLOSED:
        return Decision(state)
    after, said = problems.assigned(known, message.data.owner)
    return Decision.of(after, *said)


def _away(state: FollowupState | None, message: Envelope[desk_team.OwnerAway], _: Reference) -> Outcome:
    if state is None:
        return Decision(None)
    after, said = problems.away(state, message.data, message.day)
    return Decision.of(after, *said)


_HANDLERS: dict[type[Event], Handler] = {
    intake.CaseOpened: _opened,
    intake.CaseChanged: _changed,
    intake.PaymentMatched: _paid,
    intake.PaymentTakenBack: _taken_back,
    intake.CaseClosed: _closed,
    intake.StopsChanged: _stops,
    desk_parties.StopReported: _stop_told,
    desk_parties.StopLifted: _stop_told,
    desk_team.StaffAbsent: _left,
    intake.BankAnswered: _bank_answered,
    intake.PlanDebtsChanged: _plan_debts,
    intake.BalanceDiffers: _balance,
    intake.BalanceDifferenceClosed: _balance,
    intake.JointDebtElsewhere: _joint_elsewhere,
    agreement.AgreementSigned: _signed,
    agreement.AgreementEnded: _ended,
    agreement.SignatureDoubted: _in_doubt,
    desk.PromiseMade: _promised,
    desk.ReviewHeld: _reviewed,
    desk.HardshipReported: _hardship,
    intake.CaseAssigned: _assigned,
    desk_team.OwnerAway: _away,
    **OF_THE_DESK,
    **OF_CONTACTS_AND_TALKS,
}

HANDLED = frozenset(_HANDLERS)
"""The messages that this service does anything about."""
