"""The periods for which a signed plan is watched: trial, observation, probation. Pure.

Each counts instalments paid on time, in a row, from a due date on; one in several currencies is paid when it
is paid in each of them. What was missed, or turned out to be
unpaid, starts the observation and the probation again from its due date, the trial from the next instalment.
"""

from datetime import date

from services.agreement.model import AgreementState, InForce, PartPaid, Watch
from shared.contracts import followup
from shared.contracts.agreement import Period, PeriodPassed
from shared.contracts.decision import Decision
from shared.contracts.envelope import Envelope
from shared.lending.calendar import add_months
from shared.policy.model import PolicyInForce
from shared.policy.reference import Reference

__all__ = ["instalment_corrected", "instalment_missed", "instalment_paid", "watches_from"]

Outcome = Decision[AgreementState]


def watches_from(first_due: date, policy: PolicyInForce) -> tuple[Watch, ...]:
    """Give the periods that begin with the first instalment of a plan signed under `policy`."""
    kinds = (
        (Period.TRIAL, policy.trial.payments),
        (Period.OBSERVATION, policy.agreement.observation_min_months),
    )
    return tuple(Watch(period=period, since=first_due) for period, length in kinds if length)


def instalment_paid(
    state: AgreementState | None, message: Envelope[followup.InstalmentPaid], reference: Reference
) -> Outcome:
    """Count an instalment paid on time; say which periods it ends."""
    live, data = _live(state, message.data), message.data
    if state is None or live is None or not data.on_time:
        return Decision(state)
    paid = _paid_in(live, data.number) | {data.total.currency}
    others = tuple(part for part in live.partly if part.number != data.number)
    if not paid >= _due_in(live, data.number):
        part = PartPaid(number=data.number, currencies=tuple(sorted(paid)))
        return Decision(_with(state, live.model_copy(update={"partly": (*others, part)}), live.watches))
    live = live.model_copy(update={"partly": others}) if live.partly else live
    policy = reference.policies.for_case(state.policy, live.effective, agreed_on=live.pinned_on)
    left: list[Watch] = []
    said: list[PeriodPassed] = []
    for watch in live.watches:
        if data.number <= watch.last or data.due < watch.since:
            left.append(watch)
            continue
        counted = watch.model_copy(update={"kept": watch.kept + 1, "last": data.number})
        if not _is_over(counted, data.due, policy):
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
    return Decision.of(_with(state, live, tuple(left)), *said)


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
        for month in range(debt.grace_periods + debt.instalments):
            day = add_months(debt.first_due, month)
            due.setdefault(day, set()).add(debt.balance.principal.currency)
    days = sorted(due)
    return due[days[number - 1]] if number <= len(days) else set()


def instalment_missed(
    state: AgreementState | None, message: Envelope[followup.InstalmentMissed], _reference: Reference
) -> Outcome:
    """Count again from the instalment that was missed."""
    return _again(state, message.data)


def instalment_corrected(
    state: AgreementState | None, message: Envelope[followup.InstalmentCorrected], _reference: Reference
) -> Outcome:
    """What had been paid is missed after all: count again from it."""
    return _again(state, message.data) if message.data.now == "missed" else Decision(state)


def _again(
    state: AgreementState | None, data: followup.InstalmentMissed | followup.InstalmentCorrected
) -> Outcome:
    live = _live(state, data)
    if state is None or live is None:
        return Decision(state)
    watches = tuple(
        Watch(period=w.period, since=max(w.since, data.due), last=max(w.last, data.number))
        for w in live.watches
    )
    # What another currency has paid of it counts no more.
    partly = tuple(part for part in live.partly if part.number > data.number)
    return Decision(_with(state, live.model_copy(update={"partly": partly}), watches))


def _is_over(watch: Watch, due: date, policy: PolicyInForce) -> bool:
    if watch.period is Period.TRIAL:
        return watch.kept >= policy.trial.payments
    observed = watch.period is Period.OBSERVATION
    agreement = policy.agreement
    months = agreement.observation_min_months if observed else policy.observation.probation_months
    periods = agreement.observation_min_periods if observed else 1
    try:
        return watch.kept >= periods and due >= add_months(watch.since, months)
    except (OverflowError, ValueError):  # beyond the calendar's last year
        return False


def _live(
    state: AgreementState | None,
    data: followup.InstalmentPaid | followup.InstalmentMissed | followup.InstalmentCorrected,
) -> InForce | None:
    live = None if state is None else state.live
    return live if live is not None and live.agreement_id == data.agreement_id else None


def _with(state: AgreementState, live: InForce, watches: tuple[Watch, ...]) -> AgreementState:
    return state.model_copy(update={"live": live.model_copy(update={"watches": watches})})
