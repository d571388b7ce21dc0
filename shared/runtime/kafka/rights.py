"""What each principal may do on a cluster with an authorizer: no more than its part needs (KIP-11, KIP-679).

Write and Read imply Describe. An idempotent producer needs nothing beside Write. Groups are read, topics are
created by name; nobody may delete or alter anything.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final, NamedTuple

from aiokafka.errors import KafkaError, for_code
from aiokafka.protocol.admin import CreateAclsRequest

from shared.runtime.kafka.refusals import Operation, diagnose, probe
from shared.runtime.kafka.topics import Admin, ask
from shared.runtime.ports import FatalError, UnavailableError
from shared.runtime.settings import Settings

__all__ = ["Right", "grant"]

_RESOURCE: Final = {"topic": 2, "group": 3}
_OPERATION: Final[dict[Operation, int]] = {
    "Read": 3,
    "Write": 4,
    "Create": 5,
    "Alter": 7,
    "Describe": 8,
    "DescribeConfigs": 10,
}
_LITERAL, _ALLOW = 3, 3


class Right(NamedTuple):
    """One operation on one topic or group, by its name without the prefix."""

    kind: str
    name: str
    operation: Operation


async def grant(settings: Settings, user: str, rights: Iterable[Right]) -> None:
    """Allow `user` these, from any host; what it may already changes nothing. `settings` are an admin's."""
    await probe(settings)
    try:
        async with Admin(settings) as admin:
            for right in dict.fromkeys(rights):
                answer = await ask(
                    admin,
                    CreateAclsRequest(
                        _RESOURCE[right.kind],
                        settings.prefix + right.name,
                        _LITERAL,
                        f"User:{user}",
                        "*",
                        _OPERATION[right.operation],
                        _ALLOW,
                    ),
                )
                _check(answer.creation_responses, user)
    except (KafkaError, OSError, TimeoutError) as error:
        raise await diagnose(settings, error, "grant rights") from error


def _check(answers: Collection[tuple[int, str | None]], user: str) -> None:
    for code, text in answers:
        if code:
            why = for_code(code)
            problem = f"{user!r} cannot be given rights: {why.__name__} {text or ''}"
            raise UnavailableError(problem) if why.retriable else FatalError(problem)
