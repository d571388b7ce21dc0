"""The words of the documents, by edition. They are part of the program: read once, with the module.

An agreement names the edition it was drawn up with and that edition's SHA-256; paper is only made with words
that hash to it.
"""

import re
import tomllib
from collections.abc import Mapping
from hashlib import sha256
from importlib.resources import files
from typing import Any, Final

__all__ = ["EDITION", "LANGUAGES", "Words", "words_of"]

LANGUAGES: Final = ("zh", "en")
EDITION: Final = "10"
"""The edition that new documents are drawn up with."""

_EDITIONS: Final = ("1", "2", "3", "4", "5", "6", "7", "8", "9", "10")
_NAME: Final = re.compile(r"\{([a-z_]+)\}")
_OPTIONAL: Final = re.compile(r"\[([^\[\]]*)\]")


class Words:
    """One edition in both languages."""

    def __init__(self, raw: bytes) -> None:
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
        return _fill(self._tables["labels"][name][LANGUAGES.index(lang)], params or {})

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
            _fill(paragraph[lang], params)
            for paragraph in self._tables["clause"][clause]["paragraphs"]
            if all(params.get(name) for name in _NAME.findall(_OPTIONAL.sub("", paragraph[lang])))
            and ("when" not in paragraph or params.get(paragraph["when"]))
        ]


def _fill(template: str, params: Mapping[str, Any]) -> str:
    def optional(part: re.Match[str]) -> str:
        return part[1] if all(params.get(name) for name in _NAME.findall(part[1])) else ""

    return _NAME.sub(lambda part: str(params[part[1]]), _OPTIONAL.sub(optional, template))


_BOOKS: Final = {
    edition: Words(files("services.agreement.paper").joinpath(f"words_{edition}.toml").read_bytes())
    for edition in _EDITIONS
}


def words_of(edition: str) -> Words | None:
    """Give an edition; None for one that this version of the program does not have."""
    return _BOOKS.get(edition)
