"""A door in front of a server: connections go through it until it is shut, as when a cable is pulled.

It runs on a thread of its own, so that it is there for whoever asks from whichever event loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine
from typing import Any, Self, TypeVar

from deploy.embedded.ports import LOOPBACK

T = TypeVar("T")
_CHUNK = 1 << 16


class Gate:
    """Listens on `port` and passes everything on to the port that `target` gives. A context manager."""

    def __init__(self, port: int, target: Callable[[], int]) -> None:
        self._port, self._target = port, target
        self._open = True
        self._writers: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._server = self._call(asyncio.start_server(self._serve, LOOPBACK, self._port))
        return self

    def __exit__(self, *_: object) -> None:
        self._call(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def shut(self) -> None:
        """Cut every connection, and hang up on new ones."""
        self._call(self._shut())

    def open(self) -> None:
        """Let connections through again."""
        self._open = True

    def _call(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    async def _shut(self) -> None:
        self._open = False
        for writer in list(self._writers):
            writer.transport.abort()

    async def _end(self) -> None:
        await self._shut()
        self._server.close()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, OSError):
                await task

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._open:
            writer.transport.abort()
            return
        try:
            inner_reader, inner_writer = await asyncio.open_connection(LOOPBACK, self._target())
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, inner_writer}
        if not self._open:  # shut while we were connecting
            await self._shut()
        try:
            await asyncio.gather(_pump(reader, inner_writer), _pump(inner_reader, writer))
        finally:
            self._writers -= {writer, inner_writer}
            writer.transport.abort()
            inner_writer.transport.abort()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass bytes on until one side hangs up; then hang up on the other."""
    with contextlib.suppress(OSError):
        while data := await reader.read(_CHUNK):
            writer.write(data)
            await writer.drain()
    writer.transport.abort()
