"""Every value of a pack does something: code reads it, or it stands in a list that says why none does."""

from __future__ import annotations

import ast
from functools import lru_cache
from pathlib import Path

import pytest

from shared.policy.model import SECTIONS

ROOT = Path(__file__).parents[3]
# What a pack may say, and whether it says it, is no use of it; the example's values are for tests.
NO_USE = {"sections.py", "sections_agreement.py", "sections_conduct.py", "mandatory.py", "testing.py",
          "testing_values.py"}  # fmt: skip
# How a section is called where its name is not.
ALSO = {"contact_rules": "rules"}

ALWAYS_SO = "may have one value only: code does it for every pack, and the pack says so to its reader"
FOR_EVERYBODY = "code does it for every borrower, whatever the pack says"
FOR_PEOPLE = "what people must do or not do: no program sees it, `parley policy show` tells them"
CHECKED = "`parley policy check` holds other values against it"

NOT_READ: dict[str, str] = {
    "amounts.day_count": ALWAYS_SO,
    "cooling_off.prior_terms_return": ALWAYS_SO,
    "cooling_off.payments_stay_credited": ALWAYS_SO,
    "cooling_off.collection_stays_stopped": ALWAYS_SO,
    "contact.third_party_contact": "the rows of contact_rules.third_parties say it party by party",
    "moratorium.days": CHECKED,  # stop_events.breathing_space, which acts
    "records.recording_until_settled": "evidence is kept for evidence_years after the last that was filed",
    "contact_rules.never_press_for": FOR_PEOPLE,
    "contact_rules.forbidden_acts": FOR_PEOPLE,
    "data_protection.explains_automatic_decisions": FOR_EVERYBODY,
    "data_protection.person_on_request": FOR_EVERYBODY,
    "data_protection.impact_assessment_years": FOR_PEOPLE,
    "data_protection.sensitive_categories": FOR_PEOPLE,
    "retention.erase_by": ALWAYS_SO,
    "document.clauses": CHECKED,  # each required section has one; the words are the program's editions
    "document.forbidden_words_zh": CHECKED,
    "trial.collection_stays_stopped": ALWAYS_SO,
    "incentives.vested_never_return": FOR_EVERYBODY,
    "reviews.missed_breaks_plan": ALWAYS_SO,
}


def _last_name(node: ast.expr) -> str | None:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", None)


class Seen:
    """The names that a module takes from objects, the sections it imports, and those it reads by name."""

    def __init__(self, tree: ast.AST) -> None:
        nodes = list(ast.walk(tree))
        self.taken = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
        self.sections = {
            alias.name
            for node in nodes
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("shared.policy")
            for alias in node.names
        }
        self.whole = {
            node.args[0].attr
            for node in nodes
            if isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id == "getattr"
            and isinstance(node.args[0], ast.Attribute)
            and _last_name(node.args[0].value) in {"policy", "view"}
            and not isinstance(node.args[1], ast.Constant)
        }

    def reads(self, section: str, name: str) -> bool:
        known = {section, ALSO.get(section, section)} & self.taken or {
            SECTIONS[section].__name__
        } & self.sections
        return section in self.whole or bool(known and name in self.taken)


@lru_cache
def modules() -> tuple[Seen, ...]:
    paths = [path for top in ("services", "shared") for path in (ROOT / top).rglob("*.py")]
    return tuple(
        Seen(ast.parse(path.read_text(encoding="utf-8")))
        for path in paths
        if not (path.parent.name == "policy" and path.name in NO_USE)
    )


@lru_cache
def methods(section: str) -> dict[str, set[str]]:
    """The methods of a section, and the values that each of them gives out or works with."""
    found: dict[str, set[str]] = {}
    for name in sorted(NO_USE):
        path = ROOT / "shared" / "policy" / name
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef) and node.name == SECTIONS[section].__name__:
                for method in (part for part in node.body if isinstance(part, ast.FunctionDef)):
                    if method.name.startswith("_"):
                        continue  # what only checks the pack
                    found[method.name] = {n.attr for n in ast.walk(method) if isinstance(n, ast.Attribute)}
    return found


def is_read(section: str, name: str) -> bool:
    ways = {name, *(method for method, values in methods(section).items() if name in values)}
    return any(seen.reads(section, way) for seen in modules() for way in ways)


KEYS = [f"{section}.{name}" for section, model in SECTIONS.items() for name in model.model_fields]


@pytest.mark.parametrize("key", KEYS)
def test_every_value_is_read_or_it_is_said_why_not(key: str) -> None:
    section, _, name = key.partition(".")
    if is_read(section, name):
        assert key not in NOT_READ, "it is read now: take it off the list"
    else:
        assert key in NOT_READ, "no code reads it: a value in a pack does something, or says why not"


def test_the_list_names_values_that_there_are() -> None:
    assert set(NOT_READ) <= set(KEYS)


@pytest.mark.parametrize(
    ("code", "section", "name", "found"),
    [
        ("policy.offers.max_rounds", "offers", "max_rounds", True),
        ("rules = policy.offers\nrules.max_rounds", "offers", "max_rounds", True),
        (
            "from shared.policy.sections import Offers\ndef f(rules: Offers): return rules.max_rounds",
            "offers",
            "max_rounds",
            True,
        ),
        ("def f(rules: Offers): return rules.max_rounds", "offers", "max_rounds", False),
        ("'policy.offers.max_rounds'  # policy.offers.max_rounds", "offers", "max_rounds", False),
        ("policy.offers", "offers", "max_rounds", False),
        ("other.max_rounds", "offers", "max_rounds", False),
        ("getattr(policy.stop_events, event)", "stop_events", "death", True),
        ("getattr(policy.stop_events, 'sold')", "stop_events", "death", False),
        ("getattr(debt.amounts, name)", "amounts", "day_count", False),
        ("m.rules.channels", "contact_rules", "channels", True),
    ],
)
def test_what_counts_as_reading(code: str, section: str, name: str, found: bool) -> None:
    assert Seen(ast.parse(code)).reads(section, name) is found
