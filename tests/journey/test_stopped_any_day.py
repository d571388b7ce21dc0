"""A stop on any day of a life: whatever is on the table, nothing presses until it is over, and life goes on.

A borrower's life in the demo's world, lived once for each cause and some days on which it may begin. What
may not be said meanwhile is the same for all; what a pack's table adds is tested service by service.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import pytest

from deploy.demo.bank import external
from deploy.demo.portfolio import generate
from deploy.demo.world import World
from services.cli.catalogue import load_all
from services.intake.model import IntakeState
from shared.contracts import agreement, assessment, desk, followup, followup_care, offer
from shared.contracts.bank import StopLifted, StopReported
from shared.contracts.base import Event
from shared.contracts.envelope import Envelope
from shared.contracts.parties import StopCause
from tests.fault.living import START
from tests.journey.sequential import Cell, SequentialPlatform

SERVICES = [service for service in load_all(optional=True) if service.emits]
LASTS = 12
DAYS = 130
LAST = 100
STEP = 33  # days between two beginnings; where the first lies depends on the cause and the life
LIVES = {
    33: "accepted with approval, three instalments missed, notice of breach",
    32: "countered, signed, renegotiated twice",
    1: "two rounds, renegotiated, amended",
}
"""By the seed of the demo's world."""

SILENT: tuple[type[Event], ...] = (
    assessment.StatementRequested,
    assessment.StatementReminded,
    offer.OfferTabled,
    offer.OfferRevised,
    offer.OfferAgreed,
    agreement.AgreementDrafted,
    agreement.AgreementSigned,
    followup_care.BreachNoticed,
    followup.PlanBroken,
)
"""What nobody may hear of while every debt of the case is stopped: it asks, presses, binds or ends.

Whoever sends a statement meanwhile may be told, at once, what is missing in it.
"""


class Stopping(SequentialPlatform):
    """Says at the beginning of a day that a stop begins, and LASTS days later that it is over."""

    def __init__(self, customer: str, cause: StopCause, begins: date) -> None:
        super().__init__(SERVICES)
        over = begins + timedelta(days=LASTS)
        self._said = {
            begins: StopReported(stop_id="S-1", cause=cause, since=begins),
            over: StopLifted(stop_id="S-1", on=over),
        }
        self._customer, self._day = customer, START - timedelta(days=1)

    async def publish(self, messages: Sequence[Envelope[Any]]) -> None:
        self._day += timedelta(days=1)
        said = self._said.get(self._day)
        first = [external("/bank/core", self._customer, self._day, said, "stop", hour=0)] if said else []
        await super().publish([*first, *messages])


async def lived(seed: int, cause: StopCause | None, begins: int) -> SequentialPlatform:
    customers = generate(1, seed=seed, start=START, entry_days=1)
    platform: SequentialPlatform = (
        SequentialPlatform(SERVICES)
        if cause is None
        else Stopping(customers[0].number, cause, START + timedelta(days=begins))
    )
    await World(customers, seed=seed, start=START, days=DAYS, platform=platform).live()
    return platform


def wrong(platform: SequentialPlatform, begins: int) -> list[str]:
    """Say what should not have been said while it was stopped, and what was left lying."""
    first = START + timedelta(days=begins)
    found = [f"{service} failed on {what}: {error!r}" for service, what, error in platform.failures()]
    sent = {message.id for message in platform.published if isinstance(message.data, desk.StatementSubmitted)}
    for message in platform.published:
        is_reply = isinstance(message.data, assessment.StatementRequested) and message.causation in sent
        during = first < message.day < first + timedelta(days=LASTS)
        if during and isinstance(message.data, SILENT) and not is_reply:
            found.append(f"day {(message.day - first).days} of the stop: {message.type}")
    return found + forgotten(platform)


def forgotten(platform: SequentialPlatform) -> list[str]:
    """Every open case has an owner and a day on which somebody looks at it (R46)."""
    found = []
    for customer, document in cell(platform, "intake").documents.items():
        state = document.state
        if not isinstance(state, IntakeState) or not state.is_open:
            continue
        dates = [
            due
            for one in platform.cells
            for name in (customer, state.case)
            if (known := one.documents.get(name)) is not None and known.state is not None
            if (due := one.service.decider.due(known.state)) is not None
        ]
        if state.owner is None:
            found.append("the case has no owner")
        if not dates:
            found.append("the case has no next date")
    return found


def cell(platform: SequentialPlatform, name: str) -> Cell:
    return next(one for one in platform.cells if one.service.name == name)


def signed(platform: SequentialPlatform) -> int:
    return sum(isinstance(message.data, agreement.AgreementSigned) for message in platform.published)


@pytest.mark.parametrize("seed", [pytest.param(seed, id=what) for seed, what in LIVES.items()])
@pytest.mark.parametrize("cause", StopCause)
async def test_a_stop_may_begin_on_any_day(cause: StopCause, seed: int) -> None:
    places = list(StopCause).index(cause), list(LIVES).index(seed)
    for begins in range(1 + sum(places) % STEP, LAST, STEP):
        platform = await lived(seed, cause, begins)
        assert wrong(platform, begins) == [], f"begins on day {begins}"
        assert signed(platform), f"begins on day {begins}: the talks did not go on"


async def test_without_a_stop_those_days_are_full_of_it() -> None:
    """The check sees what it looks for."""
    for seed in LIVES:
        calm = await lived(seed, None, 0)
        seen = {type(message.data) for message in calm.published if isinstance(message.data, SILENT)}
        assert len(seen) > len(SILENT) / 2
        assert any(wrong(calm, begins) for begins in range(0, LAST, LASTS))
        assert forgotten(calm) == []
