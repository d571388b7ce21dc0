"""Debts that are shown as current again only after payments in a row, and no more if one came back. Pure.

The bank is told when the row is complete. A payment of the row that is returned, and not made good in the
instalment's time, leaves fewer than the pack asks for: unless another such row has been paid since, the bank
is told to take the re-age back from its day on, the trial begins again, and a re-age comes with the next row.
"""

from collections.abc import Iterable
from datetime import date

from services.agreement.model import AgreementState, InForce, ReAged, Watch
from services.agreement.telling import instruct, re_age_undone, re_aged
from shared.contracts import followup
from shared.contracts.agreement import BankInstructed, Period, PeriodRestarted, ReAge
from shared.contracts.base import Reason
from shared.contracts.reasons import ReasonCode
from shared.policy.model import PolicyInForce

__all__ = ["Said", "re_age", "undo_re_age", "with_paid"]

Said = tuple[BankInstructed | PeriodRestarted, ...]
# More instalments than any pack asks for in a row, and than a returned payment is late to be told.
_KEPT = 24


def with_paid(live: InForce, trial: Watch | None, data: followup.InstalmentPaid) -> InForce:
    """Note an instalment that is wholly paid in time, for debts that depend on a row of them."""
    if not live.re_ages and not live.re_aged:
        return live
    counts = data.on_time if trial is None else data.number > trial.last and data.due >= trial.since
    if not counts:
        return live
    return live.model_copy(update={"row": tuple(sorted({*live.row, data.number}))[-_KEPT:]})


def re_age(
    state: AgreementState,
    trial: Watch | None,
    data: followup.InstalmentPaid,
    day: date,
    policy: PolicyInForce,
) -> tuple[AgreementState, Said]:
    """Tell the bank of debts that have the payments after which they are shown as current again.

    They are from the day on which the last of these was due, or paid if that was later. `trial`: as it was
    before the instalment of `data` counted.
    """
    live = state.live
    if live is None or trial is None or data.number <= trial.last or data.due < trial.since:
        return state, ()
    reached = tuple(one for one in live.re_ages if one.payments <= trial.kept + 1)
    if not reached:
        return state, ()
    told = re_aged(live, reached, max(data.due, data.on), policy, day)
    known = tuple(
        ReAged(debt_id=one.debt_id, payments=one.payments, on=told.effective, by=live.row[-one.payments :])
        for one in reached
    )
    left = tuple(one for one in live.re_ages if one not in reached)
    update = {"re_ages": left, "re_aged": (*live.re_aged, *known)}
    return instruct(state.model_copy(update={"live": live.model_copy(update=update)}), told), (told,)


def undo_re_age(
    state: AgreementState,
    data: followup.InstalmentMissed | followup.InstalmentCorrected,
    day: date,
    policy: PolicyInForce,
) -> tuple[AgreementState, Said]:
    """Take back what rested on an instalment that is not paid after all; nothing where it did not count."""
    live = state.live
    if live is None or data.number not in live.row:
        return state, ()
    row = tuple(number for number in live.row if number != data.number)
    kept: list[ReAged] = []
    undone: list[ReAged] = []
    for one in live.re_aged:
        by = one.by if data.number not in one.by else _first_run(row, one.payments)
        (undone if by is None else kept).append(one if by is None else one.model_copy(update={"by": by}))
    live = live.model_copy(update={"row": row, "re_aged": tuple(kept)})
    if not undone:
        return state.model_copy(update={"live": live}), ()
    watches, said = _trial_again(live, undone, data, row, day)
    said_to_bank = []
    for on in sorted({one.on for one in undone}):
        ids = tuple(one.debt_id for one in undone if one.on == on)
        said_to_bank.append(re_age_undone(live, ids, on, policy, day))
        live = live.model_copy(update={"undone": live.undone + 1})
    again = tuple(ReAge(debt_id=one.debt_id, payments=one.payments) for one in undone)
    live = live.model_copy(update={"watches": watches, "re_ages": (*live.re_ages, *again)})
    after = state.model_copy(update={"live": live})
    for told in said_to_bank:
        after = instruct(after, told)
    return after, (*said, *said_to_bank)


def _first_run(row: Iterable[int], length: int) -> tuple[int, ...] | None:
    """Give the first so many instalments in a row, one after the other; None where there are none."""
    run: tuple[int, ...] = ()
    for number in row:
        run = (*run, number) if run and number == run[-1] + 1 else (number,)
        if len(run) == length:
            return run
    return None


def _trial_again(
    live: InForce,
    undone: Iterable[ReAged],
    data: followup.InstalmentMissed | followup.InstalmentCorrected,
    row: tuple[int, ...],
    day: date,
) -> tuple[tuple[Watch, ...], tuple[PeriodRestarted, ...]]:
    """Begin a trial that is over again; what was paid in a row since the instalment counts for it."""
    if any(watch.period is Period.TRIAL for watch in live.watches):
        return live.watches, ()
    last = max(data.number, *(item.number for item in live.unpaid), 0)
    since = [number for number in row if number > last]
    trial = Watch(
        period=Period.TRIAL,
        since=data.due,
        kept=len(since),
        last=max(since, default=last),
        asked=max(one.payments for one in undone),
    )
    said = PeriodRestarted(
        agreement_id=live.agreement_id,
        period=Period.TRIAL,
        since=trial.since,
        as_of=day,
        reason=Reason(code=ReasonCode.INSTALMENT_MISSED, params={"due": data.due.isoformat()}),
    )
    return (trial, *live.watches), (said,)
