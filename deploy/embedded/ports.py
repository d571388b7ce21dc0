"""Free loopback ports that are remembered and do not clash."""

from __future__ import annotations

import random
import socket
from collections.abc import Iterable

from deploy.embedded.errors import StartError

LOOPBACK = "127.0.0.1"
# Below the range from which Linux (32768) and macOS (49152) draw outgoing connections' ports: a port that we
# remember must not be taken by a passing connection while we are stopped.
_LOWEST, _HIGHEST = 20_000, 32_000
_TRIES = 500


def is_free(port: int) -> bool:
    """Whether a server could listen on `port` of the loopback interface now.

    With SO_REUSEADDR, as Kafka and the database set it: connections of the last run that are still closing
    do not count as taken.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
            probe.listen(1)
        except OSError:
            return False
    return True


def choose(names: Iterable[str], remembered: dict[str, int], *, avoid: Iterable[int] = ()) -> dict[str, int]:
    """A port for every name: the remembered one where it is free, otherwise a new one; all different.

    `avoid` are ports that a start has just found to be taken. Raises StartError when none is free.
    """
    taken = set(avoid)
    chosen: dict[str, int] = {}
    for name in names:
        known = remembered.get(name)
        port = known if known is not None and known not in taken and is_free(known) else _draw(taken)
        chosen[name] = port
        taken.add(port)
    return chosen


def _draw(taken: set[int]) -> int:
    draw = random.SystemRandom()
    for _ in range(_TRIES):
        port = draw.randint(_LOWEST, _HIGHEST)
        if port not in taken and is_free(port):
            return port
    raise StartError(
        f"No free port was found on {LOOPBACK} between {_LOWEST} and {_HIGHEST}.",
        "Stop programs that listen there, or check that the loopback interface is up.",
    )
