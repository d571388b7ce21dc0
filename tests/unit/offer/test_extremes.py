"""Borrowers at the edge, under every pack: plans that an independent checker finds nothing wrong with, or a
reason and a next step in both languages; never an exception, never silence."""

from __future__ import annotations

import copy
import io
import json
import re
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

import deploy
from services.cli import offer_print
from services.cli.offer_case import read_case
from services.cli.offer_run import Outcome, run
from shared.contracts.offer import NoPlanFound
from shared.contracts.plan_terms import total_of
from shared.lending.money import Money
from shared.policy.reference import Reference, load_reference
from shared.texts import LANGUAGES, story, text
from shared.texts.affairs import as_text, statement_of_affairs
from tests.unit.offer.extreme_cases import CASES, DAY, PACKS, case_of
from tests.unit.offer.plan_answer import problems

ON = date.fromisoformat(DAY)
EVERY = [pytest.param(name, pack, id=f"{name}, {pack}") for name in CASES for pack in PACKS]


@pytest.fixture(scope="module")
def packs() -> Reference:
    return load_reference(Path(deploy.__file__).parent / "policies")({})


Answered = tuple[dict[str, Any], Outcome, dict[str, Any]]


@pytest.fixture
def answered(packs: Reference, tmp_path: Path) -> Callable[[str, str], Answered]:
    """Give a case, what the services' code makes of it, and that as `parley offer --json` prints it."""
    book = packs.policies
    currencies = {pack: book.pack(pack).info.currency for pack in book.pack_ids}

    def answer(name: str, pack: str) -> Answered:
        case, path = case_of(name, pack), tmp_path / "case.json"
        path.write_text(json.dumps(case), encoding="utf-8")
        outcome = run(read_case(path, None, currencies), ON, None, packs)
        rounding = book.in_force(pack, ON).amounts.rounding
        return case, outcome, offer_print.as_json(outcome, rounding, "en")

    return answer


@pytest.mark.parametrize(("name", "pack"), EVERY)
def test_plans_keep_what_they_claim_and_where_there_is_none_that_is_true(
    answered: Callable[[str, str], Answered], name: str, pack: str
) -> None:
    case, _, answer = answered(name, pack)
    assert problems(case, answer) == []


# -- what the borrower is told ----------------------------------------------------------------------------

# What a borrower in the United Kingdom is never pressed for (CONC 7.3.10R).
_PRESSING = re.compile(
    r"\b(borrow|sell|sale of|raise|take out|ask your (family|relatives)|re-?mortgage|at once or)\b"
    r"|借款还|借钱|卖房|出售房|向亲友|尽快一次",
    re.IGNORECASE,
)
_CURRENCY = re.compile(r"(CNY|USD|GBP|EUR|JPY)")
# Names that are not words: accounts, the version of a model and of a pack, an arm of an experiment.
_NAMES = re.compile(r"\b[ad]-\d+\b|[a-z0-9-]+\+margin-\d+|[a-z-]+@\S+|champion|(cn|us|uk|eu)-[a-z-]+")


def _words(outcome: Outcome, packs: Reference, lang: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Give everything that is printed or shown of an answer in one language."""
    console = Console(file=io.StringIO(), width=200)
    monkeypatch.setattr(offer_print, "stdout", console)
    policy = packs.policies.in_force(outcome.state.policy, ON)
    offer_print.show(outcome, policy.amounts.rounding, lang)
    assert isinstance(console.file, io.StringIO)
    told = [console.file.getvalue(), story(type(outcome.said).TYPE, lang, outcome.said)]
    if outcome.completed is not None:
        owed = [total_of(debt.outstanding) for debt in outcome.state.debts]
        affairs = statement_of_affairs(outcome.completed, Money.sum(owed, policy.currency), lang)
        told.append(as_text(affairs, lang))
    return "\n".join(told)


def _reasons(outcome: Outcome) -> Iterator[Any]:
    said = outcome.said
    if isinstance(said, NoPlanFound):
        yield from (said.reason, said.next_step)
        return
    yield from said.terms
    for plan in said.plans:
        yield from plan.reasons


@pytest.mark.parametrize(("name", "pack"), EVERY)
def test_everything_is_said_in_both_languages(
    answered: Callable[[str, str], Answered],
    packs: Reference,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    pack: str,
) -> None:
    _, outcome, _ = answered(name, pack)
    if name != "ordinary":  # their tables have the same headings, and take long
        monkeypatch.setattr(offer_print, "_schedule", lambda *_: None)
    for lang in LANGUAGES:
        for reason in _reasons(outcome):
            assert text(reason.code, reason.params, lang).strip()
        for line in _words(outcome, packs, lang, monkeypatch).splitlines():
            assert "…" not in line, "a figure is missing in the words"
            assert "{" not in line
            assert not (pack == "uk-unsecured" and _PRESSING.search(line)), line
            plain = _NAMES.sub("", _CURRENCY.sub("", line))
            assert "_" not in plain, "the name of a code, not words"
            if lang == "zh":
                assert re.search(r"[A-Za-z]{2,}", plain) is None, line
            else:
                assert re.search(r"[\u4e00-\u9fff]", plain) is None, line


TOLD = {
    "zero income": ("no_residual_income", "next_debt_advice"),
    "zero income for a while": ("no_residual_income", "next_payment_holiday"),
    "negative residual": ("no_residual_income", "next_debt_advice"),
    "thirty dependants and nothing named": ("no_residual_income", "next_debt_advice"),
    "forty debts and no means": ("no_residual_income", "next_debt_advice"),
    "all income from a benefit that ends": ("not_affordable_later", "next_reduced_payments"),
    "one month of means": ("not_affordable_later", "next_reduced_payments"),
    "the means end before the first instalment": ("not_affordable_later", "next_debt_advice"),
    "just enough today, nothing under stress": ("not_affordable_under_stress", "next_token_plan"),
    "less than the smallest instalment": ("not_affordable", "next_reduced_payments"),
    "one minor unit can be paid": ("not_affordable", "next_debt_advice"),
    "ten million owed": ("not_affordable", "next_reduced_payments"),
    "only another currency": ("no_rules_in_currency", "next_human_review"),
}


@pytest.mark.parametrize("pack", PACKS)
@pytest.mark.parametrize(("name", "told"), TOLD.items())
def test_where_there_is_no_plan_it_is_told_why_and_what_comes_next(
    answered: Callable[[str, str], Answered], name: str, told: tuple[str, str], pack: str
) -> None:
    said = answered(name, pack)[1].said
    assert isinstance(said, NoPlanFound)
    assert (said.reason.code, said.next_step.code) == told


def test_means_that_end_are_said_with_their_day(answered: Callable[[str, str], Answered]) -> None:
    """Not: the payment of 204.17 would be more than the 1224.00 that can be afforded under stress."""
    said = answered("all income from a benefit that ends", "cn-card")[1].said
    assert isinstance(said, NoPlanFound)
    assert said.reason.params == {"available": "0.00 CNY", "on": "2026-05-01", "payment": "204.17 CNY"}
    before = answered("the means end before the first instalment", "cn-card")[1].said
    assert isinstance(before, NoPlanFound)
    assert before.reason.params["on"] == "2026-03-10"


def test_a_single_payment_that_is_too_low_is_not_called_a_monthly_one(
    answered: Callable[[str, str], Answered],
) -> None:
    for pack in PACKS:
        _, _, answer = answered("a wish to settle for almost nothing", pack)
        told = " ".join(answer["words"])
        assert "would not settle what is owed" in told
        assert "You need not pay at once" in told
        assert "monthly payment you proposed" not in told


def test_where_everything_is_waived_no_payment_is_the_first_instalment(
    answered: Callable[[str, str], Answered],
) -> None:
    _, outcome, answer = answered("nothing but late charges", "cn-card")
    assert outcome.state.counts_from is not None
    assert outcome.state.counts_from.is_positive
    totals = [Decimal(plan["total_paid"][0]["amount"]) for plan in answer["said"]["plans"]]
    assert min(totals) == 0, "all of it may be waived, with approval"


def test_a_settlement_that_was_wished_is_the_fastest_of_what_is_shown(
    answered: Callable[[str, str], Answered],
) -> None:
    _, _, answer = answered("a wish to settle at once", "cn-card")
    first, *others = answer["said"]["plans"]
    assert "fastest" in {reason["code"] for reason in first["reasons"]}
    assert all("fastest" not in {reason["code"] for reason in plan["reasons"]} for plan in others)


# -- the checker itself -----------------------------------------------------------------------------------


def _shift(amount: dict[str, str], by: str) -> None:
    amount["amount"] = str(Decimal(amount["amount"]) + Decimal(by))


def _a_cent_less(answer: dict[str, Any]) -> None:
    _shift(answer["plans"][0]["schedules"][0]["rows"][1]["principal"], "-0.01")


def _a_cent_elsewhere(answer: dict[str, Any]) -> None:
    row = answer["plans"][1]["schedules"][0]["rows"][2]
    _shift(row["principal"], "-0.01")
    _shift(row["interest"], "0.01")


def _another_total(answer: dict[str, Any]) -> None:
    _shift(answer["said"]["plans"][0]["total_paid"][0], "0.01")


def _less_means(answer: dict[str, Any]) -> None:
    _shift(answer["assessment"]["stress"], "-100.00")


def _another(name: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(answer: dict[str, Any]) -> None:
        answer["said"]["plans"][0][name] = value

    return change


def _more_left(answer: dict[str, Any]) -> None:
    _shift(answer["assessment_completed"]["projection"][0]["available_stress"], "0.01")


def _later_means(answer: dict[str, Any]) -> None:
    answer["assessment"]["later"] = [{**answer["assessment"], "start": "2030-01-01"}]


def _more_waived(answer: dict[str, Any]) -> None:
    _shift(answer["said"]["plans"][0]["debts"][0]["waived"]["principal"], "1.00")


def _nobody_asked(answer: dict[str, Any]) -> None:
    for plan in answer["said"]["plans"]:
        plan["needs_approval"] = False


def _the_same_twice(answer: dict[str, Any]) -> None:
    for name in ("said", "plans"):
        plans = answer["said"]["plans"] if name == "said" else answer["plans"]
        plans[1] = {**copy.deepcopy(plans[0]), "rank": 2}


def _without_the_cheapest(answer: dict[str, Any]) -> None:
    plans = answer["said"]["plans"]
    cheap = [at for at, plan in enumerate(plans) if plan["interest"][0]["amount"] == "0.00"]
    for at in reversed(cheap):
        del plans[at], answer["plans"][at]


@pytest.mark.parametrize(
    "change",
    [
        _a_cent_less,
        _a_cent_elsewhere,
        _another_total,
        _less_means,
        _more_left,
        _later_means,
        _more_waived,
        _nobody_asked,
        _the_same_twice,
        _without_the_cheapest,
        _another("apr_pct", "0.0100"),
        _another("npv", [{"amount": "1.00", "currency": "CNY"}]),
        _another("npv_no_deal", [{"amount": "1.00", "currency": "CNY"}]),
        _another("concession", [{"amount": "1.00", "currency": "CNY"}]),
        _another("interest", [{"amount": "1.00", "currency": "CNY"}]),
        _another("redefault_pct", "1"),
        _another("stress_margin_pct", "99.00"),
        _another("modification_pct", "0.00"),
        _another("payment_reduction_pct", "0.00"),
        _another("rank", 7),
        _another("measures", []),
        _another("reasons", []),
    ],
)
def test_the_checker_finds_what_is_wrong(
    answered: Callable[[str, str], Answered], change: Callable[[dict[str, Any]], None]
) -> None:
    case, _, answer = answered("ordinary", "cn-card")
    wrong = copy.deepcopy(answer)
    change(wrong)
    assert problems(case, wrong)


def test_the_checker_finds_a_plan_that_was_withheld(answered: Callable[[str, str], Answered]) -> None:
    case, _, _ = answered("ordinary", "cn-card")
    _, _, none = answered("negative residual", "cn-card")
    means = answered("ordinary", "cn-card")[2]["assessment"]
    assert any("but a plan fits" in wrong for wrong in problems(case, {**none, "assessment": means}))
