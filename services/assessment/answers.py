"""What comes from the desk: statements in parts, evidence, hardship, contacts. Pure."""

from __future__ import annotations

from services.assessment.behaviour import talked_or_not
from services.assessment.care import more_days, questions_for
from services.assessment.entry import Outcome, of_open_case, unusable
from services.assessment.model import AssessmentState, AssessmentStatus, Hardship, Verified
from services.assessment.rules import (
    PARTS,
    amounts_of,
    ask,
    complete_change,
    merge,
    missing_parts,
    oldest_usable,
    out_of_date,
    still_verified,
    unknown_item,
)
from services.assessment.steps import ask_afresh, complete, policy_of, refusal, valid
from services.assessment.stops import last_day
from shared.contracts import desk
from shared.contracts.assessment import StatementRequested
from shared.contracts.base import Event, Reason
from shared.contracts.decision import Decision
from shared.contracts.envelope import Envelope
from shared.contracts.reasons import ReasonCode
from shared.policy.reference import Reference

__all__ = ["contact", "hardship", "submitted", "verified"]

# Figures that evidence may be kept of: a household has no more, and documents do not grow.
_EVIDENCE_KEPT = 60


@of_open_case
def submitted(
    state: AssessmentState, message: Envelope[desk.StatementSubmitted], reference: Reference
) -> Outcome:
    """A statement, or a part of one: complete, or what is missing is asked for again."""
    data, day = message.data, message.day
    policy = policy_of(state, day, reference)
    wrong = unusable(message, amounts_of(message.data), state.owed.currency)
    if wrong is not None:
        return Decision.of(state, wrong)
    unclear = next((item for item in data.changes or () if not complete_change(item)), None)
    if unclear is not None:
        return Decision.of(state, refusal(message, ReasonCode.CHANGE_INCOMPLETE, change=unclear.kind.value))
    strange = unknown_item(item.item for item in data.changes or ())
    if strange is not None:
        return Decision.of(state, refusal(message, ReasonCode.ITEM_UNKNOWN, item=strange))
    oldest = oldest_usable(policy, day)
    if data.as_of < oldest:
        stale = {"as_of": data.as_of.isoformat(), "known": oldest.isoformat()}
        return Decision.of(state, refusal(message, ReasonCode.STATEMENT_STALE, **stale))
    statement, taken = merge(state.statement, data, day)
    if not taken:
        known = max(state.statement.given.values(), default=oldest)
        stale = {"as_of": data.as_of.isoformat(), "known": known.isoformat()}
        return Decision.of(state, refusal(message, ReasonCode.STATEMENT_STALE, **stale))
    evidence = still_verified(state.statement, statement, state.verified)
    now = state.model_copy(update={"statement": statement, "verified": evidence})
    request = now.request
    if request is None and now.current is None:
        # Late: the question had lapsed, or a plan was in force. What it lacks is asked for from today.
        request = ask(out_of_date(statement, policy, day), policy, day, more_days(now, policy))
        now = now.model_copy(update={"late": now.late + 1})
    missing: tuple[str, ...] = ()
    if request is not None:
        open_ = {*request.missing, *missing_parts(statement, policy)} - {*taken}
        missing = tuple(name for name in PARTS if name in open_)
    if missing and request is not None:
        waiting = request.model_copy(update={"missing": missing})
        asked = now.model_copy(
            update={"status": AssessmentStatus.ASKED, "request": waiting, "ask_again": None}
        )
        incomplete = Reason(code=ReasonCode.STATEMENT_INCOMPLETE, params={"missing": ", ".join(missing)})
        said = StatementRequested(
            missing=missing,
            due=waiting.due,
            reasons=(incomplete,),
            questions=questions_for(asked, policy),
        )
        return Decision.of(asked, said)
    if now.request is not None:
        in_time = day <= last_day(now.request, now, day)
        counted = {"in_time": now.in_time + in_time, "late": now.late + (not in_time)}
        now = now.model_copy(update=counted)
    after, events = complete(now, policy, day, in_full=True)
    return Decision.of(after, *events)


@of_open_case
def verified(
    state: AssessmentState, message: Envelope[desk.EvidenceVerified], reference: Reference
) -> Outcome:
    """A figure was checked: kept beside what was declared, and counted from now on."""
    data = message.data
    wrong = unusable(message, amounts_of(message.data), state.owed.currency)
    if wrong is not None:
        return Decision.of(state, wrong)
    if unknown_item([data.item]) is not None:
        return Decision.of(state, refusal(message, ReasonCode.ITEM_UNKNOWN, item=data.item))
    known = next((item for item in state.verified if item.item == data.item), None)
    if known is not None and data.as_of < known.as_of:
        stale = {"as_of": data.as_of.isoformat(), "known": known.as_of.isoformat()}
        return Decision.of(state, refusal(message, ReasonCode.STALE_FACT, **stale))
    fresh = Verified(
        item=data.item,
        amount=data.verified,
        as_of=data.as_of,
        verified_by=data.verified_by,
        evidence_kind=data.evidence_kind,
    )
    if known == fresh:
        return Decision(state)
    others = tuple(item for item in state.verified if item.item != data.item)
    # What was found to be forged is settled: other evidence, checked since, counts again.
    doubts = tuple(doubt for doubt in state.doubts if doubt.item != data.item or not doubt.upheld)
    kept = {"verified": (*others, fresh)[-_EVIDENCE_KEPT:], "doubts": doubts}
    now = state.model_copy(update=kept)
    if not valid(now, message.day):
        return Decision(now)
    after, said = complete(now, policy_of(now, message.day, reference), message.day, in_full=False)
    return Decision.of(after, *said)


@of_open_case
def hardship(
    state: AssessmentState, message: Envelope[desk.HardshipReported], reference: Reference
) -> Outcome:
    """Circumstances changed: figures in force say so at once, and new ones are asked for."""
    data = message.data
    reported = Hardship(cause=data.cause, since=data.since, expected_end=data.expected_end, onset=data.onset)
    if state.hardship == reported:
        return Decision(state)
    policy = policy_of(state, message.day, reference)
    now = state.model_copy(update={"hardship": reported})
    said: tuple[Event, ...] = ()
    if valid(now, message.day):
        now, said = complete(now, policy, message.day, in_full=False)
    cause = Reason(code=ReasonCode.HARDSHIP_REPORTED, params={"cause": data.cause.value})
    after, asked = ask_afresh(now, policy, message.day, cause)
    return Decision.of(after, *said, *asked)


def contact(
    state: AssessmentState | None, message: Envelope[desk.ContactRecorded], _reference: Reference
) -> Outcome:
    """Whether the borrower can be reached says something of willingness, and nothing of capacity."""
    if state is None:
        return Decision.wait(None, refusal(message, ReasonCode.NO_CASE))
    if state.status is AssessmentStatus.CLOSED:
        return Decision(state)
    return Decision(state if message.data.with_another else talked_or_not(state, message))
