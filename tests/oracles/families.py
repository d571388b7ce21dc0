"""The families of published cases that the product is compared with: one line each."""

from __future__ import annotations

from typing import Final

from tests.oracles.outcome import Family

FAMILIES: Final[tuple[Family, ...]] = ()
