"""Named rules of the archive: how an entry is hashed, and which event moves a case to which stage."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final

from services.console.model import ArchivedCustomer, Stage
from shared.contracts import agreement, assessment, followup, intake, offer
from shared.contracts.ids import derive_id
from shared.contracts.ops import ErasePerson, LegalHold
from shared.contracts.reasons import ReasonCode
from shared.crypto.canonical import canonical
from shared.policy.loader import PolicyBook

__all__ = [
    "CHECKPOINT_EVERY",
    "STAGE_AFTER",
    "Kept",
    "chain_hash",
    "checkpoint_due",
    "erasable_on",
    "kept_because",
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

_SIGNED_AT: Final = frozenset(
    {
        agreement.AgreementSigned.TYPE,
        followup.PlanCompleted.TYPE,
        followup.PlanBroken.TYPE,
        intake.CaseClosed.TYPE,
        LegalHold.TYPE,
        ErasePerson.TYPE,
    }
)


def checkpoint_due(type_: str, entries: int) -> bool:
    """Whether a chain of `entries` entries, the last of this type, gets a checkpoint."""
    return type_ in _SIGNED_AT or entries % CHECKPOINT_EVERY == 0


# -- how long what is on file is kept -----------------------------------------------------------------------


def utc(moment: datetime) -> str:
    """Give a moment so that texts compare as the moments do: ISO 8601 in UTC, always with microseconds."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


@dataclass(frozen=True, slots=True)
class Kept:
    """Why a person may not be erased yet: the rule, the case or the first day on which it may be done."""

    rule: ReasonCode
    params: dict[str, str]


def kept_because(archived: ArchivedCustomer, policies: PolicyBook, on: date) -> Kept | None:
    """Say why a person must not be erased on a day; None where it is allowed.

    A hold on any case, and any case that is open, keep all of it: the key is the person's.
    """
    if archived.holds:
        return Kept(ReasonCode.KEPT_BY_HOLD, {"case": min(archived.holds)})
    for case, line in sorted(archived.cases.items()):
        if line.opened_on is not None and line.close_reason is None:
            return Kept(ReasonCode.KEPT_WHILE_OPEN, {"case": case})
    until, years = erasable_on(archived, policies, on)
    if on < until:
        return Kept(ReasonCode.KEPT_BY_RETENTION, {"years": str(years), "until": until.isoformat()})
    return None


def erasable_on(archived: ArchivedCustomer, policies: PolicyBook, on: date) -> tuple[date, int]:
    """Give the first day after retention, and the years: counted from the last that was filed of the person.

    The longest counts: of every case's pack, of the values in force then and on the day that is asked about
    (a term that is lengthened holds for what is still there). What no known pack speaks for is kept as long
    as the strictest of all packs says.
    """
    last = datetime.fromisoformat(archived.last).date() if archived.last else date.min
    last = max([last, *(line.last_on for line in archived.cases.values() if line.last_on is not None)])
    named = {(line.policy or "").partition("@")[0] for line in archived.cases.values()}
    packs = named if named and all(name in policies for name in named) else set(policies.pack_ids)
    years = max(
        policies.in_force(pack, day).records.evidence_years for pack in packs for day in (min(last, on), on)
    )
    return _years_after(last, years), years


def _years_after(day: date, years: int) -> date:
    try:
        return day.replace(year=min(day.year + years, date.max.year))
    except ValueError:  # 29 February: the day after, so that the years are whole
        return date(day.year + years, 3, 1)
