"""What a paper is sealed with, what a change of it is told by, and papers from the archive."""

from __future__ import annotations

import errno
import io
import json
import random
from dataclasses import replace
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import typer
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pypdf import PdfReader, PdfWriter
from typer.testing import CliRunner

from services.agreement.document import canonical_content, content_hash
from services.agreement.keys import raw_public, sign_with
from services.agreement.paper.check import Report, check_pdf
from services.agreement.paper.filed import agreements_of, letters_of
from services.agreement.paper.layout import Letter, PaperError, page_of
from services.agreement.paper.pdf import make_pdf
from services.agreement.paper.seal import is_sealed_by, seal, split
from services.agreement.paper.words import LANGUAGES
from services.cli.agreement import choose, write_whole
from services.cli.keys import lender_signature
from services.cli.main import app
from shared.contracts.agreement import (
    AgreementDrafted,
    PartySigned,
    SettlementLetterIssued,
)
from shared.contracts.bank import AccountOverdue
from shared.contracts.base import Personal
from shared.contracts.debts import ProductKind
from shared.contracts.desk import SignatureParty
from shared.policy.loader import PolicyError
from shared.policy.reference import load_lender_keys
from tests.unit.agreement.test_decide import after, drafted
from tests.unit.agreement.test_paper import KEY, PUBLIC, WAIVES, entries, filed, paper, read, story, under
from tests.unit.builders import CASE, DAY, balances

# -- what is attached, and what changes -------------------------------------------------------------------


def test_an_untouched_file_is_genuine_and_the_content_alone_can_be_checked() -> None:
    for lang in LANGUAGES:
        report = check_pdf(paper(lang), PUBLIC)
        assert (report.wrong, report.signed, report.kind, report.lang) == ((), True, "agreement", lang)
    attached = PdfReader(io.BytesIO(paper("zh"))).attachments
    content = attached["content.json"][0]
    assert content == canonical_content(under("cn-card").drafted, CASE)
    assert sha256(content).hexdigest() == under("cn-card").drafted.content_hash
    signatures = json.loads(attached["signatures.json"][0])
    KEY.public_key().verify(bytes.fromhex(signatures["lender"]["signature"]), content)
    borrower = signatures["borrower"]
    assert (borrower["channel"], borrower["evidence"]) == ("app", "one-time-code")
    assert borrower["at"].startswith(after(2).isoformat())
    assert borrower["content_hash"] == signatures["lender"]["content_hash"] == report.content_hash


@lru_cache
def letter_paper() -> bytes:
    """A file of one page, quick to check whole."""
    return make_pdf(letters_of(entries(*story()), CASE, "C-1")[0], "zh", KEY)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(at=st.integers(min_value=0), bit=st.integers(min_value=0, max_value=7))
def test_a_changed_byte_anywhere_is_told(at: int, bit: int) -> None:
    file = bytearray(letter_paper())
    file[at % len(file)] ^= 1 << bit
    assert check_pdf(bytes(file), PUBLIC).wrong != ()
    file = bytearray(paper("zh"))
    file[at % len(file)] ^= 1 << bit
    pdf, mark = split(bytes(file))
    assert mark is None or not is_sealed_by(PUBLIC, pdf, mark)


@pytest.mark.parametrize("from_end", range(1, 150, 37))
def test_a_changed_byte_of_the_seal_and_a_shorter_or_longer_file_are_told(from_end: int) -> None:
    file = paper("zh")
    for other in (
        file[:-from_end] + bytes([file[-from_end] ^ 1]) + file[len(file) - from_end + 1 :],
        file[:-from_end],
        file + b"\n" * from_end,
        file[:-from_end] + b" " + file[-from_end:],
    ):
        pdf, mark = split(other)
        assert mark is None or not is_sealed_by(PUBLIC, pdf, mark)
    assert "seal" in {f.where for f in check_pdf(file[:-from_end], PUBLIC).wrong}


def test_another_key_has_sealed_nothing_here() -> None:
    other = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
    wrong = {finding.where for finding in check_pdf(paper("zh"), raw_public(other)).wrong}
    assert wrong == {"seal", "lender's signature"}


def forged(**changes: Any) -> Report:
    """Give the check of a file sealed by the lender's own key around something that does not fit."""
    pdf, _ = split(paper("zh"))
    writer = PdfWriter(clone_from=io.BytesIO(pdf))
    kept = {name: found[0] for name, found in PdfReader(io.BytesIO(pdf)).attachments.items()}
    del writer._root_object["/Names"]
    if "/AF" in writer._root_object:
        del writer._root_object["/AF"]
    for name, raw in {**kept, **changes}.items():
        if raw is not None:
            writer.add_attachment(name, raw)
    out = io.BytesIO()
    writer.write(out)
    return check_pdf(seal(out.getvalue(), KEY), PUBLIC)


def test_a_resealed_file_whose_parts_do_not_fit_is_told() -> None:
    content = canonical_content(under("cn-card").drafted, CASE)
    assert forged().wrong == ()
    changed_ = content.replace(b'"version":1', b'"version":2')
    assert changed_ != content
    found = {f.where for f in forged(**{"content.json": changed_}).wrong}
    assert {"content", "lender's signature", "page 1"} <= found
    assert {f.where for f in forged(**{"content.json": b" " + content}).wrong} == {"content.json"}
    assert {f.where for f in forged(**{"signatures.json": None}).wrong} == {"signatures.json"}
    signatures = json.loads(PdfReader(io.BytesIO(paper("zh"))).attachments["signatures.json"][0])

    def with_(change: dict[str, Any]) -> set[str]:
        text = json.dumps({**signatures, **change}, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return {f.where for f in forged(**{"signatures.json": text.encode()}).wrong}

    lender, borrower = signatures["lender"], signatures["borrower"]
    assert with_({"lender": {**lender, "signature": sign_with(KEY, b"other")}}) == {"lender's signature"}
    assert with_({"lender": None}) == {"lender's signature"}
    assert with_({"borrower": {**borrower, "content_hash": "0" * 64}}) == {"borrower's signature"}
    assert with_({"borrower": {**borrower, "evidence": ""}}) == {"borrower's signature"}


def test_a_draft_is_sealed_but_binds_nobody() -> None:
    draft = agreements_of(entries(*story()[:1]), CASE, "C-1")[0]
    report = check_pdf(make_pdf(draft, "zh", KEY), PUBLIC)
    assert (report.wrong, report.signed) == ((), False)
    assert "草稿" in page_of(draft, "zh")["notice"]
    assert "lender" not in report.signatures
    copy = make_pdf(draft, "en")
    assert {f.where for f in check_pdf(copy, PUBLIC).wrong} == {"seal"}


@pytest.mark.parametrize("junk", [b"", b"%PDF-1.7\n", random.Random(1).randbytes(4000)])
def test_what_is_no_pdf_is_told_and_never_raises(junk: bytes) -> None:
    assert check_pdf(junk, PUBLIC).wrong != ()
    assert check_pdf(seal(junk, KEY), PUBLIC).wrong != ()


@pytest.mark.parametrize("share", [0, 3, 50, 99])
def test_a_file_that_was_cut_short_is_one_finding(share: int) -> None:
    """It was four: no seal, no PDF, and neither of two attachments."""
    file = paper("zh")
    (finding,) = check_pdf(file[: len(file) * share // 100], PUBLIC).wrong
    assert finding.where == "file"
    assert "it was cut short" in finding.what
    (finding,) = check_pdf(file[: len(file) // 2] + split(file)[0][-1:] + file[-149:], PUBLIC).wrong
    assert "not those that the holder of this key sealed" in finding.what
    (finding,) = check_pdf(seal(b"%PDF-1.7", KEY), PUBLIC).wrong
    assert str(finding).endswith("Error)"), "sealed as it is, and no PDF all the same"


def test_what_the_parser_says_of_a_damaged_file_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Hundreds of lines with pieces of the page in them."""
    pdf, _ = split(paper("zh"))
    damaged = pdf.replace(b"/ToUnicode", b"/ToUnicodf").replace(b"/Length", b"/Lengti", 3)
    check_pdf(damaged, PUBLIC)
    assert caplog.records == []


def test_the_signature_that_the_lender_gave_at_the_signing_is_the_one_on_paper() -> None:
    content = canonical_content(filed().drafted, CASE)
    at_signing = tuple(
        s.model_copy(update={"signature": sign_with(KEY, content), "key_id": "given-then"})
        if s.party is SignatureParty.LENDER
        else s
        for s in filed().signed
    )
    other = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
    pdf = make_pdf(replace(filed(), signed=at_signing), "zh", other)
    report = check_pdf(pdf, raw_public(other))
    assert report.signatures["lender"]["key_id"] == "given-then"
    assert {f.where for f in report.wrong} == {"lender's signature"}


# -- from the archive -------------------------------------------------------------------------------------


def test_versions_are_all_on_file_and_the_name_comes_from_the_bank() -> None:
    overdue = AccountOverdue(
        account_id="A-1", as_of=DAY, product="cn-card", kind=ProductKind.CARD, days_past_due=75,
        outstanding=balances("1.00"), overdue=balances("1.00"), annual_rate_pct="18", contract_date=DAY,
        name=Personal(value="王小明"),
    )  # fmt: skip
    first = next(e for e in story() if isinstance(e, AgreementDrafted))
    second = first.model_copy(update={"agreement_id": "b", "version": 2})
    second = second.model_copy(update={"content_hash": content_hash(second, CASE)})
    kept = entries(overdue, *story(), second)
    found = agreements_of(kept, CASE, "C-1")
    assert [(a.drafted.version, a.effective) for a in found] == [(1, after(2).isoformat()), (2, None)]
    assert {s.party for s in found[0].signed} == set(SignatureParty)
    assert found[0].borrower_name == "王小明"
    assert choose(kept, CASE, "C-1") == found[0]
    assert choose(kept, CASE, "C-1", version=2) == found[1]
    assert agreements_of(kept, "another", "C-1") == []
    with pytest.raises(PaperError):
        choose(kept, CASE, "C-1", version=3)


def test_what_was_changed_on_file_makes_no_document() -> None:
    for type_ in (AgreementDrafted.TYPE, SettlementLetterIssued.TYPE):
        kept = entries(*story())
        for entry in kept:
            if entry["type"] == type_:
                entry["data"] = {**entry["data"], "language": "en"}
        with pytest.raises(PaperError):
            (agreements_of if type_ == AgreementDrafted.TYPE else letters_of)(kept, CASE, "C-1")


def test_a_signature_on_another_content_is_not_counted() -> None:
    wrong = [
        e.model_copy(update={"content_hash": "0" * 64}) if isinstance(e, PartySigned) else e for e in story()
    ]
    assert agreements_of(entries(*wrong), CASE, "C-1")[0].signed == ()


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_settlement_letter_says_what_is_settled_and_what_survives(lang: str) -> None:
    letter = letters_of(entries(*story()), CASE, "C-1")[0]
    assert isinstance(choose(entries(*story()), CASE, "C-1", letter=True), Letter)
    pdf = make_pdf(letter, lang, KEY)
    text, report = read(pdf), check_pdf(pdf, PUBLIC)
    assert (report.wrong, report.signed, report.kind) == ((), True, "letter")
    assert ("结清证明" if lang == "zh" else "Settlementletter") in text
    assert ("已减免" if lang == "zh" else "Forgiven") in text
    assert ("本协议之外仍欠付的债务" if lang == "zh" else "Owedonotherdebts") in text
    assert "A-9" in text
    assert letter.issued.debts == ("A-1", "A-2")
    assert ("债务（A-1、A-2）已结清" if lang == "zh" else "nothingisowedonthemanymore:A-1,A-2") in text
    assert ("仍然欠付" if lang == "zh" else "Stillowed") not in text
    assert ("信用记录将报送为：A-1：已结清、A-2：已结清" if lang == "zh"
            else "Thecreditrecordwillsay:A-1:settled,A-2:settled.") in text  # fmt: skip
    assert letter.issued.content_hash in text


def test_the_lenders_desk_signs_a_draft_so_that_the_platform_accepts_it(tmp_path: Path) -> None:
    draft = agreements_of(entries(*story()[:1]), CASE, "C-1")[0]
    said = lender_signature(draft, KEY, after(2), "certificate-7")
    assert said.id == lender_signature(draft, KEY, after(3), "certificate-7").id
    (tmp_path / "lender-keys.toml").write_text(f'public_keys = ["{PUBLIC.hex()}"]')
    keys = load_lender_keys(tmp_path / "lender-keys.toml")
    assert keys == (PUBLIC,)
    table = drafted(WAIVES)
    signed = replace(table, reference=replace(table.reference, lender_keys=keys)).when(said)
    noted = signed.last(PartySigned)
    assert (noted.signature, noted.evidence) == (said.data.signature, "certificate-7")


@pytest.mark.parametrize("text", ["public_keys = 1", 'public_keys = ["00"]', "other = []", "no toml ["])
def test_lender_keys_that_cannot_be_read_are_named(tmp_path: Path, text: str) -> None:
    file = tmp_path / "lender-keys.toml"
    assert load_lender_keys(file) == ()
    file.write_text(text)
    with pytest.raises(PolicyError, match=r"lender-keys\.toml"):
        load_lender_keys(file)


def test_the_command_line_makes_keys_and_verifies(tmp_path: Path) -> None:
    run, file, key = CliRunner(), tmp_path / "a.pdf", tmp_path / "lender.key"
    made = run.invoke(app, ["keys", "new", str(key)])
    assert made.exit_code == 0
    assert key.stat().st_mode & 0o077 == 0
    assert run.invoke(app, ["keys", "new", str(key)]).exit_code == 1  # never replaced
    private = serialization.load_pem_private_key(key.read_bytes(), None)
    assert isinstance(private, Ed25519PrivateKey)
    assert raw_public(private).hex() in made.output
    file.write_bytes(make_pdf(filed(), "zh", private))
    public = ["--key", str(tmp_path / "lender.pub")]
    assert run.invoke(app, ["verify", str(file), *public]).exit_code == 0
    as_json = run.invoke(app, ["verify", str(file), "--json", *public])
    assert json.loads(as_json.stdout)["signed"] is True
    raw = file.read_bytes()
    for at in (0, len(raw) // 2, len(raw) - 1):
        file.write_bytes(raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :])
        assert run.invoke(app, ["verify", str(file), *public]).exit_code == 1
    file.write_bytes(raw)
    assert run.invoke(app, ["verify", str(file), "--key", str(file)]).exit_code == 2


def test_what_is_too_large_to_be_a_document_is_told_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """6 GiB ended in a traceback, and 300 MiB kept the parser busy for most of a minute."""
    run, file, key = CliRunner(), tmp_path / "a.pdf", tmp_path / "lender.key"
    run.invoke(app, ["keys", "new", str(key)])
    with file.open("wb") as made:
        made.write(b"%PDF-1.7\n")
        made.truncate((64 << 20) + 1)
    found = run.invoke(app, ["verify", str(file), "--key", str(tmp_path / "lender.pub")])
    assert (found.exit_code, "none has more than 64 MiB" in found.output) == (1, True)

    def full(_: Path) -> bytes:
        raise MemoryError

    for name in ("a.pdf", "a.zip"):
        (tmp_path / name).write_bytes(b"%PDF-1.7\n")
        with monkeypatch.context() as patched:
            patched.setattr(Path, "read_bytes", full)
            found = run.invoke(app, ["verify", str(tmp_path / name), "--key", str(tmp_path / "lender.pub")])
        assert (found.exit_code, "hold in memory" in found.output) == (2, True), found.output


def test_a_paper_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk left half of a paper in the place of the one that was there."""
    out = tmp_path / "a.pdf"
    write_whole(out, b"first")
    write_whole(out, b"second")
    assert (out.read_bytes(), list(tmp_path.iterdir())) == (b"second", [out])
    real = Path.write_bytes

    def full(self: Path, raw: bytes) -> int:
        real(self, raw[:1])
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "write_bytes", full)
        with pytest.raises(typer.Exit):
            write_whole(out, b"third")
    assert (out.read_bytes(), list(tmp_path.iterdir())) == (b"second", [out])
    for nowhere in (tmp_path / "no" / "a.pdf", tmp_path, tmp_path / ("x" * 300)):
        with pytest.raises(typer.Exit):
            write_whole(nowhere, b"x")
