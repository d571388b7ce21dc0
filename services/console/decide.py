"""The archive keeps every event of every case as a hash chain, personal fields sealed. It says nothing.

What it decides is about the file alone: legal holds, and whether a person may be erased.
"""

from datetime import date
from typing import Any

from services.console.checkpoints import sign_checkpoint
from services.console.keeping import Kept, hold_refused, kept_because
from services.console.kinds import counted, counted_loose
from services.console.model import ArchivedCustomer, CaseLine, Hold, Stage
from services.console.reference import ArchiveReference
from services.console.rules import (
    STAGE_AFTER,
    chain_hash,
    checkpoint_due,
    link_id,
    stage_of,
    utc,
)
from services.console.sealed import entry_key_name, filed
from services.console.voice import heard
from shared.contracts import followup_care, intake
from shared.contracts.decision import Decision, Link
from shared.contracts.envelope import Envelope
from shared.contracts.ops import ErasePerson, HoldAction, LegalHold
from shared.contracts.reasons import ReasonCode

__all__ = ["ArchiveDecider"]


class ArchiveDecider:
    """One link per message, in the order in which they arrived here."""

    def decide(
        self, state: ArchivedCustomer | None, message: Envelope[Any], reference: ArchiveReference | None
    ) -> Decision[ArchivedCustomer]:
        """Append the message to its customer's chain, and do what an operator commands about the file.

        Without a reference (tests, simulations) nothing is sealed or signed, and no erasure is known of.
        """
        before = state or ArchivedCustomer(counted=True)
        number, data = before.entries + 1, message.data
        update: dict[str, Any] = {"entries": number}
        said: dict[str, Any] = {}  # what the archive adds to an operator's command
        if isinstance(data, LegalHold):
            refused = _hold_refused(before, message, data, reference)
            if refused is None:
                update["holds"] = _holds(before, message, data)
            else:
                said = _refused(refused)
        elif isinstance(data, ErasePerson):
            said = _erasure(before, message, reference)
            update["erased"] = said.get("erases", before.erased)
        else:
            update["last"] = max(before.last, utc(message.time))
            if message.subject is None:
                update |= counted_loose(before, message)
        body = {
            "customer": message.key,
            "number": number,
            "case": data.case if isinstance(data, LegalHold) else message.subject,
            "type": message.type,
            "id": message.id,
            "source": message.source,
            "sequence": message.sequence,
            "time": message.time.isoformat(),
            "causation": message.causation,
            "data": _filed(before, message, reference),
            "previous": before.head,
            **said,
        }
        link = {**body, "hash": chain_hash(before.head, body)}
        update["head"] = link["hash"]
        signer = reference.keys.signer if reference is not None else None
        if signer is not None and checkpoint_due(message.type, number):
            signed = sign_checkpoint(signer, message.key, number, link["hash"])
            update["checkpoint"], link["checkpoint"] = signed, signed.model_dump()
        if message.subject is not None:
            line = before.cases.get(message.subject, CaseLine(counted=True))
            line = line.model_copy(update=_overview(line, message))
            update["cases"] = {**before.cases, message.subject: line}
        return Decision(before.model_copy(update=update), links=(Link(link_id(message.key, number), link),))

    def due(self, state: ArchivedCustomer) -> date | None:
        """Nothing is ever due here."""
        return None

    def close(self, state: ArchivedCustomer, day: date, reference: object) -> Decision[ArchivedCustomer]:
        """Nothing to do."""
        return Decision(state)


def _filed(
    before: ArchivedCustomer, message: Envelope[Any], reference: ArchiveReference | None
) -> dict[str, Any]:
    """Give the data as it is filed. What was said before the person's erasure is not filed again: an archive
    that is rebuilt reads it once more.
    """
    if reference is None:
        dumped: dict[str, Any] = message.data.model_dump(mode="json")
        return dumped
    erased = max(before.erased, reference.erased(message.key))
    name = entry_key_name(message.source, message.id)
    if erased and utc(message.time) <= erased:
        return filed(message.data, name, None)
    return filed(message.data, name, lambda: reference.person_key(message.key, before.erased))


def _holds(before: ArchivedCustomer, message: Envelope[Any], data: LegalHold) -> dict[str, Hold]:
    others = {case: hold for case, hold in before.holds.items() if case != data.case}
    if data.action is HoldAction.LIFT:
        return others
    since = Hold(since=message.time.isoformat(), by=data.by, reason=data.reason)
    return {**others, data.case: before.holds.get(data.case, since)}


def _hold_refused(
    before: ArchivedCustomer, message: Envelope[Any], data: LegalHold, reference: ArchiveReference | None
) -> Kept | None:
    """Ask whether who commands a hold may; without the packs (tests, simulations) everybody may."""
    if reference is None:
        return None
    return hold_refused(before, reference.policies, data, message.day)


def _erasure(
    before: ArchivedCustomer, message: Envelope[Any], reference: ArchiveReference | None
) -> dict[str, Any]:
    """Allow or refuse an erasure; one that was carried out before stays so, whatever is read in which order.

    It reaches to the last moment that was filed: business time may run ahead of the operator's clock.
    """
    if reference is None:
        raise ValueError("an erasure is decided by the packs")
    at = utc(message.time)
    done = reference.erased(message.key)
    if at <= done:
        return {"erases": done}
    kept = kept_because(before, reference.policies, message.day)
    if kept is not None:
        return _refused(kept)
    return {"erases": max(at, before.last)}


def _refused(kept: Kept) -> dict[str, Any]:
    return {"refused": {"code": kept.rule.value, "params": kept.params}}


def _overview(line: CaseLine, message: Envelope[Any]) -> dict[str, Any]:
    data = message.data
    update: dict[str, Any] = {"last_on": max(line.last_on or message.day, message.day)}
    update |= counted(line, message)
    stage = STAGE_AFTER.get(message.type)
    if stage is not None:
        update["latest"] = latest = {**line.latest, data.PRODUCER: (stage, message.time)}
        update["stage"] = Stage.CLOSED if line.stage is Stage.CLOSED else stage_of(latest)
        if stage not in line.reached:
            update["reached"] = (*line.reached, stage)
    if isinstance(data, followup_care.PlanReopened) and data.reason.code is ReasonCode.BROKEN_IN_A_STOP:
        # It counts as if it had never been broken: the list of how far cases came says who keeps a plan.
        update["reached"] = tuple(
            one for one in update.get("reached", line.reached) if one is not Stage.BROKEN
        )
    if isinstance(data, intake.CaseOpened):
        update |= {"policy": data.policy, "opened_on": data.opened_on}
    elif isinstance(data, intake.CaseAssigned):
        update["owner"] = data.owner
    elif isinstance(data, intake.CaseClosed):
        update["close_reason"] = data.reason.value
    voice = heard(line.voice, data)
    return update if voice == line.voice else {**update, "voice": voice}
