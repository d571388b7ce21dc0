"""What the bank is told of stop events: one instruction when something stops, one when it goes on. Pure.

What the bank was told is kept, so that each change is told once, also of a case that has been closed since.
A debt that was sold is not the bank's any more, and nothing is told about it.
"""

from __future__ import annotations

from datetime import date

from services.intake.books import Debt
from services.intake.halting import rules_of
from services.intake.model import Held, Instruction, IntakeState, Stop
from services.intake.rules import conduct_in, policy_of
from shared.contracts.agreement import CollectionOrder
from shared.contracts.debts import DebtStatus
from shared.contracts.ids import derive_id
from shared.contracts.intake import HeldDebt, InstructionAbout, StopsInstructed
from shared.policy.reference import Reference

__all__ = ["told_of_stops", "with_leaving"]

# Asking for money is stopped by either: whoever may not be contacted, or pressed, is not collected from.
_COLLECTS = frozenset({"contact", "enforcement"})

Key = tuple[str, str]
Holds = dict[Key, frozenset[str]]


def told_of_stops(
    state: IntakeState, day: date, cause: str, reference: Reference
) -> tuple[IntakeState, StopsInstructed | None]:
    """Tell the bank what its orders about the debts do not say yet; `cause` is the message, or the day.

    The same change by the same cause has the same id: after a restore the bank does nothing twice.
    """
    if not (state.held or state.stops) or state.policy is None:
        return state, None
    before = {(held.debt_id, held.party_id or ""): frozenset(held.stops) for held in state.held}
    after = _holds(state, before, day, reference)
    if after == before:
        return state, None
    kept = tuple(
        Held(debt_id=debt, party_id=party or None, stops=tuple(sorted(stops)))
        for (debt, party), stops in sorted(after.items())
    )
    told = state.model_copy(update={"held": kept})
    holds = tuple(
        _said(state, key, before.get(key, frozenset()), after.get(key, frozenset()), day, reference)
        for key in sorted(before.keys() | after.keys())
        if before.get(key) != after.get(key) and not state.is_sold(key[0])
    )
    if not holds:
        return told, None
    what = (f"{held.debt_id}/{held.party_id or ''}:{','.join(held.stops)}" for held in holds)
    policy = policy_of(state, day, reference)
    said = StopsInstructed(
        instruction_id=derive_id("instruction", state.case, "stops", cause, *what),
        effective=day,
        answer_by=policy.deadline(day, policy.agreement.instruction_business_days),
        holds=holds,
    )
    asked = Instruction(
        instruction_id=said.instruction_id, about=InstructionAbout.STOPS, episode=state.episode
    )
    return told.with_instruction(asked), said


def with_leaving(before: IntakeState | None, after: IntakeState, day: date) -> IntakeState:
    """Note which debts have left the case on `day`: a stop of that day may be read before or after."""
    for debt in after.debts:
        was = None if before is None else before.debt(debt.debt_id)
        if was is not None and was.is_active and not debt.is_active:
            after = after.with_debt(debt.model_copy(update={"left_on": day}))
    return after


def _holds(state: IntakeState, before: Holds, day: date, reference: Reference) -> Holds:
    """Give what stops now, by debt and obligor.

    Of debts that had left before the day, and of a case closed before it, the bank hears nothing more.
    """
    found: dict[Key, set[str]] = {}
    for stop in state.stops:
        if stop.ended_on is not None:
            continue
        for debt in state.debts:
            key = (debt.debt_id, stop.party_id or "")
            if _concerns(stop, debt) and (key in before or _begins(state, debt, day)):
                stops = {what for rule in rules_of(stop, [debt], day, reference) for what in rule.stops}
                # Another obligor is protected; the debt itself runs on for the customer.
                found.setdefault(key, set()).update(stops & _COLLECTS if stop.party_id else stops)
                if stop.party_id and stop.stops_debt(debt.debt_id):
                    found.setdefault((debt.debt_id, ""), set()).update(stops)
    return {key: frozenset(stops) for key, stops in found.items() if stops}


def _begins(state: IntakeState, debt: Debt, day: date) -> bool:
    if debt.left_on == day:
        return True
    return state.is_open and debt.episode == state.episode and debt.is_active


def _concerns(stop: Stop, debt: Debt) -> bool:
    if debt.status is DebtStatus.SOLD or not stop.is_about(debt.debt_id):
        return False
    return stop.party_id is None or any(owing.party_id == stop.party_id for owing in debt.obligors)


def _said(
    state: IntakeState,
    key: Key,
    before: frozenset[str],
    now: frozenset[str],
    day: date,
    reference: Reference,
) -> HeldDebt:
    debt_id, party = key
    order: CollectionOrder | None = None
    if now & _COLLECTS:
        order = CollectionOrder.STOP
    elif before & _COLLECTS and not _plan_stops(state, debt_id, day, reference):
        order = CollectionOrder.RESUME
    return HeldDebt(
        debt_id=debt_id,
        party_id=party or None,
        stops=tuple(sorted(now)),
        resumes=tuple(sorted(before - now)),
        collection=order,
    )


def _plan_stops(state: IntakeState, debt_id: str, day: date, reference: Reference) -> bool:
    """Whether a signed plan keeps collection of a debt stopped, also when nothing else does."""
    planned = state.plan is not None and debt_id in state.plan.debts
    return planned and conduct_in(state, day, reference).stop_collection_on_sign
