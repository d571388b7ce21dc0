"""The periods for which a signed plan is watched: trial, observation, probation. Pure.

Each counts instalments paid in time, in a row, from a day on; one in several currencies is paid when it is
paid in each of them. What ends or begins again by what was missed, by a difficulty that lasts and by a
second measure is in `periods`. Nobody but the bank is concerned by it: collection stays stopped all the same.
"""

from datetime import date, timedelta

from services.agreement import periods
from services.agreement.model import AgreementState, InForce, PartPaid, Unpaid, Watch
from services.agreement.periods import Changed
from services.agreement.re_ageing import re_age, undo_re_age, with_paid
from shared.contracts import followup
from shared.contracts.agreement import Period, PeriodPassed, PeriodRestarted
from shared.contracts.base import Reason
from shared.contracts.decision import Decision
from shared.contracts.envelope import Envelope
from shared.contracts.followup_care import DifficultyLasts
from shared.contracts.reasons import ReasonCode
from shared.lending.schedule import dates_without
from shared.policy.model import PolicyInForce
from shared.policy.reference import Reference

__all__ = ["begun", "difficulty_lasts", "instalment_corrected", "instalment_missed", "instalment_paid"]

Outcome = Decision[AgreementState]
Told = followup.InstalmentPaid | followup.InstalmentMissed | followup.InstalmentCorrected


def begun(
    agreement_id: str,
    first_due: date,
    effective: date,
    policy: PolicyInForce,
    before: InForce | None,
    on_trial: int = 0,
) -> tuple[tuple[Watch, ...], tuple[PeriodRestarted, ...]]:
    """Give the periods of a plan signed under `policy`, and what a second measure begins again.

    `on_trial`: the payments in a row that debts need to be shown as current again.
    That is said whatever ran until then: followup is read as it comes, and may not have told all of it yet.
    """
    running = () if before is None else before.watches
    open_ = () if before is None else before.unpaid
    kept = tuple(after for _, after in periods.after_missed(running, open_, effective, policy))
    watches = periods.begun(first_due, effective, policy, kept, on_trial)
    observed = next((w for w in watches if w.period is Period.OBSERVATION), None)
    if before is None or observed is None:
        return watches, ()
    restarted = PeriodRestarted(
        agreement_id=agreement_id,
        period=observed.period,
        since=observed.since,
        as_of=effective,
        reason=Reason(code=ReasonCode.PLAN_SUPERSEDED),
    )
    return watches, (restarted,)


def instalment_paid(
    state: AgreementState | None, message: Envelope[followup.InstalmentPaid], reference: Reference
) -> Outcome:
    """Count an instalment paid in time; say which periods it ends. A late one may begin some again."""
    live, data = _live(state, message.data), message.data
    if state is None or live is None:
        return Decision(state)
    policy = _policy_of(state, live, reference)
    changed = periods.after_paid(live.watches, data, policy)
    again = _restarted(live, changed, data.due, message.day)
    before = _paid_in(live, data.number)
    nothing = data.total.is_zero and not before  # what asks for nothing counts for nothing
    paid = before | {data.total.currency}
    partly = tuple(part for part in live.partly if part.number != data.number)
    whole = paid >= _due_in(live, data.number)
    if not whole:
        partly = (*partly, PartPaid(number=data.number, currencies=tuple(sorted(paid))))
    live = live.model_copy(update={"partly": partly, "unpaid": _other_than(live, data)})
    watches = tuple(after for _, after in changed)
    if not whole or nothing:
        return Decision.of(_with(state, live, watches), *again)
    trial = next((watch for watch in watches if watch.period is Period.TRIAL), None)
    live = with_paid(live, trial, data)
    left, said = _counted(live, watches, data, policy)
    after, told = re_age(_with(state, live, left), trial, data, message.day, policy)
    return Decision.of(after, *again, *said, *told)


def _counted(
    live: InForce, watches: tuple[Watch, ...], data: followup.InstalmentPaid, policy: PolicyInForce
) -> tuple[tuple[Watch, ...], list[PeriodPassed]]:
    left: list[Watch] = []
    said: list[PeriodPassed] = []
    for watch in watches:
        if data.number <= watch.last or data.due < watch.since:
            left.append(watch)
            continue
        counted = watch.model_copy(update={"kept": watch.kept + 1, "last": data.number})
        if not periods.is_over(counted, data.due, policy):
            left.append(counted)
            continue
        said.append(
            PeriodPassed(
                agreement_id=live.agreement_id,
                period=watch.period,
                since=watch.since,
                as_of=data.due,
                payments=counted.kept,
            )
        )
        if watch.period is Period.OBSERVATION and policy.observation.probation_months:
            left.append(Watch(period=Period.PROBATION, since=data.due, last=data.number))
    return tuple(left), said


def _paid_in(live: InForce, number: int) -> set[str]:
    """Give the currencies in which an instalment has been paid before."""
    return {currency for part in live.partly if part.number == number for currency in part.currencies}


def _due_in(live: InForce, number: int) -> set[str]:
    """Give the currencies in which an instalment is due: instalments are numbered by day, over all debts."""
    every = {debt.balance.principal.currency for debt in live.terms}
    if len(every) < 2:
        return every
    due: dict[date, set[str]] = {}
    for debt in live.terms:
        for day in dates_without(debt.first_due, debt.grace_periods + debt.instalments, debt.skips):
            due.setdefault(day, set()).add(debt.balance.principal.currency)
    days = sorted(due)
    return due[days[number - 1]] if number <= len(days) else set()


def instalment_missed(
    state: AgreementState | None, message: Envelope[followup.InstalmentMissed], reference: Reference
) -> Outcome:
    """An instalment is unpaid when its grace ends; those before it that still are, are that much later."""
    return _missed(state, message, message.data, reference)


def instalment_corrected(
    state: AgreementState | None, message: Envelope[followup.InstalmentCorrected], reference: Reference
) -> Outcome:
    """What had been paid is missed after all; or what was missed is not, by what is known now."""
    live = _live(state, message.data)
    if state is None or live is None:
        return Decision(state)
    if message.data.now == "missed":
        return _missed(state, message, message.data, reference)
    known = live.model_copy(update={"unpaid": _other_than(live, message.data)})
    return Decision(_with(state, known, live.watches))


def _missed(
    state: AgreementState | None,
    message: Envelope[followup.InstalmentMissed] | Envelope[followup.InstalmentCorrected],
    data: followup.InstalmentMissed | followup.InstalmentCorrected,
    reference: Reference,
) -> Outcome:
    live = _live(state, data)
    if state is None or live is None:
        return Decision(state)
    policy = _policy_of(state, live, reference)
    if periods.is_shielded(data, policy):
        known = live.model_copy(update={"unpaid": _other_than(live, data)})
        over = periods.passed_over(live.watches, data.number)
        passed = _with(state, known, tuple(after for _, after in over))
        # It is held against nobody, but a payment that came back was not made.
        after, told = undo_re_age(passed, data, message.day, policy)
        return Decision.of(after, *told)
    item = Unpaid(number=data.number, due=data.due, currency=data.total.currency)
    unpaid = tuple(sorted((*_other_than(live, data), item), key=lambda i: (i.number, i.currency)))
    # Of a later instalment nothing is new by this one: followup tells them in their order.
    so_far = tuple(one for one in unpaid if one.number <= data.number)
    changed = periods.after_missed(live.watches, so_far, message.day, policy)
    said = _restarted(live, changed, data.due, message.day)
    known = live.model_copy(update={"unpaid": unpaid})
    now = _with(state, known, tuple(after for _, after in changed))
    after, told = undo_re_age(now, data, message.day, policy)
    return Decision.of(after, *said, *told)


def difficulty_lasts(
    state: AgreementState | None, message: Envelope[DifficultyLasts], reference: Reference
) -> Outcome:
    """A difficulty that lasts begins the observation again, where the pack says so.

    It counts from the day after: what was due until then says nothing of how the borrower copes with it.
    Followup tells it, in the order of its instalments: between them and the desk there is none.
    """
    live = _live(state, message.data)
    if state is None or live is None:
        return Decision(state)
    policy = _policy_of(state, live, reference)
    if not policy.observation.restarts_on_persisting_difficulty:
        return Decision(state)
    since = message.data.as_of + timedelta(days=1)
    changed = tuple(
        (w, w.model_copy(update={"since": max(w.since, since), "kept": 0}))
        for w in live.watches
        if w.period is Period.OBSERVATION and w.since < since
    )
    if not changed:
        return Decision(state)
    now = dict(changed)
    said = _told(live, changed, message.data.as_of, Reason(code=ReasonCode.HARDSHIP_REPORTED))
    return Decision.of(_with(state, live, tuple(now.get(w, w) for w in live.watches)), *said)


def _restarted(live: InForce, changed: Changed, due: date, on: date) -> tuple[PeriodRestarted, ...]:
    reason = Reason(code=ReasonCode.INSTALMENT_MISSED, params={"due": due.isoformat()})
    return _told(live, changed, on, reason)


def _told(live: InForce, changed: Changed, on: date, reason: Reason) -> tuple[PeriodRestarted, ...]:
    """Say which periods count from another day now, or are others."""
    return tuple(
        PeriodRestarted(
            agreement_id=live.agreement_id,
            period=after.period,
            since=after.since,
            as_of=on,
            ended=before.period if before.period is not after.period else None,
            reason=reason,
        )
        for before, after in changed
        if (before.period, before.since) != (after.period, after.since)
    )


def _other_than(live: InForce, data: Told) -> tuple[Unpaid, ...]:
    about = data.number, data.total.currency
    return tuple(item for item in live.unpaid if (item.number, item.currency) != about)


def _policy_of(state: AgreementState, live: InForce, reference: Reference) -> PolicyInForce:
    return reference.policies.for_case(state.policy, live.effective, agreed_on=live.pinned_on)


def _live(state: AgreementState | None, data: Told | DifficultyLasts) -> InForce | None:
    live = None if state is None else state.live
    return live if live is not None and live.agreement_id == data.agreement_id else None


def _with(state: AgreementState, live: InForce, watches: tuple[Watch, ...]) -> AgreementState:
    """Keep the periods. Of an instalment that none of them can count any more, no part is remembered."""
    counted = min((watch.last for watch in watches), default=None)
    partly = tuple(part for part in live.partly if counted is not None and part.number > counted)
    update = {"watches": watches, "partly": partly}
    return state.model_copy(update={"live": live.model_copy(update=update)})
