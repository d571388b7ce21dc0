"""Tells operations of messages that are refused for what stands in them: nobody else would hear.

Such a message is no dead letter, for it was understood; and where it would have opened a case, there is none
in which anybody could read of it.
"""

from __future__ import annotations

from datetime import date

from shared.contracts.refusing import is_mistake
from shared.runtime.inbound import Inbound
from shared.runtime.ports import Meter
from shared.runtime.service import Service

__all__ = ["Mistakes"]


class Mistakes:
    """One alarm for each service, type of message, reason and day, however many messages it was.

    Raised where every service is read, by the archive, and at least once: its replicas and a new start may
    repeat it. The case in it is the first one's, for `parley case`; no value of a message is.
    """

    def __init__(self, service: Service, meter: Meter) -> None:
        self._listens = service.audits
        self._meter = meter
        self._told: dict[tuple[str, ...], date] = {}

    def heard(self, inbound: Inbound) -> None:
        """Take note of a message, whatever has become of it here.

        One that was decided just before the process died comes as a duplicate, and a case that is parked here
        says nothing of who refused what.
        """
        envelope = inbound.envelope
        if not self._listens or envelope is None or not is_mistake(envelope.data):
            return
        data, day = envelope.data, envelope.day
        key = data.PRODUCER, data.cause_type, data.reason.code.value
        if day > self._told.get(key, date.min):
            self._told[key] = day
            service, type_, reason = key
            self._meter.alarm(
                "input-refused",
                service=service,
                type=type_,
                reason=reason,
                day=str(day),
                case=envelope.case,
                mended="under-a-new-id",  # the one it had is known for good (rule 3)
            )
