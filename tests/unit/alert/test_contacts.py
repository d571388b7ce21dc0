"""After attempts in vain a person decides: whenever the guard holds back, somebody is asked."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from services.alert.decide import AlertDecider
from services.alert.model import AlertState
from services.notice.decide import NoticeDecider
from shared.conduct import Rule
from shared.contracts import desk, desk_contact, notice
from shared.contracts.alert import AlertKind, AlertRaised, AlertResolved
from shared.contracts.base import Personal, Reason
from shared.contracts.intake_team import ConductChanged, EarlierContactMade, EarlierReachHeard
from shared.contracts.reach import EarlierAuthority, EarlierContact, EarlierReach
from shared.contracts.reasons import ReasonCode
from shared.policy.testing import example_pack
from tests.unit.builders import DAY, case_opened, message, reference
from tests.unit.spec import Given, given

NOON = datetime(2026, 3, 2, 4, tzinfo=UTC)  # at the borrower's place
IN_VAIN = "contact_rules__failed_attempts_until_person"
STRICT = example_pack({"id": "other-card"}, **{IN_VAIN: 3})
BOOK = reference(example_pack(**{IN_VAIN: 10}), STRICT)
BOTH = ("example-card", "other-card")


def contact(at: datetime, outcome: str = "no_answer", **other: Any) -> desk.ContactRecorded:
    plain: dict[str, Any] = {"direction": "outbound", "channel": "phone", "purpose": "service"}
    return desk.ContactRecorded(
        at=at, place="office", participants=("n-1",), key_points=Personal(value="…"),
        outcome=desk.ContactOutcome(outcome), **{**plain, **other},
    )  # fmt: skip


def earlier(at: datetime, outcome: str = "no_answer", **other: Any) -> EarlierContact:
    plain: dict[str, Any] = {"direction": "outbound", "channel": "phone", "purpose": "service"}
    return EarlierContact(at=at, outcome=desk.ContactOutcome(outcome), **{**plain, **other})


def minutes(number: int) -> datetime:
    return NOON + timedelta(minutes=number)


def case(decider: Any, **reach: Any) -> Given:
    opened = case_opened().model_copy(
        update={"conduct": ("example-card",), "reach": EarlierReach(**reach) if reach else None}
    )
    return given(decider, BOOK).when(message(opened, hour=4))


def joined(*packs: str) -> Any:
    return message(ConductChanged(as_of=DAY, packs=packs), hour=5)


def is_open(there: Given) -> bool:
    return there.state.open(AlertKind.CONTACT_IN_VAIN) is not None


def test_the_strictest_pack_of_the_case_says_when_a_person_is_asked() -> None:
    """The guard held back after three, and alert asked nobody before the ten of the case's own pack."""
    there = case(AlertDecider()).when(joined(*BOTH))
    two = there.when(*(message(contact(minutes(n))) for n in range(2)))
    assert two.said == ()
    three = two.when(message(contact(minutes(2))))
    assert three.last(AlertRaised).reasons[0].params == {"attempts": "3"}


def test_a_pack_that_joins_asks_at_once_and_one_that_leaves_needs_nobody() -> None:
    four = case(AlertDecider()).when(*(message(contact(minutes(n))) for n in range(4)))
    assert not is_open(four)
    asked = four.when(joined(*BOTH))
    assert asked.last(AlertRaised).kind is AlertKind.CONTACT_IN_VAIN
    assert asked.when(joined("example-card")).emits(AlertResolved)


def test_attempts_of_an_earlier_case_go_on_counting() -> None:
    """The guard counted those that intake handed over, and alert began anew: nobody was asked."""
    tried = tuple(earlier(minutes(n - 20)) for n in range(9))
    there = case(AlertDecider(), contacts=tried)
    assert there.state.in_vain == 9
    assert there.when(message(contact(NOON))).last(AlertRaised).reasons[0].params == {"attempts": "10"}
    told = there.when(message(EarlierContactMade(contact=earlier(NOON))))
    assert told.last(AlertRaised).kind is AlertKind.CONTACT_IN_VAIN
    guarantors = EarlierContactMade(contact=earlier(NOON, person="guarantor-1"))
    assert len(there.when(message(guarantors)).state.tried) == 9
    decided = EarlierReachHeard(reach=EarlierReach(decided_at=NOON))
    assert told.when(message(decided)).last(AlertResolved).reason.code is ReasonCode.PERSON_DECIDED
    at_once = case(AlertDecider(), contacts=(*tried, earlier(NOON)))
    assert at_once.last(AlertRaised).kind is AlertKind.CONTACT_IN_VAIN
    assert case(AlertDecider(), contacts=(*tried, earlier(NOON)), decided_at=NOON).said == ()


def test_a_talk_that_becomes_known_late_leaves_the_attempts_after_it() -> None:
    there = case(AlertDecider()).when(joined(*BOTH), *(message(contact(minutes(n))) for n in range(3)))
    assert is_open(there)
    assert is_open(there.when(message(contact(minutes(-5), "talked"))))
    assert not is_open(there.when(message(contact(minutes(0), "talked"))))
    assert there.when(message(contact(minutes(9), "message_left", direction="inbound"))).last(
        AlertResolved
    ).reason.code is ReasonCode.CONTACT_MADE  # fmt: skip


def guarantor(number: int, outcome: str = "no_answer", person: str = "g-1") -> Any:
    return message(contact(minutes(number), outcome, party="guarantor", person=person))


def test_attempts_at_a_guarantor_are_counted_as_the_guard_counts_them() -> None:
    """The guard held back what was for the guarantor, and nobody was asked about it."""
    there = case(AlertDecider()).when(joined(*BOTH), guarantor(0), guarantor(1), guarantor(2, person="g-2"))
    assert not is_open(there)
    three = there.when(guarantor(3))
    assert three.last(AlertRaised).reasons[0].params == {"attempts": "3"}
    assert is_open(three.when(message(contact(minutes(4), "talked")))), "a word of somebody else's"
    assert is_open(three.when(guarantor(4, "talked", "g-2")))
    assert not is_open(three.when(guarantor(4, "talked")))
    decided = three.when(message(desk_contact.ContactResumed(by="s-1", reason="by letter"), hour=5))
    assert decided.last(AlertResolved).reason.code is ReasonCode.PERSON_DECIDED
    assert decided.when(*(guarantor(n, person="g-3") for n in range(3))).said == (), "before the decision"


def test_attempts_at_a_guarantor_in_an_earlier_case_go_on_counting() -> None:
    tried = tuple(earlier(minutes(n - 20), person="g-1") for n in range(9))
    assert case(AlertDecider(), contacts=tried).when(guarantor(0)).last(AlertRaised).reasons[0].params == {
        "attempts": "10"
    }


def test_it_is_said_at_whom_the_attempts_were_in_vain() -> None:
    there = case(AlertDecider()).when(joined(*BOTH))
    borrower = there.when(*(message(contact(minutes(n))) for n in range(3))).last(AlertRaised)
    assert (borrower.about, len(borrower.reasons)) == ("borrower", 1)
    other = there.when(*(guarantor(n, person="g-2") for n in range(3))).last(AlertRaised)
    assert other.about == "g-2"
    assert other.reasons[1] == Reason(code=ReasonCode.TRIED_ANOTHER, params={"person": "g-2"})


def test_what_is_to_be_done_is_said_by_the_pack_that_asks_for_a_person() -> None:
    """The case's own pack said it, also where it did not ask for anybody yet."""
    rule = {
        "kind": "contact_in_vain", "severity": "high", "remedy": "try_other_channel", "owner_role": "visits",
        "business_days": 9, "escalate_to": "board",
    }  # fmt: skip
    for rules, role in (([rule], "visits"), ([], "negotiator")):
        strict = example_pack({"id": "other-card"}, **{IN_VAIN: 3}, alert__rules=rules)
        there = replace(case(AlertDecider()), reference=reference(example_pack(**{IN_VAIN: 5}), strict))
        three = there.when(joined(*BOTH), *(message(contact(minutes(n))) for n in range(3)))
        assert three.last(AlertRaised).owner_role == role, "another's rule is better than none"
    both = replace(
        there,
        reference=reference(
            example_pack(**{IN_VAIN: 3}),
            example_pack({"id": "other-card"}, **{IN_VAIN: 3}, alert__rules=[rule]),
        ),
    )
    three = both.when(joined(*BOTH), *(message(contact(minutes(n))) for n in range(3)))
    assert three.last(AlertRaised).owner_role == "negotiator", "who wants it done soonest"


def test_attempts_at_who_acts_for_the_borrower_since_an_earlier_case_end_with_a_word_of_theirs() -> None:
    """They were counted as at anybody else: a person was asked although the borrower had called since."""
    lawyer = EarlierAuthority(
        authority_id="L-1", party="lawyer", purposes=("service",), since=minutes(-90), until=DAY,
        verified=True,
    )  # fmt: skip
    tried = tuple(earlier(minutes(n - 20), person="L-1") for n in range(2))
    for there in (
        case(AlertDecider(), contacts=tried, authorities=(lawyer,)),
        case(AlertDecider()).when(
            message(EarlierReachHeard(reach=EarlierReach(authorities=(lawyer,)))),
            *(message(EarlierContactMade(contact=one)) for one in tried),
        ),
    ):
        now = there.when(joined(*BOTH), message(contact(minutes(0), "talked", direction="inbound")))
        assert now.when(message(contact(minutes(1), party="lawyer", person="L-1"))).state.in_vain == 1
        assert is_open(there.when(joined(*BOTH), message(contact(minutes(1), party="lawyer", person="L-1"))))


def test_a_document_of_version_9_keeps_its_number_until_there_is_a_word() -> None:
    there = case(AlertDecider()).when(joined(*BOTH))
    old = {
        name: value for name, value in there.state.model_dump().items() if name not in {"tried", "reached_at"}
    }
    state = AlertState.model_validate({**old, "in_vain": 2})
    assert state.in_vain == 2
    three = replace(there, state=state).when(message(contact(NOON)))
    assert three.last(AlertRaised).reasons[0].params == {"attempts": "3"}
    assert three.when(message(contact(minutes(1), "talked"))).state.in_vain == 0


LAWYER = desk_contact.AuthorityRecorded(
    authority_id="L-1", party="lawyer", purposes=("service",), until=DAY + timedelta(days=90),
    verified_by="s-1", evidence="paper",
)  # fmt: skip
PERSONS: tuple[dict[str, str], ...] = (
    {}, {}, {}, {"party": "lawyer", "person": "L-1"}, {"party": "representative"},
    {"party": "guarantor", "person": "g-1"},
)  # fmt: skip


def test_whenever_the_guard_waits_for_a_person_one_is_asked() -> None:
    """Whatever is told, in any order: of the borrower or a lawyer, of an earlier case, of packs that come."""
    assert sum(_held_back(Random(seed)) for seed in range(40)) > 100, "it does wait"


def _held_back(draw: Random) -> int:
    """How often in a life the guard waited for a person, who has been asked each time."""
    old = tuple(earlier(minutes(-n), draw.choice(("no_answer", "talked"))) for n in range(draw.randrange(4)))
    alert, guard = case(AlertDecider(), contacts=old), case(NoticeDecider(), contacts=old)
    guard = guard.when(message(LAWYER, hour=4))
    held = 0
    for _ in range(40):
        at, kind = minutes(draw.randrange(90)), draw.randrange(16)
        said: Any = contact(
            at,
            draw.choice(("no_answer",) * 9 + ("talked", "message_left", "refused")),
            direction=draw.choice(("outbound",) * 9 + ("inbound",)),
            **draw.choice(PERSONS),
        )
        if kind == 0:
            said = desk_contact.ContactResumed(by="s-1", reason="by letter")
        elif kind == 1:
            said = EarlierContactMade(contact=earlier(at))
        told = message(said, hour=draw.choice((4, 5)))
        alert, guard = alert.when(told), guard.when(told)
        if kind == 2:
            packs = draw.choice((BOTH, ("example-card",)))
            alert = alert.when(joined(*packs))
            guard = replace(guard, state=guard.state.model_copy(update={"packs": packs}))
        waits = [who for who in ({}, *map(dict, PERSONS[3:])) if _waits(guard, who)]
        held += len(waits)
        assert is_open(alert) or not waits, (said, waits)
    return held


def _waits(guard: Given, who: dict[str, str]) -> bool:
    asked = desk_contact.ContactAsked.model_validate(
        {"contact_id": "c", "at": minutes(120), "purpose": "service", "channel": "phone", "by": "n-1", **who}
    )
    return Rule.PERSON_DECIDES in guard.when(message(asked)).last(notice.ContactAnswered).rules
