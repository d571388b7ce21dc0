"""`parley keys`: the lender's Ed25519 key, with which agreements are signed and files are sealed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from services.cli.common import fail, stdout

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

__all__ = ["KEY_VARIABLE", "app", "private_key", "public_key"]

KEY_VARIABLE: Final = "PARLEY_LENDER_KEY"
"""Names the file of the lender's private key."""

app = typer.Typer(help="The lender's key: make one, show its public half.", no_args_is_help=True)


@app.command()
def new(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Where to write the private key, e.g. lender.key.")
    ],
) -> None:
    """Make an Ed25519 key: the private half in FILE, for its owner alone, the public half beside it in .pub.

    An existing file is never replaced: what was signed with a lost key can be checked, but nothing signed.
    """
    from cryptography.hazmat.primitives import serialization as s
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    public_file = file.with_suffix(".pub")
    if public_file == file:
        raise fail("FILE: is the name of the public half; name the private one, e.g. lender.key.", code=2)
    for path in (file, public_file):
        if path.exists():
            raise fail(f"{path} exists and is left as it is.", "Name another file.")
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption())
    public = key.public_key().public_bytes(s.Encoding.PEM, s.PublicFormat.SubjectPublicKeyInfo)
    try:
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
            stream.write(private)
        public_file.write_bytes(public)
    except OSError as error:
        raise fail(f"{file}: cannot be written ({error.strerror})") from None
    _show(key.public_key().public_bytes_raw(), public_file)


@app.command()
def show(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A private or a public key.")],
) -> None:
    """Print a key's id, and its public half as lender-keys.toml names it."""
    _show(public_key(file), file)


def _show(raw: bytes, file: Path) -> None:
    from services.agreement.keys import key_id_of

    stdout.print(f"key {key_id_of(raw)} in {file}", markup=False, highlight=False, soft_wrap=True)
    stdout.print(f'public_keys = ["{raw.hex()}"]', markup=False, highlight=False, soft_wrap=True)


def private_key(file: Path) -> Ed25519PrivateKey:
    """Read a private key (PEM, PKCS 8, unencrypted); ends the command where there is none."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(_read(file), None)
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise fail(f"{file}: is not an Ed25519 private key in PEM.", "`parley keys new` makes one.", code=2)
    return key


def public_key(file: Path) -> bytes:
    """Read the raw public key of a .pub file, or of a private key; ends the command where there is none."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

    raw = _read(file)
    for load in (load_pem_public_key, lambda pem: load_pem_private_key(pem, None)):
        try:
            key = load(raw)
        except (ValueError, TypeError):
            continue
        if isinstance(key, Ed25519PublicKey):
            return key.public_bytes_raw()
        if isinstance(key, Ed25519PrivateKey):
            return key.public_key().public_bytes_raw()
    raise fail(f"{file}: is not an Ed25519 key in PEM.", "`parley keys new` makes one.", code=2)


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise fail(f"{file}: cannot be read ({error.strerror})", code=2) from None
