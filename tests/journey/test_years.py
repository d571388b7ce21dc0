"""Years of plans: late, partial and returned payments, a job lost and what follows, added up from outside.

What is checked is what was said; instalments are served here by arithmetic of its own, on the bank's money.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from deploy.demo.acts import Say
from deploy.demo.borrower import PERSONAS
from deploy.demo.portfolio import random_for
from services.cli.catalogue import load_all
from shared.contracts import agreement, assessment, followup, intake
from shared.contracts.base import Personal
from shared.contracts.desk import HardshipCause, HardshipReported
from shared.contracts.envelope import Envelope
from tests.fault.living import START, world
from tests.journey.sequential import SequentialPlatform

GRACE, TOLERANCE = timedelta(days=3), 100  # of every shipped pack: three days, and one part of a hundred


async def lived(customers: int, days: int, seed: int) -> list[Envelope[Any]]:
    platform = SequentialPlatform(load_all())
    life = world(platform, customers=customers, days=days, seed=seed)
    for borrower in life.borrowers.values():
        careless = {"partial": 0.5, "on_time": 0.85, "returned": 0.04, "recovers": 0.95, "counters": 0.2}
        borrower.persona = replace(PERSONAS[0], **careless)
    heard = 0
    for number in range(days):
        day = START + timedelta(days=number)
        await life.live_day(day)
        for message in platform.published[heard:]:
            if isinstance(message.data, agreement.AgreementSigned) and message.data.version == 1:
                lost = day + timedelta(days=random_for(seed, message.key).randint(150, 200))
                told = HardshipReported(
                    cause=HardshipCause.JOB_LOSS,
                    since=lost - timedelta(days=5),
                    expected_end=lost + timedelta(days=120),
                    words=Personal(value="…"),
                )
                life._agenda.setdefault(lost, []).append((message.key, Say(lost, message.case, told, "job")))
        heard = len(platform.published)
    assert platform.failures() == []
    return platform.published


class Plan:
    """What one agreement asks for, and how far the money of its time reaches, the oldest instalment first."""

    def __init__(self, signed: agreement.AgreementSigned) -> None:
        self.effective = signed.effective
        rows = signed.instalments
        self.rows = sorted((row.due, row.number, row.total.currency, row.total.minor) for row in rows)

    def reached(self, number: int, currency: str, money: dict[date, int]) -> date | None:
        """The first day on which there was enough for an instalment, of money that stayed."""
        sums, total = [], 0
        for on in sorted(day for day in money if day >= self.effective):
            total += money[on]
            sums.append((on, total))
        before = 0
        for _, row, of, minor in self.rows:
            if of != currency:
                continue
            if row == number:
                enough = before + minor - (minor * 2 + TOLERANCE) // (2 * TOLERANCE)
                stayed = [on for n, (on, _) in enumerate(sums) if min(s for _, s in sums[n:]) >= enough]
                return stayed[0] if stayed else None
            before += minor
        raise AssertionError("an instalment that no agreement has")


@pytest.mark.parametrize("seed", [21, 3])
async def test_years_of_plans_add_up(seed: int) -> None:
    money: dict[str, dict[str, dict[date, int]]] = defaultdict(lambda: defaultdict(lambda: defaultdict(int)))
    plans: dict[str, Plan] = {}
    asked: dict[str, date] = {}
    reviewed: dict[str, date] = {}
    judged = statements = reviews = 0
    for message in await lived(4, 600, seed):
        data, who = message.data, message.key
        if isinstance(data, intake.PaymentMatched | intake.PaymentTakenBack):
            sign = 1 if isinstance(data, intake.PaymentMatched) else -1
            money[who][data.amount.currency][data.value_date] += sign * data.amount.minor
        elif isinstance(data, agreement.AgreementSigned):
            plans[who], reviewed[who] = Plan(data), data.effective
            assert plans[who].rows[0][0] > data.effective
        elif isinstance(data, agreement.AgreementCompleted):
            plans.pop(who, None)
        elif isinstance(data, followup.InstalmentMissed | followup.InstalmentPaid) and who in plans:
            currency = data.total.currency
            on = plans[who].reached(data.number, currency, money[who][currency])
            judged += 1
            if isinstance(data, followup.InstalmentMissed):
                assert message.day >= data.due + GRACE
                assert on is None or on > data.due + GRACE, "paid within grace, and called missed"
            else:
                assert on == data.on
                assert data.on_time or on > data.due + GRACE
        elif isinstance(data, followup.RenegotiationRequested | HardshipReported):
            asked[who] = message.day
        elif isinstance(data, assessment.StatementRequested) and who in plans:
            statements += 1
            near = asked.get(who)
            assert near is not None, "nobody had asked for another plan"
            assert message.day - near < timedelta(days=300), "asked for a statement year after year"
        elif isinstance(data, followup.ReviewDue | followup.ReviewRecorded):
            gap = message.day - reviewed[who]
            assert gap < timedelta(days=200), "a review every six months at the least"
            if isinstance(data, followup.ReviewDue):
                reviews += 1
                assert gap > timedelta(days=80)
            reviewed[who] = message.day
    assert judged > 30
    assert statements
    assert reviews
