"""The events by which services say that they did not act on a message, and which of them people must mend."""

from __future__ import annotations

from typing import Final

from shared.contracts import agreement, alert, assessment, followup, intake, notice, offer
from shared.contracts.base import Event
from shared.contracts.reasons import ReasonCode
from shared.contracts.registry import SENDERS, event_class

__all__ = ["REFUSED", "is_mistake"]

REFUSED: Final = (
    intake.InputRefused,
    assessment.InputRefused,
    offer.InputRefused,
    agreement.InputRefused,
    followup.InputRefused,
    notice.InputRefused,
    alert.InputRefused,
)

_OF_THE_BANK: Final = frozenset(
    {
        ReasonCode.UNKNOWN_PRODUCT,
        ReasonCode.CURRENCY_MISMATCH,
        ReasonCode.AMOUNT_OUT_OF_RANGE,
        ReasonCode.NOTHING_OWED,
        ReasonCode.REVERSAL_EXCEEDS_PAYMENT,
    }
)
"""What no later message makes right: who sent it, or who keeps the packs, has to mend it."""


def is_mistake(data: Event) -> bool:
    """Whether a message was refused for what stands in it, or in the packs, not for where the case stands.

    One of a service is refused so where another decides by other packs; what the desk types it is answered.
    """
    if not isinstance(data, REFUSED):
        return False
    cause, code = event_class(data.cause_type), data.reason.code
    if cause is None:
        return False
    if cause.PRODUCER == "bank":
        return code in _OF_THE_BANK
    return cause.PRODUCER in SENDERS and code is ReasonCode.UNKNOWN_PRODUCT
