"""The services by name, imported only when asked for."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from shared.contracts.registry import SERVICES

if TYPE_CHECKING:
    from shared.runtime.service import Service

__all__ = ["NAMES", "UnknownServiceError", "load", "load_all"]

NAMES = (*SERVICES, "archive")
"""Every service that `parley run` knows, in the order of the flow."""

_MODULES = {name: f"services.{name}.app" for name in SERVICES} | {"archive": "services.console.app"}


class UnknownServiceError(ValueError):
    """There is no service of that name; the message lists those that there are."""


def load(name: str) -> Service:
    """Give the service called `name`; raises UnknownServiceError."""
    if name not in _MODULES:
        raise UnknownServiceError(f"there is no service {name!r}; choose one of: {', '.join(NAMES)}, all")
    service: Service = import_module(_MODULES[name]).SERVICE
    return service


def load_all(name: str = "all") -> list[Service]:
    """Give the service called `name`, or every service for `all`."""
    return [load(each) for each in NAMES] if name == "all" else [load(name)]
