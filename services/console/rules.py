"""Named rules of the archive: how an entry is hashed, and which event moves a case to which stage."""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from services.console.model import Stage
from shared.contracts import agreement, assessment, followup, followup_care, intake, offer
from shared.contracts.ids import derive_id
from shared.contracts.ops import ErasePerson, LegalHold
from shared.crypto.canonical import canonical

__all__ = [
    "CHECKPOINT_EVERY",
    "SIGNED_AT",
    "STAGE_AFTER",
    "chain_hash",
    "checkpoint_due",
    "link_id",
    "stage_of",
    "utc",
]

STAGE_AFTER: dict[str, Stage] = {
    intake.CaseOpened.TYPE: Stage.OVERDUE,
    assessment.StatementRequested.TYPE: Stage.ASSESSMENT,
    assessment.AssessmentCompleted.TYPE: Stage.ASSESSED,
    assessment.AssessmentLapsed.TYPE: Stage.HUMAN,
    offer.OfferTabled.TYPE: Stage.TALKS,
    offer.OfferRevised.TYPE: Stage.TALKS,
    offer.OfferAgreed.TYPE: Stage.AGREED,
    offer.NoPlanFound.TYPE: Stage.HUMAN,
    offer.TalksFailed.TYPE: Stage.HUMAN,
    agreement.AgreementDrafted.TYPE: Stage.DRAFTED,
    agreement.AgreementReturned.TYPE: Stage.TALKS,
    agreement.AgreementSigned.TYPE: Stage.PLAN,
    followup.PlanCompleted.TYPE: Stage.COMPLETED,
    followup.PlanBroken.TYPE: Stage.BROKEN,
    followup_care.PlanReopened.TYPE: Stage.PLAN,
    intake.CaseClosed.TYPE: Stage.CLOSED,
}
"""The stage of a case after an event; events that are not listed leave it."""

_ORDER = ("intake", "followup", "assessment", "offer", "agreement")
"""Who is believed at one moment, the last most: what follows of another's message carries its time.

A broken plan starts the flow again, so that followup stands before it.
"""


def stage_of(latest: Mapping[str, tuple[Stage, datetime]]) -> Stage:
    """Give the stage of a case from the last that each producer has said, whichever was read first.

    Topics are read side by side, and by an archive that catches up at paces of their own: by arrival, an old
    assessment could follow the plan that came of it. A closed case stays closed; what comes of the talks does
    not leave a completed plan, another signature does.
    """
    if latest.get("intake", (None,))[0] is Stage.CLOSED:
        return Stage.CLOSED
    followup, agreement_ = latest.get("followup"), latest.get("agreement")
    if followup is not None and followup[0] is Stage.COMPLETED:
        signed_again = agreement_ is not None and agreement_[0] is Stage.PLAN and agreement_[1] > followup[1]
        if not signed_again:
            return Stage.COMPLETED
    _, _, stage = max((time, _ORDER.index(producer), stage) for producer, (stage, time) in latest.items())
    return stage


def chain_hash(previous: str, body: dict[str, Any]) -> str:
    """Give the SHA-256 of an entry: over the hash before it and the entry's canonical JSON."""
    return hashlib.sha256(previous.encode() + b"\n" + canonical(body)).hexdigest()


def link_id(customer: str, number: int) -> str:
    """Give the id of a customer's `number`-th entry (from 1): it can be computed, so it needs no index."""
    return derive_id("link", customer, number)


# -- checkpoints ------------------------------------------------------------------------------------------

CHECKPOINT_EVERY: Final = 32
"""A checkpoint is signed at least every so many entries of a chain."""

SIGNED_AT: Final = frozenset(
    {
        agreement.AgreementSigned.TYPE,
        followup.PlanCompleted.TYPE,
        followup.PlanBroken.TYPE,
        intake.CaseClosed.TYPE,
        LegalHold.TYPE,
        ErasePerson.TYPE,
    }
)
"""After an entry of these types, too; what the archive has obeyed (a hold, an erasure) is among them."""


def checkpoint_due(type_: str, entries: int) -> bool:
    """Whether a chain of `entries` entries, the last of this type, gets a checkpoint."""
    return type_ in SIGNED_AT or entries % CHECKPOINT_EVERY == 0


# -- moments ----------------------------------------------------------------------------------------------


def utc(moment: datetime) -> str:
    """Give a moment so that texts compare as the moments do: ISO 8601 in UTC, always with microseconds."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")
