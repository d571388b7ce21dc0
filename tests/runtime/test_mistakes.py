"""Operations hear of what the bank says wrongly and is refused: once per kind, reason and day."""

from __future__ import annotations

from services.console.app import SERVICE
from shared.contracts import assessment, intake
from shared.contracts.base import Reason
from shared.contracts.reasons import ReasonCode
from shared.runtime.simulation.loop import run_virtual
from tests.runtime.rig import ANNS, D1, D2, Rig

OVERDUE = "parley.bank.account.overdue.v1"
TYPED = "cn-crad"


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
    said = {"service": "intake", "type": OVERDUE, "case": ANNS}
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
