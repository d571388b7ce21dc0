"""What the archive files of a message: personal fields sealed under the person's key, or never filed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from datetime import datetime
from typing import Any

import orjson

from services.console.rules import utc
from shared.contracts.base import Event
from shared.contracts.ops import ErasePerson
from shared.contracts.personal import Place, personal_places
from shared.crypto.canonical import canonical
from shared.crypto.sealing import ERASED, PersonKey, SealError, is_erased, is_sealed, open_field, seal_field

__all__ = [
    "entry_key_name",
    "erased_places",
    "filed",
    "first_locked",
    "needs_secret",
    "opened",
    "sealed_by",
    "sealed_places",
]


def entry_key_name(source: str, message: str) -> str:
    """Name the message whose fields share a key: ids are unique within their source."""
    return f"{source}\n{message}"


def needs_secret(data: Event) -> bool:
    """Whether a message is filed with its person's secret: to seal what is personal, or to destroy it."""
    return isinstance(data, ErasePerson) or any(True for _ in personal_places(data))


def filed(data: Event, name: str, key: Callable[[], PersonKey] | None) -> dict[str, Any]:
    """Give a message's data as it is filed; `key=None`: its person had been erased before."""
    dumped: dict[str, Any] = data.model_dump(mode="json")
    places = list(personal_places(data))
    if not places:
        return dumped
    person = key() if key is not None else None
    for place in places:
        if person is None:
            _put(dumped, place, dict(ERASED))
        else:
            content = canonical(_at(dumped, place))
            _put(dumped, place, seal_field(person.for_entry(name), person.kid, _named(place), content))
    return dumped


def opened(entry: Mapping[str, Any], key: Callable[[str], bytes | None]) -> dict[str, Any]:
    """Give an entry with its sealed fields as the message said them, where `key` has the entry's key.

    `key` is asked with the id of the key that sealed them. What has no key stays as it is filed. Raises
    SealError, which names the entry, for a field that does not open with its key.
    """
    places = list(sealed_places(entry["data"]))
    if not places:
        return dict(entry)
    data = deepcopy(entry["data"])
    for place in places:
        field = _at(data, place)
        found = key(field["kid"])
        if found is not None:
            try:
                content = open_field(found, _named(place), field)
            except SealError as error:
                raise SealError(f"entry {entry['number']}: {error}") from None
            _put(data, place, orjson.loads(content))
    return {**entry, "data": data}


def sealed_places(value: Any, at: Place = ()) -> Iterator[Place]:
    """Give every place of filed data that is sealed."""
    return _places(value, is_sealed, at)


def _places(value: Any, wanted: Callable[[Any], bool], at: Place = ()) -> Iterator[Place]:
    if wanted(value):
        yield at
    elif is_sealed(value) or is_erased(value):
        return
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _places(inner, wanted, (*at, name))
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for index, inner in enumerate(value):
            yield from _places(inner, wanted, (*at, index))


def erased_places(entry: Mapping[str, Any], erased: str) -> list[str]:
    """Name the fields of an entry, opened as far as it goes, whose content is gone for good.

    `erased` is up to when the person is erased, as the archive says; "" for never.
    """
    gone = [_named(place) for place in _places(entry["data"], is_erased)]
    if erased and utc(datetime.fromisoformat(entry["time"])) <= erased:
        gone += [_named(place) for place in sealed_places(entry["data"])]
    return sorted(gone)


def first_locked(entries: Iterable[Mapping[str, Any]], person: PersonKey | None, erased: str) -> int | None:
    """Give the first entry that no key at hand opens, though nobody was erased: one was lost or changed."""
    for entry in entries:
        if erased and utc(datetime.fromisoformat(entry["time"])) <= erased:
            continue
        if set(sealed_by(entry)) - {person.kid if person is not None else None}:
            return int(entry["number"])
    return None


def _named(place: Place) -> str:
    return "/".join(map(str, place))


def sealed_by(entry: Mapping[str, Any]) -> Iterator[str]:
    """Give the ids of the keys that an entry's fields were sealed under."""
    for place in sealed_places(entry["data"]):
        yield _at(entry["data"], place)["kid"]


def _at(data: Any, place: Place) -> Any:
    for step in place:
        data = data[step]
    return data


def _put(data: Any, place: Place, value: Any) -> None:
    _at(data, place[:-1])[place[-1]] = value
