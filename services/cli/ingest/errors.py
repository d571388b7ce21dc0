"""What can be wrong with a mapping, with a file, and with one row of it."""

from __future__ import annotations

__all__ = ["MappingError", "RowError", "SourceError"]


class MappingError(ValueError):
    """The mapping file cannot be used; the text names the key and the rule."""


class SourceError(ValueError):
    """The file as a whole cannot be read (on); the text says why and what to do."""


class RowError(ValueError):
    """One row is wrong: `field` breaks `rule`. Neither holds a value of the row: it may be personal."""

    def __init__(self, field: str, rule: str) -> None:
        super().__init__(f"{field}: {rule}")
        self.field = field
        self.rule = rule
