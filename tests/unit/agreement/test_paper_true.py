"""What the paper says is so: for this plan, this copy and these rewards, and for any name."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from pypdf import PdfReader

from services.agreement.paper.check import check_pdf
from services.agreement.paper.layout import Agreement, NameState, page_of
from services.agreement.paper.pdf import make_pdf
from services.agreement.paper.words import EDITION, LANGUAGES, words_of
from services.agreement.terms import terms_of
from services.followup.rules import breach_on
from shared.contracts.agreement import CoBorrowerAccepted, LiableFor
from shared.contracts.debts import Measure
from shared.contracts.parties import ObligorRole, party_id_of
from shared.contracts.plan_terms import instalment_totals, schedules_of
from shared.lending.money import Money
from shared.policy.conduct import conduct_of
from shared.policy.testing import example_book, example_pack
from tests.unit.agreement.test_paper import BOOK, KEY, PUBLIC, squeezed, under


def named(document: Agreement, lang: str, clause: str) -> dict[str, Any]:
    """A section of the page, by the name of its clause."""
    words = words_of(EDITION)
    assert words is not None
    (found,) = (s for s in page_of(document, lang)["sections"] if s["title"] == words.title(clause, lang))
    return dict(found)


def with_plan(document: Agreement, **terms: Any) -> Agreement:
    """The document on a plan whose debts are repaid in another way."""
    drafted = document.drafted
    debts = tuple(debt.model_copy(update=terms) for debt in drafted.plan.debts)
    schedules = schedules_of(debts, BOOK.in_force("cn-card", date(2026, 3, 2)).amounts.rounding)
    rows = instalment_totals(schedules)
    plan = drafted.plan.model_copy(update={"debts": debts, "payments": rows})
    changed = {"plan": plan, "schedules": schedules, "instalments": rows}
    return replace(document, drafted=drafted.model_copy(update=changed))


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_number_of_instalments_of_a_debt_is_that_of_its_schedule(lang: str) -> None:
    """The times in which only interest is paid were left out: 17 in the table, 20 in the text."""
    document = with_plan(
        under("cn-card"), method="annuity", grace_periods=3, annual_rate_pct=Decimal(12), instalments=6
    )
    (table,) = named(document, lang, "interest_and_fees")["tables"]
    assert [row[2] for row in table["rows"]] == ["9", "9"]
    assert "9" in named(document, lang, "instalment_plan")["paragraphs"][0]
    assert [len(schedule.rows) for schedule in document.drafted.schedules] == [9, 9]


@pytest.mark.parametrize(("lang", "begins"), [("zh", "一次还清："), ("en", "Repaid in one payment on ")])
def test_one_payment_is_not_called_instalments(lang: str, begins: str) -> None:
    once = with_plan(under("cn-card"), method="lump_sum", instalments=1)
    assert named(once, lang, "instalment_plan")["paragraphs"][0].startswith(begins)


@pytest.mark.parametrize(
    ("lang", "says"),
    [("zh", "每年 1 月、10 月不安排还款"), ("en", "due in January and October of each year")],
)
def test_a_seasonal_plan_names_the_months_that_it_leaves_out(lang: str, says: str) -> None:
    """It said "months of each year", and the schedule alone showed which."""
    shape = {"method": "annuity", "grace_periods": 0, "instalments": 12, "first_due": date(2026, 4, 23)}
    paragraphs = [
        " ".join(named(with_plan(under("cn-card"), **shape, **more), lang, "instalment_plan")["paragraphs"])
        for more in ({"skips": (1, 10)}, {"skips": ()})
    ]
    assert [says in said for said in paragraphs] == [True, False]


@pytest.mark.parametrize(
    ("pack", "lang", "claims"),
    [("cn-card", "zh", "具有约束力"), ("us-unsecured", "en", "one that binds")],
)
def test_a_draft_never_says_that_it_binds(pack: str, lang: str, claims: str) -> None:
    """Both sentences stood in one box: it binds nobody, and it is the one that binds."""
    signed = under(pack)
    assert signed.effective is not None
    assert claims in page_of(signed, lang)["notice"]
    draft = page_of(replace(signed, signed=(), effective=None), lang)["notice"]
    assert claims not in draft


def test_a_guarantor_is_named_by_an_id_that_is_not_called_a_customer_number() -> None:
    document = under("us-unsecured")
    drafted = document.drafted.model_copy(update={"guarantors": ("party-7",)})
    for lang, number in (("zh", "客户编号 party"), ("en", "customer number party")):
        said = " ".join(named(replace(document, drafted=drafted), lang, "parties")["paragraphs"])
        assert "party-7" in said
        assert number not in said


def test_an_instalment_breaks_the_plan_on_the_day_that_the_paper_says() -> None:
    """It said "more than 60 days late", and a breach was noticed on the sixtieth."""
    due = date(2026, 4, 1)
    policy = example_book(example_pack(followup__breach_days_late=60)).in_force("example-card", due)
    assert (breach_on(due, policy) - due).days == 60
    said = {
        lang: " ".join(named(under("cn-card"), lang, "rights_duties_breach")["paragraphs"])
        for lang in LANGUAGES
    }
    assert "or one is 60 days late" in said["en"]
    assert "逾期达到 60 天" in said["zh"]


def in_terms(document: Agreement, returns: tuple[str, ...] = (), **values: Any) -> Agreement:
    """The document in the terms of a pack with these values."""
    policy = example_book(example_pack(**values)).in_force("example-card", date(2026, 3, 2))
    terms = terms_of(policy, document.drafted.terms.clauses, conduct_of([policy]), returns=returns)
    return replace(document, drafted=document.drafted.model_copy(update={"terms": terms}))


@pytest.mark.parametrize(
    ("grace", "tolerance", "zh", "en"),
    [
        (3, "0", "还款日后有 3 天宽限。", "There are 3 days of grace after each due date."),
        (0, "1", "少付不超过当期金额的 1% 视为足额。", "A payment short by no more than 1 per cent"),
        (
            3,
            "1",
            "有 3 天宽限；少付不超过当期金额的 1%",
            "3 days of grace after each due date; a payment short",
        ),
    ],
)
def test_days_of_grace_stand_there_though_nothing_may_be_short_and_the_other_way_round(
    grace: int, tolerance: str, zh: str, en: str
) -> None:
    """One sentence said both, and was left out where either was nothing."""
    values = {"followup__grace_days": grace, "followup__underpayment_tolerance_pct": Decimal(tolerance)}
    document = in_terms(under("cn-card"), **values)
    for lang, words in (("zh", zh), ("en", en)):
        said = " ".join(named(document, lang, "rights_duties_breach")["paragraphs"])
        assert words in said
        assert ("宽限" in said or "of grace" in said) is bool(grace)


@pytest.mark.parametrize("cut", [False, True])
@pytest.mark.parametrize("returns", [(), ("interest",), ("rate",)])
def test_the_paper_says_whether_a_lower_rate_outlives_a_breach(returns: tuple[str, ...], cut: bool) -> None:
    """Where the pack lets it stay, it said only that what is left is owed by the original contract."""
    document = in_terms(under("cn-card"), returns)
    measures = (Measure.TERM_EXTENSION, *([Measure.RATE_CUT] if cut else []))
    plan = document.drafted.plan.model_copy(update={"measures": measures})
    document = replace(document, drafted=document.drafted.model_copy(update={"plan": plan}))
    stays = {
        lang: words in " ".join(named(document, lang, "rights_duties_breach")["paragraphs"])
        for lang, words in (("zh", "降低的年利率继续适用"), ("en", "lower rate of this agreement goes on"))
    }
    assert stays == dict.fromkeys(LANGUAGES, cut and "rate" not in returns)


def test_the_paper_says_what_performing_well_is_and_what_a_hardship_leaves_alone() -> None:
    document = in_terms(under("cn-card"), followup__performing_on_time_in_a_row=5)
    said = {lang: " ".join(named(document, lang, "reviews")["paragraphs"]) for lang in LANGUAGES}
    assert "连续 5 期按时还款即为履行良好" in said["zh"]
    assert "to have paid the last 5 instalments on time" in said["en"]
    for counts in (False, True):
        document = in_terms(under("cn-card"), observation__hardship_misses_count=counts)
        said = {lang: " ".join(named(document, lang, "watching")["paragraphs"]) for lang in LANGUAGES}
        assert ("不使上述期间重新计算" in said["zh"]) is not counts
        assert ("starts none of these periods again" in said["en"]) is not counts


# -- rewards ----------------------------------------------------------------------------------------------


def rewarding(*steps: tuple[int, int, int], rules: tuple[str, ...], late: str, rate: str = "18") -> Agreement:
    """An agreement of a pack with these steps and rules, that leaves so much of late charges to be paid."""
    names = ("after_on_time", "late_charges_waived_pct", "rate_cut_pct")
    rows = [dict(zip(names, step, strict=True)) for step in steps]
    book = example_book(example_pack(incentives__steps=rows, incentives__cooperation=list(rules)))
    policy = book.in_force("example-card", date(2026, 3, 2))
    document = under("cn-card")
    terms = terms_of(policy, ("concessions",), conduct_of([policy]))
    plan = document.drafted.plan
    debts = []
    for debt in plan.debts:
        left = Money.parse(late, "CNY")
        owed = debt.balance.model_copy(update={"late_charges": debt.waived.late_charges + left})
        debts.append(debt.model_copy(update={"balance": owed, "annual_rate_pct": Decimal(rate)}))
    changed = {"plan": plan.model_copy(update={"debts": tuple(debts)}), "terms": terms}
    return replace(document, drafted=document.drafted.model_copy(update=changed))


def test_every_step_of_the_rewards_is_promised_with_what_it_asks_for() -> None:
    """The first step alone was printed, from a value that nobody grants by, and no rule of cooperation."""
    rules = ("statement_complete", "promises_kept")
    document = with_plan(rewarding((6, 50, 0), (12, 100, 25), rules=rules, late="40.00"), instalments=24)
    said = {lang: " ".join(named(document, lang, "concessions")["paragraphs"]) for lang in LANGUAGES}
    for words in ("after 6 instalments on time in a row, 50 per cent", "after 12 instalments", "100 per cent",
                  "lower by 25 per cent", "a complete statement", "keeping promises"):  # fmt: skip
        assert words in said["en"]
    for words in ("连续 6 期", "累计减免 50%", "连续 12 期", "累计减免 100%", "累计降低 25%", "收支情况"):
        assert words in said["zh"]


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize(
    ("instalments", "version", "promised"),
    [
        (5, 1, ()),
        (6, 1, ()),  # with the last instalment nothing is left to be lower
        (7, 1, ("6",)),
        (13, 1, ("6", "12")),
        (5, 2, ("6", "12")),  # what was kept under the version before counts
    ],
)
def test_no_reward_is_promised_that_the_plan_is_too_short_for(
    instalments: int, version: int, promised: tuple[str, ...], lang: str
) -> None:
    """A plan of five instalments promised less interest after the sixth and the twelfth on time."""
    document = rewarding((6, 0, 5), (12, 0, 10), rules=(), late="0.00")
    document = with_plan(document, method="annuity", grace_periods=0, instalments=instalments)
    document = replace(document, drafted=document.drafted.model_copy(update={"version": version}))
    words = words_of(EDITION)
    assert words is not None
    steps = [words.label("reward_rate", lang, {"after": a, "pct": p}) for a, p in (("6", "5"), ("12", "10"))]
    said = " ".join(named(document, lang, "concessions")["paragraphs"])
    assert [step in said for step in steps] == [after in promised for after in ("6", "12")]
    assert (("奖励" if lang == "zh" else "rewarded") in said) == bool(promised)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_table_of_what_is_waived_is_called_that_also_where_nothing_returns(lang: str) -> None:
    """It had no name where it stood alone, under a sentence about what has been waived before."""
    document = under("uk-unsecured")
    assert document.drafted.terms is not None
    assert not document.drafted.terms.returns_on_breach
    (table,) = named(document, lang, "concessions")["tables"]
    assert table["caption"] == ("签署时减免" if lang == "zh" else "Waived with the signatures")


def test_no_reward_is_promised_that_can_come_to_nothing_only() -> None:
    document = rewarding((6, 50, 0), rules=("promises_kept",), late="0.00")
    assert "6 instalments on time" not in " ".join(named(document, "en", "concessions")["paragraphs"])
    at_nothing = rewarding((6, 0, 10), rules=(), late="0.00", rate="0")
    assert "lower by" not in " ".join(named(at_nothing, "en", "concessions")["paragraphs"])
    without_rules = rewarding((6, 0, 10), rules=(), late="0.00")
    said = " ".join(named(without_rules, "en", "concessions")["paragraphs"])
    assert "For paying on time the borrower is rewarded" in said


# -- names ------------------------------------------------------------------------------------------------


def text_of(pack: str, name: str, lang: str) -> str:
    """What a reader finds in an agreement with such a name, which verifies."""
    document = replace(under(pack), borrower_name=name, name_state=NameState.READABLE)
    pdf = make_pdf(document, lang, KEY)
    assert check_pdf(pdf, PUBLIC).wrong == ()
    return "".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages)


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize(
    ("name", "shown"), [("𠮷野明", "〔U+20BB7〕野明"), ("김철수", "〔U+AE40〕"), ("a\x00b", "a〔U+0000〕b")]
)
def test_a_name_that_no_font_can_print_keeps_nobody_from_an_agreement(
    name: str, shown: str, lang: str
) -> None:
    """It made no document at all, and no bundle of the case."""
    text = squeezed(text_of("cn-card", name, lang))
    assert shown in text
    assert {"zh": "统一码编号", "en": "Unicodenumber"}[lang] in text


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize(
    "name", ["Ivan Kovačević", "Łukasz Żółć", "Jiří Ďuriš", "Γεώργιος Παπαδόπουλος", "Ёлка Ѓорѓи"]
)
def test_a_name_with_accents_is_read_as_it_is_and_changes_nothing_else(name: str, lang: str) -> None:
    """The fonts put "č" together from parts; readers took each "c" for it, and no page printed the hash."""
    text = text_of("eu-consumer", name, lang)
    assert name in text
    others = set(text.replace(name, "")) & {char for char in name if char > "z"}
    assert not others, "a letter of the name stands nowhere else"


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("张👨\u200d👩\u200d👧三", "张〔U+1F468〕〔U+1F469〕〔U+1F467〕三"),
        ("赵👍🏽", "赵〔U+1F44D〕〔U+1F3FD〕"),
        ("1\ufe0f\u20e39", "1〔U+20E3〕9"),
        ("\ue000王", "〔U+E000〕王"),
        ("\u202eGNAHZ", "〔U+202E〕GNAHZ"),
    ],
)
def test_a_sign_of_several_characters_or_of_nobody_is_told_by_its_numbers(
    name: str, shown: str, lang: str
) -> None:
    """The first three made no document; a place for private use showed as a letter that a font has there."""
    text = squeezed(text_of("cn-card", name, lang))
    assert shown in text


@pytest.mark.parametrize("lang", LANGUAGES)
def test_one_long_word_stays_in_its_column_and_on_the_page(lang: str) -> None:
    """The number of an account ran over the balances beside it, a reference to evidence off the page."""
    document, account, reference = under("cn-card"), "W" * 64, "recording:" + "x" * 150
    drafted = document.drafted
    debts = (drafted.plan.debts[0].model_copy(update={"debt_id": account}), *drafted.plan.debts[1:])
    plan = drafted.plan.model_copy(update={"debts": debts})
    signed = tuple(given.model_copy(update={"evidence": reference}) for given in document.signed)
    document = replace(document, drafted=drafted.model_copy(update={"plan": plan}), signed=signed)
    pages = PdfReader(io.BytesIO(make_pdf(document, lang))).pages
    lines = [line for page in pages for line in page.extract_text().splitlines()]
    assert account in squeezed("".join(lines))
    assert reference in squeezed("".join(lines))
    assert not [line for line in lines if "W" * 60 in line or "x" * 100 in line]


def test_what_is_longer_than_a_page_goes_on_over_the_next() -> None:
    """A table of few rows, and the signatures, were never torn apart: of many long names the last ones left
    the sheet at its foot, or stood over the line with the hash."""
    ids, name = [party_id_of(f"C-{number}") for number in range(2, 15)], "Nguyễn Thị Minh " * 12
    liable = tuple(
        LiableFor(party_id=id_, role=ObligorRole.CO_BORROWER, debt_id="6" * 30, liability=None) for id_ in ids
    )
    document = under("cn-card")
    one = document.signed[0]
    joined = tuple(
        CoBorrowerAccepted(
            agreement_id=one.agreement_id,
            version=1,
            party_id=id_,
            content_hash=one.content_hash,
            at=datetime(2026, 3, 4, 9, tzinfo=UTC),
            channel="app",
            evidence="recording:" + "7" * 150,
        )
        for id_ in ids
    )
    document = replace(
        document,
        drafted=document.drafted.model_copy(update={"liable": liable}),
        names=dict.fromkeys(ids, (name, NameState.READABLE)),
        joined=joined,
    )
    heights: list[float] = []

    def found(text: str, cm: list[float], tm: list[float], *_: Any) -> None:
        if text.strip():
            heights.append(tm[4] * cm[1] + tm[5] * cm[3] + cm[5])

    pages = PdfReader(io.BytesIO(make_pdf(document, "en"))).pages
    text = "".join(page.extract_text(visitor_text=found) for page in pages)
    assert text.count("Nguyễn") == 2 * 12 * len(ids), "in the table, and under the signatures"
    assert min(heights) > 25, "nothing stands below the line with the hash"


@pytest.mark.parametrize("pack", BOOK.pack_ids)
def test_what_is_signed_is_in_the_language_of_the_place(pack: str) -> None:
    policy = BOOK.in_force(pack, date(2026, 3, 2))
    chinese = BOOK.pack(pack).info.jurisdiction in {"CN", "TW"}
    assert policy.document.signed_language == ("zh" if chinese else "en")
