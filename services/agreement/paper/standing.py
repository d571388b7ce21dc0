"""What has become of a document since it was made: over, or no longer true. Pure.

The hash does not cover it, for it comes later; it stands in the box at the top, whatever the edition.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from services.agreement.paper.words import EDITION, words_of
from shared.contracts.agreement import (
    AgreementCompleted,
    AgreementDrafted,
    AgreementEnded,
    AgreementReturned,
    BankInstructed,
    SettlementLetterIssued,
)
from shared.contracts.followup_care import PlanReopened
from shared.contracts.intake import PaymentTakenBack
from shared.contracts.reasons import ReasonCode

__all__ = ["Standing", "said_of", "standing_in"]

Over = tuple[str, str]
"""Why it is over, and since which day."""


@dataclass(slots=True)
class Standing:
    """Agreements that are over, by id, and letters that do not hold any more."""

    agreements: dict[str, Over] = field(default_factory=dict)
    letters: dict[str, Over] = field(default_factory=dict)


def standing_in(entries: Iterable[Mapping[str, Any]], case: str) -> Standing:
    """Read it from the archive. Completions and returns, which come by two topics, are counted."""
    found, letters = Standing(), dict[str, list[Mapping[str, Any]]]()
    came_back: list[Mapping[str, Any]] = []
    completed, reopened = dict[str, list[str]](), dict[str, list[str]]()
    for entry in entries:
        data, of_case = entry["data"], entry["case"] == case
        match entry["type"] if of_case else "":
            case AgreementDrafted.TYPE:
                found.agreements.pop(data["agreement_id"], None)
            case AgreementReturned.TYPE:
                found.agreements[data["agreement_id"]] = ("returned", data["as_of"])
            case AgreementEnded.TYPE:
                found.agreements[data["agreement_id"]] = (data["reason"]["code"], data["as_of"])
                if data.get("returns_to"):
                    found.agreements.pop(data["returns_to"]["agreement_id"], None)
            case AgreementCompleted.TYPE:
                completed.setdefault(data["agreement_id"], []).append(data["as_of"])
            case BankInstructed.TYPE if data.get("returns_to") == data["agreement_id"]:
                found.agreements.pop(data["agreement_id"], None)  # a breach was undone
            case PlanReopened.TYPE if data["reason"]["code"] != ReasonCode.BROKEN_IN_A_STOP:
                reopened.setdefault(data["agreement_id"], []).append(data["as_of"])
            case SettlementLetterIssued.TYPE:
                # What was paid of an agreement that the bank got back is certified apart: no completion.
                of = data["letter_id"] if data.get("handed_back") else data["agreement_id"]
                letters.setdefault(of, []).append(data)
            case PaymentTakenBack.TYPE:
                came_back.append(data)
    for id_, days in completed.items():
        if len(days) > len(reopened.get(id_, ())):
            found.agreements[id_] = ("completed", days[-1])
    for id_, issued in letters.items():
        undone = zip(issued, reopened.get(id_, ()), strict=False)
        found.letters |= {letter["letter_id"]: ("letter", on) for letter, on in undone}
        # The plan of a closed case is not in force again; what is owed then a person finds out.
        newest = issued[-1]
        days = sorted(data["reversed_on"] for data in came_back if _counted(data, newest))
        if days:
            found.letters.setdefault(newest["letter_id"], ("in_doubt", days[0]))
    return found


def _counted(back: Mapping[str, Any], letter: Mapping[str, Any]) -> bool:
    """Whether a payment came back, after a letter, that one of its debts had been paid with."""
    parts = (*back["allocations"], *back.get("elsewhere", ()))
    of_debts = any(part["debt_id"] in letter["debts"] for part in parts)
    return of_debts and back["value_date"] <= letter["as_of"] < back["reversed_on"]


def said_of(over: Over | None, lang: str) -> str:
    """Say it in words; "" where the document stands."""
    words = words_of(EDITION)
    if over is None or words is None:
        return ""
    name = f"over_{over[0]}"
    name = name if words.has("labels", name) else "over_ended"
    return ("" if lang == "zh" else " ") + words.label(name, lang, {"on": over[1]})
