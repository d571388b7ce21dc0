"""Unit cases of a level-payment loan: what happens to it step by step, and the figures after each step.

A payment whose amount the case does not give pays what is due on its day.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from shared.lending.level_loan import Due, LevelLoan, UnknownPeriodError
from shared.lending.money import Rounding
from shared.lending.rate_factors import Convention, Every, YearDays
from tests.oracles.figures import day, number
from tests.oracles.outcome import EQUAL, Outcome, different, out_of_scope

_PLACES = Decimal("1e-12")
_SETTINGS = {
    *(
        "money_decimals",
        "rounding",
        "precision",
        "annual_rate_pct",
        "days_in_year",
        "days_in_month",
        "repay_unit",
    ),
    *("repay_every", "full_term_for_tranche", "interest_recognition_on_disbursement_date", "n"),
    *("grace_principal", "grace_interest"),
}
_EXPECTATIONS = {"period", "daily_interest", "due_amounts", "total_interest"}
_DIGITS = 12
_OPERATIONS = {
    *("addDisbursement", "changeInterestRate", "applyInterestPause", "addBalanceCorrection"),
    *("payPrincipal", "payInterest", "creditPrincipal", "creditInterest"),
}


def judge(document: Mapping[str, Any], case: Mapping[str, Any]) -> Outcome:
    """Every figure of every step equals: amounts to the cent, factors and raw interest to twelve digits."""
    config = case["config"]
    if config.get("full_term_for_tranche") and _lent_between(case):
        return out_of_scope("a tranche with a full term of its own, lent between two due dates")
    if config.get("grace_interest"):
        return out_of_scope("grace on interest in a level loan")
    if case.get("disabled"):
        return out_of_scope("a case that its source has switched off")
    settings = {key for key, value in config.items() if value} - _SETTINGS
    if settings:
        return out_of_scope(f"setting {min(settings)}")
    if config.get("precision", _DIGITS) != _DIGITS:
        return out_of_scope("figures kept with another number of digits than twelve")
    asked = {step["expect"] for step in case["steps"] if "op" not in step} - _EXPECTATIONS
    if asked:
        return out_of_scope(f"expectation {min(asked)}")
    unknown = {step["op"] for step in case["steps"] if "op" in step} - _OPERATIONS
    if unknown:
        return out_of_scope(f"operation {min(unknown)}")
    if any(_in_advance(step, case["periods"][0][0]) for step in case["steps"]):
        return out_of_scope("a payment in advance of its period, of an amount that is not given")
    player = _Player(case)
    for place, step in enumerate(case["steps"], start=1):
        try:
            why = player.play(step)
        except UnknownPeriodError as error:
            why = str(error)
        if why:
            return different(f"step {place}, {why}")
    return EQUAL


def _in_advance(step: Mapping[str, Any], first: str) -> bool:
    """Whether such a payment comes when something was borne (before, the whole instalment is principal)."""
    paid = str(step.get("op")).startswith("pay") and isinstance(step["amount"], str)
    return paid and first < step["amount"] <= step["period_due"]


def _lent_between(case: Mapping[str, Any]) -> bool:
    edges = {on for period in case["periods"] for on in period}
    return any(step.get("op") == "addDisbursement" and step["date"] not in edges for step in case["steps"])


def _convention(config: Mapping[str, Any]) -> Convention:
    return Convention(
        every=config["repay_every"],
        unit=Every(config["repay_unit"].lower()),
        year=YearDays(config["days_in_year"].removeprefix("DAYS_").lower()),
        thirty_day_months=config["days_in_month"] == "DAYS_30",
        whole_new_year=config.get("interest_recognition_on_disbursement_date", False),
        rounding=Rounding[config["rounding"]],
    )


class _Player:
    """Takes the steps of one case."""

    def __init__(self, case: Mapping[str, Any]) -> None:
        config = case["config"]
        self._cents = 10 ** config["money_decimals"]
        self._convention = _convention(config)
        self._loan = LevelLoan(
            [(day(start), day(due)) for start, due in case["periods"]],
            number(config["annual_rate_pct"]),
            self._convention,
            grace=config.get("grace_principal", 0),
            full_term=bool(config.get("full_term_for_tranche")),
        )
        self._settled: tuple[tuple[date, date], Due] | None = None

    def play(self, step: Mapping[str, Any]) -> str:
        """Take one step; the first figure that differs, or nothing."""
        if "op" not in step:
            return str(getattr(self, f"_{step['expect']}")(step))
        getattr(self, f"_{step['op']}")(step)
        return ""

    def _minor(self, amount: float | str) -> int:
        return int((number(amount) * self._cents).to_integral_exact(rounding=ROUND_HALF_EVEN))

    # -- what happens ---------------------------------------------------------------------------

    def _addDisbursement(self, step: Mapping[str, Any]) -> None:  # noqa: N802 - the names of the file
        self._loan.disburse(day(step["date"]), self._minor(step["amount"]))

    def _changeInterestRate(self, step: Mapping[str, Any]) -> None:  # noqa: N802
        self._loan.change_rate(day(step["date"]), number(step["new_annual_rate_pct"]))

    def _applyInterestPause(self, step: Mapping[str, Any]) -> None:  # noqa: N802
        self._loan.pause_interest(day(step["from"]), day(step["to"]))

    def _addBalanceCorrection(self, step: Mapping[str, Any]) -> None:  # noqa: N802
        self._loan.correct_balance(day(step["date"]), self._minor(step["amount"]))

    def _creditPrincipal(self, step: Mapping[str, Any]) -> None:  # noqa: N802
        self._loan.credit(day(step["date"]), principal=self._minor(step["amount"]))

    def _creditInterest(self, step: Mapping[str, Any]) -> None:  # noqa: N802
        self._loan.credit(day(step["date"]), interest=self._minor(step["amount"]))

    def _payPrincipal(self, step: Mapping[str, Any]) -> None:  # noqa: N802
        due, on, amount = self._payment(step)
        self._loan.pay_principal(due, on, amount.principal)

    def _payInterest(self, step: Mapping[str, Any]) -> None:  # noqa: N802
        due, on, amount = self._payment(step)
        self._loan.pay_interest(due, on, amount.interest)

    def _payment(self, step: Mapping[str, Any]) -> tuple[date, date, Due]:
        if not isinstance(step["amount"], str):
            amount = self._minor(step["amount"])
            return day(step["period_due"]), day(step["date"]), Due(amount, amount)
        due, on = day(step["date"]), day(step["amount"])
        if self._settled is None or self._settled[0] != (due, on):
            self._settled = ((due, on), self._loan.due(due, on))
        return due, on, self._settled[1]

    # -- what is expected -----------------------------------------------------------------------

    def _period(self, step: Mapping[str, Any]) -> str:
        period = self._loan.periods[step["i"]]
        ours: dict[str, Any] = {
            "emi": period.instalment,
            "interest": period.interest,
            "principal": period.principal,
            "balance": period.balance,
        }
        for name, amount in ours.items():
            if name in step and amount != self._minor(step[name]):
                return f"period {step['i']}, {name}: ours {amount} minor units, theirs {step[name]}"
        if "fully_paid" in step and step["fully_paid"] != period.fully_paid:
            return f"period {step['i']}, fully_paid: theirs {step['fully_paid']}"
        if "sub" not in step:
            return ""
        if step["sub"] >= len(period.parts):
            return f"period {step['i']}, parts: ours {len(period.parts)}, theirs more than {step['sub']}"
        part = period.parts[step["sub"]]
        interest = part.interest(period.due, part.balance, self._convention.context) / self._cents
        for name, exact in (("rate_factor", part.factor), ("interest_sub", interest)):
            if name in step and abs(exact - number(step[name])) > _PLACES:
                return f"period {step['i']} part {step['sub']}, {name}: ours {exact}, theirs {step[name]}"
        return ""

    def _daily_interest(self, step: Mapping[str, Any]) -> str:
        due, start = day(step["period_due"]), day(step["start"])
        since, before = (
            self._loan.interest_until(due, start + timedelta(days=step["day_offset"] - back))
            for back in (0, 1)
        )
        theirs = (self._minor(step["interest_since_start"]), self._minor(step["interest_of_that_day"]))
        ours = (since, since - before)
        return (
            "" if ours == theirs else f"interest until day {step['day_offset']}: ours {ours}, theirs {theirs}"
        )

    def _due_amounts(self, step: Mapping[str, Any]) -> str:
        *_, due, on = step["args"]
        ours = self._loan.due(day(due), day(on))
        theirs = Due(self._minor(step["due_principal"]), self._minor(step["due_interest"]))
        return "" if ours == theirs else f"due by {on}: ours {ours}, theirs {theirs}"

    def _total_interest(self, step: Mapping[str, Any]) -> str:
        ours, theirs = self._loan.total_interest, self._minor(step["amount"])
        return "" if ours == theirs else f"total interest: ours {ours}, theirs {theirs}"
