"""What the desk says of a case that followup does not know yet waits for it, whatever it is."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st

from services.followup.decide import FollowupDecider
from services.followup.desk import OF_THE_DESK
from shared.contracts.base import Event
from shared.contracts.followup import InputRefused
from shared.contracts.reasons import ReasonCode
from tests.unit.builders import CASE, DAY, case_opened, message, reference
from tests.unit.contracts.strategies import envelopes
from tests.unit.spec import given


@pytest.mark.parametrize("event", sorted(OF_THE_DESK, key=lambda event: event.TYPE), ids=lambda e: e.TYPE)
@settings(max_examples=8, deadline=None)
@drawn(data=st.data())
def test_it_waits_for_its_case_and_is_refused_when_none_comes(
    event: type[Event], data: st.DataObject
) -> None:
    said = replace(data.draw(envelopes(event)), subject=CASE, time=message(case_opened()).time)
    early = given(FollowupDecider(), reference()).when(said)
    assert (early.said, early.waiting) == ((), (said,))
    assert early.closes(DAY).last(InputRefused).reason.code is ReasonCode.NO_CASE
    known = given(FollowupDecider(), reference()).when(message(case_opened()))
    assert early.when(message(case_opened())).state == known.when(said).state
