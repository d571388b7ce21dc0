"""A co-borrower signs, or does not: who is bound, what is refused, what the paper and the bank are told."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from services.agreement.document import canonical_content
from services.agreement.model import AgreementStatus
from services.agreement.paper.check import Liable, check_pdf
from services.agreement.paper.filed import agreements_of
from services.agreement.paper.layout import Agreement, page_of
from services.agreement.paper.pdf import make_pdf
from shared.contracts.agreement import (
    AgreementDrafted,
    AgreementReturned,
    AgreementSigned,
    BankInstructed,
    CoBorrowerAccepted,
    InputRefused,
    InstructionKind,
    PartySigned,
)
from shared.contracts.base import Event
from shared.contracts.desk import SignatureParty, WithdrawalDeclared
from shared.contracts.desk_parties import CoBorrowerSigned
from shared.contracts.parties import StopCause
from shared.contracts.reasons import ReasonCode
from tests.unit.agreement.test_decide import BOTH, SIGN_BY, after, agreed, signature
from tests.unit.agreement.test_guarantors import drafted
from tests.unit.agreement.test_guarantors_gone import said, stops
from tests.unit.agreement.test_others import UNCLE, WIFE, overdue
from tests.unit.agreement.test_paper import KEY, PUBLIC, entries
from tests.unit.builders import CASE, message
from tests.unit.spec import Given

MUST = {"document__co_borrower_signs": "must"}
CHECKED = {"document__signature_checks": ["identity", "capacity"]}
BARRED = (
    *(StopCause.DEATH, StopCause.LOST_CAPACITY, StopCause.MINOR),
    *(StopCause.INSOLVENCY, StopCause.IDENTITY_FRAUD, StopCause.DISPUTE),
)


def joins(step: Given, **other: Any) -> CoBorrowerSigned:
    """The co-borrower's word on the draft on the table."""
    draft = step.state.draft
    return CoBorrowerSigned(
        **{
            "party_id": WIFE.party_id,
            "agreement_id": draft.agreement_id,
            "version": draft.version,
            "content_hash": draft.content_hash,
            "channel": "app",
            "evidence": "one-time-code",
            "checked": ("identity", "capacity"),
            **other,
        }
    )


def joined(step: Given, day: date, **other: Any) -> Given:
    return step.when(message(joins(step, **other), day))


def signed(step: Given, day: date, *parties: SignatureParty) -> Given:
    checked = ("identity", "capacity")
    given = (signature(step.state.draft, party, checked=checked) for party in parties or BOTH)
    return step.when(*(message(one, day) for one in given))


def stopped(cause: StopCause, day: int, since: int | None = None) -> Any:
    return stops(day, cause, party=WIFE.party_id, since=since)


def filed(*steps: Given) -> Agreement:
    """What is on file after these steps."""
    (found,) = agreements_of(entries(overdue(), *_told(*steps)), CASE, "C-1")
    return found


# -- who may, and who must


def test_who_signs_is_bound_and_the_bank_is_told() -> None:
    step = drafted(WIFE, UNCLE)
    noted = joined(step, after(2))
    assert noted.emits(CoBorrowerAccepted)
    fact = noted.last(CoBorrowerAccepted)
    assert (fact.channel, fact.evidence, fact.checked) == ("app", "one-time-code", ("identity", "capacity"))
    assert fact.content_hash == step.last(AgreementDrafted).content_hash
    done = signed(noted, after(2)).closes(after(2))
    assert done.last(AgreementSigned).bound == (WIFE.party_id,)
    assert done.last(BankInstructed).bound == (WIFE.party_id,)


def test_who_may_sign_is_not_waited_for_and_is_not_bound() -> None:
    step = drafted(WIFE, UNCLE)
    assert step.last(AgreementDrafted).must_sign == ()
    done = signed(step, after(2)).closes(after(2))
    assert done.last(AgreementSigned).bound == ()
    assert done.last(BankInstructed).bound == ()


def test_where_the_pack_says_must_silence_ends_the_draft() -> None:
    step = drafted(WIFE, UNCLE, **MUST)
    assert step.last(AgreementDrafted).must_sign == (WIFE.party_id,), "a guarantor signs nothing"
    both = signed(step, after(2))
    assert both.state.status is AgreementStatus.CO_BORROWER
    assert both.closes(after(2)).said == ()
    late = both.closes(SIGN_BY)
    assert late.emits(AgreementReturned)
    assert late.last(AgreementReturned).reason.code is ReasonCode.SIGN_BY_PASSED


@pytest.mark.parametrize("last", [False, True])
def test_where_the_pack_says_must_it_takes_effect_with_the_last_signature(last: bool) -> None:
    step = drafted(WIFE, **MUST)
    done = joined(signed(step, after(2)), after(3)) if last else signed(joined(step, after(2)), after(3))
    assert done.closes(after(3)).last(AgreementSigned).effective == after(3)


def test_who_must_sign_is_part_of_the_hash_and_drafts_of_before_keep_theirs() -> None:
    may, must = (drafted(WIFE, **some).last(AgreementDrafted) for some in ({}, MUST))
    assert may.content_hash != must.content_hash
    assert "must_sign" not in json.loads(canonical_content(may, CASE))


def test_who_cannot_be_asked_is_not_waited_for_by_the_next_draft() -> None:
    step = drafted(WIFE, **MUST)
    gone = step.when(stopped(StopCause.DEATH, 2))
    assert gone.emits(AgreementReturned)
    assert gone.last(AgreementReturned).reason.code is ReasonCode.SIGNATORY_CANNOT_BE_ASKED


# -- what is refused


@pytest.mark.parametrize(
    ("other", "code"),
    [
        ({"party_id": "somebody"}, ReasonCode.CO_BORROWER_NOT_LIABLE),
        ({"party_id": UNCLE.party_id}, ReasonCode.CO_BORROWER_NOT_LIABLE),
        ({"version": 2}, ReasonCode.VERSION_MISMATCH),
        ({"content_hash": "0" * 64}, ReasonCode.HASH_MISMATCH),
        ({"evidence": "  "}, ReasonCode.EVIDENCE_MISSING),
        ({"checked": ("identity",)}, ReasonCode.CHECK_MISSING),
        ({"channel": "phone", "evidence": "recording:r-1"}, ReasonCode.ORAL_NOT_ALLOWED),
    ],
)
def test_a_signature_that_does_not_count_says_why(other: dict[str, Any], code: ReasonCode) -> None:
    step = drafted(WIFE, UNCLE, **CHECKED)
    refused = joined(step, after(2), **other)
    assert refused.last(InputRefused).reason.code is code
    assert refused.state == step.state


def test_what_is_only_said_needs_its_recording() -> None:
    step = drafted(WIFE, **CHECKED, document__oral_allowed=True)
    unheard = joined(step, after(2), channel="phone", evidence="said so")
    assert unheard.last(InputRefused).reason.code is ReasonCode.RECORDING_MISSING
    assert joined(step, after(2), channel="phone", evidence="recording:r-1").emits(CoBorrowerAccepted)


def test_it_counts_once_in_time_and_of_nothing_in_force() -> None:
    step = drafted(WIFE)
    twice = joined(joined(step, after(2)), after(2))
    assert twice.last(InputRefused).reason.code is ReasonCode.ALREADY_SIGNED
    late = joined(step, SIGN_BY + timedelta(days=1))
    assert late.last(InputRefused).reason.code is ReasonCode.SIGNATURE_TOO_LATE
    word = message(joins(step), after(3))
    in_force = signed(step, after(2)).closes(after(2)).when(word)
    assert in_force.last(InputRefused).reason.code is ReasonCode.SIGNATURE_TOO_LATE


@pytest.mark.parametrize("cause", BARRED)
def test_who_is_under_a_stop_cannot_sign(cause: StopCause) -> None:
    step = drafted(WIFE).when(stopped(cause, 1))
    refused = joined(step, after(2))
    assert refused.last(InputRefused).reason.code is ReasonCode.CO_BORROWER_STOPPED
    assert refused.last(InputRefused).reason.params == {}, "which of them it is protects a person"
    assert joined(step.when(said(after(2))), after(3)).emits(CoBorrowerAccepted)


@pytest.mark.parametrize("cause", BARRED)
@pytest.mark.parametrize("stop_first", [False, True])
def test_a_stop_told_of_on_the_day_counts_whichever_is_read_first(cause: StopCause, stop_first: bool) -> None:
    step = drafted(WIFE)
    both = [message(joins(step), after(2)), stopped(cause, 2)]
    done = signed(step.when(*(reversed(both) if stop_first else both)), after(2)).closes(after(2))
    assert done.last(AgreementSigned).bound == ()
    assert done.last(BankInstructed).bound == ()


def test_a_signature_from_after_a_death_that_is_told_of_later_does_not_count() -> None:
    told = signed(joined(drafted(WIFE), after(2)), after(3)).when(stopped(StopCause.DEATH, 3, since=1))
    assert told.closes(after(3)).last(AgreementSigned).bound == ()


@pytest.mark.parametrize("cause", BARRED)
def test_where_the_pack_says_must_nothing_takes_effect_on_a_signature_that_does_not_count(
    cause: StopCause,
) -> None:
    told = signed(joined(drafted(WIFE, **MUST), after(2)), after(2)).when(stopped(cause, 2))
    assert told.emits(AgreementReturned)
    assert told.last(AgreementReturned).reason.code is ReasonCode.SIGNATORY_CANNOT_BE_ASKED
    assert told.closes(after(2)).said == ()


def test_a_co_borrower_s_signature_is_not_the_borrower_s() -> None:
    lender = signed(joined(drafted(WIFE), after(2)), after(2), SignatureParty.LENDER)
    assert lender.emits(PartySigned)
    assert lender.closes(after(2)).said == ()
    assert lender.closes(SIGN_BY).last(AgreementReturned).reason.code is ReasonCode.SIGN_BY_PASSED


# -- the paper, and the check of it


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("signs", [False, True])
def test_the_paper_says_who_signed_and_the_check_tells_it(lang: str, signs: bool) -> None:
    step = drafted(WIFE, UNCLE)
    one = joined(step, after(2)) if signs else replace(step, said=())
    both = signed(one, after(2))
    document = filed(step, one, both, both.closes(after(2)))
    row = page_of(document, lang)["sections"][-1]["tables"][0]["rows"][2]
    assert row[0] == f"{'共同借款人' if lang == 'zh' else 'Co-borrower'} {WIFE.party_id}"
    owes = "未签署，仍按原合同负责" if lang == "zh" else "has not signed, and owes by the original contract"
    assert row[3] == "one-time-code" if signs else row[1] == owes
    report = check_pdf(make_pdf(document, lang, KEY), PUBLIC)
    assert report.signed
    assert report.wrong == ()
    assert set(report.liable) == {
        Liable("co_borrower", WIFE.party_id, signs),
        Liable("guarantor", UNCLE.party_id, accepted=False),
    }


def test_a_paper_in_force_without_a_signature_that_it_waits_for_is_refused() -> None:
    step = drafted(WIFE, **MUST)
    one = joined(step, after(2))
    both = signed(one, after(2))
    document = filed(step, one, both, both.closes(after(2)))
    assert check_pdf(make_pdf(document, "en", KEY), PUBLIC).signed
    must = " ".join(page_of(document, "en")["sections"][0]["paragraphs"])
    assert f"only when these co-borrowers have signed it as well: {WIFE.party_id}" in must
    without = check_pdf(make_pdf(replace(document, joined=()), "en", KEY), PUBLIC)
    assert not without.signed
    lacks = f"co-borrower's signature: is missing: {WIFE.party_id}"
    assert [str(found) for found in without.wrong] == [lacks]


@pytest.mark.parametrize(
    ("other", "what"),
    [
        ({"party_id": "somebody"}, "is of nobody who owes a debt of this content"),
        ({"content_hash": "0" * 64}, "is for another content"),
        ({"evidence": ""}, "has no evidence of the acceptance"),
    ],
)
def test_a_co_borrower_s_signature_that_is_not_right_is_found(other: dict[str, Any], what: str) -> None:
    step = drafted(WIFE)
    one = joined(step, after(2))
    both = signed(one, after(2))
    document = filed(step, one, both, both.closes(after(2)))
    wrong = replace(document, joined=(document.joined[0].model_copy(update=other),))
    report = check_pdf(make_pdf(wrong, "en", KEY), PUBLIC)
    assert not report.signed
    assert [found.what for found in report.wrong] == [what]


def test_a_signature_that_does_not_count_is_not_on_the_paper_in_force() -> None:
    step = drafted(WIFE)
    one = joined(step, after(2))
    both = signed(one, after(2))
    told = both.when(stopped(StopCause.DEATH, 2))
    document = filed(step, one, both, told, told.closes(after(2)))
    assert document.effective is not None
    assert document.joined == ()


# -- an amendment


def amended(*, first: bool, again: bool, **overrides: Any) -> tuple[Given, ...]:
    """Two versions: what the co-borrower of one debt signed of either; every step is given."""
    start = drafted(WIFE, **overrides)
    one = joined(start, after(2)) if first else replace(start, said=())
    both = signed(one, after(2))
    live = both.closes(after(2))
    second = live.when(message(agreed(2), after(4)))
    word = joined(second, after(5)) if again else replace(second, said=())
    last = signed(word, after(5))
    return start, one, both, live, second, word, last, last.closes(after(5))


@pytest.mark.parametrize(
    ("first", "again", "bound", "before"),
    [
        (True, False, (), (WIFE.party_id,)),
        (True, True, (WIFE.party_id,), ()),
        (False, True, (WIFE.party_id,), ()),
        (False, False, (), ()),
    ],
)
def test_who_signed_only_the_version_before_owes_by_that_one(
    first: bool, again: bool, bound: tuple[str, ...], before: tuple[str, ...]
) -> None:
    steps = amended(first=first, again=again)
    for told in (steps[-1].last(AgreementSigned), steps[-1].last(BankInstructed)):
        assert (told.bound, told.signed_before) == (bound, before)


def test_the_third_version_still_knows_who_signed_the_first() -> None:
    live = amended(first=True, again=False)[-1]
    third = signed(live.when(message(agreed(1), after(7))), after(8)).closes(after(8))
    assert third.last(AgreementSigned).version == 3
    assert third.last(BankInstructed).signed_before == (WIFE.party_id,)


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_paper_of_an_amendment_does_not_put_them_back_on_the_contract(lang: str) -> None:
    found = agreements_of(entries(overdue(), *_told(*amended(first=True, again=False))), CASE, "C-1")
    document = found[-1]
    assert document.drafted.version == 2
    row = page_of(document, lang)["sections"][-1]["tables"][0]["rows"][2]
    said = "未签署本版本，仍按其最后签署的版本负责"
    assert row[1] == (
        said if lang == "zh" else "has not signed this version, and owes by the last one that they signed"
    )
    assert check_pdf(make_pdf(document, lang, KEY), PUBLIC).signed


def test_where_the_pack_says_must_an_amendment_waits_for_them_again() -> None:
    steps = amended(first=True, again=False, **MUST)
    assert steps[-1].said == ()
    assert steps[-1].state.status is AgreementStatus.CO_BORROWER
    assert steps[-1].state.live.bound == (WIFE.party_id,), "what both signed stays in force meanwhile"


def test_who_withdraws_from_the_amendment_is_back_where_the_co_borrower_is_bound() -> None:
    live = amended(first=True, again=False, agreement__cooling_off_days=14)[-1]
    gone = WithdrawalDeclared(
        agreement_id=live.last(AgreementSigned).agreement_id, channel="app", evidence="letter"
    )
    back = live.when(message(gone, after(6))).last(BankInstructed)
    assert (back.kind, back.bound, back.signed_before) == (
        InstructionKind.RESTORE_TERMS,
        (WIFE.party_id,),
        (),
    )


def test_the_word_on_a_version_that_was_replaced_does_not_count_for_the_next() -> None:
    step = drafted(WIFE)
    word = message(joins(step), after(3))
    second = step.when(message(agreed(2), after(2)))
    refused = second.when(word)
    assert refused.emits(InputRefused)
    assert refused.state.draft.joined == ()


def _told(*steps: Given) -> list[Event]:
    return [event for step in steps for event in step.said]
