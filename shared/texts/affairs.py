"""The statement of affairs: an assessment as the borrower reads it, in 简体中文 or English (R2).

It says every figure as declared, as checked and as it counts, what is left of it and why, what would make
it better, and what the borrower may do. Nothing in it is computed here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from shared.contracts.assessment import AssessmentCompleted, Capacity, Figure, Override
from shared.contracts.base import Reason
from shared.contracts.household import OverrideFigure
from shared.contracts.reasons import ReasonCode
from shared.lending.money import Money
from shared.texts.words import text, word

__all__ = ["Section", "as_text", "statement_of_affairs"]


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and its lines: a label with what it says, or a sentence with an empty label."""

    title: str
    lines: tuple[tuple[str, str], ...]


def statement_of_affairs(said: AssessmentCompleted, owed: Money, lang: str = "en") -> tuple[Section, ...]:
    """Give the sections in the order in which they are read; empty ones are left out.

    Raises ValueError for a language other than zh and en.
    """
    sections = (
        ("income", _figures(said, "income:", lang) or (("", _label("no_income", lang)),)),
        ("spending", _figures(said, "spending:", lang)),
        ("left", _left(said, owed, lang)),
        ("next", _next(said, lang)),
        ("outlook", _outlook(said, lang)),
        ("assets", _figures(said, "asset:", lang)),
        ("debts", _figures(said, "other_debt:", lang)),
        ("situation", _situation(said, lang)),
        ("why", _sentences(said.capacity_reasons or said.reasons, lang)),
        ("scores", _scores(said, lang)),
        ("set_by_person", _set(said, lang)),
        ("open", _open(said, lang)),
        ("questions", tuple(("", word("question", code, lang)) for code in said.questions)),
        ("rights", _rights(said, lang)),
    )
    return tuple(Section(word("affairs", name, lang), lines) for name, lines in sections if lines)


def as_text(sections: Iterable[Section], lang: str = "en") -> str:
    """Write sections as plain text, one line each."""
    colon = "：" if lang == "zh" else ": "
    blocks = []
    for section in sections:
        lines = [f"  {label}{colon if label else ''}{said}" for label, said in section.lines]
        blocks.append("\n".join([section.title, *lines]))
    return "\n\n".join(blocks)


def _money(amount: Money) -> str:
    return f"{amount} {amount.currency}"


def _joined(parts: Iterable[str], lang: str) -> str:
    return ("，" if lang == "zh" else ", ").join(part for part in parts if part)


def _aside(words: str, lang: str) -> str:
    return f"（{words}）" if lang == "zh" else f" ({words})"


def _label(name: str, lang: str) -> str:
    return word("affairs", name, lang)


def _figures(said: AssessmentCompleted, kind: str, lang: str) -> tuple[tuple[str, str], ...]:
    found = [figure for figure in said.figures if figure.item.startswith(kind)]
    return tuple((word("item", figure.item, lang), _figure(figure, lang)) for figure in found)


def _figure(figure: Figure, lang: str) -> str:
    parts = [
        _label("not_stated", lang)
        if figure.declared is None
        else f"{_label('declared', lang)} {_money(figure.declared)}"
    ]
    if figure.verified is None:
        parts.append(_label("not_verified", lang) if figure.item.startswith(("income:", "asset:")) else "")
    else:
        on = "" if figure.verified_on is None else f" {figure.verified_on.isoformat()}"
        kind = (
            "" if figure.evidence_kind is None else _aside(word("evidence", figure.evidence_kind, lang), lang)
        )
        by = "" if figure.verified_by is None else f" {_label('by', lang)} {figure.verified_by}"
        parts.append(f"{_label('verified', lang)} {_money(figure.verified)}{on}{kind}{by}")
    if figure.item.startswith("other_debt:"):
        parts.append(_label("comes_first" if figure.served_first else "shared", lang))
    if figure.in_doubt:
        parts.append(_label("in_doubt", lang))
    if figure.stability is not None:
        parts.append(word("stability", figure.stability.value, lang))
    if figure.ends is not None:
        parts.append(f"{_label('ends', lang)} {figure.ends.isoformat()}")
    if figure.guideline is not None:
        parts.append(f"{_label('guideline', lang)} {_money(figure.guideline)}")
    if figure.explained:
        parts.append(_label("explained", lang))
    parts.append(f"{_label('counted', lang)} {_money(figure.counted)}")
    return _joined(parts, lang)


def _left(said: AssessmentCompleted, owed: Money, lang: str) -> tuple[tuple[str, str], ...]:
    capacity = said.capacity
    income = Money.sum(
        (figure.counted for figure in said.figures if figure.item.startswith("income:")), capacity.currency
    )
    rows: list[tuple[str, Money | None]] = [
        ("total_income", income),
        ("total_spending", capacity.spending_counted),
        ("priority", capacity.priority_debts),
        ("set_aside", _set_aside(income, capacity)),
        ("residual_now", capacity.residual_now),
        ("residual_stress", capacity.residual_stress),
        ("owed", owed),
        ("available_now", capacity.available_now),
        ("available_stress", capacity.available_stress),
        ("over_life", said.available_over_life),
        ("over_life_stress", said.available_over_life_stress),
    ]
    return tuple((_label(name, lang), _money(amount)) for name, amount in rows if amount is not None)


def _set_aside(income: Money, capacity: Capacity) -> Money | None:
    """What the pack leaves the borrower to save, so that the lines above add up to what is left."""
    saved = income - capacity.spending_counted - capacity.priority_debts - capacity.residual_now
    return saved if saved.is_positive else None


def _next(said: AssessmentCompleted, lang: str) -> tuple[tuple[str, str], ...]:
    """Where nothing can be paid at some time nobody is left without a word of what comes next.

    Which relief it is, if a plan cannot be found, depends on debts and pack, and only the offer can say:
    what was named here could be another one than is then granted.
    """
    capacity = said.capacity
    least = (
        capacity.available_now,
        capacity.available_stress,
        said.available_over_life,
        said.available_over_life_stress,
    )
    if all(amount is None or amount.is_positive for amount in least):
        return ()
    return (("", _label("next_relief", lang)), ("", _label("next_help", lang)))


def _outlook(said: AssessmentCompleted, lang: str) -> tuple[tuple[str, str], ...]:
    lines = []
    for step in said.projection[1:]:
        figures = (
            f"{_label('residual_now', lang)} {_money(step.residual)}",
            f"{_label('available_now', lang)} {_money(step.available)}",
            f"{_label('available_stress', lang)} {_money(step.available_stress)}",
        )
        lines.append((step.start.isoformat(), _joined(figures, lang)))
        lines += [("", sentence) for _, sentence in _sentences(step.reasons, lang)]
    return tuple(lines)


def _situation(said: AssessmentCompleted, lang: str) -> tuple[tuple[str, str], ...]:
    kind = [word("hardship", said.hardship.value, lang)]
    if said.cause is not None:
        kind.append(word("cause", said.cause.value, lang))
    if said.onset is not None:
        kind.append(word("onset", said.onset.value, lang))
    kind += [_day("since", said.hardship_since, lang), _day("until", said.hardship_ends, lang)]
    lines = [
        (_label("dependants", lang), str(said.dependants)),
        *([(_label("other_adults", lang), str(said.other_adults))] if said.other_adults else []),
        (_label("hardship", lang), _joined(kind, lang)),
        (_label("valid_until", lang), said.expires.isoformat()),
    ]
    lines += [
        (_label("treated", lang), word("treatment", treatment.value, lang)) for treatment in said.treatments
    ]
    return tuple(lines)


def _day(label: str, day: date | None, lang: str) -> str:
    return "" if day is None else f"{_label(label, lang)} {day.isoformat()}"


def _scores(said: AssessmentCompleted, lang: str) -> tuple[tuple[str, str], ...]:
    rows = (
        ("capacity_score", said.capacity_score, ()),
        ("willingness_score", said.willingness_score, said.willingness_reasons),
    )
    lines: list[tuple[str, str]] = []
    for name, score, reasons in rows:
        lines.append((_label(name, lang), f"{score} / 100"))
        lines += _sentences(reasons, lang)
    return tuple(lines)


def _set(said: AssessmentCompleted, lang: str) -> tuple[tuple[str, str], ...]:
    return tuple(
        (
            word("figure", item.figure.value, lang),
            _joined(
                (
                    _value(item, item.value, said, lang),
                    f"{_label('computed', lang)} {_value(item, item.computed, said, lang)}",
                    f"{word('role', item.role, lang)} {item.by}",
                    item.on.isoformat(),
                    item.reason,
                ),
                lang,
            ),
        )
        for item in said.overrides
    )


def _value(item: Override, value: str, said: AssessmentCompleted, lang: str) -> str:
    if item.figure is OverrideFigure.AVAILABLE:
        return f"{value} {said.capacity.currency}"
    return word("hardship", value, lang)


def _open(said: AssessmentCompleted, lang: str) -> tuple[tuple[str, str], ...]:
    return tuple(
        (
            word("item", point.item, lang),
            _joined(
                (word("need", point.need.value, lang), f"{_label('due', lang)} {point.due.isoformat()}"), lang
            ),
        )
        for point in said.open_points
    )


def _rights(said: AssessmentCompleted, lang: str) -> tuple[tuple[str, str], ...]:
    codes = [ReasonCode.RIGHTS_UNCHANGED]
    if said.doubts:
        codes.insert(0, ReasonCode.PERSON_LOOKS_FIRST)
    return tuple(("", text(code, {}, lang)) for code in codes)


def _sentences(reasons: Iterable[Reason], lang: str) -> tuple[tuple[str, str], ...]:
    return tuple(("", text(reason.code, reason.params, lang)) for reason in reasons)
