"""The sections on conduct and on what is agreed: loaded, validated, shown, in the words of both languages."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from services.cli.main import app
from shared.policy.loader import PolicyBook, PolicyError
from shared.policy.model import SECTIONS
from shared.policy.testing import example_policy
from shared.texts.policies import policy_words, section_words

PACKS = Path(__file__).parents[3] / "deploy" / "policies"
TODAY = date(2026, 11, 24)
ALL = ("cn-card", "cn-consumer-loan", "eu-consumer", "tw-card", "uk-unsecured", "us-unsecured")
NEW = {
    *("contact_rules", "stop_events", "reporting", "data_protection", "retention", "complaints"),
    *("legal_referral", "document", "cooling_off", "trial", "observation", "breach", "incentives"),
    *("reviews", "talks", "re_age"),
}
EVENTS = {
    *("death", "insolvency", "breathing_space", "crisis_breathing_space", "lost_capacity", "minor"),
    *("dispute", "identity_fraud", "sold", "recalled", "litigation"),
}
KEYS = [
    *(f"pack.{name}" for name in ("calendar", "currency", "languages", "time_zone", "time_zones")),
    *(f"{section}.{name}" for section, model in SECTIONS.items() for name in model.model_fields),
]


def test_the_new_sections_are_there() -> None:
    assert set(SECTIONS) > NEW


def test_the_six_contents_of_a_card_agreement_with_their_articles(packs: PolicyBook) -> None:
    policy = packs.in_force("cn-card", TODAY)
    document = policy.document
    assert policy.agreement.required_sections == tuple(row.section for row in document.clauses)
    assert [row.article for row in document.clauses] == [f"Art. 70 ({n})" for n in range(1, 7)]
    promise = document.clause("no_new_credit_card")
    assert promise is not None
    assert "申领信用卡" in promise.must_zh
    assert document.late_charge_name_zh == "违约金"
    assert document.forbidden_words_zh == ("滞纳金",)
    assert "滞纳金" not in "".join(row.must_zh for row in document.clauses)
    assert document.oral_allowed
    # What is agreed through these needs a recording, by whatever name a desk calls the line.
    assert {"phone", "voice", "telephone", "call", "hotline", "video", "电话"} <= set(document.oral_channels)
    assert document.signed_language == "zh"


@pytest.mark.parametrize("pack_id", ALL)
def test_every_pack_answers_for_every_stop_event(packs: PolicyBook, pack_id: str) -> None:
    events = packs.in_force(pack_id, TODAY).stop_events
    rows = {name: getattr(events, name) for name in type(events).model_fields}
    assert set(rows) == EVENTS
    for name, row in rows.items():
        assert row.may_contact, f"{name}: there is always somebody to talk to"
        assert "enforcement" in row.stops or name == "litigation"
    assert rows["sold"].plan_stands
    # Every pack let new plans be tabled in a lawsuit, and the talks rested all the same.
    assert not any(row.offers for row in rows.values())
    assert "borrower" not in rows["breathing_space"].may_contact


def test_the_breathing_space_of_the_kingdom(packs: PolicyBook) -> None:
    policy = packs.in_force("uk-unsecured", TODAY)
    row, crisis = policy.stop_events.breathing_space, policy.stop_events.crisis_breathing_space
    assert set(row.stops) == {"contact", "interest", "fees", "enforcement"}
    assert (row.max_days, row.once_in_months, crisis.max_days_after) == (60, 12, 30)
    assert (policy.moratorium.review_from_day, policy.moratorium.review_until_day) == (25, 35)


def test_the_limits_of_contact_say_whom_they_count(packs: PolicyBook) -> None:
    china, states = packs.in_force("cn-card", TODAY), packs.in_force("us-unsecured", TODAY)
    number = china.contact_rules.max_attempts_per_number_per_day
    assert (number.scope, number.counts, china.contact.max_attempts_per_number_per_day) == (
        "number",
        "attempts",
        6,
    )
    talks = china.contact_rules.max_effective_calls_per_day
    assert (talks.scope, talks.counts, talks.direction) == ("person", "conversations", "outbound")
    calls, wait = states.contact_rules.max_calls_per_7_days, states.contact_rules.cooldown_after_talk
    assert (calls.scope, calls.window_days, states.contact.max_calls_per_7_days) == ("debt", 7, 7)
    assert wait.first_day_is_the_talk
    assert states.contact.cooldown_after_talk_days == 7
    third = {row.party: row for row in china.contact_rules.third_parties}
    assert third["named_contact"].when == "cannot_be_reached"
    assert not third["named_contact"].details
    assert third["named_contact"].stop_on_refusal
    assert third["employer"].when == "never"
    for policy in (china, states):
        assert set(policy.contact_rules.uncapped_purposes) == {"legal_notice", "reply"}


def test_the_guard_reads_only_the_limits_that_a_pack_sets(packs: PolicyBook) -> None:
    found = {
        pack_id: {
            (one.name, one.maximum, one.scope.scope) for one in packs.in_force(pack_id, TODAY).contact_limits
        }
        for pack_id in ("cn-card", "us-unsecured")
    }
    assert found["cn-card"] == {("effective_calls", 3, "person"), ("attempts", 6, "number")}
    assert found["us-unsecured"] == {
        ("effective_calls", 1, "person"),
        ("attempts", 3, "number"),
        ("calls", 7, "debt"),
        ("cooldown", 7, "debt"),
    }


def test_nobody_is_pressed_for_lump_sums_borrowing_or_the_home_in_the_kingdom(packs: PolicyBook) -> None:
    entry = packs.pack("uk-unsecured").entries_in_force(TODAY)["contact_rules.never_press_for"]
    assert set(entry.value) == {"lump_sum", "borrowing", "sale_of_home"}
    assert (entry.clause, entry.verified) == ("7.3.10R", True)


def test_re_age_and_workout_limits_of_the_states(packs: PolicyBook) -> None:
    found = packs.in_force("us-unsecured", TODAY).re_age
    assert (found.min_account_months, found.min_payments_in_a_row) == (9, 3)
    assert (found.max_in_12_months, found.max_in_60_months, found.more_in_60_months_in_workout) == (1, 2, 1)
    assert found.workout_max_months == 60
    entry = packs.pack("us-unsecured").entries_in_force(TODAY)["re_age.min_account_months"]
    assert not entry.verified


def test_observation_withdrawal_and_retention_where_the_law_gives_figures(packs: PolicyBook) -> None:
    china, union = packs.in_force("cn-card", TODAY), packs.in_force("eu-consumer", TODAY)
    states = packs.in_force("us-unsecured", TODAY)
    assert (china.observation.starts, china.observation.restarts_on_breach) == (
        "first_due_after_change",
        True,
    )
    assert (union.observation.probation_months, union.observation.probation_max_days_past_due) == (24, 30)
    assert (union.agreement.cooling_off_days, union.cooling_off.counted_from) == (14, "documents_received")
    assert (states.retention.counted_from, states.retention.contacts_years) == ("last_collection_activity", 3)
    assert china.data_protection.person_on_request


def row(**other: Any) -> dict[str, Any]:
    stop = {
        "stops": ["contact"], "may_contact": ["estate"], "ends": "estate_settled", "max_days": 0,
        "max_days_after": 0, "once_in_months": 0, "plan_stands": False, "offers": False, "owner_role": "s",
    }  # fmt: skip
    return stop | other


CLAUSE = {"section": "debt_structure", "article": "-", "must_zh": "滞纳金", "must_en": "late"}
FIRST = {"after_on_time": 3, "late_charges_waived_pct": 50, "rate_cut_pct": 0}
NEVER = {"party": "employer", "when": "never", "purposes": [], "details": False, "stop_on_refusal": True}
PHONE = {"channel": "phone", "allowed": True, "needs_consent": False, "opt_out_in_every_message": False}


@pytest.mark.parametrize(
    ("value", "rule"),
    [
        ({"stop_events__death": row(may_contact=["borrower"])}, r"stop_events\.death.*may not be contacted"),
        ({"stop_events__death": row(stops=["contact", "contact"])}, "named once"),
        ({"stop_events__death": row(stops=["everything"])}, r"stop_events\.death\[1\]\.stops"),
        ({"stop_events__death": row(ends="one day")}, r"stop_events\.death\[1\]\.ends"),
        ({"stop_events__death": row(plan=1)}, "Extra inputs are not permitted"),
        ({"stop_events__death": row(still_allowed=["collection"])}, "nobody is asked for money"),
        ({"stop_events__death": row(still_allowed=["legal_notice"])}, "in legal_notices"),
        ({"stop_events__death": row(stops=["enforcement"], legal_notices=["court"])}, "with a court"),
        ({"contact_rules__uncapped_purposes": ["collection"]}, "never free of limits"),
        ({"contact_rules__channels": [PHONE, PHONE]}, "each channel has one row"),
        ({"contact_rules__third_parties": [NEVER, NEVER]}, "each third party has one row"),
        ({"contact_rules__third_parties": [NEVER | {"party": "borrower"}]}, "not a third party"),
        ({"contact_rules__third_parties": [NEVER | {"when": "liable_too"}]}, "everybody else has one"),
        (
            {"contact_rules__third_parties": [
                NEVER | {"when": "cannot_be_reached", "purposes": ["pass_on_message"], "details": True}
            ]},
            "only for who is liable too or authorised",
        ),
        ({"document__clauses": [CLAUSE], "document__forbidden_words_zh": ["滞纳金"]}, "the forbidden word"),
        ({"document__clauses": [CLAUSE, CLAUSE]}, "each section has one clause"),
        ({"document__printed": ["parties", "parties"]}, "named once"),
        ({"incentives__steps": [FIRST, FIRST]}, "each number of instalments has one step"),
        (
            {"incentives__steps": [FIRST, {**FIRST, "after_on_time": 6, "late_charges_waived_pct": 10}]},
            "never falls",
        ),
        ({"talks__interest": "maybe"}, r"talks\.interest"),
        ({"talks__after_rounds": ["court"]}, r"talks\.after_rounds"),
        ({"reviews__questions": []}, r"reviews\.questions"),
        ({"trial__months": 3}, r"trial\.months: no such value"),
        # Nobody collects from who keeps a trial, and a review is no duty: no pack may say otherwise.
        ({"trial__collection_stays_stopped": False}, r"trial\.collection_stays_stopped"),
        ({"reviews__missed_breaks_plan": True}, r"reviews\.missed_breaks_plan"),
    ],
)  # fmt: skip
def test_what_does_not_fit_together_is_refused(value: dict[str, Any], rule: str) -> None:
    with pytest.raises(PolicyError, match=rule):
        example_policy(**value)


# -- in words ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", KEYS)
def test_every_value_has_its_words(key: str) -> None:
    zh, en = policy_words(key, "zh"), policy_words(key, "en")
    assert key not in {zh, en}, f"{key} lacks words in shared/texts/policies.toml"
    assert zh != en


def test_every_section_has_a_title_and_what_is_unknown_shows_its_name() -> None:
    assert all(section_words(name, "zh") != name for name in SECTIONS)
    assert policy_words("term.nothing", "zh") == "term.nothing"
    assert section_words("nothing", "en") == "nothing"


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["policy", *arguments], env={"COLUMNS": "200"})
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_show_explains_every_value(lang: str) -> None:
    shown = run("show", "cn-card", "--on", "2025-06-01", "--lang", lang)
    whole = "".join(shown.split())  # lines break at the width of whichever console was made first
    for key in KEYS:
        assert "".join(f"{key} · {policy_words(key, lang)}".split()) in whole  # type: ignore[arg-type]
    assert "Art.70(1)-(6)" in whole
    assert ("未核实" if lang == "zh" else "not verified") in shown
    ahead = shown[shown.index("下一次变更" if lang == "zh" else "what changes next") :]
    assert "2026-01-30" in ahead
    assert "contact.max_attempts_per_number_per_day: 0 → 6" in ahead


def test_show_says_when_nothing_changes_any_more() -> None:
    assert "no later change is on file" in run("show", "us-unsecured", "--on", "2026-11-24")


def test_show_as_json_has_clause_status_ruling_and_what_is_next() -> None:
    rows = {row["key"]: row for row in json.loads(run("show", "cn-card", "--on", "2025-06-01", "--json"))}
    assert set(rows) == set(KEYS)
    found = rows["contact.max_attempts_per_number_per_day"]
    assert (found["ruled_by"], found["next_from"], found["next_value"]) == ("live", "2026-01-30", 6)
    assert rows["rate.ceilings"]["ruled_by"] == "contract"
    assert rows["term.max_months"]["verified"] is True
    assert rows["document.clauses"]["value"][0]["section"] == "debt_structure"


def test_diff_compares_packs_and_days() -> None:
    days = json.loads(run("diff", "cn-card@2025-06-01", "cn-card@2026-02-01", "--json"))
    assert [row["key"] for row in days] == ["contact.max_attempts_per_number_per_day"]
    packs = {row["key"]: row for row in json.loads(run("diff", "us-unsecured", "uk-unsecured", "--json"))}
    assert packs["measures.lump_sum_not_from"]["first"]["value"] == ["borrowed"]
    assert packs["measures.lump_sum_not_from"]["second"]["clause"] == "7.3.10R"
    assert "offers.max_rounds" not in packs
    assert "no difference" in run("diff", "cn-card", "cn-card")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("show", "nobody"), 1),
        (("show", "cn-card", "--on", "soon"), 2),
        (("show", "cn-card", "--lang", "fr"), 2),
        (("diff", "cn-card@soon", "cn-card"), 2),
    ],
)
def test_what_cannot_be_shown_ends_with_a_reason(arguments: tuple[str, ...], code: int) -> None:
    assert CliRunner().invoke(app, ["policy", *arguments]).exit_code == code


def test_check_counts_what_is_verified() -> None:
    shown = run("check")
    assert f"uk-unsecured: {len(KEYS)} values, " in shown
    assert "6 packs can be used: cn-card, " in shown


def test_check_lists_what_is_wrong_and_fails(tmp_path: Path) -> None:
    text = (PACKS / "common.toml").read_text(encoding="utf-8")
    (tmp_path / "common.toml").write_text(text, encoding="utf-8")
    pack = (PACKS / "us-unsecured.toml").read_text(encoding="utf-8")
    broken = pack.replace('clause = "1006.14(b)(2)(i)(A)", ', 'clause = "-", ').replace("[trial]", "[trials]")
    (tmp_path / "us-unsecured.toml").write_text(broken, encoding="utf-8")
    result = CliRunner().invoke(app, ["policy", "check", "--folder", str(tmp_path)])
    assert result.exit_code == 1
    assert "us-unsecured.toml: contact.max_calls_per_7_days[1]: clause: is missing" in result.output
    assert "us-unsecured.toml: trials: no such section" in result.output
