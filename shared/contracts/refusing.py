"""The events by which services say that they did not act on a message, and whose mistake that was."""

from __future__ import annotations

from typing import Final

from shared.contracts import agreement, alert, assessment, followup, intake, notice, offer
from shared.contracts.base import Event
from shared.contracts.reasons import ReasonCode
from shared.contracts.registry import event_class

__all__ = ["REFUSED", "is_banks_mistake"]

REFUSED: Final = (
    intake.InputRefused,
    assessment.InputRefused,
    offer.InputRefused,
    agreement.InputRefused,
    followup.InputRefused,
    notice.InputRefused,
    alert.InputRefused,
)

_MISTAKES: Final = frozenset(
    {
        ReasonCode.UNKNOWN_PRODUCT,
        ReasonCode.CURRENCY_MISMATCH,
        ReasonCode.AMOUNT_OUT_OF_RANGE,
        ReasonCode.NOTHING_OWED,
    }
)
"""What no later message makes right: who sent it, or who keeps the packs, has to mend it."""


def is_banks_mistake(data: Event) -> bool:
    """Whether a message of the bank was refused for what stands in it, not for where the case stands."""
    if not isinstance(data, REFUSED) or data.reason.code not in _MISTAKES:
        return False
    cause = event_class(data.cause_type)
    return cause is not None and cause.PRODUCER == "bank"
