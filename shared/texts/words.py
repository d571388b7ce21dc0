"""Fill the words of a reason or of a story's line with what the message says.

A template names parameters as `{name}`. A part in `[ … ]` is left out when one of its parameters is missing;
a parameter missing elsewhere shows as `…`: a text that lacks a figure is better than no text.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from importlib.resources import files
from typing import Any, Final, Literal

from shared.contracts.base import Event, Personal, Reason
from shared.contracts.reasons import ReasonCode
from shared.lending.money import Money

__all__ = [
    "LANGUAGES",
    "Language",
    "field_name",
    "label",
    "parameters",
    "story",
    "story_fields",
    "text",
    "word",
]

Language = Literal["zh", "en"]

LANGUAGES: Final[tuple[Language, ...]] = ("zh", "en")
_MISSING: Final = "…"
_OPTIONAL: Final = re.compile(r"\[([^\[\]]*)\]")
_ALIASES: Final = {"owner_role": "role", "to_role": "role", "escalate_to": "role", "now": "was"}
_COMMA: Final[dict[Language, str]] = {"zh": "、", "en": ", "}
_COLON: Final[dict[Language, str]] = {"zh": "：", "en": ": "}
_ONE: Final = re.compile(r"(?<![\d.,-])1 (month|day|time|instalment|business day)s\b")
_NAME: Final = re.compile(r"\{([a-z_]+)\}")


@lru_cache(maxsize=8)
def _table(name: str) -> dict[str, Any]:
    return tomllib.loads(files("shared.texts").joinpath(name).read_text(encoding="utf-8"))


def text(code: ReasonCode | str, params: Mapping[str, str] | None = None, lang: str = "en") -> str:
    """Give the words of a reason, filled with its parameters; parameters it has no place for are left out.

    A code that this version does not know (a newer sender) is shown as its own name. Raises ValueError
    for a language other than zh and en.
    """
    given = params or {}
    template = _table("reasons.toml").get(str(code))
    if template is None:
        return str(code).replace("_", " ")
    language = _language(lang)
    said = _fill(
        template[language], lambda key: _named(key, given[key], language) if given.get(key) else None
    )
    return _ONE.sub(r"1 \1", said) if language == "en" else said


def parameters(code: ReasonCode | str) -> frozenset[str]:
    """Give the names of the parameters that the words of a reason have a place for."""
    return frozenset(_NAME.findall(_table("reasons.toml")[str(code)]["en"]))


def story(event_type: str, lang: str = "en", data: Event | Mapping[str, Any] | None = None) -> str:
    """Give the line of a case's story for a message, filled from its data (the model or its wire form).

    Lists show their length, enumerated values and reasons their words; personal data never shows. A type
    that this version does not know is shown as it is. Raises ValueError for a language other than zh and en.
    """
    language = _language(lang)
    template = _table("stories.toml").get(event_type)
    if template is None:
        return event_type

    def find(name: str) -> str | None:
        value = data.get(name) if isinstance(data, Mapping) else getattr(data, name, None)
        return _show(name, value, language)

    return _fill(template[language], find)


def word(field: str, value: str, lang: str = "en") -> str:
    """Give the words of one enumerated value by the field that holds it; a value without words as it is."""
    return _named(field, value, _language(lang))


def label(name: str, lang: str = "en") -> str:
    """Give the words of a heading or of a figure's name; a name without words is shown as it is.

    Raises ValueError for a language other than zh and en.
    """
    at = LANGUAGES.index(_language(lang))
    found = _table("labels.toml").get(name)
    return name.replace("_", " ") if found is None else str(found[at])


def field_name(path: str, lang: str = "en") -> str:
    """Give the words of a field of a message by its way there, `obligors/0/name`; places count from 1.

    A part without words is shown as it is. Raises ValueError for a language other than zh and en.
    """
    language = _language(lang)
    at = LANGUAGES.index(language)
    table, said = _table("fields.toml"), ""
    for part in path.split("/"):
        if part.isdecimal():
            said += f" {int(part) + 1}"
        else:
            name = table[part][at] if part in table else part.replace("_", " ")
            said += f"{_COLON[language]}{name}" if said else name
    return said


def story_fields(event_type: str) -> frozenset[str]:
    """Give the fields of a message that its story line has a place for."""
    return frozenset(_NAME.findall(_table("stories.toml")[event_type]["en"]))


def _language(lang: str) -> Language:
    if lang == "zh":
        return "zh"
    if lang == "en":
        return "en"
    raise ValueError(f"no texts in this language; there are: {', '.join(LANGUAGES)}")


def _fill(template: str, find: Callable[[str], str | None]) -> str:
    def optional(part: re.Match[str]) -> str:
        return "" if any(find(name) is None for name in _NAME.findall(part[1])) else part[1]

    return _NAME.sub(lambda part: find(part[1]) or _MISSING, _OPTIONAL.sub(optional, template))


def _show(name: str, value: Any, lang: Language) -> str | None:
    if value is None or isinstance(value, Personal):
        return None
    if isinstance(value, Reason):
        return text(value.code, value.params, lang)
    if isinstance(value, Money):
        return f"{value} {value.currency}"
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Mapping):
        if value.keys() >= {"amount", "currency"}:
            return f"{value['amount']} {value['currency']}"
        return text(str(value["code"]), value.get("params"), lang) if "code" in value else None
    if isinstance(value, list | tuple):
        return str(len(value))
    if isinstance(value, Enum | str):
        return _named(name, str(value), lang)
    return str(value) if isinstance(value, int | Decimal) else None


def _named(name: str, value: str, lang: Language) -> str:
    """Give the words of an enumerated value, or of several with commas between; others stay as they are."""
    table = _table("words.toml").get(_ALIASES.get(name, name), {})
    at = LANGUAGES.index(lang)
    if name == "item" and value not in table:
        # What a person has named themselves, e.g. `asset:boat`, shows without the kind of figure it is.
        return value.rpartition(":")[2].replace("_", " ")
    return _COMMA[lang].join(table[part][at] if part in table else part for part in value.split(", "))
