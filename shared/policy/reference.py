"""What the runtime hands to every decider besides state and message: read-only, loaded by the shell."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from shared.policy.loader import PolicyBook, PolicyError, Problem
from shared.policy.rates import RATES_FILE, ReferenceRates
from shared.policy.roster import Roster

__all__ = ["LENDER_KEYS_FILE", "ROSTER_FILE", "Reference", "load_lender_keys", "load_reference"]

ROSTER_FILE = "roster.toml"
LENDER_KEYS_FILE = "lender-keys.toml"
_RAW_KEY = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Reference:
    """The packs, the reference rates, the negotiators, and how many open cases each of these has here.

    `open_work` is a live read-only view: it counts what the fold has assigned so far on this
    partition. Whoever has none is not in it: use `open_work.get(id, 0)`. `lender_keys` are the raw Ed25519
    public keys that the lender signs agreements with; none configured means that its signature is a
    reference only.
    """

    policies: PolicyBook
    roster: Roster
    open_work: Mapping[str, int]
    rates: ReferenceRates = field(default_factory=ReferenceRates)
    lender_keys: tuple[bytes, ...] = ()

    def share_of(self, capacity: int) -> int:
        """Give how much of a person's capacity this partition may use: their work is counted by partition.

        The parts of all partitions come to no more than the whole, unless it is smaller than their number.
        """
        partitions: int = getattr(self.open_work, "partitions", 1)
        return max(capacity // partitions, 1)


def load_reference(policies: Path) -> Callable[[Mapping[str, int]], Reference]:
    """Read packs, roster, rates and the lender's keys from one folder; give what `Service.reference` wants.

    Raises PolicyError, RosterError or RatesError.
    """
    rates = ReferenceRates.load(policies / RATES_FILE)
    book, roster = PolicyBook.load(policies), Roster.load(policies / ROSTER_FILE)
    keys = load_lender_keys(policies / LENDER_KEYS_FILE)
    return lambda open_work: Reference(book, roster, open_work, rates, keys)


def load_lender_keys(file: Path) -> tuple[bytes, ...]:
    """Read `public_keys`, a list of raw Ed25519 public keys in hexadecimal; none where there is no file.

    Raises PolicyError naming what is wrong.
    """
    if not file.exists():
        return ()
    try:
        keys = tomllib.loads(file.read_text(encoding="utf-8")).get("public_keys")
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PolicyError(Problem(file.name, "-", f"is not TOML: {error}")) from None
    if not isinstance(keys, list) or not all(isinstance(k, str) and _RAW_KEY.fullmatch(k) for k in keys):
        rule = "must be a list of keys of 64 hexadecimal digits, as `parley keys new` prints them"
        raise PolicyError(Problem(file.name, "public_keys", rule))
    return tuple(bytes.fromhex(key) for key in keys)
