"""What becomes of a plan reaches the co-borrower whom it binds: a person is to tell them, and by when."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest

from services.followup.decide import FollowupDecider
from services.followup.model import FollowupStatus
from shared.contracts import desk
from shared.contracts.agreement import AgreementEnded, EarlierAgreement
from shared.contracts.base import Event, Reason
from shared.contracts.debts import DebtStatus
from shared.contracts.desk_care import ProblemSolved
from shared.contracts.followup import ContactNoted, PlanBroken, PlanCompleted
from shared.contracts.followup_care import (
    BreachCured,
    BreachNoticed,
    PlanReopened,
    ProblemOpened,
    ProblemOverdue,
    ProblemResolved,
)
from shared.contracts.intake import CaseAssigned, CaseClosed, CloseReason
from shared.contracts.parties import StopCause
from shared.contracts.personal import Personal
from shared.contracts.reasons import ReasonCode
from shared.texts.words import story
from tests.unit.builders import (
    DAY,
    balances,
    case_opened,
    debt,
    message,
    paid,
    reference,
    signed,
    taken_back,
)
from tests.unit.followup.plans import PLAIN, ROWS, SECOND, THIRD, by_evening, live, lives_to
from tests.unit.followup.test_keeping import BREACH, NOTICED
from tests.unit.spec import Given, given
from tests.unit.stopping import begins

OF_NOTICE = "tell_co_borrower_of_breach_notice"
BROKEN = "tell_co_borrower_plan_is_broken"
STANDS = "tell_co_borrower_plan_stands_again"
COMPLETED = "tell_co_borrower_plan_is_completed"
UNCOUNTED = "tell_co_borrower_signature_does_not_count"
WITHDRAWN = "tell_co_borrower_of_withdrawal"
VOID = "tell_co_borrower_notice_is_void"
AMENDED = "tell_co_borrower_of_amendment"


def bound(*who: str, before: tuple[str, ...] = (), **overrides: Any) -> Given:
    """Give a plan that binds co-borrowers, too, with an owner."""
    plan = signed(*ROWS).model_copy(update={"bound": who, "signed_before": before})
    start = given(FollowupDecider(), reference(**PLAIN | overrides))
    return start.when(message(case_opened()), message(CaseAssigned(owner="n-1"), DAY), message(plan))


def opened(step: Given) -> list[tuple[str, str | None]]:
    return [(one.about, one.party_id) for one in step.said if isinstance(one, ProblemOpened)]


def open_(step: Given) -> list[tuple[str, str | None]]:
    return [(one.about, one.party_id) for one in step.state.problems]


def all_of(step: Given, kind: type[Event]) -> list[Any]:
    return [one for one in step.said if isinstance(one, kind)]


def contact(on: date, *, told: date | None = None, **changes: Any) -> Any:
    fields: dict[str, Any] = {
        "at": datetime.combine(on, time(10), UTC),
        "place": "letter",
        "participants": ("n-1", "co_debtor"),
        "key_points": Personal[str](value="…"),
        "direction": desk.ContactDirection.OUTBOUND,
        "outcome": desk.ContactOutcome.MESSAGE_LEFT,
        "channel": "letter",
        "purpose": "legal_notice",
        "party": "co_debtor",
        "person": "P-2",
        "recorded_by": "n-1",
    }
    return message(desk.ContactRecorded(**fields | changes), told or on)


# --- each event is somebody's to tell


def test_a_notice_of_breach_is_to_be_told_so_early_that_all_the_time_to_cure_is_left() -> None:
    """The notice went to the borrower alone: who had signed, too, lost what they had without a word."""
    plan = lives_to(bound("P-2", **NOTICED), BREACH)
    assert opened(plan) == [(OF_NOTICE, "P-2")]
    noticed, problem = plan.last(BreachNoticed), plan.last(ProblemOpened)
    assert (problem.about, problem.party_id) == (OF_NOTICE, "P-2")
    assert (problem.owner, problem.owner_role, problem.opened_on) == ("n-1", "negotiator", BREACH)
    assert problem.due == BREACH + timedelta(days=NOTICED["breach__notice_days"])
    assert (noticed.cure_by - problem.due).days >= NOTICED["breach__cure_days"]
    late = lives_to(plan, problem.due)
    assert late.last(ProblemOverdue).problem_id == problem.problem_id


@pytest.mark.parametrize(("notice", "cure"), [(0, 1), (0, 10), (1, 1), (60, 10)])
def test_the_last_day_to_tell_of_it_is_inside_the_time_to_cure_whatever_the_pack_says(
    notice: int, cure: int
) -> None:
    days = {"breach__notice_required": True, "breach__notice_days": notice, "breach__cure_days": cure}
    plan = lives_to(bound("P-2", **days), BREACH)
    problem = plan.last(ProblemOpened)
    assert BREACH < problem.due <= plan.last(BreachNoticed).cure_by
    assert not all_of(plan, ProblemOverdue), "nobody could have told them by then"


def test_a_broken_plan_takes_the_place_of_the_notice_that_was_never_told() -> None:
    plan = lives_to(bound("P-2", **NOTICED), BREACH)
    notice = plan.last(ProblemOpened)
    broke = lives_to(plan, plan.last(BreachNoticed).cure_by)
    assert all_of(broke, PlanBroken)
    assert opened(broke) == open_(broke) == [(BROKEN, "P-2")]
    assert all_of(broke, ProblemOverdue)[0].problem_id == notice.problem_id, "it is on file that nobody did"
    solved = broke.last(ProblemResolved)
    assert (solved.problem_id, solved.by) == (notice.problem_id, "newer_word")


def test_a_completed_plan_is_to_be_told_also_when_its_case_is_closed() -> None:
    done = lives_to(bound("P-2", "P-3").when(message(paid("300.00", DAY))), SECOND)
    assert done.state.status is FollowupStatus.COMPLETED
    assert all_of(done, PlanCompleted)
    assert opened(done) == [(COMPLETED, "P-2"), (COMPLETED, "P-3")]
    gone = done.when(message(CaseClosed(as_of=SECOND, reason=CloseReason.PLAN_COMPLETED), SECOND))
    assert open_(gone) == [(COMPLETED, "P-2"), (COMPLETED, "P-3")]
    told = gone.when(contact(SECOND + timedelta(days=1), purpose="service"))
    assert open_(told) == [(COMPLETED, "P-3")]


def test_a_case_that_closes_with_its_last_payment_asks_for_it_too() -> None:
    plan = bound("P-2").when(message(paid("300.00", DAY)))
    gone = plan.when(message(CaseClosed(as_of=DAY, reason=CloseReason.PLAN_COMPLETED), DAY))
    assert all_of(gone, PlanCompleted)
    assert opened(gone) == open_(gone) == [(COMPLETED, "P-2")]


@pytest.mark.parametrize("reason", [CloseReason.RECALLED, CloseReason.SETTLED])
def test_of_a_notice_nobody_hears_when_the_case_is_gone_but_of_a_broken_plan(reason: CloseReason) -> None:
    noticed = lives_to(bound("P-2", **NOTICED), BREACH)
    broke = lives_to(noticed, noticed.last(BreachNoticed).cure_by)
    # Where nothing is owed any more the agreement is completed, and that is what they hear.
    instead = [(COMPLETED, "P-2")] if reason is CloseReason.SETTLED else []
    for step, left in ((noticed, instead), (broke, [(BROKEN, "P-2")])):
        day = step.state.plan.judged_to
        assert open_(step.when(message(CaseClosed(as_of=day, reason=reason), day))) == left


def test_a_completed_plan_that_is_live_again_is_to_be_told() -> None:
    done = lives_to(bound("P-2").when(message(paid("300.00", DAY, "p"))), SECOND)
    assert open_(done) == [(COMPLETED, "P-2")]
    on = SECOND + timedelta(days=1)
    again = done.when(message(taken_back("300.00", DAY, on, "p"), on)).closes(on)
    assert all_of(again, PlanReopened)
    assert opened(again) == open_(again) == [(STANDS, "P-2")]


def test_a_plan_that_was_broken_in_a_stop_and_stands_again_is_to_be_told() -> None:
    told = SECOND + timedelta(days=10)
    lived = lives_to(bound("P-2"), told - timedelta(days=1))
    assert opened(lived) == [(BROKEN, "P-2")]
    since = all_of(lived, PlanBroken)[0].as_of
    back = by_evening(lived, told, *begins(StopCause.CRISIS_BREATHING_SPACE, told, since=since))
    assert all_of(back, PlanReopened)
    assert opened(back) == open_(back) == [(STANDS, "P-2")]


def test_a_withdrawal_which_ends_it_for_them_too_is_to_be_told() -> None:
    over = AgreementEnded(
        agreement_id="agreement-1", as_of=DAY, reason=Reason(code=ReasonCode.WITHDRAWN_IN_TIME)
    )
    gone = bound("P-2").when(message(over, DAY))
    assert opened(gone) == open_(gone) == [(WITHDRAWN, "P-2")]


def test_who_signed_only_what_it_amends_loses_that_by_its_breach_and_hears_of_it() -> None:
    plan = lives_to(bound("P-2", before=("P-3",), **NOTICED), BREACH)
    assert opened(plan) == [(OF_NOTICE, "P-2"), (OF_NOTICE, "P-3")]


def test_where_nobody_else_is_bound_nobody_is_told() -> None:
    broke = lives_to(live(**NOTICED), BREACH + timedelta(days=30))
    assert all_of(broke, PlanBroken)
    assert not all_of(broke, ProblemOpened)


def test_a_notice_that_is_void_has_to_reach_nobody() -> None:
    plan = lives_to(bound("P-2", **NOTICED), BREACH)
    day = BREACH + timedelta(days=2)
    cured = lives_to(plan.when(message(paid("100.00", day), day)), day)
    assert all_of(cured, BreachCured)
    assert (cured.last(ProblemResolved).by, open_(cured)) == ("notice_void", [])


def test_nor_when_another_agreement_has_taken_its_place() -> None:
    plan = lives_to(bound("P-2", **NOTICED), BREACH)
    day = BREACH + timedelta(days=2)
    anew = plan.when(message(signed((date(2026, 9, 1), "9.00"), effective=day, version=2), day))
    assert (anew.last(ProblemResolved).by, open_(anew)) == ("newer_word", [])


def test_who_believes_that_they_signed_and_is_not_bound_is_to_hear_it() -> None:
    """What they had signed in a stop of theirs did not count, and nobody was told."""
    plan = signed(*ROWS).model_copy(update={"not_counted": ("P-2",), "bound": ("P-3",)})
    step = given(FollowupDecider(), reference(**PLAIN | NOTICED)).when(message(case_opened()), message(plan))
    assert opened(step) == [(UNCOUNTED, "P-2")]
    later = lives_to(step, BREACH)
    assert open_(later) == [(UNCOUNTED, "P-2"), (OF_NOTICE, "P-3")], "the breach is none of theirs"
    day = BREACH + timedelta(days=1)
    assert open_(later.when(contact(day, purpose="service"))) == [(OF_NOTICE, "P-3")]


def test_nor_does_newer_word_of_a_plan_that_they_signed_before_take_the_place_of_it() -> None:
    plan = signed(*ROWS).model_copy(update={"not_counted": ("P-2",), "signed_before": ("P-2",)})
    step = given(FollowupDecider(), reference(**PLAIN | NOTICED)).when(message(case_opened()), message(plan))
    assert open_(lives_to(step, BREACH)) == [(UNCOUNTED, "P-2"), (OF_NOTICE, "P-2")]


@pytest.mark.parametrize("again", ["counts", "does not", "did not sign"])
def test_the_next_signature_is_the_word_that_holds(again: str) -> None:
    plan = signed(*ROWS).model_copy(update={"not_counted": ("P-2",)})
    step = given(FollowupDecider(), reference(**PLAIN)).when(message(case_opened()), message(plan))
    who = {"counts": {"bound": ("P-2",)}, "does not": {"not_counted": ("P-2",)}}.get(again, {})
    day = DAY + timedelta(days=1)
    second = signed((SECOND, "9.00"), effective=day, version=2).model_copy(update=who)
    anew = step.when(message(second, day))
    assert all_of(anew, ProblemResolved)[0].by == "newer_word"
    assert open_(anew) == ([(UNCOUNTED, "P-2")] if again == "does not" else [])


# --- what is true all the same


def cures(plan: Given, day: date) -> Given:
    return lives_to(plan.when(message(paid("100.00", day), day)), day)


@pytest.mark.parametrize("heard", ["a contact", "a word", "nothing"])
def test_who_was_told_of_a_notice_hears_that_it_is_void(heard: str) -> None:
    """Both paid: the borrower had cured it, and who had been told of the notice never heard so."""
    plan = lives_to(bound("P-2", "P-3", **NOTICED), BREACH)
    day = BREACH + timedelta(days=1)
    solved = ProblemSolved(problem_id=plan.state.problems[0].problem_id, by="n-1")
    word = {"a contact": [contact(day)], "a word": [message(solved, day)], "nothing": []}[heard]
    cured = cures(plan.when(*word), BREACH + timedelta(days=2))
    assert all_of(cured, BreachCured)
    assert opened(cured) == open_(cured) == ([] if heard == "nothing" else [(VOID, "P-2")])
    latest = BREACH + timedelta(days=2 + NOTICED["breach__notice_days"])
    assert all(one.due <= latest for one in cured.state.problems), "before they pay for nothing"


def test_a_second_notice_that_is_void_before_they_hear_leaves_them_to_hear_that_the_first_was() -> None:
    plan = lives_to(bound("P-2", **NOTICED), BREACH).when(contact(BREACH + timedelta(days=1)))
    once = cures(plan, BREACH + timedelta(days=2))
    assert open_(once) == [(VOID, "P-2")]
    again = lives_to(once, THIRD + timedelta(days=7))
    assert all_of(again, BreachNoticed)
    assert open_(again) == [(VOID, "P-2"), (OF_NOTICE, "P-2")]
    twice = cures(again, THIRD + timedelta(days=8))
    assert all_of(twice, BreachCured)
    assert open_(twice) == [(VOID, "P-2")], "once"


@pytest.mark.parametrize("heard", [False, True])
def test_a_notice_hides_nothing_that_they_had_to_hear(heard: bool) -> None:
    """A withdrawal was older news once notice was given; that was void, and nobody told them of either."""
    day = DAY + timedelta(days=1)
    second = signed((SECOND, "9.00"), effective=day, version=2)
    second = second.model_copy(update={"bound": ("P-2",), "may_withdraw": True})
    over = AgreementEnded(
        agreement_id=second.agreement_id,
        as_of=day,
        reason=Reason(code=ReasonCode.WITHDRAWN_IN_TIME),
        returns_to=EarlierAgreement(agreement_id="agreement-1", version=1, debts=("A-1",)),
    )
    back = bound("P-2", **NOTICED).when(message(second, day), message(over, day))
    assert open_(back) == [(WITHDRAWN, "P-2")]
    noticed = lives_to(back, BREACH)
    assert open_(noticed) == [(WITHDRAWN, "P-2"), (OF_NOTICE, "P-2")]
    on = BREACH + timedelta(days=1)
    told = noticed.when(*([contact(on)] if heard else []))
    assert open_(cures(told, on)) == ([(VOID, "P-2")] if heard else [(WITHDRAWN, "P-2")])


def test_who_signed_only_what_it_amends_hears_of_the_amendment() -> None:
    """It was signed without them: what they pay by is not what the borrower pays by any more."""
    day = DAY + timedelta(days=1)
    second = signed((SECOND, "9.00"), effective=day, version=2)
    anew = bound("P-2", "P-3").when(
        message(second.model_copy(update={"bound": ("P-3",), "signed_before": ("P-2",)}), day)
    )
    assert opened(anew) == open_(anew) == [(AMENDED, "P-2")]
    told = anew.when(contact(day + timedelta(days=1), purpose="service"))
    assert open_(told) == []
    over = AgreementEnded(
        agreement_id=second.agreement_id, as_of=day, reason=Reason(code=ReasonCode.WITHDRAWN_IN_TIME)
    )
    assert open_(anew.when(message(over, day))) == [(WITHDRAWN, "P-3"), (WITHDRAWN, "P-2")]
    third = signed((SECOND, "8.00"), effective=day, version=3).model_copy(update={"bound": ("P-2", "P-3")})
    assert open_(anew.when(message(third, day))) == [], "they have signed now"


@pytest.mark.parametrize("stays", [False, True])
@pytest.mark.parametrize("heard", [False, True])
def test_an_amendment_that_ends_a_notice_is_told_to_who_is_no_party_of_it(stays: bool, heard: bool) -> None:
    plan = lives_to(bound("P-2", **NOTICED), BREACH)
    on = BREACH + timedelta(days=1)
    told = plan.when(*([contact(on)] if heard else []))
    second = signed((THIRD, "9.00"), effective=on, version=2)
    anew = told.when(message(second.model_copy(update={"bound": ("P-2",) if stays else ()}), on))
    assert open_(anew) == ([(VOID, "P-2")] if heard and not stays else [])


def test_that_an_earlier_plan_was_completed_is_true_whatever_becomes_of_the_next() -> None:
    done = lives_to(bound("P-2", **NOTICED).when(message(paid("300.00", DAY))), SECOND)
    assert open_(done) == [(COMPLETED, "P-2")]
    second = signed(
        (THIRD, "9.00"), (date(2026, 7, 1), "9.00"), effective=SECOND + timedelta(days=1), version=2
    )
    anew = done.when(message(second.model_copy(update={"bound": ("P-2",)}), second.effective))
    broke = lives_to(anew, date(2026, 8, 30))
    assert all_of(broke, PlanBroken)
    assert open_(broke) == [(COMPLETED, "P-2"), (BROKEN, "P-2")]


@pytest.mark.parametrize("reason", [CloseReason.RECALLED, CloseReason.ELSEWHERE])
def test_what_binds_the_bank_after_its_case_is_still_to_be_told(reason: CloseReason) -> None:
    """They had heard that the plan was broken; that it stands, and was handed back, was nobody's to tell."""
    told = SECOND + timedelta(days=10)
    lived = lives_to(bound("P-2"), told - timedelta(days=1))
    since = all_of(lived, PlanBroken)[0].as_of
    back = by_evening(lived, told, *begins(StopCause.CRISIS_BREATHING_SPACE, told, since=since))
    gone = back.when(
        message(CaseClosed(as_of=told + timedelta(days=1), reason=reason), told + timedelta(days=1))
    )
    assert open_(gone) == [(STANDS, "P-2")]


@pytest.mark.parametrize("reason", [CloseReason.RECALLED, CloseReason.SETTLED])
def test_so_is_that_a_signature_does_not_count(reason: CloseReason) -> None:
    plan = signed(*ROWS).model_copy(update={"not_counted": ("P-2",)})
    step = given(FollowupDecider(), reference(**PLAIN)).when(message(case_opened()), message(plan))
    assert open_(step.when(message(CaseClosed(as_of=DAY, reason=reason), DAY))) == [(UNCOUNTED, "P-2")]


def test_a_plan_that_ends_because_nothing_is_owed_is_completed_for_them_too() -> None:
    """The bank says that nothing is owed before the last instalments: the borrower has the letter for it."""
    paid_up = debt(outstanding=balances())
    gone = bound("P-2").when(
        message(CaseClosed(as_of=DAY, reason=CloseReason.SETTLED, debts=(paid_up,)), DAY)
    )
    assert gone.state.status is FollowupStatus.CLOSED
    assert opened(gone) == open_(gone) == [(COMPLETED, "P-2")]


@pytest.mark.parametrize("status", [DebtStatus.RECALLED, DebtStatus.ELSEWHERE])
def test_nor_is_it_where_a_debt_of_it_left_unpaid(status: DebtStatus) -> None:
    away = debt().model_copy(update={"status": status})
    gone = bound("P-2").when(message(CaseClosed(as_of=DAY, reason=CloseReason.SETTLED, debts=(away,)), DAY))
    assert (COMPLETED, "P-2") not in open_(gone)


# --- how it ends


def test_a_legal_notice_on_file_ends_it_for_that_person_alone() -> None:
    plan = lives_to(bound("P-2", "P-3", **NOTICED), BREACH)
    day = BREACH + timedelta(days=1)
    told = plan.when(contact(day))
    assert told.emits(ProblemResolved, ContactNoted)
    solved = told.last(ProblemResolved)
    assert (solved.problem_id, solved.by, solved.days) == (plan.state.problems[0].problem_id, "n-1", 1)
    assert open_(told) == [(OF_NOTICE, "P-3")]
    unsigned = plan.when(contact(day, recorded_by=None))
    assert unsigned.last(ProblemResolved).by == "contact"


@pytest.mark.parametrize(
    "otherwise",
    [
        {"person": "P-9"},
        {"person": "borrower", "party": "borrower"},
        {"direction": desk.ContactDirection.INBOUND},
        {"outcome": desk.ContactOutcome.NO_ANSWER},
        {"purpose": "service"},
        {"purpose": None},
    ],
)
def test_no_other_contact_does(otherwise: dict[str, Any]) -> None:
    plan = lives_to(bound("P-2", **NOTICED), BREACH)
    assert open_(plan.when(contact(BREACH + timedelta(days=1), **otherwise))) == [(OF_NOTICE, "P-2")]


def test_nor_one_of_its_own_day_or_before_whenever_it_is_told() -> None:
    """What comes by another topic on the same day has no order with it."""
    plan = lives_to(bound("P-2", **NOTICED), BREACH)
    told = BREACH + timedelta(days=1)
    for at in (BREACH - timedelta(days=1), BREACH):
        assert open_(plan.when(contact(at, told=told))) == [(OF_NOTICE, "P-2")]


def test_a_message_says_that_a_plan_stands_or_is_completed() -> None:
    done = lives_to(bound("P-2").when(message(paid("300.00", DAY))), SECOND)
    assert open_(done.when(contact(SECOND + timedelta(days=1), purpose="service"))) == []
    assert open_(done.when(contact(SECOND + timedelta(days=1), purpose="collection"))) == open_(done)


def test_a_person_s_word_ends_it() -> None:
    plan = lives_to(bound("P-2", **NOTICED), BREACH)
    solved = ProblemSolved(problem_id=plan.last(ProblemOpened).problem_id, by="n-1")
    assert plan.when(message(solved, BREACH)).emits(ProblemResolved)


@pytest.mark.parametrize("about", [OF_NOTICE, BROKEN, STANDS, COMPLETED, WITHDRAWN, UNCOUNTED, VOID, AMENDED])
@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_story_says_what_to_tell_to_whom_in_words(about: str, language: str) -> None:
    plan = lives_to(bound("P-2", **NOTICED), BREACH)
    data = plan.last(ProblemOpened).model_copy(update={"about": about})
    said = story(ProblemOpened.TYPE, language, data)
    assert "P-2" in said
    assert about not in said
    assert ("共同借款人" if language == "zh" else "co-borrower") in said
