"""The ids by which people answer: of an offer and its plans, an approval, an agreement and its content, of
who else owes a debt, and of what waits for somebody. Pure.

Whoever types at the desk what a borrower decided must name them, and the archive has them all. No field that
is filed sealed is read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from shared.contracts.agreement import AgreementDrafted
from shared.contracts.alert import AlertRaised, AlertResolved
from shared.contracts.desk_parties import StopLifted, StopReported
from shared.contracts.followup_care import ProblemOpened, ProblemResolved
from shared.contracts.intake import PartiesChanged
from shared.contracts.offer import ApprovalRequested, OfferRevised, OfferTabled

__all__ = ["handles_of", "ids_of", "printable"]

_NAMES: Final = frozenset({"version", "round", "content_hash"})
_OFFERS: Final = frozenset({OfferTabled.TYPE, OfferRevised.TYPE})
_OPEN: Final = (
    (StopReported, StopLifted, "stop_id", "Reported and not lifted: stop_id {stop_id}, since {since}"),
    (ProblemOpened, ProblemResolved, "problem_id", "Open problem: problem_id {problem_id}, due {due}"),
    (AlertRaised, AlertResolved, "alert_id", "Open alert: alert_id {alert_id}, {kind}"),
)
"""What begins something that a person ends or takes in hand, what ends it, its id, and how it is said."""


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
    parties = data.get("parties")
    if isinstance(parties, list):
        found["party_ids"] = [party["party_id"] for party in parties]
    return found


def handles_of(entries: Iterable[Mapping[str, Any]], case: str) -> list[str]:
    """Give the last offer of a case with its plans, the last approval asked for and the last draft, in words.

    Whether they still stand, the story says. Then who else owes its debts, and what nobody has ended yet.
    """
    last: dict[str, Mapping[str, Any]] = {}
    theirs = [entry for entry in entries if entry["case"] == case]
    for entry in theirs:
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
    if (known := last.get(PartiesChanged.TYPE)) is not None:
        lines += [f"{_roles(one)}: party_id {one['party_id']}, {_debts(one)}" for one in known["parties"]]
    for begins, ends, name, words in _OPEN:
        over = {entry["data"][name] for entry in theirs if entry["type"] == ends.TYPE}
        begun = {entry["data"][name]: entry["data"] for entry in theirs if entry["type"] == begins.TYPE}
        lines += [words.format_map(data) for id_, data in begun.items() if id_ not in over]
    return [printable(line) for line in lines]


def printable(text: str) -> str:
    """What somebody typed may not command somebody else's terminal."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)


def _roles(party: Mapping[str, Any]) -> str:
    return ", ".join(role.replace("_", "-") for role in party["roles"]).capitalize()


def _debts(party: Mapping[str, Any]) -> str:
    return "of " + ", ".join(party["debts"])


def _plan(plan: Mapping[str, Any]) -> str:
    total = ", ".join(f"{one['amount']} {one['currency']}" for one in plan["total_paid"])
    measures = ", ".join(plan["measures"])
    return f"  plan_id {plan['plan_id']}: {measures}; {len(plan['payments'])} payments, {total} in all"
