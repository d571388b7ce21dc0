"""Structured logs through the standard library: one JSON object a line, or key=value on a terminal.

A line says when, how grave, which service, what happened, and the fields handed over in `extra`, of which
only those named in `FIELDS` are written: a customer number, a name or a payload cannot get into the log by
accident. Exceptions are reported by their type and the place they came from; their text may quote data, so it
is kept out for every exception that is not our own.
"""

from __future__ import annotations

import json
import logging
import sys
import traceback
from collections.abc import MutableMapping
from datetime import UTC, datetime
from typing import Any, Final, Literal, TextIO

from shared.runtime.ports import PortError

__all__ = ["FIELDS", "ServiceLogger", "configure", "get_logger"]

FIELDS: Final = (
    "service", "case", "event_type", "topic", "partition", "offset", "day", "epoch", "reason", "count",
    "attempt", "seconds", "error", "address", "version", "spans", "lag", "exit_code",
)  # fmt: skip
"""The only fields that reach a log line. None of them may hold personal data or the customer number."""

_LOUD: Final = ("aiokafka", "faststream", "kafka", "motor", "pymongo", "asyncio", "opentelemetry", "urllib3")
_FRAMES: Final = 6


class _Base(logging.Formatter):
    def fields(self, record: logging.LogRecord) -> dict[str, Any]:
        moment = datetime.fromtimestamp(record.created, UTC)
        line: dict[str, Any] = {
            "time": moment.isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        for name in FIELDS:
            value = getattr(record, name, None)
            if value is not None:
                line[name] = value if isinstance(value, int | float | bool) else str(value)
        if record.exc_info and record.exc_info[0] is not None:
            line.update(_exception(record.exc_info))
        return line


class _Json(_Base):
    def format(self, record: logging.LogRecord) -> str:
        return json.dumps(self.fields(record), ensure_ascii=False, default=str)


class _Text(_Base):
    def format(self, record: logging.LogRecord) -> str:
        fields = self.fields(record)
        head = f"{fields.pop('time')[11:23]} {fields.pop('level'):<7} {fields.pop('message')}"
        fields.pop("logger")
        return " ".join([head, *(f"{name}={_quoted(value)}" for name, value in fields.items())])


def _quoted(value: Any) -> str:
    text = str(value)
    return json.dumps(text, ensure_ascii=False) if any(mark in text for mark in ' "=\n') else text


def _exception(info: Any) -> dict[str, str]:
    """Name an exception without its text, unless it is a port's, whose text is written to be read."""
    kind, error, trace = info
    frames = traceback.extract_tb(trace)[-_FRAMES:]
    where = " < ".join(f"{frame.filename.rpartition('/')[2]}:{frame.lineno}" for frame in reversed(frames))
    described = {"error": kind.__name__, "at": where}
    if isinstance(error, PortError):
        described["detail"] = str(error)
    return described


def configure(
    level: str = "INFO", style: Literal["auto", "json", "text"] = "auto", stream: TextIO | None = None
) -> None:
    """Send all logs to `stream` (standard error) in one form. Calling it again replaces the form."""
    out = stream if stream is not None else sys.stderr
    plain = style == "text" or (style == "auto" and out.isatty())
    handler = logging.StreamHandler(out)
    handler.setFormatter(_Text() if plain else _Json())
    handler.set_name("parley")
    root = logging.getLogger()
    for old in [h for h in root.handlers if h.get_name() == "parley"]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level)
    for name in _LOUD:
        # The clients' own lines quote keys and payloads at INFO and repeat themselves while a server is away.
        logging.getLogger(name).setLevel(logging.CRITICAL if name in {"aiokafka", "kafka"} else logging.ERROR)


class ServiceLogger(logging.LoggerAdapter[logging.Logger]):
    """Names the service on every line, beside the line's own fields."""

    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
        """Merge the fields (the standard adapter would drop the line's own)."""
        kwargs["extra"] = {**(self.extra or {}), **(kwargs.get("extra") or {})}
        return msg, kwargs


def get_logger(service: str) -> ServiceLogger:
    """Give the logger of a service."""
    return ServiceLogger(logging.getLogger(f"parley.{service}"), {"service": service})
