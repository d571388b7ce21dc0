"""What is heard after an agreement took effect casts doubt on who signed it: said once, and it stands."""

from __future__ import annotations

from typing import Any

import pytest

from shared.contracts import agreement
from shared.contracts.agreement import AgreementSigned, SignatureDoubted
from shared.contracts.envelope import Envelope
from shared.contracts.intake import StopsChanged
from shared.contracts.parties import CaseHalt, StopCause
from shared.contracts.reasons import ReasonCode
from tests.unit.agreement.test_acting import authority, by_a_guardian, ended, heard
from tests.unit.agreement.test_co_borrowers import joined, signed, stopped
from tests.unit.agreement.test_co_borrowers_stopped import over
from tests.unit.agreement.test_decide import BOTH, after, agreed, in_force, signed_by
from tests.unit.agreement.test_guarantors import drafted
from tests.unit.agreement.test_others import WIFE
from tests.unit.builders import message
from tests.unit.spec import Given

HALT = CaseHalt(stops=("contact", "fees"), offers=False)


def halted(told: int, since: int, until: int | None = None, **other: Any) -> Envelope[Any]:
    """The borrower's stop of all debts, in force (no `until`) or over when it is told."""
    days = {"since": after(since), "until": None if until is None else after(until)}
    halt = HALT.model_copy(update=days | other)
    said = {"halt": halt} if until is None else {"past": halt}
    return message(StopsChanged(as_of=after(told), stops=(), **said), after(told))


def doubts(step: Given) -> list[tuple[ReasonCode, str | None]]:
    said = [one for one in step.said if isinstance(one, SignatureDoubted)]
    return [(one.reason.code, one.party_id) for one in said]


def stands(step: Given, before: Given) -> bool:
    """Nothing but the word itself is different."""
    now, then = step.state.live, before.state.live
    return now.model_copy(update={"doubts": ()}) == then and step.state.status is before.state.status


# -- an authority


def test_an_end_before_the_signature_that_is_told_after_it_took_effect_is_for_a_person() -> None:
    live = by_a_guardian()[-1]
    told = live.when(ended(after(2), 9))
    assert doubts(told) == [(ReasonCode.SIGNED_WITHOUT_AUTHORITY, None)]
    doubt = told.last(SignatureDoubted)
    assert (doubt.agreement_id, doubt.version) == (live.last(AgreementSigned).agreement_id, 1)
    assert stands(told, live)
    assert doubts(told.when(ended(after(2), 8))) == [], "it is said once"


@pytest.mark.parametrize("said", [ended(after(2), 11), ended(after(30), 9), heard(after(5), gone=True)])
def test_an_end_after_the_signature_leaves_it_as_it_is(said: Envelope[Any]) -> None:
    assert by_a_guardian()[-1].when(said).said == ()


def test_a_word_that_had_taken_the_right_to_sign_before_is_for_a_person_too() -> None:
    live = by_a_guardian()[-1]
    assert doubts(live.when(message(authority(signs=False), after(2), hour=9)))
    assert live.when(message(authority(signs=False), after(3))).said == ()
    assert live.when(message(authority(authority_id="rep-2", signs=False), after(2), hour=9)).said == ()


def test_an_authority_that_is_forgotten_among_many_casts_no_doubt() -> None:
    live = by_a_guardian()[-1]
    others = (message(authority(authority_id=f"rep-{n}"), after(3)) for n in range(2, 21))
    assert live.when(*others, message(authority(), after(4)), message(authority(), after(5))).said == ()


def test_who_signed_in_person_needs_no_authority() -> None:
    assert in_force().when(message(authority(), after(1)), ended(after(2), 9)).said == ()


# -- a stop


@pytest.mark.parametrize("said", [halted(5, 2), halted(5, 0), halted(5, 1, 3), halted(5, 2, 2)])
def test_a_signature_in_a_stop_that_is_told_after_it_took_effect_is_for_a_person(said: Envelope[Any]) -> None:
    live = in_force()
    told = live.when(said)
    assert doubts(told) == [(ReasonCode.SIGNED_IN_A_STOP, None)]
    assert stands(told, live)
    assert doubts(told.when(said)) == []


@pytest.mark.parametrize(
    "said",
    [
        halted(5, 3),
        halted(5, 0, 1),
        halted(5, 1, offers=True),
        halted(5, 1, stops=("fees", "enforcement")),
        message(StopsChanged(as_of=after(5), stops=()), after(5)),
    ],
)
def test_any_other_stop_says_nothing_about_who_signed(said: Envelope[Any]) -> None:
    """Begun after it, over before it, or one in which the borrower is spoken to: a disputed debt."""
    assert doubts(in_force().when(said)) == []


def effective(day: int = 5) -> Given:
    return signed(joined(drafted(WIFE), after(2)), after(day)).closes(after(day))


@pytest.mark.parametrize("said", [stopped(StopCause.LOST_CAPACITY, 7, since=1), over(7, 1, 2)])
def test_a_co_borrower_who_signed_in_a_stop_of_theirs_is_named(said: Envelope[Any]) -> None:
    live = effective()
    assert live.last(AgreementSigned).bound == (WIFE.party_id,)
    told = live.when(said)
    assert doubts(told) == [(ReasonCode.SIGNED_IN_A_STOP, WIFE.party_id)]
    assert stands(told, live)


@pytest.mark.parametrize("since", [3, 7])
def test_a_stop_of_theirs_after_they_signed_says_nothing(since: int) -> None:
    assert doubts(effective().when(stopped(StopCause.LOST_CAPACITY, 7, since=since))) == []


def test_the_word_names_nobody_and_no_cause() -> None:
    doubt = in_force().when(halted(5, 1)).last(SignatureDoubted)
    assert doubt.reason.params == {}
    assert set(agreement.SignatureDoubted.model_fields) == {
        "agreement_id", "version", "as_of", "party_id", "reason",
    }  # fmt: skip


def test_after_an_amendment_it_is_who_signed_that_who_is_looked_at() -> None:
    first = by_a_guardian()[-1]
    again = first.when(
        ended(after(4), 9), message(agreed(2).model_copy(update={"offer_id": "O-2"}), after(5))
    )
    second = signed_by(again, *BOTH, day=after(6)).closes(after(6))
    assert second.last(AgreementSigned).supersedes == first.last(AgreementSigned).agreement_id
    assert doubts(second.when(ended(after(2), 9), halted(9, 1, 3))) == []
    assert doubts(second.when(halted(9, 6))) == [(ReasonCode.SIGNED_IN_A_STOP, None)]
