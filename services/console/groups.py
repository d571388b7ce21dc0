"""Which groups of plans slip more often than the others, and who of them still pays: groups at risk (R66).

Made from the published messages alone. A group is what was known of a plan when it was signed, one thing or
two of them together; a plan has slipped when an instalment of it was missed and stands as missed. A group is
at risk where chance does not explain that so many of its plans slip, of all that do (Fisher's exact test, one
side). The more groups are compared the rarer the chance has to be (Bonferroni), so that many groups find
nothing by luck. It says where to look first, and never anything about a person: nothing is decided by it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from itertools import combinations
from math import exp, lgamma
from typing import Any, Final

from services.console.effects import Hearer
from shared.contracts import agreement, assessment, followup, followup_care, intake, offer
from shared.contracts.debts import Plan
from shared.contracts.envelope import Envelope
from shared.lending.redefault import interval

__all__ = ["LEAST_PLANS", "Group", "Groups", "GroupsAtRisk"]

LEAST_PLANS: Final = 20
"""A group, and all others together, has so many plans; of fewer nothing is said, lest it names somebody."""

_JUDGED: Final = ("paid", "paid_late", "missed")
_MISTAKEN: Final = 0.05  # how likely it may be that any group is named by chance alone
_CUTS: Final = ((Decimal(20), "a fifth or more"), (Decimal("0.01"), "less than a fifth"))
_MARGINS: Final = ((Decimal(30), "30 % or more"), (Decimal(10), "10 to 30 %"))
_MONTHS: Final = ((25, "more than 24"), (13, "13 to 24"))
_SCORES: Final = ((67, "high"), (34, "middle"))


@dataclass(frozen=True, slots=True)
class Group:
    """A group at risk: its plans, those that slipped, between which shares it truly lies (95 per cent).

    `others` is the share of all others; `still_paying` are the cases of its plans that run and have not
    slipped: with those one can still talk in time.
    """

    what: str
    plans: int
    slipped: int
    between: tuple[float, float]
    others: float
    still_paying: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GroupsAtRisk:
    """The groups at risk, the largest share first; how many were compared, over how many plans."""

    groups: tuple[Group, ...]
    compared: int
    plans: int


@dataclass(slots=True)
class _Signed:
    offer_id: str
    at: datetime
    missed: dict[tuple[int, str], bool] = field(default_factory=dict)  # of each instalment that was judged
    running: bool = True


class Groups(Hearer):
    """Sees every message of the services once; then finds the groups at risk."""

    def __init__(self) -> None:
        super().__init__(
            {
                intake.CaseOpened: self._opens,
                assessment.AssessmentCompleted: self._assesses,
                offer.OfferAgreed: self._agrees,
                agreement.AgreementSigned: self._signs,
                agreement.AgreementEnded: self._ends,
                followup.PlanCompleted: self._ends,
                followup.PlanBroken: self._ends,
                followup_care.PlanReopened: self._goes_on,
                followup.InstalmentPaid: self._judged,
                followup.InstalmentMissed: self._judged,
                followup.InstalmentCorrected: self._judged,
            }
        )
        self._opened: dict[str, intake.CaseOpened] = {}
        self._assessed: defaultdict[str, list[tuple[datetime, assessment.AssessmentCompleted]]]
        self._assessed = defaultdict(list)
        self._agreed: dict[tuple[str, str], Plan] = {}
        self._signed: dict[tuple[str, str], _Signed] = {}

    def at_risk(self) -> GroupsAtRisk:
        """Compare every group of at least ``LEAST_PLANS`` plans with all others, also two things together.

        Two together are named only where they are worse than either alone.
        """
        plans = [(case, one) for (case, _), one in self._signed.items() if one.missed]
        slipped = {number for number, (_, one) in enumerate(plans) if any(one.missed.values())}
        members: defaultdict[tuple[str, ...], set[int]] = defaultdict(set)
        for number, (case, one) in enumerate(plans):
            known = sorted(set(self._known(case, one)))
            for what in (*((each,) for each in known), *combinations(known, 2)):
                members[what].add(number)
        compared: dict[frozenset[int], tuple[str, ...]] = {}
        for what in sorted(members, key=lambda what: (len(what), what)):
            if LEAST_PLANS <= len(members[what]) <= len(plans) - LEAST_PLANS:
                compared.setdefault(frozenset(members[what]), what)  # the same plans are one group
        share = {what: len(of & slipped) / len(of) for of, what in compared.items()}
        found = []
        for of, what in compared.items():
            count, rest = len(of & slipped), len(plans) - len(of)
            chance = _by_chance(count, len(of), len(slipped), len(plans))
            alone = [share.get((each,), 0.0) for each in what] if len(what) > 1 else []
            if chance * len(compared) < _MISTAKEN and all(share[what] > each for each in alone):
                paying = {plans[number][0] for number in of - slipped if plans[number][1].running}
                others = (len(slipped) - count) / rest
                between = interval(count, len(of))
                group = Group(", ".join(what), len(of), count, between, others, tuple(sorted(paying)))
                found.append(group)
        found.sort(key=lambda group: (-group.slipped / group.plans, -group.plans, group.what))
        return GroupsAtRisk(tuple(found), len(compared), len(plans))

    def _known(self, case: str, one: _Signed) -> Iterator[str]:
        """What was known when the plan was signed; nothing of health, household or where somebody lives."""
        opened, plan = self._opened.get(case), self._agreed.get((case, one.offer_id))
        if opened is not None:
            yield f"pack {opened.policy}"
            yield f"days past due {opened.bucket or 'not known'}"
            yield "several debts" if len(opened.debts) > 1 else "one debt"
            for debt in opened.debts:
                yield f"product {debt.kind.value}"
        before = [made for at, made in self._assessed[case] if at <= one.at]
        if before:
            yield f"hardship {before[-1].hardship.value}"
            yield f"capacity {_band(before[-1].capacity_score, _SCORES, 'low')}"
            yield f"willingness {_band(before[-1].willingness_score, _SCORES, 'low')}"
        if plan is not None:
            yield f"payment cut {_band(plan.payment_reduction_pct, _CUTS, 'none')}"
            yield f"margin under stress {_band(plan.stress_margin_pct, _MARGINS, 'below 10 %')}"
            yield f"instalments {_band(max(debt.instalments for debt in plan.debts), _MONTHS, 'up to 12')}"
            for measure in plan.measures:
                yield f"measure {measure.value}"

    # --- what is noted

    def _opens(self, message: Envelope[intake.CaseOpened]) -> None:
        self._opened[message.case] = message.data

    def _assesses(self, message: Envelope[assessment.AssessmentCompleted]) -> None:
        self._assessed[message.case].append((message.time, message.data))

    def _agrees(self, message: Envelope[offer.OfferAgreed]) -> None:
        self._agreed[message.case, message.data.offer_id] = message.data.plan

    def _signs(self, message: Envelope[agreement.AgreementSigned]) -> None:
        data = message.data
        self._signed[message.case, data.agreement_id] = _Signed(data.offer_id, message.time)

    def _ends(self, message: Envelope[Any]) -> None:
        signed = self._signed.get((message.case, message.data.agreement_id))
        if signed is not None:
            signed.running = False

    def _goes_on(self, message: Envelope[followup_care.PlanReopened]) -> None:
        signed = self._signed.get((message.case, message.data.agreement_id))
        if signed is not None:
            signed.running = True

    def _judged(self, message: Envelope[Any]) -> None:
        data = message.data
        signed = self._signed.get((message.case, data.agreement_id))
        if signed is None:
            return
        at = data.number, data.total.currency
        if isinstance(data, followup.InstalmentCorrected) and data.now not in _JUDGED:
            signed.missed.pop(at, None)  # not due yet, after all
            return
        now = data.now if isinstance(data, followup.InstalmentCorrected) else ""
        signed.missed[at] = isinstance(data, followup.InstalmentMissed) or now == "missed"


def _by_chance(slipped: int, of: int, all_slipped: int, plans: int) -> float:
    """How likely so many, or more, of a group slip where it is like all others (hypergeometric)."""

    def ways(chosen: int, among: int) -> float:
        return lgamma(among + 1) - lgamma(chosen + 1) - lgamma(among - chosen + 1)

    return sum(
        exp(ways(number, all_slipped) + ways(of - number, plans - all_slipped) - ways(of, plans))
        for number in range(slipped, min(of, all_slipped) + 1)
        if of - number <= plans - all_slipped
    )


def _band(figure: Decimal | int | None, bands: tuple[tuple[Any, str], ...], else_: str) -> str:
    """Give the first band that a figure reaches; the last one below them all."""
    if figure is None:
        return "not known"
    return next((name for least, name in bands if figure >= least), else_)
