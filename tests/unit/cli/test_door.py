"""Whoever publishes where nothing runs is told that nobody reads it yet."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from deploy.embedded.platform import Addresses
from services.cli.main import app


class Servers:
    """The servers of a data folder, without any."""

    def __init__(self, folder: Path, *, started_here: bool) -> None:
        self.started_here = started_here

    async def __aenter__(self) -> Addresses:
        return Addresses("127.0.0.1:1", "")

    async def __aexit__(self, *_: object) -> None:
        return None


class Publisher:
    """Takes a closed day."""

    def __init__(self, settings: object) -> None:
        pass

    async def __aenter__(self) -> Publisher:
        return self

    async def __aexit__(self, *_: object) -> None:
        return None

    async def close_day(self, *_: Any, **__: Any) -> None:
        return None


@pytest.mark.parametrize("started_here", [True, False])
def test_what_is_said_where_nothing_runs_is_known_to_wait(
    started_here: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async def end_offsets(settings: object, topics: object) -> dict[str, int]:
        return {"bank.events": 1}

    def servers(folder: Path, **_: object) -> Servers:
        return Servers(folder, started_here=started_here)

    monkeypatch.setattr("deploy.embedded.reading.SharedServers", servers)
    monkeypatch.setattr("shared.runtime.admin.end_offsets", end_offsets)
    monkeypatch.setattr("shared.runtime.publish.EventPublisher", Publisher)
    monkeypatch.delenv("KAFKA_BOOTSTRAP", raising=False)
    result = CliRunner().invoke(app, ["day", "close", "2026-03-02", "--data", str(tmp_path)])
    assert result.exit_code == 0, result.output
    assert ("Nothing runs in" in result.stderr) is started_here
    assert "Nothing runs" not in result.stdout
