"""Concessions on condition: bound by the document, told before a breach, and taken back only by one."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from services.followup.decide import FollowupDecider
from services.intake.decide import IntakeDecider
from shared.contracts import intake
from shared.contracts.agreement import (
    AgreementCompleted,
    AgreementDrafted,
    AgreementEnded,
    AgreementSigned,
    BankInstructed,
    InstructionKind,
    SettlementKind,
    SettlementLetterIssued,
    WaivedDebt,
)
from shared.contracts.debts import Balances, DebtStatus
from shared.contracts.followup import PlanBroken
from shared.contracts.followup_care import BreachNoticed
from shared.contracts.plan_terms import total_of
from shared.lending.money import Money
from tests.unit.agreement.test_decide import (
    BOTH,
    DEBTS,
    after,
    agreed,
    broken,
    completed,
    drafted,
    signed_by,
)
from tests.unit.agreement.test_withdrawal import withdrawal
from tests.unit.builders import case_opened, message, reference
from tests.unit.builders import signed as plan_signed
from tests.unit.followup.plans import PLAIN, ROWS, lives_to
from tests.unit.intake.bank_says import day, overdue
from tests.unit.intake.bank_says import signed as known_signed
from tests.unit.spec import Given, given

WAIVES = next(r for r in range(1, 6) if any(total_of(d.waived).is_positive for d in agreed(r).plan.debts))
ON = {"agreement__returns_on_breach": ["interest", "rate"]}


def live(**overrides: Any) -> Given:
    return signed_by(drafted(WAIVES, **overrides), *BOTH).closes(after(2))


def sum_of(rows: tuple[WaivedDebt, ...], part: str) -> int:
    return sum(getattr(row.amounts, part).minor for row in rows)


def breaks(step: Given, cut: str = "0") -> Given:
    said = broken(step.last(AgreementSigned).agreement_id)
    return step.when(message(said.model_copy(update={"rate_cut_pct": Decimal(cut)}), after(90)))


def test_the_document_binds_what_returns_and_the_rates_with_it() -> None:
    terms = drafted(WAIVES, **ON).last(AgreementDrafted).terms
    assert terms is not None
    assert terms.returns_on_breach == ("interest", "rate")
    plan = drafted(WAIVES, **ON).last(AgreementDrafted).plan
    rates = {debt.debt_id: debt.annual_rate_pct for debt in DEBTS}
    cut = {d.debt_id: rates[d.debt_id] for d in plan.debts if d.annual_rate_pct < rates[d.debt_id]}
    assert cut, "the example cuts a rate"
    assert {rate.debt_id: rate.annual_rate_pct for rate in terms.contract_rates or ()} == cut
    plain = drafted(WAIVES).last(AgreementDrafted)
    assert plain.terms is not None
    assert (plain.terms.returns_on_breach, plain.terms.contract_rates) == ((), ())
    assert plain.content_hash != drafted(WAIVES, **ON).last(AgreementDrafted).content_hash


def test_after_a_breach_exactly_what_is_named_returns_and_the_bank_is_told() -> None:
    step = live(**ON)
    signed = step.last(AgreementSigned)
    assert sum_of(signed.returns, "interest") == sum_of(signed.waived, "interest") > 0
    assert sum_of(signed.returns, "late_charges") == 0 < sum_of(signed.waived, "late_charges")
    over = breaks(step)
    ended, told = over.last(AgreementEnded), over.last(BankInstructed)
    assert told.kind is InstructionKind.RESUME_COLLECTION
    assert ended.restored == told.restored == signed.returns
    assert told.rates == signed.rates_return != ()


def test_the_share_of_a_rate_that_vested_as_a_reward_stays_cut() -> None:
    step = live(**ON)
    rates = {rate.debt_id: rate.annual_rate_pct for rate in step.last(AgreementSigned).rates_return}
    told = breaks(step, "25").last(BankInstructed)
    assert {rate.debt_id: rate.annual_rate_pct for rate in told.rates} == {
        debt: rate * Decimal("0.75") for debt, rate in rates.items()
    }


def test_where_the_pack_grants_them_for_good_nothing_returns() -> None:
    over = breaks(live())
    assert over.last(AgreementEnded).restored == ()
    assert (over.last(BankInstructed).restored, over.last(BankInstructed).rates) == ((), ())


def test_once_completed_they_are_final() -> None:
    step = live(**ON)
    done = step.when(message(completed(step.last(AgreementSigned).agreement_id), after(300)))
    assert done.last(AgreementCompleted)
    assert done.last(BankInstructed).restored == ()
    assert done.when(message(broken(step.last(AgreementSigned).agreement_id), after(301))).said == ()


def test_an_amendment_ends_the_conditions_of_the_agreement_before_it() -> None:
    first = live(**ON)
    again = agreed(2).model_copy(update={"offer_id": "O-2"})
    step = first.when(message(again, after(5)))
    second = signed_by(step, *BOTH, day=after(6)).closes(after(6))
    signed = second.last(AgreementSigned)
    assert signed.version == 2
    assert breaks(second).last(AgreementEnded).restored == signed.returns


def test_a_withdrawal_still_takes_back_all_that_was_waived() -> None:
    step = live(**ON, agreement__cooling_off_days=14)
    signed = step.last(AgreementSigned)
    gone = step.when(withdrawal(signed.agreement_id, 8))
    assert gone.last(AgreementEnded).restored == signed.waived


def test_what_is_bound_does_not_change_with_the_pack() -> None:
    step = live(**ON)
    later = replace(step, reference=reference())
    assert breaks(later).last(AgreementEnded).restored == step.last(AgreementSigned).returns


# --- followup judges it, intake owes it again


def conditional() -> WaivedDebt:
    nothing = Money.zero("CNY")
    parts = Balances(principal=nothing, interest=Money(20000, "CNY"), fees=nothing, late_charges=nothing)
    return WaivedDebt(debt_id="A-1", amounts=parts)


@pytest.mark.parametrize("rates", [True, False])
def test_the_notice_of_a_breach_says_what_would_be_lost_and_the_breach_what_is(rates: bool) -> None:
    terms = live(**ON).last(AgreementSigned).rates_return if rates else ()
    data = plan_signed(*ROWS).model_copy(update={"returns": (conditional(),), "rates_return": terms})
    start = given(FollowupDecider(), reference(**PLAIN | {"breach__notice_required": True}))
    plan = start.when(message(case_opened()), message(data))
    lived = lives_to(plan, after(300))
    (noticed,) = [event for event in lived.said if isinstance(event, BreachNoticed)]
    (over,) = [event for event in lived.said if isinstance(event, PlanBroken)]
    assert noticed.returns == over.returns == (Money(20000, "CNY"),)
    assert noticed.rates_return is over.rates_return is rates
    plain = lives_to(start.when(message(case_opened()), message(plan_signed(*ROWS))), after(300))
    assert plain.last(BreachNoticed).returns == plain.last(PlanBroken).returns == ()


def test_intake_owes_it_again_once() -> None:
    waived = conditional().amounts
    start = given(IntakeDecider(), reference()).when(overdue(), known_signed(2, waived=waived))
    before = start.state.debt("A-1").outstanding.interest
    ended = AgreementEnded.model_validate(
        {
            "agreement_id": "AG-1",
            "as_of": day(90),
            "reason": {"code": "plan_broken"},
            "restored": (conditional(),),
        }
    )
    back = start.when(message(ended, day(90)))
    assert back.state.debt("A-1").outstanding.interest == before + 20000
    assert back.last(intake.CaseChanged).ledgers[0].waived == waived.model_copy(
        update={"interest": Money.zero("CNY")}
    )
    assert back.when(message(ended, day(91))).said == ()


def sells(step: Given, *debts: str, on: int = 50) -> Given:
    known = tuple(
        debt.model_copy(update={"status": DebtStatus.SOLD}) if debt.debt_id in debts else debt
        for debt in DEBTS
    )
    return step.when(message(intake.CaseChanged(as_of=after(on), debts=known), after(on)))


def test_a_breach_of_the_rest_takes_nothing_back_on_a_debt_that_was_sold() -> None:
    """It is the buyer's, whom the signed plan binds: only followup's part of the plan was broken."""
    step = live(**ON)
    signed = step.last(AgreementSigned)
    gone = signed.returns[0].debt_id
    sold = sells(step, gone)
    over, plain = (
        breaks(Given(one.decider, one.reference, one.state, (), step.said)) for one in (sold, step)
    )
    kept = tuple(one for one in plain.last(AgreementEnded).restored if one.debt_id != gone)
    assert over.last(AgreementEnded).restored == over.last(BankInstructed).restored == kept
    assert gone not in {rate.debt_id for rate in over.last(BankInstructed).rates}


def test_where_the_pack_lets_a_sold_debt_be_collected_here_all_of_it_returns() -> None:
    row = reference().policies.in_force("example-card", after(0)).stop_events.sold.model_dump(mode="json")
    step = live(**ON, stop_events__sold={**row, "stops": ["contact"]})
    signed = step.last(AgreementSigned)
    sold = sells(step, signed.returns[0].debt_id)
    over = breaks(Given(sold.decider, sold.reference, sold.state, (), step.said))
    assert over.last(AgreementEnded).restored == signed.returns


def test_the_letter_does_not_settle_what_is_owed_to_a_buyer() -> None:
    step = live()
    done = message(completed(step.last(AgreementSigned).agreement_id), after(300))
    letter = sells(step, "A-2").when(done).last(SettlementLetterIssued)
    assert letter.settlement is SettlementKind.PARTIAL
    assert letter.debts == ("A-1",)
    assert [one.debt_id for one in letter.surviving] == ["A-2"]
    assert [(one.debt_id, one.settlement) for one in letter.settled] == [("A-1", SettlementKind.FULL)]
    all_ = sells(step, "A-1", "A-2").when(done).last(SettlementLetterIssued)
    assert all_.debts == ("A-1", "A-2"), "paid here for the buyer"
