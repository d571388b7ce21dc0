"""Files as a bank would give them, row by row, to messages: `parley publish` and the demo read through it."""

from services.cli.ingest.errors import MappingError, RowError, SourceError
from services.cli.ingest.events import Bad, Good, Item, Skipped, read_items
from services.cli.ingest.mapping import Mapping, load_mapping

__all__ = [
    "Bad",
    "Good",
    "Item",
    "Mapping",
    "MappingError",
    "RowError",
    "Skipped",
    "SourceError",
    "load_mapping",
    "read_items",
]
