"""Legal referral (R71a): an assessment and an offer first, or attempts in vain; else a reason."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest

from services.followup.decide import FollowupDecider
from services.followup.model import FollowupStatus
from shared.contracts import desk, desk_parties, offer
from shared.contracts.alert import ComplaintClosed
from shared.contracts.base import Event, Personal, Reason
from shared.contracts.debts import DebtSnapshot, DebtStatus
from shared.contracts.desk_care import LegalOverride, LegalReferralAsked
from shared.contracts.desk_contact import (
    AuthorityEnded,
    AuthorityRecorded,
    ComplaintAnswered,
    ContactResumed,
)
from shared.contracts.followup import InputRefused
from shared.contracts.followup_care import LegalReferralHeld, LegalReferralMade, LegalReferralResumed
from shared.contracts.intake import CaseChanged
from shared.contracts.intake_team import EarlierComplaint, EarlierReachHeard
from shared.contracts.parties import StopCause
from shared.contracts.reach import EarlierReach
from shared.contracts.reasons import ReasonCode
from shared.policy.testing import example_pack
from tests.unit.alert.test_timetable import tabled as offered
from tests.unit.builders import DAY, case_opened, debt, message, reference, signed
from tests.unit.followup.plans import live
from tests.unit.spec import Given, given
from tests.unit.stopping import begins, over

LATER = DAY + timedelta(days=100)
WORDS = Personal[str](value="sells the flat")
ASKED = LegalReferralAsked(by="n-1", role="negotiator")


def case(days: int = 130, **overrides: Any) -> Given:
    rules = {"contact_rules__failed_attempts_until_person": 20, **overrides}
    return given(FollowupDecider(), reference(**rules)).when(message(case_opened(debt(days=days))))


def lapsed(on: date = DAY) -> Event:
    step = Reason(code=ReasonCode.NEXT_HUMAN_REVIEW)
    return offer.OfferLapsed(offer_id="o", round=1, as_of=on, next_step=step)


def failed(code: ReasonCode) -> Event:
    step = Reason(code=ReasonCode.NEXT_HUMAN_REVIEW)
    return offer.TalksFailed(rounds=1, as_of=DAY, reason=Reason(code=code), next_step=step)


def call(on: date, outcome: str = "no_answer", *, at: time = time(10), channel: str = "phone") -> Any:
    data = desk.ContactRecorded(
        at=datetime.combine(on, at, UTC),
        place="phone",
        participants=("n-1",),
        key_points=Personal[str](value="rang"),
        direction=desk.ContactDirection.OUTBOUND,
        outcome=desk.ContactOutcome(outcome),
        channel=channel,
    )
    return message(data, on)


def refused(step: Given) -> ReasonCode:
    return step.last(InputRefused).reason.code


def test_never_straight_to_court() -> None:
    after = case().when(message(ASKED, LATER))
    assert after.emits(InputRefused)
    assert refused(after) is ReasonCode.LEGAL_TALKS_FIRST


@pytest.mark.parametrize(
    "ended", [lapsed(), failed(ReasonCode.OFFER_REJECTED), failed(ReasonCode.ROUNDS_EXHAUSTED)]
)
def test_after_an_offer_that_was_refused_or_lapsed(ended: Event) -> None:
    after = case().when(message(ended), message(ASKED, LATER))
    assert after.emits(LegalReferralMade)
    made = after.last(LegalReferralMade)
    assert [reason.code for reason in made.reasons] == [ReasonCode.LEGAL_TALKS_ENDED]
    assert not made.overridden
    assert after.when(message(ASKED, LATER)).said == (), "once is enough"


def test_what_the_lender_refuses_is_no_ground() -> None:
    after = case().when(message(failed(ReasonCode.APPROVAL_DENIED)), message(ASKED, LATER))
    assert refused(after) is ReasonCode.LEGAL_TALKS_FIRST


@pytest.mark.parametrize(("days", "allowed"), [(119, False), (120, True)])
def test_not_before_so_many_days_past_due(days: int, *, allowed: bool) -> None:
    after = case(days).when(message(lapsed()), message(ASKED, DAY))
    assert after.emits(LegalReferralMade) is allowed
    assert allowed or refused(after) is ReasonCode.LEGAL_TOO_EARLY


@pytest.mark.parametrize(
    ("offsets", "allowed"),
    [
        ([*range(0, 54, 6), 60], True),  # ten attempts over sixty days
        ([*range(0, 54, 6), 59], False),  # a day too short
        ([*range(0, 48, 6), 60], False),  # one too few
        ([0] * 30 + [60], False),  # many on one day are one
    ],
)
def test_or_after_attempts_over_time(offsets: list[int], *, allowed: bool) -> None:
    calls = [call(DAY + timedelta(days=n)) for n in offsets]
    after = case().when(*calls, message(ASKED, LATER))
    assert isinstance(after.said[-1], LegalReferralMade) is allowed


@pytest.mark.parametrize("late", [False, True])
def test_what_led_nowhere_before_a_plan_is_no_ground_when_it_breaks(*, late: bool) -> None:
    """A round that lapsed before the signature sent the case to court, years later, without another word."""
    rows = [(DAY + timedelta(days=30 * n), "100.00") for n in (1, 2, 3)]
    plan, calls = message(signed(*rows)), [call(DAY - timedelta(days=80 - n)) for n in (*range(0, 54, 6), 60)]
    before = message(lapsed(DAY - timedelta(days=5)))
    there = case(breach__notice_required=False).when(*calls, *([plan, before] if late else [before, plan]))
    while there.state.status is not FollowupStatus.BROKEN:
        there = there.closes(there.decider.due(there.state) or LATER)
    day = there.state.plan.ended_on + timedelta(days=1)
    assert refused(there.when(message(ASKED, day))) is ReasonCode.LEGAL_TALKS_FIRST
    assert there.when(message(lapsed(day)), message(ASKED, day)).emits(LegalReferralMade)


def test_who_was_talked_to_can_be_talked_to_again() -> None:
    calls = [call(DAY + timedelta(days=n)) for n in (*range(0, 54, 6), 60)]
    after = case().when(*calls, call(DAY + timedelta(days=61), "talked"), message(ASKED, LATER))
    assert refused(after) is ReasonCode.LEGAL_TALKS_FIRST


# --- an open complaint holds it back

COMPLAINT = desk.ComplaintMade(complaint_id="c-1", words=Personal[str](value="never said sorry"))
LIMITATION = LegalReferralAsked(by="s-1", role="supervisor", override=LegalOverride.LIMITATION, words=WORDS)


def complains(on: date = LATER) -> Any:
    return message(COMPLAINT, on)


def answered(on: date = LATER, *, final: bool = True, name: str = "c-1") -> Any:
    """A final response that counts is alert's to tell; any other changes nothing."""
    if final:
        return message(ComplaintClosed(complaint_id=name, by="s-1", as_of=on, days=0, in_time=True), on)
    return message(ComplaintAnswered(complaint_id=name, by="s-1", final=True, words=WORDS), on)


def test_an_open_complaint_holds_a_referral_back_until_its_final_response() -> None:
    ready = case().when(message(lapsed()), complains())
    assert refused(ready.when(message(ASKED, LATER))) is ReasonCode.LEGAL_COMPLAINT_OPEN
    half = ready.when(answered(final=False), message(ASKED, LATER))
    assert refused(half) is ReasonCode.LEGAL_COMPLAINT_OPEN
    assert half.state.referred_on is None
    assert half.when(answered(), message(ASKED, LATER)).emits(LegalReferralMade)


def test_a_complaint_that_is_open_from_an_earlier_case_holds_it_back_too() -> None:
    earlier = EarlierReach(complaints=("c-0",))
    opened = case_opened(debt(days=130)).model_copy(update={"reach": earlier})
    carried = given(FollowupDecider(), reference()).when(message(opened), message(lapsed()))
    assert refused(carried.when(message(ASKED, LATER))) is ReasonCode.LEGAL_COMPLAINT_OPEN
    over_ = EarlierComplaint(complaint_id="c-0", is_open=False)
    assert carried.when(message(over_), message(ASKED, LATER)).emits(LegalReferralMade)


def test_the_end_of_one_of_an_earlier_case_is_no_end_of_one_with_its_id_in_this_case() -> None:
    """A desk that counts complaints anew in each case had the second one ended with the first."""
    earlier = EarlierReach(complaints=("earlier/c-1",))
    opened = case_opened().model_copy(update={"reach": earlier})
    both = given(FollowupDecider(), reference()).when(message(opened), complains(DAY))
    left = both.when(message(EarlierComplaint(complaint_id="earlier/c-1", is_open=False)))
    assert left.state.contacts.complaints == ("c-1",)
    assert left.when(answered(DAY)).state.contacts.complaints == ()


def test_of_very_many_none_is_forgotten_before_its_end() -> None:
    names = [str(number) for number in range(45)]
    words = Personal[str](value="…")
    many = case().when(*(message(desk.ComplaintMade(complaint_id=name, words=words)) for name in names))
    left = many.when(*(answered(name=name) for name in names[1:]))
    assert left.state.contacts.complaints == ("0",)


def test_a_supervisor_overrides_a_complaint_only_for_a_reason_of_the_pack() -> None:
    ready = case().when(complains())
    made = ready.when(message(LIMITATION, LATER)).last(LegalReferralMade)
    assert made.overridden
    wrong = LIMITATION.model_copy(update={"role": "negotiator"})
    assert refused(ready.when(message(wrong, LATER))) is ReasonCode.LEGAL_OVERRIDE_REFUSED


def test_one_pack_that_holds_it_back_is_enough() -> None:
    lax = example_pack(legal_referral__open_complaint_holds=False)
    strict = example_pack({"id": "other-card"})
    for packs, code in (((lax, strict), ReasonCode.LEGAL_COMPLAINT_OPEN), ((lax,), None)):
        start = given(FollowupDecider(), reference(*packs)).when(message(case_opened(debt(days=130))))
        names = ("example-card", "other-card")[: len(packs)]
        changed = CaseChanged(as_of=DAY, debts=(debt(days=130),), conduct=names)
        known = start.when(message(changed), message(lapsed()), complains())
        after = known.when(message(ASKED, LATER))
        assert after.emits(LegalReferralMade) if code is None else refused(after) is code


# --- and one that comes later holds it


def referred(*packs: Any) -> Given:
    start = given(FollowupDecider(), reference(*packs)) if packs else None
    opened = case() if start is None else start.when(message(case_opened(debt(days=130))))
    return opened.when(message(lapsed()), message(ASKED, LATER))


def test_a_complaint_after_a_referral_holds_it_and_the_bank_hears_so() -> None:
    """The case went on to court, though before the referral the same complaint would have stopped it."""
    on = LATER + timedelta(days=3)
    held = referred().when(complains(on))
    told = held.last(LegalReferralHeld)
    assert held.emits(LegalReferralHeld)
    assert (told.as_of, told.reason.code) == (on, ReasonCode.LEGAL_COMPLAINT_OPEN)
    assert on < told.answer_by
    assert held.when(message(ASKED, on)).said == (), "it is referred, and waits"
    second = desk.ComplaintMade(complaint_id="c-2", words=WORDS)
    assert held.when(message(second, on)).said == (), "one hold for all of them"
    half = held.when(message(second, on), answered(on, final=False), answered(on))
    assert half.said == ()
    goes_on = half.when(answered(on + timedelta(days=9), name="c-2"))
    assert goes_on.emits(LegalReferralResumed)
    back = goes_on.last(LegalReferralResumed)
    assert (back.as_of, back.reason.code) == (on + timedelta(days=9), ReasonCode.COMPLAINT_ANSWERED)
    third = desk.ComplaintMade(complaint_id="c-3", words=WORDS)
    again = goes_on.when(message(third, on + timedelta(days=10))).last(LegalReferralHeld)
    assert len({told.instruction_id, back.instruction_id, again.instruction_id}) == 3


def test_a_complaint_of_an_earlier_case_holds_it_too() -> None:
    earlier = EarlierComplaint(complaint_id="c-0", is_open=True)
    held = referred().when(message(earlier, LATER))
    assert held.emits(LegalReferralHeld)
    assert held.when(message(earlier.model_copy(update={"is_open": False}), LATER)).emits(
        LegalReferralResumed
    )


def test_what_cannot_wait_is_not_held_and_a_held_one_may_be_overridden() -> None:
    at_once = case().when(message(LIMITATION, LATER), complains())
    assert at_once.said[1:] == ()
    held = referred().when(complains())
    assert refused(held.when(message(LIMITATION.model_copy(update={"role": "negotiator"}), LATER)))
    goes_on = held.when(message(LIMITATION, LATER))
    assert goes_on.emits(LegalReferralMade, LegalReferralResumed)
    assert goes_on.last(LegalReferralMade).overridden
    assert goes_on.last(LegalReferralResumed).reason.code is ReasonCode.LEGAL_OVERRIDDEN
    other = desk.ComplaintMade(complaint_id="c-2", words=WORDS)
    assert goes_on.when(message(other, LATER), answered()).said == ()


def test_nothing_is_held_that_was_not_referred_or_where_the_pack_lets_it_go_on() -> None:
    assert case().when(message(lapsed()), complains(), answered()).said == ()
    lax = referred(example_pack(legal_referral__open_complaint_holds=False))
    assert lax.emits(LegalReferralMade)
    assert lax.when(complains()).said == ()


def test_a_signed_plan_ends_the_referral_and_its_hold() -> None:
    held = referred().when(complains())
    plan = held.when(message(signed((LATER + timedelta(days=30), "100.00"), effective=LATER), LATER))
    assert plan.when(answered()).said == ()
    assert plan.state.referred_on is None


TEN = [DAY + timedelta(days=n) for n in (*range(0, 54, 6), 60)]


def count(step: Given) -> int:
    counted: int = step.state.attempts.count
    return counted


@pytest.mark.parametrize(
    ("at", "zone", "counts"),
    [
        (time(13, 59), None, True),  # 21:59 in Shanghai, the pack's own clock
        (time(14, 0), None, False),  # quiet hours begin at 22:00
        (time(23, 59), None, False),
        (time(0, 0), None, True),  # 8:00 there
        (time(14, 0), "Europe/London", True),  # two in the afternoon where the borrower lives
        (time(6, 59), "Europe/London", False),
    ],
)
def test_an_attempt_in_quiet_hours_on_the_borrower_s_clock_counts_for_nothing(
    at: time, zone: str | None, *, counts: bool
) -> None:
    start = case()
    if zone is not None:
        start = start.when(message(desk.PreferencesSet(time_zone=zone)))
    after = start.when(*(call(on, at=at) for on in TEN), message(ASKED, LATER))
    assert isinstance(after.said[-1], LegalReferralMade) is counts
    assert count(after) == (10 if counts else 0)


def test_an_attempt_at_night_counts_where_the_borrower_has_agreed_to_it() -> None:
    agreed = case().when(message(desk.PreferencesSet(lifts=("quiet_hours",)), DAY))
    night = [call(on, at=time(14, 0)) for on in TEN[1:]]
    assert count(agreed.when(*night)) == 9
    assert count(agreed.when(message(desk.PreferencesSet(lifts=()), DAY), *night)) == 0
    heard = EarlierReachHeard(reach=EarlierReach(), lifts=())
    assert count(agreed.when(message(heard, DAY), *night)) == 0, "taken back in a word about an earlier case"


def test_an_attempt_by_a_closed_channel_or_while_a_complaint_is_open_counts_for_nothing() -> None:
    out = case().when(message(desk.PreferencesSet(opt_out=("phone",)), DAY))
    assert count(out.when(*map(call, TEN))) == 0
    assert count(out.when(*(call(on, channel="email") for on in TEN))) == 10
    made = desk.ComplaintMade(complaint_id="K", words=WORDS)
    open_ = case().when(message(made))
    assert count(open_.when(*map(call, TEN))) == 0
    assert count(open_.when(answered(DAY, final=False, name="K"), *map(call, TEN))) == 0
    assert count(open_.when(answered(DAY, name="K"), *map(call, TEN))) == 10
    end_first = case().when(answered(DAY, name="K"), message(made))
    assert count(end_first.when(*map(call, TEN))) == 10, "two topics: its end was heard before it"


def test_an_attempt_past_who_acts_for_the_borrower_counts_for_nothing() -> None:
    acts = AuthorityRecorded(
        authority_id="r-1", party="lawyer", purposes=("collection", "service"), until=TEN[6],
        verified_by="s-1", evidence="letter 7",
    )  # fmt: skip
    there = case().when(message(acts, DAY))
    assert count(there.when(*map(call, TEN))) == 3, "from the day after its last day on"
    for nobody in (None, "r-1"):
        unseen = case().when(message(acts.model_copy(update={"verified_by": nobody}), DAY))
        assert count(unseen.when(*map(call, TEN))) == 10
    ended = there.when(message(AuthorityEnded(authority_id="r-1"), DAY))
    assert count(ended.when(*map(call, TEN))) == 10


def test_more_in_a_week_than_the_pack_allows_counts_for_nothing() -> None:
    limited = case(contact__max_calls_per_7_days=2)
    week = [call(DAY + timedelta(days=n)) for n in range(7)]
    assert count(limited.when(*week)) == 2
    assert count(limited.when(*week, call(DAY + timedelta(days=14)))) == 3


def test_after_attempts_in_vain_they_count_again_when_a_person_has_decided() -> None:
    start = case(contact_rules__failed_attempts_until_person=5)
    five = start.when(*map(call, TEN[:7]))
    assert count(five) == 5
    goes_on = message(ContactResumed(by="s-1", reason="a letter came back"), TEN[6])
    assert count(five.when(goes_on, *map(call, TEN[7:]))) == 8


@pytest.mark.parametrize("override", LegalOverride)
def test_a_supervisor_may_go_earlier_with_a_reason_on_file(override: LegalOverride) -> None:
    said = LegalReferralAsked(by="s-1", role="supervisor", override=override, words=WORDS)
    after = case(10).when(message(said))
    assert after.emits(LegalReferralMade)
    assert after.last(LegalReferralMade).overridden
    for change in ({"role": "negotiator"}, {"words": None}, {"words": Personal(value=" ")}):
        wrong = said.model_copy(update=change)
        assert refused(case(10).when(message(wrong))) is ReasonCode.LEGAL_OVERRIDE_REFUSED


def test_a_negotiator_on_the_roster_overrides_nothing_by_calling_themselves_a_supervisor() -> None:
    said = LegalReferralAsked(by="n-1", role="supervisor", override=next(iter(LegalOverride)), words=WORDS)
    assert refused(case(10).when(message(said))) is ReasonCode.NOT_ALLOWED_TO


def test_an_override_that_the_pack_does_not_know_is_refused() -> None:
    start = given(FollowupDecider(), reference(legal_referral__override_reasons=["limitation"]))
    said = LegalReferralAsked(
        by="s-1",
        role="supervisor",
        override=LegalOverride.ASSET_FLIGHT,
        words=WORDS,
    )
    assert refused(start.when(message(case_opened()), message(said))) is ReasonCode.LEGAL_OVERRIDE_REFUSED


def test_neither_a_plan_in_force_nor_a_stopped_case_goes_to_court() -> None:
    assert refused(live().when(message(ASKED, LATER))) is ReasonCode.LEGAL_PLAN_KEPT
    stopped = case().when(message(lapsed()), *begins(StopCause.BREATHING_SPACE, DAY))
    assert refused(stopped.when(message(ASKED, LATER))) is ReasonCode.LEGAL_STOPPED
    free = stopped.when(*over(DAY), message(CaseChanged(as_of=DAY, debts=(debt(days=130),))))
    assert free.when(message(ASKED, LATER)).emits(LegalReferralMade)


def test_an_attempt_on_the_day_on_which_a_halt_begins_or_ends_counts_in_neither_order() -> None:
    """The contact comes by the desk's topic, what a stop means by intake's."""
    begun, ended = DAY + timedelta(days=6), DAY + timedelta(days=20)
    before = case().when(call(DAY), call(DAY + timedelta(days=3)))
    halt, end = begins(StopCause.DISPUTE, begun), over(ended)
    last = DAY + timedelta(days=21)
    orders = (
        (call(begun), *halt, call(ended), *end),
        (*halt, call(begun), *end, call(ended)),
    )
    found = [before.when(*order) for order in orders]
    assert [count(step) for step in found] == [2, 2]
    assert [step.state.attempts.last for step in found] == [DAY + timedelta(days=3)] * 2
    assert [count(step.when(call(last))) for step in found] == [3, 3]
    first = case().when(call(begun), *halt)
    assert (first.state.attempts.first, count(first)) == (None, 0)


def test_on_the_day_on_which_the_desk_tells_of_a_stop_nobody_goes_to_court() -> None:
    told = desk_parties.StopReported(stop_id="s-1", cause=StopCause.DISPUTE, since=LATER)
    ready = case().when(message(lapsed()), message(told, LATER))
    assert refused(ready.when(message(ASKED, LATER))) is ReasonCode.LEGAL_STOPPED
    assert ready.when(message(ASKED, LATER + timedelta(days=1))).emits(LegalReferralMade)


def two_debts(status: DebtStatus = DebtStatus.ACTIVE) -> tuple[DebtSnapshot, ...]:
    return debt("d-1", days=130), debt("d-2", days=130, status=status)


@pytest.mark.parametrize("status", [DebtStatus.DISPUTED, DebtStatus.HELD, DebtStatus.SOLD])
def test_an_attempt_about_a_debt_that_is_stopped_counts_for_nothing(status: DebtStatus) -> None:
    stopped, ended = DAY + timedelta(days=6), DAY + timedelta(days=20)
    both = given(FollowupDecider(), reference()).when(message(case_opened(*two_debts())))
    halt = message(CaseChanged(as_of=stopped, debts=two_debts(status)), stopped)
    end = message(CaseChanged(as_of=ended, debts=two_debts()), ended)

    def counted(*said: Any) -> int:
        return count(both.when(call(DAY), *said)) - 1

    held = DAY + timedelta(days=9)
    assert counted(about(held, "d-2")) == 1
    assert counted(halt, about(held, "d-2")) == 0
    assert counted(halt, about(held, "d-1", "d-2")) == 0
    assert counted(halt, about(held, "d-1")) == 1
    assert counted(halt, about(held)) == 1, "about no debt in particular: about those that are talked about"
    assert counted(halt, end, about(ended + timedelta(days=1), "d-2")) == 1
    for on, change, before in ((stopped, halt, ()), (ended, end, (halt,))):
        of_the_day = about(on, "d-2")
        assert counted(*before, of_the_day, change) == counted(*before, change, of_the_day) == 0


def about(on: date, *debts: str) -> Any:
    said = call(on)
    return replace(said, data=said.data.model_copy(update={"debts": debts}))


# --- an offer that stands, and more than one pack


def tabled(on: date) -> Any:
    return message(offered(on), on)


def taken_back(on: date) -> Any:
    reason = Reason(code=ReasonCode.BALANCE_CHANGED)
    return message(offer.OfferWithdrawn(offer_id="o", as_of=on, reason=reason), on)


@pytest.mark.parametrize("grounds", ["lapsed", "attempts"])
def test_nobody_goes_to_court_while_an_offer_stands_that_the_borrower_may_accept(grounds: str) -> None:
    """The first round had lapsed, the second lay on the table, and the case went to the lawyers meanwhile."""
    ready = case().when(message(lapsed())) if grounds == "lapsed" else case().when(*(call(on) for on in TEN))
    assert ready.when(message(ASKED, LATER)).emits(LegalReferralMade)
    again = ready.when(tabled(LATER))
    assert refused(again.when(message(ASKED, LATER))) is ReasonCode.LEGAL_OFFER_OPEN
    assert again.when(message(LIMITATION, LATER)).emits(LegalReferralMade), "what cannot wait"
    for over_ in (
        taken_back(LATER),
        message(lapsed(LATER), LATER),
        message(failed(ReasonCode.NO_ANSWER), LATER),
    ):
        assert again.when(over_, message(ASKED, LATER)).emits(LegalReferralMade)
    more = taken_back(LATER), tabled(LATER + timedelta(days=1))
    assert (
        refused(again.when(*more, message(ASKED, LATER + timedelta(days=1)))) is ReasonCode.LEGAL_OFFER_OPEN
    )


def test_what_was_accepted_as_it_stood_before_the_day_s_balance_stands_and_goes_to_no_court() -> None:
    """What had replaced it is taken off after that: a referral was made of a case that waits for approval."""
    ready = case().when(message(lapsed()), tabled(LATER), taken_back(LATER))
    why = Reason(code=ReasonCode.OFFER_ALREADY_ANSWERED)
    replaced = message(offer.OfferWithdrawn(offer_id="new", as_of=LATER, reason=why), LATER)
    approval = offer.ApprovalRequested(
        request_id="r", offer_id="o", plan_id="p", role="supervisor", due=LATER, reasons=()
    )
    ask = message(ASKED, LATER)
    for before in ((tabled(LATER), replaced), ()):  # also where no plan was found for the new balance
        waits = ready.when(*before, message(approval, LATER))
        assert refused(waits.when(ask)) is ReasonCode.LEGAL_OFFER_OPEN
        assert waits.when(taken_back(LATER), ask).emits(LegalReferralMade)


def test_an_offer_that_was_signed_does_not_stand_when_its_plan_is_broken() -> None:
    plan = message(signed((DAY + timedelta(days=30), "100.00"), (DAY + timedelta(days=60), "100.00")))
    # By another topic, so perhaps after the signature.
    accepted = message(
        offer.ApprovalRequested(
            request_id="r", offer_id="o", plan_id="p", role="supervisor", due=DAY, reasons=()
        )
    )
    there = case(breach__notice_required=False).when(tabled(DAY), plan, accepted)
    while there.state.status is not FollowupStatus.BROKEN:
        there = there.closes(there.decider.due(there.state) or LATER)
    day = there.state.plan.ended_on + timedelta(days=1)
    assert refused(there.when(message(ASKED, day))) is ReasonCode.LEGAL_TALKS_FIRST


@pytest.mark.parametrize(
    ("rule", "value", "code"),
    [
        ("min_days_past_due", 240, ReasonCode.LEGAL_TOO_EARLY),
        ("or_attempts", 11, ReasonCode.LEGAL_TALKS_FIRST),
        ("or_attempts_over_days", 61, ReasonCode.LEGAL_TALKS_FIRST),
    ],
)
def test_what_another_pack_of_the_case_asks_for_is_asked_for_too(
    rule: str, value: int, code: ReasonCode
) -> None:
    """A debt under a stricter pack went to court by the rules of the pack that the case began with."""
    own = example_pack(contact_rules__failed_attempts_until_person=20)
    rules = {f"legal_referral__{rule}": value, "contact_rules__failed_attempts_until_person": 20}
    strict = example_pack({"id": "other-card"}, **rules)
    start = given(FollowupDecider(), reference(own, strict)).when(message(case_opened(debt(days=130))))
    for names, refuses in ((("example-card",), None), (("example-card", "other-card"), code)):
        known = start.when(message(CaseChanged(as_of=DAY, debts=(debt(days=130),), conduct=names)))
        after = known.when(*(call(on) for on in TEN), message(ASKED, LATER))
        assert after.emits(LegalReferralMade) if refuses is None else refused(after) is refuses


def test_an_override_has_to_be_one_of_every_pack() -> None:
    strict = example_pack({"id": "other-card"}, legal_referral__override_reasons=["asset_flight"])
    start = given(FollowupDecider(), reference(example_pack(), strict)).when(message(case_opened()))
    names = ("example-card", "other-card")
    both = start.when(message(CaseChanged(as_of=DAY, debts=(debt(),), conduct=names)))
    assert start.when(message(LIMITATION, LATER)).emits(LegalReferralMade)
    assert refused(both.when(message(LIMITATION, LATER))) is ReasonCode.LEGAL_OVERRIDE_REFUSED
