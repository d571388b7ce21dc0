"""Who owns a case, and how it changes hands; a portfolio of 300 cases is handed over."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

from services.intake.decide import IntakeDecider
from services.intake.model import IntakeState
from shared.contracts import desk
from shared.contracts.desk_team import AwayWhy
from shared.contracts.ids import case_id
from shared.contracts.intake import CaseAssigned, CaseOpened, InputRefused
from shared.contracts.partition import partition_of
from shared.contracts.reasons import ReasonCode
from shared.policy.reference import Reference
from shared.policy.roster import Roster
from shared.runtime.lane import OpenWork
from tests.unit.builders import DAY, message, reference
from tests.unit.intake.bank_says import LATE, OWED, balance, day, overdue
from tests.unit.intake.team import OLD, away, expiring, named, roster
from tests.unit.spec import Given, given

SOMEBODY = {"a": {}, "b": {"capacity": 9}, "s": {"supervisor": True}}


def owned_by_a(people: dict[str, Any] | None = None, **work: int) -> Given:
    """Customer C-1's case, owned by `a`."""
    ref = replace(reference(roster=roster(**(people or SOMEBODY))), open_work=work)
    after = given(IntakeDecider(), ref).when(overdue())
    assert after.last(CaseAssigned).owner == "a"
    return after


def codes(said: CaseAssigned) -> list[ReasonCode]:
    return [reason.code for reason in said.reasons]


@pytest.mark.parametrize(
    ("order", "because"),
    [
        pytest.param(away(why=AwayWhy.LEFT), ReasonCode.OWNER_LEFT, id="left"),
        pytest.param(away(why=AwayWhy.ABSENT, until=day(9)), ReasonCode.OWNER_ABSENT, id="absent"),
        pytest.param(away(why=AwayWhy.CERTIFICATE), ReasonCode.OWNER_UNCERTIFIED, id="certificate"),
    ],
)
def test_a_case_of_a_portfolio_goes_to_the_next_fit_person_with_its_reason(order: Any, because: Any) -> None:
    after = owned_by_a().when(order)
    assert after.emits(CaseAssigned)
    said = after.last(CaseAssigned)
    assert (said.owner, said.previous, said.by) == ("b", "a", "s")
    assert codes(said)[0] is because
    assert said.reasons[0].params["note"] == "moved to audit"
    assert said.reasons[0].params["staff"] == "a"
    again = after.when(order)
    assert again.said == ()
    assert again.state == after.state


def test_a_hand_over_that_is_still_to_come_takes_place_at_the_close_of_the_last_day() -> None:
    told = owned_by_a().when(away(since=day(1)))
    assert told.said == ()
    assert told.decider.due(told.state) == day(0)
    after = told.closes(day(0))
    assert after.emits(CaseAssigned)
    assert after.last(CaseAssigned).owner == "b"
    assert codes(after.last(CaseAssigned))[0] is ReasonCode.OWNER_LEFT
    assert after.state.leaving is None


def test_who_left_does_not_get_it_back_from_a_supervisor_without_a_certificate() -> None:
    """It was given to the supervisor and back, all in one, because the roster had not heard yet."""
    after = owned_by_a({"a": {}, "s": {"supervisor": True, "certifications": OLD}}).when(away())
    assert after.emits(CaseAssigned)
    assert (after.state.owner, after.last(CaseAssigned).previous) == ("s", "a")
    assert codes(after.last(CaseAssigned))[0] is ReasonCode.OWNER_LEFT


@pytest.mark.parametrize("days", [(3, 5), (5, 3), (3, 3)])
def test_of_overlapping_absences_the_first_hands_it_over_with_who_ordered_it(days: tuple[int, int]) -> None:
    told = owned_by_a()
    for since in days:
        told = told.when(away(since=day(since), why=AwayWhy.ABSENT, until=day(since + 7)))
    said = told.closes(day(2)).last(CaseAssigned)
    assert (said.owner, said.previous, said.by) == ("b", "a", "s")
    assert said.reasons[0].params["since"] == day(3).isoformat()
    assert said.reasons[0].params["note"] == "moved to audit"


def test_nobody_else_can_take_it_so_it_stays_and_is_said() -> None:
    after = owned_by_a({"a": {}}).when(away())
    assert after.last(InputRefused).reason.code is ReasonCode.NOBODY_CAN_OWN
    assert after.state.owner == "a"


def test_whoever_is_back_first_takes_what_nobody_could_take_when_its_owner_left() -> None:
    """It stayed with who had left until something was heard of the case."""
    off = [{"since": day(-5).isoformat(), "until": day(6).isoformat()}]
    after = owned_by_a({"a": {}, "s": {"supervisor": True, "absences": off}}).when(away())
    assert after.last(InputRefused).reason.code is ReasonCode.NOBODY_CAN_OWN
    told = replace(after.reference, open_work={"~away/a/2026-03-02/": 1})
    waiting = replace(after, reference=told).closes(day(5))
    assert waiting.said == ()
    assert waiting.closes(day(6)).last(CaseAssigned).owner == "s"


@pytest.mark.parametrize("change", ["absence made shorter", "somebody new"])
def test_what_nobody_may_have_is_taken_on_the_evening_of_the_change_that_lets_somebody_have_it(
    change: str,
) -> None:
    """It waited for the day that had been known when it came to the supervisor, or for ever."""
    people: dict[str, Any] = {"a": {}, "s": {"supervisor": True, "certifications": OLD}}
    held = owned_by_a(people).when(away(why=AwayWhy.ABSENT, until=day(30)))
    assert held.state.owner == "s"
    told = {"~away/a/2026-03-02/2026-04-01": 1}
    held = replace(held, reference=replace(held.reference, open_work=told))
    for n in range(9):
        held = held.closes(day(n))
        assert held.said == ()
    if change == "somebody new":
        now = replace(held.reference, roster=roster(**people, c={}))
    else:
        now = replace(held.reference, open_work={"~away/a/2026-03-02/2026-03-11": 1})
    after = replace(held, reference=now).closes(day(9))
    assert after.emits(CaseAssigned)
    assert after.last(CaseAssigned).owner == ("c" if change == "somebody new" else "a")
    assert after.state.owned_before is not None
    assert after.state.owned_before > day(3000)


def test_a_supervisor_who_holds_what_nobody_may_have_goes_on_holding_it() -> None:
    """It went to and fro between two of them, by the least load, with each word about the case."""
    heads = {name: {"supervisor": True, "certifications": OLD} for name in ("s", "t")}
    held = owned_by_a({"a": {}, **heads}, t=9).when(away())
    assert held.state.owner == "s"
    busy = {"~away/a/2026-03-02/": 1, "s": 9}
    later = replace(held, reference=replace(held.reference, open_work=busy))
    for n in range(1, 9):
        later = later.when(balance(n, OWED, LATE)).closes(day(n))
        assert not [event for event in later.said if isinstance(event, CaseAssigned)]
    assert later.state.owner == "s"


def test_an_absence_that_is_told_when_it_is_over_moves_nothing() -> None:
    """It moved the case away from who was back, and every complaint and problem with it."""
    over = away(on=day(9), since=day(2), why=AwayWhy.ABSENT, until=day(8))
    assert owned_by_a().when(over).said == ()
    last = away(on=day(9), since=day(2), why=AwayWhy.ABSENT, until=day(9))
    assert owned_by_a().when(last).emits(CaseAssigned)


def test_a_case_does_not_go_for_its_language_to_somebody_who_speaks_it_as_little() -> None:
    people = {
        "a": {"languages": ["zh"]},
        "b": {"languages": ["zh"]},
        "s": {"supervisor": True, "languages": ["zh"]},
    }
    wish = message(desk.PreferencesSet(language="en"))
    told = owned_by_a(people).when(wish)
    assert not [event for event in told.said if isinstance(event, CaseAssigned)]
    assert (told.state.owner, told.state.language) == ("a", "en")
    full = owned_by_a({**people, "b": {"languages": ["en"]}}, b=10).when(wish)
    assert full.state.owner == "a"


def test_on_the_day_a_certificate_runs_out_somebody_else_has_the_case() -> None:
    people = {"a": {"certifications": expiring(day(40))}, "b": {"capacity": 9}, "s": {"supervisor": True}}
    after = owned_by_a(people)
    assert after.state.last_day_owned == day(39)
    before = after.closes(day(38))
    assert not [event for event in before.said if isinstance(event, CaseAssigned)]
    over = before.closes(day(39))
    assert over.last(CaseAssigned).owner == "b"
    assert codes(over.last(CaseAssigned))[0] is ReasonCode.OWNER_UNCERTIFIED


def test_days_without_a_close_change_nothing_of_that() -> None:
    people = {"a": {"certifications": expiring(day(40))}, "b": {"capacity": 9}}
    late = owned_by_a(people).closes(day(90))
    assert late.last(CaseAssigned).owner == "b"


@pytest.mark.parametrize(
    ("who", "because"),
    [
        pytest.param({"left": day(3).isoformat()}, ReasonCode.OWNER_LEFT, id="left"),
        pytest.param(
            {"absences": [{"since": day(3).isoformat(), "until": day(9).isoformat()}]},
            ReasonCode.OWNER_ABSENT, id="absent",
        ),
    ],
)  # fmt: skip
def test_what_the_roster_knows_needs_no_command(who: dict[str, Any], because: ReasonCode) -> None:
    after = owned_by_a({"a": who, "b": {"capacity": 9}}).closes(day(2))
    assert after.last(CaseAssigned).owner == "b"
    assert codes(after.last(CaseAssigned))[0] is because


def test_an_owner_who_is_gone_from_the_roster_is_relieved_by_the_next_message() -> None:
    before = owned_by_a()
    smaller = replace(before, reference=reference(roster=roster(b={}, s={"supervisor": True})))
    after = smaller.when(balance(1, OWED, LATE))
    assert after.last(CaseAssigned).owner == "b"
    assert codes(after.last(CaseAssigned))[0] is ReasonCode.OWNER_LEFT


def test_an_owner_keeps_the_case_whatever_comes_and_whoever_has_more_room() -> None:
    after = owned_by_a(None, a=0)
    later = replace(after, reference=replace(after.reference, open_work={"a": 10}))
    for n in range(1, 30):
        later = later.when(balance(n, OWED, LATE)).closes(day(n))
        assert not [event for event in later.said if isinstance(event, CaseAssigned)]
    assert later.state.owner == "a"


@pytest.mark.parametrize(
    ("order", "refused"),
    [
        pytest.param(named("b"), None, id="a supervisor names somebody"),
        pytest.param(named("b", by="a"), ReasonCode.NOT_ALLOWED_TO, id="not a supervisor"),
        pytest.param(named("b", by="x"), ReasonCode.NOT_ALLOWED_TO, id="nobody we know"),
        pytest.param(named("x"), ReasonCode.OWNER_CANNOT_TAKE, id="not on the roster"),
        pytest.param(named("old"), ReasonCode.OWNER_CANNOT_TAKE, id="certificate run out"),
        pytest.param(named("off"), ReasonCode.OWNER_CANNOT_TAKE, id="absent"),
        pytest.param(named("b", reason="   "), ReasonCode.RECORD_INCOMPLETE, id="no reason"),
    ],
)
def test_a_supervisor_names_an_owner_who_may_be_one(order: Any, refused: ReasonCode | None) -> None:
    off = {"absences": [{"since": DAY.isoformat(), "until": day(9).isoformat()}]}
    after = owned_by_a({**SOMEBODY, "old": {"certifications": OLD}, "off": off}).when(order)
    if refused is None:
        said = after.last(CaseAssigned)
        assert (said.owner, said.previous, said.by) == ("b", "a", "s")
        assert said.reasons[0].params["note"] == "knows the family"
        assert after.when(order).said == ()
    else:
        assert after.emits(InputRefused)
        assert after.last(InputRefused).reason.code is refused
        assert after.state.owner == "a"


# -- a whole portfolio


class Partition:
    """Documents of one partition and their open work, kept as the fold keeps it."""

    def __init__(self, people: Roster, partitions: int) -> None:
        self.work: Counter[str] = Counter()
        self.states: dict[str, IntakeState] = {}
        self.reference: Reference = replace(
            reference(roster=people, assignment__max_open_cases=1000),
            open_work=OpenWork(self.work, partitions),
        )

    def hears(self, customer: str, message: Any) -> list[Any]:
        about = replace(message, key=customer, subject=case_id(customer, 1))
        before = self.states.get(customer)
        decision = IntakeDecider().decide(before, about, self.reference)
        assert decision.state is not None
        if before is not None and before.owner is not None:
            self.work[before.owner] -= 1
        if decision.state.owner is not None:
            self.work[decision.state.owner] += 1
        self.states[customer] = decision.state
        return [emission.data for emission in decision.emissions]


@pytest.mark.parametrize("partitions", [1, 4])
def test_three_hundred_cases_of_one_negotiator_are_handed_over(partitions: int) -> None:
    others = {name: {"capacity": 80} for name in ("b", "c", "d", "e", "f")}
    first = roster(a={"capacity": 2000})
    people = roster(a={"capacity": 2000}, **others, s={"supervisor": True, "capacity": 40})
    lanes = [Partition(first, partitions) for _ in range(partitions)]
    customers = [f"C-{n}" for n in range(300)]
    lane_of = {name: lanes[partition_of(name.encode(), partitions)] for name in customers}
    for customer in customers:
        said = lane_of[customer].hears(customer, overdue())
        assert [type(event) for event in said] == [CaseOpened, CaseAssigned]
    for lane in lanes:
        lane.reference = replace(lane.reference, roster=people)

    order = away(since=DAY)
    moved: list[tuple[str, CaseAssigned]] = []
    for customer in customers:
        for event in lane_of[customer].hears(customer, order):
            assert isinstance(event, CaseAssigned)
            moved.append((customer, event))

    assert [customer for customer, _ in moved] == customers, "none is left behind, and in order"
    assert all(codes(said)[0] is ReasonCode.OWNER_LEFT and said.previous == "a" for _, said in moved)
    load = Counter(lane_of[customer].states[customer].owner for customer in customers)
    assert load["a"] == 0
    assert sum(load.values()) == 300
    assert all(load[name] <= 80 for name in others), "nobody beyond their capacity"
    assert load["s"] <= 40
    for lane in lanes:
        # While everybody has room, the most and the least loaded differ by one case.
        counts = [lane.work[name] for name in others]
        assert max(counts) - min(counts) <= 1
        assert not lane.work["s"] or min(counts) == 80 // partitions, "a supervisor only when all are full"
    for customer in customers:
        assert lane_of[customer].hears(customer, order) == [], "a repeated command moves nothing"


# -- properties

PERSON = st.fixed_dictionaries(
    {
        "capacity": st.integers(1, 6),
        "languages": st.sampled_from([["zh"], ["en"], ["zh", "en"]]),
        "skills": st.sampled_from([["card"], ["personal_loan"]]),
        "supervisor": st.booleans(),
        "certifications": st.integers(-20, 200).map(lambda n: expiring(day(n))),
        "absences": st.lists(
            st.tuples(st.integers(0, 60), st.integers(0, 20)).map(
                lambda t: {"since": day(t[0]).isoformat(), "until": day(t[0] + t[1]).isoformat()}
            ),
            max_size=2,
        ),
        "left": st.none() | st.integers(5, 90).map(lambda n: day(n).isoformat()),
    }
)


@for_all(
    people=st.lists(PERSON, min_size=1, max_size=5), work=st.lists(st.integers(0, 7), min_size=5, max_size=5)
)
@settings(max_examples=20, deadline=None)
def test_no_negotiator_owns_a_case_without_certificate_or_while_away(people: Any, work: list[int]) -> None:
    team = roster(**{f"p{n}": who for n, who in enumerate(people)})
    load = {who.id: work[n] for n, who in enumerate(team.negotiators)}
    now = given(IntakeDecider(), replace(reference(roster=team), open_work=load)).when(overdue())
    for n in range(70):
        owner = team.get(now.state.owner) if now.state.owner is not None else None
        fit = [who for who in team.negotiators if who.may_own_on(day(n), certified=True)]
        if owner is not None and not owner.supervisor and fit:
            assert owner.may_own_on(day(n), certified=True), f"on day {n}"
        now = now.closes(day(n))
        for said in (event for event in now.said if isinstance(event, CaseAssigned)):
            taken = team.get(said.owner)
            assert taken is not None
            assert said.previous != said.owner
            tomorrow = day(n) + timedelta(days=1)
            if taken.may_own_on(tomorrow, certified=True):
                room = [w for w in fit if load[w.id] < w.capacity]
                assert load[taken.id] < taken.capacity or not [
                    who
                    for who in room
                    if who.may_own_on(tomorrow, certified=True) and who.id != said.previous
                ]
            else:
                assert taken.supervisor
                assert taken.present_on(tomorrow)


@for_all(people=st.lists(PERSON, min_size=1, max_size=4), on=st.integers(0, 120))
@settings(max_examples=40, deadline=None)
def test_the_first_day_on_which_a_person_may_not_own_is_known(people: Any, on: int) -> None:
    for who in roster(**{f"p{n}": person for n, person in enumerate(people)}).negotiators:
        if not who.may_own_on(day(on), certified=True):
            continue
        end: date | None = who.owns_before(day(on), certified=True)
        days = [day(on + n) for n in range(1, 400)]
        assert end == next((d for d in days if not who.may_own_on(d, certified=True)), None)
