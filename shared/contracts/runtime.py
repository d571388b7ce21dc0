"""What the runtime itself says on a service's topic: held and released cases, and closed days."""

from datetime import date
from typing import ClassVar

from pydantic import Field

from shared.contracts.base import Event

__all__ = ["CaseHeld", "CaseReleased", "ServiceDayClosed"]


class CaseHeld(Event):
    """`service` cannot go on with the case: a message of it is in the dead letters."""

    TYPE: ClassVar[str] = "parley.runtime.case.held.v1"
    PRODUCER: ClassVar[str] = "runtime"

    service: str = Field(description="the service that holds the case")
    reason: str = Field(
        description="the kind of the failure, or `release-not-heard` where the hold has ended and some"
        " service upstream does not know yet; never personal data"
    )
    count: int = Field(
        default=1, ge=1, description="how often this service has held the case, this time included"
    )


class CaseReleased(Event):
    """`service` goes on with the case: all that was parked has been decided or discarded."""

    TYPE: ClassVar[str] = "parley.runtime.case.released.v1"
    PRODUCER: ClassVar[str] = "runtime"

    service: str = Field(description="the service that held the case")
    count: int = Field(default=1, ge=1, description="the hold that ends, counted by the service")


class ServiceDayClosed(Event):
    """The marker: everything this service says about `day` and earlier on this partition lies before it."""

    TYPE: ClassVar[str] = "parley.runtime.day.closed.v1"
    PRODUCER: ClassVar[str] = "runtime"

    day: date
    service: str
