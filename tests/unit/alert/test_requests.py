"""Who asks for a person or an explanation has an answer in time, or somebody hears that they have not."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from itertools import permutations
from typing import Any

import pytest

from services.alert.decide import AlertDecider
from services.alert.model import AlertState
from services.cli.catalogue import policies_dir
from shared.contracts import desk
from shared.contracts.alert import AlertEscalated, AlertKind, AlertRaised, AlertResolved, RemedyStarted
from shared.contracts.alert_steps import StepCaughtUp, StepOverdue, StepReminded
from shared.contracts.base import Event, Reason
from shared.contracts.desk_talks import ExplanationRequested, HumanRequested, RequestAnswered, RequestKind
from shared.contracts.intake import CaseClosed, CloseReason
from shared.contracts.intake_team import ConductChanged
from shared.contracts.offer import DecisionExplained, HumanReviewOpened
from shared.contracts.reasons import ReasonCode
from shared.policy.loader import PolicyBook
from shared.policy.testing import example_pack
from shared.texts import LANGUAGES, story
from tests.unit.alert.test_timetable import contact, performing
from tests.unit.builders import message, reference
from tests.unit.intake.team import roster
from tests.unit.spec import Given, given

MONDAY = date(2026, 3, 16)
TALKED = desk.ContactOutcome.TALKED
WHY = Reason(code=ReasonCode.PLANS_COMPARED)


def kept_plan(*packs: Any, **overrides: Any) -> Given:
    """A case whose plan is kept: no step of its own is open."""
    packs = packs or (example_pack(**overrides),)
    return replace(performing(), reference=reference(*packs, roster=roster(a={})), said=())


def human(on: date = MONDAY) -> Any:
    return message(HumanRequested(), on)


def why(about: str | None = None, on: date = MONDAY) -> Any:
    return message(ExplanationRequested(about=about), on)


def explained(about: str | None = None, on: date = MONDAY) -> Any:
    data = DecisionExplained(about=about, as_of=on, reasons=(WHY,), policy_version="x", next_step=WHY)
    return message(data, on)


def answers(what: RequestKind, about: str | None = None) -> tuple[RequestAnswered, ...]:
    return (RequestAnswered(what=what, about=about),)


A_PERSON, HOW_IT_STANDS = answers(RequestKind.HUMAN), answers(RequestKind.EXPLANATION)


def talk(on: date, *told: RequestAnswered, hour: int = 9, outcome: Any = TALKED) -> Any:
    """A talk in which `told` were answered."""
    one = contact(on, outcome, hour=hour)
    return replace(one, data=one.data.model_copy(update={"answers": told}))


def refused(code: ReasonCode) -> Any:
    """What offer says when a person is to read why somebody has said no."""
    due = MONDAY + timedelta(days=2)
    reason = Reason(code=code, params={"due": due.isoformat()})
    return message(HumanReviewOpened(role="supervisor", due=due, reason=reason), MONDAY)


@pytest.mark.parametrize("code", [ReasonCode.REFUSED_IN_OWN_WORDS, ReasonCode.NEXT_HUMAN_REVIEW])
def test_who_has_said_no_and_was_told_of_a_person_hears_from_one(code: ReasonCode) -> None:
    now = kept_plan().when(refused(code))
    late = now.closes(MONDAY + timedelta(days=2))
    assert late.last(StepOverdue).step == "request_answer"
    assert late.when(talk(MONDAY + timedelta(days=3), *A_PERSON)).emits(StepCaughtUp, AlertResolved)
    talked = now.when(talk(MONDAY + timedelta(days=1), *A_PERSON))
    assert talked.closes(MONDAY + timedelta(days=2)).said == ()
    assert kept_plan().when(refused(ReasonCode.CURRENCY_APART)).closes(MONDAY + timedelta(days=9)).said == ()


def lives(now: Given, last: date) -> list[tuple[date, type[Event]]]:
    """Close every day from that of the request on; give what was said, by day."""
    said = []
    for n in range((last - MONDAY).days + 1):
        now = now.closes(MONDAY + timedelta(days=n))
        said += [(MONDAY + timedelta(days=n), type(event)) for event in now.said]
    return said


def test_who_asks_for_a_person_has_one_by_the_day_or_it_is_escalated() -> None:
    now = kept_plan().when(human())
    assert now.said == ()
    due = MONDAY + timedelta(days=2)  # talks.human_business_days
    assert now.closes(due - timedelta(days=1)).said == ()
    late = now.closes(due)
    assert late.emits(StepOverdue, AlertRaised, RemedyStarted)
    said = late.last(StepOverdue)
    assert (said.step, said.action, said.due) == ("request_answer", "answer_request", due)
    assert (said.owner_role, said.escalate_to) == ("supervisor", "supervisor")
    assert late.last(AlertRaised).kind is AlertKind.STEP_OVERDUE
    assert late.closes(MONDAY + timedelta(days=90)).emits(AlertEscalated)
    in_vain = late.when(contact(due + timedelta(days=1)))
    assert in_vain.said == ()
    done = in_vain.when(talk(due + timedelta(days=2), *A_PERSON))
    assert done.emits(StepCaughtUp, AlertResolved)
    assert done.state.requests == ()
    for lang in LANGUAGES:
        assert "request_answer" not in story(StepOverdue.TYPE, lang, said)


@pytest.mark.parametrize(
    ("answer_days", "due"),
    [(5, date(2026, 3, 21)), (1, date(2026, 3, 17)), (30, date(2026, 3, 30))],  # 30: the house's own ten
)
def test_an_explanation_that_cannot_be_given_at_once_is_given_by_the_packs_day(
    answer_days: int, due: date
) -> None:
    now = kept_plan(data_protection__answer_days=answer_days).when(why("an-old-offer"))
    said = lives(now, due)
    assert said[-3:] == [(due, StepOverdue), (due, AlertRaised), (due, RemedyStarted)]
    reminded = [on for on, what in said[:-3] if what is StepReminded]
    assert len(said) == 3 + len(reminded)
    assert all(MONDAY < on < due for on in reminded)
    assert bool(reminded) is (answer_days > 3)
    talked = now.when(talk(due, *answers(RequestKind.EXPLANATION, "an-old-offer")))
    assert talked.said == ()
    assert lives(talked, due + timedelta(days=60)) == []


def test_the_shortest_of_all_packs_of_the_case_counts() -> None:
    one = example_pack(data_protection__answer_days=9)
    two = example_pack({"id": "other-card"}, data_protection__answer_days=4)
    now = kept_plan(one, two).when(
        message(ConductChanged(as_of=MONDAY, packs=("example-card", "other-card")), MONDAY), why()
    )
    assert [one.due for one in now.state.requests] == [MONDAY + timedelta(days=4)]


@pytest.mark.parametrize("about", [None, "offer-1"])
def test_what_is_explained_at_once_says_nothing_in_whatever_order_it_is_heard(about: str | None) -> None:
    for order in permutations([why(about), explained(about)]):
        now = kept_plan().when(*order)
        assert (now.said, now.state.requests, now.state.explained) == ((), (), ())
        assert lives(now, MONDAY + timedelta(days=60)) == []


def test_an_explanation_of_something_else_answers_nothing() -> None:
    for order in permutations([why("offer-1"), explained("offer-2")]):
        assert len(kept_plan().when(*order).state.requests) == 1


def test_an_explanation_is_no_person() -> None:
    now = kept_plan().when(human(), why(), explained())
    assert [one.what for one in now.state.requests] == ["human"]


def test_a_talk_that_was_heard_of_first_answers_what_was_asked_before_it() -> None:
    for order in permutations([human(), talk(MONDAY, *A_PERSON, hour=15)]):
        assert lives(kept_plan().when(*order), MONDAY + timedelta(days=60)) == []
    for order in permutations([human(), talk(MONDAY, *A_PERSON, hour=8)]):
        assert len(kept_plan().when(*order).state.requests) == 1, "said before it was asked for"


@pytest.mark.parametrize(
    "other",
    [
        contact(MONDAY, TALKED, hour=15),  # about something else: the desk names what a talk answers
        talk(MONDAY, *HOW_IT_STANDS, hour=15),
        talk(MONDAY, *answers(RequestKind.EXPLANATION, "offer-2"), hour=15),
        talk(MONDAY, *A_PERSON, *answers(RequestKind.EXPLANATION, "offer-1"), hour=15,
             outcome=desk.ContactOutcome.NO_ANSWER),  # nobody was told anything
    ],
)  # fmt: skip
def test_a_talk_about_something_else_ends_no_request(other: Any) -> None:
    for order in permutations([human(), why("offer-1"), other]):
        now = kept_plan().when(*order)
        assert [one.what for one in now.state.requests if one.about != "offer-2"] == [
            one.what for one in kept_plan().when(*(m for m in order if m is not other)).state.requests
        ]
    later = kept_plan().when(human(), why("offer-1"), other).closes(MONDAY + timedelta(days=2))
    assert later.emits(StepOverdue, AlertRaised, RemedyStarted), "the days run on"


def test_one_talk_answers_several_and_each_only_what_it_names() -> None:
    asked = kept_plan().when(human(), why(), why("offer-1"))
    both = asked.when(talk(MONDAY, *A_PERSON, *HOW_IT_STANDS, hour=15))
    assert [(one.what, one.about) for one in both.state.requests] == [("explanation", "offer-1")]
    again = asked.when(talk(MONDAY, *A_PERSON, hour=15), human(MONDAY + timedelta(days=1)))
    assert [one.due for one in again.state.requests if one.what == "human"] == [MONDAY + timedelta(days=3)], (
        "what was asked for after the answer is asked for anew"
    )


def test_asking_again_does_not_begin_the_days_anew() -> None:
    now = kept_plan().when(human(), human(MONDAY + timedelta(days=1)))
    assert [one.due for one in now.state.requests] == [MONDAY + timedelta(days=2)]


def test_the_answer_is_owed_after_the_case_is_closed() -> None:
    closed = message(CaseClosed(as_of=MONDAY, reason=CloseReason.SETTLED), MONDAY)
    now = kept_plan().when(human(), closed)
    late = now.closes(MONDAY + timedelta(days=2))
    assert late.emits(StepOverdue, AlertRaised, RemedyStarted)
    again = kept_plan().when(human()).closes(MONDAY + timedelta(days=2))
    again = again.when(message(CaseClosed(as_of=MONDAY, reason=CloseReason.SETTLED), MONDAY + timedelta(3)))
    assert AlertResolved not in {type(event) for event in again.said}, "closing a case answers nobody"
    for one in (late, again):
        assert one.when(talk(MONDAY + timedelta(days=4), *A_PERSON)).emits(StepCaughtUp, AlertResolved)


def test_what_is_asked_and_answered_after_the_end_is_so_in_any_order() -> None:
    closed = message(CaseClosed(as_of=MONDAY, reason=CloseReason.SETTLED), MONDAY)
    for order in permutations([human(), talk(MONDAY, *A_PERSON, hour=15), closed]):
        assert kept_plan().when(*order).state.requests == ()


def test_what_stops_the_debt_does_not_stop_the_answer() -> None:
    now = kept_plan()
    halted = replace(now, state=now.state.model_copy(update={"halted": True})).when(human())
    assert halted.closes(MONDAY + timedelta(days=2)).emits(StepOverdue, AlertRaised, RemedyStarted)


def test_a_document_of_version_4_keeps_its_requests() -> None:
    old = kept_plan().when(human(), why("offer-1")).state.model_dump(mode="json")
    del old["answered"]
    now = replace(kept_plan(), state=AlertState.model_validate(old, strict=False))
    assert now.when(contact(MONDAY, TALKED, hour=15)).state.requests == now.state.requests
    left = now.when(talk(MONDAY, *A_PERSON, hour=15)).state.requests
    assert [(one.what, one.about) for one in left] == [("explanation", "offer-1")]


def test_a_document_of_version_3_has_no_request() -> None:
    old = kept_plan().state.model_dump(mode="json")
    later = {"requests", "explained", "answered"}
    before = {name: value for name, value in old.items() if name not in later}
    state = AlertState.model_validate(before, strict=False)
    assert (state.requests, state.explained, state.answered) == ((), (), ())


PACKS = PolicyBook.load(policies_dir())


@pytest.mark.parametrize("pack", PACKS.pack_ids)
def test_every_pack_has_its_days_and_who_answers(pack: str) -> None:
    base = performing()
    now = given(AlertDecider(), replace(base.reference, policies=PACKS))
    now = replace(now, state=base.state.model_copy(update={"policy": pack, "packs": (pack,)}))
    for asked in (human(), why()):
        after = now.when(asked)
        (request,) = after.state.requests
        assert MONDAY < request.due <= MONDAY + timedelta(days=30)
        late = after.closes(request.due)
        assert late.last(StepOverdue).owner_role != late.last(StepOverdue).escalate_to


def test_who_owns_the_case_is_not_named_as_the_supervisor_whose_step_it_is() -> None:
    """The story said `supervisor: n-chen` of a negotiator, whose own talk was to be reviewed, too."""
    base = performing()
    assert base.state.owner is not None
    now = given(AlertDecider(), replace(base.reference, policies=PACKS))
    now = replace(now, state=base.state.model_copy(update={"policy": "cn-card", "packs": ("cn-card",)}))
    asked = now.when(human())
    reminded = asked.state.requests[0].remind_on
    assert reminded is not None
    first = asked.closes(reminded)
    late = first.closes(asked.state.requests[0].due)
    for said in (first.last(StepReminded), late.last(StepOverdue)):
        assert (said.owner_role, said.owner) == ("supervisor", None)
