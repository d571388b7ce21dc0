"""The flows of a debt since its advance: intake says them once, here the payments since are added. Pure."""

from collections.abc import Iterable, Sequence

from shared.contracts.base import Reason
from shared.contracts.debts import Allocation, DebtFlow, DebtSnapshot
from shared.contracts.history import merged
from shared.contracts.intake import PaymentMatched, PaymentTakenBack
from shared.contracts.plan_terms import total_of

__all__ = ["problems_of", "with_flows_since", "with_known_flows"]


def with_known_flows(
    before: Sequence[DebtSnapshot], after: Sequence[DebtSnapshot]
) -> tuple[DebtSnapshot, ...]:
    """Give the debts with the flows that were said of them before, where nothing newer is said."""
    known = {debt.debt_id: debt for debt in before if debt.history}
    return tuple(
        debt
        if debt.history or debt.debt_id not in known
        else debt.model_copy(
            update={
                "history": known[debt.debt_id].history,
                "history_as_of": known[debt.debt_id].history_as_of,
            }
        )
        for debt in after
    )


def with_flows_since(
    debts: Sequence[DebtSnapshot], data: PaymentMatched | PaymentTakenBack
) -> tuple[DebtSnapshot, ...]:
    """Add a payment, or its return, to the flows of the debts it was allocated to, unless they hold it."""
    sign = 1 if isinstance(data, PaymentMatched) else -1
    parts = {part.debt_id: part for part in data.allocations}
    return tuple(
        _added(debt, parts[debt.debt_id], data, sign) if debt.history and debt.debt_id in parts else debt
        for debt in debts
    )


def _added(
    debt: DebtSnapshot, part: Allocation, data: PaymentMatched | PaymentTakenBack, sign: int
) -> DebtSnapshot:
    on, as_of = data.money_date(), debt.history_as_of
    if as_of is not None and (on < as_of or (on == as_of and data.in_balance)):
        return debt
    flow = DebtFlow(on=on, amount=total_of(part.amounts) * sign)
    return debt.model_copy(update={"history": merged((*debt.history, flow))})


def problems_of(debts: Iterable[DebtSnapshot]) -> tuple[Reason, ...]:
    """Say why flows do not count, debt by debt."""
    return tuple(debt.history_problem for debt in debts if debt.history_problem is not None)
