"""The rules of the formal document. Their numbers come from the policy pack of the case."""

from collections.abc import Sequence
from datetime import date, timedelta

from services.agreement.model import Draft, KnownDebt
from shared.contracts.agreement import WaivedDebt
from shared.contracts.debts import DebtStatus, InstalmentTotal, Plan
from shared.contracts.desk import SignatureGiven, SignatureParty
from shared.contracts.plan_terms import total_of
from shared.contracts.reasons import ReasonCode
from shared.policy.model import PolicyInForce

__all__ = [
    "answer_by",
    "has_both",
    "last_signed",
    "owed",
    "refuses_signature",
    "sign_by",
    "unlike_balances",
    "waived_debts",
    "withdraw_until",
]


def owed(debts: Sequence[KnownDebt]) -> dict[str, KnownDebt]:
    """Give the debts that an agreement must cover: active ones on which something is owed."""
    return {
        debt.debt_id: debt
        for debt in debts
        if debt.status is DebtStatus.ACTIVE and total_of(debt.outstanding).is_positive
    }


def unlike_balances(plan: Plan, debts: Sequence[KnownDebt]) -> ReasonCode | None:
    """A plan is signed over every debt, on the very balances it was computed on, or not at all."""
    today = owed(debts)
    if any(debt.debt_id not in today for debt in plan.debts):
        return ReasonCode.DEBT_LEFT_PLAN
    if any(today[debt.debt_id].outstanding != debt.balance for debt in plan.debts):
        return ReasonCode.BALANCE_CHANGED
    if len(today) != len(plan.debts):
        return ReasonCode.BALANCE_CHANGED
    return None


def sign_by(drafted_on: date, instalments: Sequence[InstalmentTotal], policy: PolicyInForce) -> date:
    """Both sign within the policy's business days, and before the first instalment falls due."""
    wished = policy.deadline(drafted_on, policy.agreement.sign_business_days)
    return min(wished, instalments[0].due)


def refuses_signature(draft: Draft, given: SignatureGiven, on: date) -> ReasonCode | None:
    """A signature counts for one version, by its content's hash, once for each party, in time."""
    if given.version != draft.version:
        return ReasonCode.VERSION_MISMATCH
    if given.content_hash != draft.content_hash:
        return ReasonCode.HASH_MISMATCH
    if any(signature.party is given.party for signature in draft.signatures):
        return ReasonCode.ALREADY_SIGNED
    if on > draft.sign_by:
        return ReasonCode.SIGNATURE_TOO_LATE
    return None


def has_both(draft: Draft) -> bool:
    """An agreement binds when borrower and lender have signed (R22, R23)."""
    return {signature.party for signature in draft.signatures} == set(SignatureParty)


def last_signed(draft: Draft) -> date:
    """Give the business date of the last signature: the effective date."""
    return max(signature.on for signature in draft.signatures)


def waived_debts(plan: Plan) -> tuple[WaivedDebt, ...]:
    """Give what is waived with the signature."""
    return tuple(
        WaivedDebt(debt_id=debt.debt_id, amounts=debt.waived)
        for debt in plan.debts
        if total_of(debt.waived).is_positive
    )


def withdraw_until(effective: date, policy: PolicyInForce) -> date | None:
    """Give the last day to withdraw; None where the pack has no cooling-off time."""
    days = policy.agreement.cooling_off_days
    return effective + timedelta(days=days) if days else None


def answer_by(on: date, policy: PolicyInForce) -> date:
    """The bank answers an instruction within the policy's business days."""
    return policy.deadline(on, policy.agreement.instruction_business_days)
