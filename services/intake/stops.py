"""What stops a debt or protects a person: taken up, lifted, and what it means for a signed plan. Pure.

A stopped debt stays on the case: the bank's figures and money that names it go on, and it comes into no plan.
What of contact, interest, fees and enforcement stops meanwhile, and what ends by date, is for the packs to
say (`halting`). A stop that protects
another obligor is about that person; the customer's debt stays in the talks.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from services.intake.cases import Outcome, answer, conclude
from services.intake.halting import dated, halt_of, is_in, over_on, past_halts, too_soon, with_joint
from services.intake.model import IntakeState, Stop
from services.intake.rules import refusal
from shared.contracts import bank, desk_parties
from shared.contracts.base import Reason
from shared.contracts.decision import Decision
from shared.contracts.envelope import Envelope
from shared.contracts.intake import PlanDebtsChanged, StopsChanged
from shared.contracts.parties import StopInForce, party_id_of
from shared.contracts.reasons import ReasonCode
from shared.policy.reference import Reference

__all__ = ["ended_by_date", "lifted", "reported", "said_of_plan", "said_of_stops", "stops_of"]

# Stops that nobody lifts are kept up to this number, the oldest forgotten.
_STOPS_KEPT = 60


def reported(
    state: IntakeState | None,
    message: Envelope[bank.StopReported] | Envelope[desk_parties.StopReported],
    reference: Reference,
) -> Outcome:
    """Something stops debts or protects a person, from now on, whether a case is open or not."""
    data = message.data
    now = state or IntakeState(customer=message.key)
    unknown = next((account for account in data.accounts if now.debt(account) is None), None)
    if unknown is not None:
        wrong = refusal(message, ReasonCode.UNKNOWN_ACCOUNT, account=unknown)
        return Decision.wait(state, wrong, subject=now.case)
    known = _stop(now, data.stop_id)
    if known is not None and known.ended_on is not None and data.since <= max(known.ended_on, known.since):
        return Decision(state)
    party = _party_of(message)
    if party is not None and all(known.party_id != party for known in now.parties):
        return Decision.wait(state, refusal(message, ReasonCode.UNKNOWN_PARTY), subject=now.case)
    stop = Stop(
        stop_id=data.stop_id,
        cause=data.cause,
        since=data.since,
        accounts=tuple(sorted(set(data.accounts))),
        party_id=party,
        expected_end=data.expected_end,
    )
    if isinstance(data, desk_parties.StopReported):
        # What the bank passes on was granted by who had to look at that.
        again = too_soon(now, stop, reference)
        if again is not None:
            soon = refusal(message, ReasonCode.STOP_TOO_SOON, date=again.isoformat())
            return Decision.of(state, soon, subject=now.case)
        told_on = message.day if known is None or known.ended_on is not None else known.told_on
        stop = stop.model_copy(update={"told_on": told_on})
    # One whose last day is over stops nothing any more.
    after = dated(_with_stop(now, with_joint(now, stop, message.day, reference)), message.day, reference)
    reason = Reason(code=ReasonCode.DEBT_STOPPED, params={"cause": stop.cause.value})
    concluded, said = conclude(now, after, message.day, reason)
    return answer(concluded, *said, *_said_of_past(now, concluded, message.day, reference))


def _said_of_past(
    before: IntakeState, after: IntakeState, day: date, reference: Reference
) -> tuple[StopsChanged, ...]:
    """Say what had been halted up to a day that was over when it was told: it is held against nobody.

    Each debt may have a stop of its own, and whichever is told last completes the halt.
    """
    if not after.is_open:
        return ()
    halt, was = halt_of(after, day, reference), halt_of(before, day, reference)
    known = (*past_halts(before, day, reference), *(one for one in (was, halt) if one is not None))
    return tuple(
        StopsChanged(as_of=day, stops=stops_of(after), halt=halt, past=past)
        for past in past_halts(after, day, reference)
        if past.since is not None and past.until is not None and not is_in(past.since, past.until, known)
    )


def _party_of(message: Envelope[Any]) -> str | None:
    if isinstance(message.data, desk_parties.StopReported):
        return message.data.party_id
    customer = message.data.customer
    return None if customer in {None, message.key} else party_id_of(customer)


def lifted(
    state: IntakeState | None,
    message: Envelope[bank.StopLifted] | Envelope[desk_parties.StopLifted],
    _reference: Reference,
) -> Outcome:
    """It has ended: the debts come back into the talks, unless something else stops them."""
    now = state or IntakeState(customer=message.key)
    known = _stop(now, message.data.stop_id)
    if known is None:
        unknown = refusal(message, ReasonCode.UNKNOWN_STOP, stop=message.data.stop_id)
        return Decision.wait(state, unknown, subject=now.case)
    if known.ended_on is not None:
        return Decision(state)
    by_desk = isinstance(message.data, desk_parties.StopLifted)
    if message.data.on > message.day:
        # It goes on until then, whoever says so beforehand.
        last = message.data.on if known.ends_on is None else min(message.data.on, known.ends_on)
        dated = _with_stop(now, known.model_copy(update={"ends_on": last}))
        return answer(dated)
    over = {"ended_on": message.data.on, "lifted_on": message.day if by_desk else None}
    after = _with_stop(now, known.model_copy(update=over))
    concluded, said = conclude(now, after, message.day, Reason(code=ReasonCode.STOP_ENDED))
    return answer(concluded, *said)


def _stop(state: IntakeState, stop_id: str) -> Stop | None:
    return next((stop for stop in state.stops if stop.stop_id == stop_id), None)


def _with_stop(state: IntakeState, stop: Stop) -> IntakeState:
    """Put a stop in its place; of too many, those that have ended are forgotten first."""
    stops = (*(item for item in state.stops if item.stop_id != stop.stop_id), stop)
    kept = sorted(stops, key=lambda item: item.ended_on is None)[-_STOPS_KEPT:]
    return state.model_copy(update={"stops": tuple(item for item in stops if item in kept)})


def stops_of(state: IntakeState) -> tuple[StopInForce, ...]:
    """Give the stops of the case as downstream knows them, each with the debts of the case it is about.

    Of another obligor's stop these are the debts that this obligor owes too. One that stops what they owe
    together is said a second time, as the customer's.
    """
    found = []
    for stop in state.stops:
        if stop.ended_on is not None:
            continue
        debts = tuple(
            debt.debt_id
            for debt in state.of_case
            if stop.is_about(debt.debt_id)
            and (stop.party_id is None or any(o.party_id == stop.party_id for o in debt.obligors))
        )
        if debts:
            found.append(_in_force(stop, debts))
            both = tuple(debt for debt in debts if stop.party_id is not None and stop.stops_debt(debt))
            if both:  # whoever owes these is protected like the person
                found.append(_in_force(stop, both).model_copy(update={"party_id": None}))
    return tuple(found)


def said_of_stops(
    before: IntakeState | None, after: IntakeState, day: date, reference: Reference
) -> tuple[StopsChanged, ...]:
    """Say what is stopped in a case, and what that halts, where it is news."""
    known: tuple[object, object] = ((), None)
    if before is not None and before.episode == after.episode:
        known = stops_of(before), halt_of(before, day, reference)
    stops, halt, over = stops_of(after), halt_of(after, day, reference), _over_of_others(before, after)
    mistaken = _mistaken(before, after)
    if known == (stops, halt) and not over and not mistaken:
        return ()
    return (StopsChanged(as_of=day, stops=stops, halt=halt, over=over, mistaken=mistaken),)


def _mistaken(before: IntakeState | None, after: IntakeState) -> tuple[StopInForce, ...]:
    """Give the stops that have ended since, before they began, each with the debts that it had stopped."""
    found = []
    for stop in after.stops:
        known = None if before is None else _stop(before, stop.stop_id)
        ran = known is not None and known.ended_on is None
        debts = tuple(debt.debt_id for debt in after.of_case if stop.stops_debt(debt.debt_id))
        if ran and debts and stop.ended_on is not None and stop.ended_on < stop.since:
            found.append(_in_force(stop, debts))
    return tuple(found)


def _over_of_others(before: IntakeState | None, after: IntakeState) -> tuple[StopInForce, ...]:
    """Give the stops of other obligors that have ended since, or were over when they were told.

    What they signed meanwhile does not count; nobody else asks about days of theirs that are over. One that
    ended before it began was a mistake, and had none.
    """
    found = []
    for stop in after.stops:
        known = None if before is None else _stop(before, stop.stop_id)
        heard = known is not None and known.ended_on is not None and known.since == stop.since
        if stop.party_id is None or stop.ended_on is None or heard:
            continue
        debts = tuple(
            debt.debt_id
            for debt in after.of_case
            if stop.is_about(debt.debt_id) and any(o.party_id == stop.party_id for o in debt.obligors)
        )
        if debts:
            found.append(_in_force(stop, debts).model_copy(update={"ends_on": stop.ended_on}))
    return tuple(found)


def _in_force(stop: Stop, debts: tuple[str, ...]) -> StopInForce:
    facts = stop.model_dump(exclude={"accounts", "ended_on", "told_on", "lifted_on", "joint"})
    return StopInForce(debts=debts, **facts)


def ended_by_date(state: IntakeState, on: date) -> Outcome:
    """The last day of a stop has closed: its debts come back into the talks, as if it had been lifted."""
    after, said = conclude(state, over_on(state, on), on, Reason(code=ReasonCode.STOP_ENDED))
    return answer(after, *said)


def said_of_plan(before: IntakeState | None, after: IntakeState, day: date) -> tuple[PlanDebtsChanged, ...]:
    """Say which debts are out of the signed plan, where that changed while it is in force."""
    plan = after.plan
    if plan is None:
        return ()
    known: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())
    if before is not None and before.plan is not None and before.plan.agreement_id == plan.agreement_id:
        known = before.left_plan, before.beside_plan
    left, beside = after.left_plan, after.beside_plan
    if (left, beside) == known:
        return ()
    said = PlanDebtsChanged(
        agreement_id=plan.agreement_id,
        as_of=day,
        left=left,
        remaining=tuple(d for d in plan.debts if d not in left and not after.is_sold(d)),
        beside=beside,
    )
    return (said,)
