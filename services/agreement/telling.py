"""What the bank is told: one instruction for a signing, an amendment, a breach, a withdrawal, an end. Pure.

Each says everything that follows from it: schedules, rates, waivers, collection (by agents too) and the
credit status. The same instruction about the same agreement always has the same id: the bank does it once.
"""

from collections.abc import Collection
from datetime import date
from decimal import Decimal

from services.agreement.letter import common_status
from services.agreement.model import AgreementState, InForce, Instruction
from services.agreement.rules import answer_by
from shared.contracts.agreement import (
    AgreementSigned,
    BankInstructed,
    CollectionOrder,
    DebtBound,
    DebtRate,
    DebtRecord,
    DebtSettled,
    InstructionKind,
    ReAge,
    WaivedDebt,
)
from shared.contracts.debts import DebtSchedule, Plan
from shared.contracts.ids import derive_id
from shared.contracts.plan_terms import cut_rate
from shared.policy.conduct import Conduct
from shared.policy.model import PolicyInForce

__all__ = [
    "applies",
    "applies_again",
    "broken",
    "completed",
    "handed_back",
    "handed_back_apart",
    "instruct",
    "re_age_undone",
    "re_aged",
    "restores",
    "returns",
    "stands_again",
]

# Instructions that are remembered until they are answered; alert has raised the bank's silence long before.
_KEPT = 12


def applies(
    signed: AgreementSigned,
    plan: Plan,
    policy: PolicyInForce,
    conduct: Conduct,
    day: date,
    beside: tuple[str, ...] = (),
    replaces: tuple[DebtBound, ...] = (),
) -> BankInstructed:
    """Apply a signed plan; for an amendment, in the place of the one before.

    `replaces`: debts with the agreements that the bank got back; their place this one takes.

    Collection stops where the strictest of the agreement's packs says so (Art. 70). So it does of the debts
    that it leaves `beside` it: nobody collects from who keeps a plan.
    """
    stop = conduct.stop_collection_on_sign
    return BankInstructed(
        instruction_id=_id(signed.agreement_id, InstructionKind.APPLY_PLAN),
        agreement_id=signed.agreement_id,
        version=signed.version,
        kind=InstructionKind.APPLY_PLAN,
        effective=signed.effective,
        schedules=signed.schedules,
        waived=signed.waived,
        answer_by=answer_by(day, policy),
        rates=tuple(DebtRate(debt_id=d.debt_id, annual_rate_pct=d.annual_rate_pct) for d in plan.debts),
        collection=CollectionOrder.STOP if stop else None,
        agents=stop,
        credit_status=policy.reporting.status_while_kept,
        supersedes=signed.supersedes or (replaces[0].agreement_id if replaces else None),
        replaces=replaces,
        re_aged=tuple(one.debt_id for one in signed.re_ages or () if not one.payments),
        beside=beside,
        bound=signed.bound,
        signed_before=signed.signed_before,
    )


def re_aged(
    live: InForce, debts: tuple[ReAge, ...], effective: date, policy: PolicyInForce, day: date
) -> BankInstructed:
    """After the payments that the pack asks for debts past due are shown as current again, not before."""
    told = _about(live, InstructionKind.RE_AGE, policy, day, credit_status=None)
    ids = tuple(one.debt_id for one in debts)
    after = (str(live.undone),) if live.undone else ()  # another one than that which was taken back
    instruction_id = derive_id("instruction", live.agreement_id, InstructionKind.RE_AGE.value, *ids, *after)
    update = {"instruction_id": instruction_id, "effective": effective, "re_aged": ids}
    return told.model_copy(update=update)


def re_age_undone(
    live: InForce, ids: tuple[str, ...], effective: date, policy: PolicyInForce, day: date
) -> BankInstructed:
    """Debts are past due again as if the re-age of `effective` had not been; collection stays as it is."""
    kind = InstructionKind.UNDO_RE_AGE
    told = _about(live, kind, policy, day, credit_status=None)
    instruction_id = derive_id("instruction", live.agreement_id, kind.value, *ids, str(live.undone))
    update = {"instruction_id": instruction_id, "effective": effective, "re_aged": ids}
    return told.model_copy(update=update)


def broken(
    live: InForce,
    policy: PolicyInForce,
    conduct: Conduct,
    day: date,
    held: tuple[str, ...] = (),
    vested_cut_pct: Decimal = Decimal(0),
    settled: tuple[DebtSettled, ...] = (),
    beside: tuple[str, ...] = (),
) -> BankInstructed:
    """After a broken plan the bank may collect again, where it had stopped; not about debts that are held.

    What was conceded on condition is owed again, and the rates of the contract hold, less the share of them
    that vested as a reward. Debts of it that are paid are `settled`, and no plan that broke makes them late.
    """
    status = policy.reporting.status_when_broken
    told = _about(live, InstructionKind.RESUME_COLLECTION, policy, day, credit_status=status)
    rates = _less(live.rates_return, vested_cut_pct)
    update = {"restored": live.returns, "rates": rates, "settled": settled, "beside": beside}
    return _resumes(told, conduct, held).model_copy(update=update)


def _less(rates: tuple[DebtRate, ...], cut_pct: Decimal) -> tuple[DebtRate, ...]:
    return tuple(
        rate.model_copy(update={"annual_rate_pct": cut_rate(rate.annual_rate_pct, cut_pct)}) for rate in rates
    )


def restores(
    live: InForce,
    policy: PolicyInForce,
    conduct: Conduct,
    day: date,
    held: tuple[str, ...] = (),
    settled: tuple[DebtSettled, ...] = (),
    beside: tuple[str, ...] = (),
) -> BankInstructed:
    """After a withdrawal the earlier terms return: what was waived is owed again, what was paid stays so.

    The record says what it would without a plan: of a debt that was not late before it, that it is not. One
    that was paid meanwhile is `settled` all the same.
    """
    status, paid = policy.reporting.status_when_withdrawn, {one.debt_id for one in settled}
    records = tuple(
        DebtRecord(debt_id=one, credit_status=policy.reporting.status_when_not_late)
        for one in live.not_late
        if one not in paid
    )
    told = _about(live, InstructionKind.RESTORE_TERMS, policy, day, credit_status=status)
    cut = live.rate_cut_pct
    rates = _less(live.contract_rates, cut) if cut else ()
    update = {"restored": live.waived, "settled": settled, "records": records, "rates": rates}
    return _resumes(told, conduct, held).model_copy(update={**update, "beside": beside})


def returns(
    live: InForce,
    before: InForce,
    schedules: tuple[DebtSchedule, ...],
    policy: PolicyInForce,
    conduct: Conduct,
    day: date,
) -> BankInstructed:
    """After a withdrawal from an amendment the agreement before it applies again, and stops collection again.

    Of a debt that the amendment was not about collection may have been resumed meanwhile.

    `schedules` are those of the earlier agreement, as they were signed: what was paid since stays credited. A
    lower rate that had vested is said beside them, as it was when it was granted.
    """
    kept = policy.reporting.status_while_kept
    told = _about(live, InstructionKind.RESTORE_TERMS, policy, day, credit_status=kept)
    update = {"restored": live.waived, "returns_to": before.agreement_id}
    return _as_signed(told.model_copy(update=update), before, schedules, conduct, day)


def handed_back(
    live: InForce,
    schedules: tuple[DebtSchedule, ...],
    settled: tuple[DebtSettled, ...],
    policy: PolicyInForce,
    conduct: Conduct,
    day: date,
) -> BankInstructed:
    """What is unpaid of a signed agreement left with the case: it binds the bank, and nobody follows it here.

    So it is said whole once more, as for an agreement that applies again: what is to be paid, the rates, that
    collection stays stopped while it is kept. Debts of it that are paid are `settled`.
    """
    kept = policy.reporting.status_while_kept
    told = _about(live, InstructionKind.HAND_BACK, policy, day, credit_status=kept)
    told = told.model_copy(update={"settled": settled})
    return _as_signed(told, live, schedules, conduct, day)


def handed_back_apart(
    before: InForce,
    debts: Collection[str],
    schedules: tuple[DebtSchedule, ...],
    signed: AgreementSigned,
    policy: PolicyInForce,
    conduct: Conduct,
    day: date,
) -> BankInstructed:
    """An amendment leaves out what the bank had taken back by then, or what a stop has out of the plan: of
    these debts the agreement that it takes the place of binds the bank as it stands.

    What rewards have made less is said by the share of the rates: instalments are totals over all debts.
    """
    theirs = tuple(one for one in schedules if one.debt_id in debts)
    told = handed_back(before, theirs, (), policy, conduct, day)
    # The whole of it may be handed back after a withdrawal from the amendment: another instruction.
    own = derive_id("instruction", before.agreement_id, told.kind.value, signed.agreement_id)
    rates = tuple(rate for rate in told.rates if rate.debt_id in debts)
    return told.model_copy(update={"instruction_id": own, "rates": rates, "instalments": (), "beside": ()})


def _as_signed(
    told: BankInstructed,
    live: InForce,
    schedules: tuple[DebtSchedule, ...],
    conduct: Conduct,
    day: date,
) -> BankInstructed:
    """Say an agreement as it was signed, what rewards have made less, and what stops while it is kept."""
    stop = conduct.stop_collection_on_sign
    update = {
        "schedules": schedules,
        "rates": tuple(DebtRate(debt_id=d.debt_id, annual_rate_pct=d.annual_rate_pct) for d in live.terms),
        "instalments": tuple(row for row in live.lowered if row.due > day),
        "rate_cut_pct": live.rate_cut_pct or None,
        "beside": live.beside,
        "bound": live.bound,
        "signed_before": live.signed_before,
        "collection": CollectionOrder.STOP if stop else None,
        "agents": stop,
    }
    return told.model_copy(update=update)


def completed(
    live: InForce,
    settled: tuple[DebtSettled, ...],
    policy: PolicyInForce,
    conduct: Conduct,
    day: date,
    held: tuple[str, ...] = (),
    beside: tuple[str, ...] = (),
) -> BankInstructed:
    """Everything that was agreed is paid: there is nothing to collect by this agreement any more.

    What it left to a person may be collected again: it was stopped with the rest, while the plan was kept.
    """
    told = _about(live, InstructionKind.PLAN_COMPLETED, policy, day, credit_status=common_status(settled))
    told = told.model_copy(update={"settled": settled, "beside": beside})
    return _resumes(told, conduct, tuple(one for one in held if one in beside)) if beside else told


def applies_again(live: InForce, policy: PolicyInForce, conduct: Conduct, day: date) -> BankInstructed:
    """What had completed the agreement came back: it applies as it stood, with what has vested by it."""
    kept = policy.reporting.status_while_kept
    told = _about(live, InstructionKind.RESTORE_TERMS, policy, day, credit_status=kept)
    stop = conduct.stop_collection_on_sign
    # Who withdraws from it afterwards is told of by the same kind, and is another instruction.
    own = derive_id("instruction", live.agreement_id, told.kind.value, "again", str(_began_again(live)))
    collection = {"collection": CollectionOrder.STOP if stop else None, "agents": stop}
    update = {
        "instruction_id": own,
        "returns_to": live.agreement_id,
        "beside": live.beside,
        "bound": live.bound,
        "signed_before": live.signed_before,
        **collection,
    }
    return told.model_copy(update=update)


def stands_again(
    live: InForce,
    schedules: tuple[DebtSchedule, ...],
    waived: tuple[WaivedDebt, ...],
    policy: PolicyInForce,
    conduct: Conduct,
    day: date,
) -> BankInstructed:
    """A breach never was: the agreement applies as it was signed; what had come back is `waived` again."""
    told = applies_again(live, policy, conduct, day)
    told = told.model_copy(update={"waived": waived})
    return _as_signed(told, live, schedules, conduct, day)


def _about(
    live: InForce, kind: InstructionKind, policy: PolicyInForce, day: date, *, credit_status: str | None
) -> BankInstructed:
    return BankInstructed(
        instruction_id=_id(live.agreement_id, kind, _began_again(live)),
        agreement_id=live.agreement_id,
        version=live.version,
        kind=kind,
        effective=day,
        answer_by=answer_by(day, policy),
        credit_status=credit_status,
    )


def _resumes(told: BankInstructed, conduct: Conduct, held: tuple[str, ...]) -> BankInstructed:
    """Collection may begin again where signing had stopped it; elsewhere it stays as it is.

    `held`: stop events are in force about these, so that collection of them rests all the same.
    """
    if not conduct.stop_collection_on_sign:
        return told
    return told.model_copy(update={"collection": CollectionOrder.RESUME, "agents": True, "held": held})


def _began_again(live: InForce) -> int:
    """How often it is in force again after its end: what is told then is told by another instruction."""
    return live.reopened + live.stood_again


def _id(agreement_id: str, kind: InstructionKind, again: int = 0) -> str:
    return derive_id("instruction", agreement_id, kind.value, *([str(again)] if again else []))


def instruct(state: AgreementState, told: BankInstructed) -> AgreementState:
    """Remember an instruction until it is answered.

    Those that were answered are forgotten with it, and of a bank that never answers only the latest are kept.
    """
    item = Instruction(
        instruction_id=told.instruction_id,
        agreement_id=told.agreement_id,
        kind=told.kind,
        answer_by=told.answer_by,
    )
    waiting = tuple(i for i in state.instructions if i.confirmed is None)
    return state.model_copy(update={"instructions": (*waiting, item)[-_KEPT:]})
