"""The statement of affairs says what is so: no step that no offer makes, no figure without its currency."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest

import deploy
from services.assessment.offline import Household, play
from shared.policy.reference import Reference, load_reference
from shared.texts.affairs import as_text, statement_of_affairs

NOTHING = {"income": [], "spending": [], "dependants": 0, "assets": [], "other_debts": []}


@cache
def reference() -> Reference:
    return load_reference(Path(deploy.__file__).parent / "policies")({})


def cny(text: str) -> dict[str, str]:
    return {"amount": text, "currency": "CNY"}


def read(statement: dict[str, Any], lang: str = "en", **more: Any) -> str:
    household = {"on": "2026-03-02", "owed": cny("8700.00"), **more}
    household["statement"] = {"as_of": "2026-03-01", **NOTHING, **statement}
    said = play(Household.model_validate(household), reference()).completed
    assert said is not None
    return as_text(statement_of_affairs(said, Household.model_validate(household).owed, lang), lang)


SALARY = {"source": "salary", "monthly": cny("9000.00")}
ENDS = {**SALARY, "ends": "2026-05-31"}
RETURNS = {"kind": "income", "on": "2026-06-15", "item": "income:salary", "monthly": cny("9000.00")}
ILL = {"cause": "illness", "since": "2026-02-01", "expected_end": "2026-05-01"}


@pytest.mark.parametrize(
    ("statement", "more", "helped"),
    [
        ({}, {}, True),
        ({}, {"hardship": ILL}, True),
        ({"changes": [RETURNS]}, {}, True),
        ({"income": [ENDS]}, {}, True),
        ({"income": [{**SALARY, "monthly": cny("7400.00")}]}, {}, True),
        ({"income": [SALARY]}, {}, False),
    ],
    ids=["nothing", "for a time", "work is found", "until May", "nothing under stress", "enough"],
)
def test_the_statement_names_no_relief_that_the_offer_may_not_grant(
    statement: dict[str, Any], more: dict[str, Any], helped: bool
) -> None:
    """Which of them it is only the offer can say: a pause was named here where it then offered none."""
    said, chinese = read(statement, **more), read(statement, "zh", **more)
    assert "you may pause payments" not in said
    assert "you may pay a very small amount" not in said
    assert ("our answer about plans says which of these fits you" in said) == helped
    assert ("free debt advice" in said) == helped
    assert ("我们会随方案的答复一起说明" in chinese) == helped


def test_what_is_left_adds_up_on_the_page() -> None:
    """7,200 less 5,850 is 1,350: the 135 that stay for saving were not said."""
    said = read({"income": [SALARY]})
    for line in (
        "income in all: 7200.00 CNY",
        "living costs in all: 5850.00 CNY",
        "set aside for you to save: 135.00 CNY",
        "left after all that: 1215.00 CNY",
    ):
        assert line in said
    assert "为您预留的储蓄：135.00 CNY" in read({"income": [SALARY]}, "zh")
    assert "set aside" not in read({})


def test_a_household_without_income_is_told_that_none_was_stated() -> None:
    assert "Income a month\n  none stated" in read({})
    assert "每月收入\n  未填写任何收入" in read({}, "zh")
    assert "none stated" not in read({"income": [SALARY]})


def test_what_a_person_has_set_has_its_currency() -> None:
    override = {
        "figure": "available", "monthly": cny("900.00"), "by": "s-1", "role": "supervisor", "reason": "seen",
    }  # fmt: skip
    said = read({"income": [SALARY]}, overrides=[override])
    assert "900.00 CNY, computed 1215.00 CNY, supervisor s-1" in said


def test_chinese_has_its_own_brackets() -> None:
    evidence = {
        "item": "income:salary", "verified": cny("9000.00"), "evidence_kind": "payslip",
        "verified_by": "n-1", "as_of": "2026-03-01",
    }  # fmt: skip
    assert "（工资单）" in read({"income": [SALARY]}, "zh", evidence=[evidence])
    assert "(payslip)" in read({"income": [SALARY]}, evidence=[evidence])


HOME_LOAN = {
    "creditor_kind": "mortgage", "balance": cny("400000.00"), "monthly": cny("3000.00"), "secured": True,
}  # fmt: skip


def test_who_pays_off_a_home_does_not_pay_for_housing_twice() -> None:
    """The loan is paid first; rent is not counted beside it, and a low figure for housing is not doubted."""
    owner = read({"income": [SALARY], "other_debts": [HOME_LOAN]})
    assert "housing: not stated" not in owner
    assert "living costs in all: 3350.00 CNY" in owner
    assert "debts that come first, secured ones among them: 3000.00 CNY" in owner
    tenant = read({"income": [SALARY], "other_debts": [{**HOME_LOAN, "creditor_kind": "tax"}]})
    assert "living costs in all: 5850.00 CNY" in tenant
    fees = {"category": "housing", "monthly": cny("300.00")}
    assert "far less than a household" not in read({"spending": [fees], "other_debts": [HOME_LOAN]})
    assert "far less than a household" in read({"spending": [fees]})


def test_a_home_loan_that_ends_does_not_bring_rent() -> None:
    ends = {"kind": "debt_ends", "on": "2027-01-15", "item": "other_debt:mortgage"}
    said = read({"income": [SALARY], "other_debts": [HOME_LOAN], "changes": [ends]})
    assert "2027-01-15: left after all that 3650.00 CNY" in said


def test_a_home_loan_comes_first_though_nobody_called_it_secured() -> None:
    loan = {name: value for name, value in HOME_LOAN.items() if name != "secured"}
    assert read({"income": [SALARY], "other_debts": [loan]}) == read(
        {"income": [SALARY], "other_debts": [HOME_LOAN]}
    )


def test_an_income_to_come_says_that_it_counts_in_part() -> None:
    """9,000 a month less 5,850 is not what was printed: of what nobody has verified four fifths count."""
    said = read({"changes": [RETURNS]})
    _, _, later = said.partition("2026-06-15: left after all that 1215.00 CNY")
    change, part = later.splitlines()[1:3]
    assert "salary, 9000.00 CNY" in change
    assert "only a part of it is counted for now (80 %)" in part
    falls = {**RETURNS, "monthly": cny("0.00")}
    outlook = read({"income": [ENDS], "changes": [falls]}).partition("What will change")[2]
    assert "is not verified yet" not in outlook.partition("Your situation")[0]


def test_what_is_low_of_much_is_one_sentence() -> None:
    low = [{"category": name, "monthly": cny("10.00")} for name in ("food", "health", "personal")]
    assert read({"spending": low}).count("far less than a household usually needs") == 1
    assert "What you state for food, health, personal is far less" in read({"spending": low})
    assert "您填写的饮食、医疗、个人用品支出远低于" in read({"spending": low}, "zh")


@pytest.mark.parametrize(
    ("since", "ends", "kind"),
    [
        ("2025-06-01", "2026-03-31", "temporary"),  # nine months old, and over in a month
        ("2026-01-20", "2026-08-31", "temporary"),
        ("2026-01-20", "2026-09-02", "temporary"),
        ("2026-01-20", "2026-09-03", "lasting"),
        ("2026-05-01", "2026-10-15", "temporary"),  # one that is still to come
        ("2026-05-01", "2026-11-02", "lasting"),
    ],
)
def test_a_difficulty_is_temporary_by_how_long_it_still_lasts(since: str, ends: str, kind: str) -> None:
    """Who is well again next month was said to be in lasting difficulty, and sent to seek advice on debts."""
    ill = {"cause": "illness", "since": since, "expected_end": ends}
    assert f"difficulty: {kind}, illness" in read({}, hardship=ill)
