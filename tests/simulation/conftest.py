"""All mutants take minutes: they run when the marker is asked for (`make mutants`)."""

from __future__ import annotations

import pytest


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the slow tests of this folder out unless -m names them."""
    if "slow" in (config.getoption("-m") or ""):
        return
    here = [item for item in items if "tests/simulation" in item.path.as_posix()]
    slow = [item for item in here if item.get_closest_marker("slow") is not None]
    if slow:
        config.hook.pytest_deselected(items=slow)
        items[:] = [item for item in items if item not in slow]
