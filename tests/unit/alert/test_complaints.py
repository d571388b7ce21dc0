"""Complaints have owner, deadline and a final response; after attempts in vain a person decides."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from services.alert.decide import AlertDecider
from services.alert.model import AlertStatus
from shared.contracts import desk, desk_contact, intake
from shared.contracts.alert import (
    AlertEscalated,
    AlertKind,
    AlertRaised,
    AlertResolved,
    ComplaintAssigned,
    ComplaintClosed,
    ComplaintHandedOver,
    ComplaintOpened,
    ComplaintShortened,
    InputRefused,
    RemedyStarted,
)
from shared.contracts.base import Personal
from shared.contracts.departures import Departure, work_of
from shared.contracts.desk_team import AwayWhy, OwnerAway
from shared.contracts.intake_team import ConductChanged
from shared.contracts.reasons import ReasonCode
from shared.policy.roster import Absence, Roster
from shared.policy.testing import example_pack
from shared.texts import text
from tests.unit.builders import DAY, case_opened, message, reference
from tests.unit.intake.team import roster
from tests.unit.spec import Given, given

LAST = DAY + timedelta(days=56)  # the example pack: so many days until the final response


def case(**overrides: Any) -> Given:
    return given(AlertDecider(), reference(**overrides)).when(message(case_opened()))


def made(name: str = "K-1", owner: str = "s-7") -> desk.ComplaintMade:
    return desk.ComplaintMade(complaint_id=name, words=Personal(value="…"), owner=owner)


def answer(name: str = "K-1", *, final: bool = True) -> desk_contact.ComplaintAnswered:
    return desk_contact.ComplaintAnswered(complaint_id=name, by="s-7", final=final, words=Personal(value="…"))


def called(outcome: desk.ContactOutcome, *, inbound: bool = False) -> desk.ContactRecorded:
    way = desk.ContactDirection.INBOUND if inbound else desk.ContactDirection.OUTBOUND
    return desk.ContactRecorded(
        at=datetime(2026, 3, 2, 9, tzinfo=UTC), place="office", participants=("n-1",),
        key_points=Personal(value="…"), direction=way, outcome=outcome, channel="phone",
    )  # fmt: skip


NO_ANSWER, TALKED = desk.ContactOutcome.NO_ANSWER, desk.ContactOutcome.TALKED


def test_a_complaint_has_its_owner_and_its_days_once() -> None:
    opened = case().when(message(made()))
    assert opened.emits(ComplaintOpened)
    said = opened.last(ComplaintOpened)
    assert (said.owner, said.owner_role, said.answer_by) == ("s-7", "supervisor", LAST)
    assert DAY < said.acknowledge_by < LAST
    assert opened.when(message(made())).said == ()


def test_the_final_response_closes_it_and_an_interim_one_does_not() -> None:
    opened = case().when(message(made()))
    assert opened.when(message(answer(final=False), DAY + timedelta(days=3))).said == ()
    closed = opened.when(message(answer(), DAY + timedelta(days=9))).last(ComplaintClosed)
    assert (closed.days, closed.in_time, closed.by) == (9, True, "s-7")


def test_without_a_final_response_in_time_somebody_is_alerted_until_it_comes() -> None:
    opened = case().when(
        message(made()), message(made("K-2"), DAY + timedelta(days=1)),
        message(answer(final=False), DAY + timedelta(days=1)),
        message(answer("K-2", final=False), DAY + timedelta(days=1)),
    )  # fmt: skip
    assert opened.closes(LAST - timedelta(days=1)).said == ()
    late = opened.closes(LAST)
    assert late.emits(AlertRaised, RemedyStarted)
    assert late.last(AlertRaised).kind is AlertKind.COMPLAINT_OVERDUE
    both = late.closes(LAST + timedelta(days=1))
    assert both.said == (), "one alert for all of them"
    first = both.when(message(answer(), LAST + timedelta(days=1)))
    assert first.emits(ComplaintClosed)
    assert not first.last(ComplaintClosed).in_time
    second = first.when(message(answer("K-2"), LAST + timedelta(days=2)))
    assert second.emits(ComplaintClosed, AlertResolved)
    assert late.closes(LAST + timedelta(days=10)).emits(AlertEscalated)


def test_without_an_acknowledgement_in_time_who_answers_for_it_is_alerted() -> None:
    """It was only said until when; that nobody had acknowledged it came up after eight weeks."""
    opened = case().when(
        message(_owned("n-1")), message(made()), message(made("K-2"), DAY + timedelta(days=1))
    )
    by = DAY + timedelta(days=7)
    assert opened.said[0].model_dump()["acknowledge_by"] == by
    assert opened.closes(by - timedelta(days=1)).said == ()
    late = opened.closes(by)
    assert late.emits(AlertRaised, RemedyStarted)
    raised = late.last(AlertRaised)
    assert (raised.kind, raised.about, raised.owner) == (AlertKind.COMPLAINT_UNACKNOWLEDGED, "K-1", "s-7")
    assert raised.reasons[0].params == {"due": by.isoformat()}
    assert late.last(RemedyStarted).due > by
    first = late.closes(by + timedelta(days=1)).when(message(answer(final=False), by + timedelta(days=1)))
    assert first.said == (), "one alert for all of them"
    second = first.when(message(answer("K-2", final=False), by + timedelta(days=2)))
    assert second.last(AlertResolved).reason.code is ReasonCode.COMPLAINT_ACKNOWLEDGED
    assert late.closes(by + timedelta(days=7)).emits(AlertEscalated)
    assert late.when(message(answer(), by + timedelta(days=1))).emits(ComplaintClosed, AlertResolved)


def test_an_acknowledgement_in_time_leaves_only_the_final_response() -> None:
    acknowledged = case().when(message(made()), message(answer(final=False), DAY + timedelta(days=1)))
    assert acknowledged.closes(LAST - timedelta(days=1)).said == ()
    late = acknowledged.closes(LAST)
    assert late.last(AlertRaised).kind is AlertKind.COMPLAINT_OVERDUE


def test_where_both_end_on_one_day_only_the_final_response_is_missed() -> None:
    late = case(**{"complaints.acknowledge_business_days": 90}).when(message(made())).closes(LAST)
    assert late.emits(AlertRaised, RemedyStarted)
    assert late.last(AlertRaised).kind is AlertKind.COMPLAINT_OVERDUE


def test_a_complaint_that_the_role_answers_for_names_no_negotiator() -> None:
    nobody = made().model_copy(update={"owner": None})
    late = case().when(message(_owned("n-1")), message(nobody)).closes(LAST)
    assert late.last(AlertRaised).owner is None


def test_a_closed_case_owes_the_answer_all_the_same() -> None:
    gone = intake.CaseClosed(as_of=DAY, reason=intake.CloseReason.SETTLED)
    closed = case().when(message(made()), message(gone))
    late = closed.closes(DAY + timedelta(days=7)).closes(LAST)
    assert late.last(AlertRaised).kind is AlertKind.COMPLAINT_OVERDUE
    assert late.state.status is AlertStatus.CLOSED
    done = late.when(message(answer(), LAST))
    assert done.emits(ComplaintClosed, AlertResolved, AlertResolved)
    assert done.state.status is AlertStatus.CLOSED
    assert closed.when(message(made("K-9"), DAY)).emits(ComplaintOpened)


def test_an_answer_to_no_complaint_is_refused() -> None:
    refused = case().when(message(answer())).last(InputRefused)
    assert refused.reason.code is ReasonCode.COMPLAINT_UNKNOWN


def test_a_word_after_the_final_response_is_not_told_that_nobody_complained() -> None:
    answered = case().when(message(made()), message(answer()))
    late = answered.when(message(answer(final=False))).last(InputRefused)
    assert "final response already" in text(late.reason.code)
    assert "已经作出最终答复" in text(late.reason.code, lang="zh")


def test_after_attempts_in_vain_a_person_decides() -> None:
    there = case(**{"contact_rules.failed_attempts_until_person": 3})
    two = there.when(message(called(NO_ANSWER)), message(called(NO_ANSWER)))
    assert two.said == ()
    three = two.when(message(called(NO_ANSWER)))
    assert three.last(AlertRaised).kind is AlertKind.CONTACT_IN_VAIN
    assert three.last(AlertRaised).reasons[0].params == {"attempts": "3"}
    assert three.when(message(called(NO_ANSWER))).said == (), "one alert"
    resumed = three.when(message(desk_contact.ContactResumed(by="s-1", reason="write instead")))
    assert resumed.last(AlertResolved).reason.code is ReasonCode.PERSON_DECIDED
    assert resumed.state.in_vain == 0
    assert two.when(message(called(TALKED)), message(called(NO_ANSWER))).said == ()
    heard = three.when(message(called(NO_ANSWER, inbound=True)))
    assert heard.last(AlertResolved).reason.code is ReasonCode.CONTACT_MADE


def _owned(owner: str, previous: str | None = None) -> intake.CaseAssigned:
    return intake.CaseAssigned(owner=owner, previous=previous)


@pytest.mark.parametrize("complaint_first", [True, False])
def test_a_complaint_changes_hands_with_the_case_and_keeps_its_day(complaint_first: bool) -> None:
    """It stayed with a negotiator who had left, and nobody heard that it was theirs."""
    facts = [message(made("K-1", owner="n-1"), DAY), message(_owned("n-2", "n-1"), DAY)]
    opened = case().when(message(_owned("n-1"), DAY), message(made("K-2", owner="s-1"), DAY))
    heard = opened.when(*(facts if complaint_first else reversed(facts)))
    closed = heard.closes(DAY)
    said = closed.last(ComplaintHandedOver)
    (item,) = [one for one in closed.state.complaints if one.complaint_id == "K-1"]
    assert (said.complaint_id, said.owner, said.before) == ("K-1", "n-2", "n-1")
    assert said.answer_by == item.answer_by
    assert {one.complaint_id: one.owner for one in closed.state.complaints} == {"K-1": "n-2", "K-2": "s-1"}
    again = closed.closes(DAY + timedelta(days=1))
    assert not again.emits(ComplaintHandedOver)
    back = again.when(message(_owned("n-1", "n-2"), DAY + timedelta(days=2))).closes(DAY + timedelta(days=2))
    assert back.last(ComplaintHandedOver).owner == "n-1"


def test_a_complaint_that_is_given_to_a_former_owner_later_stays_theirs() -> None:
    later = DAY + timedelta(days=3)
    moved = case().when(message(_owned("n-1"), DAY), message(_owned("n-2", "n-1"), DAY))
    given_ = moved.when(message(made("K-1", owner="n-1"), later)).closes(later)
    assert not given_.emits(ComplaintHandedOver)
    assert given_.state.complaints[0].owner == "n-1"


# --- who answers for a complaint and leaves, though the case is somebody else's

ALL_DAYS = [{"name": "collections", "issued": "2010-01-01", "expires": "2035-01-01"}]


def _team(**of_s_2: Any) -> Roster:
    person = {"skills": ["card"], "languages": ["zh"], "capacity": 10, "certifications": ALL_DAYS}
    heads = {name: {**person, "id": name, "supervisor": True} for name in ("s-1", "s-2")}
    heads["s-2"] |= of_s_2
    return Roster.model_validate({"negotiators": [{**person, "id": "n-1"}, *heads.values()]})


def _leaves(staff: str, since: date, why: AwayWhy = AwayWhy.LEFT) -> OwnerAway:
    until = since + timedelta(days=5) if why is AwayWhy.ABSENT else None
    return OwnerAway(staff=staff, why=why, since=since, until=until, by="s-2", reason="moves on")


def _theirs(owner: str = "s-1", case_owner: str = "n-1", **team: Any) -> Given:
    there = given(AlertDecider(), reference(roster=_team(**team))).when(message(case_opened()))
    return there.when(message(_owned(case_owner)), message(made("K-1", owner=owner)))


@pytest.mark.parametrize("why", [AwayWhy.LEFT, AwayWhy.ABSENT])
def test_who_leaves_hands_their_complaints_to_a_supervisor_on_their_last_day(why: AwayWhy) -> None:
    """The case was another's, so nobody heard of it before the complaint was overdue."""
    first = DAY + timedelta(days=3)
    told = _theirs().when(message(_leaves("s-1", first, why)))
    assert told.said == ()
    assert told.closes(first - timedelta(days=2)).said == ()
    handed = told.closes(first - timedelta(days=1))
    said = handed.last(ComplaintHandedOver)
    assert (said.complaint_id, said.owner, said.before) == ("K-1", "s-2", "s-1")
    assert handed.closes(first).said == ()
    at_once = _theirs().when(message(_leaves("s-1", DAY - timedelta(days=4), why))).closes(DAY)
    assert at_once.emits(ComplaintHandedOver)


def test_the_answer_is_nobody_s_who_is_away_owns_the_case_or_lost_only_a_certificate() -> None:
    by_command = Counter(work_of([Departure(staff="s-2", since=DAY)]))
    told = replace(_theirs(), reference=replace(_theirs().reference, open_work=by_command))
    for there in (_theirs(left="2026-01-01"), told, _theirs(case_owner="s-2")):
        closed = there.when(message(_leaves("s-1", DAY))).closes(DAY)
        assert closed.said == ()
        assert closed.state.complaints[0].owner == "s-1", "found by the alert: nobody can take it"
    lapsed = _theirs().when(message(_leaves("s-1", DAY, AwayWhy.CERTIFICATE))).closes(DAY)
    assert lapsed.said == ()
    assert _theirs().when(message(_leaves("s-2", DAY))).closes(DAY).said == ()


def test_an_absence_told_when_it_is_over_leaves_complaints_where_they_are() -> None:
    told = _theirs().when(message(_leaves("s-1", DAY - timedelta(days=6), AwayWhy.ABSENT)))
    assert told.closes(DAY).said == ()
    last = _theirs().when(message(_leaves("s-1", DAY - timedelta(days=5), AwayWhy.ABSENT)))
    assert last.state.leaving != ()


def test_a_complaint_of_a_closed_case_changes_hands_too() -> None:
    gone = intake.CaseClosed(as_of=DAY, reason=intake.CloseReason.SETTLED)
    told = _theirs().when(message(gone), message(_leaves("s-1", DAY)))
    assert told.closes(DAY).emits(ComplaintHandedOver)


@pytest.mark.parametrize("order_first", [True, False])
def test_what_the_owner_of_the_case_leaves_goes_with_the_case(order_first: bool) -> None:
    both = [message(_leaves("n-1", DAY)), message(_owned("s-1", "n-1"))]
    heard = _theirs(owner="n-1").when(*(both if order_first else reversed(both))).closes(DAY)
    assert heard.last(ComplaintHandedOver).owner == "s-1"
    assert heard.emits(ComplaintHandedOver)


def test_a_complaint_that_a_former_owner_takes_over_stays_with_them() -> None:
    """It went to the owner of the case, who is away, and back to the only supervisor, evening by evening."""
    start = _theirs(owner="s-2", case_owner="s-1").when(message(_owned("n-1", "s-1")))
    off = Absence(since=DAY, until=DAY + timedelta(days=20))
    people = [
        who.model_copy(update={"absences": (off,)}) if who.id in {"n-1", "s-2"} else who
        for who in start.reference.roster.negotiators
    ]
    ref = replace(start.reference, roster=Roster(negotiators=tuple(people)))
    now = replace(start, reference=ref).closes(DAY)
    assert now.last(ComplaintHandedOver).owner == "s-1"
    for n in range(1, 6):
        now = now.closes(DAY + timedelta(days=n))
        assert now.said == ()
    own = replace(_theirs(owner="s-1", case_owner="s-1"), reference=ref).when(message(_owned("n-1", "s-1")))
    for n in range(6):
        own = own.closes(DAY + timedelta(days=n))
        assert own.said == (), "who owned the case is there, the new owner is not"
    assert own.state.complaints[0].owner == "s-1"


def _with_roster(there: Given, **of_s_1: Any) -> Given:
    """The roster is written anew in the middle of the life, and says something of who answers."""
    people = [
        who.model_copy(update=of_s_1) if who.id == "s-1" else who
        for who in there.reference.roster.negotiators
    ]
    roster = there.reference.roster.model_copy(update={"negotiators": tuple(people)})
    return replace(there, reference=replace(there.reference, roster=roster))


@pytest.mark.parametrize("gone", ["absent", "left"])
def test_an_absence_that_only_the_roster_knows_hands_complaints_over(gone: str) -> None:
    """Nobody gave an order: the cases changed hands, and the complaint waited for its alert."""
    first = DAY + timedelta(days=3)
    says = {"absences": (Absence(since=first, until=first + timedelta(days=20)),)} if gone == "absent" else {
        "left": first}  # fmt: skip
    there = _theirs().closes(DAY)
    assert there.said == ()
    written = _with_roster(there, **says)
    eve = first - timedelta(days=1)
    waiting = written.closes(eve - timedelta(days=1))
    assert waiting.said == ()
    handed = waiting.closes(eve).last(ComplaintHandedOver)
    assert (handed.complaint_id, handed.owner, handed.before) == ("K-1", "s-2", "s-1")
    assert waiting.closes(eve).closes(first).said == ()
    late = written.closes(first)
    assert late.emits(ComplaintHandedOver), "also where the evening before was missed"


def test_a_complaint_given_to_somebody_who_is_not_there_is_somebody_elses_that_evening() -> None:
    off = Absence(since=DAY - timedelta(days=5), until=DAY + timedelta(days=5))
    given_ = _with_roster(given(AlertDecider(), reference(roster=_team())), absences=(off,))
    told = given_.when(message(case_opened()), message(_owned("n-1")), message(made("K-1", owner="s-1")))
    assert told.closes(DAY).last(ComplaintHandedOver).owner == "s-2"
    # Who is back on the next day keeps it, and so does somebody whom the roster does not know.
    back = Absence(since=DAY, until=DAY)
    assert _with_roster(_theirs(), absences=(back,)).closes(DAY).said == ()
    assert _theirs(owner="ombuds-1").closes(DAY).said == ()


def _by_command(there: Given, *words: Departure) -> Given:
    """The partition was told; the roster says nothing of it."""
    work = Counter(work_of(words))
    return replace(there, reference=replace(there.reference, open_work=work))


@pytest.mark.parametrize(
    "word",
    [
        Departure(staff="s-1", since=DAY - timedelta(days=5), until=DAY + timedelta(days=1)),
        Departure(staff="s-1", since=DAY - timedelta(days=5)),
    ],
)
def test_an_absence_told_by_command_counts_for_a_complaint_that_is_made_later(word: Departure) -> None:
    """The order was said of the complaints that there were; this one stayed with who was not there."""
    handed = _by_command(_theirs(), word).closes(DAY)
    assert handed.last(ComplaintHandedOver).owner == "s-2"
    others = Departure(staff="s-1/2", since=DAY - timedelta(days=5), until=DAY + timedelta(days=5))
    back = Departure(staff="s-1", since=DAY - timedelta(days=5), until=DAY)
    assert _by_command(_theirs(), others, back).closes(DAY).said == ()


def test_a_complaint_goes_to_no_supervisor_of_whom_a_command_said_that_they_are_away() -> None:
    there = _theirs().when(message(_leaves("s-1", DAY)))
    off = Departure(staff="s-2", since=DAY, until=DAY + timedelta(days=2))
    assert there.closes(DAY).last(ComplaintHandedOver).owner == "s-2"
    waiting = _by_command(there, off).closes(DAY)
    assert waiting.said == ()
    assert waiting.state.complaints[0].owner == "s-1"


def test_while_nobody_can_take_it_over_the_roster_is_asked_again() -> None:
    off = Absence(since=DAY, until=DAY + timedelta(days=20))
    alone = _with_roster(
        _theirs(absences=[{"since": DAY, "until": DAY + timedelta(days=2)}]), absences=(off,)
    )
    waiting = alone.closes(DAY).closes(DAY + timedelta(days=1))
    assert waiting.said == ()
    assert waiting.closes(DAY + timedelta(days=2)).last(ComplaintHandedOver).owner == "s-2"


@pytest.mark.parametrize("own_is_shorter", [True, False])
def test_the_shortest_days_of_all_packs_of_the_case_count(*, own_is_shorter: bool) -> None:
    days = {"complaints__acknowledge_business_days": 5, "complaints__final_response_days": 56}
    fewer = {"complaints__acknowledge_business_days": 2, "complaints__final_response_days": 15}
    mine, others = (fewer, days) if own_is_shorter else (days, fewer)
    packs = (example_pack(**mine), example_pack({"id": "other-card"}, **others))
    opened = given(AlertDecider(), reference(*packs, roster=roster(a={}))).when(
        message(case_opened()),
        message(ConductChanged(as_of=DAY, packs=("example-card", "other-card"))),
        message(made()),
    )
    said = opened.last(ComplaintOpened)
    alone = given(AlertDecider(), reference(**fewer)).when(message(case_opened()), message(made()))
    assert said.acknowledge_by == alone.last(ComplaintOpened).acknowledge_by
    assert said.answer_by == DAY + timedelta(days=15)


# --- debts of a stricter pack join a case with an open complaint

FEW = {"complaints__acknowledge_business_days": 2, "complaints__final_response_days": 15}
MANY = {"complaints__acknowledge_business_days": 30, "complaints__final_response_days": 56}


def _two_packs(mine: dict[str, int], others: dict[str, int]) -> Given:
    packs = (example_pack(**mine), example_pack({"id": "other-card"}, **others))
    return given(AlertDecider(), reference(*packs, roster=roster(a={}))).when(message(case_opened()))


def _joined(day: date, *packs: str) -> Any:
    return message(ConductChanged(as_of=day, packs=packs or ("example-card", "other-card")), day)


@pytest.mark.parametrize("complaint_first", [True, False])
def test_a_stricter_pack_that_joins_shortens_what_is_open_as_if_it_had_been_there(
    *, complaint_first: bool
) -> None:
    said = [message(made(), DAY), _joined(DAY)]
    there = _two_packs(MANY, FEW).when(*(said if complaint_first else reversed(said)))
    (item,) = there.state.complaints
    alone = given(AlertDecider(), reference(**FEW)).when(message(case_opened()), message(made()))
    assert (item.acknowledge_by, item.answer_by) == (
        alone.state.complaints[0].acknowledge_by,
        DAY + timedelta(days=15),
    )


def test_the_days_that_a_stricter_pack_had_are_told_and_kept_when_it_leaves() -> None:
    fifth = DAY + timedelta(days=4)
    joined = _two_packs(MANY, FEW).when(message(made()), _joined(fifth))
    told = joined.last(ComplaintShortened)
    assert (told.complaint_id, told.owner, told.as_of) == ("K-1", "s-7", fifth)
    assert (told.acknowledge_by, told.answer_by) == (fifth, DAY + timedelta(days=15)), (
        "the second day is past"
    )
    gone = joined.when(_joined(fifth, "example-card"))
    assert gone.said == ()
    assert gone.state.complaints == joined.state.complaints
    heard = joined.when(message(answer(final=False), fifth))
    late = heard.closes(DAY + timedelta(days=14)).closes(DAY + timedelta(days=15))
    assert late.last(AlertRaised).kind is AlertKind.COMPLAINT_OVERDUE


def test_where_the_shorter_days_are_over_already_it_is_owed_today() -> None:
    later = DAY + timedelta(days=40)
    heard = _two_packs(MANY, FEW).when(message(made()), message(answer(final=False)))
    joined = heard.when(_joined(later))
    told = joined.last(ComplaintShortened)
    assert (told.acknowledge_by, told.answer_by) == (None, later)
    assert joined.when(message(answer(), later)).last(ComplaintClosed).in_time
    assert joined.closes(later).last(AlertRaised).kind is AlertKind.COMPLAINT_OVERDUE
    assert joined.closes(later).when(_joined(later, "other-card")).said == (), "what is overdue stays so"


def test_a_pack_with_more_days_gives_nobody_more_time() -> None:
    there = _two_packs(FEW, MANY).when(message(made())).when(_joined(DAY + timedelta(days=1)))
    assert there.said == ()
    assert there.state.complaints[0].answer_by == DAY + timedelta(days=15)


# --- a complaint for which only a role was named


def test_a_complaint_that_only_a_role_was_named_for_has_a_person_that_evening() -> None:
    """It stayed a role's for ever: its alerts went to the role, and to the next role."""
    nobody = made().model_copy(update={"owner": None})
    there = given(AlertDecider(), reference(roster=_team())).when(message(case_opened()))
    opened = there.when(message(_owned("s-1")), message(nobody))
    assert opened.last(ComplaintOpened).owner is None
    handed = opened.closes(DAY)
    assert handed.last(ComplaintAssigned).owner == "s-2", "never who owns the case: it may be about them"
    assert handed.closes(DAY + timedelta(days=1)).said == ()
    assert handed.closes(LAST).last(AlertRaised).owner == "s-2"
    gone = intake.CaseClosed(as_of=DAY, reason=intake.CloseReason.SETTLED)
    assert opened.when(message(gone)).closes(DAY).emits(ComplaintAssigned)


def test_while_no_supervisor_is_there_it_is_asked_again_each_evening() -> None:
    nobody = made().model_copy(update={"owner": None})
    off = [{"since": DAY, "until": DAY + timedelta(days=3)}]
    there = given(AlertDecider(), reference(roster=_team(absences=off))).when(message(case_opened()))
    waiting = there.when(message(_owned("s-1")), message(nobody)).closes(DAY).closes(DAY + timedelta(days=2))
    assert waiting.said == ()
    assert waiting.closes(DAY + timedelta(days=3)).last(ComplaintAssigned).owner == "s-2"
