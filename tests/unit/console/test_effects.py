"""Figures over all cases: each from hand-made messages, each of which it hangs on."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from io import StringIO
from itertools import count

import pytest
from rich.console import Console

from services.console import tables
from services.console.effects import Effects, Feedback, Figure
from shared.contracts import alert, followup, followup_care, intake_team, offer
from shared.contracts.base import Event, Reason
from shared.contracts.desk import FeedbackTheme
from shared.contracts.desk_care import SatisfactionTopic
from shared.contracts.envelope import Envelope
from shared.contracts.reasons import ReasonCode
from tests.unit.builders import case_opened, cny, signed

DAY = date(2026, 3, 2)
WHY = (Reason(code=ReasonCode.CAUGHT_UP),)


class Said:
    """What services said, numbered as they number it."""

    def __init__(self) -> None:
        self.effects, self._numbers = Effects(), count(1)

    def says(self, case: str, *events: Event) -> Said:
        for event in events:
            number = next(self._numbers)
            message = Envelope(
                f"m-{number}", f"/parley/{event.PRODUCER}", datetime(2026, 3, 2, tzinfo=UTC), "C-1", event,
                subject=case, sequence=number,
            )  # fmt: skip
            self.effects.saw(message)
            self.effects.saw(message)  # published twice
        return self

    def figure(self, group: str, name: str) -> Figure:
        (found,) = (f for f in self.effects.figures() if (f.group, f.name) == (group, name))
        return found

    def counts(self, group: str, name: str) -> tuple[int, int | None]:
        found = self.figure(group, name)
        return found.count, found.of


def started(agreement: str = "a-1") -> followup.PlanStarted:
    return followup.PlanStarted(
        agreement_id=agreement, version=1, effective=DAY, instalments=6, first_due=DAY, last_due=DAY,
        next_review=DAY,
    )  # fmt: skip


def broken() -> followup.PlanBroken:
    return followup.PlanBroken(agreement_id="a-1", as_of=DAY, missed=2, reasons=WHY)


def judged(kind: type[Event], number: int, **more: object) -> Event:
    fields = {"agreement_id": "a-1", "version": 1, "number": number, "due": DAY, "total": cny("5.00")}
    return kind.model_validate({**fields, "paid": cny("5.00"), **more}, strict=False)


def test_nothing_has_happened_yet() -> None:
    figures = Effects().figures()
    assert figures
    assert all(f.count == 0 and not f.of and f.mean is None for f in figures)


def test_rewarded_plans_and_others_are_told_apart() -> None:
    reward = followup.RewardGranted(reward="late_charges", after_instalment=3)
    said = Said().says("c-1", started(), reward).says("c-2", started(), broken())
    said.says("c-3", started(), reward, reward, broken()).says("c-4", started())
    assert said.counts("incentives", "plans rewarded") == (2, 4)
    assert said.counts("incentives", "rewarded, then broken") == (1, 2)
    assert said.counts("incentives", "without reward, broken") == (1, 2)
    assert said.counts("plans", "broken") == (2, 4)


def test_the_last_word_on_an_instalment_counts() -> None:
    said = Said().says(
        "c-1",
        judged(followup.InstalmentPaid, 1, on=DAY, on_time=True),
        judged(followup.InstalmentMissed, 2, missed_in_a_row=1),
        judged(followup.InstalmentMissed, 3, missed_in_a_row=2),
        judged(followup.InstalmentPaid, 3, on=DAY, on_time=False),
        judged(followup.InstalmentPaid, 4, on=DAY, on_time=True),
        judged(followup.InstalmentCorrected, 4, was="paid", now="due", reason=WHY[0]),
    )
    assert [said.counts("instalments", name) for name in ("on time", "late", "missed")] == [
        (1, 3), (1, 3), (1, 3),
    ]  # fmt: skip


def stands_again(agreement: str = "a-1") -> followup_care.PlanReopened:
    why = Reason(code=ReasonCode.BROKEN_IN_A_STOP)
    return followup_care.PlanReopened(agreement_id=agreement, as_of=DAY, missing=(), reason=why)


def test_a_plan_that_stands_again_is_kept_and_neither_broken_nor_completed() -> None:
    said = Said().says("c-1", tabled("champion"), signed((DAY, "5.00")), started(), broken(), stands_again())
    said.says("c-2", started(), broken(), stands_again("a-2"))
    completed = followup.PlanCompleted.model_construct(agreement_id="a-1", as_of=DAY)
    said.says("c-3", started(), completed, stands_again()).says("c-4", started(), completed)
    assert said.counts("plans", "broken") == (1, 4), "another agreement's word is none about this one"
    assert said.counts("plans", "completed") == (1, 4)
    assert said.counts("strategy champion", "signed, then broken") == (0, 1)
    assert said.counts("strategy champion", "plans kept to the end or so far") == (1, 1)
    assert said.counts("incentives", "without reward, broken") == (1, 4)
    said.says("c-1", broken())
    assert said.counts("plans", "broken") == (2, 4), "and it may break again"


@pytest.mark.parametrize("overridden", [True, False])
def test_court_is_counted_with_its_overrides(overridden: bool) -> None:
    refer = followup_care.LegalReferralMade(as_of=DAY, by="s-1", reasons=WHY, overridden=overridden)
    said = Said().says("c-1", case_opened()).says("c-2", case_opened(), refer)
    assert said.counts("cases", "referred to court") == (1, 2)
    assert said.counts("cases", "of these by a supervisor's override") == (int(overridden), 1)


def test_what_borrowers_say_is_averaged() -> None:
    said = Said()
    for number, score in enumerate((5, 4, 4)):
        said.says(
            f"c-{number}",
            followup_care.SatisfactionNoted(topic=SatisfactionTopic.SIGNING, score=score),
        )
    assert said.figure("borrowers", "satisfaction, 1 to 5").mean == Decimal("4.3")
    scores = {"contact_id": "k", "negotiator": "n-1", "reviewer": "s-1"}
    said.says("c-1", intake_team.ConversationReviewed(**scores, listening=2, empathy=3, conduct=5))
    assert said.figure("conversations", "empathy, 1 to 5").mean == Decimal("3.0")


def review(case: str, score: int | None, *themes: FeedbackTheme, words: bool = True) -> tuple[str, Event]:
    held = followup.ReviewRecorded(
        number=1, at=datetime(2026, 3, 2, tzinfo=UTC), new_difficulties=False, special_needs=False,
        next_review=DAY, satisfaction=score, feedback=words, feedback_about=themes,
    )  # fmt: skip
    return case, held


def test_feedback_is_listed_by_what_it_is_about_with_its_scores_and_without_words() -> None:
    """It was counted, and nobody who runs the process learnt what it was about, or where to read it."""
    dates, people = FeedbackTheme.DATES, FeedbackTheme.PEOPLE
    said = Said()
    for row in (review("c-1", 2, dates, people), review("c-2", 5, people), review("c-3", None, dates)):
        said.says(*row)
    said.says(*review("c-4", 4)).says(*review("c-5", 1, words=False))
    noted = followup_care.SatisfactionNoted(topic=SatisfactionTopic.SEMINAR, score=3, about=(people,))
    said.says("c-6", noted)
    assert (said.figure("feedback", "about dates").count, said.figure("feedback", "about dates").mean) == (
        2, Decimal("2.0"),
    )  # fmt: skip
    assert said.figure("feedback", "about people").mean == Decimal("3.3")
    assert said.figure("feedback", "about nothing named").count == 1
    listed = [(one.theme, one.score, one.case) for one in said.effects.feedback()]
    assert listed == [
        ("dates", 2, "c-1"), ("dates", None, "c-3"),
        ("people", 2, "c-1"), ("people", 3, "c-6"), ("people", 5, "c-2"),
        (None, 4, "c-4"),
    ]  # fmt: skip


def tabled(strategy: str) -> Event:
    fields = {"offer_id": "o", "round": 1, "strategy": strategy}
    return offer.OfferTabled.model_construct(**fields)


def test_incentives_are_compared_by_the_arm_that_a_case_was_drawn_into() -> None:
    """Who keeps to plan is rewarded for it, so rewarded or not tells nothing of rewards; the draw does."""
    reward = followup.RewardGranted(reward="late_charges", after_instalment=3)
    on_time = judged(followup.InstalmentPaid, 1, on=DAY, on_time=True)
    missed = judged(followup.InstalmentMissed, 2, missed_in_a_row=1)
    said = Said().says("c-1", tabled("champion"), started(), reward, on_time)
    said.says("c-2", tabled("champion"), started(), missed, broken()).says("c-3", tabled("champion"))
    said.says("c-4", tabled("challenger"), started(), reward, on_time, missed).says(
        "c-5", started(), broken()
    )
    assert said.counts("strategy champion", "plans rewarded") == (1, 2)
    assert said.counts("strategy champion", "plans broken, rewarded or not") == (1, 2)
    assert said.counts("strategy champion", "instalments on time") == (1, 2)
    assert said.counts("strategy challenger", "plans broken, rewarded or not") == (0, 1)
    assert said.counts("strategy challenger", "instalments on time") == (1, 2)


def test_arms_are_compared_by_what_they_kept_with_the_incentives_that_were_signed() -> None:
    """Of four and five plans little can be said, and the report says how little."""
    said = Said()
    for number in range(9):
        arm = "challenger" if number < 5 else "champion"
        with_set = signed((DAY, "5.00")).model_copy(update={"incentives": "tried" if number < 5 else None})
        said.says(f"c-{number}", tabled(arm), with_set, started(), *[broken()] * (number in {4, 7, 8}))
    assert said.counts("strategy challenger", "with the incentives: tried") == (5, 5)
    assert said.counts("strategy champion", "with the incentives: everybody's") == (4, 4)
    kept = said.figure("strategy challenger", "plans kept to the end or so far")
    assert (kept.count, kept.of, kept.between) == (4, 5, (Decimal("37.6"), Decimal("96.4")))
    assert said.counts("strategy champion", "plans kept to the end or so far") == (2, 4)
    assert said.figure("plans", "broken").between is None  # nobody was drawn
    names = [f.name for f in said.effects.figures() if f.group == "strategy champion"]
    assert "with the incentives: tried" not in names
    out = StringIO()
    Console(file=out, width=200).print(tables.effects(said.effects.figures()))
    assert "37.6–96.4 %" in out.getvalue()


def test_alerts_and_complaints_tell_how_long_they_took() -> None:
    raised = alert.AlertRaised(
        alert_id="x", kind=alert.AlertKind.INSTALMENT_MISSED, severity=alert.AlertSeverity.LOW, about="1",
        raised_on=DAY, remedy="call", owner_role="negotiator",
    )  # fmt: skip
    over = alert.AlertResolved(alert_id="x", as_of=DAY, reason=WHY[0], days=7)
    said = Said().says("c-1", raised, alert.AlertEscalated(alert_id="x", as_of=DAY, to_role="s"), over)
    said.says("c-2", raised, over.model_copy(update={"days": 2}))
    assert said.counts("alert instalment_missed", "escalated") == (1, 2)
    assert said.figure("alert instalment_missed", "resolved, days on average").mean == Decimal("4.5")
    for case, in_time in (("c-1", True), ("c-2", False)):
        said.says(case, alert.ComplaintClosed(complaint_id="k", by="s", as_of=DAY, days=3, in_time=in_time))
    assert said.counts("borrowers", "complaints answered in time") == (1, 2)


def test_a_share_of_nothing_is_a_dash_and_a_mean_stands_for_itself() -> None:
    rows = [Figure("a", "none", 0, 0), Figure("a", "half", 1, 2), Figure("b", "mean", 3, mean=Decimal("4.3"))]
    out = StringIO()
    Console(file=out, width=80).print(tables.effects(rows))
    assert all(words in out.getvalue() for words in ("–", "50 %", "4.3"))


def test_of_each_theme_the_lowest_scores_are_shown_and_how_many_more_there_are() -> None:
    rows = [Feedback("dates", score, f"c-{score}") for score in (1, 2, 3, 4, 5, None)]
    out = StringIO()
    Console(file=out, width=80).print(tables.feedback([*rows, Feedback(None, None, "c-9")]))
    shown = out.getvalue()
    assert all(words in shown for words in ("dates", "c-1", "c-5", "nothing named", "c-9", "1 more"))
    assert "c-None" not in shown
