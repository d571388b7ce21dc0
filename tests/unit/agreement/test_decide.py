"""The formal document as tables: given an agreed offer, when signatures and facts come, then what binds."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, timedelta
from hashlib import sha256
from typing import Any

import pytest

from services.agreement.decide import AgreementDecider
from services.agreement.document import content_hash
from services.agreement.model import AgreementStatus
from services.agreement.paper.layout import Agreement, page_of
from services.offer.decide import OfferDecider
from shared.contracts import desk, followup, intake
from shared.contracts.agreement import (
    AgreementDrafted,
    AgreementReturned,
    AgreementSigned,
    BankInstructed,
    CollectionOrder,
    InputRefused,
    InstructionKind,
    PartySigned,
)
from shared.contracts.base import Event, Reason
from shared.contracts.debts import DebtSnapshot, DebtStatus, Plan
from shared.contracts.desk import SignatureParty
from shared.contracts.intake import CloseReason
from shared.contracts.offer import ApprovalRequested, OfferAgreed, OfferTabled, OfferWithdrawn
from shared.contracts.plan_terms import total_of
from shared.contracts.reasons import ReasonCode
from tests.unit.builders import CASE, DAY, assessed, balances, case_opened, cny, debt, message, reference
from tests.unit.spec import Given, given

DEBTS = (debt(), debt("A-2", outstanding=balances("5000.01", "33.33"), overdue=balances("700.00", "33.33")))
LESS = (debt(outstanding=balances("11900.00", "420.00", "60.00", "150.00")), DEBTS[1])
DAY_1, DAY_2 = DAY + timedelta(days=1), DAY + timedelta(days=2)
BOTH = (SignatureParty.BORROWER, SignatureParty.LENDER)
SIGN_BY = date(2026, 3, 10)


def after(days: int) -> date:
    return DAY + timedelta(days=days)


def agreed(rank: int = 1, debts: tuple[DebtSnapshot, ...] = DEBTS, day: date = DAY_1,
           **overrides: Any) -> OfferAgreed:  # fmt: skip
    """What offer says when the borrower has accepted a plan: the real thing."""
    talks = given(OfferDecider(), reference(**overrides))
    talks = talks.when(message(case_opened(*debts), sequence=1), message(assessed("2500.00")))
    offer = talks.last(OfferTabled)
    wish = desk.OfferAccepted(offer_id=offer.offer_id, plan_id=offer.plans[rank - 1].plan_id, channel="app")
    talks = talks.when(message(wish, day))
    if talks.emits(ApprovalRequested):
        request = talks.last(ApprovalRequested).request_id
        yes = desk.ApprovalGranted(request_id=request, by="s-1", role="supervisor", reason="sustainable")
        talks = talks.when(message(yes, day))
    return talks.last(OfferAgreed)


def drafted(rank: int = 1, **overrides: Any) -> Given:
    """A case whose draft lies on the table since day 1."""
    start = given(AgreementDecider(), reference(**overrides))
    opened = start.when(message(case_opened(*DEBTS), sequence=1))
    return opened.when(message(agreed(rank, **overrides), after(1)))


def signature(draft: AgreementDrafted, party: SignatureParty, **other: Any) -> desk.SignatureGiven:
    return desk.SignatureGiven(
        **{
            "agreement_id": draft.agreement_id,
            "version": draft.version,
            "content_hash": draft.content_hash,
            "party": party,
            "channel": "app",
            "evidence": "one-time-code",
            **other,
        }
    )


def signed_by(step: Given, *parties: SignatureParty, day: date = DAY_2) -> Given:
    draft = step.last(AgreementDrafted)
    return step.when(*(message(signature(draft, party), day) for party in parties))


def in_force(**overrides: Any) -> Given:
    return signed_by(drafted(**overrides), *BOTH).closes(after(2))


def refused(step: Given) -> ReasonCode:
    return step.last(InputRefused).reason.code


def changed(*debts: DebtSnapshot) -> intake.CaseChanged:
    return intake.CaseChanged(as_of=DAY, debts=debts)


def paid(left: DebtSnapshot) -> intake.PaymentMatched:
    return intake.PaymentMatched(payment_id="p-1", amount=cny("100.00"), value_date=DAY, allocations=(),
                                 unallocated=cny("0.00"), debts=(left,))  # fmt: skip


def completed(agreement_id: str) -> followup.PlanCompleted:
    return followup.PlanCompleted(agreement_id=agreement_id, as_of=after(300), paid=(cny("12000.00"),))


def broken(agreement_id: str) -> followup.PlanBroken:
    return followup.PlanBroken(agreement_id=agreement_id, as_of=after(90), missed=2, reasons=())


def closed(reason: CloseReason) -> intake.CaseClosed:
    return intake.CaseClosed(as_of=after(300), reason=reason)


# -- the draft --------------------------------------------------------------------------------------------


def test_the_draft_holds_every_schedule_and_the_sections_of_the_pack() -> None:
    step = drafted()
    assert step.emits(AgreementDrafted)
    draft = step.last(AgreementDrafted)
    assert [schedule.debt_id for schedule in draft.schedules] == ["A-1", "A-2"]
    assert draft.sections == ("debt_structure", "instalment_plan", "interest_and_fees")
    assert (draft.version, draft.language, draft.drafted_on, draft.sign_by) == (1, "zh", after(1), SIGN_BY)
    assert draft.plan == agreed().plan.without_private
    assert draft.instalments == draft.plan.payments
    assert step.decider.due(step.state) == SIGN_BY


@pytest.mark.parametrize("rank", [1, 2, 3, 4, 5])
def test_every_part_of_the_schedules_adds_up_exactly(rank: int) -> None:
    draft = drafted(rank).last(AgreementDrafted)
    due: dict[date, int] = {}
    for schedule, terms in zip(draft.schedules, draft.plan.debts, strict=True):
        for part in ("principal", "fees", "late_charges"):
            repaid = sum(getattr(row, part).minor for row in schedule.rows)
            assert repaid == (getattr(terms.balance, part) - getattr(terms.waived, part)).minor
        carried = (terms.balance.interest - terms.waived.interest).minor
        interest = sum(row.interest.minor for row in schedule.rows)
        assert interest >= carried
        assert (interest == carried) == (terms.annual_rate_pct == 0)
        left = (terms.balance.principal - terms.waived.principal).minor
        for row in schedule.rows:
            parts = row.principal + row.interest + row.fees + row.late_charges
            left -= row.principal.minor
            assert (row.total, row.balance.minor) == (parts, left)
            due[row.due] = due.get(row.due, 0) + row.total.minor
        assert left == 0
    assert [(row.due, row.total.minor) for row in draft.instalments] == sorted(due.items())
    assert [row.number for row in draft.instalments] == list(range(1, len(due) + 1))
    assert sum(due.values()) == draft.plan.total_paid[0].minor


def test_the_hash_is_sha256_of_the_events_own_content() -> None:
    draft = drafted().last(AgreementDrafted)
    content = json.loads(draft.model_dump_json(exclude={"content_hash"}))
    content["case"] = CASE
    for later in (
        "parts",
        "apart",
        "not_covered",
    ):  # left out where a plan has none, as documents of before had none
        assert content["plan"].pop(later) == []
    assert content["plan"].pop("sign_until") is None
    assert [debt.pop("skips") for debt in content["plan"]["debts"]] == [[] for _ in content["plan"]["debts"]]
    assert content.pop("liable") == []
    assert content.pop("must_sign") == []
    for later in ("overdue_kept_years", "overdue_kept_from"):
        assert content["terms"].pop(later) is None
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert draft.content_hash == sha256(text.encode("utf-8")).hexdigest()
    other = drafted(2).last(AgreementDrafted)
    assert other.content_hash != draft.content_hash
    assert drafted().last(AgreementDrafted).content_hash == draft.content_hash


@pytest.mark.parametrize("signed", ["zh", "en"])
@pytest.mark.parametrize("read", ["zh", "en"])
def test_the_draft_is_in_the_language_of_its_pack_whatever_the_borrower_reads(signed: str, read: str) -> None:
    start = given(AgreementDecider(), reference(document__signed_language=signed))
    start = start.when(message(case_opened(*DEBTS, language=read), sequence=1))
    draft = start.when(message(agreed(), after(1))).last(AgreementDrafted)
    assert draft.language == signed
    for lang in ("zh", "en"):
        notice = page_of(Agreement(CASE, "C-1", draft), lang)["notice"]
        assert ("Translation" in notice or "译文" in notice) == (lang != signed)


def test_another_policy_gives_another_document() -> None:
    step = drafted(agreement__sign_business_days=1, agreement__required_sections=["debt_structure"])
    draft = step.last(AgreementDrafted)
    assert (draft.sections, draft.sign_by) == (("debt_structure",), after(2))


def test_an_agreed_offer_waits_for_the_case_and_for_what_offer_knew_of_it() -> None:
    start = given(AgreementDecider(), reference())
    offer = message(agreed(), after(1))
    assert start.when(offer, message(case_opened(*DEBTS), sequence=1)).emits(AgreementDrafted)
    assert refused(start.when(offer).closes(after(1))) is ReasonCode.NO_CASE
    # Offer had read the payment that reduced the balance; here it has not arrived yet.
    ahead = message(agreed(debts=LESS).model_copy(update={"intake_sequence": 2}), after(1))
    behind = start.when(message(case_opened(*DEBTS), sequence=1), ahead)
    assert behind.emits()
    assert behind.when(message(paid(LESS[0]), after(1), sequence=2)).emits(AgreementDrafted)
    assert behind.closes(after(1)).emits(AgreementReturned)


@pytest.mark.parametrize(
    ("debts", "code"),
    [
        (LESS, ReasonCode.BALANCE_CHANGED),
        (DEBTS[:1], ReasonCode.DEBT_LEFT_PLAN),
        ((DEBTS[0], debt("A-2", status=DebtStatus.SOLD)), ReasonCode.DEBT_LEFT_PLAN),
        ((*DEBTS, debt("A-3")), ReasonCode.BALANCE_CHANGED),
    ],
)
def test_a_balance_that_changed_since_the_offer_goes_back_to_the_table(
    debts: tuple[DebtSnapshot, ...], code: ReasonCode
) -> None:
    start = given(AgreementDecider(), reference()).when(message(case_opened(*DEBTS), sequence=1))
    offer = agreed()
    early = start.when(message(changed(*debts), after(1), sequence=2), message(offer, after(1)))
    late = start.when(message(offer, after(1)), message(changed(*debts), after(1), sequence=2))
    for step in (early, late):
        back = step.last(AgreementReturned)
        assert (back.offer_id, back.as_of, back.reason.code) == (offer.offer_id, after(1), code)
        assert step.state.status is AgreementStatus.OPEN
    # The draft is drawn up in both orders, so that what is signed of it on the day is heard.
    assert early.said == late.said
    assert early.emits(AgreementDrafted, AgreementReturned)
    assert early.state == late.state


def test_a_plan_that_does_not_come_out_again_is_not_signed() -> None:
    offer = agreed()
    plan = offer.plan.model_copy(update={"payments": offer.plan.payments[:-1]})
    start = given(AgreementDecider(), reference()).when(message(case_opened(*DEBTS), sequence=1))
    step = start.when(message(offer.model_copy(update={"plan": plan}), after(1)))
    assert step.last(AgreementReturned).reason.code is ReasonCode.PLAN_NO_LONGER_COMPUTES
    # Agreed so late that the first instalment would be due already.
    late = start.when(message(offer, offer.plan.payments[0].due))
    assert late.last(AgreementReturned).reason.code is ReasonCode.PLAN_NO_LONGER_COMPUTES


def test_nobody_signs_on_the_day_on_which_the_first_instalment_is_due() -> None:
    """Who did owed it at once: it was due on the day on which the plan took effect."""
    offer = agreed()
    first = offer.plan.payments[0].due
    start = given(AgreementDecider(), reference()).when(message(case_opened(*DEBTS), sequence=1))
    step = start.when(message(offer, first - timedelta(days=2)))
    last = first - timedelta(days=1)
    assert step.last(AgreementDrafted).sign_by == last
    assert signed_by(step, *BOTH, day=last).closes(last).last(AgreementSigned).effective < first
    late = signed_by(step, SignatureParty.BORROWER, day=first)
    assert refused(late) is ReasonCode.SIGNATURE_TOO_LATE


def test_a_draft_that_was_printed_with_a_later_last_day_to_sign_is_signed_as_it_was_printed() -> None:
    offer = agreed()
    first = offer.plan.payments[0].due
    start = given(AgreementDecider(), reference()).when(message(case_opened(*DEBTS), sequence=1))
    step = start.when(message(offer, first - timedelta(days=2)))
    printed = step.last(AgreementDrafted).model_copy(update={"sign_by": first})
    printed = printed.model_copy(update={"content_hash": content_hash(printed, CASE)})
    draft = step.state.draft.model_copy(update={"sign_by": first, "content_hash": printed.content_hash})
    before = replace(step, state=step.state.model_copy(update={"draft": draft}))
    both = before.when(*(message(signature(printed, party), first) for party in BOTH))
    assert both.closes(first).last(AgreementSigned).content_hash == printed.content_hash


# -- signatures -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", [BOTH, BOTH[::-1]])
def test_both_signatures_bind_when_their_day_is_closed(order: tuple[SignatureParty, ...]) -> None:
    step = drafted()
    draft = step.last(AgreementDrafted)
    one = step.when(message(signature(draft, order[0]), after(2)))
    assert one.emits(PartySigned)
    assert one.state.status is AgreementStatus.SIGNED_BY_ONE
    two = one.when(message(signature(draft, order[1]), after(5)))
    assert two.emits(PartySigned)
    assert two.decider.due(two.state) == after(5)
    done = two.closes(after(5))
    assert done.emits(AgreementSigned, BankInstructed)
    signed = done.last(AgreementSigned)
    assert (signed.effective, signed.version, signed.content_hash) == (after(5), 1, draft.content_hash)
    assert (signed.schedules, signed.instalments) == (draft.schedules, draft.instalments)
    assert (signed.policy, signed.policy_version) == ("example-card", draft.policy_version)
    assert signed.drafted_on == draft.drafted_on
    assert done.state.status is AgreementStatus.IN_FORCE
    assert done.decider.due(done.state) is None
    assert done.closes(after(6)).emits()


def test_the_bank_is_told_everything_in_one_instruction() -> None:
    step = in_force()
    told, signed = step.last(BankInstructed), step.last(AgreementSigned)
    assert (told.kind, told.collection, told.agents) == (
        InstructionKind.APPLY_PLAN,
        CollectionOrder.STOP,
        True,
    )
    assert (told.schedules, told.waived) == (signed.schedules, signed.waived)
    plan = drafted().last(AgreementDrafted).plan
    assert [(r.debt_id, r.annual_rate_pct) for r in told.rates] == [
        (d.debt_id, d.annual_rate_pct) for d in plan.debts
    ]
    assert (told.credit_status, told.supersedes) == ("renegotiated", None)
    assert told.answer_by == date(2026, 3, 9)  # three business days
    assert in_force().last(BankInstructed).instruction_id == told.instruction_id
    silent = in_force(agreement__stop_collection_on_sign=False).last(BankInstructed)
    assert (silent.kind, silent.collection, silent.agents) == (InstructionKind.APPLY_PLAN, None, False)


def test_what_is_waived_is_named_by_debt() -> None:
    offers = [agreed(rank) for rank in range(1, 6)]
    rank, offer = next((i, o) for i, o in enumerate(offers, start=1) if any(_waived(o.plan)))
    step = signed_by(drafted(rank), *BOTH).closes(after(2))
    signed = step.last(AgreementSigned)
    assert [w.amounts for w in signed.waived] == [
        d.waived for d in offer.plan.debts if any(_waived(offer.plan, d.debt_id))
    ]
    assert all(total_of(w.amounts).is_positive for w in signed.waived)
    assert signed.rates is not None
    rates = [(rate.debt_id, rate.annual_rate_pct) for rate in signed.rates]
    assert rates == [(debt.debt_id, debt.annual_rate_pct) for debt in offer.plan.debts]


def _waived(plan: Plan, debt_id: str | None = None) -> list[bool]:
    return [total_of(d.waived).is_positive for d in plan.debts if debt_id in {None, d.debt_id}]


@pytest.mark.parametrize(
    ("other", "day", "code"),
    [
        ({"content_hash": "0" * 64}, 2, ReasonCode.HASH_MISMATCH),
        ({"version": 2}, 2, ReasonCode.VERSION_MISMATCH),
        ({}, 9, ReasonCode.SIGNATURE_TOO_LATE),
    ],
)
def test_signatures_that_do_not_count(other: dict[str, Any], day: int, code: ReasonCode) -> None:
    step = drafted()
    given_ = signature(step.last(AgreementDrafted), SignatureParty.BORROWER, **other)
    late = step.when(message(given_, after(day)))
    assert refused(late) is code
    assert late.state == step.state


def test_a_party_signs_once() -> None:
    step = drafted()
    once = signed_by(step, SignatureParty.BORROWER)
    draft = step.last(AgreementDrafted)
    twice = once.when(message(signature(draft, SignatureParty.BORROWER), after(2)))
    assert refused(twice) is ReasonCode.ALREADY_SIGNED
    assert twice.closes(after(2)).emits()
    live = signed_by(step, *BOTH).closes(after(2))
    assert (
        refused(live.when(message(signature(draft, SignatureParty.LENDER), after(3))))
        is ReasonCode.ALREADY_SIGNED
    )


def test_a_signature_on_an_unknown_agreement_waits_for_it() -> None:
    draft = drafted().last(AgreementDrafted)
    early = message(signature(draft, SignatureParty.BORROWER), after(1))
    start = given(AgreementDecider(), reference()).when(message(case_opened(*DEBTS), sequence=1))
    assert start.when(early, message(agreed(), after(1))).emits(AgreementDrafted, PartySigned)
    assert refused(start.when(early).closes(after(1))) is ReasonCode.AGREEMENT_UNKNOWN
    nobody = given(AgreementDecider(), reference()).when(early)
    assert refused(nobody.closes(after(1))) is ReasonCode.NO_CASE


@pytest.mark.parametrize("fact", [changed(*LESS), paid(LESS[0])])
@pytest.mark.parametrize("parties", [(), BOTH[:1], BOTH])
def test_a_balance_that_moves_before_the_signatures_bind_makes_them_void(
    fact: Event, parties: tuple[SignatureParty, ...]
) -> None:
    step = drafted()
    draft = step.last(AgreementDrafted)
    moved = signed_by(step, *parties).when(message(fact, after(2), sequence=2))
    assert moved.emits(AgreementReturned)
    assert moved.last(AgreementReturned).reason.code is ReasonCode.BALANCE_CHANGED
    assert moved.closes(after(2)).emits()
    late = moved.when(message(signature(draft, SignatureParty.LENDER), after(3)))
    assert refused(late) is ReasonCode.BALANCE_CHANGED
    # The other order on the same day ends the same: nothing is signed.
    first = step.when(message(fact, after(2), sequence=2)).when(
        *(message(signature(draft, party), after(2)) for party in parties)
    )
    assert first.closes(after(2)).state == moved.state


def test_a_fact_that_leaves_the_balances_alone_leaves_the_draft_alone() -> None:
    same = tuple(d.model_copy(update={"as_of": after(2), "days_past_due": 80}) for d in DEBTS)
    step = signed_by(drafted(), BOTH[0]).when(message(changed(*same), after(2), sequence=2))
    assert step.emits()
    assert step.state.status is AgreementStatus.SIGNED_BY_ONE


@pytest.mark.parametrize("parties", [(), BOTH[:1]])
def test_the_last_day_to_sign_passes(parties: tuple[SignatureParty, ...]) -> None:
    step = drafted()
    draft = step.last(AgreementDrafted)
    passed = signed_by(step, *parties).closes(SIGN_BY)
    assert passed.emits(AgreementReturned)
    back = passed.last(AgreementReturned)
    assert (back.as_of, back.reason.code) == (SIGN_BY, ReasonCode.SIGN_BY_PASSED)
    late = passed.when(message(signature(draft, SignatureParty.LENDER), after(9)))
    assert refused(late) is ReasonCode.SIGNATURE_TOO_LATE


def test_signatures_on_the_last_day_count() -> None:
    step = signed_by(drafted(), *BOTH, day=SIGN_BY).closes(SIGN_BY)
    assert step.last(AgreementSigned).effective == SIGN_BY


def test_an_offer_withdrawn_takes_its_draft_with_it() -> None:
    step = drafted()
    reason = Reason(code=ReasonCode.CAPACITY_CHANGED)
    gone = OfferWithdrawn(offer_id=step.last(AgreementDrafted).offer_id, as_of=after(2), reason=reason)
    assert step.when(message(gone, after(2))).last(AgreementReturned).reason == reason
    assert step.when(message(gone.model_copy(update={"offer_id": "another"}), after(2))).emits()
    live = in_force()
    assert live.when(message(gone, after(3))).emits()


def test_an_offer_withdrawn_while_its_agreement_waits_for_a_payment_is_not_drafted() -> None:
    start = given(AgreementDecider(), reference()).when(message(case_opened(*DEBTS), sequence=1))
    ahead = agreed(debts=LESS).model_copy(update={"intake_sequence": 2})
    gone = OfferWithdrawn(
        offer_id=ahead.offer_id, as_of=after(1), reason=Reason(code=ReasonCode.CAPACITY_CHANGED)
    )
    step = start.when(message(ahead, after(1), sequence=7), message(gone, after(1), sequence=8))
    assert step.emits(InputRefused)
    assert refused(step) is ReasonCode.CAPACITY_CHANGED
    step = step.when(message(paid(LESS[0]), after(1), sequence=2))
    assert step.emits()
    again = step.when(message(ahead, after(1), sequence=10))  # tabled and accepted anew
    assert again.emits(AgreementDrafted)
