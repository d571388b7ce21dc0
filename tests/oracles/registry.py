"""Reading the files of published cases and counting what each family's judge says."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.oracles.outcome import Family, Outcome, Verdict, different


class OracleError(Exception):
    """The files cannot be judged: which file, which case and why, fit to be shown."""


@dataclass(frozen=True, slots=True)
class Report:
    """A family and the outcome of each of its cases, in the order of the file.

    ``missed`` are cases that a rule leaves out though the family may not miss them.
    """

    family: Family
    outcomes: tuple[tuple[str, Outcome], ...]
    missed: tuple[str, ...] = ()

    def ids(self, verdict: Verdict) -> tuple[str, ...]:
        return tuple(name for name, outcome in self.outcomes if outcome.verdict is verdict)

    @property
    def in_scope(self) -> int:
        return len(self.outcomes) - len(self.ids(Verdict.OUT_OF_SCOPE))

    @property
    def differing(self) -> tuple[tuple[str, str], ...]:
        """Identifier and first differing figure of each case in scope that differs."""
        return tuple((name, said.why) for name, said in self.outcomes if said.verdict is Verdict.DIFFERENT)

    @property
    def rules(self) -> Mapping[str, tuple[str, ...]]:
        """The rules that leave cases out, with the cases each leaves out."""
        left: dict[str, list[str]] = {}
        for name, said in self.outcomes:
            if said.verdict is Verdict.OUT_OF_SCOPE:
                left.setdefault(said.why, []).append(name)
        return {rule: tuple(names) for rule, names in sorted(left.items())}

    @property
    def wide_enough(self) -> bool:
        """Whether the share of cases in scope is at least what the family promises."""
        return self.in_scope >= self.family.least_in_scope * len(self.outcomes)

    @property
    def holds(self) -> bool:
        return self.wide_enough and not self.differing and not self.missed


def find(folder: Path, family: Family) -> Path | None:
    """The family's file in the folder, packed or plain; None when it is not there."""
    for name in (family.file, f"{family.file}.gz"):
        if (folder / name).is_file():
            return folder / name
    return None


def not_compared(folder: Path, families: Sequence[Family]) -> tuple[str, ...]:
    """Files that look like cases and that no family reads, by name."""
    known = {find(folder, family) for family in families}
    files = (path for path in folder.iterdir() if path.name.endswith((".json", ".json.gz")))
    return tuple(sorted(path.name for path in files if path not in known))


def read(path: Path) -> Mapping[str, Any]:
    """The document of a file; OracleError when it is damaged or has no list of cases."""
    try:
        raw = path.read_bytes()
        text = gzip.decompress(raw) if path.suffix == ".gz" else raw
        document = json.loads(text)
    except (OSError, EOFError, zlib.error, ValueError) as error:
        raise OracleError(f"{path.name} is damaged: {error}") from error
    cases = document.get("cases") if isinstance(document, dict) else None
    if not isinstance(cases, list) or not cases:
        raise OracleError(f"{path.name} has no list of cases")
    return document


def judge(family: Family, path: Path) -> Report:
    """Every case's outcome; OracleError when the file cannot be read or a case has no name.

    A case that cannot be judged counts as different and says why, so that it hides no other.
    """
    document = read(path)
    outcomes, missed = [], []
    for place, case in enumerate(document["cases"], start=1):
        name = case.get("id") if isinstance(case, dict) else None
        if not isinstance(name, str):
            raise OracleError(f"{path.name}: case number {place} has no id")
        outcome, is_missed = _judged(family, document, case)
        outcomes.append((name, outcome))
        if is_missed:
            missed.append(name)
    return Report(family, tuple(outcomes), tuple(missed))


def _judged(family: Family, document: Mapping[str, Any], case: Mapping[str, Any]) -> tuple[Outcome, bool]:
    """What the judge says, and whether it leaves out what may not be missed."""
    try:
        outcome = family.judge(document, case)
        return outcome, outcome.verdict is Verdict.OUT_OF_SCOPE and family.may_not_miss(document, case)
    except KeyError as error:
        return different(f"it lacks {error}"), False
    except (TypeError, ValueError, IndexError, ArithmeticError, AttributeError, AssertionError) as error:
        return different(f"it cannot be judged: {type(error).__name__}: {error}"), False


def judge_all(folder: Path, families: Sequence[Family]) -> list[Report]:
    """A report for each family whose file is in the folder; OracleError when there is none at all."""
    if not folder.is_dir():
        raise OracleError(f"there is no folder {folder}")
    found = [(family, path) for family in families if (path := find(folder, family)) is not None]
    if not found:
        raise OracleError(f"{folder} holds none of the files that are known")
    return [judge(family, path) for family, path in found]
