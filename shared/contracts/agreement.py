"""What agreement says: drafts, signatures, and instructions to the bank."""

from datetime import date, datetime
from enum import StrEnum
from typing import ClassVar

from pydantic import Field

from shared.contracts.base import AccountId, Event, MoneyField, Part, Percent, Reason
from shared.contracts.debts import Balances, DebtSchedule, InstalmentTotal, PackId, Plan
from shared.contracts.desk import SignatureParty
from shared.contracts.parties import ObligorRole
from shared.policy.sections_conduct import Party

__all__ = [
    "AgreementCompleted",
    "AgreementDrafted",
    "AgreementEnded",
    "AgreementReturned",
    "AgreementSigned",
    "AgreementTerms",
    "BankInstructed",
    "CoBorrowerAccepted",
    "CollectionOrder",
    "DebtBound",
    "DebtRate",
    "DebtRecord",
    "DebtSettled",
    "EarlierAgreement",
    "GuarantorConsented",
    "InputRefused",
    "InstructionKind",
    "LiableFor",
    "PartySigned",
    "Period",
    "PeriodPassed",
    "PeriodRestarted",
    "ReAge",
    "RewardTerm",
    "SettlementKind",
    "SettlementLetterIssued",
    "SignatureDoubted",
    "SurvivingDebt",
    "WaivedDebt",
]


class _Agreement(Event):
    PRODUCER: ClassVar[str] = "agreement"


class DebtRate(Part):
    """The rate of a debt from now on."""

    debt_id: str
    annual_rate_pct: Percent


class RewardTerm(Part):
    """A step of rewards: after so many instalments on time in a row, with all steps before it so much in all.

    Per cent: of the late charges left, and of the yearly rate.
    """

    after: int = Field(ge=1)
    late_pct: Percent
    rate_pct: Percent


class LiableFor(Part):
    """Another person who owes a debt of the document, or stands in for it. Names are no part of it."""

    party_id: str
    role: ObligorRole
    debt_id: AccountId
    liability: MoneyField | None = Field(
        default=None, description="the most that a guarantor is liable for; None: for all of it"
    )


class AgreementTerms(Part):
    """What the document says beyond the plan, as the policy pack had it on the day of the draft.

    `words` names the edition of the clauses' texts and `words_hash` is its SHA-256, so that the words are
    bound as much as the figures. 0 means that there is no such period, share or reduction.
    """

    instrument: str = Field(description="concession_letter or modifying_agreement")
    clauses: tuple[str, ...] = Field(description="every clause of the document, in order")
    words: str
    words_hash: str = Field(pattern=r"^[0-9a-f]{64}$")
    lender_zh: str
    lender_en: str
    jurisdiction: str
    stop_collection: bool
    cooling_off_days: int = Field(ge=0)
    trial_payments: int = Field(ge=0)
    observation_months: int = Field(ge=0)
    observation_periods: int = Field(ge=0)
    probation_months: int = Field(ge=0)
    grace_days: int = Field(ge=0)
    tolerance_pct: Percent
    missed_in_a_row: int = Field(ge=1)
    days_late: int = Field(ge=1)
    review_months: int = Field(ge=1)
    review_months_performing: int = Field(ge=1)
    reward_after: int = Field(ge=0)
    reward_late_pct: Percent
    reward_rate_pct: Percent
    credit_status: str
    data_law: str
    complaint_routes: tuple[str, ...]
    records_years: int = Field(ge=0)
    cooling_off_from: str | None = Field(
        default=None, description="from when the days to withdraw count: signing or documents_received"
    )
    oral_allowed: bool | None = None
    cure_days: int | None = Field(default=None, ge=0, description="after the notice of a breach")
    hardship_shield_days: int | None = Field(default=None, ge=0)
    returns_on_breach: tuple[str, ...] | None = Field(
        default=None, description="what holds only while the plan is kept: components waived, and the rate"
    )
    contract_rates: tuple[DebtRate, ...] | None = Field(
        default=None, description="the rates that return with it, of the debts whose rate is cut"
    )
    late_charge_zh: str | None = Field(
        default=None, description="what the pack calls late charges, in Chinese"
    )
    late_charge_en: str | None = Field(default=None, description="and in English")
    rewards: tuple[RewardTerm, ...] | None = Field(
        default=None, description="every step; reward_… is the first of them"
    )
    cooperation: tuple[str, ...] | None = Field(
        default=None, description="the rules by which the borrower cooperates: rewards ask for all of them"
    )
    overdue_kept_years: int | None = Field(
        default=None, ge=1, description="how long what was overdue stays on the credit record; None: not said"
    )
    overdue_kept_from: str | None = Field(
        default=None, description="from the end or the start of the lateness"
    )
    performing_after: int | None = Field(
        default=None, ge=0, description="who paid so many instalments on time in a row performs well"
    )
    hardship_misses_count: bool | None = Field(
        default=None, description="whether what is missed in a reported hardship begins periods again"
    )
    trial_days_late: int | None = Field(
        default=None, ge=0, description="an instalment more days late than that begins the trial again"
    )
    observation_starts: str | None = Field(default=None, description="first_due_after_change or signing")
    observation_restarts: bool | None = Field(
        default=None, description="whether a missed instalment begins the observation again"
    )
    difficulty_restarts: bool | None = Field(
        default=None, description="whether a difficulty that lasts begins the observation again"
    )
    probation_days_late: int | None = Field(
        default=None, ge=0, description="an instalment more days late than that ends the probation"
    )
    probation_goes_on: bool | None = Field(
        default=None, description="whether a probation that runs goes on in an amendment"
    )
    guarantor_unasked: str | None = Field(
        default=None, description="what the law makes of a guarantee whose guarantor has not agreed"
    )


class AgreementDrafted(_Agreement):
    """The formal document from the agreed plan, recomputed on today's balances; both sign `content_hash`."""

    TYPE: ClassVar[str] = "parley.agreement.drafted.v1"
    WHOLE: ClassVar[bool] = True

    agreement_id: str
    version: int = Field(ge=1)
    offer_id: str
    plan: Plan
    schedules: tuple[DebtSchedule, ...]
    instalments: tuple[InstalmentTotal, ...]
    sections: tuple[str, ...] = Field(description="the mandatory sections of the pack, by name")
    language: str
    drafted_on: date
    sign_by: date
    content_hash: str = Field(pattern=r"^[0-9a-f]{64}$", description="SHA-256 of the canonical content")
    policy_version: str
    guarantors: tuple[str, ...] = Field(
        default=(), description="party ids of guarantors whose liability grows: each agrees in writing first"
    )
    terms: AgreementTerms | None = Field(default=None, description="None in drafts of older versions")
    liable: tuple[LiableFor, ...] = Field(
        default=(),
        description="who owes its debts beside the borrower, or guarantees them; a co-borrower may sign",
    )
    must_sign: tuple[str, ...] = Field(
        default=(), description="party ids of co-borrowers without whose signature it does not take effect"
    )


class PartySigned(_Agreement):
    """One party's signature is on file; with both, the agreement is signed when the day has closed."""

    TYPE: ClassVar[str] = "parley.agreement.party.signed.v1"

    agreement_id: str
    version: int
    party: SignatureParty
    content_hash: str
    at: datetime | None = None
    channel: str | None = None
    evidence: str | None = Field(
        default=None, description="a reference: one-time code, recording, certificate"
    )
    checked: tuple[str, ...] = Field(default=(), description="what was checked of who signed")
    key_id: str | None = Field(default=None, description="the lender's key that `signature` was made with")
    signature: str | None = Field(default=None, description="Ed25519 over the canonical content, hexadecimal")
    by: str | None = Field(
        default=None, description="the authority by which somebody signed for the borrower; None: in person"
    )
    acts_as: Party | None = Field(default=None, description="what they are to the borrower: their guardian")


class GuarantorConsented(_Agreement):
    """A guarantor whose liability grows has agreed in writing to the document."""

    TYPE: ClassVar[str] = "parley.agreement.guarantor.consented.v1"

    agreement_id: str
    version: int
    party_id: str
    content_hash: str


class CoBorrowerAccepted(_Agreement):
    """A co-borrower's signature is on file: they are bound, too, once the agreement takes effect."""

    TYPE: ClassVar[str] = "parley.agreement.co-borrower.accepted.v1"

    agreement_id: str
    version: int
    party_id: str
    content_hash: str
    at: datetime
    channel: str
    evidence: str = Field(description="a reference: one-time code, recording, certificate")
    checked: tuple[str, ...] = Field(default=(), description="what was checked of who signed")


class WaivedDebt(Part):
    """What is waived of a debt."""

    debt_id: str
    amounts: Balances


class ReAge(Part):
    """A debt past due that is shown as current again, after so many payments of the plan in a row."""

    debt_id: AccountId
    payments: int = Field(ge=0, description="0: with the plan's effective day")


class AgreementSigned(_Agreement):
    """Both parties have signed. Collection stops while it is kept (Art. 70)."""

    TYPE: ClassVar[str] = "parley.agreement.signed.v1"

    agreement_id: str
    version: int = Field(ge=1)
    offer_id: str
    effective: date
    schedules: tuple[DebtSchedule, ...]
    instalments: tuple[InstalmentTotal, ...]
    waived: tuple[WaivedDebt, ...] = Field(default=(), description="what is waived with the signature")
    content_hash: str
    policy: PackId
    policy_version: str
    pinned_on: date | None = Field(
        default=None, description="the day whose rules hold for what was agreed; None: the effective day"
    )
    drafted_on: date | None = Field(
        default=None,
        description="the day that it was drawn up: what the borrower told later is not in it; None: events "
        "of older versions",
    )
    supersedes: str | None = Field(default=None, description="the agreement whose place this one takes")
    may_withdraw: bool = Field(
        default=False, description="the borrower may withdraw; then what was before returns"
    )
    withdraw_until: date | None = Field(
        default=None, description="the last day for it; None while the documents have not been received"
    )
    returns: tuple[WaivedDebt, ...] = Field(
        default=(), description="what of the waivers is owed again if a breach ends the agreement"
    )
    rates_return: tuple[DebtRate, ...] = Field(
        default=(), description="the rates that return if a breach ends the agreement"
    )
    apart: tuple[str, ...] = Field(
        default=(),
        description="debts that the plan leaves to a person: nobody is asked to talk again for them",
    )
    rates: tuple[DebtRate, ...] | None = Field(
        default=None, description="the rate of each debt under the plan; None in events of older versions"
    )
    re_ages: tuple[ReAge, ...] | None = Field(
        default=None,
        description="debts that are shown as current again, and after how many payments; None: older "
        "versions, in which all that were past due are, at once",
    )
    incentives: str | None = Field(
        default=None, description="the pack's set of incentives of the experiment's arm; None: everybody's"
    )
    rewards: tuple[RewardTerm, ...] | None = Field(
        default=None,
        description="the steps that vest, those granted before included; None: events of older versions",
    )
    bound: tuple[str, ...] = Field(
        default=(), description="party ids of the co-borrowers who have signed, too, and whom it binds"
    )
    signed_before: tuple[str, ...] = Field(
        default=(),
        description="of those who have not, who signed an agreement that it amends, or whose place it takes: "
        "they owe by that one",
    )
    not_counted: tuple[str, ...] = Field(
        default=(),
        description="co-borrowers whose signature is on file and does not count: something of theirs was on "
        "hold when they gave it",
    )


class SignatureDoubted(_Agreement):
    """What is heard after an agreement took effect says that a signature may not count: a person decides.

    The agreement stands meanwhile, and nothing is asked of the bank.
    """

    TYPE: ClassVar[str] = "parley.agreement.signature.doubted.v1"

    agreement_id: str
    version: int = Field(ge=1)
    as_of: date
    party_id: str | None = Field(default=None, description="the co-borrower's; None: the borrower's")
    reason: Reason


class AgreementReturned(_Agreement):
    """The draft no longer fits (a balance changed, the day to sign passed): back to the table."""

    TYPE: ClassVar[str] = "parley.agreement.returned.v1"

    agreement_id: str
    version: int
    offer_id: str
    as_of: date
    reason: Reason


class InstructionKind(StrEnum):
    """What the bank is asked to do: one instruction each for a signing (or amendment), a breach, an end.

    RE_AGE comes between, where a debt is shown as current again only after payments of the plan, and
    UNDO_RE_AGE where one of these was returned: as if the re-age of `effective` had not been.
    HAND_BACK comes where a case ends, or an amendment is signed, without what the bank took back of a signed
    agreement, or what another obligor's case holds, so that nobody follows it here: it binds the bank as it
    stands, by the schedules given, also where another agreement takes its place for the other debts. So it
    does where a stop (a dispute) keeps a debt out of the amendment: until that ends and it is agreed anew.
    STOP_COLLECTION was an instruction of its own in older versions; now APPLY_PLAN says it.
    """

    APPLY_PLAN = "apply_plan"
    STOP_COLLECTION = "stop_collection"
    RESUME_COLLECTION = "resume_collection"
    PLAN_COMPLETED = "plan_completed"
    RE_AGE = "re_age"
    UNDO_RE_AGE = "undo_re_age"
    RESTORE_TERMS = "restore_terms"
    HAND_BACK = "hand_back"


class CollectionOrder(StrEnum):
    """Whether the bank may ask for money otherwise than by the plan.

    Each agreement's order is its own, or that of those whose place it takes: to resume lifts what this
    agreement has stopped. A debt rests while any agreement in force stops its collection.
    """

    STOP = "stop"
    RESUME = "resume"


class SettlementKind(StrEnum):
    """Whether everything is settled."""

    FULL = "full"
    PARTIAL = "partial"


class DebtSettled(Part):
    """How one debt ends with its agreement, whatever becomes of others: partial where a balance survives.

    `credit_status` is the bank's own code; what was forgiven makes it another one than paying in full.
    """

    debt_id: AccountId
    settlement: SettlementKind
    credit_status: str


class DebtRecord(Part):
    """What the credit record says of one debt: the bank's own code."""

    debt_id: AccountId
    credit_status: str


class DebtBound(Part):
    """A debt, and the agreement that binds it: of an earlier case, or from before an amendment without it."""

    debt_id: AccountId
    agreement_id: str
    co_borrowers: tuple[str, ...] = Field(
        default=(), description="party ids of those who had signed it, or what it amends, beside the borrower"
    )


class BankInstructed(_Agreement):
    """An instruction to the bank: idempotent by `instruction_id`; it answers on `bank.events`.

    `collection` None leaves collection as it is; otherwise it binds the bank's agents too, where `agents`.
    """

    TYPE: ClassVar[str] = "parley.agreement.bank.instructed.v1"

    instruction_id: str
    agreement_id: str
    version: int
    kind: InstructionKind
    effective: date
    schedules: tuple[DebtSchedule, ...] = ()
    waived: tuple[WaivedDebt, ...] = ()
    answer_by: date
    rates: tuple[DebtRate, ...] = ()
    collection: CollectionOrder | None = None
    agents: bool = False
    credit_status: str | None = Field(
        default=None,
        description="the bank's own code for the credit record, of every debt that neither `settled` nor "
        "`records` names, that is not `beside` it and that nothing of `binds_again` binds",
    )
    restored: tuple[WaivedDebt, ...] = Field(default=(), description="waivers that no longer hold")
    supersedes: str | None = Field(default=None, description="the agreement whose place this one takes")
    returns_to: str | None = Field(
        default=None,
        description="the agreement that applies again, by the schedules given or, without any, as it stood",
    )
    held: tuple[AccountId, ...] = Field(
        default=(), description="debts about which a stop event still stops collection, whatever is said here"
    )
    re_aged: tuple[AccountId, ...] = Field(
        default=(),
        description="debts past due that are shown as current again from `effective` on, or no longer are",
    )
    settled: tuple[DebtSettled, ...] = Field(
        default=(), description="debts of the agreement that end with it, each with its own code"
    )
    instalments: tuple[InstalmentTotal, ...] = Field(
        default=(), description="what is still to come where a reward has made it less than the schedules say"
    )
    rate_cut_pct: Percent | None = Field(default=None, description="the share of `rates` that it has cut")
    records: tuple[DebtRecord, ...] = Field(
        default=(), description="debts that go on with a code of their own: those that were not late before"
    )
    beside: tuple[AccountId, ...] = Field(
        default=(),
        description="debts of the case that an agreement leaves to a person: no schedule or rate of it, or "
        "of one before it, holds of them, and `collection` is about them, too; after a completion about them "
        "alone",
    )
    bound: tuple[str, ...] = Field(
        default=(),
        description="co-borrowers, by party id, whom the terms bind beside the borrower; any other one owes "
        "by the original contract, or by what they signed before (`signed_before`)",
    )
    signed_before: tuple[str, ...] = Field(
        default=(),
        description="co-borrowers, by party id, who signed an agreement that this one amends, or takes the "
        "place of, and not this one: of them no more is asked than by the last that they signed",
    )
    joint: tuple[AccountId, ...] = Field(
        default=(),
        description="where an agreement ends: debts of it that others owe as well, or that the case of "
        "another obligor holds; an agreement with one of these may be in force, and what that says stands",
    )
    replaces: tuple[DebtBound, ...] = Field(
        default=(),
        description="debts that an agreement bound which the bank had got back, and whose place this one "
        "takes; `supersedes` names an agreement of the case itself, or the first of these",
    )
    short: tuple[MoneyField, ...] = Field(
        default=(),
        description="after a completion: what was paid less than agreed, which by the agreement counts as "
        "full: it is owed no more on the debts `settled` in full, whatever the books say",
    )
    binds_again: tuple[DebtBound, ...] = Field(
        default=(),
        description="after a withdrawal: debts that an agreement binds again which the bank got back, and "
        "whose place this one had taken; what that says of rates, collection and the record stands",
    )


class AgreementCompleted(_Agreement):
    """Every instalment is paid."""

    TYPE: ClassVar[str] = "parley.agreement.completed.v1"

    agreement_id: str
    as_of: date
    paid: tuple[MoneyField, ...] = ()


class EarlierAgreement(Part):
    """The agreement that holds again because the amendment of it was withdrawn from."""

    agreement_id: str
    version: int = Field(ge=1)
    debts: tuple[str, ...]


class AgreementEnded(_Agreement):
    """The agreement is over before completion: broken, withdrawn from, or the case was closed.

    With `returns_to` the earlier agreement is in force again, as it was, with what was paid since.
    """

    TYPE: ClassVar[str] = "parley.agreement.ended.v1"

    agreement_id: str
    as_of: date
    reason: Reason
    restored: tuple[WaivedDebt, ...] = Field(
        default=(),
        description="what was waived with the signature and is owed again (withdrawal in time, or a breach)",
    )
    returns_to: EarlierAgreement | None = None


class Period(StrEnum):
    """A time that a signed plan is watched for."""

    TRIAL = "trial"
    OBSERVATION = "observation"
    PROBATION = "probation"


class PeriodPassed(_Agreement):
    """A period of the pack is over: everything in it was paid as the pack asks."""

    TYPE: ClassVar[str] = "parley.agreement.period.passed.v1"

    agreement_id: str
    period: Period
    since: date = Field(description="the day from which it counts")
    as_of: date = Field(description="the due date whose payment ended it")
    payments: int = Field(ge=1, description="instalments in a row paid on time since then")


class PeriodRestarted(_Agreement):
    """A period counts from a later day, and its payments in a row with it, where the pack says so.

    A payment was missed, a difficulty lasts, or a second measure was signed. A withdrawal from that one
    (`AgreementEnded.returns_to`) brings back the periods as they were. Collection stays stopped.
    """

    TYPE: ClassVar[str] = "parley.agreement.period.restarted.v1"

    agreement_id: str
    period: Period
    since: date = Field(description="the day from which it counts now")
    as_of: date = Field(description="the day on which that was known")
    ended: Period | None = Field(default=None, description="the probation that a missed payment ends by this")
    reason: Reason


class SurvivingDebt(Part):
    """What is still owed of a debt although the agreement is fulfilled."""

    debt_id: str
    amounts: Balances


class SettlementLetterIssued(_Agreement):
    """The settlement letter (结清证明) of a fulfilled agreement: full or partial, and what survives.

    It is about the debts of the agreement, each by itself in `settled`; `beside` only names what is owed on
    others. One of its own is for what was paid of an agreement that the bank got back. Letters of before
    named those of `beside` among `surviving`, and one code for all.

    Its hash is SHA-256 over the canonical JSON of the event without the hash, with the case beside it.
    """

    TYPE: ClassVar[str] = "parley.agreement.settlement.letter.issued.v1"

    letter_id: str
    agreement_id: str
    version: int = Field(ge=1)
    as_of: date
    language: str
    settlement: SettlementKind
    debts: tuple[str, ...] = Field(description="the debts that the agreement was about")
    surviving: tuple[SurvivingDebt, ...] = ()
    settled: tuple[DebtSettled, ...] = ()
    beside: tuple[SurvivingDebt, ...] = ()
    short: tuple[MoneyField, ...] = Field(
        default=(),
        description="what was paid less than agreed: it counts as full, and is not owed on the debts settled",
    )
    handed_back: bool = Field(
        default=False,
        description="the agreement is not fulfilled: it left with the case, and `debts` are those of it that "
        "were paid by then; the letter is about these alone",
    )
    replaces: str | None = Field(
        default=None, description="an earlier letter, which a payment that came back has undone"
    )
    forgiven: tuple[WaivedDebt, ...] = ()
    tax_mark: str | None = Field(
        default=None, description="how forgiven amounts are reported, where they are"
    )
    credit_status: str
    lender_zh: str
    lender_en: str
    words: str
    words_hash: str = Field(pattern=r"^[0-9a-f]{64}$")
    content_hash: str = Field(pattern=r"^[0-9a-f]{64}$")


class InputRefused(_Agreement):
    """An input was understood but cannot be acted on: wrong hash, wrong version, too late."""

    TYPE: ClassVar[str] = "parley.agreement.input.refused.v1"

    cause_id: str
    cause_type: str
    reason: Reason
