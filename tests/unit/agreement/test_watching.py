"""An instalment in several currencies is paid when it is paid in each of them: only then is it counted."""

from __future__ import annotations

from datetime import date

from shared.contracts import followup
from shared.contracts.agreement import AgreementSigned, Period, PeriodPassed
from shared.lending.money import Money
from tests.unit.agreement.test_decide import after
from tests.unit.builders import debt, message
from tests.unit.offer.test_currencies import agree, figure, in_dollars, ref, sign, tabled
from tests.unit.spec import Given


def in_two_currencies() -> tuple[Given, AgreementSigned]:
    reference, debts = ref(figure(), trial__payments=2), (debt(), in_dollars())
    step = sign(agree(tabled(*debts, reference=reference)), reference, *debts)
    return step, step.last(AgreementSigned)


def rows(signed: AgreementSigned, number: int) -> dict[str, tuple[date, Money]]:
    return {r.total.currency: (r.due, r.total) for r in signed.instalments if r.number == number}


def paid_in(signed: AgreementSigned, number: int, currency: str) -> followup.InstalmentPaid:
    due, total = rows(signed, number)[currency]
    return followup.InstalmentPaid(
        agreement_id=signed.agreement_id, version=1, number=number, due=due, total=total, paid=total,
        on=due, on_time=True,
    )  # fmt: skip


def missed_in(signed: AgreementSigned, number: int, currency: str) -> followup.InstalmentMissed:
    due, total = rows(signed, number)[currency]
    return followup.InstalmentMissed(
        agreement_id=signed.agreement_id, version=1, number=number, due=due, total=total, paid=total * 0,
        missed_in_a_row=1,
    )  # fmt: skip


def test_an_instalment_counts_when_its_last_currency_is_paid() -> None:
    step, signed = in_two_currencies()
    assert set(rows(signed, 1)) == set(rows(signed, 2)) == {"CNY", "USD"}
    for number in (1, 2):
        step = step.when(message(paid_in(signed, number, "USD"), after(60)))
        assert step.emits()  # the yuan of it are open
    step = step.when(message(paid_in(signed, 1, "CNY"), after(61)))
    assert step.emits()
    step = step.when(message(paid_in(signed, 2, "CNY"), after(62)))
    passed = step.last(PeriodPassed)
    assert (passed.period, passed.payments) == (Period.TRIAL, 2)
    assert step.state.live.partly == ()


def test_one_currency_paid_and_the_other_missed_is_a_missed_instalment() -> None:
    step, signed = in_two_currencies()
    step = step.when(message(paid_in(signed, 1, "USD"), after(60)))
    step = step.when(message(missed_in(signed, 1, "CNY"), after(61)))
    assert step.state.live.partly == ()
    step = step.when(*(message(paid_in(signed, 2, c), after(90)) for c in ("CNY", "USD")))
    assert step.emits()  # the first one does not count
    step = step.when(*(message(paid_in(signed, 3, c), after(120)) for c in ("CNY", "USD")))
    assert step.last(PeriodPassed).payments == 2


def test_after_the_end_of_one_currency_the_other_alone_is_the_instalment() -> None:
    step, signed = in_two_currencies()
    last = signed.instalments[-1]
    alone = rows(signed, last.number)
    for currency in alone:
        step = step.when(message(paid_in(signed, last.number, currency), last.due))
    assert all(watch.last == last.number for watch in step.state.live.watches if watch.kept)
    assert any(watch.kept == 1 for watch in step.state.live.watches)
