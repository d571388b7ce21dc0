"""What is personal is filed under the person's own key: destroyed, nobody reads it, and the chain holds."""

from __future__ import annotations

from datetime import timedelta, timezone
from decimal import Decimal
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.console.reads import open_entries
from services.console.rules import utc
from services.console.sealed import erased_places, filed, needs_secret, opened, sealed_places
from services.console.story import lines_of, verify
from shared.conduct import Rule
from shared.contracts import agreement, bank, desk, desk_parties, followup, intake, notice, offer
from shared.contracts.assessment import AssessmentCompleted
from shared.contracts.base import Event, Personal, Reason
from shared.contracts.debts import DebtSnapshot, DebtStatus, Plan
from shared.contracts.desk import HardshipCause, HardshipReported
from shared.contracts.desk_team import OwnerNamed
from shared.contracts.parties import CaseHalt, StopCause, StopInForce
from shared.contracts.personal import holds_personal, personal_places
from shared.contracts.reasons import PRIVATE_REASONS, ReasonCode
from shared.contracts.registry import EVENTS
from shared.crypto.sealing import SealError, open_field, seal_field
from shared.texts.words import parameters
from tests.unit.builders import case_opened, debt
from tests.unit.console.filing import (
    ASSIGNED,
    CASE,
    ERASE,
    START,
    WORDS,
    File,
    contact,
    person,
    secret,
)

HARDSHIP = HardshipReported(cause=HardshipCause.ILLNESS, since=START.date(), words=Personal(value=WORDS))


def test_what_is_personal_is_not_in_what_is_stored_and_comes_back_with_the_key() -> None:
    file = File()
    file.say(ASSIGNED, contact(), HARDSHIP)
    stored = orjson.dumps(file.entries)
    assert WORDS.encode() not in stored
    assert b"illness" not in stored, "a field that its event calls private"
    read = open_entries(file.entries, person())
    assert read[1]["data"] == contact().model_dump(mode="json")
    assert read[2]["data"] == HARDSHIP.model_dump(mode="json")
    assert verify(file.entries, file.archived.head) is None


def test_the_hash_covers_what_is_stored() -> None:
    file = File()
    entry = file.say(contact())
    changed = {**entry, "data": {**entry["data"], "key_points": {**entry["data"]["key_points"], "kid": "0"}}}
    wrong = verify([changed], file.archived.head)
    assert wrong is not None
    assert wrong.number == 1


def test_another_persons_key_opens_nothing() -> None:
    file = File()
    file.say(contact())
    assert open_entries(file.entries, person(b"x" * 32)) == file.entries
    assert set(sealed_places(file.entries[0]["data"])) == {("key_points",), ("place",)}


def test_deciding_again_gives_the_same_bytes() -> None:
    one, two = File(), File()
    assert one.say(contact()) == two.say(contact())


def test_the_same_words_are_sealed_differently_in_every_message_and_place() -> None:
    file = File()
    values = [file.say(contact())["data"]["key_points"]["value"] for _ in range(2)]
    assert len(set(values)) == 2
    key = person().for_entry("m")
    assert seal_field(key, "k", "a", b"x")["value"] != seal_field(key, "k", "b", b"x")["value"]


def test_a_field_that_is_moved_or_changed_does_not_open() -> None:
    key = person().for_entry("m")
    sealed = seal_field(key, "k", "a", b"words")
    assert open_field(key, "a", sealed) == b"words"
    with pytest.raises(SealError):
        open_field(key, "b", sealed)
    value = sealed["value"]
    flipped = {**sealed, "value": ("B" if value[0] == "A" else "A") + value[1:]}
    with pytest.raises(SealError):
        open_field(key, "a", flipped)
    with pytest.raises(SealError):
        open_field(key, "a", {**sealed, "value": None})


def test_after_an_erasure_nothing_opens_and_the_story_and_chain_are_whole() -> None:
    file = File()
    file.say(contact())
    late = START + timedelta(days=366 * 6)
    entry = file.say(ERASE, at=late)
    assert entry["erases"] == file.archived.erased != ""
    file.row = secret(b"n" * 32, b"o" * 32, file.archived.erased)  # what the store does
    assert open_entries(file.entries, person(b"n" * 32))[0] == file.entries[0]
    assert verify(file.entries, file.archived.head) is None
    assert all(line.what for line in lines_of(file.entries, CASE))


def test_what_is_erased_goes_by_the_moment_and_not_by_how_its_place_writes_it() -> None:
    """17:00 in Shanghai stood behind 10:00 in UTC, so that what was erased was shown as only sealed."""
    file, shanghai = File(), timezone(timedelta(hours=8))
    entry = file.say(contact(), at=START.astimezone(shanghai))
    after = file.say(contact(), at=(START + timedelta(hours=2)).astimezone(timezone(timedelta(hours=-8))))
    erased = utc(START + timedelta(hours=1))
    assert erased_places(entry, erased) == ["key_points", "place"]
    assert erased_places(after, erased) == []
    assert erased_places(entry, "") == []


def test_what_was_said_before_an_erasure_is_not_filed_again_by_a_rebuild() -> None:
    late = (START + timedelta(days=366 * 6)).isoformat(timespec="microseconds")
    file = File(row=secret(b"n" * 32, b"o" * 32, late))
    entry = file.say(contact())
    assert entry["data"]["key_points"] == {"alg": "erased", "kid": None, "value": None}
    again = file.say(ERASE, at=START + timedelta(days=1))
    assert again["erases"] == late, "carried out before: read again in any order, it is not refused"
    new = file.say(contact(), at=START + timedelta(days=366 * 7))
    assert open_entries([new], person(b"n" * 32))[0]["data"]["key_points"]["value"] == WORDS


def test_what_follows_an_erasure_in_the_same_batch_is_sealed_under_the_next_secret() -> None:
    file = File()
    file.say(contact())
    late = START + timedelta(days=366 * 6)
    file.say(ERASE, at=late)
    new = file.say(contact("back again"), at=late + timedelta(days=1))
    assert open_entries([new], person(b"s" * 32)) == [new]
    assert open_entries([new], person(b"n" * 32))[0]["data"]["key_points"]["value"] == "back again"


def test_every_message_that_is_filed_with_a_secret_is_known_by_its_class() -> None:
    named = {type_ for type_, event in EVENTS.items() if holds_personal(event)}
    assert named >= {
        bank.AccountOverdue.TYPE,
        desk.ContactRecorded.TYPE,
        desk.StatementSubmitted.TYPE,
        desk.HardshipReported.TYPE,
        AssessmentCompleted.TYPE,
    }
    assert needs_secret(ERASE)
    assert not needs_secret(ASSIGNED)
    assert list(personal_places(ASSIGNED)) == []


def test_why_debts_are_stopped_and_amounts_in_reasons_are_sealed() -> None:
    death = desk_parties.StopReported(stop_id="s", cause=StopCause.DEATH, since=START.date())
    told = intake.StopsChanged(
        as_of=START.date(), stops=(StopInForce(stop_id="s", cause=StopCause.DEATH, since=START.date()),)
    )
    dear = offer.InputRefused(
        cause_id="c",
        cause_type="t",
        reason=Reason(code=ReasonCode.NOT_AFFORDABLE, params={"available": "412.35 CNY"}),
    )
    granted = desk.ApprovalGranted(request_id="r", by="s-1", role="supervisor", reason="earns 7,000 a month")
    said: tuple[tuple[Event, str], ...] = (
        (death, "death"),
        (told, "death"),
        (dear, "412.35"),
        (granted, "7,000"),
    )
    for data, secret_ in said:
        file = File()
        entry = file.say(data)
        assert secret_ not in str(entry["data"]), data.TYPE
        assert secret_ in str(open_entries([entry], person())[0]["data"]), data.TYPE
        assert lines_of([entry], CASE)[0].what


AFFORDABLE = Reason(
    code=ReasonCode.AFFORDABLE_NOW, params={"payment": "400.00 CNY", "available": "412.35 CNY"}
)


def plan_told() -> Plan:
    shares = {"redefault_pct": Decimal("17.3"), "stress_margin_pct": Decimal("9.81")}
    nothing: dict[str, Any] = {"measures": (), "debts": (), "payments": (), "total_paid": ()}
    return Plan(plan_id="p-1", rank=1, reasons=(AFFORDABLE,), **nothing, **shares)


def test_why_a_plan_is_proposed_is_sealed_and_the_plan_is_not() -> None:
    agreed = offer.OfferAgreed(
        offer_id="o-1", round=1, plan=plan_told(), balances=(), agreed_on=START.date(), policy_version="v"
    )
    file = File()
    entry = file.say(agreed)
    for hidden in ("412.35", "affordable", "17.3", "9.81"):
        assert hidden not in str(entry["data"])
    assert entry["data"]["plan"]["plan_id"] == "p-1"
    assert set(sealed_places(entry["data"])) == {
        ("plan", name) for name in ("reasons", "redefault_pct", "stress_margin_pct")
    }
    assert open_entries([entry], person())[0]["data"] == agreed.model_dump(mode="json")
    assert verify(file.entries, file.archived.head) is None
    assert all(line.what for line in lines_of(file.entries, CASE))


def test_a_document_that_is_signed_as_a_whole_is_filed_as_it_stands() -> None:
    drafted = agreement.AgreementDrafted.model_construct(plan=plan_told())
    assert not holds_personal(agreement.AgreementDrafted)
    assert list(personal_places(drafted)) == []
    bare = plan_told().without_private
    assert (bare.reasons, bare.redefault_pct, bare.stress_margin_pct) == ((), None, None)


@pytest.mark.parametrize("status", list(DebtStatus))
def test_a_status_that_tells_what_protects_the_borrower_is_sealed(status: DebtStatus) -> None:
    protected = {DebtStatus.DISPUTED, DebtStatus.LITIGATION, DebtStatus.INSOLVENCY, DebtStatus.HELD}
    said = case_opened(debt(), debt("A-2", status=status))
    entry = File().say(said)
    places = [("debts", 1, "status")] if status in protected else []
    assert list(sealed_places(entry["data"])) == places
    assert needs_secret(said) == bool(places), "an ordinary message costs no key"
    assert entry["data"]["debts"][0]["status"] == "active"
    assert open_entries([entry], person())[0]["data"] == said.model_dump(mode="json")


@pytest.mark.parametrize("code", [ReasonCode.DEBT_STOPPED, ReasonCode.INSTALMENT_MISSED])
def test_a_reason_that_tells_of_a_death_is_sealed_wherever_it_stands(code: ReasonCode) -> None:
    asked = followup.RenegotiationRequested(
        agreement_id="a-1",
        as_of=START.date(),
        reasons=(Reason(code=ReasonCode.MISSED_TOO_MANY), Reason(code=code, params={"cause": "death"})),
    )
    private = code is ReasonCode.DEBT_STOPPED
    assert list(personal_places(asked)) == ([("reasons", 1)] if private else [])


def test_what_halts_a_case_and_the_rule_that_a_stop_rests_on_are_sealed() -> None:
    halt = CaseHalt(stops=("contact",), may_contact=("estate",))
    told = intake.StopsChanged(as_of=START.date(), stops=(), halt=halt)
    denied = notice.NoticeDenied(
        notice_id="n", kind=notice.NoticeKind.OFFER, category="service", channel="email",
        rule=Rule.STOP_EVENT, rules=(Rule.STOP_EVENT,), basis="stop_events.death",
    )  # fmt: skip
    recalled = bank.DebtRecalled(account_id="A-1", as_of=START.date(), reason="the borrower has died")
    for data, secret_ in ((told, "estate"), (denied, "death"), (recalled, "died")):
        file = File()
        entry = file.say(data)
        assert secret_ not in str(entry["data"]), data.TYPE
        assert secret_ in str(open_entries([entry], person())[0]["data"]), data.TYPE
        assert lines_of([entry], CASE)[0].what


def test_what_was_filed_before_a_field_was_private_stays_readable() -> None:
    """An older archive filed it in the clear: nothing opens it, and it is shown as it is."""
    plain = case_opened(debt("A-2", status=DebtStatus.INSOLVENCY)).model_dump(mode="json")
    file = File()
    entry = {**file.say(ASSIGNED), "type": intake.CaseOpened.TYPE, "data": plain}
    assert open_entries([entry], person()) == [entry]
    assert open_entries([entry], None) == [entry]
    assert lines_of([entry], CASE)[0].what


TELLING = {
    *("available", "guideline", "category", "figure", "value", "computed", "change", "item"),
    *("cause", "wished", "needed", "probability"),
}
"""Parameters of reasons that tell of household, income, hardship or protection."""


def test_every_reason_with_a_telling_parameter_is_private() -> None:
    open_ = {code for code in ReasonCode if code not in PRIVATE_REASONS and parameters(code) & TELLING}
    assert open_ == set()


def test_private_names_are_fields() -> None:
    for event in EVENTS.values():
        assert set(event.PRIVATE) <= set(event.model_fields), event.TYPE
    for part in (Plan, DebtSnapshot):
        assert set(part.PRIVATE) <= set(part.model_fields)


def test_where_somebody_was_met_and_why_a_case_was_given_to_somebody_are_sealed() -> None:
    """What staff type about a person: a visit's address, a reason that tells of the family."""
    file = File()
    visit = contact().model_copy(update={"place": "Lane 7, Gate 2"})
    named = OwnerNamed(owner="n-1", by="s-1", reason="knows the family")
    file.say(ASSIGNED, visit, named)
    stored = orjson.dumps(file.entries)
    assert b"Lane 7" not in stored
    assert b"the family" not in stored
    read = open_entries(file.entries, person())
    assert read[1]["data"] == visit.model_dump(mode="json")
    assert read[2]["data"] == named.model_dump(mode="json")
    assert all(lines_of([entry], CASE)[0].what for entry in (*file.entries, *read)), "told sealed and open"


def test_every_free_text_of_the_desk_is_personal_or_says_that_nothing_personal_belongs_there() -> None:
    """So many letters are a text; shorter ones, and those named a reference or a code, are none."""
    plain = set()
    for event in EVENTS.values():
        for name, field in event.model_fields.items() if event.PRODUCER == "desk" else ():
            longest = max((getattr(rule, "max_length", None) or 0 for rule in field.metadata), default=0)
            said = field.description or ""
            is_text = field.annotation is str and name not in event.PRIVATE and longest >= 100
            if is_text and not any(word in said for word in ("never personal data", "reference")):
                plain.add((event.TYPE, name))
    # A session of a group is held at a place of the lender's.
    assert plain == {("parley.desk.support.session.held.v1", "place")}


@given(words=st.text(max_size=200), name=st.text(min_size=1, max_size=40))
def test_whatever_was_said_comes_back(words: str, name: str) -> None:
    key = person()
    data: dict[str, Any] = filed(contact(words), name, lambda: key)
    assert len(words) < 8 or words not in str(data["place"])  # fewer letters may be in the seal by chance
    back = opened({"data": data}, lambda kid: key.for_entry(name) if kid == key.kid else None)
    assert back["data"] == contact(words).model_dump(mode="json")
