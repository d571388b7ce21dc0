"""A joint debt: the co-borrower signs beside the borrower, stays silent, or is waited for by the pack."""

from __future__ import annotations

import re
import shutil
from decimal import Decimal
from pathlib import Path

import pytest

from services.agreement.model import AgreementStatus
from services.cli.catalogue import load_all, policies_dir
from shared.contracts import (
    agreement,
    bank,
    desk,
    desk_parties,
    followup,
    followup_care,
    intake,
    notice,
    offer,
)
from shared.contracts.base import Event
from shared.contracts.debts import Balances
from shared.contracts.parties import ObligorRole, party_id_of
from shared.contracts.reasons import ReasonCode
from tests.journey.sequential import SequentialPlatform
from tests.journey.test_nothing_to_pay import CUSTOMER, ZERO, Life, cny, overdue

WIFE = "C-8"
OBLIGORS = (
    bank.Obligor(customer=CUSTOMER, role=ObligorRole.BORROWER),
    bank.Obligor(customer=WIFE, role=ObligorRole.CO_BORROWER),
)
DAYS = 40
# As many more as two missed instalments, the notice and the time to cure take; of these the last in the pack.
BREACHES = 110
CURE = 14


def joint() -> bank.AccountOverdue:
    owed = Balances(principal=cny("9000.00"), interest=cny("300.00"), fees=ZERO, late_charges=ZERO)
    late = Balances(principal=cny("900.00"), interest=cny("300.00"), fees=ZERO, late_charges=ZERO)
    told = overdue("A-1", "0.00").model_copy(update={"outstanding": owed, "overdue": late})
    return told.model_copy(update={"obligors": OBLIGORS, "annual_rate_pct": Decimal(12)})


class Joint(Life):
    """The borrower and the lender sign what is drafted; the co-borrower does, or says nothing."""

    def __init__(self, policies: Path, *, signs: bool) -> None:
        super().__init__(joint())
        self.platform = SequentialPlatform(load_all(policies=policies, optional=True))
        self._signs = signs

    def _says(self, data: Event) -> list[Event]:
        match data:
            case offer.OfferTabled():
                return [
                    desk.OfferAccepted(offer_id=data.offer_id, plan_id=data.plans[0].plan_id, channel="app")
                ]
            case agreement.AgreementDrafted():
                word = desk_parties.CoBorrowerSigned(
                    party_id=party_id_of(WIFE),
                    agreement_id=data.agreement_id,
                    version=data.version,
                    content_hash=data.content_hash,
                    channel="app",
                    evidence="one-time-code",
                    checked=("identity", "capacity"),
                )
                return [*super()._says(data), *([word] if self._signs else [])]
            case _:
                return super()._says(data)


def packs(folder: Path, value: str) -> Path:
    """The packs as they are, and of the card's what a co-borrower's signature is for."""
    copy = folder / "packs"
    shutil.copytree(policies_dir(), copy)
    card = copy / "cn-card.toml"
    text, changed = re.subn(
        r'(co_borrower_signs = \[\s*\{ value = )"may"', rf'\1"{value}"', card.read_text("utf-8")
    )
    assert changed == 1
    card.write_text(text, "utf-8")
    return copy


@pytest.mark.parametrize("value", ["may", "must"])
async def test_both_sign_and_the_bank_hears_that_both_are_bound(value: str, tmp_path: Path) -> None:
    life = Joint(packs(tmp_path, value), signs=True)
    await life.lives(DAYS)
    assert life.platform.failures() == []
    (signed,) = life.events(agreement.AgreementSigned)
    told = life.events(agreement.BankInstructed)[0]
    assert told.kind is agreement.InstructionKind.APPLY_PLAN
    assert (signed.bound, told.bound) == ((party_id_of(WIFE),), (party_id_of(WIFE),))
    assert life.events(intake.CaseOpened)[0].debts[0].obligors[0].party_id == party_id_of(WIFE)


async def test_who_is_bound_is_to_be_told_of_a_breach_and_its_notice_with_all_the_time_to_cure(
    tmp_path: Path,
) -> None:
    """Nobody pays: the notice goes to the borrower, and the co-borrower had no word of it."""
    life = Joint(packs(tmp_path, "may"), signs=True)
    await life.lives(DAYS + BREACHES)
    assert life.platform.failures() == []
    noticed, broken = life.events(followup_care.BreachNoticed), life.events(followup.PlanBroken)
    asked = [one for one in life.events(followup_care.ProblemOpened) if one.party_id is not None]
    assert (bool(noticed), bool(broken)) == (True, True)
    assert {one.party_id for one in asked} == {party_id_of(WIFE)}
    assert {(one.about, one.opened_on) for one in asked} == {
        *(("tell_co_borrower_of_breach_notice", one.as_of) for one in noticed),
        *(("tell_co_borrower_plan_is_broken", one.as_of) for one in broken),
    }
    last = {one.opened_on: one.due for one in asked}
    assert all((one.cure_by - last[one.as_of]).days >= CURE for one in noticed)
    assert {one.recipient for one in life.events(notice.NoticeDue)} == {"borrower"}


async def test_a_silent_co_borrower_holds_nothing_up_and_is_not_bound(tmp_path: Path) -> None:
    life = Joint(packs(tmp_path, "may"), signs=False)
    await life.lives(DAYS)
    assert life.platform.failures() == []
    (signed,) = life.events(agreement.AgreementSigned)
    told = life.events(agreement.BankInstructed)[0]
    assert (signed.bound, told.bound) == ((), ())


async def test_where_the_pack_says_must_silence_ends_the_draft_and_the_bank_hears_nothing(
    tmp_path: Path,
) -> None:
    life = Joint(packs(tmp_path, "must"), signs=False)
    await life.lives(DAYS)
    assert life.platform.failures() == []
    drafted = life.events(agreement.AgreementDrafted)[0]
    assert drafted.must_sign == (party_id_of(WIFE),)
    back = life.events(agreement.AgreementReturned)[0]
    assert (back.agreement_id, back.as_of) == (drafted.agreement_id, drafted.sign_by)
    assert back.reason.code is ReasonCode.SIGN_BY_PASSED
    assert life.events(agreement.AgreementSigned, agreement.BankInstructed) == []
    case = next(m.subject or "" for m in life.story if isinstance(m.data, agreement.AgreementReturned))
    assert life.platform.state("agreement", case).status is not AgreementStatus.IN_FORCE
