"""The limits of one plan over debts of several packs: what each debt's own pack says, and what holds for all.

Of a debt, by its own pack (`DebtTerms.own`): the ceiling on its cost, its longest term, cut and floor of its
rate, what may be waived and forgiven of it, what settling it at once may waive, steps and grace, from when on
each of these may be used, and whether a person looks where its cost cannot be tested.

Of the whole plan, strictest of all its packs, since the borrower has it once: the payment of a month (the
highest minimum of the debts still repaid in it), one first due date, a holiday (in which nothing at all is
paid), how many months of a year are left out, for how long a token is taken in place of a plan. Of the
case's own pack, since there is one document and one lender: rounding, who may grant what, what a plan is
worth, how many plans are shown, the token.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

from shared.lending.allocation import Component
from shared.lending.plan_model import LumpSumRule, PlanLimits

__all__ = ["limits_of_all"]


def limits_of_all(own: PlanLimits, packs: Sequence[PlanLimits]) -> PlanLimits:
    """Give the limits of a plan over debts of `packs`, at least one, in a case of the pack `own`.

    Of what goes by each debt's own pack, these are as wide as the widest: there the search ends, and each
    debt takes only what its own pack allows.
    """
    settled = [one.lump_sum.max_waived_pct for one in packs if one.lump_sum is not None]
    return replace(
        own,
        max_months=max(one.max_months for one in packs),
        terms_months=tuple(sorted({n for one in packs for n in one.terms_months})),
        grace_months=tuple(sorted({n for one in packs for n in one.grace_months})),
        step_ups=tuple(dict.fromkeys(step for one in packs for step in one.step_ups)),
        rate_cuts_pct=tuple(sorted({cut for one in packs for cut in one.rate_cuts_pct})),
        max_waived_pct=_widest([one.max_waived_pct for one in packs]),
        max_forgiven_pct=max(one.max_forgiven_pct for one in packs),
        lump_sum=LumpSumRule(_widest(settled)) if settled else None,
        min_payment=max(one.min_payment for one in packs),
        first_due_max_days=min(one.first_due_max_days for one in packs),
        holiday_months=tuple(sorted(set.intersection(*({*one.holiday_months} for one in packs)))),
        season_months=min(one.season_months for one in packs),
        token_months=min(one.token_months for one in packs),
    )


def _widest(caps: Sequence[Mapping[Component, Decimal]]) -> dict[Component, Decimal]:
    return {part: max(cap.get(part, Decimal(0)) for cap in caps) for cap in caps for part in cap}
