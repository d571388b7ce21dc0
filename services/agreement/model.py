"""The agreement's document: what is owed, the draft on the table, the agreement in force."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from shared.contracts.agreement import (
    DebtBound,
    DebtRate,
    InstructionKind,
    LiableFor,
    Period,
    ReAge,
    WaivedDebt,
)
from shared.contracts.base import AccountId, Percent
from shared.contracts.debts import Balances, DebtStatus, InstalmentTotal, Plan, PlanDebt
from shared.contracts.decision import State
from shared.contracts.desk import SignatureParty
from shared.contracts.parties import DebtObligor
from shared.contracts.reasons import ReasonCode
from shared.policy.sections_conduct import Party

__all__ = [
    "Acting",
    "AgreementState",
    "AgreementStatus",
    "Barred",
    "Broken",
    "Consent",
    "Draft",
    "InForce",
    "Instruction",
    "KnownDebt",
    "Over",
    "ReAged",
    "Returned",
    "Signature",
    "Unpaid",
    "Vesting",
    "Watch",
    "Withdrawn",
]

# Drafts and agreements that are over, kept so that a late signature hears why at once.
_OVER_KEPT = 12


class AgreementStatus(StrEnum):
    """Where the case stands here; a live agreement stays in force while a new one is drafted."""

    OPEN = "open"  # no draft and nothing in force: offer has the next step
    DRAFTED = "drafted"  # both parties sign by `sign_by`
    SIGNED_BY_ONE = "signed_by_one"  # the other party signs by `sign_by`
    GUARANTOR = "guarantor"  # both have signed; a guarantor agrees in writing by `sign_by`
    CO_BORROWER = "co_borrower"  # both have signed; a co-borrower whom the pack asks for signs by `sign_by`
    SIGNED_BY_BOTH = "signed_by_both"  # takes effect when the day of the last signature is closed
    IN_FORCE = "in_force"  # followup has the dates
    COMPLETED = "completed"  # every instalment is paid
    ENDED = "ended"  # broken: offer looks at the case again
    CLOSED = "closed"  # the case is closed; only the bank's answers still come


class KnownDebt(State):
    """A debt as intake last reported it."""

    debt_id: AccountId
    status: DebtStatus
    outstanding: Balances
    as_of: date
    obligors: tuple[DebtObligor, ...] = ()
    annual_rate_pct: Decimal | None = None
    is_late: bool = True  # documents of before did not know, and a debt of a case is
    bound_by: str | None = None  # the agreement of an earlier case that still binds it
    bound_with: tuple[str, ...] = ()  # its co-borrowers who had signed that


class Signature(State):
    """Who has signed, and on which business day; for the borrower `by` an authority, `at` that moment."""

    party: SignatureParty
    on: date
    by: str | None = None
    at: datetime | None = None


class Acting(State):
    """Somebody who acts for the borrower; until `over_at` at most. `signs`: agreements, too.

    What was said about an earlier case was `told`, or told to be over, by intake on a day.
    """

    authority_id: str
    party: Party
    since: datetime
    until: date
    debts: tuple[AccountId, ...] = ()
    verified: bool
    signs: bool
    told: date | None = None
    over_at: datetime | None = None
    over_told: date | None = None


class Consent(State):
    """Which guarantor has agreed in writing, or which co-borrower signed, and on which business day."""

    party_id: str
    on: date


class Unasked(State):
    """A guarantor whom nobody may ask since a day, because of a stop of theirs."""

    party_id: str
    since: date


class Barred(State):
    """A co-borrower who cannot sign since a day, because of a stop of theirs that was told of on another.

    One that is over had its last day on `until`, which was heard on `over_told`.
    """

    party_id: str
    since: date
    told: date
    stop_id: str = ""
    until: date | None = None
    over_told: date | None = None


class Draft(State):
    """The document on the table. Its schedules follow from the plan's terms and are not kept.

    `guarantors` must agree in writing before it takes effect; `liable` are all who owe its debts, too. The
    rules of `pinned_on` hold for its terms.
    `received_on`: the borrower has the documents. `agreed_at` is the moment at which the plan was agreed.
    `incentives`: the set of rewards of the case's arm; None: everybody's.
    `rewarded_after`: see `InForce`; it is what the document was drawn up on. So are `rates`, those that the
    debts had without the plan; none in drafts of before. `unasked` are those who could not be asked then,
    `barred` those who could not sign.
    `joined` are the co-borrowers who have signed; without those of `must_sign` it does not take effect.
    """

    agreement_id: str
    version: int
    offer_id: str
    plan: Plan
    language: str
    drafted_on: date
    sign_by: date
    content_hash: str
    signatures: tuple[Signature, ...] = ()
    guarantors: tuple[str, ...] = ()
    consents: tuple[Consent, ...] = ()
    pinned_on: date | None = None
    received_on: date | None = None
    agreed_at: datetime | None = None
    incentives: str | None = None
    rewarded_after: int = 0
    liable: tuple[LiableFor, ...] = ()
    rates: tuple[DebtRate, ...] = ()
    unasked: tuple[str, ...] = ()
    must_sign: tuple[str, ...] = ()
    joined: tuple[Consent, ...] = ()
    barred: tuple[str, ...] = ()


class Watch(State):
    """A period that has begun: `kept` instalments in time in a row since `since`; `last` was judged last.

    `asked`: how many a trial has at least, for what depends on it.
    """

    period: Period
    since: date
    kept: int = 0
    last: int = 0
    asked: int = 0


class PartPaid(State):
    """An instalment in several currencies of which some are paid on time: which."""

    number: int
    currencies: tuple[str, ...]


class Unpaid(State):
    """An instalment that is missed, in one currency, and not paid yet."""

    number: int
    due: date
    currency: str


class ReAged(State):
    """A debt that the bank was told to show as current from `on`; that rests on the instalments `by`."""

    debt_id: AccountId
    payments: int
    on: date
    by: tuple[int, ...]


class InForce(State):
    """The signed agreement; `packs` are those of its debts, whose strictest conduct it keeps.

    `waived` is what a withdrawal until `withdraw_until` would bring back, and `before` the agreement that
    would hold again. `withdraw_days`: the days to withdraw, where they count from the day on which the
    borrower receives the documents and that is not known yet. `terms`, drawn up on `drafted_on`, give the
    schedules again. `partly`: instalments of which not every currency is
    paid yet, `unpaid` those missed by now. `returns` and `rates_return` are the concessions that a breach
    takes back. `forgiven` is what the agreements that it amends had waived: that stays waived.
    `re_ages` are debts that are shown as current again only after payments still to come, `re_aged` those
    that are; `row` are the latest instalments paid in time, where that matters for them, and `undone` counts
    what the bank was told to take back. `came_back` is what
    payments from before it had paid of its debts and was returned since: it is owed beside its instalments.
    `paid_before`: debts of the agreements that it amends which were paid by then.
    `rewarded_after`: after how many instalments the last reward was granted under it or what it amends;
    `rate_cut_pct` is what rewards have cut of its rates, `lowered` the instalments that are less by it.
    `reopened`: so often was it completed by a payment that came back; `stood_again`: so often was a breach of
    it undone. `not_late`: debts of which nothing was
    past due when it was signed. `out` are debts that a stop or a recall has taken out of it at some time, and
    `unserved` those of them that money of the plan has passed by since. `contract_rates` are those that its
    debts had without it, `beside` debts of the case that it leaves to a person. `bound` are the
    co-borrowers who have signed it, too; `signed_before` those who signed only what it amends, or whose
    place it took. `took_from` are such agreements of earlier cases. `signature` is the borrower's, `joined`
    are those of who is bound, too; `doubts` is what was said already about one that may not count.
    """

    agreement_id: str
    version: int
    offer_id: str
    effective: date
    packs: tuple[str, ...] = ()
    language: str = "zh"
    debts: tuple[AccountId, ...] = ()
    waived: tuple[WaivedDebt, ...] = ()
    withdraw_until: date | None = None
    pinned_on: date | None = None
    withdraw_days: int | None = None
    watches: tuple[Watch, ...] = ()
    partly: tuple[PartPaid, ...] = ()
    unpaid: tuple[Unpaid, ...] = ()
    terms: tuple[PlanDebt, ...] = ()
    drafted_on: date | None = None
    returns: tuple[WaivedDebt, ...] = ()
    rates_return: tuple[DebtRate, ...] = ()
    re_ages: tuple[ReAge, ...] = ()
    re_aged: tuple[ReAged, ...] = ()
    row: tuple[int, ...] = ()
    undone: int = 0
    before: "InForce | None" = None
    forgiven: tuple[WaivedDebt, ...] = ()
    came_back: tuple[WaivedDebt, ...] = ()
    paid_before: tuple[AccountId, ...] = ()
    rewarded_after: int = 0
    rate_cut_pct: Percent = Decimal(0)
    lowered: tuple[InstalmentTotal, ...] = ()
    reopened: int = 0
    stood_again: int = 0
    not_late: tuple[AccountId, ...] = ()
    out: tuple[AccountId, ...] = ()
    unserved: tuple[AccountId, ...] = ()
    contract_rates: tuple[DebtRate, ...] = ()
    beside: tuple[AccountId, ...] = ()
    bound: tuple[str, ...] = ()
    took_from: tuple[DebtBound, ...] = ()
    signed_before: tuple[str, ...] = ()
    signature: Signature | None = None
    joined: tuple[Consent, ...] = ()
    doubts: tuple[str, ...] = ()


class Instruction(State):
    """What the bank was asked; `confirmed` is None until it answers."""

    instruction_id: str
    agreement_id: str
    kind: InstructionKind
    answer_by: date
    confirmed: bool | None = None


class Returned(State):
    """The draft that went back to the table last, and the day of it.

    What is signed of it on that day, by another topic, may have come before: it is put on file all the same.
    """

    draft: Draft
    on: date


class Over(State):
    """A draft or agreement that can no longer be signed, and why."""

    agreement_id: str
    reason: ReasonCode


class Vesting(State):
    """A waiver that vested as a reward `on` a day, by message `word`; intake's figures do not hold it yet."""

    word: str
    on: date
    waived: tuple[WaivedDebt, ...]


class Withdrawn(State):
    """An offer taken back, by offer's word number `sequence`: what it had agreed before that is void."""

    offer_id: str
    sequence: int | None
    reason: ReasonCode


class Broken(State):
    """The agreement that was broken last, and what had been waived for good (`rewarded`) by then.

    `restored` is what the breach brought back; None in documents of before: all that it could.
    """

    agreement: InForce
    rewarded: tuple[WaivedDebt, ...] = ()
    restored: tuple[WaivedDebt, ...] | None = None


class AgreementState(State):
    """One case. `signed` counts the agreements signed so far; the next draft is version `signed + 1`.

    `debts_seen` is the sequence of intake's latest word on the debts, `debts_at` its moment. `halted_on`:
    since that day stop events leave no debt to talk about. `language` stands in documents of before only:
    drafts go by the pack. `rewarded` is what was waived as a reward, or for good by an agreement that broke:
    that is never owed again, and the next letter names it. `completed` is the agreement that was completed
    last, while the case goes on: it is in force again where its payment comes back; so is `broken`, where it
    was in a stop that was told later. `stop_told_on` is the last day on which the desk told of a stop, or of
    its end. `unasked` are others who owe, or stand in, and whom their stops let nobody ask. `vesting` are
    waivers of rewards that intake has not counted yet, `booked` the words by which it counted one before that
    was read here. `handed_back`: the agreement that the bank got back with the case; it is completed where
    followup says that everything was paid. `acting` are those who act for the borrower, or did.
    """

    case: str
    status: AgreementStatus
    policy: str
    language: str | None = None
    debts: tuple[KnownDebt, ...]
    debts_seen: int | None = None
    debts_at: datetime | None = None
    draft: Draft | None = None
    live: InForce | None = None
    signed: int = 0
    instructions: tuple[Instruction, ...] = ()
    over: tuple[Over, ...] = ()
    withdrawn: tuple[Withdrawn, ...] = ()
    halted_on: date | None = None
    stop_told_on: date | None = None
    returned: Returned | None = None
    rewarded: tuple[WaivedDebt, ...] = ()
    completed: InForce | None = None
    broken: Broken | None = None
    unasked: tuple[Unasked, ...] = ()
    vesting: tuple[Vesting, ...] = ()
    booked: tuple[str, ...] = ()
    handed_back: InForce | None = None
    barred: tuple[Barred, ...] = ()
    acting: tuple[Acting, ...] = ()

    def with_over(self, agreement_id: str, reason: ReasonCode) -> tuple[Over, ...]:
        """Give `over` with one more, the oldest forgotten."""
        kept = tuple(item for item in self.over if item.agreement_id != agreement_id)
        return (*kept, Over(agreement_id=agreement_id, reason=reason))[-_OVER_KEPT:]

    def with_withdrawn(
        self, offer_id: str, sequence: int | None, reason: ReasonCode
    ) -> tuple[Withdrawn, ...]:
        """Give `withdrawn` with one more, the oldest forgotten."""
        kept = tuple(item for item in self.withdrawn if item.offer_id != offer_id)
        return (*kept, Withdrawn(offer_id=offer_id, sequence=sequence, reason=reason))[-_OVER_KEPT:]

    def why_withdrawn(self, offer_id: str, sequence: int | None) -> ReasonCode | None:
        """Say why the offer was taken back after its word number `sequence`; None where it was not."""
        for item in self.withdrawn:
            if item.offer_id == offer_id and (item.sequence or 0) > (sequence or 0):
                return item.reason
        return None

    def why_over(self, agreement_id: str) -> ReasonCode | None:
        """Say why `agreement_id` can no longer be signed; None where it is not known."""
        return next((item.reason for item in self.over if item.agreement_id == agreement_id), None)
