"""What a signature needs to count, what withdrawal brings back, what the bank hears, what is watched."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.agreement.decide import AgreementDecider
from services.agreement.document import canonical_content, content_hash
from services.agreement.keys import key_id_of, raw_public, sign_with
from services.agreement.model import AgreementStatus
from shared.contracts import desk, followup
from shared.contracts.agreement import (
    AgreementCompleted,
    AgreementDrafted,
    AgreementEnded,
    AgreementReturned,
    AgreementSigned,
    BankInstructed,
    CollectionOrder,
    InputRefused,
    InstructionKind,
    PartySigned,
    Period,
    PeriodPassed,
    SettlementKind,
    SettlementLetterIssued,
)
from shared.contracts.desk import SignatureParty
from shared.contracts.offer import OfferAgreed
from shared.contracts.plan_terms import total_of
from shared.contracts.reasons import ReasonCode
from shared.crypto.canonical import exact
from shared.lending.calendar import add_months
from shared.policy.testing import example_pack
from tests.unit.agreement.test_came_back import comes_back
from tests.unit.agreement.test_decide import (
    BOTH,
    DEBTS,
    LESS,
    after,
    agreed,
    broken,
    changed,
    completed,
    drafted,
    in_force,
    refused,
    signature,
    signed_by,
)
from tests.unit.builders import CASE, balances, case_opened, cny, debt, message, reference
from tests.unit.spec import Given, given

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
BORROWER, LENDER = SignatureParty.BORROWER, SignatureParty.LENDER


# -- acceptance -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("overrides", "other", "code"),
    [
        ({"document__signature_checks": ["identity", "capacity"]}, {}, ReasonCode.CHECK_MISSING),
        ({"document__signature_checks": ["identity", "capacity"]}, {"checked": ("identity",)},
         ReasonCode.CHECK_MISSING),
        ({"document__signature_checks": ["identity"]}, {"checked": ("identity",)}, None),
        ({"document__oral_allowed": True}, {"channel": "phone"}, ReasonCode.RECORDING_MISSING),
        ({"document__oral_allowed": True}, {"channel": "phone", "evidence": "recording:"},
         ReasonCode.RECORDING_MISSING),
        ({"document__oral_allowed": True}, {"channel": "phone", "evidence": "recording:r-77"}, None),
        ({"document__oral_allowed": True}, {"channel": "phone", "evidence": "recording: "},
         ReasonCode.RECORDING_MISSING),
        ({"document__oral_allowed": True}, {"channel": "Phone "}, ReasonCode.RECORDING_MISSING),
        ({}, {"evidence": ""}, ReasonCode.EVIDENCE_MISSING),
        ({}, {"evidence": " "}, ReasonCode.EVIDENCE_MISSING),
        ({"document__oral_channels": []}, {"channel": "phone"}, None),
        ({"document__oral_allowed": False}, {"channel": "phone", "evidence": "recording:r-77"},
         ReasonCode.ORAL_NOT_ALLOWED),
    ],
)  # fmt: skip
def test_the_borrowers_acceptance_counts_when_it_was_checked_and_recorded(
    overrides: dict[str, Any], other: dict[str, Any], code: ReasonCode | None
) -> None:
    step = drafted(**overrides)
    given_ = signature(step.last(AgreementDrafted), BORROWER, **other)
    signed = step.when(message(given_, after(2)))
    if code is None:
        noted = signed.last(PartySigned)
        assert (noted.channel, noted.evidence, noted.checked) == (
            given_.channel,
            given_.evidence,
            given_.checked,
        )
        assert noted.at is not None
        assert noted.at.date() == after(2)
    else:
        assert refused(signed) is code
        assert signed.state == step.state


def test_what_is_missing_is_named() -> None:
    step = drafted(document__signature_checks=["identity", "capacity"])
    signed = step.when(message(signature(step.last(AgreementDrafted), BORROWER), after(2)))
    assert signed.last(InputRefused).reason.params == {"check": "identity, capacity"}


@pytest.mark.parametrize("how", ["right", "none", "another key", "another content"])
def test_with_configured_keys_the_lender_signs_the_canonical_content(how: str) -> None:
    keys = (raw_public(OTHER), raw_public(KEY)) if how == "right" else (raw_public(KEY),)
    start = given(AgreementDecider(), replace(reference(), lender_keys=keys))
    step = start.when(message(case_opened(*DEBTS), sequence=1)).when(message(agreed(), after(1)))
    draft = step.last(AgreementDrafted)
    content = canonical_content(draft, CASE)
    made = {
        "right": sign_with(KEY, content),
        "none": None,
        "another key": sign_with(OTHER, content),
        "another content": sign_with(KEY, content + b" "),
    }[how]
    said = signature(draft, LENDER, key_id=key_id_of(raw_public(KEY)), signature=made)
    after_it = step.when(message(said, after(2)))
    if how == "right":
        noted = after_it.last(PartySigned)
        assert (noted.signature, noted.key_id) == (made, key_id_of(raw_public(KEY)))
    else:
        assert refused(after_it) is ReasonCode.SIGNATURE_INVALID
        assert after_it.state == step.state


def test_without_configured_keys_an_unchecked_signature_is_not_passed_on() -> None:
    step = drafted()
    said = signature(step.last(AgreementDrafted), LENDER, key_id="k", signature="0" * 128)
    assert step.when(message(said, after(2))).last(PartySigned).signature is None


def test_canonical_json_has_no_float() -> None:
    assert exact({"b": 1, "a": ["违约金", None]}) == '{"a":["违约金",null],"b":1}'.encode()
    with pytest.raises(TypeError):
        exact({"a": [{"b": 1.0}]})


def test_a_draft_of_an_older_version_keeps_its_hash() -> None:
    draft = drafted().last(AgreementDrafted).model_copy(update={"terms": None})
    assert b'"terms"' not in canonical_content(draft, CASE)
    assert content_hash(draft, CASE) != drafted().last(AgreementDrafted).content_hash


def test_other_words_of_the_policy_make_another_content() -> None:
    plain = drafted().last(AgreementDrafted)
    other = drafted(document__lender_name_en="Another bank").last(AgreementDrafted)
    assert plain.plan == other.plan
    assert plain.content_hash != other.content_hash


# -- withdrawal -------------------------------------------------------------------------------------------


def withdrawal(agreement_id: str) -> desk.WithdrawalDeclared:
    return desk.WithdrawalDeclared(agreement_id=agreement_id, channel="app", evidence="letter-1")


@pytest.mark.parametrize(("days", "day", "in_time"), [(14, 16, True), (14, 17, False), (0, 2, False)])
def test_withdrawal_in_time_brings_the_earlier_terms_back(days: int, day: int, in_time: bool) -> None:
    step = in_force(agreement__cooling_off_days=days)
    signed = step.last(AgreementSigned)
    gone = step.when(message(withdrawal(signed.agreement_id), after(day)))
    if not in_time:
        assert refused(gone) is ReasonCode.WITHDRAWAL_TOO_LATE
        assert gone.state == step.state
        return
    assert gone.emits(AgreementEnded, BankInstructed)
    ended, told = gone.last(AgreementEnded), gone.last(BankInstructed)
    assert (ended.reason.code, ended.restored) == (ReasonCode.WITHDRAWN_IN_TIME, signed.waived)
    assert (told.kind, told.restored) == (InstructionKind.RESTORE_TERMS, signed.waived)
    assert told.collection is CollectionOrder.RESUME
    assert gone.state.status is AgreementStatus.ENDED
    again = gone.when(message(withdrawal(signed.agreement_id), after(day)))
    assert refused(again) is ReasonCode.WITHDRAWN_IN_TIME


def test_a_waiver_that_the_withdrawal_brings_back_is_named() -> None:
    rank = next(r for r in range(1, 6) if any(total_of(d.waived).is_positive for d in agreed(r).plan.debts))
    live = signed_by(drafted(rank, agreement__cooling_off_days=14), *BOTH).closes(after(2))
    signed = live.last(AgreementSigned)
    gone = live.when(message(withdrawal(signed.agreement_id), after(3)))
    assert gone.last(BankInstructed).restored == signed.waived != ()


def test_a_draft_signed_by_both_is_withdrawn_before_it_binds() -> None:
    step = signed_by(drafted(), *BOTH)
    gone = step.when(message(withdrawal(drafted().last(AgreementDrafted).agreement_id), after(2)))
    assert gone.emits(AgreementReturned)
    assert gone.closes(after(2)).emits()


def test_a_withdrawal_from_what_is_not_there_waits_and_is_refused() -> None:
    step = in_force(agreement__cooling_off_days=14)
    nobody = given(AgreementDecider(), reference()).when(message(withdrawal("a"), after(1)))
    assert refused(nobody.closes(after(1))) is ReasonCode.NO_CASE
    unknown = step.when(message(withdrawal("a"), after(3)))
    assert unknown.emits()
    assert refused(unknown.closes(after(3))) is ReasonCode.AGREEMENT_UNKNOWN


# -- the bank ---------------------------------------------------------------------------------------------


def test_an_amendment_is_one_instruction_that_names_what_it_supersedes() -> None:
    step = in_force()
    old = step.last(AgreementSigned)
    step = step.when(message(changed(*LESS), after(2), sequence=2))
    second = agreed(2, debts=LESS).model_copy(update={"intake_sequence": 2})
    step = step.when(message(second, after(2)))
    new = signed_by(step, *BOTH, day=after(3)).closes(after(3))
    signed, told = new.last(AgreementSigned), new.last(BankInstructed)
    assert signed.supersedes == told.supersedes == old.agreement_id
    assert (told.kind, told.version) == (InstructionKind.APPLY_PLAN, 2)


def test_a_bank_that_never_answers_does_not_let_the_document_grow() -> None:
    step, sizes = in_force(), []
    day = after(3)
    for version in range(2, 17):
        debts = (debt(outstanding=DEBTS[0].outstanding.model_copy(
            update={"interest": cny(f"{400 - version}.00")})), DEBTS[1])  # fmt: skip
        step = step.when(message(changed(*debts), day, sequence=version))
        offer = agreed(1, debts=debts).model_copy(
            update={"intake_sequence": version, "offer_id": f"o-{version}"}
        )
        step = step.when(message(offer, day))
        step = signed_by(step, *BOTH, day=day).closes(day)
        assert step.last(AgreementSigned).version == version
        sizes.append(len(step.state.instructions))
    assert max(sizes) == sizes[-1] == 12
    assert step.state.instructions[-1].instruction_id == step.last(BankInstructed).instruction_id


def test_completion_issues_the_letter_and_says_of_each_debt_what_is_true_of_it() -> None:
    """A debt beside the agreement made debts that were paid in full "settled in part"."""
    step = in_force()
    live = step.last(AgreementSigned)
    full = step.when(message(completed(live.agreement_id), after(300)))
    letter = full.last(SettlementLetterIssued)
    assert (letter.settlement, letter.surviving, letter.debts) == (SettlementKind.FULL, (), ("A-1", "A-2"))
    assert letter.content_hash == content_hash(letter, CASE)
    assert full.last(BankInstructed).credit_status == letter.credit_status == "settled"
    assert full.last(BankInstructed).settled == letter.settled
    more = step.when(message(changed(*DEBTS, debt("A-3")), after(200), sequence=9))
    part = more.when(message(completed(live.agreement_id), after(300)))
    letter = part.last(SettlementLetterIssued)
    assert (letter.settlement, letter.surviving) == (SettlementKind.FULL, ())
    assert [(s.debt_id, s.amounts) for s in letter.beside] == [("A-3", debt("A-3").outstanding)]
    assert [(s.debt_id, s.settlement, s.credit_status) for s in letter.settled] == [
        ("A-1", SettlementKind.FULL, "settled"),
        ("A-2", SettlementKind.FULL, "settled"),
    ]
    assert part.last(BankInstructed).credit_status == letter.credit_status == "settled"
    assert part.last(AgreementCompleted).agreement_id == letter.agreement_id


def forgives(debt_id: str, of_principal: str) -> OfferAgreed:
    """The first plan, with a part of one debt's principal waived."""
    agreed_, less = agreed(1), balances(of_principal)
    debts = tuple(
        one.model_copy(update={"waived": less}) if one.debt_id == debt_id else one
        for one in agreed_.plan.debts
    )
    plan = agreed_.plan.model_copy(update={"debts": debts, "payments": ()})
    return agreed_.model_copy(update={"plan": plan})


def test_a_debt_that_is_settled_for_less_is_reported_as_its_offer_said_and_the_other_as_paid() -> None:
    table = given(AgreementDecider(), reference()).when(message(case_opened(*DEBTS), sequence=1))
    live = signed_by(table.when(message(forgives("A-2", "50.00"))), *BOTH).closes(after(2))
    done = message(completed(live.last(AgreementSigned).agreement_id), after(300))
    end = live.when(done)
    letter, told = end.last(SettlementLetterIssued), end.last(BankInstructed)
    assert (letter.settlement, letter.surviving) == (SettlementKind.FULL, ())
    assert {one.debt_id: one.credit_status for one in letter.settled} == {
        "A-1": "settled",
        "A-2": "settled_in_part",
    }
    assert (told.settled, told.credit_status) == (letter.settled, None)  # there is no one code for both


def test_a_debt_that_is_paid_is_not_reported_as_late_because_the_plan_of_another_breaks() -> None:
    live = in_force()
    broke = message(broken(live.last(AgreementSigned).agreement_id), after(90))
    both = live.when(broke).last(BankInstructed)
    assert (both.credit_status, both.settled) == ("overdue", ())
    nothing = debt("A-2", outstanding=balances(), overdue=balances())
    one = live.when(message(changed(DEBTS[0], nothing), after(80), sequence=9)).when(broke)
    told = one.last(BankInstructed)
    assert told.credit_status == "overdue"
    assert [(d.debt_id, d.credit_status) for d in told.settled] == [("A-2", "settled")]


def test_the_bank_reports_what_the_pack_says_of_the_day() -> None:
    """Each code of its own: kept, completed, settled in part, broken; from a day on, another one."""
    codes = {"status_while_kept": "R1", "status_when_completed": "R2",
             "status_when_settled_in_part": "R3", "status_when_broken": "R4"}  # fmt: skip
    rules = {f"reporting__{name}": code for name, code in codes.items()}
    live = signed_by(drafted(**rules), *BOTH).closes(after(2))
    signed, draft = live.last(AgreementSigned), drafted(**rules).last(AgreementDrafted)
    done = message(completed(signed.agreement_id), after(300))
    back = comes_back(live, balances("10.00")).when(message(changed(debt()), after(290), sequence=290))
    broke = message(broken(signed.agreement_id), after(90))
    told = [step.last(BankInstructed) for step in (live, live.when(done), live.when(broke))]
    assert [one.credit_status for one in told] == ["R1", "R2", "R4"]
    assert [one.credit_status for one in back.when(done).last(BankInstructed).settled] == ["R3", "R2"]
    assert draft.terms is not None
    assert draft.terms.credit_status == "R1"
    values = dict(example_pack(**rules).values)
    key = "reporting.status_when_completed"
    later = values[key][0].model_copy(update={"value": "R9", "effective_from": after(100)})
    dated = example_pack(**rules).model_copy(update={"values": values | {key: (*values[key], later)}})
    anew = replace(live, reference=reference(dated)).when(done)
    assert anew.last(BankInstructed).credit_status == "R9"  # reporting goes by the day, whatever was agreed


def test_forgiven_amounts_carry_the_mark_of_the_packs_tax_duty() -> None:
    rank = next(r for r in range(1, 6) if any(total_of(d.waived).is_positive for d in agreed(r).plan.debts))
    for mark, said in (("form_1099_c", "form_1099_c"), ("none", None)):
        live = signed_by(drafted(rank, reporting__tax_mark=mark), *BOTH).closes(after(2))
        signed = live.last(AgreementSigned)
        letter = live.when(message(completed(signed.agreement_id), after(300))).last(SettlementLetterIssued)
        assert (letter.forgiven, letter.tax_mark) == (signed.waived, said)


# -- what is watched --------------------------------------------------------------------------------------


def instalment(
    signed: AgreementSigned, number: int, due: date, *, on_time: bool = True, late: int = 0
) -> followup.InstalmentPaid:
    return followup.InstalmentPaid(
        agreement_id=signed.agreement_id, version=1, number=number, due=due, total=cny("1.00"),
        paid=cny("1.00"), on=due + timedelta(days=late), on_time=on_time,
    )  # fmt: skip


def missed(signed: AgreementSigned, number: int, due: date) -> followup.InstalmentMissed:
    return followup.InstalmentMissed(
        agreement_id=signed.agreement_id, version=1, number=number, due=due, total=cny("1.00"),
        paid=cny("0.00"), missed_in_a_row=1,
    )  # fmt: skip


def kept(step: Given, signed: AgreementSigned, numbers: range) -> tuple[Given, list[PeriodPassed]]:
    """Pay instalments on time, one a month; give what was said."""
    said: list[PeriodPassed] = []
    for number in numbers:
        due = add_months(signed.instalments[0].due, number - 1)
        step = step.when(message(instalment(signed, number, due), due))
        said += [event for event in step.said if isinstance(event, PeriodPassed)]
    return step, said


def test_trial_observation_and_probation_follow_from_payments_in_a_row() -> None:
    step = in_force(trial__payments=3, observation__probation_months=24)
    signed = step.last(AgreementSigned)
    first = signed.instalments[0].due
    _, said = kept(step, signed, range(1, 61))
    assert [(p.period, p.since, p.as_of, p.payments) for p in said] == [
        (Period.TRIAL, first, add_months(first, 2), 3),
        (Period.OBSERVATION, first, add_months(first, 12), 13),
        (Period.PROBATION, add_months(first, 12), add_months(first, 36), 24),
    ]


def test_a_missed_instalment_starts_the_observation_again() -> None:
    step = in_force()
    signed = step.last(AgreementSigned)
    first = signed.instalments[0].due
    step, said = kept(step, signed, range(1, 11))
    assert said == []
    due = add_months(first, 10)
    step = step.when(message(missed(signed, 11, due), due))
    _, said = kept(step, signed, range(12, 40))
    assert [(p.period, p.since, p.as_of) for p in said] == [
        (Period.OBSERVATION, due, add_months(due, 12)),
    ]


def test_the_same_instalment_counts_once_and_a_late_one_not_at_all() -> None:
    step = in_force(trial__payments=2)
    signed = step.last(AgreementSigned)
    first = signed.instalments[0].due
    once = message(instalment(signed, 1, first), first)
    due = add_months(first, 1)
    late = message(instalment(signed, 2, due, on_time=False, late=9), due + timedelta(days=9))
    twice = step.when(once, once, late)
    assert PeriodPassed not in map(type, twice.said)
    third = twice.when(message(instalment(signed, 3, add_months(first, 2)), after(99)))
    assert third.emits()  # two in a row, and the late one was between them
    assert third.when(message(instalment(signed, 4, add_months(first, 3)), after(130))).emits(PeriodPassed)


def test_what_is_over_is_not_watched() -> None:
    step = in_force(trial__payments=1)
    signed = step.last(AgreementSigned)
    over = step.when(message(broken(signed.agreement_id), after(90)))
    assert over.when(message(instalment(signed, 1, after(30)), after(91))).emits()
