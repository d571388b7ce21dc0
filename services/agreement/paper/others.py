"""Who owes the debts of a document beside the borrower, or guarantees them, as it stands on paper. Pure."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from services.agreement.paper.words import Words
from shared.contracts.agreement import AgreementDrafted, AgreementTerms, LiableFor
from shared.contracts.parties import ObligorRole

__all__ = ["NameState", "Names", "names_in", "others_in", "table_of"]


class NameState(StrEnum):
    """Whether a person's name is there to be printed, and if not, why."""

    READABLE = "readable"
    NONE = "none"  # nobody has told it
    SEALED = "sealed"  # on file under a key that is not at hand
    ERASED = "erased"  # its key was destroyed for good


Names = Mapping[str, tuple[str | None, NameState]]
"""What is known of the names of others, by party id."""


def others_in(drafted: AgreementDrafted, terms: AgreementTerms, words: Words, lang: str) -> dict[str, Any]:
    """Say that there are others, in which role, and what becomes of a guarantee."""
    roles = {one.role for one in drafted.liable}
    owing = bool(roles - {ObligorRole.GUARANTOR})
    unasked = terms.guarantor_unasked if ObligorRole.GUARANTOR in roles else None
    return {
        "others_liable": bool(roles),
        "others_too": words.label("others_too", lang) if roles else None,
        "co_borrowers": owing,
        "withdraws_for_others": owing and bool(terms.cooling_off_days),
        "guarantor_unasked": words.named("guarantor_unasked", unasked, lang) if unasked else None,
    }


def table_of(drafted: AgreementDrafted, names: Names, words: Words, lang: str) -> list[dict[str, Any]]:
    """Give every person bound, with each debt and what they are liable for; no table without them."""
    if not drafted.liable:
        return []
    head = ("as", "name", "reference", "debt", "liable_for")
    return [
        {
            "caption": words.label("others_liable", lang),
            "head": [words.label(name, lang) for name in head],
            "rows": [_row(one, names, words, lang) for one in drafted.liable],
        }
    ]


def names_in(names: Names, party_id: str) -> str | None:
    """Give a name that can be read."""
    return names.get(party_id, (None, NameState.NONE))[0]


def _row(one: LiableFor, names: Names, words: Words, lang: str) -> list[str]:
    name, state = names.get(one.party_id, (None, NameState.NONE))
    liable = words.label("all_of_it", lang)
    if one.liability is not None:
        amount = f"{one.liability} {one.liability.currency}"
        liable = words.label("at_most", lang, {"amount": amount})
    said = name or words.label(f"name_{state}", lang)
    return [words.named("role", one.role, lang), said, one.party_id, one.debt_id, liable]
