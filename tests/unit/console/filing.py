"""What the tests of the archive's file share: a chain that is filed with keys, and its parts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

from services.console.bundle import Source, check_bundle
from services.console.decide import ArchiveDecider
from services.console.model import ArchivedCustomer
from services.console.reference import ArchiveKeys, ArchiveReference
from shared.contracts import agreement, desk, intake
from shared.contracts.base import Event, Personal
from shared.contracts.desk import ContactDirection, ContactOutcome
from shared.contracts.envelope import Envelope
from shared.contracts.intake import CloseReason
from shared.contracts.ops import ErasePerson, HoldAction, LegalHold
from shared.crypto.sealing import PersonKey
from shared.crypto.signing import Signer, load_signer, new_key_pair
from shared.policy.loader import PolicyBook
from shared.policy.testing import example_book, example_pack

CUSTOMER, CASE, OTHER = "C1", "8b1f8a06-8f3f-5a7b-9a43-0d6f3a5a8f11", "11111111-8f3f-5a7b-9a43-0d6f3a5a8f11"
START = datetime(2026, 3, 2, 9, tzinfo=UTC)
AT = datetime(2026, 3, 9, tzinfo=UTC)  # when bundles are made
WORDS = "王小明, lost the job in <Suzhou>"
MASTER = b"m" * 32
YEARS = 5  # what the example policy says


def new_signer(folder: Path, name: str = "lender") -> Signer:
    private, public = new_key_pair()
    (folder / f"{name}.pem").write_bytes(private)
    (folder / f"{name}.pub").write_bytes(public)
    return load_signer(folder / f"{name}.pem")


def first_fault(raw: bytes, signer: Signer) -> tuple[str, str]:
    report = check_bundle(raw, [signer.trusted])
    assert not report.ok
    return report.faults[0].where, report.faults[0].rule


@lru_cache(maxsize=1)
def book() -> PolicyBook:
    return example_book(example_pack(records__evidence_years=YEARS))


ASSIGNED = intake.CaseAssigned(owner="n-1")


def contact(words: str = WORDS) -> desk.ContactRecorded:
    return desk.ContactRecorded(
        at=START,
        place="phone",
        participants=("borrower", "n-1"),
        key_points=Personal(value=words),
        direction=ContactDirection.INBOUND,
        outcome=ContactOutcome.TALKED,
        channel="phone",
    )


CLOSED = intake.CaseClosed(as_of=START.date(), reason=CloseReason.CURED)
SIGNED = agreement.PartySigned(
    agreement_id="a1", version=1, party=desk.SignatureParty.BORROWER, content_hash="0" * 64
)


def secret(salt: bytes = b"s" * 32, after: bytes = b"n" * 32, erased: str = "") -> dict[str, Any]:
    return {"_id": CUSTOMER, "salt": salt, "next": after, "erased": erased}


def person(salt: bytes = b"s" * 32) -> PersonKey:
    return PersonKey.derive(salt, MASTER, CUSTOMER)


class File:
    """A customer's file in the making: `say` files one message more."""

    def __init__(
        self,
        signer: Signer | None = None,
        row: dict[str, Any] | None = None,
        policies: PolicyBook | None = None,
    ) -> None:
        self.row = row or secret()
        self.policies = policies or book()
        self.keys = ArchiveKeys(signer, MASTER)
        self.state: ArchivedCustomer | None = None
        self.entries: list[dict[str, Any]] = []
        self.count = 0

    def say(
        self,
        *events: Event,
        case: str | None = CASE,
        at: datetime | None = None,
        source: str = "/parley/test",
    ) -> dict[str, Any]:
        for data in events:
            self.count += 1
            operators = isinstance(data, LegalHold | ErasePerson)
            message = Envelope(
                id=f"m{self.count}",
                source=source,
                time=at or START + timedelta(minutes=self.count),
                key=CUSTOMER,
                data=data,
                subject=None if operators else case,
                sequence=self.count,
            )
            reference = ArchiveReference(self.policies, self.keys, {CUSTOMER: self.row})
            decision = ArchiveDecider().decide(self.state, message, reference)
            self.state = decision.state
            self.entries += [dict(link.body) for link in decision.links]
        return self.entries[-1]

    @property
    def archived(self) -> ArchivedCustomer:
        assert self.state is not None
        return self.state

    def source(self, *, sealed: bool = False) -> Source:
        return Source(CASE, CUSTOMER, self.archived, self.entries, (), None if sealed else person())


def hold(action: HoldAction, case: str = CASE, role: str | None = "legal") -> LegalHold:
    return LegalHold(document=CUSTOMER, case=case, action=action, reason="a law suit", by="ann", role=role)


ERASE = ErasePerson(document=CUSTOMER, reason="asked for by the person", by="ann")
