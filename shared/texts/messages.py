"""The messages that borrowers are sent: templates in both languages, always with the way to stop them.

Some have two bodies: one that names no debt, and one in full for who was shown to be the borrower.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from importlib.resources import files
from typing import Any, Final

from shared.contracts.breach import BreachFacts
from shared.contracts.notice import NoticeKind
from shared.lending.money import Money
from shared.texts.words import LANGUAGES, Language

__all__ = ["MESSAGES", "message_parameters", "message_words"]

MESSAGES: Final[tuple[NoticeKind, ...]] = tuple(NoticeKind)

_NAME: Final = re.compile(r"\{([a-z_]+)\}")
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)
_COMMA: Final[dict[Language, str]] = {"zh": "、", "en": ", "}
# Of an account number, as it is printed on a receipt: enough to know which, and of no use to a stranger.
_TAIL: Final = 4


@lru_cache(maxsize=1)
def _table() -> dict[str, Any]:
    return tomllib.loads(files("shared.texts").joinpath("messages.toml").read_text(encoding="utf-8"))


def message_parameters(kind: NoticeKind, lang: Language, *, in_full: bool = False) -> frozenset[str]:
    """Give the names of what a message must be filled with."""
    return frozenset(_NAME.findall("".join(_words(kind, lang, in_full=in_full))))


def message_words(
    kind: NoticeKind, lang: Language, given: Mapping[str, str], facts: BreachFacts | None = None
) -> tuple[str, str]:
    """Give subject and body in one language; with `facts`, which only the borrower may read, in full.

    Raises ValueError naming the parameters that are missing: a message with a gap is never sent.
    """
    in_full = facts is not None and kind in _table()["in_full"]
    if in_full and facts is not None:
        given = {**given, **_figures(facts, lang)}
    words = _words(kind, lang, in_full=in_full)
    missing = frozenset(_NAME.findall("".join(words))) - {name for name, value in given.items() if value}
    if missing:
        raise ValueError(f"the message {kind} lacks: {', '.join(sorted(missing))}")
    said = {name: _day(value, lang) for name, value in given.items()}
    subject, body = (_filled(part, said) for part in words)
    return subject, body


def _words(kind: NoticeKind, lang: Language, *, in_full: bool) -> tuple[str, str]:
    table = _table()
    words = table[kind][lang]
    body = table["in_full"][kind][lang] if in_full else words["body"]
    return str(words["subject"]), f"{body}{table['way_to_stop'][lang]['body']}"


def _filled(words: str, given: Mapping[str, str]) -> str:
    return _NAME.sub(lambda part: given[part[1]], words)


def _day(value: str, lang: Language) -> str:
    """Write a date (ISO 8601) as people of the language do; anything else stays as it is."""
    if _DAY.fullmatch(value) is None:
        return value
    year, month, day = map(int, value.split("-"))
    return f"{year}年{month}月{day}日" if lang == "zh" else f"{day} {_MONTHS[month - 1]} {year}"


# --- in full


def _figures(facts: BreachFacts, lang: Language) -> dict[str, str]:
    """Write out what is open, what a breach takes back and what it leaves."""
    of_rates = tuple(rate.debt_id for rate in facts.rates)
    tails = _tails(facts.debts, *(one.debts for one in facts.instalments), of_rates)
    comma = _COMMA[lang]

    def line(name: str, **given: str) -> str:
        return _filled(_table()["line"][name][LANGUAGES.index(lang)], given)

    def named(debts: Sequence[str]) -> str:
        return line("debt" if len(debts) == 1 else "debts", named=comma.join(tails[debt] for debt in debts))

    open_ = [
        line(
            "instalment",
            number=str(one.number),
            due=_day(one.due.isoformat(), lang),
            debts=named(one.debts),
            missing=_money((one.missing,), comma),
        )
        for one in facts.instalments
    ]
    rates = comma.join(
        line("rate", debt=tails[rate.debt_id], pct=f"{rate.annual_rate_pct.normalize():f}")
        for rate in facts.rates
    )
    lost = [line("plan_ends")]
    lost += [line("returns", returns=_money(facts.returns, comma))] if facts.returns else []
    lost += [line("rates", rates=rates)] if rates else []
    lost += [line("rates_of_contract")] if facts.rates_return and not rates else []
    kept = [line("paid")]
    kept += [line("stays", stays=_money(facts.stays, comma))] if facts.stays else []
    kept += [line("rate_cut", pct=f"{facts.rate_cut_pct.normalize():f}")] if facts.rate_cut_pct else []
    return {
        "debts": named(facts.debts),
        "instalments": "\n".join(open_),
        "missing": _money((one.missing for one in facts.instalments), comma),
        "lost": "\n".join(lost),
        "kept": "\n".join(kept),
    }


def _money(amounts: Iterable[Money], comma: str) -> str:
    """Add amounts up, each currency apart."""
    sums: dict[str, Money] = {}
    for amount in amounts:
        sums[amount.currency] = sums.get(amount.currency, Money.zero(amount.currency)) + amount
    return comma.join(f"{Decimal(str(amount)):,} {amount.currency}" for amount in sums.values())


def _tails(*groups: Sequence[str]) -> dict[str, str]:
    """Give the end of each account number, as much of it as tells these debts apart."""
    debts = tuple(dict.fromkeys(debt for group in groups for debt in group))
    longest = max(map(len, debts), default=_TAIL)
    for length in range(_TAIL, longest):
        tails = {debt: debt[-length:] for debt in debts}
        if len(set(tails.values())) == len(debts):
            return tails
    return {debt: debt for debt in debts}
