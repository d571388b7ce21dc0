"""The rules of trial, observation and probation. Their numbers come from the policy of the agreement. Pure.

| period | an instalment breaks it | and then |
| --- | --- | --- |
| trial | paid later than `trial.tolerance_days` | it begins again |
| observation | missed | it begins again, where `observation.restarts_on_breach` |
| probation | more than `observation.probation_max_days_past_due` late | the observation begins again |

What is missed and breaks nothing ends only the row of payments; the time runs on. How late an instalment is
that nobody pays is known when followup next speaks of one that is missed. What is missed in a hardship that
was reported counts as if it had not fallen due, neither for the row nor against it, unless the pack's
`observation.hardship_misses_count` says otherwise.
"""

from datetime import date, timedelta

from services.agreement.model import Unpaid, Watch
from shared.contracts.agreement import Period
from shared.contracts.followup import InstalmentCorrected, InstalmentMissed, InstalmentPaid
from shared.lending.calendar import add_months
from shared.policy.model import PolicyInForce

__all__ = ["Changed", "after_missed", "after_paid", "begun", "is_over", "is_shielded", "passed_over"]

Changed = tuple[tuple[Watch, Watch], ...]
"""Each period as it was, and as it is now."""


def begun(
    first_due: date,
    effective: date,
    policy: PolicyInForce,
    before: tuple[Watch, ...] = (),
    on_trial: int = 0,
) -> tuple[Watch, ...]:
    """Give the periods that begin with a plan; `before` are those of the plan whose place it takes.

    A second measure ends a probation, where the pack says so; elsewhere it goes on. An observation is always
    that of the newest terms. Where debts need payments in a row to be shown as current again (`on_trial`),
    there is a trial of so many at least.
    """
    on_trial = max(on_trial, policy.trial.payments)
    trial = (Watch(period=Period.TRIAL, since=first_due, asked=on_trial),) if on_trial else ()
    rules = policy.observation
    if rules.probation_months and not rules.second_measure_ends_probation:
        goes_on = tuple(
            watch.model_copy(update={"last": 0}) for watch in before if watch.period is Period.PROBATION
        )
        if goes_on:
            return (*trial, *goes_on)
    if not policy.agreement.observation_min_months:
        return trial
    since = effective if rules.starts == "signing" else first_due
    return (*trial, Watch(period=Period.OBSERVATION, since=since))


def is_shielded(data: InstalmentPaid | InstalmentMissed | InstalmentCorrected, policy: PolicyInForce) -> bool:
    """Whether nothing is held against the borrower that is said of this instalment."""
    return data.shielded and not policy.observation.hardship_misses_count


def passed_over(watches: tuple[Watch, ...], number: int) -> Changed:
    """Give the periods when an instalment counts neither for them nor against them."""
    return tuple((watch, watch.model_copy(update={"last": max(watch.last, number)})) for watch in watches)


def after_missed(
    watches: tuple[Watch, ...], unpaid: tuple[Unpaid, ...], on: date, policy: PolicyInForce
) -> Changed:
    """Give the periods when `unpaid` still are at the close of `on`."""
    changed = []
    for watch in watches:
        now = watch
        for item in unpaid:
            now = _without(now, item, on, policy)
        changed.append((watch, now))
    return tuple(changed)


def after_paid(watches: tuple[Watch, ...], data: InstalmentPaid, policy: PolicyInForce) -> Changed:
    """Give the periods before an instalment counts that is paid now: until then it was unpaid."""
    if is_shielded(data, policy):
        return tuple((w, w) for w in watches) if data.on_time else passed_over(watches, data.number)
    item = Unpaid(number=data.number, due=data.due, currency=data.total.currency)
    until = data.on - timedelta(days=1) if data.on > date.min else data.on
    if not policy.observation.hardship_misses_count:  # while a new plan is talked about nothing grows older
        until -= timedelta(days=min(data.shielded_days, max((until - data.due).days, 0)))
    # In time although its grace is over: a payment of it was returned, and there was new grace.
    anew = data.on_time and data.on > policy.late_until(data.due, policy.followup.grace_days)
    return tuple(
        (watch, watch)
        if data.on_time and (anew or watch.period is not Period.TRIAL)
        else (watch, _without(watch, item, until, policy))
        for watch in watches
    )


def _without(watch: Watch, item: Unpaid, on: date, policy: PolicyInForce) -> Watch:
    """Give a period after an instalment that is unpaid when `on` closes."""
    rules, last, since = policy.observation, max(watch.last, item.number), max(watch.since, item.due)
    row = watch.model_copy(update={"kept": 0, "last": last})
    if watch.period is Period.TRIAL:
        late = on >= policy.late_until(item.due, policy.trial.tolerance_days)
        return row.model_copy(update={"since": since}) if late else watch
    if watch.period is Period.OBSERVATION:
        return row.model_copy(update={"since": since}) if rules.restarts_on_breach else row
    if (on - item.due).days <= rules.probation_max_days_past_due:
        return row
    return Watch(period=Period.OBSERVATION, since=since, last=last)


def is_over(watch: Watch, due: date, policy: PolicyInForce) -> bool:
    """Whether the payment of the instalment due on `due` ends a period."""
    if watch.period is Period.TRIAL:
        return watch.kept >= max(policy.trial.payments, watch.asked)
    observed = watch.period is Period.OBSERVATION
    agreement = policy.agreement
    months = agreement.observation_min_months if observed else policy.observation.probation_months
    periods = agreement.observation_min_periods if observed else 1
    try:
        return watch.kept >= periods and due >= add_months(watch.since, months)
    except (OverflowError, ValueError):  # beyond the calendar's last year
        return False
