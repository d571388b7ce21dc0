"""The longer fault tests run only where they are asked for: `make test-faults` (any `-m` of one's own)."""

from __future__ import annotations

from pathlib import Path

import pytest

HERE = Path(__file__).parent
LONG_SECONDS = 2400  # for a life of weeks with faults; what is not slow keeps the project's own limit


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the slow ones of this folder out (deselected, not skipped: CI fails what is skipped)."""
    slow = [item for item in items if item.get_closest_marker("slow") and HERE in item.path.parents]
    for item in slow:
        item.add_marker(pytest.mark.timeout(LONG_SECONDS))
    if config.getoption("markexpr"):
        return
    if slow:
        config.hook.pytest_deselected(items=slow)
        items[:] = [item for item in items if item not in slow]
