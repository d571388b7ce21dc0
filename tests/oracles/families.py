"""The families of published cases that the product is compared with: one line each."""

from __future__ import annotations

from typing import Final

from tests.oracles import (
    allocation,
    apr,
    generation,
    pause,
    reage,
    reamortize,
    reg_z,
    reschedule,
    rows,
    time_value,
    unit_annuity,
    xirr,
)
from tests.oracles.outcome import Family

FAMILIES: Final[tuple[Family, ...]] = (
    Family("effective annual rate", "apr_effective_annual.json", apr.judge, least_in_scope=0.8),
    Family("US actuarial rate", "apr_us_reg_z.json", reg_z.judge, least_in_scope=0.8),
    Family("rate of dated flows", "xirr.json", xirr.judge, least_in_scope=0.8),
    Family("time value of money", "tvm.json", time_value.judge, least_in_scope=0.8),
    Family("level loan, unit cases", "fineract_emi_unit.json", unit_annuity.judge, least_in_scope=0.8),
    Family("new loans", "fineract_schedule_generation.json", generation.judge, least_in_scope=0.8),
    reschedule.FAMILY,
    reage.FAMILY,
    reamortize.FAMILY,
    pause.FAMILY,
    allocation.FAMILY,
    rows.FAMILY,
)
