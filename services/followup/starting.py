"""A signed plan is followed from now on. Pure."""

from collections.abc import Sequence
from datetime import date

from services.followup.found import handed_back
from services.followup.group import asks
from services.followup.ledger import prune
from services.followup.model import (
    Attempts,
    DebtMoney,
    DebtShare,
    Earlier,
    FollowedPlan,
    FollowupState,
    FollowupStatus,
    Line,
    Pause,
)
from services.followup.referral import NOT_REFERRED
from services.followup.rules import (
    breach_on,
    day_before,
    grace_until,
    in_talks,
    on_time_count,
    pause_until,
    review_dates,
    review_days,
    summed,
    talks_of,
)
from services.followup.stops import with_stops_of
from services.followup.work import policy_of
from shared.contracts.agreement import AgreementEnded, AgreementSigned, RewardTerm, WaivedDebt
from shared.contracts.base import Event, Reason
from shared.contracts.desk_care import SatisfactionTopic
from shared.contracts.followup import PlanStarted, RenegotiationRequested
from shared.contracts.plan_terms import total_of
from shared.contracts.reasons import ReasonCode
from shared.lending.money import Money
from shared.policy.reference import Reference

__all__ = ["start", "take_back"]

# Amendments of amendments, each in the days to withdraw from the one before.
_EARLIER_KEPT = 4
# When a review is asked for, invited to, and overdue.
_REVIEW_DAYS = ("review_on", "stretched_on", "invite_on", "invite_well_on", "review_late_on")
_TALKS = ("paused_from", "paused_until", "pause_left", "unreported")
_REVIEWS = (*_REVIEW_DAYS, "invited_for", "review_asked_on", "review_open", "reviewed_on")


def start(
    state: FollowupState, data: AgreementSigned, reference: Reference
) -> tuple[FollowupState, tuple[Event, ...]] | ReasonCode:
    """Take up the instalments of a signed agreement; give why not, where it cannot be followed.

    An agreement of a later version takes the place of an earlier one. It takes over the money that is dated
    from its own effective day on; what was dated earlier has lowered the balances that it divides.
    """
    if state.status is FollowupStatus.CLOSED:
        return ReasonCode.CASE_CLOSED
    if data.policy not in reference.policies:
        return ReasonCode.UNKNOWN_PRODUCT
    if not data.instalments:
        return ReasonCode.PLAN_NO_LONGER_COMPUTES
    before = state.plan
    if before is not None and data.version <= before.version:
        return ReasonCode.STALE_FACT
    agreed_on = data.pinned_on or data.effective
    policy = reference.policies.for_case(data.policy, data.effective, agreed_on=agreed_on)
    shares = _shares(data)
    lines = tuple(
        Line(
            number=row.number,
            due=row.due,
            until=grace_until(row.due, policy),
            breach_on=breach_on(row.due, policy),
            total=row.total,
            interest=_interest(shares.get((row.due, row.total.currency), ()), row.total.currency),
            debts=tuple(one.debt_id for one in shares.get((row.due, row.total.currency), ())),
            shares=tuple(shares.get((row.due, row.total.currency), ())),
        )
        for row in sorted(data.instalments, key=lambda row: (row.due, row.number, row.total.currency))
    )
    regular, _ = review_dates(data.effective, policy)
    plan = FollowedPlan(
        agreement_id=data.agreement_id,
        version=data.version,
        policy=data.policy,
        policy_version=data.policy_version,
        effective=data.effective,
        pinned_on=data.pinned_on,
        debts=tuple(schedule.debt_id for schedule in data.schedules),
        lines=lines,
        judged_to=day_before(data.effective),
        returns=_totals(data.returns),
        returning=tuple(
            DebtMoney(debt_id=debt.debt_id, amount=total_of(debt.amounts)) for debt in data.returns
        ),
        rates_return=bool(data.rates_return),
        contract_rates=data.rates_return,
        stays=_stays(data, before),
        rewards=data.rewards,
        bound=(*data.bound, *data.signed_before),
        **review_days(data.effective, policy),
        **_carried(before, data.rewards),
    )
    plan, again = _not_heard(state, plan, data, reference)
    started = PlanStarted(
        agreement_id=data.agreement_id,
        version=data.version,
        effective=data.effective,
        instalments=len({line.number for line in lines}),
        first_due=lines[0].due,
        last_due=lines[-1].due,
        next_review=regular,
        owner=state.owner,
    )
    asked = asks(SatisfactionTopic.SIGNING, data.effective)
    update = {
        "status": FollowupStatus.LIVE,
        "policy": state.policy or data.policy,
        "plan": plan,
        "earlier": _kept(state, data),
        "completed_on": None,
        "planned": tuple(dict.fromkeys((*state.planned, *plan.debts))),
    }
    # What led nowhere before has led to this: the next referral needs talks or attempts of its own.
    attempts = Attempts(void_on=state.attempts.void_on)
    anew = {"talks_ended_on": None, "attempts": attempts, "offer_stands": False, "told_on": None}
    live = state.model_copy(update={**update, **NOT_REFERRED, **anew})
    return prune(live, day_before(data.effective)), (started, asked, *again)


def _not_heard(
    state: FollowupState, plan: FollowedPlan, data: AgreementSigned, reference: Reference
) -> tuple[FollowedPlan, tuple[Event, ...]]:
    """Protect a plan from a hardship that was reported after it was drawn up: it is not in it.

    Who reported it in talks, or without a plan, is asked to talk again, for that has led to this one; who had
    kept to a plan until then has been.
    """
    drafted = data.drafted_on
    if drafted is None:
        return plan, ()
    before = state.plan if state.status is FollowupStatus.LIVE else None
    told = state.told_on if before is None else before.told_on
    update: dict[str, object] = {"drafted_on": drafted}
    if told is None or told <= drafted:
        return plan.model_copy(update=update), ()
    until = pause_until(told, policy_of(plan, reference, told))
    update |= {"told_on": told, "paused_from": told, "paused_until": until, "cooperated": True}
    reason = Reason(code=ReasonCode.NEW_DIFFICULTIES)
    said = RenegotiationRequested(agreement_id=data.agreement_id, as_of=data.effective, reasons=(reason,))
    asked = before is not None and before.paused_from == told
    return plan.model_copy(update=update), () if asked else (said,)


def _totals(returns: tuple[WaivedDebt, ...]) -> tuple[Money, ...]:
    return summed(total_of(debt.amounts) for debt in returns)


def _stays(data: AgreementSigned, before: FollowedPlan | None) -> tuple[Money, ...]:
    """Give what is waived for good: now, without condition, and by the agreement that this one amends.

    An amendment ends the conditions of the one before it.
    """
    earlier = () if before is None or before.ended_on is not None else (*before.stays, *before.returns)
    waived = (*_totals(data.waived), *(-amount for amount in _totals(data.returns)), *earlier)
    return tuple(amount for amount in summed(waived) if amount.is_positive)


def _kept(state: FollowupState, data: AgreementSigned) -> tuple[Earlier, ...]:
    """Give the plans that a withdrawal would bring back: that before this one, and those before it."""
    before = state.plan
    if before is None or before.ended_on is not None or not data.may_withdraw:
        return ()
    still = (one for one in state.earlier if one.until is None or one.until >= data.effective)
    return (*still, Earlier(plan=before, until=data.withdraw_until))[-_EARLIER_KEPT:]


def take_back(state: FollowupState, data: AgreementEnded, day: date) -> FollowupState:
    """The borrower has withdrawn: nothing is followed, or the plan before the amendment is, as it was.

    What was paid since counts for it. What it asked for while the amendment held is no breach of it. Talks
    about a hardship that was reported under the amendment go on, and protect it as they did the amendment.
    Those that led to the amendment were over with it: their days protect on, and a report is heard anew.
    """
    gone, now = state.plan, data.returns_to
    known = [one.plan.agreement_id for one in state.earlier]
    at = known.index(now.agreement_id) if now is not None and now.agreement_id in known else None
    if at is None or gone is None:
        nothing = {"plan": None, "status": FollowupStatus.WAITING, "earlier": ()}
        return state.model_copy(update=nothing)
    plan = state.earlier[at].plan
    dates = ((name, getattr(plan, name)) for name in _REVIEW_DAYS)
    # What came up while the amendment held is said today, with the whole time to answer; not dated back. So
    # is the regular review that a performing borrower was spared, where a miss of these days brings it up.
    late = {name: day for name, on in dates if on is not None and on < day}
    over = (*(one.plan for one in state.earlier[at + 1 :]), gone)
    update: dict[str, object] = {"replay": True, **late, **_reviews(plan, over), "reviews": gone.reviews}
    before, until = plan.pauses, plan.paused_until
    if in_talks(gone, day):
        before = talks_of(plan)
        update |= {name: getattr(gone, name) for name in _TALKS}
    elif until is not None and until != date.max and in_talks(plan, day) and not plan.unreported:
        ended = over[0].effective
        before = (*before, Pause(since=ended, until=until))
        update |= {"paused_until": ended, "pause_left": (until - ended).days}
    update["pauses"] = (*before, Pause(since=gone.effective, until=day))
    update["cooperated"] = plan.cooperated or gone.cooperated
    back = with_stops_of(state, plan.model_copy(update=update), over)
    after = state.model_copy(update={"plan": back, "earlier": state.earlier[:at]})
    return handed_back(after, over)


def _reviews(back: FollowedPlan, over: Sequence[FollowedPlan]) -> dict[str, object]:
    """Give how the last of the plans that are `over` stood with a review that came up, or was held, under it.

    Who has answered is not asked again for the plan that stands again, and who was asked has the same time.
    """
    newest_first = zip(reversed(over), reversed((back, *over[:-1])), strict=True)
    heard = (plan for plan, before in newest_first if plan.reviewed_on or plan.reviews > before.reviews)
    last = next(heard, None)
    return {} if last is None else {name: getattr(last, name) for name in _REVIEWS}


def _shares(data: AgreementSigned) -> dict[tuple[date, str], list[DebtShare]]:
    """Give the part of each debt in each instalment, in the order of the agreement.

    Its interest is what the rate gives, which a lower rate makes less; interest that was owed before the plan
    is not among it. None where the agreement did not say the rate.
    """
    shares: dict[tuple[date, str], list[DebtShare]] = {}
    rates = {rate.debt_id: rate.annual_rate_pct for rate in data.rates or ()}
    for schedule in data.schedules:
        rate = rates.get(schedule.debt_id)
        gives = [None] * len(schedule.rows) if rate is None else schedule.accruing(rate)
        for row, interest in zip(schedule.rows, gives, strict=True):
            share = DebtShare(debt_id=schedule.debt_id, total=row.total, interest=interest)
            if row.total.is_positive:
                shares.setdefault((row.due, row.total.currency), []).append(share)
    return shares


def _interest(shares: Sequence[DebtShare], currency: str) -> Money | None:
    """Give what of an instalment the rates give as interest, over all debts whose rate is known."""
    known = [share.interest for share in shares if share.interest is not None]
    return Money.sum(known, currency) if known else None


def _carried(before: FollowedPlan | None, rewards: tuple[RewardTerm, ...] | None) -> dict[str, int | bool]:
    """What an amendment takes over: the steps granted, the instalments kept in a row, and the good will.

    Where it has other steps, those count as granted that ask for no more instalments than the last that was.
    """
    if before is None or before.ended_on is not None:
        return {"steps_worth": 0}
    worth = before.steps_worth
    given = max(before.steps_given, min(before.rewarded_upto, 1)) if worth is None else worth
    if rewards is not None and (granted := (before.rewards or ())[:given]):
        given = sum(step.after <= granted[-1].after for step in rewards)
    return {
        "steps_given": given,  # what came to nothing then may come to something now: the paper promises it
        "steps_worth": given,
        "on_time_before": on_time_count(before),
        "cooperated": before.cooperated,
        "reviews": before.reviews,
    }
