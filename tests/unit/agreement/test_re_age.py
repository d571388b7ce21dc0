"""An account past due is shown as current again only once the payments that the pack asks for were made."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from services.followup.decide import FollowupDecider
from services.intake.decide import IntakeDecider
from shared.contracts import followup
from shared.contracts.agreement import (
    AgreementSigned,
    BankInstructed,
    InstructionKind,
    Period,
    PeriodPassed,
    PeriodRestarted,
    ReAge,
)
from shared.contracts.base import Event, Reason
from shared.contracts.reasons import ReasonCode
from tests.unit.agreement.test_decide import DEBTS, in_force
from tests.unit.builders import case_opened, message, reference, taken_back
from tests.unit.builders import paid as payment
from tests.unit.intake.bank_says import day, overdue, signed
from tests.unit.spec import Given, given

ASKED = {"re_age__min_payments_in_a_row": 3, "trial__payments": 3}


def paid(step: Given, number: int, late: int = 0) -> Any:
    """An instalment of the plan in force, paid so many days after it was due."""
    signed_ = next(event for event in step.said if isinstance(event, AgreementSigned))
    row = next(row for row in signed_.instalments if row.number == number)
    on = row.due + timedelta(days=late)
    data = followup.InstalmentPaid(
        agreement_id=signed_.agreement_id, version=1, number=number, due=row.due, total=row.total,
        paid=row.total, on=on, on_time=late <= 3,
    )  # fmt: skip
    return message(data, max(on, row.due))


def told(said: tuple[Event, ...]) -> list[tuple[InstructionKind, date, tuple[str, ...]]]:
    return [(e.kind, e.effective, e.re_aged) for e in said if isinstance(e, BankInstructed)]


def test_the_bank_is_told_to_show_it_as_current_with_the_last_payment_of_the_trial() -> None:
    step = in_force(**ASKED)
    signed_ = step.last(AgreementSigned)
    assert signed_.re_ages == tuple(ReAge(debt_id=one.debt_id, payments=3) for one in DEBTS)
    (first,) = told(step.said)
    assert first == (InstructionKind.APPLY_PLAN, signed_.effective, ())
    early = step.when(paid(step, 1), paid(step, 2, -2))
    assert told(early.said[-2:]) == []
    third = paid(step, 3)
    over = early.when(third)
    assert told(over.said) == [(InstructionKind.RE_AGE, third.data.due, ("A-1", "A-2"))]
    assert over.emits(PeriodPassed, BankInstructed)
    assert over.state.live.re_ages == ()
    assert over.state.instructions[-1].kind is InstructionKind.RE_AGE
    again = over.when(paid(step, 4), third)
    assert told(again.said) == []


def test_a_payment_that_breaks_the_row_puts_it_off() -> None:
    step = in_force(**ASKED, trial__tolerance_days=2)
    late = step.when(paid(step, 1), paid(step, 2, 9), paid(step, 3))
    assert told(late.said) == []
    on = step.when(paid(step, 1), paid(step, 2, 9), paid(step, 3), paid(step, 4)).when(paid(step, 5, 1))
    assert [(kind, at) for kind, at, _ in told(on.said)] == [
        (InstructionKind.RE_AGE, paid(step, 5).data.due + timedelta(days=1))
    ]


def test_where_nothing_is_asked_for_it_is_shown_with_the_signature() -> None:
    step = in_force()
    assert step.last(AgreementSigned).re_ages == tuple(ReAge(debt_id=d.debt_id, payments=0) for d in DEBTS)
    assert told(step.said) == [
        (InstructionKind.APPLY_PLAN, step.last(AgreementSigned).effective, ("A-1", "A-2"))
    ]
    assert told(step.when(*(paid(step, number) for number in (1, 2, 3))).said) == []


# -- what intake counts -----------------------------------------------------------------------------------


def re_aged(step: Given) -> tuple[date, ...]:
    found: tuple[date, ...] = step.state.said_of(step.state.debts[0]).re_aged
    return found


@pytest.mark.parametrize(
    ("re_ages", "at_signing"),
    [
        (None, (day(5),)),  # an older version: with the plan
        ((ReAge(debt_id="A-1", payments=0),), (day(5),)),
        ((ReAge(debt_id="A-1", payments=3),), ()),
        ((), ()),
    ],
)
def test_a_re_age_counts_from_the_day_on_which_it_took_effect(
    re_ages: tuple[ReAge, ...] | None, at_signing: tuple[date, ...]
) -> None:
    plan = signed(5)
    data = plan.data.model_copy(update={"re_ages": re_ages})
    planned = given(IntakeDecider(), reference()).when(overdue()).when(message(data, day(5)))
    assert re_aged(planned) == at_signing
    instruction = BankInstructed(
        instruction_id="I-9", agreement_id="AG-1", version=1, kind=InstructionKind.RE_AGE, effective=day(95),
        answer_by=day(98), re_aged=("A-1",),
    )  # fmt: skip
    later = planned.when(message(instruction, day(96)))
    assert re_aged(later) == (*at_signing, day(95))


# -- a payment that came back ------------------------------------------------------------------------------
#
# | given: the bank was told after three in a row | when | then |
# | --- | --- | --- |
# | nothing since | one of the three is missed after all | taken back from its day; the trial begins again |
# | two more paid | the last of the three is missed after all | taken back: two in a row are not three |
# | three more paid | the first of the three is missed after all | it stands: three others in a row are paid |
# | taken back | three in a row are paid | the bank is told anew, by another instruction |


def came_back(step: Given, number: int, later: int = 40, **more: Any) -> Any:
    """An instalment that had been paid is missed after all: its payment was returned."""
    signed_ = next(event for event in step.said if isinstance(event, AgreementSigned))
    row = next(row for row in signed_.instalments if row.number == number)
    data = followup.InstalmentCorrected(
        agreement_id=signed_.agreement_id, version=1, number=number, due=row.due, total=row.total,
        paid=row.total * 0, was="paid", now="missed", reason=Reason(code=ReasonCode.PAYMENT_RETURNED), **more,
    )  # fmt: skip
    return message(data, row.due + timedelta(days=later))


def shown_after(*numbers: int) -> tuple[Given, Given]:
    step = in_force(**ASKED)
    return step, step.when(*(paid(step, number) for number in numbers))


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_payment_of_the_trial_that_came_back_takes_the_re_age_back(number: int) -> None:
    step, shown = shown_after(1, 2, 3)
    on = told(shown.said)[-1][1]
    back = shown.when(came_back(step, number))
    assert told(back.said) == [(InstructionKind.UNDO_RE_AGE, on, ("A-1", "A-2"))]
    assert back.last(PeriodRestarted).period is Period.TRIAL
    assert back.state.instructions[-1].kind is InstructionKind.UNDO_RE_AGE
    assert back.state.live.re_ages == tuple(ReAge(debt_id=d.debt_id, payments=3) for d in DEBTS)
    # What was paid after it in a row counts: 3 - number more are in it already.
    missing = range(4, 4 + number)
    again = back.when(*(paid(step, n) for n in missing))
    assert [kind for kind, _, _ in told(again.said)] == [InstructionKind.RE_AGE]
    first = next(e for e in shown.said if isinstance(e, BankInstructed) and e.re_aged)
    assert again.last(BankInstructed).instruction_id != first.instruction_id
    assert told(back.when(*(paid(step, n) for n in list(missing)[:-1])).said) == []


def test_another_row_that_was_paid_since_holds_it() -> None:
    step, shown = shown_after(1, 2, 3, 4, 5, 6)
    assert told(shown.when(came_back(step, 1)).said) == []
    two = step.when(*(paid(step, number) for number in (1, 2, 3, 4, 5)))
    assert [kind for kind, _, _ in told(two.when(came_back(step, 3)).said)] == [InstructionKind.UNDO_RE_AGE]
    # The row that holds it now is the one that counts.
    held = shown.when(came_back(step, 3)).when(came_back(step, 5))
    assert [kind for kind, _, _ in told(held.said)] == [InstructionKind.UNDO_RE_AGE]


def test_a_payment_that_it_does_not_rest_on_changes_nothing() -> None:
    step, shown = shown_after(1, 2, 3, 4)
    assert told(shown.when(came_back(step, 4)).said) == []


def test_one_that_is_missed_in_a_reported_hardship_was_not_made_either() -> None:
    step, shown = shown_after(1, 2, 3)
    back = shown.when(came_back(step, 2, shielded=True))
    assert [kind for kind, _, _ in told(back.said)] == [InstructionKind.UNDO_RE_AGE]


def test_what_was_shown_with_the_signature_rests_on_no_payment_of_the_plan() -> None:
    step = in_force()
    shown = step.when(*(paid(step, number) for number in (1, 2, 3)))
    assert told(shown.when(came_back(step, 1)).said) == []
    assert shown.state.live.row == ()


def test_intake_counts_no_re_age_that_was_taken_back() -> None:
    data = signed(5).data.model_copy(update={"re_ages": (ReAge(debt_id="A-1", payments=3),)})
    planned = given(IntakeDecider(), reference()).when(overdue()).when(message(data, day(5)))
    instruction = BankInstructed(
        instruction_id="I-9", agreement_id="AG-1", version=1, kind=InstructionKind.RE_AGE, effective=day(95),
        answer_by=day(98), re_aged=("A-1",),
    )  # fmt: skip
    shown = planned.when(message(instruction, day(96)))
    assert re_aged(shown) == (day(95),)
    update = {"kind": InstructionKind.UNDO_RE_AGE, "instruction_id": "I-10"}
    back = shown.when(message(instruction.model_copy(update=update), day(120)))
    assert re_aged(back) == ()


def test_what_followup_says_of_a_returned_payment_takes_it_back() -> None:
    """Money counts on the oldest instalment first: with a payment gone the latest of the row is unpaid."""
    step = in_force(**ASKED)
    agreed = step.last(AgreementSigned)
    watched = given(FollowupDecider(), reference(**ASKED)).when(message(case_opened(*DEBTS)))
    watched = watched.when(message(agreed, agreed.effective))
    due = {row.due: row for row in agreed.instalments}
    third = agreed.instalments[2].due
    heard: list[tuple[InstructionKind, date]] = []
    for on in (agreed.effective + timedelta(days=n) for n in range(1, (third - agreed.effective).days + 30)):
        facts = []
        if on in due and on <= third:
            facts = [message(payment(str(due[on].total), on, f"p-{due[on].number}"), on)]
        if on == third + timedelta(days=5):
            second = agreed.instalments[1]
            facts = [message(taken_back(str(second.total), second.due, on, "p-2"), on)]
        watched = watched.when(*facts)
        said = watched.said
        watched = watched.closes(on)
        for event in (*said, *watched.said):
            step = step.when(message(event, on))
            heard += [(kind, effective) for kind, effective, _ in told(step.said)]
    assert heard == [(InstructionKind.RE_AGE, third), (InstructionKind.UNDO_RE_AGE, third)]
