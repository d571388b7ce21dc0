"""Which key the lender signs a draft with: one that the platform checks by, or it is said that none is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from typer.testing import CliRunner, Result

from services.cli.main import app
from shared.contracts.envelope import Envelope
from tests.unit.agreement.test_paper import KEY, PUBLIC, entries, story
from tests.unit.builders import CASE


@pytest.fixture
def sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Envelope[Any]]:
    """What the command publishes about a case with one draft; its packs are in tmp_path, with no key yet."""
    found: list[Envelope[Any]] = []

    class Door:
        async def send(self, *envelopes: Envelope[Any]) -> None:
            found.extend(envelopes)

    @asynccontextmanager
    async def door(_data: Path | None) -> AsyncIterator[Door]:
        yield Door()

    filed = (CASE, "C-1", entries(*story()[:1]))
    monkeypatch.setattr("services.cli.reading.with_database", lambda *_: filed)
    monkeypatch.setattr("services.cli.door.open_publisher", door)
    monkeypatch.setenv("PARLEY_POLICIES", str(tmp_path))
    key = KEY.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (tmp_path / "lender.key").write_bytes(key)
    return found


def sign(folder: Path) -> Result:
    key = str(folder / "lender.key")
    words = ["keys", "sign", CASE, "--key", key, "--day", "2026-03-02", "--by", "certificate-7"]
    return CliRunner().invoke(app, words)


def test_where_the_platform_checks_no_key_it_is_said(sent: list[Envelope[Any]], tmp_path: Path) -> None:
    result = sign(tmp_path)
    assert result.exit_code == 0
    assert len(sent) == 1
    assert "No lender-keys.toml stands beside the policy packs" in result.stderr
    assert PUBLIC.hex() not in result.output


def test_a_key_that_the_platform_checks_by_signs(sent: list[Envelope[Any]], tmp_path: Path) -> None:
    (tmp_path / "lender-keys.toml").write_text(f'public_keys = ["{PUBLIC.hex()}"]')
    result = sign(tmp_path)
    assert (result.exit_code, result.stderr, len(sent)) == (0, "", 1)


@pytest.mark.parametrize("text", [f'public_keys = ["{"0" * 64}"]', "no toml ["])
def test_any_other_key_signs_nothing(sent: list[Envelope[Any]], tmp_path: Path, text: str) -> None:
    (tmp_path / "lender-keys.toml").write_text(text)
    result = sign(tmp_path)
    assert (result.exit_code, sent) == (2, [])
    assert "lender-keys.toml" in result.stderr
