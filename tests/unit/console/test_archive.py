"""The archive: every message is one link of its customer's chain, and the overview follows the case."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from services.console.decide import ArchiveDecider
from services.console.model import ArchivedCustomer, Stage
from services.console.rules import chain_hash, link_id, stage_of
from services.console.story import Tampered, lines_of, verify
from services.console.tables import funnel
from shared.contracts import assessment, intake, offer
from shared.contracts.base import Event, Reason
from shared.contracts.decision import Link
from shared.contracts.envelope import Envelope
from shared.contracts.followup import PlanBroken
from shared.contracts.followup_care import PlanReopened
from shared.contracts.intake import CloseReason
from shared.contracts.reasons import ReasonCode
from tests.unit.builders import signed

DAY = date(2026, 3, 2)
CASE = "8b1f8a06-8f3f-5a7b-9a43-0d6f3a5a8f11"


def message(data: Event, number: int, *, subject: str | None = CASE) -> Envelope[Event]:
    return Envelope(
        id=f"m{number}",
        source="/parley/test",
        time=datetime(2026, 3, 2, 9, tzinfo=UTC),
        key="C1",
        data=data,
        subject=subject,
        sequence=number,
    )


ASSIGNED = intake.CaseAssigned(owner="n-1")
REQUESTED = assessment.StatementRequested(missing=("income",), due=DAY)
FAILED = offer.TalksFailed(
    rounds=3,
    as_of=DAY,
    reason=Reason(code=ReasonCode.ROUNDS_EXHAUSTED),
    next_step=Reason(code=ReasonCode.NEXT_HUMAN_REVIEW),
)
CLOSED = intake.CaseClosed(as_of=DAY, reason=CloseReason.CURED)


def archive(*events: Event) -> tuple[ArchivedCustomer, list[Link]]:
    state: ArchivedCustomer | None = None
    links: list[Link] = []
    for number, event in enumerate(events, start=1):
        decision = ArchiveDecider().decide(state, message(event, number), None)
        assert not decision.emissions
        state = decision.state
        links += decision.links
    assert state is not None
    return state, links


def test_every_message_is_a_link_and_the_chain_can_be_verified() -> None:
    state, links = archive(ASSIGNED, REQUESTED, FAILED)
    previous = "0" * 64
    for number, link in enumerate(links, start=1):
        body = dict(link.body)
        given = body.pop("hash")
        assert link.id == link_id("C1", number)
        assert body["previous"] == previous
        assert chain_hash(previous, body) == given
        previous = given
    assert (state.entries, state.head) == (3, previous)


def test_a_changed_entry_breaks_the_chain() -> None:
    _state, links = archive(ASSIGNED, REQUESTED)
    body = {k: v for k, v in links[0].body.items() if k != "hash"}
    body["data"] = {"owner": "n-2", "reasons": []}
    assert chain_hash(body["previous"], body) != links[0].body["hash"]


@pytest.mark.parametrize(
    ("events", "stage"),
    [
        ((REQUESTED,), Stage.ASSESSMENT),
        ((REQUESTED, FAILED), Stage.HUMAN),
        ((REQUESTED, CLOSED), Stage.CLOSED),
        ((CLOSED, REQUESTED), Stage.CLOSED),
        ((ASSIGNED,), Stage.OVERDUE),
    ],
)
def test_the_stage_follows_the_events_and_a_closed_case_stays_closed(
    events: tuple[Event, ...], stage: Stage
) -> None:
    state, _links = archive(*events)
    assert state.cases[CASE].stage is stage


NOON, LATER = datetime(2026, 1, 5, 12, tzinfo=UTC), datetime(2026, 1, 6, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("latest", "stage"),
    [
        ({"assessment": (Stage.ASSESSED, NOON), "offer": (Stage.TALKS, NOON)}, Stage.TALKS),
        ({"offer": (Stage.TALKS, NOON), "assessment": (Stage.ASSESSED, NOON)}, Stage.TALKS),
        ({"offer": (Stage.TALKS, NOON), "assessment": (Stage.ASSESSED, LATER)}, Stage.ASSESSED),
        ({"followup": (Stage.BROKEN, NOON), "assessment": (Stage.ASSESSMENT, NOON)}, Stage.ASSESSMENT),
        ({"followup": (Stage.BROKEN, LATER), "agreement": (Stage.PLAN, NOON)}, Stage.BROKEN),
        ({"followup": (Stage.COMPLETED, NOON), "offer": (Stage.TALKS, LATER)}, Stage.COMPLETED),
        ({"followup": (Stage.COMPLETED, NOON), "agreement": (Stage.PLAN, LATER)}, Stage.PLAN),
        ({"intake": (Stage.CLOSED, NOON), "followup": (Stage.BROKEN, LATER)}, Stage.CLOSED),
    ],
)
def test_the_stage_is_the_latest_that_was_said_whichever_was_read_first(
    latest: dict[str, tuple[Stage, datetime]], stage: Stage
) -> None:
    assert stage_of(latest) is stage
    assert stage_of(dict(reversed(latest.items()))) is stage


@pytest.mark.parametrize(
    ("code", "kept"), [(ReasonCode.BROKEN_IN_A_STOP, "1"), (ReasonCode.PAYMENT_RETURNED, "0")]
)
def test_a_plan_that_stands_again_is_kept_so_far(code: ReasonCode, kept: str) -> None:
    """The report said that it was broken, though nothing is held against the borrower."""
    broke = PlanBroken(agreement_id="a-1", as_of=DAY, missed=2, reasons=())
    again = PlanReopened(agreement_id="a-1", as_of=DAY, missing=(), reason=Reason(code=code))
    state, _links = archive(ASSIGNED, signed((DAY, "5.00")), broke)
    assert list(funnel(state.cases).columns[1].cells)[-1] == "0"
    state, _links = archive(ASSIGNED, signed((DAY, "5.00")), broke, again)
    assert list(funnel(state.cases).columns[1].cells)[-1] == kept


def test_the_owner_and_the_reason_of_the_close_are_kept() -> None:
    state, _links = archive(ASSIGNED, CLOSED)
    assert state.cases[CASE].owner == "n-1"
    assert state.cases[CASE].close_reason == "cured"


def test_a_fact_without_a_case_is_on_the_chain_of_its_customer() -> None:
    decision = ArchiveDecider().decide(None, message(ASSIGNED, 1, subject=None), None)
    assert decision.state is not None
    assert decision.state.entries == 1
    assert decision.state.cases == {}


def test_a_chain_is_verified_and_the_first_wrong_entry_is_named() -> None:
    state, links = archive(ASSIGNED, REQUESTED, FAILED)
    entries = [dict(link.body) for link in links]
    assert verify(entries, state.head) is None
    changed = [dict(e) for e in entries]
    changed[1]["data"] = {**changed[1]["data"], "missing": ["spending"]}
    assert verify(changed, state.head) == Tampered(2, "its content is not what was hashed")
    assert verify(entries[:2], state.head) == Tampered(3, "the chain is shorter than its head says")
    assert verify([entries[0], entries[2]], state.head) == Tampered(2, "the number is not the next one")


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_story_has_a_line_for_every_event_with_its_reasons(lang: str) -> None:
    _state, links = archive(ASSIGNED, REQUESTED, FAILED)
    lines = lines_of([link.body for link in links], CASE, lang)
    assert [line.who for line in lines] == ["test"] * 3
    assert all(line.what for line in lines)
    assert len(lines[2].why) == 2


def test_a_story_leaves_out_other_cases_of_the_customer() -> None:
    _state, links = archive(ASSIGNED, REQUESTED)
    assert lines_of([link.body for link in links], "another case") == []
