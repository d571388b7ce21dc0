"""What a plan does to the credit record is said with the years that the pack has, and no others."""

from __future__ import annotations

from pathlib import Path

import pytest

import deploy
from services.offer.decide import OfferDecider
from shared.contracts.offer import OfferTabled
from shared.contracts.reasons import ReasonCode
from shared.policy.loader import PolicyBook
from shared.policy.rates import ReferenceRates
from shared.policy.reference import Reference
from shared.policy.testing import example_pack
from shared.texts import LANGUAGES, text
from tests.unit.builders import ROSTER, assessed, balances, case_opened, debt, message, reference
from tests.unit.spec import given

PACKS = Path(deploy.__file__).parent / "policies"
REFERENCE = Reference(PolicyBook.load(PACKS), ROSTER, {}, ReferenceRates.load(PACKS / "rates.toml"))


@pytest.mark.parametrize(
    ("pack", "params"),
    [
        ("cn-card", {"years_from_end": "5"}),
        ("cn-consumer-loan", {"years_from_end": "5"}),
        ("us-unsecured", {"years_from_start": "7"}),
        ("uk-unsecured", {}),
        ("tw-card", {}),
        ("eu-consumer", {}),
    ],
)
def test_how_long_what_was_overdue_stays_is_as_the_pack_says(pack: str, params: dict[str, str]) -> None:
    currency = REFERENCE.policies.pack(pack).info.currency
    owed, late = balances("9000.00", currency=currency), balances("800.00", currency=currency)
    one = debt(policy=pack, outstanding=owed, overdue=late, payment=None)
    step = given(OfferDecider(), REFERENCE).when(
        message(case_opened(one, policy=pack)), message(assessed("900.00", currency=currency))
    )
    plans = step.last(OfferTabled).plans
    said = [r for plan in plans for r in plan.reasons if r.code is ReasonCode.RECORD_RENEGOTIATED]
    assert said
    for reason in said:
        assert reason.params == params
        for lang in LANGUAGES:
            words = text(reason.code, reason.params, lang)
            assert all(years in words for years in params.values())


def test_debts_whose_packs_differ_in_it_are_given_no_years() -> None:
    packs = [
        example_pack({"id": name}, reporting__overdue_kept_years=years)
        for name, years in (("example-card", 5), ("example-loan", 6))
    ]
    for loan, params in (("example-card", {"years_from_end": "5"}), ("example-loan", {})):
        debts = debt(), debt("A-2", policy=loan)
        start = given(OfferDecider(), reference(*packs))
        step = start.when(message(case_opened(*debts)), message(assessed("2500.00")))
        said = [reason for plan in step.last(OfferTabled).plans for reason in plan.reasons]
        assert {tuple(r.params.items()) for r in said if r.code is ReasonCode.RECORD_RENEGOTIATED} == {
            tuple(params.items())
        }
