"""What the search over plans is asked about a case: one question for each currency of its debts. Pure.

Debts of several currencies are never netted: each currency has its own plans, under the limits of its own
packs, with its share of what can be paid a month. A share is exchanged only at a rate that is on file with
its source and date; the debts in a currency without one are left to a person, and the others have a plan.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction

from services.offer.limits import limits_of_all
from services.offer.model import Assessed, OfferState, Wish
from services.offer.re_age import last_day, re_aged_after, why_not_re_aged
from services.offer.rules import (
    capacity_of,
    debt_terms,
    owed_debts,
    with_reference_rate,
)
from services.offer.shown import strategy_of
from shared.contracts.base import Reason
from shared.contracts.debts import DebtApart, DebtSnapshot, Exchange, InstalmentTotal
from shared.contracts.plan_terms import total_of
from shared.contracts.reasons import ReasonCode
from shared.lending import plans as lending
from shared.lending.allocation import Components
from shared.lending.calendar import add_months
from shared.lending.exchange import capacity_by_currency, converted, shares_by_currency
from shared.lending.money import Money, Rounding
from shared.policy.model import PolicyInForce
from shared.policy.rates import Exchanged, StaleRate
from shared.policy.reference import Reference

__all__ = ["Asked", "NotFound", "Question", "Sharing", "questions"]

_HUNDRED = Decimal(100)


@dataclass(frozen=True, slots=True)
class NotFound:
    """No plan: why, and what happens next."""

    reason: Reason
    next_step: Reason
    payments: tuple[InstalmentTotal, ...] = ()


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked about the debts in one currency; `first` is the plan that its strategy puts first.

    `authority`: only what this role may grant alone is searched; None: what anybody may.
    """

    debts: tuple[lending.DebtTerms, ...]
    capacity: lending.Capacity
    first_due: date
    limits: lending.PlanLimits
    packs: dict[str, str]
    first: str
    authority: str | None = None

    @property
    def currency(self) -> str:
        """The currency of its debts."""
        return self.limits.currency


@dataclass(frozen=True, slots=True)
class Sharing:
    """How amounts of the statement's currency are shared out over those of the debts."""

    currency: str
    weights: dict[str, int]
    exchanged: dict[str, Exchanged]
    margin_pct: Decimal

    @property
    def _margin(self) -> Fraction:
        return Fraction(self.margin_pct) / 100

    @property
    def _rates(self) -> dict[str, Fraction]:
        return {currency: found.rate for currency, found in self.exchanged.items()}

    def capacity(self, whole: lending.Capacity) -> dict[str, lending.Capacity]:
        """Share out what can be paid a month."""
        return capacity_by_currency(whole, self.weights, self._rates, self._margin)

    def wish(self, wish: Wish) -> dict[str, Wish]:
        """Share out the amounts of a wish; a date or a term is wished for all."""
        named = {name: getattr(wish, name) for name in ("monthly", "lump_sum")}
        given = {name: amount for name, amount in named.items() if amount is not None}
        shared = {
            name: shares_by_currency(amount, self.weights, self._rates, self._margin)
            for name, amount in given.items()
        }
        return {
            currency: wish.model_copy(update={name: parts[currency] for name, parts in shared.items()})
            for currency in self.weights
        }

    def share_pct(self, currency: str) -> Decimal:
        """Give the share of a currency, per cent, rounded to two digits."""
        share = Decimal(self.weights[currency]) / sum(self.weights.values()) * _HUNDRED
        return share.quantize(Decimal("0.01"), ROUND_HALF_EVEN)

    def exchange(self, currency: str) -> Exchange | None:
        """Give the rate that a currency's share rests on; None where nothing is exchanged."""
        if currency not in self.exchanged:
            return None
        figure = self.exchanged[currency].figure
        return Exchange(
            currency=figure.currency,
            against=figure.against,
            per_unit=figure.per_unit,
            as_of=figure.start,
            source=figure.source,
        )


@dataclass(frozen=True, slots=True)
class Asked:
    """The questions of a case, that of the statement's currency first, and the debts left to a person.

    `sharing` is None where one currency has everything. `later` says which debts are shown as current again
    only after payments, `re_aged` for each that is past due after how many (0: at once). `last_days` are
    those on which they may be, `until` is the first of them. `on_record`: how long what was overdue stays on
    the credit record.
    """

    questions: tuple[Question, ...]
    apart: tuple[DebtApart, ...] = ()
    sharing: Sharing | None = None
    later: tuple[Reason, ...] = ()
    re_aged: Mapping[str, int] = field(default_factory=dict)
    last_days: Mapping[str, date] = field(default_factory=dict)
    on_record: Mapping[str, str] = field(default_factory=dict)
    until: date = date.max


def questions(
    state: OfferState, assessed: Assessed, day: date, reference: Reference, without: Collection[str] = ()
) -> Asked | NotFound:
    """Put the case as the search over plans sees it, or say what a person must look at first.

    `without`: currencies that found no plan; their debts are apart, and the others share what can be paid.
    """
    owed = owed_debts(state.debts)
    packs = dict.fromkeys((state.policy, *(debt.policy for debt in owed)))
    if any(pack not in reference.policies for pack in packs):
        return _for_a_person(ReasonCode.UNKNOWN_PRODUCT)
    ruling = {pack: reference.policies.for_case(pack, day, agreed_on=state.round_on) for pack in packs}
    own, statement = ruling[state.policy], assessed.now.currency
    if {assessed.stress.currency, own.currency} != {statement}:
        return _for_a_person(ReasonCode.CURRENCY_MISMATCH)
    if any(Components.from_balances(debt.outstanding).has_negative for debt in owed):
        return _for_a_person(ReasonCode.PLAN_NO_LONGER_COMPUTES)
    by_currency, exchanged, apart = _sorted_out(owed, statement, ruling, day, reference)
    for currency in without:
        apart += tuple(_no_plan(debt, currency) for debt in by_currency.pop(currency, []))
    if not by_currency:
        why = apart[0].reason if apart else Reason(code=ReasonCode.ACCOUNT_CURED)
        return NotFound(why, Reason(code=ReasonCode.NEXT_HUMAN_REVIEW))
    limits: dict[str, lending.PlanLimits] = {}
    for currency, debts in list(by_currency.items()):
        found = _limits(currency, debts, own, ruling, day, reference)
        if isinstance(found, lending.PlanLimits):
            limits[currency] = found
        elif currency == statement or len(by_currency) == 1:
            return _stale(found)
        else:
            apart += tuple(DebtApart(debt_id=debt.debt_id, reason=_says_stale(found)) for debt in debts)
            del by_currency[currency]
    kept = {currency: exchanged[currency] for currency in by_currency if currency in exchanged}
    sharing = None
    if set(by_currency) == {statement}:
        capacity = {statement: capacity_of(assessed)}
    else:
        weights = _weights(by_currency, kept, statement, own)
        sharing = Sharing(statement, weights, kept, own.talks.exchange_margin_pct)
        capacity = sharing.capacity(capacity_of(assessed))
    first_due = max(
        ruling[pack].first_due(day)
        for pack in {state.policy, *(debt.policy for debts in by_currency.values() for debt in debts)}
    )
    if state.prepaid is not None:
        first_due = add_months(first_due, 1)  # the instalment of the first month has been paid
    # A wish may name any day, but the latest that is offered in its place is one of business, too.
    latest = first_due + timedelta(days=min(one.first_due_max_days for one in limits.values()))
    latest = max(own.calendar.previous_business_day(latest), first_due)
    asked = tuple(
        Question(
            debts=tuple(debt_terms(debt, ruling[debt.policy].plan_limits) for debt in debts),
            capacity=capacity[currency],
            first_due=first_due,
            limits=replace(limits[currency], first_due_max_days=(latest - first_due).days),
            packs={debt.debt_id: debt.policy for debt in debts},
            first=strategy_of(state.case, own.talks.strategies, state.strategy).first,
            authority=own.waiver.authority[0].role if state.lender_refused else None,
        )
        for currency, debts in by_currency.items()
    )
    covered = [debt for debts in by_currency.values() for debt in debts]
    later = {debt.debt_id: re_aged_after(debt, ruling[debt.policy], day) for debt in covered}
    re_aged = {
        debt.debt_id: ruling[debt.policy].re_age.min_payments_in_a_row if later[debt.debt_id] else 0
        for debt in covered
        if debt.days_past_due
    }
    last_days = {debt.debt_id: last_day(debt, ruling[debt.policy]) or date.max for debt in covered}
    until = min(last_days.values())
    reasons = tuple(reason for reason in later.values() if reason is not None)
    on_record = _on_record([ruling[pack] for pack in dict.fromkeys(debt.policy for debt in covered)])
    return Asked(asked, apart, sharing, reasons, re_aged, last_days, on_record, until)


def _on_record(packs: Sequence[PolicyInForce]) -> dict[str, str]:
    """Say how long what was overdue stays on the credit record, where all the packs say the same."""
    terms = {(one.reporting.overdue_kept_years, one.reporting.overdue_kept_from) for one in packs}
    if len(terms) != 1:
        return {}
    ((years, since),) = terms
    return {f"years_from_{since}": str(years)} if years else {}


def _sorted_out(
    owed: Sequence[DebtSnapshot],
    statement: str,
    ruling: Mapping[str, PolicyInForce],
    day: date,
    reference: Reference,
) -> tuple[dict[str, list[DebtSnapshot]], dict[str, Exchanged], tuple[DebtApart, ...]]:
    """Sort the debts by currency, the statement's first.

    Apart are those without a rate of exchange, and those that may not be re-aged again.
    """
    found: dict[str, list[DebtSnapshot]] = {}
    apart: list[DebtApart] = []
    rates: dict[str, Exchanged] = {}
    for debt in sorted(owed, key=lambda d: d.outstanding.principal.currency != statement):
        currency = debt.outstanding.principal.currency
        too_often = why_not_re_aged(debt, ruling[debt.policy], day)
        if too_often is not None:
            apart.append(DebtApart(debt_id=debt.debt_id, reason=too_often))
            continue
        given = {debt.overdue.principal.currency, ruling[debt.policy].currency}
        if given != {currency}:
            params = {"account": debt.debt_id, "currency": currency, "expected": min(given - {currency})}
            mixed = Reason(code=ReasonCode.NO_RULES_IN_CURRENCY, params=params)
            apart.append(DebtApart(debt_id=debt.debt_id, reason=mixed))
            continue
        if currency != statement and currency not in rates:
            rate = reference.rates.exchange(currency, statement, day)
            if isinstance(rate, StaleRate):
                params = {"account": debt.debt_id, "currency": currency, "pair": rate.name}
                lacking = Reason(code=ReasonCode.CURRENCY_APART, params=params)
                apart.append(DebtApart(debt_id=debt.debt_id, reason=lacking))
                continue
            rates[currency] = rate
        found.setdefault(currency, []).append(debt)
    return found, rates, tuple(apart)


def _limits(
    currency: str,
    debts: Sequence[DebtSnapshot],
    own: PolicyInForce,
    ruling: Mapping[str, PolicyInForce],
    day: date,
    reference: Reference,
) -> lending.PlanLimits | StaleRate:
    """Give the limits of a plan over the debts in one currency.

    Rounding and authority are those of the case's own pack, which is also that of the whole document.
    """
    packs = [ruling[pack] for pack in dict.fromkeys(debt.policy for debt in debts)]
    first = own if currency == own.currency else packs[0]
    whole = limits_of_all(first.plan_limits, [policy.plan_limits for policy in packs])
    limits = with_reference_rate(whole, first, day, reference)
    if isinstance(limits, StaleRate):
        return limits
    return replace(limits, rounding=own.plan_limits.rounding, authority=own.plan_limits.authority)


def _weights(
    by_currency: Mapping[str, Sequence[DebtSnapshot]],
    rates: Mapping[str, Exchanged],
    statement: str,
    own: PolicyInForce,
) -> dict[str, int]:
    """Give what counts for the shares, in the statement's currency: balances, or contractual payments.

    Where a contractual payment of any debt is not known, the balances count for all of them.
    """
    every = [debt for debts in by_currency.values() for debt in debts]
    known = all(
        debt.contractual_payment is not None and debt.contractual_payment.is_positive for debt in every
    )
    by_payment = known and own.talks.capacity_share == "by_contractual_payment"
    weights = {}
    for currency, debts in by_currency.items():
        counted = [
            (debt.contractual_payment if by_payment else None) or total_of(debt.outstanding) for debt in debts
        ]
        whole = Money.sum(counted, currency)
        if currency != statement:
            whole = converted(whole, statement, rates[currency].rate, Rounding.HALF_EVEN)
        weights[currency] = max(whole.minor, 1)
    return weights


def _no_plan(debt: DebtSnapshot, currency: str) -> DebtApart:
    params = {"account": debt.debt_id, "currency": currency}
    return DebtApart(debt_id=debt.debt_id, reason=Reason(code=ReasonCode.NO_PLAN_IN_CURRENCY, params=params))


def _says_stale(rate: StaleRate) -> Reason:
    params = {"name": rate.name} | ({"until": rate.until.isoformat()} if rate.until else {})
    return Reason(code=ReasonCode.RATES_STALE, params=params)


def _stale(rate: StaleRate) -> NotFound:
    return NotFound(_says_stale(rate), Reason(code=ReasonCode.NEXT_HUMAN_REVIEW))


def _for_a_person(code: ReasonCode) -> NotFound:
    return NotFound(Reason(code=code), Reason(code=ReasonCode.NEXT_HUMAN_REVIEW))
