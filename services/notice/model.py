"""Notice's document: what the guard has to know of a case, and the messages that have not ended."""

from datetime import date, datetime
from enum import StrEnum

from pydantic import Field

from shared.conduct import CaseStates, OptOut, PastContact, Rule
from shared.contracts.breach import BreachFacts
from shared.contracts.debts import PackId
from shared.contracts.decision import State
from shared.contracts.notice import NoticeKind
from shared.policy.sections_conduct import Channel, Party, Purpose

__all__ = ["Notice", "NoticeState", "NoticeStatus", "Obligor", "Permitted"]

# The longest that any rule looks back over: a pack counts at most a hundred attempts in vain.
_HISTORY_KEPT = 120
# Far above how many calls are about to be made to one borrower; of more the oldest is forgotten.
_PERMITTED_KEPT = 50
# Ids of notices that are over, so that what caused one twice is told once.
_DONE_KEPT = 40
_OF_PLAN = frozenset(
    {
        NoticeKind.AGREEMENT_SIGNED,
        NoticeKind.AGREEMENT_WITHDRAWN,
        NoticeKind.REVIEW_INVITATION,
        NoticeKind.BREACH_NOTICE,
        NoticeKind.PLAN_BROKEN,
        NoticeKind.PLAN_STANDS_AGAIN,
        NoticeKind.COMPLETION_LETTER,
    }
)


class NoticeStatus(StrEnum):
    """Whether there is something to say."""

    OPEN = "open"
    CLOSED = "closed"  # the case is closed; only what was owed of it is still sent


class Obligor(State):
    """Somebody else who owes debts of the case: which, and what they wish (`intake.parties`)."""

    person: str
    debts: tuple[str, ...]
    may_contact: bool
    may_discuss: bool
    opt_outs: tuple[OptOut, ...] = ()

    def may_hear_of(self, debts: tuple[str, ...]) -> bool:
        """Whether these debts may be talked about with them: their own, or all if the borrower has agreed."""
        return self.may_contact and (self.may_discuss or (bool(debts) and set(debts) <= set(self.debts)))


class Permitted(State):
    """A contact that somebody at the desk may make by the guard's answer, and has not told of yet."""

    contact_id: str
    contact: PastContact


class Notice(State):
    """One message that has not ended.

    `due`: the guard has let it leave, under the number `attempt`; else it waits, and is asked again at the
    close of `next_try` (None: when something changes). `over`: it was withdrawn after it was due, so that it
    may have left. `denied` are the rules that were said last; `tried` are channels by which it could not be
    sent. `called_on` is the day of what calls for it; None in documents of before. `debts` are what it is
    about where it is due. `facts` are figures of the debt; they leave only where
    the guard lets a debt be told of, and `tells_facts`: what is due now has them.
    """

    notice_id: str
    kind: NoticeKind
    category: Purpose
    arguments: dict[str, str]
    useful_until: date
    attempt: int = 0
    due: bool = False
    over: bool = False
    channel: Channel | None = None
    party: Party = "borrower"
    recipient: str = "borrower"
    send_from: datetime | None = None
    send_until: datetime | None = None
    debts: tuple[str, ...] = ()
    tried: tuple[Channel, ...] = ()
    denied: tuple[Rule, ...] = ()
    next_try: date | None = None
    facts: BreachFacts | None = None
    tells_facts: bool = False
    called_on: date | None = None

    @property
    def wakes_on(self) -> date:
        """The day whose close has work for it."""
        if self.due or self.over or self.next_try is None:
            return self.useful_until
        return min(self.next_try, self.useful_until)


class NoticeState(State):
    """One case: the ledger of contacts and states that the guard is asked with, and the open notices.

    `stands_since`: its plan was in force again then, after an end that was undone. `complaints_over` have
    their final response.
    """

    case: str
    status: NoticeStatus
    packs: tuple[PackId, ...]
    language: str
    time_zone: str | None = None
    channel: Channel | None = None
    debts: tuple[str, ...] = ()
    plan_debts: tuple[str, ...] = ()
    stands_since: date | None = None
    states: CaseStates = CaseStates()
    complaints: tuple[str, ...] = ()
    complaints_over: tuple[str, ...] = ()
    parties: dict[str, Party] = Field(default_factory=dict)
    obligors: tuple[Obligor, ...] = ()
    history: tuple[PastContact, ...] = ()
    permitted: tuple[Permitted, ...] = ()
    notices: tuple[Notice, ...] = ()
    done: tuple[str, ...] = ()

    def debts_of(self, kind: NoticeKind | None = None) -> tuple[str, ...]:
        """The debts that a message is about, without those that are stopped; all where none of them is free.

        What is told about a signed plan is about the debts in it.
        """
        about = self.plan_debts if kind in _OF_PLAN and self.plan_debts else self.debts
        stopped = {debt for stop in self.states.stops if stop.person is None for debt in stop.debts}
        return tuple(debt for debt in about if debt not in stopped) or about

    def knows(self, notice_id: str) -> bool:
        """Whether this notice is open or over."""
        return notice_id in self.done or any(one.notice_id == notice_id for one in self.notices)

    def with_notice(self, notice: Notice) -> "NoticeState":
        """Give the document with this notice as it stands now, at its place."""
        if not any(one.notice_id == notice.notice_id for one in self.notices):
            return self.model_copy(update={"notices": (*self.notices, notice)})
        kept = tuple(notice if one.notice_id == notice.notice_id else one for one in self.notices)
        return self.model_copy(update={"notices": kept})

    def without(self, notice: Notice) -> "NoticeState":
        """Give the document with this notice ended."""
        kept = tuple(one for one in self.notices if one.notice_id != notice.notice_id)
        done = self.done if notice.notice_id in self.done else (*self.done, notice.notice_id)[-_DONE_KEPT:]
        return self.model_copy(update={"notices": kept, "done": done})

    def with_contact(self, contact: PastContact) -> "NoticeState":
        """Give the document with one more contact on file; of too many the oldest goes, whenever told."""
        known = sorted((*self.history, contact), key=lambda past: past.at)
        return self.model_copy(update={"history": tuple(known[-_HISTORY_KEPT:])})

    def with_permitted(self, *now: Permitted, without: str) -> "NoticeState":
        """Give the document with a contact that may be made now; `without`: the question that it answers."""
        others = (one for one in self.permitted if one.contact_id != without)
        return self.model_copy(update={"permitted": (*others, *now)[-_PERMITTED_KEPT:]})

    def with_states(self, **changes: object) -> "NoticeState":
        """Give the document with some of the states that the guard knows changed."""
        return self.model_copy(update={"states": self.states.model_copy(update=changes)})
