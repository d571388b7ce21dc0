"""What runs and what rests while the talks go on, as each pack says it, and what follows when it does not."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

import deploy
from services.offer.decide import OfferDecider
from services.offer.meanwhile import balance_by_day, terms_of_talks
from shared.contracts import intake
from shared.contracts.debts import DebtSnapshot, DebtStatus
from shared.contracts.offer import HumanReviewOpened, OfferTabled, OfferWithdrawn
from shared.contracts.plan_terms import total_of
from shared.contracts.reasons import ReasonCode
from shared.policy.loader import PolicyBook
from shared.policy.testing import example_pack, example_policy
from shared.texts import LANGUAGES, text
from tests.unit.builders import DAY, assessed, balances, case_opened, cny, debt, message, reference
from tests.unit.spec import Given, given

BOOK = PolicyBook.load(Path(deploy.__file__).parent / "policies")


def after(days: int) -> date:
    return DAY + timedelta(days=days)


def tabled(**pack: Any) -> Given:
    start = given(OfferDecider(), reference(**pack))
    return start.when(message(case_opened(), sequence=1), message(assessed()))


@pytest.mark.parametrize(
    ("value", "fees", "late"),
    [
        ("runs", ReasonCode.FEES_RUN, ReasonCode.LATE_CHARGES_RUN),
        ("frozen", ReasonCode.FEES_FROZEN, ReasonCode.LATE_CHARGES_FROZEN),
        ("waived", ReasonCode.FEES_WAIVED, ReasonCode.LATE_CHARGES_WAIVED),
    ],
)
def test_an_offer_says_of_each_charge_whether_it_runs(value: str, fees: ReasonCode, late: ReasonCode) -> None:
    of_fees = tabled(talks__fees=value, talks__late_charges="frozen").last(OfferTabled).terms
    assert [reason.code for reason in of_fees[1:3]] == [fees, ReasonCode.LATE_CHARGES_FROZEN]
    of_late = tabled(talks__fees="frozen", talks__late_charges=value).last(OfferTabled).terms
    assert [reason.code for reason in of_late[1:3]] == [ReasonCode.FEES_FROZEN, late]


@pytest.mark.parametrize(
    ("pack", "codes"),
    [
        ("cn-card", ["interest_runs", "fees_frozen", "late_charges_frozen"]),
        ("us-unsecured", ["interest_runs", "fees_frozen", "late_charges_frozen"]),
        ("uk-unsecured", ["interest_frozen", "fees_frozen", "late_charges_waived"]),
    ],
)
def test_the_packs_differ_in_what_rests(pack: str, codes: list[str]) -> None:
    said = terms_of_talks({"A-1": BOOK.in_force(pack, DAY)})
    assert [str(reason.code) for reason in said] == [*codes, "payment_in_talks"]


def test_what_runs_is_each_debts_own_packs_to_say() -> None:
    resting = example_pack({"id": "resting-card"}, talks__interest="frozen", talks__fees="runs")
    packs = (example_pack(), resting)
    start = given(OfferDecider(), reference(*packs))
    debts = (debt("A-1"), debt("A-2", policy="resting-card"))
    step = start.when(message(case_opened(*debts), sequence=1), message(assessed("3000.00")))
    offer = step.last(OfferTabled)
    # 12,000 at 18 % for 15 days of 365 is 88.77, once and not twice.
    grown = offer.balance_by_day[15].balance - offer.balance_by_day[0].balance
    assert grown == cny("88.77")
    said = [(reason.code, reason.params.get("accounts")) for reason in offer.terms[:-1]]
    assert said == [
        (ReasonCode.INTEREST_FROZEN, "A-2"),
        (ReasonCode.INTEREST_RUNS, "A-1"),
        (ReasonCode.FEES_FROZEN, "A-1"),
        (ReasonCode.FEES_RUN, "A-2"),
        (ReasonCode.LATE_CHARGES_FROZEN, None),
    ]
    for lang in LANGUAGES:
        assert "A-2" in text(offer.terms[0].code, offer.terms[0].params, lang)
    more = balances("12000.00", "500.00", "160.00", "150.00")
    for debt_id, policy, added in (("A-1", "example-card", "100.00"), ("A-2", "resting-card", "80.00")):
        known = debt(debt_id, policy=policy, outstanding=more, as_of=after(4), days=79)
        others = tuple(one for one in debts if one.debt_id != debt_id)
        told = step.when(message(intake.CaseChanged(as_of=after(4), debts=(known, *others)), after(4)))
        charged = told.last(HumanReviewOpened).reason
        assert charged.params == {"account": debt_id, "amount": f"{added} CNY"}


def test_where_interest_alone_rests_nothing_else_is_promised() -> None:
    """The words about interest once promised that charges rest too, whatever the pack says of them."""
    for code in (ReasonCode.INTEREST_FROZEN, ReasonCode.INTEREST_WAIVED):
        assert "charge" not in text(code, {}, "en")
        assert "费用" not in text(code, {}, "zh")


@settings(max_examples=60, deadline=None)
@for_all(
    owed=st.lists(
        st.tuples(st.integers(1, 10**8), *[st.integers(0, 10**6)] * 3, st.integers(0, 36)),
        min_size=1,
        max_size=4,
    ),
    days=st.integers(0, 60),
    interest=st.sampled_from(["runs", "frozen", "waived"]),
)
def test_the_parts_of_each_day_add_up_and_only_interest_grows(
    owed: list[tuple[int, int, int, int, int]], days: int, interest: str
) -> None:
    debts = [
        debt(
            f"A-{n}",
            outstanding=balances(*(f"{minor // 100}.{minor % 100:02}" for minor in amounts)),
            rate=str(rate),
        )
        for n, (*amounts, rate) in enumerate(owed)
    ]
    rows = balance_by_day(debts, DAY, after(days), example_policy(talks__interest=interest), {})
    assert [row.day for row in rows] == [after(n) for n in range(days + 1)]
    first = rows[0].parts
    assert first is not None
    for name in ("principal", "interest", "fees", "late_charges"):
        assert getattr(first, name).minor == sum(getattr(one.outstanding, name).minor for one in debts)
    for before, row in pairwise(rows):
        assert row.balance >= before.balance
    for row in rows:
        assert row.parts is not None
        assert total_of(row.parts) == row.balance
        assert row.parts.model_copy(update={"interest": first.interest}) == first
        if interest != "runs":
            assert row.parts.interest == first.interest


# -- the bank charges though it should rest ------------------------------------------------------------------


def figure(n: int, fees: str = "60.00", late: str = "150.00", interest: str = "420.00") -> Any:
    """The bank's figure of a day, as intake passes it on."""
    known: DebtSnapshot = debt(
        outstanding=balances("12000.00", interest, fees, late), as_of=after(n), days=75 + n
    )
    return message(intake.CaseChanged(as_of=after(n), debts=(known,)), after(n))


@pytest.mark.parametrize(
    ("pack", "now", "added"),
    [
        pytest.param({}, {"late": "175.00"}, "25.00", id="late charges"),
        pytest.param({}, {"fees": "72.50", "late": "150.01"}, "12.51", id="both"),
        pytest.param({}, {"fees": "72.50", "late": "100.00"}, "12.50", id="the one is no excuse"),
        pytest.param({"talks__late_charges": "waived"}, {"late": "175.00"}, "25.00", id="waived"),
        pytest.param({"talks__late_charges": "runs"}, {"late": "175.00"}, None, id="they run"),
        pytest.param({"talks__fees": "runs"}, {"fees": "72.50", "late": "151.00"}, "1.00", id="one of two"),
        pytest.param({}, {"interest": "500.00"}, None, id="interest runs"),
        pytest.param({"talks__interest": "frozen"}, {"interest": "500.00"}, "80.00", id="interest rests"),
        pytest.param(
            {"talks__interest": "waived"}, {"interest": "421.00", "fees": "61.00"}, "2.00", id="all"
        ),
        pytest.param({}, {"late": "100.00"}, None, id="less than before"),
    ],
)
def test_what_is_charged_though_it_should_rest_goes_to_a_person(
    pack: dict[str, str], now: dict[str, str], added: str | None
) -> None:
    step = tabled(**pack).when(figure(4, **now))
    # What is owed has moved, so the offer is made anew; the charge itself is a person's to have undone.
    assert step.emits(OfferWithdrawn, OfferTabled, *([HumanReviewOpened] if added else []))
    if added is None:
        return
    asked = step.last(HumanReviewOpened)
    assert (asked.role, asked.due > after(4)) == ("supervisor", True)
    assert asked.reason.code is ReasonCode.CHARGED_IN_TALKS
    assert asked.reason.params == {"account": "A-1", "amount": f"{added} CNY"}
    for lang in LANGUAGES:
        assert f"{added} CNY" in text(asked.reason.code, asked.reason.params, lang)


def test_it_is_said_once_and_not_of_what_was_charged_before_the_talks() -> None:
    again = tabled().when(figure(4, late="175.00")).when(figure(5, late="175.00"))
    assert not again.said
    old = debt(as_of=after(-5))
    start = given(OfferDecider(), reference())
    begun = start.when(message(case_opened(old), sequence=1), message(assessed()))
    assert begun.when(figure(1, late="175.00")).emits(OfferWithdrawn, OfferTabled)
    assert cny("12630.00") == begun.last(OfferTabled).balance_by_day[0].balance


def standing(n: int, *, late: str, stopped: bool) -> Any:
    """Intake's word of day `n` on a debt, stopped or not."""
    known: DebtSnapshot = debt(
        outstanding=balances("12000.00", "420.00", "60.00", late),
        as_of=after(n),
        days=75 + n,
        status=DebtStatus.DISPUTED if stopped else DebtStatus.ACTIVE,
    )
    return message(intake.CaseChanged(as_of=after(n), debts=(known,)), after(n))


def charges_told(step: Given) -> list[ReasonCode]:
    return [event.reason.code for event in step.said if isinstance(event, HumanReviewOpened)]


def test_a_charge_on_the_day_of_a_stop_goes_to_a_person_whichever_is_read_first() -> None:
    charged, both = standing(4, late="175.00", stopped=False), standing(4, late="175.00", stopped=True)
    stop = standing(4, late="150.00", stopped=True)
    for first in (charged, stop):
        assert charges_told(tabled().when(first, both)) == [ReasonCode.CHARGED_IN_TALKS]


def test_on_the_day_on_which_talks_go_on_or_begin_a_charge_is_one_of_before() -> None:
    resting = tabled().when(standing(2, late="150.00", stopped=True))
    charged, both = standing(4, late="175.00", stopped=True), standing(4, late="175.00", stopped=False)
    lifted = standing(4, late="150.00", stopped=False)
    for first in (charged, lifted):
        assert charges_told(resting.when(first, both)) == []
    opened = given(OfferDecider(), reference()).when(message(case_opened(), sequence=1))
    figures = message(assessed())
    twice = (standing(0, late="160.00", stopped=False), standing(0, late="175.00", stopped=False))
    for facts in ((figures, *twice), (twice[0], figures, twice[1]), (*twice, figures)):
        assert charges_told(opened.when(*facts)) == []
