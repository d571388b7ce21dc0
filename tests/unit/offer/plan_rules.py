"""What a pack allows, read from its TOML by this file alone: the checker shares no code with the product."""

from __future__ import annotations

import tomllib
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

__all__ = ["PackRules"]

_FOLDER = Path(__file__).parents[3] / "deploy" / "policies"


class PackRules:
    """The values of one pack that hold on a day."""

    def __init__(self, pack: str, on: date, folder: Path = _FOLDER) -> None:
        own = tomllib.loads((folder / f"{pack}.toml").read_text(encoding="utf-8"))
        common = tomllib.loads((folder / f"{own['extends']}.toml").read_text(encoding="utf-8"))
        rates = tomllib.loads((folder / "rates.toml").read_text(encoding="utf-8"))["rates"]
        self._own, self._common, self.on = own, common, on
        self.currency: str = own["pack"]["currency"]
        lender = own["pack"]["lender_type"]
        self.ceilings = [
            (row["contract_from"], Decimal(str(row["all_in_pct"])))
            for row in self.value("rate", "ceilings")
            if row["lender_type"] == lender
        ]
        # Discounting starts from what money costs the lender, where the pack says so.
        over = self.value("value", "discount_over")
        dated = [r for r in rates if (r["name"], r["currency"]) == (over, self.currency) and r["from"] <= on]
        base = Decimal(max(dated, key=lambda row: row["from"])["pct"]) if over else Decimal(0)
        self.discount_pct = self.number("value", "discount_pct") + base

    def value(self, section: str, name: str) -> Any:
        """Give the entry in force: the latest that has begun, the first one before them all."""
        for source in (self._own, self._common):
            entries = source.get(section, {}).get(name)
            if entries:
                begun = [row for row in entries if row.get("from", date.min) <= self.on] or entries[:1]
                return begun[-1]["value"]
        raise KeyError(f"{section}.{name}")

    def number(self, section: str, name: str) -> Decimal:
        """Give a number or an amount."""
        return Decimal(str(self.value(section, name)))

    def amount(self, section: str, name: str) -> int:
        """Give an amount in minor units."""
        return int(self.number(section, name).scaleb(2))

    def ceiling(self, contract: date) -> Decimal | None:
        """Give the ceiling on all-in cost for a contract of a date; None where there is none."""
        reached = [row for row in self.ceilings if row[0] <= contract]
        return max(reached)[1] if reached else None

    def allows(self, measure: str, days_past_due: int) -> bool:
        """Whether a debt is late enough for a measure."""
        return days_past_due >= int(self.value("measures", "min_days_past_due").get(measure, 0))

    def tier(self, waived_pct: Decimal, cut_pct: Decimal) -> int | None:
        """Give the place of the first role that may grant this; None where none may."""
        for at, row in enumerate(self.value("waiver", "authority")):
            if waived_pct <= Decimal(str(row["max_waived_pct"])) and cut_pct <= row["max_rate_cut_pct"]:
                return at
        return None

    def redefault(self, reduction: Decimal | None, margin: Decimal | None) -> Decimal:
        """Give the probability, per cent, that a plan breaks."""
        base = self.number("value", "redefault_unknown_pct")
        if reduction is not None:
            rows = self.value("value", "redefault")
            reached = [row for row in rows if Decimal(str(row["reduction_pct"])) <= reduction] or rows[:1]
            base = Decimal(str(reached[-1]["probability_pct"]))
        if margin is not None:
            rows = self.value("value", "redefault_by_margin")
            reached = [row for row in rows if Decimal(str(row["margin_pct"])) <= margin] or rows[:1]
            base += Decimal(str(reached[-1]["added_pct"]))
        return min(max(base, Decimal(0)), Decimal(100))
