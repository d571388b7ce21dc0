"""The agreements and letters of a bundle as PDF: made for it, and checked when it is.

Each file is sealed by the lender and holds the canonical content with both signatures; that content has to be
what the bundle's own chain says was drawn up, and its signatures those that it says were given.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from services.console.bundle import Fault
    from shared.crypto.sealing import PersonKey

__all__ = ["check_papers", "papers_of"]

_FOLDER = "documents/"


def papers_of(
    entries: Sequence[Mapping[str, Any]],
    case: str,
    customer: str,
    key: Ed25519PrivateKey,
    person: PersonKey | None = None,
    erased: str = "",
) -> dict[str, bytes]:
    """Give every agreement that was signed, the draft on the table, and the letters, in both languages.

    By their names below documents/. `person` opens the borrower's name for the paper; `erased` is up to when
    the key of it was destroyed. What an older version
    drew up without naming its clauses stays in the bundle as it was filed. Raises PaperError for a document
    that was changed on file.
    """
    from services.agreement.paper.filed import agreements_of, letters_of
    from services.agreement.paper.pdf import make_pdf
    from services.agreement.paper.words import LANGUAGES

    readable = [_opened(entry, person) for entry in entries]
    made: dict[str, bytes] = {}
    agreements = agreements_of(readable, case, customer, erased)
    for one in agreements:
        if one.drafted.terms is None or (one.effective is None and one is not agreements[-1]):
            continue
        for lang in LANGUAGES:
            made[f"agreement-{one.drafted.version}.{lang}.pdf"] = make_pdf(one, lang, key)
    for number, letter in enumerate(letters_of(readable, case, customer, erased), start=1):
        for lang in LANGUAGES:
            made[f"settlement-letter-{number}.{lang}.pdf"] = make_pdf(letter, lang, key)
    return made


def _opened(entry: Mapping[str, Any], person: PersonKey | None) -> dict[str, Any]:
    from services.console.sealed import entry_key_name, opened

    if person is None:
        return dict(entry)
    name = entry_key_name(entry["source"], entry["id"])
    return opened(entry, lambda kid: person.for_entry(name) if kid == person.kid else None)


def check_papers(files: Mapping[str, bytes], keys: Sequence[bytes]) -> list[Fault]:
    """Check each PDF of a bundle whose own bytes are proven already; `keys` are raw public keys.

    Its seal and its signatures may be of different keys of the lender, but each of one that was given. The
    content has to be what the chain of the same bundle says.
    """
    from pydantic import ValidationError

    from services.agreement.document import content_hash
    from services.agreement.paper.check import check_pdf
    from services.agreement.paper.filed import agreements_of
    from services.agreement.paper.layout import PaperError
    from services.agreement.paper.signed import unlike_on_file
    from services.console.bundle import Fault
    from shared.contracts.agreement import AgreementDrafted, SettlementLetterIssued
    from shared.crypto.canonical import parsed

    filed, faults, entries = set[str](), list[Fault](), list[dict[str, Any]]()
    kinds = {kind.TYPE: kind for kind in (AgreementDrafted, SettlementLetterIssued)}
    for line in files["chain.jsonl"].splitlines():
        entry = parsed(line)
        if "type" in entry:
            entries.append(entry)
        kind = kinds.get(entry.get("type", ""))
        if kind is not None:
            try:
                filed.add(content_hash(kind.model_validate(entry["data"]), entry["case"]))
            except ValidationError:
                rule = "was filed by a version that this one does not know: a newer one can check it"
                faults.append(Fault(f"entry {entry['number']}", rule))
    case = str(parsed(files["manifest.json"])["case"])
    try:
        agreements = {one.drafted.content_hash: one for one in agreements_of(entries, case, "")}
    except (ValidationError, PaperError) as error:
        # What a draft was is said above; of a signature of a newer version nothing is known either.
        why = str(error) if isinstance(error, PaperError) else "holds signatures of a newer version"
        faults += [Fault("chain.jsonl", why)] if not faults else []
        agreements = {}
    for name, content in files.items():
        if not (name.startswith(_FOLDER) and name.endswith(".pdf")):
            continue
        reports = [check_pdf(content, key) for key in keys]
        wrong = [set(report.wrong) for report in reports]
        by_all = set.intersection(*({finding.where for finding in found} for found in wrong))
        found = [finding for finding in reports[0].wrong if finding.where in by_all]
        faults += [Fault(name, str(finding)) for finding in found]
        if not found and reports[0].content_hash not in filed:
            faults.append(Fault(name, "its content is not what the chain says was drawn up"))
        known = agreements.get(reports[0].content_hash)
        unlike = [] if found or known is None else unlike_on_file(reports[0].signatures, known)
        if unlike:
            what = "its signatures are not those that the chain says were given"
            faults.append(Fault(name, f"{what}: {', '.join(unlike)}"))
    return faults
