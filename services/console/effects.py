"""How well it all works, over every case: what a regular review of the mechanism starts from (R70).

Made from the published messages alone, each seen once in the order of its topic. Figures are counts and
averages of what happened; why it happened, and what to change, is for people to find out.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from shared.contracts import agreement, alert, assessment, followup, followup_care, intake, intake_team, offer
from shared.contracts.base import Event
from shared.contracts.desk import FeedbackTheme
from shared.contracts.envelope import Envelope
from shared.lending.redefault import interval

_TENTH = Decimal("0.1")

__all__ = ["Effects", "Feedback", "Figure", "Hearer", "Once"]


@dataclass(frozen=True, slots=True)
class Figure:
    """One row: how many, out of how many (None: of nothing in particular), and a mean (None: none).

    `drawn`: those it is out of were drawn by lot, so that it is a sample to compare with another arm's.
    """

    group: str
    name: str
    count: int
    of: int | None = None
    mean: Decimal | None = None
    drawn: bool = False

    @property
    def between(self) -> tuple[Decimal, Decimal] | None:
        """Between how many per cent the share of all such cases lies, with 95 per cent confidence."""
        if not self.drawn or not self.of:
            return None
        low, high = (Decimal(100 * bound).quantize(_TENTH) for bound in interval(self.count, self.of))
        return low, high


@dataclass(frozen=True, slots=True)
class Feedback:
    """What somebody said of us: its theme (None: not named), the score, and the case to read it in."""

    theme: str | None
    score: int | None
    case: str


_CASES: dict[type[Event], str] = {
    intake.CaseOpened: "opened",
    offer.OfferAgreed: "agreed",
    offer.TalksFailed: "failed",
    offer.HumanReviewOpened: "person",
    assessment.AssessmentLapsed: "unheard",
    agreement.AgreementSigned: "signed",
    followup.PlanStarted: "plan",
    followup.RenegotiationRequested: "renegotiated",
    followup.RewardGranted: "rewarded",
    followup.SupportOffered: "offered",
    followup_care.SupportEnrolled: "joined",
    followup_care.LegalReferralMade: "court",
}
"""Events that put their case into a set: a case counts once, whatever happens to it again."""

_PLANS: dict[type[Event], str] = {followup.PlanBroken: "broken", followup.PlanCompleted: "completed"}
"""How a plan ends; one that is in force again has not ended, whatever had been said of it."""

_JUDGED = ("on time", "late", "missed")
_CORRECTED = {"paid": "on time", "paid_late": "late", "missed": "missed"}


class Once:
    """Tells a message of a service that was seen before: it may be published twice."""

    def __init__(self) -> None:
        self._heard: dict[tuple[str, str], int] = {}

    def is_new(self, message: Envelope[Any]) -> bool:
        """Whether it is the first time; of what is about no case, never."""
        if message.subject is None:
            return False
        at, number = (message.source, message.subject), message.sequence or 0
        if number <= self._heard.get(at, 0):
            return False
        self._heard[at] = number
        return True


class Hearer:
    """Hands each message to what takes note of its type, unless it was seen before."""

    def __init__(self, handlers: Mapping[type[Event], Callable[[Envelope[Any]], None]]) -> None:
        self._once = Once()
        self._handlers = handlers

    def saw(self, message: Envelope[Any]) -> None:
        """Take note of a message of a service, unless it was seen before (it may be published twice)."""
        if (handler := self._handlers.get(type(message.data))) is not None and self._once.is_new(message):
            handler(message)


class Effects:
    """Sees every message of the services once; then gives its figures."""

    def __init__(self) -> None:
        self._once = Once()
        self._cases: defaultdict[str, set[str]] = defaultdict(set)
        self._plans: defaultdict[str, set[tuple[str, str]]] = defaultdict(set)  # case and agreement
        self._arms: defaultdict[str, set[str]] = defaultdict(set)
        self._incentives_signed: defaultdict[str, set[str]] = defaultdict(set)
        self._shapes: dict[str, tuple[Any, ...]] = {}
        self._instalments: dict[tuple[Any, ...], str] = {}
        self._scores: defaultdict[str, list[int]] = defaultdict(list)
        self._alerts: dict[tuple[str, str], str] = {}
        self._ended: defaultdict[str, list[int]] = defaultdict(list)
        self._feedback: list[Feedback] = []
        self._counted: Counter[str] = Counter()
        self._handlers: dict[type[Event], Callable[[Envelope[Any]], None]] = {
            offer.OfferTabled: self._tabled,
            offer.OfferRevised: self._tabled,
            offer.OfferAgreed: self._agreed,
            agreement.AgreementSigned: self._signed,
            followup.InstalmentPaid: self._judged,
            followup.InstalmentMissed: self._judged,
            followup.InstalmentCorrected: self._judged,
            followup.ReviewRecorded: self._reviewed,
            followup_care.PlanReopened: self._stands_again,
            followup_care.SatisfactionNoted: self._satisfied,
            followup_care.SupportSessionNoted: lambda _: self._count("session"),
            followup_care.ProblemResolved: lambda m: self._ended["problem"].append(m.data.days),
            followup_care.ProblemOverdue: lambda _: self._count("problem overdue"),
            followup_care.LegalReferralMade: self._to_court,
            intake_team.ConversationReviewed: self._conversation,
            alert.AlertRaised: self._raised,
            alert.AlertEscalated: lambda m: self._count(f"escalated {self._kind(m)}"),
            alert.AlertResolved: self._resolved,
            alert.ComplaintOpened: lambda _: self._count("complaint"),
            alert.ComplaintClosed: self._answered,
        }

    def saw(self, message: Envelope[Any]) -> None:
        """Take note of a message of a service, unless it was seen before (it may be published twice)."""
        if not self._once.is_new(message):
            return
        kind = type(message.data)
        if (name := _CASES.get(kind)) is not None:
            self._cases[name].add(message.case)
        if (end := _PLANS.get(kind)) is not None:
            self._plans[end].add((message.case, message.data.agreement_id))
        if (handler := self._handlers.get(kind)) is not None:
            handler(message)

    def figures(self) -> list[Figure]:
        """Give every figure, group by group; what has not happened is 0, not left out."""
        return [
            *self._outcomes(),
            *self._strategies(),
            *self._incentives(),
            *self._care(),
            *self._voice(),
            *self._themes(),
            *self._watching(),
        ]

    def feedback(self) -> list[Feedback]:
        """Give all feedback by its theme, the lowest scores first; the words are in the case (R57)."""
        worst = 6  # above every score: no score comes last
        return sorted(
            self._feedback, key=lambda one: (one.theme is None, one.theme or "", one.score or worst, one.case)
        )

    # --- what is noted

    def _count(self, name: str) -> None:
        self._counted[name] += 1

    def _tabled(self, message: Envelope[offer.OfferTabled]) -> None:
        if message.data.strategy is not None:
            self._arms[message.data.strategy].add(message.case)

    def _agreed(self, message: Envelope[offer.OfferAgreed]) -> None:
        plan = message.data.plan
        self._shapes[message.case] = (tuple(sorted(plan.measures)), len(plan.payments))

    def _signed(self, message: Envelope[agreement.AgreementSigned]) -> None:
        self._incentives_signed[message.data.incentives or "everybody's"].add(message.case)

    def _judged(self, message: Envelope[Any]) -> None:
        data = message.data
        if isinstance(data, followup.InstalmentPaid):
            now = "on time" if data.on_time else "late"
        elif isinstance(data, followup.InstalmentMissed):
            now = "missed"
        else:
            now = _CORRECTED.get(data.now, "open")
        at = (message.case, data.agreement_id, data.number, data.total.currency)
        self._instalments[at] = now

    def _stands_again(self, message: Envelope[followup_care.PlanReopened]) -> None:
        for ended in self._plans.values():
            ended.discard((message.case, message.data.agreement_id))

    def _reviewed(self, message: Envelope[followup.ReviewRecorded]) -> None:
        self._count("review")
        self._counted["feedback"] += message.data.feedback
        if message.data.satisfaction is not None:
            self._scores["satisfaction"].append(message.data.satisfaction)
        if message.data.feedback or message.data.feedback_about:
            self._hear(message.case, message.data.feedback_about, message.data.satisfaction)

    def _satisfied(self, message: Envelope[followup_care.SatisfactionNoted]) -> None:
        self._scores["satisfaction"].append(message.data.score)
        if message.data.about:
            self._hear(message.case, message.data.about, message.data.score)

    def _hear(self, case: str, themes: Iterable[FeedbackTheme], score: int | None) -> None:
        names: list[str | None] = [theme.value for theme in dict.fromkeys(themes)]
        self._feedback += [Feedback(theme, score, case) for theme in names or [None]]

    def _to_court(self, message: Envelope[followup_care.LegalReferralMade]) -> None:
        if message.data.overridden:
            self._cases["overridden"].add(message.case)

    def _conversation(self, message: Envelope[intake_team.ConversationReviewed]) -> None:
        for name in ("listening", "empathy", "conduct"):
            self._scores[name].append(getattr(message.data, name))

    def _raised(self, message: Envelope[alert.AlertRaised]) -> None:
        self._alerts[message.case, message.data.alert_id] = message.data.kind.value

    def _kind(self, message: Envelope[Any]) -> str:
        return self._alerts.get((message.case, message.data.alert_id), "?")

    def _resolved(self, message: Envelope[alert.AlertResolved]) -> None:
        if message.data.days is not None:
            self._ended[self._kind(message)].append(message.data.days)

    def _answered(self, message: Envelope[alert.ComplaintClosed]) -> None:
        self._count("complaint closed")
        self._counted["complaint in time"] += message.data.in_time

    # --- what is given

    def _ends(self, name: str) -> set[str]:
        """Give the cases with a plan that is broken, or completed, and stays so."""
        return {case for case, _ in self._plans[name]}

    def _outcomes(self) -> Iterable[Figure]:
        seen, plans = self._cases, self._cases["plan"]
        yield Figure("cases", "statement never came: a person took over", *_share(seen, "unheard", "opened"))
        yield Figure("cases", "talks failed: a person took over", *_share(seen, "failed", "opened"))
        yield Figure("cases", "asked for a person", *_share(seen, "person", "opened"))
        yield Figure("cases", "referred to court", *_share(seen, "court", "opened"))
        yield Figure("cases", "of these by a supervisor's override", *_share(seen, "overridden", "court"))
        yield Figure("plans", "completed", len(self._ends("completed") & plans), len(plans))
        yield Figure("plans", "broken", len(self._ends("broken") & plans), len(plans))
        yield Figure("plans", "back to the table", len(seen["renegotiated"] & plans), len(plans))
        shapes = Counter(self._shapes.values())
        same = max(shapes.values(), default=0)
        yield Figure("plans", "of the most frequent measures and term", same, len(self._shapes))
        judged = Counter(self._instalments.values())
        total = sum(judged[name] for name in _JUDGED)
        for name in _JUDGED:
            yield Figure("instalments", name, judged[name], total)

    def _strategies(self) -> Iterable[Figure]:
        for arm, cases in sorted(self._arms.items()):
            group, signed = f"strategy {arm}", cases & self._cases["signed"]
            yield self._drawn(group, "agreed", self._cases["agreed"], cases)
            yield self._drawn(group, "signed", signed, cases)
            yield self._drawn(group, "signed, then broken", self._ends("broken"), signed)
            yield from self._incentives_of(arm, cases & self._cases["plan"])

    def _incentives_of(self, arm: str, plans: set[str]) -> Iterable[Figure]:
        """By the draw, which hangs on the case's id alone, and not by who came to be rewarded (R42)."""
        group = f"strategy {arm}"
        for name, signed in sorted(self._incentives_signed.items()):
            if plans & signed:
                yield Figure(group, f"with the incentives: {name}", len(plans & signed), len(plans))
        judged = Counter(now for (case, *_), now in self._instalments.items() if case in plans)
        total = sum(judged[name] for name in _JUDGED)
        yield self._drawn(group, "plans rewarded", self._cases["rewarded"], plans)
        yield self._drawn(group, "plans broken, rewarded or not", self._ends("broken"), plans)
        yield self._drawn(group, "plans kept to the end or so far", plans - self._ends("broken"), plans)
        # Instalments of one plan hang together: of them no interval is given.
        yield Figure(group, "instalments on time", judged["on time"], total)

    @staticmethod
    def _drawn(group: str, name: str, part: set[str], cases: set[str]) -> Figure:
        return Figure(group, name, len(part & cases), len(cases), drawn=True)

    def _incentives(self) -> Iterable[Figure]:
        broken, rewarded = self._ends("broken"), self._cases["rewarded"]
        without = self._cases["plan"] - rewarded
        yield Figure("incentives", "plans rewarded", len(rewarded), len(rewarded | without))
        yield Figure("incentives", "rewarded, then broken", len(rewarded & broken), len(rewarded))
        yield Figure("incentives", "without reward, broken", len(without & broken), len(without))

    def _care(self) -> Iterable[Figure]:
        yield Figure("support group", "joined", *_share(self._cases, "joined", "offered"))
        yield Figure("support group", "sessions held", self._counted["session"])
        yield _mean("problems", "solved, days on average", self._ended["problem"])
        yield Figure("problems", "overdue", self._counted["problem overdue"])

    def _voice(self) -> Iterable[Figure]:
        yield _mean("borrowers", "satisfaction, 1 to 5", self._scores["satisfaction"])
        yield Figure("borrowers", "reviews with feedback", self._counted["feedback"], self._counted["review"])
        yield Figure("borrowers", "complaints", self._counted["complaint"])
        yield Figure(
            "borrowers",
            "complaints answered in time",
            self._counted["complaint in time"],
            self._counted["complaint closed"],
        )
        for name in ("listening", "empathy", "conduct"):
            yield _mean("conversations", f"{name}, 1 to 5", self._scores[name])

    def _themes(self) -> Iterable[Figure]:
        for theme in (*(one.value for one in FeedbackTheme), None):
            heard = [one for one in self._feedback if one.theme == theme]
            scores = [one.score for one in heard if one.score is not None]
            mean = _mean("feedback", f"about {theme or 'nothing named'}", scores)
            yield replace(mean, count=len(heard))

    def _watching(self) -> Iterable[Figure]:
        raised = Counter(self._alerts.values())
        for kind, number in sorted(raised.items()):
            yield Figure(f"alert {kind}", "raised", number)
            yield Figure(f"alert {kind}", "escalated", self._counted[f"escalated {kind}"], number)
            yield _mean(f"alert {kind}", "resolved, days on average", self._ended[kind])


def _share(cases: defaultdict[str, set[str]], part: str, whole: str) -> tuple[int, int]:
    return len(cases[part]), len(cases[whole] | cases[part])


def _mean(group: str, name: str, values: list[int]) -> Figure:
    mean = Decimal(sum(values)) / len(values) if values else None
    return Figure(
        group, name, len(values), mean=None if mean is None else mean.quantize(Decimal("0.1"), ROUND_HALF_UP)
    )
