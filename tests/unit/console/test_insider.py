"""Who can write the database and has no key: what they change is noticed, there and in a bundle."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest

from services.console.bundle import Source, check_bundle, make_bundle
from services.console.bundle.packing import pack, unpack
from services.console.checkpoints import check_archived, first_unsigned
from services.console.model import ArchivedCustomer, Checkpoint, Stage
from services.console.overview import overview_of
from services.console.rules import SIGNED_AT, chain_hash
from services.console.sealed import first_locked
from services.console.story import NOT_HASHED, Tampered, without_content
from shared.contracts.ops import HoldAction
from shared.crypto.sealing import SealError
from shared.crypto.signing import Signer
from tests.unit.console.filing import (
    ASSIGNED,
    AT,
    CASE,
    CLOSED,
    ERASE,
    OTHER,
    File,
    contact,
    first_fault,
    hold,
    person,
)


def test_checkpoints_are_signed_at_milestones_and_every_so_many_entries(filed: File, signer: Signer) -> None:
    signed = [entry["number"] for entry in filed.entries if "checkpoint" in entry]
    assert signed == [6, 32, filed.archived.entries], "the hold, the count and the close"
    assert filed.archived.checkpoint is not None
    assert filed.archived.checkpoint.entries == filed.archived.entries
    assert check_archived("C1", filed.archived, filed.entries, signer.trusted) is None


def test_a_chain_that_was_shortened_is_noticed(filed: File, signer: Signer) -> None:
    count = filed.archived.entries
    short = filed.entries[:-1]
    cut = filed.archived.model_copy(update={"entries": count - 1, "head": short[-1]["hash"]})
    wrong = check_archived("C1", cut, short, None)
    assert wrong == Tampered(count, f"the chain was cut: a checkpoint has signed {count} entries")


def test_a_chain_that_was_written_anew_is_noticed(filed: File, signer: Signer) -> None:
    other = File()
    other.say(ASSIGNED, contact("something else"), *[ASSIGNED] * 35)
    anew = other.archived.model_copy(update={"checkpoint": filed.archived.checkpoint})
    wrong = check_archived("C1", anew, other.entries, signer.trusted)
    assert wrong is not None
    assert "checkpoint" in wrong.rule


def test_a_chain_is_checked_without_what_was_checked_before(filed: File, signer: Signer) -> None:
    light = [without_content(entry) for entry in filed.entries]
    assert {entry["type"] for entry in light if "data" in entry} <= SIGNED_AT, (
        "what the document follows from"
    )
    assert check_archived("C1", filed.archived, light, signer.trusted) is None

    for name, value in (("data", {"owner": "n-2"}), ("case", "else"), ("number", 9), ("more", 1)):
        spoilt = [*filed.entries[:4], {**filed.entries[4], name: value}, *filed.entries[5:]]
        light = [without_content(entry) for entry in spoilt]
        whole = check_archived("C1", filed.archived, spoilt, signer.trusted)
        assert whole is not None
        assert whole.number == 5
        assert check_archived("C1", filed.archived, light, signer.trusted) == whole

    for spoilt in (filed.entries[1:], filed.entries[:-1], [*filed.entries[:3], *filed.entries[4:]]):
        light = [without_content(entry) for entry in spoilt]
        whole = check_archived("C1", filed.archived, spoilt, signer.trusted)
        assert whole is not None
        assert check_archived("C1", filed.archived, light, signer.trusted) == whole


def rechained(entries: list[dict[str, Any]], first: int) -> list[dict[str, Any]]:
    """Hash a chain anew from an entry on, as whoever can write the database does."""
    previous = entries[first - 2]["hash"] if first > 1 else "0" * 64
    for number, entry in enumerate(entries[first - 1 :], start=first):
        entry |= {"number": number, "previous": previous}
        entry["hash"] = previous = chain_hash(
            previous, {name: value for name, value in entry.items() if name not in NOT_HASHED}
        )
    return entries


def written_anew(filed: File, first: int, **changes: Any) -> tuple[ArchivedCustomer, list[dict[str, Any]]]:
    """Change an entry, hash all that follows anew, and take away every checkpoint that no longer fits."""
    entries = [dict(entry) for entry in filed.entries]
    entries[first - 1] |= changes
    for entry in rechained(entries, first)[first - 1 :]:
        entry.pop("checkpoint", None)
    left = [entry["checkpoint"] for entry in entries if "checkpoint" in entry]
    latest = Checkpoint(**left[-1]) if left else None
    said = {"entries": len(entries), "head": entries[-1]["hash"], "checkpoint": latest}
    return filed.archived.model_copy(update=said), entries


def test_a_checkpoint_that_was_taken_away_is_noticed(filed: File, signer: Signer) -> None:
    """Nothing hashes it: behind it the whole of a case could be written anew, and the bundle was signed."""
    archived, entries = written_anew(filed, 7, causation="another")
    for shown in (entries, [without_content(entry) for entry in entries]):
        wrong = check_archived("C1", archived, shown, signer.trusted)
        assert wrong is not None
        assert wrong.number == 32
        assert wrong.rule.startswith("its checkpoint was taken away")
    raw = make_bundle(Source(CASE, "C1", archived, entries, (), person()), signer, AT)
    assert first_fault(raw, signer)[0] == "entry 32"


def test_a_chain_without_any_checkpoint_is_told_of(filed: File, signer: Signer) -> None:
    """All were taken away, or the archive ran without a key: a program cannot tell, so a person hears it."""
    archived, entries = written_anew(filed, 1, causation="another")
    assert check_archived("C1", archived, entries, signer.trusted) is None
    assert first_unsigned(entries, set()) == 6
    raw = make_bundle(Source(CASE, "C1", archived, entries, (), person()), signer, AT)
    report = check_bundle(raw, [signer.trusted])
    assert (report.ok, report.unsigned) == (True, 6)
    whole = check_bundle(make_bundle(filed.source(), signer, AT), [signer.trusted])
    assert whole.unsigned is None


@pytest.mark.parametrize(
    "checkpoint",
    [{"x": 1}, None, [], {"entries": -1, "head": "", "key": "k", "signature": ""},
     {"entries": 6.0, "head": "", "key": "k", "signature": ""},
     {"entries": True, "head": "", "key": "k", "signature": ""}],
)  # fmt: skip
def test_what_is_no_checkpoint_is_a_fault_of_its_entry(filed: File, signer: Signer, checkpoint: Any) -> None:
    """It was a KeyError, or "entry -1"."""
    entries = [*filed.entries[:5], {**filed.entries[5], "checkpoint": checkpoint}, *filed.entries[6:]]
    wrong = check_archived("C1", filed.archived, entries, signer.trusted)
    assert wrong == Tampered(6, "what is said to be its checkpoint is none")
    raw = make_bundle(filed.source(), signer, AT)
    files = {**unpack(raw), "checkpoints.json": orjson.dumps([checkpoint])}
    assert first_fault(pack(files), signer) == ("checkpoints.json", "is not a list of checkpoints")


def test_a_checkpoint_of_another_place_or_time_is_not_the_latest(filed: File, signer: Signer) -> None:
    """An older one in the document hid that the chain had been cut to it."""
    older = Checkpoint(**filed.entries[31]["checkpoint"])
    for latest in (older, None):
        archived = filed.archived.model_copy(update={"checkpoint": latest})
        wrong = check_archived("C1", archived, filed.entries, signer.trusted)
        assert wrong is not None
        assert wrong.rule == "its checkpoint is not the latest one"


def test_a_hold_or_an_erasure_that_the_document_alone_says_is_noticed(filed: File, signer: Signer) -> None:
    """A hold that was deleted from the document let a person be erased: the document decides, unsigned."""
    light = [without_content(entry) for entry in filed.entries]
    for entries in (filed.entries, light):
        for update, number, about in (
            ({"holds": {}}, 6, "the legal hold on"),
            ({"holds": {**filed.archived.holds, OTHER: next(iter(filed.archived.holds.values()))}},
             filed.archived.entries, f"the legal hold on {OTHER}"),
            ({"erased": "2040-01-01T00:00:00.000000+00:00"}, filed.archived.entries, "the erasure"),
        ):  # fmt: skip
            archived = filed.archived.model_copy(update=update)
            wrong = check_archived("C1", archived, entries, signer.trusted)
            assert wrong is not None
            assert wrong.number == number
            assert about in wrong.rule


def test_holds_that_were_lifted_or_refused_and_an_erasure_are_as_the_chain_tells_them(signer: Signer) -> None:
    file = File(signer)
    file.say(contact(), hold(HoldAction.SET), hold(HoldAction.LIFT, role="nobody"), hold(HoldAction.LIFT))
    file.say(hold(HoldAction.SET, OTHER), hold(HoldAction.LIFT, OTHER), CLOSED)
    file.say(ERASE, at=AT.replace(year=2040))
    assert file.archived.erased
    assert check_archived("C1", file.archived, file.entries, signer.trusted) is None


def test_a_page_says_where_a_case_stands_by_its_chain_and_not_by_the_document(signer: Signer) -> None:
    """Stage and owner came from a document that nothing signs, into pages that the lender signs."""
    file = File(signer)
    file.say(ASSIGNED, contact(), CLOSED)
    line = file.archived.cases[CASE]
    lie = line.model_copy(update={"owner": "n-nobody", "stage": Stage.COMPLETED})
    archived = file.archived.model_copy(update={"cases": {CASE: lie}})
    raw = make_bundle(Source(CASE, "C1", archived, file.entries, (), person()), signer, AT)
    page = unpack(raw)["index.html"].decode()
    assert "n-nobody" not in page
    assert "<code>n-1</code>" in page
    assert "<code>closed</code>" in page
    told = overview_of(file.entries, CASE)
    assert (told.stage, told.owner, told.last_on) == (line.stage, line.owner, line.last_on)


def test_a_field_of_somebody_else_is_named_with_its_entry(filed: File, signer: Signer) -> None:
    """Swapped and hashed anew behind the last checkpoint, it ended every command with a traceback."""
    file = File(signer)
    file.say(contact(), contact("something else"))
    entries = [dict(entry) for entry in file.entries]
    entries[1]["data"] = entries[0]["data"]
    rechained(entries, 2)
    archived = file.archived.model_copy(update={"head": entries[-1]["hash"]})
    source = Source(CASE, "C1", archived, entries, (), person())
    assert check_archived("C1", archived, entries, signer.trusted) is None
    with pytest.raises(SealError, match="entry 2: "):
        make_bundle(source, signer, AT)


def test_a_key_that_is_gone_without_an_erasure_is_noticed(filed: File) -> None:
    """The bundle was made all the same, with everything personal in it sealed, and nobody was told."""
    entries = filed.entries
    assert first_locked(entries, person(), "") is None
    assert first_locked(entries, person(b"x" * 32), "") == 2
    assert first_locked(entries, None, "") == 2
    assert first_locked(entries, None, "2040-01-01T00:00:00.000000+00:00") is None


def test_a_line_that_no_entry_says_is_marked_on_the_pages(filed: File, signer: Signer) -> None:
    """What was discarded is in no chain: a line that somebody made up there looked like any other."""
    made_up = {"command": "x", "time": "2026-03-02T10:00:00+00:00", "by": "ann", "reason": "no use",
               "service": "offer", "topic": "desk.events", "partition": 1, "offset": 2}  # fmt: skip
    files = unpack(make_bundle(replace(filed.source(), discards=(made_up,)), signer, AT))
    for page, said in (("index.html", "beside the chain"), ("index.zh.html", "不在证据链中")):
        assert files[page].decode().count(said) == 1
        assert f"(desk.events/1/2)<br><em>{said}" in files[page].decode()
