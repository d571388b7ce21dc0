"""One changed line of the runtime, and the test that must catch it."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Mutant"]


@dataclass(frozen=True, slots=True)
class Mutant:
    """`before` is replaced by `after` in `where` (below shared.runtime); it must occur exactly once."""

    rule: int
    name: str
    where: str
    before: str
    after: str
    file: str
    test: str
    simulated: int = 0

    @property
    def module(self) -> str:
        """The module's full name."""
        return f"shared.runtime.{self.where}"

    @property
    def caught_by(self) -> str:
        """The test, as pytest names it."""
        return f"{self.file}::{self.test}"

    def applied(self, source: str) -> str:
        """Change the source."""
        if source.count(self.before) != 1:
            raise LookupError(f"{self.name}: the line is there {source.count(self.before)} times, not once")
        return source.replace(self.before, self.after)
