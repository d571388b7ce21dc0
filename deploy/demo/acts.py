"""What an actor of the demo plans to do on a day: say something at the desk, pay, or cure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from shared.contracts.base import Event
from shared.contracts.envelope import Envelope
from shared.contracts.offer import OfferRevised, OfferTabled
from shared.lending.money import Money

__all__ = ["Act", "Cure", "Pay", "Say", "identity"]

_NAMES = (
    "offer_id",
    "round",
    "agreement_id",
    "version",
    "number",
    "alert_id",
    "request_id",
    "instruction_id",
)


def identity(message: Envelope[Any]) -> str:
    """Say what an event is about, whatever caused it: choices are drawn from this, and ids are made of it.

    Not of the message's own id: that depends on which of two facts of one day a service read first. Nor of
    whether an offer was tabled anew or revised, which does, too: to the borrower it is one offer.
    """
    type_ = OfferTabled.TYPE if isinstance(message.data, OfferRevised) else message.type
    named = (f"{name}={getattr(message.data, name)}" for name in _NAMES if hasattr(message.data, name))
    return "|".join((message.subject or message.key, type_, message.day.isoformat(), *named))


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
    """Pay `amount`, or what is `asked` by then; with `returned_after` days the payer's bank takes it back."""

    day: date
    amount: Money
    about: str
    returned_after: int = 0
    unless: Callable[[], bool] | None = None
    asked: Callable[[], Money] | None = None


@dataclass(frozen=True, slots=True)
class Cure:
    """Pay all the arrears at once."""

    day: date


Act = Say | Pay | Cure
