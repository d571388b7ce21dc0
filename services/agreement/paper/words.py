"""The words of the documents, by edition. They are part of the program: read once, with the module.

An agreement names the edition it was drawn up with and that edition's SHA-256; paper is only made with words
that hash to it.
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from hashlib import sha256
from importlib.resources import files
from typing import Any, Final

__all__ = ["EDITION", "LANGUAGES", "Words", "words_of"]

LANGUAGES: Final = ("zh", "en")
EDITION: Final = "13"
"""The edition that new documents are drawn up with."""

_EDITIONS: Final = ("1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13")
_FROM_TEN: Final = 10
_FROM_ELEVEN: Final = 11
# What English says of one, in the place of what it says of several; in this order. What an edition prints
# stays as it is: what was found later is said from the next one on.
_SINGULAR_11: Final = (
    ("after 1 payments in a row are made on time", "after one payment is made on time"),
    ("after 1 instalments on time in a row", "after one instalment on time"),
    ("and 1 payments in a row", "and one payment"),
)
_SINGULAR: Final = (
    ("There are 1 days", "There is 1 day"),
    ("when 1 instalments in a row are missed, or one is", "when one instalment is missed, or is"),
    ("The first 1 payments are", "The first payment is"),
    ("the last 1 instalments", "the last instalment"),
    ("brings back the 1 months", "brings back the review of every month"),
    ("every 1 months", "every month"),
    *((f"1 {name}s", f"1 {name}") for name in ("day", "month", "year", "payment", "instalment")),
)
_NAME: Final = re.compile(r"\{([a-z_]+)\}")
_OPTIONAL: Final = re.compile(r"\[([^\[\]]*)\]")


class Words:
    """One edition in both languages."""

    def __init__(self, raw: bytes, singular: Sequence[tuple[str, str]] = (*_SINGULAR_11, *_SINGULAR)) -> None:
        self._singular: Final = singular
        self.digest: Final = sha256(raw).hexdigest()
        self._tables: Final[dict[str, Any]] = tomllib.loads(raw.decode("utf-8"))

    @property
    def clauses(self) -> frozenset[str]:
        """The names of the clauses that this edition has words for."""
        return frozenset(self._tables["clause"])

    def has(self, table: str, name: str) -> bool:
        """Say whether a table has words for a name; an older edition may lack the table."""
        return name in self._tables.get(table, {})

    def label(self, name: str, lang: str, params: Mapping[str, Any] | None = None) -> str:
        """Give a label; KeyError for one that there is not."""
        return self._one(_fill(self._tables["labels"][name][LANGUAGES.index(lang)], params or {}), lang)

    def named(self, table: str, name: str, lang: str) -> str:
        """Give the words of an enumerated value; what the edition does not know shows as it is."""
        found = self._tables[table].get(name)
        return name if found is None else str(found[LANGUAGES.index(lang)])

    def title(self, clause: str, lang: str) -> str:
        """Give a clause's heading."""
        return str(self._tables["clause"][clause]["title"][LANGUAGES.index(lang)])

    def paragraphs(self, clause: str, lang: str, params: Mapping[str, Any]) -> list[str]:
        """Give a clause's paragraphs, without those that have no figures or do not apply."""
        return [
            self._one(_fill(paragraph[lang], params), lang)
            for paragraph in self._tables["clause"][clause]["paragraphs"]
            if all(params.get(name) for name in _NAME.findall(_OPTIONAL.sub("", paragraph[lang])))
            and ("when" not in paragraph or params.get(paragraph["when"]))
        ]

    def _one(self, text: str, lang: str) -> str:
        """Say in the singular what English says of 1, from edition 10 on."""
        for several, one in self._singular if lang == "en" else ():
            text = re.sub(rf"(?<![\w.,-]){re.escape(several)}\b", one, text)
        return text


def _fill(template: str, params: Mapping[str, Any]) -> str:
    def optional(part: re.Match[str]) -> str:
        return part[1] if all(params.get(name) for name in _NAME.findall(part[1])) else ""

    return _NAME.sub(lambda part: str(params[part[1]]), _OPTIONAL.sub(optional, template))


def _singular_of(edition: int) -> tuple[tuple[str, str], ...]:
    found = _SINGULAR if edition >= _FROM_TEN else ()
    return (*_SINGULAR_11, *found) if edition >= _FROM_ELEVEN else found


_BOOKS: Final = {
    edition: Words(
        files("services.agreement.paper").joinpath(f"words_{edition}.toml").read_bytes(),
        _singular_of(int(edition)),
    )
    for edition in _EDITIONS
}


def words_of(edition: str) -> Words | None:
    """Give an edition; None for one that this version of the program does not have."""
    return _BOOKS.get(edition)
