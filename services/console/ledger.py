"""The money half of the reconciliation: from what was published and what intake's documents hold.

For every debt and component: opening + charges + corrections = paid + waived + outstanding. What was paid is
added up again from the published allocations, what was waived from the agreements and rewards, and every
payment of the bank must have been allocated to the last cent or be waiting for a case.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from services.console.reconcile import Check
from shared.contracts import agreement, bank, followup, intake
from shared.contracts.debts import Allocation, Balances, DebtLedger
from shared.contracts.envelope import Envelope
from shared.lending.money import Money

__all__ = ["FIGURES", "DebtLine", "MoneyAudit"]

COMPONENTS = ("principal", "interest", "fees", "late_charges")
FIGURES = ("opening", "charges", "corrections", "paid", "waived", "outstanding")


@dataclass(frozen=True, slots=True)
class DebtLine:
    """One debt at the end, in totals: opening + charges + corrections = paid + waived + outstanding."""

    debt: str
    opening: Money
    charges: Money
    corrections: Money
    paid: Money
    waived: Money
    outstanding: Money


_OPEN = "open"
_Key = tuple[str, str]  # case and debt
_Sums = defaultdict[_Key, dict[str, int]]


def _nothing() -> dict[str, int]:
    return dict.fromkeys(COMPONENTS, 0)


class MoneyAudit:
    """Sees every message once, in the order of its topic; then checks."""

    def __init__(self) -> None:
        self._ledgers: dict[_Key, DebtLedger] = {}
        self._paid: _Sums = defaultdict(_nothing)
        self._waived: _Sums = defaultdict(_nothing)
        self._received: dict[tuple[str, str], dict[str, Money]] = {}  # by the message that told it
        self._refused: set[tuple[str, str]] = set()
        self._returned: dict[tuple[str, str], Money] = {}
        self._matched: dict[tuple[str, str], Money] = {}
        self._taken: dict[tuple[str, str], Money] = {}
        self._ids: set[tuple[str, str]] = set()
        self._undecided: set[tuple[str, str]] = set()
        self._opened: dict[str, Money] = {}
        self._uneven: list[str] = []
        self.lines: list[DebtLine] = []

    def saw(self, message: Envelope[Any], *, undecided: bool = False) -> None:
        """Take note of a message; one that was published twice counts once.

        `undecided`: intake has dead-lettered it, so that a payment may be nowhere yet.
        """
        data, at = message.data, (message.source, message.id)
        if at in self._ids:
            return
        match data:
            case bank.PaymentReceived():
                told = self._received.setdefault((message.key, data.payment_id), {})
                told.setdefault(message.id, data.amount)
                if undecided:
                    self._undecided.add((message.key, data.payment_id))
            case bank.PaymentReversed():
                self._returned.setdefault((message.key, data.reversal_id), data.amount)
            case intake.CaseOpened():
                for debt in data.debts:
                    self._opened[debt.debt_id] = Money(
                        _total(debt.outstanding), debt.outstanding.principal.currency
                    )
            case intake.PaymentMatched():
                self._matched[message.key, data.payment_id] = data.amount
                self._even(data.payment_id, data.allocations, data.unallocated, data.amount)
                # Also where the bank's figure held it already: paid, and corrected by as much.
                self._add(self._paid, message, ((a.debt_id, a.amounts) for a in data.allocations), +1)
            case intake.InputRefused():
                self._refused.add((message.key, data.cause_id))
            case intake.PaymentTakenBack():
                self._taken[message.key, data.reversal_id] = data.amount
                self._add(self._paid, message, ((a.debt_id, a.amounts) for a in data.allocations), -1)
            case agreement.AgreementSigned() | followup.RewardGranted():
                self._add(self._waived, message, ((w.debt_id, w.amounts) for w in data.waived), +1)
            case agreement.BankInstructed() if data.returns_to == data.agreement_id:
                self._add(self._waived, message, ((w.debt_id, w.amounts) for w in data.waived), +1)
            case agreement.AgreementEnded():
                self._add(self._waived, message, ((w.debt_id, w.amounts) for w in data.restored), -1)
            case _:
                pass
        for ledger in getattr(data, "ledgers", ()):
            self._ledgers[message.case, ledger.debt_id] = ledger
        self._ids.add(at)

    def _even(self, payment: str, parts: Iterable[Allocation], rest: Money, amount: Money) -> None:
        total = rest.minor + sum(_total(part.amounts) for part in parts)
        if total != amount.minor:
            self._uneven.append(
                f"payment {payment}: its parts add up to {total}, not {amount.minor} minor units"
            )

    @staticmethod
    def _add(sums: _Sums, message: Envelope[Any], parts: Iterable[tuple[str, Balances]], sign: int) -> None:
        for debt, amounts in parts:
            row = sums[message.case, debt]
            for name in COMPONENTS:
                row[name] += sign * getattr(amounts, name).minor

    async def check(self, documents: AsyncIterator[Mapping[str, Any]]) -> Check:
        """Check everything that was seen, and intake's documents against it."""
        check = Check("money")
        for finding in self._uneven:
            check.found(finding)
        stored: dict[str, dict[str, int]] = {}
        waiting: set[tuple[str, str]] = set()
        async for document in documents:
            state = document.get("state")
            if state is None:
                continue
            for debt in state["debts"]:
                if (
                    state["status"] == _OPEN
                ):  # what is said of a closed case is kept on file and not published
                    stored[debt["debt_id"]] = {
                        name: _sum(debt[name]) for name in FIGURES if name != "outstanding"
                    }
            waiting |= {(document["_id"], p["payment_id"]) for p in state["payments"] if p["episode"] is None}
        self._check_ledgers(check, stored)
        self._check_payments(check, waiting)
        return check

    def _check_ledgers(self, check: Check, stored: Mapping[str, Mapping[str, int]]) -> None:
        latest: dict[str, DebtLedger] = {}
        for (case, debt), ledger in self._ledgers.items():
            check.looked_at += 1
            latest[debt] = ledger
            for name in COMPONENTS:
                figure = {figure: getattr(getattr(ledger, figure), name).minor for figure in FIGURES}
                left = figure["opening"] + figure["charges"] + figure["corrections"]
                right = figure["paid"] + figure["waived"] + figure["outstanding"]
                if left != right:
                    check.found(f"case {case}, {name} of a debt: {left} is not {right} minor units")
                for what, sums in (("paid", self._paid), ("waived", self._waived)):
                    if figure[what] != sums[case, debt][name]:
                        check.found(
                            f"case {case}, {name} of a debt: {what} {figure[what]} in the ledger,"
                            f" {sums[case, debt][name]} in the events"
                        )
        for debt, ledger in sorted(latest.items()):
            totals = {figure: _total(getattr(ledger, figure)) for figure in FIGURES}
            kept = stored.get(debt)
            if kept is not None and any(kept[name] != totals[name] for name in kept):
                check.found(f"a debt's document says {dict(kept)}, its last event {totals}")
            currency = ledger.opening.principal.currency
            self.lines.append(DebtLine(debt, *(Money(totals[name], currency) for name in FIGURES)))
        for debt, opening in sorted(self._opened.items()):
            if debt not in latest:  # nothing has happened to it since its case was opened
                none = Money.zero(opening.currency)
                self.lines.append(DebtLine(debt, opening, none, none, none, none, opening))

    def _check_payments(self, check: Check, waiting: set[tuple[str, str]]) -> None:
        somewhere = waiting | self._undecided
        for (customer, payment), told in self._received.items():
            check.looked_at += 1
            # What intake has refused is on file as refused, and no money; it may be told rightly later.
            amounts = [amount for id_, amount in told.items() if (customer, id_) not in self._refused]
            if not amounts:
                continue
            amount = amounts[0]
            matched = self._matched.get((customer, payment))
            if matched is None and (customer, payment) not in somewhere:
                check.found(f"payment {payment} was received and is nowhere")
            elif matched is not None and matched != amount:
                check.found(f"payment {payment}: {amount} was received, {matched} was matched")
        for (customer, reversal), amount in self._returned.items():
            check.looked_at += 1
            taken = self._taken.get((customer, reversal))
            if taken is not None and taken != amount:
                check.found(f"return {reversal}: {amount} was returned, {taken} was taken back")


def _total(amounts: Balances) -> int:
    return sum(getattr(amounts, name).minor for name in COMPONENTS)


def _sum(stored: Mapping[str, int] | list[int]) -> int:
    """Add up an amount by component as intake's document keeps it."""
    return sum(stored.values() if isinstance(stored, Mapping) else stored)
