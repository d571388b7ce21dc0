"""Which date rules a value of a pack, for a case that outlives a change of its pack.

What was agreed stays pinned with its version. Rules of conduct, moratoria, reporting and data protection
apply to live cases from the day they take effect. Ceilings follow the date of the contract. Within a round
of talks the day of the offer on the table takes the place of the day of agreement, so that nothing that was
offered changes in the middle of a round.
"""

from enum import StrEnum
from typing import Final

__all__ = ["AGREED", "CONTRACT", "LIVE", "Ruling"]


class Ruling(StrEnum):
    """Which date decides."""

    AGREED = "agreed"  # the day of the offer, then of the agreement: what was promised stays
    LIVE = "live"  # the day itself: law and conduct reach every case at once
    CONTRACT = "contract"  # the date of the contract, looked up in the newest table there is


AGREED: Final = Ruling.AGREED
LIVE: Final = Ruling.LIVE
CONTRACT: Final = Ruling.CONTRACT
