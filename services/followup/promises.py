"""Promises to pay: noted, kept or broken. Pure.

Money is given to promises in the order of their due days and counts for one promise only. Whether it came
late, earlier than was known, or was taken back: a promise is judged again from all money dated in its time.
"""

from datetime import date

from services.followup.model import DayMoney, FollowupState, FollowupStatus, Promise, PromiseState
from services.followup.rules import counts_for_promise, enough, pauses_of, promise_until
from shared.contracts import desk
from shared.contracts.base import Event
from shared.contracts.followup import PromiseBroken, PromiseKept, PromiseNoted
from shared.contracts.reasons import ReasonCode
from shared.lending.money import Money
from shared.policy.reference import Reference

__all__ = ["close_promises", "note", "promises_due"]

# So many promises are kept to be judged again; the oldest that is settled goes first, then the oldest.
_PROMISES_KEPT = 24


def note(
    state: FollowupState, data: desk.PromiseMade, day: date, reference: Reference
) -> tuple[FollowupState, tuple[Event, ...]] | ReasonCode:
    """Put a promise on file, or say why not."""
    if state.status is FollowupStatus.CLOSED:
        return ReasonCode.CASE_CLOSED
    if state.policy is None:
        return ReasonCode.NO_CASE
    if any(promise.promise_id == data.promise_id for promise in state.promises):
        return ReasonCode.PROMISE_DUPLICATE
    policy = reference.policies.in_force(state.policy, day)
    promise = Promise(
        promise_id=data.promise_id,
        amount=data.amount,
        made_on=day,
        due=data.due,
        until=max(promise_until(data.due, policy), day),
    )
    kept = sorted(state.promises, key=lambda p: (p.state is PromiseState.OPEN, p.made_on, p.promise_id))
    kept = kept[max(len(kept) + 1 - _PROMISES_KEPT, 0) :]
    promises = tuple(sorted((*kept, promise), key=lambda p: (p.due, p.made_on, p.promise_id)))
    # Money of this day may be there already.
    look_on = day if state.look_on is None else min(state.look_on, day)
    noted = PromiseNoted(promise_id=data.promise_id, amount=data.amount, due=data.due)
    return state.model_copy(update={"promises": promises, "look_on": look_on}), (noted,)


def promises_due(state: FollowupState) -> date | None:
    """Give the first day whose close has work on promises."""
    open_ = [promise.until for promise in state.promises if promise.state is PromiseState.OPEN]
    days = [] if state.halted_on is not None else open_
    return min((*days, *((state.look_on,) if state.look_on is not None else ())), default=None)


def close_promises(
    state: FollowupState, day: date, reference: Reference
) -> tuple[FollowupState, tuple[Event, ...]]:
    """Judge every promise on the money dated up to `day` in its time."""
    if not state.promises:
        return state.model_copy(update={"look_on": None}), ()
    left = _there(state.received, day)
    changes: list[tuple[Promise, PromiseState, Money]] = []
    judged = []
    for promise in state.promises:
        paid = _taken(promise, left)
        now = _concluded(promise, paid, day, reference, state)
        if now is not promise.state:
            changes.append((promise, now, paid))
        shielded = now is PromiseState.BROKEN and _is_shielded(promise, state)
        judged.append(
            promise
            if now is promise.state
            else promise.model_copy(update={"state": now, "shielded": shielded})
        )
    state, said = _said(state, changes)
    return (
        state.model_copy(update={"promises": tuple(judged), "look_on": _ahead(state.received, judged, day)}),
        said,
    )


def _said(
    state: FollowupState, changes: list[tuple[Promise, PromiseState, Money]]
) -> tuple[FollowupState, tuple[Event, ...]]:
    """Say what was concluded, and count; a conclusion that is corrected counts only as what it is now."""
    kept, broken = state.promises_kept, state.promises_broken
    said: list[Event] = []
    for promise, now, paid in changes:
        kept += (now is PromiseState.KEPT) - (promise.state is PromiseState.KEPT)
        broken += (now is PromiseState.BROKEN) - (promise.state is PromiseState.BROKEN)
        about = {"promise_id": promise.promise_id, "paid": paid, "kept_in_all": kept, "broken_in_all": broken}
        if now is PromiseState.KEPT:
            said.append(PromiseKept.model_validate(about))
        if now is PromiseState.BROKEN:
            wanted = {"promised": promise.amount, "due": promise.due}
            shielded = {"shielded": _is_shielded(promise, state)}
            said.append(PromiseBroken.model_validate({**about, **wanted, **shielded}))
    return state.model_copy(update={"promises_kept": kept, "promises_broken": broken}), tuple(said)


def _is_shielded(promise: Promise, state: FollowupState) -> bool:
    """Say whether a hardship had been reported by its last day, and was still talked about."""
    return state.plan is not None and any(
        pause.since <= promise.until <= pause.until for pause in pauses_of(state.plan)
    )


def _concluded(
    promise: Promise, paid: Money, day: date, reference: Reference, state: FollowupState
) -> PromiseState:
    assert state.policy is not None  # noqa: S101 - no promise is noted without one
    policy = reference.policies.in_force(state.policy, promise.made_on)
    if paid >= enough(promise.amount, policy.followup.promise_tolerance_pct, policy):
        return PromiseState.KEPT
    if state.halted_on is not None and promise.state is PromiseState.OPEN:
        return PromiseState.OPEN
    return PromiseState.BROKEN if day >= promise.until else PromiseState.OPEN


def _there(received: tuple[DayMoney, ...], day: date) -> dict[tuple[date, str], Money]:
    """Give the money that is there, by day and currency.

    What was taken back of a day whose money was added to that of a later one is missing there.
    """
    there: dict[tuple[date, str], Money] = {}
    missing: dict[str, Money] = {}
    for entry in received:
        if entry.on > day:
            continue
        currency = entry.amount.currency
        nothing = Money.zero(currency)
        net = entry.amount + missing.get(currency, nothing)
        missing[currency] = min(net, nothing)
        there[entry.on, currency] = max(net, nothing)
    return there


def _taken(promise: Promise, left: dict[tuple[date, str], Money]) -> Money:
    """Take the promised amount from what is left of the money of its time, oldest first."""
    currency = promise.amount.currency
    taken = Money.zero(currency)
    for key in sorted(left):
        on, of = key
        if of != currency or not counts_for_promise(on, promise):
            continue
        part = max(min(left[key], promise.amount - taken), Money.zero(currency))
        left[key] -= part
        taken += part
    return taken


def _ahead(received: tuple[DayMoney, ...], promises: list[Promise], day: date) -> date | None:
    """Give the next day after `day` whose money a promise counts."""
    return min(
        (
            entry.on
            for entry in received
            if entry.on > day and any(counts_for_promise(entry.on, p) for p in promises)
        ),
        default=None,
    )
