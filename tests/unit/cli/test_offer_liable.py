"""`parley offer` on debts that others owe as well: who is named, who has to agree first."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.test_offer import PLAIN, minor, offered, ran

# | given a debt with | when it is tried | then |
# | --- | --- | --- |
# | a co-borrower | | named, nobody has to agree first, the plan is as it would be without |
# | a guarantor | a plan brings interest | named with today's amount and the plan's; agrees in writing first |
# | a guarantor up to less than is owed | | the liability does not grow; nobody has to agree |
# | another borrower with a smaller number | | it is in that case, and in no plan here |


def owed_with(*obligors: dict[str, str]) -> dict[str, Any]:
    return {**PLAIN, "case": "C-5", "debts": [{**PLAIN["debts"][0], "obligors": list(obligors)}]}


def test_a_guarantor_whose_liability_grows_is_named_with_what_it_grows_to(tmp_path: Path) -> None:
    brother = {"customer": "C-7", "role": "guarantor"}
    found = offered(tmp_path, owed_with(brother))
    assert found["obligors"] == [
        {"debt_id": "card-1", "customer": "C-7", "role": "guarantor", "liability": None}
    ]
    grown = [
        (plan, minor(told["total_paid"][0]))
        for plan, told in zip(found["plans"], found["said"]["plans"], strict=True)
    ]
    assert any(total > 1_257_000 for _, total in grown)
    for plan, total in grown:
        asked = [(row["customer"], minor(row["today"]), minor(row["later"])) for row in plan["must_agree"]]
        assert asked == ([("C-7", 1_257_000, total)] if total > 1_257_000 else [])


@pytest.mark.parametrize(
    "other",
    [
        {"customer": "C-7", "role": "co_borrower"},
        {"customer": "C-7", "role": "guarantor", "liability": "5000.00"},
    ],
)
def test_who_owes_no_more_than_before_has_to_agree_to_nothing(tmp_path: Path, other: dict[str, str]) -> None:
    found = offered(tmp_path, owed_with(other))
    assert all(plan["must_agree"] == [] for plan in found["plans"])
    alone = offered(tmp_path, {**PLAIN, "case": "C-5"})
    assert found["plans"][0]["schedules"] == alone["plans"][0]["schedules"]  # what is owed is owed once


def test_a_joint_debt_is_in_one_case_only(tmp_path: Path) -> None:
    path = tmp_path / "case.json"
    joint = owed_with({"customer": "C-3", "role": "borrower"})
    path.write_text(json.dumps(joint))
    result = ran(str(path))
    assert result.exit_code == 1
    assert "debts[0].obligors: the case of C-3 holds it" in result.output
    with_own = {**joint, "debts": [*joint["debts"], {**PLAIN["debts"][0], "debt_id": "card-2"}]}
    found = offered(tmp_path, with_own)
    assert {row["debt_id"] for plan in found["plans"] for row in plan["schedules"]} == {"card-2"}
    assert [row["why"] for row in found["said"]["plans"][0]["not_covered"]] == ["elsewhere"]
    # Named as the other's case, it is held there.
    assert offered(tmp_path, {**joint, "case": "C-1"})["plans"]


@pytest.mark.parametrize(
    ("lang", "words"),
    [
        ("en", ("Who else owes", "guarantor", "Must agree in writing first", "counts once", "nobody")),
        ("zh", ("共同债务人", "保证人", "须先书面同意", "只计一次", "无")),
    ],
)
def test_the_example_of_a_joint_debt_is_explained_in_words(lang: str, words: tuple[str, ...]) -> None:
    result = ran("--joint", "--lang", lang)
    assert result.exit_code == 0, result.output
    for word in words:
        assert word in result.output


@pytest.mark.parametrize(
    ("obligors", "said"),
    [
        ([{"customer": "C-7"}], "debts[0].obligors[0].role: Field required"),
        ([{"customer": "C-7", "role": "friend"}], "debts[0].obligors[0].role: Input should be"),
        ([{"customer": "no one", "role": "guarantor"}], "debts[0].obligors[0].customer: String should match"),
        (
            [{"customer": "C-7", "role": "co_borrower", "liability": "1.00"}],
            "debts[0].obligors[0]: liability: only a guarantor has one, a co-borrower owes all of it",
        ),
        (
            [{"customer": "C-7", "role": "guarantor", "liability": "0.00"}],
            "debts[0].obligors[0]: liability: is above zero; without it a guarantor is liable for all",
        ),
        (
            [{"customer": "C-7", "role": "guarantor", "liability": {"amount": "1.00", "currency": "USD"}}],
            "debts[0]: obligors: a liability has the currency of the debt",
        ),
        ([{"customer": "C-7", "role": "guarantor"}] * 2, "debts[0]: obligors: each customer comes once"),
        ([{"customer": "C-5", "role": "guarantor"}], "debts: obligors of card-1: a guarantor has no case"),
    ],
)
def test_an_error_in_who_owes_a_debt_names_field_and_rule(
    tmp_path: Path, obligors: list[dict[str, Any]], said: str
) -> None:
    path = tmp_path / "case.json"
    path.write_text(json.dumps(owed_with(*obligors)))
    result = ran(str(path))
    assert result.exit_code == 1
    assert said in result.output.replace("\n", " ")
