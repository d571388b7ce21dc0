"""Each kind of records is kept for its years, from the event that its pack names; one key holds all of it."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.cli.catalogue import policies_dir
from services.console.keeping import erasable_on
from services.console.kinds import Record, records_of
from services.console.model import ArchivedCustomer
from services.console.story import verify
from shared.contracts import assessment, followup_care, intake, intake_team, offer
from shared.contracts.base import Event, Reason
from shared.contracts.reasons import ReasonCode
from shared.contracts.registry import EVENTS
from shared.lending.calendar import add_months
from shared.policy.loader import PolicyBook
from shared.policy.testing import example_book, example_pack
from tests.unit.builders import case_opened, debt
from tests.unit.console.filing import ASSIGNED, CASE, CLOSED, ERASE, OTHER, SIGNED, File, contact

D = date
TALK = contact()
LETTER = TALK.model_copy(update={"channel": "letter"})
ASKED = assessment.StatementRequested(missing=("income",), due=D(2026, 3, 9))
FAILED = offer.TalksFailed(
    rounds=3,
    as_of=D(2026, 3, 2),
    reason=Reason(code=ReasonCode.ROUNDS_EXHAUSTED),
    next_step=Reason(code=ReasonCode.NEXT_HUMAN_REVIEW),
)
REOPENED = followup_care.PlanReopened(
    agreement_id="a1",
    as_of=D(2026, 3, 2),
    missing=(),
    reason=Reason(code=ReasonCode.REVERSAL_EXCEEDS_PAYMENT),
)
MARCH, JUNE, END = D(2026, 3, 2), D(2026, 6, 1), D(2027, 3, 1)
Story = tuple[tuple[date, Event], ...]


def at(day: date) -> datetime:
    return datetime.combine(day, time(9), UTC)


def closed(day: date) -> intake.CaseClosed:
    return CLOSED.model_copy(update={"as_of": day})


def opened(*packs: str, day: date = MARCH) -> intake.CaseOpened:
    debts = tuple(debt(f"A-{number}", policy=pack) for number, pack in enumerate(packs))
    return case_opened(*debts, policy=packs[0]).model_copy(update={"opened_on": day, "conduct": packs})


def conduct(*packs: str) -> intake_team.ConductChanged:
    return intake_team.ConductChanged(as_of=JUNE, packs=packs)


def tell(file: File, story: Story, case: str = CASE) -> File:
    for day, event in story:
        file.say(event, case=case, at=at(day))
    return file


def erased_first_on(file: File, until: date) -> dict[str, Any]:
    """Ask one day early, which is refused, then on the day, which is not; give the refusal's parameters."""
    refused = file.say(ERASE, at=at(until - timedelta(days=1)))
    assert refused["refused"]["code"] == "kept_by_retention"
    assert refused["refused"]["params"]["until"] == until.isoformat()
    assert file.archived.erased == ""
    assert file.say(ERASE, at=at(until))["erases"] == file.archived.erased
    assert verify(file.entries, file.archived.head) is None
    return dict(refused["refused"]["params"])


# -- the packs that are shipped ---------------------------------------------------------------------------

PACKS = PolicyBook.load(policies_dir())


@pytest.mark.parametrize(
    ("pack", "story", "until", "record", "clause"),
    [
        ("cn-card", (TALK,), D(2032, 3, 1), "evidence", "collection records (clause number not checked)"),
        ("cn-consumer-loan", (TALK, SIGNED), D(2032, 3, 1), "evidence",
         "collection records (clause number not checked)"),
        ("tw-card", (TALK, SIGNED), D(2032, 3, 1), "evidence", None),
        ("eu-consumer", (TALK, SIGNED), D(2032, 3, 1), "evidence", None),
        ("uk-unsecured", (TALK, SIGNED), D(2032, 3, 1), "evidence", None),
        # Evidence and contacts are kept for three years there, decisions (the closing is one) for five.
        ("us-unsecured", (TALK, SIGNED), D(2032, 3, 1), "decisions", None),
    ],
)  # fmt: skip
def test_a_file_of_each_pack_may_go_on_its_day(
    pack: str, story: tuple[Event, ...], until: date, record: str, clause: str | None
) -> None:
    days = (MARCH, JUNE)
    file = tell(File(policies=PACKS), ((MARCH, opened(pack)), *zip(days, story, strict=False)))
    said = erased_first_on(tell(file, ((END, closed(END)),)), until)
    assert (said["record"], said["pack"], said.get("clause")) == (record, pack, clause)


def test_every_pack_is_in_the_table() -> None:
    rows = test_a_file_of_each_pack_may_go_on_its_day.pytestmark[0].args[1]  # type: ignore[attr-defined]
    assert {row[0] for row in rows} == set(PACKS.pack_ids)


# -- each kind of records, from each event ------------------------------------------------------------------


def ruled(counted_from: str, **years: int) -> PolicyBook:
    values = {f"retention__{record}_years": 0 for record in Record if record is not Record.EVIDENCE}
    values |= {f"retention__{record}_years": count for record, count in years.items()}
    return example_book(
        example_pack(records__evidence_years=1, retention__counted_from=counted_from, **values)  # type: ignore[arg-type]
    )


PATH = ((MARCH, opened("example-card")), (D(2026, 4, 1), ASKED), (D(2026, 5, 1), FAILED),
        (JUNE, SIGNED), (D(2026, 7, 1), TALK), (END, closed(END)))  # fmt: skip


@pytest.mark.parametrize(
    ("counted_from", "kind", "until"),
    [
        ("made", "assessments", D(2036, 4, 1)),
        ("made", "agreements", D(2036, 6, 1)),
        ("made", "contacts", D(2036, 7, 1)),
        ("made", "recordings", D(2036, 7, 1)),
        ("made", "decisions", D(2037, 3, 1)),  # that it is closed is one
        *(("last_collection_activity", kind, D(2036, 7, 1))
          for kind in ("contacts", "recordings", "agreements", "assessments")),
        ("last_collection_activity", "decisions", D(2037, 3, 1)),
        *(("settled", kind, D(2037, 3, 1))
          for kind in ("contacts", "recordings", "agreements", "assessments", "decisions")),
    ],
)  # fmt: skip
def test_years_count_from_the_event_that_the_pack_names(counted_from: str, kind: str, until: date) -> None:
    file = tell(File(policies=ruled(counted_from, **{kind: 10})), PATH)
    said = erased_first_on(file, until)
    assert (said["record"], said["years"]) == (kind, "10")


def test_what_is_not_on_file_keeps_nothing() -> None:
    story = ((MARCH, opened("example-card")), (JUNE, LETTER), (END, closed(END)))
    said = erased_first_on(
        tell(File(policies=ruled("settled", recordings=30, agreements=20, contacts=7)), story),
        D(2034, 3, 1),
    )
    assert said["record"] == "contacts", "a letter is no recording, and nothing was signed"


def test_what_is_made_after_the_settlement_is_kept_as_long_from_its_own_day() -> None:
    late = D(2028, 1, 1)
    file = tell(File(policies=ruled("settled", contacts=10)), (*PATH, (late, LETTER)))
    assert erased_first_on(file, D(2038, 1, 1))["record"] == "contacts"


def test_a_debt_is_settled_when_the_last_case_of_the_person_has_ended() -> None:
    """A debt that was cured may come back in another case: its recordings are kept until that has ended."""
    file = tell(File(policies=ruled("settled", recordings=10)), PATH)
    start, end = D(2028, 1, 3), D(2030, 5, 6)
    again = ((start, opened("example-card", day=start)), (end, closed(end)))
    assert erased_first_on(tell(file, again, OTHER), D(2040, 5, 6))["record"] == "recordings"


def test_what_is_owed_again_is_not_settled() -> None:
    file = tell(File(policies=ruled("settled", recordings=10)), (*PATH, (D(2028, 1, 1), REOPENED)))
    assert erased_first_on(file, D(2038, 1, 1))["record"] == "recordings"


def test_the_longest_of_all_packs_of_all_cases_counts() -> None:
    short = example_pack({"id": "short-card"}, retention__contacts_years=2, records__evidence_years=1)
    long = example_pack({"id": "long-card"}, retention__contacts_years=9, records__evidence_years=1)
    file = File(policies=example_book(short, long))
    tell(file, ((MARCH, opened("short-card", "long-card")), (JUNE, TALK), (END, closed(END))))
    said = erased_first_on(file, D(2036, 3, 1))
    assert (said["record"], said["pack"]) == ("contacts", "long-card")


def test_a_pack_that_came_into_the_case_later_counts() -> None:
    short = example_pack({"id": "short-card"}, retention__contacts_years=2, records__evidence_years=1)
    long = example_pack({"id": "long-card"}, retention__contacts_years=9, records__evidence_years=1)
    file = File(policies=example_book(short, long))
    tell(file, ((MARCH, opened("short-card")), (JUNE, TALK)))
    tell(file, ((JUNE, conduct("long-card", "short-card")),))
    tell(file, ((JUNE, conduct("short-card")), (END, closed(END))))
    assert erased_first_on(file, D(2036, 3, 1))["pack"] == "long-card"


# -- older documents ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("since", [LETTER, conduct("short-card")], ids=["letter", "conduct"])
def test_what_an_older_version_did_not_count_is_kept_longest(since: Event) -> None:
    """Of a document of version 3 neither kinds nor packs are known: every kind, by every pack there is."""
    short = example_pack({"id": "short-card"}, retention__counted_from="made", retention__contacts_years=2,
                         records__evidence_years=1)  # fmt: skip
    long = example_pack({"id": "long-card"}, retention__agreements_years=20, records__evidence_years=1)
    file = tell(File(policies=example_book(short, long)),
                ((MARCH, opened("short-card")), (JUNE, LETTER), (END, closed(END))))  # fmt: skip
    new = {"packs", "made", "active_on", "ended_on", "reopened_on", "counted"}
    old = file.archived.model_dump(mode="json")
    old = {name: value for name, value in old.items() if name not in new}
    old["cases"] = {
        case: {name: value for name, value in line.items() if name not in new}
        for case, line in old["cases"].items()
    }
    file.state = ArchivedCustomer.model_validate(old, strict=False)
    tell(file, ((D(2027, 3, 2), since),))
    said = erased_first_on(file, D(2047, 3, 2))
    assert (said["record"], said["pack"]) == ("agreements", "long-card")


# -- every kind ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("event", EVENTS.values(), ids=EVENTS)
def test_every_event_of_a_case_is_of_some_kind(event: type[Event]) -> None:
    kinds = records_of(event.model_construct(channel=""))
    assert bool(kinds) is (event.PRODUCER not in {"bank", "runtime", "ops"})
    assert Record.EVIDENCE not in kinds


EVENTS_OF_A_CASE = st.sampled_from([TALK, LETTER, ASKED, FAILED, SIGNED, ASSIGNED, REOPENED])
DAYS = st.dates(D(2024, 1, 1), D(2030, 12, 31))
YEARS = st.fixed_dictionaries(
    {f"{record.value}": st.integers(0, 9) for record in Record if record is not Record.EVIDENCE}
)
STORIES = st.lists(st.tuples(DAYS, st.sampled_from([CASE, OTHER]), EVENTS_OF_A_CASE), min_size=1, max_size=8)


def _file(policies: PolicyBook, story: list[tuple[date, str, Event]]) -> File:
    file = File(policies=policies)
    for day, case, event in story:
        tell(file, ((day, event),), case)
    return file


@settings(max_examples=60, deadline=None)
@given(
    years=YEARS,
    counted_from=st.sampled_from(["settled", "last_collection_activity", "made"]),
    story=STORIES,
    end=DAYS,
    data=st.data(),
)
def test_no_kind_of_record_is_erased_before_its_years(
    years: dict[str, int],
    counted_from: str,
    story: list[tuple[date, str, Event]],
    end: date,
    data: st.DataObject,
) -> None:
    policies = ruled(counted_from, **years)
    cases = {case for _, case, _ in story}
    whole = [(min(day for day, _, _ in story), case, opened("example-card")) for case in sorted(cases)]
    whole += [*story, *((end, case, closed(end)) for case in sorted(cases))]
    file = _file(policies, whole)
    until = erasable_on(file.archived, policies, D(2050, 1, 1)).day
    for day, _, event in whole:
        for record in records_of(event):
            assert until >= add_months(day, 12 * years[record])
            if counted_from == "settled":
                assert until >= add_months(end, 12 * years[record])
    erased_first_on(file, until)
    # In which order the topics were read says nothing.
    other = _file(policies, data.draw(st.permutations(whole)))
    assert erasable_on(other.archived, policies, D(2050, 1, 1)).day == until
