"""Published figures that the generated portfolio is calibrated on. Facts with their sources, no records.

Sources:
- UCI: "default of credit card clients" (I-Cheng Yeh, CC BY 4.0), 30,000 card customers in Taiwan, 2005.
- LC: LendingClub accepted loans, 2.26 million rows, as published for 2007-2018 (hardship columns).
"""

from __future__ import annotations

MONTHS_PAST_DUE = {1: 3688, 2: 2667, 3: 322, 4: 76, 5: 26, 6: 11, 7: 9, 8: 19}
"""UCI, status in September 2005: customers by months past due (those that are overdue)."""

DEFAULT_RATE_BY_MONTHS = {1: 0.3395, 2: 0.6914, 3: 0.7578, 4: 0.6842}
"""UCI: share that defaulted the next month, by months past due; 4 stands for four and more in no
particular order (the groups behind it are small)."""

BALANCE_QUARTILES_USD = (5628.73, 10044.22, 16114.94)
"""LC: balance at the start of a hardship plan, first quartile, median, third quartile (10,613 loans)."""

HARDSHIP_REASONS = {
    "disaster": 6,
    "income_cut": 4,
    "over_indebted": 3,
    "job_loss": 2,
    "illness": 2,
}
"""LC, sample of 17 hardship plans by reason (NATURAL_DISASTER, INCOME_CURTAILMENT, EXCESSIVE_OBLIGATIONS,
UNEMPLOYMENT, MEDICAL)."""

SETTLEMENT_OUTCOMES = {"active": 44, "complete": 29, "broken": 11}
"""LC, sample of 84 settlements by status: about one in eight is broken."""

LATE_TO_CURRENT = 4130 / (4130 + 1676 + 9460 + 1031)
"""UCI: of customers two months past due, the share that was current a month later (row 2 of the counts)."""
