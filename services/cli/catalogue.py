"""The services by name, imported only when asked for, with the policy packs they decide by."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared.contracts.registry import OPTIONAL, SERVICES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from services.console.reference import ArchiveKeys
    from shared.policy.loader import PolicyBook
    from shared.policy.reference import Reference
    from shared.runtime.ports import Store
    from shared.runtime.service import Service
    from shared.runtime.settings import Settings

__all__ = ["NAMES", "UnknownServiceError", "archive_keys", "load", "load_all", "load_at_work", "policies_dir"]

NAMES = (*SERVICES, "archive")
"""Every service that always runs, in the order of the flow; `parley run` knows the optional ones, too."""

_MODULES = {name: f"services.{name}.app" for name in (*SERVICES, *OPTIONAL)}
_MODULES["archive"] = "services.console.app"


class UnknownServiceError(ValueError):
    """There is no service of that name; the message lists those that there are."""


def policies_dir(given: Path | None = None) -> Path:
    """Give the folder of the policy packs: the given one, or the built-in ones."""
    if given is not None:
        return given
    import deploy

    return Path(deploy.__file__).parent / "policies"


def load(name: str, policies: Path | None = None, keys: ArchiveKeys | None = None) -> Service:
    """Give the service called `name`, deciding by the packs of `policies`, the archive with `keys`.

    Without keys it signs nothing; whoever runs it gives them (`archive_keys`). Raises UnknownServiceError,
    and PolicyError for packs that cannot be used.
    """
    if name not in _MODULES:
        raise UnknownServiceError(
            f"there is no service {name!r}; choose one of: {', '.join((*NAMES, *OPTIONAL))}, all"
        )
    service: Service = import_module(_MODULES[name]).SERVICE
    if name == "archive":
        from services.console.reference import ArchiveKeys
        from services.console.starting import master_key_fits

        given = keys or ArchiveKeys()
        reference = _archive_reference(policies_dir(policies), given)
        return replace(service, reference=reference, starts=master_key_fits(given))
    return replace(service, reference=_reference(policies_dir(policies)))


def load_all(
    name: str = "all",
    policies: Path | None = None,
    keys: ArchiveKeys | None = None,
    *,
    optional: bool = False,
) -> list[Service]:
    """Give the service called `name`, or every service for `all`, those that are optional as asked."""
    every = (*NAMES, *OPTIONAL) if optional else NAMES
    return [load(each, policies, keys) for each in (every if name == "all" else (name,))]


async def load_at_work(settings: Settings, store: Store) -> list[Service]:
    """Give every service that works on this database, for a command that is about all of them.

    Notice too where it has read anything: who gives a command need not have the ways out in their environment
    that its replicas have. Raises UnavailableError and PolicyError.
    """
    optional = settings.has_channels
    for name in OPTIONAL:
        optional = optional or bool(await store.positions(name))
    return load_all(policies=settings.policies, optional=optional)


def archive_keys(settings: Settings) -> ArchiveKeys:
    """Read the house's keys that the settings name. Raises KeyFileError."""
    from services.console.reference import read_keys

    return read_keys(settings.signing_key, settings.master_key)


def _archive_reference(policies: Path, keys: ArchiveKeys) -> Callable[[Mapping[str, Any]], Any]:
    from services.console.reference import archive_reference

    return archive_reference(_book(policies), keys)


@lru_cache(maxsize=4)
def _book(policies: Path) -> PolicyBook:
    from shared.policy.loader import PolicyBook

    return PolicyBook.load(policies)


@lru_cache(maxsize=4)
def _reference(policies: Path) -> Callable[[Mapping[str, int]], Reference]:
    from shared.policy.reference import load_reference

    return load_reference(policies)
