"""The PDFs in a bundle: there in both languages, named on its pages, and bound by what the chain says."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from typer.testing import CliRunner

from services.agreement.paper.check import check_pdf
from services.cli.keys import private_key
from services.cli.main import app
from services.cli.papers import check_papers, papers_of
from services.console.bundle import Source, check_bundle, make_bundle
from services.console.bundle.packing import unpack
from shared.contracts.agreement import AgreementDrafted, AgreementSigned, CoBorrowerAccepted, PartySigned
from shared.contracts.bank import AccountOverdue
from shared.contracts.base import Personal
from shared.contracts.debts import ProductKind
from shared.contracts.offer import ApprovalRequested, OfferTabled
from shared.crypto.sealing import PersonKey
from shared.crypto.signing import Signer, load_signer, new_key_pair
from tests.unit.agreement.test_co_borrowers import WIFE, amended
from tests.unit.agreement.test_others import overdue as joint_account
from tests.unit.agreement.test_paper import read, squeezed, story
from tests.unit.builders import CASE, DAY, balances
from tests.unit.console.filing import CUSTOMER, File, person

AT = datetime(2026, 12, 9, tzinfo=UTC)
NAMES = {
    *("agreement-1.zh.pdf", "agreement-1.en.pdf"),
    *("settlement-letter-1.zh.pdf", "settlement-letter-1.en.pdf"),
}
OVERDUE = AccountOverdue(
    account_id="A-1", as_of=DAY, product="cn-card", kind=ProductKind.CARD, days_past_due=75,
    outstanding=balances("1.00"), overdue=balances("1.00"), annual_rate_pct="18", contract_date=DAY,
    name=Personal(value="王小明"),
)  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lender's key, both halves."""
    made = tmp_path_factory.mktemp("keys")
    private, public = new_key_pair()
    (made / "lender.pem").write_bytes(private)
    (made / "lender.pub").write_bytes(public)
    return made


@pytest.fixture(scope="module")
def signer(folder: Path) -> Signer:
    return load_signer(folder / "lender.pem")


@pytest.fixture(scope="module")
def file(signer: Signer) -> File:
    file = File(signer)
    file.say(OVERDUE, *story(), case=CASE)
    return file


@pytest.fixture(scope="module")
def papers(file: File, folder: Path) -> dict[str, bytes]:
    return papers_of(file.entries, CASE, CUSTOMER, private_key(folder / "lender.pem"), person())


def bundle(file: File, signer: Signer, papers: dict[str, bytes]) -> bytes:
    source = Source(CASE, CUSTOMER, file.archived, file.entries, (), person(), papers)
    return make_bundle(source, signer, AT)


def test_every_document_is_there_in_both_languages_and_checks_by_itself(
    papers: dict[str, bytes], signer: Signer
) -> None:
    assert papers.keys() == NAMES
    for name, pdf in papers.items():
        report = check_pdf(pdf, signer.public)
        assert (report.wrong, report.signed) == ((), True), name
    assert "王小明" in read(papers["agreement-1.zh.pdf"])


@pytest.mark.parametrize("edition", ["9", "10"])
def test_a_bundle_of_an_older_edition_is_still_made_and_proven(
    edition: str, signer: Signer, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as then:
        for place in ("terms", "letter"):
            then.setattr(f"services.agreement.{place}.EDITION", edition)
        events = story.__wrapped__()
    assert {one.terms.words for one in events if isinstance(one, AgreementDrafted) and one.terms} == {edition}
    older = File(signer)
    older.say(OVERDUE, *events, case=CASE)
    made = papers_of(older.entries, CASE, CUSTOMER, private_key(folder / "lender.pem"), person())
    raw = bundle(older, signer, made)
    assert made.keys() == NAMES
    assert check_bundle(raw, [signer.trusted]).ok
    assert check_papers(unpack(raw), [signer.public]) == []


def test_an_entry_that_a_newer_version_has_filed_is_named_and_no_error(
    file: File, signer: Signer, papers: dict[str, bytes]
) -> None:
    """It was a traceback: the chain is whole, only what stands there is not known here."""
    files = unpack(bundle(file, signer, papers))
    lines = [orjson.loads(line) for line in files["chain.jsonl"].splitlines()]
    number = next(line["number"] for line in lines if line.get("type") == AgreementDrafted.TYPE)
    lines[number - 1]["data"]["version"] = "two"
    chain = b"".join(orjson.dumps(line) + b"\n" for line in lines)
    first = check_papers({**files, "chain.jsonl": chain}, [signer.public])[0]
    assert first.where == f"entry {number}"
    assert "a version that this one does not know" in first.rule


def test_a_sealed_bundle_has_papers_without_the_name(file: File, folder: Path) -> None:
    sealed = papers_of(file.entries, CASE, CUSTOMER, private_key(folder / "lender.pem"))
    assert sealed.keys() == NAMES
    assert "王小明" not in read(sealed["agreement-1.zh.pdf"])


def test_the_bundle_holds_them_names_them_and_is_proven_with_them(
    file: File, signer: Signer, papers: dict[str, bytes], folder: Path, tmp_path: Path
) -> None:
    raw = bundle(file, signer, papers)
    files = unpack(raw)
    assert {f"documents/{name}" for name in NAMES} <= files.keys()
    assert check_bundle(raw, [signer.trusted]).ok
    assert check_papers(files, [signer.public]) == []
    english, chinese = files["index.html"].decode(), files["index.zh.html"].decode()
    assert '<a href="documents/agreement-1.zh.pdf">Agreement, version 1</a> (in Chinese)' in english
    assert '<a href="documents/agreement-1.en.pdf">协议第 1 版</a> (英文)' in chinese
    assert "结清证明 1" in chinese
    (tmp_path / "case.zip").write_bytes(raw)
    said = CliRunner().invoke(
        app, ["verify", str(tmp_path / "case.zip"), "--key", str(folder / "lender.pub")]
    )
    assert said.exit_code == 0, said.output


def test_a_paper_that_is_not_what_the_chain_says_is_named_even_where_the_lender_signed_the_bundle(
    file: File, signer: Signer, papers: dict[str, bytes], folder: Path, tmp_path: Path
) -> None:
    other = File(signer)
    other.say(OVERDUE, case=CASE)
    raw = bundle(other, signer, papers)
    assert check_bundle(raw, [signer.trusted]).ok
    faults = check_papers(unpack(raw), [signer.public])
    assert {fault.where for fault in faults} == {f"documents/{name}" for name in NAMES}
    assert {fault.rule for fault in faults} == {"its content is not what the chain says was drawn up"}
    (tmp_path / "case.zip").write_bytes(raw)
    said = CliRunner().invoke(
        app, ["verify", str(tmp_path / "case.zip"), "--key", str(folder / "lender.pub")]
    )
    assert said.exit_code == 1
    assert "documents/agreement-1" in said.output


def test_a_paper_of_somebody_else_is_named(file: File, signer: Signer, papers: dict[str, bytes]) -> None:
    stranger = Ed25519PrivateKey.generate()
    forged = papers_of(file.entries, CASE, CUSTOMER, stranger)
    mixed = {**papers, "agreement-1.en.pdf": forged["agreement-1.en.pdf"]}
    faults = check_papers(unpack(bundle(file, signer, mixed)), [signer.public])
    assert {fault.where for fault in faults} == {"documents/agreement-1.en.pdf"}


def test_a_draft_that_was_drawn_up_without_named_clauses_makes_no_paper(folder: Path) -> None:
    draft = next(event for event in story() if isinstance(event, AgreementDrafted))
    from services.agreement.document import content_hash

    old = draft.model_copy(update={"terms": None})
    old = old.model_copy(update={"content_hash": content_hash(old, CASE)})
    file = File()
    file.say(old, case=CASE)
    assert papers_of(file.entries, CASE, CUSTOMER, private_key(folder / "lender.pem")) == {}


def test_a_name_whose_key_was_destroyed_is_gone_from_the_paper_which_says_so(
    file: File, folder: Path
) -> None:
    """What was filed before an erasure stays in the chain, and nobody opens it any more."""
    key = private_key(folder / "lender.pem")
    erased = papers_of(file.entries, CASE, CUSTOMER, key, person(b"n" * 32), "2027-01-01T00:00:00+00:00")
    text = read(erased["agreement-1.zh.pdf"])
    assert "王小明" not in text
    assert "密钥已按保存规定销毁" in text
    assert "wasdestroyedwhenitstimeofkeepingwasover" in read(erased["agreement-1.en.pdf"])
    assert "wasdestroyedwhenitstimeofkeepingwasover" in read(erased["settlement-letter-1.en.pdf"])


def test_a_name_whose_key_is_not_at_hand_is_sealed_and_not_erased(file: File, folder: Path) -> None:
    key = private_key(folder / "lender.pem")
    sealed = papers_of(file.entries, CASE, CUSTOMER, key, None, "2025-01-01T00:00:00+00:00")
    text = read(sealed["agreement-1.en.pdf"])
    assert "underakeythatwasnotathand" in text
    assert "wasdestroyed" not in text


def test_the_letter_names_the_borrower_for_who_has_the_key(papers: dict[str, bytes]) -> None:
    assert "王小明" in read(papers["settlement-letter-1.zh.pdf"])


def test_a_person_erased_before_anything_was_filed_is_erased_and_one_of_no_name_is_neither(
    folder: Path,
) -> None:
    key = private_key(folder / "lender.pem")
    nameless = File()
    nameless.say(*story(), case=CASE)
    text = read(papers_of(nameless.entries, CASE, CUSTOMER, key, person())["agreement-1.en.pdf"])
    assert "wasdestroyed" not in text
    assert "notathand" not in text


@pytest.mark.parametrize(
    ("key", "erased", "printed", "said"),
    [
        (person(), "", "王小明", ""),
        (None, "", "出具本文本时未能打开", "PARLEY_MASTER_KEY"),
        (person(b"n" * 32), "2027-01-01T00:00:00.000000+00:00", "密钥已按保存规定销毁", "was erased"),
    ],
)
@pytest.mark.parametrize("letter", [True, False])
def test_the_command_prints_the_name_for_who_has_the_key_and_says_why_it_does_not(
    file: File, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: PersonKey | None, erased: str,
    printed: str, said: str, letter: bool,
) -> None:  # fmt: skip
    archived = file.archived.model_copy(update={"erased": erased})
    loaded = (CASE, CUSTOMER, archived, file.entries, key)
    monkeypatch.setattr("services.cli.reading.with_database", lambda *_: loaded)
    out = tmp_path / "a.pdf"
    result = CliRunner().invoke(
        app, ["agreement", CASE, "-o", str(out), "--lang", "zh", *(["--letter"] if letter else [])]
    )
    assert result.exit_code == 0, result.output
    assert printed in read(out.read_bytes())
    assert said in result.output
    assert ("The document says so." in result.output) is bool(said)


@pytest.mark.parametrize(
    ("first", "again", "said"),
    [
        (True, True, "signed, and is bound with the borrower"),
        (True, False, "did not sign it, and owes as before"),
    ],
)
def test_the_commands_write_and_check_what_a_co_borrower_signed(
    signer: Signer, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    first: bool, again: bool, said: str,
) -> None:  # fmt: skip
    """As a user: `parley agreement` of an amendment of a joint debt, and `parley verify` of what it wrote."""
    filed = File(signer)
    told = [event for step in amended(first=first, again=again) for event in step.said]
    filed.say(joint_account(), *told, case=CASE)
    loaded = (CASE, CUSTOMER, filed.archived, filed.entries, person())
    monkeypatch.setattr("services.cli.reading.with_database", lambda *_: loaded)
    out = tmp_path / "a.pdf"
    written = CliRunner().invoke(
        app, ["agreement", CASE, "-o", str(out), "--key", str(folder / "lender.pem"), "--lang", "en"]
    )
    assert written.exit_code == 0, written.output
    before = "has not signed this version, and owes by the last one that they signed"
    assert (squeezed(before) in read(out.read_bytes())) is not again
    checked = CliRunner().invoke(app, ["verify", str(out), "--key", str(folder / "lender.pub")])
    assert checked.exit_code == 0, checked.output
    assert f"Co-borrower {WIFE.party_id}: {said}." in checked.output


def joint(signer: Signer, *, first: bool, again: bool) -> File:
    filed = File(signer)
    told = [event for step in amended(first=first, again=again) for event in step.said]
    filed.say(joint_account(), *told, case=CASE)
    return filed


@pytest.mark.parametrize("signed", [False, True])
def test_a_paper_whose_signers_are_not_those_of_the_chain_is_named(
    signed: bool, signer: Signer, folder: Path
) -> None:
    """The same content, sealed by the lender, with a co-borrower's signature too few, or one too many."""
    lender = private_key(folder / "lender.pem")
    filed = joint(signer, first=signed, again=False)
    made = papers_of(filed.entries, CASE, CUSTOMER, lender, person())
    assert check_papers(unpack(bundle(filed, signer, made)), [signer.public]) == []
    other = joint(signer, first=not signed, again=False)
    theirs = papers_of(other.entries, CASE, CUSTOMER, lender, person())
    wrong = {**made, "agreement-1.en.pdf": theirs["agreement-1.en.pdf"]}
    raw = bundle(filed, signer, wrong)
    assert check_bundle(raw, [signer.trusted]).ok, "the lender signed this bundle"
    (fault,) = check_papers(unpack(raw), [signer.public])
    assert fault.where == "documents/agreement-1.en.pdf"
    said = "its signatures are not those that the chain says were given"
    assert fault.rule == f"{said}: co-borrower {WIFE.party_id}"


def test_a_paper_that_says_another_word_of_the_borrower_or_another_day_is_named(
    signer: Signer, folder: Path
) -> None:
    lender = private_key(folder / "lender.pem")
    filed = joint(signer, first=True, again=True)
    made = papers_of(filed.entries, CASE, CUSTOMER, lender, person())
    entries = [dict(entry) for entry in filed.entries]
    for at, entry in enumerate(entries):
        data = entry["data"]
        if entry["type"] == PartySigned.TYPE and data["party"] == "borrower":
            entries[at] = {**entry, "data": {**data, "evidence": "another"}}
        elif entry["type"] == AgreementSigned.TYPE:
            entries[at] = {**entry, "data": {**data, "effective": "2026-12-01"}}
    forged = papers_of(entries, CASE, CUSTOMER, lender, person())
    wrong = {**made, "agreement-2.zh.pdf": forged["agreement-2.zh.pdf"]}
    (fault,) = check_papers(unpack(bundle(filed, signer, wrong)), [signer.public])
    assert fault.where == "documents/agreement-2.zh.pdf"
    assert fault.rule.endswith(": borrower, the day on which it takes effect")


def test_a_signature_that_a_newer_version_has_filed_is_named_and_no_error(
    signer: Signer, folder: Path
) -> None:
    filed = joint(signer, first=True, again=False)
    made = papers_of(filed.entries, CASE, CUSTOMER, private_key(folder / "lender.pem"), person())
    files = unpack(bundle(filed, signer, made))
    lines = [orjson.loads(line) for line in files["chain.jsonl"].splitlines()]
    for line in lines:
        if line.get("type") == CoBorrowerAccepted.TYPE:
            line["data"]["version"] = "two"
    chain = b"".join(orjson.dumps(line) + b"\n" for line in lines)
    (fault,) = check_papers({**files, "chain.jsonl": chain}, [signer.public])
    assert fault.rule == "holds signatures of a newer version"


def test_the_case_says_the_ids_by_which_the_desk_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """An offer's, a plan's and the hash to sign could be read nowhere."""
    filed = File()
    drafted = next(event for event in story() if isinstance(event, AgreementDrafted))
    tabled = OfferTabled(
        offer_id="o-1", round=1, assessment_id="s-1", plans=(drafted.plan,), balances=(), tabled_on=DAY,
        valid_until=DAY, policy_version="v",
    )  # fmt: skip
    request = ApprovalRequested(
        request_id="r-1", offer_id="o-1", plan_id="p-1", role="supervisor", due=DAY, reasons=()
    )
    filed.say(OVERDUE, tabled, request, drafted, case=CASE)
    loaded = (CASE, CUSTOMER, filed.archived, filed.entries, [], person())
    monkeypatch.setattr("services.cli.reading.with_database", lambda *_: loaded)
    shown = CliRunner().invoke(app, ["case", CASE])
    assert shown.exit_code == 0, shown.output
    lines = shown.stdout.splitlines()
    plan = tabled.plans[0].plan_id
    assert f"Last offer: offer_id {tabled.offer_id}, round 1, valid until {tabled.valid_until}" in lines
    assert [line for line in lines if line.startswith(f"  plan_id {plan}: ")]
    assert f"Last approval asked for: request_id r-1, plan_id p-1, of supervisor by {DAY}" in lines
    assert (
        f"Last agreement: agreement_id {drafted.agreement_id}, version 1, to sign by {drafted.sign_by}, "
        f"content_hash {drafted.content_hash}"
    ) in lines
    events = orjson.loads(CliRunner().invoke(app, ["case", CASE, "--json"]).stdout)["events"]
    ids = {event["type"]: event["ids"] for event in events}
    assert ids[tabled.TYPE]["offer_id"] == tabled.offer_id
    assert ids[tabled.TYPE]["plan_ids"] == [one.plan_id for one in tabled.plans]
    assert ids[drafted.TYPE]["content_hash"] == drafted.content_hash
    assert ids[drafted.TYPE]["plan_id"] == drafted.plan.plan_id
    assert ids[OVERDUE.TYPE] == {"account_id": "A-1"}
    assert "王小明" not in str(ids)
