"""The file that `parley offer` reads: debts, and a statement or what can be paid; errors name the field."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    model_validator,
)

from shared.contracts.bank import Obligor, is_held_by
from shared.contracts.base import AccountId, CustomerId
from shared.contracts.debts import Balances, DebtFlow, DebtSnapshot, DebtStatus, PackId, ProductKind
from shared.contracts.desk_talks import MoneySource
from shared.contracts.history import AccountEntry, EntryKind, flows_of, problem_of
from shared.contracts.parties import DebtObligor, ObligorRole, party_id_of
from shared.contracts.plan_terms import total_of
from shared.lending.money import Money

__all__ = [
    "OF_A_HOUSEHOLD",
    "CaseFile",
    "CaseFileError",
    "NothingToOfferError",
    "WishOfFile",
    "path_of",
    "problems",
    "read_case",
]

# What only an assessment hears: where the file says what can be paid, there is none.
OF_A_HOUSEHOLD = (
    *("verified", "hardship", "vulnerability", "interview", "debt_plan"),
    *("doubts", "wilful_default", "overrides"),
)


class CaseFileError(ValueError):
    """A case file that cannot be used: every problem on a line of its own, as `field: rule`."""


class NothingToOfferError(CaseFileError):
    """A case that can be read, and in which no plan can be about any debt."""


def _amount(value: Any, info: ValidationInfo) -> Money:
    """Read `"12.30"` in the pack's currency, or an amount with its own currency."""
    if isinstance(value, dict) and set(value) == {"amount", "currency"}:
        value, currency = value["amount"], value["currency"]
    else:
        currency = (info.context or {}).get("currency", "")
    if not isinstance(value, str) or not isinstance(currency, str):
        raise ValueError('an amount is a string such as "1200.00" (a JSON number is binary, and rounds)')
    return Money.parse(value, currency)


def _rate(value: Any) -> Any:
    if isinstance(value, float):
        raise ValueError('a rate with a decimal point is a string such as "18.25"')
    return value


Amount = Annotated[Money, BeforeValidator(_amount)]
Rate = Annotated[Decimal, BeforeValidator(_rate), Field(ge=0, le=1000)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, arbitrary_types_allowed=True)


class _Balances(_Part):
    principal: Amount | None = None
    interest: Amount | None = None
    fees: Amount | None = None
    late_charges: Amount | None = None

    @model_validator(mode="after")
    def _plain(self) -> Self:
        given = [money for _, money in self if money is not None]
        if len({money.currency for money in given}) > 1:
            raise ValueError("all parts have one currency")
        if any(money.is_negative for money in given):
            raise ValueError("must not be negative")
        return self

    def on_wire(self, currency: str) -> Balances:
        given = {name: money for name, money in self if money is not None}
        own = next((money.currency for money in given.values()), currency)
        names = ("principal", "interest", "fees", "late_charges")
        return Balances(**{name: given.get(name, Money.zero(own)) for name in names})


class _Flow(_Part):
    """Money that moved, advances negative; or, with its kind, an entry as a bank tells it, above zero."""

    on: date
    amount: Amount
    kind: EntryKind | None = None


class _Obligor(_Part):
    """Who owes a debt, or stands in for it, as a bank names them: by customer number and role."""

    customer: CustomerId
    role: ObligorRole
    liability: Amount | None = None

    @model_validator(mode="after")
    def _of_a_guarantor(self) -> Self:
        if self.liability is None:
            return self
        if self.role is not ObligorRole.GUARANTOR:
            raise ValueError("liability: only a guarantor has one, a co-borrower owes all of it")
        if not self.liability.is_positive:
            raise ValueError("liability: is above zero; without it a guarantor is liable for all")
        return self


class _Debt(_Part):
    debt_id: AccountId
    policy: PackId | None = None
    kind: ProductKind = ProductKind.PERSONAL_LOAN
    status: DebtStatus = DebtStatus.ACTIVE
    outstanding: _Balances
    overdue: _Balances = Field(default_factory=_Balances)
    annual_rate_pct: Rate
    days_past_due: int = Field(ge=0, le=36500)
    contract_date: date
    contractual_payment: Amount | None = None
    history: tuple[_Flow, ...] = ()
    obligors: tuple[_Obligor, ...] = Field(default=(), max_length=50)

    @model_validator(mode="after")
    def _within(self) -> Self:
        for (name, all_of_it), (_, overdue) in zip(self.outstanding, self.overdue, strict=True):
            if overdue is None:
                continue
            if all_of_it is None or overdue.currency != all_of_it.currency or overdue > all_of_it:
                raise ValueError(f"overdue.{name} must not be more than outstanding.{name}")
        if len({flow.kind is None for flow in self.history}) > 1:
            raise ValueError("history: either every entry has a kind, or none has")
        if len({flow.amount.currency for flow in self.history}) > 1:
            raise ValueError("history: all entries have one currency")
        if len({one.customer for one in self.obligors}) != len(self.obligors):
            raise ValueError("obligors: each customer comes once")
        own = {money.currency for _, money in self.outstanding if money is not None}
        if own and any(one.liability.currency not in own for one in self.obligors if one.liability):
            raise ValueError("obligors: a liability has the currency of the debt")
        return self

    def held_by(self, customer: str) -> str | None:
        """Give whose case holds it, where that is not the one of `customer`, who owes it unless named so."""
        named = [Obligor(customer=one.customer, role=one.role) for one in self.obligors]
        if all(one.customer != customer for one in named):
            named.append(Obligor(customer=customer, role=ObligorRole.BORROWER))
        if is_held_by(customer, named):
            return None
        return next(one.customer for one in named if is_held_by(one.customer, named))

    def known(self, owed: Balances, on: date, tolerance_pct: Decimal) -> dict[str, Any]:
        """Give what is known of its flows; entries count where they add up to what is owed."""
        entries = tuple(
            AccountEntry(on=flow.on, kind=flow.kind, amount=flow.amount)
            for flow in self.history
            if flow.kind is not None
        )
        if not entries:
            return {"history": tuple(DebtFlow(on=flow.on, amount=flow.amount) for flow in self.history)}
        problem = problem_of(entries, total_of(owed), on, tolerance_pct)
        return {"history": () if problem else flows_of(entries), "history_problem": problem}


class _Later(_Part):
    start: date = Field(alias="from")
    now: Amount
    stress: Amount


class _Capacity(_Part):
    now: Amount
    stress: Amount | None = None
    later: tuple[_Later, ...] = ()
    temporary: bool = False


class WishOfFile(_Part):
    monthly: Amount | None = None
    first_due: date | None = None
    months: int | None = Field(default=None, ge=1, le=600)
    lump_sum: Amount | None = None
    source: MoneySource | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        amounts = [money for money in (self.monthly, self.lump_sum) if money is not None]
        if not amounts and self.first_due is None and self.months is None:
            raise ValueError("names an amount, a date, a term or a single payment")
        if any(not money.is_positive for money in amounts):
            raise ValueError("amounts are above zero")
        if self.source is not None and self.lump_sum is None:
            raise ValueError("source: says where a lump_sum comes from, and there is none")
        return self

    @property
    def sum_alone(self) -> bool:
        """Whether a sum to be paid at once is all that is wished for."""
        return self.lump_sum is not None and self.monthly is None and self.months is None


class CaseFile(_Part):
    """One borrower's debts and means; `case` is their customer number.

    Either `capacity`, or a `statement` that it is worked out from.
    """

    case: str = Field(default="example", min_length=1, max_length=64)
    policy: PackId
    on: date | None = None
    debts: tuple[_Debt, ...] = Field(min_length=1, max_length=200)
    capacity: _Capacity | None = None
    statement: dict[str, Any] | None = None
    verified: tuple[dict[str, Any], ...] = ()
    hardship: dict[str, Any] | None = None
    # What the desk may say of a household beside it, as `parley assess` reads it.
    vulnerability: dict[str, Any] | None = None
    interview: dict[str, Any] | None = None
    debt_plan: dict[str, Any] | None = None
    doubts: tuple[dict[str, Any], ...] = ()
    wilful_default: dict[str, Any] | None = None
    overrides: tuple[dict[str, Any], ...] = ()
    wish: WishOfFile | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.capacity is None) == (self.statement is None):
            raise ValueError("needs either capacity or a statement")
        if self.statement is None:
            unused = [name for name in OF_A_HOUSEHOLD if getattr(self, name)]
            if unused:
                raise ValueError(f"capacity is given, so there is no assessment to use: {', '.join(unused)}")
        ids = [debt.debt_id for debt in self.debts]
        if len(set(ids)) != len(ids):
            raise ValueError("debts: each debt_id comes once")
        for debt in self.debts:
            if any(one.customer == self.case and one.role is ObligorRole.GUARANTOR for one in debt.obligors):
                raise ValueError(f"debts: obligors of {debt.debt_id}: a guarantor has no case of the debt")
        return self

    @property
    def elsewhere(self) -> dict[str, str]:
        """Whose case holds a joint debt, where it is not this one: a debt is in one case only."""
        held = {debt.debt_id: debt.held_by(self.case) for debt in self.debts}
        return {debt_id: customer for debt_id, customer in held.items() if customer is not None}

    def snapshots(
        self, on: date, currency: str, policy: str | None, tolerance_pct: Decimal = Decimal(0)
    ) -> tuple[DebtSnapshot, ...]:
        """Give the debts as the services know them; `policy` replaces the pack of each.

        `tolerance_pct` is how far a history with kinds may be from what is owed.
        """
        return tuple(
            DebtSnapshot(
                debt_id=debt.debt_id,
                policy=policy or debt.policy or self.policy,
                kind=debt.kind,
                status=DebtStatus.ELSEWHERE if debt.debt_id in self.elsewhere else debt.status,
                outstanding=debt.outstanding.on_wire(currency),
                overdue=debt.overdue.on_wire(debt.outstanding.on_wire(currency).principal.currency),
                annual_rate_pct=debt.annual_rate_pct,
                days_past_due=debt.days_past_due,
                contract_date=debt.contract_date,
                contractual_payment=debt.contractual_payment,
                as_of=on,
                obligors=tuple(
                    DebtObligor(party_id=party_id_of(o.customer), role=o.role, liability=o.liability)
                    for o in debt.obligors
                    if o.customer != self.case
                ),
                **debt.known(debt.outstanding.on_wire(currency), on, tolerance_pct),
            )
            for debt in self.debts
        )


def read_case(path: Path, policy: str | None, currency_of: dict[str, str]) -> CaseFile:
    """Read a case; plain amounts are in the currency of its pack, or of `policy` instead.

    CaseFileError names every field that is wrong, and the rule.
    """
    import orjson

    try:
        document = orjson.loads(path.read_bytes())
    except OSError as error:
        raise CaseFileError(f"{path}: {error.strerror or 'cannot be read'}") from None
    except orjson.JSONDecodeError as error:
        raise CaseFileError(f"{path.name}: is not JSON: {error}") from None
    if not isinstance(document, dict):
        raise CaseFileError(f"{path.name}: must be an object")
    pack = policy or document.get("policy")
    if pack is None:
        raise CaseFileError("policy: Field required, or give --policy")
    if not isinstance(pack, str) or pack not in currency_of:
        raise CaseFileError(f"policy: no such pack; there are: {', '.join(sorted(currency_of))}")
    document = {**document, "policy": pack}
    try:
        return CaseFile.model_validate(document, context={"currency": currency_of[pack]})
    except ValidationError as error:
        raise CaseFileError("\n".join(problems(error))) from None


def problems(error: ValidationError, at: tuple[str | int, ...] = ()) -> list[str]:
    """Give each problem as `field: rule`, without the value that was given.

    A list whose entries are all wrong counts as empty, too; only the entries are to be corrected.
    """
    found = error.errors(include_url=False, include_context=False, include_input=False)
    places = [item["loc"] for item in found]
    return [
        f"{path_of((*at, *item['loc'])) or 'the case'}: {item['msg'].removeprefix('Value error, ')}"
        for item in found
        if item["type"] != "too_short" or not _holds_others(item["loc"], places)
    ]


def _holds_others(place: tuple[int | str, ...], places: list[tuple[int | str, ...]]) -> bool:
    return any(len(other) > len(place) and other[: len(place)] == place for other in places)


def path_of(parts: tuple[Any, ...]) -> str:
    """Give a field as a person writes it: `debts[0].kind`."""
    shown = ""
    for part in parts:
        shown += f"[{part}]" if isinstance(part, int) else f".{part}" if shown else str(part)
    return shown
