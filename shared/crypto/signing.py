"""Ed25519 signatures of the lender (RFC 8032), and the PEM files that the keys are kept in.

A key's id is the first 16 hexadecimal digits of the SHA-256 of its 32 raw bytes. Signatures are hexadecimal.
The same key and bytes always give the same signature: a decision that is repeated repeats it. What is signed
begins with a word that says what it is, so that a signature for one thing is never one for another.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

__all__ = [
    "KeyFileError",
    "Signer",
    "Trusted",
    "is_signed_by",
    "key_id_of",
    "load_public",
    "load_signer",
    "new_key_pair",
    "read_key_bytes",
]


class KeyFileError(Exception):
    """A key file cannot be used; the message names the file and the rule, never its content."""


@dataclass(frozen=True, slots=True)
class Signer:
    """The lender's private key in hand. It never shows itself."""

    _key: Ed25519PrivateKey

    def __repr__(self) -> str:
        return f"Signer({self.key_id})"

    @property
    def public(self) -> bytes:
        """The 32 raw bytes of the public key."""
        return self._key.public_key().public_bytes_raw()

    @property
    def key_id(self) -> str:
        """The id of the key."""
        return key_id_of(self.public)

    @property
    def trusted(self) -> Trusted:
        """The other half, for who checks with what they have signed themselves."""
        return Trusted(self.public)

    def sign(self, purpose: str, content: bytes) -> str:
        """Sign `content` as a `purpose` (a word without line breaks)."""
        return self._key.sign(_framed(purpose, content)).hex()


@dataclass(frozen=True, slots=True)
class Trusted:
    """A public key that somebody trusts: it comes from them, never from what is checked."""

    public: bytes

    @property
    def key_id(self) -> str:
        """The id of the key."""
        return key_id_of(self.public)

    def signed(self, purpose: str, content: bytes, signature: object) -> bool:
        """Say whether `signature` was made over exactly these bytes for this purpose. Never raises."""
        try:
            if not isinstance(signature, str) or bytes.fromhex(signature).hex() != signature:
                return False  # spaces and capitals would be another text of the same signature
        except ValueError:
            return False
        return is_signed_by(self.public, _framed(purpose, content), signature)


def new_key_pair() -> tuple[bytes, bytes]:
    """Make a key; give the PEM of its private half (PKCS 8, not encrypted) and of its public half."""
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return private, public


def load_signer(path: Path) -> Signer:
    """Read a private key from a PEM file. Raises KeyFileError."""
    try:
        key = serialization.load_pem_private_key(read_key_bytes(path), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise KeyFileError(f"{path}: is not a private key in PEM without a password") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyFileError(f"{path}: must be an Ed25519 key")
    return Signer(key)


def load_public(path: Path) -> Trusted:
    """Read a public key from a PEM file. Raises KeyFileError; a private key is refused, nobody sends one."""
    content = read_key_bytes(path)
    if b"PRIVATE KEY" in content:
        raise KeyFileError(
            f"{path}: holds a private key: nobody needs it to check anything; give the public one"
        )
    try:
        key = serialization.load_pem_public_key(content)
    except (ValueError, UnsupportedAlgorithm):
        raise KeyFileError(f"{path}: is not a public key in PEM") from None
    if not isinstance(key, Ed25519PublicKey):
        raise KeyFileError(f"{path}: must be an Ed25519 key")
    return Trusted(key.public_bytes_raw())


def read_key_bytes(path: Path) -> bytes:
    """Read a key file. Raises KeyFileError."""
    try:
        return path.read_bytes()
    except PermissionError:
        # A secret of a container keeps the owner that its file has outside, so say whom to give it to.
        raise KeyFileError(
            f"{path}: cannot be read by user {os.geteuid()}: it must be its owner or be let read it"
        ) from None
    except OSError as error:
        raise KeyFileError(f"{path}: cannot be read ({error.strerror})") from None


def _framed(purpose: str, content: bytes) -> bytes:
    return purpose.encode() + b"\n" + content


def key_id_of(public: bytes) -> str:
    """Give the id of a key by its 32 raw public bytes."""
    return sha256(public).hexdigest()[:16]


def is_signed_by(public: bytes, content: bytes, signature: str) -> bool:
    """Say whether `signature` (hexadecimal) was made over exactly these bytes and no purpose before them."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(bytes.fromhex(signature), content)
    except (InvalidSignature, ValueError):
        return False
    return True
