"""Who owes the debts beside the borrower, or guarantees them: on the paper, in the hash, and not bound."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from services.agreement.document import canonical_content
from services.agreement.paper.check import check_pdf
from services.agreement.paper.filed import agreements_of
from services.agreement.paper.layout import Agreement, NameState, page_of
from services.agreement.paper.pdf import make_pdf
from services.agreement.paper.words import LANGUAGES
from shared.contracts import intake
from shared.contracts.agreement import AgreementDrafted, AgreementReturned, LiableFor, PartySigned
from shared.contracts.bank import AccountOverdue, Obligor
from shared.contracts.base import Personal
from shared.contracts.debts import ProductKind
from shared.contracts.desk import SignatureParty
from shared.contracts.parties import DebtObligor, ObligorRole, party_id_of
from shared.contracts.reasons import ReasonCode
from shared.crypto.sealing import ERASED
from tests.unit.agreement.test_decide import after, signature
from tests.unit.agreement.test_guarantors import consent, debts, drafted, with_interest
from tests.unit.agreement.test_paper import BOOK, KEY, PUBLIC, entries, read, squeezed, under
from tests.unit.agreement.test_paper_true import named
from tests.unit.builders import CASE, DAY, balances, cny, message

WIFE = DebtObligor(party_id=party_id_of("C-2"), role=ObligorRole.CO_BORROWER)
UNCLE = DebtObligor(party_id=party_id_of("C-3"), role=ObligorRole.GUARANTOR, liability=cny("5000.00"))
SAID = {
    "zh": (
        *("共同借款人", "王小红", "保证人", "不超过 5000.00 CNY"),
        "共同借款人可以签署本文书",
        "未签署的，仍按原合同（此前签署过其中某一版本的，按其最后签署的版本）负责",
    ),
    "en": (
        *("Co-borrower", "王小红", "Guarantor", "at most 5000.00 CNY"),
        "A co-borrower may sign this document",
        "one who has not still owes by the original contract",
    ),
}


def overdue(**names: Personal[str] | None) -> AccountOverdue:
    """The bank's notice of a joint account, with the names of who owes it."""
    roles = {"C-1": ObligorRole.BORROWER, "C-2": ObligorRole.CO_BORROWER, "C-3": ObligorRole.GUARANTOR}
    return AccountOverdue(
        account_id="A-1",
        as_of=DAY,
        product="cn-card",
        kind=ProductKind.CARD,
        days_past_due=75,
        outstanding=balances("12000.00"),
        overdue=balances("1600.00"),
        annual_rate_pct=Decimal(18),
        contract_date=date(2022, 5, 4),
        obligors=tuple(
            Obligor(customer=customer, role=role, name=names.get(customer.replace("-", "_")))
            for customer, role in roles.items()
        ),
    )


def filed(notice: AccountOverdue, name: dict[str, Any] | None = None, erased: str = "") -> Agreement:
    """The draft on file; `name`: how the co-borrower's name is filed, where it cannot be read."""
    kept = entries(notice, drafted(WIFE, UNCLE).last(AgreementDrafted))
    if name is not None:
        kept[0]["data"]["obligors"][1]["name"] = name
    (found,) = agreements_of(kept, CASE, "C-1", erased)
    return found


def rows(document: Agreement, lang: str = "en") -> list[list[str]]:
    (table,) = named(document, lang, "parties")["tables"]
    return list(table["rows"])


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_person_bound_is_on_the_paper_with_what_they_are_liable_for(lang: str) -> None:
    """The agreement named the customer only."""
    document = filed(overdue(C_2=Personal[str](value="王小红")))
    text = read(make_pdf(document, lang, KEY))
    for words in SAID[lang]:
        assert squeezed(words) in text
    assert {row[2] for row in rows(document)} == {WIFE.party_id, UNCLE.party_id}
    assert {row[3] for row in rows(document)} == {"A-1"}, "the other debt is the borrower's alone"
    alone = " ".join(named(under("cn-card"), lang, "parties")["paragraphs"])
    assert ("下表所列的人" if lang == "zh" else "people in the table") not in alone
    assert named(under("cn-card"), lang, "parties")["tables"] == []


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_co_borrower_who_signs_takes_over_no_debt_of_the_others(lang: str) -> None:
    """It said that the terms hold for them as for the borrower: of two debts one is the borrower's alone."""
    said = " ".join(named(filed(overdue()), lang, "parties")["paragraphs"])
    assert {
        "zh": "就下表所列其负有的债务，本文书的条件对其与借款人同样适用，签署不使其对其他债务负责",
        "en": "on the debts that the table says they owe and on no other",
    }[lang] in said


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("pack", BOOK.pack_ids)
@pytest.mark.parametrize("role", [ObligorRole.CO_BORROWER, ObligorRole.GUARANTOR])
def test_whose_withdrawal_ends_it_for_a_co_borrower_is_said_where_there_is_one(
    role: ObligorRole, pack: str, lang: str
) -> None:
    document = under(pack)
    assert document.drafted.terms is not None
    liable = (LiableFor(party_id="party-o", role=role, debt_id="A-1"),)
    held = replace(document, drafted=document.drafted.model_copy(update={"liable": liable}))
    ends = {"zh": "对已签署的共同借款人也同时失效", "en": "ends it for a co-borrower who has signed, too"}
    said = any(ends[lang] in part for s in page_of(held, lang)["sections"] for part in s["paragraphs"])
    assert said is (role is ObligorRole.CO_BORROWER and document.drafted.terms.cooling_off_days > 0)


SEALED = {"alg": "A256GCM", "kid": "k", "value": "AAAA"}


@pytest.mark.parametrize(
    ("name", "erased", "says"),
    [
        (None, "", "not given"),
        (SEALED, "", "sealed, not at hand"),
        (SEALED, "2026-12-31T00:00:00+00:00", "erased"),
        (dict(ERASED), "", "erased"),
    ],
)
def test_a_name_that_cannot_be_read_says_why(name: dict[str, Any] | None, erased: str, says: str) -> None:
    document = filed(overdue(), name, erased)
    assert {row[1] for row in rows(document) if row[2] == WIFE.party_id} == {says}


def test_names_are_no_part_of_what_is_signed_and_the_people_are() -> None:
    draft = drafted(WIFE, UNCLE).last(AgreementDrafted)
    content = canonical_content(draft, CASE).decode()
    assert WIFE.party_id in content
    assert "王小红" not in content
    assert draft.content_hash != drafted(WIFE).last(AgreementDrafted).content_hash
    assert "liable" not in json.loads(canonical_content(drafted().last(AgreementDrafted), CASE))


def test_who_comes_to_the_debt_makes_the_draft_void() -> None:
    """A co-borrower whom the paper does not name would not be told apart from nobody."""
    step = drafted(UNCLE)
    joined = step.when(message(intake.CaseChanged(as_of=after(2), debts=debts(UNCLE, WIFE)), after(2)))
    assert joined.last(AgreementReturned).reason.code is ReasonCode.PLAN_NO_LONGER_COMPUTES
    # What is signed of it on that very day is still answered as if it lay there: with the people of then.
    late = joined.when(message(signature(step.last(AgreementDrafted), SignatureParty.BORROWER), after(2)))
    assert late.emits(PartySigned)


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("pack", BOOK.pack_ids)
def test_the_paper_says_what_becomes_of_a_guarantee_by_the_law_of_its_pack(pack: str, lang: str) -> None:
    document = under(pack)
    liable = (LiableFor(party_id="party-g", role=ObligorRole.GUARANTOR, debt_id="A-1"),)
    held = replace(document, drafted=document.drafted.model_copy(update={"liable": liable}))
    said = " ".join(named(held, lang, "parties")["paragraphs"])
    rule = BOOK.in_force(pack, DAY).document.guarantor_unasked
    words = {
        "follows_down": ("第六百九十五条", "Art. 695"),
        "freed_by_extension": ("第 755 条", "Art. 755"),
        "may_be_freed": ("可能全部或部分免除", "may free them in whole or in part"),
        "local_law": ("由适用的法律决定", "the law that applies decides"),
    }
    assert words[rule][lang == "en"] in said
    assert (pack == "tw-card") is (rule == "freed_by_extension")
    assert ("共同借款人可以签署" if lang == "zh" else "co-borrower may sign") not in said
    stops = named(held, lang, "collection_stops")["paragraphs"]
    assert (
        "对上述其他债务人与保证人也是如此" if lang == "zh" else "from the others named above too"
    ) in stops[0]


def test_a_guarantor_who_has_agreed_is_named_under_the_signatures() -> None:
    step = with_interest(UNCLE.model_copy(update={"liability": None}))
    draft = step.last(AgreementDrafted)
    assert draft.guarantors == (UNCLE.party_id,)
    agreed = step.when(message(consent(draft, UNCLE.party_id), after(2)))
    kept = entries(overdue(C_3=Personal[str](value="王大山")), draft, *agreed.said)
    (document,) = agreements_of(kept, CASE, "C-1")
    assert document.names[UNCLE.party_id] == ("王大山", NameState.READABLE)
    signed = page_of(document, "en")["sections"][-1]["tables"][0]["rows"]
    assert signed[2][0] == f"Guarantor 王大山 {UNCLE.party_id}"
    assert signed[2][2] == "agreed in writing"


def test_a_paper_in_force_without_the_consent_that_it_waits_for_is_refused() -> None:
    """`parley verify` took it for signed, whatever the guarantor had said."""
    step = with_interest(UNCLE.model_copy(update={"liability": None}))
    draft = step.last(AgreementDrafted)
    both = step.when(*(message(signature(draft, party), after(2)) for party in SignatureParty))
    agreed = both.when(message(consent(draft, UNCLE.party_id), after(3)))
    kept = entries(overdue(), draft, *both.said, *agreed.said, *agreed.closes(after(3)).said)
    (document,) = agreements_of(kept, CASE, "C-1")
    report = check_pdf(make_pdf(document, "en", KEY), PUBLIC)
    assert report.signed
    assert report.wrong == ()
    without = check_pdf(make_pdf(replace(document, consents=()), "en", KEY), PUBLIC)
    assert not without.signed
    assert [str(one) for one in without.wrong] == [f"guarantor's consent: is missing: {UNCLE.party_id}"]
