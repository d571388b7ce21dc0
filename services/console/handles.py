"""The ids by which people answer: of an offer and its plans, an approval, an agreement and its content. Pure.

Whoever types at the desk what a borrower decided must name them, and the archive has them all. No field that
is filed sealed is read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from shared.contracts.agreement import AgreementDrafted
from shared.contracts.offer import ApprovalRequested, OfferRevised, OfferTabled

__all__ = ["handles_of", "ids_of"]

_NAMES: Final = frozenset({"version", "round", "content_hash"})
_OFFERS: Final = frozenset({OfferTabled.TYPE, OfferRevised.TYPE})


def ids_of(data: Mapping[str, Any]) -> dict[str, Any]:
    """Give what a message names by id, with the version and the hash that are signed."""
    found: dict[str, Any] = {
        name: value
        for name, value in data.items()
        if (name.endswith("_id") or name in _NAMES) and isinstance(value, str | int)
    }
    plans = data.get("plans")
    if isinstance(plans, list):
        found["plan_ids"] = [plan["plan_id"] for plan in plans]
    plan = data.get("plan")
    if isinstance(plan, Mapping) and "plan_id" in plan:
        found["plan_id"] = plan["plan_id"]
    return found


def handles_of(entries: Iterable[Mapping[str, Any]], case: str) -> list[str]:
    """Give the last offer of a case with its plans, the last approval asked for and the last draft, in words.

    Whether they still stand, the story says.
    """
    last: dict[str, Mapping[str, Any]] = {}
    for entry in entries:
        if entry["case"] == case:
            last["offer" if entry["type"] in _OFFERS else entry["type"]] = entry["data"]
    lines: list[str] = []
    if (offer := last.get("offer")) is not None:
        until, number = offer["valid_until"], offer["round"]
        lines.append(f"Last offer: offer_id {offer['offer_id']}, round {number}, valid until {until}")
        lines += [_plan(plan) for plan in offer["plans"]]
    if (asked := last.get(ApprovalRequested.TYPE)) is not None:
        lines.append(
            f"Last approval asked for: request_id {asked['request_id']}, plan_id {asked['plan_id']}, "
            f"of {asked['role']} by {asked['due']}"
        )
    if (draft := last.get(AgreementDrafted.TYPE)) is not None:
        lines.append(
            f"Last agreement: agreement_id {draft['agreement_id']}, version {draft['version']}, "
            f"to sign by {draft['sign_by']}, content_hash {draft['content_hash']}"
        )
    return lines


def _plan(plan: Mapping[str, Any]) -> str:
    total = ", ".join(f"{one['amount']} {one['currency']}" for one in plan["total_paid"])
    measures = ", ".join(plan["measures"])
    return f"  plan_id {plan['plan_id']}: {measures}; {len(plan['payments'])} payments, {total} in all"
