"""The settlement letter (结清证明) of a fulfilled agreement: what is settled, forgiven, still owed. Pure."""

from datetime import date

from services.agreement.document import content_hash
from services.agreement.model import AgreementState, InForce, KnownDebt
from services.agreement.paper.words import EDITION, words_of
from services.agreement.rules import in_all, owed
from shared.contracts.agreement import SettlementKind, SettlementLetterIssued, SurvivingDebt, WaivedDebt
from shared.contracts.debts import Balances, DebtStatus
from shared.contracts.ids import derive_id
from shared.contracts.intake import PaymentTakenBack
from shared.contracts.plan_terms import total_of
from shared.policy.model import PolicyInForce

__all__ = ["letter_of", "with_return"]

_UNHASHED = "0" * 64
_NO_MARK = "none"


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
    state: AgreementState, live: InForce, as_of: date, policy: PolicyInForce
) -> SettlementLetterIssued:
    """Give the letter. The agreement's own debts are settled by its last instalment, less what was waived.

    It is partial where another debt of the case is still owed, or one of its own to a buyer, or what came
    back of a payment from before the plan: that balance is stated and survives. Forgiven amounts carry the
    mark of the pack's tax duty, where it has one.
    """
    words = words_of(EDITION)
    assert words is not None  # noqa: S101 - narrows: the edition is the program's own
    paper, reported = policy.document, policy.reporting
    to_buyer = _owed_to_a_buyer(state, live)
    elsewhere = {debt.debt_id for debt in to_buyer}
    others = [debt for debt in owed(state.debts).values() if debt.debt_id not in live.debts]
    surviving = (
        *_still_owed(state, live),
        *(SurvivingDebt(debt_id=debt.debt_id, amounts=debt.outstanding) for debt in (*others, *to_buyer)),
    )
    full = not surviving
    # Of every version, and the rewards: what is reported as forgiven is all that nobody has to pay.
    forgiven = in_all(live.forgiven, live.waived, state.rewarded)
    letter = SettlementLetterIssued(
        letter_id=derive_id("settlement", live.agreement_id),
        agreement_id=live.agreement_id,
        version=live.version,
        as_of=as_of,
        language=live.language,
        settlement=SettlementKind.FULL if full else SettlementKind.PARTIAL,
        debts=tuple(one for one in live.debts if one not in elsewhere),
        surviving=surviving,
        forgiven=forgiven,
        tax_mark=reported.tax_mark if forgiven and reported.tax_mark != _NO_MARK else None,
        credit_status=reported.status_when_completed if full else reported.status_when_settled_in_part,
        lender_zh=paper.lender_name_zh,
        lender_en=paper.lender_name_en,
        words=EDITION,
        words_hash=words.digest,
        content_hash=_UNHASHED,
    )
    return letter.model_copy(update={"content_hash": content_hash(letter, state.case)})


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

    In the books' components, the principal first: later payments have been put where there was room.
    """
    known = owed(state.debts)
    found = []
    for back in live.came_back:
        left = total_of(back.amounts)
        parts = {}
        for name in Balances.model_fields if back.debt_id in known else ():
            parts[name] = min(getattr(known[back.debt_id].outstanding, name), left)
            left -= parts[name]
        if parts and left < total_of(back.amounts):
            found.append(SurvivingDebt(debt_id=back.debt_id, amounts=Balances(**parts)))
    return tuple(found)
