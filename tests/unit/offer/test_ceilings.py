"""Debts of several packs in one plan: each keeps the ceiling on cost of its own pack."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from services.offer.decide import OfferDecider
from shared.contracts.debts import DebtFlow
from shared.contracts.offer import OfferTabled
from shared.policy.model import Pack
from shared.policy.testing import example_pack
from tests.unit.builders import assessed, balances, case_opened, cny, debt, message, reference
from tests.unit.spec import given


def pack(name: str, *all_in_pct: int) -> Pack:
    rows = [
        {"contract_from": date(2000, 1, 1), "lender_type": "bank", "all_in_pct": pct} for pct in all_in_pct
    ]
    return example_pack({"id": name}, rate__ceilings=rows, rate__cuts_pct=[0])


PACKS = (pack("example-card", 24), pack("strict-card", 20), pack("free-card"))
ADVANCE = DebtFlow(on=date(2022, 5, 4), amount=cny("-12000.00"))


def rates(*policies: str, untested: tuple[str, ...] = ()) -> tuple[dict[str, Decimal], set[str | None]]:
    """Give the highest rate of each debt, one under each pack, over all plans, and how they were tested."""
    debts = []
    for policy in policies:
        owed = debt(
            policy, policy=policy, rate="28", outstanding=balances("12000.00"), overdue=balances("0.00")
        )
        known = () if policy in untested else (ADVANCE,)
        debts.append(owed.model_copy(update={"history": known}))
    start = given(OfferDecider(), reference(*PACKS)).when(message(case_opened(*debts), sequence=1))
    plans = start.when(message(assessed("4000.00"))).last(OfferTabled).plans
    found = {
        policy: max(part.annual_rate_pct for plan in plans for part in plan.debts if part.debt_id == policy)
        for policy in policies
    }
    return found, {plan.ceiling_test for plan in plans}


def test_each_debt_keeps_the_ceiling_of_its_own_pack() -> None:
    found, tested = rates("example-card", "strict-card", "free-card")
    # All-in 24 % and 20 % a year are 21.7 % and 18.4 % when interest is reckoned monthly.
    assert Decimal("18.4") < found["example-card"] < Decimal("21.8")
    assert found["strict-card"] < Decimal("18.4")
    assert found["free-card"] == 28
    assert tested == {"tested"}


def test_a_debt_without_a_ceiling_needs_no_history() -> None:
    assert rates("example-card", "free-card", untested=("free-card",))[1] == {"tested"}
    assert rates("example-card", "free-card", untested=("example-card",))[1] == {"not_testable"}
    assert rates("free-card", untested=("free-card",))[1] == {"no_ceiling"}
