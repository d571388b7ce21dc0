"""What borrowers are sent: both languages, the same parameters, a kind tone, nothing of the debt."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal

import pytest

from shared.contracts.agreement import DebtRate
from shared.contracts.breach import BreachFacts, OpenInstalment
from shared.contracts.notice import NoticeKind
from shared.lending.money import Money
from shared.texts import LANGUAGES, Language
from shared.texts.messages import MESSAGES, _table, message_parameters, message_words

CHINESE = re.compile(r"[\u4e00-\u9fff]")
# No threats, no pressure, no shame, no authority that we are not.
HARSH = re.compile(
    r"court|\bsue|lawyer|police|seiz|punish|blacklist|legal action|immediately|at once|final warning|must pay"
    r"|last chance|consequence|employer|relatives|borrow\b|shame|fail"
    r"|起诉|法院|律师|警|查封|惩|黑名单|失信|后果|立即|马上|最后通牒|最后一次|必须|否则|单位领导|亲友|家人|老赖|限期",
    re.I,
)
# A letter box may be read by somebody else.
DEBT = re.compile(
    r"\bdebts?\b|overdue|arrears|owe|loan|credit card|instalment|欠|债|逾期|贷款|信用卡|分期|还款|催", re.I
)
NAMES = ("valid_until", "due", "effective", "cure_by", "as_of", "link", "contact", "stop")
FILLED = {name: f"<{name}>" for name in NAMES}


@pytest.mark.parametrize("kind", MESSAGES)
@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_message_reads_kindly_tells_nothing_and_says_how_to_stop(kind: NoticeKind, lang: Language) -> None:
    subject, body = message_words(kind, lang, FILLED)
    for words in (subject, body):
        assert not HARSH.search(words)
        assert not DEBT.search(words)
        assert not set("{}") & set(words)
        assert bool(CHINESE.search(words)) is (lang == "zh")
    assert "\n" not in subject
    assert "<stop>" in body
    assert "<contact>" in body


@pytest.mark.parametrize("kind", MESSAGES)
def test_both_languages_say_the_same(kind: NoticeKind) -> None:
    assert message_parameters(kind, "zh") == message_parameters(kind, "en") <= FILLED.keys()
    assert _table()[kind].keys() == set(LANGUAGES)


def test_a_message_with_a_gap_is_not_made() -> None:
    with pytest.raises(ValueError, match="offer lacks: stop, valid_until"):
        message_words(NoticeKind.OFFER, "en", {"link": "x", "contact": "y", "stop": ""})


DATED = {
    NoticeKind.OFFER: "valid_until",
    NoticeKind.OFFER_REVISED: "valid_until",
    NoticeKind.AGREEMENT: "due",
    NoticeKind.STATEMENT_REQUEST: "due",
    NoticeKind.STATEMENT_REMINDER: "due",
    NoticeKind.BREACH_NOTICE: "cure_by",
}


@pytest.mark.parametrize("kind", DATED)
def test_a_last_day_is_named_as_people_write_it_and_is_a_day_that_counts(kind: NoticeKind) -> None:
    """ "…之前" may leave the day itself out, and the document that waited for a signature named no day."""
    given = {**FILLED, DATED[kind]: "2026-09-01"}
    for in_full in (None, FACTS):
        assert "2026年9月1日（含当日）" in message_words(kind, "zh", given, in_full)[1]
        english = message_words(kind, "en", given, in_full)[1]
        assert re.search(r"by 1 September 2026\b|until 1 September 2026, that day included", english)


def test_a_date_is_written_as_the_language_writes_it_and_an_amount_in_groups() -> None:
    for month, name in ((1, "January"), (12, "December")):
        given = {**FILLED, "effective": f"2026-{month:02}-09"}
        assert f"自 2026年{month}月9日 起" in message_words(NoticeKind.AGREEMENT_SIGNED, "zh", given)[1]
        assert f"holds from 9 {name} 2026." in message_words(NoticeKind.AGREEMENT_SIGNED, "en", given)[1]
    row = OpenInstalment(number=1, due=date(2026, 5, 6), missing=Money(123456789, "CNY"), debts=(ONE,))
    yen = row.model_copy(update={"missing": Money(1234567, "JPY")})
    facts = FACTS.model_copy(update={"instalments": (row, yen)})
    for lang, between in (("zh", "、"), ("en", ", ")):
        said = message_words(NoticeKind.BREACH_NOTICE, lang, FILLED, facts)[1]
        assert f"1,234,567.89 CNY{between}1,234,567 JPY" in said


@pytest.mark.parametrize("words", ["You must pay at once", "We will sue", "否则将起诉您", "请立即处理"])
def test_the_review_of_tone_finds_what_is_harsh(words: str) -> None:
    assert HARSH.search(words)


def test_there_are_no_other_messages() -> None:
    assert _table().keys() == {*MESSAGES, "way_to_stop", "in_full", "line"}
    assert _table()["in_full"].keys() == set(FULL)


# --- in full, for who was shown to be the borrower

FULL = (NoticeKind.BREACH_NOTICE, NoticeKind.PLAN_BROKEN)
ONE, TWO = "622200001111", "622200002222"
FACTS = BreachFacts(
    debts=(ONE, TWO),
    instalments=(
        OpenInstalment(number=3, due=date(2026, 5, 6), missing=Money(10050, "CNY"), debts=(ONE, TWO)),
        OpenInstalment(number=4, due=date(2026, 6, 3), missing=Money(40000, "CNY"), debts=(ONE,)),
    ),
)  # fmt: skip
MORE: dict[str, dict[str, object]] = {
    "returns": {"returns": (Money(20000, "CNY"), Money(500, "USD"))},
    "rates": {
        "rates_return": True,
        "rates": (DebtRate(debt_id="622200002222", annual_rate_pct=Decimal("18.2500")),),
    },
    "older": {"rates_return": True},
    "stays": {"stays": (Money(7500, "CNY"),)},
    "cut": {"rate_cut_pct": Decimal("25.00")},
}
SAYS = {
    "returns": ("附条件减免的 200.00 CNY、5.00 USD 重新计入", "200.00 CNY, 5.00 USD, waived on condition"),
    "rates": ("改为：尾号 2222：18.25%", "the rate is 18.25 per cent for the debt ending in 2222"),
    "older": ("恢复为原合同的利率", "that of the original contract applies"),
    "stays": ("75.00 CNY 不再收回", "75.00 CNY that were waived for good are never owed again"),
    "cut": ("（降低 25%）不再收回", "(by 25 per cent of itself) stays lowered"),
}
OPEN = (
    ("第 3 期，2026年5月6日到期（债务尾号 1111、2222）：还差 100.50 CNY",
     "第 4 期，2026年6月3日到期（债务尾号 1111）：还差 400.00 CNY", "合计还差：500.50 CNY"),
    ("instalment 3, due on 6 May 2026 (debts ending in 1111, 2222): 100.50 CNY open",
     "instalment 4, due on 3 June 2026 (debt ending in 1111): 400.00 CNY open",
     "Open in all: 500.50 CNY"),
)  # fmt: skip


@pytest.mark.parametrize("kind", FULL)
@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("more", [(), *((name,) for name in MORE), ("returns", "rates", "stays", "cut")])
def test_in_full_it_says_what_is_open_what_would_be_lost_and_what_stays(
    kind: NoticeKind, lang: Language, more: tuple[str, ...]
) -> None:
    at = LANGUAGES.index(lang)
    facts = FACTS.model_copy(update={k: v for name in more for k, v in MORE[name].items()})
    subject, body = message_words(kind, lang, FILLED, facts)
    for said in OPEN[at]:
        assert said in body
    assert ("- 还款安排结束", "- the plan ends")[at] in body
    assert ("已经支付的款项全部算数", "everything that you have paid counts")[at] in body
    for name, said in SAYS.items():
        assert (said[at] in body) is (name in more)
    for name in {"as_of", "contact", "stop", *({"cure_by"} if kind is NoticeKind.BREACH_NOTICE else ())}:
        assert f"<{name}>" in body
    assert not HARSH.search(body)
    assert not set("{}") & set(body)
    assert bool(CHINESE.search(body)) is (lang == "zh")
    assert subject == message_words(kind, lang, FILLED)[0], "a subject shows on a closed letter"


@pytest.mark.parametrize(
    ("debts", "named"),
    [
        (("622200001111", "622200002222"), "1111, 2222"),
        (("622200001234", "622200011234"), "01234, 11234"),
        (("A-1", "A-2"), "A-1, A-2"),
        (("234", "1234"), "234, 1234"),
        (("X1234", "1234"), "X1234, 1234"),
        (("622200001111",), "1111"),
    ],
)
def test_debts_are_named_by_as_much_of_their_end_as_tells_them_apart(
    debts: tuple[str, ...], named: str
) -> None:
    facts = BreachFacts(debts=debts, instalments=())
    given = {**FILLED, "instalments": "-", "missing": "-"}
    with pytest.raises(ValueError, match="lacks: instalments, missing"):
        message_words(NoticeKind.BREACH_NOTICE, "en", given, facts)
    row = OpenInstalment(number=1, due=date(2026, 5, 6), missing=Money(1, "CNY"), debts=debts)
    facts = facts.model_copy(update={"instalments": (row,)})
    said = f"({'debt' if len(debts) == 1 else 'debts'} ending in {named})"
    assert message_words(NoticeKind.BREACH_NOTICE, "en", given, facts)[1].count(said) == 2


@pytest.mark.parametrize("kind", FULL)
def test_in_full_both_languages_say_the_same(kind: NoticeKind) -> None:
    zh, en = (message_parameters(kind, lang, in_full=True) for lang in LANGUAGES)
    assert zh == en > message_parameters(kind, "en")
    for pair in _table()["line"].values():
        assert len(pair) == len(LANGUAGES)
        assert len({frozenset(re.findall(r"{(.+?)}", words)) for words in pair}) == 1
