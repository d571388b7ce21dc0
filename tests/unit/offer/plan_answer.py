"""An independent checker of what `parley offer --json` says: every claim of it is computed again.

It knows the case file, the answer and the packs' TOML, and imports nothing of the product. `problems` gives
sentences; an empty list is a good answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal, localcontext
from typing import Any

from tests.unit.offer.budget_checker import budget_problems
from tests.unit.offer.plan_arithmetic import add_months, capacity_on, is_foreign, minor, outstanding
from tests.unit.offer.plan_checker import KINDS, CheckedPlan
from tests.unit.offer.plan_rules import PackRules

__all__ = ["problems"]


def problems(case: dict[str, Any], answer: dict[str, Any]) -> list[str]:
    """Say what is wrong with the plans of an answer, or with saying that there are none."""
    rules = PackRules(case["policy"], date.fromisoformat(case["on"]))
    with localcontext() as context:
        context.prec = 50
        said = answer["said"]
        found = list(budget_problems(case, answer, rules))
        if "plans" not in said:
            return [*found, *_no_plan(case, answer, rules)]
        for plan, shown in zip(said["plans"], answer["plans"], strict=True):
            who = f"plan {plan['rank']}: "
            found += [who + wrong for wrong in CheckedPlan(case, answer, plan, shown, rules).wrong()]
        return [*found, *_together(said["plans"], case, answer, rules)]


# -- all of them together --------------------------------------------------------------------------------


def _together(
    plans: Sequence[dict[str, Any]], case: dict[str, Any], answer: dict[str, Any], rules: PackRules
) -> Iterator[str]:
    if not 1 <= len(plans) <= rules.number("offers", "max_ranked"):
        yield f"{len(plans)} plans"
    if [plan["rank"] for plan in plans] != list(range(1, len(plans) + 1)):
        yield "the ranks do not count from one"
    totals = [sum(minor(amount) for amount in plan["total_paid"]) for plan in plans]
    lasts = [plan["payments"][-1]["due"] for plan in plans]
    peaks = [max(minor(row["total"]) for row in plan["payments"]) for plan in plans]
    firsts = [minor(plan["payments"][0]["total"]) for plan in plans]
    wished = answer["said"].get("answer") is not None
    apart = rules.number("offers", "min_difference_pct") / 2
    for a in range(len(plans)):
        for b in range(a + 1, len(plans)):
            if plans[a]["payments"] == plans[b]["payments"]:
                yield f"plans {a + 1} and {b + 1} are the same"
            pairs = (
                (totals[a], totals[b]),
                (firsts[a], firsts[b]),
                (len(plans[a]["payments"]), len(plans[b]["payments"])),
            )
            # Of the cheapest and the fastest both stay, and amounts below a unit are all rounding.
            titles = _titles(plans[a]) | _titles(plans[b])
            exempt = wished or titles & {"lowest_total", "fastest"} or min(firsts[a], firsts[b]) < 100
            if not exempt and not any(abs(x - y) * 100 >= apart * max(x, y) and x != y for x, y in pairs):
                yield f"plans {a + 1} and {b + 1} hardly differ"
    for at, plan in enumerate(plans):
        titles = _titles(plan)
        if "lowest_total" in titles and totals[at] != min(totals):
            yield f"plan {at + 1} is not the cheapest"
        if "fastest" in titles and lasts[at] != min(lasts):
            yield f"plan {at + 1} is not the fastest"
        if "lowest_instalment" in titles and peaks[at] != min(peaks):
            yield f"plan {at + 1} has not the lowest instalment"
        if ("best_balance" in titles) != (at == 0) and not wished:
            yield "the best balance is not first"
    for code in ("lowest_total", "fastest", "lowest_instalment", "best_balance"):
        if sum(code in _titles(plan) for plan in plans) != 1:
            yield f"{code} is said of none, or of several"
    if not wished:
        least, most = min(totals), max(minor(plan["npv"][0]) for plan in plans)
        scores = [
            (Decimal(total) / least if least else Decimal(0))
            - (Decimal(minor(plan["npv"][0])) / most if most > 0 else 0)
            for total, plan in zip(totals, plans, strict=True)
        ]
        if scores != sorted(scores):
            yield "the order is not that of cost and value together"
    covered = {debt["debt_id"] for debt in plans[0]["debts"]}
    bound = _bound(case, answer, rules, covered)
    # Nothing is cheaper than all waivers and no interest, and nothing is faster than that in equal parts.
    if bound is not None and not plans[0]["holiday_months"]:
        least, months = bound
        if min(totals) > least:
            yield f"a plan that costs {least} fits, and the cheapest shown costs {min(totals)}"
        if min(len(plan["payments"]) for plan in plans) > months:
            yield f"a plan of {months} months fits, and the fastest shown is longer"


def _titles(plan: dict[str, Any]) -> set[str]:
    return {reason["code"] for reason in plan["reasons"]} & {
        "lowest_total",
        "fastest",
        "lowest_instalment",
        "best_balance",
    }


def _bound(
    case: dict[str, Any], answer: dict[str, Any], rules: PackRules, covered: set[str] | None = None
) -> tuple[int, int] | None:
    """Give the least total and the fewest months of plans without interest that surely fit; None: none does.

    Only where every debt may have its rate cut to nothing, and every cap on what is waived is used in full.
    """
    debts = [debt for debt in case["debts"] if covered is None or debt["debt_id"] in covered]
    owed = 0
    for debt in debts:
        free = rules.allows("rate_cut", debt["days_past_due"]) or not Decimal(debt["annual_rate_pct"])
        if not free or debt.get("history") or is_foreign(debt, rules.currency):
            return None
        whole, overdue = outstanding(debt, rules.currency), outstanding(debt, rules.currency, "overdue")
        owed += sum(whole.values())
        for part, pct in rules.value("waiver", "max_overdue_pct").items():
            if rules.allows(KINDS[part], debt["days_past_due"]):
                owed -= min(int(overdue[part] * Decimal(pct) / 100), whole[part])
    if owed <= 0:
        return None
    first = add_months(date.fromisoformat(case["on"]), 1)
    room = []
    for month in range(int(rules.number("term", "max_months"))):
        # Instalments fall due within a month around this day: the least of both ends surely holds.
        days = (add_months(first, month - 1), add_months(first, month + 1))
        room.append(min(min(capacity_on(answer["assessment"], day.isoformat())) for day in days))
        count = month + 1
        parts = -(-owed // count) + 4 * count  # rounding falls on the last instalment
        large_enough = owed // count - len(debts) >= rules.amount("term", "min_payment") or count == 1
        if parts <= min(room) and large_enough:
            return owed, count
    return None


# -- where there is none ---------------------------------------------------------------------------------


# Reasons that rest on what the borrower can pay.
_MEANS = {"not_affordable", "not_affordable_under_stress", "not_affordable_later", "no_residual_income",
          "below_min_payment"}  # fmt: skip


def _no_plan(case: dict[str, Any], answer: dict[str, Any], rules: PackRules) -> Iterator[str]:
    said = answer["said"]
    reason, params = said["reason"]["code"], said["reason"]["params"]
    if reason in _MEANS and _bound(case, answer, rules) is not None:
        yield f"{reason}: but a plan fits"
    available, payment = params.get("available"), params.get("payment")
    if available and payment and Decimal(payment.split()[0]) <= Decimal(available.split()[0]):
        yield f"{reason} says that {payment} is more than {available}"
    if reason == "no_residual_income" and min(capacity_on(answer["assessment"], case["on"])[:1]) > 0:
        yield "is said to have nothing left, and has"
    if not said["next_step"]["code"].startswith("next_"):
        yield "no next step"
    if said["review_on"] is None or said["review_on"] <= case["on"]:
        yield "nobody looks at it again"
    for row in said["payments"]:
        now, stress = capacity_on(answer["assessment"], row["due"])
        most = now if said["next_step"]["code"] == "next_token_plan" else min(now, stress)
        if not 0 < minor(row["total"]) <= most:
            yield "a payment that cannot be paid"
    owed = sum(
        sum(outstanding(debt, rules.currency).values())
        for debt in case["debts"]
        if not is_foreign(debt, rules.currency)
    )
    if sum(minor(row["total"]) for row in said["payments"]) > owed:
        yield "payments of more than is owed"
