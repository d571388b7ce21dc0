"""REQUIREMENTS.md names modules and tests that exist, and every number that the code cites."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CITED = re.compile(r"\bR([1-9]\d?[a-d]?)(?:[-–]R?([1-9]\d?))?\b")


def rows() -> dict[str, tuple[str, str, str]]:
    """Give module, test and what is missing of each requirement, without marks."""
    lines = (ROOT / "REQUIREMENTS.md").read_text(encoding="utf-8").splitlines()
    found = [[cell.strip(" `") for cell in line.split("|")[1:-1]] for line in lines if line.startswith("| R")]
    assert len({row[0] for row in found}) == len(found), "a number stands there twice"
    return {number: (module, test, missing) for number, _, module, test, missing in found}


def test_every_number_has_a_row() -> None:
    plain = [f"R{number}" for number in range(1, 73) if number != 71]
    assert set(rows()) == {*plain, "R71a", "R71b", "R71c", "R71d"}


@pytest.mark.parametrize("number", rows())
def test_what_it_names_exists(number: str) -> None:
    module, test, missing = rows()[number]
    if missing:
        assert missing.startswith(("open", "part: "))
    if missing.startswith("open"):
        assert (module, test) == ("", "")
        return
    assert (ROOT / module).exists(), module
    file, _, name = test.partition("::")
    path = ROOT / file if file.startswith("tests/") else ROOT / "tests" / "unit" / file
    assert re.search(rf"^(async )?def {name}\(", path.read_text(encoding="utf-8"), re.MULTILINE), test


def test_every_number_that_the_code_cites_is_one() -> None:
    cited: set[str] = set()
    for folder in ("shared", "services", "deploy"):
        for path in (ROOT / folder).rglob("*.py"):
            for first, last in CITED.findall(path.read_text(encoding="utf-8")):
                cited |= {first} | ({str(n) for n in range(int(first), int(last) + 1)} if last else set())
    assert {f"R{number}" for number in cited} <= {*rows(), "R71"}
    assert {"R50", "R59", "R71a"} <= {f"R{number}" for number in cited}
