"""Checkpoints: the lender's signature over a chain's length and head, so that a shorter one is noticed."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from services.console.model import ArchivedCustomer, Checkpoint
from services.console.rules import checkpoint_due
from services.console.story import Tampered, verify
from shared.contracts.ops import ErasePerson, HoldAction, LegalHold
from shared.crypto.canonical import canonical
from shared.crypto.signing import Signer, Trusted

__all__ = [
    "NEVER_SIGNED",
    "PURPOSE",
    "check_archived",
    "check_checkpoints",
    "first_unsigned",
    "is_checkpoint",
    "sign_checkpoint",
    "statement",
]

PURPOSE: Final = "parley-checkpoint/1"
NEVER_SIGNED: Final = (
    "no checkpoint was signed when it was due: it was filed without the lender's key, or all were taken away"
)


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
    others: Collection[int] = (),
) -> Tampered | None:
    """Give the first checkpoint that does not hold of a chain, or None. `trusted` are keys by id.

    A checkpoint beyond the end says that the chain was cut; one whose head differs, that it was written anew;
    one that is missing, that it was taken away. What is given has the form of one (`is_checkpoint`);
    `others` are entries whose checkpoints are not looked at.
    """
    for checkpoint in sorted(checkpoints, key=lambda one: int(one["entries"])):
        number, head = checkpoint["entries"], checkpoint["head"]
        key = trusted.get(checkpoint["key"])
        if key is None:
            rule = (
                "its checkpoint is signed with a key that was not given: the lender may have had one before"
            )
            return Tampered(number, rule)
        if not key.signed(PURPOSE, statement(customer, number, head), checkpoint["signature"]):
            return Tampered(number, "the signature of its checkpoint does not fit")
        if number > len(entries):
            return Tampered(len(entries) + 1, f"the chain was cut: a checkpoint has signed {number} entries")
        if entries[number - 1].get("hash") != head:
            return Tampered(number, "it is not the entry that a checkpoint has signed")
    return _taken_away(entries, {*others, *(int(one["entries"]) for one in checkpoints)})


def is_checkpoint(found: Any) -> bool:
    """Whether something from a file or a database has the form of a checkpoint."""
    if not isinstance(found, Mapping) or found.keys() != Checkpoint.model_fields.keys():
        return False
    number = found["entries"]
    texts = all(isinstance(found[name], str) for name in ("head", "key", "signature"))
    return texts and type(number) is int and number > 0


def first_unsigned(entries: Sequence[Mapping[str, Any]], signed: Collection[int]) -> int | None:
    """Give the first entry at which a checkpoint was due, and there is none."""
    due = (number for number, one in enumerate(entries, 1) if checkpoint_due(one.get("type", ""), number))
    return next((number for number in due if number not in signed), None)


def _taken_away(entries: Sequence[Mapping[str, Any]], signed: Collection[int]) -> Tampered | None:
    """Find a checkpoint that was removed: nothing hashes it, so that who writes a chain anew takes it away.

    Before the first of all there may have been no key yet; then `first_unsigned` is for a person to know.
    """
    missing = first_unsigned(entries, signed)
    if missing is None or not any(number < missing for number in signed):
        return None
    return Tampered(missing, "its checkpoint was taken away, or the archive ran without the lender's key")


def check_archived(
    customer: str, archived: ArchivedCustomer, entries: Sequence[Mapping[str, Any]], own: Trusted | None
) -> Tampered | None:
    """Check a whole chain as it stands here: entries, head, what the document says of holds and erasures, and
    the checkpoints that our own key has signed.

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
    wrong = _not_as_told(archived, entries)
    if wrong is not None or own is None:
        return wrong
    found = [(entry["number"], entry["checkpoint"]) for entry in entries if "checkpoint" in entry]
    for number, one in found:
        if not is_checkpoint(one) or one["entries"] != number:
            return Tampered(number, "what is said to be its checkpoint is none")
    if (found[-1][1] if found else None) != (latest.model_dump() if latest is not None else None):
        return Tampered(latest.entries if latest else found[-1][0], "its checkpoint is not the latest one")
    ours = [one for _, one in found if one["key"] == own.key_id]
    signed = {number for number, _ in found}
    return check_checkpoints(customer, entries, ours, {own.key_id: own}, signed)


def _not_as_told(archived: ArchivedCustomer, entries: Sequence[Mapping[str, Any]]) -> Tampered | None:
    """Compare the holds and the erasure that the document has with those that the chain tells of.

    They decide whether a key is destroyed, and nothing signs the document.
    """
    holds: dict[str, str] = {}
    at: dict[str, int] = {}
    erased, erased_at = "", len(entries)
    for entry in entries:
        if entry.get("type") == LegalHold.TYPE and "refused" not in entry:
            case = str(entry["case"])
            at[case] = entry["number"]
            if entry["data"]["action"] == HoldAction.LIFT:
                holds.pop(case, None)
            else:
                holds.setdefault(case, entry["time"])
        elif entry.get("type") == ErasePerson.TYPE and "erases" in entry:
            erased, erased_at = max(erased, entry["erases"]), entry["number"]
    for case in sorted(holds.keys() | archived.holds.keys()):
        if (case in holds) != (case in archived.holds):
            rule = f"the archive's document says otherwise of the legal hold on {case}"
            return Tampered(at.get(case, len(entries)), rule)
    if erased != archived.erased:
        return Tampered(erased_at, "the archive's document says otherwise of the erasure")
    return None
