"""Hypothesis strategies for any message, built from its own model: what the contract allows, all of it."""

from __future__ import annotations

import types
import typing
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum
from typing import Any

from hypothesis import strategies as st
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from shared.contracts.base import Event
from shared.contracts.debts import Balances
from shared.contracts.envelope import Envelope
from shared.lending.money import MAX_MINOR, Money

CURRENCIES = ("CNY", "USD", "TWD", "JPY", "KWD")
OFFSETS = (UTC, timezone(timedelta(hours=8)), timezone(timedelta(hours=-3, minutes=-30)))
WORDS = st.text(st.characters(exclude_categories=("Cs",)), max_size=40)
KEYS = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=64)
IDS = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=60)
TIMES = st.datetimes(datetime(1900, 1, 1), datetime(8999, 12, 31), timezones=st.sampled_from(OFFSETS))  # noqa: DTZ001
MONEY = st.builds(
    Money, st.integers(-(10**17), 10**17) | st.just(MAX_MINOR // 10), st.sampled_from(CURRENCIES)
)


@st.composite
def balances(draw: st.DrawFn) -> Balances:
    currency = draw(st.sampled_from(CURRENCIES))
    parts = [Money(draw(st.integers(0, 10**12)), currency) for _ in range(4)]
    return Balances(principal=parts[0], interest=parts[1], fees=parts[2], late_charges=parts[3])


def _limit(info: FieldInfo, name: str, default: Any) -> Any:
    found = [getattr(rule, name) for rule in info.metadata if getattr(rule, name, None) is not None]
    return found[-1] if found else default


def _field(info: FieldInfo) -> st.SearchStrategy[Any]:
    return _of(info.annotation, info)


def _of(annotation: Any, info: FieldInfo) -> st.SearchStrategy[Any]:
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        inner = FieldInfo.from_annotation(annotation)
        return _of(inner.annotation, inner)
    if origin in (typing.Union, types.UnionType):
        return st.one_of(*(_of(arm, info) for arm in typing.get_args(annotation)))
    if annotation is type(None):
        return st.none()
    if origin is tuple:
        least = _limit(info, "min_length", 0)
        item = typing.get_args(annotation)[0]
        return st.lists(_of(item, FieldInfo(annotation=item)), min_size=least, max_size=least + 1).map(tuple)
    if origin is dict:
        return st.dictionaries(WORDS, WORDS, max_size=2)
    if origin is typing.Literal:
        return st.sampled_from(typing.get_args(annotation))
    if annotation is Balances:
        return balances()
    if annotation is Money:
        return MONEY
    if issubclass(annotation, Enum):
        return st.sampled_from(list(annotation))
    if issubclass(annotation, BaseModel):
        return instances(annotation)
    if annotation is bool:
        return st.booleans()
    if annotation is int:
        return st.integers(_limit(info, "ge", 0), _limit(info, "le", 2**53))
    if annotation is Decimal:
        return st.decimals(_limit(info, "ge", 0), _limit(info, "le", 1000), places=4)
    if annotation is datetime:
        return TIMES
    if annotation is date:
        return st.dates(date(1900, 1, 1), date(8999, 1, 1))
    if annotation is str:
        pattern = _limit(info, "pattern", None)
        if pattern is not None:
            return st.from_regex(pattern, fullmatch=True).filter(lambda text: text.isprintable())
        most = _limit(info, "max_length", None)
        return st.text(
            st.characters(exclude_categories=("Cs",)),
            min_size=_limit(info, "min_length", 0),
            max_size=min(most or 30, 30),
        )
    raise AssertionError(f"no strategy for {annotation}")


def instances(model: type[BaseModel]) -> st.SearchStrategy[Any]:
    """Any instance of a message or a part of one."""
    return st.builds(model, **{name: _field(info) for name, info in model.model_fields.items()})


def envelopes(event: type[Event]) -> st.SearchStrategy[Envelope[Any]]:
    """Any message of one type, with what travels around it."""
    internal = event.PRODUCER not in ("bank", "desk", "ops")
    return st.builds(
        Envelope,
        id=IDS,
        source=IDS,
        time=TIMES,
        key=KEYS,
        data=instances(event),
        subject=st.none() | IDS,
        sequence=st.none() | st.integers(1, 10**18 - 1) if internal else st.none(),
        causation=st.none() | IDS,
        traceparent=st.none() | st.just("00-" + "a1" * 16 + "-" + "b2" * 8 + "-01"),
    )
