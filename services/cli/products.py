"""Which products the platform's packs know, as far as the command that publishes can tell."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from shared.contracts.bank import AccountOverdue

if TYPE_CHECKING:
    from shared.contracts.envelope import Envelope

__all__ = ["Products"]


@dataclass(frozen=True, slots=True)
class Products:
    """The packs by name. `certain`: they are those that the services decide by.

    On another machine than the services' (KAFKA_BOOTSTRAP names theirs) nobody has said which packs those
    are, unless PARLEY_POLICIES does: what is unknown here is then said, and sent all the same.
    """

    known: frozenset[str]
    certain: bool
    rule: str

    @classmethod
    def load(cls) -> Self:
        """Read the packs that the environment names, or the built-in ones.

        Raises PolicyError and SettingsError.
        """
        from deploy.embedded.platform import resolve_servers
        from services.cli.catalogue import policies_dir
        from shared.policy.loader import PolicyBook
        from shared.runtime.settings import Settings

        named = os.environ.get("PARLEY_POLICIES")
        folder = policies_dir(Settings.load().policies if named else None)
        known = PolicyBook.load(folder).pack_ids
        packs = f"policy packs of {folder}" if named else "built-in policy packs"
        others = "" if named else " (PARLEY_POLICIES names others)"
        return cls(
            frozenset(known),
            certain=bool(named) or resolve_servers().start_kafka,
            rule=f"is none of the {packs}: {', '.join(known)}{others}",
        )

    def knows(self, envelope: Envelope[Any]) -> bool:
        """Whether there is a pack for what a message is about; one that names no product is about none."""
        return not isinstance(envelope.data, AccountOverdue) or envelope.data.product in self.known
