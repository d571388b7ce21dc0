"""Every reason code and every message has its words in both languages, with the same parameters."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from datetime import date
from enum import Enum
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import pytest
from pydantic import BaseModel

import deploy
import services
from shared import lending
from shared.contracts.agreement import InstructionKind
from shared.contracts.alert import AlertKind, AlertSeverity
from shared.contracts.assessment import HardshipKind, OpenNeed, Treatment
from shared.contracts.bank import PaymentReceived
from shared.contracts.base import Event, Part, Personal, Reason
from shared.contracts.debts import Balances, ProductKind
from shared.contracts.desk import (
    ContactDirection,
    ContactOutcome,
    ContactRecorded,
    HardshipCause,
    IncomeSource,
    RefusalReason,
    SignatureParty,
    SpendingCategory,
)
from shared.contracts.household import (
    ChangeKind,
    DoubtKind,
    HardshipOnset,
    IncomeStability,
    OverrideFigure,
    Vulnerability,
)
from shared.contracts.intake import CloseReason, InputRefused
from shared.contracts.notice import NoticeKind
from shared.contracts.parties import StopCause
from shared.contracts.personal import holds_personal
from shared.contracts.reasons import ReasonCode
from shared.contracts.registry import EVENTS
from shared.lending.money import Money
from shared.policy.loader import PolicyBook
from shared.policy.sections_conduct import Channel
from shared.texts import LANGUAGES, field_name, parameters, story, story_fields, text, word
from shared.texts.words import _ALIASES, _table

NAMES = re.compile(r"\{([a-z_]+)\}")
CHINESE = re.compile(r"[\u4e00-\u9fff]")
REASONS = _table("reasons.toml")
STORIES = _table("stories.toml")
WORDS = _table("words.toml")
FIELDS = _table("fields.toml")
PERSONAL = {"name", "contact", "words", "wish", "key_points", "feedback", "explanation", "buyer"}
# Nothing that a borrower reads may sound like this.
THREATS = re.compile(
    r"court|\bsue|lawyer|police|seiz|punish|blacklist|起诉|法院|律师|警|查封|惩|黑名单|失信|后果自负", re.I
)


@pytest.mark.parametrize("code", list(ReasonCode))
def test_every_reason_has_its_words_in_both_languages(code: ReasonCode) -> None:
    assert code in REASONS, f"add [{code}] with zh and en to shared/texts/reasons.toml"
    words = REASONS[code]
    assert set(words) == set(LANGUAGES)
    assert CHINESE.search(words["zh"])
    assert not CHINESE.search(words["en"])
    assert sorted(NAMES.findall(words["zh"])) == sorted(NAMES.findall(words["en"]))
    assert not THREATS.search(words["zh"] + words["en"])


@pytest.mark.parametrize("type_", list(EVENTS))
def test_every_message_has_its_line_in_both_languages(type_: str) -> None:
    assert type_ in STORIES, f'add ["{type_}"] with zh and en to shared/texts/stories.toml'
    words = STORIES[type_]
    assert set(words) == set(LANGUAGES)
    assert CHINESE.search(words["zh"])
    assert set(NAMES.findall(words["zh"])) == set(NAMES.findall(words["en"]))


@pytest.mark.parametrize("event", EVENTS.values(), ids=lambda event: event.TYPE)
def test_a_line_names_only_fields_that_the_message_has_and_nobodys_data(event: type[Event]) -> None:
    named = story_fields(event.TYPE)
    assert named <= event.model_fields.keys()
    assert not named & PERSONAL


def _personal_names(model: type[BaseModel]) -> Iterator[str]:
    """Give every name on the way to what is personal in a message of this class."""
    private = model.PRIVATE if issubclass(model, Part) else ()
    for name, one in model.model_fields.items():
        inner = [part for part in _classes(one.annotation) if holds_personal(part)]
        if name in private or inner:
            yield name
        for part in [] if name in private else inner:
            if not issubclass(part, Personal | Reason):
                yield from _personal_names(part)


def _classes(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _classes(part)


def test_every_field_that_may_be_erased_has_its_name_in_both_languages() -> None:
    """An index said "erased: obligors/0/name, key_points" to a Chinese court."""
    names = {name for event in EVENTS.values() if holds_personal(event) for name in _personal_names(event)}
    assert {*names, "participants"} == FIELDS.keys()
    for zh, en in FIELDS.values():
        assert CHINESE.search(zh)
        assert not CHINESE.search(en)
        assert "_" not in en
    assert field_name("obligors/0/name", "en") == "other obligor 1: name"
    assert field_name("obligors/0/name", "zh") == "其他债务人 1：姓名"
    assert field_name("what_comes_later", "zh") == "what comes later"


def test_there_are_no_words_for_what_does_not_exist() -> None:
    assert REASONS.keys() <= set(ReasonCode)
    assert STORIES.keys() <= EVENTS.keys()


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("direction", ContactDirection),
        ("outcome", ContactOutcome),
        ("party", SignatureParty),
        ("cause", HardshipCause),
        ("cause", StopCause),
        ("hardship", HardshipKind),
        ("reason", CloseReason),
        ("reason", RefusalReason),
        ("kind", InstructionKind),
        ("kind", AlertKind),
        ("kind", NoticeKind),
        ("channel", get_args(Channel)),
        ("severity", AlertSeverity),
        ("category", SpendingCategory),
        ("skill", ProductKind),
        ("missing", ("income", "spending", "dependants", "assets", "other_debts")),
        ("missing", ("place", "participants", "key_points", "reason")),
    ],
)
def test_every_enumerated_value_of_a_line_has_words(field: str, values: Any) -> None:
    assert {str(value) for value in values} <= WORDS[field].keys()


def _enumerated(annotation: Any) -> Iterator[str]:
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        yield from (str(one.value) for one in annotation)
    elif get_origin(annotation) is Literal:
        yield from map(str, get_args(annotation))
    elif annotation is bool:
        yield from ("true", "false")
    elif get_origin(annotation) not in (tuple, list):
        for part in get_args(annotation):
            yield from _enumerated(part)


@pytest.mark.parametrize("event", EVENTS.values(), ids=lambda event: event.TYPE)
def test_no_line_shows_a_value_of_an_enumeration_as_its_code(event: type[Event]) -> None:
    for name in story_fields(event.TYPE):
        values = set(_enumerated(event.model_fields[name].annotation))
        assert values <= WORDS.get(_ALIASES.get(name, name), {}).keys(), name


def test_a_line_tells_what_is_missing_what_was_answered_and_since_when() -> None:
    """A notice of breach said "1 by 2026-03-31 puts it right", an answer of the bank not which it was."""
    missing = ({"amount": "12.50", "currency": "CNY"}, {"amount": "3.00", "currency": "USD"})
    noticed = {"cure_by": "2026-03-31", "missing": missing}
    said = story("parley.followup.breach.noticed.v1", "en", noticed)
    assert said == "Notice of breach: 12.50 CNY, 3.00 USD by 2026-03-31 puts it right"
    answer = {"instruction_id": "i-1", "confirmed": False, "about": "plan", "reason": "late"}
    for lang, words in (
        ("en", "The bank answered instruction i-1 about the plan: refused (late)"),
        ("zh", "银行已答复指示i-1（方案）：未执行（late）"),
    ):
        assert story("parley.intake.bank.answered.v1", lang, answer) == words
    balance = {name: {"amount": "1.10", "currency": "CNY"} for name in Balances.model_fields}
    reported = {"account_id": "A", "as_of": "2026-03-02", "outstanding": balance, "overdue": balance}
    assert story("parley.bank.balance.reported.v1", "en", reported) == (
        "Bank: balance of account A as of 2026-03-02: 4.40 CNY, 4.40 CNY of it overdue"
    )
    filed = {"place": "sms", "outcome": "not_sent: window_passed", "next_step": "try_again"}
    assert story("parley.notice.filed.v1", "en", filed) == (
        "Contact on file: by text message, outcome: not sent (window passed), next step: try again"
    )
    asked = {"by": "n-1", "channel": "phone", "at": "2026-03-02T17:05:00+08:00"}
    assert story("parley.desk.contact.asked.v1", "en", asked) == (
        "n-1 asks whether contact by phone at 2026-03-02 17:05 UTC+08:00 is allowed"
    )
    # What only looks like a moment is somebody's own text.
    assert "2026-99-99T99:99" in story(
        "parley.desk.contact.asked.v1", "en", {**asked, "by": "2026-99-99T99:99"}
    )


def test_one_of_something_is_not_said_as_several() -> None:
    opened = {"episode": 1, "debts": [{}], "policy": "p"}
    assert story("parley.intake.case.opened.v1", "en", opened) == "Case opened, episode 1, 1 debt, policy p"
    solved = {"problem_id": "p-1", "by": "n-1", "days": 1}
    assert story("parley.followup.problem.resolved.v1", "en", solved).endswith("after 1 day")
    assert story("parley.followup.problem.resolved.v1", "en", {**solved, "days": 21}).endswith(
        "after 21 days"
    )


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("code", list(ReasonCode))
def test_words_read_well_with_all_parameters_and_with_none(code: ReasonCode, lang: str) -> None:
    full = text(code, dict.fromkeys(parameters(code), "§"), lang)
    assert full.count("§") == len(NAMES.findall(REASONS[code][lang]))
    for filled in (full, text(code, {}, lang)):
        assert not set("[]{}…") & set(filled)
        assert "  " not in filled
        assert " ." not in filled
        assert filled[-1] in "。."


def test_a_parameter_that_is_missing_takes_its_part_of_the_sentence_with_it() -> None:
    params = {"amount": "12.00 CNY", "not_named": "x"}
    assert text(ReasonCode.PAYMENT_APPLIED, params, "en") == (
        "Thank you: your payment of 12.00 CNY was received and credited."
    )
    assert text("payment_applied", None, "zh") == "已收到您的付款并入账，谢谢。"


def test_enumerated_parameters_are_said_in_the_language_of_the_text() -> None:
    assert "job loss" in text(ReasonCode.HARDSHIP_REPORTED, {"cause": "job_loss"}, "en")
    assert "失业" in text(ReasonCode.HARDSHIP_REPORTED, {"cause": "job_loss"}, "zh")
    missing = {"missing": "income, other_debts"}
    assert text(ReasonCode.STATEMENT_INCOMPLETE, missing, "zh").endswith("：收入、其他债务。")
    assert text(ReasonCode.STATEMENT_INCOMPLETE, missing, "en").endswith(": income, other debts.")
    assert "主管" in text(ReasonCode.APPROVAL_NEEDED, {"role": "supervisor"}, "zh")


def test_lower_payments_for_a_while_are_not_called_all_that_can_be_paid() -> None:
    """Who can pay 766 was told that 91.59 is what they can afford, and of interest nothing."""
    params = {"amount": "91.59", "currency": "USD", "months": "6"}
    said = text(ReasonCode.NEXT_REDUCED_PAYMENTS, params, "en")
    assert "pay less: 91.59 USD a month, in 6 payments" in said
    assert "You can afford that even if something goes wrong." in said
    assert "先少还一些，每月91.59 USD，共6期" in text(ReasonCode.NEXT_REDUCED_PAYMENTS, params, "zh")
    for code in ("next_reduced_payments", "next_payment_holiday", "next_token_plan"):
        assert "interest may go on" in text(code, params, "en")
        assert "利息可能继续计算" in text(code, params, "zh")


def test_an_unknown_code_or_message_of_a_newer_sender_is_shown_by_name() -> None:
    assert text("from_the_future", {}, "zh") == "from the future"
    assert story("parley.offer.sweetened.v9") == "parley.offer.sweetened.v9"


@pytest.mark.parametrize("lang", ["", "de", "EN"])
def test_other_languages_are_refused(lang: str) -> None:
    with pytest.raises(ValueError, match="zh, en"):
        text(ReasonCode.NO_CASE, {}, lang)


def test_a_line_is_filled_from_the_model_and_from_its_wire_form() -> None:
    event = PaymentReceived(payment_id="P", amount=Money(1230, "CNY"), value_date=date(2026, 1, 2))
    line = "Bank: payment of 12.30 CNY received, value date 2026-01-02"
    assert story(event.TYPE, "en", event) == line
    assert story(event.TYPE, "en", event.model_dump(mode="json")) == line
    offer = {"round": 2, "plans": [{}, {}, {}], "valid_until": "2026-02-01"}
    assert (
        story("parley.offer.tabled.v1", "en", offer)
        == "Offer tabled, round 2, 3 plans, valid until 2026-02-01"
    )
    assert story("parley.intake.case.closed.v1", "zh", {"reason": "cured"}) == "结案：不再逾期"
    reason = Reason(code=ReasonCode.NO_CASE)
    refused = InputRefused(cause_id="c", cause_type="t", reason=reason)
    assert text(reason.code, {}, "zh") in story(refused.TYPE, "zh", refused)
    assert story(refused.TYPE, "zh", refused) == story(refused.TYPE, "zh", refused.model_dump(mode="json"))


def test_a_line_without_data_shows_its_gaps_and_optional_parts_not_at_all() -> None:
    line = story(
        "parley.desk.counter.offered.v1", "en", {"round": 1, "months": 24, "words": {"value": "secret"}}
    )
    assert line == "Counter-offer to round 1, 24 months"
    assert story("parley.alert.taken.v1", "en") == "Alert taken in hand by …"
    contact: dict[str, Any] = {"direction": "inbound", "channel": "phone", "outcome": "talked"}
    assert "secret" not in story(ContactRecorded.TYPE, "en", contact | {"key_points": {"value": "secret"}})


# What a reason carries for the staff and the archive, and the borrower's text leaves out on purpose.
UNSAID = {
    ReasonCode.BELOW_NPV_FLOOR: {"npv", "floor"},  # the lender's own value of the plan
    ReasonCode.MISSED_TOO_MANY: {"days_late"},
}
SOURCES = [
    path
    for package in (services, lending)
    for path in sorted(Path(package.__file__ or "").parent.rglob("*.py"))
]


def _code(node: ast.expr) -> ReasonCode | None:
    match node:
        case ast.Attribute(value=ast.Name(id="ReasonCode"), attr=name):
            return ReasonCode[name]
        case ast.Constant(value=str() as value) if value in list(ReasonCode):
            return ReasonCode(value)
    return None


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_what_the_code_gives_a_reason_has_its_place_in_the_words(path: Path) -> None:
    """Reads the calls `…(ReasonCode.X, name=…)`, `Reason.of("x", name=…)` and `Reason(…, params={…})`."""
    for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(call, ast.Call):
            continue
        named = [*call.args, *(item.value for item in call.keywords if item.arg == "code")]
        given: set[str] = set()
        for item in call.keywords:
            if item.arg == "params" and isinstance(item.value, ast.Dict):
                given |= {key.value for key in item.value.keys if isinstance(key, ast.Constant)}
            elif item.arg not in {None, "code", "params", "subject", "default"}:
                given.add(str(item.arg))
        for code in filter(None, map(_code, named)):
            unplaced = given - parameters(code) - UNSAID.get(code, set())
            assert not unplaced, f"line {call.lineno}: the words of {code} have no place for {unplaced}"


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("about", DoubtKind),
        ("change", ChangeKind),
        ("figure", OverrideFigure),
        ("onset", HardshipOnset),
        ("stability", IncomeStability),
        ("vulnerability", Vulnerability),
        ("need", OpenNeed),
        ("treatment", Treatment),
        ("item", [f"income:{source}" for source in IncomeSource]),
        ("item", [f"spending:{category}" for category in SpendingCategory]),
    ],
)
def test_what_is_said_of_a_household_has_words(field: str, values: Any) -> None:
    assert {str(value) for value in values} <= WORDS[field].keys()


def test_what_the_packs_ask_and_how_they_treat_people_has_words() -> None:
    book = PolicyBook.load(Path(deploy.__file__).parent / "policies")
    for pack in book.pack_ids:
        rules = book.in_force(pack, date(2026, 3, 2)).assessment
        asked = {question for row in rules.interview for question in row.questions}
        assert asked <= WORDS["question"].keys()
        assert {row.vulnerability for row in rules.treatments} == set(Vulnerability)
        assert {name for row in rules.treatments for name in row.treatments} <= set(Treatment)
        assert rules.referral_role in WORDS["role"]


def test_a_thing_that_people_named_themselves_is_shown_by_its_name() -> None:
    assert (word("item", "asset:gold_ring", "en"), word("item", "asset:savings", "zh")) == (
        "gold ring",
        "存款",
    )


@pytest.mark.parametrize(
    ("months", "words"), [("1", "(1 month)"), ("2", "(2 months)"), ("11", "(11 months)")]
)
def test_one_is_not_several(months: str, words: str) -> None:
    assert words in text(ReasonCode.FASTEST, {"months": months}, "en")


def test_what_a_statement_leaves_out_is_not_called_too_little() -> None:
    """Only the categories that were left out are counted at the guideline, whatever the others come to."""
    said = text(ReasonCode.SPENDING_RAISED_TO_GUIDELINE, {"guideline": "2450.00 CNY"}, "en")
    assert "not in your statement" in said
    assert "2450.00 CNY a month" in said
    assert "没有填写" in text(ReasonCode.SPENDING_RAISED_TO_GUIDELINE, {"guideline": "2450.00 CNY"}, "zh")


def test_a_line_accuses_nobody_of_going_beyond_their_powers() -> None:
    """A supervisor's override, which a rule allows, was 越权 in Chinese: beyond what one may do."""
    said = [line for table in (STORIES, WORDS) for line in _lines(table)]
    assert not [line for line in said if "越权" in line]
    data = {"by": "s-1", "as_of": "2026-03-02", "overridden": True}
    assert "由主管例外批准" in story("parley.followup.legal-referral.made.v1", "zh", data)


def _lines(table: dict[str, Any]) -> Iterator[str]:
    for value in table.values():
        if isinstance(value, dict):
            yield from _lines(value)
        elif isinstance(value, list):
            yield from map(str, value)
        else:
            yield str(value)
