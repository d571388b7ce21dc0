"""The words of the rules by which the guard of conduct denies a contact."""

from __future__ import annotations

import tomllib
from functools import lru_cache
from importlib.resources import files
from typing import Any

from shared.conduct import Rule
from shared.texts.words import Language

__all__ = ["rule_words"]


@lru_cache(maxsize=1)
def _table() -> dict[str, Any]:
    return tomllib.loads(files("shared.texts").joinpath("conduct.toml").read_text(encoding="utf-8"))


def rule_words(rule: Rule, lang: Language) -> str:
    """What a rule says, for the person who wanted to send."""
    return str(_table()[rule][lang])
