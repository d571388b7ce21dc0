"""Named rules of the archive: how an entry is hashed, and which event moves a case to which stage."""

import hashlib
from typing import Any

import orjson

from services.console.model import Stage
from shared.contracts import agreement, assessment, followup, intake, offer
from shared.contracts.ids import derive_id

__all__ = ["ENDS", "STAGE_AFTER", "canonical", "chain_hash", "link_id"]

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
    intake.CaseClosed.TYPE: Stage.CLOSED,
}
"""The stage of a case after an event; events that are not listed leave it."""

ENDS = frozenset({Stage.COMPLETED, Stage.CLOSED})
"""Stages that a late event of the talks does not leave."""


def canonical(value: Any) -> bytes:
    """Give the canonical JSON of a value: sorted keys, no spaces, UTF-8 (RFC 8785 for the types we hold)."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def chain_hash(previous: str, body: dict[str, Any]) -> str:
    """Give the SHA-256 of an entry: over the hash before it and the entry's canonical JSON."""
    return hashlib.sha256(previous.encode() + b"\n" + canonical(body)).hexdigest()


def link_id(customer: str, number: int) -> str:
    """Give the id of a customer's `number`-th entry (from 1): it can be computed, so it needs no index."""
    return derive_id("link", customer, number)
