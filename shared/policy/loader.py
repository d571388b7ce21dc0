"""Reading policy packs from TOML, with errors that name the file, the key and the rule.

A file is one pack: a ``[pack]`` table that says who it is for, and one table per section in which every
value is a list of dated entries::

    [term]
    max_months = [{ from = 2011-01-13, value = 60, clause = "Art. 70", source = "…", verified = true }]

An entry holds from its date until the next one; the first also holds before its date. What was made for a
time says ``until``, and the next entry begins the day after: no overlap, no gap. Every value has a clause
and a source; only an assumption (``source = "assumption: …"``, never verified) may have ``"-"`` for a clause.
What decides of the ``[pack]`` table (languages, zones, currency, calendar) has them in its ``basis``.

``extends = "common"`` takes the values of ``common.toml`` (a file without a ``[pack]`` table) that the
pack does not give itself; a value that the pack gives replaces all entries of the inherited one. Only of the
timetable's steps those that the pack does not name stay, each day, as they are inherited: a new step of the
platform has its owner and its days in a house's own timetable, too.
"""

import re
import tomllib
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import TypeAdapter, ValidationError

from shared.lending.calendar import BusinessCalendar, UnknownCalendarError
from shared.policy.mandatory import lacking
from shared.policy.model import (
    SECTIONS,
    Pack,
    PolicyInfo,
    PolicyInForce,
    PolicyValue,
    in_force_of,
    ruling,
    unfounded,
)
from shared.policy.ruling import CONTRACT, LIVE, Ruling

_VERSION = re.compile(r"(?P<pack>[a-z0-9-]+)@(?P<since>\d{4}-\d{2}-\d{2}|start)#(?P<digest>[0-9a-f]{8})")
_ENTRY_KEYS = {"from", "until", "value", "clause", "source", "verified"}
_STEPS = "timetable.steps"
# What older packs may still have: where it belongs now.
_MOVED = {
    "agreement_document": ": its values are part of [document], its clauses are `printed` there, and each"
    " complaint route is a row with its `route`"
}


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a pack: where, and which rule it breaks."""

    file: str
    key: str
    rule: str

    def __str__(self) -> str:
        return f"{self.file}: {self.key}: {self.rule}"


class PolicyError(ValueError):
    """Packs that cannot be used; ``problems`` lists everything that was found."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Explained:
    """One value of a pack as it stands on a day, for people."""

    key: str
    value: Any
    effective_from: date | None
    clause: str
    source: str
    verified: bool
    ruled_by: Ruling
    next_from: date | None = None
    next_value: Any = None


class PolicyBook:
    """All packs of a folder. Immutable after loading; views in force are computed once."""

    def __init__(self, packs: dict[str, Pack]) -> None:
        self._packs = dict(packs)
        self._views: dict[tuple[str, date | None], PolicyInForce] = {}
        self._ruling: dict[tuple[str, str], PolicyInForce] = {}
        self._dates = {pack_id: pack.dates() for pack_id, pack in packs.items()}

    @classmethod
    def load(cls, directory: Path) -> "PolicyBook":
        """Read every pack of ``directory``. Raises PolicyError with all problems of all files."""
        packs, problems = _read(Path(directory))
        if problems:
            raise PolicyError(*problems)
        return cls(packs)

    @property
    def pack_ids(self) -> tuple[str, ...]:
        return tuple(sorted(self._packs))

    def __contains__(self, pack_id: object) -> bool:
        return pack_id in self._packs

    def pack(self, pack_id: str) -> Pack:
        """The pack of that name; PolicyError naming those there are."""
        try:
            return self._packs[pack_id]
        except KeyError:
            known = ", ".join(self.pack_ids) or "none"
            raise PolicyError(
                Problem(f"{pack_id}.toml", "pack.id", f"no such pack; there are: {known}")
            ) from None

    def in_force(self, pack_id: str, on: date) -> PolicyInForce:
        """The values of a pack in force on ``on``."""
        pack = self.pack(pack_id)
        since = max((day for day in self._dates[pack_id] if day <= on), default=None)
        key = (pack_id, since)
        if key not in self._views:
            self._views[key] = pack.in_force(on)
        return self._views[key]

    def for_case(self, pack_id: str, on: date, agreed_on: date | None = None) -> PolicyInForce:
        """The values that rule a case on ``on``, section by section (`shared.policy.ruling`).

        ``agreed_on`` is the day of what was promised: while a round is on the table the day its offer was
        tabled, from the signature on the day of the agreement. None: nothing is promised yet.
        """
        today = self.in_force(pack_id, on)
        then = today if agreed_on is None or agreed_on >= on else self.in_force(pack_id, agreed_on)
        if then is today:
            return today
        key = (then.version, today.version)
        if key not in self._ruling:
            self._ruling[key] = then.ruling_over(today)
        return self._ruling[key]

    def at_version(self, version: str) -> PolicyInForce:
        """The values that a case has pinned. PolicyError when the pack was edited under that version."""
        match = _VERSION.fullmatch(version)
        if match is None:
            raise PolicyError(Problem("-", version, "a version looks like cn-card@2026-01-30#1f2e3d4c"))
        since = date.min if match["since"] == "start" else date.fromisoformat(match["since"])
        found = self.in_force(match["pack"], since)
        if found.version != version:
            file = f"{match['pack']}.toml"
            rule = f"the values of {version} were changed without a new date (now {found.version})"
            raise PolicyError(Problem(file, "version", rule))
        return found


def check(directory: Path) -> list[Problem]:
    """Everything that is wrong with the packs of ``directory``; empty when they can be used."""
    return _read(Path(directory))[1]


def explain(pack: Pack, on: date) -> tuple[Explained, ...]:
    """Every value of ``pack`` in force on ``on``: what it rests on, which date rules it, what comes next.

    What decides of its ``[pack]`` table comes first; it has no dates.
    """
    rows = [
        Explained(key, _plain(value), None, basis.clause, basis.source, basis.verified, LIVE)
        for key, (value, basis) in pack.info.founded().items()
    ]
    for key, entry in sorted(pack.entries_in_force(on).items()):
        ahead = next((e for e in pack.values[key] if _is_ahead(e, entry, on)), None)
        rows.append(
            Explained(
                key=key,
                value=entry.value,
                effective_from=entry.effective_from,
                clause=entry.clause,
                source=entry.source,
                verified=entry.verified,
                ruled_by=ruling(key),
                next_from=None if ahead is None else ahead.effective_from,
                next_value=None if ahead is None else ahead.value,
            )
        )
    return tuple(rows)


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _is_ahead(entry: PolicyValue, current: PolicyValue, on: date) -> bool:
    return entry is not current and entry.effective_from is not None and entry.effective_from > on


def pack_from(
    document: dict[str, Any], inherited: dict[str, Any], file: str
) -> tuple[Pack | None, list[Problem]]:
    """A pack from parsed TOML and the tables it inherits; None when there are problems."""
    problems: list[Problem] = []
    try:
        info = PolicyInfo.model_validate(document.get("pack"))
        BusinessCalendar(info.calendar)
        for zone in (info.time_zone, *info.time_zones):
            ZoneInfo(zone)
    except ValidationError as error:
        return None, _problems(file, "pack", error)
    except UnknownCalendarError as error:
        return None, [Problem(file, "pack.calendar", str(error))]
    except (ZoneInfoNotFoundError, ValueError):
        return None, [Problem(file, "pack.time_zone", "no such time zone")]
    values: dict[str, tuple[PolicyValue, ...]] = {}
    for section, model in SECTIONS.items():
        own, base = document.get(section, {}), inherited.get(section, {})
        if not isinstance(own, dict) or not isinstance(base, dict):
            problems.append(Problem(file, section, "must be a table"))
            continue
        for name in sorted({*own, *base} - set(model.model_fields)):
            problems.append(Problem(file, f"{section}.{name}", "no such value"))
        for name in model.model_fields:
            key = f"{section}.{name}"
            if name not in own and name not in base:
                problems.append(Problem(file, key, "missing"))
                continue
            entries, found = _entries(
                own.get(name, base.get(name)), _adapter(section, name), file, key, info.currency
            )
            problems += found
            if key == _STEPS and name in own and name in base and not found:
                # What is wrong with the inherited entries is said where nothing of them is replaced.
                inherits = _entries(base[name], _adapter(section, name), file, key, info.currency)[0]
                entries = _with_rows(entries, inherits)
            values[key] = entries
    problems += [
        Problem(file, name, f"no such section{_MOVED.get(name, '')}")
        for name in sorted(set(document) - set(SECTIONS) - {"pack", "extends"})
    ]
    if problems:
        return None, problems
    pack = Pack(info=info, values=values)
    for day in (date.min, *pack.dates()):
        try:
            pack.in_force(day)
        except ValidationError as error:  # what only the values of one day together can break
            return None, _problems(file, f"in force on {day.isoformat()}", error)
    return pack, []


@cache
def _adapter(section: str, name: str) -> TypeAdapter[Any]:
    """Building one costs more than reading a value by it, and the sections never change."""
    return TypeAdapter(SECTIONS[section].model_fields[name].rebuild_annotation())


def _with_rows(own: tuple[PolicyValue, ...], base: tuple[PolicyValue, ...]) -> tuple[PolicyValue, ...]:
    """Add to the steps of each date those of the inherited ones on it that the pack does not name."""
    dates = sorted({entry.effective_from or date.min for entry in (*own, *base)})
    made, adds = [], False
    for day in dates:
        mine, theirs = in_force_of(own, day), in_force_of(base, day)
        named = {row["state"] for row in mine.value}
        more = [row for row in theirs.value if row["state"] not in named]
        adds = adds or bool(more)
        since = None if day == date.min else day
        update = {"effective_from": since, "until": None, "value": [*mine.value, *more]}
        made.append(mine.model_copy(update=update))
    return tuple(made) if adds else own


def _not_stated(pack: Pack, document: dict[str, Any], file: str) -> list[Problem]:
    """What the jurisdiction of a pack asks for and the pack does not say."""
    stated = {
        f"{section}.{name}"
        for section, table in document.items()
        if section in SECTIONS and isinstance(table, dict)
        for name in table
    }
    views = (pack.in_force(day) for day in (date.min, *pack.dates()))
    found = dict.fromkeys(item for view in views for item in lacking(view, stated))
    return [Problem(file, key, rule) for key, rule in found]


def _read(directory: Path) -> tuple[dict[str, Pack], list[Problem]]:
    files = sorted(directory.glob("*.toml"))
    if not files:
        return {}, [Problem(str(directory), "-", "holds no policy pack (*.toml)")]
    documents: dict[str, dict[str, Any]] = {}
    problems: list[Problem] = []
    for path in files:
        try:
            documents[path.stem] = tomllib.loads(path.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            problems.append(Problem(path.name, "-", f"is not TOML: {error}"))
    packs: dict[str, Pack] = {}
    for stem, document in documents.items():
        if "pack" not in document:
            continue
        base = document.get("extends")
        if base is not None and base not in documents:
            problems.append(Problem(f"{stem}.toml", "extends", f"there is no {base}.toml"))
            continue
        pack, found = pack_from(document, documents.get(str(base), {}), f"{stem}.toml")
        problems += found
        if pack is None:
            continue
        if pack.info.id != stem:
            problems.append(Problem(f"{stem}.toml", "pack.id", f"must be the file's name, {stem!r}"))
        problems += _not_stated(pack, document, f"{stem}.toml")
        packs[pack.info.id] = pack
    problems += _no_packs(directory, documents) if not problems else []
    return packs, problems


def _no_packs(directory: Path, documents: dict[str, dict[str, Any]]) -> list[Problem]:
    """A misspelt [pack] would leave a pack out without a word."""
    packs = {stem for stem, document in documents.items() if "pack" in document}
    extended = {str(document.get("extends")) for document in documents.values()}
    if not packs:
        return [Problem(str(directory), "-", "holds no policy pack: no file has a [pack] table")]
    return [
        Problem(f"{stem}.toml", "pack", "is missing, and no pack extends this file: nobody reads its values")
        for stem, document in documents.items()
        if stem not in packs | extended and set(SECTIONS) & set(document)
    ]


def _entries(
    raw: Any, adapter: TypeAdapter[Any], file: str, key: str, currency: str
) -> tuple[tuple[PolicyValue, ...], list[Problem]]:
    """The dated entries of one value, oldest first, and what is wrong with them."""
    if not isinstance(raw, list) or not raw or not all(isinstance(entry, dict) for entry in raw):
        return (), [Problem(file, key, "must be a list of entries { from, value, clause, source, verified }")]
    entries: list[PolicyValue] = []
    problems: list[Problem] = []
    for number, entry in enumerate(raw, start=1):
        where = f"{key}[{number}]"
        unknown = sorted(set(entry) - _ENTRY_KEYS)
        if unknown:
            problems.append(Problem(file, where, f"unknown: {', '.join(unknown)}"))
            continue
        try:
            adapter.validate_python(entry.get("value"), context={"currency": currency})
            fields = {name: value for name, value in entry.items() if name != "from"}
            found = PolicyValue.model_validate({"effective_from": entry.get("from"), **fields})
        except ValidationError as error:
            problems += _problems(file, where, error)
            continue
        entries.append(found)
        problems += [
            Problem(file, where, rule)
            for rule in unfounded(found.clause, found.source, verified=found.verified)
        ]
    problems += [Problem(file, key, rule) for rule in _wrong_dates(entries)]
    if ruling(key) is CONTRACT:
        problems += [Problem(file, key, rule) for rule in _rewritten(entries)]
    return tuple(entries), problems


def _wrong_dates(entries: list[PolicyValue]) -> list[str]:
    """Entries follow each other without overlap or gap, and the last one has no end."""
    dates = [entry.effective_from or date.min for entry in entries]
    if dates != sorted(set(dates)):
        return ["entries ascend by their date, and no date comes twice"]
    said = []
    for number, entry in enumerate(entries, start=1):
        if entry.until is None:
            continue
        if entry.until < (entry.effective_from or date.min):
            said.append(f"entry {number} ends before it begins")
        elif number == len(entries):
            said.append(f"a gap: nothing holds after {entry.until.isoformat()}")
        elif entry.until >= dates[number]:
            said.append(f"entries {number} and {number + 1} overlap until {entry.until.isoformat()}")
        elif entry.until + timedelta(days=1) < dates[number]:
            said.append(f"a gap between {entry.until.isoformat()} and {dates[number].isoformat()}")
    return said


def _rewritten(entries: list[PolicyValue]) -> list[str]:
    """Rows that go by the contract's date are added, never changed for contracts that are older."""
    said = []
    for before, after in pairwise(entries):
        since = after.effective_from or date.min
        old, new = ([row for row in entry.value if row["contract_from"] < since] for entry in (before, after))
        if old != new:
            said.append(f"the entry of {since.isoformat()} changes rows for contracts older than itself")
    return said


def _problems(file: str, key: str, error: ValidationError) -> list[Problem]:
    return [
        Problem(file, ".".join([key, *(str(part) for part in item["loc"])]), item["msg"])
        for item in error.errors(include_url=False, include_context=False, include_input=False)
    ]
