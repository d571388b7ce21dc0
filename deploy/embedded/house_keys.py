"""The lender's signing key and the master key of an embedded platform, made at its first start.

keys/lender.pem   signs checkpoints and evidence; only its owner may read it
keys/lender.pub   goes to whoever checks
keys/master.key   every person's key depends on it

A key that the environment names is used instead, and none is made. Only for a database of the folder's own: a
database that others use too must not depend on a file that one of them has made.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Final

__all__ = ["PUBLIC_KEY", "house_keys", "make_house_keys"]

PUBLIC_KEY: Final = Path("keys") / "lender.pub"
_FILES: Final = {"PARLEY_SIGNING_KEY": "lender.pem", "PARLEY_MASTER_KEY": "master.key"}


def house_keys(folder: Path, environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """Give the variables that name the folder's keys, without those that the environment sets itself."""
    given = os.environ if environ is None else environ
    files = {name: folder.absolute() / "keys" / file for name, file in _FILES.items()}
    return {name: str(path) for name, path in files.items() if not given.get(name) and path.is_file()}


def make_house_keys(folder: Path) -> None:
    """Make what is missing. The public half is written first: a key that exists is whole."""
    keys = folder / "keys"
    keys.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not os.environ.get("PARLEY_SIGNING_KEY") and not (keys / "lender.pem").exists():
        from shared.crypto.signing import new_key_pair

        private, public = new_key_pair()
        _write(keys / "lender.pub", public, 0o644)
        _write(keys / "lender.pem", private, 0o600)
    if not os.environ.get("PARLEY_MASTER_KEY") and not (keys / "master.key").exists():
        _write(keys / "master.key", secrets.token_bytes(32), 0o600)


def _write(path: Path, content: bytes, mode: int) -> None:
    """Write a file whole, or not at all, readable by nobody else in between."""
    made = path.with_suffix(path.suffix + ".new")
    made.unlink(missing_ok=True)
    with os.fdopen(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    made.replace(path)
