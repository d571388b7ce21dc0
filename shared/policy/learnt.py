"""A table of re-default learnt from one's own plans: told from the published one, and put into a pack's text.

What was learnt is a dated entry like every other value. Its clause marks it, so that the next time the
published figures are blended with all outcomes, and not with a blend that has those in it already.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Final

from shared.lending.plan_lender import LenderValue
from shared.policy.model import Pack, PolicyValue

__all__ = ["OWN_OUTCOMES", "NotEditableError", "learnt_entries", "published", "with_entries"]

OWN_OUTCOMES: Final = "own outcomes"
"""The clause of what was learnt."""

_KEYS: Final = ("redefault", "redefault_unknown_pct", "redefault_model")


class NotEditableError(ValueError):
    """A pack's file in which a value cannot be replaced; the text says why."""


def published(pack: Pack, on: date) -> LenderValue:
    """Give what the lender goes by on a day, with the published figures in the place of learnt ones."""
    values = dict(pack.values)
    for name in _KEYS:
        key = f"value.{name}"
        values[key] = tuple(e for e in values[key] if e.clause != OWN_OUTCOMES) or values[key]
    return pack.model_copy(update={"values": values}).in_force(on).plan_limits.value


def learnt_entries(
    pack: Pack, value: LenderValue, model: str, since: date, source: str
) -> dict[str, tuple[PolicyValue, ...]]:
    """Give every entry of the table's values: those there are, and the new one that holds from `since` on.

    NotEditableError where one there is holds from that day on or later.
    """
    new: dict[str, Any] = {
        "redefault": [
            {"reduction_pct": _pct(row.reduction_pct), "probability_pct": _pct(row.probability * 100)}
            for row in value.redefault
        ],
        "redefault_unknown_pct": _pct(value.unknown_probability * 100),
        "redefault_model": model,
    }
    found = {}
    for name, content in new.items():
        before = pack.values[f"value.{name}"]
        latest = before[-1].effective_from
        if latest is not None and latest >= since:
            raise NotEditableError(f"value.{name} already changes on {latest}: take a later day")
        entry = PolicyValue(
            effective_from=since, value=content, clause=OWN_OUTCOMES, source=source, verified=False
        )
        found[name] = (*before, entry)
    return found


def with_entries(text: str, entries: Mapping[str, Sequence[PolicyValue]]) -> str:
    """Give a pack's text with these values in its table `[value]`, and all else as it stands, comments too.

    NotEditableError where the text is not laid out as the packs are: a line `name = [`, and one `]`.
    """
    before = tomllib.loads(text)
    lines = text.rstrip("\n").split("\n")
    if "[value]" not in lines:
        lines += ["", "[value]"]
    for name, rows in entries.items():
        start = lines.index("[value]") + 1
        end = next((n for n in range(start, len(lines)) if lines[n].startswith("[")), len(lines))
        opening = f"{name} = ["
        if opening in lines[start:end]:
            at = lines.index(opening, start, end)
            if "]" not in lines[at:end]:
                raise NotEditableError(f"value.{name} does not end with a line of its own")
            del lines[at : lines.index("]", at, end) + 1]
        lines[start:start] = [opening, *(f"  {_toml(_plain(row))}," for row in rows), "]"]
    made = "\n".join(lines) + "\n"
    try:
        after = tomllib.loads(made)
    except tomllib.TOMLDecodeError as error:
        raise NotEditableError(f"its table [value] is not laid out as usual ({error})") from None
    for document in (before, after):
        table = document.setdefault("value", {})
        for name in entries:
            table.pop(name, None)
    if before != after:
        raise NotEditableError("more than the table of re-default would change")
    return made


def _plain(entry: PolicyValue) -> dict[str, Any]:
    plain = entry.model_dump(exclude_none=True)
    since = plain.pop("effective_from", None)
    return plain if since is None else {"from": since, **plain}


def _pct(figure: Decimal) -> int | str:
    """As a pack says it: a whole number, or a string with a decimal point."""
    return int(figure) if figure == figure.to_integral_value() else f"{figure.normalize():f}"


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{name} = {_toml(item)}" for name, item in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    return value.isoformat() if isinstance(value, date) else json.dumps(value, ensure_ascii=False)
