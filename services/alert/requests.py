"""What a borrower asks for, a person or an explanation of a decision: answered in time, or escalated. Pure.

The earliest of three dates is the last: the days of every pack of the case (`data_protection.answer_days`),
the house's own step of the timetable, and for a person those of `talks.human_business_days`. An automatic
explanation is mostly given in the same moment. Where there is none (nobody knows what was asked about), and
for who asks for a person, a talk is the answer, if its record says that it answers this request: a talk about
something else ends none. The borrower is owed the answer whatever becomes of the case.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

from services.alert import dated
from services.alert.model import AlertState, Answered, OpenRequest
from services.alert.raising import Step, caught_up
from services.alert.steps import conduct_on, policy_on
from shared.contracts import desk, desk_talks, offer
from shared.contracts.base import Event
from shared.contracts.desk_talks import RequestKind
from shared.contracts.envelope import Envelope
from shared.contracts.reasons import ReasonCode
from shared.policy import sections as s
from shared.policy.reference import Reference

__all__ = ["OF_REQUESTS", "act", "judged_on", "note"]

_STEP = "request_answer"  # its row in the pack's timetable
_AFTER_A_NO = {ReasonCode.REFUSED_IN_OWN_WORDS, ReasonCode.NEXT_HUMAN_REVIEW}
# Far above what a case has; of more the oldest goes first.
_KEPT = 20


def note(state: AlertState, message: Envelope[Any], reference: Reference) -> Step:
    """Take note of what is asked for, or of an answer; what was late is caught up."""
    handler = OF_REQUESTS.get(type(message.data))
    return (state, ()) if handler is None else handler(state, message, reference)


def _human(state: AlertState, message: Envelope[desk_talks.HumanRequested], reference: Reference) -> Step:
    return _asked(state, message, RequestKind.HUMAN, None, reference)


def _refused(state: AlertState, message: Envelope[offer.HumanReviewOpened], reference: Reference) -> Step:
    """Who has said no in their own words, or asked for what no plan can give, was told of a person by a day.

    Other reviews that offer opens have a step of their own, or were asked for by the borrower. One person
    answers for all: who has asked for one besides is not owed two.
    """
    if message.data.reason.code not in _AFTER_A_NO:
        return state, ()
    return _asked(state, message, RequestKind.HUMAN, None, reference)


def _explanation(
    state: AlertState, message: Envelope[desk_talks.ExplanationRequested], reference: Reference
) -> Step:
    about = message.data.about
    if (about, message.day) in state.explained:  # offer's word came by another topic, and first
        left = tuple(one for one in state.explained if one != (about, message.day))
        return state.model_copy(update={"explained": left}), ()
    return _asked(state, message, RequestKind.EXPLANATION, about, reference)


def _asked(
    state: AlertState, message: Envelope[Any], what: RequestKind, about: str | None, reference: Reference
) -> Step:
    """Begin the days; who asks again before the answer does not begin them anew."""
    if any((one.what, one.about) == (what, about) for one in state.requests):
        return state, ()
    if any((one.what, one.about) == (what, about) and one.at > message.time for one in state.answered):
        return state, ()
    due = _due(state, what, message.day, reference)
    request = OpenRequest(
        what=what,
        about=about,
        at=message.time,
        due=due,
        remind_on=dated.reminder(state, due, message.day, reference),
    )
    return state.model_copy(update={"requests": (*state.requests, request)[-_KEPT:]}), ()


def _due(state: AlertState, what: RequestKind, on: date, reference: Reference) -> date:
    """Give the last day for an answer."""
    conduct, own = conduct_on(state, on, reference), policy_on(state, on, reference)
    days = min(reference.policies.in_force(pack, on).data_protection.answer_days for pack in conduct.packs)
    try:
        dates = [on + timedelta(days=days)]
        row = conduct.step(_STEP)
        if row is not None:
            dates.append(conduct.deadline(on, row.business_days))
        if what is RequestKind.HUMAN:
            dates.append(own.deadline(on, own.talks.human_business_days))
    except (OverflowError, ValueError):  # past the last date there is
        return on
    return min(dates)


def _explained(state: AlertState, message: Envelope[offer.DecisionExplained], _: Reference) -> Step:
    about, on = message.data.about, message.data.as_of
    answered = tuple(
        one
        for one in state.requests
        if one.what is RequestKind.EXPLANATION and one.about == about and one.at.date() <= on
    )
    if not answered:
        return state.model_copy(update={"explained": (*state.explained, (about, on))[-_KEPT:]}), ()
    return _done(state, answered, message.day)


def _talked(state: AlertState, message: Envelope[desk.ContactRecorded], _: Reference) -> Step:
    """Take off what the talk answers by its record; the request may come later than its answer."""
    if message.data.outcome is not desk.ContactOutcome.TALKED or not message.data.answers:
        return state, ()
    told = tuple(dict.fromkeys((one.what, one.about) for one in message.data.answers))
    news = [Answered(what=what, about=about, at=message.time) for what, about in told]
    kept = [one for one in state.answered if (one.what, one.about) not in told or one.at > message.time]
    state = state.model_copy(update={"answered": tuple((*kept, *news)[-_KEPT:])})
    done = (one for one in state.requests if (one.what, one.about) in told and one.at < message.time)
    return _done(state, tuple(done), message.day)


def _done(state: AlertState, answered: tuple[OpenRequest, ...], on: date) -> Step:
    """Take requests off; with the last that was late its alert ends."""
    if not answered:
        return state, ()
    left = tuple(one for one in state.requests if one not in answered)
    return caught_up(state.model_copy(update={"requests": left}), _STEP, answered, on)


def judged_on(state: AlertState) -> date | None:
    """The next day whose close has something to say of a request."""
    return dated.judged_on(state.requests)


def act(state: AlertState, due: date, day: date, reference: Reference) -> Step:
    """Remind of the requests whose day is `due`; say which were not answered by the end of their last day."""
    return dated.act(
        state,
        state.requests,
        lambda requests: {"requests": requests},
        step=_STEP,
        row_of=lambda request: _row(state, request, due, reference),
        due=due,
        day=day,
        reference=reference,
    )


def _row(state: AlertState, request: OpenRequest, on: date, reference: Reference) -> s.StepRow | None:
    """Give whose step it is: a person is asked of the role that the pack names for it."""
    row = conduct_on(state, on, reference).step(_STEP)
    if row is None or request.what is not RequestKind.HUMAN:
        return row
    return row.model_copy(update={"owner_role": policy_on(state, on, reference).talks.human_role})


OF_REQUESTS: dict[type[Event], Callable[[AlertState, Envelope[Any], Reference], Step]] = {
    desk_talks.HumanRequested: _human,
    desk_talks.ExplanationRequested: _explanation,
    offer.DecisionExplained: _explained,
    offer.HumanReviewOpened: _refused,
    desk.ContactRecorded: _talked,
}
"""What this module takes note of."""
