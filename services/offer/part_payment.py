"""What a sum would do that a borrower offers while nothing is on the table, where it settles nothing."""

from collections.abc import Collection
from datetime import date, timedelta

from services.offer.model import Assessed, OfferState
from services.offer.questions import NotFound, questions
from services.offer.search import Found, search
from shared.contracts.base import Reason
from shared.contracts.debts import Balances, DebtFlow, DebtSnapshot
from shared.contracts.offer import LumpSumAnswered
from shared.contracts.plan_terms import total_of
from shared.contracts.reasons import ReasonCode
from shared.lending import plans as lending
from shared.lending.allocation import Components, DebtBalance, allocate, waterfall
from shared.lending.money import Money
from shared.policy.model import PolicyInForce
from shared.policy.reference import Reference

__all__ = ["YOUR_WISH", "answer_to_sum", "less_what_is_paid", "while_offered"]

YOUR_WISH = Reason(code=ReasonCode.LUMP_SUM_YOUR_WISH)


def while_offered(state: OfferState, day: date, policy: PolicyInForce) -> OfferState:
    """Give the talks without a sum that was noted too long ago: it counts as long as figures do."""
    noted = state.wish.noted_on if state.wish is not None else None
    if noted is None or day <= noted + timedelta(days=policy.assessment.validity_days):
        return state
    return state.model_copy(update={"wish": None})


def less_what_is_paid(before: OfferState, now: OfferState) -> OfferState:
    """Give the talks with what is left of a noted sum: by what the debts have fallen, it may have been paid.

    What the bank has cancelled lowers it, too: better that it is offered again than counted twice.
    """
    wish = now.wish
    if wish is None or wish.noted_on is None or wish.lump_sum is None:
        return now
    fell = _owed(before, wish.lump_sum.currency) - _owed(now, wish.lump_sum.currency)
    if not fell.is_positive:
        return now
    left = wish.lump_sum - fell
    rest = wish.model_copy(update={"lump_sum": left}) if left.is_positive else None
    return now.model_copy(update={"wish": rest})


def _owed(state: OfferState, currency: str) -> Money:
    every = (total_of(debt.outstanding) for debt in state.debts)
    return Money.sum([total for total in every if total.currency == currency], currency)


def answer_to_sum(
    state: OfferState, assessed: Assessed, found: NotFound, day: date, reference: Reference
) -> LumpSumAnswered:
    """Say what would settle, and what is left of the debts, and possible, once the sum is paid."""
    wish = state.wish
    assert wish is not None and wish.lump_sum is not None  # noqa: S101, PT018 - narrows: it is asked about
    return LumpSumAnswered(
        amount=wish.lump_sum,
        source=wish.source,
        as_of=day,
        reasons=(*_what_it_does(state, wish.lump_sum, assessed, found, day, reference), YOUR_WISH),
        next_step=found.next_step,
        review_on=state.next_date,
    )


def _what_it_does(
    state: OfferState, offered: Money, assessed: Assessed, found: NotFound, day: date, reference: Reference
) -> tuple[Reason, ...]:
    asked = questions(state, assessed, day, reference)
    if isinstance(asked, NotFound) or [one.currency for one in asked.questions] != [offered.currency]:
        return (found.reason,)  # a person looks at it; of several currencies no one sum can be said
    (one,) = asked.questions
    needed = lending.least_settlement(one.debts, one.capacity, one.first_due, one.limits)
    if needed is None or needed <= offered:
        return (found.reason,)
    params = {"wished": _shown(offered), "needed": _shown(needed)}
    ids = {debt.debt_id for debt in one.debts}
    too_low = Reason(code=ReasonCode.LUMP_SUM_TOO_LOW, params=params)
    return too_low, _then(state, offered, ids, assessed, day, reference)


def _then(
    state: OfferState,
    offered: Money,
    ids: Collection[str],
    assessed: Assessed,
    day: date,
    reference: Reference,
) -> Reason:
    """Search as if the sum were paid on the debts of `ids`; the bank's own allocation decides once it is."""
    debts = _after(state, offered, ids, day, reference)
    left = Money.sum([total_of(d.outstanding) for d in debts if d.debt_id in ids], offered.currency)
    params = {"amount": _shown(offered), "left": _shown(left)}
    found = search(state.model_copy(update={"debts": debts, "wish": None}), assessed, day, "", reference)
    if not isinstance(found, Found):
        return Reason(code=ReasonCode.LUMP_SUM_LOWERS, params=params)
    payments = found.plans[0].payments
    largest = max((row.total for row in payments), key=lambda total: total.minor)
    params |= {"payment": _shown(largest), "months": str(len(payments))}
    return Reason(code=ReasonCode.LUMP_SUM_THEN_PLAN, params=params)


def _after(
    state: OfferState, paid: Money, ids: Collection[str], day: date, reference: Reference
) -> tuple[DebtSnapshot, ...]:
    """Give the debts after a payment: what is overdue of all of them is served first, then the rest."""
    ruling = reference.policies.for_case(state.policy, day, agreed_on=state.round_on)
    paying = [debt for debt in state.debts if debt.debt_id in ids]
    shares, left = {debt.debt_id: Money.zero(paid.currency) for debt in paying}, paid
    for late in (True, False):
        served = allocate(left, [_open(debt, late=late) for debt in paying], ruling.allocation_rules)
        left = served.unallocated
        shares = {debt_id: share + served.of(debt_id).total for debt_id, share in shares.items()}
    return tuple(
        _less(debt, shares[debt.debt_id], day, reference) if debt.debt_id in shares else debt
        for debt in state.debts
    )


def _open(debt: DebtSnapshot, *, late: bool) -> DebtBalance:
    owed, overdue = Components.from_balances(debt.outstanding), _overdue(debt)
    return DebtBalance(
        debt_id=debt.debt_id,
        outstanding=overdue if late else owed - overdue,
        days_past_due=debt.days_past_due,
        due_since=debt.oldest_due,
        annual_rate_pct=debt.annual_rate_pct,
    )


def _overdue(debt: DebtSnapshot) -> Components:
    """Give what is overdue, as far as it is owed: banks report the two apart."""
    owed, nothing = Components.from_balances(debt.outstanding), debt.outstanding.principal * 0
    late = Components.from_balances(debt.overdue)
    parts = {part: max(min(late.get(part), owed.get(part)), nothing) for part in owed.parts()}
    return Components.from_mapping(owed.currency, parts)


def _less(debt: DebtSnapshot, paid: Money, day: date, reference: Reference) -> DebtSnapshot:
    rules = reference.policies.in_force(debt.policy, day).allocation_rules
    owed, late = Components.from_balances(debt.outstanding), _overdue(debt)
    taken, _ = waterfall(paid, owed, rules.order_at(debt.days_past_due))
    overdue = _balances(
        late
        - Components.from_mapping(
            late.currency, {part: min(late.get(part), amount) for part, amount in taken.parts().items()}
        )
    )
    known = debt.history and debt.history_problem is None and paid.is_positive
    return debt.model_copy(
        update={
            "outstanding": _balances(owed - taken),
            "overdue": overdue,
            "days_past_due": debt.days_past_due if total_of(overdue).is_positive else 0,
            "history": (*debt.history, *((DebtFlow(on=day, amount=paid),) if known else ())),
        }
    )


def _balances(parts: Components) -> Balances:
    return Balances(
        principal=parts.principal,
        interest=parts.interest,
        fees=parts.fees,
        late_charges=parts.late_charges,
    )


def _shown(amount: Money) -> str:
    return f"{amount} {amount.currency}"
