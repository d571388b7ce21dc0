"""The strictest conduct of several packs, rule by rule, and whatever their order."""

from __future__ import annotations

from datetime import date, time
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.policy import sections as s
from shared.policy.conduct import STRICTEST, conduct_of
from shared.policy.loader import PolicyBook
from shared.policy.model import PolicyInForce
from shared.policy.testing import EXAMPLE_ON, example_pack

BOOK = PolicyBook.load(Path(__file__).parents[3] / "deploy" / "policies")
SHIPPED = ("cn-card", "cn-consumer-loan", "eu-consumer", "tw-card", "uk-unsecured", "us-unsecured")
TODAY = date(2026, 11, 24)


def pack(name: str, info: dict[str, Any] | None = None, **values: Any) -> PolicyInForce:
    return example_pack({"id": name, **(info or {})}, **values).in_force(EXAMPLE_ON)


def step(state: str, days: int) -> dict[str, Any]:
    return {"state": state, "action": "act", "owner_role": "negotiator", "business_days": days,
            "escalate_to": "supervisor"}  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "one", "other", "strictest"),
    [
        ("contact.quiet_from", "22:00", "21:00", time(21)),
        ("contact.quiet_from", "00:30", "22:00", time(22)),
        ("contact.quiet_until", "08:00", "09:00", time(9)),
        ("contact.max_effective_calls_per_day", 3, 1, 1),
        ("contact.max_effective_calls_per_day", 0, 3, 3),
        ("contact.max_effective_calls_per_day", 0, 0, 0),
        ("contact.max_attempts_per_number_per_day", 6, 0, 6),
        ("contact.max_calls_per_7_days", 7, 5, 5),
        ("contact.cooldown_after_talk_days", 0, 7, 7),
        ("contact.third_party_contact", "location_only", "forbidden", "forbidden"),
        ("contact.third_party_contact", "location_only", "location_only", "location_only"),
        ("moratorium.days", 0, 60, 60),
        ("moratorium.review_from_day", 0, 25, 25),
        ("moratorium.review_until_day", 40, 35, 35),
        ("assignment.max_open_cases", 300, 150, 150),
        ("assignment.certification_required", False, True, True),
        ("records.evidence_years", 5, 6, 6),
        ("records.recording_until_settled", False, True, True),
        ("agreement.stop_collection_on_sign", False, True, True),
        ("agreement.cooling_off_days", 0, 14, 14),
        ("agreement.instruction_business_days", 3, 5, 3),
        ("complaints.acknowledge_business_days", 5, 2, 2),
        ("complaints.final_response_days", 15, 56, 15),
        ("timetable.first_contact", [step("first_contact", 2)], [step("first_contact", 9)], 2),
        ("timetable.statement", [step("statement", 5)], [step("statement", 10)], 10),
        ("timetable.signature", [step("signature", 5)], [step("signature", 3)], 5),
        ("timetable.answer", [step("offer", 5)], [step("answer", 3)], 3),
    ],
)
def test_each_rule_is_that_of_the_pack_which_protects_the_borrower_best(
    rule: str, one: Any, other: Any, strictest: Any
) -> None:
    section, name = rule.split(".")
    key = "timetable__steps" if section == "timetable" else f"{section}__{name}"
    packs = [pack("pack-one", **{key: one}), pack("pack-two", **{key: other})]
    for order in permutations(packs):
        found = conduct_of(order)
        if section == "timetable":
            row = found.step(name)
            assert row is not None
            assert row.business_days == strictest
        elif section in {"agreement", "complaints"}:
            assert getattr(found, name) == strictest
        else:
            assert getattr(getattr(found, section), name) == strictest


@pytest.mark.parametrize(("section", "model"), [(n, s.__dict__[n.capitalize()]) for n in STRICTEST])
def test_every_field_of_conduct_says_what_strictest_means(section: str, model: type[s.Section]) -> None:
    missing = model.model_fields.keys() - STRICTEST[section].keys()
    assert not missing, f"add to STRICTEST[{section!r}] in shared/policy/conduct.py: {sorted(missing)}"


def test_a_deadline_is_the_earliest_of_the_jurisdictions() -> None:
    # 1 to 7 October is Golden Week in China and ordinary days in Great Britain.
    packs = [pack("pack-one"), pack("pack-two", {"calendar": "GB"})]
    assert conduct_of(packs).deadline(date(2026, 9, 30), 2) == date(2026, 10, 2)
    assert conduct_of(packs[:1]).deadline(date(2026, 9, 30), 2) > date(2026, 10, 7)


def test_one_pack_is_its_own_conduct() -> None:
    policy = BOOK.in_force("uk-unsecured", TODAY)
    found = conduct_of([policy])
    assert (found.contact, found.moratorium, found.assignment) == (
        policy.contact,
        policy.moratorium,
        policy.assignment,
    )
    assert found.timetable.steps == policy.timetable.steps


@settings(deadline=None)
@given(st.lists(st.sampled_from(SHIPPED), min_size=1, max_size=8))
def test_order_and_repetition_change_nothing_and_more_packs_only_make_it_stricter(names: list[str]) -> None:
    packs = [BOOK.in_force(name, TODAY) for name in names]
    found = conduct_of(packs)
    assert found == conduct_of(sorted(packs, key=lambda policy: policy.pack_id, reverse=True))
    for policy in packs:
        assert conduct_of([*packs, policy]) == found
        assert found.contact.cooldown_after_talk_days >= policy.contact.cooldown_after_talk_days
        assert found.stop_collection_on_sign >= policy.agreement.stop_collection_on_sign
        for limit in ("max_effective_calls_per_day", "max_calls_per_7_days"):
            own = getattr(policy.contact, limit)
            assert own == 0 or 0 < getattr(found.contact, limit) <= own
