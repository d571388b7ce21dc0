"""Offer and agreement over topics that may overtake each other: the outcome does not depend on the schedule.

Each service reads its topics in any interleaving, closes a day when all topics it waits for have reached it,
and what flows back (agreement to offer) is read whenever it comes. Capacity only falls here: an acceptance of
a plan that is too dear by the figures known so far is refused at once, although better figures of that very
day may still be on their way.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import count
from random import Random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.agreement.decide import AgreementDecider
from services.offer.decide import OfferDecider
from shared.contracts import desk, intake
from shared.contracts.base import Event
from shared.contracts.debts import DebtSnapshot
from shared.contracts.desk import SignatureParty
from shared.contracts.envelope import Envelope
from tests.unit.builders import DAY, assessed, balances, case_opened, cny, debt, message, reference
from tests.unit.spec import Given
from tests.unit.spec import given as start

# Few combinations, so that a search takes a millisecond.
REFERENCE = reference(
    measures__grace_months=[0], measures__step_ups=[], rate__cuts_pct=[0, 60], waiver__max_overdue_pct={}
)
PRINCIPAL = ("12000.00", "11900.00", "11000.00")


@dataclass
class World:
    """Two services, their topics, and one random schedule."""

    random: Random
    offer: Given = field(default_factory=lambda: start(OfferDecider(), REFERENCE))
    agreement: Given = field(default_factory=lambda: start(AgreementDecider(), REFERENCE))
    queues: dict[tuple[str, str], deque[Envelope[Any]]] = field(default_factory=dict)
    numbers: Any = field(default_factory=lambda: count(1))

    def say(self, topic: str, data: Event, day: date) -> None:
        sequence = next(self.numbers) if topic == "intake" else None
        sent = message(data, day, sequence=sequence, id_=f"{topic}-{day}-{data.TYPE}")
        for reader in ("offer", "agreement"):
            self.queues.setdefault((reader, topic), deque()).append(sent)

    def _read(self, reader: str, topic: str) -> None:
        sent = self.queues[reader, topic].popleft()
        service: Given = getattr(self, reader).when(sent)
        setattr(self, reader, service)
        self._publish(reader, sent.day)

    def _publish(self, reader: str, day: date) -> None:
        said = getattr(self, reader).said
        other = "agreement" if reader == "offer" else "offer"
        for data in said:
            sent = message(data, day, sequence=next(self.numbers))
            self.queues.setdefault((other, reader), deque()).append(sent)

    def live_through(self, day: date) -> None:
        """Read everything of a day in random order; each service closes it when it may."""
        waits = {"offer": ("intake", "assessment", "desk"), "agreement": ("intake", "offer", "desk")}
        closed: set[str] = set()
        while True:
            ready = [pair for pair, queue in self.queues.items() if queue and self._reads(pair, closed)]
            if ready and self.random.random() < 0.9:
                self._read(*self.random.choice(ready))
                continue
            for reader, topics in waits.items():
                reached = not any(self.queues.get((reader, topic)) for topic in topics)
                if reader not in closed and reached and (reader == "offer" or "offer" in closed):
                    setattr(self, reader, getattr(self, reader).closes(day))
                    closed.add(reader)
                    self._publish(reader, day)
                    break
            else:
                if not ready:
                    return

    def _reads(self, pair: tuple[str, str], closed: set[str]) -> bool:
        reader, topic = pair
        if topic in {"assessment"} and reader == "agreement":
            self.queues[pair].clear()
            return False
        # A closed day is a barrier for what is waited for; what flows back is read at any time.
        return reader not in closed or (reader, topic) == ("offer", "agreement")

    def outcome(self) -> tuple[Any, ...]:
        """What must not depend on the schedule."""
        offer, live, draft = self.offer.state, self.agreement.state.live, self.agreement.state.draft
        return (
            offer.status, offer.offer, offer.round, offer.talks, offer.request, offer.live, offer.next_date,
            live, draft, self.agreement.state.status,
        )  # fmt: skip


def _debts(principal: str) -> tuple[DebtSnapshot, ...]:
    left = debt(outstanding=balances(principal, "420.00", "60.00", "150.00"))
    return left, debt("A-2", outstanding=balances("3000.00"), overdue=balances("400.00"))


def _acts(world: World, choice: int) -> list[Event]:
    """What the desk does on a day about what was on the table the evening before."""
    acts: list[Event] = []
    on, request, draft = world.offer.state.offer, world.offer.state.request, world.agreement.state.draft
    if on is not None and choice % 4 in {1, 2}:
        plan = on.plans[choice % len(on.plans)]
        acts.append(desk.OfferAccepted(offer_id=on.offer_id, plan_id=plan.plan_id, channel="app"))
    elif on is not None and choice % 4 == 3:
        wish = cny("900.00")
        acts.append(desk.CounterOffered(offer_id=on.offer_id, round=on.round, monthly=wish))
    if request is not None:
        answer = desk.ApprovalGranted if choice % 5 else desk.ApprovalRefused
        acts.append(
            answer(request_id=request.request_id, by="s", role="supervisor", reason="as it should be")
        )
    if draft is not None:
        parties = list(SignatureParty) if choice % 3 else list(SignatureParty)[:1]
        acts += [
            desk.SignatureGiven(agreement_id=draft.agreement_id, version=draft.version, party=party,
                                content_hash=draft.content_hash, channel="app", evidence="code")
            for party in parties
        ]  # fmt: skip
    return acts


def _lives(seed: int, days: list[tuple[int, int, int]]) -> list[tuple[Any, ...]]:
    world = World(Random(seed))
    world.say("intake", case_opened(*_debts(PRINCIPAL[0])), DAY)
    world.say("assessment", assessed("1800.00"), DAY)
    world.live_through(DAY)
    outcomes, lowest = [world.outcome()], 1
    for number, (owed, capacity, choice) in enumerate(days, start=1):
        day = DAY + timedelta(days=number)
        if owed:
            data = intake.CaseChanged(as_of=day, debts=_debts(PRINCIPAL[owed - 1]))
            world.say("intake", data, day)
        if capacity:
            lowest = max(lowest, capacity)
            now = ("1800.00", "1000.00", "450.00")[lowest - 1]
            world.say("assessment", assessed(now, version=number + 1, as_of=day), day)
        for act in _acts(world, choice):
            world.say("desk", act, day)
        world.live_through(day)
        outcomes.append(world.outcome())
    return outcomes


DAYS = st.lists(
    st.tuples(st.sampled_from((0, 0, 0, 1, 2, 3)), st.sampled_from((0, 0, 0, 1, 2, 3)), st.integers(0, 83)),
    min_size=1,
    max_size=6,
)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(days=DAYS, seed=st.integers(0, 10**6))
def test_the_outcome_of_every_day_is_the_same_in_any_order(
    days: list[tuple[int, int, int]], seed: int
) -> None:
    assert _lives(seed, days) == _lives(seed + 1, days)
