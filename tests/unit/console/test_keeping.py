"""How long a file is kept: open cases, holds and retention refuse an erasure, with the rule and the date."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest

from services.console.keeping import kept_because, kept_by_chain
from services.console.model import ArchivedCustomer, CaseLine
from services.console.story import lines_of, verify
from shared.contracts.ops import HoldAction
from shared.contracts.reasons import ReasonCode
from shared.policy.testing import example_book, example_pack
from tests.unit.builders import case_opened
from tests.unit.console.filing import CASE, CLOSED, ERASE, OTHER, START, File, book, contact, hold
from tests.unit.console.test_voice import answered, complains

LAST = START + timedelta(minutes=3)
FIVE_YEARS = datetime.combine(LAST.date().replace(year=LAST.year + 5), LAST.timetz())


def closed_file() -> File:
    file = File()
    file.say(case_opened(), contact(), CLOSED)
    return file


def test_an_open_case_keeps_all_of_it() -> None:
    file = File()
    file.say(case_opened(), contact())
    said = file.say(ERASE, at=FIVE_YEARS + timedelta(days=400))
    assert said["refused"] == {"code": "kept_while_open", "params": {"case": CASE}}
    assert file.archived.erased == ""
    assert "erases" not in said


def test_a_complaint_without_final_response_keeps_all_of_it_though_its_case_is_closed() -> None:
    file = File()
    file.say(case_opened(), contact(), complains("K-1"), complains("K-2"), CLOSED)
    late = FIVE_YEARS + timedelta(days=400)
    file.say(answered("K-1"))
    kept = {"code": "kept_for_complaint", "params": {"case": CASE}}
    assert file.say(ERASE, at=late)["refused"] == kept
    assert file.archived.erased == ""
    (why,) = lines_of(file.entries, None)[-1].why
    assert (
        why
        == f"A complaint in a case, {CASE}, has no final response yet: nothing may be erased before it has."
    )
    file.say(answered("K-2"))
    assert file.say(ERASE, at=late)["erases"] == file.archived.erased


def test_a_complaint_that_the_document_does_not_know_of_is_found_in_the_chain() -> None:
    """An older version has filed it, or somebody took it out of the document."""
    file = File()
    file.say(complains("K-1"), answered("K-1"), complains("K-2"))
    kept = kept_by_chain(file.entries)
    assert kept is not None
    assert (kept.rule, kept.params) == (ReasonCode.KEPT_FOR_COMPLAINT, {"case": CASE})
    file.say(complains("K-2"), answered("K-2"), contact())
    assert kept_by_chain(file.entries) is None


@pytest.mark.parametrize(("days", "allowed"), [(-1, False), (0, True), (1, True)])
def test_retention_ends_on_its_day(days: int, allowed: bool) -> None:
    file = closed_file()
    said = file.say(ERASE, at=FIVE_YEARS + timedelta(days=days))
    if allowed:
        assert said["erases"] == file.archived.erased
    else:
        until = FIVE_YEARS.date().isoformat()
        params = {"record": "evidence", "pack": "example-card", "years": "5", "until": until}
        assert said["refused"] == {"code": "kept_by_retention", "params": params}
    assert verify(file.entries, file.archived.head) is None, "a refusal is on file like an erasure"


def test_a_hold_on_any_case_keeps_all_of_it_until_it_is_lifted() -> None:
    file = closed_file()
    file.say(hold(HoldAction.SET), hold(HoldAction.SET, OTHER))
    later = FIVE_YEARS + timedelta(days=10)
    assert file.say(ERASE, at=later)["refused"]["code"] == "kept_by_hold"
    file.say(hold(HoldAction.LIFT))
    assert file.say(ERASE, at=later)["refused"] == {"code": "kept_by_hold", "params": {"case": OTHER}}
    file.say(hold(HoldAction.LIFT, OTHER), hold(HoldAction.LIFT, OTHER))
    assert "erases" in file.say(ERASE, at=later)


def test_who_sets_a_hold_twice_does_not_change_who_set_it() -> None:
    file = closed_file()
    file.say(hold(HoldAction.SET), hold(HoldAction.SET).model_copy(update={"by": "bob"}))
    assert file.archived.holds[CASE].by == "ann"
    assert [entry["data"]["by"] for entry in file.entries[-2:]] == ["ann", "bob"]
    assert [entry["case"] for entry in file.entries[-2:]] == [CASE, CASE]


def test_operators_commands_do_not_lengthen_retention() -> None:
    file = closed_file()
    before = file.archived.last
    file.say(ERASE, hold(HoldAction.SET), hold(HoldAction.LIFT), at=FIVE_YEARS - timedelta(days=1))
    assert file.archived.last == before


def test_an_erasure_reaches_to_the_last_that_was_filed() -> None:
    """Business time may run ahead of the operator's clock: what was filed must not outlive the erasure."""
    file = closed_file()
    file.say(contact(), at=FIVE_YEARS + timedelta(hours=5))
    file.state = file.archived.model_copy(update={"cases": {}})
    said = file.say(ERASE, at=FIVE_YEARS + timedelta(days=366 * 6))
    assert said["erases"] > file.archived.last


@pytest.mark.parametrize(
    ("last", "until"),
    [(date(2024, 2, 29), "2029-03-01"), (date(2026, 12, 31), "2031-12-31"), (date(2026, 3, 1), "2031-03-01")],
)
def test_years_are_whole(last: date, until: str) -> None:
    line = CaseLine(opened_on=last, last_on=last, close_reason="cured", policy="example-card")
    kept = kept_because(ArchivedCustomer(cases={CASE: line}), book(), last)
    assert kept is not None
    assert kept.params["until"] == until


def test_what_no_pack_speaks_for_is_kept_by_the_strictest() -> None:
    line = CaseLine(opened_on=START.date(), last_on=START.date(), close_reason="cured", policy="unheard-of")
    kept = kept_because(ArchivedCustomer(cases={CASE: line}), book(), START.date())
    assert kept is not None
    assert (kept.rule, kept.params["years"]) == (ReasonCode.KEPT_BY_RETENTION, "5")


@pytest.mark.parametrize("action", list(HoldAction))
@pytest.mark.parametrize("role", ["negotiator", "supervisor", ""])
def test_a_hold_is_set_and_lifted_by_who_has_the_role_of_the_pack(action: HoldAction, role: str) -> None:
    file = closed_file()
    if action is HoldAction.LIFT:
        file.say(hold(HoldAction.SET))
    before = file.archived.holds
    said = file.say(hold(action, role=role))
    assert said["refused"] == {"code": "hold_needs_role", "params": {"role": "legal"}}
    assert said["data"]["role"] == role, "who tried it is on file"
    assert file.archived.holds == before
    assert verify(file.entries, file.archived.head) is None
    file.say(hold(action))
    assert (CASE in file.archived.holds) is (action is HoldAction.SET)


def test_a_command_of_an_older_version_may_keep_a_file_and_not_let_go_of_it() -> None:
    file = closed_file()
    assert "refused" not in file.say(hold(HoldAction.SET, role=None))
    assert file.say(hold(HoldAction.LIFT, role=None))["refused"]["code"] == "hold_needs_role"
    assert CASE in file.archived.holds


def test_a_hold_on_a_case_of_several_packs_is_for_the_role_of_any_of_them() -> None:
    one = example_pack({"id": "one-card"}, retention__hold_role="legal")
    two = example_pack({"id": "two-card"}, retention__hold_role="archivist")
    file = File(policies=example_book(one, two))
    file.say(case_opened(policy="one-card").model_copy(update={"conduct": ("one-card", "two-card")}))
    said = file.say(hold(HoldAction.SET, role="clerk"))
    assert said["refused"]["params"] == {"role": "archivist, legal"}
    file.say(hold(HoldAction.SET, role="archivist"))
    assert CASE in file.archived.holds


@pytest.mark.parametrize(
    ("lang", "what", "why"),
    [
        ("en", "Refused: Legal hold lifted", "A legal hold is set or lifted only by who has the role legal."),
        ("zh", "已拒绝: 法律保全：已解除", "只有规定岗位（法务）可以设定或解除法律保全。"),
    ],
)
def test_the_story_of_a_case_says_that_a_command_was_refused_and_why(lang: str, what: str, why: str) -> None:
    file = closed_file()
    file.say(hold(HoldAction.SET), hold(HoldAction.LIFT, role="negotiator"))
    done, refused = lines_of(file.entries, CASE, lang)[-2:]
    assert refused.what.startswith(what)
    assert refused.why == (why,)
    assert not done.what.startswith(what.partition(":")[0])
