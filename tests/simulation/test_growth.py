"""What does not become dearer: an old case, and a house full of cases.

Rule 2 of the runtime says that documents do not grow with the age of a case, and rule 18 that the close of a
day visits what is due and nothing else. Both are counted here with the real services: operations, documents
and encoded bytes, never time.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal

import pytest

from shared.contracts import bank, desk
from shared.contracts.base import Personal
from shared.contracts.debts import ProductKind
from shared.contracts.followup import InstalmentPaid
from shared.lending.calendar import add_months
from shared.runtime.document import Case
from shared.runtime.ports import DUE, Document
from shared.runtime.simulation.loop import run_virtual
from tests.simulation.counting import Counted, Tally, noon, together
from tests.simulation.flood import ONE_DAY
from tests.unit.builders import DAY, balances, case_opened, cny, debt, paid, signed

POLICY = "cn-card"
ANN = "C-ann"
WEEKS = 143  # of five events a day: 5,005
WINDOW = 26  # weeks that are compared: 910 events
MOST_GROWTH = 1.1
AT_WORK = 30  # cases that are due

Says = Callable[[Counted, int, date], None]


# -- an old case --------------------------------------------------------------------------------------------


def overdue(day: date) -> bank.AccountOverdue:
    return bank.AccountOverdue(
        account_id="A-1",
        as_of=day,
        product=POLICY,
        kind=ProductKind.CARD,
        days_past_due=60,
        outstanding=balances("12000.00", "420.00", "60.00", "150.00"),
        overdue=balances("1600.00", "420.00", "60.00", "150.00"),
        annual_rate_pct=Decimal(18),
        contract_date=date(2022, 5, 4),
    )


def contact(day: date) -> desk.ContactRecorded:
    return desk.ContactRecorded(
        at=noon(day),
        place="phone",
        participants=("negotiator", "borrower"),
        key_points=Personal(value="…"),
        direction=desk.ContactDirection.OUTBOUND,
        outcome=desk.ContactOutcome.TALKED,
        channel="phone",
    )


def to_intake(office: Counted, number: int, day: date) -> None:
    """Two payments, one of yesterday's taken back, the bank's figures, another language."""
    if number == 0:
        office.say(overdue(day), day, key=ANN)
    for which in ("a", "b"):
        data = bank.PaymentReceived(payment_id=f"{which}{number:06d}", amount=cny("90.00"), value_date=day)
        office.say(data, day, key=ANN)
    returned = bank.PaymentReversed(
        payment_id=f"a{max(number - 1, 0):06d}",
        reversal_id=f"r{number:06d}",
        amount=cny("40.00"),
        reversed_on=day,
    )
    office.say(returned, day, key=ANN)
    figures = bank.BalanceReported(
        account_id="A-1",
        as_of=day,
        outstanding=balances("12000.00", "420.00", "60.00", "150.00"),
        overdue=balances("1600.00", "420.00", "60.00", "150.00"),
        days_past_due=100 + number,
    )
    office.say(figures, day, key=ANN)
    office.say(desk.PreferencesSet(language=("zh", "en")[number % 2]), day, key=ANN)


def to_followup(office: Counted, number: int, day: date) -> None:
    """Three payments on the plan, a contact, a promise."""
    if number == 0:
        office.tell("intake", case_opened(debt(policy=POLICY), policy=POLICY), 1, key=ANN)
        rows = [(add_months(DAY, month), "2000.00") for month in range(1, 61)]
        office.tell("agreement", signed(*rows, policy=POLICY), 1, key=ANN)
    for which in range(3):
        sequence = 2 + 3 * number + which
        office.tell("intake", paid("25.00", day, f"p{sequence:06d}"), sequence, key=ANN, day=day)
    office.say(contact(day), day, key=ANN)
    promised = desk.PromiseMade(promise_id=f"q{number:06d}", amount=cny("25.00"), due=day + 5 * ONE_DAY)
    office.say(promised, day, key=ANN)


def to_archive(office: Counted, number: int, day: date) -> None:
    """What everybody says of the case."""
    if number == 0:
        office.tell("intake", case_opened(debt(policy=POLICY), policy=POLICY), 1, key=ANN)
    data = bank.PaymentReceived(payment_id=f"p{number:06d}", amount=cny("90.00"), value_date=day)
    office.say(data, day, key=ANN)
    office.tell("intake", paid("90.00", day, f"p{number:06d}"), 2 + number, key=ANN, day=day)
    kept = InstalmentPaid(
        agreement_id="agreement-1",
        version=1,
        number=1,
        due=day,
        total=cny("90.00"),
        paid=cny("90.00"),
        on=day,
        on_time=True,
    )
    office.tell("followup", kept, 1 + number, key=ANN, day=day)
    office.say(contact(day), day, key=ANN)
    office.say(desk.PreferencesSet(language=("zh", "en")[number % 2]), day, key=ANN)


async def live(service: str, says: Says, weeks: int) -> list[Tally]:
    """Give what each week of a long case cost; its days are closed by the marker of the last one."""
    office, costs = Counted(service), []
    office.open()
    await office.settle()
    for week in range(weeks):
        numbers = range(7 * week, 7 * week + 7)

        def act(numbers: range = numbers) -> None:
            for number in numbers:
                says(office, number, DAY + number * ONE_DAY)
            office.close_all(DAY + numbers[-1] * ONE_DAY)

        costs.append(await office.counted(act))
    await office.stop()
    assert office.dead(service) == []
    if office.service.waits_for:
        assert await office.done() == DAY + (7 * weeks - 1) * ONE_DAY
    return costs


@pytest.mark.parametrize(
    ("service", "says", "warm"),
    [("intake", to_intake, 9), ("followup", to_followup, 58), ("archive", to_archive, 3)],
)
def test_an_old_case_is_no_dearer(service: str, says: Says, warm: int) -> None:
    """Rule 2: events of the last half-year cost the operations of the first, and no larger documents.

    `warm` weeks fill what is kept of a case by rule, and no more than that: intake keeps the last 60
    payments, followup 400 days of money (then it adds up the older half, so its size goes up and down) and
    24 promises, the archive 16 ids for each source. Nothing else may grow: the digits of a sequence, a few
    bytes, and one more overview in the documents kept by customer for each further case.
    """
    costs = run_virtual(live(service, says, WEEKS))
    early, late = costs[warm : warm + WINDOW], costs[-WINDOW:]
    # The owner's next date does not fall into every week: those weeks have one document more.
    assert _each(early) == _each(late)
    assert len(_each(late)) <= 2
    assert all(week.items["replace_many"] in {1, 2} for week in costs)
    assert all(week.items["load_many"] == week.items["replace_many"] for week in costs[1:])
    before, after = together(early), together(late)
    assert after.calls["publish"] <= MOST_GROWTH * before.calls["publish"]
    assert max(after.sizes) <= MOST_GROWTH * max(before.sizes)
    assert max(after.kept) <= MOST_GROWTH * max(before.kept)


def _each(weeks: list[Tally]) -> set[tuple[tuple[str, int], ...]]:
    """Give every different price of a week, but for what is published: an instalment's week says more."""
    return {
        tuple(sorted((name, cost) for name, cost in week.costs.items() if name != "calls of publish"))
        for week in weeks
    }


@pytest.mark.parametrize(
    ("service", "says", "kept"),
    [("intake", to_intake, "services.intake.payments._PAYMENTS_KEPT"),
     ("followup", to_followup, "services.followup.promises._PROMISES_KEPT")],
)  # fmt: skip
def test_a_document_that_keeps_everything_is_noticed(
    monkeypatch: pytest.MonkeyPatch, service: str, says: Says, kept: str
) -> None:
    """The bound above can be missed: of a decider that forgets nothing, half a year is seen to grow."""
    monkeypatch.setattr(kept, 1_000_000)
    costs = run_virtual(live(service, says, 30))
    early, late = max(together(costs[:10]).kept), max(together(costs[-10:]).kept)
    assert late > MOST_GROWTH * early


def test_entries_that_never_leave_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same of the runtime's own part: emissions, ids and links that stay though they are published."""
    monkeypatch.setattr(Case, "prune", lambda _case, _settled: None)
    costs = run_virtual(live("archive", to_archive, 8))
    assert max(costs[-1].sizes) > MOST_GROWTH * max(costs[3].sizes)


# -- a house full of cases ----------------------------------------------------------------------------------


def intake_case(office: Counted, day: date) -> None:
    """A case whose arrears have been paid up on `day`: its close looks whether the debt has recovered."""
    office.say(overdue(day), day, key=ANN)
    office.say(bank.PaymentReceived(payment_id="p-1", amount=cny("2230.00"), value_date=day), day, key=ANN)


def followup_case(office: Counted, day: date) -> None:
    """A plan whose first instalment is due a month after `day`."""
    office.tell("intake", case_opened(debt(policy=POLICY), policy=POLICY), 1, key=ANN, day=day)
    rows = [(add_months(day, month), "2000.00") for month in range(1, 13)]
    office.tell("agreement", signed(*rows, effective=day, policy=POLICY), 1, key=ANN, day=day)


async def written(service: str, says: Callable[[Counted, date], None], day: date) -> Document:
    """Give the document that the service writes of a case that begins on `day`."""
    office = Counted(service)
    office.open()
    await office.counted(lambda: says(office, day))
    await office.stop()
    (document,) = office.store.documents(service).values()
    return document


async def close_of(service: str, says: Callable[[Counted, date], None], cases: int) -> tuple[Tally, set[str]]:
    """Give what the close of a day costs with some cases due among so many, and which are due."""
    now, later = await written(service, says, DAY), await written(service, says, DAY + 60 * ONE_DAY)
    day = date.fromisoformat(now[DUE])
    assert now[DUE] < later[DUE]
    office = Counted(service)
    due = await office.fill(now, [f"C-due-{n}" for n in range(AT_WORK)])
    await office.fill(later, [f"C-later-{n}" for n in range(cases - AT_WORK)])
    office.open()
    await office.settle()
    tally = await office.counted(lambda: office.close_all(day))
    await office.stop()
    assert await office.done() == day
    assert office.dead(service) == []
    return tally, due


def _no_dearer(service: str, says: Callable[[Counted, date], None], few: int, many: int) -> None:
    small, due = run_virtual(close_of(service, says, few))
    large, _ = run_virtual(close_of(service, says, many))
    assert small.loaded == large.loaded == due
    assert small.items["replace_many"] == AT_WORK
    assert small.costs == large.costs
    assert small.sizes == large.sizes


house = pytest.mark.parametrize(
    ("service", "says"),
    [("intake", intake_case), ("followup", followup_case)],
    ids=["intake", "followup"],
)


@house
def test_many_cases_make_no_day_dearer(service: str, says: Callable[[Counted, date], None]) -> None:
    """Rule 18: the close of a day visits the documents that are due, however many others there are."""
    _no_dearer(service, says, 1_000, 20_000)


@pytest.mark.slow
@house
def test_very_many_cases_make_no_day_dearer(service: str, says: Callable[[Counted, date], None]) -> None:
    """The same with a hundred thousand."""
    _no_dearer(service, says, 1_000, 100_000)
