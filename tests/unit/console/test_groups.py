"""Groups at risk (R66): found where their plans slip more often than chance explains, and nowhere else."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from itertools import count
from random import Random

import pytest
from rich.console import Console
from typer.testing import CliRunner

from services.cli.main import app
from services.console import tables
from services.console.audit import Audit
from services.console.groups import LEAST_PLANS, Groups, GroupsAtRisk
from shared.contracts import agreement, offer
from shared.contracts.base import Event, Reason
from shared.contracts.envelope import Envelope
from shared.contracts.reasons import ReasonCode
from tests.unit.builders import assessed, case_opened, signed
from tests.unit.console.test_outcomes import corrected, missed, paid, plan

DAY = date(2026, 3, 2)
CUT, NO_CUT = "25", "-5"


class Told:
    """Messages as the services publish them, each twice; those of a case have its place in the row."""

    def __init__(self) -> None:
        self.groups, self._cases, self._numbers = Groups(), count(1), count(1)

    def says(self, case: str, *events: Event, at: int = 0) -> None:
        for event in events:
            time = datetime(2026, 3, 2, tzinfo=UTC) + timedelta(days=at)
            source = f"/parley/{event.PRODUCER}"
            message = Envelope("m", source, time, "C-1", event, subject=case, sequence=next(self._numbers))
            self.groups.saw(message)
            self.groups.saw(message)

    def lives(self, cut: str, *, slips: bool, capacity: int = 50, months: int = 1) -> str:
        """A case from its first day to its first instalments; its id."""
        case = f"case-{next(self._cases):04}"
        self.says(case, case_opened(), assessed().model_copy(update={"capacity_score": capacity}))
        agreed = offer.OfferAgreed(
            offer_id="offer-1", round=1, plan=plan(cut), balances=(), agreed_on=DAY, policy_version="v"
        )
        self.says(case, agreed, signed((DAY, "100.00"), agreement_id="a-1"), at=1)
        for number in range(1, months + 1):
            self.says(case, missed(number, DAY) if slips else paid(number, DAY, 0), at=30 * number)
        return case

    def found(self) -> GroupsAtRisk:
        return self.groups.at_risk()

    def names(self) -> list[str]:
        return [group.what for group in self.found().groups]


def worse_without_a_cut(told: Told, of: int = 30) -> list[str]:
    """Half of the plans without a cut slip, and one of those with one; the cases that slipped without."""
    slipped = [told.lives(NO_CUT, slips=number % 2 == 0) for number in range(of)][::2]
    for number in range(of):
        told.lives(CUT, slips=number == 0)
    return slipped


def test_a_group_that_slips_is_named_with_the_cases_that_still_pay() -> None:
    told = Told()
    slipped = worse_without_a_cut(told)
    found = told.found()
    assert [group.what for group in found.groups] == ["payment cut none"]
    (group,) = found.groups
    assert (group.plans, group.slipped, found.plans) == (30, 15, 60)
    assert group.between[0] < 0.5 < group.between[1]
    assert group.others == 1 / 30
    assert len(group.still_paying) == 15
    assert not set(group.still_paying) & set(slipped)


def test_a_plan_that_has_ended_can_not_be_talked_to_in_time() -> None:
    told = Told()
    worse_without_a_cut(told)
    case = told.found().groups[0].still_paying[0]
    ends = agreement.AgreementEnded(
        agreement_id="a-1", version=1, as_of=DAY, reason=Reason(code=ReasonCode.PLAN_BROKEN)
    )
    told.says(case, ends, at=90)
    assert case not in told.found().groups[0].still_paying
    assert told.found().groups[0].plans == 30


@pytest.mark.parametrize("now", ["paid_late", "due"])
def test_what_is_not_missed_after_all_has_not_slipped(now: str) -> None:
    told = Told()
    for case in worse_without_a_cut(told):
        told.says(case, corrected(1, DAY).model_copy(update={"now": now}), at=60)
    assert told.names() == []
    assert told.found().plans == (60 if now == "paid_late" else 45)


def test_of_few_plans_nothing_is_said() -> None:
    """They would point at persons."""
    told = Told()
    worse_without_a_cut(told, of=LEAST_PLANS - 1)
    assert told.found() == GroupsAtRisk((), 0, 2 * (LEAST_PLANS - 1))


def test_a_plan_of_which_no_instalment_was_due_says_nothing() -> None:
    told = Told()
    for _ in range(3 * LEAST_PLANS):
        told.lives(CUT, slips=False, months=0)
    assert told.found().plans == 0


def test_two_things_together_are_named_where_they_are_worse_than_either() -> None:
    told = Told()
    for cut in (CUT, NO_CUT):
        for capacity in (90, 10):
            for number in range(40):
                told.lives(cut, slips=(cut, capacity) == (NO_CUT, 10) and number < 30, capacity=capacity)
    names = told.names()
    assert names[0] == "capacity low, payment cut none"
    assert {"capacity low", "payment cut none"} <= set(names)
    assert not any("capacity high" in name for name in names)


def test_figures_that_a_person_was_assessed_at_later_are_not_what_was_known() -> None:
    told = Told()
    for number in range(30):
        case = told.lives(CUT, slips=number < 15, capacity=90)
        told.says(case, assessed().model_copy(update={"capacity_score": 5}), at=90)
    for _ in range(30):
        told.lives(CUT, slips=False, capacity=50)
    assert told.names() == ["capacity high"]


def test_chance_alone_names_a_group_in_few_portfolios() -> None:
    """One in twenty may, so hardly ten in a hundred. Here all plans slip alike, whatever their group."""
    mistaken = 0
    for seed in range(100):
        random, told = Random(seed), Told()
        for _ in range(120):
            told.lives(
                random.choice([CUT, NO_CUT, "10"]),
                slips=random.random() < 0.25,
                capacity=random.randrange(101),
            )
        assert told.found().compared > 4
        mistaken += bool(told.names())
    assert mistaken <= 9


def test_what_nobody_may_be_singled_out_by_makes_no_group() -> None:
    """Health, household, cause of the hardship and place of residence are on file and not looked at."""
    told = Told()
    worse_without_a_cut(told)
    kinds = {"pack", "days", "one", "product", "hardship", "capacity", "willingness", "payment", "margin"}
    kinds |= {"instalments", "measure"}
    (case, one) = next((case, one) for (case, _), one in told.groups._signed.items())
    assert {known.split()[0] for known in told.groups._known(case, one)} == kinds


def test_the_table_says_how_many_were_compared() -> None:
    told = Told()
    worse_without_a_cut(told)
    console = Console(width=200, record=True)
    console.print(tables.groups(told.found()))
    said = console.export_text()
    assert "payment cut none" in said
    assert "50 %" in said
    for compared, ends in ((0, "over 50 plans"), (3, "over 50 plans: chance explains every difference")):
        console.print(tables.groups(GroupsAtRisk((), compared, 50)))
        said = console.export_text().strip()
        assert said.endswith(f"{compared} groups of 20 plans and more compared, {ends}")


def test_the_report_lists_them_with_the_cases(monkeypatch: pytest.MonkeyPatch) -> None:
    told = Told()
    worse_without_a_cut(told)
    monkeypatch.setattr("services.cli.report.audited", lambda _: Audit([], {}, [], groups=told.groups))
    said = json.loads(CliRunner().invoke(app, ["report", "--json"]).output)["groups_at_risk"]
    assert [(group["what"], group["slipped"]) for group in said["groups"]] == [("payment cut none", 15)]
    assert len(said["groups"][0]["still_paying"]) == 15
    assert "Groups at risk" in CliRunner().invoke(app, ["report"]).output
