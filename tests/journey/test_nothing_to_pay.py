"""Everything that is owed is waived: settled with the signature; nobody waits for a payment of nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from deploy.demo.bank import external
from services.agreement.model import AgreementStatus
from services.cli.catalogue import load_all
from services.followup.model import FollowupStatus
from shared.contracts import agreement, alert, bank, desk, followup, followup_care, intake, notice, offer
from shared.contracts.base import Event
from shared.contracts.debts import Balances, ProductKind
from shared.contracts.envelope import Envelope
from shared.lending.money import Money
from tests.journey.sequential import SequentialPlatform

CUSTOMER = "C-7"
START = date(2026, 1, 5)
ZERO = Money.parse("0.00", "CNY")


def cny(amount: str) -> Money:
    return Money.parse(amount, "CNY")


class Life:
    """One borrower, the desk and the bank: they say what they are asked for, the day after."""

    def __init__(self, *accounts: bank.AccountOverdue) -> None:
        self.platform = SequentialPlatform(load_all(optional=True))
        self.accounts = accounts
        self.day = START
        self._said = 0

    @property
    def story(self) -> list[Envelope[Any]]:
        return self.platform.published

    def events(self, *kinds: type[Event]) -> list[Any]:
        return [message.data for message in self.story if isinstance(message.data, kinds)]

    async def lives(self, days: int) -> None:
        await self._publish([self._bank(account) for account in self.accounts])
        for _ in range(days):
            await self.platform.close_day(self.day)
            self.day += timedelta(days=1)
            fresh, self._said = self.story[self._said :], len(self.story)
            await self._publish([answer for message in fresh for answer in self._answers(message)])

    async def _publish(self, messages: Sequence[Envelope[Any]]) -> None:
        await self.platform.publish(messages)

    def _bank(self, data: Event) -> Envelope[Any]:
        return external("/bank/core", CUSTOMER, self.day, data, str(self._said), str(id(data)))

    def _answers(self, message: Envelope[Any]) -> list[Envelope[Any]]:
        return [
            self._bank(data)
            if data.PRODUCER == "bank"
            else external("/desk", CUSTOMER, self.day, data, message.id, str(at), subject=message.subject)
            for at, data in enumerate(self._says(message.data))
        ]

    def _says(self, data: Event) -> list[Event]:
        match data:
            case intake.CaseOpened():
                return [_statement(self.day)]
            case offer.OfferTabled():
                free = next(plan for plan in data.plans if all(amount.is_zero for amount in plan.total_paid))
                return [desk.OfferAccepted(offer_id=data.offer_id, plan_id=free.plan_id, channel="app")]
            case offer.ApprovalRequested():
                return [
                    desk.ApprovalGranted(
                        request_id=data.request_id, by="desk-1", role=data.role, reason="not worth asking for"
                    )
                ]
            case agreement.AgreementDrafted():
                return [_signature(data, party) for party in desk.SignatureParty]
            case agreement.BankInstructed():
                return [bank.InstructionConfirmed(instruction_id=data.instruction_id, as_of=self.day)]
        return []


def _statement(on: date) -> desk.StatementSubmitted:
    return desk.StatementSubmitted(
        as_of=on,
        income=(desk.IncomeItem(source=desk.IncomeSource.SALARY, monthly=cny("9000.00")),),
        spending=(desk.SpendingItem(category=desk.SpendingCategory.HOUSING, monthly=cny("2000.00")),),
        dependants=0,
        assets=(),
        other_debts=(),
    )


def _signature(data: agreement.AgreementDrafted, party: desk.SignatureParty) -> desk.SignatureGiven:
    return desk.SignatureGiven(
        agreement_id=data.agreement_id,
        version=data.version,
        content_hash=data.content_hash,
        party=party,
        channel="app",
        evidence="one-time-code",
        checked=("identity", "capacity"),
    )


def overdue(account: str, late: str, *, product: str = "cn-card") -> bank.AccountOverdue:
    """An account on which nothing is owed but late charges, which a plan may waive altogether."""
    owed = Balances(principal=ZERO, interest=ZERO, fees=ZERO, late_charges=cny(late))
    return bank.AccountOverdue(
        account_id=account,
        as_of=START,
        product=product,
        kind=ProductKind.CARD,
        days_past_due=70,
        outstanding=owed,
        overdue=owed,
        annual_rate_pct=Decimal("15"),
        contract_date=date(2023, 5, 4),
        language="en",
    )


@pytest.mark.parametrize("accounts", [("150.00",), ("150.00", "80.00")])
async def test_where_all_is_waived_it_is_settled_with_the_signature(accounts: tuple[str, ...]) -> None:
    life = Life(*(overdue(f"A-{n}", late) for n, late in enumerate(accounts)))
    await life.lives(40)
    assert life.platform.failures() == []
    (signed,) = life.events(agreement.AgreementSigned)
    assert all(row.total.is_zero for row in signed.instalments)
    # The plan is completed the day that it is signed, not on the due date of an instalment of nothing.
    (completed,) = life.events(agreement.AgreementCompleted)
    assert completed.as_of == signed.effective
    (letter,) = life.events(agreement.SettlementLetterIssued)
    assert letter.settlement is agreement.SettlementKind.FULL
    assert {debt.debt_id for debt in letter.forgiven} == {f"A-{n}" for n in range(len(accounts))}
    (closed,) = life.events(intake.CaseClosed)
    assert closed.reason is intake.CloseReason.PLAN_COMPLETED
    assert {debt.status.value for debt in closed.debts} == {"settled"}
    told = [one.kind for one in life.events(agreement.BankInstructed)]
    assert told == [agreement.InstructionKind.APPLY_PLAN, agreement.InstructionKind.PLAN_COMPLETED]
    # Nobody is asked for a payment, a review or a signature of anything else.
    said = Counter(type(message.data).__name__ for message in life.story)
    for kind in (
        followup.InstalmentMissed,
        followup.InstalmentLate,
        followup.ReviewDue,
        followup_care.BreachNoticed,
        alert.AlertRaised,
    ):
        assert said[kind.__name__] == 0, kind.__name__
    case = signed_case(life)
    assert life.platform.state("agreement", case).status is AgreementStatus.CLOSED
    assert life.platform.state("followup", case).status is FollowupStatus.CLOSED
    letters = [
        one for one in life.events(notice.NoticeDue) if one.kind is notice.NoticeKind.COMPLETION_LETTER
    ]
    assert letters


def signed_case(life: Life) -> str:
    return next(m.subject or "" for m in life.story if isinstance(m.data, agreement.AgreementSigned))
