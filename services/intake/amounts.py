"""An amount by component in minor units: the ledger's own arithmetic, where parts may be negative.

The currency stands once on the debt. Costs of enforcing the claim are not among the bank's figures.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from typing import Any

from pydantic import model_serializer, model_validator

from shared.contracts.debts import Balances
from shared.contracts.decision import State
from shared.lending.allocation import Components
from shared.lending.money import Money

__all__ = ["COMPONENTS", "Amounts"]

COMPONENTS = ("principal", "interest", "fees", "late_charges")


class Amounts(State):
    """Minor units by component; any of them may be negative. Stored as a list, in the order of COMPONENTS."""

    principal: int = 0
    interest: int = 0
    fees: int = 0
    late_charges: int = 0

    @model_serializer
    def _stored(self) -> list[int]:
        return [self.principal, self.interest, self.fees, self.late_charges]

    @model_validator(mode="before")
    @classmethod
    def _read(cls, value: Any) -> Any:
        return dict(zip(COMPONENTS, value, strict=True)) if isinstance(value, list) else value

    @classmethod
    def of(cls, balances: Balances) -> Amounts:
        """Take what a message says."""
        return cls(**{name: getattr(balances, name).minor for name in COMPONENTS})

    @classmethod
    def taken(cls, components: Components) -> Amounts:
        """Take what a waterfall served."""
        return cls(**{name: getattr(components, name).minor for name in COMPONENTS})

    @classmethod
    def sum(cls, amounts: Iterable[Amounts]) -> Amounts:
        """Add up; nothing for none."""
        return reduce(lambda a, b: a + b, amounts, cls())

    def on_wire(self, currency: str) -> Balances:
        """Give them as a message says them."""
        return Balances(**{name: Money(getattr(self, name), currency) for name in COMPONENTS})

    def components(self, currency: str) -> Components:
        """Give them as a waterfall takes them."""
        return Components.of(currency, **{name: Money(getattr(self, name), currency) for name in COMPONENTS})

    @property
    def total(self) -> int:
        """All components together."""
        return self.principal + self.interest + self.fees + self.late_charges

    @property
    def positive(self) -> Amounts:
        """Each component, at least zero."""
        return Amounts(**{name: max(getattr(self, name), 0) for name in COMPONENTS})

    def capped(self, limit: Amounts) -> Amounts:
        """Each component, at most that of `limit`."""
        return Amounts(**{name: min(getattr(self, name), getattr(limit, name)) for name in COMPONENTS})

    @property
    def settled(self) -> Amounts:
        """The same total without a negative part: what one component lacks, the others give, charges first.

        Never below zero in all: a debt has no credit balance, the bank pays that out or reports it.
        """
        lacking = self.positive.total - self.total
        parts = {name: getattr(self.positive, name) for name in COMPONENTS}
        for name in reversed(COMPONENTS):
            given = min(parts[name], lacking)
            parts[name] -= given
            lacking -= given
        return Amounts(**parts)

    def __add__(self, other: Amounts) -> Amounts:
        return Amounts(**{name: getattr(self, name) + getattr(other, name) for name in COMPONENTS})

    def __sub__(self, other: Amounts) -> Amounts:
        return Amounts(**{name: getattr(self, name) - getattr(other, name) for name in COMPONENTS})

    def __neg__(self) -> Amounts:
        return Amounts() - self
