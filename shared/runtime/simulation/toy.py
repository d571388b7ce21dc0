"""Toy services in a chain with a way back: the smallest business in which every rule of the runtime matters.

    bank -> front -> middle -> back -> (back to middle and front);  desk -> all three;  archive reads
    everything

Facts wait for what they build on, offers expire, instalments are judged by value date, money must not be lost
or doubled, and some messages are poison. What comes out does not depend on how topics interleave, only on
the days.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, ClassVar

from pydantic import Field

from shared.contracts.base import Event
from shared.contracts.decision import Decision, Emission, Link, State
from shared.contracts.envelope import Envelope
from shared.contracts.ids import case_id, derive_id
from shared.contracts.registry import add_guests
from shared.runtime.service import DocumentPer, Service

__all__ = [
    "PERMANENT",
    "Accept",
    "Bad",
    "Open",
    "Pay",
    "Sign",
    "ToyReference",
    "toy_services",
]

PERMANENT = frozenset({"raise", "huge", "nul", "int"})
"""Kinds of poison that no new version heals: the operator discards them."""
_INSTALMENTS = 3
_EACH = 100


class Open(Event):
    TYPE: ClassVar[str] = "toy.bank.open.v1"
    PRODUCER: ClassVar[str] = "bank"


class Pay(Event):
    TYPE: ClassVar[str] = "toy.bank.pay.v1"
    PRODUCER: ClassVar[str] = "bank"
    pay_id: str
    amount: int
    value_date: date


class Accept(Event):
    TYPE: ClassVar[str] = "toy.desk.accept.v1"
    PRODUCER: ClassVar[str] = "desk"
    number: int
    bad: bool = False


class Sign(Event):
    TYPE: ClassVar[str] = "toy.desk.sign.v1"
    PRODUCER: ClassVar[str] = "desk"
    number: int


class Bad(Event):
    """Poison for the service `at`; the others pass it over."""

    TYPE: ClassVar[str] = "toy.desk.bad.v1"
    PRODUCER: ClassVar[str] = "desk"
    at: str
    kind: str


class Opened(Event):
    TYPE: ClassVar[str] = "toy.front.opened.v1"
    PRODUCER: ClassVar[str] = "front"
    on: date


class Paid(Event):
    TYPE: ClassVar[str] = "toy.front.paid.v1"
    PRODUCER: ClassVar[str] = "front"
    pay_id: str
    amount: int
    value_date: date


class Reminded(Event):
    TYPE: ClassVar[str] = "toy.front.reminded.v1"
    PRODUCER: ClassVar[str] = "front"


class Tabled(Event):
    TYPE: ClassVar[str] = "toy.middle.tabled.v1"
    PRODUCER: ClassVar[str] = "middle"
    expiry: date


class Agreed(Event):
    TYPE: ClassVar[str] = "toy.middle.agreed.v1"
    PRODUCER: ClassVar[str] = "middle"
    start: date
    number: int


class Refused(Event):
    TYPE: ClassVar[str] = "toy.middle.refused.v1"
    PRODUCER: ClassVar[str] = "middle"
    number: int


class Lapsed(Event):
    TYPE: ClassVar[str] = "toy.middle.lapsed.v1"
    PRODUCER: ClassVar[str] = "middle"


class Huge(Event):
    TYPE: ClassVar[str] = "toy.middle.huge.v1"
    PRODUCER: ClassVar[str] = "middle"
    text: str


class Judged(Event):
    TYPE: ClassVar[str] = "toy.back.judged.v1"
    PRODUCER: ClassVar[str] = "back"
    instalment: int
    kept: bool


class Signed(Event):
    TYPE: ClassVar[str] = "toy.back.signed.v1"
    PRODUCER: ClassVar[str] = "back"
    number: int
    ok: bool


class Waived(Event):
    TYPE: ClassVar[str] = "toy.back.waived.v1"
    PRODUCER: ClassVar[str] = "back"
    amount: int


_TOYS = (
    Open, Pay, Accept, Sign, Bad, Opened, Paid, Reminded, Tabled, Agreed, Refused, Lapsed, Huge, Judged,
    Signed, Waived,
)  # fmt: skip
add_guests(*_TOYS)


class ToyReference:
    """What the toys are given: whether the bugs are fixed yet, and the open work."""

    def __init__(self, world: Any, open_work: Any) -> None:
        self._world = world
        self.open_work = open_work

    @property
    def healed(self) -> bool:
        """Whether the version that fixes what can be fixed is out."""
        return bool(self._world.healed)


class ToyState(State):
    """What every toy keeps: traces of the poison that it has survived, and what BSON cannot hold."""

    healed: int = 0
    odd: dict[str, int] = Field(default_factory=dict)
    bomb: bool = False


def _poison(
    name: str, state: Any, model: type[ToyState], message: Envelope[Any], reference: ToyReference
) -> Decision[Any] | None:
    """Decide a Bad; None for anything else."""
    data = message.data
    if not isinstance(data, Bad):
        return None
    if data.at != name:
        return Decision(state)
    state = state or model()
    if data.kind == "raise" or (data.kind == "heal" and not reference.healed):
        raise RuntimeError("poison")
    if data.kind == "huge":
        return Decision(state, (Emission(Huge(text="x" * 40_000), message.subject),))
    if data.kind == "nul":
        return Decision(state.model_copy(update={"odd": {"a\x00b": 1}}))
    if data.kind == "int":
        return Decision(state.model_copy(update={"odd": {"big": 2**63}}))
    if data.kind == "bomb":
        return Decision(state.model_copy(update={"bomb": True}))
    return Decision(state.model_copy(update={"healed": state.healed + 1}))


class FrontState(ToyState):
    case: str | None = None
    opened_on: date | None = None
    reminded: bool = False
    owner: str | None = None
    unallocated: tuple[tuple[str, int, date], ...] = ()
    paid: int = 0
    waived: int = 0


class Front:
    """Opens one case per customer; money without a case stays unallocated until there is one."""

    def decide(
        self, state: FrontState | None, message: Envelope[Any], reference: ToyReference
    ) -> Decision[FrontState]:
        data = message.data
        if (poison := _poison("front", state, FrontState, message, reference)) is not None:
            return poison
        state = state or FrontState()
        if isinstance(data, Open) and state.case is None:
            case = case_id(message.key, 1)
            owner = min(("ann", "bob"), key=lambda name: (reference.open_work.get(name, 0), name))
            after = state.model_copy(
                update={"case": case, "opened_on": message.day, "unallocated": (), "owner": owner}
            )
            paid = [Paid(pay_id=i, amount=a, value_date=v) for i, a, v in state.unallocated]
            return Decision.of(after, Opened(on=message.day), *paid, subject=case)
        if isinstance(data, Pay):
            after = state.model_copy(update={"paid": state.paid + data.amount})
            if state.case is None:
                more = (*state.unallocated, (data.pay_id, data.amount, data.value_date))
                return Decision(after.model_copy(update={"unallocated": more}))
            paid_ = Paid(pay_id=data.pay_id, amount=data.amount, value_date=data.value_date)
            return Decision.of(after, paid_, subject=state.case)
        if isinstance(data, Waived):
            return Decision(state.model_copy(update={"waived": state.waived + data.amount}))
        return Decision(state)

    def due(self, state: FrontState) -> date | None:
        if state.opened_on is None or state.reminded:
            return None
        return state.opened_on + timedelta(days=1)

    def close(self, state: FrontState, day: date, reference: ToyReference) -> Decision[FrontState]:
        if state.bomb and not reference.healed:
            raise RuntimeError("bomb")
        due = self.due(state)
        if due is None or due > day:
            return Decision(state)
        return Decision.of(state.model_copy(update={"reminded": True}), Reminded(), subject=state.case)


class MiddleState(ToyState):
    expiry: date | None = None
    status: str = "new"
    refused: int = 0
    kept: dict[str, bool] = Field(default_factory=dict)


class Middle:
    """Tables one offer, which expires two days later."""

    def decide(
        self, state: MiddleState | None, message: Envelope[Any], reference: ToyReference
    ) -> Decision[MiddleState]:
        data = message.data
        if (poison := _poison("middle", state, MiddleState, message, reference)) is not None:
            return poison
        if isinstance(data, Opened):
            before = state or MiddleState()
            expiry = data.on + timedelta(days=2)
            return Decision.of(
                before.model_copy(update={"expiry": expiry, "status": "tabled"}), Tabled(expiry=expiry)
            )
        if isinstance(data, Accept):
            return self._accept(state, message, data)
        if isinstance(data, Judged):
            before = state or MiddleState()
            return Decision(
                before.model_copy(update={"kept": {**before.kept, str(data.instalment): data.kept}})
            )
        return Decision(state)

    def _accept(
        self, state: MiddleState | None, message: Envelope[Any], data: Accept
    ) -> Decision[MiddleState]:
        refused = Refused(number=data.number)
        if state is None or state.expiry is None:
            before = state or MiddleState()
            return Decision.wait(before.model_copy(update={"refused": before.refused + 1}), refused)
        if data.bad:
            raise RuntimeError("poison that had to wait")
        if state.status == "tabled" and message.day <= state.expiry:
            agreed = Agreed(start=message.day, number=data.number)
            return Decision.of(state.model_copy(update={"status": "agreed"}), agreed)
        return Decision.of(state.model_copy(update={"refused": state.refused + 1}), refused)

    def due(self, state: MiddleState) -> date | None:
        return state.expiry if state.status == "tabled" else None

    def close(self, state: MiddleState, day: date, reference: ToyReference) -> Decision[MiddleState]:
        if state.bomb and not reference.healed:
            raise RuntimeError("bomb")
        due = self.due(state)
        if due is None or due > day:
            return Decision(state)
        return Decision.of(state.model_copy(update={"status": "lapsed"}), Lapsed())


class BackState(ToyState):
    start: date | None = None
    payments: tuple[tuple[str, int, date], ...] = ()
    verdicts: dict[str, bool] = Field(default_factory=dict)
    signed: tuple[int, ...] = ()
    sign_refused: int = 0
    waived: bool = False


class Back:
    """Judges instalments by value date, whenever the payment arrived; a signature waits for the agreement."""

    def decide(
        self, state: BackState | None, message: Envelope[Any], reference: ToyReference
    ) -> Decision[BackState]:
        data = message.data
        if (poison := _poison("back", state, BackState, message, reference)) is not None:
            return poison
        before = state or BackState()
        if isinstance(data, Agreed):
            return Decision(before.model_copy(update={"start": data.start}))
        if isinstance(data, Paid):
            more = (*before.payments, (data.pay_id, data.amount, data.value_date))
            return self._judge(before.model_copy(update={"payments": more}), None)
        if isinstance(data, Sign):
            if before.start is None or message.day < before.start:
                refused = before.model_copy(update={"sign_refused": before.sign_refused + 1})
                return Decision(
                    refused, (Emission(Signed(number=data.number, ok=False)),), waits=before.start is None
                )
            signed = before.model_copy(update={"signed": (*before.signed, data.number)})
            return Decision.of(signed, Signed(number=data.number, ok=True))
        return Decision(state)

    def _judge(self, state: BackState, upto: date | None) -> Decision[BackState]:
        """Judge what is due up to `upto`, and again what had been judged; say the differences."""
        verdicts, events = dict(state.verdicts), list[Event]()
        for number in range(1, _INSTALMENTS + 1):
            if state.start is None:
                break
            due = state.start + timedelta(days=number)
            judged = str(number) in verdicts
            if not judged and (upto is None or due > upto):
                continue
            paid = sum(amount for _, amount, value_date in state.payments if value_date <= due)
            kept = paid >= _EACH * number
            if verdicts.get(str(number)) is not kept:
                verdicts[str(number)] = kept
                events.append(Judged(instalment=number, kept=kept))
        update: dict[str, Any] = {"verdicts": verdicts}
        if len(verdicts) == _INSTALMENTS and not state.waived:
            update["waived"] = True
            events.append(Waived(amount=7))
        return Decision.of(state.model_copy(update=update), *events)

    def due(self, state: BackState) -> date | None:
        if state.start is None or len(state.verdicts) == _INSTALMENTS:
            return None
        return state.start + timedelta(days=len(state.verdicts) + 1)

    def close(self, state: BackState, day: date, reference: ToyReference) -> Decision[BackState]:
        if state.bomb and not reference.healed:
            raise RuntimeError("bomb")
        return self._judge(state, day)


class ArchiveState(State):
    entries: int = 0


class Archive:
    """One link per message."""

    def decide(
        self, state: ArchiveState | None, message: Envelope[Any], _reference: object
    ) -> Decision[ArchiveState]:
        number = (state.entries if state is not None else 0) + 1
        body = {"id": message.id, "source": message.source, "key": message.key, "number": number}
        return Decision(
            ArchiveState(entries=number), links=(Link(derive_id("chain", message.key, number), body),)
        )

    def due(self, _state: ArchiveState) -> date | None:
        return None

    def close(self, state: ArchiveState, _day: date, _reference: object) -> Decision[ArchiveState]:
        return Decision(state)


def toy_services(world: Any, *, archive: bool = True) -> list[Service]:
    """Give the chain; `world.healed` tells whether the fixable bugs are fixed."""

    def reference(open_work: Any) -> ToyReference:
        return ToyReference(world, open_work)

    services = [
        Service(
            name="front",
            state=FrontState,
            decider=Front(),
            waits_for=("bank",),
            reads=("desk", "back"),
            per=DocumentPer.CUSTOMER,
            reference=reference,
            workload=lambda state: [state.owner] if state.owner else [],
            cases=lambda state: [state.case] if state is not None and state.case else [],
            upcoming=lambda _state, key: case_id(key, 1),
            passes_to_desk=True,
        ),
        Service(
            name="middle",
            state=MiddleState,
            decider=Middle(),
            waits_for=("front", "desk"),
            reads=("back",),
            reference=reference,
            handles=frozenset({Opened, Accept, Judged, Bad}),
        ),
        Service(
            name="back",
            state=BackState,
            decider=Back(),
            waits_for=("front", "middle", "desk"),
            reference=reference,
        ),
    ]
    if archive:
        services.append(
            Service(
                name="archive",
                state=ArchiveState,
                decider=Archive(),
                reads=("bank", "desk", "front", "middle", "back"),
                per=DocumentPer.CUSTOMER,
                emits=False,
                audits=True,
            )
        )
    return services
