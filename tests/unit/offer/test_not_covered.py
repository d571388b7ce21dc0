"""Debts of the case that no plan can be about: named with what is tabled, and anew when that changes."""

from __future__ import annotations

import pytest

from services.offer.basis import basis_of, not_covered, rests_on
from services.offer.decide import OfferDecider
from shared.contracts import desk
from shared.contracts.debts import DebtNotCovered, DebtStatus, NotCovered
from shared.contracts.intake import CaseChanged
from shared.contracts.offer import OfferAgreed, OfferTabled, OfferWithdrawn
from shared.contracts.reasons import ReasonCode
from tests.unit.builders import DAY, assessed, balances, case_opened, debt, message, reference
from tests.unit.offer.table import after
from tests.unit.spec import Given, given

WHY = {
    DebtStatus.SOLD: NotCovered.SOLD,
    DebtStatus.RECALLED: NotCovered.RECALLED,
    DebtStatus.ELSEWHERE: NotCovered.ELSEWHERE,
    DebtStatus.DISPUTED: NotCovered.STOPPED,
    DebtStatus.LITIGATION: NotCovered.STOPPED,
    DebtStatus.INSOLVENCY: NotCovered.STOPPED,
    DebtStatus.HELD: NotCovered.STOPPED,
    DebtStatus.ACTIVE: None,
    DebtStatus.CURED: None,
    DebtStatus.SETTLED: None,
}


def tabled(status: DebtStatus) -> Given:
    opened = case_opened(debt(), debt("Z-9", status=status), debt("B-2", status=DebtStatus.SOLD))
    start = given(OfferDecider(), reference()).when(message(opened, sequence=1))
    return start.when(message(assessed("2500.00")))


def becomes(step: Given, status: DebtStatus) -> Given:
    debts = (debt(), debt("Z-9", status=status), debt("B-2", status=DebtStatus.SOLD))
    said = CaseChanged(as_of=after(1), policy="example-card", policy_version="v", debts=debts)
    return step.when(message(said, after(1), sequence=2))


@pytest.mark.parametrize("status", DebtStatus)
def test_every_status_is_covered_or_named_with_its_reason(status: DebtStatus) -> None:
    plans = tabled(status).last(OfferTabled).plans
    why = WHY[status]
    named = (DebtNotCovered(debt_id="Z-9", why=why),) if why is not None else ()
    sold = DebtNotCovered(debt_id="B-2", why=NotCovered.SOLD)
    assert {plan.not_covered for plan in plans} == {(sold, *named)}
    covered = {one.debt_id for plan in plans for one in plan.debts}
    assert covered == ({"A-1", "Z-9"} if status is DebtStatus.ACTIVE else {"A-1"})


@pytest.mark.parametrize(
    ("was", "now", "again"),
    [
        (DebtStatus.DISPUTED, DebtStatus.LITIGATION, False),  # the same words: which it is, is not written
        (DebtStatus.DISPUTED, DebtStatus.SOLD, True),
        (DebtStatus.SOLD, DebtStatus.SETTLED, True),
        (DebtStatus.CURED, DebtStatus.SETTLED, False),
        (DebtStatus.CURED, DebtStatus.DISPUTED, True),
        (DebtStatus.ACTIVE, DebtStatus.DISPUTED, True),
    ],
)
def test_what_stands_names_what_is_so_or_is_tabled_again(
    was: DebtStatus, now: DebtStatus, again: bool
) -> None:
    before = tabled(was)
    step = becomes(before, now)
    if not again:
        assert step.said == ()
        return
    assert step.emits(OfferWithdrawn, OfferTabled)
    assert step.last(OfferWithdrawn).reason.code is ReasonCode.BALANCE_CHANGED
    named = {one.debt_id: one.why for one in step.last(OfferTabled).plans[0].not_covered}
    assert named.get("Z-9") == WHY[now]


def test_an_offer_of_an_older_version_that_named_none_can_still_be_accepted() -> None:
    step = tabled(DebtStatus.DISPUTED)
    offer = step.state.offer
    older = offer.basis.partition("-")[0]
    assert older != offer.basis
    before = step.state.model_copy(update={"offer": offer.model_copy(update={"basis": older})})
    free = next(plan for plan in step.last(OfferTabled).plans if not plan.needs_approval)
    wish = desk.OfferAccepted(offer_id=offer.offer_id, plan_id=free.plan_id, channel="app")
    assert Given(step.decider, step.reference, before).when(message(wish, DAY)).emits(OfferAgreed)


def test_the_basis_of_debts_that_are_all_covered_is_what_it_was() -> None:
    one, other = debt(), debt("Z-9", status=DebtStatus.DISPUTED)
    assert "-" not in basis_of([one])
    assert rests_on(basis_of([one]), [one, other])
    assert not rests_on(basis_of([one, other]), [one])
    assert not rests_on(basis_of([one]), [debt(outstanding=balances("11000.00"))])
    assert basis_of([one, other]) == basis_of([other, one])
    assert not_covered([one]) == ()
