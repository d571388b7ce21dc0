"""From a document to a sealed PDF/A-3: Typst sets it, the signed content and the signatures are attached.

The same document gives the same bytes: its date is that of the content, no system font is read, and the font
(Noto, OFL) comes from a package and is embedded.
"""

from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import pylopdf_fonts_zh_cn as fonts
import typst
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.agreement.document import canonical_content
from services.agreement.keys import key_id_of, raw_public, sign_with
from services.agreement.paper.layout import Agreement, Letter, PaperError, page_of
from services.agreement.paper.seal import seal
from shared.contracts.agreement import PartySigned
from shared.contracts.desk import SignatureParty
from shared.crypto.canonical import exact

__all__ = ["CONTENT", "SIGNATURES", "make_pdf", "signatures_of"]

CONTENT: Final = "content.json"
SIGNATURES: Final = "signatures.json"
_compile: Final[Any] = typst.compile  # its stub does not know that sources may be given as a mapping
_LAYOUT: Final = files("services.agreement.paper").joinpath("page.typ")


def make_pdf(document: Agreement | Letter, lang: str, key: Ed25519PrivateKey | None = None) -> bytes:
    """Set the document in one language; with the lender's key, sign its content and seal the file.

    The signature that the lender gave at the signing is taken as it is; where none was given with it, the
    lender's acceptance on file is signed now. A draft is sealed, but never signed here. Raises PaperError.
    """
    content = document.drafted if isinstance(document, Agreement) else document.issued
    signed = canonical_content(content, document.case)
    if isinstance(document, Agreement) and document.effective is not None and key is not None:
        document = replace(document, signed=tuple(_with_signature(s, signed, key) for s in document.signed))
    attached = {CONTENT: signed, SIGNATURES: exact(signatures_of(document, lang, signed, key))}
    about = {CONTENT: "the canonical content", SIGNATURES: "who signed it, how and when"}
    page = {**page_of(document, lang), "attached": list(about.items())}
    try:
        pdf = _compile(
            {"main.typ": _LAYOUT.read_bytes(), "page.json": exact(page), **attached},
            font_paths=[str(Path(fonts.serif_path()).parent)],
            ignore_system_fonts=True,
            pdf_standards="a-3b",
        )
    except typst.TypstError as error:
        raise PaperError(f"the document cannot be set: {error}") from error
    if not isinstance(pdf, bytes):
        raise PaperError("the document cannot be set: it has no single file")
    return pdf if key is None else seal(pdf, key)


def _with_signature(given: PartySigned, content: bytes, key: Ed25519PrivateKey) -> PartySigned:
    if given.party is not SignatureParty.LENDER or given.signature is not None:
        return given
    made = {"key_id": key_id_of(raw_public(key)), "signature": sign_with(key, content)}
    return given.model_copy(update=made)


def signatures_of(
    document: Agreement | Letter, lang: str, content: bytes, key: Ed25519PrivateKey | None
) -> dict[str, Any]:
    """Give what is attached beside the content: both acceptances, and the lender's Ed25519 signature."""
    if isinstance(document, Letter):
        lender: dict[str, Any] = {} if key is None else {
            "algorithm": "Ed25519", "key_id": key_id_of(raw_public(key)), "signature": sign_with(key, content)
        }  # fmt: skip
        return {"kind": "letter", "hash": document.issued.content_hash, "lang": lang, "lender": lender}
    drafted, parties = document.drafted, {}
    for given in document.signed:
        said = given.model_dump(mode="json", include={"content_hash", "at", "channel", "evidence", "checked"})
        if given.signature is not None:
            said |= {"algorithm": "Ed25519", "key_id": given.key_id, "signature": given.signature}
        parties[given.party.value] = said
    return {
        "kind": "agreement",
        "hash": drafted.content_hash,
        "lang": lang,
        "signed_language": drafted.language,
        "effective": document.effective,
        "supersedes": document.supersedes,
        **({"guarantors": dict(document.consents)} if drafted.guarantors else {}),
        **parties,
    }
