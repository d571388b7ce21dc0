"""What stop events mean for a signed agreement: the days to withdraw stand still meanwhile. Pure.

The agreement itself stays in force (a draft goes back, because its debts have left the talks). What the bank
stops meanwhile is intake's to tell it. On the day on which the desk tells of a stop nothing takes effect yet.
A guarantor, or a co-borrower who must sign, whom a stop of theirs lets nobody ask, or lets not sign, is not
waited for: the draft goes back at once.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from services.agreement import doubts
from services.agreement.model import AgreementState, AgreementStatus, Barred, InForce, Unasked
from services.agreement.signing import Outcome, keep_if_fit
from shared.contracts import intake
from shared.contracts.decision import Decision
from shared.contracts.envelope import Envelope
from shared.contracts.parties import last_told
from shared.policy.reference import Reference

__all__ = ["may_withdraw", "stop_told", "stops_changed"]


def stops_changed(
    state: AgreementState | None, message: Envelope[intake.StopsChanged], reference: Reference
) -> Outcome:
    """Remember since when the case is halted; afterwards as many days to withdraw are left as there were.

    A halt without a stop is a sale: it protects nobody, and the days run on.
    """
    if state is None or state.status is AgreementStatus.CLOSED:
        return Decision(state)
    unasked = _unasked(message.data, state.policy, message.day, reference)
    barred = _barred(state, message.data, message.day, reference)
    now = _halted(state.model_copy(update={"unasked": unasked, "barred": barred}), message, reference)
    now, doubted = doubts.by_stops(now, (message.data.halt, message.data.past), message.day)
    kept = keep_if_fit(now, message.day, reference)
    return Decision.of(kept.state, *doubted, *(one.data for one in kept.emissions))


def _unasked(data: intake.StopsChanged, pack: str, day: date, reference: Reference) -> tuple[Unasked, ...]:
    """Give who may not be contacted beside the borrower, and since when."""
    rows = reference.policies.in_force(pack, day).stop_events
    since: dict[str, date] = {}
    for stop in data.stops:
        if stop.party_id is not None and "contact" in getattr(rows, stop.cause.value).stops:
            first = min(stop.since, day)  # an agreement of this day may be read before that or after
            since[stop.party_id] = min(since.get(stop.party_id, first), first)
    return tuple(Unasked(party_id=party, since=first) for party, first in sorted(since.items()))


def _barred(
    state: AgreementState, data: intake.StopsChanged, day: date, reference: Reference
) -> tuple[Barred, ...]:
    """Give who cannot sign beside the borrower: a stop of theirs lets nobody offer them anything.

    Those that are over are kept as long as something that was signed meanwhile may be on the table.
    """
    rows = reference.policies.in_force(state.policy, day).stop_events
    known = {one.stop_id: one for one in state.barred if one.until is None}
    found = {}
    for stop in (*data.over, *data.stops):
        if stop.party_id is not None and not getattr(rows, stop.cause.value).offers:
            before = known.get(stop.stop_id)
            one = Barred(
                party_id=stop.party_id,
                since=min(stop.since, day if before is None else before.since),
                told=day if before is None else before.told,
                stop_id=stop.stop_id,
            )
            if stop in data.over:
                one = one.model_copy(update={"until": stop.ends_on, "over_told": day})
            found[one.stop_id, one.until] = one
    first = day if state.draft is None else state.draft.drafted_on
    for one in state.barred:
        if one.over_told is not None and one.over_told >= first:
            found.setdefault((one.stop_id, one.until), one)
    return tuple(found.values())


def _halted(
    state: AgreementState, message: Envelope[intake.StopsChanged], reference: Reference
) -> AgreementState:
    if message.data.halt is not None and message.data.stops:
        return state.model_copy(update={"halted_on": state.halted_on or message.day})
    if state.halted_on is None:
        return state
    live = state.live
    if live is not None and _stands_still(state, message.day, reference):
        live = _later(live, state.halted_on, (message.day - state.halted_on).days)
    return state.model_copy(update={"halted_on": None, "live": live})


def stop_told(state: AgreementState | None, message: Envelope[Any], _reference: Reference) -> Outcome:
    """The desk tells of a stop, or of its end: what it means is on its way by intake."""
    if state is None or state.status is AgreementStatus.CLOSED:
        return Decision(state)
    told_on = last_told(state.stop_told_on, message.day)
    return Decision(state.model_copy(update={"stop_told_on": told_on}))


def may_withdraw(state: AgreementState, live: InForce, day: date, reference: Reference) -> bool:
    """Say whether the borrower is in time; in a halt that began in time, always."""
    until = live.withdraw_until
    if until is None:
        return live.withdraw_days is not None
    if state.halted_on is not None and _stands_still(state, day, reference):
        return max(state.halted_on, live.effective) <= until
    return day <= until


def _stands_still(state: AgreementState, day: date, reference: Reference) -> bool:
    return reference.policies.in_force(state.policy, day).cooling_off.stands_still_when_stopped


def _later(live: InForce, since: date, days: int) -> InForce:
    """Give the agreement, and those before it, with the days of the halt added to a time that still ran."""
    until = live.withdraw_until
    update: dict[str, object] = {}
    if until is not None and max(since, live.effective) <= until:
        update["withdraw_until"] = until + timedelta(days=min(days, (date.max - until).days))
    if live.before is not None:
        update["before"] = _later(live.before, since, days)
    return live.model_copy(update=update)
