"""What a port raises on purpose. Whoever calls one needs to tell these apart and nothing more."""

from __future__ import annotations

__all__ = [
    "BrokenError",
    "FatalError",
    "NotOwnerError",
    "OffsetLostError",
    "PortError",
    "UnavailableError",
    "UnencodableError",
]


class PortError(Exception):
    """Base of what a port raises on purpose."""


class UnavailableError(PortError):
    """The server is away, slow or refuses for now; whether the call took effect is unknown. Retry it."""


class NotOwnerError(PortError):
    """The group has given the partitions to somebody else: nothing was committed; wait for an assignment."""


class BrokenError(PortError):
    """This consumer will never work again, though the log may: stop it and start it. Nothing is lost."""


class OffsetLostError(PortError):
    """The log no longer (or not yet) holds the offset to read from. Never guessed (rule 15)."""

    def __init__(self, topic: str, partition: int, offset: int) -> None:
        super().__init__(f"{topic}[{partition}]: offset {offset} is not in the log")
        self.topic, self.partition, self.offset = topic, partition, offset


class UnencodableError(PortError):
    """One document or message that the store or the log would refuse.

    `rule` names why, without its content.
    """

    def __init__(self, rule: str) -> None:
        super().__init__(rule)
        self.rule = rule


class FatalError(PortError):
    """What waiting cannot mend, so that the process must end.

    `problem` is why, `command` what the operator should run.
    """

    def __init__(self, message: str, command: str = "parley doctor") -> None:
        super().__init__(f"{message}; run: {command}")
        self.problem = message
        self.command = command
