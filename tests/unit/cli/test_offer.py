"""`parley offer`: the engine on one case, its words, and what it says of a file that is wrong."""

from __future__ import annotations

import json
import shutil
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

import deploy
from services.cli.main import app
from services.cli.offer_case import CaseFile

POLICIES = Path(deploy.__file__).parent / "policies"
EXAMPLE = Path(deploy.__file__).parent / "examples" / "offer_case.json"
PLAIN: dict[str, Any] = {
    "policy": "cn-card",
    "on": "2026-03-02",
    "debts": [
        {
            "debt_id": "card-1",
            "outstanding": {"principal": "12000.00", "interest": "420.00", "late_charges": "150.00"},
            "overdue": {"principal": "1600.00", "interest": "420.00", "late_charges": "150.00"},
            "annual_rate_pct": "18",
            "days_past_due": 75,
            "contract_date": "2022-05-04",
            "contractual_payment": "900.00",
        }
    ],
    "capacity": {"now": "1500.00", "stress": "1200.00"},
}
STATED: dict[str, Any] = {
    "income": [{"source": "salary", "monthly": "9000.00"}],
    "spending": [],
    "dependants": 0,
    "assets": [],
    "other_debts": [{"creditor_kind": "bank", "balance": "20000.00", "monthly": "900.00"}],
}


def ran(*words: str) -> Result:
    return CliRunner().invoke(app, ["offer", *words])


def offered(tmp_path: Path, case: dict[str, Any], *words: str) -> dict[str, Any]:
    path = tmp_path / "case.json"
    path.write_text(json.dumps(case), encoding="utf-8")
    result = ran(str(path), "--json", *words)
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def minor(money: dict[str, str]) -> int:
    return int(Decimal(money["amount"]) * 100)


@pytest.mark.parametrize(
    ("lang", "words"),
    [
        ("en", ("Assessment", "Plan 1", "Credit record:", "tested since the advance", "Owed, day by day")),
        ("zh", ("评估", "方案 1", "信用记录：", "已核验", "有效期内每天的欠款")),
    ],
)
def test_the_example_is_assessed_and_offered_in_words(lang: str, words: tuple[str, ...]) -> None:
    result = ran("--example", "--lang", lang)
    assert result.exit_code == 0, result.output
    for word in words:
        assert word in result.stdout


def test_spending_above_the_usual_counts_with_an_explanation_that_may_be_given(tmp_path: Path) -> None:
    case = json.loads(EXAMPLE.read_text(encoding="utf-8"))
    health = {"category": "health", "monthly": "900.00"}
    counted = {}
    for name, more in (("without", {}), ("with", {"explanation": {"value": "medicine taken every day"}})):
        spending = [*case["statement"]["spending"], health | more]
        told = {**case, "statement": {**case["statement"], "spending": spending}}
        counted[name] = minor(offered(tmp_path, told)["assessment_completed"]["capacity"]["spending_counted"])
    assert counted["with"] - counted["without"] == 40000  # the guideline of two persons is 500.00


@pytest.mark.parametrize("pack", sorted(path.stem for path in POLICIES.glob("*-*.toml")))
def test_the_example_makes_sense_in_every_pack(pack: str) -> None:
    result = ran("--example", "--policy", pack, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["said"]["plans"], pack
    assert {debt["policy"] for plan in found["said"]["plans"] for debt in plan["debts"]} == {pack}


def test_the_figures_of_each_plan_follow_from_its_schedules(tmp_path: Path) -> None:
    found = offered(tmp_path, PLAIN)
    said = found["said"]
    assert found["event"] == "parley.offer.tabled.v1"
    assert 3 <= len(said["plans"]) <= 5
    for plan, shown in zip(said["plans"], found["plans"], strict=True):
        rows = [row for schedule in shown["schedules"] for row in schedule["rows"]]
        assert [minor(row["total"]) for row in rows] == [minor(row["total"]) for row in plan["payments"]]
        for row in rows:
            parts = ("principal", "interest", "fees", "late_charges")
            assert minor(row["total"]) == sum(minor(row[part]) for part in parts)
            assert minor(row["total"]) <= 120_000
        assert minor(rows[-1]["balance"]) == 0
        assert sum(minor(row["total"]) for row in rows) == minor(plan["total_paid"][0])
        waived = sum(minor(amount) for debt in plan["debts"] for amount in debt["waived"].values())
        assert minor(plan["total_paid"][0]) == 1_257_000 - waived + minor(plan["interest"][0])
        assert plan["ceiling_test"] == "not_testable"
        assert plan["needs_approval"]
        assert all(shown["reasons"])
    payments = [json.dumps(plan["payments"]) for plan in said["plans"]]
    assert len(set(payments)) == len(payments)


def test_switching_the_pack_switches_the_rules_for_the_same_borrower() -> None:
    versions, ceilings = set(), set()
    for pack in ("cn-card", "us-unsecured", "uk-unsecured", "eu-consumer"):
        result = ran("--example", "--policy", pack, "--json")
        assert result.exit_code == 0, result.output
        said = json.loads(result.stdout)["said"]
        versions.add(said["policy_version"].split("@")[0])
        ceilings.add((pack[:2], said["plans"][0]["ceiling_test"]))
    assert versions == {"cn-card", "us-unsecured", "uk-unsecured", "eu-consumer"}
    assert ("uk", "no_ceiling") in ceilings
    assert ("cn", "tested") in ceilings


def test_debts_that_no_plan_can_be_about_are_named_and_not_counted(tmp_path: Path) -> None:
    others = [
        {**PLAIN["debts"][0], "debt_id": "argued", "status": "disputed"},
        {**PLAIN["debts"][0], "debt_id": "gone", "status": "sold"},
    ]
    with_them = {**PLAIN, "debts": [*PLAIN["debts"], *others]}
    plans, alone = (offered(tmp_path, case)["said"]["plans"] for case in (with_them, PLAIN))
    assert [plan["payments"] for plan in plans] == [plan["payments"] for plan in alone]
    offered(tmp_path, with_them)
    path = str(tmp_path / "case.json")
    assert "Not part of the plan: argued (on hold), gone (sold)" in ran(path).stdout
    assert "不在方案内的债务：argued（暂停处理）、gone（债权已转让）" in ran(path, "--lang", "zh").stdout
    (tmp_path / "case.json").write_text(json.dumps({**PLAIN, "debts": others}), encoding="utf-8")
    nothing = ran(path)
    assert nothing.exit_code == 1
    assert "none of them can come into a plan now" in nothing.output
    assert "A debt that is protected" in nothing.output
    assert "Correct the file" not in nothing.output


def test_what_is_said_alike_of_several_accounts_is_said_once(tmp_path: Path) -> None:
    debts = [{**PLAIN["debts"][0], "debt_id": f"card-{number}"} for number in range(3)]
    capacity = {"now": "4500.00", "stress": "4000.00"}
    case = {**PLAIN, "policy": "us-unsecured", "debts": debts, "capacity": capacity}
    found = offered(tmp_path, case)
    told = [line for line in ran(str(tmp_path / "case.json")).stdout.splitlines() if "as current" in line]
    assert len(told) == len(found["said"]["plans"])
    assert all("card-0, card-1, card-2:" in line for line in told)


@pytest.mark.parametrize(("lang", "mark"), [("en", ": "), ("zh", "：")])
def test_heavier_payments_are_shown_as_more_and_interest_of_the_plan_as_new(
    tmp_path: Path, lang: str, mark: str
) -> None:
    """Twice the contractual payment is a hundred per cent more, not below it by minus a hundred."""
    debts = [{**PLAIN["debts"][0], "contractual_payment": "500.00"}]
    found = offered(tmp_path, {**PLAIN, "debts": debts})
    name = {"en": "First six payments against the contract, %", "zh": "前六期较原月供%"}[lang]
    shown = [
        line.removeprefix(name + mark)
        for line in ran(str(tmp_path / "case.json"), "--lang", lang).stdout.splitlines()
        if line.startswith(name)
    ]
    reductions = [Decimal(plan["payment_reduction_pct"]) for plan in found["said"]["plans"]]
    assert [Decimal(one) for one in shown] == [-one for one in reductions]
    assert min(reductions) < 0
    assert any(one.startswith("+") for one in shown)


def test_a_wish_is_answered(tmp_path: Path) -> None:
    found = offered(tmp_path, {**PLAIN, "wish": {"monthly": "20.00"}})
    assert found["event"] == "parley.offer.revised.v1"
    answer = found["said"]["answer"]
    assert not answer["granted"]
    assert {"counter_nearest", "counter_too_low"} <= {reason["code"] for reason in answer["reasons"]}
    assert any("below the least that works" in words for words in found["words"])


@pytest.mark.parametrize(
    ("capacity", "reason", "step"),
    [
        ({"now": "0.00"}, "no_residual_income", "next_debt_advice"),
        ({"now": "-500.00"}, "no_residual_income", "next_debt_advice"),
        ({"now": "0.00", "temporary": True}, "no_residual_income", "next_payment_holiday"),
        ({"now": "80.00"}, "not_affordable", "next_reduced_payments"),
        ({"now": "80.00", "stress": "20.00"}, "not_affordable", "next_token_plan"),
        ({"now": "1500.00", "stress": "10.00"}, "not_affordable_under_stress", "next_token_plan"),
    ],
)
def test_where_no_plan_fits_the_borrower_is_told_why_and_what_comes_next(
    tmp_path: Path, capacity: dict[str, Any], reason: str, step: str
) -> None:
    found = offered(tmp_path, {**PLAIN, "capacity": capacity})
    said = found["said"]
    assert (said["reason"]["code"], said["next_step"]["code"]) == (reason, step)
    assert bool(said["payments"]) == (step in {"next_reduced_payments", "next_token_plan"})
    assert len(found["words"]) == 2
    path = tmp_path / "case.json"
    assert "下一步" in ran(str(path), "--lang", "zh").stdout


def test_income_that_comes_back_leads_to_plans_after_a_holiday(tmp_path: Path) -> None:
    later = [{"from": "2026-05-01", "now": "1500.00", "stress": "1200.00"}]
    found = offered(tmp_path, {**PLAIN, "capacity": {"now": "0.00", "later": later}})
    plans = found["said"]["plans"]
    assert {plan["holiday_months"] for plan in plans} == {3}
    assert all("payment_holiday" in plan["measures"] for plan in plans)
    assert all(date.fromisoformat(plan["payments"][0]["due"]) > date(2026, 6, 1) for plan in plans)


def test_extremes(tmp_path: Path) -> None:
    one = {**PLAIN["debts"][0], "outstanding": {"principal": "1.00"}, "overdue": {}}
    tiny = offered(tmp_path, {**PLAIN, "debts": [one]})["said"]["plans"]
    assert [len(plan["payments"]) for plan in tiny] == [1]
    forty = [{**PLAIN["debts"][0], "debt_id": f"d{n}"} for n in range(40)]
    many = offered(tmp_path, {**PLAIN, "debts": forty, "capacity": {"now": "60000.00"}})["said"]["plans"]
    assert all(len(plan["debts"]) == 40 for plan in many)


def test_a_statement_has_plain_amounts_in_all_its_parts(tmp_path: Path) -> None:
    stated = {
        "income": [{"source": "salary", "monthly": "9000.00"}],
        "spending": [],
        "dependants": 0,
        "assets": [{"kind": "savings", "value": "100.00", "liquid": True}],
        "other_debts": [{"creditor_kind": "bank", "balance": "10.00", "monthly": "1.00"}],
        "adults": [{"contribution": "3000.00", "costs": "500.00"}],
        "changes": [{"kind": "child_born", "on": "2026-06-01", "monthly": "10.00"}],
    }
    verified = [{"item": "income:salary", "verified": "9000.00"}]
    case = {**PLAIN, "capacity": None, "statement": stated, "verified": verified}
    figures = offered(tmp_path, case)["assessment_completed"]["figures"]
    adults = {figure["item"]: figure["declared"] for figure in figures if "adults" in figure["item"]}
    assert adults == {
        "income:other_adults": {"amount": "3000.00", "currency": "CNY"},
        "spending:other_adults": {"amount": "500.00", "currency": "CNY"},
    }


def test_what_the_desk_says_of_a_household_counts_as_in_an_assessment(tmp_path: Path) -> None:
    """An agreed debt plan could not be told: the share by balance was offered in its place."""
    case = {**PLAIN, "capacity": None, "statement": STATED}
    assert minor(offered(tmp_path, case)["assessment"]["now"]) > 5800
    plan = {"monthly": "58.00", "arranged_by": "debt adviser"}
    agent = {"doubt_id": "d", "about": "paid_agent", "grounds": {"value": "asks for a fee"}}
    care = {"flags": ["bereavement"], "consent": True}
    told = {**case, "debt_plan": plan, "doubts": [agent], "vulnerability": care}
    found = offered(tmp_path, told)
    assert minor(found["assessment"]["now"]) == 5800
    assert found["assessment_completed"]["treatments"] == ["more_time", "person_decides"]
    assert [one["owner_role"] for one in found["referrals"]] == ["supervisor"]
    words = ran(str(tmp_path / "case.json"), "--lang", "zh").stdout
    assert "主管，期限 2026-03-05" in words
    assert "协商本身不收任何费用" in words


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"policy": "nowhere"}, "policy: no such pack; there are: cn-card"),
        ({"policy": None}, "policy: Field required"),
        ({"debts": []}, "debts: Tuple should have at least 1 item"),
        ({"surprise": 1}, "surprise: Extra inputs are not permitted"),
        ({"capacity": {"now": 1500}}, 'capacity.now: an amount is a string such as "1200.00"'),
        ({"capacity": None}, "the case: needs either capacity or a statement"),
        (
            {"debt_plan": {"monthly": "58.00"}},
            "the case: capacity is given, so there is no assessment to use: debt",
        ),
        (
            {"capacity": None, "statement": STATED, "debt_plan": {"monthly": "58.00"}},
            "debt_plan.arranged_by: ",
        ),
        (
            {"capacity": None, "statement": STATED, "vulnerability": {"flags": ["health"], "consent": False}},
            "vulnerability: Such sensitive facts are kept only with your consent",
        ),
        (
            {"capacity": None, "statement": STATED, "doubts": [{"doubt_id": "d", "about": "hair"}]},
            "doubts[0].about: ",
        ),
        ({"wish": {}}, "wish: names an amount, a date, a term or a single payment"),
        ({"wish": {"monthly": "-5.00"}}, "wish: amounts are above zero"),
        ({"capacity": None, "statement": {"income": []}}, "statement: is not complete: spending, dependants"),
        ({"capacity": None, "statement": {"salary": []}}, "statement.salary: no such field"),
        (
            {"capacity": None, "statement": {"income": [{"source": "salary", "monthly": 5}]}},
            "statement.income[0].monthly: ",
        ),
    ],
)
def test_an_error_names_the_field_and_the_rule(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    path = tmp_path / "case.json"
    path.write_text(json.dumps({**PLAIN, **change}), encoding="utf-8")
    result = ran(str(path))
    assert result.exit_code == 1
    assert said in result.output


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"annual_rate_pct": 18.5},
            "debts[0].annual_rate_pct: a rate with a decimal point is a string",
        ),
        ({"days_past_due": -1}, "debts[0].days_past_due: Input should be greater than or equal to 0"),
        (
            {"overdue": {"principal": "12000.01"}},
            "overdue.principal must not be more than outstanding.principal",
        ),
        (
            {"outstanding": {"principal": "-1.00"}, "overdue": {}},
            "debts[0].outstanding: must not be",
        ),
        ({"outstanding": {}, "overdue": {}}, "debts: nothing is owed on any of them"),
    ],
)
def test_an_error_in_a_debt_names_it(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    path = tmp_path / "case.json"
    debts = [{**PLAIN["debts"][0], **change}]
    path.write_text(json.dumps({**PLAIN, "debts": debts}), encoding="utf-8")
    result = ran(str(path))
    assert result.exit_code == 1
    assert said in result.output
    assert "at least 1 item" not in result.output  # the debt is there: nobody should look for another


@pytest.mark.parametrize(
    "words", [(), ("--example", str(EXAMPLE)), ("--example", "--lang", "fr"), ("--example", "--on", "soon")]
)
def test_a_wrong_call_says_how(words: tuple[str, ...]) -> None:
    assert ran(*words).exit_code == 2


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    missing = ran(str(tmp_path / "none.json"))
    assert missing.exit_code == 1
    assert "none.json: No such file or directory" in missing.output.replace("\n", "")
    assert "Is a directory" in ran(str(tmp_path)).output
    broken = tmp_path / "broken.json"
    broken.write_text("{", encoding="utf-8")
    assert "broken.json: is not JSON" in ran(str(broken)).output


def test_a_stale_reference_rate_is_said() -> None:
    result = ran("--example", "--on", "2030-01-07")
    assert result.exit_code == 0
    assert "A reference rate (funding) is out of date (good until 2027-12-31)" in result.stdout


@pytest.mark.parametrize(
    ("paid", "test", "why"),
    [("430.00", "tested", None), ("1430.00", "not_testable", "history_does_not_add_up")],
)
def test_a_history_as_a_bank_tells_it_counts_where_it_adds_up(
    tmp_path: Path, paid: str, test: str, why: str | None
) -> None:
    entries = [
        {"on": "2022-05-04", "kind": "advance", "amount": "12000.00"},
        {"on": "2022-06-04", "kind": "charge", "amount": "1000.00"},
        {"on": "2022-06-04", "kind": "payment", "amount": paid},
    ]
    case = {**PLAIN, "debts": [{**PLAIN["debts"][0], "history": entries}]}
    for plan in offered(tmp_path, case)["said"]["plans"]:
        assert plan["ceiling_test"] == test
        assert (why in {reason["code"] for reason in plan["reasons"]}) is (why is not None)


def test_a_history_is_told_in_one_way(tmp_path: Path) -> None:
    mixed = [
        {"on": "2022-05-04", "kind": "advance", "amount": "12000.00"},
        {"on": "2022-06-04", "amount": "430.00"},
    ]
    path = tmp_path / "case.json"
    path.write_text(json.dumps({**PLAIN, "debts": [{**PLAIN["debts"][0], "history": mixed}]}))
    result = ran(str(path))
    assert result.exit_code != 0
    assert "either every entry has a kind, or none has" in result.output


def test_debts_of_several_currencies_have_a_schedule_each_where_a_rate_is_on_file(tmp_path: Path) -> None:
    dollars = {"principal": {"amount": "1800.00", "currency": "USD"}}
    foreign = PLAIN["debts"][0] | {"debt_id": "card-2", "policy": "us-unsecured", "outstanding": dollars}
    foreign |= {"overdue": dollars, "contractual_payment": {"amount": "90.00", "currency": "USD"}}
    case = PLAIN | {"debts": [PLAIN["debts"][0], foreign]}
    file = tmp_path / "case.json"
    file.write_text(json.dumps(case), encoding="utf-8")
    alone = ran(str(file), "--lang", "en")
    assert alone.exit_code == 0, alone.output
    assert "no rate of exchange for USD/CNY is on file" in " ".join(alone.stdout.split())
    packs = tmp_path / "policies"
    shutil.copytree(POLICIES, packs)
    rates = packs / "rates.toml"
    row = '\n[[exchange]]\ncurrency = "USD"\nagainst = "CNY"\nfrom = 2026-03-01\nper_unit = "7"\n'
    more = 'good_until = 2026-03-09\nsource = "the desk"\nverified = false\n'
    rates.write_text(rates.read_text(encoding="utf-8") + row + more, encoding="utf-8")
    both = ran(str(file), "--lang", "en", "--folder", str(packs))
    assert both.exit_code == 0, both.output
    said = " ".join(both.stdout.split())
    assert "one USD is worth 7 CNY, as of 2026-03-01, from: the desk" in said
    assert "(CNY), " in said
    assert "schedule: card-2" in said.lower()


# -- a sum that the borrower offers --------------------------------------------------------------------

NO_MEANS = {**PLAIN, "capacity": {"now": "0.00"}}


def test_a_sum_settles_where_nothing_can_be_paid_a_month(tmp_path: Path) -> None:
    wish = {"lump_sum": "12500.00", "source": "relatives"}
    found = offered(tmp_path, {**NO_MEANS, "wish": wish})
    assert found["event"] == "parley.offer.tabled.v1"
    (plan,) = found["said"]["plans"]
    assert "lump_sum" in plan["measures"]
    assert minor(plan["total_paid"][0]) <= 1_250_000
    assert found["said"]["answer"]["granted"] is True
    assert any("nobody asks it of you" in words for words in found["words"])


def test_a_sum_that_settles_nothing_is_answered_beside_the_reason_for_no_plan(tmp_path: Path) -> None:
    case = {**NO_MEANS, "wish": {"lump_sum": "9000.00"}}
    found = offered(tmp_path, case)
    assert found["event"] == "parley.offer.none-found.v1"
    codes = [reason["code"] for reason in found["answered"]["reasons"]]
    assert codes == ["lump_sum_too_low", "lump_sum_lowers", "lump_sum_your_wish"]
    path = tmp_path / "case.json"
    for lang, words in (("en", "would not settle what is owed"), ("zh", "不足以了结欠款")):
        shown = ran(str(path), "--lang", lang).output
        assert words in shown
        assert {"en": "No plan", "zh": "没有可行方案"}[lang] in shown


@pytest.mark.parametrize(("now", "event"), [("0.00", "none-found"), ("1500.00", "tabled")])
def test_money_that_the_pack_does_not_take_changes_nothing(tmp_path: Path, now: str, event: str) -> None:
    wish = {"lump_sum": "12570.00", "source": "sale_of_home"}
    case = {**PLAIN, "policy": "uk-unsecured", "capacity": {"now": now}, "wish": wish}
    found = offered(tmp_path, case)
    assert found["event"] == f"parley.offer.{event}.v1"
    assert [reason["code"] for reason in found["answered"]["reasons"]] == ["lump_sum_not_from"]
    taken = offered(tmp_path, {**case, "wish": {**wish, "source": "severance"}})
    assert taken["said"]["answer"]["granted"] is True


def test_a_source_without_a_sum_is_named(tmp_path: Path) -> None:
    path = tmp_path / "case.json"
    path.write_text(json.dumps({**PLAIN, "wish": {"monthly": "100.00", "source": "savings"}}))
    result = ran(str(path))
    assert result.exit_code == 1
    assert "wish: source: says where a lump_sum comes from" in result.output


def test_every_field_of_a_case_is_in_the_form_that_comes_along() -> None:
    form = (EXAMPLE.parent / "README.md").read_text(encoding="utf-8")

    def fields(schema: dict[str, Any]) -> set[str]:
        parts = [schema, *(part for name, part in schema["$defs"].items() if name != "Money")]
        return {name for part in parts for name in part.get("properties", {})}

    for name in fields(CaseFile.model_json_schema()):
        assert f"`{name}`" in form or f".{name}`" in form, name
