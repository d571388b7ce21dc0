"""From a document to a sealed PDF/A-3: Typst sets it, the signed content and the signatures are attached.

The same document gives the same bytes: its date is that of the content, no system font is read, and the font
(Noto, OFL) comes from a package and is embedded.
"""

import re
import unicodedata
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
# What would show as something else: places for private use, where a font may have any sign, and what turns
# the direction of all that follows.
_NEVER_SHOWN: Final = re.compile("[\ue000-\uf8ff\U000f0000-\U0010fffd\u202a-\u202e\u2066-\u2069]")
# What has no shape of its own: it joins characters, or chooses one of several forms.
_INVISIBLE: Final = re.compile("[\u200b-\u200d\u2060\ufe00-\ufe0f\U000e0020-\U000e007f\U000e0100-\U000e01ef]")
_EVERYWHERE: Final = frozenset(map(chr, range(0x20, 0x7F))) | {"〔", "〕"}  # never what is lacking
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
    text, numbered = page, set(_NEVER_SHOWN.findall(exact(page).decode()))
    while True:
        if numbered:
            page = _numbered(text, numbered)
            page = page if explained is None else {**page, "about": [*page["about"], explained]}
        try:
            pdf = _compile(
                {"main.typ": _LAYOUT.read_bytes(), "page.json": exact(page), **attached},
                font_paths=[str(Path(fonts.serif_path()).parent)],
                ignore_system_fonts=True,
                pdf_standards="a-3b",
            )
        except typst.TypstError as error:
            lacking = _lacking_of(str(error), page) - numbered
            if not lacking or len(numbered) > _MOST_NUMBERED:
                raise PaperError(f"the document cannot be set: {error}") from error
            numbered |= lacking
            continue
        if not isinstance(pdf, bytes):
            raise PaperError("the document cannot be set: it has no single file")
        return pdf


def _lacking_of(error: str, page: Mapping[str, Any]) -> set[str]:
    """Give the characters that are to stand there by their number; none where the error is another one.

    Typst names what makes one sign, or only its beginning. Of a letter with a mark it is the mark that goes
    by its number, for the letter stands elsewhere, too.
    """
    found = _NOT_IN_FONT.search(error)
    if found is None:
        return set()
    # What cannot be printed stands there as an escape.
    text = re.sub(r"\\u\{([0-9a-f]+)\}", lambda part: chr(int(part[1], 16)), found[1])
    signs = _INVISIBLE.sub("", text)
    after = re.findall(re.escape(text) + "(.)", exact(page).decode())
    return {char for char in (*signs, *after) if _is_mark(char)} or set(signs) - _EVERYWHERE


def _is_mark(char: str) -> bool:
    """Whether it makes one sign with what stands before it: an accent, a cap, the colour of a skin."""
    return unicodedata.category(char).startswith("M") or "\U0001f3fb" <= char <= "\U0001f3ff"


def _numbered(value: Any, lacking: Set[str]) -> Any:
    """Put the Unicode number in the place of each of these characters, wherever it stands on the page.

    What only joined such a character to others, or chose its form, goes with it.
    """
    if isinstance(value, str):
        if lacking.isdisjoint(value):
            return value
        seen = _INVISIBLE.sub("", value)
        return "".join(f"〔U+{ord(char):04X}〕" if char in lacking else char for char in seen)
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
        letter = {"kind": "letter", "hash": document.issued.content_hash, "lang": lang, "lender": lender}
        return letter | _over_of(document)
    drafted, parties = document.drafted, {}
    for given in document.signed:
        said = given.model_dump(mode="json", include={"content_hash", "at", "channel", "evidence", "checked"})
        if given.signature is not None:
            said |= {"algorithm": "Ed25519", "key_id": given.key_id, "signature": given.signature}
        if given.by is not None:
            said |= {"by": given.by, "acts_as": given.acts_as}
        parties[given.party.value] = said
    return {
        "kind": "agreement",
        "hash": drafted.content_hash,
        "lang": lang,
        "signed_language": drafted.language,
        "effective": document.effective,
        "supersedes": document.supersedes,
        **({"guarantors": dict(document.consents)} if drafted.guarantors else {}),
        **_co_borrowers(document),
        **parties,
        **_over_of(document),
    }


def _co_borrowers(document: Agreement) -> dict[str, Any]:
    said = {"content_hash", "at", "channel", "evidence", "checked"}
    joined = {one.party_id: one.model_dump(mode="json", include=said) for one in document.joined}
    return {"co_borrowers": joined} if joined else {}


def _over_of(document: Agreement | Letter) -> dict[str, Any]:
    """Say what has become of it by the time that the file is made, so that who checks it is told."""
    return {} if document.over is None else {"over": dict(zip(("why", "since"), document.over, strict=True))}
