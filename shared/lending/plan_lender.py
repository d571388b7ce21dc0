"""How the lender values plans: discounting, how often plans break, and what comes without a deal."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from shared.lending.rates import NoDealPath


@dataclass(frozen=True, slots=True)
class RedefaultRow:
    """From a payment reduction of ``reduction_pct`` on (per cent; may be negative), plans break so often."""

    reduction_pct: Decimal
    probability: Decimal


@dataclass(frozen=True, slots=True)
class MarginRow:
    """From a stress margin of ``margin_pct`` on, a plan breaks so much more (or, negative, less) often."""

    margin_pct: Decimal
    added: Decimal


@dataclass(frozen=True, slots=True)
class LenderValue:
    """How the lender values a plan: discounting, the model of re-default, and the no-deal path.

    ``redefault`` ascends by payment reduction, and its first row holds below all of them too;
    ``unknown_probability`` holds where the old payment is not known. ``by_margin`` ascends by stress margin
    and is added to it; a margin below all rows adds what the first one does. ``model`` names the version of
    these figures. From ``substantial_pct`` per cent of change in present value on, a modification counts as
    substantial (IFRS 9 has 10).
    """

    discount_pct: Decimal
    redefault: tuple[RedefaultRow, ...]
    unknown_probability: Decimal
    payments_before_redefault: int
    redefault_recovery_pct: Decimal
    redefault_recovery_month: int
    no_deal: NoDealPath
    by_margin: tuple[MarginRow, ...] = ()
    model: str = "-"
    substantial_pct: Decimal = Decimal(10)

    def row_of(self, reduction_pct: Decimal | None) -> int | None:
        """Which row of the table a payment reduction falls into; None where it is not known."""
        if reduction_pct is None or not self.redefault:
            return None
        return max(sum(row.reduction_pct <= reduction_pct for row in self.redefault) - 1, 0)

    def probability(self, reduction_pct: Decimal | None, margin_pct: Decimal | None = None) -> Decimal:
        """How likely a plan breaks that lowers the payment by so much and leaves so much margin in stress."""
        at = self.row_of(reduction_pct)
        base = self.unknown_probability if at is None else self.redefault[at].probability
        if margin_pct is None or not self.by_margin:
            return base
        wide = [row.added for row in self.by_margin if row.margin_pct <= margin_pct]
        added = wide[-1] if wide else self.by_margin[0].added
        return min(max(base + added, Decimal(0)), Decimal(1))
