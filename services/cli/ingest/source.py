"""Read a file row by row in constant memory: CSV or JSON Lines, plain or gzip.

A row that cannot be read is given as a RowError with its line number, and reading goes on. What stops
the whole file (no header, a gzip stream that ends in the middle) raises SourceError.
"""

from __future__ import annotations

import contextlib
import csv
import gzip
import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from services.cli.ingest.errors import RowError, SourceError

__all__ = ["LONGEST_LINE", "Row", "Source"]

LONGEST_LINE: Final = 4 << 20
"""Characters of the longest line that is read; a longer one is a bad row, not a full memory."""

_UTF16: Final = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True)
class Row:
    """One row: the number of its first line (from 1), and its cells, its JSON text, or what is wrong."""

    line: int
    cells: dict[str, Any] | None = None
    json: bytes | None = None
    error: RowError | None = None


class Source:
    """An open file. Use it as a context manager and iterate over `rows()` once.

    `done` and `size` are bytes of the file itself (compressed, where it is), for showing progress.
    """

    def __init__(self, path: Path, *, encoding: str = "utf-8", delimiter: str = ",") -> None:
        self._path = path
        self._encoding = "utf-8-sig" if encoding.lower().replace("_", "-") in {"utf-8", "utf8"} else encoding
        self._delimiter = delimiter
        self._too_long = False
        self.format = "jsonl" if _plain_suffix(path) in {".jsonl", ".ndjson", ".json"} else "csv"
        try:
            self._file = path.open("rb")
        except FileNotFoundError:
            raise SourceError(f"{path}: there is no such file") from None
        except OSError as error:
            raise SourceError(f"{path}: cannot be read ({error.strerror})") from None
        try:
            self.size = path.stat().st_size
            magic = self._file.read(2)
            self._file.seek(0)
        except OSError as error:  # a folder opens on some systems and fails here
            self._file.close()
            raise SourceError(f"{path}: cannot be read ({error.strerror})") from None
        if magic in _UTF16 and encoding.lower().startswith(("utf-8", "utf8")):
            self._file.close()
            raise SourceError(f'{path}: is UTF-16; say so in the mapping: encoding = "utf-16"')
        packed = magic == b"\x1f\x8b"
        self._bytes = gzip.GzipFile(fileobj=self._file) if packed else self._file

    def __enter__(self) -> Source:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    @property
    def done(self) -> int:
        """Bytes of the file read so far."""
        return self._file.tell()

    def rows(self, columns: frozenset[str] = frozenset()) -> Iterator[Row]:
        """Give the rows in order. A CSV file must have these columns. Raises SourceError."""
        return self._csv(columns) if self.format == "csv" else self._json()

    # -- lines --------------------------------------------------------------------------------------

    def _lines(self) -> Iterator[str]:
        """Lines with their own line ends; of a line that is too long only the beginning."""
        # Bytes that are not in the encoding come through as lone surrogates: one bad row, not a bad file.
        errors = "surrogateescape" if self._encoding.startswith("utf-8") else "replace"
        reader = io.TextIOWrapper(self._bytes, encoding=self._encoding, errors=errors, newline="")
        number = 0
        try:
            while line := reader.readline(LONGEST_LINE):
                number += 1
                if len(line) == LONGEST_LINE and line[-1] not in "\r\n":
                    self._too_long = True
                    while (rest := reader.readline(LONGEST_LINE)) and rest[-1] not in "\r\n":
                        pass
                yield line
        except EOFError:
            raise SourceError(
                f"{self._path}: the gzip stream ends in the middle, after line {number}; "
                "what came before was read"
            ) from None
        except (gzip.BadGzipFile, zlib.error):
            raise SourceError(f"{self._path}: is not a sound gzip file, from line {number + 1} on") from None
        except UnicodeError:
            raise SourceError(f"{self._path}: is not {self._encoding}, from line {number + 1} on") from None
        finally:
            with contextlib.suppress(ValueError):  # the file may be closed before this generator is
                reader.detach()

    def _problem(self) -> RowError | None:
        if not self._too_long:
            return None
        self._too_long = False
        return RowError("line", f"is longer than {LONGEST_LINE} characters")

    # -- CSV ----------------------------------------------------------------------------------------

    def _csv(self, columns: frozenset[str]) -> Iterator[Row]:
        csv.field_size_limit(LONGEST_LINE)
        reader = csv.reader(self._lines(), delimiter=self._delimiter, strict=True)
        header = self._header(reader, columns)
        while True:
            line = reader.line_num + 1
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield Row(line, error=self._problem() or RowError("line", _csv_rule(error)))
                continue
            problem = self._problem()
            if problem is not None:
                yield Row(line, error=problem)
            elif not cells:
                continue
            elif len(cells) != len(header):
                rule = f"has {len(cells)} columns where the header has {len(header)}"
                yield Row(line, error=RowError("line", rule))
            elif bad := next(
                (name for name, cell in zip(header, cells, strict=True) if _foreign(cell)), None
            ):
                yield Row(line, error=RowError(bad, f"is not {self._encoding.removesuffix('-sig').upper()}"))
            else:
                yield Row(line, cells=dict(zip(header, cells, strict=True)))

    def _header(self, reader: Any, columns: frozenset[str]) -> list[str]:
        try:
            header = [name.strip() for name in next(reader)]
        except StopIteration:
            raise SourceError(f"{self._path}: is empty; the first line must name the columns") from None
        except csv.Error as error:
            raise SourceError(f"{self._path}: the first line {_csv_rule(error)}") from None
        present = ", ".join(name for name in header if not _foreign(name)) or "none"
        if missing := sorted(columns - set(header)):
            raise SourceError(
                f"{self._path}: the mapping reads {', '.join(missing)}, which the file does not have; "
                f"its columns are: {present}"
            )
        if twice := sorted({name for name in columns if header.count(name) > 1}):
            raise SourceError(f"{self._path}: the column {', '.join(twice)} is there more than once")
        return header

    # -- JSON Lines ---------------------------------------------------------------------------------

    def _json(self) -> Iterator[Row]:
        empty = True
        for number, line in enumerate(self._lines(), 1):
            empty = False
            problem = self._problem()
            if problem is not None:
                yield Row(number, error=problem)
                continue
            text = line.strip()
            if not text:
                continue
            if _foreign(text):
                yield Row(number, error=RowError("line", "is not UTF-8"))
                continue
            raw = text.encode()
            try:
                read = orjson.loads(raw)
            except orjson.JSONDecodeError:
                yield Row(number, error=RowError("line", "is not JSON"))
                continue
            if not isinstance(read, dict):
                yield Row(number, error=RowError("line", "must be a JSON object"))
            else:
                yield Row(number, cells=_flat(read), json=raw)
        if empty:
            raise SourceError(f"{self._path}: is empty")


def _plain_suffix(path: Path) -> str:
    return (path.with_suffix("") if path.suffix.lower() == ".gz" else path).suffix.lower()


def _foreign(text: str) -> bool:
    """Whether bytes of another encoding came through (a fast way to find lone surrogates)."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return "\ufffd" in text


def _csv_rule(error: csv.Error) -> str:
    text = str(error)
    if "unexpected end of data" in text:
        return "has a quote that is never closed"
    if "expected after" in text:
        return "has text after a closing quote"
    if "field larger" in text:
        return "has a quote that is never closed, or a cell that is too long"
    return "is not CSV"


def _flat(read: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Give nested objects as `a.b`; numbers as the text they would be in a CSV file."""
    cells: dict[str, Any] = {}
    for name, value in read.items():
        if isinstance(value, dict):
            cells |= _flat(value, f"{prefix}{name}.")
        elif value is None or isinstance(value, str):
            cells[prefix + name] = value
        elif isinstance(value, bool):
            cells[prefix + name] = "true" if value else "false"
        elif isinstance(value, int | float):
            cells[prefix + name] = repr(value)
    return cells
