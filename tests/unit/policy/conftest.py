"""What the tests of packs share."""

from pathlib import Path

import pytest

from shared.policy.loader import PolicyBook


@pytest.fixture(scope="session")
def packs() -> PolicyBook:
    """The packs that are shipped."""
    return PolicyBook.load(Path(__file__).parents[3] / "deploy" / "policies")
