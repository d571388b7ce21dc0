"""The messages that borrowers are sent: templates in both languages, always with the way to stop them."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Any, Final

from shared.contracts.notice import NoticeKind
from shared.texts.words import Language

__all__ = ["MESSAGES", "message_parameters", "message_words"]

MESSAGES: Final[tuple[NoticeKind, ...]] = tuple(NoticeKind)

_NAME: Final = re.compile(r"\{([a-z_]+)\}")


@lru_cache(maxsize=1)
def _table() -> dict[str, Any]:
    return tomllib.loads(files("shared.texts").joinpath("messages.toml").read_text(encoding="utf-8"))


def message_parameters(kind: NoticeKind, lang: Language) -> frozenset[str]:
    """Give the names of what a message must be filled with."""
    return frozenset(_NAME.findall("".join(_words(kind, lang))))


def message_words(kind: NoticeKind, lang: Language, given: Mapping[str, str]) -> tuple[str, str]:
    """Give subject and body in one language.

    Raises ValueError naming the parameters that are missing: a message with a gap is never sent.
    """
    missing = message_parameters(kind, lang) - {name for name, value in given.items() if value}
    if missing:
        raise ValueError(f"the message {kind} lacks: {', '.join(sorted(missing))}")
    subject, body = (_NAME.sub(lambda part: given[part[1]], words) for words in _words(kind, lang))
    return subject, body


def _words(kind: NoticeKind, lang: Language) -> tuple[str, str]:
    table = _table()
    words = table[kind][lang]
    return str(words["subject"]), f"{words['body']}{table['way_to_stop'][lang]['body']}"
