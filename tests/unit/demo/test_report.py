"""The report shows what it was given, and the digest depends on outcomes and amounts alone."""

from __future__ import annotations

import io
from collections import Counter
from dataclasses import replace

from rich.console import Console

from deploy.demo.report import Outcome, digest, show, told
from services.console.ledger import DebtLine
from services.console.model import CaseLine, Stage
from services.console.reconcile import Check
from shared.lending.money import Money


def yuan(amount: str) -> Money:
    return Money.parse(amount, "CNY")


LINE = DebtLine(
    debt="A-1",
    opening=yuan("1000.00"),
    charges=yuan("50.00"),
    corrections=yuan("0.00"),
    paid=yuan("250.00"),
    waived=yuan("0.00"),
    outstanding=yuan("800.00"),
)


def outcome(**changes: object) -> Outcome:
    base = Outcome(
        seed=1,
        customers=2,
        days=30,
        cases={
            "c-1": CaseLine(stage=Stage.PLAN, reached=(Stage.ASSESSMENT, Stage.TALKS, Stage.PLAN)),
            "c-2": CaseLine(stage=Stage.CLOSED, reached=(Stage.CLOSED,), close_reason="cured"),
        },
        debts=[LINE],
        emitted={"intake": Counter({"parley.intake.case.opened.v1": 2})},
        published=4,
        records=40,
        seconds=2.0,
        checks=[Check("money", looked_at=1)],
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def shown(given: Outcome) -> str:
    out = io.StringIO()
    show(given, Console(file=out, width=80))
    return out.getvalue()


def test_the_report_names_outcomes_funnel_money_decisions_and_checks() -> None:
    text = shown(outcome())
    for words in (
        "closed (cured)",
        "1,000.00",
        "25.0 %",
        "case.opened 2",
        "kept so far",
        "money",
        "20 a second",
    ):
        assert words in text


def test_a_failed_check_fails_the_outcome() -> None:
    failed = Check("money", looked_at=1)
    failed.found("a debt does not add up")
    assert outcome().ok
    assert not outcome(checks=[failed]).ok


def test_the_digest_depends_on_outcomes_and_amounts_and_not_on_speed() -> None:
    assert digest(outcome()) == digest(outcome(seconds=9.0, records=99))
    assert digest(outcome()) != digest(outcome(debts=[replace(LINE, paid=yuan("250.01"))]))
    assert digest(outcome()) != digest(outcome(cases={"c-1": CaseLine(stage=Stage.BROKEN)}))


def test_the_case_that_is_told_went_furthest() -> None:
    assert told(outcome()) == "c-1"
    assert told(outcome(cases={})) is None
