"""The next version of a service: `PARLEY_TEST_NEWER=offer python -m tests.fault.newer` runs all services.

The one that the variable names writes its documents with the next schema version, as a version does that has
changed what a document holds. The variable is read here and nowhere else; all else is the product's own.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from services.cli.catalogue import load_all
from shared.runtime.run import run_blocking
from shared.runtime.service import Service
from shared.runtime.settings import Settings
from tests.fault.house import Replica

__all__ = ["NEWER", "Newer", "next_version"]

NEWER: Final = "PARLEY_TEST_NEWER"


def next_version(services: Sequence[Service], name: str) -> list[Service]:
    """The services, the one of that name in its next version."""
    return [
        replace(one, schema_version=one.schema_version + 1) if one.name == name else one for one in services
    ]


class Newer(Replica):
    """A replica of all services, one of them in its next version: its environment says which."""

    def command(self, service: str) -> list[str]:
        """A program of the tests, not the product's."""
        assert service == "all"
        return [sys.executable, "-m", "tests.fault.newer"]


def main() -> int:
    """Run all services until a signal comes."""
    settings = Settings.load()
    return run_blocking(next_version(load_all("all", settings.policies), os.environ[NEWER]), settings)


if __name__ == "__main__":
    sys.exit(main())
