"""The file that a bundle is: a plain zip whose bytes follow from its content, so that none can be changed.

Stored, not compressed, in a fixed order with a fixed date: packing the content again gives the same bytes on
every machine. Reading goes from member to member without trusting the directory at the end, so that of a file
that was cut short the first member that is not whole can be named.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping
from typing import Final
from zlib import crc32

__all__ = ["LARGEST", "BrokenBundle", "pack", "unpack"]

LARGEST: Final = 1 << 32
"""A zip without extensions is smaller than this, in bytes."""

_LOCAL: Final = struct.Struct("<4s5H3I2H")
_CENTRAL: Final = struct.Struct("<4s6H3I5H2I")
_END: Final = struct.Struct("<4s4H2IH")
_VERSION, _UNIX, _STORED, _MODE = 20, 3 << 8, 0, 0o100644 << 16
# Names of files below folders, as every system writes them: no blank, no backslash, nothing above the folder.
_NAME: Final = re.compile(r"[\w.-]+(?:/[\w.-]+)*", re.ASCII)
_TIME, _DATE = 0, (0 << 9) | (1 << 5) | 1  # 1980-01-01: when it was made stands in the manifest


class BrokenBundle(Exception):  # noqa: N818 - what is said of a file, not a fault of ours
    """A file is not a whole bundle; `member` is the first part that is not right."""

    def __init__(self, member: str, rule: str) -> None:
        super().__init__(f"{member}: {rule}")
        self.member, self.rule = member, rule


def pack(files: Mapping[str, bytes]) -> bytes:
    """Give the zip of `files` in their order. Names are ASCII. Raises ValueError beyond a zip's 4 GiB."""
    parts, directory, offset = [], [], 0
    for name, content in files.items():
        encoded, crc, size = name.encode("ascii"), crc32(content), len(content)
        if offset + size >= LARGEST or len(files) >= 1 << 16:
            raise ValueError("a bundle must stay below 4 GiB and 65536 files")
        fields = (_VERSION, 0, _STORED, _TIME, _DATE, crc, size, size, len(encoded), 0)
        parts += [_LOCAL.pack(b"PK\3\4", *fields), encoded, content]
        directory += [_CENTRAL.pack(b"PK\1\2", _VERSION | _UNIX, *fields, 0, 0, 0, _MODE, offset), encoded]
        offset += _LOCAL.size + len(encoded) + size
    listed = b"".join(directory)
    end = _END.pack(b"PK\5\6", 0, 0, len(files), len(files), len(listed), offset, 0)
    return b"".join([*parts, listed, end])


def unpack(raw: bytes) -> dict[str, bytes]:
    """Give the members in order. Raises BrokenBundle; what lies beside them is for `pack` to compare."""
    files: dict[str, bytes] = {}
    offset, before = 0, ""
    while raw[offset : offset + 4] == b"PK\3\4" or not _at_directory(raw, offset):
        where = f"what follows {before}" if before else "the beginning of the file"
        if len(raw) - offset < _LOCAL.size:
            raise BrokenBundle(where, "is missing: the file was cut short")
        mark, _, flags, method, _, _, _, size, full, length, extra = _LOCAL.unpack_from(raw, offset)
        if mark != b"PK\3\4":
            raise BrokenBundle(where, "is not what a bundle has there")
        start = offset + _LOCAL.size
        spelled = raw[start : start + length]
        # A name that is no bundle's is told to a person: it may not command their terminal.
        if not spelled.isascii() or not (name := spelled.decode("ascii")).isprintable():
            raise BrokenBundle(where, "has a name that no bundle has")
        if len(spelled) < length:
            raise BrokenBundle(name or where, "is not whole: the file was cut short")
        if not _NAME.fullmatch(name) or {".", ".."} & set(name.split("/")):
            raise BrokenBundle(name or where, "has a name that no bundle has")
        if method != _STORED or flags or size != full:
            raise BrokenBundle(name, "was packed by another program: ask for the file as it was made")
        end = start + length + extra + size
        if end > len(raw):
            raise BrokenBundle(name, "is not whole: the file was cut short")
        if name in files:
            raise BrokenBundle(name, "is there twice")
        files[name] = raw[end - size : end]
        offset, before = end, name
    return files


def _at_directory(raw: bytes, offset: int) -> bool:
    return offset > 0 and raw[offset : offset + 4] == b"PK\1\2"
