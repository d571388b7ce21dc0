"""Operations hear of what is refused for what stands in it: once per kind, reason and day."""

from __future__ import annotations

from dataclasses import replace
from typing import NoReturn

from services.console.app import SERVICE
from services.console.decide import ArchiveDecider
from shared.contracts import assessment, intake
from shared.contracts.base import Reason
from shared.contracts.reasons import ReasonCode
from shared.contracts.refusing import is_mistake
from shared.runtime.simulation.loop import run_virtual
from tests.runtime.rig import ANNS, D1, D2, Rig

OVERDUE = "parley.bank.account.overdue.v1"
TYPED = "cn-crad"


class Fails(ArchiveDecider):
    def decide(self, *_: object) -> NoReturn:
        raise RuntimeError


def refused(
    code: ReasonCode = ReasonCode.UNKNOWN_PRODUCT, cause: str = OVERDUE, **params: str
) -> intake.InputRefused:
    return intake.InputRefused(cause_id="b-1", cause_type=cause, reason=Reason(code=code, params=params))


def test_many_of_one_day_are_one_alarm_without_a_value() -> None:
    async def story() -> Rig:
        rig = Rig()
        rig.start("archive", SERVICE)
        for number in (1, 2, 3):
            rig.tell("intake", refused(product=TYPED), number)
        rig.tell("intake", refused(product=TYPED), 3)  # published twice
        rig.tell("intake", refused(ReasonCode.CURRENCY_MISMATCH, given="USD"), 4)
        await rig.settle()
        rig.tell("intake", refused(product=TYPED), 5, day=D2)
        rig.tell("intake", refused(product=TYPED), 6, day=D1)
        await rig.settle()
        await rig.stop()
        return rig

    rig = run_virtual(story())
    said = {"service": "intake", "type": OVERDUE, "case": ANNS, "mended": "under-a-new-id"}
    assert rig.telemetry.alarms == [
        ("input-refused", {**said, "reason": "unknown_product", "day": str(D1)}),
        ("input-refused", {**said, "reason": "currency_mismatch", "day": str(D1)}),
        ("input-refused", {**said, "reason": "unknown_product", "day": str(D2)}),
    ]


def test_what_is_refused_for_where_the_case_stands_alarms_nobody() -> None:
    async def story() -> Rig:
        rig = Rig()
        rig.start("archive", SERVICE)
        rig.tell("intake", refused(ReasonCode.STALE_FACT), 1)
        rig.tell("intake", refused(ReasonCode.UNKNOWN_PRODUCT, "parley.desk.mechanism.reviewed.v1"), 2)
        reason = Reason(code=ReasonCode.STALE_FACT)
        rig.tell("assessment", assessment.InputRefused(cause_id="b", cause_type=OVERDUE, reason=reason), 1)
        await rig.settle()
        await rig.stop()
        assert rig.store.documents("archive")
        return rig

    assert run_virtual(story()).alarms() == []


def test_it_is_told_though_the_process_died_over_it_or_the_customer_is_parked() -> None:
    async def story() -> Rig:
        rig = Rig()
        rig.start("archive", SERVICE)
        rig.tell("intake", refused(), 1)
        await rig.settle()
        await rig.stop()
        rig.telemetry.alarms.clear()  # it died before it had said so: what it wrote is read again
        rig.start("archive", replace(SERVICE, decider=Fails()))
        rig.tell("intake", refused(), 1)
        rig.tell("intake", refused(ReasonCode.NOTHING_OWED), 2)
        await rig.settle()
        await rig.stop()
        assert rig.reasons("archive") == ["decider-failed"]
        return rig

    told = [(name, said["reason"]) for name, said in run_virtual(story()).telemetry.alarms]
    assert told == [("input-refused", "unknown_product"), ("input-refused", "nothing_owed")]


def test_a_service_that_decides_by_other_packs_is_told() -> None:
    """Intake opened the case, and the next service has no pack for it: the case would stand still."""

    async def story() -> Rig:
        rig = Rig()
        rig.start("archive", SERVICE)
        reason = Reason(code=ReasonCode.UNKNOWN_PRODUCT)
        opened = intake.CaseOpened.TYPE
        rig.tell("assessment", assessment.InputRefused(cause_id="c", cause_type=opened, reason=reason), 1)
        await rig.settle()
        await rig.stop()
        return rig

    ((name, said),) = run_virtual(story()).telemetry.alarms
    assert (name, said["service"], said["type"]) == ("input-refused", "assessment", intake.CaseOpened.TYPE)


def test_more_money_back_than_was_paid_is_told() -> None:
    """It is refused: the books go on as if nothing had come back."""
    assert is_mistake(refused(ReasonCode.REVERSAL_EXCEEDS_PAYMENT, "parley.bank.payment.reversed.v1"))
    assert not is_mistake(refused(ReasonCode.UNKNOWN_PAYMENT, "parley.bank.payment.reversed.v1"))
