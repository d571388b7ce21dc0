"""What an actor of the demo plans to do on a day: say something at the desk, pay, or cure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from shared.contracts.base import Event
from shared.lending.money import Money

__all__ = ["Act", "Cure", "Pay", "Say"]


@dataclass(frozen=True, slots=True)
class Say:
    """Publish a desk event about a case, unless `unless()` holds by then (the answer no longer matters)."""

    day: date
    case: str
    event: Event
    about: str
    unless: Callable[[], bool] | None = None


@dataclass(frozen=True, slots=True)
class Pay:
    """Pay `amount`; with `returned_after` days the payer's bank takes it back."""

    day: date
    amount: Money
    about: str
    returned_after: int = 0
    unless: Callable[[], bool] | None = None


@dataclass(frozen=True, slots=True)
class Cure:
    """Pay all the arrears at once."""

    day: date


Act = Say | Pay | Cure
