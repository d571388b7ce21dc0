"""Which contacts each stop event allows, over all services: every kind, at every moment, by every pack.

The deciders of the platform are put together and live a case of each shipped pack up to a moment; something
stops its debt; then the guard is asked for each class of contact with each person. What must come out stands
in the tables here and is not read from the packs: whoever changes a pack has to change it here, too. Beside
the answers, nothing that a service does by itself in the months after may press the borrower.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time
from functools import cache
from pathlib import Path
from typing import Any, get_args
from zoneinfo import ZoneInfo

import pytest

from services.alert.raising import PRESSING
from services.notice import rules
from shared.contracts import (
    agreement,
    assessment,
    desk,
    desk_contact,
    followup,
    followup_care,
    intake,
    notice,
    offer,
)
from shared.contracts.alert import AlertRaised
from shared.contracts.base import Personal
from shared.contracts.debts import ProductKind
from shared.contracts.envelope import Envelope
from shared.contracts.parties import StopCause
from shared.lending.money import Money
from shared.policy.reference import load_reference
from shared.policy.sections_conduct import LegalMatter, Party, Purpose
from tests.unit.builders import DAY, ROSTER, balances, cny, message
from tests.unit.household import Household
from tests.unit.intake.bank_says import day, lifted, overdue, paid, recalled, sold, stopped

REFERENCE = replace(
    load_reference(Path(__file__).parents[3] / "deploy" / "policies")({}),
    roster=ROSTER,
    lender_keys=(),
)
PACKS = ("cn-card", "cn-consumer-loan", "eu-consumer", "tw-card", "uk-unsecured", "us-unsecured")
MOMENTS = ("before an offer", "in mid-round", "live plan")
MATTERS: tuple[LegalMatter, ...] = get_args(LegalMatter)
CLASSES = (*(one for one in get_args(Purpose) if one != "legal_notice"), *MATTERS)
"""Every class of contact; legal notices each by what they are about."""
OTHERS: tuple[Party, ...] = tuple(party for party in get_args(Party) if party != "borrower")

# --- what must come out

EVERYTHING = frozenset(CLASSES)
NO_MONEY = EVERYTHING - {"collection"}
NOTHING: frozenset[str] = frozenset()
LAWFUL = frozenset({"release", "statutory"})
"""That nothing is owed any more, and what a law demands whatever happens."""

AT: dict[str, frozenset[str]] = {
    "before an offer": EVERYTHING,
    "in mid-round": EVERYTHING,
    "live plan": NO_MONEY,  # collection stops with the signature
}
"""Which classes the borrower may be contacted for while nothing stops the debt."""

BORROWER: dict[str, frozenset[str]] = {
    "death": NOTHING,
    "insolvency": frozenset({"release"}),
    "breathing_space": LAWFUL,
    "crisis_breathing_space": LAWFUL,
    "lost_capacity": NOTHING,
    "minor": NOTHING,
    "dispute": NO_MONEY - {"breach", "court"},
    "identity_fraud": NO_MONEY - {"breach", "court"},
    "litigation": LAWFUL,
    "sold": LAWFUL,
    "recalled": LAWFUL,
}
"""Which of them each stop leaves."""

ANSWERED = frozenset(
    {"insolvency", "breathing_space", "crisis_breathing_space", "litigation", "sold", "recalled"}
    | {"dispute", "identity_fraud"}
)
"""While these last, a borrower who asks something is answered; for the others somebody else speaks."""

INSTEAD: dict[str, frozenset[str]] = {
    "death": frozenset({"estate", "lawyer"}),
    "insolvency": frozenset({"insolvency_practitioner", "lawyer"}),
    "breathing_space": frozenset({"debt_adviser", "representative"}),
    "crisis_breathing_space": frozenset({"debt_adviser", "representative", "guardian"}),
    "lost_capacity": frozenset({"guardian", "representative"}),
    "minor": frozenset({"guardian"}),
    "dispute": frozenset({"representative", "lawyer"}),
    "identity_fraud": frozenset({"representative", "lawyer"}),
    "litigation": frozenset({"representative", "lawyer"}),
    "sold": frozenset({"buyer"}),
    "recalled": frozenset({"principal"}),
}
"""Who may be spoken to beside the borrower, or in their place; not about money before they are verified."""

INSTEAD_BY_PACK: dict[tuple[str, str], frozenset[str]] = {
    ("uk-unsecured", "breathing_space"): frozenset({"debt_adviser"}),
    ("uk-unsecured", "crisis_breathing_space"): frozenset({"debt_adviser", "representative"}),
}

ENDS_BY_DATE = {"breathing_space"}  # after thirty days; sixty in the Kingdom

# --- a case of a pack, up to each moment


def amount(of: str, currency: str) -> Any:
    """An amount that is worth much the same everywhere."""
    return cny(f"{of}0" if currency == "TWD" else f"{of}.00", currency)


def owed(principal: str, interest: str, currency: str) -> Any:
    zeros = ("0", "") if currency == "TWD" else ("", ".00")
    return balances(*(f"{part}{zeros[0]}{zeros[1]}" for part in (principal, interest)), currency=currency)


@cache
def case(pack: str, moment: str) -> Household:
    """Live the case of a pack up to a moment, the evening of the sixth day. Only to be branched."""
    if moment != MOMENTS[0]:
        known = case_at_table(pack).branch()
        return (known if moment == MOMENTS[1] else agreed(known)).lives_to(day(6))
    return opened(pack).branch().lives_to(day(6))


@cache
def opened(pack: str) -> Household:
    info = REFERENCE.policies.pack(pack).info
    late = overdue(
        product=pack,
        kind=ProductKind(info.product_kinds[0]),
        owed=owed("6000", "100", info.currency),
        late=owed("600", "100", info.currency),
        days=75,
    )
    writes = desk.ContactRecorded(
        at=datetime.combine(day(1), time(9), UTC),
        place="app",
        participants=("borrower",),
        key_points=Personal(value="asks what can be done"),
        direction=desk.ContactDirection.INBOUND,
        outcome=desk.ContactOutcome.MESSAGE_LEFT,
        channel="app",
        right_party=True,
    )
    return Household(REFERENCE).hears(late, message(writes, day(1)))


@cache
def case_at_table(pack: str) -> Household:
    currency = REFERENCE.policies.pack(pack).info.currency
    income, housing, food = (amount(of, currency) for of in ("6000", "1500", "900"))
    states = desk.StatementSubmitted(
        as_of=day(1),
        income=(desk.IncomeItem(source=desk.IncomeSource.SALARY, monthly=income),),
        spending=(
            desk.SpendingItem(category=desk.SpendingCategory.HOUSING, monthly=housing),
            desk.SpendingItem(category=desk.SpendingCategory.FOOD, monthly=food),
        ),
        dependants=0,
        assets=(),
        other_debts=(),
    )
    proves = desk.EvidenceVerified(
        item="income:salary", verified=income, evidence_kind="payslip", verified_by="n-1", as_of=day(1)
    )
    there = opened(pack).branch().hears(message(states, day(1)), message(proves, day(1)))
    assert there.all(offer.OfferTabled)
    return there


def agreed(there: Household) -> Household:
    """Accept the first plan, grant what it needs, sign it on both sides: in force since the third day."""
    tabled = there.all(offer.OfferTabled)[-1]
    yes = desk.OfferAccepted(offer_id=tabled.offer_id, plan_id=tabled.plans[0].plan_id, channel="app")
    there.hears(message(yes, day(2)))
    for asked in there.all(offer.ApprovalRequested):
        granted = desk.ApprovalGranted(
            request_id=asked.request_id, by="desk-1", role=asked.role, reason="sustainable for both"
        )
        there.hears(message(granted, day(2)))
    draft = there.all(agreement.AgreementDrafted)[-1]
    for party in desk.SignatureParty:
        signs = desk.SignatureGiven(
            agreement_id=draft.agreement_id, version=draft.version, content_hash=draft.content_hash,
            party=party, channel="app", evidence="code", checked=("identity", "capacity"),
        )  # fmt: skip
        there.hears(message(signs, day(3)))
    there.lives_to(day(3))
    assert there.all(followup.PlanStarted)
    return there


STOPS: dict[str, Envelope[Any]] = {
    **{cause.value: stopped(cause, 7, "A-1") for cause in StopCause},
    "sold": sold(7),
    "recalled": recalled(7),
}


@cache
def stopped_case(pack: str, moment: str, stop: str) -> Household:
    """The case on the evening of the seventh day, on which something stops its debt."""
    return case(pack, moment).branch().hears(STOPS[stop]).lives_to(day(7))


def allowed(
    there: Household, pack: str, party: Party = "borrower", *, n: int = 8, debts: tuple[str, ...] = ()
) -> frozenset[str]:
    """Ask for each class of contact in the afternoon, as it is on every clock of the pack; a person
    of a party is named like it."""
    when = datetime.combine(day(n), time(15), ZoneInfo(REFERENCE.policies.pack(pack).info.time_zone))
    found = set()
    for one in CLASSES:
        matter = one if one in MATTERS else None
        asks = desk_contact.ContactAsked(
            contact_id="c", at=when.astimezone(UTC), purpose="legal_notice" if matter else one, matter=matter,
            channel="phone", by="n-1", party=party, person=party, asks_for_payment=one == "collection",
            tells_about_debt=False, debts=debts,
        )  # fmt: skip
        answered = there.branch().hears(message(asks, day(n), hour=4)).all(notice.ContactAnswered)
        found |= {one} if answered[-1].allowed else set()
    return frozenset(found)


def to_others(pack: str, stop: str) -> dict[str, frozenset[str]]:
    """What each person beside the borrower may be contacted for: no court where enforcement is stopped."""
    instead = INSTEAD_BY_PACK.get((pack, stop), INSTEAD[stop])
    told = NO_MONEY if stop == "litigation" else NO_MONEY - {"court"}
    return {party: told if party in instead else NOTHING for party in OTHERS}


# --- the tables


def test_the_tables_name_every_stop_of_the_contracts_and_the_packs() -> None:
    kinds = {*StopCause, "sold", "recalled"}
    assert set(BORROWER) == set(INSTEAD) == set(STOPS) == kinds
    for pack in PACKS:
        rows = type(REFERENCE.policies.in_force(pack, DAY).stop_events).model_fields
        assert set(rows) == kinds
    assert set(REFERENCE.policies.pack_ids) == set(PACKS)


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("pack", PACKS)
def test_while_nothing_stops_the_debt(pack: str, moment: str) -> None:
    there = case(pack, moment)
    assert allowed(there, pack) == AT[moment]
    assert {party: allowed(there, pack, party) for party in OTHERS} == dict.fromkeys(OTHERS, NOTHING)


@pytest.mark.parametrize("stop", STOPS)
@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("pack", PACKS)
def test_each_stop_at_each_moment(pack: str, moment: str, stop: str) -> None:
    there = stopped_case(pack, moment, stop)
    assert allowed(there, pack) == AT[moment] & BORROWER[stop]
    assert {party: allowed(there, pack, party) for party in OTHERS} == to_others(pack, stop)


@pytest.mark.parametrize("stop", STOPS)
@pytest.mark.parametrize("pack", PACKS)
def test_a_legal_notice_that_does_not_say_what_it_is_about_may_be_a_threat(pack: str, stop: str) -> None:
    there = stopped_case(pack, MOMENTS[0], stop)
    noon = datetime.combine(day(8), time(12), ZoneInfo(REFERENCE.policies.pack(pack).info.time_zone))
    for party in ("borrower", *INSTEAD[stop]):
        asks = desk_contact.ContactAsked(
            contact_id="c", at=noon.astimezone(UTC), purpose="legal_notice", channel="letter", by="n-1",
            party=party, person=party, tells_about_debt=False,
        )  # fmt: skip
        answered = there.branch().hears(message(asks, day(8), hour=4)).all(notice.ContactAnswered)[-1]
        assert answered.allowed is (stop == "litigation" and party != "borrower")


def called(n: int, hour: int, direction: str, outcome: str) -> Any:
    contact = desk.ContactRecorded(
        at=datetime.combine(day(n), time(hour), UTC), place="phone", participants=("n-1",),
        key_points=Personal(value="whether the interest has stopped"), channel="phone",
        direction=desk.ContactDirection(direction), outcome=desk.ContactOutcome(outcome),
    )  # fmt: skip
    return message(contact, day(n), hour=hour)


@pytest.mark.parametrize("stop", STOPS)
@pytest.mark.parametrize("pack", PACKS)
def test_who_is_protected_and_asks_is_answered_once(pack: str, stop: str) -> None:
    """Every reply was denied: a borrower in a breathing space could ask, and nobody was let answer."""
    there = stopped_case(pack, MOMENTS[2], stop).branch().hears(called(7, 1, "inbound", "talked"))
    expected = BORROWER[stop] | ({"reply"} if stop in ANSWERED else set())
    assert allowed(there, pack) == AT[MOMENTS[2]] & expected
    there.hears(called(7, 2, "outbound", "message_left"))
    assert allowed(there, pack) == AT[MOMENTS[2]] & BORROWER[stop]


@pytest.mark.parametrize("stop", STOPS)
@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("pack", PACKS)
def test_nothing_that_a_service_does_by_itself_presses_a_protected_borrower(
    pack: str, moment: str, stop: str
) -> None:
    """Three months long, so that dates of statements, offers, instalments and reviews come and go."""
    there, since = stopped_case(pack, moment, stop).branch(), day(7)
    there.lives_to(day(35 if stop in ENDS_BY_DATE else 100))
    sent = [due for due in there.all(notice.NoticeDue, since) if due.party == "borrower"]
    leaves = {rules.MATTERS.get(due.kind, due.category) for due in sent}
    assert leaves <= BORROWER[stop] - {"collection"}
    assert [alert.kind for alert in there.all(AlertRaised, since) if alert.kind in PRESSING] == []
    for kind in (followup_care.BreachNoticed, followup.PlanBroken, offer.OfferTabled):
        assert there.all(kind, since) == []
    resumed = [
        told
        for told in there.all(agreement.BankInstructed, since)
        if told.kind is agreement.InstructionKind.RESUME_COLLECTION
    ]
    assert resumed == []


@pytest.mark.parametrize("told", ["before", "after"])
@pytest.mark.parametrize("pack", PACKS)
def test_who_told_of_a_hardship_is_asked_for_nothing_once_the_plan_was_sold(pack: str, told: str) -> None:
    """The buyer is who talks about another plan: no figures are asked for, and no step of ours is late."""
    there = case(pack, "live plan").branch()
    lost = desk.HardshipReported(cause=desk.HardshipCause.JOB_LOSS, since=day(6))
    if told == "before":
        there.hears(message(lost, day(7))).lives_to(day(7))
    there.hears(sold(8)).lives_to(day(8))
    if told == "after":
        there.hears(message(lost, day(9)))
    there.lives_to(day(120))
    asked = (assessment.StatementRequested, assessment.StatementReminded, assessment.AssessmentLapsed)
    assert [event for kind in asked for event in there.all(kind, day(8))] == []
    assert [(on, event) for on, event in there.said if isinstance(event, AlertRaised) and on > day(8)] == []


@cache
def completed(pack: str) -> Household:
    """Pay the whole plan as soon as it is in force: the case is closed on the evening of the sixth day."""
    there = case(pack, "live plan").branch()
    signed = there.all(agreement.AgreementSigned)[-1]
    whole = Money.sum((row.total for row in signed.instalments), signed.instalments[0].total.currency)
    there.hears(paid(whole, 7)).lives_to(day(8))
    assert there.all(intake.CaseClosed)
    return there


@pytest.mark.parametrize("cause", [cause.value for cause in StopCause])
@pytest.mark.parametrize("pack", PACKS)
def test_a_stop_after_completion_holds_for_what_is_still_to_be_said(pack: str, cause: str) -> None:
    there = completed(pack).branch()
    assert allowed(there, pack, n=9) == NO_MONEY
    there.hears(stopped(StopCause(cause), 9)).lives_to(day(9))
    assert allowed(there, pack, n=10) == NO_MONEY & BORROWER[cause]
    assert {party: allowed(there, pack, party, n=10) for party in OTHERS} == to_others(pack, cause)
    if cause not in ENDS_BY_DATE:
        there.hears(lifted(10))
    there.lives_to(day(80))
    assert allowed(there, pack, n=81) == NO_MONEY


@pytest.mark.parametrize("cause", [cause.value for cause in StopCause])
@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("pack", PACKS)
def test_when_it_is_lifted_contact_is_as_it_was(pack: str, moment: str, cause: str) -> None:
    there = stopped_case(pack, moment, cause).branch().lives_to(day(9))
    there.hears(lifted(10)).lives_to(day(10))
    assert allowed(there, pack, n=11) == AT[moment]
    assert {party: allowed(there, pack, party, n=11) for party in OTHERS} == dict.fromkeys(OTHERS, NOTHING)


@pytest.mark.parametrize("leaves", [sold, recalled])
@pytest.mark.parametrize("pack", PACKS)
def test_what_was_sold_or_taken_back_says_nothing_of_the_other_debts(pack: str, leaves: Any) -> None:
    info = REFERENCE.policies.pack(pack).info
    other = overdue(
        "A-2", product=pack, kind=ProductKind(info.product_kinds[0]), n=2,
        owed=owed("6000", "100", info.currency), late=owed("600", "100", info.currency), days=75,
    )  # fmt: skip
    there = opened(pack).branch().hears(other).lives_to(day(6)).hears(leaves(7)).lives_to(day(7))
    assert allowed(there, pack) == EVERYTHING
    assert allowed(there, pack, debts=("A-2",)) == EVERYTHING
    assert allowed(there, pack, debts=("A-1",)) == LAWFUL
    assert allowed(there, pack, debts=("A-1", "A-2")) == LAWFUL


def test_a_debt_that_is_handed_over_again_is_talked_about_again() -> None:
    there = opened("cn-card").branch()
    again = {"product": "cn-card", "owed": owed("6000", "100", "CNY"), "late": owed("600", "100", "CNY")}
    there.hears(overdue("A-2", n=2, **again)).lives_to(day(6)).hears(recalled(7)).lives_to(day(7))
    assert allowed(there, "cn-card", debts=("A-1",)) == LAWFUL
    there.hears(overdue(n=9, **again)).lives_to(day(9))
    assert allowed(there, "cn-card", debts=("A-1",), n=10) == EVERYTHING


def test_a_day_later_than_any_rule_of_these_packs_counts() -> None:
    """The tables are of the rules in force then; an entry of a later date asks for a table of its own."""
    for pack in PACKS:
        today = REFERENCE.policies.in_force(pack, DAY).stop_events
        assert REFERENCE.policies.in_force(pack, date(2026, 11, 27)).stop_events == today
