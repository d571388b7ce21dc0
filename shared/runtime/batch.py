"""The batch: load, fold, encode and measure, write, publish, keep ids. Used for records and for due work
alike.

    load documents (one query, for those that were not written last) -> fold in arrival order
        -> encode and measure each document alone
        -> parked rows -> one unordered bulk write (losers are loaded and decided again)
        -> publish every entry still held, oldest first, and the dead letters -> ids, links, deletions

What follows (positions, commit) is the caller's: `engine` for records, `days` for due work.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from shared.runtime.commands import obey
from shared.runtime.document import RUNTIME_SCHEMA, Case
from shared.runtime.fold import Fold
from shared.runtime.inbound import Inbound, Kind
from shared.runtime.lane import Lane
from shared.runtime.limits import Limits
from shared.runtime.pace import Pace
from shared.runtime.ports import (
    ID,
    PARTITION,
    BatchSpan,
    Document,
    FatalError,
    Outgoing,
    ParkedRow,
    Ports,
    Publisher,
    UnavailableError,
    UnencodableError,
)
from shared.runtime.pulse import Pulse
from shared.runtime.recent import Recent
from shared.runtime.retry import AbandonedError, Patience
from shared.runtime.secrets import Secrets
from shared.runtime.service import Service
from shared.runtime.work import Work

__all__ = ["Batch", "Shell"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Shell:
    """What a batch needs: the service, its bounds and its ports.

    `lost` tells that the work is no longer ours.
    """

    service: Service
    limits: Limits
    ports: Ports
    publisher: Publisher
    patience: Patience
    lost: Callable[[], bool]
    pulse: Pulse
    pace: Pace
    recent: Recent
    secrets: Secrets = field(default_factory=Secrets)
    stages: dict[str, float] = field(default_factory=dict)  # seconds of the batch in hand

    async def insist(self, stage: str, call: Callable[[], Awaitable[T]]) -> T:
        """Do one stage, through outages, and measure it."""

        async def attempt() -> T:
            try:
                return await call()
            except UnavailableError:
                self.pulse.failed(stage)
                raise

        before = self.ports.clock.monotonic()
        try:
            with self.pulse.stage(stage):
                return await self.patience.insist(stage, attempt, self.lost)
        finally:
            took = self.ports.clock.monotonic() - before
            self.pace.spent(stage, took)
            self.stages[stage] = self.stages.get(stage, 0.0) + took
            self.ports.meter.observe("batch_seconds", took, service=self.service.name, stage=stage)

    async def documents(self, stage: str, owners: Mapping[str, Lane]) -> dict[str, Document]:
        """Give documents by id, those that this replica wrote last in their lane without a query."""
        held = {id_: raw for id_, lane in owners.items() if (raw := self.recent.find(id_, lane)) is not None}
        missing = [id_ for id_ in owners if id_ not in held]
        if missing:
            name = self.service.name
            held |= await self.insist(stage, lambda: self.ports.store.load_many(name, missing))
        return held


class Batch:
    """One batch of works. `run` returns when all of it is written, published and acknowledged."""

    def __init__(
        self,
        shell: Shell,
        works: Sequence[Work],
        arrival: Sequence[tuple[Work, Inbound]] = (),
        letters: Sequence[Outgoing] = (),
    ) -> None:
        self._shell = shell
        self._service = shell.service
        self._store = shell.ports.store
        self._works = works
        self._arrival = arrival
        self._letters = letters
        self._raw: dict[str, Document] = {}
        self._fold = Fold(shell.service, shell.limits, shell.publisher, shell.ports.tracer, shell.ports.meter)

    async def run(self, loaded: Iterable[Document] | None = None) -> None:
        """Do the batch. `loaded` are its documents where the caller has just read them.

        Raises AbandonedError where another replica turns out to own the lanes, FatalError where a newer
        version has written a document.
        """
        works = self._works
        if not works:
            await self._send()
            return
        if loaded is None:
            await self._load(works)
        else:
            self._take(works, loaded)
        self._fold_all()
        losers = await self._write(works)
        for _ in range(self._shell.limits.conflicts):
            if not losers:
                break
            self._shell.ports.meter.count("conflicts", len(losers), service=self._service.name)
            await self._load(losers)
            self._fold_again(losers)
            losers = await self._write(losers)
        if losers:
            raise AbandonedError("another writer holds the documents")
        await self._send()
        self._end_spans()

    # -- load -----------------------------------------------------------------------------------------

    async def _load(self, works: Sequence[Work]) -> None:
        """Documents first, then the ids.

        An id is only pruned from a document after it was copied (rule 3).
        """
        name = self._service.name
        documents = await self._shell.documents("load", {work.document: work.lane for work in works})
        self._take(works, documents.values())
        externals = {
            inbound.external_id: None
            for work in works
            for inbound in work.inbounds
            if inbound.external_id is not None
        }
        commanded = [
            work.document for work in works if any(inbound.kind is Kind.COMMAND for inbound in work.inbounds)
        ]
        stored: dict[str, list[ParkedRow]] = {}
        for document in commanded:
            rows = await self._shell.insist("load", lambda d=document: self._parked(d))  # type: ignore[misc]
            stored[document] = rows
            # What a replay decides is de-duplicated like everything else.
            for row in rows:
                inbound = self._fold.receive(row.record)
                if inbound.external_id is not None:
                    externals[inbound.external_id] = None
        if externals:
            known = await self._shell.insist("load", lambda: self._store.known_ids(name, list(externals)))
            self._fold.learn(known, stored)  # a command is external too
        await self._load_secrets(works, commanded)

    async def _load_secrets(self, works: Sequence[Work], commanded: Collection[str]) -> None:
        """Load the secrets that deciding needs, but for those at hand; before the fold, which stays pure."""
        keyed = self._service.keyed
        if keyed is None:
            return
        needed = [
            work
            for work in works
            if work.document in commanded
            or any(inbound.envelope is not None and keyed(inbound.envelope.data) for inbound in work.inbounds)
        ]
        kept = self._shell.secrets
        found = {w.document: row for w in needed if (row := kept.find(w.document, w.lane)) is not None}
        missing = {work.document: work.lane for work in needed if work.document not in found}
        if missing:
            name = self._service.name
            loaded = await self._shell.insist("secrets", lambda: self._store.secrets(name, list(missing)))
            for document, row in loaded.items():
                kept.keep(document, missing[document], row)
            found |= loaded
        self._fold.trust(found)

    async def _parked(self, document: str) -> list[ParkedRow]:
        return await self._store.parked(self._service.name, document, self._shell.limits.replay_rows + 1)

    def _take(self, works: Sequence[Work], documents: Iterable[Document]) -> None:
        found = {document[ID]: document for document in documents}
        for work in works:
            raw = found.get(work.document)
            if raw is not None:
                self._check(work, raw)
                self._raw[work.document] = raw
                if raw[PARTITION] == work.lane.partition:
                    work.lane.waking.note(raw)

    def _check(self, work: Work, raw: Document) -> None:
        runtime, own = raw["schema"]
        if runtime > RUNTIME_SCHEMA or own > self._service.schema_version:
            raise FatalError(
                f"{self._service.name}: a newer version of the service has written its documents"
                f" (schema {runtime}.{own})",
                "parley doctor, after installing that version",
            )
        if raw["partition"] == work.lane.partition and raw["epoch"] > work.lane.epoch:
            raise AbandonedError("a document was written by a later owner")

    # -- fold -----------------------------------------------------------------------------------------

    def _begin(self, work: Work) -> None:
        raw = self._raw.get(work.document)
        work.case = Case.load(raw) if raw is not None else None
        if work.case is not None:
            work.case.prune(work.lane.settled)

    def _fold_all(self) -> None:
        """In arrival order over all documents, so that open work is counted as it came (rule 22)."""
        for work in self._works:
            self._begin(work)
        for work, inbound in self._arrival:
            self._decide(work, inbound)
        for work in self._works:
            if work.closing is not None:
                self._fold.close(work, work.closing)

    def _fold_again(self, works: Sequence[Work]) -> None:
        for work in works:
            before = work.stored
            work.forget()
            self._begin(work)
            # A write whose answer was lost stands there now, and its messages are duplicates.
            work.count(before, work.stored)
            for inbound in work.inbounds:
                self._decide(work, inbound)
            if work.closing is not None:
                self._fold.close(work, work.closing)

    def _decide(self, work: Work, inbound: Inbound) -> None:
        if inbound.kind is Kind.COMMAND:
            obey(self._fold, work, inbound)
        else:
            self._fold.message(work, inbound)

    # -- write ------------------------------------------------------------------------------------------

    async def _write(self, works: Sequence[Work]) -> list[Work]:
        """Write what has changed, each document measured alone before (rule 5); give those that lost."""
        encoded = [
            (work, *self._encode(work)) for work in works if work.case is not None and work.case.changed
        ]
        documents = [document for _, document, _ in encoded]
        now = self._shell.ports.clock.now().isoformat()
        rows = [replace(row, parked_at=now) for work in works for row in work.rows]
        if rows:
            await self._shell.insist("park", lambda: self._store.park(self._service.name, rows))
        if not documents:
            return []
        lost = await self._shell.insist(
            "write", lambda: self._store.replace_many(self._service.name, documents)
        )
        self._shell.recent.drop(lost)
        for work, document, size in encoded:
            if document[ID] not in lost:
                self._shell.recent.keep(document, size)
                work.lane.waking.note(document)
        return [work for work in works if work.document in lost]

    def _encode(self, work: Work) -> tuple[Document, int]:
        """Measure a document; give it with its size.

        Where it cannot be written, decide again and park it at the decision to blame.
        """
        assert work.case is not None  # noqa: S101 - asked by the caller
        try:
            return self._measured(work, work.case, self._shell.limits.document_reserve)
        except Exception:  # noqa: BLE001 - found again, decision by decision, with its reason
            self._fold.try_each(self._measure)
            self._fold_again([work])
            return self._measured(work, work.case, 0)

    def _measure(self, work: Work, case: Case) -> None:
        self._measured(work, case, self._shell.limits.document_reserve)

    def _measured(self, work: Work, case: Case, reserve: int) -> tuple[Document, int]:
        if case.parked and not case.park_since:
            case.park_since = self._shell.ports.clock.now().isoformat()
        document = case.dump(self._service, work.lane.epoch)
        size = self._store.encode(document)
        if size > self._shell.limits.document_bytes - reserve:
            raise UnencodableError("larger than the limit for documents")
        return document, size

    # -- publish ----------------------------------------------------------------------------------------

    async def _send(self) -> None:
        """Publish every entry that a document still holds, and keep its ids.

        Then nothing depends on this batch.
        """
        topic = self._service.topic
        outgoing = list(self._letters)
        ids: list[str] = []
        links: dict[str, Any] = {}
        drops: list[tuple[str, int, tuple[str, ...]]] = []
        erased: dict[str, str] = {}
        for work in self._works:
            outgoing += work.letters
            if work.case is None:
                continue
            outgoing += [entry.outgoing(topic) for entry in work.case.out]
            ids += [entry.id for entry in work.case.ids]
            links.update({entry.id: entry.body for entry in work.case.links})
            moments = [entry.body["erases"] for entry in work.case.links if "erases" in entry.body]
            if moments:
                erased[work.document] = max(moments)
            drops += [(work.document, entry.upto, entry.names) for entry in work.case.drops]
        name, store = self._service.name, self._store
        stages: list[Awaitable[None]] = []
        if outgoing:
            stages.append(self._shell.insist("publish", lambda: self._shell.publisher.publish(outgoing)))
        if ids:
            stages.append(self._shell.insist("ids", lambda: store.copy_ids(name, ids)))
        if links:
            stages.append(self._shell.insist("links", lambda: store.copy_links(name, links)))
        if erased:
            self._shell.secrets.drop(erased)
            stages.append(self._shell.insist("erase", lambda: store.destroy_secrets(name, erased)))
        for document, upto, names in drops:
            stages.append(
                self._shell.insist(
                    "unpark",
                    lambda d=document, u=upto, n=names: store.unpark(name, d, u, n),  # type: ignore[misc]
                )
            )
        if len(stages) == 1:
            await stages[0]
        elif stages:
            await asyncio.gather(*stages)

    def _end_spans(self) -> None:
        tracer, meter, name = self._shell.ports.tracer, self._shell.ports.meter, self._service.name
        batch: BatchSpan = tracer.batch(name, len(self._arrival))
        for work in self._works:
            for span, decision, types in work.spans:
                span.end(decision, types)
                batch.link(span)
            for type_ in work.emitted:
                meter.count("emitted", service=name, type=type_)
            if work.case is not None:
                delta = (work.case.parked) - work.case.parked_stored
                if delta:
                    meter.count("parked", delta, service=name)
        batch.end(self._shell.stages)
        self._shell.stages.clear()
