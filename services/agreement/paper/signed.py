"""Whether the signatures in a PDF are those on file: who has signed its content, and by what. Pure."""

from collections.abc import Mapping
from typing import Any

from services.agreement.paper.layout import Agreement
from services.agreement.paper.pdf import signatures_of
from shared.contracts.desk import SignatureParty

__all__ = ["unlike_on_file"]

_OTHERS = {"guarantors": "guarantor", "co_borrowers": "co-borrower"}


def unlike_on_file(signatures: Mapping[str, Any], filed: Agreement) -> list[str]:
    """Name what differs. The lender's signature itself may have been made with the file: it proves itself."""
    known = signatures_of(filed, "", b"", None)
    given, wanted = (_by_whom(one) for one in (signatures, known))
    found = [who for who in sorted(given.keys() | wanted.keys()) if given.get(who) != wanted.get(who)]
    if signatures.get("effective") != known["effective"]:
        found.append("the day on which it takes effect")
    return found


def _by_whom(signatures: Mapping[str, Any]) -> dict[str, Any]:
    said = {"content_hash", "at", "channel", "evidence", "checked", "by", "acts_as"}
    made: dict[str, Any] = {}
    for party in SignatureParty:
        one = signatures.get(party.value)
        if isinstance(one, Mapping):
            made[party.value] = {name: one[name] for name in said if name in one}
    for name, role in _OTHERS.items():
        others = signatures.get(name)
        if isinstance(others, Mapping):
            made |= {f"{role} {party_id}": one for party_id, one in others.items()}
    return made
