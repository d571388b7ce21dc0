"""Where a message goes: looked up when it is sent, kept nowhere. Addresses never show in logs or errors."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import orjson

from shared.runtime.ports import UnavailableError

__all__ = ["Addresses", "ByReference", "FileBook"]


class Addresses(Protocol):
    """Finds an address."""

    def find(self, customer: str, recipient: str, channel: str) -> str | None:
        """Give the address of somebody of a customer's case; None: none known. Raises UnavailableError."""
        ...


class ByReference:
    """For a sender of the lender's own, which knows its customers: it is told whom, not where."""

    def find(self, customer: str, recipient: str, channel: str) -> str | None:  # noqa: ARG002
        """Give the customer number, with the authority's id where it is not the borrower."""
        return customer if recipient == "borrower" else f"{customer}/{recipient}"


class FileBook:
    """A JSON file of the lender's: customer -> recipient -> channel -> address. Read anew when it changes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read: tuple[int, int] | None = None
        self._book: dict[str, Any] = {}

    def find(self, customer: str, recipient: str, channel: str) -> str | None:
        """Look it up."""
        try:
            stat = self._path.stat()
            if self._read != (stat.st_mtime_ns, stat.st_size):
                self._book = orjson.loads(self._path.read_bytes())
                self._read = (stat.st_mtime_ns, stat.st_size)
            found = self._book.get(customer, {}).get(recipient, {}).get(channel)
        except (OSError, orjson.JSONDecodeError, AttributeError) as error:
            # The text of the error could repeat what stands in the file.
            raise UnavailableError(f"address_book_{type(error).__name__}") from None
        return found if isinstance(found, str) and found else None
