"""A plan while it is judged: the document, the terms it is judged by, and what has been said so far."""

from dataclasses import dataclass, field
from datetime import date

from services.followup.ledger import Served, serve
from services.followup.model import DayMoney, FollowedPlan, FollowupState, FollowupStatus, Line
from services.followup.rewards import reward
from services.followup.rules import enough
from shared.contracts.base import Event
from shared.lending.money import Money
from shared.policy.model import PolicyInForce
from shared.policy.reference import Reference

__all__ = ["Work", "live_plan", "policy_of", "served_by"]


def policy_of(plan: FollowedPlan, reference: Reference, on: date | None = None) -> PolicyInForce:
    """The terms of a plan stay those that were agreed; rules of conduct are those of the day, where given."""
    agreed_on = plan.pinned_on or plan.effective
    return reference.policies.for_case(plan.policy, on or plan.effective, agreed_on=agreed_on)


def served_by(
    plan: FollowedPlan, state: FollowupState, day: date, policy: PolicyInForce
) -> tuple[Served, ...]:
    """Give what each instalment has of the money dated up to `day`.

    What was paid out of a credit, or moved, is there no more: it makes up for no payment that comes back.
    """
    tolerance = policy.followup.underpayment_tolerance_pct
    settles = [enough(line.total, tolerance, policy) for line in plan.lines]
    received = [entry for entry in state.received if entry.on <= day]
    gone = [
        DayMoney(on=day, amount=-credit.settled)
        for credit in state.credits
        if credit.agreement_id == plan.agreement_id and credit.settled.is_positive
    ]
    return serve(plan.lines, settles, (*received, *gone), plan.effective, day)


@dataclass(slots=True)
class Work:
    """A plan in hand. Conclusions change the plan, never the money."""

    state: FollowupState
    plan: FollowedPlan
    policy: PolicyInForce
    said: list[Event] = field(default_factory=list)
    _served: tuple[date, tuple[Served, ...]] | None = None

    def served(self, day: date) -> tuple[Served, ...]:
        """Give what each instalment has by `day`; money does not move and totals only by rewards."""
        if self._served is None or self._served[0] != day:
            self._served = day, served_by(self.plan, self.state, day, self.policy)
        return self._served[1]

    def is_settled(self, day: date) -> bool:
        """Say whether every instalment has enough, those that are not due yet included."""
        return all(part.reached is not None for part in self.served(day))

    def missing(self, day: date, *, due_by: date = date.max) -> tuple[Money, ...]:
        """Give what is missing of the instalments due up to `due_by`, per currency, where something is."""
        sums: dict[str, Money] = {}
        for line, missing in self.open_lines(day, due_by=due_by):
            currency = line.total.currency
            sums[currency] = sums.get(currency, Money.zero(currency)) + missing
        return tuple(sums.values())

    def open_lines(self, day: date, *, due_by: date = date.max) -> tuple[tuple[Line, Money], ...]:
        """Give the instalments due up to `due_by` that lack something, and what each lacks."""
        return tuple(
            (line, line.total - part.paid)
            for line, part in zip(self.plan.lines, self.served(day), strict=True)
            if line.due <= due_by and part.reached is None and part.paid < line.total
        )

    def rewarded(self, day: date) -> None:
        """Grant what has vested: instalments may be less from now on."""
        self.plan, charges, said = reward(self.plan, self.state, day, self.policy)
        self.state = self.state.model_copy(update={"charges": charges})
        self.said += said
        self._served = None if said else self._served

    def update(self, **changes: object) -> None:
        """Change the plan."""
        self.plan = self.plan.model_copy(update=changes)

    def change(self, **changes: object) -> None:
        """Change the document beside the plan."""
        self.state = self.state.model_copy(update=changes)

    def done(self) -> tuple[FollowupState, tuple[Event, ...]]:
        """Give the document with the plan in it, and what was said."""
        return self.state.model_copy(update={"plan": self.plan}), tuple(self.said)


def live_plan(state: FollowupState | None) -> FollowedPlan | None:
    """Give the plan that is kept, where there is one."""
    return state.plan if state is not None and state.status is FollowupStatus.LIVE else None
