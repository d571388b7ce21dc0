"""How late the debts of a case are, in the bands and risk classes of each debt's own pack."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

import deploy
from services.intake.decide import IntakeDecider
from services.intake.lateness import lateness_of
from shared.contracts.debts import DebtStatus
from shared.contracts.intake import CaseChanged, CaseOpened
from shared.policy.loader import PolicyBook
from shared.policy.rates import ReferenceRates
from shared.policy.reference import Reference
from shared.texts import story, word
from tests.unit.builders import DAY, ROSTER, balances, debt
from tests.unit.intake.bank_says import LATE, OWED, balance, cured, overdue, sold
from tests.unit.spec import Given, given

BOOK = PolicyBook.load(Path(deploy.__file__).parent / "policies")
REFERENCE = Reference(BOOK, ROSTER, {}, ReferenceRates({}))


def case(days: int, product: str = "cn-card") -> Given:
    return given(IntakeDecider(), REFERENCE).when(overdue(days=days, product=product))


@pytest.mark.parametrize(
    ("pack", "days", "bucket", "risk_class"),
    [
        ("cn-card", 1, "1-30", "special_mention"),
        ("cn-card", 30, "1-30", "special_mention"),
        ("cn-card", 31, "31-60", "special_mention"),
        ("cn-card", 90, "61-90", "special_mention"),
        ("cn-card", 91, "91+", "substandard"),
        ("cn-card", 120, "91+", "substandard"),
        ("cn-card", 121, "91+", "doubtful"),
        ("cn-card", 181, "91+", "loss"),
        ("cn-consumer-loan", 270, "91+", "substandard"),
        ("cn-consumer-loan", 271, "91+", "doubtful"),
        ("cn-consumer-loan", 361, "91+", "loss"),
        ("eu-consumer", 30, "1-30", "performing"),
        ("eu-consumer", 31, "31-60", "watch"),
        ("eu-consumer", 91, "91+", "non_performing"),
        ("us-unsecured", 89, "61-90", "overdue"),
        ("us-unsecured", 90, "61-90", "substandard"),
        ("tw-card", 90, "61-90", "overdue"),
        ("tw-card", 91, "91+", "default"),
    ],
)
def test_a_debt_is_named_by_its_days_and_its_pack(pack: str, days: int, bucket: str, risk_class: str) -> None:
    (one,) = lateness_of([debt(policy=pack, days=days)], DAY, REFERENCE)
    assert (one.days_past_due, one.bucket, one.risk_class) == (days, bucket, risk_class)


def test_a_case_says_it_when_it_opens_and_whenever_its_debts_change() -> None:
    opened = case(89)
    said = opened.last(CaseOpened)
    assert [(one.debt_id, one.bucket, one.risk_class) for one in said.lateness] == [
        ("A-1", "61-90", "special_mention")
    ]
    rolled = opened.when(balance(2, OWED, LATE, days=91)).last(CaseChanged)
    assert (rolled.bucket, rolled.risk_class) == ("91+", "substandard")
    assert rolled.lateness[0].days_past_due == rolled.debts[0].days_past_due == 91


def test_the_case_is_as_late_as_its_latest_debt_by_that_debts_own_pack() -> None:
    two = case(40).when(overdue("A-2", days=100, product="cn-consumer-loan")).last(CaseChanged)
    assert [(one.debt_id, one.days_past_due) for one in two.lateness] == [("A-2", 100), ("A-1", 40)]
    assert (two.bucket, two.risk_class) == (two.lateness[0].bucket, two.lateness[0].risk_class)
    assert two.risk_class == BOOK.in_force("cn-consumer-loan", DAY).delinquency.class_of(100)


def test_what_is_cured_is_current_and_what_is_sold_is_no_longer_named() -> None:
    two = case(40).when(overdue("A-2", days=100, product="cn-card"))
    current = two.when(cured(3, "A-2")).last(CaseChanged)
    assert {one.debt_id: one.bucket for one in current.lateness} == {"A-1": "31-60", "A-2": "current"}
    gone = two.when(sold(3, "A-2")).last(CaseChanged)
    assert [one.debt_id for one in gone.lateness] == ["A-1"]
    assert gone.bucket == "31-60"


def test_a_debt_of_an_unknown_pack_has_no_name_for_it() -> None:
    assert lateness_of([debt(policy="no-such-pack")], DAY, REFERENCE) == ()


@settings(max_examples=80, deadline=None)
@for_all(
    days=st.lists(st.integers(0, 2000), min_size=1, max_size=6),
    pack=st.sampled_from(sorted(BOOK.pack_ids)),
)
def test_more_days_are_never_a_lesser_band_or_class(days: list[int], pack: str) -> None:
    debts = [debt(f"A-{n}", days=late, policy=pack) for n, late in enumerate(days)]
    found = lateness_of(debts, DAY, REFERENCE)
    assert sorted(one.debt_id for one in found) == sorted(one.debt_id for one in debts)
    rules = BOOK.in_force(pack, DAY).delinquency
    for rows, name in ((rules.buckets, "bucket"), (rules.classes, "risk_class")):
        order = [row.name for row in rows]
        places = [order.index(getattr(one, name)) for one in found]
        assert places == sorted(places, reverse=True)
        for at, one in zip(places, found, strict=True):
            assert rows[at].from_days <= one.days_past_due
            assert all(one.days_past_due < row.from_days for row in rows[at + 1 :])


@pytest.mark.parametrize("status", [DebtStatus.SOLD, DebtStatus.RECALLED, DebtStatus.SETTLED])
def test_of_what_has_left_nothing_is_said(status: DebtStatus) -> None:
    gone = debt(status=status, outstanding=balances(), overdue=balances())
    assert lateness_of([gone], DAY, REFERENCE) == ()


def test_the_story_of_a_case_tells_it() -> None:
    opened = case(121).last(CaseOpened)
    assert story(opened.TYPE, "en", opened).endswith(", days past due 91+, risk class doubtful")
    assert story(opened.TYPE, "zh", opened).endswith("，逾期分段91+，风险分类可疑")
    older = opened.model_copy(update={"lateness": (), "bucket": None, "risk_class": None})
    assert story(older.TYPE, "en", older).endswith(", policy cn-card")


def test_every_class_of_a_pack_has_words() -> None:
    for pack in BOOK.pack_ids:
        names = {row.name for row in BOOK.in_force(pack, DAY).delinquency.classes}
        assert all(word("risk_class", name, "zh") != name for name in names)
        assert not any("_" in word("risk_class", name, "en") for name in names)
