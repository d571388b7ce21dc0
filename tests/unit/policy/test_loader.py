"""Reading packs: what is in force when, and errors that name file, key and rule."""

from datetime import date
from pathlib import Path

import pytest

from shared.policy.loader import PolicyBook, PolicyError, check, explain
from shared.policy.testing import EXAMPLE_ON, example_book, example_pack, example_policy

PACKS = Path(__file__).parents[3] / "deploy" / "policies"
ENTRY = '  {{ from = {}, value = {}, clause = "-", source = "assumption: test", verified = false }},\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the shipped card pack and what it inherits, to be damaged."""
    for name in ("common.toml", "cn-card.toml"):
        (tmp_path / name).write_text((PACKS / name).read_text(encoding="utf-8"), encoding="utf-8")
    return tmp_path


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {path.name}"
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_a_value_changes_on_its_date_and_the_version_with_it() -> None:
    book = PolicyBook.load(PACKS)
    before, after = book.in_force("cn-card", date(2026, 1, 29)), book.in_force("cn-card", date(2026, 1, 30))
    assert before.contact.max_attempts_per_number_per_day == 0
    assert after.contact.max_attempts_per_number_per_day == 6
    assert before.version.startswith("cn-card@2025-02-28#")
    assert after.version.startswith("cn-card@2026-01-30#")
    assert book.in_force("cn-card", date(2026, 11, 24)) is after


def test_a_pinned_version_is_found_again() -> None:
    book = PolicyBook.load(PACKS)
    for pack_id in book.pack_ids:
        for day in (date(2001, 1, 1), date(2025, 6, 1), date(2026, 11, 24)):
            view = book.in_force(pack_id, day)
            assert book.at_version(view.version) == view


def test_a_pack_edited_without_a_new_date_no_longer_has_the_pinned_version(folder: Path) -> None:
    pinned = PolicyBook.load(folder).in_force("cn-card", EXAMPLE_ON).version
    edit(folder / "common.toml", "max_rounds = [\n  { value = 4", "max_rounds = [\n  { value = 5")
    with pytest.raises(PolicyError, match=r"cn-card\.toml: version: .* changed without a new date"):
        PolicyBook.load(folder).at_version(pinned)
    with pytest.raises(PolicyError, match="looks like"):
        PolicyBook.load(folder).at_version("cn-card")


def test_a_new_dated_entry_leaves_the_pinned_version_alone(folder: Path) -> None:
    pinned = PolicyBook.load(folder).in_force("cn-card", date(2026, 11, 24))
    edit(
        folder / "cn-card.toml",
        "max_months = [\n",
        f"max_months = [\n{ENTRY.format('2011-01-13', 60)}{ENTRY.format('2027-01-01', 48)}#",
    )
    book = PolicyBook.load(folder)
    assert book.at_version(pinned.version).term.max_months == 60
    assert book.in_force("cn-card", date(2027, 1, 1)).term.max_months == 48


def test_a_pack_inherits_what_it_does_not_say_and_replaces_what_it_does() -> None:
    book = PolicyBook.load(PACKS)
    us, uk = book.in_force("us-unsecured", EXAMPLE_ON), book.in_force("uk-unsecured", EXAMPLE_ON)
    assert us.offers.max_rounds == uk.offers.max_rounds == 4
    assert us.contact.cooldown_after_talk_days == 7
    assert uk.contact.cooldown_after_talk_days == 0


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        (
            "cn-card.toml",
            "value = 60,",
            "value = 0,",
            "cn-card.toml: term.max_months[1]: Input should be greater",
        ),
        (
            "cn-card.toml",
            "value = 60,",
            "",
            "cn-card.toml: term.max_months[1]: Input should be a valid integer",
        ),
        ("cn-card.toml", "[term]", "[terms]", "cn-card.toml: terms: no such section"),
        (
            "cn-card.toml",
            "min_payment = [",
            "min_payments = [",
            "cn-card.toml: term.min_payments: no such value",
        ),
        ("cn-card.toml", "min_payment = [", "min_payments = [", "cn-card.toml: term.min_payment: missing"),
        ("cn-card.toml", 'value = "100.00"', "value = 100", 'an amount is a string such as "200.00"'),
        ("cn-card.toml", 'value = "100.00"', 'value = "100.001"', "CNY has 2 digits"),
        ("cn-card.toml", 'calendar = "CN"', 'calendar = "QQ"', "pack.calendar: no business-day calendar"),
        ("cn-card.toml", 'time_zone = "Asia/Shanghai"', 'time_zone = "Asia/Here"', "no such time zone"),
        (
            "cn-card.toml",
            'currency = "CNY"',
            'currency = "CNY"\ntime_zones = ["Asia/Here"]',
            "no such time zone",
        ),
        ("cn-card.toml", 'id = "cn-card"', 'id = "cn-cards"', "pack.id: must be the file's name"),
        ("cn-card.toml", 'extends = "common"', 'extends = "none"', "extends: there is no none.toml"),
        ("cn-card.toml", "[pack]", "[pack", "is not TOML"),
        ("cn-card.toml", 'currency = "CNY"\n', "", "cn-card.toml: pack.currency: Field required"),
        (
            "common.toml",
            "discount_pct = [\n  { value = 8",
            "discount_pct = [\n  { value = 8.5",
            'e.g. "12.5"',
        ),
        (
            "common.toml",
            "max_rounds = [\n  { value",
            "max_rounds = [\n  { extra = 1, value",
            "unknown: extra",
        ),
        ("common.toml", '"current", from_days = 0', '"current", from_days = 1', "bands begin with 0 days"),
        ("common.toml", '"61-90", from_days = 61', '"61-90", from_days = 20', "bands begin with 0 days"),
        ("cn-card.toml", '"normal", from_days = 0', '"normal", from_days = 5', "bands begin with 0 days"),
        ("common.toml", 'order = ["costs", "interest",', 'order = ["interest",', None),
        ("cn-card.toml", "from = 2026-01-30, value = 6", "from = 2020-01-30, value = 6", None),
    ],
)
def test_what_is_wrong_is_named(folder: Path, file: str, old: str, new: str, said: str | None) -> None:
    path = folder / file
    edit(path, old, new)
    problems = [str(problem) for problem in check(folder)]
    if said is None:  # overridden by the card pack, or still in order: no complaint
        assert problems == []
        return
    assert any(said in problem for problem in problems), problems
    with pytest.raises(PolicyError) as caught:
        PolicyBook.load(folder)
    assert [str(problem) for problem in caught.value.problems] == problems


def test_entries_ascend(folder: Path) -> None:
    edit(
        folder / "cn-card.toml",
        "max_months = [\n",
        f"max_months = [\n{ENTRY.format('2030-01-01', 48)}",
    )
    assert [problem.key for problem in check(folder)] == ["term.max_months"]


def test_an_unknown_pack_names_those_there_are() -> None:
    with pytest.raises(PolicyError, match="there are: example-card"):
        example_book().pack("nobody")
    assert "example-card" in example_book()


def test_an_empty_folder_is_a_problem(tmp_path: Path) -> None:
    assert "no policy pack" in check(tmp_path)[0].rule


def test_explain_shows_every_value_with_its_source() -> None:
    shown = {row.key: row for row in explain(PolicyBook.load(PACKS).pack("cn-card"), EXAMPLE_ON)}
    row = shown["term.max_months"]
    assert (row.value, row.clause, row.verified) == (60, "Art. 70", True)
    assert shown["offers.max_rounds"].source.startswith("assumption: ")
    assert not shown["offers.max_rounds"].verified


def test_the_example_takes_any_other_value() -> None:
    policy = example_policy(
        {"currency": "USD", "calendar": "US"}, term__min_payment="25.00", offers__max_rounds=1
    )
    assert (str(policy.term.min_payment), policy.currency, policy.offers.max_rounds) == ("25.00", "USD", 1)
    with pytest.raises(PolicyError, match=r"offers\.rounds: no such value"):
        example_policy(offers__rounds=1)
    assert example_pack({"id": "us-x"}).info.id == "us-x"


# --- the steps of a house's own timetable

OWN_STEPS = """
[timetable]
steps = [
{entries}
]
"""
HOUSE = (
    '  {{ {since}clause = "-", source = "assumption: the house\'s own days", verified = false, value = [\n'
    '    {{ state = "statement", action = "ask", owner_role = "n", business_days = {days},'
    ' escalate_to = "s" }},\n'
    "  ] }},"
)


def with_steps(path: Path, *entries: str) -> None:
    text = path.read_text(encoding="utf-8")
    path.write_text(text + OWN_STEPS.format(entries="\n".join(entries)), encoding="utf-8")


def test_a_step_that_a_house_does_not_name_stays_as_the_common_file_has_it(folder: Path) -> None:
    inherited = PolicyBook.load(folder).in_force("cn-card", EXAMPLE_ON)
    with_steps(folder / "cn-card.toml", HOUSE.format(since="", days=7))
    own = PolicyBook.load(folder).in_force("cn-card", EXAMPLE_ON)
    assert {row.state for row in own.timetable.steps} == {row.state for row in inherited.timetable.steps}
    assert own.step("statement") != inherited.step("statement")
    for state in ("request_answer", "moratorium_review", "conversation_review"):
        assert own.step(state) == inherited.step(state)
        assert own.step(state) is not None


def test_each_date_has_the_steps_of_its_own_day(folder: Path) -> None:
    """Of the house's file and of the common one: whichever changes, the other's rows go on."""
    old = '{ state = "request_answer", action = "answer_request", owner_role = "supervisor", business_days = '
    text = (folder / "common.toml").read_text(encoding="utf-8")
    start = text.index("steps = [\n", text.index("[timetable]"))
    entry = text[start + len("steps = [\n") : text.index("\n]\n", start)]
    later = entry.replace("{ clause", "{ from = 2026-06-01, clause", 1).replace(f"{old}10", f"{old}4")
    (folder / "common.toml").write_text(text.replace(entry, f"{entry}\n{later}"), encoding="utf-8")
    houses = (HOUSE.format(since="", days=7), HOUSE.format(since="from = 2026-09-01, ", days=8))
    with_steps(folder / "cn-card.toml", *houses)
    book = PolicyBook.load(folder)
    found = []
    for day in (date(2026, 5, 31), date(2026, 6, 1), date(2026, 8, 31), date(2026, 9, 1)):
        rows = (book.in_force("cn-card", day).step(state) for state in ("statement", "request_answer"))
        found.append([row.business_days for row in rows if row is not None])
    assert found == [[7, 10], [7, 4], [7, 4], [8, 4]]


def test_where_nothing_is_inherited_a_step_that_is_missing_is_named(folder: Path) -> None:
    path = folder / "common.toml"
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [line for line in lines if '{ state = "request_answer"' not in line]
    assert len(kept) == len(lines) - 1
    path.write_text("".join(kept), encoding="utf-8")
    (problem,) = [str(problem) for problem in check(folder)]
    assert problem.startswith("cn-card.toml: timetable.steps: has no row for 'request_answer'")
    with_steps(folder / "cn-card.toml", HOUSE.format(since="", days=7))
    assert [str(problem) for problem in check(folder)] == [problem]
    with pytest.raises(PolicyError, match="request_answer"):
        PolicyBook.load(folder)
