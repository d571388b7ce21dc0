"""A bundle proves itself: whatever is changed, added, removed, renamed or cut is found, and named."""

from __future__ import annotations

import errno
import io
import re
import zipfile
from datetime import UTC, datetime, timedelta, timezone
from html import escape
from pathlib import Path
from typing import Any

import orjson
import pytest
import typer
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from services.cli.evidence import write_new
from services.cli.main import app
from services.console.bundle import Source, check_bundle, make_bundle
from services.console.bundle.packing import LARGEST, pack, unpack
from services.console.bundle.page import page as page_of
from services.console.model import CaseLine, Stage
from services.console.reference import ArchiveKeys
from shared.contracts.base import Reason
from shared.contracts.followup import RenegotiationRequested
from shared.contracts.ops import HoldAction
from shared.contracts.reasons import ReasonCode
from shared.crypto.signing import KeyFileError, Signer, load_public, load_signer, new_key_pair
from shared.texts import text
from tests.unit.console.filing import (
    ASSIGNED,
    AT,
    CASE,
    CLOSED,
    ERASE,
    MASTER,
    OTHER,
    SIGNED,
    WORDS,
    File,
    contact,
    first_fault,
    hold,
    new_signer,
    person,
    secret,
)


@pytest.fixture(scope="module")
def raw(filed: File, signer: Signer) -> bytes:
    return make_bundle(filed.source(), signer, AT)


def test_a_bundle_is_complete_and_untouched(raw: bytes, signer: Signer, filed: File) -> None:
    report = check_bundle(raw, [signer.trusted])
    assert report.faults == ()
    assert (report.manifest["case"], report.manifest["entries"]) == (CASE, filed.archived.entries)
    assert report.manifest["shown"] == filed.archived.entries - 1


def test_any_zip_program_reads_it(raw: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
    assert {"manifest.json", "manifest.sig", "chain.jsonl", "index.html", "index.zh.html"} <= set(names)
    assert any(name.startswith("documents/") and "party.signed" in name for name in names)


def test_its_pages_show_the_story_in_both_languages_and_load_nothing(raw: bytes) -> None:
    files = unpack(raw)
    english, chinese = files["index.html"].decode(), files["index.zh.html"].decode()
    assert "Evidence of case" in english
    assert "案件档案" in chinese
    for page in (english, chinese):
        assert CASE in page
        assert not any(word in page for word in ("src=", "http:", "https:", "url(", "<script", "@import"))
        assert "王小明, lost the job in &lt;Suzhou&gt;" in page, "what was said in a contact"
        assert "borrower" in page
    assert "负责人" in chinese
    assert WORDS.encode() in files["timeline.json"]


def test_what_somebody_wrote_is_only_text_on_a_page(signer: Signer) -> None:
    file = File(signer)
    bad = hold(HoldAction.SET).model_copy(update={"reason": "<script>alert(1)</script>"})
    file.say(contact(), bad)
    page = unpack(make_bundle(file.source(), signer, AT))["index.html"].decode()
    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_its_pages_say_who_where_and_when_in_words(signer: Signer) -> None:
    """A bank and a desk of other places stood there at hours without a zone, and every page in codes."""
    file = File(signer)
    there = timezone(timedelta(hours=8))
    file.say(contact(), source="/desk/n-1", at=datetime(2026, 3, 2, 17, 5, tzinfo=there))
    file.say(ASSIGNED, source="/parley/intake", at=datetime(2026, 3, 2, 19, 6, tzinfo=UTC))
    files = unpack(make_bundle(file.source(), signer, AT))
    english, chinese = files["index.html"].decode(), files["index.zh.html"].decode()
    for when, who in (("17:05 UTC+08:00", "Desk (n-1)"), ("19:06 UTC", "Intake")):
        assert f"<tr><td>2026-03-02 {when}</td><td>{who}</td>" in english
    for when, who in (("17:05 UTC+08:00", "经办 (n-1)"), ("19:06 UTC", "立案")):
        assert f"<tr><td>2026-03-02 {when}</td><td>{who}</td>" in chinese
    assert "联系记录：来电来访，电话，已沟通" in chinese
    assert "Contact recorded: inbound, phone, talked" in english


@pytest.mark.parametrize("stage", Stage)
def test_its_pages_say_in_words_where_the_case_stands(stage: Stage) -> None:
    """In English it was a code: "human", "drafted", "plan"."""
    names = ("customer", "case", "made_at", "entries", "shown", "head", "key", "erased")
    line = CaseLine(stage=stage)
    shown = [page_of(dict.fromkeys(names, ""), line, (), {}, (), lang, {}).decode() for lang in ("en", "zh")]
    assert len(set(re.findall("<th>(?:Stage|阶段)</th><td><code>([^<]+)<", "".join(shown)))) == 2
    assert not any(f"<code>{code}</code>" in shown[0] for code in ("human", "plan", "drafted", "talks"))


def test_its_pages_say_who_took_part_and_what_was_said_without_unfolding(signer: Signer) -> None:
    """Of a talk the line said "inbound, phone, talked": its key points were in the raw data alone."""
    file = File(signer)
    file.say(contact())
    shown = unpack(make_bundle(file.source(), signer, AT))
    english, chinese = shown["index.html"].decode(), shown["index.zh.html"].decode()
    quoted = "王小明, lost the job in &lt;Suzhou&gt;"
    talk = "<small>place</small> phone<br><small>participants</small> borrower; n-1<br>"
    assert f"{talk}<small>key points</small> {quoted}" in english
    talk = "<small>地点</small> phone<br><small>参与人</small> borrower；n-1<br>"
    assert f"{talk}<small>要点</small> {quoted}" in chinese
    sealed = unpack(make_bundle(file.source(sealed=True), signer, AT))["index.html"].decode()
    assert "<small>participants</small> borrower; n-1<details>" in sealed


def test_another_case_of_the_customer_is_not_in_it(raw: bytes, signer: Signer) -> None:
    files = unpack(raw)
    assert OTHER.encode() not in raw
    assert b"of another case" not in files["timeline.json"]
    assert b"of no case" in files["timeline.json"]
    line = orjson.loads(files["chain.jsonl"].split(b"\n")[3])
    assert line.keys() == {"number", "previous", "hash"}
    assert "4" not in orjson.loads(files["keys.json"])


def test_a_sealed_bundle_says_nothing_personal_and_is_proven_alike(filed: File, signer: Signer) -> None:
    sealed = make_bundle(filed.source(sealed=True), signer, AT)
    assert check_bundle(sealed, [signer.trusted]).ok
    assert WORDS.encode() not in sealed
    assert orjson.loads(unpack(sealed)["keys.json"]) == {}


def test_another_key_proves_nothing(raw: bytes, tmp_path: Path) -> None:
    other = new_signer(tmp_path)
    report = check_bundle(raw, [other.trusted])
    assert report.faults[0].where == "manifest.sig"
    assert "another key" in report.faults[0].rule


def test_a_key_that_changed_in_the_middle_of_a_case_is_asked_for(signer: Signer, tmp_path: Path) -> None:
    """Whoever had the later key alone was told that an entry is not what was signed, and not what to do."""
    later = new_signer(tmp_path)
    file = File(signer)
    file.say(*[ASSIGNED] * 40)
    file.keys = ArchiveKeys(later, MASTER)
    file.say(contact(), *[ASSIGNED] * 40, CLOSED)
    raw = make_bundle(file.source(), later, AT)
    for both in ([signer.trusted, later.trusted], [later.trusted, signer.trusted]):
        assert check_bundle(raw, both).faults == ()
    where, rule = first_fault(raw, later)
    assert where == "entry 32"
    assert "a key that was not given: the lender may have had one before" in rule
    assert first_fault(raw, signer)[0] == "manifest.sig"


def test_a_forger_with_a_key_of_their_own_is_refused(filed: File, signer: Signer, tmp_path: Path) -> None:
    forger = new_signer(tmp_path)
    forged = make_bundle(filed.source(), forger, AT)
    assert not check_bundle(forged, [signer.trusted]).ok


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_a_changed_byte_is_found_wherever_it_is(data: st.DataObject) -> None:
    raw, signer = _kept()
    at = data.draw(st.integers(0, len(raw) - 1))
    bit = data.draw(st.integers(0, 7))
    changed = bytearray(raw)
    changed[at] ^= 1 << bit
    assert not check_bundle(bytes(changed), [signer.trusted]).ok


def test_every_single_byte_of_a_bundle_counts() -> None:
    """Headers, names, contents, the directory at the end: one bit of each byte in turn, and it is named."""
    raw, signer = _kept()
    passed = []
    for at in range(len(raw)):
        changed = bytearray(raw)
        changed[at] ^= 1 << at % 8
        report = check_bundle(bytes(changed), [signer.trusted])
        if report.ok or not report.faults or not report.faults[0].where:
            passed.append(at)
    assert passed == []


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_bundle_that_is_cut_or_lengthened_is_found(data: st.DataObject) -> None:
    raw, signer = _kept()
    cut = raw[: data.draw(st.integers(0, len(raw) - 1))]
    where, rule = first_fault(cut, signer)
    assert where
    assert rule
    assert not check_bundle(raw + data.draw(st.binary(min_size=1, max_size=50)), [signer.trusted]).ok


_KEPT: list[tuple[bytes, Signer]] = []


def _kept() -> tuple[bytes, Signer]:
    """One bundle for all examples."""
    if not _KEPT:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        signer = Signer(Ed25519PrivateKey.generate())
        file = File(signer)
        file.say(ASSIGNED, contact(), SIGNED)
        file.say(contact(), case=OTHER)
        _KEPT.append((make_bundle(file.source(), signer, AT), signer))
    return _KEPT[0]


def test_a_file_cut_short_names_the_first_member_that_is_not_whole(raw: bytes, signer: Signer) -> None:
    cut = raw[: raw.index(unpack(raw)["timeline.json"]) + 200]
    assert first_fault(cut, signer) == ("timeline.json", "is not whole: the file was cut short")


def test_the_first_entry_that_was_changed_is_named(raw: bytes, signer: Signer) -> None:
    files = unpack(raw)
    lines = files["chain.jsonl"].split(b"\n")
    for number in (7, 3):
        lines[number - 1] = lines[number - 1].replace(b"2026", b"2025")
    changed = pack({**files, "chain.jsonl": b"\n".join(lines)})
    assert first_fault(changed, signer) == ("entry 3", "its content is not what was hashed")
    lines[1] = lines[1].replace(b",", b", ", 1)
    changed = pack({**files, "chain.jsonl": b"\n".join(lines)})
    assert first_fault(changed, signer) == ("entry 2", "is not in canonical JSON")


@pytest.mark.parametrize("number", [1, 4, 12])
def test_an_entry_that_is_left_out_is_named(raw: bytes, signer: Signer, number: int) -> None:
    files = unpack(raw)
    lines = files["chain.jsonl"].split(b"\n")
    del lines[number - 1]
    changed = pack({**files, "chain.jsonl": b"\n".join(lines)})
    assert first_fault(changed, signer) == (f"entry {number}", "the number is not the next one")


def test_a_changed_hash_of_an_entry_that_is_not_shown_names_that_entry(raw: bytes, signer: Signer) -> None:
    """Of another case's entry only the hash is given: what follows it is whole, and was named instead."""
    files = unpack(raw)
    lines = files["chain.jsonl"].split(b"\n")
    hidden = orjson.loads(lines[3])
    assert hidden.keys() == {"number", "previous", "hash"}
    lines[3] = lines[3].replace(hidden["hash"].encode(), b"0" * 64)
    changed = pack({**files, "chain.jsonl": b"\n".join(lines)})
    assert first_fault(changed, signer) == (
        "entry 4",
        "its hash is not the one that the entry after it follows",
    )


def test_the_signature_file_says_who_has_signed_and_nothing_else(raw: bytes, signer: Signer) -> None:
    """Nothing signs it: a blank, another order or a word more went through with fresh checksums."""
    files = unpack(raw)
    signed = orjson.loads(files["manifest.sig"])
    for other in (
        files["manifest.sig"] + b" ",
        orjson.dumps(signed),
        orjson.dumps({**signed, "note": "void"}, option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2) + b"\n",
    ):
        assert first_fault(pack({**files, "manifest.sig": other}), signer)[0] == "manifest.sig"


def test_what_no_program_of_ours_wrote_is_a_fault_and_no_error(raw: bytes, signer: Signer) -> None:
    files = unpack(raw)
    lines = files["chain.jsonl"].split(b"\n")
    hidden, after = orjson.loads(lines[3]), orjson.loads(lines[4])
    none = [*lines]
    none[3] = orjson.dumps({**hidden, "hash": 5}, option=orjson.OPT_SORT_KEYS)
    none[4] = orjson.dumps({**after, "previous": 5}, option=orjson.OPT_SORT_KEYS)
    half = [lines[0].replace(b'"case":"', b'"case":"\\ud800', 1), *lines[1:]]
    endless = b'[{"entries":1e400,"head":"","key":"","signature":""}]'
    for name, content, where in (
        ("chain.jsonl", b"\n".join(none), "entry 4"),
        ("chain.jsonl", b"\n".join(half), "entry 1"),
        ("checkpoints.json", endless, "checkpoints.json"),
    ):
        assert first_fault(pack({**files, name: content}), signer)[0] == where


def test_files_that_are_changed_added_removed_or_renamed_are_named(raw: bytes, signer: Signer) -> None:
    files = unpack(raw)
    document = next(name for name in files if name.startswith("documents/"))
    for name in ("index.html", "index.zh.html", document, "timeline.json", "discarded.json"):
        assert first_fault(pack({**files, name: files[name] + b" "}), signer)[0] == name
        without = {other: content for other, content in files.items() if other != name}
        assert first_fault(pack(without), signer) == (name, "is missing")
        renamed = pack({("x" + k if k == name else k): v for k, v in files.items()})
        assert first_fault(renamed, signer) == (name, "is missing")
    more = pack({**files, "more.txt": b""})
    assert first_fault(more, signer) == ("more.txt", "does not belong to the bundle")
    for name in ("manifest.json", "manifest.sig", "chain.jsonl", "checkpoints.json", "keys.json"):
        without = {other: content for other, content in files.items() if other != name}
        assert first_fault(pack(without), signer) == (name, "is missing")


@pytest.mark.parametrize("mark", ["\x1b[2J\x1b[H", "\n", "\r", "\x07", "\x7f", "\x00"])
def test_a_name_that_would_command_the_readers_terminal_is_not_printed(
    raw: bytes, signer: Signer, mark: str
) -> None:
    """Such a name wiped the screen and wrote "complete and untouched" in the place of what is wrong."""
    report = check_bundle(pack({**unpack(raw), f"x{mark}case.zip is complete": b""}), [signer.trusted])
    (fault,) = report.faults
    assert fault.rule == "has a name that no bundle has"
    assert str(fault).isprintable()


@pytest.mark.parametrize(
    "name",
    ["documents\\agreement-1.zh.pdf", "my file.json", "../case.json", "documents/../x", "/x", "a//b", "C:x"],
)
def test_a_name_that_means_something_else_elsewhere_is_named_first(
    raw: bytes, signer: Signer, name: str
) -> None:
    """Of one that a program had packed with backslashes it was said that the manifest is missing."""
    assert first_fault(pack({name: b"x", **unpack(raw)}), signer) == (name, "has a name that no bundle has")


def test_files_in_another_order_or_packed_again_are_not_the_file(raw: bytes, signer: Signer) -> None:
    files = unpack(raw)
    swapped = pack(dict(reversed(files.items())))
    assert not check_bundle(swapped, [signer.trusted]).ok
    again = io.BytesIO()
    with zipfile.ZipFile(again, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    assert "packed by another program" in first_fault(again.getvalue(), signer)[1]


def test_keys_that_do_not_open_their_entry_are_named(filed: File, signer: Signer) -> None:
    files = unpack(make_bundle(filed.source(), signer, AT))
    keys = orjson.loads(files["keys.json"])
    keys["2"] = keys["5"]
    report = check_bundle(pack({**files, "keys.json": orjson.dumps(keys)}), [signer.trusted])
    assert report.faults[0].where == "entry 2"


# -- keys and the command -----------------------------------------------------------------------------------


def test_key_files_are_refused_in_words(tmp_path: Path) -> None:
    private, _ = new_key_pair()
    (tmp_path / "a.pem").write_bytes(private)
    (tmp_path / "b.pem").write_bytes(b"nothing")
    with pytest.raises(KeyFileError, match="holds a private key"):
        load_public(tmp_path / "a.pem")
    for load in (load_public, load_signer):
        with pytest.raises(KeyFileError, match=r"b\.pem"):
            load(tmp_path / "b.pem")
        with pytest.raises(KeyFileError, match="cannot be read"):
            load(tmp_path / "none.pem")
    assert "PRIVATE" not in repr(load_signer(tmp_path / "a.pem"))


def test_the_command_says_what_it_has_proven_or_what_is_not_right(filed: File, tmp_path: Path) -> None:
    signer = new_signer(tmp_path)
    file = File(signer)
    file.say(ASSIGNED, contact())
    bundle, key = tmp_path / "case.zip", tmp_path / "lender.pub"
    raw = make_bundle(file.source(), signer, AT)
    bundle.write_bytes(raw)
    run = CliRunner()
    good = run.invoke(app, ["verify", str(bundle), "--key", str(key)])
    assert (good.exit_code, "complete and untouched" in good.output) == (0, True), good.output
    at = raw.index(b'"owner":"n-1"')
    bundle.write_bytes(raw[:at] + b'"owner":"n-2"' + raw[at + 13 :])
    bad = run.invoke(app, ["verify", str(bundle), "--key", str(key), "--json"])
    assert bad.exit_code == 1
    assert orjson.loads(bad.stdout)["faults"][0]["where"] == "entry 1"
    for wrong in (["verify", str(bundle)], ["verify", str(bundle), "--key", str(tmp_path / "lender.pem")]):
        assert run.invoke(app, wrong).exit_code == 2
    assert run.invoke(app, ["verify", str(key), "--key", str(key)]).exit_code == 2


def test_where_a_bundle_cannot_be_written_or_read_the_command_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A missing folder was a traceback, after all the work; a full disk left half a bundle behind."""
    run = CliRunner()
    nowhere = run.invoke(app, ["evidence", "8b1f", "-o", str(tmp_path / "no" / "case.zip"), "--data", "x"])
    assert nowhere.exit_code == 2
    assert "there is no folder" in nowhere.output
    out = tmp_path / "case.zip"
    write_new(out, b"first")
    with pytest.raises(typer.Exit):
        write_new(out, b"second")
    assert out.read_bytes() == b"first"

    class Full(io.BytesIO):
        def write(self, _: Any) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    real = Path.open

    def full(self: Path, mode: str = "r", *more: Any) -> Any:
        real(self, mode, *more).close()
        return Full()

    with monkeypatch.context() as patched:
        patched.setattr(Path, "open", full)
        with pytest.raises(typer.Exit):
            write_new(tmp_path / "half.zip", b"x")
    assert not (tmp_path / "half.zip").exists()

    class Interrupted(io.BytesIO):
        def write(self, _: Any) -> int:
            raise KeyboardInterrupt

    def interrupted(self: Path, mode: str = "r", *more: Any) -> Any:
        real(self, mode, *more).close()
        return Interrupted()

    with monkeypatch.context() as patched:
        patched.setattr(Path, "open", interrupted)
        with pytest.raises(KeyboardInterrupt):
            write_new(tmp_path / "half.zip", b"x")
    assert not (tmp_path / "half.zip").exists()

    for out in (tmp_path / ("x" * 300), tmp_path / ("x" * 300) / "case.zip"):
        found = run.invoke(app, ["evidence", "8b1f", "-o", str(out), "--data", "x"])
        assert (found.exit_code, "cannot be written (File name too long)" in found.output) == (2, True)

    key = tmp_path / "lender.pub"
    new_signer(tmp_path)
    huge = tmp_path / "huge.zip"
    with huge.open("wb") as file:
        file.truncate(LARGEST)
    for path, code, said in (
        (tmp_path / "none.zip", 2, "No such file or directory"),
        (huge, 1, "is no bundle: none has 4 GiB"),
    ):
        found = run.invoke(app, ["verify", str(path), "--key", str(key)])
        assert (found.exit_code, said in found.output) == (code, True), found.output


def test_a_line_nested_too_deep_is_a_fault_and_no_error(raw: bytes, signer: Signer) -> None:
    files = unpack(raw)
    lines = files["chain.jsonl"].split(b"\n")
    for depth in (300, 700, 940, 980, 20_000):
        lines[0] = b'{"a":' + b"[" * depth + b"]" * depth + b"}"
        assert first_fault(pack({**files, "chain.jsonl": b"\n".join(lines)}), signer)[0] == "entry 1"


def test_the_command_tells_of_a_chain_that_was_never_signed(filed: File, tmp_path: Path) -> None:
    signer = new_signer(tmp_path)
    file = File()
    file.say(*[ASSIGNED] * 40)
    bundle = tmp_path / "case.zip"
    bundle.write_bytes(make_bundle(file.source(), signer, AT))
    run, key = CliRunner(), str(tmp_path / "lender.pub")
    told = run.invoke(app, ["verify", str(bundle), "--key", key])
    assert told.exit_code == 0, told.output
    assert "Entry 32: no checkpoint was signed when it was due" in told.output
    asked = run.invoke(app, ["verify", str(bundle), "--key", key, "--json"])
    assert orjson.loads(asked.stdout)["unsigned_from"] == 32


def test_its_pages_name_in_words_what_is_erased(signer: Signer) -> None:
    """Both pages said "key_points": a court reads no code."""
    file = File(signer)
    file.say(contact(), CLOSED)
    file.say(ERASE, at=AT.replace(year=2040))
    file.row = secret(b"n" * 32, b"o" * 32, file.archived.erased)
    source = Source(CASE, "C1", file.archived, file.entries, (), person(b"n" * 32))
    files = unpack(make_bundle(source, signer, AT))
    assert "<em>erased: key points; place</em>" in files["index.html"].decode()
    assert "<em>已删除：要点；地点</em>" in files["index.zh.html"].decode()
    rows = orjson.loads(files["timeline.json"])
    assert rows[0]["erased"] == ["key_points", "place"], "programs go by the names of the fields"


def test_a_chinese_page_joins_a_list_as_chinese_does(signer: Signer) -> None:
    """Reasons stood there as "…; …" between Chinese sentences."""
    codes = (ReasonCode.MISSED_TOO_MANY, ReasonCode.CAPACITY_CHANGED)
    asked = RenegotiationRequested(
        agreement_id="a-1", as_of=AT.date(), reasons=tuple(Reason(code=code) for code in codes)
    )
    file = File(signer)
    file.say(asked)
    shown = unpack(make_bundle(file.source(), signer, AT))
    for name, lang, between in (("index.html", "en", "; "), ("index.zh.html", "zh", "；")):
        assert between.join(escape(text(code, {}, lang)) for code in codes) in shown[name].decode()
