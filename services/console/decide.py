"""The archive keeps every event of every case as a hash chain. It decides nothing and says nothing."""

from datetime import date
from typing import Any

from services.console.model import ArchivedCustomer, CaseLine, Stage
from services.console.rules import STAGE_AFTER, chain_hash, link_id, stage_of
from shared.contracts import intake
from shared.contracts.decision import Decision, Link
from shared.contracts.envelope import Envelope

__all__ = ["ArchiveDecider"]


class ArchiveDecider:
    """One link per message, in the order in which they arrived here."""

    def decide(
        self, state: ArchivedCustomer | None, message: Envelope[Any], reference: object
    ) -> Decision[ArchivedCustomer]:
        """Append the message to its customer's chain."""
        before = state or ArchivedCustomer()
        number = before.entries + 1
        body = {
            "customer": message.key,
            "number": number,
            "case": message.subject,
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
        cases = before.cases
        if message.subject is not None:
            line = cases.get(message.subject, CaseLine())
            cases = {**cases, message.subject: line.model_copy(update=_overview(line, message))}
        after = before.model_copy(update={"entries": number, "head": head, "cases": cases})
        return Decision(after, links=(Link(link_id(message.key, number), {**body, "hash": head}),))

    def due(self, state: ArchivedCustomer) -> date | None:
        """Nothing is ever due here."""
        return None

    def close(self, state: ArchivedCustomer, day: date, reference: object) -> Decision[ArchivedCustomer]:
        """Nothing to do."""
        return Decision(state)


def _overview(line: CaseLine, message: Envelope[Any]) -> dict[str, Any]:
    data = message.data
    update: dict[str, Any] = {"last_on": max(line.last_on or message.day, message.day)}
    stage = STAGE_AFTER.get(message.type)
    if stage is not None:
        update["latest"] = latest = {**line.latest, data.PRODUCER: (stage, message.time)}
        update["stage"] = Stage.CLOSED if line.stage is Stage.CLOSED else stage_of(latest)
        if stage not in line.reached:
            update["reached"] = (*line.reached, stage)
    if isinstance(data, intake.CaseOpened):
        update |= {"policy": data.policy, "opened_on": data.opened_on}
    elif isinstance(data, intake.CaseAssigned):
        update["owner"] = data.owner
    elif isinstance(data, intake.CaseClosed):
        update["close_reason"] = data.reason.value
    return update
