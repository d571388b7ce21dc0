"""`parley policy check`, `show` and `diff`: the packs, as the services would load them."""

from __future__ import annotations

from collections import Counter
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from services.cli.catalogue import policies_dir
from services.cli.common import JsonFlag, PoliciesFolder, fail, language_of, stderr, stdout

if TYPE_CHECKING:
    from shared.policy.loader import Explained, PolicyBook
    from shared.texts import Language

__all__ = ["app"]

app = typer.Typer(
    help="Policy packs: check, show, compare; their reviews.",
    no_args_is_help=True,
)

Lang = Annotated[str, typer.Option("--lang", help="zh or en.")]

# Titles and status words, in the order of shared.texts.LANGUAGES.
_TITLES: dict[str, tuple[str, str]] = {
    "key": ("键", "key"),
    "meaning": ("含义", "meaning"),
    "from": ("生效日", "from"),
    "ruled_by": ("适用日期：", "ruled by"),
    "verified": ("已核实", "verified"),
    "not_verified": ("未核实", "not verified"),
    "always": ("始终", "always"),
    "agreed": ("方案或协议之日", "the day of the offer or agreement"),
    "live": ("当日", "the day itself"),
    "contract": ("合同日期", "the date of the contract"),
    "in_force": ("生效于", "in force on"),
    "next": ("下一次变更", "what changes next"),
    "nothing": ("目前没有已登记的后续变更", "no later change is on file"),
    "other_basis": ("数值不变，依据变更", "the value stays, on another basis"),
    "same": ("没有差异", "no difference"),
}


@app.command()
def check(
    folder: PoliciesFolder = None,
    assumptions: Annotated[
        bool, typer.Option("--assumptions", help="Name every assumption too, with what it assumes.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """List everything that is wrong with the packs; exit 1 if anything is.

    Also names what is in force today and rests on a rule that nobody has verified, and where assumptions
    stand in the place of rules: a person who knows the law looks at these first. And it names the year whose
    business days have to be known by now and are not.
    """
    from shared.policy.loader import PolicyBook, explain
    from shared.policy.loader import check as problems_of
    from shared.policy.model import ASSUMED

    where = policies_dir(folder)
    problems = problems_of(where)
    for problem in problems:
        stderr.print(str(problem), markup=False, highlight=False, soft_wrap=True)
    if problems:
        raise typer.Exit(1)
    book = PolicyBook.load(where)
    packs, today = book.pack_ids, _day(None, "today")
    found: dict[str, dict[str, Any]] = {}
    unknown: dict[str, int] = {}
    for pack in packs:
        rows = explain(book.pack(pack), today)
        year = book.in_force(pack, today).unknown_year(today)
        missing = year[0] if year is not None and year[1] <= today else None
        if missing is not None:
            unknown[book.pack(pack).info.calendar] = missing
        assumed = [row for row in rows if not row.verified and row.source.startswith(ASSUMED)]
        rest = [row for row in rows if not row.verified and not row.source.startswith(ASSUMED)]
        verified = len(rows) - len(assumed) - len(rest)
        found[pack] = {
            "values": len(rows),
            "verified": verified,
            "calendar_missing": missing,
            "not_verified": [{"key": row.key, "clause": row.clause, "source": row.source} for row in rest],
            "assumptions": [{"key": row.key, "source": row.source} for row in assumed],
        }
        if as_json:
            continue
        line = f"{pack}: {len(rows)} values, {verified} verified, {len(rest)} not verified, "
        _say(f"{line}{len(assumed)} assumptions")
        if rest:
            _say(f"  not verified: {', '.join(row.key for row in rest)}")
        if assumed and assumptions:
            for row in assumed:
                _say(f"  {row.key}: {row.source}")
        elif assumed:
            sections = Counter(row.key.partition(".")[0] for row in assumed)
            _say(f"  assumptions: {', '.join(f'{name} ({count})' for name, count in sections.items())}")
    if as_json:
        _print_json(found)
        return
    for calendar, missing in unknown.items():
        _say(
            f"The business days of {missing} are not known for {calendar}: deadlines that count them may be "
            "wrong. A newer version of the package `holidays` has them once they are announced."
        )
    stdout.print(f"{len(packs)} packs can be used: {', '.join(packs)}", highlight=False, soft_wrap=True)


def _say(line: str) -> None:
    stdout.print(line, markup=False, highlight=False, soft_wrap=True)


@app.command()
def show(
    pack: Annotated[str, typer.Argument(help="The pack, e.g. cn-card.")],
    on: Annotated[str | None, typer.Option("--on", help="The day, YYYY-MM-DD; today if not given.")] = None,
    folder: PoliciesFolder = None,
    lang: Lang = "en",
    as_json: JsonFlag = False,
) -> None:
    """Explain every value of a pack on a day: its clause and status, and what changes next."""
    from shared.policy.loader import explain

    language = language_of(lang)
    day = _day(on, "--on")
    rows = explain(_book(folder, pack).pack(pack), day)
    ahead = [row for row in rows if row.next_from is not None]
    if as_json:
        _print_json([_plain(row, language) for row in rows])
        return
    _print_values(pack, day, rows, language)
    first = min((row.next_from for row in ahead if row.next_from is not None), default=None)
    if first is None:
        stdout.print(_word("nothing", language), highlight=False)
        return
    stdout.print(f"{_word('next', language)}: {first.isoformat()}", highlight=False)
    for row in ahead:
        if row.next_from == first:
            same = row.next_value == row.value
            after = f"({_word('other_basis', language)})" if same else f"→ {_said(row.next_value)}"
            line = f"  {row.key}: {_said(row.value)} {after}"
            stdout.print(line, markup=False, highlight=False, soft_wrap=True)


@app.command()
def diff(
    first: Annotated[str, typer.Argument(help="A pack, or a pack on a day: cn-card@2025-06-01.")],
    second: Annotated[str, typer.Argument(help="The other one.")],
    folder: PoliciesFolder = None,
    lang: Lang = "en",
    as_json: JsonFlag = False,
) -> None:
    """Show the values in which two packs, or one pack on two days, differ."""
    from shared.policy.loader import explain

    language = language_of(lang)
    sides = []
    for name in (first, second):
        pack, _, day = name.partition("@")
        book = _book(folder, pack)
        sides.append({row.key: row for row in explain(book.pack(pack), _day(day or None, name))})
    apart = [key for key in sides[0] if sides[0][key].value != sides[1][key].value]
    if as_json:
        _print_json(
            [
                {
                    "key": key,
                    "first": _plain(sides[0][key], language),
                    "second": _plain(sides[1][key], language),
                }
                for key in apart
            ]
        )
        return
    if not apart:
        stdout.print(_word("same", language), highlight=False)
        return
    table = Table(title=f"{first} / {second}", title_justify="left")
    for column in (_word("key", language), _word("meaning", language), first, second):
        table.add_column(Text(column), overflow="fold")
    for key in apart:
        cells = (key, _meaning(key, language), *(_said(side[key].value) for side in sides))
        table.add_row(*(Text(cell) for cell in cells))
    stdout.print(table)


def _book(folder: Path | None, pack: str) -> PolicyBook:
    """Load the packs; end the command where they are wrong or there is no such pack."""
    from shared.policy.loader import PolicyBook, PolicyError

    try:
        book = PolicyBook.load(policies_dir(folder))
        book.pack(pack)
    except PolicyError as error:
        raise fail(str(error)) from None
    return book


def _day(text: str | None, name: str) -> date:
    try:
        return date.fromisoformat(text) if text else date.today()  # noqa: DTZ011 - the user's own day
    except ValueError:
        raise fail(f"{name}: {text!r} is not a date like 2026-01-31", code=2) from None


def _print_values(pack: str, day: date, rows: tuple[Explained, ...], language: Language) -> None:
    """Each value under its section: what it means, what it is, and what it rests on."""
    from itertools import groupby

    from shared.texts.policies import section_words

    stdout.print(f"{pack}, {_word('in_force', language)} {day.isoformat()}", highlight=False)
    for section, found in groupby(rows, key=lambda row: row.key.partition(".")[0]):
        stdout.print(Text(f"\n{section} · {section_words(section, language)}", style="bold"))
        for row in found:
            stdout.print(Text(f"  {row.key} · {_meaning(row.key, language)}", style="cyan"))
            for line in _said(row.value).splitlines():
                stdout.print(Padding(Text(line), (0, 0, 0, 6)))
            stdout.print(Padding(Text(_basis(row, language), style="dim"), (0, 0, 0, 6)))


def _basis(row: Explained, language: Language) -> str:
    """What a value rests on: clause and source, verified or not, since when, and which date rules it."""
    clause = () if row.clause == "-" else (row.clause,)
    since = row.effective_from.isoformat() if row.effective_from else _word("always", language)
    return " · ".join(
        (
            *clause,
            row.source,
            _word("verified" if row.verified else "not_verified", language),
            f"{_word('from', language)} {since}",
            f"{_word('ruled_by', language)} {_word(row.ruled_by.value, language)}",
        )
    )


def _plain(row: Explained, language: Language) -> dict[str, Any]:
    return {
        "key": row.key,
        "meaning": _meaning(row.key, language),
        "value": row.value,
        "from": row.effective_from,
        "ruled_by": row.ruled_by.value,
        "clause": row.clause,
        "source": row.source,
        "verified": row.verified,
        "next_from": row.next_from,
        "next_value": row.next_value,
    }


def _print_json(plain: list[dict[str, Any]] | dict[str, Any]) -> None:
    import orjson

    stdout.print_json(orjson.dumps(plain, default=str).decode(), ensure_ascii=False)


def _said(value: Any) -> str:
    """A value as a person writes it: lists of tables one row a line, no brackets of the language."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "; ".join(f"{name}: {_said(item)}" for name, item in value.items()) or "–"
    if isinstance(value, list):
        between = "\n" if any(isinstance(item, dict) for item in value) else ", "
        return between.join(_said(item) for item in value) or "–"
    return str(value)


def _meaning(key: str, language: Language) -> str:
    from shared.texts.policies import policy_words

    return policy_words(key, language)


def _word(name: str, language: Language) -> str:
    return _TITLES[name][0 if language == "zh" else 1]
