"""What was refused is listed by service, message, reason and field: what left no case comes first."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date

import pytest
from rich.console import Console
from typer.testing import CliRunner

from services.cli.common import stdout
from services.cli.main import app
from services.console import tables
from services.console.audit import Audit
from services.console.refusals import ID_USED, NOT_ANSWERED, Refusal, Refusals
from services.intake import figures
from shared.contracts import agreement, intake, notice
from shared.contracts.base import Reason
from shared.contracts.desk_contact import ContactAsked
from shared.contracts.envelope import Envelope
from shared.contracts.ids import case_id
from shared.contracts.notice import ContactAnswered
from shared.contracts.reasons import ReasonCode
from shared.contracts.refusing import REFUSED
from shared.contracts.registry import EVENTS
from tests.unit.builders import DAY, message, reference
from tests.unit.console.filing import CASE as FILED
from tests.unit.console.filing import CUSTOMER, File, person
from tests.unit.intake.bank_says import overdue

NEXT = date(2026, 3, 3)
LAST = case_id("C-8", 1)
TYPED = "cn-crad-of-ann"  # whatever stands in the file's column


def refused() -> intake.InputRefused:
    """What intake says of an account whose product is in no pack."""
    (emission,) = figures.overdue(None, overdue(product=TYPED), reference()).emissions
    assert isinstance(emission.data, intake.InputRefused)
    return emission.data


def late() -> agreement.InputRefused:
    reason = Reason(code=ReasonCode.OFFER_EXPIRED)
    return agreement.InputRefused(cause_id="c", cause_type="parley.desk.signature.given.v1", reason=reason)


def heard() -> Refusals:
    refusals = Refusals()
    first = replace(message(refused(), day=NEXT, case=LAST), key="C-8")
    refusals.saw(first)
    refusals.saw(first)  # published twice
    refusals.saw(replace(message(refused(), day=DAY, case=case_id("C-9", 1)), key="C-9"))  # heard late
    for _ in range(3):
        refusals.saw(message(late()))
    return refusals


def test_every_service_that_refuses_is_listened_to() -> None:
    assert {event.TYPE for event in REFUSED} == {name for name in EVENTS if ".input.refused." in name}


def test_an_unknown_product_is_listed_first_with_its_field_and_the_last_case() -> None:
    product, offer = heard().lines({"C-1"})
    overdue_type = "parley.bank.account.overdue.v1"
    assert product == Refusal("intake", overdue_type, "unknown_product", "product", 2, 2, NEXT, LAST)
    assert (offer.count, offer.field) == (3, None)
    assert [row.reason for row in heard().lines({"C-1", "C-8", "C-9"})] == [
        "offer_expired",
        "unknown_product",
    ]


def test_the_report_lists_them_and_no_value_of_the_message(monkeypatch: pytest.MonkeyPatch) -> None:
    found = Audit([], {}, [], refusals=heard().lines({"C-1"}))
    monkeypatch.setattr("services.cli.report.audited", lambda _: found)
    monkeypatch.setattr(stdout, "_width", 200)
    shown = CliRunner().invoke(app, ["report"])
    assert shown.exit_code == 0, shown.output
    (row,) = [line for line in shown.output.splitlines() if "unknown_product" in line]
    cells = [cell.strip() for cell in row.strip("│ ").split("│")]
    where = ["intake", "bank.account.overdue", "unknown_product", "product"]
    assert cells == [*where, "2", "2", str(NEXT), LAST[:8]]
    assert "What is mended goes under a new id" in " ".join(shown.output.split())
    rows = json.loads(CliRunner().invoke(app, ["report", "--json"]).output)["refused"]
    assert rows[0]["reason"] == "unknown_product"
    assert rows[0]["case"] == LAST
    assert TYPED not in shown.output + json.dumps(rows)


def test_the_case_that_was_never_opened_can_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    filed = File()
    filed.say(refused())
    loaded = (FILED, CUSTOMER, filed.archived, filed.entries, [], person())
    monkeypatch.setattr("services.cli.reading.with_database", lambda *_: loaded)
    shown = CliRunner().invoke(app, ["case", FILED])
    assert shown.exit_code == 0, shown.output
    assert f"We have no rules for this product ({TYPED}) yet" in shown.stdout


def test_that_nothing_was_refused_is_said() -> None:
    console = Console(width=200, record=True)
    console.print(tables.refusals([]))
    assert "none: every message was acted on" in console.export_text()


def test_a_mended_message_that_kept_its_id_is_listed() -> None:
    """It is a duplicate to every service, and the sender hears nothing."""
    refusals, first = Refusals(), overdue(product=TYPED)
    again, mended = replace(first), replace(first, data=overdue().data)
    for said in (first, again, mended, replace(mended, id="another")):
        refusals.saw(said)
    filed = replace(message(refused(), case=LAST), key=first.key)
    refusals.saw(filed)
    mistyped, used = refusals.lines({first.key})
    assert (used.service, used.message, used.reason, used.field) == ("–", first.type, ID_USED, "id")
    assert (used.count, used.without_case, used.case) == (1, 0, LAST)
    assert mistyped.reason == "unknown_product"


def asked(name: str, id_: str) -> Envelope[ContactAsked]:
    question = ContactAsked(
        contact_id=name, at=message(late()).time, purpose="collection", channel="phone", by="n-1"
    )
    return message(question, id_=id_)


def test_a_question_that_nobody_answers_is_listed() -> None:
    refusals = Refusals()
    for name in ("k-1", "k-2", "k-3"):
        refusals.saw(asked(name, f"ask {name}"))
    refusals.saw(message(ContactAnswered(contact_id="k-1", allowed=True)))
    reason = Reason(code=ReasonCode.STALE_FACT)
    refusals.saw(
        message(notice.InputRefused(cause_id="ask k-2", cause_type=ContactAsked.TYPE, reason=reason))
    )
    unanswered, answered = sorted(refusals.lines(set()), key=lambda line: line.reason)
    assert (unanswered.service, unanswered.reason, unanswered.count) == ("notice", NOT_ANSWERED, 1)
    assert answered.reason == "stale_fact"
    console = Console(width=200, record=True)
    console.print(tables.refusals([unanswered]))
    assert "only notice says who may be contacted (parley run notice)" in console.export_text()
