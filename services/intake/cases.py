"""A case as a whole: opened, changed, assigned, closed. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

from services.intake.books import Debt
from services.intake.halting import all_joint, dated
from services.intake.model import CaseStatus, IntakeState
from services.intake.reach import handed_over
from services.intake.rules import choose_owner, conduct_in, packs_of, timetable
from shared.contracts.base import Event, Reason
from shared.contracts.debts import DebtSnapshot, DebtStatus
from shared.contracts.decision import Decision
from shared.contracts.envelope import Envelope
from shared.contracts.intake import CaseAssigned, CaseChanged, CaseClosed, CaseOpened, CloseReason
from shared.contracts.intake_team import ConductChanged
from shared.policy.conduct import conduct_of
from shared.policy.reference import Reference

__all__ = [
    "Outcome",
    "answer",
    "assign",
    "close_case",
    "conclude",
    "ledgers_of",
    "open_case",
    "said_of_conduct",
    "snapshots",
]

Outcome = Decision[IntakeState]

_CLOSES_AS = {
    DebtStatus.CURED: CloseReason.CURED,
    DebtStatus.SETTLED: CloseReason.SETTLED,
    DebtStatus.SOLD: CloseReason.SOLD,
    DebtStatus.RECALLED: CloseReason.RECALLED,
    DebtStatus.ELSEWHERE: CloseReason.ELSEWHERE,
}


def answer(state: IntakeState, *events: Event) -> Outcome:
    """Decide a state and publish events about the customer's current case."""
    return Decision.of(state, *events, subject=state.case)


def snapshots(state: IntakeState) -> tuple[DebtSnapshot, ...]:
    """Give the debts of the case as downstream knows them."""
    return tuple(state.said_of(debt) for debt in state.of_case)


def ledgers_of(debts: Iterable[Debt | None]) -> tuple[Any, ...]:
    """Give the ledgers of some debts."""
    return tuple(debt.ledger() for debt in debts if debt is not None)


def open_case(
    state: IntakeState, debt: Debt, message: Envelope[Any], reference: Reference
) -> tuple[IntakeState, tuple[Event, ...]]:
    """Open the next episode over one overdue debt: timetable, owner."""
    data, day = message.data, message.day
    policy = reference.policies.in_force(debt.policy, day)
    conduct = conduct_of([policy])
    opened = state.with_debt(debt).model_copy(
        update={
            "status": CaseStatus.OPEN,
            "episode": debt.episode,
            "opened_on": day,
            "policy": debt.policy,
            "policy_version": policy.version,
            "language": data.language if state.episode == 0 else state.language,
            "region": data.region,
            "owner": None,
            "owned_since": None,
            "owned_before": None,
            "leaving": None,
            "plan": None,
            "fulfilled": None,
            "broken": None,
            "earlier": (),
            "finish": None,
        }
    )
    opened = all_joint(opened, day, reference)
    opened = dated(opened, day, reference)  # what was over before the case opened stops nothing
    said = CaseOpened(
        episode=opened.episode,
        opened_on=day,
        policy=debt.policy,
        policy_version=policy.version,
        language=opened.language,
        region=opened.region,
        debts=snapshots(opened),
        timetable=timetable(conduct, day),
        conduct=packs_of(opened),
        reach=handed_over(opened, day, reference),
    )
    owned, assigned = assign(opened, day, reference)
    return owned, (said, *assigned)


def assign(
    state: IntakeState,
    on: date,
    reference: Reference,
    *because: Reason,
    without: frozenset[str] = frozenset(),
    by: str | None = None,
) -> tuple[IntakeState, tuple[CaseAssigned, ...]]:
    """Give the case to a named person; nothing is said where nobody can have it, or it stays where it is.

    `because`: why it changes hands, `without`: who must not have it, `by`: who gave the order.
    """
    conduct = conduct_in(state, on, reference)
    owner, reasons = choose_owner(state, conduct, on, reference, without)
    certified = conduct.assignment.certification_required
    until = None if owner is None else owner.owns_before(on, certified=certified)
    if owner is None or not owner.may_own_on(on, certified=certified):
        # Nobody may have it at present. Each evening it is looked for who may: absences are made shorter, and
        # the roster is written anew.
        until = min(on, date.max - timedelta(days=1)) + timedelta(days=1)
    if owner is None:
        return state.model_copy(update={"owned_before": until}), ()
    owned = state.model_copy(
        update={
            "owner": owner.id,
            "owned_since": state.owned_since if owner.id == state.owner else on,
            "owned_before": until,
            "leaving": None,
        }
    )
    if owner.id == state.owner:
        return owned, ()
    said = CaseAssigned(owner=owner.id, reasons=(*because, *reasons), previous=state.owner, by=by)
    return owned, (said,)


def conclude(
    before: IntakeState, after: IntakeState, day: date, *reasons: Reason
) -> tuple[IntakeState, tuple[Event, ...]]:
    """Say what changed in an open case; close it when no debt of it is active any more."""
    if not after.is_open or not after.of_case:
        return after, ()
    gone = [debt for debt in after.of_case if debt.is_active is False and _was_active(before, debt)]
    if gone and not any(after.keeps_open(debt) for debt in after.of_case):
        return close_case(after, day, _CLOSES_AS[gone[-1].status])
    known = {debt.debt_id: debt for debt in before.of_case}
    changed = [
        debt for debt in after.of_case if _facts(before, known.get(debt.debt_id)) != _facts(after, debt)
    ]
    if not changed:
        return after, ()
    said = CaseChanged(
        as_of=day,
        debts=snapshots(after),
        reasons=reasons,
        ledgers=ledgers_of(changed),
        conduct=packs_of(after),
    )
    return after, (said,)


def said_of_conduct(before: IntakeState | None, after: IntakeState, day: date) -> tuple[ConductChanged, ...]:
    """Say whose packs rule the case, where that has changed since it was opened."""
    if before is None or not before.is_open or not after.is_open or before.episode != after.episode:
        return ()
    packs = packs_of(after)
    return () if packs == packs_of(before) else (ConductChanged(as_of=day, packs=packs),)


def _was_active(before: IntakeState, debt: Debt) -> bool:
    known = before.debt(debt.debt_id)
    return known is None or known.episode != debt.episode or known.is_active


def _facts(state: IntakeState, debt: Debt | None) -> Any:
    """What makes a change: everything said of a debt but the day on which it is said."""
    if debt is None:
        return None
    said = state.said_of(debt).model_copy(update={"as_of": date.min})
    return said, debt.charges, debt.corrections, debt.paid, debt.waived


def close_case(state: IntakeState, on: date, reason: CloseReason) -> tuple[IntakeState, tuple[Event, ...]]:
    """The episode ends; its debts and payments are kept for what still comes about them."""
    closed = state.model_copy(
        update={
            "status": CaseStatus.CLOSED,
            "owned_before": None,
            "leaving": None,
            "plan": None,
            "fulfilled": None,
            "broken": None,
            "earlier": (),
            "finish": None,
        }
    )
    said = CaseClosed(as_of=on, reason=reason, debts=snapshots(closed), ledgers=ledgers_of(closed.of_case))
    return closed, (said,)
