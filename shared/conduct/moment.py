"""One question looked at in one moment: the message as if sent then, under the pack of that day."""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from shared.conduct.model import CaseStates, Denial, Message, PastContact, Rule
from shared.policy.model import PolicyInForce, PolicyValue
from shared.policy.sections_conduct import ContactRules

__all__ = ["Moment"]


@dataclass(frozen=True, slots=True)
class Moment:
    """What every rule looks at. ``zone`` is the borrower's.

    ``or_zones``: where nobody knows theirs, the others that it may be; no one is rung up at night in any.
    """

    at: datetime
    zone: ZoneInfo
    message: Message
    history: tuple[PastContact, ...]
    case: CaseStates
    policy: PolicyInForce
    entries: dict[str, PolicyValue]
    or_zones: tuple[ZoneInfo, ...] = ()

    @property
    def rules(self) -> ContactRules:
        """The pack's rules of contact."""
        return self.policy.contact_rules

    def denied(self, rule: Rule, key: str, until: datetime | None = None) -> Denial:
        """Give the denial by ``rule``, with the clause and source of the pack's value at ``key``."""
        entry = self.entries[key]
        return Denial(rule, key, entry.clause, entry.source, until)
