"""What every message is made of: the event base, money, personal data and reasons on the wire.

Money is `{"amount": "12.30", "currency": "CNY"}` on the wire and integer minor units in Python; dates are
ISO 8601; a person's data is an envelope `{"alg": "none", "value": …}` so that encrypting it later
changes no contract.
"""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Generic, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetPydanticSchema,
    StringConstraints,
)
from pydantic_core import CoreSchema, core_schema

from shared.contracts.reasons import PRIVATE_REASONS, ReasonCode
from shared.lending.money import Money

__all__ = [
    "AccountId",
    "CustomerId",
    "EffectivePercent",
    "Event",
    "MoneyField",
    "Part",
    "Percent",
    "Personal",
    "Reason",
    "Text",
]

T = TypeVar("T")


def _money_from_wire(value: Any) -> Money:
    if isinstance(value, Money):
        return value
    if not isinstance(value, dict) or set(value) < {"amount", "currency"}:
        raise ValueError('money must be {"amount": "12.30", "currency": "CNY"}')
    amount, currency = value["amount"], value["currency"]
    if not isinstance(amount, str) or not isinstance(currency, str):
        # A JSON number has been a float somewhere on its way: refuse it rather than round it.
        raise ValueError("money must give amount and currency as strings")
    return Money.parse(amount, currency)


def _money_to_wire(value: Money) -> dict[str, str]:
    return {"amount": str(value), "currency": value.currency}


def _money_schema(_source: Any, _handler: Any) -> CoreSchema:
    wire = core_schema.typed_dict_schema(
        {
            "amount": core_schema.typed_dict_field(
                core_schema.str_schema(pattern=r"^-?[0-9]+(\.[0-9]+)?$"), required=True
            ),
            "currency": core_schema.typed_dict_field(
                core_schema.str_schema(pattern=r"^[A-Z]{3}$"), required=True
            ),
        }
    )
    python = core_schema.no_info_plain_validator_function(_money_from_wire)
    return core_schema.json_or_python_schema(
        json_schema=core_schema.no_info_after_validator_function(_money_from_wire, wire),
        python_schema=python,
        serialization=core_schema.plain_serializer_function_ser_schema(
            _money_to_wire, return_schema=wire, when_used="json"
        ),
    )


MoneyField = Annotated[Money, GetPydanticSchema(_money_schema)]
"""An amount of money: integer minor units in Python, a decimal string with its currency on the wire."""

Percent = Annotated[Decimal, Field(ge=0, le=1000, max_digits=12)]
"""A rate in percent a year."""

EffectivePercent = Annotated[Decimal, Field(ge=0, le=10**9, max_digits=14)]
"""An effective rate in percent a year: at the limit of `Percent` a nominal one compounds to 143,000."""

CustomerId = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[\x21-\x7e]+$")]
AccountId = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[\x21-\x7e]+$")]
Text = Annotated[str, StringConstraints(max_length=4000)]


class Part(BaseModel):
    """A part of a message: frozen; unknown fields are ignored so that contracts can grow by addition.

    `PRIVATE` names fields that are the borrower's own affair although services compute with them (income,
    the cause of a hardship): the archive keeps them sealed, like every `Personal` one.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    PRIVATE: ClassVar[tuple[str, ...]] = ()

    @property
    def private_now(self) -> tuple[str, ...]:
        """Those of the `PRIVATE` fields whose value now is the borrower's own affair: all, by default."""
        return self.PRIVATE


class Personal(Part, Generic[T]):
    """A person's data (name, contact, free text): never shown by `repr`, logs, spans or errors."""

    value: T
    alg: str = "none"
    kid: str | None = None

    def __repr__(self) -> str:
        return "Personal(…)"

    def __str__(self) -> str:
        return "Personal(…)"


class Reason(Part):
    """Why something was decided: a code with its parameters; the words live in `shared.texts`."""

    code: ReasonCode
    params: dict[str, str] = Field(default_factory=dict)

    @property
    def is_private(self) -> bool:
        """Whether it tells what is the borrower's own affair: it is sealed as a whole, wherever it stands."""
        return self.code in PRIVATE_REASONS


class Event(Part):
    """A message's data. `TYPE` is its CloudEvents type, `PRODUCER` decides its topic.

    `WHOLE`: people sign a hash of all of it, so that it is filed as it stands; nothing private belongs in it.
    """

    TYPE: ClassVar[str] = ""
    PRODUCER: ClassVar[str] = ""
    WHOLE: ClassVar[bool] = False

    def money_date(self) -> date | None:
        """Give the value date that this fact counts from, where it has one."""
        return None


def business_date(moment: datetime) -> date:
    """Give the business date of a moment: its date in its own offset, which the producer chose."""
    return moment.date()
