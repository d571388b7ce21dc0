"""An independent checker of an assessment: a household's month on a day, worked out from the case file alone.

    left  = income that counts - spending that counts - debts that come first - what may be saved
    ours  = left x what is owed to us / what is owed to all who do not come first

Amounts are integer minor units; the numbers come from the pack's TOML.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any

from tests.unit.offer.plan_arithmetic import is_foreign, minor, outstanding, rounded
from tests.unit.offer.plan_rules import PackRules

__all__ = ["budget_problems"]


def budget_problems(case: dict[str, Any], answer: dict[str, Any], rules: PackRules) -> Iterator[str]:
    """Say which figures of the assessment do not follow from the statement, today or on a later day."""
    completed = answer["assessment_completed"]
    if completed is None:
        return
    on = date.fromisoformat(case["on"])
    for step in completed["projection"]:
        day = date.fromisoformat(step["start"])
        if any(_unclear(change, on, day) for change in case["statement"].get("changes", ())):
            continue
        found = _Month(case, rules, on, day).figures()
        said = {name: minor(step[name]) for name in found}
        if said != found:
            yield f"on {day}: {found}, not {said}"
    known = {
        step["start"]: (minor(step["now"]), minor(step["stress"])) for step in answer["assessment"]["later"]
    }
    expected, before = {}, None
    for step in completed["projection"]:
        now = (minor(step["available"]), minor(step["available_stress"]))
        if before is not None and now != before:
            expected[step["start"]] = now
        before = now
    if known != expected:
        yield "what is offered on later is not what was assessed"


def _unclear(change: dict[str, Any], on: date, day: date) -> bool:
    """A change of the household's size moves the guidelines: it is worked by hand elsewhere."""
    begun = on < date.fromisoformat(change["on"]) <= day
    return begun and (
        change["kind"] == "dependant_leaves" or (change["kind"] == "child_born" and "monthly" not in change)
    )


class _Month:
    """One month of a household, as it will be on a day by what the statement says."""

    def __init__(self, case: dict[str, Any], rules: PackRules, on: date, day: date) -> None:
        self.rules, stated = rules, case["statement"]
        self.income: dict[str, int] = {}
        self.varies: set[str] = set()
        ended = set()
        usual = rules.value("assessment", "variable_income_sources")
        for item in stated["income"]:
            name = item["source"]
            if "ends" in item and date.fromisoformat(item["ends"]) < day:
                ended.add(name)
                continue
            self.income[name] = self.income.get(name, 0) + self._minor(item["monthly"])
            if item.get("stability", "variable" if name in usual else "stable") == "variable":
                self.varies.add(name)
        self.spending: dict[str, int] = {}
        for item in stated["spending"]:
            self.spending[item["category"]] = self.spending.get(item["category"], 0) + self._minor(
                item["monthly"]
            )
        adults = stated.get("adults", ())
        for one in adults:
            self.income["other_adults"] = self.income.get("other_adults", 0) + self._minor(
                one["contribution"]
            )
            self.spending["other_adults"] = self.spending.get("other_adults", 0) + self._minor(one["costs"])
        self.size = 1 + stated["dependants"] + len(adults)
        self.checked = {item["item"].removeprefix("income:"): self._minor(item["verified"])
                        for item in case.get("verified", ())}  # fmt: skip
        for name in ended & self.checked.keys():
            if name in self.income:
                self.checked[name] = min(self.checked[name], self.income[name])
            else:
                del self.checked[name]
        self.debts = list(stated["other_debts"])
        self.owns_home = any(debt["creditor_kind"] == "mortgage" for debt in self.debts)
        self.explained: set[str] = set()
        for change in sorted(
            stated.get("changes", ()), key=lambda c: (c["on"], c["kind"], c.get("item", ""))
        ):
            if on < date.fromisoformat(change["on"]) <= day:
                self._change(change)
        self.owed = sum(
            sum(outstanding(debt, rules.currency).values())
            for debt in case["debts"]
            if not is_foreign(debt, rules.currency)
        )

    def _minor(self, amount: str) -> int:
        return minor({"amount": amount, "currency": self.rules.currency})

    def _change(self, change: dict[str, Any]) -> None:
        name = change.get("item", "").partition(":")[2]
        if change["kind"] == "income":
            monthly = self._minor(change["monthly"])
            if name in self.checked:
                # A fall counts at once, of a rise the share of what nobody has verified.
                rise = monthly - self.checked[name]
                self.checked[name] = monthly if rise <= 0 else self.checked[name] + self._unverified(rise)
            self.income[name] = monthly
        elif change["kind"] == "spending":
            self.spending[name] = self._minor(change["monthly"])
            self.explained.add(name)
        elif change["kind"] == "child_born":
            self.spending["childcare"] = self.spending.get("childcare", 0) + self._minor(change["monthly"])
            self.explained.add("childcare")
        elif change["kind"] == "debt_ends":
            self.debts = [debt for debt in self.debts if debt["creditor_kind"] != name]

    def _unverified(self, amount: int) -> int:
        return rounded(amount * self.rules.number("assessment", "unverified_income_pct") / 100)

    def figures(self) -> dict[str, int]:
        """Give what is left and what of it is ours, as today and under stress."""
        rules = self.rules
        names = self.income.keys() | self.checked.keys()
        counted = {n: self.checked.get(n, self._unverified(self.income.get(n, 0))) for n in names}
        varying = sum(amount for name, amount in counted.items() if name in self.varies)
        steady = sum(counted.values()) - varying
        spending, rise = 0, 1 + rules.number("assessment", "stress_spending_rise_pct") / 100
        assert rise == 1, "the packs know no rise of spending under stress"
        usual = self._guidelines()
        for name, amount in self.spending.items():
            capped = name in usual and name not in self.explained
            spending += min(amount, usual[name]) if capped else amount
        if self.owns_home:  # paid for by the loan, which comes first
            usual.pop("housing", None)
        spending += sum(amount for name, amount in usual.items() if name not in self.spending)
        first = [
            debt
            for debt in self.debts
            if debt.get("priority") or debt.get("secured") or debt["creditor_kind"] == "mortgage"
        ]
        others = sum(self._minor(debt["balance"]) for debt in self.debts if debt not in first)
        priority = sum(self._minor(debt["monthly"]) for debt in first)
        left = self._saved(steady + varying - spending - priority)
        drop = rules.number("assessment", "stress_income_drop_pct")
        deeper = max(drop, rules.number("assessment", "stress_variable_income_drop_pct"))
        shock = (
            rules.number("assessment", "stress_one_off")
            * 100
            / rules.number("assessment", "stress_one_off_months")
        )
        floating = sum(self._minor(debt["balance"]) for debt in first if debt.get("variable_rate"))
        dearer = floating * rules.number("assessment", "stress_rate_rise_pct") / 1200
        fallen = rounded(steady * (100 - drop) / 100) + rounded(varying * (100 - deeper) / 100)
        worse = fallen - spending - _up(shock) - priority - _up(dearer)
        under = min(left, self._saved(worse))
        return {
            "residual": left,
            "residual_stress": under,
            "available": self._ours(left, others),
            "available_stress": self._ours(under, others),
        }

    def _guidelines(self) -> dict[str, int]:
        found = {}
        for row in self.rules.value("assessment", "guidelines"):
            sizes = row["by_household_size"]
            usual = self._minor(sizes[min(self.size, len(sizes)) - 1])
            found[row["category"]] = usual + max(self.size - len(sizes), 0) * self._minor(row["each_more"])
        return found

    def _saved(self, left: int) -> int:
        share = self.rules.number("assessment", "saving_share_pct") / 100
        most = self.rules.amount("assessment", "saving_max")
        return left - min(rounded(left * share), most) if left > 0 else left

    def _ours(self, left: int, others: int) -> int:
        if left <= 0:
            return 0
        whole = self.owed + others
        return int((Decimal(left) * self.owed / whole).to_integral_value(ROUND_FLOOR)) if whole else left


def _up(amount: Decimal) -> int:
    return int(amount.to_integral_value(ROUND_CEILING))
