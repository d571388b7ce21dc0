"""Offers on the table, and what is said to them."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from services.offer.decide import OfferDecider
from shared.contracts import agreement, desk, followup, intake
from shared.contracts.base import Reason
from shared.contracts.debts import Allocation, DebtSnapshot
from shared.contracts.offer import (
    ApprovalRequested,
    InputRefused,
    OfferAgreed,
    OfferRevised,
    OfferTabled,
)
from shared.contracts.reasons import ReasonCode
from tests.unit.builders import DAY, assessed, balances, case_opened, cny, debt, message, reference
from tests.unit.spec import Given, given


def after(days: int) -> date:
    return DAY + timedelta(days=days)


def tabled(*debts: DebtSnapshot, now: str = "1500.00", **overrides: Any) -> Given:
    """A case whose offer of round 1 is on the table since DAY."""
    start = given(OfferDecider(), reference(**overrides))
    return start.when(message(case_opened(*debts), sequence=1), message(assessed(now)))


def accept(offer_id: str, plan_id: str) -> desk.OfferAccepted:
    return desk.OfferAccepted(offer_id=offer_id, plan_id=plan_id, channel="app")


def no_plan_wanted(offer_id: str) -> desk.OfferRejected:
    return desk.OfferRejected(offer_id=offer_id, reason=desk.RefusalReason.NO_PLAN_WANTED)


def changed(*debts: DebtSnapshot) -> intake.CaseChanged:
    return intake.CaseChanged(as_of=DAY, debts=debts)


def paid(left: DebtSnapshot) -> intake.PaymentMatched:
    part = Allocation(debt_id=left.debt_id, amounts=balances("100.00"))
    return intake.PaymentMatched(payment_id="p-1", amount=cny("100.00"), value_date=DAY, allocations=(part,),
                                 unallocated=cny("0.00"), debts=(left,))  # fmt: skip


LESS = debt(outstanding=balances("11900.00", "420.00", "60.00", "150.00"))


def plan_of(offer: OfferTabled | OfferRevised, *, approval: bool) -> str:
    return next(plan.plan_id for plan in offer.plans if plan.needs_approval is approval)


def refused(step: Given) -> ReasonCode:
    return step.last(InputRefused).reason.code


def counter(on: OfferTabled | OfferRevised, **wish: Any) -> desk.CounterOffered:
    return desk.CounterOffered(offer_id=on.offer_id, round=on.round, **wish)


def requested() -> tuple[Given, ApprovalRequested]:
    step = tabled()
    on = step.last(OfferTabled)
    asked = step.when(message(accept(on.offer_id, plan_of(on, approval=True)), after(1)))
    assert asked.emits(ApprovalRequested)
    return asked, asked.last(ApprovalRequested)


def grant(request: ApprovalRequested, role: str = "supervisor") -> desk.ApprovalGranted:
    return desk.ApprovalGranted(
        request_id=request.request_id, by="s-1", role=role, reason="it is sustainable"
    )


def deny(request: ApprovalRequested) -> desk.ApprovalRefused:
    return desk.ApprovalRefused(request_id=request.request_id, by="s-1", role="supervisor", reason="too much")


def agreed() -> tuple[Given, OfferAgreed]:
    step = tabled()
    on = step.last(OfferTabled)
    done = step.when(message(accept(on.offer_id, plan_of(on, approval=False)), after(1)))
    return done, done.last(OfferAgreed)


def returned(offer_id: str, code: ReasonCode) -> agreement.AgreementReturned:
    return agreement.AgreementReturned(
        agreement_id="a-1", version=1, offer_id=offer_id, as_of=after(2), reason=Reason(code=code)
    )


def signed(offer_id: str) -> agreement.AgreementSigned:
    return agreement.AgreementSigned(
        agreement_id="a-1", version=1, offer_id=offer_id, effective=after(2), schedules=(), instalments=(),
        content_hash="0" * 64, policy="example-card", policy_version="-",
    )  # fmt: skip


def live() -> Given:
    step, done = agreed()
    return step.when(message(signed(done.offer_id), after(2)))


def renegotiate(as_of: date) -> followup.RenegotiationRequested:
    reason = Reason(code=ReasonCode.NEW_DIFFICULTIES)
    return followup.RenegotiationRequested(agreement_id="a-1", as_of=as_of, reasons=(reason,))
