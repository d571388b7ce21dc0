"""The connection of one message, which can be cut while a thread waits at it.

A time-out is for one byte: who answers byte by byte would hold a thread for hours.
"""

from __future__ import annotations

import socket
import threading
from contextlib import suppress

__all__ = ["Line"]


class Line:
    """What one message leaves by; cut at its deadline, or when nobody waits for it any more."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []
        self._is_cut = False

    @property
    def is_cut(self) -> bool:
        """Whether it has been ended."""
        return self._is_cut

    def holds(self, connected: socket.socket) -> None:
        """Take note of a connection. Raises TimeoutError where the time is over already."""
        with self._lock:
            if self._is_cut:
                raise TimeoutError
            self._sockets.append(connected.dup())  # TLS takes the first one for its own

    def cut(self) -> None:
        """End it, whatever is under way."""
        with self._lock:
            self._is_cut = True
            for one in self._sockets:
                with suppress(OSError):  # it has ended by itself
                    one.shutdown(socket.SHUT_RDWR)
                one.close()
            self._sockets.clear()
