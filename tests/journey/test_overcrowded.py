"""Days with far more on each than ever: whatever is said on the way, each evening each case stands the same.

What is said of a state in between differs with the order: an answer before a stop, no plan for the balance
before the last one. Compared is what lasts: every document at every close, without what is only remembered of
what stood for a moment. A case all of whose debts are stopped rests; how it goes on is compared again. Where
people were told otherwise and so did otherwise, the lives have parted.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from services.cli.catalogue import load_all
from shared.contracts.decision import State
from tests.journey.crowded import OvercrowdedWorld, parted
from tests.journey.scrambled import ScrambledPlatform
from tests.journey.sequential import SequentialPlatform

PARTITIONS = 2

# What late answers are looked up in, when what was read is dated, the numbers and names of what was said,
# which rules an offer was made by; of a step that is open, what led to it. The least payment that counts as a
# first instalment is set anew with each offer of the day on which talks begin or go on.
_OF_OFFERS = {"answered", "counts_from", "gone_on", "round_on", "shown", "stood", "strategy", "talks"}
REMEMBERED = {
    "intake": {"instructions"},
    "assessment": {"version"},
    "offer": {*_OF_OFFERS, "debts_seen", "rests_at"},
    "agreement": {"debts_seen", "over", "withdrawn"},
    "followup": set[str](),
    "alert": {"stage", "stage_at", "turns"},
}


class _Evenings:
    """Keeps every document as it stands when a day is over."""

    cells: list[Any]

    async def close_day(self, day: date) -> None:
        await super().close_day(day)  # type: ignore[misc]
        self.__dict__.setdefault("seen", {}).update(
            {(day, cell.service.name, name): document.state for cell in self.cells
             if cell.service.name in REMEMBERED for name, document in cell.documents.items()}
        )  # fmt: skip


class Calm(_Evenings, SequentialPlatform):
    """Everything in the order of the flow."""


class Scrambled(_Evenings, ScrambledPlatform):
    """Everything in an order of its own."""


async def lived(platform: Any, seed: int) -> Any:
    await OvercrowdedWorld(platform, customers=10, days=30, seed=seed).live()
    assert platform.failures() == []
    return platform


def differences(calm: Any, live: Any) -> Iterator[str]:
    """Say what stands otherwise in an evening."""
    apart, keys = parted((calm, live)), {one.subject: one.key for one in calm.published if one.subject}
    for at in sorted({*calm.seen, *live.seen}):
        day, service, name = at
        if day >= apart.get(keys.get(name, name), date.max) or _rests(calm, day, name):
            continue
        one, other = calm.seen.get(at), live.seen.get(at)
        if one is None or other is None:
            yield f"{day} {service} {name}: only one of them knows it"
        elif one != other:
            names = {each for each in type(one).model_fields if getattr(one, each) != getattr(other, each)}
            yield from (f"{day} {service} {name}: {each}" for each in sorted(names - REMEMBERED[service]))


def _rests(life: Any, day: date, case: str) -> bool:
    state: State | None = life.seen.get((day, "offer", case))
    return getattr(state, "halted_on", None) is not None


@pytest.mark.parametrize("seed", [1, 30])
async def test_every_case_stands_the_same_in_the_evening_in_any_order(seed: int) -> None:
    calm = await lived(Calm(load_all(), PARTITIONS), seed)
    for order in range(2):
        live = await lived(Scrambled(load_all(), seed * 1000 + order, PARTITIONS), seed)
        assert list(differences(calm, live)) == []
