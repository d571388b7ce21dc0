"""Derived identifiers: the same facts always give the same id, so a repeated decision repeats its ids.

Every id is a version 5 UUID (RFC 9562) under one namespace of the project.
"""

from __future__ import annotations

from uuid import UUID, uuid5

__all__ = ["NAMESPACE", "case_id", "derive_id", "trace_id_of"]

NAMESPACE = UUID("6f1d0c1e-54f5-5d0f-9a53-7a1c2f0b9d11")
_SEPARATOR = "\x1f"  # the unit separator: cannot be typed into a customer number by accident


def derive_id(*parts: str | int) -> str:
    """Give the id of what `parts` describe; equal parts, equal id."""
    return str(uuid5(NAMESPACE, _SEPARATOR.join(str(part) for part in parts)))


def case_id(customer: str, episode: int) -> str:
    """Give the id of a customer's `episode`-th case (episodes count from 1)."""
    return derive_id("case", customer, episode)


def trace_id_of(case: str) -> int:
    """Give the 128-bit trace id of a case (never 0): the id's own bits, so that it can be typed in."""
    try:
        return UUID(case).int or 1
    except ValueError:
        return uuid5(NAMESPACE, case).int
