"""How the paper reads: one debt is one, a list is no other list, and nothing can be taken in two ways."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from datetime import date
from decimal import Decimal
from importlib.resources import files
from typing import Any

import pytest

from services.agreement.paper.filed import letters_of
from services.agreement.paper.layout import Agreement, page_of
from services.agreement.paper.words import EDITION, LANGUAGES, words_of
from shared.contracts.agreement import DebtSettled, SettlementKind, SurvivingDebt, WaivedDebt
from shared.contracts.base import Reason
from shared.contracts.debts import DebtApart, DebtNotCovered, Measure, NotCovered
from shared.contracts.reasons import ReasonCode
from tests.unit.agreement.test_paper import entries, in_words_of, story, under
from tests.unit.agreement.test_paper_fits import said
from tests.unit.agreement.test_paper_true import with_plan
from tests.unit.builders import CASE, balances

ONE, TWO = ("A-1",), ("A-1", "A-2")


def planned(document: Agreement, **changed: Any) -> Agreement:
    plan = document.drafted.plan.model_copy(update=changed)
    return replace(document, drafted=document.drafted.model_copy(update={"plan": plan}))


def in_older(document: Agreement, edition: str) -> Agreement:
    terms = in_words_of(edition, document.drafted)
    return replace(document, drafted=document.drafted.model_copy(update={"terms": terms}))


def letter(lang: str, **changed: Any) -> str:
    found = letters_of(entries(*story()), CASE, "C-1")[0]
    facts = {"surviving": (), "forgiven": (), "beside": (), **changed}
    (section,) = page_of(replace(found, issued=found.issued.model_copy(update=facts)), lang)["sections"]
    return " ".join(section["paragraphs"])


@pytest.mark.parametrize("ids", [ONE, TWO])
@pytest.mark.parametrize(
    ("fact", "one", "several"),
    [
        ("full", "This debt of the agreement is settled in full", "These debts of the agreement are settled"),
        ("forgiven", "This debt of the agreement is settled,", "These debts of the agreement are settled,"),
        ("partial", "Of this debt what the agreement asked for is", "Of these debts what the"),
        ("sold", "This debt of the agreement was sold", "These debts of the agreement were sold"),
        ("rest", "What was forgiven of this debt is", "What was forgiven of these debts is"),
        ("beside", "Another debt, which the agreement was not about", "Other debts, which the agreement"),
    ],
)  # fmt: skip
def test_the_letter_speaks_of_one_debt_as_one_and_of_several_as_several(
    fact: str, one: str, several: str, ids: tuple[str, ...]
) -> None:
    """It said "These debts …: A-1"."""
    kind = SettlementKind.PARTIAL if fact == "partial" else SettlementKind.FULL
    settled = tuple(DebtSettled(debt_id=id_, settlement=kind, credit_status="settled") for id_ in ids)
    left = tuple(SurvivingDebt(debt_id=id_, amounts=balances("10.00")) for id_ in ids)
    waived = tuple(WaivedDebt(debt_id=id_, amounts=balances("5.00")) for id_ in ids)
    facts: dict[str, dict[str, Any]] = {
        "full": {"settled": settled},
        "forgiven": {"settled": settled, "forgiven": waived},
        "partial": {"settled": settled, "surviving": left},
        "sold": {"settled": (), "debts": (), "surviving": left},
        "rest": {"settled": (), "debts": (), "surviving": left, "forgiven": waived},
        "beside": {"settled": settled, "beside": left},
    }
    text = letter("en", **facts[fact])
    assert (one in text, several in text) == (ids == ONE, ids == TWO)
    chinese = letter("zh", **facts[fact])
    assert [chinese.count(f"债务（{'、'.join(ids)}）")] == [1 if fact != "rest" else 2]


@pytest.mark.parametrize("ids", [ONE, TWO])
def test_the_agreement_speaks_of_one_debt_as_one_and_of_several_as_several(ids: tuple[str, ...]) -> None:
    apart = tuple(DebtApart(debt_id=id_, reason=Reason(code=ReasonCode.CURRENCY_APART)) for id_ in ids)
    gone = tuple(DebtNotCovered(debt_id=id_, why=NotCovered.SOLD) for id_ in ids)
    for facts in ({"apart": apart}, {"not_covered": gone}):
        text = said(planned(under("cn-card"), **facts), "en")
        assert ("This debt is not covered" in text, "These debts are not covered" in text) == (
            ids == ONE, ids == TWO,
        )  # fmt: skip
        assert said(planned(under("cn-card"), **facts), "zh").count("不在本文书范围内") == 1


def test_a_name_in_a_chinese_list_has_no_comma_of_a_list() -> None:
    """ "每年部分月份不还款、不计息" read as two concessions, the second of which was never granted."""
    raw = files("services.agreement.paper").joinpath(f"words_{EDITION}.toml").read_text(encoding="utf-8")
    tables = tomllib.loads(raw)
    for table in ("measure", "returning", "cooperation", "month"):
        assert not [zh for zh, _ in tables[table].values() if set(zh) & set("、，；")]


@pytest.mark.parametrize("rate", ["0", "12"])
@pytest.mark.parametrize(
    ("lang", "until", "rests"),
    [
        ("zh", "2026-07-23 之前不安排还款。", "暂停还款的月份不计息；自首期还款日前一个月起恢复计息。"),
        (
            "en",
            "Nothing is due before 2026-07-23.",
            "No interest runs in the months without payments; it runs",
        ),
    ],
)
def test_a_holiday_says_until_when_and_that_no_interest_runs_in_it(
    lang: str, until: str, rests: str, rate: str
) -> None:
    """It said "a time without payments", and that interest runs at the rates of the table."""
    shape = {"method": "annuity", "grace_periods": 0, "instalments": 6, "first_due": date(2026, 7, 23)}
    plan = with_plan(under("cn-card"), annual_rate_pct=Decimal(rate), **shape)
    text = said(planned(plan, measures=(Measure.PAYMENT_HOLIDAY,)), lang)
    assert until in text
    assert (rests in text) is (rate != "0")
    assert until not in said(plan, lang)
    first, second = plan.drafted.plan.debts
    mixed = (first, second.model_copy(update={"first_due": date(2026, 4, 23)}))
    assert until not in said(planned(plan, measures=(Measure.PAYMENT_HOLIDAY,), debts=mixed), lang)


def test_one_payment_in_a_row_is_no_row() -> None:
    document = with_plan(under("us-unsecured"), re_aged_after=1)
    assert "shown as current again after one payment is made on time, and not before" in said(document, "en")
    # What was signed before is printed as it was.
    assert "after 1 payment in a row are made on time" in said(in_older(document, "10"), "en")


def test_an_older_edition_still_names_months_by_number() -> None:
    document = in_older(with_plan(under("us-unsecured"), skips=(2,)), "10")
    assert "no interest runs in them: 2." in said(document, "en")
    assert "每年 2 月不安排还款" in said(document, "zh")


@pytest.mark.parametrize(
    ("lang", "says"),
    [("zh", "档案自最后一项记录起保存 3 年"), ("en", "keeps the file for 3 years after the last entry")],
)
def test_the_years_of_keeping_have_a_beginning(lang: str, says: str) -> None:
    """ "Keeps the file for 3 years" in a plan of five."""
    assert says in said(under("us-unsecured"), lang)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_rate_after_a_breach_is_written_as_the_language_writes_it(lang: str) -> None:
    assert ("18%（A-1）" if lang == "zh" else "18 % (A-1)") in said(under("cn-card"), lang)
    assert "18 % (A-1)" in said(in_older(under("cn-card"), "10"), lang)


@pytest.mark.parametrize("edition", ["10", EDITION])
def test_a_letter_that_does_not_hold_does_not_say_that_it_binds(edition: str) -> None:
    """The box at the top said "binding" and "does not hold any more" in one breath."""
    words, found = words_of(edition), letters_of(entries(*story()), CASE, "C-1")[0]
    assert words is not None
    issued = found.issued.model_copy(update={"words": edition, "words_hash": words.digest})
    for over in (None, ("in_doubt", "2027-02-03"), ("letter", "2027-02-03")):
        document = replace(found, issued=issued, over=over)
        notice = page_of(document, "zh")["notice"]
        assert notice.startswith("本文本为签署文本")
        assert ("具有约束力" in notice) is (over is None)
        assert page_of(document, "en")["notice"].startswith("Translation")
