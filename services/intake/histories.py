"""A debt's history from the bank: kept with the debt where it adds up, said once when it becomes known. Pure.

It is long, so it does not travel with every word on a debt: an opened case says it of all its debts, a
changed case of the one that it is new for. Who needs it keeps it, and adds the payments that are said since.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date
from decimal import Decimal

from services.intake.books import Debt
from services.intake.ledger import with_history
from services.intake.model import IntakeState
from shared.contracts import bank
from shared.contracts.base import Event
from shared.contracts.debts import DebtFlow, DebtSnapshot
from shared.contracts.history import flows_of, problem_of, tolerance_of
from shared.contracts.intake import CaseChanged, CaseOpened
from shared.contracts.plan_terms import total_of
from shared.lending.money import Money

__all__ = ["has_news", "saying_flows", "with_bank_history"]


def with_bank_history(debt: Debt, data: bank.AccountOverdue, tolerance_pct: Decimal) -> Debt:
    """Keep the history that an overdue notice brings, whose figures the debt stands on; none: as before."""
    if not data.history:
        return debt
    owed = total_of(data.outstanding)
    problem = problem_of(data.history, owed, data.as_of, tolerance_pct)
    flows = {flow.on: flow.amount.minor for flow in flows_of(data.history)}
    return with_history(debt, data.as_of, flows, tolerance_of(owed, tolerance_pct), problem)


def has_news(before: Debt | None, after: Debt) -> bool:
    """Whether other flows are known of a debt than before, by more than the payments that were said."""
    known, now = None if before is None else before.history, after.history
    return now is not None and (known is None or known.flows != now.flows or known.problem != now.problem)


def saying_flows(
    said: Iterable[Event], state: IntakeState, day: date, news: Collection[str]
) -> tuple[Event, ...]:
    """Give events in which an opened case says all flows that are known, and a change those of `news`.

    Where nothing else of the debts has changed, the change is said for the flows' sake.
    """
    events = list(said)
    if news and state.is_open and not any(isinstance(event, CaseOpened | CaseChanged) for event in events):
        debts = tuple(state.said_of(debt) for debt in state.of_case)
        events.append(CaseChanged(as_of=day, debts=debts))
    return tuple(_with_flows(event, state, news) for event in events)


def _with_flows(event: Event, state: IntakeState, news: Collection[str]) -> Event:
    if not isinstance(event, CaseOpened | CaseChanged):
        return event
    everything = isinstance(event, CaseOpened)
    debts = tuple(
        _told(state.debt(said.debt_id), said) if everything or said.debt_id in news else said
        for said in event.debts
    )
    return event if debts == event.debts else event.model_copy(update={"debts": debts})


def _told(debt: Debt | None, said: DebtSnapshot) -> DebtSnapshot:
    if debt is None or debt.history is None or debt.history.problem is not None:
        return said
    flows = tuple(DebtFlow(on=day, amount=Money(minor, debt.currency)) for day, minor in debt.history.flows)
    return said.model_copy(update={"history": flows, "history_as_of": debt.history.as_of})
