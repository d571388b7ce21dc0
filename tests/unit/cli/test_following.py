"""Cases are followed as they go: a line for what is new, and nothing for what is not (R65)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
import typer

from services.cli import following
from services.cli.following import follow, heard_text, row_json, row_text, story_text, watch
from services.console import reads
from services.console.decide import ArchiveDecider
from services.console.model import CaseLine, Stage, Voice
from services.console.reads import CaseRow
from services.console.story import Line
from shared.contracts import desk_care, intake
from shared.contracts.base import Event
from shared.contracts.desk_care import SatisfactionTopic
from shared.runtime.settings import Settings
from tests.unit.builders import CASE, message

Told = list[tuple[str, Stage | None]]


class EnoughError(Exception):
    """The test has seen what it waited for."""


def row(case: str, stage: Stage = Stage.TALKS, **facts: Any) -> CaseRow:
    line = CaseLine(stage=stage, opened_on=date(2026, 3, 2), last_on=date(2026, 3, 9), owner="n-1")
    return CaseRow(case, "C-1", line.model_copy(update=facts), "2026-03-20")


def watched(wanted: Callable[[CaseRow], bool], *looks: list[CaseRow]) -> Told:
    """Give what is told over some looks: the case, and the stage that it was known to be in."""
    coming, told = iter(looks), Told()

    async def look() -> list[CaseRow]:
        try:
            return next(coming)
        except StopIteration:
            raise EnoughError from None

    def tell(now: CaseRow, before: CaseRow | None) -> None:
        told.append((now.case, before.line.stage if before is not None else None))

    with pytest.raises(EnoughError):
        asyncio.run(watch(look, wanted, tell, 0.0))
    return told


def test_only_what_has_changed_is_told_again() -> None:
    first, second = [row("a"), row("b")], [row("a"), row("b", Stage.AGREED), row("c")]
    assert watched(lambda _: True, first, first, second, second) == [
        ("a", None), ("b", None), ("b", Stage.TALKS), ("c", None),
    ]  # fmt: skip


def test_who_watches_open_cases_sees_each_of_them_close_once() -> None:
    closed = [row("a", Stage.CLOSED, close_reason="cured")]
    told = watched(lambda one: one.line.close_reason is None, [row("a")], closed, closed)
    assert told == [("a", None), ("a", Stage.TALKS)]


def test_a_line_says_where_a_case_has_gone_and_what_the_borrower_says_of_it() -> None:
    voice = Voice(score=2, about=("fees_and_interest", "tone"), complaints=("K-1", "K-2"))
    now = row("3f2a51aa-1", Stage.PLAN, voice=voice)
    assert row_text(now, row("3f2a51aa-1")) == (
        "2026-03-09  3f2a51aa C-1  talks → plan, owner n-1, next 2026-03-20, "
        "borrower: 2 of 5 about fees and interest, tone; 2 complaints open"
    )
    assert row_text(row("3f2a51aa-1"), None).endswith("talks, owner n-1, next 2026-03-20")
    assert heard_text(Voice(complaints=("K-1",))) == "1 complaint open"
    assert heard_text(Voice(about=("tone",))) == "tone"
    assert heard_text(Voice()) == ""
    assert row_json(now)["voice"] == voice.model_dump(mode="json")


def test_what_the_borrower_says_stands_out_in_a_story() -> None:
    plain = Line("2026-03-02T09:00:00", "desk", "Satisfaction with [bold] words", (), "x", "i", None)
    theirs = Line(**{**{name: getattr(plain, name) for name in plain.__slots__},
                     "type": desk_care.SatisfactionGiven.TYPE})  # fmt: skip
    assert story_text(plain).endswith(" Satisfaction with \\[bold] words")
    assert "[bold]Satisfaction with \\[bold] words[/]" in story_text(theirs)


# --- a story that goes on

EVENTS: tuple[Event, ...] = (
    intake.CaseAssigned(owner="n-1"),
    intake.CaseAssigned(owner="n-2", previous="n-1"),
    desk_care.SatisfactionGiven(topic=SatisfactionTopic.SIGNING, score=2),
)


def chain(*events: Event) -> tuple[Any, list[dict[str, Any]]]:
    state, links = None, []
    for event in events:
        decision = ArchiveDecider().decide(state, message(event), None)
        state = decision.state
        links += [dict(link.body) for link in decision.links]
    return state, links


def followed(
    monkeypatch: pytest.MonkeyPatch, *looks: tuple[int, int], change: int | None = None
) -> list[list[str]]:
    """Follow a case whose document counts so many entries at each look, of which so many are copied out."""
    state, links = chain(*EVENTS)
    states = [chain(*EVENTS[:number])[0] for number in range(len(EVENTS) + 1)]
    if change is not None:
        links[change]["data"] = {**links[change]["data"], "owner": "n-9"}
    coming, out, told = iter(looks), [0], list[list[str]]()

    async def find(_settings: Settings, _customer: str) -> Any:
        try:
            counted, out[0] = next(coming)
        except StopIteration:
            raise EnoughError from None
        return states[counted]

    async def story(
        _settings: Settings, _customer: str, archived: Any, after: int = 0
    ) -> list[dict[str, Any]]:
        return links[after : min(archived.entries, out[0])]

    async def nobody(_settings: Settings, _customer: str) -> None:
        return None

    monkeypatch.setattr(reads, "find_customer", find)
    monkeypatch.setattr(reads, "story_of", story)
    monkeypatch.setattr(reads, "person_key_of", nobody)
    monkeypatch.setattr(following.asyncio, "sleep", lambda _: nothing())
    with pytest.raises(EnoughError):
        asyncio.run(
            follow(Settings.load(), CASE, "C-1", "en", lambda lines: told.append([x.what for x in lines]), 0)
        )
    assert state.entries == len(EVENTS)
    return told


async def nothing() -> None:
    return None


def test_each_entry_is_told_once_when_it_is_filed(monkeypatch: pytest.MonkeyPatch) -> None:
    told = followed(monkeypatch, (1, 1), (1, 1), (3, 3))
    assert [len(lines) for lines in told] == [1, 2]
    assert told[1][1] == "Satisfaction with signing: 2 of 5"


def test_an_entry_that_is_counted_before_it_is_copied_out_comes_with_the_next_look(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert [len(lines) for lines in followed(monkeypatch, (2, 1), (3, 3))] == [1, 2]


def test_an_entry_that_was_changed_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(typer.Exit):
        followed(monkeypatch, (1, 1), (3, 3), change=1)
