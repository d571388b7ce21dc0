"""What is kept of a record that is too large for the database: small only while it was compressed."""

from __future__ import annotations

import bson

from shared.runtime.deadletters import storable
from shared.runtime.ports import Record

LIMIT = 10_000
NAMED = (("ce_id", b"1"), ("ce_subject", b"case"))


def test_what_fits_is_kept_whole() -> None:
    record = Record("bank.events", 1, 7, b"C-1", b"v" * 9_000, NAMED, 5)
    assert storable(record, LIMIT) is record


def test_a_value_that_does_not_fit_is_cut_and_the_headers_stay() -> None:
    kept = storable(Record("bank.events", 1, 7, b"C-1", b"v" * 20_000, NAMED, 5), LIMIT)
    assert kept == Record("bank.events", 1, 7, b"C-1", b"", NAMED, 5)


def test_headers_that_do_not_fit_are_cut_as_well() -> None:
    kept = storable(Record("bank.events", 1, 7, b"C-1", b"v" * 20_000, (("h", b"x" * 20_000),), 5), LIMIT)
    assert kept == Record("bank.events", 1, 7, b"C-1", b"", (), 5)


def test_many_tiny_headers_count_as_the_database_counts_them() -> None:
    headers = tuple((f"{n}", None) for n in range(400))
    record = Record("bank.events", 1, 7, b"C-1", b"v", headers, 5)
    size = len(bson.encode({"headers": [[name, content] for name, content in headers]}))
    assert storable(record, size).headers == ()


def test_what_is_just_small_enough_is_kept_whole() -> None:
    record = Record("bank.events", 1, 7, b"k" * 10, b"v" * 20, (("ab", b"cdef"), ("n", None)), 5)
    size = 10 + 20 + (2 + 4 + 64) + (1 + 64)
    assert storable(record, size) is record
    cut = storable(record, size - 1)
    assert (cut.value, cut.headers) == (b"", record.headers)
    assert storable(record, size - 20).headers == record.headers
    assert storable(record, size - 21).headers == ()
    bare = Record("bank.events", 1, 7, None, None, (), 5)
    assert storable(bare, 0) is bare
