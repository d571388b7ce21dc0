"""The rules of the formal document. Their numbers come from the policy pack of the case."""

from collections.abc import Collection, Sequence
from datetime import date, timedelta

from services.agreement.model import (
    AgreementState,
    AgreementStatus,
    Draft,
    InForce,
    KnownDebt,
    Vesting,
)
from shared.contracts.agreement import DebtBound, DebtRate, LiableFor, ReAge, WaivedDebt
from shared.contracts.debts import (
    OUT_OF_PLAN,
    PROTECTED,
    Balances,
    DebtSchedule,
    DebtSnapshot,
    DebtStatus,
    InstalmentTotal,
    Plan,
)
from shared.contracts.desk import SignatureGiven, SignatureParty
from shared.contracts.desk_parties import CoBorrowerSigned, GuarantorAgreed
from shared.contracts.intake import PaymentMatched
from shared.contracts.parties import ObligorRole
from shared.contracts.plan_terms import total_of
from shared.contracts.reasons import ReasonCode
from shared.policy.conduct import Conduct, conduct_of
from shared.policy.model import PolicyInForce
from shared.policy.reference import Reference

__all__ = [
    "answer_by",
    "as_vested",
    "bound_before",
    "conduct_in",
    "counts_from_documents",
    "guarantors_asked",
    "has_other_rates",
    "held_of",
    "in_all",
    "is_complete",
    "joint_of",
    "known_of",
    "last_signed",
    "left_unpaid",
    "liable_beside",
    "not_late",
    "owed",
    "owed_beside",
    "packs_of",
    "paid_before",
    "paid_off",
    "re_ages_of",
    "refuses_content",
    "refuses_signature",
    "settled_before",
    "sign_by",
    "status_of",
    "stays_waived",
    "taken_away",
    "taken_out",
    "unlike_balances",
    "waived_debts",
    "with_booked",
    "with_passed_by",
    "with_vesting",
    "withdrawal_of",
]

# Words about waivers that are remembered until the other topic has them, too.
_WORDS_KEPT = 8


def known_of(debt: DebtSnapshot) -> KnownDebt:
    """Give a debt as intake reports it."""
    return KnownDebt(
        debt_id=debt.debt_id,
        status=debt.status,
        outstanding=debt.outstanding,
        as_of=debt.as_of,
        obligors=debt.obligors,
        annual_rate_pct=debt.annual_rate_pct,
        is_late=debt.days_past_due > 0 or total_of(debt.overdue).is_positive,
        bound_by=debt.bound_by,
        bound_with=debt.bound_with,
    )


def owed(debts: Sequence[KnownDebt]) -> dict[str, KnownDebt]:
    """Give the debts that an agreement must cover: active ones on which something is owed."""
    return {
        debt.debt_id: debt
        for debt in debts
        if debt.status is DebtStatus.ACTIVE and total_of(debt.outstanding).is_positive
    }


def held_of(state: AgreementState, live: InForce) -> tuple[str, ...]:
    """Give the debts of an agreement, and beside it, that a stop event holds, by intake's word."""
    about = {*live.debts, *live.beside}
    return tuple(d.debt_id for d in state.debts if d.debt_id in about and d.status in PROTECTED)


def joint_of(state: AgreementState, live: InForce) -> tuple[str, ...]:
    """Give the debts of an agreement, and beside it, that another customer may have an agreement about.

    That one is in a case of its own, of which nothing is known here. A guarantor has no case of the debt.
    """
    about = {*live.debts, *live.beside}
    return tuple(
        debt.debt_id
        for debt in state.debts
        if debt.debt_id in about
        and (
            debt.status is DebtStatus.ELSEWHERE
            or any(one.role is not ObligorRole.GUARANTOR for one in debt.obligors)
        )
    )


def owed_beside(state: AgreementState, live: InForce) -> tuple[str, ...]:
    """Give the debts left to a person that may still be collected here, once nothing stops it."""
    here = {DebtStatus.ACTIVE, *PROTECTED}
    return tuple(
        debt.debt_id
        for debt in state.debts
        if debt.debt_id in live.beside and debt.status in here and total_of(debt.outstanding).is_positive
    )


def left_unpaid(state: AgreementState, live: InForce) -> tuple[KnownDebt, ...]:
    """Give the debts of an agreement on which something is owed, for a stop or a recall took them out of it.

    Money that names none is put on other books than theirs meanwhile: the last instalment settles none of
    them. Where the stop is over since, those that money has passed by; others are served as was signed.
    """
    return tuple(
        debt
        for debt in state.debts
        if debt.debt_id in live.debts
        and (
            debt.status in OUT_OF_PLAN
            or (debt.debt_id in live.unserved and debt.status is not DebtStatus.SOLD)
        )
        and total_of(debt.outstanding).is_positive
    )


def with_passed_by(
    live: InForce, debts: Sequence[DebtSnapshot], paid: PaymentMatched | None = None
) -> InForce:
    """Remember which debts are out of an agreement, or of those before it, and which of them money passed by.

    On the day on which a stop ends its debt is said to be in the plan again, and money still passes it by.
    """
    before = None if live.before is None else with_passed_by(live.before, debts, paid)
    gone = {*live.out, *(d.debt_id for d in debts if d.debt_id in live.debts and d.status in OUT_OF_PLAN)}
    passed = set(live.unserved)
    if paid is not None and paid.value_date >= live.effective:
        passed |= gone - {part.debt_id for part in paid.allocations}
    update = {"before": before, "out": tuple(sorted(gone)), "unserved": tuple(sorted(passed))}
    return live.model_copy(update=update)


def taken_away(state: AgreementState, live: InForce) -> tuple[KnownDebt, ...]:
    """Give those of them that are not in the hands of this case any more: taken back, or another case's."""
    away = {DebtStatus.RECALLED, DebtStatus.ELSEWHERE}
    return tuple(debt for debt in left_unpaid(state, live) if debt.status in away)


def taken_out(state: AgreementState, live: InForce) -> tuple[KnownDebt, ...]:
    """Give those of them that a stop, a recall or another obligor's case has out of the agreement now."""
    return tuple(debt for debt in left_unpaid(state, live) if debt.status in OUT_OF_PLAN)


def with_vesting(
    state: AgreementState, word: str, on: date, waived: tuple[WaivedDebt, ...]
) -> AgreementState:
    """Remember a waiver that has vested until intake's figures hold it; they may have been read before."""
    if not waived or word in state.booked:
        return state
    known = (*state.vesting, Vesting(word=word, on=on, waived=waived))
    return state.model_copy(update={"vesting": known[-_WORDS_KEPT:]})


def with_booked(state: AgreementState, word: str | None) -> AgreementState:
    """Intake's figures hold what `word` has waived."""
    if word is None:
        return state
    left = tuple(one for one in state.vesting if one.word != word)
    return state.model_copy(update={"vesting": left, "booked": (*state.booked, word)[-_WORDS_KEPT:]})


def as_vested(state: AgreementState, day: date) -> AgreementState:
    """Give the state with its debts less what has vested on a day and is on its way to intake's figures."""
    less = {one.debt_id: one.amounts for one in in_all(*(v.waived for v in state.vesting if v.on == day))}
    return state.model_copy(
        update={"debts": tuple(_less(debt, less.get(debt.debt_id)) for debt in state.debts)}
    )


def _less(debt: KnownDebt, waived: Balances | None) -> KnownDebt:
    if waived is None:
        return debt
    names, owing = Balances.model_fields, debt.outstanding
    left = {name: getattr(owing, name) - min(getattr(owing, name), getattr(waived, name)) for name in names}
    return debt.model_copy(update={"outstanding": Balances(**left)})


def paid_off(state: AgreementState, live: InForce, returns: Sequence[WaivedDebt]) -> tuple[str, ...]:
    """Give the debts of an agreement, and of those it amends, on which nothing is owed or `returns`."""
    again = {one.debt_id for one in returns}
    paid = (one for one in live.debts if one not in again and _nothing_owed(state, one))
    return (*settled_before(state, live), *paid)


def paid_before(state: AgreementState, plan: Plan) -> tuple[str, ...]:
    """Give the debts of the agreement in force that an amendment of it is not about, for they are paid."""
    live = state.live
    if live is None:
        return ()
    amended = {debt.debt_id for debt in plan.debts}
    paid = (one for one in live.debts if _nothing_owed(state, one))
    return tuple(one for one in (*live.paid_before, *paid) if one not in amended)


def not_late(state: AgreementState, plan: Plan) -> tuple[str, ...]:
    """Give the debts of a plan of which nothing is past due before it."""
    late = {debt.debt_id for debt in state.debts if debt.is_late}
    return tuple(debt.debt_id for debt in plan.debts if debt.debt_id not in late)


def settled_before(state: AgreementState, live: InForce) -> tuple[str, ...]:
    """Give the debts of earlier versions that were paid by then, less those of which something came back."""
    owing = {debt.debt_id for debt in state.debts if not total_of(debt.outstanding).is_zero}
    return tuple(one for one in live.paid_before if one not in owing)


def _nothing_owed(state: AgreementState, debt_id: str) -> bool:
    return any(debt.debt_id == debt_id and total_of(debt.outstanding).is_zero for debt in state.debts)


def unlike_balances(plan: Plan, debts: Sequence[KnownDebt]) -> ReasonCode | None:
    """A plan is signed over every debt but those it leaves to a person, on the very balances it was computed
    on, or not at all."""
    apart = {left.debt_id for left in plan.apart}
    today = {debt_id: debt for debt_id, debt in owed(debts).items() if debt_id not in apart}
    if any(debt.debt_id not in today for debt in plan.debts):
        return ReasonCode.DEBT_LEFT_PLAN
    if any(today[debt.debt_id].outstanding != debt.balance for debt in plan.debts):
        return ReasonCode.BALANCE_CHANGED
    if len(today) != len(plan.debts):
        return ReasonCode.BALANCE_CHANGED
    return None


def has_other_rates(rates: Sequence[DebtRate], debts: Sequence[KnownDebt]) -> bool:
    """Whether a debt has another rate than the one that a plan over it was computed beside.

    A contract's that was set anew, or a lower one that has vested: a plan may be dearer than that.
    """
    today = {debt.debt_id: debt.annual_rate_pct for debt in debts}
    return any(today.get(one.debt_id) not in {None, one.annual_rate_pct} for one in rates)


def sign_by(
    drafted_on: date, instalments: Sequence[InstalmentTotal], policy: PolicyInForce, until: date | None = None
) -> date:
    """Both sign within the policy's business days, and before the day on which the first instalment is due.

    Who signed on that day would owe it the moment that the plan takes effect.

    `until`: the last day of the plan, after which a debt of it has to be charged off.
    """
    wished = policy.deadline(drafted_on, policy.agreement.sign_business_days)
    return min(wished, instalments[0].due - timedelta(days=1), until or date.max)


def refuses_signature(draft: Draft, given: SignatureGiven, on: date) -> ReasonCode | None:
    """A signature counts for one version, by its content's hash, once for each party, in time."""
    another = refuses_content(draft, given)
    if another is not None:
        return another
    if any(signature.party is given.party for signature in draft.signatures):
        return ReasonCode.ALREADY_SIGNED
    if on > draft.sign_by:
        return ReasonCode.SIGNATURE_TOO_LATE
    return None


def refuses_content(
    draft: Draft, given: SignatureGiven | CoBorrowerSigned | GuarantorAgreed
) -> ReasonCode | None:
    """Whoever signs, or agrees, means one version, and names its content by the hash."""
    if given.version != draft.version:
        return ReasonCode.VERSION_MISMATCH
    return ReasonCode.HASH_MISMATCH if given.content_hash != draft.content_hash else None


def guarantors_asked(
    schedules: Sequence[DebtSchedule], debts: Sequence[KnownDebt], unasked: Collection[str] = ()
) -> tuple[str, ...]:
    """Give the guarantors whose liability grows: they agree in writing first, or nothing takes effect.

    It grows where the plan asks for more on a guaranteed debt than is owed today (interest over its term),
    up to what the guarantor is liable for at most. A later last payment alone makes nobody owe more. Of those
    who cannot be asked (`unasked`) nothing more can be had: the document says what that does to a guarantee.
    """
    known = {debt.debt_id: debt for debt in debts}
    asked = set()
    for schedule in schedules:
        debt = known[schedule.debt_id]
        today, later = total_of(debt.outstanding).minor, sum(row.total.minor for row in schedule.rows)
        for obligor in debt.obligors:
            most = max(today, later) if obligor.liability is None else obligor.liability.minor
            if obligor.role is ObligorRole.GUARANTOR and min(later, most) > min(today, most):
                asked.add(obligor.party_id)
    return tuple(sorted(asked.difference(unasked)))


def liable_beside(plan: Plan, debts: Sequence[KnownDebt]) -> tuple[LiableFor, ...]:
    """Give who owes each debt of a plan beside the borrower, or guarantees it, and for how much at most."""
    known = {debt.debt_id: debt.obligors for debt in debts}
    return tuple(
        LiableFor(debt_id=row.debt_id, party_id=one.party_id, role=one.role, liability=one.liability)
        for row in plan.debts
        for one in sorted(known[row.debt_id], key=lambda one: one.party_id)
    )


def _has_both(draft: Draft) -> bool:
    return {signature.party for signature in draft.signatures} == set(SignatureParty)


def is_complete(draft: Draft) -> bool:
    """An agreement binds when borrower and lender have signed (R22, R23) and everybody asked agrees."""
    agreed = {consent.party_id for consent in draft.consents}
    joined = {one.party_id for one in draft.joined}
    return _has_both(draft) and agreed >= set(draft.guarantors) and joined >= set(draft.must_sign)


def status_of(draft: Draft) -> AgreementStatus:
    """Say whose turn it is."""
    if is_complete(draft):
        return AgreementStatus.SIGNED_BY_BOTH
    if _has_both(draft):
        agreed = {consent.party_id for consent in draft.consents}
        return AgreementStatus.CO_BORROWER if agreed >= set(draft.guarantors) else AgreementStatus.GUARANTOR
    return AgreementStatus.SIGNED_BY_ONE if draft.signatures else AgreementStatus.DRAFTED


def last_signed(draft: Draft) -> date:
    """Give the business date of the last signature or consent: the effective date."""
    days = [signature.on for signature in draft.signatures]
    must = (one.on for one in draft.joined if one.party_id in draft.must_sign)
    return max(*days, *(consent.on for consent in draft.consents), *must)


def in_all(*waived: Sequence[WaivedDebt]) -> tuple[WaivedDebt, ...]:
    """Add up what was waived, for each debt and component."""
    sums: dict[str, Balances] = {}
    for debt in (debt for some in waived for debt in some):
        known, more = sums.get(debt.debt_id), debt.amounts
        if known is not None:
            parts = {name: getattr(known, name) + getattr(more, name) for name in Balances.model_fields}
            more = Balances(**parts)
        sums[debt.debt_id] = more
    return tuple(WaivedDebt(debt_id=debt_id, amounts=amounts) for debt_id, amounts in sums.items())


def stays_waived(live: InForce) -> tuple[WaivedDebt, ...]:
    """Give what was waived without condition, by an agreement and those it amends: a breach leaves it so."""
    back = {debt.debt_id: debt.amounts for debt in live.returns}
    rows = []
    for debt in in_all(live.forgiven, live.waived):
        amounts = debt.amounts
        if debt.debt_id in back:
            less = back[debt.debt_id]
            parts = {name: getattr(amounts, name) - getattr(less, name) for name in Balances.model_fields}
            amounts = Balances(**parts)
        rows.append(WaivedDebt(debt_id=debt.debt_id, amounts=amounts))
    return tuple(row for row in rows if total_of(row.amounts).is_positive)


def waived_debts(plan: Plan) -> tuple[WaivedDebt, ...]:
    """Give what is waived with the signature."""
    return tuple(
        WaivedDebt(debt_id=debt.debt_id, amounts=debt.waived)
        for debt in plan.debts
        if total_of(debt.waived).is_positive
    )


def re_ages_of(plan: Plan) -> tuple[ReAge, ...]:
    """Give the debts that are shown as current again, and after how many payments of the plan."""
    return tuple(
        ReAge(debt_id=debt.debt_id, payments=debt.re_aged_after)
        for debt in plan.debts
        if debt.re_aged_after is not None
    )


def withdrawal_of(
    draft: Draft, effective: date, packs: Sequence[str], reference: Reference
) -> tuple[int | None, date | None]:
    """Give the days to withdraw while their first day is not known, and the last day once it is.

    Both are None where no pack of the agreement has a cooling-off time. Where one of them counts from the
    day on which the borrower received the documents, that is waited for, and nobody is too late before.
    """
    days = conduct_in(packs, draft.drafted_on, reference).cooling_off_days
    if not days:
        return None, None
    if not counts_from_documents(packs, draft.drafted_on, reference):
        return None, effective + timedelta(days=days)
    if draft.received_on is None:
        return days, None
    return None, max(effective, draft.received_on) + timedelta(days=days)


def counts_from_documents(packs: Sequence[str], on: date, reference: Reference) -> bool:
    """Whether a pack with a cooling-off time counts it from the day on which the documents were received."""
    known = [reference.policies.in_force(pack, on) for pack in packs if pack in reference.policies]
    return any(
        policy.cooling_off.counted_from == "documents_received"
        for policy in known
        if policy.agreement.cooling_off_days
    )


def packs_of(policy: str, plan: Plan) -> tuple[str, ...]:
    """Give the packs of a plan: the case's own, then those of its debts."""
    return tuple(dict.fromkeys((policy, *(debt.policy for debt in plan.debts))))


def bound_before(state: AgreementState, plan: Plan) -> tuple[DebtBound, ...]:
    """Give the agreements of earlier cases that bind debts of a plan until it is signed."""
    about = {debt.debt_id for debt in plan.debts}
    return tuple(
        DebtBound(debt_id=debt.debt_id, agreement_id=debt.bound_by, co_borrowers=debt.bound_with)
        for debt in state.debts
        if debt.debt_id in about and debt.bound_by is not None
    )


def conduct_in(packs: Sequence[str], on: date, reference: Reference) -> Conduct:
    """Give the strictest conduct of packs in force on a day; unknown ones are passed over, not all may be."""
    return conduct_of([reference.policies.in_force(pack, on) for pack in packs if pack in reference.policies])


def answer_by(on: date, policy: PolicyInForce) -> date:
    """The bank answers an instruction within the policy's business days."""
    return policy.deadline(on, policy.agreement.instruction_business_days)
