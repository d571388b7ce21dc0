"""`parley assess`: the example, both languages, JSON, extreme households, and errors that name the field."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from services.cli.main import app

RUNNER = CliRunner()


def cny(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "CNY"}


def household(**replaced: Any) -> dict[str, Any]:
    """8,000 of salary and nothing else, 10,000 owed to us."""
    statement = {
        "as_of": "2026-03-02",
        "income": [{"source": "salary", "monthly": cny("8000.00")}],
        "spending": [],
        "dependants": 0,
        "assets": [],
        "other_debts": [],
    }
    whole: dict[str, Any] = {"on": "2026-03-02", "owed": cny("10000.00"), "statement": statement}
    return whole | replaced


def run(tmp_path: Path, document: Any, *options: str) -> Any:
    path = tmp_path / "statement.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document), encoding="utf-8")
    return RUNNER.invoke(app, ["assess", str(path), *options])


def plain(tmp_path: Path, document: Any, *options: str) -> dict[str, Any]:
    result = run(tmp_path, document, "--json", *options)
    assert result.exit_code == 0, result.output
    read: dict[str, Any] = json.loads(result.stdout)
    return read


@pytest.mark.parametrize(
    ("lang", "words"),
    [
        ("en", ["Income a month", "checked 9000.00 CNY", "by n-1", "for us at most", "if things get worse",
                "What will change", "capacity", "willingness", "evidence, please", "Your rights"]),
        ("zh", ["每月收入", "已核实 9000.00 CNY", "其中最多可用于我们", "如遇意外", "以后的变化", "能力",
                "意愿", "请提供证明", "您的权利"]),
    ],
)  # fmt: skip
def test_the_example_says_everything_in_both_languages(lang: str, words: list[str]) -> None:
    result = RUNNER.invoke(app, ["assess", "--example", "--lang", lang])
    assert result.exit_code == 0, result.output
    for word in words:
        assert word in result.stdout
    assert "…" not in result.stdout


def test_the_example_by_hand() -> None:
    """9,000 checked, four fifths of 1,500 and 600; 6,650 to live on, 1,000 for the home, 200 saved; 48 of 64.

    From September without the benefit; from the birth with 900 more, and a tenth of 1,650 saved.
    """
    result = RUNNER.invoke(app, ["assess", "--example", "--json"])
    said = json.loads(result.stdout)["assessment"]
    capacity = {name: value["amount"] for name, value in said["capacity"].items() if name != "currency"}
    assert capacity["residual_now"] == "2830.00"
    assert capacity["available_now"] == "2122.50"
    assert [(step["start"], step["residual"]["amount"]) for step in said["projection"]] == [
        ("2026-03-02", "2830.00"), ("2026-09-01", "2350.00"), ("2026-09-15", "1485.00")]  # fmt: skip


def test_json_is_the_decider_s_own_assessment(tmp_path: Path) -> None:
    from services.assessment.offline import Household, play
    from services.cli.catalogue import policies_dir
    from shared.policy.reference import load_reference

    read = plain(tmp_path, household())
    outcome = play(Household.model_validate_json(json.dumps(household())), load_reference(policies_dir())({}))
    assert outcome.completed is not None
    assert read["assessment"] == outcome.completed.model_dump(mode="json")
    assert read["requested"] is None


def test_another_pack_assesses_otherwise(tmp_path: Path) -> None:
    def pounds(amount: str) -> dict[str, str]:
        return {"amount": amount, "currency": "GBP"}

    document = household(owed=pounds("5000.00"))
    document["statement"]["income"] = [{"source": "salary", "monthly": pounds("2400.00")}]
    read = plain(tmp_path, document, "--policy", "uk-unsecured")
    assert read["assessment"]["policy_version"].startswith("uk-unsecured@")
    wrong = run(tmp_path, household(), "--policy", "uk-unsecured")
    assert wrong.exit_code == 1
    assert "owed.currency" in wrong.output


# -- extreme households: what is the borrower told?


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_who_has_given_nothing_is_told_what_is_asked_and_by_when(tmp_path: Path, lang: str) -> None:
    document = household()
    del document["statement"]
    result = run(tmp_path, document, "--lang", lang)
    assert result.exit_code == 0
    assert "2026-03-16" in result.stdout
    for word in {"zh": ["收入", "支出", "其他债务"], "en": ["income", "spending", "other debts"]}[lang]:
        assert word in result.stdout


def test_what_is_missing_of_a_statement_is_named(tmp_path: Path) -> None:
    document = household()
    del document["statement"]["assets"], document["statement"]["spending"]
    read = plain(tmp_path, document)
    assert (read["assessment"], read["requested"]["missing"]) == (None, ["spending", "assets"])


@pytest.mark.parametrize(
    ("income", "spending"), [([], []), ([{"source": "benefit", "monthly": cny("900.00")}], [])]
)
def test_who_has_nothing_left_is_told_the_next_steps(
    tmp_path: Path, income: list[Any], spending: list[Any]
) -> None:
    document = household()
    document["statement"] |= {"income": income, "spending": spending}
    said = plain(tmp_path, document)["assessment"]
    assert said["capacity"]["available_now"]["amount"] == "0.00"
    result = run(tmp_path, document)
    assert "What can be done next" in result.stdout
    assert "debt advice" in result.stdout.lower()


def test_forty_debts_and_one_yuan(tmp_path: Path) -> None:
    document = household(owed=cny("1.00"))
    document["statement"]["other_debts"] = [
        {"creditor_kind": f"lender_{number}", "balance": cny("1000.00"), "monthly": cny("50.00")}
        for number in range(40)
    ]
    said = plain(tmp_path, document)["assessment"]
    residual = int(said["capacity"]["residual_now"]["amount"].replace(".", ""))
    assert said["capacity"]["available_now"]["amount"] == f"0.{residual // 40001:02d}"
    assert run(tmp_path, document, "--lang", "zh").exit_code == 0


# -- what cannot be used


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ('{"on":\n "2026', ["the file", "not JSON", "line 2, column 2"]),
        ("[]", ["one JSON object"]),
        ({"on": "2026-03-02"}, ["owed", "field required"]),
        (household(owed={"amount": 10, "currency": "CNY"}), ["owed.amount"]),
        (household(owed=cny("10.001")), ["owed"]),
        (household(owed=cny("-1.00")), ["owed.amount", "negative"]),
        (household(on="2026-02-30"), ["on:", "date"]),
        (household(policy="moon"), ["policy", "moon", "cn-card"]),
        (household(statment={}), ["statment", "not a field"]),
        (household(statement=household()["statement"] | {"incom": []}), ["statement.incom"]),
        (household(statement=household()["statement"] | {"dependants": 31}), ["statement.dependants", "30"]),
        (household(statement=household()["statement"] | {"as_of": "2020-01-01"}),
         ["statement", "statement_stale"]),
        (household(statement=household()["statement"] | {
            "income": [{"source": "salary", "monthly": {"amount": "1.00", "currency": "USD"}}]}),
         ["statement.income.0.monthly:", "currency_mismatch", "USD"]),
        (household(statement=household()["statement"] | {
            "income": [{"source": "lottery", "monthly": cny("1.00")}]}), ["statement.income.0.source"]),
        (household(evidence=[{"item": "income:salary", "verified": cny("-1.00"), "evidence_kind": "payslip",
                              "verified_by": "n-1", "as_of": "2026-03-02"}]),
         ["evidence.0.verified:", "amount_out_of_range", "between 0 and"]),
        (household(statement=household()["statement"] | {
            "income": [{"source": "salary", "monthly": cny("1.00")},
                       {"source": "salary", "monthly": cny("-1.00")}]}),
         ["statement.income.1.monthly:", "amount_out_of_range", "between 0 and"]),
        (household(statement=household()["statement"] | {
            "other_debts": [{"creditor_kind": "card", "balance": cny("99999999999999.00"),
                             "monthly": cny("1.00")}]}),
         ["statement.other_debts.0.balance:", "amount_out_of_range", "between 0 and 9223372036854.77 CNY"]),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_named_with_its_rule(tmp_path: Path, document: Any, said: list[str]) -> None:
    result = run(tmp_path, document)
    assert result.exit_code == 1
    for words in said:
        assert words in result.output
    assert "Traceback" not in result.output


def test_neither_a_file_nor_the_example_is_an_error() -> None:
    for arguments in (["assess"], ["assess", "x.json", "--example"], ["assess", "--example", "--lang", "de"]):
        assert RUNNER.invoke(app, arguments).exit_code == 2
    missing = RUNNER.invoke(app, ["assess", "there-is-no-such-file.json"])
    assert missing.exit_code == 2
    assert "No such file" in missing.output


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"evidence": [{"item": "income:salery"}]}, "evidence.0"),
        ({"changes": [{"kind": "income", "item": "income:wages", "on": "2026-09-01"}]}, "statement"),
        ({"changes": [{"kind": "spending", "item": "spending:rent", "on": "2026-09-01"}]}, "statement"),
    ],
)
def test_a_misspelt_income_does_not_count_beside_the_one_that_is_meant(
    tmp_path: Path, change: dict[str, Any], field: str
) -> None:
    """Evidence of `income:salery` was a second salary: what could be paid was said to be twice as much."""
    document, proof = household(), {"evidence_kind": "payslip", "verified_by": "n-1", "as_of": "2026-03-01"}
    document["statement"]["changes"] = [
        one | {"monthly": cny("9000.00")} for one in change.get("changes", [])
    ]
    document["evidence"] = [proof | one | {"verified": cny("9000.00")} for one in change.get("evidence", [])]
    result = run(tmp_path, document)
    assert result.exit_code == 1
    assert f"{field}: There is no such kind of income or spending" in result.output
    assert "(item_unknown)" in result.output
    assert "没有这样一项收入或支出" in run(tmp_path, document, "--lang", "zh").output
