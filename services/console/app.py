"""Wiring of the archive: its own group, every topic, no topic of its own."""

from services.console.decide import ArchiveDecider
from services.console.model import ArchivedCustomer
from services.console.sealed import needs_secret
from shared.contracts.registry import SENDERS
from shared.runtime.service import DocumentPer, Service

SERVICE = Service(
    name="archive",
    state=ArchivedCustomer,
    decider=ArchiveDecider(),
    reads=("bank", "desk", *SENDERS),
    per=DocumentPer.CUSTOMER,
    # 2: what each producer said last; 3: holds, erasure and checkpoints; 4: what retention counts from;
    # 5: what borrowers say
    schema_version=5,
    emits=False,
    audits=True,
    linger_seconds=2.0,
    keyed=needs_secret,
)
