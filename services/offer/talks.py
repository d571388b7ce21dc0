"""The steps of the talks: table, withdraw, fail. Each gives the state after it and what is said. Pure.

A round is used up by the borrower's counter-offer or silence, never by what happens to the figures: when
a balance moves, or the lender refuses a concession, the offer is withdrawn and a new one tabled in the
same round. Facts of one day come by several topics in any order; whichever comes first, the same offer is
on the table when they are all in.
"""

from dataclasses import replace
from datetime import date
from typing import Any, Final

from services.offer.basis import basis_of, bound_before
from services.offer.meanwhile import Ruled, balance_by_day, counts_as_first, ruled_by, terms_of_talks
from services.offer.model import OfferState, OfferStatus, Refusals, Standing
from services.offer.part_payment import answer_to_sum, while_offered
from services.offer.refusals import answer_to, refused_in, shown_with
from services.offer.rules import (
    after_talks,
    figures_of,
    is_assessed,
    next_round_on,
    owed_debts,
    review_on,
    says_the_same,
    talks_end,
    valid_until,
)
from services.offer.search import Found, NotFound, search, without_payments
from services.offer.shown import distinct, strategy_of
from shared.contracts.base import Event, Reason
from shared.contracts.ids import derive_id
from shared.contracts.offer import (
    CounterAnswer,
    DebtBalance,
    HumanReviewOpened,
    NoPlanFound,
    OfferLapsed,
    OfferRevised,
    OfferTabled,
    OfferWithdrawn,
    TalksFailed,
)
from shared.contracts.reasons import ReasonCode
from shared.policy.model import PolicyInForce
from shared.policy.reference import Reference

__all__ = [
    "Step",
    "answer_what_was_kept",
    "balances",
    "by_a_person",
    "fail",
    "kept_for_fresh_rates",
    "lapse",
    "meet",
    "new_talks",
    "next_round",
    "policy_of",
    "resume",
    "retable",
    "review",
    "round_after",
    "rounds_are_left",
    "say_again",
    "stale_in",
    "table",
    "withdraw",
]

Step = tuple[OfferState, tuple[Event, ...]]

# What a new round begins without.
_OF_A_ROUND: Final[dict[str, Any]] = {"round_on": None, "shown": (), "asked_in": None, "unmet": None}


def policy_of(state: OfferState, day: date, reference: Reference) -> PolicyInForce:
    """Give the case's own pack as it rules on `day`: nothing that was offered changes in a round."""
    return reference.policies.for_case(state.policy, day, agreed_on=state.round_on)


def balances(state: OfferState) -> tuple[DebtBalance, ...]:
    """Give the snapshot of what is owed."""
    return tuple(
        DebtBalance(
            debt_id=debt.debt_id,
            balances=debt.outstanding,
            as_of=debt.as_of,
            annual_rate_pct=debt.annual_rate_pct,
        )
        for debt in owed_debts(state.debts)
    )


def new_talks(state: OfferState, day: date, reference: Reference, *reasons: Reason) -> Step:
    """Begin talks: round 1."""
    begun = {
        "talks": state.talks + 1,
        "started": day,
        "round": 1,
        "wish": state.wish if state.wish is not None and state.wish.noted_on is not None else None,
        "lender_refused": False,
        "refused_twice": False,
        "counts_from": None,
        "prepaid": None,
        "refusals": Refusals(),
        **_OF_A_ROUND,
    }
    return table(state.model_copy(update=begun), day, reference, *reasons)


def next_round(state: OfferState, day: date, reference: Reference, *reasons: Reason) -> Step:
    """Table the next numbered round, where the policy has one left."""
    if not rounds_are_left(state, day, reference):
        return fail(state, day, reference, ReasonCode.ROUNDS_EXHAUSTED)
    return table(round_after(state), day, reference, *reasons)


def round_after(state: OfferState) -> OfferState:
    """Give the talks in their next round: it has the rules of the day on which it is tabled."""
    return state.model_copy(update={"round": state.round + 1, **_OF_A_ROUND})


def rounds_are_left(state: OfferState, day: date, reference: Reference) -> bool:
    """Rounds are numbered up to the policy's maximum."""
    return state.round < policy_of(state, day, reference).offers.max_rounds


def table(
    state: OfferState, day: date, reference: Reference, *reasons: Reason, revised: bool = False
) -> Step:
    """Put plans on the table in `state.round`, or say why there are none. `revised` answers a counter-offer.

    Without an unexpired assessment or a debt there is nothing to table: the talks wait.
    """
    # Facts of two topics may come in either order: what is dated earlier never moves the talks back in time.
    day = max(day, state.started or day, state.offer.tabled_on if state.offer else day)
    if state.halted_on is not None:  # the round rests until the stops are over
        return _idle(state, OfferStatus.WAITING).model_copy(update={"suspended": True}), ()
    assessed = state.assessed
    if assessed is None or not is_assessed(state, day) or not owed_debts(state.debts):
        return _idle(state, OfferStatus.WAITING), ()
    policy, started = policy_of(state, day, reference), state.started or day
    state = while_offered(state, day, policy)
    if day > talks_end(started, policy):
        return fail(state, day, reference, ReasonCode.NO_ANSWER)
    basis, figures = basis_of(state.debts), figures_of(assessed)
    # The id says what the offer rests on, so that it does not depend on which fact came first that day.
    rests_on = (day.isoformat(), basis, figures, int(state.lender_refused) + int(state.refused_twice))
    offer_id = derive_id("offer", state.case, state.talks, state.round, *rests_on)
    found = search(state, assessed, day, offer_id, reference)
    if isinstance(found, NotFound):
        return _none_found(state, found, day, reference)
    arm = strategy_of(state.case, policy.talks.strategies, state.strategy)
    standing = Standing(
        offer_id=offer_id,
        round=state.round,
        basis=basis,
        figures=figures,
        plans=without_payments(found.plans),
        approvers=found.approvers,
        tabled_on=day,
        valid_until=min(valid_until(day, started, assessed, policy), found.until),
        policy_version=policy.version,
        pinned_on=state.round_on or day,
        incentives=arm.incentives,
    )
    idle = _idle(state, OfferStatus.TABLED)
    after = idle.model_copy(
        update={
            "offer": standing,
            "round_on": standing.pinned_on,
            "shown": shown_with(state, offer_id, found.plans),
            "strategy": arm.name,
            "answered": tuple(item for item in idle.answered if item.id != offer_id),
            "next_date": standing.valid_until,
            "wish": None if state.wish is None else state.wish.model_copy(update={"noted_on": None}),
        }
    )
    if state.counts_from is None or day == started:
        after = after.model_copy(update={"counts_from": counts_as_first(found.plans, policy)})
    after, asked = _left_to_a_person(after, found, day, policy)
    noted = state.wish is not None and state.wish.noted_on is not None
    answer = found.answer if revised or noted else None
    ruled = ruled_by(owed_debts(state.debts), day, reference, after.round_on)
    return after, (_said(after, standing, found, reasons, answer, policy, ruled, revised=revised), *asked)


def _left_to_a_person(state: OfferState, found: Found, day: date, policy: PolicyInForce) -> Step:
    """Have a person look at debts that no plan covers, or that an agreement of before binds.

    Once, for as long as they are the same ones.
    """
    asked = {one.debt_id: one.reason for one in found.apart}
    asked = {**bound_before(state.debts), **asked}
    after = state.model_copy(update={"apart": tuple(sorted(asked))})
    if not set(asked) - set(state.apart):
        return after, ()
    role, due = policy.talks.human_role, policy.deadline(day, policy.talks.human_business_days)
    new = [reason for debt_id, reason in asked.items() if debt_id not in state.apart]
    after = after.model_copy(update={"human_due": max(due, state.human_due or due)})
    return after, tuple(HumanReviewOpened(role=role, due=due, reason=reason) for reason in distinct(new))


def _said(
    state: OfferState,
    offer: Standing,
    found: Found,
    reasons: tuple[Reason, ...],
    answer: CounterAnswer | None,
    policy: PolicyInForce,
    ruled: Ruled,
    *,
    revised: bool,
) -> Event:
    assert state.assessed is not None  # noqa: S101 - narrows: `table` has looked
    common = {
        "offer_id": offer.offer_id,
        "round": offer.round,
        "assessment_id": state.assessed.assessment_id,
        "plans": found.plans,
        "balances": balances(state),
        "tabled_on": offer.tabled_on,
        "valid_until": offer.valid_until,
        "reasons": reasons,
        "policy_version": offer.policy_version,
        "balance_by_day": balance_by_day(state.debts, offer.tabled_on, offer.valid_until, policy, ruled),
        "terms": terms_of_talks(ruled, state.counts_from, state.prepaid),
        "strategy": state.strategy,
        "answer": answer,
    }
    return (OfferRevised if revised else OfferTabled).model_validate(common)


def _none_found(state: OfferState, found: NotFound, day: date, reference: Reference) -> Step:
    assert state.assessed is not None  # noqa: S101 - narrows: `table` has looked
    if found.reason.code is ReasonCode.NOTHING_ELSE_FITS:
        return fail(state, day, reference, ReasonCode.NOTHING_ELSE_FITS)
    stale = found.reason.code is ReasonCode.RATES_STALE
    if state.lender_refused and found.reason.code is ReasonCode.APPROVAL_DENIED:
        return fail(state, day, reference, ReasonCode.APPROVAL_DENIED)
    after = _rest(state, OfferStatus.NO_PLAN, day, reference)
    if state.round_on is not None:  # the round was on the table
        after = after.model_copy(update={"gone_on": day})
    if state.live:
        # The plan in force goes on, and the wish for another stays: evidence may come after the statement.
        until = max(state.sought_until or day, state.assessed.expires)
        after = after.model_copy(update={"sought_until": until})
    policy = policy_of(state, day, reference)
    if stale:
        # Nothing about the borrower is in the way: it is tried again soon, also beside a live plan, whose
        # talks are not over because of it.
        after = after.model_copy(update={"next_date": retried_on(state, day, reference) or after.next_date})
    after, next_step, opened = by_a_person(after, found, day, policy)
    none = NoPlanFound(
        assessment_id=state.assessed.assessment_id,
        as_of=day,
        reason=found.reason,
        next_step=next_step,
        review_on=after.next_date,
        payments=found.payments,
    )
    # What else was wished is answered with the next offer; a sum may be paid without any.
    noted = state.wish is not None and state.wish.noted_on is not None and state.wish.lump_sum is not None
    step = replace(found, next_step=next_step)
    answered = (answer_to_sum(after, state.assessed, step, day, reference),) if noted else ()
    return after, (none, *opened, *answered)


def stale_in(said: tuple[Event, ...]) -> Reason | None:
    """Give the reason where nothing could be searched because reference rates are stale."""
    none = (event.reason for event in said if isinstance(event, NoPlanFound))
    return next((reason for reason in none if reason.code is ReasonCode.RATES_STALE), None)


def retried_on(state: OfferState, day: date, reference: Reference) -> date | None:
    """Give the day to search again where rates were stale: as soon as somebody has had the time."""
    policy = policy_of(state, day, reference)
    soon = policy.step("no_plan")
    return policy.deadline(day, max(soon.business_days, 1)) if soon is not None else None


def kept_for_fresh_rates(state: OfferState, day: date, reference: Reference) -> OfferState:
    """Look again soon where an offer stands and what was said to it waits for rates."""
    if state.status is not OfferStatus.TABLED or state.offer is None:
        return state
    again, last = retried_on(state, day, reference), state.offer.valid_until
    return state.model_copy(update={"next_date": min(again or last, last)})


def answer_what_was_kept(state: OfferState, day: date, reference: Reference) -> Step:
    """Answer a wish, or a no, that was said while rates were stale, by the next round; or wait on."""
    assert state.offer is not None  # noqa: S101 - narrows: it is on the table
    wished = state.wish is not None and state.wish.noted_on is not None
    refused = state.unmet is not None and state.asked_in != state.round
    if not wished and not refused:
        return state.model_copy(update={"next_date": state.offer.valid_until}), ()
    if wished:
        after, said = table(round_after(state), day, reference, revised=True)
    else:
        met = meet(state, day, reference)
        after, said = met or (kept_for_fresh_rates(state, day, reference), ())
    return (kept_for_fresh_rates(state, day, reference), ()) if stale_in(said) else (after, said)


def by_a_person(
    state: OfferState, found: NotFound, day: date, policy: PolicyInForce
) -> tuple[OfferState, Reason, tuple[Event, ...]]:
    """Where a person comes next, it is a named role by a day that is told; who looks already is enough."""
    step = found.next_step
    if step.code is not ReasonCode.NEXT_HUMAN_REVIEW:
        return state, step, ()
    looks = state.human_due if state.human_due is not None and day <= state.human_due else None
    due = looks or policy.deadline(day, policy.talks.human_business_days)
    said = step.model_copy(update={"params": {**step.params, "due": due.isoformat()}})
    if looks is not None:
        return state, said, ()
    opened = HumanReviewOpened(role=policy.talks.human_role, due=due, reason=found.reason)
    return state.model_copy(update={"human_due": due}), said, (opened,)


def withdraw(state: OfferState, day: date, reason: ReasonCode) -> Step:
    """Take the standing offer, and a request for approval on it, off the table."""
    if state.offer is None:
        return state, ()
    # Who had accepted it has answered it; a wish or a no that comes now is not about what replaces it.
    heard = reason if state.status is OfferStatus.TABLED else ReasonCode.OFFER_ALREADY_ANSWERED
    answered = state.over(state.offer.offer_id, heard)
    if state.request is not None:
        answered = state.model_copy(update={"answered": answered}).over(state.request.request_id, reason)
    after = state.model_copy(update={"offer": None, "request": None, "answered": answered})
    return after, (OfferWithdrawn(offer_id=state.offer.offer_id, as_of=day, reason=Reason(code=reason)),)


def retable(state: OfferState, day: date, reference: Reference, reason: ReasonCode) -> Step:
    """Withdraw the offer and table a new one in the same round, or what the borrower had asked for."""
    day = max(day, state.offer.tabled_on if state.offer else day)
    gone, withdrawn = withdraw(state, day, reason)
    after, said = meet(gone, day, reference) or table(gone, day, reference, Reason(code=reason))
    return after, (*withdrawn, *said)


def meet(state: OfferState, day: date, reference: Reference) -> Step | None:
    """Where the borrower had said what does not fit, and no plan could give it, one may now: the next round.

    None where there is still none, or nothing of the kind was said.
    """
    if state.unmet is None:
        return None
    asked = round_after(state).model_copy(update={"refusals": state.unmet, "wish": None})
    after, said = table(asked, day, reference, answer_to(state.unmet, met=True))
    return (after, said) if after.status is OfferStatus.TABLED else None


def lapse(state: OfferState, day: date, reference: Reference) -> Step:
    """Nobody has answered by the end of `day`: the next round is set, or the talks have failed.

    The offer is remembered: an acceptance dated in time that arrives late still counts. Who has said no
    and then nothing more is not offered the same again.
    """
    offer = state.offer
    assert offer is not None  # noqa: S101 - narrows: only a tabled offer lapses
    if state.asked_in is not None or state.unmet is not None:
        refused = state.unmet or refused_in(state, offer.offer_id)
        state = state.model_copy(update={"refusals": refused, "wish": None})
    policy = policy_of(state, day, reference)
    again = next_round_on(day, policy)
    goes_on = rounds_are_left(state, day, reference) and again <= talks_end(state.started or day, policy)
    lapsed = OfferLapsed(
        offer_id=offer.offer_id,
        round=state.round,
        as_of=day,
        next_step=Reason(code=ReasonCode.NEXT_HUMAN_REVIEW),
        review_on=again if goes_on else None,
    )
    if goes_on:
        return state.model_copy(update={"status": OfferStatus.LAPSED, "next_date": again}), (lapsed,)
    after, failed = fail(state, day, reference, ReasonCode.NO_ANSWER)
    if after.status is OfferStatus.FAILED:
        after = after.model_copy(update={"offer": offer})
    return after, (lapsed, *failed)


def fail(state: OfferState, day: date, reference: Reference, reason: ReasonCode) -> Step:
    """The talks have failed: what follows is the pack's to say, a person first; never straight to court.

    The case is looked at again.
    """
    answered, fresh = state.answered, False
    if state.offer is not None:
        answered = state.over(state.offer.offer_id, reason)
        fresh = not state.live and is_assessed(state, day) and _has_fresh_figures(state, state.offer, day)
    over = {"answered": answered, "sought_until": None, "failed_on": day, "failed_why": reason}
    ended = state.model_copy(update=over)
    after = _rest(ended, OfferStatus.FAILED, day, reference)
    first, *then = after_talks(policy_of(state, day, reference))
    failed = TalksFailed(
        rounds=state.round,
        as_of=day,
        reason=Reason(code=reason),
        next_step=first,
        review_on=day if fresh else after.next_date,
        then=tuple(then),
    )
    if not fresh:
        return after, (failed,)
    again, said = new_talks(after, day, reference)
    return again, (failed, *said)


def _has_fresh_figures(state: OfferState, offer: Standing, day: date) -> bool:
    """Figures that came during the talks, today or unused so far, would begin new talks a moment later."""
    if state.assessed is None or state.started is None:
        return False
    came_today = state.started < day == state.assessed.since
    return came_today or not says_the_same(figures_of(state.assessed), offer.figures)


def review(state: OfferState, day: date, reference: Reference) -> Step:
    """Look again at a case that has no offer: the next round after silence, new talks otherwise."""
    if not owed_debts(state.debts):
        return _idle(state, OfferStatus.WAITING), ()
    if state.assessed is None or not is_assessed(state, day):
        return _without_figures(state, day, reference)
    if state.status is OfferStatus.LAPSED:
        return next_round(state, day, reference, Reason(code=ReasonCode.NO_ANSWER))
    if state.status is OfferStatus.NO_PLAN:
        return resume(state, day, reference)
    return new_talks(state, day, reference)


def resume(state: OfferState, day: date, reference: Reference) -> Step:
    """Go on where no plan could be found: the same round, and time counts from now.

    What lost its offer this very day keeps its time and its rules, as if the facts between came later.
    """
    anew = {"started": day, "round_on": None}
    now = state if state.gone_on == day else state.model_copy(update=anew)
    return meet(now, day, reference) or table(now, day, reference)


def say_again(state: OfferState, day: date, reference: Reference) -> Step:
    """Answer a statement that says nothing new where nothing is on the table: why, and what comes next.

    The day to look again stays, and so do the rounds: sending the same twice changes nothing.
    """
    assert state.assessed is not None  # noqa: S101 - narrows: the caller has its figures
    if state.halted_on is not None:
        return state, ()
    if state.status is OfferStatus.NO_PLAN:
        again, said = resume(state, day, reference)
        if again.status is not OfferStatus.NO_PLAN:
            return again, said
        looks = state.model_copy(update={"human_due": again.human_due})
        kept = [event for event in said if isinstance(event, NoPlanFound | HumanReviewOpened)]
        return looks, tuple(
            one.model_copy(update={"review_on": state.next_date}) if isinstance(one, NoPlanFound) else one
            for one in kept
        )
    none = NoPlanFound(
        assessment_id=state.assessed.assessment_id,
        as_of=day,
        reason=Reason(code=ReasonCode.STATEMENT_NO_NEWS),
        next_step=Reason(code=ReasonCode.NEXT_HUMAN_REVIEW),
        review_on=state.next_date,
    )
    return state, (none,)


def _without_figures(state: OfferState, day: date, reference: Reference) -> Step:
    """Assessment has asked for new figures; when they come, the talks begin at once. Until then: say so."""
    waits = _idle(state, OfferStatus.WAITING)
    after = waits if state.live else _rest(state, OfferStatus.NO_PLAN, day, reference)
    none = NoPlanFound(
        assessment_id=state.assessed.assessment_id if state.assessed is not None else "",
        as_of=day,
        reason=Reason(code=ReasonCode.ASSESSMENT_EXPIRED),
        next_step=Reason(code=ReasonCode.NEXT_NEW_STATEMENT),
        review_on=after.next_date,
    )
    return after, (none,)


def _rest(state: OfferState, status: OfferStatus, day: date, reference: Reference) -> OfferState:
    """Without an offer: a live plan goes on, any other case is looked at again on a date."""
    if state.live:
        return _idle(state, OfferStatus.AGREED)
    due = review_on(day, policy_of(state, day, reference))
    return _idle(state, status).model_copy(update={"next_date": due})


def _idle(state: OfferState, status: OfferStatus) -> OfferState:
    """Nothing on the table; who answers what was there hears that it is over."""
    answered = state.answered
    if state.offer is not None and state.why_over(state.offer.offer_id) is None:
        on_time = state.status is OfferStatus.TABLED
        code = ReasonCode.OFFER_ALREADY_ANSWERED if on_time else ReasonCode.OFFER_EXPIRED
        answered = state.over(state.offer.offer_id, code)
    return state.model_copy(
        update={"status": status, "offer": None, "request": None, "next_date": None, "answered": answered}
    )
