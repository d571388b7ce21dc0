"""What the paper says of the credit record, and of a plan in which nothing is left to pay."""

from __future__ import annotations

from dataclasses import replace

import pytest

from services.agreement.paper.layout import Agreement, page_of
from services.agreement.paper.words import EDITION, words_of
from tests.unit.agreement.test_paper import under


def said_in(document: Agreement, clause: str, lang: str) -> str:
    words = words_of(EDITION)
    assert words is not None
    sections = {section["title"]: section for section in page_of(document, lang)["sections"]}
    return " ".join(sections[words.title(clause, lang)]["paragraphs"])


@pytest.mark.parametrize(
    ("pack", "en", "zh"),
    [
        (
            "cn-card",
            "for 5 years from the day on which the lateness ended",
            "自逾期终止之日起在征信系统中保留 5 年",
        ),
        ("cn-consumer-loan", "for 5 years from the day on which the lateness ended", "保留 5 年"),
        ("us-unsecured", "for 7 years from the day on which that lateness began", "保留 7 年"),
        ("uk-unsecured", "as long as the law says", "按法律规定的期限"),
    ],
)
def test_the_paper_says_how_long_what_was_overdue_stays_on_record(pack: str, en: str, zh: str) -> None:
    assert en in said_in(under(pack), "credit_record", "en")
    assert zh in said_in(under(pack), "credit_record", "zh")


def test_the_paper_says_after_how_many_payments_an_account_is_shown_as_current() -> None:
    document = under("us-unsecured")
    plan = document.drafted.plan
    later = tuple(debt.model_copy(update={"re_aged_after": 3}) for debt in plan.debts)
    drafted = document.drafted.model_copy(update={"plan": plan.model_copy(update={"debts": later})})
    for lang, words in (("en", "after 3 payments in a row"), ("zh", "连续按时还款 3 期之后")):
        assert words in said_in(replace(document, drafted=drafted), "credit_record", lang)
    at_once = tuple(debt.model_copy(update={"re_aged_after": 0}) for debt in plan.debts)
    drafted = document.drafted.model_copy(update={"plan": plan.model_copy(update={"debts": at_once})})
    assert "in a row" not in said_in(replace(document, drafted=drafted), "credit_record", "en")


def test_a_plan_of_nothing_is_no_instalment_of_nothing_on_paper() -> None:
    document = under("cn-card")
    nothing = tuple(
        row.model_copy(update={"total": row.total * 0}) for row in document.drafted.instalments[:1]
    )
    free = replace(document, drafted=document.drafted.model_copy(update={"instalments": nothing}))
    assert "nothing is left to pay" in said_in(free, "instalment_plan", "en")
    assert "Repaid in" not in said_in(free, "instalment_plan", "en")
    assert "无需再付款" in said_in(free, "instalment_plan", "zh")
    assert "nothing is left to pay" not in said_in(document, "instalment_plan", "en")
