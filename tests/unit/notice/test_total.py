"""Whatever comes, in whatever state: a decision, never an exception; what was due is due once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.notice.app import SERVICE
from services.notice.decide import HANDLED, NoticeDecider
from services.notice.model import NoticeState
from shared.contracts import desk, desk_contact, intake
from shared.contracts.base import Event
from shared.contracts.notice import NoticeDue
from tests.unit.builders import CASE, DAY, case_opened, message, reference
from tests.unit.contracts.strategies import envelopes
from tests.unit.notice.test_decide import at, authority, broken, case, complaint, statement, verified

DUE = case().when(at(statement(), 10))
STATES = {
    "none": None,
    "open": case().state,
    "due": DUE.state,
    "denied": case().when(message(verified()), at(complaint(), 9), at(broken(), 10)).state,
    "represented": case().when(at(authority(DAY + timedelta(days=9)), 9), at(statement(), 10)).state,
    "closed": DUE.when(at(intake.CaseClosed(as_of=DAY, reason=intake.CloseReason.SETTLED), 11)).state,
}
DECIDER, REFERENCE = NoticeDecider(), reference()
SENT = DUE.last(NoticeDue)


def _aimed(data: Event, aim: bool) -> Event:
    known = {"notice_id": SENT.notice_id, "message_id": SENT.message_id, "policy": "example-card"}
    if isinstance(data, intake.CaseOpened | intake.CaseChanged):
        return data.model_copy(update={"policy": "example-card", "conduct": ("example-card",)})
    if not aim:
        return data
    return data.model_copy(update={n: v for n, v in known.items() if n in type(data).model_fields})


@pytest.mark.parametrize("event", sorted(HANDLED, key=lambda e: e.TYPE), ids=lambda e: e.TYPE)
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_any_message_in_any_state_is_decided(event: type[Event], data: st.DataObject) -> None:
    random = data.draw(envelopes(event))
    sent = replace(random, subject=CASE, data=_aimed(random.data, data.draw(st.booleans())))
    if data.draw(st.booleans()):
        sent = replace(sent, time=message(sent.data, DAY + timedelta(days=2)).time)
    before = STATES[data.draw(st.sampled_from(sorted(STATES)))]
    decision = DECIDER.decide(before, sent, REFERENCE)
    assert DECIDER.decide(before, sent, REFERENCE) == decision
    after = decision.state
    if after is None:
        return
    assert NoticeState.model_validate(after.model_dump(mode="json")) == after
    due = DECIDER.due(after)
    if due is not None:
        closed = DECIDER.close(after, due, REFERENCE).state
        assert closed is not None
        again = DECIDER.due(closed)
        assert again is None or again > due
        assert DECIDER.close(closed, due, REFERENCE).emissions == ()


def test_it_reads_what_it_handles() -> None:
    assert {event.PRODUCER for event in HANDLED} <= set(SERVICE.inputs)
    assert {desk.ContactRecorded, desk_contact.NoticeDelivered} <= HANDLED
    assert case_opened().PRODUCER == "intake"
