"""What the runtime hands to every decider besides state and message: read-only, loaded by the shell."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from shared.policy.loader import PolicyBook
from shared.policy.rates import RATES_FILE, ReferenceRates
from shared.policy.roster import Roster

__all__ = ["ROSTER_FILE", "Reference", "load_reference"]

ROSTER_FILE = "roster.toml"


@dataclass(frozen=True, slots=True)
class Reference:
    """The packs, the reference rates, the negotiators, and how many open cases each of these has here.

    `open_work` is a live read-only view: it counts what the fold has assigned so far on this
    partition. Whoever has none is
    not in it: use `open_work.get(id, 0)`.
    """

    policies: PolicyBook
    roster: Roster
    open_work: Mapping[str, int]
    rates: ReferenceRates = field(default_factory=ReferenceRates)


def load_reference(policies: Path) -> Callable[[Mapping[str, int]], Reference]:
    """Read packs, roster and reference rates from one folder; give what `Service.reference` wants.

    Raises PolicyError, RosterError or RatesError.
    """
    rates = ReferenceRates.load(policies / RATES_FILE)
    book, roster = PolicyBook.load(policies), Roster.load(policies / ROSTER_FILE)
    return lambda open_work: Reference(book, roster, open_work, rates)
