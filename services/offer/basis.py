"""What plans are computed on, digested: whether they still fit; the debts that they cannot be about. Pure."""

from collections.abc import Sequence
from hashlib import sha256
from typing import Final

from services.offer.rules import owed_debts
from shared.contracts.base import Reason
from shared.contracts.debts import DebtNotCovered, DebtSnapshot, DebtStatus, NotCovered
from shared.contracts.reasons import ReasonCode

__all__ = ["basis_of", "bound_before", "not_covered", "rests_on"]

_WHY_NOT: Final = {
    DebtStatus.SOLD: NotCovered.SOLD,
    DebtStatus.RECALLED: NotCovered.RECALLED,
    DebtStatus.ELSEWHERE: NotCovered.ELSEWHERE,
    DebtStatus.DISPUTED: NotCovered.STOPPED,
    DebtStatus.LITIGATION: NotCovered.STOPPED,
    DebtStatus.INSOLVENCY: NotCovered.STOPPED,
    DebtStatus.HELD: NotCovered.STOPPED,
}
"""Of the others, active debts come into a plan, and nothing is open of those that are settled or cured."""


def basis_of(debts: Sequence[DebtSnapshot]) -> str:
    """Digest what plans are computed on: any change of it means that they no longer fit.

    The debts that they name as not covered are digested apart, behind it.
    """
    parts = [
        (
            d.debt_id,
            d.policy,
            str(d.annual_rate_pct),
            *_minor(d.outstanding),
            *_minor(d.overdue),
            *_flows(d),
            *_re_aged(d),
            *(() if d.bound_by is None else (f"bound by {d.bound_by}",)),
        )
        for d in sorted(owed_debts(debts), key=lambda d: d.debt_id)
    ]
    named = [(one.debt_id, one.why.value) for one in not_covered(debts)]
    return _digest(parts, 16) + (f"-{_digest(named, 8)}" if named else "")


def rests_on(basis: str, debts: Sequence[DebtSnapshot]) -> bool:
    """Whether plans that were computed on `basis` still fit; older ones named no debt that they leave out."""
    return basis_of(debts).startswith(basis)


def not_covered(debts: Sequence[DebtSnapshot]) -> tuple[DebtNotCovered, ...]:
    """Give the debts of the case that no plan can be about now, in the order of their ids."""
    return tuple(
        DebtNotCovered(debt_id=debt.debt_id, why=_WHY_NOT[debt.status])
        for debt in sorted(debts, key=lambda debt: debt.debt_id)
        if debt.status in _WHY_NOT
    )


def bound_before(debts: Sequence[DebtSnapshot]) -> dict[str, Reason]:
    """Give the debts that an agreement of an earlier case still binds, each with what there is to say."""
    code = ReasonCode.EARLIER_AGREEMENT_BINDS
    return {
        debt.debt_id: Reason(code=code, params={"account": debt.debt_id, "agreement": debt.bound_by})
        for debt in owed_debts(debts)
        if debt.bound_by is not None
    }


def _digest(parts: Sequence[object], length: int) -> str:
    return sha256(repr(parts).encode()).hexdigest()[:length]


def _re_aged(debt: DebtSnapshot) -> tuple[str, ...]:
    return tuple(f"re-aged {day.isoformat()}" for day in debt.re_aged)


def _flows(debt: DebtSnapshot) -> tuple[str, ...]:
    if debt.history_problem is not None:
        return (debt.history_problem.code,)
    return tuple(f"{flow.on.isoformat()} {flow.amount}" for flow in debt.history)


def _minor(balances: object) -> tuple[str, ...]:
    names = ("principal", "interest", "fees", "late_charges")
    return tuple(f"{getattr(balances, name)}{getattr(balances, name).currency}" for name in names)
