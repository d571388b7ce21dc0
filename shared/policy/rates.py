"""Reference rates (LPR, cost of funding) and rates of exchange: dated figures from `rates.toml`.

A figure holds from its date until the next one of the same name and currency. It is good until a stated day;
after that it is stale, and whoever rests on it must stop and say so. Money is exchanged at no rate that does
not stand in the file.
"""

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Self, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from shared.policy.sections import _decimal

__all__ = [
    "RATES_FILE",
    "ExchangeFigure",
    "Exchanged",
    "RateFigure",
    "RatesError",
    "ReferenceRates",
    "StaleRate",
]

RATES_FILE = "rates.toml"

_Figure = TypeVar("_Figure", bound=BaseModel)


class RatesError(ValueError):
    """A file of rates that cannot be used; the text names the file, the key and the rule."""


class _Published(BaseModel):
    """A figure with its source, in force from `start`, good to the end of `good_until`."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, populate_by_name=True)

    currency: str = Field(pattern=r"^[A-Z]{3}$")
    start: date = Field(alias="from")
    good_until: date
    source: str = Field(min_length=1)
    verified: bool

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.good_until < self.start:
            raise ValueError("good_until must not lie before from")
        return self


class RateFigure(_Published):
    """One published figure, in per cent a year, in force from `start`, good to the end of `good_until`."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_]{1,39}$")
    pct: Annotated[Decimal, BeforeValidator(_decimal), Field(ge=-100, le=1000)]


class ExchangeFigure(_Published):
    """How many `against` one unit of `currency` was worth from `start` on, good up to `good_until`."""

    against: str = Field(pattern=r"^[A-Z]{3}$")
    per_unit: Annotated[Decimal, BeforeValidator(_decimal), Field(gt=0, le=10**9)]

    @model_validator(mode="after")
    def _of_two(self) -> Self:
        if self.currency == self.against:
            raise ValueError("a currency is not exchanged against itself")
        return self


@dataclass(frozen=True, slots=True)
class Exchanged:
    """The rate of a day: one unit of the currency asked for is worth `rate`; `figure` is what it rests on."""

    rate: Fraction
    figure: ExchangeFigure


@dataclass(frozen=True, slots=True)
class StaleRate:
    """A rate that is not known on a day; `until` is the last day of the latest figure, None without any."""

    name: str
    until: date | None


class ReferenceRates:
    """All figures, by name and currency. Immutable."""

    def __init__(self, figures: Iterable[RateFigure] = (), exchange: Iterable[ExchangeFigure] = ()) -> None:
        """RatesError where two figures of one rate start on the same day."""
        self._exchange: dict[tuple[str, str], tuple[ExchangeFigure, ...]] = {}
        for rate in sorted(exchange, key=lambda f: f.start):
            pair = (rate.currency, rate.against)
            known = self._exchange.get(pair, ())
            if pair[::-1] in self._exchange or (known and known[-1].start == rate.start):
                where = f"{RATES_FILE}: exchange of {rate.currency} against {rate.against}"
                raise RatesError(f"{where}: {rate.start} comes twice, or the pair stands in both directions")
            self._exchange[pair] = (*known, rate)
        self._by_key: dict[tuple[str, str], tuple[RateFigure, ...]] = {}
        for figure in sorted(figures, key=lambda f: f.start):
            key = (figure.name, figure.currency)
            earlier = self._by_key.get(key, ())
            if earlier and earlier[-1].start == figure.start:
                raise RatesError(f"{RATES_FILE}: {figure.name} {figure.currency}: {figure.start} comes twice")
            self._by_key[key] = (*earlier, figure)

    def at(self, name: str, currency: str, day: date) -> Decimal | StaleRate:
        """Give the figure in force on `day`, in per cent a year, or say that it is stale."""
        reached = [figure for figure in self._by_key.get((name, currency), ()) if figure.start <= day]
        if not reached:
            return StaleRate(name, None)
        latest = reached[-1]
        return latest.pct if day <= latest.good_until else StaleRate(name, latest.good_until)

    def exchange(self, of: str, into: str, day: date) -> Exchanged | StaleRate:
        """Give how many units of `into` one of `of` is worth on `day`; a pair is given in one direction."""
        for pair, inverse in (((of, into), False), ((into, of), True)):
            reached = [figure for figure in self._exchange.get(pair, ()) if figure.start <= day]
            if reached and day <= reached[-1].good_until:
                rate = Fraction(reached[-1].per_unit)
                return Exchanged(1 / rate if inverse else rate, reached[-1])
            if reached:
                return StaleRate(f"{of}/{into}", reached[-1].good_until)
        return StaleRate(f"{of}/{into}", None)

    @staticmethod
    def load(path: Path) -> "ReferenceRates":
        """Read the file; a missing one holds no figures. RatesError says what is wrong, figure by figure."""
        if not path.exists():
            return ReferenceRates()
        try:
            document = tomllib.loads(path.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise RatesError(f"{path.name}: is not TOML: {error}") from None
        lists = {name: document.get(name, []) for name in ("rates", "exchange")}
        if set(document) - set(lists) or not all(isinstance(rows, list) for rows in lists.values()):
            raise RatesError(f"{path.name}: holds the lists [[rates]] and [[exchange]] and nothing else")
        figures = [_row(RateFigure, path, "rates", n, row) for n, row in enumerate(lists["rates"], start=1)]
        exchange = [
            _row(ExchangeFigure, path, "exchange", n, row) for n, row in enumerate(lists["exchange"], start=1)
        ]
        return ReferenceRates(figures, exchange)


def _row(model: type[_Figure], path: Path, name: str, number: int, row: object) -> _Figure:
    try:
        return model.model_validate(row)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join([f"{name}[{number}]", *(str(part) for part in first["loc"])])
        raise RatesError(f"{path.name}: {where}: {first['msg']}") from None
