"""Checking a PDF without the platform: the file, and a public key that does not come from the file.

Nothing here needs a server, a policy pack or the texts. All that is wrong is listed, not only the first.
"""

import io
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from services.agreement.keys import is_signed_by, key_id_of
from services.agreement.paper.seal import is_sealed_by, split
from shared.crypto.canonical import exact

__all__ = ["Finding", "Liable", "Report", "SignedFor", "check_pdf"]

_CONTENT, _SIGNATURES = "content.json", "signatures.json"
_MOST_PAGES = 500
_GUARANTOR = "guarantor"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: where, and what."""

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


@dataclass(frozen=True, slots=True)
class Liable:
    """Who owes a debt of the content beside the borrower, or guarantees it, and whether they agreed to it."""

    role: str
    party_id: str
    accepted: bool


@dataclass(frozen=True, slots=True)
class SignedFor:
    """Who signed for the borrower: what they are to them, and the lender's id of their authority."""

    acts_as: str
    by: str


@dataclass(frozen=True, slots=True)
class Report:
    """What a check found. `wrong` empty means: untouched since the holder of the key sealed it.

    `signed` says whether both parties have signed; a draft is genuine and binds nobody.
    """

    kind: str
    content_hash: str
    lang: str
    signed: bool
    wrong: tuple[Finding, ...]
    content: Mapping[str, Any] = field(default_factory=dict, repr=False)
    signatures: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def liable(self) -> tuple[Liable, ...]:
        """Every other person whom the content names, each once for a role."""
        rows, found = self.content.get("liable"), {}
        for row in rows if isinstance(rows, list) else ():
            if isinstance(row, dict):
                role, party_id = str(row.get("role")), str(row.get("party_id"))
                given = _given(self.signatures, "guarantors" if role == _GUARANTOR else "co_borrowers")
                found[role, party_id] = Liable(role, party_id, bool(given.get(party_id)))
        return tuple(found.values())

    @property
    def signed_for(self) -> SignedFor | None:
        """Who signed for the borrower; None where nobody did."""
        given = _given(self.signatures, "borrower")
        return SignedFor(str(given.get("acts_as")), str(given["by"])) if given.get("by") else None


def check_pdf(file: bytes, public: bytes) -> Report:
    """Check the seal over the bytes, the signed content, its hash, the signatures and every page."""
    wrong: list[Finding] = []
    pdf, mark = split(file)
    opened = _open(pdf)
    if isinstance(opened, str):
        what = f"cannot be read as a PDF ({opened})"
        if mark is None:
            what += ", and does not end with a seal: it was cut short, or never was a document of a lender"
        elif not is_sealed_by(public, pdf, mark):
            what += ": its bytes are not those that the holder of this key sealed"
        # One thing is wrong with it, and nothing else in it can be looked at.
        return Report("unknown", "", "", signed=False, wrong=(Finding("file", what),))
    if mark is None:
        wrong.append(
            Finding("seal", "the file does not end with a seal: it was never sealed, or its end was changed")
        )
    elif not is_sealed_by(public, pdf, mark):
        wrong.append(
            Finding("seal", "the bytes of the file are not those that the holder of this key sealed")
        )
    attached, pages = opened
    content, signatures = (_object(name, attached, wrong) for name in (_CONTENT, _SIGNATURES))
    if content is None or signatures is None:
        return Report("unknown", "", "", signed=False, wrong=tuple(wrong))
    raw = attached[_CONTENT]
    digest = sha256(raw).hexdigest()
    if signatures.get("hash") != digest:
        wrong.append(Finding("content", f"its SHA-256 is {digest}, which is not the hash that was signed"))
    kind = str(signatures.get("kind", "unknown"))
    signed = _signed(kind, signatures, raw, digest, public, wrong)
    if signed and kind == "agreement":
        signed = _all_agreed(content, signatures, "guarantors", "guarantor's consent", wrong)
        signed = _all_agreed(content, signatures, "must_sign", "co-borrower's signature", wrong) and signed
    if kind == "agreement":
        signed = _co_borrowers_are_right(content, signatures, digest, wrong) and signed
    for number, text in enumerate(pages, start=1):
        if digest not in "".join(text.split()):
            wrong.append(Finding(f"page {number}", "does not print the hash of the content"))
    return Report(kind, digest, str(signatures.get("lang", "")), signed, tuple(wrong), content, signatures)


def _open(pdf: bytes) -> tuple[dict[str, bytes], list[str]] | str:
    """Give the attachments and the text of every page, or what kept the file from being read."""
    from pypdf import PdfReader

    # It says of each broken piece what it holds, in the log: that may be a name or an amount.
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    try:
        reader = PdfReader(io.BytesIO(pdf), strict=True)
        attached = {name: found[0] for name, found in reader.attachments.items() if len(found) == 1}
        if len(reader.pages) > _MOST_PAGES:
            raise ValueError("too many pages")
        return attached, [page.extract_text() for page in reader.pages]
    except Exception as error:  # noqa: BLE001 - a damaged file can break a parser in any way
        return type(error).__name__


def _object(name: str, attached: Mapping[str, bytes], wrong: list[Finding]) -> dict[str, Any] | None:
    if name not in attached:
        wrong.append(Finding(name, "is not attached, or more than once"))
        return None
    try:
        found = json.loads(attached[name])
        if isinstance(found, dict) and exact(found) == attached[name]:
            return found
    except (ValueError, TypeError, RecursionError):
        pass
    wrong.append(Finding(name, "is not canonical JSON"))
    return None


def _signed(
    kind: str, signatures: Mapping[str, Any], raw: bytes, digest: str, public: bytes, wrong: list[Finding]
) -> bool:
    """Check who has signed; a draft that nobody has signed yet is not wrong."""
    lender, borrower = signatures.get("lender"), signatures.get("borrower")
    if kind == "agreement":
        for name, party in (("lender", lender), ("borrower", borrower)):
            if isinstance(party, dict) and party.get("content_hash") != digest:
                wrong.append(Finding(f"{name}'s signature", "is for another content"))
        if signatures.get("effective") is None:
            return False
        if not isinstance(borrower, dict) or not borrower.get("evidence"):
            wrong.append(Finding("borrower's signature", "has no evidence of the acceptance"))
    if not isinstance(lender, dict) or not isinstance(lender.get("signature"), str):
        wrong.append(Finding("lender's signature", "is missing"))
    elif not is_signed_by(public, raw, lender["signature"]):
        wrong.append(
            Finding("lender's signature", f"was not made over this content with the key {key_id_of(public)}")
        )
    return not wrong


def _given(signatures: Mapping[str, Any], name: str) -> dict[str, Any]:
    found = signatures.get(name)
    return found if isinstance(found, dict) else {}


def _all_agreed(
    content: Mapping[str, Any], signatures: Mapping[str, Any], asking: str, what: str, wrong: list[Finding]
) -> bool:
    """Check that everybody whom the content asks for has agreed; without them nothing takes effect."""
    asked = content.get(asking)
    given = _given(signatures, "co_borrowers" if asking == "must_sign" else asking)
    lacking = [one for one in asked if not given.get(str(one))] if isinstance(asked, list) else []
    wrong += [Finding(what, f"is missing: {one}") for one in lacking]
    return not lacking


def _co_borrowers_are_right(
    content: Mapping[str, Any], signatures: Mapping[str, Any], digest: str, wrong: list[Finding]
) -> bool:
    """Check each co-borrower's signature: of this content, with evidence, of somebody whom it names."""
    rows = content.get("liable")
    liable = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    owing = {str(row.get("party_id")) for row in liable if row.get("role") != _GUARANTOR}
    before = len(wrong)
    for party_id, made in _given(signatures, "co_borrowers").items():
        where = f"signature of the co-borrower {party_id}"
        if party_id not in owing:
            wrong.append(Finding(where, "is of nobody who owes a debt of this content"))
        elif not isinstance(made, dict) or made.get("content_hash") != digest:
            wrong.append(Finding(where, "is for another content"))
        elif not made.get("evidence"):
            wrong.append(Finding(where, "has no evidence of the acceptance"))
    return len(wrong) == before
