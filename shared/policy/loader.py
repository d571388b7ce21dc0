"""Reading policy packs from TOML, with errors that name the file, the key and the rule.

A file is one pack: a ``[pack]`` table that says who it is for, and one table per section in which every
value is a list of dated entries::

    [term]
    max_months = [{ from = 2011-01-13, value = 60, clause = "Art. 70", source = "…", verified = true }]

``extends = "common"`` takes the values of ``common.toml`` (a file without a ``[pack]`` table) that the
pack does not give itself; a value that the pack gives replaces all entries of the inherited one.
"""

import re
import tomllib
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import TypeAdapter, ValidationError

from shared.lending.calendar import BusinessCalendar, UnknownCalendarError
from shared.policy.model import SECTIONS, Pack, PolicyInfo, PolicyInForce, PolicyValue

_VERSION = re.compile(r"(?P<pack>[a-z0-9-]+)@(?P<since>\d{4}-\d{2}-\d{2}|start)#(?P<digest>[0-9a-f]{8})")
_ENTRY_KEYS = {"from", "value", "clause", "source", "verified"}


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


class PolicyBook:
    """All packs of a folder. Immutable after loading; views in force are computed once."""

    def __init__(self, packs: dict[str, Pack]) -> None:
        self._packs = dict(packs)
        self._views: dict[tuple[str, date | None], PolicyInForce] = {}
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
    """Every value of ``pack`` in force on ``on``, with the clause and source it rests on."""
    return tuple(
        Explained(key, entry.value, entry.effective_from, entry.clause, entry.source, entry.verified)
        for key, entry in sorted(pack.entries_in_force(on).items())
    )


def pack_from(
    document: dict[str, Any], inherited: dict[str, Any], file: str
) -> tuple[Pack | None, list[Problem]]:
    """A pack from parsed TOML and the tables it inherits; None when there are problems."""
    problems: list[Problem] = []
    try:
        info = PolicyInfo.model_validate(document.get("pack"))
        BusinessCalendar(info.calendar)
        ZoneInfo(info.time_zone)
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
        for name, field in model.model_fields.items():
            key = f"{section}.{name}"
            if name not in own and name not in base:
                problems.append(Problem(file, key, "missing"))
                continue
            adapter = TypeAdapter[Any](field.rebuild_annotation())
            entries, found = _entries(own.get(name, base.get(name)), adapter, file, key, info.currency)
            problems += found
            values[key] = entries
    problems += [
        Problem(file, name, "no such section")
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
        packs[pack.info.id] = pack
    return packs, problems


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
            entries.append(PolicyValue.model_validate({"effective_from": entry.get("from"), **fields}))
        except ValidationError as error:
            problems += _problems(file, where, error)
    dates = [entry.effective_from or date.min for entry in entries]
    if dates != sorted(set(dates)):
        problems.append(Problem(file, key, "entries ascend by their date, and no date comes twice"))
    return tuple(entries), problems


def _problems(file: str, key: str, error: ValidationError) -> list[Problem]:
    return [
        Problem(file, ".".join([key, *(str(part) for part in item["loc"])]), item["msg"])
        for item in error.errors(include_url=False, include_context=False, include_input=False)
    ]
