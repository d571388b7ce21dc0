"""Logs: one JSON object a line, only known fields, no text of foreign exceptions."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any, Literal

import pytest

from shared.runtime.logs import configure, get_logger
from shared.runtime.ports import FatalError


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    before = root.level
    out = io.StringIO()
    yield out
    for handler in [h for h in root.handlers if h.get_name() == "parley"]:
        root.removeHandler(handler)
    root.setLevel(before)


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_json_with_the_service_and_known_fields_only(stream: io.StringIO) -> None:
    configure("INFO", "auto", stream)
    configure("INFO", "json", stream)  # again: still one line each
    log = get_logger("offer")
    log.info("days closed: %s", 3, extra={"case": "c-1", "event_type": "t", "customer": "C-77", "offset": 9})
    log.debug("not shown")
    (line,) = lines(stream)
    assert line.pop("time").endswith("+00:00")
    assert line == {
        "level": "INFO",
        "logger": "parley.offer",
        "message": "days closed: 3",
        "service": "offer",
        "case": "c-1",
        "event_type": "t",
        "offset": 9,
    }


def test_a_foreign_exception_is_named_and_not_quoted(stream: io.StringIO) -> None:
    configure("INFO", "json", stream)
    try:
        raise ValueError("the borrower is Zhang San")
    except ValueError:
        get_logger("offer").exception("a decider failed")
    (line,) = lines(stream)
    assert line["error"] == "ValueError"
    assert line["at"].startswith("test_logs.py:")
    assert "Zhang" not in stream.getvalue()


def test_our_own_errors_say_what_to_do(stream: io.StringIO) -> None:
    configure("INFO", "json", stream)
    try:
        raise FatalError("the log was cut", "parley check")
    except FatalError:
        get_logger("offer").exception("ended")
    assert lines(stream)[0]["detail"] == "the log was cut; run: parley check"


def test_on_a_terminal_it_is_text(stream: io.StringIO) -> None:
    configure("INFO", "text", stream)
    get_logger("offer").warning("slow", extra={"seconds": 1.5, "reason": "two words"})
    assert 'WARNING slow service=offer reason="two words" seconds=1.5' in stream.getvalue()


@pytest.mark.parametrize(
    ("style", "terminal", "text"),
    [("auto", True, True), ("auto", False, False), ("json", True, False), ("text", False, True)],
)
def test_only_a_terminal_gets_text_unless_it_is_asked_for(
    stream: io.StringIO, style: Literal["auto", "json", "text"], terminal: bool, text: bool
) -> None:
    stream.isatty = lambda: terminal  # type: ignore[method-assign]
    configure("INFO", style, stream)
    get_logger("offer").warning("slow")
    assert stream.getvalue().startswith("{") is not text


def test_the_clients_do_not_chatter(stream: io.StringIO) -> None:
    configure("DEBUG", "json", stream)
    logging.getLogger("aiokafka.consumer").error("key b'C-77'")
    logging.getLogger("pymongo.command").warning("{'customer': 'C-77'}")
    assert lines(stream) == []
