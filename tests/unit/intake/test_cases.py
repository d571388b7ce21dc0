"""Cases: opened, refreshed, assigned, closed; stale and unknown facts."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from services.intake.decide import IntakeDecider
from services.intake.model import CaseStatus, IntakeState
from shared.contracts import agreement, bank, desk, followup
from shared.contracts.base import Reason
from shared.contracts.debts import DebtStatus, ProductKind
from shared.contracts.ids import case_id
from shared.contracts.intake import (
    BankAnswered,
    CaseAssigned,
    CaseChanged,
    CaseClosed,
    CaseOpened,
    CloseReason,
    InputRefused,
    PaymentMatched,
)
from shared.contracts.reasons import ReasonCode
from shared.policy.roster import Roster
from shared.policy.testing import example_pack
from tests.unit.builders import DAY, balances, message, reference
from tests.unit.intake.bank_says import (
    LATE,
    NOTHING,
    OWED,
    balance,
    confirmed,
    cured,
    day,
    instructed,
    overdue,
    paid,
    plan_completed,
    recalled,
    returned,
    says,
    signed,
    sold,
)
from tests.unit.spec import Given, given


def start(**overrides: Any) -> Given:
    return given(IntakeDecider(), reference(**overrides))


def opened(**overrides: Any) -> Given:
    return start(**overrides).when(overdue())


def test_an_overdue_account_opens_a_case_with_owner_and_timetable() -> None:
    after = start().when(overdue())
    assert after.emits(CaseOpened, CaseAssigned)
    said = after.last(CaseOpened)
    assert (said.episode, said.policy, said.language, said.opened_on) == (1, "example-card", "zh", DAY)
    assert said.debts[0].outstanding == OWED
    assert said.debts[0].days_past_due == 60
    assert said.debts[0].oldest_due == date(2026, 1, 1)
    assert after.last(CaseAssigned).owner == "n-1"


def test_every_message_is_about_the_case_of_the_episode() -> None:
    decision = IntakeDecider().decide(None, overdue(), reference())
    assert {emission.subject for emission in decision.emissions} == {case_id("C-1", 1)}


def test_several_accounts_of_a_customer_are_one_case() -> None:
    after = opened().when(overdue("A-2", n=1))
    assert after.emits(CaseChanged)
    assert [d.debt_id for d in after.last(CaseChanged).debts] == ["A-1", "A-2"]


def test_steps_are_counted_in_business_days_one_after_another() -> None:
    # Friday 25 September 2026 is the Mid-Autumn holiday; 1 to 7 October is Golden Week in China.
    after = start().when(overdue(n=(date(2026, 9, 24) - DAY).days))
    dates = {step.name: step.due for step in after.last(CaseOpened).timetable}
    assert dates["first_contact"] == date(2026, 9, 29)
    assert dates["statement"] > date(2026, 10, 7)
    on_the_way = ["statement", "assessment", "offer", "answer", "approval", "signature", "instruction"]
    assert [dates[name] for name in on_the_way] == sorted(dates[name] for name in on_the_way)
    assert len({dates[name] for name in on_the_way}) == len(on_the_way)
    assert not {"performing", "no_plan"} & dates.keys()


@pytest.mark.parametrize(
    ("again", "changes"),
    [
        pytest.param(overdue(), False, id="the same again"),
        pytest.param(overdue(n=1), True, id="as late a day later: the oldest amount was paid"),
        pytest.param(overdue(n=1, days=61), True, id="a day later"),
        pytest.param(overdue(n=1, owed=balances("5000.00", "510.00", "200.00")), True, id="more interest"),
    ],
)
def test_a_repeat_refreshes_the_case_only_where_something_changed(again: Any, changes: bool) -> None:
    after = opened().when(again)
    assert after.emits(CaseChanged) is changes
    assert after.said == () or changes


@pytest.mark.parametrize("stale", [overdue(n=-1, days=30), balance(-1, NOTHING, NOTHING, days=0), cured(-1)])
def test_an_older_fact_changes_nothing(stale: Any) -> None:
    before = opened()
    after = before.when(replace(stale, time=overdue().time))
    assert after.state == before.state
    assert after.last(InputRefused).reason.code is ReasonCode.STALE_FACT


def test_a_cured_customer_closes_the_case_and_the_next_overdue_opens_the_next_episode() -> None:
    after = opened().when(cured(5))
    assert after.emits(CaseClosed)
    assert after.last(CaseClosed).reason is CloseReason.CURED
    assert after.decider.due(after.state) is None
    again = after.when(overdue(n=40, days=10))
    assert again.emits(CaseOpened, CaseAssigned)
    assert again.last(CaseOpened).episode == 2
    assert again.state.case == case_id("C-1", 2)


def test_called_overdue_and_cured_as_of_the_same_day_is_cured() -> None:
    after = opened().when(cured(5), overdue(n=5, days=65))
    assert [type(e) for e in after.said] == [CaseClosed, InputRefused]
    assert after.when(overdue(n=6, days=66)).emits(CaseOpened, CaseAssigned)


def test_the_case_goes_on_while_one_account_is_overdue() -> None:
    after = opened().when(overdue("A-2"), cured(3))
    assert after.emits(CaseChanged, CaseChanged)
    assert after.last(CaseChanged).debts[0].status is DebtStatus.CURED
    assert after.when(cured(4, "A-2")).emits(CaseClosed)
    back = after.when(overdue(n=5, days=5))
    assert back.last(CaseChanged).debts[0].status is DebtStatus.ACTIVE


@pytest.mark.parametrize(
    ("fact", "reason"),
    [
        (sold(2), CloseReason.SOLD),
        (recalled(2), CloseReason.RECALLED),
        (balance(2, NOTHING, NOTHING, days=0), CloseReason.SETTLED),
        (balance(2, balances("4000.00"), NOTHING, days=0), CloseReason.CURED),
    ],
)
def test_a_case_closes_for_the_reason_that_its_last_debt_left(fact: Any, reason: CloseReason) -> None:
    after = opened().when(fact)
    assert after.emits(CaseClosed)
    assert after.last(CaseClosed).reason is reason


def test_a_sold_debt_never_comes_back_and_a_recalled_one_does() -> None:
    after = opened().when(sold(2)).when(overdue(n=9))
    assert after.last(InputRefused).reason.code is ReasonCode.DEBT_SOLD
    assert opened().when(recalled(2)).when(overdue(n=9)).emits(CaseOpened, CaseAssigned)


def test_what_was_paid_up_on_our_books_is_concluded_when_the_day_closes() -> None:
    after = opened().when(paid("1700.00", 2))
    assert after.emits(PaymentMatched)
    closed = after.closes(day(2))
    assert closed.emits(CaseClosed)
    assert closed.last(CaseClosed).reason is CloseReason.CURED
    assert after.closes(day(2)).state == closed.closes(day(2)).state
    settled = opened().when(paid("6000.00", 2)).closes(day(2))
    assert settled.last(CaseClosed).reason is CloseReason.SETTLED


def test_a_payment_that_comes_back_before_the_day_closes_keeps_the_case_open() -> None:
    after = opened().when(paid("1700.00", 2), returned("1700.00", 2)).closes(day(2))
    assert after.state.is_open
    assert CaseClosed not in [type(event) for event in after.said]


def test_an_overdue_notice_older_than_the_payment_that_cleared_it_opens_no_case() -> None:
    closed = opened().when(paid("1700.00", 5)).closes(day(5))
    assert closed.state.status is CaseStatus.CLOSED
    after = closed.when(overdue(n=3, days=63, on=day(6)))
    assert after.said == ()
    assert after.state.status is CaseStatus.CLOSED
    assert after.when(overdue(n=6, days=66)).emits(CaseOpened, CaseAssigned)


def test_a_signed_plan_keeps_a_cured_customer_s_case_open_until_it_is_completed() -> None:
    after = opened().when(signed(2)).when(cured(5))
    assert after.state.is_open
    assert after.last(CaseChanged).debts[0].days_past_due == 0
    assert after.last(CaseChanged).debts[0].status is DebtStatus.ACTIVE
    done = after.when(paid("5700.00", 40)).closes(day(40)).when(plan_completed(41))
    assert done.emits(CaseClosed)
    assert done.last(CaseClosed).reason is CloseReason.PLAN_COMPLETED
    assert done.last(CaseClosed).debts[0].status is DebtStatus.SETTLED


def test_a_completed_plan_ends_the_case_even_if_the_agreement_never_says_so() -> None:
    told = message(followup.PlanCompleted(agreement_id="AG-1", as_of=day(9), paid=()), day(9))
    after = opened().when(signed(2), told)
    assert after.state.is_open
    closed = after.closes(day(20))
    assert closed.last(CaseClosed).reason is CloseReason.PLAN_COMPLETED


def test_a_plan_that_ends_leaves_the_case_open_although_nothing_is_overdue() -> None:
    over = agreement.AgreementEnded(
        agreement_id="AG-1", as_of=day(9), reason=Reason(code=ReasonCode.PLAN_BROKEN)
    )
    after = opened().when(signed(2), cured(5), message(over, day(9))).closes(day(9))
    assert after.state.is_open
    assert after.when(cured(10)).emits(CaseClosed)


def test_of_a_signed_plan_an_account_outside_it_may_close_and_the_case_stays() -> None:
    after = opened().when(overdue("A-2"), signed(2, "A-1"), cured(3, "A-2"))
    assert after.last(CaseChanged).debts[1].status is DebtStatus.CURED
    assert after.state.is_open


@pytest.mark.parametrize("fact", [balance(0, OWED), cured(0), sold(0), recalled(0)])
def test_a_fact_about_an_unknown_account_waits_until_its_day_closes(fact: Any) -> None:
    waiting = start().when(fact)
    assert waiting.said == ()
    assert waiting.waiting == (fact,)
    assert waiting.closes(DAY).last(InputRefused).reason.code is ReasonCode.UNKNOWN_ACCOUNT
    assert waiting.when(overdue()).waiting == ()


@pytest.mark.parametrize(
    ("fact", "code"),
    [
        (overdue(product="no-such"), ReasonCode.UNKNOWN_PRODUCT),
        (overdue(owed=NOTHING, late=NOTHING), ReasonCode.NOTHING_OWED),
        (
            overdue(owed=balances("1.00", currency="USD"), late=balances("1.00", currency="USD")),
            ReasonCode.CURRENCY_MISMATCH,
        ),
        (overdue(late=balances("1.00", currency="USD")), ReasonCode.CURRENCY_MISMATCH),
        (overdue(owed=balances("99999999999999.00")), ReasonCode.AMOUNT_OUT_OF_RANGE),
        (confirmed(0), ReasonCode.NO_OPEN_CASE),
    ],
)
def test_what_cannot_be_acted_on_is_refused_with_a_reason(fact: Any, code: ReasonCode) -> None:
    after = start().when(fact)
    assert after.emits(InputRefused)
    assert after.last(InputRefused).reason.code is code
    assert after.state is None


def test_facts_about_a_closed_case_are_answered_on_it() -> None:
    closed = opened().when(cured(3))
    after = closed.when(balance(9, balances("4900.00"), NOTHING, days=0))
    assert after.last(InputRefused).reason.code is ReasonCode.CASE_CLOSED
    assert after.when(overdue(n=30)).last(CaseOpened).debts[0].outstanding == OWED


def test_the_bank_s_answer_is_passed_on_in_either_order() -> None:
    first = opened().when(instructed(2), confirmed(3))
    assert first.last(BankAnswered).confirmed
    later = opened().when(confirmed(3), instructed(2))
    assert later.state.instructions == first.state.instructions
    assert later.last(BankAnswered) == first.last(BankAnswered), "it was passed on without what it is about"
    refused = bank.InstructionRefused(instruction_id="I-1", as_of=day(3), reason="no such account")
    no = opened().when(instructed(2), says(refused, day(3)))
    assert (no.last(BankAnswered).confirmed, no.last(BankAnswered).reason) == (False, "no such account")


# -- the owner


def roster(**who: dict[str, Any]) -> Roster:
    base = {
        "skills": ["card", "personal_loan"],
        "languages": ["zh", "en"],
        "capacity": 10,
        "certifications": [{"name": "collections", "issued": "2010-01-01", "expires": "2035-01-01"}],
    }
    people = [base | {"id": id_.replace("_", "-")} | over for id_, over in who.items()]
    return Roster.model_validate({"negotiators": people})


OLD = [{"name": "collections", "issued": "2010-01-01", "expires": "2026-03-02"}]


@pytest.mark.parametrize(
    ("people", "work", "owner"),
    [
        pytest.param({"a": {}, "b": {}}, {"a": 3, "b": 2}, "b", id="least loaded"),
        pytest.param({"a": {"languages": ["en"]}, "b": {}}, {"b": 9}, "b", id="the borrower's language"),
        pytest.param({"a": {"skills": ["personal_loan"]}, "b": {}}, {"b": 9}, "b", id="the product's skill"),
        pytest.param({"a": {"certifications": OLD}, "b": {"languages": ["en"]}}, {}, "b", id="certified"),
        pytest.param({"a": {}, "b": {}}, {"a": 10, "b": 12}, "a", id="everybody is full"),
        pytest.param({"a": {"capacity": 2}, "b": {}}, {"a": 2, "b": 5}, "b", id="room"),
        pytest.param({"a": {"supervisor": True}, "b": {}}, {"b": 5}, "b", id="supervisors last"),
        pytest.param({"a": {}, "s": {"supervisor": True}}, {"a": 10, "s": 10}, "s", id="full: to be decided"),
        pytest.param(
            {"a": {"certifications": OLD}, "s": {"supervisor": True, "certifications": OLD}},
            {},
            "s",
            id="nobody certified: a supervisor sees to it",
        ),
    ],
)
def test_the_owner_is_chosen_by_certificate_language_skill_and_load(
    people: dict[str, Any], work: dict[str, int], owner: str
) -> None:
    ref = replace(reference(roster=roster(**people)), open_work=work)
    after = given(IntakeDecider(), ref).when(overdue())
    assert after.last(CaseAssigned).owner == owner
    assert after.last(CaseAssigned).reasons


def test_the_policy_s_limit_of_open_cases_moves_the_choice() -> None:
    people = roster(a={}, b={"languages": ["en"]})
    low = replace(reference(roster=people, assignment__max_open_cases=3), open_work={"a": 3})
    high = replace(reference(roster=people, assignment__max_open_cases=4), open_work={"a": 3})
    assert given(IntakeDecider(), low).when(overdue()).last(CaseAssigned).owner == "b"
    assert given(IntakeDecider(), high).when(overdue()).last(CaseAssigned).owner == "a"


def test_an_owner_who_does_not_speak_the_borrower_s_language_hands_over() -> None:
    people = roster(a={"languages": ["zh"]}, b={"languages": ["en"]})
    after = given(IntakeDecider(), reference(roster=people)).when(overdue())
    assert after.last(CaseAssigned).owner == "a"
    told = after.when(message(desk.PreferencesSet(language="en")))
    assert told.emits(CaseAssigned)
    assert told.last(CaseAssigned).owner == "b"
    assert after.when(message(desk.PreferencesSet(language="zh"))).said == ()


def test_the_pack_of_the_first_debt_governs_and_each_debt_keeps_its_own() -> None:
    packs = (example_pack(), example_pack({"id": "example-loan"}, timetable__steps=[
        {"state": "first_contact", "action": "call_borrower", "owner_role": "negotiator",
         "business_days": 9, "escalate_to": "supervisor"}]))  # fmt: skip
    ref = reference(*packs)
    loan = overdue("A-2", product="example-loan", kind=ProductKind.PERSONAL_LOAN, late=LATE)
    after = given(IntakeDecider(), ref).when(overdue(), loan)
    assert [d.policy for d in after.last(CaseChanged).debts] == ["example-card", "example-loan"]
    first = given(IntakeDecider(), ref).when(loan)
    assert first.last(CaseOpened).policy == "example-loan"
    assert len(first.last(CaseOpened).timetable) == 1


def test_documents_of_older_versions_are_read_without_their_steps() -> None:
    old = {
        "customer": "C-1",
        "timetable": ["2026-03-04"],
        "next_review": "2026-03-04",
        "stage": "statement",
        "stage_at": "2026-03-02T09:00:00Z",
        "steps": [{"name": "statement", "due": "2026-03-16", "remind_on": None, "overdue": False}],
    }
    assert IntakeState.model_validate(old, strict=False) == IntakeState(customer="C-1")
