"""The in-band clock under a flood: a service that is far behind calls nothing missed that was done in time.

Rules 16 to 19 of the runtime: business time moves by markers, a marker is a barrier over all waited-for
inputs, and due work judges by value date. Each story is told twice: with the rules, and with a clock that
breaks one of them, where what was done in time is called missed. So the first telling is able to fail.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from datetime import date

import pytest

from shared.contracts import desk
from shared.contracts.debts import DebtFlow
from shared.contracts.followup import InstalmentCorrected, InstalmentLate, InstalmentMissed, InstalmentPaid
from shared.contracts.offer import InputRefused, OfferAgreed, OfferLapsed, OfferTabled
from shared.runtime.lane import Lane
from shared.runtime.simulation.loop import run_virtual
from tests.simulation.flood import BACKLOG, BROKEN, ONE_DAY, Behind, Flood, Office
from tests.unit.builders import DAY, assessed, case_opened, cny, debt, paid, signed

IN_TIME = [f"C-in-time-{n}" for n in range(30)]
LATE = [f"C-late-{n}" for n in range(10)]
SILENT = [f"C-silent-{n}" for n in range(10)]
STRANGERS = [f"C-stranger-{n}" for n in range(20)]
"""Whose records stand before everybody else's."""

POLICY = "cn-card"
# Its all-in cost can be tested from its advance on, so that an acceptance needs nobody's approval.
TESTABLE = debt(policy=POLICY).model_copy(
    update={"history": (DebtFlow(on=date(2022, 5, 4), amount=-cny("12000.00")),)}
)
DUE = date(2026, 4, 1)
NEXT = date(2026, 5, 6)

behind = pytest.mark.parametrize("behind", list(Behind), ids=[one.name.lower() for one in Behind])
broken = pytest.mark.parametrize("clock", BROKEN, ids=[one.__name__ for one in BROKEN])


# -- payments -----------------------------------------------------------------------------------------------


async def payments() -> Flood:
    """Plans whose first instalment is late already; then followup is away until its last grace day."""
    office = Office("followup")
    for customer in (*IN_TIME, *LATE, *SILENT):
        office.tell("intake", case_opened(debt(policy=POLICY), policy=POLICY), 1, key=customer, id_=customer)
        plan = signed((DUE, "100.00"), (NEXT, "100.00"), policy=POLICY)
        office.tell("agreement", plan, 1, key=customer, id_=f"plan-{customer}")
    office.close_all(DUE)
    office.open()
    await office.closed(DUE)
    await office.stop()
    late = office.said(InstalmentLate)
    assert set(late) == {*IN_TIME, *LATE, *SILENT}
    (last,) = {one.grace_until for one in late.values()}
    return Flood(office, last, "intake", _intake(office, last))


def _intake(office: Office, last: date) -> Iterator[None]:
    """The backlog: duplicates and other people's money; then the payments, and the days' ends."""
    for number in range(BACKLOG):
        if number % 2:
            stranger = STRANGERS[(number // 2) % len(STRANGERS)]
            sequence = number // 2 // len(STRANGERS) + 1
            office.tell("intake", paid("1.00", last), sequence, key=stranger, id_=f"{stranger}-{sequence}")
        else:
            customer = IN_TIME[(number // 2) % len(IN_TIME)]
            opened = case_opened(debt(policy=POLICY), policy=POLICY)
            office.tell("intake", opened, 1, key=customer, id_=customer)
        yield
    for number, customer in enumerate(IN_TIME):
        day = last if number % 3 else last - ONE_DAY
        office.tell("intake", paid("100.00", day), 2, key=customer, id_=f"paid-{customer}", day=last)
        yield
    office.close(last, source="intake")
    yield
    for customer in LATE:
        after = last + ONE_DAY
        office.tell("intake", paid("100.00", after), 2, key=customer, id_=f"paid-{customer}", day=after)
        yield
    office.close(last + ONE_DAY, source="intake")
    yield


@behind
def test_no_instalment_paid_in_time_is_called_missed(behind: Behind) -> None:
    """Rules 16, 18 and 19: the day closes behind the backlog, not before it, whatever the other inputs say.

    Who paid a day later, or never, is called missed on that very day, though the later money had arrived.
    """

    async def tell() -> None:
        flood = await payments()
        await flood.break_over(behind)
        office, last = flood.office, flood.day
        await office.closed(last + ONE_DAY)
        await office.stop()
        assert set(office.said(InstalmentMissed)) == {*LATE, *SILENT}
        assert office.dated(InstalmentMissed) == {last}
        kept = {customer: one for customer, one in office.said(InstalmentPaid).items() if one.on <= last}
        assert set(kept) == set(IN_TIME)
        assert all(one.on_time and one.number == 1 for one in kept.values())
        assert not set(office.said(InstalmentCorrected)) & set(IN_TIME)
        assert office.telemetry.counts["duplicates"] >= BACKLOG // 2 - len(STRANGERS)
        assert office.dead("followup") == []

    run_virtual(tell())


@behind
@broken
def test_without_the_rule_instalments_paid_in_time_are_called_missed(
    monkeypatch: pytest.MonkeyPatch, behind: Behind, clock: Callable[..., Callable[[Lane], date | None]]
) -> None:
    """The story above can fail: a day closed by its first marker, or by the wall clock, overtakes money."""
    wronged = _told_with(
        payments, clock, behind, monkeypatch, lambda office: set(office.said(InstalmentMissed))
    )
    assert len(wronged & set(IN_TIME)) > 0


# -- acceptances --------------------------------------------------------------------------------------------


async def acceptances() -> Flood:
    """Offers on the table; then offer is away until their last day."""
    office = Office("offer")
    for customer in (*IN_TIME, *LATE, *SILENT, *STRANGERS):
        office.tell("intake", case_opened(TESTABLE, policy=POLICY), 1, key=customer, id_=customer)
        office.tell("assessment", assessed(), 1, key=customer, id_=f"assessed-{customer}")
    office.close_all(DAY)
    office.open()
    await office.closed(DAY)
    await office.stop()
    offers = office.said(OfferTabled)
    assert set(offers) == {*IN_TIME, *LATE, *SILENT, *STRANGERS}
    (last,) = {offer.valid_until for offer in offers.values()}
    return Flood(office, last, "desk", _desk(office, last, offers))


def _desk(office: Office, last: date, offers: dict[str, OfferTabled]) -> Iterator[None]:
    """The backlog: rejections by strangers, published again and again; then the acceptances."""
    for number in range(BACKLOG):
        if number % 2:
            stranger = STRANGERS[(number // 2) % len(STRANGERS)]
            why = desk.RefusalReason.NO_PLAN_WANTED
            rejected = desk.OfferRejected(offer_id=offers[stranger].offer_id, reason=why)
            office.say(rejected, last, key=stranger, id_=f"rejected-{stranger}")
        else:
            customer = IN_TIME[(number // 2) % len(IN_TIME)]
            report = desk.HardshipReported(cause=desk.HardshipCause.ILLNESS, since=DAY)
            office.say(report, last, key=customer)
        yield
    for number, customer in enumerate(IN_TIME):
        office.say(_accepted(offers[customer]), last if number % 3 else last - ONE_DAY, key=customer)
        yield
    office.close(last, source="desk")
    yield
    for customer in LATE:
        office.say(_accepted(offers[customer]), last + ONE_DAY, key=customer)
        yield
    office.close(last + ONE_DAY, source="desk")
    yield


def _accepted(offer: OfferTabled) -> desk.OfferAccepted:
    plan = next(plan for plan in offer.plans if not plan.needs_approval)
    return desk.OfferAccepted(offer_id=offer.offer_id, plan_id=plan.plan_id, channel="app")


@behind
def test_no_offer_accepted_in_time_lapses(behind: Behind) -> None:
    """Rules 16 to 18: the desk is waited for, so its acceptances count before the offers' last day closes.

    Who answered a day later, or never, sees the offer lapse on that very day.
    """

    async def tell() -> None:
        flood = await acceptances()
        await flood.break_over(behind)
        office, last = flood.office, flood.day
        await office.closed(last + ONE_DAY)
        await office.stop()
        assert set(office.said(OfferLapsed)) == {*LATE, *SILENT}
        assert office.dated(OfferLapsed) == {last}
        assert set(office.said(OfferAgreed)) == set(IN_TIME)
        assert set(office.said(InputRefused)) == set(LATE)
        assert office.telemetry.counts["duplicates"] >= BACKLOG // 2 - len(STRANGERS)
        assert office.dead("offer") == []

    run_virtual(tell())


@behind
@broken
def test_without_the_rule_offers_accepted_in_time_lapse(
    monkeypatch: pytest.MonkeyPatch, behind: Behind, clock: Callable[..., Callable[[Lane], date | None]]
) -> None:
    """The story above can fail: a day closed by its first marker, or by the wall clock, overtakes answers."""
    wronged = _told_with(
        acceptances, clock, behind, monkeypatch, lambda office: set(office.said(OfferLapsed))
    )
    assert len(wronged & set(IN_TIME)) > 0


def _told_with(
    story: Callable[[], Awaitable[Flood]],
    clock: Callable[..., Callable[[Lane], date | None]],
    behind: Behind,
    monkeypatch: pytest.MonkeyPatch,
    outcome: Callable[[Office], set[str]],
) -> set[str]:
    """Tell a story whose service comes back with a broken clock; give what came of it when the day closed."""

    async def tell() -> set[str]:
        flood = await story()
        monkeypatch.setattr(Lane, "ready", clock(flood.office.clock))
        await flood.break_over(behind)
        await flood.office.closed(flood.day)
        await flood.office.stop()
        return outcome(flood.office)

    return run_virtual(tell())
