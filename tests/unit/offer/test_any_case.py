"""Any borrower that a case file can tell of: the engine answers, and the independent checker has no word."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import deploy
from services.cli.offer_case import read_case
from services.cli.offer_print import as_json
from services.cli.offer_run import run
from shared.policy.reference import Reference, load_reference
from shared.texts import LANGUAGES, text
from tests.unit.offer.extreme_cases import PACKS
from tests.unit.offer.plan_answer import problems

# A cent, a unit, what people owe, and far more.
_LARGEST = (1, 100, 10**5, 10**7, 10**9, 10**13)  # less than what is sent back as out of range
_MONTHLY = (1, 10**4, 10**5, 10**6)


@pytest.fixture(scope="module")
def packs() -> Reference:
    return load_reference(Path(deploy.__file__).parent / "policies")({})


def amounts(largest: tuple[int, ...], least: int = 0) -> st.SearchStrategy[str]:
    within = st.sampled_from(largest).flatmap(lambda most: st.integers(least, most))
    return within.map(lambda minor: f"{minor // 100}.{minor % 100:02d}")


@st.composite
def debts(draw: st.DrawFn, name: str) -> dict[str, Any]:
    parts = st.sampled_from(["principal", "interest", "fees", "late_charges"])
    owed = draw(st.dictionaries(parts, amounts(_LARGEST, 1), min_size=1))
    overdue = {part: amount for part, amount in owed.items() if draw(st.booleans())}
    contract = draw(st.dates(date(1999, 1, 1), date(2026, 2, 1)))
    found = {
        "debt_id": name,
        "kind": "card",
        "outstanding": owed,
        "overdue": overdue,
        "annual_rate_pct": draw(st.sampled_from(["0", "0.001", "3.85", "18.25", "24", "36", "200", "1000"])),
        "days_past_due": draw(st.sampled_from([0, 1, 29, 30, 90, 91, 36500])),
        "contract_date": contract.isoformat(),
    }
    if draw(st.booleans()):
        found["contractual_payment"] = draw(amounts(_LARGEST))
    if draw(st.integers(0, 3)) == 0:
        since = st.dates(contract, date(2026, 2, 28)).map(date.isoformat)
        flows = st.fixed_dictionaries({"on": since, "amount": amounts(_LARGEST, 1)})
        advance = {"on": contract.isoformat(), "amount": f"-{draw(amounts(_LARGEST, 1))}"}
        paid = sorted(draw(st.lists(flows, max_size=4)), key=lambda flow: flow["on"])
        found["history"] = [advance, *paid]
    return found


_LATER = ["2026-03-10", "2026-03-23", "2026-05-01", "2026-09-23", "2029-01-01"]
_SOURCES = ["salary", "self_employment", "pension", "benefit", "rent", "family", "other"]
_CATEGORIES = ["housing", "utilities", "food", "health", "transport", "childcare", "personal", "other"]


@st.composite
def means(draw: st.DrawFn) -> dict[str, Any]:
    """What can be paid, said outright, with a change now and then."""
    given_ = {
        "now": draw(amounts(_LARGEST)),
        "stress": draw(amounts(_LARGEST)),
        "temporary": draw(st.booleans()),
    }
    starts = draw(st.lists(st.sampled_from(_LATER), max_size=2, unique=True))
    later = [{"from": on, "now": draw(amounts(_LARGEST)), "stress": draw(amounts(_LARGEST))} for on in starts]
    return {"capacity": {**given_, "later": later}}


@st.composite
def statements(draw: st.DrawFn) -> dict[str, Any]:
    """A household, and what is known to change in it."""
    ends = st.dates(date(2026, 1, 1), date(2029, 12, 31)).map(date.isoformat)
    income = st.fixed_dictionaries(
        {"source": st.sampled_from(_SOURCES), "monthly": amounts(_MONTHLY)}, optional={"ends": ends}
    )
    spent = st.dictionaries(st.sampled_from(_CATEGORIES), amounts(_MONTHLY[:3]))
    other = st.fixed_dictionaries(
        {
            "creditor_kind": st.sampled_from(["bank", "mortgage", "rent", "tax"]),
            "balance": amounts(_LARGEST),
            "monthly": amounts(_MONTHLY[:2]),
            "priority": st.booleans(),
            "secured": st.booleans(),
            "variable_rate": st.booleans(),
        }
    )
    changes = st.one_of(
        st.builds(
            lambda on, source, monthly: {"kind": "income", "on": on, "item": source, "monthly": monthly},
            ends, st.sampled_from(_SOURCES).map("income:{}".format), amounts(_MONTHLY),
        ),
        st.builds(
            lambda on, monthly: {"kind": "child_born", "on": on, "monthly": monthly}, ends, amounts(_MONTHLY)
        ),
        st.builds(lambda on: {"kind": "debt_ends", "on": on, "item": "other_debt:bank"}, ends),
    )  # fmt: skip
    stated = {
        "income": draw(st.lists(income, max_size=3)),
        "spending": [{"category": name, "monthly": amount} for name, amount in draw(spent).items()],
        "dependants": draw(st.integers(0, 30)),
        "assets": [],
        "other_debts": draw(st.lists(other, max_size=3)),
        "changes": draw(st.lists(changes, max_size=2)),
    }
    found: dict[str, Any] = {"statement": stated}
    if stated["income"] and draw(st.booleans()):
        item = f"income:{stated['income'][0]['source']}"
        found["verified"] = [{"item": item, "verified": draw(amounts(_MONTHLY))}]
    return found


_WISHES = st.one_of(
    st.none(),
    st.fixed_dictionaries(
        {},
        optional={
            "monthly": amounts(_LARGEST, 1),
            "months": st.integers(1, 600),
            "lump_sum": amounts(_LARGEST, 1),
            "first_due": st.dates(date(2026, 1, 1), date(2026, 12, 31)).map(date.isoformat),
        },
    ).filter(bool),
)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    pack=st.sampled_from(PACKS),
    owed=st.integers(1, 3).flatmap(lambda n: st.tuples(*(debts(f"a-{k}") for k in range(n)))),
    able=st.one_of(means(), statements()),
    wish=_WISHES,
    on=st.sampled_from(["2026-03-02", "2026-02-28", "2026-03-31"]),
)
def test_whatever_is_asked_the_answer_is_right_and_said_in_words(
    packs: Reference,
    tmp_path_factory: pytest.TempPathFactory,
    pack: str,
    owed: tuple[dict[str, Any], ...],
    able: dict[str, Any],
    wish: dict[str, Any] | None,
    on: str,
) -> None:
    case = {"policy": pack, "on": on, "debts": [*owed], **able, **({} if wish is None else {"wish": wish})}
    path = tmp_path_factory.mktemp("any") / "case.json"
    path.write_text(json.dumps(case), encoding="utf-8")
    book, day = packs.policies, date.fromisoformat(on)
    read = read_case(path, None, {pack: book.pack(pack).info.currency})
    outcome = run(read, day, None, packs)
    assert problems(case, as_json(outcome, book.in_force(pack, day).amounts.rounding, "zh")) == []
    said = outcome.said
    reasons = [reason for plan in getattr(said, "plans", ()) for reason in plan.reasons]
    reasons += [] if reasons else [said.reason, said.next_step]
    for lang in LANGUAGES:
        for reason in reasons:
            words = text(reason.code, reason.params, lang)
            assert words
            assert "…" not in words
            assert "{" not in words
