"""A platform whose decider fails for one case: `PARLEY_TEST_RAISES=… python -m tests.fault.raising`.

The variable holds a service, a customer and a message's type, with a blank between each two; it is read here
and nowhere else. The services and the runtime are the product's own: only that service's decider is wrapped,
and it raises for that customer's messages of that type. Without the variable nothing fails.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, Final

from services.cli.catalogue import load_all
from shared.contracts.decision import Decider, Decision
from shared.contracts.envelope import Envelope
from shared.runtime.run import run_blocking
from shared.runtime.service import Service
from shared.runtime.settings import Settings
from tests.fault.house import Replica

__all__ = ["RAISES", "Raising", "faulty"]

RAISES: Final = "PARLEY_TEST_RAISES"


@dataclass(frozen=True)
class _Faulty:
    """A decider with a bug that shows for one customer alone."""

    inner: Decider[Any, Any]
    customer: str
    type: str

    def decide(self, state: Any, message: Envelope[Any], reference: Any) -> Decision[Any]:
        if (message.key, message.type) == (self.customer, self.type):
            raise ZeroDivisionError("a bug that shows in one case")
        return self.inner.decide(state, message, reference)

    def due(self, state: Any) -> date | None:
        return self.inner.due(state)

    def close(self, state: Any, day: date, reference: Any) -> Decision[Any]:
        return self.inner.close(state, day, reference)


def faulty(services: Sequence[Service], where: str) -> list[Service]:
    """The services, one of them with the bug that `where` names; "" for none."""
    if not where:
        return list(services)
    name, customer, type_ = where.split()
    return [
        replace(one, decider=_Faulty(one.decider, customer, type_)) if one.name == name else one
        for one in services
    ]


class Raising(Replica):
    """Runs all services with the bug that its environment names, until it is mended."""

    def __init__(self, service: str, folder: Path, settings: Settings, **env: str) -> None:
        assert RAISES in env, "it is a replica without a bug"
        super().__init__(service, folder, settings, **env)

    def command(self, service: str) -> list[str]:
        """A program of the tests, not the product's."""
        assert service == "all"
        return [sys.executable, "-m", "tests.fault.raising"]

    async def mend(self) -> None:
        """Stop it in good order and start the version without the bug."""
        await self.stop()
        self._env = {**self._env, RAISES: ""}
        self.start()


def main() -> int:
    """Run all services until a signal comes."""
    settings = Settings.load()
    return run_blocking(faulty(load_all("all", settings.policies), os.environ.get(RAISES, "")), settings)


if __name__ == "__main__":
    sys.exit(main())
