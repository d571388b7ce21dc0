"""What a platform has left behind, judged by somebody who shares no code with it.

Reads the topics with a bare client and the documents with a bare driver, and knows the wire format from its
documentation alone: CloudEvents headers, JSON values, one sequence for each source and case.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

__all__ = ["Evidence", "Finding", "Seen", "examine"]

SERVICES = ("intake", "assessment", "offer", "agreement", "followup", "alert")
EXTERNAL = ("bank.events", "desk.events")
_CLOSED = ("parley.bank.day.closed.v1", "parley.runtime.day.closed.v1")
_RUNTIME = "parley.runtime."
"""What the types begin with that say how it goes with the platform itself: a case is held, or released."""
_MISSED = "parley.followup.instalment.missed.v1"
_CORRECTED = "parley.followup.instalment.corrected.v1"


@dataclass(frozen=True, slots=True)
class Seen:
    """One record of a topic, as it lies there."""

    topic: str
    partition: int
    offset: int
    key: str
    headers: Mapping[str, str]
    value: bytes

    @property
    def type(self) -> str:
        return self.headers.get("ce_type", "")

    @property
    def identity(self) -> tuple[str, str, str]:
        return self.headers.get("ce_source", ""), self.headers.get("ce_id", ""), self.key

    @property
    def day(self) -> str:
        return self.headers.get("ce_time", "")[:10]

    @property
    def data(self) -> Any:
        return json.loads(self.value)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong: of a kind, about a case or record."""

    kind: str
    about: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.about}"


@dataclass(slots=True)
class Evidence:
    """The records of all topics, in offset order for each partition, and the documents by collection."""

    records: Sequence[Seen]
    documents: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)

    def of(self, topic: str) -> list[Seen]:
        """A topic's events, markers apart."""
        return [one for one in self.records if one.topic == topic and one.type not in _CLOSED]


def examine(evidence: Evidence) -> list[Finding]:
    """Say everything that is wrong; nothing for a platform that has lost and doubled nothing."""
    poisoned = _poisoned(evidence)
    return [
        *_sequences(evidence),
        *_doubled(evidence),
        *_places(evidence),
        *_archived(evidence, poisoned),
        *_unread(evidence),
        *_not_there(evidence, poisoned),
        *_payments(evidence, poisoned),
        *_returns(evidence),
        *_missed_in_vain(evidence),
        *_cases(evidence),
        *_held_in_vain(evidence),
    ]


def _poisoned(evidence: Evidence) -> set[str]:
    """The ids of what lies in a dead-letter topic: somebody looks at it, so it is not lost."""
    return {
        one.headers["ce_id"]
        for one in evidence.records
        if one.topic.endswith(".dead-letter") and "ce_id" in one.headers
    }


def _sequences(evidence: Evidence) -> Iterable[Finding]:
    """Every sender's sequence of a case counts from 1 without gaps, in order, one id and text for each."""
    for service in SERVICES:
        said: dict[str, dict[int, tuple[str, bytes]]] = defaultdict(dict)
        for one in evidence.of(f"{service}.events"):
            case, number = one.headers.get("ce_subject", ""), int(one.headers.get("ce_sequence", 0))
            before, now = said[case], (one.headers.get("ce_id", ""), one.value)
            if number in before:
                if before[number] != now:
                    yield Finding("two-of-one-sequence", f"{service} {case} {number}")
                continue
            if before and number < max(before):
                yield Finding("out-of-order", f"{service} {case} {number}")
            before[number] = now
        for case, numbers in said.items():
            for number in sorted(set(range(1, max(numbers) + 1)) - set(numbers)):
                yield Finding("gap", f"{service} {case} {number}")


def _doubled(evidence: Evidence) -> Iterable[Finding]:
    """No cause has the same effect twice, under two ids: each would have a number of its own, and no gap."""
    said: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for service in SERVICES:
        for one in evidence.of(f"{service}.events"):
            if not one.type.startswith(_RUNTIME):
                what = [one.headers.get(f"ce_{name}", "") for name in ("subject", "causationid", "time")]
                text = one.value.decode("utf-8", "replace")
                said[service, *what, one.type, text].add(one.headers.get("ce_id", ""))
    for (service, case, cause, _, type_, _), ids in said.items():
        if len(ids) > 1:
            yield Finding("effect-doubled", f"{service} {case} {type_} of {cause or 'a day'}")


def _places(evidence: Evidence) -> Iterable[Finding]:
    """A customer's records lie on one partition of every topic."""
    places: dict[str, set[int]] = defaultdict(set)
    for one in evidence.records:
        if one.topic.endswith(".events") and one.type not in _CLOSED and one.key:
            places[one.key].add(one.partition)
    for key, partitions in places.items():
        if len(partitions) > 1:
            yield Finding("on-two-partitions", key)


def _archived(evidence: Evidence, poisoned: set[str]) -> Iterable[Finding]:
    """Every event is kept in the archive once; what is said twice is kept once."""
    bodies = [link["body"] for link in evidence.documents.get("archive.links", ())]
    kept = Counter((body["source"], body["id"], body["customer"]) for body in bodies)
    for identity, times in kept.items():
        if times > 1:
            yield Finding("kept-twice", " ".join(identity))
    topics = (*EXTERNAL, *(f"{service}.events" for service in SERVICES))
    said = {one.identity for topic in topics for one in evidence.of(topic)}
    for identity in sorted(said - set(kept)):
        if identity[1] not in poisoned:
            yield Finding("lost", " ".join(identity))


def _unread(evidence: Evidence) -> Iterable[Finding]:
    """Every service has come to the end of what it reads; days that are closed again come at any time."""
    ends: dict[tuple[str, int], int] = {}
    for topic in {one.topic for one in evidence.records}:
        for one in evidence.of(topic):
            ends[topic, one.partition] = max(one.offset + 1, ends.get((topic, one.partition), 0))
    for service in (*SERVICES, "archive"):
        for row in evidence.documents.get(f"{service}.positions", ()):
            for place in row.get("inputs", ()):
                if place["next"] < ends.get((place["topic"], row["_id"]), 0):
                    yield Finding("unread", f"{service} {place['topic']} {row['_id']}")


def _not_there(evidence: Evidence, poisoned: set[str]) -> Iterable[Finding]:
    """What was acted upon lies on a topic: the cause of every message, and every number that was heard."""
    last: dict[tuple[str, str], int] = defaultdict(int)
    known = {one.headers["ce_id"] for one in evidence.records if "ce_id" in one.headers} | poisoned
    for service in SERVICES:
        for one in evidence.of(f"{service}.events"):
            at = (service, one.headers.get("ce_subject", ""))
            last[at] = max(last[at], int(one.headers.get("ce_sequence", 0)))
            cause = one.headers.get("ce_causationid", "")
            if cause and cause not in known and not one.type.startswith(_RUNTIME):
                yield Finding("cause-not-there", f"{service} {at[1]} {one.headers.get('ce_sequence')}")
    for receiver in (*SERVICES, "archive"):
        for row in evidence.documents.get(f"{receiver}.cases", ()):
            for source, case, mark in row.get("marks", ()):
                if mark > last[source, case]:
                    yield Finding("heard-but-not-there", f"{receiver} {source} {case} {mark}")


def _payments(evidence: Evidence, poisoned: set[str]) -> Iterable[Finding]:
    """Every payment and every return is answered by intake, once; its parts add up."""
    answers: dict[str, set[str]] = defaultdict(set)
    matched: dict[tuple[str, str], set[str]] = defaultdict(set)
    for one in evidence.of("intake.events"):
        answers[one.headers.get("ce_causationid", "")].add(one.headers.get("ce_id", ""))
        if one.type == "parley.intake.payment.matched.v1":
            matched[one.key, one.data["payment_id"]].add(one.headers.get("ce_id", ""))
            yield from _adds_up(one)
        elif one.type == "parley.intake.payment.taken-back.v1":
            matched[one.key, one.data["reversal_id"]].add(one.headers.get("ce_id", ""))
    for (key, payment), ids in matched.items():
        if len(ids) > 1:
            yield Finding("counted-twice", f"{key} {payment}")
    for one in evidence.of("bank.events"):
        money = one.type in {"parley.bank.payment.received.v1", "parley.bank.payment.reversed.v1"}
        known = one.headers.get("ce_id", "")
        if money and not answers[known] and known not in poisoned:
            yield Finding("unanswered", f"{one.key} {known}")


def _adds_up(one: Seen) -> Iterable[Finding]:
    parts = _amounts([one.data["allocations"], one.data["unallocated"]])
    if sum(parts, Decimal(0)) != Decimal(one.data["amount"]["amount"]):
        yield Finding("does-not-add-up", f"{one.key} {one.data['payment_id']}")


def _returns(evidence: Evidence) -> Iterable[Finding]:
    """Intake counts what the bank said, neither more nor less, and takes back no more than there was."""
    said = {"parley.bank.payment.received.v1": "payment_id", "parley.bank.payment.reversed.v1": "reversal_id"}
    counted = {
        "parley.intake.payment.matched.v1": "payment_id",
        "parley.intake.payment.taken-back.v1": "reversal_id",
    }
    banks: dict[tuple[str, str], set[Decimal]] = defaultdict(set)
    for one in evidence.of("bank.events"):
        if one.type in said:
            banks[one.key, one.data[said[one.type]]].add(Decimal(one.data["amount"]["amount"]))
    there: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    back: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    seen: set[tuple[str, str]] = set()
    for one in evidence.of("intake.events"):
        if one.type not in counted or (at := (one.key, one.data[counted[one.type]])) in seen:
            continue
        seen.add(at)
        amount, payment = Decimal(one.data["amount"]["amount"]), (one.key, one.data["payment_id"])
        if amount not in banks[at]:
            yield Finding("not-what-was-paid", " ".join(at))
        if "reversal_id" in one.data:
            back[payment] += amount
        else:
            there[payment] += amount
    for payment, amount in back.items():
        if amount > there[payment]:
            yield Finding("more-taken-back", " ".join(payment))


def _amounts(value: Any) -> list[Decimal]:
    """Every amount of money below a value."""
    if isinstance(value, list):
        return [amount for item in value for amount in _amounts(item)]
    if not isinstance(value, dict):
        return []
    if set(value) == {"amount", "currency"}:
        return [Decimal(value["amount"])]
    return [amount for item in value.values() for amount in _amounts(item)]


def _missed_in_vain(evidence: Evidence) -> Iterable[Finding]:
    """No instalment is called missed though the money for it and all before it was there in time.

    A plan's money goes to its instalments in their order; what was called missed and later corrected by a
    payment of an earlier value date was right when it was said.
    """
    money: dict[str, list[tuple[str, str, Decimal]]] = defaultdict(list)
    for one in evidence.of("intake.events"):
        sign = {"parley.intake.payment.matched.v1": 1, "parley.intake.payment.taken-back.v1": -1}.get(
            one.type
        )
        if sign is not None:
            amount, case = one.data["amount"], one.headers["ce_subject"]
            money[case].append((one.data["value_date"], amount["currency"], sign * Decimal(amount["amount"])))
    started: dict[str, str] = {}
    totals: dict[str, dict[int, tuple[str, Decimal]]] = defaultdict(dict)
    grace: dict[tuple[str, int], str] = {}
    missed: dict[tuple[str, int], Seen] = {}
    corrected: set[tuple[str, int]] = set()
    for one in evidence.of("followup.events"):
        data = one.data
        plan = data.get("agreement_id", "")
        if one.type == "parley.followup.plan.started.v1":
            started[plan] = data["effective"]
        if "number" not in data or "total" not in data:
            continue
        at = (plan, data["number"])
        totals[plan].setdefault(data["number"], (data["total"]["currency"], Decimal(data["total"]["amount"])))
        if "grace_until" in data:
            grace.setdefault(at, data["grace_until"])
        if one.type == _MISSED:
            missed.setdefault(at, one)
        elif one.type == _CORRECTED:
            corrected.add(at)
    for (plan, number), one in missed.items():
        until, currency = grace.get((plan, number), one.data["due"]), one.data["total"]["currency"]
        asked = [totals[plan].get(n) for n in range(1, number + 1)]
        if plan not in started or (plan, number) in corrected or None in asked:
            continue
        owed = sum((total for c, total in filter(None, asked) if c == currency), Decimal(0))
        paid = [amount for day, c, amount in money[one.headers["ce_subject"]]
                if c == currency and started[plan] < day <= until]  # fmt: skip
        if sum(paid, Decimal(0)) >= owed:
            yield Finding("missed-though-paid", f"{one.headers['ce_subject']} {number}")


def _cases(evidence: Evidence) -> Iterable[Finding]:
    """An open case has an owner and a next date; nothing is parked but what was poisoned.

    The last day of its owner, whom the roster lets go some day, is not a date of the case.
    """
    dated = {
        str(row.get("key") or row["_id"])  # of whom the document is
        for service in SERVICES
        for row in evidence.documents.get(f"{service}.cases", ())
        if (row.get("state_due") if service != "intake" else (row.get("state") or {}).get("steps"))
    }
    for row in evidence.documents.get("intake.cases", ()):
        state = row.get("state") or {}
        if state.get("status") != "open":
            continue
        if not state.get("owner"):
            yield Finding("no-owner", str(row["_id"]))
        if str(row["_id"]) not in dated:
            yield Finding("no-next-date", str(row["_id"]))
    for service in (*SERVICES, "archive"):
        for row in evidence.documents.get(f"{service}.cases", ()):
            if row.get("park"):
                yield Finding("parked", f"{service} {row['_id']}")


def _held_in_vain(evidence: Evidence) -> Iterable[Finding]:
    """Who holds a case has parked something, and what was put aside belongs to somebody who is parked."""
    parking: dict[str, set[str]] = {}
    cleared: dict[tuple[str, str], int] = {}
    for service in (*SERVICES, "archive"):
        rows = evidence.documents.get(f"{service}.cases", ())
        parking[service] = {str(row["_id"]) for row in rows if row.get("park")}
        cleared |= {(service, row["_id"]): row["cleared"] for row in rows if "cleared" in row}
    for service in (*SERVICES, "archive"):
        for row in evidence.documents.get(f"{service}.cases", ()):
            for holder, case, rank in row.get("holds", ()):
                if rank % 2 == 0 and not parking.get(holder):  # odd: it was released
                    yield Finding("held-in-vain", f"{service} {case} by {holder}")
        for row in evidence.documents.get(f"{service}.parked", ()):
            document = str(row["document"])
            # What was decided by a replay is deleted after its document is written: it may still be there.
            if document not in parking[service] and row["order"] > cleared.get((service, document), -1):
                yield Finding("left-behind", f"{service} {document}")
