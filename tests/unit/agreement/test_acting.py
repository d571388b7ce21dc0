"""Somebody signs for the borrower: by which authority that counts, and what paper, chain and check say."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from typer.testing import CliRunner

from services.agreement.decide import AgreementDecider
from services.agreement.model import AgreementStatus, Signature
from services.agreement.paper.check import SignedFor, check_pdf
from services.agreement.paper.filed import agreements_of
from services.agreement.paper.layout import Agreement, page_of
from services.agreement.paper.pdf import make_pdf, signatures_of
from services.agreement.paper.signed import unlike_on_file
from services.cli.main import app
from services.intake.decide import IntakeDecider
from shared.contracts.agreement import (
    AgreementDrafted,
    AgreementEnded,
    AgreementReturned,
    AgreementSigned,
    InputRefused,
    PartySigned,
)
from shared.contracts.debts import DebtStatus
from shared.contracts.desk import SignatureParty, WithdrawalDeclared
from shared.contracts.desk_contact import AuthorityEnded, AuthorityRecorded
from shared.contracts.envelope import Envelope
from shared.contracts.ids import case_id
from shared.contracts.intake import CaseOpened
from shared.contracts.intake_team import EarlierReachHeard
from shared.contracts.parties import DebtObligor, ObligorRole, party_id_of
from shared.contracts.reach import EarlierAuthority, EarlierReach
from shared.contracts.reasons import ReasonCode
from shared.texts import story
from tests.unit.agreement.test_decide import (
    DAY_1,
    DAY_2,
    DEBTS,
    after,
    agreed,
    changed,
    drafted,
    in_force,
    signature,
)
from tests.unit.agreement.test_paper import KEY, PUBLIC, entries, paper, read, squeezed
from tests.unit.agreement.test_paper_reads import in_older
from tests.unit.builders import CASE, case_opened, message, reference
from tests.unit.intake import bank_says
from tests.unit.intake.bank_says import day
from tests.unit.spec import Given, given

BORROWER, LENDER = SignatureParty.BORROWER, SignatureParty.LENDER


def authority(**other: Any) -> AuthorityRecorded:
    return AuthorityRecorded(
        **{
            "authority_id": "rep-1",
            "party": "guardian",
            "purposes": ("service",),
            "until": after(30),
            "verified_by": "s-1",
            "evidence": "court-order-7",
            "signs": True,
            **other,
        }
    )


def earlier(**other: Any) -> EarlierAuthority:
    said = authority(**other).model_dump(exclude={"verified_by", "evidence"})
    return EarlierAuthority(**said, verified=True, since=message(authority(), after(-9)).time)


def word(on: date = DAY_2, hour: int = 10, *, of: Given | None = None, by: str | None = "rep-1",
         party: SignatureParty = BORROWER) -> Envelope[Any]:  # fmt: skip
    draft = (of or drafted()).last(AgreementDrafted)
    return message(signature(draft, party, by=by), on, hour=hour)


def with_authority(step: Given, on: date = DAY_1, hour: int = 12, **other: Any) -> Given:
    return step.when(message(authority(**other), on, hour=hour))


def ended(on: date, hour: int) -> Envelope[Any]:
    return message(AuthorityEnded(authority_id="rep-1"), on, hour=hour)


def why(step: Given) -> tuple[ReasonCode, str]:
    reason = step.last(InputRefused).reason
    assert (reason.params["field"], reason.params["by"]) == ("by", "rep-1")
    return reason.code, reason.params["rule"]


def by_a_guardian(**other: Any) -> tuple[Given, ...]:
    """The steps from the draft to the agreement in force."""
    start = drafted()
    signed = with_authority(start, **other).when(word())
    both = signed.when(word(party=LENDER, by=None))
    return start, signed, both, both.closes(after(2))


def filed(*steps: Given) -> Agreement:
    (found,) = agreements_of(entries(*(event for step in steps for event in step.said)), CASE, "C-1")
    return found


# -- whose signature counts


def test_in_person_nothing_is_said_of_anybody_else() -> None:
    step = with_authority(drafted(), party="lawyer").when(word(by=None))
    noted = step.last(PartySigned)
    assert (noted.by, noted.acts_as) == (None, None)
    assert step.state.draft.signatures == (Signature(party=BORROWER, on=after(2)),)


def test_a_verified_guardian_signs_and_it_takes_effect() -> None:
    _, signed, _, live = by_a_guardian()
    noted = signed.last(PartySigned)
    assert (noted.party, noted.by, noted.acts_as) == (BORROWER, "rep-1", "guardian")
    assert live.last(AgreementSigned).effective == after(2)


@pytest.mark.parametrize(
    ("other", "code", "rule"),
    [
        ({"verified_by": None}, ReasonCode.SIGNS_UNVERIFIED, "authority.verified_by"),
        ({"signs": False}, ReasonCode.SIGNS_OUT_OF_SCOPE, "authority.signs"),
        ({"debts": ("A-1",)}, ReasonCode.SIGNS_OUT_OF_SCOPE, "authority.debts"),
        ({"party": "debt_adviser"}, ReasonCode.SIGNS_OUT_OF_SCOPE, "document.signs_for"),
        ({"until": after(1)}, ReasonCode.SIGNS_AFTER_EXPIRY, "authority.until"),
        ({"authority_id": "rep-2"}, ReasonCode.SIGNS_WITHOUT_AUTHORITY, "authority"),
    ],
)
def test_any_other_authority_is_refused_by_field_and_rule(
    other: dict[str, Any], code: ReasonCode, rule: str
) -> None:
    step = with_authority(drafted(), **other)
    refused = step.when(word())
    assert refused.emits(InputRefused)
    assert why(refused) == (code, rule)
    assert refused.state == step.state, "the draft is still there to be signed"
    right = with_authority(refused, after(3)).when(word(after(3), 13))
    assert right.emits(PartySigned)


@pytest.mark.parametrize("other", [{"until": after(2)}, {"debts": ("A-1", "A-2")}, {"party": "lawyer"}])
def test_on_its_last_day_and_for_every_debt_of_the_plan_it_counts(other: dict[str, Any]) -> None:
    assert with_authority(drafted(), **other).when(word()).emits(PartySigned)


def test_which_party_may_sign_is_the_packs_to_say() -> None:
    step = drafted(document__signs_for=["debt_adviser"])
    assert why(with_authority(step).when(word(of=step)))[1] == "document.signs_for"
    assert with_authority(step, party="debt_adviser").when(word(of=step)).emits(PartySigned)


def test_nobody_signs_for_the_lender_by_the_borrowers_authority() -> None:
    refused = with_authority(drafted()).when(word(party=LENDER))
    assert why(refused) == (ReasonCode.SIGNS_OUT_OF_SCOPE, "signature.party")


def test_what_is_told_of_after_the_signature_makes_it_no_better() -> None:
    refused = drafted().when(word())
    assert why(refused)[0] is ReasonCode.SIGNS_WITHOUT_AUTHORITY
    dated_later = with_authority(drafted(), after(2), 11).when(word(hour=10))
    assert why(dated_later)[0] is ReasonCode.SIGNS_WITHOUT_AUTHORITY


def test_withdrawn_the_same_day_it_counts_for_what_was_signed_before_and_for_nothing_after() -> None:
    start = with_authority(drafted())
    assert why(start.when(ended(after(2), 9), word()))[0] is ReasonCode.SIGNS_WITHOUT_AUTHORITY
    signed = start.when(word(), ended(after(2), 11), word(party=LENDER, by=None)).closes(after(2))
    assert signed.last(AgreementSigned).effective == after(2)


def test_an_end_that_is_read_late_and_was_before_the_signature_sends_the_draft_back() -> None:
    both = with_authority(drafted()).when(word(), word(party=LENDER, by=None), ended(after(2), 9))
    back = both.closes(after(2))
    assert back.emits(AgreementReturned)
    assert back.last(AgreementReturned).reason.code is ReasonCode.SIGNS_WITHOUT_AUTHORITY


def test_recorded_again_with_less_it_holds_with_less_from_then_on() -> None:
    step = with_authority(with_authority(drafted()), after(2), 9, signs=False)
    assert why(step.when(word()))[1] == "authority.signs"
    before = with_authority(drafted()).when(word(), message(authority(signs=False), after(2), hour=11))
    assert before.when(word(party=LENDER, by=None)).closes(after(2)).last(AgreementSigned)


def test_the_same_word_again_changes_nothing() -> None:
    _, signed, _, live = by_a_guardian()
    again = signed.when(word())
    assert again.last(InputRefused).reason.code is ReasonCode.ALREADY_SIGNED
    assert again.state == signed.state
    assert live.when(word()).last(InputRefused).reason.code is ReasonCode.ALREADY_SIGNED


def test_an_authority_that_comes_before_its_case_waits_for_it() -> None:
    start = given(AgreementDecider(), reference()).when(message(authority()))
    assert start.waiting
    opened = start.when(message(case_opened(*DEBTS), sequence=1)).when(message(agreed(), after(1)))
    assert opened.when(word(of=opened)).emits(PartySigned)


def test_where_who_signed_for_them_could_not_the_borrower_still_signs() -> None:
    start = drafted()
    theirs = with_authority(start).when(word())
    signed = theirs.when(ended(after(2), 9)).when(word(after(3), by=None))
    assert signed.emits(PartySigned)
    assert signed.state.draft.signatures == (Signature(party=BORROWER, on=after(3)),)
    both = signed.when(word(after(3), party=LENDER, by=None))
    live = both.closes(after(3))
    assert live.last(AgreementSigned).effective == after(3)
    known = filed(start, theirs, signed, both, live)
    assert [(one.party, one.by) for one in known.signed] == [(BORROWER, None), (LENDER, None)]
    assert check_pdf(make_pdf(known, "zh", KEY), PUBLIC).signed_for is None


def test_for_whom_a_guardian_signs_does_not_sign_alone() -> None:
    step = with_authority(drafted())
    refused = step.when(word(by=None))
    assert why(refused) == (ReasonCode.SIGNS_THROUGH_ANOTHER, "document.signs_instead")
    assert refused.state == step.state
    assert refused.when(word()).emits(PartySigned)
    assert step.when(word(party=LENDER, by=None)).emits(PartySigned)


@pytest.mark.parametrize(
    "other",
    [
        {"party": "representative"},
        {"signs": False},
        {"verified_by": None},
        {"until": after(1)},
        {"debts": ("A-1",)},
    ],
)
def test_who_may_not_sign_for_the_borrower_keeps_them_from_nothing(other: dict[str, Any]) -> None:
    assert with_authority(drafted(), **other).when(word(by=None)).emits(PartySigned)


def test_once_the_guardian_is_gone_the_borrower_signs_and_which_parties_is_the_packs_to_say() -> None:
    assert with_authority(drafted()).when(ended(after(2), 9), word(by=None)).emits(PartySigned)
    step = drafted(document__signs_instead=[])
    assert with_authority(step).when(word(of=step, by=None)).emits(PartySigned)
    told = drafted().when(heard(after(2), given_=True), word(by=None))
    assert told.emits(PartySigned), "what intake tells on the same day has no order"
    assert why(drafted().when(heard(after(1), given_=True), word(by=None)))[0] is (
        ReasonCode.SIGNS_THROUGH_ANOTHER
    )


def test_nobody_signs_again_while_the_first_signature_counts_as_far_as_is_known() -> None:
    both = with_authority(with_authority(drafted(), party="lawyer"), authority_id="rep-2", party="lawyer")
    start = both.when(word())
    for again in (word(by="rep-2", hour=13), word(by=None, hour=13)):
        assert start.when(again).last(InputRefused).reason.code is ReasonCode.ALREADY_SIGNED
        told = start.when(heard(after(2), gone=True), again)
        assert told.last(InputRefused).reason.code is ReasonCode.ALREADY_SIGNED


@pytest.mark.parametrize("late", [False, True])
def test_an_end_before_the_authority_was_recorded_again_ends_it_not_by_whichever_order(late: bool) -> None:
    again, gone = message(authority(), after(2), hour=9), ended(after(2), 8)
    order = (again, gone) if late else (gone, again)
    step = with_authority(drafted()).when(*order)
    assert why(step.when(word(hour=8)))[0] is ReasonCode.SIGNS_WITHOUT_AUTHORITY
    both = step.when(word(), word(party=LENDER, by=None))
    assert both.closes(after(2)).last(AgreementSigned).effective == after(2)


@pytest.mark.parametrize("late", [False, True])
def test_the_newer_word_about_an_authority_holds_whichever_is_read_last(late: bool) -> None:
    more, less = message(authority(), after(1), hour=12), message(authority(signs=False), after(2), hour=9)
    step = drafted().when(*((less, more) if late else (more, less)))
    assert why(step.when(word()))[1] == "authority.signs"
    assert step.when(word(hour=8)).emits(PartySigned)


@pytest.mark.parametrize("verified_by", ["rep-1", " "])
def test_nobody_verifies_their_own_authority(verified_by: str) -> None:
    step = with_authority(drafted(), verified_by=verified_by)
    assert why(step.when(word()))[0] is ReasonCode.SIGNS_UNVERIFIED


def test_who_owes_the_debt_too_does_not_sign_for_the_borrower() -> None:
    """By the id that the case has of a co-borrower, whatever they are called in the authority."""
    party = party_id_of("C-2")
    theirs = DebtObligor(party_id=party, role=ObligorRole.CO_BORROWER)
    debts = tuple(one.model_copy(update={"obligors": (theirs,)}) for one in DEBTS)
    opened = given(AgreementDecider(), reference()).when(message(case_opened(*debts), sequence=1))
    draft = opened.when(message(agreed(debts=debts), after(1)))
    step = with_authority(draft, authority_id=party, party="lawyer")
    refused = step.when(word(of=draft, by=party)).last(InputRefused).reason
    assert (refused.code, refused.params["rule"]) == (ReasonCode.SIGNS_OUT_OF_SCOPE, "document.signs_for")


def test_an_amendment_takes_the_place_of_what_is_still_owed_by_the_agreement_before() -> None:
    """Who acts for one debt does not end, by an amendment about that one, what was agreed about another."""
    live = in_force()
    held = (DEBTS[0], DEBTS[1].model_copy(update={"status": DebtStatus.HELD}))
    step = live.when(message(changed(*held), after(5), sequence=5))
    draft = step.when(message(agreed(debts=DEBTS[:1], day=after(6)), after(6)))
    signs = word(after(7), of=draft)
    one = with_authority(draft, after(6), 12, debts=("A-1",))
    assert why(one.when(signs)) == (ReasonCode.SIGNS_OUT_OF_SCOPE, "authority.debts")
    assert with_authority(one, after(6), 13, debts=("A-1", "A-2")).when(signs).emits(PartySigned)


# -- what stops


def test_where_a_stop_allows_no_contract_a_guardian_makes_none() -> None:
    """Lost capacity, a minor: intake holds the debts, the draft goes back, and no authority changes that."""
    step = with_authority(drafted())
    held = tuple(one.model_copy(update={"status": DebtStatus.HELD}) for one in DEBTS)
    gone = step.when(message(changed(*held), after(2), sequence=5))
    assert gone.last(AgreementReturned).reason.code is ReasonCode.DEBT_LEFT_PLAN
    late = gone.when(word(after(3)))
    assert late.emits(InputRefused)
    assert late.last(InputRefused).reason.code is ReasonCode.DEBT_LEFT_PLAN


# -- what is said about an earlier case


def heard(on: date, hour: int = 9, *, given_: bool = False, gone: bool = False) -> Envelope[Any]:
    reach = EarlierReach(authorities=(earlier(),) if given_ else ())
    return message(EarlierReachHeard(reach=reach, ended=("rep-1",) if gone else ()), on, hour=hour)


def test_an_authority_of_an_earlier_case_holds_in_this_one() -> None:
    opening = case_opened(*DEBTS).model_copy(update={"reach": EarlierReach(authorities=(earlier(),))})
    opened = given(AgreementDecider(), reference()).when(message(opening, sequence=1))
    step = opened.when(message(agreed(), after(1)))
    assert step.when(word(of=step)).emits(PartySigned)


def test_told_by_intake_it_counts_from_the_next_day_whichever_is_read_first() -> None:
    first, second = heard(after(2), given_=True), word()
    for order in ((first, second), (second, first)):
        assert why(drafted().when(*order))[0] is ReasonCode.SIGNS_WITHOUT_AUTHORITY
    assert drafted().when(heard(after(2), given_=True), word(after(3))).emits(PartySigned)


@pytest.mark.parametrize(("hour", "counts"), [(9, False), (11, True)])
def test_an_end_told_by_intake_is_looked_at_when_the_day_is_closed(hour: int, counts: bool) -> None:
    lender, gone = word(party=LENDER, by=None), heard(after(2), hour, gone=True)
    ends = [
        with_authority(drafted()).when(*order).closes(after(2))
        for order in ((gone, word(), lender), (word(), gone, lender), (word(), lender, gone))
    ]
    assert {one.state.status for one in ends} == {
        AgreementStatus.IN_FORCE if counts else AgreementStatus.OPEN
    }
    assert all(one.said == ends[0].said for one in ends)
    next_day = with_authority(drafted()).when(heard(after(1), 13, gone=True), word())
    assert why(next_day)[0] is ReasonCode.SIGNS_WITHOUT_AUTHORITY


# -- what is said of it


@pytest.mark.parametrize(
    ("lang", "party", "said"),
    [
        ("zh", "guardian", "监护人 rep-1，代借款人签署"),
        ("en", "guardian", "Guardian rep-1, acting for the borrower"),
        ("zh", "lawyer", "代理人 rep-1，代借款人签署"),
        ("en", "lawyer", "Representative rep-1, acting for the borrower"),
    ],
)
def test_the_paper_says_who_signed_for_the_borrower(lang: str, party: str, said: str) -> None:
    document = filed(*by_a_guardian(party=party))
    assert squeezed(said) in read(make_pdf(document, lang, KEY))
    assert squeezed("acting for") not in read(paper(lang))
    assert "代借款人" not in read(paper(lang))
    alone = page_of(document, lang)["sections"][-1]["tables"][0]["rows"][0]
    assert alone[0] == said


def test_the_borrowers_name_stands_beside_it_where_it_is_known() -> None:
    named = replace(filed(*by_a_guardian()), borrower_name="Wang Xiaoming")
    rows = page_of(named, "en")["sections"][-1]["tables"][0]["rows"]
    assert rows[0][0] == "Guardian rep-1, acting for the borrower Wang Xiaoming"


def test_who_checks_the_paper_reads_who_signed_and_an_older_paper_names_nobody() -> None:
    document = filed(*by_a_guardian())
    report = check_pdf(make_pdf(document, "zh", KEY), PUBLIC)
    assert (report.wrong, report.signed) == ((), True)
    assert report.signed_for == SignedFor("guardian", "rep-1")
    assert check_pdf(paper("zh"), PUBLIC).signed_for is None
    assert "by" not in check_pdf(paper("zh"), PUBLIC).signatures["borrower"]


def test_the_command_says_who_signed_for_the_borrower(tmp_path: Path) -> None:
    run, key, file = CliRunner(), tmp_path / "lender.key", tmp_path / "a.pdf"
    assert run.invoke(app, ["keys", "new", str(key)]).exit_code == 0
    private = serialization.load_pem_private_key(key.read_bytes(), None)
    assert isinstance(private, Ed25519PrivateKey)
    file.write_bytes(make_pdf(filed(*by_a_guardian()), "en", private))
    command = ["verify", str(file), "--key", str(tmp_path / "lender.pub")]
    said = run.invoke(app, command)
    assert said.exit_code == 0, said.output
    assert "Signed for the borrower: guardian, by authority rep-1." in said.output
    as_json = json.loads(run.invoke(app, [*command, "--json"]).stdout)
    assert as_json["signed_for"] == {"acts_as": "guardian", "by": "rep-1"}


def test_what_stands_in_a_paper_commands_no_terminal(tmp_path: Path) -> None:
    by = "rep\x1b[2J"
    start = drafted()
    signed = with_authority(start, authority_id=by).when(word(by=by))
    file, key = tmp_path / "a.pdf", tmp_path / "lender.pub"
    file.write_bytes(make_pdf(filed(start, signed), "en", KEY))
    pem = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    key.write_bytes(KEY.public_key().public_bytes(*pem))
    said = CliRunner().invoke(app, ["verify", str(file), "--key", str(key)])
    assert "by authority rep\N{REPLACEMENT CHARACTER}[2J." in said.output
    assert "\x1b" not in said.output


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_story_says_by_whose_authority_and_what_it_is_for(lang: str) -> None:
    said = [
        story(type(one).TYPE, lang, one)
        for one in (
            authority(),
            authority(signs=False, verified_by=None),
            word(by="rep-1").data,
            word(by=None).data,
            WithdrawalDeclared(agreement_id="A", channel="app", evidence="m-1", by="rep-1"),
        )
    ]
    signs, checked = {
        "en": ("may sign agreements", "verified by s-1"),
        "zh": ("可代为签署协议", "由s-1核实"),
    }[lang]
    guardian = {"en": "guardian", "zh": "监护人"}[lang]
    assert signs in said[0]
    assert checked in said[0]
    assert guardian in said[0]
    assert signs not in said[1]
    assert "…" not in said[1]
    assert ["rep-1" in one for one in said[2:]] == [True, False, True]


# -- who withdraws for the borrower


def withdrawn(agreement_id: str, on: date, by: str | None, hour: int = 10) -> Envelope[Any]:
    said = WithdrawalDeclared(agreement_id=agreement_id, channel="app", evidence="m-1", by=by)
    return message(said, on, hour=hour)


def test_who_may_sign_for_the_borrower_may_withdraw_for_them_and_nobody_else_does() -> None:
    live = in_force(agreement__cooling_off_days=14)
    id_ = live.last(AgreementSigned).agreement_id
    assert live.when(withdrawn(id_, after(5), None)).last(AgreementEnded)
    refused = live.when(withdrawn(id_, after(5), "rep-1"))
    assert why(refused) == (ReasonCode.SIGNS_WITHOUT_AUTHORITY, "authority")
    assert refused.state == live.state
    adviser = with_authority(live, after(4), signs=False)
    assert why(adviser.when(withdrawn(id_, after(5), "rep-1")))[1] == "authority.signs"
    part = with_authority(live, after(4), debts=("A-1",))
    assert why(part.when(withdrawn(id_, after(5), "rep-1")))[1] == "authority.debts"
    ended_ = with_authority(live, after(4)).when(withdrawn(id_, after(5), "rep-1")).last(AgreementEnded)
    assert ended_.reason.code is ReasonCode.WITHDRAWN_IN_TIME


def test_a_draft_is_not_refused_for_the_borrower_without_authority() -> None:
    step = drafted()
    id_ = step.last(AgreementDrafted).agreement_id
    refused = step.when(withdrawn(id_, after(2), "rep-1"))
    assert why(refused)[0] is ReasonCode.SIGNS_WITHOUT_AUTHORITY
    assert refused.state == step.state
    assert with_authority(step).when(withdrawn(id_, after(2), "rep-1")).last(AgreementReturned)


@pytest.mark.parametrize("other", [{"by": None, "acts_as": None}, {"by": "rep-2"}, {"acts_as": "lawyer"}])
def test_a_paper_that_names_another_signer_than_the_chain_is_told(other: dict[str, Any]) -> None:
    document = filed(*by_a_guardian())
    forged = replace(
        document,
        signed=tuple(
            one.model_copy(update=other) if one.party is BORROWER else one for one in document.signed
        ),
    )
    made = signatures_of(forged, "zh", b"", None)
    assert unlike_on_file(made, document) == ["borrower"]
    assert unlike_on_file(signatures_of(document, "zh", b"", None), document) == []


def test_a_draft_of_an_older_edition_says_it_in_the_newest_words() -> None:
    older = in_older(filed(*by_a_guardian()), "10")
    rows = page_of(older, "en")["sections"][-1]["tables"][0]["rows"]
    assert rows[0][0] == "Guardian rep-1, acting for the borrower"


@pytest.mark.parametrize("signs", [True, False])
def test_intake_hands_over_who_may_sign_and_who_may_only_be_spoken_to(signs: bool) -> None:
    said = message(authority(until=day(400), signs=signs), day(1), case=case_id("C-1", 1))
    steps = given(IntakeDecider(), reference()).when(bank_says.overdue(n=0), said).when(bank_says.cured(2))
    opening = steps.when(bank_says.overdue(n=100)).last(CaseOpened)
    opened = given(AgreementDecider(), reference()).when(message(opening, day(100), sequence=1))
    (acting,) = opened.state.acting
    assert (acting.authority_id, acting.verified, acting.signs) == ("rep-1", True, signs)
