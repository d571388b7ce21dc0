"""`parley staff`: a command on a portfolio is one desk event for each case; the same order counts once."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from typer.testing import CliRunner

from services.cli.catalogue import policies_dir
from services.cli.main import app
from services.cli.staff import _row
from services.cli.staff_orders import Owned, expand, to_every_partition, to_relieve, to_tell_again, unheard
from services.intake.decide import IntakeDecider
from services.intake.model import StaffAway
from shared.contracts.desk_team import AwayWhy, OwnerAway
from shared.contracts.ids import case_id
from shared.contracts.intake import CaseAssigned
from shared.contracts.partition import partition_of
from shared.policy.roster import Roster
from tests.unit.builders import reference
from tests.unit.intake.bank_says import overdue
from tests.unit.intake.team import expiring, roster
from tests.unit.spec import given

OWNED = [Owned(case_id(f"C-{n}", 1), f"C-{n}", f"2026-01-{n + 1:02}") for n in range(20)]
DAY = date(2026, 3, 2)


def order(
    since: date = DAY, staff: str = "n-chen", why: AwayWhy = AwayWhy.LEFT, day: date = DAY
) -> list[str]:
    made = expand(OWNED, staff, why, since, None, by="s-zhao", reason="moved on", day=day)
    return [event.id for event in made]


def test_each_case_is_said_once_in_order_under_its_customer() -> None:
    made = expand(
        OWNED, "n-chen", AwayWhy.ABSENT, DAY, date(2026, 3, 9), by="s-zhao", reason="leave", day=DAY
    )
    assert [(event.key, event.subject) for event in made] == [(one.customer, one.case) for one in OWNED]
    assert all(isinstance(event.data, OwnerAway) and event.data.staff == "n-chen" for event in made)
    assert len({event.id for event in made}) == len(OWNED)
    assert made[0].day == DAY


def test_the_same_order_has_the_same_ids_on_its_day_and_others_on_another() -> None:
    assert order() == order()
    others = [
        *(order(since=date(2026, 3, 3)), order(staff="n-lin"), order(why=AwayWhy.CERTIFICATE)),
        order(day=date(2026, 3, 5)),
    ]
    assert all(not set(order()) & set(other) for other in others)


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        pytest.param(["leave", "n-chen", "--from", "2026-13-01"], "--from", id="no such day"),
        pytest.param(
            ["absent", "n-chen", "--from", "2026-03-09", "--until", "2026-03-02"], "--until", id="backwards"
        ),
    ],
)
def test_what_is_wrong_is_named(words: list[str], problem: str) -> None:
    result = CliRunner().invoke(app, ["staff", *words, "--reason", "leave of absence", "--by", "s-zhao"])
    assert result.exit_code == 2
    assert problem in result.output


@pytest.mark.parametrize(
    "words", [["leave", "n-chen", "--from", "2026-03-02"], ["assign", "1", "--to", "n-lin"]]
)
def test_who_orders_it_is_on_the_roster(words: list[str]) -> None:
    result = CliRunner().invoke(app, ["staff", *words, "--reason", "moved on", "--by", "nobody"])
    assert result.exit_code == 2
    assert "--by: nobody called 'nobody' is on the roster" in result.output


@pytest.mark.parametrize(
    "words",
    [
        ["leave", "n-chen", "--from", "2026-03-02"],
        ["absent", "n-chen", "--from", "2026-03-02", "--until", "2026-03-09"],
        ["assign", "1", "--to", "n-lin"],
        ["relieve"],
    ],
    ids=lambda words: words[0],
)
def test_who_orders_it_is_a_supervisor(words: list[str]) -> None:
    """A negotiator's order handed over a colleague's whole portfolio."""
    result = CliRunner().invoke(app, ["staff", *words, "--reason", "moved on", "--by", "n-lin"])
    assert result.exit_code == 2
    assert "--by: 'n-lin' is no supervisor" in result.output


def test_who_was_said_to_be_away_is_not_there() -> None:
    who = Roster.load(policies_dir() / "roster.toml").get("n-chen")
    assert [_row("n-chen", who, 0, DAY, away=away)["there"] for away in (False, True)] == [True, False]


def test_a_hand_over_needs_a_reason() -> None:
    words = ["staff", "leave", "n-chen", "--from", "2026-03-02", "--by", "s-zhao"]
    assert CliRunner().invoke(app, words).exit_code == 2
    assert CliRunner().invoke(app, [*words, "--reason", "x"]).exit_code == 2


def test_after_a_change_of_the_roster_every_owner_who_may_not_own_any_more_is_named_with_the_reason() -> None:
    """A case of which nothing is heard stayed with who was on the roster no more."""
    before = reference(roster=roster(a={}, b={}, c={}, s={"supervisor": True}))
    owned = {}
    for owner in "abc":
        work = {who: 0 if who == owner else 5 for who in "abc"}
        opened = given(IntakeDecider(), replace(before, open_work=work)).when(overdue(key=f"C-{owner}"))
        assert opened.state.owner == owner
        owned[owner] = opened
    states = [one.state for one in owned.values()]
    assert to_relieve(states, before, by="s", reason="new roster", day=DAY) == []
    changed = {"a": {"certifications": expiring(DAY)}, "s": {"supervisor": True}, "d": {},
               "c": {"absences": [{"since": DAY, "until": DAY}]}}  # fmt: skip
    after = replace(before, roster=roster(**changed))
    events = to_relieve(states, after, by="s", reason="new roster", day=DAY)
    assert [(event.data.staff, event.data.why, event.key) for event in events] == [
        ("a", AwayWhy.CERTIFICATE, "C-a"), ("b", AwayWhy.LEFT, "C-b"), ("c", AwayWhy.ABSENT, "C-c"),
    ]  # fmt: skip
    for event in events:
        handed = replace(owned[event.data.staff], reference=after).when(event)
        assert handed.last(CaseAssigned).owner == "d"
    soon = roster(**{**changed, "a": {"certifications": expiring(date(2026, 3, 4))}, "b": {}, "c": {}})
    (told,) = to_relieve(states, replace(before, roster=soon), by="s", reason="new roster", day=DAY)
    waiting = replace(owned["a"], reference=replace(before, roster=soon)).when(told)
    assert waiting.said == ()
    assert waiting.closes(date(2026, 3, 3)).emits(CaseAssigned)
    assert to_relieve([waiting.state], replace(before, roster=soon), by="s", reason="again", day=DAY) == []
    no_certificate = reference(roster=after.roster, assignment__certification_required=False)
    assert [event.data.staff for event in to_relieve(
        states, no_certificate, by="s", reason="new roster", day=DAY)] == ["b", "c"]  # fmt: skip


def test_after_growth_each_absence_is_named_once_as_the_command_that_tells_it_again() -> None:
    leave = StaffAway(staff="n-chen", since=DAY, until=date(2026, 3, 9))
    gone = StaffAway(staff="n-lin", since=date(2026, 4, 1))
    assert to_tell_again([gone, leave, leave, gone]) == [
        "parley staff absent n-chen --from 2026-03-02 --until 2026-03-09 --reason … --by …",
        "parley staff leave n-lin --from 2026-04-01 --reason … --by …",
    ]
    assert to_tell_again([]) == []


def test_what_another_service_was_not_told_of_is_named_while_it_lasts() -> None:
    leave, gone = StaffAway(staff="a", since=DAY, until=date(2026, 3, 9)), StaffAway(staff="b", since=DAY)
    over = StaffAway(staff="c", since=date(2026, 1, 1), until=date(2026, 3, 1))
    all_ = {("a", DAY, date(2026, 3, 9)), ("b", DAY, None)}
    assert unheard([leave, gone, over], [all_, all_], DAY) == []
    assert unheard([leave, gone, over], [all_, {("b", DAY, None)}], DAY) == [leave]
    assert unheard([leave, gone, over], [set(), all_], DAY) == [leave, gone]


def test_an_absence_may_be_made_longer_shorter_and_longer_again() -> None:
    """The third order had the id of the first, and was dropped as told already."""
    state = given(IntakeDecider(), reference())
    ids = set()
    for said, last in enumerate((9, 5, 9)):
        order_ = to_every_partition(
            1, "n-chen", AwayWhy.ABSENT, DAY, date(2026, 3, last), by="s-zhao", reason="leave",
            day=date(2026, 3, 2 + said),
        )[0]  # fmt: skip
        ids.add(order_.id)
        state = state.when(order_)
        assert [one.until for one in state.state.away] == [date(2026, 3, last)]
    assert len(ids) == 3


def test_told_again_after_growth_every_partition_knows_the_absence_once() -> None:
    """The documents of the old count move to wherever their key belongs; the order fills what is left."""
    last = date(2026, 3, 9)
    documents: dict[str, Any] = {}
    for count in (3, 12):
        orders = to_every_partition(
            count, "n-chen", AwayWhy.ABSENT, DAY, last, by="s-zhao", reason="leave", day=DAY
        )
        for order_ in orders:
            before = documents.get(order_.key) or given(IntakeDecider(), reference())
            documents[order_.key] = before.when(order_)
        homes = {partition_of(key.encode(), count) for key in documents}
        assert homes == set(range(count))
    expected = (StaffAway(staff="n-chen", since=DAY, until=last),)
    assert all(one.state.away == expected for one in documents.values())
