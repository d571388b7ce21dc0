"""A simulated borrower: sees what is published about their own case and answers through desk events.

Every choice is drawn from a generator seeded by the run's seed and what is answered, so the
order in which events are read changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from deploy.demo.acts import Act, Cure, Pay, Say, identity
from deploy.demo.calibration import HARDSHIP_REASONS
from deploy.demo.portfolio import Customer, random_for
from shared.contracts import agreement, assessment, followup, intake, offer
from shared.contracts.base import Personal
from shared.contracts.debts import Plan
from shared.contracts.desk import (
    Asset,
    CounterOffered,
    HardshipCause,
    HardshipReported,
    IncomeItem,
    IncomeSource,
    OfferAccepted,
    OfferRejected,
    OtherDebt,
    PreferencesSet,
    PromiseMade,
    SignatureGiven,
    SignatureParty,
    SpendingCategory,
    SpendingItem,
    StatementSubmitted,
)
from shared.contracts.desk_parties import StopLifted, StopReported
from shared.contracts.envelope import Envelope
from shared.contracts.ids import derive_id
from shared.contracts.parties import StopCause
from shared.lending.money import Money

__all__ = ["Borrower", "Persona", "draw_persona"]


@dataclass(frozen=True, slots=True)
class Persona:
    """How somebody behaves. Probabilities are of single occasions; days are calendar days."""

    name: str
    weight: int
    answers: float = 1.0
    delay: tuple[int, int] = (1, 8)
    in_parts: float = 0.0
    counters: float = 0.0
    rejects: float = 0.0
    signs: float = 1.0
    on_time: float = 0.97
    partial: float = 0.0
    returned: float = 0.0
    recovers: float = 0.9
    loses_income: float = 0.0
    cures: float = 0.0


PERSONAS = (
    Persona("steady", 46, counters=0.2, on_time=0.985),
    Persona("careful", 14, delay=(4, 14), in_parts=0.5, counters=0.6, on_time=0.96),
    Persona(
        "shaky", 16, delay=(2, 12), on_time=0.72, partial=0.4, returned=0.12, recovers=0.75, loses_income=0.35
    ),
    Persona("unlucky", 6, counters=0.2, on_time=0.95, loses_income=1.0, recovers=0.6),
    Persona("slow", 6, answers=0.7, delay=(12, 40), in_parts=0.3, signs=0.85, on_time=0.88),
    Persona("silent", 5, answers=0.06, on_time=0.7),
    Persona("refusing", 3, rejects=0.8, counters=0.3, signs=0.5, on_time=0.8),
    Persona("curing", 4, answers=0.5, cures=1.0, on_time=0.98),
)
"""The mix is an assumption, made so that about one arrangement in eight breaks (SETTLEMENT_OUTCOMES)."""


def draw_persona(seed: int, number: str) -> Persona:
    """Draw how a customer behaves."""
    return random_for(seed, "persona", number).choices(PERSONAS, [p.weight for p in PERSONAS])[0]


class Borrower:
    """One customer of the demo, with what they have learnt from published events."""

    def __init__(self, customer: Customer, persona: Persona, seed: int) -> None:
        self.customer = customer
        self.persona = persona
        self._seed = seed
        self._offer: str | None = None
        self._answered: set[str] = set()
        self._live: tuple[str, int] | None = None
        self._asked: dict[tuple[date, str], Money] = {}
        self._closed = False
        self._income_lost_on: date | None = None
        draw = random_for(seed, "life", customer.number)
        if draw.random() < persona.loses_income:
            self._income_lost_on = customer.enters + timedelta(days=draw.randrange(60, 240))
        self._cause = HardshipCause(draw.choices(list(HARDSHIP_REASONS), list(HARDSHIP_REASONS.values()))[0])
        self._case: str | None = None

    def sees(self, message: Envelope[Any]) -> list[Act]:
        """Answer a published event with what the borrower will do, and when."""
        data = message.data
        self._case = message.subject or self._case
        match data:
            case intake.CaseOpened():
                self._closed = False
                return [*self._disputes(message), *self._opened(message)]
            case intake.CaseClosed():
                self._closed, self._live = True, None
                return []
            case assessment.StatementRequested():
                return self._statement(message, data.missing)
            case offer.OfferTabled() | offer.OfferRevised():
                self._offer = data.offer_id
                return self._answer_offer(message, data.plans, data.round)
            case offer.OfferWithdrawn() | offer.OfferLapsed():
                self._offer = None
                return []
            case agreement.AgreementDrafted():
                return self._sign(message)
            case agreement.AgreementSigned():
                return self._follow(message)
            case agreement.AgreementEnded() | agreement.AgreementCompleted():
                self._live = None
                return []
            case followup.InstalmentMissed():
                return self._promise(message)
            case followup.RewardGranted():
                self._asked |= {(row.due, row.total.currency): row.total for row in data.instalments}
                return []
            case _:
                return []

    def _draw(self, message: Envelope[Any], *about: str) -> Any:
        return random_for(self._seed, identity(message), *about)

    def _opened(self, message: Envelope[intake.CaseOpened]) -> list[Act]:
        draw = self._draw(message)
        if draw.random() < self.persona.cures:
            return [Cure(message.day + timedelta(days=draw.randrange(5, 35)))]
        if self._income_lost_on is None:
            return []
        event = HardshipReported(cause=self._cause, since=self._income_lost_on, words=Personal(value="…"))
        return [Say(self._income_lost_on + timedelta(days=3), message.case, event, "hardship",
                    unless=lambda: self._closed)]  # fmt: skip

    def _disputes(self, message: Envelope[intake.CaseOpened]) -> list[Act]:
        """Dispute an account where there is reason to, once; some time later it is settled."""
        dispute = self.customer.dispute
        if dispute is None or message.data.episode > 1:
            return []
        begins = self.customer.enters + timedelta(days=dispute.after_days)
        ends = begins + timedelta(days=dispute.settled_after_days)
        stop_id = derive_id("dispute", dispute.account_id)
        began = StopReported(
            stop_id=stop_id,
            cause=StopCause.DISPUTE,
            since=begins,
            accounts=(dispute.account_id,),
            words=Personal(value="I do not recognise some of these charges."),
        )
        lifted = StopLifted(stop_id=stop_id, on=ends, outcome="explained")
        return [
            Say(begins, message.case, began, "dispute", unless=lambda: self._closed),
            Say(ends, message.case, lifted, "dispute/settled", unless=lambda: self._closed),
        ]

    def _income_on(self, day: date) -> int:
        income = self.customer.income
        lost = self._income_lost_on is not None and day >= self._income_lost_on
        return income * 55 // 100 if lost else income

    def _statement(self, message: Envelope[Any], missing: tuple[str, ...]) -> list[Act]:
        draw, persona = self._draw(message), self.persona
        if draw.random() >= persona.answers:
            return []
        day = message.day + timedelta(days=draw.randint(*persona.delay))
        currency = self.customer.currency
        overstated = draw.choice((100, 100, 100, 105, 112))
        income = Money(self._income_on(day) * overstated // 100, currency)
        other = Money(self.customer.income // draw.choice((12, 20, 30)) // 100 * 100, currency)
        parts: dict[str, Any] = {
            "income": (IncomeItem(source=IncomeSource.SALARY, monthly=income),),
            "spending": tuple(
                SpendingItem(category=SpendingCategory(name), monthly=Money(minor, currency))
                for name, minor in sorted(self.customer.spending.items())
            ),
            "dependants": self.customer.dependants,
            "assets": (
                (Asset(kind="savings", value=Money(income.minor // 2, currency), liquid=True),)
                if draw.random() < 0.3
                else ()
            ),
            "other_debts": (
                (OtherDebt(creditor_kind="bank", balance=Money(other.minor * 18, currency), monthly=other),)
                if draw.random() < 0.35
                else ()
            ),
        }
        asked = {name: value for name, value in parts.items() if name in missing} or parts
        wish: Personal[str] = Personal(value="I want to pay, in steps that I can keep to.")
        lives = self._lives(message, day)
        if draw.random() < persona.in_parts and len(asked) > 1:
            names = list(asked)
            first = {name: asked[name] for name in names[: len(names) // 2]}
            rest = {name: asked[name] for name in names[len(names) // 2 :]}
            later = day + timedelta(days=draw.randint(2, 9))
            return [
                Say(
                    day,
                    message.case,
                    StatementSubmitted(as_of=day, wish=wish, **first),
                    identity(message) + "/1",
                ),
                Say(later, message.case, StatementSubmitted(as_of=later, **rest), identity(message) + "/2"),
                *lives,
            ]
        said = StatementSubmitted(as_of=day, wish=wish, **asked)
        return [Say(day, message.case, said, identity(message)), *lives]

    def _lives(self, message: Envelope[Any], day: date) -> list[Act]:
        """Say with a statement where one lives, in a market of several zones: by that clock they are rung."""
        zone = self.customer.time_zone
        if zone is None:
            return []
        return [Say(day, message.case, PreferencesSet(time_zone=zone), identity(message) + "/zone")]

    def _answer_offer(self, message: Envelope[Any], plans: tuple[Plan, ...], round_: int) -> list[Act]:
        draw, persona = self._draw(message), self.persona
        if draw.random() >= persona.answers:
            return []
        offer_id = message.data.offer_id
        day = message.day + timedelta(days=draw.randint(*persona.delay))
        wishes = [p for p in plans if p.payments]
        event: Any
        if draw.random() < persona.rejects and round_ >= 2:
            event = OfferRejected(offer_id=offer_id, words=Personal(value="This does not fit my life."))
        elif round_ <= 2 and draw.random() < persona.counters and wishes:
            lowest = min(p.payments[0].total.minor for p in wishes)
            monthly = Money(max(lowest * draw.randint(70, 100) // 100, 100), self.customer.currency)
            event = CounterOffered(offer_id=offer_id, round=round_, monthly=monthly,
                                   words=Personal(value="I can pay a little less a month."))  # fmt: skip
        else:
            # Most take what costs least a month, some what is over soonest.
            by_month = sorted(wishes, key=lambda p: (p.payments[0].total.minor, p.rank))
            by_end = sorted(wishes, key=lambda p: (p.payments[-1].due, p.rank))
            chosen = (by_month if draw.random() < 0.6 else by_end)[0]
            event = OfferAccepted(offer_id=offer_id, plan_id=chosen.plan_id, channel="app")
        return [Say(day, message.case, event, offer_id, unless=lambda: self._offer != offer_id)]

    def _sign(self, message: Envelope[agreement.AgreementDrafted]) -> list[Act]:
        draw, data = self._draw(message), message.data
        if draw.random() >= self.persona.signs:
            return []
        day = message.day + timedelta(days=draw.randint(1, 4))
        event = SignatureGiven(
            agreement_id=data.agreement_id,
            version=data.version,
            content_hash=data.content_hash,
            party=SignatureParty.BORROWER,
            channel="app",
            evidence="one-time-code",
            checked=("identity", "capacity"),
        )
        return [Say(day, message.case, event, f"{data.agreement_id}/{data.version}/borrower")]

    def _follow(self, message: Envelope[agreement.AgreementSigned]) -> list[Act]:
        data = message.data
        plan = (data.agreement_id, data.version)
        self._live, self._asked = plan, {}
        acts: list[Act] = []
        for instalment in data.instalments:
            acts += self._pay(message, plan, instalment.number, instalment.due, instalment.total)
        return acts

    def _pay(
        self, message: Envelope[Any], plan: tuple[str, int], number: int, due: date, total: Money
    ) -> list[Act]:
        draw, persona = self._draw(message, str(number), total.currency), self.persona
        about = f"{plan[0]}/{plan[1]}/{number}/{total.currency}"

        def over() -> bool:
            return self._live != plan

        struggling = self._income_lost_on is not None and due >= self._income_lost_on
        on_time = persona.on_time * (0.35 if struggling else 1.0)
        if draw.random() < on_time:
            day = max(due - timedelta(days=draw.randint(0, 2)), message.day + timedelta(days=1))
            back = draw.randint(2, 6) if draw.random() < persona.returned else 0
            acts: list[Act] = [
                Pay(day, total, about, back, over, lambda: self._asked.get((due, total.currency), total))
            ]
            if back and draw.random() < persona.recovers:
                acts.append(
                    Pay(day + timedelta(days=back + draw.randint(3, 9)), total, about + "/again", 0, over)
                )
            return acts
        acts = []
        rest = total
        if draw.random() < persona.partial:
            part = Money(total.minor * draw.randint(30, 80) // 100, total.currency)
            acts.append(Pay(due, part, about + "/part", 0, over))
            rest = total - part
        if draw.random() < persona.recovers * (0.5 if struggling else 1.0) and rest.minor > 0:
            acts.append(Pay(due + timedelta(days=draw.randint(2, 16)), rest, about + "/late", 0, over))
        return acts

    def _promise(self, message: Envelope[followup.InstalmentMissed]) -> list[Act]:
        draw, data = self._draw(message), message.data
        if draw.random() >= 0.6 or data.total.minor <= data.paid.minor:
            return []
        due = message.day + timedelta(days=draw.randint(5, 12))
        rest = data.total - data.paid
        event = PromiseMade(promise_id=derive_id("promise", identity(message)),
                            amount=rest, due=due)  # fmt: skip
        acts: list[Act] = [Say(message.day + timedelta(days=1), message.case, event, identity(message))]
        if draw.random() < self.persona.recovers * 0.8:
            acts.append(
                Pay(
                    due - timedelta(days=1),
                    rest,
                    identity(message) + "/promise",
                    0,
                    lambda: self._live is None,
                )
            )
        return acts
