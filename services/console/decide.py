"""The archive keeps every event of every case as a hash chain. It decides nothing and says nothing."""

from datetime import date
from typing import Any

from services.console.model import ArchivedCase, Gap, Stage
from services.console.rules import ENDS, GAPS_KEPT, STAGE_AFTER, chain_hash
from shared.contracts import agreement, intake
from shared.contracts.decision import Decision, Link
from shared.contracts.envelope import Envelope
from shared.contracts.ids import derive_id

__all__ = ["ArchiveDecider", "document_of"]


def document_of(message: Envelope[Any]) -> str:
    """Give the archive's document of a message: its case, or the customer's own where it knows no case."""
    return message.subject if message.subject is not None else derive_id("customer", message.key)


class ArchiveDecider:
    """One link per message, in the order in which they arrived here."""

    def decide(
        self, state: ArchivedCase | None, message: Envelope[Any], reference: object
    ) -> Decision[ArchivedCase]:
        """Append the message to the chain of its case."""
        before = state or ArchivedCase(customer=message.key)
        body = {
            "case": document_of(message),
            "number": before.entries + 1,
            "type": message.type,
            "id": message.id,
            "source": message.source,
            "sequence": message.sequence,
            "time": message.time.isoformat(),
            "causation": message.causation,
            "data": message.data.model_dump(mode="json"),
            "previous": before.head,
        }
        head = chain_hash(before.head, body)
        after = before.model_copy(
            update={
                "entries": before.entries + 1,
                "head": head,
                "last_on": max(before.last_on or message.day, message.day),
                **_overview(before, message),
                **_sequence(before, message),
            }
        )
        link = Link(derive_id("link", body["case"], before.entries + 1), {**body, "hash": head})
        return Decision(after, links=(link,))

    def due(self, state: ArchivedCase) -> date | None:
        """Nothing is ever due here."""
        return None

    def close(self, state: ArchivedCase, day: date, reference: object) -> Decision[ArchivedCase]:
        """Nothing to do."""
        return Decision(state)


def _overview(before: ArchivedCase, message: Envelope[Any]) -> dict[str, Any]:
    update: dict[str, Any] = {}
    data = message.data
    stage = STAGE_AFTER.get(message.type)
    if stage is not None:
        leaves_the_end = isinstance(data, agreement.AgreementSigned | intake.CaseOpened | intake.CaseClosed)
        if before.stage not in ENDS or leaves_the_end:
            update["stage"] = stage
        if stage.value not in before.ever:
            update["ever"] = (*before.ever, stage.value)
    if isinstance(data, intake.CaseOpened):
        update |= {"policy": data.policy, "opened_on": data.opened_on}
    elif isinstance(data, intake.CaseAssigned):
        update["owner"] = data.owner
    elif isinstance(data, intake.CaseClosed):
        update |= {"close_reason": data.reason.value, "stage": Stage.CLOSED}
    return update


def _sequence(before: ArchivedCase, message: Envelope[Any]) -> dict[str, Any]:
    if message.sequence is None:
        return {}
    last = before.sequences.get(message.source, 0)
    update: dict[str, Any] = {"sequences": {**before.sequences, message.source: message.sequence}}
    if message.sequence != last + 1 and len(before.gaps) < GAPS_KEPT:
        gap = Gap(source=message.source, last=last, got=message.sequence)
        update["gaps"] = (*before.gaps, gap)
    return update
