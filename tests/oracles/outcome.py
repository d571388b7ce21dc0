"""What a comparison with published figures says of one case, and what a family of cases is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Verdict(StrEnum):
    """Whether a product rule applies to a case, and if so whether the figures agree to the cent."""

    EQUAL = "equal"
    DIFFERENT = "different"
    OUT_OF_SCOPE = "out of scope"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One case's verdict. `why` is the named rule that leaves it out, or the first figure that differs."""

    verdict: Verdict
    why: str = ""


EQUAL = Outcome(Verdict.EQUAL)


def different(why: str) -> Outcome:
    """Say that a case in scope has another figure: which one, ours and theirs."""
    return Outcome(Verdict.DIFFERENT, why)


def out_of_scope(rule: str) -> Outcome:
    """Say which named rule leaves a case out. The same words for every case that it leaves out."""
    return Outcome(Verdict.OUT_OF_SCOPE, rule)


@dataclass(frozen=True, slots=True)
class Family:
    """The cases of one file: `judge` takes the whole document and one of its cases."""

    name: str
    file: str
    judge: Callable[[Mapping[str, Any], Mapping[str, Any]], Outcome]
    least_in_scope: float = 0.0
    """The share of cases that must be in scope, as a fraction."""
    may_not_miss: Callable[[Mapping[str, Any], Mapping[str, Any]], bool] = lambda _document, _case: False
    """Whether a case may not be left out, whatever rule would do so."""
