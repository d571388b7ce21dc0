"""An embedded platform makes its keys once, for itself alone; what the environment names stays."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from deploy.embedded.house_keys import house_keys, make_house_keys
from services.console.reference import read_keys
from shared.crypto.signing import KeyFileError, load_public


@pytest.fixture(autouse=True)
def unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PARLEY_SIGNING_KEY", raising=False)
    monkeypatch.delenv("PARLEY_MASTER_KEY", raising=False)


def test_keys_are_made_once_and_only_their_owner_reads_them(tmp_path: Path) -> None:
    assert house_keys(tmp_path, {}) == {}
    make_house_keys(tmp_path)
    named = house_keys(tmp_path, {})
    first = {path: Path(path).read_bytes() for path in named.values()}
    make_house_keys(tmp_path)
    assert {path: Path(path).read_bytes() for path in named.values()} == first
    assert {stat.S_IMODE(Path(path).stat().st_mode) for path in first} == {0o600}
    keys = read_keys(Path(named["PARLEY_SIGNING_KEY"]), Path(named["PARLEY_MASTER_KEY"]))
    assert keys.signer is not None
    assert keys.signer.trusted == load_public(tmp_path / "keys" / "lender.pub")
    assert repr(keys.master) not in repr(keys)


def test_what_the_environment_names_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARLEY_SIGNING_KEY", "somewhere.pem")
    make_house_keys(tmp_path)
    assert not (tmp_path / "keys" / "lender.pem").exists()
    assert set(house_keys(tmp_path)) == {"PARLEY_MASTER_KEY"}


def test_a_master_key_that_is_too_short_is_refused(tmp_path: Path) -> None:
    (tmp_path / "master.key").write_bytes(b"short")
    with pytest.raises(KeyFileError, match="32 random bytes"):
        read_keys(None, tmp_path / "master.key")


def test_a_key_of_somebody_else_says_who_may_not_read_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", refused)
    monkeypatch.setattr(os, "geteuid", lambda: 10001)
    with pytest.raises(KeyFileError, match=r"lender\.pem: cannot be read by user 10001: it must be"):
        read_keys(tmp_path / "lender.pem", None)
