"""The settlement letter (结清证明) of a fulfilled agreement: what is settled, forgiven, still owed. Pure."""

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any

from services.agreement.document import content_hash
from services.agreement.model import AgreementState, InForce, KnownDebt
from services.agreement.paper.words import EDITION, words_of
from services.agreement.rules import in_all, left_unpaid, owed, settled_before
from shared.contracts.agreement import (
    DebtSettled,
    SettlementKind,
    SettlementLetterIssued,
    SurvivingDebt,
    WaivedDebt,
)
from shared.contracts.debts import Balances, DebtStatus
from shared.contracts.ids import derive_id
from shared.contracts.intake import PaymentTakenBack
from shared.contracts.plan_terms import total_of
from shared.lending.money import Money
from shared.policy.model import PolicyInForce

__all__ = ["common_status", "letter_of", "letter_of_paid", "settled_of", "with_return"]

_UNHASHED = "0" * 64
_NO_MARK = "none"
_LUMP_SUM = "lump_sum"  # the method of a plan that settles at once


def with_return(live: InForce, data: PaymentTakenBack) -> InForce:
    """Remember what came back of a payment from before the plan: its instalments do not ask for it.

    Where the bank's figures had the return before the plan was drawn up, it was made on them.
    """
    before = None if live.before is None else with_return(live.before, data)
    came_back = live.came_back
    drawn_up = live.drafted_on or live.effective
    if data.value_date < live.effective and not (data.in_balance and data.reversed_on <= drawn_up):
        parts = [part for part in data.allocations if part.debt_id in live.debts]
        back = [WaivedDebt(debt_id=part.debt_id, amounts=part.amounts) for part in parts]
        came_back = in_all(came_back, back)
    return live.model_copy(update={"before": before, "came_back": came_back})


def letter_of(
    state: AgreementState,
    live: InForce,
    as_of: date,
    policy: PolicyInForce,
    short: Sequence[Money] = (),
) -> SettlementLetterIssued:
    """Give the letter. The agreement's own debts are settled by its last instalment, less what was waived.

    Of those a balance survives where one is owed to a buyer, where a stop or a recall took the debt out of
    the plan before it was paid (also where that is over, and money has passed the debt by meanwhile), or of
    what came back of a payment from before the plan. What is owed on other debts of the case is stated beside
    it, and changes nothing about these.
    Forgiven amounts carry the mark of the pack's tax duty, where it has one. `short` was paid less than asked
    for, within what the agreement counts as full: that is not forgiven, it is not owed.
    """
    reported = policy.reporting
    to_buyer, left = _owed_to_a_buyer(state, live), left_unpaid(state, live)
    elsewhere = {debt.debt_id for debt in to_buyer}
    of_left = {debt.debt_id for debt in left}
    came_back = (one for one in _still_owed(state, live) if one.debt_id not in of_left)
    still_owed = (*came_back, *map(_surviving, left))
    debts = (*settled_before(state, live), *(one for one in live.debts if one not in elsewhere))
    others = [debt for debt in owed(state.debts).values() if debt.debt_id not in live.debts]
    surviving = (*still_owed, *map(_surviving, to_buyer))
    settled = settled_of(state, live, debts, policy, {one.debt_id for one in still_owed})
    # Of every version, and the rewards: what is reported as forgiven is all that nobody has to pay.
    forgiven = in_all(live.forgiven, live.waived, state.rewarded)
    return _issued(
        state,
        live,
        policy,
        letter_id=_letter_id(live, live.reopened),
        as_of=as_of,
        settlement=SettlementKind.PARTIAL if surviving else SettlementKind.FULL,
        debts=debts,
        surviving=surviving,
        settled=settled,
        beside=tuple(map(_surviving, others)),
        short=_not_owed(short, settled, still_owed),
        forgiven=forgiven,
        credit_status=common_status(settled) or reported.status_when_settled_in_part,
        replaces=_letter_id(live, live.reopened - 1) if live.reopened else None,
    )


def letter_of_paid(
    state: AgreementState,
    live: InForce,
    settled: tuple[DebtSettled, ...],
    as_of: date,
    policy: PolicyInForce,
) -> tuple[SettlementLetterIssued, ...]:
    """Give the letter about what was paid of an agreement that the bank gets back; none where nothing was.

    It says nothing of the others: they are not looked after here, and may be paid all the same.
    """
    if not settled:
        return ()
    debts = tuple(one.debt_id for one in settled)
    forgiven = in_all(live.forgiven, live.waived, state.rewarded)
    letter = _issued(
        state,
        live,
        policy,
        letter_id=derive_id("settlement", live.agreement_id, "handed back", str(live.reopened)),
        as_of=as_of,
        settlement=SettlementKind.PARTIAL,
        debts=debts,
        settled=settled,
        forgiven=tuple(one for one in forgiven if one.debt_id in debts),
        credit_status=common_status(settled) or policy.reporting.status_when_settled_in_part,
        handed_back=True,
    )
    return (letter,)


def _issued(
    state: AgreementState,
    live: InForce,
    policy: PolicyInForce,
    *,
    forgiven: tuple[WaivedDebt, ...],
    **facts: Any,
) -> SettlementLetterIssued:
    """Give a letter with its hash, in the words of today."""
    words = words_of(EDITION)
    assert words is not None  # noqa: S101 - narrows: the edition is the program's own
    paper, mark = policy.document, policy.reporting.tax_mark
    letter = SettlementLetterIssued(
        agreement_id=live.agreement_id,
        version=live.version,
        language=live.language,
        forgiven=forgiven,
        tax_mark=mark if forgiven and mark != _NO_MARK else None,
        lender_zh=paper.lender_name_zh,
        lender_en=paper.lender_name_en,
        words=EDITION,
        words_hash=words.digest,
        content_hash=_UNHASHED,
        **facts,
    )
    return letter.model_copy(update={"content_hash": content_hash(letter, state.case)})


def _not_owed(
    short: Sequence[Money], settled: Sequence[DebtSettled], still_owed: Sequence[SurvivingDebt]
) -> tuple[Money, ...]:
    """Give what lacks of the last payments, where a debt is settled all the same.

    Not in a currency of which the letter says that a balance survives: what lacks may be a part of that.
    """
    if all(one.settlement is not SettlementKind.FULL for one in settled):
        return ()
    owing = {total_of(one.amounts).currency for one in still_owed}
    return tuple(one for one in short if one.currency not in owing)


def _letter_id(live: InForce, reopened: int) -> str:
    """One for each time that it was completed: what came back since has undone the one before."""
    return derive_id("settlement", live.agreement_id, *([str(reopened)] if reopened else []))


def settled_of(
    state: AgreementState,
    live: InForce,
    debts: Sequence[str],
    policy: PolicyInForce,
    surviving: Collection[str] = (),
) -> tuple[DebtSettled, ...]:
    """Give how each of `debts` ends: in full, or with a balance of its own; and what its record says."""
    reported, for_less = policy.reporting, _settled_for_less(state, live)
    return tuple(
        DebtSettled(
            debt_id=one,
            settlement=SettlementKind.PARTIAL if one in surviving else SettlementKind.FULL,
            credit_status=reported.status_when_settled_in_part
            if one in surviving or one in for_less
            else reported.status_when_completed,
        )
        for one in debts
    )


def common_status(settled: Sequence[DebtSettled]) -> str | None:
    """Give the code that holds for every debt; None where they differ."""
    codes = {one.credit_status for one in settled}
    return codes.pop() if len(codes) == 1 else None


def _settled_for_less(state: AgreementState, live: InForce) -> set[str]:
    """Give the debts that ended for less than was owed, as their offer had said of the record.

    Interest and charges that are waived while the principal is paid by instalments are no such thing.
    """
    at_once = {one.debt_id for one in live.terms if one.method == _LUMP_SUM or one.balance == one.waived}
    return {
        one.debt_id
        for one in in_all(live.forgiven, live.waived, state.rewarded)
        if one.amounts.principal.is_positive or one.debt_id in at_once
    }


def _surviving(debt: KnownDebt) -> SurvivingDebt:
    return SurvivingDebt(debt_id=debt.debt_id, amounts=debt.outstanding)


def _owed_to_a_buyer(state: AgreementState, live: InForce) -> tuple[KnownDebt, ...]:
    """Give the debts of the agreement that were sold and not paid here; none where all of them were sold."""
    sold = tuple(
        debt
        for debt in state.debts
        if debt.debt_id in live.debts
        and debt.status is DebtStatus.SOLD
        and total_of(debt.outstanding).is_positive
    )
    return sold if len(sold) < len(live.debts) else ()


def _still_owed(state: AgreementState, live: InForce) -> tuple[SurvivingDebt, ...]:
    """Give what came back and is owed by the books, too: it may have been paid again, or put right.

    What was paid for it has been split over the debts of the agreement, as money is that names none. So what
    the books no longer say of its own debt is owed on another of its currency, where those say so.
    """
    debts = [one for one in state.debts if one.status is not DebtStatus.SOLD]
    back = {one.debt_id: total_of(one.amounts) for one in live.came_back}
    shares = {
        one.debt_id: min(total_of(one.outstanding), back[one.debt_id]) for one in debts if one.debt_id in back
    }
    rest: dict[str, Money] = {}
    for debt_id, amount in back.items():
        currency = amount.currency
        paid = amount - shares.get(debt_id, Money.zero(currency))
        rest[currency] = rest.get(currency, Money.zero(currency)) + paid
    for debt in debts:
        owing = total_of(debt.outstanding)
        if debt.debt_id not in live.debts or owing.currency not in rest:
            continue
        share = shares.get(debt.debt_id, Money.zero(owing.currency))
        more = min(owing - share, rest[owing.currency])
        shares[debt.debt_id] = share + more
        rest[owing.currency] -= more
    return tuple(
        SurvivingDebt(debt_id=debt.debt_id, amounts=_up_to(debt.outstanding, shares[debt.debt_id]))
        for debt in debts
        if debt.debt_id in shares and shares[debt.debt_id].is_positive
    )


def _up_to(amounts: Balances, most: Money) -> Balances:
    """Give so much of them, the principal first: later payments have been put where there was room."""
    parts: dict[str, Money] = {}
    for name in Balances.model_fields:
        parts[name] = min(getattr(amounts, name), most)
        most -= parts[name]
    return Balances(**parts)
