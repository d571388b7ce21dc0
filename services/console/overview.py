"""Where a case stands, from its entries alone: nothing signs the document that says it, too."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

from services.console.model import CaseLine, Stage
from services.console.rules import STAGE_AFTER, stage_of
from shared.contracts.intake import CaseAssigned, CaseOpened
from shared.contracts.registry import EVENTS

__all__ = ["overview_of"]


def overview_of(entries: Iterable[Mapping[str, Any]], case: str) -> CaseLine:
    """Give stage, owner, and first and last day of a case as its entries tell them, in their order."""
    line, latest = CaseLine(), dict[str, tuple[Stage, datetime]]()
    for entry in entries:
        if entry["case"] != case or entry["type"].startswith("parley.ops."):
            continue
        type_, data, time = entry["type"], entry["data"], datetime.fromisoformat(entry["time"])
        update: dict[str, Any] = {"last_on": max(line.last_on or time.date(), time.date())}
        stage = STAGE_AFTER.get(type_)
        if stage is not None:
            latest[EVENTS[type_].PRODUCER] = (stage, time)
            update["stage"] = Stage.CLOSED if line.stage is Stage.CLOSED else stage_of(latest)
        if type_ == CaseOpened.TYPE:
            update["opened_on"] = date.fromisoformat(data["opened_on"])
        elif type_ == CaseAssigned.TYPE:
            update["owner"] = data["owner"]
        line = line.model_copy(update=update)
    return line
