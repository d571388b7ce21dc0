"""The settlement letter on paper: what it certifies of each debt, and what goes on."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from services.agreement.document import canonical_content
from services.agreement.paper.filed import letters_of
from services.agreement.paper.layout import page_of
from services.agreement.paper.words import LANGUAGES, words_of
from shared.contracts.agreement import (
    BankInstructed,
    DebtSettled,
    SettlementKind,
    SettlementLetterIssued,
    SurvivingDebt,
    WaivedDebt,
)
from shared.contracts.debts import DebtStatus
from tests.unit.agreement.test_decide import DEBTS, after, changed, completed, in_force
from tests.unit.agreement.test_paper import entries, squeezed, story, under
from tests.unit.builders import CASE, balances, cny, debt, message


def certified(lang: str, **changed: Any) -> str:
    """Give the paragraphs of the story's letter with other facts."""
    letter = letters_of(entries(*story()), CASE, "C-1")[0]
    letter = replace(letter, issued=letter.issued.model_copy(update=changed))
    (section,) = page_of(letter, lang)["sections"]
    return squeezed(" ".join(section["paragraphs"]))


def settles(debt_id: str, kind: SettlementKind, status: str) -> DebtSettled:
    return DebtSettled(debt_id=debt_id, settlement=kind, credit_status=status)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_letter_says_plainly_where_a_balance_goes_on_and_who_may_ask_for_it(lang: str) -> None:
    """CONC 7.4.2R: that the debt goes on, and may be pursued by a purchaser, is said; of that debt alone."""
    left = (SurvivingDebt(debt_id="A-1", amounts=balances("10.00")),)
    settled = (settles("A-1", SettlementKind.PARTIAL, "settled_in_part"),
               settles("A-2", SettlementKind.FULL, "settled"))  # fmt: skip
    text = certified(lang, surviving=left, settled=settled, forgiven=(), beside=())
    assert (
        "债务（A-2）已全部结清" if lang == "zh" else "settledinfull,andnothingisowedonitanymore:A-2"
    ) in text
    assert ("债务（A-1）：协议约定的款项已付清，但" if lang == "zh" else "notsettledinfull:A-1") in text
    assert (
        "贷款人或债权受让人仍可要求偿还" if lang == "zh" else "orwhoeverthedebtissoldto,mayaskforit"
    ) in text
    assert ("借款人由此享有的权利不受本证明影响" if lang == "zh" else "norightislostbythisletter") in text
    assert ("尚未入账的款项，由贷款人入账或退还" if lang == "zh" else "isbooked,orpaidback.") in text
    assert ("A-1：部分结清、A-2：已结清" if lang == "zh" else "A-1:settledinpart,A-2:settled.") in text
    assert ("已转让" if lang == "zh" else "oftheagreementwassold") not in text
    assert ("另有" if lang == "zh" else "whichtheagreementwasnotabout") not in text
    sold = certified(lang, surviving=left, settled=settled[1:], debts=("A-2",), forgiven=())
    assert ("债务（A-1）已转让" if lang == "zh" else "oftheagreementwassold:A-1.") in sold
    assert ("（A-1）：协议" if lang == "zh" else "notsettledinfull") not in sold


def test_a_letter_from_before_keeps_its_words_and_its_hash() -> None:
    letter, older = letters_of(entries(*story()), CASE, "C-1")[0].issued, words_of("8")
    assert older is not None
    facts = {"settled": (), "beside": (), "words": "8", "words_hash": older.digest}
    old = letter.model_copy(update=facts)
    assert not {"settled", "beside"} & set(json.loads(canonical_content(old, CASE)))
    said = certified("en", **facts)
    assert "(A-1,A-2)aresettledinfull;nothingisowedonthemanymore." in said


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_british_paper_says_what_goes_on_after_its_last_instalment(lang: str) -> None:
    """It said that nothing more is asked, and the letter then named a balance that survives."""
    page = page_of(under("uk-unsecured"), lang)
    text = squeezed(" ".join(part for section in page["sections"] for part in section["paragraphs"]))
    assert ("该余额继续存在，贷款人或债权受让人仍可要求偿还" if lang == "zh"
            else "thatbalancecontinuestoexist,andthelender,orwhoeverthedebtissoldto") in text  # fmt: skip


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_letter_says_which_one_it_takes_the_place_of(lang: str) -> None:
    said = certified(lang, replaces="letter-1")
    assert ("取代此前的证明（letter-1）" if lang == "zh" else "takestheplaceofletterletter-1,which") in said
    assert ("取代" if lang == "zh" else "takestheplace") not in certified(lang)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_buyer_may_not_ask_for_what_was_waived(lang: str) -> None:
    """The letter listed it as forgiven and said of the buyer only what is owed to them."""
    owed = (SurvivingDebt(debt_id="A-1", amounts=balances("10.00")),)
    waived = tuple(WaivedDebt(debt_id=one, amounts=balances("5.00")) for one in ("A-1", "A-2"))
    facts: dict[str, Any] = {"surviving": owed, "forgiven": waived, "beside": ()}
    rest = (settles("A-2", SettlementKind.FULL, "settled"),)
    sold = certified(lang, debts=("A-2",), settled=rest, **facts)
    says = (
        "债务（A-1）已减免的金额也列于下表，不再欠付：贷款人和债权受让人均不得要求偿还。"
        if lang == "zh"
        else "Whatwasforgivenofthisdebtislistedbelow,too:A-1."
    )
    assert says in sold
    assert ("均不得" if lang == "zh" else "neitherthelendernorabuyermayaskforit") in sold
    back = (settles("A-1", SettlementKind.PARTIAL, "settled_in_part"), *rest)
    assert says in certified(lang, settled=back, **facts), (
        "nor for what was waived of one that is not settled"
    )
    none = certified(lang, debts=("A-2",), settled=rest, **{**facts, "forgiven": waived[1:]})
    assert says not in none


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_settled_debt_is_settled_for_whoever_owes_or_guarantees_it(lang: str) -> None:
    says = (
        "对其所有债务人和保证人均是如此" if lang == "zh" else "Thisholdsforeverybodywhoowedorguaranteedthem."
    )
    assert says in certified(lang)
    assert says in certified(lang, forgiven=())
    left = (SurvivingDebt(debt_id="A-1", amounts=balances("10.00")),)
    part = (settles("A-1", SettlementKind.PARTIAL, "settled_in_part"),)
    assert says not in certified(lang, surviving=left, settled=part, forgiven=())


# -- what is short within the tolerance ----------------------------------------------------------------------


def fulfilled(*short: str, **debts: Any) -> tuple[SettlementLetterIssued, BankInstructed]:
    """A plan over both debts is completed by payments that are short by so much."""
    live = in_force()
    over = message(changed(*(debts.get("debts") or PAID)), after(299), sequence=20)
    done = completed(live.state.live.agreement_id)
    done = done.model_copy(update={"short": tuple(cny(one) for one in short)})
    step = live.when(over, message(done, after(300)))
    return step.last(SettlementLetterIssued), step.last(BankInstructed)


PAID = (
    debt("A-1", outstanding=balances("4.50"), overdue=balances("4.50")),
    debt("A-2", outstanding=balances(), overdue=balances()),
)


def test_a_shortfall_that_counts_as_full_is_said_not_to_be_owed_and_the_bank_is_told() -> None:
    """The letter said that nothing is owed, and the books said 4.50: the bank had no word of that."""
    letter, told = fulfilled("4.50")
    assert letter.settlement is SettlementKind.FULL
    assert letter.short == told.short == (cny("4.50"),)
    assert {one.credit_status for one in told.settled} == {"settled"}, "nothing was forgiven"
    plain, ordinary = fulfilled()
    assert letter.forgiven == plain.forgiven
    assert plain.short == ordinary.short == ()
    assert plain.content_hash != letter.content_hash, "it is bound"


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_paper_says_of_it_that_it_is_not_asked_for(lang: str) -> None:
    says = "所付款项比协议约定少4.50CNY" if lang == "zh" else "Whatwaspaidis4.50CNYlessthantheagreement"
    assert says in certified(lang, short=(cny("4.50"),))
    assert ("所付款项比协议约定少" if lang == "zh" else "Whatwaspaidis") not in certified(lang)


def test_where_a_balance_survives_no_part_of_it_is_said_not_to_be_owed() -> None:
    left = DEBTS[1].model_copy(update={"status": DebtStatus.DISPUTED})
    letter, told = fulfilled("4.50", debts=(PAID[0], left))
    assert (letter.settlement, letter.short, told.short) == (SettlementKind.PARTIAL, (), ())
