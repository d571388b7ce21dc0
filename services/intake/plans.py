"""What comes back to intake: signed plans, what they waive, their end, and the bank's answers. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from services.intake.amounts import Amounts
from services.intake.books import Debt
from services.intake.cases import Outcome, answer, close_case, conclude
from services.intake.differences import watched_from, with_rates
from services.intake.ledger import confirm_waiver, leave, owe_again, re_age, undo_re_age, unsettled, waive
from services.intake.model import Finish, Instruction, IntakeState, Plan
from services.intake.rules import policy_of, refusal
from services.intake.splits import lowered, paid_elsewhere, splits_of, without_waived
from shared.contracts import agreement, bank, followup, followup_care
from shared.contracts.agreement import DebtRate, WaivedDebt
from shared.contracts.base import Reason
from shared.contracts.debts import DebtStatus
from shared.contracts.decision import Decision
from shared.contracts.envelope import Envelope
from shared.contracts.ids import case_id, derive_id
from shared.contracts.intake import BankAnswered, CloseReason, InstructionAbout
from shared.contracts.parties import ObligorRole
from shared.contracts.plan_terms import cut_rate
from shared.contracts.reasons import ReasonCode
from shared.policy.reference import Reference

__all__ = [
    "bank_answered",
    "completed",
    "credit_instructed",
    "ended",
    "finish",
    "instructed",
    "plan_completed",
    "plan_reopened",
    "rewarded",
    "signed",
]


# How many plans before an amendment are kept, as followup does.
_EARLIER_KEPT = 4


def _is_current(state: IntakeState | None, message: Envelope[Any]) -> bool:
    """Whether a message is about the open case; of an episode that is over nothing changes any more."""
    return state is not None and state.is_open and message.subject == state.case


def signed(
    state: IntakeState | None, message: Envelope[agreement.AgreementSigned], _reference: Reference
) -> Outcome:
    """A plan is in force: its debts stay in the case until it ends. What it waives is owed no more.

    So do debts that were sold with an earlier signed plan: a new one over the others does not void that.
    """
    if state is None or not _is_current(state, message):
        return Decision(state)
    data = message.data
    debts = tuple(schedule.debt_id for schedule in data.schedules)
    before = state.plan.debts if state.plan is not None else ()
    debts += tuple(debt for debt in before if debt not in debts and state.is_sold(debt))
    planned = state.model_copy(
        update={
            "plan": Plan(
                agreement_id=data.agreement_id,
                debts=debts,
                apart=data.apart,
                effective=data.effective,
                splits=splits_of(state, data),
            ),
            "earlier": state.earlier[-_EARLIER_KEPT:] if data.may_withdraw else (),
            "finish": None,
            "broken": None,
        }
    )
    at_once = None if data.re_ages is None else {one.debt_id for one in data.re_ages if not one.payments}
    for debt in planned.of_case:
        shown = planned.plans(debt) and (at_once is None or debt.debt_id in at_once)
        if shown and debt.days_late(data.effective):
            planned = planned.with_debt(re_age(debt, data.effective))
    waiver = _waiver_of(data.agreement_id, data.version)
    answered = _answered(state, waiver)
    done = _waived(state, planned, data.waived, waiver, message, answered)
    if done.state is None or done.state.plan is None:
        return done
    # Compared from here on: with the balance that was signed over, after what was waived with it.
    covered = tuple(debt for debt in done.state.of_case if done.state.plans(debt))
    plan = done.state.plan.model_copy(update={"watched": watched_from(covered)})
    return replace(done, state=done.state.model_copy(update={"plan": plan}))


def rewarded(
    state: IntakeState | None, message: Envelope[followup.RewardGranted], reference: Reference
) -> Outcome:
    """A reward that waives something: the bank reads it as the instruction it is, and has its days for it.

    One that lowers the rate makes the instalments smaller that later payments are split by, and the rate that
    an amendment starts from.
    """
    data = message.data
    if state is not None and data.instruction_id is not None:
        state = _asked(state, message, data.instruction_id, InstructionAbout.REWARD)
    if state is None or not _is_current(state, message):
        return Decision(state)
    if message.data.instalments and state.plan is not None and state.plan.splits:
        apart = paid_elsewhere(state, message.day, reference)
        state = state.model_copy(update={"plan": lowered(state.plan, message.data.instalments, apart)})
    if data.waived and state.plan is not None:
        state = state.model_copy(update={"plan": without_waived(state.plan, data.waived)})
    before = state
    policy = policy_of(state, message.day, reference)
    held_from = policy.deadline(message.day, policy.agreement.instruction_business_days)
    if data.instalments:  # else it is left to a person to work out
        state = _at_lower_rate(state, data.rate_cut_pct, held_from)
    if not message.data.waived:
        concluded, said = conclude(before, state, message.day, Reason(code=ReasonCode.KEPT_ON_TIME))
        return answer(concluded, *said)
    waiver, answered = message.id, None
    if data.instruction_id is not None:
        known = _instruction(state, data.instruction_id)
        waiver, answered = known.waiver or message.id, known.answered_on
    return _waived(state, state, data.waived, waiver, message, answered or held_from)


def _at_lower_rate(state: IntakeState, cut_pct: Decimal | None, due: date) -> IntakeState:
    """Know the debts of the plan at the lower rate that has vested: what is agreed later starts from it.

    `cut_pct` is what all rewards of the plan have cut; the bank has until `due` to know of it.
    """
    plan, cut = state.plan, min(cut_pct or Decimal(0), Decimal(100))
    if plan is None or cut <= plan.rate_cut_pct:
        return state
    rest = 100 - 100 * (100 - cut) / (100 - plan.rate_cut_pct)
    for debt in state.of_case:
        if state.plans(debt):
            lower = {"annual_rate_pct": cut_rate(debt.annual_rate_pct, rest)}
            state = state.with_debt(debt.model_copy(update={**lower, "rate_vested": True, "rate_due": due}))
    return state.model_copy(update={"plan": plan.model_copy(update={"rate_cut_pct": cut})})


def credit_instructed(
    state: IntakeState | None, message: Envelope[followup_care.CreditInstructed], _reference: Reference
) -> Outcome:
    """Remember which case an instruction about a credit is of: the bank's answer goes there."""
    if state is None:
        return Decision(None)
    return answer(_asked(state, message, message.data.instruction_id, InstructionAbout.CREDIT))


def referral_instructed(state: IntakeState | None, message: Envelope[Any], _reference: Reference) -> Outcome:
    """And of one about a referral to the lawyers."""
    if state is None:
        return Decision(None)
    return answer(_asked(state, message, message.data.instruction_id, InstructionAbout.REFERRAL))


def _asked(
    state: IntakeState, message: Envelope[Any], instruction_id: str, about: InstructionAbout
) -> IntakeState:
    known = _instruction(state, instruction_id)
    waiver = message.id if about is InstructionAbout.REWARD and message.data.waived else None
    update = {"about": about, "episode": _episode(state, message), "waiver": waiver}
    return state.with_instruction(known.model_copy(update=update))


def _episode(state: IntakeState, message: Envelope[Any]) -> int | None:
    return next(
        (n for n in range(state.episode, 0, -1) if case_id(state.customer, n) == message.subject), None
    )


def _waived(
    before: IntakeState,
    after: IntakeState,
    waived: tuple[WaivedDebt, ...],
    waiver: str,
    message: Envelope[Any],
    held_from: date | None,
) -> Outcome:
    total = Amounts()
    for item in waived:
        debt = after.debt(item.debt_id)
        if debt is None or debt.episode != after.episode or debt.currency != item.amounts.principal.currency:
            continue
        less = waive(debt, Amounts.of(item.amounts), waiver, message.day, held_from)
        total += less.waived - debt.waived
        after = after.with_debt(less)
    if total.total == 0:
        return answer(after)
    concluded, said = conclude(before, after, message.day, Reason(code=ReasonCode.AMOUNT_WAIVED))
    return answer(concluded, *said)


def _waiver_of(agreement_id: str, version: int) -> str:
    return derive_id("waiver", agreement_id, version)


def _return_of(agreement_id: str) -> str:
    """Name what an agreement had waived and is owed again after its end."""
    return derive_id("waiver", agreement_id, "returned")


def _answered(state: IntakeState, waiver: str) -> date | None:
    return next((i.answered_on for i in state.instructions if i.waiver == waiver), None)


def instructed(
    state: IntakeState | None, message: Envelope[agreement.BankInstructed], _reference: Reference
) -> Outcome:
    """Remember which case an instruction is about, and the waiver that it carries."""
    if state is None:
        return Decision(None)
    data = message.data
    again = data.returns_to == data.agreement_id
    waiver = _waiver_of(data.agreement_id, data.version) if data.waived else None
    if again and data.waived:
        waiver = derive_id("waiver", data.instruction_id)
    if data.restored:
        waiver = _return_of(data.agreement_id)
    applies = data.returns_to or data.agreement_id
    if data.rates and state.plan is not None and state.plan.agreement_id == applies:
        state = state.model_copy(update={"plan": with_rates(state.plan, data.rates)})
    before, state = state, _bound(state, data)
    episode = _episode(state, message)
    known = _instruction(state, data.instruction_id)
    noted = known.model_copy(update={"about": InstructionAbout.PLAN, "episode": episode, "waiver": waiver})
    after = state.with_instruction(noted)
    if noted.answered_on is not None and waiver is not None:
        after = _confirmed(after, waiver, noted.answered_on)
    if again and _is_current(after, message) and _has_broken(after, data.agreement_id):
        return _stands_again(after, message, waiver, noted.answered_on)
    if again and _is_current(after, message):
        concluded, said = conclude(
            state, _restored(after, data.agreement_id), message.day, Reason(code=ReasonCode.PAYMENT_RETURNED)
        )
        return answer(concluded, *said)
    undone = data.kind is agreement.InstructionKind.UNDO_RE_AGE
    if (undone or data.kind is agreement.InstructionKind.RE_AGE) and _is_current(after, message):
        for debt in after.of_case:
            if debt.debt_id in data.re_aged:
                shown = undo_re_age(debt, data.effective) if undone else re_age(debt, data.effective)
                after = after.with_debt(shown)
        concluded, said = conclude(state, after, message.day)
        return answer(concluded, *said)
    concluded, said = conclude(before, after, message.day)
    return answer(concluded, *said)


def _bound(state: IntakeState, data: agreement.BankInstructed) -> IntakeState:
    """Know which debts an agreement binds that the bank got back: until it is paid, or another is signed.

    The case that they come back in is a new one, and talks about them begin with that agreement. So they do
    after a withdrawal from the one that had taken its place. Where it is followed here again, it is the plan.
    """
    kinds = agreement.InstructionKind
    about = {schedule.debt_id for schedule in data.schedules}
    paid = {one.debt_id for one in data.settled}
    for again in data.binds_again:
        known = state.debt(again.debt_id)
        if known is not None:
            state = _bound_again(state, known, again.agreement_id, again.co_borrowers)
    in_full = {one.debt_id for one in data.settled if one.settlement is agreement.SettlementKind.FULL}
    for debt in state.debts:
        if data.kind is kinds.PLAN_COMPLETED and debt.debt_id in in_full:
            done = {"settled_by": data.agreement_id, "settled_on": data.effective}
            state = state.with_debt(debt.model_copy(update=done))
        elif debt.settled_by is not None and (debt.debt_id in about or debt.settled_by == data.returns_to):
            state = state.with_debt(unsettled(debt))
    for debt in state.debts:
        if data.kind is kinds.HAND_BACK and debt.debt_id in about - paid:
            state = _bound_again(state, debt, data.agreement_id, (*data.bound, *data.signed_before))
        signed_anew = data.kind is kinds.APPLY_PLAN and debt.debt_id in about
        fulfilled = data.kind is kinds.PLAN_COMPLETED and debt.bound_by == data.agreement_id
        followed = data.kind is kinds.RESTORE_TERMS and debt.bound_by == data.returns_to
        if debt.bound_by is not None and (signed_anew or fulfilled or followed):
            state = state.with_debt(debt.model_copy(update={"bound_by": None, "bound_with": ()}))
    return state


def _bound_again(state: IntakeState, debt: Debt, agreement_id: str, signed: Collection[str]) -> IntakeState:
    """Who else signed it is bound by what they owe of it, and by no other debt."""
    owing = {one.party_id for one in debt.obligors if one.role is not ObligorRole.GUARANTOR}
    update = {"bound_by": agreement_id, "bound_with": tuple(sorted(owing.intersection(signed)))}
    return state.with_debt(debt.model_copy(update=update))


def _has_broken(state: IntakeState, agreement_id: str) -> bool:
    return state.plan is None and state.broken is not None and state.broken.agreement_id == agreement_id


def _stands_again(
    state: IntakeState, message: Envelope[agreement.BankInstructed], waiver: str | None, answered: date | None
) -> Outcome:
    """A breach never was: the plan is in force as it stood, and what it had waived is owed no more, again."""
    plan, data = state.broken, message.data
    assert plan is not None  # noqa: S101 - narrows: who calls has looked
    planned = state.model_copy(update={"plan": plan, "broken": None, "finish": None})
    # Where it breaks once more, that is another return: the answer to this one says nothing of it.
    planned = _renamed(
        planned, _return_of(plan.agreement_id), derive_id("waiver", data.instruction_id, "before")
    )
    planned, said = conclude(
        state, _active_again(planned, plan), message.day, Reason(code=ReasonCode.BROKEN_IN_A_STOP)
    )
    done = _waived(planned, planned, data.waived, waiver or data.instruction_id, message, answered)
    if done.state is None:
        return done
    covered = tuple(debt for debt in done.state.of_case if debt.debt_id in plan.debts)
    rates = tuple(DebtRate(debt_id=was.debt_id, annual_rate_pct=was.rate) for was in plan.watched)
    now = with_rates(plan.model_copy(update={"watched": watched_from(covered)}), rates)
    stands = done.state.model_copy(update={"plan": now})
    return replace(done, state=stands, emissions=(*answer(planned, *said).emissions, *done.emissions))


def _active_again(state: IntakeState, plan: Plan) -> IntakeState:
    """Debts of a plan that is in force again stay in it, though they are not late, or were paid meanwhile."""
    for debt in state.of_case:
        over = debt.status in {DebtStatus.SETTLED, DebtStatus.CURED}
        if debt.debt_id in plan.debts and over and debt.outstanding.total > 0:
            state = state.with_debt(debt.model_copy(update={"status": DebtStatus.ACTIVE}))
    return state


def _renamed(state: IntakeState, old: str, new: str) -> IntakeState:
    """Give a waiver, or a return, another name, wherever the bank's answer is waited for by it."""
    for debt in state.of_case:
        after = tuple(m.model_copy(update={"waiver": new}) if m.waiver == old else m for m in debt.after)
        if after != debt.after:
            state = state.with_debt(debt.model_copy(update={"after": after}))
    asked = tuple(
        one.model_copy(update={"waiver": new}) if one.waiver == old else one for one in state.instructions
    )
    return state.model_copy(update={"instructions": asked})


def _restored(state: IntakeState, agreement_id: str) -> IntakeState:
    """The payment that had completed a plan came back: the plan is in force as it was, and so are its debts.

    Its splits stand on what was paid of each debt, so that the next money makes up what is missing again. It
    is compared anew from here on, at its own rates.
    """
    plan = state.fulfilled
    if plan is None or plan.agreement_id != agreement_id or state.plan is not None:
        return state
    state = _active_again(state, plan)
    covered = tuple(debt for debt in state.of_case if debt.debt_id in plan.debts)
    rates = tuple(DebtRate(debt_id=was.debt_id, annual_rate_pct=was.rate) for was in plan.watched)
    back = {"watched": watched_from(covered), "came_back": False}
    again = with_rates(plan.model_copy(update=back), rates)
    return state.model_copy(update={"plan": again, "fulfilled": None})


def bank_answered(
    state: IntakeState | None,
    message: Envelope[bank.InstructionConfirmed] | Envelope[bank.InstructionRefused],
    _reference: Reference,
) -> Outcome:
    """Pass the bank's answer on to the case it is about; from then on its figures are to be believed."""
    data = message.data
    if state is None or state.episode == 0:
        first = case_id(message.key, 1)
        return Decision.of(state, refusal(message, ReasonCode.NO_OPEN_CASE), subject=first)
    known = _instruction(state, data.instruction_id)
    after = state.with_instruction(known.model_copy(update={"answered_on": data.as_of}))
    if known.waiver is not None:
        after = _confirmed(after, known.waiver, data.as_of)
    said = BankAnswered(
        instruction_id=data.instruction_id,
        confirmed=isinstance(data, bank.InstructionConfirmed),
        as_of=data.as_of,
        reason=data.reason if isinstance(data, bank.InstructionRefused) else None,
        about=known.about,
    )
    about = case_id(state.customer, known.episode or state.episode)
    concluded, changes = conclude(state, after, message.day, Reason(code=ReasonCode.BALANCE_CORRECTED))
    spoken = Decision.of(concluded, said, subject=about).emissions
    # Quicker than what it answers, which comes by another topic: it waits to be told what it is about.
    return Decision(concluded, (*spoken, *answer(concluded, *changes).emissions), waits=known.about is None)


def _instruction(state: IntakeState, instruction_id: str) -> Instruction:
    known = (i for i in state.instructions if i.instruction_id == instruction_id)
    return next(known, Instruction(instruction_id=instruction_id))


def _confirmed(state: IntakeState, waiver: str, on: date) -> IntakeState:
    for debt in state.debts:
        state = state.with_debt(confirm_waiver(debt, waiver, on))
    return state


def plan_completed(
    state: IntakeState | None, message: Envelope[followup.PlanCompleted], reference: Reference
) -> Outcome:
    """Every instalment is paid. The agreement's completion ends the case; soon, it ends without."""
    if state is None or not _is_current(state, message) or not _is_plan(state, message):
        return Decision(state)
    policy = policy_of(state, message.day, reference)
    on = policy.deadline(message.day, policy.agreement.instruction_business_days)
    done = Finish(on=on, reason=CloseReason.PLAN_COMPLETED)
    return answer(state.model_copy(update={"finish": done}))


def plan_reopened(
    state: IntakeState | None, message: Envelope[followup_care.PlanReopened], _reference: Reference
) -> Outcome:
    """A payment of it came back before the agreement was heard of: it does not end for want of a word."""
    if state is None or not _is_current(state, message) or not _is_plan(state, message):
        return Decision(state)
    return answer(state.model_copy(update={"finish": None}))


def completed(
    state: IntakeState | None, message: Envelope[agreement.AgreementCompleted], _reference: Reference
) -> Outcome:
    """The agreement is fulfilled: its debts leave the case, and the case ends with the last of them."""
    if state is None or not _is_current(state, message) or not _is_plan(state, message):
        return Decision(state)
    return finish(state, message.day, CloseReason.PLAN_COMPLETED)


def finish(state: IntakeState, on: date, reason: CloseReason) -> Outcome:
    """End the plan in force with its debts; the case goes on where another debt is overdue.

    So it does for a stopped debt on which something is owed: the plan did not settle it.
    """
    after = state.model_copy(update={"plan": None, "finish": None, "fulfilled": state.plan})
    for debt in state.of_case:
        unsettled = state.stopped(debt) is not None and debt.outstanding.total > 0
        if debt.is_active and state.plans(debt) and not unsettled:
            status = DebtStatus.SETTLED if debt.outstanding.total == 0 else DebtStatus.CURED
            after = after.with_debt(leave(debt, status, on, by_bank=False))
    if any(debt.is_active for debt in after.of_case):
        concluded, said = conclude(state, after, on)
    else:
        concluded, said = close_case(after, on, reason)
    return answer(concluded, *said)


def ended(
    state: IntakeState | None, message: Envelope[agreement.AgreementEnded], _reference: Reference
) -> Outcome:
    """The plan is over before its completion: the case goes on, and the bank says what is overdue.

    What the end brings back of what was waived is owed again. The plan before an amendment is kept while the
    borrower may withdraw from that, and is in force again then.
    """
    if state is None or not _is_current(state, message) or not _is_plan(state, message) or state.plan is None:
        return Decision(state)
    kept = (*state.earlier, state.plan) if message.data.reason.code is ReasonCode.PLAN_SUPERSEDED else ()
    broken = state.plan if message.data.reason.code is ReasonCode.PLAN_BROKEN else None
    after = state.model_copy(update={"plan": None, "finish": None, "earlier": kept, "broken": broken})
    taken_back = message.data.reason.code is ReasonCode.WITHDRAWN_IN_TIME
    for debt in state.of_case:
        days = tuple(day for day in debt.re_aged if not taken_back or day != state.plan.effective)
        after = after.with_debt(debt.model_copy(update={"quiet_since": None, "re_aged": days}))
    returned = _return_of(message.data.agreement_id)
    for item in message.data.restored:
        owing = after.debt(item.debt_id)
        if owing is not None and owing.episode == after.episode:
            amounts = Amounts.of(item.amounts)
            again = owe_again(owing, amounts, returned, message.day, _answered(state, returned))
            after = after.with_debt(again)
    if message.data.returns_to is not None:
        after = _back(state, after, message.data.returns_to)
    if not any(after.keeps_open(debt) for debt in after.of_case):
        # Only the plan kept the case open: its debts had been sold.
        concluded, said = close_case(after, message.day, CloseReason.SOLD)
        return answer(concluded, *said)
    if message.data.restored:
        concluded, said = conclude(state, after, message.day, Reason(code=message.data.reason.code))
        return answer(concluded, *said)
    return answer(after)


def _back(before: IntakeState, after: IntakeState, earlier: agreement.EarlierAgreement) -> IntakeState:
    """Put the earlier plan in force again, its instalments split as they were; what was paid since counts.

    What the amendment left to a person stays so.
    """
    covered = tuple(debt for debt in after.of_case if debt.debt_id in earlier.debts)
    apart = before.plan.apart if before.plan is not None else ()
    known = [plan.agreement_id for plan in before.earlier]
    at = known.index(earlier.agreement_id) if earlier.agreement_id in known else None
    was = Plan(agreement_id=earlier.agreement_id, debts=()) if at is None else before.earlier[at]
    now = {
        "debts": earlier.debts,
        "watched": watched_from(covered),
        "apart": tuple(debt_id for debt_id in apart if debt_id not in earlier.debts),
    }
    plans = {"plan": was.model_copy(update=now), "earlier": before.earlier[:at] if at is not None else ()}
    return after.model_copy(update=plans)


def _is_plan(state: IntakeState, message: Envelope[Any]) -> bool:
    return state.plan is not None and state.plan.agreement_id == message.data.agreement_id
