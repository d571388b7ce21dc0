"""What leaves the case's plans, at each moment of the way: intake, offer, agreement and followup together."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from itertools import count
from typing import Any

import pytest

from services.agreement.decide import AgreementDecider
from services.agreement.model import AgreementStatus
from services.followup.decide import FollowupDecider
from services.intake.decide import IntakeDecider
from services.offer.decide import OfferDecider
from services.offer.model import OfferStatus
from shared.contracts import desk
from shared.contracts.agreement import AgreementDrafted, AgreementEnded, AgreementReturned, AgreementSigned
from shared.contracts.base import Event
from shared.contracts.desk import SignatureParty
from shared.contracts.desk_parties import GuarantorAgreed
from shared.contracts.envelope import Envelope
from shared.contracts.followup import RenegotiationRequested
from shared.contracts.offer import OfferAgreed, OfferTabled, OfferWithdrawn
from shared.contracts.parties import StopCause
from tests.unit.builders import assessed, balances, message, reference
from tests.unit.intake.bank_says import day, lifted, overdue, recalled, sold, stopped
from tests.unit.spec import Given, given

# Few combinations, so that a search takes a millisecond; no plan needs approval.
REFERENCE = reference(
    measures__grace_months=[0], measures__step_ups=[], rate__cuts_pct=[0], waiver__max_overdue_pct={},
    measures__lump_sum_allowed=False, value__no_deal_recovery_pct=1,
)  # fmt: skip
READERS = {
    "intake": ("offer", "agreement", "followup"),
    "offer": ("agreement",),
    "agreement": ("intake", "offer", "followup"),
    "followup": ("intake", "offer", "agreement"),
}


@dataclass
class House:
    """Four services that hear each other at once."""

    intake: Given = field(default_factory=lambda: given(IntakeDecider(), REFERENCE))
    offer: Given = field(default_factory=lambda: given(OfferDecider(), REFERENCE))
    agreement: Given = field(default_factory=lambda: given(AgreementDecider(), REFERENCE))
    followup: Given = field(default_factory=lambda: given(FollowupDecider(), REFERENCE))
    said: list[Event] = field(default_factory=list)
    numbers: Any = field(default_factory=lambda: count(1))

    def tell(self, service: str, sent: Envelope[Any]) -> None:
        after = getattr(self, service).when(sent)
        setattr(self, service, after)
        self._spread(service, after.said, sent.day)

    def closes(self, on: date) -> None:
        for service in READERS:
            after = getattr(self, service).closes(on)
            setattr(self, service, after)
            self._spread(service, after.said, on)

    def _spread(self, service: str, events: tuple[Event, ...], on: date) -> None:
        for event in events:
            self.said.append(event)
            sent = message(event, on, sequence=next(self.numbers))
            for reader in READERS[service]:
                self.tell(reader, sent)

    def all(self, kind: type[Event]) -> list[Any]:
        return [event for event in self.said if isinstance(event, kind)]


SMALL = {"owed": balances("6000.00", "100.00"), "late": balances("600.00", "100.00")}


def opened() -> House:
    house = House()
    house.tell("intake", overdue(**SMALL))
    house.tell("intake", overdue("A-2", **SMALL))
    return house


def tabled() -> House:
    house = opened()
    house.tell("offer", message(assessed("3000.00"), day(1)))
    assert house.offer.state.status is OfferStatus.TABLED
    return house


def drafted() -> House:
    house = tabled()
    offer = house.all(OfferTabled)[-1]
    yes = desk.OfferAccepted(offer_id=offer.offer_id, plan_id=offer.plans[0].plan_id, channel="app")
    house.tell("offer", message(yes, day(2)))
    assert house.all(OfferAgreed)
    assert house.agreement.state.draft is not None
    return house


def live() -> House:
    house = drafted()
    draft = house.all(AgreementDrafted)[-1]
    for party in SignatureParty:
        signs = desk.SignatureGiven(
            agreement_id=draft.agreement_id, version=draft.version, content_hash=draft.content_hash,
            party=party, channel="app", evidence="code",
        )  # fmt: skip
        house.tell("agreement", message(signs, day(3)))
    house.closes(day(3))
    assert house.intake.state.plan is not None
    return house


LEAVES = [
    pytest.param(stopped(StopCause.DISPUTE, 4, "A-1"), id="dispute"),
    pytest.param(stopped(StopCause.IDENTITY_FRAUD, 4, "A-1"), id="identity fraud"),
    pytest.param(stopped(StopCause.LITIGATION, 4, "A-1"), id="litigation"),
    pytest.param(stopped(StopCause.INSOLVENCY, 4, "A-1"), id="insolvency"),
    pytest.param(recalled(4), id="recalled"),
]
SALE = pytest.param(sold(4), id="sold")


@pytest.mark.parametrize("fact", [*LEAVES, SALE])
def test_before_an_offer_it_is_not_tabled_over_such_a_debt(fact: Any) -> None:
    house = opened()
    house.tell("intake", fact)
    house.tell("offer", message(assessed("3000.00"), day(5)))
    assert [debt.debt_id for debt in house.all(OfferTabled)[-1].plans[0].debts] == ["A-2"]


@pytest.mark.parametrize("fact", [*LEAVES, SALE])
def test_in_mid_round_the_offer_is_taken_back_and_tabled_over_the_rest(fact: Any) -> None:
    house = tabled()
    first = house.all(OfferTabled)[-1]
    house.tell("intake", fact)
    assert house.all(OfferWithdrawn)[-1].offer_id == first.offer_id
    again = house.all(OfferTabled)[-1]
    assert (again.round, [debt.debt_id for debt in again.plans[0].debts]) == (first.round, ["A-2"])


@pytest.mark.parametrize("fact", [*LEAVES, SALE])
def test_a_draft_over_such_a_debt_is_not_signed(fact: Any) -> None:
    house = drafted()
    house.tell("intake", fact)
    assert house.all(AgreementReturned)
    assert [debt.debt_id for debt in house.all(OfferTabled)[-1].plans[0].debts] == ["A-2"]
    assert house.all(AgreementSigned) == []


@pytest.mark.parametrize("fact", LEAVES)
def test_on_a_live_plan_talks_begin_over_the_rest_and_the_plan_is_kept_until_a_new_one_is_signed(
    fact: Any,
) -> None:
    house = live()
    house.tell("intake", fact)
    assert len(house.all(RenegotiationRequested)) == 1
    assert house.agreement.state.status is AgreementStatus.IN_FORCE
    house.tell("offer", message(assessed("3000.00", version=2, as_of=day(6)), day(6)))
    again = house.all(OfferTabled)[-1]
    assert [debt.debt_id for debt in again.plans[0].debts] == ["A-2"]
    assert house.all(AgreementEnded) == []
    assert house.agreement.state.live is not None


def test_a_sale_of_every_debt_leaves_a_signed_plan_in_force_everywhere() -> None:
    house = live()
    house.tell("intake", sold(4))
    house.tell("intake", sold(5, "A-2"))
    house.closes(day(6))
    assert house.all(AgreementEnded) == []
    assert house.all(RenegotiationRequested) == []
    assert house.agreement.state.status is AgreementStatus.IN_FORCE
    assert house.intake.state.is_open
    assert house.intake.state.plan is not None
    assert house.followup.state.plan is not None


@pytest.mark.parametrize("cause", [StopCause.INSOLVENCY, StopCause.BREATHING_SPACE, StopCause.DEATH])
@pytest.mark.parametrize("moment", [opened, tabled, drafted, live])
def test_when_nothing_remains_the_talks_rest_and_go_on_when_it_ends(cause: StopCause, moment: Any) -> None:
    house = moment()
    house.tell("intake", stopped(cause, 4))
    tabled_before = len(house.all(OfferTabled))
    assert house.offer.state.offer is None or moment is live
    assert house.agreement.state.draft is None
    assert house.all(RenegotiationRequested) == []
    if moment is not live:
        house.tell("offer", message(assessed("3000.00", version=2), day(5)))
        assert len(house.all(OfferTabled)) == tabled_before, "nothing is offered to a protected person"
    house.tell("intake", lifted(9))
    if moment is live:
        assert house.agreement.state.status is AgreementStatus.IN_FORCE
        assert house.all(AgreementEnded) == []
    else:
        assert [d.debt_id for d in house.all(OfferTabled)[-1].plans[0].debts] == ["A-1", "A-2"]
        assert len(house.all(OfferTabled)) == tabled_before + 1


def test_a_guarantor_s_word_reaches_a_case_that_needs_none() -> None:
    house = drafted()
    draft = house.all(AgreementDrafted)[-1]
    word = GuarantorAgreed(
        party_id="party-x", agreement_id=draft.agreement_id, version=draft.version,
        content_hash=draft.content_hash, evidence="signed-paper",
    )  # fmt: skip
    before = house.agreement.state
    house.tell("agreement", message(word, day(2)))
    assert house.agreement.state == before
