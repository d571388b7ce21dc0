"""Other incentives for the arm of an experiment: never less than what everybody has as of right."""

from __future__ import annotations

import shutil
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from services.cli.main import app
from shared.policy.loader import PolicyError
from shared.policy.sections_agreement import Incentives, RewardStep
from shared.policy.testing import example_policy

PACKS = Path(__file__).parents[3] / "deploy" / "policies"


def steps(*rows: tuple[int, int, int]) -> list[dict[str, int]]:
    return [
        {"after_on_time": after, "late_charges_waived_pct": late, "rate_cut_pct": rate}
        for after, late, rate in rows
    ]


EVERYBODY = steps((6, 50, 5), (12, 100, 10))


def with_set(*rows: tuple[int, int, int]) -> Incentives:
    sets = [{"name": "tried", "steps": steps(*rows)}]
    return example_policy(incentives__steps=EVERYBODY, incentives__sets=sets).incentives


@pytest.mark.parametrize(
    "rows",
    [
        ((6, 50, 5), (12, 100, 10)),
        ((3, 50, 5), (6, 100, 10)),
        ((1, 100, 20),),
        ((3, 20, 0), (6, 50, 5), (9, 80, 5), (12, 100, 30)),
    ],
)
def test_as_much_or_more_at_every_count_may_be_tried(rows: tuple[tuple[int, int, int], ...]) -> None:
    found = with_set(*rows)
    assert [step.after_on_time for step in found.steps_of("tried")] == [row[0] for row in rows]
    assert [step.after_on_time for step in found.steps_of(None)] == [6, 12]


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ((), "after 6 instalments on time late_charges_waived_pct is 0, not 50"),
        (((7, 100, 10),), "after 6 instalments on time late_charges_waived_pct is 0, not 50"),
        (((6, 49, 5), (12, 100, 10)), "late_charges_waived_pct is 49, not 50"),
        (((6, 50, 5), (12, 100, 9)), "after 12 instalments on time rate_cut_pct is 9, not 10"),
        (((3, 50, 5), (13, 100, 10)), "after 12 instalments on time late_charges_waived_pct is 50, not 100"),
        (((3, 60, 5), (6, 50, 5), (12, 100, 10)), "never falls"),
    ],
)
def test_less_at_any_count_is_refused_and_said(rows: tuple[tuple[int, int, int], ...], why: str) -> None:
    with pytest.raises(PolicyError, match=why):
        with_set(*rows)


ROWS = st.lists(st.tuples(st.integers(1, 15), st.integers(0, 100), st.integers(0, 30)), max_size=4)


@given(ROWS)
def test_whatever_is_let_through_leaves_nobody_worse_off(rows: list[tuple[int, int, int]]) -> None:
    columns = [sorted(column) for column in zip(*rows, strict=True)] or [[], [], []]
    try:
        found = with_set(*zip(*columns, strict=True))  # type: ignore[arg-type]
    except PolicyError:
        return

    def granted(of: tuple[RewardStep, ...], kept: int) -> tuple[Decimal, Decimal]:
        reached = [step for step in of if step.after_on_time <= kept]
        last = reached[-1] if reached else None
        return (last.late_charges_waived_pct, last.rate_cut_pct) if last else (Decimal(0), Decimal(0))

    for kept in range(20):
        tried, right = granted(found.steps_of("tried"), kept), granted(found.steps, kept)
        assert tried[0] >= right[0]
        assert tried[1] >= right[1]


def test_an_arm_cannot_name_a_set_there_is_not() -> None:
    arms = [{"name": "challenger", "share_pct": 100, "first": "best_balance", "incentives": "tried"}]
    with pytest.raises(PolicyError, match=r"challenger: incentives\.sets has no tried"):
        example_policy(talks__strategies=arms)
    sets = [{"name": "tried", "steps": EVERYBODY}]
    known = example_policy(talks__strategies=arms, incentives__steps=EVERYBODY, incentives__sets=sets)
    assert known.talks.strategies[0].incentives == "tried"


def test_two_sets_of_one_name_are_refused() -> None:
    sets: list[dict[str, Any]] = [{"name": "tried", "steps": EVERYBODY}] * 2
    with pytest.raises(PolicyError, match="a name of its own"):
        example_policy(incentives__steps=EVERYBODY, incentives__sets=sets)


def test_the_check_of_the_packs_says_it(tmp_path: Path) -> None:
    folder = tmp_path / "packs"
    shutil.copytree(PACKS, folder)
    pack = folder / "cn-card.toml"
    row = "{ after_on_time = 12, late_charges_waived_pct = 40, rate_cut_pct = 10 }"
    value = f'{{ name = "lean", steps = [{row}] }}'
    entry = f'{{ value = [{value}], clause = "-", source = "assumption: -", verified = false }}'
    tried = f"[incentives]\nsets = [{entry}]\n"
    pack.write_text(pack.read_text(encoding="utf-8") + "\n" + tried, encoding="utf-8")
    result = CliRunner().invoke(app, ["policy", "check", "--folder", str(folder)], env={"COLUMNS": "400"})
    assert result.exit_code == 1
    assert "the set lean falls below what everybody has as of right" in result.output
