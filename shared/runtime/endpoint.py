"""/live, /ready and /lag over HTTP, for orchestrators and people: 200 or 503, and JSON that says why.

Served from threads, so that a probe gets its answer while the event loop is busy, and learns when it hangs.
Nothing can be changed through it, and nothing in it is personal.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from types import TracebackType
from typing import Any, Final, Self

from shared.runtime.monitor import Report
from shared.runtime.ports import FatalError

__all__ = ["Endpoint"]

_CLIENT_SECONDS: Final = 5.0  # a client that sends nothing is not waited for
_HEADERS: Final = (
    ("Content-Type", "application/json"),
    ("Cache-Control", "no-store"),
    ("X-Content-Type-Options", "nosniff"),
)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def server_bind(self) -> None:
        """Bind without the look-up of the host's full name, which may take the name server's patience."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])


class Endpoint:
    """Serves what `report` gives, within its `with`. `turned` has to be called by the event loop.

    Raises FatalError where the address cannot be had.
    """

    def __init__(self, host: str, port: int, report: Callable[[], Report], live_seconds: float) -> None:
        self._report = report
        self._live_seconds = live_seconds
        self._turned = time.monotonic()
        try:
            self._server = _Server((host, port), self._handler())
        except OSError as error:
            raise FatalError(
                f"PARLEY_HEALTH_HOST={host}, PARLEY_HEALTH_PORT={port}: cannot listen there "
                f"({error.strerror})"
            ) from None
        self._thread = threading.Thread(target=self._server.serve_forever, name="parley-health", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self._server.server_address[1])

    def turned(self) -> None:
        """Note that the event loop turns."""
        self._turned = time.monotonic()

    def answer(self, path: str) -> tuple[HTTPStatus, Any]:
        """Give the status and the body of a path."""
        if path == "/live":
            silent = time.monotonic() - self._turned
            live = silent < self._live_seconds
            return _status(live), {"live": live, "loop_seconds": round(silent, 3)}
        if path == "/ready":
            said = self._report().readiness()
            return _status(said["ready"]), said
        if path == "/lag":
            return HTTPStatus.OK, self._report().lag()
        return HTTPStatus.NOT_FOUND, {"paths": ["/live", "/ready", "/lag"]}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            timeout = _CLIENT_SECONDS
            server_version, sys_version = "parley", ""

            def do_GET(self) -> None:
                status, body = endpoint.answer(self.path.partition("?")[0])
                content = json.dumps(body).encode()
                self.send_response(status)
                for name, value in (*_HEADERS, ("Content-Length", str(len(content)))):
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                """Probes come every few seconds: they are not logged."""

        return Handler


def _status(good: bool) -> HTTPStatus:
    return HTTPStatus.OK if good else HTTPStatus.SERVICE_UNAVAILABLE
