"""A breach, from the plan to what the borrower reads: by every pack, in both languages, and nobody else."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st

from services.followup.decide import FollowupDecider
from services.notice.decide import NoticeDecider
from services.notice.sending import look_again
from shared.contracts import desk, desk_contact
from shared.contracts.agreement import AgreementSigned, DebtRate, WaivedDebt
from shared.contracts.base import Event
from shared.contracts.breach import BreachFacts, OpenInstalment
from shared.contracts.debts import DebtSchedule, ScheduleRow
from shared.contracts.followup import PlanBroken, RewardGranted
from shared.contracts.followup_care import BreachNoticed
from shared.contracts.intake import CaseChanged
from shared.contracts.notice import NoticeDenied, NoticeDue, NoticeWithdrawn
from shared.contracts.parties import StopCause, StopInForce
from shared.lending.calendar import add_months
from shared.lending.money import Money
from shared.policy.loader import PolicyBook
from shared.policy.reference import Reference
from shared.texts import LANGUAGES
from shared.texts.messages import message_words
from tests.unit.builders import (
    DAY,
    ROSTER,
    balances,
    case_opened,
    cny,
    debt,
    message,
    paid,
    reference,
    signed,
)
from tests.unit.followup.plans import FIRST, PLAIN, SECOND, live, lives_to, steps
from tests.unit.notice.test_decide import at, called, case, complaint, signed_over, stops, verified
from tests.unit.spec import Given, given
from tests.unit.texts.test_messages import DEBT, FILLED

SHIPPED = Path(__file__).parents[3] / "deploy" / "policies"
PACKS = ("cn-card", "cn-consumer-loan", "eu-consumer", "tw-card", "uk-unsecured", "us-unsecured")
BOOK = PolicyBook.load(SHIPPED)
ONE, TWO = "622200001111", "622200002222"
DUES = tuple(add_months(FIRST, month) for month in range(8))


def row(number: int, due: date, amount: Money) -> ScheduleRow:
    nothing = Money.zero(amount.currency)
    return ScheduleRow(
        number=number, due=due, principal=amount, interest=nothing, fees=nothing, late_charges=nothing,
        total=amount, balance=nothing,
    )  # fmt: skip


def plan_of(currency: str = "CNY", policy: str = "example-card", **more: Any) -> AgreementSigned:
    """Two debts: the first is paid off by every instalment, the second only by the first two."""
    sixty, forty = cny("60.00", currency), cny("40.00", currency)
    schedules = (
        DebtSchedule(debt_id=ONE, rows=tuple(row(n, due, sixty) for n, due in enumerate(DUES, 1))),
        DebtSchedule(debt_id=TWO, rows=tuple(row(n, due, forty) for n, due in enumerate(DUES[:2], 1))),
    )
    totals = [(due, "100.00" if due in DUES[:2] else "60.00", currency) for due in DUES]
    return signed(*totals, policy=policy).model_copy(update={"schedules": schedules, **more})


def waived(debt_id: str, currency: str = "CNY", **parts: str) -> WaivedDebt:
    return WaivedDebt(debt_id=debt_id, amounts=balances(currency=currency, **parts))


def followed(data: AgreementSigned, **overrides: Any) -> Given:
    start = given(FollowupDecider(), reference(**PLAIN | {"breach__notice_required": True} | overrides))
    return start.when(message(case_opened(debt(ONE), debt(TWO))), message(data))


def lived(plan: Given, *types: type[Event], days: int = 300) -> list[Any]:
    """Give what of these types is said in so many days."""
    said = lives_to(plan, DAY + timedelta(days=days)).said
    return [event for event in said if isinstance(event, types)]


def read(due: NoticeDue, lang: Any) -> str:
    subject, body = message_words(due.kind, lang, {**FILLED, **due.arguments}, due.facts)
    return f"{subject}\n{body}"


# --- every pack's rule


def written(day: date, lang: str) -> str:
    """A date as people of the language write it."""
    return f"{day.year}年{day.month}月{day.day}日" if lang == "zh" else f"{day.day} {day:%B %Y}"


@pytest.mark.parametrize("pack_id", PACKS)
@pytest.mark.parametrize("lang", LANGUAGES)
def test_by_every_pack_the_borrower_reads_what_is_open_until_when_and_what_would_be_lost(
    pack_id: str, lang: Any
) -> None:
    rules = Reference(BOOK, ROSTER, {})
    policy = BOOK.in_force(pack_id, DAY)
    currency = policy.pack.currency
    lost = policy.agreement.returns_on_breach
    gone = (waived(ONE, currency, interest="25.00"),) if "interest" in lost else ()
    rates = (DebtRate(debt_id=TWO, annual_rate_pct=Decimal("18.2")),) if "rate" in lost else ()
    more = {
        "returns": gone,
        "rates_return": rates,
        "waived": (waived(ONE, currency, fees="5.00", interest="25.00"),),
    }
    opened = case_opened(debt(ONE, policy=pack_id), debt(TWO, policy=pack_id), policy=pack_id, language=lang)
    plan = given(FollowupDecider(), rules).when(message(opened), message(plan_of(currency, pack_id, **more)))
    noticed, broken = lived(plan, BreachNoticed, PlanBroken)
    judged = [due for due in DUES if due <= noticed.as_of]
    # The pack's rule: so many in a row, or one too long.
    first_late = (noticed.as_of - DUES[0]).days >= policy.followup.breach_days_late
    assert len(judged) >= policy.followup.breach_missed_in_a_row or first_late
    assert policy.breach.notice_required
    assert (noticed.cure_by - noticed.as_of).days >= policy.breach.cure_days

    told = given(NoticeDecider(), rules).when(message(opened), message(verified()))
    for event, ended in ((noticed, False), (broken, True)):
        told = told.when(at(event, 12, day=event.as_of))
        words = read(told.last(NoticeDue), lang)
        for due in (due for due in DUES if due <= event.as_of):
            assert written(due, lang) in words
        assert written(noticed.cure_by, lang) in words or ended
        total = Money.sum((one.missing for one in event.facts.instalments), currency)
        assert f"{total} {currency}" in words
        assert ("尾号 1111、2222" if lang == "zh" else "ending in 1111, 2222") in words
        assert (f"25.00 {currency}" in words) is bool(gone)
        assert ("18.2" in words) is bool(rates)
        kept = "5.00" if gone else "30.00"
        assert (
            f"减免 {kept} {currency} 不再收回" if lang == "zh" else f"{kept} {currency} that were"
        ) in words
        assert "<contact>" in words


# --- what followup says


def test_an_instalment_names_the_debts_that_it_pays_off_and_what_it_lacks() -> None:
    plan = followed(plan_of()).when(message(paid("130.00", FIRST), FIRST))
    noticed, broken = lived(plan, BreachNoticed, PlanBroken)
    assert noticed.facts.instalments == (
        OpenInstalment(number=2, due=DUES[1], missing=cny("70.00"), debts=(ONE, TWO)),
        OpenInstalment(number=3, due=DUES[2], missing=cny("60.00"), debts=(ONE,)),
    )
    assert noticed.missing == (cny("130.00"),)
    assert noticed.facts.debts == broken.facts.debts == (ONE, TWO)
    assert broken.facts.instalments[:2] == noticed.facts.instalments


@pytest.mark.parametrize(
    ("more", "cut", "facts"),
    [
        ({}, "0", {}),
        ({"waived": (waived(ONE, late="30.00"), waived(TWO, fees="10.00"))}, "0",
         {"stays": (cny("40.00"),)}),
        ({"waived": (waived(ONE, interest="20.00", late="30.00"),),
          "returns": (waived(ONE, interest="20.00"),)}, "0",
         {"stays": (cny("30.00"),), "returns": (cny("20.00"),)}),
        ({"waived": (waived(ONE, interest="20.00"),), "returns": (waived(ONE, interest="20.00"),)}, "0",
         {"returns": (cny("20.00"),)}),
        ({"rates_return": (DebtRate(debt_id=ONE, annual_rate_pct=Decimal(18)),)}, "0",
         {"rates_return": True, "rates": (DebtRate(debt_id=ONE, annual_rate_pct=Decimal("18.0000")),)}),
        ({"rates_return": (DebtRate(debt_id=ONE, annual_rate_pct=Decimal(18)),)}, "25",
         {"rates_return": True, "rates": (DebtRate(debt_id=ONE, annual_rate_pct=Decimal("13.5000")),),
          "rate_cut_pct": Decimal(25)}),
    ],
)  # fmt: skip
def test_a_notice_says_what_would_return_and_what_never_does(
    more: dict[str, Any], cut: str, facts: dict[str, Any]
) -> None:
    plan = followed(plan_of(**more))
    vested = plan.state.plan.model_copy(update={"rate_cut_pct": Decimal(cut)})
    plan = Given(plan.decider, plan.reference, plan.state.model_copy(update={"plan": vested}))
    noticed, broken = lived(plan, BreachNoticed, PlanBroken)
    expected = BreachFacts(debts=(ONE, TWO), instalments=noticed.facts.instalments, **facts)
    assert noticed.facts == expected
    assert broken.facts == expected.model_copy(update={"instalments": broken.facts.instalments})


def test_what_vested_as_a_reward_stays_and_an_amendment_keeps_what_was_waived_before_it() -> None:
    three = [(due, "100.00") for due in DUES]
    rewarded = live(*three, incentives__steps=steps((1, 50, 0)), breach__notice_required=True)
    owing = CaseChanged(as_of=DAY, policy="example-card", policy_version="v", debts=(debt(),))
    rewarded = lives_to(
        rewarded.when(message(owing), message(paid("100.00", FIRST), FIRST)), FIRST + timedelta(days=1)
    )
    (granted,) = [event for event in rewarded.said if isinstance(event, RewardGranted)]
    vested = granted.waived[0].amounts.late_charges
    assert lived(rewarded, BreachNoticed)[0].facts.stays == (vested,)
    amended = signed(*three[2:], version=2, effective=SECOND).model_copy(
        update={"waived": (waived("A-1", fees="7.00"),)}
    )
    again = lived(rewarded.when(message(amended, SECOND)), BreachNoticed)
    assert again[0].facts.stays == (vested + cny("7.00"),)


def test_a_plan_whose_rows_are_not_known_names_all_of_its_debts() -> None:
    plain = signed((FIRST, "100.00"), (SECOND, "100.00"), debts=(ONE, TWO))
    noticed, _ = lived(followed(plain), BreachNoticed, PlanBroken)
    assert {one.debts for one in noticed.facts.instalments} == {(ONE, TWO)}


@settings(max_examples=40, deadline=None)
@drawn(
    payments=st.lists(
        st.tuples(st.integers(1, 25000), st.integers(0, 100), st.sampled_from(("CNY", "USD"))), max_size=6
    )
)
def test_the_instalments_named_lack_what_is_missing_in_all(payments: list[tuple[int, int, str]]) -> None:
    rows = [(due, "100.00", currency) for due in DUES for currency in ("CNY", "USD")]
    plan = followed(signed(*rows))
    for minor, day, currency in payments:
        on = DAY + timedelta(days=day)
        amount = str(Money(minor, currency))
        plan = plan.when(message(paid(amount, on, currency=currency), DAY))
    for event in lived(plan, BreachNoticed, PlanBroken, days=200):
        opens = event.facts.instalments
        assert opens, "there is always something to name"
        assert all(one.missing.is_positive and one.due <= event.as_of for one in opens)
        assert [one.due for one in opens] == sorted(one.due for one in opens)
        if isinstance(event, BreachNoticed):
            sums = {
                currency: sum(one.missing.minor for one in opens if one.missing.currency == currency)
                for currency in {one.missing.currency for one in opens}
            }
            assert sums == {amount.currency: amount.minor for amount in event.missing}


# --- who may read it

FACTS = BreachFacts(
    debts=(ONE,), instalments=(OpenInstalment(number=2, due=DAY, missing=cny("100.00"), debts=(ONE,)),)
)
NOTICED = BreachNoticed(
    agreement_id="A", as_of=DAY, cure_by=DAY + timedelta(days=14), missing=(cny("100.00"),), facts=FACTS
)
BROKEN = PlanBroken(agreement_id="A", as_of=DAY, missed=2, reasons=(), facts=FACTS)


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("event", [NOTICED, BROKEN], ids=["notice", "broken"])
@pytest.mark.parametrize(
    ("before", "told"),
    [
        pytest.param((), False, id="nobody was ever talked to"),
        pytest.param((verified(),), True, id="the borrower was"),
        pytest.param((called(desk.ContactOutcome.TALKED, purpose="service"),), False,
                     id="somebody was, nobody knows who"),
        pytest.param((verified(), complaint(), signed_over(ONE)), True, id="complaint open, plan kept"),
        pytest.param((desk_contact.AuthorityRecorded(
            authority_id="rep-1", party="representative", purposes=("service", "collection"),
            until=DAY + timedelta(days=9), verified_by="s-1", evidence="paper"),), False,
            id="a representative was shown to be one, not the borrower"),
    ],
)  # fmt: skip
def test_a_debt_is_named_only_to_who_was_shown_to_be_the_borrower(
    lang: Any, event: Event, before: tuple[Event, ...], told: bool
) -> None:
    there = case().when(*(at(one, 9) for one in before), at(desk.PreferencesSet(language=lang), 9, 30))
    due = there.when(at(event, 10)).last(NoticeDue)
    assert due.category == "legal_notice"
    assert (due.facts is not None) is told
    words = read(due, lang)
    assert bool(DEBT.search(words)) is told
    assert ("100.00" in words) is ("1111" in words) is told


def test_without_figures_on_file_it_is_told_without_them() -> None:
    there = case().when(message(verified()))
    for facts in (None, FACTS.model_copy(update={"instalments": ()})):
        for event in (NOTICED, BROKEN):
            due = there.when(at(event.model_copy(update={"facts": facts}), 10)).last(NoticeDue)
            assert due.facts is None
            assert not DEBT.search(read(due, "zh"))


def test_what_waited_is_told_in_full_once_the_borrower_is_known() -> None:
    shut = case().when(message(desk.PreferencesSet(opt_out=("email", "app", "sms"))))
    first = shut.when(at(NOTICED, 10)).last(NoticeDue)
    assert (first.channel, first.facts) == ("letter", None)
    failed = desk_contact.NoticeFailed(
        notice_id=first.notice_id, message_id=first.message_id, channel="letter", at=first.send_from,
        attempts=1, reason="window_passed",
    )  # fmt: skip
    again = shut.when(at(NOTICED, 10), at(verified(), 11), at(failed, 12)).last(NoticeDue)
    assert (again.attempt, again.facts) == (2, FACTS)


def test_what_may_not_be_told_any_more_is_called_back_and_told_without_figures() -> None:
    there = case().when(message(verified()), at(NOTICED, 10))
    unknown = there.state.with_states(verified=())
    moment = at(NOTICED, 11).time
    after, said = look_again(unknown, moment, there.reference)
    assert [type(event) for event in said] == [NoticeDue]
    assert (said[0].attempt, said[0].facts) == (2, None)
    assert look_again(after, moment, there.reference)[1] == ()
    assert look_again(there.state, moment, there.reference)[1] == ()


def test_figures_of_a_debt_that_is_stopped_are_told_to_nobody() -> None:
    """The notice went out about the other debt, with the figures of both."""
    opened = given(NoticeDecider(), reference()).when(message(case_opened(debt(ONE), debt(TWO))))
    there = opened.when(message(verified()), message(signed_over(ONE, TWO)))
    both = NOTICED.model_copy(update={"facts": FACTS.model_copy(update={"debts": (ONE, TWO)})})
    assert there.when(at(both, 10)).last(NoticeDue).facts == both.facts
    space = StopInForce(stop_id="s", cause=StopCause.BREATHING_SPACE, since=DAY, debts=(TWO,))
    due = there.when(at(stops(space), 9), at(both, 10)).last(NoticeDue)
    assert (due.debts, due.facts) == ((ONE,), None)
    called_back = there.when(at(both, 10), at(stops(space), 11)).last(NoticeDue)
    assert (called_back.attempt, called_back.debts, called_back.facts) == (2, (ONE,), None)


def test_the_end_of_the_plan_takes_the_place_of_its_notice_and_a_new_plan_that_of_the_end() -> None:
    there = case().when(message(verified()), at(NOTICED, 9)).when(at(BROKEN, 10))
    assert there.emits(NoticeWithdrawn, NoticeDue)
    assert [one.kind for one in there.said] == ["breach_notice", "plan_broken"]
    assert there.when(at(BROKEN, 11)).said == (), "told once"
    over = there.when(at(signed_over(ONE), 11))
    assert over.said[0] == over.last(NoticeWithdrawn)
    assert over.last(NoticeWithdrawn).kind == "plan_broken"


def test_where_contact_is_stopped_nothing_is_told() -> None:
    dead = StopInForce(stop_id="s", cause=StopCause.DEATH, since=DAY)
    there = case().when(message(verified()), at(stops(dead), 9), at(NOTICED, 10))
    assert there.emits(NoticeDenied)


@pytest.mark.parametrize("pack", PACKS)
@pytest.mark.parametrize("channel", ["sms", "app"])
def test_a_notice_of_a_breach_rings_nobody_at_night(pack: str, channel: str) -> None:
    """Followup finds a breach at the close of a day, which is in the middle of the night for many."""
    wishes = desk.PreferencesSet(channel=channel, consents=("sms", "app"), time_zone="Europe/London")
    there = given(NoticeDecider(), Reference(BOOK, ROSTER, {})).when(
        message(case_opened(debt(policy=pack), policy=pack)), message(wishes)
    )
    noticed = BreachNoticed(
        agreement_id="a-1", as_of=DAY, cure_by=DAY + timedelta(days=20), missing=(cny("100.00"),)
    )
    due = there.when(at(noticed, 23, 59, zone=ZoneInfo("Europe/London"))).last(NoticeDue)
    assert (due.channel, due.category) == (channel, "legal_notice")
    assert due.send_from == datetime(2026, 3, 3, 8, tzinfo=ZoneInfo("Europe/London"))
    by_letter = there.when(message(desk.PreferencesSet(channel="letter")))
    letter = by_letter.when(at(noticed, 23, 59, zone=ZoneInfo("Europe/London"))).last(NoticeDue)
    assert (letter.channel, letter.send_from) == ("letter", datetime(2026, 3, 2, 23, 59, tzinfo=UTC))
