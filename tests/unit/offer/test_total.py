"""Whatever comes, in whatever state: a decision, never an exception; deciding twice gives the same."""

from __future__ import annotations

import ast
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import shared.lending
from services.offer.decide import OfferDecider
from services.offer.model import OfferState, OfferStatus
from services.offer.search import reason_of
from shared.contracts import desk
from shared.contracts.base import Event
from shared.contracts.debts import DebtSnapshot
from shared.contracts.offer import ApprovalRequested, OfferTabled
from shared.contracts.reasons import ReasonCode
from shared.contracts.registry import EVENTS
from shared.lending.plans import NextStep
from shared.lending.plans import Reason as LendingReason
from tests.unit.builders import CASE, DAY, assessed, case_opened, debt, message, reference
from tests.unit.contracts.strategies import envelopes
from tests.unit.offer.table import no_plan_wanted
from tests.unit.spec import Given
from tests.unit.spec import given as start

READ = [
    e
    for e in EVENTS.values()
    if e.PRODUCER in {"intake", "assessment", "desk", "agreement", "followup", "runtime"}
]
REFERENCE = reference()
DECIDER = OfferDecider()


def _states() -> dict[str, Given]:
    empty = start(DECIDER, REFERENCE)
    opened = empty.when(message(case_opened(debt(), debt("A-2")), sequence=1))
    tabled = opened.when(message(assessed("2500.00")))
    offer = tabled.last(OfferTabled)
    plan = next(plan for plan in offer.plans if plan.needs_approval)
    easy = next(plan for plan in offer.plans if not plan.needs_approval)

    def accept(plan_id: str) -> Any:
        return message(desk.OfferAccepted(offer_id=offer.offer_id, plan_id=plan_id, channel="app"))

    return {
        "none": empty,
        "waiting": opened,
        "tabled": tabled,
        "approval": tabled.when(accept(plan.plan_id)),
        "agreed": tabled.when(accept(easy.plan_id)),
        "lapsed": tabled.closes(DAY + timedelta(days=15)),
        "failed": tabled.when(message(no_plan_wanted(offer.offer_id))),
        "no plan": opened.when(message(assessed("1.00"))),
    }


STATES = _states()
OFFER = STATES["tabled"].last(OfferTabled)
REQUEST = STATES["approval"].last(ApprovalRequested)


def _aimed(data: Event, aim: bool) -> Event:
    """Let random messages hit: the ids that this case knows, where `aim` says so."""
    if not aim:
        return data
    known = {
        "offer_id": OFFER.offer_id,
        "request_id": REQUEST.request_id,
        "plan_id": OFFER.plans[0].plan_id,
        "round": 1,
        "policy": "example-card",
    }
    update = {name: value for name, value in known.items() if name in type(data).model_fields}
    debts = getattr(data, "debts", None)
    if isinstance(debts, tuple) and debts and isinstance(debts[0], DebtSnapshot):
        update["debts"] = tuple(d.model_copy(update={"policy": "example-card"}) for d in debts)
    return data.model_copy(update=update)


@pytest.mark.parametrize("event", READ, ids=lambda e: e.TYPE)
@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_any_message_in_any_state_is_decided(event: type[Event], data: st.DataObject) -> None:
    random = data.draw(envelopes(event))
    sent = replace(random, subject=CASE, data=_aimed(random.data, data.draw(st.booleans())))
    if data.draw(st.booleans()):
        sent = replace(sent, time=message(sent.data, DAY + timedelta(days=2)).time)
    before = STATES[data.draw(st.sampled_from(sorted(STATES)))].state
    decision = DECIDER.decide(before, sent, REFERENCE)
    assert DECIDER.decide(before, sent, REFERENCE) == decision
    after = decision.state
    if after is None:
        return
    assert OfferState.model_validate(after.model_dump(mode="json")) == after
    due = DECIDER.due(after)
    assert (due is not None) == (
        after.status not in {OfferStatus.WAITING, OfferStatus.AGREED, OfferStatus.CLOSED}
        and after.halted_on is None
    )
    if due is not None and due.year < 8000:
        closed = DECIDER.close(after, due, REFERENCE).state
        assert closed is not None
        again = DECIDER.due(closed)
        assert again is None or again > due
        assert DECIDER.close(closed, due, REFERENCE).emissions == ()


def _codes_of_lending() -> set[str]:
    """Every code that the search over plans writes into a reason, read from its source."""
    calls = set()
    for path in Path(shared.lending.__path__[0]).glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in {"Reason.of", "_over"}:
                calls |= {
                    part.value
                    for part in ast.walk(node.args[0])
                    if isinstance(part, ast.Constant) and isinstance(part.value, str)
                }
    return calls


def test_every_reason_of_the_search_has_a_code_of_the_contracts() -> None:
    codes = _codes_of_lending()
    assert {"not_affordable", "currency_mismatch", "above_rate_ceiling"} <= codes
    for code in codes | {step.value for step in NextStep}:
        assert reason_of(LendingReason.of(code, amount=1)).code == ReasonCode(code)
