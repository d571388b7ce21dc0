"""Withdrawing: what was before holds again, for the bank and for every service."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from services.agreement.decide import AgreementDecider
from services.agreement.model import AgreementStatus
from services.followup.decide import FollowupDecider
from services.followup.model import FollowupStatus, LineState
from services.offer.decide import OfferDecider
from services.offer.model import OfferStatus
from shared.contracts import desk, desk_talks
from shared.contracts.agreement import (
    AgreementDrafted,
    AgreementEnded,
    AgreementSigned,
    BankInstructed,
    CollectionOrder,
    InstructionKind,
)
from shared.contracts.debts import InstalmentTotal
from shared.contracts.followup import InstalmentMissed, PlanBroken, RewardGranted
from shared.contracts.intake import PaymentMatched
from shared.contracts.reasons import ReasonCode
from shared.lending.money import Money
from tests.unit.agreement.test_decide import BOTH, DEBTS, after, agreed, changed, in_force, refused, signed_by
from tests.unit.builders import assessed, balances, case_opened, cny, debt, message, reference
from tests.unit.followup.plans import PLAIN
from tests.unit.spec import Given, given

DAYS = 14


def withdrawal(agreement_id: str, n: int) -> Any:
    said = desk.WithdrawalDeclared(agreement_id=agreement_id, channel="app", evidence="letter-1")
    return message(said, after(n))


def amended(*between: Any, **overrides: Any) -> tuple[AgreementSigned, Given]:
    """The first agreement in force since day 2, and the case with another in its place since day 6."""
    rules = {"agreement__cooling_off_days": DAYS, **overrides}
    first = in_force(**rules)
    signed = first.last(AgreementSigned)
    again = agreed(2).model_copy(update={"offer_id": "O-2"})
    step = first.when(*between, message(again, after(5)))
    return signed, signed_by(step, *BOTH, day=after(6)).closes(after(6))


def test_the_agreement_before_an_amendment_holds_again() -> None:
    first, step = amended()
    second = step.last(AgreementSigned)
    assert (second.supersedes, second.may_withdraw) == (first.agreement_id, True)
    assert second.withdraw_until == after(6 + DAYS)
    gone = step.when(withdrawal(second.agreement_id, 8))
    assert gone.emits(AgreementEnded, BankInstructed)
    ended, told = gone.last(AgreementEnded), gone.last(BankInstructed)
    assert ended.returns_to is not None
    assert (ended.agreement_id, ended.returns_to.agreement_id) == (second.agreement_id, first.agreement_id)
    assert ended.returns_to.debts == ("A-1", "A-2")
    assert (ended.restored, told.restored) == (second.waived, second.waived)
    assert (told.kind, told.returns_to) == (InstructionKind.RESTORE_TERMS, first.agreement_id)
    assert told.schedules == first.schedules
    assert [rate.debt_id for rate in told.rates] == ["A-1", "A-2"]
    assert (told.collection, told.agents) == (CollectionOrder.STOP, True)
    assert told.credit_status == "renegotiated"
    state = gone.state
    assert (state.status, state.live.agreement_id) == (AgreementStatus.IN_FORCE, first.agreement_id)
    assert state.live.before is None
    assert refused(gone.when(withdrawal(second.agreement_id, 8))) is ReasonCode.WITHDRAWN_IN_TIME


def test_where_a_signature_stops_no_collection_its_return_does_not_either() -> None:
    _, step = amended(agreement__stop_collection_on_sign=False)
    told = step.when(withdrawal(step.last(AgreementSigned).agreement_id, 8)).last(BankInstructed)
    assert (told.collection, told.agents) == (None, False)


def test_of_a_first_plan_the_bank_is_told_what_the_record_says_again() -> None:
    """It heard of terms and collection alone, and went on reporting a plan that nobody has any more."""
    live = in_force(agreement__cooling_off_days=DAYS, reporting__status_when_withdrawn="R5")
    gone = withdrawal(live.last(AgreementSigned).agreement_id, 8)
    told = live.when(gone).last(BankInstructed)
    assert (told.kind, told.credit_status, told.settled) == (InstructionKind.RESTORE_TERMS, "R5", ())
    assert refused(live.when(gone).when(gone)) is ReasonCode.WITHDRAWN_IN_TIME


def test_of_a_first_plan_the_rates_return_less_what_has_vested() -> None:
    """Where nobody recorded the receipt of the documents one may withdraw for as long as a reward takes."""
    live = in_force(agreement__cooling_off_days=DAYS)
    gone = withdrawal(live.last(AgreementSigned).agreement_id, 8)
    assert live.when(gone).last(BankInstructed).rates == (), "the bank knows its contracts"
    row = InstalmentTotal(number=2, due=after(40), total=cny("90.00"))
    granted = RewardGranted(
        reward="lower_rate", after_instalment=1, rate_cut_pct=Decimal(25), instalments=(row,)
    )
    told = live.when(message(granted, after(4)), gone).last(BankInstructed)
    assert {one.debt_id: one.annual_rate_pct for one in told.rates} == {
        one.debt_id: one.annual_rate_pct * Decimal("0.75") for one in DEBTS
    }
    assert told.rate_cut_pct is None, "these are the rates that hold, as after a breach"


def test_a_debt_that_was_paid_before_the_withdrawal_is_not_reported_as_late() -> None:
    rules = {"agreement__cooling_off_days": DAYS}
    said = agreed(1, **rules)
    debts = tuple(one.model_copy(update={"waived": balances()}) if one.debt_id == "A-1" else one
                  for one in said.plan.debts)  # fmt: skip
    said = said.model_copy(update={"plan": said.plan.model_copy(update={"debts": debts, "payments": ()})})
    table = given(AgreementDecider(), reference(**rules)).when(message(case_opened(*DEBTS), sequence=1))
    live = signed_by(table.when(message(said)), *BOTH).closes(after(2))
    signed = live.last(AgreementSigned)
    assert [one.debt_id for one in signed.waived] == ["A-2"]
    paid = tuple(debt(one, outstanding=balances(), overdue=balances()) for one in ("A-1", "A-2"))
    step = live.when(message(changed(*paid), after(7), sequence=9))
    told = step.when(withdrawal(signed.agreement_id, 8)).last(BankInstructed)
    assert told.credit_status == "overdue", "of what was waived something is owed again"
    assert [(one.debt_id, one.credit_status) for one in told.settled] == [("A-1", "settled")]


def test_a_debt_that_was_not_late_before_the_plan_is_not_reported_as_if_it_had_been() -> None:
    rules = {"agreement__cooling_off_days": DAYS, "reporting__status_when_not_late": "R1"}
    kept = debt("A-2", outstanding=DEBTS[1].outstanding, overdue=balances(), days=0)
    table = given(AgreementDecider(), reference(**rules))
    table = table.when(message(case_opened(DEBTS[0], kept), sequence=1))
    live = signed_by(table.when(message(agreed(1, (DEBTS[0], kept), **rules))), *BOTH).closes(after(2))
    told = live.when(withdrawal(live.last(AgreementSigned).agreement_id, 8)).last(BankInstructed)
    assert told.credit_status == "overdue"
    assert [(one.debt_id, one.credit_status) for one in told.records] == [("A-2", "R1")]
    # What is shown under the plan is no state of its own: the other debt is late again.
    shown = debt("A-1", overdue=balances(), days=0)
    again = live.when(message(changed(shown, kept), after(7), sequence=9))
    told = again.when(withdrawal(live.last(AgreementSigned).agreement_id, 8)).last(BankInstructed)
    assert [one.debt_id for one in told.records] == ["A-2"]
    # One that is paid by then is settled, whatever it was before: nothing of it was waived.
    paid = debt("A-2", outstanding=balances(), overdue=balances(), days=0)
    signed = live.last(AgreementSigned)
    assert "A-2" not in {one.debt_id for one in signed.waived}
    gone = live.when(message(changed(DEBTS[0], paid), after(7), sequence=9))
    told = gone.when(withdrawal(signed.agreement_id, 8)).last(BankInstructed)
    assert ([one.debt_id for one in told.settled], told.records) == (["A-2"], ())


def test_a_lower_rate_that_had_vested_holds_again_with_the_agreement_before() -> None:
    """The bank was told the schedules as they were signed alone, and asked for more than is owed."""
    rows = tuple(
        InstalmentTotal(number=n, due=after(days), total=cny("90.00")) for n, days in ((1, 7), (2, 40))
    )
    granted = RewardGranted(
        reward="lower_rate", after_instalment=1, rate_cut_pct=Decimal(25), instalments=rows
    )
    first, step = amended(message(granted, after(4)))
    gone = step.when(withdrawal(step.last(AgreementSigned).agreement_id, 8))
    told = gone.last(BankInstructed)
    assert told.instalments == rows[1:]
    assert told.rate_cut_pct == 25
    assert (told.schedules, told.rates) == (first.schedules, first.rates)


def test_the_earlier_agreement_may_be_withdrawn_from_too_in_its_own_time() -> None:
    first, step = amended()
    back = step.when(withdrawal(step.last(AgreementSigned).agreement_id, 8))
    over = back.when(withdrawal(first.agreement_id, 2 + DAYS))
    assert over.last(AgreementEnded).returns_to is None
    assert over.state.live is None
    late = back.when(withdrawal(first.agreement_id, 3 + DAYS))
    assert refused(late) is ReasonCode.WITHDRAWAL_TOO_LATE


def test_a_later_version_follows_the_one_that_was_withdrawn_from() -> None:
    _, step = amended()
    back = step.when(withdrawal(step.last(AgreementSigned).agreement_id, 8))
    third = back.when(message(agreed(2).model_copy(update={"offer_id": "O-3"}), after(9)))
    assert third.last(AgreementDrafted).version == 3


# -- who follows it ------------------------------------------------------------------------------------------


def followed(**overrides: Any) -> tuple[AgreementSigned, Given, Given]:
    first, step = amended(**overrides)
    start = given(FollowupDecider(), reference(**PLAIN | overrides))
    plan = start.when(message(case_opened(*DEBTS)), message(first, first.effective))
    for n in range(2, 6):
        plan = plan.closes(after(n))
    return first, step, plan.when(message(step.last(AgreementSigned), after(6)))


def payment(amount: Money, on: date, number: int) -> Any:
    data = PaymentMatched(
        payment_id=f"p-{number}", amount=amount, value_date=on, allocations=(), unallocated=cny("0.00")
    )
    return message(data, on)


def test_followup_goes_on_with_the_plan_before_the_amendment_and_counts_what_was_paid() -> None:
    first, step, plan = followed()
    second = step.last(AgreementSigned)
    paid_before = payment(first.instalments[0].total, after(4), 1)
    # What came before the amendment counts for the plan of then, and is not forgotten meanwhile.
    assert plan.state.plan.agreement_id == second.agreement_id
    plan = plan.when(paid_before).closes(after(6))
    paid_since = payment(first.instalments[1].total, after(7), 2)
    plan = plan.when(paid_since).closes(after(7))
    ended = step.when(withdrawal(second.agreement_id, 8)).last(AgreementEnded)
    back = plan.when(message(ended, after(8)))
    assert (back.state.status, back.state.plan.agreement_id) == (FollowupStatus.LIVE, first.agreement_id)
    assert back.state.earlier == ()
    day = after(8)
    said: list[Any] = []
    while day <= first.instalments[1].due:
        back = back.closes(day)
        said += back.said
        day += timedelta(days=1)
    lines = back.state.plan.lines
    assert [line.state for line in lines[:2]] == [LineState.PAID, LineState.PAID]
    assert not [event for event in said if isinstance(event, InstalmentMissed | PlanBroken)]


def test_what_the_earlier_plan_asked_for_meanwhile_breaks_nothing() -> None:
    first, step, plan = followed(agreement__cooling_off_days=120)
    second = step.last(AgreementSigned)
    day = after(6)
    while day < first.instalments[0].due + timedelta(days=8):
        plan = plan.closes(day)
        day += timedelta(days=1)
    ended = step.when(withdrawal(second.agreement_id, (day - after(0)).days)).last(AgreementEnded)
    back = plan.when(message(ended, day)).closes(day)
    missed = [event for event in back.said if isinstance(event, InstalmentMissed)]
    assert missed
    assert all(event.shielded for event in missed)
    assert back.state.status is FollowupStatus.LIVE


def test_once_the_days_to_withdraw_are_over_nothing_of_the_earlier_plan_is_kept() -> None:
    first, _, plan = followed()
    plan = plan.when(payment(first.instalments[0].total, after(4), 1))
    assert plan.state.received
    day = after(6)
    while day <= first.instalments[1].due + timedelta(days=10):
        plan = plan.closes(day)
        day += timedelta(days=1)
    assert plan.state.earlier == ()
    assert not plan.state.received


def test_without_days_to_withdraw_no_earlier_plan_is_kept() -> None:
    _, _, plan = followed(agreement__cooling_off_days=0)
    assert plan.state.earlier == ()


def test_offer_knows_that_a_plan_is_in_force_still() -> None:
    first, step = amended()
    talks = given(OfferDecider(), reference()).when(message(case_opened(*DEBTS), sequence=1))
    talks = talks.when(message(assessed("2500.00")), message(first, first.effective))
    talks = talks.when(message(step.last(AgreementSigned), after(6)))
    ended = step.when(withdrawal(step.last(AgreementSigned).agreement_id, 8)).last(AgreementEnded)
    assert talks.when(message(ended, after(8))).state.status is OfferStatus.AGREED
    assert talks.when(message(ended, after(8))).state.live
    alone = ended.model_copy(update={"returns_to": None})
    assert talks.when(message(alone, after(8))).state.status is OfferStatus.ENDED


# -- from when the days count --------------------------------------------------------------------------------


def received(agreement_id: str, n: int) -> Any:
    return message(desk_talks.DocumentsReceived(agreement_id=agreement_id, channel="post"), after(n))


EU = {"agreement__cooling_off_days": DAYS, "cooling_off__counted_from": "documents_received"}


@pytest.mark.parametrize(
    ("arrives", "day", "in_time"),
    [(None, 300, True), (10, 10 + DAYS, True), (10, 11 + DAYS, False), (1, 3 + DAYS, False)],
)
def test_the_days_count_from_the_documents_where_the_pack_says_so(
    arrives: int | None, day: int, in_time: bool
) -> None:
    step = in_force(**EU)
    signed = step.last(AgreementSigned)
    assert (signed.may_withdraw, signed.withdraw_until) == (True, None)
    if arrives is not None:
        step = step.when(received(signed.agreement_id, arrives))
    gone = step.when(withdrawal(signed.agreement_id, day))
    if in_time:
        assert gone.emits(AgreementEnded, BankInstructed)
    else:
        assert refused(gone) is ReasonCode.WITHDRAWAL_TOO_LATE


def test_documents_that_arrive_before_the_signature_count_from_the_signature() -> None:
    drafted = in_force(**EU).state  # the same draft, signed
    agreement_id = drafted.live.agreement_id
    start = given_draft().when(received(agreement_id, 1))
    signed = signed_by(start_with(start), *BOTH).closes(after(2)).last(AgreementSigned)
    assert signed.withdraw_until == after(2 + DAYS)
    unknown = given_draft().when(received("nobody-s", 1)).closes(after(1))
    assert refused(unknown) is ReasonCode.AGREEMENT_UNKNOWN


def given_draft() -> Given:
    from tests.unit.agreement.test_decide import drafted

    return drafted(**EU)


def start_with(step: Given) -> Given:
    """The draft is not said again when the documents arrive."""
    from dataclasses import replace

    return replace(step, said=given_draft().said)
