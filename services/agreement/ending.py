"""How an agreement ends: completed, broken, withdrawn from, or with its case; what the bank answers. Pure."""

from collections.abc import Collection
from dataclasses import replace
from datetime import date, timedelta

from services.agreement.acting import refuses_withdrawal
from services.agreement.letter import letter_of, letter_of_paid, settled_of
from services.agreement.model import AgreementState, AgreementStatus, Broken, InForce
from services.agreement.rules import (
    as_vested,
    conduct_in,
    held_of,
    in_all,
    joint_of,
    known_of,
    owed_beside,
    paid_off,
    stays_waived,
    taken_away,
    with_booked,
)
from services.agreement.signing import Outcome, give_back, refusal
from services.agreement.stops import may_withdraw
from services.agreement.telling import (
    applies_again,
    broken,
    completed,
    handed_back,
    instruct,
    restores,
    returns,
    stands_again,
)
from shared.contracts import desk, desk_talks, followup, followup_care, intake
from shared.contracts.agreement import (
    AgreementCompleted,
    AgreementEnded,
    BankInstructed,
    DebtBound,
    EarlierAgreement,
)
from shared.contracts.base import Event, Reason
from shared.contracts.debts import DebtSchedule, DebtStatus
from shared.contracts.decision import Decision
from shared.contracts.envelope import Envelope
from shared.contracts.followup import PlanCompleted
from shared.contracts.plan_terms import schedules_of
from shared.contracts.reasons import ReasonCode
from shared.policy.conduct import Conduct
from shared.policy.model import PolicyInForce
from shared.policy.reference import Reference

__all__ = [
    "bank_answered",
    "case_closed",
    "documents_received",
    "plan_broken",
    "plan_completed",
    "plan_reopened",
    "withdrawn",
]

# Intake closes a case for these reasons when nothing is owed any more: the plan has been paid, whoever says
# so first, followup or intake.
_PAID_IN_FULL = {intake.CloseReason.SETTLED, intake.CloseReason.PLAN_COMPLETED}

_CLOSED = {
    "status": AgreementStatus.CLOSED,
    "stop_told_on": None,
    "debts": (),
    "completed": None,
    "broken": None,
    "handed_back": None,
}


def plan_completed(
    state: AgreementState | None, message: Envelope[PlanCompleted], reference: Reference
) -> Outcome:
    """Every instalment is paid: completed, and the bank is told.

    With the end of a case it is said before the day is closed, and may be read ahead of what intake says of a
    debt, a recall or the last payment: it waits for intake's own word of that end. Where that has handed the
    agreement back to the bank, it is completed all the same.
    """
    back = None if state is None else state.handed_back
    if state is not None and back is not None and back.agreement_id == message.data.agreement_id:
        done, told = _complete(state, back, message.data, message.day, reference)
        return Decision.of(done.model_copy(update=_CLOSED), *told)
    live = _live(state, message)
    if state is None or isinstance(live, Decision):
        return live if isinstance(live, Decision) else Decision(state)
    after, said = _complete(state, live, message.data, message.day, reference)
    return replace(Decision.of(after, *said), waits=message.data.with_case)


def plan_reopened(
    state: AgreementState | None, message: Envelope[followup_care.PlanReopened], reference: Reference
) -> Outcome:
    """The payment that had completed the plan came back: it is in force again, and the bank is told.

    Its letter does not hold any more; the next one says so. With another agreement in force, or the case
    closed, a person looks into it. A breach is undone that was in a stop which was told later.
    """
    if message.data.reason.code is ReasonCode.BROKEN_IN_A_STOP:
        return _stands_again(state, message, reference)
    done = None if state is None else state.completed
    if state is None or done is None or done.agreement_id != message.data.agreement_id:
        return Decision(state)
    live = done.model_copy(update={"reopened": done.reopened + 1})
    policy, conduct = _rules_of(state, live, message.day, reference)
    told = applies_again(live, policy, conduct, message.day)
    over = tuple(item for item in state.over if item.agreement_id != live.agreement_id)
    status = state.status if state.draft is not None else AgreementStatus.IN_FORCE
    update = {"live": live, "completed": None, "over": over, "status": status}
    return Decision.of(instruct(state.model_copy(update=update), told), told)


def _stands_again(
    state: AgreementState | None, message: Envelope[followup_care.PlanReopened], reference: Reference
) -> Outcome:
    """The bank hears all terms once more, and of what the breach had brought back that it is waived again."""
    broke = None if state is None else state.broken
    if state is None or broke is None or broke.agreement.agreement_id != message.data.agreement_id:
        return Decision(state)
    live = broke.agreement.model_copy(update={"stood_again": broke.agreement.stood_again + 1})
    policy, conduct = _rules_of(state, live, message.day, reference)
    waived = live.returns if broke.restored is None else broke.restored
    schedules = _schedules(state, live, message.day, reference)
    told = stands_again(live, schedules, waived, policy, conduct, message.day)
    over = tuple(item for item in state.over if item.agreement_id != live.agreement_id)
    status = state.status if state.draft is not None else AgreementStatus.IN_FORCE
    update = {"live": live, "broken": None, "rewarded": broke.rewarded, "over": over, "status": status}
    return Decision.of(instruct(state.model_copy(update=update), told), told)


def plan_broken(
    state: AgreementState | None, message: Envelope[followup.PlanBroken], reference: Reference
) -> Outcome:
    """The plan is broken: ended; the bank may collect again, and what was conceded on condition returns."""
    live = _live(state, message)
    if state is None or isinstance(live, Decision):
        return live if isinstance(live, Decision) else Decision(state)
    signed, live = live, _less_gone(state, live, message.day, reference)
    reason = Reason(code=ReasonCode.PLAN_BROKEN, params={"missed": str(message.data.missed)})
    ended = AgreementEnded(
        agreement_id=live.agreement_id, as_of=message.data.as_of, reason=reason, restored=live.returns
    )
    gone = _without_live(state, live, AgreementStatus.ENDED, ReasonCode.PLAN_BROKEN)
    known = Broken(agreement=signed, rewarded=state.rewarded, restored=live.returns)
    gone = gone.model_copy(update={"rewarded": in_all(state.rewarded, stays_waived(signed)), "broken": known})
    policy, conduct = _rules_of(state, live, message.day, reference)
    paid = paid_off(state, live, live.returns)
    cut, settled = message.data.rate_cut_pct, settled_of(state, live, paid, policy)
    held, beside = held_of(state, live), owed_beside(state, live)
    told = broken(live, policy, conduct, message.day, held, cut, settled, beside)
    told = told.model_copy(update={"joint": joint_of(state, live)})
    return Decision.of(instruct(gone, told), ended, told)


def _handed_back(state: AgreementState, live: InForce, day: date, reference: Reference) -> BankInstructed:
    policy, conduct = _rules_of(state, live, day, reference)
    settled = settled_of(state, live, paid_off(state, live, ()), policy)
    return handed_back(live, _schedules(state, live, day, reference), settled, policy, conduct, day)


def _schedules(
    state: AgreementState, live: InForce, day: date, reference: Reference
) -> tuple[DebtSchedule, ...]:
    """Give the schedules of an agreement as they were signed."""
    drawn_up = reference.policies.in_force(state.policy, live.drafted_on or day)
    return schedules_of(live.terms, drawn_up.amounts.rounding)


def _less_gone(state: AgreementState, live: InForce, day: date, reference: Reference) -> InForce:
    """What was conceded on debts that were sold is the buyer's: no breach of the rest brings it back.

    As followup judges: where the pack lets a sold debt be collected here, the plan is broken as a whole.
    Of a joint debt in another obligor's case a plan there may have been signed on what is owed since.
    """
    apart = {DebtStatus.ELSEWHERE}
    if reference.policies.in_force(state.policy, day).stop_events.sold_is_the_buyers:
        apart.add(DebtStatus.SOLD)
    return _without(state, live, apart)


def _without(state: AgreementState, live: InForce, gone: Collection[DebtStatus]) -> InForce:
    """Give an agreement without what its end would take back of some of its debts."""
    left = {debt.debt_id for debt in state.debts if debt.status in gone}
    update = {
        "waived": tuple(one for one in live.waived if one.debt_id not in left),
        "returns": tuple(one for one in live.returns if one.debt_id not in left),
        "rates_return": tuple(one for one in live.rates_return if one.debt_id not in left),
        "contract_rates": tuple(one for one in live.contract_rates if one.debt_id not in left),
    }
    return live.model_copy(update=update)


def withdrawn(
    state: AgreementState | None, message: Envelope[desk.WithdrawalDeclared], reference: Reference
) -> Outcome:
    """In time: what was before returns, and what was paid stays credited. A draft binds nobody yet.

    Before an amendment there was an agreement, which holds again; before the first, the original terms. Of a
    joint debt in another obligor's case nothing returns: a plan there may have been signed on what is owed.
    Who withdraws for the borrower does so by an authority that lets them sign, or nothing has happened.
    """
    agreement_id = message.data.agreement_id
    if state is None:
        return Decision.wait(None, refusal(message, ReasonCode.NO_CASE))
    draft = state.draft
    if draft is not None and draft.agreement_id == agreement_id:
        policy = reference.policies.for_case(state.policy, draft.drafted_on, agreed_on=draft.pinned_on)
        about = (debt.debt_id for debt in draft.plan.debts)
        wrong = refuses_withdrawal(state, about, message, policy)
        if wrong is not None:
            return Decision.of(state, refusal(message, wrong.code, **wrong.params))
        return give_back(state, message.day, Reason(code=ReasonCode.WITHDRAWN_IN_TIME))
    live = state.live
    if live is None or live.agreement_id != agreement_id:
        over = state.why_over(agreement_id)
        if over is not None:
            return Decision.of(state, refusal(message, over))
        if state.status is AgreementStatus.CLOSED:
            return Decision.of(state, refusal(message, ReasonCode.CASE_CLOSED))
        return Decision.wait(state, refusal(message, ReasonCode.AGREEMENT_UNKNOWN))
    if not may_withdraw(state, live, message.day, reference):
        until = live.withdraw_until
        params = {} if until is None else {"until": until.isoformat()}
        return Decision.of(state, refusal(message, ReasonCode.WITHDRAWAL_TOO_LATE, **params))
    policy, conduct = _rules_of(state, live, message.day, reference)
    wrong = refuses_withdrawal(state, live.debts, message, policy)
    if wrong is not None:
        return Decision.of(state, refusal(message, wrong.code, **wrong.params))
    live = _without(state, live, {DebtStatus.ELSEWHERE})
    ended = AgreementEnded(
        agreement_id=agreement_id,
        as_of=message.day,
        reason=Reason(code=ReasonCode.WITHDRAWN_IN_TIME),
        restored=live.waived,
        returns_to=None if live.before is None else _earlier(live.before),
    )
    gone = _without_live(state, live, AgreementStatus.ENDED, ReasonCode.WITHDRAWN_IN_TIME)
    again = _binds_again(state, live)
    if live.before is None:
        settled = settled_of(state, live, paid_off(state, live, live.waived), policy)
        held, beside = held_of(state, live), owed_beside(state, live)
        told = restores(live, policy, conduct, message.day, held, settled, beside)
        told = told.model_copy(update={"joint": joint_of(state, live), "binds_again": again})
        return Decision.of(instruct(gone, told), ended, told)
    before = live.before
    schedules = _schedules(state, before, message.day, reference)
    _, conduct = _rules_of(state, before, message.day, reference)
    told = returns(live, before, schedules, policy, conduct, message.day)
    told = told.model_copy(update={"joint": joint_of(state, live), "binds_again": again})
    others = tuple(item for item in gone.over if item.agreement_id != before.agreement_id)
    status = gone.status if gone.draft is not None else AgreementStatus.IN_FORCE
    back = gone.model_copy(update={"live": before, "over": others, "status": status})
    return Decision.of(instruct(back, told), ended, told)


def _binds_again(state: AgreementState, live: InForce) -> tuple[DebtBound, ...]:
    """What the bank got back holds again of what is owed, as if nothing had taken its place."""
    paid = paid_off(state, live, live.waived)
    return tuple(one for one in live.took_from if one.debt_id not in paid)


def documents_received(
    state: AgreementState | None, message: Envelope[desk_talks.DocumentsReceived], _reference: Reference
) -> Outcome:
    """The borrower has the documents: where the days to withdraw count from then, their last is known."""
    agreement_id = message.data.agreement_id
    if state is None:
        return Decision.wait(None, refusal(message, ReasonCode.NO_CASE))
    draft, live = state.draft, state.live
    if draft is not None and draft.agreement_id == agreement_id:
        received = draft.model_copy(update={"received_on": draft.received_on or message.day})
        return Decision(state.model_copy(update={"draft": received}))
    if live is not None and live.agreement_id == agreement_id:
        if live.withdraw_days is None:
            return Decision(state)
        until = max(live.effective, message.day) + timedelta(days=live.withdraw_days)
        known = live.model_copy(update={"withdraw_days": None, "withdraw_until": until})
        return Decision(state.model_copy(update={"live": known}))
    over = state.why_over(agreement_id)
    if over is not None:
        return Decision.of(state, refusal(message, over))
    return Decision.wait(state, refusal(message, ReasonCode.AGREEMENT_UNKNOWN))


def case_closed(
    state: AgreementState | None, message: Envelope[intake.CaseClosed], reference: Reference
) -> Outcome:
    """The case is over: a draft is void; what was in force is completed when nothing is owed, else ended.

    Ended is only what is done about it here: a recall voids no contract, nor does another obligor's case, and
    the bank is told so, also where everything else is settled.
    """
    if state is None or state.status is AgreementStatus.CLOSED:
        return Decision(state)
    if message.data.debts:  # what closed the case is said with its end alone
        state = state.model_copy(update={"debts": tuple(map(known_of, message.data.debts))})
    state = with_booked(state, message.causation)
    said: tuple[Event, ...] = ()
    reason = Reason(code=ReasonCode.CASE_CLOSED, params={"reason": message.data.reason.value})
    if state.draft is not None:
        returned = give_back(state, message.day, reason)
        state, said = returned.state or state, tuple(emission.data for emission in returned.emissions)
    if state.live is not None:
        live = state.live
        paid = set(live.debts) <= set(paid_off(state, live, ()))
        away = bool(taken_away(state, live)) and message.data.reason is not intake.CloseReason.PLAN_COMPLETED
        if paid or (message.data.reason in _PAID_IN_FULL and not away):
            done = PlanCompleted(agreement_id=live.agreement_id, as_of=message.data.as_of, paid=())
            state, events = _complete(state, live, done, message.day, reference)
            said += events
        else:
            ended = AgreementEnded(agreement_id=live.agreement_id, as_of=message.data.as_of, reason=reason)
            gone = _without_live(state, live, AgreementStatus.ENDED, ReasonCode.CASE_CLOSED)
            said += (ended,)
            if away or message.data.reason is intake.CloseReason.RECALLED:
                told = _handed_back(state, live, message.day, reference)
                policy, _ = _rules_of(state, live, message.day, reference)
                letter = letter_of_paid(state, live, told.settled, message.data.as_of, policy)
                kept = {
                    "status": AgreementStatus.CLOSED,
                    "stop_told_on": None,
                    "completed": None,
                    "broken": None,
                    "handed_back": live,
                }
                return Decision.of(instruct(gone, told).model_copy(update=kept), *said, *letter, told)
            state = gone
    return Decision.of(state.model_copy(update=_CLOSED), *said)


def bank_answered(
    state: AgreementState | None, message: Envelope[intake.BankAnswered], _reference: Reference
) -> Outcome:
    """Keep what the bank answered; its silence is watched by alert."""
    data = message.data
    if state is not None and data.about not in {None, intake.InstructionAbout.PLAN}:
        return Decision(state)  # of another service's instruction
    if state is None or all(item.instruction_id != data.instruction_id for item in state.instructions):
        return Decision.of(state, refusal(message, ReasonCode.AGREEMENT_UNKNOWN))
    kept = tuple(
        item.model_copy(update={"confirmed": data.confirmed})
        if item.instruction_id == data.instruction_id
        else item
        for item in state.instructions
    )
    return Decision(state.model_copy(update={"instructions": kept}))


def _earlier(before: InForce) -> EarlierAgreement:
    return EarlierAgreement(agreement_id=before.agreement_id, version=before.version, debts=before.debts)


def _live(
    state: AgreementState | None, message: Envelope[PlanCompleted] | Envelope[followup.PlanBroken]
) -> InForce | Outcome:
    """Give the agreement in force that followup speaks of; what is over already changes nothing."""
    agreement_id = message.data.agreement_id
    if state is None:
        return Decision.of(None, refusal(message, ReasonCode.AGREEMENT_UNKNOWN))
    if state.live is not None and state.live.agreement_id == agreement_id:
        return state.live
    if state.why_over(agreement_id) is not None:
        return Decision(state)
    return Decision.of(state, refusal(message, ReasonCode.AGREEMENT_UNKNOWN))


def _rules_of(
    state: AgreementState, live: InForce, day: date, reference: Reference
) -> tuple[PolicyInForce, Conduct]:
    """Give the case's own pack on a day, and the strictest conduct of those of the agreement's debts."""
    policy = reference.policies.for_case(state.policy, day, agreed_on=live.pinned_on or live.effective)
    return policy, conduct_in(live.packs or (state.policy,), day, reference)


def _complete(
    state: AgreementState,
    live: InForce,
    plan: PlanCompleted,
    day: date,
    reference: Reference,
) -> tuple[AgreementState, tuple[Event, ...]]:
    """Completed: the settlement letter says what that settles, and the bank is told."""
    policy, conduct = _rules_of(state, live, day, reference)
    done = AgreementCompleted(agreement_id=live.agreement_id, as_of=plan.as_of, paid=plan.paid)
    letter = letter_of(as_vested(state, day), live, plan.as_of, policy, plan.short)
    held, beside = held_of(state, live), owed_beside(state, live)
    told = completed(live, letter.settled, policy, conduct, day, held, beside)
    joint = tuple(one for one in joint_of(state, live) if one in beside)
    told = told.model_copy(update={"joint": joint, "short": letter.short})
    gone = _without_live(state, live, AgreementStatus.COMPLETED, ReasonCode.CASE_CLOSED)
    gone = gone.model_copy(update={"completed": live})
    return instruct(gone, told), (done, letter, told)


def _without_live(
    state: AgreementState, live: InForce, status: AgreementStatus, code: ReasonCode
) -> AgreementState:
    """Nothing is in force any more; a draft on the table stays there."""
    over = state.with_over(live.agreement_id, code)
    gone = state.model_copy(update={"live": None, "over": over})
    return gone.model_copy(update={"status": gone.status if gone.draft is not None else status})
