"""The document on paper: read by a PDF parser in both languages, and every changed byte is noticed."""

from __future__ import annotations

import io
import re
import tomllib
from dataclasses import replace
from datetime import date
from decimal import Decimal
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pypdf import PdfReader

import deploy
from services.agreement.decide import AgreementDecider
from services.agreement.document import canonical_content, content_hash
from services.agreement.keys import raw_public
from services.agreement.paper.filed import agreements_of
from services.agreement.paper.layout import Agreement, PaperError, page_of
from services.agreement.paper.pdf import make_pdf
from services.agreement.paper.words import EDITION, LANGUAGES, words_of
from services.agreement.terms import terms_of
from services.console.decide import ArchiveDecider
from shared.contracts.agreement import (
    AgreementDrafted,
    AgreementSigned,
    AgreementTerms,
    DebtRate,
)
from shared.contracts.base import Event, Reason
from shared.contracts.debts import DebtApart, DebtNotCovered, DebtStatus, NotCovered
from shared.contracts.plan_terms import total_of
from shared.contracts.reasons import ReasonCode
from shared.policy.conduct import conduct_of
from shared.policy.loader import PolicyBook
from tests.unit.agreement.test_decide import BOTH, after, agreed, changed, completed, drafted, signed_by
from tests.unit.builders import CASE, DAY, case_opened, debt, message, reference
from tests.unit.spec import given as offered

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = raw_public(KEY)
BOOK = PolicyBook.load(Path(deploy.__file__).parent / "policies")
WAIVES = next(r for r in range(1, 6) if any(total_of(d.waived).is_positive for d in agreed(r).plan.debts))


@lru_cache
def story() -> tuple[Event, ...]:
    """What the agreement service says from the draft to the settlement letter, with two debts."""
    start = drafted(WAIVES)
    signed = signed_by(start, *BOTH)
    live = signed.closes(after(2))
    id_ = start.last(AgreementDrafted).agreement_id
    more = live.when(message(changed(*[debt()], debt("A-9")), after(200), sequence=9))
    end = more.when(message(completed(id_), after(300)))
    return (*start.said, *signed.said, *live.said, *end.said)


def entries(*events: Event) -> list[dict[str, Any]]:
    """Give events as the archive keeps them."""
    state, kept = None, []
    for event in events:
        decision = ArchiveDecider().decide(state, message(event, DAY), None)
        state = decision.state
        kept += [dict(link.body) for link in decision.links]
    return kept


@lru_cache
def filed() -> Agreement:
    """The agreement as it stood while it was in force."""
    return replace(agreements_of(entries(*story()), CASE, "C-1")[-1], over=None)


def under(pack: str) -> Agreement:
    """The same agreement as another pack would have drawn it up."""
    policy = BOOK.in_force(pack, date(2026, 3, 2))
    language = policy.document.signed_language
    returns = policy.agreement.returns_on_breach
    rates = (DebtRate(debt_id="A-1", annual_rate_pct=Decimal(18)),) if "rate" in returns else ()
    sections, conduct = policy.agreement.required_sections, conduct_of([policy])
    terms = terms_of(policy, sections, conduct, returns=returns, contract_rates=rates)
    draft = filed().drafted.model_copy(update={"terms": terms, "language": language})
    draft = draft.model_copy(update={"content_hash": content_hash(draft, CASE)})
    given_ = tuple(s.model_copy(update={"content_hash": draft.content_hash}) for s in filed().signed)
    return replace(filed(), drafted=draft, signed=given_)


@lru_cache
def paper(lang: str, pack: str = "cn-card") -> bytes:
    return make_pdf(under(pack), lang, KEY)


def read(pdf: bytes) -> str:
    """Give all of a PDF's text without blanks, as a parser finds it."""
    return "".join("".join(page.extract_text().split()) for page in PdfReader(io.BytesIO(pdf)).pages)


def squeezed(text: str) -> str:
    return "".join(text.split())


# -- what stands on it ------------------------------------------------------------------------------------


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("pack", BOOK.pack_ids)
def test_every_mandatory_clause_of_every_pack_is_in_the_document_in_both_languages(
    pack: str, lang: str
) -> None:
    policy, words = BOOK.in_force(pack, date(2026, 3, 2)), words_of(EDITION)
    assert words is not None
    document = under(pack)
    text, page = read(make_pdf(document, lang, KEY)), page_of(document, lang)
    titles = {section["title"] for section in page["sections"]}
    for clause in policy.agreement.required_sections:
        assert words.title(clause, lang) in titles
        assert squeezed(words.title(clause, lang)) in text
    for clause in ("concessions", "rights_duties_breach", "credit_record", "data_protection", "complaints"):
        assert words.title(clause, lang) in titles
    for section in page["sections"]:
        for paragraph in section["paragraphs"]:
            assert squeezed(paragraph) in text
    for row in document.drafted.instalments:
        assert squeezed(f"{row.due}{row.total}") in text


def test_a_chinese_card_agreement_has_the_six_contents_and_the_right_name_for_late_charges() -> None:
    text = read(paper("zh"))
    policy = BOOK.in_force("cn-card", date(2026, 3, 2))
    words = words_of(EDITION)
    assert words is not None
    assert len(policy.agreement.required_sections) == 6
    assert all(words.title(name, "zh") in text for name in policy.agreement.required_sections)
    assert "违约金" in text
    assert "滞纳金" not in text
    assert "在全部欠款结清之前，不向任何银行申领信用卡" in text
    assert "停止一切催收" in text
    assert "not to apply to any bank for a credit card".replace(" ", "") in read(paper("en"))
    assert "credit card" not in " ".join(str(s) for s in page_of(under("us-unsecured"), "en")["sections"])


def test_the_words_never_say_the_old_name_and_threaten_nobody() -> None:
    raw = files("services.agreement.paper").joinpath(f"words_{EDITION}.toml").read_text(encoding="utf-8")
    assert "滞纳金" not in raw
    assert not re.search(r"\bsue\b|lawyer|police|seiz|punish|blacklist|起诉|律师|警|查封|惩|黑名单|失信", raw)


def test_both_languages_have_the_same_words_with_the_same_figures() -> None:
    raw = files("services.agreement.paper").joinpath(f"words_{EDITION}.toml").read_text(encoding="utf-8")
    tables, name = tomllib.loads(raw), re.compile(r"\{([a-z_]+)\}")
    for clause in tables["clause"].values():
        assert len(clause["title"]) == 2
        for paragraph in clause["paragraphs"]:
            assert sorted(name.findall(paragraph["zh"])) == sorted(name.findall(paragraph["en"])), paragraph
            assert set(paragraph) <= {"zh", "en", "when"}
    pairs = [pair for key, table in tables.items() if key != "clause" for pair in table.values()]
    for zh, en in pairs:
        assert name.findall(zh) == name.findall(en)
        assert re.search(r"[\u4e00-\u9fff]", zh)
        assert not re.search(r"[\u4e00-\u9fff]", en)


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("pack", BOOK.pack_ids)
def test_debts_that_are_left_to_a_person_are_named(pack: str, lang: str) -> None:
    document = under(pack)
    assert "LOAN-7" not in str(page_of(document, lang))
    left = tuple(
        DebtApart(debt_id=name, reason=Reason(code=ReasonCode.CURRENCY_APART)) for name in ("LOAN-7", "CAR-2")
    )
    plan = document.drafted.plan.model_copy(update={"apart": left})
    drafted = document.drafted.model_copy(update={"plan": plan})
    said = [
        paragraph
        for section in page_of(replace(document, drafted=drafted), lang)["sections"]
        for paragraph in section["paragraphs"]
        if "LOAN-7" in paragraph
    ]
    assert len(said) == 1
    assert "CAR-2" in said[0]
    # A document of an older edition stays what was signed.
    words, older = drafted.terms, words_of("3")
    assert words is not None
    assert older is not None
    terms = words.model_copy(update={"words": "3", "words_hash": older.digest})
    signed = drafted.model_copy(update={"terms": terms})
    assert "LOAN-7" not in str(page_of(replace(document, drafted=signed), lang))


WHY = {
    NotCovered.SOLD: ("债权已转让", "the new creditor talks with the borrower"),
    NotCovered.RECALLED: ("银行已收回办理", "taken back by the bank"),
    NotCovered.ELSEWHERE: ("共同债务", "owed together with somebody"),
    NotCovered.STOPPED: ("因争议、诉讼、破产程序或法律保护而暂停", "a dispute, a lawsuit, an insolvency"),
}


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("pack", BOOK.pack_ids)
@pytest.mark.parametrize("whys", [*((why,) for why in NotCovered), tuple(NotCovered)])
def test_debts_that_no_plan_can_be_about_are_named_with_the_reason(
    whys: tuple[NotCovered, ...], pack: str, lang: str
) -> None:
    document = under(pack)
    rows = tuple(DebtNotCovered(debt_id=f"GONE-{n}", why=why) for n, why in enumerate(whys))
    plan = document.drafted.plan.model_copy(update={"not_covered": rows})
    drafted = document.drafted.model_copy(update={"plan": plan})
    pages = [
        page_of(replace(document, drafted=drafted.model_copy(update={"terms": terms})), lang)
        for terms in (document.drafted.terms, in_words_of("4", document.drafted))
    ]
    now, before = (
        [part for section in page["sections"] for part in section["paragraphs"] if "GONE-0" in part]
        for page in pages
    )
    assert len(now) == 1
    for row in rows:
        said = WHY[row.why][LANGUAGES.index(lang)]
        assert f"{row.debt_id}{'（' if lang == 'zh' else ' ('}" in now[0]
        assert said in now[0]
    assert sum(said[LANGUAGES.index(lang)] in now[0] for said in WHY.values()) == len(whys)
    assert before == [], "a document of an older edition stays what was signed"


def in_words_of(edition: str, drafted: AgreementDrafted) -> AgreementTerms:
    words, terms = words_of(edition), drafted.terms
    assert words is not None
    assert terms is not None
    return terms.model_copy(update={"words": edition, "words_hash": words.digest})


@pytest.mark.parametrize(
    ("edition", "begins"),
    [
        ("1", "ff96fe56577e2974"),
        ("2", "b38badd77d29b360"),
        ("3", "5f6b875fcfd96a19"),
        ("4", "ea3c57bb882375f3"),
        ("5", "e5b4f1db4cc644c2"),
        ("6", "cdae7feee6cd5835"),
        ("7", "dfc59e4d0d5f1cb1"),
        ("8", "bdf30091780886a5"),
        ("9", "c6b957e0772c5ce3"),
        ("10", "d8e2d723cd4a4674"),
        ("11", "c7144ff05bac169a"),
        ("12", "925c59a372322ca5"),
    ],
)
def test_the_words_of_an_edition_that_has_gone_out_are_never_edited(edition: str, begins: str) -> None:
    words = words_of(edition)
    assert words is not None
    assert words.digest.startswith(begins)


@pytest.mark.parametrize("pack", BOOK.pack_ids)
def test_the_paper_names_late_charges_as_the_pack_does(pack: str) -> None:
    """The English name stood in the packs and on no paper; the Chinese one was checked and not printed."""
    document, paper_ = under(pack), BOOK.in_force(pack, date(2026, 3, 2)).document
    quoted = {"zh": f"“{paper_.late_charge_name_zh}”", "en": f"'{paper_.late_charge_name_en}'"}
    for lang in LANGUAGES:
        said = {
            edition: [
                part
                for section in page_of(replace(document, drafted=drafted), lang)["sections"]
                for part in section["paragraphs"]
                if quoted[lang] in part
            ]
            for edition, drafted in (
                (EDITION, document.drafted),
                ("5", document.drafted.model_copy(update={"terms": in_words_of("5", document.drafted)})),
            )
        }
        assert len(said[EDITION]) == 1
        assert said["5"] == [], "a document of an older edition stays what was signed"


def test_a_document_from_before_the_name_of_late_charges_keeps_its_hash() -> None:
    drafted = under("cn-card").drafted
    assert drafted.terms is not None
    older = drafted.terms.model_copy(update={"late_charge_zh": None, "late_charge_en": None})
    content = canonical_content(drafted.model_copy(update={"terms": older}), CASE)
    assert b"late_charge_zh" not in content
    assert b"late_charge_en" not in content
    assert b"late_charge_en" in canonical_content(drafted, CASE), "it is bound"


@pytest.mark.parametrize("status", [DebtStatus.SOLD, DebtStatus.RECALLED, DebtStatus.ELSEWHERE,
                                    DebtStatus.DISPUTED, DebtStatus.LITIGATION, DebtStatus.INSOLVENCY,
                                    DebtStatus.HELD])  # fmt: skip
def test_from_the_stop_of_a_debt_to_the_paper_that_names_it(status: DebtStatus) -> None:
    debts = (debt("A-1"), debt("GONE-1", status=status))
    plan = agreed(1, debts).plan
    start = offered(AgreementDecider(), reference()).when(message(case_opened(*debts), sequence=1))
    draft = start.when(message(agreed(1, debts), after(1)))
    said = draft.last(AgreementDrafted)
    assert said.plan.not_covered == plan.not_covered != ()
    assert content_hash(said, CASE) == said.content_hash
    without = said.model_copy(update={"plan": said.plan.model_copy(update={"not_covered": ()})})
    assert content_hash(without, CASE) != said.content_hash, "it is bound"
    for lang in LANGUAGES:
        assert "GONE-1" in str(page_of(Agreement(case=CASE, customer="C-1", drafted=said), lang))
    both = signed_by(draft, *BOTH).closes(after(2))
    assert isinstance(both.said[0], AgreementSigned), "and stays as it was drawn up"


def test_every_code_that_a_pack_names_has_words() -> None:
    words = words_of(EDITION)
    assert words is not None
    for pack in BOOK.pack_ids:
        paper_ = BOOK.in_force(pack, date(2026, 3, 2)).document
        assert all(words.has("route", row.route) for row in paper_.complaint_routes)
        assert all(words.has("clause", name) for name in paper_.printed)
        assert words.has("law", paper_.data_law)
        reported = BOOK.in_force(pack, date(2026, 3, 2)).reporting
        for status in (reported.status_while_kept, reported.status_when_completed,
                       reported.status_when_settled_in_part, reported.status_when_broken,
                       reported.status_when_withdrawn):  # fmt: skip
            assert words.has("credit", status)
        assert reported.tax_mark == "none" or words.has("tax", reported.tax_mark)


def test_the_signed_language_is_named_and_the_other_copy_is_a_translation() -> None:
    zh, en = page_of(under("cn-card"), "zh"), page_of(under("cn-card"), "en")
    assert zh["notice"] == "本文本为签署文本，具有约束力。"
    assert en["notice"].startswith("Translation, for information only. The signed copy is in Chinese")
    assert "签署文本为中文文本" in read(paper("zh"))
    assert "The signed copy is in Chinese; the other is a translation.".replace(" ", "") in read(paper("en"))
    english = under("us-unsecured")
    assert page_of(english, "zh")["notice"].startswith("译文")
    assert page_of(english, "en")["notice"].startswith("This is the signed copy")


def test_every_page_prints_the_hash_of_the_canonical_content() -> None:
    for lang in LANGUAGES:
        pages = PdfReader(io.BytesIO(paper(lang))).pages
        assert len(pages) > 2
        for page in pages:
            assert under("cn-card").drafted.content_hash in squeezed(page.extract_text())


def test_the_fonts_are_embedded_and_nothing_of_the_machine_is_in_the_file() -> None:
    reader = PdfReader(io.BytesIO(paper("zh")))
    fonts: Any = [f.get_object() for p in reader.pages for f in p["/Resources"]["/Font"].values()]  # type: ignore[index]
    assert fonts
    for font in fonts:
        descriptor = font["/DescendantFonts"][0].get_object()["/FontDescriptor"].get_object()
        assert any(name in descriptor for name in ("/FontFile2", "/FontFile3"))
    assert str(Path.home()).encode() not in paper("zh")


def test_the_same_document_gives_the_same_bytes() -> None:
    assert make_pdf(under("cn-card"), "zh", KEY) == paper("zh")


def test_the_instrument_the_periods_and_the_withdrawal_follow_from_the_pack() -> None:
    def said(pack: str) -> str:
        return " ".join(p for s in page_of(under(pack), "en")["sections"] for p in s["paragraphs"])

    assert page_of(under("uk-unsecured"), "en")["title"] == "Letter of concession"
    assert "the original contract itself stands" in said("uk-unsecured")
    assert page_of(under("us-unsecured"), "en")["title"] == "Personalised repayment agreement"
    assert "The first 3 payments are a trial period" in said("us-unsecured")
    assert "probation of 24 months" in said("eu-consumer")
    assert "may withdraw within 14 days" in said("eu-consumer")
    assert "There is no withdrawal period." in said("cn-card")


def test_a_clause_without_words_makes_no_document() -> None:
    terms = under("cn-card").drafted.terms
    assert terms is not None
    for other in ({"clauses": (*terms.clauses, "from_the_future")}, {"words_hash": "0" * 64}, {"words": "0"}):
        draft = under("cn-card").drafted.model_copy(update={"terms": terms.model_copy(update=other)})
        with pytest.raises(PaperError):
            page_of(replace(under("cn-card"), drafted=draft), "zh")


# -- concessions on condition ------------------------------------------------------------------------------


@pytest.mark.parametrize("pack", BOOK.pack_ids)
def test_what_a_breach_takes_back_is_on_the_paper_where_the_pack_says_so_and_only_there(pack: str) -> None:
    policy = BOOK.in_force(pack, date(2026, 3, 2))
    conditional = bool(policy.agreement.returns_on_breach)
    zh, en = page_of(under(pack), "zh"), page_of(under(pack), "en")
    said = [" ".join(p for section in page["sections"] for p in section["paragraphs"]) for page in (zh, en)]
    assert ("以按约履行为条件" in said[0]) is conditional
    assert ("hold only while the plan is kept" in said[1]) is conditional
    assert ("已经兑现的减免不予收回" in said[0]) is not conditional
    assert ("What has been waived is never charged again" in said[1]) is not conditional
    captions = [table["caption"] for section in en["sections"] for table in section["tables"]]
    assert ("Owed again after a breach" in captions) is conditional
    if conditional:
        assert "18 % (A-1)" in said[1]
        assert "what was paid and every other waiver stays so" in said[1]


def test_only_what_is_named_is_listed_as_owed_again() -> None:
    document = under("cn-card")
    assert document.drafted.terms is not None
    for returns, columns in ((("interest",), {2}), (("late_charges", "interest"), {2, 4}), (("rate",), None)):
        terms = document.drafted.terms.model_copy(update={"returns_on_breach": returns})
        draft = document.drafted.model_copy(update={"terms": terms})
        draft = draft.model_copy(update={"content_hash": content_hash(draft, CASE)})
        page = page_of(replace(document, drafted=draft, signed=()), "en")
        tables = [t for section in page["sections"] for t in section["tables"]]
        again = [t for t in tables if t["caption"] == "Owed again after a breach"]
        if columns is None:
            assert again == []
            continue
        (table,) = again
        shown = {i for row in table["rows"] for i in range(1, 5) if row[i] != "0.00"}
        assert shown == columns
