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

from pydantic import BaseModel

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
_ALIASES: Final = {
    "owner_role": "role",
    "to_role": "role",
    "escalate_to": "role",
    "now": "was",
    "place": "channel",  # of a message; where people met is personal, and shown nowhere
}
_COMMA: Final[dict[Language, str]] = {"zh": "、", "en": ", "}
_COLON: Final[dict[Language, str]] = {"zh": "：", "en": ": "}
_ONE: Final = re.compile(
    r"(?<![\d.,-])1 "
    r"(month|day|time|instalment|business day|debt|plan|answer|part|round|reason|payment|pack)s\b"
)
_NOT_SENT: Final = "not_sent: "
_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d\S*")
_COMPONENTS: Final = frozenset({"principal", "interest", "fees", "late_charges"})
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
    return _singular(said, language)


def parameters(code: ReasonCode | str) -> frozenset[str]:
    """Give the names of the parameters that the words of a reason have a place for."""
    return frozenset(_NAME.findall(_table("reasons.toml")[str(code)]["en"]))


def story(event_type: str, lang: str = "en", data: Event | Mapping[str, Any] | None = None) -> str:
    """Give the line of a case's story for a message, filled from its data (the model or its wire form).

    Lists of amounts show these, others their length, enumerated values and reasons their words; personal
    data never shows. A type that this version does not know is shown as it is. Raises ValueError for a
    language other than zh and en.
    """
    language = _language(lang)
    template = _table("stories.toml").get(event_type)
    if template is None:
        return event_type

    def find(name: str) -> str | None:
        value = data.get(name) if isinstance(data, Mapping) else getattr(data, name, None)
        return _show(name, value, language)

    return _singular(_fill(template[language], find), language)


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
        return part[1] if all(find(name) for name in _NAME.findall(part[1])) else ""

    return _NAME.sub(lambda part: find(part[1]) or _MISSING, _OPTIONAL.sub(optional, template))


def _singular(said: str, lang: Language) -> str:
    return _ONE.sub(r"1 \1", said) if lang == "en" else said


def _show(name: str, value: Any, lang: Language) -> str | None:
    if value is None or isinstance(value, Personal):
        return None
    if isinstance(value, Reason):
        return text(value.code, value.params, lang)
    if isinstance(value, Money):
        return f"{value} {value.currency}"
    if isinstance(value, datetime):
        return _moment(value.isoformat())
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, BaseModel):
        return _show(name, value.model_dump(mode="json"), lang)
    if isinstance(value, Mapping):
        return _show_part(value, lang)
    if isinstance(value, list | tuple):
        amounts = [_show(name, one, lang) for one in value if _is_money(one)]
        return _COMMA[lang].join(filter(None, amounts)) if amounts else str(len(value))
    if isinstance(value, bool):  # true or nothing: what is not so takes its part of the line with it
        return str(_table("words.toml")[name][str(value).lower()][LANGUAGES.index(lang)])
    if isinstance(value, str) and _MOMENT.fullmatch(value):
        return _moment(value)
    if isinstance(value, Enum | str):
        return _named(name, str(value), lang)
    return str(value) if isinstance(value, int | Decimal) else None


def _moment(said: str) -> str:
    """Give a moment with the offset of its place; what only looks like one stays as it is."""
    try:
        return f"{datetime.fromisoformat(said):%Y-%m-%d %H:%M %Z}".rstrip()
    except ValueError:
        return said


def _is_money(value: Any) -> bool:
    return isinstance(value, Money) or (isinstance(value, Mapping) and value.keys() == {"amount", "currency"})


def _show_part(value: Mapping[str, Any], lang: Language) -> str | None:
    """Give an amount, the sum of one that is told by component, or a reason; nothing of other parts."""
    if _is_money(value):
        return f"{value['amount']} {value['currency']}"
    if value.keys() == _COMPONENTS:
        amounts = [Money.parse(one["amount"], one["currency"]) for one in value.values()]
        whole = sum(amounts[1:], amounts[0])
        return f"{whole} {whole.currency}"
    return text(str(value["code"]), value.get("params"), lang) if "code" in value else None


def _named(name: str, value: str, lang: Language) -> str:
    """Give the words of an enumerated value, or of several with commas between; others stay as they are."""
    table = _table("words.toml").get(_ALIASES.get(name, name), {})
    at = LANGUAGES.index(lang)
    if name == "item" and value not in table:
        # What a person has named themselves, e.g. `asset:boat`, shows without the kind of figure it is.
        return value.rpartition(":")[2].replace("_", " ")
    if name == "outcome" and value.startswith(_NOT_SENT):
        return f"{table['not_sent'][at]} ({value.removeprefix(_NOT_SENT).replace('_', ' ')})"
    return _COMMA[lang].join(table[part][at] if part in table else part for part in value.split(", "))
