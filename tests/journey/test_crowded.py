"""Days with several things on each, in any order: the same is said of every case, the same offer stands.

Compared is what is said by day and kind, and which offer stands in the evening. Figures may differ that say
how things stood at the moment: of a balance beside a stop, intake says the state on the way, too.
"""

from __future__ import annotations

from collections import Counter
from datetime import date

import pytest

from services.cli.catalogue import load_all
from shared.contracts import offer
from shared.contracts.alert_steps import StepReminded
from shared.contracts.intake import StopsChanged
from tests.journey.crowded import CrowdedWorld
from tests.journey.scrambled import ScrambledPlatform
from tests.journey.sequential import SequentialPlatform

PARTITIONS = 2
PASSING = (offer.OfferTabled, offer.OfferRevised, offer.OfferWithdrawn)


async def lived(platform: SequentialPlatform, seed: int) -> SequentialPlatform:
    await CrowdedWorld(platform, customers=10, days=30, seed=seed).live()
    assert platform.failures() == []
    return platform


def said(platform: SequentialPlatform) -> Counter[tuple[str, date, str]]:
    return Counter(
        (message.case, message.day, message.type)
        for message in platform.published
        if message.source.startswith("/parley/") and not isinstance(message.data, PASSING)
    )


def on_the_table(platform: SequentialPlatform) -> dict[tuple[str, date], str | None]:
    """The offer that stands when a day is over, where anything was laid or taken off."""
    found: dict[tuple[str, date], str | None] = {}
    for message in platform.published:
        if isinstance(message.data, PASSING):
            gone = isinstance(message.data, offer.OfferWithdrawn)
            found[message.case, message.day] = None if gone else message.data.offer_id
    return {at: standing for at, standing in found.items() if standing is not None}


@pytest.mark.parametrize("seed", [606, 620, 641])
async def test_the_same_comes_of_crowded_days_in_any_order(seed: int) -> None:
    calm = await lived(SequentialPlatform(load_all(), PARTITIONS), seed)
    kinds = {type(message.data) for message in calm.published}
    assert {StopsChanged, StepReminded, offer.NoPlanFound, offer.OfferAgreed} <= kinds
    for order in range(3):
        live = await lived(ScrambledPlatform(load_all(), seed * 1000 + order, PARTITIONS), seed)
        assert said(live) == said(calm)
        assert on_the_table(live) == on_the_table(calm)
