"""What borrowers are sent: both languages, the same parameters, a kind tone, nothing of the debt."""

from __future__ import annotations

import re

import pytest

from shared.contracts.notice import NoticeKind
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
NAMES = ("valid_until", "due", "effective", "cure_by", "link", "contact", "stop")
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


@pytest.mark.parametrize("words", ["You must pay at once", "We will sue", "否则将起诉您", "请立即处理"])
def test_the_review_of_tone_finds_what_is_harsh(words: str) -> None:
    assert HARSH.search(words)


def test_there_are_no_other_messages() -> None:
    assert _table().keys() == {*MESSAGES, "way_to_stop"}
