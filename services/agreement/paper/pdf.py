"""From a document to a sealed PDF/A-3: Typst sets it, the signed content and the signatures are attached.

The same document gives the same bytes: its date is that of the content, no system font is read, and the font
(Noto, OFL) comes from a package and is embedded.
"""

import re
from collections.abc import Mapping, Set
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import pylopdf_fonts_zh_cn as fonts
import typst
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.agreement.document import canonical_content
from services.agreement.keys import key_id_of, raw_public, sign_with
from services.agreement.paper.layout import Agreement, Letter, PaperError, not_in_font_of, page_of
from services.agreement.paper.seal import seal
from shared.contracts.agreement import PartySigned
from shared.contracts.desk import SignatureParty
from shared.crypto.canonical import exact

__all__ = ["CONTENT", "SIGNATURES", "make_pdf", "signatures_of"]

CONTENT: Final = "content.json"
SIGNATURES: Final = "signatures.json"
_compile: Final[Any] = typst.compile  # its stub does not know that sources may be given as a mapping
# What Typst says of a character that neither the fonts of the package nor its own have.
_NOT_IN_FONT: Final = re.compile(r'the text `"(.+?)"` could not be displayed')
_MOST_NUMBERED: Final = 50
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
    pdf = _set(page, attached, not_in_font_of(document, lang))
    return pdf if key is None else seal(pdf, key)


def _set(page: dict[str, Any], attached: Mapping[str, bytes], explained: str | None) -> bytes:
    """Set the page. A character that no font has (in a rare name) stands there by its Unicode number.

    Without that, nobody of such a name could have an agreement; what is signed is attached as it is.
    """
    numbered: set[str] = set()
    while True:
        try:
            pdf = _compile(
                {"main.typ": _LAYOUT.read_bytes(), "page.json": exact(page), **attached},
                font_paths=[str(Path(fonts.serif_path()).parent)],
                ignore_system_fonts=True,
                pdf_standards="a-3b",
            )
        except typst.TypstError as error:
            found = _NOT_IN_FONT.search(str(error))
            lacking = set(_text_of(found[1])) - numbered if found else set()
            if not lacking or len(numbered) > _MOST_NUMBERED:
                raise PaperError(f"the document cannot be set: {error}") from error
            if not numbered and explained is not None:
                page = {**page, "about": [*page["about"], explained]}
            numbered |= lacking
            page = _numbered(page, lacking)
            continue
        if not isinstance(pdf, bytes):
            raise PaperError("the document cannot be set: it has no single file")
        return pdf


def _text_of(quoted: str) -> str:
    """Give the text that Typst names: what cannot be printed stands there as an escape."""
    return re.sub(r"\\u\{([0-9a-f]+)\}", lambda part: chr(int(part[1], 16)), quoted)


def _numbered(value: Any, lacking: Set[str]) -> Any:
    """Put the Unicode number in the place of each of these characters, wherever it stands on the page."""
    if isinstance(value, str):
        return "".join(f"〔U+{ord(char):04X}〕" if char in lacking else char for char in value)
    if isinstance(value, list | tuple):
        return [_numbered(part, lacking) for part in value]
    if isinstance(value, dict):
        return {name: _numbered(part, lacking) for name, part in value.items()}
    return value


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
