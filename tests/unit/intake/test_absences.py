"""An absence told by a command keeps new cases away, like the roster's own; hand-overs stand in the story."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from services.cli.staff_orders import to_every_partition
from services.console.decide import ArchiveDecider
from services.console.story import lines_of
from services.intake.absences import whose_work
from services.intake.app import SERVICE
from services.intake.decide import IntakeDecider
from services.intake.model import IntakeState
from shared.contracts.desk_team import AwayWhy, StaffAbsent
from shared.contracts.envelope import Envelope
from shared.contracts.intake import CaseAssigned, InputRefused
from shared.contracts.partition import partition_of
from shared.contracts.reasons import ReasonCode
from shared.policy.reference import Reference
from shared.runtime.lane import OpenWork
from tests.unit.builders import DAY, message, reference
from tests.unit.intake.bank_says import day, overdue
from tests.unit.intake.team import away, named, roster
from tests.unit.spec import Given, given

PEOPLE = {"a": {}, "b": {"capacity": 9}, "s": {"supervisor": True}}


def absent(since: date, until: date | None = None, why: AwayWhy = AwayWhy.ABSENT, staff: str = "a") -> Any:
    data = StaffAbsent(staff=staff, why=why, since=since, until=until, by="s", reason="leave of absence")
    return message(data, DAY, id_=f"{staff}/{since}/{until}")


class Partition:
    """Documents of one partition, decided one after the other, with their open work counted."""

    def __init__(self, **people: dict[str, Any]) -> None:
        self.work: Counter[str] = Counter()
        self.reference: Reference = replace(
            reference(roster=roster(**(people or PEOPLE))), open_work=OpenWork(self.work, 1)
        )
        self.decider = IntakeDecider()
        self.documents: dict[str, IntakeState] = {}

    def say(self, envelope: Envelope[Any], key: str) -> list[Any]:
        before = self.documents.get(key)
        decided = self.decider.decide(before, replace(envelope, key=key), self.reference)
        return self._keep(key, before, decided)

    def close(self, key: str, on: date) -> list[Any]:
        before = self.documents[key]
        return self._keep(key, before, self.decider.close(before, on, self.reference))

    def _keep(self, key: str, before: IntakeState | None, decided: Any) -> list[Any]:
        assert not decided.waits
        if before is not None:
            self.work.subtract(whose_work(before))
        if decided.state is not None:
            self.documents[key] = decided.state
            self.work.update(whose_work(decided.state))
        return [emission.data for emission in decided.emissions]

    def opens(self, key: str, on: date = DAY) -> str:
        said = self.say(overdue(account=f"{key}-1", on=on), key)
        return next(one.owner for one in said if isinstance(one, CaseAssigned))


def test_a_new_case_is_not_given_to_a_person_who_was_said_to_be_absent() -> None:
    here = Partition()
    assert here.opens("C-1") == "a"
    here.say(absent(day(0), day(5)), "~a/0")
    assert [here.opens(f"C-{n}", day(n)) for n in (2, 3)] == ["b", "b"]
    assert here.documents["~a/0"].next_date == day(5)
    here.close("~a/0", day(5))
    assert here.documents["~a/0"].away == ()
    assert here.opens("C-7", day(6)) == "a"


def test_one_that_is_still_to_come_is_the_owners_last_day() -> None:
    here = Partition()
    here.say(absent(day(4), day(9)), "~a/0")
    assert here.opens("C-1") == "a"
    assert here.documents["C-1"].owned_before == day(4)
    said = here.close("C-1", day(3))
    assert [one.owner for one in said if isinstance(one, CaseAssigned)] == ["b"]
    assert [one.reasons[0].code for one in said if isinstance(one, CaseAssigned)] == [ReasonCode.OWNER_ABSENT]


def test_who_left_for_good_is_given_nothing_any_more() -> None:
    here = Partition()
    here.say(absent(day(2), None, AwayWhy.LEFT), "~a/0")
    assert here.opens("C-1", day(1)) == "a"
    assert here.opens("C-2", day(2)) == "b"
    assert here.documents["~a/0"].next_date is None
    assert here.opens("C-3", day(400)) == "b"


def test_another_word_with_the_same_first_day_changes_the_last_one() -> None:
    here = Partition()
    here.say(absent(day(0), day(9)), "~a/0")
    here.say(absent(day(0), day(1)), "~a/0")
    assert here.opens("C-1", day(1)) == "b"
    assert here.opens("C-2", day(2)) == "a"


def test_nobody_names_a_person_who_is_absent() -> None:
    here = Partition()
    here.opens("C-1")
    here.say(absent(day(0), day(5), staff="b"), "~b/0")
    said = here.say(replace(named("b"), subject=here.documents["C-1"].case), "C-1")
    assert [one.reason.code for one in said if isinstance(one, InputRefused)] == [
        ReasonCode.OWNER_CANNOT_TAKE
    ]


def test_an_absence_is_nobodys_open_case_and_survives_a_restart() -> None:
    here = Partition()
    here.say(absent(day(0), day(5)), "~a/0")
    assert here.work["a"] == 0
    again = Partition()
    for key, state in here.documents.items():
        again.documents[key] = IntakeState.model_validate(state.model_dump(mode="json"), strict=False)
        again.work.update(SERVICE.workload(again.documents[key]))
    assert again.opens("C-1") == "b"


@pytest.mark.parametrize("partitions", [1, 2, 12])
def test_the_order_reaches_every_partition_once(partitions: int) -> None:
    def order(until: date) -> list[Envelope[Any]]:
        return to_every_partition(
            partitions, "n-chen", AwayWhy.ABSENT, DAY, until, by="s-zhao", reason="leave", day=DAY
        )

    made = order(day(3))
    places = [partition_of(one.key.encode(), partitions) for one in made]
    assert places == list(range(partitions))
    assert [one.id for one in made] == [one.id for one in order(day(3))]
    assert {one.key for one in made} == {one.key for one in order(day(4))}
    assert not {one.id for one in made} & {one.id for one in order(day(4))}


def owned() -> Given:
    ref = replace(reference(roster=roster(**PEOPLE)), open_work={})
    return given(IntakeDecider(), ref).when(overdue())


@pytest.mark.parametrize(("lang", "words"), [
    ("en", ("Case assigned to b, from a, by order of s", "moved to audit")),
    ("zh", ("负责人：b（原负责人：a），由s决定", "moved to audit")),
])  # fmt: skip
def test_a_hand_over_stands_in_the_cases_story_with_who_ordered_it_and_why(
    lang: str, words: tuple[str, str]
) -> None:
    said = owned().when(away(until=DAY + timedelta(days=3), why=AwayWhy.ABSENT)).last(CaseAssigned)
    filed = ArchiveDecider().decide(None, message(said, sequence=3), None)
    lines = lines_of([filed.links[0].body], None, lang)
    assert lines[0].what.startswith(words[0])
    assert any(words[1] in why for why in lines[0].why)
