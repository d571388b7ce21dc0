"""What `check` finds: no clause, dates that overlap or leave a gap, what a jurisdiction asks for."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from shared.policy.loader import Problem, check, pack_from
from shared.policy.testing import example_pack

PACKS = Path(__file__).parents[3] / "deploy" / "policies"
ASSUMED = {"clause": "-", "source": "assumption: test", "verified": False}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the shipped packs, to be damaged."""
    for path in PACKS.glob("*.toml"):
        (tmp_path / path.name).write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    return tmp_path


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {path.name}"
    path.write_text(text.replace(old, new), encoding="utf-8")


def said(*entries: dict[str, Any], key: str = "term.max_months") -> list[str]:
    """What is wrong with the example when one of its values has these entries."""
    pack = example_pack()
    document: dict[str, Any] = {"pack": pack.info.model_dump()}
    for name, found in pack.values.items():
        section, _, value = name.partition(".")
        plain = [{"value": entry.value, **ASSUMED} for entry in found]
        document.setdefault(section, {})[value] = list(entries) if name == key else plain
    return [f"{problem.key}: {problem.rule}" for problem in pack_from(document, {}, "example.toml")[1]]


def entry(value: Any, since: str | None = None, until: str | None = None, **other: Any) -> dict[str, Any]:
    dates = {name: date.fromisoformat(day) for name, day in (("from", since), ("until", until)) if day}
    return {**ASSUMED, "value": value, **dates, **other}


LAW = "Some Act 2020"


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ([entry(60)], []),
        ([entry(60, source=LAW, clause="Art. 1", verified=True)], []),
        (
            [entry(60, source=LAW, clause="-")],
            ["term.max_months[1]: clause: is missing; only an assumption may do without"],
        ),
        (
            [entry(60, source=LAW, clause="  ")],
            ["term.max_months[1]: clause: is missing; only an assumption may do without"],
        ),
        ([entry(60, verified=True)], ["term.max_months[1]: verified: an assumption is not verified"]),
        ([entry(60, clause="Art. 1", source=" ")], ["term.max_months[1]: source: is empty"]),
        ([entry(60, "2020-01-01", "2020-12-31"), entry(48, "2021-01-01")], []),
        (
            [entry(60, "2020-01-01", "2021-01-01"), entry(48, "2021-01-01")],
            ["term.max_months: entries 1 and 2 overlap until 2021-01-01"],
        ),
        (
            [entry(60, "2020-01-01", "2020-12-30"), entry(48, "2021-01-01")],
            ["term.max_months: a gap between 2020-12-30 and 2021-01-01"],
        ),
        (
            [entry(60, "2020-01-01", "2020-12-31")],
            ["term.max_months: a gap: nothing holds after 2020-12-31"],
        ),
        (
            [entry(60, "2020-01-01", "2019-12-31"), entry(48, "2021-01-01")],
            ["term.max_months: entry 1 ends before it begins"],
        ),
        (
            [entry(60, "2021-01-01"), entry(48, "2021-01-01")],
            ["term.max_months: entries ascend by their date, and no date comes twice"],
        ),
    ],
)
def test_clauses_and_dates(entries: list[dict[str, Any]], expected: list[str]) -> None:
    assert said(*entries) == expected


def test_a_missing_clause_key_is_named() -> None:
    bare = {"value": 60, "source": LAW, "verified": False}
    assert said(bare) == ["term.max_months[1].clause: Field required"]


def ceiling(since: str, pct: int) -> dict[str, Any]:
    return {"contract_from": date.fromisoformat(since), "lender_type": "bank", "all_in_pct": pct}


def test_a_later_table_adds_rows_and_never_rewrites_those_of_older_contracts() -> None:
    first = entry([ceiling("2000-01-01", 24)])
    added = entry([ceiling("2000-01-01", 24), ceiling("2027-01-01", 20)], "2027-01-01")
    changed = entry([ceiling("2000-01-01", 20)], "2027-01-01")
    assert said(first, added, key="rate.ceilings") == []
    assert said(first, changed, key="rate.ceilings") == [
        "rate.ceilings: the entry of 2027-01-01 changes rows for contracts older than itself"
    ]


def without(path: Path, value: str) -> None:
    """Take a value, with its entries, out of a pack."""
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    start = lines.index(f"{value} = [\n")
    end = lines.index("]\n", start)
    path.write_text("".join(lines[:start] + lines[end + 1 :]), encoding="utf-8")


@pytest.mark.parametrize(
    ("pack", "value", "key", "where"),
    [
        ("cn-card", "ceilings", "rate.ceilings", "CN"),
        ("cn-consumer-loan", "forbidden_acts", "contact_rules.forbidden_acts", "CN"),
        ("us-unsecured", "max_in_12_months", "re_age.max_in_12_months", "US"),
        ("us-unsecured", "workout_max_months", "re_age.workout_max_months", "US"),
        ("uk-unsecured", "never_press_for", "contact_rules.never_press_for", "UK"),
        ("uk-unsecured", "lump_sum_allowed", "measures.lump_sum_allowed", "UK"),
        ("eu-consumer", "probation_months", "observation.probation_months", "EU"),
    ],
)
def test_what_a_jurisdiction_has_rules_for_is_not_inherited(
    folder: Path, pack: str, value: str, key: str, where: str
) -> None:
    without(folder / f"{pack}.toml", value)
    rule = f"a pack of {where} must give this value itself"
    assert check(folder) == [Problem(f"{pack}.toml", key, rule)]


def test_each_of_the_six_contents_of_a_card_agreement_is_needed(folder: Path) -> None:
    edit(folder / "cn-card.toml", '"no_new_credit_card", "rights', '"rights')
    rule = "lacks 'no_new_credit_card', one of the six contents of Art. 70"
    assert check(folder) == [Problem("cn-card.toml", "agreement.required_sections", rule)]


def test_a_required_section_has_words(folder: Path) -> None:
    edit(folder / "uk-unsecured.toml", 'section = "free_debt_advice"', 'section = "advice"')
    rule = "says nothing for the required section 'free_debt_advice'"
    assert check(folder) == [Problem("uk-unsecured.toml", "document.clauses", rule)]


def test_a_statutory_breathing_space_stops_everything_for_its_days(folder: Path) -> None:
    row = '"fees", "enforcement"], may_contact = ["debt_adviser"], ends = "period_over", max_days = 60'
    less = row.replace('"fees", ', "").replace("60", "30")
    edit(folder / "uk-unsecured.toml", row, less)
    assert [problem.rule for problem in check(folder)] == [
        "must stop fees while the moratorium lasts",
        "max_days must be the days of the moratorium",
    ]


def test_a_document_never_uses_the_old_name_of_late_charges(folder: Path) -> None:
    edit(
        folder / "cn-card.toml",
        'late_charge_name_zh = [\n  { from = 2017-01-01, value = "违约金"',
        'late_charge_name_zh = [\n  { from = 2017-01-01, value = "滞纳金"',
    )
    assert "uses the forbidden word 滞纳金" in str(check(folder)[0])


def test_a_folder_whose_files_are_no_packs_is_no_folder_of_packs(tmp_path: Path) -> None:
    (tmp_path / "some.toml").write_text("[tool]\nname = 1\n", encoding="utf-8")
    assert [problem.rule for problem in check(tmp_path)] == [
        "holds no policy pack: no file has a [pack] table"
    ]


def test_a_pack_whose_table_is_misspelt_is_not_passed_over(folder: Path) -> None:
    edit(folder / "us-unsecured.toml", "[pack]", "[packs]")
    assert [(problem.file, problem.key) for problem in check(folder)] == [("us-unsecured.toml", "pack")]
