"""The ledger of one debt: what the bank's figures, payments, returns and waivers do to it. Pure.

The rule of dates. The bank's figure as of day D is what was owed when D ended at the bank. It holds every
payment, return and waiver with a value date before D, whenever we hear of them, and of those dated D the
ones that we heard of before the figure (the bank speaks in the order in which it books). So

- a figure older than the one we stand on changes nothing;
- after a figure as of D, what is dated later stays on top of it: owed = figure + movements after D;
- a payment that the figure holds already changes what was paid, not what is owed: until we heard of it, the
  ledger showed it as the bank's correction, and it takes that correction back;
- a waiver is held by figures from the day on which the bank confirms it.

Whatever differs between the figure and our books is a charge where interest, fees or late charges rose, and
a correction otherwise, so `opening + charges + corrections = paid + waived + outstanding` always holds.
"""

from __future__ import annotations

from datetime import date, timedelta

from services.intake.amounts import Amounts
from services.intake.books import Debt, History, Movement
from shared.contracts.base import Reason
from shared.contracts.debts import DebtStatus

__all__ = [
    "claimed",
    "confirm_waiver",
    "holds",
    "leave",
    "owe_again",
    "post",
    "re_age",
    "reopen",
    "restore",
    "take_back",
    "undo_re_age",
    "unsettled",
    "waive",
    "with_figure",
    "with_history",
]

# Movements that a silent bank never confirms are merged beyond this number: documents do not grow.
_KEPT = 40
# Days with money moved, of one debt: beyond it the history is forgotten, and a person looks at the cost.
_FLOWS_KEPT = 1000
_RE_AGES_KEPT = 12


def with_figure(debt: Debt, as_of: date, outstanding: Amounts, overdue: Amounts, days: int) -> Debt:
    """Stand on a new figure of the bank (not older than the one before)."""
    after = tuple(m for m in debt.after if m.on is None or m.on > as_of)
    owed = (outstanding + Amounts.sum(m.amounts for m in after)).settled
    late = (overdue.positive + Amounts.sum(m.overdue for m in after)).positive.capped(owed)
    difference = owed - debt.outstanding
    charges = difference.positive.model_copy(update={"principal": 0})
    said_late = (days > 0 or overdue.positive.total > 0) and owed.total > 0
    if debt.ended_on is not None and as_of <= debt.ended_on:
        said_late, late = False, Amounts()
    moved = debt.model_copy(
        update={
            "figure_on": as_of,
            "as_of": max([as_of, *(m.on for m in after if m.on is not None)]),
            "oldest_due": _before(as_of, days) if said_late else None,
            "overdue": late if said_late else Amounts(),
            "overdue_stated": overdue.positive.total > 0,
            "charges": debt.charges + charges,
            "corrections": debt.corrections + difference - charges,
            "after": after,
        }
    )
    return moved.model_copy(update={"quiet_since": None}) if moved.is_late else moved


def _before(day: date, days: int) -> date:
    return day - timedelta(days=min(days, day.toordinal() - 1))


def reopen(debt: Debt, episode: int) -> Debt:
    """Begin a new ledger in a new case, on what is owed now."""
    return claimed(debt).model_copy(
        update={
            "episode": episode,
            "status": DebtStatus.ACTIVE,
            "opening": debt.outstanding,
            "charges": Amounts(),
            "corrections": Amounts(),
            "paid": Amounts(),
            "waived": Amounts(),
            "quiet_since": None,
            "history": _agreeing(debt.history, -debt.corrections.total),
        }
    )


def claimed(debt: Debt) -> Debt:
    """A debt that an agreement has settled in full is claimed again: what was certified binds the bank.

    So it does where only interest or charges are claimed, for nothing was lent since, and where what is late
    was due by then; what else is owed on the account is new.
    """
    agreement, on, due = debt.settled_by, debt.settled_on, debt.oldest_due
    if agreement is None or on is None:
        return debt
    bound = debt.outstanding.principal <= 0 or (due is not None and due <= on)
    return unsettled(
        debt.model_copy(update={"bound_by": debt.bound_by or agreement if bound else debt.bound_by})
    )


def unsettled(debt: Debt) -> Debt:
    """What had settled it does so no more."""
    return debt.model_copy(update={"settled_by": None, "settled_on": None})


def with_history(
    debt: Debt, as_of: date, flows: dict[date, int], tolerance: int, problem: Reason | None
) -> Debt:
    """Keep the bank's history as of the figure that the debt stands on; what is dated later is added."""
    if problem is not None:
        return debt.model_copy(update={"history": History(as_of=as_of, problem=problem)})
    known = History(as_of=as_of, agreed=debt.corrections.total, tolerance=tolerance)
    moved = [(m.on, -m.amounts.total) for m in debt.after if m.on is not None and m.waiver is None]
    for day, minor in (*flows.items(), *moved):
        known = _moving(known, day, minor) or History(as_of=as_of)
    return debt.model_copy(update={"history": known})


def _moving(history: History, day: date, minor: int) -> History | None:
    """Add money that moved on a day; None where there are too many of them."""
    sums = dict(history.flows)
    sums[day] = sums.get(day, 0) + minor
    flows = tuple((on, sums[on]) for on in sorted(sums) if sums[on])
    return None if len(flows) > _FLOWS_KEPT else history.model_copy(update={"flows": flows})


def _agreeing(history: History | None, more: int) -> History | None:
    if history is None:
        return None
    return history.model_copy(update={"agreed": history.agreed + more})


def _with_flow(debt: Debt, on: date, minor: int, *, held: bool) -> Debt:
    """Note in the history money that came or went back, unless the bank's history holds it."""
    known = debt.history
    if known is None or known.problem is not None:
        return debt
    told = on < known.as_of or (held and on == known.as_of)
    after = _agreeing(known, minor) if told else _moving(known, on, minor)
    return debt.model_copy(update={"history": after})


def holds(debt: Debt, on: date, *, heard_before: bool = False) -> bool:
    """Whether the figure that the debt stands on holds what is dated `on`."""
    return on < debt.figure_on or (heard_before and on == debt.figure_on)


def post(debt: Debt, paid: Amounts, overdue: Amounts, on: date, day: date, *, held: bool) -> Debt:
    """Post a payment of value date `on`, heard on `day`; `overdue` is how much of it was late.

    `held`: the bank's figure holds it already.
    """
    debt = _with_flow(debt, on, paid.total, held=held)
    if held:
        return debt.model_copy(update={"paid": debt.paid + paid, "corrections": debt.corrections + paid})
    late = debt.is_late
    moved = _moved(debt, Movement(on=on, amounts=-paid, overdue=-overdue)).model_copy(
        update={"paid": debt.paid + paid, "overdue": debt.overdue - overdue}
    )
    cleared = (late and not moved.is_late) or moved.outstanding.total == 0
    return moved.model_copy(update={"quiet_since": day}) if cleared and debt.is_active else moved


def take_back(debt: Debt, returned: Amounts, overdue: Amounts, on: date, *, held: bool) -> Debt:
    """Post the return, on `on`, of what had been paid on this ledger."""
    debt = _with_flow(debt, on, -returned.total, held=held)
    if held:
        return debt.model_copy(
            update={"paid": debt.paid - returned, "corrections": debt.corrections - returned}
        )
    return _owed_again(debt.model_copy(update={"paid": debt.paid - returned}), returned, overdue, on)


def restore(debt: Debt, returned: Amounts, overdue: Amounts, on: date, *, held: bool) -> Debt:
    """Post the return of what had been paid in an earlier case: it is no payment of this ledger."""
    if held:
        return debt
    corrected = debt.model_copy(update={"corrections": debt.corrections + returned})
    return _owed_again(corrected, returned, overdue, on)


def _owed_again(debt: Debt, returned: Amounts, overdue: Amounts, on: date) -> Debt:
    back = _moved(debt, Movement(on=on, amounts=returned, overdue=overdue))
    again = back.model_copy(update={"overdue": (back.overdue + overdue).capped(back.outstanding.positive)})
    return again.model_copy(update={"quiet_since": None}) if again.is_late else again


def re_age(debt: Debt, *days: date) -> Debt:
    """Note days on which a debt was shown as current again; the oldest are forgotten."""
    return debt.model_copy(update={"re_aged": tuple(sorted({*debt.re_aged, *days}))[-_RE_AGES_KEPT:]})


def undo_re_age(debt: Debt, day: date) -> Debt:
    """A re-age of `day` was taken back: it was none, and counts against no limit."""
    return debt.model_copy(update={"re_aged": tuple(on for on in debt.re_aged if on != day)})


def waive(debt: Debt, amounts: Amounts, waiver: str, on: date, held_from: date | None) -> Debt:
    """Waive amounts, at most what is owed of each component. `held_from`: see `Movement.on`."""
    waived = amounts.positive.capped(debt.outstanding.positive)
    if held_from is not None and holds(debt, held_from):
        update = {"waived": debt.waived + waived, "corrections": debt.corrections + waived}
        return debt.model_copy(update=update)
    left = debt.outstanding - waived
    late = debt.overdue.capped(left)
    movement = Movement(on=held_from, amounts=-waived, overdue=late - debt.overdue, waiver=waiver)
    moved = _moved(debt, movement, on)
    return moved.model_copy(update={"waived": debt.waived + waived, "overdue": late})


def owe_again(debt: Debt, amounts: Amounts, waiver: str, on: date, held_from: date | None) -> Debt:
    """Take back a waiver, at most what was waived of each component. `held_from`: see `Movement.on`."""
    back = amounts.positive.capped(debt.waived.positive)
    less = {"waived": debt.waived - back}
    if held_from is not None and holds(debt, held_from):
        return debt.model_copy(update={**less, "corrections": debt.corrections - back})
    movement = Movement(on=held_from, amounts=back, overdue=Amounts(), waiver=waiver)
    return _moved(debt, movement, on).model_copy(update=less)


def confirm_waiver(debt: Debt, waiver: str, on: date) -> Debt:
    """The bank's figures from `on` hold the waiver; one that was heard already takes back its correction.

    So they do where it was only expected to hold it later.
    """
    waits = [m for m in debt.after if m.waiver == waiver and (m.on is None or m.on > on)]
    known = [m.model_copy(update={"on": on}) for m in waits]
    if not known:
        return debt
    others = tuple(m for m in debt.after if m not in waits)
    if not holds(debt, on):
        return debt.model_copy(update={"after": (*others, *known)})
    counted_twice = Amounts.sum(m.amounts for m in known)
    return debt.model_copy(update={"after": others, "corrections": debt.corrections - counted_twice})


def leave(debt: Debt, status: DebtStatus, on: date, *, by_bank: bool = True) -> Debt:
    """The debt is no longer overdue, or no longer ours, as of `on`; nothing of it is late any more.

    Where that is our own conclusion, and not the bank's word, any newer figure of the bank may say otherwise.
    """
    return debt.model_copy(
        update={
            "status": status,
            "ended_on": max(on, debt.ended_on or on) if by_bank else debt.ended_on,
            "as_of": max(debt.as_of, on),
            "oldest_due": None,
            "overdue": Amounts(),
            "quiet_since": None,
        }
    )


def _moved(debt: Debt, movement: Movement, on: date | None = None) -> Debt:
    day = movement.on or on or debt.as_of
    return debt.model_copy(update={"after": _bounded((*debt.after, movement)), "as_of": max(debt.as_of, day)})


def _bounded(after: tuple[Movement, ...]) -> tuple[Movement, ...]:
    """Merge the two oldest of too many: those with a date first, then waivers without an answer.

    The date, or the waiver, of the younger one speaks for both.
    """
    if len(after) <= _KEPT:
        return after
    dated = sorted((m for m in after if m.on is not None), key=lambda m: m.on or date.min)
    waiting = [m for m in after if m.on is None]
    if len(dated) > 1:
        return (*waiting, _merged(dated[0], dated[1]), *dated[2:])
    return (_merged(waiting[0], waiting[1]), *waiting[2:], *dated)


def _merged(first: Movement, second: Movement) -> Movement:
    return second.model_copy(
        update={
            "amounts": first.amounts + second.amounts,
            "overdue": first.overdue + second.overdue,
        }
    )
