"""A wrong figure of a servicing case is seen."""

from __future__ import annotations

import pytest

from tests.oracles import reage
from tests.oracles.outcome import Verdict
from tests.oracles.registry import find, read
from tests.oracles.test_oracles import FOLDER


def test_a_wrong_figure_is_seen() -> None:
    path = find(FOLDER, reage.FAMILY) if FOLDER.is_dir() else None
    if path is None:
        pytest.skip("the published figures of re-ages are not here")
    document = read(path)
    for case in document["cases"]:
        if reage.judge(document, case).verdict is Verdict.EQUAL:
            row = [*case["after"][-1]]
            row[5] += 0.01
            changed = {**case, "after": [*case["after"][:-1], row]}
            assert reage.judge(document, changed).verdict is Verdict.DIFFERENT
            return
    pytest.fail("no re-age is in scope")
