"""Notice's decisions: what may be told to a borrower, and when; what was told, and how that ended."""

from datetime import UTC, date, datetime, time
from typing import Any

from services.notice.asking import about_contact, without_unused
from services.notice.ledger import LEDGER, with_earlier, without_past_stops
from services.notice.model import Notice, NoticeState, NoticeStatus
from services.notice.rules import ENDS, ENDS_EARLIER, TELLS, ended_by, owed_after_close, withdraws_itself
from services.notice.sending import Step, attempt, look_again, withdraw
from shared.conduct import (
    BORROWER,
    PastContact,
    is_reckoned,
    is_time_zone,
    known_channel,
    known_limit,
    past_message,
)
from shared.contracts import desk, intake
from shared.contracts.base import Event, Reason
from shared.contracts.decision import Decision
from shared.contracts.desk_contact import ContactAsked, NoticeDelivered, NoticeFailed
from shared.contracts.envelope import Envelope
from shared.contracts.notice import ContactAnswered, InputRefused, NoticeFiled, message_id, notice_id
from shared.contracts.reasons import ReasonCode
from shared.policy.reference import Reference

__all__ = ["HANDLED", "NoticeDecider"]

Outcome = Decision[NoticeState]

# The sender's word for a message whose time had passed before it could leave: it is asked for again.
_WINDOW_PASSED = "window_passed"


class NoticeDecider:
    """One message per cause, and none that the guard denies."""

    def decide(self, state: NoticeState | None, message: Envelope[Any], reference: Reference) -> Outcome:
        """Decide one message; see `shared.contracts.decision`."""
        data = message.data
        if isinstance(data, intake.CaseOpened):
            return _opened(state, message, reference)
        if type(data) not in HANDLED:
            return Decision(state)
        if state is None:
            # The case is on its way by another topic; what comes with it has its own order.
            return Decision(None) if data.PRODUCER == "intake" else Decision.wait(None)
        moments = (message.time, getattr(data, "at", message.time))
        if not all(is_reckoned(moment) for moment in moments):
            return Decision.of(state, _refusal(message, ReasonCode.STALE_FACT))
        state = without_unused(without_past_stops(state, message.time), message.time, reference)
        if isinstance(data, ContactAsked):
            return Decision.of(*_answer(state, data, message.time, reference))
        if isinstance(data, NoticeDelivered | NoticeFailed) and not state.knows(data.notice_id):
            # After a restored backup the outcome is read before its cause: the notice is due again soon.
            return Decision.wait(state)
        if isinstance(data, NoticeDelivered):
            return Decision.of(*_pair(_delivered(state, data)))
        if isinstance(data, NoticeFailed):
            return Decision.of(*_pair(_failed(state, data, message, reference)))
        state, said = _heard(state, message, reference)
        wrong = _not_understood(data) if isinstance(data, desk.PreferencesSet) else ()
        return Decision.of(state, *said, *(_refusal(message, code) for code in wrong))

    def due(self, state: NoticeState) -> date | None:
        """The first day whose close asks again, or finds a message of no use any more."""
        return min((notice.wakes_on for notice in state.notices), default=None)

    def close(self, state: NoticeState, day: date, reference: Reference) -> Outcome:
        """Withdraw what is of no use after `day`; ask again for what may leave by now."""
        at = datetime.combine(day, time(23, 59, 59), UTC)
        state = without_unused(without_past_stops(state, at), at, reference)
        said: tuple[Event, ...] = ()
        for notice in state.notices:
            if notice.over and notice.useful_until <= day:
                state = state.without(notice)
                continue
            if notice.useful_until <= day:
                state, events = withdraw(state, notice, ReasonCode.NOTICE_TOO_LATE, at)
                state = state.without(notice)
            elif notice.wakes_on <= day:
                state, events = attempt(state, notice, at, reference)
            else:
                continue
            said += events
        return Decision.of(state, *said)


def _not_understood(wishes: desk.PreferencesSet) -> tuple[ReasonCode, ...]:
    """What of a word is refused; the rest of it holds: a channel that it closes is closed."""
    channels = (*wishes.opt_out, *wishes.opens, *(wishes.consents or ()))
    codes = []
    if not is_time_zone(wishes.time_zone or "UTC"):
        codes.append(ReasonCode.TIME_ZONE_UNKNOWN)
    if any(known_channel(name) is None for name in channels):
        codes.append(ReasonCode.CHANNEL_UNKNOWN)
    if any(known_limit(name) is None for name in wishes.lifts or ()):
        codes.append(ReasonCode.LIMIT_UNKNOWN)
    return tuple(codes)


def _pair(step: Step) -> tuple[Any, ...]:
    state, said = step
    return (state, *said)


def _opened(state: NoticeState | None, message: Envelope[intake.CaseOpened], reference: Reference) -> Outcome:
    if state is not None:
        return Decision(state)
    data = message.data
    packs = data.conduct or (data.policy,)
    if any(pack not in reference.policies for pack in packs):
        return Decision.of(None, _refusal(message, ReasonCode.UNKNOWN_PRODUCT))
    opened = NoticeState(
        case=message.case,
        status=NoticeStatus.OPEN,
        packs=packs,
        language=data.language if data.language in {"zh", "en"} else "en",
        debts=tuple(debt.debt_id for debt in data.debts),
    )
    return Decision(opened if data.reach is None else with_earlier(opened, data.reach))


def _heard(state: NoticeState, message: Envelope[Any], reference: Reference) -> Step:
    """What is learnt first, then what ends, then what waits is looked at again, then what is new."""
    kind = type(message.data)
    said: tuple[Event, ...] = ()
    before, learn = state, LEDGER.get(kind)
    if learn is not None:
        state = learn(state, message)
    ended, earlier = ended_by(message.data), ENDS_EARLIER.get(kind, frozenset())
    for notice in before.notices:
        called_before = notice.called_on is None or notice.called_on < message.day
        if not notice.over and (notice.kind in ended or (notice.kind in earlier and called_before)):
            state, events = withdraw(state, notice, ReasonCode.NOTICE_CAUSE_OVER, message.time)
            said += events
    if state.packs != before.packs and any(pack not in reference.policies for pack in state.packs):
        state = state.model_copy(update={"packs": before.packs})
    if (learn is not None or said) and state.notices:
        state, events = look_again(state, message.time, reference)
        said += events
    if kind in TELLS and TELLS[kind].calls(message.data):
        state, events = _told(state, message, reference)
        said += events
    return state, said


def _told(state: NoticeState, message: Envelope[Any], reference: Reference) -> Step:
    """An event calls for a message: the newest of its kind is the one that counts."""
    data = message.data
    row = TELLS[type(data)]
    if state.status is NoticeStatus.CLOSED and not owed_after_close(row.kind):
        return state, ()
    policy = reference.policies.in_force(state.packs[0], message.day)
    notice = Notice(
        notice_id=notice_id(state.case, row.kind, row.about(data)),
        kind=row.kind,
        category=row.category(data),
        arguments=row.arguments(data),
        useful_until=row.useful_until(data, message.day, policy),
        facts=row.facts(data),
        called_on=message.day,
    )
    if state.knows(notice.notice_id) or notice.useful_until < message.day:
        return state, ()
    said: tuple[Event, ...] = ()
    for older in state.notices:
        if older.kind in withdraws_itself(row.kind) and not older.over:
            state, events = withdraw(state, older, ReasonCode.NOTICE_REPLACED, message.time)
            said += events
    state, events = attempt(state, notice, message.time, reference)
    return state, (*said, *events)


def _answer(
    state: NoticeState, asked: ContactAsked, told: datetime, reference: Reference
) -> tuple[NoticeState, ContactAnswered]:
    state, answer = about_contact(state, asked, told, reference)
    rules = tuple(dict.fromkeys(denial.rule for denial in answer.denials))
    return state, ContactAnswered(
        contact_id=asked.contact_id,
        allowed=answer.allowed,
        rule=rules[0] if rules else None,
        rules=rules,
        allowed_again=answer.allowed_again,
    )


def _delivered(state: NoticeState, data: NoticeDelivered) -> Step:
    """It has left: on file, and counted by the guard from now on."""
    notice = _open(state, data.notice_id)
    if notice is None:
        return _told_late(state, data), ()
    past = PastContact(
        at=_aware(data.at),
        kind=notice.category,
        actor="creditor",
        direction="outbound",
        channel=data.channel,
        outcome="message_left",
        person=notice.recipient,
        debts=notice.debts or state.debts_of(notice.kind),
        asks_for_payment=notice.category == "collection",
    )
    filed = _filed(notice, data, "message_left", "none" if notice.over else "await_answer")
    return state.without(notice).with_contact(past), (filed,)


def _told_late(state: NoticeState, data: NoticeDelivered) -> NoticeState:
    """It was given up before anybody said that it had left: it counts all the same, but once."""
    past = past_message(data)
    if past is None or any((p.at, p.person, p.channel) == (past.at, past.person, past.channel)
                           for p in state.history):  # fmt: skip
        return state
    return state.with_contact(past)


def _failed(
    state: NoticeState, data: NoticeFailed, message: Envelope[NoticeFailed], reference: Reference
) -> Step:
    """It has not left: asked for again, by another channel where this one does not work."""
    notice = _open(state, data.notice_id)
    if notice is None:
        return state, ()
    outcome = f"not_sent: {data.reason}"
    if notice.over:
        return state.without(notice), (_filed(notice, data, outcome, "none"),)
    if message_id(notice.notice_id, notice.attempt) != data.message_id or not notice.due:
        return state, ()  # an earlier attempt, which the guard has stopped since
    passed = data.reason == _WINDOW_PASSED
    tried = notice.tried if passed else (*notice.tried, data.channel)
    filed = _filed(notice, data, outcome, "try_again" if passed else "another_channel")
    waiting = notice.model_copy(update={"due": False, "tried": tried})
    at = max(message.time, _aware(data.at))
    state, said = attempt(state.with_notice(waiting), waiting, at, reference)
    # What had to wait for this one may have room now.
    state, more = look_again(state, at, reference, but=notice.notice_id)
    return state, (filed, *said, *more)


def _filed(notice: Notice, data: NoticeDelivered | NoticeFailed, outcome: str, next_step: str) -> NoticeFiled:
    return NoticeFiled(
        notice_id=notice.notice_id,
        message_id=data.message_id,
        at=_aware(data.at),
        place=data.channel,
        participants=("platform", notice.party if notice.recipient != BORROWER else BORROWER),
        key_points=notice.kind,
        outcome=outcome,
        next_step=next_step,
        recorded_by="courier",
    )


def _open(state: NoticeState, notice_id: str) -> Notice | None:
    return next((notice for notice in state.notices if notice.notice_id == notice_id), None)


def _aware(at: datetime) -> datetime:
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)


def _refusal(message: Envelope[Any], code: ReasonCode) -> InputRefused:
    return InputRefused(cause_id=message.id, cause_type=message.type, reason=Reason(code=code))


HANDLED: frozenset[type[Event]] = frozenset(
    {intake.CaseOpened, ContactAsked, NoticeDelivered, NoticeFailed, *LEDGER, *TELLS, *ENDS}
)
"""The messages that this service does anything about."""
