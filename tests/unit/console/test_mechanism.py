"""The reviews of the mechanism as they are listed: what followed, what is due, and who was never reviewed."""

from __future__ import annotations

import shutil
from datetime import UTC, date, datetime
from io import StringIO
from pathlib import Path

from rich.console import Console

from services.cli.catalogue import policies_dir
from services.console import tables
from services.console.mechanism import Mechanism, ReviewLine
from shared.contracts.alert_steps import MechanismReviewNoted
from shared.contracts.base import Event
from shared.contracts.envelope import Envelope
from shared.policy.learnt import learnt_entries, published, with_entries
from shared.policy.loader import PolicyBook
from tests.unit.builders import case_opened

FIRST, SECOND = date(2026, 3, 2), date(2026, 9, 10)
BOOK = PolicyBook.load(policies_dir())


def noted(on: date, pack: str = "cn-card") -> MechanismReviewNoted:
    return MechanismReviewNoted(
        pack=pack, on=on, reviewer="s-zhao", role="supervisor", decided="go on", policy_version="v",
        next_review=date(2026, 9, 2), due=date(2026, 9, 30),
    )  # fmt: skip


def heard(*events: Event) -> Mechanism:
    mechanism = Mechanism()
    for number, event in enumerate(events, start=1):
        message = Envelope(
            f"m-{number}", f"/parley/{event.PRODUCER}", datetime(2026, 3, 2, tzinfo=UTC), "k", event,
            subject="c", sequence=number,
        )  # fmt: skip
        mechanism.saw(message)
        mechanism.saw(message)  # published twice
    return mechanism


def states(until: date | None, *events: Event) -> list[tuple[date | None, str]]:
    return [(line.on, line.state) for line in heard(*events).lines(BOOK, until)]


def test_the_days_say_whether_the_next_one_is_due() -> None:
    for until, state in (
        (None, "in time"),
        (date(2026, 9, 1), "in time"),
        (date(2026, 9, 2), "due"),
        (date(2026, 9, 30), "due"),
        (date(2026, 10, 1), "overdue"),
    ):
        assert states(until, noted(FIRST)) == [(FIRST, state)]
    assert states(date(2026, 9, 20), noted(FIRST), noted(SECOND)) == [
        (SECOND, "due"), (FIRST, "followed by another"),
    ]  # fmt: skip


def test_a_pack_with_cases_and_no_review_is_listed_and_one_without_either_is_not() -> None:
    opened = case_opened().model_copy(update={"policy": "tw-card"})
    assert heard(opened).lines(BOOK, FIRST) == [ReviewLine("tw-card")]
    assert heard().lines(BOOK, FIRST) == []


def test_what_of_the_pack_was_changed_since_stands_beside_it(tmp_path: Path) -> None:
    shutil.copytree(policies_dir(), tmp_path / "packs")
    path = tmp_path / "packs" / "cn-card.toml"
    pack = BOOK.pack("cn-card")
    entries = learnt_entries(pack, published(pack, FIRST), "own", date(2026, 9, 15), "blend")
    path.write_text(with_entries(path.read_text(encoding="utf-8"), entries), encoding="utf-8")
    book = PolicyBook.load(tmp_path / "packs")
    second, first = heard(noted(FIRST), noted(SECOND)).lines(book, SECOND)
    assert first.changed == ()
    assert second.changed == ("value.redefault_model",)  # the same figures, by another name
    out = StringIO()
    Console(file=out, width=200).print(tables.reviews([second, ReviewLine("tw-card")]))
    assert "value.redefault_model" in out.getvalue()
    assert "s-zhao (supervisor)" in out.getvalue()
    assert "never reviewed" in out.getvalue()


def test_a_pack_that_is_gone_is_still_listed() -> None:
    (line,) = heard(noted(FIRST, "gone-pack")).lines(BOOK, FIRST)
    assert (line.pack, line.changed) == ("gone-pack", ())
