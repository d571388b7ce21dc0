"""What the archive's decider is given: the packs, the lender's signing key, and the secrets of persons.

Reading keys from files is done once, at the start of a process; the decider stays pure: sealing and signing
the same thing twice give the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from shared.crypto.sealing import PersonKey
from shared.crypto.signing import KeyFileError, Signer, load_signer, read_key_bytes
from shared.policy.loader import PolicyBook

__all__ = ["ArchiveKeys", "ArchiveReference", "archive_reference", "read_keys"]


_MASTER_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class ArchiveKeys:
    """The house's keys. Without a `signer` no checkpoint is signed; `master` is b"" where there is none."""

    signer: Signer | None = None
    master: bytes = field(default=b"", repr=False)


def read_keys(signing: Path | None, master: Path | None) -> ArchiveKeys:
    """Read the files; what is not named is not there. Raises KeyFileError."""
    content = read_key_bytes(master) if master is not None else b""
    if master is not None and len(content) < _MASTER_BYTES:
        raise KeyFileError(f"{master}: a master key has {_MASTER_BYTES} random bytes at least")
    return ArchiveKeys(load_signer(signing) if signing is not None else None, content)


@dataclass(frozen=True, slots=True)
class ArchiveReference:
    """Read-only. `secrets` are the rows of the store (see `ports.Store.secrets`), by customer."""

    policies: PolicyBook
    keys: ArchiveKeys
    secrets: Mapping[str, Mapping[str, Any]]

    def erased(self, customer: str) -> str:
        """Up to which moment a person has been erased, as the store of secrets says; "" where never."""
        row = self.secrets.get(customer)
        return str(row["erased"]) if row is not None else ""

    def person_key(self, customer: str, erased: str) -> PersonKey:
        """Give the key of what a person says after `erased`. Raises KeyError where no secret was loaded.

        An erasure that has been decided and not carried out yet destroys the secret at hand: what follows is
        sealed under the one that takes its place.
        """
        row = self.secrets[customer]
        secret = row["salt"] if row["erased"] >= erased else row["next"]
        return PersonKey.derive(secret, self.keys.master, customer)


def archive_reference(policies: PolicyBook, keys: ArchiveKeys) -> Callable[[Mapping[str, Any]], Any]:
    """Give what `Service.reference` wants."""
    return lambda secrets: ArchiveReference(policies, keys, secrets)
