"""Which class a CloudEvents type is, and which topic a producer writes."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType

from shared.contracts import (
    agreement,
    alert,
    alert_steps,
    assessment,
    bank,
    desk,
    desk_care,
    desk_contact,
    desk_household,
    desk_mechanism,
    desk_parties,
    desk_talks,
    desk_team,
    followup,
    followup_care,
    intake,
    intake_team,
    notice,
    offer,
    ops,
    runtime,
)
from shared.contracts.base import Event

__all__ = [
    "DEAD_LETTER_SUFFIX",
    "EVENTS",
    "OPTIONAL",
    "PRODUCERS",
    "SENDERS",
    "SERVICES",
    "add_guests",
    "event_class",
    "topic_of",
]

SERVICES = ("intake", "assessment", "offer", "agreement", "followup", "alert")
"""The six services in the order of the flow."""

OPTIONAL = ("notice",)
"""Services that run only where they are asked for: notice, where messages can leave by some channel."""

SENDERS = (*SERVICES, *OPTIONAL)
"""Every service that has a topic of its own."""

PRODUCERS = ("bank", "desk", *SENDERS, "ops")
"""Every producer; each has exactly one topic."""

DEAD_LETTER_SUFFIX = ".dead-letter"

_MODULES: tuple[ModuleType, ...] = (
    bank, desk, desk_care, desk_contact, desk_household, desk_mechanism, desk_parties, desk_talks, desk_team,
    intake, intake_team, assessment, offer, agreement, followup, followup_care, alert, alert_steps,
    notice, ops, runtime,
)  # fmt: skip


def _events() -> Iterator[type[Event]]:
    for module in _MODULES:
        for name in module.__all__:
            member = getattr(module, name)
            if isinstance(member, type) and issubclass(member, Event) and member.TYPE:
                yield member


EVENTS: dict[str, type[Event]] = {event.TYPE: event for event in _events()}
"""Every message by its CloudEvents type."""


_GUESTS: dict[str, type[Event]] = {}


def add_guests(*events: type[Event]) -> None:
    """Let this process read messages that are not the product's (simulations, benchmarks).

    They are not in EVENTS: no schema is written for them, and no text is asked for.
    """
    _GUESTS.update({event.TYPE: event for event in events})


def event_class(type_: str) -> type[Event] | None:
    """Give the class of a CloudEvents type, or None where it is not one of ours."""
    return EVENTS.get(type_) or _GUESTS.get(type_)


def topic_of(producer: str) -> str:
    """Give the topic that `producer` writes; raises KeyError for an unknown one."""
    if producer not in PRODUCERS:
        raise KeyError(f"unknown producer {producer!r}; known: {', '.join(PRODUCERS)}")
    return "ops.commands" if producer == "ops" else f"{producer}.events"
