"""What was foreseen of signed plans, and what became of them: what a table of re-default learns from (R68).

Made from the published messages alone. A plan counts as broken from the day on which an instalment is so many
days late, as the publication that the first table comes from counts; by the calendar, whatever the reason.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from services.console.effects import Hearer
from shared.contracts import agreement, followup, offer
from shared.contracts.debts import Plan
from shared.contracts.envelope import Envelope
from shared.contracts.reasons import ReasonCode
from shared.lending.calendar import add_months
from shared.lending.redefault import PlanOutcome

__all__ = ["Foreseen", "Outcomes"]

SEVERAL = "of several currencies or packs"
SETTLEMENT = "a settlement: no later instalment can break"
NOT_SAID = "offered without a figure"
WITHDRAWN = "withdrawn from"
ENDED = "ended before, or another plan took its place"
"""Why a plan is left out."""


@dataclass(frozen=True, slots=True)
class Foreseen:
    """A plan whose time is up: what was foreseen (a fraction, by which version) and whether it broke."""

    signed: date
    model: str
    predicted: Decimal
    outcome: PlanOutcome


@dataclass(slots=True)
class _Signed:
    plan: Plan | None  # None: the offer was not seen
    policy: str
    effective: date
    instalments: dict[tuple[int, str], tuple[date, date | None]] = field(default_factory=dict)
    ended: date | None = None  # neither kept to the end nor broken: nobody judged it any more
    withdrawn: bool = False

    def late_from(self, days: int) -> date | None:
        """The first day on which an instalment was so many days late."""
        late = (
            due + timedelta(days=days)
            for due, paid in self.instalments.values()
            if paid is None or (paid - due).days >= days
        )
        return min(late, default=None)

    def left_out(self, pack: str) -> str | None:
        """Why nothing can be learnt from it; "" where it is another pack's."""
        if self.plan is None:
            return NOT_SAID if self.policy == pack else ""
        packs = {debt.policy for debt in self.plan.debts}
        if pack not in packs:
            return ""
        if len(packs) > 1 or self.plan.parts:
            return SEVERAL
        if any(debt.method == "lump_sum" for debt in self.plan.debts):
            return SETTLEMENT
        return NOT_SAID if self.plan.redefault_pct is None or self.plan.redefault_model is None else None


class Outcomes(Hearer):
    """Sees every message of the services once; then says what became of the plans of a pack."""

    def __init__(self) -> None:
        super().__init__(
            {
                offer.OfferAgreed: self._agrees,
                agreement.AgreementSigned: self._signs,
                agreement.AgreementEnded: self._ends,
                followup.InstalmentPaid: self._judged,
                followup.InstalmentMissed: self._judged,
                followup.InstalmentCorrected: self._judged,
            }
        )
        self._agreed: dict[tuple[str, str], Plan] = {}
        self._signed: dict[tuple[str, str], _Signed] = {}
        self._closed: dict[int, date] = {}

    def closed(self, partition: int, day: date) -> None:
        """Take note that followup has judged the plans of a partition up to the end of a day."""
        self._closed[partition] = max(day, self._closed.get(partition, day))

    @property
    def until(self) -> date | None:
        """The last day up to which every plan was judged; None before the first."""
        return min(self._closed.values(), default=None)

    def of(self, pack: str, days_late: int, months: int) -> tuple[list[Foreseen], Counter[str]]:
        """Give the plans of a pack whose months are over, as they were signed; and how many are left out.

        A plan that has broken is not counted before its months are over: those that break early would else
        be counted before those that are kept.
        """
        found: list[tuple[date, str, Foreseen]] = []
        left_out: Counter[str] = Counter()
        until = self.until
        for (case, _), one in self._signed.items():
            end = add_months(one.effective, months)
            if until is None or end > until or (why := one.left_out(pack)) == "":
                continue
            late = one.late_from(days_late)
            broke = late is not None and late <= min(end, one.ended or end)
            if why is None and one.withdrawn:
                why = WITHDRAWN
            elif why is None and not broke and one.ended is not None and one.ended < end:
                why = ENDED
            plan = one.plan
            if why is not None or plan is None or plan.redefault_pct is None or plan.redefault_model is None:
                left_out[why or NOT_SAID] += 1
                continue
            outcome = PlanOutcome(plan.payment_reduction_pct, plan.stress_margin_pct, broke)
            known = Foreseen(one.effective, plan.redefault_model, plan.redefault_pct / 100, outcome)
            found.append((one.effective, case, known))
        return [known for _, _, known in sorted(found, key=lambda row: row[:2])], left_out

    # --- what is noted

    def _agrees(self, message: Envelope[offer.OfferAgreed]) -> None:
        self._agreed[message.case, message.data.offer_id] = message.data.plan

    def _signs(self, message: Envelope[agreement.AgreementSigned]) -> None:
        data = message.data
        plan = self._agreed.get((message.case, data.offer_id))
        self._signed[message.case, data.agreement_id] = _Signed(plan, data.policy, data.effective)

    def _ends(self, message: Envelope[agreement.AgreementEnded]) -> None:
        signed = self._signed.get((message.case, message.data.agreement_id))
        if signed is None:
            return
        code = message.data.reason.code
        signed.withdrawn = signed.withdrawn or code is ReasonCode.WITHDRAWN_IN_TIME
        if code is not ReasonCode.PLAN_BROKEN:  # what is missing of a broken one nobody pays by it any more
            signed.ended = message.data.as_of
        back = message.data.returns_to
        earlier = None if back is None else self._signed.get((message.case, back.agreement_id))
        if earlier is not None:
            earlier.ended = None

    def _judged(self, message: Envelope[Any]) -> None:
        data = message.data
        signed = self._signed.get((message.case, data.agreement_id))
        if signed is None:
            return
        at = data.number, data.total.currency
        if isinstance(data, followup.InstalmentPaid):
            signed.instalments[at] = data.due, data.on
        elif isinstance(data, followup.InstalmentMissed):
            signed.instalments[at] = data.due, None
        else:  # the conclusion that takes its place follows; that it is not yet due again needs none
            signed.instalments.pop(at, None)
