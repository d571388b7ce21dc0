"""How a plan ends: completed, or broken after notice and time to cure; and what is left over. Pure.

A plan that was completed by a payment that is returned is live again: its instalments have new grace from the
notice of the return. A plan that was broken stays so, because the bank was told and offer has the case again;
only a stop that is told later, or a supervisor, takes it back (`standing`).
"""

from datetime import date

from services.followup.co_borrowers import notice_void, to_tell
from services.followup.model import Credit, FollowedPlan, FollowupStatus
from services.followup.problems import (
    TELL_BROKEN,
    TELL_COMPLETED,
    TELL_NOTICED,
    TELL_STANDS,
    differing,
    unbilled,
)
from services.followup.rules import (
    UNPAID,
    breaks,
    cure_by,
    in_talks,
    is_paused,
    is_stopped,
    missed_numbers,
    summed,
)
from services.followup.work import Work
from shared.contracts.base import Reason
from shared.contracts.breach import BreachFacts, OpenInstalment
from shared.contracts.followup import PlanBroken, PlanCompleted
from shared.contracts.followup_care import BreachCured, BreachNoticed, CreditFound, PlanReopened
from shared.contracts.plan_terms import cut_rate
from shared.contracts.reasons import ReasonCode
from shared.lending.money import Money

__all__ = ["complete", "credit", "give_notice", "judge_breach", "reopen"]

_NO_NOTICE = {"cure_by": None, "noticed_on": None, "unserved": False}


def complete(work: Work, day: date, *, with_case: bool = False) -> None:
    """Every instalment has enough: say so, and what was paid beyond the plan."""
    served = work.served(day)
    currencies = dict.fromkeys(line.total.currency for line in work.plan.lines)
    paid = tuple(
        Money.sum((part.paid for part in served if part.paid.currency == currency), currency)
        for currency in currencies
    )
    lacking = zip(work.plan.lines, served, strict=True)
    short = summed(line.total - part.paid for line, part in lacking if part.paid < line.total)
    done = PlanCompleted(
        agreement_id=work.plan.agreement_id, as_of=day, paid=paid, with_case=with_case, short=short
    )
    work.said.append(done)
    over = {"review_open": False, "review_late_on": None, **_NO_NOTICE}
    work.update(ended_on=day, completed=True, judged_to=day, **over)
    work.change(status=FollowupStatus.COMPLETED, completed_on=day)
    credit(work, day)
    for left in (unbilled, differing):
        work.state, said = left(work.state, work.plan, day, work.policy)
        work.said += said
    _tells(work, TELL_COMPLETED, day)


def credit(work: Work, day: date) -> None:
    """Say what the borrower has beyond the plan, when it is no longer what was said last.

    It is never more than what of the money lies on no debt: what was paid in advance and has served another
    debt stays there, also where a reward has made the instalments less since.
    """
    plan = work.plan
    # What is left of an earlier plan of the case stays the borrower's beside it.
    others = tuple(one for one in work.state.credits if one.agreement_id != plan.agreement_id)
    known = {one.found.currency: one for one in work.state.credits if one.agreement_id == plan.agreement_id}
    for currency in sorted({line.total.currency for line in work.plan.lines}):
        entries = [
            entry
            for entry in work.state.received
            if entry.amount.currency == currency and work.plan.effective <= entry.on <= day
        ]
        came = Money.sum((entry.amount for entry in entries), currency)
        parts = (part.paid for part in work.served(day) if part.paid.currency == currency)
        nothing = Money.zero(currency)
        beside = Money.sum((part for part in work.plan.beside if part.currency == currency), currency)
        left = max(came - Money.sum(parts, currency) - beside, nothing)
        loose = [entry.on_no_debt for entry in entries if entry.on_no_debt is not None]
        if len(loose) == len(entries):
            left = min(left, max(Money.sum(loose, currency), nothing))
        none = Credit(agreement_id=plan.agreement_id, found=nothing, settled=nothing, since=plan.effective)
        before = known.get(currency, none)
        if left == before.found:
            continue
        known[currency] = before.model_copy(update={"found": left})
        free = max(left - before.settled, nothing)
        work.said.append(CreditFound(agreement_id=plan.agreement_id, as_of=day, amount=free))
    work.change(credits=(*others, *(known[currency] for currency in sorted(known))))


def reopen(work: Work, day: date) -> None:
    """The payment that had completed the plan came back: it is live again."""
    beside = summed((*work.plan.beside, *work.plan.came_back))
    work.update(ended_on=None, completed=False, beside=beside, came_back=())
    work.change(status=FollowupStatus.LIVE, completed_on=None)
    work.said.append(
        PlanReopened(
            agreement_id=work.plan.agreement_id,
            as_of=day,
            missing=work.missing(day),
            reason=Reason(code=ReasonCode.PAYMENT_RETURNED),
        )
    )
    credit(work, day)
    _tells(work, TELL_STANDS, day)


def _tells(work: Work, about: str, day: date) -> None:
    """Have a person tell whom the plan binds beside the borrower: a notice goes to the borrower alone."""
    work.state, said = to_tell(work.state, work.plan, about, day, work.policy)
    work.said += said


def judge_breach(work: Work, day: date) -> bool:
    """Give notice of a breach, take it back when it is cured, or break the plan; say whether it is broken.

    A report of hardship voids a notice, and so does a stop event: when the talks are over, what is still
    missing is noticed again.
    """
    plan = _held_here(work)
    if not breaks(plan, day, work.policy):
        if plan.cure_by is not None:
            code = _why_cured(plan, day)
            work.said.append(BreachCured(agreement_id=plan.agreement_id, as_of=day, reason=Reason(code=code)))
            work.update(**_NO_NOTICE)
            work.state, said = notice_void(work.state, plan, day, work.policy)
            work.said += said
        return False
    if plan.unserved:
        return False
    until = plan.cure_by or cure_by(day, work.policy)
    if until is None or until <= day:
        _break(work, day)
        return True
    if plan.cure_by is None:
        give_notice(work, day, until)
    return False


def give_notice(work: Work, day: date, until: date, *, served: bool = False) -> None:
    """Give notice of a breach; one that was `served` by hand is on file, and nothing is sent."""
    plan = _held_here(work)
    work.update(cure_by=until, noticed_on=None if served else day, unserved=False)
    work.said.append(
        BreachNoticed(
            agreement_id=plan.agreement_id,
            as_of=day,
            cure_by=until,
            missing=work.missing(day, due_by=day),
            reasons=(_missed(work, day),),
            returns=plan.returns,
            rates_return=plan.rates_return,
            facts=_facts(work, day),
            served=served,
        )
    )
    _tells(work, TELL_NOTICED, day)


def _held_here(work: Work) -> FollowedPlan:
    """Give the plan with what its breach takes back here: nothing of what another obligor's case holds.

    A plan there may have been signed on what is owed since. Where it comes back, everything is as it was.
    """
    plan, gone = work.plan, set(work.state.elsewhere)
    if not gone & set(plan.debts):
        return plan
    returning = tuple(one for one in plan.returning if one.debt_id not in gone)
    rates = tuple(rate for rate in plan.contract_rates if rate.debt_id not in gone)
    update = {
        "returning": returning,
        "returns": summed(one.amount for one in returning) if plan.returning else plan.returns,
        "contract_rates": rates,
        "rates_return": bool(rates) if plan.contract_rates else plan.rates_return,
    }
    return plan.model_copy(update=update)


def _why_cured(plan: FollowedPlan, day: date) -> ReasonCode:
    if is_stopped(plan, day):
        return ReasonCode.DEBT_STOPPED
    if in_talks(plan, day):
        return ReasonCode.HARDSHIP_REPORTED
    # Besides talks that go on, what a plan rests in is the time of an amendment that was withdrawn from.
    return ReasonCode.WITHDRAWN_IN_TIME if is_paused(plan, day) else ReasonCode.CAUGHT_UP


def _break(work: Work, day: date) -> None:
    plan = _held_here(work)
    work.said.append(
        PlanBroken(
            agreement_id=plan.agreement_id,
            as_of=day,
            missed=len(missed_numbers(plan.lines)),
            reasons=(_missed(work, day),),
            returns=plan.returns,
            rates_return=plan.rates_return,
            rate_cut_pct=plan.rate_cut_pct,
            facts=_facts(work, day),
        )
    )
    work.update(ended_on=day, review_open=False, review_late_on=None, cure_by=None)
    work.change(status=FollowupStatus.BROKEN)
    _tells(work, TELL_BROKEN, day)


def _facts(work: Work, day: date) -> BreachFacts:
    """Give what the borrower is told: what is open on `day`, what a breach takes back and what it leaves."""
    plan = _held_here(work)
    rates = tuple(
        rate.model_copy(update={"annual_rate_pct": cut_rate(rate.annual_rate_pct, plan.rate_cut_pct)})
        for rate in plan.contract_rates
    )
    gone = {*(one.debt_id for one in plan.apart), *work.state.elsewhere}
    return BreachFacts(
        debts=tuple(one for one in plan.debts if one not in gone),
        instalments=tuple(
            OpenInstalment(number=line.number, due=line.due, missing=missing, debts=line.debts or plan.debts)
            for line, missing in work.open_lines(day, due_by=day)
        ),
        returns=plan.returns,
        rates_return=plan.rates_return,
        rates=rates,
        stays=plan.stays,
        rate_cut_pct=plan.rate_cut_pct,
    )


def _missed(work: Work, day: date) -> Reason:
    unpaid = [line for line in work.plan.lines if line.state in UNPAID]
    longest = max(((day - line.due).days for line in unpaid), default=0)
    params = {"missed": str(len(missed_numbers(work.plan.lines))), "days_late": str(longest)}
    return Reason(code=ReasonCode.MISSED_TOO_MANY, params=params)
