"""One plan of an answer, every claim of it computed again; see `plan_answer`, which checks them together."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import date
from decimal import ROUND_DOWN, Decimal
from typing import Any

from tests.unit.offer.plan_arithmetic import (
    PARTS,
    add_months,
    annuity,
    bisected,
    capacity_on,
    minor,
    minors,
    outstanding,
    rounded,
    worth,
)
from tests.unit.offer.plan_rules import PackRules

__all__ = ["KINDS", "CheckedPlan"]

_CENT = Decimal("0.01")
KINDS = {"principal": "part_forgiveness", "interest": "interest_waiver", "fees": "fee_waiver",
         "late_charges": "late_charge_waiver"}  # fmt: skip


class CheckedPlan:
    """One plan of one currency, beside the debts that it covers."""

    def __init__(
        self, case: dict[str, Any], answer: dict[str, Any], plan: dict[str, Any], shown: dict[str, Any],
        rules: PackRules,
    ) -> None:  # fmt: skip
        self.plan, self.rules, self.answer = plan, rules, answer
        self.on = date.fromisoformat(case["on"])
        self.debts = {debt["debt_id"]: debt for debt in case["debts"]}
        self.terms = {debt["debt_id"]: debt for debt in plan["debts"]}
        self.rows = {schedule["debt_id"]: schedule["rows"] for schedule in shown["schedules"]}
        self.codes = {reason["code"]: reason["params"] for reason in plan["reasons"]}
        self.lump = "lump_sum" in plan["measures"]
        self.total = sum(minor(amount) for amount in plan["total_paid"])
        self.waived = {name: minors(term["waived"]) for name, term in self.terms.items()}
        self.balance = {name: minors(term["balance"]) for name, term in self.terms.items()}
        self.owed = sum(sum(parts.values()) for parts in self.balance.values())
        self.given = sum(sum(parts.values()) for parts in self.waived.values())
        self.open: dict[str, list[int]] = {}  # what is still to pay after each instalment, by debt

    def wrong(self) -> Iterator[str]:
        apart = {one["debt_id"] for one in self.plan["apart"]}
        if set(self.terms) | apart != set(self.debts) or set(self.terms) & apart:
            yield "a debt is neither in the plan nor left apart, or both"
        for name in self.terms:
            for wrong in (*self._schedule(name), *self._waivers(name), *self._rate(name)):
                yield f"{name}: {wrong}"
        yield from self._totals()
        yield from self._affordable()
        yield from self._value()
        yield from self._cost()
        yield from self._concession()
        yield from self._approval()

    # parts, interest and dates of one debt

    def _schedule(self, name: str) -> Iterator[str]:
        term, rows, rules = self.terms[name], self.rows[name], self.rules
        left = {part: self.balance[name][part] - self.waived[name][part] for part in PARTS}
        if self.balance[name] != outstanding(self.debts[name], rules.currency):
            yield "the balance is not what the case says is owed"
        grace, count = term["grace_periods"], term["instalments"]
        if len(rows) != grace + count or [row["number"] for row in rows] != list(range(1, len(rows) + 1)):
            yield "the number of rows is not what the terms say"
        first = date.fromisoformat(term["first_due"])
        skips = term["skips"]
        every = [day for k in range(len(rows) * 12) if (day := add_months(first, k)).month not in skips]
        if [row["due"] for row in rows] != [day.isoformat() for day in every[: len(rows)]]:
            yield "the dates are not one month apart, but for the months that are left out"
        if len(skips) > rules.number("relief", "season_max_months"):
            yield "more months are left out than the pack allows"
        if bool(skips) != ("seasonal_pause" in self.plan["measures"]):
            yield "months are left out and no such measure is named, or the other way"
        months = self._month(rows[-1]["due"], rows[0]["due"]) + self.plan["holiday_months"]
        if months > rules.number("term", "max_months"):
            yield f"{months} months are longer than the pack allows"
        principal, open_ = left["principal"], sum(left.values())
        carried = []
        self.open[name] = []
        for row in rows:
            parts = {part: minor(row[part]) for part in PARTS}
            accrued = rounded(principal * Decimal(term["annual_rate_pct"]) / 1200)
            principal -= parts["principal"]
            carried.append(parts["interest"] - accrued)
            open_ -= sum(parts.values()) - accrued
            self.open[name].append(open_)
            if minor(row["total"]) != sum(parts.values()):
                yield f"row {row['number']} is not the sum of its parts"
            if min(parts.values()) < 0 or carried[-1] < 0 or minor(row["balance"]) != principal or open_ < 0:
                yield f"row {row['number']}: interest or balance do not follow from the rate"
        if principal or open_ or sum(carried) != left["interest"]:
            yield "the instalments do not add up to what is repaid"
        for part in ("fees", "late_charges"):
            if sum(minor(row[part]) for row in rows) != left[part]:
                yield f"{part} do not add up"
        if any(minor(row["principal"]) or carried[at] for at, row in enumerate(rows[:grace])):
            yield "something besides interest is paid in the grace"
        yield from self._level(name, left["principal"])

    def _month(self, due: str, first: str) -> int:
        """In which month of the plan a day is, the first being 1."""
        day, since = date.fromisoformat(due), date.fromisoformat(first)
        return (day.year - since.year) * 12 + day.month - since.month + 1

    def _level(self, name: str, principal: int) -> Iterator[str]:
        """The payment of principal and interest is the annuity of the terms, to the minor unit."""
        term, rows = self.terms[name], self.rows[name]
        wanted = annuity(principal, Decimal(term["annual_rate_pct"]), term)
        for row, (want, _) in zip(rows, wanted, strict=True):
            if minor(row["principal"]) != want:
                yield f"row {row['number']}: {row['principal']['amount']} of principal, an annuity has {want}"

    def _waivers(self, name: str) -> Iterator[str]:
        debt, days = self.debts[name], self.debts[name]["days_past_due"]
        overdue = outstanding(debt, self.rules.currency, "overdue")
        caps = self.rules.value("waiver", "max_overdue_pct")
        whole = self.rules.value("measures", "lump_sum_max_waived_pct")
        for part, amount in self.waived[name].items():
            if not amount:
                continue
            if self.lump:
                pct, base, kind = Decimal(whole.get(part, 0)), self.balance[name][part], "lump_sum"
                if not self.rules.value("measures", "lump_sum_allowed"):
                    yield "a settlement waives something where the pack allows none"
            elif part == "principal":
                pct, base = self.rules.number("relief", "part_forgiveness_max_pct"), self.balance[name][part]
                kind = KINDS[part]
            else:
                pct, base, kind = Decimal(caps.get(part, 0)), overdue[part], KINDS[part]
            if amount > (base * pct / 100).to_integral_value(ROUND_DOWN) or amount > self.balance[name][part]:
                yield f"{amount} of {part} waived is above the cap"
            if not self.rules.allows(kind, days):
                yield f"{part} waived before the pack allows it"
            if (KINDS[part] if not self.lump else kind) not in self.plan["measures"]:
                yield f"{part} waived, but no such measure is named"

    def _contract_rate(self, name: str) -> Decimal:
        """The contract's rate, or the nominal one that compounds to the ceiling."""
        debt = self.debts[name]
        rate, ceiling = (
            Decimal(debt["annual_rate_pct"]),
            self.rules.ceiling(date.fromisoformat(debt["contract_date"])),
        )
        if ceiling is None:
            return rate
        nominal = ((1 + ceiling / 100) ** (Decimal(1) / 12) - 1) * 1200
        return min(rate, nominal.quantize(Decimal("0.01"), ROUND_DOWN))

    def _rate(self, name: str) -> Iterator[str]:
        debt, rate = self.debts[name], Decimal(self.terms[name]["annual_rate_pct"])
        contract, usual = Decimal(debt["annual_rate_pct"]), self._contract_rate(name)
        if rate > usual:
            yield f"{rate} % is above the contract's rate or the ceiling"
        if rate < contract and "rate_cut" not in self.plan["measures"] and not self.lump:
            yield "the rate is lower, but no such measure is named"
        early = not self.lump and not self.rules.allows("rate_cut", debt["days_past_due"])
        # Where there is a ceiling, it may have lowered the rate.
        if rate < usual and early and self.rules.ceiling(date.fromisoformat(debt["contract_date"])) is None:
            yield "the rate is cut before the pack allows it"
        yield from self._ceiling(name)

    def _uncut_rate(self, name: str) -> Decimal:
        """The contract's rate, lowered in small steps until these instalments keep to the ceiling."""
        debt, rows, term = self.debts[name], self.rows[name], self.terms[name]
        usual, rate = self._contract_rate(name), Decimal(term["annual_rate_pct"])
        ceiling = self.rules.ceiling(date.fromisoformat(debt["contract_date"]))
        principal = self.balance[name]["principal"] - self.waived[name]["principal"]
        carried = [
            minor(row["total"]) - sum(part)
            for row, part in zip(rows, annuity(principal, rate, term), strict=True)
        ]
        while ceiling is not None and usual > rate:
            paid = [
                sum(part) + more for part, more in zip(annuity(principal, usual, term), carried, strict=True)
            ]
            if not self._is_above(name, paid, ceiling):
                break
            usual = max(usual - Decimal("0.05"), rate)
        return usual

    def _ceiling(self, name: str) -> Iterator[str]:
        """The all-in rate since the advance, or else from today on."""
        debt = self.debts[name]
        ceiling = self.rules.ceiling(date.fromisoformat(debt["contract_date"]))
        if ceiling is None:
            return
        history = debt.get("history", ())
        if self.plan["ceiling_test"] == "tested" and not history:
            yield "is said to be tested since the advance, and nothing is known of that"
        if history and self.plan["ceiling_test"] != "tested":
            return  # a person looks at what is known of the past
        if self._is_above(name, [minor(row["total"]) for row in self.rows[name]], ceiling):
            yield f"the all-in cost is above the ceiling of {ceiling} %"

    def _is_above(self, name: str, paid: list[int], ceiling: Decimal) -> bool:
        """Whether paying so much on the days of the plan costs more than the ceiling, all in."""
        debt, rows = self.debts[name], self.rows[name]
        due = [(date.fromisoformat(row["due"]), amount) for row, amount in zip(rows, paid, strict=True)]
        history = [
            (date.fromisoformat(flow["on"]), int(Decimal(flow["amount"]) * 100))
            for flow in debt.get("history", ())
        ]
        financed = sum(self.balance[name].values()) - sum(self.waived[name].values())
        dated = [*history, *due] if history else [(add_months(due[0][0], -1), -financed), *due]
        start = dated[0][0]
        for flows in (
            [(Decimal((on - start).days) / 365, amount) for on, amount in dated],
            []
            if history
            else [
                (Decimal(0 if not k else self._month(on.isoformat(), due[0][0].isoformat())) / 12, a)
                for k, (on, a) in enumerate(dated)
            ],
        ):
            # Where less is paid back than was advanced, there is no cost at all.
            dear = sum(amount for _, amount in flows) > 0
            if dear and worth(flows, ceiling / 100 + Decimal("0.0000005")) > 0:
                return True
        return False

    # the plan as a whole

    def _totals(self) -> Iterator[str]:
        due: dict[str, int] = {}
        for rows in self.rows.values():
            for row in rows:
                due[row["due"]] = due.get(row["due"], 0) + minor(row["total"])
        paid = {row["due"]: minor(row["total"]) for row in self.plan["payments"]}
        if paid != due or [*paid] != sorted(paid) or len(paid) != len(self.plan["payments"]):
            yield "the payments are not the sums of the schedules"
        if self.total != sum(due.values()):
            yield "the total is not what the instalments add up to"
        if minor(self.plan["interest"][0]) != self.total - (self.owed - self.given):
            yield "the interest is not the total less what is repaid"
        amounts = [*paid.values()]
        if self.total and min(amounts) <= 0:
            yield "nothing falls due on a day of the plan"
        after = max((term["grace_periods"] for term in self.terms.values()), default=0)
        least = self.rules.amount("term", "min_payment")
        if len(amounts) - after > 1 and min(amounts[0], amounts[after]) < least:
            yield f"an instalment of {min(amounts[0], amounts[after])} is below the least worth collecting"
        first = date.fromisoformat(self.plan["payments"][0]["due"])
        soonest = (first - self.on).days
        if soonest < self.rules.number("offers", "first_due_min_days"):
            yield "the first instalment falls due too soon"

    def _affordable(self) -> Iterator[str]:
        if self.lump:
            return
        least: Decimal | None = None
        for row in self.plan["payments"]:
            now, stress = capacity_on(self.answer["assessment"], row["due"])
            total = minor(row["total"])
            if total > now or total > stress:
                yield f"{total} on {row['due']} is more than {now} today or {stress} under stress"
            if stress > 0:
                margin = Decimal(stress - total) * 100 / stress
                least = margin if least is None else min(least, margin)
        said = self.plan["stress_margin_pct"]
        if least is not None and (said is None or abs(Decimal(said) - least) > Decimal("0.005")):
            yield f"the margin under stress is {least:.4f}, not {said}"

    def _cost(self) -> Iterator[str]:
        financed, amounts = self.owed - self.given, [minor(row["total"]) for row in self.plan["payments"]]
        rows = self.plan["payments"]
        months = [self._month(row["due"], rows[0]["due"]) for row in rows]
        said = self.plan["apr_pct"]
        if said is not None:
            rate = bisected(
                lambda r: worth(
                    [(Decimal(k), a) for k, a in zip([0, *months], [-financed, *amounts], strict=True)], r
                )
            )
            apr = ((1 + rate) ** 12 - 1) * 100
            if abs(apr - Decimal(said)) > max(Decimal("0.0002"), apr * Decimal("1e-8")):
                yield f"the APR is {apr:.5f}, not {said}"
        elif financed > 0 and sum(amounts) >= financed:
            yield "no APR is stated"
        if abs(self._modification() - Decimal(self.plan["modification_pct"])) > Decimal("0.005"):
            yield f"the change of present value is {self._modification():.4f} %"
        substantial = abs(Decimal(self.plan["modification_pct"])) >= self.rules.number(
            "value", "substantial_modification_pct"
        )
        if substantial != self.plan["substantial_modification"]:
            yield "the mark of a substantial modification is wrong"

    def _modification(self) -> Decimal:
        worth, first = Decimal(0), 0 if self.lump else 1 + self.plan["holiday_months"]
        for name, rows in self.rows.items():
            month = 1 + Decimal(self.debts[name]["annual_rate_pct"]) / 1200
            worth += sum(
                (
                    minor(row["total"]) * month ** -(self._month(row["due"], rows[0]["due"]) - 1 + first)
                    for row in rows
                ),
                Decimal(0),
            )
        return (worth / self.owed - 1) * 100

    def _concession(self) -> Iterator[str]:
        """What is waived, and what the usual rate would bring on the same terms beyond what this one does."""
        given = self.given
        for name, term in self.terms.items():
            usual, rate = self._uncut_rate(name), Decimal(term["annual_rate_pct"])
            principal = self.balance[name]["principal"] - self.waived[name]["principal"]
            interest = [sum(part for _, part in annuity(principal, r, term)) for r in (usual, rate)]
            resting = self.balance[name]["principal"] * self.plan["holiday_months"] * usual / 1200
            given += 0 if self.lump else interest[0] - interest[1] + rounded(resting)
            rows = self.rows[name]
            idle = sum(
                minor(row["balance"]) * (self._month(then["due"], row["due"]) - 2)
                for row, then in itertools.pairwise(rows)
            )
            given += rounded(idle * usual / 1200)
        said = minor(self.plan["concession"][0])
        if said != given:
            yield f"the lender gives up {given}, not {said}"

    def _value(self) -> Iterator[str]:
        """What the lender gets: kept with probability 1 - q, broken after some payments with q."""
        rules, holiday = self.rules, self.plan["holiday_months"]
        amounts = [minor(row["total"]) for row in self.plan["payments"]]
        known = [self.debts[name].get("contractual_payment") for name in self.terms]
        before = sum(int(Decimal(amount) * 100) for amount in known if amount is not None)
        reduction = None
        if None not in known and before and not self.lump:
            first = amounts[:6]
            exact = (1 - Decimal(sum(first)) / len(first) / before) * 100
            reduction = exact.quantize(Decimal("0.01"))
            if max(amounts) >= before and "longer_term" in self.codes:
                yield "every instalment is called lighter, and one is not"
            if abs(exact - Decimal(self.plan["payment_reduction_pct"])) > Decimal("0.005"):
                yield f"the payment is lower by {exact:.3f} %"
        margin = self.plan["stress_margin_pct"]
        q = (
            Decimal(0)
            if self.lump
            else rules.redefault(reduction, None if margin is None else Decimal(margin))
        )
        if q != Decimal(self.plan["redefault_pct"]):
            yield f"the probability of breaking is {q}"
        v = 1 + rules.discount_pct / 1200
        made = min(int(rules.number("value", "redefault_after_payments")), len(amounts) - 1)
        rows = self.plan["payments"]
        worth = [
            minor(row["total"]) * v ** -(self._month(row["due"], rows[0]["due"]) + holiday) for row in rows
        ]
        left = self.owed - self.given
        if made:  # a debt that ended before is owed nothing of
            left = sum(rest[made - 1] for rest in self.open.values() if made <= len(rest))
        after = (
            rules.number("value", "redefault_recovery_pct")
            / 100
            * v ** -int(rules.number("value", "redefault_recovery_month"))
        )
        npv = (1 - q / 100) * sum(worth) + q / 100 * (sum(worth[:made]) + left * after)
        if abs(npv - minor(self.plan["npv"][0])) > 1:
            yield f"the present value is {npv:.2f}"
        share = rules.number("value", "no_deal_recovery_pct") - rules.number("value", "no_deal_cost_pct")
        none = self.owed * share / 100 * v ** -int(rules.number("value", "no_deal_recovery_month"))
        if abs(none - minor(self.plan["npv_no_deal"][0])) > 1:
            yield f"the present value without a deal is {none:.2f}"
        below = minor(self.plan["npv"][0]) < minor(self.plan["npv_no_deal"][0]) and not holiday
        if below != ("below_npv_floor" in self.codes):
            yield "the reason about the lender's floor is missing, or wrong"

    def _after_cuts(self, usual: Decimal) -> dict[Decimal, Decimal]:
        """Give what each of the pack's cuts leaves of a rate."""
        steps = sorted(Decimal(str(step)) for step in self.rules.value("rate", "cuts_pct"))
        return {
            step: (usual * (100 - step) / 100).quantize(_CENT, ROUND_DOWN) if step else usual
            for step in steps
        }

    def _approval(self) -> Iterator[str]:
        """Who must agree follows from what is waived and cut, the floor, and what could not be tested."""
        waived = Decimal(self.given) * 100 / self.owed
        cut = Decimal(0)
        for name, term in self.terms.items():
            usual, rate = self._contract_rate(name), Decimal(term["annual_rate_pct"])
            if usual and not self.lump and self.rules.allows("rate_cut", self.debts[name]["days_past_due"]):
                # The least cut that comes to no more than this rate; a ceiling may have lowered it further.
                after = self._after_cuts(usual)
                reached = [step for step in after if after[step] >= rate]
                same = [step for step in after if after[step] == rate]
                cut = max(cut, min(same, default=max(reached)))
        tier = self.rules.tier(waived, cut)
        untested = self.plan["ceiling_test"] == "not_testable"
        if tier is None:
            yield "nobody may grant this"
        elif tier and not self.plan["needs_approval"]:
            yield "it is more than the negotiator may grant, and nobody is asked"
        untested = untested or "seasonal_pause" in self.codes
        if (untested or "below_npv_floor" in self.codes) and not self.plan["needs_approval"]:
            yield "a person must look at it, and nobody is asked"
        if not tier and not untested and "below_npv_floor" not in self.codes and self.plan["needs_approval"]:
            yield "somebody is asked for approval without need"
