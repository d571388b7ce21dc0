"""Asking the decider, and working out what its answer does. Changes nothing.

Never raises for what a decider does.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import PurePath
from typing import Any

from shared.contracts.base import Event
from shared.contracts.cloudevents import encode
from shared.contracts.decision import Decision
from shared.contracts.envelope import Envelope
from shared.contracts.ids import derive_id
from shared.runtime.document import BrokenStateError, Case, Cause, LinkEntry, OutEntry, Waiting
from shared.runtime.inbound import Failure, Reason
from shared.runtime.lane import Lane
from shared.runtime.ports import Document, Publisher, UnencodableError
from shared.runtime.service import DocumentPer, Service
from shared.runtime.work import Effects, Origin, Work

__all__ = ["Judge", "describe"]


class Judge:
    """One service's decider, within one batch.

    With `measure` set, every decision is tried before it is made. `secrets` are those of the documents that
    the batch needs, for a service that is keyed.
    """

    def __init__(self, service: Service, publisher: Publisher, partitions: int) -> None:
        self.measure: Callable[[Work, Case], None] | None = None
        self.secrets: dict[str, Document] = {}
        self._service = service
        self._publisher = publisher
        self._partitions = partitions
        self._references: dict[int, Any] = {}

    def decide(
        self,
        work: Work,
        case: Case,
        envelope: Envelope[Any],
        cause: Cause,
        origin: Origin,
        *,
        last_call: bool = False,
    ) -> Effects | Failure | None:
        """Ask the decider and work out what follows; None: it waits. Changes nothing."""
        try:
            decision = self._service.decider.decide(
                case.state(self._service.state), envelope, self._reference(work.lane)
            )
            if decision.waits and not last_call:
                return None
            effects = self._effects(case, decision, cause, origin)
        except BrokenStateError as error:
            return Failure(Reason.STATE, str(error))
        except UnencodableError as error:
            return Failure(Reason.TOO_LARGE, error.rule)
        except Exception as error:  # noqa: BLE001 - whatever a decider raises costs only its case (rule 11)
            return Failure(Reason.DECIDER, describe(error))
        return self.unwritable(work, case, effects) or effects

    def close(self, work: Work, case: Case, day: date, cause: Cause, origin: Origin) -> Effects | Failure:
        """Ask the decider what is due and work out what follows. Changes nothing."""
        try:
            state = case.state(self._service.state)
            assert state is not None  # noqa: S101 - only a state is due
            decision = self._service.decider.close(state, day, self._reference(work.lane))
            effects = self._effects(case, decision, cause, origin)
            if effects.due is not None and effects.due <= day:
                raise RuntimeError("due work is still due after it was done")
        except UnencodableError as error:
            return Failure(Reason.TOO_LARGE, error.rule)
        except Exception as error:  # noqa: BLE001 - as for messages (rule 11)
            return Failure(Reason.DUE_WORK, describe(error))
        return self.unwritable(work, case, effects) or effects

    def unwritable(
        self, work: Work, case: Case, effects: Effects | None, waiting: Waiting | None = None
    ) -> Failure | None:
        """Where a document turned out to be unwritable, find the decision to blame, on a copy (rule 5)."""
        if self.measure is None:
            return None
        trial = case.clone()
        if effects is not None:
            trial.out += effects.out
            trial.links += effects.links
            trial.sent.update(effects.sent)
            trial.put(effects.state, effects.due)
        if waiting is not None:
            trial.waiting.append(waiting)
        try:
            self.measure(work, trial)
        except UnencodableError as error:
            return Failure(Reason.TOO_LARGE, error.rule)
        except Exception as error:  # noqa: BLE001 - a state that cannot be dumped
            return Failure(Reason.TOO_LARGE, type(error).__name__)
        return None

    def _effects(self, case: Case, decision: Decision[Any], cause: Cause, origin: Origin) -> Effects:
        state = decision.state
        if state is None:
            if case.state(self._service.state) is not None:
                raise TypeError("a decision must keep the state once there is one")
        elif not isinstance(state, self._service.state):
            raise TypeError("a decision's state is not of the service's model")
        due = self._service.decider.due(state) if state is not None else None
        sent: dict[str, int] = {}
        out, types = [], []
        for index, emission in enumerate(decision.emissions, origin.index):
            subject = emission.subject if emission.subject is not None else self._own_subject(case)
            id_ = derive_id(self._service.name, subject, origin.id, index)
            dated = replace(origin, time=emission.moment(origin.time))
            out.append(self.emission(case, sent, subject, emission.data, id_, cause, dated))
            types.append(emission.data.TYPE)
        return Effects(
            state=state,
            due=due,
            out=out,
            links=[LinkEntry(cause, link.id, link.body) for link in decision.links],
            sent=sent,
            work=list(self._service.workload(state)) if state is not None else [],
            types=types,
        )

    def _own_subject(self, case: Case) -> str:
        if self._service.per is not DocumentPer.CASE:
            raise ValueError("subject: where documents are per customer every emission names its case")
        return case.id

    def emission(
        self,
        case: Case,
        sent: dict[str, int],
        subject: str,
        data: Event,
        id_: str,
        cause: Cause,
        origin: Origin,
    ) -> OutEntry:
        """Give the entry of one emission, encoded and measured; raises what keeps it from being published."""
        if not self._service.emits:
            raise TypeError(f"{self._service.name} has no topic to publish on")
        sequence = sent.get(subject, case.sent.get(subject, 0)) + 1
        sent[subject] = sequence
        traceparent, tracestate = origin.span.carry(subject) if origin.span is not None else (None, None)
        key, value, headers = encode(
            Envelope(
                id=id_,
                source=self._service.source,
                time=origin.time,
                key=case.key,
                data=data,
                subject=subject,
                sequence=sequence,
                causation=origin.causation,
                traceparent=traceparent,
                tracestate=tracestate,
            )
        )
        entry = OutEntry(cause, key, value, tuple(headers))
        self._publisher.measure(entry.outgoing(self._service.topic))
        return entry

    def _reference(self, lane: Lane) -> Any:
        if lane.partition not in self._references:
            given = lane.open_work(self._partitions) if self._service.keyed is None else self.secrets
            self._references[lane.partition] = self._service.reference(given)
        return self._references[lane.partition]


def describe(error: BaseException) -> str:
    """Say what an exception is and where it came from; its text may quote personal data and stays out."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" at {PurePath(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{where}"
