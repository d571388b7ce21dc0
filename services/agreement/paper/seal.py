"""The seal: the last line of a PDF, an Ed25519 signature of the lender over every byte before it.

It is a PDF comment after the file's end mark, which readers skip. There is one way to write it (lower-case
hexadecimal, one line feed), so that a byte changed in the seal, before it or after it is noticed.
"""

import re
from hashlib import sha256
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.agreement.keys import is_signed_by, sign_with

__all__ = ["is_sealed_by", "seal", "split"]

_DOMAIN: Final = b"parley.pdf.seal.v1\n"  # never the beginning of a canonical content, which is a JSON object
_SEAL: Final = re.compile(rb"\n%parley-seal-v1 ([0-9a-f]{128})\n\Z")


def seal(pdf: bytes, key: Ed25519PrivateKey) -> bytes:
    """Give the file with its seal."""
    return pdf + b"\n%parley-seal-v1 " + sign_with(key, _DOMAIN + sha256(pdf).digest()).encode() + b"\n"


def split(file: bytes) -> tuple[bytes, str | None]:
    """Give the sealed bytes and the seal; None where the file does not end with one."""
    found = _SEAL.search(file, max(0, len(file) - 200))
    return (file, None) if found is None else (file[: found.start()], found[1].decode())


def is_sealed_by(public: bytes, pdf: bytes, mark: str) -> bool:
    """Say whether `mark` was made over exactly these bytes with that key's other half."""
    return is_signed_by(public, _DOMAIN + sha256(pdf).digest(), mark)
