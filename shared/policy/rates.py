"""Reference rates (LPR, cost of funding): dated figures from `rates.toml` beside the policy packs.

A figure holds from its date until the next one of the same name and currency. It is good until a stated day;
after that it is stale, and whoever rests on it must stop and say so.
"""

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from shared.policy.sections import _decimal

__all__ = ["RATES_FILE", "RateFigure", "RatesError", "ReferenceRates", "StaleRate"]

RATES_FILE = "rates.toml"


class RatesError(ValueError):
    """A file of rates that cannot be used; the text names the file, the key and the rule."""


class RateFigure(BaseModel):
    """One published figure, in per cent a year, in force from `start`, good to the end of `good_until`."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, populate_by_name=True)

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_]{1,39}$")
    currency: str = Field(pattern=r"^[A-Z]{3}$")
    start: date = Field(alias="from")
    pct: Annotated[Decimal, BeforeValidator(_decimal), Field(ge=-100, le=1000)]
    good_until: date
    source: str = Field(min_length=1)
    verified: bool

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.good_until < self.start:
            raise ValueError("good_until must not lie before from")
        return self


@dataclass(frozen=True, slots=True)
class StaleRate:
    """A rate that is not known on a day; `until` is the last day of the latest figure, None without any."""

    name: str
    until: date | None


class ReferenceRates:
    """All figures, by name and currency. Immutable."""

    def __init__(self, figures: Iterable[RateFigure] = ()) -> None:
        """RatesError where two figures of one rate start on the same day."""
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

    @staticmethod
    def load(path: Path) -> "ReferenceRates":
        """Read the file; a missing one holds no figures. RatesError says what is wrong, figure by figure."""
        if not path.exists():
            return ReferenceRates()
        try:
            document = tomllib.loads(path.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise RatesError(f"{path.name}: is not TOML: {error}") from None
        rows = document.get("rates")
        if set(document) != {"rates"} or not isinstance(rows, list):
            raise RatesError(f"{path.name}: holds a list [[rates]] and nothing else")
        figures = []
        for number, row in enumerate(rows, start=1):
            try:
                figures.append(RateFigure.model_validate(row))
            except ValidationError as error:
                first = error.errors(include_url=False, include_context=False, include_input=False)[0]
                where = ".".join([f"rates[{number}]", *(str(part) for part in first["loc"])])
                raise RatesError(f"{path.name}: {where}: {first['msg']}") from None
        return ReferenceRates(figures)
