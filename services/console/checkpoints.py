"""Checkpoints: the lender's signature over a chain's length and head, so that a shorter one is noticed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from services.console.model import ArchivedCustomer, Checkpoint
from services.console.story import Tampered, verify
from shared.crypto.canonical import canonical
from shared.crypto.signing import Signer, Trusted

__all__ = ["PURPOSE", "check_archived", "check_checkpoints", "sign_checkpoint", "statement"]

PURPOSE: Final = "parley-checkpoint/1"


def statement(customer: str, entries: int, head: str) -> bytes:
    """Give what a checkpoint signs."""
    return canonical({"customer": customer, "entries": entries, "head": head})


def sign_checkpoint(signer: Signer, customer: str, entries: int, head: str) -> Checkpoint:
    """Sign that a customer's chain had `entries` entries and ended with `head`."""
    signature = signer.sign(PURPOSE, statement(customer, entries, head))
    return Checkpoint(entries=entries, head=head, key=signer.key_id, signature=signature)


def check_checkpoints(
    customer: str,
    entries: Sequence[Mapping[str, Any]],
    checkpoints: Sequence[Mapping[str, Any]],
    trusted: Mapping[str, Trusted],
) -> Tampered | None:
    """Give the first checkpoint that does not hold of a chain, or None. `trusted` are keys by id.

    A checkpoint beyond the end says that the chain was cut; one whose head differs, that it was written anew.
    """
    for checkpoint in sorted(checkpoints, key=lambda one: int(one["entries"])):
        number, head = int(checkpoint["entries"]), str(checkpoint["head"])
        key = trusted.get(str(checkpoint["key"]))
        if key is None:
            rule = (
                "its checkpoint is signed with a key that was not given: the lender may have had one before"
            )
            return Tampered(number, rule)
        if not key.signed(PURPOSE, statement(customer, number, head), checkpoint["signature"]):
            return Tampered(number, "the signature of its checkpoint does not fit")
        if number > len(entries):
            return Tampered(len(entries) + 1, f"the chain was cut: a checkpoint has signed {number} entries")
        if number < 1 or entries[number - 1].get("hash") != head:
            return Tampered(number, "it is not the entry that a checkpoint has signed")
    return None


def check_archived(
    customer: str, archived: ArchivedCustomer, entries: Sequence[Mapping[str, Any]], own: Trusted | None
) -> Tampered | None:
    """Check a whole chain as it stands here: entries, head, and the checkpoints that our own key has signed.

    Those of an earlier key are for who has that key; without a key only the chain's length is compared.
    An entry whose content has been checked may be given without it (`without_content`).
    """
    wrong = verify(entries, archived.head, withheld=True)
    if wrong is not None:
        return wrong
    latest = archived.checkpoint
    if latest is not None and latest.entries > len(entries):
        rule = f"the chain was cut: a checkpoint has signed {latest.entries} entries"
        return Tampered(len(entries) + 1, rule)
    if own is None:
        return None
    found = [entry["checkpoint"] for entry in entries if "checkpoint" in entry]
    found += [latest.model_dump()] if latest is not None else []
    ours = [one for one in found if one["key"] == own.key_id]
    return check_checkpoints(customer, entries, ours, {own.key_id: own})
