"""Checking a bundle: with the file and a key that somebody trusts, and nothing else. Never raises for a file.

From the signature inwards: the manifest, then the chain entry by entry, the checkpoints, every file, and at
last the bytes of the file itself, which follow from its content.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from services.console.bundle.making import FORMAT, PURPOSE, signature_file
from services.console.bundle.packing import BrokenBundle, pack, unpack
from services.console.checkpoints import check_checkpoints, first_unsigned, is_checkpoint
from services.console.sealed import opened
from services.console.story import verify
from shared.crypto.canonical import canonical, parsed
from shared.crypto.sealing import SealError
from shared.crypto.signing import Trusted

__all__ = ["Fault", "Report", "check_bundle"]


@dataclass(frozen=True, slots=True)
class Fault:
    """What is not as the lender has signed it: an entry or a file, and the rule it breaks."""

    where: str
    rule: str

    def __str__(self) -> str:
        return f"{self.where}: {self.rule}"


@dataclass(frozen=True, slots=True)
class Report:
    """What a check has found, the first fault first, and what the manifest says ({} if it proves nothing).

    `unsigned` is the first entry at which the lender should have signed a checkpoint and has not, or None:
    nothing but the bundle itself vouches that what lies before the next one was not written anew.
    """

    faults: tuple[Fault, ...]
    manifest: Mapping[str, Any]
    unsigned: int | None = None

    @property
    def ok(self) -> bool:
        """Whether everything is complete and untouched."""
        return not self.faults


def check_bundle(raw: bytes, keys: Sequence[Trusted]) -> Report:
    """Check the bytes of a bundle. `keys` come from the lender: one signs, others may be earlier ones."""
    trusted = {key.key_id: key for key in keys}
    try:
        files = unpack(raw)
    except BrokenBundle as error:
        return Report((Fault(error.member, error.rule),), {})
    try:
        manifest = _manifest(files, trusted)
    except _Wrong as error:
        return Report((error.fault,), {})
    faults = [*_chain(files, manifest, trusted), *_files(files, manifest)]
    order = ("manifest.json", "manifest.sig", *(row["name"] for row in manifest["files"]))
    if not faults and pack({name: files[name] for name in order}) != raw:
        faults.append(Fault("the file", "has bytes beside its content that are not as they were made"))
    return Report(tuple(faults), manifest, None if faults else _unsigned(files))


def _unsigned(files: Mapping[str, bytes]) -> int | None:
    entries = [parsed(line) for line in files["chain.jsonl"].splitlines()]
    return first_unsigned(entries, {one["entries"] for one in parsed(files["checkpoints.json"])})


class _Wrong(Exception):  # noqa: N818 - a signal inside this module
    def __init__(self, where: str, rule: str) -> None:
        super().__init__(where)
        self.fault = Fault(where, rule)


def _manifest(files: Mapping[str, bytes], trusted: Mapping[str, Trusted]) -> Mapping[str, Any]:
    for name in ("manifest.json", "manifest.sig"):
        if name not in files:
            raise _Wrong(name, "is missing")
    signed = _read("manifest.sig", files["manifest.sig"], dict)
    key = trusted.get(str(signed.get("key")))
    if key is None:
        raise _Wrong("manifest.sig", "is signed with another key than the one that was given")
    if not key.signed(PURPOSE, files["manifest.json"], signed.get("signature")):
        raise _Wrong("manifest.json", "is not what the lender has signed")
    if files["manifest.sig"] != signature_file(key.key_id, signed["signature"]):
        raise _Wrong("manifest.sig", "says more than who has signed, or says it in another way")
    manifest: Mapping[str, Any] = _read("manifest.json", files["manifest.json"], dict)
    if manifest.get("format") != FORMAT:
        raise _Wrong("manifest.json", "is of a format that this version does not know")
    return manifest


def _chain(
    files: Mapping[str, bytes], manifest: Mapping[str, Any], trusted: Mapping[str, Trusted]
) -> Iterator[Fault]:
    for name in ("chain.jsonl", "checkpoints.json", "keys.json"):
        if name not in files:
            yield Fault(name, "is missing")
            return
    entries: list[dict[str, Any]] = []
    try:
        for number, line in enumerate(files["chain.jsonl"].split(b"\n")[:-1], start=1):
            entry = _read(f"entry {number}", line, dict)
            if not _is_canonical(entry, line):
                raise _Wrong(f"entry {number}", "is not in canonical JSON")
            entries.append(entry)
        checkpoints = _read("checkpoints.json", files["checkpoints.json"], list)
        keys = _read("keys.json", files["keys.json"], dict)
    except _Wrong as error:
        yield error.fault
        return
    wrong = verify(entries, str(manifest["head"]), withheld=True)
    if wrong is None and len(entries) != manifest["entries"]:
        yield Fault(f"entry {len(entries) + 1}", "the chain has another length than the manifest says")
    if wrong is not None:
        yield Fault(f"entry {wrong.number}", wrong.rule)
        return
    if not all(is_checkpoint(one) for one in checkpoints):
        yield Fault("checkpoints.json", "is not a list of checkpoints")
        return
    cut = check_checkpoints(str(manifest["customer"]), entries, checkpoints, trusted)
    if cut is not None:
        yield Fault(f"entry {cut.number}", cut.rule)
    for entry in entries:
        name = str(entry["number"])
        try:
            if name in keys:
                _opens(entry, b64decode(keys[name], validate=True))
        except (SealError, ValueError, TypeError, KeyError):
            yield Fault(f"entry {name}", "its sealed fields do not open with its key in keys.json")


def _is_canonical(entry: Mapping[str, Any], line: bytes) -> bool:
    try:
        return canonical(entry) == line
    except (TypeError, ValueError, RecursionError):  # half a character, for instance: UTF-8 cannot say it
        return False


def _opens(entry: Mapping[str, Any], key: bytes) -> None:
    opened(entry, lambda _kid: key)


def _files(files: Mapping[str, bytes], manifest: Mapping[str, Any]) -> Iterator[Fault]:
    listed = {row["name"]: row for row in manifest["files"]}
    for name, row in listed.items():
        content = files.get(name)
        if content is None:
            yield Fault(name, "is missing")
        elif (len(content), sha256(content).hexdigest()) != (row["bytes"], row["sha256"]):
            yield Fault(name, "is not what the lender has signed")
    for name in files:
        if name not in listed and name not in {"manifest.json", "manifest.sig"}:
            yield Fault(name, "does not belong to the bundle")


def _read(where: str, content: bytes, kind: type) -> Any:
    try:
        found = parsed(content)
    except ValueError:
        raise _Wrong(where, "cannot be read: it was changed") from None
    if not isinstance(found, kind):
        raise _Wrong(where, "is not what stands there in a bundle")
    return found
