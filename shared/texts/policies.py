"""What the values of a policy pack mean, in words."""

from __future__ import annotations

import tomllib
from functools import lru_cache
from importlib.resources import files
from typing import Any

from shared.texts.words import LANGUAGES, Language

__all__ = ["policy_words", "section_words"]


@lru_cache(maxsize=1)
def _table() -> dict[str, Any]:
    return tomllib.loads(files("shared.texts").joinpath("policies.toml").read_text(encoding="utf-8"))


def policy_words(key: str, lang: Language) -> str:
    """What the value at ``key`` (``"term.max_months"``) means; the key itself where there are no words."""
    section, _, name = key.partition(".")
    found = _table().get(section, {}).get(name)
    return str(found[LANGUAGES.index(lang)]) if found else key


def section_words(section: str, lang: Language) -> str:
    """The title of a section; its name where there are no words."""
    return policy_words(f"{section}._", lang) if section in _table() else section
