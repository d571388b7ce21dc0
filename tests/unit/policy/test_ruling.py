"""A pack with two versions: what stays pinned, what reaches live cases, what goes by the contract."""

from datetime import date, timedelta
from typing import Any

import pytest

from services.followup.decide import FollowupDecider
from services.offer.decide import OfferDecider
from shared.contracts import desk
from shared.contracts.followup import InstalmentMissed, InstalmentPaid
from shared.contracts.offer import OfferAgreed, OfferTabled
from shared.policy.loader import PolicyBook
from shared.policy.model import SECTIONS, Pack, PolicyValue, ruling
from shared.policy.ruling import AGREED, CONTRACT, LIVE, Ruling
from shared.policy.testing import example_book, example_pack, example_policy
from tests.unit.builders import DAY, assessed, case_opened, debt, message, paid, reference, signed
from tests.unit.spec import given

BEFORE, CHANGE = DAY, DAY + timedelta(days=7)
AFTER = CHANGE + timedelta(days=30)


def changed(**later: Any) -> Pack:
    """The example, with other values from CHANGE on."""
    first, second = example_pack(), example_pack(**later)
    values = dict(first.values)
    for key in (name.replace("__", ".", 1) for name in later):
        new: PolicyValue = second.values[key][0].model_copy(update={"effective_from": CHANGE})
        values[key] = (*values[key], new)
    return first.model_copy(update={"values": values})


TWO = changed(
    term__max_months=36,
    followup__grace_days=9,
    agreement__cooling_off_days=14,
    document__late_charge_name_en="penalty",
    contact__quiet_from="20:00",
    contact_rules__failed_attempts_until_person=2,
    moratorium__days=60,
    reporting__status_while_kept="restructured",
    data_protection__answer_days=10,
    breach__cure_days=20,
    breach__hardship_shield_days=120,
    rate__floor_pct=2,
    rate__ceilings=[
        {"contract_from": date(2000, 1, 1), "lender_type": "bank", "all_in_pct": 24},
        {"contract_from": CHANGE, "lender_type": "bank", "all_in_pct": 20},
    ],
)
BOOK = example_book(TWO)
ID = TWO.info.id


def test_every_section_says_which_date_rules_it() -> None:
    assert {name: ruling(f"{name}.{next(iter(model.model_fields))}") for name, model in SECTIONS.items()} == {
        **dict.fromkeys(
            [
                *("amounts", "term", "measures", "waiver", "offers", "value", "assessment", "agreement"),
                *("followup", "document", "cooling_off", "trial", "observation"),
                *("breach", "incentives", "reviews", "talks", "relief"),
            ],
            AGREED,
        ),
        **dict.fromkeys(
            [
                *("allocation", "delinquency", "alert", "timetable", "contact", "moratorium", "assignment"),
                *("records", "contact_rules", "stop_events", "reporting", "data_protection", "retention"),
                *("complaints", "legal_referral", "re_age", "team"),
            ],
            LIVE,
        ),
        "rate": CONTRACT,
    }


def test_only_these_values_differ_from_their_section() -> None:
    apart: dict[str, Ruling] = {}
    for name, model in SECTIONS.items():
        found = [ruling(f"{name}.{field}") for field in model.model_fields]
        usual = max(set(found), key=found.count)
        apart |= {f"{name}.{f}": r for f, r in zip(model.model_fields, found, strict=True) if r is not usual}
    assert apart == {
        "rate.ceilings": CONTRACT,
        "agreement.stop_collection_on_sign": LIVE,
        "agreement.instruction_business_days": LIVE,
        "agreement.balance_tolerance_pct": LIVE,
        "agreement.balance_billed_ahead_days": LIVE,
        "cooling_off.stands_still_when_stopped": LIVE,
        "breach.hardship_shield_days": LIVE,
    }
    with pytest.raises(KeyError):
        ruling("rate.nothing")


def test_what_was_agreed_stays_and_conduct_reaches_the_live_case() -> None:
    before = BOOK.for_case(ID, BEFORE, agreed_on=BEFORE)
    assert before is BOOK.in_force(ID, BEFORE)
    view = BOOK.for_case(ID, AFTER, agreed_on=BEFORE)
    assert (view.term.max_months, view.followup.grace_days, view.breach.cure_days) == (60, 3, 10)
    assert (view.agreement.cooling_off_days, view.document.late_charge_name_en) == (0, "late payment charge")
    assert view.contact.quiet_from.hour == 20
    assert view.contact_rules.failed_attempts_until_person == 2
    assert (view.moratorium.days, view.reporting.status_while_kept) == (60, "restructured")
    assert (view.data_protection.answer_days, view.breach.hardship_shield_days) == (10, 120)
    assert view.rate.floor_pct == 0
    assert view.version == before.version
    assert view.live_version == BOOK.in_force(ID, AFTER).version != view.version


def test_conduct_changes_on_its_day_and_not_before() -> None:
    eve = BOOK.for_case(ID, CHANGE - timedelta(days=1), agreed_on=BEFORE)
    assert (eve.contact.quiet_from.hour, eve.moratorium.days) == (22, 0)
    assert BOOK.for_case(ID, CHANGE, agreed_on=BEFORE).moratorium.days == 60


def test_what_is_agreed_after_the_change_has_the_new_values() -> None:
    for agreed_on in (None, CHANGE, AFTER):
        view = BOOK.for_case(ID, AFTER, agreed_on=agreed_on)
        assert view is BOOK.in_force(ID, AFTER)
        assert (view.term.max_months, view.followup.grace_days) == (36, 9)
        assert view.version == view.live_version


def test_ceilings_follow_the_contracts_date_whenever_the_talks_are() -> None:
    for on, agreed_on in ((AFTER, None), (AFTER, BEFORE), (AFTER, CHANGE)):
        limits = BOOK.for_case(ID, on, agreed_on=agreed_on).plan_limits
        assert [limits.ceiling(day) for day in (date(2022, 5, 4), CHANGE - timedelta(days=1), CHANGE)] == [
            24,
            24,
            20,
        ]


def test_computed_limits_are_those_of_the_chosen_sections() -> None:
    early = BOOK.in_force(ID, BEFORE)
    assert early.plan_limits.max_months == 60  # computed and kept before the views are put together
    late = BOOK.in_force(ID, AFTER)
    assert late.plan_limits.max_months == 36
    view = BOOK.for_case(ID, AFTER, agreed_on=BEFORE)
    assert view.plan_limits.max_months == 60
    assert view.plan_limits.rate_ceilings == late.plan_limits.rate_ceilings
    assert BOOK.for_case(ID, AFTER, agreed_on=BEFORE) is view


def test_a_pinned_version_says_which_version_it_was() -> None:
    view = BOOK.for_case(ID, AFTER, agreed_on=BEFORE)
    assert BOOK.at_version(view.version) == BOOK.in_force(ID, BEFORE)
    assert BOOK.at_version(view.live_version) == BOOK.in_force(ID, AFTER)
    assert example_policy().live_version == example_policy().version


# -- through the deciders -----------------------------------------------------------------------------------


def test_a_signed_plan_keeps_the_grace_days_it_was_signed_with() -> None:
    due = CHANGE + timedelta(days=21)
    pay_on = due + timedelta(days=7)  # inside nine grace days, outside three
    for effective, kind in ((BEFORE, InstalmentMissed), (CHANGE, InstalmentPaid)):
        plan = given(FollowupDecider(), reference(TWO)).when(
            message(case_opened()), message(signed((due, "100.00"), effective=effective), effective)
        )
        plan = plan.when(message(paid("100.00", pay_on), pay_on))
        said = []
        for day in range((pay_on - effective).days + 1):
            plan = plan.closes(effective + timedelta(days=day))
            said += [type(event) for event in plan.said]
        assert kind in said
        assert (InstalmentMissed in said) is (kind is InstalmentMissed)


def test_nothing_changes_in_the_middle_of_a_round() -> None:
    talks = given(OfferDecider(), reference(TWO))
    talks = talks.when(message(case_opened(debt()), sequence=1), message(assessed("420.00")))
    offer = talks.last(OfferTabled)
    longest = max(offer.plans, key=lambda plan: len(plan.payments))
    assert len(longest.payments) > 36
    assert offer.valid_until > CHANGE
    wish = desk.OfferAccepted(offer_id=offer.offer_id, plan_id=longest.plan_id, channel="app")
    for day in range(1, (CHANGE - DAY).days + 2):
        talks = talks.closes(DAY + timedelta(days=day - 1))
        assert talks.emits()
    talks = talks.when(message(wish, CHANGE + timedelta(days=1)))
    if not talks.emits(OfferAgreed):  # above the negotiator's limit: a supervisor says yes
        asked = talks.said[0]
        yes = desk.ApprovalGranted(request_id=asked.request_id, by="s-1", role="supervisor", reason="kept")  # type: ignore[attr-defined]
        talks = talks.when(message(yes, CHANGE + timedelta(days=1)))
    agreed = talks.last(OfferAgreed)
    assert agreed.policy_version == offer.policy_version
    assert agreed.plan.payments == longest.payments


def test_the_next_talks_are_held_under_the_new_version() -> None:
    talks = given(OfferDecider(), reference(TWO))
    late = CHANGE + timedelta(days=1)
    talks = talks.when(
        message(case_opened(debt()), sequence=1), message(assessed("420.00", as_of=late), late)
    )
    assert max(len(plan.payments) for plan in talks.last(OfferTabled).plans) <= 36


def test_the_shipped_packs_change_conduct_for_live_cases(packs: PolicyBook) -> None:
    signed_on, later = date(2025, 6, 1), date(2026, 3, 2)
    view = packs.for_case("cn-card", later, agreed_on=signed_on)
    assert packs.in_force("cn-card", signed_on).contact.max_attempts_per_number_per_day == 0
    assert view.contact.max_attempts_per_number_per_day == 6
    assert view.version != view.live_version
