"""The lender's signature over an agreement (Ed25519, RFC 8032): over its canonical bytes and nothing else.

Unlike what the archive signs, nothing is put before them, so that any Ed25519 tool can check it. Nothing here
reads a file or keeps a private key: a decider only ever sees public keys.
"""

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared.crypto.signing import is_signed_by, key_id_of

__all__ = ["is_signed_by", "key_id_of", "raw_public", "sign_with"]


def raw_public(key: Ed25519PrivateKey) -> bytes:
    """Give the 32 raw bytes of the public half."""
    return key.public_key().public_bytes_raw()


def sign_with(key: Ed25519PrivateKey, content: bytes) -> str:
    """Give the signature over `content` in hexadecimal; the same key and bytes always give the same one."""
    return key.sign(content).hex()
