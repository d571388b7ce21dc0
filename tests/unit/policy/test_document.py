"""All that a pack says about the formal document stands in one section, and each part of it has its dates."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from services.agreement.terms import terms_of
from shared.policy.conduct import conduct_of
from shared.policy.loader import PolicyBook, check
from shared.policy.model import SECTIONS

PACKS = Path(__file__).parents[3] / "deploy" / "policies"
BOOK = PolicyBook.load(PACKS)
TODAY, LATER = date(2026, 3, 2), date(2027, 1, 1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the shipped packs, to be changed."""
    for path in PACKS.glob("*.toml"):
        (tmp_path / path.name).write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    return tmp_path


def test_no_two_sections_say_the_same_about_the_document() -> None:
    names = ("complaint_routes", "clauses", "printed", "oral_channels", "oral_allowed", "data_law")
    for name in names:
        assert [s for s, model in SECTIONS.items() if name in model.model_fields] == ["document"], name


@pytest.mark.parametrize("pack", BOOK.pack_ids)
def test_the_routes_on_the_paper_are_those_of_the_pack_the_lender_s_own_first(pack: str) -> None:
    view = BOOK.in_force(pack, TODAY)
    terms = terms_of(view, view.agreement.required_sections, conduct_of([view]))
    assert terms.complaint_routes == tuple(row.route for row in view.document.complaint_routes)
    assert terms.complaint_routes[0] == "lender"
    assert len(terms.complaint_routes) > 1, "somebody outside the lender, everywhere"


def test_routes_and_clauses_change_on_their_date(folder: Path) -> None:
    path = folder / "uk-unsecured.toml"
    text = path.read_text(encoding="utf-8")
    start = text.index("complaint_routes = [")
    end = text.index("\n]\n", start)
    more = (
        '\n  { from = 2027-01-01, clause = "-", source = "assumption: test", verified = false, value = ['
        '\n    { route = "lender", name_zh = "贷款机构", name_en = "The lender" },'
        "\n  ] },"
    )
    assumed = 'clause = "-", source = "assumption: test", verified = false }'
    added = (
        "\n]\nprinted = ["
        f'\n  {{ value = ["parties", "complaints"], {assumed},'
        f'\n  {{ from = 2027-01-01, value = ["parties"], {assumed},'
    )
    path.write_text(text[:end] + more + added + text[end:], encoding="utf-8")
    book = PolicyBook.load(folder)
    before, after = book.in_force("uk-unsecured", TODAY), book.in_force("uk-unsecured", LATER)
    assert [row.route for row in before.document.complaint_routes] == ["lender", "uk_ombudsman"]
    assert [row.route for row in after.document.complaint_routes] == ["lender"]
    assert (before.document.printed, after.document.printed) == (("parties", "complaints"), ("parties",))
    agreed = book.for_case("uk-unsecured", LATER, agreed_on=TODAY)
    assert agreed.document == before.document, "what was agreed keeps the document of its day"


def test_a_pack_of_before_says_where_its_values_belong_now(folder: Path) -> None:
    path = folder / "tw-card.toml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("[document]", "[agreement_document]"), encoding="utf-8")
    (found,) = [problem for problem in check(folder) if problem.key == "agreement_document"]
    assert found.rule.startswith("no such section: its values are part of [document]")
