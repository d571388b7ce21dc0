"""Where somebody is reached: the lender's book, read anew when it changes, and never quoted."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from shared.runtime.outbound import ByReference, FileBook
from shared.runtime.ports import UnavailableError

ENTRY = {"C-1": {"borrower": {"email": "li@example.org", "sms": "", "letter": 7}}}


def written(path: Path, book: Any, changed_at: int) -> None:
    path.write_text(book if isinstance(book, str) else json.dumps(book), encoding="utf-8")
    os.utime(path, ns=(changed_at, changed_at))


def test_whoever_has_no_usable_address_has_none(tmp_path: Path) -> None:
    path = tmp_path / "book.json"
    written(path, ENTRY, 1)
    book = FileBook(path)
    assert book.find("C-1", "borrower", "email") == "li@example.org"
    for customer, recipient, channel in (
        ("C-2", "borrower", "email"), ("C-1", "guardian", "email"), ("C-1", "borrower", "app"),
        ("C-1", "borrower", "sms"), ("C-1", "borrower", "letter"),
    ):  # fmt: skip
        assert book.find(customer, recipient, channel) is None


def test_a_book_that_changes_is_read_anew_and_one_that_does_not_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "book.json"
    written(path, ENTRY, 1)
    book, reads, read_bytes = FileBook(path), 0, Path.read_bytes

    def counted(self: Path) -> bytes:
        nonlocal reads
        reads += 1
        return read_bytes(self)

    monkeypatch.setattr(Path, "read_bytes", counted)
    for _ in range(3):
        assert book.find("C-1", "borrower", "email") == "li@example.org"
    assert reads == 1
    written(path, {"C-1": {"borrower": {"email": "wu@example.org"}}}, 2)
    assert book.find("C-1", "borrower", "email") == "wu@example.org"


@pytest.mark.parametrize("book", [None, "{", json.dumps(["li@example.org"]), '{"C-1": "li@example.org"}'])
def test_a_book_that_cannot_be_read_is_an_outage_and_is_not_quoted(tmp_path: Path, book: str | None) -> None:
    path = tmp_path / "book.json"
    if book is not None:
        written(path, book, 1)
    with pytest.raises(UnavailableError, match=r"^address_book_\w+$") as told:
        FileBook(path).find("C-1", "borrower", "email")
    assert "li@" not in str(told.value)


def test_a_sender_of_the_lenders_own_is_told_whom() -> None:
    assert ByReference().find("C-1", "borrower", "sms") == "C-1"
    assert ByReference().find("C-1", "authority-7", "sms") == "C-1/authority-7"
