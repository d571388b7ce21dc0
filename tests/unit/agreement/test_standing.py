"""A paper made later says what has become of it: over, withdrawn from, returned, or no longer true."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from typer.testing import CliRunner

from services.agreement.document import content_hash
from services.agreement.paper.check import check_pdf
from services.agreement.paper.filed import agreements_of, letters_of
from services.agreement.paper.layout import Agreement, page_of
from services.agreement.paper.pdf import make_pdf
from services.cli.agreement import choose
from services.cli.main import app
from shared.contracts.agreement import (
    AgreementDrafted,
    AgreementEnded,
    AgreementReturned,
    AgreementSigned,
    BankInstructed,
    EarlierAgreement,
    InstructionKind,
    SettlementLetterIssued,
)
from shared.contracts.base import Event, Reason
from shared.contracts.debts import Allocation
from shared.contracts.followup_care import PlanReopened
from shared.contracts.intake import PaymentTakenBack
from shared.contracts.reasons import ReasonCode
from tests.unit.agreement.test_decide import BOTH, after, agreed, drafted, signed_by
from tests.unit.agreement.test_paper import KEY, PUBLIC, entries, read, squeezed, story
from tests.unit.agreement.test_withdrawal import withdrawal
from tests.unit.builders import CASE, balances, cny, message

ID = next(event.agreement_id for event in story() if isinstance(event, AgreementSigned))
IN_FORCE = story()[: next(n for n, event in enumerate(story()) if isinstance(event, AgreementSigned)) + 1]
BACK = PlanReopened(
    agreement_id=ID,
    as_of=after(310),
    missing=(cny("10.00"),),
    reason=Reason(code=ReasonCode.PAYMENT_RETURNED),
)


def ended(code: ReasonCode, **more: Any) -> AgreementEnded:
    return AgreementEnded(**{"agreement_id": ID, "as_of": after(90), "reason": Reason(code=code), **more})


def notices(*events: Event) -> tuple[str, str]:
    found = agreements_of(entries(*events), CASE, "C-1")[-1]
    return page_of(found, "zh")["notice"], page_of(found, "en")["notice"]


@pytest.mark.parametrize(
    ("code", "zh", "en"),
    [
        (
            ReasonCode.PLAN_BROKEN,
            "因违约已于 2026-05-31 终止",
            "The agreement ended on 2026-05-31 by a breach.",
        ),
        (
            ReasonCode.WITHDRAWN_IN_TIME,
            "已于 2026-05-31 撤回",
            "The borrower withdrew from the agreement on 2026-05-31.",
        ),
        (
            ReasonCode.PLAN_SUPERSEDED,
            "2026-05-31 被新版取代",
            "A newer version took its place on 2026-05-31.",
        ),
        (ReasonCode.CASE_CLOSED, "已于 2026-05-31 终止", "The agreement ended on 2026-05-31."),
    ],
)
def test_an_agreement_that_is_over_says_so_at_its_top(code: ReasonCode, zh: str, en: str) -> None:
    """It said "in force from" and "the one that binds", and nothing else, whatever had become of it."""
    said = notices(*IN_FORCE, ended(code))
    assert zh in said[0]
    assert en in said[1]
    standing = notices(*IN_FORCE)
    assert "2026-05-31" not in "".join(standing)
    assert said[0].startswith(standing[0]), "the signed words stay as they are"


def test_the_agreement_before_an_amendment_that_was_withdrawn_from_stands_again() -> None:
    again = ended(
        ReasonCode.WITHDRAWN_IN_TIME,
        agreement_id="AG-2",
        returns_to=EarlierAgreement(agreement_id=ID, version=1, debts=("A-1", "A-2")),
    )
    assert notices(*IN_FORCE, ended(ReasonCode.PLAN_SUPERSEDED), again) == notices(*IN_FORCE)


def test_the_command_gives_the_agreement_that_is_in_force_not_the_amendment_withdrawn_from() -> None:
    start = drafted(agreement__cooling_off_days=14)
    signed = signed_by(start, *BOTH)
    live = signed.closes(after(2))
    again = live.when(message(agreed(2).model_copy(update={"offer_id": "O-2"}), after(5)))
    both = signed_by(again, *BOTH, day=after(6))
    second = both.closes(after(6))
    gone = second.when(withdrawal(second.last(AgreementSigned).agreement_id, 8))
    said = [event for step in (start, signed, live, again, both, second) for event in step.said]
    newest = choose(entries(*said), CASE, "C-1")
    assert isinstance(newest, Agreement)
    assert newest.drafted.agreement_id == second.last(AgreementSigned).agreement_id
    standing = choose(entries(*said, *gone.said), CASE, "C-1")
    assert isinstance(standing, Agreement)
    assert standing.drafted.agreement_id == live.last(AgreementSigned).agreement_id
    assert choose(entries(*said, *gone.said), CASE, "C-1", version=2).over is not None


def test_a_draft_of_an_amendment_says_which_agreement_it_would_take_the_place_of() -> None:
    """Only the signed copy said so: nobody who was to sign was told that the plan in force would end."""
    start = drafted()
    signed = signed_by(start, *BOTH)
    live = signed.closes(after(2))
    again = live.when(message(agreed(2).model_copy(update={"offer_id": "O-2"}), after(5)))
    said = [event for step in (start, signed, live) for event in step.said]
    first, second = agreements_of(entries(*said, *again.said), CASE, "C-1")
    assert (first.supersedes, second.supersedes) == (None, first.drafted.agreement_id)
    assert (
        f"本版取代协议 {first.drafted.agreement_id}；被取代的版本仍予保存。" in page_of(second, "zh")["about"]
    )
    broken = entries(
        *said, ended(ReasonCode.PLAN_BROKEN, agreement_id=first.drafted.agreement_id), *again.said
    )
    assert agreements_of(broken, CASE, "C-1")[1].supersedes is None
    (alone,) = agreements_of(entries(*start.said), CASE, "C-1")
    assert alone.supersedes is None


def test_where_none_is_in_force_the_command_gives_the_last_that_was() -> None:
    kept = entries(*IN_FORCE, ended(ReasonCode.PLAN_BROKEN))
    (found,) = agreements_of(kept, CASE, "C-1")
    assert choose(kept, CASE, "C-1") == found


def test_a_draft_that_went_back_is_not_to_be_signed_until_it_is_drawn_up_again() -> None:
    draft = next(event for event in story() if isinstance(event, AgreementDrafted))
    gone = AgreementReturned(
        agreement_id=ID,
        version=1,
        offer_id=draft.offer_id,
        as_of=after(9),
        reason=Reason(code=ReasonCode.SIGN_BY_PASSED),
    )
    zh, en = notices(draft, gone)
    assert "不再供签署" in zh
    assert "is not to be signed any more" in en
    assert "待签署文本" not in zh, "it said both: that it is to be signed, and that it is not any more"
    assert "is to be signed" not in en
    assert notices(draft, gone, draft) == notices(draft)


@pytest.mark.parametrize("first", ["completion", "return"])
def test_a_letter_says_that_it_does_not_hold_once_its_payment_came_back(first: str) -> None:
    """`parley agreement --letter` went on giving a clean letter for a plan that was in force again."""
    done = story() if first == "completion" else (*IN_FORCE, BACK, *story()[len(IN_FORCE) :])
    kept = entries(*done, *([BACK] if first == "completion" else []))
    (letter,) = letters_of(kept, CASE, "C-1")
    assert choose(kept, CASE, "C-1", letter=True) == letter
    pdf = make_pdf(letter, "en", KEY)
    assert squeezed(
        "This letter does not hold any more since 2027-01-06: a payment was returned after it."
    ) in read(pdf)
    assert check_pdf(pdf, PUBLIC).wrong == ()
    assert "不再有效" in page_of(letter, "zh")["notice"]
    (agreement,) = agreements_of(kept, CASE, "C-1")
    assert agreement.over is None, "it is in force again"


def test_the_second_letter_holds_and_the_first_does_not() -> None:
    second = next(event for event in story() if isinstance(event, SettlementLetterIssued))
    again = [event for event in story()[len(IN_FORCE) :] if not isinstance(event, AgreementSigned)]
    other = second.model_copy(update={"letter_id": "letter-2"})

    other = other.model_copy(update={"content_hash": content_hash(other, CASE)})
    kept = entries(*story(), BACK, *(other if event is second else event for event in again))
    letters = letters_of(kept, CASE, "C-1")
    assert [letter.over is None for letter in letters] == [False, True]
    (agreement,) = agreements_of(kept, CASE, "C-1")
    assert agreement.over is not None
    assert agreement.over[0] == "completed"
    (clean,) = letters_of(entries(*story()), CASE, "C-1")
    assert "不再有效" not in page_of(clean, "zh")["notice"]


def test_a_letter_of_a_closed_case_is_in_doubt_once_a_payment_that_it_counted_came_back() -> None:
    """A person looks into it; the letter went on as if nothing had happened."""
    part = Allocation(debt_id="A-1", amounts=balances("10.00"))
    back = PaymentTakenBack(
        payment_id="p-1",
        reversal_id="r-1",
        amount=cny("10.00"),
        reversed_on=after(310),
        value_date=after(290),
        allocations=(part,),
        debts=(),
    )
    (letter,) = letters_of(entries(*story(), back), CASE, "C-1")
    said = page_of(letter, "en")["notice"]
    assert said.endswith("returned after it, on 2027-01-06; what is owed now is for the lender to say.")
    assert "于 2027-01-06 被退回" in page_of(letter, "zh")["notice"]
    for other in (
        {"value_date": after(305)},
        {"reversed_on": after(300)},
        {"allocations": (part.model_copy(update={"debt_id": "A-9"}),)},
    ):
        (clean,) = letters_of(entries(*story(), back.model_copy(update=other)), CASE, "C-1")
        assert clean.over is None
    gone_on = {"allocations": (), "elsewhere": (part,)}  # the debt is in a later case by now
    (doubted,) = letters_of(entries(*story(), back.model_copy(update=gone_on)), CASE, "C-1")
    assert doubted.over == letter.over
    (void,) = letters_of(entries(*story(), back, BACK), CASE, "C-1")
    assert void.over == ("letter", "2027-01-06")


def test_who_checks_the_file_is_told_that_the_letter_does_not_hold(tmp_path: Path) -> None:
    """`parley verify` called it untouched and signed, and left the rest to the reader."""
    key, file = tmp_path / "lender.key", tmp_path / "letter.pdf"
    run = CliRunner()
    assert run.invoke(app, ["keys", "new", str(key)]).exit_code == 0
    private = serialization.load_pem_private_key(key.read_bytes(), None)
    assert isinstance(private, Ed25519PrivateKey)
    said = []
    for events in (story(), (*story(), BACK)):
        (letter,) = letters_of(entries(*events), CASE, "C-1")
        file.write_bytes(make_pdf(letter, "en", private))
        checked = run.invoke(app, ["verify", str(file), "--key", str(tmp_path / "lender.pub")])
        assert checked.exit_code == 0
        said.append(checked.stdout)
    assert "does not hold any more since 2027-01-06" in said[1]
    assert "since" not in said[0]


def test_where_a_breach_was_undone_it_stands() -> None:
    """The bank's instruction comes by the topic of the end; its letters are as they were."""
    broke = ended(ReasonCode.PLAN_BROKEN)
    undone = BACK.model_copy(update={"reason": Reason(code=ReasonCode.BROKEN_IN_A_STOP)})
    told = next(event for event in story() if isinstance(event, BankInstructed))
    again = told.model_copy(update={"kind": InstructionKind.RESTORE_TERMS, "returns_to": ID})
    assert notices(*IN_FORCE, broke) != notices(*IN_FORCE)
    assert notices(*IN_FORCE, broke, undone, again) == notices(*IN_FORCE)
    assert notices(*IN_FORCE, undone, broke, again) == notices(*IN_FORCE), "whichever topic is read first"
    assert notices(*IN_FORCE, broke, undone, again, broke) == notices(*IN_FORCE, broke)
