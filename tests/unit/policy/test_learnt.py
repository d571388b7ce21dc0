"""A learnt table as text of a pack: it loads, changes nothing else, and is told from the published one."""

from __future__ import annotations

import shutil
import tomllib
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from shared.lending.plan_lender import LenderValue, RedefaultRow
from shared.policy.learnt import OWN_OUTCOMES, NotEditableError, learnt_entries, published, with_entries
from shared.policy.loader import PolicyBook, check

PACKS = Path(__file__).parents[3] / "deploy" / "policies"
BEFORE, SINCE, LATER = date(2026, 11, 30), date(2026, 12, 1), date(2027, 12, 1)


def learnt(value: LenderValue, figure: str) -> LenderValue:
    rows = (*value.redefault[:-1], RedefaultRow(value.redefault[-1].reduction_pct, Decimal(figure)))
    return replace(value, redefault=rows, unknown_probability=Decimal("0.4"))


def put(folder: Path, figure: str, model: str, since: date) -> None:
    pack = PolicyBook.load(folder).pack("cn-card")
    path = folder / "cn-card.toml"
    value = learnt(published(pack, since), figure)
    entries = learnt_entries(pack, value, model, since, 'blend "of" figures')
    path.write_text(with_entries(path.read_text(encoding="utf-8"), entries), encoding="utf-8")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(PACKS, tmp_path / "packs")
    return tmp_path / "packs"


def test_the_pack_with_the_table_loads_and_the_offers_of_its_day_go_by_it(folder: Path) -> None:
    text = (folder / "cn-card.toml").read_text(encoding="utf-8")
    put(folder, "0.118", "occ+own", SINCE)
    assert check(folder) == []
    book, old = PolicyBook.load(folder), PolicyBook.load(PACKS)
    assert (folder / "cn-card.toml").read_text(encoding="utf-8").startswith(text.rstrip("\n"))
    assert book.in_force("cn-card", BEFORE) == old.in_force("cn-card", BEFORE)
    value = book.in_force("cn-card", SINCE).plan_limits.value
    assert value.model == "occ+own"
    assert value.probability(Decimal(25)) == Decimal("0.118")
    assert value.probability(Decimal(15)) == Decimal("0.288")
    assert value.probability(None) == Decimal("0.4")
    assert book.in_force("eu-consumer", SINCE) == old.in_force("eu-consumer", SINCE)


def test_the_next_table_blends_the_published_figures_again_and_keeps_the_one_before(folder: Path) -> None:
    put(folder, "0.118", "occ+own-1", SINCE)
    pack = PolicyBook.load(folder).pack("cn-card")
    assert published(pack, LATER) == PolicyBook.load(PACKS).in_force("cn-card", LATER).plan_limits.value
    put(folder, "0.101", "occ+own-2", LATER)
    assert check(folder) == []
    book = PolicyBook.load(folder)
    models = [book.in_force("cn-card", on).value.redefault_model for on in (BEFORE, SINCE, LATER)]
    assert models == [models[0], "occ+own-1", "occ+own-2"]
    document = tomllib.loads((folder / "cn-card.toml").read_text(encoding="utf-8"))
    assert [row["clause"] for row in document["value"]["redefault"]][1:] == [OWN_OUTCOMES, OWN_OUTCOMES]


def test_a_day_that_is_not_after_the_last_change_is_refused(folder: Path) -> None:
    put(folder, "0.118", "occ+own-1", SINCE)
    with pytest.raises(NotEditableError, match="already changes on 2026-12-01"):
        put(folder, "0.101", "occ+own-2", SINCE)


def test_a_text_that_is_laid_out_otherwise_is_left_alone(folder: Path) -> None:
    pack = PolicyBook.load(folder).pack("cn-card")
    entries = learnt_entries(pack, published(pack, SINCE), "own", SINCE, "blend")
    for text in (
        "[value]\nredefault = [{ value = 1 }]\n",
        "value = { discount_pct = 8 }\n",
        "[value]\nredefault = [\n{ value = 1 } ]\n",
    ):
        with pytest.raises(NotEditableError):
            with_entries(text, entries)


def test_what_stands_beside_it_stays(folder: Path) -> None:
    pack = PolicyBook.load(folder).pack("cn-card")
    entries = learnt_entries(pack, published(pack, SINCE), "own", SINCE, "blend")
    text = "[value]\n# why\nother = 1\nredefault = [\n  { value = 1 },\n]\n\n[later]\nredefault = [\n]\n"
    made = with_entries(text, entries)
    assert "# why\nother = 1\n" in made
    assert made.endswith("[later]\nredefault = [\n]\n")
    assert len(tomllib.loads(made)["value"]["redefault"]) == len(entries["redefault"])
