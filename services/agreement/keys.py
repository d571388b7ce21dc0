"""The lender's Ed25519 signature (RFC 8032): checking it is a pure function of key, bytes and signature.

Nothing here reads a file or keeps a private key: a decider only ever sees public keys. A key's id is the
first 16 hexadecimal digits of the SHA-256 of its 32 raw bytes.
"""

from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

__all__ = ["is_signed_by", "key_id_of", "raw_public", "sign_with"]


def raw_public(key: Ed25519PublicKey | Ed25519PrivateKey) -> bytes:
    """Give the 32 raw bytes of a public key, or of that of a private key."""
    return (key.public_key() if isinstance(key, Ed25519PrivateKey) else key).public_bytes_raw()


def key_id_of(public: bytes) -> str:
    """Give a key's id."""
    return sha256(public).hexdigest()[:16]


def sign_with(key: Ed25519PrivateKey, content: bytes) -> str:
    """Give the signature over `content` in hexadecimal; the same key and bytes always give the same one."""
    return key.sign(content).hex()


def is_signed_by(public: bytes, content: bytes, signature: str) -> bool:
    """Say whether `signature` (hexadecimal) was made over exactly these bytes with that key's other half."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(bytes.fromhex(signature), content)
    except (InvalidSignature, ValueError):
        return False
    return True
