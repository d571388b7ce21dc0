"""Intake's rules: owners, timetables, waterfalls, and when a fact is stale. Numbers come from the pack."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from services.intake.amounts import COMPONENTS, Amounts
from services.intake.books import Debt, Part
from services.intake.model import IntakeState
from shared.contracts.base import Reason
from shared.contracts.debts import Balances, DebtPriority, Step
from shared.contracts.envelope import Envelope
from shared.contracts.intake import InputRefused
from shared.contracts.reasons import ReasonCode
from shared.lending.allocation import DebtBalance, allocate, waterfall
from shared.lending.money import MAX_MINOR, Money
from shared.policy.conduct import Conduct, conduct_of
from shared.policy.model import PolicyInForce
from shared.policy.reference import Reference
from shared.policy.roster import Negotiator

__all__ = [
    "choose_owner",
    "conduct_in",
    "in_range",
    "is_stale",
    "packs_of",
    "policy_of",
    "refusal",
    "serve",
    "timetable",
]

# States of a case that are not steps of the way to an agreement: no date can be set for them beforehand.
_OFF_THE_WAY = frozenset(
    {
        *("performing", "no_plan", "stopped"),
        *("conversation_review", "training", "request_answer", "moratorium_review", "mechanism_review"),
    }
)
# Steps that begin when the case is opened, beside the one before them; the others follow one another.
_AT_ONCE = frozenset({"first_contact", "statement"})
# What a single amount may be so that sums of a whole case fit in 64 bits.
_LARGEST = MAX_MINOR // 10_000


def refusal(message: Envelope[Any], code: ReasonCode, **params: str) -> InputRefused:
    """Refuse a message with a reason."""
    return InputRefused(cause_id=message.id, cause_type=message.type, reason=Reason(code=code, params=params))


def policy_of(state: IntakeState, on: date, reference: Reference) -> PolicyInForce:
    """Give the case's first pack as in force on a day; the case must have been opened."""
    assert state.policy is not None  # noqa: S101 - narrows: only customers with a case come here
    return reference.policies.in_force(state.policy, on)


def packs_of(state: IntakeState) -> tuple[str, ...]:
    """Give the packs whose conduct the case keeps: those of the debts that keep it open."""
    packs = {debt.policy for debt in state.of_case if state.keeps_open(debt)}
    return tuple(sorted(packs or {state.policy or ""}))


def conduct_in(state: IntakeState, on: date, reference: Reference) -> Conduct:
    """Give the strictest conduct of the packs in the case, as in force on a day (R13)."""
    known = [pack for pack in packs_of(state) if pack in reference.policies]
    in_force = [reference.policies.in_force(pack, on) for pack in known]
    return conduct_of(in_force or [policy_of(state, on, reference)])


def in_range(*amounts: Money | Balances | None) -> bool:
    """Whether amounts are small enough to be added up (a wrong unit or a broken file says more)."""
    for amount in amounts:
        if isinstance(amount, Balances):
            if not in_range(*(getattr(amount, name) for name in COMPONENTS)):
                return False
        elif amount is not None and abs(amount.minor) > _LARGEST:
            return False
    return True


def is_stale(debt: Debt, as_of: date) -> bool:
    """A fact older than the figure we stand on changes nothing."""
    return as_of < debt.figure_on


# -- the owner (R12, R43, R46, R47) ---------------------------------------------------------------------


def choose_owner(
    state: IntakeState,
    policy: Conduct,
    on: date,
    reference: Reference,
    without: frozenset[str] = frozenset(),
) -> tuple[Negotiator | None, tuple[Reason, ...]]:
    """Choose who owns the case: there, certified, with room, of the borrower's language, skilled, least load.

    Where nobody has room a supervisor holds it, to decide who takes it; so it is where nobody's certificate
    is in date: it never goes to a negotiator whose certificate has run out, and the supervisor who holds it
    goes on. None: there is no such person.
    """
    certified = policy.assignment.certification_required
    people = [who for who in reference.roster.negotiators if who.id not in without]
    fit = [who for who in people if who.may_own_on(on, certified=certified)]
    wanted = sorted({debt.kind.value for debt in state.of_case if debt.is_active})

    def load(who: Negotiator) -> int:
        own = 1 if state.is_open and who.id == state.owner else 0
        return max(reference.open_work.get(who.id, 0) - own, 0)

    def room(who: Negotiator) -> int:
        return reference.share_of(min(who.capacity, policy.assignment.max_open_cases))

    def rank(who: Negotiator) -> tuple[Any, ...]:
        return (
            state.language not in who.languages,
            -sum(skill in who.skills for skill in wanted),
            who.supervisor,
            load(who),
            who.id,
        )

    def to_decide(who: Negotiator) -> tuple[Any, ...]:
        return (not who.supervisor, load(who), who.id)

    free = [who for who in fit if load(who) < room(who)]
    if free:
        chosen = min(free, key=rank)
        return chosen, _fits(chosen, state, wanted, on, load(chosen))
    if fit:
        chosen = min(fit, key=to_decide)
        code = ReasonCode.OWNER_TO_DECIDE if chosen.supervisor else ReasonCode.OWNER_BEYOND_LIMIT
        return chosen, (Reason(code=code, params={"open": str(load(chosen))}),)
    deciders = [who for who in people if who.supervisor and who.present_on(on)]
    if not deciders:
        return None, ()
    holder = next((who for who in deciders if state.is_open and who.id == state.owner), None)
    return holder or min(deciders, key=to_decide), (Reason(code=ReasonCode.NOBODY_CERTIFIED),)


def _fits(
    chosen: Negotiator, state: IntakeState, wanted: list[str], on: date, load: int
) -> tuple[Reason, ...]:
    reasons = []
    held = next((c for c in chosen.certifications if c.valid_on(on)), None)
    if held is not None:
        reasons.append(Reason(code=ReasonCode.OWNER_CERTIFIED, params={"certificate": held.name}))
    if state.language in chosen.languages:
        reasons.append(Reason(code=ReasonCode.OWNER_FITS_LANGUAGE, params={"language": state.language}))
    skills = [skill for skill in wanted if skill in chosen.skills]
    if skills:
        reasons.append(Reason(code=ReasonCode.OWNER_FITS_SKILL, params={"skill": ", ".join(skills)}))
    return (*reasons, Reason(code=ReasonCode.OWNER_LEAST_LOADED, params={"open": str(load)}))


# -- the timetable (R17) --------------------------------------------------------------------------------


def timetable(policy: Conduct, on: date) -> tuple[Step, ...]:
    """Give every step on the way to an agreement its last day, in business days from the step before."""
    steps, start = [], on
    for row in policy.timetable.steps:
        if row.state in _OFF_THE_WAY:
            continue
        begin = on if row.state in _AT_ONCE else start
        due = policy.deadline(begin, row.business_days)
        start = max(start, due)
        steps.append(Step(name=row.state, action=row.action, owner_role=row.owner_role, due=due))
    return tuple(steps)


# -- the waterfall --------------------------------------------------------------------------------------


def serve(
    money: Money, debts: Sequence[Debt], owed: dict[str, Amounts], case_pack: str, on: date,
    reference: Reference,
) -> tuple[tuple[Part, ...], int]:  # fmt: skip
    """Allocate money of value date `on`: the parts in the order served, and what is left over.

    Secured debts are served first, then priority debts. Among equals what is overdue of any goes before what
    is not due yet of another; the case's pack orders the debts, each debt's own pack orders its components
    by its days past due.
    """
    parts: tuple[Part, ...] = ()
    for priority in DebtPriority:
        group = [debt for debt in debts if debt.priority is priority]
        if group and money.is_positive:
            served, left = _serve_equals(money, group, owed, case_pack, on, reference)
            parts, money = (*parts, *served), Money(left, money.currency)
    return parts, money.minor


def _serve_equals(
    money: Money, debts: Sequence[Debt], owed: dict[str, Amounts], case_pack: str, on: date,
    reference: Reference,
) -> tuple[tuple[Part, ...], int]:  # fmt: skip
    ordered = sorted(debts, key=lambda debt: (debt.oldest_due or date.max, debt.debt_id))
    whole = {debt.debt_id: owed[debt.debt_id].positive for debt in ordered}
    due = {debt.debt_id: debt.overdue.positive.capped(whole[debt.debt_id]) for debt in ordered}
    rules = reference.policies.in_force(case_pack, on).allocation_rules
    shares = dict.fromkeys(whole, 0)
    left = money
    for amounts in (due, {debt_id: whole[debt_id] - due[debt_id] for debt_id in whole}):
        balances = [
            DebtBalance(
                debt_id=debt.debt_id,
                outstanding=amounts[debt.debt_id].components(debt.currency),
                days_past_due=debt.days_late(on),
                due_since=debt.oldest_due,
                annual_rate_pct=debt.annual_rate_pct,
            )
            for debt in ordered
        ]
        result = allocate(left, balances, rules)
        left = result.unallocated
        for debt_id in shares:
            shares[debt_id] += result.of(debt_id).total.minor
    parts = []
    for debt in ordered:
        share = Money(shares[debt.debt_id], debt.currency)
        if share.is_zero:
            continue
        own = reference.policies.in_force(debt.policy, on).allocation_rules.order_at(debt.days_late(on))
        taken, _ = waterfall(share, owed[debt.debt_id].positive.components(debt.currency), own)
        for component in own:
            amount = taken.get(component).minor
            if amount:
                late = min(amount, getattr(debt.overdue, component.value, 0))
                parts.append(
                    Part(debt_id=debt.debt_id, component=component.value, amount=amount, overdue=late)
                )
    return tuple(parts), left.minor
