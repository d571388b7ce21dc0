"""The money half of the reconciliation, on what intake really says."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

from services.console.ledger import MoneyAudit
from services.intake.decide import IntakeDecider
from shared.contracts.envelope import Envelope
from shared.contracts.intake import InputRefused, PaymentMatched, PaymentTakenBack
from tests.unit.builders import balances, reference
from tests.unit.intake.bank_says import balance, overdue, paid, returned


def lived(*told: Envelope[Any]) -> tuple[list[Envelope[Any]], Any]:
    """What the bank told and intake said, in order; and intake's state in the end."""
    decider, state, messages = IntakeDecider(), None, []
    for cause in told:
        messages.append(cause)
        decision = decider.decide(state, cause, reference())
        state = decision.state
        for said in decision.emissions:
            number = len(messages)
            messages.append(
                Envelope(
                    f"m{number}", "/parley/intake", cause.time, cause.key, said.data, said.subject, number
                )
            )
    return messages, state


async def findings(messages: list[Envelope[Any]], state: Any) -> list[str]:
    async def documents() -> AsyncIterator[dict[str, Any]]:
        yield {"_id": state.customer, "state": state.model_dump(mode="json")}

    money = MoneyAudit()
    for message in messages:
        money.saw(message)
    check = await money.check(documents())
    assert check.looked_at
    return check.findings


FALLEN = balance(5, balances("4900.00", "500.00", "200.00"), days=125)


async def test_a_payment_that_the_banks_figure_held_already_is_paid() -> None:
    messages, state = lived(overdue(days=120), FALLEN, paid("100.00", 3, on=6))
    assert [m.data.in_balance for m in messages if isinstance(m.data, PaymentMatched)] == [True]
    assert await findings(messages, state) == []


async def test_and_is_taken_off_when_it_comes_back() -> None:
    messages, state = lived(overdue(days=120), FALLEN, paid("100.00", 3, on=6), returned("40.00", 4, on=7))
    assert [m.data.in_balance for m in messages if isinstance(m.data, PaymentTakenBack)] == [True]
    assert await findings(messages, state) == []


async def test_an_allocation_that_the_ledger_does_not_know_is_found() -> None:
    messages, state = lived(overdue(days=120), paid("100.00", 3))
    silent = [m for m in messages if not isinstance(m.data, PaymentMatched)]
    assert any("nowhere" in text for text in await findings(silent, state))


async def test_a_debt_to_which_nothing_has_happened_is_owed_as_it_was_opened() -> None:
    messages, state = lived(overdue(days=120))

    async def documents() -> AsyncIterator[dict[str, Any]]:
        yield {"_id": state.customer, "state": state.model_dump(mode="json")}

    money = MoneyAudit()
    for message in messages:
        money.saw(message)
    await money.check(documents())
    (line,) = money.lines
    assert line.opening == line.outstanding
    assert line.opening.is_positive


async def test_what_was_refused_is_no_money_that_is_missing() -> None:
    """One payment with a wrong sign, and the check was red for good, also once it was told rightly."""
    wrong = paid("-12.34", 3)
    right = paid("12.34", 4)
    right = replace(right, data=right.data.model_copy(update={"payment_id": wrong.data.payment_id}))
    messages, state = lived(overdue(), wrong)
    assert [m for m in messages if isinstance(m.data, InputRefused)]
    assert await findings(messages, state) == []
    messages, state = lived(overdue(), wrong, right)
    assert await findings(messages, state) == []
    unrefused = [m for m in messages if not isinstance(m.data, InputRefused)]
    assert len(await findings(unrefused, state)) == 1


async def test_what_was_received_and_is_nowhere_is_found() -> None:
    _, state = lived(overdue())
    assert await findings([overdue(), paid("12.34", 4)], state) == [
        f"payment {paid('12.34', 4).data.payment_id} was received and is nowhere"
    ]
