"""Whether a plan may show an account as current again: its age, and how often that has been done already."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

import deploy
from services.agreement.decide import AgreementDecider
from services.intake.decide import IntakeDecider
from services.notice.decide import NoticeDecider
from services.offer.decide import OfferDecider
from services.offer.re_age import paid_in_a_row, re_aged_after, why_not_re_aged
from shared.contracts import agreement
from shared.contracts.base import Event, Reason
from shared.contracts.debts import DebtFlow, DebtSnapshot, Measure, ProductKind
from shared.contracts.desk import OfferAccepted
from shared.contracts.intake import CaseChanged
from shared.contracts.notice import NoticeDue, NoticeKind
from shared.contracts.offer import (
    ApprovalRequested,
    HumanReviewOpened,
    NoPlanFound,
    OfferAgreed,
    OfferLapsed,
    OfferTabled,
)
from shared.contracts.reasons import ReasonCode
from shared.lending.calendar import add_months
from shared.policy.loader import PolicyBook
from shared.policy.rates import ReferenceRates
from shared.policy.reference import Reference
from shared.policy.testing import example_policy
from shared.texts import LANGUAGES, text
from tests.unit.builders import (
    DAY,
    ROSTER,
    assessed,
    balances,
    case_opened,
    cny,
    debt,
    message,
    reference,
)
from tests.unit.intake.bank_says import day, overdue, signed
from tests.unit.spec import Given, given

PACKS = Path(deploy.__file__).parent / "policies"
BOOK = PolicyBook.load(PACKS)
LIMITS = {"re_age__min_account_months": 9, "re_age__max_in_12_months": 1, "re_age__max_in_60_months": 2}


def back(months: int, days: int = 0) -> date:
    """A day so many months ago, and a few days."""
    found = add_months(DAY, -months)
    return found.replace(day=found.day - days) if days else found


def known(
    *re_aged: date, opened: date = date(2022, 5, 4), debt_id: str = "A-1", days: int = 75
) -> DebtSnapshot:
    return debt(debt_id, days=days).model_copy(update={"re_aged": re_aged, "contract_date": opened})


def talks(*debts: DebtSnapshot, **pack: Any) -> Given:
    start = given(OfferDecider(), reference(**(LIMITS | pack)))
    return start.when(message(case_opened(*debts), sequence=1), message(assessed()))


LATEST = {"re_age__charge_off_days_open_end": 180, "re_age__charge_off_days_closed_end": 120}
PAID_FIRST = {"re_age__min_payments_in_a_row": 3}
AS_MUCH = PAID_FIRST | {"re_age__same_amount_counts": True}


def loan(days: int) -> DebtSnapshot:
    return known(days=days).model_copy(update={"kind": ProductKind.PERSONAL_LOAN})


def told_days_ago(days: int, one: DebtSnapshot) -> DebtSnapshot:
    return one.model_copy(update={"as_of": DAY - timedelta(days=days)})


def paying(one: DebtSnapshot, *payments: tuple[int, str]) -> DebtSnapshot:
    """A debt whose flows are known: its advance, and payments so many days ago."""
    paid = [DebtFlow(on=DAY - timedelta(days=ago), amount=cny(amount)) for ago, amount in payments]
    advance = DebtFlow(on=one.contract_date, amount=cny("-12000.00"))
    return one.model_copy(update={"history": (advance, *sorted(paid, key=lambda flow: flow.on))})


@pytest.mark.parametrize(
    ("one", "pack", "code"),
    [
        (known(opened=back(9)), {}, None),  # nine months to the day
        (known(opened=back(8)), {}, ReasonCode.RE_AGE_TOO_EARLY),
        (known(opened=back(1)), {"re_age__min_account_months": 0}, None),
        (known(back(12)), {}, None),  # a year ago to the day
        (known(back(11)), {}, ReasonCode.RE_AGED_TOO_OFTEN),
        (known(back(11)), {"re_age__max_in_12_months": 0}, None),
        (known(back(59), back(13)), {}, ReasonCode.RE_AGED_TOO_OFTEN),
        (known(back(60), back(13)), {}, None),
        (known(back(59), back(13)), {"re_age__more_in_60_months_in_workout": 1}, None),
        (known(back(59), back(30), back(13)), {"re_age__more_in_60_months_in_workout": 1},
         ReasonCode.RE_AGED_TOO_OFTEN),
        (known(back(59), back(30), back(13)), {"re_age__max_in_60_months": 0}, None),
        (known(back(2), days=0), {}, None),  # nothing is past due: a plan shows nothing anew
        (known(), {"re_age__allowed": False}, ReasonCode.RE_AGE_NOT_ALLOWED),
        (known(days=0), {"re_age__allowed": False}, None),
        (known(days=179), LATEST, None),
        (known(days=180), LATEST, ReasonCode.RE_AGE_TOO_LATE),
        (loan(days=119), LATEST, None),
        (loan(days=120), LATEST, ReasonCode.RE_AGE_TOO_LATE),
        (loan(days=120), LATEST | {"re_age__charge_off_days_closed_end": 0}, None),
        (told_days_ago(4, loan(days=116)), LATEST, ReasonCode.RE_AGE_TOO_LATE),  # as late as it is today
        (told_days_ago(3, loan(days=116)), LATEST, None),
        (known(), PAID_FIRST, ReasonCode.RE_AGE_AFTER_PAYMENTS),
        (known(days=0), PAID_FIRST, None),
        (known(), PAID_FIRST | {"trial__payments": 3}, None),  # the plan's own trial brings them
        (known(), PAID_FIRST | {"trial__payments": 2}, ReasonCode.RE_AGE_AFTER_PAYMENTS),
        (paying(known(), (10, "900.00"), (40, "900.00"), (70, "900.00")), PAID_FIRST, None),
        (paying(known(), (10, "900.00"), (40, "899.99"), (70, "900.00")), PAID_FIRST,
         ReasonCode.RE_AGE_AFTER_PAYMENTS),
        (paying(known(), (10, "900.00"), (70, "900.00"), (100, "900.00")), PAID_FIRST,
         ReasonCode.RE_AGE_AFTER_PAYMENTS),
        # A payment that came back was not made.
        (paying(known(), (10, "900.00"), (40, "900.00"), (36, "-900.00"), (70, "900.00")), PAID_FIRST,
         ReasonCode.RE_AGE_AFTER_PAYMENTS),
        # As much within the three months does as well, where the pack says so; not if it was lent meanwhile.
        (paying(known(), (70, "2700.00")), PAID_FIRST, ReasonCode.RE_AGE_AFTER_PAYMENTS),
        (paying(known(), (70, "2700.00")), AS_MUCH, None),
        (paying(known(), (10, "1800.00"), (70, "899.99")), AS_MUCH, ReasonCode.RE_AGE_AFTER_PAYMENTS),
        (paying(known(), (10, "2700.00"), (12, "-100.00")), AS_MUCH, ReasonCode.RE_AGE_AFTER_PAYMENTS),
        (paying(known(), (10, "1800.00"), (95, "900.00")), AS_MUCH, ReasonCode.RE_AGE_AFTER_PAYMENTS),
    ],
)  # fmt: skip
def test_an_account_may_be_re_aged_by_its_age_and_by_what_came_before(
    one: DebtSnapshot, pack: dict[str, int], code: ReasonCode | None
) -> None:
    step = talks(one, **pack)
    if code is None:
        assert step.emits(OfferTabled)
        return
    assert step.emits(NoPlanFound, HumanReviewOpened)
    said = step.last(NoPlanFound)
    assert said.reason.code is code
    looked_at = step.last(HumanReviewOpened)
    assert looked_at.reason == said.reason
    due = {"due": looked_at.due.isoformat()}
    assert said.next_step == Reason(code=ReasonCode.NEXT_HUMAN_REVIEW, params=due)
    for lang in ("zh", "en"):
        assert all(value in text(code, said.reason.params, lang) for value in said.reason.params.values())


@settings(max_examples=60, deadline=None)
@for_all(
    back_then=st.lists(st.integers(0, 75), max_size=5),
    year=st.integers(0, 2),
    five=st.integers(0, 3),
)
def test_the_day_that_is_named_is_the_first_on_which_a_plan_is_possible(
    back_then: list[int], year: int, five: int
) -> None:
    policy = example_policy(re_age__max_in_12_months=year, re_age__max_in_60_months=five)
    one = known(*(back(months, 1) for months in back_then), opened=date(2010, 1, 4))
    why = why_not_re_aged(one, policy, DAY)
    if why is None:
        return
    first = date.fromisoformat(why.params["date"])
    assert first > DAY
    assert why_not_re_aged(one, policy, first) is None
    assert why_not_re_aged(one, policy, first - timedelta(days=1)) is not None


# -- payments in a row ---------------------------------------------------------------------------------------


def test_who_has_not_paid_in_a_row_hears_how_often_and_how_much() -> None:
    one = paying(known(), (10, "900.00"), (40, "950.00"))
    said = talks(one, **PAID_FIRST).last(NoPlanFound).reason
    assert said.params == {"account": "A-1", "payments": "3", "made": "2", "amount": "900.00 CNY"}
    for lang in LANGUAGES:
        words = text(said.code, said.params, lang)
        assert all(value in words for value in said.params.values())
    unknown = known().model_copy(update={"contractual_payment": None})
    assert talks(unknown, **PAID_FIRST).last(NoPlanFound).reason.params == {
        "account": "A-1", "payments": "3", "made": "0",
    }  # fmt: skip


def test_once_they_are_made_there_is_a_plan() -> None:
    step = talks(paying(known(), (10, "900.00"), (40, "900.00")), **PAID_FIRST)
    assert step.emits(NoPlanFound, HumanReviewOpened)
    third = paying(known(), (10, "900.00"), (40, "900.00"), (70, "900.00"))
    news = message(CaseChanged(as_of=DAY, debts=(third,)), DAY + timedelta(days=1))
    assert step.when(news).emits(OfferTabled)


def test_the_pack_of_the_states_takes_as_much_in_place_of_payments_in_a_row() -> None:
    at_once = paying(known(), (20, "2700.00"))
    for pack in BOOK.pack_ids:
        policy = BOOK.in_force(pack, DAY)
        assert re_aged_after(at_once, policy, DAY) is None
        later = re_aged_after(known(), policy, DAY)
        assert (later is not None) == (pack == "us-unsecured")
    assert "equivalent" in BOOK.pack("us-unsecured").entries_in_force(DAY)["re_age.same_amount_counts"].source


def test_a_plan_with_a_trial_says_when_the_account_is_shown_as_current() -> None:
    step = talks(known(), **PAID_FIRST, trial__payments=3)
    after = Reason(code=ReasonCode.RE_AGED_WHEN_PAID, params={"account": "A-1", "payments": "3"})
    for plan in step.last(OfferTabled).plans:
        assert (after in plan.reasons) == (Measure.LUMP_SUM not in plan.measures)
    paid = paying(known(), (10, "900.00"), (40, "900.00"), (70, "900.00"))
    for one, pack in (
        (paid, PAID_FIRST | {"trial__payments": 3}),
        (known(days=0), PAID_FIRST),
        (known(), {}),
    ):
        plans = talks(one, **pack).last(OfferTabled).plans
        assert ReasonCode.RE_AGED_WHEN_PAID not in {reason.code for plan in plans for reason in plan.reasons}


def test_who_may_be_charged_off_before_the_trial_ends_is_told_from_when_on() -> None:
    """The third payment is due on 23 May: 82 days from now, on which 97 days late have become 179."""
    trial = PAID_FIRST | LATEST | {"trial__payments": 3}
    for days, written_off in ((97, None), (98, DAY + timedelta(days=82)), (150, DAY + timedelta(days=30))):
        plans = talks(known(days=days), **trial).last(OfferTabled).plans
        told = [r for plan in plans for r in plan.reasons if r.code is ReasonCode.RE_AGED_WHEN_PAID]
        assert {reason.params.get("date") for reason in told} == {written_off and written_off.isoformat()}
        for lang, words in (("en", "write it off"), ("zh", "核销")):
            assert all((words in text(r.code, r.params, lang)) == bool(written_off) for r in told)


@settings(max_examples=100, deadline=None)
@for_all(
    paid=st.lists(st.tuples(st.integers(0, 400), st.integers(1, 200_000)), max_size=20),
    most=st.integers(0, 9),
)
def test_payments_in_a_row_are_counted_month_by_month_and_more_of_them_never_count_less(
    paid: list[tuple[int, int]], most: int
) -> None:
    one = paying(known(), *((ago, f"{minor // 100}.{minor % 100:02}") for ago, minor in paid))
    made = paid_in_a_row(one, DAY, most)
    assert 0 <= made <= most
    by_month = [
        sum(minor for ago, minor in paid if back(n + 1) < DAY - timedelta(days=ago) <= back(n))
        for n in range(most)
    ]
    assert all(sum_ >= 90_000 for sum_ in by_month[:made])
    assert made == most or by_month[made] < 90_000
    assert paid_in_a_row(paying(known(), *((ago, "900.00") for ago, _ in paid)), DAY, most) >= made
    doubtful = one.model_copy(update={"history_problem": Reason(code=ReasonCode.HISTORY_DOES_NOT_ADD_UP)})
    assert paid_in_a_row(doubtful, DAY, most) == 0


def test_a_pack_of_the_states_lets_nothing_be_re_aged_that_must_be_charged_off() -> None:
    for kind, most in ((ProductKind.CARD, 180), (ProductKind.PERSONAL_LOAN, 120)):
        for pack in BOOK.pack_ids:
            policy = BOOK.in_force(pack, DAY)
            for days in (most - 1, most):
                one = known(days=days).model_copy(update={"kind": kind})
                why = why_not_re_aged(one, policy, DAY)
                code = why.code if why else None
                late = pack == "us-unsecured" and days >= most
                assert code == (ReasonCode.RE_AGE_TOO_LATE if late else None)


def test_an_offer_stands_no_longer_than_the_last_day_on_which_it_may_be_taken() -> None:
    step = talks(known(days=175), **LATEST)
    offer = step.last(OfferTabled)
    assert offer.valid_until == DAY + timedelta(days=4)  # 179 days past due
    assert talks(known(days=100), **LATEST).last(OfferTabled).valid_until == DAY + timedelta(days=15)
    assert talks(known(days=175)).last(OfferTabled).valid_until == DAY + timedelta(days=15)
    lapsed = step.closes(offer.valid_until)
    assert lapsed.emits(OfferLapsed)
    looked = lapsed.closes(lapsed.state.next_date)
    assert looked.last(NoPlanFound).reason.code is ReasonCode.RE_AGE_TOO_LATE


def test_what_is_accepted_on_the_last_day_is_signed_on_it_or_not_at_all() -> None:
    """The days to sign, and those to approve, end before the account has to be charged off."""
    one, rules = known(days=175), reference(**(LIMITS | LATEST))
    step = talks(one, **LATEST)
    offer, last = step.last(OfferTabled), DAY + timedelta(days=4)
    assert {plan.sign_until for plan in offer.plans} == {last}
    signing = given(AgreementDecider(), rules).when(message(case_opened(one), sequence=1))
    plan = next(plan for plan in offer.plans if not plan.needs_approval)
    accepted = OfferAccepted(offer_id=offer.offer_id, plan_id=plan.plan_id, channel="app")
    for ago, by in ((4, last), (0, last)):
        agreed = step.when(message(accepted, last - timedelta(days=ago))).last(OfferAgreed)
        drafted = signing.when(message(agreed, last - timedelta(days=ago)))
        assert drafted.last(agreement.AgreementDrafted).sign_by == by
    passed = drafted.closes(last)
    assert passed.last(agreement.AgreementReturned).reason.code is ReasonCode.SIGN_BY_PASSED
    late = signing.when(message(agreed, last + timedelta(days=1)))
    assert late.last(agreement.AgreementReturned).reason.code is ReasonCode.PLAN_NO_LONGER_COMPUTES
    dear = next(plan for plan in offer.plans if plan.needs_approval)
    asked = OfferAccepted(offer_id=offer.offer_id, plan_id=dear.plan_id, channel="app")
    assert step.when(message(asked, last)).last(ApprovalRequested).due == last
    assert {plan.sign_until for plan in talks(known(days=75)).last(OfferTabled).plans} == {None}


@settings(max_examples=40, deadline=None)
@for_all(days=st.integers(100, 190), told=st.integers(0, 20), is_loan=st.booleans())
def test_while_an_offer_stands_it_may_be_taken(days: int, told: int, is_loan: bool) -> None:
    one = told_days_ago(told, loan(days) if is_loan else known(days=days))
    tabled = [event for event in talks(one, **LATEST).said if isinstance(event, OfferTabled)]
    policy = example_policy(**LATEST)
    assert bool(tabled) == (days + told < (120 if is_loan else 180))
    for offer in tabled:
        assert offer.valid_until >= offer.tabled_on == DAY
        assert why_not_re_aged(one, policy, offer.valid_until) is None


# -- who comes back after a plan that broke -----------------------------------------------------------------


@pytest.mark.parametrize("pack", BOOK.pack_ids)
def test_after_a_broken_plan_of_this_year_nobody_is_left_without_word(pack: str) -> None:
    """Offer says why there is no new plan, from when on, and who looks by when; a message leads to it."""
    policy = BOOK.in_force(pack, DAY)
    owed = balances("900.00", currency=policy.currency), balances("300.00", currency=policy.currency)
    one = debt(policy=pack, outstanding=owed[0], overdue=owed[1], payment=None)
    one = one.model_copy(update={"re_aged": (back(4),)})
    ref = Reference(BOOK, ROSTER, {}, ReferenceRates.load(PACKS / "rates.toml"))
    opened, figures = case_opened(one, policy=pack), assessed("1000.00", currency=policy.currency)
    step = given(OfferDecider(), ref).when(message(opened, sequence=1), message(figures))
    told = [event for event in heard(ref, opened, step.said) if isinstance(event, NoticeDue)]
    if pack != "us-unsecured":
        assert step.emits(OfferTabled)
        assert [event.kind for event in told] == [NoticeKind.OFFER]
        return
    none = step.last(NoPlanFound)
    assert none.reason.code is ReasonCode.RE_AGED_TOO_OFTEN
    assert none.next_step.params["due"] == step.last(HumanReviewOpened).due.isoformat()
    for lang in LANGUAGES:
        words = text(none.reason.code, none.reason.params, lang)
        words += text(none.next_step.code, none.next_step.params, lang)
        assert add_months(back(4), 12).isoformat() in words  # from when on
        assert none.next_step.params["due"] in words
        assert ("专人" if lang == "zh" else "a person looks at your case") in words
    assert [event.kind for event in told] == [NoticeKind.NEXT_STEP]


def heard(ref: Reference, opened: Event, said: tuple[Event, ...]) -> tuple[Event, ...]:
    """What notice makes of what offer says."""
    return given(NoticeDecider(), ref).when(message(opened), *(message(event) for event in said)).said


def test_a_plan_that_broke_counts_and_one_that_was_withdrawn_from_does_not() -> None:
    planned = given(IntakeDecider(), reference()).when(overdue()).when(signed(5))
    for code, counted in ((ReasonCode.PLAN_BROKEN, (day(5),)), (ReasonCode.WITHDRAWN_IN_TIME, ())):
        over = agreement.AgreementEnded(agreement_id="AG-1", as_of=day(90), reason=Reason(code=code))
        ended = planned.when(message(over, day(90)))
        assert ended.state.said_of(ended.state.debts[0]).re_aged == counted


def test_one_that_may_not_is_left_to_a_person_and_the_others_have_their_plan() -> None:
    step = talks(known(), known(back(3), debt_id="A-2"))
    assert step.emits(OfferTabled, HumanReviewOpened)
    assert step.last(HumanReviewOpened).reason == Reason(
        code=ReasonCode.RE_AGED_TOO_OFTEN,
        params={"account": "A-2", "count": "1", "months": "12", "most": "1", "date": "2026-12-02"},
    )
    assert {d.debt_id for plan in step.last(OfferTabled).plans for d in plan.debts} == {"A-1"}


def test_the_pack_of_the_states_has_the_limits_and_the_others_none() -> None:
    young, often = known(opened=back(5)), known(back(6))
    for pack in BOOK.pack_ids:
        found = [why_not_re_aged(one, BOOK.in_force(pack, DAY), DAY) for one in (young, often)]
        codes = [reason.code if reason else None for reason in found]
        if pack == "us-unsecured":
            assert codes == [ReasonCode.RE_AGE_TOO_EARLY, ReasonCode.RE_AGED_TOO_OFTEN]
        else:
            assert codes == [None, None]
    entries = BOOK.pack("us-unsecured").entries_in_force(DAY)
    for name in (
        "min_account_months",
        "max_in_12_months",
        "max_in_60_months",
        "more_in_60_months_in_workout",
    ):
        entry = entries[f"re_age.{name}"]
        assert "FFIEC" in entry.source
        assert entry.verified is False
    assert BOOK.in_force("us-unsecured", DAY).plan_limits.max_months == 60


def test_a_workout_is_no_longer_than_its_pack_allows() -> None:
    step = talks(known(), re_age__workout_max_months=12)
    assert max(d.instalments + d.grace_periods for p in step.last(OfferTabled).plans for d in p.debts) <= 12


# -- intake knows when it was done ---------------------------------------------------------------------------


def test_intake_keeps_what_the_bank_says_and_adds_its_own_plans() -> None:
    start = given(IntakeDecider(), reference())
    told = overdue()
    told = replace(told, data=told.data.model_copy(update={"re_aged": (day(-400),)}))
    opened = start.when(told)
    assert opened.state.said_of(opened.state.debts[0]).re_aged == (day(-400),)
    planned = opened.when(signed(5))
    assert planned.state.debts[0].re_aged == (day(-400), day(5))
    assert planned.when(overdue(n=6)).state.debts[0].re_aged == (day(-400), day(5))
    reason = Reason(code=ReasonCode.WITHDRAWN_IN_TIME)
    ended = agreement.AgreementEnded(agreement_id="AG-1", as_of=day(8), reason=reason)
    assert planned.when(message(ended, day(8))).state.debts[0].re_aged == (day(-400),)
    broken = ended.model_copy(update={"reason": Reason(code=ReasonCode.PLAN_BROKEN)})
    assert planned.when(message(broken, day(8))).state.debts[0].re_aged == (day(-400), day(5))


def test_a_plan_over_a_debt_that_is_not_late_is_no_re_age() -> None:
    opened = given(IntakeDecider(), reference()).when(overdue())
    state = opened.state
    current = state.with_debt(state.debts[0].model_copy(update={"oldest_due": None}))
    assert given(IntakeDecider(), reference(), current).when(signed(5)).state.debts[0].re_aged == ()
