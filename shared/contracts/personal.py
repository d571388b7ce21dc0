"""Where a message holds what is personal. The contracts say so, in one of two ways, and nothing else does.

A field of type `Personal[…]` (names, contact data, the borrower's own words, notes about them), and a field
that the class it stands in lists in `PRIVATE`: plain for the services that compute with it, sealed where it
is kept. So is a reason whose code is private. An event that is signed as a whole is kept as it stands.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, get_args

from pydantic import BaseModel

from shared.contracts.base import Event, Part, Personal, Reason

__all__ = ["Place", "holds_personal", "personal_places"]

Place = tuple[str | int, ...]
"""A way into a message's data: names of fields and places in lists."""


@lru_cache(maxsize=512)
def holds_personal(model: type[BaseModel]) -> bool:
    """Whether messages of this class can hold anything personal."""
    if issubclass(model, Personal | Reason):
        return True
    if issubclass(model, Event) and model.WHOLE:
        return False
    if issubclass(model, Part) and model.PRIVATE:
        return True
    return any(_holds(field.annotation) for field in model.model_fields.values())


@lru_cache(maxsize=512)
def _telling(model: type[BaseModel]) -> tuple[str, ...]:
    """Name the fields of a class that can hold anything personal: the others are not looked through."""
    private = model.PRIVATE if issubclass(model, Part) else ()
    return tuple(
        name for name, field in model.model_fields.items() if name in private or _holds(field.annotation)
    )


def _holds(annotation: Any) -> bool:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return holds_personal(annotation)
    return any(_holds(part) for part in get_args(annotation))


def personal_places(data: Event) -> Iterator[Place]:
    """Give every place of a message that holds something personal, the outermost only, in order."""
    if holds_personal(type(data)):
        yield from _places(data, ())


def _places(value: Any, at: Place) -> Iterator[Place]:
    if isinstance(value, Personal) or (isinstance(value, Reason) and value.is_private):
        yield at
    elif isinstance(value, BaseModel):
        if not holds_personal(type(value)):
            return
        private = value.private_now if isinstance(value, Part) else ()
        for name in _telling(type(value)):
            inner = getattr(value, name)
            if name in private and inner is not None:
                yield (*at, name)
            else:
                yield from _places(inner, (*at, name))
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _places(inner, (*at, str(key)))
    elif isinstance(value, tuple | list):
        for index, inner in enumerate(value):
            yield from _places(inner, (*at, index))
