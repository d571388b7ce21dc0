"""Making a bundle: pure; what is loaded for it comes in, the file's bytes go out."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final

import orjson

from services.console.bundle.packing import pack
from services.console.bundle.page import page
from services.console.checkpoints import sign_checkpoint
from services.console.model import ArchivedCustomer
from services.console.overview import overview_of
from services.console.sealed import entry_key_name, erased_places, opened, sealed_places
from services.console.story import NOT_HASHED, WITHHELD, Line, discard_lines, lines_of
from shared.contracts.agreement import AgreementDrafted, AgreementSigned, PartySigned
from shared.crypto.canonical import canonical
from shared.crypto.sealing import PersonKey
from shared.crypto.signing import Signer
from shared.texts import LANGUAGES

__all__ = ["FORMAT", "PURPOSE", "Source", "make_bundle", "signature_file"]

FORMAT: Final = "parley-evidence/1"
PURPOSE: Final = "parley-evidence/1"
_DOCUMENTS: Final = frozenset({AgreementDrafted.TYPE, PartySigned.TYPE, AgreementSigned.TYPE})


@dataclass(frozen=True, slots=True)
class Source:
    """What a bundle is made of. `person` is None where the person's key is destroyed, or stays here.

    `documents` are files to go in as they are, by their name below documents/ (ASCII).
    """

    case: str
    customer: str
    archived: ArchivedCustomer
    entries: Sequence[Mapping[str, Any]]
    discards: Sequence[Mapping[str, Any]] = ()
    person: PersonKey | None = None
    documents: Mapping[str, bytes] = field(default_factory=dict)


def make_bundle(source: Source, signer: Signer, at: datetime) -> bytes:
    """Give the file. The chain must be whole: the caller has verified it."""
    keys: dict[str, str] = {}
    chain: list[bytes] = []
    shown: list[dict[str, Any]] = []
    checkpoints: dict[int, dict[str, Any]] = {}
    for entry in source.entries:
        number = int(entry["number"])
        if "checkpoint" in entry:
            checkpoints[number] = dict(entry["checkpoint"])
        if entry["case"] not in (source.case, None):
            chain.append(canonical({name: entry[name] for name in WITHHELD}))
            continue
        stored = {name: value for name, value in entry.items() if name not in NOT_HASHED}
        chain.append(canonical({**stored, "hash": entry["hash"]}))
        shown.append(_open(entry, source.person, keys))
    archived = source.archived
    now = sign_checkpoint(signer, source.customer, archived.entries, archived.head)
    checkpoints[archived.entries] = now.model_dump()
    signed = [checkpoints[number] for number in sorted(checkpoints)]
    lines: dict[str, list[Line]] = {lang: _lines(shown, source, lang) for lang in LANGUAGES}
    gone = {entry["id"]: names for entry in shown if (names := erased_places(entry, archived.erased))}
    files = {
        "chain.jsonl": b"".join(line + b"\n" for line in chain),
        "checkpoints.json": _json(signed),
        "keys.json": _json(keys),
        "timeline.json": _json(_timeline(shown, lines, gone)),
        "discarded.json": _json([_plain(one) for one in source.discards]),
        **_documents(shown),
        **{f"documents/{name}": source.documents[name] for name in sorted(source.documents)},
    }
    facts = {
        "format": FORMAT,
        "case": source.case,
        "customer": source.customer,
        "made_at": at.astimezone(UTC).isoformat(timespec="seconds"),
        "entries": archived.entries,
        "shown": len(shown),
        "head": archived.head,
        "erased": archived.erased,
        "key": signer.key_id,
    }
    said = {entry["id"]: entry["data"] for entry in shown}
    line = overview_of(shown, source.case)
    for lang in LANGUAGES:
        name = "index.html" if lang == "en" else f"index.{lang}.html"
        files[name] = page(facts, line, lines[lang], said, sorted(files), lang, gone)
    listed = [
        {"name": name, "bytes": len(content), "sha256": sha256(content).hexdigest()}
        for name, content in files.items()
    ]
    manifest = canonical({**facts, "files": listed})
    signature = signature_file(signer.key_id, signer.sign(PURPOSE, manifest))
    return pack({"manifest.json": manifest, "manifest.sig": signature, **files})


def signature_file(key_id: str, signature: str) -> bytes:
    """Give the bytes of manifest.sig: there is one way to write it, for nothing signs what stands in it."""
    return _json({"key": key_id, "signature": signature})


def _open(entry: Mapping[str, Any], person: PersonKey | None, keys: dict[str, str]) -> dict[str, Any]:
    """Open an entry for people, and note the key that does."""
    if person is None or not any(True for _ in sealed_places(entry["data"])):
        return dict(entry)
    key = person.for_entry(entry_key_name(entry["source"], entry["id"]))

    def find(kid: str) -> bytes | None:
        if kid != person.kid:
            return None  # sealed under a key that has been destroyed since
        keys[str(entry["number"])] = b64encode(key).decode()
        return key

    return opened(entry, find)


def _lines(shown: Sequence[Mapping[str, Any]], source: Source, lang: str) -> list[Line]:
    both = [*lines_of(shown, source.case, lang), *discard_lines(source.discards, lang)]
    return sorted(both, key=lambda line: line.time)


def _timeline(
    shown: Sequence[Mapping[str, Any]],
    lines: Mapping[str, Sequence[Line]],
    gone: Mapping[str, Sequence[str]],
) -> list[dict[str, Any]]:
    """Give the events in order, with the words of each language, what the message said, what is erased."""
    data = {entry["id"]: entry for entry in shown}
    rows: list[dict[str, Any]] = []
    for same in zip(*(lines[lang] for lang in LANGUAGES), strict=True):
        one, entry = same[0], data.get(same[0].id)
        row: dict[str, Any] = {"time": one.time, "who": one.who, "type": one.type, "id": one.id}
        row["entry"] = entry["number"] if entry is not None else None
        row["data"] = entry["data"] if entry is not None else None
        if one.id in gone:
            row["erased"] = list(gone[one.id])
        for lang, line in zip(LANGUAGES, same, strict=True):
            row[lang] = {"what": line.what, "why": list(line.why)}
        rows.append(row)
    return rows


def _documents(shown: Sequence[Mapping[str, Any]]) -> dict[str, bytes]:
    return {
        f"documents/{entry['number']:06d}-{entry['type']}.json": _json(entry["data"])
        for entry in shown
        if entry["type"] in _DOCUMENTS
    }


def _plain(body: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name != "_id"}


def _json(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2) + b"\n"
