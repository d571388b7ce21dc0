"""Whose a live plan and its problems are; promises, support and satisfaction."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from services.followup.decide import FollowupDecider
from services.followup.problems import RETURNED_BEFORE
from shared.contracts import desk, intake
from shared.contracts.departures import Departure, work_of
from shared.contracts.desk_care import (
    ProblemNoted,
    ProblemSolved,
    SatisfactionGiven,
    SatisfactionTopic,
    SessionKind,
    SupportJoined,
    SupportSessionHeld,
)
from shared.contracts.desk_team import AwayWhy, OwnerAway
from shared.contracts.followup import (
    InputRefused,
    PlanStarted,
    PromiseBroken,
    PromiseKept,
)
from shared.contracts.followup_care import (
    OwnerTookOver,
    ProblemHandedOver,
    ProblemOpened,
    ProblemOverdue,
    ProblemResolved,
    ReferralMade,
    SatisfactionAsked,
    SatisfactionNoted,
    SupportEnrolled,
    SupportSessionNoted,
)
from shared.contracts.reasons import ReasonCode
from shared.policy.roster import Absence, Roster
from tests.unit.builders import DAY, case_opened, cny, message, paid, reference, signed, taken_back
from tests.unit.followup.plans import FIRST, PLAIN, ROWS, SECOND, live, lives_to
from tests.unit.followup.test_keeping import hardship
from tests.unit.spec import given

# --- owners and problems


def owned(by: str, day: date = DAY) -> Any:
    return message(intake.CaseAssigned(owner=by), day)


def test_a_live_plan_has_a_named_owner_and_a_hand_over_moves_its_problems() -> None:
    start = given(FollowupDecider(), reference(**PLAIN)).when(message(case_opened()), owned("n-1"))
    plan = start.when(message(signed(*ROWS)))
    assert plan.last(PlanStarted).owner == "n-1"
    noted = plan.when(message(ProblemNoted(problem_id="q", about="wrong account"), FIRST))
    opened = noted.last(ProblemOpened)
    assert (opened.owner, opened.owner_role, opened.due) == ("n-1", "negotiator", date(2026, 4, 30))
    other = noted.when(message(ProblemNoted(problem_id="r", about="letters", owner="n-9"), FIRST))
    moved = other.when(owned("n-2", FIRST))
    assert moved.emits(OwnerTookOver)
    assert moved.last(OwnerTookOver).model_dump() == {"owner": "n-2", "before": "n-1", "problems": ("q",)}
    assert moved.when(owned("n-2", FIRST)).said == ()


def leaves(staff: str, why: AwayWhy = AwayWhy.LEFT) -> Any:
    return message(OwnerAway(staff=staff, why=why, since=FIRST, by="s-1", reason="leaves the house"), FIRST)


def test_who_leaves_leaves_the_problems_on_others_cases_to_who_owns_them() -> None:
    """They stayed with who had left: only the case's former owner handed problems over."""
    plan = given(FollowupDecider(), reference(**PLAIN)).when(message(case_opened()), owned("n-1"))
    due = FIRST + timedelta(days=6)
    known = plan.when(
        message(signed(*ROWS)),
        message(ProblemNoted(problem_id="q", about="wrong account"), FIRST),
        message(ProblemNoted(problem_id="r", about="letters", owner="n-9", due=due), FIRST),
    )
    gone = known.when(leaves("n-9"))
    assert gone.said == (ProblemHandedOver(problem_id="r", owner="n-1", before="n-9", due=due),)
    assert gone.when(leaves("n-9")).said == ()
    assert known.when(leaves("n-9", AwayWhy.CERTIFICATE)).said == (), "no certificate is needed to solve one"
    assert known.when(leaves("n-8")).said == ()
    over = {"why": AwayWhy.ABSENT, "until": FIRST - timedelta(days=1)}
    late = leaves("n-9").data.model_copy(update=over)
    assert known.when(message(late, FIRST)).said == (), "told when it is over"
    assert known.when(leaves("n-1")).said == (), "that goes with the case"
    for first, second in ((leaves("n-9"), owned("n-2", FIRST)), (owned("n-2", FIRST), leaves("n-9"))):
        both = known.when(first, second)
        assert [problem.owner for problem in both.state.problems] == ["n-2", "n-2"], "in either order"
    late = lives_to(gone.when(message(paid("300.00", SECOND))), due)
    assert late.last(ProblemOverdue).owner == "n-1"


@pytest.mark.parametrize("told", ["roster", "command"])
@pytest.mark.parametrize("closed", [False, True])
def test_a_problem_given_to_somebody_who_is_not_there_is_somebody_elses_that_evening(
    told: str, *, closed: bool
) -> None:
    """The order to hand over was said of the problems that there were; the roster's word of none at all."""
    away = Absence(since=DAY, until=FIRST + timedelta(days=1))
    start = given(FollowupDecider(), reference(**PLAIN)).when(message(case_opened()))
    start = start.when(owned("n-1" if closed else "n-2"))
    gone = intake.CaseClosed(as_of=FIRST, reason=intake.CloseReason.PLAN_COMPLETED)
    noted = start.when(
        message(signed(*ROWS)),
        message(paid("300.00", DAY)),
        message(ProblemNoted(problem_id="q", about=RETURNED_BEFORE, owner="n-1"), FIRST),
        *([message(gone, FIRST)] if closed else []),
    )
    assert noted.closes(FIRST).state.problems[0].owner == "n-1", "who is there keeps it"
    if told == "roster":
        who = noted.reference.roster.get("n-1").model_copy(update={"absences": (away,)})
        ref = replace(noted.reference, roster=Roster(negotiators=(who,)))
    else:
        words = work_of([Departure(staff="n-1", since=away.since, until=away.until)])
        ref = replace(noted.reference, open_work=Counter(words))
    handed = replace(noted, reference=ref).closes(FIRST)
    said = handed.last(ProblemHandedOver)
    assert (said.owner, said.before) == (None if closed else "n-2", "n-1")
    assert not any(
        isinstance(one, ProblemHandedOver) for one in handed.closes(FIRST + timedelta(days=1)).said
    )
    # Who is back on the next day keeps it.
    later = replace(noted, reference=ref).closes(away.until)
    assert not any(isinstance(one, ProblemHandedOver) for one in later.said)


def test_of_a_closed_case_a_problem_of_who_leaves_is_the_roles() -> None:
    plan = given(FollowupDecider(), reference(**PLAIN)).when(message(case_opened()), owned("n-1"))
    closed = plan.when(
        message(signed(*ROWS)),
        message(intake.CaseClosed(as_of=FIRST, reason=intake.CloseReason.SOLD), FIRST),
        message(intake.BankAnswered(instruction_id="I-1", confirmed=False, as_of=FIRST), FIRST),
    )
    assert closed.last(ProblemOpened).owner == "n-1"
    assert closed.when(leaves("n-1")).last(ProblemHandedOver).owner is None


def test_a_problem_escalates_after_its_day_and_its_time_is_measured() -> None:
    due = FIRST + timedelta(days=6)
    plan = live().when(
        message(paid("300.00", SECOND)), message(ProblemNoted(problem_id="q", about="x", due=due), FIRST)
    )
    late = lives_to(plan, due)
    assert late.last(ProblemOverdue).to_role == "supervisor"
    assert not any(
        isinstance(event, ProblemOverdue) for event in lives_to(late, due + timedelta(days=9)).said
    )
    solved = late.when(message(ProblemSolved(problem_id="q", by="n-1"), due + timedelta(days=2)))
    assert solved.last(ProblemResolved).days == 8
    unknown = solved.when(message(ProblemSolved(problem_id="q", by="n-1")))
    assert unknown.last(InputRefused).reason.code is ReasonCode.PROBLEM_UNKNOWN
    twice = plan.when(message(ProblemNoted(problem_id="q", about="x"), FIRST))
    assert twice.last(InputRefused).reason.code is ReasonCode.PROBLEM_KNOWN
    closed = plan.when(message(intake.CaseClosed(as_of=SECOND, reason=intake.CloseReason.SOLD), SECOND))
    assert closed.last(ProblemResolved).by == "case_closed"


def test_a_return_of_what_was_paid_before_the_plan_is_a_persons_problem() -> None:
    """The plan divides balances that it had lowered; its signed instalments are not touched."""
    before = DAY - timedelta(days=9)
    back = message(taken_back("80.00", before, FIRST), FIRST)
    plan = given(FollowupDecider(), reference(**PLAIN)).when(message(case_opened()), owned("n-1"))
    plan = plan.when(message(paid("80.00", before)), message(signed(*ROWS))).when(back)
    assert plan.emits(ProblemOpened)
    assert plan.last(ProblemOpened).owner == "n-1"
    assert [str(line.total) for line in plan.state.plan.lines] == ["100.00"] * 3
    assert plan.when(back).said == ()


# --- promises, support, satisfaction


def test_promises_kept_and_broken_are_counted_and_recounted() -> None:
    case = given(FollowupDecider(), reference()).when(message(case_opened()))
    due = DAY + timedelta(days=3)
    made = [desk.PromiseMade(promise_id=name, amount=cny("50.00"), due=due) for name in "ab"]
    plan = case.when(*(message(promise) for promise in made), message(paid("50.00", DAY))).closes(DAY)
    assert (plan.last(PromiseKept).kept_in_all, plan.last(PromiseKept).broken_in_all) == (1, 0)
    broken = plan.closes(due + timedelta(days=9))
    assert (broken.last(PromiseBroken).kept_in_all, broken.last(PromiseBroken).broken_in_all) == (1, 1)
    back = broken.when(message(taken_back("50.00", DAY, due), due + timedelta(days=10)))
    back = back.closes(due + timedelta(days=10))
    assert (back.state.promises_kept, back.state.promises_broken) == (0, 2)


def test_the_support_group_is_for_whom_the_rule_offers_it() -> None:
    join = message(SupportJoined(channel="app"), FIRST)
    assert live().when(join).last(InputRefused).reason.code is ReasonCode.SUPPORT_NOT_OFFERED
    day = FIRST + timedelta(days=1)
    offered = live().when(hardship(day, date(2026, 9, 1)))
    enrolled = offered.when(message(SupportJoined(channel="app"), day))
    assert enrolled.emits(SupportEnrolled)
    assert enrolled.when(message(SupportJoined(channel="app"), day)).said == ()

    def session(id_: str, kind: SessionKind, *, came: bool, to: str | None = None) -> Any:
        at = datetime(2026, 4, 20, 18, tzinfo=UTC)
        held = SupportSessionHeld(
            session_id=id_, session=kind, at=at, place="branch", attended=came, referred_to=to
        )
        return message(held, date(2026, 4, 20))

    seminar = enrolled.when(session("s1", SessionKind.SEMINAR, came=True))
    assert seminar.emits(SupportSessionNoted, SatisfactionAsked)
    assert seminar.last(SatisfactionAsked).topic is SatisfactionTopic.SEMINAR
    tax = seminar.when(session("s2", SessionKind.TAX_ADVICE, came=True, to="tax_office"))
    assert tax.emits(SupportSessionNoted, ReferralMade)
    absent = tax.when(session("s3", SessionKind.SEMINAR, came=False))
    assert absent.emits(SupportSessionNoted)
    noted = absent.last(SupportSessionNoted)
    assert (noted.sessions, noted.attended_in_all) == (3, 2)
    assert absent.when(session("s3", SessionKind.SEMINAR, came=True)).said == ()
    about = (desk.FeedbackTheme.PEOPLE,)
    given_ = SatisfactionGiven(topic=SatisfactionTopic.SEMINAR, score=5, about=about)
    told = absent.when(message(given_, FIRST))
    assert told.last(SatisfactionNoted).about == about
    assert told.emits(SatisfactionNoted)
    outside = live().when(session("s1", SessionKind.SEMINAR, came=True))
    assert outside.last(InputRefused).reason.code is ReasonCode.SUPPORT_NOT_OFFERED
    waiting = offered.when(session("s1", SessionKind.SEMINAR, came=True))
    assert waiting.last(InputRefused).reason.code is ReasonCode.SUPPORT_NOT_JOINED
