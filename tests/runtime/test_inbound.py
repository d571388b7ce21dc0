"""What a raw record is to a service: whose document it is for, how it is known again, or why not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from services.cli.catalogue import load
from services.console.reference import ArchiveKeys
from shared.contracts.bank import DayClosed
from shared.contracts.base import Event
from shared.contracts.cloudevents import encode
from shared.contracts.envelope import Envelope
from shared.contracts.ids import derive_id
from shared.contracts.ops import Discard, ErasePerson, HoldAction, LegalHold, Replay
from shared.contracts.partition import partition_of
from shared.contracts.runtime import ServiceDayClosed
from shared.runtime.inbound import Inbound, Kind, Reason, receive
from shared.runtime.ports import Record
from shared.runtime.service import Service
from shared.runtime.simulation.toy import Accept, Bad, Judged, Open, Opened, Paid, Pay, Sign
from tests.runtime.rig import ANN, ANNS, D1, Rig, at

SERVICES = Rig(names=("front", "middle", "back", "archive")).services
FRONT, MIDDLE, ARCHIVE = SERVICES["front"], SERVICES["middle"], SERVICES["archive"]
REAL_ARCHIVE = load("archive", keys=ArchiveKeys(None, b"m" * 32))
NUMBERS = 4
HOME = partition_of(ANN.encode(), NUMBERS)


def record(
    data: Event,
    *,
    topic: str | None = None,
    source: str | None = None,
    subject: str | None = ANNS,
    sequence: int | None = None,
    partition: int = HOME,
    value: bytes | None = None,
    without: tuple[str, ...] = (),
    **headers: bytes,
) -> Record:
    producer = data.PRODUCER
    envelope: Envelope[Any] = Envelope(
        "m1", source or f"/{producer}", at(D1), ANN, data, subject, sequence=sequence
    )
    key, said, given = encode(envelope)
    changed = tuple((name, headers.get(name, content)) for name, content in given if name not in without)
    return Record(
        topic or ("ops.commands" if producer == "ops" else f"{producer}.events"),
        partition, 7, key, said if value is None else value, changed,
    )  # fmt: skip


def fact(data: Event, sequence: int | None = 3, **other: Any) -> Record:
    """A message of a service."""
    return record(data, sequence=sequence, **{"source": f"/parley/{data.PRODUCER}", **other})


def read(service: Service, given: Record) -> Inbound:
    return receive(service, given, NUMBERS)


def known(service: str, document: str, source: str = "/bank", id_: str = "m1") -> str:
    return derive_id("external", service, document, source, id_)


PAY = Pay(pay_id="p", amount=1, value_date=D1)


@pytest.mark.parametrize(
    ("service", "given", "document", "mark", "external"),
    [
        (FRONT, record(PAY), ANN, None, known("front", ANN)),
        (FRONT, record(PAY, subject=None), ANN, None, known("front", ANN)),
        (MIDDLE, record(Accept(number=1)), ANNS, None, known("middle", ANNS, "/desk")),
        (MIDDLE, fact(Opened(on=D1)), ANNS, ("front", ANNS, 3), None),
        (FRONT, fact(Judged(instalment=1, kept=True)), ANN, ("back", ANNS, 3), None),
        (MIDDLE, fact(Opened(on=D1), partition=(HOME + 1) % NUMBERS), ANNS, ("front", ANNS, 3), None),
    ],
)
def test_a_message_of_a_case(
    service: Service, given: Record, document: str, mark: Any, external: str | None
) -> None:
    found = read(service, given)
    assert (found.kind, found.failure, found.document, found.key) == (Kind.MESSAGE, None, document, ANN)
    assert (found.mark, found.external_id) == (mark, external)
    assert found.passed_over is False
    assert found.record is given


def test_the_banks_word_to_another_customer_is_another_fact() -> None:
    assert known("front", "C-1") != known("front", "C-2")
    assert known("front", "C-1") != known("front", "C-1", "/another")
    assert known("front", "C-1") != known("front", "C-1", id_="m2")


@pytest.mark.parametrize(
    ("service", "given"),
    [
        (MIDDLE, record(Sign(number=1))),
        (FRONT, record(Replay(service="middle", document=ANNS), subject=None)),
        (FRONT, record(ErasePerson(document=ANN, reason="of no use"), subject=None)),
    ],
)
def test_what_is_for_other_readers_is_passed_over(service: Service, given: Record) -> None:
    found = read(service, given)
    assert (found.kind, found.failure, found.document) == (Kind.IGNORED, None, None)
    assert (found.mark, found.external_id, found.passed_over) == (None, None, True)


@pytest.mark.parametrize(
    ("service", "given", "reason", "field"),
    [
        (MIDDLE, record(Accept(number=1), subject=None), Reason.NO_CASE, "ce_subject"),
        (FRONT, record(PAY, partition=(HOME + 1) % NUMBERS), Reason.WRONG_PARTITION, "murmur2"),
        (FRONT, record(PAY, value=b"{", partition=(HOME + 1) % NUMBERS), Reason.WRONG_PARTITION, "murmur2"),
        (FRONT, record(PAY, topic="ops.commands"), Reason.COMMAND, "not a command"),
        (MIDDLE, record(Replay(service="middle", document="x"), value=b"{"), Reason.UNDECODABLE, "value"),
        (MIDDLE, record(Accept(number=1), value=b"{", without=("ce_subject",)), Reason.UNDECODABLE, "value"),
        (ARCHIVE, record(PAY, value=b"{", without=("ce_subject",)), Reason.UNDECODABLE, "value"),
        (
            FRONT,
            record(ErasePerson(document=ANN, service="front", reason="of no use")),
            Reason.COMMAND,
            "archive's",
        ),
        (REAL_ARCHIVE, record(ErasePerson(document="C-bob", reason="of no use")), Reason.COMMAND, "the key"),
        (FRONT, Record("bank.events", 0, 7, None, b"{}", ()), Reason.UNDECODABLE, ":"),
        (MIDDLE, replace(fact(Opened(on=D1), value=b"{"), key=None), Reason.UNDECODABLE, ":"),
    ],
)
def test_what_is_nobodys_touches_no_document(
    service: Service, given: Record, reason: Reason, field: str
) -> None:
    found = read(service, given)
    assert (found.kind, found.document) == (Kind.REJECTED, None)
    assert found.failure is not None
    assert found.failure.reason is reason
    assert field in found.failure.detail
    assert found.passed_over is False


@pytest.mark.parametrize(
    ("service", "given", "mark"),
    [
        (FRONT, record(Accept(number=1), topic="bank.events", source="/bank"), None),
        (MIDDLE, fact(Judged(instalment=1, kept=True), topic="front.events"), None),
        (MIDDLE, fact(Opened(on=D1), source="/parley/back"), None),
        (MIDDLE, fact(Opened(on=D1), without=("ce_sequence",)), None),
        (MIDDLE, fact(Paid(pay_id="p", amount=1, value_date=D1), source="/parley/back"), None),
        (FRONT, fact(Judged(instalment=1, kept=True), without=("ce_subject",)), None),
    ],
)
def test_what_a_topics_owner_cannot_have_said_parks_the_case_it_names(
    service: Service, given: Record, mark: Any
) -> None:
    found = read(service, given)
    assert found.failure is not None
    assert (found.kind, found.failure.reason) == (Kind.MESSAGE, Reason.WRONG_SOURCE)
    assert found.document is not None
    assert found.mark is mark


@pytest.mark.parametrize(
    ("service", "given", "document", "mark", "external"),
    [
        (FRONT, record(PAY, value=b"{"), ANN, None, known("front", ANN)),
        (FRONT, record(PAY, value=b"{", without=("ce_subject",)), ANN, None, known("front", ANN)),
        (FRONT, record(PAY, value=b"{", without=("ce_id",)), ANN, None, None),
        (FRONT, record(PAY, value=b"{", without=("ce_source",)), ANN, None, None),
        (MIDDLE, record(Accept(number=1), value=b"{"), ANNS, None, known("middle", ANNS, "/desk")),
        (ARCHIVE, record(Accept(number=1), value=b"{"), ANN, None, known("archive", ANN, "/desk")),
        (MIDDLE, fact(Opened(on=D1), value=b"{"), ANNS, ("front", ANNS, 3), None),
        (MIDDLE, fact(Opened(on=D1), 1, value=b"{"), ANNS, ("front", ANNS, 1), None),
        (MIDDLE, fact(Opened(on=D1), value=b"{", source="/parley/back"), ANNS, None, None),
        (FRONT, fact(Judged(instalment=1, kept=True), value=b"{", without=("ce_subject",)), ANN, None, None),
        (MIDDLE, fact(Opened(on=D1), value=b"{", without=("ce_sequence",)), ANNS, None, None),
        (MIDDLE, fact(Opened(on=D1), ce_sequence=b"0"), ANNS, None, None),
        (MIDDLE, fact(Opened(on=D1), ce_sequence=b"-1"), ANNS, None, None),
        (MIDDLE, fact(Opened(on=D1), ce_sequence=b"third"), ANNS, None, None),
        (MIDDLE, fact(Opened(on=D1), ce_sequence=b"1" + b"0" * 18), ANNS, None, None),
        (
            MIDDLE,
            fact(Opened(on=D1), value=b"{", ce_sequence=b"9" * 18),
            ANNS,
            ("front", ANNS, 10**18 - 1),
            None,
        ),
    ],
)
def test_what_cannot_be_read_is_still_known_by_what_can(
    service: Service, given: Record, document: str, mark: Any, external: str | None
) -> None:
    found = read(service, given)
    assert found.failure is not None
    assert (found.kind, found.failure.reason) == (Kind.MESSAGE, Reason.UNDECODABLE)
    assert found.failure.detail.count(":") >= 1
    assert (found.document, found.key, found.mark, found.external_id) == (document, ANN, mark, external)
    assert found.type == "unknown"


def test_nothing_but_a_key_parks_the_customer_where_somebody_can_be_told() -> None:
    bare = record(PAY, value=b"{", subject=None)
    found = read(FRONT, bare)
    assert (found.kind, found.document) == (Kind.MESSAGE, ANN)
    assert read(ARCHIVE, bare).kind is Kind.REJECTED


DAY = DayClosed(day=D1)


def passed_on(service: str, **other: Any) -> Record:
    return record(
        ServiceDayClosed(day=D1, service=service),
        **{"topic": f"{service}.events", "source": f"/parley/{service}", "subject": None, **other},
    )


@pytest.mark.parametrize(
    ("service", "given", "kind"),
    [
        (FRONT, record(DAY, subject=None), Kind.MARKER),
        (FRONT, record(DAY, subject=None, partition=(HOME + 1) % NUMBERS), Kind.MARKER),
        (ARCHIVE, record(DAY, subject=None), Kind.IGNORED),
        (MIDDLE, passed_on("front"), Kind.MARKER),
        (MIDDLE, passed_on("front", topic="desk.events"), Kind.MARKER),
        (MIDDLE, passed_on("back"), Kind.IGNORED),
        (FRONT, passed_on("front", topic="desk.events"), Kind.IGNORED),
        (ARCHIVE, passed_on("front", topic="desk.events"), Kind.IGNORED),
        (MIDDLE, passed_on("back", topic="desk.events"), Kind.REJECTED),
        (MIDDLE, passed_on("back", topic="front.events"), Kind.REJECTED),
        (MIDDLE, passed_on("front", source="/parley/back"), Kind.REJECTED),
        (MIDDLE, passed_on("front", topic="desk.events", source="/desk"), Kind.REJECTED),
        (MIDDLE, record(DAY, topic="desk.events", subject=None), Kind.REJECTED),
        (FRONT, passed_on("front", topic="bank.events"), Kind.REJECTED),
    ],
)
def test_a_marker_counts_where_it_belongs(service: Service, given: Record, kind: Kind) -> None:
    found = read(service, given)
    assert (found.kind, found.document) == (kind, None)
    if kind is Kind.REJECTED:
        assert found.failure is not None
        assert found.failure.reason is Reason.MARKER
        assert given.topic in found.failure.detail
    assert found.passed_over is (kind is not Kind.REJECTED)


@pytest.mark.parametrize(
    "data",
    [
        Replay(service="middle", document=ANNS),
        Discard(
            service="middle", document=ANNS, topic="desk.events", partition=0, offset=1, reason="of no use"
        ),
    ],
)
def test_a_command_is_its_services_alone(data: Event) -> None:
    found = read(MIDDLE, record(data, subject=None))
    assert (found.kind, found.failure, found.document, found.key) == (Kind.COMMAND, None, ANNS, ANN)
    assert found.external_id == known("middle", ANNS, "/ops")
    assert read(FRONT, record(data, subject=None)).kind is Kind.IGNORED
    elsewhere = read(MIDDLE, record(data, subject=None, partition=(HOME + 1) % NUMBERS))
    assert elsewhere.failure is not None
    assert elsewhere.failure.reason is Reason.WRONG_PARTITION


@pytest.mark.parametrize(
    "data",
    [
        ErasePerson(document=ANN, reason="of no use"),
        LegalHold(document=ANN, case=ANNS, action=HoldAction.SET, reason="of no use"),
    ],
)
def test_what_the_archive_is_told_to_do_is_filed_like_any_message(data: Event) -> None:
    found = read(REAL_ARCHIVE, record(data, subject=None))
    assert (found.kind, found.failure, found.document) == (Kind.MESSAGE, None, ANN)
    assert found.external_id == known("archive", ANN, "/ops")
    keeps_nothing = replace(REAL_ARCHIVE, keyed=None)
    refused = read(keeps_nothing, record(data, subject=None))
    assert refused.failure is not None
    assert refused.failure.reason is Reason.COMMAND


def test_poison_for_another_is_passed_over_unless_it_is_handled() -> None:
    assert read(MIDDLE, record(Bad(at="back", kind="raise"))).kind is Kind.MESSAGE
    assert read(FRONT, record(Open())).type == Open.TYPE
