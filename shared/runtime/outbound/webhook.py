"""A signed webhook: the message as JSON, to the lender's own sender of letters, texts or app messages.

The signature is HMAC-SHA256 over the timestamp, a dot and the body, so that neither can be exchanged; a
receiver checks it with `is_genuine` and refuses what is too old. The id stands in `Idempotency-Key`.
"""

from __future__ import annotations

import asyncio
import hmac
from datetime import datetime
from functools import partial
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any, Final
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import HTTPHandler, HTTPRedirectHandler, HTTPSHandler, Request, build_opener

import orjson

from shared.runtime.outbound.line import Line
from shared.runtime.outbound.message import Outgoing, UndeliverableError
from shared.runtime.ports import Clock, UnavailableError

__all__ = ["WebhookChannel", "is_genuine", "signature"]

_VERSION: Final = "v1="
_LEAST_SECRET: Final = 16
_HERE: Final = frozenset({"localhost", "127.0.0.1", "::1"})
# Besides what is busy: who does not know us. Our secret is wrong then, not the message.
_LATER: Final = frozenset(
    {
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.TOO_EARLY,
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.FORBIDDEN,
        HTTPStatus.PROXY_AUTHENTICATION_REQUIRED,
    }
)


def signature(secret: bytes, timestamp: str, body: bytes) -> str:
    """Give the value of `Parley-Signature`; ``timestamp`` is seconds since 1970 as decimal digits."""
    return _VERSION + hmac.digest(secret, timestamp.encode() + b"." + body, "sha256").hex()


def is_genuine(
    secret: bytes, timestamp: str, body: bytes, given: str, now: datetime, tolerance: float = 300.0
) -> bool:
    """Whether a request carries our signature and is at most ``tolerance`` seconds old (or early)."""
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= len("9999999999")):
        return False
    expected = signature(secret, timestamp, body)
    fresh = abs(now.timestamp() - int(timestamp)) <= tolerance
    return hmac.compare_digest(expected.encode(), given.encode()) and fresh


class _NoRedirect(HTTPRedirectHandler):
    """A signed message goes where it was sent, and nowhere else."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        """Follow nothing: the answer 3xx is an error."""


class _Plain(HTTPConnection):
    line: Line

    def connect(self) -> None:
        super().connect()
        self.line.holds(self.sock)


class _Tls(HTTPSConnection, _Plain):
    """The same: its own `connect` begins with that of `_Plain`."""


def _connection(kind: type[_Plain], line: Line, host: str, **kwargs: Any) -> _Plain:
    made = kind(host, **kwargs)
    made.line = line
    return made


class _OverHttp(HTTPHandler):
    def __init__(self, line: Line) -> None:
        super().__init__()
        self._line = line

    def http_open(self, req: Request) -> HTTPResponse:
        return self.do_open(partial(_connection, _Plain, self._line), req)


class _OverTls(HTTPSHandler):
    def __init__(self, line: Line) -> None:
        super().__init__()
        self._line = line

    def https_open(self, req: Request) -> HTTPResponse:
        return self.do_open(partial(_connection, _Tls, self._line), req)


class WebhookChannel:
    """Implements `outbound.Channel`. Raises ValueError for an address that is not https, or a short secret.

    Plain http is allowed to this machine only. ``timeout`` is for connecting and for the whole answer.
    """

    name = "webhook"

    def __init__(self, url: str, secret: bytes, clock: Clock, timeout: float = 30.0) -> None:
        parts = urlsplit(url)
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _HERE):
            raise ValueError("url: https, or http to this machine")
        if not (parts.hostname and url.isascii() and url.isprintable() and " " not in url):
            raise ValueError("url: a host, and nothing but printable ASCII (xn--… for other letters)")
        if "@" in parts.netloc or parts.port == 0:
            raise ValueError("url: no login in it, and no port 0")
        parts.hostname.encode("idna")  # a label that is too long raises, and so does a port that is none
        if len(secret) < _LEAST_SECRET:
            raise ValueError(f"secret: at least {_LEAST_SECRET} bytes")
        self._url = url
        self._secret = secret
        self._clock = clock
        self._timeout = timeout

    async def send(self, outgoing: Outgoing) -> None:
        """Post it. Raises UnavailableError or UndeliverableError; 409: the receiver has it already."""
        request, line = self._request(outgoing), Line()
        deadline = asyncio.get_running_loop().call_later(self._timeout, line.cut)
        try:
            await asyncio.to_thread(self._post, request, line)
        except HTTPError as error:
            error.close()
            if error.code == HTTPStatus.CONFLICT:
                return
            if error.code in _LATER or error.code >= HTTPStatus.INTERNAL_SERVER_ERROR:
                raise UnavailableError(f"http_{error.code}") from None
            raise UndeliverableError(f"http_{error.code}") from None
        except (OSError, HTTPException) as error:
            raise UnavailableError(f"http_{type(error).__name__}") from None
        finally:
            deadline.cancel()
            line.cut()

    def _request(self, outgoing: Outgoing) -> Request:
        body = orjson.dumps(
            {
                "id": outgoing.message_id,
                "kind": outgoing.kind,
                "channel": outgoing.channel,
                "language": outgoing.language,
                "to": outgoing.to,
                "subject": outgoing.subject,
                "body": outgoing.body,
            }
        )
        timestamp = str(int(self._clock.now().timestamp()))
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": outgoing.message_id,
            "Parley-Timestamp": timestamp,
            "Parley-Signature": signature(self._secret, timestamp, body),
        }
        return Request(self._url, data=body, headers=headers, method="POST")  # noqa: S310  checked above

    def _post(self, request: Request, line: Line) -> None:
        opener = build_opener(_NoRedirect, _OverHttp(line), _OverTls(line))
        opener.open(request, timeout=self._timeout).close()  # a 2xx is all that is asked
