"""Every rule of the guard has its words in both languages."""

from __future__ import annotations

import re

import pytest

from shared.conduct import Rule
from shared.texts.conduct import _table, rule_words

CHINESE = re.compile(r"[\u4e00-\u9fff]")


@pytest.mark.parametrize("rule", list(Rule))
def test_every_rule_has_its_words(rule: Rule) -> None:
    assert CHINESE.search(rule_words(rule, "zh"))
    assert rule_words(rule, "zh").endswith("。")
    assert not CHINESE.search(rule_words(rule, "en"))
    assert rule_words(rule, "en").endswith(".")


def test_there_are_no_words_for_what_does_not_exist() -> None:
    assert _table().keys() == set(Rule)
