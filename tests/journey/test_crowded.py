"""Days with several things on each, in any order: the same is said of every case, the same offer stands.

Compared is what is said by day and kind, and which offer, or which "no plan", stands in the evening. Figures
may differ that say how things stood at the moment: of a balance beside a stop, intake says the state on the
way, too, and for the same reason that no plan fits may be said on the day of a stop that leaves nothing to
look for. Two more depend on which topic is read first; `_undone` and `_answers` say what exactly. Where
people were told otherwise and so did otherwise, the lives have parted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from services.cli.catalogue import load_all
from shared.contracts import agreement, offer
from shared.contracts.alert_steps import StepReminded
from shared.contracts.base import Reason
from shared.contracts.desk import ApprovalGranted, OfferAccepted, SignatureGiven
from shared.contracts.envelope import Envelope
from shared.contracts.intake import StopsChanged
from shared.contracts.reasons import ReasonCode
from tests.journey.crowded import CrowdedWorld, parted
from tests.journey.scrambled import ScrambledPlatform
from tests.journey.sequential import SequentialPlatform

PARTITIONS = 2
At = tuple[str, date]

PASSING = (offer.OfferTabled, offer.OfferRevised, offer.OfferWithdrawn)
ACCEPTED, REFUSED = (OfferAccepted, ApprovalGranted), (offer.InputRefused, agreement.InputRefused)
IN_VAIN = "an acceptance on the day of a stop of every debt"


async def lived(platform: SequentialPlatform, seed: int) -> SequentialPlatform:
    await CrowdedWorld(platform, customers=10, days=30, seed=seed).live()
    assert platform.failures() == []
    return platform


def said(platform: SequentialPlatform) -> Counter[tuple[str, date, str]]:
    halted, ended = halts(platform)
    undone = _undone(platform, halted)
    found = Counter(
        (message.case, message.day, message.type)
        for message in platform.published
        if message.source.startswith("/parley/")
        and not isinstance(message.data, (*PASSING, offer.NoPlanFound))
        and message.id not in undone
    )
    for at, answers in _answers(platform).items():
        if at not in halted:
            found[*at, offer.NoPlanFound.TYPE] = 1 if at in ended else len(answers)
    found.update((message.case, message.day, IN_VAIN) for message in undone.values() if message is not None)
    return found


def halts(platform: SequentialPlatform) -> tuple[set[At], set[At]]:
    """Give the days on which stops left a case nothing to talk about, and those on which it went on."""
    began, ended, resting = set[At](), set[At](), set[str]()
    for message in platform.published:
        if isinstance(message.data, StopsChanged) and message.data.halt is not None:
            began.add((message.case, message.day))
            resting.add(message.case)
        elif isinstance(message.data, StopsChanged) and message.case in resting:
            ended.add((message.case, message.day))
            resting.remove(message.case)
    return began, ended


def _answers(platform: SequentialPlatform) -> dict[At, list[offer.NoPlanFound]]:
    """Give what was said of there being no plan.

    When a stop is over this is said for the figures that there are, and again where the day brings others:
    once where those were read first. So of such a day the last one counts, which `on_the_table` compares.
    """
    found: dict[At, list[offer.NoPlanFound]] = {}
    for message in platform.published:
        if isinstance(message.data, offer.NoPlanFound):
            found.setdefault((message.case, message.day), []).append(message.data)
    return found


def _undone(platform: SequentialPlatform, halted: set[At]) -> dict[str, Envelope[Any] | None]:
    """Give, by id, what is said only because an acceptance was read before a stop of that day, or after it.

    Before (an approval is as good as one): there is a draft, which goes back on that very day, and who signs
    it later is told so. After: it is refused, for there is no offer any more. In both nothing is on the table
    in the evening. With the ids is given the one message that stands for it: the return, or the refusal.
    """
    named = {message.id: message for message in platform.published}
    found: dict[str, Envelope[Any] | None] = {}
    gone = dict[str, Reason]()
    for message in platform.published:
        data, today = message.data, (message.subject, message.day)
        cause = named[data.cause_id].data if isinstance(data, REFUSED) else None
        if isinstance(data, agreement.AgreementReturned) and today in halted:
            led = {
                one.type: one.id
                for one in platform.published
                if (one.subject, one.day) == today and getattr(one.data, "offer_id", None) == data.offer_id
            }
            agreed, drafted = led.get(offer.OfferAgreed.TYPE), led.get(agreement.AgreementDrafted.TYPE)
            if agreed and drafted:
                found |= {agreed: None, drafted: None, message.id: message}
                gone[data.agreement_id] = data.reason
        elif isinstance(cause, ACCEPTED) and data.reason.code is ReasonCode.DEBT_STOPPED and today in halted:
            found[message.id] = message
        signs = isinstance(data, SignatureGiven) and data.agreement_id in gone
        if signs or (isinstance(cause, SignatureGiven) and gone.get(cause.agreement_id) == data.reason):
            found[message.id] = None
    return found


def on_the_table(platform: SequentialPlatform) -> dict[At, object]:
    """What stands when a day is over: the offer, if any was laid or taken off; else why there is no plan."""
    halted, ended = halts(platform)
    found: dict[At, object] = {
        at: (answers[-1].assessment_id, answers[-1].reason.code, answers[-1].next_step.code)
        for at, answers in _answers(platform).items()
        if at in ended - halted
    }
    for message in platform.published:
        if isinstance(message.data, PASSING):
            gone = isinstance(message.data, offer.OfferWithdrawn)
            found[message.case, message.day] = None if gone else message.data.offer_id
    return {at: standing for at, standing in found.items() if standing is not None}


def differences(calm: SequentialPlatform, live: SequentialPlatform) -> Iterator[str]:
    """Say what is said in one of them only, or stands otherwise, while people did the same."""
    lives = calm, live
    undone = {name for life in lives for name in _undone(life, halts(life)[0])}
    apart, keys = parted(lives, undone), {one.subject: one.key for life in lives for one in life.published}
    one, other = map(said, lives)
    for case, day, kind in (one - other) + (other - one):
        if day < apart.get(keys[case], date.max):
            yield f"{day} {case}: {kind}"
    table, others = map(on_the_table, lives)
    for at in {at for at in table.keys() | others.keys() if table.get(at) != others.get(at)}:
        if at[1] < apart.get(keys[at[0]], date.max):
            yield f"{at[1]} {at[0]}: {table.get(at)} or {others.get(at)}"


@pytest.mark.parametrize("seed", [606, 620, 632, 641])
async def test_the_same_comes_of_crowded_days_in_any_order(seed: int) -> None:
    calm = await lived(SequentialPlatform(load_all(), PARTITIONS), seed)
    kinds = {type(message.data) for message in calm.published}
    assert {StopsChanged, StepReminded, offer.NoPlanFound, offer.OfferAgreed} <= kinds
    for order in range(3):
        live = await lived(ScrambledPlatform(load_all(), seed * 1000 + order, PARTITIONS), seed)
        assert list(differences(calm, live)) == []
