"""Money: exact, of one currency, rounded only where somebody says how."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.lending.money import CurrencyMismatch, Money, Rounding, minor_digits, round_ratio

amounts = st.integers(min_value=-(10**15), max_value=10**15)
currencies = st.sampled_from(["CNY", "JPY", "KWD", "USD", "CLF"])


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("123.45", "CNY", 12345),
        ("123.4", "CNY", 12340),
        ("-0.01", "USD", -1),
        ("7", "EUR", 700),
        ("1500", "JPY", 1500),
        ("1.234", "KWD", 1234),
        ("10", "TWD", 1000),
        ("0.0001", "CLF", 1),
    ],
)
def test_parse(text: str, currency: str, minor: int) -> None:
    assert Money.parse(text, currency) == Money(minor, currency)


@pytest.mark.parametrize(
    ("text", "currency"),
    [
        ("1.234", "CNY"),
        ("1.000", "CNY"),
        ("1.5", "JPY"),
        ("NaN", "CNY"),
        ("Infinity", "CNY"),
        ("1e3", "CNY"),
        ("1,000", "CNY"),
        (" 1", "CNY"),
        ("", "CNY"),
        (".5", "CNY"),
        ("+1", "CNY"),
        ("１２", "CNY"),
        ("1", "cny"),
        ("1", "YUAN"),
        ("9" * 19, "CNY"),
    ],
)
def test_parse_refuses(text: str, currency: str) -> None:
    with pytest.raises(ValueError):
        Money.parse(text, currency)


def test_an_amount_that_a_64_bit_integer_cannot_hold_is_refused() -> None:
    with pytest.raises(OverflowError):
        Money(2**63, "CNY")


@pytest.mark.parametrize("minor", [1.0, Decimal(1), "1", True])
def test_minor_units_are_integers(minor: object) -> None:
    with pytest.raises(TypeError):
        Money(minor, "CNY")  # type: ignore[arg-type]


def test_no_arithmetic_between_currencies() -> None:
    yuan, dollar = Money(1, "CNY"), Money(1, "USD")
    for act in (yuan.__add__, yuan.__sub__, yuan.__lt__, yuan.__le__, yuan.__gt__, yuan.__ge__):
        with pytest.raises(CurrencyMismatch):
            act(dollar)
    with pytest.raises(CurrencyMismatch):
        Money.sum([yuan, dollar], "CNY")
    with pytest.raises(TypeError):
        yuan + 1  # type: ignore[operator]
    with pytest.raises(TypeError):
        yuan * 1.5  # type: ignore[operator]
    assert yuan != dollar


@pytest.mark.parametrize(("currency", "digits"), [("JPY", 0), ("CNY", 2), ("TWD", 2), ("KWD", 3), ("UYW", 4)])
def test_minor_digits_of_iso_4217(currency: str, digits: int) -> None:
    assert minor_digits(currency) == digits


@pytest.mark.parametrize(
    ("rounding", "expected"),
    [
        (Rounding.HALF_UP, [3, -3, 4, 2]),
        (Rounding.HALF_EVEN, [2, -2, 4, 2]),
        (Rounding.HALF_DOWN, [2, -2, 3, 2]),
        (Rounding.UP, [3, -3, 4, 3]),
        (Rounding.DOWN, [2, -2, 3, 2]),
        (Rounding.CEILING, [3, -2, 4, 3]),
        (Rounding.FLOOR, [2, -3, 3, 2]),
    ],
)
def test_rounding_of_halves(rounding: Rounding, expected: list[int]) -> None:
    cases = [Fraction(5, 2), Fraction(-5, 2), Fraction(7, 2), Fraction(9, 4)]
    assert [Money(1, "CNY").times(case, rounding).minor for case in cases] == expected
    decimals = [Decimal(case.numerator) / Decimal(case.denominator) for case in cases]
    assert [Money(1, "CNY").times(case, rounding).minor for case in decimals] == expected


@given(st.integers(-(10**12), 10**12), st.integers(1, 10**6), st.sampled_from(Rounding))
def test_exact_rounding_agrees_with_decimal(numerator: int, denominator: int, rounding: Rounding) -> None:
    exact = Fraction(numerator, denominator)
    rounded = round_ratio(numerator, denominator, rounding)
    assert abs(exact - rounded) < 1
    if denominator in (1, 2, 4, 5, 10):
        quotient = Decimal(numerator) / Decimal(denominator)
        assert rounded == int(quotient.to_integral_value(rounding=rounding.mode))


@given(amounts, currencies)
def test_the_wire_form_reads_back(minor: int, currency: str) -> None:
    money = Money(minor, currency)
    assert Money.parse(str(money), currency) == money
    assert Money.from_decimal(money.to_decimal(), currency, Rounding.HALF_EVEN) == money


@given(amounts, st.integers(1, 60))
def test_a_split_adds_up_and_leaves_the_residue_to_the_last(minor: int, parts: int) -> None:
    shares = Money(minor, "CNY").split(parts)
    assert sum(share.minor for share in shares) == minor
    assert len({share.minor for share in shares[:-1]}) <= 1
    assert abs(shares[-1].minor - shares[0].minor) < parts


@given(amounts, st.lists(st.integers(0, 10**6), min_size=1, max_size=20).filter(any))
def test_an_allocation_adds_up_and_gives_nothing_for_no_weight(minor: int, weights: list[int]) -> None:
    shares = Money(minor, "CNY").allocate(weights)
    assert sum(share.minor for share in shares) == minor
    assert all(share.is_zero for share, weight in zip(shares, weights, strict=True) if not weight)
    assert all(share.minor * minor >= 0 for share in shares), "no share points the other way"


@pytest.mark.parametrize("weights", [[], [0, 0], [1, -1], [Decimal("NaN")], [Decimal("Infinity")]])
def test_weights_that_make_no_sense(weights: list[Decimal | int]) -> None:
    with pytest.raises(ValueError):
        Money(100, "CNY").allocate(weights)


def test_factors_must_be_exact() -> None:
    with pytest.raises(TypeError):
        Money(100, "CNY").times(0.1, Rounding.HALF_UP)  # type: ignore[arg-type]
    with pytest.raises(ValueError):
        Money(100, "CNY").times(Decimal("NaN"), Rounding.HALF_UP)
