"""The same days in every order that the design allows: each case must come to the same (rules 16 to 18).

What is left out of the comparison, and why, is said in `tests.fault.living`, which compares the lives on real
servers in the same way.
"""

from __future__ import annotations

from collections import Counter
from datetime import date

import pytest

from services.cli.catalogue import load_all
from shared.contracts.agreement import AgreementReturned
from shared.contracts.alert_steps import StepCaughtUp, StepOverdue, StepReminded
from tests.fault.living import differences, said, undisturbed, world
from tests.journey.scrambled import ScrambledPlatform
from tests.journey.sequential import SequentialPlatform

PARTITIONS = 2


async def scrambled(order: int, *, customers: int, days: int, seed: int) -> ScrambledPlatform:
    platform = ScrambledPlatform(load_all(), order, PARTITIONS)
    await world(platform, customers=customers, days=days, seed=seed).live()
    assert platform.failures() == []
    return platform


def story(platform: SequentialPlatform) -> dict[str, Counter[str]]:
    return said(message for message in platform.published if message.source.startswith("/parley/"))


@pytest.mark.parametrize(
    ("customers", "days", "seed"), [(15, 24, 41), (15, 24, 42), (15, 24, 45), (10, 60, 2)]
)
async def test_every_case_comes_to_the_same_in_any_order(customers: int, days: int, seed: int) -> None:
    calm = await undisturbed(customers=customers, days=days, seed=seed, partitions=PARTITIONS)
    orders, of_steps = Counter[tuple[str, ...]](), 0
    for order in range(4):
        platform = await scrambled(order, customers=customers, days=days, seed=seed)
        assert differences(story(platform), calm) == []
        orders[tuple(message.id for message in platform.published)] += 1
        steps = (StepReminded, StepOverdue, StepCaughtUp)
        of_steps += sum(isinstance(message.data, steps) for message in platform.published)
    assert len(orders) == 4, "the orders were not different"
    assert of_steps, "nothing was said of any step"


async def test_a_signature_and_another_balance_on_the_same_day_come_to_the_same() -> None:
    # In this life a borrower signs on the day on which the bank reports another balance.
    life = {"customers": 30, "days": 32, "seed": 11}
    calm = await undisturbed(**life, partitions=PARTITIONS)
    first = set()
    for order in range(4):
        platform = await scrambled(order, **life)
        assert differences(story(platform), calm) == []
        back = next(
            message
            for message in platform.published
            if isinstance(message.data, AgreementReturned) and message.day == date(2026, 2, 5)
        )
        same_day = [
            message.type
            for message in platform.published
            if message.subject == back.subject and message.day == back.day
        ]
        kinds = ("parley.agreement.returned.v1", "parley.agreement.party.signed.v1")
        first.add(min(kinds, key=same_day.index))
    assert len(first) == 2, "both orders have come up"
