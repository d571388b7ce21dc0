"""Joint debts: whose case holds them, who else owes them, and what these people wish and consent to. Pure.

Which case holds a joint debt follows from its obligors alone (`bank.is_held_by`), so it does not matter
under whose key the bank speaks first. Under another obligor's key the debt is known by its account only.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from services.intake.books import Debt, Owing
from services.intake.cases import Outcome, answer, conclude
from services.intake.ledger import leave
from services.intake.model import Elsewhere, IntakeState, Party
from services.intake.rules import refusal
from shared.contracts import bank
from shared.contracts.base import Reason
from shared.contracts.debts import DebtStatus
from shared.contracts.decision import Decision
from shared.contracts.desk_parties import PartyRightsSet
from shared.contracts.envelope import Envelope
from shared.contracts.ids import case_id
from shared.contracts.intake import JointDebtElsewhere, PartiesChanged
from shared.contracts.parties import PartyInCase, party_id_of
from shared.contracts.reasons import ReasonCode
from shared.policy.reference import Reference

__all__ = [
    "belongs_elsewhere",
    "learn_elsewhere",
    "parties_of",
    "rights_set",
    "said_of_elsewhere",
    "said_of_parties",
    "with_obligors",
]

# Joint accounts of others' cases that are remembered, and people; documents do not grow.
_ELSEWHERE_KEPT = 60
_PARTIES_KEPT = 60


def belongs_elsewhere(state: IntakeState, message: Envelope[Any]) -> bool:
    """Whether a bank message is about a joint account that another obligor's case holds.

    Where the message names no obligors, what is known of the account counts.
    """
    data = message.data
    known, as_of = state.held_elsewhere(getattr(data, "account_id", None)), getattr(data, "as_of", None)
    if data.obligors and (known is None or as_of is None or as_of >= known.as_of):
        return not bank.is_held_by(message.key, data.obligors)
    return known is not None


def learn_elsewhere(state: IntakeState | None, message: Envelope[Any], as_of: date) -> Outcome:
    """An account is overdue, and another case holds it: known here, without amounts.

    A debt that this case held until now leaves it. Money that waited for the account counts there, not here.
    """
    now = state or IntakeState(customer=message.key)
    data = message.data
    known, debt = now.held_elsewhere(data.account_id), now.debt(data.account_id)
    if known is not None and (known.as_of > as_of or not data.obligors):
        return Decision(state)
    if debt is not None and as_of < debt.figure_on:
        params = {"as_of": as_of.isoformat(), "known": debt.figure_on.isoformat()}
        return answer(now, refusal(message, ReasonCode.STALE_FACT, **params))
    role = next((o.role for o in data.obligors if o.customer == message.key), None)
    noted = Elsewhere(account_id=data.account_id, role=role, as_of=as_of)
    others = tuple(item for item in now.elsewhere if item.account_id != data.account_id)
    waiting = [p for p in now.payments if p.episode is None and p.account_id == data.account_id]
    after = now.model_copy(
        update={
            "elsewhere": (*others, noted)[-_ELSEWHERE_KEPT:],
            "payments": tuple(p for p in now.payments if p not in waiting),
        }
    )
    counted_there = [
        refusal(message, ReasonCode.JOINT_DEBT_ELSEWHERE, account=data.account_id, payment=payment.payment_id)
        for payment in waiting
    ]
    if debt is None or debt.status is DebtStatus.ELSEWHERE:
        return answer(after, *counted_there)
    after = after.with_debt(leave(debt, DebtStatus.ELSEWHERE, as_of))
    if not now.is_open or debt.episode != now.episode:
        return answer(after, *counted_there)
    reason = Reason(code=ReasonCode.JOINT_DEBT_ELSEWHERE, params={"account": data.account_id})
    ended, changes = conclude(now, after, message.day, reason)
    return answer(ended, *counted_there, *changes)


def said_of_elsewhere(before: IntakeState | None, after: IntakeState) -> tuple[JointDebtElsewhere, ...]:
    """Say in an open case which joint debts of the customer other cases hold, where it is news."""
    known: set[tuple[str, object]] = set()
    if before is not None and before.is_open and before.episode == after.episode:
        known = {(item.account_id, item.role) for item in before.elsewhere}
    return tuple(
        JointDebtElsewhere(account_id=item.account_id, role=item.role, as_of=item.as_of)
        for item in after.elsewhere
        if (item.account_id, item.role) not in known
    )


def with_obligors(state: IntakeState, debt: Debt, message: Envelope[Any]) -> tuple[IntakeState, Debt]:
    """Take over who else owes a debt, where the bank says so. Who is new has the bank's language, no more."""
    data = message.data
    if not data.obligors:
        return state, debt
    others = [obligor for obligor in data.obligors if obligor.customer != message.key]
    owing = {
        party_id_of(o.customer): Owing(
            party_id=party_id_of(o.customer),
            role=o.role,
            liability=None if o.liability is None else o.liability.minor,
        )
        for o in others
    }
    known = {party.party_id for party in state.parties}
    new = tuple(
        Party(party_id=party_id_of(o.customer), language=o.language)
        for o in {o.customer: o for o in others}.values()
        if party_id_of(o.customer) not in known
    )
    after = state.model_copy(
        update={
            "parties": (*state.parties, *new)[-_PARTIES_KEPT:],
            "elsewhere": tuple(i for i in state.elsewhere if i.account_id != debt.debt_id),
        }
    )
    return after, debt.model_copy(update={"obligors": tuple(owing[key] for key in sorted(owing))})


def parties_of(state: IntakeState) -> tuple[PartyInCase, ...]:
    """Give the other obligors of the case's debts, as downstream knows them."""
    found = []
    for party in sorted(state.parties, key=lambda party: party.party_id):
        owing = [
            (debt.debt_id, item.role)
            for debt in state.of_case
            if debt.status is not DebtStatus.ELSEWHERE
            for item in debt.obligors
            if item.party_id == party.party_id
        ]
        if owing:
            found.append(
                PartyInCase(
                    roles=tuple(sorted({role for _, role in owing})),
                    debts=tuple(debt_id for debt_id, _ in owing),
                    **party.model_dump(),
                )
            )
    return tuple(found)


def said_of_parties(before: IntakeState | None, after: IntakeState, day: date) -> tuple[PartiesChanged, ...]:
    """Say who else is in an open case, where it is news."""
    parties = parties_of(after)
    if before is not None and before.is_open and before.episode == after.episode:
        return () if parties_of(before) == parties else (PartiesChanged(as_of=day, parties=parties),)
    return (PartiesChanged(as_of=day, parties=parties),) if parties else ()


def rights_set(
    state: IntakeState | None, message: Envelope[PartyRightsSet], _reference: Reference
) -> Outcome:
    """An obligor has wishes and consents of their own; they hold for this customer's cases only."""
    data = message.data
    party = None
    if state is not None:
        party = next((p for p in state.parties if p.party_id == data.party_id), None)
    if state is None or party is None:
        unknown = refusal(message, ReasonCode.UNKNOWN_PARTY)
        subject = case_id(message.key, 1) if state is None else state.case
        return Decision.wait(state, unknown, subject=subject)
    said = data.model_dump(exclude={"party_id", "evidence"}, exclude_none=True)
    updated = party.model_copy(update=said)
    parties = tuple(updated if p.party_id == party.party_id else p for p in state.parties)
    return answer(state.model_copy(update={"parties": parties}))
