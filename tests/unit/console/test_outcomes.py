"""What became of signed plans: from hand-made messages; and what is left out is counted with its reason."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import count
from random import Random

import pytest

from services.console.calibration import Calibration, calibrate
from services.console.outcomes import ENDED, NOT_SAID, SETTLEMENT, SEVERAL, WITHDRAWN, Outcomes
from shared.contracts import agreement, followup, offer
from shared.contracts.base import Event, Reason
from shared.contracts.debts import CurrencyPart, Measure, Plan, PlanDebt
from shared.contracts.envelope import Envelope
from shared.contracts.reasons import ReasonCode
from shared.policy.testing import example_policy
from tests.unit.builders import balances, cny, signed

DAY = date(2026, 3, 2)
PACK, POLICY = "example-card", example_policy()
PUBLISHED = POLICY.plan_limits.value


def plan(cut: str | None = "25", pct: str | None = "24.3", *packs: str, method: str = "annuity",
         parts: bool = False) -> Plan:  # fmt: skip
    return Plan(
        plan_id="p", rank=1, measures=(Measure.TERM_EXTENSION,), payments=(), total_paid=(),
        debts=tuple(
            PlanDebt(
                debt_id=f"A-{number}", policy=pack, method=method, instalments=12, first_due=DAY,
                annual_rate_pct=Decimal(12), waived=balances(), balance=balances("100.00"),
            )
            for number, pack in enumerate(packs or (PACK,))
        ),
        parts=(CurrencyPart(currency="CNY", share_pct=Decimal(100)),) if parts else (),
        payment_reduction_pct=None if cut is None else Decimal(cut), stress_margin_pct=Decimal(20),
        redefault_pct=None if pct is None else Decimal(pct), redefault_model="example-1",
    )  # fmt: skip


class Told:
    """Messages numbered as a service numbers them, each published twice; followup has closed `until`."""

    def __init__(self, until: date = DAY + timedelta(days=800)) -> None:
        self.outcomes, self._numbers = Outcomes(), count(1)
        self.outcomes.closed(0, until)

    def says(self, case: str, *events: Event) -> Told:
        for event in events:
            message = Envelope(
                "m", f"/parley/{event.PRODUCER}", datetime(2026, 3, 2, tzinfo=UTC), "C-1", event,
                subject=case, sequence=next(self._numbers),
            )  # fmt: skip
            self.outcomes.saw(message)
            self.outcomes.saw(message)
        return self

    def signs(self, case: str, of: Plan | None = None, effective: date = DAY, **more: object) -> Told:
        agreed = offer.OfferAgreed(
            offer_id="o-1", round=1, plan=of or plan(), balances=(), agreed_on=effective, policy_version="v"
        )
        return self.says(case, agreed, signing(effective, **more))

    def broke(self, case: str = "c-1", months: int = 6) -> bool | None:
        """None: nothing is said of it."""
        found, _ = self.outcomes.of(PACK, 60, months)
        assert len(found) <= 1
        return found[0].outcome.broke if found else None

    def left_out(self) -> dict[str, int]:
        found, left_out = self.outcomes.of(PACK, 60, 6)
        assert not found
        return dict(left_out)


def signing(effective: date = DAY, **more: object) -> agreement.AgreementSigned:
    about = {"offer_id": "o-1", "agreement_id": "a-1", "policy": PACK, **more}
    return signed((effective, "5.00"), effective=effective).model_copy(update=about)


def paid(number: int, due: date, days: int) -> Event:
    return followup.InstalmentPaid(
        agreement_id="a-1", version=1, number=number, due=due, total=cny("5.00"), paid=cny("5.00"),
        on=due + timedelta(days=days), on_time=days < 4,
    )  # fmt: skip


def missed(number: int, due: date) -> Event:
    return followup.InstalmentMissed(
        agreement_id="a-1", version=1, number=number, due=due, total=cny("5.00"), paid=cny("0.00"),
        missed_in_a_row=1,
    )  # fmt: skip


def corrected(number: int, due: date) -> Event:
    return followup.InstalmentCorrected(
        agreement_id="a-1", version=1, number=number, due=due, total=cny("5.00"), paid=cny("0.00"),
        was="paid", now="due", reason=Reason(code=ReasonCode.PAYMENT_RETURNED),
    )  # fmt: skip


def ended(code: ReasonCode, on: date, **more: object) -> Event:
    return agreement.AgreementEnded.model_validate(
        {"agreement_id": "a-1", "as_of": on, "reason": Reason(code=code), **more}, strict=False
    )


FIRST = DAY + timedelta(days=30)
SIXTH_MONTH = date(2026, 9, 2)


def test_what_is_paid_late_by_sixty_days_has_broken_and_by_a_day_less_has_not() -> None:
    for days, broke in ((0, False), (59, False), (60, True), (90, True)):
        assert Told().signs("c-1").says("c-1", missed(1, FIRST), paid(1, FIRST, days)).broke() is broke
    assert Told().signs("c-1").says("c-1", missed(1, FIRST)).broke() is True


def test_the_months_are_counted_from_the_signature_to_the_day() -> None:
    on_the_day = SIXTH_MONTH - timedelta(days=60)
    for due, broke in ((on_the_day, True), (on_the_day + timedelta(days=1), False)):
        told = Told().signs("c-1").says("c-1", missed(1, due))
        assert told.broke() is broke
        assert told.broke(months=9) is True


def test_nothing_is_said_before_the_months_are_over_on_every_partition() -> None:
    told = Told(SIXTH_MONTH).signs("c-1").says("c-1", missed(1, FIRST))
    assert told.broke() is True
    told.outcomes.closed(1, SIXTH_MONTH - timedelta(days=1))
    assert told.broke() is None
    assert told.left_out() == {}
    assert Outcomes().until is None


def test_a_payment_that_was_returned_and_one_found_later_change_what_is_said() -> None:
    told = Told().signs("c-1").says("c-1", paid(1, FIRST, 0), corrected(1, FIRST), missed(1, FIRST))
    assert told.broke() is True
    assert told.says("c-1", corrected(1, FIRST), paid(1, FIRST, 2)).broke() is False
    assert told.says("c-1", corrected(1, FIRST)).broke() is False  # it has new grace


def test_a_broken_plan_stays_unpaid_and_another_ending_leaves_it_open() -> None:
    soon = FIRST + timedelta(days=40)
    told = Told().signs("c-1").says("c-1", missed(1, FIRST), ended(ReasonCode.PLAN_BROKEN, soon))
    assert told.broke() is True
    told = Told().signs("c-1").says("c-1", missed(1, FIRST), ended(ReasonCode.PLAN_SUPERSEDED, soon))
    assert told.left_out() == {ENDED: 1}
    late = FIRST + timedelta(days=60)
    told = Told().signs("c-1").says("c-1", missed(1, FIRST), ended(ReasonCode.PLAN_SUPERSEDED, late))
    assert told.broke() is True
    told = Told().signs("c-1").says("c-1", ended(ReasonCode.CASE_CLOSED, SIXTH_MONTH))
    assert told.broke() is False
    told = Told().signs("c-1").says("c-1", ended(ReasonCode.WITHDRAWN_IN_TIME, soon))
    assert told.left_out() == {WITHDRAWN: 1}


def test_a_plan_that_is_in_force_again_after_a_withdrawal_is_followed_on() -> None:
    soon = FIRST + timedelta(days=5)
    told = Told().signs("c-1").says("c-1", ended(ReasonCode.PLAN_SUPERSEDED, soon))
    told.says("c-1", signing(soon, agreement_id="a-2", offer_id="o-2"))
    earlier = agreement.EarlierAgreement(agreement_id="a-1", version=1, debts=("A-1",))
    taken_back = ended(ReasonCode.WITHDRAWN_IN_TIME, soon, returns_to=earlier)
    told.says("c-1", taken_back.model_copy(update={"agreement_id": "a-2"}))
    assert told.broke() is False
    # Where the topic no longer has the earlier one there is nothing to follow on.
    alone = Told().says("c-1", signing(), taken_back)
    assert alone.left_out() == {NOT_SAID: 1}


@pytest.mark.parametrize(
    ("of", "why"),
    [
        (plan("25", None), NOT_SAID),
        (plan("25", "20", PACK, "other"), SEVERAL),
        (plan("25", "20", parts=True), SEVERAL),
        (plan(None, "0", method="lump_sum"), SETTLEMENT),
    ],
)
def test_what_is_left_out_says_why(of: Plan, why: str) -> None:
    assert Told().signs("c-1", of).left_out() == {why: 1}


def test_of_another_pack_nothing_is_said_and_without_its_offer_only_that() -> None:
    assert Told().signs("c-1", plan("25", "20", "other")).left_out() == {}
    assert Told().says("c-1", signing()).left_out() == {NOT_SAID: 1}
    assert Told().says("c-1", signing(policy="other")).left_out() == {}


def lived(number: int, break_rate: float, seed: int = 7) -> Calibration:
    """So many plans with a cut of a quarter, one signed a day; what is foreseen of each is 24.3 %."""
    told, draw = Told(DAY + timedelta(days=number + 400)), Random(seed)
    for case in range(number):
        on = DAY + timedelta(days=case)
        told.signs(f"c-{case}", effective=on)
        due = on + timedelta(days=30)
        told.says(f"c-{case}", missed(1, due) if draw.random() < break_rate else paid(1, due, 0))
    return calibrate(told.outcomes, PACK, POLICY.value, PUBLISHED)


def test_the_command_has_what_was_foreseen_beside_what_came() -> None:
    found = lived(300, 0.08)
    (row,) = (row for row in found.by_cut if row.plans)
    assert (row.name, row.plans, row.broke) == ("from 20 % on", 300, found.broke)
    assert row.foreseen == Decimal("0.243")
    assert row.published == Decimal("0.243")
    assert row.learnt is not None
    assert Decimal("0.08") < row.learnt < Decimal("0.16")
    assert [(one.name, one.plans) for one in found.by_version] == [("example-1", 300)]
    assert {one.name: one.broke for one in found.after}["12 months"] == found.broke
    assert found.signed == (DAY, DAY + timedelta(days=299))


def test_what_is_learnt_is_tried_on_the_plans_signed_last() -> None:
    found = lived(300, 0.05)
    assert found.why_not is None
    assert found.held_out is not None
    before, after = found.held_out
    assert before.plans == after.plans == 100
    assert after.brier < before.brier
    assert after.log_loss < before.log_loss


def test_where_the_published_figures_hold_nothing_is_learnt() -> None:
    """In these the plans signed last break as often as was published, those before less often."""
    told = Told()
    for case in range(90):
        on = DAY + timedelta(days=case)
        breaks = case % 4 == 0 if case >= 60 else case % 10 == 0
        told.signs(f"c-{case}", effective=on).says(f"c-{case}", *[missed(1, on)] * breaks)
    found = calibrate(told.outcomes, PACK, POLICY.value, PUBLISHED)
    assert found.why_not is not None
    assert "did as well" in found.why_not


@pytest.mark.parametrize(("number", "rate"), [(39, 0.5), (60, 0.0)])
def test_too_few_plans_or_too_few_that_broke_are_said_plainly(number: int, rate: float) -> None:
    found = lived(number, rate)
    assert found.why_not is not None
    assert found.why_not.startswith(
        f"Too few to learn from: {number} plans, {found.broke} of them broken; 40"
    )
    assert found.held_out is None
