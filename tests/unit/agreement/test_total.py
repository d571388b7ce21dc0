"""Whatever comes, in whatever state: a decision, never an exception; deciding twice gives the same."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.agreement.model import AgreementState, AgreementStatus
from shared.contracts import desk
from shared.contracts.agreement import AgreementDrafted, AgreementSigned, BankInstructed
from shared.contracts.base import Event
from shared.contracts.registry import EVENTS
from tests.unit.agreement.test_decide import BOTH, DEBTS, agreed, broken, drafted, in_force, signed_by
from tests.unit.builders import CASE, DAY, case_opened, message
from tests.unit.contracts.strategies import envelopes

READ = [e for e in EVENTS.values() if e.PRODUCER in {"intake", "offer", "desk", "followup", "runtime"}]
DRAFTED = drafted()
DRAFT = DRAFTED.last(AgreementDrafted)
LIVE = in_force()
SIGNED = LIVE.last(AgreementSigned)
STATES = {
    "none": None,
    "open": replace(DRAFTED, state=None).when(message(case_opened(*DEBTS), sequence=1)).state,
    "drafted": DRAFTED.state,
    "one": signed_by(DRAFTED, BOTH[0]).state,
    "both": signed_by(DRAFTED, *BOTH).state,
    "live": LIVE.state,
    "live and drafted": LIVE.when(message(agreed(2), DAY + timedelta(days=3))).state,
    "ended": LIVE.when(message(broken(SIGNED.agreement_id), DAY + timedelta(days=90))).state,
}
DECIDER, REFERENCE = DRAFTED.decider, DRAFTED.reference


def _aimed(data: Event, aim: bool) -> Event:
    """Let random messages hit: the ids that this case knows, where `aim` says so."""
    if not aim:
        return data
    live = isinstance(data, desk.SignatureGiven)
    known = {
        "offer_id": DRAFT.offer_id,
        "agreement_id": DRAFT.agreement_id if live else SIGNED.agreement_id,
        "version": 1,
        "content_hash": DRAFT.content_hash,
        "instruction_id": LIVE.last(BankInstructed).instruction_id,
        "policy": "example-card",
    }
    return data.model_copy(update={n: v for n, v in known.items() if n in type(data).model_fields})


@pytest.mark.parametrize("event", READ, ids=lambda e: e.TYPE)
@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.too_slow])
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
    assert AgreementState.model_validate(after.model_dump(mode="json")) == after
    assert (after.draft is not None) == (
        after.status
        in {AgreementStatus.DRAFTED, AgreementStatus.SIGNED_BY_ONE, AgreementStatus.SIGNED_BY_BOTH}
    )
    due = DECIDER.due(after)
    assert (due is None) == (after.draft is None)
    if due is not None:
        closed = DECIDER.close(after, due, REFERENCE).state
        assert closed is not None
        assert DECIDER.due(closed) is None
        assert DECIDER.close(closed, due, REFERENCE).emissions == ()
