"""A sum that the borrower offers to pay at once, whether or not an offer is on the table. Pure.

It is a wish like that of a counter-offer, and nobody is asked for it: what nothing follows from at once
changes nothing, costs no round, and is answered with what it would do.
"""

from datetime import date

from services.offer.answers import refusal
from services.offer.model import OfferState, OfferStatus, Wish
from services.offer.part_payment import YOUR_WISH
from services.offer.questions import NotFound
from services.offer.rules import is_assessed, owed_debts
from services.offer.talks import (
    Step,
    by_a_person,
    kept_for_fresh_rates,
    new_talks,
    policy_of,
    resume,
    round_after,
    rounds_are_left,
    stale_in,
    table,
)
from shared.contracts.base import Reason
from shared.contracts.decision import Decision
from shared.contracts.desk_talks import LumpSumOffered
from shared.contracts.envelope import Envelope
from shared.contracts.offer import HumanReviewOpened, LumpSumAnswered, OfferTabled
from shared.contracts.reasons import ReasonCode
from shared.policy.reference import Reference

__all__ = ["lump_sum_offered"]

Outcome = Decision[OfferState]
# What was accepted is agreed, or with the lender or the signatories.
_DECIDED = {OfferStatus.AGREED, OfferStatus.APPROVAL}
_IN_A_ROUND = {OfferStatus.TABLED, OfferStatus.LAPSED}
_OVER = {OfferStatus.FAILED, OfferStatus.ENDED}


def lump_sum_offered(
    state: OfferState | None, message: Envelope[LumpSumOffered], reference: Reference
) -> Outcome:
    """Answer with the nearest plan that the policy allows, or say what would have to change.

    | when it is offered | and then |
    | --- | --- |
    | an offer is on the table, or has just lapsed | the next round, as after any counter-offer |
    | so, and rates are stale | it stands; it is noted, answered once they are fresh, and a person looks |
    | so, and no round is left; or what was accepted is decided or in force | it stands; a person looks |
    | nothing fits | a settlement is tabled, or it is said what the sum would do |
    | talks have failed, or a plan has ended | new talks where it settles all; else a person looks |
    | the figures, or what rests, leave nothing to table | it is noted, and answered with the next offer |
    | from money that the pack does not take | it is said so, and nothing else changes |
    """
    data, day = message.data, message.day
    if state is None:
        return Decision.wait(None, refusal(message, ReasonCode.NO_CASE))
    if state.status is OfferStatus.CLOSED:
        return Decision.of(state, refusal(message, ReasonCode.CASE_CLOSED))
    policy = policy_of(state, day, reference)
    currency = policy.currency if state.assessed is None else state.assessed.now.currency
    if data.amount.currency != currency:
        return Decision.of(state, refusal(message, ReasonCode.CURRENCY_MISMATCH))
    if not data.amount.is_positive:
        return Decision.of(state, refusal(message, ReasonCode.COUNTER_TOO_LOW))
    if data.source is not None and data.source in policy.measures.lump_sum_not_from:
        why = Reason(code=ReasonCode.LUMP_SUM_NOT_FROM, params={"source": data.source.value})
        return Decision.of(state, _answer(state, data, day, Reason(code=ReasonCode.NEXT_DEBT_ADVICE), why))
    wish = Wish(lump_sum=data.amount, first_due=data.available_on, source=data.source)
    noted = state.model_copy(update={"wish": wish.model_copy(update={"noted_on": day})})
    if state.halted_on is not None:
        rests = Reason(code=ReasonCode.DEBT_STOPPED)
        said = _answer(noted, data, day, Reason(code=ReasonCode.NEXT_DEBT_ADVICE), rests, YOUR_WISH)
        return Decision.of(noted, said)
    if not owed_debts(state.debts):
        return Decision.of(state, refusal(message, ReasonCode.ACCOUNT_CURED))
    if state.status in _DECIDED:
        return _decided(_to_a_person(state, data, day, reference))
    if not is_assessed(state, day):
        why = Reason(code=ReasonCode.LUMP_SUM_NOTED)
        asked = Reason(code=ReasonCode.STATEMENT_NEEDED)
        return Decision.of(noted, _answer(noted, data, day, asked, why, YOUR_WISH))
    if state.status in _IN_A_ROUND:
        if not rounds_are_left(state, day, reference):
            return _decided(_to_a_person(state, data, day, reference))
        asked_for = round_after(state).model_copy(update={"wish": wish})
        after, events = table(asked_for, day, reference, revised=True)
        stale = stale_in(events)
        if stale is not None:
            return _decided(_noted_while_stale(noted, data, day, stale, reference))
        return _decided((after, events))
    if state.status in _OVER:
        again, events = new_talks(noted, day, reference)
        settled = [
            one for one in events if isinstance(one, OfferTabled) and one.answer and one.answer.granted
        ]
        return _decided((again, events) if settled else _to_a_person(noted, data, day, reference))
    return _decided(_where_nothing_fits(noted, day, reference))


def _where_nothing_fits(noted: OfferState, day: date, reference: Reference) -> Step:
    """Table what the sum makes possible; where that is nothing, the day to look again stays as it is."""
    after, said = resume(noted, day, reference)
    if after.status is OfferStatus.TABLED:
        return after, said
    looks = noted.model_copy(update={"human_due": after.human_due})
    opened = tuple(one for one in said if isinstance(one, HumanReviewOpened))
    answers = [one for one in said if isinstance(one, LumpSumAnswered)]
    return looks, (*(one.model_copy(update={"review_on": noted.next_date}) for one in answers), *opened)


def _noted_while_stale(
    noted: OfferState, data: LumpSumOffered, day: date, stale: Reason, reference: Reference
) -> Step:
    """What is on the table stays, and so does the round: the sum is answered once rates are fresh."""
    kept = kept_for_fresh_rates(noted, day, reference)
    left = NotFound(stale, Reason(code=ReasonCode.NEXT_HUMAN_REVIEW))
    after, step, opened = by_a_person(kept, left, day, policy_of(noted, day, reference))
    return after, (_answer(after, data, day, step, stale, YOUR_WISH), *opened)


def _to_a_person(state: OfferState, data: LumpSumOffered, day: date, reference: Reference) -> Step:
    policy = policy_of(state, day, reference)
    why = Reason(code=ReasonCode.LUMP_SUM_TO_A_PERSON)
    left = NotFound(why, Reason(code=ReasonCode.NEXT_HUMAN_REVIEW))
    after, step, opened = by_a_person(state, left, day, policy)
    return after, (_answer(after, data, day, step, why, YOUR_WISH), *opened)


def _answer(
    state: OfferState, data: LumpSumOffered, day: date, next_step: Reason, *reasons: Reason
) -> LumpSumAnswered:
    return LumpSumAnswered(
        amount=data.amount,
        source=data.source,
        as_of=day,
        reasons=reasons,
        next_step=next_step,
        review_on=state.next_date,
    )


def _decided(step: Step) -> Outcome:
    return Decision.of(step[0], *step[1])
