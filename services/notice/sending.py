"""A notice's life: asked for, due, denied, sent, given up, withdrawn. Pure."""

from datetime import date, datetime, time, timedelta

from services.notice.asking import Way, is_still_allowed, ways
from services.notice.model import Notice, NoticeState
from shared.contracts.base import Event, Reason
from shared.contracts.notice import NoticeDenied, NoticeDue, NoticeWithdrawn, message_id
from shared.contracts.reasons import ReasonCode
from shared.policy.reference import Reference

__all__ = ["Step", "attempt", "look_again", "withdraw"]

# As many as a contact may name.
_DEBTS_NAMED = 200

Step = tuple[NoticeState, tuple[Event, ...]]


def attempt(state: NoticeState, notice: Notice, at: datetime, reference: Reference) -> Step:
    """Ask the guard way by way; the first that lets it leave is taken, else it is said why not."""
    seen: list[Way] = []
    for way in ways(state, notice, at, reference):
        if way.opens is not None and way.closes is not None and way.opens < way.closes:
            return _due(state, notice, way)
        seen.append(way)
    if not seen:
        return withdraw(state, notice, ReasonCode.NOTICE_NOT_SENT, at)
    return _denied(state, notice, seen, at)


def look_again(state: NoticeState, at: datetime, reference: Reference, but: str | None = None) -> Step:
    """Something has changed: what waits is asked for anew, and what is due is stopped if it may not leave."""
    said: tuple[Event, ...] = ()
    for notice in state.notices:
        if notice.over or notice.notice_id == but:
            continue
        if notice.due:
            way = is_still_allowed(state, notice, at, reference)
            # What may leave again later may not leave now: it is given a new time, under a new id.
            if way.answer.allowed and not _ends_sooner(notice, way.closes):
                continue
            notice = notice.model_copy(update={"due": False})  # noqa: PLW2901
        state, events = attempt(state, notice, at, reference)
        said += events
    return state, said


def _ends_sooner(notice: Notice, closes: datetime | None) -> bool:
    """Whether its time ends before the courier believes: where they live now, evening is earlier."""
    return closes is not None and notice.send_until is not None and closes < notice.send_until


def withdraw(state: NoticeState, notice: Notice, code: ReasonCode, at: datetime) -> Step:
    """It is of no use any more. One that was due may have left: it stays known until that is told."""
    left = state.without(notice)
    if notice.due:
        left = left.model_copy(
            update={"notices": (*left.notices, notice.model_copy(update={"over": True, "due": False}))}
        )
    said = NoticeWithdrawn(
        notice_id=notice.notice_id,
        kind=notice.kind,
        reason=Reason(code=code),
        may_have_left=notice.due and (notice.send_from is None or notice.send_from <= at),
    )
    return left, (said,)


def _due(state: NoticeState, notice: Notice, way: Way) -> Step:
    assert way.opens is not None  # noqa: S101 - chosen for that
    assert way.closes is not None  # noqa: S101
    number = notice.attempt + 1
    now = notice.model_copy(
        update={
            "attempt": number,
            "due": True,
            "channel": way.channel,
            "party": way.party,
            "recipient": way.recipient,
            "send_from": way.opens,
            "send_until": way.closes,
            "debts": way.debts,
            "denied": (),
            "next_try": None,
            "tells_facts": way.tells_facts,
        }
    )
    said = NoticeDue(
        notice_id=notice.notice_id,
        message_id=message_id(notice.notice_id, number),
        attempt=number,
        kind=notice.kind,
        category=notice.category,
        channel=way.channel,
        language=state.language,
        arguments=notice.arguments,
        party=way.party,
        recipient=way.recipient,
        send_from=way.opens,
        send_until=way.closes,
        useful_until=notice.useful_until,
        debts=_named(way.debts),
        facts=notice.facts if way.tells_facts else None,
    )
    return state.with_notice(now), (said,)


def _named(debts: tuple[str, ...]) -> tuple[str, ...]:
    """Name what a message is about; about very many it is about none in particular, which counts for all."""
    return debts if len(debts) <= _DEBTS_NAMED else ()


def _denied(state: NoticeState, notice: Notice, seen: list[Way], at: datetime) -> Step:
    """Say which rules deny it, once for the same rules; the channel that is preferred speaks for all."""
    first = seen[0]
    rules = tuple(dict.fromkeys(denial.rule for denial in first.answer.denials))
    moments = [way.answer.allowed_again for way in seen if way.answer.allowed_again is not None]
    again = min(moments, default=None)
    now = notice.model_copy(update={"denied": rules, "next_try": _next_try(again, at)})
    state = state.with_notice(now)
    if not rules or rules == notice.denied:
        return state, ()
    said = NoticeDenied(
        notice_id=notice.notice_id,
        kind=notice.kind,
        category=notice.category,
        channel=first.channel,
        rule=rules[0],
        rules=rules,
        basis=first.answer.denials[0].key,
        allowed_again=again,
    )
    return state, (said,)


def _next_try(again: datetime | None, at: datetime) -> date | None:
    """The day at whose close the moment is less than a day ahead; a later one than that which is closing."""
    if again is None:
        return None
    closing = at.time().replace(tzinfo=None) >= time(23, 59, 59)
    return max(again.date() - timedelta(days=1), at.date() + timedelta(days=closing))
