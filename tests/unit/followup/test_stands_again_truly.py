"""A plan that stands again leads to no letter that is false, and to the talks that a stop leads to."""

from __future__ import annotations

from dataclasses import replace

import pytest

from services.followup.model import FollowupStatus
from services.offer.model import OfferStatus
from shared.contracts import agreement, followup, notice
from shared.contracts.agreement import BankInstructed, SettlementKind
from shared.contracts.alert import AlertKind
from shared.contracts.notice import NoticeKind
from shared.contracts.parties import StopCause
from shared.lending.money import Money
from tests.unit.builders import message
from tests.unit.conduct.test_stop_contacts import PACKS
from tests.unit.followup.test_stands_again import plan_broken
from tests.unit.household import Household
from tests.unit.intake.bank_says import day, lifted, paid, stopped

STATEMENT = {NoticeKind.STATEMENT_REQUEST, NoticeKind.STATEMENT_REMINDER}


def again(pack: str) -> tuple[Household, int]:
    """Give a life to the day on which the plan stands again, in a stop that goes on, and that day."""
    there, _, n = plan_broken(pack)
    said = stopped(StopCause.CRISIS_BREATHING_SPACE, n + 1)
    late = replace(said, data=said.data.model_copy(update={"since": day(n - 10)}))
    return there.lives_to(day(n)).hears(late).lives_to(day(n + 1)), n + 1


def test_its_letter_replaces_none_that_was_never_issued() -> None:
    """It named one before it: what a stop had undone was counted among the completions."""
    there, n = again("cn-card")
    owed = Money.sum((line.total for line in there.state("followup").plan.lines), "CNY")
    there.hears(lifted(n + 1), paid(owed, n + 2)).lives_to(day(n + 6))
    letter = there.all(agreement.SettlementLetterIssued)[-1]
    assert (letter.settlement, letter.replaces) == (SettlementKind.FULL, None)
    ids = [told.instruction_id for told in there.all(BankInstructed)]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("pack", PACKS)
def test_the_statement_that_the_breach_had_led_to_is_asked_for_no_more(pack: str) -> None:
    there, n = again(pack)
    assert not {one.kind for one in there.state("notice").notices if not one.over} & STATEMENT
    there.lives_to(day(n + 30))
    assert there.state("alert").open(AlertKind.BORROWER_SILENT) is None
    before = len(there.all(notice.NoticeDue))
    there.hears(lifted(n + 31)).lives_to(day(n + 31))
    asked = [one for one in there.all(notice.NoticeDue)[before:] if one.kind in STATEMENT]
    assert len(asked) == 1, "for the talks that begin now"


def test_what_was_missed_in_a_stop_that_was_over_when_it_was_told_is_talked_about_first() -> None:
    """Its instalments had not been judged since the breach: no talks came, and it broke once more."""
    there, before, n = plan_broken("cn-card")
    due = next(line for line in before.state("followup").plan.lines if line.due > day(n))
    told = due.until.toordinal() - day(0).toordinal() + 10  # the offer since is withdrawn
    said = stopped(StopCause.BREATHING_SPACE, told)
    last = {"since": day(n - 10), "expected_end": day(told - 2)}
    there.lives_to(day(told - 1)).hears(replace(said, data=said.data.model_copy(update=last)))
    there.lives_to(day(told))
    assert there.all(followup.RenegotiationRequested, day(told))
    broken = len(there.all(followup.PlanBroken))
    there.lives_to(day(told + 40))
    assert there.state("followup").status is FollowupStatus.LIVE
    assert len(there.all(followup.PlanBroken)) == broken


@pytest.mark.parametrize("service", ["offer", "assessment", "notice", "alert"])
def test_its_end_that_is_heard_later_by_another_topic_ends_nothing(service: str) -> None:
    """Agreement may lag: the guard let a plan in force be collected, and talks about another began."""
    there, _ = again("cn-card")
    ended = there.all(agreement.AgreementEnded)[-1]
    late = there.services[service].when(message(ended, ended.as_of)).state
    goes_on = {
        "offer": lambda: late.live and late.status is OfferStatus.AGREED,
        "assessment": lambda: late.live and not late.talks,
        "notice": lambda: late.states.plan_kept,
        "alert": lambda: late.watched is not None and late.stage == "performing",
    }
    assert goes_on[service]()
