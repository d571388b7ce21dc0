"""Borrowers at the edge of what the engine is asked, as files of `parley offer`; one for every pack.

Amounts are written in units of a pack's smallest instalment worth collecting, so that a case says the same
thing in each currency.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

__all__ = ["CASES", "DAY", "PACKS", "UNIT", "case_of"]

DAY = "2026-03-02"
# The pack, and what one unit is of its currency.
UNIT = {
    "cn-card": Decimal(100),
    "cn-consumer-loan": Decimal(100),
    "us-unsecured": Decimal(25),
    "uk-unsecured": Decimal(10),
    "eu-consumer": Decimal(20),
}
PACKS = tuple(UNIT)

# The spending of one person who names every category of the guidelines, in units.
_SPENDING = {
    "housing": 20,
    "food": 12,
    "utilities": 3,
    "transport": 3,
    "communication": 1,
    "health": 1,
    "education": 0,
    "personal": 3,
}


def _debt(**changes: Any) -> dict[str, Any]:
    """One debt of 120 units of principal, at 18 %, 75 days late; amounts in units."""
    plain = {
        "debt_id": "a-1",
        "kind": "card",
        "outstanding": {"principal": 120, "interest": 4, "fees": 1, "late_charges": 2},
        "overdue": {"principal": 16, "interest": 4, "fees": 1, "late_charges": 2},
        "annual_rate_pct": "18",
        "days_past_due": 75,
        "contract_date": "2022-05-04",
        "contractual_payment": 9,
    }
    return {**plain, **changes}


def _statement(**changes: Any) -> dict[str, Any]:
    """A salary of 70 units, ordinary spending, nothing else; amounts in units."""
    plain = {
        "income": [{"source": "salary", "monthly": 70}],
        "spending": [{"category": name, "monthly": monthly} for name, monthly in _SPENDING.items()],
        "dependants": 0,
        "assets": [],
        "other_debts": [],
    }
    return {**plain, **changes}


def _owes(principal: object, overdue: object = 0, **parts: object) -> dict[str, Any]:
    return {"outstanding": {"principal": principal, **parts}, "overdue": {"principal": overdue, **parts}}


_VERIFIED = [{"item": "income:salary", "verified": 70, "evidence_kind": "payslip"}]
_BENEFIT_ENDS = [{"source": "benefit", "monthly": 80, "ends": "2026-04-30"}]
_SECURED = [
    {"creditor_kind": "mortgage", "balance": 9000, "monthly": 14, "priority": True, "secured": True},
]
_NONE_SPENT = [{"category": name, "monthly": 0} for name in _SPENDING]
_MONTHLY = {"now": 15, "stress": 12}
_FORTY = [_debt(debt_id=f"d-{n:02}", **_owes(3 + n % 5, 1, late_charges=Decimal("0.5"))) for n in range(40)]
_FORTY = [{**debt, "contractual_payment": 1, "annual_rate_pct": str(n % 25)} for n, debt in enumerate(_FORTY)]
_HISTORY = [
    {"on": "2025-02-05", "amount": -180},
    *({"on": f"2025-{month:02}-05", "amount": 11} for month in range(3, 10)),
]

# What is different from an ordinary borrower. "!" before an amount: in the currency itself, not in units.
CASES: dict[str, dict[str, Any]] = {
    "ordinary": {},
    "verified": {"verified": _VERIFIED},
    "nothing verified, all of it family help": {
        "statement": _statement(income=[{"source": "family", "monthly": 75}])
    },
    "zero income": {"statement": _statement(income=[])},
    "zero income for a while": {
        "statement": _statement(income=[]),
        "hardship": {"cause": "job_loss", "since": "2026-02-01", "expected_end": "2026-06-01"},
    },
    "zero income, a job from August on": {
        "statement": _statement(
            income=[],
            changes=[{"kind": "income", "on": "2026-08-01", "item": "income:salary", "monthly": 90}],
        )
    },
    "all income from a benefit that ends": {"statement": _statement(income=_BENEFIT_ENDS)},
    "negative residual": {"statement": _statement(income=[{"source": "salary", "monthly": 20}])},
    "just enough today, nothing under stress": {"capacity": {"now": 15, "stress": 0}},
    "less than the smallest instalment": {"capacity": {"now": "0.8", "stress": "0.8"}},
    "one minor unit can be paid": {"capacity": {"now": "!0.01"}},
    "spending zero": {"statement": _statement(spending=_NONE_SPENT)},
    "no spending named": {"statement": _statement(spending=[])},
    "thirty dependants": {"statement": _statement(dependants=30)},
    "only secured debt besides ours": {"statement": _statement(other_debts=_SECURED), "verified": _VERIFIED},
    "a child is born in May": {
        "statement": _statement(changes=[{"kind": "child_born", "on": "2026-05-15", "monthly": 10}]),
        "verified": _VERIFIED,
    },
    "one minor unit owed": {"debts": [_debt(**_owes("!0.01"))]},
    "one whole unit of currency owed": {"debts": [_debt(**_owes("!1.00"))]},
    "nothing but late charges": {"debts": [_debt(**_owes(0, late_charges=30))]},
    "nothing but overdue interest": {"debts": [_debt(**_owes(0, interest=30))]},
    "ten million owed": {"debts": [_debt(**_owes("!10000000.00", "!250000.00"))], "capacity": _MONTHLY},
    "ten million owed and means to match": {
        "debts": [_debt(**_owes("!10000000.00", "!250000.00"))],
        "capacity": {"now": "!400000.00", "stress": "!350000.00"},
    },
    "forty debts": {"debts": _FORTY, "capacity": {"now": 60, "stress": 50}},
    "forty debts and no means": {"debts": _FORTY, "capacity": {"now": 0}},
    "rate zero": {"debts": [_debt(annual_rate_pct="0")]},
    "a rate at the ceiling": {"debts": [_debt(annual_rate_pct="36", contract_date="2014-05-04")]},
    "a rate far above any ceiling": {"debts": [_debt(annual_rate_pct="999.99")]},
    "a day late": {"debts": [_debt(days_past_due=1)]},
    "not late at all": {"debts": [_debt(days_past_due=0, overdue={})]},
    "years late": {"debts": [_debt(days_past_due=3000, contract_date="2012-05-04")]},
    "since the advance": {"debts": [_debt(contract_date="2025-02-05", history=_HISTORY)]},
    "paid above the ceiling already": {
        "debts": [
            _debt(
                contract_date="2025-02-05",
                history=[{"on": "2025-02-05", "amount": -100}, {"on": "2025-05-05", "amount": 120}],
            )
        ]
    },
    "one month of means": {"capacity": {"now": 15, "later": [{"from": "2026-04-10", "now": 0, "stress": 0}]}},
    "means for one payment of all": {"capacity": {"now": 200}},
    "two currencies": {
        "debts": [
            _debt(),
            {
                **_debt(debt_id="a-2"),
                "outstanding": {"principal": {"amount": "900", "currency": "JPY"}},
                "overdue": {},
                "contractual_payment": None,
            },
        ],
        "capacity": _MONTHLY,
    },
    "only another currency": {
        "debts": [
            {
                **_debt(),
                "outstanding": {"principal": {"amount": "900", "currency": "JPY"}},
                "overdue": {},
                "contractual_payment": None,
            }
        ],
        "capacity": _MONTHLY,
    },
    "thirty dependants and nothing named": {"statement": _statement(dependants=30, spending=[])},
    "the means end before the first instalment": {
        "capacity": {"now": 15, "later": [{"from": "2026-03-10", "now": 0, "stress": 0}]}
    },
    "the means begin after the first instalment": {
        "capacity": {"now": 0, "later": [{"from": "2026-05-01", "now": 15, "stress": 12}]}
    },
    "repaid a hundredfold in a month": {
        "debts": [
            _debt(
                **_owes("!1.00"),
                history=[{"on": "2025-01-31", "amount": "!-0.01"}, {"on": "2025-03-02", "amount": "!0.97"}],
            )
        ]
    },
    "interest that rounds to nothing": {
        "debts": [
            _debt(**_owes("!0.30"), annual_rate_pct="12"),
            _debt(debt_id="a-2", **_owes(0, late_charges=60)),
        ],
        "capacity": _MONTHLY,
    },
    "a wish far too low": {"wish": {"monthly": "!0.01"}, "capacity": _MONTHLY},
    "a wish of one month": {"wish": {"months": 1}, "capacity": _MONTHLY},
    "a wish far too long": {"wish": {"months": 600}, "capacity": _MONTHLY},
    "a wish to settle at once": {"wish": {"lump_sum": 126}, "capacity": _MONTHLY},
    "a wish to settle for almost nothing": {"wish": {"lump_sum": "!0.01"}, "capacity": _MONTHLY},
}

_AMOUNTS = frozenset(
    {"monthly", "value", "balance", "verified", "now", "stress", "principal", "interest", "fees"}
    | {"late_charges", "contractual_payment", "amount", "lump_sum"}
)


def case_of(name: str, pack: str) -> dict[str, Any]:
    """Give a case as the file of `parley offer`, amounts in the currency of the pack."""
    changed = CASES[name]
    plain: dict[str, Any] = {"case": "extreme", "policy": pack, "on": DAY, "debts": [_debt()]}
    if "capacity" not in changed:
        plain["statement"] = _statement()
    found = _written({**plain, **changed}, UNIT[pack])
    assert isinstance(found, dict)
    return found


def _written(part: Any, unit: Decimal) -> Any:
    if isinstance(part, list):
        return [_written(one, unit) for one in part]
    if not isinstance(part, dict) or set(part) == {"amount", "currency"}:
        return part
    return {
        name: _amount(value, unit)
        if name in _AMOUNTS and not isinstance(value, list)
        else _written(value, unit)
        for name, value in part.items()
    }


def _amount(value: Any, unit: Decimal) -> Any:
    if value is None or isinstance(value, dict):
        return value
    said = str(value)
    return said[1:] if said.startswith("!") else f"{Decimal(said) * unit:.2f}"
