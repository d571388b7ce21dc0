"""What was foreseen against what came, for one pack, and the table that would follow from it (R68). Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from services.console.outcomes import Foreseen, Outcomes
from shared.lending.plan_lender import LenderValue
from shared.lending.redefault import PlanOutcome, Score, blended, scored
from shared.policy.sections import Value

__all__ = ["Calibration", "Compared", "calibrate"]

MONTHS: Final = (3, 6, 9, 12)
"""After how many months the publications look, too."""

_LEARNT_FROM: Final = (2, 3)  # of the plans, in the order of their signing; the others are held out


@dataclass(frozen=True, slots=True)
class Compared:
    """So many plans of one kind: how many were foreseen to break, and how many did."""

    name: str
    plans: int
    broke: int
    foreseen: Decimal | None = None
    published: Decimal | None = None
    learnt: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Calibration:
    """What `parley calibrate` prints; `why_not` says why nothing should be learnt from it, None: it may."""

    months: int
    days_late: int
    signed: tuple[date, date] | None
    after: tuple[Compared, ...]
    by_cut: tuple[Compared, ...]
    by_version: tuple[Compared, ...]
    left_out: dict[str, int]
    plans: int
    broke: int
    learnt: LenderValue
    held_out: tuple[Score, Score] | None
    why_not: str | None


def calibrate(outcomes: Outcomes, pack: str, policy: Value, published: LenderValue) -> Calibration:
    """Compare, blend, and try the blend on plans that it has not seen: those that were signed last."""
    measure, rules = policy.redefault_measure, policy.redefault_learning
    known, left_out = outcomes.of(pack, measure.days_late, measure.months)
    learnt = blended(published, [one.outcome for one in known], rules.prior_plans)
    broke = sum(one.outcome.broke for one in known)
    held_out, why_not = None, None
    if len(known) < rules.min_plans or broke < rules.min_broken:
        why_not = (
            f"Too few to learn from: {len(known)} plans, {broke} of them broken; "
            f"{rules.min_plans} and {rules.min_broken} are asked for."
        )
    else:
        held_out = _tried([one.outcome for one in known], published, rules.prior_plans)
        before, after = held_out
        if after.brier >= before.brier or after.log_loss >= before.log_loss:
            why_not = "On the plans held out the published figures did as well: keep them."
    return Calibration(
        months=measure.months,
        days_late=measure.days_late,
        signed=(known[0].signed, known[-1].signed) if known else None,
        after=tuple(_after(outcomes, pack, measure.days_late, {*MONTHS, measure.months})),
        by_cut=tuple(_by_cut(known, published, learnt)),
        by_version=tuple(_by_version(known)),
        left_out=dict(sorted(left_out.items())),
        plans=len(known),
        broke=broke,
        learnt=learnt,
        held_out=held_out,
        why_not=why_not,
    )


def _tried(outcomes: Sequence[PlanOutcome], published: LenderValue, prior: int) -> tuple[Score, Score]:
    part, whole = _LEARNT_FROM
    seen, unseen = outcomes[: len(outcomes) * part // whole], outcomes[len(outcomes) * part // whole :]
    return scored(published, unseen), scored(blended(published, seen, prior), unseen)


def _after(outcomes: Outcomes, pack: str, days_late: int, months: set[int]) -> Iterable[Compared]:
    for after in sorted(months):
        known, _ = outcomes.of(pack, days_late, after)
        yield Compared(f"{after} months", len(known), sum(one.outcome.broke for one in known))


def _by_cut(known: Sequence[Foreseen], published: LenderValue, learnt: LenderValue) -> Iterable[Compared]:
    rows: defaultdict[int | None, list[Foreseen]] = defaultdict(list)
    for one in known:
        rows[published.row_of(one.outcome.reduction_pct)].append(one)
    for at, row in enumerate(published.redefault):
        name = f"from {row.reduction_pct.normalize():f} % on" if at else "below all of these"
        yield _compared(name, rows[at], row.probability, learnt.redefault[at].probability)
    yield _compared("not known", rows[None], published.unknown_probability, learnt.unknown_probability)


def _by_version(known: Sequence[Foreseen]) -> Iterable[Compared]:
    versions: defaultdict[str, list[Foreseen]] = defaultdict(list)
    for one in known:
        versions[one.model].append(one)
    for name, plans in sorted(versions.items()):
        yield _compared(name, plans)


def _compared(
    name: str, plans: Sequence[Foreseen], published: Decimal | None = None, learnt: Decimal | None = None
) -> Compared:
    foreseen = sum((one.predicted for one in plans), Decimal(0)) / len(plans) if plans else None
    broke = sum(one.outcome.broke for one in plans)
    return Compared(name, len(plans), broke, foreseen, published, learnt)
