"""Personal fields under a key of the person's own: AES-256-GCM, with keys that are derived from one secret.

    person's key = HKDF(secret of the person, master key, customer)
    entry's key  = HMAC(person's key, message)           one for each entry: it opens nothing else
    nonce        = HMAC(entry's key, place and content)  never the same for two contents

Nothing here is random: the same field of the same message is sealed to the same bytes, so that deciding it
again after a crash changes nothing. The secret of the person is random; who destroys it destroys all of it.
A sealed field keeps the form of a `Personal` envelope: `{"alg": "A256GCM", "kid": …, "value": base64}`.
"""

from __future__ import annotations

import hmac
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

__all__ = ["ALG", "ERASED", "PersonKey", "SealError", "is_erased", "is_sealed", "open_field", "seal_field"]

ALG: Final = "A256GCM"
ERASED: Final[Mapping[str, Any]] = {"alg": "erased", "kid": None, "value": None}
"""What stands for a field whose person had been erased before it was filed."""

_NONCE: Final = 12


class SealError(Exception):
    """A sealed field cannot be opened: another key, or it was changed."""


@dataclass(frozen=True, slots=True)
class PersonKey:
    """One person's key. It never shows itself."""

    _key: bytes

    def __repr__(self) -> str:
        return "PersonKey(…)"

    @classmethod
    def derive(cls, secret: bytes, master: bytes, customer: str) -> PersonKey:
        """Derive it from the person's random secret and the house's master key (b"" where there is none)."""
        info = b"parley person\n" + customer.encode()
        return cls(HKDF(SHA256(), 32, salt=master or None, info=info).derive(secret))

    @property
    def kid(self) -> str:
        """The id of the key: it tells a wrong key from a changed field, and nothing about the key."""
        return sha256(b"parley kid\n" + self._key).hexdigest()[:16]

    def for_entry(self, message: str) -> bytes:
        """Give the key of one message's fields: it can be handed out without the others."""
        return hmac.digest(self._key, b"entry\n" + message.encode(), "sha256")


def seal_field(key: bytes, kid: str, place: str, content: bytes) -> dict[str, Any]:
    """Seal the bytes of the field at `place` of a message under its entry's key."""
    where = place.encode()
    nonce = hmac.digest(key, b"nonce\n" + where + b"\n" + content, "sha256")[:_NONCE]
    sealed = nonce + AESGCM(key).encrypt(nonce, content, where)
    return {"alg": ALG, "kid": kid, "value": b64encode(sealed).decode()}


def open_field(key: bytes, place: str, field: Mapping[str, Any]) -> bytes:
    """Open what `seal_field` gave. Raises SealError."""
    try:
        raw = b64decode(field["value"], validate=True)
        return AESGCM(key).decrypt(raw[:_NONCE], raw[_NONCE:], place.encode())
    except (InvalidTag, ValueError, TypeError, KeyError):
        raise SealError("a sealed field cannot be opened: another key, or it was changed") from None


def is_sealed(value: Any) -> bool:
    """Whether a value of an entry's data is a sealed field."""
    return isinstance(value, Mapping) and value.keys() == {"alg", "kid", "value"} and value["alg"] == ALG


def is_erased(value: Any) -> bool:
    """Whether a value of an entry's data stands for a field that was never filed."""
    return isinstance(value, Mapping) and dict(value) == ERASED
