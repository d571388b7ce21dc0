"""Payments: matched to debts and components, kept where no case is open yet, taken back. Pure.

Money is never refused for want of a debt: what cannot be allocated is reported as unallocated, the
customer's credit, and stays with the payment until it is returned or the bank's next figure uses it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from services.intake.amounts import Amounts
from services.intake.books import Debt, Part, Payment
from services.intake.cases import Outcome, answer, conclude, ledgers_of, snapshots
from services.intake.ledger import holds, post, restore, take_back, unsettled
from services.intake.model import CaseStatus, IntakeState
from services.intake.parties import belongs_elsewhere
from services.intake.rules import in_range, refusal, serve
from services.intake.splits import asking, beside_plan, paid_elsewhere, shares_of_plan
from shared.contracts import bank
from shared.contracts.base import Event, Reason
from shared.contracts.debts import Allocation, DebtStatus
from shared.contracts.decision import Decision
from shared.contracts.envelope import Envelope
from shared.contracts.ids import case_id
from shared.contracts.intake import InstructionAbout, PaymentMatched, PaymentTakenBack
from shared.contracts.reasons import ReasonCode
from shared.lending.money import Money
from shared.policy.reference import Reference

__all__ = ["match_waiting", "received", "reversed_"]

# Documents do not grow with the age of a case. A return of a payment older than these is refused as
# unknown; the bank's next figure then tells what is owed.
_PAYMENTS_KEPT = 60
_WAITING_KEPT = 24
_REVERSALS_KEPT = 8


def received(
    state: IntakeState | None, message: Envelope[bank.PaymentReceived], reference: Reference
) -> Outcome:
    """Money arrived: allocated where debts are known, otherwise kept for the next case."""
    data = message.data
    now = state or IntakeState(customer=message.key)
    if not data.amount.is_positive or not in_range(data.amount):
        wrong = refusal(message, ReasonCode.AMOUNT_OUT_OF_RANGE, amount=str(data.amount))
        return Decision.of(state, wrong, subject=now.case)
    if belongs_elsewhere(now, message):
        # The money is in the case that holds the joint account: here it would count twice.
        elsewhere = refusal(message, ReasonCode.JOINT_DEBT_ELSEWHERE, account=data.account_id or "")
        return Decision.of(state, elsewhere, subject=now.case)
    if _payment(now, data.payment_id) is not None:
        known = refusal(message, ReasonCode.PAYMENT_KNOWN, payment=data.payment_id)
        return Decision.of(state, known, subject=now.case)
    payment = Payment(
        payment_id=data.payment_id,
        account_id=data.account_id,
        currency=data.amount.currency,
        amount=data.amount.minor,
        value_date=data.value_date,
        unallocated=data.amount.minor,
    )
    if now.status is CaseStatus.NONE:
        return _keep(now, payment, message)
    after, said = _match(now, payment, message.day, reference)
    if data.account_id is not None and now.debt(data.account_id) is None:
        # Its account may be reported later the same day; otherwise the money stays unallocated.
        return Decision(after, answer(after, said).emissions, waits=True)
    return answer(after, said)


def _keep(state: IntakeState, payment: Payment, message: Envelope[bank.PaymentReceived]) -> Outcome:
    """Before the first case money waits, bounded: the opening figure of a case holds what is older."""
    kept = (*state.payments, payment)
    if len(kept) <= _WAITING_KEPT:
        return answer(state.model_copy(update={"payments": kept}))
    oldest = min(kept, key=lambda p: (p.value_date, p.payment_id))
    rest = tuple(p for p in kept if p is not oldest)
    said = refusal(message, ReasonCode.NO_OPEN_CASE, payment=oldest.payment_id)
    return answer(state.model_copy(update={"payments": rest}), said)


def match_waiting(
    state: IntakeState, day: date, reference: Reference
) -> tuple[IntakeState, tuple[Event, ...]]:
    """Match what arrived before the first case, in order of value date.

    The figures that opened the case hold what is dated up to their day: that was paid, and nothing more
    is owed less for it.
    """
    waiting = sorted(
        (p for p in state.payments if p.episode is None), key=lambda p: (p.value_date, p.payment_id)
    )
    state = state.model_copy(update={"payments": tuple(p for p in state.payments if p.episode is not None)})
    said: list[Event] = []
    for payment in waiting:
        if payment.left > 0:
            state, event = _match(state, payment, day, reference, heard_before=True)
            said.append(event)
    return state, tuple(said)


def _match(
    state: IntakeState, payment: Payment, day: date, reference: Reference, *, heard_before: bool = False
) -> tuple[IntakeState, PaymentMatched]:
    on, money = payment.value_date, Money(payment.unallocated, payment.currency)
    debts = _payable(state, payment, day, reference)
    held = {d.debt_id: holds(d, on, heard_before=heard_before) for d in debts}
    # What the bank booked as a decrease before we heard why is the first that a held payment explains.
    explained = {d.debt_id: (-d.corrections).positive if held[d.debt_id] else Amounts() for d in debts}
    pack = state.policy or ""
    first, left = (
        serve(money, debts, explained, pack, on, reference) if any(held.values()) else ((), money.minor)
    )
    owed = {d.debt_id: d.outstanding.positive for d in debts}
    planned, left = _by_plan(state, debts, Money(left, payment.currency), owed, on, reference, first)
    owed = {d.debt_id: owed[d.debt_id] - _sum(p for p in planned if p.debt_id == d.debt_id) for d in debts}
    rest = Money(left, payment.currency)
    more, left = serve(rest, debts, owed, pack, on, reference) if debts and left else ((), left)
    more = (*planned, *more)
    # The bank's figure of what is overdue holds a held payment too.
    parts = tuple(p.model_copy(update={"overdue": 0}) if held[p.debt_id] else p for p in (*first, *more))
    after = state
    for debt in debts:
        own = [p for p in parts if p.debt_id == debt.debt_id]
        if own:
            paid, late = _sum(own), _sum(own, overdue=True)
            after = after.with_debt(post(debt, paid, late, on, day, held=held[debt.debt_id]))
    beside = beside_plan(state, payment, parts, paid_elsewhere(state, day, reference))
    update = {"episode": state.episode, "parts": parts, "unallocated": left, "beside": beside}
    matched = payment.model_copy(update=update)
    after = after.model_copy(update={"payments": (*after.payments, matched)[-_PAYMENTS_KEPT:]})
    touched = {part.debt_id for part in parts}
    said = PaymentMatched(
        payment_id=payment.payment_id,
        amount=money,
        value_date=on,
        allocations=_allocations(parts, payment.currency),
        unallocated=Money(left, payment.currency),
        debts=snapshots(after),
        # Of a closed case the bank's newer figures are kept without a word: they are said with the money.
        ledgers=ledgers_of(d for d in after.of_case if d.debt_id in touched or not after.is_open),
        in_balance=bool(touched) and all(held[debt_id] for debt_id in touched),
        beside=Money(beside, payment.currency) if beside else None,
    )
    return after, said


def _by_plan(
    state: IntakeState, debts: list[Debt], money: Money, owed: dict[str, Amounts], on: date,
    reference: Reference, taken: tuple[Part, ...],
) -> tuple[tuple[Part, ...], int]:  # fmt: skip
    """Serve the instalments of the plan in force: the parts, and what is left over for the waterfall."""
    shares = shares_of_plan(state, debts, money.minor, money.currency, on, owed, taken)
    parts: list[Part] = []
    for debt in debts:
        share = Money(shares.get(debt.debt_id, 0), money.currency)
        if share.is_positive:
            parts += serve(share, [debt], owed, debt.policy, on, reference)[0]
    return tuple(parts), money.minor - sum(part.amount for part in parts)


def _payable(state: IntakeState, payment: Payment, day: date, reference: Reference) -> list[Debt]:
    """The debts that a payment may serve: the account it names, else active ones, else any left over.

    A stopped debt is served only where the payment names it: money is no acknowledgement of a disputed debt,
    and no preference in an insolvency. So is one whose buyer is paid, since its sale. Currencies are never
    netted.
    """
    gone = {DebtStatus.SOLD, DebtStatus.RECALLED, DebtStatus.ELSEWHERE}
    ours = [
        debt
        for debt in state.of_case
        if debt.currency == payment.currency and (debt.status not in gone or state.keeps_open(debt))
    ]
    if payment.account_id is not None:
        return [debt for debt in ours if debt.debt_id == payment.account_id]
    free = [debt for debt in ours if not state.is_passed_by(debt, day)]
    again = asking(state) if state.plan is None else None
    of_case = [d for d in free if state.keeps_open(d) or (again is not None and d.debt_id in again.debts)]
    apart, on = paid_elsewhere(state, day, reference), payment.value_date
    ours = [debt for debt in of_case if debt.debt_id not in apart or on <= (debt.ended_on or on)]
    return ours or of_case or free


def _sum(parts: Iterable[Part], *, overdue: bool = False) -> Amounts:
    return Amounts.sum(
        Amounts(**{part.component: part.overdue if overdue else part.amount}) for part in parts
    )


def _allocations(parts: Iterable[Part], currency: str) -> tuple[Allocation, ...]:
    parts = tuple(parts)
    return tuple(
        Allocation(debt_id=debt_id, amounts=_sum(p for p in parts if p.debt_id == debt_id).on_wire(currency))
        for debt_id in dict.fromkeys(part.debt_id for part in parts)
    )


def _payment(state: IntakeState, payment_id: str) -> Payment | None:
    return next((p for p in state.payments if p.payment_id == payment_id), None)


def reversed_(
    state: IntakeState | None, message: Envelope[bank.PaymentReversed], _reference: Reference
) -> Outcome:
    """A payment came back: exactly what it had been allocated to is owed again."""
    data = message.data
    now = state or IntakeState(customer=message.key)
    payment = _payment(now, data.payment_id)
    if state is None or payment is None:
        unknown = refusal(message, ReasonCode.UNKNOWN_PAYMENT, payment=data.payment_id)
        return Decision.wait(state, unknown, subject=now.case)
    if data.reversal_id in payment.reversals:
        return Decision(state)
    if data.amount.currency != payment.currency:
        mixed = refusal(
            message, ReasonCode.CURRENCY_MISMATCH, given=data.amount.currency, expected=payment.currency
        )
        return answer(state, mixed)
    if not data.amount.is_positive:
        return answer(state, refusal(message, ReasonCode.AMOUNT_OUT_OF_RANGE, amount=str(data.amount)))
    if data.amount.minor > payment.left:
        paid = str(Money(payment.left, payment.currency))
        much = refusal(message, ReasonCode.REVERSAL_EXCEEDS_PAYMENT, amount=str(data.amount), paid=paid)
        return answer(state, much)
    returned, after = _split_off(payment, data.amount.minor, data.reversal_id)
    beside = payment.beside - after.beside
    others = tuple(after if p.payment_id == payment.payment_id else p for p in state.payments)
    back = state.model_copy(update={"payments": others})
    if payment.episode is None:
        return answer(back)
    booked = sum(part.amount for part in returned)
    back, returned = _made_up(back, payment, returned, booked - beside, data.reversed_on)
    made_up = booked - sum(part.amount for part in returned)
    back = _owing_again(back, payment, returned)
    held = []
    for debt_id in dict.fromkeys(part.debt_id for part in returned):
        debt = back.debt(debt_id)
        if debt is None:
            continue
        parts = [p for p in returned if p.debt_id == debt_id]
        amounts, late = _sum(parts), _sum(parts, overdue=True)
        held.append(holds(debt, data.reversed_on))
        undo = take_back if debt.episode == payment.episode else restore
        back = back.with_debt(
            _again(undo(debt, amounts, late, data.reversed_on, held=held[-1]), open_=back.is_open)
        )
    of_payment = [d for d in back.debts if d.episode == payment.episode]
    # What was paid on a debt that has gone on to the next case stays paid in this one: it is owed in that.
    gone_on = {d.debt_id for d in back.debts if d.episode != payment.episode}
    touched = {part.debt_id for part in returned}
    said = PaymentTakenBack(
        payment_id=payment.payment_id,
        reversal_id=data.reversal_id,
        amount=data.amount,
        reversed_on=data.reversed_on,
        value_date=payment.value_date,
        allocations=_allocations((p for p in returned if p.debt_id not in gone_on), payment.currency),
        debts=tuple(back.said_of(d) for d in of_payment),
        ledgers=ledgers_of(d for d in of_payment if d.debt_id in touched),
        in_balance=bool(held) and all(held),
        beside=Money(beside, payment.currency) if beside else None,
        made_up=Money(made_up, payment.currency) if made_up else None,
        elsewhere=_allocations((p for p in returned if p.debt_id in gone_on), payment.currency),
    )
    spoken = Decision.of(back, said, subject=case_id(state.customer, payment.episode)).emissions
    if payment.episode == state.episode:
        return Decision(back, spoken)
    # The money was paid in an earlier case and is owed in this one.
    reason = Reason(code=ReasonCode.PAYMENT_RETURNED, params={"amount": str(data.amount)})
    ended, changes = conclude(state, back, message.day, reason)
    return Decision(ended, (*spoken, *answer(ended, *changes).emissions))


def _made_up(
    state: IntakeState, payment: Payment, returned: tuple[Part, ...], most: int, on: date
) -> tuple[IntakeState, tuple[Part, ...]]:
    """Pay what came back of the plan by money that no debt had room for: what it gave way to was not there.

    At most `most`; what is left is owed again. Not by a credit of which the borrower has disposed, nor where
    the bank's figure holds the return already: it does not hold this.
    """
    plan = state.plan or state.fulfilled
    disposed = any(
        told.about is InstructionAbout.CREDIT and told.episode == state.episode for told in state.instructions
    )
    if plan is None or plan.effective is None or disposed or payment.episode != state.episode:
        return state, returned
    payments, owed = list(state.payments), []
    for part in returned:
        debt, left = state.debt(part.debt_id), part
        serves = debt is not None and part.debt_id in plan.debts and not holds(debt, on)
        for at, other in enumerate(payments if serves else ()):
            ours = other.episode == payment.episode and other.payment_id != payment.payment_id
            ours = ours and other.currency == payment.currency and other.account_id in {None, part.debt_id}
            if not ours or min(other.value_date, payment.value_date) < plan.effective:
                continue
            amount = min(other.unallocated, left.amount, most)
            if not amount:
                continue
            late = min(left.overdue, amount)
            moved = left.model_copy(update={"amount": amount, "overdue": late})
            update = {"parts": (*other.parts, moved), "unallocated": other.unallocated - amount}
            payments[at] = other.model_copy(update=update)
            rest = {"amount": left.amount - amount, "overdue": left.overdue - late}
            left, most = left.model_copy(update=rest), most - amount
        if left.amount:
            owed.append(left)
    return state.model_copy(update={"payments": tuple(payments)}), tuple(owed)


def _owing_again(state: IntakeState, payment: Payment, returned: Iterable[Part]) -> IntakeState:
    """Money that had completed the plan came back: what comes next makes it up."""
    done = state.fulfilled
    if done is None or done.effective is None or payment.value_date < done.effective:
        return state
    if not any(part.debt_id in done.debts for part in returned):
        return state
    return state.model_copy(update={"fulfilled": done.model_copy(update={"came_back": True})})


def _again(debt: Debt, *, open_: bool) -> Debt:
    """A settled debt on which something is owed again is back in an open case."""
    debt = unsettled(debt) if debt.outstanding.total > 0 else debt
    if debt.status is not DebtStatus.SETTLED or debt.outstanding.total == 0:
        return debt
    return debt.model_copy(update={"status": DebtStatus.ACTIVE if open_ else DebtStatus.CURED})


def _split_off(payment: Payment, amount: int, reversal: str) -> tuple[tuple[Part, ...], Payment]:
    """Take an amount off a payment: first what was not allocated, then what was served last.

    What stays is what a payment of the smaller amount would have served. Of a part that was only partly
    late, what was not late goes first.
    """
    free = min(amount, payment.unallocated)
    wanted = amount - free
    kept: list[Part] = []
    returned: list[Part] = []
    for part in reversed(payment.parts):
        taken = min(part.amount, wanted)
        wanted -= taken
        late = max(0, taken - (part.amount - part.overdue))
        if taken:
            returned.append(part.model_copy(update={"amount": taken, "overdue": late}))
        if taken < part.amount:
            rest = {"amount": part.amount - taken, "overdue": part.overdue - late}
            kept.append(part.model_copy(update=rest))
    after = payment.model_copy(
        update={
            "parts": tuple(reversed(kept)),
            "unallocated": payment.unallocated - free,
            "beside": payment.beside - min(payment.beside, amount - free),  # it was served last
            "reversals": (*payment.reversals, reversal)[-_REVERSALS_KEPT:],
        }
    )
    return tuple(returned), after
