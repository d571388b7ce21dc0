"""What the paper says of payments fits the plan: one or none, several currencies, a single day of grace."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from services.agreement.paper.layout import Agreement, page_of
from services.agreement.paper.words import LANGUAGES
from shared.contracts.debts import CurrencyPart, DebtNotCovered, Measure, NotCovered
from shared.lending.money import Money
from tests.unit.agreement.test_paper import BOOK, in_words_of, under
from tests.unit.agreement.test_paper_true import in_terms, with_plan
from tests.unit.builders import balances

ONCE: dict[str, Any] = {"method": "lump_sum", "instalments": 1}


def said(document: Agreement, lang: str) -> str:
    """All paragraphs of the page."""
    return "\n".join(
        part for section in page_of(document, lang)["sections"] for part in section["paragraphs"]
    )


@pytest.mark.parametrize("pack", BOOK.pack_ids)
def test_one_payment_has_no_instalments_in_a_row_and_no_trial_of_several(pack: str) -> None:
    """It said that two in a row may be missed, and that the first three payments are a trial."""
    en, zh = (said(with_plan(under(pack), **ONCE), lang) for lang in ("en", "zh"))
    assert "in a row" not in en
    assert "After a breach the plan ends" in en, "not its instalments: there are none"
    assert "违约后：还款安排终止" in zh
    assert "连续" not in zh
    assert "broken when the payment is 60 days late" in en or "days late" in en
    assert "no trial, no observation and no probation" in en
    assert "under observation" not in en
    assert "试行期内" not in zh
    several = said(under(pack), "en")
    assert "instalments in a row are missed" in several
    assert "no trial, no observation" not in several


def all_waived(pack: str) -> Agreement:
    """Everything that is owed is waived."""
    waived = with_plan(under(pack), **ONCE)
    debts = tuple(d.model_copy(update={"waived": d.balance}) for d in waived.drafted.plan.debts)
    plan = waived.drafted.plan.model_copy(update={"debts": debts})
    rows = tuple(r.model_copy(update={"total": r.total - r.total}) for r in waived.drafted.instalments)
    return replace(waived, drafted=waived.drafted.model_copy(update={"plan": plan, "instalments": rows}))


def titled(document: Agreement) -> tuple[str, str]:
    return page_of(document, "zh")["title"], page_of(document, "en")["title"]


def test_a_document_is_called_by_its_kind_of_plan() -> None:
    """A settlement in one payment was titled as an agreement by instalments."""
    instalments = ("个性化分期还款协议", "Personalised repayment agreement")
    at_once = ("一次性还款结清协议", "Settlement agreement: one payment")
    once = with_plan(under("cn-card"), **ONCE)
    assert titled(under("cn-card")) == instalments
    assert titled(once) == at_once
    assert titled(all_waived("cn-card")) == ("债务免除协议", "Agreement to waive what is owed")
    first, *others = once.drafted.plan.debts
    apart = (first, *(one.model_copy(update={"method": "annuity"}) for one in others))
    plan = once.drafted.plan.model_copy(update={"debts": apart})
    assert titled(replace(once, drafted=once.drafted.model_copy(update={"plan": plan}))) == instalments


def test_what_older_editions_are_called_stays_and_so_does_a_letter() -> None:
    once = with_plan(under("cn-card"), **ONCE)
    older = once.drafted.model_copy(update={"terms": in_words_of("12", once.drafted)})
    assert titled(replace(once, drafted=older))[0] == "个性化分期还款协议"
    letters = [pack for pack in BOOK.pack_ids if titled(under(pack))[1] == "Letter of concession"]
    assert letters
    assert all(titled(with_plan(under(pack), **ONCE))[0] == "还款安排确认函" for pack in letters)


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("pack", BOOK.pack_ids)
def test_where_nothing_is_left_to_pay_nothing_can_be_missed(pack: str, lang: str) -> None:
    """Under the Chinese packs a breach brought waived interest back, of a plan that can have none."""
    text = said(all_waived(pack), lang)
    zh = (
        "宽限",
        "逾期达到",
        "视为足额",
        "违约后：",
        "违约致",
        "还款账户",
        "所列年利率",
        "按还款明细",
        "按约",
    )
    en = ("of grace", "days late", "counts as full", "After a breach", "in a row", "a breach ends it",
          "Payments go to", "the schedules", "pays by the schedule", "kept as agreed",
          "the plan is kept")  # fmt: skip
    for claim in zh if lang == "zh" else en:
        assert claim not in text


def test_where_nothing_is_left_to_pay_no_table_names_a_day_and_nothing_is_owed_again() -> None:
    """A row of 0.00 was due weeks after the paper said that all is settled."""
    page = page_of(all_waived("cn-card"), "en")
    captions = [table["caption"] for section in page["sections"] for table in section["tables"]]
    assert captions == ["Owed when drawn up", "Waived with the signatures", None]
    assert "What has been waived is never charged again." in said(all_waived("cn-card"), "en")


@pytest.mark.parametrize(
    ("lang", "claim"), [("zh", "优惠依“优惠安排及其条件”一节的约定失效"), ("en", "are lost")]
)
def test_a_breach_loses_what_was_granted_on_condition(lang: str, claim: str) -> None:
    """The Chinese said that the concessions are restored by a breach: the opposite."""
    assert claim in said(under("cn-card"), lang)
    assert "优惠安排及其条件”一节恢复" not in said(under("cn-card"), lang)


@pytest.mark.parametrize(
    ("lang", "claim"), [("zh", "自本文书生效之日起，贷款人"), ("en", "From the day this takes effect the")]
)
def test_collection_stops_with_the_effect_for_which_a_guarantor_may_be_waited_for(
    lang: str, claim: str
) -> None:
    """It was to stop with two signatures, though nothing takes effect before a guarantor has agreed."""
    assert claim in said(under("cn-card"), lang)


def test_a_trial_is_not_longer_than_the_plan_and_its_periods_end_with_it() -> None:
    document = in_terms(under("us-unsecured"), trial__payments=3)
    assert "The first 3 payments are a trial period" in said(document, "en")
    assert "All of these periods end when everything is paid." in said(document, "en")
    short = with_plan(document, method="equal", instalments=2)
    for lang, claim in (("en", "All of its payments are a trial period"), ("zh", "全部各期均为试行期")):
        assert claim in said(short, lang)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"followup__grace_days": 1}, "There is 1 day of grace after each due date"),
        ({"followup__breach_missed_in_a_row": 1}, "broken when one instalment is missed, or is 60 days late"),
        ({"breach__cure_days": 1}, "what is paid within 1 day of the notice"),
    ],
)
def test_english_says_one_day_and_not_one_days(values: dict[str, Any], says: str) -> None:
    text = said(in_terms(under("cn-card"), **values), "en")
    assert says in text
    assert not re.search(r"(?<![\d.,-])1 (days|months|years|payments|instalments)\b", text)
    many = said(in_terms(under("cn-card"), **dict.fromkeys(values, 31)), "en")
    assert "31 day " not in many
    assert "31 instalment " not in many


def test_a_plan_in_two_currencies_promises_no_step_that_comes_after_its_end() -> None:
    """Each currency of a day was counted: a plan of seven months promised a reward after twelve."""
    document = with_plan(under("us-unsecured"), annual_rate_pct=Decimal(12), method="annuity")
    months = len(document.drafted.instalments)
    assert 6 < months < 12
    first, second = document.drafted.plan.debts
    dollars = {
        name: Money(getattr(second.balance, name).minor, "USD") for name in type(second.balance).model_fields
    }
    none = {name: Money(0, "USD") for name in dollars}
    second = second.model_copy(
        update={
            "balance": balances().model_copy(update=dollars),
            "waived": balances().model_copy(update=none),
        }
    )
    plan = document.drafted.plan.model_copy(update={"debts": (first, second)})
    rows = document.drafted.instalments
    both = (*rows, *(row.model_copy(update={"total": Money(100, "USD")}) for row in rows))
    drafted = document.drafted.model_copy(update={"plan": plan, "instalments": both})
    text = said(replace(document, drafted=drafted), "en")
    assert "after 6 instalments on time" in text
    assert "after 12 instalments on time" not in text


# -- what rests, and for how long one is watched ----------------------------------------------------------


def in_two_currencies(**of_second: Any) -> Agreement:
    """A plan over two debts in two currencies, the second of which is repaid in another way."""
    document = with_plan(under("cn-card"), method="annuity", instalments=6, annual_rate_pct=Decimal(12))
    first, second = document.drafted.plan.debts
    dollars = {"balance": balances("100.00", currency="USD"), "waived": balances(currency="USD")}
    second = second.model_copy(update={**dollars, **of_second})
    parts = tuple(
        CurrencyPart(currency=currency, share_pct=Decimal(50), measures=measures)
        for currency, measures in (("CNY", ()), ("USD", (Measure.PAYMENT_HOLIDAY,)))
    )
    plan = document.drafted.plan.model_copy(update={"debts": (first, second), "parts": parts})
    return replace(document, drafted=document.drafted.model_copy(update={"plan": plan}))


def in_edition(document: Agreement, edition: str) -> Agreement:
    terms = in_words_of(edition, document.drafted)
    return replace(document, drafted=document.drafted.model_copy(update={"terms": terms}))


@pytest.mark.parametrize(
    ("lang", "until", "interest"),
    [
        ("zh", "债务 A-9 在 2026-09-23 之前不安排还款；其他债务不暂停。", "暂停还款的债务在暂停的月份不计息"),
        ("en", "Nothing is due on A-9 before 2026-09-23; no other debt rests.", "no interest runs on what"),
    ],
)
def test_a_holiday_of_one_currency_is_said_of_its_debts(lang: str, until: str, interest: str) -> None:
    """Nothing was said of it, and that interest runs at the rates of the table."""
    document = in_two_currencies(debt_id="A-9", first_due=date(2026, 9, 23))
    assert until in said(document, lang)
    assert interest in said(document, lang)
    free = in_two_currencies(debt_id="A-9", first_due=date(2026, 9, 23), annual_rate_pct=Decimal(0))
    assert interest not in said(free, lang)
    assert until not in said(in_edition(document, "11"), lang), "what was signed before is printed as it was"


@pytest.mark.parametrize(
    ("lang", "says", "claims"),
    [
        ("zh", "债务 A-9 每年 2 月、7 月不安排还款，其间对其不计息；其他债务照常还款。", "其间不计息"),
        ("en", "Nothing is due on A-9 in February and July of each year, and no", "due in February and July"),
    ],
)  # fmt: skip
def test_the_months_that_one_debt_leaves_out_are_not_those_of_another(
    lang: str, says: str, claims: str
) -> None:
    """It said that nothing is due in them, though the other debt is."""
    document = in_two_currencies(debt_id="A-9", skips=(2, 7))
    assert says in said(document, lang)
    assert claims not in said(document, lang)
    assert claims in said(with_plan(under("cn-card"), skips=(2, 7)), lang), "all debts leave them out"


PERIODS: tuple[tuple[dict[str, Any], str, str], ...] = (
    ({"trial__payments": 3}, "有一期逾期超过 3 天的，试行期自该期之后", "more than 3 days late in it starts"),
    ({"trial__payments": 3, "trial__tolerance_days": 0}, "有一期逾期的，试行期", "that is late in it starts"),
    ({"observation__starts": "signing"}, "自生效之日起为观察期", "From the day this takes effect the debt"),
    ({"observation__restarts_on_breach": False}, "只有连续期数重新计算", "only the row of payments again"),
    (
        {"observation__probation_months": 24},
        "逾期超过 30 天的，重新进入观察期",
        "more than 30 days late in it",
    ),
    (
        {"observation__restarts_on_persisting_difficulty": True},
        "观察期自告知次日起重新计算",
        "the observation starts again on the day after",
    ),
)


@pytest.mark.parametrize(("values", "zh", "en"), PERIODS)
def test_the_paper_says_what_begins_a_period_again(values: dict[str, Any], zh: str, en: str) -> None:
    """It named a missed instalment alone, whatever the pack says."""
    other = in_terms(under("cn-card"), observation__restarts_on_persisting_difficulty=False)
    document = in_terms(under("cn-card"), **values)
    for lang, claim in (("zh", zh), ("en", en)):
        assert claim in said(document, lang)
        assert claim not in said(other, lang)
        assert claim not in said(all_waived("cn-card"), lang)


@pytest.mark.parametrize("pack", BOOK.pack_ids)
def test_a_difficulty_that_lasts_is_named_where_it_begins_the_observation_again(pack: str) -> None:
    """In mainland China it does; the paper said only what does not begin it again."""
    assert ("预计将长期持续" in said(under(pack), "zh")) is (pack in {"cn-card", "cn-consumer-loan"})


def test_a_probation_that_runs_goes_on_in_an_amendment_where_the_pack_says_so() -> None:
    values = {"observation__probation_months": 24, "observation__second_measure_ends_probation": False}
    document = in_terms(under("eu-consumer"), **values)
    amended = replace(document, drafted=document.drafted.model_copy(update={"version": 2}))
    assert "a probation is running" not in said(document, "en")
    assert "Where a probation is running when this takes effect it goes on" in said(amended, "en")
    ends = in_terms(under("eu-consumer"), **{**values, "observation__second_measure_ends_probation": True})
    ends = replace(ends, drafted=ends.drafted.model_copy(update={"version": 2}))
    assert "a probation is running" not in said(ends, "en")


def test_who_is_shown_as_current_after_payments_is_on_trial_for_so_many() -> None:
    """The platform counts them as a trial; the paper knew of the pack's alone."""
    document = with_plan(under("us-unsecured"), method="equal", instalments=12, re_aged_after=6)
    assert "The first 6 payments are a trial period" in said(document, "en")


@pytest.mark.parametrize("lang", LANGUAGES)
def test_what_settling_ends_is_what_the_plan_repays_and_no_other_debt_on_the_paper(lang: str) -> None:
    """ "The debts listed here no longer exist": the paper lists those, too, that it does not cover."""
    plan = under("uk-unsecured").drafted.plan
    gone = DebtNotCovered(debt_id="X-1", why=NotCovered.RECALLED)
    document = under("uk-unsecured")
    changed = plan.model_copy(update={"not_covered": (gone,)})
    document = replace(document, drafted=document.drafted.model_copy(update={"plan": changed}))
    for paper in (document, all_waived("uk-unsecured")):
        text = said(paper, lang)
        assert "the debts listed here" not in text
        assert "本函所列债务" not in text
        assert {"zh": "“拟定时所欠”表中", "en": "the table 'Owed when drawn up'"}[lang] in text
