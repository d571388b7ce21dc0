"""The roster of negotiators, and the reference that deciders are given."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from shared.policy.reference import load_reference
from shared.policy.roster import Roster, RosterError

POLICIES = Path(__file__).resolve().parents[3] / "deploy" / "policies"

GOOD = """
[[negotiators]]
id = "n-a"
skills = ["card"]
languages = ["zh"]
certifications = [{ name = "collections", issued = 2025-01-01, expires = 2026-01-01 }]
capacity = 3
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "roster.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_shipped_roster_serves_both_languages_and_has_a_supervisor() -> None:
    roster = Roster.load(POLICIES / "roster.toml")
    assert {language for one in roster.negotiators for language in one.languages} == {"zh", "en"}
    assert [one.id for one in roster.supervisors] == ["s-zhao"]
    assert all(one.certified_on(date(2026, 11, 24)) for one in roster.negotiators)


def test_a_certificate_counts_from_its_issue_to_the_day_before_it_expires(tmp_path: Path) -> None:
    one = Roster.load(written(tmp_path, GOOD)).get("n-a")
    assert one is not None
    days = [date(2024, 12, 31), date(2025, 1, 1), date(2025, 12, 31), date(2026, 1, 1)]
    assert [one.certified("collections", day) for day in days] == [False, True, True, False]
    assert not one.certified("mediation", date(2025, 6, 1))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (GOOD + GOOD, "given once"),
        (GOOD.replace("capacity = 3", "capacity = 0"), "negotiators.0.capacity"),
        (GOOD.replace("2026-01-01", "2024-01-01"), "after issued"),
        (GOOD + 'name = "Somebody"\n', "Extra inputs"),
        ("[[negotiators", "not valid TOML"),
        ("", "negotiators"),
    ],
)
def test_a_wrong_roster_says_where_and_which_rule(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(RosterError, match=r"roster\.toml") as caught:
        Roster.load(written(tmp_path, text))
    assert words in str(caught.value)


def test_a_missing_roster_is_named(tmp_path: Path) -> None:
    with pytest.raises(RosterError, match="stands beside the packs"):
        Roster.load(tmp_path / "roster.toml")


def test_the_reference_shows_open_work_as_it_is_now() -> None:
    work = {"n-chen": 2}
    reference = load_reference(POLICIES)(work)
    work["n-chen"] += 1
    assert reference.open_work.get("n-chen", 0) == 3
    assert reference.open_work.get("nobody", 0) == 0
    assert "cn-card" in reference.policies.pack_ids
    assert reference.roster.get("n-chen") is not None
