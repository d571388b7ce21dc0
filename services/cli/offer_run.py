"""What `parley offer` computes: the services' own pure code on one case, without any server."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from services.assessment.decide import AssessmentDecider
from services.cli.offer_case import (
    CaseFile,
    CaseFileError,
    NothingToOfferError,
    WishOfFile,
    path_of,
    problems,
)
from services.cli.offer_liable import Liable, liable_for
from services.offer.decide import OfferDecider
from services.offer.model import Assessed, LaterCapacity, OfferState, OfferStatus, Wish
from services.offer.rules import assessed_from
from services.offer.talks import Step, new_talks, table
from shared.contracts import assessment, desk, desk_household, intake
from shared.contracts.base import Event
from shared.contracts.desk_talks import LumpSumOffered
from shared.contracts.envelope import Envelope
from shared.contracts.ids import case_id
from shared.contracts.offer import InputRefused as RefusedByOffer
from shared.contracts.offer import LumpSumAnswered, NoPlanFound, OfferRevised, OfferTabled
from shared.contracts.plan_terms import total_of
from shared.texts import text

if TYPE_CHECKING:
    from shared.contracts.debts import DebtSnapshot
    from shared.policy.reference import Reference

__all__ = ["Outcome", "run"]

# Amounts in what a borrower states and somebody verifies.
_AMOUNTS = {"monthly", "value", "balance", "verified", "contribution", "costs"}

Answer = OfferTabled | OfferRevised | NoPlanFound


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the services would have said. `completed` is None where the case file says what can be paid;
    `answered` is what a sum would do that leads to no plan at once, `liable` who else owes the debts."""

    state: OfferState
    assessed: Assessed
    completed: assessment.AssessmentCompleted | None
    said: Answer
    referrals: tuple[assessment.ReviewReferred, ...] = ()
    answered: LumpSumAnswered | None = None
    liable: tuple[Liable, ...] = ()


def run(case: CaseFile, on: date, policy: str | None, reference: Reference) -> Outcome:
    """Assess, search and answer the wish. CaseFileError where the statement lacks something."""
    in_force = reference.policies.in_force(case.policy, on)
    debts = case.snapshots(on, in_force.currency, policy, in_force.talks.history_tolerance_pct)
    unknown = sorted({debt.policy for debt in debts if debt.policy not in reference.policies})
    if unknown:
        raise CaseFileError(f"debts.policy: no such pack: {', '.join(unknown)}")
    completed = None
    referrals: tuple[assessment.ReviewReferred, ...] = ()
    if case.capacity is not None:
        assessed = _given(case, on, on + timedelta(days=in_force.assessment.validity_days))
    else:
        completed, referrals = _from_statement(case, debts, on, reference)
        assessed = assessed_from(completed, on)
    state = OfferState(
        case=case_id(case.case, 1),
        status=OfferStatus.WAITING,
        policy=case.policy,
        debts=debts,
        assessed=assessed,
    )
    state, said = new_talks(state, on, reference)
    first = _answer(said)
    if case.wish is not None and first is not None:
        state, said = _wish(case, case.wish, state, said, on, reference)
    answer = _answer(said) or first
    if answer is None:
        owed = any(total_of(debt.outstanding).is_positive for debt in debts)
        why = "none of them can come into a plan now" if owed else "nothing is owed on any of them"
        held = [
            f"debts[{number}].obligors: the case of {case.elsewhere[debt.debt_id]} holds it; a joint debt is "
            "in one case, that of its borrower with the smallest customer number"
            for number, debt in enumerate(case.debts)
            if debt.debt_id in case.elsewhere
        ]
        raise NothingToOfferError("\n".join([f"debts: {why}, so there is nothing to offer", *held]))
    answered = [event for event in said if isinstance(event, LumpSumAnswered)]
    return Outcome(
        state, assessed, completed, answer, referrals, answered[-1] if answered else None, liable_for(case)
    )


def _wish(
    case: CaseFile,
    wish: WishOfFile,
    state: OfferState,
    said: tuple[Event, ...],
    on: date,
    reference: Reference,
) -> Step:
    """Answer a wish: a sum to be paid at once even where no plan fits; nothing else can be met there."""
    tabled = state.status is OfferStatus.TABLED
    taken_from = reference.policies.in_force(case.policy, on).measures.lump_sum_not_from
    if wish.lump_sum is not None and (wish.sum_alone or not tabled or wish.source in taken_from):
        offered = LumpSumOffered(amount=wish.lump_sum, source=wish.source, available_on=wish.first_due)
        decision = OfferDecider().decide(state, _heard(case, offered, on, "wish"), reference)
        assert decision.state is not None  # noqa: S101 - narrows: there was a document
        events = tuple(emission.data for emission in decision.emissions)
        refused = [event for event in events if isinstance(event, RefusedByOffer)]
        if refused:
            code, params = refused[-1].reason.code, refused[-1].reason.params
            raise CaseFileError(f"wish.lump_sum: {text(code, params)} ({code.value})")
        return decision.state, events
    if not tabled:
        return state, said
    kept = Wish(
        monthly=wish.monthly,
        first_due=wish.first_due,
        months=wish.months,
        lump_sum=wish.lump_sum,
        source=wish.source,
    )
    asked = state.model_copy(update={"round": state.round + 1, "wish": kept})
    return table(asked, on, reference, revised=True)


def _heard(case: CaseFile, data: Event, on: date, name: str, sequence: int | None = None) -> Envelope[Any]:
    return Envelope(
        id=f"offline-{name}",
        source="/offline",
        time=datetime.combine(on, time(9), UTC),
        key=case.case,
        data=data,
        subject=case_id(case.case, 1),
        sequence=sequence,
    )


def _answer(said: tuple[Event, ...]) -> Answer | None:
    found = [event for event in said if isinstance(event, OfferTabled | OfferRevised | NoPlanFound)]
    return found[-1] if found else None


def _given(case: CaseFile, on: date, expires: date) -> Assessed:
    given = case.capacity
    assert given is not None  # noqa: S101 - narrows: the caller has looked
    return Assessed(
        assessment_id="given",
        version=1,
        as_of=on,
        expires=expires,
        now=given.now,
        stress=given.now if given.stress is None else given.stress,
        since=on,
        later=tuple(LaterCapacity(start=row.start, now=row.now, stress=row.stress) for row in given.later),
        temporary=given.temporary,
    )


def _from_statement(
    case: CaseFile, debts: tuple[DebtSnapshot, ...], on: date, reference: Reference
) -> tuple[assessment.AssessmentCompleted, tuple[assessment.ReviewReferred, ...]]:
    """Let assessment hear the case and all that the file says of the household."""
    policy = reference.policies.in_force(case.policy, on)
    currency = policy.currency
    opened = intake.CaseOpened(
        episode=1,
        opened_on=on,
        policy=case.policy,
        policy_version=policy.version,
        language=policy.pack.languages[0],
        debts=debts,
        timetable=(),
    )
    heard = [("case", opened), *_of_the_household(case, currency, on)]
    decider, state, said = AssessmentDecider(), None, []
    for number, (name, data) in enumerate(heard):
        message = _heard(case, data, on, str(number), sequence=1 if number == 0 else None)
        decision = decider.decide(state, message, reference)
        state = decision.state
        for emission in decision.emissions:
            if isinstance(emission.data, assessment.InputRefused):
                why = emission.data.reason
                raise CaseFileError(f"{name}: {text(why.code, why.params)} ({why.code.value})")
            said.append(emission.data)
    completed = [event for event in said if isinstance(event, assessment.AssessmentCompleted)]
    if not completed:
        asked = [event for event in said if isinstance(event, assessment.StatementRequested)]
        missing = ", ".join(asked[-1].missing) if asked else "it cannot be used"
        raise CaseFileError(f"statement: is not complete: {missing}")
    return completed[-1], tuple(event for event in said if isinstance(event, assessment.ReviewReferred))


def _of_the_household(case: CaseFile, currency: str, on: date) -> list[tuple[str, Event]]:
    """Give what the desk says, each with its field, in the order in which it has its full effect."""
    dated, named = {"as_of": on}, {"as_of": on, "verified_by": "-", "evidence_kind": "-"}
    told: tuple[tuple[str, type[Event], dict[str, Any]], ...] = (
        ("vulnerability", desk_household.VulnerabilityRecorded, {**dated, "recorded_by": "-"}),
        ("hardship", desk.HardshipReported, {}),
        ("interview", desk_household.InterviewHeld, {}),
        ("debt_plan", desk_household.DebtPlanAgreed, named),
        ("statement", desk.StatementSubmitted, dated),
        ("verified", desk.EvidenceVerified, named),
        ("doubts", desk_household.DoubtRaised, {**dated, "raised_by": "-"}),
        ("wilful_default", desk_household.WilfulDefaultStated, dated),
        ("overrides", desk_household.AssessmentOverridden, {}),
    )
    heard: list[tuple[str, Event]] = []
    for name, kind, defaults in told:
        given = getattr(case, name)
        many = isinstance(given, tuple)
        for number, part in enumerate(given if many else [] if given is None else [given]):
            at = (name, number) if many else (name,)
            heard.append((name, _read(kind, _with_currency(part, currency), at, defaults)))
    return heard


def _with_currency(given: Any, currency: str) -> Any:
    """Give plain amounts ("1200.00") of a message's parts the currency of the pack; private words stay so."""
    if isinstance(given, list | tuple):
        return [_with_currency(part, currency) for part in given]
    if not isinstance(given, dict) or set(given) == {"value"}:
        return given
    return {
        name: {"amount": value, "currency": currency}
        if name in _AMOUNTS and isinstance(value, str)
        else _with_currency(value, currency)
        for name, value in given.items()
    }


def _read(kind: type[Any], given: dict[str, Any], at: tuple[str | int, ...], defaults: dict[str, Any]) -> Any:
    """Read a part of the file as the message it stands for; unknown fields are errors here."""
    unknown = sorted(set(given) - set(kind.model_fields))
    if unknown:
        raise CaseFileError("\n".join(f"{path_of((*at, name))}: no such field" for name in unknown))
    try:
        return kind.model_validate({**defaults, **given})
    except ValidationError as error:
        raise CaseFileError("\n".join(problems(error, at))) from None
